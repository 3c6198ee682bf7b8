/* SPDX-License-Identifier: Apache-2.0 */
/* pkcs11: URIs that name a private key. */
#include <fuda/context.h>
#include <stdio.h>
#include <string.h>

#include "pki/token.h"
#include "tests/cmocka.h"

static struct fuda_context *ctx;

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return 0;
}

static void they_are_recognised(void **state)
{
	(void)state;
	assert_true(token_is_uri("pkcs11:object=a"));
	assert_true(token_is_uri("pkcs11:"));
	assert_false(token_is_uri("pkcs11"));
	assert_false(token_is_uri("PKCS11:object=a"));
	assert_false(token_is_uri("ds-key.pem"));
}

static void all_that_is_known_is_taken(void **state)
{
	struct token_uri u;

	(void)state;
	assert_int_equal(token_uri_parse(ctx,
					 "pkcs11:token=The%20Token;manufacturer=Snake%2c%20Inc.;"
					 "model=1;"
					 "serial=00ff;object=ds-3;id=%01%00%fF;type=private"
					 "?module-path=/usr/lib/m.so&pin-source=file:/etc/pin",
					 &u),
			 0);
	assert_string_equal(u.token, "The Token");
	assert_string_equal(u.manufacturer, "Snake, Inc.");
	assert_string_equal(u.model, "1");
	assert_string_equal(u.serial, "00ff");
	assert_string_equal(u.object, "ds-3");
	assert_int_equal(u.id_len, 3);
	assert_memory_equal(u.id, "\x01\x00\xFF", 3);
	assert_string_equal(u.module, "/usr/lib/m.so");
	assert_string_equal(u.pin_source, "/etc/pin");
	assert_int_equal(token_uri_parse(ctx, "pkcs11:id=%E7%95%AA", &u), 0);
	assert_int_equal(u.id_len, 3);
	assert_string_equal(u.token, "");
	assert_string_equal(u.module, "");
	assert_int_equal(token_uri_parse(ctx, "pkcs11:object=%e7%95%aa", &u), 0);
	assert_string_equal(u.object, "番");
	assert_int_equal(token_uri_parse(ctx, "pkcs11:object=a?pin-source=file:///p", &u), 0);
	assert_string_equal(u.pin_source, "/p");
	assert_int_equal(token_uri_parse(ctx, "pkcs11:object=a?pin-source=/p", &u), 0);
	assert_string_equal(u.pin_source, "/p");
	assert_int_equal(token_uri_parse(ctx, "pkcs11:object=a?", &u), 0);
	/* RFC 7512 2.3: in the path this is a character as others */
	assert_int_equal(token_uri_parse(ctx, "pkcs11:object=a&b=c", &u), 0);
	assert_string_equal(u.object, "a&b=c");
}

static void others_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"pkcs11",
		"pkcs11:",
		"pkcs11:?module-path=/m",
		"pkcs11:token=a", /* no key */
		"pkcs11:object",
		"pkcs11:object=",
		"pkcs11:id=",
		"pkcs11:=a",
		"pkcs11:object=a;",
		"pkcs11:;object=a",
		"pkcs11:object=a;;token=b",
		"pkcs11:object=a;object=a",
		"pkcs11:object=a?module-path=/m&module-path=/m",
		"pkcs11:object=a?module-path=/m&",
		"pkcs11:object=a;module-path=/m", /* each in its part */
		"pkcs11:object=a?token=b",
		"pkcs11:object=a;type=public",
		"pkcs11:object=a;type=privat",
		"pkcs11:object=a;slot-id=1",
		"pkcs11:object=a;x-vendor=1",
		"pkcs11:object=a%",
		"pkcs11:object=a%4",
		"pkcs11:object=a%4g",
		"pkcs11:object=a%00b",
		"pkcs11:object=a b",
		"pkcs11:object=\xE7\x95\xAA",
		"pkcs11:object=a?pin-source=pin",
		"pkcs11:object=a?pin-source=file:pin",
		"pkcs11:object=a?pin-source=|cat%20pin",
		"pkcs11:object=a?pin-source=file:",
	};
	struct token_uri u;
	char text[4096];

	(void)state;
	memset(&u, 0xEE, sizeof(u));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (token_uri_parse(ctx, bad[i], &u) != FUDA_EINVAL || !*fuda_context_message(ctx))
			fail_msg("taken: %s", bad[i]);
	assert_int_equal((uint8_t)u.token[0], 0xEE);
	for (int n = 0; n < 2; n++) {
		snprintf(text, sizeof(text), "pkcs11:object=%0*d", TOKEN_TEXT_MAX - 1 + n, 0);
		assert_int_equal(token_uri_parse(ctx, text, &u), n ? FUDA_EINVAL : 0);
		snprintf(text, sizeof(text), "pkcs11:id=%0*d", TOKEN_ID_MAX + n, 0);
		assert_int_equal(token_uri_parse(ctx, text, &u), n ? FUDA_EINVAL : 0);
	}
}

/* ... and not repeated in the message. */
static void a_pin_does_not_stand_in_it(void **state)
{
	static const char *const bad[] = {
		"pkcs11:object=a?pin-value=4821",
		"pkcs11:object=a;pin-value=4821",
		"pkcs11:object=a?module-path=/m&pin-value=4821",
	};
	struct token_uri u;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(token_uri_parse(ctx, bad[i], &u), FUDA_EINVAL);
		assert_non_null(strstr(fuda_context_message(ctx), "pin-source"));
		assert_null(strstr(fuda_context_message(ctx), "asked"));
		assert_null(strstr(fuda_context_message(ctx), "4821"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_recognised),
		cmocka_unit_test(all_that_is_known_is_taken),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(a_pin_does_not_stand_in_it),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
