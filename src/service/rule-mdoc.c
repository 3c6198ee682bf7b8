/* SPDX-License-Identifier: Apache-2.0 */
#include "service/rule-mdoc.h"

#include <string.h>
#include <fuda/mdoc.h>

#include "base/util.h"
#include "mdoc/cose.h"
#include "mdoc/transcript.h"
#include "service/rule-request.h"

static const struct statement find_phone = { "SELECT subject FROM credential WHERE bidx = $1", 1 };
static const struct statement add_phone = { "INSERT INTO credential (bidx, id, subject, kind, "
					    "status, revision, created)"
					    " VALUES ($1, $2, $3, 'mdoc', 'active', $4, $4) "
					    "ON CONFLICT DO NOTHING",
					    4 };
static const struct statement drop_phone = { "DELETE FROM credential WHERE bidx = $1 AND subject = "
					     "$2 AND kind = 'mdoc'",
					     2 };

void mdoc_free(struct request *r)
{
	fuda_buf_free(&r->presented.transcript);
	fuda_buf_free(&r->presented.response);
}

/* ---- whether it is for this challenge ---- */

/* EReaderKey of a SessionTranscript: ISO 18013-5 9.1.5.1. */
static int read_reader_key(struct cursor bytes, struct key **ret)
{
	struct cbor key;
	int e = transcript_read(bytes, &key);

	return e < 0 ? e : cose_key_read(&key, ret);
}

static int judge_transcript(struct request *r, const char **ret_code)
{
	const struct fuda_buf *bytes = &r->presented.transcript;
	_cleanup_(private_free) struct private_key *own = NULL;
	_cleanup_(key_free) struct key *brought = NULL;
	int e = challenge_reader_key(&r->challenge, r->service->config.origin, &own);

	if (e < 0)
		return e;
	e = read_reader_key(cur_of(bytes->data, bytes->len), &brought);
	if (e == FUDA_EFORMAT)
		*ret_code = "mdoc_malformed";
	else if (e == FUDA_ENOTSUP || (e == 0 && !key_equal(brought, private_public(own))))
		*ret_code = "mdoc_foreign";
	else
		return e;
	return 0;
}

/* ---- whether it is good ---- */

static bool has_rule(const struct fuda_mdoc_findings *findings, enum fuda_mdoc_rule rule)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->found[i].rule == rule)
			return true;
	return false;
}

/* The rule that made the result what it is. */
static void tell_rule(struct request *r, const struct fuda_mdoc_findings *findings,
		      enum fuda_result result)
{
	for (size_t i = 0; i < findings->count; i++) {
		enum fuda_mdoc_rule rule = findings->found[i].rule;

		if (fuda_mdoc_rule_result(rule) != result)
			continue;
		http_rule(r->x, fuda_mdoc_rule_name(rule));
		return;
	}
}

static const char *refuse_result(struct request *r, const struct fuda_mdoc_findings *findings,
				 enum fuda_result result)
{
	static const char *const codes[] = {
		[FUDA_RESULT_OK] = NULL,
		[FUDA_RESULT_INVALID_CERTIFICATE] = "mdoc_invalid",
		[FUDA_RESULT_UNSUPPORTED_CERTIFICATE] = "mdoc_unsupported",
		[FUDA_RESULT_CERTIFICATE_EXPIRED] = "mdoc_expired",
		[FUDA_RESULT_CERTIFICATE_REVOKED] = "mdoc_revoked",
		[FUDA_RESULT_SIGNATURE_MISMATCH] = "mdoc_mismatch",
		[FUDA_RESULT_REVOCATION_UNKNOWN] = "mdoc_revocation_stale",
	};

	tell_rule(r, findings, result);
	return codes[result];
}

static bool is_doctype(const struct fuda_mdoc_document *d, const char *doctype)
{
	return d->doctype.len == strlen(doctype) &&
	       memcmp(d->doctype.bytes, doctype, d->doctype.len) == 0;
}

/* What is asked for, since something must be: whether the holder is over some age. A terminal that
 * asked for more has the holder's data sent where nobody needs it. */
static bool shows_more(const struct fuda_mdoc_document *d)
{
	static const char age[] = "age_over_";
	const size_t len = sizeof(age) - 1;

	for (size_t i = 0; i < d->element_count; i++)
		if (d->elements[i].by_device || d->elements[i].name.len <= len ||
		    memcmp(d->elements[i].name.bytes, age, len) != 0)
			return true;
	return d->element_count > 1;
}

static const char *refuse_document(struct request *r, const struct fuda_mdoc_document *d)
{
	const struct config *config = &r->service->config;

	if (!is_doctype(d, config->mdoc_doctype))
		return "mdoc_doctype";
	/* the terminal has what such a MAC is made with: the ephemeral key */
	if (strcmp(d->proof, "mac") == 0)
		return "mdoc_mac_refused";
	/* no list of ours will tell, whenever it is asked again */
	if (d->result == FUDA_RESULT_REVOCATION_UNKNOWN &&
	    has_rule(&d->findings, FUDA_MDOC_STATUS_NOT_CHECKED)) {
		http_rule(r->x, fuda_mdoc_rule_name(FUDA_MDOC_STATUS_NOT_CHECKED));
		return "mdoc_status_unchecked";
	}
	if (d->result != FUDA_RESULT_OK)
		return refuse_result(r, &d->findings, d->result);
	if (config->crl_required && d->revocation != FUDA_REVOCATION_GOOD)
		return refuse_result(r, &d->findings, FUDA_RESULT_REVOCATION_UNKNOWN);
	return shows_more(d) ? "mdoc_unasked" : NULL;
}

/* NULL: what is usual. */
static const char *const *purposes_of(const struct config *config,
				      const char *room[CONFIG_LIST + 1])
{
	for (size_t i = 0; i < config->mdoc_purpose_count; i++)
		room[i] = config->mdoc_purpose[i];
	room[config->mdoc_purpose_count] = NULL;
	return config->mdoc_purpose_count ? room : NULL;
}

static int judge_response(struct request *r, const char **ret_code)
{
	const char *room[CONFIG_LIST + 1];
	_cleanup_(fuda_mdoc_result_free) struct fuda_mdoc_result *result = NULL;
	const struct mdoc_brought *b = &r->presented;
	const struct fuda_mdoc_policy policy = {
		.at = now_us() / SECONDS_US,
		.early = MDOC_CLOCK,
		.crl = r->service->config.crl_required ? FUDA_MDOC_CRL_HARD : FUDA_MDOC_CRL_SOFT,
		.crl_age = (unsigned)r->service->config.crl_grace,
		.purposes = purposes_of(&r->service->config, room),
	};
	const struct fuda_mdoc_session session = { .transcript = { b->transcript.data,
								   b->transcript.len } };
	int e = issuers_verify(r->service->issuers, &policy, &session, &b->response, &result);

	if (e < 0)
		return e;
	if (result->document_count > 1)
		*ret_code = "mdoc_unasked";
	else if (!result->document_count)
		*ret_code = refuse_result(r, &result->findings, result->result);
	else
		*ret_code = refuse_document(r, result->documents);
	if (*ret_code)
		return 0;
	return keys_blind(r->service->keys, "mdoc", result->documents->device_key,
			  sizeof(result->documents->device_key), r->phone);
}

const char *mdoc_judge(struct request *r)
{
	const char *code = NULL;
	int e = judge_transcript(r, &code);

	if (e == 0 && !code)
		e = judge_response(r, &code);
	return e < 0 ? "internal_error" : code;
}

/* ---- binding ---- */

static int read_phone(struct request *r, struct batch *batch)
{
	return batch_read(batch, &find_phone, (struct datum[]){ BYTES(r->phone, BLIND_BYTES) },
			  &r->other);
}

/* Revisions begin with the time: one that was taken off and bound again never comes to a revision
 * that it had, so that an answer about its former holder is never given again. */
static int attach_phone(struct request *r, struct batch *batch)
{
	uint8_t id[ID_BYTES];
	int e = id_new(id);

	return e < 0 ? e :
		       batch_write(batch, &add_phone,
				   (struct datum[]){
					   BYTES(r->phone, BLIND_BYTES), BYTES(id, ID_BYTES),
					   BYTES(r->subject, ID_BYTES), INT(batch->now) });
}

/* Twice is fine: whose phone it is stays. */
static int bind(struct request *r, struct batch *batch)
{
	bool known = r->other.count;
	uint8_t owner[ID_BYTES];
	int e = known ? rows_bytes(&r->other, 0, 0, owner, sizeof(owner)) : 0;

	if (e < 0)
		return e;
	if (known && (!r->bound || memcmp(owner, r->subject, ID_BYTES) != 0))
		return request_refuse(r, "mdoc_taken");
	e = request_bind(r, batch, "bind-mdoc", !known);
	return e < 0 || known ? e : attach_phone(r, batch);
}

const struct deed deed_bind_mdoc = {
	.purpose = "bind-mdoc", .mdoc = true, .makes = true, .read = read_phone, .act = bind
};

/* The same as by the card, and what else is done by the phone alone would be a line here, too. */
const struct deed deed_show_mdoc = {
	.purpose = "show-mdoc", .mdoc = true, .by_mdoc = true, .act = request_show
};

/* ---- unbinding ---- */

/* By the phone alone, whoever's it is: bound with the wrong card, it could never be bound with the
 * right one. The holder's other credentials know of it, and no answer that told of the phone is
 * given again. */
static int unbind(struct request *r, struct batch *batch)
{
	struct json_out out;
	int e = request_change(r, batch);

	if (e == 0)
		e = batch_write(batch, &drop_phone,
				(struct datum[]){ BYTES(r->phone, BLIND_BYTES),
						  BYTES(r->subject, ID_BYTES) });
	if (e == 0)
		e = request_audit(r, batch, "unbind-mdoc", "");
	if (e < 0)
		return e;
	r->revision = 0;
	request_answer(r, 200, &out);
	json_bool(&out, "bound", false);
	return json_end(&out);
}

const struct deed deed_unbind_mdoc = {
	.purpose = "unbind-mdoc", .mdoc = true, .by_mdoc = true, .act = unbind
};
