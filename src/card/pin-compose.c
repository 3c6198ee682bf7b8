/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets made out of what is printed on the card: card.md 4. */
#include <fuda/pin.h>

#include <stdio.h>
#include <string.h>
#include <fuda/person.h>

#include "base/context.h"
#include "base/cursor.h"
#include "base/secret.h"

enum { BIRTH_DIGITS = 6, WORDS_MAX = 3 };

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

/* A birth date with hyphens becomes its six digits. */
static int append_date(struct fuda_context *ctx, struct cursor word, struct fuda_secret *s)
{
	char date[FUDA_DATE_SIZE] = "", digits[BIRTH_DIGITS + 1] = "", why[256];
	size_t len = word.left;
	int r = FUDA_EINVAL;

	/* a zero byte inside would end the text before its end */
	if (len < sizeof(date) && !memchr(word.p, 0, len) && cur_copy(&word, date, len) == 0)
		r = fuda_era_digits(ctx, date, digits);
	else
		(void)fuda_era_digits(ctx, "", digits); /* says what a date looks like */
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

int fuda_pin_compose(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *typed,
		     struct fuda_secret **ret)
{
	static const size_t counts[FUDA_PINS] = { [FUDA_PIN_B] = 3, [FUDA_PIN_BIRTH] = 1 };
	_cleanup_(fuda_secret_free) struct fuda_secret *s = NULL;
	int r;

	ctx_step(ctx, _("check the form of the PIN"));
	r = fuda_secret_new(typed->bytes, counts[pin] ? 0 : typed->len, &s);
	if (r < 0)
		return ctx_fail_code(ctx, r);
	if (counts[pin])
		r = compose(ctx, pin, typed, counts[pin], s);
	if (r < 0)
		return r;
	*ret = s;
	s = NULL;
	return 0;
}
