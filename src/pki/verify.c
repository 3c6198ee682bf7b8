/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement of a relying party: rules in their order, the first that fails gives the result. */
#include <fuda/pki.h>

#include <string.h>

#include "base/util.h"
#include "pki/cert.h"
#include "pki/rules.h"
#include "pki/trust.h"

const char *fuda_result_name(enum fuda_result result)
{
	static const char *const names[] = {
		[FUDA_RESULT_OK] = "ok",
		[FUDA_RESULT_INVALID_CERTIFICATE] = "invalid_certificate",
		[FUDA_RESULT_UNSUPPORTED_CERTIFICATE] = "unsupported_certificate",
		[FUDA_RESULT_CERTIFICATE_EXPIRED] = "certificate_expired",
		[FUDA_RESULT_CERTIFICATE_REVOKED] = "certificate_revoked",
		[FUDA_RESULT_SIGNATURE_MISMATCH] = "signature_mismatch",
		[FUDA_RESULT_REVOCATION_UNKNOWN] = "revocation_unknown",
	};

	return names[result];
}

const char *fuda_world_name(enum fuda_world world)
{
	static const char *const names[] = {
		[FUDA_WORLD_UNKNOWN] = "unknown",
		[FUDA_WORLD_PRODUCTION] = "production",
		[FUDA_WORLD_TEST] = "test",
	};

	return names[world];
}

const char *fuda_revocation_name(enum fuda_revocation revocation)
{
	static const char *const names[] = {
		[FUDA_REVOCATION_NOT_CHECKED] = "not_checked",
		[FUDA_REVOCATION_GOOD] = "good",
		[FUDA_REVOCATION_REVOKED] = "revoked",
		[FUDA_REVOCATION_UNKNOWN] = "unknown",
	};

	return names[revocation];
}

/* What is judged, and what the signatures turned out to be. */
struct job {
	const struct fuda_cert *cert;
	enum fuda_cert_use use; /* never unknown */
	time_t at;
	bool judge_issuer;
	const struct trust_ca *issuer; /* NULL if unknown */
	int issuer_signature;          /* as in struct issuer */
	int signature; /* 0, FUDA_EVERIFY, FUDA_ENOTSUP; 0 if there is none to judge */
};

static bool issuer_known(const struct job *j)
{
	return j->issuer != NULL;
}

static bool algorithm_accepted(const struct job *j)
{
	return j->cert->signed_with != NULL;
}

static bool issuer_key_accepted(const struct job *j)
{
	return key_in_profile(j->issuer->cert->key);
}

static bool issuer_signed(const struct job *j)
{
	return j->issuer_signature == 0;
}

static bool issuer_is_ca(const struct job *j)
{
	return j->issuer->cert->facts.use == FUDA_USE_CA;
}

/* By their texts, not their bytes: other string types may spell the same name. A CA that is
 * believed for its own sake may name whom it likes. */
static bool issuer_named(const struct job *j)
{
	const struct fuda_cert_facts *f = &j->cert->facts, *issuer = &j->issuer->cert->facts;

	return strcmp(f->issuer, issuer->subject) == 0 ||
	       memcmp(f->sha256, issuer->sha256, sizeof(f->sha256)) == 0;
}

/* What fits no profile at all is left to the rules of the profile. */
static bool issuer_issues_such(const struct job *j)
{
	enum fuda_cert_use use = j->cert->facts.use;

	return use == FUDA_USE_UNKNOWN || use == FUDA_USE_CA ||
	       j->issuer->use == FUDA_USE_UNKNOWN || j->issuer->use == use;
}

static bool issuer_not_expired(const struct job *j)
{
	return j->at <= j->issuer->cert->facts.not_after;
}

static bool issuer_begun(const struct job *j)
{
	return j->at >= j->issuer->cert->facts.not_before;
}

static bool critical_understood(const struct job *j)
{
	return !j->cert->unknown_critical;
}

static bool basic_constraints_fit(const struct job *j)
{
	return j->cert->ca == (j->use == FUDA_USE_CA);
}

static bool not_for_other_use(const struct job *j)
{
	return j->cert->facts.use == FUDA_USE_UNKNOWN || j->cert->facts.use == j->use;
}

static bool key_usage_fits(const struct job *j)
{
	uint32_t usage = j->cert->key_usage;

	switch (j->use) {
	case FUDA_USE_AUTH:
		return usage == KU_DIGITAL_SIGNATURE;
	case FUDA_USE_SIGN:
		return usage == (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
	default:
		return usage & KU_KEY_CERT_SIGN;
	}
}

static bool extended_key_usage_fits(const struct job *j)
{
	return j->use != FUDA_USE_AUTH || j->cert->client_auth;
}

static bool policy_fits(const struct job *j)
{
	return j->use == FUDA_USE_CA || j->cert->jpki_policy;
}

static bool key_accepted(const struct job *j)
{
	return key_in_profile(j->cert->key);
}

static bool not_expired(const struct job *j)
{
	return j->at <= j->cert->facts.not_after;
}

static bool begun(const struct job *j)
{
	return j->at >= j->cert->facts.not_before;
}

static bool signature_accepted(const struct job *j)
{
	return j->signature != FUDA_ENOTSUP;
}

static bool signature_fits(const struct job *j)
{
	return j->signature == 0;
}

/* In the order of judgement, which <fuda/pki.h> documents; each may rely on those before it. */
static const struct rule {
	const char *name;
	enum fuda_result result; /* if it does not hold */
	bool (*holds)(const struct job *j);
	const char *text;
} rules[] = {
	{ "issuer_unknown", FUDA_RESULT_INVALID_CERTIFICATE, issuer_known,
	  N_("No CA that is believed has issued this certificate. If it belongs to a test card, "
	     "name the certificates of its test CAs (--trust FILE).") },
	{ "profile_signature_algorithm", FUDA_RESULT_UNSUPPORTED_CERTIFICATE, algorithm_accepted,
	  N_("The certificate is signed by an algorithm that is not accepted. RSA with SHA-256, "
	     "SHA-384 or SHA-512 is, and ECDSA with SHA-384; ask for a newer certificate.") },
	{ "issuer_key", FUDA_RESULT_UNSUPPORTED_CERTIFICATE, issuer_key_accepted,
	  N_("The key of the CA is not of the kind and size that the JPKI uses (RSA with 2048 "
	     "bits, or P-384). A newer version of this program may know it.") },
	{ "issuer_signature", FUDA_RESULT_INVALID_CERTIFICATE, issuer_signed,
	  N_("The signature of the CA on this certificate is wrong: the certificate is forged or "
	     "was changed. Do not accept it.") },
	{ "issuer_not_ca", FUDA_RESULT_INVALID_CERTIFICATE, issuer_is_ca,
	  N_("The certificate of the issuer is not that of a CA. Name CA certificates only "
	     "(--trust FILE).") },
	{ "issuer_name", FUDA_RESULT_INVALID_CERTIFICATE, issuer_named,
	  N_("The certificate names another issuer than the CA that signed it. Do not accept "
	     "it.") },
	{ "issuer_use", FUDA_RESULT_INVALID_CERTIFICATE, issuer_issues_such,
	  N_("This CA does not issue certificates of this kind: user authentication and digital "
	     "signature have CAs of their own. Do not accept the certificate.") },
	{ "issuer_expired", FUDA_RESULT_CERTIFICATE_EXPIRED, issuer_not_expired,
	  N_("The certificate of the CA has expired, and with it all that it issued. The holder "
	     "needs a new certificate from the municipality.") },
	{ "issuer_not_yet_valid", FUDA_RESULT_INVALID_CERTIFICATE, issuer_begun,
	  N_("The certificate of the CA is not valid yet. Check the clock of this machine.") },
	{ "profile_critical_extension", FUDA_RESULT_UNSUPPORTED_CERTIFICATE, critical_understood,
	  N_("The certificate makes a condition that this program does not understand (an unknown "
	     "critical extension). A newer version may know it.") },
	{ "profile_basic_constraints", FUDA_RESULT_INVALID_CERTIFICATE, basic_constraints_fit,
	  N_("A certificate of a person is needed where that of a CA was given, or the other way "
	     "round. Choose the other certificate.") },
	{ "profile_use", FUDA_RESULT_INVALID_CERTIFICATE, not_for_other_use,
	  N_("The certificate serves another purpose: user authentication and digital signature "
	     "have a certificate each. Choose the other one.") },
	{ "profile_key_usage", FUDA_RESULT_INVALID_CERTIFICATE, key_usage_fits,
	  N_("The key usage of the certificate does not permit this, or more than this. Do not "
	     "accept it.") },
	{ "profile_extended_key_usage", FUDA_RESULT_INVALID_CERTIFICATE, extended_key_usage_fits,
	  N_("The certificate is not meant for client authentication. Do not accept it for user "
	     "authentication.") },
	{ "profile_policy", FUDA_RESULT_UNSUPPORTED_CERTIFICATE, policy_fits,
	  N_("The certificate follows none of the policies of the JPKI. It is not one of a My "
	     "Number card.") },
	{ "profile_key", FUDA_RESULT_UNSUPPORTED_CERTIFICATE, key_accepted,
	  N_("The key of the certificate is not of the kind and size that the JPKI uses (RSA with "
	     "2048 bits, or P-384). A newer version of this program may know it.") },
	{ "expired", FUDA_RESULT_CERTIFICATE_EXPIRED, not_expired,
	  N_("The certificate has expired. The holder gets a new one from the municipality.") },
	{ "not_yet_valid", FUDA_RESULT_INVALID_CERTIFICATE, begun,
	  N_("The certificate is not valid yet. Check the clock of this machine.") },
	{ "signature_algorithm", FUDA_RESULT_SIGNATURE_MISMATCH, signature_accepted,
	  N_("The hash that was signed is not accepted. Use SHA-256, SHA-384 or SHA-512; with a "
	     "P-384 key SHA-384.") },
	{ "signature_mismatch", FUDA_RESULT_SIGNATURE_MISMATCH, signature_fits,
	  N_("The signature was not made by the key of this certificate, or not over this data. Do "
	     "not accept it.") },
};

const char *fuda_rule_text(const char *rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strcmp(rules[i].name, rule) == 0)
			return _(rules[i].text);
	for (size_t i = 0; i < RECORD_RULES; i++)
		if (strcmp(record_rules[i].name, rule) == 0)
			return _(record_rules[i].text);
	return "";
}

/* What the certificate is nearest to, for callers to whom any use is right. */
static enum fuda_cert_use nearest_use(const struct fuda_cert *cert)
{
	if (cert->facts.use != FUDA_USE_UNKNOWN)
		return cert->facts.use;
	if (cert->ca)
		return FUDA_USE_CA;
	return cert->key_usage & KU_NON_REPUDIATION ? FUDA_USE_SIGN : FUDA_USE_AUTH;
}

/* Errors other than these mean that nobody knows. */
static bool is_answer(int r)
{
	return r == 0 || r == FUDA_EVERIFY || r == FUDA_ENOTSUP;
}

static struct fuda_verdict judge(const struct job *j)
{
	struct fuda_verdict verdict = { .revocation = FUDA_REVOCATION_NOT_CHECKED, .rule = "" };

	if (j->issuer && j->issuer_signature == 0)
		verdict.world = j->issuer->world;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		bool about_issuer = strncmp(rules[i].name, "issuer_", 7) == 0;

		if ((about_issuer && !j->judge_issuer) || rules[i].holds(j))
			continue;
		verdict.result = rules[i].result;
		verdict.rule = rules[i].name;
		break;
	}
	return verdict;
}

int fuda_verify(const struct fuda_trust *trust, const struct fuda_cert *cert,
		enum fuda_cert_use use, time_t at, const struct fuda_signed *signed_,
		struct fuda_verdict *ret)
{
	struct job job = { .cert = cert, .use = use, .at = at, .judge_issuer = trust != NULL };
	struct issuer issuer = { 0 };
	int r = trust ? trust_issuer(trust, cert, &issuer) : 0;

	if (r < 0 && r != FUDA_ENOTFOUND)
		return r;
	job.issuer = issuer.ca;
	job.issuer_signature = issuer.signature;
	if (use == FUDA_USE_UNKNOWN)
		job.use = nearest_use(cert);
	if (signed_) {
		job.signature = key_verify(cert->key, signed_->padding, &signed_->digest,
					   signed_->signature, signed_->signature_len);
		if (!is_answer(job.signature))
			return job.signature;
	}
	*ret = judge(&job);
	return 0;
}
