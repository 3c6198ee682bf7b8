/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fuda.h"
#include "tools/report.h"

#include <stdio.h>
#include <string.h>
#include <fuda/pin.h>

#include "tools/secrets.h"

static int status(struct call *call)
{
	int r = call_operands(call, 0, 1);

	if (r == 0)
		r = call_open_card(call);
	if (r == 0)
		r = secret_report_tries(call, call->report);
	if (r == 0 && fuda_card_has_pin_pad(call->card))
		report_flag(call->report, _("Can be typed on the reader"), "pin_pad", true);
	return r;
}

/* ---- change ---- */

static const char *only;

static const struct changeable {
	enum fuda_pin pin;
	const char *application; /* that is missed where the secret is not there */
} changeable[] = {
	{ FUDA_PIN_AUTH, "jpki" },
	{ FUDA_PIN_SIGN, "jpki" },
	{ FUDA_PIN_TEXT, "text" },
	{ FUDA_PIN_JUKI, "juki" },
};

static int which(struct call *call, const char *name, const struct changeable **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(changeable); i++)
		if (strcmp(fuda_pin_name(changeable[i].pin), name) == 0) {
			*ret = &changeable[i];
			return 0;
		}
	return call_usage(call, _("'%s' cannot be changed: say auth, sign, text or juki"), name);
}

/* An application as people call it, and its short name, which --only and messages use. */
static void application_text(const char *name, char *ret, size_t size)
{
	static const struct {
		const char *name, *title;
	} titles[] = {
		{ "jpki", N_("JPKI application") },
		{ "text", N_("Application of the card's texts") },
		{ "juki", N_("Application of the resident register") },
		{ "common", N_("Common application") },
	};

	snprintf(ret, size, "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (strcmp(titles[i].name, name) == 0)
			snprintf(ret, size, _("%s (%s)"), _(titles[i].title), name);
}

static void report_copy(struct report *list, struct report *people,
			const struct fuda_pin_copy *copy)
{
	static const struct {
		const char *word, *text;
	} holds[] = {
		[FUDA_PIN_HOLDS_OLD] = { "old", N_("the old one") },
		[FUDA_PIN_HOLDS_NEW] = { "new", N_("the new one") },
		[FUDA_PIN_HOLDS_EITHER] = { "either",
					    N_("the old or the new one; not known which") },
	};
	struct report *one = report_object(list, NULL, NULL, NULL);
	char application[200], shown[200], left[100] = "";

	report_text(one, NULL, "application", copy->application);
	report_text(one, NULL, "holds", holds[copy->holds].word);
	if (copy->tries_before != FUDA_TRIES_UNKNOWN)
		report_number(one, NULL, "tries_before", copy->tries_before);
	if (copy->tries_after != FUDA_TRIES_UNKNOWN) {
		report_number(one, NULL, "tries_after", copy->tries_after);
		snprintf(left, sizeof(left),
			 ngettext(", %d try left", ", %d tries left", copy->tries_after),
			 copy->tries_after);
	}
	snprintf(shown, sizeof(shown), "%s%s", _(holds[copy->holds].text), left);
	application_text(copy->application, application, sizeof(application));
	report_word(people, application, NULL, "-", shown);
}

/* What each copy holds; people see it on failure as well if it is not what it was. */
static void report_change(struct call *call, const struct fuda_pin_change *change, int code)
{
	struct report *list = report_list(call->report, NULL, "copies", NULL), *people;

	report_text(call->report, NULL, "secret", fuda_pin_name(change->pin));
	if (code == 0)
		report_word(call->report, fuda_pin_title(change->pin), NULL, "-", _("changed"));
	people = report_object(call->report, _("The card's applications now have"), NULL, NULL);
	for (size_t i = 0; i < change->count; i++) {
		report_copy(list, people, &change->copies[i]);
		call->shown |= change->copies[i].holds != FUDA_PIN_HOLDS_OLD;
	}
}

static int send_change(struct call *call, const char *application, struct fuda_pin_change *change)
{
	int r = fuda_pin_change(call->card, change, call->dl);

	if (change->count)
		report_change(call, change, r);
	return secret_not_there(call, application, r);
}

static int change(struct call *call)
{
	struct fuda_secret *old = NULL, *fresh = NULL;
	struct fuda_pin_change c = { .use_last_try = common.use_last_try, .only = only };
	const struct changeable *what = NULL;
	int r = call_operands(call, 2, 2);

	if (r == 0)
		r = which(call, call->operands[1], &what);
	if (r < 0)
		return r;
	c.pin = what->pin;
	if (only && c.pin != FUDA_PIN_JUKI)
		r = call_usage(call, _("--only is for juki, which the card keeps in two places"));
	if (r == 0)
		r = call_open_card(call);
	if (r == 0)
		r = secret_ask_present(call, c.pin, what->application, &old);
	if (r == 0)
		r = secret_ask_new(call, c.pin, &fresh);
	c.old = old;
	c.fresh = fresh;
	if (r == 0)
		r = send_change(call, what->application, &c);
	fuda_secret_free(&old);
	fuda_secret_free(&fresh);
	return r;
}

static int run(struct call *call)
{
	const char *action = call->operand_count ? call->operands[0] : "status";

	if (only && strcmp(action, "change") != 0)
		return call_usage(call, _("--only goes with 'fuda pin change juki'"));
	if (strcmp(action, "status") == 0)
		return status(call);
	if (strcmp(action, "change") == 0)
		return change(call);
	return call_usage(call,
			  _("unknown action '%s': say 'fuda pin status' or 'fuda pin change'"),
			  action);
}

static const struct option_spec options[] = {
	{ "only", 0, "juki|common", N_("change the copy of one application only: juki"),
	  OPTION_CHOICE, &only },
	{ NULL },
};

const struct fuda_command command_pin = {
	.name = "pin",
	.summary = N_("tell how many tries are left for each secret, or change one"),
	.synopsis = "[status | change auth|sign|text|juki]",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN,
	.run = run,
};
