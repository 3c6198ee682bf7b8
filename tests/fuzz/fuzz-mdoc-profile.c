/* SPDX-License-Identifier: Apache-2.0 */
/* A profile, a NUL, and a value in CBOR, or the value alone for a profile that is good: what passes
 * as the value of an element can be issued from what it says, and says the same again. */
#include <fuda/context.h>

#include "base/util.h"
#include "mdoc/element.h"
#include "mdoc/profile-parse.h"
#include "tests/fuzz/fuzz.h"

#define PROFILE                                      \
	"fuda-mdoc-profile 1\nprofile p\n"           \
	"doctype d # of tests\nnamespace s\n"        \
	"element a tstr name max=20\n"               \
	"element b tstr birth_date\n"                \
	"element c tstr sex\n"                       \
	"element d tstr local_gov_code digits=6\n"   \
	"element e tstr individual_number\n"         \
	"element f bstr-jpeg2000 portrait\n"         \
	"element g_NN bool age_over_NN ages=18,20\n" \
	"element h uint age_in_years\n"              \
	"element i uint sex\n"                       \
	"element j uint local_gov_code\n"            \
	"element k uint individual_number\n"         \
	"element l full-date birth_date\n"           \
	"element m uint x min=3 max=900 optional\n"  \
	"element n bstr y\n"                         \
	"element o tdate z\n"

static void fuzz_seeds(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} values[] = {
#define VALUE(text) { text, sizeof(text) - 1 }
		VALUE("\x63\xE5\xA5\xB3"),
		VALUE("\x71"
		      "1971\xE5\xB9\xB4"
		      "9\xE6\x9C\x88"
		      "1\xE6\x97\xA5"),
		VALUE("\x66"
		      "011002"),
		VALUE("\x6C"
		      "123456789018"),
		VALUE("\x46\xFF\x4F\xFF\x51\x00\x2F"),
		VALUE("\xF5"),
		VALUE("\x14"),
		VALUE("\x1B\x00\x00\x00\x1C\xBE\x99\x1A\x1A"),
		VALUE("\xFB\x42\x3C\xBE\x99\x1A\x1A\x00\x00"),
		VALUE("\xD9\x03\xEC\x6A"
		      "1971-09-01"),
		VALUE("\xC0\x74"
		      "2026-11-22T10:00:00Z"),
	};
	char seed[2048];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		memcpy(seed, PROFILE, sizeof(PROFILE));
		memcpy(seed + sizeof(PROFILE), values[i].bytes, values[i].len);
		fuzz_seed(seed, sizeof(PROFILE) + values[i].len);
		fuzz_seed(values[i].bytes, values[i].len);
	}
}

/* Codes of six digits may be written with five. */
static bool same(const struct element *e, const struct fuda_buf *a, const struct fuda_buf *b)
{
	size_t len = a->len - 1;

	if (e->kind == ATTRIBUTE_LOCAL_GOV_CODE)
		return b->len >= 5 && memcmp(a->data, b->data, 5) == 0;
	return b->len == len && (len == 0 || memcmp(a->data, b->data, len) == 0);
}

static void try_element(const struct element *e, const struct cbor *value)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(ELEMENT_VALUE_MAX);
	_cleanup_buf_ struct fuda_buf cbor = FUDA_BUF_INIT(ELEMENT_VALUE_MAX);
	_cleanup_buf_ struct fuda_buf again = FUDA_BUF_INIT(ELEMENT_VALUE_MAX);
	enum element_fault fault = ELEMENT_GOOD;
	int r = element_read(e, value, true, &text, &fault);

	if ((r == 0) != (fault == ELEMENT_GOOD) || (r < 0 && text.len) ||
	    !*element_fault_text(fault))
		abort();
	if (r < 0)
		return;
	if (fuda_buf_append(&text, "", 1) < 0 ||
	    element_write(e, cur_of(text.data, text.len - 1), &cbor, &again, &fault) < 0 ||
	    !same(e, &text, &again))
		abort();
}

static void try_elements(const struct profile_file *file, struct cursor bytes)
{
	struct cbor value;

	if (cbor_read(bytes, &value, NULL) == 0)
		for (size_t i = 0; i < file->profile.element_count; i++)
			try_element(&file->elements[i], &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *end = len ? memchr(data, 0, len) : NULL;
	size_t text_len = end ? (size_t)(end - data) : len;
	struct cursor rest = cur_of(data + text_len, len - text_len);
	static struct profile_file *good;
	static struct fuda_context *ctx;
	struct profile_file *file = NULL;

	if (!ctx &&
	    (fuda_context_new(&ctx) < 0 ||
	     profile_parse(ctx, "g", cur_of((const uint8_t *)PROFILE, strlen(PROFILE)), &good) < 0))
		abort();
	try_elements(good, cur_of(data, len));
	if (profile_parse(ctx, "f", cur_of(data, text_len), &file) < 0) {
		if (file || strncmp(fuda_context_message(ctx), "f:", 2) != 0)
			abort();
		return 0;
	}
	if (rest.left && cur_skip(&rest, 1) == 0)
		try_elements(file, rest);
	profile_file_free(&file);
	return 0;
}
