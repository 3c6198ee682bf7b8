/* SPDX-License-Identifier: Apache-2.0 */
/* What an OCSP responder's answer must be to count, and what is said of a card then. */
#include "pki/ocsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pki/cert.h"
#include "tests/crl-stand.h"
#include "tests/ocsps.h"

static struct fuda_cert *card;
static struct ocsp_question *question;

/* From memory of exactly that size. A failure leaves what was there and says why. */
static int judge_at(const struct fuda_buf *der, time_t at, struct ocsp_answer *ret)
{
	uint8_t *exact = malloc(der->len ? der->len : 1);
	struct ocsp_answer untouched;
	int r;

	assert_non_null(exact);
	if (der->len)
		memcpy(exact, der->data, der->len);
	memset(ret, 0xEE, sizeof(*ret));
	memset(&untouched, 0xEE, sizeof(untouched));
	r = ocsp_judge(ctx, question, exact, der->len, at, ret);
	free(exact);
	if (r < 0) {
		assert_true(fuda_context_message(ctx)[0]);
		assert_null(strstr(fuda_context_message(ctx), FREE_SERIAL));
		assert_memory_equal(ret, &untouched, sizeof(*ret));
	}
	return r;
}

static int judge(const struct answer_plan *plan, struct ocsp_answer *ret)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	answer_make(plan, &der);
	return judge_at(&der, TEST_NOW, ret);
}

/* ---- the question ---- */

/* RFC 6960 4.1.1, byte for byte but for the nonce. */
static void asks_as_it_must(void **state)
{
	_cleanup_buf_ struct fuda_buf nonce = TEST_BUF, expected = TEST_BUF;
	const struct fuda_buf *der = ocsp_question_der(question);
	char notation[1024];

	(void)state;
	assert_true(der->len > 32);
	assert_int_equal(fuda_buf_append(&nonce, der->data + der->len - 32, 32), 0);
	snprintf(notation, sizeof(notation),
		 "30{30{30{30{%s}}A2{30{30{<1.3.6.1.5.5.7.48.1.2>04{04{$}}}}}}}",
		 answer_id(FUDA_SHA1, FUDA_USE_AUTH, KEY_AUTH_CA, FREE_SERIAL));
	der_write(&expected, notation, &nonce);
	assert_int_equal(der->len, expected.len);
	assert_memory_equal(der->data, expected.data, der->len);
}

static void asks_anew_each_time(void **state)
{
	struct ocsp_question *other = NULL;

	(void)state;
	assert_int_equal(ocsp_question_new(ctx, trust, card, &other), 0);
	assert_int_equal(ocsp_question_der(other)->len, ocsp_question_der(question)->len);
	assert_memory_not_equal(ocsp_question_der(other)->data, ocsp_question_der(question)->data,
				ocsp_question_der(other)->len);
	ocsp_question_free(&other);
}

static int ask_about(const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct ocsp_question *q = NULL;
	struct fuda_cert *cert;
	int r;

	cert_make(plan, &der);
	assert_int_equal(fuda_cert_new(ctx, der.data, der.len, &cert), 0);
	r = ocsp_question_new(ctx, trust, cert, &q);
	assert_true(r < 0 ? !q : q != NULL);
	ocsp_question_free(&q);
	fuda_cert_free(&cert);
	return r;
}

static void asks_for_cards_of_believed_cas_only(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), other = plan_auth(), forged = plan_auth();

	(void)state;
	assert_int_equal(ask_about(&ca), 0); /* its own issuer */
	other.signer = KEY_OTHER_CA;
	assert_int_equal(ask_about(&other), FUDA_ENOTFOUND);
	forged.field[F_SIGNATURE] = "03{0000}";
	assert_int_equal(ask_about(&forged), FUDA_EVERIFY);
}

/* ---- answers that count ---- */

static void tells_good_revoked_and_unknown(void **state)
{
	static const struct {
		const char *status;
		enum fuda_revocation revocation;
		int reason;
	} rows[] = {
		{ STATUS_GOOD, FUDA_REVOCATION_GOOD, -1 },
		{ STATUS_REVOKED, FUDA_REVOCATION_REVOKED, -1 },
		{ "A1{18{'20261101000000Z'}A0{0A0106}}", FUDA_REVOCATION_REVOKED, 6 },
		{ STATUS_UNKNOWN, FUDA_REVOCATION_UNKNOWN, -1 },
	};
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		plan.field[A_CERT_STATUS] = rows[i].status;
		assert_int_equal(judge(&plan, &answer), 0);
		assert_int_equal(answer.revocation, rows[i].revocation);
		assert_int_equal(answer.reason, rows[i].reason);
		assert_int_equal(answer.this_update, TEST_NOW - 3600);
		assert_int_equal(answer.next_update, TEST_NOW + 3 * 3600);
		assert_false(answer.nonce);
	}
}

static void knows_its_nonce(void **state)
{
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;

	(void)state;
	plan.question = ocsp_question_der(question);
	assert_int_equal(judge(&plan, &answer), 0);
	assert_true(answer.nonce);
}

/* Names, hashes and certificates that are allowed. */
static void takes_other_forms(void **state)
{
	const char *name = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA).field[F_SUBJECT];
	struct answer_plan plan = plan_answer();
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct ocsp_answer answer;
	char by_name[512], other[1024];

	(void)state;
	snprintf(by_name, sizeof(by_name), "A1{%s}", name);
	plan.field[A_RESPONDER] = by_name;
	assert_int_equal(judge(&plan, &answer), 0);
	plan = plan_answer();
	plan.certificate = &ca;
	assert_int_equal(judge(&plan, &answer), 0);
	plan = plan_answer();
	plan.hash = FUDA_SHA512;
	plan.field[A_ALGORITHM] = "30{<1.2.840.113549.1.1.13>0500}";
	assert_int_equal(judge(&plan, &answer), 0);
	/* of another certificate, too, that was not asked for */
	snprintf(other, sizeof(other), "30{%s" STATUS_REVOKED "18{'20261119230000Z'}}",
		 answer_id(FUDA_SHA1, FUDA_USE_AUTH, KEY_AUTH_CA, "05"));
	plan = plan_answer();
	plan.field[A_MORE] = other;
	assert_int_equal(judge(&plan, &answer), 0);
	assert_int_equal(answer.revocation, FUDA_REVOCATION_GOOD);
	plan = plan_answer();
	plan.field[A_EXTENSIONS] = "30{<1.2.3>04{0500}}";
	assert_int_equal(judge(&plan, &answer), 0);
}

static void takes_what_a_responder_signs(void **state)
{
	struct cert_plan certificate = plan_responder();
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;

	(void)state;
	plan.signer = certificate.key;
	plan.certificate = &certificate;
	assert_int_equal(judge(&plan, &answer), 0);
	assert_int_equal(answer.revocation, FUDA_REVOCATION_GOOD);
	/* a critical one is what RFC 6960 4.2.2.2.1 does not ask for, and forbids as little */
	certificate.field[F_EKU] = "30{<2.5.29.37>0101FF04{30{<1.3.6.1.5.5.7.3.9>}}}";
	assert_int_equal(judge(&plan, &answer), 0);
}

/* ---- times ---- */

static int judge_times(const char *this_update, const char *next_update, time_t at)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;

	plan.field[A_THIS] = this_update;
	plan.field[A_NEXT] = next_update;
	answer_make(&plan, &der);
	return judge_at(&der, at, &answer);
}

static void knows_how_long_an_answer_counts(void **state)
{
	static const char this_update[] = "18{'20261119230000Z'}", none[] = "";
	static const char next_update[] = "A0{18{'20261120030000Z'}}", far[] = "A0{18{'20270101000000Z'}}";
	const time_t made = TEST_NOW - 3600;

	(void)state;
	assert_int_equal(judge_times(this_update, next_update, made - OCSP_CLOCK), 0);
	assert_int_equal(judge_times(this_update, next_update, made - OCSP_CLOCK - 1), FUDA_EVERIFY);
	assert_int_equal(judge_times(this_update, next_update, made + 4 * 3600), 0);
	assert_int_equal(judge_times(this_update, next_update, made + 4 * 3600 + 1), FUDA_EVERIFY);
	assert_int_equal(judge_times(this_update, far, made + OCSP_AGE), 0);
	assert_int_equal(judge_times(this_update, far, made + OCSP_AGE + 1), FUDA_EVERIFY);
	assert_int_equal(judge_times(this_update, none, made + OCSP_CLOCK), 0);
	assert_int_equal(judge_times(this_update, none, made + OCSP_CLOCK + 1), FUDA_EVERIFY);
	assert_int_equal(judge_times(this_update, "A0{18{'20261119225959Z'}}", made), FUDA_EFORMAT);
	assert_int_equal(judge_times("18{'2026'}", next_update, made), FUDA_EFORMAT);
	assert_int_equal(judge_times("18{'20261319230000Z'}", next_update, made), FUDA_EFORMAT);
	assert_int_equal(judge_times(this_update, "A0{18{'x'}}", made), FUDA_EFORMAT);
}

/* ---- answers that do not ---- */

static void refuses_other_fields(void **state)
{
	static const struct {
		enum ocsp_field field;
		const char *notation;
		int error;
	} rows[] = {
		/* errors of the responder: RFC 6960 4.2.1 */
		{ A_STATUS, "0A0101", FUDA_EFORMAT },
		{ A_STATUS, "0A0102", FUDA_EWAIT },
		{ A_STATUS, "0A0103", FUDA_EWAIT },
		{ A_STATUS, "0A0104", FUDA_EFORMAT },
		{ A_STATUS, "0A0106", FUDA_EREFUSED },
		{ A_STATUS, "0A01FF", FUDA_EFORMAT },
		{ A_STATUS, "0A020000", FUDA_EFORMAT },
		{ A_STATUS, "020100", FUDA_EFORMAT },
		{ A_STATUS, "", FUDA_EFORMAT },
		{ A_TYPE, "", FUDA_EFORMAT },
		{ A_TYPE, "<1.3.6.1.5.5.7.48.1.2>", FUDA_EFORMAT },
		{ A_VERSION, "A0{0500}", FUDA_EFORMAT },
		{ A_RESPONDER, "", FUDA_EFORMAT },
		{ A_RESPONDER, "A2{04{00112233445566778899AABBCCDDEEFF00112233}}", FUDA_EVERIFY },
		{ A_PRODUCED, "", FUDA_EFORMAT },
		{ A_CERT_STATUS, "", FUDA_EFORMAT },
		{ A_CERT_STATUS, "8300", FUDA_EFORMAT },
		{ A_THIS, "", FUDA_EFORMAT },
		{ A_EXTENSIONS, "30{<1.2.3>0101FF04{0500}}", FUDA_ENOTSUP },
		{ A_SINGLE, "A1{30{30{<1.2.3>0101FF04{0500}}}}", FUDA_ENOTSUP },
		/* another question's nonce, or what is none */
		{ A_NONCE, "30{<1.3.6.1.5.5.7.48.1.2>04{04{00}}}", FUDA_EVERIFY },
		{ A_NONCE, "30{<1.3.6.1.5.5.7.48.1.2>04{}}", FUDA_EVERIFY },
		{ A_SIGNATURE, "03{00$00}", FUDA_EVERIFY },
		{ A_SIGNATURE, "03{00}", FUDA_EVERIFY },
		{ A_SIGNATURE, "", FUDA_EFORMAT },
		{ A_ALGORITHM, "", FUDA_EFORMAT },
		{ A_ALGORITHM, ALGORITHM_SHA1, FUDA_EVERIFY },
		{ A_ALGORITHM, "30{<1.2.840.113549.1.1.12>0500}", FUDA_EVERIFY },
		{ A_ALGORITHM, "30{<1.2.840.113549.1.1.10>}", FUDA_EVERIFY },
		{ A_ALGORITHM, "30{<1.2.3>}", FUDA_EVERIFY },
		{ A_BEHIND, "0500", FUDA_EFORMAT },
		{ A_BEHIND, "00", FUDA_EFORMAT },
		{ A_END, "0500", FUDA_EFORMAT },
		{ A_END, "00", FUDA_EFORMAT },
	};
	struct ocsp_answer answer;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct answer_plan plan = plan_answer();
		int r;

		plan.field[rows[i].field] = rows[i].notation;
		r = judge(&plan, &answer);
		if (r != rows[i].error)
			fail_msg("row %zu: %s, %s", i, fuda_error_text(r), fuda_context_message(ctx));
	}
}

/* Truly signed by SHA-1, not only said to be. */
static void refuses_weak_hashes(void **state)
{
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;

	(void)state;
	plan.hash = FUDA_SHA1;
	plan.field[A_ALGORITHM] = ALGORITHM_SHA1;
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
}

/* "Good" of another certificate is not good of this one. */
static void refuses_other_certificates(void **state)
{
	const char *const ids[] = {
		answer_id(FUDA_SHA1, FUDA_USE_AUTH, KEY_AUTH_CA, "01A2B3C4"),
		answer_id(FUDA_SHA1, FUDA_USE_AUTH, KEY_OTHER_CA, FREE_SERIAL),
		answer_id(FUDA_SHA1, FUDA_USE_SIGN, KEY_AUTH_CA, FREE_SERIAL),
		answer_id(FUDA_SHA256, FUDA_USE_AUTH, KEY_AUTH_CA, FREE_SERIAL),
	};
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;
	char twice[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		plan.field[A_ID] = ids[i];
		assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
	}
	/* two answers of which one would be overlooked */
	plan = plan_answer();
	snprintf(twice, sizeof(twice), "30{%s" STATUS_REVOKED "18{'20261119230000Z'}}",
		 answer_id(FUDA_SHA1, FUDA_USE_AUTH, KEY_AUTH_CA, FREE_SERIAL));
	plan.field[A_MORE] = twice;
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
}

static void refuses_other_signers(void **state)
{
	struct cert_plan other_ca = plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA), holder = plan_auth();
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;

	(void)state;
	plan.signer = KEY_OTHER_CA;
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
	plan.certificate = &other_ca; /* bears the CA's name */
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
	/* a card of that CA */
	plan.signer = holder.key;
	plan.certificate = &holder;
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
}

static void refuses_other_responders(void **state)
{
	static const struct {
		enum cert_field field;
		const char *notation;
	} rows[] = {
		{ F_EKU, "" },
		{ F_EKU, "30{<2.5.29.37>04{30{<1.3.6.1.5.5.7.3.2>}}}" },
		{ F_EKU, "30{<2.5.29.37>04{30{<2.5.29.37.0>}}}" }, /* any */
		{ F_EXTRA, "" },                                   /* without nocheck */
		{ F_EXTRA, "30{<1.3.6.1.5.5.7.48.1.5>04{0500}}30{<1.2.3>0101FF04{0500}}" },
		{ F_KU, "30{<2.5.29.15>0101FF04{03020106}}" },
		{ F_VALIDITY, "30{17{'250401000000Z'}17{'261119235959Z'}}" },
		{ F_VALIDITY, "30{17{'261120000001Z'}17{'300401145959Z'}}" },
		{ F_SIGNATURE, "03{0000}" },
		{ F_ISSUER, "30{31{30{<2.5.4.3>0C{'other'}}}}" },
		{ F_ALGORITHM, ALGORITHM_SHA1 },
	};
	struct answer_plan plan = plan_answer();
	struct cert_plan certificate;
	struct ocsp_answer answer;

	(void)state;
	plan.certificate = &certificate;
	plan.signer = plan_responder().key;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		certificate = plan_responder();
		certificate.field[rows[i].field] = rows[i].notation;
		if (rows[i].field == F_ALGORITHM)
			certificate.hash = FUDA_SHA1;
		if (judge(&plan, &answer) != FUDA_EVERIFY)
			fail_msg("row %zu", i);
	}
	/* of another CA */
	certificate = plan_responder();
	certificate.signer = KEY_OTHER_CA;
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
	/* whose key is short */
	certificate = plan_responder();
	certificate.key = plan.signer = KEY_SMALL;
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
	/* of a responder that was issued by a responder */
	certificate = plan_responder();
	certificate.signer = KEY_OTHER_CARD;
	certificate.key = plan.signer = KEY_CARD;
	certificate.field[F_ISSUER] = plan_responder().field[F_SUBJECT];
	assert_int_equal(judge(&plan, &answer), FUDA_EVERIFY);
}

/* Nothing that is changed or cut off counts, and nothing behind it. */
static void refuses_changed_answers(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;

	(void)state;
	plan.question = ocsp_question_der(question);
	answer_make(&plan, &der);
	for (size_t i = 0; i < der.len; i++) {
		der.data[i] ^= (uint8_t)(1 << i % 8);
		if (judge_at(&der, TEST_NOW, &answer) == 0)
			fail_msg("byte %zu", i);
		der.data[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < der.len; len++) {
		struct fuda_buf part = der;

		part.len = len;
		assert_true(judge_at(&part, TEST_NOW, &answer) < 0);
	}
	assert_int_equal(judge_at(&der, TEST_NOW, &answer), 0);
	assert_int_equal(fuda_buf_append(&der, "", 1), 0);
	assert_int_equal(judge_at(&der, TEST_NOW, &answer), FUDA_EFORMAT);
}

static void refuses_long_answers(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct answer_plan plan = plan_answer();
	struct ocsp_answer answer;
	char notation[2 * 16100 + 64];
	size_t n = (size_t)snprintf(notation, sizeof(notation), "30{<1.2.3>04{04{");

	(void)state;
	memset(notation + n, '0', 2 * 14000);
	snprintf(notation + n + 2 * 14000, 8, "}}}");
	plan.field[A_EXTENSIONS] = notation;
	answer_make(&plan, &der);
	assert_true(der.len <= OCSP_ANSWER_MAX);
	assert_int_equal(judge_at(&der, TEST_NOW, &answer), 0);
	memset(notation + n, '0', 2 * 16000);
	snprintf(notation + n + 2 * 16000, 8, "}}}");
	answer_make(&plan, &der);
	assert_true(der.len > OCSP_ANSWER_MAX);
	assert_int_equal(judge_at(&der, TEST_NOW, &answer), FUDA_ETOOBIG);
}

static int setup(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	if (crl_setup(state) < 0)
		return -1;
	cert_make_with(plan_auth(), F_SERIAL, "02{" FREE_SERIAL "}", &der);
	return fuda_cert_new(ctx, der.data, der.len, &card) < 0 ? -1 :
								 ocsp_question_new(ctx, trust, card, &question);
}

static int teardown(void **state)
{
	ocsp_question_free(&question);
	fuda_cert_free(&card);
	return crl_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_as_it_must),
		cmocka_unit_test(asks_anew_each_time),
		cmocka_unit_test(asks_for_cards_of_believed_cas_only),
		cmocka_unit_test(tells_good_revoked_and_unknown),
		cmocka_unit_test(knows_its_nonce),
		cmocka_unit_test(takes_other_forms),
		cmocka_unit_test(takes_what_a_responder_signs),
		cmocka_unit_test(knows_how_long_an_answer_counts),
		cmocka_unit_test(refuses_other_fields),
		cmocka_unit_test(refuses_weak_hashes),
		cmocka_unit_test(refuses_other_certificates),
		cmocka_unit_test(refuses_other_signers),
		cmocka_unit_test(refuses_other_responders),
		cmocka_unit_test(refuses_changed_answers),
		cmocka_unit_test(refuses_long_answers),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
