/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in a real token: SoftHSM's. */
#include "pki/token.h"

#include <fuda/context.h>
#include <fuda/hash.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pki/private.h"
#include "tests/scratch.h"

#define PIN "482913"

static struct fuda_context *ctx;
static struct fuda_secret *pin;
static const char *module;

static const struct {
	enum curve curve;
	const char *label, *id;
	size_t bytes;
} keys[] = {
	{ CURVE_P256, "ds-256", "01", 64 },
	{ CURVE_P384, "ds-384", "02", 96 },
	{ CURVE_P521, "ds-521", "03", 132 },
};
static struct private_key *files[ARRAY_SIZE(keys)];

static const char *find_module(void)
{
	static const char *const places[] = {
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib64/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], R_OK) == 0 &&
		    system("command -v softhsm2-util >/dev/null") == 0)
			return places[i];
	return NULL;
}

static int util(const char *format, const char *a, const char *b)
{
	char arguments[1024], command[2048];

	snprintf(arguments, sizeof(arguments), format, a, b);
	snprintf(command, sizeof(command), "softhsm2-util %s >/dev/null 2>&1", arguments);
	return system(command);
}

static int import(size_t i)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PRIVATE_FILE_MAX);
	char path[256], text[4096], how[512];

	if (private_new(keys[i].curve, &files[i]) < 0 || private_write(files[i], &pem) < 0)
		return -1;
	snprintf(text, sizeof(text), "%.*s", (int)pem.len, (const char *)pem.data);
	scratch_write("key.pem", text, 0600);
	snprintf(path, sizeof(path), "%s", scratch_path("key.pem"));
	snprintf(how, sizeof(how), "--import %s --token Tokyo --pin " PIN " --label %%s --id %%s",
		 path);
	return util(how, keys[i].label, keys[i].id);
}

static int setup(void **state)
{
	char text[256];

	if (scratch_setup(state) < 0 || mkdir(scratch_path("tokens"), 0700) < 0)
		return -1;
	snprintf(text, sizeof(text),
		 "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
		 scratch_path("tokens"));
	scratch_write("softhsm2.conf", text, 0600);
	setenv("SOFTHSM2_CONF", scratch_path("softhsm2.conf"), 1);
	if (util("--init-token --free --label %s --so-pin 12345678 --pin %s", "Tokyo", PIN) != 0 ||
	    util("--init-token --free --label %s --so-pin 12345678 --pin %s", "Osaka", PIN) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (import(i) != 0)
			return -1;
	return fuda_context_new(&ctx) < 0 ? -1 : fuda_secret_new(PIN, strlen(PIN), &pin);
}

static int teardown(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		private_free(&files[i]);
	fuda_secret_free(&pin);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static void sign_and_judge(const struct signer *s, const struct key *public, size_t bytes)
{
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(200);
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(s->hash, "番号花子", 12, &digest), 0);
	assert_int_equal(s->sign(s->arg, s->mode, digest.bytes, digest.len, &signature), 0);
	assert_int_equal(signature.len, bytes);
	assert_int_equal(key_verify_raw(public, &digest, signature.data, signature.len), 0);
}

static void keys_of_all_curves_sign(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key *public = private_public(files[i]);
		struct token_key *key;
		struct signer s;
		char uri[128];

		snprintf(uri, sizeof(uri), "pkcs11:token=Tokyo;object=%s;id=%%%s", keys[i].label,
			 keys[i].id);
		if (token_open(ctx, module, uri, pin, public, &key) < 0)
			fail_msg("%s: %s", uri, fuda_context_message(ctx));
		s = token_signer(key);
		assert_int_equal(s.cose, private_signer(files[i]).cose);
		for (int n = 0; n < 5; n++)
			sign_and_judge(&s, public, keys[i].bytes);
		token_close(&key);
	}
}

static void others_are_refused(void **state)
{
	static const struct {
		const char *uri;
		size_t public;
		int code;
	} cases[] = {
		{ "pkcs11:token=Tokyo;object=ds-256", 1, FUDA_EVERIFY },
		{ "pkcs11:token=Tokyo;object=ds-384", 0, FUDA_EVERIFY },
		{ "pkcs11:token=Tokyo;object=ds-128", 0, FUDA_ENOTFOUND },
		{ "pkcs11:token=Osaka;object=ds-256", 0, FUDA_ENOTFOUND },
		{ "pkcs11:token=Kyoto;object=ds-256", 0, FUDA_ENOTFOUND },
		{ "pkcs11:object=ds-256", 0, FUDA_EINVAL },
	};
	struct token_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (token_open(ctx, module, cases[i].uri, pin,
			       private_public(files[cases[i].public]), &key) != cases[i].code)
			fail_msg("%s: %s", cases[i].uri, fuda_context_message(ctx));
	assert_null(key);
}

static void a_wrong_pin_is_wrong(void **state)
{
	struct token_key *key = NULL;
	struct fuda_secret *other;

	(void)state;
	assert_int_equal(fuda_secret_new("482914", 6, &other), 0);
	assert_int_equal(token_open(ctx, module, "pkcs11:token=Tokyo;object=ds-256", other,
				    private_public(files[0]), &key),
			 FUDA_EPINWRONG);
	fuda_secret_free(&other);
	assert_int_equal(fuda_secret_new("482", 3, &other), 0);
	assert_int_equal(token_open(ctx, module, "pkcs11:token=Tokyo;object=ds-256", other,
				    private_public(files[0]), &key),
			 FUDA_EPINFORM);
	fuda_secret_free(&other);
	assert_null(key);
}

/* Two at once, and the rest of this program's cryptography goes on when the module has gone. */
static void several_are_open_at_once(void **state)
{
	struct token_key *open[2];
	struct signer s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char uri[128];

		snprintf(uri, sizeof(uri), "pkcs11:token=Tokyo;object=%s", keys[i].label);
		assert_int_equal(token_open(ctx, module, uri, pin, private_public(files[i]),
					    &open[i]),
				 0);
	}
	token_close(&open[0]);
	s = token_signer(open[1]);
	sign_and_judge(&s, private_public(files[1]), 96);
	token_close(&open[1]);
	s = private_signer(files[0]);
	sign_and_judge(&s, private_public(files[0]), 64);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_all_curves_sign),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(a_wrong_pin_is_wrong),
		cmocka_unit_test(several_are_open_at_once),
	};

	module = find_module();
	if (!module) {
		printf("skipped: no SoftHSM (softhsm2)\n");
		return 77;
	}
	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
