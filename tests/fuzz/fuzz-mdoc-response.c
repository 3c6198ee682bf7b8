/* SPDX-License-Identifier: Apache-2.0 */
/* Responses, changed and judged: none is good but with what was signed, by issuer and phone, as it
 * was. */
#include "tests/fuzz/fuzz.h"

#include "tests/presented.h"

static struct presented p;
static struct fuda_buf by_mac = FUDA_BUF_INIT(RESPONSE_MAX);
static struct cursor proofs[2]; /* the signature and the MAC of the phone, as they were made */

static void tidy(void)
{
	fuda_buf_free(&by_mac);
	presented_free(&p);
}

static struct cursor proof_of(const struct fuda_buf *bytes)
{
	static struct device_response response; /* too big for the stack */

	presented_insist(response_read(cur_of(bytes->data, bytes->len), &response, NULL) == 0);
	return response.documents[0].device_auth.signature;
}

static void make(void)
{
	const char *top = getenv("srcdir");
	char folder[4096];

	if (p.ctx)
		return;
	presented_make(&p);
	snprintf(folder, sizeof(folder), "%s/data/mdoc", top ? top : "..");
	presented_insist(fuda_mdoc_profiles_new(p.ctx, folder, &p.profiles) == 0 &&
			 presented_answer(&p, true, &by_mac) == 0);
	proofs[0] = proof_of(&p.response);
	proofs[1] = proof_of(&by_mac);
	atexit(tidy);
}

/* Whether the element was issued, under this name in this namespace, with this value. */
static bool was_issued(const struct fuda_mdoc_element *e)
{
	struct signed_item signed_item;
	struct issuer_signed issuer;
	struct cbor item, space, items;
	struct cursor spaces;

	presented_insist(cbor_read(cur_of(p.issued.data, p.issued.len), &item, NULL) == 0 &&
			 issuer_signed_read(&item, &issuer) == 0);
	spaces = issuer.spaces.content;
	while (cbor_next(&spaces, &space) == 0 && cbor_next(&spaces, &items) == 0)
		while (cur_equal(space.content, cur_of(e->space.bytes, e->space.len)) &&
		       cbor_next(&items.content, &item) == 0)
			if (signed_item_read(&item, &signed_item) == 0 &&
			    cur_equal(signed_item.name, cur_of(e->name.bytes, e->name.len)))
				return cur_equal(signed_item.value.whole,
						 cur_of(e->value.bytes, e->value.len));
	return false;
}

/* The elements are those that were issued, byte for byte; and there is no other. */
static void check_elements(const struct fuda_mdoc_document *d)
{
	presented_insist(d->doctype.len == strlen(PRESENTED_DOCTYPE) &&
			 memcmp(d->doctype.bytes, PRESENTED_DOCTYPE, d->doctype.len) == 0);
	for (size_t i = 0; i < d->element_count; i++) {
		const struct fuda_mdoc_element *e = &d->elements[i];

		presented_insist(!e->by_device && e->good && was_issued(e));
	}
}

/* What the issuer signed is there unchanged: protected header, payload, signature. */
static void check_issuer(const struct document *d)
{
	const struct cursor parts[] = { d->issuer.auth.protected, d->issuer.auth.payload,
					d->issuer.auth.chain[0] };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		presented_insist(memmem(p.issued.data, p.issued.len, parts[i].p, parts[i].left));
}

/* What the phone authenticated is what it was: only the doctype and nothing said on its own; and
 * so is its proof, of which nobody makes a second one. */
static void check_device(const struct document *d)
{
	static const uint8_t nothing[] = { 0xD8, 0x18, 0x41, 0xA0 };

	presented_insist(d->device_auths == 1 && d->device_auth.detached &&
			 cur_equal(d->device_spaces.whole, cur_of(nothing, sizeof(nothing))) &&
			 cur_equal(d->device_auth.signature, proofs[d->by_mac]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct device_response response; /* too big for the stack */
	struct fuda_mdoc_result *result = NULL;

	make();
	if (presented_judge(&p, p.trust, data, len, &result) < 0)
		abort();
	if (result->result == FUDA_RESULT_OK) {
		presented_insist(response_read(cur_of(data, len), &response, NULL) == 0 &&
				 response.status == RESPONSE_OK &&
				 response.document_count == result->document_count);
		for (size_t i = 0; i < result->document_count; i++) {
			check_elements(&result->documents[i]);
			check_issuer(&response.documents[i]);
			check_device(&response.documents[i]);
		}
	}
	fuda_mdoc_result_free(&result);
	return 0;
}

static void fuzz_seeds(void)
{
	struct fuda_mdoc_result *result = NULL;
	struct fuda_buf *const seeds[] = { &p.response, &by_mac };

	make();
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		presented_insist(
			presented_judge(&p, p.trust, seeds[i]->data, seeds[i]->len, &result) == 0 &&
			result->result == FUDA_RESULT_OK &&
			result->documents[0].element_count == 3);
		fuda_mdoc_result_free(&result);
		fuzz_seed(seeds[i]->data, seeds[i]->len);
	}
	fuzz_seed_hex("a26776657273696f6e63312e30667374617475730a");
	fuzz_seed_hex("a26776657273696f6e63312e306673746174757300");
}
