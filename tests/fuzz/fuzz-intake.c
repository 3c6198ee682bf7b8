/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of requests, down to the task that the writer would get: each is answered once or becomes
 * a task, and what a task holds is what it must be. Behind the form, everything is believed: keys,
 * challenges and certificates have targets and tests of their own, so that here the members behind them
 * are reached too. */
#define FUZZ_MAX HTTP_BODY_MAX
#include <ctype.h>
#include <fuda/mdoc.h>

#include "base/cursor.h"
#include "base/util.h"
#include "codec/utf8.h"
#include "service/renewal.h"
#include "service/rule-request.h"
#include "tests/fuzz/fuzz.h"

struct exchange {
	struct http_request request;
	int answers;
	int tasks;
};

/* ---- what stands behind the form ---- */

/* In the place of the real ones: Makefile.am. */
int __wrap_challenge_read(struct keys *keys, const char *token, const char *purpose, const char *origin,
		const uint8_t terminal[ID_BYTES], int64_t now, struct challenge *ret);
int __wrap_challenge_digest(const struct challenge *challenge, const char *origin, struct fuda_digest *ret);
int __wrap_challenge_reader_key(const struct challenge *challenge, const char *origin,
		struct private_key **ret);
int __wrap_fuda_mdoc_trust_add_file(struct fuda_mdoc_trust *trust, const char *path);
int __wrap_fuda_mdoc_verify(struct fuda_context *ctx, struct fuda_mdoc_trust *trust,
		const struct fuda_mdoc_profiles *profiles, const struct fuda_mdoc_policy *policy,
		const struct fuda_mdoc_session *session, const uint8_t *response, size_t len,
		struct fuda_mdoc_result **ret);
int __wrap_verify_holder(struct fuda_context *ctx, const struct fuda_trust *trust,
		struct revocation *revocation, const uint8_t *der, size_t der_len,
		const struct fuda_digest *digest, const uint8_t *signature, size_t signature_len,
		time_t at, struct holder *ret_holder, struct verdict *ret);
int __wrap_keys_blind(struct keys *keys, const char *domain, const void *bytes, size_t len,
		uint8_t ret[BLIND_BYTES]);
int __wrap_keys_sector_blind(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		const char *purpose, const void *bytes, size_t len, uint8_t ret[BLIND_BYTES]);
int __wrap_renewal_find(struct renewal *renewal, const struct serial *presented, struct serial *ret);
int __wrap_writer_submit(struct writer *writer, struct task *task);
void __wrap_writer_load(struct writer *writer, struct writer_load *ret);

int __wrap_challenge_read(_unused_ struct keys *keys, const char *token, const char *purpose,
		   _unused_ const char *origin, _unused_ const uint8_t terminal[ID_BYTES],
		   _unused_ int64_t now, struct challenge *ret)
{
	static const int results[] = { FUDA_EFORMAT, FUDA_EVERIFY, FUDA_ETIMEOUT, FUDA_EFAILED };

	if (*token >= '0' && *token < '4')
		return results[*token - '0'];
	*ret = (struct challenge){ .expires = 1 };
	snprintf(ret->purpose, sizeof(ret->purpose), "%s", purpose);
	return 0;
}

int __wrap_challenge_digest(_unused_ const struct challenge *challenge, _unused_ const char *origin,
		     struct fuda_digest *ret)
{
	*ret = (struct fuda_digest){ .hash = FUDA_SHA256, .len = 32 };
	return 0;
}

/* That of which READER is the transcript. */
int __wrap_challenge_reader_key(_unused_ const struct challenge *challenge, _unused_ const char *origin,
		struct private_key **ret)
{
	static const uint8_t scalar[32] = { [31] = 1 };

	return private_from_scalar(CURVE_P256, scalar, sizeof(scalar), ret);
}

int __wrap_fuda_mdoc_trust_add_file(_unused_ struct fuda_mdoc_trust *trust, _unused_ const char *path)
{
	return 0;
}

/* What is shown is of some length, and as good or bad as its first byte says. */
int __wrap_fuda_mdoc_verify(_unused_ struct fuda_context *ctx, _unused_ struct fuda_mdoc_trust *trust,
		_unused_ const struct fuda_mdoc_profiles *profiles,
		_unused_ const struct fuda_mdoc_policy *policy,
		_unused_ const struct fuda_mdoc_session *session, const uint8_t *response, size_t len,
		struct fuda_mdoc_result **ret)
{
	static const uint8_t name[] = "age_over_20";
	struct fuda_mdoc_result *result = calloc(1, sizeof(*result));
	struct fuda_mdoc_document *d = calloc(2, sizeof(*d));
	uint8_t how = len ? response[0] : 0;

	if (!result || !d)
		abort();
	*result = (struct fuda_mdoc_result){ .result = FUDA_RESULT_INVALID_CERTIFICATE, .documents = d,
					     .document_count = how % 3 };
	for (size_t i = 0; i < result->document_count; i++) {
		d[i] = (struct fuda_mdoc_document){ .doctype = { (const uint8_t *)"d", how & 0x80 ? 1 : 0 },
						    .result = how % 7, .revocation = FUDA_REVOCATION_GOOD,
						    .proof = how & 0x40 ? "mac" : "signature" };
		d[i].elements = calloc(1, sizeof(*d->elements));
		if (!d[i].elements)
			abort();
		d[i].elements[0].name = (struct fuda_mdoc_span){ name, MIN(len, sizeof(name) - 1) };
		d[i].element_count = 1;
		if (len > 1)
			d[i].device_key[0] = response[1];
	}
	*ret = result;
	return 0;
}

int __wrap_verify_holder(_unused_ struct fuda_context *ctx, _unused_ const struct fuda_trust *trust,
		  _unused_ struct revocation *revocation, const uint8_t *der, size_t der_len,
		  _unused_ const struct fuda_digest *digest, _unused_ const uint8_t *signature,
		  _unused_ size_t signature_len, _unused_ time_t at, struct holder *ret_holder,
		  struct verdict *ret)
{
	static const char *const words[] = { "invalid_certificate", "certificate_expired",
					     "certificate_revoked", "unsupported_certificate",
					     "signature_mismatch",  "revocation_info_stale" };

	if (der_len && *der < ARRAY_SIZE(words)) {
		*ret = (struct verdict){ words[*der], "" };
		return 0;
	}
	*ret_holder = (struct holder){ .kind = "card_auth", .serial_len = MIN(der_len, (size_t)SERIAL_MAX) };
	if (der_len)
		memcpy(ret_holder->serial, der, ret_holder->serial_len);
	*ret = (struct verdict){ "ok", "" };
	return 0;
}

int __wrap_keys_blind(_unused_ struct keys *keys, _unused_ const char *domain, const void *bytes, size_t len,
	       uint8_t ret[BLIND_BYTES])
{
	const uint8_t *p = bytes;
	uint8_t sum = 0;

	/* reads all of it */
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum * 31 + p[i]);
	memset(ret, sum, BLIND_BYTES);
	return 0;
}

int __wrap_keys_sector_blind(_unused_ struct keys *keys, _unused_ const uint8_t sector[ID_BYTES],
		      _unused_ int version, const char *purpose, const void *bytes, size_t len,
		      uint8_t ret[BLIND_BYTES])
{
	return __wrap_keys_blind(NULL, purpose, bytes, len, ret);
}

int __wrap_renewal_find(_unused_ struct renewal *renewal, const struct serial *presented, struct serial *ret)
{
	*ret = *presented;
	return presented->bytes[0] & 1 ? 0 : FUDA_ENOTFOUND;
}

const struct terminal_sector *__wrap_terminal_sector(const struct terminal *terminal, const char *name);
const struct terminal_sector *__wrap_terminal_sector(const struct terminal *terminal, const char *name)
{
	return !*name || strcmp(name, "library") == 0 ? &terminal->sectors[0] : NULL;
}

void metrics_result(_unused_ struct metrics *metrics, const char *result)
{
	if (!*result)
		abort();
}

void __wrap_writer_load(_unused_ struct writer *writer, struct writer_load *ret)
{
	*ret = (struct writer_load){ .seconds_to_wait = 1 };
}

/* ---- what must hold ---- */

const struct http_request *http_request(const struct exchange *x)
{
	return &x->request;
}

void http_answer(_unused_ struct exchange *x, _unused_ const struct http_answer *answer)
{
	abort(); /* nothing was done */
}

static void insist_words(const char *text, const char *others)
{
	for (; *text; text++)
		if (!islower((unsigned char)*text) && !strchr(others, *text))
			abort();
}

void http_problem(struct exchange *x, int status, const char *code, const char *title, const char *detail,
		  _unused_ int retry_after)
{
	x->answers++;
	insist_words(code, "_");
	if (status < 400 || !*code || !*title)
		abort();
	/* words of ours, nothing of the request */
	if (detail)
		insist_words(detail, "_: 0123456789");
}

void http_rule(_unused_ struct exchange *x, const char *rule)
{
	insist_words(rule, "_");
}

static void check_number(const char *number)
{
	struct cursor c = cur_of((const uint8_t *)number, strlen(number));
	size_t chars = 0;
	uint32_t ch;

	for (; c.left; chars++)
		if (utf8_next(&c, &ch) < 0 || utf8_is_control(ch))
			abort();
	if (!chars || chars > LOCAL_CHARS)
		abort();
}

int __wrap_writer_submit(_unused_ struct writer *writer, struct task *task)
{
	struct request *r = (struct request *)task;

	r->x->tasks++;
	if (!r->chain || r->chain > CHAIN || task->claim_count > ARRAY_SIZE(task->claims))
		abort();
	if (!*r->key)
		abort();
	if (strspn(r->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != strlen(r->key))
		abort();
	if (r->wishes && strspn(r->wished, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != MYKEY_CHARS)
		abort();
	if (!r->wishes && *r->wished)
		abort();
	if (r->deed->number)
		check_number(r->number);
	if (!r->deed->number && *r->number)
		abort();
	if ((!r->signature.len && !r->deed->by_mdoc) || strcmp(r->challenge.purpose, r->rule->purpose) != 0)
		abort();
	/* what was shown is good, and it is the phone's index where there is no card */
	if (r->deed->mdoc && (!r->presented.response.len || !(r->presented.response.data[0] & 0x80)))
		abort();
	if (r->deed->by_mdoc && (r->chain != 1 || memcmp(r->bidx[0], r->phone, BLIND_BYTES) != 0))
		abort();
	task->done(task, FUDA_EWAIT);
	return 0;
}

/* ---- inputs: a letter for the rule, one for the header fields, the body ---- */

#define CARD "\"challenge\":\"abc\",\"certificate\":\"MIIB\",\"signature\":\"AAAA\""

/* SessionTranscript by the key that is the generator of the curve; and what is shown in it. */
#define READER "\"transcript\":\"g9gYTaIAYzEuMAGCAdgYQaDYGFhLpAECIAEhWCBrF9Hy4SxCR/i85uVjpEDydw" \
	       "N9gS3rM6D0oTlF2JjCliJYIE/jQuL+Gn+bjufrSnwPnhYrzjNXazFezsu2QGg3v1" \
	       "H19g==\""
#define GOOD   "\"response\":\"hQEBAQEBAQEBAQEB\""

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"aa{" CARD "}",
		"ba{" CARD "}",
		"ca{" CARD ",\"wished\":\"ABCD2345\"}",
		"ca{" CARD ",\"wished\":\"\\u0041bcd2345\"}",
		"da{" CARD "}",
		"ea{" CARD ",\"sector\":\"library\"}",
		"fa{" CARD ",\"sector\":\"library\",\"local_number\":\"0042\"}",
		"fa{" CARD ",\"local_number\":\"図書 \\ud842\\udfb7\"}",
		"ga{\n\t" CARD " , \"sector\" : \"bus\" }\r\n",
		"ab{" CARD "}",
		"ac{" CARD "}",
		"ad{" CARD "}",
		"aa{\"challenge\":\"1\",\"certificate\":\"MIIB\",\"signature\":\"AAAA\"}",
		"aa{\"challenge\":\"x\",\"certificate\":\"AAAA\",\"signature\":\"AAAA\"}",
		"aa{\"challenge\":\"x\",\"certificate\":\"AQAA\",\"signature\":\"\"}",
		"aa{\"challenge\":\"x\",\"challenge\":\"y\"}",
		"aa{\"challenge\":{\"challenge\":[[[[[]]]]]}}",
		"ha{" CARD "," READER "," GOOD "}",
		"ia{\"challenge\":\"abc\"," READER "," GOOD "}",
		"ia{\"challenge\":\"abc\"," READER ",\"response\":\"AAA=\"}",
		"ia{\"challenge\":\"abc\",\"transcript\":\"g/b29g==\",\"response\":\"kQEB\"}",
		"ja{\"challenge\":\"abc\"," READER "," GOOD "}",
		"aa",
	};

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}

/* Those of a tap are judged by more than the form. */
static const struct rule *rule_of(uint8_t letter)
{
	static const char *const purposes[] = { "bind",	  "show", "change", "expire",	 "resolve",
						"link", "unlink", "bind-mdoc", "show-mdoc",
						"unbind-mdoc" };
	const char *purpose = purposes[(uint8_t)(letter - 'a') % ARRAY_SIZE(purposes)];
	const struct rule *rule = rules;

	while (strcmp(rule->purpose, purpose) != 0)
		rule++;
	return rule;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const keys[] = {
		"k-1_A", "", "a b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};
	static const struct terminal terminal = { .id = { 1 }, .sector_count = 1 };
	static struct service service;
	static struct fuda_context *ctx;
	struct exchange x = { .request = { .method = "POST", .query = "", .trace = "" } };

	if (len < 2)
		return 0;
	if (!ctx && (fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &service.trust) < 0))
		abort();
	service.config.mdoc_trust_count = 1;
	if (!service.issuers && issuers_new(ctx, &service.config, &service.issuers) < 0)
		abort();
	snprintf(service.config.mdoc_doctype, sizeof(service.config.mdoc_doctype), "d");
	x.request.content_type = data[1] & 0x40 ? "application/json" : "text/plain";
	x.request.idempotency_key = keys[(data[1] - 'a') % ARRAY_SIZE(keys)];
	x.request.body = data + 2;
	x.request.body_len = len - 2;
	rule_handle(&service, rule_of(data[0]), &terminal, &x);
	if (x.answers != 1 || x.tasks > 1)
		abort();
	return 0;
}
