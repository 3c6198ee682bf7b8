/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal asks for the holder of a card: a challenge, and then the thing itself. */
#include <fuda/mykey.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "base/deadline.h"
#include "base/secret.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "mykey/ask.h"
#include "mykey/problem.h"
#include "mykey/unsure.h"
#include <fuda/encode.h>

enum {
	SKEW_MAX = 300,   /* seconds between now and a challenge's end, either way */
	LIFE_MS = 120000, /* a challenge is good for two minutes */
	PAUSE_FIRST_MS = 250,
	PAUSE_LAST_MS = 4000,
	/* of what is asked with: as the service has it */
	ID_CHARS = 8,
	NUMBER_CHARS = 64,
	SECTOR_BYTES = 63,
	TARGET_MAX = 64 + 3 * SECTOR_BYTES,
};

/* What the service calls each of them; it is signed, too. */
static const struct purpose purposes[] = {
	[FUDA_MYKEY_BIND] = { "bind", "/v1/mykeys", true, true, false },
	[FUDA_MYKEY_SHOW] = { "show", "/v1/mykeys:show", false, true, false },
	[FUDA_MYKEY_CHANGE] = { "change", "/v1/mykeys:change", true, true, false },
	[FUDA_MYKEY_EXPIRE] = { "expire", "/v1/mykeys:expire", true, true, false },
	[FUDA_MYKEY_RESOLVE] = { "resolve", "/v1/resolve", true, false, true },
	[FUDA_MYKEY_LINK] = { "link", "/v1/links", true, false, true },
	[FUDA_MYKEY_UNLINK] = { "unlink", "/v1/links:unlink", true, false, true },
	[FUDA_MYKEY_TAP_REGISTER] = { "tap-register", "/v1/tap:register", true, false, false },
	[FUDA_MYKEY_TAP_UNREGISTER] = { "tap-unregister", "/v1/tap:unregister", true, false,
					false },
	[FUDA_MYKEY_TAP] = { "tap", "/v1/tap", false, false, true },
	[FUDA_MYKEY_BIND_MDOC] = { "bind-mdoc", "/v1/mykeys:bind-mdoc", true, true, false,
				   .phone = true },
	[FUDA_MYKEY_SHOW_MDOC] = { "show-mdoc", "/v1/mykeys:show-mdoc", false, true, false,
				   .phone = true, .alone = true },
	[FUDA_MYKEY_UNBIND_MDOC] = { "unbind-mdoc", "/v1/mykeys:unbind-mdoc", true, false, false,
				     .phone = true, .alone = true },
};

const struct purpose *ask_purpose(enum fuda_mykey_purpose purpose)
{
	return &purposes[purpose];
}

int fuda_mykey_new(struct fuda_terminal *terminal, struct fuda_mykey **ret)
{
	struct fuda_mykey *m = calloc(1, sizeof(*m));

	if (!m)
		return ctx_fail_code(terminal->ctx, FUDA_ENOMEM);
	m->terminal = terminal;
	m->ctx = terminal->ctx;
	*ret = m;
	return 0;
}

void fuda_mykey_free(struct fuda_mykey **mykey)
{
	if (*mykey)
		wipe(*mykey, sizeof(**mykey));
	free(*mykey);
	*mykey = NULL;
}

void fuda_mykey_on_wait(struct fuda_mykey *mykey, fuda_mykey_wait wait, void *arg)
{
	mykey->wait = wait;
	mykey->arg = arg;
}

/* ---- waiting ---- */

/* As the service asks, for the reason `p`. The caller may give more time before it is looked at.
 * What a card has signed is not waited with until it is good for nothing. `nothing`: nothing can
 * have been done so far. */
static int wait_for(struct fuda_mykey *m, const struct problem *p, int seconds, bool nothing,
		    const struct fuda_deadline *dl)
{
	int left, r;

	if (m->ends && deadline_now() + 1000 * seconds > m->ends)
		return problem_fail_wait(m->ctx, p, seconds);
	if (m->wait && !m->wait(m->arg, seconds))
		return problem_fail_wait(m->ctx, p, seconds);
	left = deadline_left(dl);
	if (left >= 0 && left / 1000 < seconds)
		return problem_fail_wait(m->ctx, p, seconds);
	r = deadline_sleep(dl, seconds * 1000);
	if (r != FUDA_ECANCELLED)
		return r;
	return ctx_fail(m->ctx, r, "%s",
			nothing ? _("Cancelled while the service asked to wait: nothing was "
				    "done.") :
				  _("Cancelled while the service asked to wait."));
}

/* ---- the challenge ---- */

/* What is said of the service, by its origin. */
int ask_says(struct fuda_mykey *m, int code, const char *text)
{
	return ctx_fail(m->ctx, code, text, m->terminal->origin);
}

/* That what the card shall sign is good for nothing but what the holder wants here and now. */
static int check_challenge(struct fuda_mykey *m, const struct answer_challenge *c)
{
	int64_t now = time(NULL);

	if (strcmp(c->origin, m->terminal->origin) != 0)
		return ask_says(m, FUDA_EVERIFY,
				_("The service at %s gives challenges in the name of another one: "
				  "tell the operator. Nothing was signed."));
	if (strcmp(c->terminal, m->terminal->facts.id) != 0)
		return ask_says(m, FUDA_EVERIFY,
				_("The service at %s gives this terminal the challenge of another "
				  "one: tell the operator. Nothing was signed."));
	if (c->expires < now - SKEW_MAX || c->expires > now + SKEW_MAX)
		return ask_says(m, FUDA_EVERIFY,
				_("The challenge of %s is not for now: the clock of this machine "
				  "or of the service is wrong. Check this one, or else tell the "
				  "operator. Nothing was signed."));
	return 0;
}

/* What a phone would show in vain is not asked for, nor is a PIN before it. */
static int check_doctype(struct fuda_mykey *m, const struct fuda_mykey_wish *wish,
			 const struct answer_challenge *c)
{
	if (!purposes[wish->purpose].phone || !wish->doctype || !*c->doctype ||
	    strcmp(wish->doctype, c->doctype) == 0)
		return 0;
	return ctx_fail(m->ctx, FUDA_EINVAL,
			_("The service at %s takes credentials of the doctype %s, and the profile "
			  "has %s: name another one (--profile). Nothing was signed."),
			m->terminal->origin, c->doctype, wish->doctype);
}

int ask_take_challenge(struct fuda_mykey *m, const struct fuda_mykey_wish *wish,
		       const struct https_answer *a, struct fuda_digest *ret)
{
	struct answer_challenge c;
	uint8_t id[TRANSCRIPT_TERMINAL];
	int r;

	if (answer_challenge(a, &c) < 0)
		return ask_says(m, FUDA_EFORMAT,
				_("What %s gives is no challenge: check the address. Nothing was "
				  "signed."));
	r = check_challenge(m, &c);
	if (r == 0)
		r = check_doctype(m, wish, &c);
	if (r == 0)
		r = terminal_id_read(m->terminal->facts.id, id);
	if (r == 0)
		r = transcript_digest(&(struct transcript){ purposes[wish->purpose].name,
							    m->terminal->origin, id, c.nonce,
							    c.expires },
				      ret);
	if (r < 0)
		return r;
	memcpy(m->token, c.token, sizeof(c.token));
	memcpy(m->nonce, c.nonce, sizeof(c.nonce));
	m->expires = c.expires;
	m->purpose = wish->purpose;
	m->challenged = true;
	/* `expires` is by the service's clock */
	m->ends = deadline_now() + LIFE_MS;
	return 0;
}

/* What would be refused anyway, for a reason that is known here. */
int ask_check_terminal(struct fuda_mykey *m)
{
	struct fuda_terminal_facts facts;
	int r = fuda_terminal_facts(m->terminal, &facts);

	if (r < 0)
		return r;
	switch (facts.state) {
	case FUDA_TERMINAL_NONE:
	case FUDA_TERMINAL_APPLIED:
		return ctx_fail(m->ctx, FUDA_EREFUSED,
				_("This terminal has no certificate yet: fuda terminal status "
				  "tells what it waits for."));
	case FUDA_TERMINAL_EXPIRED:
		return ctx_fail(m->ctx, FUDA_EREFUSED,
				_("The certificate of this terminal has expired, if this machine's "
				  "clock is right: then remove its folder and enrol it anew (fuda "
				  "terminal enrol)."));
	default:
		return 0;
	}
}

static bool is_text(const char *text, int most)
{
	struct cursor c = cur_of((const uint8_t *)text, strlen(text));
	uint32_t ch;
	int chars = 0;

	for (; c.left && chars <= most; chars++)
		if (utf8_next(&c, &ch) < 0 || utf8_is_control(ch))
			return false;
	return chars >= 1 && chars <= most;
}

static bool is_id(const char *text)
{
	size_t len = 0;

	while (len <= ID_CHARS && isalnum((unsigned char)text[len]))
		len++;
	return len == ID_CHARS && !text[len];
}

/* The service looks at these when the card has signed: too late to have asked for a PIN. */
static int check_wish(struct fuda_mykey *m, const struct fuda_mykey_wish *w)
{
	if (w->purpose == FUDA_MYKEY_CHANGE && w->wished && !is_id(w->wished))
		return ctx_fail(m->ctx, FUDA_EINVAL,
				_("A MyKey ID is %d letters and digits. Nothing was asked."),
				ID_CHARS);
	if (w->purpose == FUDA_MYKEY_LINK &&
	    (!w->local_number || !is_text(w->local_number, NUMBER_CHARS)))
		return ctx_fail(m->ctx, FUDA_EINVAL,
				_("A number to link is 1 to %d characters, none of them control "
				  "characters. Nothing was asked."),
				NUMBER_CHARS);
	if (purposes[w->purpose].ppid && w->sector &&
	    (strlen(w->sector) > SECTOR_BYTES || !is_text(w->sector, SECTOR_BYTES)))
		return ctx_fail(m->ctx, FUDA_EINVAL,
				_("This cannot be the name of a sector. Nothing was asked."));
	return 0;
}

/* The sector is told with the purpose: one that this terminal does not serve costs no PIN then. */
static void challenge_target(const struct fuda_mykey_wish *w, char ret[TARGET_MAX])
{
	size_t n = (size_t)snprintf(ret, TARGET_MAX, "/v1/challenge?purpose=%s",
				    purposes[w->purpose].name);

	if (!purposes[w->purpose].ppid || !w->sector)
		return;
	n += (size_t)snprintf(ret + n, TARGET_MAX - n, "&sector=");
	for (const char *p = w->sector; *p; p++)
		n += (size_t)snprintf(ret + n, TARGET_MAX - n,
				      isalnum((unsigned char)*p) || strchr("-._~", *p) ? "%c" :
											 "%%%02X",
				      (unsigned char)*p);
}

/* Reasons to come back later that are no reason to wait here. */
static bool is_final(const char *code)
{
	return strcmp(code, "revocation_info_stale") == 0 ||
	       strcmp(code, "mdoc_revocation_stale") == 0 || strcmp(code, "tap_limit") == 0;
}

/* It comes later, or never. */
static int wait_or_fail(struct fuda_mykey *m, const struct https_answer *a,
			const struct fuda_deadline *dl)
{
	struct problem p;

	problem_read(a, &p);
	snprintf(m->refused, sizeof(m->refused), "%s", p.code);
	return problem_wait(a) && !is_final(p.code) ? wait_for(m, &p, problem_wait(a), true, dl) :
						      problem_fail(m->ctx, a, &p);
}

int ask_get(struct fuda_mykey *m, const char *target, struct fuda_deadline *dl,
	    struct https_answer *ret)
{
	int r = 0;

	while (r == 0) {
		_cleanup_(https_answer_free) struct https_answer a = HTTPS_ANSWER_NONE;
		struct https *https;

		r = terminal_https(m->terminal, &https);
		if (r == 0)
			r = https_exchange(https, &(struct https_request){ .target = target }, dl,
					   &a);
		if (r < 0)
			return https_lost(r);
		if (a.status == 200) {
			*ret = a;
			a = HTTPS_ANSWER_NONE;
			return 0;
		}
		r = wait_or_fail(m, &a, dl);
	}
	return r;
}

int fuda_mykey_challenge(struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
			 struct fuda_deadline *dl, struct fuda_digest *ret)
{
	_cleanup_(https_answer_free) struct https_answer a = HTTPS_ANSWER_NONE;
	struct fuda_mykey *m = mykey;
	char target[TARGET_MAX];
	int r;

	if ((size_t)wish->purpose >= ARRAY_SIZE(purposes))
		return ctx_fail_code(m->ctx, FUDA_EINVAL);
	ctx_step(m->ctx, _("get a challenge from the service"));
	m->challenged = false;
	m->ends = 0;
	r = check_wish(m, wish);
	if (r == 0)
		r = ask_check_terminal(m);
	if (r == 0)
		challenge_target(wish, target);
	if (r == 0)
		r = ask_get(m, target, dl, &a);
	return r < 0 ? r : ask_take_challenge(m, wish, &a, ret);
}

/* ---- asking ---- */

void asking_free(struct asking *a)
{
	fuda_buf_free(&a->body);
}

/* What a registration brings of the card's face. */
static void put_face(struct json_out *out, const struct fuda_mykey_face *face)
{
	char birth[FUDA_SECRET_MAX + 1] = "";

	memcpy(birth, face->birth->bytes, face->birth->len);
	json_string(out, "birth", birth);
	wipe(birth, sizeof(birth));
	json_number(out, "tries", face->tries);
	json_base64(out, "record", face->age->data, face->age->len);
	json_base64(out, "cv", face->certificate->data, face->certificate->len);
	json_base64(out, "proof", face->signature->data, face->signature->len);
}

static void put_phone(struct json_out *out, const struct fuda_mykey_phone *phone)
{
	json_base64(out, "transcript", phone->transcript->data, phone->transcript->len);
	json_base64(out, "response", phone->response->data, phone->response->len);
}

static int make_body(struct asking *a, const struct fuda_mykey_wish *wish,
		     const struct fuda_buf *certificate, const struct fuda_buf *signature)
{
	const struct {
		const char *name, *value;
	} more[] = {
		{ "wished", wish->purpose == FUDA_MYKEY_CHANGE ? wish->wished : NULL },
		{ "sector", purposes[wish->purpose].ppid ? wish->sector : NULL },
		{ "local_number", wish->purpose == FUDA_MYKEY_LINK ? wish->local_number : NULL },
	};
	struct json_out out;

	json_begin(&out, &a->body);
	json_string(&out, "challenge", a->m->token);
	if (!purposes[wish->purpose].alone) {
		json_base64(&out, "certificate", certificate->data, certificate->len);
		json_base64(&out, "signature", signature->data, signature->len);
	}
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		if (more[i].value)
			json_string(&out, more[i].name, more[i].value);
	if (wish->purpose == FUDA_MYKEY_TAP_REGISTER)
		put_face(&out, wish->face);
	if (purposes[wish->purpose].phone)
		put_phone(&out, wish->phone);
	return json_end(&out);
}

int asking_start(struct asking *a, int body)
{
	uint8_t random[ASKING_KEY];
	int r = body < 0 ? body : fuda_random(random, sizeof(random));

	if (r < 0)
		return ctx_fail(a->m->ctx, r == FUDA_EFAILED || r == FUDA_ENOMEM ? r : FUDA_EINVAL,
				"%s", fuda_error_text(r));
	fuda_hex_encode(random, sizeof(random), a->key);
	return 0;
}

/* Nothing more is tried: whether it was done is known or not. */
int asking_give_up(struct asking *a, int code)
{
	if (!a->unsure || !a->purpose->changes)
		return code;
	return ctx_fail(a->m->ctx, FUDA_EUNSURE,
			_("It was sent, but no answer came: whether it was done is not known. See "
			  "by fuda mykey show or resolve before you do it again."));
}

/* Waits, longer each time, before the same is sent again. */
static int pause_before(struct asking *a, int code)
{
	int r = deadline_sleep(a->dl, a->pause);

	a->pause = MIN(2 * a->pause, (int)PAUSE_LAST_MS);
	if (r == 0)
		return 0;
	return asking_give_up(a, r == FUDA_ETIMEOUT ? code : r);
}

/* What nobody can tell from a lost answer if it follows one: the service judges these before it
 * looks whether the same was asked before. */
static bool says_nothing(const struct https_answer *answer, const struct problem *p)
{
	static const char *const groups[] = { "challenge_", "terminal_", "http_" };
	static const char *const codes[] = {
		"invalid_certificate",   "unsupported_certificate",
		"certificate_expired",   "certificate_revoked",
		"revocation_unknown",    "signature_mismatch",
		"mdoc_not_served",       "mdoc_invalid",
		"mdoc_unsupported",      "mdoc_expired",
		"mdoc_revoked",          "mdoc_mismatch",
		"mdoc_status_unchecked",
	};

	if (answer->status >= 500)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strncmp(p->code, groups[i], strlen(groups[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strcmp(p->code, codes[i]) == 0)
			return true;
	return false;
}

static int take_problem(struct asking *a, const struct https_answer *answer,
			const struct problem *p, struct fuda_mykey_answer *ret)
{
	int r = problem_fail(a->m->ctx, answer, p);

	snprintf(ret->result, sizeof(ret->result), "%s", p->code);
	snprintf(ret->message, sizeof(ret->message), "%s", p->detail);
	ret->tries_left = p->tries_left;
	ret->retry_after = answer->retry_after;
	return says_nothing(answer, p) ? asking_give_up(a, r) : r;
}

static int take_answer(struct asking *a, const struct https_answer *answer)
{
	int r = answer_wish(answer, a->purpose->id, a->purpose->ppid, a->to);

	if (r == 0)
		return 0;
	a->unsure = true; /* it was done, or something like it */
	return asking_give_up(a, ask_says(a->m, r,
					  _("The answer of %s cannot be understood: tell the "
					    "operator.")));
}

enum { AGAIN = 1 };

/* What changes nothing is not counted on: a first step may have given out a birth date's key, and
 * for a tap the card was asked with it. A registration comes behind that, too. */
static bool did_nothing(const struct asking *a)
{
	return !a->unsure && a->purpose->changes &&
	       a->purpose != &purposes[FUDA_MYKEY_TAP_REGISTER];
}

/* One try. AGAIN, or the end of it. */
static int try_once(struct asking *a, struct fuda_mykey_answer *ret)
{
	_cleanup_(https_answer_free) struct https_answer answer = HTTPS_ANSWER_NONE;
	struct problem p;
	struct https *https;
	int r = terminal_https(a->m->terminal, &https);

	if (r < 0)
		return asking_give_up(a, r);
	r = https_exchange(https,
			   &(struct https_request){
				   .target = a->purpose->path,
				   .body = a->body.data,
				   .body_len = a->body.len,
				   .content_type = "application/json",
				   .idempotency_key = a->key,
			   },
			   a->dl, &answer);
	a->unsure |= r < 0 && https_sent(https);
	if (r == FUDA_EUNREACHABLE || r == FUDA_ETRANSPORT) {
		r = pause_before(a, https_lost(r));
		return r < 0 ? r : AGAIN;
	}
	if (r < 0)
		return asking_give_up(a, r);
	if (answer.status == 200 || answer.status == 201)
		return a->take(a, &answer);
	problem_read(&answer, &p);
	if (problem_wait(&answer) && !is_final(p.code)) {
		/* what has no name may have come from before the service, on the way back */
		a->unsure |= answer.status == 503 && (!p.known || strcmp(p.code, "outcome_"
										 "unknown") == 0);
		ret->retry_after = problem_wait(&answer);
		if (p.known)
			snprintf(ret->result, sizeof(ret->result), "%s", p.code);
		r = wait_for(a->m, &p, ret->retry_after, did_nothing(a), a->dl);
		return r < 0 ? asking_give_up(a, r) : AGAIN;
	}
	/* broken on the way, or it is being done for a try before this one */
	if ((answer.status >= 500 && !p.known) || strcmp(p.code, "request_in_progress") == 0) {
		a->unsure = true;
		r = pause_before(a, problem_fail(a->m->ctx, &answer, &p));
		return r < 0 ? r : AGAIN;
	}
	return take_problem(a, &answer, &p, ret);
}

int asking_run(struct asking *a, struct fuda_mykey_answer *ret)
{
	int r;

	a->pause = PAUSE_FIRST_MS;
	do
		r = try_once(a, ret);
	while (r == AGAIN);
	return r;
}

/* What is asked, as unsure.h has it: each member behind its length. */
static int members_of(const struct fuda_mykey_wish *w, struct fuda_buf *ret)
{
	const char *const members[] = { purposes[w->purpose].name, w->sector, w->wished,
					w->local_number };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++) {
		const char *text = members[i] ? members[i] : "";
		uint16_t len = (uint16_t)strlen(text);

		r = fuda_buf_append(ret, &len, sizeof(len));
		if (r == 0)
			r = fuda_buf_append(ret, text, len);
	}
	return r;
}

/* A registration for taps may be done twice, and so may binding a phone, which is another request
 * with another phone, as the card does not tell; what changes nothing anyway. */
static bool is_kept(const struct fuda_mykey_wish *wish)
{
	return purposes[wish->purpose].changes && !purposes[wish->purpose].phone &&
	       wish->purpose != FUDA_MYKEY_TAP_REGISTER;
}

/* Whether all is there that the request consists of. */
static bool is_complete(const struct fuda_mykey_wish *wish, const struct fuda_buf *certificate,
			const struct fuda_buf *signature)
{
	const struct purpose *p = &purposes[wish->purpose];

	return (wish->face || wish->purpose != FUDA_MYKEY_TAP_REGISTER) &&
	       (wish->phone || !p->phone) && (p->alone || (certificate && signature));
}

/* Sends it, under the key that it had when nobody knew what became of it. */
static int run_kept(struct asking *a, const struct unsure_request *q, struct fuda_mykey_answer *ret)
{
	bool again = unsure_recall(q, a->key);
	int r;

	a->unsure = again;
	r = asking_run(a, ret);
	/* a refusal that did not tell would not be one: asking_give_up() */
	if (r == 0 || (r == FUDA_EREFUSED && again))
		unsure_forget(q);
	if (r != FUDA_EUNSURE || unsure_keep(q, a->key) < 0)
		return r;
	return ctx_fail(a->m->ctx, r,
			_("It was sent, but no answer came that tells: whether it was done is not "
			  "known. Do the same again with the same card within an hour: it is done "
			  "once, and the answer tells what became of it."));
}

int fuda_mykey_ask(struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
		   const struct fuda_buf *certificate, const struct fuda_buf *signature,
		   struct fuda_deadline *dl, struct fuda_mykey_answer *ret)
{
	_cleanup_(asking_free) struct asking a = {
		.m = mykey,
		.purpose = &purposes[wish->purpose],
		.dl = dl,
		.body = FUDA_BUF_INIT(ASKING_BODY),
		.take = take_answer,
	};
	_cleanup_buf_ struct fuda_buf what = FUDA_BUF_INIT(ASKING_BODY);
	const struct unsure_request kept = { mykey->terminal, &what, certificate };
	struct fuda_mykey_answer answer = { .tries_left = -1 };
	int r;

	a.to = &answer;
	if (!mykey->challenged || mykey->purpose != wish->purpose ||
	    !is_complete(wish, certificate, signature))
		return ctx_fail_code(mykey->ctx, FUDA_EINVAL);
	ctx_step(mykey->ctx, _("ask the service"));
	r = asking_start(&a, make_body(&a, wish, certificate, signature));
	if (r == 0 && members_of(wish, &what) < 0)
		r = ctx_fail_code(mykey->ctx, FUDA_ENOMEM);
	if (r < 0)
		return r;
	mykey->challenged = false; /* it is good for one request */
	r = is_kept(wish) ? run_kept(&a, &kept, &answer) : asking_run(&a, &answer);
	if (r == 0 || *answer.result || answer.retry_after)
		*ret = answer;
	wipe(&answer, sizeof(answer));
	return r;
}
