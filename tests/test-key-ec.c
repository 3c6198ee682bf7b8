/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on the curve P-384, and signatures under them. */
#include "pki/key.h"

#include <string.h>
#include "codec/tlv.h"
#include "tests/certs.h"
#include "tests/cmocka.h"

static struct fuda_digest digest_of(enum fuda_hash hash, const char *text)
{
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(hash, text, strlen(text), &digest), 0);
	return digest;
}

static int verify_under(enum test_key test_key, enum fuda_padding padding,
			const struct fuda_digest *digest, const struct fuda_buf *signature)
{
	const struct fuda_buf *spki = test_spki(test_key);
	struct cursor c = cur_of(spki->data, spki->len);
	struct key *key = NULL;
	int r;

	assert_int_equal(key_new(&c, &key), 0);
	r = key_verify(key, padding, digest, signature->data, signature->len);
	key_free(&key);
	return r;
}

#define EC_KEY "<1.2.840.10045.2.1>"
#define P384   "<1.3.132.0.34>"
#define G_X                                                                                        \
	"AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E38" \
	"72760AB7"
#define G_Y                                                                                        \
	"3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C" \
	"90EA0E5F"
#define ZEROS                                                                                      \
	"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" \
	"00000000"
#define ONES                                                                                       \
	"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" \
	"FFFFFFFF"

/* Keys by the generator of the curve (SEC 2 2.5.1), and what must not pass for one. */
static void points(void **state)
{
	static const struct {
		const char *spki;
		int r;
		unsigned bits;
	} cases[] = {
		{ "30{30{" EC_KEY P384 "}03{00 04" G_X G_Y "}}", 0, 384 },
		/* a curve that is not known, which is no error */
		{ "30{30{" EC_KEY "<1.3.132.0.10>}03{00 04" G_X G_Y "}}", 0, 0 },
		/* a point of another curve than it says */
		{ "30{30{" EC_KEY "<1.3.132.0.35>}03{00 04" G_X G_Y "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY "<1.3.36.3.3.2.8.1.1.11>}03{00 04" G_X G_Y "}}", FUDA_EFORMAT,
		  0 },
		/* a curve by its numbers: whoever chooses them chooses who can sign */
		{ "30{30{" EC_KEY "30{020101 30{<1.2.840.10045.1.1>020105}}}03{00 04" G_X G_Y "}}",
		  FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY "0500}03{00 04" G_X G_Y "}}", FUDA_EFORMAT,
		  0 }, /* implicitCurve */
		{ "30{30{" EC_KEY "}03{00 04" G_X G_Y "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "0500}03{00 04" G_X G_Y "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 P384 "}03{00 04" G_X G_Y "}}", FUDA_EFORMAT, 0 },
		/* points beside the curve, beyond its field, at infinity, of another length */
		{ "30{30{" EC_KEY P384 "}03{00 04" G_Y G_X "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 04" G_X G_X "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 04" ZEROS ZEROS "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 04" ONES G_Y "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 04" G_X ONES "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 00}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 00" G_X G_Y "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 04" G_X "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 04" G_X G_Y "00}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 04 00" G_X G_Y "}}", FUDA_EFORMAT, 0 },
		/* compressed, hybrid */
		{ "30{30{" EC_KEY P384 "}03{00 03" G_X "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 02" G_X "}}", FUDA_EFORMAT, 0 },
		{ "30{30{" EC_KEY P384 "}03{00 07" G_X G_Y "}}", FUDA_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf spki = TEST_BUF;
		struct key *key = NULL;
		struct cursor c;

		der_write(&spki, cases[i].spki);
		c = cur_of(spki.data, spki.len);
		if (key_new(&c, &key) != cases[i].r)
			fail_msg("case %zu", i);
		assert_int_equal(key_bits(key), cases[i].bits);
		assert_int_equal(key_in_profile(key), cases[i].bits == 384);
		key_free(&key);
	}
}

static int verify_ec(enum fuda_padding padding, const struct fuda_digest *digest,
		     const struct fuda_buf *signature)
{
	return verify_under(KEY_P384, padding, digest, signature);
}

static void judges_ecdsa(void **state)
{
	struct fuda_digest digest = digest_of(FUDA_SHA384, "challenge");
	struct fuda_digest other = digest_of(FUDA_SHA384, "another challenge");
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	enum fuda_hash hashes[] = { FUDA_SHA1, FUDA_SHA256, FUDA_SHA512 };

	(void)state;
	test_sign(KEY_P384, FUDA_ECDSA, &digest, &signature);
	assert_int_equal(verify_ec(FUDA_ECDSA, &digest, &signature), 0);
	assert_int_equal(verify_ec(FUDA_ECDSA, &other, &signature), FUDA_EVERIFY);
	assert_int_equal(verify_ec(FUDA_PKCS1, &digest, &signature), FUDA_EVERIFY);
	assert_int_equal(verify_ec(FUDA_PSS, &digest, &signature), FUDA_EVERIFY);
	assert_int_equal(verify_under(KEY_HOLDER, FUDA_ECDSA, &digest, &signature), FUDA_EVERIFY);
	digest.len--;
	assert_int_equal(verify_ec(FUDA_ECDSA, &digest, &signature), FUDA_ENOTSUP);
	digest.len++;
	for (size_t i = 0; i < signature.len; i++) {
		for (unsigned flip = 1; flip <= 0x80; flip <<= 1) {
			signature.data[i] ^= (uint8_t)flip;
			assert_int_equal(verify_ec(FUDA_ECDSA, &digest, &signature), FUDA_EVERIFY);
			signature.data[i] ^= (uint8_t)flip;
		}
	}
	while (signature.len--)
		assert_int_equal(verify_ec(FUDA_ECDSA, &digest, &signature), FUDA_EVERIFY);
	signature.len = 0;
	/* hashes that are not of the curve's strength, though rightly signed */
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		digest = digest_of(hashes[i], "challenge");
		test_sign(KEY_P384, FUDA_ECDSA, &digest, &signature);
		assert_int_equal(verify_ec(FUDA_ECDSA, &digest, &signature), FUDA_ENOTSUP);
	}
}

/* One signature has one form: DER. $ are its two numbers as they are. */
#define ORDER                                                                                      \
	"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196A" \
	"CCC52973"
static const struct {
	const char *notation;
	int r;
} forms[] = {
	{ "30{02{$}02{$}}", 0 },
	{ "", FUDA_EVERIFY },
	{ "30{}", FUDA_EVERIFY },
	{ "30{02{$}}", FUDA_EVERIFY },
	{ "30{02{$}02{$}}00", FUDA_EVERIFY },
	{ "30{02{$}02{$}0500}", FUDA_EVERIFY },
	{ "30{02{$}02{$}020101}", FUDA_EVERIFY },
	{ "31{02{$}02{$}}", FUDA_EVERIFY },
	{ "30{03{$}02{$}}", FUDA_EVERIFY },
	{ "30{02{00$}02{$}}", FUDA_EVERIFY },
	{ "30{02{$}02{00$}}", FUDA_EVERIFY },
	{ "30{02{0000$}02{$}}", FUDA_EVERIFY },
	{ "30{02{000000000000000000$}02{$}}", FUDA_EVERIFY },
	{ "30 8200FF 02{$}02{$}", FUDA_EVERIFY },
	{ "30 80 02{$}02{$} 0000", FUDA_EVERIFY },
	{ "$$", FUDA_EVERIFY }, /* the plain form of other standards */
	/* 0, 1, negative, the order and past it */
	{ "30{020100 02{$}}", FUDA_EVERIFY },
	{ "30{02{$} 020100}", FUDA_EVERIFY },
	{ "30{020100 020100}", FUDA_EVERIFY },
	{ "30{0200 02{$}}", FUDA_EVERIFY },
	{ "30{020101 020101}", FUDA_EVERIFY },
	{ "30{0201FF 02{$}}", FUDA_EVERIFY },
	{ "30{02{00" ORDER "}02{$}}", FUDA_EVERIFY },
	{ "30{02{$}02{00" ORDER "}}", FUDA_EVERIFY },
	{ "30{02{00" ONES "}02{00" ONES "}}", FUDA_EVERIFY },
	{ "30{02{01" ZEROS "}02{$}}", FUDA_EVERIFY },
};

static void insists_on_der(void **state)
{
	struct fuda_digest digest = digest_of(FUDA_SHA384, "challenge");
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	struct fuda_buf numbers[2];
	struct cursor c;

	(void)state;
	test_sign(KEY_P384, FUDA_ECDSA, &digest, &signature);
	c = cur_of(signature.data, signature.len);
	assert_int_equal(cur_skip(&c, 2), 0);
	for (size_t i = 0; i < 2; i++) {
		struct tlv t;

		assert_int_equal(tlv_expect(&c, 0x02, &t), 0);
		numbers[i] = TEST_BUF;
		assert_int_equal(fuda_buf_append(&numbers[i], t.value.p, t.value.left), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;
		const char *second = strstr(forms[i].notation, "}02{"),
			   *first = strchr(forms[i].notation, '$');

		/* where only the second number is left, it is that one */
		der_write(&der, forms[i].notation,
			  second && first && first > second ? &numbers[1] : &numbers[0],
			  &numbers[1]);
		if (verify_ec(FUDA_ECDSA, &digest, &der) != forms[i].r)
			fail_msg("%s", forms[i].notation);
	}
	fuda_buf_free(&numbers[0]);
	fuda_buf_free(&numbers[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(points),
		cmocka_unit_test(judges_ecdsa),
		cmocka_unit_test(insists_on_der),
	};

	return RUN(tests);
}
