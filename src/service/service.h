/* SPDX-License-Identifier: Apache-2.0 */
/* The service as a whole: what its parts share. Made from the configuration in a folder. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdatomic.h>
#include "service/ca.h"
#include "service/config.h"
#include "service/issuers.h"
#include "service/keys.h"
#include "service/metrics.h"
#include "service/renewal.h"
#include "service/revocation.h"
#include "service/terminal.h"
#include "service/writer.h"

/* What keeps a service from serving: seen from time to time, asked at each request. */
struct health {
	atomic_bool stopping;
	atomic_bool database; /* it did not answer when asked last */
	atomic_bool clock;    /* our clock and the database's are CLOCK_TOLERANCE apart (D5), or */
	atomic_bool behind;   /* ours is CLOCK_BEHIND or more behind the audit trail */
	atomic_bool audit;    /* the audit trail is not the one whose heads we signed last (D5), */
	atomic_bool outside;  /* since there is no checkpoint outside to compare it with */
};
enum { CLOCK_TOLERANCE_US = 2000000, CLOCK_BEHIND_US = 300000000 };

struct service {
	struct config config;
	struct fuda_context *ctx; /* of the thread that started it */
	struct keys *keys;
	struct ca *ca;
	struct fuda_trust *trust;
	struct revocation *revocation;
	struct issuers *issuers;
	struct writer *writer;
	struct terminals *terminals;
	struct renewal *renewal;
	struct metrics *metrics;
	struct health health;
	time_t tls_ends; /* when the certificate that is served with ends; 0: none is */
};

/* Opens all of it; the database's schema must be there, and of this keystore and environment:
 * FUDA_ENOTFOUND, FUDA_ENOTSUP (another version), FUDA_EVERIFY (others). `serving`: for the daemon
 * (revocation lists are read, and health looked at; a writer with a queue). Otherwise for one act
 * of an operator. */
int service_open(struct fuda_context *ctx, const char *folder, bool serving, struct service **ret);
void service_close(struct service **service);

/* The names in the table of settings of what a database is bound to. */
#define SETTING_KEYSTORE    "keystore"    /* keys_identity() */
#define SETTING_ENVIRONMENT "environment" /* text */
/* Likewise, of rows of the audit trail that a wrong clock wrote: the times of the first and of the
 * last, microseconds, 8 bytes each. */
#define SETTING_CLOCK "clock"

/* Makes the schema, or brings it up to date, and binds the database to keystore and environment, or
 * makes sure that it is: FUDA_EVERIFY. */
int service_prepare(struct fuda_context *ctx, struct store *store, struct keys *keys,
		    const char *environment);

/* Whether the files that the configuration names, with authorities and with renewals, can be read:
 * what service_open() would say of them. */
int service_check_files(struct fuda_context *ctx, const struct config *config);

/* Whether the database is bound to this keystore: FUDA_ENOTFOUND (to none), FUDA_EVERIFY. */
int service_check_keystore(struct fuda_context *ctx, struct store *store, struct keys *keys);

/* Compares our clock with the database's and with the audit trail, and notes what came out in
 * `health`. */
int service_check_clock(struct service *service, struct store *store);
/* Compares the last checkpoint that is known outside with what the database has, and notes whether
 * they agree. That there is none outside does not, but for the first one, which may be on its way
 * there; nor does it take back what was noted before. Fails if it cannot be told: then that stays,
 * too. `ctx`: of the thread that asks. */
int service_check_audit(struct fuda_context *ctx, struct service *service, struct store *store);

/* Whether the database did not answer when asked last, or the writer's last batch failed for it. */
bool service_database_away(struct service *service);
/* Whether no revocation list is in force, though there must be, and the responder is not asked now:
 * no card would be taken. */
bool service_knows_no_card(struct service *service);
/* Why no traffic should come here: words, static, at most SERVICE_REASONS; how many. */
enum { SERVICE_REASONS = 8 };
size_t service_reasons(struct service *service, const char *ret[SERVICE_REASONS]);

#endif
