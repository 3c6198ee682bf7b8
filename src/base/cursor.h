/* SPDX-License-Identifier: Apache-2.0 */
/* The one way to read bytes from outside: a cursor that cannot leave them. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <fuda/error.h>

struct cursor {
	const uint8_t *p;
	size_t left;
};

/* All of these return 0, or FUDA_EFORMAT if fewer bytes are left; the cursor and the result are
 * then unchanged. Integers are big endian but for those of cur_le(). */

static inline struct cursor cur_of(const uint8_t *bytes, size_t len)
{
	return (struct cursor){ bytes, len };
}

/* The next `len` bytes, in place. */
static inline int cur_take(struct cursor *c, size_t len, const uint8_t **ret)
{
	if (c->left < len)
		return FUDA_EFORMAT;
	*ret = c->p;
	if (len)
		c->p += len;
	c->left -= len;
	return 0;
}

/* The next `len` bytes as a cursor of their own. */
static inline int cur_sub(struct cursor *c, size_t len, struct cursor *ret)
{
	const uint8_t *p;

	if (cur_take(c, len, &p) < 0)
		return FUDA_EFORMAT;
	*ret = cur_of(p, len);
	return 0;
}

static inline int cur_skip(struct cursor *c, size_t len)
{
	const uint8_t *p;

	return cur_take(c, len, &p);
}

static inline int cur_copy(struct cursor *c, void *ret, size_t len)
{
	const uint8_t *p;

	if (cur_take(c, len, &p) < 0)
		return FUDA_EFORMAT;
	if (len)
		memcpy(ret, p, len);
	return 0;
}

/* The next `bytes` (1 to 4) bytes as a number. */
static inline int cur_uint(struct cursor *c, size_t bytes, uint32_t *ret)
{
	const uint8_t *p;
	uint32_t v = 0;

	if (cur_take(c, bytes, &p) < 0)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	*ret = v;
	return 0;
}

/* The same with the lowest byte first, as on the USB. */
static inline int cur_le(struct cursor *c, size_t bytes, uint32_t *ret)
{
	const uint8_t *p;
	uint32_t v = 0;

	if (cur_take(c, bytes, &p) < 0)
		return FUDA_EFORMAT;
	for (size_t i = bytes; i > 0; i--)
		v = v << 8 | p[i - 1];
	*ret = v;
	return 0;
}

static inline bool cur_equal(struct cursor a, struct cursor b)
{
	return a.left == b.left && (!a.left || memcmp(a.p, b.p, a.left) == 0);
}

static inline int cur_u8(struct cursor *c, uint8_t *ret)
{
	return cur_copy(c, ret, 1);
}

static inline int cur_u16(struct cursor *c, uint16_t *ret)
{
	uint32_t v;

	if (cur_uint(c, 2, &v) < 0)
		return FUDA_EFORMAT;
	*ret = (uint16_t)v;
	return 0;
}

#endif
