/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/certificate.h"

#include "base/util.h"
#include "pki/der.h"

enum { URI = 6, TBS_VERSION = 0, TBS_EXTENSIONS = 3, UUID_TEXT = FUDA_TERMINAL_ID - 1 };

/* 2.5.29.17, and the extension that names the environment (CA_ENVIRONMENT_OID). */
static const uint8_t oid_san[] = { 0x55, 0x1D, 0x11 };
static const uint8_t oid_environment[] = { 0x69, 0x8C, 0xA3, 0xC2, 0x9F,
					   0x8F, 0xF0, 0x85, 0xC7, 0x3D };
static const char scheme[] = "urn:mykey:terminal:";

/* ---- ids ---- */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int terminal_id_read(const char *text, uint8_t ret[16])
{
	uint8_t id[16];
	size_t n = 0;

	if (strlen(text) != UUID_TEXT)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < UUID_TEXT; i++) {
		int high = hex_digit(text[i]);

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return FUDA_EFORMAT;
			continue;
		}
		if (high < 0 || hex_digit(text[i + 1]) < 0)
			return FUDA_EFORMAT;
		id[n++] = (uint8_t)(high << 4 | hex_digit(text[++i]));
	}
	memcpy(ret, id, sizeof(id));
	return 0;
}

static bool is(struct cursor c, const void *bytes, size_t len)
{
	return c.left == len && memcmp(c.p, bytes, len) == 0;
}

static int read_uri(struct cursor uri, char ret[FUDA_TERMINAL_ID])
{
	char id[FUDA_TERMINAL_ID] = "";
	uint8_t bytes[16];
	struct cursor head;

	if (cur_sub(&uri, sizeof(scheme) - 1, &head) < 0 || !is(head, scheme, sizeof(scheme) - 1) ||
	    uri.left != UUID_TEXT || cur_copy(&uri, id, UUID_TEXT) < 0 ||
	    terminal_id_read(id, bytes) < 0)
		return FUDA_EFORMAT;
	memcpy(ret, id, sizeof(id));
	return 0;
}

/* ---- extensions ---- */

/* Other names may stand beside ours, but no second terminal. */
static int read_san(struct cursor value, char ret[FUDA_TERMINAL_ID])
{
	struct tlv names, name;
	bool found = false;

	if (tlv_expect(&value, DER_SEQUENCE, &names) < 0 || value.left)
		return FUDA_EFORMAT;
	while (names.value.left) {
		if (tlv_next_der(&names.value, &name) < 0)
			return FUDA_EFORMAT;
		if (name.tag != DER_IMPLICIT(URI))
			continue;
		if (found || read_uri(name.value, ret) < 0)
			return FUDA_EFORMAT;
		found = true;
	}
	return found ? 0 : FUDA_EFORMAT;
}

static int read_environment(struct cursor value, char ret[TERMINAL_ENVIRONMENT])
{
	char text[TERMINAL_ENVIRONMENT] = "";

	if (!der_next_is(value, DER_UTF8_STRING) || der_text(&value, "", text, sizeof(text)) < 0 ||
	    value.left || !*text)
		return FUDA_EFORMAT;
	memcpy(ret, text, sizeof(text));
	return 0;
}

static int read_extension(struct cursor *list, struct terminal_certificate *c)
{
	struct tlv one, oid, value;
	bool critical;

	if (tlv_expect(list, DER_SEQUENCE, &one) < 0 || tlv_expect(&one.value, DER_OID, &oid) < 0)
		return FUDA_EFORMAT;
	if (der_next_is(one.value, DER_BOOLEAN) && der_boolean(&one.value, &critical) < 0)
		return FUDA_EFORMAT;
	if (tlv_expect(&one.value, DER_OCTET_STRING, &value) < 0 || one.value.left)
		return FUDA_EFORMAT;
	if (is(oid.value, oid_san, sizeof(oid_san)))
		return *c->id ? FUDA_EFORMAT : read_san(value.value, c->id);
	if (is(oid.value, oid_environment, sizeof(oid_environment)))
		return *c->environment ? FUDA_EFORMAT :
					 read_environment(value.value, c->environment);
	return 0;
}

static int read_extensions(struct cursor tbs, struct terminal_certificate *c)
{
	struct tlv outer, list;
	int r = 0;

	/* unique identifiers, which nobody writes, would stand before them: RFC 5280 4.1.2.8 */
	if (tlv_expect(&tbs, DER_EXPLICIT(TBS_EXTENSIONS), &outer) < 0 || tbs.left ||
	    tlv_expect(&outer.value, DER_SEQUENCE, &list) < 0 || outer.value.left)
		return FUDA_EFORMAT;
	while (r == 0 && list.value.left)
		r = read_extension(&list.value, c);
	return r;
}

/* ---- the certificate ---- */

static int read_validity(struct cursor *tbs, struct terminal_certificate *c)
{
	struct tlv validity;

	if (tlv_expect(tbs, DER_SEQUENCE, &validity) < 0 ||
	    der_time(&validity.value, &c->not_before) < 0 ||
	    der_time(&validity.value, &c->not_after) < 0 || validity.value.left)
		return FUDA_EFORMAT;
	return c->not_before < c->not_after ? 0 : FUDA_EFORMAT;
}

int terminal_certificate_read(struct cursor der, struct terminal_certificate *ret)
{
	struct terminal_certificate c = { .id = "" };
	struct tlv whole, tbs, skipped;
	struct cursor serial, *in = &tbs.value;

	if (der_check(der) < 0 || tlv_expect(&der, DER_SEQUENCE, &whole) < 0 || der.left ||
	    tlv_expect(&whole.value, DER_SEQUENCE, &tbs) < 0)
		return FUDA_EFORMAT;
	if (tlv_expect(in, DER_EXPLICIT(TBS_VERSION), &skipped) < 0 ||
	    der_integer(in, &serial) < 0 ||
	    tlv_expect(in, DER_SEQUENCE, &skipped) < 0 ||                            /* signature */
	    tlv_expect(in, DER_SEQUENCE, &skipped) < 0 ||                            /* issuer */
	    read_validity(in, &c) < 0 || tlv_expect(in, DER_SEQUENCE, &skipped) < 0) /* subject */
		return FUDA_EFORMAT;
	if (tlv_expect(in, DER_SEQUENCE, &skipped) < 0 || read_extensions(*in, &c) < 0 || !*c.id)
		return FUDA_EFORMAT;
	c.key = skipped.whole;
	*ret = c;
	return 0;
}
