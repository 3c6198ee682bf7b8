/* SPDX-License-Identifier: Apache-2.0 */
/* mdoc: mobile credentials judged and issued, against what OpenSSL itself takes for the
 * signatures in it, in the same run and on one core; and the memory of one verification. Missing a
 * target is a failure.
 * "mdoc MILLISECONDS" measures each about so long; "mdoc WHAT COUNT" does one of `works` so many
 * times and measures nothing, for callgrind. */
#include <malloc.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <time.h>

#include "tests/presented.h"

enum { FRESH = 20, MEMORY_MAX = 128 * 1024 };

static struct presented p;

/* ---- memory ---- */

static long live, peak;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);

static void *count_in(void *made)
{
	live += (long)malloc_usable_size(made);
	if (live > peak)
		peak = live;
	return made;
}

void *__wrap_malloc(size_t size)
{
	return count_in(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return count_in(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	live -= (long)malloc_usable_size(old);
	return count_in(__real_realloc(old, size));
}

void __wrap_free(void *old)
{
	live -= (long)malloc_usable_size(old);
	__real_free(old);
}

static void *their_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(size);
}

static void *their_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return realloc(old, size);
}

static void their_free(void *old, const char *file, int line)
{
	(void)file, (void)line;
	free(old);
}

/* ---- OpenSSL alone ---- */

static EVP_PKEY *pair;
static EVP_PKEY_CTX *signing;
static uint8_t point[65], digest[32], signature[80];
static size_t signature_len;

static void openssl_make(void)
{
	size_t len = 0;

	pair = EVP_EC_gen("P-256");
	presented_insist(pair && EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY,
								 point, sizeof(point), &len) == 1);
	signing = EVP_PKEY_CTX_new_from_pkey(NULL, pair, NULL);
	signature_len = sizeof(signature);
	presented_insist(
		EVP_PKEY_sign_init(signing) == 1 &&
		EVP_PKEY_sign(signing, signature, &signature_len, digest, sizeof(digest)) == 1);
}

static EVP_PKEY *import(void)
{
	static char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	presented_insist(EVP_PKEY_fromdata_init(ctx) == 1 &&
			 EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A key from its point. */
void measured_import(void);
void measured_import(void)
{
	EVP_PKEY_free(import());
}

/* And one signature under it. */
void measured_verify(void);
void measured_verify(void)
{
	EVP_PKEY *key = import();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	presented_insist(EVP_PKEY_verify_init(ctx) == 1 &&
			 EVP_PKEY_verify(ctx, signature, signature_len, digest, sizeof(digest)) ==
				 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

void measured_sign(void);
void measured_sign(void)
{
	uint8_t made[sizeof(signature)];
	size_t len = sizeof(made);

	presented_insist(EVP_PKEY_sign(signing, made, &len, digest, sizeof(digest)) == 1);
}

/* ---- ours ---- */

static struct fuda_mdoc_trust *fresh[FRESH];
static size_t fresh_used;

static void judge(struct fuda_mdoc_trust *trust)
{
	struct fuda_mdoc_result *result;

	presented_insist(presented_judge(&p, trust, p.response.data, p.response.len, &result) ==
				 0 &&
			 result->result == FUDA_RESULT_OK);
	fuda_mdoc_result_free(&result);
}

void measured_cached(void);
void measured_cached(void)
{
	judge(p.trust);
}

void measured_uncached(void);
void measured_uncached(void)
{
	judge(fresh[fresh_used++]);
}

void measured_issues(void);
void measured_issues(void)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(CBOR_MAX);

	presented_insist(presented_issue(&p, &bytes) == 0);
	fuda_buf_free(&bytes);
}

/* Those who judge anew: not part of what is measured. */
static void refresh(void)
{
	for (size_t i = 0; i < FRESH; i++) {
		fuda_mdoc_trust_free(&fresh[i]);
		fresh[i] = presented_trust(&p);
	}
	fresh_used = 0;
}

/* ---- measuring ---- */

/* Those that are run are global, so that callgrind knows them by their names. `turn` of them take
 * about as long as those of the others. */
static struct work {
	const char *name;
	void (*run)(void);
	unsigned turn;
	double seconds;
	unsigned long count;
} works[] = {
	{ "import", measured_import, 200, 0, 0 },       { "verify", measured_verify, 60, 0, 0 },
	{ "sign", measured_sign, 250, 0, 0 },           { "cached", measured_cached, 30, 0, 0 },
	{ "uncached", measured_uncached, FRESH, 0, 0 }, { "issues", measured_issues, 180, 0, 0 },
};
enum { IMPORT, VERIFY, SIGN, CACHED, UNCACHED, ISSUE };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* In turns, so that what disturbs disturbs all of them. */
static void measure(double seconds)
{
	for (bool more = true; more;) {
		more = false;
		refresh();
		for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
			double start = now();

			for (unsigned n = 0; n < works[i].turn; n++)
				works[i].run();
			works[i].seconds += now() - start;
			works[i].count += works[i].turn;
			more = more || works[i].seconds < seconds;
		}
	}
}

static double each(int work)
{
	return works[work].seconds / (double)works[work].count;
}

/* Seconds for one; returns whether the target was missed. */
static int print_ratio(const char *what, double ours, double ceiling, double target)
{
	bool reached = ceiling / ours >= target;

	printf("%-58s %8.0f/s of %8.0f/s: %.2f  (target %.2f) %s\n", what, 1 / ours, 1 / ceiling,
	       ceiling / ours, target, reached ? "ok" : "MISSED");
	return !reached;
}

/* The targets count an import with each signature. Needed is one fewer: the key of
 * who signed the certificate, or that in the certificate of a chain that is known, is there. */
static int print_ratios(void)
{
	int missed = print_ratio("verifying a response, chain of the signer known", each(CACHED),
				 2 * each(VERIFY), 0.80);

	missed |= print_ratio("verifying a response, chain judged too", each(UNCACHED),
			      3 * each(VERIFY), 0.80);
	printf("  without the import that is not needed: %.2f, %.2f\n",
	       (2 * each(VERIFY) - each(IMPORT)) / each(CACHED),
	       (3 * each(VERIFY) - each(IMPORT)) / each(UNCACHED));
	return missed |
	       print_ratio("issuing a credential of six elements", each(ISSUE), each(SIGN), 0.50);
}

/* Those whose chain is judged anew keep what came of it. */
static int print_memory(const char *what, void (*run)(void))
{
	long before = live;
	bool fits;

	peak = live;
	run();
	fits = peak - before <= MEMORY_MAX;
	printf("%-58s %8ld  (limit %d) %s\n", what, peak - before, MEMORY_MAX,
	       fits ? "ok" : "EXCEEDED");
	return !fits;
}

static int repeat(const char *what, unsigned long count)
{
	for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
		if (strcmp(works[i].name, what) != 0)
			continue;
		while (count--) {
			if (fresh_used == FRESH)
				refresh();
			works[i].run();
		}
		return 0;
	}
	fprintf(stderr, "mdoc: no %s\n", what);
	return 2;
}

static void tidy(void)
{
	for (size_t i = 0; i < FRESH; i++)
		fuda_mdoc_trust_free(&fresh[i]);
	presented_free(&p);
	EVP_PKEY_CTX_free(signing);
	EVP_PKEY_free(pair);
}

int main(int argc, char **argv)
{
	int r;

	if (CRYPTO_set_mem_functions(their_malloc, their_realloc, their_free) != 1)
		return 2;
	presented_make(&p);
	openssl_make();
	refresh();
	if (argc == 3) {
		r = repeat(argv[1], strtoul(argv[2], NULL, 10));
		tidy();
		return r;
	}
	measure(argc > 1 ? (double)strtoul(argv[1], NULL, 10) / 1000 : 1);
	r = print_ratios();
	refresh();
	r |= print_memory("bytes of memory at most, chain known", measured_cached);
	r |= print_memory("bytes of memory at most, chain judged too", measured_uncached);
	tidy();
	return r;
}
