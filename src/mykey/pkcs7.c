/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/certificate.h"
#include "pki/der.h"

enum { CERTIFICATES = 0, LISTS = 1 };

static const char signed_data[] = "1.2.840.113549.1.7.2", data[] = "1.2.840.113549.1.7.1";

/* SEQUENCE { contentType, [0] content }, the outer one or the one inside. */
static int content_info(struct cursor *c, const char *type, struct cursor *ret)
{
	struct tlv info;
	char oid[DER_OID_MAX];

	if (tlv_expect(c, DER_SEQUENCE, &info) < 0 || der_oid(&info.value, oid) < 0 ||
	    strcmp(oid, type) != 0)
		return FUDA_EFORMAT;
	*ret = info.value;
	return 0;
}

int pkcs7_certificates(struct cursor der, struct cursor *ret)
{
	struct cursor content, inner, version;
	struct tlv outer, body, digests, certificates, skipped;

	if (der_check(der) < 0 || content_info(&der, signed_data, &content) < 0 || der.left ||
	    tlv_expect(&content, DER_EXPLICIT(0), &outer) < 0 || content.left ||
	    tlv_expect(&outer.value, DER_SEQUENCE, &body) < 0 || outer.value.left)
		return FUDA_EFORMAT;
	if (der_integer(&body.value, &version) < 0 ||
	    tlv_expect(&body.value, DER_SET, &digests) < 0 ||
	    content_info(&body.value, data, &inner) < 0 || inner.left ||
	    tlv_expect(&body.value, DER_EXPLICIT(CERTIFICATES), &certificates) < 0)
		return FUDA_EFORMAT;
	if (der_next_is(body.value, DER_EXPLICIT(LISTS)) && tlv_next_der(&body.value, &skipped) < 0)
		return FUDA_EFORMAT;
	/* nobody signs: RFC 7030 4.1.3 */
	if (tlv_expect(&body.value, DER_SET, &skipped) < 0 || skipped.value.left || body.value.left)
		return FUDA_EFORMAT;
	*ret = certificates.value;
	return 0;
}
