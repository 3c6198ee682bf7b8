/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for certificates (PKCS#10, RFC 2986), taken apart by our own reader: no bytes of a
 * stranger reach another ASN.1 parser. */
#include "service/ca-inside.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include <fuda/hash.h>
#include "pki/der.h"

enum { P256_POINT = 65 };

#define OID_EC_KEY       "1.2.840.10045.2.1"
#define OID_P256         "1.2.840.10045.3.1.7"
#define OID_ECDSA_SHA256 "1.2.840.10045.4.3.2"

static int malformed(struct fuda_context *ctx)
{
	return ctx_fail(ctx, FUDA_EFORMAT,
			_("This is no request for a certificate (PKCS#10 in DER)."));
}

static int other_kind(struct fuda_context *ctx)
{
	return ctx_fail(ctx, FUDA_ENOTSUP,
			_("The request is not for a P-256 key, named so and uncompressed, and "
			  "signed with SHA-256 by it."));
}

/* SubjectPublicKeyInfo of P-256: RFC 5480 2.1.1. */
static int read_spki(struct fuda_context *ctx, struct cursor c, struct cursor *ret_point)
{
	struct cursor parameters, point, first;
	char oid[DER_OID_MAX], curve[DER_OID_MAX];
	unsigned unused;
	uint8_t form;

	if (der_algorithm(&c, oid, &parameters) < 0 || der_bits(&c, &point, &unused) < 0 ||
	    unused || c.left)
		return malformed(ctx);
	if (strcmp(oid, OID_EC_KEY) != 0 || der_oid(&parameters, curve) < 0 || parameters.left ||
	    strcmp(curve, OID_P256) != 0)
		return other_kind(ctx);
	first = point;
	if (cur_u8(&first, &form) < 0 || form != POINT_CONVERSION_UNCOMPRESSED ||
	    point.left != P256_POINT)
		return other_kind(ctx);
	*ret_point = point;
	return 0;
}

/* Attributes ::= [0] SET OF SEQUENCE { OID, SET OF values }, which are not looked at further. */
static int read_attributes(struct cursor *c)
{
	struct tlv list, attribute, type, values;

	if (tlv_expect(c, DER_EXPLICIT(0), &list) < 0)
		return FUDA_EFORMAT;
	while (list.value.left)
		if (tlv_expect(&list.value, DER_SEQUENCE, &attribute) < 0 ||
		    tlv_expect(&attribute.value, DER_OID, &type) < 0 ||
		    tlv_expect(&attribute.value, DER_SET, &values) < 0 || attribute.value.left)
			return FUDA_EFORMAT;
	return 0;
}

/* CertificationRequestInfo: RFC 2986 4.1. */
static int read_info(struct fuda_context *ctx, struct cursor c, struct ca_request *request)
{
	struct cursor version;
	struct tlv name, spki;
	uint8_t v;

	if (der_unsigned(&c, 1, &version) < 0 || cur_u8(&version, &v) < 0 || v != 0 ||
	    tlv_expect(&c, DER_SEQUENCE, &name) < 0 || tlv_expect(&c, DER_SEQUENCE, &spki) < 0 ||
	    read_attributes(&c) < 0 || c.left)
		return malformed(ctx);
	request->spki = spki.whole;
	return read_spki(ctx, spki.value, &request->point);
}

int ca_key_of(struct cursor point, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *kctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[] = "P-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)(uintptr_t)point.p, point.left),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;
	int r = 0;

	if (!kctx || EVP_PKEY_fromdata_init(kctx) != 1)
		r = FUDA_EFAILED;
	else if (EVP_PKEY_fromdata(kctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		r = FUDA_EFORMAT; /* it is the point that OpenSSL refuses */
	EVP_PKEY_CTX_free(kctx);
	if (r == 0)
		*ret = key;
	return r;
}

static int verify(const struct ca_request *request)
{
	_cleanup_(ca_free_pkey) EVP_PKEY *key = NULL;
	_cleanup_(ca_free_md) EVP_MD_CTX *md = EVP_MD_CTX_new();
	int r = ca_key_of(request->point, &key);

	if (r < 0)
		return r;
	if (!md || EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) != 1)
		return FUDA_EFAILED;
	return EVP_DigestVerify(md, request->signature.p, request->signature.left, request->info.p,
				request->info.left) == 1 ?
		       0 :
		       FUDA_EVERIFY;
}

int ca_request_read(struct fuda_context *ctx, struct cursor c, struct ca_request *ret)
{
	struct ca_request request;
	struct tlv whole, info;
	struct cursor parameters;
	char oid[DER_OID_MAX];
	unsigned unused;
	int r;

	if (c.left > CA_CSR_MAX || der_check(c) < 0 || tlv_expect(&c, DER_SEQUENCE, &whole) < 0 ||
	    c.left || tlv_expect(&whole.value, DER_SEQUENCE, &info) < 0 ||
	    der_algorithm(&whole.value, oid, &parameters) < 0 ||
	    der_bits(&whole.value, &request.signature, &unused) < 0 || unused || whole.value.left)
		return malformed(ctx);
	request.info = info.whole;
	r = read_info(ctx, info.value, &request);
	if (r < 0)
		return r;
	if (strcmp(oid, OID_ECDSA_SHA256) != 0 || parameters.left) /* RFC 5758 3.2 */
		return other_kind(ctx);
	r = verify(&request);
	if (r == FUDA_EFORMAT)
		return malformed(ctx);
	if (r == FUDA_EVERIFY)
		return ctx_fail(ctx, r, _("The request is not signed by the key that it is for."));
	if (r < 0)
		return ctx_fail_code(ctx, r);
	*ret = request;
	return 0;
}

int csr_check(struct fuda_context *ctx, const uint8_t *der, size_t len, struct csr *ret)
{
	struct fuda_digest whole, key;
	struct ca_request request;
	CA_FORGET_ERRORS;
	int r = ca_request_read(ctx, cur_of(der, len), &request);

	if (r < 0)
		return r;
	if (fuda_digest_bytes(FUDA_SHA256, der, len, &whole) < 0 ||
	    fuda_digest_bytes(FUDA_SHA256, request.spki.p, request.spki.left, &key) < 0)
		return ctx_fail_code(ctx, FUDA_EFAILED);
	memcpy(ret->hash, whole.bytes, sizeof(ret->hash));
	memcpy(ret->key, key.bytes, sizeof(ret->key));
	return 0;
}
