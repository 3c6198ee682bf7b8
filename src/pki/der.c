/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/der.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/util.h"

bool der_next_is(struct cursor c, uint32_t tag)
{
	struct tlv t;

	return tlv_next_der(&c, &t) == 0 && t.tag == tag;
}

static int check(struct cursor c, unsigned depth)
{
	while (c.left) {
		struct cursor head = c;
		struct tlv t;
		uint8_t first;

		if (tlv_next_der(&c, &t) < 0 || cur_u8(&head, &first) < 0)
			return FUDA_EFORMAT;
		if (!(first & 0x20)) /* primitive */
			continue;
		if (depth == 0 || check(t.value, depth - 1) < 0)
			return FUDA_EFORMAT;
	}
	return 0;
}

int der_check(struct cursor c)
{
	return check(c, DER_DEPTH_MAX);
}

int der_boolean(struct cursor *c, bool *ret)
{
	struct cursor at = *c;
	struct tlv t;
	uint8_t b;

	if (tlv_expect(&at, DER_BOOLEAN, &t) < 0 || cur_u8(&t.value, &b) < 0 || t.value.left ||
	    (b != 0x00 && b != 0xFF)) /* X.690 11.1 */
		return FUDA_EFORMAT;
	*c = at;
	*ret = b != 0;
	return 0;
}

int der_integer(struct cursor *c, struct cursor *ret)
{
	struct cursor at = *c, two;
	struct tlv t;
	uint16_t high;

	if (tlv_expect(&at, DER_INTEGER, &t) < 0 || t.value.left == 0)
		return FUDA_EFORMAT;
	two = t.value;
	/* the first nine bits must not be all alike: X.690 8.3.2 */
	if (cur_u16(&two, &high) == 0 && (high >> 7 == 0 || high >> 7 == 0x1FF))
		return FUDA_EFORMAT;
	*c = at;
	*ret = t.value;
	return 0;
}

int der_sequence(struct cursor *c, struct cursor *ret)
{
	struct tlv t;

	if (tlv_expect(c, DER_SEQUENCE, &t) < 0)
		return FUDA_EFORMAT;
	*ret = t.whole;
	return 0;
}

int der_unsigned(struct cursor *c, size_t max, struct cursor *ret)
{
	struct cursor at = *c, value, rest;
	uint8_t first;

	if (der_integer(&at, &value) < 0)
		return FUDA_EFORMAT;
	if (value.left > max)
		return FUDA_ETOOBIG;
	rest = value;
	if (cur_u8(&rest, &first) < 0 || first & 0x80)
		return FUDA_EFORMAT;
	*c = at;
	*ret = first == 0 && rest.left ? rest : value;
	return 0;
}

/* One number of an object identifier, X.690 8.19.2: seven bits a byte, no leading zeros. */
static int take_arc(struct cursor *c, uint64_t *ret)
{
	uint64_t arc = 0;
	uint8_t b = 0x80;

	while (b & 0x80) {
		if (cur_u8(c, &b) < 0 || (arc == 0 && b == 0x80))
			return FUDA_EFORMAT;
		if (arc >> 56)
			return FUDA_ETOOBIG;
		arc = arc << 7 | (b & 0x7F);
	}
	*ret = arc;
	return 0;
}

/* Puts `arc` behind what is in `text`; false where there is no room. Each name in a certificate is
 * of a few: snprintf() took a twentieth of the time that verifying one takes. */
static bool put_arc(char text[DER_OID_MAX], size_t *len, uint64_t arc)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + arc % 10);
	while (arc /= 10);
	if (*len + n + 2 > DER_OID_MAX)
		return false;
	if (*len)
		text[(*len)++] = '.';
	while (n)
		text[(*len)++] = digits[--n];
	text[*len] = '\0';
	return true;
}

int der_oid(struct cursor *c, char ret[DER_OID_MAX])
{
	struct cursor at = *c;
	struct tlv t;
	char text[DER_OID_MAX];
	size_t len = 0;
	uint64_t arc, top;
	int r;

	if (tlv_expect(&at, DER_OID, &t) < 0)
		return FUDA_EFORMAT;
	r = take_arc(&t.value, &arc);
	if (r < 0)
		return r;
	top = MIN(arc / 40, 2u);
	if (!put_arc(text, &len, top) || !put_arc(text, &len, arc - 40 * top))
		return FUDA_ETOOBIG;
	while (t.value.left) {
		r = take_arc(&t.value, &arc);
		if (r < 0)
			return r;
		if (!put_arc(text, &len, arc))
			return FUDA_ETOOBIG;
	}
	*c = at;
	memcpy(ret, text, len + 1);
	return 0;
}

int der_bits(struct cursor *c, struct cursor *ret_bytes, unsigned *ret_unused)
{
	struct cursor at = *c, last;
	struct tlv t;
	uint8_t unused, end = 0;

	if (tlv_expect(&at, DER_BIT_STRING, &t) < 0 || cur_u8(&t.value, &unused) < 0 ||
	    unused > 7 || (unused && t.value.left == 0))
		return FUDA_EFORMAT;
	last = t.value;
	if (last.left && (cur_skip(&last, last.left - 1) < 0 || cur_u8(&last, &end) < 0))
		return FUDA_EFORMAT;
	if (end & ((1u << unused) - 1)) /* X.690 11.2.1 */
		return FUDA_EFORMAT;
	*c = at;
	*ret_bytes = t.value;
	*ret_unused = unused;
	return 0;
}

int der_named_bits(struct cursor *c, uint32_t *ret)
{
	struct cursor at = *c, bytes;
	unsigned unused;
	uint32_t bits = 0;
	uint8_t b;

	if (der_bits(&at, &bytes, &unused) < 0)
		return FUDA_EFORMAT;
	if (bytes.left > 4)
		return FUDA_ETOOBIG;
	for (unsigned n = 0; cur_u8(&bytes, &b) == 0; n += 8)
		for (unsigned i = 0; i < 8; i++)
			if (b & 0x80 >> i)
				bits |= 1u << (n + i);
	*c = at;
	*ret = bits;
	return 0;
}

/* `digits` decimal digits as a number. */
static int take_decimal(struct cursor *c, unsigned digits, int *ret)
{
	int v = 0;

	while (digits--) {
		uint8_t b;

		if (cur_u8(c, &b) < 0 || b < '0' || b > '9')
			return FUDA_EFORMAT;
		v = v * 10 + (b - '0');
	}
	*ret = v;
	return 0;
}

int der_time(struct cursor *c, time_t *ret)
{
	struct cursor at = *c;
	struct tlv t;
	struct tm tm = { 0 }, given;
	time_t seconds;
	uint8_t zone;
	bool utc;

	if (tlv_next_der(&at, &t) < 0 || (t.tag != DER_UTC_TIME && t.tag != DER_GENERALIZED_TIME))
		return FUDA_EFORMAT;
	utc = t.tag == DER_UTC_TIME;
	if (take_decimal(&t.value, utc ? 2 : 4, &tm.tm_year) < 0 ||
	    take_decimal(&t.value, 2, &tm.tm_mon) < 0 ||
	    take_decimal(&t.value, 2, &tm.tm_mday) < 0 ||
	    take_decimal(&t.value, 2, &tm.tm_hour) < 0 ||
	    take_decimal(&t.value, 2, &tm.tm_min) < 0 ||
	    take_decimal(&t.value, 2, &tm.tm_sec) < 0 || cur_u8(&t.value, &zone) < 0 ||
	    zone != 'Z' || t.value.left)
		return FUDA_EFORMAT;
	if (utc && tm.tm_year < 50) /* RFC 5280 4.1.2.5.1 */
		tm.tm_year += 100;
	else if (!utc)
		tm.tm_year -= 1900;
	tm.tm_mon--;
	given = tm;
	seconds = timegm(&tm);
	/* timegm() carries the 31st of February over; a date that it moves is none */
	if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday ||
	    tm.tm_hour != given.tm_hour || tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec)
		return FUDA_EFORMAT;
	*c = at;
	*ret = seconds;
	return 0;
}

int der_algorithm(struct cursor *c, char ret_oid[DER_OID_MAX], struct cursor *ret_parameters)
{
	struct cursor at = *c;
	struct tlv t;
	int r;

	if (tlv_expect(&at, DER_SEQUENCE, &t) < 0)
		return FUDA_EFORMAT;
	r = der_oid(&t.value, ret_oid);
	if (r < 0)
		return r;
	*c = at;
	*ret_parameters = t.value;
	return 0;
}

int der_extension(struct cursor *c, struct cursor *ret_oid, bool *ret_critical,
		  struct cursor *ret_value)
{
	struct cursor at = *c;
	struct tlv extension, oid, value;
	bool critical = false;

	if (tlv_expect(&at, DER_SEQUENCE, &extension) < 0 ||
	    tlv_expect(&extension.value, DER_OID, &oid) < 0)
		return FUDA_EFORMAT;
	if (der_next_is(extension.value, DER_BOOLEAN) &&
	    der_boolean(&extension.value, &critical) < 0)
		return FUDA_EFORMAT;
	if (tlv_expect(&extension.value, DER_OCTET_STRING, &value) < 0 || extension.value.left)
		return FUDA_EFORMAT;
	*c = at;
	*ret_oid = oid.value;
	*ret_critical = critical;
	*ret_value = value.value;
	return 0;
}
