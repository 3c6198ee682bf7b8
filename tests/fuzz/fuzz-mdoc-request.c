/* SPDX-License-Identifier: Apache-2.0 */
/* DeviceRequest: what is read is what is written again, and a signature counts for what it was made
 * of and nothing else. */
#include "tests/fuzz/fuzz.h"

#include "base/util.h"
#include "mdoc/request.h"

static const struct cursor transcript = { (const uint8_t *)"\x83\xF6\xF6\xF6", 4 };
static struct private_key *reader;
static struct fuda_buf signed_request; /* the only one that was signed */
static struct device_request original;

static void check(int good)
{
	if (!good)
		abort();
}

static struct cursor text(const char *s)
{
	return cur_of((const uint8_t *)s, strlen(s));
}

static void tidy(void)
{
	private_free(&reader);
	fuda_buf_free(&signed_request);
}

static void make(void)
{
	static struct doc_request d;
	struct reader_identity who = { 0 };
	struct signer signer;

	if (reader)
		return;
	check(private_new(CURVE_P256, &reader) == 0);
	atexit(tidy);
	signer = private_signer(reader);
	who.signer = &signer;
	d.doctype = text("org.iso.23220.1.jp.mnc");
	d.elements[0] = (struct wanted_element){ text("org.iso.23220.1"), text("age_over_20"), 0 };
	d.elements[1] =
		(struct wanted_element){ text("org.iso.23220.1.jp"), text("full_name_unicode"), 1 };
	d.element_count = 2;
	signed_request = FUDA_BUF_INIT(REQUEST_MAX);
	check(request_put(&d, 1, &who, transcript, &signed_request) == 0);
	check(request_read(cur_of(signed_request.data, signed_request.len), &original) == 0);
}

static void same(const struct doc_request *a, const struct doc_request *b)
{
	check(cur_equal(a->doctype, b->doctype) && a->element_count == b->element_count);
	for (size_t i = 0; i < a->element_count; i++) {
		size_t k = 0;

		while (k < b->element_count &&
		       (!cur_equal(a->elements[i].space, b->elements[k].space) ||
			!cur_equal(a->elements[i].name, b->elements[k].name)))
			k++;
		check(k < b->element_count && a->elements[i].retain == b->elements[k].retain);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct device_request request, again;
	_cleanup_buf_ struct fuda_buf written = FUDA_BUF_INIT(REQUEST_MAX);

	make();
	if (request_read(cur_of(data, len), &request) < 0)
		return 0;
	for (size_t i = 0; i < request.document_count; i++) {
		const struct doc_request *d = &request.documents[i];

		if (d->signed_ && request_verify(d, private_public(reader), transcript) == 0)
			check(cur_equal(d->items, original.documents[0].items));
	}
	check(request_put(request.documents, request.document_count, NULL, transcript, &written) ==
	      0);
	check(request_read(cur_of(written.data, written.len), &again) == 0);
	check(again.document_count == request.document_count);
	for (size_t i = 0; i < request.document_count; i++)
		same(&request.documents[i], &again.documents[i]);
	return 0;
}

static void fuzz_seeds(void)
{
	make();
	fuzz_seed(signed_request.data, signed_request.len);
	/* {"version": "1.0", "docRequests": [{"itemsRequest": 24(<<{"docType": "a", "nameSpaces":
	 * {"b": {"c": false, "d": true}, "e": {}}, "requestInfo": {}}>>)}]} */
	fuzz_seed_hex(
		"a26776657273696f6e63312e306b646f63526571756573747381a16c6974656d7352657175657374"
		"d8185830a367646f635479706561616a6e616d65537061636573a26162a26163f46164f56165a0"
		"6b72657175657374496e666fa0");
}
