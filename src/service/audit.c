/* SPDX-License-Identifier: Apache-2.0 */
#include "service/audit.h"

#include <fuda/hash.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "service/audit-inside.h"

enum { WHO_MAX = 64, BEGIN_TRIES = 5 };

struct head {
	int64_t seq;
	uint8_t hash[AUDIT_HASH];
};
struct audit {
	uint8_t chain[ID_BYTES];
	struct head now, marked;
	struct fuda_buf who; /* the data of the first row */
};

static const struct statement insert = {
	"INSERT INTO audit (" AUDIT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	AUDIT_COLS,
};

/* ---- the hash ---- */

static int put_number(struct fuda_buf *to, uint64_t value, size_t bytes)
{
	uint8_t out[8];

	for (size_t i = bytes; i > 0; i--, value >>= 8)
		out[i - 1] = (uint8_t)value;
	return fuda_buf_append(to, out, bytes);
}

/* A field behind its kind and length: rows that differ have different bytes. */
static int put_field(struct fuda_buf *to, const struct datum *field)
{
	static const char kinds[] = {
		[DATUM_NULL] = 'n', [DATUM_INT] = 'i', [DATUM_BYTES] = 'b', [DATUM_TEXT] = 't'
	};
	int e = fuda_buf_append(to, &kinds[field->kind], 1);

	if (e < 0 || field->kind == DATUM_NULL)
		return e;
	if (field->kind == DATUM_INT)
		return put_number(to, (uint64_t)field->number, 8);
	e = field->len > CANONICAL_MAX ? FUDA_ETOOBIG : put_number(to, field->len, 4);
	return e < 0 ? e : fuda_buf_append(to, field->bytes, field->len);
}

int audit_hash(const uint8_t prev[AUDIT_HASH], const struct datum row[COL_HASH],
	       uint8_t ret[AUDIT_HASH])
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(CANONICAL_MAX);
	struct fuda_digest digest;
	int e = fuda_buf_append(&bytes, prev, AUDIT_HASH);

	for (size_t i = 0; e == 0 && i < COL_HASH; i++)
		e = put_field(&bytes, &row[i]);
	if (e == 0)
		e = fuda_digest_bytes(FUDA_SHA256, bytes.data, bytes.len, &digest);
	if (e == 0)
		memcpy(ret, digest.bytes, AUDIT_HASH);
	return e;
}

/* ---- rows ---- */

static bool is_word(const char *text)
{
	size_t len = strnlen(text, AUDIT_WORD + 1);

	return len > 0 && len <= AUDIT_WORD && strspn(text, "abcdefghijklmnopqrstuvwxyz_-") == len;
}

/* Whether nothing in it acts on who reads it. */
static bool is_plain(const char *text, size_t len)
{
	struct cursor c = cur_of((const uint8_t *)text, len);
	uint32_t ch;

	while (c.left)
		if (utf8_next(&c, &ch) < 0 || utf8_is_control(ch))
			return false;
	return true;
}

static bool is_data(const char *text)
{
	size_t len = strnlen(text, AUDIT_DATA + 1);
	const char *member, *why;

	return len == 0 || (len <= AUDIT_DATA && is_plain(text, len) &&
			    json_read_some(text, len, NULL, 0, &member, &why) == 0);
}

static struct datum id_or_null(const uint8_t *id)
{
	return id ? BYTES(id, ID_BYTES) : NONE;
}

/* What has been found to be a row. */
static int put_row(struct audit *audit, struct store *store, const struct audit_entry *entry)
{
	struct head next = { .seq = audit->now.seq + 1 };
	const struct datum row[AUDIT_COLS] = {
		[COL_CHAIN] = BYTES(audit->chain, ID_BYTES),
		[COL_SEQ] = INT(next.seq),
		[COL_AT] = INT(now_us()),
		[COL_ACTOR_KIND] = TEXT(entry->actor_kind),
		[COL_ACTOR] = id_or_null(entry->actor),
		[COL_ACTION] = TEXT(entry->action),
		[COL_OBJECT] = id_or_null(entry->object),
		[COL_DATA] = TEXT(entry->data),
		[COL_HASH] = BYTES(next.hash, AUDIT_HASH),
	};
	int e;

	e = audit_hash(audit->now.hash, row, next.hash);
	if (e == 0)
		e = store_queue(store, &insert, row, NULL);
	if (e == 0)
		audit->now = next;
	return e;
}

static int put_first(struct audit *audit, struct store *store)
{
	const struct audit_entry entry = { "service", NULL, "audit-begin", NULL,
					   (const char *)audit->who.data };

	return put_row(audit, store, &entry);
}

int audit_add(struct audit *audit, struct store *store, const struct audit_entry *entry)
{
	int e = 0;

	if (!is_word(entry->actor_kind) || !is_word(entry->action) || !is_data(entry->data))
		return FUDA_EINVAL;
	if (audit->now.seq == 0)
		e = put_first(audit, store);
	return e < 0 ? e : put_row(audit, store, entry);
}

void audit_mark(struct audit *audit)
{
	audit->marked = audit->now;
}

void audit_undo(struct audit *audit)
{
	audit->now = audit->marked;
}

/* ---- a new chain ---- */

static int first_row(struct audit *audit, struct store *store)
{
	int e = store_begin(store, true);

	if (e < 0)
		return e;
	e = put_first(audit, store);
	if (e == 0)
		return store_commit(store);
	store_rollback(store);
	return e;
}

static int who_began(struct keys *keys, const char *who, struct fuda_buf *ret_data)
{
	uint8_t identity[ID_BYTES];
	char text[ID_TEXT];
	struct json_out out;
	int e;

	keys_identity(keys, identity);
	id_text(identity, text);
	json_begin(&out, ret_data);
	json_string(&out, "who", who);
	json_string(&out, "keystore", text);
	e = json_end(&out);
	return e < 0 ? e : fuda_buf_append(ret_data, "", 1);
}

int audit_begin_late(struct keys *keys, const char *who, struct audit **ret)
{
	_cleanup_(audit_free) struct audit *audit = calloc(1, sizeof(*audit));
	size_t len = strnlen(who, WHO_MAX + 1);
	int e;

	if (!audit)
		return FUDA_ENOMEM;
	audit->who.max = AUDIT_DATA + 1;
	if (len == 0 || len > WHO_MAX || !is_plain(who, len))
		return FUDA_EINVAL;
	e = id_new(audit->chain);
	if (e == 0)
		e = who_began(keys, who, &audit->who);
	if (e < 0)
		return e;
	*ret = audit;
	audit = NULL;
	return 0;
}

int audit_begin(struct store *store, struct keys *keys, const char *who, struct audit **ret)
{
	_cleanup_(audit_free) struct audit *audit = NULL;
	int e = audit_begin_late(keys, who, &audit);

	if (e < 0)
		return e;
	for (int tries = 0; tries < BEGIN_TRIES; tries++) {
		audit_undo(audit);
		e = first_row(audit, store);
		if (e != FUDA_ERETRY)
			break;
	}
	if (e < 0)
		return e;
	audit_mark(audit);
	*ret = audit;
	audit = NULL;
	return 0;
}

void audit_free(struct audit **audit)
{
	if (*audit)
		fuda_buf_free(&(*audit)->who);
	free(*audit);
	*audit = NULL;
}
