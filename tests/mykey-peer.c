/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/mykey-peer.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "service/ca.h"

static void die(const char *what)
{
	fprintf(stderr, "mykey-peer: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

/* ---- the CA ---- */

static EVP_PKEY *ca_key;
static X509 *ca;
static char ca_pem[4096];

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, ca ? ca : x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!e || X509_add_ext(x, e, -1) != 1)
		die(value);
	X509_EXTENSION_free(e);
}

static void add_environment(X509 *x, const char *text)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(CA_ENVIRONMENT_OID, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;
	uint8_t der[64] = { 0x0C, (uint8_t)strlen(text) };

	memcpy(der + 2, text, strlen(text));
	ASN1_OCTET_STRING_set(octets, der, (int)strlen(text) + 2);
	e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, octets);
	if (!e || X509_add_ext(x, e, -1) != 1)
		die("environment");
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(oid);
}

static X509 *new_certificate(EVP_PKEY *key, const char *name, time_t from, time_t until)
{
	static long serial;
	X509 *x = X509_new();
	X509_NAME *subject = x ? X509_get_subject_name(x) : NULL;

	if (!subject || !X509_set_version(x, X509_VERSION_3) || !ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial) ||
	    !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0) ||
	    !X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &from) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x), 0, 0, &until) || !X509_set_pubkey(x, key) ||
	    !X509_set_issuer_name(x, ca ? X509_get_subject_name(ca) : subject))
		die("certificate");
	return x;
}

static void make_ca(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	time_t now = time(NULL);

	pthread_mutex_lock(&lock);
	if (!ca) {
		X509 *x;
		BIO *out = BIO_new(BIO_s_mem());
		int n;

		ca_key = EVP_EC_gen("P-256");
		x = new_certificate(ca_key, "CA of a test", now - 3600, now + 86400);
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign");
		if (!X509_sign(x, ca_key, EVP_sha256()) || !PEM_write_bio_X509(out, x))
			die("CA");
		n = BIO_read(out, ca_pem, sizeof(ca_pem) - 1);
		ca_pem[n > 0 ? n : 0] = '\0';
		BIO_free(out);
		ca = x;
	}
	pthread_mutex_unlock(&lock);
}

const char *peer_ca(void)
{
	make_ca();
	return ca_pem;
}

/* Takes what OpenSSL made. */
static void to_buf(int len, uint8_t **der, struct fuda_buf *ret)
{
	if (len <= 0 || fuda_buf_set(ret, *der, (size_t)len) < 0)
		die("DER");
	OPENSSL_free(*der);
}

void peer_issue(const uint8_t *csr, size_t len, const struct peer_certificate *what, struct fuda_buf *ret_der)
{
	X509_REQ *request = d2i_X509_REQ(NULL, &csr, (long)len);
	EVP_PKEY *key = request ? X509_REQ_get_pubkey(request) : NULL;
	uint8_t *der = NULL;
	char san[200];
	X509 *x;

	make_ca();
	if (!key || X509_REQ_verify(request, key) != 1)
		die("request");
	if (what->other_key) {
		EVP_PKEY_free(key);
		key = EVP_EC_gen("P-256");
	}
	x = new_certificate(key, "terminal", what->not_before, what->not_after);
	add_extension(x, NID_ext_key_usage, "clientAuth");
	if (what->uri) {
		snprintf(san, sizeof(san), "URI:%s", what->uri);
		add_extension(x, NID_subject_alt_name, san);
	}
	if (what->environment)
		add_environment(x, what->environment);
	if (!X509_sign(x, ca_key, EVP_sha256()))
		die("sign");
	to_buf(i2d_X509(x, &der), &der, ret_der);
	X509_free(x);
	EVP_PKEY_free(key);
	X509_REQ_free(request);
}

void peer_pkcs7(const struct fuda_buf *certificates, size_t count, struct fuda_buf *ret_der)
{
	PKCS7 *p = PKCS7_new();
	uint8_t *der = NULL;

	make_ca();
	if (!p || !PKCS7_set_type(p, NID_pkcs7_signed) || !PKCS7_content_new(p, NID_pkcs7_data))
		die("PKCS #7");
	PKCS7_set_detached(p, 1);
	PKCS7_add_certificate(p, ca);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = certificates[i].data;
		X509 *x = d2i_X509(NULL, &at, (long)certificates[i].len);

		if (!x || !PKCS7_add_certificate(p, x))
			die("PKCS #7");
		X509_free(x);
	}
	to_buf(i2d_PKCS7(p, &der), &der, ret_der);
	PKCS7_free(p);
}

/* ---- the peer ---- */

struct mykey_peer {
	enum peer_kind kind;
	peer_handler handle;
	void *arg;
	int listener, stop[2];
	SSL_CTX *tls;
	char origin[64];
	pthread_t thread;
	_Atomic int requests, connections, fd;
	struct peer_request request;
	struct peer_answer answer;
};

/* Who the client is, and since when, is not what is tested. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static SSL_CTX *make_tls(enum peer_kind kind)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256"), *signer = NULL;
	time_t now = time(NULL);
	X509 *x = new_certificate(key, "service", now - 7200, now + (kind == PEER_EXPIRED ? -3600 : 3600));

	add_extension(x, NID_subject_alt_name,
		      kind == PEER_OTHER_HOST ? "DNS:elsewhere.example" : "IP:127.0.0.1,DNS:localhost");
	signer = kind == PEER_FORGED ? EVP_EC_gen("P-256") : kind == PEER_OTHER_CA ? key : ca_key;
	if (kind == PEER_OTHER_CA)
		X509_set_issuer_name(x, X509_get_subject_name(x));
	if (!tls || !X509_sign(x, signer, EVP_sha256()) || SSL_CTX_use_certificate(tls, x) != 1 ||
	    SSL_CTX_use_PrivateKey(tls, key) != 1)
		die("TLS");
	if (kind == PEER_FORGED)
		EVP_PKEY_free(signer);
	if (kind == PEER_OLD_TLS) {
		SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(tls, TLS1_1_VERSION);
		SSL_CTX_set_security_level(tls, 0);
	}
	X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), ca);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, accept_any);
	SSL_CTX_set_session_id_context(tls, (const uint8_t *)"peer", 4);
	X509_free(x);
	EVP_PKEY_free(key);
	return tls;
}

/* Reads a head, then as much body as it says. 0 at the end of the connection. */
static int read_request(SSL *ssl, struct peer_request *rq)
{
	size_t len = 0;
	const char *field;

	memset(rq, 0, sizeof(*rq));
	while (!strstr(rq->head, "\r\n\r\n")) {
		if (len + 1 >= sizeof(rq->head) || SSL_read(ssl, rq->head + len, 1) != 1)
			return 0;
		rq->head[++len] = '\0';
	}
	if (sscanf(rq->head, "%7s %159s", rq->method, rq->target) != 2)
		return 0;
	field = strcasestr(rq->head, "\r\ncontent-length:");
	rq->body_len = field ? strtoul(field + 17, NULL, 10) : 0;
	if (rq->body_len >= sizeof(rq->body))
		return 0;
	for (size_t got = 0; got < rq->body_len;) {
		int n = SSL_read(ssl, rq->body + got, (int)(rq->body_len - got));

		if (n <= 0)
			return 0;
		got += (size_t)n;
	}
	return 1;
}

static void note_client(SSL *ssl, struct peer_request *rq)
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	uint8_t *der = NULL;
	int len = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;

	rq->certified = x != NULL;
	if (len > 0 && (size_t)len <= sizeof(rq->key)) {
		memcpy(rq->key, der, (size_t)len);
		rq->key_len = (size_t)len;
	}
	OPENSSL_free(der);
}

/* False if the connection shall end. */
static bool send_answer(SSL *ssl, struct peer_answer *a)
{
	char head[1024];
	size_t len = a->body_len ? a->body_len : strlen(a->body);
	int n;

	if (a->delay_ms)
		poll(NULL, 0, a->delay_ms);
	if (a->drop)
		return false;
	if (!a->raw) {
		n = snprintf(head, sizeof(head),
			     "HTTP/1.1 %d Said\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
			     a->status ? a->status : 200, a->type ? a->type : "application/json", len, a->head);
		if (SSL_write(ssl, head, n) != n)
			return false;
	}
	if (len > (size_t)a->cut && SSL_write(ssl, a->body, (int)(len - a->cut)) <= 0)
		return false;
	return !a->raw && !a->cut;
}

static void serve(struct mykey_peer *p, int fd)
{
	SSL *ssl = SSL_new(p->tls);
	bool more;

	p->connections++;
	SSL_set_fd(ssl, fd);
	more = SSL_accept(ssl) == 1;
	while (more && read_request(ssl, &p->request)) {
		note_client(ssl, &p->request);
		memset(&p->answer, 0, sizeof(p->answer));
		p->handle(p->arg, &p->request, &p->answer);
		p->requests++;
		more = send_answer(ssl, &p->answer);
	}
	SSL_free(ssl);
}

static void *run(void *arg)
{
	struct mykey_peer *p = arg;
	sigset_t pipes;
	struct pollfd fds[2] = { { .fd = p->listener, .events = POLLIN }, { .fd = p->stop[0], .events = POLLIN } };

	/* clients go when they please */
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipes, NULL);
	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		int fd = accept(p->listener, NULL, NULL);
		struct timeval patience = { .tv_sec = 10 };

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		p->fd = fd;
		if (p->kind == PEER_NO_TLS)
			(void)!write(fd, "220 a greeting of something else\r\n", 34);
		else
			serve(p, fd);
		p->fd = -1;
		close(fd);
	}
	return NULL;
}

struct mykey_peer *peer_start(enum peer_kind kind, peer_handler handle, void *arg)
{
	struct mykey_peer *p = calloc(1, sizeof(*p));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	make_ca();
	p->kind = kind;
	p->handle = handle;
	p->arg = arg;
	p->fd = -1;
	p->tls = make_tls(kind);
	p->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&a, len) < 0 || listen(p->listener, 16) < 0 ||
	    getsockname(p->listener, (struct sockaddr *)&a, &len) < 0 || pipe(p->stop) < 0 ||
	    pthread_create(&p->thread, NULL, run, p))
		die("listener");
	snprintf(p->origin, sizeof(p->origin), "https://127.0.0.1:%d", ntohs(a.sin_port));
	return p;
}

void peer_stop(struct mykey_peer **peer)
{
	struct mykey_peer *p = *peer;

	if (!p)
		return;
	if (write(p->stop[1], "", 1) != 1)
		die("stop");
	if (p->fd >= 0)
		shutdown(p->fd, SHUT_RDWR); /* a client that is still there is not waited for */
	pthread_join(p->thread, NULL);
	close(p->listener);
	close(p->stop[0]);
	close(p->stop[1]);
	SSL_CTX_free(p->tls);
	free(p);
	*peer = NULL;
}

const char *peer_origin(const struct mykey_peer *peer)
{
	return peer->origin;
}

int peer_requests(struct mykey_peer *peer)
{
	return peer->requests;
}

int peer_connections(struct mykey_peer *peer)
{
	return peer->connections;
}
