/* SPDX-License-Identifier: Apache-2.0 */
#include "service/terminal.h"

#include "service/meter.h"
#include "tests/enrol-stand.h"

static struct fuda_buf request, certificate;
static uint8_t id[ID_BYTES];

static int setup(void **state)
{
	request = certificate = REQUEST_BUF;
	if (stand_setup(state) < 0)
		return -1;
	make_town();
	make_terminal(&request, &certificate, id);
	return 0;
}

static int teardown(void **state)
{
	fuda_buf_free(&request);
	fuda_buf_free(&certificate);
	return stand_teardown(state);
}

/* "" if it may act, else why not. */
static const char *answer_at(const struct fuda_buf *der, int64_t now)
{
	struct terminal terminal = { .sector_count = 99 };
	const char *code = "none";
	int r = terminal_ask(service.terminals, der->data, der->len, now, &terminal, &code);

	if (r == 0) {
		assert_memory_equal(terminal.id, id, ID_BYTES);
		assert_int_equal(terminal.sector_count, 2);
		return "";
	}
	assert_int_equal(r, FUDA_EREFUSED);
	assert_int_equal(terminal.sector_count, 99);
	return code;
}

static const char *answer(const struct fuda_buf *der)
{
	return answer_at(der, time(NULL));
}

static void knows_its_own(void **state)
{
	char org[TERMINAL_NAME] = "", place[TERMINAL_NAME] = "";
	struct terminal t;
	const char *code;

	(void)state;
	assert_int_equal(terminal_ask(service.terminals, certificate.data, certificate.len, time(NULL), &t, &code), 0);
	assert_memory_equal(t.id, id, ID_BYTES);
	assert_false(t.tap);
	assert_int_equal(t.sector_count, 2);
	assert_string_equal(t.sectors[0].name, "citizen-card");
	assert_int_equal(t.sectors[0].key_version, 1);
	assert_ptr_equal(terminal_sector(&t, "library"), &t.sectors[1]);
	assert_null(terminal_sector(&t, "bus"));
	assert_null(terminal_sector(&t, ""));
	t.sector_count = 1;
	assert_ptr_equal(terminal_sector(&t, ""), &t.sectors[0]);
	t.sector_count = 0;
	assert_null(terminal_sector(&t, ""));
	assert_int_equal(terminal_place(service.terminals, &t, org, place), 0);
	assert_string_equal(org, "Town");
	assert_string_equal(place, "Counter 1");
	t.id[0] ^= 1;
	assert_int_equal(terminal_place(service.terminals, &t, org, place), FUDA_ESTORE);
}

static void refuses_strangers(void **state)
{
	_cleanup_buf_ struct fuda_buf other = REQUEST_BUF;
	struct ca *test = NULL;
	struct issued issued;
	int64_t now = time(NULL);

	(void)state;
	assert_string_equal(answer(&request), "terminal_certificate_invalid");
	assert_int_equal(fuda_buf_set(&other, certificate.data, certificate.len), 0);
	other.data[other.len - 1] ^= 1;
	assert_string_equal(answer(&other), "terminal_certificate_invalid");
	/* of our authority, and not in the database */
	fuda_buf_clear(&other);
	assert_int_equal(ca_issue(ctx, service.ca, request.data, request.len, id, now, 0, &issued, &other), 0);
	assert_string_equal(answer(&other), "terminal_unknown");
	/* of another authority, or of ours for another environment */
	assert_int_equal(mkdir(scratch_path("other"), 0700), 0);
	assert_int_equal(ca_create(ctx, scratch_path("other"), "test"), 0);
	assert_int_equal(ca_open(ctx, scratch_path("other"), &test), 0);
	fuda_buf_clear(&other);
	assert_int_equal(ca_issue(ctx, test, request.data, request.len, id, now, 0, &issued, &other), 0);
	assert_string_equal(answer(&other), "terminal_certificate_invalid");
	ca_free(&test);
	/* the authority itself */
	fuda_buf_clear(&other);
	{
		size_t len;
		const uint8_t *der = ca_certificate(service.ca, &len);

		assert_int_equal(fuda_buf_append(&other, der, len), 0);
	}
	assert_string_equal(answer(&other), "terminal_certificate_invalid");
	assert_string_equal(answer_at(&certificate, now - 7200), "terminal_certificate_invalid");
	assert_string_equal(answer_at(&certificate, now + 91 * 86400), "terminal_certificate_expired");
	assert_string_equal(answer(&certificate), "");
}

/* What is in the certificate must be what is in the database, whatever signed it. */
static void compares_with_the_database(void **state)
{
	_cleanup_buf_ struct fuda_buf other_request = REQUEST_BUF, other = REQUEST_BUF;
	uint8_t mine[ID_BYTES];
	int64_t now = time(NULL);

	(void)state;
	memcpy(mine, id, ID_BYTES);
	make_terminal(&other_request, &other, id);
	assert_string_equal(answer_at(&other, now), "");
	memcpy(id, mine, ID_BYTES);
	assert_string_equal(answer_at(&certificate, now), "");
	/* another key than the one it was issued for */
	SQL("UPDATE certificate SET key_hash = csr_hash");
	assert_string_equal(answer_at(&certificate, now + 5), "terminal_certificate_invalid");
	assert_string_equal(answer_at(&other, now + 5), "terminal_certificate_invalid");
	/* each with the other's terminal */
	SQL("DELETE FROM certificate WHERE terminal = (SELECT max(id) FROM terminal)");
	SQL("UPDATE certificate SET terminal = (SELECT max(id) FROM terminal)");
	assert_string_equal(answer_at(&certificate, now + 10), "terminal_certificate_invalid");
	assert_string_equal(answer_at(&other, now + 10), "terminal_unknown");
}

static void refuses_by_state(void **state)
{
	static const struct {
		const char *state, *code;
	} rows[] = {
		{ "suspended", "terminal_suspended" },	 { "revoked", "terminal_revoked" },
		{ "approved", "terminal_not_approved" }, { "on_hold", "terminal_not_approved" },
		{ "nonsense", "terminal_not_approved" }, { "active", "" },
	};
	static const struct statement set = { "UPDATE terminal SET state = $1", 1 };
	int64_t now = time(NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(store_begin(db, true), 0);
		assert_int_equal(store_run(db, &set, &TEXT(rows[i].state), NULL), 0);
		assert_int_equal(store_commit(db), 0);
		terminals_forget(service.terminals, id);
		assert_string_equal(answer_at(&certificate, now), rows[i].code);
	}
	SQL("UPDATE certificate SET state = 'revoked'");
	terminals_forget(service.terminals, id);
	assert_string_equal(answer_at(&certificate, now), "terminal_revoked");
	SQL("UPDATE certificate SET state = 'valid'");
	SQL("UPDATE terminal SET environment = 'production'");
	terminals_forget(service.terminals, id);
	assert_string_equal(answer_at(&certificate, now), "terminal_environment");
}

/* Another process's change is seen when five seconds are over, this one's at once. */
static void remembers_for_five_seconds(void **state)
{
	int64_t now = time(NULL);

	(void)state;
	assert_string_equal(answer_at(&certificate, now), "");
	SQL("UPDATE terminal SET state = 'suspended'");
	assert_string_equal(answer_at(&certificate, now), "");
	assert_string_equal(answer_at(&certificate, now + 4), "");
	assert_string_equal(answer_at(&certificate, now + 5), "terminal_suspended");
	SQL("UPDATE terminal SET state = 'active'");
	assert_string_equal(answer_at(&certificate, now + 9), "terminal_suspended");
	/* a clock that was set back makes nothing last longer */
	assert_string_equal(answer_at(&certificate, now + 4), "");
	assert_int_equal(give_order("hanako", TERMINAL_SUSPEND, id, NULL, NULL), 0);
	assert_string_equal(answer_at(&certificate, now + 4), "terminal_suspended");
	assert_int_equal(give_order("hanako", TERMINAL_RESUME, id, NULL, NULL), 0);
	assert_string_equal(answer_at(&certificate, now + 4), "");
	assert_int_equal(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL), 0);
	assert_string_equal(answer_at(&certificate, now + 4), "terminal_revoked");
}

/* A challenge is given without another look at the database: it is not given by what is remembered. */
static void asks_anew(void **state)
{
	struct terminal t;
	const char *code = "";
	int64_t now = time(NULL);

	(void)state;
	assert_string_equal(answer_at(&certificate, now), "");
	SQL("UPDATE terminal SET state = 'revoked'");
	assert_string_equal(answer_at(&certificate, now), "");
	assert_int_equal(terminal_ask_anew(service.terminals, certificate.data, certificate.len, now, &t, &code),
			 FUDA_EREFUSED);
	assert_string_equal(code, "terminal_revoked");
	assert_string_equal(answer_at(&certificate, now), "terminal_revoked"); /* and that is remembered */
}

/* What is remembered runs out all the same. */
static void remembers_no_longer_than_the_certificate(void **state)
{
	_cleanup_buf_ struct fuda_buf der = REQUEST_BUF;
	struct issued issued;
	int64_t now = time(NULL);
	static const struct statement insert = {
		"INSERT INTO certificate SELECT $1, terminal, key_hash, csr_hash, der, not_before, not_after, state,"
		" revoked_at, reason FROM certificate LIMIT 1",
		1
	};

	(void)state;
	assert_int_equal(ca_issue(ctx, service.ca, request.data, request.len, id, now, 3, &issued, &der), 0);
	assert_int_equal(store_begin(db, true), 0);
	assert_int_equal(store_run(db, &insert, &BYTES(issued.serial, CA_SERIAL), NULL), 0);
	assert_int_equal(store_commit(db), 0);
	assert_string_equal(answer_at(&der, now + 2), "");
	assert_string_equal(answer_at(&der, now + 4), "terminal_certificate_expired");
}

static void fails_with_the_database(void **state)
{
	struct terminal t;
	const char *code;

	(void)state;
	SQL("ALTER TABLE terminal RENAME TO elsewhere");
	assert_int_equal(terminal_ask(service.terminals, certificate.data, certificate.len, time(NULL), &t, &code),
			 FUDA_ESTORE);
	SQL("ALTER TABLE elsewhere RENAME TO terminal");
	assert_string_equal(answer(&certificate), "");
}

static void *ask_slowly(void *arg)
{
	struct terminal t;
	const char *code;

	*(int *)arg = terminal_ask(service.terminals, certificate.data, certificate.len, time(NULL), &t, &code);
	return NULL;
}

/* One waits for the database; who comes behind has other connections to serve. */
static void does_not_line_up(void **state)
{
	struct terminal t;
	const char *code;
	pthread_t slow;
	time_t begin;
	int r = -1;

	(void)state;
	SQL("ALTER TABLE terminal RENAME TO elsewhere");
	SQL("CREATE VIEW terminal AS SELECT * FROM elsewhere WHERE (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL"
	    " SELECT x + 1 FROM n WHERE x < 15000000) SELECT max(x) FROM n) > 0");
	assert_int_equal(pthread_create(&slow, NULL, ask_slowly, &r), 0);
	usleep(200000);
	begin = time(NULL);
	assert_int_equal(terminal_ask(service.terminals, certificate.data, certificate.len, time(NULL), &t, &code),
			 FUDA_ESTORE);
	assert_true(time(NULL) - begin < 5);
	pthread_join(slow, NULL);
	assert_int_equal(r, 0);
	SQL("DROP VIEW terminal");
	SQL("ALTER TABLE elsewhere RENAME TO terminal");
	assert_string_equal(answer(&certificate), "");
}

/* So many refusals a minute are told, and nobody who refuses is held up by it. */
static void tells_refusals(void **state)
{
	int64_t now = time(NULL);

	(void)state;
	assert_int_equal(give_order("hanako", TERMINAL_SUSPEND, id, NULL, NULL), 0);
	for (int i = 0; i < 3 * TERMINAL_REFUSALS; i++)
		assert_string_equal(answer_at(&certificate, now), "terminal_suspended");
	writer_stop(&service.writer, 5000);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'refused'"), TERMINAL_REFUSALS);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'refused' AND actor ="
				" (SELECT id FROM terminal) AND data LIKE '%terminal_suspended%'"),
			 TERMINAL_REFUSALS);
}

static void meters(void **state)
{
	static const uint8_t one[METER_SOURCE] = { 1 }, two[METER_SOURCE] = { 2 }, three[METER_SOURCE] = { 3 };
	struct meter m;
	size_t turn = 99, other;
	int wait = 0;

	(void)state;
	meter_init(&m, 2, 2);
	assert_int_equal(meter_take(&m, 1000, one, &turn, &wait), 0);
	assert_int_equal(meter_take(&m, 1010, one, &other, &wait), 0);
	assert_int_equal(meter_take(&m, 1011, one, &other, &wait), FUDA_EWAIT);
	assert_int_equal(wait, 49);
	assert_int_equal(meter_take(&m, 1059, one, &other, &wait), FUDA_EWAIT);
	assert_int_equal(wait, 1);
	assert_int_equal(meter_take(&m, 1060, one, &turn, &wait), 0);
	assert_int_equal(meter_take(&m, 1060, one, &other, &wait), FUDA_EWAIT);
	meter_give_back(&m, turn);
	assert_int_equal(meter_take(&m, 1060, one, &turn, &wait), 0);
	assert_int_equal(meter_take(&m, 1060, one, &other, &wait), FUDA_EWAIT);
	assert_int_equal(meter_take(&m, 500, one, &other, &wait), 0);
	meter_end(&m);
	/* who has all that one gets does not keep others from theirs, as long as there are any */
	meter_init(&m, 5, 2);
	assert_int_equal(meter_take(&m, 1000, one, &turn, &wait), 0);
	assert_int_equal(meter_take(&m, 1010, one, &other, &wait), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(meter_take(&m, 1020, one, &other, &wait), FUDA_EWAIT);
	assert_int_equal(wait, 40);
	assert_int_equal(meter_take(&m, 1020, two, &other, &wait), 0);
	assert_int_equal(meter_take(&m, 1020, two, &other, &wait), 0);
	assert_int_equal(meter_take(&m, 1020, two, &other, &wait), FUDA_EWAIT);
	assert_int_equal(wait, 60);
	meter_give_back(&m, turn);
	assert_int_equal(meter_take(&m, 1030, one, &turn, &wait), 0);
	assert_int_equal(meter_take(&m, 1030, three, &turn, &wait), 0);
	assert_int_equal(meter_take(&m, 1030, three, &turn, &wait), FUDA_EWAIT); /* five are out */
	assert_int_equal(wait, 40);
	assert_int_equal(meter_take(&m, 1070, three, &turn, &wait), 0);
	assert_int_equal(meter_take(&m, 1070, one, &turn, &wait), FUDA_EWAIT);
	meter_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meters),
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH(knows_its_own),
		WITH(refuses_strangers),
		WITH(compares_with_the_database),
		WITH(refuses_by_state),
		WITH(remembers_for_five_seconds),
		WITH(asks_anew),
		WITH(remembers_no_longer_than_the_certificate),
		WITH(fails_with_the_database),
		WITH(does_not_line_up),
		WITH(tells_refusals),
#undef WITH
	};

	return RUN(tests);
}
