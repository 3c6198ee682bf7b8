/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/request.h"

#include "base/util.h"

/* ---- reading ---- */

static int read_elements(struct cursor space, const struct cbor *map, struct doc_request *ret)
{
	struct cursor c = map->content;
	struct cbor name, retain;

	if (!cbor_is(map, CBOR_MAP))
		return FUDA_EFORMAT;
	while (cbor_next(&c, &name) == 0 && cbor_next(&c, &retain) == 0) {
		struct wanted_element *e = &ret->elements[ret->element_count];

		if (ret->element_count == REQUEST_ELEMENTS_MAX)
			return FUDA_ETOOBIG;
		e->space = space;
		if (cbor_text(&name, &e->name) < 0 || cbor_bool(&retain, &e->retain) < 0)
			return FUDA_EFORMAT;
		ret->element_count++;
	}
	return 0;
}

static int read_items(const struct cbor *items, struct doc_request *ret)
{
	struct cbor map, doctype, spaces, name, elements;
	const struct cbor_member members[] = {
		{ "docType", &doctype, NULL },
		{ "nameSpaces", &spaces, NULL },
	};
	struct cursor c, space;
	int r = 0;

	if (cbor_embedded(items, &map) < 0 ||
	    cbor_members(&map, members, ARRAY_SIZE(members), NULL) < 0 ||
	    cbor_text(&doctype, &ret->doctype) < 0 || !cbor_is(&spaces, CBOR_MAP))
		return FUDA_EFORMAT;
	ret->items = items->whole;
	c = spaces.content;
	while (r == 0 && cbor_next(&c, &name) == 0 && cbor_next(&c, &elements) == 0)
		r = cbor_text(&name, &space) < 0 ? FUDA_EFORMAT :
						   read_elements(space, &elements, ret);
	return r < 0 ? r : ret->element_count ? 0 : FUDA_EFORMAT;
}

static int read_document(const struct cbor *item, struct doc_request *ret)
{
	struct cbor items, auth;
	const struct cbor_member members[] = {
		{ "itemsRequest", &items, NULL },
		{ "readerAuth", &auth, &ret->signed_ },
	};
	int r;

	/* what may be there and is not; the elements, which are long, are written before they count
	 */
	ret->element_count = 0;
	ret->auth = (struct cose){ 0 };
	if (cbor_members(item, members, ARRAY_SIZE(members), NULL) < 0)
		return FUDA_EFORMAT;
	r = read_items(&items, ret);
	if (r == 0 && ret->signed_)
		r = cose_sign1_read(&auth, &ret->auth);
	return r;
}

int request_read(struct cursor bytes, struct device_request *ret)
{
	struct cbor map, version, documents, item;
	const struct cbor_member members[] = {
		{ "version", &version, NULL },
		{ "docRequests", &documents, NULL },
	};
	struct cursor c;
	int r = 0;

	if (bytes.left > REQUEST_MAX)
		return FUDA_ETOOBIG;
	if (cbor_read(bytes, &map, NULL) < 0 ||
	    cbor_members(&map, members, ARRAY_SIZE(members), NULL) < 0 ||
	    !cbor_is_version_1(&version) || !cbor_is(&documents, CBOR_ARRAY) || !documents.number)
		return FUDA_EFORMAT;
	if (documents.number > REQUEST_DOCUMENTS_MAX)
		return FUDA_ETOOBIG;
	ret->document_count = 0;
	c = documents.content;
	while (r == 0 && cbor_next(&c, &item) == 0)
		r = read_document(&item, &ret->documents[ret->document_count++]);
	return r;
}

/* ---- making ---- */

/* Whether an element before number `i` is of the same namespace. */
static bool space_seen(const struct doc_request *d, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (cur_equal(d->elements[k].space, d->elements[i].space))
			return true;
	return false;
}

/* ... and has the same name. */
static bool element_seen(const struct doc_request *d, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (cur_equal(d->elements[k].space, d->elements[i].space) &&
		    cur_equal(d->elements[k].name, d->elements[i].name))
			return true;
	return false;
}

static size_t count_in_space(const struct doc_request *d, struct cursor space)
{
	size_t n = 0;

	for (size_t i = 0; i < d->element_count; i++)
		n += cur_equal(d->elements[i].space, space);
	return n;
}

static int put_items(const struct doc_request *d, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);
	size_t spaces = 0;

	if (!d->element_count)
		return FUDA_EINVAL;
	for (size_t i = 0; i < d->element_count; i++) {
		if (element_seen(d, i))
			return FUDA_EINVAL;
		spaces += !space_seen(d, i);
	}
	cbor_put_map(&out, 2);
	cbor_put_text(&out, "docType");
	cbor_put_text_bytes(&out, d->doctype);
	cbor_put_text(&out, "nameSpaces");
	cbor_put_map(&out, spaces);
	for (size_t i = 0; i < d->element_count; i++) {
		struct cursor space = d->elements[i].space;

		if (space_seen(d, i))
			continue;
		cbor_put_text_bytes(&out, space);
		cbor_put_map(&out, count_in_space(d, space));
		for (size_t k = i; k < d->element_count; k++)
			if (cur_equal(d->elements[k].space, space)) {
				cbor_put_text_bytes(&out, d->elements[k].name);
				cbor_put_bool(&out, d->elements[k].retain);
			}
	}
	return out.failed;
}

int request_authentication(struct cursor items, struct cursor transcript, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf inner = FUDA_BUF_INIT(2 * CBOR_MAX);
	struct cbor_out array = CBOR_OUT(&inner), out = CBOR_OUT(ret);

	cbor_put_array(&array, 3);
	cbor_put_text(&array, "ReaderAuthentication");
	cbor_put_raw(&array, transcript);
	cbor_put_raw(&array, items);
	if (array.failed < 0)
		return array.failed;
	cbor_put_embedded(&out, cur_of(inner.data, inner.len));
	return out.failed;
}

static int put_auth(struct cbor_out *out, const struct reader_identity *who, struct cursor items,
		    struct cursor transcript)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	int r = request_authentication(items, transcript, &bytes);

	if (r < 0)
		return r;
	cbor_put_text(out, "readerAuth");
	return cose_sign1_put(out, who->signer, who->chain, who->chain_count,
			      &PIECE(bytes.data, bytes.len), 1, true);
}

static int put_document(struct cbor_out *out, const struct doc_request *d,
			const struct reader_identity *who, struct cursor transcript)
{
	_cleanup_buf_ struct fuda_buf items = FUDA_BUF_INIT(REQUEST_MAX);
	_cleanup_buf_ struct fuda_buf tagged = FUDA_BUF_INIT(REQUEST_MAX);
	struct cbor_out inner = CBOR_OUT(&tagged);
	int r = put_items(d, &items);

	if (r < 0)
		return r;
	cbor_put_embedded(&inner, cur_of(items.data, items.len));
	cbor_put_map(out, who ? 2 : 1);
	cbor_put_text(out, "itemsRequest");
	cbor_put_raw(out, cur_of(tagged.data, tagged.len));
	if (inner.failed == 0 && who)
		return put_auth(out, who, cur_of(tagged.data, tagged.len), transcript);
	return inner.failed;
}

int request_put(const struct doc_request *documents, size_t count,
		const struct reader_identity *who, struct cursor transcript, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);
	int r = count && count <= REQUEST_DOCUMENTS_MAX ? 0 : FUDA_EINVAL;

	cbor_put_map(&out, 2);
	cbor_put_text(&out, "version");
	cbor_put_text(&out, "1.0");
	cbor_put_text(&out, "docRequests");
	cbor_put_array(&out, count);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = put_document(&out, &documents[i], who, transcript);
	return r < 0 ? r : out.failed;
}

int request_verify(const struct doc_request *document, const struct key *key,
		   struct cursor transcript)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	int r = request_authentication(document->items, transcript, &bytes);

	if (r == 0 && !document->auth.detached) /* a payload of its own would be bound to nothing */
		r = FUDA_EVERIFY;
	return r < 0 ? r :
		       cose_sign1_verify(&document->auth, key, &PIECE(bytes.data, bytes.len), 1);
}
