/* SPDX-License-Identifier: Apache-2.0 */
#include "service/http-head.h"

#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "service/http.h"

static const struct head_refusal
	bad_request = { 400, "bad_request", "The request is malformed" },
	bad_framing = { 400, "bad_framing", "It is not plain where the request's body ends" },
	bad_field = { 400, "bad_header", "A header field is malformed" },
	twice = { 400, "repeated_header", "A header field that may come once came twice" },
	bad_host = { 400, "bad_host", "The request must have one Host field" },
	bad_target = { 400, "bad_target", "The target of the request must be a path" },
	bad_method = { 405, "method_not_allowed", "The method is not allowed" },
	bad_version = { 505, "version_not_supported", "Only HTTP/1.1 and 1.0 are spoken here" },
	too_large = { 431, "head_too_large", "The header fields are too large" };

/* What characters may stand where: RFC 9110 5.6.2 (token), 5.5 (field value), RFC 3986 3.3, 3.4. */
enum class { TOKEN, VALUE, TARGET, HOST };

static bool is_of(enum class class, uint8_t ch)
{
	static const char *const others[] = {
		[TOKEN] = "!#$%&'*+-.^_`|~",
		[TARGET] = "-._~!$&'()*+,;=:@/?%",
		[HOST] = "-._:[]",
	};

	if ((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'))
		return true;
	if (class == VALUE)
		return ch == '\t' || (ch >= ' ' && ch != 0x7F);
	return ch && strchr(others[class], ch);
}

static bool is_all(const char *text, size_t len, enum class class)
{
	for (size_t i = 0; i < len; i++)
		if (!is_of(class, (uint8_t)text[i]))
			return false;
	return true;
}

static const struct {
	const char *name;
	size_t max;
	bool dense; /* printable ASCII without blanks */
} known[HEAD_KNOWN] = {
	[HEAD_HOST] = { "host", 255, true },
	[HEAD_CONTENT_LENGTH] = { "content-length", 18, true },
	[HEAD_TRANSFER_ENCODING] = { "transfer-encoding", 16, true },
	[HEAD_CONTENT_TYPE] = { "content-type", 127, false },
	[HEAD_AUTHORIZATION] = { "authorization", HTTP_AUTHORIZATION_MAX, false },
	[HEAD_IDEMPOTENCY_KEY] = { "idempotency-key", HTTP_IDEMPOTENCY_MAX, true },
	[HEAD_TRACEPARENT] = { "traceparent", HTTP_HEADERS_MAX, false },
	[HEAD_EXPECT] = { "expect", 32, false },
	[HEAD_CLIENT_CERT] = { "client-cert", HTTP_HEADERS_MAX, true },
	[HEAD_CLIENT_CERT_PEM] = { "client-cert-pem", HTTP_HEADERS_MAX, true },
	[HEAD_FORWARDED] = { "forwarded", HTTP_HEADERS_MAX, false },
	[HEAD_X_FORWARDED_FOR] = { "x-forwarded-for", HTTP_HEADERS_MAX, false },
	[HEAD_X_REAL_IP] = { "x-real-ip", HTTP_HEADERS_MAX, false },
	[HEAD_VIA] = { "via", HTTP_HEADERS_MAX, false },
};

static bool is_dense(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~') /* past it they are negative, or DEL */
			return false;
	return len > 0;
}

/* ---- fields ---- */

/* A line's end and then `next`. */
static bool is_end(const char *at, const char *next)
{
	return next == at + 2 && !at[0] && !at[1];
}

/* The value stands on its name's line, and behind it the line's end and then `next`: what a
 * folded or a broken line would hide from us lies elsewhere. */
static bool is_in_place(const struct head_field *f, const char *next)
{
	const char *gap = f->name + f->name_len + 1;

	if (f->value < gap || f->value > next)
		return false;
	for (const char *p = gap; p < f->value; p++)
		if (*p != ' ' && *p != '\t')
			return false;
	return is_end(f->value + f->value_len, next);
}

static const struct head_refusal *judge_field(const struct head_field *f, struct head_found *ret)
{
	const char *value = f->value;
	size_t len = f->value_len, i = 0;

	if (!f->name_len || !is_all(f->name, f->name_len, TOKEN) ||
	    !is_all(f->value, f->value_len, VALUE))
		return &bad_field;
	for (; len && (value[len - 1] == ' ' || value[len - 1] == '\t'); len--)
		;
	while (i < HEAD_KNOWN && (strlen(known[i].name) != f->name_len ||
				  strncasecmp(known[i].name, f->name, f->name_len) != 0))
		i++;
	if (i == HEAD_KNOWN)
		return NULL;
	if (ret->value[i])
		return i == HEAD_CONTENT_LENGTH || i == HEAD_TRANSFER_ENCODING ? &bad_framing :
		       i == HEAD_HOST					       ? &bad_host :
											 &twice;
	if (len > known[i].max || (known[i].dense && !is_dense(value, len)))
		return i == HEAD_CONTENT_LENGTH || i == HEAD_TRANSFER_ENCODING ? &bad_framing :
		       i == HEAD_HOST					       ? &bad_host :
											 &bad_field;
	ret->value[i] = value;
	ret->len[i] = len;
	return NULL;
}

static const struct head_refusal *judge_fields(const struct head *head, struct head_found *ret)
{
	const char *version_end = head->version + strlen(head->version);
	const char *empty = head->method + head->size - 2;
	const char *line = head->count ? head->fields[0].name : empty;
	const struct head_refusal *why;

	if (head->size > HTTP_HEADERS_MAX || head->count > HEAD_FIELDS_MAX)
		return &too_large;
	if (head->size < 4 || !is_end(version_end, line) || !is_end(empty, empty + 2))
		return &bad_field;
	for (size_t i = 0; i < head->count; i++) {
		const struct head_field *f = &head->fields[i];
		const char *next = i + 1 < head->count ? f[1].name : empty;

		if (f->name != line || !is_in_place(f, next))
			return &bad_field;
		line = next;
		why = judge_field(f, ret);
		if (why)
			return why;
	}
	return NULL;
}

/* Where the body ends, RFC 9112 6.3: two answers to that are one too many. */
static const struct head_refusal *judge_framing(struct head_found *ret)
{
	const char *length = ret->value[HEAD_CONTENT_LENGTH];
	const char *coding = ret->value[HEAD_TRANSFER_ENCODING];

	if (coding && (length || ret->old || ret->len[HEAD_TRANSFER_ENCODING] != 7 ||
		       strncasecmp(coding, "chunked", 7) != 0))
		return &bad_framing;
	ret->chunked = coding != NULL;
	for (size_t i = 0; length && i < ret->len[HEAD_CONTENT_LENGTH]; i++) {
		if (length[i] < '0' || length[i] > '9')
			return &bad_framing;
		ret->length = ret->length * 10 + (uint64_t)(length[i] - '0');
	}
	return NULL;
}

static const struct head_refusal *judge_line(const struct head *head, struct head_found *ret)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(head->method, methods[i]) == 0)
			ret->method = methods[i];
	ret->old = strcmp(head->version, "HTTP/1.0") == 0;
	if (!ret->old && strcmp(head->version, "HTTP/1.1") != 0)
		return &bad_version;
	/* one blank between them, and nothing hidden by a NUL */
	if (!is_all(head->method, strlen(head->method), TOKEN) ||
	    head->target_at != head->method + strlen(head->method) + 1 ||
	    head->version != head->target_at + strlen(head->target) + 1)
		return &bad_request;
	return NULL;
}

const struct head_refusal *head_judge(const struct head *head, struct head_found *ret)
{
	const struct head_refusal *why;

	*ret = (struct head_found){ .method = "" };
	why = judge_line(head, ret);
	if (!why)
		why = judge_fields(head, ret);
	if (!why)
		why = judge_framing(ret);
	if (why)
		return why;
	if (!ret->value[HEAD_HOST] ||
	    !is_all(ret->value[HEAD_HOST], ret->len[HEAD_HOST], HOST))
		return &bad_host;
	if (!*ret->method)
		return &bad_method;
	if (head->target[0] != '/' || !is_all(head->target, strlen(head->target), TARGET))
		return &bad_target;
	return NULL;
}

/* ---- values ---- */

bool head_is_trace(const char *text, size_t len)
{
	static const char form[] = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
	bool trace = false, parent = false;

	if (len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');

		if (form[i] == 'h' ? !hex : text[i] != form[i])
			return false;
		trace |= i >= 3 && i < 35 && text[i] != '0';
		parent |= i >= 36 && i < 52 && text[i] != '0';
	}
	return trace && parent;
}

bool head_media_type(const char *text, size_t len, char *ret, size_t size)
{
	const char *end = len ? memchr(text, ';', len) : NULL;
	size_t n = end ? (size_t)(end - text) : len;
	const char *slash;

	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	slash = n ? memchr(text, '/', n) : NULL;
	if (!slash || slash == text || slash + 1 == text + n || n >= size ||
	    !is_all(text, (size_t)(slash - text), TOKEN) ||
	    !is_all(slash + 1, (size_t)(text + n - slash - 1), TOKEN))
		return false;
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
	ret[n] = '\0';
	return true;
}
