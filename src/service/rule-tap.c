/* SPDX-License-Identifier: Apache-2.0 */
#include "service/rule-tap.h"

#include <string.h>

#include "base/util.h"
#include "pki/key.h"
#include "service/rule-request.h"

static const char purpose[] = "tap-card";

static const struct statement find_tap = { "SELECT sealed, starts, since FROM tap WHERE bidx = $1",
					   1 };
enum { T_SEALED, T_STARTS, T_SINCE };
static const struct statement set_tap = { "INSERT INTO tap (bidx, subject, sealed, starts, since, "
					  "created) VALUES ($1, $2, $3, 0, 0, $4)"
					  " ON CONFLICT (bidx) DO UPDATE SET subject = "
					  "excluded.subject, sealed = excluded.sealed, starts = 0,"
					  " since = 0, created = excluded.created",
					  4 };
static const struct statement find_taps = { "SELECT 1 FROM tap WHERE subject = $1", 1 };
static const struct statement drop_taps = { "DELETE FROM tap WHERE subject = $1", 1 };
static const struct statement drop_tap = { "DELETE FROM tap WHERE bidx = $1", 1 };
/* in the place of what was read, and of nothing else */
static const struct statement count_start = { "UPDATE tap SET starts = $1, since = $2"
					      " WHERE bidx = $3 AND starts = $4 AND since = $5",
					      5 };
static const struct statement clear_starts = { "UPDATE tap SET starts = 0 WHERE bidx = $1", 1 };

/* ---- what a registration brings ---- */

void tap_free(struct request *r)
{
	fuda_buf_free(&r->brought.record);
	fuda_buf_free(&r->brought.cv);
	fuda_buf_free(&r->brought.proof);
}

static bool is_birth(const char *text)
{
	return strlen(text) == BIRTH_DIGITS && strspn(text, "0123456789") == BIRTH_DIGITS;
}

/* Whether the record is signed as a card's is, and whether the key in it is that of a card which
 * was there: it signed the digest that the holder's key signed, too. That the authority is not
 * known counts only where the operator has named some. */
static int judge_records(struct request *r, struct fuda_context *ctx,
			 const struct fuda_face_records *records, const char **ret_code)
{
	_cleanup_(fuda_cv_trust_free) struct fuda_cv_trust *trust = NULL;
	const struct config *config = &r->service->config;
	struct fuda_verdict verdict;
	int e = fuda_cv_trust_new(ctx, &trust);

	for (size_t i = 0; i < config->cv_trust_count && e == 0; i++)
		e = fuda_cv_trust_add_file(trust, config->cv_trust[i]);
	if (e < 0)
		return e;
	e = fuda_face_verify(trust, records, &verdict);
	*ret_code = "tap_record_invalid";
	if (e < 0)
		return e == FUDA_EFORMAT || e == FUDA_EINVAL ? 0 : e;
	if (verdict.result == FUDA_RESULT_OK ||
	    (!config->cv_trust_count && strcmp(verdict.rule, "authority_unknown") == 0))
		*ret_code = NULL;
	else
		http_rule(r->x, verdict.rule);
	return 0;
}

static int take_records(struct request *r, struct fuda_context *ctx, const char **ret_code)
{
	struct fuda_digest digest;
	/* the parts are the request's */
	struct fuda_face_records records = { .age = r->brought.record,
					     .certificate = r->brought.cv,
					     .response = { .signature = r->brought.proof } };
	struct cursor key;
	uint8_t tries = (uint8_t)r->brought.tries;
	int e = challenge_digest(&r->challenge, r->service->config.origin, &digest);

	if (e < 0)
		return e;
	_Static_assert(sizeof(records.response.challenge) == 32, "a digest is a challenge");
	memcpy(records.response.challenge, digest.bytes, sizeof(records.response.challenge));
	e = judge_records(r, ctx, &records, ret_code);
	if (e < 0 || *ret_code)
		return e;
	e = face_age_key(ctx, &records, &key);
	if (e == 0)
		e = fuda_buf_set(&r->tap, r->brought.birth, BIRTH_DIGITS);
	if (e == 0)
		e = fuda_buf_append(&r->tap, &tries, 1);
	return e < 0 ? e : fuda_buf_append(&r->tap, key.p, key.left);
}

const char *tap_judge(struct request *r)
{
	_cleanup_(fuda_context_free) struct fuda_context *ctx = NULL;
	const char *code = NULL;
	int e;

	if (!is_birth(r->brought.birth) || r->brought.tries < TRIES_LEAST ||
	    r->brought.tries > TRIES_MOST)
		return "tap_malformed";
	e = fuda_context_new(&ctx);
	if (e == 0)
		e = take_records(r, ctx, &code);
	return e < 0 ? "internal_error" : code;
}

/* ---- what is kept ---- */

static int read_tap(struct request *r, struct batch *batch)
{
	return batch_read(batch, &find_tap, (struct datum[]){ BYTES(r->bidx[0], BLIND_BYTES) },
			  &r->other);
}

int tap_drop(struct request *r, struct batch *batch)
{
	return batch_sweep(batch, &drop_taps, (struct datum[]){ BYTES(r->subject, ID_BYTES) });
}

int tap_drop_one(struct batch *batch, const uint8_t bidx[BLIND_BYTES])
{
	return batch_sweep(batch, &drop_tap, (struct datum[]){ BYTES(bidx, BLIND_BYTES) });
}

/* What was registered: exactly TAP_BYTES. */
static int unseal(struct request *r, struct fuda_buf *ret)
{
	struct datum sealed = rows_get(&r->other, 0, T_SEALED);
	int e = keys_unseal(r->service->keys, purpose, r->bidx[0], BLIND_BYTES, sealed.bytes,
			    sealed.len, ret);

	return e == 0 && ret->len != TAP_BYTES ? FUDA_ESTORE : e;
}

/* ---- registering ---- */

static int tell(struct request *r, bool registered)
{
	struct json_out out;

	request_answer(r, 200, &out);
	json_bool(&out, "registered", registered);
	return json_end(&out);
}

static int enter(struct request *r, struct batch *batch)
{
	_cleanup_buf_ struct fuda_buf sealed = FUDA_BUF_INIT(TAP_BYTES + SEAL_OVERHEAD);
	int e;

	if (!*r->mykey)
		return request_refuse(r, "not_bound");
	e = keys_seal(r->service->keys, purpose, r->bidx[0], BLIND_BYTES, r->tap.data, r->tap.len,
		      &sealed);
	if (e == 0)
		e = request_change(r, batch);
	if (e == 0)
		e = batch_write(batch, &set_tap,
				(struct datum[]){ BYTES(r->bidx[0], BLIND_BYTES),
						  BYTES(r->subject, ID_BYTES),
						  BYTES(sealed.data, sealed.len),
						  INT(batch->now) });
	if (e == 0)
		e = request_audit(r, batch, "tap-register", "");
	return e < 0 ? e : tell(r, true);
}

const struct deed deed_tap_register = {
	.purpose = "tap-register", .tap = true, .enters = true, .act = enter
};

/* Whichever certificate of the holder's it was that was registered. */
static int read_any(struct request *r, struct batch *batch)
{
	return batch_read(batch, &find_taps, (struct datum[]){ BYTES(r->subject, ID_BYTES) },
			  &r->other);
}

static int leave(struct request *r, struct batch *batch)
{
	int e;

	if (!r->other.count)
		return request_refuse(r, "tap_not_registered");
	e = request_change(r, batch);
	if (e == 0)
		e = tap_drop(r, batch);
	if (e == 0)
		e = request_audit(r, batch, "tap-unregister", "");
	return e < 0 ? e : tell(r, false);
}

/* At any terminal: who was let in may go. */
const struct deed deed_tap_unregister = {
	.purpose = "tap-unregister", .read = read_any, .act = leave
};

/* ---- the first step ---- */

/* One start more, unless there were enough of them that led to nothing; a window that begins in the
 * future is a wrong clock's. */
static int take_start(struct request *r, struct batch *batch, bool *ret_refused)
{
	int64_t starts = rows_int(&r->other, 0, T_STARTS), since = rows_int(&r->other, 0, T_SINCE);
	bool over = starts == 0 || batch->now - since >= TAP_WINDOW * SECONDS_US ||
		    since > batch->now + CLOCK_TOLERANCE_US;

	*ret_refused = !over && starts >= TAP_STARTS;
	if (*ret_refused)
		return request_refuse(r, "tap_limit");
	return batch_write(batch, &count_start,
			   (struct datum[]){ INT(over ? 1 : starts + 1),
					     INT(over ? batch->now : since),
					     BYTES(r->bidx[0], BLIND_BYTES), INT(starts),
					     INT(since) });
}

/* What the card needs to be asked; the birth date's key among it, which the audit trail tells of in
 * the same transaction: no audit, no release. */
static int release(struct request *r, const struct fuda_buf *tap)
{
	char birth[BIRTH_TEXT] = "", terminal[ID_TEXT];
	struct json_out out;

	memcpy(birth, tap->data, BIRTH_DIGITS);
	id_text(r->terminal, terminal);
	request_answer(r, 200, &out);
	json_string(&out, "challenge", r->token);
	json_string(&out, "purpose", r->challenge.purpose);
	json_string(&out, "origin", r->service->config.origin);
	json_string(&out, "terminal", terminal);
	json_base64(&out, "nonce", r->challenge.nonce, sizeof(r->challenge.nonce));
	json_number(&out, "expires", r->challenge.expires);
	json_string(&out, "birth", birth);
	json_number(&out, "tries", tap->data[BIRTH_DIGITS]);
	wipe(birth, sizeof(birth));
	return json_end(&out);
}

static int read_both(struct request *r, struct batch *batch)
{
	int e = read_tap(r, batch);

	return e < 0 ? e : request_read_link(r, batch);
}

/* The second step would be refused in a sector in which the holder is not known: then the key is
 * not let go either. */
static int start(struct request *r, struct batch *batch)
{
	_cleanup_buf_ struct fuda_buf tap = FUDA_BUF_INIT(TAP_BYTES);
	bool refused;
	int e;

	if (!r->other.count || !*r->mykey)
		return request_refuse(r, "tap_not_registered");
	if (!r->own.count)
		return request_refuse(r, "not_linked_here");
	e = take_start(r, batch, &refused);
	if (e < 0 || refused)
		return e;
	e = unseal(r, &tap);
	if (e == 0)
		e = request_audit(r, batch, "tap-start", "");
	return e < 0 ? e : release(r, &tap);
}

const struct deed deed_tap_start = {
	.purpose = "tap-start", .tap = true, .by_card = true, .starts = true, .sector = true,
	.read = read_both, .act = start
};

/* ---- the second ---- */

/* Whether the card signed: as INTERNAL AUTHENTICATE signs, the hash of what it is given, which is
 * the digest of the transcript. FUDA_EVERIFY: not this card, or not this. */
static int judge_card(struct request *r)
{
	_cleanup_buf_ struct fuda_buf tap = FUDA_BUF_INIT(TAP_BYTES);
	_cleanup_(key_free) struct key *key = NULL;
	struct fuda_digest transcript, digest;
	int e = unseal(r, &tap);

	if (e == 0)
		e = key_new_card(cur_of(tap.data + TAP_BYTES - FACE_KEY_BYTES, FACE_KEY_BYTES),
				 &key);
	if (e == 0)
		e = challenge_digest(&r->challenge, r->service->config.origin, &transcript);
	if (e == 0)
		e = fuda_digest_bytes(FUDA_SHA256, transcript.bytes, transcript.len, &digest);
	return e < 0 ? e :
		       key_verify(key, FUDA_PKCS1, &digest, r->signature.data, r->signature.len);
}

static int tap(struct request *r, struct batch *batch)
{
	int e;

	if (!r->other.count || !*r->mykey)
		return request_refuse(r, "tap_not_registered");
	e = judge_card(r);
	if (e == FUDA_EVERIFY) {
		e = request_audit(r, batch, "tap-failed", "");
		return e < 0 ? e : request_refuse(r, "signature_mismatch");
	}
	if (e < 0)
		return e;
	e = batch_write(batch, &clear_starts, (struct datum[]){ BYTES(r->bidx[0], BLIND_BYTES) });
	if (e < 0)
		return e;
	/* a tap is no consent to a sector: platform.md D4 */
	if (!r->own.count)
		return request_refuse(r, "not_linked_here");
	return request_tell_link(r, batch, "tap", "hwk");
}

const struct deed deed_tap = {
	.purpose = "tap", .tap = true, .by_card = true, .sector = true, .read = read_both,
	.act = tap
};
