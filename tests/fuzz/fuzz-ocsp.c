/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of OCSP responders: nothing but what was signed is taken. */
#include "tests/fuzz/fuzz.h"

#include "base/util.h"
#include "codec/tlv.h"
#include "pki/ocsp.h"
#include "tests/crls.h"
#include "tests/ocsps.h"

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static struct ocsp_question *question;
static struct fuda_buf originals[4]; /* all that may be taken */

static void tidy(void)
{
	ocsp_question_free(&question);
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		fuda_buf_free(&originals[i]);
}

static void make_question(void)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct fuda_buf der = TEST_BUF;
	struct fuda_cert *card;

	if (fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &trust) < 0)
		abort();
	atexit(tidy);
	believe(trust, &ca);
	cert_make_with(plan_auth(), F_SERIAL, "02{" FREE_SERIAL "}", &der);
	if (fuda_cert_new(ctx, der.data, der.len, &card) < 0 ||
	    ocsp_question_new(ctx, trust, card, &question) < 0)
		abort();
	fuda_cert_free(&card);
	fuda_buf_free(&der);
}

static void make_originals(void)
{
	struct cert_plan responder = plan_responder();
	struct answer_plan plan = plan_answer();

	if (ctx)
		return;
	make_question();
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		originals[i] = TEST_BUF;
	plan.field[A_SINGLE] = "A1{30{30{<1.2.3>04{0500}}}}";
	answer_make(&plan, &originals[0]);
	plan.field[A_CERT_STATUS] = "A1{18{'20261101000000Z'}A0{0A0106}}";
	answer_make(&plan, &originals[1]);
	plan.field[A_CERT_STATUS] = STATUS_UNKNOWN;
	plan.question = ocsp_question_der(question);
	answer_make(&plan, &originals[2]);
	plan.signer = responder.key;
	plan.certificate = &responder;
	answer_make(&plan, &originals[3]);
}

/* Goes into the object that is there, behind `before` others. */
static void enter(struct cursor *c, int before)
{
	struct tlv t;

	do {
		if (tlv_next(c, &t) < 0)
			abort();
	} while (before--);
	*c = t.value;
}

/* The certificates that come with it are not signed with the rest, and the CA's own key needs none:
 * what was signed is what counts. */
static int has_original(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++) {
		struct cursor c = cur_of(originals[i].data, originals[i].len);

		enter(&c, 0); /* OCSPResponse */
		enter(&c, 1); /* responseBytes */
		enter(&c, 0);
		enter(&c, 1); /* response */
		enter(&c, 0); /* BasicOCSPResponse */
		enter(&c, 0); /* ResponseData */
		if (memmem(data, len, c.p, c.left))
			return 1;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ocsp_answer answer;

	make_originals();
	if (ocsp_judge(ctx, question, data, len, TEST_NOW, &answer) == 0 && !has_original(data, len))
		abort();
	return 0;
}

static void fuzz_seeds(void)
{
	static const struct {
		enum ocsp_field field;
		const char *notation;
	} changes[] = {
		{ A_STATUS, "0A0106" },
		{ A_EXTENSIONS, "30{<1.2.3>0101FF04{0500}}" },
		{ A_NONCE, "30{<1.3.6.1.5.5.7.48.1.2>04{04{00}}}" },
		{ A_ALGORITHM, "30{<1.2.840.10045.4.3.3>}" },
		{ A_NEXT, "" },
	};
	struct fuda_buf der = TEST_BUF;

	make_originals();
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		fuzz_seed(originals[i].data, originals[i].len);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct answer_plan plan = plan_answer();

		plan.field[changes[i].field] = changes[i].notation;
		answer_make(&plan, &der);
		fuzz_seed(der.data, der.len);
	}
	fuzz_seed_hex("30 80 0A 01 00 00 00");
	fuzz_seed_hex("30 03 0A 01 03");
	fuda_buf_free(&der);
}
