/* SPDX-License-Identifier: Apache-2.0 */
/* Text to statements: what is taken, and each refusal with its line and column. */
#include <errno.h>
#include <fuda/trace.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/test-trace.h"

enum { TEXT = 2 * TRACE_BYTES_MAX };

static struct fuda_context *ctx;

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return 0;
}

/* `text` behind the first line becomes `want`. */
static void becomes(const char *text, const char *want)
{
	_cleanup_buf_ struct fuda_buf whole = FUDA_BUF_INIT(TEXT), out = FUDA_BUF_INIT(TEXT);

	assert_int_equal(fuda_buf_append(&whole, FIRST, strlen(FIRST)), 0);
	assert_int_equal(fuda_buf_append(&whole, text, strlen(text)), 0);
	if (text_format(ctx, whole.data, whole.len, &out) < 0)
		fail_msg("%s\n%s", text, fuda_context_message(ctx));
	assert_int_equal(fuda_buf_append(&out, "", 1), 0);
	assert_string_equal((char *)out.data, want);
}

/* `len` bytes are refused with this message behind "t:". */
static void refused(const void *text, size_t len, const char *message)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(TEXT);
	const char *said;
	int r = text_format(ctx, text, len, &out);

	if (r != FUDA_EFORMAT)
		fail_msg("%s instead of: %s", fuda_error_name(r), message);
	said = fuda_context_message(ctx);
	if (strncmp(said, "t:", 2) != 0 || strncmp(said + 2, message, strlen(message)) != 0)
		fail_msg("expected t:%s\ngot %s", message, said);
}

static const struct {
	const char *text, *want;
} good[] = {
	{ "", "" },
	{ "\n", "\n" },
	{ "  \t\n", "\n" },
	{ "#", "#\n" },
	{ "#x  \n#  y\n# \xE6\x9C\xAD \n", "# x\n#  y\n# \xE6\x9C\xAD\n" },
	{ "> 00a4040C\r\n< 9000\r\n", "> 00 A4 04 0C\n< 9000\n" },
	{ "> 00A4 040C", "> 00 A4 04 0C\n" },
	{ ">\t00\n\tA4\n 04\n  0C # x\n", "> 00 A4 04 0C  # x\n" },
	{ "> # x\n 00 A4 # y\n # z\n 00 00", ">  # x\n  00 A4  # y\n  # z\n  00 00\n" },
	{ "> $jpki $jpki.token", "> $jpki $jpki.token\n" },
	{ "> \"abcd\" \"\" \"\\\"\\\\ # <(\"", "> \"abcd\" \"\" \"\\\"\\\\ # <(\"\n" },
	{ "> ..{2} .. ..{1} ..{0} ..{3-3} ..{0-7} *", "> ..{2} .. .. ..{0} ..{3} ..{0-7} *\n" },
	{ "> ..{0-262144}", "> ..{0-262144}\n" },
	{ "> {a=..} {b=..{3}} {c.d-9=..{1-2}} {e=*} {a}", "> {a=..} {b=..{3}} {c.d-9=..{1-2}} {e=*} {a}\n" },
	{ "> 00 20 00 80 04 <secret 4>", "> 00 20 00 80 04 <secret 4>\n" },
	{ "> 00 20 00 80 <typed>", "> 00 20 00 80 <typed>\n" },
	{ "> 00 20 00 80 <typed> # so", "> 00 20 00 80 <typed>  # so\n" },
	{ "> 00 D6 00 00 < data\t4   0123456789abcdef >", "> 00 D6 00 00 <data 4 0123456789ABCDEF>\n" },
	{ "> {x}", "> {x}\n" },
	{ "> 00000000\n\n< 9000", "> 00 00 00 00\n\n< 9000\n" },
	{ "> 00000000\n# so\n! removed", "> 00 00 00 00\n# so\n! removed\n" },
	{ "> 00000000\n! gone", "> 00 00 00 00\n! gone\n" },
	{ "> 00000000\n! reset", "> 00 00 00 00\n! reset\n" },
	{ "> 00000000\n! timeout", "> 00 00 00 00\n! timeout\n" },
	{ "> 00000000\n! cancelled", "> 00 00 00 00\n! cancelled\n" },
	{ "> 00000000\n! mute", "> 00 00 00 00\n! mute\n" },
	{ "> 00000000\n! lost", "> 00 00 00 00\n! lost\n" },
	{ "> 00000000\n! failed", "> 00 00 00 00\n! failed\n" },
	{ "verify auth\n< XXXX *", "verify auth\n< xxxx *\n" },
	{ "verify b\n< 63cX|9000|$blocked|6xX0", "verify b\n< 63Cx|9000|$blocked|6xx0\n" },
	{ "verify a\n< 9000 (5ms)", "verify a\n< 9000 (5.000 ms)\n" },
	{ "verify a\n< 9000 (7 us) 00", "verify a\n< 9000 (0.007 ms) 00\n" },
	{ "verify a\n< 9000 (1.5s)", "verify a\n< 9000 (1500.000 ms)\n" },
	{ "verify a\n< 9000 (1.000001 s)", "verify a\n< 9000 (1000.001 ms)\n" },
	{ "verify a\n< 9000 (1000 s)", "verify a\n< 9000 (1000000.000 ms)\n" },
	{ "verify a\n< 9000 (<200 us)", "verify a\n< 9000 (<0.200 ms)\n" },
	{ "verify a\n< 9000 (0..2 s)", "verify a\n< 9000 (<2000 ms)\n" },
	{ "verify a\n< 9000 (1.5..2.25 ms)", "verify a\n< 9000 (1.500..2.250 ms)\n" },
	{ "power on\npower reset # x\npower\n  off", "power on\npower reset  # x\npower off\n" },
	{ "wait 500 ms\nwait 1s\nwait 1.5 ms\nwait 0 s", "wait 500 ms\nwait 1000 ms\nwait 1.500 ms\nwait 0 ms\n" },
	{ "insert\nremove # now", "insert\nremove  # now\n" },
	{ "include \"a \\\"b\\\"\"", "include \"a \\\"b\\\"\"\n" },
	{ "repeat 1000000\nend\nrepeat 1\nrepeat 2\nend\nend",
	  "repeat 1000000\nend\nrepeat 1\nrepeat 2\nend\nend\n" },
	{ "name x = 00 \"a\" $jpki\nname y = $x $x\n> $y", "name x = 00 \"a\" $jpki\nname y = $x $x\n> $y\n" },
	{ "name x = 01\nname x = 01", "name x = 01\nname x = 01\n" },
	{ "name w = 63 C2\nverify a\n< $w", "name w = 63 C2\nverify a\n< $w\n" },
	{ "reader \"pcsc:Virtual PCD 00 00\"", "reader \"pcsc:Virtual PCD 00 00\"\n" },
	{ "atr 3b 00\natr 3B $ok", "atr 3B 00\natr 3B $ok\n" },
	{ "protocol T=0\nprotocol T=1\nprotocol T=CL", "protocol T=0\nprotocol T=1\nprotocol T=CL\n" },
	{ "sizes 261 258", "sizes 261 258\n" },
	{ "pad verify\npad modify\npad both", "pad verify\npad modify\npad both\n" },
	{ "program \"opensc-tool\"", "program \"opensc-tool\"\n" },
	{ "date \"2026-11-21T03:04:05Z\"", "date \"2026-11-21T03:04:05Z\"\n" },
	{ "token card\ntoken android\ntoken iphone", "token card\ntoken android\ntoken iphone\n" },
	{ "key 1a 2b3c 4D # which", "key 1A2B3C4D  # which\n" },
};

static void takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		becomes(good[i].text, good[i].want);
}

/* Behind the first line. */
static const struct {
	const char *text, *message;
} bad[] = {
	/* lines */
	{ "  00", "2:1: A line that begins with a blank" },
	{ "# x\n  y", "3:3: Expected the end" },
	{ "\n\t00", "3:1: A line that begins with a blank" },
	{ " \n 00", "3:1: A line that begins with a blank" },
	{ "> 00\x01", "2:5: A control character (U+0001)" },
	{ "# \x7F", "2:3: A control character (U+007F)" },
	{ "\r", "2:1: A control character (U+000D)" },
	{ "> 00\r00\n", "2:5: A control character (U+000D)" },
	{ "# \xE6\x9C\xAD\xC2\x85", "2:4: A control character (U+0085)" },
	{ "# \xE2\x80\xAE", "2:3: A control character (U+202E)" },
	{ "# \xE6\x9C", "2:3: This is not UTF-8." },
	{ "# \xFF", "2:3: This is not UTF-8." },
	{ "# \xC0\x80", "2:3: This is not UTF-8." },
	{ "# \xED\xA0\x80", "2:3: This is not UTF-8." },
	/* statements */
	{ "hello", "2:1: There is no statement hello." },
	{ "Power on", "2:1: Expected a statement" },
	{ ">00 A4", "2:1: Expected a statement" },
	{ "<", "2:2: Expected a status word" },
	{ "\"x\"", "2:1: Expected a statement" },
	{ "(x)", "2:1: Expected a statement" },
	{ "00 A4 04 0C", "2:1: Expected a statement" },
	{ "fuda-trace 1", "2:1: There is no statement fuda-trace." },
	{ "insert 1", "2:8: Expected the end" },
	{ "remove\n  x", "3:3: Expected the end" },
	{ "< 9000", "2:1: There is no command" },
	{ "! removed", "2:1: There is no command" },
	{ "> 00000000\n< 9000\n< 9000", "4:1: There is no command" },
	{ "> 00000000\n! lost\n< 9000", "4:1: There is no command" },
	{ "> 00000000\npower on\n< 9000", "4:1: There is no command" },
	/* words */
	{ "power", "2:6: Expected one of on|reset|off." },
	{ "power up", "2:7: Expected one of on|reset|off." },
	{ "power on|reset", "2:7: Expected one of" },
	{ "power o", "2:7: Expected one of" },
	{ "power |", "2:7: Expected one of" },
	{ "power \"on\"", "2:7: Expected one of" },
	{ "power on off", "2:10: Expected the end" },
	{ "verify pin", "2:8: Expected one of auth|" },
	{ "protocol T=2", "2:10: Expected one of T=0|" },
	{ "pad none", "2:5: Expected one of verify|" },
	{ "token phone", "2:7: Expected one of card|" },
	{ "> 00000000\n! broken", "3:3: Expected one of removed|" },
	/* texts */
	{ "reader pcsc", "2:8: Expected a text between quotes." },
	{ "reader", "2:7: Expected a text between quotes." },
	{ "reader \"\"", "2:8: Expected a text between quotes." },
	{ "reader \"x", "2:8: The closing \" is missing on this line." },
	{ "reader \"x\\\"", "2:8: The closing \" is missing on this line." },
	{ "reader \"x\\", "2:8: The closing \" is missing on this line." },
	{ "reader \"\xE6\x9C\xAD\\n\"", "2:10: Only \\\" and \\\\ may follow" },
	{ "reader \"x\"y", "2:11: A blank is missing after the closing \"." },
	{ "reader \"x\" \"y\"", "2:12: Expected the end" },
	{ "reader \"x\ty\"", "2:8: A tab cannot stand in a text." },
	{ "> 00 \"x\ty\"", "2:6: A tab cannot stand in a text." },
	{ "include a.apdu", "2:9: Expected a text between quotes." },
	{ "date \"today\"", "2:6: Expected a time in UTC" },
	{ "date \"2026-11-21T03:04:05\"", "2:6: Expected a time in UTC" },
	{ "date \"2026-11-21T03:04:05Z \"", "2:6: Expected a time in UTC" },
	/* numbers */
	{ "repeat", "2:7: Expected a number from 1 to 1000000." },
	{ "repeat 0", "2:8: Expected a number from 1 to 1000000." },
	{ "repeat 1000001", "2:8: Expected a number" },
	{ "repeat 99999999999999999999999", "2:8: Expected a number" },
	{ "repeat -1", "2:8: Expected a number" },
	{ "repeat 010", "2:8: Expected a number" },
	{ "repeat 1x", "2:8: Expected a number" },
	{ "repeat \"1\"", "2:8: Expected a number" },
	{ "sizes 261", "2:10: Expected a number from 1 to 262144." },
	{ "sizes 0 1", "2:7: Expected a number from 1 to 262144." },
	{ "sizes 1 2 3", "2:11: Expected the end" },
	{ "wait", "2:5: Expected a time" },
	{ "wait 5", "2:6: Expected a time" },
	{ "wait 5 min", "2:6: Expected a time" },
	{ "wait ms", "2:6: Expected a time" },
	{ "wait <5 ms", "2:6: The closing > is missing" },
	{ "wait 1..5 ms", "2:6: Expected a time" },
	{ "wait 1.0005 ms", "2:6: Expected a time" },
	{ "wait 1. ms", "2:6: Expected a time" },
	{ "wait 1.5 us", "2:6: Expected a time" },
	{ "wait 1001 s", "2:6: Expected a time" },
	{ "wait 1000000001 us", "2:6: Expected a time" },
	{ "wait 1 ms 2", "2:11: Expected the end" },
	/* repeat */
	/* of a command with a secret only header and lengths */
	{ "> 00 20 00 98 04 31 32 33 34", "2:1: Secrets do not stand in traces." },
	{ "> 00 20 00 98 04 \"1234\"", "2:1: Secrets do not stand in traces." },
	{ "> 00 20 00 98 04 \"1\" ..{3}", "2:1: Secrets do not stand in traces." },
	{ "> 00 20 00 98 04 ..{3} \"4\"", "2:1: Secrets do not stand in traces." },
	{ "> 00 20 00 98 04 <secret 3> \"4\"", "2:1: Secrets do not stand in traces." },
	{ "> .. 20 00 98 04 31323334", "2:1: Secrets do not stand in traces." },
	{ "> 00200098 31", "2:1: Secrets do not stand in traces." },
	{ "> 00 20 00 98 00 00 04 31323334", "2:1: Secrets do not stand in traces." },
	{ "> 00 20 00 98 31 32 33 <secret 1>", "2:1: Secrets do not stand in traces." },
	{ "> 10 24 01 98 02 3132", "2:1: Secrets do not stand in traces." },
	{ "> 08 20 00 91 03 861101", "2:1: Secrets do not stand in traces." },
	{ "> 80 32 00 9C 04 31323334", "2:1: Secrets do not stand in traces." },
	{ "> 00 C2 00 00 04 00200098", "2:1: Secrets do not stand in traces." },
	{ "> FF 00 00 00 01 31", "2:1: Secrets do not stand in traces." },
	{ "end", "2:1: There is no repeat that this ends." },
	{ "repeat 2\nend\nend", "4:1: There is no repeat that this ends." },
	{ "repeat 2\nrepeat 2\nend", "2:1: The end of this repeat is missing." },
	{ "repeat 2\nend\nrepeat 3", "4:1: The end of this repeat is missing." },
	{ "repeat 2\n< 9000", "3:1: There is no command" },
	{ "> 00000000\nrepeat 2\n< 9000\nend", "4:1: There is no command" },
	{ "repeat 1\nrepeat 1\nrepeat 1\nrepeat 1\nrepeat 1\nrepeat 1\nrepeat 1\nrepeat 1\nrepeat 1",
	  "10:1: At most 8 repeats" },
	/* names */
	{ "name", "2:5: Expected a name" },
	{ "name $x = 00", "2:6: Expected a name" },
	{ "name X = 00", "2:6: Expected a name" },
	{ "name 9 = 00", "2:6: Expected a name" },
	{ "name a_b = 00", "2:6: Expected a name" },
	{ "name abcdefghijklmnopqrstuvwxyzabcdef = 00", "2:6: Expected a name" },
	{ "name x 00", "2:8: Expected = behind the name." },
	{ "name x=00", "2:6: Expected a name" },
	{ "name x", "2:7: Expected = behind the name." },
	{ "name x =", "2:1: Expected at least 1 bytes." },
	{ "name x = \"\"", "2:1: Expected at least 1 bytes." },
	{ "name x = ..", "2:10: Only bytes in hexadecimal" },
	{ "name x = 00 {y}", "2:13: Only bytes in hexadecimal" },
	{ "name x = <secret 4>", "2:10: Only bytes in hexadecimal" },
	{ "name x = 00\nname x = 01", "3:6: The name x stands for something else" },
	{ "name x = 00\nname x = 00 00", "3:6: The name x stands for something else" },
	{ "name jpki = 00", "2:6: The name jpki stands for something else" },
	{ "name ok = 90 00", "2:6: The name ok stands for something else" },
	{ "name x = $x", "2:10: The name x is not known" },
	{ "> 00000000 $nobody", "2:12: The name nobody is not known" },
	{ "> $", "2:3: A name begins with a small letter" },
	{ "> $JPKI", "2:3: A name begins with a small letter" },
	{ "> $abcdefghijklmnopqrstuvwxyzabcdef", "2:3: A name begins" },
	/* bytes */
	{ "> 00 A4 04", "2:1: Expected at least 4 bytes." },
	{ ">", "2:1: Expected at least 4 bytes." },
	{ "> ..{3}", "2:1: Expected at least 4 bytes." },
	{ "> <typed>", "2:1: Expected at least 4 bytes." },
	{ "> 00 A4 04 0", "2:12: A byte in hexadecimal has two digits" },
	{ "> 00A 4040C0", "2:3: A byte in hexadecimal has two digits" },
	{ "> 00 A4 0G 0C", "2:9: Expected bytes in hexadecimal" },
	{ "> 00 A4 04 0C z", "2:15: Expected bytes in hexadecimal" },
	{ "> 00,A4,04", "2:3: Expected bytes in hexadecimal" },
	{ "> 00\"abcdefg\"", "2:3: A byte in hexadecimal" },
	{ "> 0x00", "2:3: Expected bytes in hexadecimal" },
	{ "> 00 A4 04 0C (5 ms)", "2:15: Expected bytes in hexadecimal" },
	{ "atr 3B", "2:1: Expected 2 to 33 bytes." },
	{ "atr 3B ..", "2:8: Only bytes in hexadecimal" },
	{ "atr \"0123456789012345678901234567890123\"", "2:1: Expected 2 to 33 bytes." },
	{ "key 010203", "2:1: Expected 4 bytes." },
	{ "key 0102030405", "2:1: Expected 4 bytes." },
	/* patterns */
	{ "> .", "2:3: Bytes of any value" },
	{ "> ...", "2:3: Bytes of any value" },
	{ "> **", "2:3: Bytes of any value" },
	{ "> ..{", "2:3: Bytes of any value" },
	{ "> ..{}", "2:3: Bytes of any value" },
	{ "> ..{x}", "2:3: Bytes of any value" },
	{ "> ..{4", "2:3: Bytes of any value" },
	{ "> ..4}", "2:3: Bytes of any value" },
	{ "> ..{-4}", "2:3: Bytes of any value" },
	{ "> ..{4-}", "2:3: Bytes of any value" },
	{ "> ..{4-3}", "2:3: Bytes of any value" },
	{ "> ..{3-4-5}", "2:3: Bytes of any value" },
	{ "> ..{03-4}", "2:3: Bytes of any value" },
	{ "> ..{3 }", "2:3: Bytes of any value" },
	{ "> ..{262145}", "2:3: Bytes of any value" },
	{ "> ..{4-262145}", "2:3: Bytes of any value" },
	{ "> ..{99999999999999999999999999}", "2:3: Bytes of any value" },
	{ "> {", "2:3: What is captured" },
	{ "> {}", "2:3: What is captured" },
	{ "> {=}", "2:3: What is captured" },
	{ "> {=..}", "2:3: What is captured" },
	{ "> {a=}", "2:3: What is captured" },
	{ "> {a=..", "2:3: What is captured" },
	{ "> {a=..{4}", "2:3: What is captured" },
	{ "> {a=00}", "2:3: What is captured" },
	{ "> {a={b}}", "2:3: What is captured" },
	{ "> {A}", "2:3: What is captured" },
	{ "> {a}}", "2:3: What is captured" },
	{ "> {abcdefghijklmnopqrstuvwxyzabcdef}", "2:3: What is captured" },
	/* what is not shown */
	{ "> 00000000 <", "2:12: The closing > is missing on this line." },
	{ "> 00000000 <>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <secret>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <secret x>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <secret 4 4>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <secret 262145>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <secret 4>00", "2:22: A blank is missing after the closing >." },
	{ "> 00000000 <typed 4>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <data 4>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <data 4 0123>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <data 4 0123456789abcdeg>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <data 4 0123456789abcdef0>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <data 4 0123456789abcdef x>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <password 4>", "2:12: Bytes that are not shown" },
	{ "> 00000000 <secret\n  4>", "2:12: The closing > is missing on this line." },
	{ "> 00000000 <typed> 00", "2:20: Nothing can follow <typed>." },
	{ "verify a\n< 9000 <typed>", "3:8: Only the secret of a command is typed" },
	/* responses */
	{ "verify a\n< 900", "3:3: Expected a status word" },
	{ "verify a\n< 90 00", "3:3: Expected a status word" },
	{ "verify a\n< 9000|", "3:3: Expected a status word" },
	{ "verify a\n< |9000", "3:3: Expected a status word" },
	{ "verify a\n< 9000||9001", "3:3: Expected a status word" },
	{ "verify a\n< 90y0", "3:3: Expected a status word" },
	{ "verify a\n< \"9000\"", "3:3: Expected a status word" },
	{ "verify a\n< (5 ms)", "3:3: Expected a status word" },
	{ "verify a\n< 9000|xxxx", "3:3: xxxx is any status word" },
	{ "verify a\n< $jpki", "3:3: The name jpki is no status word." },
	{ "verify a\n< $", "3:3: A name begins" },
	{ "verify a\n< $none", "3:3: The name none is not known" },
	{ "verify a\n< 9000 $", "3:8: A name begins" },
	{ "verify a\n< 1000|1001|1002|1003|1004|1005|1006|1007|1008|1009|100A|100B|100C|100D|100E|100F|1010",
	  "3:3: At most 16 status words" },
	{ "verify a\n< 9000 (5)", "3:8: A time is written" },
	{ "verify a\n< 9000 ()", "3:8: A time is written" },
	{ "verify a\n< 9000 (ms)", "3:8: A time is written" },
	{ "verify a\n< 9000 (5 h)", "3:8: A time is written" },
	{ "verify a\n< 9000 (-5 ms)", "3:8: A time is written" },
	{ "verify a\n< 9000 (<<5 ms)", "3:8: A time is written" },
	{ "verify a\n< 9000 (<1..5 ms)", "3:8: A time is written" },
	{ "verify a\n< 9000 (5..1 ms)", "3:8: A time is written" },
	{ "verify a\n< 9000 (1.. ms)", "3:8: A time is written" },
	{ "verify a\n< 9000 (1..5..9 ms)", "3:8: A time is written" },
	{ "verify a\n< 9000 (5 ms", "3:8: The closing ) is missing on this line." },
	{ "verify a\n< 9000 (5 ms)00", "3:14: A blank is missing after the closing )." },
	{ "verify a\n< 9000 (5 ms) (6 ms)", "3:15: Expected bytes in hexadecimal" },
	{ "verify a\n< 9000 00 (5 ms)", "3:11: Expected bytes in hexadecimal" },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[512];
		int len = snprintf(text, sizeof(text), FIRST "%s", bad[i].text);

		refused(text, (size_t)len, bad[i].message);
		/* and in a file that ends as it should */
		if (text[len - 1] != '\\' && text[len - 1] != '\r') {
			text[len++] = '\n';
			refused(text, (size_t)len, bad[i].message);
		}
	}
}

static void refuses_first_lines(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "", "1:1: This is no trace" },
		{ "\n", "1:1: This is no trace" },
		{ "fuda-trace", "1:1: This is no trace" },
		{ "fuda-trace 2\n", "1:1: This is no trace" },
		{ "fuda-trace 1 \n", "1:1: This is no trace" },
		{ " fuda-trace 1\n", "1:1: This is no trace" },
		{ "fuda-trace 10\n", "1:1: This is no trace" },
		{ "FUDA-TRACE 1\n", "1:1: This is no trace" },
		{ "\n" FIRST, "1:1: This is no trace" },
		{ "\xEF\xBB\xBF" FIRST, "1:1: The file begins with a byte order mark" },
		{ "\xFF\xFE" "f", "1:1: This is not UTF-8." },
		{ "\x7F" "ELF", "1:1: A control character" },
	};
	static const char nul[] = FIRST "> 00\0 00", first_nul[] = "fuda-trace 1\0\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		refused(rows[i].text, strlen(rows[i].text), rows[i].message);
	refused(nul, sizeof(nul) - 1, "2:5: A control character (U+0000)");
	refused(first_nul, sizeof(first_nul) - 1, "1:13: A control character (U+0000)");
	becomes("", "");
}

/* ---- limits ---- */

/* The first line, `before`, `count` times `what`, `after`: taken, or refused with `message`. */
static void repeated(const char *before, const char *what, size_t count, const char *after, const char *message)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(16 * TEXT), out = FUDA_BUF_INIT(16 * TEXT);

	assert_int_equal(fuda_buf_append(&text, FIRST, strlen(FIRST)), 0);
	assert_int_equal(fuda_buf_append(&text, before, strlen(before)), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fuda_buf_append(&text, what, strlen(what)), 0);
	assert_int_equal(fuda_buf_append(&text, after, strlen(after)), 0);
	if (message)
		refused(text.data, text.len, message);
	else if (text_format(ctx, text.data, text.len, &out) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

static void limits(void **state)
{
	const size_t lines = TRACE_BYTES_MAX / 32;
	static const char line[] = "  000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n";

	(void)state;
	/* a line */
	repeated("> ", "00", (TRACE_LINE_MAX - 2) / 2, "\n", NULL);
	repeated("> ", "00", (TRACE_LINE_MAX - 2) / 2, "\r\n", NULL);
	repeated("> ", "00", (TRACE_LINE_MAX - 2) / 2, " \r\n", "2:1: A line has at most 4096 bytes");
	repeated("> ", "00", TRACE_LINE_MAX / 2, "", "2:1: A line has at most 4096 bytes");
	repeated("", "x", 1 << 20, "", "2:1: A line has at most 4096 bytes");
	/* a comment, a text */
	repeated("# ", "x", TRACE_TEXT_MAX, "", NULL);
	repeated("# ", "x", TRACE_TEXT_MAX + 1, "", "2:1: A text has at most 4000 bytes");
	repeated("program \"", "x", TRACE_TEXT_MAX, "\"", NULL);
	repeated("program \"", "\\\\", TRACE_TEXT_MAX / 2, "\"", NULL);
	repeated("program \"", "x", TRACE_TEXT_MAX + 1, "\"", "2:9: A text has at most 4000 bytes");
	repeated("> \"", "\\\\", TRACE_TEXT_MAX / 2, "\"", NULL);
	repeated("> \"", "\\\"", TRACE_TEXT_MAX / 2 + 1, "\"", "2:3: A text has at most 4000 bytes");
	/* items */
	repeated(">\n", "  ..\n", TRACE_ITEMS_MAX, "", NULL);
	repeated(">\n", "  ..\n", TRACE_ITEMS_MAX + 1, "", "4099:3: A statement has at most 262144 bytes and 4096");
	repeated(">\n", "  #\n", TRACE_ITEMS_MAX + 1, "", "4099:3: A statement has at most");
	/* bytes */
	repeated(">\n", line, lines, "", NULL);
	repeated(">\n", line, lines, "  00", "8195:3: A statement has at most");
	repeated(">\n", line, lines, "  # x", "8195:3: A statement has at most");
	repeated(">\n", line, lines, "  $ok", "8195:3: A statement has at most");
	repeated(">\n", line, lines, "  \"x\"", "8195:3: A statement has at most");
	/* names */
	repeated("name ", "x", TRACE_NAME_MAX, " = 00", NULL);
	repeated("name ", "x", TRACE_NAME_MAX + 1, " = 00", "2:6: Expected a name");
}

/* Names take a bounded amount of memory, too. */
static void many_names(void **state)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT), out = FUDA_BUF_INIT(TEXT);
	char line[64];

	(void)state;
	assert_int_equal(fuda_buf_append(&text, FIRST, strlen(FIRST)), 0);
	for (int i = 0; i < 1025; i++) {
		/* not in the order of the alphabet */
		int which = i * 7 % 1025;
		int n = snprintf(line, sizeof(line), "name n%d = %04X\nverify a\n< $n%d\n", which, i, which);

		if (i == 1024) {
			assert_int_equal(text_format(ctx, text.data, text.len, &out), 0);
			assert_memory_equal(text.data + strlen(FIRST), "name n0 = 0000", 14);
		}
		assert_int_equal(fuda_buf_append(&text, line, (size_t)n), 0);
	}
	refused(text.data, text.len, "3074:6: Too many names");
}

/* ---- values ---- */

static void values(void **state)
{
	static const char text[] = FIRST
		"\n# x\n> 00 A4 $jpki {a=..{2-3}} {a} <data 5 0102030405060708> # n\n< 63Cx|$ok (1..2 ms) *\n";
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_parser *p = NULL;

	(void)state;
	assert_int_equal(text_open(ctx, text, strlen(text), &p), 0);
	assert_string_equal(trace_parser_path(p), "t");
	assert_int_equal(trace_parse(p, &s), 1);
	assert_int_equal(s.kind, TRACE_EMPTY);
	assert_int_equal(s.count, 0);
	assert_int_equal(s.line, 2);
	assert_int_equal(trace_parse(p, &s), 1);
	assert_int_equal(s.kind, TRACE_EMPTY);
	assert_int_equal(s.items[0].kind, TRACE_NOTE);
	assert_memory_equal(s.bytes.data + s.items[0].at, "x", 1);
	assert_int_equal(trace_parse(p, &s), 1);
	assert_int_equal(s.kind, TRACE_COMMAND);
	assert_int_equal(s.line, 4);
	assert_int_equal(s.count, 6);
	assert_int_equal(s.items[0].len, 2);
	assert_int_equal(s.items[1].len, 10);
	assert_string_equal(s.items[1].name, "jpki");
	assert_memory_equal(s.bytes.data + s.items[1].at, "\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01", 10);
	assert_string_equal(s.items[2].name, "a");
	assert_int_equal(s.items[2].min, 2);
	assert_int_equal(s.items[2].max, 3);
	assert_int_equal(s.items[3].kind, TRACE_REFER);
	assert_int_equal(s.items[4].min, 5);
	assert_memory_equal(s.items[4].hash, "\1\2\3\4\5\6\7\10", 8);
	assert_int_equal(trace_literal(&s, NULL), FUDA_EFORMAT);
	assert_int_equal(trace_parse(p, &s), 1);
	assert_int_equal(s.kind, TRACE_RESPONSE);
	assert_int_equal(s.status_count, 2);
	assert_int_equal(s.statuses[0].sw, 0x63C0);
	assert_int_equal(s.statuses[0].mask, 0xFFF0);
	assert_int_equal(s.statuses[1].sw, 0x9000);
	assert_string_equal(s.statuses[1].name, "ok");
	assert_int_equal(s.time.kind, TRACE_TIME_WITHIN);
	assert_int_equal(s.time.min_us, 1000);
	assert_int_equal(s.time.max_us, 2000);
	assert_int_equal(s.items[0].max, SIZE_MAX);
	assert_int_equal(trace_parse(p, &s), 0);
	assert_int_equal(trace_parse(p, &s), 0);
	assert_int_equal(trace_fail_at(p, 4, FUDA_ESW, "so %d", 1), FUDA_ESW);
	assert_string_equal(fuda_context_message(ctx), "t:4: so 1");
	trace_statement_free(&s);
	trace_parser_free(&p);
	trace_parser_free(&p);
}

/* What a message says never repeats bytes, which may be a secret. */
static void keeps_bytes_to_itself(void **state)
{
	static const char *const rows[] = {
		"> 00 20 00 80 04 31323334z", "> 002000800431323334z", "31323334", "> 00 20 00 80 \"12345678\"x",
		"> 00 20 00 80 <secret 31323334>",
	};
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(TEXT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[100];
		int len = snprintf(text, sizeof(text), FIRST "%s", rows[i]);

		assert_int_equal(text_format(ctx, text, (size_t)len, &out), FUDA_EFORMAT);
		assert_null(strstr(fuda_context_message(ctx), "3132"));
		assert_null(strstr(fuda_context_message(ctx), "1234"));
	}
}

/* ... and what says nothing of one is taken. */
static void takes_headers_of_secrets(void **state)
{
	static const char *const rows[] = {
		"> 00 20 00 98\n",
		"> 00 20 00 98 00\n",
		"> 00 20 00 98 04 <secret 4>\n",
		"> 00 20 00 98 00 00 04 <secret 4>\n",
		"> 00 20 00 98 <secret 300>\n",
		"> 00 20 00 98 <typed>\n",
		"> 00 20 00 98 04 {pin}\n",
		"> 00 20 00 98 *\n",
		"> 80 54 00 9C 00\n",
		"> FF CA 00 00 00\n",
		"> 00 88 00 00 04 31 32 33 34\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		becomes(rows[i], rows[i]);
}

/* ---- files ---- */

static ssize_t broken_read(void *cookie, char *bytes, size_t len)
{
	(void)cookie;
	(void)bytes;
	(void)len;
	errno = EIO;
	return -1;
}

static void broken_files(void **state)
{
	static const cookie_io_functions_t functions = { .read = broken_read };
	struct trace_parser *p = NULL;

	(void)state;
	assert_int_equal(trace_parser_open(ctx, "broken", fopencookie(NULL, "rb", functions), &p), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "broken: Input/output error"));
	assert_null(p);
}

static void files(void **state)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_parser *p = NULL;
	struct trace_place place;
	int fds[2];

	(void)state;
	assert_int_equal(trace_parser_open(ctx, "/nowhere/at/all", NULL, &p), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "/nowhere/at/all: "));
	assert_int_equal(trace_parser_open(ctx, "/", NULL, &p), FUDA_EFILE);
	assert_null(p);
	/* a pipe is read, and cannot go back */
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], FIRST "insert\nremove\n", 27), 27);
	close(fds[1]);
	assert_int_equal(trace_parser_open(ctx, "pipe", fdopen(fds[0], "rb"), &p), 0);
	assert_int_equal(trace_parse(p, &s), 1);
	assert_int_equal(trace_parser_tell(p, &place), FUDA_ENOTSUP);
	assert_non_null(strstr(fuda_context_message(ctx), "pipe:2: "));
	assert_int_equal(trace_parse(p, &s), 1);
	assert_int_equal(s.kind, TRACE_REMOVE);
	assert_int_equal(trace_parse(p, &s), 0);
	trace_parser_free(&p);
	trace_statement_free(&s);
}

static void goes_back(void **state)
{
	static const char text[] = FIRST "insert\r\n\nrepeat 2 # x\n  # y\nremove\n\nend\ninsert";
	static const unsigned long lines[] = { 2, 3, 4, 6, 7, 8, 9 };
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_parser *p = NULL;
	struct trace_place places[ARRAY_SIZE(lines) + 1];
	enum trace_kind kinds[ARRAY_SIZE(lines)];

	(void)state;
	assert_int_equal(text_open(ctx, text, strlen(text), &p), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(trace_parser_tell(p, &places[i]), 0);
		assert_int_equal(trace_parse(p, &s), 1);
		assert_int_equal(s.line, lines[i]);
		kinds[i] = s.kind;
	}
	assert_int_equal(trace_parser_tell(p, &places[ARRAY_SIZE(lines)]), 0);
	assert_int_equal(trace_parse(p, &s), 0);
	/* from each place the rest is the same */
	for (size_t from = 0; from <= ARRAY_SIZE(lines); from++) {
		assert_int_equal(trace_parser_seek(p, &places[from]), 0);
		for (size_t i = from; i < ARRAY_SIZE(lines); i++) {
			assert_int_equal(trace_parse(p, &s), 1);
			assert_int_equal(s.line, lines[i]);
			assert_int_equal(s.kind, kinds[i]);
		}
		assert_int_equal(trace_parse(p, &s), 0);
	}
	trace_statement_free(&s);
	trace_parser_free(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_first_lines),
		cmocka_unit_test(limits),
		cmocka_unit_test(many_names),
		cmocka_unit_test(values),
		cmocka_unit_test(keeps_bytes_to_itself),
		cmocka_unit_test(takes_headers_of_secrets),
		cmocka_unit_test(broken_files),
		cmocka_unit_test(files),
		cmocka_unit_test(goes_back),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
