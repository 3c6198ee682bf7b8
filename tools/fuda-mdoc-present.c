/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/mdoc-common.h"
#include "tools/report.h"

enum { HELD_MAX = LIST_MAX };

static struct text_list credentials, keys, denied, reader_cas, crls;
static const char *request_path, *out = "-";
static bool by_mac, denied_some[LIST_MAX], held_some;

/* What is held, as long as the call lasts. */
struct holding {
	struct fuda_buf credential[HELD_MAX];
	struct fuda_mdoc_key *key[HELD_MAX];
	struct fuda_mdoc_held held[HELD_MAX];
	size_t count;
};

static void holding_free(struct holding *h)
{
	for (size_t i = 0; i < h->count; i++) {
		fuda_buf_free(&h->credential[i]);
		fuda_mdoc_key_free(&h->key[i]);
	}
}

/* Credential number i is that of key number i; a single key is that of all. */
static int read_held(struct call *call, struct holding *h)
{
	int r = 0;

	if (!credentials.count || !keys.count)
		return call_usage(call, _("%s is missing"),
				  credentials.count ? "--device-key" : "--credential");
	if (keys.count != 1 && keys.count != credentials.count)
		return call_usage(call, _("one --device-key for each --credential, or one for "
					  "all"));
	for (size_t i = 0; r == 0 && i < credentials.count; i++) {
		const char *key = keys.items[keys.count == 1 ? 0 : i];

		h->credential[i] = MDOC_BUF;
		h->count++;
		r = mdoc_read_kind(call, credentials.items[i], "IssuerSigned", &h->credential[i]);
		if (r == 0)
			r = fuda_mdoc_key_read(call->ctx, key, &h->key[i]);
		if (r == 0)
			r = mdoc_keep(call, key);
		if (r == 0)
			h->held[i] = (struct fuda_mdoc_held){ mdoc_span(&h->credential[i]),
							      h->key[i], by_mac };
	}
	return r;
}

static bool consents(void *arg, struct fuda_mdoc_span doctype, struct fuda_mdoc_span space,
		     struct fuda_mdoc_span name, bool retain)
{
	(void)arg;
	(void)doctype;
	(void)space;
	(void)retain;
	held_some = true;
	for (size_t i = 0; i < denied.count; i++)
		if (strlen(denied.items[i]) == name.len &&
		    memcmp(denied.items[i], name.bytes, name.len) == 0) {
			denied_some[i] = true;
			return false;
		}
	return true;
}

/* Who denies an element by a wrong name would show it. */
static int check_denied(struct call *call)
{
	for (size_t i = 0; i < denied.count; i++)
		if (!denied_some[i])
			return call_usage(call,
					  _("--deny '%s': no element of this name is held and "
					    "asked for; 'fuda mdoc show' shows the names"),
					  denied.items[i]);
	return 0;
}

static int open_trust(struct call *call, struct fuda_mdoc_trust **ret)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	int r = fuda_mdoc_trust_new(call->ctx, &trust);

	for (size_t i = 0; r == 0 && i < reader_cas.count; i++)
		r = fuda_mdoc_trust_add_reader_file(trust, reader_cas.items[i]);
	for (size_t i = 0; r == 0 && i < crls.count; i++)
		r = fuda_mdoc_trust_add_crl_file(trust, crls.items[i]);
	if (r == 0)
		r = mdoc_keep_all(call, &reader_cas);
	if (r == 0)
		r = mdoc_keep_all(call, &crls);
	if (r < 0)
		return r;
	*ret = trust;
	trust = NULL;
	return 0;
}

/* To readers that are not known nothing is shown, if some are named. */
static int check_reader(struct call *call, const struct fuda_buf *request,
			const struct fuda_buf *transcript)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	const struct fuda_mdoc_policy policy = {
		.at = time(NULL),
		.crl = crls.count ? FUDA_MDOC_CRL_SOFT : FUDA_MDOC_CRL_OFF,
	};
	struct fuda_mdoc_findings findings;
	char reader[512];
	int r;

	if (!reader_cas.count)
		return crls.count ? call_usage(call, _("%s is missing"), "--reader-ca") : 0;
	r = open_trust(call, &trust);
	if (r == 0)
		r = fuda_mdoc_request_verify(call->ctx, trust, &policy, mdoc_span(request),
					     mdoc_span(transcript), &findings, reader);
	for (size_t i = 0; r == 0 && i < findings.count; i++)
		if (fuda_mdoc_rule_result(findings.found[i].rule) != FUDA_RESULT_OK)
			r = call_fail(call, FUDA_EVERIFY, _("Who asks is not accepted (%s): %s"),
				      fuda_mdoc_rule_name(findings.found[i].rule),
				      fuda_mdoc_rule_text(findings.found[i].rule));
	return r;
}

static int present(struct call *call, const struct holding *h)
{
	_cleanup_buf_ struct fuda_buf request = MDOC_BUF, transcript = MDOC_BUF,
				      response = MDOC_BUF;
	int r = mdoc_read_transcript(call, true, &transcript);

	if (r == 0)
		r = mdoc_read_kind(call, request_path, "DeviceRequest", &request);
	if (r == 0)
		r = check_reader(call, &request, &transcript);
	if (r == 0)
		r = mdoc_check_output(call, out);
	if (r == 0)
		r = fuda_mdoc_present(call->ctx, mdoc_span(&request), h->held, h->count,
				      mdoc_span(&transcript), consents, NULL, &response);
	if (r == 0)
		r = check_denied(call);
	if (r == 0)
		r = mdoc_write(call, out, &response);
	if (r == 0 && !held_some)
		fputs(_("Nothing that is asked for is held: the response shows nothing.\n"),
		      stderr);
	return r;
}

static int run(struct call *call)
{
	_cleanup_(holding_free) struct holding holding = { 0 };
	int r = call_operands(call, 0, 0);

	if (r == 0 && !request_path)
		r = call_usage(call, _("%s is missing"), "--request");
	if (r == 0)
		r = read_held(call, &holding);
	return r < 0 ? r : present(call, &holding);
}

static const struct option_spec options[] = {
	{ "credential", 'c', "FILE", N_("IssuerSigned, as it was issued; repeatable"), OPTION_LIST,
	  &credentials },
	{ "device-key", 'k', "FILE", N_("private key that it was issued for; repeatable"),
	  OPTION_LIST, &keys },
	{ "request", 0, "FILE", N_("DeviceRequest that is answered"), OPTION_TEXT, &request_path },
	{ "deny", 0, "ELEMENT", N_("an element that is not shown; repeatable"), OPTION_LIST,
	  &denied },
	{ "reader-ca", 0, "FILE",
	  N_("answer only readers that this CA knows, PEM or DER; repeatable"), OPTION_LIST,
	  &reader_cas },
	{ "crl", 0, "FILE", N_("revocation list of a reader CA; repeatable"), OPTION_LIST, &crls },
	{ "mac", 0, NULL, N_("prove the phone by a MAC instead of a signature"), OPTION_SWITCH,
	  &by_mac },
	{ "output", 'o', "FILE", N_("where the DeviceResponse goes (standard output)"), OPTION_TEXT,
	  &out },
	{ NULL },
};

const struct fuda_command command_mdoc_present = {
	.name = "mdoc present",
	.summary = N_("answer a request with a credential that is held; needs no reader"),
	.synopsis = "--credential FILE --device-key FILE --request FILE --transcript FILE",
	.options = options,
	.groups = { mdoc_transcript_options, mdoc_form_options },
	.flags = COMMAND_FILTER,
	.run = run,
};
