/* SPDX-License-Identifier: Apache-2.0 */
/* Changing a secret, in every place where the card keeps it.
 *
 *  1. The counters of all copies are read and judged. If one is blocked or has its last try left,
 *     no secret is sent.
 *  2. The old secret is verified in each copy. Nothing has changed yet: any failure ends it here.
 *  3. The last copy, which is open now, is changed. If it refuses, nothing has changed.
 *  4. Each copy before it is opened with the old secret again, as selecting an application has
 *     closed it (card.md 0.7), and changed.
 *  5. If 4 fails and the card has said, or cannot but have left it so, that the copy holds the old
 *     secret, those already changed are opened with the new one and changed back. That has its own
 *     time: a deadline or a cancel does not leave copies that differ.
 *
 * Once the answer to a VERIFY or a CHANGE was lost, no other is sent in this job, not even to set
 * things right: nobody knows which secret would be wrong and cost a try, and what has lost one
 * answer may lose the next. What remains allowed is what costs nothing: to select again, and to ask
 * for the counter. The same goes for an answer to CHANGE that does not tell whether it was made.
 * The copies then stay as they are, and the report says which of them is uncertain. */
#include <fuda/pin.h>

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "card/pin-door.h"

enum { REOPEN_MAX = 3 /* attempts to select a copy that must be changed back */ };

struct job {
	struct fuda_card *c;
	struct fuda_pin_change *report;
	struct fuda_secret *old, *fresh;                     /* as the card compares them */
	const struct pin_place *places[FUDA_PIN_COPIES_MAX]; /* of report->copies */
	bool undone;
};

/* ---- before the card ---- */

int fuda_pin_check_new(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *fresh)
{
	bool digit = false, letter = false;
	int r = fuda_pin_check(ctx, pin, fresh);

	if (r < 0 || pin != FUDA_PIN_SIGN)
		return r;
	for (size_t i = 0; i < fresh->len; i++)
		*(fresh->bytes[i] <= '9' ? &digit : &letter) = true;
	if (digit && letter)
		return 0;
	/* the official rule; whether the card enforces it is not established: card.md 3.2 */
	return ctx_fail(ctx, FUDA_EPINFORM,
			_("A new %s has both letters and digits. Nothing was sent to the card."),
			fuda_pin_title(pin));
}

static int check_secrets(struct job *job)
{
	const struct fuda_pin_change *change = job->report;
	const struct pin_place *place = pin_place(change->pin, 0);
	struct fuda_context *ctx = job->c->ctx;
	int r;

	ctx_step(ctx, _("change the PIN"));
	if (!place || !place->change.known)
		return ctx_fail(ctx, FUDA_ENOTSUP, _("The %s cannot be changed."),
				fuda_pin_title(change->pin));
	r = fuda_pin_check(ctx, change->pin, change->old);
	if (r == 0)
		r = fuda_pin_check_new(ctx, change->pin, change->fresh);
	if (r == 0)
		r = pin_folded(ctx, change->pin, change->old, &job->old);
	if (r == 0)
		r = pin_folded(ctx, change->pin, change->fresh, &job->fresh);
	if (r < 0)
		return r;
	if (job->old->len == job->fresh->len &&
	    equal_ct(job->old->bytes, job->fresh->bytes, job->old->len))
		return ctx_fail(ctx, FUDA_EPINFORM,
				_("The new %s is the old one. Nothing was sent to the card."),
				fuda_pin_title(change->pin));
	return 0;
}

/* ---- one copy ---- */

/* Copies the last message as a whole sentence, which the text of a bare error is not. */
static void keep_message(const struct fuda_context *ctx, char *ret, size_t size)
{
	static const char full_stop[] = "。";
	const char *message = fuda_context_message(ctx);
	size_t len = strlen(message), stop = strlen(full_stop);
	bool ends = (len && message[len - 1] == '.') ||
		    (len >= stop && strcmp(message + len - stop, full_stop) == 0);

	snprintf(ret, size, ends ? "%s" : _("%s."), message);
}

static int open_copy(struct job *job, size_t i, struct fuda_deadline *dl)
{
	int r = card_select(job->c, job->places[i]->aid, dl);

	return r < 0 ? r : card_select_file(job->c, job->places[i]->fid, dl);
}

/* As open_copy(), whatever has happened to the card meanwhile. */
static int reopen_copy(struct job *job, size_t i, struct fuda_deadline *dl)
{
	struct fuda_card *c = job->c;
	int r = FUDA_ERESET;

	c->application = job->places[i]->aid;
	c->file = job->places[i]->fid;
	for (int n = 0; r < 0 && n < REOPEN_MAX; n++)
		r = card_restore(c, dl);
	if (r < 0) {
		c->application = NULL;
		c->file = 0;
	}
	return r;
}

static int verify_copy(struct job *job, size_t i, struct fuda_secret *secret,
		       struct fuda_deadline *dl)
{
	struct fuda_pin_copy *copy = &job->report->copies[i];
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(secret);
	int r = open_copy(job, i, dl);

	if (r < 0)
		return r;
	entry.use_last_try = job->report->use_last_try;
	entry.tries_before = copy->tries_after;
	r = pin_present(job->c, job->places[i], PIN_P2_CURRENT, &entry, dl);
	copy->tries_after = entry.tries_after;
	copy->sent += entry.sent;
	return r;
}

/* Whether a status word says that the command was not carried out: errors without change of memory
 * and those of checking (ISO 7816-4 5.1.3), but for 6C, which is about an Le that CHANGE has not,
 * and 6F, which says nothing. */
static bool refuses(uint16_t sw)
{
	static const uint8_t refusals[] = { 0x64, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6D, 0x6E };

	return memchr(refusals, sw >> 8, sizeof(refusals));
}

/* The answer to CHANGE was lost, or says nothing (`sw`; 0: lost). */
static int change_unknown(struct job *job, size_t i, uint16_t sw)
{
	struct fuda_pin_copy *copy = &job->report->copies[i];
	const char *title = fuda_pin_title(job->report->pin);
	struct fuda_context *ctx = job->c->ctx;
	char cause[400];

	snprintf(cause, sizeof(cause), "%s", fuda_context_message(ctx));
	copy->holds = FUDA_PIN_HOLDS_EITHER;
	copy->tries_after = FUDA_TRIES_UNKNOWN;
	(void)pin_read_again(job->c, job->places[i], &copy->tries_after);
	ctx_step(ctx, _("change the PIN"));
	if (sw)
		return ctx_fail_sw(ctx, FUDA_EUNKNOWN, sw,
				   _("The card's answer does not tell whether the %s was changed."),
				   title);
	return ctx_fail(ctx, FUDA_EUNKNOWN,
			_("The card's answer to the change of the %s was lost (%s)."), title,
			cause);
}

/* Changes the copy, which has just been verified, to `secret`. */
static int change_copy(struct job *job, size_t i, struct fuda_secret *secret,
		       enum fuda_pin_holds holds, struct fuda_deadline *dl)
{
	struct fuda_pin_copy *copy = &job->report->copies[i];
	struct fuda_card *c = job->c;
	uint16_t sw = 0;
	int r = pin_ready(c, dl);

	ctx_step(c->ctx, _("change the PIN"));
	if (r < 0)
		return r;
	copy->sent++;
	r = pin_send(c, &job->places[i]->change, PIN_P2_CURRENT, job->report->pin, secret, dl, &sw);
	if (r == 0 && sw == 0x9000) {
		copy->holds = holds;
		return 0;
	}
	if (r == FUDA_ERESET) { /* it did not leave */
		copy->sent--;
		return r;
	}
	if (r < 0 || !refuses(sw))
		return change_unknown(job, i, r < 0 ? 0 : sw);
	return ctx_fail_sw(c->ctx, FUDA_ESW, sw, _("The card refused to change the %s."),
			   fuda_pin_title(job->report->pin));
}

/* ---- all copies ---- */

static bool left_out(const struct fuda_pin_change *report, const struct pin_place *place)
{
	return report->only && strcmp(report->only, place->aid->name) != 0;
}

/* Finds the copies and reads their counters: the first one last, as that is where it goes on. */
static int find_copies(struct job *job, struct fuda_deadline *dl)
{
	const struct pin_place *places[FUDA_PIN_COPIES_MAX];
	int tries[FUDA_PIN_COPIES_MAX], r;
	struct fuda_pin_change *report = job->report;
	size_t n = 0, count = 0;

	while (n < FUDA_PIN_COPIES_MAX && (places[n] = pin_place(report->pin, n)))
		n++;
	for (size_t i = n; i-- > 0;) {
		ctx_step(job->c->ctx, _("read the try counter"));
		if (left_out(report, places[i]))
			r = FUDA_ENOTFOUND;
		else
			r = card_select(job->c, places[i]->aid, dl);
		if (r == 0)
			r = pin_read_counter(job->c, places[i], dl, &tries[i]);
		if (r == FUDA_ENOTFOUND)
			places[i] = NULL;
		else if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		if (!places[i])
			continue;
		job->places[count] = places[i];
		report->copies[count++] =
			(struct fuda_pin_copy){ places[i]->aid->name, FUDA_PIN_HOLDS_OLD, tries[i],
						tries[i], 0 };
	}
	report->count = count;
	if (!count)
		return ctx_fail(job->c->ctx, FUDA_ENOTFOUND, _("The card has no %s."),
				fuda_pin_title(report->pin));
	return 0;
}

/* The old secret was right in the first copy, and wrong in copy `i`. */
static int copies_differ(struct job *job, size_t i, int code)
{
	const struct fuda_pin_copy *copies = job->report->copies;
	char cause[400];

	keep_message(job->c->ctx, cause, sizeof(cause));
	return ctx_fail(job->c->ctx, code,
			_("%s This is about the application \"%s\"; in \"%s\" the same one was "
			  "right: "
			  "the card holds two different ones. \"fuda pin change %s --only %s\", "
			  "with the secret that holds there, makes them equal."),
			cause, copies[i].application, copies[0].application,
			fuda_pin_name(job->report->pin), copies[i].application);
}

static int verify_all(struct job *job, struct fuda_deadline *dl)
{
	const struct fuda_pin_change *report = job->report;
	int r = 0;

	for (size_t i = 0; r == 0 && i < report->count; i++)
		r = pin_check_tries(job->c, report->pin, report->copies[i].tries_before,
				    report->use_last_try);
	for (size_t i = 0; r == 0 && i < report->count; i++) {
		r = verify_copy(job, i, job->old, dl);
		if (i && (r == FUDA_EPINWRONG || r == FUDA_EPINBLOCKED))
			return copies_differ(job, i, r);
	}
	return r;
}

/* Copy `failed` could not be changed, for reason `error`: changes back those after it. */
static int change_back(struct job *job, size_t failed, int error)
{
	struct fuda_context *ctx = job->c->ctx;
	struct fuda_deadline *dl = job->c->closing;
	char cause[500], second[500];
	size_t i = failed;
	int r = 0;

	keep_message(ctx, cause, sizeof(cause));
	fuda_deadline_restart(dl, PIN_CLOSING_MS);
	while (r == 0 && ++i < job->report->count) {
		r = reopen_copy(job, i, dl);
		if (r == 0)
			r = verify_copy(job, i, job->fresh, dl);
		/* which it said that it had taken */
		if (r == FUDA_EPINWRONG || r == FUDA_EPINBLOCKED)
			job->report->copies[i].holds = FUDA_PIN_HOLDS_EITHER;
		if (r == 0)
			r = change_copy(job, i, job->old, FUDA_PIN_HOLDS_OLD, dl);
	}
	ctx_step(ctx, _("change the PIN"));
	job->undone = r == 0;
	if (r == 0)
		return ctx_fail(ctx, error, "%s", cause);
	keep_message(ctx, second, sizeof(second));
	return ctx_fail(ctx, r == FUDA_EUNKNOWN ? r : FUDA_EPINSPLIT,
			_("In the application \"%s\": %s In \"%s\", which was to be changed back: "
			  "%s"),
			job->report->copies[failed].application, cause,
			job->report->copies[i].application, second);
}

static int change_all(struct job *job, struct fuda_deadline *dl)
{
	size_t last = job->report->count - 1;
	int r = verify_all(job, dl);

	if (r == 0)
		r = change_copy(job, last, job->fresh, FUDA_PIN_HOLDS_NEW, dl);
	for (size_t i = last; r == 0 && i-- > 0;) {
		r = verify_copy(job, i, job->old, dl);
		if (r == 0)
			r = change_copy(job, i, job->fresh, FUDA_PIN_HOLDS_NEW, dl);
		if (r < 0 && r != FUDA_EUNKNOWN)
			return change_back(job, i, r);
	}
	return r;
}

/* ---- what to say ---- */

static const char *holding(enum fuda_pin_holds holds)
{
	static const char *const words[] = {
		[FUDA_PIN_HOLDS_OLD] = N_("the old one"),
		[FUDA_PIN_HOLDS_NEW] = N_("the new one"),
		[FUDA_PIN_HOLDS_EITHER] = N_("the old one or the new one"),
	};

	return _(words[holds]);
}

/* Adds to the message of error `code` what the card holds now and what to do about it. */
static int say_state(struct job *job, int code)
{
	const struct fuda_pin_copy *copies = job->report->copies;
	char cause[1000], state[400];
	bool changed = false;

	for (size_t i = 0; i < job->report->count; i++)
		changed |= copies[i].holds != FUDA_PIN_HOLDS_OLD;
	if (!changed)
		snprintf(state, sizeof(state), "%s",
			 job->undone ? _("What had been changed was changed back to the old one.") :
				       _("Nothing was changed."));
	else if (job->report->count == 1)
		snprintf(state, sizeof(state),
			 _("The card holds %s. Use the new one first: if it is wrong, the old one "
			   "still holds."),
			 holding(copies[0].holds));
	else
		snprintf(state, sizeof(state),
			 _("The application \"%s\" holds %s, and \"%s\" %s. \"fuda pin change %s "
			   "--only APPLICATION\" changes one of them and so makes them equal."),
			 copies[0].application, holding(copies[0].holds), copies[1].application,
			 holding(copies[1].holds), fuda_pin_name(job->report->pin));
	keep_message(job->c->ctx, cause, sizeof(cause));
	return ctx_fail_sw(job->c->ctx, code, fuda_context_sw(job->c->ctx), _("%s %s"), cause,
			   state);
}

int fuda_pin_change(struct fuda_card *c, struct fuda_pin_change *change, struct fuda_deadline *dl)
{
	_cleanup_(fuda_secret_free) struct fuda_secret *old = NULL, *fresh = NULL;
	_cleanup_job_ struct fuda_card *held = NULL;
	struct job job = { .c = c, .report = change };
	int r;

	memset(change->copies, 0, sizeof(change->copies));
	change->count = 0;
	r = check_secrets(&job);
	old = job.old;
	fresh = job.fresh;
	if (r == 0)
		r = fuda_card_begin(c, dl);
	if (r < 0)
		return r;
	held = c;
	r = find_copies(&job, dl);
	if (r == 0)
		r = change_all(&job, dl);
	return r < 0 ? say_state(&job, r) : 0;
}
