/* SPDX-License-Identifier: Apache-2.0 */
/* A whole signature and the free readings against a card that answers anything: the input is a row
 * of responses, each behind its length in two bytes. */
#include <fuda/jpki.h>

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
	fuda_card_free(&card);
	fuda_secret_free(&pin);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	fuda_buf_free(&sig);
	fuda_buf_free(&cert);
	return 0;
}
