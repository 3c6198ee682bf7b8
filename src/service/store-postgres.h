/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection to PostgreSQL is made, and what goes through it. */
#ifndef SERVICE_STORE_POSTGRES_H
#define SERVICE_STORE_POSTGRES_H

#include <fuda/context.h>
#include <libpq-fe.h>
#include "service/store.h"

/* Takes the place of a database apart. FUDA_EINVAL: it is no such place; the message shows no part
 * of it, as that could be one of a password. */
int postgres_parse(struct fuda_context *ctx, const char *where, PQconninfoOption **ret);
/* Wipes. */
void postgres_options_free(PQconninfoOption **options);

/* Connects, waiting as long as `options` or our defaults say for each host: to a database in UTF-8
 * that may be written to. The connection is in pipeline mode and does not block. FUDA_ESTORE. */
int postgres_connect(struct fuda_context *ctx, const PQconninfoOption *options, PGconn **ret);

/* Appends the rows of `result` to `rows`, which is begun where it has no columns yet. FUDA_ETOOBIG,
 * FUDA_ENOMEM; FUDA_ESTORE for what is no integer, text or bytes. */
int postgres_take_rows(struct fuda_context *ctx, const PGresult *result, struct rows *rows);

/* The type of a parameter; 0: of a NULL. */
Oid postgres_type(enum datum_kind kind);

/* The parameters of a statement as libpq takes them; they point into the datums. */
struct postgres_params {
	const char *values[STORE_PARAMS];
	int lengths[STORE_PARAMS], binary[STORE_PARAMS];
	uint64_t numbers[STORE_PARAMS];
};
void postgres_fill(struct postgres_params *out, const struct datum *params, int count);

#endif
