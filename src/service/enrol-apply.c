/* SPDX-License-Identifier: Apache-2.0 */
/* What terminals ask for: a first certificate with a one-time code, later ones with the last. */
#include <string.h>

#include "base/context.h"
#include "base/cursor.h"
#include "service/act.h"
#include "service/enrol.h"

/* ca_issue() dates certificates back by so much, for clocks that are late */
enum { BACKDATED = 3600, CERTIFICATE_DER = 4096 };

static int audit(struct application *a, struct batch *batch, const char *action, const char *data)
{
	struct audit_entry entry = { "terminal", a->terminal, action, a->terminal, data };

	return batch_audit(batch, &entry);
}

static int end(struct application *a, enum application_end how)
{
	a->end = how;
	return STEP_DONE;
}

static bool row_is(const struct rows *rows, size_t row, size_t column, const void *bytes,
		   size_t len)
{
	struct datum d = rows_get(rows, row, column);

	return d.len == len && memcmp(d.bytes, bytes, len) == 0;
}

static bool row_says(const struct rows *rows, size_t column, const char *text)
{
	return row_is(rows, 0, column, text, strlen(text));
}

/* ---- issuing ---- */

static const struct statement sql_insert_certificate = { "INSERT INTO certificate (serial, "
							 "terminal, key_hash, csr_hash, der, "
							 "not_before,"
							 " not_after, state, reason) VALUES ($1, "
							 "$2, $3, $4, $5, $6, $7, 'valid', 0)"
							 " ON CONFLICT DO NOTHING",
							 7 };

static int issue(struct application *a, struct batch *batch, const char *action)
{
	struct issued issued;
	int r;

	fuda_buf_clear(&a->certificate);
	r = ca_issue(a->ctx, a->service->ca, a->request.data, a->request.len, a->terminal,
		     (time_t)(batch->now / SECONDS_US), 0, &issued, &a->certificate);
	if (r < 0)
		return r;
	r = batch_write(batch, &sql_insert_certificate,
			(struct datum[]){ BYTES(issued.serial, CA_SERIAL),
					  BYTES(a->terminal, ID_BYTES),
					  BYTES(a->csr.key, sizeof(a->csr.key)),
					  BYTES(a->csr.hash, sizeof(a->csr.hash)),
					  BYTES(a->certificate.data, a->certificate.len),
					  INT(issued.not_before), INT(issued.not_after) });
	if (r == 0)
		r = audit(a, batch, action, "");
	return r < 0 ? r : end(a, APPLICATION_ISSUED);
}

/* Row `i` of certificates (der, csr_hash, not_before, ...): whether it was issued for this very
 * request, and not so long ago that asking again is odd. */
static bool is_answer(const struct application *a, const struct batch *batch,
		      const struct rows *rows, size_t i)
{
	int64_t issued = rows_int(rows, i, 2) + BACKDATED;

	return row_is(rows, i, 1, a->csr.hash, sizeof(a->csr.hash)) &&
	       batch->now / SECONDS_US - issued <= CERTIFICATE_AGAIN;
}

static int give_again(struct application *a, const struct rows *rows, size_t i)
{
	struct datum der = rows_get(rows, i, 0);
	int r = fuda_buf_set(&a->certificate, der.bytes, der.len);

	return r < 0 ? r : end(a, APPLICATION_ISSUED);
}

/* ---- the first certificate ---- */

/* Writes to what it then reads: of two at once one waits, and sees what the other did. */
static const struct statement sql_lock_code = { "UPDATE enrol_code SET created = created WHERE "
						"hash = $1",
						1 };
static const struct statement sql_code = { "SELECT org, place, sectors, expires, used_by FROM "
					   "enrol_code WHERE hash = $1",
					   1 };
enum { CODE_ORG, CODE_PLACE, CODE_SECTORS, CODE_EXPIRES, CODE_USED };
static const struct statement sql_applied = { "SELECT id, state, csr_hash FROM terminal WHERE "
					      "code_hash = $1",
					      1 };
enum { APPLIED_ID, APPLIED_STATE, APPLIED_CSR };
static const struct statement sql_newest = { "SELECT c.der, c.csr_hash, c.not_before, c.state FROM "
					     "certificate c"
					     " JOIN terminal t ON t.id = c.terminal WHERE "
					     "t.code_hash = $1"
					     " ORDER BY c.not_before DESC, c.serial LIMIT 1",
					     1 };
static const struct statement sql_insert_terminal = { "INSERT INTO terminal (id, org, place, "
						      "environment, state, csr, csr_hash, "
						      "code_hash, tap,"
						      " comment, created, changed)"
						      " VALUES ($1, $2, $3, $4, 'applied', $5, $6, "
						      "$7, 0, '', $8, $9) ON CONFLICT DO NOTHING",
						      9 };
static const struct statement sql_insert_sector = {
	"INSERT INTO terminal_sector (terminal, sector) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2
};
static const struct statement sql_use_code = { "UPDATE enrol_code SET used_by = $1 WHERE hash = $2 "
					       "AND used_by IS NULL",
					       2 };
static const struct statement sql_activate = { "UPDATE terminal SET state = 'active', changed = $1 "
					       "WHERE id = $2 AND state = 'approved'",
					       2 };

static int ask_first(struct application *a, struct batch *batch)
{
	struct datum code = BYTES(a->code, BLIND_BYTES);
	int r = batch_sweep(batch, &sql_lock_code, &code);

	if (r == 0)
		r = batch_read(batch, &sql_code, &code, &a->rows[0]);
	if (r == 0)
		r = batch_read(batch, &sql_applied, &code, &a->rows[1]);
	if (r == 0)
		r = batch_read(batch, &sql_newest, &code, &a->rows[2]);
	return r < 0 ? r : STEP_AGAIN;
}

static int write_sectors(struct application *a, struct batch *batch)
{
	struct datum sectors = rows_get(&a->rows[0], 0, CODE_SECTORS);
	struct cursor c = cur_of(sectors.bytes, sectors.len);
	const uint8_t *sector;
	int r = 0;

	while (r == 0 && cur_take(&c, ID_BYTES, &sector) == 0)
		r = batch_write(batch, &sql_insert_sector,
				(struct datum[]){ BYTES(a->terminal, ID_BYTES),
						  BYTES(sector, ID_BYTES) });
	return r < 0 ? r : c.left ? FUDA_ESTORE : 0;
}

/* A code that nobody used yet. */
static int apply(struct application *a, struct batch *batch)
{
	const struct rows *code = &a->rows[0];
	struct datum now = INT(batch->now), id = BYTES(a->terminal, ID_BYTES);
	struct datum hash = BYTES(a->code, BLIND_BYTES);
	int r = id_new(a->terminal);

	if (r == 0)
		r = batch_write(batch, &sql_insert_terminal,
				(struct datum[]){ id, rows_get(code, 0, CODE_ORG),
						  rows_get(code, 0, CODE_PLACE),
						  TEXT(a->service->config.environment),
						  BYTES(a->request.data, a->request.len),
						  BYTES(a->csr.hash, sizeof(a->csr.hash)), hash,
						  now, now });
	if (r == 0)
		r = batch_write(batch, &sql_use_code, (struct datum[]){ id, hash });
	if (r == 0)
		r = write_sectors(a, batch);
	if (r == 0)
		r = audit(a, batch, "terminal-apply", "");
	return r < 0 ? r : end(a, APPLICATION_WAITS);
}

/* No such code, or not for this request: nobody is told which. */
static int refuse_code(struct application *a, struct batch *batch)
{
	struct audit_entry entry = { "terminal", NULL, "refused", NULL,
				     "{\"act\":\"terminal-apply\",\"why\":\"code\"}" };
	int r = batch_audit(batch, &entry);

	return r < 0 ? r : end(a, APPLICATION_UNKNOWN);
}

static int activate(struct application *a, struct batch *batch)
{
	int r = batch_write(batch, &sql_activate,
			    (struct datum[]){ INT(batch->now), BYTES(a->terminal, ID_BYTES) });

	return r < 0 ? r : issue(a, batch, "terminal-issue");
}

static int first_again(struct application *a, struct batch *batch)
{
	const struct rows *applied = &a->rows[1], *newest = &a->rows[2];
	int r = rows_bytes(applied, 0, APPLIED_ID, a->terminal, ID_BYTES);

	if (r < 0)
		return r;
	if (!row_is(applied, 0, APPLIED_CSR, a->csr.hash, sizeof(a->csr.hash)))
		return refuse_code(a, batch);
	if (row_says(applied, APPLIED_STATE, "applied") ||
	    row_says(applied, APPLIED_STATE, "on_hold"))
		return end(a, APPLICATION_WAITS);
	if (row_says(applied, APPLIED_STATE, "suspended"))
		return end(a, APPLICATION_SUSPENDED);
	if (row_says(applied, APPLIED_STATE, "revoked"))
		return end(a, APPLICATION_REVOKED);
	if (row_says(applied, APPLIED_STATE, "approved"))
		return activate(a, batch);
	if (newest->count && row_says(newest, 3, "valid") && is_answer(a, batch, newest, 0))
		return give_again(a, newest, 0);
	return refuse_code(a, batch);
}

static int step_first(struct task *task, struct batch *batch)
{
	struct application *a = (struct application *)task;

	if (a->stage++ == 0)
		return ask_first(a, batch);
	if (a->rows[0].count == 0)
		return refuse_code(a, batch);
	if (a->rows[1].count)
		return first_again(a, batch);
	/* used, and yet no terminal: not by a working service */
	if (rows_get(&a->rows[0], 0, CODE_USED).kind != DATUM_NULL ||
	    rows_int(&a->rows[0], 0, CODE_EXPIRES) <= batch->now)
		return refuse_code(a, batch);
	return apply(a, batch);
}

/* ---- later ones ---- */

static const struct statement sql_lock_terminal = { "UPDATE terminal SET changed = changed WHERE "
						    "id = $1",
						    1 };
static const struct statement sql_state = { "SELECT state FROM terminal WHERE id = $1", 1 };
static const struct statement sql_old = { "SELECT not_before, not_after, state FROM certificate "
					  "WHERE serial = $1 AND terminal = $2",
					  2 };
static const struct statement sql_valid = { "SELECT der, csr_hash, not_before FROM certificate"
					    " WHERE terminal = $1 AND state = 'valid' AND "
					    "not_after > $2"
					    " ORDER BY not_before DESC, serial",
					    2 };

static int ask_later(struct application *a, struct batch *batch)
{
	struct datum terminal = BYTES(a->terminal, ID_BYTES);
	struct datum old[] = { BYTES(a->serial, CA_SERIAL), terminal };
	struct datum valid[] = { terminal, INT(batch->now / SECONDS_US) };
	int r = batch_sweep(batch, &sql_lock_terminal, &terminal);

	if (r == 0)
		r = batch_read(batch, &sql_state, &terminal, &a->rows[0]);
	if (r == 0)
		r = batch_read(batch, &sql_old, old, &a->rows[1]);
	if (r == 0)
		r = batch_read(batch, &sql_valid, valid, &a->rows[2]);
	return r < 0 ? r : STEP_AGAIN;
}

static bool is_early(const struct application *a, const struct batch *batch)
{
	int64_t from = rows_int(&a->rows[1], 0, 0), until = rows_int(&a->rows[1], 0, 1);

	return batch->now / SECONDS_US < from + (until - from) / 2;
}

/* terminal_ask() has admitted it; what was remembered there may be five seconds old. */
static int step_later(struct task *task, struct batch *batch)
{
	struct application *a = (struct application *)task;
	const struct rows *valid = &a->rows[2];

	if (a->stage++ == 0)
		return ask_later(a, batch);
	if (a->rows[0].count == 0 || a->rows[1].count == 0)
		return end(a, APPLICATION_UNKNOWN);
	if (row_says(&a->rows[0], 0, "suspended"))
		return end(a, APPLICATION_SUSPENDED);
	if (!row_says(&a->rows[0], 0, "active") || !row_says(&a->rows[1], 2, "valid"))
		return end(a, APPLICATION_REVOKED);
	for (size_t i = 0; i < valid->count; i++)
		if (is_answer(a, batch, valid, i))
			return give_again(a, valid, i);
	if (is_early(a, batch))
		return end(a, APPLICATION_EARLY);
	if (valid->count >= TERMINAL_CERTIFICATES)
		return end(a, APPLICATION_TOO_MANY);
	return issue(a, batch, "terminal-renew");
}

/* ---- both ---- */

static void reset(struct task *task)
{
	struct application *a = (struct application *)task;

	for (size_t i = 0; i < ARRAY_SIZE(a->rows); i++)
		rows_free(&a->rows[i]);
	a->stage = 0;
}

int application_init(struct application *application, struct service *service)
{
	*application = (struct application){
		.service = service,
		.request = FUDA_BUF_INIT(CA_CSR_MAX),
		.certificate = FUDA_BUF_INIT(CERTIFICATE_DER),
	};
	application->task.reset = reset;
	return fuda_context_new(&application->ctx);
}

void application_ready(struct application *application)
{
	application->task.step = application->renewal ? step_later : step_first;
	application->task.claims[0] =
		act_claim(application->renewal ? application->terminal : application->code);
	application->task.claim_count = 1;
	if (application->renewal)
		application->task.owner = application->task.claims[0];
}

void application_free(struct application *application)
{
	reset(&application->task);
	wipe(application->code, sizeof(application->code));
	fuda_buf_free_public(&application->request);
	fuda_buf_free_public(&application->certificate);
	if (application->ctx)
		fuda_context_free(&application->ctx);
}
