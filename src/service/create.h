/* SPDX-License-Identifier: Apache-2.0 */
/* A new service: its folder, its keys, its authority for terminals, its database, its first
 * operator.
 */
#ifndef SERVICE_CREATE_H
#define SERVICE_CREATE_H

#include "service/config.h"

enum { CREATE_SERVER_DAYS = 825 };

struct service_create {
	const char *folder; /* to be made, or empty */
	/* What the configuration says: environment and origin at least. */
	const struct config_given *given;
	const char *from; /* what relative names of files in it are of; NULL: `folder` */
	/* Of the certificate for TLS: DNS names and addresses with commas between; NULL: the
	 * origin's host, and this machine as it knows itself. None is made if one is given. */
	const char *names;
};
/* Makes all of it; the user who runs this becomes an operator with all roles. What root makes is of
 * whom the folder is, which is root's until it ends. After a failure nothing is left of what it
 * made, and the folder is as it was. FUDA_EEXISTS: the folder is not empty, or a file for SQLite,
 * or one that SQLite would take for its own beside it, is there; FUDA_EINVAL: an option;
 * FUDA_EFILE, also if the folder is another's than root's, who calls this, and not only root can
 * change the way to it; FUDA_EVERIFY: the database is another service's; FUDA_ESTORE. */
int service_create(struct fuda_context *ctx, const struct service_create *what);

#endif
