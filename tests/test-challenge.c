/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges: the service's own, for one purpose, origin and terminal, and for two minutes. */
#include "service/challenge.h"

#include "codec/base64.h"
#include "tests/keys-stand.h"

enum { CHARS = 75, NOW = 1800000000 };

static const uint8_t terminal[ID_BYTES] = "terminal number", other[ID_BYTES] = "terminal numbes";
static const char origin[] = "https://mykey.example", alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int read_it(const char *token)
{
	struct challenge c;

	return challenge_read(keys, token, "bind", origin, terminal, NOW, &c);
}

static void its_own(void **state)
{
	struct challenge made, read, again;
	char token[CHALLENGE_TOKEN], token2[CHALLENGE_TOKEN];
	struct fuda_digest a, b;

	(void)state;
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token, &made), 0);
	assert_int_equal(strlen(token), CHARS);
	assert_int_equal(strspn(token, alphabet), CHARS);
	assert_string_equal(made.purpose, "bind");
	assert_memory_equal(made.terminal, terminal, ID_BYTES);
	assert_int_equal(made.expires, NOW + 120);
	assert_int_equal(challenge_read(keys, token, "bind", origin, terminal, NOW, &read), 0);
	assert_string_equal(read.purpose, "bind");
	assert_memory_equal(read.terminal, terminal, ID_BYTES);
	assert_memory_equal(read.nonce, made.nonce, NONCE_BYTES);
	assert_int_equal(read.expires, made.expires);
	assert_int_equal(challenge_digest(&made, origin, &a), 0);
	assert_int_equal(challenge_digest(&read, origin, &b), 0);
	assert_memory_equal(a.bytes, b.bytes, 32);
	assert_int_equal(challenge_digest(&read, "https://mykey.example:444", &b), 0);
	assert_memory_not_equal(a.bytes, b.bytes, 32);
	/* each is another one */
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token2, &again), 0);
	assert_memory_not_equal(again.nonce, made.nonce, NONCE_BYTES);
	assert_string_not_equal(token, token2);
}

/* Another process with the same keystore knows it, and none with another. */
static void other_processes(void **state)
{
	struct keys *second, *foreign;
	struct challenge c;
	char token[CHALLENGE_TOKEN], folder[128];

	(void)state;
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token, &c), 0);
	assert_int_equal(keys_open(ctx, scratch, &second), 0);
	assert_int_equal(challenge_read(second, token, "bind", origin, terminal, NOW, &c), 0);
	snprintf(folder, sizeof(folder), "%s/foreign", scratch);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(keys_create(ctx, folder), 0);
	assert_int_equal(keys_open(ctx, folder, &foreign), 0);
	assert_int_equal(challenge_read(foreign, token, "bind", origin, terminal, NOW, &c), FUDA_EVERIFY);
	keys_free(&second);
	keys_free(&foreign);
}

static void its_life(void **state)
{
	static const struct {
		int64_t now;
		int want;
	} times[] = {
		{ NOW - 1, 0 },
		{ NOW, 0 },
		{ NOW + 119, 0 },
		{ NOW + 120, FUDA_ETIMEOUT },
		{ NOW + 121, FUDA_ETIMEOUT },
		{ NOW + 86400, FUDA_ETIMEOUT },
		{ INT64_MAX, FUDA_ETIMEOUT },
	};
	struct challenge c, untouched = { .purpose = "before" };
	char token[CHALLENGE_TOKEN];

	(void)state;
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token, &c), 0);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_int_equal(challenge_read(keys, token, "bind", origin, terminal, times[i].now, &c),
				 times[i].want);
	assert_int_equal(challenge_read(keys, token, "bind", origin, terminal, NOW + 120, &untouched), FUDA_ETIMEOUT);
	assert_string_equal(untouched.purpose, "before");
}

static void of_another(void **state)
{
	static const struct {
		const char *purpose, *origin;
		const uint8_t *terminal;
	} others[] = {
		{ "show", origin, terminal },
		{ "binder", origin, terminal },
		{ "bin", "dhttps://mykey.example", terminal },
		{ "bindh", "ttps://mykey.example", terminal },
		{ "bind", "https://mykey.example:443", terminal },
		{ "bind", "https://mykey.exampl", terminal },
		{ "bind", "HTTPS://mykey.example", terminal },
		{ "bind", "", terminal },
		{ "bind", origin, other },
	};
	struct challenge c, untouched = { .purpose = "before" };
	char token[CHALLENGE_TOKEN];

	(void)state;
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token, &c), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(challenge_read(keys, token, others[i].purpose, others[i].origin, others[i].terminal,
						NOW, &untouched), FUDA_EVERIFY);
		/* expired or not: who may not know it is told nothing of it */
		assert_int_equal(challenge_read(keys, token, others[i].purpose, others[i].origin, others[i].terminal,
						NOW + 1000, &untouched), FUDA_EVERIFY);
	}
	assert_string_equal(untouched.purpose, "before");
}

/* Every bit of what it spells, and every bit of its characters. */
static void changed(void **state)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(64), text = FUDA_BUF_INIT(128);
	char token[CHALLENGE_TOKEN];
	struct challenge c;

	(void)state;
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token, &c), 0);
	assert_int_equal(base64_decode(token, CHARS, &bytes), 0);
	assert_int_equal(bytes.len, 56);
	for (size_t i = 0; i < bytes.len * 8; i++) {
		bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
		fuda_buf_clear(&text);
		assert_int_equal(base64_encode(bytes.data, bytes.len, true, &text), 0);
		assert_int_equal(fuda_buf_append(&text, "", 1), 0);
		assert_int_equal(read_it((const char *)text.data), FUDA_EVERIFY);
		bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < (size_t)CHARS * 8; i++) {
		int e;

		token[i / 8] = (char)(token[i / 8] ^ 1 << i % 8);
		e = read_it(token);
		assert_true(e == FUDA_EVERIFY || e == FUDA_EFORMAT);
		token[i / 8] = (char)(token[i / 8] ^ 1 << i % 8);
	}
	assert_int_equal(read_it(token), 0);
	fuda_buf_free(&bytes);
	fuda_buf_free(&text);
}

static void no_tokens(void **state)
{
	static const char *const bad[] = {
		"", "x", " ", "null", "AAAA====", "../../../etc/passwd", "' OR 1=1 --", "a\r\nX-Header: b",
		"{\"nonce\":\"AAAA\"}",
	};
	static char huge[100001];
	char token[CHALLENGE_TOKEN], text[CHALLENGE_TOKEN + 8];
	struct challenge c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(read_it(bad[i]), FUDA_EFORMAT);
	memset(huge, 'A', sizeof(huge) - 1);
	assert_int_equal(read_it(huge), FUDA_EFORMAT);
	huge[CHARS] = 0;
	assert_int_equal(read_it(huge), FUDA_EVERIFY);
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token, &c), 0);
	for (size_t len = 0; len < CHARS; len++) {
		memcpy(text, token, len);
		text[len] = 0;
		assert_int_equal(read_it(text), FUDA_EFORMAT);
	}
	for (int i = 1; i < 256; i++) { /* lengthened, also by what would pad it */
		snprintf(text, sizeof(text), "%s%c", token, i);
		assert_int_equal(read_it(text), FUDA_EFORMAT);
		snprintf(text, sizeof(text), "%c%s", i, token);
		assert_int_equal(read_it(text), FUDA_EFORMAT);
	}
	/* a blank in the place of each character */
	for (size_t i = 0; i < CHARS; i++) {
		char was = token[i];

		for (const char *blank = " \t\r\n=.+/"; *blank; blank++) {
			token[i] = *blank;
			assert_int_equal(read_it(token), FUDA_EFORMAT);
		}
		token[i] = was;
	}
	assert_int_equal(read_it(token), 0);
}

/* The 56 bytes need 74 characters and two thirds: what is left over must be zero, so that there is one
 * text for each token. */
static void one_spelling(void **state)
{
	struct challenge c;
	char token[CHALLENGE_TOKEN];
	size_t last;

	(void)state;
	assert_int_equal(challenge_make(keys, "bind", origin, terminal, NOW, token, &c), 0);
	last = (size_t)(strchr(alphabet, token[CHARS - 1]) - alphabet);
	assert_int_equal(last % 4, 0);
	for (size_t i = 1; i < 4; i++) {
		token[CHARS - 1] = alphabet[last + i];
		assert_int_equal(read_it(token), FUDA_EFORMAT);
	}
}

static void no_purposes(void **state)
{
	static char long_origin[1000];
	struct challenge c;
	char token[CHALLENGE_TOKEN] = "before";

	(void)state;
	assert_int_equal(challenge_make(keys, "", origin, terminal, NOW, token, &c), FUDA_EINVAL);
	assert_int_equal(challenge_make(keys, "a-purpose-of-16c", origin, terminal, NOW, token, &c), FUDA_EINVAL);
	memset(long_origin, 'o', sizeof(long_origin) - 1);
	assert_int_equal(challenge_make(keys, "bind", long_origin, terminal, NOW, token, &c), FUDA_ETOOBIG);
	assert_string_equal(token, "before");
	assert_int_equal(challenge_make(keys, "a-purpose-of-15", origin, terminal, NOW, token, &c), 0);
	assert_int_equal(challenge_read(keys, token, "a-purpose-of-15", origin, terminal, NOW, &c), 0);
	assert_int_equal(challenge_read(keys, token, "a-purpose-of-15!", origin, terminal, NOW, &c), FUDA_EINVAL);
	assert_int_equal(challenge_read(keys, token, "", origin, terminal, NOW, &c), FUDA_EINVAL);
	assert_int_equal(challenge_read(keys, token, "bind", long_origin, terminal, NOW, &c), FUDA_ETOOBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_own, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(other_processes, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(its_life, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(of_another, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(changed, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(no_tokens, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(one_spelling, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(no_purposes, keys_setup, keys_teardown),
	};

	return RUN(tests);
}
