/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ocsps.h"

#include <stdio.h>
#include <stdlib.h>
#include <fuda/encode.h>
#include <fuda/hash.h>

#include "base/util.h"

/* SubjectPublicKeyInfo of an RSA-2048 key before the content of its BIT STRING, with that of the
 * unused bits. */
enum { SPKI_HEAD = 24, NONCE = 32 };

static void hash_hex(enum fuda_hash hash, const uint8_t *bytes, size_t len,
		     char ret[2 * FUDA_DIGEST_MAX + 1])
{
	struct fuda_digest digest;

	if (fuda_digest_bytes(hash, bytes, len, &digest) < 0)
		abort();
	fuda_hex_encode(digest.bytes, digest.len, ret);
}

const char *answer_id(enum fuda_hash hash, enum fuda_cert_use ca, enum test_key key,
		      const char *serial)
{
	static char ids[4][512];
	static unsigned next;
	char *id = ids[next++ % 4], name_hash[2 * FUDA_DIGEST_MAX + 1], key_hash[2 * FUDA_DIGEST_MAX + 1];
	const char *oid = hash == FUDA_SHA1 ? "1.3.14.3.2.26" : "2.16.840.1.101.3.4.2.1";
	const struct fuda_buf *spki = test_spki(key);
	_cleanup_buf_ struct fuda_buf name = TEST_BUF;

	der_write(&name, plan_ca(ca, key).field[F_SUBJECT]);
	hash_hex(hash, name.data, name.len, name_hash);
	hash_hex(hash, spki->data + SPKI_HEAD, spki->len - SPKI_HEAD, key_hash);
	snprintf(id, sizeof(ids[0]), "30{30{<%s>0500}04{%s}04{%s}02{%s}}", oid, name_hash, key_hash, serial);
	return id;
}

struct answer_plan plan_answer(void)
{
	return (struct answer_plan){
		.field = {
			[A_STATUS] = "0A0100",
			[A_TYPE] = "<1.3.6.1.5.5.7.48.1.1>",
			[A_VERSION] = "",
			[A_PRODUCED] = "18{'20261119230000Z'}",
			[A_CERT_STATUS] = STATUS_GOOD,
			[A_THIS] = "18{'20261119230000Z'}",
			[A_NEXT] = "A0{18{'20261120030000Z'}}",
			[A_SINGLE] = "",
			[A_MORE] = "",
			[A_EXTENSIONS] = "",
			[A_ALGORITHM] = ALGORITHM_SHA256,
			[A_SIGNATURE] = "03{00$}",
			[A_BEHIND] = "",
			[A_END] = "",
		},
		.signer = KEY_AUTH_CA,
		.hash = FUDA_SHA256,
	};
}

struct cert_plan plan_responder(void)
{
	struct cert_plan plan = plan_auth();

	plan.key = KEY_OTHER_CARD;
	plan.field[F_SERIAL] = "020107";
	plan.field[F_SUBJECT] = "30{31{30{<2.5.4.3>0C{'responder'}}}}";
	plan.field[F_EKU] = "30{<2.5.29.37>04{30{<1.3.6.1.5.5.7.3.9>}}}";
	plan.field[F_POLICY] = "";
	plan.field[F_EXTRA] = "30{<1.3.6.1.5.5.7.48.1.5>04{0500}}";
	return plan;
}

/* It is the last of what a question has. */
static void put_nonce(const struct answer_plan *plan, struct fuda_buf *out)
{
	char hex[2 * NONCE + 1], nonce[256];

	if (plan->field[A_NONCE]) {
		der_write(out, plan->field[A_NONCE]);
	} else if (plan->question) {
		fuda_hex_encode(plan->question->data + plan->question->len - NONCE, NONCE, hex);
		snprintf(nonce, sizeof(nonce), "30{<1.3.6.1.5.5.7.48.1.2>04{04{%s}}}", hex);
		der_write(out, nonce);
	}
}

/* ResponseData. */
static void put_data(const struct answer_plan *plan, struct fuda_buf *out)
{
	_cleanup_buf_ struct fuda_buf single = TEST_BUF, more = TEST_BUF, extensions = TEST_BUF, body = TEST_BUF;
	const struct fuda_buf *spki = test_spki(plan->signer);
	char by_key[256], hex[2 * FUDA_DIGEST_MAX + 1];

	hash_hex(FUDA_SHA1, spki->data + SPKI_HEAD, spki->len - SPKI_HEAD, hex);
	snprintf(by_key, sizeof(by_key), "A2{04{%s}}", hex);
	der_write(&single, plan->field[A_ID] ? plan->field[A_ID] :
					       answer_id(FUDA_SHA1, FUDA_USE_AUTH, KEY_AUTH_CA, FREE_SERIAL));
	for (size_t f = A_CERT_STATUS; f <= A_SINGLE; f++)
		der_write(&single, plan->field[f]);
	der_write(&more, plan->field[A_MORE]);
	der_write(&extensions, plan->field[A_EXTENSIONS]);
	put_nonce(plan, &extensions);
	der_write(&body, plan->field[A_VERSION]);
	der_write(&body, plan->field[A_RESPONDER] ? plan->field[A_RESPONDER] : by_key);
	der_write(&body, plan->field[A_PRODUCED]);
	der_write(&body, "30{30{$}$}", &single, &more);
	if (extensions.len)
		der_write(&body, "A1{30{$}}", &extensions);
	der_write(out, "30{$}", &body);
}

/* BasicOCSPResponse. */
static void put_basic(const struct answer_plan *plan, struct fuda_buf *out)
{
	_cleanup_buf_ struct fuda_buf data = TEST_BUF, signature = TEST_BUF, cert = TEST_BUF;
	struct fuda_digest digest;

	put_data(plan, &data);
	if (fuda_digest_bytes(plan->hash, data.data, data.len, &digest) < 0)
		abort();
	test_sign(plan->signer, FUDA_PKCS1, &digest, &signature);
	der_write(&data, plan->field[A_ALGORITHM]);
	der_write(&data, plan->field[A_SIGNATURE], &signature);
	if (plan->certificate) {
		cert_make(plan->certificate, &cert);
		der_write(&data, "A0{30{$}}", &cert);
	}
	der_write(out, "30{$}", &data);
}

void answer_make(const struct answer_plan *plan, struct fuda_buf *ret_der)
{
	_cleanup_buf_ struct fuda_buf body = TEST_BUF, basic = TEST_BUF;

	der_write(&body, plan->field[A_STATUS]);
	if (*plan->field[A_TYPE]) {
		put_basic(plan, &basic);
		der_write(&basic, plan->field[A_BEHIND]);
		fuda_buf_clear(ret_der);
		der_write(ret_der, plan->field[A_TYPE]);
		der_write(ret_der, "04{$}", &basic);
		der_write(&body, "A0{30{$}}", ret_der);
	}
	fuda_buf_clear(ret_der);
	der_write(ret_der, "30{$}", &body);
	der_write(ret_der, plan->field[A_END]);
}
