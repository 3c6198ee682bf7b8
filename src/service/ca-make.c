/* SPDX-License-Identifier: Apache-2.0 */
/* What all certificates of the authority are made of. */
#include "service/ca-inside.h"

#include <string.h>

#include <fuda/hash.h>

int ca_serial(uint8_t ret[CA_SERIAL])
{
	if (fuda_random(ret, CA_SERIAL) < 0)
		return FUDA_EFAILED;
	ret[0] = (ret[0] & 0x7F) | 0x40; /* positive, and as long as it is */
	return 0;
}

int ca_set_serial(ASN1_INTEGER *ret, const uint8_t serial[CA_SERIAL])
{
	return ASN1_STRING_set(ret, serial, CA_SERIAL) == 1 ? 0 : FUDA_EFAILED;
}

int ca_begin(X509 *x, const uint8_t serial[CA_SERIAL], const char *common_name, EVP_PKEY *key,
	     time_t not_before, time_t not_after)
{
	if (X509_set_version(x, X509_VERSION_3) != 1 ||
	    ca_set_serial(X509_get_serialNumber(x), serial) < 0 ||
	    X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
				       (const unsigned char *)common_name, -1, -1, 0) != 1 ||
	    !ASN1_TIME_set(X509_getm_notBefore(x), not_before) ||
	    !ASN1_TIME_set(X509_getm_notAfter(x), not_after) || X509_set_pubkey(x, key) != 1)
		return FUDA_EFAILED;
	return 0;
}

int ca_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	_cleanup_(ca_free_extension) X509_EXTENSION *extension = NULL;
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, issuer, x, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&v3);
	extension = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	return extension && X509_add_ext(x, extension, -1) == 1 ? 0 : FUDA_EFAILED;
}

int ca_extend_environment(X509 *x, const char *environment)
{
	_cleanup_(ca_free_object) ASN1_OBJECT *oid = OBJ_txt2obj(CA_ENVIRONMENT_OID, 1);
	_cleanup_(ca_free_octets) ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	_cleanup_(ca_free_extension) X509_EXTENSION *extension = NULL;
	size_t len = strlen(environment);
	uint8_t value[2 + CA_ENVIRONMENT] = { 0x0C, (uint8_t)len }; /* UTF8String */

	if (!oid || !octets || len >= CA_ENVIRONMENT)
		return FUDA_EFAILED;
	memcpy(value + 2, environment, len);
	if (ASN1_OCTET_STRING_set(octets, value, (int)(2 + len)) != 1)
		return FUDA_EFAILED;
	extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, octets);
	return extension && X509_add_ext(x, extension, -1) == 1 ? 0 : FUDA_EFAILED;
}

int ca_environment_of(const X509 *x, char ret[CA_ENVIRONMENT])
{
	_cleanup_(ca_free_object) ASN1_OBJECT *oid = OBJ_txt2obj(CA_ENVIRONMENT_OID, 1);
	int at = oid ? X509_get_ext_by_OBJ(x, oid, -1) : -1;
	const ASN1_OCTET_STRING *octets;
	struct cursor c;
	uint8_t tag, len;
	char text[CA_ENVIRONMENT] = "";

	if (at < 0 || X509_get_ext_by_OBJ(x, oid, at) >= 0)
		return FUDA_EFORMAT;
	octets = X509_EXTENSION_get_data(X509_get_ext(x, at));
	c = cur_of(ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets));
	if (cur_u8(&c, &tag) < 0 || tag != 0x0C || cur_u8(&c, &len) < 0 || len != c.left ||
	    len >= sizeof(text) || cur_copy(&c, text, len) < 0 || !ca_is_environment(text, len))
		return FUDA_EFORMAT;
	memcpy(ret, text, sizeof(text));
	return 0;
}
