/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL by libpq in pipeline mode: what is queued leaves for the server, and its answers are
 * taken at the next sync. */
#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "service/store-inside.h"

enum {
	PIPE_MAX = 65536, /* what may be queued between two syncs */
	OPTIONS_MAX = 64, /* of a connection */
	TEXT_MAX = 1024,
};

/* Of pg_type: they are the same in every server. */
enum oid {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_VARCHAR = 1043,
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
	bool doomed;    /* the server said that it ends the connection */
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
	bool lost; /* the connection is of no use any more */
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

	pg->doomed = !state || !text || is_last(result); /* without: libpq's own */
	if (pg->doomed)
		return FUDA_ERETRY;
	while (strncmp(failures[i].state, state, strlen(failures[i].state)) != 0)
		i++;
	/* it was not to write: not the server's fault */
	if (failures[i].lost && !pg->write)
		return ctx_fail_code(pg->store.ctx, FUDA_EINVAL);
	pg->doomed = failures[i].lost;
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

/* ---- values ---- */

static uint64_t big_endian(const char *bytes, int len)
{
	uint64_t n = 0;

	for (int i = 0; i < len; i++)
		n = n << 8 | (uint8_t)bytes[i];
	return n;
}

static bool value_at(const PGresult *result, int row, int column, struct datum *ret)
{
	const char *bytes = PQgetvalue(result, row, column);
	int len = PQgetlength(result, row, column);

	*ret = NONE;
	if (PQgetisnull(result, row, column))
		return true;
	switch (PQftype(result, column)) {
	case OID_BOOL:
		*ret = INT(len == 1 && *bytes);
		return len == 1;
	case OID_INT2:
		*ret = INT((int16_t)big_endian(bytes, len));
		return len == 2;
	case OID_INT4:
		*ret = INT((int32_t)big_endian(bytes, len));
		return len == 4;
	case OID_INT8:
		*ret = INT((int64_t)big_endian(bytes, len));
		return len == 8;
	case OID_BYTEA:
		*ret = BYTES(bytes, (size_t)len);
		return true;
	case OID_NAME:
	case OID_TEXT:
	case OID_VARCHAR:
		*ret = (struct datum){ DATUM_TEXT, 0, bytes, (size_t)len };
		return true;
	default: /* we have no fractions */
		return false;
	}
}

static int take_rows(struct postgres *pg, const PGresult *result, struct rows *rows)
{
	struct datum row[STORE_COLUMNS];
	int r = 0;

	if (!rows->columns)
		r = rows_start(rows, (size_t)PQnfields(result));
	for (int i = 0; i < PQntuples(result) && r == 0; i++) {
		for (size_t j = 0; j < rows->columns; j++)
			if (!value_at(result, i, (int)j, &row[j]))
				return ctx_fail(pg->store.ctx, FUDA_ESTORE,
						_("The database gave a value of an unknown kind."));
		r = rows_add(rows, row);
	}
	if (r == FUDA_ETOOBIG) /* who knows how much more there is */
		pg->doomed = true;
	return r < 0 ? rows_fail(pg->store.ctx, r) : 0;
}

/* ---- answers ---- */

static int64_t changed_by(PGresult *result)
{
	const char *tag = PQcmdStatus(result);

	return strncmp(tag, "SELECT", strlen("SELECT")) == 0 ?
		       0 :
		       strtoll(PQcmdTuples(result), NULL, 10);
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
		return s->ret ? take_rows(pg, result, rows) : 0;
	case PGRES_TUPLES_OK:
		rows->changed = changed_by(result);
		return s->ret ? take_rows(pg, result, rows) : 0;
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
	if (!pg->doomed)
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
	static const Oid types[] = {
		[DATUM_INT] = OID_INT8, [DATUM_BYTES] = OID_BYTEA, [DATUM_TEXT] = OID_TEXT
	};
	struct made *made = NULL;
	int r = find(pg, statement, &made);

	if (r < 0)
		return r;
	for (int i = 0; i < statement->params; i++) {
		Oid type = types[params[i].kind];

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
	const char *values[STORE_PARAMS];
	int lengths[STORE_PARAMS], binary[STORE_PARAMS];
	uint64_t numbers[STORE_PARAMS];
	struct made *made = NULL;
	struct sent *s = NULL;
	int r = prepare(pg, statement, params, &made);

	if (r == 0)
		r = next_sent(pg, &s);
	if (r < 0)
		return r;
	for (int i = 0; i < statement->params; i++) {
		numbers[i] = htobe64((uint64_t)params[i].number);
		binary[i] = 1;
		lengths[i] = (int)params[i].len;
		values[i] = params[i].len ? params[i].bytes : "";
		if (params[i].kind == DATUM_NULL)
			values[i] = NULL;
		if (params[i].kind == DATUM_INT) {
			values[i] = (const char *)&numbers[i];
			lengths[i] = sizeof(numbers[i]);
		}
	}
	if (!PQsendQueryPrepared(pg->conn, name_of(made).text, statement->params, values, lengths,
				 binary, 1))
		return lost(pg, false);
	*s = (struct sent){ .ret = ret };
	pg->sent_count++;
	return 0;
}

/* ---- connecting ---- */

/* What holds unless the place of the database says otherwise. A wait for a server that is not there
 * any more, or for a lock, has an end. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "connect_timeout", "10" },
	{ "tcp_user_timeout", "20000" },
	{ "keepalives_idle", "10" },
	{ "keepalives_interval", "5" },
	{ "keepalives_count", "3" },
	{ "target_session_attrs", "read-write" },
	{ "fallback_application_name", "fudasashi" },
};
/* ... and this whatever it says. */
static const char encoding[] = "UTF8";
/* ... and this before its own options, of which the last one holds. */
static const char settings[] = "-c statement_timeout=30s -c "
			       "idle_in_transaction_session_timeout=60s";

static const char *default_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (strcmp(defaults[i].name, name) == 0)
			return defaults[i].value;
	return NULL;
}

static PGconn *start(const struct postgres *pg)
{
	const char *names[OPTIONS_MAX + 1] = { NULL }, *values[OPTIONS_MAX + 1] = { NULL };
	char options[TEXT_MAX];
	size_t n = 0;

	for (const PQconninfoOption *o = pg->options; o->keyword && n < OPTIONS_MAX; o++) {
		const char *value = o->val ? o->val : default_of(o->keyword);

		if (strcmp(o->keyword, "client_encoding") == 0)
			value = encoding;
		if (strcmp(o->keyword, "options") == 0) {
			snprintf(options, sizeof(options), "%s %s", settings, value ? value : "");
			value = options;
		}
		if (!value)
			continue;
		names[n] = o->keyword;
		values[n++] = value;
	}
	return PQconnectdbParams(names, values, 0);
}

/* In one line. */
static int cannot_connect(struct fuda_context *ctx, const PGconn *conn)
{
	char text[TEXT_MAX / 2];

	snprintf(text, sizeof(text), "%s", conn ? PQerrorMessage(conn) : "");
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ' ' : 0;
	return ctx_fail(ctx, FUDA_ESTORE, _("No connection to the database: %s"), text);
}

static int reconnect(struct postgres *pg)
{
	/* an answer is durable, whatever somebody set for other users of the server */
	static const char durable[] = "SELECT set_config('synchronous_commit', 'on', false)"
				      " WHERE current_setting('synchronous_commit') = 'off'";
	const char *server;
	int r;

	pg->doomed = false;
	pg->conn = start(pg);
	if (!pg->conn || PQstatus(pg->conn) != CONNECTION_OK) {
		r = cannot_connect(pg->store.ctx, pg->conn);
		lose(pg);
		return r;
	}
	PQsetNoticeReceiver(pg->conn, take_notice, pg);
	server = PQparameterStatus(pg->conn, "server_encoding");
	if (!server || strcmp(server, encoding) != 0) {
		lose(pg);
		return ctx_fail(pg->store.ctx, FUDA_ESTORE,
				_("The database must be one in %s: make it with that encoding."),
				encoding);
	}
	if (PQsetnonblocking(pg->conn, 1) < 0 || !PQenterPipelineMode(pg->conn))
		return lost(pg, false);
	r = send_text(pg, durable, false);
	if (r == 0)
		r = PQpipelineSync(pg->conn) ? take_answers(pg, false) : lost(pg, false);
	if (r < 0)
		lose(pg);
	return r;
}

/* ---- opening ---- */

static void pg_close(struct store *store)
{
	struct postgres *pg = of(store);

	lose(pg);
	for (PQconninfoOption *o = pg->options; o && o->keyword; o++)
		if (o->val)
			wipe(o->val, strlen(o->val));
	PQconninfoFree(pg->options);
	free(pg->sent);
	free(pg);
}

/* A password with a '@', ':' or '/' in it that is not written %XX is taken for a part of what
 * follows it, and what libpq says of a wrong host or port would show it. */
static bool is_well_said(const PQconninfoOption *options)
{
	static const char *const plain[] = { "host", "hostaddr", "port", "dbname", "user" };

	for (const PQconninfoOption *o = options; o->keyword; o++)
		for (size_t i = 0; o->val && i < ARRAY_SIZE(plain); i++) {
			if (strcmp(o->keyword, plain[i]) != 0)
				continue;
			if (strchr(o->val, '@'))
				return false;
			if (strcmp(o->keyword, "port") == 0 && o->val[strspn(o->val, "0123456789"
										     ",")])
				return false;
		}
	return true;
}

static int parse(struct fuda_context *ctx, const char *where, PQconninfoOption **ret)
{
	char *error = NULL;

	*ret = PQconninfoParse(where, &error);
	PQfreemem(error); /* repeats what it does not like, which may be of a password */
	if (!*ret)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The place of the database is \"sqlite:\" and the path of a "
				  "file, "
				  "or \"postgresql://USER@HOST/DATABASE\" as libpq takes it."));
	if (!is_well_said(*ret))
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The place of the database has a \"@\" or \":\" too many: in a "
				  "password they are written %%40 and %%3A, and \"/\" is %%2F."));
	return 0;
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
	r = parse(ctx, where, &pg->options);
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
			 pg->write ? "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE" :
				     "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY",
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
