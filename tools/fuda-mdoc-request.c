/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/folder.h"
#include "tools/mdoc-common.h"
#include "tools/phone.h"

static const char *identity_key, *identity_certificate, *engagement_text, *out, *save;
static bool retain, my_number;

/* What --save writes: enough to judge it all again, elsewhere. */
static const char *const file_names[] = { "request.cbor", "transcript.cbor", "reader-key.pem",
					  "response.cbor", NULL };

/* One request. */
struct asking {
	struct fuda_mdoc_profiles *profiles;
	struct mdoc_wishes wishes;
	struct fuda_mdoc_key *key;
	struct mdoc_chain chain;
	struct fuda_mdoc_identity identity;
	bool identified;
	struct phone_talk talk;
};

static void asking_free(struct asking **asking)
{
	if (!*asking)
		return;
	phone_talk_free(&(*asking)->talk);
	fuda_mdoc_key_free(&(*asking)->key);
	mdoc_chain_free(&(*asking)->chain);
	fuda_mdoc_profiles_free(&(*asking)->profiles);
	free(*asking);
}

static int read_identity(struct call *call, struct asking *a)
{
	int r;

	if (!identity_key && !identity_certificate)
		return 0;
	if (!identity_key || !identity_certificate)
		return call_usage(call, _("%s is missing"),
				  identity_key ? "--identity-certificate" : "--identity-key");
	r = fuda_mdoc_key_read(call->ctx, identity_key, &a->key);
	if (r == 0)
		r = mdoc_keep(call, identity_key);
	if (r == 0)
		r = mdoc_chain_read(call, identity_certificate, &a->chain);
	a->identity = (struct fuda_mdoc_identity){ a->key, a->chain.spans, a->chain.count };
	a->identified = true;
	return r;
}

static int prepare(struct call *call, struct asking *a)
{
	int r = mdoc_profiles(call, &a->profiles);

	if (r == 0)
		r = mdoc_wishes(call, a->profiles, retain, my_number, &a->wishes);
	return r < 0 ? r : read_identity(call, a);
}

/* ---- without a phone ---- */

static int write_request(struct call *call, struct asking *a)
{
	_cleanup_buf_ struct fuda_buf transcript = MDOC_BUF, request = MDOC_BUF;
	int r = mdoc_read_transcript(call, a->identified, &transcript);

	if (r == 0)
		r = mdoc_check_output(call, out);
	if (r == 0)
		r = fuda_mdoc_request(call->ctx, a->wishes.wishes, a->wishes.count,
				      a->identified ? &a->identity : NULL, mdoc_span(&transcript),
				      &request);
	return r < 0 ? r : mdoc_write(call, out, &request);
}

/* ---- with one ---- */

static int save_key(struct call *call, struct folder *folder, const struct asking *a)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(16384);
	int r = fuda_mdoc_key_write(call->ctx, fuda_mdoc_reader_key(a->talk.reader), &pem);

	return r < 0 ? r : folder_put(call, folder, "reader-key.pem", pem.data, pem.len);
}

/* What is there, of before or now, is no portrait's to replace. */
static int keep_saved(struct call *call)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && save && file_names[i]; i++) {
		snprintf(path, sizeof(path), "%s/%s", save, file_names[i]);
		r = mdoc_keep(call, path);
	}
	return r;
}

static int save_all(struct call *call, const struct asking *a, struct folder *folder)
{
	const struct phone_talk *t = &a->talk;
	struct fuda_mdoc_span transcript = fuda_mdoc_reader_transcript(t->reader);
	int r = folder_put(call, folder, "request.cbor", t->request.data, t->request.len);

	if (r == 0)
		r = folder_put(call, folder, "transcript.cbor", transcript.bytes, transcript.len);
	if (r == 0)
		r = save_key(call, folder, a);
	if (r == 0)
		r = folder_commit(call, folder);
	return r < 0 ? r : folder_seal(call, folder, t->response.data, t->response.len);
}

static int talk(struct call *call, struct asking *a, const struct fuda_buf *engagement)
{
	int r;

	a->talk.wishes = a->wishes.wishes;
	a->talk.wish_count = a->wishes.count;
	a->talk.identity = a->identified ? &a->identity : NULL;
	a->talk.engagement = mdoc_span(engagement);
	r = phone_open(call, &a->talk);
	return r < 0 ? r : phone_talk(call, &a->talk);
}

/* Makes the request once for another session, and throws it away: whether there can be one, signed
 * by who asks, is seen before the phone is held to the reader. */
static int rehearse(struct call *call, const struct asking *a)
{
	_cleanup_buf_ struct fuda_buf transcript = MDOC_BUF, request = MDOC_BUF;
	const struct fuda_mdoc_span none = { 0 };
	int r = fuda_mdoc_transcript_dcapi(call->ctx, "https://nobody.invalid", "none", none,
					   &transcript);

	return r < 0 ? r :
		       fuda_mdoc_request(call->ctx, a->wishes.wishes, a->wishes.count,
					 a->identified ? &a->identity : NULL,
					 mdoc_span(&transcript), &request);
}

static void tell_kept(void)
{
	if (!retain && (save || mdoc_keeps_portrait()))
		fputs(_("What --save and --portrait write is kept; the phone's holder is told so "
			"only with --retain.\n"),
		      stderr);
}

/* What can be wrong before the phone is asked is found before: its holder is asked once. */
static int request(struct call *call, struct asking *a)
{
	_cleanup_(folder_close) struct folder folder = FOLDER_NONE;
	_cleanup_buf_ struct fuda_buf engagement = MDOC_BUF;
	struct fuda_mdoc_session session;
	int r = 0;

	call->world_told = true; /* which is one of cards */
	if (engagement_text)
		r = mdoc_read_text(call, engagement_text, "DeviceEngagement", &engagement);
	if (r == 0)
		r = keep_saved(call);
	if (r == 0)
		r = mdoc_check_judging(call);
	if (r == 0 && save)
		r = folder_open(call, save, file_names, &folder);
	if (r == 0)
		r = rehearse(call, a);
	if (r == 0)
		tell_kept();
	if (r == 0)
		r = talk(call, a, &engagement);
	if (r == 0 && save)
		r = save_all(call, a, &folder);
	if (r == 0)
		r = keep_saved(call);
	if (r < 0)
		return r;
	session = phone_session(&a->talk);
	return mdoc_judge(call, a->profiles, &session, &a->talk.response);
}

/* What was said that has a meaning only where a phone is asked; NULL: nothing. */
static const char *said_for_phone(void)
{
	if (engagement_text)
		return "engagement";
	if (save)
		return "save";
	if (common.reader)
		return "reader";
	return common.timeout ? "timeout" : mdoc_judging_said();
}

static int run(struct call *call)
{
	_cleanup_(asking_free) struct asking *a = calloc(1, sizeof(*a));
	int r = a ? 0 : FUDA_ENOMEM;

	if (r == 0 && !call->operand_count)
		r = call_usage(call, _("what is asked for is missing: attributes, as name or "
				       "age_over_20; fuda-mdoc-profile(5) lists them"));
	if (r == 0)
		r = call_operands(call, 1, MDOC_WISHES_MAX);
	if (r < 0)
		return r;
	a->talk = PHONE_TALK_INIT;
	if (out && said_for_phone())
		return call_usage(call,
				  _("-o writes a request and asks no phone: --%s does not go "
				    "with it"),
				  said_for_phone());
	if (!out && mdoc_says_file())
		return call_usage(call, _("a phone on the reader has a session of its own: --form, "
					  "--transcript and what makes one go with -o only"));
	r = prepare(call, a);
	if (r < 0)
		return r;
	return out ? write_request(call, a) : request(call, a);
}

static const struct option_spec options[] = {
	{ "identity-key", 0, "FILE", N_("private key of who asks, PEM"), OPTION_TEXT,
	  &identity_key },
	{ "identity-certificate", 0, "FILE", N_("certificates of who asks, PEM, without the root"),
	  OPTION_TEXT, &identity_certificate },
	{ "retain", 0, NULL, N_("tell the holder that what is asked for will be kept"),
	  OPTION_SWITCH, &retain },
	{ "my-number", 0, NULL, N_("the My Number may be asked for: the law allows it for this"),
	  OPTION_SWITCH, &my_number },
	{ "engagement", 0, "TEXT", N_("what the phone's QR code says (mdoc:...), or a file of it"),
	  OPTION_TEXT, &engagement_text },
	{ "save", 0, "DIR", N_("keep request, transcript, key and response there"), OPTION_TEXT,
	  &save },
	{ "output", 'o', "FILE", N_("write the DeviceRequest there instead of asking a phone"),
	  OPTION_TEXT, &out },
	{ NULL },
};

const struct fuda_command command_mdoc_request = {
	.name = "mdoc request",
	.summary = N_("ask a phone on the reader for its holder's data, and verify them"),
	.synopsis = "ATTRIBUTE... --trust FILE",
	.options = options,
	.groups = { mdoc_judging_options, mdoc_profile_options, mdoc_form_options,
		    mdoc_transcript_options },
	.flags = COMMAND_CARD,
	.run = run,
};
