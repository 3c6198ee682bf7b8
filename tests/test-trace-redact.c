/* SPDX-License-Identifier: Apache-2.0 */
/* What of an exchange is shown: as text, with the hashes left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "tests/cmocka.h"
#include "trace/record.h"

static char folder[64];
static struct fuda_context *ctx;
static struct trace_keyring *keyring;

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/fuda-redact.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	setenv("XDG_CONFIG_HOME", folder, 1);
	return fuda_context_new(&ctx) < 0 || trace_keyring_open(ctx, &keyring) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	trace_keyring_free(&keyring);
	fuda_context_free(&ctx);
	snprintf(path, sizeof(path), "%s/fuda/trace.key", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/fuda", folder);
	rmdir(path);
	return rmdir(folder);
}

static struct fuda_buf bytes(const char *hex)
{
	struct fuda_buf b = FUDA_BUF_INIT(70000);

	assert_int_equal(fuda_hex_decode(hex, &b), 0);
	return b;
}

/* "<data 4 0123456789ABCDEF>" becomes "<data 4>", and lines become one. */
static void without_hashes(char *text)
{
	char *out = text;

	for (const char *p = text; *p; p++) {
		if (*p == '\n') {
			if (p[1])
				*out++ = ' ', p += strspn(p + 1, " ");
			continue;
		}
		*out++ = *p;
		if (strncmp(p, "<data ", 6) == 0) {
			p += 6;
			memcpy(out, "data ", 5);
			out += 5;
			while (*p >= '0' && *p <= '9')
				*out++ = *p++;
			assert_int_equal(*p, ' ');
			assert_int_equal(strspn(p + 1, "0123456789ABCDEF"), 16);
			assert_int_equal(p[17], '>');
			p += 16;
		}
	}
	*out = 0;
}

static void as_text(const struct trace_statement *s, char *out, size_t size)
{
	struct fuda_buf text = FUDA_BUF_INIT(1 << 20);

	assert_int_equal(trace_format(s, &text), 0);
	assert_true(text.len < size);
	memcpy(out, text.data, text.len);
	out[text.len] = 0;
	without_hashes(out);
	fuda_buf_free(&text);
}

enum { TEXT = 4096 };

/* The exchange as the trace has it, and `f` follows it. */
static void exchange(struct trace_follow *f, bool raw, const char *command, const char *response, char out[2 * TEXT])
{
	struct fuda_buf c = bytes(command), r = bytes(response);
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_about about;
	size_t len;

	trace_about(f, c.data, c.len, &about);
	assert_int_equal(trace_redact_command(keyring, &about, raw, c.data, c.len, &s), 0);
	as_text(&s, out, TEXT);
	len = strlen(out);
	out[len++] = ' ';
	assert_int_equal(trace_redact_response(keyring, &about, raw, r.data, r.len, &s), 0);
	as_text(&s, out + len, TEXT);
	trace_follow(f, c.data, c.len, (uint16_t)(r.data[r.len - 2] << 8 | r.data[r.len - 1]));
	fuda_buf_free(&c);
	fuda_buf_free(&r);
}

struct exchanges {
	const char *command, *response;
};

#define SELECT_JPKI   "00A4040C0AD392F000260100000001"
#define SELECT_MDOC "00A4040C07A0000002480400"
#define SELECT_TEXT   "00A4040C0AD3921000310001010408"
#define SELECT_COMMON "00A4040C0AD3921000310001010100"

/* One command, with an application selected. */
static void shows(void **state)
{
	static const struct {
		const char *select, *command, *response, *text, *raw; /* NULL: raw is the same */
	} rows[] = {
		{ NULL, SELECT_JPKI, "9000", "> 00 A4 04 0C 0A D3 92 F0 00 26 01 00 00 00 01 < 9000", NULL },
		{ NULL, "00A4040007A000000151000000", "6F078405A0000001519000",
		  "> 00 A4 04 00 07 A0 00 00 01 51 00 00 00 < 9000 6F 07 84 05 A0 00 00 01 51", NULL },
		{ SELECT_JPKI, "00A4020C020006", "9000", "> 00 A4 02 0C 02 00 06 < 9000", NULL },
		{ SELECT_JPKI, "00B0860004", "4A504B499000", "> 00 B0 86 00 04 < 9000 4A 50 4B 49", NULL },
		{ SELECT_JPKI, "00B0860004", "6B00", "> 00 B0 86 00 04 < 6B00", NULL },
		{ SELECT_JPKI, "00B08600000004", "4A504B499000", "> 00 B0 86 00 00 00 04 < 9000 4A 50 4B 49", NULL },
		{ NULL, "0084000004", "010203049000", "> 00 84 00 00 04 < 9000 01 02 03 04", NULL },
		{ SELECT_JPKI, "00200098", "63C2", "> 00 20 00 98 < 63C2", NULL },
		{ SELECT_JPKI, "0020009800", "63C2", "> 00 20 00 98 00 < 63C2", NULL },
		/* what is not shown unless raw */
		{ SELECT_TEXT, "00B0810004", "FF100C319000", "> 00 B0 81 00 04 < 9000 <data 4>",
		  "> 00 B0 81 00 04 < 9000 FF 10 0C 31" },
		{ SELECT_JPKI, "00B08A0004", "308206219000", "> 00 B0 8A 00 04 < 9000 <data 4>",
		  "> 00 B0 8A 00 04 < 9000 30 82 06 21" },
		{ SELECT_JPKI, "00B0850004", "308206219000", "> 00 B0 85 00 04 < 9000 <data 4>",
		  "> 00 B0 85 00 04 < 9000 30 82 06 21" },
		{ SELECT_COMMON, "00B2010C00", "011C343030309000", "> 00 B2 01 0C 00 < 9000 <data 6>",
		  "> 00 B2 01 0C 00 < 9000 01 1C 34 30 30 30" },
		{ NULL, "00CA00F200", "32303335303231379000", "> 00 CA 00 F2 00 < 9000 <data 8>",
		  "> 00 CA 00 F2 00 < 9000 32 30 33 35 30 32 31 37" },
		{ SELECT_JPKI, "802A009702313200", "AABB9000",
		  "> 80 2A 00 97 02 <data 2> 00 < 9000 <data 2>",
		  "> 80 2A 00 97 02 31 32 00 < 9000 AA BB" },
		{ SELECT_TEXT, "80AE00000000020102", "9000", "> 80 AE 00 00 00 00 02 <data 2> < 9000",
		  "> 80 AE 00 00 00 00 02 01 02 < 9000" },
		{ NULL, "00A4040005A000000001", "31329000", "> 00 A4 04 00 05 A0 00 00 00 01 < 9000 <data 2>",
		  "> 00 A4 04 00 05 A0 00 00 00 01 < 9000 31 32" },
		{ NULL, "00A4080C047F100002", "9000", "> 00 A4 08 0C 04 <data 4> < 9000",
		  "> 00 A4 08 0C 04 7F 10 00 02 < 9000" },
		/* secrets, raw or not */
		{ SELECT_JPKI, "002000980431323334", "63C2", "> 00 20 00 98 04 <secret 4> < 63C2", NULL },
		{ SELECT_JPKI, "0020009800000431323334", "9000", "> 00 20 00 98 00 00 04 <secret 4> < 9000", NULL },
		{ SELECT_JPKI, "002401980431323334", "9000", "> 00 24 01 98 04 <secret 4> < 9000", NULL },
		{ SELECT_COMMON, "8032009C0431323334", "9000", "> 80 32 00 9C 04 <secret 4> < 9000", NULL },
		{ NULL, "00C200000931323334353637383900", "31329000",
		  "> 00 C2 00 00 <secret 11> < 9000 <data 2>", NULL },
		/* what a phone is sent, raw or not */
		{ SELECT_MDOC, "10C3000004A1646461", "9000", "> 10 C3 00 00 04 <secret 4> < 9000", NULL },
		{ SELECT_MDOC, "00C3000004A164646100", "A1649000",
		  "> 00 C3 00 00 04 <secret 5> < 9000 <data 2>", "> 00 C3 00 00 04 <secret 5> < 9000 A1 64" },
		{ SELECT_MDOC, "00C30000000004A16464610000", "9000", "> 00 C3 00 00 00 00 04 <secret 6> < 9000", NULL },
	};
	char got[2 * TEXT];

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		bool raw = i >= ARRAY_SIZE(rows);
		size_t k = i % ARRAY_SIZE(rows);
		const char *text = raw && rows[k].raw ? rows[k].raw : rows[k].text;
		struct trace_follow f = { 0 };

		if (rows[k].select)
			exchange(&f, false, rows[k].select, "9000", got);
		exchange(&f, raw, rows[k].command, rows[k].response, got);
		assert_string_equal(got, text);
	}
}

/* ---- ways to make a secret appear ---- */

/* Commands with the secret 1234 in them, in places where it does not belong. Of a PIN command nothing of it is shown,
 * raw or not; of other commands unless raw. */
static const struct {
	const char *command;
	bool pin;
} astray[] = {
	{ "0020009831323334", true },		  /* no length */
	{ "00200098000031323334", true },	  /* an extended one that is cut */
	{ "002000980331323334", true },		  /* too small a length: a digit as Le */
	{ "002000980231323334", true },
	{ "0020009801313233340000", true },
	{ "002000980531323334", true },		  /* too great a one */
	{ "00200098FF31323334", true },
	{ "00200098043132333400", true },
	{ "0020009804313233340000", true },
	{ "0020313233340098", true },		  /* in P1-P2: two of its digits */
	{ "002001980431323334", true },
	{ "102000980431323334", true },		  /* chained */
	{ "10200098023132", true },
	{ "00200098023334", true },
	{ "082000980431323334", true },		  /* wrapped */
	{ "0C20009807860501C231323334", true },
	{ "012000980431323334", true },		  /* on other channels */
	{ "4F2000980431323334", true },
	{ "802000980431323334", true },		  /* in other classes */
	{ "A02000980431323334", true },
	{ "002100980431323334", true },
	{ "002400980831323334313233", true },
	{ "0024009808313233343132333400", true },
	{ "00260098043132333400", true },
	{ "00280098043132333400", true },
	{ "002C0098043132333400", true },
	{ "802C0098043132333400", true },
	{ "80320080043132333400", true },
	{ "8432008004313233340000", true },
	{ "80540080043132333400", true },
	{ "00C2000009002000980431323334", true }, /* wrapped into another */
	{ "10C2000009002000980431323334", true },
	{ "00C3000009002000980431323334", true },
	{ "FF00000009002000980431323334", true }, /* given to the reader */
	{ "FFC2000109002000980431323334", true },
	{ "FF82000004313233343132", true },
	/* in commands for something else */
	{ "00A4040C0431323334", false },
	{ "00A4040C0831323334FFFFFFFF", false },
	{ "00A4040C0C313233343132333431323334", false },
	{ "00A4080C0431323334", false },
	{ "00A4020C0431323334", false },
	{ "00A4000C0431323334", false },
	{ "00A40431323334", false },
	{ "00B000000431323334", false },
	{ "00B0000031323334", false },
	{ "00B10000043132333400", false },
	{ "00B201040431323334", false },
	{ "008400000431323334", false },
	{ "00CA00000431323334", false },
	{ "00CB3FFF043132333400", false },
	{ "00C000000431323334", false },
	{ "00D600000431323334", false },
	{ "00DA01000431323334", false },
	{ "10DA01000431323334", false },
	{ "00DC01040431323334", false },
	{ "00E200000431323334", false },
	{ "002200000431323334", false },
	{ "008200000431323334", false },
	{ "00860000043132333400", false },
	{ "008800990431323334", false },
	{ "802A0097043132333400", false },
	{ "80A200C10431323334", false },
	{ "80AE00000431323334", false },
	{ "80FC00000431323334", false },
	{ "905A0000043132333400", false },
	{ "FFCA00000431323334", false },
	{ "007000000431323334", false },
	{ "0032008004313233340000", false },
};

static void hides_secrets_anywhere(void **state)
{
	char got[2 * TEXT];

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(astray); i++) {
		bool raw = i >= ARRAY_SIZE(astray);
		size_t k = i % ARRAY_SIZE(astray);
		struct trace_follow f = { .application = &aid_jpki, .file = 2 };

		if (raw && !astray[k].pin)
			continue;
		exchange(&f, raw, astray[k].command, "9000", got);
		/* behind the header, not two digits of it */
		if (strstr(got + strlen("> 00 20 00 98"), "31") || strstr(got + strlen("> 00 20 00 98"), "34"))
			fail_msg("%s: %s", astray[k].command, got);
		if (astray[k].pin && !strstr(got, "<secret "))
			fail_msg("%s: %s", astray[k].command, got);
	}
}

/* ---- ways to make what is personal appear ---- */

#define NAME "E5B1B1E794B0" /* 山田 */

/* The last of each answers with the name. */
static const struct exchanges personal[][6] = {
	{ { SELECT_TEXT, "9000" }, { "00A4020C020002", "9000" }, { "00B0000000", NAME "9000" } },
	{ { SELECT_TEXT, "9000" }, { "00B0820000", NAME "9000" } },
	{ { SELECT_TEXT, "9000" }, { "00B0820000", "9000" }, { "00B0000F00", NAME "9000" } },
	/* with the wrong length first */
	{ { SELECT_TEXT, "9000" }, { "00B0820000", "6C06" }, { "00B0820006", NAME "9000" } },
	/* in two parts, and what belongs to no command */
	{ { SELECT_TEXT, "9000" }, { "00B0820000", "6106" }, { "00C0000006", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00C0000006", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "6106" }, { "00B0810000", "6106" },
	  { "00C0000006", NAME "9000" } },
	/* from what was selected before: by the beginning of an AID, or the next one that begins so */
	{ { SELECT_JPKI, "9000" }, { "00A4040C08D392100031000101", "9000" }, { "00B0820000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00A4040E0AD392F000260100000001", "9000" }, { "00B0820000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00A4040C00", "9000" }, { "00B0820000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00A4080C04D3920002", "9000" }, { "00B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00A4010C027F10", "9000" }, { "00B0820000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "10A4040C0AD3921000310001010408", "9000" }, { "00B0820000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00A404", "9000" }, { "00B0820000", NAME "9000" } },
	/* where a selection failed, or half of it */
	{ { SELECT_JPKI, "9000" }, { SELECT_TEXT, "6F00" }, { "00B0820000", NAME "9000" } },
	{ { SELECT_TEXT, "9000" }, { SELECT_JPKI, "6A82" }, { "00B0820000", NAME "9000" } },
	/* a file that is made the current one by something else than selecting it */
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00200081", "6300" }, { "00B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00B0810000", "6982" }, { "00B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00B0810000", "6C20" }, { "00B0000020", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00A4020C020001", "6283" },
	  { "00B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00440000020001", "9000" },
	  { "00B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00D68100", "6700" }, { "00B0000000", NAME "9000" } },
	/* not READ BINARY as it is */
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "80B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "01B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00B1000104540200000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00B3010400", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B09F0000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00B0E20000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "00", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00B0820000", "9000" }, { "", NAME "9000" } },
	/* wrapped */
	{ { SELECT_TEXT, "9000" }, { "08A402000586030100FF00", "9000" }, { "00B0000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "08B082000596030000000000", NAME "9000" } },
	{ { SELECT_TEXT, "9000" }, { "00C2000005" "00B0820000" "00", NAME "9000" } },
	/* answers of what has none, and of what is not known */
	{ { SELECT_TEXT, "9000" }, { "00200091", NAME "63C3" } },
	{ { SELECT_TEXT, "9000" }, { "002000910431323334", NAME "9000" } },
	{ { SELECT_JPKI, NAME "9000" } },
	{ { "00A4040000", "6F06" NAME "00009000" } },
	{ { "00A4040000", "6F0F" NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "00CA00F000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "80FC000000", NAME "9000" } },
	{ { SELECT_JPKI, "9000" }, { "80EE000000", NAME "9000" } },
	{ { "FFCA000000", NAME "9000" } },
	{ { "FF00000000", NAME "9000" } },
	/* the status word does not matter */
	{ { SELECT_TEXT, "9000" }, { "00B0820000", NAME "6282" } },
	{ { SELECT_TEXT, "9000" }, { "00B0820000", NAME "6F00" } },
};

static void hides_names(void **state)
{
	char got[2 * TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(personal); i++) {
		struct trace_follow f = { 0 };

		for (size_t k = 0; k < ARRAY_SIZE(personal[i]) && personal[i][k].command; k++)
			exchange(&f, false, personal[i][k].command, personal[i][k].response, got);
		if (strstr(got, "E5 B1") || strstr(got, "B1 B1") || !strstr(got, "<data "))
			fail_msg("row %zu: %s", i, got);
	}
}

/* No byte of a response is shown that was not asked for in a way that is on the list: whatever the command. */
static void hides_by_default(void **state)
{
	char got[2 * TEXT], command[16];
	unsigned shown = 0;

	(void)state;
	for (unsigned cla = 0; cla < 256; cla++) {
		for (unsigned ins = 0; ins < 256; ins++) {
			struct trace_follow f = { 0 };

			snprintf(command, sizeof(command), "%02X%02X000000", cla, ins);
			exchange(&f, false, command, NAME "9000", got);
			shown += strstr(got + 8, "E5 B1") != NULL;
			if (strstr(got + 8, "E5 B1") && (cla != 0 || ins != 0x84))
				fail_msg("%s: %s", command, got);
		}
	}
	assert_int_equal(shown, 1);
}

static void keeps_hands_off_nothing(void **state)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	const struct trace_about about = { .kind = TRACE_IS_OTHER, .name = "" };

	(void)state;
	assert_int_equal(trace_redact_response(keyring, &about, true, (const uint8_t *)"\x90", 1, &s), FUDA_EFORMAT);
	assert_int_equal(trace_redact_response(keyring, &about, true, NULL, 0, &s), FUDA_EFORMAT);
	/* whatever it is said to be about, a PIN command is one */
	assert_int_equal(trace_redact_command(keyring, &about, true, (const uint8_t *)"\0 \0\x98\4""1234", 9, &s), 0);
	assert_int_equal(s.bytes.len, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows),
		cmocka_unit_test(hides_secrets_anywhere),
		cmocka_unit_test(hides_names),
		cmocka_unit_test(hides_by_default),
		cmocka_unit_test(keeps_hands_off_nothing),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
