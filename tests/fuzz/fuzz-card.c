/* SPDX-License-Identifier: Apache-2.0 */
/* A whole signature, the records and the free readings against a card that answers anything: the
 * input is a row of responses, each behind its length in two bytes. */
#include <fuda/common.h>
#include <fuda/face.h>
#include <fuda/jpki.h>
#include <fuda/text.h>

#include "base/cursor.h"
#include "card/card.h"
#include "tests/fuzz/fuzz.h"

struct answers {
	struct cursor c;
	unsigned verifies, commands;
};

static int answer(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
		  struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct answers *a = r->priv;
	const uint8_t *bytes;
	uint16_t n;

	(void)dl;
	if (command[1] == 0x20 && len > 5) {
		if (!(flags & TRANSMIT_ONCE) || ++a->verifies > 1)
			abort();
	}
	if (++a->commands > 20000)
		abort(); /* a card must not keep us for ever */
	if (cur_u16(&a->c, &n) < 0)
		return ctx_fail_code(r->ctx, FUDA_EREMOVED);
	if (n >= 0xFF00) { /* a fault instead of an answer */
		r->epoch += n & 1;
		return ctx_fail_code(r->ctx, n & 2 ? FUDA_ERESET : FUDA_ETRANSPORT);
	}
	if (cur_take(&a->c, MIN((size_t)n, a->c.left), &bytes) < 0)
		abort();
	return fuda_buf_append(ret_response, bytes, MIN((size_t)n, (size_t)(a->c.p - bytes)));
}

static int power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	(void)how;
	(void)dl;
	r->epoch++;
	return 0;
}

static void close_reader(struct reader *r)
{
	(void)r;
}

static const struct driver driver = {
	.name = "fuzz", .close = close_reader, .power = power, .transmit = answer
};

static void fuzz_seeds(void)
{
	/* SELECT, certificate, counter, VERIFY, signature cut short; then with 61xx, 6Cxx, faults
	 */
	fuzz_seed_hex("0002 9000 0007 3003020101 9000 0002 63C3 0002 9000 0004 AABB 9000");
	fuzz_seed_hex("0002 6F00 0002 9000 0002 6982 0002 6700 0002 63C2 0002 9000");
	fuzz_seed_hex("FF03 0002 9000 0002 6A86 0002 9000 0006 30820200 9000 FF00 0002 9000");
	fuzz_seed_hex("0002 9000 0002 6C10 0002 6110 0003 AA 6101 0002 9000 0002 6984");
	/* SELECT, certificate, counter, VERIFY, My Number, attributes, integrity, key, challenge */
	fuzz_seed_hex("0002 9000 0006 7F2101AA 9000 0002 63C3 0002 9000 0006 FF1000FF 9000"
		      "0006 FF2001AA 9000 0006 FF3001AA 9000 0006 FF5001AA 9000 0003 AA 9000");
	/* a record and its key reference; a data object that takes extended length */
	fuzz_seed_hex("0002 9000 0005 010131 9000 0014 0210 000102030405060708090A0B0C0D0E0F 9000");
	fuzz_seed_hex("0002 9000 0002 6700 0003 AA 9000");
}

/* Starts the row of answers again. */
static void again(struct answers *a, const uint8_t *data, size_t len)
{
	*a = (struct answers){ .c = cur_of(data, len) };
}

/* What asks for no secret. */
static void read_free(struct fuda_card *card, struct fuda_deadline *dl, struct answers *a,
		      const uint8_t *data, size_t len)
{
	uint8_t reference[FUDA_KEY_REFERENCE];
	struct fuda_buf object = FUDA_BUF_INIT(FUDA_CV_MAX);
	struct fuda_common common;
	struct fuda_basic basic;

	again(a, data, len);
	(void)fuda_text_basic(card, dl, &basic);
	again(a, data, len);
	(void)fuda_face_basic(card, dl, &basic);
	again(a, data, len);
	(void)fuda_common_read(card, dl, &common);
	again(a, data, len);
	(void)fuda_juki_read(card, dl, reference);
	again(a, data, len);
	if (fuda_card_object(card, FUDA_CARD_CV_LOWER, dl, &object) < 0 && object.len)
		abort();
	fuda_buf_free(&object);
	if (a->verifies)
		abort();
}

/* What does; a reading gives all or nothing. */
static void read_records(struct fuda_card *card, struct fuda_deadline *dl,
			 struct fuda_pin_entry *pin, struct answers *a, const uint8_t *data,
			 size_t len)
{
	struct fuda_text_request text = { .my_number = true, .attributes = true,
					  .with = FUDA_PIN_TEXT, .pin = pin };
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	struct fuda_face_records faces = FUDA_FACE_RECORDS_INIT;
	struct fuda_face_request face = { .face = true, .with = FUDA_PIN_B };
	struct fuda_pin_entry b;
	struct fuda_secret *secret;

	for (int secure = 0; secure < 2; secure++) {
		again(a, data, len);
		text.secure_messaging = secure;
		if (fuda_text_read(card, &text, dl, &records) < 0 ?
			    records.certificate.len != 0 :
			    records.response.signature.len != 256)
			abort();
		fuda_text_records_free(&records);
	}
	if (fuda_secret_new("55021720352285", 14, &secret) < 0)
		abort();
	b = FUDA_PIN_ENTRY(secret);
	face.pin = &b;
	again(a, data, len);
	if (fuda_face_read(card, &face, dl, &faces) < 0 ? faces.face.len != 0 :
							  !faces.face.len)
		abort();
	fuda_face_records_free(&faces);
	fuda_secret_free(&secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct fuda_digest digest = { FUDA_SHA256, 32, { 0 } };
	struct fuda_buf sig = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	struct fuda_buf cert = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX);
	struct answers a = { .c = cur_of(data, len) };
	struct reader *r = calloc(1, sizeof(*r));
	struct fuda_jpki_token token;
	struct fuda_jpki_availability availability;
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct fuda_secret *pin;
	struct fuda_pin_entry entry;
	struct fuda_card *card;

	if (!r || fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0 ||
	    fuda_secret_new("1234", 4, &pin) < 0)
		abort();
	*r = (struct reader){ .ctx = ctx, .driver = &driver, .priv = &a, .name = strdup("fuzz:"),
			      .max_command = APDU_COMMAND_MAX, .max_response = APDU_RESPONSE_MAX };
	if (card_wrap(ctx, &r, &card) < 0)
		abort();
	entry = FUDA_PIN_ENTRY(pin);
	(void)fuda_jpki_token(card, dl, &token);
	a.c = cur_of(data, len);
	(void)fuda_jpki_availability(card, dl, &availability);
	a.c = cur_of(data, len);
	if (fuda_jpki_sign_digest(card, FUDA_JPKI_AUTH, &digest, &entry, dl, &sig, &cert) == 0 &&
	    sig.len != 256)
		abort();
	read_free(card, dl, &a, data, len);
	read_records(card, dl, &entry, &a, data, len);
	fuda_card_free(&card);
	fuda_secret_free(&pin);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	fuda_buf_free(&sig);
	fuda_buf_free(&cert);
	return 0;
}
