/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/certs.h"
#include "tools/report.h"
#include "tools/secrets.h"
#include "tools/signing.h"

#include <stdio.h>
#include <time.h>
#include <fuda/encode.h>
#include <fuda/hash.h>

enum { CHALLENGE_RANDOM = 32, CHALLENGE_MAX = 4096 };

static const char *challenge_hex;

static int make_challenge(struct call *call, struct fuda_buf *ret)
{
	uint8_t fresh[CHALLENGE_RANDOM];
	int r;

	if (!challenge_hex) {
		r = fuda_random(fresh, sizeof(fresh));
		if (r == 0)
			r = fuda_buf_append(ret, fresh, sizeof(fresh));
		return r < 0 ? call_fail(call, r, _("no random bytes for a challenge")) : 0;
	}
	r = fuda_hex_decode(challenge_hex, ret);
	if (r < 0 || !ret->len)
		return call_usage(call, _("--challenge takes 1 to %d bytes in hexadecimal"),
				  CHALLENGE_MAX);
	return 0;
}

struct answer {
	time_t at; /* by which certificates are judged */
	struct fuda_digest digest;
	struct fuda_buf signature, certificate;
};

static int sign_challenge(struct call *call, struct fuda_pin_entry *entry, void *arg)
{
	struct answer *a = arg;

	return fuda_jpki_sign_digest(call->card, FUDA_JPKI_AUTH, &a->digest, entry, call->dl,
				     &a->signature, a->certificate.len ? NULL : &a->certificate);
}

/* The relying party's part. */
static int judge(struct call *call, struct fuda_trust *trust, const struct fuda_buf *challenge,
		 const struct answer *a, const struct fuda_cert *cert)
{
	const struct fuda_signed signature = {
		.digest = a->digest,
		.padding = FUDA_PKCS1,
		.signature = a->signature.data,
		.signature_len = a->signature.len,
	};
	bool is_signed = a->signature.len;
	int r;

	certs_report(report_object(call->report, _("Certificate"), "certificate", NULL), cert);
	report_hex(call->report, _("Challenge"), "challenge", challenge->data, challenge->len);
	if (is_signed)
		report_hex(call->report, NULL, "signature", a->signature.data, a->signature.len);
	r = certs_find_issuer(call, trust, cert, FUDA_JPKI_AUTH_CA);
	if (r < 0)
		return r;
	r = certs_judge(call, trust, cert, FUDA_USE_AUTH, a->at, is_signed ? &signature : NULL,
			JUDGE_ISSUER);
	if (!is_signed)
		certs_not_asked(call);
	return r;
}

static int authenticate(struct call *call, struct fuda_trust *trust,
			const struct fuda_buf *challenge, struct answer *a)
{
	const struct signing_job job = { FUDA_JPKI_AUTH, a->at, sign_challenge, a };
	struct fuda_cert *cert = NULL;
	int r = fuda_digest_bytes(FUDA_SHA256, challenge->data, challenge->len, &a->digest);

	if (r < 0)
		return call_fail(call, r, _("the challenge cannot be hashed"));
	r = call_open_card(call);
	if (r == 0)
		r = signing_run(call, &job, &a->certificate);
	if (r == 0)
		r = fuda_cert_new(call->ctx, a->certificate.data, a->certificate.len, &cert);
	if (r == 0)
		r = judge(call, trust, challenge, a, cert);
	fuda_cert_free(&cert);
	return r;
}

static int run(struct call *call)
{
	_cleanup_buf_ struct fuda_buf challenge = FUDA_BUF_INIT(CHALLENGE_MAX);
	struct answer a = {
		.at = time(NULL),
		.signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX),
		.certificate = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX),
	};
	struct fuda_trust *trust = NULL;
	int r = call_operands(call, 0, 0);

	if (r == 0)
		r = make_challenge(call, &challenge);
	if (r == 0)
		r = certs_trust(call, &trust);
	if (r == 0)
		r = authenticate(call, trust, &challenge, &a);
	fuda_trust_free(&trust);
	fuda_buf_free_public(&a.signature);
	fuda_buf_free_public(&a.certificate);
	return r;
}

static const struct option_spec options[] = {
	{ "challenge", 'c', "HEX", N_("what the card signs (32 random bytes)"), OPTION_TEXT,
	  &challenge_hex },
	{ NULL },
};

const struct fuda_command command_auth = {
	.name = "auth",
	.summary = N_("authenticate the holder: sign a challenge with the card and verify it"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN | COMMAND_VERIFIES,
	.run = run,
};
