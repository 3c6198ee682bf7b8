/* SPDX-License-Identifier: Apache-2.0 */
/* One database, SQLite or PostgreSQL, behind one interface and one SQL text. */
#ifndef SERVICE_STORE_H
#define SERVICE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/context.h>

/* One connection. It serves one thread at a time. */
struct store;

/* What goes in and comes out. Texts are UTF-8 without NUL; bytes and texts are not owned. */
enum datum_kind { DATUM_NULL, DATUM_INT, DATUM_BYTES, DATUM_TEXT };
struct datum {
	enum datum_kind kind;
	int64_t number;
	const void *bytes;
	size_t len;
};
#define NONE             ((struct datum){ DATUM_NULL })
#define INT(n)           ((struct datum){ DATUM_INT, (n) })
#define BYTES(p, length) ((struct datum){ DATUM_BYTES, 0, (p), (length) })
#define TEXT(s)          ((struct datum){ DATUM_TEXT, 0, (s), strlen(s) })

/* A statement: static, one for each place that needs it; each connection prepares it once, and
 * finds it again by its address. $1, $2, ... appear in their order, the first time each (SQLite
 * numbers them so); an integer is BIGINT, a text TEXT, bytes BYTEA, and each $n always of one kind
 * or NULL. What an expected conflict could break says ON CONFLICT DO NOTHING. A reading statement
 * gives rows; a writing one counts what it changed, and may say RETURNING. No fractions: what sum()
 * gives is CAST(... AS BIGINT). No casts to BYTEA: SQLite would make a number of it. */
struct statement {
	const char *sql;
	int params; /* at most STORE_PARAMS */
};
enum { STORE_PARAMS = 24, STORE_COLUMNS = 24, STORE_ROWS = 4096 };

/* What a statement gave: owned, and freed with rows_free(); what rows_*() give points into it. */
struct rows {
	size_t count; /* of rows */
	size_t columns;
	int64_t changed; /* rows that a writing statement changed */
	struct rows_data *data;
};
void rows_free(struct rows *rows);
#define _cleanup_rows_ _cleanup_(rows_free)
/* The value at `row` and `column`, which are there. A NULL is 0 or empty. */
int64_t rows_int(const struct rows *rows, size_t row, size_t column);
struct datum rows_get(const struct rows *rows, size_t row, size_t column);
/* Copies bytes that must be exactly `len` long: FUDA_ESTORE if they are not. */
int rows_bytes(const struct rows *rows, size_t row, size_t column, void *ret, size_t len);
/* Copies a text with its NUL: FUDA_ESTORE if it does not fit or has a NUL inside. */
int rows_text(const struct rows *rows, size_t row, size_t column, char *ret, size_t size);

/* Opens "sqlite:PATH" (made if `make`) or what libpq takes ("postgresql://...", with several hosts:
 * the one that may be written to). The schema is not looked at. FUDA_ESTORE; FUDA_EINVAL for
 * another form; FUDA_ENOTSUP where this build has no such database; FUDA_ENOMEM. Messages never
 * show a password. */
int store_open(struct fuda_context *ctx, const char *where, bool make, struct store **ret);
void store_close(struct store **store);
/* "sqlite" or "postgresql". Static. */
const char *store_kind(const struct store *store);

/* A transaction: all that is queued from begin to commit. All its readings are of one moment, and
 * what it writes was not written by others since: on PostgreSQL, REPEATABLE READ; on SQLite,
 * IMMEDIATE if `write`. One that is not to write only reads. After FUDA_ERETRY nothing of it
 * happened, and it may be tried again (SQLITE_BUSY; SQLSTATE 40001, 40P01; the server went away
 * before COMMIT was sent, the connection is made anew at the next begin). FUDA_EUNSURE: the
 * connection was lost over COMMIT, or the disk failed, and nobody knows. All else is FUDA_ESTORE.
 * Any failure has rolled back. */
int store_begin(struct store *store, bool write);
/* Whether store_begin() may wait for others who write, as it does at first, or gives FUDA_ERETRY at
 * once. FUDA_ENOTSUP where it may always wait for something: PostgreSQL. */
int store_patient(struct store *store, bool patient);
int store_commit(struct store *store);
void store_rollback(struct store *store);

/* Queues one statement; its rows are there after store_sync(), which sends all that is queued in
 * one round trip and waits. `ret` (NULL: not of interest) must live until then, holds nothing yet,
 * and is freed by who owns it; the params are copied or used before this returns. This itself fails
 * only with FUDA_EINVAL, for what is no text or outside of a transaction. Every other failure, the
 * first one, is returned by sync (or commit): what was queued behind it did not happen, nor
 * anything of the transaction, which store_rollback() or store_commit() ends. FUDA_ETOOBIG: more
 * rows than STORE_ROWS. */
int store_queue(struct store *store, const struct statement *statement, const struct datum *params,
		struct rows *ret);
int store_sync(struct store *store);
/* Both at once; outside of a transaction it is one of its own, to write unless the text begins with
 * "SELECT ". */
int store_run(struct store *store, const struct statement *statement, const struct datum *params,
	      struct rows *ret);

/* The schema: `statement`s are written for one version, the newest. Makes it where there is none,
 * or brings it up to date by steps that leave the version before it working (expand, migrate,
 * contract: N and N-1 run side by side). FUDA_ENOTSUP: the database is of a newer version than this
 * program can work with. */
int store_migrate(struct store *store);
/* The version there is; 0: none. */
int store_version(struct store *store, int64_t *ret);
/* The time of the database's clock, microseconds since 1970 UTC. */
int store_clock(struct store *store, int64_t *ret_us);
/* Its size in bytes. */
int store_size(struct store *store, int64_t *ret_bytes);
/* SQLite only: copies the whole database, consistently and while it is in use, to the new file
 * `path`, which only its owner may read; not within a transaction. FUDA_EEXISTS; FUDA_ENOTSUP with
 * PostgreSQL (pg_dump does that). */
int store_copy(struct store *store, const char *path);

#endif
