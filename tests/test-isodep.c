/* SPDX-License-Identifier: Apache-2.0 */
/* ISO-DEP block by block: each frame of ours as the standard has it, against answers written down. */
#include <fuda/encode.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "reader/isodep.h"
#include "tests/cmocka.h"

#define FWT 10000

/* A frame of ours (hexadecimal; "..": any rest) and what comes of it. */
struct step {
	const char *frame, *answer; /* NULL: nothing came; "!": damaged */
	uint32_t us;		    /* how long we wait for it, if not FWT */
};

struct script {
	const struct step *next;
	struct fuda_deadline *dl;
	bool cancels; /* after the last step */
	int error;    /* of the last step */
};

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct script script;
static struct isodep dep;

static int play(void *arg, const uint8_t *frame, size_t len, uint32_t us, struct fuda_deadline *d, struct fuda_buf *ret)
{
	struct script *s = arg;
	const struct step *x = s->next;
	char hex[2 * 256 + 1];
	size_t compared;

	assert_ptr_equal(d, dl);
	assert_int_equal(ret->len, 0);
	assert_in_range(len, 1, 254);
	fuda_hex_encode(frame, len, hex);
	if (!x->frame)
		fail_msg("unexpected frame %s", hex);
	compared = strcspn(x->frame, ".");
	if (strncmp(hex, x->frame, compared) != 0 || (!x->frame[compared] && hex[compared]))
		fail_msg("frame %s instead of %s", hex, x->frame);
	assert_int_equal(us, x->us ? x->us : FWT);
	s->next++;
	if (!s->next->frame && s->cancels)
		fuda_deadline_cancel(dl);
	if (!s->next->frame && s->error)
		return s->error;
	if (!x->answer)
		return FUDA_EMUTE;
	if (strcmp(x->answer, "!") == 0)
		return FUDA_EFORMAT;
	return fuda_hex_decode(x->answer, ret);
}

static void start(const struct step *steps, size_t fsc)
{
	const struct isodep_link link = { &script, play, 254 };

	if (!ctx)
		assert_int_equal(fuda_context_new(&ctx), 0);
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(-1, &dl), 0);
	script = (struct script){ .next = steps };
	isodep_start(&dep, ctx, &link, fsc, FWT);
}

/* Sends it, and expects that response or error. */
static void transmit(const char *command_hex, const char *response_hex, int error)
{
	struct fuda_buf command = FUDA_BUF_INIT(1000), response = FUDA_BUF_INIT(1000), want = FUDA_BUF_INIT(1000);
	int e;

	assert_int_equal(fuda_hex_decode(command_hex, &command), 0);
	/* what is there stays */
	assert_int_equal(fuda_buf_append(&response, "\xAA", 1), 0);
	assert_int_equal(fuda_hex_decode("AA", &want), 0);
	if (response_hex)
		assert_int_equal(fuda_hex_decode(response_hex, &want), 0);
	e = isodep_transmit(&dep, command.data, command.len, dl, &response);
	if (e != error)
		fail_msg("%s: %d, %s", command_hex, e, fuda_context_message(ctx));
	assert_int_equal(dep.lost, error < 0);
	assert_int_equal(response.len, want.len);
	assert_memory_equal(response.data, want.data, want.len);
	fuda_buf_free(&command);
	fuda_buf_free(&response);
	fuda_buf_free(&want);
}

static void finish(void)
{
	if (script.next->frame)
		fail_msg("no frame where %s was due", script.next->frame);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
}

#define C "00B0000000" /* a command */
/* DESELECT, which the card answers */
#define LEAVE { "C2", "C2", 8459 }

static const struct scenario {
	const char *what;
	size_t fsc;
	struct step steps[12];
	const char *command, *response;
	int error;
} scenarios[] = {
	{ "numbers go 0 1", 256, { { "02" C, "029000" } }, C, "9000", 0 },
	/* the command in pieces: 16 bytes less PCB and CRC */
	{ "chaining", 16,
	  { { "1200010203040506070809AABBCC", "A2" }, { "13DDEE0102030405060708090A0B", "A3" }, { "020C", "029000" } },
	  "00010203040506070809AABBCCDDEE0102030405060708090A0B0C", "9000", 0 },
	{ "a full block is no chain", 16, { { "0200010203040506070809AABBCC", "029000" } },
	  "00010203040506070809AABBCC", "9000", 0 },
	{ "chained response", 256, { { "02" C, "120102" }, { "A3", "130304" }, { "A2", "029000" } }, C, "010203049000",
	  0 },
	{ "more time", 256,
	  { { "02" C, "F203" }, { "F203", "F23B", 30000 }, { "F23B", "F2C1", 590000 }, { "F201", "029000", FWT } }, C,
	  "9000", 0 },
	{ "more time in a chain", 16,
	  { { "1200010203040506070809AABBCC", "F202" },
	    { "F202", "A2", 20000 },
	    { "03DD", "F202" },
	    { "F202", "130102", 20000 },
	    { "A2", "F202" },
	    { "F202", "029000", 20000 } },
	  "00010203040506070809AABBCCDD", "01029000", 0 },
	{ "command lost", 256, { { "02" C, NULL }, { "B2", "A3" }, { "02" C, "029000" } }, C, "9000", 0 },
	{ "command lost twice", 256,
	  { { "02" C, NULL }, { "B2", "A3" }, { "02" C, NULL }, { "B2", "A3" }, { "02" C, "029000" } }, C, "9000", 0 },
	{ "command lost for ever", 256,
	  { { "02" C, NULL }, { "B2", "A3" }, { "02" C, NULL }, { "B2", "A3" }, { "02" C, NULL }, LEAVE }, C, NULL,
	  FUDA_EMUTE },
	{ "answer lost", 256, { { "02" C, NULL }, { "B2", "029000" } }, C, "9000", 0 },
	{ "answer damaged twice", 256, { { "02" C, "!" }, { "B2", "!" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "answer damaged for ever", 256, { { "02" C, "!" }, { "B2", "!" }, { "B2", "!" }, LEAVE }, C, NULL,
	  FUDA_ETRANSPORT },
	{ "silence", 256,
	  { { "02" C, NULL }, { "B2", NULL }, { "B2", NULL }, { "C2", NULL, 8459 }, { "C2", "D2", 8459 },
	    { "C2", "C200", 8459 } }, C, NULL, FUDA_EMUTE },
	{ "each block has its own repeats", 256,
	  { { "02" C, NULL }, { "B2", "!" }, { "B2", "F202" }, { "F202", "!", 20000 }, { "B2", NULL },
	    { "B2", "120102" }, { "A3", NULL }, { "A3", "!" }, { "A3", "039000" } }, C, "01029000", 0 },
	/* asked to repeat without a question of ours: a doubled R(ACK) must not double a command */
	{ "R(ACK) of the other number unasked", 256, { { "02" C, "A3" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "the same, and the command was lost", 256, { { "02" C, "A3" }, { "B2", "A3" }, { "02" C, "029000" } }, C,
	  "9000", 0 },
	{ "R(ACK) with our number to the last piece", 256, { { "02" C, "A2" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "piece lost", 16,
	  { { "1200010203040506070809AABBCC", NULL }, { "B2", "A3" }, { "1200010203040506070809AABBCC", "A2" },
	    { "03DD", "039000" } },
	  "00010203040506070809AABBCCDD", "9000", 0 },
	{ "R(ACK) lost", 16,
	  { { "1200010203040506070809AABBCC", NULL }, { "B2", "A2" }, { "03DD", "039000" } },
	  "00010203040506070809AABBCCDD", "9000", 0 },
	{ "an answer before the end of the command", 16,
	  { { "1200010203040506070809AABBCC", "029000" }, { "B2", "029000" }, { "B2", "029000" }, LEAVE },
	  "00010203040506070809AABBCCDD", NULL, FUDA_ETRANSPORT },
	{ "piece of the response lost: R(ACK) again", 256,
	  { { "02" C, "120102" }, { "A3", NULL }, { "A3", "!" }, { "A3", "039000" } }, C, "01029000", 0 },
	{ "piece of the response doubled", 256,
	  { { "02" C, "120102" }, { "A3", "120102" }, { "A3", "039000" } }, C, "01029000", 0 },
	{ "response lost for ever", 256,
	  { { "02" C, "120102" }, { "A3", NULL }, { "A3", NULL }, { "A3", NULL }, LEAVE }, C, NULL, FUDA_EMUTE },
	{ "R(ACK) where the response goes on", 256,
	  { { "02" C, "120102" }, { "A3", "A2" }, { "A3", "A3" }, { "A3", "039000" } }, C, "01029000", 0 },
	{ "a response of nothing", 256, { { "02" C, "02" }, LEAVE }, C, NULL, FUDA_ETRANSPORT },
	{ "half a status word", 256, { { "02" C, "0290" }, LEAVE }, C, NULL, FUDA_ETRANSPORT },
	{ "a status word in two pieces", 256, { { "02" C, "1290" }, { "A3", "0300" } }, C, "9000", 0 },
	{ "a piece of nothing", 256, { { "02" C, "12" }, LEAVE }, C, NULL, FUDA_ETRANSPORT },
	{ "more time lost", 256,
	  { { "02" C, NULL }, { "B2", "F202" }, { "F202", NULL, 20000 }, { "B2", "F202" },
	    { "F202", "029000", 20000 } }, C, "9000", 0 },
	{ "more time, and nothing", 256,
	  { { "02" C, "F202" }, { "F202", NULL, 20000 }, { "B2", NULL }, { "B2", NULL }, LEAVE }, C, NULL, FUDA_EMUTE },
	/* it asked for time, so it has the command, whatever it says now */
	{ "more time, and then \"it did not come\"", 256,
	  { { "02" C, "F202" }, { "F202", NULL, 20000 }, { "B2", "A3" }, { "B2", "A3" }, LEAVE }, C, NULL,
	    FUDA_ETRANSPORT },
	{ "the same, and an answer after all", 256,
	  { { "02" C, "F202" }, { "F202", NULL, 20000 }, { "B2", "A3" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "no WTXM", 256, { { "02" C, "F200" }, LEAVE }, C, NULL, FUDA_ETRANSPORT },
	{ "WTXM 60", 256, { { "02" C, "F23C" }, LEAVE }, C, NULL, FUDA_ETRANSPORT },
	{ "WTXM 63, and the power level", 256, { { "02" C, "F2FF" }, LEAVE }, C, NULL, FUDA_ETRANSPORT },
	{ "WTX of a wrong length", 256, { { "02" C, "F2" }, { "B2", "F20101" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "CID that we do not use", 256, { { "02" C, "0A009000" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "NAD that we do not use", 256, { { "02" C, "06009000" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "PCBs that do not exist", 256, { { "02" C, "229000" }, { "B2", "009000" }, { "B2", "029000" } }, C, "9000",
	  0 },
	{ "and others", 256, { { "02" C, "829000" }, { "B2", "E2" }, { "B2", "" }, LEAVE }, C, NULL, FUDA_ETRANSPORT },
	{ "DESELECT unasked", 256, { { "02" C, "C2" }, { "B2", "029000" } }, C, "9000", 0 },
	{ "the other number", 256, { { "02" C, "039000" }, { "B2", "029000" } }, C, "9000", 0 },
};

static void as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		const struct scenario *s = &scenarios[i];

		start(s->steps, s->fsc);
		transmit(s->command, s->response, s->error);
		if (script.next->frame)
			fail_msg("%s: %s was due", s->what, script.next->frame);
		finish();
	}
}

/* The number goes on from command to command, and presence checks leave it alone. */
static void numbers(void **state)
{
	static const struct step steps[] = {
		{ "B2", "A3" },	    { "02" C, "029000" }, { "B3", "A2" }, { "B3", "A2" },
		{ "03" C, "1301" }, { "A2", "029000" },	  { "B3", "A2" }, { "03" C, "036A82" },
		{ NULL },
	};
	bool present = false;

	(void)state;
	start(steps, 256);
	assert_int_equal(isodep_present(&dep, dl, &present), 0);
	assert_true(present);
	transmit(C, "9000", 0);
	assert_int_equal(isodep_present(&dep, dl, &present), 0);
	assert_int_equal(isodep_present(&dep, dl, &present), 0);
	assert_true(present);
	transmit(C, "019000", 0);
	assert_int_equal(isodep_present(&dep, dl, &present), 0);
	assert_true(present);
	transmit(C, "6A82", 0);
	assert_int_equal(dep.frames, 8);
	finish();
}

static const struct {
	struct step steps[6];
	bool present;
} presences[] = {
	{ { { "B2", "A3" } }, true },
	{ { { "B2", NULL }, { "B2", "!" }, { "B2", "A3" } }, true },
	{ { { "B2", "F201" }, { "F201", "A3", FWT } }, true },
	{ { { "B2", NULL }, { "B2", NULL }, { "B2", NULL }, LEAVE }, false },
	{ { { "B2", "!" }, { "B2", "!" }, { "B2", "!" }, LEAVE }, false },
	/* out of step */
	{ { { "B2", "A2" }, { "B2", "A2" }, { "B2", "A2" }, LEAVE }, false },
	{ { { "B2", "029000" }, { "B2", "029000" }, { "B2", "029000" }, LEAVE }, false },
	{ { { "B2", "039000" }, { "B2", "B3" }, { "B2", "A300" }, LEAVE }, false },
};

static void presence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(presences); i++) {
		bool present = !presences[i].present;

		start(presences[i].steps, 256);
		assert_int_equal(isodep_present(&dep, dl, &present), 0);
		assert_int_equal(present, presences[i].present);
		assert_int_equal(dep.lost, !present);
		finish();
	}
}

/* Blocks are no longer than the card, the link and the standard have it. */
static void frame_sizes(void **state)
{
	static const struct {
		size_t fsc, frame_max, inf;
	} sizes[] = {
		{ 16, 254, 13 }, { 256, 254, 253 }, { 256, 255, 253 }, { 4096, 4096, 253 }, { 256, 64, 63 },
		{ 256, 16, 15 }, { 64, 62, 61 },	 { 64, 61, 60 },
	};
	static const struct step steps[] = { { "12..", "A2" }, { "0301", "039000" }, { NULL } };
	struct fuda_buf command = FUDA_BUF_INIT(300), response = FUDA_BUF_INIT(300);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		start(steps, sizes[i].fsc);
		dep.link.frame_max = sizes[i].frame_max;
		fuda_buf_clear(&command);
		while (command.len <= sizes[i].inf) /* one byte too many */
			assert_int_equal(fuda_buf_append(&command, "\x01", 1), 0);
		assert_int_equal(isodep_transmit(&dep, command.data, command.len, dl, &response), 0);
		finish();
	}
	fuda_buf_free(&command);
	fuda_buf_free(&response);
}

/* The card was given a CID: PN532 chips do that (readers.md A4). */
static void with_cid(void **state)
{
	static const struct step steps[] = {
		{ "1A01000102030405060708090A0B", "AA01" }, { "0B010C", "1B010102" }, { "AA01", "0A019000" },
		{ "BB01", "AA01" }, { "0B01" C, "0B029000" }, { "BB01", "FA0101" },
		{ "FA0101", "0B019000", FWT }, { "CA01", "CA01", 8459 }, { NULL },
	};
	bool present = false;

	(void)state;
	start(steps, 16);
	dep.has_cid = true;
	dep.cid = 1;
	transmit("000102030405060708090A0B0C", "01029000", 0);
	assert_int_equal(isodep_present(&dep, dl, &present), 0);
	assert_true(present);
	transmit(C, "9000", 0);
	isodep_deselect(&dep, dl);
	assert_true(dep.lost);
	finish();
}

static void deselect(void **state)
{
	static const struct step steps[] = { { "02" C, "029000" }, { "C2", NULL, 8459 }, LEAVE, { NULL } };
	bool present = true;

	(void)state;
	start(steps, 256);
	transmit(C, "9000", 0);
	isodep_deselect(&dep, dl);
	/* nothing more is sent */
	isodep_deselect(&dep, dl);
	transmit(C, NULL, FUDA_EREMOVED);
	assert_int_equal(isodep_present(&dep, dl, &present), 0);
	assert_false(present);
	finish();
}

/* The most that one frame is waited for is FWTmax, with the tolerance that the card's own FWT has. */
static void longest_wait(void **state)
{
	static const struct step steps[] = {
		{ "02" C, "F23B", 4952694 }, { "F23B", "F202", 4952694 }, { "F202", "029000", 4952694 },
		{ "03" C, "F23B", 100000 },  { "F23B", "039000", 4949000 }, { NULL },
	};

	(void)state;
	start(steps, 256);
	dep.fwt_us = 4952694;
	transmit(C, "9000", 0);
	dep.fwt_us = 100000;
	transmit(C, "9000", 0);
	finish();
}

/* What a card may ask for is bounded where the deadline is not: 24 times 4.95 s are under two minutes. */
static void endless_time(void **state)
{
	static struct step steps[30];
	size_t n = 0;

	(void)state;
	steps[n++] = (struct step){ "02" C, "F23B", 4952694 };
	for (int i = 0; i < 24; i++)
		steps[n++] = (struct step){ "F23B", "F23B", 4952694 };
	steps[n++] = (struct step)LEAVE;
	start(steps, 256);
	dep.fwt_us = 4952694;
	transmit(C, NULL, FUDA_ETRANSPORT);
	assert_non_null(strstr(fuda_context_message(ctx), "more time"));
	finish();
}

/* An end of the caller's patience or of the reader: nothing more is sent. */
static void stops(void **state)
{
	static const struct step one[] = { { "02" C, "120102" }, { NULL } };
	static const int errors[] = { FUDA_EREADERGONE, FUDA_ETRANSPORT, FUDA_ENOMEM, FUDA_ETIMEOUT, FUDA_ECANCELLED };
	static const struct step nak[] = { { "B2", "A3" }, { NULL } };
	bool present;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		start(one, 256);
		script.error = errors[i];
		transmit(C, NULL, errors[i]);
		finish();
		start(nak, 256);
		script.error = errors[i];
		assert_int_equal(isodep_present(&dep, dl, &present), errors[i]);
		assert_true(dep.lost);
		finish();
	}
	start(one, 256); /* between two blocks */
	script.cancels = true;
	transmit(C, NULL, FUDA_ECANCELLED);
	finish();
}

/* Before the first block nothing is lost. */
static void too_late(void **state)
{
	static const struct step none[] = { { NULL } };
	struct fuda_buf response = FUDA_BUF_INIT(100);
	bool present = false;

	(void)state;
	start(none, 256);
	fuda_deadline_restart(dl, 0);
	assert_int_equal(isodep_transmit(&dep, (const uint8_t *)"\0\0\0\0", 4, dl, &response), FUDA_ETIMEOUT);
	assert_int_equal(isodep_present(&dep, dl, &present), FUDA_ETIMEOUT);
	fuda_deadline_cancel(dl);
	assert_int_equal(isodep_transmit(&dep, (const uint8_t *)"\0\0\0\0", 4, dl, &response), FUDA_ECANCELLED);
	assert_int_equal(isodep_present(&dep, dl, &present), FUDA_ECANCELLED);
	assert_false(dep.lost);
	finish();
}

/* The response fits to the byte, or the card is lost by it. */
static void room(void **state)
{
	static const struct step fits[] = { { "02" C, "120102" }, { "A3", "039000" }, { NULL } };
	static const struct step not[] = { { "02" C, "120102" }, { "A3", "039000" }, LEAVE, { NULL } };
	struct fuda_buf response = FUDA_BUF_INIT(4);

	(void)state;
	start(fits, 256);
	assert_int_equal(isodep_transmit(&dep, (const uint8_t *)"\x00\xB0\0\0\0", 5, dl, &response), 0);
	assert_int_equal(response.len, 4);
	finish();
	fuda_buf_free(&response);
	response.max = 3;
	start(not, 256);
	assert_int_equal(isodep_transmit(&dep, (const uint8_t *)"\x00\xB0\0\0\0", 5, dl, &response), FUDA_ETRANSPORT);
	assert_int_equal(response.len, 0);
	assert_true(dep.lost);
	finish();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_written),
		cmocka_unit_test(numbers),
		cmocka_unit_test(presence),
		cmocka_unit_test(frame_sizes),
		cmocka_unit_test(with_cid),
		cmocka_unit_test(deselect),
		cmocka_unit_test(longest_wait),
		cmocka_unit_test(endless_time),
		cmocka_unit_test(stops),
		cmocka_unit_test(too_late),
		cmocka_unit_test(room),
	};

	return RUN(tests);
}
