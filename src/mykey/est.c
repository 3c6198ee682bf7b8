/* SPDX-License-Identifier: Apache-2.0 */
/* How a terminal gets its certificates: EST (RFC 7030), the client's side. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "base/context.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "mykey/problem.h"
#include "mykey/terminal.h"
#include "pki/der.h"
#include "pki/file.h"
#include <fuda/encode.h>

enum {
	CODE_MAX = 64,
	AUTHORIZATION_MAX = 256,
	CERTIFICATES_MAX = 16,
	RETRY_DEFAULT = 60, /* seconds, where a 202 does not say */
};

static const char enroll[] = "/.well-known/est/simpleenroll";
static const char reenroll[] = "/.well-known/est/simplereenroll";
static const char version[] = "/version";

/* ---- the wire ---- */

/* RFC 7617, for the user "terminal". */
static int basic(const struct fuda_buf *code, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf pair = FUDA_BUF_INIT(CODE_MAX + 16);
	int r = fuda_buf_append(&pair, "terminal:", 9);

	if (r == 0)
		r = fuda_buf_append(&pair, code->data, code->len);
	if (r == 0)
		r = fuda_buf_append(ret, "Basic ", 6);
	if (r == 0)
		r = base64_encode(pair.data, pair.len, false, ret);
	return r == 0 ? fuda_buf_append(ret, "", 1) : r;
}

/* Sends a request for a certificate; `code` is NULL for who has one already. */
static int post(struct fuda_terminal *t, const char *target, const struct fuda_buf *request,
		const struct fuda_buf *code, struct fuda_deadline *dl, struct https_answer *ret)
{
	_cleanup_buf_ struct fuda_buf authorization = FUDA_BUF_INIT(AUTHORIZATION_MAX);
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(2 * REQUEST_MAX);
	struct https *https;
	int r = base64_encode(request->data, request->len, false, &body);

	if (r == 0 && code)
		r = basic(code, &authorization);
	if (r < 0)
		return ctx_fail_code(t->ctx, r);
	r = terminal_https(t, &https);
	if (r < 0)
		return r;
	r = https_exchange(https,
			   &(struct https_request){
				   .target = target,
				   .body = body.data,
				   .body_len = body.len,
				   .content_type = "application/pkcs10",
				   .transfer_encoding = "base64",
				   .authorization = (const char *)authorization.data,
			   },
			   dl, ret);
	return https_lost(r);
}

static int refused(struct fuda_context *ctx, const struct https_answer *a)
{
	struct problem p;

	problem_read(a, &p);
	return problem_wait(a) ? problem_fail_wait(ctx, &p, problem_wait(a)) :
				 problem_fail(ctx, a, &p);
}

/* ---- the certificate that comes ---- */

static int find_ours(struct cursor list, const struct fuda_buf *key, struct cursor *ret)
{
	struct terminal_certificate c;
	struct tlv one;

	for (int i = 0; i < CERTIFICATES_MAX && list.left; i++) {
		if (tlv_expect(&list, DER_SEQUENCE, &one) < 0)
			return FUDA_EFORMAT;
		/* those of the CA, which may come along, are no terminal's */
		if (terminal_certificate_read(one.whole, &c) == 0 && c.key.left == key->len &&
		    memcmp(c.key.p, key->data, key->len) == 0) {
			*ret = one.whole;
			return 0;
		}
	}
	return FUDA_EFORMAT;
}

/* The certificate for `key` (a SubjectPublicKeyInfo) in an answer, as PEM. */
static int take_certificate(struct fuda_terminal *t, const struct https_answer *a,
			    const struct fuda_buf *key, struct fuda_buf *ret_pem)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(HTTPS_ANSWER_MAX);
	struct cursor list, ours;
	struct terminal_certificate c;

	if (base64_decode_lines((const char *)a->body.data, a->body.len, &der) < 0 ||
	    pkcs7_certificates(cur_of(der.data, der.len), &list) < 0 ||
	    find_ours(list, key, &ours) < 0 || terminal_certificate_read(ours, &c) < 0)
		return ctx_fail(t->ctx, FUDA_EFORMAT,
				_("The answer of %s has no certificate for the key of this "
				  "terminal. Tell the operator."),
				t->origin);
	if (c.not_after <= time(NULL))
		return ctx_fail(t->ctx, FUDA_EFORMAT,
				_("The certificate that %s sends has expired already. Check the "
				  "clock of this machine."),
				t->origin);
	if (*t->facts.id && strcmp(t->facts.id, c.id) != 0)
		return ctx_fail(t->ctx, FUDA_EFORMAT,
				_("The certificate that %s sends is another terminal's. Tell the "
				  "operator."),
				t->origin);
	return fuda_pem_encode("CERTIFICATE", ours.p, ours.left, ret_pem) < 0 ?
		       ctx_fail_code(t->ctx, FUDA_ENOMEM) :
		       0;
}

/* ---- the first one ---- */

static int take_first(struct fuda_terminal *t, const struct https_answer *a)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(REQUEST_KEY_MAX);
	int r = request_public_key(t->ctx, &t->key, &key);

	if (r == 0)
		r = take_certificate(t, a, &key, &pem);
	if (r == 0)
		r = home_write(t->ctx, &t->home, FILE_CERTIFICATE, pem.data, pem.len);
	return r == 0 ? terminal_load(t) : r;
}

int fuda_terminal_poll(struct fuda_terminal *terminal, struct fuda_deadline *dl)
{
	_cleanup_(https_answer_free) struct https_answer a = HTTPS_ANSWER_NONE;
	_cleanup_buf_ struct fuda_buf code = FUDA_BUF_INIT(CODE_MAX);
	struct fuda_terminal *t = terminal;
	int r;

	if (t->certificate.len)
		return 0;
	ctx_step(t->ctx, _("ask for the terminal's certificate"));
	r = home_read(t->ctx, &t->home, FILE_CODE, true, &code);
	if (r == FUDA_ENOTFOUND)
		return ctx_fail(t->ctx, r,
				_("The code of the operator is not in %s any more: say fuda "
				  "terminal enrol again with a code."),
				t->home.path);
	if (r == 0)
		r = post(t, enroll, &t->request, &code, dl, &a);
	if (r < 0)
		return r;
	if (a.status == 202)
		return terminal_write_conf(t, time(NULL) + (a.retry_after ? a.retry_after :
									    RETRY_DEFAULT));
	return a.status == 200 ? take_first(t, &a) : refused(t->ctx, &a);
}

/* ---- applying ---- */

static int check_code(struct fuda_context *ctx, const char *code)
{
	size_t len = strlen(code);
	bool good = len && len <= CODE_MAX;

	for (size_t i = 0; good && i < len; i++)
		good = code[i] >= '!' && code[i] <= '~';
	if (!good)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("This cannot be the code of an operator. Nothing was sent."));
	return 0;
}

/* The CA's file, which must have a certificate that can be read. */
static int read_ca(struct fuda_context *ctx, const char *path, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	int r = pki_read_file(ctx, path, ret);
	const char *text = (const char *)ret->data;
	size_t left = ret->len;

	if (r < 0)
		return r;
	if (fuda_pem_decode("CERTIFICATE", &text, &left, &der) < 0 ||
	    der_check(cur_of(der.data, der.len)) < 0)
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s has no certificate of a CA in PEM."),
				path);
	return 0;
}

/* What it applies with. */
struct applicant {
	struct fuda_context *ctx;
	const char *folder, *origin;
	const struct fuda_buf *ca, *code;
	struct fuda_deadline *dl;
};

/* The name in which the service gives challenges; one that does not tell is found out by them. */
static int judge_origin(const struct applicant *a, const struct https_answer *answer)
{
	char said[TERMINAL_ORIGIN] = "", theirs[TERMINAL_ORIGIN];
	const struct json_field fields[] = {
		{ "origin", JSON_STRING, false, said, sizeof(said), NULL },
	};
	const char *member, *why;

	if (answer->status != 200)
		return answer->status == 404 ? 0 : refused(a->ctx, answer);
	if (json_read_some(answer->body.data, answer->body.len, fields, ARRAY_SIZE(fields), &member,
			   &why) < 0 ||
	    (*said && terminal_origin(a->ctx, said, theirs) < 0))
		return ctx_fail(a->ctx, FUDA_EFORMAT,
				_("The answer of %s cannot be understood: check the address."),
				a->origin);
	if (!*said || strcmp(said, a->origin) == 0)
		return 0;
	return ctx_fail(a->ctx, FUDA_EVERIFY,
			_("The service at %s calls itself %s, and that is the name that cards sign "
			  "for: nothing was sent. Say --server %s; if it cannot be reached by that "
			  "name, ask the operator."),
			a->origin, said, said);
}

/* Under another name all would go well up to the first card: nothing is made or sent before. */
static int check_origin(const struct applicant *a)
{
	_cleanup_(https_answer_free) struct https_answer answer = HTTPS_ANSWER_NONE;
	_cleanup_(https_free) struct https *https = NULL;
	int r = https_new(a->ctx, a->origin, a->ca, NULL, NULL, &https);

	if (r == 0)
		r = https_lost(https_exchange(https, &(struct https_request){ .target = version },
					      a->dl, &answer));
	return r < 0 ? r : judge_origin(a, &answer);
}

/* All that a terminal needs to apply. */
static int make_folder(const struct applicant *a)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	_cleanup_buf_ struct fuda_buf conf = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	const struct home_file files[] = {
		{ FILE_CONF, &conf },   { FILE_CA, a->ca },     { FILE_KEY, &key },
		{ FILE_REQUEST, &pem }, { FILE_CODE, a->code },
	};
	int r = request_make(a->ctx, &key, &der);

	if (r == 0 && (fuda_pem_encode("CERTIFICATE REQUEST", der.data, der.len, &pem) < 0 ||
		       terminal_conf(a->origin, 0, &conf) < 0))
		r = ctx_fail_code(a->ctx, FUDA_ENOMEM);
	return r < 0 ? r : home_make(a->ctx, a->folder, files, ARRAY_SIZE(files));
}

/* What was begun is taken up again: with another code or CA file, but the same key. */
static int take_up(struct fuda_terminal *t, const struct applicant *a)
{
	int r;

	ctx_step(t->ctx, ""); /* the messages say it all */
	if (t->certificate.len)
		return ctx_fail(t->ctx, FUDA_EEXISTS,
				_("%s is the folder of a terminal that has its certificate. Name "
				  "another one by --terminal, or remove this one."),
				t->home.path);
	if (strcmp(t->origin, a->origin) != 0)
		return ctx_fail(t->ctx, FUDA_EEXISTS,
				_("%s is the folder of a terminal that applies to %s. Name another "
				  "folder, or remove it."),
				t->home.path, t->origin);
	ctx_step(t->ctx, _("make the terminal's folder"));
	r = check_origin(a);
	if (r == 0)
		r = home_write(t->ctx, &t->home, FILE_CA, a->ca->data, a->ca->len);
	if (r == 0)
		r = home_write(t->ctx, &t->home, FILE_CODE, a->code->data, a->code->len);
	return r == 0 ? terminal_load(t) : r;
}

/* A service that never took the request, as a mistyped address never does: there is nothing to lose
 * with it. The code goes when the certificate comes. */
static bool in_vain(const struct fuda_terminal *t, const char *origin)
{
	return !t->certificate.len && !t->retry_at && home_has(&t->home, FILE_CODE) &&
	       strcmp(t->origin, origin) != 0;
}

/* Leaves the folder empty, for a new one to take its place. */
static int clear(struct fuda_terminal *t)
{
	static const char *const files[] = { FILE_CONF, FILE_CODE, FILE_KEY, FILE_REQUEST,
					     FILE_CA };
	int r = home_lock(t->ctx, &t->home, true);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = home_wipe(t->ctx, &t->home, files[i]);
	return r;
}

static int make_and_open(const struct applicant *a, struct fuda_terminal **ret)
{
	int r = make_folder(a);

	return r < 0 ? r : fuda_terminal_open(a->ctx, a->folder, ret);
}

/* A folder that is there is taken up, unless all in it was in vain. */
static int open_folder(const struct applicant *a, struct fuda_terminal **ret)
{
	struct fuda_terminal *t;
	int r = fuda_terminal_open(a->ctx, a->folder, &t);

	if (r < 0)
		return r;
	if (!in_vain(t, a->origin)) {
		r = take_up(t, a);
	} else {
		r = check_origin(a);
		if (r == 0)
			r = clear(t);
		fuda_terminal_free(&t);
		return r < 0 ? r : make_and_open(a, ret);
	}
	if (r < 0)
		fuda_terminal_free(&t);
	else
		*ret = t;
	return r;
}

/* The folder as it is, or a new one. */
static int open_or_make(const struct applicant *a, struct fuda_terminal **ret)
{
	struct home h = HOME_NONE;
	int r = home_open(a->ctx, a->folder, &h);
	bool there = r == 0 && home_has(&h, FILE_CONF);

	home_close(&h);
	if (r < 0 && r != FUDA_ENOTFOUND)
		return r;
	if (there)
		return open_folder(a, ret);
	r = check_origin(a);
	return r < 0 ? r : make_and_open(a, ret);
}

int fuda_terminal_enrol(struct fuda_context *ctx, const char *folder, const char *server,
			const char *ca, const char *code, struct fuda_deadline *dl,
			struct fuda_terminal **ret)
{
	_cleanup_buf_ struct fuda_buf secret = FUDA_BUF_INIT(CODE_MAX);
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(TERMINAL_CA_MAX);
	char origin[TERMINAL_ORIGIN], usual[CONFIG_PATH_MAX];
	const struct applicant a = {
		ctx, folder ? folder : usual, origin, &pem, &secret, dl,
	};
	struct fuda_terminal *t = NULL;
	int r = folder ? 0 : config_path("terminal", usual);

	ctx_step(ctx, _("make the terminal's folder"));
	if (r < 0)
		return ctx_fail(ctx, r, _("There is no home directory to make the terminal in."));
	r = terminal_origin(ctx, server, origin);
	if (r == 0)
		r = check_code(ctx, code);
	if (r == 0)
		r = fuda_buf_append(&secret, code, strlen(code));
	if (r == 0)
		r = read_ca(ctx, ca, &pem);
	if (r == 0)
		r = open_or_make(&a, &t);
	if (r == 0)
		r = fuda_terminal_poll(t, dl);
	if (r < 0)
		fuda_terminal_free(&t);
	else
		*ret = t;
	return r;
}

/* ---- the next one ---- */

/* The request of a renewal that got no answer is sent again, so that there is one key of it. */
static int next_request(struct fuda_terminal *t, struct fuda_buf *ret_der)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	const char *text;
	size_t left;
	int r = home_read(t->ctx, &t->home, FILE_NEW_REQUEST, false, &pem);

	text = (const char *)pem.data;
	left = pem.len;
	if (r == 0 && home_has(&t->home, FILE_NEW_KEY) &&
	    fuda_pem_decode("CERTIFICATE REQUEST", &text, &left, ret_der) == 0)
		return 0;
	if (r < 0 && r != FUDA_ENOTFOUND)
		return r;
	fuda_buf_clear(&pem);
	r = request_make(t->ctx, &key, ret_der);
	if (r == 0 && fuda_pem_encode("CERTIFICATE REQUEST", ret_der->data, ret_der->len, &pem) < 0)
		r = ctx_fail_code(t->ctx, FUDA_ENOMEM);
	if (r == 0)
		r = home_write(t->ctx, &t->home, FILE_NEW_KEY, key.data, key.len);
	return r == 0 ? home_write(t->ctx, &t->home, FILE_NEW_REQUEST, pem.data, pem.len) : r;
}

/* Puts it beside the new key, which another process may have changed meanwhile. */
static int put_next(struct fuda_terminal *t, const struct https_answer *a)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	_cleanup_buf_ struct fuda_buf info = FUDA_BUF_INIT(REQUEST_KEY_MAX);
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	int r = home_read(t->ctx, &t->home, FILE_NEW_KEY, true, &key);

	if (r == FUDA_ENOTFOUND)
		return ctx_fail(t->ctx, FUDA_EBUSY,
				_("Another program has just renewed the certificate in %s."),
				t->home.path);
	if (r == 0)
		r = request_public_key(t->ctx, &key, &info);
	if (r == 0)
		r = take_certificate(t, a, &info, &pem);
	return r == 0 ? home_write(t->ctx, &t->home, FILE_NEW_CERTIFICATE, pem.data, pem.len) : r;
}

static int take_next(struct fuda_terminal *t, const struct https_answer *a)
{
	int r = home_lock(t->ctx, &t->home, true);

	if (r == 0)
		r = put_next(t, a);
	home_unlock(&t->home);
	return r == 0 ? terminal_load(t) : r;
}

int fuda_terminal_renew(struct fuda_terminal *terminal, struct fuda_deadline *dl)
{
	_cleanup_(https_answer_free) struct https_answer a = HTTPS_ANSWER_NONE;
	_cleanup_buf_ struct fuda_buf request = FUDA_BUF_INIT(REQUEST_MAX);
	struct fuda_terminal *t = terminal;
	int r;

	ctx_step(t->ctx, _("renew the terminal's certificate"));
	if (!t->certificate.len)
		return ctx_fail(t->ctx, FUDA_ENOTFOUND,
				_("This terminal has no certificate yet: fuda terminal status "
				  "tells what it waits for."));
	r = home_lock(t->ctx, &t->home, true);
	if (r == 0)
		r = next_request(t, &request);
	home_unlock(&t->home);
	if (r == 0)
		r = post(t, reenroll, &request, NULL, dl, &a);
	if (r < 0)
		return r;
	if (a.status == 202)
		return ctx_fail(t->ctx, FUDA_EWAIT,
				_("The service will renew the certificate later: try again in %d "
				  "s."),
				a.retry_after ? a.retry_after : RETRY_DEFAULT);
	return a.status == 200 ? take_next(t, &a) : refused(t->ctx, &a);
}
