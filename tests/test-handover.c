/* SPDX-License-Identifier: Apache-2.0 */
/* Handover messages as the reader sees them: those of ISO 18013-5 Annex D and of a wallet's
 * transcript, and what is refused of them. */
#include "mdoc/handover.h"
#include "mdoc/cbor.h"
#include "mdoc/engagement.h"
#include "mdoc/ndef.h"
#include "tests/vectors.h"

#define IN(s)	{ (const uint8_t *)(s), sizeof(s) - 1 }
#define TEXT(s) ((struct cursor)IN(s))

/* The Handover Select and Request of Annex D: members 3 of the SessionTranscript. */
static void annex_d(struct cursor *ret_engagement, struct cursor *ret_select, struct cursor *ret_request)
{
	struct cbor transcript, item, handover;
	struct cursor c;

	assert_int_equal(cbor_read(vector("derived_session_transcript"), &transcript, NULL), 0);
	c = transcript.content;
	assert_int_equal(cbor_next(&c, &item), 0);
	assert_int_equal(cbor_embedded(&item, &item), 0);
	*ret_engagement = item.whole;
	assert_int_equal(cbor_next(&c, &item), 0);
	assert_int_equal(cbor_next(&c, &handover), 0);
	c = handover.content;
	assert_int_equal(cbor_next(&c, &item), 0);
	assert_int_equal(cbor_bytes(&item, ret_select), 0);
	assert_int_equal(cbor_next(&c, &item), 0);
	assert_int_equal(cbor_bytes(&item, ret_request), 0);
}

static void takes_annex_d(void **state)
{
	struct cursor engagement, select, request;
	struct handover h;

	(void)state;
	annex_d(&engagement, &select, &request);
	assert_int_equal(handover_read_select(select, &h), 0);
	ASSERT_CUR(h.engagement, engagement);
	assert_int_equal(h.carriers, FUDA_MDOC_BLE);
	assert_int_equal(h.max_command, 0);
	assert_int_equal(h.max_response, 0);
	assert_int_equal(handover_read_select(request, &h), FUDA_ENOTFOUND);
}

/* Every byte string that is one too short, and every one with a byte changed, is taken or refused
 * without a step outside it. */
static void survives_damage(void **state)
{
	struct cursor engagement, select, request;
	struct handover h;
	uint8_t *copy;

	(void)state;
	annex_d(&engagement, &select, &request);
	for (size_t i = 0; i < select.left; i++) {
		copy = malloc(select.left);
		assert_non_null(copy);
		memcpy(copy, select.p, select.left);
		copy[i] ^= 0x21;
		(void)handover_read_select(cur_of(copy, select.left), &h);
		free(copy);
		copy = malloc(i + 1);
		assert_non_null(copy);
		memcpy(copy, select.p, i + 1);
		if (i + 1 < select.left)
			assert_int_equal(handover_read_select(cur_of(copy, i + 1), &h), FUDA_EFORMAT);
		free(copy);
	}
}

/* ---- messages made here ---- */

enum part { HS, AC_NFC, AC_BLE, DE, NFC, BLE, EXTRA, PARTS };
enum { FIRST_INNER = AC_NFC, LAST_INNER = AC_BLE };

/* A Handover Select with its parts; a part without a type is left out. */
struct plan {
	struct ndef_record part[PARTS];
	uint8_t version;
	bool no_alternatives;
};

#define ENGAGEMENT "\xA2\x00\x63" "1.0" "\x01\x01"

static struct plan plan(void)
{
	return (struct plan){
		.version = 0x15,
		.part = {
			[HS] = { NDEF_WELL_KNOWN, TEXT("Hs"), { 0 }, { 0 } },
			[AC_NFC] = { NDEF_WELL_KNOWN, TEXT("ac"), { 0 }, TEXT("\x01\x03nfc\x01\x04mdoc") },
			[AC_BLE] = { NDEF_WELL_KNOWN, TEXT("ac"), { 0 }, TEXT("\x01\x01" "0" "\x01\x04mdoc") },
			[DE] = { NDEF_EXTERNAL, TEXT("iso.org:18013:deviceengagement"), TEXT("mdoc"),
				 TEXT(ENGAGEMENT) },
			[NFC] = { NDEF_EXTERNAL, TEXT("iso.org:18013:nfc"), TEXT("nfc"),
				  TEXT("\x01\x03\x01\xFF\xFF\x04\x02\x01\x00\x00") },
			[BLE] = { NDEF_MEDIA, TEXT("application/vnd.bluetooth.le.oob"), TEXT("0"),
				  TEXT("\x02\x1C\x00") },
		},
	};
}

static struct fuda_buf made = { .max = 4096 };

static struct cursor make(const struct plan *p)
{
	struct fuda_buf inner = FUDA_BUF_INIT(1024);
	size_t last = p->part[EXTRA].type.left ? EXTRA : BLE;
	struct ndef_record r;

	assert_int_equal(fuda_buf_append(&inner, &p->version, 1), 0);
	for (size_t i = FIRST_INNER; i <= LAST_INNER && !p->no_alternatives; i++)
		assert_int_equal(ndef_put(i == FIRST_INNER ? NDEF_FIRST : NDEF_LAST, &p->part[i], &inner), 0);
	fuda_buf_clear(&made);
	for (size_t i = 0; i < PARTS; i++) {
		if ((i >= FIRST_INNER && i <= LAST_INNER) || !p->part[i].type.left)
			continue;
		r = p->part[i];
		if (i == HS)
			r.payload = cur_of(inner.data, inner.len);
		assert_int_equal(ndef_put(i == HS ? NDEF_FIRST : i == last ? NDEF_LAST : NDEF_MIDDLE, &r, &made), 0);
	}
	fuda_buf_free(&inner);
	return cur_of(made.data, made.len);
}

static void takes_carriers(void **state)
{
	static const struct {
		const char *what;
		enum part part;
		struct ndef_record record;
		unsigned carriers;
		size_t max_command, max_response;
	} rows[] = {
#define NFC_RECORD(payload) NFC, { NDEF_EXTERNAL, IN("iso.org:18013:nfc"), IN("nfc"), IN(payload) }
#define BOTH		    (FUDA_MDOC_NFC | FUDA_MDOC_BLE)
		{ "as made", NFC_RECORD("\x01\x03\x01\xFF\xFF\x04\x02\x01\x00\x00"), BOTH, 65535, 65536 },
		{ "the least", NFC_RECORD("\x01\x02\x01\xFF\x03\x02\x01\x00"), BOTH, 255, 256 },
		{ "four bytes each, turned round", NFC_RECORD("\x01\x05\x02\x00\x00\x10\x00\x05\x01\x00\x00\x08\x00"),
		  BOTH, 2048, 4096 },
		{ "more than there is", NFC_RECORD("\x01\x04\x01\x01\x00\x00\x05\x02\xFF\xFF\xFF\xFF"), BOTH, 65535,
		  65536 },
		{ "no limits", NFC_RECORD("\x01"), BOTH, 255, 256 },
		{ "another field", NFC_RECORD("\x01\x03\x07\x00\x00\x03\x01\x01\x00"), BOTH, 256, 256 },
		{ "Wi-Fi Aware", BLE, { NDEF_MEDIA, IN("application/vnd.wfa.nan"), IN("0"), { 0 } },
		  FUDA_MDOC_NFC | FUDA_MDOC_WIFI, 65535, 65536 },
		{ "one not known", BLE, { NDEF_MEDIA, IN("application/x"), IN("0"), { 0 } },
		  FUDA_MDOC_NFC | FUDA_MDOC_OTHER, 65535, 65536 },
		{ "an alternative without auxiliary record", AC_NFC,
		  { NDEF_WELL_KNOWN, IN("ac"), { 0 }, IN("\x00\x03nfc\x00") }, BOTH, 65535, 65536 },
		{ "another record among the alternatives", AC_BLE, { NDEF_WELL_KNOWN, IN("cr"), { 0 }, IN("\x01\x02") },
		  FUDA_MDOC_NFC, 65535, 65536 },
		{ "one record more", EXTRA,
		  { NDEF_EXTERNAL, IN("example.org:x"), IN("x"), { 0 } }, BOTH, 65535, 65536 },
	};
	struct handover h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan p = plan();

		print_message("%s\n", rows[i].what);
		p.part[rows[i].part] = rows[i].record;
		assert_int_equal(handover_read_select(make(&p), &h), 0);
		ASSERT_CUR(h.engagement, TEXT(ENGAGEMENT));
		assert_int_equal(h.carriers, rows[i].carriers);
		assert_int_equal(h.max_command, rows[i].max_command);
		assert_int_equal(h.max_response, rows[i].max_response);
	}
}

static void takes_versions(void **state)
{
	static const struct {
		uint8_t version;
		int error;
	} rows[] = { { 0x15, 0 }, { 0x12, 0 }, { 0x1F, 0 }, { 0x05, FUDA_ENOTSUP }, { 0x25, FUDA_ENOTSUP } };
	struct plan p = plan();
	struct handover h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		p.version = rows[i].version;
		assert_int_equal(handover_read_select(make(&p), &h), rows[i].error);
	}
	/* nothing to choose from */
	p = plan();
	p.no_alternatives = true;
	assert_int_equal(handover_read_select(make(&p), &h), 0);
	assert_int_equal(h.carriers, 0);
}

static void refuses(void **state)
{
#define AC(part, payload) part, { NDEF_WELL_KNOWN, IN("ac"), { 0 }, IN(payload) }
#define EXTERNAL(part, type, id, payload) part, { NDEF_EXTERNAL, IN(type), IN(id), IN(payload) }
	static const struct {
		const char *what;
		int error;
		enum part part;
		struct ndef_record record;
	} rows[] = {
		{ "a Handover Request", FUDA_ENOTFOUND, HS, { NDEF_WELL_KNOWN, IN("Hr"), { 0 }, { 0 } } },
		{ "a record that looks like it", FUDA_ENOTFOUND, HS, { NDEF_EXTERNAL, IN("Hs"), { 0 }, { 0 } } },
		{ "an error instead of an alternative", FUDA_ENOTSUP, AC_BLE,
		  { NDEF_WELL_KNOWN, IN("err"), { 0 }, IN("\x01\x00") } },
		{ "no DeviceEngagement", FUDA_ENOTFOUND,
		  EXTERNAL(DE, "iso.org:18013:readerengagement", "mdoc", "\xA0") },
		{ "its type of another form", FUDA_ENOTFOUND, DE,
		  { NDEF_MEDIA, IN("iso.org:18013:deviceengagement"), IN("mdoc"), IN("\xA0") } },
		{ "two of it", FUDA_EFORMAT, EXTERNAL(EXTRA, "iso.org:18013:deviceengagement", "more", "\xA0") },
		{ "nothing in it", FUDA_EFORMAT, EXTERNAL(DE, "iso.org:18013:deviceengagement", "mdoc", "") },
		{ "another id", FUDA_EFORMAT, EXTERNAL(DE, "iso.org:18013:deviceengagement", "mdod", "\xA0") },
		{ "a reference to nothing", FUDA_EFORMAT, AC(AC_BLE, "\x01\x01" "9" "\x00") },
		{ "an auxiliary one to nothing", FUDA_EFORMAT, AC(AC_BLE, "\x01\x01" "0" "\x01\x04mdox") },
		{ "a reference of no bytes", FUDA_EFORMAT, AC(AC_BLE, "\x01\x00\x00") },
		{ "to two records", FUDA_EFORMAT, EXTERNAL(EXTRA, "example.org:x", "nfc", "x") },
		{ "an empty alternative", FUDA_EFORMAT, AC(AC_BLE, "") },
		{ "the power state alone", FUDA_EFORMAT, AC(AC_BLE, "\x01") },
		{ "no count of auxiliary ones", FUDA_EFORMAT, AC(AC_BLE, "\x01\x01" "0") },
		{ "fewer than counted", FUDA_EFORMAT, AC(AC_BLE, "\x01\x01" "0" "\x02\x04mdoc") },
		{ "more than counted", FUDA_EFORMAT, AC(AC_BLE, "\x01\x01" "0" "\x01\x04mdoc\x00") },
		{ "NFC twice", FUDA_EFORMAT, AC(AC_BLE, "\x01\x03nfc\x00") },
		{ "NFC of version 2", FUDA_ENOTSUP, EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "\x02") },
		{ "NFC of none", FUDA_EFORMAT, EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "") },
		{ "commands too short", FUDA_EFORMAT, EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "\x01\x02\x01\xFE") },
		{ "responses too short", FUDA_EFORMAT, EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "\x01\x02\x02\xFF") },
		{ "a field of no bytes", FUDA_EFORMAT, EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "\x01\x00") },
		{ "a limit of no bytes", FUDA_EFORMAT, EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "\x01\x01\x01") },
		{ "a limit of five bytes", FUDA_EFORMAT,
		  EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "\x01\x06\x01\x00\x00\x00\x01\x00") },
		{ "a field that ends early", FUDA_EFORMAT,
		  EXTERNAL(NFC, "iso.org:18013:nfc", "nfc", "\x01\x03\x01\xFF") },
	};
	struct handover h = { .carriers = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan p = plan();

		print_message("%s\n", rows[i].what);
		p.part[rows[i].part] = rows[i].record;
		assert_int_equal(handover_read_select(make(&p), &h), rows[i].error);
		assert_int_equal(h.carriers, 77);
	}
	/* an id that nothing refers to, and that is another one */
	struct plan p = plan();
	p.part[AC_NFC].payload = TEXT("\x01\x03nfc\x00");
	p.part[AC_BLE].payload = TEXT("\x01\x01" "0" "\x00");
	assert_int_equal(handover_read_select(make(&p), &(struct handover){ 0 }), 0);
	p.part[DE].id = TEXT("mdod");
	assert_int_equal(handover_read_select(make(&p), &h), FUDA_EFORMAT);
	/* what is embedded is a message of its own, and has to have a version before it */
	assert_int_equal(handover_read_select(TEXT("\xD1\x02\x00Hs"), &h), FUDA_EFORMAT);
	assert_int_equal(handover_read_select(TEXT("\xD1\x02\x02Hs\x15\x11"), &h), FUDA_EFORMAT);
	assert_int_equal(handover_read_select(TEXT("\xD1\x02\x01Hs\x15"), &h), FUDA_ENOTFOUND);
	assert_int_equal(handover_read_select(cur_of(NULL, 0), &h), FUDA_EFORMAT);
}

/* ---- Handover Request ---- */

static void writes_requests(void **state)
{
	static const uint8_t expected[] = "\x91\x02\x0CHr\x15\xD1\x02\x06" "ac\x01\x03nfc\x00"
					  "\x1C\x1E\x06\x0Aiso.org:18013:readerengagementmdocreader\xA1\x00\x63" "1.0"
					  "\x5C\x11\x0A\x03iso.org:18013:nfcnfc"
					  "\x01\x03\x01\xFF\xFF\x04\x02\x01\x00\x00";
	struct fuda_buf b = FUDA_BUF_INIT(256), small = FUDA_BUF_INIT(80);
	struct cursor nfc;
	struct ndef m;

	(void)state;
	assert_int_equal(handover_put_request(65535, 65536, &b), 0);
	assert_int_equal(b.len, sizeof(expected) - 1);
	assert_memory_equal(b.data, expected, b.len);
	fuda_buf_clear(&b);
	assert_int_equal(handover_put_request(255, 256, &b), 0);
	assert_int_equal(ndef_read(cur_of(b.data, b.len), &m), 0);
	nfc = m.records[2].payload;
	ASSERT_CUR(nfc, TEXT("\x01\x02\x01\xFF\x03\x02\x01\x00"));
	assert_int_equal(fuda_buf_append(&small, "x", 1), 0);
	assert_int_equal(handover_put_request(255, 256, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 1);
	fuda_buf_free(&small);
	fuda_buf_free(&b);
}

/* ---- TNEP ---- */

#define URN "urn:nfc:sn:handover"

static void takes_services(void **state)
{
	static const struct {
		const char *what;
		struct cursor message;
		int error, wait_ms;
		unsigned looks;
		size_t max;
	} rows[] = {
		{ "of the transcript", IN("\xD1\x02\x1ATp\x10\x13" URN "\x00\x00\x0F\xFF\xFF"), 0, 1, 16, 65535 },
		{ "as iPhones have it, 16 ms",
		  IN("\xD1\x02\x1ATp\x10\x13" URN "\x00\x14\x0F\x04\x00"), 0, 16, 16, 1024 },
		{ "32 ms times 2^(3/4), a fraction more",
		  IN("\xD1\x02\x1ATp\x10\x13" URN "\x00\x1B\x00\x00\x40"), 0, 54, 1, 64 },
		{ "the longest, reserved bits set",
		  IN("\xD1\x02\x1ATp\x1F\x13" URN "\x00\xFF\xF1\x00\x40"), 0, 27558, 2, 64 },
		{ "the second of two", IN("\x91\x02\x08Tp\x10\x01x\x00\x00\x0F\xFF\xFF" "\x51\x02\x1ATp\x10\x13" URN
					    "\x00\x08\x03\x01\x00"), 0, 2, 4, 256 },
		{ "of version 2", IN("\xD1\x02\x1ATp\x20\x13" URN "\x00\x00\x0F\xFF\xFF"), FUDA_ENOTSUP, 0, 0, 0 },
		{ "another service alone", IN("\xD1\x02\x08Tp\x10\x01x\x00\x00\x0F\xFF\xFF"), FUDA_ENOTFOUND, 0, 0, 0 },
		{ "another message", IN("\xD1\x02\x01Te\x00"), FUDA_ENOTFOUND, 0, 0, 0 },
		{ "too short", IN("\xD1\x02\x19Tp\x10\x13" URN "\x00\x00\x0F\xFF"), FUDA_EFORMAT, 0, 0, 0 },
		{ "too long", IN("\xD1\x02\x1BTp\x10\x13" URN "\x00\x00\x0F\xFF\xFF\x00"), FUDA_EFORMAT, 0, 0, 0 },
		{ "name too long", IN("\xD1\x02\x02Tp\x10\x13"), FUDA_EFORMAT, 0, 0, 0 },
		{ "nothing in it", IN("\xD1\x02\x00Tp"), FUDA_EFORMAT, 0, 0, 0 },
		{ "no message", IN("\xD1\x02\x1BTp"), FUDA_EFORMAT, 0, 0, 0 },
	};
	struct handover_service s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s = (struct handover_service){ .max_length = 77 };
		print_message("%s\n", rows[i].what);
		assert_int_equal(handover_read_service(rows[i].message, &s), rows[i].error);
		if (rows[i].error) {
			assert_int_equal(s.max_length, 77);
			continue;
		}
		assert_int_equal(s.wait_ms, rows[i].wait_ms);
		assert_int_equal(s.looks, rows[i].looks);
		assert_int_equal(s.max_length, rows[i].max);
	}
}

static void selects_services(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(64);

	(void)state;
	assert_int_equal(handover_put_service_select(&b), 0);
	ASSERT_BUF(&b, TEXT("\xD1\x02\x14Ts\x13" URN));
	fuda_buf_free(&b);
}

static void takes_statuses(void **state)
{
	uint8_t status = 77;

	(void)state;
	assert_int_equal(handover_read_status(TEXT("\xD1\x02\x00Te"), &status), FUDA_EFORMAT);
	assert_int_equal(handover_read_status(TEXT("\xD1\x02\x02Te\x00\x00"), &status), FUDA_EFORMAT);
	assert_int_equal(handover_read_status(TEXT("\xD1\x02\x02Te\x00"), &status), FUDA_EFORMAT);
	assert_int_equal(handover_read_status(TEXT("\xD1\x02\x01Tf\x00"), &status), FUDA_ENOTFOUND);
	assert_int_equal(status, 77);
	assert_int_equal(handover_read_status(TEXT("\xD1\x02\x01Te\x81"), &status), 0);
	assert_int_equal(status, 0x81);
	assert_int_equal(handover_read_status(TEXT("\xD1\x02\x01Te\x00"), &status), 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_carriers),   cmocka_unit_test(takes_versions),
		cmocka_unit_test(refuses),	    cmocka_unit_test(writes_requests),
		cmocka_unit_test(takes_services),   cmocka_unit_test(selects_services),
		cmocka_unit_test(takes_statuses),   cmocka_unit_test(takes_annex_d),
		cmocka_unit_test(survives_damage),
	};
	int failed;

	vectors_or_skip();
	failed = RUN(tests);
	fuda_buf_free(&made);
	return failed;
}
