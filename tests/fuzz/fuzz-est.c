/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to EST: the input's first byte says which path and method, whether with the certificate of a
 * terminal, with the input as one, or with an authorization that is its first line; the rest is the
 * body. Nothing but a code and its approval may lead to a certificate. */
#include "tests/fuzz/fuzz.h"

#include "codec/base64.h"
#include "service/est.h"
#include "service/meter.h"
#include "tests/enrol-stand.h"
#include "tests/exchange.h"

static struct fuda_buf certificate, body, renewal;
static char code[CODE_TEXT];
static bool ready;

static void tidy(void)
{
	void *state = NULL;

	fuda_buf_free(&certificate);
	fuda_buf_free(&body);
	fuda_buf_free(&renewal);
	stand_teardown(&state);
}

static void encode(const struct fuda_buf *der, struct fuda_buf *ret)
{
	if (base64_encode(der->data, der->len, false, ret) < 0)
		abort();
}

static void make_service(void)
{
	struct fuda_buf request = REQUEST_BUF;
	uint8_t id[ID_BYTES];
	void *state = NULL;

	if (ready)
		return;
	ready = true;
	certificate = body = renewal = REQUEST_BUF;
	if (stand_setup(&state) < 0)
		abort();
	atexit(tidy);
	make_town();
	make_terminal(&request, &certificate, id);
	SQL("UPDATE certificate SET not_before = not_before - 60 * 86400, not_after = not_after - 60 * 86400");
	make_request("P-256", &request);
	encode(&request, &renewal);
	make_request("P-256", &request);
	encode(&request, &body);
	make_code(1, code);
	fuda_buf_free(&request);
}

/* No certificate for a code that nobody approved, nor without a certificate before. */
static void check(const struct exchange *x)
{
	static const int known[] = { 200, 202, 400, 401, 403, 404, 405, 415 };
	bool good = false;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		good = good || x->status == known[i];
	if (!good || x->answers != 1)
		abort();
	if (x->status == 200 && strcmp(x->request.path, "/.well-known/est/simpleenroll") == 0)
		abort();
	if (x->status == 200 && strcmp(x->request.path, "/.well-known/est/simplereenroll") == 0 &&
	    !x->request.certificate)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const paths[] = { "/.well-known/est/simpleenroll", "/.well-known/est/simplereenroll",
					     "/.well-known/est/cacerts", "/.well-known/est/csrattrs",
					     "/.well-known/est/simpleenroll", "/.well-known/est/simplereenroll",
					     "/crl/terminals.crl", "/.well-known/est/other" };
	char authorization[HTTP_AUTHORIZATION_MAX + 1] = "";
	struct exchange x = EXCHANGE("POST", "");
	const uint8_t *end;
	size_t line;

	make_service();
	if (len == 0)
		return 0;
	x.request.path = paths[data[0] & 7];
	if (data[0] & 8)
		x.request.method = "GET";
	if (!(data[0] & 16))
		x.request.content_type = "application/pkcs10";
	end = memchr(data + 1, '\n', len - 1);
	line = end ? (size_t)(end - data - 1) : 0;
	if (line && line < sizeof(authorization) && !memchr(data + 1, 0, line))
		memcpy(authorization, data + 1, line);
	x.request.authorization = authorization;
	x.request.body = data + 1 + line + (end != NULL);
	x.request.body_len = len - 1 - line - (end != NULL);
	if (data[0] & 32) {
		x.request.certificate = data[0] & 64 ? certificate.data : x.request.body;
		x.request.certificate_len = data[0] & 64 ? certificate.len : x.request.body_len;
	}
	meter_end(terminals_guesses(service.terminals));
	meter_init(terminals_guesses(service.terminals), TERMINAL_GUESSES, TERMINAL_GUESSES_EACH);
	est_handle(&service, &x);
	exchange_wait(&x);
	check(&x);
	exchange_free(&x);
	return 0;
}

static void seed(uint8_t how, const char *line, const struct fuda_buf *text)
{
	uint8_t bytes[FUZZ_MAX];
	size_t len = 0;

	bytes[len++] = how;
	if (line) {
		memcpy(bytes + len, line, strlen(line));
		len += strlen(line);
	}
	bytes[len++] = '\n';
	if (len + text->len > sizeof(bytes))
		abort();
	memcpy(bytes + len, text->data, text->len);
	fuzz_seed(bytes, len + text->len);
}

static void fuzz_seeds(void)
{
	struct fuda_buf line = REQUEST_BUF;
	char plain[64];

	make_service();
	snprintf(plain, sizeof(plain), "name:%s", code);
	if (fuda_buf_append(&line, "Basic ", 6) < 0 ||
	    base64_encode(plain, strlen(plain), false, &line) < 0 || fuda_buf_append(&line, "", 1) < 0)
		abort();
	seed(0, (const char *)line.data, &body);
	seed(0, "Basic bmFtZTpBQkNELUVGR0gtSktMTQ==", &body);
	seed(0, NULL, &body);
	seed(1 | 32 | 64, NULL, &renewal);
	seed(1 | 32 | 64, NULL, &body);
	seed(1, NULL, &body);
	seed(1 | 32, NULL, &certificate);
	seed(2 | 8, NULL, &body);
	seed(3 | 8, NULL, &body);
	seed(6 | 8, NULL, &body);
	seed(7, NULL, &body);
	seed(16, (const char *)line.data, &body);
	fuda_buf_free(&line);
}
