/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR in its preferred form: the shortest heads, definite lengths (RFC 8949 4.1). */
#include "mdoc/cbor.h"

#include <time.h>

#include "base/util.h"
#include "codec/utf8.h"

static void put(struct cbor_out *out, const void *bytes, size_t len)
{
	if (out->failed == 0)
		out->failed = fuda_buf_append(out->to, bytes, len);
}

static void put_head(struct cbor_out *out, enum cbor_type major, uint64_t number)
{
	unsigned size = number < 24          ? 0 :
			number <= 0xFF       ? 1 :
			number <= 0xFFFF     ? 2 :
			number <= 0xFFFFFFFF ? 4 :
					       8;
	static const uint8_t infos[] = { [1] = 24, [2] = 25, [4] = 26, [8] = 27 };
	uint8_t head[9];

	head[0] = (uint8_t)((unsigned)major << 5 | (size ? infos[size] : number));
	for (unsigned i = size; i > 0; i--, number >>= 8)
		head[i] = (uint8_t)number;
	put(out, head, 1 + size);
}

void cbor_put_uint(struct cbor_out *out, uint64_t value)
{
	put_head(out, CBOR_UINT, value);
}

void cbor_put_int(struct cbor_out *out, int64_t value)
{
	if (value < 0)
		put_head(out, CBOR_NEGATIVE, (uint64_t)(-1 - value));
	else
		put_head(out, CBOR_UINT, (uint64_t)value);
}

void cbor_put_bytes_head(struct cbor_out *out, size_t len)
{
	put_head(out, CBOR_BYTES, len);
}

void cbor_put_bytes(struct cbor_out *out, const void *bytes, size_t len)
{
	cbor_put_bytes_head(out, len);
	put(out, bytes, len);
}

void cbor_put_text_bytes(struct cbor_out *out, struct cursor text)
{
	if (!utf8_is_valid(text)) {
		out->failed = out->failed < 0 ? out->failed : FUDA_EFORMAT;
		return;
	}
	put_head(out, CBOR_TEXT, text.left);
	cbor_put_raw(out, text);
}

void cbor_put_text(struct cbor_out *out, const char *text)
{
	cbor_put_text_bytes(out, cur_of((const uint8_t *)text, strlen(text)));
}

void cbor_put_array(struct cbor_out *out, uint64_t count)
{
	put_head(out, CBOR_ARRAY, count);
}

void cbor_put_map(struct cbor_out *out, uint64_t pairs)
{
	put_head(out, CBOR_MAP, pairs);
}

void cbor_put_tag(struct cbor_out *out, uint64_t number)
{
	put_head(out, CBOR_TAG, number);
}

static void put_simple(struct cbor_out *out, uint8_t value)
{
	const uint8_t byte = 7 << 5 | value;

	put(out, &byte, 1);
}

void cbor_put_bool(struct cbor_out *out, bool value)
{
	put_simple(out, value ? CBOR_TRUE : CBOR_FALSE);
}

void cbor_put_null(struct cbor_out *out)
{
	put_simple(out, CBOR_NULL);
}

void cbor_put_raw(struct cbor_out *out, struct cursor bytes)
{
	put(out, bytes.p, bytes.left);
}

void cbor_put_embedded_head(struct cbor_out *out, size_t len)
{
	cbor_put_tag(out, 24);
	cbor_put_bytes_head(out, len);
}

void cbor_put_embedded(struct cbor_out *out, struct cursor bytes)
{
	cbor_put_embedded_head(out, bytes.left);
	cbor_put_raw(out, bytes);
}

void cbor_put_tdate(struct cbor_out *out, int64_t seconds)
{
	char text[sizeof("YYYY-MM-DDThh:mm:ssZ")];
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || tm.tm_year < 1000 - 1900 || tm.tm_year > 9999 - 1900) {
		out->failed = out->failed < 0 ? out->failed : FUDA_EINVAL;
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cbor_put_tag(out, 0);
	cbor_put_text(out, text);
}

void cbor_put_full_date(struct cbor_out *out, const char *date)
{
	cbor_put_tag(out, 1004);
	cbor_put_text(out, date);
}
