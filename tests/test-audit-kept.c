/* SPDX-License-Identifier: Apache-2.0 */
/* How the audit trail is read, and how long it is kept: platform.md E1 and E3. */
#include "tests/audit-trail.h"

#include "codec/json.h"

#define DAY INT64_C(86400000000)

/* ---- reading ---- */

struct reading {
	int count, most;
	char lines[20][1024];
	int64_t last_at;
};

/* Every line is a JSON object of its own. */
static int take(void *arg, const char *line)
{
	struct reading *r = arg;
	const char *member, *why;
	int64_t at;
	const struct json_field fields[] = { { "at", JSON_NUMBER, true, &at, 0, NULL } };

	assert_null(strchr(line, '\n'));
	assert_int_equal(json_read_some(line, strlen(line), fields, 1, &member, &why), 0);
	assert_true(at >= r->last_at);
	r->last_at = at;
	if (r->count < 20)
		snprintf(r->lines[r->count], sizeof(r->lines[0]), "%s", line);
	return ++r->count == r->most ? 42 : 0;
}

static struct reading read_trail(const struct audit_query *query, int most, int want)
{
	struct reading r = { .most = most };

	assert_int_equal(audit_query(store, query, take, &r), want);
	return r;
}

static void lines(void **state)
{
	const struct audit_query all = { NULL };
	struct reading r;
	char want[1024], chain[ID_TEXT], hash[65], when[64];
	uint8_t id[ID_BYTES];
	sqlite3_stmt *row;
	time_t seconds;

	(void)state;
	r = read_trail(&all, 0, 0);
	assert_int_equal(r.count, 0);
	begin_trail(2);
	r = read_trail(&all, 0, 0);
	assert_int_equal(r.count, 3);
	row = prepared("SELECT at, chain, hex(hash) FROM audit WHERE seq = 2");
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	memcpy(id, sqlite3_column_blob(row, 1), ID_BYTES);
	id_text(id, chain);
	snprintf(hash, sizeof(hash), "%s", (const char *)sqlite3_column_text(row, 2));
	seconds = (time_t)(sqlite3_column_int64(row, 0) / 1000000);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", gmtime(&seconds));
	snprintf(want, sizeof(want), "{\"time\":\"%s.%06dZ\",\"at\":%" PRId64 ",\"chain\":\"%s\",\"seq\":2,"
		 "\"actor_kind\":\"terminal\",\"actor\":\"736f6d65-626f-6479-2773-2069642e2e00\","
		 "\"action\":\"bind\",\"object\":\"61207468-696e-6727-7320-69642e2e2e00\","
		 "\"data\":{\"result\":\"ok\"},\"hash\":\"%s\"}",
		 when, (int)(sqlite3_column_int64(row, 0) % 1000000), (int64_t)sqlite3_column_int64(row, 0), chain,
		 hash);
	sqlite3_finalize(row);
	assert_string_equal(r.lines[1], want);
	assert_null(strstr(r.lines[0], "\"object\"")); /* it has none */
	assert_non_null(strstr(r.lines[0], "\"data\":{\"who\":\"test 1\""));
}

static void asked_for(void **state)
{
	const uint8_t none[ID_BYTES] = { 9 };
	struct audit_query q = { .action = "bind" };

	(void)state;
	begin_trail(700);
	begin_trail(20);
	assert_int_equal(read_trail(&q, 0, 0).count, 720);
	q.action = "audit-begin";
	assert_int_equal(read_trail(&q, 0, 0).count, 2);
	q.action = "bind' OR '1'='1";
	assert_int_equal(read_trail(&q, 0, 0).count, 0);
	q = (struct audit_query){ .object = thing };
	assert_int_equal(read_trail(&q, 0, 0).count, 720);
	q.object = none;
	assert_int_equal(read_trail(&q, 0, 0).count, 0);
	q = (struct audit_query){ 0 };
	assert_int_equal(read_trail(&q, 0, 0).count, 722);
	assert_int_equal(read_trail(&q, 300, 42).count, 300); /* who reads may end it */
}

/* What the rows say of operators has their names; ids of nobody stay what they are. */
static void names(void **state)
{
	static const struct {
		const char *change, *want, *lacks;
	} cases[] = {
		{ "UPDATE operator SET id = (SELECT actor FROM audit WHERE seq = 2)",
		  "\",\"actor_name\":\"hanako\",\"action\"", "object_name" },
		{ "UPDATE operator SET state = 'dropped'", "\",\"actor_name\":\"hanako\",\"action\"", "object_name" },
		{ "UPDATE operator SET name = 'ha\"' || char(10) || 'nako'",
		  "\",\"actor_name\":\"ha\\\"\\u000Anako\",\"action\"", "object_name" },
		{ "UPDATE operator SET id = (SELECT object FROM audit WHERE seq = 2), name = 'taro'",
		  "\",\"object_name\":\"taro\",\"data\"", "actor_name" },
		{ "UPDATE operator SET id = x'00'", "\"actor\":\"736f", "_name" },
		{ "DELETE FROM operator", "\"actor\":\"736f", "_name" },
	};
	const struct audit_query bind = { .action = "bind" };

	(void)state;
	begin_trail(1);
	tamper("INSERT INTO operator VALUES (x'00', 'hanako', 'admin', 'active', 1)");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading r;

		tamper(cases[i].change);
		r = read_trail(&bind, 0, 0);
		assert_int_equal(r.count, 1);
		assert_non_null(strstr(r.lines[0], cases[i].want));
		assert_null(strstr(r.lines[0], cases[i].lacks));
	}
}

/* From a time on, that one included, and to one, that not. */
static void times(void **state)
{
	struct audit_query q = { 0 };

	(void)state;
	begin_trail(600);
	rewrite("UPDATE audit SET at = 1000 * (seq / 2)"); /* two of each */
	assert_int_equal(read_trail(&q, 0, 0).count, 601);
	q.from = 5000;
	q.until = 8000;
	assert_int_equal(read_trail(&q, 0, 0).count, 6);
	q.until = 5000;
	assert_int_equal(read_trail(&q, 0, 0).count, 0);
	q.until = 5001;
	assert_int_equal(read_trail(&q, 0, 0).count, 2);
	q.from = 5001;
	q.until = 0;
	assert_int_equal(read_trail(&q, 0, 0).count, 601 - 11);
}

/* Whatever was done to a row, it does not speak for another, nor to the screen. */
static void tampered(void **state)
{
	static const char *const changes[] = {
		"data = '{\"a\":1},\"action\":\"x\"'",
		"data = '\"'",
		"data = x'ff00'",
		"data = 'a' || char(10) || 'b'",
		"data = '{\"a\":\"' || char(27) || '[2J\"}'",
		"data = CAST(x'ff' AS TEXT)",
		"data = 7",
		"data = replace(hex(zeroblob(50000)), '00', 'x')",
		"action = '\"},{\"', actor_kind = char(10)",
		"action = CAST(x'80' AS TEXT)",
		"action = replace(hex(zeroblob(50000)), '00', 'x')",
		"actor = 'x\"'",
		"actor = x'00'",
		"object = 5",
		"hash = 'no'",
		"hash = zeroblob(100000)",
		"at = 9223372036854775806",
		"chain = 'x', seq = 77",
		("(actor_kind, actor, action, object, data) = (SELECT c, c, c, c, c FROM"
		 " (SELECT replace(hex(zeroblob(1000)), '00', char(1)) AS c))"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct audit_query all = { 0 };
		char text[256];
		struct reading r;

		begin_trail(1);
		snprintf(text, sizeof(text), "UPDATE audit SET %s WHERE seq = 2", changes[i]);
		tamper(text);
		r = read_trail(&all, 0, 0);
		assert_int_equal(r.count, 2);
		for (int j = 0; j < 2; j++)
			assert_null(strpbrk(r.lines[j], "\x1B\n\r"));
		tamper("DELETE FROM audit");
	}
}

/* ---- forgetting ---- */

static int64_t days_ago(int days)
{
	return now_us() - days * DAY;
}

/* A chain whose row `seq` is 500 - `seq` days old. */
static void old_trail(int count)
{
	char text[256];

	begin_trail(count - 1);
	snprintf(text, sizeof(text), "UPDATE audit SET at = at - %" PRId64 " + seq * %" PRId64
		 " WHERE chain = (SELECT max(chain) FROM audit)", 500 * DAY, DAY);
	rewrite(text);
	/* what the writer knows must be what is written */
	audit_free(&audit);
}

static void prune(int64_t before, int want, int64_t want_deleted)
{
	int64_t deleted = -1;

	assert_int_equal(audit_prune(store, keys, before, &deleted), want);
	assert_int_equal(deleted, want == 0 ? want_deleted : -1);
}

static void keeps_400_days(void **state)
{
	(void)state;
	old_trail(200);
	prune(days_ago(399), FUDA_EINVAL, 0);
	prune(days_ago(400) + SECONDS_US, FUDA_EINVAL, 0);
	prune(INT64_MAX, FUDA_EINVAL, 0);
	assert_int_equal(ask("SELECT count(*) FROM audit"), 200);
	prune(days_ago(600), 0, 0);
	prune(0, 0, 0);
	prune(INT64_MIN, 0, 0);
	assert_int_equal(ask("SELECT count(*) FROM audit_checkpoint"), 0); /* for nothing, none */
	expect(0, "");
	prune(days_ago(401), 0, 99);
	assert_int_equal(ask("SELECT min(seq) FROM audit"), 100);
	expect(0, "");
	assert_int_equal(totals.rows, 101);
	assert_int_equal(totals.checkpoints, 1);
	prune(days_ago(401), 0, 0);
	expect(0, "");
}

/* Several chains, one of them all old, and on and on. */
static void what_is_left_verifies(void **state)
{
	(void)state;
	old_trail(10);
	old_trail(200);
	begin_trail(5);
	checkpoint(NULL);
	prune(days_ago(480), 0, 10 + 20);
	expect(0, "");
	assert_int_equal(totals.chains, 2);
	add_rows(2);
	checkpoint(NULL);
	prune(days_ago(450), 0, 30);
	prune(days_ago(420), 0, 30);
	expect(0, "");
	assert_int_equal(ask("SELECT min(seq) FROM audit WHERE seq > 50"), 81);
	/* the first one left, whose hash was made with what is gone */
	tamper("UPDATE audit SET action = 'show' WHERE seq = 81");
	expect(1, "2:81 row_changed\n");
}

/* A long chain goes in steps, each with the chain's new beginning in the same transaction. */
static void in_steps(void **state)
{
	struct fuda_buf line = FUDA_BUF_INIT(1 << 20);

	(void)state;
	begin_trail(12000);
	rewrite("UPDATE audit SET at = at - 500 * 86400000000");
	audit_free(&audit);
	begin_trail(1);
	checkpoint(&line);
	tamper("CREATE TABLE kept AS SELECT * FROM audit");
	prune(days_ago(450), 0, 12001);
	expect(0, "");
	assert_int_equal(ask("SELECT count(*) FROM audit"), 2);
	/* stopped behind the second step */
	tamper("INSERT INTO audit SELECT * FROM kept WHERE seq > 10000");
	tamper("UPDATE audit_pruned SET seq = 10000, hash = (SELECT hash FROM kept WHERE seq = 10000)");
	expect(0, "");
	assert_int_equal(totals.rows, 2003);
	prune(days_ago(450), 0, 2001);
	expect(0, "");
	assert_int_equal(audit_compare(store, keys, (const char *)line.data, &(struct audit_finding){ 0 }), 0);
	fuda_buf_free(&line);
}

/* Nobody else prunes: a beginning that is cut off is found, whatever the table says. */
static void cut_off(void **state)
{
	static const char *const changes[] = {
		/* a row more, with the hash that it had */
		"INSERT OR REPLACE INTO audit_pruned SELECT chain, seq, hash, 1 FROM audit WHERE seq = 20;"
		"DELETE FROM audit WHERE seq <= 20",
		"INSERT OR REPLACE INTO audit_pruned SELECT chain, seq, hash, 7 FROM audit WHERE seq = 20;"
		"DELETE FROM audit WHERE seq <= 20",
		"UPDATE audit_pruned SET checkpoint = 2",
		"UPDATE audit_pruned SET hash = zeroblob(32)",
		"UPDATE audit_pruned SET hash = x''",
		"UPDATE audit_pruned SET seq = 0",
		"DELETE FROM audit_pruned",
		"DELETE FROM audit_checkpoint WHERE number = 1",
		"UPDATE audit_checkpoint SET signature = zeroblob(64) WHERE number = 1",
		"INSERT INTO audit_pruned VALUES (x'ffffffffffffffffffffffffffffffff', 5, zeroblob(32), 1)",
		"INSERT INTO audit_pruned VALUES (x'ff', 5, zeroblob(32), 1)",
	};

	(void)state;
	old_trail(30);
	prune(days_ago(490), 0, 10);
	checkpoint(NULL);
	expect(0, "");
	tamper("CREATE TABLE kept AS SELECT * FROM audit; CREATE TABLE kept_pruned AS SELECT * FROM audit_pruned;"
	       "CREATE TABLE kept_checkpoint AS SELECT * FROM audit_checkpoint");
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		tamper(changes[i]);
		assert_true(verify() > 0);
		if (!strstr(findings, "no_beginning"))
			fail_msg("%s: %s", changes[i], findings);
		tamper("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept;"
		       "DELETE FROM audit_pruned; INSERT INTO audit_pruned SELECT * FROM kept_pruned;"
		       "DELETE FROM audit_checkpoint; INSERT INTO audit_checkpoint SELECT * FROM kept_checkpoint");
	}
	tamper("DELETE FROM audit WHERE seq = 11");
	expect(1, "1:11 no_beginning\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines, setup, teardown),
		cmocka_unit_test_setup_teardown(asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(names, setup, teardown),
		cmocka_unit_test_setup_teardown(times, setup, teardown),
		cmocka_unit_test_setup_teardown(tampered, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_400_days, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_left_verifies, setup, teardown),
		cmocka_unit_test_setup_teardown(in_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_off, setup, teardown),
	};

	return RUN(tests);
}
