/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tracefile.h"
#include "trace/dissect.h"

static int certificates; /* that were shown */
static size_t certificate_len;

static int show_certificate(void *arg, const uint8_t *der, size_t len,
			    const struct fuda_trace_sink *sink)
{
	int fails = *(int *)arg;

	assert_int_equal(der[0], 0x30);
	certificates++;
	certificate_len = len;
	if (fails)
		return fails;
	return sink->write(sink->arg, "first line\nsecond line\n", 23);
}

static int show(const char *text, bool brief, struct heard *h, char *ret_message)
{
	_cleanup_tracefile_ struct tracefile f = tracefile_of(text, strlen(text));
	struct fuda_trace_sink sink = { heard_write, h };
	int fails = 0;
	struct fuda_trace_show how = { brief, show_certificate, &fails };
	struct fuda_context *ctx;
	int r;

	certificates = 0;
	assert_int_equal(fuda_context_new(&ctx), 0);
	r = fuda_trace_show(ctx, f.path, NULL, &how, &sink);
	if (ret_message)
		snprintf(ret_message, 1024, "%s", fuda_context_message(ctx));
	fuda_context_free(&ctx);
	return r;
}

#define JPKI "> 00 A4 04 0C 0A $jpki\n< 9000\n"
#define TEXT "> 00 A4 04 0C 0A $text\n< 9000\n"

/* What is shown of one trace, and what is not. */
static const struct {
	const char *trace, *says, *says_not;
} rows[] = {
	/* what commands are */
	{ JPKI, "1 SELECT jpki (公的個人認証)\n", NULL },
	{ "> 00 A4 04 0C 0A $jpki\n< 9000 (12.345 ms)\n", "12.345 ms\n", NULL },
	{ "> 00 A4 04 0C 03 112233\n< 6A82\n", "SELECT 112233\n", NULL },
	{ "> 00 A4 04 0C 0B D392F000260100000001\n< 6700\n", "1 SELECT\n", "command 00" },
	{ "> 00 A4 04 0C 07 <data 7 0011223344556677>\n< 6A82\n", "SELECT <7 bytes not shown>\n",
	  "0000000000" },
	{ "> 00 A4 02 0C 02 ..{2}\n< 6A82\n", "SELECT <2 bytes of any value>\n", "SELECT 0000" },
	{ "> 00 A4 04 0C 03 112233\n< 6A82\n", "< 6A82  no such file or application\n", NULL },
	{ JPKI "> 00 B0 8A 00 00\n< 9000 <data 256 0011223344556677>\n",
	  "READ BINARY auth-certificate 0..255 (jpki: authentication certificate)", NULL },
	{ JPKI "> 00 B0 8A 00 00\n< 9000 <data 256 0011223344556677>\n",
	  "<data 256 0011223344556677>", "00 00 00 00 00 00" },
	{ JPKI "> 00 B0 8A 00 00\n< 9000 ..{262144} 01\n", "..{262144} 01", NULL },
	{ JPKI "> 00 B0 86 10 04\n< 9000 20202020\n", "READ BINARY token 16..19", NULL },
	{ JPKI "> 00 20 00 98\n< 63C3\n", "VERIFY auth (tries left)", "does not match" },
	{ JPKI "> 00 20 00 98\n< 63C3\n", "< 63C3  tries left: 3\n", NULL },
	{ JPKI "> 00 20 00 98 04 <secret 4>\n< 63C2\n", "< 63C2  wrong; tries left: 2\n", NULL },
	{ JPKI "> 00 20 00 98 04 <secret 4>\n< 63C2\n", "> 00 20 00 98 04 <secret 4>\n", NULL },
	{ JPKI "> 00 20 00 98 04 <secret 4>\n< 63C2\n", "VERIFY auth <secret>", NULL },
	{ JPKI "> 00 20 00 98 <typed>\n! timeout\n", "VERIFY auth <secret>", "tries left" },
	{ JPKI "> 00 20 00 98 <typed>\n! timeout\n", "      ! timed out\n", NULL },
	{ JPKI "> 00 A4 02 0C 02 $jpki.auth-key\n< 9000\n> 80 2A 00 80 01 00 00\n< 6985\n",
	  "COMPUTE DIGITAL SIGNATURE auth-key (", NULL },
	{ TEXT "> 00 B0 87 00 00\n< 6982\n> 80 2A 00 00 01 00 00\n< 9000 ..{256}\n",
	  "COMPUTE DIGITAL SIGNATURE (text)\n", NULL },
	{ "> 00 CA 5F 51 00\n< 6A88\n", "GET DATA 5F51\n", NULL },
	{ "> 00 FE 00 00\n< 6D00\n", "command 00FE0000\n", NULL },
	{ "verify auth\n< 9000\n", "1 verify auth\n", NULL },
	{ "verify auth\n> 00 B0 8B 00 00\n< 6A82\n", "jpki: authentication CA's certificate", NULL },
	/* after a reset nothing is known */
	{ JPKI "power reset\n> 00 B0 8A 00 00\n< 6982\n", "READ BINARY 0..\n", "certificate" },
	{ JPKI "> 00 84 00 00 08\n! reset\n> 00 B0 8A 00 00\n< 6982\n", "READ BINARY 0..\n",
	  "certificate" },
	{ JPKI "reader \"other\"\n> 00 B0 8A 00 00\n< 6982\n", "READ BINARY 0..\n", "certificate" },
	/* responses */
	{ "> 00 84 00 00 08\n< 9000|61xx|63Cx\n", "< 9000|61xx|63Cx\n", NULL },
	{ "> 00 84 00 00 08\n< xxxx *\n", "< xxxx\n        *\n", NULL },
	{ "> 00 84 00 00 08\n< 9000 ..{8} ..{1-2} {x=..{3}} 01\n> 00 84 00 00 03 {x}\n",
	  "        ..{8} ..{1-2} ..{3} 01\n", NULL },
	{ "> 00 84 00 00 08\n", "no response in the trace", NULL },
	{ "> 00 84 00 00 08\n< 9000 (<5 ms) ..{8}\n", "GET CHALLENGE\n", NULL },
	/* what data is made of */
	{ JPKI "> 00 B0 86 00 20\n< 9000 \"JPKIAPICCTOKEN2                 \"\n",
	  "        label                                 \"JPKIAPICCTOKEN2\"\n", "manufacturer" },
	{ JPKI "> 00 B0 86 50 18\n< 9000 <data 16 0011223344556677> 0000040D 00000001\n",
	  "        serial number                         not shown\n", NULL },
	{ JPKI "> 00 B0 86 50 18\n< 9000 <data 16 0011223344556677> 0000040D 00000001\n",
	  "        sessions at most                      1\n", NULL },
	{ TEXT "> 00 B0 81 00 11\n< 9000 FF10 0C \"123456789018\" FFFF\n",
	  "        FF10  My Number                       \"123456789018\"\n", NULL },
	{ TEXT "> 00 B0 81 00 11\n< 9000 FF10 0C \"123456789018\" FFFF\n",
	  "        filler: 2 bytes of FF\n", NULL },
	{ TEXT "> 00 B0 82 00 20\n< 9000 FF20 12 DF22 0F \"番号 花子 x\"\n", "番号", NULL },
	{ TEXT "> 00 B0 82 00 1A\n< 9000 FF20 17 DF2108 000E 0020 0029 0034 DF22 09 \"太郎xyz\"\n",
	  "          DF21  offsets                       14 32 41 52\n", NULL },
	{ TEXT "> 00 B0 86 00 10\n< 9000 A10B 9003010001 9104 AABBCCDD\n",
	  "          90  exponent", NULL },
	{ "> 00 A4 04 00 03 112233 00\n< 9000 6F07 8405 0102030405\n",
	  "        6F  file control information\n          84  name of the application", NULL },
	/* ... and what is not as it says */
	{ TEXT "> 00 B0 82 00 05\n< 9000 FF20 7F DF21\n", "FF 20 7F DF 21", "four attributes" },
	{ TEXT "> 00 B0 81 00 05\n< 9000 FF10 80 0000\n", "FF 10 80 00 00", "My Number  " },
	{ JPKI "> 00 B0 86 00 04\n< 9000 01020304\n", "01 02 03 04", "label" },
	{ JPKI "> 00 B0 86 60 04\n< 9000 FFFFFFFF\n", "FF FF FF FF", NULL },
	/* nothing that a terminal obeys */
	{ JPKI "> 00 B0 86 00 20\n< 9000 1B5B324A 20202020202020202020202020202020202020202020202020202020\n",
	  "1B 5B 32 4A", "\x1B" },
	{ TEXT "> 00 B0 82 00 0B\n< 9000 FF20 08 DF2205 41 C29B 41 42\n", "41 C2 9B 41 42", "\xC2\x9B" },
	{ TEXT "> 00 B0 82 00 0C\n< 9000 FF20 09 DF2206 41 E280AE 41 42\n", "41 E2 80 AE", "\xE2\x80\xAE" },
	/* what is done, and where */
	{ "power on\nwait 500 ms\nremove\ninsert\n", "power on\nwait 500 ms\nremove\ninsert\n", NULL },
	{ "reader \"pcsc:x\"\natr 3B00\nprotocol T=1\n", "reader \"pcsc:x\"\natr 3B 00\n", NULL },
	{ "# only a comment\n\n", "0 commands, 0 bytes sent, 0 received\n", "only" },
	{ JPKI "> 00 84 00 00 02\n< 9000 (1.5 ms) 0102\n",
	  "2 commands, 20 bytes sent, 6 received, 1.500 ms\n", NULL },
	{ "repeat 3\n> 00 84 00 00 02\n< 9000 ..{2}\nend\n", "    3 GET CHALLENGE", "    4 " },
};

static void says_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		char text[1024], message[1024];
		int r;

		snprintf(text, sizeof(text), FIRST "%s", rows[i].trace);
		r = show(text, false, &h, message);
		if (r != 0)
			fail_msg("%s: %s", rows[i].trace, message);
		heard_says(&h, rows[i].says);
		if (rows[i].says_not)
			heard_says_not(&h, rows[i].says_not);
	}
}

static void brief_is_a_line(void **state)
{
	_cleanup_heard_ struct heard h = HEARD;

	(void)state;
	assert_int_equal(show(FIRST JPKI "> 00 B0 86 00 04\n< 6982\n> 00 84 00 00 04\n! gone\n",
			      true, &h, NULL), 0);
	heard_says(&h, "    1 SELECT jpki                                 9000  done\n"
		       "    2 READ BINARY token 0..3                      "
		       "6982  security condition not met\n"
		       "    3 GET CHALLENGE                               ! the reader is gone\n");
}

/* A file read in two pieces, or in one with something behind it, is one certificate. */
static void joins_certificates(void **state)
{
	static const struct {
		const char *reads;
		int certificates;
		size_t len;
	} cases[] = {
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 00 04 04\n< 9000 01020102\n", 1, 8 },
		{ "> 00 B0 8A 00 00\n< 9000 3006020101020102 FFFF\n", 1, 8 },
		/* the header first, then all of it */
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 00 00 08\n< 9000 3006020101020102\n", 1, 8 },
		/* others in between do not matter, nor that it is read again */
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n> 00 84 00 00 01\n< 9000 00\n"
		  "> 00 B0 00 04 04\n< 9000 01020102\n> 00 B0 00 00 04\n< 9000 30060201\n", 1, 8 },
		{ "> 00 B0 8A 00 00\n< 9000 3000\n> 00 B0 8A 00 00\n< 9000 3000\n", 2, 2 },
		/* the beginning of another one does not go on */
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 8A 00 04\n< 9000 30030201\n"
		  "> 00 B0 8A 04 01\n< 9000 05\n", 1, 5 },
		{ "> 00 B0 8A 00 04\n< 9000 30060201\nreader \"b\"\n" JPKI
		  "> 00 B0 8A 04 04\n< 9000 01020102\n", 0, 0 },
		{ "> 00 B0 8A 00 04\n< 9000 30060201\npower on\n" JPKI
		  "> 00 B0 8A 04 04\n< 9000 01020102\n", 0, 0 },
		/* none: a piece is missing, comes from elsewhere, or is not shown */
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 00 05 03\n< 9000 020102\n", 0, 0 },
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 8B 04 04\n< 9000 01020102\n", 0, 0 },
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 00 04 04\n< 9000 <data 4 0011223344556677>\n", 0, 0 },
		{ "> 00 B0 8A 00 04\n< 9000 30060201\n", 0, 0 },
		{ "> 00 B0 00 04 04\n< 9000 01020102\n", 0, 0 },
		{ "> 00 B0 8A 00 00\n< 9000 FFFFFFFFFFFF\n", 0, 0 },
		{ "> 00 B0 86 00 00\n< 9000 3000\n", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		char text[1024];

		snprintf(text, sizeof(text), FIRST JPKI "%s", cases[i].reads);
		assert_int_equal(show(text, false, &h, NULL), 0);
		if (certificates != cases[i].certificates)
			fail_msg("%s: %d certificates", cases[i].reads, certificates);
		if (!certificates)
			continue;
		assert_int_equal(certificate_len, cases[i].len);
		heard_says(&h, "        first line\n        second line\n");
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *trace;
		int error;
	} cases[] = {
		{ "", FUDA_EFORMAT },
		{ "fuda-trace 2\n", FUDA_EFORMAT },
		{ FIRST "> 00 A4 04\n", FUDA_EFORMAT },
		{ FIRST "< 9000\n", FUDA_EFORMAT },
		{ FIRST JPKI "< 9000\n", FUDA_EFORMAT },
		{ FIRST JPKI "! removed\n", FUDA_EFORMAT },
		{ FIRST "nonsense\n", FUDA_EFORMAT },
		{ FIRST "> 00 84 00 00 $nothing\n", FUDA_EFORMAT },
		{ FIRST "include \"/nowhere/at/all\"\n", FUDA_EFORMAT },
		{ FIRST "repeat 2\n", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		char message[1024];

		if (show(cases[i].trace, false, &h, message) != cases[i].error)
			fail_msg("%s: %s", cases[i].trace, message);
		assert_string_not_equal(message, "");
	}
}

static void ends_when_nobody_reads(void **state)
{
	struct heard h = HEARD;
	char message[1024];

	(void)state;
	h.most = 10;
	assert_int_equal(show(FIRST JPKI JPKI, false, &h, message), FUDA_EFILE);
	assert_string_not_equal(message, "");
	heard_free(&h);
}

/* The longest line of a trace full of long things. */
static void keeps_to_columns(void **state)
{
	_cleanup_heard_ struct heard h = HEARD;
	char text[20000] = FIRST TEXT "program \"", *next, *said;
	size_t at = strlen(text);

	(void)state;
	for (int i = 0; i < 300; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "長い ");
	at += (size_t)snprintf(text + at, sizeof(text) - at,
			       "\"\n> 00 B0 82 00 00\n< 9000 (1.0 ms) FF20 8201F8 DF23 8201F3");
	for (int i = 0; i < 0x1F3; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%02X", i % 32 ? "" : "\n ", 0x41 + i % 26);
	snprintf(text + at, sizeof(text) - at, "\n");
	assert_int_equal(show(text, false, &h, NULL), 0);
	heard_says(&h, "address");
	said = (char *)(uintptr_t)heard_text(&h);
	for (const char *line = strtok_r(said, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		size_t columns = 0;

		for (const char *c = line; *c; c++) /* what has three bytes here has two columns */
			columns += (*c & 0xC0) == 0xC0 ? 2 : (*c & 0xC0) == 0x80 ? 0 : 1;
		if (columns > OUT_COLUMNS)
			fail_msg("%zu columns: %s", columns, line);
	}
}

/* ... of any application and file, with any bytes, as long as they are. */
static void dissects_anything(void **state)
{
	static const uint8_t deep[] = { 0x30, 0x80, 0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x5F, 0x4E, 0x00 };
	uint8_t nested[400];
	const struct trace_file *file;

	(void)state;
	for (size_t i = 0; i < sizeof(nested); i += 4) {
		size_t left = sizeof(nested) - i - 4;

		memcpy(nested + i, (uint8_t[]){ 0x30, 0x82, (uint8_t)(left >> 8), (uint8_t)left }, 4);
	}
	for (size_t i = 0; (file = trace_file_at(i)); i++)
		for (size_t len = 0; len <= sizeof(nested); len += 1 + len / 8) {
			_cleanup_heard_ struct heard h = HEARD;
			struct fuda_trace_sink sink = { heard_write, &h };
			_cleanup_out_ struct trace_out o = TRACE_OUT(&sink);
			struct trace_about about = { .kind = TRACE_IS_READ, .name = "READ BINARY",
						     .application = file->application, .file = file };

			trace_dissect(&o, &about, 0, nested, len);
			trace_dissect(&o, &about, len, deep, len % sizeof(deep));
			assert_int_equal(out_end(&o), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_is),
		cmocka_unit_test(brief_is_a_line),
		cmocka_unit_test(joins_certificates),
		cmocka_unit_test(refuses),
		cmocka_unit_test(ends_when_nobody_reads),
		cmocka_unit_test(keeps_to_columns),
		cmocka_unit_test(dissects_anything),
	};

	return RUN(tests);
}
