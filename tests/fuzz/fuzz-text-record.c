/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the text application: the input is tried as each of them, the others being
 * genuine. */
#include "tests/fuzz/fuzz.h"

#include <stddef.h>

#include "base/util.h"
#include "codec/utf8.h"
#include "tests/records.h"

static struct fuda_context *ctx;
static struct fuda_cv_trust *trust;
static struct fuda_text_records genuine;

static const size_t files[] = {
	offsetof(struct fuda_text_records, my_number),
	offsetof(struct fuda_text_records, attributes),
	offsetof(struct fuda_text_records, integrity),
	offsetof(struct fuda_text_records, certificate),
	offsetof(struct fuda_text_records, signed_key),
	offsetof(struct fuda_text_records, response.signature),
};

static struct fuda_buf *file_of(struct fuda_text_records *records, size_t i)
{
	return (struct fuda_buf *)(void *)((char *)records + files[i]);
}

static void tidy(void)
{
	fuda_text_records_free(&genuine);
	fuda_cv_trust_free(&trust);
	fuda_context_free(&ctx);
}

static void make_genuine(void)
{
	char path[] = "/tmp/fuzz-text-XXXXXX";
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct test_card card = card_taro();
	int fd;

	if (ctx)
		return;
	fd = mkstemp(path);
	put_authority(&pem, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
	if (fd < 0 || close(fd) < 0 || fuda_context_new(&ctx) < 0 ||
	    fuda_cv_trust_new(ctx, &trust) < 0)
		abort();
	atexit(tidy);
	write_file(path, &pem);
	if (fuda_cv_trust_add_file(trust, path) < 0 || unlink(path) < 0)
		abort();
	text_make(&card, &genuine);
}

/* What is taken for attributes can be shown. */
static void check_attributes(const struct fuda_attributes *a)
{
	const char *texts[] = { a->name, a->address, a->birth_date };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct cursor c = cur_of((const uint8_t *)texts[i], strlen(texts[i]));
		uint32_t ch;

		while (c.left)
			if (utf8_next(&c, &ch) < 0 || utf8_is_control(ch))
				abort();
	}
	if (!a->name[0] || strlen(a->birth_date) != 10)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuda_buf input = { (uint8_t *)(uintptr_t)data, len, len, len };

	make_genuine();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct fuda_text_records r = genuine;
		const struct fuda_buf *original = file_of(&genuine, i);
		char digits[FUDA_MY_NUMBER_SIZE];
		struct fuda_attributes a;
		struct fuda_verdict v;
		int same = original->len == len &&
			   (len == 0 || memcmp(original->data, data, len) == 0);

		*file_of(&r, i) = input;
		if (fuda_text_verify(trust, &r, &v) == 0 && v.result == FUDA_RESULT_OK && !same &&
		    len) /* empty is not asked for */
			abort();
		if (fuda_text_attributes(ctx, &r, &a) == 0)
			check_attributes(&a);
		if (fuda_text_my_number(ctx, &r, digits) == 0 && !fuda_my_number_valid(digits))
			abort();
	}
	return 0;
}

static void fuzz_seeds(void)
{
	make_genuine();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fuzz_seed(file_of(&genuine, i)->data, file_of(&genuine, i)->len);
	fuzz_seed_hex("FF20 1E DF21 08 000E 0012 0015 0020 DF22 01 41 DF23 00 DF24 08 "
		      "3139383030323137 DF25 01 31");
	fuzz_seed_hex("FF10 0C 303030303030303030303030 0000");
	fuzz_seed_hex("FF20 84 FFFFFFFF DF21 08");
}
