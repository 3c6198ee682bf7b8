/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out, wherever chains are judged: nothing passes then that should not, nothing
 * half made is left, and no verdict that came of it stays. */
#include "tests/scarce.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include "tests/mdoc-stand.h"

enum { ALLOCATIONS_MAX = 20000, EVERY = 100 };

static struct fuda_buf root, good, forged, list;
static char path[] = "/tmp/fuda-root-XXXXXX"; /* of the root */

static int judge(const struct fuda_buf *der)
{
	const struct cursor chain = cur_of(der->data, der->len);
	int r;

	chain_verdict_release(&verdict);
	memset(&findings, 0, sizeof(findings));
	r = chain_judge(trust, CHAIN_DS, &chain, 1, &policy, &findings, &verdict);
	assert_true(r == 0 || !verdict.judged);
	return r;
}

/* OpenSSL does not say that it ran out of memory while it verified: that is a finding. */
static int judges_good(void)
{
	int r = judge(&good);

	return r < 0 ? r : findings.count ? FUDA_EVERIFY : 0;
}

static int judges_forged(void)
{
	int r = judge(&forged);

	assert_true(r < 0 || findings.count);
	assert_true(r < 0 || verdict.revocation != FUDA_REVOCATION_GOOD);
	return r;
}

static int adds_all(void)
{
	struct fuda_mdoc_trust *fresh = NULL;
	int r = fuda_mdoc_trust_new(ctx, &fresh);

	if (r < 0) {
		assert_null(fresh);
		return r;
	}
	r = fuda_mdoc_trust_add_file(fresh, path);
	if (r == 0)
		r = fuda_mdoc_trust_add_crl(fresh, list.data, list.len);
	fuda_mdoc_trust_free(&fresh);
	return r;
}

/* Nothing was judged yet. */
static void believe_anew(void)
{
	chain_verdict_release(&verdict);
	fuda_mdoc_trust_free(&trust);
	assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
	assert_int_equal(fuda_mdoc_trust_add_file(trust, path), 0);
}

/* As test-certs-memory does it. */
static void run_out(int (*what)(void))
{
	long n = 0, failed = 0;

	assert_int_equal(what(), 0);
	for (;; n += 1 + n / EVERY) {
		int r;

		believe_anew();
		assert_true(n < ALLOCATIONS_MAX);
		before_failure = n;
		r = what();
		if (before_failure >= 0) { /* there were not so many */
			before_failure = -1;
			assert_int_equal(r, 0);
			break;
		}
		failed += r < 0;
		assert_int_equal(what(), 0);
	}
	assert_true(failed > 0);
}

#define RUN_OUT(what)                             \
	static void what##_or_fails(void **state) \
	{                                         \
		(void)state;                      \
		run_out(what);                    \
	}
RUN_OUT(judges_good)
RUN_OUT(judges_forged)
RUN_OUT(adds_all)

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

static int setup(void **state)
{
	struct cert_plan plan = plan_mdoc(CERT_ROOT);
	struct crl_plan crl = plan_iaca_crl();
	int fd = mkstemp(path);

	root = good = forged = list = TEST_BUF;
	cert_make(&plan, &root);
	plan = plan_mdoc(CERT_DS);
	cert_make(&plan, &good);
	plan = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT);
	cert_make_with(plan, F_AKI, mdoc_aki(KEY_IACA), &forged);
	crl_make(&crl, &list);
	if (fd < 0 || write(fd, root.data, root.len) != (ssize_t)root.len || close(fd) < 0)
		return -1;
	return stand_setup(state);
}

static int teardown(void **state)
{
	struct fuda_buf *all[] = { &root, &good, &forged, &list };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		fuda_buf_free(all[i]);
	unlink(path);
	return stand_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_all_or_fails),
		cmocka_unit_test(judges_good_or_fails),
		cmocka_unit_test(judges_forged_or_fails),
	};

	if (!CRYPTO_set_mem_functions(their_malloc, their_realloc, their_free))
		return 1;
	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
