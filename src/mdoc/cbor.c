/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/cbor.h"

#include <stdlib.h>

#include "base/util.h"
#include "codec/utf8.h"

/* Major types and the additional information of an initial byte: RFC 8949 3. */
enum { MAJOR_SIMPLE = 7 };
enum { INFO_1_BYTE = 24, INFO_2_BYTES, INFO_4_BYTES, INFO_8_BYTES, INFO_INDEFINITE = 31 };

const char *cbor_fault_text(enum cbor_fault fault)
{
	static const char *const texts[] = {
		[CBOR_GOOD] = "",
		[CBOR_TRUNCATED] = N_("it ends too early"),
		[CBOR_TRAILING] = N_("there is more behind its end"),
		[CBOR_RESERVED] = N_("not CBOR"),
		[CBOR_INDEFINITE] = N_("a length is not given"),
		[CBOR_NOT_UTF8] = N_("a text is not UTF-8"),
		[CBOR_KEY] = N_("a key is neither a number nor a text"),
		[CBOR_DUPLICATE] = N_("a key comes twice"),
		[CBOR_TOO_DEEP] = N_("nested too deep"),
		[CBOR_TOO_MANY] = N_("too many items"),
		[CBOR_TOO_LONG] = N_("too long"),
	};

	return texts[fault];
}

/* ---- one head ---- */

/* Half and single precision, widened: RFC 8949 3.3, appendix D. */
static uint64_t widen(uint32_t bits, unsigned exponent_bits, unsigned fraction_bits)
{
	const uint32_t exponent_max = (1u << exponent_bits) - 1;
	uint64_t sign = (uint64_t)(bits >> (exponent_bits + fraction_bits)) << 63;
	uint64_t fraction = bits & ((1u << fraction_bits) - 1);
	uint32_t exponent = bits >> fraction_bits & exponent_max;
	uint64_t wide = (uint64_t)exponent + 1023 - (exponent_max >> 1);

	if (exponent == exponent_max)
		wide = 2047;
	else if (exponent == 0 && fraction == 0)
		wide = 0;
	else if (exponent == 0) /* subnormal: a double is not */
		for (wide++; !(fraction >> fraction_bits); wide--)
			fraction <<= 1;
	fraction &= (1u << fraction_bits) - 1;
	return sign | wide << 52 | fraction << (52 - fraction_bits);
}

static int take_number(struct cursor *c, size_t bytes, uint64_t *ret)
{
	uint32_t high = 0, low;

	if ((bytes == 8 && cur_uint(c, 4, &high) < 0) || cur_uint(c, MIN(bytes, 4), &low) < 0)
		return FUDA_EFORMAT;
	*ret = (uint64_t)high << 32 | low;
	return 0;
}

static enum cbor_fault read_simple(unsigned info, struct cbor *ret)
{
	ret->type = CBOR_SIMPLE;
	if (info == INFO_1_BYTE && ret->number < 32)
		return CBOR_RESERVED; /* RFC 8949 3.3 */
	if (info <= INFO_1_BYTE)
		return CBOR_GOOD;
	ret->type = CBOR_FLOAT;
	if (info == INFO_2_BYTES)
		ret->number = widen((uint32_t)ret->number, 5, 10);
	else if (info == INFO_4_BYTES)
		ret->number = widen((uint32_t)ret->number, 8, 23);
	return CBOR_GOOD;
}

/* Type and number; the bytes of a string, if it is one, are its content. */
static enum cbor_fault read_head(struct cursor *c, struct cbor *ret)
{
	static const enum cbor_type types[] = { CBOR_UINT,  CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT,
						CBOR_ARRAY, CBOR_MAP,      CBOR_TAG };
	unsigned major, info;
	uint8_t first;

	if (cur_u8(c, &first) < 0)
		return CBOR_TRUNCATED;
	major = first >> 5;
	info = first & 0x1F;
	if (info == INFO_INDEFINITE)
		return major >= CBOR_BYTES && major <= CBOR_MAP ? CBOR_INDEFINITE : CBOR_RESERVED;
	if (info > INFO_8_BYTES)
		return CBOR_RESERVED;
	ret->number = info;
	if (info >= INFO_1_BYTE && take_number(c, 1u << (info - INFO_1_BYTE), &ret->number) < 0)
		return CBOR_TRUNCATED;
	if (major == MAJOR_SIMPLE)
		return read_simple(info, ret);
	ret->type = types[major];
	if (ret->type != CBOR_BYTES && ret->type != CBOR_TEXT)
		return CBOR_GOOD;
	if (ret->number > c->left || cur_sub(c, (size_t)ret->number, &ret->content) < 0)
		return CBOR_TRUNCATED;
	return CBOR_GOOD;
}

/* ---- looking at everything ---- */

struct walk {
	const uint8_t *start;
	size_t items;
	/* where the keys of the maps that are being walked stand, those of the innermost last */
	size_t keys[CBOR_ITEMS_MAX / 2];
	size_t key_count;
	size_t end; /* of the input, from its start */
};

static enum cbor_fault walk_item(struct walk *w, struct cursor *c, unsigned depth);

static int compare_keys(const void *a, const void *b, void *arg)
{
	const struct walk *w = arg;
	const size_t *at[2] = { a, b };
	struct cbor key[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		struct cursor c = cur_of(w->start + *at[i], w->end - *at[i]);

		read_head(&c, &key[i]); /* was read before */
	}
	if (key[0].type != key[1].type)
		return key[0].type < key[1].type ? -1 : 1;
	if (key[0].number != key[1].number)
		return key[0].number < key[1].number ? -1 : 1;
	return key[0].content.left ?
		       memcmp(key[0].content.p, key[1].content.p, key[0].content.left) :
		       0;
}

/* Those from number `first` on are of one map. */
static bool has_duplicate(struct walk *w, size_t first)
{
	size_t *keys = w->keys + first, count = w->key_count - first;

	if (count > 1)
		qsort_r(keys, count, sizeof(*keys), compare_keys, w);
	for (size_t i = 1; i < count; i++)
		if (compare_keys(&keys[i - 1], &keys[i], w) == 0)
			return true;
	return false;
}

static enum cbor_fault walk_key(struct walk *w, struct cursor *c, unsigned depth)
{
	size_t at = (size_t)(c->p - w->start);
	struct cursor peek = *c;
	enum cbor_fault fault;
	struct cbor key;

	fault = read_head(&peek, &key);
	if (fault == CBOR_GOOD)
		fault = walk_item(w, c, depth);
	if (fault != CBOR_GOOD)
		return fault;
	if (key.type > CBOR_TEXT || key.type == CBOR_BYTES)
		return CBOR_KEY;
	w->keys[w->key_count++] = at; /* fits: each pair counts as two items */
	return CBOR_GOOD;
}

static enum cbor_fault walk_map(struct walk *w, struct cursor *c, uint64_t pairs, unsigned depth)
{
	size_t first = w->key_count;
	enum cbor_fault fault = CBOR_GOOD;

	for (uint64_t i = 0; fault == CBOR_GOOD && i < pairs; i++) {
		fault = walk_key(w, c, depth);
		if (fault == CBOR_GOOD)
			fault = walk_item(w, c, depth);
	}
	if (fault == CBOR_GOOD && has_duplicate(w, first))
		fault = CBOR_DUPLICATE;
	w->key_count = first;
	return fault;
}

static enum cbor_fault walk_item(struct walk *w, struct cursor *c, unsigned depth)
{
	enum cbor_fault fault;
	struct cbor item;

	if (depth > CBOR_DEPTH_MAX)
		return CBOR_TOO_DEEP;
	if (++w->items > CBOR_ITEMS_MAX)
		return CBOR_TOO_MANY;
	fault = read_head(c, &item);
	if (fault != CBOR_GOOD)
		return fault;
	switch (item.type) {
	case CBOR_TEXT:
		return utf8_is_valid(item.content) ? CBOR_GOOD : CBOR_NOT_UTF8;
	case CBOR_ARRAY:
		for (uint64_t i = 0; fault == CBOR_GOOD && i < item.number; i++)
			fault = walk_item(w, c, depth + 1);
		return fault;
	case CBOR_MAP:
		return walk_map(w, c, item.number, depth + 1);
	case CBOR_TAG:
		return walk_item(w, c, depth + 1);
	default:
		return CBOR_GOOD;
	}
}

static enum cbor_fault walk(struct cursor bytes)
{
	struct cursor c = bytes;
	enum cbor_fault fault;
	struct walk w;

	if (bytes.left > CBOR_MAX)
		return CBOR_TOO_LONG;
	w.start = bytes.p;
	w.end = bytes.left;
	w.items = w.key_count = 0;
	fault = walk_item(&w, &c, 1);
	return fault == CBOR_GOOD && c.left ? CBOR_TRAILING : fault;
}

int cbor_read(struct cursor bytes, struct cbor *ret, enum cbor_fault *ret_fault)
{
	enum cbor_fault fault = walk(bytes);

	if (ret_fault)
		*ret_fault = fault;
	return fault == CBOR_GOOD ? cbor_next(&bytes, ret) : FUDA_EFORMAT;
}

/* ---- moving about in what was looked at ---- */

int cbor_next(struct cursor *c, struct cbor *ret)
{
	const struct cursor start = *c;
	struct cursor at = *c, content = { 0 };
	struct cbor item = { 0 }, inner;
	uint64_t left = 1;

	while (left) {
		struct cbor *one = at.p == start.p ? &item : &inner;

		if (read_head(&at, one) != CBOR_GOOD)
			return FUDA_EFORMAT;
		if (one == &item)
			content = at;
		left--;
		if (one->type == CBOR_ARRAY || one->type == CBOR_MAP) {
			if (one->number > CBOR_ITEMS_MAX)
				return FUDA_EFORMAT;
			left += one->type == CBOR_MAP ? 2 * one->number : one->number;
		} else if (one->type == CBOR_TAG) {
			left++;
		}
	}
	if (item.type >= CBOR_ARRAY)
		item.content = cur_of(content.p, content.left - at.left);
	item.whole = cur_of(start.p, start.left - at.left);
	*c = at;
	*ret = item;
	return 0;
}

int cbor_uint(const struct cbor *item, uint64_t max, uint64_t *ret)
{
	if (item->type != CBOR_UINT || item->number > max)
		return FUDA_EFORMAT;
	*ret = item->number;
	return 0;
}

int cbor_int(const struct cbor *item, int64_t *ret)
{
	if (item->type > CBOR_NEGATIVE || item->number > INT64_MAX)
		return FUDA_EFORMAT;
	*ret = item->type == CBOR_UINT ? (int64_t)item->number : -1 - (int64_t)item->number;
	return 0;
}

int cbor_bool(const struct cbor *item, bool *ret)
{
	if (item->type != CBOR_SIMPLE || (item->number != CBOR_TRUE && item->number != CBOR_FALSE))
		return FUDA_EFORMAT;
	*ret = item->number == CBOR_TRUE;
	return 0;
}

static int string(const struct cbor *item, enum cbor_type type, struct cursor *ret)
{
	if (item->type != type)
		return FUDA_EFORMAT;
	*ret = item->content;
	return 0;
}

int cbor_bytes(const struct cbor *item, struct cursor *ret)
{
	return string(item, CBOR_BYTES, ret);
}

int cbor_text(const struct cbor *item, struct cursor *ret)
{
	return string(item, CBOR_TEXT, ret);
}

bool cbor_is(const struct cbor *item, enum cbor_type type)
{
	return item->type == type;
}

bool cbor_is_null(const struct cbor *item)
{
	return item->type == CBOR_SIMPLE && item->number == CBOR_NULL;
}

bool cbor_is_text(const struct cbor *item, const char *text)
{
	size_t len = strlen(text);

	return item->type == CBOR_TEXT && item->content.left == len &&
	       (!len || memcmp(item->content.p, text, len) == 0);
}

bool cbor_is_version_1(const struct cbor *item)
{
	struct cursor c = item->content;
	uint8_t digit;

	if (item->type != CBOR_TEXT || c.left < 3 || memcmp(c.p, "1.", 2) != 0 ||
	    cur_skip(&c, 2) < 0)
		return false;
	while (cur_u8(&c, &digit) == 0)
		if (digit < '0' || digit > '9')
			return false;
	return true;
}

int cbor_tag(const struct cbor *item, uint64_t number, struct cbor *ret)
{
	struct cursor c = item->content;

	return item->type == CBOR_TAG && item->number == number ? cbor_next(&c, ret) : FUDA_EFORMAT;
}

int cbor_embedded(const struct cbor *item, struct cbor *ret)
{
	struct cursor bytes;
	struct cbor string;

	if (cbor_tag(item, 24, &string) < 0 || cbor_bytes(&string, &bytes) < 0)
		return FUDA_EFORMAT;
	return cbor_read(bytes, ret, NULL);
}

/* ---- maps ---- */

int cbor_get(const struct cbor *map, const char *key, struct cbor *ret)
{
	struct cursor c = map->content;
	struct cbor k, value;

	if (map->type != CBOR_MAP)
		return FUDA_EFORMAT;
	while (cbor_next(&c, &k) == 0 && cbor_next(&c, &value) == 0)
		if (cbor_is_text(&k, key)) {
			*ret = value;
			return 0;
		}
	return FUDA_ENOTFOUND;
}

int cbor_get_int(const struct cbor *map, int64_t key, struct cbor *ret)
{
	struct cursor c = map->content;
	struct cbor k, value;
	int64_t number;

	if (map->type != CBOR_MAP)
		return FUDA_EFORMAT;
	while (cbor_next(&c, &k) == 0 && cbor_next(&c, &value) == 0)
		if (cbor_int(&k, &number) == 0 && number == key) {
			*ret = value;
			return 0;
		}
	return FUDA_ENOTFOUND;
}

/* In one pass: to step over a value is to walk through all that is in it. */
static uint32_t take_members(const struct cbor *map, const struct cbor_member *members,
			     size_t count)
{
	const uint32_t all = (uint32_t)((UINT64_C(1) << count) - 1);
	struct cursor c = map->content;
	struct cbor key, value;
	uint32_t found = 0;

	while (found != all && cbor_next(&c, &key) == 0 && cbor_next(&c, &value) == 0)
		for (size_t i = 0; i < count; i++)
			if (!(found >> i & 1) && cbor_is_text(&key, members[i].key)) {
				*members[i].to = value;
				found |= UINT32_C(1) << i;
				break;
			}
	return found;
}

int cbor_members(const struct cbor *map, const struct cbor_member *members, size_t count,
		 const char **ret_missing)
{
	const char *missing = NULL;
	int r = map->type == CBOR_MAP ? 0 : FUDA_EFORMAT;
	uint32_t found = r == 0 ? take_members(map, members, count) : 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		bool is_there = found >> i & 1;

		if (members[i].present)
			*members[i].present = is_there;
		else if (!is_there) {
			missing = members[i].key;
			r = FUDA_EFORMAT;
		}
	}
	if (ret_missing)
		*ret_missing = missing;
	return r;
}
