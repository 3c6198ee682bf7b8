/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers send to the terminals' authority: requests for certificates, and certificates.
 * Each input is tried as both. */
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/util.h"
#include "service/ca.h"

static struct fuda_context *ctx;
static struct ca *ca;
static time_t now;
static const uint8_t id[ID_BYTES] = { 1, 2, 3 };
static struct fuda_buf request, certificate, foreign; /* `foreign`: of another environment */
static char folder[] = "/tmp/fuzz-ca-XXXXXX";

static void tidy(void)
{
	fuda_buf_free(&request);
	fuda_buf_free(&certificate);
	fuda_buf_free(&foreign);
	ca_free(&ca);
	fuda_context_free(&ctx);
}

static void make_request(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int len;

	if (!key || !req || X509_REQ_set_pubkey(req, key) != 1 ||
	    X509_REQ_sign(req, key, EVP_sha256()) <= 0)
		abort();
	len = i2d_X509_REQ(req, &der);
	if (len <= 0 || fuda_buf_append(&request, der, (size_t)len) < 0)
		abort();
	OPENSSL_free(der);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

/* An authority, opened; its folder is gone then. */
static struct ca *make_authority(const char *environment)
{
	struct ca *made = NULL;
	char path[64];

	snprintf(folder, sizeof(folder), "/tmp/fuzz-ca-XXXXXX");
	if (!mkdtemp(folder) || ca_create(ctx, folder, environment) < 0 ||
	    ca_open(ctx, folder, &made) < 0)
		abort();
	snprintf(path, sizeof(path), "%s/ca.key", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/ca.pem", folder);
	unlink(path);
	rmdir(folder);
	return made;
}

static void make_originals(void)
{
	struct issued issued;
	struct ca *other;

	if (ctx)
		return;
	request = certificate = foreign = FUDA_BUF_INIT(CA_CSR_MAX);
	now = time(NULL);
	if (fuda_context_new(&ctx) < 0)
		abort();
	atexit(tidy);
	ca = make_authority("test");
	other = make_authority("production");
	make_request();
	if (ca_issue(ctx, ca, request.data, request.len, id, now, 0, &issued, &certificate) < 0 ||
	    ca_issue(ctx, other, request.data, request.len, id, now, 0, &issued, &foreign) < 0)
		abort();
	ca_free(&other);
}

static int is(const struct fuda_buf *original, const uint8_t *data, size_t len)
{
	return original->len == len && memcmp(original->data, data, len) == 0;
}

/* Anything but the originals that is taken is a forgery. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct terminal_identity identity;
	const char *why = NULL;
	struct csr csr;
	int r;

	make_originals();
	if ((csr_check(ctx, data, len, &csr) == 0) != is(&request, data, len))
		abort();
	r = ca_identify(ctx, ca, data, len, now, &identity, &why);
	if ((r == 0) != is(&certificate, data, len) || (r < 0 && (r != FUDA_EVERIFY || !why)))
		abort();
	return 0;
}

static void fuzz_seeds(void)
{
	size_t len;
	const uint8_t *own;

	make_originals();
	own = ca_certificate(ca, &len);
	fuzz_seed(own, len);
	fuzz_seed(request.data, request.len);
	fuzz_seed(certificate.data, certificate.len);
	fuzz_seed(foreign.data, foreign.len);
	fuzz_seed_hex("30 80 30 80 00 00 00 00");
	fuzz_seed_hex("30 84 FF FF FF FF 30");
}
