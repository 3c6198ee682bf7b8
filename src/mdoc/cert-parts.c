/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/cert-parts.h"

#include "base/util.h"

#define ID_EC_PUBLIC_KEY "1.2.840.10045.2.1"

static const struct {
	const char *oid, *name;
} kinds[CERT_EXTENSIONS] = {
	[EXT_SUBJECT_KEY_ID] = { "2.5.29.14", N_("subject key identifier") },
	[EXT_KEY_USAGE] = { "2.5.29.15", N_("key usage") },
	[EXT_ISSUER_ALT_NAME] = { "2.5.29.18", N_("issuer alternative name") },
	[EXT_CONSTRAINTS] = { "2.5.29.19", N_("basic constraints") },
	[EXT_NAME_CONSTRAINTS] = { "2.5.29.30", N_("name constraints") },
	[EXT_CRL_POINTS] = { "2.5.29.31", N_("CRL distribution points") },
	[EXT_POLICY_MAPPINGS] = { "2.5.29.33", N_("policy mappings") },
	[EXT_AUTHORITY_KEY_ID] = { "2.5.29.35", N_("authority key identifier") },
	[EXT_POLICY_CONSTRAINTS] = { "2.5.29.36", N_("policy constraints") },
	[EXT_PURPOSES] = { "2.5.29.37", N_("extended key usage") },
	[EXT_FRESHEST_CRL] = { "2.5.29.46", N_("freshest CRL") },
	[EXT_INHIBIT_ANY_POLICY] = { "2.5.29.54", N_("inhibit any policy") },
};

const char *cert_extension_name(enum cert_extension extension)
{
	return kinds[extension].name;
}

static int read_extension(struct cursor *c, struct cert_parts *parts)
{
	struct cursor at = *c, oid, value;
	char text[DER_OID_MAX];
	struct tlv extension;
	bool critical;
	size_t i = 0;

	if (der_extension(c, &oid, &critical, &value) < 0 ||
	    tlv_expect(&at, DER_SEQUENCE, &extension) < 0 || der_oid(&extension.value, text) < 0)
		return FUDA_EFORMAT;
	while (i < ARRAY_SIZE(kinds) && strcmp(kinds[i].oid, text) != 0)
		i++;
	if (i == ARRAY_SIZE(kinds)) {
		if (critical && !parts->critical[0])
			memcpy(parts->critical, text, sizeof(text));
		return 0;
	}
	if (parts->extension[i].present || der_check(value) < 0)
		return FUDA_EFORMAT;
	parts->extension[i].present = true;
	parts->extension[i].critical = critical;
	parts->extension[i].value = value;
	return 0;
}

/* What stands behind the key; nothing, in a certificate of version 1. */
static int read_extensions(struct cursor c, struct cert_parts *parts)
{
	struct tlv explicit, list;

	if (c.left == 0)
		return 0;
	if (tlv_expect(&c, DER_EXPLICIT(3), &explicit) < 0 || c.left ||
	    tlv_expect(&explicit.value, DER_SEQUENCE, &list) < 0 || explicit.value.left)
		return FUDA_EFORMAT;
	while (list.value.left)
		if (read_extension(&list.value, parts) < 0)
			return FUDA_EFORMAT;
	return 0;
}

static int read_version(struct cursor *c, struct cert_parts *parts)
{
	struct tlv explicit;

	if (!der_next_is(*c, DER_EXPLICIT(0)))
		return 0;
	if (tlv_expect(c, DER_EXPLICIT(0), &explicit) < 0 ||
	    der_integer(&explicit.value, &parts->version) < 0 || explicit.value.left)
		return FUDA_EFORMAT;
	return 0;
}

static int read_validity(struct cursor *c, struct cert_parts *parts)
{
	struct tlv t;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0 || der_time(&t.value, &parts->not_before) < 0 ||
	    der_time(&t.value, &parts->not_after) < 0 || t.value.left)
		return FUDA_EFORMAT;
	return 0;
}

static int read_key(struct cursor *c, struct cert_parts *parts)
{
	struct cursor parameters;
	char oid[DER_OID_MAX];
	unsigned unused;
	struct tlv t;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0 || der_algorithm(&t.value, oid, &parameters) < 0 ||
	    der_bits(&t.value, &parts->bits, &unused) < 0 || unused || t.value.left)
		return FUDA_EFORMAT;
	parts->on_curve = strcmp(oid, ID_EC_PUBLIC_KEY) == 0;
	return 0;
}

int cert_parts_read(struct cursor der, struct cert_parts *ret)
{
	struct cert_parts parts = { 0 };
	struct tlv certificate, tbs;

	if (der_check(der) < 0 || tlv_expect(&der, DER_SEQUENCE, &certificate) < 0 || der.left ||
	    tlv_expect(&certificate.value, DER_SEQUENCE, &tbs) < 0 ||
	    der_sequence(&certificate.value, &parts.outer) < 0)
		return FUDA_EFORMAT;
	if (read_version(&tbs.value, &parts) < 0 || der_integer(&tbs.value, &parts.serial) < 0 ||
	    der_sequence(&tbs.value, &parts.inner) < 0 ||
	    der_sequence(&tbs.value, &parts.issuer) < 0 || read_validity(&tbs.value, &parts) < 0 ||
	    der_sequence(&tbs.value, &parts.subject) < 0 || read_key(&tbs.value, &parts) < 0 ||
	    read_extensions(tbs.value, &parts) < 0)
		return FUDA_EFORMAT;
	*ret = parts;
	return 0;
}

/* ---- names ---- */

/* RDNSequence: a SEQUENCE of SETs of attributes. */
struct walk {
	struct cursor sets, attributes;
};

static struct walk walk_of(struct cursor name)
{
	struct tlv t = { 0 };

	return tlv_expect(&name, DER_SEQUENCE, &t) == 0 ? (struct walk){ .sets = t.value } :
							  (struct walk){ 0 };
}

/* False behind the last, or where it is malformed. */
static bool walk_next(struct walk *walk, char ret_type[DER_OID_MAX], struct tlv *ret_value)
{
	struct cursor value;
	struct tlv set;

	if (walk->attributes.left == 0) {
		if (tlv_expect(&walk->sets, DER_SET, &set) < 0)
			return false;
		walk->attributes = set.value;
	}
	return der_algorithm(&walk->attributes, ret_type, &value) == 0 && /* the same form */
	       tlv_next_der(&value, ret_value) == 0 && value.left == 0;
}

size_t name_find(struct cursor name, const char *type, struct tlv *ret)
{
	struct walk walk = walk_of(name);
	char found[DER_OID_MAX];
	struct tlv value;
	size_t count = 0;

	while (walk_next(&walk, found, &value))
		if (strcmp(found, type) == 0 && count++ == 0)
			*ret = value;
	return count;
}

bool name_in_form(struct cursor name)
{
	struct walk walk = walk_of(name);
	char type[DER_OID_MAX];
	struct tlv value;

	while (walk_next(&walk, type, &value))
		if (value.tag != DER_PRINTABLE_STRING && value.tag != DER_UTF8_STRING)
			return false;
	return walk.sets.left == 0 && walk.attributes.left == 0;
}
