/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/encode.h>

#include <string.h>

#include "base/util.h"

void fuda_hex_encode(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int hex_decode(const char *text, struct fuda_buf *out)
{
	for (;;) {
		uint8_t byte;
		int high, low, r;

		text += strspn(text, " \t\r\n:");
		if (!*text)
			return 0;
		high = nibble(text[0]);
		low = nibble(text[1]); /* the NUL at worst */
		if (high < 0 || low < 0)
			return FUDA_EFORMAT;
		byte = (uint8_t)(high << 4 | low);
		r = fuda_buf_append(out, &byte, 1);
		if (r < 0)
			return r;
		text += 2;
	}
}

int fuda_hex_decode(const char *text, struct fuda_buf *ret_bytes)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(ret_bytes->max);
	int r = hex_decode(text, &out);

	return r < 0 ? r : fuda_buf_append(ret_bytes, out.data, out.len);
}
