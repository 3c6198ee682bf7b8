/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/certs.h"
#include "tools/info.h"
#include "tools/report.h"
#include "tools/secrets.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <fuda/app.h>

static int add_token(struct call *call)
{
	static const char *const kinds[] = {
		[FUDA_TOKEN_UNKNOWN] = N_("of an unknown kind"),
		[FUDA_TOKEN_CARD] = N_("My Number card"),
		[FUDA_TOKEN_ANDROID] = N_("Android smartphone"),
		[FUDA_TOKEN_IPHONE] = N_("iPhone"),
	};
	struct fuda_jpki_token t;
	struct report *info;
	char shown[100];
	int r = fuda_jpki_token(call->card, call->dl, &t);

	if (r < 0) {
		info = report_object(call->report, _("Token information"), "token_information",
				     NULL);
		return info_outcome(call, info, r);
	}
	/* unknown is absent in reports for programs */
	report_word(call->report, _("Token"), t.kind == FUDA_TOKEN_UNKNOWN ? NULL : "token",
		    fuda_token_kind_name(t.kind), _(kinds[t.kind]));
	snprintf(shown, sizeof(shown), "%s %s %s", t.label, t.model, t.serial);
	info = report_object(call->report, _("Token information"), "token_information", shown);
	report_text(info, NULL, "label", t.label);
	report_text(info, NULL, "manufacturer", t.manufacturer);
	report_text(info, NULL, "model", t.model);
	report_text(info, NULL, "serial", t.serial);
	report_text(info, NULL, "hardware_version", t.hardware_version);
	report_text(info, NULL, "firmware_version", t.firmware_version);
	return 0;
}

static int add_applications(struct call *call)
{
	const char *names[FUDA_APPLICATIONS_MAX];
	char shown[256] = "";
	struct report *list;
	size_t count = 0;
	int r = fuda_applications(call->card, call->dl, names, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(shown);

		snprintf(shown + used, sizeof(shown) - used, "%s%s", used ? _(", ") : "", names[i]);
	}
	list = report_list(call->report, _("Applications"), "applications", shown);
	for (size_t i = 0; i < count; i++)
		report_text(list, NULL, NULL, names[i]);
	return 0;
}

static void add_presence(struct report *r, const char *key, enum fuda_presence presence)
{
	if (presence != FUDA_PRESENCE_UNKNOWN)
		report_flag(r, NULL, key, presence == FUDA_PRESENT);
}

static int add_availability(struct call *call)
{
	static const char *const texts[] = {
		[FUDA_PRESENCE_UNKNOWN] = N_("not known whether there is one"),
		[FUDA_PRESENT] = N_("there is one"),
		[FUDA_ABSENT] = N_("none"),
	};
	struct fuda_jpki_availability a;
	struct report *present;
	int r = fuda_jpki_availability(call->card, call->dl, &a);

	present = report_object(call->report, _("Certificates by the card's own record"),
				"available", NULL);
	if (r < 0)
		return info_outcome(call, present, r);
	report_word(present, _("for user authentication"), NULL, "-", _(texts[a.auth]));
	report_word(present, _("for digital signatures"), NULL, "-", _(texts[a.sign]));
	add_presence(present, "auth", a.auth);
	add_presence(present, "sign", a.sign);
	return 0;
}

/* ---- certificates that can be read without a PIN ---- */

struct free_cert {
	enum fuda_jpki_object object;
	const char *key, *label;
	struct fuda_buf der;
	int trouble; /* why it was left out */
};

static int read_free(struct call *call, struct free_cert *c)
{
	int r = fuda_jpki_certificate(call->card, c->object, NULL, call->dl, &c->der);

	if (info_one_fault(r))
		c->trouble = r;
	return info_absent(r) || info_one_fault(r) ? 0 : r;
}

/* The verdict in one line: for a card in the hand, an unknown issuer is no reason to suspect it. */
static const char *verdict_text(const struct fuda_verdict *v)
{
	if (v->result == FUDA_RESULT_OK)
		return fuda_result_name(v->result);
	if (strcmp(v->rule, "issuer_unknown") == 0)
		return _("issuer not known (--trust FILE names test CAs)");
	return fuda_rule_text(v->rule);
}

/* Adds the certificate, and what a verifier thinks of it unless `verdict` is NULL. */
static void add_certificate(struct report *to, const struct free_cert *c,
			    const struct fuda_cert *cert, const struct fuda_verdict *verdict)
{
	const struct fuda_cert_facts *f = fuda_cert_facts(cert);
	struct report *facts;
	char shown[600], until[20] = "?";
	struct tm tm;

	if (gmtime_r(&f->not_after, &tm))
		strftime(until, sizeof(until), "%Y-%m-%d", &tm);
	snprintf(shown, sizeof(shown), _("number %s, until %s"), f->serial, until);
	if (verdict) {
		size_t used = strlen(shown);

		snprintf(shown + used, sizeof(shown) - used, ": %s",
			 verdict_text(verdict));
	}
	facts = report_object(to, _(c->label), c->key, shown);
	certs_report(facts, cert);
	if (!verdict)
		return;
	report_text(facts, NULL, "validity", fuda_result_name(verdict->result));
	report_text(facts, NULL, "rule", verdict->rule);
}

/* The holder's certificate, judged with the CA's from the same card at hand. */
static int add_judged(struct call *call, struct report *to, const struct free_cert *auth,
		      const struct free_cert *ca, const struct fuda_cert *cert)
{
	struct fuda_verdict verdict;
	struct fuda_trust *trust;
	int r = certs_trust(call, &trust);

	if (r < 0)
		return r;
	if (ca->der.len)
		certs_offer(trust, cert, &ca->der);
	r = certs_find_issuer(call, trust, cert, CERTS_NOT_FROM_CARD);
	if (r == 0)
		r = fuda_verify(trust, cert, FUDA_USE_AUTH, time(NULL), NULL, &verdict);
	if (r == 0) {
		add_certificate(to, auth, cert, &verdict);
		certs_world(call, verdict.world);
	}
	fuda_trust_free(&trust);
	return r;
}

static int add_parsed(struct call *call, struct report *to, const struct free_cert *c,
		      const struct free_cert *auth_ca)
{
	struct fuda_cert *cert = NULL;
	int r = fuda_cert_new(call->ctx, c->der.data, c->der.len, &cert);

	if (r == 0 && c->object == FUDA_JPKI_AUTH)
		r = add_judged(call, to, c, auth_ca, cert);
	else if (r == 0)
		add_certificate(to, c, cert, NULL);
	fuda_cert_free(&cert);
	return r;
}

static int add_certificates(struct call *call, const struct free_cert *certs, size_t count)
{
	struct report *to = report_object(call->report, _("Certificates readable without a PIN"),
					  "certificates", NULL);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		int trouble = certs[i].trouble;

		if (!trouble && !certs[i].der.len)
			continue;
		if (!trouble)
			trouble = add_parsed(call, to, &certs[i], &certs[1]);
		if (info_one_fault(trouble))
			report_text(report_object(to, _(certs[i].label), certs[i].key,
						  fuda_error_text(trouble)),
				    NULL, "error", fuda_error_name(trouble));
		else
			r = trouble;
	}
	return r;
}

static int add_tries(struct call *call)
{
	struct report *tries = report_object(call->report, _("Secrets"), "tries", NULL);

	return info_outcome(call, tries, secret_report_tries(call, tries));
}

/* What needs the card, as one job. */
static int look(struct call *call, struct free_cert *certs, size_t count, struct info_chain *chain)
{
	int r = fuda_card_begin(call->card, call->dl);

	if (r < 0)
		return r;
	r = fuda_card_probe(call->card, call->dl);
	if (r == 0)
		r = add_token(call);
	if (r == 0)
		r = add_applications(call);
	if (r == 0)
		r = add_availability(call);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = read_free(call, &certs[i]);
	if (r == 0)
		r = add_tries(call);
	if (r == 0)
		r = info_add_parts(call);
	if (r == 0)
		r = info_read_chain(call, chain);
	fuda_card_end(call->card);
	return r;
}

static int run(struct call *call)
{
	struct free_cert certs[] = {
		{ FUDA_JPKI_AUTH, "auth", N_("for user authentication"),
		  FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX), 0 },
		{ FUDA_JPKI_AUTH_CA, "auth_ca", N_("of the authentication CA"),
		  FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX), 0 },
		{ FUDA_JPKI_SIGN_CA, "sign_ca", N_("of the signature CA"),
		  FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX), 0 },
	};
	struct info_chain chain = INFO_CHAIN_INIT;
	int r = call_operands(call, 0, 0);

	if (r == 0)
		r = call_open_card(call);
	if (r == 0)
		r = look(call, certs, ARRAY_SIZE(certs), &chain);
	if (r == 0)
		r = info_add_chain(call, &chain);
	if (r == 0)
		r = add_certificates(call, certs, ARRAY_SIZE(certs));
	for (size_t i = 0; i < ARRAY_SIZE(chain.certificates); i++)
		fuda_buf_free_public(&chain.certificates[i]);
	for (size_t i = 0; i < ARRAY_SIZE(certs); i++)
		fuda_buf_free_public(&certs[i].der);
	return r;
}

const struct fuda_command command_info = {
	.name = "info",
	.summary = N_("show the card at a glance; spends no try"),
	.synopsis = "",
	.flags = COMMAND_CARD | COMMAND_VERIFIES | COMMAND_CV,
	.run = run,
};
