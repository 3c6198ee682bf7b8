/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/encode.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

enum { PEM_LINE = 48, /* bytes that make a line of 64 characters */ LABEL_MAX = 64 };

static int append_text(struct fuda_buf *b, const char *text)
{
	return fuda_buf_append(b, text, strlen(text));
}

int fuda_pem_encode(const char *label, const uint8_t *der, size_t len, struct fuda_buf *ret_text)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(ret_text->max);
	char line[LABEL_MAX + 32];
	int r;

	if (strlen(label) > LABEL_MAX)
		return FUDA_EINVAL;
	snprintf(line, sizeof(line), "-----BEGIN %s-----\n", label);
	r = append_text(&out, line);
	for (size_t at = 0; r == 0 && at < len; at += PEM_LINE) {
		char base64[PEM_LINE / 3 * 4 + 2];
		int n = EVP_EncodeBlock((unsigned char *)base64, der + at,
					(int)MIN(len - at, (size_t)PEM_LINE));

		base64[n] = '\n';
		r = fuda_buf_append(&out, base64, (size_t)n + 1);
	}
	snprintf(line, sizeof(line), "-----END %s-----\n", label);
	if (r == 0)
		r = append_text(&out, line);
	return r < 0 ? r : fuda_buf_append(ret_text, out.data, out.len);
}

static int base64_value(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(alphabet, c) : NULL;

	return p ? (int)(p - alphabet) : -1;
}

/* Strict RFC 4648: groups of four, padding at the end only, unused bits zero. */
static int base64_decode(const char *text, size_t len, struct fuda_buf *out)
{
	uint32_t group = 0;
	unsigned chars = 0, pads = 0;

	for (size_t i = 0; i < len; i++) {
		int v = base64_value(text[i]), r;
		uint8_t bytes[3];

		if (strchr(" \t\r\n", text[i]) && text[i])
			continue;
		if (text[i] == '=' && chars >= 2)
			pads++, v = 0;
		else if (v < 0 || pads)
			return FUDA_EFORMAT;
		group = group << 6 | (uint32_t)v;
		if (++chars < 4)
			continue;
		bytes[0] = (uint8_t)(group >> 16);
		bytes[1] = (uint8_t)(group >> 8);
		bytes[2] = (uint8_t)group;
		if (group & ((1u << 8 * pads) - 1))
			return FUDA_EFORMAT;
		r = fuda_buf_append(out, bytes, 3 - pads);
		if (r < 0)
			return r;
		group = 0;
		chars = 0;
		if (pads)
			pads = 3; /* nothing may follow */
	}
	return chars ? FUDA_EFORMAT : 0;
}

/* Where `what` stands in `text` of `len` bytes, or NULL. */
static const char *find(const char *text, size_t len, const char *what)
{
	return len ? memmem(text, len, what, strlen(what)) : NULL;
}

int fuda_pem_decode(const char *label, const char **text, size_t *left, struct fuda_buf *ret_der)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(ret_der->max);
	char begin[LABEL_MAX + 32], end[LABEL_MAX + 32];
	const char *limit = *text + *left, *start, *stop;
	int r;

	if (strlen(label) > LABEL_MAX)
		return FUDA_EINVAL;
	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	snprintf(end, sizeof(end), "-----END %s-----", label);
	start = find(*text, *left, begin);
	while (start && start != *text &&
	       start[-1] != '\n') /* at the start of a line, RFC 7468 2 */
		start = find(start + 1, (size_t)(limit - start - 1), begin);
	if (!start)
		return FUDA_ENOTFOUND;
	start += strlen(begin);
	stop = find(start, (size_t)(limit - start), end);
	if (!stop)
		return FUDA_EFORMAT;
	r = base64_decode(start, (size_t)(stop - start), &out);
	if (r == 0)
		r = fuda_buf_append(ret_der, out.data, out.len);
	if (r < 0)
		return r;
	*text = stop + strlen(end);
	*left = (size_t)(limit - *text);
	return 0;
}
