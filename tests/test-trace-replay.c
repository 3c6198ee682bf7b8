/* SPDX-License-Identifier: Apache-2.0 */
/* Traces that answer: in their order and in any, what departs from them and where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "reader/driver.h"
#include "tests/replay.h"
#include "trace/replay.h"

static char folder[] = "/tmp/fuda-replay.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	setenv("HOME", folder, 1);
	unsetenv("XDG_CONFIG_HOME");
	return fuda_context_new(&ctx);
}

static int tear_down(void **state)
{
	static const char *const names[] = { "t", "u", ".config/fuda/trace.key", ".config/fuda", ".config" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove(names[i]);
	fuda_context_free(&ctx);
	return rmdir(folder);
}

/* ---- scenes ---- */

/* What the program does: a command in hexadecimal, "typed " and a header, or "power " and how. What it
 * gets: an answer in hexadecimal, or an error and a part of its message. */
struct act {
	const char *does;
	const char *gets;
	int error;
};

enum { ACTS = 8 };
struct scene {
	const char *trace;
	struct act acts[ACTS];
	const char *left; /* that was never asked for: a part of what is said at the end */
	bool loose, powerless;
};

static int do_act(struct trace_replay *t, const char *does, struct fuda_buf *response)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(70000);
	bool typed = strncmp(does, "typed ", 6) == 0;
	uint64_t took = 0;

	if (strncmp(does, "power ", 6) == 0)
		return trace_replay_power(t, does + 6);
	assert_int_equal(fuda_hex_decode(typed ? does + 6 : does, &command), 0);
	return trace_replay_command(t, command.data, command.len, typed, response, &took);
}

static void play_act(struct trace_replay *t, const struct act *a)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(70000);
	char hex[400];
	int e = do_act(t, a->does, &response);

	if (e != a->error)
		fail_msg("%s: %s (%s)", a->does, fuda_error_name(e), fuda_context_message(ctx));
	fuda_hex_encode(response.data, response.len, hex);
	if (e == 0)
		assert_string_equal(hex, a->gets ? a->gets : "");
	else if (a->gets)
		says(a->gets);
}

static void play(const struct scene *s)
{
	struct trace_replay *t;
	bool ended = false;
	int e;

	write_file("t", s->trace);
	if (trace_replay_open(ctx, "t", s->loose, NULL, &t) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	if (s->powerless)
		trace_replay_ignore_power(t);
	for (size_t i = 0; i < ACTS && s->acts[i].does; i++) {
		play_act(t, &s->acts[i]);
		ended = *trace_replay_why(t) != 0;
	}
	if (ended) /* for good, and with the same words */
		play_act(t, &(struct act){ "00840000", trace_replay_why(t), trace_replay_finish(t) });
	assert_int_equal(trace_replay_over(t), ended || !s->left);
	e = trace_replay_finish(t);
	if (!ended)
		assert_int_equal(e, s->left ? FUDA_EDEPARTED : 0);
	if (s->left)
		says(s->left);
	trace_replay_free(&t);
}

#define JPKI    "00A4040C0AD392F000260100000001"
#define TEXT    "00A4040C0AD3921000310001010408"
#define FILE_6  "00A4020C020006"
#define FILE_A  "00A4020C02000A"
#define READ    "00B0000004"
#define DEPARTS FUDA_EDEPARTED

#define SHORT_TRACE                                   \
	"> 00 A4 04 0C 0A $jpki\n< 9000 (1.234 ms)\n" \
	"> 00 A4 02 0C 02 00 06\n< 9000\n"            \
	"> 00 B0 00 00 04\n< 9000 \"JPKI\"\n"

static const struct scene in_order[] = {
	{ SHORT_TRACE, { { JPKI, "9000" }, { FILE_6, "9000" }, { READ, "4A504B499000" } } },
	/* one fewer, one more, another one, another order */
	{ SHORT_TRACE,
	  { { JPKI, "9000" }, { FILE_6, "9000" } },
	  "t:6: The program ended; the trace goes on with READ BINARY" },
	{ SHORT_TRACE, { { NULL } }, "t:2: The program ended; the trace goes on with SELECT jpki" },
	{ SHORT_TRACE,
	  { { JPKI, "9000" },
	    { FILE_6, "9000" },
	    { READ, "4A504B499000" },
	    { READ, "t:7: The trace ends here; the program sent READ BINARY token (00 B0 00 00 04).", DEPARTS } } },
	{ SHORT_TRACE, { { TEXT, "t:2: The trace has SELECT jpki (00 A4 04 0C 0A D3", DEPARTS } } },
	{ SHORT_TRACE, { { TEXT, "the program sent SELECT text (00 A4 04 0C 0A D3", DEPARTS } } },
	{ SHORT_TRACE,
	  { { JPKI, "9000" }, { READ, "t:4: The trace has SELECT token (00 A4 02 0C 02 00 06) here", DEPARTS } } },
	{ SHORT_TRACE,
	  { { JPKI, "9000" }, { FILE_6, "9000" }, { FILE_6, "t:6: The trace has READ BINARY token", DEPARTS } } },
	{ SHORT_TRACE, { { "00A4", NULL, DEPARTS } } },
	{ "", { { "00840000", "t: The trace ends here", DEPARTS } } },
	/* patterns in commands, and what they capture */
	{ "> 00 84 00 00 {n=..}\n< 9000 01 {n}\n", { { "0084000008", "01089000" } } },
	{ "> 00 88 00 00 08 ..{8} 00\n< 9000\n",
	  { { "0088000008"
	      "0102030405060708"
	      "00",
	      "9000" } } },
	{ "> 00 88 00 00 08 ..{8} 00\n< 9000\n",
	  { { "0088000007"
	      "01020304050607"
	      "00",
	      "t:2: ", DEPARTS } } },
	{ "> 00 20 00 98 04 <secret 4>\n< 63C2\n", { { "002000980431323334", "63C2" } } },
	/* of a secret no byte is told */
	{ "> 00 A4 04 0C 0A $jpki\n< 9000\n> 00 20 00 98 04 <secret 4>\n< 63C2\n",
	  { { JPKI, "9000" },
	    { "00200098053132333435",
	      "(00 20 00 98 and 5 bytes) here; the program sent VERIFY auth (00 20 00 98 and 6 bytes)", DEPARTS } } },
	{ "> 00 20 00 98 04 ..{4} ..\n< 9000\n",
	  { { "002000980431323335", "VERIFY (00 20 00 98 and 5 bytes).", DEPARTS } } },
	{ "> 80 2A 00 80 04 01 02 03 04 00\n< 9000\n",
	  { { "802A0080040102FF0400", "sent another one, which differs from byte 8 on", DEPARTS } } },
	/* typed on the reader */
	{ "> 00 20 00 98 <typed>\n< 9000\n", { { "typed 00200098", "9000" } } },
	{ "> 00 20 00 98 <typed> # by a person\n< 9000\n", { { "typed 00200098", "9000" } } },
	{ "> 00 20 00 98 <typed>\n< 9000\n", { { "00200098", "<typed>) here", DEPARTS } } },
	{ "> 00 20 00 98\n< 63C3\n", { { "typed 00200098", "<typed>).", DEPARTS } } },
	{ "> 00 20 00 98 <typed>\n< 9000\n", { { "typed 0020009B", NULL, DEPARTS } } },
	{ "> 00 20 00 98 <typed>\n< 9000\n", { { "002000980431323334", NULL, DEPARTS } } },
	/* "verify auth" of a script */
	{ "> 00 A4 04 0C 0A $jpki\n< 9000\nverify auth\n< 9000\n",
	  { { JPKI, "9000" }, { "002000980431323334", "9000" } } },
	{ "> 00 A4 04 0C 0A $jpki\n< 9000\nverify auth\n< 9000\n", { { JPKI, "9000" }, { "typed 00200098", "9000" } } },
	{ "> 00 A4 04 0C 0A $jpki\n< 9000\nverify auth\n< 9000\n",
	  { { JPKI, "9000" }, { "0020009B06414243313233", "t:4: The trace has verify auth here", DEPARTS } } },
	/* include, repeat, names */
	{ "name ef = 00 06\nrepeat 2\n> 00 A4 02 0C 02 $ef\n< 9000\nend\n",
	  { { FILE_6, "9000" }, { FILE_6, "9000" }, { FILE_6, "t:5: The trace ends here", DEPARTS } } },
	{ "> 00 84 00 00 01\n< 9000 00\ninclude \"u\"\n",
	  { { "0084000001", "009000" },
	    { "0084000002", "00009000" },
	    { READ, "The trace ends here; the program sent READ BINARY", DEPARTS } } },
	{ "wait 5 s\n# pause\n\nremove\ninsert\n> 00 84 00 00 01\n< 9000 00\n", { { "0084000001", "009000" } } },
	/* the first reader's alone */
	{ "reader \"one\"\n> 00 84 00 00 01\n< 9000 01\nreader \"two\"\natr 3B 00\n> 00 84 00 00 01\n< 9000 02\n"
	  "reader \"one\"\n> 00 84 00 00 01\n< 9000 03\n",
	  { { "0084000001", "019000" }, { "0084000001", "039000" } } },
	/* what failed fails */
	{ "> 00 84 00 00\n! removed\n> 00 84 00 00\n! lost\n",
	  { { "00840000", NULL, FUDA_EREMOVED }, { "00840000", NULL, FUDA_ETRANSPORT } } },
	{ "> 00 84 00 00\n! reset\n> 00 84 00 00\n! mute\n",
	  { { "00840000", "t:3: ", FUDA_ERESET }, { "00840000", "t:5: ", FUDA_EMUTE } } },
	{ "> 00 84 00 00\n! gone\n> 00 84 00 00\n! failed\n",
	  { { "00840000", NULL, FUDA_EREADERGONE }, { "00840000", NULL, FUDA_EFAILED } } },
	{ "> 00 84 00 00\n! timeout\n> 00 84 00 00\n! cancelled\n",
	  { { "00840000", NULL, FUDA_ETIMEOUT }, { "00840000", NULL, FUDA_ECANCELLED } } },
};

/* Traces that are no recordings, or tell too little. */
static const struct scene unanswerable[] = {
	{ "> 00 84 00 00\n", { { "00840000", "t:2: A command here has no response", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\n> 00 84 00 00\n< 9000\n",
	  { { "00840000", "t:3: A command here has no response", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\npower off\n", { { "00840000", "t:3: A command here has no response", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\n< 9000|6A82\n",
	  { { "00840000", "t:3: This response may have more than one status", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\n< 63Cx\n",
	  { { "00840000", "t:3: This response may have more than one status", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\n< xxxx\n",
	  { { "00840000", "t:3: This response may have more than one status", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\n< 9000 ..\n",
	  { { "00840000", "t:3: This response may be more than one thing", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\n< 9000 *\n",
	  { { "00840000", "t:3: This response may be more than one thing", FUDA_EFORMAT } } },
	{ "> 00 84 00 00\n< 9000 <data 8 0011223344556677>\n",
	  { { "00840000", "t:3: This response is not shown in the trace", DEPARTS } } },
	{ "> 00 84 00 00\n< 9000 00 <data 8 0011223344556677> 00\n", { { "00840000", "--raw", DEPARTS } } },
	{ "> 00 D6 00 00 01 <data 1 0011223344556677>\n< 9000\n",
	  { { "00D600000101", "t:2: This command is not shown in the trace, and its hash was made with another key",
	      DEPARTS } } },
	{ "key 00 00 00 00\n> 00 D6 00 00 01 <data 1 0011223344556677>\n< 9000\n",
	  { { "00D600000101", "another key", DEPARTS } } },
	{ "> 00 84 00 00 ..{0-9} ..{0-9} ..{0-9} ..{0-9} ..{0-9} ..{0-9} ..{0-9} ..{0-9} FF\n< 9000\n",
	  { { "00840000"
	      "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
	      "t:2: This pattern takes too long", FUDA_ETOOBIG } } },
	{ "> 00 84 00 00\n< 9000\n> 00 84 00\n< 9000\n",
	  { { "00840000", "9000" }, { "00840000", "t:4:", FUDA_EFORMAT } } },
};

static const struct scene powers[] = {
	{ "power on\n> 00 84 00 00\n< 9000\npower off\n", { { "power on" }, { "00840000", "9000" }, { "power off" } } },
	/* before the first command it does not matter who says it */
	{ "power on\n> 00 84 00 00\n< 9000\n", { { "00840000", "9000" } } },
	{ "> 00 84 00 00\n< 9000\n", { { "power on" }, { "00840000", "9000" } } },
	{ "power off\n> 00 84 00 00\n< 9000\n", { { "00840000", "t:2: The trace has power off here", DEPARTS } } },
	/* but then it does */
	{ "> 00 84 00 00\n< 9000\npower on\n> 00 84 00 00\n< 9000\n",
	  { { "00840000", "9000" },
	    { "00840000", "t:4: The trace has power on here; the program sent GET CHALLENGE", DEPARTS } } },
	{ "> 00 84 00 00\n< 9000\n> 00 84 00 00\n< 9000\n",
	  { { "00840000", "9000" },
	    { "power on",
	      "t:4: The trace has GET CHALLENGE (00 84 00 00) here; the program changed the card's power (on)",
	      DEPARTS } } },
	{ "> 00 84 00 00\n< 9000\npower off\n",
	  { { "00840000", "9000" }, { "power reset", "t:4: The trace has power off here", DEPARTS } } },
	{ "> 00 84 00 00\n< 9000\n", { { "00840000", "9000" }, { "power off", "t:3: The trace ends here", DEPARTS } } },
	{ "> 00 84 00 00\n< 9000\npower off\n",
	  { { "00840000", "9000" } },
	  "t:4: The program ended; the trace goes on with power off" },
	/* where a service decides it, it does not */
	{ "power on\n> 00 84 00 00\n< 9000\npower off\npower on\n> 00 84 00 00\n< 9001\npower off\n",
	  { { "00840000", "9000" }, { "power reset" }, { "00840000", "9001" }, { "power off" } },
	  NULL,
	  false,
	  true },
	{ "power on\n> 00 84 00 00\n< 9000\n", { { "power off" } }, "t:3: ", false, true },
};

#define LOOSE NULL, true
static const struct scene any_order[] = {
	{ SHORT_TRACE, { { READ, "4A504B499000" }, { FILE_6, "9000" }, { JPKI, "9000" } }, LOOSE },
	{ SHORT_TRACE,
	  { { JPKI, "9000" }, { "power off" }, { READ, "4A504B499000" } },
	  "t:4: The program ended and never sent SELECT token",
	  true },
	/* where it was recorded, before another place that it might be */
	{ "> 00 A4 04 0C 0A $text\n< 9000\n> 00 A4 02 0C 02 0005\n< 9000\n> 00 B0 00 00 02\n< 9000 CCCC\n"
	  "> 00 A4 02 0C 02 0077\n< 6A82\n> 00 B0 00 00 02\n< 6986\n",
	  { { TEXT, "9000" },
	    { "00A4020C020077", "6A82" },
	    { "00B0000002", "6986" },
	    { "00B0000002", "6986" },
	    { "00A4020C020005", "9000" },
	    { "00B0000002", "CCCC9000" } },
	  LOOSE },
	/* what goes on with a file that was read, and with none */
	{ "> 00 A4 04 0C 0A $jpki\n< 9000\n> 00 B0 8A 00 04\n< 6104\n> 00 C0 00 00 04\n< 9000 01020304\n",
	  { { JPKI, "9000" }, { "00B08A0004", "6104" } },
	  "t:6: The program ended and never sent GET RESPONSE auth-certificate (00 C0 00 00 04).",
	  true },
	{ "> 00 84 00 00\n< 9000\n> 00 C0 00 00 04\n< 9000 01020304\n",
	  { { "00840000", "9000" } },
	  "t:4: The program ended and never sent GET RESPONSE (00 C0 00 00 04).",
	  true },
	{ SHORT_TRACE, { { TEXT, "t: The program sent SELECT text (00 A4 04 0C 0A D3", DEPARTS } }, LOOSE },
	{ SHORT_TRACE,
	  { { JPKI, "9000" }, { FILE_A, "t:2: After this the program sent SELECT auth-certificate", DEPARTS } },
	  LOOSE },
	/* the next unused time, then the last one */
	{ "> 00 84 00 00 01\n< 9000 01\n> 00 84 00 00 01\n< 9000 02\n",
	  { { "0084000001", "019000" }, { "0084000001", "029000" }, { "0084000001", "029000" } },
	  LOOSE },
	/* bytes before patterns */
	{ "> 00 84 00 00 ..\n< 9000 01\n> 00 84 00 00 02\n< 9000 02\n",
	  { { "0084000002", "029000" }, { "0084000002", "019000" }, { "0084000007", "019000" } },
	  LOOSE },
	{ "> 00 20 00 98 04 <secret 4>\n< 63C2\n> 00 20 00 98\n< 63C3\n",
	  { { "00200098", "63C3" }, { "002000980431323334", "63C2" } },
	  LOOSE },
	/* the same bytes to another file are another command */
	{ "> 00 A4 04 0C 0A $jpki\n< 9000\n> 00 A4 02 0C 02 00 06\n< 9000\n> 00 B0 00 00 04\n< 9000 06\n"
	  "> 00 A4 02 0C 02 00 0A\n< 9000\n> 00 B0 00 00 04\n< 9000 0A\n",
	  { { JPKI, "9000" },
	    { FILE_A, "9000" },
	    { READ, "0A9000" },
	    { READ, "0A9000" },
	    { FILE_6, "9000" },
	    { READ, "069000" } },
	  LOOSE },
	{ "> 00 A4 04 0C 0A $jpki\n< 9000\n> 00 A4 02 0C 02 00 0A\n< 9000\n> 00 B0 00 00 04\n< 9000 0A\n"
	  "> 00 A4 02 0C 02 00 06\n< 9000\n",
	  { { JPKI, "9000" },
	    { FILE_6, "9000" },
	    { READ, "t:8: After this the program sent READ BINARY token", DEPARTS } },
	  LOOSE },
	{ "> 00 84 00 00\n! removed\n",
	  { { "00840000", NULL, FUDA_EREMOVED }, { "00840000", NULL, FUDA_EREMOVED } },
	  LOOSE },
	{ "> 00 84 00 00\n> 00 B0 00 00\n< 9000\n",
	  { { "00B00000", "9000" }, { "00840000", "t:2: A command here has no response", FUDA_EFORMAT } },
	  LOOSE },
	{ "> 00 84 00 00\n< 9000 <data 1 0011223344556677>\n",
	  { { "00840000", "t:3: This response is not shown", DEPARTS } },
	  LOOSE },
	{ "> 00 D6 00 00 01 <data 1 0011223344556677>\n< 9000\n", { { "00D600000101", "nowhere", DEPARTS } }, LOOSE },
	{ "reader \"one\"\n> 00 84 00 00\n< 9000\nreader \"two\"\n> 00 84 00 00 01\n< 9000\n",
	  { { "00840000", "9000" }, { "0084000001", "nowhere", DEPARTS } },
	  LOOSE },
	{ "", { { "00840000", "t: The program sent GET CHALLENGE (00 84 00 00), which is nowhere", DEPARTS } }, LOOSE },
};

static void play_all(const struct scene *scenes, size_t count)
{
	write_file("u", "> 00 84 00 00 02\n< 9000 00 00\n");
	for (size_t i = 0; i < count; i++)
		play(&scenes[i]);
}

static void orderly(void **state)
{
	(void)state;
	play_all(in_order, ARRAY_SIZE(in_order));
}

static void not_answered(void **state)
{
	(void)state;
	play_all(unanswerable, ARRAY_SIZE(unanswerable));
}

static void powered(void **state)
{
	(void)state;
	play_all(powers, ARRAY_SIZE(powers));
}

static void loosely(void **state)
{
	(void)state;
	play_all(any_order, ARRAY_SIZE(any_order));
}

/* ---- what opens and what does not ---- */

static void not_opened(void **state)
{
	static const struct {
		const char *trace, *says;
		int error;
		bool loose_only;
	} table[] = {
		{ "> 00\n", "t:2:", FUDA_EFORMAT },
		{ "reader \"a\"\natr\n> 00 84 00 00\n", "t:3:", FUDA_EFORMAT },
		{ "> 00 84 00 00\n< 9000\nnonsense\n", "t:4:", FUDA_EFORMAT, true },
		{ "repeat 2\n> 00 84 00 00\n< 9000\n", "t:", FUDA_EFORMAT, true },
		{ "include \"not-there\"\n", "t:2:", FUDA_EFORMAT },
	};
	struct trace_replay *t = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		write_file("t", table[i].trace);
		if (!table[i].loose_only) {
			assert_int_equal(trace_replay_open(ctx, "t", false, NULL, &t), table[i].error);
			says(table[i].says);
		}
		assert_int_equal(trace_replay_open(ctx, "t", true, NULL, &t), table[i].error);
		says(table[i].says);
	}
	assert_int_equal(trace_replay_open(ctx, "nowhere", false, NULL, &t), FUDA_EFILE);
	assert_int_equal(trace_replay_open(ctx, "/", false, NULL, &t), FUDA_EFILE);
	assert_null(t);
}

/* The key that hashes are compared with is the user's. */
static void keys(void **state)
{
	static const char trace[] = "key 00 00 00 00\n> 00 D6 00 00 01 <data 1 0011223344556677>\n< 9000\n";
	struct trace_keyring *k;
	struct trace_replay *t;
	uint8_t hash[TRACE_HASH];
	char id[9], hex[2 * TRACE_HASH + 1], text[200];

	(void)state;
	assert_int_equal(trace_keyring_open(ctx, &k), 0);
	assert_int_equal(trace_hash(k, (const uint8_t *)"\x55", 1, hash), 0);
	fuda_hex_encode(trace_keyring_id(k), 4, id);
	fuda_hex_encode(hash, sizeof(hash), hex);
	snprintf(text, sizeof(text), "key %s\n> 00 D6 00 00 01 <data 1 %s>\n< 9000\n", id, hex);
	for (int loose = 0; loose < 2; loose++) {
		write_file("t", text);
		assert_int_equal(trace_replay_open(ctx, "t", loose, NULL, &t), 0);
		play_act(t, &(struct act){ "00D600000155", "9000", 0 });
		play_act(t, &(struct act){ "00D600000156", "the program sent", DEPARTS });
		trace_replay_free(&t);
		/* without a key that can be read */
		assert_int_equal(rename(".config/fuda/trace.key", "key"), 0);
		write_file(".config/fuda/trace.key", "no key\n");
		write_file("t", trace);
		assert_int_equal(trace_replay_open(ctx, "t", loose, NULL, &t), 0);
		play_act(t, &(struct act){ "00D600000155", "trace.key", FUDA_EFILE });
		trace_replay_free(&t);
		assert_int_equal(rename("key", ".config/fuda/trace.key"), 0);
	}
	trace_keyring_free(&k);
}

static void facts(void **state)
{
	const struct trace_facts *f;
	struct trace_replay *t;

	(void)state;
	write_file("t", "program \"x\"\ntoken card\nreader \"pcsc:A\"\natr 3B 88 80 01\nprotocol T=1\nsizes 261 "
			"258\npad both\n"
			"> 00 84 00 00\n< 9000\npower reset\natr 3B 00\npad modify\n> 00 84 00 00\n< 9000\n");
	assert_int_equal(trace_replay_open(ctx, "t", false, NULL, &t), 0);
	f = trace_replay_facts(t);
	assert_string_equal(f->reader, "pcsc:A");
	assert_string_equal(f->protocol, "T=1");
	assert_int_equal(f->atr_len, 4);
	assert_memory_equal(f->atr, "\x3B\x88\x80\x01", 4);
	assert_int_equal(f->max_command, 261);
	assert_int_equal(f->max_response, 258);
	assert_int_equal(f->pad, READER_PAD_VERIFY | READER_PAD_MODIFY);
	play_act(t, &(struct act){ "00840000", "9000", 0 });
	play_act(t, &(struct act){ "power reset", NULL, 0 });
	assert_int_equal(f->atr_len, 2);
	assert_int_equal(f->pad, READER_PAD_MODIFY);
	trace_replay_free(&t);
	write_file("t", "");
	assert_int_equal(trace_replay_open(ctx, "t", false, NULL, &t), 0);
	f = trace_replay_facts(t);
	assert_null(f->reader);
	assert_null(f->protocol);
	assert_int_equal(f->atr_len, 5);
	assert_int_equal(f->max_command, 65544);
	assert_int_equal(f->pad, 0);
	trace_replay_free(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(orderly), cmocka_unit_test(not_answered), cmocka_unit_test(powered),
		cmocka_unit_test(loosely), cmocka_unit_test(not_opened),   cmocka_unit_test(facts),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, set_up, tear_down);
}
