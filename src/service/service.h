/* SPDX-License-Identifier: Apache-2.0 */
/* The service as a whole: what its parts share. Made from the configuration in a folder. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "service/ca.h"
#include "service/config.h"
#include "service/keys.h"
#include "service/metrics.h"
#include "service/revocation.h"
#include "service/terminal.h"
#include "service/writer.h"

struct service {
	struct config config;
	struct fuda_context *ctx; /* of the thread that started it */
	struct keys *keys;
	struct ca *ca;
	struct fuda_trust *trust;
	struct revocation *revocation;
	struct writer *writer;
	struct terminals *terminals;
	struct renewal *renewal;
	struct metrics *metrics;
};

/* Opens all of it; the database's schema must be there, and of this keystore and environment.
 * `serving`: for the daemon (revocation lists are read; a writer with a queue). Otherwise for one act
 * of an operator. */
int service_open(struct fuda_context *ctx, const char *folder, bool serving, struct service **ret);
void service_close(struct service **service);

#endif
