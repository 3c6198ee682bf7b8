/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/issuer-signature.h"

#include <fuda/hash.h>

#include "codec/tlv.h"
#include "tests/cmocka.h"
#include "tests/mdoc-certs.h"

static const uint8_t message[] = "番号花子";

static struct key *key_of(enum test_key key)
{
	const struct fuda_buf *spki = test_spki(key);
	struct cursor c = cur_of(spki->data, spki->len);
	struct key *ret = NULL;

	assert_int_equal(key_new(&c, &ret), 0);
	return ret;
}

/* Judges `signature` by the algorithm in that notation. */
static int judge(enum test_key by, const char *algorithm, const struct fuda_buf *signature)
{
	_cleanup_(key_free) struct key *key = key_of(by);
	_cleanup_buf_ struct fuda_buf oid = TEST_BUF;

	der_write(&oid, algorithm);
	return issuer_signature_judge(key, cur_of(oid.data, oid.len),
				      cur_of(message, sizeof(message)),
				      cur_of(signature->data, signature->len));
}

static void sign(enum test_key by, enum fuda_hash hash, struct fuda_buf *ret)
{
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(hash, message, sizeof(message), &digest), 0);
	test_sign(by, FUDA_PKCS1, &digest, ret);
}

static void known_ones(void **state)
{
	static const struct {
		const char *algorithm;
		bool ecdsa, eddsa; /* known where EdDSA is not, and where it is accepted */
	} all[] = {
		{ ECDSA_SHA256, true, true },
		{ ECDSA_SHA384, true, true },
		{ ECDSA_SHA512, true, true },
		{ ED25519, false, true },
		{ "30{<1.3.101.113>}", false, true },
		{ "30{<1.3.101.110>}", false, false }, /* X25519 */
		{ "30{<1.2.840.10045.4.3.2>0500}", false, false },
		{ "30{<1.2.840.10045.4.3.2>}00", false, false },
		{ "<1.2.840.10045.4.3.2>", false, false },
		{ "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_buf_ struct fuda_buf oid = TEST_BUF;
		struct cursor c;

		der_write(&oid, all[i].algorithm);
		c = cur_of(oid.data, oid.len);
		assert_int_equal(issuer_signature_known(c, false), all[i].ecdsa);
		assert_int_equal(issuer_signature_known(c, true), all[i].eddsa);
	}
}

/* Any hash with any curve, and no other key. */
static void good_ones(void **state)
{
	static const enum test_key keys[] = { KEY_EC, KEY_P384, KEY_P521, KEY_BRAINPOOL };
	static const struct {
		const char *algorithm;
		enum fuda_hash hash;
	} hashes[] = { { ECDSA_SHA256, FUDA_SHA256 },
		       { ECDSA_SHA384, FUDA_SHA384 },
		       { ECDSA_SHA512, FUDA_SHA512 } };
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t h = 0; h < ARRAY_SIZE(hashes); h++) {
			sign(keys[i], hashes[h].hash, &signature);
			assert_int_equal(judge(keys[i], hashes[h].algorithm, &signature), 0);
			assert_int_equal(judge(keys[i], hashes[(h + 1) % 3].algorithm, &signature),
					 FUDA_EVERIFY);
			assert_int_equal(judge(KEY_DS, hashes[h].algorithm, &signature),
					 FUDA_EVERIFY);
			assert_int_equal(judge(keys[i], ED25519, &signature), FUDA_EVERIFY);
			assert_int_equal(judge(keys[i], "30{<1.2.840.10045.4.1>}", &signature),
					 FUDA_ENOTSUP);
		}
	assert_int_equal(judge(KEY_ED25519, ECDSA_SHA256, &signature), FUDA_EVERIFY);
	assert_int_equal(judge(KEY_ED25519, "30{<1.3.101.113>}", &signature), FUDA_EVERIFY);
	assert_int_equal(judge(KEY_HOLDER, ECDSA_SHA256, &signature), FUDA_EVERIFY); /* RSA */
	assert_int_equal(issuer_signature_judge(NULL, cur_of(NULL, 0), cur_of(NULL, 0),
						cur_of(NULL, 0)),
			 FUDA_ENOTSUP);
}

/* The right numbers in another form than DER's only one. */
static void other_forms(void **state)
{
	static const char *const forms[] = { "30{$$0500}",   "30{$$}00", "30{$}", "31{$$}",
					     "30{0201 01$}", "$$",       "" };
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	struct tlv sequence, r, s;

	(void)state;
	sign(KEY_EC, FUDA_SHA256, &signature);
	struct cursor c = cur_of(signature.data, signature.len);
	assert_int_equal(tlv_expect(&c, DER_SEQUENCE, &sequence), 0);
	assert_int_equal(tlv_expect(&sequence.value, DER_INTEGER, &r), 0);
	assert_int_equal(tlv_expect(&sequence.value, DER_INTEGER, &s), 0);
	for (size_t i = 0; i <= ARRAY_SIZE(forms); i++) {
		_cleanup_buf_ struct fuda_buf first = TEST_BUF, second = TEST_BUF, other = TEST_BUF;

		assert_int_equal(fuda_buf_append(&first, r.whole.p, r.whole.left), 0);
		assert_int_equal(fuda_buf_append(&second, s.whole.p, s.whole.left), 0);
		der_write(&other, i < ARRAY_SIZE(forms) ? forms[i] : "30{$$}", &first, &second);
		assert_int_equal(judge(KEY_EC, ECDSA_SHA256, &other),
				 i < ARRAY_SIZE(forms) ? FUDA_EVERIFY : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_ones),
		cmocka_unit_test(good_ones),
		cmocka_unit_test(other_forms),
	};

	return RUN(tests);
}
