/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/certs.h"
#include "tools/files.h"
#include "tools/report.h"
#include "tools/signing.h"

#include <string.h>
#include <time.h>

static const char *signature_path, *certificate_path, *use_name, *at;
static const char *hash = "sha256", *scheme = "pkcs1";

static enum fuda_cert_use wanted_use(void)
{
	if (!use_name)
		return FUDA_USE_UNKNOWN; /* the one that the certificate names */
	return strcmp(use_name, "auth") == 0 ? FUDA_USE_AUTH : FUDA_USE_SIGN;
}

static int judge(struct call *call, const struct signing *s, const struct fuda_cert *cert,
		 const struct fuda_signed *signature, time_t when)
{
	struct fuda_trust *trust = NULL;
	int r = certs_trust(call, &trust);

	certs_report(report_object(call->report, _("Certificate"), "certificate", NULL), cert);
	signing_report(call, s, &signature->digest);
	report_time(call->report, _("Judged for"), "at", when);
	if (r == 0)
		r = certs_find_issuer(call, trust, cert, CERTS_NOT_FROM_CARD);
	if (r == 0)
		r = certs_judge(call, trust, cert, wanted_use(), when, signature, JUDGE_ISSUER);
	fuda_trust_free(&trust);
	return r;
}

static int verify(struct call *call, const struct signing *s, time_t when)
{
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	struct fuda_signed what = { .padding = s->padding };
	struct fuda_cert *cert = NULL;
	int r = certs_load(call, certificate_path, &cert);

	if (r == 0)
		r = file_read(call, signature_path, &signature);
	if (r == 0)
		r = file_digest(call, call->operands[0], s->hash, &what.digest);
	if (r == 0) {
		what.signature = signature.data;
		what.signature_len = signature.len;
		r = judge(call, s, cert, &what, when);
	}
	fuda_cert_free(&cert);
	return r;
}

static int run(struct call *call)
{
	struct signing s = { .hash = FUDA_SHA256 };
	time_t when = time(NULL);
	int r = call_operands(call, 1, 1);

	if (r == 0 && (!signature_path || !certificate_path))
		r = call_usage(call, _("%s is missing"),
			       signature_path ? "--certificate" : "--signature");
	if (r == 0)
		r = signing_options(call, hash, scheme, &s);
	if (r == 0 && at)
		r = certs_time(call, "--at", at, &when);
	return r < 0 ? r : verify(call, &s, when);
}

static const struct option_spec options[] = {
	{ "signature", 's', "FILE", N_("the signature"), OPTION_TEXT, &signature_path },
	{ "certificate", 'c', "FILE", N_("the signer's certificate, PEM or DER"), OPTION_TEXT,
	  &certificate_path },
	{ "use", 0, "auth|sign", N_("what it must be a certificate for (what it says)"),
	  OPTION_CHOICE, &use_name },
	{ "hash", 0, SIGNING_HASHES, N_("hash of the signed data (sha256)"), OPTION_CHOICE, &hash },
	{ "scheme", 0, SIGNING_SCHEMES, N_("padding of the signature (pkcs1)"), OPTION_CHOICE,
	  &scheme },
	{ "at", 0, "TIME", N_("judge as of this time (now)"), OPTION_TEXT, &at },
	{ NULL },
};

const struct fuda_command command_verify = {
	.name = "verify",
	.summary = N_("verify a signature and its certificate; needs no card"),
	.synopsis = "IN --signature FILE --certificate FILE",
	.options = options,
	.flags = COMMAND_VERIFIES,
	.run = run,
};
