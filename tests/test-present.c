/* SPDX-License-Identifier: Apache-2.0 */
/* What a wallet shows: of what was issued, what is asked for and consented to, and nothing else. */
#include "mdoc/response.h"

#include <stdlib.h>
#include <string.h>

#include "mdoc/issue.h"
#include "tests/vectors.h"

#define NOW 1795305600 /* 2026-11-22 00:00:00 UTC */
#define BUF FUDA_BUF_INIT(RESPONSE_MAX)

static const struct cursor transcript = { (const uint8_t *)"\x83\xF6\xF6\xF6", 4 };
static const uint8_t certificate[] = { 0x30, 0x03, 0x02, 0x01, 0x07 };
static const uint8_t yes[] = { 0xF5 }, no[] = { 0xF4 }, number[] = { 0x01 };
static const uint8_t name[] = { 0x6C, 0xE7, 0x95, 0xAA, 0xE5, 0x8F, 0xB7,
				0xE8, 0x8A, 0xB1, 0xE5, 0xAD, 0x90 };

static struct private_key *signing, *device;
static struct fuda_buf issued[2]; /* of the doctypes "mnc" and "other" */
/* Too big for the stack. */
static struct device_request request;
static struct device_response response;

static struct cursor text(const char *s)
{
	return cur_of((const uint8_t *)s, strlen(s));
}

#define VALUE(bytes)                 \
	{                            \
		bytes, sizeof(bytes) \
	}

static void make(const char *doctype, struct fuda_buf *ret)
{
	static const struct issue_element elements[] = {
		{ "a", "age_over_13", VALUE(yes) },  { "a", "age_over_20", VALUE(yes) },
		{ "a", "age_over_25", VALUE(yes) },  { "a", "age_over_60", VALUE(no) },
		{ "a", "age_over_65", VALUE(no) },   { "a", "age_over_7x", VALUE(yes) },
		{ "a", "age_over_99", VALUE(name) }, { "b", "full_name", VALUE(name) },
		{ "b", "sex", VALUE(number) },
	};
	const struct document_signer ds = {
		.signer = private_signer(signing),
		.certificate = cur_of(certificate, sizeof(certificate)),
		.not_before = NOW - 86400,
		.not_after = NOW + 80 * 86400,
	};
	const struct credential what = {
		.doctype = doctype,
		.elements = elements,
		.element_count = ARRAY_SIZE(elements),
		.device_key = private_public(device),
		.at = NOW,
		.days = 30,
	};

	*ret = BUF;
	assert_int_equal(issue(&ds, &what, ret), 0);
}

static int setup(void **state)
{
	(void)state;
	if (private_new(CURVE_P256, &signing) < 0 || private_new(CURVE_P256, &device) < 0)
		return -1;
	make("mnc", &issued[0]);
	make("other", &issued[1]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	private_free(&signing);
	private_free(&device);
	fuda_buf_free(&issued[0]);
	fuda_buf_free(&issued[1]);
	return 0;
}

static struct held held_of(const char *doctype, const struct fuda_buf *bytes)
{
	return (struct held){
		.doctype = text(doctype),
		.issuer_signed = cur_of(bytes->data, bytes->len),
		.device = private_signer(device),
	};
}

/* Asks for "doctype" or "doctype/namespace/element", in the order of the documents. */
static void ask(const char *const *wishes)
{
	memset(&request, 0, sizeof(request));
	for (size_t i = 0; wishes[i]; i++) {
		const char *slash = strchr(wishes[i], '/');
		struct doc_request *d;

		if (!slash) {
			request.documents[request.document_count++].doctype = text(wishes[i]);
			continue;
		}
		d = &request.documents[request.document_count - 1];
		d->elements[d->element_count++] =
			(struct wanted_element){ cur_of((const uint8_t *)wishes[i],
							(size_t)(slash - wishes[i])),
						 text(slash + 1), false };
	}
}

static int answer(const struct held *held, size_t count, present_consent consent, void *arg,
		  struct fuda_buf *ret)
{
	const char *fault;
	int r = response_put(&request, held, count, transcript, consent, arg, ret);

	if (r == 0)
		assert_int_equal(response_read(cur_of(ret->data, ret->len), &response, &fault), 0);
	return r;
}

/* The names of what is shown of a document, in their order; each is what was issued, byte for byte.
 */
static const char *shown(const struct document *d, const struct fuda_buf *from)
{
	static char names[1024];
	struct cursor spaces = d->issuer.spaces.content, c;
	struct cbor space, items, one;
	struct signed_item item;

	names[0] = 0;
	while (d->issuer.has_spaces && cbor_next(&spaces, &space) == 0 &&
	       cbor_next(&spaces, &items) == 0) {
		c = items.content;
		while (cbor_next(&c, &one) == 0) {
			size_t used = strlen(names);

			assert_int_equal(signed_item_read(&one, &item), 0);
			assert_non_null(
				memmem(from->data, from->len, item.bytes.p, item.bytes.left));
			snprintf(names + used, sizeof(names) - used, "%s%.*s/%.*s", used ? " " : "",
				 (int)space.content.left, (const char *)space.content.p,
				 (int)item.name.left, (const char *)item.name.p);
		}
	}
	return names;
}

/* The names of what is among the errors, likewise. */
static const char *missing(const struct document *d)
{
	static char names[1024];
	struct cursor spaces = d->errors.content, c;
	struct cbor space, map, one, code;

	names[0] = 0;
	while (d->has_errors && cbor_next(&spaces, &space) == 0 && cbor_next(&spaces, &map) == 0) {
		c = map.content;
		while (cbor_next(&c, &one) == 0 && cbor_next(&c, &code) == 0) {
			size_t used = strlen(names);

			assert_int_equal(code.type, CBOR_UINT);
			assert_int_equal(code.number, 0); /* data not returned */
			snprintf(names + used, sizeof(names) - used, "%s%.*s/%.*s", used ? " " : "",
				 (int)space.content.left, (const char *)space.content.p,
				 (int)one.content.left, (const char *)one.content.p);
		}
	}
	return names;
}

/* ---- what is shown ---- */

static void disclosure(void **state)
{
	static const struct {
		const char *wishes[6], *shown, *missing;
	} cases[] = {
		{ { "mnc", "b/sex" }, "b/sex", "" },
		{ { "mnc", "b/full_name", "b/sex" }, "b/full_name b/sex", "" },
		{ { "mnc", "b/sex", "a/age_over_20", "b/full_name" },
		  "b/sex b/full_name a/age_over_20",
		  "" },
		{ { "mnc", "b/absent", "b/sex", "c/sex", "a/sex" },
		  "b/sex",
		  "b/absent c/sex a/sex" },
		{ { "mnc", "b/se", "b/sexx", "B/sex" }, "", "b/se b/sexx B/sex" },
		/* ages: ISO 18013-5 7.2.5 */
		{ { "mnc", "a/age_over_20" }, "a/age_over_20", "" },
		{ { "mnc", "a/age_over_60" }, "a/age_over_60", "" },
		{ { "mnc", "a/age_over_18" }, "a/age_over_20", "" },
		{ { "mnc", "a/age_over_21" }, "a/age_over_25", "" },
		{ { "mnc", "a/age_over_00" }, "a/age_over_13", "" },
		{ { "mnc", "a/age_over_62" }, "a/age_over_60", "" },
		{ { "mnc", "a/age_over_98" }, "a/age_over_65", "" },
		{ { "mnc", "a/age_over_30" }, "", "a/age_over_30" },
		{ { "mnc", "a/age_over_18", "a/age_over_19" }, "a/age_over_20", "" },
		{ { "mnc", "a/age_over_18", "a/age_over_20" }, "a/age_over_20", "" },
		{ { "mnc", "b/age_over_18" }, "", "b/age_over_18" },
		{ { "mnc", "a/age_over_1" }, "", "a/age_over_1" },
		{ { "mnc", "a/age_over_018" }, "", "a/age_over_018" },
		{ { "mnc", "a/age_over_7x" }, "a/age_over_7x", "" },
		{ { "mnc", "a/age_over_99" }, "a/age_over_99", "" },
	};
	const struct held held = held_of("mnc", &issued[0]);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		const struct document *d = response.documents;

		ask(cases[i].wishes);
		assert_int_equal(answer(&held, 1, NULL, NULL, &bytes), 0);
		assert_int_equal(response.document_count, 1);
		assert_int_equal(response.status, RESPONSE_OK);
		assert_false(response.has_document_errors);
		assert_string_equal(shown(d, &issued[0]), cases[i].shown);
		assert_string_equal(missing(d), cases[i].missing);
		assert_int_equal(d->issuer.has_spaces, *cases[i].shown != 0);
		assert_int_equal(d->has_errors, *cases[i].missing != 0);
	}
}

/* The random salts of the rest stay where they are, too: nothing of it is in the bytes. */
static void nothing_else(void **state)
{
	static const char *const wishes[] = { "mnc", "b/sex", NULL };
	const struct held held = held_of("mnc", &issued[0]);
	_cleanup_buf_ struct fuda_buf bytes = BUF;

	(void)state;
	ask(wishes);
	assert_int_equal(answer(&held, 1, NULL, NULL, &bytes), 0);
	assert_null(memmem(bytes.data, bytes.len, name, sizeof(name)));
	assert_null(memmem(bytes.data, bytes.len, "full_name", 9));
	assert_null(memmem(bytes.data, bytes.len, "age_over", 8));
}

static bool not_the_name(void *arg, struct cursor doctype, struct cursor space,
			 struct cursor element, bool retain)
{
	unsigned *asked = arg;

	assert_true(cur_equal(doctype, text("mnc")) && !retain);
	assert_true(space.left == 1);
	++*asked;
	return !cur_equal(element, text("full_name"));
}

static bool nothing(_unused_ void *arg, _unused_ struct cursor doctype,
		    _unused_ struct cursor space, _unused_ struct cursor element,
		    _unused_ bool retain)
{
	return false;
}

static void consent(void **state)
{
	static const char *const wishes[] = { "mnc", "b/full_name", "b/sex", "a/age_over_18",
					      NULL };
	static const char *const strange[] = { "mnc", "b/not_there", "b/sex", NULL };
	const struct held held = held_of("mnc", &issued[0]);
	_cleanup_buf_ struct fuda_buf bytes = BUF, refused = BUF, half = BUF;
	unsigned asked = 0;

	(void)state;
	ask(wishes);
	assert_int_equal(answer(&held, 1, not_the_name, &asked, &bytes), 0);
	assert_int_equal(asked, 5); /* also for ages 20 and 25 in the place of 18 */
	assert_string_equal(shown(response.documents, &issued[0]), "b/sex a/age_over_20");
	assert_string_equal(missing(response.documents), "b/full_name");
	assert_null(memmem(bytes.data, bytes.len, name, sizeof(name)));
	assert_int_equal(answer(&held, 1, nothing, NULL, &refused), 0);
	assert_string_equal(shown(response.documents, &issued[0]), "");
	assert_string_equal(missing(response.documents), "b/full_name b/sex a/age_over_18");
	ask(strange); /* what is not held, nobody is asked for */
	asked = 0;
	assert_int_equal(answer(&held, 1, not_the_name, &asked, &half), 0);
	assert_int_equal(asked, 1);
	assert_string_equal(missing(response.documents), "b/not_there");
}

static bool not_this(void *arg, _unused_ struct cursor doctype, _unused_ struct cursor space,
		     struct cursor element, _unused_ bool retain)
{
	const char *const *refused = arg;

	return !cur_equal(element, text(*refused));
}

/* What is refused does not come in another's place: another one does, or none. */
static void refused_ages(void **state)
{
	static const struct {
		const char *wishes[4];
		const char *refused;
		const char *shown, *missing;
	} cases[] = {
		{ { "mnc", "a/age_over_18", "a/age_over_20" },
		  "age_over_20",
		  "a/age_over_25",
		  "a/age_over_20" },
		{ { "mnc", "a/age_over_21", "a/age_over_25" },
		  "age_over_25",
		  "",
		  "a/age_over_21 a/age_over_25" },
		{ { "mnc", "a/age_over_62" }, "age_over_60", "", "a/age_over_62" },
		{ { "mnc", "a/age_over_62" }, "age_over_62", "", "a/age_over_62" },
		{ { "mnc", "a/age_over_20" }, "age_over_25", "a/age_over_20", "" },
	};
	const struct held held = held_of("mnc", &issued[0]);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		const char *refused = cases[i].refused;

		ask(cases[i].wishes);
		assert_int_equal(answer(&held, 1, not_this, &refused, &bytes), 0);
		assert_string_equal(shown(response.documents, &issued[0]), cases[i].shown);
		assert_string_equal(missing(response.documents), cases[i].missing);
	}
}

static void documents(void **state)
{
	static const char *const wishes[] = { "mnc",         "b/sex", "unknown", "b/sex", "other",
					      "b/full_name", "none",  "x/y",     NULL };
	const struct held held[] = { held_of("other", &issued[1]), held_of("mnc", &issued[0]) };
	_cleanup_buf_ struct fuda_buf bytes = BUF, none = BUF;
	struct cbor error, code;
	struct cursor c;

	(void)state;
	ask(wishes);
	assert_int_equal(answer(held, 2, NULL, NULL, &bytes), 0);
	assert_int_equal(response.document_count, 2);
	ASSERT_CUR(response.documents[0].doctype, text("mnc"));
	assert_string_equal(shown(&response.documents[0], &issued[0]), "b/sex");
	ASSERT_CUR(response.documents[1].doctype, text("other"));
	assert_string_equal(shown(&response.documents[1], &issued[1]), "b/full_name");
	assert_true(response.has_document_errors);
	assert_int_equal(response.document_errors.number, 2);
	c = response.document_errors.content;
	assert_int_equal(cbor_next(&c, &error), 0);
	assert_int_equal(cbor_get(&error, "unknown", &code), 0);
	assert_int_equal(cbor_next(&c, &error), 0);
	assert_int_equal(cbor_get(&error, "none", &code), 0);
	assert_int_equal(answer(NULL, 0, NULL, NULL, &none), 0);
	assert_int_equal(response.document_count, 0);
	assert_int_equal(response.document_errors.number, 4);
}

/* ---- proof ---- */

static void proofs(void **state)
{
	static const uint8_t mac_key[HMAC_BYTES] = { 1, 2, 3 };
	static const char *const wishes[] = { "mnc", "b/sex", NULL };
	struct held held = held_of("mnc", &issued[0]);

	(void)state;
	ask(wishes);
	for (int mac = 0; mac < 2; mac++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF, right = BUF, wrong = BUF;
		const struct document *d = response.documents;
		int r[2];

		held.mac_key = mac ? mac_key : NULL;
		assert_int_equal(answer(&held, 1, NULL, NULL, &bytes), 0);
		assert_int_equal(d->device_auths, 1);
		assert_int_equal(d->by_mac, mac);
		assert_true(d->device_auth.detached);
		assert_int_equal(response_authentication(transcript, d->doctype,
							 d->device_spaces.whole, &right),
				 0);
		assert_int_equal(response_authentication(text("\xF6"), d->doctype,
							 d->device_spaces.whole, &wrong),
				 0);
		for (int k = 0; k < 2; k++) {
			const struct fuda_buf *b = k ? &wrong : &right;
			const struct piece piece = PIECE(b->data, b->len);

			r[k] = mac ? cose_mac0_verify(&d->device_auth, mac_key, &piece, 1) :
				     cose_sign1_verify(&d->device_auth, private_public(device),
						       &piece, 1);
		}
		assert_int_equal(r[0], 0);
		assert_int_equal(r[1], FUDA_EVERIFY);
	}
}

static int removed(void *arg, enum signer_mode mode, const uint8_t *input, size_t len,
		   struct fuda_buf *ret)
{
	(void)arg, (void)mode, (void)input, (void)len, (void)ret;
	return FUDA_EREMOVED;
}

static void failures(void **state)
{
	static const char *const wishes[] = { "mnc", "b/sex", NULL };
	struct held held = held_of("mnc", &issued[0]);
	struct fuda_buf small = FUDA_BUF_INIT(200);
	_cleanup_buf_ struct fuda_buf bytes = BUF;

	(void)state;
	ask(wishes);
	assert_int_equal(answer(&held, 1, NULL, NULL, &small), FUDA_ETOOBIG);
	held.device.sign = removed;
	assert_int_equal(answer(&held, 1, NULL, NULL, &bytes), FUDA_EREMOVED);
	fuda_buf_free(&small);
}

/* ---- malformed credentials ---- */

#define AUTH "6a697373756572417574688443a10126a041004100"

static void malformed(void **state)
{
	static const struct {
		const char *hex;
		int r;
	} cases[] = {
		{ "a1" AUTH, 0 },
		{ "a2" AUTH "6a6e616d65537061636573a0", 0 },
		{ "", FUDA_EFORMAT },
		{ "80", FUDA_EFORMAT },
		{ "a0", FUDA_EFORMAT },
		{ "a1" AUTH "00", FUDA_EFORMAT },
		{ "a16a697373756572417574688443a10126a0f64100", FUDA_EFORMAT }, /* detached */
		{ "a16a6973737565724175746840", FUDA_EFORMAT },
		{ "a2" AUTH "6a6e616d6553706163657380", FUDA_EFORMAT },
		{ "a2" AUTH "6a6e616d65537061636573a1616200", FUDA_EFORMAT },
		{ "a2" AUTH "6a6e616d65537061636573a10180", FUDA_EFORMAT },
		{ "a2" AUTH "6a6e616d65537061636573a1616280", 0 },
		{ "a2" AUTH "6a6e616d65537061636573a161628100", FUDA_EFORMAT },
		{ "a2" AUTH "6a6e616d65537061636573a1616281a0", FUDA_EFORMAT },
		{ "a2" AUTH "6a6e616d65537061636573a1616281d81841a0", FUDA_EFORMAT },
	};
	static const char *const wishes[] = { "mnc", "b/sex", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF, credential = BUF;
		struct held held;

		assert_int_equal(fuda_hex_decode(cases[i].hex, &credential), 0);
		held = held_of("mnc", &credential);
		ask(wishes);
		if (answer(&held, 1, NULL, NULL, &bytes) != cases[i].r)
			fail_msg("%s", cases[i].hex);
	}
}

/* ---- answers without documents, and what is no answer ---- */

static void statuses(void **state)
{
	static const enum response_status all[] = { RESPONSE_OK, RESPONSE_GENERAL_ERROR,
						    RESPONSE_CBOR_ERROR, RESPONSE_CBOR_INVALID };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		const char *fault;

		assert_int_equal(response_put_status(all[i], &bytes), 0);
		assert_int_equal(response_read(cur_of(bytes.data, bytes.len), &response, &fault),
				 0);
		assert_int_equal(response.status, all[i]);
		assert_int_equal(response.document_count, 0);
	}
}

#define V1        "6776657273696f6e63312e30"
#define STATUS    "6673746174757300"
#define DOCUMENTS "69646f63756d656e7473"

static void no_responses(void **state)
{
	static const struct {
		const char *hex, *fault; /* NULL: what CBOR has to say */
	} cases[] = {
		{ "", NULL },
		{ "a2" V1, NULL },
		{ "80", "DeviceResponse" },
		{ "a1" STATUS, "version" },
		{ "a1" V1, "status" },
		{ "a2" STATUS "6776657273696f6e63322e30", "version" },
		{ "a2" STATUS "6776657273696f6e01", "version" },
		{ "a2" V1 "667374617475736130", "status" },
		{ "a2" V1 "6673746174757320", "status" },
		{ "a3" V1 STATUS DOCUMENTS "a0", "documents" },
		{ "a3" V1 STATUS DOCUMENTS "81a0", "docType" },
		{ "a3" V1 STATUS DOCUMENTS "8100", "document" },
		{ "a3" V1 STATUS DOCUMENTS "89a0a0a0a0a0a0a0a0a0", "documents" },
		{ "a3" V1 STATUS "6e646f63756d656e744572726f7273a0", "documentErrors" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		const char *fault = NULL;

		assert_int_equal(fuda_hex_decode(cases[i].hex, &bytes), 0);
		assert_int_equal(response_read(cur_of(bytes.data, bytes.len), &response, &fault),
				 FUDA_EFORMAT);
		if (cases[i].fault)
			assert_string_equal(fault, cases[i].fault);
		else
			assert_string_equal(fault, "it ends too early");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(disclosure),   cmocka_unit_test(nothing_else),
		cmocka_unit_test(consent),      cmocka_unit_test(documents),
		cmocka_unit_test(refused_ages), cmocka_unit_test(proofs),
		cmocka_unit_test(failures),     cmocka_unit_test(malformed),
		cmocka_unit_test(statuses),     cmocka_unit_test(no_responses),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
