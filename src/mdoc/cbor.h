/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) as mdocs use it: a strict reader that never copies, and a writer of the shortest
 * form. Digests and signatures are over bytes as they came, so every item that is read tells where
 * it stood. */
#ifndef MDOC_CBOR_H
#define MDOC_CBOR_H

#include <stdbool.h>
#include <stdint.h>
#include <fuda/buf.h>
#include "base/cursor.h"

/* Inputs beyond these are refused: bytes, items in all, depth of nesting (the outermost is 1). */
enum { CBOR_MAX = 1 << 20, CBOR_ITEMS_MAX = 4096, CBOR_DEPTH_MAX = 16 };

enum cbor_type {
	CBOR_UINT,     /* `number` */
	CBOR_NEGATIVE, /* -1 - `number` */
	CBOR_BYTES,    /* `content`: the bytes */
	CBOR_TEXT,     /* `content`: UTF-8 */
	CBOR_ARRAY,    /* `number` of items in `content` */
	CBOR_MAP,      /* `number` of pairs in `content` */
	CBOR_TAG,      /* of number `number`, the one item in `content` */
	CBOR_SIMPLE,   /* `number`: one of the enumeration below, or another value up to 255 */
	CBOR_FLOAT,    /* bits of a double in `number` */
};
enum { CBOR_FALSE = 20, CBOR_TRUE = 21, CBOR_NULL = 22, CBOR_UNDEFINED = 23 };

struct cbor {
	enum cbor_type type;
	uint64_t number;
	struct cursor content;
	struct cursor whole; /* from its first byte to its last */
};

/* Why an input was refused. */
enum cbor_fault {
	CBOR_GOOD,
	CBOR_TRUNCATED,
	CBOR_TRAILING,   /* bytes behind the item */
	CBOR_RESERVED,   /* an initial byte, or a simple value in two bytes below 32: not CBOR */
	CBOR_INDEFINITE, /* CBOR, but not of ours */
	CBOR_NOT_UTF8,
	CBOR_KEY,       /* of a map: neither integer nor text */
	CBOR_DUPLICATE, /* key of a map, as a value: 01 and 18 01 are one */
	CBOR_TOO_DEEP,
	CBOR_TOO_MANY,
	CBOR_TOO_LONG,
};
/* One or a few words, to be translated; static. */
const char *cbor_fault_text(enum cbor_fault fault);

/* Takes exactly one item, which is all of `bytes`, and looks at everything inside it, but not into
 * byte strings. Numbers and lengths need not be in their shortest form. FUDA_EFORMAT; `*ret_fault`
 * (may be NULL) says why, also on success. */
int cbor_read(struct cursor bytes, struct cbor *ret, enum cbor_fault *ret_fault);

/* The rest is for what cbor_read() has looked at. Each gives FUDA_EFORMAT if the item is of another
 * type, or out of range, and leaves the results unchanged. */

/* The next item of the content of an array, a map (key, value, key, ...) or a tag. FUDA_EFORMAT: no
 * more. */
int cbor_next(struct cursor *c, struct cbor *ret);

int cbor_uint(const struct cbor *item, uint64_t max, uint64_t *ret);
/* An integer of 64 bits with a sign. */
int cbor_int(const struct cbor *item, int64_t *ret);
int cbor_bool(const struct cbor *item, bool *ret);
int cbor_bytes(const struct cbor *item, struct cursor *ret);
int cbor_text(const struct cbor *item, struct cursor *ret);
bool cbor_is(const struct cbor *item, enum cbor_type type);
bool cbor_is_null(const struct cbor *item);
/* Whether it is the text `text`. */
bool cbor_is_text(const struct cbor *item, const char *text);
/* Whether it is the text "1." and more: a version that stays readable to those who know the first.
 */
bool cbor_is_version_1(const struct cbor *item);
/* The one item behind the tag `number`. */
int cbor_tag(const struct cbor *item, uint64_t number, struct cbor *ret);
/* The item that is encoded inside tag 24 (RFC 8949 3.4.5.1), read like an input of its own. */
int cbor_embedded(const struct cbor *item, struct cbor *ret);

/* The value of a key of a map: FUDA_ENOTFOUND if it has none; FUDA_EFORMAT: no map. */
int cbor_get(const struct cbor *map, const char *key, struct cbor *ret);
int cbor_get_int(const struct cbor *map, int64_t key, struct cbor *ret);

/* A member that a map of a fixed form must or may have. */
struct cbor_member {
	const char *key;
	struct cbor *to;
	bool *present; /* NULL: it must be there */
};
/* Takes the members, 32 at most, out of a map; keys that are no member's are let pass (2nd editions
 * add some).
 * FUDA_EFORMAT: no map, or one that must be there is not; `*ret_missing` (may be NULL) is then its
 * key, static, or NULL. */
int cbor_members(const struct cbor *map, const struct cbor_member *members, size_t count,
		 const char **ret_missing);

/* ---- writing ---- */

/* After a failure (FUDA_ETOOBIG, FUDA_ENOMEM) the rest does nothing, and `failed` has it. Map keys
 * are written in the order in which they come: that of the standard's definitions. */
struct cbor_out {
	struct fuda_buf *to;
	int failed;
};
#define CBOR_OUT(buf) ((struct cbor_out){ .to = (buf) })

void cbor_put_uint(struct cbor_out *out, uint64_t value);
void cbor_put_int(struct cbor_out *out, int64_t value);
void cbor_put_bytes(struct cbor_out *out, const void *bytes, size_t len);
void cbor_put_text(struct cbor_out *out, const char *text);         /* UTF-8, or FUDA_EFORMAT */
void cbor_put_text_bytes(struct cbor_out *out, struct cursor text); /* likewise */
void cbor_put_array(struct cbor_out *out, uint64_t count);
void cbor_put_map(struct cbor_out *out, uint64_t pairs);
void cbor_put_tag(struct cbor_out *out, uint64_t number);
void cbor_put_bool(struct cbor_out *out, bool value);
void cbor_put_null(struct cbor_out *out);
/* Bytes that are CBOR already. */
void cbor_put_raw(struct cbor_out *out, struct cursor bytes);
/* Tag 24 around them. */
void cbor_put_embedded(struct cbor_out *out, struct cursor bytes);
/* Head alone of a byte string, and of one behind tag 24, whose `len` bytes are put next. */
void cbor_put_bytes_head(struct cbor_out *out, size_t len);
void cbor_put_embedded_head(struct cbor_out *out, size_t len);
/* tdate (RFC 8949 3.4.1): tag 0, "YYYY-MM-DDThh:mm:ssZ". FUDA_EINVAL: no such year. */
void cbor_put_tdate(struct cbor_out *out, int64_t seconds);
/* full-date (RFC 8943): tag 1004, "YYYY-MM-DD". */
void cbor_put_full_date(struct cbor_out *out, const char *date);

#endif
