/* SPDX-License-Identifier: Apache-2.0 */
/* CV certificates, as they come from a card, and files of authority keys: the input is tried as
 * both. */
#include "tests/fuzz/fuzz.h"

#include "base/util.h"
#include "tests/records.h"

static struct fuda_context *ctx;
static struct fuda_cv_trust *trust;
static struct fuda_buf original;
static char path[] = "/tmp/fuzz-cv-XXXXXX";

static void tidy(void)
{
	unlink(path);
	fuda_cv_trust_free(&trust);
	fuda_context_free(&ctx);
	fuda_buf_free(&original);
}

static void make_originals(void)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
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
	if (fuda_cv_trust_add_file(trust, path) < 0)
		abort();
	original = TEST_BUF;
	cv_make(KEY_AUTHORITY, ID_TEXT_AUTHORITY, KEY_MUNICIPALITY, ID_MUNICIPALITY, &original);
}

/* With its header or without. */
static int is_original(const struct fuda_buf *cv)
{
	size_t without = original.len - cv->len;

	return (without == 0 || without == 5) &&
	       memcmp(original.data + without, cv->data, cv->len) == 0;
}

static void try_certificate(const struct fuda_buf *cv)
{
	struct fuda_buf chain[2] = { original, *cv };
	char text[FUDA_CV_ID_TEXT];
	struct fuda_cv_facts f;
	struct fuda_verdict v;

	if (fuda_cv_facts(ctx, cv, &f) < 0) {
		if (fuda_cv_verify(trust, cv, 1, &v) == 0)
			abort();
		return;
	}
	fuda_cv_id_text(f.issuer, text);
	fuda_cv_id_text(f.subject, text);
	if (fuda_cv_verify(trust, cv, 1, &v) < 0 || (v.result == FUDA_RESULT_OK) != is_original(cv))
		abort();
	/* nobody has a certificate of this municipality's making */
	if (fuda_cv_verify(trust, chain, 2, &v) < 0 || v.result == FUDA_RESULT_OK)
		abort();
}

static void try_file(const uint8_t *data, size_t len)
{
	struct fuda_cv_trust *fresh = NULL;
	struct fuda_buf text = { (uint8_t *)(uintptr_t)data, len, len, len };
	struct fuda_verdict v;
	int r;

	if (fuda_cv_trust_new(ctx, &fresh) < 0)
		abort();
	write_file(path, &text);
	r = fuda_cv_trust_add_file(fresh, path);
	if (r < 0 && (fuda_cv_verify(fresh, &original, 1, &v) < 0 || v.result == FUDA_RESULT_OK))
		abort();
	fuda_cv_trust_free(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuda_buf cv = { (uint8_t *)(uintptr_t)data, len, len, len };

	make_originals();
	try_certificate(&cv);
	try_file(data, len);
	return 0;
}

static void fuzz_seeds(void)
{
	struct fuda_buf seed = TEST_BUF;

	make_originals();
	fuzz_seed(original.data, original.len);
	fuzz_seed(original.data + 5, original.len - 5);
	cv_make(KEY_AUTHORITY, ID_TEXT_AUTHORITY, KEY_SMALL, ID_MUNICIPALITY, &seed);
	fuzz_seed(seed.data, seed.len);
	fuda_buf_clear(&seed);
	put_authority(&seed, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
	put_authority(&seed, KEY_CARD, ID_PRODUCTION);
	fuzz_seed(seed.data, seed.len);
	fuzz_seed_hex("7F21 80 5F4E 00 5F37 00 0000");
	fuzz_seed_hex("7F21 84 FFFFFFFF 5F4E 82 0129");
	fuda_buf_free(&seed);
}
