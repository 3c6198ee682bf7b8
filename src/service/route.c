/* SPDX-License-Identifier: Apache-2.0 */
/* Which path is whose (platform.md D2). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "codec/json.h"
#include "service/est.h"
#include "service/http.h"
#include "service/rule-request.h"
#include "service/server.h"

enum {
	PAGE_MAX = 1 << 20,
	VERSION_MAX = 1024,
	SELF_MAX = 4096,
	DATABASE_RETRY = 2,
	CLOCK_RETRY = 10
};

static void livez(struct side *side, struct exchange *x);
static void readyz(struct side *side, struct exchange *x);
static void version(struct side *side, struct exchange *x);
static void metrics(struct side *side, struct exchange *x);
static void challenge(struct side *side, struct exchange *x);
static void self(struct side *side, struct exchange *x);

enum whose {
	ANYBODYS,
	OPERATIONS, /* of this machine alone */
	TERMINALS,  /* not of the listener for operations */
};

static const struct route {
	const char *path, *name;
	enum whose whose;
	void (*handle)(struct side *side, struct exchange *x);
} routes[] = {
	{ "/livez", "livez", ANYBODYS, livez },
	{ "/readyz", "readyz", ANYBODYS, readyz },
	{ "/version", "version", ANYBODYS, version },
	{ "/metrics", "metrics", OPERATIONS, metrics },
	{ "/v1/challenge", "challenge", TERMINALS, challenge },
	{ "/v1/terminal", "terminal", TERMINALS, self },
};

/* What est.h serves: only the names are known here. */
static const struct {
	const char *path, *name;
} est_names[] = {
	{ "/.well-known/est/cacerts", "est_cacerts" },
	{ "/.well-known/est/csrattrs", "est_csrattrs" },
	{ "/.well-known/est/simpleenroll", "est_enroll" },
	{ "/.well-known/est/simplereenroll", "est_reenroll" },
	{ "/crl/terminals.crl", "crl" },
};

static const struct rule *rule_of(const char *path)
{
	for (const struct rule *rule = rules; rule->purpose; rule++)
		if (strcmp(rule->path, path) == 0)
			return rule;
	return NULL;
}

static const struct route *route_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
	return NULL;
}

const char *route_name(const struct http_request *request)
{
	const struct route *route = route_of(request->path);
	const struct rule *rule = rule_of(request->path);

	if (route)
		return route->name;
	if (rule)
		return rule->purpose;
	for (size_t i = 0; i < ARRAY_SIZE(est_names); i++)
		if (strcmp(est_names[i].path, request->path) == 0)
			return est_names[i].name;
	return "other";
}

/* ---- operations ---- */

static void answer(struct exchange *x, int status, const char *type, const void *body, size_t len)
{
	struct http_answer a = {
		.status = status,
		.content_type = type,
		.body = body,
		.body_len = len,
	};

	http_answer(x, &a);
}

static void livez(struct side *side, struct exchange *x)
{
	static const char body[] = "{\"live\":true}\n";

	(void)side;
	answer(x, 200, "application/json", body, sizeof(body) - 1);
}

static void readyz(struct side *side, struct exchange *x)
{
	const char *reasons[SERVICE_REASONS];
	char body[512] = "{\"ready\":true}\n";
	size_t n = service_reasons(side->service, reasons), at;
	const char *refused = issuers_refusal(side->service->issuers, time(NULL));

	/* cards are served all the same */
	if (!n && refused)
		snprintf(body, sizeof(body), "{\"ready\":true,\"refused\":[\"%s\"]}\n", refused);
	if (n) {
		at = (size_t)snprintf(body, sizeof(body), "{\"ready\":false,\"reasons\":[");
		for (size_t i = 0; i < n; i++) /* words of ours, a few dozen bytes each */
			at += (size_t)snprintf(body + at, sizeof(body) - at, "%s\"%s\"",
					       i ? "," : "", reasons[i]);
		at += (size_t)snprintf(body + at, sizeof(body) - at, "]}\n");
	}
	answer(x, n ? 503 : 200, "application/json", body, strlen(body));
}

static void version(struct side *side, struct exchange *x)
{
	_cleanup_(fuda_buf_free_public) struct fuda_buf body = FUDA_BUF_INIT(VERSION_MAX);
	struct json_out out;

	json_begin(&out, &body);
	json_string(&out, "name", "fuda-mykeyd");
	json_string(&out, "version", PACKAGE_VERSION);
	json_string(&out, "origin", side->service->config.origin);
	if (json_end(&out) < 0 || fuda_buf_append(&body, "\n", 1) < 0)
		http_problem(x, 500, "internal_error", "The service failed.", NULL, 0);
	else
		answer(x, 200, "application/json", body.data, body.len);
}

static void metrics(struct side *side, struct exchange *x)
{
	_cleanup_(fuda_buf_free_public) struct fuda_buf page = FUDA_BUF_INIT(PAGE_MAX);

	server_load(side->server);
	if (metrics_print(side->service, &page) < 0)
		http_problem(x, 500, "internal_error", "The service failed.", NULL, 0);
	else
		answer(x, 200, "text/plain; version=0.0.4", page.data, page.len);
}

/* ---- terminals ---- */

/* Whether times can be judged, those of certificates among them, and what is done can be proven
 * (D5). */
static bool fit(struct side *side, struct exchange *x)
{
	if (atomic_load(&side->service->health.clock))
		http_problem(x, 503, "clock_untrusted", "The service's clock cannot be trusted.",
			     NULL, CLOCK_RETRY);
	else if (atomic_load(&side->service->health.audit))
		http_problem(x, 503, "audit_broken", "The service's audit trail is broken.", NULL,
			     0);
	else
		return true;
	return false;
}

static void database_unavailable(struct exchange *x)
{
	http_problem(x, 503, "database_unavailable",
		     "The database is not available: try again later.", NULL, DATABASE_RETRY);
}

/* Whose request it is; answers it where it is nobody's who may ask. Where a secret is asked for
 * next the database is asked before (`anew`): nobody types or spends one in vain. */
static bool known(struct side *side, struct exchange *x, bool anew, struct terminal *ret)
{
	const struct http_request *request = http_request(x);
	const char *code = "";
	int e;

	if (!request->certificate) {
		http_problem(x, 401, "terminal_certificate_missing",
			     "Terminals show a certificate here.", NULL, 0);
		return false;
	}
	e = (anew ? terminal_ask_anew :
		    terminal_ask)(side->service->terminals, request->certificate,
				  request->certificate_len, time(NULL), ret, &code);
	if (e == FUDA_EREFUSED)
		answer_problem(x, code, NULL, 0);
	else if (e == FUDA_ESTORE)
		database_unavailable(x);
	else if (e < 0)
		http_problem(x, 500, "internal_error", "The service failed.", NULL, 0);
	else
		http_caller(x, ret->id);
	return e == 0;
}

static void challenge(struct side *side, struct exchange *x)
{
	struct terminal terminal;

	if (!fit(side, x))
		return;
	/* what follows could not be done: nobody is asked for a PIN for it */
	if (service_database_away(side->service))
		database_unavailable(x);
	else if (!known(side, x, true, &terminal))
		return;
	else if (service_knows_no_card(side->service))
		answer_problem(x, "revocation_info_stale", NULL, 0);
	else
		rule_challenge(side->service, &terminal, x);
}

/* Names of sectors have no blanks in them. */
static int write_self(const struct terminal *t, const char *org, const char *place,
		      struct fuda_buf *to)
{
	char id[ID_TEXT], sectors[TERMINAL_SECTORS * SECTOR_NAME] = "";
	struct json_out out;
	size_t n = 0;

	for (size_t i = 0; i < t->sector_count; i++)
		n += (size_t)snprintf(sectors + n, sizeof(sectors) - n, "%s%s", i ? " " : "",
				      t->sectors[i].name);
	id_text(t->id, id);
	json_begin(&out, to);
	json_string(&out, "terminal", id);
	json_string(&out, "organisation", org);
	json_string(&out, "place", place);
	json_string(&out, "sectors", sectors);
	json_bool(&out, "tap", t->tap);
	return json_end(&out);
}

/* What an operator made the terminal for. */
static void self(struct side *side, struct exchange *x)
{
	_cleanup_(fuda_buf_free_public) struct fuda_buf body = FUDA_BUF_INIT(SELF_MAX);
	char org[TERMINAL_NAME], place[TERMINAL_NAME];
	struct terminal terminal;
	int r;

	if (!fit(side, x) || !known(side, x, true, &terminal))
		return;
	r = terminal_place(side->service->terminals, &terminal, org, place);
	if (r == FUDA_ESTORE) {
		database_unavailable(x);
		return;
	}
	if (r == 0)
		r = write_self(&terminal, org, place, &body);
	if (r < 0)
		answer_problem(x, "internal_error", NULL, 0);
	else
		answer(x, 200, "application/json", body.data, body.len);
}

/* ---- all ---- */

static void not_found(struct exchange *x)
{
	http_problem(x, 404, "not_found", "There is nothing here.", NULL, 0);
}

static bool is(const struct http_request *request, const char *method)
{
	return strcmp(request->method, method) == 0;
}

static void handle_rule(struct side *side, const struct rule *rule, struct exchange *x)
{
	struct terminal terminal;

	if (!is(http_request(x), "POST"))
		http_not_allowed(x, "POST");
	else if (fit(side, x) && known(side, x, rule->first, &terminal))
		rule_handle(side->service, rule, &terminal, x);
}

/* A certificate has times in it, and is an effect; what is there already may be had. */
static void handle_est(struct side *side, struct exchange *x)
{
	if (is(http_request(x), "GET") || fit(side, x))
		est_handle(side->service, x);
}

void route_handle(void *arg, struct exchange *x)
{
	struct side *side = arg;
	const struct http_request *request = http_request(x);
	const struct route *route = route_of(request->path);
	const struct rule *rule = rule_of(request->path);

	/* what is not for who asks is not there */
	if (route && route->whose == OPERATIONS && !side->operations && !request->local)
		route = NULL;
	if (side->operations) {
		rule = NULL;
		if (route && route->whose == TERMINALS)
			route = NULL;
	}
	if (route && !is(request, "GET"))
		http_not_allowed(x, "GET");
	else if (route && (route->handle == livez || route->handle == readyz))
		route->handle(side, x);
	else if (atomic_load(&side->service->health.stopping))
		http_problem(x, 503, "stopping", "The service is stopping: try again.", NULL, 1);
	else if (route)
		route->handle(side, x);
	else if (rule)
		handle_rule(side, rule, x);
	else if (!side->operations && est_serves(request->path))
		handle_est(side, x);
	else
		not_found(x);
}
