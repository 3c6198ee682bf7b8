/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a card's certificate and signature through the service. An input is a signature of 256
 * bytes and then a certificate. */
#include "tests/fuzz/fuzz.h"

#include <fuda/encode.h>
#include "base/util.h"
#include "service/verify.h"
#include "tests/crls.h"

enum { SIGNATURE = 256 };

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static struct revocation *revocation;
static struct fuda_digest digest;
static struct fuda_buf good, revoked; /* signature and certificate */

static void tidy(void)
{
	fuda_buf_free(&good);
	fuda_buf_free(&revoked);
	revocation_free(&revocation);
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
}

static void make_input(const char *serial, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF, signature = TEST_BUF;

	cert_make_with(plan_auth(), F_SERIAL, serial, &der);
	test_sign(KEY_HOLDER, FUDA_PKCS1, &digest, &signature);
	*ret = TEST_BUF;
	if (fuda_buf_append(ret, signature.data, signature.len) < 0 ||
	    fuda_buf_append(ret, der.data, der.len) < 0)
		abort();
}

static void make_list(void)
{
	static char path[] = "/tmp/fuzz-holder-XXXXXX";
	static const char *files[] = { path, NULL };
	static const struct revocation_config config = { files, 0 };
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	int fd = mkstemp(path);

	crl_make_with(plan_crl(), L_THIS, "17{'250501000000Z'}", &der);
	if (fd < 0 || write(fd, der.data, der.len) != (ssize_t)der.len || close(fd) < 0 ||
	    revocation_new(ctx, &config, trust, &revocation) < 0 ||
	    revocation_refresh(ctx, revocation) < 0 || unlink(path) < 0)
		abort();
}

static void make_originals(void)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);

	if (ctx)
		return;
	if (fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &trust) < 0 ||
	    fuda_digest_bytes(FUDA_SHA256, "a", 1, &digest) < 0)
		abort();
	atexit(tidy);
	believe(trust, &ca);
	make_list();
	make_input("020401A2B3C5", &good);
	make_input("020401A2B3C4", &revoked);
}

static int is(const struct fuda_buf *original, const uint8_t *data, size_t len)
{
	return original->len == len && memcmp(original->data, data, len) == 0;
}

/* The word that only the original may get. */
static void expect(const char *result, const char *word, int original)
{
	if ((strcmp(result, word) == 0) != original)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t head = len < SIGNATURE ? len : SIGNATURE;
	struct verdict verdict;
	struct holder holder;

	make_originals();
	if (verify_holder(ctx, trust, revocation, data + head, len - head, &digest, data, head,
			  TEST_NOW, &holder, &verdict) < 0)
		abort();
	expect(verdict.result, "ok", is(&good, data, len));
	expect(verdict.result, "certificate_revoked", is(&revoked, data, len));
	expect(verdict.result, "revocation_info_stale", 0);
	/* for the tap flow: the certificate alone */
	if (verify_holder(ctx, trust, NULL, data + head, len - head, NULL, NULL, 0, TEST_NOW,
			  &holder, &verdict) < 0)
		abort();
	expect(verdict.result, "ok",
	       len > head &&
		       ((good.len == len && !memcmp(good.data + head, data + head, len - head)) ||
			(revoked.len == len &&
			 !memcmp(revoked.data + head, data + head, len - head))));
	return 0;
}

static void fuzz_seeds(void)
{
	static const struct {
		enum cert_field field;
		const char *der;
	} changes[] = {
		{ F_EXTRA, "30{<2.5.29.31>04{30{30{A0{A0{A4{30{31{30{<2.5.4.3>0C{'x'}}}}}}}}}}}" },
		{ F_KU, "30{<2.5.29.15>0101FF04{030206C0}}" },
		{ F_AKI, "30{<2.5.29.35>04{30{A1{82{'x'}}820101}}}" },
		{ F_VALIDITY, "30{18{'20240401000000Z'}18{'20250401000000Z'}}" },
	};
	struct fuda_buf der = TEST_BUF;

	make_originals();
	fuzz_seed(good.data, good.len);
	fuzz_seed(revoked.data, revoked.len);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct cert_plan plan = plan_auth();
		uint8_t input[FUZZ_MAX];

		plan.signer = KEY_OTHER_CA; /* or they would be originals too */
		cert_make_with(plan, changes[i].field, changes[i].der, &der);
		memcpy(input, good.data, SIGNATURE);
		memcpy(input + SIGNATURE, der.data, der.len);
		fuzz_seed(input, SIGNATURE + der.len);
	}
	fuda_buf_free(&der);
}
