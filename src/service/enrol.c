/* SPDX-License-Identifier: Apache-2.0 */
/* What operators do about terminals. */
#include "service/enrol.h"

#include <stdio.h>
#include <string.h>
#include <fuda/encode.h>

#include "base/context.h"
#include "service/act.h"

/* ---- one-time codes ---- */

/* Those of id.h: no 0, 1, I and O. */
static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

int code_new(char ret[CODE_TEXT])
{
	uint8_t random[CODE_CHARS];
	char *p = ret;
	int r = fuda_random(random, sizeof(random));

	if (r < 0)
		return r;
	for (size_t i = 0; i < CODE_CHARS; i++) {
		if (i && i % 4 == 0)
			*p++ = '-';
		*p++ = alphabet[random[i] % (sizeof(alphabet) - 1)];
	}
	*p = '\0';
	wipe(random, sizeof(random));
	return 0;
}

static int code_read(const char *text, size_t len, char ret[CODE_CHARS])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '-' || c == ' ')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (n == CODE_CHARS || !c || !strchr(alphabet, c))
			return FUDA_EFORMAT;
		ret[n++] = c;
	}
	return n == CODE_CHARS ? 0 : FUDA_EFORMAT;
}

int code_blind(struct keys *keys, const char *text, size_t len, uint8_t ret[BLIND_BYTES])
{
	char code[CODE_CHARS];
	int r = code_read(text, len, code);

	if (r == 0)
		r = keys_blind(keys, "enrol-code", code, sizeof(code), ret);
	wipe(code, sizeof(code));
	return r;
}

struct coding {
	struct act act; /* first */
	const struct code_request *request;
	uint8_t hash[BLIND_BYTES];
};

static const struct statement sql_org = { "SELECT id FROM org WHERE name = $1", 1 };
static const struct statement sql_sector = { "SELECT id, org FROM sector WHERE name = $1", 1 };
static const struct statement sql_new_code = { "INSERT INTO enrol_code (hash, org, place, sectors, "
					       "approvals, expires, created)"
					       " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT "
					       "DO NOTHING",
					       7 };

static int ask_names(struct coding *c, struct batch *batch)
{
	int r = batch_read(batch, &sql_org, &TEXT(c->request->org), &c->act.rows[0]);

	for (size_t i = 0; r == 0 && i < c->request->sector_count; i++)
		r = batch_read(batch, &sql_sector, &TEXT(c->request->sectors[i]),
			       &c->act.rows[1 + i]);
	return r < 0 ? r : STEP_AGAIN;
}

/* The ids of the sectors, one behind the other. */
static int take_sectors(struct coding *c, const uint8_t org[ID_BYTES],
			uint8_t ret[TERMINAL_SECTORS * ID_BYTES])
{
	for (size_t i = 0; i < c->request->sector_count; i++) {
		const struct rows *rows = &c->act.rows[1 + i];
		uint8_t owner[ID_BYTES];
		int r;

		if (rows->count == 0)
			return act_fail(&c->act, FUDA_ENOTFOUND, _("there is no sector '%s'"),
					c->request->sectors[i]);
		r = rows_bytes(rows, 0, 0, ret + i * ID_BYTES, ID_BYTES);
		if (r == 0)
			r = rows_bytes(rows, 0, 1, owner, ID_BYTES);
		if (r < 0)
			return r;
		if (memcmp(owner, org, ID_BYTES) != 0)
			return act_fail(&c->act, FUDA_EINVAL,
					_("the sector '%s' is another organisation's"),
					c->request->sectors[i]);
	}
	return 0;
}

static int write_code(struct coding *c, struct batch *batch)
{
	const struct code_request *q = c->request;
	uint8_t org[ID_BYTES], sectors[TERMINAL_SECTORS * ID_BYTES];
	int64_t hours = c->act.by->service->config.code_hours;
	int r = rows_bytes(&c->act.rows[0], 0, 0, org, ID_BYTES);

	if (r == 0)
		r = take_sectors(c, org, sectors);
	if (r == 0)
		r = batch_write(batch, &sql_new_code,
				(struct datum[]){ BYTES(c->hash, BLIND_BYTES), BYTES(org, ID_BYTES),
						  TEXT(q->place),
						  BYTES(sectors, q->sector_count * ID_BYTES),
						  INT(q->approvals),
						  INT(batch->now + hours * 3600 * SECONDS_US),
						  INT(batch->now) });
	/* what the terminal's row will have of it */
	if (r == 0)
		r = act_audit(&c->act, batch, org, "");
	return r < 0 ? r : STEP_DONE;
}

static int code_go(struct act *act, struct batch *batch)
{
	struct coding *c = (struct coding *)act;

	if (act->stage == 0)
		return ask_names(c, batch);
	if (act->rows[0].count == 0)
		return act_fail(act, FUDA_ENOTFOUND, _("there is no organisation '%s'"),
				c->request->org);
	return write_code(c, batch);
}

static int check_request(const struct acting *by, const struct code_request *q)
{
	if (!text_good(q->place, PLACE_TEXT))
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a place has up to %d bytes of UTF-8"),
				PLACE_TEXT - 1);
	if (q->sector_count < 1 || q->sector_count > TERMINAL_SECTORS)
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a terminal has 1 to %d sectors"),
				TERMINAL_SECTORS);
	for (size_t i = 0; i < q->sector_count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(q->sectors[i], q->sectors[j]) == 0)
				return ctx_fail(by->ctx, FUDA_EINVAL,
						_("the sector '%s' was named twice"),
						q->sectors[i]);
	if (q->approvals < 1 || q->approvals > APPROVALS_MAX)
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a terminal takes 1 to %d approvals"),
				APPROVALS_MAX);
	return 0;
}

int enrol_make_code(const struct acting *by, const struct code_request *request,
		    char ret_code[CODE_TEXT])
{
	struct coding c = {
		.act = { .by = by, .name = "code-make", .role = ROLE_REGISTRAR, .go = code_go },
		.request = request,
	};
	char code[CODE_TEXT];
	int r = check_request(by, request);

	if (r < 0)
		return r;
	r = code_new(code);
	if (r == 0)
		r = code_blind(by->service->keys, code, strlen(code), c.hash);
	r = r < 0 ? ctx_fail_code(by->ctx, r) : act_run(&c.act);
	if (r == 0)
		memcpy(ret_code, code, CODE_TEXT);
	wipe(code, sizeof(code));
	return r;
}

/* ---- orders ---- */

static const struct kind {
	enum terminal_act act;
	const char *name;     /* in the audit trail */
	const char *decision; /* in the table of approvals */
	unsigned role;
	const char *from[6]; /* states in which it makes sense */
	const char *to;      /* NULL: that depends */
} kinds[] = {
	{ TERMINAL_APPROVE,
	  "terminal-approve",
	  "approve",
	  ROLE_APPROVER,
	  { "applied", "on_hold" },
	  NULL },
	{ TERMINAL_HOLD,
	  "terminal-hold",
	  "hold",
	  ROLE_APPROVER,
	  { "applied", "approved" },
	  "on_hold" },
	{ TERMINAL_SUSPEND,
	  "terminal-suspend",
	  "suspend",
	  ROLE_REGISTRAR,
	  { "active" },
	  "suspended" },
	{ TERMINAL_RESUME, "terminal-resume", "resume", ROLE_REGISTRAR, { "suspended" }, "active" },
	{ TERMINAL_REVOKE,
	  "terminal-revoke",
	  "revoke",
	  ROLE_REGISTRAR,
	  { "applied", "on_hold", "approved", "active", "suspended" },
	  "revoked" },
	{ TERMINAL_TAP_ON,
	  "terminal-tap-on",
	  "tap-on",
	  ROLE_REGISTRAR,
	  { "active", "suspended" },
	  NULL },
	{ TERMINAL_TAP_OFF,
	  "terminal-tap-off",
	  "tap-off",
	  ROLE_REGISTRAR,
	  { "active", "suspended" },
	  NULL },
};

struct ordering {
	struct act act; /* first */
	const struct kind *kind;
	const struct terminal_order *order;
	uint8_t csr[32]; /* its hash's beginning, if approving */
	size_t csr_digits;
	struct terminal_outcome outcome;
	bool ordered; /* only the list is still to be made */
	struct crl_making crl;
};

/* Writes to what it then reads: of two at once one waits, and sees what the other did. */
static const struct statement sql_lock = { "UPDATE terminal SET changed = changed WHERE id = $1",
					   1 };
static const struct statement sql_terminal = { "SELECT t.state, t.csr_hash, t.changed, c.approvals "
					       "FROM terminal t"
					       " JOIN enrol_code c ON c.hash = t.code_hash WHERE "
					       "t.id = $1",
					       1 };
enum { T_STATE, T_CSR, T_CHANGED, T_NEEDED };
static const struct statement sql_decisions = { "SELECT a.operator, a.decision, a.at, o.roles, "
						"o.state, o.created FROM approval a"
						" JOIN operator o ON o.id = a.operator WHERE "
						"a.object = $1 ORDER BY a.at",
						1 };
enum { D_OPERATOR, D_DECISION, D_AT, D_ROLES, D_STATE, D_SINCE };
static const struct statement sql_decide = { "INSERT INTO approval (id, object, operator, "
					     "decision, comment, at)"
					     " VALUES ($1, $2, $3, $4, $5, $6)",
					     6 };
static const struct statement sql_change = { "UPDATE terminal SET state = $1, comment = $2, "
					     "changed = $3 WHERE id = $4 AND state = $5",
					     5 };
static const struct statement sql_tap = { "UPDATE terminal SET tap = $1, comment = $2, changed = "
					  "$3 WHERE id = $4 AND state = $5",
					  5 };
static const struct statement sql_revoke = { "UPDATE certificate SET state = 'revoked', revoked_at "
					     "= $1, reason = $2"
					     " WHERE terminal = $3 AND state = 'valid'",
					     3 };

static int ask_order(struct ordering *o, struct batch *batch)
{
	struct datum id = BYTES(o->order->terminal, ID_BYTES);
	int r = batch_sweep(batch, &sql_lock, &id);

	if (r == 0)
		r = batch_read(batch, &sql_terminal, &id, &o->act.rows[0]);
	if (r == 0)
		r = batch_read(batch, &sql_decisions, &id, &o->act.rows[1]);
	return r < 0 ? r : STEP_AGAIN;
}

static bool says(const struct rows *rows, size_t row, size_t column, const char *text)
{
	struct datum d = rows_get(rows, row, column);

	return d.len == strlen(text) && memcmp(d.bytes, text, d.len) == 0;
}

/* Whether decision `i` is an approval by one who still is an approver, and has been since. */
static bool approves(const struct rows *rows, size_t i)
{
	char text[ROLES_TEXT];
	unsigned roles;

	return says(rows, i, D_DECISION, "approve") && says(rows, i, D_STATE, "active") &&
	       rows_int(rows, i, D_AT) >= rows_int(rows, i, D_SINCE) &&
	       rows_text(rows, i, D_ROLES, text, sizeof(text)) == 0 &&
	       roles_parse(text, &roles) == 0 && roles & ROLE_APPROVER;
}

static bool same_operator(const struct rows *rows, size_t i, const uint8_t id[ID_BYTES])
{
	struct datum d = rows_get(rows, i, D_OPERATOR);

	return d.len == ID_BYTES && memcmp(d.bytes, id, ID_BYTES) == 0;
}

/* How many others have approved, each counted once, since the last hold; and whether he has. */
static int64_t count_others(const struct ordering *o, bool *ret_before)
{
	const struct rows *rows = &o->act.rows[1];
	size_t from = 0;
	int64_t count = 0;

	for (size_t i = 0; i < rows->count; i++)
		if (says(rows, i, D_DECISION, "hold"))
			from = i + 1;
	*ret_before = false;
	for (size_t i = from; i < rows->count; i++) {
		bool counted = !approves(rows, i);

		if (!counted && same_operator(rows, i, o->act.who)) {
			*ret_before = counted = true;
		}
		for (size_t j = from; !counted && j < i; j++)
			counted = approves(rows, j) &&
				  same_operator(rows, j, rows_get(rows, i, D_OPERATOR).bytes);
		count += !counted;
	}
	return count;
}

static bool is_tap(const struct ordering *o)
{
	return o->kind->act == TERMINAL_TAP_ON || o->kind->act == TERMINAL_TAP_OFF;
}

static int write_decision(struct ordering *o, struct batch *batch, int64_t at)
{
	uint8_t id[ID_BYTES];
	int r = id_new(id);

	if (r < 0)
		return r;
	return batch_write(batch, &sql_decide,
			   (struct datum[]){ BYTES(id, ID_BYTES),
					     BYTES(o->order->terminal, ID_BYTES),
					     BYTES(o->act.who, ID_BYTES), TEXT(o->kind->decision),
					     TEXT(o->order->comment), INT(at) });
}

/* The state that follows, and what the trail says of it; whether he had approved before. */
static int judge_state(struct ordering *o, size_t size, char *ret_data, bool *ret_before)
{
	const struct rows *terminal = &o->act.rows[0];

	if (o->kind->act == TERMINAL_APPROVE) {
		o->outcome.approvals = count_others(o, ret_before) + 1;
		snprintf(ret_data, size, "{\"approvals\":%d,\"needed\":%d}",
			 (int)o->outcome.approvals, (int)o->outcome.needed);
	}
	if (o->kind->act == TERMINAL_REVOKE)
		snprintf(ret_data, size, "{\"reason\":%d}", o->order->reason);
	if (is_tap(o))
		return rows_text(terminal, 0, T_STATE, o->outcome.state, STATE_TEXT);
	snprintf(o->outcome.state, STATE_TEXT, "%s",
		 o->kind->to                               ? o->kind->to :
		 o->outcome.approvals >= o->outcome.needed ? "approved" :
							     "applied");
	return 0;
}

static int write_state(struct ordering *o, struct batch *batch, int64_t at)
{
	struct datum was = rows_get(&o->act.rows[0], 0, T_STATE);
	struct datum id = BYTES(o->order->terminal, ID_BYTES);

	return batch_write(batch, is_tap(o) ? &sql_tap : &sql_change,
			   (struct datum[]){ is_tap(o) ? INT(o->kind->act == TERMINAL_TAP_ON) :
							 TEXT(o->outcome.state),
					     TEXT(o->order->comment), INT(at), id, was });
}

static int write_order(struct ordering *o, struct batch *batch)
{
	const struct rows *terminal = &o->act.rows[0];
	/* decisions are told apart by their times, whatever the clock says */
	int64_t at = MAX(batch->now, rows_int(terminal, 0, T_CHANGED) + 1);
	char data[64] = "";
	bool before = false;
	int r;

	o->outcome.needed = rows_int(terminal, 0, T_NEEDED);
	r = judge_state(o, sizeof(data), data, &before);
	if (r == 0 && !before)
		r = write_decision(o, batch, at);
	if (r == 0)
		r = write_state(o, batch, at);
	if (r == 0 && o->kind->act == TERMINAL_REVOKE)
		r = batch_sweep(batch, &sql_revoke,
				(struct datum[]){ INT(batch->now / SECONDS_US),
						  INT(o->order->reason),
						  BYTES(o->order->terminal, ID_BYTES) });
	if (r == 0)
		r = act_audit(&o->act, batch, o->order->terminal, data);
	return r < 0 ? r : STEP_DONE;
}

/* Whether the request that was applied with begins as the operator says. */
static bool csr_matches(const struct ordering *o)
{
	uint8_t hash[32];
	size_t bytes = o->csr_digits / 2;

	if (rows_bytes(&o->act.rows[0], 0, T_CSR, hash, sizeof(hash)) < 0 ||
	    memcmp(hash, o->csr, bytes) != 0)
		return false;
	return o->csr_digits % 2 == 0 || hash[bytes] >> 4 == o->csr[bytes] >> 4;
}

/* The states as people say them. */
static const char *state_text(const char *state)
{
	static const struct {
		const char *state, *text;
	} texts[] = {
		{ "applied", N_("waits for approval") },
		{ "on_hold", N_("is on hold") },
		{ "approved", N_("is approved, and has not fetched its certificate yet") },
		{ "active", N_("is active") },
		{ "suspended", N_("is suspended") },
		{ "revoked", N_("is revoked for good") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i].state, state) == 0)
			return _(texts[i].text);
	return state;
}

static int judge_order(struct ordering *o, struct batch *batch)
{
	const struct rows *terminal = &o->act.rows[0];
	char state[STATE_TEXT];
	bool fits = false;
	int r;

	if (terminal->count == 0)
		return act_fail(&o->act, FUDA_ENOTFOUND, _("there is no such terminal"));
	r = rows_text(terminal, 0, T_STATE, state, sizeof(state));
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(o->kind->from) && o->kind->from[i]; i++)
		fits = fits || strcmp(o->kind->from[i], state) == 0;
	if (!fits)
		return act_refuse(&o->act, batch, o->order->terminal, "state",
				  _("this terminal %s, so '%s' is not possible"), state_text(state),
				  o->kind->decision);
	if (o->kind->act == TERMINAL_APPROVE && !csr_matches(o))
		return act_refuse(&o->act, batch, o->order->terminal, "csr_hash",
				  _("what this application shows begins differently: it may be "
				    "another terminal's; put it on hold and ask there"));
	return write_order(o, batch);
}

static int order_go(struct act *act, struct batch *batch)
{
	struct ordering *o = (struct ordering *)act;
	int r = STEP_DONE;

	if (act->stage == 0)
		return ask_order(o, batch);
	if (!o->ordered) {
		r = judge_order(o, batch);
		o->ordered = true;
	}
	if (r < 0 || act->outcome < 0 || o->kind->act != TERMINAL_REVOKE)
		return r;
	r = crl_make_step(&o->crl, batch, act->by->ctx, act->by->service->ca);
	act->told = r == FUDA_EFORMAT;
	return r;
}

static void order_again(struct act *act)
{
	struct ordering *o = (struct ordering *)act;

	o->ordered = false;
	crl_make_reset(&o->crl);
}

/* The digits of a hash's beginning, which people write with blanks, colons and hyphens. */
static int read_hash(const char *text, struct ordering *o)
{
	char digits[2 * sizeof(o->csr) + 2];
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(sizeof(o->csr));
	size_t n = 0;

	for (; *text; text++) {
		if (strchr(" :-", *text))
			continue;
		if (n == 2 * sizeof(o->csr))
			return FUDA_EFORMAT;
		digits[n++] = *text;
	}
	o->csr_digits = n;
	if (n % 2)
		digits[n++] = '0';
	digits[n] = '\0';
	if (o->csr_digits < 8 || fuda_hex_decode(digits, &bytes) < 0)
		return FUDA_EFORMAT;
	memcpy(o->csr, bytes.data, bytes.len);
	return 0;
}

static int check_order(const struct acting *by, struct ordering *o)
{
	const char *comment = o->order->comment;

	if (*comment && !text_good(comment, COMMENT_TEXT))
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a comment has up to %d bytes of UTF-8"),
				COMMENT_TEXT - 1);
	if (o->kind->act == TERMINAL_APPROVE && read_hash(o->order->csr_hash, o) < 0)
		return ctx_fail(by->ctx, FUDA_EINVAL,
				_("say at least the first 8 digits of what the terminal shows"));
	if (o->kind->act == TERMINAL_REVOKE && o->order->reason != REASON_CESSATION &&
	    o->order->reason != REASON_KEY_COMPROMISE)
		return ctx_fail_code(by->ctx, FUDA_EINVAL);
	return 0;
}

int enrol_order(const struct acting *by, const struct terminal_order *order,
		struct terminal_outcome *ret)
{
	const struct kind *kind = &kinds[order->act];
	struct ordering o = {
		.act = { .by = by,
			 .name = kind->name,
			 .role = kind->role,
			 .go = order_go,
			 .again = order_again },
		.kind = kind,
		.order = order,
	};
	int r = check_order(by, &o);

	if (r < 0)
		return r;
	o.act.task.claims[0] = act_claim(order->terminal);
	o.act.task.claims[1] = CRL_CLAIM;
	o.act.task.claim_count = order->act == TERMINAL_REVOKE ? 2 : 1;
	r = act_run(&o.act);
	/* also where it is not known whether it happened */
	if (by->service->terminals)
		terminals_forget(by->service->terminals, order->terminal);
	if (r == 0)
		*ret = o.outcome;
	return r;
}
