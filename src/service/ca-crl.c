/* SPDX-License-Identifier: Apache-2.0 */
/* The list of the terminals' certificates that are revoked: RFC 5280 5. */
#include "service/ca-inside.h"

enum { DAY = 86400, REASON_MAX = 10 };

static int add_reason(X509_REVOKED *entry, int reason)
{
	ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
	int r = FUDA_EFAILED;

	if (code && ASN1_ENUMERATED_set(code, reason) == 1 &&
	    X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0) == 1)
		r = 0;
	ASN1_ENUMERATED_free(code);
	return r;
}

static int add_entry(X509_CRL *crl, const struct revoked *revoked)
{
	_cleanup_(ca_free_revoked) X509_REVOKED *entry = X509_REVOKED_new();
	_cleanup_(ca_free_integer) ASN1_INTEGER *serial = ASN1_INTEGER_new();
	_cleanup_(ca_free_time) ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)revoked->at);

	if (!entry || !serial || !at)
		return FUDA_ENOMEM;
	if (ca_set_serial(serial, revoked->serial) < 0 ||
	    X509_REVOKED_set_serialNumber(entry, serial) != 1 ||
	    X509_REVOKED_set_revocationDate(entry, at) != 1 ||
	    (revoked->reason && add_reason(entry, revoked->reason) < 0) ||
	    X509_CRL_add0_revoked(crl, entry) != 1)
		return FUDA_EFAILED;
	entry = NULL; /* of the list now */
	return 0;
}

static int set_times(X509_CRL *crl, time_t now)
{
	_cleanup_(ca_free_time) ASN1_TIME *this_update = ASN1_TIME_set(NULL, now);
	_cleanup_(ca_free_time) ASN1_TIME *next_update =
		ASN1_TIME_set(NULL, now + (time_t)CA_CRL_DAYS * DAY);

	if (!this_update || !next_update || X509_CRL_set1_lastUpdate(crl, this_update) != 1 ||
	    X509_CRL_set1_nextUpdate(crl, next_update) != 1)
		return FUDA_EFAILED;
	return 0;
}

/* Number and key identifier: RFC 5280 5.2 asks for both. */
static int add_extensions(const struct ca *ca, X509_CRL *crl, int64_t number)
{
	_cleanup_(ca_free_integer) ASN1_INTEGER *n = ASN1_INTEGER_new();
	_cleanup_(ca_free_extension) X509_EXTENSION *aki = NULL;
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, ca->cert, NULL, NULL, crl, 0);
	X509V3_set_ctx_nodb(&v3);
	aki = X509V3_EXT_conf_nid(NULL, &v3, NID_authority_key_identifier, "keyid:always");
	if (!n || !aki || ASN1_INTEGER_set_int64(n, number) != 1 ||
	    X509_CRL_add_ext(crl, aki, -1) != 1 ||
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) != 1)
		return FUDA_EFAILED;
	return 0;
}

/* 7 is not used, and 8 is for lists of differences: RFC 5280 5.3.1. */
static bool is_reason(int reason)
{
	return reason >= 0 && reason <= REASON_MAX && reason != 7 && reason != 8;
}

int ca_crl(struct fuda_context *ctx, struct ca *ca, const struct revoked *revoked, size_t count,
	   int64_t number, time_t now, struct fuda_buf *ret_der)
{
	_cleanup_(ca_free_crl) X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	CA_FORGET_ERRORS;
	int r = crl ? 0 : FUDA_ENOMEM, len;

	if (number < 0)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	for (size_t i = 0; i < count; i++)
		if (!is_reason(revoked[i].reason))
			return ctx_fail_code(ctx, FUDA_EINVAL);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_entry(crl, &revoked[i]);
	if (r == 0 && (X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
		       X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) != 1))
		r = FUDA_EFAILED;
	if (r == 0)
		r = set_times(crl, now);
	if (r == 0)
		r = add_extensions(ca, crl, number);
	if (r == 0 && X509_CRL_sign(crl, ca->key, EVP_sha256()) <= 0)
		r = FUDA_EFAILED;
	if (r == 0) {
		len = i2d_X509_CRL(crl, &der);
		r = ca_append(ret_der, der, len);
	}
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}
