/* SPDX-License-Identifier: Apache-2.0 */
/* The extensions of a certificate: RFC 5280 4.2, JPKI profile in card.md 5. */
#include "pki/cert.h"

#include "base/util.h"
#include "pki/der.h"

enum { EXTENSIONS_MAX = 32, KEY_ID_MAX = sizeof(((struct fuda_cert_facts *)0)->ski) };

/* All policies of the JPKI stand under this: card.md 5.2, 5.3. */
#define JPKI_POLICIES "1.2.392.200149.8.5.1."
#define CLIENT_AUTH   "1.3.6.1.5.5.7.3.2"

static int read_key_id(struct tlv t, uint8_t ret[KEY_ID_MAX], size_t *ret_len)
{
	size_t len = t.value.left;

	if (len == 0 || len > KEY_ID_MAX || cur_copy(&t.value, ret, len) < 0)
		return FUDA_EFORMAT;
	*ret_len = len;
	return 0;
}

static int read_ski(struct fuda_cert *cert, struct cursor *c)
{
	struct fuda_cert_facts *f = &cert->facts;
	struct tlv t;

	if (tlv_expect(c, DER_OCTET_STRING, &t) < 0)
		return FUDA_EFORMAT;
	return read_key_id(t, f->ski, &f->ski_len);
}

/* Issuer and serial number, which may follow the identifier, tell nothing that the signature does
 * not. */
static int read_aki(struct fuda_cert *cert, struct cursor *c)
{
	struct fuda_cert_facts *f = &cert->facts;
	struct tlv t, id;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0)
		return FUDA_EFORMAT;
	if (tlv_expect(&t.value, DER_IMPLICIT(0), &id) < 0)
		return 0;
	return read_key_id(id, f->aki, &f->aki_len);
}

static int read_key_usage(struct fuda_cert *cert, struct cursor *c)
{
	return der_named_bits(c, &cert->key_usage);
}

static int read_extended_key_usage(struct fuda_cert *cert, struct cursor *c)
{
	struct tlv t;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0 || t.value.left == 0)
		return FUDA_EFORMAT;
	while (t.value.left) {
		char oid[DER_OID_MAX];

		if (der_oid(&t.value, oid) < 0)
			return FUDA_EFORMAT;
		cert->client_auth |= strcmp(oid, CLIENT_AUTH) == 0;
	}
	return 0;
}

static int read_basic_constraints(struct fuda_cert *cert, struct cursor *c)
{
	struct tlv t;
	struct cursor path;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0)
		return FUDA_EFORMAT;
	if (der_next_is(t.value, DER_BOOLEAN) && der_boolean(&t.value, &cert->ca) < 0)
		return FUDA_EFORMAT;
	/* a path length is of no use: nothing but end entities are accepted below a CA */
	if (t.value.left && (!cert->ca || der_unsigned(&t.value, 4, &path) < 0))
		return FUDA_EFORMAT;
	return t.value.left ? FUDA_EFORMAT : 0;
}

static int read_policies(struct fuda_cert *cert, struct cursor *c)
{
	struct tlv t;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0 || t.value.left == 0)
		return FUDA_EFORMAT;
	while (t.value.left) {
		char oid[DER_OID_MAX];
		struct cursor qualifiers;

		if (der_algorithm(&t.value, oid, &qualifiers) < 0) /* the same form */
			return FUDA_EFORMAT;
		cert->jpki_policy |= strncmp(oid, JPKI_POLICIES, strlen(JPKI_POLICIES)) == 0;
		if (!cert->facts.policy[0])
			memcpy(cert->facts.policy, oid, strlen(oid) + 1);
	}
	return 0;
}

/* What otherNames hold: card.md 5.3. The flags of substituted characters (.2, .6) are left alone.
 */
static const struct other_name {
	const char *oid;
	size_t offset, size; /* in the facts */
	size_t digits;       /* its exact length in digits; 0: any text */
} other_names[] = {
#define FACT(member) \
	offsetof(struct fuda_cert_facts, member), sizeof(((struct fuda_cert_facts *)0)->member)
	{ "1.2.392.200149.8.5.5.1", FACT(name), 0 },
	{ "1.2.392.200149.8.5.5.3", FACT(sex), 1 },
	{ "1.2.392.200149.8.5.5.4", FACT(birth), 8 + 1 },
	{ "1.2.392.200149.8.5.5.5", FACT(address), 0 },
#undef FACT
};

/* OtherName without its tag. Those of other types are let pass: more are announced. */
static int read_other_name(struct fuda_cert *cert, struct cursor c)
{
	const struct other_name *known = NULL;
	char oid[DER_OID_MAX], *text;
	struct tlv t;

	if (der_oid(&c, oid) < 0 || tlv_expect(&c, DER_EXPLICIT(0), &t) < 0 || c.left)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < ARRAY_SIZE(other_names); i++)
		if (strcmp(other_names[i].oid, oid) == 0)
			known = &other_names[i];
	if (!known)
		return 0;
	text = (char *)&cert->facts + known->offset;
	if (text[0] || der_text(&t.value, "", text, known->size) < 0 || t.value.left)
		return FUDA_EFORMAT;
	if (known->digits &&
	    (strlen(text) != known->digits || strspn(text, "0123456789") != known->digits))
		return FUDA_EFORMAT;
	return 0;
}

static int read_subject_alt_name(struct fuda_cert *cert, struct cursor *c)
{
	struct tlv t, name;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0 || t.value.left == 0)
		return FUDA_EFORMAT;
	while (t.value.left) {
		if (tlv_next_der(&t.value, &name) < 0)
			return FUDA_EFORMAT;
		if (name.tag == DER_EXPLICIT(0) && read_other_name(cert, name.value) < 0)
			return FUDA_EFORMAT;
	}
	return 0;
}

/* Which of the lists of its issuer it would stand on. */
static int read_crl_points(struct fuda_cert *cert, struct cursor *c)
{
	struct tlv t;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0)
		return FUDA_EFORMAT;
	cert->crl_points = t.value;
	return 0;
}

/* Understood, but nothing in it is of use here: it names places where to ask. */
static int read_nothing(struct fuda_cert *cert _unused_, struct cursor *c)
{
	struct tlv t;

	return tlv_expect(c, DER_SEQUENCE, &t);
}

static const struct kind {
	const char *oid;
	int (*read)(struct fuda_cert *cert, struct cursor *c); /* takes one object */
} kinds[] = {
	{ "2.5.29.14", read_ski },
	{ "2.5.29.15", read_key_usage },
	{ "2.5.29.17", read_subject_alt_name },
	{ "2.5.29.18", read_nothing }, /* issuer alternative name */
	{ "2.5.29.19", read_basic_constraints },
	{ "2.5.29.31", read_crl_points },
	{ "2.5.29.32", read_policies },
	{ "2.5.29.35", read_aki },
	{ "2.5.29.37", read_extended_key_usage },
	{ "1.3.6.1.5.5.7.1.1", read_nothing }, /* authority information access */
};

/* FALSE written out is accepted, though DER leaves it out: issuers differ. */
static int read_extension(struct fuda_cert *cert, struct cursor *c, char ret_oid[DER_OID_MAX])
{
	struct cursor at = *c, oid, value;
	struct tlv extension;
	bool critical;

	if (der_extension(c, &oid, &critical, &value) < 0 ||
	    tlv_expect(&at, DER_SEQUENCE, &extension) < 0 || der_oid(&extension.value, ret_oid) < 0)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].oid, ret_oid) != 0)
			continue;
		if (der_check(value) < 0 || kinds[i].read(cert, &value) < 0 || value.left)
			return FUDA_EFORMAT;
		return 0;
	}
	cert->unknown_critical |= critical;
	return 0;
}

int cert_extensions(struct fuda_cert *cert, struct cursor *c)
{
	char seen[EXTENSIONS_MAX][DER_OID_MAX];
	struct tlv list;
	size_t count = 0;

	if (tlv_expect(c, DER_SEQUENCE, &list) < 0 || list.value.left == 0)
		return FUDA_EFORMAT;
	while (list.value.left) {
		if (count == EXTENSIONS_MAX || read_extension(cert, &list.value, seen[count]) < 0)
			return FUDA_EFORMAT;
		for (size_t i = 0; i < count; i++)
			if (strcmp(seen[i], seen[count]) == 0) /* RFC 5280 4.2 */
				return FUDA_EFORMAT;
		count++;
	}
	return 0;
}
