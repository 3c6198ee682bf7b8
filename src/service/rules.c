/* SPDX-License-Identifier: Apache-2.0 */
/* What may be asked, and what a request must be before the writer sees it. */
#include "service/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "base/util.h"
#include "codec/utf8.h"
#include "service/renewal.h"
#include "service/rule-request.h"

enum { CERTIFICATE_MAX = 8192, FIELDS = 8 };

/* The blind index of local numbers stays the same when a sector's key is rotated: it must find what
 * was linked under the older ones. */
enum { NUMBER_KEY_VERSION = 1 };

/* Whose card it is, the card says: no path has an id in it. */
const struct rule rules[] = {
	{ "bind", "/v1/mykeys" },
	{ "show", "/v1/mykeys:show" },
	{ "change", "/v1/mykeys:change" },
	{ "expire", "/v1/mykeys:expire" },
	{ "resolve", "/v1/resolve" },
	{ "link", "/v1/links" },
	{ "unlink", "/v1/links:unlink" },
	{ "tap-register", "/v1/tap:register" },
	{ "tap-unregister", "/v1/tap:unregister" },
	{ "tap-start", "/v1/tap:start", .first = true },
	{ "tap", "/v1/tap" },
	{ "bind-mdoc", "/v1/mykeys:bind-mdoc" },
	{ "show-mdoc", "/v1/mykeys:show-mdoc" },
	{ "unbind-mdoc", "/v1/mykeys:unbind-mdoc" },
	{ 0 },
};

static const struct deed *const deeds[] = {
	&deed_bind,      &deed_show,           &deed_change,    &deed_expire,
	&deed_resolve,   &deed_link,           &deed_unlink,    &deed_tap_register,
	&deed_tap,       &deed_tap_unregister, &deed_tap_start, &deed_bind_mdoc,
	&deed_show_mdoc, &deed_unbind_mdoc,
};

static const struct deed *deed_of(const char *purpose)
{
	for (size_t i = 0; i < ARRAY_SIZE(deeds); i++)
		if (strcmp(deeds[i]->purpose, purpose) == 0)
			return deeds[i];
	return NULL;
}

/* What is asked of a request, in this order. Each gives the code of its refusal, or NULL. */
typedef const char *intake(struct request *r, const struct http_request *q,
			   const struct terminal *terminal);

/* ---- the form ---- */

static const char *take_type(_unused_ struct request *r, const struct http_request *q,
			     _unused_ const struct terminal *terminal)
{
	return strcmp(q->content_type, "application/json") == 0 ? NULL : "unsupported_media_type";
}

static bool is_key_char(char ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
	       ch == '-' || ch == '_';
}

static const char *take_key(struct request *r, const struct http_request *q,
			    _unused_ const struct terminal *terminal)
{
	size_t len = strlen(q->idempotency_key);

	if (!len)
		return "idempotency_key_missing";
	if (len >= sizeof(r->key))
		return "idempotency_key_malformed";
	for (size_t i = 0; i < len; i++)
		if (!is_key_char(q->idempotency_key[i]))
			return "idempotency_key_malformed";
	memcpy(r->key, q->idempotency_key, len + 1);
	return NULL;
}

/* A member that is required unless somebody wants to know whether it is there. */
static struct json_field text_field(const char *name, char *to, size_t size, bool *present)
{
	return (struct json_field){ name, JSON_STRING, !present, to, size, present };
}

static struct json_field bytes_field(const char *name, struct fuda_buf *to)
{
	return (struct json_field){ name, JSON_BASE64, true, to, 0, NULL };
}

/* The members that the purpose takes. */
static size_t fields_of(struct request *r, struct json_field fields[FIELDS])
{
	size_t n = 0;

	if (!r->deed->starts)
		fields[n++] = text_field("challenge", r->token, sizeof(r->token), NULL);
	if (!r->deed->by_mdoc)
		fields[n++] = bytes_field("certificate", &r->certificate);
	if (!r->deed->starts && !r->deed->by_mdoc)
		fields[n++] = bytes_field("signature", &r->signature);
	if (r->deed->enters) {
		fields[n++] = text_field("birth", r->brought.birth, BIRTH_TEXT, NULL);
		fields[n++] = (struct json_field){ "tries",           JSON_NUMBER, true,
						   &r->brought.tries, 0,           NULL };
		fields[n++] = bytes_field("record", &r->brought.record);
		fields[n++] = bytes_field("cv", &r->brought.cv);
		fields[n++] = bytes_field("proof", &r->brought.proof);
	}
	if (r->deed->mdoc) {
		fields[n++] = bytes_field("transcript", &r->presented.transcript);
		fields[n++] = bytes_field("response", &r->presented.response);
	}
	if (r->deed->sector)
		fields[n++] = text_field("sector", r->sector_name, SECTOR_NAME, &r->has_sector);
	if (r->deed->wish)
		fields[n++] = text_field("wished", r->wish_text, WISH_TEXT, &r->wishes);
	if (r->deed->number)
		fields[n++] = text_field("local_number", r->number, LOCAL_TEXT, NULL);
	return n;
}

/* The detail has words of ours only. */
static const char *take_body(struct request *r, const struct http_request *q,
			     _unused_ const struct terminal *terminal)
{
	struct json_field fields[FIELDS];
	size_t count = fields_of(r, fields);
	const char *member = "", *why = "";
	int e = json_read(q->body, q->body_len, fields, count, &member, &why);

	if (e != FUDA_EFORMAT)
		return e < 0 ? "internal_error" : NULL;
	snprintf(r->text, sizeof(r->text), "%s%s%s", member, *member ? ": " : "", why);
	r->detail = r->text;
	return "request_malformed";
}

/* What is not served at all, or not at this terminal. */
static const char *find_served(const struct service *service, const struct terminal *terminal,
			       const struct deed *deed)
{
	const char *code = deed->mdoc ? issuers_refusal(service->issuers, time(NULL)) : NULL;

	if (deed->mdoc && !service->config.mdoc_trust_count)
		return "mdoc_not_served";
	if (code)
		return code;
	return deed->tap && !terminal->tap ? "tap_not_allowed" : NULL;
}

static const char *take_terminal(struct request *r, _unused_ const struct http_request *q,
				 const struct terminal *terminal)
{
	return find_served(r->service, terminal, r->deed);
}

/* The sector that the terminal names, or its only one for NULL. The code of a refusal, or NULL. */
static const char *find_sector(const struct terminal *terminal, const char *name,
			       struct terminal_sector *ret)
{
	const struct terminal_sector *sector =
		name && !*name ? NULL : terminal_sector(terminal, name ? name : "");

	if (!sector)
		return name || !terminal->sector_count ? "sector_not_allowed" : "sector_missing";
	*ret = *sector;
	return NULL;
}

static const char *take_sector(struct request *r, _unused_ const struct http_request *q,
			       const struct terminal *terminal)
{
	return r->deed->sector ?
		       find_sector(terminal, r->has_sector ? r->sector_name : NULL, &r->sector) :
		       NULL;
}

static const char *take_wish(struct request *r, _unused_ const struct http_request *q,
			     _unused_ const struct terminal *terminal)
{
	return r->wishes && mykey_wished(r->wish_text, r->wished) < 0 ? "wish_malformed" : NULL;
}

static const char *take_number(struct request *r, _unused_ const struct http_request *q,
			       _unused_ const struct terminal *terminal)
{
	struct cursor c = cur_of((const uint8_t *)r->number, strlen(r->number));
	size_t chars = 0;
	uint32_t ch;

	if (!r->deed->number)
		return NULL;
	for (; c.left; chars++)
		if (utf8_next(&c, &ch) < 0 || utf8_is_control(ch))
			return "local_number_malformed";
	return chars >= 1 && chars <= LOCAL_CHARS ? NULL : "local_number_malformed";
}

/* ---- the card ---- */

/* The one that a step after this will bring. */
static const char *give_challenge(struct request *r)
{
	return challenge_make(r->service->keys, deed_tap.purpose, r->service->config.origin,
			      r->terminal, now_us() / SECONDS_US, r->token, &r->challenge) < 0 ?
		       "internal_error" :
		       NULL;
}

static const char *take_challenge(struct request *r, _unused_ const struct http_request *q,
				  _unused_ const struct terminal *terminal)
{
	if (r->deed->starts)
		return give_challenge(r);
	switch (challenge_read(r->service->keys, r->token, r->rule->purpose,
			       r->service->config.origin, r->terminal, now_us() / SECONDS_US,
			       &r->challenge)) {
	case 0:
		return NULL;
	case FUDA_EFORMAT:
		return "challenge_malformed";
	case FUDA_EVERIFY:
		return "challenge_foreign";
	case FUDA_ETIMEOUT:
		return "challenge_expired";
	default:
		return "internal_error";
	}
}

static int judge_holder(struct request *r, struct verdict *ret)
{
	_cleanup_(fuda_context_free) struct fuda_context *ctx = NULL;
	struct fuda_digest digest;
	int e = fuda_context_new(&ctx);

	if (e == 0)
		e = challenge_digest(&r->challenge, r->service->config.origin, &digest);
	if (e < 0)
		return e;
	return verify_holder(ctx, r->service->trust, r->service->revocation, r->certificate.data,
			     r->certificate.len, &digest,
			     r->deed->by_card ? NULL : r->signature.data, r->signature.len,
			     now_us() / SECONDS_US, &r->holder, ret);
}

static const char *take_holder(struct request *r, _unused_ const struct http_request *q,
			       _unused_ const struct terminal *terminal)
{
	struct responder *responder = revocation_responder(r->service->revocation);
	struct verdict verdict;
	int e;

	if (r->deed->by_mdoc)
		return NULL;
	if (!r->signature.len && !r->deed->starts)
		return "signature_mismatch";
	if (responder && !responder_enter(responder, r->task.owner))
		return "queue_full";
	e = judge_holder(r, &verdict);
	if (responder)
		responder_leave(responder, r->task.owner);
	if (e < 0)
		return "internal_error";
	metrics_result(r->service->metrics, verdict.result);
	if (strcmp(verdict.result, "ok") == 0)
		return NULL;
	if (*verdict.rule)
		http_rule(r->x, verdict.rule);
	/* the operator said that lists may be missing; one that is there counts */
	if (strcmp(verdict.result, "revocation_info_stale") == 0 &&
	    !r->service->config.crl_required && !r->service->config.ocsp_required)
		return NULL;
	return verdict.result;
}

static const char *take_tap(struct request *r, _unused_ const struct http_request *q,
			    _unused_ const struct terminal *terminal)
{
	return r->deed->enters ? tap_judge(r) : NULL;
}

static const char *take_mdoc(struct request *r, _unused_ const struct http_request *q,
			     _unused_ const struct terminal *terminal)
{
	return r->deed->mdoc ? mdoc_judge(r) : NULL;
}

/* ---- what the writer needs to know ---- */

/* The index of one certificate: nobody can tell the serial number from it without the key. */
static int blind(struct request *r, const uint8_t issuer[ISSUER_BYTES], const struct serial *serial,
		 uint8_t ret[BLIND_BYTES])
{
	uint8_t bytes[ISSUER_BYTES + SERIAL_MAX];
	int e;

	memcpy(bytes, issuer, ISSUER_BYTES);
	memcpy(bytes + ISSUER_BYTES, serial->bytes, serial->len);
	e = keys_blind(r->service->keys, "credential", bytes, ISSUER_BYTES + serial->len, ret);
	wipe(bytes, sizeof(bytes));
	return e;
}

/* Another entry of renewal number `n`; one that the chain has already leads in a circle, and is
 * left out. */
static int add_entry(struct request *r, const uint8_t issuer[ISSUER_BYTES],
		     const struct serial *serial, uint8_t n)
{
	uint8_t *bidx = r->bidx[r->chain];
	int e;

	if (r->chain == CHAIN)
		return FUDA_ETOOBIG;
	e = blind(r, issuer, serial, bidx);
	if (e < 0)
		return e;
	for (size_t i = 0; i < r->chain; i++)
		if (memcmp(r->bidx[i], bidx, BLIND_BYTES) == 0)
			return 0;
	r->renewal[r->chain++] = n;
	return 0;
}

/* The certificate that `old` names: of each CA that may have issued it. Where that is one, `old`
 * says so from here on. */
static int add_renewed(struct request *r, struct numbered *old, uint8_t n)
{
	struct card_issuer issuer, one = { 0 };
	size_t count = 0;
	int e = 0;

	for (size_t i = 0; e == 0; i++) {
		e = verify_issuer(r->service->trust, i, &issuer);
		if (e < 0 ||
		    (old->issuer_len && (old->issuer_len != issuer.key_len ||
					 memcmp(old->issuer, issuer.key, issuer.key_len) != 0)))
			continue;
		one = issuer;
		count++;
		e = add_entry(r, issuer.issuer, &old->serial, n);
	}
	if (e != FUDA_ENOTFOUND)
		return e;
	/* of a CA that is not trusted nothing can be found */
	if (count == 0)
		return FUDA_EINVAL;
	if (count == 1) {
		memcpy(old->issuer, one.key, one.key_len);
		old->issuer_len = (uint8_t)one.key_len;
	}
	return 0;
}

/* What was renewed before, as far as it is known. */
static int follow_renewals(struct request *r, struct numbered *at)
{
	int e = 0;

	for (uint8_t n = 1; n <= RENEWALS && e == 0; n++) {
		size_t before = r->chain;

		e = renewal_find(r->service->renewal, at, at);
		if (e == 0)
			e = add_renewed(r, at, n);
		if (r->chain == before)
			break;
	}
	r->unclear = e == FUDA_EINVAL || e == FUDA_ETOOBIG;
	return e == FUDA_ENOTFOUND || r->unclear ? 0 : e;
}

/* Whoever has not shown that he holds the card takes nobody's place with it. A phone's new key took
 * nobody's: the card binds it. */
static const char *take_chain(struct request *r, _unused_ const struct http_request *q,
			      _unused_ const struct terminal *terminal)
{
	struct numbered at = { .issuer_len = (uint8_t)r->holder.issuer_key_len };
	int e;

	if (r->deed->by_mdoc) {
		memcpy(r->bidx[r->chain++], r->phone, BLIND_BYTES);
		return NULL;
	}
	if (serial_of(r->holder.serial, r->holder.serial_len, &at.serial) < 0)
		return "invalid_certificate";
	memcpy(at.issuer, r->holder.issuer_key, r->holder.issuer_key_len);
	e = add_entry(r, r->holder.issuer, &at.serial, 0);
	if (e == 0 && !r->deed->by_card)
		e = follow_renewals(r, &at);
	wipe(&at, sizeof(at));
	wipe(r->holder.serial, sizeof(r->holder.serial));
	return e < 0 ? "internal_error" : NULL;
}

/* Each field behind its length, so that no two requests give the same bytes. */
static uint8_t *append(uint8_t *at, const void *bytes, size_t len)
{
	*at++ = (uint8_t)(len >> 8);
	*at++ = (uint8_t)len;
	memcpy(at, bytes, len);
	return at + len;
}

/* What was asked, without what a repetition may have new. Under a key: from a plain hash one could
 * find out the local number by trying. */
static const char *take_hash(struct request *r, _unused_ const struct http_request *q,
			     _unused_ const struct terminal *terminal)
{
	uint8_t bytes[7 * 2 + PURPOSE_MAX + ID_BYTES + MYKEY_TEXT + LOCAL_TEXT + 2 * BLIND_BYTES +
		      TAP_BYTES];
	uint8_t *at = bytes;
	int e;

	at = append(at, r->rule->purpose, strlen(r->rule->purpose));
	at = append(at, r->sector.id, ID_BYTES);
	at = append(at, r->wished, strlen(r->wished));
	at = append(at, r->number, strlen(r->number));
	at = append(at, r->bidx[0], BLIND_BYTES);
	if (r->deed->enters)
		at = append(at, r->tap.data, r->tap.len);
	if (r->deed->mdoc)
		at = append(at, r->phone, BLIND_BYTES);
	e = keys_blind(r->service->keys, "request", bytes, (size_t)(at - bytes), r->hash);
	if (e == 0 && *r->number)
		e = keys_sector_blind(r->service->keys, r->sector.id, NUMBER_KEY_VERSION,
				      "local-number", r->number, strlen(r->number), r->number_bidx);
	wipe(bytes, sizeof(bytes));
	return e < 0 ? "internal_error" : NULL;
}

/* ---- from outside ---- */

static intake *const intakes[] = {
	take_type,      take_key,    take_body, take_terminal, take_sector, take_wish, take_number,
	take_challenge, take_holder, take_tap,  take_mdoc,     take_chain,  take_hash,
};

static struct request *request_new(struct service *service, const struct rule *rule,
				   const struct terminal *terminal, struct exchange *x)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->service = service;
	r->rule = rule;
	r->x = x;
	r->certificate = FUDA_BUF_INIT(CERTIFICATE_MAX);
	r->signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	r->body = FUDA_BUF_INIT(ANSWER_MAX);
	r->brought = TAP_BROUGHT_INIT;
	r->presented = MDOC_BROUGHT_INIT;
	r->tap = FUDA_BUF_INIT(TAP_BYTES);
	memcpy(r->terminal, terminal->id, ID_BYTES);
	/* UUIDv7: its end is random */
	memcpy(&r->task.owner, r->terminal + ID_BYTES - sizeof(r->task.owner),
	       sizeof(r->task.owner));
	memcpy(r->serial, terminal->serial, CA_SERIAL);
	r->deed = deed_of(rule->purpose);
	return r;
}

void rule_handle(struct service *service, const struct rule *rule, const struct terminal *terminal,
		 struct exchange *x)
{
	struct request *r = request_new(service, rule, terminal, x);
	const char *code = NULL;

	if (!r) {
		answer_problem(x, "internal_error", NULL, 0);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(intakes) && !code; i++)
		code = intakes[i](r, http_request(x), terminal);
	if (code) {
		answer_problem(x, code, r->detail, 0);
		request_free(r);
		return;
	}
	request_task(r);
	if (writer_submit(service->writer, &r->task) < 0) {
		answer_request(r, FUDA_EWAIT);
		request_free(r);
	}
}

/* ---- challenges ---- */

struct wanted {
	const struct deed *deed;
	char sector[SECTOR_NAME];
	bool has_sector;
};

/* "purpose=P" or "purpose=P&sector=S", of what the card's holder signs for, or his phone presents
 * for: a tap has its challenge from its first step. Names of sectors have nothing that is escaped
 * in a query. */
static bool take_query(const char *query, struct wanted *ret)
{
	static const char first[] = "purpose=", second[] = "&sector=";
	char purpose[PURPOSE_MAX];
	const char *rest = strchrnul(query, '&');

	if (strncmp(query, first, strlen(first)) != 0)
		return false;
	query += strlen(first);
	if ((size_t)(rest - query) >= sizeof(purpose))
		return false;
	snprintf(purpose, sizeof(purpose), "%.*s", (int)(rest - query), query);
	*ret = (struct wanted){ .deed = deed_of(purpose), .has_sector = *rest };
	if (!ret->deed || ret->deed->by_card)
		return false;
	if (!*rest)
		return true;
	return ret->deed->sector && strncmp(rest, second, strlen(second)) == 0 &&
	       (size_t)snprintf(ret->sector, sizeof(ret->sector), "%s", rest + strlen(second)) <
		       sizeof(ret->sector);
}

/* What the request would be refused for: before anybody is asked for a PIN in vain. */
static const char *judge_query(const struct service *service, const struct terminal *terminal,
			       const char *query, struct wanted *ret)
{
	struct terminal_sector sector;
	const char *code;

	if (!take_query(query, ret))
		return "purpose_unknown";
	code = find_served(service, terminal, ret->deed);
	if (code)
		return code;
	return ret->deed->sector ?
		       find_sector(terminal, ret->has_sector ? ret->sector : NULL, &sector) :
		       NULL;
}

/* All that the card signs is said, so that the client can check it before the card signs it, and
 * what a phone has to show, so that none is asked in vain. */
void rule_challenge(struct service *service, const struct terminal *terminal, struct exchange *x)
{
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(ANSWER_MAX);
	struct http_answer answer = { .status = 200, .content_type = "application/json" };
	struct wanted wanted;
	const char *code = judge_query(service, terminal, http_request(x)->query, &wanted);
	char token[CHALLENGE_TOKEN], id[ID_TEXT];
	struct challenge challenge;
	struct json_out out;

	if (code) {
		answer_problem(x, code, NULL, 0);
		return;
	}
	if (challenge_make(service->keys, wanted.deed->purpose, service->config.origin,
			   terminal->id, now_us() / SECONDS_US, token, &challenge) < 0) {
		answer_problem(x, "internal_error", NULL, 0);
		return;
	}
	id_text(terminal->id, id);
	json_begin(&out, &body);
	json_string(&out, "challenge", token);
	json_string(&out, "purpose", wanted.deed->purpose);
	json_string(&out, "origin", service->config.origin);
	json_string(&out, "terminal", id);
	json_base64(&out, "nonce", challenge.nonce, sizeof(challenge.nonce));
	json_number(&out, "expires", challenge.expires);
	if (wanted.deed->mdoc)
		json_string(&out, "doctype", service->config.mdoc_doctype);
	if (json_end(&out) < 0) {
		answer_problem(x, "internal_error", NULL, 0);
		return;
	}
	answer.body = body.data;
	answer.body_len = body.len;
	http_answer(x, &answer);
}
