/* SPDX-License-Identifier: Apache-2.0 */
/* The list of terminals' certificates that count no more, made in the transaction that revokes. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/util.h"
#include "service/enrol.h"

enum { PAGE = 4000, REVOKED_MAX = 200000, LISTS_KEPT = 20 };

static const struct statement sql_last = { "SELECT number FROM crl ORDER BY number DESC LIMIT 1",
					   0 };
/* by their serial numbers, so that a page can go on behind the one before */
static const struct statement sql_page = { "SELECT serial, revoked_at, reason, terminal FROM "
					   "certificate"
					   " WHERE state = 'revoked' AND not_after > $1 AND serial "
					   "> $2 ORDER BY serial LIMIT 4000",
					   2 };
/* what would be on no page: SQLite keeps anything in any column */
static const struct statement sql_nowhere = { "SELECT terminal FROM certificate WHERE state = "
					      "'revoked' AND not_after > $1"
					      " AND (serial IS NULL OR NOT serial > $2) LIMIT 1",
					      2 };
static const struct statement sql_insert = { "INSERT INTO crl (number, der, this_update, "
					     "next_update) VALUES ($1, $2, $3, $4)"
					     " ON CONFLICT DO NOTHING",
					     4 };
static const struct statement sql_prune = { "DELETE FROM crl WHERE number <= $1", 1 };

void crl_make_reset(struct crl_making *making)
{
	rows_free(&making->last);
	rows_free(&making->nowhere);
	rows_free(&making->page);
	free(making->list);
	*making = (struct crl_making){ 0 };
}

/* One that has run out stays on one more list at least: RFC 5280 3.3. */
static struct datum since(const struct batch *batch)
{
	return INT(batch->now / SECONDS_US - (int64_t)CA_CRL_DAYS * 24 * 3600);
}

/* A list without a revoked certificate would be worse than none: there is none until somebody has
 * seen to the row. */
static int fail_at(struct fuda_context *ctx, const struct rows *rows, size_t row, size_t column)
{
	char text[ID_TEXT] = "?";
	uint8_t id[ID_BYTES];

	if (rows_bytes(rows, row, column, id, ID_BYTES) == 0)
		id_text(id, text);
	return ctx_fail(ctx, FUDA_EFORMAT,
			_("No list of revoked terminals can be made, and none be revoked: in the "
			  "table certificate the serial number of a revoked certificate of "
			  "terminal %s is damaged. Mend that row; the certificate itself is in "
			  "its column der. Until then terminals can be suspended, and the last "
			  "list counts to its end."),
			text);
}

static int ask_page(struct crl_making *making, struct batch *batch)
{
	struct datum params[] = { since(batch),
				  BYTES(making->behind, making->count ? CA_SERIAL : 0) };
	int r;

	rows_free(&making->page);
	r = batch_read(batch, &sql_page, params, &making->page);
	return r < 0 ? r : STEP_AGAIN;
}

static int take_page(struct crl_making *making, struct fuda_context *ctx)
{
	size_t count = making->page.count;
	struct revoked *more;

	if (making->count + count > REVOKED_MAX)
		return FUDA_ETOOBIG;
	more = reallocarray(making->list, making->count + count + 1, sizeof(*more));
	if (!more)
		return FUDA_ENOMEM;
	making->list = more;
	for (size_t i = 0; i < count; i++) {
		struct revoked *one = &making->list[making->count++];

		if (rows_bytes(&making->page, i, 0, one->serial, CA_SERIAL) < 0)
			return fail_at(ctx, &making->page, i, 3);
		one->at = rows_int(&making->page, i, 1);
		one->reason = (int)rows_int(&making->page, i, 2);
		memcpy(making->behind, one->serial, CA_SERIAL);
	}
	return 0;
}

static int write_list(struct crl_making *making, struct batch *batch, struct fuda_context *ctx,
		      struct ca *ca)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(HTTP_ANSWER_MAX);
	int64_t now = batch->now / SECONDS_US, number = 1;
	struct datum row[4];
	int r;

	if (making->last.count)
		number += rows_int(&making->last, 0, 0);
	r = ca_crl(ctx, ca, making->list, making->count, number, (time_t)now, &der);
	if (r < 0)
		return r;
	row[0] = INT(number);
	row[1] = BYTES(der.data, der.len);
	row[2] = INT(now);
	row[3] = INT(now + (int64_t)CA_CRL_DAYS * 24 * 3600);
	r = batch_write(batch, &sql_insert, row);
	if (r == 0)
		r = batch_sweep(batch, &sql_prune, &INT(number - LISTS_KEPT));
	return r < 0 ? r : STEP_DONE;
}

int crl_make_step(struct crl_making *making, struct batch *batch, struct fuda_context *ctx,
		  struct ca *ca)
{
	int r;

	if (making->stage++ == 0) {
		r = batch_read(batch, &sql_last, NULL, &making->last);
		if (r == 0)
			r = batch_read(batch, &sql_nowhere,
				       (struct datum[]){ since(batch), BYTES("", 0) },
				       &making->nowhere);
		return r < 0 ? r : ask_page(making, batch);
	}
	if (making->nowhere.count)
		return fail_at(ctx, &making->nowhere, 0, 0);
	r = take_page(making, ctx);
	if (r < 0)
		return r;
	return making->page.count == PAGE ? ask_page(making, batch) :
					    write_list(making, batch, ctx, ca);
}

/* ---- as a task of its own ---- */

static int renewal_step(struct task *task, struct batch *batch)
{
	struct crl_renewal *renewal = (struct crl_renewal *)task;
	struct audit_entry entry = { "service", NULL, "crl-make", NULL, "" };
	int r = crl_make_step(&renewal->making, batch, renewal->ctx, renewal->service->ca);

	if (r != STEP_DONE)
		return r;
	r = batch_audit(batch, &entry);
	return r < 0 ? r : STEP_DONE;
}

static void renewal_reset(struct task *task)
{
	crl_make_reset(&((struct crl_renewal *)task)->making);
}

int crl_renewal_init(struct crl_renewal *renewal, struct service *service)
{
	*renewal = (struct crl_renewal){ .service = service };
	renewal->task.step = renewal_step;
	renewal->task.reset = renewal_reset;
	renewal->task.claims[0] = CRL_CLAIM;
	renewal->task.claim_count = 1;
	return fuda_context_new(&renewal->ctx);
}

void crl_renewal_free(struct crl_renewal *renewal)
{
	crl_make_reset(&renewal->making);
	if (renewal->ctx)
		fuda_context_free(&renewal->ctx);
}
