/* SPDX-License-Identifier: Apache-2.0 */
/* Activation of cards of both types and ISO-DEP with the software card in them; and that the card's side, on which
 * other tests rely, keeps to the protocol itself. */
#include <fuda/encode.h>
#include <stdio.h>

#include "tests/cmocka.h"
#include "tests/isodep.h"
#include "tests/softcard.h"

static struct fuda_context *ctx;
static struct fuda_deadline *dl;

static int setup(void **state)
{
	return fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0 ? -1 : softcard_setup(state);
}

static int teardown(void **state)
{
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return softcard_teardown(state);
}

/* The card as new in a field of its own. */
static struct air air_with_card(const struct picc_settings *s)
{
	struct air air = { .picc = picc_new(s), .type_a = s && s->type_a };

	softcard_write(NULL);
	picc_insert(air.picc, softcard_load());
	return air;
}

static void end(struct air *air)
{
	if (picc_complaint(air->picc))
		fail_msg("%s", picc_complaint(air->picc));
	picc_free(&air->picc);
}

/* Sends it and expects that status word behind `data` bytes. */
static void answers(struct isodep *dep, const char *hex, size_t data, uint16_t sw)
{
	struct fuda_buf command = FUDA_BUF_INIT(70000), response = FUDA_BUF_INIT(70000);

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	assert_int_equal(isodep_transmit(dep, command.data, command.len, dl, &response), 0);
	assert_int_equal(response.len, data + 2);
	assert_int_equal(response.data[data] << 8 | response.data[data + 1], sw);
	fuda_buf_free(&command);
	fuda_buf_free(&response);
}

/* ---- the whole way ---- */

static const struct picc_settings kinds[] = {
	{ .fsci = 8, .fwi = 10 },
	{ .fsci = 8, .fwi = 10, .extended_atqb = true },
	{ .fsci = 0, .fwi = 0, .frame_max = 16 },
	{ .fsci = 5, .fwi = 14, .frame_max = 100 },
	{ .type_a = true, .fsci = 8, .fwi = 7 },
	{ .type_a = true, .fsci = 8, .fwi = 7, .historical_len = 15 },
	{ .type_a = true, .long_uid = true, .fsci = 2, .fwi = 4, .historical_len = 3, .frame_max = 32 },
};

static void jobs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct air air = air_with_card(&kinds[i]);
		struct isodep dep;
		bool present = false;

		assert_true(air_start(&air, ctx, &dep));
		answers(&dep, SELECT_JPKI, 0, 0x9000);
		answers(&dep, "00A4020C02000A", 0, 0x9000);
		answers(&dep, "00B000000005DC", 1500, 0x9000);
		assert_int_equal(isodep_present(&dep, dl, &present), 0);
		assert_true(present);
		answers(&dep, VERIFY_AUTH, 0, 0x9000);
		answers(&dep, "00A4020C020017", 0, 0x9000);
		answers(&dep, "802A008033" DIGEST_INFO "00", 256, 0x9000);
		isodep_deselect(&dep, dl);
		assert_true(dep.lost);
		/* it has forgotten the PIN */
		assert_true(air_start(&air, ctx, &dep));
		answers(&dep, SELECT_JPKI, 0, 0x9000);
		answers(&dep, "00A4020C020017", 0, 0x9000);
		answers(&dep, "802A008033" DIGEST_INFO "00", 0, 0x6982);
		end(&air);
	}
}

static void atr_of_the_card(void **state)
{
	static const uint8_t atr[] = { 0x3B, 0x88, 0x80, 0x01, 0x00, 0x00, 0x05, 0xE0, 0xB3, 0x81, 0xA1, 0x00, 0x7F };
	struct air air = air_with_card(&kinds[0]);
	struct fuda_buf answer = FUDA_BUF_INIT(256);
	uint8_t got[FUDA_ATR_MAX];
	struct contactless c;

	(void)state;
	picc_field(air.picc, true);
	assert_true(air_activate_b(&air, &answer, &c));
	assert_int_equal(contactless_atr(&c, got), sizeof(atr));
	assert_memory_equal(got, atr, sizeof(atr));
	fuda_buf_free(&answer);
	end(&air);
}

/* The field goes, another card comes: the PIN state is gone and the id is another. */
static void new_every_time(void **state)
{
	struct air air = air_with_card(NULL);
	struct fuda_buf answer = FUDA_BUF_INIT(256);
	struct contactless c[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		picc_field(air.picc, false);
		picc_field(air.picc, true);
		assert_true(air_activate_b(&air, &answer, &c[i]));
		for (int k = 0; k < i; k++)
			assert_memory_not_equal(c[k].pupi, c[i].pupi, 4);
	}
	fuda_buf_free(&answer);
	end(&air);
}

static void no_power_without_field(void **state)
{
	struct air air = air_with_card(NULL);
	struct vcard *v;
	struct isodep dep;

	(void)state;
	picc_insert(air.picc, NULL);
	v = softcard_load();
	picc_insert(air.picc, v);
	assert_false(vcard_powered(v));
	assert_true(air_start(&air, ctx, &dep));
	assert_true(vcard_powered(v));
	picc_field(air.picc, false);
	assert_false(vcard_powered(v));
	assert_true(air_start(&air, ctx, &dep));
	picc_insert(air.picc, NULL);
	assert_false(vcard_powered(v));
	assert_false(air_start(&air, ctx, &dep));
	end(&air);
}

/* A card that falls silent within a command. */
static void mute_card(void **state)
{
	struct air air = air_with_card(NULL);
	struct fuda_buf response = FUDA_BUF_INIT(300);
	struct isodep dep;

	(void)state;
	picc_insert(air.picc, NULL);
	softcard_write("mute-at = 2\n");
	picc_insert(air.picc, softcard_load());
	assert_true(air_start(&air, ctx, &dep));
	answers(&dep, SELECT_JPKI, 0, 0x9000);
	assert_int_equal(isodep_transmit(&dep, (const uint8_t *)"\x00\x20\x00\x98", 4, dl, &response), FUDA_EMUTE);
	assert_true(dep.lost);
	assert_true(air_start(&air, ctx, &dep));
	answers(&dep, SELECT_JPKI, 0, 0x9000);
	end(&air);
}

/* ---- cards that are not activated ---- */

static void not_activated(void **state)
{
	static const struct picc_settings not[] = {
		{ .fsci = 8, .fwi = 4, .silent = true },
		{ .fsci = 8, .fwi = 4, .other_protocol = true },
		{ .type_a = true, .fsci = 8, .fwi = 4, .silent = true },
		{ .type_a = true, .fsci = 8, .fwi = 4, .other_protocol = true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(not); i++) {
		struct air air = air_with_card(&not[i]);
		struct isodep dep;

		assert_false(air_start(&air, ctx, &dep));
		air.type_a = !air.type_a; /* the other modulation */
		assert_false(air_start(&air, ctx, &dep));
		end(&air);
	}
}

/* ---- the strictness of the card's side ---- */

/* Frames in hexadecimal ("7:26" is of 7 bits, "P": PUPI), the answer ("": silence, NULL: any), and what is
 * complained of at the end. */
static const struct strict {
	bool type_a;
	const char *steps[8][2];
	const char *complaint;
} stricts[] = {
	{ false, { { "050000", NULL }, { "050008", NULL } }, NULL },
	{ false, { { "0500", "" } }, "length" },
	{ false, { { "050001", "" } }, "slots" },
	{ false, { { "051000", "" } }, "other cards" },
	{ false, { { "1DP00080100", "" } }, NULL }, /* it was not asked for its PUPI yet */
	{ false, { { "050000", NULL }, { "1DP00080100", "00" }, { "0200A4040C0AD392F000260100000001", "" } },
	  "longer" },
	{ false, { { "050000", NULL }, { "1D0000000000080100", "" } }, "another PUPI" },
	{ false, { { "050000", NULL }, { "1DP00580100", "" } }, "wishes" },
	{ false, { { "050000", NULL }, { "1DP000801", "" } }, "length" },
	{ false, { { "050000", NULL }, { "00A4", "" } }, "without place" },
	/* HLTB, after which only WUPB is heard */
	{ false, { { "050000", NULL }, { "50P", "00" }, { "050000", "" }, { "050008", NULL }, { "1DP00080100", "00" } },
	  NULL },
	{ true, { { "7:26", "0400" }, { "9320", NULL }, { "9320", NULL } }, NULL },
	{ true, { { "7:52", "0400" }, { "9520", "" } }, "without place" },
	{ true, { { "7:26", "0400" }, { "93700000000000", "" } }, "another UID" },
	{ true, { { "7:26", "0400" }, { "9330", "" } }, "neither" },
	{ true, { { "7:26", "0400" }, { "E080", "" } }, "without place" },
	{ true, { { "26", "" } }, NULL },
	{ true, { { "7:26", "0400" }, { "5000", "" }, { "7:26", "" }, { "7:52", "0400" } }, NULL },
};

static void strict(void **state)
{
	static const struct picc_settings b = { .fsci = 0, .fwi = 4 }, a = { .type_a = true, .fsci = 8, .fwi = 4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stricts); i++) {
		const struct strict *s = &stricts[i];
		struct air air = air_with_card(s->type_a ? &a : &b);
		char pupi[9] = "";

		picc_field(air.picc, true);
		for (size_t k = 0; k < ARRAY_SIZE(s->steps) && s->steps[k][0]; k++) {
			struct fuda_buf frame = FUDA_BUF_INIT(300), answer = FUDA_BUF_INIT(300);
			bool is_short = strncmp(s->steps[k][0], "7:", 2) == 0;
			const char *hex = s->steps[k][0] + (is_short ? 2 : 0), *p = strchr(hex, 'P');
			char text[100], got[601];

			snprintf(text, sizeof(text), "%.*s%s%s", (int)strcspn(hex, "P"), hex, p ? pupi : "",
				 p ? p + 1 : "");
			assert_int_equal(fuda_hex_decode(text, &frame), 0);
			picc_frame(air.picc, s->type_a, frame.data, frame.len, is_short ? 7 : 8, &answer);
			fuda_hex_encode(answer.data, answer.len, got);
			if (s->steps[k][1] ? strcmp(got, s->steps[k][1]) != 0 : !*got)
				fail_msg("row %zu, %s: %s", i, text, got);
			if (answer.len == 12)
				snprintf(pupi, sizeof(pupi), "%.8s", got + 2);
			fuda_buf_free(&frame);
			fuda_buf_free(&answer);
		}
		if (!s->complaint != !picc_complaint(air.picc) ||
		    (s->complaint && !strstr(picc_complaint(air.picc), s->complaint)))
			fail_msg("row %zu: %s", i, picc_complaint(air.picc));
		picc_free(&air.picc);
	}
}

/* Blocks of a reader that breaks the rules, after a command that worked. */
static const struct {
	const char *frame, *answer, *complaint;
} breaches[] = {
	{ "0200200098", "0363C3", "heard" }, /* the number of the block before: this is how commands run twice */
	{ "A2", "0263C3", "no more" },
	{ "A3", "", "no more" },
	{ "F201", "", "S-block" },
	{ "F2", "", "S-block" },
	{ "0B0000200098", "", "CID" },
	{ "C3", "", "PCB" },
	{ "0700200098", "", "PCB" },
	{ "E3", "", "PCB" },
	{ "", "", "empty" },
	{ "B2", "0263C3", NULL }, /* these are its right */
	{ "B3", "A2", NULL },
	{ "C2", "C2", NULL },
	{ "0300200098", "0363C3", NULL },
};

static void breach(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(breaches); i++) {
		struct air air = air_with_card(NULL);
		struct fuda_buf frame = FUDA_BUF_INIT(300), answer = FUDA_BUF_INIT(300);
		struct isodep dep;
		char got[601];

		assert_true(air_start(&air, ctx, &dep));
		answers(&dep, SELECT_JPKI, 0, 0x9000);
		answers(&dep, "00200098", 0, 0x63C3);
		answers(&dep, "00200098", 0, 0x63C3);
		/* the last one was number 0 */
		assert_int_equal(dep.block, 1);
		assert_int_equal(fuda_hex_decode(breaches[i].frame, &frame), 0);
		picc_frame(air.picc, false, frame.data, frame.len, 8, &answer);
		fuda_hex_encode(answer.data, answer.len, got);
		if (strcmp(got, breaches[i].answer) != 0)
			fail_msg("%s: %s", breaches[i].frame, got);
		if (!breaches[i].complaint != !picc_complaint(air.picc) ||
		    (breaches[i].complaint && !strstr(picc_complaint(air.picc), breaches[i].complaint)))
			fail_msg("%s: %s", breaches[i].frame, picc_complaint(air.picc));
		fuda_buf_free(&frame);
		fuda_buf_free(&answer);
		picc_free(&air.picc);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs),
		cmocka_unit_test(atr_of_the_card),
		cmocka_unit_test(new_every_time),
		cmocka_unit_test(no_power_without_field),
		cmocka_unit_test(mute_card),
		cmocka_unit_test(not_activated),
		cmocka_unit_test(strict),
		cmocka_unit_test(breach),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
