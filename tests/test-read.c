/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "tests/mock.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"

enum { FILE_BYTES = 1587 };

/* Memory for the texts of a test's script. */
static char *text(size_t len)
{
	static char pool[1 << 20];
	static size_t used;

	assert_true(len <= sizeof(pool) - used);
	used += len;
	return pool + used - len;
}

/* Hexadecimal of `len` bytes at `offset` of a file that is one object of FILE_BYTES bytes, then FF, with a
 * status word. */
static const char *piece(size_t offset, size_t len, const char *sw)
{
	static const uint8_t header[] = { 0x30, 0x82, 0x06, 0x2F };
	char *hex = text(2 * len + 5);

	for (size_t i = 0; i < len; i++) {
		size_t at = offset + i;
		uint8_t b = at < sizeof(header) ? header[at] : at < FILE_BYTES ? (uint8_t)(at * 31) : 0xFF;

		fuda_hex_encode(&b, 1, hex + 2 * i);
	}
	memcpy(hex + 2 * len, sw, 5);
	return hex;
}

static int read_file(struct mock_card *m, enum read_how how, size_t max, struct fuda_buf *data)
{
	const struct ef ef = { 0x000A, how, 0, max };
	int r;

	assert_int_equal(fuda_card_begin(m->card, m->dl), 0);
	r = card_select(m->card, &aid_jpki, m->dl);
	if (r == 0)
		r = card_read(m->card, &ef, m->dl, data);
	fuda_card_end(m->card);
	return r;
}

static void check_object(const struct exchange *script, enum extended before, enum extended after)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(4096);
	struct mock_card m;

	mock_open(&m, script);
	m.card->extended = before;
	assert_int_equal(read_file(&m, READ_OBJECT, 4096, &data), 0);
	assert_int_equal(data.len, FILE_BYTES);
	for (size_t i = 4; i < FILE_BYTES; i++)
		assert_int_equal(data.data[i], (uint8_t)(i * 31));
	assert_int_equal(m.card->extended, after);
	mock_close_card(&m);
}

static void reads_the_rest_in_one_piece(void **state)
{
	const struct exchange script[] = {
		{ SELECT_JPKI, "9000" },
		{ "00B08A0000", piece(0, 256, "9000") },
		{ "00B0010000" "0533", piece(256, 1331, "9000") },
		{ 0 },
	};

	(void)state;
	check_object(script, EXTENDED_UNKNOWN, EXTENDED_WORKS);
	check_object(script, EXTENDED_WORKS, EXTENDED_WORKS);
}

/* The short pieces from `offset` on. */
static void short_pieces(struct exchange *x, size_t offset)
{
	for (; offset < FILE_BYTES; offset += 256, x++) {
		size_t len = MIN((size_t)256, FILE_BYTES - offset);
		char *command = text(11);

		snprintf(command, 11, "00B0%04zX%02zX", offset, len & 0xFF);
		*x = (struct exchange){ command, piece(offset, len, "9000"), 0, false };
	}
}

static void falls_back_to_short_pieces(void **state)
{
	static const char *const refusals[] = { "6700", "6C00", "6D00", "6F00", "6A86" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct exchange script[12] = {
			{ SELECT_JPKI, "9000" },
			{ "00B08A0000", piece(0, 256, "9000") },
			{ "00B00100000533", refusals[i] },
		};

		short_pieces(script + 3, 256);
		check_object(script, EXTENDED_UNKNOWN, EXTENDED_FAILS);
		check_object(script, EXTENDED_WORKS, EXTENDED_FAILS);
	}
}

/* A reader that chokes on extended length: the card is reset and everything selected again. */
static void recovers_from_a_reader_that_chokes(void **state)
{
	struct exchange script[16] = {
		{ SELECT_JPKI, "9000" },
		{ "00B08A0000", piece(0, 256, "9000") },
		{ "00B00100000533", NULL, FUDA_ETRANSPORT },
		{ SELECT_JPKI, "9000" },
		{ "00A4020C02000A", "9000" },
	};

	(void)state;
	short_pieces(script + 5, 256);
	check_object(script, EXTENDED_UNKNOWN, EXTENDED_FAILS);
}

static void reads_on_where_a_card_gives_less(void **state)
{
	const struct exchange script[] = {
		{ SELECT_JPKI, "9000" },
		{ "00B08A0000", piece(0, 100, "9000") },
		{ "00B0006400" "05CF", piece(100, 1000, "9000") },
		{ "00B0044C00" "01E7", piece(1100, 487, "6282") },
		{ 0 },
	};

	(void)state;
	check_object(script, EXTENDED_UNKNOWN, EXTENDED_WORKS);
}

static void selects_where_short_identifiers_fail(void **state)
{
	const struct exchange script[] = {
		{ SELECT_JPKI, "9000" },
		{ "00B08A0000", "6A86" },
		{ "00A4020C02000A", "9000" },
		{ "00B0000000", piece(0, 256, "9000") },
		{ "00B00100000533", piece(256, 1331, "9000") },
		{ 0 },
	};

	(void)state;
	check_object(script, EXTENDED_UNKNOWN, EXTENDED_WORKS);
}

static void refuses_bad_files(void **state)
{
	static char wide[2 * 257 + 5];
	const struct {
		const char *what;
		struct exchange script[8];
		int error;
	} rows[] = {
		{ "absent", { { SELECT_JPKI, "9000" }, { "00B08A0000", "6A82" } }, FUDA_ENOTFOUND },
		{ "behind a PIN", { { SELECT_JPKI, "9000" }, { "00B08A0000", "6982" } }, FUDA_ESECURITY },
		{ "wrong kind", { { SELECT_JPKI, "9000" }, { "00B08A0000", "6981" } }, FUDA_ESW },
		{ "empty", { { SELECT_JPKI, "9000" }, { "00B08A0000", "9000" } }, FUDA_ENOTFOUND },
		{ "filler FF", { { SELECT_JPKI, "9000" }, { "00B08A0000", "FFFFFFFFFFFF9000" } }, FUDA_ENOTFOUND },
		{ "filler 00", { { SELECT_JPKI, "9000" }, { "00B08A0000", "0000000000009000" } }, FUDA_ENOTFOUND },
		{ "no object", { { SELECT_JPKI, "9000" }, { "00B08A0000", "30809000" } }, FUDA_EFORMAT },
		{ "a single byte", { { SELECT_JPKI, "9000" }, { "00B08A0000", "309000" } }, FUDA_EFORMAT },
		{ "claims 64 KiB", { { SELECT_JPKI, "9000" }, { "00B08A0000", "3082FFFF009000" } }, FUDA_ETOOBIG },
		{ "claims 4 GiB", { { SELECT_JPKI, "9000" }, { "00B08A0000", "3084FFFFFFFF009000" } }, FUDA_ETOOBIG },
		{ "9000 without data at its end",
		  { { SELECT_JPKI, "9000" }, { "00B08A0000", "30200102" "9000" }, { "00B000041E", "9000" } },
		  FUDA_EFORMAT },
		{ "6B00 at its end",
		  { { SELECT_JPKI, "9000" }, { "00B08A0000", "30200102" "9000" }, { "00B000041E", "6B00" } },
		  FUDA_EFORMAT },
		{ "error at its end",
		  { { SELECT_JPKI, "9000" }, { "00B08A0000", "30200102" "9000" }, { "00B000041E", "6581" } },
		  FUDA_ESW },
		{ "more than asked for", { { SELECT_JPKI, "9000" }, { "00B08A0000", wide } }, FUDA_EFORMAT },
	};

	(void)state;
	memset(wide, '3', 2 * 257);
	memcpy(wide + 2 * 257, "9000", 5);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(4096);
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		assert_int_equal(read_file(&m, READ_OBJECT, 4096, &data), rows[i].error);
		assert_int_equal(data.len, 0);
		mock_close_card(&m);
	}
}

static void reads_bytes(void **state)
{
	static const struct exchange exact[] = {
		{ SELECT_JPKI, "9000" }, { "00B08A0003", "8F8F009000" }, { 0 }
	};
	static const struct exchange less[] = {
		{ SELECT_JPKI, "9000" }, { "00B08A0003", "8F9000" }, { "00B0000102", "6B00" }, { 0 }
	};
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(3);
	struct mock_card m;

	(void)state;
	mock_open(&m, exact);
	assert_int_equal(read_file(&m, READ_BYTES, 3, &data), 0);
	assert_int_equal(data.len, 3);
	mock_close_card(&m);
	fuda_buf_clear(&data);
	mock_open(&m, less);
	assert_int_equal(read_file(&m, READ_BYTES, 3, &data), 0);
	assert_int_equal(data.len, 1);
	mock_close_card(&m);
}

static void probes_extended_length(void **state)
{
	static const struct {
		const char *answer;
		int error;
		enum extended result;
	} rows[] = {
		{ "4A9000", 0, EXTENDED_WORKS },    { "6700", 0, EXTENDED_FAILS },
		{ "6CA0", 0, EXTENDED_FAILS },	    { "6F00", 0, EXTENDED_FAILS },
		{ NULL, FUDA_ETRANSPORT, EXTENDED_FAILS }, { "6A82", 0, EXTENDED_UNKNOWN },
		{ "9000", 0, EXTENDED_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct exchange script[] = {
			{ SELECT_JPKI, "9000" },
			{ "00B08600000000", rows[i].answer, rows[i].error, false },
			{ 0 },
		};
		struct mock_card m;

		mock_open(&m, script);
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		assert_int_equal(card_select(m.card, &aid_jpki, m.dl), 0);
		m.card->greeted = true;
		assert_int_equal(card_probe_extended(m.card, 0x0006, m.dl), 0);
		assert_int_equal(m.card->extended, rows[i].result);
		fuda_card_end(m.card);
		mock_close_card(&m);
	}
}

/* ---- files whose size is known ---- */

static const struct ef usual = { 0x000A, READ_OBJECT, FILE_BYTES, 4096 };

#define SELECTED { SELECT_JPKI, "9000" }

struct usual_row {
	const char *what;
	enum extended before, after;
	bool secret_sent;
	struct exchange script[12];
	int error;
};

static void run_usual(const struct usual_row *row)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(4096);
	struct mock_card m;

	print_message("%s\n", row->what);
	mock_open(&m, row->script);
	m.card->extended = row->before;
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(card_select(m.card, &aid_jpki, m.dl), 0);
	m.card->secret_sent = row->secret_sent;
	assert_int_equal(card_read(m.card, &usual, m.dl, &data), row->error);
	assert_int_equal(data.len, row->error ? 0 : FILE_BYTES);
	assert_int_equal(m.card->extended, row->after);
	fuda_card_end(m.card);
	mock_close_card(&m);
}

#define SHORT_REST                                                                                              \
	{ "00B08A0000", piece(0, 256, "9000") }, { "00B0010000", piece(256, 256, "9000") },                     \
		{ "00B0020000", piece(512, 256, "9000") }, { "00B0030000", piece(768, 256, "9000") },           \
		{ "00B0040000", piece(1024, 256, "9000") }, { "00B0050000", piece(1280, 256, "9000") },         \
		{ "00B0060033", piece(1536, 51, "9000") }

static void asks_for_the_usual_size(void **state)
{
	const struct usual_row rows[] = {
		{ "at once, where nothing is known", EXTENDED_UNKNOWN, EXTENDED_WORKS, false,
		  { SELECTED, { "00B08A00000633", piece(0, FILE_BYTES, "9000") } }, 0 },
		{ "at once, where it works", EXTENDED_WORKS, EXTENDED_WORKS, true,
		  { SELECTED, { "00B08A00000633", piece(0, FILE_BYTES, "9000") } }, 0 },
		{ "in two, where the card gives less", EXTENDED_UNKNOWN, EXTENDED_WORKS, false,
		  { SELECTED, { "00B08A00000633", piece(0, 1000, "9000") },
		    { "00B003E800024B", piece(1000, 587, "9000") } }, 0 },
		{ "shortly, where it fails", EXTENDED_FAILS, EXTENDED_FAILS, false, { SELECTED, SHORT_REST }, 0 },
		{ "never first after a secret", EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, true,
		  { SELECTED, SHORT_REST }, 0 },
		{ "shortly, when refused", EXTENDED_UNKNOWN, EXTENDED_FAILS, false,
		  { SELECTED, { "00B08A00000633", "6700" }, SHORT_REST }, 0 },
		{ "shortly, when refused otherwise", EXTENDED_UNKNOWN, EXTENDED_FAILS, false,
		  { SELECTED, { "00B08A00000633", "6C00" }, SHORT_REST }, 0 },
		{ "shortly, when it chokes", EXTENDED_UNKNOWN, EXTENDED_FAILS, false,
		  { SELECTED, { "00B08A00000633", NULL, FUDA_ETRANSPORT }, { SELECT_JPKI, "9000" },
		    SHORT_REST }, 0 },
		{ "the short identifier was it, not the length", EXTENDED_UNKNOWN, EXTENDED_WORKS, false,
		  { SELECTED, { "00B08A00000633", "6A86" }, { "00B08A0000", "6A86" },
		    { "00A4020C02000A", "9000" }, { "00B0000000", piece(0, 256, "9000") },
		    { "00B00100000533", piece(256, 1331, "9000") } }, 0 },
		{ "absent: nothing is known of lengths", EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, false,
		  { SELECTED, { "00B08A00000633", "6A82" } }, FUDA_ENOTFOUND },
		{ "behind a secret", EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, false,
		  { SELECTED, { "00B08A00000633", "6982" } }, FUDA_ESECURITY },
		{ "more than asked for", EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, false,
		  { SELECTED, { "00B08A00000633", piece(0, FILE_BYTES + 1, "9000") } }, FUDA_EFORMAT },
		{ "all filler", EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, false,
		  { SELECTED, { "00B08A00000633", "FFFFFFFF9000" } }, FUDA_ENOTFOUND },
		{ "choking after a secret", EXTENDED_WORKS, EXTENDED_WORKS, true,
		  { SELECTED, { "00B08A00000633", NULL, FUDA_ETRANSPORT } }, FUDA_ETRANSPORT },
		{ "removed", EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, false,
		  { SELECTED, { "00B08A00000633", NULL, FUDA_EREMOVED } }, FUDA_EREMOVED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_usual(&rows[i]);
}

/* With its filler, and to its end, wherever that is. */
static void reads_whole_files(void **state)
{
	static const struct {
		const char *what;
		struct exchange script[8];
		int error;
		size_t len;
	} rows[] = {
		{ "of the usual size: nothing more is asked", { SELECTED, { "00B08A0000", "010203FFFF9000" } },
		  0, 5 },
		{ "shorter", { SELECTED, { "00B08A0000", "0102FF9000" }, { "00B0000325", "6B00" } }, 0, 3 },
		{ "longer", { SELECTED, { "00B08A0000", "010203FFFFFF9000" }, { "00B0000622", "9000" } },
		  0, 6 },
		{ "in pieces", { SELECTED, { "00B08A0000", "01029000" }, { "00B0000226", "03FF9000" },
				 { "00B0000424", "FF9000" } }, 0, 5 },
		{ "its length told", { SELECTED, { "00B08A0000", "6C05" },
				       { "00B08A0005", "010203FFFF9000" } }, 0, 5 },
		{ "empty", { SELECTED, { "00B08A0000", "9000" } }, FUDA_ENOTFOUND, 0 },
		{ "filler", { SELECTED, { "00B08A0000", "FFFFFFFFFF9000" } }, FUDA_ENOTFOUND, 0 },
		{ "error at its end", { SELECTED, { "00B08A0000", "01029000" }, { "00B0000226", "6581" } },
		  FUDA_ESW, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(64);
		const struct ef ef = { 0x000A, READ_FILE, 5, 40 };
		struct exchange script[8];
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		memcpy(script, rows[i].script, sizeof(script));
		script[1].command = "00B08A0028";
		mock_open(&m, script);
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		assert_int_equal(card_select(m.card, &aid_jpki, m.dl), 0);
		assert_int_equal(card_read(m.card, &ef, m.dl, &data), rows[i].error);
		assert_int_equal(data.len, rows[i].len);
		fuda_card_end(m.card);
		mock_close_card(&m);
	}
}

static void cuts_what_was_read(void **state)
{
	static const struct {
		enum read_how how;
		const char *hex;
		size_t max;
		int error;
		size_t len;
	} rows[] = {
		{ READ_OBJECT, "FF2001AAFFFF", 10, 0, 4 },	 { READ_OBJECT, "FF2001AA", 4, 0, 4 },
		{ READ_OBJECT, "FF2001AA", 3, FUDA_ETOOBIG, 4 }, { READ_OBJECT, "FF2002AA", 10, FUDA_EFORMAT, 4 },
		{ READ_OBJECT, "FF20", 10, FUDA_EFORMAT, 2 },	 { READ_OBJECT, "FFFFFF", 10, FUDA_ENOTFOUND, 3 },
		{ READ_FILE, "FF2001AAFFFF", 6, 0, 6 },		 { READ_FILE, "FF2001AAFFFF", 5, FUDA_ETOOBIG, 6 },
		{ READ_FILE, "0000", 5, FUDA_ENOTFOUND, 2 },	 { READ_FILE, "", 5, FUDA_ENOTFOUND, 0 },
	};
	static const struct exchange none[] = { { 0 } };
	struct mock_card m;

	(void)state;
	mock_open(&m, none);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(64);
		const struct ef ef = { 0x0001, rows[i].how, 0, rows[i].max };

		assert_int_equal(fuda_hex_decode(rows[i].hex, &data), 0);
		assert_int_equal(card_cut(m.card, &ef, &data), rows[i].error);
		assert_int_equal(data.len, rows[i].len);
	}
	mock_close_card(&m);
}

static void reads_records(void **state)
{
	static const struct {
		const char *what;
		struct exchange script[8];
		int error;
		size_t len;
	} rows[] = {
		{ "by short identifier", { SELECTED, { "00B2035400", "01019000" } }, 0, 2 },
		{ "of the selected file", { SELECTED, { "00B2035400", "6A81" }, { "00A4020C02000A", "9000" },
					    { "00B2030400", "01019000" } }, 0, 2 },
		{ "its length told", { SELECTED, { "00B2035400", "6C02" }, { "00B2035402", "01019000" } },
		  0, 2 },
		{ "empty", { SELECTED, { "00B2035400", "9000" } }, 0, 0 },
		{ "no record", { SELECTED, { "00B2035400", "6A83" } }, FUDA_ENOTFOUND, 0 },
		{ "no file", { SELECTED, { "00B2035400", "6A82" } }, FUDA_ENOTFOUND, 0 },
		{ "no file to select", { SELECTED, { "00B2035400", "6986" }, { "00A4020C02000A", "6A82" } },
		  FUDA_ENOTFOUND, 0 },
		{ "no record file", { SELECTED, { "00B2035400", "6981" } }, FUDA_ESW, 0 },
		{ "behind a secret", { SELECTED, { "00B2035400", "6982" } }, FUDA_ESECURITY, 0 },
		{ "removed", { SELECTED, { "00B2035400", NULL, FUDA_EREMOVED } }, FUDA_EREMOVED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(64);
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		assert_int_equal(card_select(m.card, &aid_jpki, m.dl), 0);
		assert_int_equal(card_read_record(m.card, 0x000A, 3, m.dl, &data), rows[i].error);
		assert_int_equal(data.len, rows[i].len);
		fuda_card_end(m.card);
		mock_close_card(&m);
	}
}

/* Never for the first time after a PIN: DESIGN "Rules of the card". */
static void does_not_try_extended_after_a_secret(void **state)
{
	struct exchange script[12] = { SELECTED, { "00B08A0000", piece(0, 256, "9000") } };
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(4096);
	const struct ef ef = { 0x000A, READ_OBJECT, 0, 4096 };
	struct mock_card m;

	(void)state;
	short_pieces(script + 2, 256);
	mock_open(&m, script);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(card_select(m.card, &aid_jpki, m.dl), 0);
	m.card->secret_sent = true;
	assert_int_equal(card_probe_extended(m.card, 0x0006, m.dl), 0);
	assert_int_equal(card_read(m.card, &ef, m.dl, &data), 0);
	assert_int_equal(m.card->extended, EXTENDED_UNKNOWN);
	fuda_card_end(m.card);
	mock_close_card(&m);
}

/* A reader without room for it would refuse it, which may cost a reset. */
static void does_not_try_extended_over_a_short_reader(void **state)
{
	static const enum extended before[] = { EXTENDED_UNKNOWN, EXTENDED_WORKS };
	const struct exchange script[] = { SELECTED, SHORT_REST, { 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(4096);
		struct mock_card m;

		mock_open(&m, script);
		m.card->reader->max_command = 261;
		m.card->extended = before[i];
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		assert_int_equal(card_select(m.card, &aid_jpki, m.dl), 0);
		assert_int_equal(card_probe_extended(m.card, 0x0006, m.dl), 0);
		assert_int_equal(card_read(m.card, &usual, m.dl, &data), 0);
		assert_int_equal(data.len, FILE_BYTES);
		assert_int_equal(m.card->extended, before[i]);
		fuda_card_end(m.card);
		mock_close_card(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_rest_in_one_piece),
		cmocka_unit_test(falls_back_to_short_pieces),
		cmocka_unit_test(recovers_from_a_reader_that_chokes),
		cmocka_unit_test(reads_on_where_a_card_gives_less),
		cmocka_unit_test(selects_where_short_identifiers_fail),
		cmocka_unit_test(refuses_bad_files),
		cmocka_unit_test(reads_bytes),
		cmocka_unit_test(probes_extended_length),
		cmocka_unit_test(asks_for_the_usual_size),
		cmocka_unit_test(reads_whole_files),
		cmocka_unit_test(cuts_what_was_read),
		cmocka_unit_test(reads_records),
		cmocka_unit_test(does_not_try_extended_after_a_secret),
		cmocka_unit_test(does_not_try_extended_over_a_short_reader),
	};

	return RUN(tests);
}
