/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/certs.h"
#include "tools/files.h"
#include "tools/report.h"
#include "tools/secrets.h"
#include "tools/signing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <fuda/encode.h>

static const char *key_name, *format, *out, *certificate_path;
static const char *hash = "sha256", *scheme = "pkcs1";

struct work {
	enum fuda_jpki_object key;
	time_t at; /* by which certificates are judged */
	struct signing how;
	struct fuda_digest digest;
	struct fuda_buf signature, certificate;
	struct file_out out, certificate_out;
};

static int sign_with_card(struct call *call, struct fuda_pin_entry *entry, void *arg)
{
	struct work *w = arg;
	const struct fuda_jpki_input pss = { w->key, FUDA_JPKI_PSS_SHA256, w->digest.bytes,
					     w->digest.len };
	struct fuda_buf *certificate = w->certificate.len ? NULL : &w->certificate;

	return w->how.padding == FUDA_PSS ?
		       fuda_jpki_sign(call->card, &pss, entry, call->dl, &w->signature,
				      certificate) :
		       fuda_jpki_sign_digest(call->card, w->key, &w->digest, entry, call->dl,
					     &w->signature, certificate);
}

/* Nothing is called done that the first verifier would refuse. That the issuer is not known here
 * says nothing of the signature. */
static int check(struct call *call, struct fuda_trust *trust, const struct work *w,
		 const struct fuda_cert *cert)
{
	const struct fuda_signed signature = {
		.digest = w->digest,
		.padding = w->how.padding,
		.signature = w->signature.data,
		.signature_len = w->signature.len,
	};
	bool sign = w->key == FUDA_JPKI_SIGN, is_signed = w->signature.len;
	int r = certs_find_issuer(call, trust, cert, sign ? FUDA_JPKI_SIGN_CA : FUDA_JPKI_AUTH_CA);

	if (r < 0)
		return r;
	r = certs_judge(call, trust, cert, sign ? FUDA_USE_SIGN : FUDA_USE_AUTH, w->at,
			is_signed ? &signature : NULL, JUDGE_ISSUER_AT_HAND);
	if (!is_signed)
		certs_not_asked(call);
	return r;
}

/* Before the PIN: a try is too good to find out afterwards that nothing can be written. */
static int open_files(struct call *call, struct work *w)
{
	const char *in = call->operands[0];
	int r = file_out_open(call, out, &w->out);

	if (r == 0 && certificate_path)
		r = file_out_open(call, certificate_path, &w->certificate_out);
	if (r < 0)
		return r;
	if (file_out_replaces(&w->out, in) || file_out_replaces(&w->certificate_out, in))
		return call_usage(call, _("the file to be signed would be overwritten: %s"), in);
	if (file_out_same(&w->out, &w->certificate_out))
		return call_usage(call, _("signature and certificate cannot both go to %s"), out);
	return 0;
}

/* A signature that nobody gets is no result. */
static int not_written(struct call *call, const char *path)
{
	call->judged = call->shown = false;
	return call_fail(call, FUDA_EFILE, _("%s: %s; the signature was made but not written"),
			 path, strerror(errno));
}

/* The signature last: where it is, all of it is. */
static int write_files(struct call *call, struct work *w)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(2 * FUDA_CERTIFICATE_MAX);

	if (certificate_path) {
		int r = fuda_pem_encode("CERTIFICATE", w->certificate.data, w->certificate.len,
					&pem);

		if (r < 0)
			return call_fail(call, r, "%s", fuda_error_text(r));
		if (file_out_write(&w->certificate_out, pem.data, pem.len) < 0)
			return not_written(call, certificate_path);
	}
	if (file_out_write(&w->out, w->signature.data, w->signature.len) < 0)
		return not_written(call, out);
	report_text(call->report, _("Written to"), "out", out);
	report_text(call->report, _("Certificate written to"), "certificate_out", certificate_path);
	return 0;
}

static int sign(struct call *call, struct fuda_trust *trust, struct work *w)
{
	const struct signing_job job = { w->key, w->at, sign_with_card, w };
	struct fuda_cert *cert = NULL;
	int r = file_digest(call, call->operands[0], w->how.hash, &w->digest);

	if (r == 0)
		r = open_files(call, w);
	if (r < 0)
		return r;
	session_restart(call); /* a large file is no reason to give up on the card */
	r = call_open_card(call);
	if (r == 0)
		r = signing_run(call, &job, &w->certificate);
	if (r == 0)
		r = fuda_cert_new(call->ctx, w->certificate.data, w->certificate.len, &cert);
	if (r < 0)
		return r;
	certs_report(report_object(call->report, _("Certificate"), "certificate", NULL), cert);
	signing_report(call, &w->how, &w->digest);
	if (w->signature.len)
		report_hex(call->report, NULL, "signature", w->signature.data, w->signature.len);
	r = check(call, trust, w, cert);
	fuda_cert_free(&cert);
	return r < 0 ? r : write_files(call, w);
}

static int check_options(struct call *call, struct work *w)
{
	const char *missing = !key_name ? "--key" : !format ? "--format" : !out ? "--out" : NULL;
	bool standard_output = out && strcmp(out, "-") == 0;

	if (missing)
		return call_usage(call, _("%s is missing"), missing);
	if (strcmp(call->operands[0], "-") == 0 && common.pin_fd == STDIN_FILENO)
		return call_usage(call, _("standard input cannot give both data and secrets"));
	if (standard_output && common.json)
		return call_usage(call, _("standard output cannot take both signature and report"));
	if (certificate_path && strcmp(certificate_path, "-") == 0)
		return call_usage(call, _("standard output has no room for the certificate: say -c "
					  "FILE"));
	if (standard_output && isatty(STDOUT_FILENO))
		return call_usage(call, _("a signature is not for terminals: say -o FILE"));
	call->raw = standard_output;
	w->key = strcmp(key_name, "sign") == 0 ? FUDA_JPKI_SIGN : FUDA_JPKI_AUTH;
	return signing_options(call, hash, scheme, &w->how);
}

static int run(struct call *call)
{
	struct work w = {
		.at = time(NULL),
		.signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX),
		.certificate = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX),
		.out = FILE_OUT_NONE,
		.certificate_out = FILE_OUT_NONE,
	};
	struct fuda_trust *trust = NULL;
	int r = call_operands(call, 1, 1);

	if (r == 0)
		r = check_options(call, &w);
	if (r == 0)
		r = certs_trust(call, &trust);
	if (r == 0)
		r = sign(call, trust, &w);
	fuda_trust_free(&trust);
	file_out_close(&w.out);
	file_out_close(&w.certificate_out);
	fuda_buf_free_public(&w.signature);
	fuda_buf_free_public(&w.certificate);
	return r;
}

static const struct option_spec options[] = {
	{ "key", 'k', "auth|sign", N_("which key of the card signs"), OPTION_CHOICE, &key_name },
	{ "format", 'f', "raw", N_("raw: the signature alone, as the card makes it"), OPTION_CHOICE,
	  &format },
	{ "out", 'o', "FILE", N_("where the signature goes"), OPTION_TEXT, &out },
	{ "certificate", 'c', "FILE", N_("write the signer's certificate to FILE, as PEM"),
	  OPTION_TEXT, &certificate_path },
	{ "hash", 0, SIGNING_HASHES, N_("hash of the data (sha256)"), OPTION_CHOICE, &hash },
	{ "scheme", 0, SIGNING_SCHEMES, N_("padding of the signature (pkcs1)"), OPTION_CHOICE,
	  &scheme },
	{ NULL },
};

const struct fuda_command command_sign = {
	.name = "sign",
	.summary = N_("sign a file with the card and verify the signature"),
	.synopsis = "--key auth|sign --format raw IN -o OUT",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN | COMMAND_VERIFIES,
	.run = run,
};
