/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/profile-parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

enum {
	WORDS_MAX = 16, /* of a line */
	SHOWN_MAX = 40,
	TEXT_MAX = 1000, /* characters, where nothing is said */
	BYTES_MAX = 65536,
	AGE_MAX = 150,
	AGES = 100, /* that age_over_NN stands for */
};
#define FIRST_LINE "fuda-mdoc-profile"
#define CODE_MAX   999999u
#define NUMBER_MAX 999999999999u
#define KIND(kind) (1u << ATTRIBUTE_##kind)

/* The types, which attributes they can say, and what limits them. */
static const struct type {
	const char *name;
	unsigned kinds;
	unsigned limited; /* kinds for which min= and max= can be said */
	uint64_t min, max;
} types[] = {
	[ELEMENT_TSTR] = { "tstr",
			   KIND(TEXT) | KIND(BIRTH_DATE) | KIND(SEX) | KIND(LOCAL_GOV_CODE) |
				   KIND(INDIVIDUAL_NUMBER) | KIND(OTHER),
			   KIND(TEXT) | KIND(OTHER), 1, TEXT_MAX },
	[ELEMENT_UINT] = { "uint",
			   KIND(SEX) | KIND(LOCAL_GOV_CODE) | KIND(INDIVIDUAL_NUMBER) |
				   KIND(AGE_IN_YEARS) | KIND(OTHER),
			   KIND(OTHER), 0, UINT64_MAX },
	[ELEMENT_BOOL] = { "bool", KIND(AGE_OVER) | KIND(OTHER), 0, 0, 0 },
	[ELEMENT_BSTR] = { "bstr", KIND(OTHER), KIND(OTHER), 1, ATTRIBUTE_TEXT_MAX / 2 },
	[ELEMENT_JPEG2000] = { "bstr-jpeg2000", KIND(PORTRAIT), KIND(PORTRAIT), 1, BYTES_MAX },
	[ELEMENT_FULL_DATE] = { "full-date", KIND(BIRTH_DATE) | KIND(OTHER), 0, 0, 0 },
	[ELEMENT_TDATE] = { "tdate", KIND(OTHER), 0, 0, 0 },
};

/* What the numbers of an attribute are at most. */
static const uint64_t number_max[] = {
	[ATTRIBUTE_SEX] = 9,
	[ATTRIBUTE_LOCAL_GOV_CODE] = CODE_MAX,
	[ATTRIBUTE_INDIVIDUAL_NUMBER] = NUMBER_MAX,
	[ATTRIBUTE_AGE_IN_YEARS] = AGE_MAX,
	[ATTRIBUTE_OTHER] = UINT64_MAX,
};

/* The file as it is read. */
struct reading {
	struct fuda_context *ctx;
	const char *path;
	unsigned line;
	const char *space; /* the namespace in force */
	struct profile_file *file;
};

static int complain(const struct reading *r, const char *format, ...) _printf_(2, 3);
static int complain(const struct reading *r, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return ctx_fail(r->ctx, FUDA_EFORMAT, "%s:%u: %s", r->path, r->line, text);
}

/* ---- words ---- */

/* Characters of ASCII that can be seen; others would look alike. */
static bool is_name(const char *word)
{
	size_t len = strlen(word);

	if (!len || len >= PROFILE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (word[i] <= ' ' || word[i] > '~')
			return false;
	return true;
}

static int take_name(const struct reading *r, const char *what, const char *word, const char **ret)
{
	if (*ret)
		return complain(r, _("\"%s\" is said twice."), what);
	if (!is_name(word))
		return complain(r, _("\"%.*s\" cannot be a name."), SHOWN_MAX, word);
	*ret = word;
	return 0;
}

static int take_number(const struct reading *r, const char *word, uint64_t max, uint64_t *ret)
{
	size_t len = strspn(word, "0123456789");
	uint64_t n = len && len < 19 ? strtoull(word, NULL, 10) : UINT64_MAX;

	if (word[len] || n > max)
		return complain(r, _("\"%.*s\" is no number up to %llu."), SHOWN_MAX, word,
				(unsigned long long)max);
	*ret = n;
	return 0;
}

/* ---- constraints of an element ---- */

static bool is_limited(const struct element *e)
{
	return types[e->type].limited & 1u << e->kind;
}

static int not_here(const struct reading *r, const char *constraint)
{
	return complain(r, _("\"%s\" says nothing of an element of this type and attribute."),
			constraint);
}

static int take_min(const struct reading *r, struct element *e, char *value)
{
	return is_limited(e) ? take_number(r, value, types[e->type].max, &e->min) :
			       not_here(r, "min");
}

static int take_max(const struct reading *r, struct element *e, char *value)
{
	uint64_t most = e->type == ELEMENT_JPEG2000 ? PORTRAIT_MAX :
			e->type == ELEMENT_TSTR     ? ATTRIBUTE_TEXT_MAX :
						      types[e->type].max;

	return is_limited(e) ? take_number(r, value, most, &e->max) : not_here(r, "max");
}

static int take_digits(const struct reading *r, struct element *e, char *value)
{
	if (e->kind != ATTRIBUTE_LOCAL_GOV_CODE)
		return not_here(r, "digits");
	if (strcmp(value, "5") != 0 && strcmp(value, "6") != 0)
		return complain(r, _("\"digits\" is 5 or 6."));
	e->digits = (unsigned)(*value - '0');
	return 0;
}

static int take_ages(const struct reading *r, struct element *e, char *value)
{
	if (!element_is_family(e))
		return not_here(r, "ages");
	for (char *next = value; next;) {
		const char *word = strsep(&next, ",");
		uint64_t age;
		int err = take_number(r, word, 99, &age);

		if (err < 0)
			return err;
		if (e->age_count == PROFILE_AGES_MAX)
			return complain(r, _("There are more than %d ages."), PROFILE_AGES_MAX);
		if (e->age_count && e->ages[e->age_count - 1] >= age)
			return complain(r, _("Ages are listed from the lowest to the highest."));
		e->ages[e->age_count++] = (unsigned char)age;
	}
	return 0;
}

static int take_optional(const struct reading *r _unused_, struct element *e, char *value _unused_)
{
	e->optional = true;
	return 0;
}

static const struct constraint {
	const char *name;
	bool has_value;
	int (*take)(const struct reading *r, struct element *e, char *value);
} constraints[] = {
	{ "min", true, take_min },
	{ "max", true, take_max },
	{ "digits", true, take_digits },
	{ "ages", true, take_ages },
	{ "optional", false, take_optional },
};

/* `seen` has a bit for each that came before. */
static int take_constraint(const struct reading *r, struct element *e, char *word, unsigned *seen)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = 0;
	for (size_t i = 0; i < ARRAY_SIZE(constraints); i++) {
		const struct constraint *c = &constraints[i];

		if (strcmp(c->name, word) != 0 || c->has_value != !!value)
			continue;
		if (*seen & 1u << i)
			return complain(r, _("\"%s\" is said twice."), word);
		*seen |= 1u << i;
		return c->take(r, e, value);
	}
	return complain(r, _("There is no constraint \"%.*s\"."), SHOWN_MAX, word);
}

/* ---- elements ---- */

bool element_is_family(const struct element *element)
{
	size_t len = strlen(element->attribute);

	return element->kind == ATTRIBUTE_AGE_OVER &&
	       strcmp(element->attribute + len - 2, "NN") == 0;
}

const char *element_of_age(const struct element *element, unsigned age)
{
	return element->age_names + age * (strlen(element->name) + 1);
}

/* "over_00" to "over_99", one behind the other. */
static int name_ages(const struct reading *r, struct element *e)
{
	size_t len = strlen(e->name);

	if (!element_is_family(e))
		return 0;
	e->age_names = calloc(AGES, len + 1);
	if (!e->age_names)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	for (unsigned age = 0; age < AGES; age++)
		snprintf(e->age_names + age * (len + 1), len + 1, "%.*s%02u", (int)len - 2, e->name,
			 age);
	return 0;
}

static int take_type(const struct reading *r, const char *word, struct element *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].name, word) != 0)
			continue;
		e->type = (enum element_type)i;
		e->min = types[i].min;
		e->max = types[i].max;
		return 0;
	}
	return complain(r, _("There is no type \"%.*s\"."), SHOWN_MAX, word);
}

static int take_attribute(const struct reading *r, const char *word, struct element *e)
{
	size_t len = strlen(e->name);
	bool family = len > 2 && strcmp(e->name + len - 2, "NN") == 0;

	if (!attribute_name_good(word))
		return complain(r,
				_("\"%.*s\" cannot be the name of an attribute: small letters, "
				  "digits and \"_\"."),
				SHOWN_MAX, word);
	e->attribute = word;
	e->kind = attribute_kind(word);
	if (!(types[e->type].kinds & 1u << e->kind))
		return complain(r, _("The attribute \"%s\" cannot be of the type %s."), word,
				types[e->type].name);
	if (element_is_family(e) && !family)
		return complain(r, _("The name of an element that says age_over_NN ends in NN, "
				     "too."));
	if (e->type == ELEMENT_UINT)
		e->max = number_max[e->kind];
	if (e->kind == ATTRIBUTE_LOCAL_GOV_CODE)
		e->digits = 5;
	return 0;
}

/* Whether both can be the name of one element. */
static bool overlap(const struct element *a, const struct element *b)
{
	size_t len = strlen(a->name);

	if (strcmp(a->space, b->space) != 0)
		return false;
	if (strcmp(a->name, b->name) == 0)
		return true;
	if (!element_is_family(a) || strlen(b->name) != len)
		return false;
	return memcmp(a->name, b->name, len - 2) == 0 && b->name[len - 2] >= '0' &&
	       b->name[len - 2] <= '9' && b->name[len - 1] >= '0' && b->name[len - 1] <= '9';
}

static int check_element(const struct reading *r, const struct element *e)
{
	const struct profile_file *f = r->file;

	if (e->min > e->max)
		return complain(r, _("\"min\" is more than \"max\"."));
	for (size_t i = 0; i < f->profile.element_count; i++)
		if (overlap(&f->elements[i], e) || overlap(e, &f->elements[i]))
			return complain(r, _("The element %s is there already."), e->name);
	return 0;
}

static int take_element(struct reading *r, char **words, size_t count)
{
	struct element e = { .space = r->space, .name = words[1] };
	unsigned seen = 0;
	int err;

	if (!r->space)
		return complain(r, _("An element belongs to a namespace: there is none yet."));
	if (count < 4)
		return complain(r, _("An element has a name, a type and an attribute."));
	if (r->file->profile.element_count == PROFILE_ELEMENTS_MAX)
		return complain(r, _("There are more than %d elements."), PROFILE_ELEMENTS_MAX);
	if (!is_name(e.name))
		return complain(r, _("\"%.*s\" cannot be a name."), SHOWN_MAX, e.name);
	err = take_type(r, words[2], &e);
	if (err == 0)
		err = take_attribute(r, words[3], &e);
	for (size_t i = 4; i < count && err == 0; i++)
		err = take_constraint(r, &e, words[i], &seen);
	if (err == 0)
		err = check_element(r, &e);
	if (err == 0)
		err = name_ages(r, &e);
	if (err == 0)
		r->file->elements[r->file->profile.element_count++] = e;
	return err;
}

/* ---- lines ---- */

static int take_statement(struct reading *r, char **words, size_t count)
{
	struct profile *p = &r->file->profile;
	const char *space = NULL;
	int e;

	if (strcmp(words[0], "element") == 0)
		return take_element(r, words, count);
	if (count != 2)
		return complain(r, _("\"%.*s\" is no statement, or has not one word behind it."),
				SHOWN_MAX, words[0]);
	if (strcmp(words[0], "profile") == 0)
		return take_name(r, words[0], words[1], &p->name);
	if (strcmp(words[0], "doctype") == 0)
		return take_name(r, words[0], words[1], &p->doctype);
	if (strcmp(words[0], "namespace") != 0)
		return complain(r, _("There is no statement \"%.*s\"."), SHOWN_MAX, words[0]);
	e = take_name(r, words[0], words[1], &space);
	if (e == 0)
		r->space = space;
	return e;
}

/* Takes a line apart where there are blanks, up to a '#' that begins a word. */
static int take_line(struct reading *r, char *line)
{
	char *words[WORDS_MAX];
	size_t count = 0, len = strlen(line);

	r->line++;
	if (len && line[len - 1] == '\r')
		line[len - 1] = 0;
	while (line) {
		char *word = strsep(&line, " \t");

		if (*word == '#')
			break;
		if (!*word)
			continue;
		if (count == WORDS_MAX)
			return complain(r, _("There are too many words."));
		words[count++] = word;
	}
	if (r->line == 1)
		return count == 2 && strcmp(words[0], FIRST_LINE) == 0 &&
				       strcmp(words[1], "1") == 0 ?
			       0 :
			       complain(r, _("A profile begins with \"%s\"."), FIRST_LINE " 1");
	return count ? take_statement(r, words, count) : 0;
}

static int check_whole(const struct reading *r)
{
	const struct profile *p = &r->file->profile;

	if (!p->name)
		return complain(r, _("\"%s\" is missing."), "profile");
	if (!p->doctype)
		return complain(r, _("\"%s\" is missing."), "doctype");
	return p->element_count ? 0 : complain(r, _("There are no elements."));
}

int profile_parse(struct fuda_context *ctx, const char *path, struct cursor text,
		  struct profile_file **ret)
{
	_cleanup_(profile_file_free) struct profile_file *file = calloc(1, sizeof(*file));
	struct reading r = { .ctx = ctx, .path = path, .file = file };
	int e = 0;

	if (!file)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	if (text.left && memchr(text.p, 0, text.left))
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s: This is no text."), path);
	file->profile.elements = file->elements;
	file->text = calloc(1, text.left + 1);
	if (!file->text)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	e = cur_copy(&text, file->text, text.left);
	for (char *next = file->text; next && e == 0;)
		e = take_line(&r, strsep(&next, "\n"));
	if (e == 0)
		e = check_whole(&r);
	if (e < 0)
		return e;
	*ret = file;
	file = NULL;
	return 0;
}

void profile_file_free(struct profile_file **file)
{
	if (!*file)
		return;
	for (size_t i = 0; i < (*file)->profile.element_count; i++)
		free((*file)->elements[i].age_names);
	free((*file)->text);
	free(*file);
	*file = NULL;
}
