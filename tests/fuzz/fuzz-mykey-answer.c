/* SPDX-License-Identifier: Apache-2.0 */
/* What a service may answer to the platform's client: challenges, results, problems, and the
 * certificates of EST. The first byte says which. */
#include "tests/fuzz/fuzz.h"

#include "base/util.h"
#include "codec/base64.h"
#include "mykey/answer.h"
#include "mykey/certificate.h"
#include "mykey/problem.h"
#include "tests/mykey-peer.h"

#define UUID "0192f0a1-7b2c-7d3e-8f40-5a6b7c8d9e0f"

enum { CHALLENGE, ID, PPID, PROBLEM, PKCS7, CERTIFICATE, KINDS };

/* Texts end within their room, whatever was in it. */
static void must_end(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		abort();
}

static void try_json(int kind, const struct https_answer *a)
{
	struct answer_challenge c;
	struct fuda_mykey_answer w;
	struct problem p;

	if (kind == CHALLENGE && answer_challenge(a, &c) == 0) {
		must_end(c.token, sizeof(c.token));
		must_end(c.origin, sizeof(c.origin));
		must_end(c.terminal, sizeof(c.terminal));
	}
	if ((kind == ID || kind == PPID) && answer_wish(a, kind == ID, kind == PPID, &w) == 0) {
		must_end(w.mykey_id, sizeof(w.mykey_id));
		must_end(w.ppid, sizeof(w.ppid));
		if (!*(kind == ID ? w.mykey_id : w.ppid))
			abort();
	}
	problem_read(a, &p);
	must_end(p.code, sizeof(p.code));
	must_end(p.detail, sizeof(p.detail));
	if (!*p.code || p.tries_left < -1)
		abort();
}

static void try_certificate(struct cursor der)
{
	struct terminal_certificate c;
	uint8_t id[16];

	if (terminal_certificate_read(der, &c) == 0 &&
	    (terminal_id_read(c.id, id) < 0 || c.key.p < der.p || c.key.p + c.key.left > der.p + der.left))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct https_answer a = HTTPS_ANSWER_NONE;
	struct cursor list;
	int kind;

	if (!len)
		return 0;
	kind = data[0] % KINDS;
	if (fuda_buf_append(&a.body, data + 1, len - 1) < 0)
		return 0;
	a.status = 400;
	snprintf(a.content_type, sizeof(a.content_type), "application/%s", kind == PROBLEM ? "problem+json" : "json");
	try_json(kind, &a);
	if (kind == PKCS7 && pkcs7_certificates(cur_of(a.body.data, a.body.len), &list) == 0)
		try_certificate(list);
	if (kind == CERTIFICATE)
		try_certificate(cur_of(a.body.data, a.body.len));
	https_answer_free(&a);
	return 0;
}

static void seed(int kind, const void *bytes, size_t len)
{
	uint8_t input[FUZZ_MAX];

	input[0] = (uint8_t)kind;
	memcpy(input + 1, bytes, len);
	fuzz_seed(input, len + 1);
}

static void fuzz_seeds(void)
{
	static const struct {
		int kind;
		const char *text;
	} texts[] = {
		{ CHALLENGE, "{\"challenge\":\"token\",\"nonce\":\"AAECAwQFBgcICQoLDA0ODw\",\"expires\":1795000000,"
			     "\"origin\":\"https://localhost:8443\",\"terminal\":\"" UUID "\"}" },
		{ ID, "{\"mykey_id\":\"KAWA2SEM\",\"new\":true,\"issued\":\"2026-11-21T23:00:00Z\",\"generated\":"
		      "false}" },
		{ PPID, "{\"sector\":\"library\",\"ppid\":\"p\",\"new\":false,\"local_number\":\"1200345\",\"x\":{"
			"\"y\":[1]}}" },
		{ PROBLEM, "{\"type\":\"urn:mykey:problem:wish_taken\",\"title\":\"Taken\",\"status\":409,"
			   "\"code\":\"wish_taken\",\"detail\":\"\\u3042\",\"tries_left\":2}" },
	};
	struct fuda_buf key = FUDA_BUF_INIT(REQUEST_KEY_MAX), csr = FUDA_BUF_INIT(REQUEST_MAX);
	struct fuda_buf der = FUDA_BUF_INIT(FUZZ_MAX), pkcs7 = FUDA_BUF_INIT(FUZZ_MAX);
	const struct peer_certificate what = { "urn:mykey:terminal:" UUID, "test", 1790000000, 1800000000, false };
	struct fuda_context *ctx;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		seed(texts[i].kind, texts[i].text, strlen(texts[i].text));
	if (fuda_context_new(&ctx) < 0 || request_make(ctx, &key, &csr) < 0)
		abort();
	peer_issue(csr.data, csr.len, &what, &der);
	seed(CERTIFICATE, der.data, der.len);
	peer_pkcs7(&der, 1, &pkcs7);
	seed(PKCS7, pkcs7.data, pkcs7.len);
	fuda_buf_free(&key);
	fuda_buf_free(&csr);
	fuda_buf_free(&der);
	fuda_buf_free(&pkcs7);
	fuda_context_free(&ctx);
}
