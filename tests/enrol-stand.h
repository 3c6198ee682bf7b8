/* SPDX-License-Identifier: Apache-2.0 */
/* A service without HTTP in a folder of its own, with its first operator, and terminals that apply. */
#ifndef TESTS_ENROL_STAND_H
#define TESTS_ENROL_STAND_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "service/enrol.h"
#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct service service;
static struct store *db; /* the test's own view */
static bool any_database; /* set: what FUDA_TEST_POSTGRES names, emptied, instead of SQLite */

static inline struct acting as(const char *name)
{
	struct acting by = { .service = &service, .ctx = ctx, .uid = 4711 };

	snprintf(by.operator, sizeof(by.operator), "%s", name);
	return by;
}

/* Statements are known by their addresses: each place has one of its own. */
#define SQL(text)                                                             \
	do {                                                                  \
		static const struct statement sql_ = { text, 0 };             \
		assert_int_equal(store_begin(db, true), 0);                   \
		assert_int_equal(store_run(db, &sql_, NULL, NULL), 0);        \
		assert_int_equal(store_commit(db), 0);                        \
	} while (0)
#define NUMBER(text)                                                          \
	({                                                                    \
		static const struct statement sql_ = { text, 0 };             \
		_cleanup_rows_ struct rows rows_ = { 0 };                     \
		assert_int_equal(read_rows(db, &sql_, NULL, &rows_), 0);      \
		rows_.count ? rows_int(&rows_, 0, 0) : -1;                    \
	})

static inline int stand_start(void)
{
	struct writer_config w = { .where = service.config.database, .who = "test", .queue = 64, .batch = 16 };

	w.keys = service.keys;
	return writer_start(ctx, &w, &service.writer) < 0 || terminals_new(ctx, &service, &service.terminals) < 0;
}

static inline int stand_database(void)
{
	const char *postgres = any_database ? getenv("FUDA_TEST_POSTGRES") : NULL;

	if (postgres)
		snprintf(service.config.database, sizeof(service.config.database), "%s", postgres);
	else
		snprintf(service.config.database, sizeof(service.config.database), "sqlite:%s", scratch_path("db"));
	if (store_open(ctx, service.config.database, true, &db) < 0)
		return -1;
	if (postgres) {
		SQL("DROP SCHEMA public CASCADE");
		SQL("CREATE SCHEMA public");
	}
	return store_migrate(db);
}

static inline int stand_setup(void **state)
{
	struct acting by = as("hanako");

	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0)
		return -1;
	by.ctx = ctx;
	memset(&service, 0, sizeof(service));
	service.ctx = ctx;
	service.config.code_hours = 72;
	service.config.approvals = 1;
	snprintf(service.config.folder, sizeof(service.config.folder), "%s", scratch);
	snprintf(service.config.environment, sizeof(service.config.environment), "test");
	if (keys_create(ctx, scratch) < 0 || keys_open(ctx, scratch, &service.keys) < 0 ||
	    ca_create(ctx, scratch, "test") < 0 || ca_open(ctx, scratch, &service.ca) < 0 ||
	    stand_database() < 0 || stand_start())
		return -1;
	return operator_add(&by, "hanako", ROLE_ADMIN | ROLE_REGISTRAR | ROLE_APPROVER | ROLE_AUDITOR) < 0 ? -1 : 0;
}

static inline int stand_teardown(void **state)
{
	writer_stop(&service.writer, 1000);
	terminals_free(&service.terminals);
	ca_free(&service.ca);
	keys_free(&service.keys);
	store_close(&db);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

/* ---- terminals ---- */

/* A PKCS#10 request for a fresh key of this curve. */
static inline void make_request(const char *curve, struct fuda_buf *ret)
{
	EVP_PKEY *key = EVP_EC_gen(curve);
	X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	int len;

	assert_non_null(key);
	assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
	assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	len = i2d_X509_REQ(request, &der);
	assert_true(len > 0);
	fuda_buf_clear(ret);
	assert_int_equal(fuda_buf_append(ret, der, (size_t)len), 0);
	OPENSSL_free(der);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
}

#define REQUEST_BUF FUDA_BUF_INIT(8192)

/* One organisation with two sectors. */
static inline void make_town(void)
{
	struct acting by = as("hanako");
	uint8_t id[ID_BYTES];

	assert_int_equal(operator_add_org(&by, "Town", "municipality", id), 0);
	assert_int_equal(operator_add_sector(&by, "library", "Town", "library", id), 0);
	assert_int_equal(operator_add_sector(&by, "citizen-card", "Town", "general", id), 0);
}

static inline void make_code(int approvals, char ret[CODE_TEXT])
{
	struct acting by = as("hanako");
	struct code_request q = { "Town", "Counter 1", { "library", "citizen-card" }, 2, approvals };

	assert_int_equal(enrol_make_code(&by, &q, ret), 0);
}

/* What a terminal gets that asks so; the certificate goes to `ret` if it is not NULL. */
static inline enum application_end ask_with_code(const char *code, const struct fuda_buf *request,
						 struct fuda_buf *ret)
{
	struct application a;
	enum application_end end;

	assert_int_equal(application_init(&a, &service), 0);
	assert_int_equal(code_blind(service.keys, code, strlen(code), a.code), 0);
	assert_int_equal(fuda_buf_append(&a.request, request->data, request->len), 0);
	assert_int_equal(csr_check(ctx, request->data, request->len, &a.csr), 0);
	application_ready(&a);
	assert_int_equal(writer_run(service.writer, &a.task), 0);
	end = a.end;
	if (end == APPLICATION_ISSUED && ret)
		assert_int_equal(fuda_buf_set(ret, a.certificate.data, a.certificate.len), 0);
	application_free(&a);
	return end;
}

static inline enum application_end ask_with_certificate(const struct fuda_buf *certificate,
							const struct fuda_buf *request, struct fuda_buf *ret)
{
	struct terminal_identity identity;
	struct application a;
	enum application_end end;
	const char *why;

	assert_int_equal(ca_identify(ctx, service.ca, certificate->data, certificate->len, time(NULL), &identity, &why),
			 0);
	assert_int_equal(application_init(&a, &service), 0);
	a.renewal = true;
	memcpy(a.terminal, identity.id, ID_BYTES);
	memcpy(a.serial, identity.serial, CA_SERIAL);
	assert_int_equal(fuda_buf_append(&a.request, request->data, request->len), 0);
	assert_int_equal(csr_check(ctx, request->data, request->len, &a.csr), 0);
	application_ready(&a);
	assert_int_equal(writer_run(service.writer, &a.task), 0);
	end = a.end;
	if (end == APPLICATION_ISSUED && ret)
		assert_int_equal(fuda_buf_set(ret, a.certificate.data, a.certificate.len), 0);
	application_free(&a);
	return end;
}

/* The terminal that applied last. */
static inline void newest_terminal(uint8_t ret[ID_BYTES])
{
	static const struct statement sql = { "SELECT id FROM terminal ORDER BY created DESC LIMIT 1", 0 };
	_cleanup_rows_ struct rows rows = { 0 };

	assert_int_equal(read_rows(db, &sql, NULL, &rows), 0);
	assert_int_equal(rows.count, 1);
	assert_int_equal(rows_bytes(&rows, 0, 0, ret, ID_BYTES), 0);
}

/* The hash of a request, as the terminal shows it. */
static inline const char *shown(const struct fuda_buf *request)
{
	static char text[65];
	struct csr csr;

	assert_int_equal(csr_check(ctx, request->data, request->len, &csr), 0);
	for (size_t i = 0; i < sizeof(csr.hash); i++)
		snprintf(text + 2 * i, 3, "%02x", csr.hash[i]);
	return text;
}

static inline int give_order(const char *who, enum terminal_act act, const uint8_t id[ID_BYTES],
			     const char *csr_hash, struct terminal_outcome *ret)
{
	struct acting by = as(who);
	struct terminal_order order = { .act = act, .csr_hash = csr_hash, .comment = "because",
					.reason = REASON_KEY_COMPROMISE };
	struct terminal_outcome outcome;

	memcpy(order.terminal, id, ID_BYTES);
	return enrol_order(&by, &order, ret ? ret : &outcome);
}

/* A terminal that may act: its request, certificate and id. */
static inline void make_terminal(struct fuda_buf *request, struct fuda_buf *certificate, uint8_t ret[ID_BYTES])
{
	char code[CODE_TEXT];

	make_code(1, code);
	make_request("P-256", request);
	assert_int_equal(ask_with_code(code, request, NULL), APPLICATION_WAITS);
	newest_terminal(ret);
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, ret, shown(request), NULL), 0);
	assert_int_equal(ask_with_code(code, request, certificate), APPLICATION_ISSUED);
}

#endif
