/* SPDX-License-Identifier: Apache-2.0 */
/* Two processes' writers on one database, SQLite or what FUDA_TEST_POSTGRES names: what two do at once to one thing
 * comes out as if one had done it after the other. */
#include "service/enrol.h"

#include <openssl/x509.h>
#include <pthread.h>

#include "tests/enrol-stand.h"

enum { WORKERS = 8, ROUNDS = 4 };

static struct service second; /* the same with a writer of its own */

static int setup(void **state)
{
	struct writer_config w = { .who = "test", .queue = 64, .batch = 16 };

	any_database = true;
	if (stand_setup(state) < 0)
		return -1;
	second = service;
	w.where = service.config.database;
	w.keys = service.keys;
	if (writer_start(ctx, &w, &second.writer) < 0)
		return -1;
	make_town();
	return 0;
}

static int teardown(void **state)
{
	writer_stop(&second.writer, 1000);
	return stand_teardown(state);
}

/* One thread's part. The even ones use the first writer. */
struct worker_of {
	pthread_t thread;
	size_t number;
	pthread_barrier_t *start;
	int (*work)(struct worker_of *w);
	struct fuda_context *ctx;
	struct service *service;
	int result;
	/* what it needs */
	const char *code, *name, *hash;
	struct fuda_buf request;
	uint8_t terminal[ID_BYTES];
	enum terminal_act act;
};

static void *run_worker(void *arg)
{
	struct worker_of *w = arg;

	pthread_barrier_wait(w->start);
	w->result = w->work(w);
	return NULL;
}

static void run_all(struct worker_of *all, size_t count, int (*work)(struct worker_of *w))
{
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, (unsigned)count);
	for (size_t i = 0; i < count; i++) {
		all[i].number = i;
		all[i].start = &start;
		all[i].work = work;
		all[i].service = i % 2 ? &second : &service;
		assert_int_equal(fuda_context_new(&all[i].ctx), 0);
		assert_int_equal(pthread_create(&all[i].thread, NULL, run_worker, &all[i]), 0);
	}
	for (size_t i = 0; i < count; i++) {
		pthread_join(all[i].thread, NULL);
		fuda_context_free(&all[i].ctx);
	}
	pthread_barrier_destroy(&start);
}

static struct acting acting_of(const struct worker_of *w)
{
	struct acting by = { .service = w->service, .ctx = w->ctx };

	snprintf(by.operator, sizeof(by.operator), "%s", w->name);
	return by;
}

/* ---- one code ---- */

static int apply(struct worker_of *w)
{
	struct application a;
	int r = application_init(&a, w->service);

	if (r == 0)
		r = code_blind(w->service->keys, w->code, strlen(w->code), a.code);
	if (r == 0)
		r = fuda_buf_append(&a.request, w->request.data, w->request.len);
	if (r == 0)
		r = csr_check(w->ctx, w->request.data, w->request.len, &a.csr);
	if (r == 0) {
		application_ready(&a);
		r = writer_run(w->service->writer, &a.task);
	}
	if (r == 0)
		r = (int)a.end;
	application_free(&a);
	return r;
}

static void uses_a_code_once(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct worker_of all[WORKERS] = { 0 };
		char code[CODE_TEXT];
		int waits = 0;

		make_code(1, code);
		for (size_t i = 0; i < WORKERS; i++) {
			all[i].request = REQUEST_BUF;
			all[i].code = code;
			make_request("P-256", &all[i].request);
		}
		run_all(all, WORKERS, apply);
		for (size_t i = 0; i < WORKERS; i++) {
			waits += all[i].result == APPLICATION_WAITS;
			assert_true(all[i].result == APPLICATION_WAITS || all[i].result == APPLICATION_UNKNOWN);
			fuda_buf_free(&all[i].request);
		}
		assert_int_equal(waits, 1);
	}
	assert_int_equal(NUMBER("SELECT count(*) FROM terminal"), ROUNDS);
	assert_int_equal(NUMBER("SELECT count(*) FROM enrol_code WHERE used_by IS NOT NULL"), ROUNDS);
}

/* The same request by all of them: one application, and later one certificate. */
static void gives_one_certificate(void **state)
{
	struct worker_of all[WORKERS] = { 0 };
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF;
	char code[CODE_TEXT];
	uint8_t id[ID_BYTES];

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	for (size_t i = 0; i < WORKERS; i++) {
		all[i].request = request;
		all[i].code = code;
	}
	run_all(all, WORKERS, apply);
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(all[i].result, APPLICATION_WAITS);
	newest_terminal(id);
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, shown(&request), NULL), 0);
	run_all(all, WORKERS, apply);
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(all[i].result, APPLICATION_ISSUED);
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate"), 1);
}

/* ---- orders ---- */

static int order(struct worker_of *w)
{
	struct acting by = acting_of(w);
	struct terminal_order o = { .act = w->act, .csr_hash = w->hash, .comment = "", .reason = REASON_CESSATION };
	struct terminal_outcome outcome;

	memcpy(o.terminal, w->terminal, ID_BYTES);
	return enrol_order(&by, &o, &outcome);
}

/* None of two approvals at once is overlooked. */
static void counts_both(void **state)
{
	struct acting hanako = as("hanako");
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF;

	(void)state;
	assert_int_equal(operator_add(&hanako, "jiro", ROLE_APPROVER), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct worker_of all[2] = { { .name = "hanako" }, { .name = "jiro" } };
		char code[CODE_TEXT];

		make_code(2, code);
		make_request("P-256", &request);
		assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
		for (size_t i = 0; i < 2; i++) {
			newest_terminal(all[i].terminal);
			all[i].hash = shown(&request);
			all[i].act = TERMINAL_APPROVE;
		}
		run_all(all, 2, order);
		assert_int_equal(all[0].result, 0);
		assert_int_equal(all[1].result, 0);
		assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_ISSUED);
	}
}

/* Each list has those that were revoked before it: the last one has all. */
static void lists_all(void **state)
{
	struct worker_of all[WORKERS] = { 0 };
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF, list = FUDA_BUF_INIT(1 << 20);
	const unsigned char *p;
	X509_CRL *crl;
	int64_t made;

	(void)state;
	for (size_t i = 0; i < WORKERS; i++) {
		make_terminal(&request, &der, all[i].terminal);
		all[i].name = "hanako";
		all[i].act = TERMINAL_REVOKE;
	}
	run_all(all, WORKERS, order);
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(all[i].result, 0);
	assert_int_equal(terminals_crl(service.terminals, &list, &made), 0);
	p = list.data;
	crl = d2i_X509_CRL(NULL, &p, (long)list.len);
	assert_non_null(crl);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), WORKERS);
	X509_CRL_free(crl);
	assert_int_equal(NUMBER("SELECT count(*) FROM crl"), WORKERS);
}

/* ---- operators ---- */

static int drop_other(struct worker_of *w)
{
	struct acting by = acting_of(w);

	return operator_drop(&by, w->number ? "hanako" : "jiro");
}

/* Two admins who drop each other: one of them stays. */
static void keeps_an_admin(void **state)
{
	struct worker_of all[2] = { { .name = "hanako" }, { .name = "jiro" } };
	struct acting hanako = as("hanako");

	(void)state;
	assert_int_equal(operator_add(&hanako, "jiro", ROLE_ADMIN), 0);
	run_all(all, 2, drop_other);
	assert_true((all[0].result == 0) != (all[1].result == 0));
	assert_int_equal(NUMBER("SELECT count(*) FROM operator WHERE state = 'active'"), 1);
}

static int add_org(struct worker_of *w)
{
	struct acting by = acting_of(w);
	uint8_t id[ID_BYTES];

	return operator_add_org(&by, "Village", "municipality", id);
}

static void adds_once(void **state)
{
	struct worker_of all[WORKERS] = { 0 };
	int added = 0;

	(void)state;
	for (size_t i = 0; i < WORKERS; i++)
		all[i].name = "hanako";
	run_all(all, WORKERS, add_org);
	for (size_t i = 0; i < WORKERS; i++) {
		added += all[i].result == 0;
		assert_true(all[i].result == 0 || all[i].result == FUDA_EEXISTS);
	}
	assert_int_equal(added, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH(uses_a_code_once), WITH(gives_one_certificate), WITH(counts_both),
		WITH(lists_all),	WITH(keeps_an_admin),	     WITH(adds_once),
#undef WITH
	};

	return RUN(tests);
}
