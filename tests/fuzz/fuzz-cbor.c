/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR: what is well-formed and what it says, against libcbor; and written again, it stays the
 * same.
 */
#include "tests/fuzz/fuzz.h"

/* Names that it has, too; what they stand for is not called here. */
#define cbor_type    libcbor_type
#define cbor_is_null libcbor_is_null
#define cbor_get_int libcbor_get_int
#include <cbor.h>
#undef cbor_type
#undef cbor_is_null
#undef cbor_get_int

#include <math.h>

#include "base/util.h"
#include "mdoc/cbor.h"

static void check(int good)
{
	if (!good)
		abort();
}

/* ---- against libcbor ---- */

/* What libcbor 0.8 takes for an error: simple values without a name, and tags 6 to 20 (those of
 * COSE among them) in one byte. */
static int is_unknown(const struct cbor *item)
{
	struct cursor c = item->content;
	struct cbor one;

	if (item->type == CBOR_SIMPLE)
		return item->number < CBOR_FALSE || item->number > CBOR_UNDEFINED;
	if (item->type == CBOR_TAG && *item->whole.p >= 0xC6 && *item->whole.p <= 0xD4)
		return 1;
	while (item->type >= CBOR_ARRAY && item->type <= CBOR_TAG && cbor_next(&c, &one) == 0)
		if (is_unknown(&one))
			return 1;
	return 0;
}

static uint64_t their_number(const cbor_item_t *theirs)
{
	switch (cbor_int_get_width(theirs)) {
	case CBOR_INT_8:
		return cbor_get_uint8(theirs);
	case CBOR_INT_16:
		return cbor_get_uint16(theirs);
	case CBOR_INT_32:
		return cbor_get_uint32(theirs);
	default:
		return cbor_get_uint64(theirs);
	}
}

static void compare(const struct cbor *ours, cbor_item_t *theirs);

static void compare_content(const struct cbor *ours, cbor_item_t *theirs)
{
	struct cursor c = ours->content;
	struct cbor one;

	for (size_t i = 0; i < ours->number; i++) {
		check(cbor_next(&c, &one) == 0);
		if (ours->type == CBOR_ARRAY) {
			compare(&one, cbor_array_handle(theirs)[i]);
			continue;
		}
		compare(&one, cbor_map_handle(theirs)[i].key);
		check(cbor_next(&c, &one) == 0);
		compare(&one, cbor_map_handle(theirs)[i].value);
	}
	check(c.left == 0);
}

static void compare_simple(const struct cbor *ours, cbor_item_t *theirs)
{
	double d;

	if (ours->type == CBOR_SIMPLE) {
		check(cbor_float_ctrl_is_ctrl(theirs) && cbor_ctrl_value(theirs) == ours->number);
		return;
	}
	memcpy(&d, &ours->number, sizeof(d));
	check(!cbor_float_ctrl_is_ctrl(theirs));
	if (isnan(d))
		check(isnan(cbor_float_get_float(theirs)));
	else
		check(cbor_float_get_float(theirs) == d && !signbit(d) == !signbit(d));
}

static void compare(const struct cbor *ours, cbor_item_t *theirs)
{
	static const enum libcbor_type types[] = {
		CBOR_TYPE_UINT,   CBOR_TYPE_NEGINT,     CBOR_TYPE_BYTESTRING,
		CBOR_TYPE_STRING, CBOR_TYPE_ARRAY,      CBOR_TYPE_MAP,
		CBOR_TYPE_TAG,    CBOR_TYPE_FLOAT_CTRL, CBOR_TYPE_FLOAT_CTRL,
	};
	struct cursor c = ours->content;
	struct cbor inner;

	check(cbor_typeof(theirs) == types[ours->type]);
	switch (ours->type) {
	case CBOR_UINT:
	case CBOR_NEGATIVE:
		check(their_number(theirs) == ours->number);
		break;
	case CBOR_BYTES:
		check(cbor_bytestring_length(theirs) == ours->content.left);
		break;
	case CBOR_TEXT:
		check(cbor_string_length(theirs) == ours->content.left);
		break;
	case CBOR_ARRAY:
	case CBOR_MAP:
		check((ours->type == CBOR_MAP ? cbor_map_size(theirs) : cbor_array_size(theirs)) ==
		      ours->number);
		compare_content(ours, theirs);
		break;
	case CBOR_TAG:
		check(cbor_tag_value(theirs) == ours->number && cbor_next(&c, &inner) == 0);
		compare(&inner, theirs->metadata.tag_metadata.tagged_item);
		break;
	case CBOR_SIMPLE:
	case CBOR_FLOAT:
		compare_simple(ours, theirs);
		break;
	}
}

/* Whether a head says that more items follow than there are bytes. libcbor would allocate and fill
 * memory for all of them, which may be gigabytes. */
static int claims_too_much(struct cursor c)
{
	while (c.left) {
		uint8_t first, byte;
		uint64_t number;

		cur_u8(&c, &first);
		number = first & 0x1F;
		if (number >= 24 && number <= 27) {
			size_t bytes = (size_t)1 << (number - 24);

			for (number = 0; bytes; bytes--) {
				if (cur_u8(&c, &byte) < 0)
					return 0;
				number = number << 8 | byte;
			}
		} else if (number > 27) {
			continue;
		}
		if ((first >> 5 == 4 || first >> 5 == 5) && number > c.left)
			return 1;
		if ((first >> 5 == 2 || first >> 5 == 3) && cur_skip(&c, MIN(number, c.left)) < 0)
			return 0;
	}
	return 0;
}

static void against_libcbor(const uint8_t *data, size_t len, enum cbor_fault fault,
			    const struct cbor *item)
{
	struct cbor_load_result result = { 0 };
	cbor_item_t *theirs = NULL;

	if (claims_too_much(cur_of(data, len))) {
		check(fault != CBOR_GOOD);
		return;
	}
	if (len)
		theirs = cbor_load(data, len, &result);
	switch (fault) {
	case CBOR_GOOD:
		check((theirs && result.read == len) || is_unknown(item));
		if (theirs)
			compare(item, theirs);
		break;
	case CBOR_TRUNCATED:
	case CBOR_RESERVED:
		check(!theirs);
		break;
	case CBOR_TRAILING:
		check(!theirs || result.read < len);
		break;
	default: /* well-formed or not: it is not taken for something else */
		break;
	}
	if (theirs)
		cbor_decref(&theirs);
}

/* ---- written again ---- */

static void write_again(const struct cbor *item, struct cbor_out *out)
{
	struct cursor c = item->content;
	struct cbor one;

	switch (item->type) {
	case CBOR_UINT:
		cbor_put_uint(out, item->number);
		break;
	case CBOR_BYTES:
		cbor_put_bytes(out, item->content.p, item->content.left);
		break;
	case CBOR_TEXT:
		cbor_put_text_bytes(out, item->content);
		break;
	case CBOR_ARRAY:
		cbor_put_array(out, item->number);
		break;
	case CBOR_MAP:
		cbor_put_map(out, item->number);
		break;
	case CBOR_TAG:
		cbor_put_tag(out, item->number);
		break;
	default: /* there is no writer for all of them */
		cbor_put_raw(out, item->whole);
		return;
	}
	while (item->type >= CBOR_ARRAY && cbor_next(&c, &one) == 0)
		write_again(&one, out);
}

static void same(const struct cbor *a, const struct cbor *b)
{
	struct cursor in_a = a->content, in_b = b->content;
	struct cbor one, other;

	check(a->type == b->type && a->number == b->number);
	if (a->type == CBOR_BYTES || a->type == CBOR_TEXT) {
		check(cur_equal(a->content, b->content));
		return;
	}
	while (a->type >= CBOR_ARRAY && cbor_next(&in_a, &one) == 0) {
		check(cbor_next(&in_b, &other) == 0);
		same(&one, &other);
	}
	check(in_a.left == 0 && in_b.left == 0);
}

static void rewritten(const struct cbor *item)
{
	struct fuda_buf first = FUDA_BUF_INIT(CBOR_MAX), second = FUDA_BUF_INIT(CBOR_MAX);
	struct cbor_out to_first = CBOR_OUT(&first), to_second = CBOR_OUT(&second);
	struct cbor again;

	write_again(item, &to_first);
	check(to_first.failed == 0 && first.len <= item->whole.left);
	check(cbor_read(cur_of(first.data, first.len), &again, NULL) == 0);
	same(item, &again);
	write_again(&again, &to_second);
	check(second.len == first.len && memcmp(first.data, second.data, first.len) == 0);
	fuda_buf_free(&first);
	fuda_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct cursor bytes = cur_of(data, len);
	struct cbor item = { 0 }, inner;
	enum cbor_fault fault;
	int r = cbor_read(bytes, &item, &fault);

	check((r == 0) == (fault == CBOR_GOOD));
	against_libcbor(data, len, fault, &item);
	if (r < 0)
		return 0;
	check(cur_equal(item.whole, bytes));
	rewritten(&item);
	if (cbor_embedded(&item, &inner) == 0)
		rewritten(&inner);
	return 0;
}

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"00",
		"1818",
		"1b0000001cbe991a14",
		"3bffffffffffffffff",
		"43010203",
		"6161",
		"64f0908591",
		"83018202039820ff",
		"a201020304",
		"a26161016162820203",
		"a301006101f5200a",
		"c074323031332d30332d32315432303a30343a30305a",
		"d81843a10126",
		"d903ec6a313937312d30392d3031",
		"f4",
		"f6",
		"f7",
		"f0",
		"f8ff",
		"f90001",
		"f97bff",
		"f97c00",
		"f97e00",
		"fa47c35000",
		"fa00000001",
		"fb423cbe991a140000",
		"b900011800f5",
		"9a0000000101",
		"5f42010243030405ff",
		"9f01ff",
		"bf6101f5ff",
		"9a10000000",
		"bb8000000000000000",
		"81818181818181818181818181818100",
		"8443a10126a118215820000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
		"1f"
		"f6581001020304050607080910111213141516",
		"a3636b65796576616c75656573746174757300a0",
		"a26776657273696f6e63312e3066737461747573 00",
	};

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		fuzz_seed_hex(seeds[i]);
}
