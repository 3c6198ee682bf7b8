/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

#include "base/util.h"

int utf8_next(struct cursor *c, uint32_t *ret)
{
	static const struct {
		uint8_t mask, lead;
		unsigned more;
		uint32_t least;
	} forms[] = {
		{ 0xE0, 0xC0, 1, 0x80 },
		{ 0xF0, 0xE0, 2, 0x800 },
		{ 0xF8, 0xF0, 3, 0x10000 },
	};
	uint8_t b;
	size_t form = 0;
	uint32_t ch;

	if (cur_u8(c, &b) < 0)
		return FUDA_EFORMAT;
	if (b < 0x80) {
		*ret = b;
		return 0;
	}
	while (form < ARRAY_SIZE(forms) && (b & forms[form].mask) != forms[form].lead)
		form++;
	if (form == ARRAY_SIZE(forms))
		return FUDA_EFORMAT;
	ch = b & (uint8_t)~forms[form].mask;
	for (unsigned i = 0; i < forms[form].more; i++) {
		if (cur_u8(c, &b) < 0 || (b & 0xC0) != 0x80)
			return FUDA_EFORMAT;
		ch = ch << 6 | (b & 0x3F);
	}
	if (ch < forms[form].least || ch > 0x10FFFF || (ch >= 0xD800 && ch <= 0xDFFF))
		return FUDA_EFORMAT;
	*ret = ch;
	return 0;
}

/* ASCII, which is most of what comes, needs no closer look. */
static int skip_ascii(struct cursor *c)
{
	size_t n = 0;

	while (n < c->left && c->p[n] < 0x80)
		n++;
	return cur_skip(c, n);
}

bool utf8_is_valid(struct cursor text)
{
	uint32_t ch;

	while (skip_ascii(&text) == 0 && text.left)
		if (utf8_next(&text, &ch) < 0)
			return false;
	return true;
}

bool utf8_is_control(uint32_t ch)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1F },     { 0x7F, 0x9F },     { 0x061C, 0x061C },
		{ 0x200E, 0x200F }, { 0x2028, 0x202E }, { 0x2066, 0x2069 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (ch >= ranges[i].first && ch <= ranges[i].last)
			return true;
	return false;
}
