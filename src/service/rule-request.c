/* SPDX-License-Identifier: Apache-2.0 */
/* What all requests have in common once they are the writer's: they happen once (platform.md D4),
 * and are somebody's. */
#include "service/rule-request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "base/deadline.h"
#include "base/util.h"

enum { WAIT_US = 15 * 1000000, STORED_MAX = ANSWER_MAX + SEAL_OVERHEAD + 1 };

/* How an answer is stored: what the first byte says of the others. */
enum { STORED_CODE = 'C', STORED_JSON = 'J', STORED_SEALED = 'S' };

static const struct statement find_states = { "SELECT c.state, t.state FROM certificate c"
					      " JOIN terminal t ON t.id = c.terminal"
					      " WHERE c.serial = $1",
					      1 };
static const struct statement find_answer = { "SELECT request_hash, revision, status, body FROM "
					      "idem"
					      " WHERE terminal = $1 AND key = $2 AND expires >= $3",
					      3 };
enum { A_HASH, A_REVISION, A_STATUS, A_BODY };
static const struct statement find_nonce = { "SELECT 1 FROM used_nonce WHERE expires = $1 AND"
					     " nonce = $2",
					     2 };
static const struct statement find_credential = { "SELECT c.id, c.subject, c.status, m.id, "
						  "m.issued, c.revision FROM credential c"
						  " LEFT JOIN mykey m ON m.subject = c.subject AND "
						  "m.state = 'active' WHERE c.bidx = $1",
						  1 };
enum { C_ID, C_SUBJECT, C_STATUS, C_MYKEY, C_ISSUED, C_REVISION };
static const struct statement add_nonce = { "INSERT INTO used_nonce (expires, nonce) VALUES ($1, "
					    "$2) ON CONFLICT DO NOTHING",
					    2 };
/* in the place of one that has expired and was not swept yet, at most */
static const struct statement add_answer = {
	"INSERT INTO idem (terminal, key, request_hash, revision, status, body, expires)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (terminal, key) DO UPDATE"
	" SET request_hash = excluded.request_hash, revision = excluded.revision,"
	" status = excluded.status, body = excluded.body, expires = excluded.expires"
	" WHERE idem.expires < $8",
	8
};
static const struct statement add_credential = { "INSERT INTO credential"
						 " (bidx, id, subject, kind, status, "
						 "supersedes, revision, created)"
						 " VALUES ($1, $2, $3, $4, 'active', $5, 1, $6) "
						 "ON CONFLICT DO NOTHING",
						 6 };
static const struct statement supersede = { "UPDATE credential SET status = 'superseded', revision "
					    "= "
					    "revision + 1 WHERE bidx = $1 AND subject = $2 AND "
					    "status = 'active'",
					    2 };
static const struct statement revise = { "UPDATE credential SET revision = revision + 1 WHERE bidx "
					 "= "
					 "$1 AND subject = $2",
					 2 };
/* of a joined person several may be in force */
static const struct statement revise_others = { "UPDATE credential SET revision = revision + 1 "
						"WHERE subject = $1 AND bidx <> $2 AND status = "
						"'active'",
						2 };
static const struct statement add_passed_over = { "INSERT INTO credential (bidx, id, subject, "
						  "kind, status, revision, created)"
						  " VALUES ($1, $2, $3, $4, 'superseded', 0, $5) "
						  "ON CONFLICT DO NOTHING",
						  5 };
static const struct statement add_mykey = { "INSERT INTO mykey (id, subject, state, issued) VALUES "
					    "($1, $2, 'active', $3)"
					    " ON CONFLICT DO NOTHING",
					    3 };

/* ---- small things ---- */

int request_refuse(struct request *r, const char *code)
{
	fuda_buf_clear(&r->body);
	r->code = code;
	r->status = answer_status(code);
	return 0;
}

void request_answer(struct request *r, int status, struct json_out *ret)
{
	fuda_buf_clear(&r->body);
	r->code = NULL;
	r->status = status;
	json_begin(ret, &r->body);
}

void request_time(int64_t us, char ret[TIME_TEXT])
{
	time_t seconds = (time_t)(us / SECONDS_US);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(ret, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		*ret = 0;
}

int request_audit(struct request *r, struct batch *batch, const char *action, const char *data)
{
	struct audit_entry entry = { .actor_kind = "terminal",
				     .actor = r->terminal,
				     .action = action,
				     .object = r->subject,
				     .data = data };

	return batch_audit(batch, &entry);
}

int request_change(struct request *r, struct batch *batch)
{
	struct datum bidx = BYTES(r->bidx[0], BLIND_BYTES), subject = BYTES(r->subject, ID_BYTES);
	int e = batch_write(batch, &revise, (struct datum[]){ bidx, subject });

	r->revision++;
	return e < 0 ? e : batch_sweep(batch, &revise_others, (struct datum[]){ subject, bidx });
}

int request_issue(struct request *r, struct batch *batch, const char *id)
{
	char fresh[MYKEY_TEXT];
	int e = id ? 0 : mykey_new(fresh);

	if (e < 0)
		return e;
	/* an id stays for good, so one that ever was is never issued again */
	snprintf(r->mykey, sizeof(r->mykey), "%s", id ? id : fresh);
	r->issued = batch->now;
	return batch_write(batch, &add_mykey,
			   (struct datum[]){ TEXT(r->mykey), BYTES(r->subject, ID_BYTES),
					     INT(batch->now) });
}

/* ---- once ---- */

static int bound_bytes(const struct request *r, uint8_t ret[ID_BYTES + HTTP_IDEMPOTENCY_MAX])
{
	size_t len = strlen(r->key);

	memcpy(ret, r->terminal, ID_BYTES);
	memcpy(ret + ID_BYTES, r->key, len);
	return (int)(ID_BYTES + len);
}

/* The bytes that the database keeps of the answer. */
static int pack_answer(const struct request *r, struct fuda_buf *ret)
{
	uint8_t form = r->code ? STORED_CODE : r->secret ? STORED_SEALED : STORED_JSON;
	uint8_t bound[ID_BYTES + HTTP_IDEMPOTENCY_MAX];
	int e = fuda_buf_append(ret, &form, 1);

	if (e < 0)
		return e;
	if (r->code)
		return fuda_buf_append(ret, r->code, strlen(r->code));
	if (!r->secret)
		return fuda_buf_append(ret, r->body.data, r->body.len);
	return keys_seal(r->service->keys, "answer", bound, (size_t)bound_bytes(r, bound),
			 r->body.data, r->body.len, ret);
}

/* What there is was written by us: anything else is damaged. */
static int unpack_answer(struct request *r, struct cursor c)
{
	uint8_t bound[ID_BYTES + HTTP_IDEMPOTENCY_MAX], form;

	if (cur_u8(&c, &form) < 0)
		return FUDA_ESTORE;
	switch (form) {
	case STORED_CODE:
		r->code = answer_code((const char *)c.p, c.left);
		return r->code ? 0 : FUDA_ESTORE;
	case STORED_JSON:
		return fuda_buf_set(&r->body, c.p, c.left);
	case STORED_SEALED:
		r->secret = true;
		return keys_unseal(r->service->keys, "answer", bound, (size_t)bound_bytes(r, bound),
				   c.p, c.left, &r->body);
	default:
		return FUDA_ESTORE;
	}
}

/* The answer that was given before; unless this is another request under its key, or something was
 * changed for the holder since, and it may be true no more. */
static int repeat(struct request *r)
{
	struct datum body = rows_get(&r->idem, 0, A_BODY);
	uint8_t hash[BLIND_BYTES];
	int e = rows_bytes(&r->idem, 0, A_HASH, hash, sizeof(hash));

	if (e < 0)
		return e;
	if (memcmp(hash, r->hash, sizeof(hash)) != 0)
		return request_refuse(r, "idempotency_key_reused");
	if (rows_int(&r->idem, 0, A_REVISION) != r->revision)
		return request_refuse(r, "answer_outdated");
	r->status = (int)rows_int(&r->idem, 0, A_STATUS);
	return unpack_answer(r, cur_of(body.bytes, body.len));
}

/* Whatever was said is said once: challenge and key are spent with it. What a start gives is kept
 * nowhere: asked for again it is judged again, and told of in the trail again. */
static int finish(struct request *r, struct batch *batch)
{
	_cleanup_buf_ struct fuda_buf stored = FUDA_BUF_INIT(STORED_MAX);
	int64_t life = r->service->config.idempotency_hours * 3600 * SECONDS_US;
	int e;

	if (r->deed->starts)
		return STEP_DONE;
	e = batch_write(batch, &add_nonce,
			(struct datum[]){ INT(r->challenge.expires),
					  BYTES(r->challenge.nonce, NONCE_BYTES) });
	if (e == 0)
		e = pack_answer(r, &stored);
	if (e == 0)
		e = batch_write(batch, &add_answer,
				(struct datum[]){ BYTES(r->terminal, ID_BYTES), TEXT(r->key),
						  BYTES(r->hash, BLIND_BYTES), INT(r->revision),
						  INT(r->status), BYTES(stored.data, stored.len),
						  INT(batch->now + life), INT(batch->now) });
	return e < 0 ? e : STEP_DONE;
}

/* ---- whose card it is ---- */

static int refuse_and_finish(struct request *r, struct batch *batch, const char *code)
{
	return request_refuse(r, code) < 0 ? FUDA_EFAILED : finish(r, batch);
}

static int act(struct request *r, struct batch *batch)
{
	int e = r->deed->act(r, batch);

	return e < 0 ? e : finish(r, batch);
}

static int read_own(struct request *r, struct batch *batch)
{
	int e;

	if (!r->bound && !r->deed->makes)
		return refuse_and_finish(r, batch,
					 r->deed->by_card ? "tap_not_registered" :
					 r->deed->by_mdoc ? "mdoc_not_bound" :
							    "not_bound");
	if (!r->deed->read)
		return act(r, batch);
	r->next = act;
	e = r->deed->read(r, batch);
	return e < 0 ? e : STEP_AGAIN;
}

/* The subject of credential `i`, and its active MyKey ID. */
static int take_subject(struct request *r, size_t i)
{
	const struct rows *rows = &r->credential[i];
	int e = rows_bytes(rows, 0, C_SUBJECT, r->subject, ID_BYTES);

	if (e == 0 && rows_get(rows, 0, C_MYKEY).kind != DATUM_NULL)
		e = rows_text(rows, 0, C_MYKEY, r->mykey, sizeof(r->mykey));
	if (e < 0)
		return e;
	r->issued = rows_int(rows, 0, C_ISSUED);
	r->bound = true;
	return 0;
}

static int64_t revision_of(const struct rows *credential)
{
	return credential->count ? rows_int(credential, 0, C_REVISION) : 0;
}

static bool is_active(const struct rows *credential)
{
	struct datum status = rows_get(credential, 0, C_STATUS);

	return status.len == strlen("active") && memcmp(status.bytes, "active", status.len) == 0;
}

int request_credential(struct request *r, struct batch *batch, const uint8_t *supersedes)
{
	uint8_t id[ID_BYTES];
	int e = id_new(id);

	if (e < 0)
		return e;
	r->revision = 1;
	return batch_write(batch, &add_credential,
			   (struct datum[]){ BYTES(r->bidx[0], BLIND_BYTES), BYTES(id, ID_BYTES),
					     BYTES(r->subject, ID_BYTES), TEXT(r->holder.kind),
					     supersedes ? BYTES(supersedes, ID_BYTES) : NONE,
					     INT(batch->now) });
}

/* Whether entry `i` is the only one of its renewal. */
static bool is_sure(const struct request *r, size_t i)
{
	return r->renewal[i - 1] != r->renewal[i] &&
	       (i + 1 == r->chain || r->renewal[i + 1] != r->renewal[i]);
}

/* How many entries of the line are told for sure, the one that was presented with them: what comes
 * after one that is not may be what another certificate took the place of. */
static size_t sure_entries(const struct request *r)
{
	size_t i = 1;

	while (i < r->chain && is_sure(r, i))
		i++;
	return i;
}

/* They were not there when this transaction looked. One that another process has added since has a
 * subject of its own: then this one begins anew, and finds it, or one holder would be two. */
int request_pass_over(struct request *r, struct batch *batch, size_t end)
{
	end = MIN(end, sure_entries(r));
	for (size_t i = 1; i < end; i++) {
		uint8_t id[ID_BYTES];
		int e = id_new(id);

		if (e == 0)
			e = batch_write(batch, &add_passed_over,
					(struct datum[]){ BYTES(r->bidx[i], BLIND_BYTES),
							  BYTES(id, ID_BYTES),
							  BYTES(r->subject, ID_BYTES),
							  TEXT(r->holder.kind), INT(batch->now) });
		if (e < 0)
			return e;
	}
	return 0;
}

/* The certificate took the place of credential `i`, which is known and in force. */
static int attach(struct request *r, struct batch *batch, size_t i)
{
	uint8_t old[ID_BYTES];
	int e = take_subject(r, i);

	if (e == 0)
		e = rows_bytes(&r->credential[i], 0, C_ID, old, sizeof(old));
	if (e == 0)
		e = batch_write(batch, &supersede,
				(struct datum[]){ BYTES(r->bidx[i], BLIND_BYTES),
						  BYTES(r->subject, ID_BYTES) });
	if (e == 0)
		e = request_credential(r, batch, old);
	if (e == 0)
		e = request_pass_over(r, batch, i);
	/* a new certificate is registered anew; another card of the holder's stays registered */
	if (e == 0)
		e = tap_drop_one(batch, r->bidx[i]);
	return e < 0 ? e : request_audit(r, batch, "renew", "");
}

/* The entry that is known of the renewal that begins with entry `from`; 0: none, and what the next
 * one begins with. Two that are known are two people: FUDA_EINVAL. */
static int find_known(const struct request *r, size_t from, size_t *ret_known, size_t *ret_next)
{
	size_t i, known = 0;

	for (i = from; i < r->chain && r->renewal[i] == r->renewal[from]; i++) {
		if (!r->credential[i].count)
			continue;
		if (known)
			return FUDA_EINVAL;
		known = i;
	}
	*ret_known = known;
	*ret_next = i;
	return 0;
}

/* What is known of the certificates before the one that was presented: the newest of them counts.
 * Where there may be one more that is not told for sure nobody is taken for a new person, nor for
 * another: that of two CAs one knows the number does not say that it was that one's, nor that what
 * that one's took the place of is this holder's. */
static int judge_chain(struct request *r, struct batch *batch)
{
	size_t known = 0;
	int e = 0;

	for (size_t i = 1; i < r->chain && !known && e == 0;)
		e = find_known(r, i, &known, &i);
	if (e < 0 || (known ? known >= sure_entries(r) : r->unclear))
		return refuse_and_finish(r, batch, "renewal_ambiguous");
	if (!known)
		return read_own(r, batch);
	if (!is_active(&r->credential[known]))
		return refuse_and_finish(r, batch, "certificate_superseded");
	e = attach(r, batch, known);
	return e < 0 ? e : read_own(r, batch);
}

static int read_credentials(struct request *r, struct batch *batch, size_t from, size_t end)
{
	int e = 0;

	for (size_t i = from; i < end && e == 0; i++)
		e = batch_read(batch, &find_credential,
			       (struct datum[]){ BYTES(r->bidx[i], BLIND_BYTES) },
			       &r->credential[i]);
	return e < 0 ? e : STEP_AGAIN;
}

/* Nothing is stored with it: once the terminal may act again, so may this request. */
static int refuse_terminal(struct request *r, struct batch *batch, const char *code)
{
	char data[96];
	struct audit_entry entry = { "terminal", r->terminal, "refused", NULL, data };
	int e;

	snprintf(data, sizeof(data), "{\"act\":\"request\",\"why\":\"%s\"}", code);
	e = batch_audit(batch, &entry);
	return e < 0 ? e : request_refuse(r, code);
}

/* What was remembered of the terminal when the request came in may be out of date. The stored
 * answer comes before the nonce: the same bytes again are answered as they were. */
static int judge(struct request *r, struct batch *batch)
{
	const char *code =
		r->states.count ? terminal_refusal(&r->states, 0, 1) : "terminal_unknown";
	int e;

	if (code)
		return refuse_terminal(r, batch, code);
	r->revision = revision_of(&r->credential[0]);
	if (r->idem.count)
		return repeat(r);
	if (r->nonce.count)
		return request_refuse(r, "challenge_used");
	if (!r->credential[0].count && (r->chain > 1 || r->unclear)) {
		r->next = judge_chain;
		return read_credentials(r, batch, 1, r->chain);
	}
	if (!r->credential[0].count)
		return read_own(r, batch);
	if (!is_active(&r->credential[0]))
		return refuse_and_finish(r, batch, "certificate_superseded");
	e = take_subject(r, 0);
	return e < 0 ? e : read_own(r, batch);
}

static int read_all(struct request *r, struct batch *batch)
{
	int e = 0;

	r->next = judge;
	if (!r->deed->starts)
		e = batch_read(batch, &find_answer,
			       (struct datum[]){ BYTES(r->terminal, ID_BYTES), TEXT(r->key),
						 INT(batch->now) },
			       &r->idem);
	if (e == 0)
		e = batch_read(batch, &find_states, (struct datum[]){ BYTES(r->serial, CA_SERIAL) },
			       &r->states);
	if (e == 0)
		e = batch_read(batch, &find_nonce,
			       (struct datum[]){ INT(r->challenge.expires),
						 BYTES(r->challenge.nonce, NONCE_BYTES) },
			       &r->nonce);
	return e < 0 ? e : read_credentials(r, batch, 0, 1);
}

/* ---- the task ---- */

static int step(struct task *task, struct batch *batch)
{
	struct request *r = (struct request *)task;

	return r->next(r, batch);
}

static void reset(struct task *task)
{
	struct request *r = (struct request *)task;

	rows_free(&r->states);
	rows_free(&r->idem);
	rows_free(&r->nonce);
	for (size_t i = 0; i < r->chain; i++)
		rows_free(&r->credential[i]);
	rows_free(&r->own);
	rows_free(&r->other);
	fuda_buf_clear(&r->body);
	r->next = read_all;
	r->bound = r->secret = false;
	r->code = NULL;
	r->status = 0;
	r->issued = r->revision = 0;
	*r->mykey = 0;
}

static void done(struct task *task, int result)
{
	struct request *r = (struct request *)task;

	answer_request(r, result);
	request_free(r);
}

void request_free(struct request *r)
{
	reset(&r->task);
	fuda_buf_free(&r->body);
	fuda_buf_free(&r->certificate);
	fuda_buf_free(&r->signature);
	fuda_buf_free(&r->tap);
	tap_free(r);
	mdoc_free(r);
	wipe(r, sizeof(*r));
	free(r);
}

static void claim(struct request *r, const void *bytes)
{
	memcpy(&r->task.claims[r->task.claim_count++], bytes, sizeof(r->task.claims[0]));
}

/* FNV-1a: neighbours in one batch should differ, no more. */
static void claim_text(struct request *r, const char *text)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001B3);
	claim(r, &hash);
}

void request_task(struct request *r)
{
	r->task.step = step;
	r->task.reset = reset;
	r->task.done = done;
	r->task.deadline = (int64_t)deadline_now_us() + WAIT_US;
	r->next = read_all;
	claim(r, r->challenge.nonce);
	claim(r, r->bidx[0]);
	if (r->chain > 1)
		claim(r, r->bidx[r->chain - 1]);
	claim_text(r, r->key);
	if (*r->wished)
		claim_text(r, r->wished);
	if (*r->number)
		claim(r, r->number_bidx);
	if (r->deed->mdoc && !r->deed->by_mdoc)
		claim(r, r->phone);
}
