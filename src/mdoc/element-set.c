/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of a credential, made of the attributes of its holder. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "mdoc/age.h"
#include "mdoc/element.h"

enum { AGE_DIGITS = 2 };

/* The set as it is made. Buffers may move while they grow, so that pointers into them are made at
 * the end. */
struct making {
	struct fuda_context *ctx;
	const struct profile *profile;
	const struct fuda_mdoc_attributes *attributes;
	struct element_set *set;
	struct fuda_buf scratch;
	size_t value_at[ISSUE_ELEMENTS_MAX];
	bool born; /* the birth date is known */
	struct date birth;
	unsigned years; /* of age */
};

static void scratch_free(struct making *m)
{
	fuda_buf_free(&m->scratch);
}

static int missing(const struct making *m, const struct element *element, const char *attribute)
{
	return ctx_fail(m->ctx, FUDA_EINVAL,
			_("The attribute \"%s\" is missing, of which the profile %s makes %s."),
			attribute, m->profile->name, element->name);
}

/* Adds an element called `name`; neither it nor the value is owned. */
static int add(struct making *m, const struct element *element, const char *name,
	       struct cursor value)
{
	struct element_set *set = m->set;
	enum element_fault fault = ELEMENT_GOOD;
	size_t at = set->values.len;
	int e;

	if (set->count == ISSUE_ELEMENTS_MAX)
		return ctx_fail_code(m->ctx, FUDA_ETOOBIG);
	e = element_write(element, value, &set->values, &m->scratch, &fault);
	if (e == FUDA_EFORMAT)
		return ctx_fail(m->ctx, FUDA_EINVAL,
				_("The attribute \"%s\" cannot be the element %s: it would be %s."),
				element->attribute, name, element_fault_text(fault));
	if (e < 0)
		return ctx_fail_code(m->ctx, e);
	m->value_at[set->count] = at;
	set->elements[set->count++] =
		(struct issue_element){ .space = element->space, .name = name };
	return 0;
}

static unsigned two_digits(const char *p)
{
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

static int add_age_over(struct making *m, const struct element *element, const char *name,
			unsigned age)
{
	const char *value = m->years >= age ? "true" : "false";

	return add(m, element, name, cur_of((const uint8_t *)value, strlen(value)));
}

/* "age_over_NN": one element for each age that is issued. */
static int add_ages_over(struct making *m, const struct element *element)
{
	int e = 0;

	for (size_t i = 0; i < element->age_count && e == 0; i++)
		e = add_age_over(m, element, element_of_age(element, element->ages[i]),
				 element->ages[i]);
	return e;
}

static int add_age(struct making *m, const struct element *element)
{
	char text[16];

	if (!m->born)
		return element->optional ? 0 : missing(m, element, "birth_date");
	if (element->kind == ATTRIBUTE_AGE_OVER)
		return element_is_family(element) ?
			       add_ages_over(m, element) :
			       add_age_over(m, element, element->name,
					    two_digits(element->attribute +
						       strlen(element->attribute) - AGE_DIGITS));
	snprintf(text, sizeof(text), "%u", m->years);
	return add(m, element, element->name, cur_of((const uint8_t *)text, strlen(text)));
}

static int add_element(struct making *m, const struct element *element)
{
	struct cursor value;

	if (element->kind == ATTRIBUTE_AGE_OVER || element->kind == ATTRIBUTE_AGE_IN_YEARS)
		return add_age(m, element);
	if (attributes_get(m->attributes, element->attribute, &value) == 0)
		return add(m, element, element->name, value);
	return element->optional ? 0 : missing(m, element, element->attribute);
}

static int know_age(struct making *m, time_t at)
{
	struct cursor value;

	m->born = attributes_get(m->attributes, "birth_date", &value) == 0;
	if (!m->born)
		return 0;
	if (day_parse((const char *)value.p, value.left, &m->birth) < 0)
		return ctx_fail_code(m->ctx, FUDA_EFORMAT); /* it was looked at when it was set */
	if (age_at(&m->birth, at, &m->years) < 0)
		return ctx_fail(m->ctx, FUDA_EINVAL,
				_("The birth date lies after the day of issue."));
	return 0;
}

static void set_clear(struct element_set *set)
{
	set->count = 0;
	set->values.max = ELEMENT_VALUE_MAX;
	fuda_buf_clear(&set->values);
}

/* Ages are made of the birth date. */
static bool is_made_of(const struct element *element, const char *attribute)
{
	bool age = element->kind == ATTRIBUTE_AGE_OVER || element->kind == ATTRIBUTE_AGE_IN_YEARS;

	return strcmp(age ? "birth_date" : element->attribute, attribute) == 0;
}

/* What nothing is made of has a name that is misspelled, or belongs to another profile. */
static int check_names(const struct making *m)
{
	const char *name, *place;

	for (size_t n = 0; (name = attributes_name(m->attributes, n, &place)); n++) {
		size_t i = 0;

		while (i < m->profile->element_count && !is_made_of(&m->profile->elements[i], name))
			i++;
		if (i == m->profile->element_count)
			return ctx_fail(m->ctx, FUDA_EINVAL,
					_("%sThe profile %s makes nothing of the attribute "
					  "\"%s\"."),
					place, m->profile->name, name);
	}
	return 0;
}

int profile_elements(struct fuda_context *ctx, const struct profile *profile,
		     const struct fuda_mdoc_attributes *attributes, time_t at,
		     struct element_set *ret)
{
	_cleanup_(scratch_free) struct making m = {
		.ctx = ctx,
		.profile = profile,
		.attributes = attributes,
		.set = ret,
		.scratch = FUDA_BUF_INIT(ELEMENT_VALUE_MAX),
	};
	int e;

	set_clear(ret);
	e = check_names(&m);
	if (e == 0)
		e = know_age(&m, at);
	for (size_t i = 0; i < profile->element_count && e == 0; i++)
		e = add_element(&m, &profile->elements[i]);
	if (e < 0) {
		set_clear(ret);
		return e;
	}
	for (size_t i = 0; i < ret->count; i++) {
		size_t end = i + 1 < ret->count ? m.value_at[i + 1] : ret->values.len;

		ret->elements[i].value =
			cur_of(ret->values.data + m.value_at[i], end - m.value_at[i]);
	}
	return 0;
}

void element_set_free(struct element_set *set)
{
	fuda_buf_free(&set->values);
	set->count = 0;
}
