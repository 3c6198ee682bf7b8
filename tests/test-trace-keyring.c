/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/wait.h>

#include "base/crypto.h"
#include "tests/scratch.h"
#include "trace/record.h"

static struct fuda_context *ctx;

static int setup(void **state)
{
	return fuda_context_new(&ctx) < 0 ? -1 : scratch_setup(state);
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

/* Of the paper that defines it (Aumasson, Bernstein: SipHash, appendix A), and of no bytes. */
static void knows_siphash(void **state)
{
	static const uint8_t of_15[] = { 0xE5, 0x45, 0xBE, 0x49, 0x61, 0xCA, 0x29, 0xA1 };
	static const uint8_t of_none[] = { 0x31, 0x0E, 0x0E, 0xDD, 0x47, 0xDB, 0x6F, 0x72 };
	uint8_t bytes[16], hash[SIPHASH_BYTES];
	struct crypto_siphash *h = NULL;

	(void)state;
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	assert_int_equal(crypto_siphash_new(bytes, &h), 0);
	for (int i = 0; i < 2; i++) { /* each begins afresh */
		assert_int_equal(crypto_siphash(h, bytes, 15, hash), 0);
		assert_memory_equal(hash, of_15, sizeof(hash));
		assert_int_equal(crypto_siphash(h, NULL, 0, hash), 0);
		assert_memory_equal(hash, of_none, sizeof(hash));
	}
	crypto_siphash_free(&h);
	assert_null(h);
	crypto_siphash_free(&h);
}

#define KEY "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"

/* A trace of today must be comparable with one of next year. */
static void hashes_stay_the_same(void **state)
{
	static const uint8_t id[] = { 0xF4, 0x12, 0xA4, 0x9C };
	static const uint8_t expected[] = { 0xD3, 0xFE, 0x0C, 0x2D, 0xFC, 0x26, 0xBB, 0xF7 };
	struct trace_keyring *k = NULL;
	uint8_t hash[TRACE_HASH], other[TRACE_HASH];

	(void)state;
	assert_int_equal(mkdir(scratch_path("fuda"), 0700), 0);
	scratch_write("fuda/trace.key", KEY "\n", 0600);
	assert_int_equal(trace_keyring_open(ctx, &k), 0);
	assert_memory_equal(trace_keyring_id(k), id, sizeof(id));
	assert_int_equal(trace_hash(k, (const uint8_t *)"1234", 4, hash), 0);
	assert_memory_equal(hash, expected, sizeof(hash));
	assert_int_equal(trace_hash(k, (const uint8_t *)"1235", 4, other), 0);
	assert_memory_not_equal(hash, other, sizeof(hash));
	trace_keyring_free(&k);
	assert_null(k);
	trace_keyring_free(&k);
	unlink(scratch_path("fuda/trace.key"));
}

static void makes_a_key(void **state)
{
	struct trace_keyring *a, *b;
	uint8_t hash_a[TRACE_HASH], hash_b[TRACE_HASH];
	struct stat st;

	(void)state;
	umask(0);
	assert_int_equal(trace_keyring_open(ctx, &a), 0);
	assert_int_equal(stat(scratch_path("fuda/trace.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(trace_keyring_open(ctx, &b), 0);
	assert_memory_equal(trace_keyring_id(a), trace_keyring_id(b), 4);
	assert_int_equal(trace_hash(a, (const uint8_t *)"1234", 4, hash_a), 0);
	assert_int_equal(trace_hash(b, (const uint8_t *)"1234", 4, hash_b), 0);
	assert_memory_equal(hash_a, hash_b, TRACE_HASH);
	trace_keyring_free(&b);
	/* another key, other hashes */
	unlink(scratch_path("fuda/trace.key"));
	assert_int_equal(trace_keyring_open(ctx, &b), 0);
	assert_memory_not_equal(trace_keyring_id(a), trace_keyring_id(b), 4);
	assert_int_equal(trace_hash(b, (const uint8_t *)"1234", 4, hash_b), 0);
	assert_memory_not_equal(hash_a, hash_b, TRACE_HASH);
	trace_keyring_free(&a);
	trace_keyring_free(&b);
	unlink(scratch_path("fuda/trace.key"));
}

static void refuses_keys(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int code;
		const char *message;
	} rows[] = {
		{ KEY "\n", 0640, FUDA_EFILE, "chmod 600" },
		{ KEY "\n", 0604, FUDA_EFILE, "chmod 600" },
		{ KEY "\n", 0620, FUDA_EFILE, "chmod 600" },
		{ "", 0600, FUDA_EFORMAT, "no key" },
		{ KEY, 0600, FUDA_EFORMAT, "no key" },
		{ KEY "\r\n", 0600, FUDA_EFORMAT, "no key" },
		{ KEY "\n\n", 0600, FUDA_EFORMAT, "no key" },
		{ "0" KEY, 0600, FUDA_EFORMAT, "no key" },
		{ "G00102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n", 0600, FUDA_EFORMAT, "no key" },
		{ "00 102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n", 0600, FUDA_EFORMAT, "no key" },
	};
	struct trace_keyring *k = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		scratch_write("fuda/trace.key", rows[i].text, rows[i].mode);
		assert_int_equal(trace_keyring_open(ctx, &k), rows[i].code);
		assert_non_null(strstr(fuda_context_message(ctx), rows[i].message));
		/* the key is in no message */
		assert_null(strstr(fuda_context_message(ctx), "0102"));
	}
	unlink(scratch_path("fuda/trace.key"));
	scratch_write("elsewhere", KEY "\n", 0600);
	assert_int_equal(symlink("../elsewhere", scratch_path("fuda/trace.key")), 0);
	assert_int_equal(trace_keyring_open(ctx, &k), FUDA_EFILE);
	unlink(scratch_path("fuda/trace.key"));
	assert_int_equal(mkfifo(scratch_path("fuda/trace.key"), 0600), 0);
	assert_int_equal(trace_keyring_open(ctx, &k), FUDA_EFILE);
	unlink(scratch_path("fuda/trace.key"));
	assert_int_equal(mkdir(scratch_path("fuda/trace.key"), 0700), 0);
	assert_int_equal(trace_keyring_open(ctx, &k), FUDA_EFILE);
	rmdir(scratch_path("fuda/trace.key"));
	if (geteuid() == 0) {
		scratch_write("fuda/trace.key", KEY "\n", 0600);
		assert_int_equal(chown(scratch_path("fuda/trace.key"), 1, 1), 0);
		assert_int_equal(trace_keyring_open(ctx, &k), FUDA_EFILE);
		assert_non_null(strstr(fuda_context_message(ctx), "belongs to another user"));
		unlink(scratch_path("fuda/trace.key"));
	}
	assert_null(k);
}

/* Without a place to keep it, a key is of the process. */
static void does_without_a_home(void **state)
{
	static const char *const homes[] = { "/dev/null/home", "/dev/null", "/proc", NULL };
	struct trace_keyring *a, *b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		unsetenv("HOME");
		if (homes[i])
			setenv("XDG_CONFIG_HOME", homes[i], 1);
		else
			unsetenv("XDG_CONFIG_HOME");
		assert_int_equal(trace_keyring_open(ctx, &a), 0);
		assert_int_equal(trace_keyring_open(ctx, &b), 0);
		assert_memory_not_equal(trace_keyring_id(a), trace_keyring_id(b), 4);
		trace_keyring_free(&a);
		trace_keyring_free(&b);
	}
	setenv("XDG_CONFIG_HOME", scratch, 1);
}

/* Several at once end with one key. */
static void agrees_with_others(void **state)
{
	enum { PROCESSES = 8, ID = 4 };
	uint8_t ids[PROCESSES][ID];
	int pipes[2], status;

	(void)state;
	unlink(scratch_path("fuda/trace.key"));
	rmdir(scratch_path("fuda"));
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			struct trace_keyring *k;

			if (trace_keyring_open(ctx, &k) < 0)
				_exit(1);
			_exit(write(pipes[1], trace_keyring_id(k), ID) != ID);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(pipes[0], ids[i], ID), ID);
		assert_memory_equal(ids[i], ids[0], ID);
	}
	close(pipes[0]);
	close(pipes[1]);
	unlink(scratch_path("fuda/trace.key"));
	assert_int_equal(rmdir(scratch_path("fuda")), 0); /* nothing else is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_siphash),
		cmocka_unit_test(hashes_stay_the_same),
		cmocka_unit_test(makes_a_key),
		cmocka_unit_test(refuses_keys),
		cmocka_unit_test(does_without_a_home),
		cmocka_unit_test(agrees_with_others),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
