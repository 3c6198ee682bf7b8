/* SPDX-License-Identifier: Apache-2.0 */
#include "service/store-postgres.h"

#include <stdio.h>
#include <string.h>

#include "service/store-inside.h"

enum {
	OPTIONS_MAX = 64, /* of a connection */
	TEXT_MAX = 512,
};

/* ---- where it is ---- */

static bool is_ports(const char *text)
{
	return !text[strspn(text, "0123456789,")];
}

/* An empty text is one to libpq, which would look around. */
static bool says_something(const PQconninfoOption *options)
{
	for (const PQconninfoOption *o = options; o && o->keyword; o++)
		if (o->val)
			return true;
	return false;
}

/* A password with a '@', ':' or '/' in it that is not written %XX is taken for a part of what
 * follows it, and what libpq says of a wrong host or port would show it. */
static bool is_well_said(const PQconninfoOption *options)
{
	static const char *const plain[] = { "host", "hostaddr", "port", "dbname" };

	for (const PQconninfoOption *o = options; o->keyword; o++)
		for (size_t i = 0; o->val && i < ARRAY_SIZE(plain); i++) {
			if (strcmp(o->keyword, plain[i]) != 0)
				continue;
			if (strchr(o->val, '@'))
				return false;
			if (strcmp(o->keyword, "port") == 0 && !is_ports(o->val))
				return false;
		}
	return true;
}

int postgres_parse(struct fuda_context *ctx, const char *where, PQconninfoOption **ret)
{
	PQconninfoOption *options;
	char *error = NULL;

	options = PQconninfoParse(where, &error);
	PQfreemem(error); /* repeats what it does not like, which may be of a password */
	if (!says_something(options)) {
		PQconninfoFree(options);
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The place of the database is \"sqlite:\" and the path of a "
				  "file, or \"postgresql://USER@HOST/DATABASE\" as libpq takes "
				  "it."));
	}
	if (!is_well_said(options)) {
		postgres_options_free(&options);
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The place of the database has a \"@\" or \":\" too many: in a "
				  "password they are written %%40 and %%3A, and \"/\" is %%2F."));
	}
	*ret = options;
	return 0;
}

void postgres_options_free(PQconninfoOption **options)
{
	for (PQconninfoOption *o = *options; o && o->keyword; o++)
		if (o->val)
			wipe(o->val, strlen(o->val));
	PQconninfoFree(*options);
	*options = NULL;
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
static const char settings[] = "-c statement_timeout=30s"
			       " -c idle_in_transaction_session_timeout=60s";

static const char *default_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (strcmp(defaults[i].name, name) == 0)
			return defaults[i].value;
	return NULL;
}

static PGconn *start(const PQconninfoOption *options)
{
	const char *names[OPTIONS_MAX + 1] = { NULL }, *values[OPTIONS_MAX + 1] = { NULL };
	char more[STORE_WHERE + sizeof(settings)];
	size_t n = 0;

	for (const PQconninfoOption *o = options; o->keyword && n < OPTIONS_MAX; o++) {
		const char *value = o->val ? o->val : default_of(o->keyword);

		if (strcmp(o->keyword, "client_encoding") == 0)
			value = encoding;
		if (strcmp(o->keyword, "options") == 0) {
			snprintf(more, sizeof(more), "%s %s", settings, value ? value : "");
			value = more;
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
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s", conn ? PQerrorMessage(conn) : "");
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = p[1] ? ' ' : 0;
	return ctx_fail(ctx, FUDA_ESTORE, _("No connection to the database: %s"), text);
}

/* What is as we need it. */
static int look(struct fuda_context *ctx, PGconn *conn)
{
	const char *server;

	if (!conn || PQstatus(conn) != CONNECTION_OK)
		return cannot_connect(ctx, conn);
	server = PQparameterStatus(conn, "server_encoding");
	if (!server || strcmp(server, encoding) != 0)
		return ctx_fail(ctx, FUDA_ESTORE,
				_("The database must be one in %s: make it with that encoding."),
				encoding);
	if (PQsetnonblocking(conn, 1) < 0 || !PQenterPipelineMode(conn))
		return cannot_connect(ctx, conn);
	return 0;
}

int postgres_connect(struct fuda_context *ctx, const PQconninfoOption *options, PGconn **ret)
{
	PGconn *conn = start(options);
	int r = look(ctx, conn);

	if (r < 0)
		PQfinish(conn);
	else
		*ret = conn;
	return r;
}
