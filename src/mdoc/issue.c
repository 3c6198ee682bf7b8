/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/issue.h"

#include <fuda/hash.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/util.h"
#include "mdoc/cose.h"

enum {
	SECONDS_OF_DAY = 86400,
	SHA256_BYTES = 32,
	HEAD_MAX = 16,
	ID_TRIES = 1000,
	ID_BYTES = 4,
	RANDOM_MAX =
		ISSUE_ELEMENTS_MAX * ISSUE_SALT + ISSUE_DIGESTS_MAX * (ID_BYTES + SHA256_BYTES),
};

/* A digest of an element, or of nothing. */
struct digest {
	uint32_t id;
	uint8_t bytes[SHA256_BYTES];
};

/* A namespace of one credential. */
struct space {
	const char *name;
	size_t elements;
	struct digest *digests; /* those of elements first, then decoys */
	size_t count;
};

struct issuer {
	const struct document_signer *ds;
	struct crypto_hasher *hasher;
	/* of the credential that is made */
	struct space spaces[ISSUE_SPACES_MAX];
	size_t space_count;
	size_t space_of[ISSUE_ELEMENTS_MAX]; /* of each element */
	size_t digest_count;
	struct digest digests[ISSUE_DIGESTS_MAX];
	uint8_t random[RANDOM_MAX];
	size_t random_len;
	struct fuda_buf item, mso, out;
};

int issuer_new(const struct document_signer *ds, struct issuer **ret)
{
	struct issuer *i = malloc(sizeof(*i)); /* most of it is room that seldom is needed */
	int e = i ? crypto_hasher_new(FUDA_SHA256, &i->hasher) : FUDA_ENOMEM;

	if (e < 0) {
		free(i);
		return e;
	}
	i->ds = ds;
	i->random_len = 0;
	i->item = FUDA_BUF_INIT(CBOR_MAX);
	i->mso = FUDA_BUF_INIT(CBOR_MAX);
	i->out = FUDA_BUF_INIT(CBOR_MAX);
	*ret = i;
	return 0;
}

/* Salts would let what is not shown be guessed; the buffers have personal data. */
static void forget(struct issuer *i)
{
	wipe(i->random, i->random_len);
	fuda_buf_clear(&i->item);
	fuda_buf_clear(&i->mso);
	fuda_buf_clear(&i->out);
}

void issuer_free(struct issuer **issuer)
{
	if (!*issuer)
		return;
	forget(*issuer);
	crypto_hasher_free(&(*issuer)->hasher);
	fuda_buf_free(&(*issuer)->item);
	fuda_buf_free(&(*issuer)->mso);
	fuda_buf_free(&(*issuer)->out);
	free(*issuer);
	*issuer = NULL;
}

/* ---- what is asked for ---- */

/* Its end: at most so many days, and never beyond the Document Signer's own. */
static time_t valid_until(const struct issuer *i, const struct credential *what)
{
	return MIN(what->at + (time_t)what->days * SECONDS_OF_DAY, i->ds->not_after);
}

static int check(const struct issuer *i, const struct credential *what)
{
	if (!what->doctype || !*what->doctype || !what->device_key || !what->element_count ||
	    what->element_count > ISSUE_ELEMENTS_MAX || what->decoys > ISSUE_DECOYS_MAX ||
	    !what->days || what->days > ISSUE_DAYS_MAX)
		return FUDA_EINVAL;
	/* validFrom < validUntil: mdoc.md 1.1 */
	if (what->at < i->ds->not_before || what->at >= i->ds->not_after)
		return FUDA_EINVAL;
	for (size_t e = 0; e < what->element_count; e++)
		if (!*what->elements[e].name)
			return FUDA_EINVAL;
	return 0;
}

static size_t find_space(struct issuer *i, const char *name)
{
	size_t n = 0;

	while (n < i->space_count && strcmp(i->spaces[n].name, name) != 0)
		n++;
	return n;
}

/* Sorts the elements by their namespaces, which come in the order of their first element. */
static int divide(struct issuer *i, const struct credential *what)
{
	i->space_count = 0;
	for (size_t e = 0; e < what->element_count; e++) {
		const struct issue_element *element = &what->elements[e];
		size_t n = find_space(i, element->space);

		if (n == ISSUE_SPACES_MAX)
			return FUDA_EINVAL;
		if (n == i->space_count)
			i->spaces[i->space_count++] = (struct space){ .name = element->space };
		for (size_t before = 0; before < e; before++)
			if (i->space_of[before] == n &&
			    strcmp(what->elements[before].name, element->name) == 0)
				return FUDA_EINVAL;
		i->space_of[e] = n;
		i->spaces[n].elements++;
	}
	i->digest_count = 0;
	for (size_t n = 0; n < i->space_count; n++) {
		struct space *s = &i->spaces[n];

		if (s->elements + what->decoys > ISSUE_DIGESTS_MAX - i->digest_count)
			return FUDA_EINVAL;
		s->digests = i->digests + i->digest_count;
		i->digest_count += s->elements + what->decoys;
	}
	return 0;
}

/* ---- chance ---- */

static bool is_taken(const struct space *s, size_t before, uint32_t id)
{
	for (size_t n = 0; n < before; n++)
		if (s->digests[n].id == id)
			return true;
	return false;
}

/* Ids that are unique in their namespace; of two that are alike one is drawn again. */
static int settle_ids(struct space *s, size_t count)
{
	unsigned tries = 0;

	for (size_t n = 0; n < count; n++) {
		uint32_t *id = &s->digests[n].id;

		*id &= ISSUE_ID_MAX;
		while (is_taken(s, n, *id)) {
			if (++tries > ID_TRIES || fuda_random(id, sizeof(*id)) < 0)
				return FUDA_EFAILED;
			*id &= ISSUE_ID_MAX;
		}
	}
	return 0;
}

/* Salts, ids and what decoys look like: one call for all, whatever their number. What is no decoy
 * is overwritten by its digest. */
static int draw(struct issuer *i, const struct credential *what)
{
	size_t salts = what->element_count * ISSUE_SALT;
	struct cursor c;
	int e;

	i->random_len = salts + i->digest_count * (ID_BYTES + SHA256_BYTES);
	c = cur_of(i->random, i->random_len);
	e = fuda_random(i->random, i->random_len);
	if (e == 0)
		e = cur_skip(&c, salts);
	for (size_t n = 0; n < i->digest_count && e == 0; n++) {
		e = cur_uint(&c, ID_BYTES, &i->digests[n].id);
		if (e == 0)
			e = cur_copy(&c, i->digests[n].bytes, SHA256_BYTES);
	}
	for (size_t n = 0; n < i->space_count && e == 0; n++)
		e = settle_ids(&i->spaces[n], i->spaces[n].elements + what->decoys);
	return e;
}

/* ---- items ---- */

/* IssuerSignedItem, in the order of ISO 18013-5 Annex D. */
static int put_item(struct issuer *i, const struct issue_element *element, const uint8_t *salt,
		    uint32_t id)
{
	struct cbor_out out = CBOR_OUT(&i->item);
	struct cbor value;

	if (cbor_read(element->value, &value, NULL) < 0)
		return FUDA_EFORMAT;
	fuda_buf_clear(&i->item);
	cbor_put_map(&out, 4);
	cbor_put_text(&out, "digestID");
	cbor_put_uint(&out, id);
	cbor_put_text(&out, "random");
	cbor_put_bytes(&out, salt, ISSUE_SALT);
	cbor_put_text(&out, "elementIdentifier");
	cbor_put_text(&out, element->name);
	cbor_put_text(&out, "elementValue");
	cbor_put_raw(&out, element->value);
	return out.failed;
}

/* IssuerSignedItemBytes, and the digest of all of them: 9.1.2.5. */
static int put_signed_item(struct issuer *i, struct cbor_out *out, struct digest *digest)
{
	size_t at = out->to->len;
	struct fuda_digest d;
	int e;

	cbor_put_embedded(out, cur_of(i->item.data, i->item.len));
	if (out->failed < 0)
		return out->failed;
	e = crypto_hasher_digest(i->hasher, out->to->data + at, out->to->len - at, &d);
	if (e == 0)
		memcpy(digest->bytes, d.bytes, SHA256_BYTES);
	return e;
}

static int put_space(struct issuer *i, const struct credential *what, size_t index,
		     struct cbor_out *out)
{
	struct space *s = &i->spaces[index];
	int e = 0;

	cbor_put_text(out, s->name);
	cbor_put_array(out, s->elements);
	for (size_t n = 0; n < what->element_count && e == 0; n++) {
		struct digest *digest = &s->digests[s->count];

		if (i->space_of[n] != index)
			continue;
		s->count++;
		e = put_item(i, &what->elements[n], i->random + n * ISSUE_SALT, digest->id);
		if (e == 0)
			e = put_signed_item(i, out, digest);
	}
	s->count += what->decoys;
	return e;
}

static int put_spaces(struct issuer *i, const struct credential *what, struct cbor_out *out)
{
	int e = 0;

	cbor_put_text(out, "nameSpaces");
	cbor_put_map(out, i->space_count);
	for (size_t n = 0; n < i->space_count && e == 0; n++)
		e = put_space(i, what, n, out);
	return e;
}

/* ---- MobileSecurityObject ---- */

static int compare_ids(const void *a, const void *b)
{
	const struct digest *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* By their ids, which are random: nothing tells decoys, or which element is which. */
static void put_digests(struct issuer *i, struct cbor_out *out)
{
	cbor_put_text(out, "valueDigests");
	cbor_put_map(out, i->space_count);
	for (size_t n = 0; n < i->space_count; n++) {
		struct space *s = &i->spaces[n];

		qsort(s->digests, s->count, sizeof(s->digests[0]), compare_ids);
		cbor_put_text(out, s->name);
		cbor_put_map(out, s->count);
		for (size_t d = 0; d < s->count; d++) {
			cbor_put_uint(out, s->digests[d].id);
			cbor_put_bytes(out, s->digests[d].bytes, SHA256_BYTES);
		}
	}
}

static void put_validity(const struct issuer *i, const struct credential *what,
			 struct cbor_out *out)
{
	time_t until = valid_until(i, what);
	time_t update = what->at + ISSUE_RENEWAL_DAYS * SECONDS_OF_DAY;
	bool has_update = what->days == ISSUE_DAYS_MAX && update < until;

	cbor_put_text(out, "validityInfo");
	cbor_put_map(out, has_update ? 4 : 3);
	cbor_put_text(out, "signed");
	cbor_put_tdate(out, what->at);
	cbor_put_text(out, "validFrom");
	cbor_put_tdate(out, what->at);
	cbor_put_text(out, "validUntil");
	cbor_put_tdate(out, until);
	if (!has_update)
		return;
	cbor_put_text(out, "expectedUpdate");
	cbor_put_tdate(out, update);
}

static int put_mso(struct issuer *i, const struct credential *what)
{
	struct cbor_out out = CBOR_OUT(&i->mso);
	int e;

	fuda_buf_clear(&i->mso);
	cbor_put_map(&out, 6);
	cbor_put_text(&out, "version");
	cbor_put_text(&out, "1.0");
	cbor_put_text(&out, "digestAlgorithm");
	cbor_put_text(&out, "SHA-256");
	put_digests(i, &out);
	cbor_put_text(&out, "deviceKeyInfo");
	cbor_put_map(&out, 1);
	cbor_put_text(&out, "deviceKey");
	e = cose_key_put(&out, what->device_key);
	if (e < 0)
		return e;
	cbor_put_text(&out, "docType");
	cbor_put_text(&out, what->doctype);
	put_validity(i, what, &out);
	return out.failed;
}

/* ---- the whole ---- */

/* issuerAuth, of which the payload is MobileSecurityObjectBytes. */
static int put_auth(struct issuer *i, struct cbor_out *out)
{
	_cleanup_buf_ struct fuda_buf head = FUDA_BUF_INIT(HEAD_MAX);
	struct cbor_out head_out = CBOR_OUT(&head);
	struct piece payload[2];

	cbor_put_embedded_head(&head_out, i->mso.len);
	if (head_out.failed < 0)
		return head_out.failed;
	payload[0] = PIECE(head.data, head.len);
	payload[1] = PIECE(i->mso.data, i->mso.len);
	cbor_put_text(out, "issuerAuth");
	return cose_sign1_put(out, &i->ds->signer, &i->ds->certificate, 1, payload,
			      ARRAY_SIZE(payload), false);
}

static int make(struct issuer *i, const struct credential *what)
{
	struct cbor_out out = CBOR_OUT(&i->out);
	int e = check(i, what);

	if (e == 0)
		e = divide(i, what);
	if (e == 0)
		e = draw(i, what);
	if (e < 0)
		return e;
	cbor_put_map(&out, 2);
	e = put_spaces(i, what, &out);
	if (e == 0)
		e = put_mso(i, what);
	if (e == 0)
		e = put_auth(i, &out);
	return e < 0 ? e : out.failed;
}

int issuer_issue(struct issuer *issuer, const struct credential *what, struct fuda_buf *ret)
{
	int e = make(issuer, what);

	if (e == 0)
		e = fuda_buf_append(ret, issuer->out.data, issuer->out.len);
	forget(issuer);
	return e;
}

int issue(const struct document_signer *ds, const struct credential *what, struct fuda_buf *ret)
{
	_cleanup_(issuer_free) struct issuer *issuer = NULL;
	int e = issuer_new(ds, &issuer);

	return e < 0 ? e : issuer_issue(issuer, what, ret);
}
