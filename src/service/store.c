/* SPDX-License-Identifier: Apache-2.0 */
#include "service/store-inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/utf8.h"
#include "service/schema.h"

/* ---- opening ---- */

int store_open(struct fuda_context *ctx, const char *where, bool make, struct store **ret)
{
	const struct store_driver *driver = &store_postgres;
	struct store *store;
	int r;

	if (strlen(where) >= STORE_WHERE)
		return ctx_fail(ctx, FUDA_EINVAL, _("The place of the database is too long."));
	if (strncmp(where, "sqlite:", strlen("sqlite:")) == 0)
		driver = &store_sqlite;
	r = driver->open(ctx, where, make, &store);
	if (r < 0)
		return r;
	store->driver = driver;
	store->ctx = ctx;
	*ret = store;
	return 0;
}

void store_close(struct store **store)
{
	if (!*store)
		return;
	store_rollback(*store);
	store_forget(*store);
	(*store)->driver->close(*store);
	*store = NULL;
}

const char *store_kind(const struct store *store)
{
	return store->driver->kind;
}

/* ---- the table of statements ---- */

int store_prepared(struct store *store, const struct statement *statement, struct prepared **ret)
{
	uint64_t hash = (uint64_t)(uintptr_t)statement * 0x9E3779B97F4A7C15U;
	struct prepared *p;

	for (size_t i = hash >> 54;; i++) {
		p = &store->prepared[i % STORE_STATEMENTS];
		if (!p->statement || p->statement == statement)
			break;
	}
	/* another one has come to lie where the first one was: it was not static */
	if (p->statement && p->sql != statement->sql)
		return ctx_fail_code(store->ctx, FUDA_EINVAL);
	if (!p->statement && store->prepared_count >= STORE_STATEMENTS / 4 * 3)
		return ctx_fail_code(store->ctx, FUDA_ETOOBIG);
	if (!p->statement)
		store->prepared_count++;
	p->statement = statement;
	p->sql = statement->sql;
	*ret = p;
	return 0;
}

void store_forget(struct store *store)
{
	for (size_t i = 0; i < STORE_STATEMENTS; i++)
		if (store->prepared[i].made)
			store->driver->forget(store, store->prepared[i].made);
	memset(store->prepared, 0, sizeof(store->prepared));
	store->prepared_count = 0;
}

/* ---- transactions ---- */

/* The transaction failed: nothing of it is to keep others waiting. */
static int fail(struct store *store, int code)
{
	bool before = ctx_keep_error(store->ctx, true);

	store->state = STORE_FAILED;
	store->failure = code;
	store->driver->rollback(store);
	ctx_keep_error(store->ctx, before);
	return code;
}

int store_begin(struct store *store, bool write)
{
	int r;

	if (store->state == STORE_BEGUN)
		return ctx_fail_code(store->ctx, FUDA_EINVAL);
	store->state = STORE_IDLE;
	r = store->driver->begin(store, write);
	if (r == 0)
		store->state = STORE_BEGUN;
	return r;
}

int store_patient(struct store *store, bool patient)
{
	if (!store->driver->patient)
		return FUDA_ENOTSUP;
	store->driver->patient(store, patient);
	return 0;
}

int store_commit(struct store *store)
{
	int r = store->failure;

	if (store->state == STORE_IDLE)
		return ctx_fail_code(store->ctx, FUDA_EINVAL);
	if (store->state == STORE_BEGUN) {
		r = store->driver->commit(store);
		if (r < 0)
			fail(store, r);
	}
	store->state = STORE_IDLE;
	return r;
}

void store_rollback(struct store *store)
{
	if (store->state == STORE_BEGUN)
		fail(store, FUDA_EFAILED);
	store->state = STORE_IDLE;
}

static bool is_text(const struct datum *value)
{
	struct cursor c = cur_of(value->bytes, value->len);
	uint32_t ch;

	while (c.left)
		if (utf8_next(&c, &ch) < 0 || ch == 0)
			return false;
	return true;
}

static bool acceptable(const struct statement *statement, const struct datum *params)
{
	if (statement->params < 0 || statement->params > STORE_PARAMS)
		return false;
	for (int i = 0; i < statement->params; i++)
		if (params[i].len > STORE_ROWS_BYTES ||
		    (params[i].kind == DATUM_TEXT && !is_text(&params[i])))
			return false;
	return true;
}

int store_queue(struct store *store, const struct statement *statement, const struct datum *params,
		struct rows *ret)
{
	int r;

	if (store->state == STORE_IDLE || !acceptable(statement, params))
		return ctx_fail_code(store->ctx, FUDA_EINVAL);
	if (store->state == STORE_FAILED)
		return 0; /* sync says why */
	r = store->driver->queue(store, statement, params, ret);
	if (r < 0)
		fail(store, r);
	return 0;
}

int store_sync(struct store *store)
{
	int r;

	if (store->state == STORE_IDLE)
		return ctx_fail_code(store->ctx, FUDA_EINVAL);
	if (store->state == STORE_FAILED)
		return store->failure;
	r = store->driver->sync(store);
	return r < 0 ? fail(store, r) : 0;
}

static int run_alone(struct store *store, const struct statement *statement,
		     const struct datum *params, struct rows *ret)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int r = store_begin(store, strncmp(statement->sql, "SELECT ", strlen("SELECT ")) != 0);

	if (r < 0)
		return r;
	r = store_queue(store, statement, params, &rows);
	if (r == 0)
		r = store_commit(store);
	if (r < 0) {
		store_rollback(store);
		return r;
	}
	if (ret) {
		*ret = rows;
		rows = (struct rows){ 0 };
	}
	return 0;
}

int store_run(struct store *store, const struct statement *statement, const struct datum *params,
	      struct rows *ret)
{
	int r;

	if (store->state == STORE_IDLE)
		return run_alone(store, statement, params, ret);
	r = store_queue(store, statement, params, ret);
	return r < 0 ? r : store_sync(store);
}

/* ---- the schema ---- */

static const struct statement newest_version = { "SELECT max(version) FROM schema_version", 0 };
static const struct statement insert_version = { "INSERT INTO schema_version (version) VALUES ($1)",
						 1 };

static int run_for_int(struct store *store, const struct statement *statement, int64_t *ret)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int r = store_run(store, statement, NULL, &rows);

	if (r < 0)
		return r;
	if (rows.count != 1 || rows.columns != 1)
		return ctx_fail_code(store->ctx, FUDA_ESTORE);
	*ret = rows_int(&rows, 0, 0);
	return 0;
}

int store_version(struct store *store, int64_t *ret)
{
	int64_t there = 0;
	int r = run_for_int(store, &store->driver->has_schema, &there);

	if (r == 0 && there)
		return run_for_int(store, &newest_version, ret);
	if (r == 0)
		*ret = 0;
	return r;
}

/* " WITHOUT ROWID" stands at the end, and is SQLite's alone. */
static int execute(struct store *store, const char *sql)
{
	static const char without[] = " WITHOUT ROWID";
	size_t len = strlen(sql), tail = sizeof(without) - 1;
	char *cut;
	int r;

	if (store->driver->rowids || len < tail || strcmp(sql + len - tail, without) != 0)
		return store->driver->execute(store, sql);
	cut = strndup(sql, len - tail);
	if (!cut)
		return ctx_fail_code(store->ctx, FUDA_ENOMEM);
	r = store->driver->execute(store, cut);
	free(cut);
	return r;
}

/* In a transaction: from version `from` to version `to`. What another process does at the same time
 * meets ours in the table of versions, so this comes first. */
static int take_steps(struct store *store, int64_t from, int64_t to)
{
	int r = 0;

	if (from == 0)
		r = execute(store, "CREATE TABLE schema_version (version BIGINT PRIMARY KEY)");
	for (int64_t version = from + 1; version <= to && r == 0; version++)
		r = store->driver->queue(store, &insert_version, &INT(version), NULL);
	if (r == 0)
		r = store->driver->sync(store);
	for (int64_t version = from; version < to && r == 0; version++)
		for (const char *const *sql = schema_steps[version]; *sql && r == 0; sql++)
			r = execute(store, *sql);
	return r < 0 ? fail(store, r) : 0;
}

static int migrate(struct store *store, int64_t from, int64_t to)
{
	int64_t now;
	int r = store_begin(store, true);

	if (r < 0)
		return r;
	r = store_version(store, &now);
	if (r == 0 && now == from)
		r = take_steps(store, from, to);
	if (r == 0)
		return store_commit(store);
	store_rollback(store);
	return r;
}

int store_migrate(struct store *store)
{
	int64_t version = 0, before, to = 0;
	int r;

	while (schema_steps[to])
		to++;
	r = store_version(store, &version);
	/* while others are faster: each time there is another version, or ours */
	for (int tries = 0; tries < 10 && r == 0 && version < to; tries++) {
		int failed;

		before = version;
		failed = migrate(store, before, to);
		r = failed == FUDA_EUNSURE || failed == FUDA_ENOMEM ?
			    failed :
			    store_version(store, &version);
		if (r == 0 && failed && failed != FUDA_ERETRY && version == before)
			r = failed;
	}
	if (r < 0)
		return r;
	if (version < to)
		return ctx_fail(store->ctx, FUDA_ERETRY,
				_("The tables are being changed by another program; try again."));
	if (version > to + 1)
		return ctx_fail(store->ctx, FUDA_ENOTSUP,
				_("The database is of version %" PRId64 ", and this program knows "
				  "those up to %" PRId64 ". Install a newer version of it."),
				version, to + 1);
	return 0;
}

/* ---- about the database ---- */

int store_clock(struct store *store, int64_t *ret_us)
{
	struct timespec now;

	if (!store->driver->clock.sql) {
		clock_gettime(CLOCK_REALTIME, &now);
		*ret_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
		return 0;
	}
	return run_for_int(store, &store->driver->clock, ret_us);
}

int store_size(struct store *store, int64_t *ret_bytes)
{
	return run_for_int(store, &store->driver->size, ret_bytes);
}

int store_copy(struct store *store, const char *path)
{
	if (store->state == STORE_BEGUN)
		return ctx_fail_code(store->ctx, FUDA_EINVAL);
	if (!store->driver->copy)
		return ctx_fail(store->ctx, FUDA_ENOTSUP,
				_("This database is copied with its own tools: pg_dump."));
	return store->driver->copy(store, path);
}
