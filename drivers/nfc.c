/* SPDX-License-Identifier: Apache-2.0 */
/* "nfc:CONNSTRING": an NFC chip that libnfc drives, as the connection string names it
 * (pn532_uart:/dev/ttyUSB0); "nfc:" alone is the one that libnfc takes by itself. Looking for such
 * devices disturbs others that happen to be on a serial port, so they are not listed.
 *
 * The chip does ISO/IEC 14443-4 itself. Tried with an emulated PN532 only. */
#include <stdio.h>
#include <stdlib.h>

#include "drivers/nfc-helper.h"
#include "reader/contactless.h"
#include "reader/driver.h"

enum {
	LATER_MS = 100, /* libnfc gives up on the chip so long after us, and can clean up then */
	PATIENCE_MS = 60000, /* that it has where we have no end */
	CLOSE_MS = 1000,     /* for the helper to end in order */
	FAREWELL_MS = 3000,  /* the same where the card may hold a verified secret */
	ANEW_MS = 2000,      /* for another one to switch the field off, if it did not */
};

struct nfc {
	struct nfc_helper *helper; /* NULL: killed */
	bool over;                 /* it was given up */
	bool powered;              /* the card */
	bool lost;                 /* the card is, until it is powered again */
	bool secret;               /* one was sent since the card had power */
};

/* ---- asking the helper ---- */

/* %s is nothing, or what libnfc says, in parentheses */
#define NO_DEVICE                                                                             \
	N_("libnfc finds no device there%s. Check the name of the reader and its cable; "     \
	   "\"LIBNFC_DEFAULT_DEVICE=CONNSTRING nfc-list\", with what stands behind \"nfc:\", " \
	   "shows what libnfc sees.")
#define NOT_ALLOWED                                                                            \
	N_("This user may not use that device. The administrator has to add the user to the "  \
	   "group that it belongs to (\"ls -l\" shows it; often it is dialout).")
#define TAKEN       N_("Another program uses that device. End it and try again.")
#define NO_CARD     N_("There is no card on the reader. Lay it on the reader.")
#define CARD_PULLED N_("The card was removed. Put it back, leave it there and try again.")
#define CARD_LOST                                                                         \
	N_("The command did not get through to the card and back%s. Leave the card still " \
	   "and try again.")
#define TOO_LONG N_("The response is longer than the reader can take.")
#define BROKEN   N_("The reader does not work any more%s. Check its cable and open it again.")
#define GIVEN_UP                                                                                  \
	N_("The connection to this reader was given up, because it did not answer in time. Open " \
	   "it again.")

static const struct {
	int code;
	const char *text;
} failures[NFC_SAIDS] = {
	[NFC_SAID_NO_DEVICE] = { FUDA_ENOREADER, NO_DEVICE },
	[NFC_SAID_DENIED] = { FUDA_EACCESS, NOT_ALLOWED },
	[NFC_SAID_BUSY] = { FUDA_EBUSY, TAKEN },
	[NFC_SAID_NO_CARD] = { FUDA_ENOCARD, NO_CARD },
	[NFC_SAID_REMOVED] = { FUDA_EREMOVED, CARD_PULLED },
	[NFC_SAID_LOST] = { FUDA_ETRANSPORT, CARD_LOST },
	[NFC_SAID_TOO_LONG] = { FUDA_ETRANSPORT, TOO_LONG },
	[NFC_SAID_FAILED] = { FUDA_EREADERGONE, BROKEN },
};

enum { REMARK_SIZE = NFC_TEXT_MAX + 8 };

/* " (...)", of printable ASCII, or nothing. */
static const char *remark(const char *words, size_t len, char ret[REMARK_SIZE])
{
	size_t n = 0;

	ret[0] = '\0';
	if (!len)
		return ret;
	n = (size_t)snprintf(ret, REMARK_SIZE, " (");
	for (size_t i = 0; i < len && i < NFC_TEXT_MAX; i++)
		ret[n++] = words[i] >= 0x20 && words[i] < 0x7F ? words[i] : ' ';
	snprintf(ret + n, REMARK_SIZE - n, ")");
	return ret;
}

static void give_up(struct nfc *p)
{
	nfc_helper_hang_up(p->helper);
	p->over = true;
	p->powered = false;
}

/* The helper has taken the card's power away. */
static void lose_card(struct reader *r)
{
	struct nfc *p = r->priv;

	p->lost = true;
	p->powered = p->secret = false;
	r->epoch++;
}

/* `words` are what libnfc said last. */
static int explain_silence(struct reader *r, int code, const char *words)
{
	char text[REMARK_SIZE];

	switch (code) {
	case FUDA_EREADERGONE:
		return ctx_fail(r->ctx, code,
				_("The program that serves the reader ended%s. Open the reader "
				  "again."),
				remark(words, strlen(words), text));
	case FUDA_ETRANSPORT:
		return ctx_fail(r->ctx, code,
				_("The program that serves the reader cannot be understood. "
				  "Install all of this software in the same version."));
	case FUDA_ETIMEOUT:
		return ctx_fail(r->ctx, code, _("The reader or the card did not answer in time."));
	default:
		return ctx_fail_code(r->ctx, code);
	}
}

static int explain_answer(struct reader *r, const struct nfc_answer *a, const char *words)
{
	const char *said = a->len ? (const char *)a->bytes : words;
	char text[REMARK_SIZE];

	return ctx_fail(r->ctx, failures[a->said].code, _(failures[a->said].text),
			remark(said, a->len ? a->len : strlen(words), text));
}

/* The answer's bytes lie in `message`. */
static int ask(struct reader *r, const struct nfc_request *q, struct fuda_deadline *dl,
	       uint8_t message[NFC_MESSAGE_MAX], struct nfc_answer *ret)
{
	struct nfc *p = r->priv;
	struct nfc_answer a;
	bool sent;
	int e;

	if (p->over)
		return ctx_fail(r->ctx, FUDA_EREADERGONE, _(GIVEN_UP));
	e = nfc_helper_ask(p->helper, q, dl, message, &sent, &a);
	if (e < 0) {
		explain_silence(r, e, nfc_helper_words(p->helper));
		if (sent || e == FUDA_EREADERGONE)
			give_up(p);
		return e;
	}
	if (a.said != NFC_SAID_DONE) {
		e = explain_answer(r, &a, nfc_helper_words(p->helper));
		if (a.said == NFC_SAID_FAILED)
			give_up(p);
		if (a.said == NFC_SAID_REMOVED || a.said == NFC_SAID_LOST)
			lose_card(r);
		return e;
	}
	*ret = a;
	return 0;
}

/* ---- the card ---- */

static int take_card(struct reader *r, const struct nfc_answer *a)
{
	struct contactless card = { 0 };
	int e = 0;

	if (a->type == NFC_TYPE_B)
		e = contactless_parse_atqb(a->bytes, a->len, &card);
	else if (a->len) /* of type A, what has no ATS does not speak it */
		e = contactless_parse_ats(a->bytes, a->len, &card);
	if (e < 0)
		return ctx_fail(r->ctx, FUDA_EMUTE,
				_("The card says of itself what cannot be understood. Take it off, "
				  "lay it on again and leave it there."));
	if (!card.iso14443_4)
		return ctx_fail(r->ctx, FUDA_EMUTE,
				_("What lies on the reader does not take commands (ISO/IEC "
				  "14443-4): it is no My Number card. Take it off, and other cards "
				  "too."));
	/* MBLI of the answer to ATTRIB is not among what libnfc gives: it is taken for 0 */
	r->atr_len = contactless_atr(&card, r->atr);
	return 0;
}

static int power_on(struct reader *r, enum nfc_ask how, struct fuda_deadline *dl)
{
	const struct nfc_request q = { .ask = how };
	uint8_t message[NFC_MESSAGE_MAX];
	struct nfc *p = r->priv;
	struct nfc_answer a;
	int e;

	p->powered = false;
	e = ask(r, &q, dl, message, &a);
	if (e == 0)
		e = take_card(r, &a);
	if (e < 0)
		return e;
	p->powered = true;
	p->lost = false;
	return 0;
}

/* Another helper takes the chip, and with that the field away; nothing is sent to the card. */
static bool switch_off_anew(struct reader *r)
{
	const char *rest = strchr(r->name, ':') + 1;
	const struct nfc_request requests[] = {
		{ NFC_ASK_OPEN, 0, (const uint8_t *)rest, strlen(rest) },
		{ .ask = NFC_ASK_OFF },
	};
	_cleanup_(fuda_deadline_free) struct fuda_deadline *dl = NULL;
	uint8_t message[NFC_MESSAGE_MAX];
	struct nfc_helper *h = NULL;
	struct nfc_answer a;
	bool sent, off = true;
	int e = fuda_deadline_new(ANEW_MS, &dl);

	if (e == 0)
		e = nfc_helper_start(r->ctx, &h);
	for (size_t i = 0; e == 0 && off && i < ARRAY_SIZE(requests); i++) {
		e = nfc_helper_ask(h, &requests[i], dl, message, &sent, &a);
		off = e == 0 && a.said == NFC_SAID_DONE;
	}
	nfc_helper_free(&h, e == 0 ? CLOSE_MS : 0);
	return e == 0 && off;
}

/* Ends the helper, which switches the field off. One that was killed, or that libnfc ended, leaves
 * it on, and the card with what was verified. */
static bool part(struct reader *r, int ms)
{
	struct nfc *p = r->priv;
	bool off = p->helper ? nfc_helper_free(&p->helper, ms) : !p->secret;

	if (!off && p->secret)
		off = switch_off_anew(r);
	p->secret = p->secret && !off;
	return off;
}

static int power_off(struct reader *r, struct fuda_deadline *dl)
{
	const struct nfc_request q = { .ask = NFC_ASK_OFF };
	uint8_t message[NFC_MESSAGE_MAX];
	struct nfc *p = r->priv;
	struct nfc_answer a;
	int e = 0;

	if (!p->over)
		e = ask(r, &q, dl, message, &a);
	else if (!part(r, FAREWELL_MS))
		e = ctx_fail(r->ctx, FUDA_EREADERGONE, _(GIVEN_UP));
	if (e < 0)
		return e;
	p->powered = p->lost = p->secret = false;
	return 0;
}

/* ---- the driver ---- */

static int nfc_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	r->epoch++;
	if (how == POWER_OFF)
		return power_off(r, dl);
	return power_on(r, how == POWER_ON ? NFC_ASK_ON : NFC_ASK_RESET, dl);
}

/* Its own time for a command is too short for a signature (readers.md A4, finding 4). */
static uint32_t patience(const struct fuda_deadline *dl)
{
	int left = deadline_left(dl);

	return left < 0 || left > PATIENCE_MS ? PATIENCE_MS : (uint32_t)left + LATER_MS;
}

static int nfc_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
			struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	const struct nfc_request q = { NFC_ASK_TRANSMIT, patience(dl), command, len };
	uint8_t message[NFC_MESSAGE_MAX];
	struct nfc *p = r->priv;
	struct nfc_answer a;
	int e = 0;

	if (p->lost)
		return ctx_fail(r->ctx, FUDA_EREMOVED, _(CARD_PULLED));
	if (!p->over && !p->powered)
		e = power_on(r, NFC_ASK_ON, dl);
	if (e < 0)
		return e;
	p->secret |= flags & TRANSMIT_ONCE;
	e = ask(r, &q, dl, message, &a);
	if (e < 0)
		return e;
	e = fuda_buf_append(ret_response, a.bytes, a.len);
	wipe(message, sizeof(message));
	return e < 0 ? ctx_fail_code(r->ctx, e) : 0;
}

/* "DRIVER:/DEVICE" of a serial port says where it is; the rest are names of makers and models. */
static void set_model(struct reader *r, const struct nfc_answer *a)
{
	size_t len = 0;

	while (len < a->len && a->bytes[len] >= 0x20 && a->bytes[len] < 0x7F &&
	       a->bytes[len] != ':')
		len++;
	snprintf(r->model, sizeof(r->model), "libnfc %.*s", (int)MIN(len, 100),
		 (const char *)a->bytes);
}

static void nfc_close(struct reader *r)
{
	struct nfc *p = r->priv;
	bool kept = ctx_keep_error(r->ctx, true);

	(void)part(r, p->secret ? FAREWELL_MS : CLOSE_MS);
	ctx_keep_error(r->ctx, kept);
	free(p);
	r->priv = NULL;
}

static int nfc_open(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	const struct nfc_request q = { NFC_ASK_OPEN, 0, (const uint8_t *)rest, strlen(rest) };
	uint8_t message[NFC_MESSAGE_MAX];
	struct nfc_answer a;
	struct nfc *p;
	int e;

	if (q.len > NFC_PLACE_MAX)
		return ctx_fail(r->ctx, FUDA_ENOREADER,
				_("No device of libnfc has so long a name."));
	p = calloc(1, sizeof(*p));
	e = p ? nfc_helper_start(r->ctx, &p->helper) : ctx_fail_code(r->ctx, FUDA_ENOMEM);
	if (e < 0) {
		free(p);
		return e;
	}
	r->priv = p;
	e = ask(r, &q, dl, message, &a);
	if (e == 0) {
		set_model(r, &a);
		e = power_on(r, NFC_ASK_ON, dl);
	}
	if (e < 0) {
		/* libnfc cannot be stopped while it opens a device */
		nfc_helper_free(&p->helper,
				e == FUDA_ETIMEOUT || e == FUDA_ECANCELLED ? 0 : CLOSE_MS);
		nfc_close(r);
		return e;
	}
	r->max_command = NFC_COMMAND_MAX;
	r->max_response = NFC_RESPONSE_MAX;
	return 0;
}

const struct driver driver_nfc = {
	.name = "nfc",
	.flags = DRIVER_HARDWARE,
	.open = nfc_open,
	.close = nfc_close,
	.power = nfc_power,
	.transmit = nfc_transmit,
};
