/* SPDX-License-Identifier: Apache-2.0 */
/* ISO-DEP with every fault of the card, the link and the caller's patience at every block: a command reaches the card
 * once or not at all, its answer is whole or there is an error, nothing goes on for ever, and the reader never leaves
 * the protocol. */
#include <stdio.h>

#include "codec/apdu.h"
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

/* What comes of one fault. */
static const struct effect {
	enum picc_fault fault;
	unsigned count;
	int error; /* 0: the command works all the same */
	const char *says;
} effects[] = {
	{ PICC_LOSE_COMMAND, 0, 0, NULL },
	{ PICC_LOSE_ANSWER, 0, 0, NULL },
	{ PICC_GARBLE_ANSWER, 0, 0, NULL },
	{ PICC_REPEAT_ANSWER, 0, 0, NULL },
	{ PICC_WRONG_BLOCK, 0, 0, NULL },
	{ PICC_WTX, 1, 0, NULL },
	{ PICC_WTX, 50, 0, NULL },
	{ PICC_WTX_FOREVER, 0, FUDA_ETRANSPORT, "keeps asking" },
	{ PICC_WTX_BAD, 0, FUDA_ETRANSPORT, "does not exist" },
	{ PICC_WTX_BAD, 60, FUDA_ETRANSPORT, "does not exist" },
	{ PICC_WTX_BAD, 63, FUDA_ETRANSPORT, "does not exist" },
	{ PICC_TOO_MUCH, 0, FUDA_ETRANSPORT, "understood" },
	{ PICC_TOO_MUCH, 1, FUDA_ETRANSPORT, "longer" },
	{ PICC_TOO_MUCH, 256, FUDA_ETRANSPORT, "longer" },
	{ PICC_GONE, 0, FUDA_EMUTE, "stopped answering" },
	{ PICC_SWAP, 0, FUDA_EMUTE, "stopped answering" },
};

/* Sizes of the card's frames and of a command and its answer; `every`: how many blocks lie between those tried, but
 * for the first, the last and the turn, where all are. */
static const struct size {
	const char *what;
	uint8_t fsci;
	size_t frame_max, command, answer, blocks, turn, every;
} sizes[] = {
	{ "short", 8, 0, 5, 100, 1, 1, 1 },
	{ "command of 5 blocks", 8, 0, 4 * 253 + 7, 20, 5, 5, 1 },
	{ "answer of 10 blocks", 8, 0, 7, 9 * 253 + 7, 10, 1, 1 },
	{ "both, filling their blocks", 8, 0, 3 * 253, 4 * 253 - 2, 6, 3, 1 },
	{ "small frames", 0, 16, 5 * 13 + 1, 5 * 13, 11, 6, 1 },
	{ "the largest", 8, 0, APDU_COMMAND_MAX, APDU_RESPONSE_MAX - 2, 519, 260, 64 },
};

static struct picc *new_picc(const struct size *size)
{
	const struct picc_settings s = { .fsci = size->fsci, .fwi = 8, .frame_max = size->frame_max };

	return picc_new(&s);
}

static void no_complaint(const struct air *air)
{
	if (picc_complaint(air->picc))
		fail_msg("%s", picc_complaint(air->picc));
}

/* A short command. */
static int short_command(struct isodep *dep)
{
	struct fuda_buf command = FUDA_BUF_INIT(100), response = FUDA_BUF_INIT(100);
	int e;

	air_command(20, 10, &command);
	e = isodep_transmit(dep, command.data, command.len, dl, &response);
	assert_int_equal(response.len, e == 0 ? 12 : 0);
	assert_true(e < 0 || air_is_answer(&command, 10, &response));
	fuda_buf_free(&command);
	fuda_buf_free(&response);
	return e;
}

/* A lost card stays lost, nothing more is sent to it, and activation makes all good. */
static void is_lost(struct isodep *dep, struct air *air, unsigned *count)
{
	unsigned long frames = air->frames;
	unsigned before = *count;
	bool present = true;

	assert_true(dep->lost);
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(-1, &dl), 0);
	assert_int_equal(short_command(dep), FUDA_EREMOVED);
	assert_int_equal(isodep_present(dep, dl, &present), 0);
	assert_false(present);
	isodep_deselect(dep, dl);
	assert_int_equal(air->frames, frames);
	assert_int_equal(*count, before);
	picc_play(air->picc, air_echo, count);
	assert_true(air_start(air, ctx, dep));
	assert_int_equal(short_command(dep), 0);
}

static void try_fault(const struct size *size, const struct effect *effect, unsigned at)
{
	struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX), response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	unsigned count = 0;
	struct air air = { .picc = new_picc(size) };
	struct isodep dep;
	int e;

	picc_play(air.picc, air_echo, &count);
	air_command(size->command, size->answer, &command);
	assert_true(air_start(&air, ctx, &dep));
	picc_fault(air.picc, effect->fault, at, effect->count);
	e = isodep_transmit(&dep, command.data, command.len, dl, &response);
	if (e != effect->error)
		fail_msg("%s, fault %d/%u at %u: %d", size->what, effect->fault, effect->count, at, e);
	assert_in_range(count, e == 0, 1);
	no_complaint(&air);
	if (effect->fault != PICC_TOO_MUCH) /* whose bound is the room for the response */
		assert_true(air.us < 200000000);
	if (e == 0) {
		assert_true(air_is_answer(&command, size->answer, &response));
		if (!(air.frames > size->blocks) != !(effect->fault))
			fail_msg("%s, fault %d at %u was none", size->what, effect->fault, at);
		assert_int_equal(short_command(&dep), 0);
		assert_int_equal(count, 2);
	} else {
		assert_int_equal(response.len, 0);
		assert_non_null(strstr(fuda_context_message(ctx), effect->says));
		is_lost(&dep, &air, &count);
	}
	picc_free(&air.picc);
	fuda_buf_free(&command);
	fuda_buf_free(&response);
}

static bool tried(const struct size *size, unsigned at)
{
	return at % size->every == 0 || at < 4 || at + 3 > size->blocks ||
	       (at + 2 >= size->turn && at <= size->turn + 2);
}

static void every_fault_everywhere(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned at = 1; at <= sizes[s].blocks; at++)
			for (size_t i = 0; i < ARRAY_SIZE(effects) && tried(&sizes[s], at); i++)
				try_fault(&sizes[s], &effects[i], at);
}

/* Whatever stands in the place of a block, it is asked for again. */
static void nonsense(void **state)
{
	(void)state;
	for (size_t s = 0; s + 1 < ARRAY_SIZE(sizes); s++)
		for (unsigned at = 1; at <= sizes[s].blocks; at++)
			for (unsigned which = 0; which < PICC_NONSENSES; which++)
				try_fault(&sizes[s], &(struct effect){ PICC_NONSENSE, which, 0, NULL }, at);
}

/* The table above is true of cards without faults. */
static void no_fault(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
		try_fault(&sizes[s], &(struct effect){ PICC_FINE, 0, 0, NULL }, 1);
}

/* The caller's patience or the reader ends after any block: that error, nothing more is sent, and the card carries the
 * command out once at the most. */
static void try_stop(const struct size *size, int stop, unsigned at)
{
	static const int errors[] = {
		[STOP_CANCEL] = FUDA_ECANCELLED, [STOP_TIME] = FUDA_ETIMEOUT, [STOP_READER] = FUDA_EREADERGONE,
	};
	struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX), response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	unsigned count = 0;
	struct air air = { .picc = new_picc(size), .stop_at = at, .stop = stop };
	struct isodep dep;

	picc_play(air.picc, air_echo, &count);
	air_command(size->command, size->answer, &command);
	assert_true(air_start(&air, ctx, &dep));
	assert_int_equal(isodep_transmit(&dep, command.data, command.len, dl, &response), errors[stop]);
	assert_int_equal(air.frames, at);
	assert_int_equal(count, at >= size->turn);
	assert_int_equal(response.len, 0);
	air.stop_at = 0;
	is_lost(&dep, &air, &count);
	no_complaint(&air);
	picc_free(&air.picc);
	fuda_buf_free(&command);
	fuda_buf_free(&response);
}

static void stopped_everywhere(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned at = 1; at <= sizes[s].blocks; at++)
			for (int stop = STOP_CANCEL; stop <= STOP_READER && tried(&sizes[s], at); stop++)
				try_stop(&sizes[s], stop, at);
}

/* ---- many faults ---- */

static uint32_t state_of_random = 1;

/* The same numbers in every run: one below `n`. */
static unsigned below(unsigned n)
{
	state_of_random = state_of_random * 1664525 + 1013904223;
	return (unsigned)((uint64_t)(state_of_random >> 4) * n >> 28);
}

/* Not those in which the card, asked, denies what it has heard: such a card is told again, as rule 6 has it. */
static void random_fault(struct picc *p)
{
	static const enum picc_fault kinds[] = { PICC_LOSE_COMMAND,  PICC_LOSE_ANSWER, PICC_GARBLE_ANSWER,
						 PICC_REPEAT_ANSWER, PICC_WTX,	       PICC_NONSENSE };
	enum picc_fault fault = kinds[below(ARRAY_SIZE(kinds))];

	picc_fault(p, fault, 1 + below(30), fault == PICC_WTX ? 1 + below(3) : below(PICC_NONSENSES - 1));
}

struct tally {
	unsigned good, lost;
};

static void random_command(struct isodep *dep, struct air *air, unsigned *count, struct tally *tally)
{
	struct fuda_buf command = FUDA_BUF_INIT(3000), response = FUDA_BUF_INIT(3000);
	size_t answer = below(4) ? below(60) : below(1000);
	unsigned before = *count;
	bool present = false;
	int e;

	air_command(5 + (below(4) ? below(60) : below(1000)), answer, &command);
	e = isodep_transmit(dep, command.data, command.len, dl, &response);
	if (e == 0) {
		tally->good++;
		assert_true(air_is_answer(&command, answer, &response));
		assert_int_equal(*count, before + 1);
	} else {
		tally->lost++;
		assert_true(e == FUDA_EMUTE || e == FUDA_ETRANSPORT);
		assert_in_range(*count, before, before + 1);
		assert_true(dep->lost);
		picc_fault(air->picc, PICC_FINE, 0, 0);
		assert_true(air_start(air, ctx, dep));
	}
	if (!below(4)) {
		assert_int_equal(isodep_present(dep, dl, &present), 0);
		assert_int_equal(present, !dep->lost);
		if (!present)
			assert_true(air_start(air, ctx, dep));
	}
	fuda_buf_free(&command);
	fuda_buf_free(&response);
}

static void many_faults(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		const struct picc_settings s = { .type_a = below(2), .long_uid = below(2), .fsci = (uint8_t)below(9),
						 .fwi = (uint8_t)below(15), .frame_max = 16 + below(241),
						 .extended_atqb = below(2) };
		struct air air = { .picc = picc_new(&s), .type_a = s.type_a };
		struct isodep dep;
		unsigned count = 0;

		picc_play(air.picc, air_echo, &count);
		assert_true(air_start(&air, ctx, &dep));
		for (unsigned k = 0; k < 100; k++) {
			for (unsigned n = below(4); n; n--)
				random_fault(air.picc);
			random_command(&dep, &air, &count, &tally);
		}
		no_complaint(&air);
		picc_free(&air.picc);
	}
	/* it is both that were tried */
	assert_in_range(tally.good, 25000, 29500);
	assert_in_range(tally.lost, 500, 5000);
}

/* ---- secrets ---- */

static int verify(struct isodep *dep, const char *command, size_t len, uint16_t *ret_sw)
{
	struct fuda_buf response = FUDA_BUF_INIT(300);
	int e = isodep_transmit(dep, (const uint8_t *)command, len, dl, &response);

	if (e == 0)
		*ret_sw = (uint16_t)(response.data[0] << 8 | response.data[1]);
	assert_int_equal(response.len, e == 0 ? 2 : 0);
	fuda_buf_free(&response);
	return e;
}

#define AID    "\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01", 15
#define WRONG  "\x00\x20\x00\x98\x04" "0000", 9
#define ASK    "\x00\x20\x00\x98", 4

/* A wrong PIN with this fault at frame `at` costs one try or none, and the reader says when it does not know. */
static void try_verify(const struct effect *effect, unsigned at, bool type_a)
{
	const struct picc_settings s = { .type_a = type_a, .fsci = 0, .fwi = 8 };
	struct air air = { .picc = picc_new(&s), .type_a = type_a };
	struct vcard *v;
	struct isodep dep;
	uint16_t sw = 0, left = 0;
	int e;

	softcard_write(NULL);
	v = softcard_load();
	picc_insert(air.picc, v);
	assert_true(air_start(&air, ctx, &dep));
	assert_int_equal(verify(&dep, AID, &sw), 0);
	assert_int_equal(sw, 0x9000);
	picc_fault(air.picc, effect->fault, at, effect->count);
	e = verify(&dep, WRONG, &sw);
	assert_in_range(vcard_usage(v).verifies, e == 0, 1);
	assert_int_equal(e == 0, dep.lost == false);
	if (e == 0)
		assert_int_equal(sw, 0x63C2);
	picc_insert(air.picc, v);
	assert_true(air_start(&air, ctx, &dep));
	assert_int_equal(verify(&dep, AID, &sw), 0);
	assert_int_equal(verify(&dep, ASK, &left), 0);
	assert_int_equal(left, 0x63C3 - vcard_usage(v).verifies);
	no_complaint(&air);
	picc_free(&air.picc);
	softcard_free(&v);
}

static void one_try_at_most(void **state)
{
	static const struct effect denied = { PICC_NONSENSE, PICC_NONSENSES - 1, 0, NULL };

	(void)state;
	for (unsigned at = 1; at <= 5; at++)
		for (size_t i = 0; i < ARRAY_SIZE(effects); i++)
			for (int type_a = 0; type_a < 2; type_a++)
				try_verify(&effects[i], at, type_a);
	for (unsigned at = 1; at <= 5; at++)
		try_verify(&denied, at, false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_fault),
		cmocka_unit_test(every_fault_everywhere),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(stopped_everywhere),
		cmocka_unit_test(many_faults),
		cmocka_unit_test(one_try_at_most),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
