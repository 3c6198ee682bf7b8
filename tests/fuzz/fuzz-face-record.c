/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the face application: the input is tried as each of them, the others being
 * genuine. */
#include "tests/fuzz/fuzz.h"

#include <stddef.h>

#include "base/util.h"
#include "tests/records.h"

static struct fuda_context *ctx;
static struct fuda_cv_trust *trust;
static struct fuda_face_records genuine;

static const size_t files[] = {
	offsetof(struct fuda_face_records, age),
	offsetof(struct fuda_face_records, face),
	offsetof(struct fuda_face_records, my_number),
	offsetof(struct fuda_face_records, certificate),
	offsetof(struct fuda_face_records, response.signature),
};
enum { FACE_FILE = 1 };

static struct fuda_buf *file_of(struct fuda_face_records *records, size_t i)
{
	return (struct fuda_buf *)(void *)((char *)records + files[i]);
}

static void tidy(void)
{
	fuda_face_records_free(&genuine);
	fuda_cv_trust_free(&trust);
	fuda_context_free(&ctx);
}

static void make_genuine(void)
{
	char path[] = "/tmp/fuzz-face-XXXXXX";
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct test_card card = card_taro();
	int fd;

	if (ctx)
		return;
	fd = mkstemp(path);
	put_authority(&pem, KEY_AUTHORITY, ID_FACE_AUTHORITY);
	if (fd < 0 || close(fd) < 0 || fuda_context_new(&ctx) < 0 ||
	    fuda_cv_trust_new(ctx, &trust) < 0)
		abort();
	atexit(tidy);
	write_file(path, &pem);
	if (fuda_cv_trust_add_file(trust, path) < 0 || unlink(path) < 0)
		abort();
	card.issuer = ID_FACE_AUTHORITY;
	face_make(&card, &genuine);
}

static void inside(struct fuda_bytes part, const uint8_t *data, size_t len)
{
	if (part.len && (part.p < data || part.len > len || part.p > data + len - part.len))
		abort();
}

static void check_parts(const struct fuda_face *f, const struct fuda_buf *file)
{
	const struct fuda_bytes images[] = { f->name, f->address, f->photo, f->security_code };
	size_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		inside(images[i], file->data, file->len);
		sum += images[i].len;
	}
	/* nothing overlaps */
	if (sum >= file->len || strlen(f->birth_date) != 10 || strlen(f->expiry) != 10)
		abort();
}

/* Whether the input differs from the genuine file where something covers it. The values of the
 * last two objects of the face are not covered: card.md 4. */
static int is_forged(size_t i, const struct fuda_buf *input)
{
	const struct fuda_buf *original = file_of(&genuine, i);
	struct fuda_face_records r = { .face = genuine.face };
	size_t len = original->len;
	struct fuda_face f;

	if (i == FACE_FILE && fuda_face_parts(ctx, &r, &f) == 0) {
		/* from behind the offset table to before the expiry */
		size_t from = 5 + 3 + 18,
		       to = (size_t)(f.security_code.p - original->data) - 3 - 8 - 3;

		return input->len < to ||
		       memcmp(original->data + from, input->data + from, to - from) != 0;
	}
	return input->len != len || memcmp(original->data, input->data, len) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuda_buf input = { (uint8_t *)(uintptr_t)data, len, len, len };

	make_genuine();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct fuda_face_records r = genuine;
		char birth[FUDA_DATE_SIZE];
		struct fuda_bytes png;
		struct fuda_verdict v;
		struct fuda_face f;

		*file_of(&r, i) = input;
		if (fuda_face_verify(trust, &r, &v) == 0 && v.result == FUDA_RESULT_OK && len &&
		    is_forged(i, &input)) /* empty is not asked for */
			abort();
		if (fuda_face_parts(ctx, &r, &f) == 0)
			check_parts(&f, &r.face);
		if (fuda_face_my_number(ctx, &r, &png) == 0)
			inside(png, r.my_number.data, r.my_number.len);
		if (fuda_face_age(ctx, &r, birth) == 0 && strlen(birth) != 10)
			abort();
	}
	return 0;
}

static void fuzz_seeds(void)
{
	make_genuine();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fuzz_seed(file_of(&genuine, i)->data, file_of(&genuine, i)->len);
	fuzz_seed_hex("FF20 84 FFFFFFFF DF21 12");
	fuzz_seed_hex("FF40 09 DF41 00 DF42 00 DF43 00");
	fuzz_seed_hex("FF10 80 DF11 00 0000");
}
