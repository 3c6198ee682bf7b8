/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials as they are issued, read back by who verifies them. */
#include "mdoc/issue.h"

#include <fuda/hash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mdoc/cose.h"
#include "mdoc/response.h"
#include "tests/cmocka.h"

#define NOW 1795305600 /* 2026-11-22 00:00:00 UTC */
enum { DAY = 86400 };

static const uint8_t certificate[] = { 0x30, 0x03, 0x02, 0x01, 0x07 };
static const uint8_t one[] = { 0x01 }, man[] = { 0x63, 0xE7, 0x94, 0xB7 };
static const uint8_t date[] = { 0xD9, 0x03, 0xEC, 0x6A, '1', '9', '7',
				'1',  '-',  '0',  '9',  '-', '0', '1' };

#define VALUE(bytes)                 \
	{                            \
		bytes, sizeof(bytes) \
	}
static const struct issue_element elements[] = {
	{ "a", "sex", VALUE(one) }, { "b", "sex", VALUE(man) },   { "a", "birth", VALUE(date) },
	{ "a", "x", VALUE(one) },   { "b", "birth", VALUE(one) },
};

static struct private_key *signing, *device;
static struct document_signer ds;

static int setup(void **state)
{
	(void)state;
	if (private_new(CURVE_P256, &signing) < 0 || private_new(CURVE_P256, &device) < 0)
		return -1;
	ds = (struct document_signer){
		.signer = private_signer(signing),
		.certificate = cur_of(certificate, sizeof(certificate)),
		.not_before = NOW - 10 * DAY,
		.not_after = NOW + 80 * DAY,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	private_free(&signing);
	private_free(&device);
	return 0;
}

static struct credential plan(void)
{
	return (struct credential){
		.doctype = "d",
		.elements = elements,
		.element_count = ARRAY_SIZE(elements),
		.device_key = private_public(device),
		.at = NOW,
		.days = 30,
	};
}

/* What was issued, taken apart; the rest points into `bytes`. */
struct issued {
	struct fuda_buf bytes;
	struct issuer_signed parts;
	struct cbor mso, validity, digests;
};

static void issued_free(struct issued *i)
{
	fuda_buf_free(&i->bytes);
}

static struct cbor member(const struct cbor *map, const char *key)
{
	struct cbor value;

	assert_int_equal(cbor_get(map, key, &value), 0);
	return value;
}

static void take_apart(struct issued *i)
{
	struct cbor whole, payload;

	assert_int_equal(cbor_read(cur_of(i->bytes.data, i->bytes.len), &whole, NULL), 0);
	assert_int_equal(issuer_signed_read(&whole, &i->parts), 0);
	assert_int_equal(cbor_read(i->parts.auth.payload, &payload, NULL), 0);
	assert_int_equal(cbor_embedded(&payload, &i->mso), 0);
	i->validity = member(&i->mso, "validityInfo");
	i->digests = member(&i->mso, "valueDigests");
}

static struct issued make(const struct document_signer *signer, const struct credential *what)
{
	struct issued i = { .bytes = FUDA_BUF_INIT(CBOR_MAX) };

	assert_int_equal(issue(signer, what, &i.bytes), 0);
	take_apart(&i);
	return i;
}

static bool is_tdate(const struct cbor *map, const char *key, const char *wanted)
{
	struct cbor value, inside;

	return cbor_get(map, key, &value) == 0 && cbor_tag(&value, 0, &inside) == 0 &&
	       cbor_is_text(&inside, wanted);
}

/* The digest of an id in a namespace of the MSO. */
static bool has_digest(const struct issued *i, const char *space, const struct signed_item *item)
{
	struct cbor map = member(&i->digests, space), value;
	struct fuda_digest digest;
	struct cursor bytes;

	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, item->bytes.p, item->bytes.left, &digest),
			 0);
	return cbor_get_int(&map, (int64_t)item->digest_id, &value) == 0 &&
	       cbor_bytes(&value, &bytes) == 0 && bytes.left == 32 &&
	       memcmp(bytes.p, digest.bytes, 32) == 0;
}

static const struct issue_element *wanted(const struct credential *what, const char *space,
					  struct cursor name)
{
	for (size_t n = 0; n < what->element_count; n++)
		if (strcmp(what->elements[n].space, space) == 0 &&
		    strlen(what->elements[n].name) == name.left &&
		    memcmp(what->elements[n].name, name.p, name.left) == 0)
			return &what->elements[n];
	return NULL;
}

/* Every element is there once, with its value, a salt and its digest. How many there are. */
static size_t check_space(const struct issued *i, const struct credential *what, const char *space)
{
	struct cbor array = member(&i->parts.spaces, space), item;
	struct cursor c = array.content;
	size_t count = 0;

	for (; cbor_next(&c, &item) == 0; count++) {
		const struct issue_element *e;
		struct signed_item s;

		assert_int_equal(signed_item_read(&item, &s), 0);
		assert_int_equal(s.random.left, 32);
		assert_true(s.digest_id <= 0x7FFFFFFF);
		assert_true(has_digest(i, space, &s));
		e = wanted(what, space, s.name);
		assert_non_null(e);
		assert_int_equal(s.value.whole.left, e->value.left);
		assert_memory_equal(s.value.whole.p, e->value.p, e->value.left);
	}
	assert_int_equal(count, array.number);
	return count;
}

static void what_is_issued_can_be_read(void **state)
{
	const struct credential what = plan();
	_cleanup_(issued_free) struct issued i = make(&ds, &what);
	struct cbor info = member(&i.mso, "deviceKeyInfo"), version = member(&i.mso, "version"),
		    algorithm = member(&i.mso, "digestAlgorithm"),
		    doctype = member(&i.mso, "docType"), key_item = member(&info, "deviceKey");
	struct key *key;

	(void)state;
	assert_int_equal(i.mso.number, 6);
	assert_true(cbor_is_text(&version, "1.0"));
	assert_true(cbor_is_text(&algorithm, "SHA-256"));
	assert_true(cbor_is_text(&doctype, "d"));
	assert_int_equal(info.number, 1);
	assert_int_equal(cose_key_read(&key_item, &key), 0);
	assert_true(key_equal(key, private_public(device)));
	key_free(&key);
	assert_int_equal(i.parts.spaces.number, 2);
	assert_int_equal(i.digests.number, 2);
	assert_int_equal(check_space(&i, &what, "a"), 3);
	assert_int_equal(check_space(&i, &what, "b"), 2);
	assert_int_equal(member(&i.digests, "a").number, 3);
	assert_int_equal(member(&i.digests, "b").number, 2);
	assert_int_equal(i.parts.auth.algorithm, COSE_ES256);
	assert_int_equal(i.parts.auth.chain_count, 1);
	assert_int_equal(i.parts.auth.chain[0].left, sizeof(certificate));
	assert_memory_equal(i.parts.auth.chain[0].p, certificate, sizeof(certificate));
	assert_int_equal(cose_sign1_verify(&i.parts.auth, private_public(signing), NULL, 0), 0);
	assert_int_equal(cose_sign1_verify(&i.parts.auth, private_public(device), NULL, 0),
			 FUDA_EVERIFY);
}

/* mdoc.md 2.4 and REQ-MSO-02 to 04 */
static void times_are_those_of_the_rules(void **state)
{
	static const struct {
		unsigned days;
		time_t not_after;
		const char *until, *update;
	} cases[] = {
		{ 30, NOW + 80 * DAY, "2026-12-22T00:00:00Z", "2026-12-12T00:00:00Z" },
		{ 30, NOW + 30 * DAY, "2026-12-22T00:00:00Z", "2026-12-12T00:00:00Z" },
		{ 30, NOW + 30 * DAY - 1, "2026-12-21T23:59:59Z", "2026-12-12T00:00:00Z" },
		{ 30, NOW + 20 * DAY + 1, "2026-12-12T00:00:01Z", "2026-12-12T00:00:00Z" },
		{ 30, NOW + 20 * DAY, "2026-12-12T00:00:00Z", NULL },
		{ 30, NOW + 1, "2026-11-22T00:00:01Z", NULL },
		{ 29, NOW + 80 * DAY, "2026-12-21T00:00:00Z", NULL },
		{ 1, NOW + 80 * DAY, "2026-11-23T00:00:00Z", NULL },
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		struct credential what = plan();
		struct document_signer signer = ds;
		struct issued i;

		what.days = cases[n].days;
		signer.not_after = cases[n].not_after;
		i = make(&signer, &what);
		assert_true(is_tdate(&i.validity, "signed", "2026-11-22T00:00:00Z"));
		assert_true(is_tdate(&i.validity, "validFrom", "2026-11-22T00:00:00Z"));
		if (!is_tdate(&i.validity, "validUntil", cases[n].until) ||
		    i.validity.number != (cases[n].update ? 4 : 3) ||
		    (cases[n].update && !is_tdate(&i.validity, "expectedUpdate", cases[n].update)))
			fail_msg("%zu", n);
		issued_free(&i);
	}
}

/* Neither where an element stands nor how many there are can be told from the digests. */
static void decoys_look_like_the_rest(void **state)
{
	struct credential what = plan();
	_cleanup_(issued_free) struct issued i = { 0 };
	struct cbor map, id, value;
	struct cursor c, bytes;
	uint64_t n, last = 0;
	bool first = true;

	(void)state;
	what.decoys = 64;
	i = make(&ds, &what);
	assert_int_equal(check_space(&i, &what, "a"), 3);
	assert_int_equal(check_space(&i, &what, "b"), 2);
	map = member(&i.digests, "a");
	assert_int_equal(map.number, 3 + 64);
	assert_int_equal(member(&i.digests, "b").number, 2 + 64);
	for (c = map.content; cbor_next(&c, &id) == 0 && cbor_next(&c, &value) == 0;
	     first = false) {
		assert_int_equal(cbor_uint(&id, 0x7FFFFFFF, &n), 0);
		assert_true(first || n > last);
		last = n;
		assert_int_equal(cbor_bytes(&value, &bytes), 0);
		assert_int_equal(bytes.left, 32);
	}
	assert_true(last > 63); /* by chance */
}

/* Two of the same person have nothing in common by which they could be told to be so. */
static void nothing_comes_twice(void **state)
{
	const struct credential what = plan();
	struct issuer *issuer;
	struct issued both[2] = { { .bytes = FUDA_BUF_INIT(CBOR_MAX) },
				  { .bytes = FUDA_BUF_INIT(CBOR_MAX) } };
	struct signed_item items[2];
	struct cbor item;

	(void)state;
	assert_int_equal(issuer_new(&ds, &issuer), 0);
	for (size_t n = 0; n < 2; n++) {
		struct cursor c;

		assert_int_equal(issuer_issue(issuer, &what, &both[n].bytes), 0);
		take_apart(&both[n]);
		c = member(&both[n].parts.spaces, "a").content;
		assert_int_equal(cbor_next(&c, &item), 0);
		assert_int_equal(signed_item_read(&item, &items[n]), 0);
	}
	issuer_free(&issuer);
	assert_null(issuer);
	assert_memory_not_equal(items[0].random.p, items[1].random.p, 32);
	assert_int_not_equal(items[0].digest_id, items[1].digest_id);
	assert_memory_not_equal(both[0].parts.auth.signature.p, both[1].parts.auth.signature.p, 64);
	for (size_t n = 0; n < 2; n++) {
		assert_int_equal(check_space(&both[n], &what, "a"), 3);
		assert_int_equal(cose_sign1_verify(&both[n].parts.auth, private_public(signing),
						   NULL, 0),
				 0);
		issued_free(&both[n]);
	}
}

static void all_curves_can_sign(void **state)
{
	static const struct {
		enum curve curve;
		int64_t algorithm;
	} cases[] = {
		{ CURVE_P384, COSE_ES384 },
		{ CURVE_P521, COSE_ES512 },
		{ CURVE_ED25519, COSE_EDDSA },
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		const struct credential what = plan();
		struct document_signer signer = ds;
		struct private_key *key;
		struct issued i;

		assert_int_equal(private_new(cases[n].curve, &key), 0);
		signer.signer = private_signer(key);
		i = make(&signer, &what);
		assert_int_equal(i.parts.auth.algorithm, cases[n].algorithm);
		assert_int_equal(cose_sign1_verify(&i.parts.auth, private_public(key), NULL, 0), 0);
		issued_free(&i);
		private_free(&key);
	}
}

/* ---- what is refused ---- */

static void refuse(const struct document_signer *signer, const struct credential *what, int code)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(CBOR_MAX);

	assert_int_equal(fuda_buf_append(&bytes, "before", 6), 0);
	assert_int_equal(issue(signer, what, &bytes), code);
	assert_int_equal(bytes.len, 6);
}

static void times_outside_are_refused(void **state)
{
	struct credential what = plan();

	(void)state;
	what.days = 0;
	refuse(&ds, &what, FUDA_EINVAL);
	what.days = ISSUE_DAYS_MAX + 1;
	refuse(&ds, &what, FUDA_EINVAL);
	what = plan();
	what.at = ds.not_before - 1;
	refuse(&ds, &what, FUDA_EINVAL);
	what.at = ds.not_before;
	issued_free(&(struct issued[]){ make(&ds, &what) }[0]);
	what.at = ds.not_after;
	refuse(&ds, &what, FUDA_EINVAL);
	what.at = ds.not_after - 1;
	issued_free(&(struct issued[]){ make(&ds, &what) }[0]);
}

static void elements_that_cannot_be_are_refused(void **state)
{
	static const uint8_t two_items[] = { 1, 1 }, broken[] = { 0x62, 0x41 };
	const struct {
		struct issue_element element;
		int code;
	} cases[] = {
		{ { "a", "sex", VALUE(one) }, FUDA_EINVAL }, /* it is there */
		{ { "b", "birth", VALUE(man) }, FUDA_EINVAL },
		{ { "a", "", VALUE(one) }, FUDA_EINVAL },
		{ { "a", "y", { NULL, 0 } }, FUDA_EFORMAT },
		{ { "a", "y", VALUE(two_items) }, FUDA_EFORMAT },
		{ { "a", "y", VALUE(broken) }, FUDA_EFORMAT },
		{ { "a", "\xFF", VALUE(one) }, FUDA_EFORMAT },
		{ { "\xFF", "y", VALUE(one) }, FUDA_EFORMAT },
	};
	struct credential what = plan();

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		struct issue_element more[ARRAY_SIZE(elements) + 1];

		memcpy(more, elements, sizeof(elements));
		more[ARRAY_SIZE(elements)] = cases[n].element;
		what.elements = more;
		what.element_count = ARRAY_SIZE(more);
		refuse(&ds, &what, cases[n].code);
	}
	what = plan();
	what.element_count = 0;
	refuse(&ds, &what, FUDA_EINVAL);
	what = plan();
	what.doctype = "";
	refuse(&ds, &what, FUDA_EINVAL);
	what.doctype = "\xFF";
	refuse(&ds, &what, FUDA_EFORMAT);
	what = plan();
	what.device_key = NULL;
	refuse(&ds, &what, FUDA_EINVAL);
}

static void there_are_limits(void **state)
{
	struct issue_element many[ISSUE_ELEMENTS_MAX + 1];
	char names[ISSUE_ELEMENTS_MAX + 1][8];
	struct credential what = plan();

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(many); n++) {
		snprintf(names[n], sizeof(names[n]), "%zu", n);
		many[n] = (struct issue_element){ "a", names[n], VALUE(one) };
	}
	what.elements = many;
	what.element_count = ISSUE_ELEMENTS_MAX + 1;
	refuse(&ds, &what, FUDA_EINVAL);
	what.element_count = ISSUE_ELEMENTS_MAX;
	issued_free(&(struct issued[]){ make(&ds, &what) }[0]);
	what.decoys = ISSUE_DECOYS_MAX + 1;
	refuse(&ds, &what, FUDA_EINVAL);
	/* a namespace each */
	for (size_t n = 0; n < ARRAY_SIZE(many); n++)
		many[n].space = names[n];
	what.decoys = 0;
	what.element_count = ISSUE_SPACES_MAX + 1;
	refuse(&ds, &what, FUDA_EINVAL);
	what.element_count = ISSUE_SPACES_MAX;
	issued_free(&(struct issued[]){ make(&ds, &what) }[0]);
	what.decoys = ISSUE_DECOYS_MAX;
	refuse(&ds, &what, FUDA_EINVAL);
}

static int cannot_sign(void *arg, enum signer_mode mode, const uint8_t *input, size_t len,
		       struct fuda_buf *ret_signature)
{
	(void)arg;
	(void)mode;
	(void)input;
	(void)len;
	(void)ret_signature;
	return FUDA_EREMOVED;
}

static void who_cannot_sign_does_not_issue(void **state)
{
	const struct credential what = plan();
	struct document_signer signer = ds;
	_cleanup_buf_ struct fuda_buf little = FUDA_BUF_INIT(100);

	(void)state;
	signer.signer.sign = cannot_sign;
	refuse(&signer, &what, FUDA_EREMOVED);
	assert_int_equal(issue(&ds, &what, &little), FUDA_ETOOBIG);
	assert_int_equal(little.len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_issued_can_be_read),
		cmocka_unit_test(times_are_those_of_the_rules),
		cmocka_unit_test(decoys_look_like_the_rest),
		cmocka_unit_test(nothing_comes_twice),
		cmocka_unit_test(all_curves_can_sign),
		cmocka_unit_test(times_outside_are_refused),
		cmocka_unit_test(elements_that_cannot_be_are_refused),
		cmocka_unit_test(there_are_limits),
		cmocka_unit_test(who_cannot_sign_does_not_issue),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
