/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets made out of what is printed on the card: card.md 4. */
#include <fuda/pin.h>

#include <stdio.h>
#include <string.h>
#include <fuda/person.h>

#include "base/context.h"
#include "base/cursor.h"
#include "base/secret.h"

enum { BIRTH_DIGITS = 6, NUMBER_DIGITS = FUDA_MY_NUMBER_SIZE - 1, WORDS_MAX = 3 };

/* What the digits are made of, in their order. */
static const struct part {
	const char *what;
	size_t digits;
} parts[WORDS_MAX] = {
	{ N_("birth date"), BIRTH_DIGITS },
	{ N_("year of expiry"), 4 },
	{ N_("security code"), 4 },
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The next word; an empty one at the end. */
static struct cursor next_word(struct cursor *c)
{
	struct cursor word;
	size_t len = 0;

	while (c->left && is_blank(*c->p))
		(void)cur_skip(c, 1);
	while (len < c->left && !is_blank(c->p[len]))
		len++;
	(void)cur_sub(c, len, &word);
	return word;
}

static bool has_digits(const struct cursor *word, size_t n)
{
	size_t i = 0;

	while (i < word->left && word->p[i] >= '0' && word->p[i] <= '9')
		i++;
	return i == n && word->left == n;
}

/* Takes the Gregorian year, month and day out of 1980-02-17, 1980/02/17 or 19800217, and writes
 * them the first way. */
static int take_date(struct cursor word, char ret_date[FUDA_DATE_SIZE])
{
	static const char *const forms[] = { "dddd-dd-dd", "dddd/dd/dd", "dddddddd" };

	for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
		char digits[8];
		size_t i = 0, count = 0;

		for (; i < word.left && forms[f][i]; i++) {
			bool digit = word.p[i] >= '0' && word.p[i] <= '9';

			if (forms[f][i] == 'd' ? !digit : word.p[i] != (uint8_t)forms[f][i])
				break;
			if (digit)
				digits[count++] = (char)word.p[i];
		}
		if (i == word.left && !forms[f][i])
			snprintf(ret_date, FUDA_DATE_SIZE, "%.4s-%.2s-%.2s", digits, digits + 4,
				 digits + 6);
		wipe(digits, sizeof(digits));
		if (i == word.left && !forms[f][i])
			return 0;
	}
	return FUDA_EFORMAT;
}

/* A whole date becomes its six digits. */
static int append_date(struct fuda_context *ctx, struct cursor word, struct fuda_secret *s)
{
	char date[FUDA_DATE_SIZE] = "", digits[BIRTH_DIGITS + 1] = "", why[256];
	int r;

	if (take_date(word, date) < 0)
		return ctx_fail(ctx, FUDA_EPINFORM,
				_("The birth date is six digits with the year of the Japanese era "
				  "(like 550217), or written as 1980-02-17, 1980/02/17 or "
				  "19800217. Nothing was sent to the card."));
	r = fuda_era_digits(ctx, date, digits);
	if (r == 0) {
		memcpy(s->bytes + s->len, digits, BIRTH_DIGITS);
		s->len += BIRTH_DIGITS;
	}
	wipe(date, sizeof(date));
	wipe(digits, sizeof(digits));
	if (r == 0)
		return 0;
	snprintf(why, sizeof(why), "%s", fuda_context_message(ctx));
	return ctx_fail(ctx, FUDA_EPINFORM, _("%s Nothing was sent to the card."), why);
}

static int append_part(struct fuda_context *ctx, const struct part *part, struct cursor word,
		       struct fuda_secret *s)
{
	if (has_digits(&word, part->digits)) {
		memcpy(s->bytes + s->len, word.p, part->digits);
		s->len += part->digits;
		return 0;
	}
	if (part->digits == BIRTH_DIGITS)
		return append_date(ctx, word, s);
	return ctx_fail(ctx, FUDA_EPINFORM,
			_("The %s has %zu digits. Nothing was sent to the card."), _(part->what),
			part->digits);
}

/* Makes the first `count` parts of `typed` into `s`, which is empty. */
static int compose(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *typed,
		   size_t count, struct fuda_secret *s)
{
	struct cursor c = cur_of(typed->bytes, typed->len), words[WORDS_MAX], all;
	size_t found = 0, digits = 0;
	int r = 0;

	while (found < WORDS_MAX && (words[found] = next_word(&c)).left)
		found++;
	all = words[0];
	for (size_t i = 0; i < count; i++)
		digits += parts[i].digits;
	if (found == 1 && !next_word(&c).left && has_digits(&all, digits)) {
		memcpy(s->bytes, all.p, digits);
		s->len = digits;
		return 0;
	}
	if (found != count || next_word(&c).left)
		return ctx_fail(ctx, FUDA_EPINFORM,
				pin == FUDA_PIN_B ? _("The %s is its %zu digits, or birth date, "
						      "year of expiry and "
						      "security code as they are printed on the "
						      "card, with blanks "
						      "between them (like 1980-02-17 2035 2285). "
						      "Nothing was sent "
						      "to the card.") :
						    _("The %s is its %zu digits, or the birth date "
						      "(like "
						      "1980-02-17). Nothing was sent to the card."),
				fuda_pin_title(pin), digits);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = append_part(ctx, &parts[i], words[i], s);
	return r;
}

/* Verification number A is the My Number (card.md 4), whose groups may have blanks or hyphens
 * between them. One with another check digit belongs to nobody: to send it would be to lose a try.
 */
static int compose_number(struct fuda_context *ctx, const struct fuda_secret *typed,
			  struct fuda_secret *s)
{
	bool good = true;

	for (size_t i = 0; good && i < typed->len; i++) {
		uint8_t c = typed->bytes[i];

		if (is_blank(c) || c == '-')
			continue;
		good = s->len < NUMBER_DIGITS && c >= '0' && c <= '9';
		if (good)
			s->bytes[s->len++] = c;
	}
	if (!good || s->len != NUMBER_DIGITS)
		return ctx_fail(ctx, FUDA_EPINFORM,
				_("The %s is the My Number, %d digits. Nothing was sent to the "
				  "card."),
				fuda_pin_title(FUDA_PIN_A), NUMBER_DIGITS);
	_Static_assert(NUMBER_DIGITS < FUDA_SECRET_MAX, "its end is in locked memory, too");
	s->bytes[s->len] = 0;
	if (fuda_my_number_valid((const char *)s->bytes))
		return 0;
	return ctx_fail(ctx, FUDA_EPINFORM,
			_("This is no My Number: its last digit does not fit the others, so at "
			  "least one digit is wrong. Nothing was sent to the card."));
}

int fuda_pin_compose(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *typed,
		     struct fuda_secret **ret)
{
	static const size_t counts[FUDA_PINS] = { [FUDA_PIN_B] = 3, [FUDA_PIN_BIRTH] = 1 };
	_cleanup_(fuda_secret_free) struct fuda_secret *s = NULL;
	const bool as_it_is = !counts[pin] && pin != FUDA_PIN_A;
	int r;

	ctx_step(ctx, _("check the form of the PIN"));
	r = fuda_secret_new(typed->bytes, as_it_is ? typed->len : 0, &s);
	if (r < 0)
		return ctx_fail_code(ctx, r);
	if (pin == FUDA_PIN_A)
		r = compose_number(ctx, typed, s);
	else if (counts[pin])
		r = compose(ctx, pin, typed, counts[pin], s);
	if (r < 0)
		return r;
	*ret = s;
	s = NULL;
	return 0;
}
