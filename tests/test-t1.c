/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/t1.h"

#include <stdio.h>
#include <string.h>
#include <fuda/encode.h>
#include <fuda/reader.h>

#include "codec/apdu.h"
#include "tests/cmocka.h"
#include "tests/icc.h"
#include "tests/softcard.h"

struct rig {
	struct icc *icc;
	struct vcard *card;
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct t1 t1;
	struct fuda_buf response;
	int error; /* what the link does from now on, or 0 */
	unsigned cancel_in; /* blocks until the caller gives up */
	bool lossy;	    /* one block of three gets lost */
	unsigned sent;
};

static int link_exchange(void *arg, const uint8_t *block, size_t len, uint8_t multiplier, struct fuda_deadline *dl,
			 struct fuda_buf *ret)
{
	struct rig *g = arg;

	assert_int_equal(deadline_check(dl), 0);
	assert_int_equal(ret->len, 0);
	if (g->error)
		return ctx_fail_code(g->ctx, g->error);
	if (g->cancel_in && !--g->cancel_in)
		fuda_deadline_cancel(g->dl);
	if (g->lossy && g->sent++ % 3 == 0)
		return FUDA_EMUTE;
	switch (icc_say(g->icc, block, len, multiplier, ret)) {
	case ICC_SILENT:
		fuda_buf_clear(ret);
		return FUDA_EMUTE;
	case ICC_DAMAGED:
		return FUDA_EFORMAT;
	default:
		return 0;
	}
}

static void begin_with(struct rig *g, const struct icc_settings *settings, const char *conf, size_t ifsd)
{
	static const struct icc_settings none;
	struct fuda_buf atr = FUDA_BUF_INIT(FUDA_ATR_MAX);
	struct t1_link link = { g, link_exchange };

	*g = (struct rig){ .response = FUDA_BUF_INIT(APDU_RESPONSE_MAX) };
	softcard_write(conf);
	g->card = softcard_load();
	g->icc = icc_new(settings);
	icc_insert(g->icc, g->card);
	icc_reset(g->icc, true, &atr);
	fuda_buf_free(&atr);
	assert_int_equal(fuda_context_new(&g->ctx), 0);
	assert_int_equal(fuda_deadline_new(20000, &g->dl), 0);
	if (!settings)
		settings = &none;
	t1_start(&g->t1, g->ctx, &link, settings->ifsc ? settings->ifsc : 254, ifsd, settings->crc);
}

static void begin(struct rig *g)
{
	begin_with(g, NULL, "", 254);
}

static void end(struct rig *g)
{
	icc_free(&g->icc);
	softcard_free(&g->card);
	fuda_buf_free(&g->response);
	fuda_deadline_free(&g->dl);
	fuda_context_free(&g->ctx);
}

static int send(struct rig *g, const char *hex)
{
	struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	int r;

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	fuda_buf_clear(&g->response);
	r = t1_transmit(&g->t1, command.data, command.len, g->dl, &g->response);
	fuda_buf_free(&command);
	return r;
}

/* Sends it; the answer ends so. */
static void expect_end(struct rig *g, const char *hex, const char *ending)
{
	struct fuda_buf sw = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int r = send(g, hex);

	if (r < 0)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(g->ctx));
	assert_int_equal(fuda_hex_decode(ending, &sw), 0);
	assert_true(g->response.len >= sw.len);
	assert_memory_equal(g->response.data + g->response.len - sw.len, sw.data, sw.len);
	fuda_buf_free(&sw);
}

#define READ_CERT "00B00000000B00" /* extended: 2816 bytes of the file */
#define SELECT_CERT "00A4020C02000A"

static void assert_clean(struct rig *g)
{
	if (icc_complaint(g->icc))
		fail_msg("the card complains: %s", icc_complaint(g->icc));
}

/* ---- what works ---- */

static void work(struct rig *g)
{
	expect_end(g, SELECT_JPKI, "9000");
	expect_end(g, SELECT_CERT, "9000");
	expect_end(g, "00B0000004", "9000");
	assert_int_equal(g->response.len, 6);
	assert_int_equal(send(g, READ_CERT), 0);
	assert_true(g->response.len > 1000);
	expect_end(g, VERIFY_AUTH, "9000");
	assert_int_equal(vcard_usage(g->card).verifies, 1);
	assert_clean(g);
}

static void test_works(void **state)
{
	static const struct icc_settings kinds[] = {
		{ 0 }, { .crc = true }, { .ifsc = 32 }, { .ifsc = 1 }, { .ifsc = 5, .crc = true }, { .ifsc = 253 },
	};
	static const size_t ifsds[] = { 254, 247, 32, 1 };
	struct rig g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ifsds); k++) {
			begin_with(&g, &kinds[i], "", ifsds[k]);
			work(&g);
			end(&g);
		}
}

/* A response of exactly the longest, and one byte more than the caller allows. */
static void test_longest(void **state)
{
	struct fuda_buf small = FUDA_BUF_INIT(5);
	struct rig g;
	static const uint8_t read[] = { 0x00, 0xB0, 0x00, 0x00, 0x04 };

	(void)state;
	begin(&g);
	expect_end(&g, SELECT_JPKI, "9000");
	expect_end(&g, SELECT_CERT, "9000");
	assert_int_equal(t1_transmit(&g.t1, read, sizeof(read), g.dl, &small), FUDA_ETRANSPORT);
	assert_int_equal(small.len, 0);
	assert_false(g.t1.lost);
	expect_end(&g, SELECT_JPKI, "9000"); /* in step again */
	small.max = 6;
	expect_end(&g, SELECT_CERT, "9000");
	assert_int_equal(t1_transmit(&g.t1, read, sizeof(read), g.dl, &small), 0);
	assert_int_equal(small.len, 6);
	fuda_buf_free(&small);
	assert_clean(&g);
	end(&g);
}

/* One I-block each way, and nothing else. */
static void test_blocks(void **state)
{
	struct rig g;

	(void)state;
	begin(&g);
	expect_end(&g, SELECT_JPKI, "9000");
	assert_int_equal(g.t1.blocks, 2); /* and IFSD */
	expect_end(&g, SELECT_CERT, "9000");
	assert_int_equal(g.t1.blocks, 3);
	end(&g);
}

/* ---- faults that the protocol mends ---- */

/* Block 1 is IFSD, 2 the SELECT, 3 the file, 4 the header, then a chain of 12 blocks, then VERIFY. */
enum { CHAIN_AT = 5, BLOCKS = 20 };

static void test_mended(void **state)
{
	static const struct {
		enum icc_fault fault;
		unsigned count;
	} faults[] = {
		{ ICC_LOSE_BLOCK, 0 },	 { ICC_LOSE_ANSWER, 0 },  { ICC_DAMAGE_ANSWER, 0 }, { ICC_BAD_EDC, 0 },
		{ ICC_WRONG_NUMBER, 0 }, { ICC_REPEAT_ANSWER, 0 }, { ICC_WTX, 1 },	    { ICC_WTX, 20 },
		{ ICC_IFS, 16 },	 { ICC_IFS, 254 },
	};
	struct rig g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		for (unsigned n = 1; n <= BLOCKS; n++) {
			/* WTX and IFS have no place as an answer to S(IFS) */
			if (n == 1 && faults[i].count)
				continue;
			begin(&g);
			icc_fault(g.icc, faults[i].fault, n, faults[i].count);
			work(&g);
			end(&g);
		}
	/* while the command goes out in pieces */
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		for (unsigned n = 2; n <= 5; n++) {
			begin_with(&g, &(struct icc_settings){ .ifsc = 5 }, "", 32);
			icc_fault(g.icc, faults[i].fault, n, faults[i].count);
			work(&g);
			end(&g);
		}
}

static void test_nonsense_mended(void **state)
{
	struct rig g;

	(void)state;
	for (unsigned what = 0; what < ICC_NONSENSES; what++)
		for (unsigned n = 2; n <= 10; n++) {
			begin(&g);
			icc_fault(g.icc, ICC_NONSENSE, n, what);
			work(&g);
			end(&g);
		}
}

/* A block that the card says it got damaged goes again, as a block: it was not acted on. */
static void test_asked_again(void **state)
{
	struct rig g;

	(void)state;
	for (unsigned n = 2; n <= 3; n++) {
		begin(&g);
		icc_fault(g.icc, ICC_DAMAGE_BLOCK, n, 0);
		work(&g);
		assert_int_equal(icc_repeats(g.icc), 0);
		end(&g);
	}
}

/* ---- turn by turn ---- */

/* What passes, without NAD and LRC: a block of ours, with "*" the multiplier of its waiting time, and its answer; one
 * that is empty is none. */
struct turns {
	const char *what;
	size_t ifsc, ifsd;
	const char *command, *turns[12], *response;
};

struct player {
	const struct turns *script;
	size_t at;
};

static void put_lrc(struct fuda_buf *block)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < block->len; i++)
		sum ^= block->data[i];
	assert_int_equal(fuda_buf_append(block, &sum, 1), 0);
}

static int play(void *arg, const uint8_t *block, size_t len, uint8_t multiplier, struct fuda_deadline *dl,
		struct fuda_buf *ret)
{
	struct player *p = arg;
	const char *const *turn = &p->script->turns[p->at];
	struct fuda_buf body = FUDA_BUF_INIT(T1_BLOCK_MAX);
	char sent[2 * T1_BLOCK_MAX + 8];

	assert_int_equal(deadline_check(dl), 0);
	if (!turn[0])
		fail_msg("%s: more is sent", p->script->what);
	fuda_hex_encode(block + 1, len - 2, sent);
	if (multiplier > 1)
		snprintf(sent + strlen(sent), 8, "*%u", multiplier);
	if (strcmp(sent, turn[0]) != 0)
		fail_msg("%s: %s is sent, not %s", p->script->what, sent, turn[0]);
	p->at += 2;
	if (!*turn[1])
		return FUDA_EMUTE;
	assert_int_equal(fuda_hex_decode(turn[1], &body), 0);
	assert_int_equal(fuda_buf_append(ret, "", 1), 0);
	assert_int_equal(fuda_buf_append(ret, body.data, body.len), 0);
	put_lrc(ret);
	fuda_buf_free(&body);
	return 0;
}

#define TEN   "00D600D600D600D600D6"
#define FORTY TEN TEN TEN TEN

static void test_turns(void **state)
{
	static const struct turns scripts[] = {
		{ "response before the command is over", 4, 32, "00A40000023F00",
		  { "200400A40000", "00029000", "8200", "9000", "4003023F00", "00029000" }, "9000" },
		{ "the last block acknowledged and not answered", 254, 32, "00A40000",
		  { "000400A40000", "9000", "8200", "00029000" }, "9000" },
		{ "R-block within the card's chain", 254, 32, "00B00000",
		  { "000400B00000", "200161", "9000", "8000", "9000", "40029000" }, "619000" },
		{ "IFSC that the reader cannot carry", 40, 32, FORTY FORTY "00",
		  { "2028" FORTY, "C101FE", "E101FE", "9000", "6028" FORTY, "8000", "000100", "00029000" }, "9000" },
		{ "time is for one block", 254, 32, "00B00000",
		  { "000400B00000", "C30105", "E30105*5", "200161", "9000", "40029000" }, "619000" },
		{ "a chain of nothing", 254, 32, "00B00000",
		  { "000400B00000", "2000", "8200", "00029000" }, "9000" },
		{ "another IFSD than ours", 254, 254, "00B00000",
		  { "C101FE", "E10120", "C101FE", "E101FE", "000400B00000", "00029000" }, "9000" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct player p = { .script = &scripts[i] };
		struct t1_link link = { &p, play };
		struct rig g = { .response = FUDA_BUF_INIT(APDU_RESPONSE_MAX) };
		char got[64];

		assert_int_equal(fuda_context_new(&g.ctx), 0);
		assert_int_equal(fuda_deadline_new(20000, &g.dl), 0);
		t1_start(&g.t1, g.ctx, &link, scripts[i].ifsc, scripts[i].ifsd, false);
		assert_int_equal(send(&g, scripts[i].command), 0);
		if (scripts[i].turns[p.at])
			fail_msg("%s: %s is not sent", scripts[i].what, scripts[i].turns[p.at]);
		fuda_hex_encode(g.response.data, g.response.len, got);
		assert_string_equal(got, scripts[i].response);
		end(&g);
	}
}

/* Each piece is lost once, and got through the second time. */
static void test_faults_all_the_way(void **state)
{
	struct rig g;

	(void)state;
	begin_with(&g, &(struct icc_settings){ .ifsc = 5 }, "", 32);
	g.lossy = true;
	work(&g);
	end(&g);
}

/* ---- and those that it does not ---- */

static void verify_with(struct rig *g, enum icc_fault fault, unsigned count)
{
	begin(g);
	expect_end(g, SELECT_JPKI, "9000");
	expect_end(g, "00A4020C020018", "9000");
	icc_fault(g->icc, fault, 1, count);
}

/* What a VERIFY may lead to, it never leads to two. */
static void test_verify_once(void **state)
{
	static const struct {
		enum icc_fault fault;
		int error;
		bool lost;
		unsigned verifies;
	} cases[] = {
		{ ICC_MUTE, FUDA_EMUTE, true, 0 },
		{ ICC_ABORT, FUDA_ETRANSPORT, false, 1 },
		{ ICC_TOO_MUCH, FUDA_ETRANSPORT, false, 1 },
		{ ICC_WTX_FOREVER, FUDA_ETRANSPORT, false, 1 },
		{ ICC_LOSE_ANSWER, 0, false, 1 },
		{ ICC_LOSE_BLOCK, 0, false, 1 },
		{ ICC_BAD_EDC, 0, false, 1 },
		{ ICC_DAMAGE_BLOCK, 0, false, 1 },
		{ ICC_REPEAT_ANSWER, 0, false, 1 },
		{ ICC_WRONG_NUMBER, 0, false, 1 },
	};
	struct rig g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		verify_with(&g, cases[i].fault, 0);
		assert_int_equal(send(&g, WRONG_AUTH), cases[i].error);
		assert_int_equal(vcard_usage(g.card).verifies, cases[i].verifies);
		assert_int_equal(g.t1.lost, cases[i].lost);
		if (cases[i].error)
			assert_string_not_equal(fuda_context_message(g.ctx), "");
		if (g.t1.lost)
			assert_int_equal(send(&g, SELECT_JPKI), FUDA_EREMOVED);
		else
			expect_end(&g, SELECT_JPKI, "9000");
		assert_int_equal(vcard_usage(g.card).verifies, cases[i].verifies);
		assert_clean(&g);
		end(&g);
	}
}

/* Every answer damaged: R-blocks, then RESYNCH, each three times, and that is all. */
static void test_never_understood(void **state)
{
	struct rig g;

	(void)state;
	verify_with(&g, ICC_MUTE, 0);
	assert_int_equal(send(&g, WRONG_AUTH), FUDA_EMUTE);
	assert_int_equal(icc_blocks(g.icc), 3 + 3 + 3);
	end(&g);
}

/* A card that is silent at any step is told of in the end, and at no step hangs. */
static void test_mute_at_each_step(void **state)
{
	static const char *const job[] = { SELECT_JPKI, SELECT_CERT, READ_CERT };
	struct rig g;

	(void)state;
	for (unsigned n = 1; n <= 10; n++) {
		int r = 0;

		begin(&g);
		icc_fault(g.icc, ICC_MUTE, n, 0);
		for (size_t i = 0; i < ARRAY_SIZE(job) && r == 0; i++)
			r = send(&g, job[i]);
		assert_int_equal(r, FUDA_EMUTE);
		assert_true(g.t1.lost);
		assert_clean(&g);
		end(&g);
	}
}

static void test_links_own_errors(void **state)
{
	static const int errors[] = { FUDA_EREADERGONE, FUDA_EREMOVED, FUDA_ETIMEOUT, FUDA_ECANCELLED,
				      FUDA_ETRANSPORT };
	struct rig g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		begin(&g);
		expect_end(&g, SELECT_JPKI, "9000");
		g.error = errors[i];
		assert_int_equal(send(&g, SELECT_CERT), errors[i]);
		g.error = 0;
		assert_int_equal(send(&g, SELECT_CERT), FUDA_EREMOVED);
		assert_int_equal(g.response.len, 0);
		end(&g);
	}
}

static void test_cancel(void **state)
{
	struct rig g;

	(void)state;
	for (unsigned n = 1; n <= 6; n++) {
		begin(&g);
		expect_end(&g, SELECT_JPKI, "9000");
		expect_end(&g, SELECT_CERT, "9000");
		g.cancel_in = n;
		assert_int_equal(send(&g, READ_CERT), FUDA_ECANCELLED);
		assert_int_equal(g.response.len, 0);
		assert_true(g.t1.lost);
		end(&g);
	}
}

/* A card that does not take S(IFS) is used with short blocks. */
static void test_no_ifsd(void **state)
{
	struct rig g;

	(void)state;
	begin(&g);
	g.t1.wanted_ifsd = 255; /* which the model of a card refuses */
	assert_int_equal(send(&g, SELECT_JPKI), 0);
	assert_int_equal(g.t1.ifsd, T1_IFS_START);
	assert_int_equal(send(&g, SELECT_CERT), 0);
	assert_int_equal(send(&g, READ_CERT), 0);
	end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_works),		  cmocka_unit_test(test_longest),
		cmocka_unit_test(test_blocks),		  cmocka_unit_test(test_mended),
		cmocka_unit_test(test_nonsense_mended),	  cmocka_unit_test(test_asked_again),
		cmocka_unit_test(test_verify_once),	  cmocka_unit_test(test_never_understood),
		cmocka_unit_test(test_mute_at_each_step), cmocka_unit_test(test_links_own_errors),
		cmocka_unit_test(test_cancel),		  cmocka_unit_test(test_no_ifsd),
		cmocka_unit_test(test_turns),		  cmocka_unit_test(test_faults_all_the_way),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
