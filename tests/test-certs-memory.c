/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out, in every place where certificates are made and judged: nothing is taken for
 * good then that is not, nothing half made is left, and afterwards all goes on. */
#include "tests/scarce.h"

#include "service/verify.h"
#include "tests/authority.h"
#include "tests/crls.h"

#include <openssl/crypto.h>

enum { ALLOCATIONS_MAX = 20000, EVERY = 100 };

static struct fuda_trust *trust;
static struct revocation *revocation;
static struct ca *ca;
static struct fuda_buf list, card, forged, signature, request, certificate;
static struct fuda_digest digest;
static time_t now;

/* Each of these gives 0 if all went well, or an error; what they see besides must be right. */

static int loads_list(void)
{
	struct crl *crl = NULL;
	int r = crl_load(ctx, trust, list.data, list.len, &crl);

	assert_true((r == 0) == (crl != NULL));
	crl_free(&crl);
	return r;
}

static int refreshes(void)
{
	static const char *files[2];
	static const struct revocation_config config = { files, 0 };
	struct revocation *fresh = NULL;
	struct revocation_state s;
	int r;

	files[0] = scratch_path("list");
	r = revocation_new(ctx, &config, trust, &fresh);
	if (r < 0) {
		assert_null(fresh);
		return r;
	}
	r = revocation_refresh(ctx, fresh);
	assert_int_equal(revocation_state(fresh, 0, TEST_NOW, &s), 0);
	assert_int_equal(s.loaded, r == 0);
	revocation_free(&fresh);
	return r;
}

static int verify(const struct fuda_buf *der, const char **ret_result)
{
	struct holder holder;
	struct verdict verdict = { NULL, NULL };
	int r = verify_holder(ctx, trust, revocation, der->data, der->len, &digest, signature.data,
			      signature.len, TEST_NOW, &holder, &verdict);

	assert_true((r == 0) == (verdict.result != NULL));
	*ret_result = verdict.result;
	return r;
}

/* OpenSSL does not say that it ran out of memory while it verified: that is a refusal. */
static int verifies_good(void)
{
	const char *result;
	int r = verify(&card, &result);

	return r < 0 ? r : strcmp(result, "ok") == 0 ? 0 : FUDA_EVERIFY;
}

static int verifies_forged(void)
{
	const char *result;
	int r = verify(&forged, &result);

	if (r == 0)
		assert_string_not_equal(result, "ok");
	return r;
}

static int checks_request(void)
{
	struct csr csr;

	return csr_check(ctx, request.data, request.len, &csr);
}

static int issues(void)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct issued issued;
	int r = ca_issue(ctx, ca, request.data, request.len, terminal_id, now, 0, &issued, &der);

	assert_true((r == 0) == (der.len != 0));
	return r;
}

static int issues_to_server(void)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF, key = AUTHORITY_BUF;
	int r = ca_issue_server(ctx, ca, "localhost,127.0.0.1", 30, &der, &key);

	assert_true((r == 0) == (der.len != 0 && key.len != 0));
	return r;
}

static int renews_for_server(void)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF, old = AUTHORITY_BUF, key = AUTHORITY_BUF;
	int r = ca_issue_server(ctx, ca, "localhost,127.0.0.1", 30, &old, &key);

	if (r == 0)
		r = fuda_buf_append(&old, "", 1);
	if (r == 0)
		r = ca_renew_server(ctx, ca, (char *)old.data, NULL, 30, &der);
	assert_true((r == 0) == (der.len != 0));
	return r;
}

static int lists_revoked(void)
{
	static const struct revoked revoked[] = { { { 0x41 }, TEST_NOW, 1 },
						  { { 0x42 }, TEST_NOW, 0 } };
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	int r = ca_crl(ctx, ca, revoked, ARRAY_SIZE(revoked), 7, now, &der);

	assert_true((r == 0) == (der.len != 0));
	return r;
}

static int packs(void)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	int r = ca_pkcs7(ctx, &certificate, 1, &der);

	assert_true((r == 0) == (der.len != 0));
	return r;
}

/* A certificate that was seen before is known without memory, so that it is always another one. */
static int identifies(void)
{
	struct terminal_identity identity;
	struct ca *fresh = NULL;
	const char *why = "";
	int r = ca_open(ctx, scratch_path("ca"), &fresh);

	if (r == 0)
		r = ca_identify(ctx, fresh, certificate.data, certificate.len, now, &identity,
				&why);
	else
		assert_null(fresh);
	ca_free(&fresh);
	return r;
}

static int makes_authority(void)
{
	bool key, pem;
	int r = mkdir(scratch_path("new"), 0700) == 0 ? 0 : FUDA_EFILE;

	assert_int_equal(r, 0);
	r = ca_create(ctx, scratch_path("new"), "test");
	key = access(scratch_path("new/ca.key"), F_OK) == 0;
	pem = access(scratch_path("new/ca.pem"), F_OK) == 0;
	assert_true(key == pem && key == (r == 0));
	unlink(scratch_path("new/ca.key"));
	unlink(scratch_path("new/ca.pem"));
	assert_int_equal(rmdir(scratch_path("new")), 0);
	return r;
}

/* Fails the first allocation, then the second instead, and so on until none is left to fail; of the
 * thousands that OpenSSL makes to read a key, some. */
static void run_out(int (*what)(void))
{
	long n = 0, failed = 0;

	assert_int_equal(what(), 0);
	for (;; n += 1 + n / EVERY) {
		int r;

		assert_true(n < ALLOCATIONS_MAX);
		before_failure = n;
		r = what();
		if (before_failure >= 0) { /* there were not so many */
			before_failure = -1;
			assert_int_equal(r, 0);
			break;
		}
		failed += r < 0;
	}
	assert_true(failed > 0);
	assert_int_equal(what(), 0);
}

#define RUN_OUT(what)                             \
	static void what##_or_fails(void **state) \
	{                                         \
		(void)state;                      \
		run_out(what);                    \
	}
RUN_OUT(loads_list)
RUN_OUT(refreshes)
RUN_OUT(verifies_good)
RUN_OUT(verifies_forged)
RUN_OUT(checks_request)
RUN_OUT(issues)
RUN_OUT(issues_to_server)
RUN_OUT(renews_for_server)
RUN_OUT(lists_revoked)
RUN_OUT(packs)
RUN_OUT(identifies)
RUN_OUT(makes_authority)

/* OpenSSL's memory is ours. */
static void *their_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(size);
}

static void *their_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return realloc(p, size);
}

static void their_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

static void make_cards(void)
{
	struct cert_plan plan = plan_auth();

	list = card = forged = signature = certificate = request = TEST_BUF;
	crl_make_with(plan_crl(), L_THIS, "17{'250501000000Z'}", &list);
	cert_make_with(plan, F_SERIAL, "020107", &card);
	plan.field[F_SERIAL] = "020107";
	plan.field[F_AKI] = "30{<2.5.29.35>04{30{80{00112233}}}}";
	cert_make(&plan, &forged);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, "a", 1, &digest), 0);
	test_sign(KEY_HOLDER, FUDA_PKCS1, &digest, &signature);
}

static int setup(void **state)
{
	static const char *files[2];
	static char path[128];
	static const struct revocation_config config = { files, 0 };
	struct cert_plan auth_ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (authority_setup(state) < 0 || fuda_trust_new(ctx, &trust) < 0)
		return -1;
	believe(trust, &auth_ca);
	make_cards();
	write_bytes("list", &list);
	snprintf(path, sizeof(path), "%s", scratch_path("list"));
	files[0] = path;
	if (revocation_new(ctx, &config, trust, &revocation) < 0 ||
	    revocation_refresh(ctx, revocation) < 0)
		return -1;
	now = time(NULL);
	ca = authority("ca", "test");
	make_request(key, EVP_sha256(), &request);
	EVP_PKEY_free(key);
	issue(ca, now, 0, &certificate);
	return 0;
}

static int teardown(void **state)
{
	struct fuda_buf *all[] = { &list, &card, &forged, &signature, &request, &certificate };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		fuda_buf_free(all[i]);
	ca_free(&ca);
	revocation_free(&revocation);
	fuda_trust_free(&trust);
	return authority_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_list_or_fails),
		cmocka_unit_test(refreshes_or_fails),
		cmocka_unit_test(verifies_good_or_fails),
		cmocka_unit_test(verifies_forged_or_fails),
		cmocka_unit_test(checks_request_or_fails),
		cmocka_unit_test(issues_or_fails),
		cmocka_unit_test(issues_to_server_or_fails),
		cmocka_unit_test(renews_for_server_or_fails),
		cmocka_unit_test(lists_revoked_or_fails),
		cmocka_unit_test(packs_or_fails),
		cmocka_unit_test(identifies_or_fails),
		cmocka_unit_test(makes_authority_or_fails),
	};

	if (!CRYPTO_set_mem_functions(their_malloc, their_realloc, their_free))
		return 1;
	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
