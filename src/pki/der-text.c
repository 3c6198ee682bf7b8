/* SPDX-License-Identifier: Apache-2.0 */
/* The character strings of DER as text that is safe to show. */
#include "pki/der.h"

#include <stdio.h>

#include "base/util.h"
#include "codec/utf8.h"

static bool is_ia5(uint32_t ch)
{
	return ch < 0x80;
}

/* X.680 41.4 */
static bool is_printable(uint32_t ch)
{
	return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
	       (ch && ch < 0x80 && strchr(" '()+,-./:=?", (int)ch));
}

static int take_byte(struct cursor *c, uint32_t *ret)
{
	return cur_uint(c, 1, ret);
}

struct room {
	char *at;
	size_t left; /* without the NUL */
};

static int put(struct room *out, const char *bytes, size_t len)
{
	if (len > out->left)
		return FUDA_ETOOBIG;
	memcpy(out->at, bytes, len);
	out->at += len;
	out->left -= len;
	return 0;
}

/* The character `ch` that `bytes` spell. */
static int put_char(struct room *out, uint32_t ch, struct cursor bytes, const char *special)
{
	uint8_t b;

	if (ch == '\\' || (ch && ch < 0x80 && strchr(special, (int)ch))) {
		if (put(out, "\\", 1) < 0)
			return FUDA_ETOOBIG;
	} else if (utf8_is_control(ch)) {
		while (cur_u8(&bytes, &b) == 0) {
			char hex[4];

			snprintf(hex, sizeof(hex), "\\%02X", b);
			if (put(out, hex, 3) < 0)
				return FUDA_ETOOBIG;
		}
		return 0;
	}
	return put(out, (const char *)bytes.p, bytes.left);
}

int der_text(struct cursor *c, const char *special, char *text, size_t size)
{
	static const struct {
		uint32_t tag;
		int (*take)(struct cursor *c, uint32_t *ret);
		bool (*allows)(uint32_t ch); /* NULL: everything that can be taken */
	} types[] = {
		{ DER_UTF8_STRING, utf8_next, NULL },
		{ DER_PRINTABLE_STRING, take_byte, is_printable },
		{ DER_IA5_STRING, take_byte, is_ia5 },
	};
	size_t used = strlen(text), type = 0;
	struct room out = { text + used, size - used - 1 };
	struct cursor at = *c;
	struct tlv t;
	int r = 0;

	if (tlv_next_der(&at, &t) < 0)
		return FUDA_EFORMAT;
	while (type < ARRAY_SIZE(types) && types[type].tag != t.tag)
		type++;
	if (type == ARRAY_SIZE(types))
		return FUDA_EFORMAT;
	while (r == 0 && t.value.left) {
		struct cursor before = t.value;
		uint32_t ch;

		if (types[type].take(&t.value, &ch) < 0 ||
		    (types[type].allows && !types[type].allows(ch)))
			r = FUDA_EFORMAT;
		else
			r = put_char(&out, ch, cur_of(before.p, before.left - t.value.left),
				     special);
	}
	if (r < 0) {
		text[used] = '\0'; /* as it was */
		return r;
	}
	*out.at = '\0';
	*c = at;
	return 0;
}

/* AttributeTypeAndValue */
static int name_attribute(struct cursor *c, char *text, size_t size)
{
	static const struct {
		const char *oid, *name;
	} types[] = {
		{ "2.5.4.3", "CN" },
		{ "2.5.4.5", "serialNumber" },
		{ "2.5.4.6", "C" },
		{ "2.5.4.7", "L" },
		{ "2.5.4.8", "ST" },
		{ "2.5.4.10", "O" },
		{ "2.5.4.11", "OU" },
		{ "0.9.2342.19200300.100.1.25", "DC" },
		{ "1.2.840.113549.1.9.1", "emailAddress" },
	};
	size_t used = strlen(text);
	struct tlv pair;
	char oid[DER_OID_MAX];
	const char *name = oid;
	int r;

	if (tlv_expect(c, DER_SEQUENCE, &pair) < 0)
		return FUDA_EFORMAT;
	r = der_oid(&pair.value, oid);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].oid, oid) == 0)
			name = types[i].name;
	if ((size_t)snprintf(text + used, size - used, "%s=", name) >= size - used)
		return FUDA_ETOOBIG;
	r = der_text(&pair.value, ",+\"<>;=", text, size);
	if (r < 0)
		return r;
	return pair.value.left ? FUDA_EFORMAT : 0;
}

/* RelativeDistinguishedName: one attribute, or several joined by "+". */
static int name_part(struct cursor *c, char *text, size_t size)
{
	const char *joint = text[0] ? ", " : "";
	struct tlv set;
	int r;

	if (tlv_expect(c, DER_SET, &set) < 0 || set.value.left == 0)
		return FUDA_EFORMAT;
	while (set.value.left) {
		size_t used = strlen(text);

		if ((size_t)snprintf(text + used, size - used, "%s", joint) >= size - used)
			return FUDA_ETOOBIG;
		r = name_attribute(&set.value, text, size);
		if (r < 0)
			return r;
		joint = "+";
	}
	return 0;
}

int der_name(struct cursor *c, char ret[DER_NAME_MAX])
{
	char text[DER_NAME_MAX] = "";
	struct cursor at = *c;
	struct tlv name;

	if (tlv_expect(&at, DER_SEQUENCE, &name) < 0)
		return FUDA_EFORMAT;
	while (name.value.left) {
		int r = name_part(&name.value, text, sizeof(text));

		if (r < 0)
			return r;
	}
	memcpy(ret, text, strlen(text) + 1);
	*c = at;
	return 0;
}
