/* SPDX-License-Identifier: Apache-2.0 */
/* The verification of records while OpenSSL runs out of memory at each of its allocations, and
 * stays out: never a good verdict on a forgery, never a verdict left half done. OpenSSL does not
 * say why a signature did not verify, so a good one may seem forged. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/records.h"

enum { ENOUGH = 1500 };

static struct fuda_context *ctx;
static struct fuda_cv_trust *trust;
static struct fuda_text_records text;
static struct fuda_face_records face;
static char path[] = "/tmp/test-memory-XXXXXX";

static unsigned long allocations_left = -1ul;

static bool may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	allocations_left--;
	return true;
}

static void *scarce_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return may_allocate() ? malloc(size) : NULL;
}

static void *scarce_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return may_allocate() ? realloc(p, size) : NULL;
}

static void plain_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

static int verify_text(struct fuda_verdict *ret)
{
	return fuda_text_verify(trust, &text, ret);
}

static int verify_face(struct fuda_verdict *ret)
{
	return fuda_face_verify(trust, &face, ret);
}

/* `good`: whether the verdict is to be good when there is memory enough. */
static void run_out(int (*verify)(struct fuda_verdict *ret), bool good)
{
	unsigned long failed = 0, n = 0;

	do {
		struct fuda_verdict v = { .rule = "untouched" };
		int r;

		allocations_left = n;
		r = verify(&v);
		allocations_left = -1ul;
		if (r < 0) {
			failed++;
			assert_true(r == FUDA_ENOMEM || r == FUDA_EFAILED);
			assert_string_equal(v.rule, "untouched");
			continue;
		}
		assert_true(good || v.result != FUDA_RESULT_OK);
		if (n == ENOUGH)
			assert_int_equal(v.result == FUDA_RESULT_OK, good);
	} while (n++ < ENOUGH);
	assert_true(failed > 0);
}

static void text_records(void **state)
{
	(void)state;
	run_out(verify_text, true);
	text.response.challenge[0] ^= 1;
	run_out(verify_text, false);
	text.response.challenge[0] ^= 1;
}

static void face_records(void **state)
{
	(void)state;
	run_out(verify_face, true);
	face.face.data[face.face.len / 2] ^= 1;
	run_out(verify_face, false);
	face.face.data[face.face.len / 2] ^= 1;
}

/* All keys of a file or none. */
static void authority_keys(void **state)
{
	unsigned long failed = 0;

	(void)state;
	for (unsigned long n = 0; n <= ENOUGH; n++) {
		struct fuda_cv_trust *fresh = NULL;
		struct fuda_verdict v;
		int r;

		assert_int_equal(fuda_cv_trust_new(ctx, &fresh), 0);
		allocations_left = n;
		r = fuda_cv_trust_add_file(fresh, path);
		allocations_left = -1ul;
		failed += r < 0;
		assert_int_equal(fuda_cv_verify(fresh, &text.certificate, 1, &v), 0);
		assert_int_equal(v.result == FUDA_RESULT_OK, r == 0);
		fuda_cv_trust_free(&fresh);
	}
	assert_in_range(failed, 1, ENOUGH);
}

static int setup(void **state)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct test_card card = card_taro();
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0 || close(fd) < 0 || fuda_context_new(&ctx) < 0 ||
	    fuda_cv_trust_new(ctx, &trust) < 0)
		return -1;
	put_authority(&pem, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
	put_authority(&pem, KEY_AUTHORITY, ID_FACE_AUTHORITY);
	write_file(path, &pem);
	text_make(&card, &text);
	card.issuer = ID_FACE_AUTHORITY;
	face_make(&card, &face);
	return fuda_cv_trust_add_file(trust, path);
}

static int teardown(void **state)
{
	(void)state;
	fuda_text_records_free(&text);
	fuda_face_records_free(&face);
	fuda_cv_trust_free(&trust);
	fuda_context_free(&ctx);
	return unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_records),
		cmocka_unit_test(face_records),
		cmocka_unit_test(authority_keys),
	};

	/* before the library allocates anything */
	if (!CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, plain_free))
		return 1;
	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
