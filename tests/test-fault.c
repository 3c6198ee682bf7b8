/* SPDX-License-Identifier: Apache-2.0 */
/* The fault driver on top of a software card: what the caller sees, and whether the card got it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "codec/apdu.h"
#include "reader/reader.h"
#include "tests/cmocka.h"
#include "tests/process.h"
#include "tests/softcard.h"

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct reader *r;
static struct fuda_buf answer;

static int set_up(void **state)
{
	(void)state;
	softcard_write("");
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(20000, &dl), 0);
	answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	reader_close(&r);
	fuda_buf_free(&answer);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}

static int open_with(const char *spec)
{
	char name[4096];

	if (spec)
		snprintf(name, sizeof(name), "fault:%s:virtual:%s", spec, softcard_dir());
	else
		snprintf(name, sizeof(name), "virtual:%s", softcard_dir());
	return reader_open(ctx, name, dl, &r);
}

static int send(const char *hex)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(300);

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	fuda_buf_clear(&answer);
	return reader_transmit(r, command.data, command.len, TRANSMIT_ONCE, dl, &answer);
}

/* The status word of the last answer; 0 if it has none. */
static unsigned sw(void)
{
	return answer.len < 2 ?
		       0 :
		       (unsigned)(answer.data[answer.len - 2] << 8 | answer.data[answer.len - 1]);
}

static unsigned tries_left(void)
{
	reader_close(&r);
	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(send("00200098"), 0);
	return sw() & 0xF;
}

/* Command 1 selects the application, command 2 presents a wrong PIN: the fault is there. Command 3
 * asks for the tries left: an application without the selection does not answer that. */
static const struct {
	const char *spec;
	int code;      /* of command 2 */
	unsigned sw;   /* and its status word */
	bool executed; /* the card got it */
	int then;      /* code of command 3 */
	bool kept;     /* the card kept its state */
	int ms;        /* limit for command 2, and the least that it takes if it is answered */
} cases[] = {
	{ "removed@2", FUDA_EREMOVED, 0, false, FUDA_EREMOVED, false, 0 },
	{ "pulled@2", FUDA_EREMOVED, 0, true, FUDA_EREMOVED, false, 0 },
	{ "gone@2", FUDA_EREADERGONE, 0, false, FUDA_EREADERGONE, false, 0 },
	{ "reset@2", FUDA_ERESET, 0, false, 0, false, 0 },
	{ "lostreset@2", FUDA_ETRANSPORT, 0, true, 0, false, 0 },
	{ "unreached@2", FUDA_ETRANSPORT, 0, false, 0, true, 0 },
	{ "truncated@2", FUDA_ETRANSPORT, 0, true, 0, true, 0 },
	{ "mute@2", FUDA_ETIMEOUT, 0, true, 0, true, 100 },
	{ "late=60000@2", FUDA_ETIMEOUT, 0, true, 0, true, 100 },
	{ "late=100@2", 0, 0x63C2, true, 0, true, -100 },
	{ "sw=6984@2", 0, 0x6984, false, 0, true, 0 },
	{ "answer=00016f00@2", 0, 0x6F00, true, 0, true, 0 },
	{ "removed@4", 0, 0x63C2, true, 0, true, 0 },
	{ "removed@4+,sw=6A82@2", 0, 0x6A82, false, 0, true, 0 },
	{ "sw=6A82@2,removed@2+", 0, 0x6A82, false, FUDA_EREMOVED, false, 0 },
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t start;

		print_message("%s\n", cases[i].spec);
		softcard_write("");
		assert_int_equal(open_with(cases[i].spec), 0);
		assert_int_equal(send(SELECT_JPKI), 0);
		start = now_ms();
		if (cases[i].ms > 0)
			fuda_deadline_restart(dl, cases[i].ms);
		assert_int_equal(send(WRONG_AUTH), cases[i].code);
		assert_int_equal(sw(), cases[i].sw);
		assert_true(now_ms() - start >= abs(cases[i].ms) && now_ms() - start < 5000);
		fuda_deadline_restart(dl, 20000);
		assert_int_equal(send("00200098"), cases[i].then);
		if (cases[i].then == 0)
			assert_int_equal((sw() & 0xFFF0) == 0x63C0, cases[i].kept);
		assert_int_equal(r->epoch != 0, !cases[i].kept);
		assert_int_equal(tries_left(), cases[i].executed ? 2 : 3);
		reader_close(&r);
	}
}

static void test_from_then_on(void **state)
{
	(void)state;
	assert_int_equal(open_with("sw=6D00@2+"), 0);
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(sw(), 0x9000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(SELECT_JPKI), 0);
		assert_int_equal(sw(), 0x6D00);
	}
}

static void *cancel(void *arg)
{
	struct timespec t = { 0, 100000000 };

	nanosleep(&t, NULL);
	fuda_deadline_cancel(arg);
	return NULL;
}

static void test_mute_cancelled(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(open_with("mute@1"), 0);
	fuda_deadline_restart(dl, -1);
	assert_int_equal(pthread_create(&thread, NULL, cancel, dl), 0);
	assert_int_equal(send(SELECT_JPKI), FUDA_ECANCELLED);
	pthread_join(thread, NULL);
}

/* All that is not a command passes, until the reader is gone. */
static void test_passes(void **state)
{
	static const int gone[] = { FUDA_EREMOVED, FUDA_EREADERGONE };
	static const char *const specs[] = { "removed@1", "gone@1" };
	struct reader *inner = NULL;
	uint32_t epoch;

	(void)state;
	assert_int_equal(open_with(NULL), 0);
	inner = r;
	r = NULL;
	assert_true(inner->atr_len > 0);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		uint8_t atr[FUDA_ATR_MAX];
		size_t atr_len = 0, max_command = 0, max_response = 0;

		if (inner) {
			memcpy(atr, inner->atr, sizeof(atr));
			atr_len = inner->atr_len;
			max_command = inner->max_command;
			max_response = inner->max_response;
		}
		reader_close(&inner);
		assert_int_equal(open_with(specs[i]), 0);
		if (atr_len) {
			assert_int_equal(r->atr_len, atr_len);
			assert_memory_equal(r->atr, atr, atr_len);
			assert_int_equal(r->max_command, max_command);
			assert_int_equal(r->max_response, max_response);
		}
		epoch = r->epoch;
		assert_int_equal(reader_power(r, POWER_ON, dl), 0);
		assert_int_equal(r->epoch, epoch + 1);
		assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
		assert_int_equal(reader_lock(r, true, dl), 0);
		assert_int_equal(send(SELECT_JPKI), gone[i]);
		assert_int_equal(reader_power(r, POWER_ON, dl), gone[i]);
		assert_int_equal(reader_lock(r, false, dl), 0);
		assert_int_equal(reader_lock(r, true, dl), gone[i]);
		reader_close(&r);
	}
}

static void test_stacked(void **state)
{
	char spec[200];

	(void)state;
	snprintf(spec, sizeof(spec), "fault:sw=6F01@1:fault:sw=6F02@1:virtual:%s", softcard_dir());
	assert_int_equal(reader_open(ctx, spec, dl, &r), 0);
	assert_string_equal(r->name, spec);
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(sw(), 0x6F01);
	/* The inner reader counts what reaches it. */
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(sw(), 0x6F02);
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(sw(), 0x9000);
}

static void test_bad_specs(void **state)
{
	static const char *const specs[] = {
		"",
		"@1",
		"removed",
		"removed@",
		"removed@0",
		"removed@-1",
		"removed@+1",
		"removed@01",
		"removed@1x",
		"removed@1++",
		"removed@ 1",
		"removed@1@2",
		"removed@99999999999999999999",
		"removed=1@1",
		"removed=@1",
		"Removed@1",
		"removed@1,",
		",removed@1",
		"removed@1,,gone@2",
		" removed@1",
		"remove@1",
		"removed1",
		"sw@1",
		"sw=@1",
		"sw=90@1",
		"sw=900@1",
		"sw=900000@1",
		"sw=zz00@1",
		"answer@1",
		"answer=@1",
		"answer=90@1",
		"answer=9@1",
		"late@1",
		"late=@1",
		"late=0@1",
		"late=-5@1",
		"late=5s@1",
		"late=3600001@1",
		"mute=5@1",
	};
	char many[40 * 8] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		if (open_with(specs[i]) != FUDA_EINVAL)
			fail_msg("\"%s\" was not refused", specs[i]);
		assert_non_null(strstr(fuda_context_message(ctx), "KIND@N"));
		assert_null(r);
	}
	for (int i = 0; i < 33; i++)
		strcat(many, i ? ",gone@9" : "gone@9");
	assert_int_equal(open_with(many), FUDA_EINVAL);
	many[32 * 7 - 1] = 0;
	assert_int_equal(open_with(many), 0);
}

static void test_bad_names(void **state)
{
	(void)state;
	assert_int_equal(reader_open(ctx, "fault:removed@1", dl, &r), FUDA_EINVAL);
	assert_non_null(strstr(fuda_context_message(ctx), "fault:SPEC:READER"));
	assert_int_equal(reader_open(ctx, "fault:", dl, &r), FUDA_EINVAL);
	assert_int_equal(reader_open(ctx, "fault:removed@1:virtual:/nowhere", dl, &r),
			 FUDA_ENOREADER);
	assert_null(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kinds),     TEST(test_from_then_on), TEST(test_mute_cancelled),
		TEST(test_passes),    TEST(test_stacked),      TEST(test_bad_specs),
		TEST(test_bad_names),
	};

	return cmocka_run_group_tests(tests, softcard_setup, softcard_teardown);
}
