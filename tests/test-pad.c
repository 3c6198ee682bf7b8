/* SPDX-License-Identifier: Apache-2.0 */
/* The structures of PC/SC part 10, written out by hand from readers.md A5, and those that make no sense. */
#include "reader/pad.h"

#include <fuda/encode.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka.h"

/* timeouts 1E 0F, 82 ASCII to the left, block of 4, no length, at most 4 and at least 4 digits, key pressed, one
 * message in 0409, the first, no prologue, 9 bytes */
#define HEAD	"1E0F820400"
#define DIGITS	"0404"
#define MESSAGE "02010904"
#define VERIFY	"0020009804FFFFFFFF"
#define GOOD	HEAD DIGITS MESSAGE "00" "000000" "09000000" VERIFY
/* old one at 00, new one at 04; confirmed and asked for; three messages */
#define CHANGE	    "0024009808FFFFFFFFFFFFFFFF"
#define GOOD_MODIFY HEAD "0004" DIGITS "03" "02030904" "000102" "000000" "0D000000" CHANGE

static struct fuda_buf bytes_of(const char *hex)
{
	struct fuda_buf b = FUDA_BUF_INIT(1000);

	assert_int_equal(fuda_hex_decode(hex, &b), 0);
	return b;
}

/* In memory of just that size, for the sanitizers to see a read beyond. */
static int parse(bool modify, const struct fuda_buf *b, struct pad_entry *ret)
{
	uint8_t *exact = malloc(b->len ? b->len : 1);
	int r;

	assert_non_null(exact);
	if (b->len)
		memcpy(exact, b->data, b->len);
	r = pad_parse(modify, exact, b->len, ret);
	if (r == 0) {
		assert_ptr_equal(ret->command, exact + b->len - ret->len);
		assert_memory_equal(ret->command, b->data + b->len - ret->len, ret->len);
	}
	free(exact);
	return r;
}

static void refuse(bool modify, const char *hex)
{
	struct fuda_buf b = bytes_of(hex);
	struct pad_entry e = { .timeout = 0xAB, .len = 77 };

	if (parse(modify, &b, &e) != FUDA_EFORMAT)
		fail_msg("accepted: %s", hex);
	assert_int_equal(e.timeout, 0xAB);
	assert_int_equal(e.len, 77);
	fuda_buf_free(&b);
}

static struct pad_entry accept(bool modify, const char *hex)
{
	struct fuda_buf b = bytes_of(hex);
	struct pad_entry e;

	if (parse(modify, &b, &e) < 0)
		fail_msg("refused: %s", hex);
	e.command = NULL;
	fuda_buf_free(&b);
	return e;
}

/* ---- building ---- */

static void builds(void **state)
{
	static const uint8_t command[] = { 0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF };
	const struct pad_entry e = { .timeout = 0x1E, .timeout2 = 0x0F, .format = 0x82, .block = 4, .min = 4, .max = 4,
				     .validation = 2, .messages = 1, .language = 0x0409, .command = command,
				     .len = sizeof(command) };
	struct fuda_buf want = bytes_of(GOOD), got = FUDA_BUF_INIT(PAD_STRUCTURE_MAX);

	(void)state;
	assert_int_equal(pad_build_verify(&e, &got), 0);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
	/* it appends */
	assert_int_equal(pad_build_verify(&e, &got), 0);
	assert_int_equal(got.len, 2 * want.len);
	assert_memory_equal(got.data + want.len, want.data, want.len);
	fuda_buf_free(&want);
	fuda_buf_free(&got);
}

/* Each field has its place: all of them different. */
static void builds_in_order(void **state)
{
	static const uint8_t command[PAD_COMMAND_MAX] = { 0xCC, [PAD_COMMAND_MAX - 1] = 0xDD };
	const struct pad_entry e = { .timeout = 0x01, .timeout2 = 0x02, .format = 0x03, .block = 0x04,
				     .length_format = 0x05, .min = 0x06, .max = 0x07, .validation = 0x08,
				     .messages = 0xFF, .language = 0x0A0B, .indices = { 0x0C, 0xEE, 0xEE },
				     .prologue = { 0x0D, 0x0E, 0x0F }, .command = command, .len = sizeof(command) };
	struct fuda_buf want = bytes_of("0102030405" "0706" "08FF" "0B0A" "0C" "0D0E0F" "05010000");
	struct fuda_buf got = FUDA_BUF_INIT(PAD_STRUCTURE_MAX);
	struct pad_entry back;

	(void)state;
	assert_int_equal(pad_build_verify(&e, &got), 0);
	assert_int_equal(got.len, want.len + sizeof(command));
	assert_memory_equal(got.data, want.data, want.len);
	assert_memory_equal(got.data + want.len, command, sizeof(command));
	assert_int_equal(pad_parse(false, got.data, got.len, &back), 0);
	assert_int_equal(back.min, 6);
	assert_int_equal(back.max, 7);
	assert_int_equal(back.language, 0x0A0B);
	assert_int_equal(back.indices[0], 0x0C);
	assert_int_equal(back.indices[1], 0);
	assert_memory_equal(back.prologue, e.prologue, sizeof(e.prologue));
	assert_int_equal(back.len, sizeof(command));
	assert_ptr_equal(back.command, got.data + want.len);
	fuda_buf_free(&want);
	fuda_buf_free(&got);
}

static void builds_nothing_bad(void **state)
{
	static const uint8_t command[PAD_COMMAND_MAX + 1];
	static const size_t bad[] = { 0, 1, 3, PAD_COMMAND_MAX + 1 };
	struct pad_entry e = { .command = command };
	struct fuda_buf got = FUDA_BUF_INIT(PAD_STRUCTURE_MAX), small = FUDA_BUF_INIT(19 + 8);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		e.len = bad[i];
		assert_int_equal(pad_build_verify(&e, &got), FUDA_EINVAL);
		assert_int_equal(got.len, 0);
	}
	e.len = 9; /* one byte too many for it */
	assert_int_equal(pad_build_verify(&e, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 0);
	fuda_buf_free(&got);
	fuda_buf_free(&small);
}

/* ---- parsing ---- */

static void parses(void **state)
{
	struct pad_entry e = accept(false, GOOD);

	(void)state;
	assert_false(e.modify);
	assert_int_equal(e.timeout, 0x1E);
	assert_int_equal(e.timeout2, 0x0F);
	assert_int_equal(e.format, 0x82);
	assert_int_equal(e.block, 4);
	assert_int_equal(e.length_format, 0);
	assert_int_equal(e.min, 4);
	assert_int_equal(e.max, 4);
	assert_int_equal(e.validation, 2);
	assert_int_equal(e.messages, 1);
	assert_int_equal(e.language, 0x0409);
	assert_int_equal(e.indices[0], 0);
	assert_int_equal(e.len, 9);

	e = accept(true, GOOD_MODIFY);
	assert_true(e.modify);
	assert_int_equal(e.timeout, 0x1E);
	assert_int_equal(e.old_offset, 0);
	assert_int_equal(e.new_offset, 4);
	assert_int_equal(e.min, 4);
	assert_int_equal(e.max, 4);
	assert_int_equal(e.confirm, 3);
	assert_int_equal(e.validation, 2);
	assert_int_equal(e.messages, 3);
	assert_int_equal(e.language, 0x0409);
	assert_memory_equal(e.indices, "\0\1\2", 3);
	assert_int_equal(e.len, 13);
}

/* What other programs may ask for and is none of our business. */
static void parses_what_others_send(void **state)
{
	(void)state;
	/* from 4 to 12 digits, with the length in the command, four bytes of it */
	assert_int_equal(accept(false, "0000890804" "0C04" "02FF0904" "00" "000000" "04000000" "00200001").len, 4);
	/* as many as one likes, no message, a prologue; 5 bytes */
	assert_int_equal(accept(false, "00008A0000" "FF00" "07000000" "00" "00400B" "05000000" "0020000100").max, 255);
	assert_int_equal(accept(false, "00008A0000" "0000" "07000000" "00" "00400B" "05000000" "0020000100").max, 0);
	/* every number of messages that there is */
	for (const char *const *n = (const char *const[]){ "00", "01", "02", "03", "FF", NULL }; *n; n++) {
		char hex[] = HEAD DIGITS MESSAGE "00" "000000" "09000000" VERIFY;

		memcpy(hex + strlen(HEAD DIGITS "02"), *n, 2);
		accept(false, hex);
	}
}

static void refuses(void **state)
{
	static const char *const verify[] = {
		"",
		HEAD DIGITS MESSAGE "00" "000000" "09000000",		   /* no command */
		HEAD DIGITS MESSAGE "00" "000000" "00000000",
		HEAD DIGITS MESSAGE "00" "000000" "03000000" "002000",	   /* that is none */
		HEAD DIGITS MESSAGE "00" "000000" "08000000" VERIFY,	   /* lengths that do not agree */
		HEAD DIGITS MESSAGE "00" "000000" "0A000000" VERIFY,
		HEAD DIGITS MESSAGE "00" "000000" "09000000" VERIFY "00",
		HEAD DIGITS MESSAGE "00" "000000" "00000009" VERIFY,	   /* big endian */
		HEAD DIGITS MESSAGE "00" "000000" "09010000" VERIFY,
		HEAD DIGITS MESSAGE "00" "000000" "09000100" VERIFY,
		HEAD DIGITS MESSAGE "00" "000000" "09000001" VERIFY,
		HEAD DIGITS MESSAGE "00" "000000" "090000FF" VERIFY,
		HEAD DIGITS MESSAGE "00" "000000" "FFFFFFFF" VERIFY,
		HEAD "0405" MESSAGE "00" "000000" "09000000" VERIFY,	   /* at least 5, at most 4 */
		HEAD "0001" MESSAGE "00" "000000" "09000000" VERIFY,
		HEAD DIGITS "02040904" "00" "000000" "09000000" VERIFY,	   /* four messages */
		HEAD DIGITS "02FE0904" "00" "000000" "09000000" VERIFY,
		GOOD_MODIFY,						   /* the other one */
	};
	static const char *const modify[] = {
		"", GOOD,
		HEAD "0004" DIGITS "03" "02030904" "000102" "000000" "0D000000",
		HEAD "0004" DIGITS "03" "02030904" "000102" "000000" "0C000000" CHANGE,
		HEAD "0004" DIGITS "03" "02030904" "000102" "000000" "0E000000" CHANGE,
		HEAD "0004" DIGITS "03" "02030904" "00" "000000" "0D000000" CHANGE, /* one message for three */
		HEAD "0004" "0405" "03" "02030904" "000102" "000000" "0D000000" CHANGE,
		HEAD "0004" DIGITS "03" "02040904" "000102" "000000" "0D000000" CHANGE,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(verify); i++)
		refuse(false, verify[i]);
	for (size_t i = 0; i < ARRAY_SIZE(modify); i++)
		refuse(true, modify[i]);
}

static void refuses_every_piece(void **state)
{
	char hex[] = GOOD, modify[] = GOOD_MODIFY;

	(void)state;
	for (size_t n = strlen(hex) / 2; n-- > 0;) {
		hex[2 * n] = '\0';
		refuse(false, hex);
	}
	for (size_t n = strlen(modify) / 2; n-- > 0;) {
		modify[2 * n] = '\0';
		refuse(true, modify);
	}
}

/* The longest command there may be, and one byte more. */
static void knows_its_limit(void **state)
{
	static uint8_t bytes[PAD_STRUCTURE_MAX + 1];
	struct pad_entry e;

	(void)state;
	bytes[15] = 0x05;
	bytes[16] = 0x01;
	assert_int_equal(pad_parse(false, bytes, 19 + 261, &e), 0);
	assert_int_equal(e.len, PAD_COMMAND_MAX);
	bytes[15] = 0x06;
	assert_int_equal(pad_parse(false, bytes, 19 + 262, &e), FUDA_EFORMAT);
	bytes[15] = bytes[16] = 0;
	bytes[20] = 0x05;
	bytes[21] = 0x01;
	assert_int_equal(pad_parse(true, bytes, PAD_STRUCTURE_MAX, &e), 0);
	assert_int_equal(e.len, PAD_COMMAND_MAX);
	bytes[20] = 0x06;
	assert_int_equal(pad_parse(true, bytes, PAD_STRUCTURE_MAX + 1, &e), FUDA_EFORMAT);
}

/* ---- readers ---- */

static void knows_false_pads(void **state)
{
	static const uint16_t lying[][2] = {
		{ 0x03F0, 0x0036 }, { 0x03F0, 0x1024 }, { 0x04F2, 0x1469 }, { 0x0BF8, 0x1017 }, /* leak */
		{ 0x046A, 0x00A7 }, { 0x0BF8, 0x1024 },						/* have none */
	};
	static const uint16_t fine[][2] = {
		{ 0, 0 }, { 0xFFFF, 0xFFFF }, { 0x08E6, 0x3478 }, { 0x0036, 0x03F0 }, { 0x03F0, 0x0037 },
		{ 0x046A, 0x002D }, { 0x04F2, 0x1017 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lying); i++)
		assert_true(pad_is_false(lying[i][0], lying[i][1]));
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		assert_false(pad_is_false(fine[i][0], fine[i][1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds),
		cmocka_unit_test(builds_in_order),
		cmocka_unit_test(builds_nothing_bad),
		cmocka_unit_test(parses),
		cmocka_unit_test(parses_what_others_send),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_every_piece),
		cmocka_unit_test(knows_its_limit),
		cmocka_unit_test(knows_false_pads),
	};

	return RUN(tests);
}
