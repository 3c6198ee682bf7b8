/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include <string.h>

#include "base/cursor.h"
#include "base/util.h"

/* What a character stands for, in the low six bits. The two upper ones say of which alphabet it
 * is alone; both: of none. Together, the characters of a text have both as well where it is of
 * none. */
enum { VALUE = 0x3F, ONLY_PLAIN = 0x40, ONLY_URL = 0x80, NEITHER = 0xC0 };

static const char alphabets[2][65] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static const uint8_t values[256] = {
#define N4  NEITHER, NEITHER, NEITHER, NEITHER
#define N16 N4, N4, N4, N4
	N16, N16,
	N4, N4, NEITHER, NEITHER, NEITHER, ONLY_PLAIN | 62,
	NEITHER, ONLY_URL | 62, NEITHER, ONLY_PLAIN | 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NEITHER, NEITHER, N4,
	NEITHER, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NEITHER,
	NEITHER, NEITHER, NEITHER, ONLY_URL | 63,
	NEITHER, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NEITHER, N4,
	N16, N16, N16, N16, N16, N16, N16, N16,
#undef N16
#undef N4
};

int base64_encode(const void *bytes, size_t len, bool url, struct fuda_buf *ret_text)
{
	const char *alphabet = alphabets[url];
	struct cursor c = cur_of(bytes, len);
	size_t rest = len % 3;
	size_t end = !rest ? 0 : url ? rest + 1 : 4;
	const uint8_t *p;
	uint8_t *out;
	int r;

	if (len > ret_text->max) /* and so its text; what is below cannot overflow */
		return FUDA_ETOOBIG;
	r = buf_reserve(ret_text, len / 3 * 4 + end);
	if (r < 0 || !len)
		return r;
	out = ret_text->data + ret_text->len;
	for (; cur_take(&c, 3, &p) == 0; out += 4) {
		uint32_t group = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		out[0] = (uint8_t)alphabet[group >> 18];
		out[1] = (uint8_t)alphabet[group >> 12 & VALUE];
		out[2] = (uint8_t)alphabet[group >> 6 & VALUE];
		out[3] = (uint8_t)alphabet[group & VALUE];
	}
	if (rest && cur_take(&c, rest, &p) == 0) {
		uint32_t group = (uint32_t)p[0] << 16 | (rest == 2 ? (uint32_t)p[1] << 8 : 0);
		uint8_t last[4] = { (uint8_t)alphabet[group >> 18],
				    (uint8_t)alphabet[group >> 12 & VALUE],
				    rest == 2 ? (uint8_t)alphabet[group >> 6 & VALUE] : '=', '=' };

		memcpy(out, last, end);
	}
	ret_text->len += len / 3 * 4 + end;
	return 0;
}

/* Two or three characters behind the last group of four. */
static int decode_rest(struct cursor *c, uint8_t *out, uint8_t *seen)
{
	uint8_t v[3] = { 0 };
	size_t count = c->left;
	const uint8_t *p;

	if (cur_take(c, count, &p) < 0)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < count; i++) {
		v[i] = values[p[i]] & VALUE;
		*seen |= values[p[i]];
	}
	out[0] = (uint8_t)(v[0] << 2 | v[1] >> 4);
	if (count == 3)
		out[1] = (uint8_t)(v[1] << 4 | v[2] >> 2);
	/* more than one text would stand for the same bytes: RFC 4648 3.5 */
	return count == 3 ? (v[2] & 0x03 ? FUDA_EFORMAT : 0) : (v[1] & 0x0F ? FUDA_EFORMAT : 0);
}

int base64_decode(const char *text, size_t len, struct fuda_buf *ret_bytes)
{
	size_t pads = 0, size;
	struct cursor c;
	const uint8_t *p;
	uint8_t *out, seen = 0;
	int r;

	while (pads < 2 && pads < len && text[len - 1 - pads] == '=')
		pads++;
	c = cur_of((const uint8_t *)text, len - pads);
	if (c.left % 4 == 1 || (pads && len % 4))
		return FUDA_EFORMAT;
	size = c.left / 4 * 3 + (c.left % 4 ? c.left % 4 - 1 : 0);
	r = buf_reserve(ret_bytes, size);
	if (r < 0 || !size)
		return r;
	out = ret_bytes->data + ret_bytes->len;
	for (; cur_take(&c, 4, &p) == 0; out += 3) {
		uint8_t a = values[p[0]], b = values[p[1]], d = values[p[2]], e = values[p[3]];
		uint32_t group = (uint32_t)(a & VALUE) << 18 | (uint32_t)(b & VALUE) << 12 |
				 (uint32_t)(d & VALUE) << 6 | (e & VALUE);

		seen |= a | b | d | e;
		out[0] = (uint8_t)(group >> 16);
		out[1] = (uint8_t)(group >> 8);
		out[2] = (uint8_t)group;
	}
	r = c.left ? decode_rest(&c, out, &seen) : 0;
	if (r < 0 || (seen & NEITHER) == NEITHER || (seen & ONLY_PLAIN && len % 4)) {
		wipe(ret_bytes->data + ret_bytes->len, size);
		return FUDA_EFORMAT;
	}
	ret_bytes->len += size;
	return 0;
}

int base64_decode_lines(const char *text, size_t len, struct fuda_buf *ret_bytes)
{
	_cleanup_buf_ struct fuda_buf dense = FUDA_BUF_INIT(len);
	int r = buf_reserve(&dense, len);

	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			dense.data[dense.len++] = (uint8_t)text[i];
	return base64_decode((const char *)dense.data, dense.len, ret_bytes);
}
