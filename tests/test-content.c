/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a software card as made: card.md 2.2, 2.4 to 2.8 and 4. */
#include "tests/content.h"

#include <string.h>
#include "tests/cmocka.h"
#include "tests/softcard.h"

/* ---- text: card.md 2.7 ---- */

static void text_records(void **state)
{
	struct file f;

	(void)state;
	at = softcard_dir();
	f = load("text-0001.bin");
	is_hex(f.bytes, f.len, "FF100C313233343536373839303138FFFF");
	assert_int_equal(load("text-0002.bin").len, 256);
	check_text(SAMPLE_MY_NUMBER, SAMPLE_NAME, SAMPLE_ADDRESS, "19900515", "1", -1);
	f = load("text-0008.bin");
	is_hex(f.bytes, f.len, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
}

static void text_keys(void **state)
{
	struct file session = load("text-0006.bin"), own = load("text-0007.bin");
	struct object o = outer(&session, 0xA1, 0), part[2];
	EVP_PKEY *key = municipality("text-0004.bin");

	(void)state;
	pairs("text-0006.pem", o.value, o.len);
	assert_int_equal(own.len, 536);
	o = outer(&own, 0xFF50, 0);
	inside(&o, TAGS(0xDF51, 0xDF52), part);
	pairs("text-0013.pem", part[0].value, part[0].len);
	assert_true(signs_bytes(key, &part[1], part[0].whole, part[0].whole_len));
	EVP_PKEY_free(key);
}

static void text_basic(void **state)
{
	struct file f = load("text-0005.bin");
	struct object o = outer(&f, 0xFF40, -1), part[3];

	(void)state;
	assert_int_equal(f.len, 256);
	inside(&o, TAGS(0xDF41, 0xDF42, 0xDF43), part);
	is_hex(part[0].value, part[0].len, "01030E01");
	is_hex(part[1].value, part[1].len, "36303030303334" "0805" "303031" "00000000");
	assert_int_equal(part[2].len, 128);
	filler(part[2].value + 32, part[2].value + 128);
}

/* ---- face: card.md 2.6 ---- */

static void face_record(void **state)
{
	struct file f = load("face-0002.bin");
	struct object part[FACE_OBJECTS];

	(void)state;
	assert_int_equal(f.len % 256, 0);
	face(&f, -1, part);
	is(&part[BIRTH], "19900515");
	is(&part[SEX], "1");
	pairs("face-001A.pem", part[KEY].value, part[KEY].len);
	png(&part[NAME], 20 * 16, 16);
	png(&part[ADDRESS], 20 * 16, 16);
	assert_int_equal(part[PHOTO].len, 6144);
	jp2(&part[PHOTO]);
	is(&part[EXPIRY], "20350515");
	png(&part[CODE], 24, 12);
	assert_true(face_signed(part));
	/* what is not covered, and what is */
	f.bytes[part[EXPIRY].value - f.bytes] ^= 1;
	assert_true(face_signed(part));
	for (size_t i = BIRTH; i <= PHOTO; i++) {
		f.bytes[part[i].value - f.bytes + (long)part[i].len - 1] ^= 1;
		assert_false(face_signed(part));
		f.bytes[part[i].value - f.bytes + (long)part[i].len - 1] ^= 1;
	}
}

static void small_face_records(void **state)
{
	struct file age = load("face-0001.bin"), number = load("face-0005.bin"), f = load("face-0006.bin");
	struct object o = outer(&age, 0xFF10, 0), part[3];
	EVP_PKEY *key = municipality("face-0004.bin");

	(void)state;
	assert_int_equal(age.len, 547);
	inside(&o, TAGS(0xDF11, 0xDF12, 0xDF13), part);
	is(&part[0], "19900515");
	pairs("face-001A.pem", part[1].value, part[1].len);
	assert_true(signs_bytes(key, &part[2], part[0].whole, part[0].whole_len + part[1].whole_len));

	o = outer(&number, 0xFF40, -1);
	inside(&o, TAGS(0xDF41, 0xDF42, 0xDF43), part);
	png(&part[0], 72, 12);
	pairs("face-001A.pem", part[1].value, part[1].len);
	assert_true(signs_bytes(key, &part[2], part[0].whole, part[0].whole_len + part[1].whole_len));
	is_hex(f.bytes, f.len, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
	EVP_PKEY_free(key);
}

static void face_basic(void **state)
{
	struct file f = load("face-0003.bin");
	struct object o = outer(&f, 0xFF30, 0), part[5];

	(void)state;
	inside(&o, TAGS(0xDF31, 0xDF32, 0xDF33, 0xDF34, 0xDF35), part);
	is_hex(part[0].value, part[0].len, "06030E01");
	is_hex(part[1].value, part[1].len, "36303030303234" "0805" "303031" "00000000");
	is_hex(part[2].value, part[2].len, "00");
	is(&part[3], "13101");
	assert_int_equal(part[4].len, 272);
	is_hex(part[4].value, 16, "35393030303235" "0805" "303031" "00000000");
}

/* ---- CV certificates: card.md 2.8 ---- */

static void cv_certificates(void **state)
{
	static const struct {
		const char *file, *issuer;
	} apps[] = {
		{ "face-0004.bin", "36303030303233" "0805" "303031" "00000000" },
		{ "text-0004.bin", "36303030303333" "0805" "303031" "00000001" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(apps); i++) {
		struct file f = load(apps[i].file);
		struct object o = outer(&f, 0x7F21, 0);
		struct cv cv = cv_of(o.value, o.len);
		EVP_PKEY *key = authority(cv.issuer);

		assert_int_equal(f.len, 568);
		is_hex(cv.issuer, 16, apps[i].issuer);
		is_hex(cv.subject, 16, "31333130313231" "0805" "303030" "00000000");
		assert_true(signs_bytes(key, &cv.signature, cv.body.value, cv.body.len));
		assert_false(signs_bytes(cv.key, &cv.signature, cv.body.value, cv.body.len));
		EVP_PKEY_free(key);
		EVP_PKEY_free(cv.key);
	}
}

static void card_chain(void **state)
{
	struct file upper = load("isd-00F8.bin"), lower = load("isd-7F21.bin"), id = load("isd-00F7.bin");
	struct cv a = cv_of(upper.bytes, upper.len), b = cv_of(lower.bytes, lower.len);
	EVP_PKEY *root = authority(a.issuer), *last = municipality("face-0004.bin");

	(void)state;
	is_hex(a.issuer, 16, "36303030303230" "0805" "303031" "00000000");
	assert_int_equal(id.len, 16);
	assert_memory_equal(a.subject, id.bytes, 16);
	assert_memory_equal(b.issuer, id.bytes, 16);
	assert_true(signs_bytes(root, &a.signature, a.body.value, a.body.len));
	assert_true(signs_bytes(a.key, &b.signature, b.body.value, b.body.len));
	assert_int_equal(EVP_PKEY_eq(b.key, last), 1);
	EVP_PKEY_free(root);
	EVP_PKEY_free(last);
	EVP_PKEY_free(a.key);
	EVP_PKEY_free(b.key);
}

/* ---- the others: card.md 2.2, 2.4, 2.5 ---- */

static void records(void **state)
{
	struct file f = load("common-0001.bin"), reference = load("common-0002.bin");
	struct file juki = load("juki-0002.bin"), number = load("isd-0045.bin");

	(void)state;
	assert_int_equal(f.len, 30);
	assert_memory_equal(f.bytes, "\x01\x1C", 2);
	assert_int_equal(strspn((char *)f.bytes + 2, "0123456789"), 28);
	assert_memory_equal(f.bytes + 17, "13101" "20350515", 13);
	assert_int_equal(reference.len, 18);
	assert_memory_equal(reference.bytes, "\x01\x10", 2);
	assert_int_equal(juki.len, reference.len);
	assert_memory_equal(juki.bytes, reference.bytes, juki.len);
	assert_int_equal(number.len, 15);
	assert_memory_equal(number.bytes, f.bytes + 2, 15);
	assert_true(there("common-0019.pem"));
}

static void card_objects(void **state)
{
	static const struct {
		const char *file, *hex;
	} objects[] = {
		{ "isd-0042.bin", "36303030303230" "0805" "303031" "00000000" },
		{ "isd-00F0.bin", "3133313031" },
		{ "isd-00F2.bin", "3230333530353135" },
		{ "isd-5F51.bin", "E000FF8131FE4514" },
	};
	struct file recognition = load("isd-0066.bin");
	struct object o = outer(&recognition, 0x66, 0), data, part[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		struct file f = load(objects[i].file);

		is_hex(f.bytes, f.len, objects[i].hex);
	}
	inside(&o, TAGS(0x73), &data);
	inside(&data, TAGS(0x06, 0x60, 0x63, 0x64), part);
	is_hex(part[0].value, part[0].len, "2A864886FC6B01");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_records),
		cmocka_unit_test(text_keys),
		cmocka_unit_test(text_basic),
		cmocka_unit_test(face_record),
		cmocka_unit_test(small_face_records),
		cmocka_unit_test(face_basic),
		cmocka_unit_test(cv_certificates),
		cmocka_unit_test(card_chain),
		cmocka_unit_test(records),
		cmocka_unit_test(card_objects),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
