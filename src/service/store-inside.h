/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of database provides, and what store.c does for all of them. */
#ifndef SERVICE_STORE_INSIDE_H
#define SERVICE_STORE_INSIDE_H

#include "base/context.h"
#include "service/store.h"

enum {
	STORE_STATEMENTS = 1024,     /* places of the table, of which three quarters are filled */
	STORE_ROWS_BYTES = 64 << 20, /* what one statement may give */
	STORE_ANSWER_MS = 60000,     /* a round trip, at most */
	STORE_WHERE = 2048,          /* the place of a database */
};

/* A statement that this connection knows. `made` is the driver's, NULL at first. */
struct prepared {
	const struct statement *statement;
	const char *sql;
	void *made;
};

/* All are called in the order that store.h allows, from one thread at a time. Each returns 0 or
 * FUDA_E..., and says in the context what happened and what to do (ctx_fail()), never with a value
 * of a statement or a part of a password. */
struct store_driver {
	const char *kind;
	bool rowids; /* its tables may be WITHOUT ROWID */

	/* Connects. `where` is what store_open() got, in whatever form. The store is the first
	 * member of a larger struct, all zero but for what the driver needs; store.c fills it in.
	 * On failure nothing stays open. */
	int (*open)(struct fuda_context *ctx, const char *where, bool make, struct store **ret);
	/* Frees all, the store itself included; no transaction is open any more. */
	void (*close)(struct store *store);

	/* Begins a transaction; none is open. It may leave that to the first sync(). */
	int (*begin)(struct store *store, bool write);
	/* As store_patient(). NULL: FUDA_ENOTSUP. */
	void (*patient)(struct store *store, bool patient);
	/* Makes durable what was queued, what no sync() was for included. On failure rollback()
	 * follows, unless it is FUDA_EUNSURE or FUDA_ERETRY for a lost connection, after which it
	 * does no harm. */
	int (*commit)(struct store *store);
	/* Ends the transaction if there still is one, whatever was queued and failed; what is
	 * queued is forgotten, and no `ret` touched. Cannot fail: the worst is a connection less.
	 */
	void (*rollback)(struct store *store);

	/* As store_queue(), within a transaction in which nothing failed. An error at once is one
	 * of the transaction. */
	int (*queue)(struct store *store, const struct statement *statement,
		     const struct datum *params, struct rows *ret);
	/* The same for a text without parameters and rows, used once: it is not kept. */
	int (*execute)(struct store *store, const char *sql);
	/* Waits until all that is queued has happened. Gives the first failure. */
	int (*sync)(struct store *store);

	/* Frees what it made of a statement. The connection may be gone. */
	void (*forget)(struct store *store, void *made);

	/* As store_copy(); outside of a transaction. NULL: FUDA_ENOTSUP. */
	int (*copy)(struct store *store, const char *path);

	/* One row with one integer: whether the table schema_version is there; microseconds since
	 * 1970 on its clock (no text: it is ours); its size in bytes. */
	struct statement has_schema, clock, size;
};

extern const struct store_driver store_sqlite, store_postgres;

struct store {
	const struct store_driver *driver;
	struct fuda_context *ctx;
	enum { STORE_IDLE, STORE_BEGUN, STORE_FAILED } state;
	int failure; /* in STORE_FAILED: what the transaction failed with; it is rolled back */
	size_t prepared_count;
	struct prepared prepared[STORE_STATEMENTS];
};

/* Its place in the table, a new one if need be. FUDA_ETOOBIG: there are too many; FUDA_EINVAL: the
 * statement is not a static one. */
int store_prepared(struct store *store, const struct statement *statement, struct prepared **ret);
/* Forgets all of them. */
void store_forget(struct store *store);

/* Begins a result with `columns` columns; `rows` held nothing. FUDA_ETOOBIG, FUDA_ENOMEM. */
int rows_start(struct rows *rows, size_t columns);
/* Appends copies of as many values as there are columns. FUDA_ETOOBIG, FUDA_ENOMEM. */
int rows_add(struct rows *rows, const struct datum *row);
/* ctx_fail() for what rows_start() and rows_add() gave. */
int rows_fail(struct fuda_context *ctx, int code);

#endif
