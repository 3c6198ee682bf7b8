/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "drivers/rcs380-frame.h"
#include "tests/cmocka.h"

static const struct {
	const char *bytes;
	int kind;
	size_t left; /* behind it, of an ACK or data */
	const char *data;
} parsed[] = {
	{ "0000FF00FF00", RCS380_ACK, 0, "" },
	{ "0000FF00FF000000FF00FF00", RCS380_ACK, 6, "" },
	{ "0000FF00FF0055", RCS380_ACK, 1, "" },
	{ "0000FFFFFF0300FDD7070022" "00", RCS380_DATA, 0, "D70700" },
	{ "0000FFFFFF0200FED6200A00", RCS380_DATA, 0, "D620" },
	{ "0000FFFFFF0200FED6200A000000FF", RCS380_DATA, 3, "D620" },
	{ "0000FFFFFF", RCS380_SYNTAX, 0, NULL },
	{ "", RCS380_PARTIAL, 0, NULL },
	{ "00", RCS380_PARTIAL, 0, NULL },
	{ "0000", RCS380_PARTIAL, 0, NULL },
	{ "0000FF", RCS380_PARTIAL, 0, NULL },
	{ "0000FF00", RCS380_PARTIAL, 0, NULL },
	{ "0000FF00FF", RCS380_PARTIAL, 0, NULL },
	{ "0000FFFF", RCS380_PARTIAL, 0, NULL },
	{ "0000FFFFFF03", RCS380_PARTIAL, 0, NULL },
	{ "0000FFFFFF0300", RCS380_PARTIAL, 0, NULL },
	{ "0000FFFFFF0300FD", RCS380_PARTIAL, 0, NULL },
	{ "0000FFFFFF0300FDD70700", RCS380_PARTIAL, 0, NULL },
	{ "0000FFFFFF0300FDD7070022", RCS380_PARTIAL, 0, NULL },
	{ "0000FFFFFFEB0312", RCS380_PARTIAL, 0, NULL }, /* 1003 bytes */
	{ "0000FFFFFFEC0311", FUDA_EFORMAT, 0, NULL },	  /* 1004 */
	{ "0000FFFFFFFFFF02", FUDA_EFORMAT, 0, NULL },
	{ "0000FFFFFF000000", FUDA_EFORMAT, 0, NULL },
	{ "0000FFFFFF0100FF", FUDA_EFORMAT, 0, NULL },
	{ "0000FFFFFF0300FC", FUDA_EFORMAT, 0, NULL },
	{ "0000FFFFFF0300FDD7070023" "00", FUDA_EFORMAT, 0, NULL },
	{ "0000FFFFFF0300FDD7070022" "01", FUDA_EFORMAT, 0, NULL },
	{ "01", FUDA_EFORMAT, 0, NULL },
	{ "00FF", FUDA_EFORMAT, 0, NULL },
	{ "0000FE", FUDA_EFORMAT, 0, NULL },
	{ "0000FF01FF7F8100", FUDA_EFORMAT, 0, NULL }, /* an error of other chips */
	{ "0000FF00FE00", FUDA_EFORMAT, 0, NULL },
	{ "0000FF00FF01", FUDA_EFORMAT, 0, NULL },
	{ "0000FFFF00FF00", FUDA_EFORMAT, 0, NULL }, /* NACK of other chips */
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parsed); i++) {
		struct fuda_buf bytes = FUDA_BUF_INIT(64);
		struct cursor data = { 0 }, c, before;
		char hex[64];
		uint8_t *exact; /* so that a sanitizer sees who reads past it */
		int kind;

		assert_int_equal(fuda_hex_decode(parsed[i].bytes, &bytes), 0);
		exact = malloc(bytes.len ? bytes.len : 1);
		assert_non_null(exact);
		if (bytes.len)
			memcpy(exact, bytes.data, bytes.len);
		before = c = cur_of(exact, bytes.len);
		kind = rcs380_frame_parse(&c, &data);
		if (kind != parsed[i].kind)
			fail_msg("%s: %d", parsed[i].bytes, kind);
		if (kind == RCS380_ACK || kind == RCS380_DATA)
			assert_int_equal(c.left, parsed[i].left);
		else
			assert_true(c.p == before.p && c.left == before.left);
		if (kind == RCS380_DATA) {
			fuda_hex_encode(data.p, data.left, hex);
			assert_string_equal(hex, parsed[i].data);
		}
		free(exact);
		fuda_buf_free(&bytes);
	}
}

static void builds(void **state)
{
	static uint8_t payload[RCS380_DATA_MAX];
	struct fuda_buf frame = FUDA_BUF_INIT(RCS380_FRAME_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 5 + 3);
	for (size_t len = 0; len <= RCS380_DATA_MAX - 2; len++) {
		size_t cut = len / 3;
		struct cursor c, data;

		fuda_buf_clear(&frame);
		assert_int_equal(rcs380_frame_build(RCS380_TO_DEVICE, 0x04, cur_of(payload, cut),
						    cur_of(payload + cut, len - cut), &frame),
				 0);
		assert_int_equal(frame.len, 10 + 2 + len);
		c = cur_of(frame.data, frame.len);
		assert_int_equal(rcs380_frame_parse(&c, &data), RCS380_DATA);
		assert_int_equal(c.left, 0);
		assert_int_equal(data.left, 2 + len);
		assert_memory_equal(data.p + 2, payload, len);
	}
	fuda_buf_clear(&frame);
	assert_int_equal(rcs380_frame_build(RCS380_TO_DEVICE, 0x04, cur_of(payload, RCS380_DATA_MAX - 2),
					    cur_of(payload, 1), &frame),
			 FUDA_ETOOBIG);
	assert_int_equal(rcs380_frame_build(RCS380_TO_DEVICE, 0x04, cur_of(payload, RCS380_DATA_MAX - 1),
					    cur_of(NULL, 0), &frame),
			 FUDA_ETOOBIG);
	assert_int_equal(frame.len, 0);
	fuda_buf_free(&frame);
}

static void no_room(void **state)
{
	struct fuda_buf frame = FUDA_BUF_INIT(11);

	(void)state;
	assert_int_equal(rcs380_frame_build(RCS380_TO_DEVICE, 0x20, cur_of(NULL, 0), cur_of(NULL, 0), &frame),
			 FUDA_ETOOBIG);
	assert_int_equal(frame.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(builds),
		cmocka_unit_test(no_room),
	};

	return RUN(tests);
}
