/* SPDX-License-Identifier: Apache-2.0 */
/* The text files of a card directory: "key = value" lines, each key once, '#' at the start of
 * comments. */
#include "vcard/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <fuda/encode.h>
#include "base/cursor.h"

#define LINE_LEN_MAX 200
#define ATR_MIN	     2	/* TS, T0: ISO 7816-3 8.1 */
#define TRIES_MAX    15 /* what fits in 63Cx */

struct choice {
	const char *name;
	unsigned value;
};

/* A key. `place` is where its value lives in struct conf, or which secret it is about. */
struct setting {
	const char *key;
	unsigned kinds; /* of token that it is about */
	unsigned scopes;
	int (*parse)(struct conf *c, const struct setting *s, const char *value);
	void (*print)(const struct conf *c, const struct setting *s, char value[LINE_LEN_MAX]);
	size_t place;
	const struct choice *choices; /* ends with a NULL name; the first is the default */
	unsigned min, max, standard;  /* of numbers */
};

int explain(char *ret_why, size_t why_size, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret_why, why_size, format, ap);
	va_end(ap);
	return code;
}

static unsigned *option(const struct conf *c, const struct setting *s)
{
	return (unsigned *)((char *)c + s->place);
}

static int parse_choice(struct conf *c, const struct setting *s, const char *value)
{
	for (const struct choice *i = s->choices; i->name; i++)
		if (strcasecmp(i->name, value) == 0) {
			*option(c, s) = i->value;
			return 0;
		}
	return FUDA_EFORMAT;
}

static void print_choice(const struct conf *c, const struct setting *s, char value[LINE_LEN_MAX])
{
	const struct choice *i = s->choices;

	while (i->value != *option(c, s))
		i++;
	snprintf(value, LINE_LEN_MAX, "%s", i->name);
}

static int parse_digits(const char *value, unsigned min, unsigned max, unsigned *ret)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long n = strtoul(value, NULL, 10);

	if (!digits || digits > 9 || value[digits] || n < min || n > max)
		return FUDA_EFORMAT;
	*ret = (unsigned)n;
	return 0;
}

static int parse_number(struct conf *c, const struct setting *s, const char *value)
{
	return parse_digits(value, s->min, s->max, option(c, s));
}

static void print_number(const struct conf *c, const struct setting *s, char value[LINE_LEN_MAX])
{
	snprintf(value, LINE_LEN_MAX, "%u", *option(c, s));
}

static int parse_atr(struct conf *c, _unused_ const struct setting *s, const char *value)
{
	_cleanup_buf_ struct fuda_buf atr = FUDA_BUF_INIT(FUDA_ATR_MAX);

	if (fuda_hex_decode(value, &atr) < 0 || atr.len < ATR_MIN)
		return FUDA_EFORMAT;
	memcpy(c->atr, atr.data, atr.len);
	c->atr_len = atr.len;
	return 0;
}

static void print_atr(const struct conf *c, _unused_ const struct setting *s,
		     char value[LINE_LEN_MAX])
{
	fuda_hex_encode(c->atr, c->atr_len, value);
}

static int parse_label(struct conf *c, _unused_ const struct setting *s, const char *value)
{
	if (strlen(value) > LABEL_MAX)
		return FUDA_EFORMAT;
	snprintf(c->label, sizeof(c->label), "%s", value);
	return 0;
}

static void print_label(const struct conf *c, _unused_ const struct setting *s,
		       char value[LINE_LEN_MAX])
{
	snprintf(value, LINE_LEN_MAX, "%s", c->label);
}

static int parse_consent(struct conf *c, _unused_ const struct setting *s, const char *value)
{
	if (!*value || strlen(value) > CONSENT_MAX)
		return FUDA_EFORMAT;
	snprintf(c->consent, sizeof(c->consent), "%s", value);
	return 0;
}

static void print_consent(const struct conf *c, _unused_ const struct setting *s,
			  char value[LINE_LEN_MAX])
{
	snprintf(value, LINE_LEN_MAX, "%s", c->consent);
}

bool vcard_pin_legal(const struct pin_type *type, const uint8_t *bytes, size_t len,
		     bool *ret_length)
{
	*ret_length = len >= type->min && len <= type->max;
	for (size_t i = 0; i < len; i++) {
		bool digit = bytes[i] >= '0' && bytes[i] <= '9';
		bool capital = bytes[i] >= 'A' && bytes[i] <= 'Z';

		if (!digit && !(capital && type->letters))
			return false;
	}
	return *ret_length;
}

/* Also what the card's rules forbid: `change-check = no` lets such secrets in. */
static int parse_secret(struct conf *c, const struct setting *s, const char *value)
{
	struct pin *pin = &c->pin[s->place];
	size_t len = strlen(value);

	if (len < 1 || len > sizeof(pin->bytes))
		return FUDA_EFORMAT;
	wipe(pin->bytes, sizeof(pin->bytes));
	memcpy(pin->bytes, value, len);
	pin->len = len;
	return 0;
}

static void print_secret(const struct conf *c, const struct setting *s, char value[LINE_LEN_MAX])
{
	const struct pin *pin = &c->pin[s->place];

	memcpy(value, pin->bytes, pin->len);
	value[pin->len] = 0;
}

/* In `state`: hexadecimal, as CHANGE lets in any byte when it does not check. */
static int parse_changed(struct conf *c, const struct setting *s, const char *value)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(PIN_MAX);
	struct pin *pin = &c->pin[s->place];

	if (fuda_hex_decode(value, &bytes) < 0 || !bytes.len)
		return FUDA_EFORMAT;
	wipe(pin->bytes, sizeof(pin->bytes));
	memcpy(pin->bytes, bytes.data, bytes.len);
	pin->len = bytes.len;
	pin->changed = true;
	return 0;
}

static void print_changed(const struct conf *c, const struct setting *s, char value[LINE_LEN_MAX])
{
	const struct pin *pin = &c->pin[s->place];

	value[0] = 0;
	if (pin->changed)
		fuda_hex_encode(pin->bytes, pin->len, value);
}

static int parse_tries(struct conf *c, const struct setting *s, const char *value)
{
	return parse_digits(value, 0, c->pin[s->place].tries, &c->pin[s->place].left);
}

static void print_tries(const struct conf *c, const struct setting *s, char value[LINE_LEN_MAX])
{
	snprintf(value, LINE_LEN_MAX, "%u", c->pin[s->place].left);
}

/* How many tries a secret has in all: where the card's number is not known. */
static int parse_limit(struct conf *c, const struct setting *s, const char *value)
{
	struct pin *pin = &c->pin[s->place];
	int r = parse_digits(value, s->min, s->max, &pin->tries);

	if (r == 0)
		pin->left = pin->tries;
	return r;
}

static void print_limit(const struct conf *c, const struct setting *s, char value[LINE_LEN_MAX])
{
	snprintf(value, LINE_LEN_MAX, "%u", c->pin[s->place].tries);
}

#define PLACE(member) offsetof(struct conf, opt.member)
#define CHOICES(...)  ((const struct choice[]){ __VA_ARGS__, { NULL, 0 } })
#define OF(kinds, key, scopes, member, ...)                                                        \
	{ key, kinds, scopes, parse_choice, print_choice, PLACE(member), CHOICES(__VA_ARGS__) }
#define CHOICE(key, scopes, member, ...) OF(KIND_ALL, key, scopes, member, __VA_ARGS__)
#define NUMBER(kinds, key, member, min, max, standard)                                             \
	{ key,           kinds, SETTABLE, parse_number, print_number,                              \
	  PLACE(member), NULL,  min,      max,          standard }
#define SECRET(name, pin)                                                                          \
	{ "secret." name, KIND_ALL, SCOPE_CARD | SCOPE_SECRETS, parse_secret, print_secret, pin }, \
	{ "changed." name, KIND_ALL, SCOPE_STATE, parse_changed, print_changed, pin },             \
	{ "tries." name, KIND_ALL, SCOPE_STATE, parse_tries, print_tries, pin }
#define SETTABLE (SCOPE_CARD | SCOPE_SET)

/* The choices between readings of card.md 12 have its recommendation first. */
static const struct setting settings[] = {
	OF(KIND_ANY, "kind", SCOPE_CARD, kind, { "card", KIND_CARD }, { "android", KIND_ANDROID },
	   { "iphone", KIND_IPHONE }, { "wallet", KIND_WALLET }),
	{ "atr", KIND_ANY, SETTABLE, parse_atr, print_atr },
	{ "label", KIND_ALL, SETTABLE, parse_label, print_label },
	SECRET("auth", PIN_AUTH),
	SECRET("sign", PIN_SIGN),
	SECRET("text", PIN_TEXT),
	SECRET("juki", PIN_JUKI),
	SECRET("common", PIN_COMMON),
	SECRET("text-a", PIN_TEXT_A),
	SECRET("text-b", PIN_TEXT_B),
	SECRET("face-a", PIN_FACE_A),
	SECRET("face-b", PIN_FACE_B),
	SECRET("birth", PIN_BIRTH),
	{ "birth-tries", KIND_ALL, SETTABLE, parse_limit, print_limit, PIN_BIRTH,
	  .max = TRIES_MAX },
	CHOICE("blocked-verify", SETTABLE, blocked_verify, { "6984", 0x6984 }, { "6983", 0x6983 }),
	CHOICE("blocked-query", SETTABLE, blocked_query, { "63C0", 0x63C0 }, { "6984", 0x6984 }),
	CHOICE("query-5-bytes", SETTABLE, query_5_bytes, { "ok", 0 }, { "6700", 0x6700 }),
	CHOICE("change-check", SETTABLE, change_check, { "yes", 1 }, { "no", 0 }),
	CHOICE("past-end", SETTABLE, past_end, { "6B00", 0x6B00 }, { "6282", 0x6282 },
	       { "9000", 0x9000 }),
	CHOICE("no-sign-certificate", SETTABLE, no_sign_certificate, { "ff", 0 },
	       { "6A82", 0x6A82 }),
	CHOICE("reselect", SETTABLE, reselect_keeps, { "clear", 0 }, { "keep", 1 }),
	CHOICE("responses", SETTABLE, responses, { "plain", RESPONSES_PLAIN },
	       { "61xx", RESPONSES_61 }, { "6Cxx", RESPONSES_6C }),
	OF(KIND_ANY, "first-command", SETTABLE, first_command, { "ok", 0 }, { "6F00", 0x6F00 }),
	CHOICE("extended", SETTABLE, extended, { "yes", 1 }, { "no", 0 }),
	CHOICE("chaining", SETTABLE, chaining, { "yes", 1 }, { "no", 0 }),
	CHOICE("sign-length", SETTABLE, sign_length, { "6985", 0x6985 }, { "6700", 0x6700 }),
	CHOICE("internal-authenticate", SETTABLE, internal_auth, { "6982", 0x6982 },
	       { "6985", 0x6985 }),
	CHOICE("contact-atr", SETTABLE, contact_atr, { "card", OBJECT_OF_CARD },
	       { "application", OBJECT_OF_APPLICATION }),
	CHOICE("several-records", SETTABLE, several_records, { "6A81", 0x6A81 },
	       { "9000", 0x9000 }),
	NUMBER(KIND_ANY, "mute-at", mute_at, 0, 999999999, 0),
	NUMBER(KIND_ALL, "max-read", max_read, 0, 65536, 0),
	NUMBER(KIND_ANY, "max-command", max_command, 261, APDU_COMMAND_MAX, APDU_COMMAND_MAX),
	NUMBER(KIND_ANY, "max-response", max_response, 258, APDU_RESPONSE_MAX, APDU_RESPONSE_MAX),
	OF(KIND_WALLET, "handover", SETTABLE, handover, { "negotiated", HANDOVER_NEGOTIATED },
	   { "static", HANDOVER_STATIC }),
	NUMBER(KIND_WALLET, "empty-reads", empty_reads, 0, 1000, 0),
	/* mdoc.md 1.4 */
	NUMBER(KIND_WALLET, "nfc-command", nfc_command, 255, 65535, 65535),
	NUMBER(KIND_WALLET, "nfc-response", nfc_response, 256, 65536, 65536),
	OF(KIND_WALLET, "wrong-61", SETTABLE, wrong_61, { "no", 0 }, { "yes", 1 }),
	OF(KIND_WALLET, "answer-with", SETTABLE, answer_with, { "signature", ANSWER_SIGNATURE },
	   { "mac", ANSWER_MAC }),
	OF(KIND_WALLET, "reader", SETTABLE, reader, { "any", READER_ANY },
	   { "known", READER_KNOWN }),
	{ "consent", KIND_WALLET, SETTABLE, parse_consent, print_consent },
	OF(KIND_WALLET, "fault", SETTABLE, fault, { "none", FAULT_NONE },
	   { "status", FAULT_STATUS }, { "termination", FAULT_TERMINATION },
	   { "cipher", FAULT_CIPHER },
	   { "session", FAULT_SESSION }, { "digest", FAULT_DIGEST },
	   { "unrequested", FAULT_UNREQUESTED }, { "any-doctype", FAULT_ANY_DOCTYPE }),
};
_Static_assert(ARRAY_SIZE(settings) <= 64, "a bit each in vconf_parse()");

void vconf_default(struct conf *c)
{
	/* Contactless, as card.md 1.1 has it; that of phones is not known. */
	static const uint8_t atr[] = { 0x3B, 0x88, 0x80, 0x01, 0x00, 0x00, 0x41,
				       0xE0, 0xB3, 0x81, 0xA1, 0x00, 0x3B };

	*c = (struct conf){ .atr_len = sizeof(atr), .consent = "all" };
	memcpy(c->atr, atr, sizeof(atr));
	for (const struct setting *s = settings; s < settings + ARRAY_SIZE(settings); s++)
		if (s->choices)
			*option(c, s) = s->choices[0].value;
		else if (s->parse == parse_number)
			*option(c, s) = s->standard;
	for (size_t i = 0; i < PINS; i++)
		c->pin[i].tries = c->pin[i].left = vcard_pins[i].tries;
}

char *vconf_trim(char *s)
{
	size_t len;

	s += strspn(s, " \t");
	len = strlen(s);
	while (len && strchr(" \t", s[len - 1]))
		len--;
	s[len] = 0;
	return s;
}

static const struct setting *find_setting(const char *key, enum scope scope)
{
	for (const struct setting *s = settings; s < settings + ARRAY_SIZE(settings); s++)
		if (s->scopes & scope && strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

/* What would be allowed. */
static int refuse_value(const struct setting *s, char *ret_why, size_t why_size)
{
	size_t used;

	explain(ret_why, why_size, 0, "%s: this value is not allowed", s->key);
	used = strlen(ret_why);
	if (s->parse == parse_number)
		snprintf(ret_why + used, why_size - used, ", but %u to %u", s->min, s->max);
	for (const struct choice *i = s->choices; i && i->name; i++) {
		used = strlen(ret_why);
		snprintf(ret_why + used, why_size - used, "%s%s",
			 i == s->choices ? ", but " : " or ", i->name);
	}
	return FUDA_EFORMAT;
}

/* One line; `seen` has a bit for each setting that was set before. Values are not repeated in what
 * is wrong, as they may be secrets. */
static int parse_line(struct conf *c, enum scope scope, char *line, uint64_t *seen, char *ret_why,
		      size_t why_size)
{
	const struct setting *s;
	char *key, *value;

	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			return explain(ret_why, why_size, FUDA_EFORMAT, "control character");
	key = vconf_trim(line);
	if (!*key || *key == '#')
		return 0;
	value = strchr(key, '=');
	if (!value)
		return explain(ret_why, why_size, FUDA_EFORMAT, "no '='");
	*value++ = 0;
	s = find_setting(vconf_trim(key), scope);
	/* in card.conf the kind may stand behind it */
	if (!s || (scope == SCOPE_SET && !(s->kinds & c->opt.kind)))
		return explain(ret_why, why_size, FUDA_EFORMAT, "%.40s: no such key here", key);
	if (*seen & UINT64_C(1) << (s - settings))
		return explain(ret_why, why_size, FUDA_EFORMAT, "%s: the key is there twice", key);
	*seen |= UINT64_C(1) << (s - settings);
	return s->parse(c, s, vconf_trim(value)) < 0 ? refuse_value(s, ret_why, why_size) : 0;
}

int vconf_parse(struct conf *c, enum scope scope, const char *name, const struct fuda_buf *text,
		char *ret_why, size_t why_size)
{
	struct cursor left = cur_of(text->data, text->len);
	uint64_t seen = 0;

	for (unsigned number = 1; left.left; number++) {
		const uint8_t *end = memchr(left.p, '\n', left.left);
		size_t len = end ? (size_t)(end - left.p) : left.left;
		char line[LINE_LEN_MAX], wrong[160];
		int r;

		if (len >= sizeof(line) || memchr(left.p, 0, len))
			return explain(ret_why, why_size, FUDA_EFORMAT, "%s, line %u: %s", name,
				       number, "too long, or not text");
		memcpy(line, left.p, len);
		line[len] = 0;
		cur_skip(&left, len + (end != NULL));
		r = parse_line(c, scope, line, &seen, wrong, sizeof(wrong));
		wipe(line, sizeof(line));
		if (r < 0)
			return explain(ret_why, why_size, FUDA_EFORMAT, "%s, line %u: %s", name,
				       number, wrong);
	}
	return 0;
}

static int print_line(const struct conf *c, const struct setting *s, struct fuda_buf *ret_text)
{
	char value[LINE_LEN_MAX], line[2 * LINE_LEN_MAX];
	int len, r;

	s->print(c, s, value);
	if (!*value)
		return 0;
	len = snprintf(line, sizeof(line), "%s = %s\n", s->key, value);
	r = fuda_buf_append(ret_text, line, (size_t)len);
	wipe(value, sizeof(value));
	wipe(line, sizeof(line));
	return r;
}

int vconf_print(const struct conf *c, enum scope scope, struct fuda_buf *ret_text)
{
	for (const struct setting *s = settings; s < settings + ARRAY_SIZE(settings); s++) {
		bool wanted = s->scopes & scope && s->kinds & c->opt.kind;
		int r = wanted ? print_line(c, s, ret_text) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
