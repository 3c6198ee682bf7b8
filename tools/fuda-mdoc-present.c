/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tools/mdoc-common.h"
#include "tools/report.h"

enum { HELD_MAX = LIST_MAX };

static struct text_list credentials, keys, denied;
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

static int present(struct call *call, const struct holding *h)
{
	_cleanup_buf_ struct fuda_buf request = MDOC_BUF, transcript = MDOC_BUF,
				      response = MDOC_BUF;
	int r = mdoc_read_transcript(call, true, &transcript);

	if (r == 0)
		r = mdoc_read_kind(call, request_path, "DeviceRequest", &request);
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
