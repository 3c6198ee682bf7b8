/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the audit trail is found where it was done: platform.md E2. */
#include "tests/audit-trail.h"

/* ---- rows ---- */

static void holds_what_was_said(void **state)
{
	(void)state;
	begin_trail(10);
	expect(0, "");
	assert_int_equal(totals.chains, 1);
	assert_int_equal(totals.rows, 11);
	assert_int_equal(totals.checkpoints, 0);
	assert_int_equal(ask("SELECT count(*) FROM audit WHERE action = 'bind' AND actor_kind = 'terminal'"), 10);
	assert_int_equal(ask("SELECT count(*) FROM audit WHERE seq = 1 AND action = 'audit-begin' "
			     "AND data LIKE '{\"who\":\"test 1\",\"keystore\":\"%-%\"}'"), 1);
}

static void nothing_at_all(void **state)
{
	(void)state;
	expect(0, "");
	assert_int_equal(totals.chains + totals.rows + totals.checkpoints, 0);
}

static void refuses_what_is_no_row(void **state)
{
	static char long_data[AUDIT_DATA + 2];
	const struct audit_entry bad[] = {
		{ "", NULL, "bind", NULL, "" },
		{ "Terminal", NULL, "bind", NULL, "" },
		{ "terminal", NULL, "", NULL, "" },
		{ "terminal", NULL, "bind it", NULL, "" },
		{ "terminal", NULL, "bind\n", NULL, "" },
		{ "terminal", NULL, "bind'", NULL, "" },
		{ "terminal", NULL, "b1nd", NULL, "" },
		{ "terminal", NULL, "a-word-that-is-far-too-long-to-be-one", NULL, "" },
		{ "terminal", NULL, "bind", NULL, "text" },
		{ "terminal", NULL, "bind", NULL, "\"text\"" },
		{ "terminal", NULL, "bind", NULL, "[]" },
		{ "terminal", NULL, "bind", NULL, "{} {}" },
		{ "terminal", NULL, "bind", NULL, "{\"a\":1" },
		{ "terminal", NULL, "bind", NULL, "{\"a\":1,\n\"b\":2}" },
		{ "terminal", NULL, "bind", NULL, "{\"a\":\"\t\"}" },
		{ "terminal", NULL, "bind", NULL, "{\"a\":\"\x7F\"}" },
		{ "terminal", NULL, "bind", NULL, "{\"a\":\"\xE2\x80\xAE\"}" }, /* turns the text around */
		{ "terminal", NULL, "bind", NULL, "{\"a\":\"\xFF\"}" },
		{ "terminal", NULL, "bind", NULL, long_data },
	};
	const struct audit_entry longest = { "terminal", NULL, "bind", NULL, long_data };

	(void)state;
	memset(long_data, ' ', sizeof(long_data) - 1);
	long_data[0] = '{';
	long_data[AUDIT_DATA] = '}';
	begin_trail(1);
	assert_int_equal(store_begin(store, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(audit_add(audit, store, &bad[i]), FUDA_EINVAL);
	long_data[AUDIT_DATA - 1] = '}';
	long_data[AUDIT_DATA] = 0;
	assert_int_equal(audit_add(audit, store, &longest), 0);
	assert_int_equal(store_commit(store), 0);
	expect(0, ""); /* the head stood still */
	assert_int_equal(totals.rows, 3);
}

static void refuses_nobody(void **state)
{
	struct audit *none = NULL;
	char long_who[66];

	(void)state;
	memset(long_who, 'w', 65);
	long_who[65] = 0;
	assert_int_equal(audit_begin(store, keys, "", &none), FUDA_EINVAL);
	assert_int_equal(audit_begin(store, keys, "a\nb", &none), FUDA_EINVAL);
	assert_int_equal(audit_begin(store, keys, "\xFF", &none), FUDA_EINVAL);
	assert_int_equal(audit_begin(store, keys, long_who, &none), FUDA_EINVAL);
	assert_null(none);
	assert_int_equal(audit_begin(store, keys, "quotes \" and \\", &none), 0);
	audit_free(&none);
	expect(0, "");
	assert_int_equal(totals.chains, 1);
}

/* A transaction that did not happen leaves no gap, and no row. */
static void goes_back(void **state)
{
	(void)state;
	begin_trail(3);
	audit_mark(audit);
	assert_int_equal(store_begin(store, true), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(audit_add(audit, store, &an_entry), 0);
	store_rollback(store);
	audit_undo(audit);
	add_rows(2);
	expect(0, "");
	assert_int_equal(totals.rows, 6);
	/* without going back, the rows that are missing are found */
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(audit_add(audit, store, &an_entry), 0);
	store_rollback(store);
	add_rows(1);
	expect(1, "1:7 row_missing\n");
}

/* Its first row is in the transaction of the second: both are there, or neither, and then again both. */
static void begins_late(void **state)
{
	struct audit *none = NULL;

	(void)state;
	assert_int_equal(audit_begin_late(keys, "a\nb", &none), FUDA_EINVAL);
	assert_null(none);
	assert_int_equal(audit_begin_late(keys, "late", &audit), 0);
	expect(0, "");
	assert_int_equal(totals.chains, 0);
	audit_mark(audit);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(audit_add(audit, store, &(struct audit_entry){ "x", NULL, "NO", NULL, "" }), FUDA_EINVAL);
	assert_int_equal(audit_add(audit, store, &an_entry), 0);
	store_rollback(store);
	audit_undo(audit);
	expect(0, "");
	assert_int_equal(totals.rows, 0);
	add_rows(2);
	expect(0, "");
	assert_int_equal(totals.chains, 1);
	assert_int_equal(totals.rows, 3);
}

static void chains_beside_each_other(void **state)
{
	struct audit *other = NULL, *first;

	(void)state;
	begin_trail(3);
	usleep(2000); /* as begin_trail() does: within a millisecond their order is chance */
	assert_int_equal(audit_begin(store, keys, "another", &other), 0);
	first = audit;
	for (int i = 0; i < 400; i++) { /* more than a page */
		audit = i % 3 ? first : other;
		add_rows(1);
	}
	audit = first;
	audit_free(&other);
	expect(0, "");
	assert_int_equal(totals.chains, 2);
	assert_int_equal(totals.rows, 405);
	tamper("UPDATE audit SET action = 'link' WHERE seq = 200");
	expect(1, "1:200 row_changed\n");
}

/* ---- tampering ---- */

static void each_column(void **state)
{
	static const char *const changes[] = {
		"seq = seq + 0, at = at + 1",
		"at = 0",
		"at = 'yesterday'",
		"actor_kind = 'operator'",
		"actor_kind = ''",
		"actor = x'00112233445566778899aabbccddeeff'",
		"actor = NULL",
		"actor = x''",
		"actor = CAST(actor AS TEXT)",
		"actor = object, object = actor",
		"action = 'unlink'",
		"action = action || ' '",
		"actor_kind = 'terminalb', action = 'ind'", /* the same letters */
		"object = NULL",
		"object = x'00'",
		"data = ''",
		"data = '{\"result\":\"no\"}'",
		"data = CAST(data AS BLOB)",
		"data = replace(hex(zeroblob(5000)), '00', 'long')",
		"hash = x'0000000000000000000000000000000000000000000000000000000000000000'",
		"hash = x''",
		"hash = 'text'",
		"hash = (SELECT a.hash FROM audit a WHERE a.seq = 4)",
	};

	(void)state;
	begin_trail(8);
	tamper("CREATE TABLE kept AS SELECT * FROM audit");
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char text[512];

		for (int seq = 1; seq <= 9; seq += 4) { /* the first, one between, the last */
			snprintf(text, sizeof(text), "UPDATE audit SET %s WHERE seq = %d", changes[i], seq);
			tamper(text);
			snprintf(text, sizeof(text), "1:%d row_changed\n", seq);
			/* the first row has neither actor nor object */
			if (seq > 1 || !(strstr(changes[i], "= NULL") || strstr(changes[i], "actor = object") ||
					 strstr(changes[i], "CAST(actor")))
				expect(1, text);
			tamper("DELETE FROM audit");
			tamper("INSERT INTO audit SELECT * FROM kept");
		}
	}
	expect(0, "");
}

static void deleted(void **state)
{
	(void)state;
	begin_trail(8);
	tamper("CREATE TABLE kept AS SELECT * FROM audit");
	tamper("DELETE FROM audit WHERE seq = 5");
	expect(1, "1:5 row_missing\n");
	tamper("DELETE FROM audit WHERE seq = 1");
	expect(2, "1:1 no_beginning\n1:5 row_missing\n");
	tamper("DELETE FROM audit WHERE seq < 8");
	expect(1, "1:1 no_beginning\n");
	tamper("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DELETE FROM audit WHERE seq IN (3, 4, 7)");
	expect(2, "1:3 row_missing\n1:7 row_missing\n");
}

static void swapped(void **state)
{
	(void)state;
	begin_trail(8);
	tamper("UPDATE audit SET seq = -4 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;"
	       "UPDATE audit SET seq = 5 WHERE seq = -4");
	expect_first("1:4 row_changed\n");
	tamper("UPDATE audit SET seq = seq + 1 WHERE seq = 9");
	expect_first("1:4 row_changed\n");
	assert_non_null(strstr(findings, "1:9 row_missing\n"));
}

static void forged(void **state)
{
	static const char copy[] = "INSERT INTO audit SELECT chain, %s, at, actor_kind, actor, action, object,"
				   " data, hash FROM audit WHERE seq = 4";
	static const struct {
		const char *seq, *found;
	} places[] = {
		{ "0", "1:0 no_beginning\n" },
		{ "-1", "1:-1 no_beginning\n" },
		{ "10", "1:10 row_changed\n" }, /* at the end */
		{ "9223372036854775807", "1:10 row_missing\n" },
	};

	(void)state;
	begin_trail(8);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char text[512];

		snprintf(text, sizeof(text), copy, places[i].seq);
		tamper(text);
		expect_first(places[i].found);
		tamper("DELETE FROM audit WHERE seq < 1 OR seq > 9");
		expect(0, "");
	}
	/* between two rows, the rest moved on */
	tamper("UPDATE audit SET seq = -seq WHERE seq > 4; UPDATE audit SET seq = 1 - seq WHERE seq < 0");
	tamper("INSERT INTO audit SELECT chain, 5, at, actor_kind, actor, action, object, data, hash FROM audit"
	       " WHERE seq = 4");
	expect_first("1:5 row_changed\n");
	/* a chain of its own, and one without a name */
	tamper("DELETE FROM audit WHERE seq > 4");
	expect(0, "");
	tamper("INSERT INTO audit SELECT x'ffffffffffffffffffffffffffffffff', 1, at, actor_kind, actor, action, object,"
	       " data, hash FROM audit WHERE seq = 4");
	expect(1, "2:1 row_changed\n");
	tamper("UPDATE audit SET chain = x'ff' WHERE seq = 1 AND action = 'bind'");
	expect(1, "0:1 row_changed\n");
	tamper("UPDATE audit SET chain = x'' WHERE chain = x'ff'");
	expect(1, "0:1 row_changed\n");
	assert_int_equal(totals.chains, 2);
}

/* One who can compute hashes changes a row and all behind it: only what was signed tells. */
static void rewritten(void **state)
{
	static const char change[] = "UPDATE audit SET data = '{}' WHERE seq = 5 AND chain ="
				     " (SELECT max(chain) FROM audit)";

	(void)state;
	begin_trail(8);
	tamper("CREATE TABLE kept AS SELECT * FROM audit");
	rewrite("");
	assert_int_equal(ask("SELECT count(*) FROM (SELECT * FROM audit EXCEPT SELECT * FROM kept)"), 0);
	rewrite(change);
	assert_int_equal(ask("SELECT count(*) FROM (SELECT * FROM audit EXCEPT SELECT * FROM kept)"), 5);
	expect(0, "");
	begin_trail(8);
	checkpoint(NULL);
	add_rows(3);
	expect(0, "");
	rewrite(change);
	expect(1, "2:9 checkpoint_head\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(holds_what_was_said, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_row, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(begins_late, setup, teardown),
		cmocka_unit_test_setup_teardown(chains_beside_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(each_column, setup, teardown),
		cmocka_unit_test_setup_teardown(deleted, setup, teardown),
		cmocka_unit_test_setup_teardown(swapped, setup, teardown),
		cmocka_unit_test_setup_teardown(forged, setup, teardown),
		cmocka_unit_test_setup_teardown(rewritten, setup, teardown),
	};

	return RUN(tests);
}
