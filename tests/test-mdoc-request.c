/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader asks for, and that it is who it says. */
#include "mdoc/request.h"

#include <stdlib.h>
#include <string.h>

#include "tests/vectors.h"

#define BUF FUDA_BUF_INIT(REQUEST_MAX)

static const struct cursor transcript = { (const uint8_t *)"\x83\xF6\xF6\xF6", 4 };
static const struct cursor other_transcript = { (const uint8_t *)"\x83\xF6\xF6\xF5", 4 };

/* Too big for the stack. */
static struct device_request request;
static struct doc_request docs[REQUEST_DOCUMENTS_MAX + 1];

static struct cursor text(const char *s)
{
	return cur_of((const uint8_t *)s, strlen(s));
}

static void want(struct doc_request *d, const char *space, const char *name, bool retain)
{
	d->elements[d->element_count++] =
		(struct wanted_element){ text(space), text(name), retain };
}

/* Two documents; namespaces one among the other. */
static void plan(void)
{
	memset(docs, 0, sizeof(docs));
	docs[0].doctype = text("org.iso.23220.1.jp.mnc");
	want(&docs[0], "org.iso.23220.1", "age_over_20", false);
	want(&docs[0], "org.iso.23220.1.jp", "full_name_unicode", true);
	want(&docs[0], "org.iso.23220.1", "sex", false);
	docs[1].doctype = text("org.iso.18013.5.1.mDL");
	want(&docs[1], "org.iso.18013.5.1", "family_name", false);
}

static int read_hex(const char *hex)
{
	static struct fuda_buf bytes = BUF; /* what is read points into it */

	fuda_buf_clear(&bytes);
	assert_int_equal(fuda_hex_decode(hex, &bytes), 0);
	return request_read(cur_of(bytes.data, bytes.len), &request);
}

static int read_buf(const struct fuda_buf *b)
{
	return request_read(cur_of(b->data, b->len), &request);
}

/* ---- without a signature ---- */

static void written(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF;
	const struct doc_request *d = request.documents;

	(void)state;
	plan();
	assert_int_equal(request_put(docs, 2, NULL, transcript, &bytes), 0);
	memset(&request, 0xFF, sizeof(request)); /* nothing of another one stays */
	assert_int_equal(read_buf(&bytes), 0);
	assert_int_equal(request.document_count, 2);
	assert_false(d[0].signed_ || d[1].signed_);
	assert_true(!d[1].auth.chain_count && !d[1].auth.signature.left && !d[1].auth.detached);
	assert_int_equal(d[1].element_count, 1);
	ASSERT_CUR(d[0].doctype, docs[0].doctype);
	assert_int_equal(d[0].element_count, 3);
	ASSERT_CUR(d[0].elements[1].name, text("sex")); /* now behind the other of its namespace */
	ASSERT_CUR(d[0].elements[1].space, text("org.iso.23220.1"));
	assert_true(d[0].elements[2].retain && !d[0].elements[1].retain);
	ASSERT_CUR(d[1].elements[0].name, text("family_name"));
}

static void not_written(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF;
	struct fuda_buf small = FUDA_BUF_INIT(50);

	(void)state;
	plan();
	assert_int_equal(request_put(docs, 0, NULL, transcript, &bytes), FUDA_EINVAL);
	assert_int_equal(request_put(docs, 3, NULL, transcript, &bytes), FUDA_EINVAL);
	assert_int_equal(request_put(docs, REQUEST_DOCUMENTS_MAX + 1, NULL, transcript, &bytes),
			 FUDA_EINVAL);
	assert_int_equal(request_put(docs, 2, NULL, transcript, &small), FUDA_ETOOBIG);
	/* the same twice would be a key twice */
	want(&docs[0], "org.iso.23220.1", "sex", true);
	assert_int_equal(request_put(docs, 1, NULL, transcript, &bytes), FUDA_EINVAL);
	plan();
	docs[0].elements[0].name = text("\xFF");
	assert_int_equal(request_put(docs, 1, NULL, transcript, &bytes), FUDA_EFORMAT);
	plan();
	docs[0].elements[2].space = text("\xFF");
	assert_int_equal(request_put(docs, 1, NULL, transcript, &bytes), FUDA_EFORMAT);
	plan();
	docs[0].doctype = text("\xFF");
	assert_int_equal(request_put(docs, 1, NULL, transcript, &bytes), FUDA_EFORMAT);
	fuda_buf_free(&small);
}

/* ---- reading ---- */

/* {"version": v, "docRequests": [{"itemsRequest": 24(<<items>>)}]} */
static void frame(const char *version, const char *items, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf inner = BUF;
	struct cbor_out out = CBOR_OUT(ret);

	assert_int_equal(fuda_hex_decode(items, &inner), 0);
	cbor_put_map(&out, 2);
	cbor_put_text(&out, "version");
	cbor_put_text(&out, version);
	cbor_put_text(&out, "docRequests");
	cbor_put_array(&out, 1);
	cbor_put_map(&out, 1);
	cbor_put_text(&out, "itemsRequest");
	cbor_put_embedded(&out, cur_of(inner.data, inner.len));
	assert_int_equal(out.failed, 0);
}

#define DOCTYPE "67646f63547970656161"
#define SPACES  "6a6e616d65537061636573"

static void items(void **state)
{
	static const struct {
		const char *version, *hex;
		int r;
		size_t elements;
	} cases[] = {
		{ "1.0", "a2" DOCTYPE SPACES "a16162a16163f4", 0, 1 },
		{ "1.1", "a2" SPACES "a16162a16163f4" DOCTYPE, 0, 1 },
		{ "1.0", "a3" DOCTYPE SPACES "a26162a26163f46164f56165a06b72657175657374496e666fa0",
		  0, 2 },
		{ "2.0", "a2" DOCTYPE SPACES "a16162a16163f4", FUDA_EFORMAT, 0 },
		{ "1", "a2" DOCTYPE SPACES "a16162a16163f4", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a0", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a16162a0", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a16162a1616300", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a16162a16163f6", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a16162a103f4", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a102a16163f4", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a16162816163", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "816162", FUDA_EFORMAT, 0 },
		{ "1.0", "a1" DOCTYPE, FUDA_EFORMAT, 0 },
		{ "1.0", "a1" SPACES "a16162a16163f4", FUDA_EFORMAT, 0 },
		{ "1.0", "a267646f63547970654161" SPACES "a16162a16163f4", FUDA_EFORMAT, 0 },
		{ "1.0", "a2" DOCTYPE SPACES "a16162a26163f46163f5", FUDA_EFORMAT, 0 },
		{ "1.0", "80", FUDA_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;

		frame(cases[i].version, cases[i].hex, &bytes);
		if (read_buf(&bytes) != cases[i].r)
			fail_msg("%s", cases[i].hex);
		if (cases[i].r == 0)
			assert_int_equal(request.documents[0].element_count, cases[i].elements);
		for (size_t len = 0; len < bytes.len; len++)
			assert_int_equal(request_read(cur_of(bytes.data, len), &request),
					 FUDA_EFORMAT);
	}
	assert_int_equal(read_hex("a16776657273696f6e63312e30"), FUDA_EFORMAT);
	assert_int_equal(read_hex("a26776657273696f6e63312e306b646f63526571756573747380"),
			 FUDA_EFORMAT);
	assert_int_equal(read_hex("a26776657273696f6e63312e306b646f635265717565737473a0"),
			 FUDA_EFORMAT);
	assert_int_equal(read_hex("80"), FUDA_EFORMAT);
}

static void put_many(struct cbor_out *out, size_t elements)
{
	_cleanup_buf_ struct fuda_buf inner = BUF;
	struct cbor_out to = CBOR_OUT(&inner);

	cbor_put_map(&to, 2);
	cbor_put_text(&to, "docType");
	cbor_put_text(&to, "a");
	cbor_put_text(&to, "nameSpaces");
	cbor_put_map(&to, 1);
	cbor_put_text(&to, "b");
	cbor_put_map(&to, elements);
	for (size_t i = 0; i < elements; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i);
		cbor_put_text(&to, name);
		cbor_put_bool(&to, false);
	}
	cbor_put_map(out, 1);
	cbor_put_text(out, "itemsRequest");
	cbor_put_embedded(out, cur_of(inner.data, inner.len));
}

static int read_many(size_t documents, size_t elements)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF;
	struct cbor_out out = CBOR_OUT(&bytes);

	cbor_put_map(&out, 2);
	cbor_put_text(&out, "version");
	cbor_put_text(&out, "1.0");
	cbor_put_text(&out, "docRequests");
	cbor_put_array(&out, documents);
	for (size_t i = 0; i < documents; i++)
		put_many(&out, elements);
	assert_int_equal(out.failed, 0);
	return read_buf(&bytes);
}

static void limits(void **state)
{
	uint8_t *big = calloc(1, REQUEST_MAX + 1);

	(void)state;
	assert_int_equal(read_many(1, REQUEST_ELEMENTS_MAX), 0);
	assert_int_equal(request.documents[0].element_count, REQUEST_ELEMENTS_MAX);
	assert_int_equal(read_many(1, REQUEST_ELEMENTS_MAX + 1), FUDA_ETOOBIG);
	assert_int_equal(read_many(REQUEST_DOCUMENTS_MAX, REQUEST_ELEMENTS_MAX), 0);
	assert_int_equal(read_many(REQUEST_DOCUMENTS_MAX + 1, 1), FUDA_ETOOBIG);
	assert_int_equal(request_read(cur_of(big, REQUEST_MAX + 1), &request), FUDA_ETOOBIG);
	free(big);
}

/* ---- who asks ---- */

static void make_signed(struct private_key *key, struct fuda_buf *ret)
{
	static const struct cursor chain[] = { { (const uint8_t *)"\x30\x00", 2 } };
	const struct signer signer = private_signer(key);
	const struct reader_identity who = { &signer, chain, 1 };

	plan();
	fuda_buf_clear(ret);
	assert_int_equal(request_put(docs, 2, &who, transcript, ret), 0);
}

static void reader_auth(void **state)
{
	(void)state;
	for (int i = CURVE_P256; i < CURVES; i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct private_key *key, *wrong;
		const struct key *public;

		assert_int_equal(private_new((enum curve)i, &key), 0);
		assert_int_equal(private_new((enum curve)i, &wrong), 0);
		public = private_public(key);
		make_signed(key, &bytes);
		assert_int_equal(read_buf(&bytes), 0);
		for (int d = 0; d < 2; d++) {
			struct doc_request *doc = &request.documents[d];

			assert_true(doc->signed_ && doc->auth.detached);
			assert_int_equal(doc->auth.chain_count, 1);
			assert_int_equal(request_verify(doc, public, transcript), 0);
			assert_int_equal(request_verify(doc, public, other_transcript),
					 FUDA_EVERIFY);
			assert_int_equal(request_verify(doc, private_public(wrong), transcript),
					 FUDA_EVERIFY);
		}
		/* that of the other document is none for this one */
		request.documents[0].items = request.documents[1].items;
		assert_int_equal(request_verify(&request.documents[0], public, transcript),
				 FUDA_EVERIFY);
		private_free(&key);
		private_free(&wrong);
	}
}

static void another_curve(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF;
	struct private_key *key, *wrong;

	(void)state;
	assert_int_equal(private_new(CURVE_P256, &key), 0);
	assert_int_equal(private_new(CURVE_P384, &wrong), 0);
	make_signed(key, &bytes);
	assert_int_equal(read_buf(&bytes), 0);
	assert_int_equal(request_verify(&request.documents[0], private_public(wrong), transcript),
			 FUDA_ENOTSUP);
	private_free(&key);
	private_free(&wrong);
}

/* A signature that carries what it signs, in place of one of this request: it is bound to nothing.
 */
static void payload_inside(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF, auth = BUF;
	struct cbor_out out = CBOR_OUT(&auth);
	struct private_key *key;
	struct signer signer;
	struct cbor item;

	(void)state;
	assert_int_equal(private_new(CURVE_P256, &key), 0);
	signer = private_signer(key);
	make_signed(key, &bytes);
	assert_int_equal(read_buf(&bytes), 0);
	assert_int_equal(cose_sign1_put(&out, &signer, NULL, 0, &PIECE("x", 1), 1, false), 0);
	assert_int_equal(cbor_read(cur_of(auth.data, auth.len), &item, NULL), 0);
	assert_int_equal(cose_sign1_read(&item, &request.documents[0].auth), 0);
	assert_int_equal(request_verify(&request.documents[0], private_public(key), transcript),
			 FUDA_EVERIFY);
	private_free(&key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),        cmocka_unit_test(not_written),
		cmocka_unit_test(items),          cmocka_unit_test(limits),
		cmocka_unit_test(reader_auth),    cmocka_unit_test(another_curve),
		cmocka_unit_test(payload_inside),
	};

	return RUN(tests);
}
