/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR for people: diagnostic notation (RFC 8949 8). */
#include <fuda/encode.h>
#include <fuda/mdoc.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "codec/utf8.h"
#include "mdoc/cbor.h"

enum { EMBEDDED_MAX = 8, SHOWN = 16 };

struct notation {
	struct fuda_buf *to;
	size_t most; /* bytes of a byte string; 0: all */
	unsigned indent;
	unsigned embedded; /* how deep in CBOR inside of CBOR */
	int failed;
};

static void put(struct notation *n, const char *text, size_t len)
{
	if (n->failed == 0)
		n->failed = fuda_buf_append(n->to, text, len);
}

static _printf_(2, 3) void print(struct notation *n, const char *format, ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(n, text, strlen(text));
}

static void new_line(struct notation *n)
{
	put(n, "\n", 1);
	for (unsigned i = 0; i < n->indent; i++)
		put(n, "  ", 2);
}

static void put_bytes(struct notation *n, struct cursor bytes)
{
	size_t shown = n->most && bytes.left > n->most ? MIN(n->most, SHOWN) : bytes.left;
	char digits[3];

	put(n, "h'", 2);
	for (size_t i = 0; i < shown; i++) {
		fuda_hex_encode(bytes.p + i, 1, digits);
		put(n, digits, 2);
	}
	put(n, "'", 1);
	if (shown < bytes.left)
		print(n, " / %zu bytes /", bytes.left);
}

/* What a terminal might obey stands as \uXXXX, as in JSON. */
static void put_text(struct notation *n, struct cursor text)
{
	put(n, "\"", 1);
	while (text.left) {
		const struct cursor before = text;
		uint32_t ch = 0;

		utf8_next(&text, &ch); /* was looked at */
		if (ch == '"' || ch == '\\')
			put(n, "\\", 1);
		if (utf8_is_control(ch))
			print(n, "\\u%04" PRIX32, ch);
		else
			put(n, (const char *)before.p, before.left - text.left);
	}
	put(n, "\"", 1);
}

static void put_float(struct notation *n, uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	if (isnan(value))
		put(n, "NaN", 3);
	else if (isinf(value))
		print(n, "%sInfinity", value < 0 ? "-" : "");
	else if (fabs(value) < 1e15 && value == (double)(int64_t)value)
		print(n, "%.1f", value); /* so that it cannot be taken for an integer */
	else
		print(n, "%.17g", value);
}

static void put_simple(struct notation *n, uint64_t number)
{
	static const char *const names[] = { "false", "true", "null", "undefined" };

	if (number >= CBOR_FALSE && number <= CBOR_UNDEFINED)
		print(n, "%s", names[number - CBOR_FALSE]);
	else
		print(n, "simple(%" PRIu64 ")", number);
}

/* -1 - number, which may be below what 64 bits with a sign hold. */
static void put_negative(struct notation *n, uint64_t number)
{
	if (number == UINT64_MAX)
		print(n, "-18446744073709551616");
	else
		print(n, "-%" PRIu64, number + 1);
}

static void put_item(struct notation *n, const struct cbor *item);

/* What an issuer signs is embedded twice: a byte string that is a tag 24 (9.1.2.4). */
static void put_byte_string(struct notation *n, struct cursor bytes)
{
	struct cbor item, inner;

	if (n->embedded == EMBEDDED_MAX || cbor_read(bytes, &item, NULL) < 0 ||
	    cbor_embedded(&item, &inner) < 0) {
		put_bytes(n, bytes);
		return;
	}
	n->embedded++;
	put(n, "<<", 2);
	put_item(n, &item);
	put(n, ">>", 2);
	n->embedded--;
}

static void put_members(struct notation *n, const struct cbor *item)
{
	const bool map = cbor_is(item, CBOR_MAP);
	struct cursor c = item->content;
	struct cbor one;

	print(n, "%c", map ? '{' : '[');
	n->indent++;
	for (uint64_t i = 0; cbor_next(&c, &one) == 0; i++) {
		if (i)
			put(n, ",", 1);
		new_line(n);
		put_item(n, &one);
		if (map && cbor_next(&c, &one) == 0) {
			put(n, ": ", 2);
			put_item(n, &one);
		}
	}
	n->indent--;
	if (item->number)
		new_line(n);
	print(n, "%c", map ? '}' : ']');
}

static void put_tag(struct notation *n, const struct cbor *item)
{
	struct cursor c = item->content;
	struct cbor inner;

	print(n, "%" PRIu64 "(", item->number);
	if (n->embedded < EMBEDDED_MAX && cbor_embedded(item, &inner) == 0) {
		n->embedded++;
		put(n, "<<", 2);
		put_item(n, &inner);
		put(n, ">>", 2);
		n->embedded--;
	} else if (cbor_next(&c, &inner) == 0) {
		put_item(n, &inner);
	}
	put(n, ")", 1);
}

static void put_item(struct notation *n, const struct cbor *item)
{
	switch (item->type) {
	case CBOR_UINT:
		print(n, "%" PRIu64, item->number);
		break;
	case CBOR_NEGATIVE:
		put_negative(n, item->number);
		break;
	case CBOR_BYTES:
		put_byte_string(n, item->content);
		break;
	case CBOR_TEXT:
		put_text(n, item->content);
		break;
	case CBOR_ARRAY:
	case CBOR_MAP:
		put_members(n, item);
		break;
	case CBOR_TAG:
		put_tag(n, item);
		break;
	case CBOR_SIMPLE:
		put_simple(n, item->number);
		break;
	case CBOR_FLOAT:
		put_float(n, item->number);
		break;
	}
}

int fuda_mdoc_diagnose(const uint8_t *cbor, size_t len, size_t most, struct fuda_buf *ret_text)
{
	struct notation n = { .to = ret_text, .most = most };
	size_t before = ret_text->len;
	struct cbor item;

	if (cbor_read(cur_of(cbor, len), &item, NULL) < 0)
		return FUDA_EFORMAT;
	put_item(&n, &item);
	if (n.failed < 0)
		buf_cut(ret_text, before);
	return n.failed;
}
