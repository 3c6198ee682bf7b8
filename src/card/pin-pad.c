/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are typed on the keys of the reader: this computer never has them.
 *
 * How the reader shall put the digits into the command is an inference from the form that the card
 * takes (readers.md A5); it was tried on emulated readers only, not with a real pin pad. */
#include <fuda/pin.h>

#include "base/deadline.h"
#include "card/pin-door.h"
#include "reader/pad.h"

enum {
	FORMAT_ASCII_LEFT = 0x82,  /* bmFormatString: units of bytes, right behind Lc, ASCII */
	KEY_PRESSED = 0x02,	   /* bEntryValidationCondition: the one that all readers know */
	ONE_MESSAGE = 1,	   /* the first; some readers know no other number */
	LANGUAGE = 0x0409,	   /* English, United States: what readers without a choice have */
	FILLER = 0xFF,		   /* in the place of a digit: never one */
	HEADER = 5,
	DIGITS_MAX = 15,	   /* bmPINBlockString has four bits for them */
	MARGIN_S = 3,		   /* for the reader to give up before the caller does */
	USUAL_S = 30,
};

bool fuda_card_has_pin_pad(const struct fuda_card *c)
{
	return c->reader->driver->secure && (c->reader->pad & READER_PAD_VERIFY);
}

int pin_check_entry(struct fuda_card *c, enum fuda_pin pin, const struct fuda_pin_entry *entry)
{
	if (entry->secret)
		return fuda_pin_check(c->ctx, pin, entry->secret);
	ctx_step(c->ctx, _("check the form of the PIN"));
	if (!fuda_card_has_pin_pad(c))
		return ctx_fail(c->ctx, FUDA_ENOTSUP,
				_("This reader has no keys to type the %s on."),
				fuda_pin_title(pin));
	if (!pin_digits(pin))
		return ctx_fail(c->ctx, FUDA_ENOTSUP,
				_("The %s has letters, which the keys of a reader lack. Type it "
				  "on the computer."),
				fuda_pin_title(pin));
	return 0;
}

static uint8_t seconds_for(const struct fuda_deadline *dl)
{
	int left = deadline_left(dl);

	return left < 0 ? USUAL_S : (uint8_t)MIN(MAX(left / 1000 - MARGIN_S, 1), UINT8_MAX);
}

/* A command as long as it will be, so that the reader has no length to put in. */
static int build(const struct pin_command *command, uint8_t p2, size_t digits,
		 const struct fuda_deadline *dl, struct fuda_buf *ret)
{
	uint8_t bytes[HEADER + DIGITS_MAX] = { command->cla, command->ins, command->p1, p2,
					       (uint8_t)digits };
	struct pad_entry entry = {
		.timeout = seconds_for(dl),
		.timeout2 = seconds_for(dl),
		.format = FORMAT_ASCII_LEFT,
		.block = (uint8_t)digits,
		.min = (uint8_t)digits,
		.max = (uint8_t)digits,
		.validation = KEY_PRESSED,
		.messages = ONE_MESSAGE,
		.language = LANGUAGE,
		.command = bytes,
		.len = HEADER + digits,
	};

	for (size_t i = 0; i < digits; i++)
		bytes[HEADER + i] = FILLER;
	return pad_build_verify(&entry, ret);
}

/* What the reader says in the card's stead. 0 for anything else. */
static int not_sent(struct fuda_context *ctx, uint16_t sw)
{
	switch (sw) {
	case PAD_TIMEOUT:
		return ctx_fail(ctx, FUDA_ETIMEOUT, _("Nothing was typed on the reader in time."));
	case PAD_CANCELLED:
		return ctx_fail(ctx, FUDA_ECANCELLED,
				_("The entry was cancelled on the reader's keys."));
	case PAD_LENGTH:
		return ctx_fail(ctx, FUDA_EPINFORM,
				_("What was typed on the reader has not the right number of "
				  "digits."));
	default:
		return 0;
	}
}

int pin_send_typed(struct fuda_card *c, const struct pin_command *command, uint8_t p2,
		   enum fuda_pin pin, struct fuda_deadline *dl, uint16_t *ret_sw, bool *ret_unsent)
{
	_cleanup_buf_ struct fuda_buf structure = FUDA_BUF_INIT(PAD_STRUCTURE_MAX);
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	bool sent_before = c->secret_sent;
	uint16_t sw;
	int r = build(command, p2, pin_digits(pin), dl, &structure);

	if (r < 0)
		return ctx_fail_code(c->ctx, r);
	c->secret_sent = true;
	r = reader_secure(c->reader, false, structure.data, structure.len, dl, &response);
	if (r == FUDA_ERESET) /* before the command, which did not leave: reader/driver.h */
		c->secret_sent = sent_before;
	if (r < 0)
		return r;
	if (apdu_take_sw(&response, &sw) < 0 || response.len)
		return ctx_fail(c->ctx, FUDA_EFORMAT, _("it is not an answer to this command"));
	r = not_sent(c->ctx, sw);
	*ret_unsent = r < 0;
	if (r == 0)
		*ret_sw = sw;
	return r;
}
