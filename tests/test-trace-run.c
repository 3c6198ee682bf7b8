/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts on a target that was written down: what is sent, what counts as passed, what ends a script. */
#include <fuda/encode.h>
#include <fuda/trace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "tests/cmocka.h"
#include "trace/record.h"

enum { EVENTS_MAX = 16, TOLD_MAX = 8192 };

/* What the script is to do, and what comes of it: a response in hexadecimal, "!" and the name of an error, or "". */
struct event {
	const char *does, *gives;
};

struct row {
	const char *what;
	const char *script; /* behind the first line */
	struct event events[EVENTS_MAX];
	int result;
	const char *failed; /* the lines of the steps that failed, "4 6" */
	const char *says;   /* part of why, or of the message */
};

static char dir[] = "/tmp/fuda-test.XXXXXX", path[64];
static struct fuda_context *ctx;

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/script.apdu", dir);
	setenv("XDG_CONFIG_HOME", dir, 1);
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	fuda_context_free(&ctx);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fprintf(f, "fuda-trace 1\n%s", text);
	assert_int_equal(fclose(f), 0);
}

/* ---- the target ---- */

struct play {
	const struct event *next;
	char failed[256]; /* as struct row has it */
	char told[TOLD_MAX];
	unsigned steps;
};

static int error_named(const char *name)
{
	for (int code = -1; code > -FUDA_PLACES; code--)
		if (strcmp(fuda_error_name(code), name) == 0)
			return ctx_fail_code(ctx, code);
	fail_msg("no error %s", name);
	return 0;
}

static int happens(struct play *p, const char *does, struct fuda_buf *ret)
{
	const struct event *e = p->next;

	if (!e->does || strcmp(e->does, does) != 0)
		fail_msg("\"%s\" where \"%s\" is expected", does, e->does ? e->does : "nothing");
	p->next++;
	if (*e->gives == '!')
		return error_named(e->gives + 1);
	if (*e->gives == '~') /* slowly */
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	return ret ? fuda_hex_decode(e->gives + (*e->gives == '~'), ret) : 0;
}

static int answers(struct play *p, const char *does, uint16_t *ret_sw)
{
	struct fuda_buf b = FUDA_BUF_INIT(2);
	int r = happens(p, does, &b);

	if (r == 0)
		*ret_sw = (uint16_t)(b.data[0] << 8 | b.data[1]);
	fuda_buf_free(&b);
	return r;
}

static int do_transmit(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret_response)
{
	char hex[2 * 300 + 1];

	assert_true(len <= 300);
	fuda_hex_encode(command, len, hex);
	return happens(arg, hex, ret_response);
}

static int do_verify(void *arg, enum fuda_pin pin, const char *application, uint16_t *ret_sw)
{
	char does[64];
	int r;

	snprintf(does, sizeof(does), "verify %s %s", fuda_pin_name(pin), application);
	r = answers(arg, does, ret_sw);
	if (r < 0 || *ret_sw == 0x9000)
		return r;
	return *ret_sw == 0x63C0 ? FUDA_EPINBLOCKED : *ret_sw >> 8 == 0x63 ? FUDA_EPINWRONG : FUDA_ESW;
}

static int do_query(void *arg, uint8_t p2, bool five_bytes, struct fuda_buf *ret_response)
{
	char does[64];

	snprintf(does, sizeof(does), "query %02X%s", p2, five_bytes ? "00" : "");
	return happens(arg, does, ret_response);
}

static int do_power(void *arg, const char *how)
{
	char does[64];

	snprintf(does, sizeof(does), "power %s", how);
	return happens(arg, does, NULL);
}

static int do_presence(void *arg, bool there)
{
	return happens(arg, there ? "insert" : "remove", NULL);
}

static int do_wait(void *arg, uint64_t us)
{
	char does[64];

	snprintf(does, sizeof(does), "wait %llu", (unsigned long long)us);
	return happens(arg, does, NULL);
}

static const struct fuda_trace_target whole = {
	NULL, do_transmit, do_verify, do_query, do_power, do_presence, do_wait,
};

static void check(void *arg, const struct fuda_trace_check *c)
{
	struct play *p = arg;
	size_t used = strlen(p->failed);

	p->steps++;
	assert_string_not_equal(c->what, "");
	assert_non_null(c->path);
	if (!c->why)
		return;
	assert_string_not_equal(c->why, "");
	snprintf(p->failed + used, sizeof(p->failed) - used, "%s%lu", used ? " " : "", c->line);
	used = strlen(p->told);
	snprintf(p->told + used, sizeof(p->told) - used, "%s: %s\n", c->what, c->why);
}

static void run_row(const struct row *row, const struct fuda_trace_target *members, bool stop)
{
	struct play p = { .next = row->events };
	struct fuda_trace_target target = *members;
	int r;

	print_message("%s\n", row->what);
	write_file(path, row->script);
	target.arg = &p;
	r = fuda_trace_run(ctx, path, NULL, &target, stop, check, &p);
	if (r != row->result)
		fail_msg("%s: %s\n%s", fuda_error_name(r), fuda_context_message(ctx), p.told);
	if (p.next->does)
		fail_msg("\"%s\" was not done", p.next->does);
	if (strcmp(p.failed, row->failed ? row->failed : "") != 0)
		fail_msg("failed: %s\n%s", p.failed, p.told);
	if (row->says && !strstr(p.told, row->says) && !strstr(fuda_context_message(ctx), row->says))
		fail_msg("\"%s\" is said neither in \"%s\" nor in \"%s\"", row->says, p.told,
			 fuda_context_message(ctx));
	if (r < 0)
		assert_string_not_equal(fuda_context_message(ctx), "");
}

#define JPKI   "00A4040C0AD392F000260100000001"
#define SELECT "> 00 A4 04 0C 0A $jpki\n< 9000\n"
#define FACE   "00A4040C0AD3921000310001010402"

static void passes(void **state)
{
	static const struct row rows[] = {
		{ "comments and what was where", "# a\nreader \"x\"\natr 3B00\nprotocol T=1\ntoken card\nwait 1 s\n",
		  { { "wait 1000000", "" } } },
		{ "a command", SELECT, { { JPKI, "9000" } } },
		{ "any response", "> 00B0000000\n> 00B0000001\n",
		  { { "00B0000000", "6D00" }, { "00B0000001", "AA9000" } } },
		{ "several statuses, nibbles, any", "> 00840000 08\n< 6100|90xx *\n> 00840000 08\n< xxxx\n",
		  { { "0084000008", "AABB9001" }, { "0084000008", "1234" } } },
		{ "patterns", "> 00B0000000\n< 9000 AA .. \"b\" ..{2-3} *\n",
		  { { "00B0000000", "AA0162010203049000" } } },
		{ "a capture", "> 00B0000000\n< 9000 {x=..{2}} *\n> 00B00000 {x}\n< 9000 {x}\n",
		  { { "00B0000000", "0102039000" }, { "00B000000102", "01029000" } } },
		{ "a capture again", "repeat 2\n> 00B0000000\n< 9000 {x=..}\n> 00B00000 {x}\nend\n",
		  { { "00B0000000", "019000" }, { "00B0000001", "9000" }, { "00B0000000", "029000" },
		    { "00B0000002", "9000" } } },
		{ "names", "name two = 00 02\n> 00A4020C02 $jpki.token\n< $ok\n> 00A4020C02 $two\n",
		  { { "00A4020C020006", "9000" }, { "00A4020C020002", "6A82" } } },
		{ "in time", "> 00B0000000\n< 9000 (<10000 ms)\n> 00B0000000\n< 9000 (10..10000 ms)\n"
		  "> 00B0000000\n< 9000 (0.001 ms)\n",
		  { { "00B0000000", "9000" }, { "00B0000000", "~9000" }, { "00B0000000", "~9000" } } },
		{ "directives", "power on\npower reset\npower off\nwait 500 ms\nwait 1 s\nremove\ninsert\n",
		  { { "power on", "" }, { "power reset", "" }, { "power off", "" }, { "wait 500000", "" },
		    { "wait 1000000", "" }, { "remove", "" }, { "insert", "" } } },
		{ "an error that the script has", "> 00B0000000\n! removed\n> 00B0000000\n! failed\n> 00B0000000\n",
		  { { "00B0000000", "!EREMOVED" }, { "00B0000000", "!EBUSY" }, { "00B0000000", "9000" } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(&rows[i], &whole, false);
}

static void presents_secrets(void **state)
{
	static const struct row rows[] = {
		{ "right, said and unsaid", "verify auth\nverify sign\n< 9000\n",
		  { { "verify auth jpki", "9000" }, { "verify sign jpki", "9000" } } },
		{ "all of them", "verify text\nverify juki\nverify a\nverify b\nverify birth\n",
		  { { "verify text text", "9000" }, { "verify juki juki", "9000" }, { "verify a text", "9000" },
		    { "verify b text", "9000" }, { "verify birth face", "9000" } } },
		{ "where it is selected", "> 00A4040C0A $face\n< 9000\nverify a\n> 00A4040C0A $common\nverify juki\n",
		  { { FACE, "9000" }, { "verify a face", "9000" }, { "00A4040C0AD3921000310001010100", "9000" },
		    { "verify juki common", "9000" } } },
		{ "not where selecting failed, or the power went",
		  "> 00A4040C0A $face\n< 6A82\nverify a\n> 00A4040C0A $face\npower on\nverify a\n",
		  { { FACE, "6A82" }, { "verify a text", "9000" }, { FACE, "9000" }, { "power on", "" },
		    { "verify a text", "9000" } } },
		{ "wrong, as the script says", "verify auth\n< 63Cx\nverify auth\n< 63C1|63C0\n",
		  { { "verify auth jpki", "63C2" }, { "verify auth jpki", "63C1" } } },
		{ "recorded, by short identifier", SELECT "> 00200098 04 <secret 4>\n< 9000\n",
		  { { JPKI, "9000" }, { "verify auth jpki", "9000" } } },
		{ "recorded, of the current file",
		  SELECT "> 00A4020C02 $jpki.sign-pin\n< 9000\n> 00200080 06 <secret 6>\n< 63C4\n",
		  { { JPKI, "9000" }, { "00A4020C02001B", "9000" }, { "verify sign jpki", "63C4" } } },
		{ "recorded, typed", SELECT "> 00200098 <typed>\n< 9000\n",
		  { { JPKI, "9000" }, { "verify auth jpki", "9000" } } },
		{ "counters", SELECT "> 00200098\n< 63C3\n> 0020009800\n< 6700\n> 00200080\n< 63Cx\n",
		  { { JPKI, "9000" }, { "query 98", "63C3" }, { "query 9800", "6700" }, { "query 80", "63C3" } } },
		{ "the file is the secret's afterwards", "verify auth\n> 00200080 04 <secret 4>\n< 9000\n",
		  { { "verify auth jpki", "9000" }, { "verify auth jpki", "9000" } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(&rows[i], &whole, false);
}

/* The steps that fail do not end a script. */
static void fails(void **state)
{
	static const struct row rows[] = {
		{ "status", "> 00B0000000\n< 9000\n> 00B0000000\n< 9000\n",
		  { { "00B0000000", "6982" }, { "00B0000000", "9000" } },
		  FUDA_EDEPARTED, "2", "9000 expected, 6982" },
		{ "status of several", "> 00B0000000\n< 9000|61xx\n", { { "00B0000000", "6282" } }, FUDA_EDEPARTED, "2",
		  "9000|61xx expected, 6282" },
		{ "a name of a status", "> 00B0000000\n< $ok\n",
		  { { "00B0000000", "6A82" } }, FUDA_EDEPARTED, "2", "9000 expected" },
		{ "no data expected", "> 00B0000000\n< 9000\n", { { "00B0000000", "AA9000" } }, FUDA_EDEPARTED, "2",
		  "0 bytes expected, 1 came" },
		{ "too little", "> 00B0000000\n< 9000 AA BB\n", { { "00B0000000", "AA9000" } }, FUDA_EDEPARTED, "2",
		  "from offset 1 on (2 bytes expected, 1 came)" },
		{ "too little for a pattern", "> 00B0000000\n< 9000 AA ..{2}\n", { { "00B0000000", "AABB9000" } },
		  FUDA_EDEPARTED, "2", "2 bytes of data came, and more" },
		{ "another", "> 00B0000000\n< 9000 AA BB CC\n", { { "00B0000000", "AA00CC9000" } }, FUDA_EDEPARTED, "2",
		  "from offset 1 on" },
		{ "another for a pattern", "> 00B0000000\n< 9000 AA BB ..\n", { { "00B0000000", "AA00CC9000" } },
		  FUDA_EDEPARTED, "2", "from offset 1 on (3 bytes came)" },
		{ "what is public is shown", SELECT "> 00B0880000\n< 9000 8F 8F 00\n",
		  { { JPKI, "9000" }, { "00B0880000", "8F00009000" } },
		  FUDA_EDEPARTED, "4", "8F00 expected, 0000 came" },
		{ "too slow", "> 00B0000000\n< 9000 (<5 ms)\n", { { "00B0000000", "~9000" } }, FUDA_EDEPARTED, "2",
		  "less than 5.000 ms is expected" },
		{ "too fast", "> 00B0000000\n< 9000 (10..20 s)\n", { { "00B0000000", "9000" } }, FUDA_EDEPARTED, "2",
		  "10000.000 ms to 20000.000 ms" },
		{ "what needs a capture that failed is not sent",
		  "> 00B0000000\n< 9000 {x=..{2}}\n> 00B00000 {x}\n> 00B0000001\n< 9000 {x}\n> 00B0000002\n",
		  { { "00B0000000", "AA9000" }, { "00B0000001", "01029000" }, { "00B0000002", "9000" } },
		  FUDA_EDEPARTED, "2 4 5", "needs {x}" },
		{ "nor is the value of another time used",
		  "repeat 2\n> 00B0000000\n< 9000 {x=..}\n> 00B00000 {x}\nend\n",
		  { { "00B0000000", "019000" }, { "00B0000001", "9000" }, { "00B0000000", "6982" } }, FUDA_EDEPARTED,
		  "3 5", "needs {x}" },
		{ "a capture of a step that was not done",
		  "> 00B0000000\n< 9000 {x=..}\n> 00B00000 {x}\n< 9000 {y=..}\n> 00B00000 {y}\n",
		  { { "00B0000000", "6982" } }, FUDA_EDEPARTED, "2 4 6", "needs {y}" },
		{ "an error in the script, a response of the card", "> 00B0000000\n! removed\n> 00B0000000\n",
		  { { "00B0000000", "9000" }, { "00B0000000", "9000" } }, FUDA_EDEPARTED, "2", "9000" },
		{ "a wrong secret with another counter", "verify auth\n< 63C2\n> 00B0000000\n",
		  { { "verify auth jpki", "63C1" }, { "00B0000000", "9000" } }, FUDA_EDEPARTED, "2",
		  "63C2 expected, 63C1" },
		{ "a secret that should be wrong", "verify auth\n< 63C2\n> 00B0000000\n",
		  { { "verify auth jpki", "9000" }, { "00B0000000", "9000" } }, FUDA_EDEPARTED, "2",
		  "63C2 expected, 9000" },
		{ "a counter with data", "> 00200098\n< 63C3\n> 00200098\n",
		  { { "query 98", "AA63C3" }, { "query 98", "AA63C3" } },
		  FUDA_EDEPARTED, "2", "0 bytes expected, 1 came" },
		{ "a capture that failed before, given back by the same response",
		  "repeat 2\n> 00B0000000\n< 9000 {x=..} {x}\nend\n",
		  { { "00B0000000", "6982" }, { "00B0000000", "01019000" } }, FUDA_EDEPARTED, "3", "9000 expected" },
		{ "a counter", "> 00200098\n< 63C3\n",
		  { { "query 98", "63C2" } }, FUDA_EDEPARTED, "2", "63C3 expected, 63C2" },
		{ "of which nothing is known", "> {x}\n", { { 0 } }, FUDA_EDEPARTED, "2", 
		  "..: it has bytes that are not known" },
		{ "a secret that is not presented, whose place the next would take",
		  SELECT "> 00B0000000\n< 9000 {n=..}\n> 00200098 {n} <secret 4>\n< 63Cx\nverify auth\n",
		  { { JPKI, "9000" }, { "00B0000000", "6982" } }, FUDA_EDEPARTED, "4 6", "needs {n}" },
		{ "what another user's key hashed", "key 00000000\n> 00B0000000\n< 9000 <data 2 0011223344556677>\n",
		  { { "00B0000000", "AABB9000" } }, FUDA_EDEPARTED, "3", "another user" },
		{ "two", "> 00B0000000\n< 9000\n> 00B0000000\n< 9000\n",
		  { { "00B0000000", "6982" }, { "00B0000000", "6983" } },
		  FUDA_EDEPARTED, "2 4", "2 steps" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(&rows[i], &whole, false);
}

static void ends(void **state)
{
	static const struct row rows[] = {
		{ "an error of the reader", "> 00B0000000\n< 9000\n> 00B0000001\n", { { "00B0000000", "!EREMOVED" } },
		  FUDA_EREMOVED, "2" },
		{ "... without a word", "> 00B0000000\n> 00B0000001\n",
		  { { "00B0000000", "!EREADERGONE" } }, FUDA_EREADERGONE, "2" },
		{ "another error than the script's", "> 00B0000000\n! removed\n> 00B0000001\n",
		  { { "00B0000000", "!ETIMEOUT" } },
		  FUDA_ETIMEOUT, "2" },
		{ "a response of one byte", "> 00B0000000\n< 9000\n> 00B0000001\n",
		  { { "00B0000000", "90" } }, FUDA_EFORMAT, "2" },
		{ "a wrong secret", "verify auth\n> 00B0000001\n",
		  { { "verify auth jpki", "63C2" } }, FUDA_EPINWRONG, "2",
		  "9000 expected, 63C2" },
		{ "a wrong secret, said", "verify auth\n< 9000\nverify auth\n",
		  { { "verify auth jpki", "63C2" } }, FUDA_EPINWRONG,
		  "2", "no other try" },
		{ "a wrong secret that may be either", "verify auth\n< 9000|63Cx\nverify auth\n",
		  { { "verify auth jpki", "63C2" } }, FUDA_EPINWRONG, NULL, "no other try" },
		{ "... or anything", "verify auth\n< xxxx\nverify auth\n< xxxx\n",
		  { { "verify auth jpki", "63C2" } }, FUDA_EPINWRONG, NULL, "no other try" },
		{ "a recorded one", SELECT "> 00200098 04 <secret 4>\n< 9000\n> 00B0000001\n",
		  { { JPKI, "9000" }, { "verify auth jpki", "63C2" } }, FUDA_EPINWRONG, "4" },
		{ "blocked by it", "verify auth\n> 00B0000001\n",
		  { { "verify auth jpki", "63C0" } }, FUDA_EPINBLOCKED, "2" },
		{ "not looked at", "verify auth\n> 00B0000001\n",
		  { { "verify auth jpki", "6F00" } }, FUDA_ESW, "2" },
		{ "the last try refused", "verify auth\n< 63Cx\n> 00B0000001\n",
		  { { "verify auth jpki", "!ELASTTRY" } },
		  FUDA_ELASTTRY, "2" },
		{ "an answer that was lost", "verify auth\n< 9000\n> 00B0000001\n",
		  { { "verify auth jpki", "!EUNKNOWN" } },
		  FUDA_EUNKNOWN, "2" },
		/* whatever the script says of it: nobody knows what it has cost */
		{ "... as the script says", "verify auth\n! lost\nverify auth\n",
		  { { "verify auth jpki", "!EUNKNOWN" } }, FUDA_EUNKNOWN, NULL, "no other try" },
		{ "... or takes it, too", "verify auth\n! failed\n> 00B0000001\n",
		  { { "verify auth jpki", "!EUNKNOWN" } }, FUDA_EUNKNOWN, NULL, "script.apdu:2: " },
		{ "... recorded", SELECT "> 00200098 04 <secret 4>\n! lost\n> 00B0000001\n",
		  { { JPKI, "9000" }, { "verify auth jpki", "!EUNKNOWN" } }, FUDA_EUNKNOWN, NULL, "no other try" },
		/* what nobody sent is no failure of the card */
		{ "a failure that is none: memory", "> 00B0000000\n! failed\n> 00B0000001\n",
		  { { "00B0000000", "!ENOMEM" } }, FUDA_ENOMEM, "2" },
		{ "... a form", "verify auth\n! failed\n> 00B0000001\n",
		  { { "verify auth jpki", "!EPINFORM" } }, FUDA_EPINFORM, "2" },
		{ "... the last try", "verify auth\n! failed\n> 00B0000001\n",
		  { { "verify auth jpki", "!ELASTTRY" } }, FUDA_ELASTTRY, "2" },
		{ "... a user", "> 00B0000000\n! failed\n> 00B0000001\n",
		  { { "00B0000000", "!ECANCELLED" } }, FUDA_ECANCELLED, "2" },
		{ "power", "power on\n> 00B0000001\n", { { "power on", "!EMUTE" } }, FUDA_EMUTE, "2" },
		{ "waiting", "wait 1 s\n> 00B0000001\n", { { "wait 1000000", "!ECANCELLED" } }, FUDA_ECANCELLED, "2" },
		{ "a mistake in the script", "> 00B0000000\nnonsense\n",
		  { { 0 } }, FUDA_EFORMAT, NULL, "script.apdu:3:" },
		{ "a response to nothing", "> 00B0000000\n< 9000\n< 9000\n",
		  { { "00B0000000", "9000" } }, FUDA_EFORMAT, NULL,
		  "script.apdu:4:" },
	};
	static const struct row stopped = {
		"told to stop", "> 00B0000000\n< 9000\n> 00B0000001\n",
		  { { "00B0000000", "6982" } }, FUDA_EDEPARTED, "2", "1 step did"
	};
	static const struct row replay = { "a target that departed", "> 00B0000000\n> 00B0000001\n",
					   { { "00B0000000", "!EDEPARTED" } }, FUDA_EDEPARTED, "2", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(&rows[i], &whole, false);
	run_row(&stopped, &whole, true);
	run_row(&replay, &whole, false);
	assert_int_equal(fuda_trace_run(ctx, "/nonexistent/script", NULL, &whole, false, check, NULL), FUDA_EFILE);
}

/* What the target does not have. */
static void not_possible(void **state)
{
	static const struct fuda_trace_target nothing;
	static const char *const scripts[] = { "> 00B0000000\n", "verify auth\n", "> 00200098\n", "power off\n",
					       "wait 1 ms\n", "remove\n", "insert\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		const struct row row = { scripts[i], scripts[i], { { 0 } }, FUDA_ENOTSUP, NULL, "script.apdu:2: " };

		run_row(&row, &nothing, false);
	}
}

/* Nothing of a response that may be personal is said, even where the script knows what it should be. */
static void personal_data_stays(void **state)
{
	static const struct row rows[] = {
		{ "a personal file", "> 00A4040C0A $text\n> 00B0810000\n< 9000 \"123456789018\"\n",
		  { { "00A4040C0AD3921000310001010408", "9000" }, { "00B0810000", "3938373635343332313039339000" } },
		  FUDA_EDEPARTED, "3", "from offset 0 on" },
		{ "a file that is not known", "> 00B0810000\n< 9000 \"123456789018\"\n",
		  { { "00B0810000", "3938373635343332313039339000" } }, FUDA_EDEPARTED, "2", "from offset 0 on" },
		{ "a pattern on a public file", SELECT "> 00B0880000\n< 9000 8F 8F ..\n",
		  { { JPKI, "9000" }, { "00B0880000", "3938379000" } }, FUDA_EDEPARTED, "4", "from offset 0 on" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct play p = { .next = rows[i].events };
		struct fuda_trace_target target = whole;

		run_row(&rows[i], &whole, false);
		write_file(path, rows[i].script);
		target.arg = &p;
		assert_int_equal(fuda_trace_run(ctx, path, NULL, &target, false, check, &p), FUDA_EDEPARTED);
		assert_null(strstr(p.told, "39"));
		assert_null(strstr(p.told, "987"));
		assert_null(strstr(p.told, "123456"));
	}
}

/* A recording of the same user, whose hashes can be compared. */
static void hashes(void **state)
{
	static const uint8_t data[] = { 0xAA, 0xBB };
	struct trace_keyring *k;
	uint8_t hash[TRACE_HASH];
	char script[256], id[9], hex[2 * TRACE_HASH + 1];

	(void)state;
	assert_int_equal(trace_keyring_open(ctx, &k), 0);
	assert_int_equal(trace_hash(k, data, sizeof(data), hash), 0);
	fuda_hex_encode(trace_keyring_id(k), 4, id);
	fuda_hex_encode(hash, sizeof(hash), hex);
	trace_keyring_free(&k);
	snprintf(script, sizeof(script), "key %s\n> 00B0000000\n< 9000 <data 2 %s>\n", id, hex);
	run_row(&(struct row){ "the same", script, { { "00B0000000", "AABB9000" } } }, &whole, false);
	run_row(&(struct row){ "another", script, { { "00B0000000", "AABC9000" } }, FUDA_EDEPARTED, "3", NULL }, &whole,
		false);
	run_row(&(struct row){ "longer", script,
		  { { "00B0000000", "AABBCC9000" } }, FUDA_EDEPARTED, "3", NULL }, &whole,
		false);
	snprintf(script, sizeof(script), "key %s\n> 00D60000 02 <data 2 %s>\n< 9000\n", id, hex);
	run_row(&(struct row){ "a command that is not shown", script,
		  { { 0 } }, FUDA_EDEPARTED, "3", "with --raw" }, &whole,
		false);
}

/* One name more than there is room for. */
static void captures_too_many(void **state)
{
	struct event one = { "00B0000000", NULL };
	char script[8192] = "> 00B0000000\n< 9000", answer[2 * 300 + 1] = "";
	struct row row = { "257 captures", script, { one }, FUDA_EDEPARTED, "2", "more than 256 names" };

	(void)state;
	for (unsigned i = 0; i < 257; i++) {
		sprintf(script + strlen(script), "\n {n%u=..}", i);
		strcat(answer, "00");
	}
	strcat(script, "\n");
	strcat(answer, "9000");
	row.events[0].gives = answer;
	run_row(&row, &whole, false);
}

static void included(void **state)
{
	char other[64];
	const struct row row = { "included", "include \"select.apdu\"\n> 00B0880000\n< 9000\n",
				 { { JPKI, "6A82" }, { "00B0880000", "9000" } }, FUDA_EDEPARTED, "2", "SELECT" };

	(void)state;
	snprintf(other, sizeof(other), "%s/select.apdu", dir);
	write_file(other, SELECT);
	run_row(&row, &whole, false);
}

/* ---- reading through ---- */

static int secret(void *arg, enum fuda_pin pin, const char *application, bool wrong)
{
	char *told = arg;
	size_t used = strlen(told);

	if (used > 60)
		return FUDA_ETOOBIG;
	snprintf(told + used, 100 - used, "%s%s.%s ", wrong ? "!" : "", application, fuda_pin_name(pin));
	return 0;
}

static void tells_secrets(void **state)
{
	static const struct {
		const char *script, *told;
		int result;
	} rows[] = {
		{ SELECT "> 00B0000000\n", "", 0 },
		{ "verify auth\nverify sign\n< 63Cx\nverify a\n< 9000|63Cx\n", "jpki.auth !jpki.sign text.a ", 0 },
		{ "repeat 3\nverify auth\nend\n", "jpki.auth jpki.auth jpki.auth ", 0 },
		{ "repeat 30\nverify auth\nend\n",
		  "jpki.auth jpki.auth jpki.auth jpki.auth jpki.auth jpki.auth jpki.auth ",
		  FUDA_ETOOBIG },
		{ "> 00A4040C0A $face\n< 9000\nverify b\n> 00A4040C0A $text\n< 6A82\nverify b\n", "face.b text.b ", 0 },
		{ SELECT "> 00200098 04 <secret 4>\n< 63C2\n> 0020009B <typed>\n", "!jpki.auth jpki.sign ", 0 },
		{ "> 00B0000000\n< 9000 {x=..}\n> 00B00000 {x}\nverify auth\n", "jpki.auth ", 0 },
		{ "remove\ninsert\nwait 1000 s\nverify auth\n! lost\n", "jpki.auth ", 0 },
		/* what a script must not have */
		{ "verify auth\n> 00200098 04 31323334\n", "jpki.auth ", FUDA_EFORMAT },
		{ "> 0020009806313233\n", "", FUDA_EFORMAT },
		{ "> 0020019804 30303030\n", "", FUDA_EFORMAT },
		{ "> 00240198 04 30303030\n", "", FUDA_EFORMAT },
		{ SELECT "> 00240198 04 <secret 4>\n", "", FUDA_EPINCOMMAND },
		{ "> 8032009C 04 <secret 4>\n", "", FUDA_EPINCOMMAND },
		{ "> 8054009C 00\n", "", FUDA_EPINCOMMAND },
		{ "> 10200098 02 3132\n", "", FUDA_EFORMAT },
		{ "> 08200091 13 861101 00112233445566778899AABBCCDDEEFF\n", "", FUDA_EFORMAT },
		{ "> 00C20000 05 0020009800\n", "", FUDA_EFORMAT },
		{ "> FFFF0000\n", "", FUDA_EPINCOMMAND },
		{ "> 00B0000000\n< 9000 {x=*}\n> 00200098 04 {x}\n", "", FUDA_EPINCOMMAND },
		{ "> 00200098 04 <secret 4>\n", "", FUDA_EPINCOMMAND }, /* whose? */
		{ SELECT "> 00200080 04 <secret 4>\n", "", FUDA_EPINCOMMAND },
		{ SELECT "> 0020009F 04 <secret 4>\n", "", FUDA_EPINCOMMAND },
		{ "> 00D60000 04 <secret 4>\n", "", FUDA_EPINCOMMAND },
		{ "> 00B000\n", "", FUDA_EFORMAT },
		{ "< 9000\n", "", FUDA_EFORMAT },
		{ "verify nobody\n", "", FUDA_EFORMAT },
		{ "verify auth\nnonsense\n", "", FUDA_EFORMAT },
		{ "repeat 2\n", "", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char told[100] = "";
		int r;

		print_message("%s\n", rows[i].script);
		write_file(path, rows[i].script);
		r = fuda_trace_secrets(ctx, path, NULL, secret, told);
		if (r != rows[i].result)
			fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(ctx));
		if (rows[i].result != FUDA_EFORMAT)
			assert_string_equal(told, rows[i].told);
		if (r < 0)
			assert_null(strstr(fuda_context_message(ctx), "3132"));
		if (r == FUDA_EPINCOMMAND)
			assert_non_null(strstr(fuda_context_message(ctx), "script.apdu:"));
	}
	assert_int_equal(fuda_trace_secrets(ctx, "/nonexistent/script", NULL, secret, NULL), FUDA_EFILE);
}

/* Whoever cancels need not wait for a script that repeats. */
static void cancelled(void **state)
{
	struct play p = { .next = &(struct event){ NULL, NULL } };
	struct fuda_trace_target target = whole;
	struct fuda_deadline *dl;
	char told[100] = "";

	(void)state;
	write_file(path, "verify auth\nrepeat 1000000\n> 00B0000000\n! failed\nend\n");
	target.arg = &p;
	assert_int_equal(fuda_deadline_new(0, &dl), 0);
	assert_int_equal(fuda_trace_secrets(ctx, path, dl, secret, told), 0); /* its time does not count */
	assert_string_equal(told, "jpki.auth ");
	fuda_deadline_cancel(dl);
	assert_int_equal(fuda_trace_secrets(ctx, path, dl, secret, told), FUDA_ECANCELLED);
	assert_int_equal(fuda_trace_run(ctx, path, dl, &target, false, check, &p), FUDA_ECANCELLED);
	assert_string_equal(told, "jpki.auth ");
	assert_int_equal(p.steps, 0);
	fuda_deadline_free(&dl);
}

/* What is only seen when it is sent is not sent either. */
static void dynamic_secret_commands(void **state)
{
	static const struct row rows[] = {
		{ "an instruction that was captured", "> 00B0000000\n< 9000 {i=..}\n> 00 {i} 0098 04 30303030\n",
		  { { "00B0000000", "209000" } }, FUDA_EPINCOMMAND, NULL, "script.apdu:4: " },
		{ "a whole command", "> 00B0000000\n< 9000 {c=*}\n> {c}\n", { { "00B0000000", "002400980431323334"
		  "9000" } }, FUDA_EPINCOMMAND, NULL, "script.apdu:4: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(&rows[i], &whole, false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(presents_secrets),
		cmocka_unit_test(fails),
		cmocka_unit_test(ends),
		cmocka_unit_test(not_possible),
		cmocka_unit_test(personal_data_stays),
		cmocka_unit_test(hashes),
		cmocka_unit_test(captures_too_many),
		cmocka_unit_test(included),
		cmocka_unit_test(tells_secrets),
		cmocka_unit_test(dynamic_secret_commands),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
