/* SPDX-License-Identifier: Apache-2.0 */
/* The card's applications, command by command; on the software card they are tested by test-text.c,
 * test-face.c and test-common.c. */
#include <fuda/common.h>
#include <fuda/face.h>
#include <fuda/text.h>
#include <stdio.h>

#include "app/app.h"
#include "tests/mock.h"

#define SELECT_JPKI   "00A4040C0AD392F000260100000001"
#define SELECT_TEXT   "00A4040C0AD3921000310001010408"
#define SELECT_FACE   "00A4040C0AD3921000310001010402"
#define SELECT_COMMON "00A4040C0AD3921000310001010100"
#define SELECT_JUKI   "00A4040C0AD3921000310001010401"
#define SELECT_ISD    "00A4040C07A0000001510000"
#define CHALLENGE     "802A0000333031300D060960864801650304020105000420.."
#define COUNTER_TEXT  { "00200091", "63C3" }
#define VERIFY_TEXT   { "002000910431323334", "9000" }
#define COUNTER_B     { "00200092", "63CA" } /* of the face application */
#define VERIFY_B      { "002000920E3535303231373230333532323835", "9000" }

static char pool[1 << 18];
static size_t used;

/* Memory for the texts of a test's tables. */
static char *text(size_t len)
{
	assert_true(len <= sizeof(pool) - used);
	used += len;
	return pool + used - len;
}

/* Hexadecimal of bytes [offset, offset + len) of an object with the header given, then FF, and 9000. */
static const char *piece(const char *header, size_t size, size_t offset, size_t len)
{
	char *hex = text(2 * len + 5);

	for (size_t i = offset; i < offset + len; i++)
		snprintf(hex + 2 * (i - offset), 3, "%.2s",
			 i < strlen(header) / 2 ? header + 2 * i : i < size ? "55" : "FF");
	memcpy(hex + 2 * len, "9000", 5);
	return hex;
}

/* Objects as the card has them: card.md 2.6 to 2.8. */
#define CV(offset, len)	       piece("7F21820233", 568, offset, len)
#define ATTRIBUTES	       piece("FF2065", 104, 0, 104)
#define INTEGRITY(offset, len) piece("FF3082014B", 336, offset, len)
#define KEY(offset, len)       piece("FF50820213", 536, offset, len)
#define FACE(offset, len)      piece("FF20821000", 4101, offset, len)
#define AGE		       piece("FF1082021E", 547, 0, 547)
#define MY_NUMBER	       "FF100C313233343536373839303138FFFF9000"
#define SIGNATURE	       piece("", 256, 0, 256)

struct row {
	const char *what;
	bool face; /* otherwise the text application */
	enum fuda_pin with;
	const char *secret, *wanted; /* of "number attributes secure", "age face number" */
	struct exchange script[20];
	int error;
	unsigned verifies;
	const char *message; /* part of it */
};

static int read_text(struct mock_card *m, const struct row *row, struct fuda_pin_entry *entry)
{
	struct fuda_text_request q = { .my_number = strstr(row->wanted, "number"),
				       .attributes = strstr(row->wanted, "attributes"),
				       .secure_messaging = strstr(row->wanted, "secure"),
				       .with = row->with,
				       .pin = entry };
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	int r;

	assert_int_equal(fuda_buf_append(&records.my_number, "old", 3), 0);
	r = fuda_text_read(m->card, &q, m->dl, &records);
	if (r < 0)
		assert_memory_equal(records.my_number.data, "old", 3);
	assert_int_equal(records.my_number.len, r < 0 ? 3 : q.my_number ? 17 : 0);
	assert_int_equal(records.attributes.len, r < 0 || !q.attributes ? 0 : strstr(row->wanted, "long") ? 168 : 104);
	assert_int_equal(records.certificate.len, r < 0 ? 0 : 568);
	assert_int_equal(records.integrity.len, r < 0 ? 0 : 336);
	assert_int_equal(records.signed_key.len, r < 0 ? 0 : 536);
	assert_int_equal(records.response.signature.len, r < 0 ? 0 : 256);
	fuda_text_records_free(&records);
	return r;
}

static int read_face(struct mock_card *m, const struct row *row, struct fuda_pin_entry *entry)
{
	struct fuda_face_request q = { .age = strstr(row->wanted, "age"),
				       .face = strstr(row->wanted, "face"),
				       .my_number = strstr(row->wanted, "number"),
				       .with = row->with,
				       .pin = entry };
	struct fuda_face_records records = FUDA_FACE_RECORDS_INIT;
	int r = fuda_face_read(m->card, &q, m->dl, &records);

	assert_int_equal(records.age.len, r == 0 && q.age ? 547 : 0);
	assert_int_equal(records.face.len, r == 0 && q.face ? 4101 : 0);
	assert_int_equal(records.certificate.len, r < 0 ? 0 : 568);
	assert_int_equal(records.response.signature.len, r < 0 ? 0 : 256);
	fuda_face_records_free(&records);
	return r;
}

static void run(const struct row *row)
{
	struct fuda_secret *s;
	struct fuda_pin_entry entry;
	struct mock_card m;
	int r;

	print_message("%s\n", row->what);
	assert_int_equal(fuda_secret_new(row->secret, strlen(row->secret), &s), 0);
	entry = FUDA_PIN_ENTRY(s);
	mock_open(&m, row->script);
	r = row->face ? read_face(&m, row, &entry) : read_text(&m, row, &entry);
	if (r != row->error)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(m.ctx));
	if (row->message && !strstr(fuda_context_message(m.ctx), row->message))
		fail_msg("message: %s", fuda_context_message(m.ctx));
	assert_int_equal(m.mock.verifies, row->verifies);
	assert_int_equal(m.mock.power_offs, row->verifies);
	mock_close_card(&m);
	fuda_secret_free(&s);
}

static void reads_text(void **state)
{
	const struct row rows[] = {
		{ "attributes: 8 commands", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 568) }, COUNTER_TEXT, VERIFY_TEXT,
		    { "00B0820090", ATTRIBUTES }, { "00B08300000150", INTEGRITY(0, 336) },
		    { "00B08700000218", KEY(0, 536) }, { CHALLENGE, SIGNATURE } }, 0, 1, NULL },
		{ "attributes that are longer than most", false, FUDA_PIN_TEXT, "1234", "long attributes",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 568) }, COUNTER_TEXT, VERIFY_TEXT,
		    { "00B0820090", piece("FF2081A4", 168, 0, 144) },
		    { "00B0009018", piece("FF2081A4", 168, 144, 24) }, { "00B08300000150", INTEGRITY(0, 336) },
		    { "00B08700000218", KEY(0, 536) }, { CHALLENGE, SIGNATURE } }, 0, 1, NULL },
		{ "both, with filler", false, FUDA_PIN_TEXT, "1234", "number attributes",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 568) }, COUNTER_TEXT, VERIFY_TEXT,
		    { "00B0810000", MY_NUMBER }, { "00B0820090", piece("FF2065", 104, 0, 144) },
		    { "00B08300000150", INTEGRITY(0, 336) }, { "00B08700000218", KEY(0, 536) },
		    { CHALLENGE, SIGNATURE } }, 0, 1, NULL },
		{ "no extended length: known before the secret, 14 commands more", false, FUDA_PIN_TEXT, "1234",
		  "number",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", "6700" }, { "00B0840000", CV(0, 256) },
		    { "00B0010000", CV(256, 256) }, { "00B0020038", CV(512, 56) }, COUNTER_TEXT, VERIFY_TEXT,
		    { "00B0810000", MY_NUMBER }, { "00B0830000", INTEGRITY(0, 256) },
		    { "00B0010050", INTEGRITY(256, 80) }, { "00B0870000", KEY(0, 256) },
		    { "00B0010000", KEY(256, 256) }, { "00B0020018", KEY(512, 24) },
		    { CHALLENGE, SIGNATURE } }, 0, 1, NULL },
		{ "the exact length of the My Number's file is asked for", false, FUDA_PIN_A, "123456789018", "number",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 568) }, { "00200094", "63CA" },
		    { "002000940C313233343536373839303138", "9000" }, { "00B0810000", "6C11" },
		    { "00B0810011", MY_NUMBER }, { "00B08300000150", INTEGRITY(0, 336) },
		    { "00B08700000218", KEY(0, 536) }, { CHALLENGE, SIGNATURE } }, 0, 1, NULL },
		{ "61xx everywhere", false, FUDA_PIN_B, "55021720352285", "attributes",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 568) }, { "00200095", "63CA" },
		    { "002000950E3535303231373230333532323835", "9000" }, { "00B0820090", "6168" },
		    { "00C0000068", ATTRIBUTES }, { "00B08300000150", INTEGRITY(0, 336) },
		    { "00B08700000218", KEY(0, 536) }, { CHALLENGE, "6100" }, { "00C0000000", SIGNATURE } },
		  0, 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

static void reads_the_face(void **state)
{
	const struct row rows[] = {
		{ "7 commands", true, FUDA_PIN_B, "55021720352285", "face",
		  { { SELECT_FACE, "9000" }, { "00B08400000238", CV(0, 568) }, COUNTER_B, VERIFY_B,
		    { "00B0820000", FACE(0, 256) }, { "00B00100000F05", FACE(256, 3845) },
		    { CHALLENGE, SIGNATURE } }, 0, 1, NULL },
		{ "age", true, FUDA_PIN_BIRTH, "550217", "age",
		  { { SELECT_FACE, "9000" }, { "00B08400000238", CV(0, 568) }, { "00200091", "63CA" },
		    { "0020009106353530323137", "9000" }, { "00B08100000223", AGE }, { CHALLENGE, SIGNATURE } },
		  0, 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

/* Nothing is sent where it cannot succeed. */
static void refuses_the_wrong_secret(void **state)
{
	static const struct row rows[] = {
		{ "nothing", false, FUDA_PIN_TEXT, "1234", "", { { 0 } }, FUDA_EINVAL, 0, "Nothing" },
		{ "A, attributes", false, FUDA_PIN_A, "123456789018", "attributes", { { 0 } }, FUDA_EINVAL, 0,
		  "verification number B" },
		{ "B, number", false, FUDA_PIN_B, "55021720352285", "number", { { 0 } }, FUDA_EINVAL, 0,
		  "verification number A" },
		{ "A, both", false, FUDA_PIN_A, "123456789018", "number attributes", { { 0 } }, FUDA_EINVAL, 0,
		  "PIN for the card's text data." },
		{ "auth", false, FUDA_PIN_AUTH, "1234", "number", { { 0 } }, FUDA_EINVAL, 0, "opens it" },
		{ "no such secret", false, FUDA_PINS, "1234", "number", { { 0 } }, FUDA_EINVAL, 0, "opens it" },
		{ "A, secure messaging", false, FUDA_PIN_A, "123456789018", "number secure", { { 0 } }, FUDA_EINVAL, 0,
		  "Secure messaging is only for" },
		{ "form", false, FUDA_PIN_TEXT, "12345", "number", { { 0 } }, FUDA_EPINFORM, 0, "4 digits" },
		{ "nothing of the face", true, FUDA_PIN_A, "123456789018", "", { { 0 } }, FUDA_EINVAL, 0, "Nothing" },
		{ "B, picture", true, FUDA_PIN_B, "55021720352285", "number", { { 0 } }, FUDA_EINVAL, 0,
		  "verification number A." },
		{ "B, age", true, FUDA_PIN_B, "55021720352285", "age", { { 0 } }, FUDA_EINVAL, 0, "birth date key" },
		{ "birth, face", true, FUDA_PIN_BIRTH, "550217", "face", { { 0 } }, FUDA_EINVAL, 0,
		  "verification number A, verification number B." },
		{ "text PIN, face", true, FUDA_PIN_TEXT, "1234", "face", { { 0 } }, FUDA_EINVAL, 0, "opens it" },
		{ "age and face", true, FUDA_PIN_A, "123456789018", "age face", { { 0 } }, FUDA_EINVAL, 0,
		  "No single" },
		{ "form of B", true, FUDA_PIN_B, "19800217", "face", { { 0 } }, FUDA_EPINFORM, 0, "14 digits" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

#define TO_CERTIFICATE { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 568) }
#define TO_PIN	       TO_CERTIFICATE, COUNTER_TEXT, VERIFY_TEXT
#define LABEL(name)    "4A504B494150" name

static const char *token(const char *label_hex)
{
	char *hex = text(2 * 160 + 5);

	for (size_t i = 0; i < 160; i++)
		snprintf(hex + 2 * i, 3, "%.2s", i < strlen(label_hex) / 2 ? label_hex + 2 * i : "20");
	memcpy(hex + 320, "9000", 5);
	return hex;
}

static void fails_without_harm(void **state)
{
	const char *const android = token(LABEL("47505345544F4B454E"));
	const char *const iphone = token(LABEL("494F53544F4B454E"));
	const struct row rows[] = {
		{ "Android", false, FUDA_PIN_TEXT, "1234", "number",
		  { { SELECT_TEXT, "6A82" }, { SELECT_JPKI, "9000" }, { "00B08600A0", android } },
		  FUDA_ENOTFOUND, 0, "smartphone" },
		{ "iPhone", true, FUDA_PIN_B, "55021720352285", "face",
		  { { SELECT_FACE, "6A82" }, { SELECT_JPKI, "9000" }, { "00B08600A0", iphone } },
		  FUDA_ENOTFOUND, 0, "smartphone" },
		{ "a card without it", false, FUDA_PIN_TEXT, "1234", "number",
		  { { SELECT_TEXT, "6A82" }, { SELECT_JPKI, "9000" }, { "00B08600A0", "6A82" } },
		  FUDA_ENOTFOUND, 0, "\"text\"" },
		{ "another card", false, FUDA_PIN_TEXT, "1234", "number",
		  { { SELECT_TEXT, "6A82" }, { SELECT_JPKI, "6A82" } }, FUDA_EWRONGCARD, 0, "not a My Number card" },
		{ "removed meanwhile", false, FUDA_PIN_TEXT, "1234", "number",
		  { { SELECT_TEXT, "6A82" }, { SELECT_JPKI, "9000" }, { "00B08600A0", NULL, FUDA_EREMOVED } },
		  FUDA_EREMOVED, 0, NULL },
		{ "no certificate: no try is spent", false, FUDA_PIN_TEXT, "1234", "number",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", "6A82" } }, FUDA_ENOTFOUND, 0, "certificate" },
		{ "a certificate that is not whole", false, FUDA_PIN_TEXT, "1234", "number",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 300) }, { "00B0012C00010C", "6B00" },
		    { "00B0012C00", "6B00" } }, FUDA_EFORMAT, 0, "certificate" },
		{ "longer than asked for", false, FUDA_PIN_TEXT, "1234", "number",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", CV(0, 569) } }, FUDA_EFORMAT, 0, "certificate" },
		{ "blocked", false, FUDA_PIN_TEXT, "1234", "number",
		  { TO_CERTIFICATE, { "00200091", "6984" } }, FUDA_EPINBLOCKED, 0, "blocked" },
		{ "the last try", false, FUDA_PIN_TEXT, "1234", "number",
		  { TO_CERTIFICATE, { "00200091", "63C1" } }, FUDA_ELASTTRY, 0, "one try" },
		{ "wrong", false, FUDA_PIN_TEXT, "1234", "number",
		  { TO_CERTIFICATE, COUNTER_TEXT, { "002000910431323334", "63C2" } }, FUDA_EPINWRONG, 1, "2 tries" },
		{ "no My Number", false, FUDA_PIN_TEXT, "1234", "number",
		  { TO_PIN, { "00B0810000", "6A82" } }, FUDA_ENOTFOUND, 1, "the My Number" },
		{ "refused all the same", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", "6982" } }, FUDA_ESECURITY, 1, "the attributes" },
		{ "attributes all filler", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", "FFFFFFFFFFFF9000" } }, FUDA_ENOTFOUND, 1, "the attributes" },
		{ "attributes of 64 KiB", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", "FF2082FFFF559000" } }, FUDA_ETOOBIG, 1, "the attributes" },
		{ "attributes end early", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", "FF206555559000" }, { "00B0000563", "9000" } }, FUDA_EFORMAT, 1,
		  "the attributes" },
		{ "removed between secret and record", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", NULL, FUDA_EREMOVED } }, FUDA_EREMOVED, 1, NULL },
		{ "reset between secret and record", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", NULL, FUDA_ERESET, true } }, FUDA_ERESET, 1, NULL },
		{ "no integrity record", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", ATTRIBUTES }, { "00B08300000150", "6A82" } }, FUDA_ENOTFOUND, 1,
		  "the integrity record" },
		{ "no challenge with the default key", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", ATTRIBUTES }, { "00B08300000150", INTEGRITY(0, 336) },
		    { "00B08700000218", KEY(0, 536) }, { CHALLENGE, "6A86" } }, FUDA_ESW, 1, "from a copy" },
		{ "a signature that is none", false, FUDA_PIN_TEXT, "1234", "attributes",
		  { TO_PIN, { "00B0820090", ATTRIBUTES }, { "00B08300000150", INTEGRITY(0, 336) },
		    { "00B08700000218", KEY(0, 536) }, { CHALLENGE, "9000" } }, FUDA_EFORMAT, 1, "0 bytes" },
		{ "secure messaging without extended length", false, FUDA_PIN_TEXT, "1234", "attributes secure",
		  { { SELECT_TEXT, "9000" }, { "00B08400000238", "6700" }, { "00B0840000", CV(0, 256) },
		    { "00B0010000", CV(256, 256) }, { "00B0020038", CV(512, 56) } }, FUDA_ENOTSUP, 0,
		  "Secure messaging needs extended length" },
		{ "secure messaging refused", false, FUDA_PIN_TEXT, "1234", "attributes secure",
		  { TO_PIN, { "00B0860000010D", "6982" } }, FUDA_ESECURITY, 1, NULL },
		{ "a malformed key", false, FUDA_PIN_TEXT, "1234", "attributes secure",
		  { TO_PIN, { "00B0860000010D", "A1059003010001" "9000" } }, FUDA_EFORMAT, 1,
		  "key for secure messaging" },
		{ "face removed in the middle", true, FUDA_PIN_B, "55021720352285", "face",
		  { { SELECT_FACE, "9000" }, { "00B08400000238", CV(0, 568) }, COUNTER_B, VERIFY_B,
		    { "00B0820000", FACE(0, 256) }, { "00B00100000F05", NULL, FUDA_EREMOVED } },
		  FUDA_EREMOVED, 1, NULL },
		{ "a reader that chokes after the secret: not mended", true, FUDA_PIN_B, "55021720352285", "face",
		  { { SELECT_FACE, "9000" }, { "00B08400000238", CV(0, 568) }, COUNTER_B, VERIFY_B,
		    { "00B0820000", FACE(0, 256) }, { "00B00100000F05", NULL, FUDA_ETRANSPORT } }, FUDA_ETRANSPORT, 1,
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

#define DIGITS	  "34303030303030313237313938343331333232313230333530323137"
#define REFERENCE "35393030303235080530303100000020"

/* ---- basic data, common and resident register's application ---- */

static void reads_basic_data(void **state)
{
	static const struct {
		const char *what;
		bool face;
		const char *answer;
		int error;
	} rows[] = {
		{ "text", false, "FF401EDF41040103" "0E01DF4210" REFERENCE "DF430155" "9000", 0 },
		{ "text without the rest", false, "FF401ADF41040103" "0E01DF4210" REFERENCE "9000", 0 },
		{ "empty", false, "FF40009000", FUDA_EFORMAT },
		{ "wrong object", false, "FF300DDF31040103" "0E01DF3204353930309000", FUDA_EFORMAT },
		{ "identification of 3 bytes", false,
		  "FF4019DF410301030E" "DF4210" REFERENCE "9000", FUDA_EFORMAT },
		{ "no key id", false, "FF4007DF410401030E01" "9000", FUDA_EFORMAT },
		{ "the rest is no object", false,
		  "FF401CDF41040103" "0E01DF4210" REFERENCE "DF43" "9000", FUDA_EFORMAT },
		{ "face", true, "FF3026DF31040603" "0E01DF3210" REFERENCE "DF330100"
		  "DF34053133323231" "9000", 0 },
		{ "municipality of 4 digits", true, "FF3025DF31040603" "0E01DF3210" REFERENCE
		  "DF330100" "DF340431333232" "9000", FUDA_EFORMAT },
		{ "municipality of letters", true, "FF3026DF31040603" "0E01DF3210" REFERENCE
		  "DF330100" "DF34054133323231" "9000", FUDA_EFORMAT },
		{ "no municipality", true, "FF301ADF31040603" "0E01DF3210" REFERENCE "9000",
		  FUDA_EFORMAT },
		{ "absent", true, "6A82", FUDA_ENOTFOUND },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct exchange script[] = {
			{ rows[i].face ? SELECT_FACE : SELECT_TEXT, "9000" },
			{ rows[i].face ? "00B08300000140" : "00B08500A2", rows[i].answer },
			{ 0 },
		};
		struct fuda_basic basic = { .municipality = "?" };
		struct mock_card m;
		int r;

		print_message("%s\n", rows[i].what);
		mock_open(&m, script);
		r = rows[i].face ? fuda_face_basic(m.card, m.dl, &basic) : fuda_text_basic(m.card, m.dl, &basic);
		assert_int_equal(r, rows[i].error);
		if (r == 0) {
			assert_int_equal(basic.identification[1], 3);
			assert_memory_equal(basic.key_id, "5900025\x08\x05" "001", 12);
			assert_string_equal(basic.municipality, rows[i].face ? "13221" : "");
		} else {
			assert_string_equal(basic.municipality, "?");
			assert_non_null(strstr(fuda_context_message(m.ctx), "the basic data"));
		}
		mock_close_card(&m);
	}
}

static void reads_records(void **state)
{
	static const struct {
		const char *what;
		struct exchange script[8];
		int error;
	} rows[] = {
		{ "as they are", { { SELECT_COMMON, "9000" }, { "00B2010C00", "011C" DIGITS "9000" },
				   { "00B2011400", "0210" REFERENCE "9000" } }, 0 },
		{ "long form, bare reference", { { SELECT_COMMON, "9000" }, { "00B2010C00", "01FF001C" DIGITS "9000" },
						 { "00B2011400", REFERENCE "9000" } }, 0 },
		{ "no short identifiers", { { SELECT_COMMON, "9000" }, { "00B2010C00", "6A86" },
					    { "00A4020C020001", "9000" }, { "00B2010400", "011C" DIGITS "9000" },
					    { "00B2011400", "6A81" }, { "00A4020C020002", "9000" },
					    { "00B2010400", "0210" REFERENCE "9000" } }, 0 },
		{ "6Cxx", { { SELECT_COMMON, "9000" }, { "00B2010C00", "6C1E" },
			    { "00B2010C1E", "011C" DIGITS "9000" },
			    { "00B2011400", "0210" REFERENCE "9000" } }, 0 },
		{ "no record", { { SELECT_COMMON, "9000" }, { "00B2010C00", "6A83" } }, FUDA_ENOTFOUND },
		{ "wrong tag", { { SELECT_COMMON, "9000" }, { "00B2010C00", "021C" DIGITS "9000" } }, FUDA_EFORMAT },
		{ "not digits", { { SELECT_COMMON, "9000" }, { "00B2010C00", "010141" "9000" } }, FUDA_EFORMAT },
		{ "length past its end", { { SELECT_COMMON, "9000" }, { "00B2010C00", "011D" DIGITS "9000" } },
		  FUDA_EFORMAT },
		{ "more behind it", { { SELECT_COMMON, "9000" }, { "00B2010C00", "011C" DIGITS "00" "9000" } },
		  FUDA_EFORMAT },
		{ "empty", { { SELECT_COMMON, "9000" }, { "00B2010C00", "9000" } }, FUDA_EFORMAT },
		{ "a reference of 15 bytes", { { SELECT_COMMON, "9000" }, { "00B2010C00", "011C" DIGITS "9000" },
					       { "00B2011400", "020F353930303032350805303031000000" "9000" } },
		  FUDA_EFORMAT },
		{ "no reference", { { SELECT_COMMON, "9000" }, { "00B2010C00", "011C" DIGITS "9000" },
				    { "00B2011400", "6982" } }, FUDA_ESECURITY },
		{ "not there", { { SELECT_COMMON, "6A82" }, { SELECT_JPKI, "6A82" } }, FUDA_EWRONGCARD },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_common common = { .serial = "?" };
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		assert_int_equal(fuda_common_read(m.card, m.dl, &common), rows[i].error);
		assert_string_equal(common.serial, rows[i].error ? "?" : "400000012719843");
		if (!rows[i].error) {
			assert_string_equal(common.municipality, "13221");
			assert_string_equal(common.expiry, "2035-02-17");
			assert_memory_equal(common.key_reference, "5900025\x08\x05" "001\0\0\0 ", 16);
		}
		mock_close_card(&m);
	}
}

static void authenticates(void **state)
{
	const struct {
		const char *what, *answer;
		size_t len;
		int error;
	} rows[] = {
		{ "as it should", SIGNATURE, 3, 0 },
		{ "refused", "6982", 3, FUDA_ESECURITY },
		{ "half a signature", piece("", 128, 0, 128), 3, FUDA_EFORMAT },
		{ "nothing", "9000", 3, FUDA_EFORMAT },
		{ "no challenge", NULL, 0, FUDA_EINVAL },
		{ "too long", NULL, 256, FUDA_EINVAL },
	};
	static const uint8_t challenge[256] = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exchange script[] = {
			{ SELECT_COMMON, "9000" }, { "008800990301020300", rows[i].answer }, { 0 }
		};
		_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		if (!rows[i].answer)
			script[0].command = NULL;
		mock_open(&m, script);
		assert_int_equal(fuda_common_authenticate(m.card, challenge, rows[i].len, m.dl, &signature),
				 rows[i].error);
		assert_int_equal(signature.len, rows[i].error ? 0 : 256);
		mock_close_card(&m);
	}
}

static void reads_the_register(void **state)
{
	static const struct exchange good[] = {
		{ SELECT_JUKI, "9000" }, { "00B2011400", "0210" REFERENCE "9000" }, { 0 }
	};
	static const struct exchange bad[] = { { SELECT_JUKI, "9000" }, { "00B2011400", "0200" "9000" }, { 0 } };
	uint8_t reference[FUDA_KEY_REFERENCE] = { 0 };
	struct mock_card m;

	(void)state;
	mock_open(&m, bad);
	assert_int_equal(fuda_juki_read(m.card, m.dl, reference), FUDA_EFORMAT);
	assert_int_equal(reference[0], 0);
	mock_close_card(&m);
	mock_open(&m, good);
	assert_int_equal(fuda_juki_read(m.card, m.dl, reference), 0);
	assert_int_equal(reference[0], '5');
	mock_close_card(&m);
}

/* ---- data objects ---- */

static void reads_data_objects(void **state)
{
	const char *const cv = piece("5F4E820129", 559, 0, 559);
	const struct {
		const char *what;
		enum fuda_card_object which;
		enum extended before, after;
		struct exchange script[8];
		int error;
		size_t len;
	} rows[] = {
		{ "small", FUDA_CARD_MUNICIPALITY, EXTENDED_UNKNOWN, EXTENDED_UNKNOWN,
		  { { SELECT_ISD, "9000" }, { "00CA00F000", "31333232319000" } }, 0, 5 },
		{ "large", FUDA_CARD_CV_INTERMEDIATE, EXTENDED_UNKNOWN, EXTENDED_WORKS,
		  { { SELECT_ISD, "9000" }, { "00CA00F800", "6700" }, { "00CA00F8000000", cv } }, 0, 559 },
		{ "large at once", FUDA_CARD_CV_LOWER, EXTENDED_WORKS, EXTENDED_WORKS,
		  { { SELECT_ISD, "9000" }, { "00CA7F21000000", cv } }, 0, 559 },
		{ "large in pieces", FUDA_CARD_CV_LOWER, EXTENDED_FAILS, EXTENDED_FAILS,
		  { { SELECT_ISD, "9000" }, { "00CA7F2100", piece("", 256, 0, 256) } }, 0, 256 },
		{ "large without extended length", FUDA_CARD_CV_LOWER, EXTENDED_FAILS, EXTENDED_FAILS,
		  { { SELECT_ISD, "9000" }, { "00CA7F2100", "6700" } }, FUDA_ENOTSUP, 0 },
		{ "absent", FUDA_CARD_CV_LOWER, EXTENDED_UNKNOWN, EXTENDED_UNKNOWN,
		  { { SELECT_ISD, "9000" }, { "00CA7F2100", "6A88" } }, FUDA_ENOTFOUND, 0 },
		{ "no security domain", FUDA_CARD_NUMBER, EXTENDED_UNKNOWN, EXTENDED_UNKNOWN,
		  { { SELECT_ISD, "6A82" } }, FUDA_ENOTFOUND, 0 },
		{ "the ATR, in an application", FUDA_CARD_CONTACT_ATR, EXTENDED_UNKNOWN, EXTENDED_UNKNOWN,
		  { { SELECT_ISD, "9000" }, { "00CA5F5100", "6A88" }, { SELECT_JPKI, "9000" },
		    { "00CA5F5100", "E000FF8131FE45149000" } }, 0, 8 },
		{ "no ATR anywhere", FUDA_CARD_CONTACT_ATR, EXTENDED_UNKNOWN, EXTENDED_UNKNOWN,
		  { { SELECT_ISD, "9000" }, { "00CA5F5100", "6A88" }, { SELECT_JPKI, "9000" },
		    { "00CA5F5100", "6A88" } }, FUDA_ENOTFOUND, 0 },
		{ "refused", FUDA_CARD_EXPIRY, EXTENDED_UNKNOWN, EXTENDED_UNKNOWN,
		  { { SELECT_ISD, "9000" }, { "00CA00F200", "6D00" } }, FUDA_ESW, 0 },
		{ "no such object", (enum fuda_card_object)0x1234, EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, { { 0 } },
		  FUDA_EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(FUDA_CV_MAX);
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		m.card->extended = rows[i].before;
		assert_int_equal(fuda_card_object(m.card, rows[i].which, m.dl, &data), rows[i].error);
		assert_int_equal(data.len, rows[i].len);
		assert_int_equal(m.card->extended, rows[i].after);
		mock_close_card(&m);
	}
}

/* ---- kinds of tokens ---- */

static void knows_the_kinds(void **state)
{
	static const struct {
		const char *label, *name;
		bool behind_pin, jpki_only;
	} rows[] = {
		{ "JPKIAPICCTOKEN2", "card", false, false }, { "JPKIAPGPSETOKEN", "android", true, true },
		{ "JPKIAPIOSTOKEN", "iphone", true, true },  { "JPKIAPICCTOKEN", "unknown", false, false },
		{ "", "unknown", false, false },
	};
	const struct token_kind p384 = { .key = KEY_EC, .key_bits = 384 }, p521 = { .key = KEY_EC, .key_bits = 521 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct token_kind *k = token_kind_by_label(rows[i].label);

		assert_string_equal(fuda_token_kind_name(k->kind), rows[i].name);
		assert_ptr_equal(token_kind(k->kind), k);
		assert_int_equal(k->certificate_behind_pin, rows[i].behind_pin);
		assert_int_equal(k->jpki_only, rows[i].jpki_only);
		assert_int_equal(token_signature_size(k), 256);
	}
	assert_int_equal(token_signature_size(&p384), 96);
	assert_int_equal(token_signature_size(&p521), 132);
	assert_string_equal(fuda_token_kind_name((enum fuda_token_kind)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_text),
		cmocka_unit_test(reads_the_face),
		cmocka_unit_test(refuses_the_wrong_secret),
		cmocka_unit_test(fails_without_harm),
		cmocka_unit_test(reads_basic_data),
		cmocka_unit_test(reads_records),
		cmocka_unit_test(authenticates),
		cmocka_unit_test(reads_the_register),
		cmocka_unit_test(reads_data_objects),
		cmocka_unit_test(knows_the_kinds),
	};

	return RUN(tests);
}
