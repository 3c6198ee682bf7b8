/* SPDX-License-Identifier: Apache-2.0 */
/* The software wallet as a tag: what readers of mdoc.md 1.4 find there, and what it refuses. */
#include "tests/softwallet.h"

#include <fuda/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/cmocka.h"
#include "tests/vectors.h"

#define CONTAINER_HEAD "000F207FFF7FFF0406E1047FFF00"
#define TP             "D1021A5470101375726E3A6E66633A736E3A68616E646F76657200000FFFFF"
#define TS             "D1021454731375726E3A6E66633A736E3A68616E646F766572"
#define TE             "D10201546500"

/* What is read of the other implementation's transcript, a line of which is a command or an answer
 * (vectors/mdoc). */
struct line {
	char name[40], direction[4], head[16], le[16], data[2048];
};

static bool next_line(FILE *f, const char *name, char direction, struct line *ret)
{
	char text[4096];

	while (fgets(text, sizeof(text), f)) {
		const char *field[5] = { text };
		char *p = text;

		text[strcspn(text, "\r\n")] = 0;
		for (int i = 1; i < 5; i++) {
			p = p ? strchr(p, '\t') : NULL;
			if (p)
				*p++ = 0;
			field[i] = p ? p : "";
		}
		if (strcmp(field[0], name) != 0 || *field[1] != direction)
			continue;
		snprintf(ret->head, sizeof(ret->head), "%s", field[2]);
		snprintf(ret->le, sizeof(ret->le), "%s", field[3]);
		snprintf(ret->data, sizeof(ret->data), "%s", field[4]);
		return true;
	}
	return false;
}

/* Plays a reader's half to the wallet; the first `same` answers must be those of the other wallet,
 * of the others but the status word. */
static void play(const char *settings, const char *name, size_t same)
{
	FILE *f = fopen(vector_path("nfc_handover_transcripts.tsv"), "r");
	struct vcard *v = softwallet_on(settings);
	struct line command, answer;
	size_t count = 0;

	if (!f) {
		softwallet_off(&v);
		skip();
	}
	for (; next_line(f, name, 'C', &command) && next_line(f, name, 'R', &answer); count++) {
		struct fuda_buf data = FUDA_BUF_INIT(4096), theirs = FUDA_BUF_INIT(4096), got;
		unsigned cla, ins, p12, le = 0;
		uint16_t sw;

		assert_int_equal(sscanf(command.head, "%2x%2x%4x", &cla, &ins, &p12), 3);
		sscanf(command.le, "Le=%u", &le);
		assert_int_equal(fuda_hex_decode(command.data, &data), 0);
		assert_int_equal(fuda_hex_decode(answer.data, &theirs), 0);
		got = counter_command(v, (uint8_t)cla, (uint8_t)ins, (uint16_t)p12,
				      cur_of(data.data, data.len), le, &sw);
		assert_int_equal(sw, 0x9000);
		if (count < same) {
			assert_int_equal(got.len, theirs.len);
			if (got.len)
				assert_memory_equal(got.data, theirs.data, got.len);
		}
		fuda_buf_free(&data);
		fuda_buf_free(&theirs);
		fuda_buf_free(&got);
	}
	assert_true(count >= same && same);
	fclose(f);
	softwallet_off(&v);
}

/* The handover select differs, as this wallet offers NFC alone. */
static void transcripts(void **state)
{
	(void)state;
	play("handover = static\n", "testStaticHandover", 4);
	play("", "testNegotiatedHandover", 10);
}

static void check_select(const struct counter *c)
{
	static const char head[] = "91021148731"
				   "5D1020B616301036E6663"
				   "01046D646F63",
			  record[] = "1C1E%"
				     "02X0469736F2E6F72673A31383031333A646576696365656E676167656D65"
				     "6E746D646F63",
			  carrier[] = "5C110A0369736F2E6F72673A31383031333A6E66636E6663010301FFFF04"
				      "02010000";
	char expected[1024], got[2048], engagement[1024];

	fuda_hex_encode(c->engagement.data, c->engagement.len, engagement);
	snprintf(expected, sizeof(expected), record, (unsigned)c->engagement.len);
	fuda_hex_encode(c->select.data, c->select.len, got);
	assert_memory_equal(got, head, strlen(head));
	assert_memory_equal(got + strlen(head), expected, strlen(expected));
	assert_memory_equal(got + strlen(head) + strlen(expected), engagement, strlen(engagement));
	assert_string_equal(got + strlen(head) + strlen(expected) + strlen(engagement), carrier);
	/* version, and the key in its tag: mdoc.md 1.2; no retrieval methods in NFC engagement */
	assert_memory_equal(engagement, "A20063312E30018201D818584BA401022001215820", 42);
}

/* Both handovers byte for byte, and another key each time. */
static void handovers(void **state)
{
	static void (*const engage[])(struct counter * c, struct vcard * v) = { counter_static,
										counter_negotiate };
	static const char *const settings[] = { "handover = static\n", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(engage); i++) {
		struct vcard *v = softwallet_on(settings[i]);
		struct counter a, b;

		engage[i](&a, v);
		check_select(&a);
		engage[i](&b, v);
		check_select(&b);
		assert_int_equal(a.engagement.len, b.engagement.len);
		assert_memory_not_equal(a.engagement.data, b.engagement.data, a.engagement.len);
		counter_free(&a);
		counter_free(&b);
		softwallet_off(&v);
	}
}

static void on(const char *settings, const struct exchange *exchanges)
{
	struct vcard *v = softwallet_on(settings);

	expect_all(v, exchanges);
	softwallet_off(&v);
}

/* What is selected, and what can be read of it. */
static void files(void **state)
{
	static const struct exchange reading[] = {
		{ "00B0000002", "6D00" }, /* nothing is selected */
		{ "00C3000001AA00", "6D00" },
		{ SELECT_CC, "6A82" },
		{ "00A404000AD392F000260100000001", "6A82" }, /* JPKI is another thing */
		{ "00A4040006D27600008501", "6A82" },
		{ "00A4040C07D2760000850101", "9000" },
		{ "00B0000002", "6986" },
		{ "00D6000001AA", "6986" },
		{ SELECT_CC, "9000" },
		{ "00B000000F", CONTAINER_HEAD "009000" },
		{ "00B0000000000F", CONTAINER_HEAD "009000" },
		{ "00B0000E0A", "009000" },
		{ "00B0000F01", "6B00" },
		{ "00D6000001AA", "6982" },
		{ "00A4000C02E105", "6A82" },
		{ "00A4000C01E1", "6700" },
		{ "00A4000002E103", "6A86" },
		{ "00A4010C02E103", "6A86" },
		{ "00B0000002", "000F9000" }, /* still the one before */
		{ SELECT_NDEF, "9000" },
		{ "00B0000002", "001F9000" },
		{ "00B000021F", TP "9000" },
		{ "00B00000FF", "001F" TP "9000" },
		{ "00B0000001", "009000" },
		{ "00B0002101", "6B00" },
		{ "00B00000", "6700" },
		{ "00B0000001AA00", "6700" },
		{ "01B0000002", "6E00" },
		{ "80B0000002", "6E00" },
		{ "10B0000002", "6884" },
		{ "00B2000002", "6D00" },
		{ "00C3000001AA00", "6D00" }, /* that is the other application's */
		{ NULL },
	};
	static const struct exchange fixed[] = {
		{ SELECT_TAG, "9000" },
		{ SELECT_CC, "9000" },
		{ "00B000000F", CONTAINER_HEAD "FF9000" },
		{ SELECT_NDEF, "9000" },
		{ "00D60000020000", "6982" },
		{ NULL },
	};

	(void)state;
	on("", reading);
	on("handover = static\n", fixed);
}

#define AT_TAG                      \
	{ SELECT_TAG, "9000" },     \
	{                           \
		SELECT_NDEF, "9000" \
	}

/* The select in one piece, in pieces, and once more from the start. */
static void writing(void **state)
{
	static const struct exchange pieces[] = {
		AT_TAG,
		{ "00D60000020000", "9000" },
		{ "00B00000FF", "00009000" }, /* not there while it is written */
		{ "00D600020AD1021454731375726E3A", "9000" },
		{ "00D6000C0F6E66633A736E3A68616E646F766572", "9000" },
		{ "00D60000020019", "9000" },
		{ "00B00000FF", "0006" TE "9000" },
		{ NULL },
	};
	static const struct exchange again[] = {
		AT_TAG,
		{ "00D60000020000", "9000" },
		{ "00D6000203AABBCC", "9000" },
		{ "00D60000020000", "9000" },
		{ "00D6000219" TS, "9000" },
		{ "00D60000020019", "9000" },
		{ "00B00000FF", "0006" TE "9000" },
		{ NULL },
	};
	static const struct exchange refused[] = {
		AT_TAG,
		{ "00D6000201D1", "6985" }, /* the length comes first */
		{ "00D6000001", "6700" },
		{ "00D60000", "6700" },
		{ "00D600000100", "6700" },
		{ "00D60000020000", "9000" },
		{ "00D6000301D1", "6B00" }, /* a hole */
		{ "00D6FFFF01D1", "6B00" },
		{ "00D6000219" TS, "9000" },
		{ "00D60000020018", "6700" }, /* less than there is, and more */
		{ "00D600001B0018" TS, "6700" },
		{ "00D600001B001A" TS, "6700" },
		{ "00D600001B0019" TS "00", "6700" }, /* with Le */
		{ "00B00000FF", "001F" TP "9000" },
		{ "00D600001B0019" TS, "9000" },
		{ "00B00000FF", "0006" TE "9000" },
		{ NULL },
	};

	(void)state;
	on("", pieces);
	on("", again);
	on("", refused);
}

static void update(struct vcard *v, const char *message, const char *answer)
{
	const unsigned len = (unsigned)strlen(message) / 2;
	char command[2048];

	snprintf(command, sizeof(command), "00D60000%02X%04X%s", len + 2, len, message);
	expect(v, command, answer);
}

static void to_request(struct vcard *v)
{
	expect(v, SELECT_TAG, "9000");
	expect(v, SELECT_NDEF, "9000");
	update(v, TS, "9000");
}

static void refuse_message(const char *message, bool selected)
{
	struct vcard *v = softwallet_on("");

	expect(v, SELECT_TAG, "9000");
	expect(v, SELECT_NDEF, "9000");
	if (selected)
		update(v, TS, "9000");
	update(v, message, "6A80");
	expect(v, "00B0000002", "00009000"); /* there is no answer */
	expect(v, SELECT_MDOC, "6985");      /* nor an engagement */
	softwallet_off(&v);
}

/* A message of the wrong kind, at the wrong time, or of a form that is none. */
static void messages(void **state)
{
	static const struct {
		const char *message;
		bool selected; /* after the service was selected */
	} bad[] = {
		{ SOFTWALLET_HR, false }, /* nothing was selected yet */
		{ "D1021454741375726E3A6E66633A736E3A68616E646F766572", false }, /* Tt */
		{ "D2021454731375726E3A6E66633A736E3A68616E646F766572", false }, /* another form */
		{ "51021454731375726E3A6E66633A736E3A68616E646F766572", false }, /* not the first */
		{ "91021454731375726E3A6E66633A736E3A68616E646F766572", false }, /* not the last */
		{ "F1021454731375726E3A6E66633A736E3A68616E646F766572", false }, /* in pieces */
		{ "D1021454731275726E3A6E66633A736E3A68616E646F766572",
		  false }, /* length of the name */
		{ "D1021454731375726E3A6E66633A736E3A68616E646F766573",
		  false }, /* another service */
		{ "D1021554731375726E3A6E66633A736E3A68616E646F766572",
		  false }, /* longer than it is */
		{ "D1021354731375726E3A6E66633A736E3A68616E646F766572", false },
		{ "D1", false },
		{ TS, true }, /* again */
		{ SOFTWALLET_HR "00", true },
		{ "D1020C487215D10206616301036E666300", true }, /* without reader engagement */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuse_message(bad[i].message, bad[i].selected);
}

/* The handover request cut off anywhere, and with one byte of its forms changed. */
static void requests(void **state)
{
	static const struct {
		size_t at;
		const char *byte;
	} changes[] = {
		{ 0, "11" }, /* not the first */
		{ 0, "B1" }, /* in pieces */
		{ 0, "D1" }, /* the last, and more behind it */
		{ 3, "49" }, /* Ir */
		{ 5, "25" }, /* version 2.5 */
		{ 6, "51" }, /* the carrier: not the first, not the last, no "ac", longer than it is
			      */
		{ 6, "91" },  { 9, "62" }, { 12, "07" }, { 17, "9C" }, /* first once more */
		{ 17, "19" },                                          /* well known */
		{ 21, "70" },                                          /* another type */
		{ 51, "6E" },                                          /* another id */
		{ 67, "1C" },                                          /* not the last */
		{ 69, "0B" },                                          /* longer than it is */
	};
	char message[] = SOFTWALLET_HR;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		memcpy(message, SOFTWALLET_HR, sizeof(message));
		memcpy(message + 2 * changes[i].at, changes[i].byte, 2);
		refuse_message(message, true);
	}
	for (size_t len = strlen(SOFTWALLET_HR) - 2; len; len -= 2) {
		memcpy(message, SOFTWALLET_HR, sizeof(message));
		message[len] = 0;
		refuse_message(message, true);
	}
}

/* A reader that does not offer NFC: there is no carrier in common. */
static void no_carrier(void **state)
{
	char message[] = SOFTWALLET_HR, hex[1024];
	struct vcard *v = softwallet_on("");
	struct fuda_buf select;

	(void)state;
	memcpy(message + 26, "78", 2); /* "xfc" */
	to_request(v);
	update(v, message, "9000");
	select = counter_ndef(v);
	fuda_hex_encode(select.data, select.len, hex);
	assert_memory_equal(hex,
			    "91020148731"
			    "55C1E5804",
			    20);
	assert_int_equal(select.len, 6 + 4 + 30 + 4 + 88);
	expect(v, SELECT_MDOC, "6985");
	fuda_buf_free(&select);
	softwallet_off(&v);
}

/* The select comes late: mdoc.md 0.8. */
static void late(void **state)
{
	static const char *const settings[] = { "empty-reads = 3\n", "empty-reads = 3\nhandover = "
								     "static\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		struct vcard *v = softwallet_on(settings[i]);

		if (i) {
			expect(v, SELECT_TAG, "9000");
			expect(v, SELECT_NDEF, "9000");
		} else {
			to_request(v);
			update(v, SOFTWALLET_HR, "9000");
		}
		for (int n = 0; n < 3; n++)
			expect(v, "00B0000002", "00009000");
		expect(v, "00B0000002", "00B69000");
		softwallet_off(&v);
	}
}

/* Nothing of an engagement outlives the field, another engagement, or the way to another
 * application. */
static void lost(void **state)
{
	struct vcard *v = softwallet_on("");
	struct counter c;

	(void)state;
	expect(v, SELECT_MDOC, "6985");
	counter_negotiate(&c, v);
	counter_free(&c);
	expect(v, "00D600001B0019" TS, "6985"); /* it has what it wanted */
	expect(v, "00A404000AD392F000260100000001", "6A82");
	expect(v, SELECT_MDOC, "9000");
	expect(v, SELECT_MDOC, "9000");
	vcard_reset(v);
	expect(v, SELECT_MDOC, "6985");
	counter_negotiate(&c, v);
	counter_free(&c);
	vcard_power(v, false);
	vcard_power(v, true);
	expect(v, SELECT_MDOC, "6985");
	counter_negotiate(&c, v);
	counter_free(&c);
	expect(v, SELECT_TAG, "9000");
	expect(v, SELECT_MDOC, "6985");
	softwallet_off(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts), cmocka_unit_test(handovers),
		cmocka_unit_test(files),       cmocka_unit_test(writing),
		cmocka_unit_test(messages),    cmocka_unit_test(requests),
		cmocka_unit_test(no_carrier),  cmocka_unit_test(late),
		cmocka_unit_test(lost),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softwallet_setup, softwallet_teardown);
}
