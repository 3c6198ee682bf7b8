/* SPDX-License-Identifier: Apache-2.0 */
/* Flat JSON objects between client and service (RFC 8259), read strictly: each member is one of
 * those asked for and comes once, values are strings, integers, true and false, nothing is
 * nested. (json-c keeps the last of two equal keys and does not tell.) */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>

enum json_kind {
	JSON_STRING, /* char[size], UTF-8 with a NUL; no character U+0000 inside; escapes decoded */
	JSON_BASE64, /* struct fuda_buf, up to its maximum: base64 or base64url, whole */
	JSON_NUMBER, /* int64_t, an integer without fraction or exponent, no leading zero, no -0 */
	JSON_BOOL,   /* bool */
};

struct json_field {
	const char *name;
	enum json_kind kind;
	bool required;
	void *to;
	size_t size;	/* of a string's room, NUL included */
	bool *present;	/* NULL: not of interest */
};

/* Reads one object; blanks around it are allowed, anything else behind it is not. FUDA_EFORMAT:
 * not such an object; `*ret_member` then names the member at fault (one of the fields' names, or
 * "" if none of them is; static) and `*ret_why` is one of "syntax", "not_utf8", "unknown_member",
 * "duplicate_member", "wrong_kind", "too_long", "missing_member", "nested"; static. Outputs may
 * have been written to by then. Keys and string escapes may not spell a lone surrogate. */
int json_read(const void *text, size_t len, const struct json_field *fields, size_t count,
	      const char **ret_member, const char **ret_why);
/* The same, but members that are no field's are skipped, whatever they are, down to a depth of 8:
 * for a client, which must not break when a service says more. */
int json_read_some(const void *text, size_t len, const struct json_field *fields, size_t count,
		   const char **ret_member, const char **ret_why);

/* Writing: members of one object, in order. After a failure (FUDA_ETOOBIG, FUDA_ENOMEM) the rest
 * does nothing, and json_end() gives it. Strings are UTF-8, or FUDA_EFORMAT. */
struct json_out {
	struct fuda_buf *to;
	int failed;
	bool some;
};
void json_begin(struct json_out *out, struct fuda_buf *to);
void json_string(struct json_out *out, const char *name, const char *value);
void json_number(struct json_out *out, const char *name, int64_t value);
void json_bool(struct json_out *out, const char *name, bool value);
void json_base64(struct json_out *out, const char *name, const void *bytes, size_t len);
int json_end(struct json_out *out);

#endif
