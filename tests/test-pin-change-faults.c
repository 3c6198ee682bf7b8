/* SPDX-License-Identifier: Apache-2.0 */
/* The change of each secret on the software card, with every fault at every command. After each run
 * the card is asked what it really holds and how many tries are really left, and the report must
 * have said so; and what went past is counted: no secret more often than reported, none after a
 * lost answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <fuda/encode.h>
#include <fuda/pin.h>

#include "base/deadline.h"
#include "card/card.h"
#include "tests/cmocka.h"
#include "tests/softcard.h"
#include "tests/stage.h"

enum { DEADLINE_MS = 40, PLENTY_MS = 10000 };

static struct fuda_context *ctx;

/* ---- what is changed, and where the card keeps it ---- */

struct variant {
	enum fuda_pin pin;
	const char *settings; /* of the card */
	const char *old, *fresh;
	int tries;
	struct {
		const struct aid *aid;
		const char *fid;
		const char *holds; /* at first */
	} copies[FUDA_PIN_COPIES_MAX];
};

#define JPKI_AUTH(holds) { { &aid_jpki, "0018", holds } }
#define JPKI_SIGN(holds) { { &aid_jpki, "001B", holds } }
#define TEXT_PIN(holds)	 { { &aid_text, "0011", holds } }
#define JUKI(one, other) { { &aid_juki, "001C", one }, { &aid_common, "001C", other } }

static const struct variant auth = { FUDA_PIN_AUTH, "", "1234", "5678", 3, JPKI_AUTH("1234") };
static const struct variant auth_wrong = { FUDA_PIN_AUTH, "", "4321", "5678", 3, JPKI_AUTH("1234") };
static const struct variant sign = { FUDA_PIN_SIGN, "", SAMPLE_SIGN_SMALL, "XYZ999999", 5, JPKI_SIGN(SAMPLE_SIGN) };
static const struct variant sign_wrong = { FUDA_PIN_SIGN, "", SAMPLE_SIGN_WRONG, "XYZ999999", 5,
					   JPKI_SIGN(SAMPLE_SIGN) };
static const struct variant text = { FUDA_PIN_TEXT, "", "1234", "5678", 3, TEXT_PIN("1234") };
static const struct variant text_wrong = { FUDA_PIN_TEXT, "", "4321", "5678", 3, TEXT_PIN("1234") };
static const struct variant juki = { FUDA_PIN_JUKI, "", "1234", "5678", 3, JUKI("1234", "1234") };
static const struct variant juki_wrong = { FUDA_PIN_JUKI, "", "4321", "5678", 3, JUKI("1234", "1234") };
static const struct variant juki_differs = { FUDA_PIN_JUKI, "secret.common = 9999\n", "1234", "5678", 3,
					     JUKI("1234", "9999") };

/* ---- what went past ---- */

static struct {
	const struct aid *selected;
	unsigned sent[FUDA_PIN_COPIES_MAX]; /* commands with a secret, by copy */
	bool vague[FUDA_PIN_COPIES_MAX];    /* the answer to a change was lost or says nothing */
	bool lost;			    /* the outcome of a command with a secret is not known */
	bool sent_after_loss, not_once;
	unsigned long commands;
	const struct variant *variant;
} passed;

static size_t copy_of(const struct aid *aid)
{
	size_t i = 0;

	while (i < FUDA_PIN_COPIES_MAX - 1 && passed.variant->copies[i].aid != aid)
		i++;
	return i;
}

static void see_select(const uint8_t *command, size_t len)
{
	static const struct aid *const aids[] = { &aid_jpki, &aid_text, &aid_juki, &aid_common };

	for (size_t i = 0; i < ARRAY_SIZE(aids); i++)
		if (len == 5 + aids[i]->len && memcmp(command + 5, aids[i]->bytes, aids[i]->len) == 0)
			passed.selected = aids[i];
}

/* What these tests let a card say to a change that leaves no doubt. */
static bool is_plain(const struct fuda_buf *answer, size_t before)
{
	static const char plain[][2] = { "\x90", "\x69\x82", "\x69\x85", "\x6D", "\x67" };

	for (size_t i = 0; answer->len == before + 2 && i < ARRAY_SIZE(plain); i++)
		if (memcmp(answer->data + before, plain[i], 2) == 0)
			return true;
	return false;
}

static int watch(struct reader *r, const uint8_t *command, size_t len, unsigned flags, struct fuda_deadline *dl,
		 struct fuda_buf *ret_response)
{
	bool secret = apdu_is_pin_command(command, len) && len > 5;
	size_t before = ret_response->len, copy = copy_of(passed.selected);
	const struct driver *driver = driver_find(r->name, strcspn(r->name, ":"));
	int e;

	passed.commands++;
	if (memcmp(command, "\x00\xA4\x04", 3) == 0)
		see_select(command, len);
	if (secret) {
		passed.sent[copy]++;
		passed.sent_after_loss |= passed.lost;
		passed.not_once |= !(flags & TRANSMIT_ONCE);
	}
	e = driver->transmit(r, command, len, flags, dl, ret_response);
	if (secret && e == FUDA_ERESET) { /* before it: it did not leave */
		passed.sent[copy]--;
		return e;
	}
	if (secret && command[1] != 0x20 && (e < 0 || !is_plain(ret_response, before)))
		passed.vague[copy] = passed.lost = true;
	if (secret && (e < 0 || ret_response->len != before + 2))
		passed.lost = true;
	return e;
}

/* ---- the truth ---- */

static uint16_t ask(struct vcard *v, const char *head, const char *secret)
{
	struct fuda_buf command = FUDA_BUF_INIT(64), answer = FUDA_BUF_INIT(300);
	uint8_t lc = (uint8_t)strlen(secret);
	uint16_t sw = 0;

	assert_int_equal(fuda_hex_decode(head, &command), 0);
	if (lc) {
		assert_int_equal(fuda_buf_append(&command, &lc, 1), 0);
		assert_int_equal(fuda_buf_append(&command, secret, lc), 0);
	}
	assert_int_equal(vcard_transmit(v, command.data, command.len, &answer), 0);
	assert_int_equal(apdu_take_sw(&answer, &sw), 0);
	fuda_buf_free(&command);
	fuda_buf_free(&answer);
	return sw;
}

/* What the copy holds, and its tries left. */
static void ask_copy(struct vcard *v, const struct variant *variant, size_t i, enum fuda_pin_holds *ret_holds,
		     int *ret_tries)
{
	const struct aid *aid = variant->copies[i].aid;
	char select[64], hex[40];

	fuda_hex_encode(aid->bytes, aid->len, hex);
	snprintf(select, sizeof(select), "00A4040C0A%s", hex);
	assert_int_equal(ask(v, select, ""), 0x9000);
	snprintf(select, sizeof(select), "00A4020C02%s", variant->copies[i].fid);
	assert_int_equal(ask(v, select, ""), 0x9000);
	*ret_tries = ask(v, "00200080", "") & 0x0F;
	if (ask(v, "00200080", variant->fresh) == 0x9000) {
		*ret_holds = FUDA_PIN_HOLDS_NEW;
		return;
	}
	assert_int_equal(ask(v, "00200080", variant->copies[i].holds), 0x9000);
	*ret_holds = FUDA_PIN_HOLDS_OLD;
}

/* ---- one run ---- */

struct outcome {
	int error;
	struct fuda_pin_change change;
	bool holds_verified;
	enum fuda_pin_holds holds[FUDA_PIN_COPIES_MAX]; /* in truth */
	int tries[FUDA_PIN_COPIES_MAX];
};

/* On a card as new. `spec` is a list of faults or "". */
static struct outcome change(const struct variant *variant, const char *spec)
{
	struct outcome o = { .change = { .pin = variant->pin } };
	struct fuda_secret *old, *fresh;
	struct fuda_deadline *dl;
	struct fuda_card *card;
	struct driver driver;
	struct vcard *v;

	softcard_write(variant->settings);
	memset(&passed, 0, sizeof(passed));
	passed.variant = variant;
	assert_int_equal(fuda_deadline_new(PLENTY_MS, &dl), 0);
	assert_int_equal(fuda_secret_new(variant->old, strlen(variant->old), &old), 0);
	assert_int_equal(fuda_secret_new(variant->fresh, strlen(variant->fresh), &fresh), 0);
	o.change.old = old;
	o.change.fresh = fresh;
	assert_int_equal(fuda_card_open(ctx, stage_insert(*spec ? spec : NULL), dl, &card), 0);
	driver = *card->reader->driver;
	driver.transmit = watch;
	card->reader->driver = &driver;
	fuda_deadline_restart(dl, *spec ? stage_ms(DEADLINE_MS) : PLENTY_MS);
	fuda_deadline_restart(card->closing, 0); /* the session is old: it must be started when it is needed */
	o.error = fuda_pin_change(card, &o.change, dl);
	o.holds_verified = (passed.sent[0] || passed.sent[1]) && stage_holds(card->reader, false);
	v = stage_withdraw(card->reader);
	vcard_power(v, false);
	vcard_power(v, true);
	for (size_t i = 0; i < FUDA_PIN_COPIES_MAX && variant->copies[i].aid; i++)
		ask_copy(v, variant, i, &o.holds[i], &o.tries[i]);
	fuda_card_free(&card);
	stage_remove();
	fuda_secret_free(&old);
	fuda_secret_free(&fresh);
	fuda_deadline_free(&dl);
	return o;
}

/* Faults that make the card seem to say something about a secret. */
static bool forges(const char *kind)
{
	return strncmp(kind, "answer=63", 9) == 0 || strcmp(kind, "answer=9000") == 0 ||
	       strcmp(kind, "duplicated") == 0;
}

/* ... and those that make it say nothing, neither of a secret nor of its counter. */
static bool says_nothing(const char *kind)
{
	return strcmp(kind, "sw=6F00") == 0 || strncmp(kind, "answer=61", 9) == 0;
}

/* Whether the copy, if there is one, holds the old secret that is given. */
static bool is_right(const struct variant *v, size_t i)
{
	return !v->copies[i].holds || strcasecmp(v->copies[i].holds, v->old) == 0;
}

/* What the report says of one copy, against the card's own word. */
static void check_copy(const struct variant *v, const char *kind, const struct outcome *o, size_t i)
{
	const struct fuda_pin_copy *copy = &o->change.copies[i];

	assert_string_equal(copy->application, v->copies[i].aid->name);
	assert_int_equal(copy->sent, passed.sent[i]);
	if (copy->holds == FUDA_PIN_HOLDS_EITHER)
		assert_true(passed.vague[i] || forges(kind)); /* or denied what it had confirmed */
	else
		assert_int_equal(copy->holds, o->holds[i]);
	if (copy->tries_before != FUDA_TRIES_UNKNOWN && !forges(kind))
		assert_int_equal(copy->tries_before, v->tries);
	if (copy->tries_after != FUDA_TRIES_UNKNOWN && !forges(kind))
		assert_int_equal(copy->tries_after, o->tries[i]);
}

static void check(const struct variant *v, const char *kind, const struct outcome *o)
{
	const bool unknown = o->error == FUDA_EUNKNOWN;
	bool all_new = true, differ = false;
	unsigned sent = 0;

	for (size_t i = 0; i < FUDA_PIN_COPIES_MAX && v->copies[i].aid; i++) {
		sent += passed.sent[i];
		all_new &= o->holds[i] == FUDA_PIN_HOLDS_NEW;
		differ |= o->holds[i] != o->holds[0];
		/* a try is lost only to a wrong secret, once, and then it was sent */
		assert_true(o->tries[i] >= v->tries - (!is_right(v, i) && passed.sent[i] ? 1 : 0));
		if (i < o->change.count)
			check_copy(v, kind, o, i);
		else
			assert_int_equal(passed.sent[i], 0);
	}
	assert_false(passed.sent_after_loss);
	assert_false(passed.not_once);
	if (sent)
		assert_false(o->holds_verified);
	if (passed.lost)
		assert_true(unknown);
	if (unknown) {
		assert_true(passed.lost || says_nothing(kind));
	} else {
		assert_int_equal(o->error == 0, all_new);
		assert_int_equal(o->error == FUDA_EPINSPLIT, differ);
	}
	if (o->error < 0)
		assert_string_not_equal(fuda_context_message(ctx), "");
}

static const char *const kinds[] = {
	"removed", "pulled",  "gone",	  "reset",	 "lostreset",  "mute",	      "unreached",
	"truncated", "sw=6F00", "sw=6700", "sw=6982",	 "sw=6D00",    "answer=9000", "late=2",
	"answer=6300", "answer=63C3", "answer=6CFF", "answer=6110", "answer=DEAD9000",
	"truncated=4", "oversized=16", "duplicated",
};

static void run(const struct variant *v, const char *before, const char *kind, unsigned long at, const char *forever)
{
	char spec[96];
	struct outcome o;

	snprintf(spec, sizeof(spec), "%s%s@%lu%s", before, kind, at, forever);
	o = change(v, spec);
	if (getenv("VERBOSE"))
		print_message("%-5s %-32s %-12s %d/%d %d/%d: %s\n", fuda_pin_name(v->pin), spec,
			      fuda_error_name(o.error), o.change.copies[0].holds, o.holds[0],
			      o.change.copies[1].holds, o.holds[1], fuda_context_message(ctx));
	check(v, kind, &o);
}

/* Each fault at each command from `first` to `last`, once and for ever. What follows the faults
 * `before` has its own time, of seconds, as has what follows a lost answer: no "mute" there. */
static void torture(const struct variant *v, const char *before, unsigned long first, unsigned long last)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		/* a card that says yes to a wrong secret is believed */
		if (strcmp(kinds[i], "answer=9000") == 0 && !(is_right(v, 0) && is_right(v, 1)))
			continue;
		for (unsigned long at = first; at <= last; at++) {
			bool mute = strcmp(kinds[i], "mute") == 0;

			if ((!mute || !*before) && stage_takes())
				run(v, before, kinds[i], at, "");
			if (!mute && stage_takes())
				run(v, before, kinds[i], at, "+");
		}
	}
}

/* Without fault first: this is how many commands there are. */
static unsigned long plain(const struct variant *v, int error)
{
	struct outcome o = change(v, "");

	assert_int_equal(o.error, error);
	check(v, "", &o);
	assert_false(passed.lost);
	return passed.commands;
}

static void right_and_wrong(const struct variant *right, const struct variant *wrong)
{
	torture(right, "", 1, plain(right, 0));
	torture(wrong, "", 1, plain(wrong, FUDA_EPINWRONG));
}

static void authentication(void **state)
{
	(void)state;
	right_and_wrong(&auth, &auth_wrong);
}

static void signature(void **state)
{
	(void)state;
	right_and_wrong(&sign, &sign_wrong);
}

static void text_data(void **state)
{
	(void)state;
	right_and_wrong(&text, &text_wrong);
}

static void register_of_residents(void **state)
{
	(void)state;
	right_and_wrong(&juki, &juki_wrong);
}

static void copies_that_differ(void **state)
{
	(void)state;
	torture(&juki_differs, "", 1, plain(&juki_differs, FUDA_EPINWRONG));
}

/* The old secret or the new one is refused in the second copy, and then something else happens on
 * the way back. */
static void changing_back(void **state)
{
	const unsigned long change = plain(&juki, 0), verify = change - 1;
	unsigned long last = 0;
	char refused[32];

	(void)state;
	for (unsigned long at = verify; at <= change; at++) {
		run(&juki, "", "sw=6985", at, "");
		last = passed.commands;
		snprintf(refused, sizeof(refused), "sw=6985@%lu,", at);
		torture(&juki, refused, at + 1, last);
	}
	/* but for one at the end, in its own seconds */
	run(&juki, refused, "mute", last, "");
}

static int setup(void **state)
{
	/* nothing is remembered from one fault to the next */
	unsetenv("HOME");
	unsetenv("XDG_CACHE_HOME");
	return fuda_context_new(&ctx) < 0 ? -1 : softcard_setup(state);
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return softcard_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authentication),	 cmocka_unit_test(signature),
		cmocka_unit_test(text_data),		 cmocka_unit_test(register_of_residents),
		cmocka_unit_test(copies_that_differ), cmocka_unit_test(changing_back),
	};

	return stage_run(tests, setup, teardown);
}
