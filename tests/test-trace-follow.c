/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "tests/cmocka.h"
#include "trace/follow.h"

#define JPKI   "00A4040C0AD392F000260100000001 9000;"
#define PHONE "00A4040C07A0000002480400 9000;"
#define TEXT   "00A4040C0AD3921000310001010408 9000;"
#define COMMON "00A4040C0AD3921000310001010100 9000;"
#define CA     "00A4020C020002 9000;" /* in jpki a CA certificate, in text the attributes */
#define READ   "00B0000000"

/* Has `f` follow "COMMAND SW;COMMAND SW;..."; "reset;" is a reset. */
static void follow(struct trace_follow *f, const char *what)
{
	while (*what) {
		const char *end = strchr(what, ';');
		struct fuda_buf command = FUDA_BUF_INIT(400);
		char hex[800] = "";

		assert_non_null(end);
		if (strncmp(what, "reset", 5) == 0) {
			trace_follow_reset(f);
		} else {
			memcpy(hex, what, (size_t)(end - what) - 5);
			assert_int_equal(fuda_hex_decode(hex, &command), 0);
			trace_follow(f, command.data, command.len, (uint16_t)strtoul(end - 4, NULL, 16));
		}
		fuda_buf_free(&command);
		what = end + 1;
	}
}

static struct trace_about about(const struct trace_follow *f, const char *hex)
{
	struct fuda_buf command = FUDA_BUF_INIT(400);
	struct trace_about a;

	memset(&a, 0x5A, sizeof(a));
	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	trace_about(f, command.data, command.len, &a);
	assert_non_null(a.name);
	fuda_buf_free(&command);
	return a;
}

/* What a command is, by itself. */
static const struct {
	const char *command;
	enum trace_command_kind kind;
	const char *name;
} known[] = {
	{ "00A4040C0AD392F000260100000001", TRACE_IS_SELECT, "SELECT" },
	{ "00A4020C020002", TRACE_IS_SELECT, "SELECT" },
	{ READ, TRACE_IS_READ, "READ BINARY" },
	{ "00B08A00000000", TRACE_IS_READ, "READ BINARY" },
	{ "00B2010400", TRACE_IS_READ, "READ RECORD" },
	{ "00CA00F200", TRACE_IS_GET_DATA, "GET DATA" },
	{ "00C0000010", TRACE_IS_GET_RESPONSE, "GET RESPONSE" },
	{ "0084000008", TRACE_IS_CHALLENGE, "GET CHALLENGE" },
	{ "00200098", TRACE_IS_TRIES, "VERIFY" },
	{ "0020009800", TRACE_IS_TRIES, "VERIFY" },
	{ "002000980431323334", TRACE_IS_VERIFY, "VERIFY" },
	{ "0020009800000431323334", TRACE_IS_VERIFY, "VERIFY" },
	{ "0024018004313233", TRACE_IS_PIN, "" },     /* malformed */
	{ "002401800431323334", TRACE_IS_PIN, "CHANGE REFERENCE DATA" },
	{ "803200800431323334", TRACE_IS_PIN, "CHANGE KEY" },
	{ "805400800431323334", TRACE_IS_PIN, "UNLOCK KEY" },
	{ "00C2000009002000980431323334", TRACE_IS_PIN, "ENVELOPE" },
	{ "00C3000009002000980431323334", TRACE_IS_PIN, "ENVELOPE" },
	{ "00D6000002AABB", TRACE_IS_OTHER, "UPDATE BINARY" },
	{ "802A0097015500", TRACE_IS_SIGN, "COMPUTE DIGITAL SIGNATURE" },
	{ "00880099015500", TRACE_IS_SIGN, "INTERNAL AUTHENTICATE" },
	/* PIN commands that are not what they should be */
	{ "0020009831323334", TRACE_IS_PIN, "" },
	{ "00200098043132333400", TRACE_IS_PIN, "VERIFY" },   /* with Le */
	{ "002000980331323334", TRACE_IS_PIN, "VERIFY" },     /* its last digit as Le */
	{ "0020009831", TRACE_IS_PIN, "VERIFY" },	      /* a digit as Le */
	{ "002001980431323334", TRACE_IS_PIN, "VERIFY" },
	{ "102000980431323334", TRACE_IS_PIN, "VERIFY" },     /* chained */
	{ "082000980431323334", TRACE_IS_PIN, "VERIFY" },     /* wrapped */
	{ "012000980431323334", TRACE_IS_PIN, "" },	      /* on another channel */
	{ "602000980431323334", TRACE_IS_PIN, "" },
	{ "FF2000980431323334", TRACE_IS_PIN, "" },
	{ "FF00000004D44A0100", TRACE_IS_PIN, "" },	      /* passed on by the reader */
	{ "0020", TRACE_IS_PIN, "" },
	{ "0021009804313233", TRACE_IS_PIN, "" },
	/* what is on other channels, chained or wrapped is nothing that is known */
	{ "01A4040C0AD392F000260100000001", TRACE_IS_OTHER, "" },
	{ "10A4040C0AD392F000260100000001", TRACE_IS_OTHER, "SELECT" },
	{ "10B0000000", TRACE_IS_OTHER, "READ BINARY" },
	{ "80B0000000", TRACE_IS_OTHER, "" },
	{ "08B0000007960300000000", TRACE_IS_OTHER, "" }, /* malformed */
	{ "08B0000005960300000000", TRACE_IS_SECURE, "" },
	{ "0CB0000000", TRACE_IS_SECURE, "READ BINARY" },
	{ "60B0000000", TRACE_IS_SECURE, "" },
	{ "40B0000000", TRACE_IS_OTHER, "" },
	{ "00B10000045402000000", TRACE_IS_OTHER, "" },
	{ "FFCA000000", TRACE_IS_OTHER, "" },
	{ "00A404", TRACE_IS_OTHER, "" },
	{ "", TRACE_IS_OTHER, "" },
};

static void kinds(void **state)
{
	const struct trace_follow f = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct trace_about a = about(&f, known[i].command);

		if (a.kind != known[i].kind)
			fail_msg("%s is a %d", known[i].command, a.kind);
		/* of "08" etc. the name may be known, and need not */
		if (*known[i].name)
			assert_string_equal(a.name, known[i].name);
		assert_null(a.file);
		assert_null(a.secret);
	}
}

/* What is read, after what was done. */
static const struct {
	const char *done, *command, *application;
	uint16_t fid; /* 0: no file that is known */
} paths[] = {
	{ JPKI CA, READ, "jpki", 2 },
	{ TEXT CA, READ, "text", 2 },
	{ JPKI, "00B0820000", "jpki", 2 },
	{ JPKI "00B0820000 9000;", "00B0010000", "jpki", 2 },
	{ JPKI CA READ " 9000;" READ " 6B00;", READ, "jpki", 2 },
	{ JPKI CA READ " 6C20;", "00B0000020", "jpki", 2 },
	{ COMMON, "00B2010C00", "common", 1 },
	{ COMMON "00A4020C020001 9000;", "00B2010400", "common", 1 },
	{ JPKI CA "0084000008 9000;", READ, "jpki", 2 },
	{ JPKI CA "00200080 63C3;", READ, "jpki", 2 },
	{ JPKI CA "00B00000FF 61FF;", "00C00000FF", "jpki", 2 },
	{ JPKI CA "00B00000FF 61FF;00C00000FF 6110;", "00C0000010", "jpki", 2 },
	{ JPKI CA "00EE0000 6D00;", READ, "jpki", 2 },
	{ "00A404000AD392F000260100000001 9000;" CA, READ, "jpki", 2 },
	{ "00A4040C0AD392F000260100000001 6110;" CA, READ, "jpki", 2 },
	/* nothing selected, or nobody knows */
	{ "", READ, NULL, 0 },
	{ "", "00B0820000", NULL, 0 },
	{ JPKI, READ, "jpki", 0 },
	{ CA, READ, NULL, 0 },
	{ JPKI CA "reset;", READ, NULL, 0 },
	{ JPKI CA "reset;", "00B0820000", NULL, 0 },
	/* what failed */
	{ "00A4040C0AD392F000260100000001 6A82;" CA, READ, NULL, 0 },
	{ JPKI "00A4040C0AD3921000310001010408 6A82;" CA, READ, NULL, 0 },
	{ JPKI CA "00A4020C020001 6A82;", READ, "jpki", 0 },
	{ JPKI "00B0820000 6982;", READ, "jpki", 0 },
	/* a beginning of an AID, more than an AID, the next one */
	{ "00A4040C09D39210003100010104 9000;" CA, READ, NULL, 0 },
	{ JPKI "00A4040C01D3 9000;" CA, READ, NULL, 0 },
	{ "00A4040C0BD392F00026010000000100 9000;" CA, READ, NULL, 0 },
	{ "00A4040E0AD392F000260100000001 9000;" CA, READ, NULL, 0 },
	{ JPKI "00A4040C05A000000001 9000;" CA, READ, NULL, 0 },
	/* by a path, by the parent, by identifier of whatever it is, and files that the card has not */
	{ JPKI CA "00A4080C047F100002 9000;", READ, NULL, 0 },
	{ JPKI CA "00A40300 9000;", READ, NULL, 0 },
	{ JPKI CA "00A4000C020002 9000;", READ, NULL, 0 },
	{ JPKI CA "00A40000 9000;", READ, NULL, 0 },
	{ JPKI CA "00A4020C023F00 9000;", "00B0820000", NULL, 0 },
	/* on other channels, chained, wrapped, malformed */
	{ JPKI CA "01A4040C0AD3921000310001010408 9000;", READ, NULL, 0 },
	{ JPKI CA "10A4040C0AD3921000310001010408 9000;", READ, NULL, 0 },
	{ JPKI CA "08A4040C020001 9000;", READ, NULL, 0 },
	{ JPKI CA "0070000000 9000;", READ, NULL, 0 },
	{ JPKI CA "00A4040C0AD392 9000;", READ, NULL, 0 },
	/* a short identifier that is none, or that other commands give */
	{ JPKI, "00B09F0000", "jpki", 0 },
	{ JPKI CA, "00B0800000", "jpki", 0 },
	{ JPKI CA, "00B0C20000", "jpki", 0 },
	{ COMMON "00A4020C020001 9000;", "00B201FC00", "common", 0 },
	{ JPKI CA "0020008104 6983;", READ, "jpki", 0 },
	{ JPKI CA "002000810431323334 63C2;", READ, "jpki", 0 },
	{ JPKI CA "00200098 9000;", READ, "jpki", 0 },
	{ JPKI CA "802A008101AA00 6982;", READ, "jpki", 0 },
	{ JPKI CA "00C2000004002000AA 9000;", READ, NULL, 0 },
	/* the rest of a response, of something else */
	{ JPKI CA, "00C00000FF", "jpki", 0 },
	{ JPKI CA READ " 9000;", "00C00000FF", "jpki", 0 },
	{ JPKI CA READ " 61FF;0084000008 9000;", "00C00000FF", "jpki", 0 },
	{ JPKI CA "802A0097015500 61FF;", "00C00000FF", "jpki", 0 },
	{ JPKI CA READ " 61FF;reset;", "00C00000FF", NULL, 0 },
};

static void reads(void **state)
{

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct trace_follow f = { 0 };
		struct trace_about a;

		follow(&f, paths[i].done);
		a = about(&f, paths[i].command);
		if ((a.file ? a.file->fid : 0) != paths[i].fid)
			fail_msg("%s %s: file %04X", paths[i].done, paths[i].command, a.file ? a.file->fid : 0);
		if (!paths[i].application != !a.application)
			fail_msg("%s %s: %s", paths[i].done, paths[i].command,
				 a.application ? a.application->name : "none");
		if (a.application)
			assert_string_equal(a.application->name, paths[i].application);
	}
}

/* Session data of a phone, and what else an ENVELOPE may be. */
static void sessions(void **state)
{
	static const struct {
		const char *done, *command;
		enum trace_command_kind kind;
	} envelopes[] = {
		{ PHONE, "00C3000002A00000", TRACE_IS_SESSION },
		{ PHONE, "10C3000002A000", TRACE_IS_SESSION },
		{ PHONE "10C3000002A000 9000;", "00C3000002A00000", TRACE_IS_SESSION },
		{ PHONE "00C3000002A00000 6100;00C0000000 9000;", "00C3000002A00000", TRACE_IS_SESSION },
		{ PHONE, "00C2000002A00000", TRACE_IS_PIN },
		{ PHONE, "08C3000002A00000", TRACE_IS_PIN },
		{ PHONE, "01C3000002A00000", TRACE_IS_PIN },
		{ PHONE "00C2000002A000 9000;", "00C3000002A00000", TRACE_IS_PIN },
		{ PHONE "reset;", "00C3000002A00000", TRACE_IS_PIN },
		{ JPKI, "00C3000002A00000", TRACE_IS_PIN },
		{ "00A4040C07A0000002480400 6A82;", "00C3000002A00000", TRACE_IS_PIN },
		{ "", "00C3000002A00000", TRACE_IS_PIN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(envelopes); i++) {
		struct trace_follow f = { 0 };

		follow(&f, envelopes[i].done);
		if (about(&f, envelopes[i].command).kind != envelopes[i].kind)
			fail_msg("%s %s", envelopes[i].done, envelopes[i].command);
	}
}

static void selects(void **state)
{
	struct trace_follow f = { 0 };
	struct trace_about a = about(&f, "00A4040C0AD392F000260100000001");

	(void)state;
	assert_ptr_equal(a.selects, &aid_jpki);
	assert_ptr_equal(a.application, &aid_jpki);
	a = about(&f, "00A4040C07A0000001510000");
	assert_ptr_equal(a.selects, &aid_isd);
	assert_null(about(&f, "00A4040C09D392F0002601000000").selects);
	assert_null(about(&f, "00A4040C00").selects);
	follow(&f, JPKI);
	a = about(&f, "00A4020C02000A");
	assert_null(a.selects);
	assert_ptr_equal(a.application, &aid_jpki);
	assert_int_equal(a.file->fid, 0x0A);
	/* what is asked changes nothing */
	assert_null(about(&f, READ).file);
}

static void names_secrets(void **state)
{
	static const struct {
		const char *done, *command, *secret;
	} rows[] = {
		{ JPKI, "00200098", "auth" },
		{ JPKI, "002000980431323334", "auth" },
		{ JPKI, "0020009B06414243313233", "sign" },
		{ JPKI "00A4020C020018 9000;", "00200080", "auth" },
		{ TEXT, "00200091", "text" },
		{ JPKI, "00200080", NULL },
		{ JPKI, "00200082", NULL },
		{ JPKI, "002000D8", NULL },
		{ JPKI, "00200018", NULL },
		{ "", "00200098", NULL },
		{ JPKI, "002401980431323334", NULL },
		{ JPKI, "002000980331323334", NULL },
		{ JPKI, "10200098043132333400", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trace_follow f = { 0 };
		struct trace_about a;

		follow(&f, rows[i].done);
		a = about(&f, rows[i].command);
		if (!rows[i].secret)
			assert_null(a.secret);
		else if (!a.secret)
			fail_msg("%s %s: no secret", rows[i].done, rows[i].command);
		else
			assert_string_equal(a.secret, rows[i].secret);
	}
}

/* Any bytes, at any length: nothing is read that is not there (under the sanitizers). */
static void takes_anything(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t n = 0; n < 20000; n++) {
		struct trace_follow f = { .application = &aid_jpki, .file = 2 };
		struct trace_about a;
		uint8_t *bytes = malloc(n % 24 + 1);

		assert_non_null(bytes);
		for (size_t i = 0; i < n % 24; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (uint8_t)(seed >> 24);
		}
		if (n % 24 > 1 && n % 3)
			bytes[0] = 0;
		bytes = realloc(bytes, n % 24 + !(n % 24));
		assert_non_null(bytes);
		trace_about(&f, bytes, n % 24, &a);
		assert_non_null(a.name);
		trace_follow(&f, bytes, n % 24, (uint16_t)seed);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(reads),
		cmocka_unit_test(sessions),
		cmocka_unit_test(selects),
		cmocka_unit_test(names_secrets),
		cmocka_unit_test(takes_anything),
	};

	return RUN(tests);
}
