/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd tls: the service's own certificate, before its end comes. */
#include "service/tls.h"
#include "tools/mykeyd-desk.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { CERTIFICATE_MAX = 65536 };
static const char *names;

static void report_certificate(struct call *call, struct desk *desk, const char *label,
			       const struct ca_server *server)
{
	time_t left = server->not_after - time(NULL);

	report_text(call->report, label, "file", desk->service->config.tls_certificate);
	report_text(call->report, _("Names"), "names", server->names);
	report_word(call->report, _("Issued by"), "issuer", server->ours ? "service" : "other",
		    server->ours ? _("this service's authority") : _("another authority"));
	report_time(call->report, _("Valid from"), "not_before", server->not_before);
	report_time(call->report, _("Valid until"), "not_after", server->not_after);
	report_number(call->report, _("Days left"), "days_left",
		      left > 0 ? (long)(left / 86400) : 0);
}

static int status(struct call *call, struct desk *desk)
{
	struct ca_server server;
	int r = tls_read(desk->service, &server);

	if (r < 0)
		return r;
	report_certificate(call, desk, _("Certificate"), &server);
	call->shown = true;
	if (server.not_after < time(NULL))
		return call_fail(call, FUDA_EVERIFY, _("the certificate has ended"));
	return 0;
}

/* Terminals believe what has the name that they know it by. */
static void warn_of_host(const char *origin, const char *list)
{
	const char *host = origin + strlen("https://");
	size_t len = *host == '[' ? strcspn(++host, "]") : strcspn(host, ":");

	for (const char *at = list; *at; at += strspn(at, ",")) {
		size_t n = strcspn(at, ",");

		if (n == len && strncasecmp(at, host, len) == 0)
			return;
		at += n;
	}
	fprintf(stderr,
		_("The name of the service, %.*s, is not among those of the certificate: terminals "
		  "will not believe it.\n"),
		(int)len, host);
}

/* Made before it is told, so that nothing is told that cannot be; and put there behind that. */
static int renew(struct call *call, struct desk *desk)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(CERTIFICATE_MAX);
	struct ca_server server;
	int r = tls_make(desk->service, names, &pem);

	if (r == 0)
		r = operator_may(&desk->by, ROLE_ADMIN, "tls-renew", "tls-renew");
	if (r == 0)
		r = tls_put(desk->service, &pem);
	if (r == 0)
		r = tls_read(desk->service, &server);
	if (r < 0)
		return r;
	report_certificate(call, desk, _("Written"), &server);
	warn_of_host(desk->service->config.origin, server.names);
	if (!common.json)
		fputs(_("Running services use it once they are restarted.\n"), stderr);
	return 0;
}

static const struct action actions[] = {
	{ "status", 0, 0, "", "tls-status", 0, NULL, status },
	{ "renew", 0, 0, "names", NULL, 0, NULL, renew },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

static const struct option_spec options[] = {
	{ "names", 0, "DNS,IP", N_("renew: other names than it has"), OPTION_TEXT, &names },
	{ NULL },
};

const struct fuda_command command_mykeyd_tls = {
	.name = "tls",
	.summary = N_("show the service's own certificate, or renew it"),
	.synopsis = "status | renew",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
