/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail over each kind of database: that its statements mean the same there. */
#include "tests/test-store.h"

#include "service/audit-inside.h"

static struct keys *keys;
static struct audit *audit;
static const uint8_t somebody[ID_BYTES] = "somebody's id..", thing[ID_BYTES] = "a thing's id...";
static const struct audit_entry an_entry = { "terminal", somebody, "bind", thing, "{\"result\":\"ok\"}" },
				short_entry = { "service", NULL, "crl-make", NULL, "" };

static int setup(void **state)
{
	if (store_setup(state) < 0 || store_migrate(store) < 0)
		return -1;
	return keys_create(ctx, scratch) < 0 || keys_open(ctx, scratch, &keys) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	audit_free(&audit);
	keys_free(&keys);
	return store_teardown(state);
}

static void add_rows(int count)
{
	assert_int_equal(store_begin(store, true), 0);
	for (int i = 0; i < count; i++)
		assert_int_equal(audit_add(audit, store, i % 3 ? &an_entry : &short_entry), 0);
	assert_int_equal(store_commit(store), 0);
	audit_mark(audit);
}

static void begin_trail(int count)
{
	audit_free(&audit);
	usleep(2000); /* so that its id is behind the one before it */
	assert_int_equal(audit_begin(store, keys, "test", &audit), 0);
	add_rows(count);
}

/* A chain of `count` rows, of which the first is `days` old and each next one a day younger. */
static void old_trail(int count, int days)
{
	static const struct statement insert = {
		"INSERT INTO audit (" AUDIT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", 9
	};
	uint8_t hash[AUDIT_HASH] = { 0 }, chain[ID_BYTES];

	assert_int_equal(id_new(chain), 0);
	assert_int_equal(store_begin(store, true), 0);
	for (int i = 0; i < count; i++) {
		const struct datum row[] = { BYTES(chain, ID_BYTES), INT(i + 1), INT(now_us() - (days - i) * DAY_US),
					     TEXT("service"), NONE, TEXT("crl-make"), NONE, TEXT(""),
					     BYTES(hash, AUDIT_HASH) };

		assert_int_equal(audit_hash(hash, row, hash), 0);
		assert_int_equal(store_run(store, &insert, row, NULL), 0);
	}
	assert_int_equal(store_commit(store), 0);
}

struct heard {
	int count;
	int64_t seq;
	const char *what;
};

static void hear(void *arg, const struct audit_finding *f)
{
	struct heard *h = arg;

	if (h->count++ == 0) {
		h->seq = f->seq;
		h->what = f->what;
	}
}

static struct audit_totals expect(const char *what, int64_t seq)
{
	struct audit_totals totals = { 0 };
	struct heard heard = { 0 };
	int e = audit_verify(store, keys, hear, &heard, &totals);

	if (e != (what ? FUDA_EVERIFY : 0))
		fail_msg("%s %s: %s", fuda_error_name(e), heard.what ? heard.what : "", fuda_context_message(ctx));
	if (what) {
		assert_string_equal(heard.what, what);
		assert_int_equal(heard.seq, seq);
	}
	return totals;
}

static void checkpoint(struct fuda_buf *json)
{
	fuda_buf_clear(json);
	if (audit_checkpoint(store, keys, json) < 0 || fuda_buf_append(json, "", 1) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

static void walks(void **state)
{
	struct audit_totals t;

	(void)state;
	t = expect(NULL, 0);
	assert_int_equal(t.chains + t.rows + t.checkpoints, 0);
	begin_trail(300);
	begin_trail(300);
	t = expect(NULL, 0);
	assert_int_equal(t.chains, 2);
	assert_int_equal(t.rows, 602);
	do_it(store, "UPDATE audit SET action = 'show' WHERE seq = 200");
	expect("row_changed", 200);
	do_it(store, "DELETE FROM audit WHERE seq = 200");
	expect("row_missing", 200);
	do_it(store, "DELETE FROM audit WHERE seq = 1");
	expect("no_beginning", 1);
}

static void signs(void **state)
{
	struct fuda_buf first = FUDA_BUF_INIT(1 << 20), second = first;
	struct audit_finding f;
	int64_t at = 0;

	(void)state;
	begin_trail(3);
	begin_trail(70);
	assert_int_equal(audit_last_checkpoint(store, &at), 0);
	assert_int_equal(at, 0);
	for (int i = 0; i < 100; i++) /* more than are asked for at once */
		old_trail(1, 3);
	checkpoint(&first);
	add_rows(10);
	checkpoint(&second);
	assert_int_equal(audit_last_checkpoint(store, &at), 0);
	assert_true(at > now_us() - 60 * SECONDS_US && at <= now_us());
	assert_int_equal(expect(NULL, 0).checkpoints, 2);
	assert_int_equal(audit_compare(store, keys, (const char *)first.data, &f), 0);
	assert_int_equal(audit_compare(store, keys, (const char *)second.data, &f), 0);
	assert_true(first.len > second.len + 100 * MARK_BYTES);
	do_it(store, "DELETE FROM audit WHERE seq > 75");
	expect("row_missing", 76);
	assert_int_equal(audit_compare(store, keys, (const char *)first.data, &f), 0); /* it ended before */
	assert_int_equal(audit_compare(store, keys, (const char *)second.data, &f), FUDA_EVERIFY);
	assert_int_equal(f.seq, 76);
	fuda_buf_free(&first);
	fuda_buf_free(&second);
}

static int take(void *arg, const char *line)
{
	++*(int *)arg;
	return line[0] == '{' ? 0 : FUDA_EFORMAT;
}

static int lines(struct audit_query q)
{
	int count = 0, e = audit_query(store, &q, take, &count);

	if (e < 0)
		fail_msg("%s: %s", fuda_error_name(e), fuda_context_message(ctx));
	return count;
}

static void is_read(void **state)
{
	(void)state;
	assert_int_equal(lines((struct audit_query){ 0 }), 0);
	begin_trail(600);
	old_trail(10, 10);
	assert_int_equal(lines((struct audit_query){ 0 }), 611);
	assert_int_equal(lines((struct audit_query){ .action = "bind" }), 400);
	assert_int_equal(lines((struct audit_query){ .action = "crl-make" }), 210);
	assert_int_equal(lines((struct audit_query){ .action = "it's" }), 0);
	assert_int_equal(lines((struct audit_query){ .object = thing }), 400);
	assert_int_equal(lines((struct audit_query){ .object = somebody }), 0);
	assert_int_equal(lines((struct audit_query){ .from = now_us() - 4 * DAY_US - DAY_US / 2 }), 605);
	assert_int_equal(lines((struct audit_query){ .until = now_us() - 4 * DAY_US - DAY_US / 2 }), 6);
	assert_int_equal(lines((struct audit_query){ "bind", thing, 1, INT64_MAX }), 400);
}

static void is_pruned(void **state)
{
	struct fuda_buf json = FUDA_BUF_INIT(1 << 20);
	struct audit_finding f;
	int64_t deleted = 0;

	(void)state;
	old_trail(50, 450);
	old_trail(10, 450);
	begin_trail(5);
	checkpoint(&json);
	assert_int_equal(audit_prune(store, keys, now_us() - 399 * DAY_US, &deleted), FUDA_EINVAL);
	assert_int_equal(audit_prune(store, keys, now_us() - 430 * DAY_US, &deleted), 0);
	assert_int_equal(deleted, 21 + 10);
	expect(NULL, 0);
	assert_int_equal(audit_prune(store, keys, now_us() - 410 * DAY_US, &deleted), 0);
	assert_int_equal(deleted, 20);
	assert_int_equal(expect(NULL, 0).rows, 9 + 6);
	assert_int_equal(audit_compare(store, keys, (const char *)json.data, &f), 0);
	do_it(store, "DELETE FROM audit WHERE seq = 42");
	expect("no_beginning", 42);
	do_it(store, "UPDATE audit_pruned SET seq = 42");
	expect("row_changed", 43);
	fuda_buf_free(&json);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(walks), CASE(signs), CASE(is_read), CASE(is_pruned) };

	return STORE_RUN(tests);
}
