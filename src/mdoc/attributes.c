/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/attributes.h"

#include <fuda/person.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/context.h"
#include "codec/utf8.h"
#include "mdoc/age.h"
#include "pki/file.h"

enum {
	FILE_MAX = 65536,
	PICTURE_FILE_MAX = 4 << 20, /* longer ones are not read at all */
};

/* One of them; the value ends with a NUL that is not part of it. */
struct attribute {
	char name[ATTRIBUTE_NAME_MAX];
	struct fuda_buf value;
	char *place; /* NULL: it was not read */
};

struct fuda_mdoc_attributes {
	struct attribute all[ATTRIBUTES_MAX];
	size_t count;
	char portrait[CONFIG_PATH_MAX]; /* where it was read from; "" */
};

/* ---- kinds ---- */

static const struct {
	const char *name;
	enum attribute_kind kind;
} schema[] = {
	{ "name", ATTRIBUTE_TEXT },
	{ "address", ATTRIBUTE_TEXT },
	{ "birth_date", ATTRIBUTE_BIRTH_DATE },
	{ "sex", ATTRIBUTE_SEX },
	{ "local_gov_code", ATTRIBUTE_LOCAL_GOV_CODE },
	{ "individual_number", ATTRIBUTE_INDIVIDUAL_NUMBER },
	{ "portrait", ATTRIBUTE_PORTRAIT },
	{ "age_in_years", ATTRIBUTE_AGE_IN_YEARS },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "age_over_NN", or with two digits. */
static bool is_age_over(const char *name)
{
	static const char prefix[] = "age_over_";
	const char *age = name + sizeof(prefix) - 1;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	return strcmp(age, "NN") == 0 || (is_digit(age[0]) && is_digit(age[1]) && !age[2]);
}

enum attribute_kind attribute_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(schema); i++)
		if (strcmp(schema[i].name, name) == 0)
			return schema[i].kind;
	return is_age_over(name) ? ATTRIBUTE_AGE_OVER : ATTRIBUTE_OTHER;
}

bool attribute_name_good(const char *name)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t len = strlen(name);

	if (is_age_over(name))
		return true;
	return len && len < ATTRIBUTE_NAME_MAX && *name >= 'a' && *name <= 'z' &&
	       strspn(name, characters) == len;
}

/* ---- forms ---- */

/* Weights 6 to 2 from the left, and what is missing to a multiple of 11, its last digit: the rule
 * that the ministry publishes with the codes. */
char local_gov_check_digit(const char digits[5])
{
	unsigned sum = 0;

	for (unsigned i = 0; i < 5; i++)
		sum += (unsigned)(digits[i] - '0') * (6 - i);
	return (char)('0' + (11 - sum % 11) % 10);
}

bool local_gov_code_good(const char *digits, size_t len)
{
	unsigned prefecture;

	if (len != 5 && len != 6)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_digit(digits[i]))
			return false;
	prefecture = (unsigned)(digits[0] - '0') * 10 + (unsigned)(digits[1] - '0');
	if (prefecture < 1 || prefecture > 47)
		return false;
	return len == 5 || digits[5] == local_gov_check_digit(digits);
}

bool attribute_text_good(struct cursor text)
{
	uint32_t ch;

	while (text.left)
		if (utf8_next(&text, &ch) < 0 || utf8_is_control(ch))
			return false;
	return true;
}

bool portrait_good(struct cursor bytes)
{
	/* the signature box of ISO/IEC 15444-1 I.5.1; SOC and SIZ of A.4: mdoc.md 2.3 C17 */
	static const uint8_t jp2[] = {
		0, 0, 0, 12, 'j', 'P', ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A,
	};
	static const uint8_t codestream[] = { 0xFF, 0x4F, 0xFF, 0x51 };

	return (bytes.left >= sizeof(jp2) && memcmp(bytes.p, jp2, sizeof(jp2)) == 0) ||
	       (bytes.left >= sizeof(codestream) &&
		memcmp(bytes.p, codestream, sizeof(codestream)) == 0);
}

/* What a value has to look like. */
static const char *form_of(enum attribute_kind kind)
{
	switch (kind) {
	case ATTRIBUTE_BIRTH_DATE:
		return _("a whole date as 1971-09-01");
	case ATTRIBUTE_SEX:
		return _("male, female, not_applicable or not_known");
	case ATTRIBUTE_LOCAL_GOV_CODE:
		return _("a municipality's code of 5 digits, or of 6 with its check digit");
	case ATTRIBUTE_INDIVIDUAL_NUMBER:
		return _("12 digits, the last one the check digit");
	case ATTRIBUTE_PORTRAIT:
		return _("a JPEG 2000 picture");
	case ATTRIBUTE_AGE_OVER:
	case ATTRIBUTE_AGE_IN_YEARS:
		return _("not set: ages follow from the birth date");
	case ATTRIBUTE_TEXT:
	case ATTRIBUTE_OTHER:
		break;
	}
	return _("a text of UTF-8 without control characters");
}

static bool is_sex(const char *value)
{
	static const enum fuda_sex all[] = { FUDA_SEX_MALE, FUDA_SEX_FEMALE,
					     FUDA_SEX_NOT_APPLICABLE, FUDA_SEX_NOT_KNOWN };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(fuda_sex_name(all[i]), value) == 0)
			return true;
	return false;
}

static bool is_good(enum attribute_kind kind, const char *value)
{
	size_t len = strlen(value);
	struct date day;

	switch (kind) {
	case ATTRIBUTE_BIRTH_DATE:
		return day_parse(value, len, &day) == 0;
	case ATTRIBUTE_SEX:
		return is_sex(value);
	case ATTRIBUTE_LOCAL_GOV_CODE:
		return local_gov_code_good(value, len);
	case ATTRIBUTE_INDIVIDUAL_NUMBER:
		return fuda_my_number_valid(value);
	case ATTRIBUTE_PORTRAIT: /* no text */
	case ATTRIBUTE_AGE_OVER:
	case ATTRIBUTE_AGE_IN_YEARS:
		return false;
	case ATTRIBUTE_TEXT:
	case ATTRIBUTE_OTHER:
		break;
	}
	return len && len <= ATTRIBUTE_TEXT_MAX &&
	       attribute_text_good(cur_of((const uint8_t *)value, len));
}

/* ---- the attributes of one holder ---- */

int fuda_mdoc_attributes_new(struct fuda_context *ctx, struct fuda_mdoc_attributes **ret)
{
	struct fuda_mdoc_attributes *a = calloc(1, sizeof(*a));

	if (!a)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	*ret = a;
	return 0;
}

/* Takes those back that came behind the first `count`. */
static void take_back(struct fuda_mdoc_attributes *attributes, size_t count)
{
	while (attributes->count > count) {
		struct attribute *a = &attributes->all[--attributes->count];

		fuda_buf_free(&a->value);
		free(a->place);
		a->place = NULL;
	}
}

void fuda_mdoc_attributes_free(struct fuda_mdoc_attributes **attributes)
{
	if (!*attributes)
		return;
	take_back(*attributes, 0);
	free(*attributes);
	*attributes = NULL;
}

static const struct attribute *find(const struct fuda_mdoc_attributes *attributes, const char *name)
{
	for (size_t i = 0; i < attributes->count; i++)
		if (strcmp(attributes->all[i].name, name) == 0)
			return &attributes->all[i];
	return NULL;
}

int attributes_get(const struct fuda_mdoc_attributes *attributes, const char *name,
		   struct cursor *ret)
{
	const struct attribute *a = find(attributes, name);

	if (!a)
		return FUDA_ENOTFOUND;
	*ret = cur_of(a->value.data, a->value.len - 1);
	return 0;
}

const char *attributes_name(const struct fuda_mdoc_attributes *attributes, size_t index,
			    const char **ret_place)
{
	const struct attribute *a = &attributes->all[index];

	if (index >= attributes->count)
		return NULL;
	*ret_place = a->place ? a->place : "";
	return a->name;
}

/* Where messages say that something is wrong: nowhere, or in a file. */
struct place {
	struct fuda_context *ctx;
	const char *path; /* NULL: it was not read */
	unsigned line;
};

static int complain(const struct place *at, const char *format, ...) _printf_(2, 3);
static int complain(const struct place *at, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!at->path)
		return ctx_fail(at->ctx, FUDA_EINVAL, "%s", text);
	return ctx_fail(at->ctx, FUDA_EFORMAT, "%s:%u: %s", at->path, at->line, text);
}

/* Sets what was found to be good. */
static int add(const struct place *at, struct fuda_mdoc_attributes *attributes, const char *name,
	       struct cursor value)
{
	struct attribute *a = &attributes->all[attributes->count];
	int e;

	if (find(attributes, name))
		return complain(at, _("\"%s\" is set twice."), name);
	if (attributes->count == ATTRIBUTES_MAX)
		return complain(at, _("There are more than %d attributes."), ATTRIBUTES_MAX);
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->value = FUDA_BUF_INIT(PORTRAIT_MAX + 1);
	attributes->count++;
	e = fuda_buf_append(&a->value, value.p, value.left);
	if (e == 0)
		e = fuda_buf_append(&a->value, "", 1);
	if (e == 0 && at->path && asprintf(&a->place, "%s:%u: ", at->path, at->line) < 0) {
		a->place = NULL;
		e = FUDA_ENOMEM;
	}
	if (e == 0)
		return 0;
	take_back(attributes, attributes->count - 1);
	return ctx_fail_code(at->ctx, e);
}

static int set(const struct place *at, struct fuda_mdoc_attributes *attributes, const char *name,
	       const char *value)
{
	enum attribute_kind kind = attribute_kind(name);

	/* it may be the value, on the wrong side */
	if (!attribute_name_good(name))
		return complain(at, _("The name of an attribute has small letters, digits and "
				      "\"_\" only, a letter first."));
	/* the value is personal, and not shown */
	if (!is_good(kind, value))
		return complain(at, _("\"%s\" is %s."), name, form_of(kind));
	return add(at, attributes, name, cur_of((const uint8_t *)value, strlen(value)));
}

int fuda_mdoc_attributes_set(struct fuda_context *ctx, struct fuda_mdoc_attributes *attributes,
			     const char *name, const char *value)
{
	const struct place at = { .ctx = ctx };

	return set(&at, attributes, name, value);
}

static int set_portrait(const struct place *at, struct fuda_mdoc_attributes *attributes,
			struct cursor bytes)
{
	if (bytes.left > PORTRAIT_MAX)
		return complain(at, _("The portrait has more than %d bytes."), PORTRAIT_MAX);
	if (!portrait_good(bytes))
		return complain(at, _("The portrait is no JPEG 2000 picture: neither a JP2 file "
				      "nor a codestream."));
	return add(at, attributes, "portrait", bytes);
}

int fuda_mdoc_attributes_set_portrait(struct fuda_context *ctx,
				      struct fuda_mdoc_attributes *attributes, const uint8_t *bytes,
				      size_t len)
{
	const struct place at = { .ctx = ctx };

	return set_portrait(&at, attributes, cur_of(bytes, len));
}

/* ---- files ---- */

static int read_portrait(const struct place *at, struct fuda_mdoc_attributes *attributes,
			 const char *value)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(PICTURE_FILE_MAX);
	const char *slash = strrchr(at->path, '/');
	char path[CONFIG_PATH_MAX];
	int n, e;

	if (!*value)
		return complain(at, _("\"%s\" is %s."), "portrait", _("the name of a file"));
	n = snprintf(path, sizeof(path), "%.*s%s",
		     *value == '/' || !slash ? 0 : (int)(slash - at->path + 1), at->path, value);
	if (n < 0 || (size_t)n >= sizeof(path))
		return ctx_fail_code(at->ctx, FUDA_ETOOBIG);
	e = pki_read_file(at->ctx, path, &bytes);
	if (e == 0)
		e = set_portrait(at, attributes, cur_of(bytes.data, bytes.len));
	if (e == 0)
		snprintf(attributes->portrait, sizeof(attributes->portrait), "%s", path);
	return e;
}

const char *fuda_mdoc_attributes_portrait(const struct fuda_mdoc_attributes *attributes)
{
	return *attributes->portrait ? attributes->portrait : NULL;
}

static int take_line(struct place *at, struct fuda_mdoc_attributes *attributes, char *line)
{
	char *name, *value;

	at->line++;
	if (config_line(line, &name, &value) < 0)
		return complain(at, _("A line is \"name = value\"."));
	if (!name)
		return 0;
	return strcmp(name, "portrait") == 0 ? read_portrait(at, attributes, value) :
					       set(at, attributes, name, value);
}

int fuda_mdoc_attributes_read(struct fuda_context *ctx, struct fuda_mdoc_attributes *attributes,
			      const char *path)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(FILE_MAX + 1);
	struct place at = { .ctx = ctx, .path = path };
	size_t before = attributes->count;
	int e = pki_read_file(ctx, path, &text);

	if (e < 0)
		return e;
	if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("%s: It begins with a byte order mark (BOM). Save it as UTF-8 "
				  "without one."),
				path);
	if (text.len && memchr(text.data, 0, text.len))
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s: This is no text."), path);
	e = fuda_buf_append(&text, "", 1);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	for (char *next = (char *)text.data; next && e == 0;)
		e = take_line(&at, attributes, strsep(&next, "\n"));
	if (e < 0)
		take_back(attributes, before);
	return e;
}
