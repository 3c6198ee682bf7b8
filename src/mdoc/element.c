/* SPDX-License-Identifier: Apache-2.0 */
/* Values of elements: between CBOR and the form that their attribute has. */
#include "mdoc/element.h"

#include <fuda/encode.h>
#include <fuda/person.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "codec/utf8.h"
#include "mdoc/age.h"

enum {
	MY_NUMBER_DIGITS = FUDA_MY_NUMBER_SIZE - 1,
	TDATE_LEN = 20, /* "2026-11-22T10:00:00Z" */
	HEX_PIECE = 64,
};

/* What is read or written in one value. */
struct text {
	const char *p;
	size_t len;
};

const char *element_fault_text(enum element_fault fault)
{
	static const char *const texts[] = {
		[ELEMENT_GOOD] = N_("good"),
		[ELEMENT_WRONG_TYPE] = N_("of another type"),
		[ELEMENT_IS_FLOAT] = N_("an integer that is written as a float"),
		[ELEMENT_OUT_OF_RANGE] = N_("too short, too long, too small or too big"),
		[ELEMENT_WRONG_FORM] = N_("not in its form"),
		[ELEMENT_WRONG_CHECK_DIGIT] = N_("with a wrong check digit"),
		[ELEMENT_HAS_CONTROLS] = N_("with control characters"),
		[ELEMENT_NOT_JPEG2000] = N_("no JPEG 2000 picture"),
	};

	return _(texts[fault]);
}

static bool is_digits(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
	return t.len > 0;
}

/* ---- words of sex ---- */

/* 男 and 女 have been seen (mdoc.md 7); how the others are written is not published [K]. */
static const struct sex {
	enum fuda_sex number; /* ISO/IEC 5218 */
	const char *word;
} sexes[] = {
	{ FUDA_SEX_MALE, "男" },
	{ FUDA_SEX_FEMALE, "女" },
	{ FUDA_SEX_NOT_APPLICABLE, "適用不能" },
	{ FUDA_SEX_NOT_KNOWN, "不明" },
};

/* ---- reading ---- */

/* One value as it is read. The functions below tell their fault, or put the text in place. */
struct reading {
	const struct element *element;
	bool allow_float;
	char own[32];
	struct text text;    /* what came of it */
	struct cursor bytes; /* ... or these, for pictures */
};

static void set_own(struct reading *r, const char *text)
{
	int n = snprintf(r->own, sizeof(r->own), "%s", text);

	r->text = (struct text){ r->own, MIN((size_t)n, sizeof(r->own) - 1) };
}

/* Of that many digits at least, 20 at most. By hand: snprintf() leaves a My Number on the stack. */
static void set_number(struct reading *r, uint64_t n, unsigned digits)
{
	size_t at = sizeof(r->own);

	for (; n || sizeof(r->own) - at < digits; n /= 10)
		r->own[--at] = (char)('0' + n % 10);
	r->text = (struct text){ r->own + at, sizeof(r->own) - at };
}

/* A number of one to `most` digits, then `sign`. */
static int take_number(struct cursor *c, size_t most, const char *sign, unsigned *ret)
{
	const uint8_t *p;
	unsigned v = 0;
	size_t n = 0;

	for (; n < most && n < c->left && c->p[n] >= '0' && c->p[n] <= '9'; n++)
		v = v * 10 + (unsigned)(c->p[n] - '0');
	if (!n || cur_skip(c, n) < 0 || cur_take(c, strlen(sign), &p) < 0 ||
	    memcmp(p, sign, strlen(sign)) != 0)
		return FUDA_EFORMAT;
	*ret = v;
	return 0;
}

/* "1971年9月1日" (mdoc.md 7). Zeros before month and day change nothing and are let pass; years of
 * Japanese eras and days that are not known have not been seen, and are refused. */
static enum element_fault read_birth_date(struct reading *r, struct text t)
{
	struct cursor c = cur_of((const uint8_t *)t.p, t.len);
	char text[48];
	struct date d;

	if (take_number(&c, 4, "年", &d.year) < 0 || d.year < 1000 ||
	    take_number(&c, 2, "月", &d.month) < 0 || take_number(&c, 2, "日", &d.day) < 0 ||
	    c.left || !day_good(&d))
		return ELEMENT_WRONG_FORM;
	snprintf(text, sizeof(text), "%04u-%02u-%02u", d.year, d.month, d.day);
	set_own(r, text);
	return ELEMENT_GOOD;
}

static enum element_fault read_sex(struct reading *r, struct text t)
{
	for (size_t i = 0; i < ARRAY_SIZE(sexes); i++)
		if (strlen(sexes[i].word) == t.len && memcmp(sexes[i].word, t.p, t.len) == 0) {
			set_own(r, fuda_sex_name(sexes[i].number));
			return ELEMENT_GOOD;
		}
	return ELEMENT_WRONG_FORM;
}

static enum element_fault read_code(struct reading *r, struct text t)
{
	if ((t.len != 5 && t.len != 6) || !is_digits(t) || !local_gov_code_good(t.p, 5))
		return ELEMENT_WRONG_FORM;
	r->text = t;
	return local_gov_code_good(t.p, t.len) ? ELEMENT_GOOD : ELEMENT_WRONG_CHECK_DIGIT;
}

static enum element_fault read_my_number(struct reading *r, struct text t)
{
	char digits[FUDA_MY_NUMBER_SIZE];
	bool good;

	if (t.len != MY_NUMBER_DIGITS || !is_digits(t))
		return ELEMENT_WRONG_FORM;
	memcpy(digits, t.p, t.len);
	digits[t.len] = 0;
	good = fuda_my_number_valid(digits);
	wipe(digits, sizeof(digits));
	r->text = t;
	return good ? ELEMENT_GOOD : ELEMENT_WRONG_CHECK_DIGIT;
}

static enum element_fault read_plain(struct reading *r, struct text t)
{
	struct cursor c = cur_of((const uint8_t *)t.p, t.len);
	uint64_t characters = 0;
	uint32_t ch;

	for (; c.left; characters++) {
		if (utf8_next(&c, &ch) < 0)
			return ELEMENT_WRONG_FORM;
		if (utf8_is_control(ch))
			return ELEMENT_HAS_CONTROLS;
	}
	if (characters < r->element->min || characters > r->element->max)
		return ELEMENT_OUT_OF_RANGE;
	r->text = t;
	return ELEMENT_GOOD;
}

static enum element_fault read_tstr(struct reading *r, const struct cbor *value)
{
	struct cursor c;
	struct text t;

	if (cbor_text(value, &c) < 0)
		return ELEMENT_WRONG_TYPE;
	t = (struct text){ (const char *)c.p, c.left };
	switch (r->element->kind) {
	case ATTRIBUTE_BIRTH_DATE:
		return read_birth_date(r, t);
	case ATTRIBUTE_SEX:
		return read_sex(r, t);
	case ATTRIBUTE_LOCAL_GOV_CODE:
		return read_code(r, t);
	case ATTRIBUTE_INDIVIDUAL_NUMBER:
		return read_my_number(r, t);
	default:
		return read_plain(r, t);
	}
}

/* An integer that stands as a double, as @auth0/mdl writes those past 2^32: mdoc.md 0.3. */
static enum element_fault read_float(const struct reading *r, const struct cbor *value,
				     uint64_t *ret)
{
	double d;

	_Static_assert(sizeof(d) == sizeof(value->number), "a double has 64 bits");
	memcpy(&d, &value->number, sizeof(d));
	/* past 2^53 a double tells not every integer from the next */
	if (!(d >= 0 && d <= 9007199254740992.0) || (double)(uint64_t)d != d)
		return ELEMENT_WRONG_TYPE;
	if (!r->allow_float)
		return ELEMENT_IS_FLOAT;
	*ret = (uint64_t)d;
	return ELEMENT_GOOD;
}

/* Leading zeros come back: mdoc.md 0.2. */
static enum element_fault read_padded(struct reading *r, uint64_t n, unsigned digits)
{
	set_number(r, n, digits);
	return r->element->kind == ATTRIBUTE_LOCAL_GOV_CODE ? read_code(r, r->text) :
							      read_my_number(r, r->text);
}

static enum element_fault read_uint(struct reading *r, const struct cbor *value)
{
	const struct element *e = r->element;
	enum element_fault fault = ELEMENT_GOOD;
	uint64_t n;

	if (cbor_is(value, CBOR_FLOAT))
		fault = read_float(r, value, &n);
	else if (cbor_uint(value, UINT64_MAX, &n) < 0)
		fault = ELEMENT_WRONG_TYPE;
	if (fault != ELEMENT_GOOD)
		return fault;
	if (n < e->min || n > e->max)
		return ELEMENT_OUT_OF_RANGE;
	switch (e->kind) {
	case ATTRIBUTE_LOCAL_GOV_CODE:
		return read_padded(r, n, e->digits);
	case ATTRIBUTE_INDIVIDUAL_NUMBER:
		return read_padded(r, n, MY_NUMBER_DIGITS);
	case ATTRIBUTE_SEX:
		for (size_t i = 0; i < ARRAY_SIZE(sexes); i++)
			if ((uint64_t)sexes[i].number == n) {
				set_own(r, fuda_sex_name(sexes[i].number));
				return ELEMENT_GOOD;
			}
		return ELEMENT_WRONG_FORM;
	default:
		set_number(r, n, 1);
		return ELEMENT_GOOD;
	}
}

static enum element_fault read_bool(struct reading *r, const struct cbor *value)
{
	bool b;

	if (cbor_bool(value, &b) < 0)
		return ELEMENT_WRONG_TYPE;
	set_own(r, b ? "true" : "false");
	return ELEMENT_GOOD;
}

static enum element_fault read_bytes(struct reading *r, const struct cbor *value)
{
	if (cbor_bytes(value, &r->bytes) < 0)
		return ELEMENT_WRONG_TYPE;
	if (r->bytes.left < r->element->min || r->bytes.left > r->element->max)
		return ELEMENT_OUT_OF_RANGE;
	return r->element->type != ELEMENT_JPEG2000 || portrait_good(r->bytes) ?
		       ELEMENT_GOOD :
		       ELEMENT_NOT_JPEG2000;
}

enum { TAG_TDATE = 0, TAG_FULL_DATE = 1004 };

/* Whether the text is a moment in UTC: ISO 18013-5 9.1.2.4 has no fraction and no offset. */
static bool is_tdate(struct text t)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	struct date day;

	if (t.len != TDATE_LEN || day_parse(t.p, 10, &day) < 0)
		return false;
	for (size_t i = 0; i < TDATE_LEN; i++)
		if (form[i] == '0' ? t.p[i] < '0' || t.p[i] > '9' : t.p[i] != form[i])
			return false;
	return memcmp(t.p + 11, "24", 2) < 0 && t.p[14] < '6' && t.p[17] < '6';
}

static enum element_fault read_date(struct reading *r, const struct cbor *value)
{
	bool full = r->element->type == ELEMENT_FULL_DATE;
	struct cbor inside;
	struct cursor c;
	struct date day;

	if (cbor_tag(value, full ? TAG_FULL_DATE : TAG_TDATE, &inside) < 0 ||
	    cbor_text(&inside, &c) < 0)
		return ELEMENT_WRONG_TYPE;
	r->text = (struct text){ (const char *)c.p, c.left };
	return (full ? day_parse(r->text.p, r->text.len, &day) == 0 : is_tdate(r->text)) ?
		       ELEMENT_GOOD :
		       ELEMENT_WRONG_FORM;
}

typedef enum element_fault (*reader)(struct reading *r, const struct cbor *value);
static const reader readers[] = {
	[ELEMENT_TSTR] = read_tstr,      [ELEMENT_UINT] = read_uint,
	[ELEMENT_BOOL] = read_bool,      [ELEMENT_BSTR] = read_bytes,
	[ELEMENT_JPEG2000] = read_bytes, [ELEMENT_FULL_DATE] = read_date,
	[ELEMENT_TDATE] = read_date,
};

/* Bytes that are no picture are hexadecimal in their attribute. */
static int append_hex(struct cursor bytes, struct fuda_buf *ret)
{
	char hex[2 * HEX_PIECE + 1];
	const uint8_t *p;
	int e = 0;

	while (bytes.left && e == 0) {
		size_t n = MIN(bytes.left, (size_t)HEX_PIECE);

		e = cur_take(&bytes, n, &p);
		if (e < 0)
			break;
		fuda_hex_encode(p, n, hex);
		e = fuda_buf_append(ret, hex, 2 * n);
	}
	return e;
}

int element_read(const struct element *element, const struct cbor *value, bool allow_float,
		 struct fuda_buf *ret_value, enum element_fault *ret_fault)
{
	struct reading r = { .element = element, .allow_float = allow_float };
	int e;

	*ret_fault = readers[element->type](&r, value);
	if (*ret_fault != ELEMENT_GOOD)
		e = FUDA_EFORMAT;
	else if (element->type == ELEMENT_BSTR)
		e = append_hex(r.bytes, ret_value);
	else if (element->type == ELEMENT_JPEG2000)
		e = fuda_buf_append(ret_value, r.bytes.p, r.bytes.left);
	else
		e = fuda_buf_append(ret_value, r.text.p, r.text.len);
	wipe(r.own, sizeof(r.own));
	return e;
}

/* ---- writing ---- */

/* These take a text in its attribute's form, with a NUL behind it, and are false where it cannot be
 * written so. What the element's limits say of it is for element_read() to judge afterwards. */

static bool write_birth_date(const char *text, struct cbor_out *out)
{
	char own[48];
	struct date d;

	if (day_parse(text, strlen(text), &d) < 0)
		return false;
	snprintf(own, sizeof(own), "%u年%u月%u日", d.year, d.month, d.day);
	cbor_put_text(out, own);
	wipe(own, sizeof(own));
	return true;
}

static const struct sex *sex_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(sexes); i++)
		if (strcmp(fuda_sex_name(sexes[i].number), text) == 0)
			return &sexes[i];
	return NULL;
}

/* The code with as many digits as the element has. */
static void code_of(const struct element *element, const char *text, char ret[7])
{
	memcpy(ret, text, 5);
	ret[5] = element->digits == 6 ? local_gov_check_digit(text) : 0;
	ret[6] = 0;
}

static bool write_tstr(const struct element *element, const char *text, struct cbor_out *out)
{
	const struct sex *sex = sex_of(text);
	char code[7];

	switch (element->kind) {
	case ATTRIBUTE_BIRTH_DATE:
		return write_birth_date(text, out);
	case ATTRIBUTE_SEX:
		if (sex)
			cbor_put_text(out, sex->word);
		return sex;
	case ATTRIBUTE_LOCAL_GOV_CODE:
		code_of(element, text, code);
		cbor_put_text(out, code);
		return true;
	default:
		cbor_put_text(out, text);
		return true;
	}
}

/* False: no digits, or no number of 64 bits. */
static bool number_of(const char *text, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return false;
	*ret = n;
	return true;
}

static bool write_uint(const struct element *element, const char *text, struct cbor_out *out)
{
	const struct sex *sex = element->kind == ATTRIBUTE_SEX ? sex_of(text) : NULL;
	char code[7];
	uint64_t n;

	if (element->kind == ATTRIBUTE_LOCAL_GOV_CODE) {
		code_of(element, text, code);
		text = code;
	}
	if (sex)
		n = (uint64_t)sex->number;
	else if (!number_of(text, &n))
		return false;
	cbor_put_uint(out, n);
	return true;
}

static bool write_bool(const struct element *element _unused_, const char *text,
		       struct cbor_out *out)
{
	bool yes = strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "false") != 0)
		return false;
	cbor_put_bool(out, yes);
	return true;
}

static bool write_bytes(const struct element *element _unused_, const char *text,
			struct cbor_out *out)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(ATTRIBUTE_TEXT_MAX);

	if (fuda_hex_decode(text, &bytes) < 0)
		return false;
	cbor_put_bytes(out, bytes.data, bytes.len);
	return true;
}

static bool write_full_date(const struct element *element _unused_, const char *text,
			    struct cbor_out *out)
{
	struct date day;

	if (day_parse(text, strlen(text), &day) < 0)
		return false;
	cbor_put_full_date(out, text);
	return true;
}

static bool write_tdate(const struct element *element _unused_, const char *text,
			struct cbor_out *out)
{
	if (!is_tdate((struct text){ text, strlen(text) }))
		return false;
	cbor_put_tag(out, TAG_TDATE);
	cbor_put_text(out, text);
	return true;
}

typedef bool (*writer)(const struct element *element, const char *text, struct cbor_out *out);
static const writer writers[] = {
	[ELEMENT_TSTR] = write_tstr,           [ELEMENT_UINT] = write_uint,
	[ELEMENT_BOOL] = write_bool,           [ELEMENT_BSTR] = write_bytes,
	[ELEMENT_FULL_DATE] = write_full_date, [ELEMENT_TDATE] = write_tdate,
};

/* What is issued must be what a verifier takes, or it is not issued. */
static int check(const struct element *element, const struct fuda_buf *bytes, size_t from,
		 struct fuda_buf *scratch, enum element_fault *ret_fault)
{
	struct cbor value;
	int e = cbor_read(cur_of(bytes->data + from, bytes->len - from), &value, NULL);

	if (e < 0)
		return e;
	fuda_buf_clear(scratch);
	return element_read(element, &value, false, scratch, ret_fault);
}

int element_write(const struct element *element, struct cursor attribute, struct fuda_buf *ret_cbor,
		  struct fuda_buf *scratch, enum element_fault *ret_fault)
{
	struct cbor_out out = CBOR_OUT(ret_cbor);
	size_t before = ret_cbor->len;

	if (element->type == ELEMENT_JPEG2000) {
		cbor_put_bytes(&out, attribute.p, attribute.left);
	} else if (!writers[element->type](element, (const char *)attribute.p, &out)) {
		*ret_fault = ELEMENT_WRONG_FORM;
		return FUDA_EFORMAT;
	}
	return out.failed ? out.failed : check(element, ret_cbor, before, scratch, ret_fault);
}
