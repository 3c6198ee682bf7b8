/* SPDX-License-Identifier: Apache-2.0 */
/* TLS, and what a client shows in it. Keys and certificates are made here. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <time.h>

#include "tests/http-peer.h"

enum { PEM_MAX = 4096, MANY = 16, REQUESTS = 200 };

/* Who is there: two authorities, a server, and a client of each. */
enum { CA, OTHER_CA, SERVER, CLIENT, OTHER_CLIENT, WHO };
static gnutls_x509_privkey_t keys[WHO];
static gnutls_x509_crt_t certs[WHO];
static char cert_pem[WHO][PEM_MAX], key_pem[WHO][PEM_MAX];
static gnutls_datum_t cert_der[WHO];

#define GOOD(call) assert_int_equal(call, 0)

static void make(int who, int issuer, const char *name)
{
	const time_t now = time(NULL);
	size_t len;

	GOOD(gnutls_x509_privkey_init(&keys[who]));
	GOOD(gnutls_x509_privkey_generate(keys[who], GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
					  0));
	GOOD(gnutls_x509_crt_init(&certs[who]));
	GOOD(gnutls_x509_crt_set_version(certs[who], 3));
	GOOD(gnutls_x509_crt_set_serial(certs[who], &(uint8_t){ (uint8_t)(who + 1) }, 1));
	GOOD(gnutls_x509_crt_set_dn_by_oid(certs[who], GNUTLS_OID_X520_COMMON_NAME, 0, name,
					   (unsigned)strlen(name)));
	GOOD(gnutls_x509_crt_set_activation_time(certs[who], now - 3600));
	GOOD(gnutls_x509_crt_set_expiration_time(certs[who], now + 3600));
	GOOD(gnutls_x509_crt_set_key(certs[who], keys[who]));
	GOOD(gnutls_x509_crt_set_basic_constraints(certs[who], who == CA || who == OTHER_CA, -1));
	GOOD(gnutls_x509_crt_sign2(certs[who], certs[issuer], keys[issuer], GNUTLS_DIG_SHA256, 0));
	len = PEM_MAX;
	GOOD(gnutls_x509_crt_export(certs[who], GNUTLS_X509_FMT_PEM, cert_pem[who], &len));
	len = PEM_MAX;
	GOOD(gnutls_x509_privkey_export(keys[who], GNUTLS_X509_FMT_PEM, key_pem[who], &len));
	GOOD(gnutls_x509_crt_export2(certs[who], GNUTLS_X509_FMT_DER, &cert_der[who]));
}

static int make_all(void **state)
{
	(void)state;
	make(CA, CA, "CA of terminals");
	make(OTHER_CA, OTHER_CA, "another CA");
	make(SERVER, CA, "server");
	make(CLIENT, CA, "terminal");
	make(OTHER_CLIENT, OTHER_CA, "terminal of another");
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	for (int i = 0; i < WHO; i++) {
		gnutls_free(cert_der[i].data);
		gnutls_x509_crt_deinit(certs[i]);
		gnutls_x509_privkey_deinit(keys[i]);
	}
	return 0;
}

/* ---- the server: answers what certificate it was shown, as a letter; "/later" by another thread ---- */

static char letter_of(const struct http_request *q)
{
	if (!q->certificate)
		return '-';
	for (int i = 0; i < WHO; i++)
		if (q->certificate_len == cert_der[i].size &&
		    memcmp(q->certificate, cert_der[i].data, cert_der[i].size) == 0)
			return (char)('0' + i);
	return '?';
}

static void *answer_who(void *arg)
{
	char letter = letter_of(http_request(arg));

	http_answer(arg, &(struct http_answer){ .status = 200, .content_type = "text/plain", .body = &letter,
						.body_len = 1 });
	return NULL;
}

static void handle(void *arg, struct exchange *x)
{
	pthread_t thread;

	(void)arg;
	if (strcmp(http_request(x)->path, "/later") == 0) {
		pthread_create(&thread, NULL, answer_who, x);
		pthread_detach(thread);
	} else {
		answer_who(x);
	}
}

static struct http *up(struct fuda_context *ctx, bool ca, int threads, int idle)
{
	static const struct http_listener l = { .address = "127.0.0.1:0", .tls = true };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = threads, .connections = 64,
				 .idle_seconds = idle, .tls_certificate = cert_pem[SERVER],
				 .tls_key = key_pem[SERVER], .tls_client_ca = ca ? cert_pem[CA] : NULL,
				 .handle = handle };
	struct http *http = NULL;

	assert_int_equal(http_start(ctx, &c, &http), 0);
	return http;
}

/* ---- the client ---- */

struct client {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	int fd;
};

/* Sends its certificate even where the server names no authority of it. */
static int give(gnutls_session_t session, const gnutls_datum_t *names, int count,
		const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_retr2_st *ret)
{
	int who = (int)(intptr_t)gnutls_session_get_ptr(session);

	(void)names;
	(void)count;
	(void)algorithms;
	(void)algorithm_count;
	memset(ret, 0, sizeof(*ret));
	if (who >= 0) {
		ret->cert_type = GNUTLS_CRT_X509;
		ret->key_type = GNUTLS_PRIVKEY_X509;
		ret->ncerts = 1;
		ret->cert.x509 = &certs[who];
		ret->key.x509 = keys[who];
	}
	return 0;
}

/* 0, or the error of the handshake. `who`: -1 for nobody. */
static int open_client(struct client *c, int port, int who, const char *priorities, const gnutls_datum_t *resume)
{
	int r;

	c->fd = peer_socket(port);
	assert_true(c->fd >= 0);
	GOOD(gnutls_certificate_allocate_credentials(&c->credentials));
	gnutls_certificate_set_retrieve_function(c->credentials, give);
	GOOD(gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL));
	gnutls_session_set_ptr(c->session, (void *)(intptr_t)who);
	GOOD(gnutls_priority_set_direct(c->session, priorities, NULL));
	GOOD(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials));
	if (resume)
		GOOD(gnutls_session_set_data(c->session, resume->data, resume->size));
	gnutls_transport_set_int(c->session, c->fd);
	gnutls_handshake_set_timeout(c->session, PEER_WAIT_MS);
	gnutls_record_set_timeout(c->session, PEER_WAIT_MS);
	do
		r = gnutls_handshake(c->session);
	while (r < 0 && !gnutls_error_is_fatal(r));
	return r;
}

static void close_client(struct client *c)
{
	gnutls_deinit(c->session);
	gnutls_certificate_free_credentials(c->credentials);
	close(c->fd);
}

static bool say(struct client *c, const char *text)
{
	return gnutls_record_send(c->session, text, strlen(text)) == (ssize_t)strlen(text);
}

/* The next answer's only byte; 0 if none came. Answers are read as they come, and kept. */
static char hear(struct client *c)
{
	char text[4096];
	size_t len = 0;
	const char *end;

	for (;;) {
		ssize_t n;

		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end && (size_t)(end - text) + 5 <= len)
			break;
		n = gnutls_record_recv(c->session, text + len, 1); /* no byte of the next */
		if (n <= 0 || len + 2 > sizeof(text))
			return 0;
		len++;
	}
	return strncmp(text, "HTTP/1.1 200 ", 13) == 0 ? end[4] : 0;
}

static const char any[] = "NORMAL";
static const char get_request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void shows_who_is_there(void **state)
{
	static const char *const versions[] = { any, "NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3" };
	static const int whos[] = { -1, CLIENT, OTHER_CLIENT };
	struct fuda_context *ctx;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	for (int ca = 0; ca < 2; ca++) {
		struct http *http = up(ctx, ca, 1, 30);

		for (size_t v = 0; v < ARRAY_SIZE(versions); v++)
			for (size_t w = 0; w < ARRAY_SIZE(whos); w++) {
				struct client c;

				assert_int_equal(open_client(&c, http_port(http, 0), whos[w], versions[v], NULL), 0);
				for (int n = 0; n < 3; n++) {
					assert_true(say(&c, get_request));
					assert_int_equal(hear(&c), whos[w] < 0 ? '-' : '0' + whos[w]);
				}
				close_client(&c);
			}
		http_stop(&http);
	}
	fuda_context_free(&ctx);
}

static void refuses_old_versions(void **state)
{
	static const char *const old[] = { "NORMAL:-VERS-ALL:+VERS-TLS1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.0" };
	struct fuda_context *ctx;
	struct http *http;
	struct client c;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	http = up(ctx, true, 1, 30);
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		assert_true(open_client(&c, http_port(http, 0), CLIENT, old[i], NULL) < 0);
		close_client(&c);
	}
	{ /* nor what is no TLS */
		struct peer p = peer_of(peer_socket(http_port(http, 0)));

		assert_true(peer_say(&p, get_request));
		while (peer_more(&p, 5000) > 0)
			;
		assert_null(strstr(p.text, "200"));
		peer_close(&p);
	}
	http_stop(&http);
	fuda_context_free(&ctx);
}

/* A certificate is another's without his key. */
static void asks_for_the_key(void **state)
{
	gnutls_x509_privkey_t own = keys[CLIENT];
	struct fuda_context *ctx;
	struct http *http;
	struct client c;
	int r;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	http = up(ctx, true, 1, 30);
	keys[CLIENT] = keys[OTHER_CLIENT];
	r = open_client(&c, http_port(http, 0), CLIENT, any, NULL);
	keys[CLIENT] = own;
	/* a client of TLS 1.3 is done before it is judged */
	assert_true(r < 0 || !say(&c, get_request) || hear(&c) == 0);
	close_client(&c);
	http_stop(&http);
	fuda_context_free(&ctx);
}

/* No session is resumed; so none is without the certificate that it had. */
static void begins_anew(void **state)
{
	static const char *const versions[] = { "NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3" };
	struct fuda_context *ctx;
	struct http *http;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	http = up(ctx, true, 1, 30);
	for (size_t v = 0; v < ARRAY_SIZE(versions); v++) {
		gnutls_datum_t data = { NULL, 0 };
		struct client c;

		assert_int_equal(open_client(&c, http_port(http, 0), CLIENT, versions[v], NULL), 0);
		assert_true(say(&c, get_request));
		assert_int_equal(hear(&c), '0' + CLIENT);
		assert_int_equal(gnutls_session_get_flags(c.session) & GNUTLS_SFLAGS_SESSION_TICKET, 0);
		GOOD(gnutls_session_get_data2(c.session, &data));
		close_client(&c);
		assert_int_equal(open_client(&c, http_port(http, 0), CLIENT, versions[v], data.size ? &data : NULL), 0);
		assert_int_equal(gnutls_session_is_resumed(c.session), 0);
		assert_true(say(&c, get_request));
		assert_int_equal(hear(&c), '0' + CLIENT);
		close_client(&c);
		gnutls_free(data.data);
	}
	http_stop(&http);
	fuda_context_free(&ctx);
}

/* Edge-triggered events and suspended connections, with records that hold more than one request or less:
 * nothing stalls. */
static void keeps_many_alive(const char *path, int threads, int requests)
{
	struct client c[MANY];
	struct fuda_context *ctx;
	struct http *http;
	char text[512], six[2048] = "";

	assert_int_equal(fuda_context_new(&ctx), 0);
	http = up(ctx, true, threads, 30);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(open_client(&c[i], http_port(http, 0), i % 2 ? CLIENT : -1, any, NULL), 0);
	snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345", path);
	for (int n = 0; n < requests; n++) {
		for (int i = 0; i < MANY; i++)
			if (n % 3)
				assert_true(say(&c[i], text));
			else /* in two records */
				assert_true(gnutls_record_send(c[i].session, text, 20) == 20 && say(&c[i], text + 20));
		for (int i = 0; i < MANY; i++)
			assert_int_equal(hear(&c[i]), i % 2 ? '0' + CLIENT : '-');
	}
	for (int n = 0; n < 6; n++)
		snprintf(six + strlen(six), sizeof(six) - strlen(six), "%s", text);
	for (int i = 0; i < MANY; i++)
		assert_true(say(&c[i], six));
	for (int i = 0; i < MANY; i++) {
		for (int n = 0; n < 6; n++)
			assert_int_equal(hear(&c[i]), i % 2 ? '0' + CLIENT : '-');
		close_client(&c[i]);
	}
	http_stop(&http);
	fuda_context_free(&ctx);
}

static void never_stalls(void **state)
{
	(void)state;
	keeps_many_alive("/", 2, REQUESTS);
	keeps_many_alive("/later", 1, REQUESTS / 4);
	keeps_many_alive("/later", 3, REQUESTS / 4);
}

/* Bodies that fill records, and a body of which the last part comes alone. */
static void long_bodies(void **state)
{
	static char text[HTTP_BODY_MAX + 256];
	struct fuda_context *ctx;
	struct http *http;
	struct client c;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	http = up(ctx, true, 1, 30);
	assert_int_equal(open_client(&c, http_port(http, 0), CLIENT, any, NULL), 0);
	for (int len = HTTP_BODY_MAX - 40; len <= HTTP_BODY_MAX; len++) {
		size_t at = 0, all;

		snprintf(text, sizeof(text), "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%*s", len,
			 len, "x");
		for (all = strlen(text); at < all;) {
			ssize_t n = gnutls_record_send(c.session, text + at, all - at);

			assert_true(n > 0);
			at += (size_t)n;
		}
		assert_int_equal(hear(&c), '0' + CLIENT);
	}
	close_client(&c);
	http_stop(&http);
	fuda_context_free(&ctx);
}

/* Who begins to shake hands and does not go on. */
static void ends_the_slow(void **state)
{
	static const uint8_t hello[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01 };
	struct fuda_context *ctx;
	struct http *http;
	struct peer p;
	bool ended = false;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	http = up(ctx, true, 1, 1);
	p = peer_of(peer_socket(http_port(http, 0)));
	assert_true(peer_say_bytes(&p, hello, sizeof(hello)));
	for (int i = 0; i < 70 && !ended; i++) {
		(void)peer_say_bytes(&p, "\x01", 1);
		ended = peer_more(&p, 50) == 0;
	}
	assert_true(ended);
	peer_close(&p);
	http_stop(&http);
	fuda_context_free(&ctx);
}

static void starts_with_what_fits(void **state)
{
	static const struct http_listener l = { .address = "127.0.0.1:0", .tls = true };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = 1, .handle = handle };
	struct fuda_context *ctx;
	struct http *http = NULL;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(http_start(ctx, &c, &http), FUDA_EINVAL);
	c.tls_certificate = cert_pem[SERVER];
	assert_int_equal(http_start(ctx, &c, &http), FUDA_EINVAL);
	c.tls_key = key_pem[CLIENT];
	assert_int_equal(http_start(ctx, &c, &http), FUDA_EFORMAT);
	c.tls_key = "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n";
	assert_int_equal(http_start(ctx, &c, &http), FUDA_EFORMAT);
	assert_null(http);
	fuda_context_free(&ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_who_is_there), cmocka_unit_test(refuses_old_versions),
		cmocka_unit_test(asks_for_the_key), cmocka_unit_test(begins_anew), cmocka_unit_test(never_stalls),
		cmocka_unit_test(long_bodies), cmocka_unit_test(ends_the_slow), cmocka_unit_test(starts_with_what_fits),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, make_all, free_all);
}
