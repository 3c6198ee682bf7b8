/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mdoc-common.h"

static const char *request_path, *reader_key;

static int verify(struct call *call, const struct fuda_mdoc_profiles *profiles,
		  struct fuda_mdoc_session *session)
{
	_cleanup_buf_ struct fuda_buf response = MDOC_BUF, transcript = MDOC_BUF,
				      request = MDOC_BUF;
	int r = mdoc_read_transcript(call, false, &transcript);

	if (r == 0 && request_path)
		r = mdoc_read_kind(call, request_path, "DeviceRequest", &request);
	if (r == 0)
		r = mdoc_read_kind(call, call->operands[0], "DeviceResponse", &response);
	if (r < 0)
		return r;
	session->transcript = mdoc_span(&transcript);
	session->request = mdoc_span(&request);
	return mdoc_judge(call, profiles, session, &response);
}

static int run(struct call *call)
{
	_cleanup_(fuda_mdoc_profiles_free) struct fuda_mdoc_profiles *profiles = NULL;
	_cleanup_(fuda_mdoc_key_free) struct fuda_mdoc_key *reader = NULL;
	struct fuda_mdoc_session session = { 0 };
	int r = call_operands(call, 1, 1);

	if (r == 0)
		r = mdoc_check_judging(call);
	if (r == 0)
		r = mdoc_profiles(call, &profiles);
	if (r == 0 && reader_key)
		r = fuda_mdoc_key_read(call->ctx, reader_key, &reader);
	if (r == 0)
		r = mdoc_keep(call, reader_key);
	session.reader = reader;
	return r < 0 ? r : verify(call, profiles, &session);
}

static const struct option_spec options[] = {
	{ "request", 0, "FILE", N_("DeviceRequest: what was asked for"), OPTION_TEXT,
	  &request_path },
	{ "reader-key", 0, "FILE", N_("the reader's ephemeral private key, which judges MACs"),
	  OPTION_TEXT, &reader_key },
	{ NULL },
};

const struct fuda_command command_mdoc_verify = {
	.name = "mdoc verify",
	.summary = N_("verify what a phone has shown; needs no reader"),
	.synopsis = "RESPONSE --trust FILE",
	.options = options,
	.groups = { mdoc_transcript_options, mdoc_judging_options, mdoc_profile_options },
	.run = run,
};
