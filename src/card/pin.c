/* SPDX-License-Identifier: Apache-2.0 */
/* The one door for PINs: the only code that sends a command with a secret in it. */
#include "card/pin.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/secret.h"
#include "card/pin-door.h"

enum charset { DIGITS, CAPITALS_AND_DIGITS };

enum { LONGEST = 16 /* bytes of a secret */ };

/* card.md 3.2 */
static const struct {
	const char *name, *title, *form;
	size_t min, max;
	enum charset charset;
	int tries; /* when nothing was spent; 0 if not established */
} pins[] = {
	[FUDA_PIN_AUTH] = { "auth", N_("PIN for user authentication"), N_("4 digits"), 4, 4, DIGITS,
			    3 },
	[FUDA_PIN_SIGN] = { "sign", N_("password for digital signatures"),
			    N_("6 to 16 letters and digits"), 6, LONGEST, CAPITALS_AND_DIGITS, 5 },
	[FUDA_PIN_TEXT] = { "text", N_("PIN for the card's text data"), N_("4 digits"), 4, 4,
			    DIGITS, 3 },
	[FUDA_PIN_JUKI] = { "juki", N_("PIN for the resident register"), N_("4 digits"), 4, 4,
			    DIGITS, 3 },
	[FUDA_PIN_A] = { "a", N_("verification number A"), N_("12 digits"), 12, 12, DIGITS, 10 },
	[FUDA_PIN_B] = { "b", N_("verification number B"), N_("14 digits"), 14, 14, DIGITS, 10 },
	[FUDA_PIN_BIRTH] = { "birth", N_("birth date key"), N_("6 digits"), 6, 6, DIGITS, 0 },
};

#define ISO_CHANGE    { 0x00, 0x24, 0x01, true } /* CHANGE REFERENCE DATA, the new one only */
#define JICSAP_CHANGE { 0x80, 0x32, 0x00, true } /* CHANGE KEY */
#define NO_CHANGE     { 0, 0, 0, false }

/* Where the card keeps them and how they are changed: card.md 2.3 to 2.7, 3. The first place of a
 * secret is where it is verified unless somebody asks for another. */
static const struct pin_place places[] = {
	{ FUDA_PIN_AUTH, &aid_jpki, 0x0018, ISO_CHANGE },
	{ FUDA_PIN_SIGN, &aid_jpki, 0x001B, ISO_CHANGE },
	{ FUDA_PIN_TEXT, &aid_text, 0x0011, ISO_CHANGE },
	{ FUDA_PIN_A, &aid_text, 0x0014, NO_CHANGE },
	{ FUDA_PIN_B, &aid_text, 0x0015, NO_CHANGE },
	{ FUDA_PIN_BIRTH, &aid_face, 0x0011, NO_CHANGE },
	{ FUDA_PIN_B, &aid_face, 0x0012, NO_CHANGE },
	{ FUDA_PIN_A, &aid_face, 0x0013, NO_CHANGE },
	{ FUDA_PIN_JUKI, &aid_juki, 0x001C, JICSAP_CHANGE },
	{ FUDA_PIN_JUKI, &aid_common, 0x001C, JICSAP_CHANGE },
};

_Static_assert(ARRAY_SIZE(places) <= FUDA_PIN_COUNTERS_MAX, "callers have room for less");

const char *fuda_pin_name(enum fuda_pin pin)
{
	return pins[pin].name;
}

const char *fuda_pin_title(enum fuda_pin pin)
{
	return _(pins[pin].title);
}

const char *fuda_pin_form(enum fuda_pin pin)
{
	return _(pins[pin].form);
}

size_t pin_digits(enum fuda_pin pin)
{
	return pins[pin].charset == DIGITS && pins[pin].min == pins[pin].max ? pins[pin].max : 0;
}

/* ---- form ---- */

/* The byte that the card compares, or 0 if it cannot be part of the secret. */
static uint8_t fold(enum charset set, uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c;
	if (set == DIGITS)
		return 0;
	if (c >= 'a' && c <= 'z') /* the card knows capitals only, card.md 3.2 */
		return (uint8_t)(c - 'a' + 'A');
	return c >= 'A' && c <= 'Z' ? c : 0;
}

int fuda_pin_check(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *secret)
{
	bool good = secret->len >= pins[pin].min && secret->len <= pins[pin].max;

	ctx_step(ctx, _("check the form of the PIN"));
	for (size_t i = 0; i < secret->len; i++)
		good = good && fold(pins[pin].charset, secret->bytes[i]);
	if (good)
		return 0;
	return ctx_fail(ctx, FUDA_EPINFORM,
			_("The %s has %s. What was given cannot be right and was not sent to the "
			  "card; no try was spent."),
			_(pins[pin].title), _(pins[pin].form));
}

int pin_folded(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *secret,
	       struct fuda_secret **ret)
{
	int r = fuda_secret_new(secret->bytes, secret->len, ret);

	if (r < 0)
		return ctx_fail_code(ctx, r);
	for (size_t i = 0; i < secret->len; i++)
		(*ret)->bytes[i] = fold(pins[pin].charset, secret->bytes[i]);
	return 0;
}

/* ---- counters ---- */

enum { CLA = 0x00, INS_VERIFY = 0x20 };

/* The counter that a status word tells, FUDA_TRIES_UNKNOWN if none. */
static int tries_of(uint16_t sw)
{
	if ((sw & 0xFFF0) == 0x63C0)
		return sw & 0x0F;
	if (sw == 0x6984 || sw == 0x6983) /* card.md 0.2 */
		return 0;
	return FUDA_TRIES_UNKNOWN;
}

/* VERIFY without data asks for the counter and spends nothing (card.md 3). Not card_command(),
 * which has no part in VERIFY of any form. */
static int transmit_query(struct fuda_card *c, uint8_t p2, bool five_bytes,
			  struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	const uint8_t query[] = { CLA, INS_VERIFY, 0x00, p2, 0x00 };

	return reader_transmit(c->reader, query, five_bytes ? 5 : 4, 0, dl, ret_response);
}

static int send_query_once(struct fuda_card *c, uint8_t p2, bool five_bytes,
			   struct fuda_deadline *dl, uint16_t *ret_sw)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int r = transmit_query(c, p2, five_bytes, dl, &response);

	if (r < 0)
		return r;
	if (apdu_take_sw(&response, ret_sw) < 0)
		return ctx_fail_code(c->ctx, FUDA_EFORMAT);
	return 0;
}

static int send_query(struct fuda_card *c, uint8_t p2, bool five_bytes, struct fuda_deadline *dl,
		      uint16_t *ret_sw)
{
	int r;

	do {
		r = send_query_once(c, p2, five_bytes, dl, ret_sw);
	} while (r < 0 && (r = card_recover(c, r, dl)) == 0);
	return r;
}

/* Asks with the P2 given, in 5 bytes where reader or card does not take 4 (card.md 3). */
static int query(struct fuda_card *c, uint8_t p2, struct fuda_deadline *dl, uint16_t *ret_sw)
{
	int r = send_query(c, p2, false, dl, ret_sw);

	if (r == 0 && !c->greeted && *ret_sw == 0x6F00)
		r = send_query(c, p2, false, dl, ret_sw);
	if (r == 0 && *ret_sw == 0x6700)
		r = send_query(c, p2, true, dl, ret_sw);
	return r;
}

int pin_read_counter(struct fuda_card *c, const struct pin_place *place, struct fuda_deadline *dl,
		     int *ret_tries)
{
	uint16_t sw;
	int r = card_select_file(c, place->fid, dl);

	if (r == 0)
		r = query(c, PIN_P2_CURRENT, dl, &sw);
	if (r == 0)
		*ret_tries = tries_of(sw);
	return r;
}

/* Reads the counter at a place whose application is selected, and finds the P2 that addresses it:
 * by short identifier, or else as the current file. A counter that cannot be read is
 * FUDA_TRIES_UNKNOWN; FUDA_ENOTFOUND if the secret is not on the card. */
static int read_counter(struct fuda_card *c, const struct pin_place *place,
			struct fuda_deadline *dl, int *ret_tries, uint8_t *ret_p2)
{
	const uint8_t p2 = (uint8_t)(PIN_P2_CURRENT | place->fid);
	uint16_t sw;
	int r;

	ctx_step(c->ctx, _("read the try counter"));
	r = query(c, p2, dl, &sw);
	if (r == 0 && tries_of(sw) != FUDA_TRIES_UNKNOWN) {
		c->file = place->fid;
		*ret_tries = tries_of(sw);
		*ret_p2 = p2;
		return 0;
	}
	if (r < 0)
		return r;
	c->file = 0;
	*ret_p2 = PIN_P2_CURRENT;
	return pin_read_counter(c, place, dl, ret_tries);
}

/* Reads the counters of the secrets in `wanted`, a set of bits. */
static int read_counters(struct fuda_card *c, unsigned wanted, struct fuda_deadline *dl,
			 struct fuda_pin_counter *ret_counters, size_t *ret_count)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	const struct aid *absent = NULL;
	size_t count = 0;
	int r = fuda_card_begin(c, dl);

	if (r < 0)
		return r;
	job = c;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct fuda_pin_counter *counter = &ret_counters[count];
		uint8_t p2;

		if (places[i].aid == absent || !(wanted & 1u << places[i].pin))
			continue;
		ctx_step(c->ctx, _("read the try counters"));
		r = card_select(c, places[i].aid, dl);
		if (r == FUDA_ENOTFOUND)
			absent = places[i].aid;
		if (r == 0)
			r = read_counter(c, &places[i], dl, &counter->tries, &p2);
		if (r == FUDA_ENOTFOUND)
			continue;
		/* One counter that the card does not tell is no reason to hide the others. */
		if (r == FUDA_ESW || r == FUDA_ESECURITY)
			counter->tries = FUDA_TRIES_UNKNOWN;
		else if (r < 0)
			return r;
		counter->pin = places[i].pin;
		counter->application = places[i].aid->name;
		count++;
	}
	*ret_count = count;
	return 0;
}

int fuda_pin_counters(struct fuda_card *c, struct fuda_deadline *dl,
		      struct fuda_pin_counter *ret_counters, size_t *ret_count)
{
	return read_counters(c, ~0u, dl, ret_counters, ret_count);
}

int fuda_pin_tries(struct fuda_card *c, enum fuda_pin pin, struct fuda_deadline *dl, int *ret_tries)
{
	struct fuda_pin_counter counters[FUDA_PIN_COUNTERS_MAX];
	int tries = FUDA_TRIES_UNKNOWN;
	size_t count;
	int r = read_counters(c, 1u << pin, dl, counters, &count);

	if (r < 0)
		return r;
	if (!count)
		return ctx_fail(c->ctx, FUDA_ENOTFOUND, _("The card has no %s."),
				_(pins[pin].title));
	for (size_t i = 0; i < count; i++)
		if (tries == FUDA_TRIES_UNKNOWN ||
		    (counters[i].tries != FUDA_TRIES_UNKNOWN && counters[i].tries < tries))
			tries = counters[i].tries;
	*ret_tries = tries;
	return 0;
}

/* ---- commands with a secret ---- */

const struct pin_place *pin_place(enum fuda_pin pin, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].pin == pin && n-- == 0)
			return &places[i];
	return NULL;
}

/* The place in application `aid`, or the first one for NULL. NULL if there is none. */
static const struct pin_place *place_of(enum fuda_pin pin, const struct aid *aid)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].pin == pin && (!aid || places[i].aid == aid))
			return &places[i];
	return NULL;
}

int pin_check_tries(struct fuda_card *c, enum fuda_pin pin, int tries, bool use_last_try)
{
	if (tries == 0)
		return ctx_fail(c->ctx, FUDA_EPINBLOCKED,
				_("The %s is blocked. It can be reset at the municipal office."),
				_(pins[pin].title));
	if (tries > 1 || use_last_try)
		return 0;
	if (tries == FUDA_TRIES_UNKNOWN)
		return ctx_fail(c->ctx, FUDA_ELASTTRY,
				_("The card does not say how many tries of the %s are left, so "
				  "this may be the last one. It was not sent."),
				_(pins[pin].title));
	return ctx_fail(c->ctx, FUDA_ELASTTRY,
			_("Only one try of the %s is left; a mistake would block it. It was not "
			  "sent."),
			_(pins[pin].title));
}

/* For who spends the tries of somebody else. */
static int check_least(struct fuda_card *c, enum fuda_pin pin, const struct fuda_pin_entry *entry)
{
	int r = pin_check_tries(c, pin, entry->tries_before, false);

	if (r < 0 || entry->tries_before >= entry->tries_least)
		return r;
	return ctx_fail(c->ctx, FUDA_ELASTTRY,
			_("The %s has %d of %d tries left: somebody has spent the others. It was "
			  "not sent."),
			_(pins[pin].title), entry->tries_before, entry->tries_least);
}

int pin_ready(struct fuda_card *c, struct fuda_deadline *dl)
{
	int r = deadline_check(dl);

	if (r == 0 && c->epoch != c->reader->epoch)
		r = FUDA_ERESET;
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

int pin_send(struct fuda_card *c, const struct pin_command *command, uint8_t p2, enum fuda_pin pin,
	     struct fuda_secret *secret, struct fuda_deadline *dl, uint16_t *ret_sw)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	const uint8_t header[] = { command->cla, command->ins, command->p1, p2,
				   (uint8_t)secret->len };
	bool sent_before = c->secret_sent;
	int r;

	_Static_assert(sizeof(header) + LONGEST <= sizeof(secret->command), "a command fits");
	memcpy(secret->command, header, sizeof(header));
	for (size_t i = 0; i < secret->len; i++)
		secret->command[sizeof(header) + i] = fold(pins[pin].charset, secret->bytes[i]);
	c->secret_sent = true;
	r = reader_transmit(c->reader, secret->command, sizeof(header) + secret->len, TRANSMIT_ONCE,
			    dl, &response);
	wipe(secret->command, sizeof(secret->command));
	if (r == FUDA_ERESET) /* before the command, which did not leave: reader/driver.h */
		c->secret_sent = sent_before;
	if (r < 0)
		return r;
	if (apdu_take_sw(&response, ret_sw) < 0 || response.len)
		return ctx_fail(c->ctx, FUDA_EFORMAT, _("it is not an answer to this command"));
	return 0;
}

int pin_read_again(struct fuda_card *c, const struct pin_place *place, int *ret_tries)
{
	uint8_t p2;
	int r;

	/* The caller's time may be what ran out. */
	fuda_deadline_restart(c->closing, PIN_CLOSING_MS);
	r = card_restore(c, c->closing);
	return r < 0 ? r : read_counter(c, place, c->closing, ret_tries, &p2);
}

/* An entry on the reader that ended with `error`; the counter, read again, is as before. */
static int not_typed(struct fuda_card *c, struct fuda_pin_entry *entry, bool unsent, int error,
		     const char *cause)
{
	entry->sent = !unsent;
	if (error == FUDA_ENOTSUP)
		return ctx_fail(c->ctx, error,
				_("%s No try was lost: %d are left. \"--no-pin-pad\" asks for it "
				  "on the computer."),
				cause, entry->tries_after);
	if (!unsent) /* it may have left, and been right */
		return ctx_fail(c->ctx, error,
				_("The entry on the reader was given up (%s). No try was lost: %d "
				  "are left."),
				cause, entry->tries_after);
	return ctx_fail(c->ctx, error,
			_("%s Nothing was sent to the card. Tries left, as before: %d."), cause,
			entry->tries_after);
}

/* The answer to VERIFY was lost, with `error`; `unsent`: the reader says that there was no VERIFY.
 * Finds out what can be found out without another one. */
static int outcome_unknown(struct fuda_card *c, const struct pin_place *place, bool unsent,
			   int error, struct fuda_pin_entry *entry)
{
	bool typed = !entry->secret && (error == FUDA_ETIMEOUT || error == FUDA_ECANCELLED ||
					error == FUDA_EPINFORM || error == FUDA_ENOTSUP);
	enum fuda_pin pin = place->pin;
	char cause[512];
	int r;

	snprintf(cause, sizeof(cause), "%s", fuda_context_message(c->ctx));
	r = pin_read_again(c, place, &entry->tries_after);
	ctx_step(c->ctx, _("verify the PIN"));
	if (r < 0 || entry->tries_after == FUDA_TRIES_UNKNOWN)
		return ctx_fail(c->ctx, FUDA_EUNKNOWN,
				_("The card's answer to the %s was lost (%s), and the try counter "
				  "could not be read again. A try may have been spent: look with "
				  "\"fuda pin status\" before you go on."),
				_(pins[pin].title), cause);
	if (entry->tries_before == FUDA_TRIES_UNKNOWN)
		return ctx_fail(c->ctx, FUDA_EUNKNOWN,
				_("The card's answer to the %s was lost (%s). Tries left: %d; "
				  "whether one was spent is not known, as the counter could not "
				  "be read before."),
				_(pins[pin].title), cause, entry->tries_after);
	if (entry->tries_after < entry->tries_before)
		return ctx_fail(c->ctx, FUDA_EUNKNOWN,
				_("The card's answer to the %s was lost (%s). The counter went "
				  "from %d to %d: it was wrong, or the try was spent."),
				_(pins[pin].title), cause, entry->tries_before, entry->tries_after);
	/* A higher counter tells of a VERIFY that was right. */
	if (typed && entry->tries_after == entry->tries_before)
		return not_typed(c, entry, unsent, error, cause);
	return ctx_fail(c->ctx, FUDA_EUNKNOWN,
			_("The card's answer to the %s was lost (%s). No try was lost: %d are "
			  "left."),
			_(pins[pin].title), cause, entry->tries_after);
}

/* Whether it says that the command was not carried out: ISO 7816-4 5.1.3. 6F, and what is no status
 * at all, say nothing. */
static bool says_refused(uint16_t sw)
{
	static const uint8_t firsts[] = { 0x64, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E };

	return memchr(firsts, sw >> 8, sizeof(firsts));
}

/* What the card's answer to VERIFY means. */
static int judge(struct fuda_card *c, enum fuda_pin pin, struct fuda_pin_entry *entry, uint8_t p2,
		 uint16_t sw, struct fuda_deadline *dl)
{
	bool spent;

	entry->sw = sw;
	if (sw == 0x9000) {
		/* Success resets the counter (card.md 3.2); asking again would cost a command. */
		entry->tries_after = pins[pin].tries ? MAX(pins[pin].tries, entry->tries_before) :
						       FUDA_TRIES_UNKNOWN;
		return 0;
	}
	entry->tries_after = tries_of(sw);
	if (entry->tries_after == FUDA_TRIES_UNKNOWN) {
		uint16_t counter;

		if (query(c, p2, dl, &counter) == 0)
			entry->tries_after = tries_of(counter);
	}
	ctx_step(c->ctx, _("verify the PIN"));
	if (entry->tries_after == 0)
		return ctx_fail_sw(c->ctx, FUDA_EPINBLOCKED, sw,
				   _("The %s was not accepted and is blocked now. It can be set "
				     "anew at the municipal office."),
				   _(pins[pin].title));
	/* Whatever it says, a try that is gone was a wrong PIN (card.md 3.2). */
	spent = entry->tries_after != FUDA_TRIES_UNKNOWN &&
		entry->tries_after < entry->tries_before;
	if (sw >> 8 != 0x63 && !says_refused(sw) &&
	    MIN(entry->tries_before, entry->tries_after) == FUDA_TRIES_UNKNOWN)
		return ctx_fail_sw(c->ctx, FUDA_EUNKNOWN, sw,
				   _("The card's answer to the %s does not say what came of it, "
				     "and the try counter does not either. A try may have been "
				     "spent: look with \"fuda pin status\" before you go on."),
				   _(pins[pin].title));
	if (sw >> 8 != 0x63 && !spent)
		return ctx_fail_sw(c->ctx, FUDA_ESW, sw,
				   says_refused(sw) ? _("The card did not check the %s.") :
						      _("The card's answer to the %s does not say "
							"what came of it, but no try was spent."),
				   _(pins[pin].title));
	if (entry->tries_after == FUDA_TRIES_UNKNOWN)
		return ctx_fail_sw(c->ctx, FUDA_EPINWRONG, sw, _("The %s was wrong."),
				   _(pins[pin].title));
	return ctx_fail(c->ctx, FUDA_EPINWRONG,
			dngettext(TEXT_DOMAIN, "The %s was wrong. %d try is left.",
				  "The %s was wrong. %d tries are left.",
				  (unsigned long)entry->tries_after),
			_(pins[pin].title), entry->tries_after);
}

int pin_present(struct fuda_card *c, const struct pin_place *place, uint8_t p2,
		struct fuda_pin_entry *entry, struct fuda_deadline *dl)
{
	static const struct pin_command verify = { CLA, INS_VERIFY, 0x00, true };
	bool unsent = false;
	uint16_t sw;
	int r;

	entry->tries_after = entry->tries_before;
	ctx_step(c->ctx, _("verify the PIN"));
	r = entry->tries_least ?
		    check_least(c, place->pin, entry) :
		    pin_check_tries(c, place->pin, entry->tries_before, entry->use_last_try);
	if (r == 0)
		r = pin_ready(c, dl);
	if (r < 0)
		return r;
	entry->sent = true;
	entry->tries_after = FUDA_TRIES_UNKNOWN;
	if (entry->secret)
		r = pin_send(c, &verify, p2, place->pin, entry->secret, dl, &sw);
	else
		r = pin_send_typed(c, &verify, p2, place->pin, dl, &sw, &unsent);
	if (r == FUDA_ERESET) {
		entry->sent = false;
		entry->tries_after = entry->tries_before;
		return r;
	}
	if (r < 0)
		return outcome_unknown(c, place, unsent, r, entry);
	return judge(c, place->pin, entry, p2, sw, dl);
}

int pin_verify(struct fuda_card *c, enum fuda_pin pin, const struct aid *aid,
	       struct fuda_pin_entry *entry, struct fuda_deadline *dl)
{
	const struct pin_place *place = place_of(pin, aid);
	uint8_t p2;
	int r;

	entry->tries_before = entry->tries_after = FUDA_TRIES_UNKNOWN;
	entry->sent = false;
	entry->sw = 0;
	if (!place)
		return ctx_fail_code(c->ctx, FUDA_EINVAL);
	r = pin_check_entry(c, pin, entry);
	if (r == 0)
		r = card_select(c, place->aid, dl);
	if (r == 0)
		r = read_counter(c, place, dl, &entry->tries_before, &p2);
	return r < 0 ? r : pin_present(c, place, p2, entry, dl);
}

int fuda_pin_verify(struct fuda_card *c, enum fuda_pin pin, const char *application,
		    struct fuda_pin_entry *entry, struct fuda_deadline *dl)
{
	const struct aid *aid = NULL;

	for (size_t i = 0; application && i < ARRAY_SIZE(places); i++)
		if (places[i].pin == pin && strcmp(places[i].aid->name, application) == 0)
			aid = places[i].aid;
	ctx_step(c->ctx, _("verify the PIN"));
	/* outside a job nobody would power the card off */
	if (!c->jobs || (application && !aid))
		return ctx_fail_code(c->ctx, FUDA_EINVAL);
	return pin_verify(c, pin, aid, entry, dl);
}

int fuda_pin_query(struct fuda_card *c, uint8_t p2, bool five_bytes, struct fuda_deadline *dl,
		   struct fuda_buf *ret_response)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	int r = fuda_card_begin(c, dl);

	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _("read the try counter"));
	c->file = 0; /* becomes what P2 says, card.md 3; whatever the caller made it is not known */
	return transmit_query(c, p2, five_bytes, dl, ret_response);
}
