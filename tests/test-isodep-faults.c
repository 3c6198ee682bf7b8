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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_fault),
		cmocka_unit_test(every_fault_everywhere),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
