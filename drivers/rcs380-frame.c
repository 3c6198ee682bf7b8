/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rcs380-frame.h"

#include <stdbool.h>

#include "base/util.h"

const uint8_t rcs380_ack[6] = { 0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00 };

/* Before a length; and all of an error frame. */
static const uint8_t start[5] = { 0x00, 0x00, 0xFF, 0xFF, 0xFF };

static uint8_t sum(const uint8_t *bytes, size_t len)
{
	unsigned s = 0;

	for (size_t i = 0; i < len; i++)
		s += bytes[i];
	return (uint8_t)s;
}

static uint8_t negative(uint8_t n)
{
	return (uint8_t)(0x100 - n);
}

int rcs380_frame_build(uint8_t direction, uint8_t code, struct cursor first, struct cursor second,
		       struct fuda_buf *ret)
{
	const uint8_t head[2] = { direction, code };
	size_t len = sizeof(head) + first.left + second.left;
	const uint8_t length[2] = { (uint8_t)len, (uint8_t)(len >> 8) };
	const uint8_t lcs = negative(sum(length, sizeof(length)));
	const uint8_t tail[2] = { negative((uint8_t)(sum(head, sizeof(head)) +
						     sum(first.p, first.left) +
						     sum(second.p, second.left))),
				  0x00 };
	int e;

	if (len > RCS380_DATA_MAX)
		return FUDA_ETOOBIG;
	e = buf_reserve(ret, sizeof(start) + sizeof(length) + sizeof(lcs) + len + sizeof(tail));
	if (e < 0)
		return e;
	fuda_buf_append(ret, start, sizeof(start));
	fuda_buf_append(ret, length, sizeof(length));
	fuda_buf_append(ret, &lcs, sizeof(lcs));
	fuda_buf_append(ret, head, sizeof(head));
	fuda_buf_append(ret, first.p, first.left);
	fuda_buf_append(ret, second.p, second.left);
	fuda_buf_append(ret, tail, sizeof(tail));
	return 0;
}

/* Whether what is there begins with as much of `bytes` as it has. */
static bool may_be(const struct cursor *c, const uint8_t *bytes, size_t len)
{
	return !c->left || memcmp(c->p, bytes, MIN(len, c->left)) == 0;
}

/* Behind the start: length, its checksum, data, theirs, and the postamble. */
static int parse_data(struct cursor *c, struct cursor *ret_data)
{
	const uint8_t *length, *tail;
	size_t len;

	if (cur_take(c, 3, &length) < 0)
		return RCS380_PARTIAL;
	len = (size_t)(length[0] | length[1] << 8);
	if (sum(length, 3) != 0 || len < 2 || len > RCS380_DATA_MAX)
		return FUDA_EFORMAT;
	if (cur_sub(c, len, ret_data) < 0 || cur_take(c, 2, &tail) < 0)
		return RCS380_PARTIAL;
	if ((uint8_t)(sum(ret_data->p, len) + tail[0]) != 0 || tail[1] != 0)
		return FUDA_EFORMAT;
	return RCS380_DATA;
}

int rcs380_frame_parse(struct cursor *c, struct cursor *ret_data)
{
	struct cursor rest = *c, data;
	int kind;

	if (may_be(c, rcs380_ack, sizeof(rcs380_ack)))
		return cur_skip(c, sizeof(rcs380_ack)) < 0 ? RCS380_PARTIAL : RCS380_ACK;
	if (!may_be(c, start, sizeof(start)))
		return FUDA_EFORMAT;
	if (cur_skip(&rest, sizeof(start)) < 0)
		return RCS380_PARTIAL;
	if (!rest.left)
		return RCS380_SYNTAX;
	kind = parse_data(&rest, &data);
	if (kind == RCS380_DATA) {
		*c = rest;
		*ret_data = data;
	}
	return kind;
}
