/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request, judged before anything is done with it. Knows no library: what it judges
 * are the pieces into which one has cut the text. */
#ifndef SERVICE_HTTP_HEAD_H
#define SERVICE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAD_FIELDS_MAX = 64 };

/* One header field. `name` and `value` lie in the text as it came, where the colon and each of
 * the two characters of a line's end have become NUL: where they do not, lines were folded, ended
 * by one character only, or held a NUL. */
struct head_field {
	const char *name, *value;
	size_t name_len, value_len;
};

struct head {
	const char *method, *version;
	size_t size; /* of the text from the method to the end of the empty line */
	const char *target;    /* as sent, with the query; a copy, ... */
	const char *target_at; /* ... of what stood here, which may have been changed since */
	struct head_field fields[HEAD_FIELDS_MAX];
	size_t count; /* all there were; those past HEAD_FIELDS_MAX are not kept */
};

/* The fields that mean something to us, each at most once in a request. */
enum head_known {
	HEAD_HOST, HEAD_CONTENT_LENGTH, HEAD_TRANSFER_ENCODING, HEAD_CONTENT_TYPE,
	HEAD_AUTHORIZATION, HEAD_IDEMPOTENCY_KEY, HEAD_TRACEPARENT, HEAD_EXPECT,
	HEAD_CLIENT_CERT, HEAD_CLIENT_CERT_PEM, HEAD_FORWARDED, HEAD_X_FORWARDED_FOR,
	HEAD_X_REAL_IP, HEAD_VIA, HEAD_KNOWN,
};

/* Their values without blanks around them, not ended by NUL; NULL where there is none. */
struct head_found {
	const char *value[HEAD_KNOWN];
	size_t len[HEAD_KNOWN];
	const char *method; /* static */
	uint64_t length;    /* of the body; 0 if it is not said */
	bool chunked;
	bool old;	    /* HTTP/1.0 */
};

/* Why a request is refused; all static. */
struct head_refusal {
	int status;
	const char *code, *title;
};

/* NULL if the head is as it must be (http.h names what is refused). `*ret` is filled as far as it
 * was read. */
const struct head_refusal *head_judge(const struct head *head, struct head_found *ret);

/* Whether `text` is a traceparent of version 00 (W3C Trace Context 3.2). */
bool head_is_trace(const char *text, size_t len);

/* The type without parameters, in lower case, of a Content-Type; false if it is none or has no
 * room. */
bool head_media_type(const char *text, size_t len, char *ret, size_t size);

#endif
