/* SPDX-License-Identifier: Apache-2.0 */
/* An X.509 certificate, version 3, by RFC 5280: all but its extensions. */
#include "pki/cert.h"

#include <fuda/encode.h>
#include <stdlib.h>

#include "base/context.h"
#include "pki/der.h"

enum { SERIAL_MAX = 20 /* RFC 5280 4.1.2.2 */ };

/* What a certificate may be signed with; what is not here is kept and refused at verification. */
static const struct signature_algorithm algorithms[] = {
	{ "1.2.840.113549.1.1.11", FUDA_SHA256, FUDA_PKCS1, true }, /* RFC 4055 5 */
	{ "1.2.840.113549.1.1.12", FUDA_SHA384, FUDA_PKCS1, true },
	{ "1.2.840.113549.1.1.13", FUDA_SHA512, FUDA_PKCS1, true },
	{ "1.2.840.10045.4.3.3", FUDA_SHA384, FUDA_ECDSA, false }, /* RFC 5758 3.2 */
};

static int read_version(struct fuda_cert *cert _unused_, struct cursor *c)
{
	struct tlv t;
	struct cursor version;
	uint8_t v;

	if (tlv_expect(c, DER_EXPLICIT(0), &t) < 0 || der_unsigned(&t.value, 1, &version) < 0 ||
	    t.value.left || cur_u8(&version, &v) < 0 || v != 2) /* v3 */
		return FUDA_EFORMAT;
	return 0;
}

static int read_serial(struct fuda_cert *cert, struct cursor *c)
{
	struct cursor serial, first;
	uint8_t b;

	if (der_unsigned(c, SERIAL_MAX, &serial) < 0)
		return FUDA_EFORMAT;
	first = serial;
	if (cur_u8(&first, &b) < 0 || b == 0) /* zero is not positive */
		return FUDA_EFORMAT;
	cert->serial = serial;
	fuda_hex_encode(serial.p, serial.left, cert->facts.serial);
	return 0;
}

const struct signature_algorithm *signature_algorithm(const char *oid, struct cursor parameters)
{
	const bool absent = parameters.left == 0;
	struct tlv null;

	if (!absent &&
	    (tlv_expect(&parameters, DER_NULL, &null) < 0 || null.value.left || parameters.left))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (strcmp(algorithms[i].oid, oid) == 0)
			return absent || algorithms[i].null ? &algorithms[i] : NULL;
	return NULL;
}

static int read_algorithm(struct fuda_cert *cert, struct cursor *c)
{
	struct cursor start = *c, parameters;
	char oid[DER_OID_MAX];

	if (der_algorithm(c, oid, &parameters) < 0)
		return FUDA_EFORMAT;
	cert->algorithm = cur_of(start.p, start.left - c->left);
	cert->signed_with = signature_algorithm(oid, parameters);
	return 0;
}

static int read_issuer(struct fuda_cert *cert, struct cursor *c)
{
	struct cursor start = *c;

	if (der_name(c, cert->facts.issuer) < 0 || !cert->facts.issuer[0]) /* RFC 5280 4.1.2.4 */
		return FUDA_EFORMAT;
	cert->issuer = cur_of(start.p, start.left - c->left);
	return 0;
}

static int read_validity(struct fuda_cert *cert, struct cursor *c)
{
	struct tlv t;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0 ||
	    der_time(&t.value, &cert->facts.not_before) < 0 ||
	    der_time(&t.value, &cert->facts.not_after) < 0 || t.value.left)
		return FUDA_EFORMAT;
	return 0;
}

static int read_subject(struct fuda_cert *cert, struct cursor *c)
{
	struct cursor start = *c;

	if (der_name(c, cert->facts.subject) < 0)
		return FUDA_EFORMAT;
	cert->subject = cur_of(start.p, start.left - c->left);
	return 0;
}

static int read_key(struct fuda_cert *cert, struct cursor *c)
{
	int r = key_new(c, &cert->key);

	if (r == 0)
		cert->facts.key_bits = key_bits(cert->key);
	return r;
}

/* The last part; the unique identifiers that may stand before it must not be made: RFC
 * 5280 4.1.2.8. */
static int read_extensions(struct fuda_cert *cert, struct cursor *c)
{
	struct tlv t;

	if (tlv_expect(c, DER_EXPLICIT(3), &t) < 0 || cert_extensions(cert, &t.value) < 0 ||
	    t.value.left || c->left)
		return FUDA_EFORMAT;
	return 0;
}

/* TBSCertificate, part by part: RFC 5280 4.1. */
static const struct {
	int (*read)(struct fuda_cert *cert, struct cursor *c);
	const char *name;
} parts[] = {
	{ read_version, N_("version") },
	{ read_serial, N_("serial number") },
	{ read_algorithm, N_("signature algorithm") },
	{ read_issuer, N_("issuer") },
	{ read_validity, N_("validity") },
	{ read_subject, N_("subject") },
	{ read_key, N_("public key") },
	{ read_extensions, N_("extensions") },
};

/* Certificate: TBSCertificate, the algorithm once more, signature. */
static int read_frame(struct fuda_cert *cert, struct cursor *ret_tbs)
{
	struct cursor all = cur_of(cert->der, cert->len);
	struct tlv certificate, tbs, algorithm;
	unsigned unused;

	if (der_check(all) < 0 || tlv_expect(&all, DER_SEQUENCE, &certificate) < 0 || all.left ||
	    tlv_expect(&certificate.value, DER_SEQUENCE, &tbs) < 0 ||
	    tlv_expect(&certificate.value, DER_SEQUENCE, &algorithm) < 0 ||
	    der_bits(&certificate.value, &cert->signature, &unused) < 0 || unused ||
	    certificate.value.left)
		return FUDA_EFORMAT;
	cert->tbs = tbs.whole;
	cert->algorithm = algorithm.whole;
	*ret_tbs = tbs.value;
	return 0;
}

static int malformed(struct fuda_context *ctx, const char *part)
{
	return ctx_fail(ctx, FUDA_EFORMAT, _("The certificate is malformed: %s."), part);
}

/* RFC 5280 4.1.1.2 */
static bool same_algorithm(struct cursor outer, struct cursor inner)
{
	return cur_equal(outer, inner);
}

static int parse(struct fuda_context *ctx, struct fuda_cert *cert)
{
	struct cursor tbs, outer;

	if (read_frame(cert, &tbs) < 0)
		return malformed(ctx, _("not a whole certificate in DER"));
	outer = cert->algorithm;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int r = parts[i].read(cert, &tbs);

		if (r == FUDA_ENOMEM || r == FUDA_EFAILED)
			return ctx_fail_code(ctx, r);
		if (r < 0)
			return malformed(ctx, _(parts[i].name));
	}
	if (!same_algorithm(outer, cert->algorithm))
		return malformed(ctx, _("two signature algorithms"));
	return 0;
}

/* card.md 5.1 to 5.3 */
static enum fuda_cert_use find_use(const struct fuda_cert *cert)
{
	if (cert->ca)
		return cert->key_usage & KU_KEY_CERT_SIGN ? FUDA_USE_CA : FUDA_USE_UNKNOWN;
	if (!cert->jpki_policy)
		return FUDA_USE_UNKNOWN;
	if (cert->key_usage == (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION))
		return FUDA_USE_SIGN;
	if (cert->key_usage == KU_DIGITAL_SIGNATURE && cert->client_auth)
		return FUDA_USE_AUTH;
	return FUDA_USE_UNKNOWN;
}

/* Everything that follows from the bytes in cert->der. */
static int fill(struct fuda_context *ctx, struct fuda_cert *cert)
{
	struct fuda_digest digest;
	int r = parse(ctx, cert);

	if (r < 0)
		return r;
	r = fuda_digest_bytes(FUDA_SHA256, cert->der, cert->len, &digest);
	if (r < 0)
		return ctx_fail_code(ctx, r);
	memcpy(cert->facts.sha256, digest.bytes, sizeof(cert->facts.sha256));
	cert->facts.use = find_use(cert);
	return 0;
}

int fuda_cert_new(struct fuda_context *ctx, const uint8_t *der, size_t len, struct fuda_cert **ret)
{
	struct fuda_cert *cert;
	int r;

	if (len == 0 || len > CERT_MAX)
		return malformed(ctx, len ? _("it is too long") : _("it is empty"));
	cert = calloc(1, sizeof(*cert));
	if (!cert)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	cert->der = malloc(len);
	if (!cert->der) {
		fuda_cert_free(&cert);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	memcpy(cert->der, der, len);
	cert->len = len;
	r = fill(ctx, cert);
	if (r < 0) {
		fuda_cert_free(&cert);
		return r;
	}
	*ret = cert;
	return 0;
}

/* Signature certificates hold the name and address of a person: wiped. */
void fuda_cert_free(struct fuda_cert **cert)
{
	if (!*cert)
		return;
	key_free(&(*cert)->key);
	wipe((*cert)->der, (*cert)->len);
	free((*cert)->der);
	wipe(*cert, sizeof(**cert));
	free(*cert);
	*cert = NULL;
}

const struct fuda_cert_facts *fuda_cert_facts(const struct fuda_cert *cert)
{
	return &cert->facts;
}

const uint8_t *fuda_cert_der(const struct fuda_cert *cert, size_t *ret_len)
{
	*ret_len = cert->len;
	return cert->der;
}

int cert_signed_by(const struct fuda_cert *cert, const struct fuda_cert *issuer)
{
	const struct signature_algorithm *algorithm = cert->signed_with;
	struct fuda_digest digest;
	int r;

	if (!algorithm)
		return FUDA_ENOTSUP;
	r = fuda_digest_bytes(algorithm->hash, cert->tbs.p, cert->tbs.left, &digest);
	if (r < 0)
		return r;
	return key_verify(issuer->key, algorithm->padding, &digest, cert->signature.p,
			  cert->signature.left);
}
