/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd init: makes a service. */
#include "service/create.h"
#include "tools/mykeyd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GIVEN_MAX = 2 * LIST_MAX + 8 };

static const char *environment, *origin, *database, *names, *operations;
static struct text_list listeners, settings;

static const struct option_spec options[] = {
	{ "environment", 0, "WORD", N_("which environment it is: production, test, ..."),
	  OPTION_TEXT, &environment },
	{ "origin", 0, "https://HOST[:PORT]", N_("what cards sign for, and terminals connect to"),
	  OPTION_TEXT, &origin },
	{ "database", 0, "WHERE", N_("sqlite:FILE (sqlite:mykeyd.db) or postgresql://..."),
	  OPTION_TEXT, &database },
	{ "listen", 0, "ADDRESS:PORT|unix:PATH",
	  N_("where to listen (127.0.0.1, the origin's port)"), OPTION_LIST, &listeners },
	{ "operations", 0, "ADDRESS:PORT", N_("where to listen for /metrics, on this machine"),
	  OPTION_TEXT, &operations },
	{ "names", 0, "DNS,IP", N_("names in the certificate for TLS (the origin's host)"),
	  OPTION_TEXT, &names },
	{ "set", 0, "KEY=VALUE", N_("any other key of the configuration (repeatable)"), OPTION_LIST,
	  &settings },
	{ NULL },
};

struct givens {
	struct config_given list[GIVEN_MAX];
	size_t count;
	char keys[LIST_MAX][32], options[LIST_MAX][48];
	char local[64]; /* where it listens if nobody said where */
};

static void give(struct givens *g, const char *key, const char *value, const char *option)
{
	if (value && g->count < GIVEN_MAX - 1)
		g->list[g->count++] = (struct config_given){ key, value, option };
}

static bool is_set(const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < settings.count; i++)
		if (strncmp(settings.items[i], key, len) == 0 && settings.items[i][len] == '=')
			return true;
	return false;
}

/* The port of the origin on this machine, unless it is said where to listen. */
static void give_listeners(struct givens *g)
{
	const char *host = strstr(origin, "://"), *colon;

	for (size_t i = 0; i < listeners.count; i++)
		give(g, "listen", listeners.items[i], "--listen");
	if (listeners.count || is_set("listen"))
		return;
	host = host ? host + 3 : origin;
	/* an IPv6 address has colons, too */
	colon = strchr(*host == '[' ? host + strcspn(host, "]") : host, ':');
	snprintf(g->local, sizeof(g->local), "127.0.0.1%s", colon ? colon : ":443");
	give(g, "listen", g->local, "--origin");
}

static int give_settings(struct call *call, struct givens *g)
{
	for (size_t i = 0; i < settings.count; i++) {
		const char *text = settings.items[i], *equals = strchr(text, '=');
		size_t len = equals ? (size_t)(equals - text) : 0;

		if (!len || len >= sizeof(g->keys[i]))
			return call_usage(call, _("--set takes KEY=VALUE, not '%s'"), text);
		snprintf(g->keys[i], sizeof(g->keys[i]), "%.*s", (int)len, text);
		snprintf(g->options[i], sizeof(g->options[i]), "--set %s", g->keys[i]);
		give(g, g->keys[i], equals + 1, g->options[i]);
	}
	return 0;
}

static void tell_next(const char *folder, const char *local)
{
	fprintf(stderr,
		_("A service is in %s, and you are its first operator. Next:\n"
		  "  fuda-mykeyd serve --folder %s\n"
		  "serves it. An organisation comes by 'fuda-mykeyd org add NAME --folder %s';\n"
		  "its sectors, and codes for its terminals: fuda-mykeyd(1), EXAMPLES.\n"
		  "Terminals trust the server by %s/ca.pem.\n"
		  "Keep copies of kek, keystore and ca.key apart from those of the database: who "
		  "has\n"
		  "both has everything, and who lost them has nothing.\n"),
		folder, folder, folder, folder);
	if (*local)
		fprintf(stderr,
			_("It will listen on %s, for this machine alone: 'listen' in "
			  "%s/mykeyd.conf says where.\n"),
			local, folder);
}

static void free_config(struct config **config)
{
	free(*config);
}

/* What is missing is in the file that was just written. */
static int warn(struct call *call, const char *folder)
{
	_cleanup_(free_config) struct config *config = malloc(sizeof(*config));
	int r = config ? service_config_read(call->ctx, folder, config) : FUDA_ENOMEM;

	if (r == 0)
		mykeyd_warn(config);
	return r;
}

static int run(struct call *call)
{
	struct givens g = { .count = 0 };
	char here[PATH_MAX];
	struct service_create what = {
		.folder = mykeyd_folder(), .given = g.list, .from = here, .names = names
	};
	int r = call_operands(call, 0, 0);

	if (r < 0)
		return r;
	if (!environment)
		return call_usage(call, _("which environment is it? --environment"));
	if (!origin)
		return call_usage(call, _("where will terminals find it? --origin"));
	if (!getcwd(here, sizeof(here)))
		return call_fail(call, FUDA_EFILE, "%s", strerror(errno));
	give(&g, "environment", environment, "--environment");
	give(&g, "origin", origin, "--origin");
	give(&g, "database", database, "--database");
	give(&g, "operations", operations, "--operations");
	give_listeners(&g);
	r = give_settings(call, &g);
	if (r == 0)
		r = mykeyd_opened(call, service_create(call->ctx, &what));
	if (r < 0)
		return r;
	report_text(call->report, NULL, "folder", what.folder);
	if (common.json)
		return 0;
	tell_next(what.folder, g.local);
	return warn(call, what.folder);
}

const struct fuda_command command_mykeyd_init = {
	.name = "init",
	.summary = N_("make a service: folder, keys, authority, database, first operator"),
	.synopsis = "--environment WORD --origin https://HOST[:PORT]",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
