/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL by libpq in pipeline mode: what is queued leaves for the server, and its answers are
 * taken at the next sync. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "service/store-inside.h"
#include "service/store-postgres.h"

enum {
	PIPE_MAX = 65536, /* what may be queued between two syncs */
};

/* A statement that was prepared. A parameter that has only been NULL has no type yet; when it gets
 * one the statement is prepared again, under another name. */
struct made {
	bool known; /* to the server, or on its way there */
	unsigned name, edition;
	Oid types[STORE_PARAMS];
};

/* What was sent and has to be answered. */
struct sent {
	struct made *preparing; /* NULL: it is no such thing */
	struct rows *ret;
	bool commit;
};

struct postgres {
	struct store store;
	PQconninfoOption *options; /* what the place of the database says */
	PGconn *conn;              /* NULL: lost, or not there yet */
	bool write;
	bool begin_due; /* BEGIN is to be sent with the first statement */
	bool doomed;    /* the connection is lost, or about to be */
	bool unfit;     /* the server: another one is to be looked for */
	unsigned names;
	struct sent *sent;
	size_t sent_count, sent_size;
};

static struct postgres *of(struct store *store)
{
	return (struct postgres *)store;
}

/* ---- what failed ---- */

/* By the beginning of SQLSTATE (PostgreSQL, appendix A). */
static const struct {
	char state[6];
	bool unfit; /* is the server */
	int result;
	const char *text;
} failures[] = {
	{ "40001", false, FUDA_ERETRY, N_("The database asks to try again") },
	{ "40P01", false, FUDA_ERETRY, N_("The database asks to try again") },
	{ "57P", false, FUDA_ERETRY, N_("The database asks to try again") },
	{ "25006", true, FUDA_ERETRY, N_("The database server may only be read from") },
	{ "53100", false, FUDA_ESTORE,
	  N_("There is no room for the database: make room on its disk") },
	{ "XX001", false, FUDA_ESTORE,
	  N_("The database is damaged: stop the service and look at its server") },
	{ "XX002", false, FUDA_ESTORE,
	  N_("The database is damaged: stop the service and look at its server") },
	{ "", false, FUDA_ESTORE, N_("The database refused") },
};

static void lose(struct postgres *pg)
{
	if (pg->conn)
		PQfinish(pg->conn);
	pg->conn = NULL;
	pg->sent_count = 0;
	store_forget(&pg->store);
}

/* The connection is gone, or as good as that: once COMMIT is on its way nobody knows. */
static int lost(struct postgres *pg, bool committing)
{
	lose(pg);
	if (committing)
		return ctx_fail(pg->store.ctx, FUDA_EUNSURE,
				_("The connection to the database was lost while a change was "
				  "made; whether it was made is not known."));
	return ctx_fail(pg->store.ctx, FUDA_ERETRY,
			_("The connection to the database was lost; try again."));
}

/* The last word of a server that ends the connection. */
static bool is_last(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* The server's message without DETAIL, which shows values. */
static int refused(struct postgres *pg, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	size_t i = 0;

	if (!state || !text || is_last(result)) { /* without them it is libpq's own */
		pg->doomed = true;
		return FUDA_ERETRY;
	}
	while (strncmp(failures[i].state, state, strlen(failures[i].state)) != 0)
		i++;
	/* it was not to write: not the server's fault */
	if (failures[i].unfit && !pg->write)
		return ctx_fail_code(pg->store.ctx, FUDA_EINVAL);
	pg->unfit = failures[i].unfit;
	return ctx_fail(pg->store.ctx, failures[i].result, "%s: %s (SQLSTATE %s).",
			_(failures[i].text), text, state);
}

/* What comes unasked; a library does not speak, as libpq would. */
static void take_notice(void *arg, const PGresult *result)
{
	struct postgres *pg = arg;

	if (is_last(result))
		pg->doomed = true;
}

/* ---- waiting ---- */

/* Until there is an answer that can be taken without waiting. False: the connection is lost. */
static bool await(struct postgres *pg, int64_t end)
{
	for (;;) {
		int unsent = PQflush(pg->conn);
		int64_t left = end - deadline_now();
		struct pollfd fd = { PQsocket(pg->conn), POLLIN, 0 };

		if (!PQisBusy(pg->conn))
			return true;
		if (unsent < 0 || left <= 0 || fd.fd < 0)
			return false;
		if (unsent)
			fd.events |= POLLOUT;
		if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
			return false;
		if ((fd.revents & ~POLLOUT) && !PQconsumeInput(pg->conn))
			return false;
	}
}

/* Whether nothing has happened to the connection while nothing was asked. */
static bool is_alive(struct postgres *pg)
{
	struct pollfd fd = { PQsocket(pg->conn), POLLIN, 0 };

	/* a last word of the server, and then the end */
	for (int i = 0; i < 2 && !pg->doomed; i++) {
		PGnotify *note;

		if (fd.fd < 0 || poll(&fd, 1, 0) < 0)
			return false;
		if (!fd.revents)
			return true;
		if (!PQconsumeInput(pg->conn))
			return false;
		note = PQnotifies(pg->conn); /* lets libpq look at what came */
		PQfreemem(note);
	}
	return !pg->doomed && PQstatus(pg->conn) == CONNECTION_OK;
}

/* ---- answers ---- */

static int64_t changed_by(PGresult *result)
{
	const char *tag = PQcmdStatus(result);

	return strncmp(tag, "SELECT", strlen("SELECT")) == 0 ?
		       0 :
		       strtoll(PQcmdTuples(result), NULL, 10);
}

/* Without `ret` nobody wants to know. */
static int take_rows(struct postgres *pg, const struct sent *s, PGresult *result, struct rows *rows)
{
	int r = 0;

	if (s->ret)
		r = postgres_take_rows(pg->store.ctx, result, rows);
	if (r == FUDA_ETOOBIG) /* who knows how much more there is */
		pg->doomed = true;
	rows->changed = changed_by(result);
	return r;
}

static int take_result(struct postgres *pg, struct sent *s, PGresult *result, struct rows *rows)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
		/* of a transaction that failed it makes a ROLLBACK */
		if (s->commit && strcmp(PQcmdStatus(result), "COMMIT") != 0)
			return ctx_fail_code(pg->store.ctx, FUDA_ESTORE);
		rows->changed = changed_by(result);
		return 0;
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
		return take_rows(pg, s, result, rows);
	case PGRES_PIPELINE_ABORTED: /* what failed before it has been told */
		return FUDA_EFAILED;
	default:
		return refused(pg, result);
	}
}

/* All results of one that was sent. */
static int take_answer(struct postgres *pg, struct sent *s, int64_t end)
{
	_cleanup_rows_ struct rows rows = { 0 };
	PGresult *result;
	int r = 0;

	if (s->ret)
		PQsetSingleRowMode(pg->conn); /* or libpq would collect whatever comes */
	for (;;) {
		int one;

		if (!await(pg, end)) {
			pg->doomed = true;
			return FUDA_ERETRY;
		}
		result = PQgetResult(pg->conn);
		if (!result)
			break;
		one = take_result(pg, s, result, &rows);
		PQclear(result);
		if (r == 0)
			r = one;
		if (pg->doomed)
			return r;
	}
	if (r < 0 && s->preparing)
		s->preparing->known = false;
	if (r == 0 && s->ret) {
		*s->ret = rows;
		rows = (struct rows){ 0 };
	}
	return r;
}

static bool take_mark(struct postgres *pg, int64_t end)
{
	PGresult *result = await(pg, end) ? PQgetResult(pg->conn) : NULL;
	bool is_mark = result && PQresultStatus(result) == PGRES_PIPELINE_SYNC;

	PQclear(result);
	return is_mark;
}

/* All answers. The first failure; one that tells of a doomed connection has lost it. */
static int take_answers(struct postgres *pg, bool committing)
{
	int64_t end = deadline_now() + STORE_ANSWER_MS;
	int r = 0, one;

	for (size_t i = 0; i < pg->sent_count && !pg->doomed; i++) {
		one = take_answer(pg, &pg->sent[i], end);
		if (one == 0)
			continue;
		for (size_t j = i; j < pg->sent_count; j++) /* they are not to be filled */
			pg->sent[j].ret = NULL;
		if (r == 0)
			r = one;
	}
	if (!pg->doomed && !take_mark(pg, end)) {
		pg->doomed = true;
		if (r == 0)
			r = FUDA_ERETRY;
	}
	pg->sent_count = 0;
	if (pg->unfit)
		lose(pg);
	if (!pg->doomed || !pg->conn)
		return r;
	if (r == FUDA_ERETRY)
		return lost(pg, committing);
	lose(pg);
	return r;
}

/* ---- sending ---- */

/* A place in the list of what was sent, which counts once it is sent. */
static int next_sent(struct postgres *pg, struct sent **ret)
{
	size_t size = MAX(pg->sent_size * 2, 64U);
	struct sent *more;

	if (pg->sent_count == PIPE_MAX)
		return ctx_fail_code(pg->store.ctx, FUDA_ETOOBIG);
	if (pg->sent_count == pg->sent_size) {
		more = realloc(pg->sent, size * sizeof(*more));
		if (!more)
			return ctx_fail_code(pg->store.ctx, FUDA_ENOMEM);
		pg->sent = more;
		pg->sent_size = size;
	}
	*ret = &pg->sent[pg->sent_count];
	return 0;
}

/* `commit`: it is a COMMIT. What libpq fails to take may have left all the same. */
static int send_text(struct postgres *pg, const char *sql, bool commit)
{
	struct sent *s = NULL;
	int r = next_sent(pg, &s);

	if (r < 0)
		return r;
	if (!PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
		return lost(pg, commit);
	*s = (struct sent){ .commit = commit };
	pg->sent_count++;
	return 0;
}

/* Enough for the name of a statement. */
struct name {
	char text[32];
};

static struct name name_of(const struct made *made)
{
	struct name name;

	snprintf(name.text, sizeof(name.text), "s%u_%u", made->name, made->edition);
	return name;
}

static int send_prepare(struct postgres *pg, const struct statement *statement, struct made *made)
{
	struct sent *s = NULL;
	int r = next_sent(pg, &s);

	if (r < 0)
		return r;
	if (!PQsendPrepare(pg->conn, name_of(made).text, statement->sql, statement->params,
			   made->types))
		return lost(pg, false);
	made->known = true;
	*s = (struct sent){ .preparing = made };
	pg->sent_count++;
	return 0;
}

static int find(struct postgres *pg, const struct statement *statement, struct made **ret)
{
	struct prepared *p;
	struct made *made;
	int r = store_prepared(&pg->store, statement, &p);

	if (r < 0)
		return r;
	if (!p->made) {
		made = calloc(1, sizeof(*made));
		if (!made)
			return ctx_fail_code(pg->store.ctx, FUDA_ENOMEM);
		made->name = pg->names++;
		p->made = made;
	}
	*ret = p->made;
	return 0;
}

/* The statement as it is prepared for values of such kinds. */
static int prepare(struct postgres *pg, const struct statement *statement,
		   const struct datum *params, struct made **ret)
{
	struct made *made = NULL;
	int r = find(pg, statement, &made);

	if (r < 0)
		return r;
	for (int i = 0; i < statement->params; i++) {
		Oid type = postgres_type(params[i].kind);

		if (!type || type == made->types[i])
			continue;
		if (made->types[i])
			return ctx_fail_code(pg->store.ctx, FUDA_EINVAL);
		made->types[i] = type;
		made->edition += made->known;
		made->known = false;
	}
	*ret = made;
	return made->known ? 0 : send_prepare(pg, statement, made);
}

static int send_statement(struct postgres *pg, const struct statement *statement,
			  const struct datum *params, struct rows *ret)
{
	struct postgres_params values;
	struct made *made = NULL;
	struct sent *s = NULL;
	int r = prepare(pg, statement, params, &made);

	if (r == 0)
		r = next_sent(pg, &s);
	if (r < 0)
		return r;
	postgres_fill(&values, params, statement->params);
	if (!PQsendQueryPrepared(pg->conn, name_of(made).text, statement->params, values.values,
				 values.lengths, values.binary, 1))
		return lost(pg, false);
	*s = (struct sent){ .ret = ret };
	pg->sent_count++;
	return 0;
}

/* ---- opening ---- */

static int reconnect(struct postgres *pg)
{
	/* an answer is durable, at the standby too, whatever somebody set for other users of the
	 * server */
	static const char durable[] = "SELECT set_config('synchronous_commit', 'on', false)"
				      " WHERE current_setting('synchronous_commit')"
				      " NOT IN ('on', 'remote_apply')";
	int r = postgres_connect(pg->store.ctx, pg->options, &pg->conn);

	if (r < 0)
		return r;
	pg->doomed = pg->unfit = false;
	PQsetNoticeReceiver(pg->conn, take_notice, pg);
	r = send_text(pg, durable, false);
	if (r == 0)
		r = PQpipelineSync(pg->conn) ? take_answers(pg, false) : lost(pg, false);
	if (r < 0)
		lose(pg);
	return r;
}

static void pg_close(struct store *store)
{
	struct postgres *pg = of(store);

	lose(pg);
	postgres_options_free(&pg->options);
	free(pg->sent);
	free(pg);
}

static int pg_open(struct fuda_context *ctx, const char *where, bool make, struct store **ret)
{
	struct postgres *pg = calloc(1, sizeof(*pg));
	int r;

	(void)make; /* its server's administrator makes it */
	if (!pg)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	pg->store.ctx = ctx;
	pg->store.driver = &store_postgres;
	r = postgres_parse(ctx, where, &pg->options);
	if (r == 0)
		r = reconnect(pg);
	if (r < 0) {
		pg_close(&pg->store);
		return r;
	}
	*ret = &pg->store;
	return 0;
}

/* ---- transactions ---- */

static int pg_begin(struct store *store, bool write)
{
	struct postgres *pg = of(store);
	int r = 0;

	if (pg->conn && !is_alive(pg))
		lose(pg);
	if (!pg->conn)
		r = reconnect(pg);
	pg->write = write;
	pg->begin_due = r == 0;
	return r;
}

static int send_begin(struct postgres *pg)
{
	if (!pg->begin_due)
		return 0;
	pg->begin_due = false;
	return send_text(pg,
			 pg->write ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE" :
				     "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
			 false);
}

static int pg_queue(struct store *store, const struct statement *statement,
		    const struct datum *params, struct rows *ret)
{
	int r = send_begin(of(store));

	return r < 0 ? r : send_statement(of(store), statement, params, ret);
}

static int pg_execute(struct store *store, const char *sql)
{
	int r = send_begin(of(store));

	return r < 0 ? r : send_text(of(store), sql, false);
}

static int pg_sync(struct store *store)
{
	struct postgres *pg = of(store);

	if (!pg->sent_count)
		return 0;
	return PQpipelineSync(pg->conn) ? take_answers(pg, false) : lost(pg, false);
}

static bool rows_are_due(const struct postgres *pg)
{
	for (size_t i = 0; i < pg->sent_count; i++)
		if (pg->sent[i].ret)
			return true;
	return false;
}

static int pg_commit(struct store *store)
{
	struct postgres *pg = of(store);
	int r = 0;

	if (pg->begin_due) { /* nothing was asked for */
		pg->begin_due = false;
		return 0;
	}
	/* rows that we cannot take must be able to stop it */
	if (rows_are_due(pg))
		r = pg_sync(store);
	if (r < 0)
		return r;
	/* a connection that was lost before is known for sure to have brought no COMMIT */
	if (!is_alive(pg))
		return lost(pg, false);
	r = send_text(pg, "COMMIT", true);
	if (r < 0)
		return r;
	return PQpipelineSync(pg->conn) ? take_answers(pg, true) : lost(pg, true);
}

static void pg_rollback(struct store *store)
{
	struct postgres *pg = of(store);

	for (size_t i = 0; i < pg->sent_count; i++)
		pg->sent[i].ret = NULL;
	if (!pg->begin_due && pg->conn)
		(void)pg_sync(store);
	pg->begin_due = false;
	if (!pg->conn || PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
		return;
	if (send_text(pg, "ROLLBACK", false) < 0 || pg_sync(store) < 0 ||
	    PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
		lose(pg);
}

static void pg_forget(struct store *store, void *made)
{
	(void)store;
	free(made);
}

const struct store_driver store_postgres = {
	.kind = "postgresql",
	.open = pg_open,
	.close = pg_close,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.queue = pg_queue,
	.execute = pg_execute,
	.sync = pg_sync,
	.forget = pg_forget,
	.has_schema = { "SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_version')",
			0 },
	.clock = { "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)", 0 },
	.size = { "SELECT pg_database_size(current_database())", 0 },
};
