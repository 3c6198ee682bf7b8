/* SPDX-License-Identifier: Apache-2.0 */
/* pkcs11: URIs (RFC 7512), as far as they name a private key. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/cursor.h"
#include "pki/token.h"

#define SCHEME "pkcs11:"
enum { NAME_MAX = 32, SHOWN_MAX = 40 };

#define PLACE(member) offsetof(struct token_uri, member), sizeof(((struct token_uri *)0)->member)

/* Attributes of the path and of the query: RFC 7512 2.3. */
enum { PIN_SOURCE = 7 };
static const struct attribute {
	const char *name;
	bool query;
	size_t place, size;
} attributes[] = {
	{ "token", false, PLACE(token) },       { "manufacturer", false, PLACE(manufacturer) },
	{ "model", false, PLACE(model) },       { "serial", false, PLACE(serial) },
	{ "object", false, PLACE(object) },     { "id", false, PLACE(id) },
	{ "module-path", true, PLACE(module) }, { "pin-source", true, PLACE(pin_source) },
};

/* The URI as it is read. */
struct reading {
	struct fuda_context *ctx;
	struct token_uri uri;
	bool seen[ARRAY_SIZE(attributes)];
};

bool token_is_uri(const char *text)
{
	return strncmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static int hex_value(uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 'a' - 'A' : c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* One character of a value, or the byte that "%XX" stands for: RFC 3986 2.1. */
static int take_byte(struct cursor *c, uint8_t *ret)
{
	uint8_t b, high, low;

	if (cur_u8(c, &b) < 0)
		return FUDA_EFORMAT;
	if (b != '%') {
		*ret = b;
		return b > ' ' && b < 0x7F ? 0 : FUDA_EFORMAT;
	}
	if (cur_u8(c, &high) < 0 || cur_u8(c, &low) < 0 || hex_value(high) < 0 ||
	    hex_value(low) < 0)
		return FUDA_EFORMAT;
	*ret = (uint8_t)(hex_value(high) << 4 | hex_value(low));
	return 0;
}

static int malformed(const struct reading *r, const char *name)
{
	return ctx_fail(r->ctx, FUDA_EINVAL,
			_("In the pkcs11: URI, what \"%s\" says is malformed or too long."), name);
}

/* Texts have no NUL, and room for one behind them. */
static int take_value(struct reading *r, const struct attribute *a, struct cursor value)
{
	bool binary = a->place == offsetof(struct token_uri, id);
	uint8_t *to = (uint8_t *)&r->uri + a->place;
	size_t room = a->size - !binary, len = 0;

	if (!value.left)
		return malformed(r, a->name);
	for (uint8_t b; value.left; to[len++] = b)
		if (len == room || take_byte(&value, &b) < 0 || (!b && !binary))
			return malformed(r, a->name);
	if (binary)
		r->uri.id_len = len;
	return 0;
}

/* "type" may say what we look for anyway. */
static bool is_private(const char *name, struct cursor value)
{
	static const char kind[] = "private";

	return strcmp(name, "type") == 0 && value.left == sizeof(kind) - 1 &&
	       memcmp(value.p, kind, value.left) == 0;
}

static int take_attribute(struct reading *r, struct cursor one, bool query)
{
	const uint8_t *equals = one.left ? memchr(one.p, '=', one.left) : NULL;
	struct cursor name;
	char text[NAME_MAX] = "";

	if (!equals || cur_sub(&one, (size_t)(equals - one.p), &name) < 0 ||
	    cur_skip(&one, 1) < 0 || name.left >= sizeof(text) ||
	    cur_copy(&name, text, name.left) < 0)
		return ctx_fail(r->ctx, FUDA_EINVAL,
				_("A pkcs11: URI has the form "
				  "\"pkcs11:token=LABEL;object=LABEL?module-path=FILE\"."));
	if (strcmp(text, "pin-value") == 0)
		return ctx_fail(r->ctx, FUDA_EINVAL,
				_("A PIN in a URI can be read by everybody on this machine. Name a "
				  "file that has it by pin-source."));
	if (!query && is_private(text, one))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const struct attribute *a = &attributes[i];

		if (strcmp(a->name, text) != 0 || a->query != query)
			continue;
		if (r->seen[i])
			return ctx_fail(r->ctx, FUDA_EINVAL,
					_("The pkcs11: URI says \"%s\" twice."), text);
		r->seen[i] = true;
		return take_value(r, a, one);
	}
	/* what is not understood might have named another key */
	return ctx_fail(r->ctx, FUDA_EINVAL,
			_("In a pkcs11: URI, \"%.*s\" is not known here (type only as private)."),
			SHOWN_MAX, text);
}

/* Attributes between separators; there may be none at all. */
static int take_part(struct reading *r, struct cursor part, char separator, bool query)
{
	int e = 0;

	while (part.left && e == 0) {
		const uint8_t *end = memchr(part.p, separator, part.left);
		struct cursor one;

		if (cur_sub(&part, end ? (size_t)(end - part.p) : part.left, &one) < 0 ||
		    (end && (cur_skip(&part, 1) < 0 || !part.left)))
			return malformed(r, "pkcs11");
		e = take_attribute(r, one, query);
	}
	return e;
}

/* "file:/path", "file:///path" or a path: RFC 7512 2.4. */
static int take_pin_source(struct reading *r)
{
	static const char scheme[] = "file:", host[] = "//";
	char *p = r->uri.pin_source;

	if (strncmp(p, scheme, sizeof(scheme) - 1) == 0) {
		size_t skip = sizeof(scheme) - 1;

		if (strncmp(p + skip, host, sizeof(host) - 1) == 0)
			skip += sizeof(host) - 1;
		memmove(p, p + skip, strlen(p + skip) + 1);
	}
	/* "|command" runs a program, says the RFC, where that is wanted */
	return r->seen[PIN_SOURCE] && *p != '/' ? malformed(r, "pin-source") : 0;
}

int token_uri_parse(struct fuda_context *ctx, const char *text, struct token_uri *ret)
{
	struct reading r = { .ctx = ctx };
	struct cursor c = cur_of((const uint8_t *)text, strlen(text)), path;
	const uint8_t *question;
	int e;

	if (!token_is_uri(text) || cur_skip(&c, strlen(SCHEME)) < 0)
		return malformed(&r, "pkcs11");
	question = c.left ? memchr(c.p, '?', c.left) : NULL;
	if (cur_sub(&c, question ? (size_t)(question - c.p) : c.left, &path) < 0 ||
	    (question && cur_skip(&c, 1) < 0))
		return malformed(&r, "pkcs11");
	e = take_part(&r, path, ';', false);
	if (e == 0)
		e = take_part(&r, c, '&', true);
	if (e == 0)
		e = take_pin_source(&r);
	if (e == 0 && !*r.uri.object && !r.uri.id_len)
		e = ctx_fail(ctx, FUDA_EINVAL,
			     _("The pkcs11: URI names no key: say which by \"object\" or \"id\"."));
	if (e == 0)
		*ret = r.uri;
	return e;
}
