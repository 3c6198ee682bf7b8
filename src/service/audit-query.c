/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the audit trail for people and for other programs. */
#include <fuda/encode.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "service/audit-inside.h"

enum { PAGE = 256, LINE_MAX_BYTES = 65536, SHOWN_MAX = 1024 };

const char *const audit_actions[] = {
	"audit-accept-clock",
	"audit-accept-loss",
	"audit-begin",
	"audit-export",
	"audit-prune",
	"backup",
	"bind",
	"bind-mdoc",
	"change",
	"code-make",
	"crl-make",
	"expire",
	"init",
	"link",
	"mykey-join",
	"operator-add",
	"operator-drop",
	"org-add",
	"refused",
	"renew",
	"resolve",
	"sector-add",
	"tap",
	"tap-failed",
	"tap-register",
	"tap-start",
	"tap-unregister",
	"terminal-apply",
	"terminal-approve",
	"terminal-hold",
	"terminal-issue",
	"terminal-renew",
	"terminal-resume",
	"terminal-revoke",
	"terminal-suspend",
	"terminal-tap-off",
	"terminal-tap-on",
	"tls-renew",
	"unbind-mdoc",
	"unlink",
	"wish-taken",
	NULL,
};

/* Names of operators are not in the trail, but in their own table. */
enum { COL_ACTOR_NAME = AUDIT_COLS, COL_OBJECT_NAME, QUERY_COLS };

static const struct statement page = {
	"SELECT " AUDIT_COLUMNS ", (SELECT o.name FROM operator o WHERE o.id = audit.actor),"
	" (SELECT o.name FROM operator o WHERE o.id = audit.object)"
	" FROM audit WHERE (at, chain, seq) > ($1, $2, $3) AND at < $4"
	" AND ($5 = '' OR action = $6) AND ($7 = 0 OR object = $8)"
	" ORDER BY at, chain, seq LIMIT $9",
	9,
};

/* ---- lines ---- */

static bool is_text(const struct datum *value)
{
	struct cursor c = cur_of(value->bytes, value->len);
	uint32_t ch;

	while (c.left)
		if (utf8_next(&c, &ch) < 0 || ch == 0)
			return false;
	return value->kind == DATUM_TEXT && value->len < SHOWN_MAX;
}

/* A text that is one; the row may have been changed by anybody. */
static void put_text(struct json_out *out, const char *name, const struct datum *value)
{
	char text[SHOWN_MAX];

	if (!is_text(value)) {
		json_base64(out, name, value->bytes, MIN(value->len, SHOWN_MAX));
		return;
	}
	memcpy(text, value->bytes, value->len);
	text[value->len] = 0;
	json_string(out, name, text);
}

static void put_id(struct json_out *out, const char *name, const struct datum *value)
{
	char text[ID_TEXT];

	if (value->kind == DATUM_NULL)
		return;
	if (value->kind != DATUM_BYTES || value->len != ID_BYTES) {
		put_text(out, name, value);
		return;
	}
	id_text(value->bytes, text);
	json_string(out, name, text);
}

/* Whose id is no operator's has none. */
static void put_name(struct json_out *out, const char *name, const struct datum *value)
{
	if (value->kind != DATUM_NULL)
		put_text(out, name, value);
}

static void put_time(struct json_out *out, const char *name, int64_t us)
{
	time_t seconds = (time_t)(us / SECONDS_US - (us % SECONDS_US < 0));
	char text[64], all[80];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	snprintf(all, sizeof(all), "%s.%06dZ", text, (int)(us - (int64_t)seconds * SECONDS_US));
	json_string(out, name, all);
}

static void put_hash(struct json_out *out, const char *name, const struct datum *value)
{
	char hex[2 * AUDIT_HASH + 1] = "";

	if (value->kind == DATUM_BYTES && value->len == AUDIT_HASH)
		fuda_hex_encode(value->bytes, value->len, hex);
	json_string(out, name, hex);
}

/* The object itself, or a text if the row was changed into what is none. */
static void put_data(struct json_out *out, struct fuda_buf *line, const struct datum *data)
{
	static const char name[] = ",\"data\":";
	const char *member, *why;

	if (data->len == 0)
		return;
	if (data->kind != DATUM_TEXT ||
	    json_read_some(data->bytes, data->len, NULL, 0, &member, &why) < 0) {
		put_text(out, "data", data);
		return;
	}
	if (out->failed == 0)
		out->failed = fuda_buf_append(line, name, sizeof(name) - 1);
	if (out->failed == 0)
		out->failed = fuda_buf_append(line, data->bytes, data->len);
}

static int print_row(const struct datum *row, struct fuda_buf *line)
{
	struct json_out out;
	int e;

	fuda_buf_clear(line);
	json_begin(&out, line);
	put_time(&out, "time", row[COL_AT].number);
	json_number(&out, "at", row[COL_AT].number);
	put_id(&out, "chain", &row[COL_CHAIN]);
	json_number(&out, "seq", row[COL_SEQ].number);
	put_text(&out, "actor_kind", &row[COL_ACTOR_KIND]);
	put_id(&out, "actor", &row[COL_ACTOR]);
	put_name(&out, "actor_name", &row[COL_ACTOR_NAME]);
	put_text(&out, "action", &row[COL_ACTION]);
	put_id(&out, "object", &row[COL_OBJECT]);
	put_name(&out, "object_name", &row[COL_OBJECT_NAME]);
	put_data(&out, line, &row[COL_DATA]);
	put_hash(&out, "hash", &row[COL_HASH]);
	e = json_end(&out);
	return e < 0 ? e : fuda_buf_append(line, "", 1);
}

/* ---- pages ---- */

/* What the last row was. */
struct place {
	int64_t at, seq;
	struct fuda_buf chain;
};

static void place_free(struct place *place)
{
	fuda_buf_free(&place->chain);
}

static int get_page(struct store *store, const struct audit_query *q, const struct place *place,
		    struct rows *ret)
{
	const char *action = q->action ? q->action : "";
	const void *chain = place->chain.len ? (const void *)place->chain.data : "";
	const struct datum params[] = {
		INT(place->at),
		BYTES(chain, place->chain.len),
		INT(place->seq),
		INT(q->until ? q->until : INT64_MAX),
		TEXT(action),
		TEXT(action),
		INT(q->object ? 1 : 0),
		q->object ? BYTES(q->object, ID_BYTES) : NONE,
		INT(PAGE),
	};

	return store_run(store, &page, params, ret);
}

int audit_query(struct store *store, const struct audit_query *query,
		int (*out)(void *arg, const char *line), void *arg)
{
	_cleanup_(place_free) struct place place = { .at = query->from,
						     .seq = INT64_MIN,
						     .chain = FUDA_BUF_INIT(SHOWN_MAX) };
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(LINE_MAX_BYTES);
	size_t count = PAGE;

	while (count == PAGE) {
		_cleanup_rows_ struct rows rows = { 0 };
		int e = get_page(store, query, &place, &rows);

		for (size_t i = 0; e == 0 && i < rows.count; i++) {
			struct datum row[QUERY_COLS];

			for (size_t j = 0; j < QUERY_COLS; j++)
				row[j] = rows_get(&rows, i, j);
			e = print_row(row, &line);
			if (e == 0)
				e = out(arg, (const char *)line.data);
			place.at = row[COL_AT].number;
			place.seq = row[COL_SEQ].number;
			if (e == 0)
				e = fuda_buf_set(&place.chain, row[COL_CHAIN].bytes,
						 row[COL_CHAIN].len);
		}
		if (e != 0)
			return e;
		count = rows.count;
	}
	return 0;
}
