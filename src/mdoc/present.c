/* SPDX-License-Identifier: Apache-2.0 */
/* DeviceResponse as a wallet makes it: of what was issued, only what is asked for and consented to
 * (selective disclosure, ISO 18013-5 9.1.2). */
#include "base/util.h"
#include "mdoc/response.h"

static const char age_over[] = "age_over_";

/* What is shown of one document: items as they were issued. */
struct shown {
	struct cursor space, bytes;
};
struct choice {
	struct shown shown[REQUEST_ELEMENTS_MAX];
	size_t count;
	const struct wanted_element *missing[REQUEST_ELEMENTS_MAX];
	size_t missing_count;
};

/* Whom to ask what may be shown of a document. */
struct asking {
	struct cursor doctype;
	present_consent consent;
	void *arg;
};

/* ---- choosing ---- */

/* Whether the element `name` may be shown, be it that which is wanted or one in its place. */
static bool may_show(const struct asking *asking, const struct wanted_element *wanted,
		     struct cursor name)
{
	return !asking->consent ||
	       asking->consent(asking->arg, asking->doctype, wanted->space, name, wanted->retain);
}

/* The number of age_over_NN; -1: another element. */
static int age_of(struct cursor name)
{
	const size_t head = strlen(age_over);
	const uint8_t *digits = name.p + head;

	if (name.left != head + 2 || memcmp(name.p, age_over, head) != 0 || digits[0] < '0' ||
	    digits[0] > '9' || digits[1] < '0' || digits[1] > '9')
		return -1;
	return 10 * (digits[0] - '0') + digits[1] - '0';
}

/* How good an answer `item` is to a question about age `asked`: 0 is the best; -1: none. A higher
 * age reached says yes, a lower one not reached says no: ISO 18013-5 7.2.5. */
static int age_distance(int asked, const struct signed_item *item)
{
	int age = age_of(item->name);
	bool over;

	if (age < 0 || cbor_bool(&item->value, &over) < 0)
		return -1;
	if (over)
		return age >= asked ? age - asked : -1;
	/* any yes is better than the nearest no, which then is there only by mistake */
	return age <= asked ? 100 + asked - age : -1;
}

/* The item of that name. */
static int find_itself(const struct cbor *array, struct cursor name, struct cursor *ret)
{
	struct cursor c = array->content;
	struct signed_item item;
	struct cbor one;

	while (cbor_next(&c, &one) == 0) {
		if (signed_item_read(&one, &item) < 0)
			return FUDA_EFORMAT;
		if (cur_equal(item.name, name)) {
			*ret = item.bytes;
			return 0;
		}
	}
	return FUDA_ENOTFOUND;
}

/* The best of those that prove the same, as far as they may be shown themselves. */
static int find_stand_in(const struct cbor *array, const struct wanted_element *wanted,
			 const struct asking *asking, struct cursor *ret)
{
	struct cursor c = array->content;
	int asked = age_of(wanted->name), best = -1;
	struct signed_item item;
	struct cbor one;

	while (asked >= 0 && cbor_next(&c, &one) == 0) {
		int distance;

		if (signed_item_read(&one, &item) < 0)
			return FUDA_EFORMAT;
		distance = age_distance(asked, &item);
		if (distance < 0 || !may_show(asking, wanted, item.name))
			continue;
		if (best < 0 || distance < best) {
			best = distance;
			*ret = item.bytes;
		}
	}
	return best < 0 ? FUDA_ENOTFOUND : 0;
}

static int find_item(const struct cbor *array, const struct wanted_element *wanted,
		     const struct asking *asking, struct cursor *ret)
{
	int r;

	if (!cbor_is(array, CBOR_ARRAY))
		return FUDA_EFORMAT;
	r = find_itself(array, wanted->name, ret);
	return r == FUDA_ENOTFOUND ? find_stand_in(array, wanted, asking, ret) : r;
}

static int find_in_spaces(const struct issuer_signed *issuer, const struct wanted_element *wanted,
			  const struct asking *asking, struct cursor *ret)
{
	struct cursor c = issuer->spaces.content, name;
	struct cbor space, items;

	if (!issuer->has_spaces)
		return FUDA_ENOTFOUND;
	while (cbor_next(&c, &space) == 0 && cbor_next(&c, &items) == 0) {
		if (cbor_text(&space, &name) < 0)
			return FUDA_EFORMAT;
		if (cur_equal(name, wanted->space))
			return find_item(&items, wanted, asking, ret);
	}
	return FUDA_ENOTFOUND;
}

/* Two ages that are asked for may have one answer. */
static bool is_shown(const struct choice *choice, struct cursor bytes)
{
	for (size_t i = 0; i < choice->count; i++)
		if (choice->shown[i].bytes.p == bytes.p)
			return true;
	return false;
}

static int choose(const struct doc_request *request, const struct issuer_signed *issuer,
		  present_consent consent, void *arg, struct choice *ret)
{
	const struct asking asking = { request->doctype, consent, arg };

	*ret = (struct choice){ 0 };
	for (size_t i = 0; i < request->element_count; i++) {
		const struct wanted_element *e = &request->elements[i];
		struct cursor bytes = { 0 };
		int r = find_in_spaces(issuer, e, &asking, &bytes);

		if (r == 0 && !may_show(&asking, e, e->name))
			r = FUDA_ENOTFOUND;
		if (r == FUDA_ENOTFOUND)
			ret->missing[ret->missing_count++] = e;
		else if (r < 0)
			return r;
		else if (!is_shown(ret, bytes))
			ret->shown[ret->count++] = (struct shown){ e->space, bytes };
	}
	return 0;
}

/* ---- writing ---- */

static size_t count_shown(const struct choice *choice, struct cursor space, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += cur_equal(choice->shown[i].space, space);
	return n;
}

static void put_shown(struct cbor_out *out, const struct choice *choice)
{
	size_t spaces = 0;

	for (size_t i = 0; i < choice->count; i++)
		spaces += !count_shown(choice, choice->shown[i].space, 0, i);
	cbor_put_map(out, spaces);
	for (size_t i = 0; i < choice->count; i++) {
		struct cursor space = choice->shown[i].space;

		if (count_shown(choice, space, 0, i))
			continue;
		cbor_put_text_bytes(out, space);
		cbor_put_array(out, count_shown(choice, space, i, choice->count));
		for (size_t k = i; k < choice->count; k++)
			if (cur_equal(choice->shown[k].space, space))
				cbor_put_raw(out, choice->shown[k].bytes);
	}
}

static size_t count_missing(const struct choice *choice, struct cursor space, size_t from,
			    size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += cur_equal(choice->missing[i]->space, space);
	return n;
}

/* {namespace: {element: 0}}: data not returned (8.3.2.1.2.3). */
static void put_missing(struct cbor_out *out, const struct choice *choice)
{
	size_t spaces = 0;

	for (size_t i = 0; i < choice->missing_count; i++)
		spaces += !count_missing(choice, choice->missing[i]->space, 0, i);
	cbor_put_text(out, "errors");
	cbor_put_map(out, spaces);
	for (size_t i = 0; i < choice->missing_count; i++) {
		struct cursor space = choice->missing[i]->space;

		if (count_missing(choice, space, 0, i))
			continue;
		cbor_put_text_bytes(out, space);
		cbor_put_map(out, count_missing(choice, space, i, choice->missing_count));
		for (size_t k = i; k < choice->missing_count; k++)
			if (cur_equal(choice->missing[k]->space, space)) {
				cbor_put_text_bytes(out, choice->missing[k]->name);
				cbor_put_uint(out, 0);
			}
	}
}

static int put_device_signed(struct cbor_out *out, const struct held *held,
			     struct cursor transcript)
{
	static const uint8_t nothing[] = { 0xD8, 0x18, 0x41, 0xA0 }; /* 24(<<{}>>) */
	const struct cursor spaces = cur_of(nothing, sizeof(nothing));
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	int r = response_authentication(transcript, held->doctype, spaces, &bytes);
	const struct piece piece = PIECE(bytes.data, bytes.len);

	if (r < 0)
		return r;
	cbor_put_map(out, 2);
	cbor_put_text(out, "nameSpaces");
	cbor_put_raw(out, spaces);
	cbor_put_text(out, "deviceAuth");
	cbor_put_map(out, 1);
	cbor_put_text(out, held->mac_key ? "deviceMac" : "deviceSignature");
	return held->mac_key ? cose_mac0_put(out, held->mac_key, &piece, 1) :
			       cose_sign1_put(out, &held->device, NULL, 0, &piece, 1, true);
}

static int put_document(struct cbor_out *out, const struct doc_request *request,
			const struct held *held, struct cursor transcript, present_consent consent,
			void *arg)
{
	struct issuer_signed issuer;
	struct cbor item, auth;
	struct choice choice;
	int r;

	if (cbor_read(held->issuer_signed, &item, NULL) < 0 ||
	    issuer_signed_read(&item, &issuer) < 0 || cbor_get(&item, "issuerAuth", &auth) < 0)
		return FUDA_EFORMAT;
	r = choose(request, &issuer, consent, arg, &choice);
	if (r < 0)
		return r;
	cbor_put_map(out, choice.missing_count ? 4 : 3);
	cbor_put_text(out, "docType");
	cbor_put_text_bytes(out, held->doctype);
	cbor_put_text(out, "issuerSigned");
	cbor_put_map(out, choice.count ? 2 : 1);
	if (choice.count) {
		cbor_put_text(out, "nameSpaces");
		put_shown(out, &choice);
	}
	cbor_put_text(out, "issuerAuth");
	cbor_put_raw(out, auth.whole);
	cbor_put_text(out, "deviceSigned");
	r = put_device_signed(out, held, transcript);
	if (r == 0 && choice.missing_count)
		put_missing(out, &choice);
	return r < 0 ? r : out->failed;
}

static const struct held *find_held(const struct doc_request *request, const struct held *held,
				    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (cur_equal(held[i].doctype, request->doctype))
			return &held[i];
	return NULL;
}

int response_put(const struct device_request *request, const struct held *held, size_t count,
		 struct cursor transcript, present_consent consent, void *arg, struct fuda_buf *ret)
{
	const struct held *found[REQUEST_DOCUMENTS_MAX];
	struct cbor_out out = CBOR_OUT(ret);
	size_t documents = 0, errors;
	int r = 0;

	for (size_t i = 0; i < request->document_count; i++) {
		found[i] = find_held(&request->documents[i], held, count);
		documents += found[i] != NULL;
	}
	errors = request->document_count - documents;
	cbor_put_map(&out, 2 + (documents > 0) + (errors > 0));
	cbor_put_text(&out, "version");
	cbor_put_text(&out, "1.0");
	if (documents) {
		cbor_put_text(&out, "documents");
		cbor_put_array(&out, documents);
	}
	for (size_t i = 0; r == 0 && i < request->document_count; i++)
		if (found[i])
			r = put_document(&out, &request->documents[i], found[i], transcript,
					 consent, arg);
	if (errors) {
		cbor_put_text(&out, "documentErrors");
		cbor_put_array(&out, errors);
	}
	for (size_t i = 0; errors && i < request->document_count; i++)
		if (!found[i]) {
			cbor_put_map(&out, 1);
			cbor_put_text_bytes(&out, request->documents[i].doctype);
			cbor_put_uint(&out, 0);
		}
	cbor_put_text(&out, "status");
	cbor_put_uint(&out, RESPONSE_OK);
	return r < 0 ? r : out.failed;
}

int response_put_status(enum response_status status, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);

	cbor_put_map(&out, 2);
	cbor_put_text(&out, "version");
	cbor_put_text(&out, "1.0");
	cbor_put_text(&out, "status");
	cbor_put_uint(&out, status);
	return out.failed;
}
