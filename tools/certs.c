/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/certs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <fuda/encode.h>

#include "tools/files.h"
#include "tools/report.h"

enum {
	FILE_MAX = 65536,   /* of a certificate file with text around it */
	DER_SEQUENCE = 0x30 /* what a certificate in DER begins with */
};

/* "EYYYYMMDD", where E is the era and unknown parts are zeros (card.md 5.3), as YYYY-MM-DD. */
static void add_birth(struct report *r, const char *encoded)
{
	char date[16];

	if (strlen(encoded) != 9 || strncmp(encoded + 1, "0000", 4) == 0 ||
	    strncmp(encoded + 5, "00", 2) == 0 || strcmp(encoded + 7, "00") == 0)
		return;
	snprintf(date, sizeof(date), "%.4s-%.2s-%.2s", encoded + 1, encoded + 5, encoded + 7);
	report_text(r, _("Birth date"), "birth_date", date);
}

static void add_sex(struct report *r, const char *encoded)
{
	static const struct {
		const char *code, *word, *text;
	} sexes[] = {
		{ "1", "male", N_("male") },
		{ "2", "female", N_("female") },
		{ "3", "not_known", N_("not known") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sexes); i++)
		if (strcmp(encoded, sexes[i].code) == 0)
			report_word(r, _("Sex"), "sex", sexes[i].word, _(sexes[i].text));
}

void certs_report(struct report *r, const struct fuda_cert *cert)
{
	static const struct {
		const char *word, *text;
	} uses[] = {
		[FUDA_USE_UNKNOWN] = { "", "" },
		[FUDA_USE_AUTH] = { "auth", N_("user authentication") },
		[FUDA_USE_SIGN] = { "sign", N_("digital signature") },
		[FUDA_USE_CA] = { "ca", N_("certification authority") },
	};
	const struct fuda_cert_facts *f = fuda_cert_facts(cert);

	report_word(r, _("Use"), "use", uses[f->use].word, _(uses[f->use].text));
	report_text(r, _("Serial number"), "serial", f->serial);
	report_text(r, _("Subject"), "subject", f->subject);
	report_text(r, _("Issuer"), "issuer", f->issuer);
	report_time(r, _("Valid from"), "not_before", f->not_before);
	report_time(r, _("Valid until"), "not_after", f->not_after);
	report_text(r, _("Name"), "name", f->name);
	report_text(r, _("Address"), "address", f->address);
	add_birth(r, f->birth);
	add_sex(r, f->sex);
	if (f->key_bits)
		report_number(r, _("Key bits"), "key_bits", f->key_bits);
	report_text(r, _("Policy"), "policy", f->policy);
	report_hex(r, _("SHA-256"), "sha256", f->sha256, sizeof(f->sha256));
}

int certs_time(struct call *call, const char *name, const char *text, time_t *ret)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, formats[i], &tm);
		int day = tm.tm_mday;
		time_t t;

		if (!end || *end)
			continue;
		t = timegm(&tm);
		if (tm.tm_mday != day)
			break; /* it made March 2 of February 30 */
		*ret = t;
		return 0;
	}
	return call_usage(call,
			  _("%s takes a time as 2026-11-20 or 2026-11-20T14:59:59Z, not '%s'"),
			  name, text);
}

static int cert_from(struct call *call, const char *path, const struct fuda_buf *file,
		     struct fuda_cert **ret)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(FILE_MAX);
	const char *text = (const char *)file->data;
	size_t left = file->len;
	int r = left ? fuda_pem_decode("CERTIFICATE", &text, &left, &der) : FUDA_EFORMAT;

	if (r == FUDA_ENOTFOUND && file->data[0] == DER_SEQUENCE)
		r = fuda_cert_new(call->ctx, file->data, file->len, ret);
	else if (r < 0)
		return call_fail(call, FUDA_EFORMAT, _("%s: neither a PEM nor a DER certificate"),
				 path);
	else
		r = fuda_cert_new(call->ctx, der.data, der.len, ret);
	return r < 0 ? call_fail(call, r, "%s: %s", path, fuda_context_message(call->ctx)) : 0;
}

int certs_load(struct call *call, const char *path, struct fuda_cert **ret)
{
	_cleanup_buf_ struct fuda_buf file = FUDA_BUF_INIT(FILE_MAX);
	int r = file_read(call, path, &file);

	return r < 0 ? r : cert_from(call, path, &file, ret);
}

int certs_trust(struct call *call, struct fuda_trust **ret)
{
	struct fuda_trust *trust;
	int r = fuda_trust_new(call->ctx, &trust);

	for (size_t i = 0; r == 0 && i < common.trust.count; i++) {
		r = fuda_trust_add_file(trust, common.trust.items[i]);
		if (r < 0)
			fuda_trust_free(&trust);
	}
	if (r == 0)
		*ret = trust;
	return r;
}

/* "ca/<key identifier of the CA>.der" */
static bool cache_name(const struct fuda_cert *cert, char ret[80])
{
	const struct fuda_cert_facts *f = fuda_cert_facts(cert);
	char id[2 * sizeof(f->aki) + 1];

	if (!f->aki_len)
		return false;
	fuda_hex_encode(f->aki, f->aki_len, id);
	snprintf(ret, 80, "ca/%s.der", id);
	return true;
}

void certs_offer(struct fuda_trust *trust, const struct fuda_cert *cert, const struct fuda_buf *ca)
{
	char name[80];

	if (fuda_trust_has_issuer(trust, cert))
		return;
	(void)fuda_trust_offer(trust, ca->data, ca->len); /* a bad one helps nobody */
	if (fuda_trust_has_issuer(trust, cert) && cache_name(cert, name))
		cache_write(name, ca->data, ca->len);
}

int certs_find_issuer(struct call *call, struct fuda_trust *trust, const struct fuda_cert *cert,
		      int ca)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX);
	char name[80];
	int r;

	if (fuda_trust_has_issuer(trust, cert) || !fuda_trust_knows_issuer(cert))
		return 0;
	if (cache_name(cert, name) && cache_read(name, &der) == 0 && der.len)
		(void)fuda_trust_offer(trust, der.data, der.len);
	if (fuda_trust_has_issuer(trust, cert) || ca == CERTS_NOT_FROM_CARD)
		return 0;
	fuda_buf_clear(&der);
	r = fuda_jpki_certificate(call->card, (enum fuda_jpki_object)ca, NULL, call->dl, &der);
	if (r == FUDA_ECANCELLED || r == FUDA_ETIMEOUT || r == FUDA_ENOMEM)
		return r;
	if (r == 0)
		certs_offer(trust, cert, &der);
	return 0;
}

int certs_foresee(struct call *call, enum fuda_jpki_object key, time_t at, struct fuda_buf *ret_der)
{
	enum fuda_cert_use use = key == FUDA_JPKI_SIGN ? FUDA_USE_SIGN : FUDA_USE_AUTH;
	struct fuda_verdict v = { .result = FUDA_RESULT_INVALID_CERTIFICATE, .rule = "" };
	struct fuda_cert *cert = NULL;
	int r = fuda_jpki_certificate(call->card, key, NULL, call->dl, ret_der);

	if (r < 0)
		return r == FUDA_ESECURITY ? 0 : r;
	r = fuda_cert_new(call->ctx, ret_der->data, ret_der->len, &cert);
	if (r == 0)
		r = fuda_verify(NULL, cert, use, at, NULL, &v);
	fuda_cert_free(&cert);
	if (r < 0 && r != FUDA_EFORMAT)
		return call_fail(call, r, _("no verdict: %s"), fuda_error_text(r));
	call->verdict = v;
	return v.result == FUDA_RESULT_OK ? 0 : FUDA_EVERIFY;
}

void certs_not_asked(struct call *call)
{
	static const char *const by_clock[] = { "expired", "not_yet_valid", "issuer_expired",
						"issuer_not_yet_valid" };
	const char *text = N_("The PIN was not asked for.");

	for (size_t i = 0; i < ARRAY_SIZE(by_clock); i++)
		if (strcmp(call->verdict.rule, by_clock[i]) == 0)
			text = N_("The PIN was not asked for. If this machine's clock is wrong, "
				  "set it and try again.");
	snprintf(call->remark, sizeof(call->remark), "%s", _(text));
}

void certs_world(struct call *call, enum fuda_world world)
{
	static const char *const worlds[] = {
		[FUDA_WORLD_UNKNOWN] = N_("unknown: issued by an unknown CA"),
		[FUDA_WORLD_PRODUCTION] = N_("production: issued by a genuine CA of the JPKI"),
		[FUDA_WORLD_TEST] = N_("test: issued by a CA that --trust names"),
	};

	call->world_told = true;
	report_word(call->report, _("World"), "world", fuda_world_name(world), _(worlds[world]));
}

/* What helps where the CA is a genuine one and only its certificate is missing. */
static void tell_missing(const struct fuda_trust *trust, const struct fuda_cert *cert)
{
	if (fuda_trust_knows_issuer(cert) && !fuda_trust_has_issuer(trust, cert))
		fputs(_("fuda: a genuine CA issued this certificate, but the CA's own certificate "
			"is not at hand. Name a file with it (--trust FILE).\n"),
		      stderr);
}

void certs_revocation(struct report *to, enum fuda_revocation revocation)
{
	static const char *const revocations[] = {
		[FUDA_REVOCATION_NOT_CHECKED] = N_("not checked"),
		[FUDA_REVOCATION_GOOD] = N_("not revoked"),
		[FUDA_REVOCATION_REVOKED] = N_("revoked"),
		[FUDA_REVOCATION_UNKNOWN] = N_("unknown"),
	};

	report_word(to, _("Revocation"), "revocation", fuda_revocation_name(revocation),
		    _(revocations[revocation]));
}

int certs_judge(struct call *call, const struct fuda_trust *trust, const struct fuda_cert *cert,
		enum fuda_cert_use use, time_t at, const struct fuda_signed *signature,
		enum judge_issuer issuer)
{
	struct fuda_verdict *v = &call->verdict;
	int r = fuda_verify(trust, cert, use, at, signature, v);

	if (r < 0)
		return call_fail(call, r, _("no verdict: %s"), fuda_error_text(r));
	if (issuer == JUDGE_ISSUER_AT_HAND && strcmp(v->rule, "issuer_unknown") == 0) {
		r = fuda_verify(NULL, cert, use, at, signature, v);
		if (r < 0)
			return call_fail(call, r, _("no verdict: %s"), fuda_error_text(r));
		if (v->result == FUDA_RESULT_OK)
			fputs(_("fuda: the signature fits the certificate. Who issued the "
				"certificate was not checked, because no certificate of the CA is "
				"at hand.\n"),
			      stderr);
	}
	call->shown = call->judged = true;
	certs_world(call, v->world);
	certs_revocation(call->report, v->revocation);
	report_text(call->report, _("Failed rule"), "rule", v->rule);
	if (v->result == FUDA_RESULT_OK)
		return 0;
	tell_missing(trust, cert);
	return call_fail(call, FUDA_EVERIFY, "%s: %s", fuda_result_name(v->result),
			 fuda_rule_text(v->rule));
}
