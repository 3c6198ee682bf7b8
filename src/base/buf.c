/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/buf.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

void wipe(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}

int equal_ct(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

/* Never realloc(): it would leave the old bytes behind. */
static int grow(struct fuda_buf *b, size_t need)
{
	size_t cap = b->cap < 32 ? 64 : b->cap * 2;
	uint8_t *data;

	if (cap < need)
		cap = need;
	cap = MIN(cap, b->max);
	data = malloc(cap);
	if (!data)
		return FUDA_ENOMEM;
	if (b->len)
		memcpy(data, b->data, b->len);
	wipe(b->data, b->len);
	free(b->data);
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_reserve(struct fuda_buf *b, size_t more)
{
	if (more > b->max - b->len)
		return FUDA_ETOOBIG;
	return more > b->cap - b->len ? grow(b, b->len + more) : 0;
}

int fuda_buf_append(struct fuda_buf *b, const void *bytes, size_t len)
{
	int r = buf_reserve(b, len);

	if (r < 0 || !len)
		return r;
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
	return 0;
}

int fuda_buf_set(struct fuda_buf *b, const void *bytes, size_t len)
{
	struct fuda_buf fresh = FUDA_BUF_INIT(b->max);
	int r = fuda_buf_append(&fresh, bytes, len);

	if (r < 0)
		return r;
	fuda_buf_free(b);
	*b = fresh;
	return 0;
}

void buf_cut(struct fuda_buf *b, size_t len)
{
	if (len >= b->len)
		return;
	wipe(b->data + len, b->len - len);
	b->len = len;
}

void fuda_buf_clear(struct fuda_buf *b)
{
	buf_cut(b, 0);
}

void fuda_buf_free(struct fuda_buf *b)
{
	wipe(b->data, b->len);
	fuda_buf_free_public(b);
}

void fuda_buf_free_public(struct fuda_buf *b)
{
	free(b->data);
	*b = FUDA_BUF_INIT(b->max);
}
