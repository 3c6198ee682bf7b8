/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets out of what is printed on the card. The birth dates themselves are in test-person.c. */
#include <string.h>
#include <fuda/context.h>
#include <fuda/pin.h>

#include "base/secret.h"
#include "tests/cmocka.h"

#define DATE "1980-02-17"
#define LONG "0000000000000000000000000000000000000000000000000000000000000000" /* as long as can be */

static const struct row {
	enum fuda_pin pin;
	const char *typed;
	const char *result; /* NULL: refused */
	const char *says;   /* part of the message then */
} rows[] = {
	/* card.md 4 */
	{ FUDA_PIN_B, DATE " 2035 2285", "55021720352285", NULL },
	{ FUDA_PIN_B, "55021720352285", "55021720352285", NULL },
	{ FUDA_PIN_B, "550217 2035 2285", "55021720352285", NULL },
	{ FUDA_PIN_B, "800217 2035 2285", "80021720352285", NULL }, /* as the office of foreign residents says */
	{ FUDA_PIN_B, "  " DATE "\t2035   2285 ", "55021720352285", NULL },
	{ FUDA_PIN_B, " 55021720352285 ", "55021720352285", NULL },
	{ FUDA_PIN_B, "2019-05-01 2029 0001", "01050120290001", NULL },
	{ FUDA_PIN_B, "", NULL, "14 digits" },
	{ FUDA_PIN_B, "   ", NULL, "14 digits" },
	{ FUDA_PIN_B, DATE, NULL, "security code" },
	{ FUDA_PIN_B, DATE " 2035", NULL, "security code" },
	{ FUDA_PIN_B, DATE " 2035 2285 1", NULL, "security code" },
	{ FUDA_PIN_B, "5502172035228", NULL, "14 digits" },
	{ FUDA_PIN_B, "550217203522850", NULL, "14 digits" },
	{ FUDA_PIN_B, "5502172035228x", NULL, "14 digits" },
	{ FUDA_PIN_B, "55021720352285 2035 2285", NULL, "1980-02-17" },
	{ FUDA_PIN_B, "55021720352285 1", NULL, "14 digits" },
	{ FUDA_PIN_B, "19800217 2035 2285", "55021720352285", NULL },
	{ FUDA_PIN_B, "1980/02/17 2035 2285", "55021720352285", NULL },
	{ FUDA_PIN_B, "198002172035 2285", NULL, "1980-02-17" },
	{ FUDA_PIN_B, "19800217-2035-2285", NULL, "1980-02-17" },
	{ FUDA_PIN_B, DATE " 35 2285", NULL, "year of expiry has 4 digits" },
	{ FUDA_PIN_B, DATE " 2035 228", NULL, "security code has 4 digits" },
	{ FUDA_PIN_B, DATE " 2035 22855", NULL, "security code has 4 digits" },
	{ FUDA_PIN_B, DATE " 2035 22a5", NULL, "security code has 4 digits" },
	{ FUDA_PIN_B, DATE " 2o35 2285", NULL, "year of expiry has 4 digits" },
	{ FUDA_PIN_B, "1980-02-30 2035 2285", NULL, "Nothing was sent" },
	{ FUDA_PIN_B, "1980-13-01 2035 2285", NULL, "Nothing was sent" },
	{ FUDA_PIN_B, "1980-02-00 2035 2285", NULL, "Nothing was sent" },
	{ FUDA_PIN_B, "1850-02-17 2035 2285", NULL, "Meiji" },
	{ FUDA_PIN_B, "\xEF\xBC\x91" "980-02-17 2035 2285", NULL, "Nothing was sent" },
	{ FUDA_PIN_B, LONG, NULL, "14 digits" },
	{ FUDA_PIN_BIRTH, DATE, "550217", NULL },
	{ FUDA_PIN_BIRTH, "550217", "550217", NULL },
	{ FUDA_PIN_BIRTH, "800217", "800217", NULL },
	{ FUDA_PIN_BIRTH, " " DATE " ", "550217", NULL },
	{ FUDA_PIN_BIRTH, "", NULL, "6 digits" },
	{ FUDA_PIN_BIRTH, "55021", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, "5502170", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, "19800217", "550217", NULL },
	{ FUDA_PIN_BIRTH, "1980/02/17", "550217", NULL },
	{ FUDA_PIN_BIRTH, "19900515", "020515", NULL },
	{ FUDA_PIN_BIRTH, "1980/02-17", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, "1980-02/17", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, "1980.02.17", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, "1980-0217", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, "dddddddd", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, "19800230", NULL, "Nothing was sent" },
	{ FUDA_PIN_BIRTH, "1980/02/30", NULL, "Nothing was sent" },
	{ FUDA_PIN_BIRTH, "18500217", NULL, "Meiji" },
	{ FUDA_PIN_BIRTH, "1980-2-17", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, DATE " 2035", NULL, "6 digits" },
	{ FUDA_PIN_BIRTH, DATE "0", NULL, "1980-02-17" },
	{ FUDA_PIN_BIRTH, LONG, NULL, "Nothing was sent" },
	/* the My Number, in groups or not, with its check digit */
	{ FUDA_PIN_A, "123456789018", "123456789018", NULL },
	{ FUDA_PIN_A, "1234 5678 9018", "123456789018", NULL },
	{ FUDA_PIN_A, "1234-5678-9018", "123456789018", NULL },
	{ FUDA_PIN_A, " 1234 \t5678 - 9018 ", "123456789018", NULL },
	{ FUDA_PIN_A, "123456789012", NULL, "last digit" },
	{ FUDA_PIN_A, "123456789081", NULL, "last digit" },
	{ FUDA_PIN_A, "213456789018", NULL, "last digit" },
	{ FUDA_PIN_A, "1234-5678-9019", NULL, "last digit" },
	{ FUDA_PIN_A, "", NULL, "12 digits" },
	{ FUDA_PIN_A, " - ", NULL, "12 digits" },
	{ FUDA_PIN_A, "12345678901", NULL, "12 digits" },
	{ FUDA_PIN_A, "1234567890189", NULL, "12 digits" },
	{ FUDA_PIN_A, "12345678901x", NULL, "12 digits" },
	{ FUDA_PIN_A, "1234_5678_9018", NULL, "12 digits" },
	{ FUDA_PIN_A, LONG, NULL, "12 digits" },
	/* the others as they are, right or wrong */
	{ FUDA_PIN_AUTH, "1234", "1234", NULL },
	{ FUDA_PIN_SIGN, "aBc 123", "aBc 123", NULL },
	{ FUDA_PIN_TEXT, DATE, DATE, NULL },
	{ FUDA_PIN_JUKI, "", "", NULL },
};

static void check(struct fuda_context *ctx, enum fuda_pin pin, const void *typed, size_t len, const struct row *row)
{
	struct fuda_secret *in, *out = NULL;
	int r;

	assert_int_equal(fuda_secret_new(typed, len, &in), 0);
	r = fuda_pin_compose(ctx, pin, in, &out);
	assert_int_equal(r, row->result ? 0 : FUDA_EPINFORM);
	if (row->result) {
		assert_ptr_not_equal(in, out);
		assert_int_equal(out->len, strlen(row->result));
		assert_memory_equal(out->bytes, row->result, out->len);
	} else {
		assert_null(out);
		if (!strstr(fuda_context_message(ctx), row->says))
			fail_msg("\"%s\" does not say \"%s\"", fuda_context_message(ctx), row->says);
	}
	fuda_secret_free(&in);
	fuda_secret_free(&out);
}

static void composes(void **state)
{
	struct fuda_context *ctx;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("%s: \"%s\"\n", fuda_pin_name(rows[i].pin), rows[i].typed);
		check(ctx, rows[i].pin, rows[i].typed, strlen(rows[i].typed), &rows[i]);
	}
	fuda_context_free(&ctx);
}

static void refuses_zero_bytes(void **state)
{
	static const struct row refused = { FUDA_PIN_B, "", NULL, "Nothing was sent" };
	static const struct row refused_number = { FUDA_PIN_A, "", NULL, "12 digits" };
	static const char *const typed[] = { "1980-02-17\0 2035 2285", "1980-02\0-1 2035 2285", "550217 2035 228\0" };
	static const size_t lens[] = { 21, 20, 16 };
	struct fuda_context *ctx;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
		check(ctx, FUDA_PIN_B, typed[i], lens[i], &refused);
	check(ctx, FUDA_PIN_A, "123456789018", 13, &refused_number);
	fuda_context_free(&ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(composes),
		cmocka_unit_test(refuses_zero_bytes),
	};

	return RUN(tests);
}
