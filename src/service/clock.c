/* SPDX-License-Identifier: Apache-2.0 */
/* Whether our clock can be that of who wrote before: compared with the database's, which has one of
 * its own or not, and with the newest row of the audit trail. */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "codec/json.h"
#include "service/act.h"
#include "service/audit.h"

/* Rows from the future, but for those that an operator said a wrong clock wrote. */
static const struct statement sql_future = { "SELECT MAX(at) FROM audit WHERE at > $1 AND NOT (at "
					     ">= $2 AND at <= $3)",
					     3 };
static const struct statement sql_span = { "SELECT MIN(at), MAX(at) FROM audit WHERE at > $1", 1 };
static const struct statement sql_accepted = { "SELECT value FROM setting WHERE name = $1", 1 };
static const struct statement sql_accept = { "INSERT INTO setting (name, value) VALUES ($1, $2) ON "
					     "CONFLICT (name) DO UPDATE SET value = excluded.value",
					     2 };

/* Times from the first to the last, as the setting has them: big endian. */
struct span {
	uint64_t first, last;
};

static int read_accepted(struct store *store, struct span *ret)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct span span;
	int e = read_rows(store, &sql_accepted, &TEXT(SETTING_CLOCK), &rows);

	*ret = (struct span){ 1, 0 };
	if (e < 0 || !rows.count)
		return e;
	e = rows_bytes(&rows, 0, 0, &span, sizeof(span));
	if (e == 0)
		*ret = (struct span){ be64toh(span.first), be64toh(span.last) };
	return e;
}

static int is_behind_trail(struct store *store, bool *ret)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct span accepted;
	int e = read_accepted(store, &accepted);

	if (e == 0)
		e = read_rows(store, &sql_future,
			      (struct datum[]){ INT(now_us() + CLOCK_BEHIND_US),
						INT((int64_t)accepted.first),
						INT((int64_t)accepted.last) },
			      &rows);
	if (e == 0)
		*ret = rows.count && rows_get(&rows, 0, 0).kind != DATUM_NULL;
	return e;
}

int service_check_clock(struct service *service, struct store *store)
{
	int64_t before = now_us(), theirs, after;
	bool behind = false;
	int e = store_clock(store, &theirs);

	after = now_us();
	if (e == 0)
		e = is_behind_trail(store, &behind);
	atomic_store(&service->health.database, e < 0);
	if (e < 0)
		return e;
	atomic_store(&service->health.behind, behind);
	/* what the question took is nobody's error */
	atomic_store(&service->health.clock, behind || theirs < before - CLOCK_TOLERANCE_US ||
						     theirs > after + CLOCK_TOLERANCE_US);
	return 0;
}

/* ---- rows of a wrong clock ---- */

struct acceptance {
	struct act act; /* first */
	const char *comment;
};

static int write_data(const struct acceptance *a, const struct rows *span, struct fuda_buf *ret)
{
	struct json_out out;
	int r;

	json_begin(&out, ret);
	json_number(&out, "first", rows_int(span, 0, 0));
	json_number(&out, "last", rows_int(span, 0, 1));
	json_string(&out, "comment", a->comment);
	r = json_end(&out);
	return r < 0 ? r : fuda_buf_append(ret, "", 1);
}

static int accept_go(struct act *act, struct batch *batch)
{
	struct acceptance *a = (struct acceptance *)act;
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(AUDIT_DATA);
	const struct rows *found = &act->rows[0];
	struct span span;
	int r;

	if (act->stage == 0) {
		r = batch_read(batch, &sql_span, &INT(batch->now + CLOCK_BEHIND_US), &act->rows[0]);
		return r < 0 ? r : STEP_AGAIN;
	}
	if (!found->count || rows_get(found, 0, 0).kind == DATUM_NULL)
		return act_fail(act, FUDA_ENOTFOUND,
				_("no row of the audit trail is from the future"));
	span = (struct span){ htobe64((uint64_t)rows_int(found, 0, 0)),
			      htobe64((uint64_t)rows_int(found, 0, 1)) };
	r = batch_write(batch, &sql_accept,
			(struct datum[]){ TEXT(SETTING_CLOCK), BYTES(&span, sizeof(span)) });
	if (r == 0)
		r = write_data(a, found, &data);
	if (r == 0)
		r = act_audit(act, batch, NULL, (const char *)data.data);
	return r < 0 ? r : STEP_DONE;
}

int operator_accept_clock(const struct acting *by, const char *comment)
{
	struct acceptance a = {
		.act = { .by = by,
			 .name = "audit-accept-clock",
			 .role = ROLE_ADMIN,
			 .go = accept_go },
		.comment = comment,
	};

	if (!text_good(comment, LOSS_COMMENT))
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a comment has up to %d bytes of UTF-8"),
				LOSS_COMMENT - 1);
	return act_run(&a.act);
}
