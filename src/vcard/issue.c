/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/issue.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <fuda/hash.h>
#include "base/util.h"

#define CA_YEARS     10
#define YEAR_SECONDS (365 * 24 * 3600L + 6 * 3600L)
#define CPS_URI	     "http://www.jpki.go.jp/cps.html"
#define ORGANIZATION "JPKI-TEST"

/* The OCSP responders are under .test (RFC 6761), which does not exist: nothing shall ask the
 * real ones. */
const struct branch branch_auth = {
	.ou = "JPKI for user authentication",
	.ou_ja = "公的個人認証サービス利用者証明用",
	.usage = "critical,digitalSignature",
	.extended_usage = "clientAuth",
	/* That of production: the one of test cards is not established (card.md 5.3). */
	.policy = "1.2.392.200149.8.5.1.3.30",
	.ocsp = "OCSP;URI:http://ocspauth.jpki.test",
};
const struct branch branch_sign = {
	.ou = "JPKI for digital signature",
	.ou_ja = "公的個人認証サービス署名用",
	.usage = "critical,digitalSignature,nonRepudiation",
	.policy = "1.2.392.200149.8.5.1.0.20",
	.ocsp = "OCSP;URI:http://ocspsign.jpki.test",
	.attributes = true,
};

/* Names are written as lists of parts that end with a NULL value. */
struct part {
	int nid;
	const char *value;
};

static X509_NAME *make_name(const struct part *parts)
{
	X509_NAME *name = X509_NAME_new();

	for (; name && parts->value; parts++)
		/* UTF8String but for the country, which is a PrintableString */
		if (!X509_NAME_add_entry_by_NID(name, parts->nid, MBSTRING_UTF8,
						(const unsigned char *)parts->value, -1, -1, 0)) {
			X509_NAME_free(name);
			return NULL;
		}
	return name;
}

static X509_NAME *ca_name(const struct branch *b)
{
	return make_name((const struct part[]){
		{ NID_countryName, "JP" },
		{ NID_organizationName, ORGANIZATION },
		{ NID_organizationalUnitName, b->ou },
		{ NID_organizationalUnitName,
		  "Japan Agency for Local Authority Information Systems" },
		{ 0 } });
}

static X509_NAME *japanese_name(const struct branch *b)
{
	return make_name((const struct part[]){
		{ NID_countryName, "JP" },
		{ NID_organizationName, "公的個人認証サービス" },
		{ NID_organizationalUnitName, b->ou_ja },
		{ NID_organizationalUnitName, "地方公共団体情報システム機構" },
		{ 0 } });
}

static X509_NAME *crl_name(const struct branch *b)
{
	return make_name((const struct part[]){
		{ NID_countryName, "JP" },
		{ NID_organizationName, ORGANIZATION },
		{ NID_organizationalUnitName, b->ou },
		{ NID_organizationalUnitName, "CRL Distribution Points" },
		{ NID_organizationalUnitName, "Tokyo-to" },
		{ NID_commonName, "Chiyoda-ku CRLDP" },
		{ 0 } });
}

/* A list with one directoryName. Takes the name. */
static GENERAL_NAMES *directory_name(X509_NAME *name)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *one = GENERAL_NAME_new();

	if (!name || !names || !one || !sk_GENERAL_NAME_push(names, one)) {
		X509_NAME_free(name);
		GENERAL_NAME_free(one);
		GENERAL_NAMES_free(names);
		return NULL;
	}
	GENERAL_NAME_set0_value(one, GEN_DIRNAME, name);
	return names;
}

static bool add_directory_name(X509 *x, int nid, X509_NAME *name)
{
	GENERAL_NAMES *names = directory_name(name);
	bool ok = names && X509_add1_ext_i2d(x, nid, names, 0, X509V3_ADD_APPEND) > 0;

	GENERAL_NAMES_free(names);
	return ok;
}

static bool add_crl_point(X509 *x, const struct branch *b)
{
	CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
	DIST_POINT *point = DIST_POINT_new();
	bool ok = false;

	if (points && point && sk_DIST_POINT_push(points, point)) {
		point->distpoint = DIST_POINT_NAME_new();
		if (point->distpoint) {
			point->distpoint->type = 0; /* fullName */
			point->distpoint->name.fullname = directory_name(crl_name(b));
			ok = point->distpoint->name.fullname &&
			     X509_add1_ext_i2d(x, NID_crl_distribution_points, points, 0,
					       X509V3_ADD_APPEND) > 0;
		}
	} else {
		DIST_POINT_free(point);
	}
	CRL_DIST_POINTS_free(points);
	return ok;
}

static bool fill_policy(POLICYINFO *policy, const char *oid, const char *cps)
{
	POLICYQUALINFO *qualifier = POLICYQUALINFO_new();

	policy->qualifiers = sk_POLICYQUALINFO_new_null();
	if (!qualifier || !policy->qualifiers ||
	    !sk_POLICYQUALINFO_push(policy->qualifiers, qualifier)) {
		POLICYQUALINFO_free(qualifier);
		return false;
	}
	ASN1_OBJECT_free(policy->policyid);
	policy->policyid = OBJ_txt2obj(oid, 1);
	qualifier->pqualid = OBJ_nid2obj(NID_id_qt_cps);
	qualifier->d.cpsuri = ASN1_IA5STRING_new();
	return policy->policyid && qualifier->d.cpsuri &&
	       ASN1_STRING_set(qualifier->d.cpsuri, cps, -1);
}

static bool add_policy(X509 *x, const struct branch *b, size_t padding)
{
	CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
	POLICYINFO *policy = POLICYINFO_new();
	char cps[ISSUE_TEXT_MAX + sizeof(CPS_URI)] = CPS_URI;
	bool ok = false;

	if (padding) {
		memset(cps + strlen(CPS_URI), 'x', padding);
		cps[strlen(CPS_URI)] = '#';
	}
	if (policies && policy && sk_POLICYINFO_push(policies, policy))
		ok = fill_policy(policy, b->policy, cps) &&
		     X509_add1_ext_i2d(x, NID_certificate_policies, policies, 1,
				       X509V3_ADD_APPEND) > 0;
	else
		POLICYINFO_free(policy);
	CERTIFICATEPOLICIES_free(policies);
	return ok;
}

/* A flag 0 for each character: none of them stands for a glyph that is missing. */
static void no_substitutes(const char *text, char *flags, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		if ((*text & 0xC0) != 0x80)
			flags[n++] = '0';
	flags[n] = 0;
}

static bool push_attribute(GENERAL_NAMES *names, const char *oid, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OBJECT *type = OBJ_txt2obj(oid, 1);
	ASN1_TYPE *value = ASN1_TYPE_new();
	ASN1_UTF8STRING *string = ASN1_UTF8STRING_new();

	if (!name || !type || !value || !string || !ASN1_STRING_set(string, text, -1))
		goto fail;
	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string);
	string = NULL;
	if (!GENERAL_NAME_set0_othername(name, type, value))
		goto fail;
	type = NULL;
	value = NULL;
	if (sk_GENERAL_NAME_push(names, name))
		return true;
fail:
	GENERAL_NAME_free(name);
	ASN1_OBJECT_free(type);
	ASN1_TYPE_free(value);
	ASN1_UTF8STRING_free(string);
	return false;
}

/* card.md 5.3, in the order observed: 1, 4, 3, 5, 2, 6. An address that the card does not have is
 * not there either. */
static bool add_attributes(X509 *x, const struct person *p)
{
	char name_flags[PERSON_NAME_MAX + 1], address_flags[PERSON_ADDRESS_MAX + 1];
	const char *sex = *p->sex == '1' || *p->sex == '2' ? p->sex : "3";
	char birth[10];
	const struct {
		const char *oid, *text;
	} attributes[] = {
		{ "1.2.392.200149.8.5.5.1", p->name },
		{ "1.2.392.200149.8.5.5.4", birth },
		{ "1.2.392.200149.8.5.5.3", sex },
		{ "1.2.392.200149.8.5.5.5", p->address },
		{ "1.2.392.200149.8.5.5.2", name_flags },
		{ "1.2.392.200149.8.5.5.6", address_flags },
	};
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool ok = names != NULL;

	snprintf(birth, sizeof(birth), "%c%s", person_era(p), p->birth_date);
	no_substitutes(p->name, name_flags, sizeof(name_flags));
	no_substitutes(p->address, address_flags, sizeof(address_flags));
	for (size_t i = 0; ok && i < ARRAY_SIZE(attributes); i++)
		ok = !*attributes[i].text ||
		     push_attribute(names, attributes[i].oid, attributes[i].text);
	ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) > 0;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool add_text(X509 *x, X509 *ca, int nid, const char *text)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, ca, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	ok = extension && X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

/* Four bytes, positive, never with a leading zero: so that sizes do not vary. */
static bool set_serial(X509 *x)
{
	uint32_t n;

	if (fuda_random(&n, sizeof(n)) < 0)
		return false;
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), (n & 0x3FFFFFFF) | 0x40000000);
}

/* All that is alike in CAs and holders. Takes both names. */
static X509 *start(X509_NAME *issuer, X509_NAME *subject, EVP_PKEY *key, time_t from, time_t to)
{
	X509 *x = X509_new();

	if (!x || !issuer || !subject || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) ||
	    !X509_set_issuer_name(x, issuer) || !X509_set_subject_name(x, subject) ||
	    !ASN1_TIME_set(X509_getm_notBefore(x), from) ||
	    !ASN1_TIME_set(X509_getm_notAfter(x), to) || !X509_set_pubkey(x, key)) {
		X509_free(x);
		x = NULL;
	}
	X509_NAME_free(issuer);
	X509_NAME_free(subject);
	return x;
}

static X509 *finish(X509 *x, bool ok, EVP_PKEY *key)
{
	if (ok && X509_sign(x, key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

X509 *issue_ca(const struct branch *b, EVP_PKEY *key, time_t from)
{
	X509 *x = start(ca_name(b), ca_name(b), key, from, from + CA_YEARS * YEAR_SECONDS - 1);
	bool ok = x && add_text(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		  add_text(x, x, NID_basic_constraints, "critical,CA:TRUE") &&
		  add_directory_name(x, NID_subject_alt_name, japanese_name(b)) &&
		  add_crl_point(x, b) && add_text(x, x, NID_subject_key_identifier, "hash");

	return finish(x, ok, key);
}

/* An opaque name of `len` characters, different every time. */
static bool opaque_name(char name[ISSUE_CN_MAX + 1], size_t len)
{
	static const char characters[] = "0123456789ABCDEFGHJKLMNPQRSTUVWX";
	uint8_t random[ISSUE_CN_MAX];

	if (len > ISSUE_CN_MAX || fuda_random(random, len) < 0)
		return false;
	for (size_t i = 0; i < len; i++)
		name[i] = characters[random[i] % 32];
	name[len] = 0;
	return true;
}

static bool add_holder_extensions(X509 *x, const struct branch *b, X509 *ca,
				  const struct person *holder, size_t padding)
{
	return add_text(x, ca, NID_key_usage, b->usage) &&
	       (!b->extended_usage || add_text(x, ca, NID_ext_key_usage, b->extended_usage)) &&
	       add_policy(x, b, padding) && (!b->attributes || add_attributes(x, holder)) &&
	       add_directory_name(x, NID_issuer_alt_name, japanese_name(b)) &&
	       add_crl_point(x, b) && add_text(x, ca, NID_info_access, b->ocsp) &&
	       add_text(x, ca, NID_authority_key_identifier, "keyid:always,issuer:always") &&
	       add_text(x, ca, NID_subject_key_identifier, "hash");
}

X509 *issue_holder(const struct branch *b, const struct issuer *ca, EVP_PKEY *key, time_t from,
		   time_t to, const struct person *holder, size_t cn_len, size_t padding)
{
	char cn[ISSUE_CN_MAX + 1];
	X509 *x;

	if (padding > ISSUE_TEXT_MAX || !opaque_name(cn, cn_len))
		return NULL;
	x = start(X509_NAME_dup(X509_get_subject_name(ca->cert)),
		  make_name((const struct part[]){
			  { NID_countryName, "JP" }, { NID_commonName, cn }, { 0 } }),
		  key, from, to);
	return finish(x, x && add_holder_extensions(x, b, ca->cert, holder, padding), ca->key);
}
