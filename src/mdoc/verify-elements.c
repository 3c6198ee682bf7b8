/* SPDX-License-Identifier: Apache-2.0 */
/* The elements: that each is what its issuer signed (C13), was asked for (C15) and is what it must
 * be (C16, C17). */
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "mdoc/profile.h"
#include "mdoc/verify.h"

enum { RANDOM_MIN = 16 };

/* Items of one namespace that were seen, for what may come once only. */
struct seen {
	struct signed_item *items;
	size_t count;
};

static bool text_is(struct cursor text, const char *expected)
{
	return cur_equal(text, cur_of((const uint8_t *)expected, strlen(expected)));
}

/* ---- C15 ---- */

static bool parse_age(struct cursor name, unsigned *ret)
{
	static const char head[] = "age_over_";
	const size_t len = strlen(head);

	if (name.left != len + 2 || memcmp(name.p, head, len) != 0 || name.p[len] < '0' ||
	    name.p[len] > '9' || name.p[len + 1] < '0' || name.p[len + 1] > '9')
		return false;
	*ret = 10u * (name.p[len] - '0') + name.p[len + 1] - '0';
	return true;
}

/* Whether age `given` answers the question about `asked`: ISO 18013-5 7.2.5. */
static bool answers_age(struct cursor asked, struct cursor given, const struct cbor *value)
{
	unsigned wanted, age;
	bool over;

	return parse_age(asked, &wanted) && parse_age(given, &age) &&
	       cbor_bool(value, &over) == 0 && (over ? age >= wanted : age <= wanted);
}

static bool was_asked(const struct judging *j, struct cursor space, struct cursor name,
		      const struct cbor *value)
{
	if (!j->asked) /* a document that nobody asked for is refused as a whole */
		return true;
	for (size_t i = 0; i < j->asked->element_count; i++) {
		const struct wanted_element *e = &j->asked->elements[i];

		if (cur_equal(e->space, space) &&
		    (cur_equal(e->name, name) || answers_age(e->name, name, value)))
			return true;
	}
	return false;
}

/* ---- C17, C16 ---- */

static void add_value(struct judging *j, struct cursor name, const char *fault)
{
	char detail[FUDA_MDOC_DETAIL * 2];

	snprintf(detail, sizeof(detail), "%.*s: %s", (int)MIN(name.left, 64), (const char *)name.p,
		 fault);
	judging_add_text(j, FUDA_MDOC_ELEMENT_VALUE, detail);
}

static int judge_value(struct judging *j, struct fuda_mdoc_element *e, const struct cbor *value)
{
	_cleanup_buf_ struct fuda_buf said = FUDA_BUF_INIT(ELEMENT_VALUE_MAX);
	const struct cursor space = cur_of(e->space.bytes, e->space.len);
	const struct cursor name = cur_of(e->name.bytes, e->name.len);
	const struct element *element = NULL;
	enum element_fault fault;
	int r;

	if (!j->profiles)
		return 0;
	r = profiles_read(j->profiles, j->document->doctype, space, name, value,
			  j->policy->allow_float, &element, &said, &fault);
	if (r == FUDA_ENOTFOUND)
		return 0;
	if (r == FUDA_EFORMAT || r == FUDA_ETOOBIG) {
		e->good = false;
		add_value(j, name,
			  element_fault_text(r == FUDA_ETOOBIG ? ELEMENT_OUT_OF_RANGE : fault));
		return 0;
	}
	if (r == 0)
		element_attribute(element, name, e->attribute);
	return r;
}

/* Of mobile driving licences alone: 7.2.1. */
static void judge_country(struct judging *j, const struct fuda_mdoc_element *e,
			  const struct cbor *value)
{
	if (!text_is(j->document->doctype, "org.iso.18013.5.1.mDL") ||
	    !text_is(cur_of(e->space.bytes, e->space.len), "org.iso.18013.5.1") ||
	    !text_is(cur_of(e->name.bytes, e->name.len), "issuing_country"))
		return;
	if (!cbor_is_text(value, j->chain.country))
		judging_add_text(j, FUDA_MDOC_COUNTRY_NOT_ISSUERS, "");
}

/* Keeps an element, or drops it if nobody asked for it. `good`: as far as it was judged. */
static int keep(struct judging *j, struct cursor space, struct cursor name,
		const struct cbor *value, bool by_device, bool good)
{
	struct fuda_mdoc_element *e = &j->ret->elements[j->ret->element_count];

	*e = (struct fuda_mdoc_element){
		.space = { space.p, space.left },
		.name = { name.p, name.left },
		.value = { value->whole.p, value->whole.left },
		.by_device = by_device,
		.good = good,
	};
	if (!was_asked(j, space, name, value)) {
		judging_add(j, FUDA_MDOC_ELEMENT_NOT_REQUESTED, name);
		return 0;
	}
	j->ret->element_count++;
	judge_country(j, e, value);
	return judge_value(j, e, value);
}

/* ---- C13 ---- */

/* What was found against the item; FUDA_MDOC_NONE. */
static int judge_digest(const struct judging *j, struct cursor space,
			const struct signed_item *item, enum fuda_mdoc_rule *ret)
{
	struct fuda_digest made;
	struct cursor digest;
	int r = mso_digest(&j->mso, space, item->digest_id, &digest);

	*ret = FUDA_MDOC_NONE;
	if (r < 0) {
		*ret = FUDA_MDOC_DIGEST_MISSING;
		return 0;
	}
	if (!j->mso.has_hash)
		return 0;
	r = fuda_digest_bytes(j->mso.hash, item->bytes.p, item->bytes.left, &made);
	if (r == 0 && !cur_equal(digest, cur_of(made.bytes, made.len)))
		*ret = FUDA_MDOC_DIGEST_MISMATCH;
	return r;
}

static enum fuda_mdoc_rule judge_once(const struct seen *seen, const struct signed_item *item)
{
	for (size_t i = 0; i < seen->count; i++) {
		if (cur_equal(seen->items[i].name, item->name))
			return FUDA_MDOC_ELEMENT_TWICE;
		if (seen->items[i].digest_id == item->digest_id)
			return FUDA_MDOC_DIGEST_ID_TWICE;
	}
	return FUDA_MDOC_NONE;
}

static int judge_item(struct judging *j, struct cursor space, const struct cbor *bytes,
		      struct seen *seen)
{
	enum fuda_mdoc_rule broken[3] = { FUDA_MDOC_NONE };
	struct signed_item item;
	bool good = j->has_mso && j->mso.has_hash;
	int r = 0;

	if (signed_item_read(bytes, &item) < 0) {
		judging_add(j, FUDA_MDOC_ITEM_MALFORMED, space);
		return 0;
	}
	broken[0] = judge_once(seen, &item);
	if (item.random.left < RANDOM_MIN)
		broken[1] = FUDA_MDOC_RANDOM_SHORT;
	if (j->has_mso)
		r = judge_digest(j, space, &item, &broken[2]);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		if (broken[i] != FUDA_MDOC_NONE) {
			judging_add(j, broken[i], item.name);
			good = false;
		}
	seen->items[seen->count++] = item;
	return r < 0 ? r : keep(j, space, item.name, &item.value, false, good);
}

static bool mso_has_space(const struct mso *mso, struct cursor space)
{
	struct cursor none;

	return mso_digest(mso, space, 0, &none) != FUDA_EFORMAT;
}

static int judge_space(struct judging *j, const struct cbor *name, const struct cbor *items,
		       struct seen *seen)
{
	struct cursor space, c = items->content;
	struct cbor one;
	int r = 0;

	if (cbor_text(name, &space) < 0 || !cbor_is(items, CBOR_ARRAY) || !items->number) {
		judging_add_text(j, FUDA_MDOC_ITEM_MALFORMED, "nameSpaces");
		return 0;
	}
	if (j->has_mso && !mso_has_space(&j->mso, space)) {
		judging_add(j, FUDA_MDOC_NAMESPACE_UNKNOWN, space); /* once, not for each element */
		return 0;
	}
	seen->count = 0;
	while (r == 0 && cbor_next(&c, &one) == 0)
		r = judge_item(j, space, &one, seen);
	return r;
}

/* ---- what the phone says on its own: C14 ---- */

static int judge_device_space(struct judging *j, const struct cbor *name, const struct cbor *map)
{
	struct cursor space, element, c = map->content;
	struct cbor key, value;
	int r = 0;

	if (cbor_text(name, &space) < 0 || !cbor_is(map, CBOR_MAP)) {
		judging_add_text(j, FUDA_MDOC_ITEM_MALFORMED, "deviceSigned");
		return 0;
	}
	while (r == 0 && cbor_next(&c, &key) == 0 && cbor_next(&c, &value) == 0) {
		bool allowed;

		if (cbor_text(&key, &element) < 0) {
			judging_add(j, FUDA_MDOC_ITEM_MALFORMED, space);
			return 0;
		}
		allowed = j->has_mso && mso_authorizes(&j->mso, space, element);
		if (!allowed)
			judging_add(j, FUDA_MDOC_DEVICE_AUTHORIZATION, element);
		r = keep(j, space, element, &value, true, allowed);
	}
	return r;
}

/* ---- what was not shown ---- */

static bool was_shown(const struct judging *j, const struct wanted_element *wanted)
{
	for (size_t i = 0; i < j->ret->element_count; i++) {
		const struct fuda_mdoc_element *e = &j->ret->elements[i];
		const struct cursor name = cur_of(e->name.bytes, e->name.len);
		struct cbor value;

		if (!cur_equal(cur_of(e->space.bytes, e->space.len), wanted->space))
			continue;
		if (cur_equal(name, wanted->name) ||
		    (cbor_read(cur_of(e->value.bytes, e->value.len), &value, NULL) == 0 &&
		     answers_age(wanted->name, name, &value)))
			return true;
	}
	return false;
}

static void name_withheld(struct judging *j, const struct wanted_element *wanted)
{
	struct fuda_mdoc_element *e = &j->ret->withheld[j->ret->withheld_count++];
	const struct element *element = NULL;
	const struct profile *profile = NULL;

	*e = (struct fuda_mdoc_element){
		.space = { wanted->space.p, wanted->space.left },
		.name = { wanted->name.p, wanted->name.left },
	};
	while (j->profiles && !element &&
	       (profile = profile_find(j->profiles, j->document->doctype, profile)))
		element = profile_element(profile, wanted->space, wanted->name);
	if (element)
		element_attribute(element, wanted->name, e->attribute);
}

static int find_withheld(struct judging *j)
{
	if (!j->asked)
		return 0;
	j->ret->withheld = calloc(j->asked->element_count, sizeof(*j->ret->withheld));
	if (!j->ret->withheld)
		return FUDA_ENOMEM;
	for (size_t i = 0; i < j->asked->element_count; i++)
		if (!was_shown(j, &j->asked->elements[i]))
			name_withheld(j, &j->asked->elements[i]);
	return 0;
}

/* ---- all of them ---- */

static size_t count_items(const struct cbor *map)
{
	struct cursor c = map->content;
	struct cbor name, items;
	size_t n = 0;

	while (cbor_next(&c, &name) == 0 && cbor_next(&c, &items) == 0)
		if (cbor_is(&items, CBOR_ARRAY) || cbor_is(&items, CBOR_MAP))
			n += (size_t)items.number;
	return n;
}

static int judge_issued(struct judging *j, struct seen *seen)
{
	struct cursor c = j->document->issuer.spaces.content;
	struct cbor name, items;
	int r = 0;

	while (r == 0 && j->document->issuer.has_spaces && cbor_next(&c, &name) == 0 &&
	       cbor_next(&c, &items) == 0)
		r = judge_space(j, &name, &items, seen);
	return r;
}

int judge_elements(struct judging *j)
{
	const struct issuer_signed *issuer = &j->document->issuer;
	size_t issued = issuer->has_spaces ? count_items(&issuer->spaces) : 0, said;
	struct cbor device, name, map;
	struct seen seen = { 0 };
	struct cursor c;
	int r;

	if (cbor_embedded(&j->document->device_spaces, &device) < 0) /* was read before */
		return FUDA_EFAILED;
	said = count_items(&device);
	j->ret->elements = calloc(issued + said + 1, sizeof(*j->ret->elements));
	seen.items = calloc(issued + 1, sizeof(*seen.items));
	r = j->ret->elements && seen.items ? judge_issued(j, &seen) : FUDA_ENOMEM;
	free(seen.items);
	c = device.content;
	while (r == 0 && cbor_next(&c, &name) == 0 && cbor_next(&c, &map) == 0)
		r = judge_device_space(j, &name, &map);
	return r < 0 ? r : find_withheld(j);
}

int fuda_mdoc_element_text(const struct fuda_mdoc_profiles *profiles,
			   const struct fuda_mdoc_document *document,
			   const struct fuda_mdoc_element *element,
			   const struct fuda_mdoc_policy *policy, struct fuda_buf *ret)
{
	const struct element *known;
	enum element_fault fault;
	struct cbor value;

	if (!profiles || !*element->attribute)
		return fuda_mdoc_diagnose(element->value.bytes, element->value.len, 0, ret);
	if (cbor_read(cur_of(element->value.bytes, element->value.len), &value, NULL) < 0)
		return FUDA_EFORMAT;
	return profiles_read(profiles, cur_of(document->doctype.bytes, document->doctype.len),
			     cur_of(element->space.bytes, element->space.len),
			     cur_of(element->name.bytes, element->name.len), &value,
			     policy->allow_float, &known, ret, &fault);
}
