/* SPDX-License-Identifier: Apache-2.0 */
#include "service/est.h"

#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "codec/base64.h"
#include "service/meter.h"
#include "tests/enrol-stand.h"
#include "tests/exchange.h"

static const char enroll[] = "/.well-known/est/simpleenroll", reenroll[] = "/.well-known/est/simplereenroll";

static int setup(void **state)
{
	int r = stand_setup(state);

	if (r == 0)
		make_town();
	return r;
}

/* The request as it is, answered. */
static void serve(struct exchange *x)
{
	est_handle(&service, x);
	exchange_wait(x);
	assert_int_equal(x->answers, 1);
}

/* A body of base64, and "Basic" of any name and the code. */
struct enrolment {
	struct exchange x;
	struct fuda_buf body, authorization;
};

static void prepare(struct enrolment *e, const char *path, const struct fuda_buf *request, const char *code)
{
	char plain[128];

	*e = (struct enrolment){ .x = EXCHANGE("POST", path), .body = REQUEST_BUF, .authorization = REQUEST_BUF };
	assert_int_equal(base64_encode(request->data, request->len, false, &e->body), 0);
	e->x.request.content_type = "application/pkcs10";
	e->x.request.body = e->body.data;
	e->x.request.body_len = e->body.len;
	if (!code)
		return;
	snprintf(plain, sizeof(plain), "anybody:%s", code);
	assert_int_equal(fuda_buf_append(&e->authorization, "Basic ", 6), 0);
	assert_int_equal(base64_encode(plain, strlen(plain), false, &e->authorization), 0);
	assert_int_equal(fuda_buf_append(&e->authorization, "", 1), 0);
	e->x.request.authorization = (const char *)e->authorization.data;
}

static void finish(struct enrolment *e)
{
	fuda_buf_free(&e->body);
	fuda_buf_free(&e->authorization);
	exchange_free(&e->x);
}

/* The one certificate of an answer. */
static void take_certificate(const struct exchange *x, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf package = REQUEST_BUF;
	const unsigned char *p;
	unsigned char *der = NULL;
	PKCS7 *p7;
	int len;

	assert_string_equal(x->type, "application/pkcs7-mime; smime-type=certs-only");
	assert_string_equal(x->encoding, "base64");
	assert_int_equal(base64_decode((const char *)x->body.data, x->body.len, &package), 0);
	p = package.data;
	p7 = d2i_PKCS7(NULL, &p, (long)package.len);
	assert_non_null(p7);
	assert_true(PKCS7_type_is_signed(p7));
	assert_int_equal(sk_X509_num(p7->d.sign->cert), 1);
	len = i2d_X509(sk_X509_value(p7->d.sign->cert, 0), &der);
	assert_true(len > 0);
	assert_int_equal(fuda_buf_set(ret, der, (size_t)len), 0);
	OPENSSL_free(der);
	PKCS7_free(p7);
}

static int try_code(const struct fuda_buf *request, const char *code, struct fuda_buf *ret)
{
	struct enrolment e;
	int status;

	prepare(&e, enroll, request, code);
	serve(&e.x);
	status = e.x.status;
	if (status == 200 && ret)
		take_certificate(&e.x, ret);
	finish(&e);
	return status;
}

static void tells_what_anybody_may_know(void **state)
{
	struct exchange x = EXCHANGE("GET", "/.well-known/est/cacerts");
	_cleanup_buf_ struct fuda_buf der = REQUEST_BUF;
	const uint8_t *own;
	size_t len;

	(void)state;
	serve(&x);
	assert_int_equal(x.status, 200);
	take_certificate(&x, &der);
	own = ca_certificate(service.ca, &len);
	assert_int_equal(der.len, len);
	assert_memory_equal(der.data, own, len);
	x.answers = 0;
	x.request.path = "/.well-known/est/csrattrs";
	serve(&x);
	assert_int_equal(x.status, 200);
	assert_string_equal(x.type, "application/csrattrs");
	fuda_buf_clear(&der);
	assert_int_equal(base64_decode((const char *)x.body.data, x.body.len, &der), 0);
	/* as `openssl asn1parse` takes it: all of it one object */
	assert_int_equal(der.len, 2 + der.data[1]);
	assert_non_null(memmem(der.data, der.len, "\x2A\x86\x48\xCE\x3D\x04\x03\x02", 8));
	assert_non_null(memmem(der.data, der.len, "\x2A\x86\x48\xCE\x3D\x03\x01\x07", 8));
	exchange_free(&x);
}

static void serves_its_paths(void **state)
{
	static const struct {
		const char *method, *path;
		int status;
	} rows[] = {
		{ "POST", "/.well-known/est/cacerts", 405 },  { "POST", "/.well-known/est/csrattrs", 405 },
		{ "GET", "/.well-known/est/simpleenroll", 405 }, { "PUT", "/.well-known/est/simplereenroll", 405 },
		{ "DELETE", "/crl/terminals.crl", 405 },      { "GET", "/.well-known/est/", 404 },
		{ "GET", "/.well-known/est/cacerts/", 404 },  { "GET", "/.well-known/est/label/cacerts", 404 },
		{ "GET", "/.well-known/est/CACERTS", 404 },   { "POST", "/.well-known/est/serverkeygen", 404 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exchange x = EXCHANGE(rows[i].method, rows[i].path);

		assert_int_equal(est_serves(rows[i].path), rows[i].status != 404);
		serve(&x);
		if (x.status != rows[i].status)
			fail_msg("%s %s: %d", rows[i].method, rows[i].path, x.status);
		exchange_free(&x);
	}
}

static void enrols(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, other = REQUEST_BUF, der = REQUEST_BUF,
				      again = REQUEST_BUF;
	char code[CODE_TEXT], small[CODE_TEXT];
	struct terminal_identity identity;
	struct enrolment e;
	uint8_t id[ID_BYTES];
	const char *why;

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	make_request("P-256", &other);
	prepare(&e, enroll, &request, code);
	serve(&e.x);
	assert_int_equal(e.x.status, 202);
	assert_int_equal(e.x.retry_after, EST_RETRY);
	assert_int_equal(e.x.body.len, 0);
	finish(&e);
	newest_terminal(id);
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, shown(&request), NULL), 0);
	assert_int_equal(try_code(&other, code, NULL), 401);
	assert_int_equal(try_code(&request, code, &der), 200);
	assert_int_equal(ca_identify(ctx, service.ca, der.data, der.len, time(NULL), &identity, &why), 0);
	assert_memory_equal(identity.id, id, ID_BYTES);
	for (size_t i = 0; i < CODE_TEXT; i++)
		small[i] = (char)(code[i] >= 'A' ? code[i] + 32 : code[i]);
	assert_int_equal(try_code(&request, small, &again), 200);
	assert_int_equal(again.len, der.len);
	assert_memory_equal(again.data, der.data, der.len);
	assert_int_equal(try_code(&other, code, NULL), 401);
	assert_int_equal(give_order("hanako", TERMINAL_SUSPEND, id, NULL, NULL), 0);
	assert_int_equal(try_code(&request, code, NULL), 403);
	assert_int_equal(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL), 0);
	assert_int_equal(try_code(&request, code, NULL), 403);
}

static void refuses_what_is_no_request(void **state)
{
	static const char *const bodies[] = { "", "!", "AAAA", "MIIB", "MAA=", "=" };
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, longer = REQUEST_BUF, p384 = REQUEST_BUF;
	char code[CODE_TEXT];
	struct enrolment e;

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	make_request("P-384", &p384);
	assert_int_equal(fuda_buf_append(&longer, request.data, request.len), 0);
	assert_int_equal(fuda_buf_append(&longer, "\0", 1), 0);
	assert_int_equal(try_code(&longer, code, NULL), 400);
	assert_int_equal(try_code(&p384, code, NULL), 400);
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		prepare(&e, enroll, &request, code);
		e.x.request.body = (const uint8_t *)bodies[i];
		e.x.request.body_len = strlen(bodies[i]);
		serve(&e.x);
		assert_int_equal(e.x.status, 400);
		finish(&e);
	}
	prepare(&e, enroll, &request, code);
	e.x.request.content_type = "application/json";
	serve(&e.x);
	assert_int_equal(e.x.status, 415);
	finish(&e);
	request.data[request.len - 3] ^= 1; /* its signature */
	assert_int_equal(try_code(&request, code, NULL), 400);
	assert_int_equal(NUMBER("SELECT count(*) FROM terminal"), 0);
	/* none of it was a guess */
	request.data[request.len - 3] ^= 1;
	assert_int_equal(try_code(&request, code, NULL), 202);
}

/* Whatever is wrong with a code, the answer is the same. */
static void tells_nothing_of_codes(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, used = REQUEST_BUF;
	char code[CODE_TEXT], expired[CODE_TEXT];
	const char *const wrong[] = { "ABCD-EFGH-JKLM", "x", "", code, expired };
	const char *const odd[] = { "Basic", "Basic ", "Basic !", "Bearer abc", "Basic YQ==", "Digest a=b" };
	struct enrolment e;

	(void)state;
	make_code(1, code);
	make_request("P-256", &used);
	assert_int_equal(try_code(&used, code, NULL), 202);
	make_code(1, expired);
	SQL("UPDATE enrol_code SET expires = 0 WHERE used_by IS NULL");
	make_request("P-256", &request);
	for (size_t i = 0; i < ARRAY_SIZE(wrong) + 1; i++) {
		prepare(&e, enroll, &request, i < ARRAY_SIZE(wrong) ? wrong[i] : NULL);
		serve(&e.x);
		assert_int_equal(e.x.status, 401);
		assert_string_equal(e.x.challenge, "Basic realm=\"est\"");
		assert_string_equal(e.x.code, "unauthorized");
		assert_int_equal(e.x.body.len, strlen("Not authorized"));
		assert_int_equal(e.x.retry_after, 0);
		finish(&e);
	}
	meter_end(terminals_guesses(service.terminals));
	meter_init(terminals_guesses(service.terminals), TERMINAL_GUESSES, TERMINAL_GUESSES_EACH);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		prepare(&e, enroll, &request, NULL);
		e.x.request.authorization = odd[i];
		serve(&e.x);
		assert_int_equal(e.x.status, 401);
		assert_string_equal(e.x.code, "unauthorized");
		finish(&e);
	}
	assert_int_equal(NUMBER("SELECT count(*) FROM terminal"), 1);
}

/* Ten wrong ones a minute of each source, and some of all; right ones do not count, and wait all the same
 * once they are over. */
static void slows_guesses_down(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF;
	char code[CODE_TEXT];
	struct enrolment e;

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	for (int i = 0; i < 20; i++)
		assert_int_equal(try_code(&request, code, NULL), 202);
	for (int i = 0; i < TERMINAL_GUESSES_EACH; i++)
		assert_int_equal(try_code(&request, i % 2 ? "ABCD-EFGH-JKLM" : "nonsense", NULL), 401);
	prepare(&e, enroll, &request, code);
	serve(&e.x);
	assert_int_equal(e.x.status, 429);
	assert_in_range(e.x.retry_after, 1, 60);
	finish(&e);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'refused'"),
			 TERMINAL_GUESSES_EACH / 2);
	/* others enrol while he is told to wait, until too many do as he did */
	for (int i = TERMINAL_GUESSES_EACH; i <= TERMINAL_GUESSES; i++) {
		for (int wrong = 0; wrong < 2; wrong++) {
			prepare(&e, enroll, &request, wrong ? "nonsense" : code);
			e.x.request.source[0] = (uint8_t)(i / TERMINAL_GUESSES_EACH);
			serve(&e.x);
			assert_int_equal(e.x.status, i == TERMINAL_GUESSES ? 429 : wrong ? 401 : 202);
			finish(&e);
		}
	}
}

static int renew(const struct fuda_buf *certificate, const struct fuda_buf *request, char ret_code[64])
{
	struct enrolment e;
	int status;

	prepare(&e, reenroll, request, NULL);
	if (certificate) {
		e.x.request.certificate = certificate->data;
		e.x.request.certificate_len = certificate->len;
	}
	serve(&e.x);
	status = e.x.status;
	snprintf(ret_code, 64, "%s", e.x.code);
	finish(&e);
	return status;
}

static void renews(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF, fresh = REQUEST_BUF;
	uint8_t id[ID_BYTES];
	char code[64];

	(void)state;
	make_terminal(&request, &der, id);
	make_request("P-256", &fresh);
	assert_int_equal(renew(NULL, &fresh, code), 401);
	assert_string_equal(code, "terminal_unknown");
	assert_int_equal(renew(&request, &fresh, code), 401);
	assert_string_equal(code, "terminal_certificate_invalid");
	assert_int_equal(renew(&der, &fresh, code), 403);
	assert_string_equal(code, "too_early");
	SQL("UPDATE certificate SET not_before = not_before - 60 * 86400, not_after = not_after - 60 * 86400");
	assert_int_equal(renew(&der, &fresh, code), 200);
	assert_int_equal(renew(&der, &fresh, code), 200);
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate"), 2);
	SQL("UPDATE terminal SET state = 'suspended'"); /* by another process, a moment ago */
	assert_int_equal(renew(&der, &fresh, code), 403);
	assert_string_equal(code, "terminal_suspended");
	terminals_forget(service.terminals, id);
	assert_int_equal(renew(&der, &fresh, code), 401);
	assert_string_equal(code, "terminal_suspended");
}

static void gives_the_list(void **state)
{
	struct exchange x = EXCHANGE("GET", "/crl/terminals.crl");
	_cleanup_buf_ struct fuda_buf first = FUDA_BUF_INIT(1 << 20);
	const unsigned char *p;
	X509_CRL *crl;

	(void)state;
	serve(&x);
	assert_int_equal(x.status, 200);
	assert_string_equal(x.type, "application/pkix-crl");
	p = x.body.data;
	crl = d2i_X509_CRL(NULL, &p, (long)x.body.len);
	assert_non_null(crl);
	X509_CRL_free(crl);
	assert_int_equal(fuda_buf_append(&first, x.body.data, x.body.len), 0);
	x.answers = 0;
	serve(&x);
	assert_int_equal(x.body.len, first.len);
	assert_memory_equal(x.body.data, first.data, first.len);
	SQL("UPDATE crl SET this_update = this_update - 90000");
	x.answers = 0;
	serve(&x);
	assert_int_equal(x.status, 200);
	assert_int_equal(NUMBER("SELECT count(*) FROM crl"), 2);
	/* from the future: a clock was wrong */
	SQL("UPDATE crl SET this_update = this_update + 3 * 86400");
	x.answers = 0;
	serve(&x);
	assert_int_equal(x.status, 200);
	assert_int_equal(NUMBER("SELECT count(*) FROM crl"), 3);
	exchange_free(&x);
}

/* Where none can be made the last one is given, to its end. */
static void gives_the_last_list(void **state)
{
	struct exchange x = EXCHANGE("GET", "/crl/terminals.crl");

	(void)state;
	serve(&x);
	assert_int_equal(x.status, 200);
	SQL("CREATE TRIGGER full BEFORE INSERT ON crl BEGIN SELECT RAISE(ABORT, 'disk full'); END");
	SQL("UPDATE crl SET this_update = this_update - 90000");
	x.answers = 0;
	serve(&x);
	assert_int_equal(x.status, 200);
	assert_string_equal(x.type, "application/pkix-crl");
	SQL("UPDATE crl SET this_update = this_update - 6 * 86400");
	x.answers = 0;
	serve(&x);
	assert_int_equal(x.status, 503);
	exchange_free(&x);
}

/* Nor is one made while times cannot be judged, or what is done cannot be proven. */
static void makes_no_list_unfit(void **state)
{
	struct exchange x = EXCHANGE("GET", "/crl/terminals.crl");

	(void)state;
	serve(&x);
	for (int clock = 0; clock < 2; clock++) {
		atomic_bool *unfit = clock ? &service.health.clock : &service.health.audit;

		atomic_store(unfit, true);
		SQL("UPDATE crl SET this_update = this_update - 90000");
		x.answers = 0;
		serve(&x);
		assert_int_equal(x.status, 200);
		SQL("UPDATE crl SET this_update = this_update - 6 * 86400");
		x.answers = 0;
		serve(&x);
		assert_int_equal(x.status, 503);
		assert_string_equal(x.code, clock ? "clock_untrusted" : "audit_broken");
		assert_int_equal(NUMBER("SELECT count(*) FROM crl"), clock + 1);
		atomic_store(unfit, false);
		x.answers = 0;
		serve(&x);
		assert_int_equal(x.status, 200);
		assert_int_equal(NUMBER("SELECT count(*) FROM crl"), clock + 2);
	}
	exchange_free(&x);
}

static void says_that_the_database_is_away(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF;
	struct enrolment e;
	char code[CODE_TEXT];

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	SQL("ALTER TABLE enrol_code RENAME TO elsewhere");
	for (int i = 0; i < 2 * TERMINAL_GUESSES; i++)
		assert_int_equal(try_code(&request, code, NULL), 503);
	prepare(&e, enroll, &request, code);
	serve(&e.x);
	assert_string_equal(e.x.code, "database_unavailable");
	assert_true(e.x.retry_after > 0);
	finish(&e);
	SQL("ALTER TABLE elsewhere RENAME TO enrol_code");
	assert_int_equal(try_code(&request, code, NULL), 202);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, stand_teardown)
		WITH(tells_what_anybody_may_know),
		WITH(serves_its_paths),
		WITH(enrols),
		WITH(refuses_what_is_no_request),
		WITH(tells_nothing_of_codes),
		WITH(slows_guesses_down),
		WITH(renews),
		WITH(gives_the_list),
		WITH(gives_the_last_list),
		WITH(makes_no_list_unfit),
		WITH(says_that_the_database_is_away),
#undef WITH
	};

	return RUN(tests);
}
