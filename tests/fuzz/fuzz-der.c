/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, as they come from a card: parsed, offered as CA, verified. */
#include "tests/fuzz/fuzz.h"

#include <fuda/encode.h>
#include <fuda/pki.h>

#include "tests/certs.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static struct fuda_buf originals[4]; /* all that may verify */

static void believe(const struct fuda_buf *der)
{
	char path[] = "/tmp/fuzz-der-XXXXXX";
	struct fuda_buf pem = TEST_BUF;
	int fd = mkstemp(path);

	if (fd < 0 || fuda_pem_encode("CERTIFICATE", der->data, der->len, &pem) < 0 ||
	    write(fd, pem.data, pem.len) != (ssize_t)pem.len || close(fd) < 0 ||
	    fuda_trust_add_file(trust, path) < 0 || unlink(path) < 0)
		abort();
	fuda_buf_free(&pem);
}

/* Two holders and their CAs, which are believed, so that verification goes all the way. */
static void make_originals(void)
{
	struct cert_plan plans[COUNT(originals)] = {
		plan_auth(),
		plan_sign(),
		plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA),
		plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA),
	};

	if (ctx)
		return;
	if (fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &trust) < 0)
		abort();
	for (size_t i = 0; i < COUNT(originals); i++) {
		originals[i] = TEST_BUF;
		cert_make(&plans[i], &originals[i]);
		if (i >= 2)
			believe(&originals[i]);
	}
}

static int is_original(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < COUNT(originals); i++)
		if (originals[i].len == len && memcmp(originals[i].data, data, len) == 0)
			return 1;
	return 0;
}

/* Anything else that verifies is a forgery. */
static void judge(const struct fuda_cert *cert, const uint8_t *data, size_t len)
{
	static const uint8_t zeros[256];
	struct fuda_signed s = { { FUDA_SHA256, 32, { 0 } }, FUDA_PKCS1, zeros, sizeof(zeros) };
	struct fuda_verdict v;

	if (fuda_verify(trust, cert, FUDA_USE_UNKNOWN, TEST_NOW, NULL, &v) < 0 ||
	    (v.result == FUDA_RESULT_OK) != is_original(data, len))
		abort();
	if (fuda_verify(trust, cert, FUDA_USE_AUTH, TEST_NOW, &s, &v) < 0 ||
	    v.result == FUDA_RESULT_OK || !fuda_rule_text(v.rule)[0])
		abort();
	if (fuda_trust_knows_issuer(cert))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuda_cert *cert = NULL;

	make_originals();
	if (fuda_cert_new(ctx, data, len, &cert) == 0)
		judge(cert, data, len);
	else if (cert)
		abort();
	fuda_cert_free(&cert);
	fuda_trust_offer(trust, data, len);
	return 0;
}

static void fuzz_seeds(void)
{
	static const struct {
		enum cert_field field;
		const char *der;
	} changes[] = {
		{ F_EXTRA, "30{<1.2.3>0101FF04{0500}}" },
		{ F_BC, "30{<2.5.29.19>04{30{0101FF020100}}}" },
		{ F_VALIDITY, "30{18{'20240401000000Z'}18{'20250401000000Z'}}" },
		{ F_ISSUER, "30{31{30{<2.5.4.3>16{'a'00'b'}}30{<2.5.4.99>0C{E585AC}}}}" },
		{ F_ALGORITHM, "30{<1.2.840.113549.1.1.10>30{}}" },
		{ F_AKI, "30{<2.5.29.35>04{30{A1{82{'x'}}820101}}}" },
	};
	struct fuda_buf der = TEST_BUF;

	make_originals();
	for (size_t i = 0; i < COUNT(originals); i++)
		fuzz_seed(originals[i].data, originals[i].len);
	for (size_t i = 0; i < COUNT(changes); i++) {
		cert_make_with(plan_sign(), changes[i].field, changes[i].der, &der);
		fuzz_seed(der.data, der.len);
	}
	fuzz_seed_hex("30 80 30 80 00 00 00 00");
	fuzz_seed_hex("30 84 FF FF FF FF 30");
	fuda_buf_free(&der);
}
