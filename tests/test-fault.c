/* SPDX-License-Identifier: Apache-2.0 */
/* The fault driver on top of a software card: what the caller sees, and whether the card got it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>
#include <fuda/trace.h>

#include "codec/apdu.h"
#include "reader/pad.h"
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
	{ "truncated=1@2", FUDA_ETRANSPORT, 0, true, 0, true, 0 },
	{ "truncated=2@2", 0, 0x63C2, true, 0, true, 0 }, /* that is all it has */
	{ "oversized=16@2", 0, 0x63C2, true, 0, true, 0 },
	{ "oversized=65538@2", FUDA_ETRANSPORT, 0, true, 0, true, 0 }, /* nor hands it out too much */
	{ "duplicated@2", 0, 0x9000, true, 0, true, 0 },
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

/* What a file of the card, free to read, is answered with under `spec`, which breaks command 3. */
static void read_with(const char *spec, struct fuda_buf *ret)
{
	reader_close(&r);
	assert_int_equal(open_with(spec), 0);
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(send("00A4020C020006"), 0); /* token information */
	assert_int_equal(send("00B0000014"), 0);
	assert_int_equal(fuda_buf_set(ret, answer.data, answer.len), 0);
}

static void test_truncated(void **state)
{
	_cleanup_buf_ struct fuda_buf whole = FUDA_BUF_INIT(300), cut = FUDA_BUF_INIT(300);
	char spec[32];

	(void)state;
	read_with(NULL, &whole);
	assert_int_equal(whole.len, 22);
	for (size_t n = 2; n <= whole.len + 1; n++) {
		snprintf(spec, sizeof(spec), "truncated=%zu@3", n);
		read_with(spec, &cut);
		assert_int_equal(cut.len, n < whole.len ? n : whole.len);
		assert_memory_equal(cut.data, whole.data, cut.len);
	}
}

static void test_garbled(void **state)
{
	_cleanup_buf_ struct fuda_buf whole = FUDA_BUF_INIT(300), one = FUDA_BUF_INIT(300);
	_cleanup_buf_ struct fuda_buf again = FUDA_BUF_INIT(300);
	unsigned touched = 0;
	char spec[32];

	(void)state;
	read_with(NULL, &whole);
	for (int seed = 1; seed <= 100; seed++) {
		size_t changed = 0;

		snprintf(spec, sizeof(spec), "garbled=%d@3", seed);
		read_with(spec, &one);
		read_with(spec, &again);
		assert_int_equal(one.len, whole.len);
		assert_memory_equal(one.data, again.data, one.len);
		for (size_t i = 0; i < one.len; i++) {
			changed += one.data[i] != whole.data[i];
			if (one.data[i] != whole.data[i])
				touched |= 1u << i;
		}
		assert_in_range(changed, 1, 4);
	}
	assert_int_equal(touched, (1u << whole.len) - 1); /* every byte by one of them */
}

static void test_oversized(void **state)
{
	_cleanup_buf_ struct fuda_buf whole = FUDA_BUF_INIT(300), more = FUDA_BUF_INIT(300);

	(void)state;
	read_with(NULL, &whole);
	read_with("oversized=7@3", &more);
	assert_int_equal(more.len, whole.len + 7);
	assert_memory_equal(more.data, whole.data, whole.len - 2);
	for (size_t i = whole.len - 2; i < more.len - 2; i++)
		assert_int_equal(more.data[i], 0xFF);
	assert_int_equal(sw(), 0x9000);
}

static void test_duplicated(void **state)
{
	_cleanup_buf_ struct fuda_buf whole = FUDA_BUF_INIT(300);

	(void)state;
	/* before the first there was none */
	read_with("duplicated@1", &whole);
	assert_int_equal(whole.len, 22);
	reader_close(&r);
	assert_int_equal(open_with("duplicated@4+"), 0);
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(send("00A4020C020006"), 0);
	assert_int_equal(send("00B0000014"), 0);
	assert_int_equal(send("00B0000004"), 0);
	assert_int_equal(answer.len, whole.len);
	assert_memory_equal(answer.data, whole.data, whole.len);
	/* the card answered that one all the same */
	assert_int_equal(send("00B0000002"), 0);
	assert_int_equal(answer.len, 6);
	/* one that never had an answer has none to give */
	reader_close(&r);
	assert_int_equal(open_with("unreached@2,duplicated@3"), 0);
	assert_int_equal(send("00B0000014"), 0);
	assert_int_equal(sw(), 0x6986);
	assert_int_equal(send(SELECT_JPKI), FUDA_ETRANSPORT);
	assert_int_equal(send(SELECT_JPKI), 0);
	assert_int_equal(sw(), 0x6986);
}

/* How many of a thousand commands have the fault, and which: a bit each. */
static unsigned broken_of_thousand(const char *spec, uint8_t which[1000])
{
	unsigned n = 0;

	reader_close(&r);
	assert_int_equal(open_with(spec), 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(send("0084000000"), 0);
		which[i] = sw() == 0x6F05;
		n += which[i];
	}
	return n;
}

static void test_at_random(void **state)
{
	uint8_t one[1000], again[1000], other[1000];

	(void)state;
	assert_in_range(broken_of_thousand("sw=6F05@~1/30", one), 230, 370);
	broken_of_thousand("sw=6F05@~1/30", again);
	assert_memory_equal(one, again, sizeof(one));
	assert_in_range(broken_of_thousand("sw=6F05@~2/30", other), 230, 370);
	assert_memory_not_equal(one, other, sizeof(one));
	assert_int_equal(broken_of_thousand("sw=6F05@~1/100", one), 1000);
	assert_in_range(broken_of_thousand("sw=6F05@~18446744073709551615/1", one), 1, 40);
	/* beside others, the first that fits */
	assert_in_range(broken_of_thousand("sw=6F06@~1/50,sw=6F05@1+", one), 370, 630);
}

/* Each kind that is named to programs can be asked for as it is named. */
static void test_kinds_named(void **state)
{
	size_t count = 0;

	(void)state;
	for (const char *kind; (kind = fuda_fault_kind(count)); count++) {
		char spec[64];

		snprintf(spec, sizeof(spec), "%s@1,%s@5+,%s@~3/50", kind, kind, kind);
		assert_int_equal(fuda_fault_check(ctx, spec), 0);
		assert_int_equal(open_with(spec), 0);
		reader_close(&r);
		/* the message for what is none names it */
		assert_int_equal(open_with("none@1"), FUDA_EINVAL);
		snprintf(spec, sizeof(spec), "%.*s", (int)strcspn(kind, "="), kind);
		assert_non_null(strstr(fuda_context_message(ctx), spec));
	}
	assert_int_equal(count, 14);
	assert_null(fuda_fault_kind(count + 1));
	assert_null(fuda_fault_kind(SIZE_MAX));
}

static unsigned asked;

static int type(struct reader *inner, bool modify, const uint8_t *structure, size_t len, struct fuda_deadline *d,
		struct fuda_buf *ret_response)
{
	(void)inner;
	(void)modify;
	(void)structure;
	(void)len;
	(void)d;
	asked++;
	return fuda_buf_append(ret_response, "\x63\xC2", 2);
}

/* Secrets typed on the reader count as commands and are broken as these. */
static void test_typed(void **state)
{
	static const struct {
		const char *spec;
		int code;
		unsigned sw, asked;
	} rows[] = {
		{ "sw=6F00@9", 0, 0x63C2, 1 },	   { "sw=6F00@2", 0, 0x6F00, 0 },
		{ "pulled@2", FUDA_EREMOVED, 0, 1 },  { "removed@2", FUDA_EREMOVED, 0, 0 },
		{ "unreached@2", FUDA_ETRANSPORT, 0, 0 }, { "reset@2", FUDA_ERESET, 0, 0 },
		{ "duplicated@2", 0, 0x9000, 1 },
	};
	static const uint8_t verify[] = { 0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF };
	const struct pad_entry entry = { .min = 4, .max = 4, .messages = 0xFF, .command = verify,
					 .len = sizeof(verify) };
	_cleanup_buf_ struct fuda_buf structure = FUDA_BUF_INIT(PAD_STRUCTURE_MAX);

	(void)state;
	assert_int_equal(pad_build_verify(&entry, &structure), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reader *inner;
		struct driver typing;

		assert_int_equal(open_with(rows[i].spec), 0);
		assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &answer), FUDA_ENOTSUP);
		inner = (struct reader *)(uintptr_t)r->inner;
		typing = *inner->driver;
		typing.secure = type;
		inner->driver = &typing;
		inner->pad = READER_PAD_VERIFY;
		assert_int_equal(reader_lock(r, true, dl), 0);
		assert_int_equal(r->pad, READER_PAD_VERIFY);
		assert_int_equal(send(SELECT_JPKI), 0);
		fuda_buf_clear(&answer);
		asked = 0;
		assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &answer), rows[i].code);
		assert_int_equal(sw(), rows[i].sw);
		assert_int_equal(asked, rows[i].asked);
		reader_close(&r);
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

static const char *const bad_specs[] = {
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
	"truncated=@1",
	"truncated=0@1",
	"truncated=-1@1",
	"truncated=4x@1",
	"truncated=65539@1",
	"garbled@1",
	"garbled=@1",
	"garbled=0@1",
	"garbled=x@1",
	"oversized@1",
	"oversized=0@1",
	"oversized=65539@1",
	"duplicated=1@1",
	"gone@~",
	"gone@~1",
	"gone@~1/",
	"gone@~/50",
	"gone@~0/50",
	"gone@~1/0",
	"gone@~1/101",
	"gone@~1/50%",
	"gone@~1/50+",
	"gone@~1/050",
	"gone@~-1/50",
	"gone@1/50",
	"gone@~99999999999999999999/5",
};

static void test_bad_specs(void **state)
{
	char many[40 * 8] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_specs); i++) {
		if (open_with(bad_specs[i]) != FUDA_EINVAL || fuda_fault_check(ctx, bad_specs[i]) != FUDA_EINVAL)
			fail_msg("\"%s\" was not refused", bad_specs[i]);
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
		TEST(test_bad_names), TEST(test_truncated),    TEST(test_garbled),
		TEST(test_oversized), TEST(test_duplicated),   TEST(test_at_random),
		TEST(test_kinds_named), TEST(test_typed),
	};

	return cmocka_run_group_tests(tests, softcard_setup, softcard_teardown);
}
