/* SPDX-License-Identifier: Apache-2.0 */
/* Databases of PostgreSQL that fail: run by tests/t-store-postgres.sh. */
#include "service/store.h"

#include <pthread.h>

#include "tests/test-store-faults.h"

/* A connection ends by an administrator's hand. */
static void end_connections(struct store *by)
{
	static const struct statement end = { "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
					      " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
					      0 };
	static const struct statement left = { "SELECT count(*) FROM pg_stat_activity"
					       " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
					       0 };

	assert_true(number_of(by, &end) > 0);
	for (int i = 0; i < 500 && number_of(by, &left); i++)
		usleep(10000);
	assert_int_equal(number_of(by, &left), 0);
}

static void comes_back(void **state)
{
	struct store *other = another();

	(void)state;
	do_it(store, KEPT);
	assert_int_equal(put_bytes(store, 1, 1), 0);
	end_connections(other);
	assert_int_equal(put_bytes(store, 2, 1), 0); /* nothing had begun: nobody has to know */
	assert_int_equal(number_of(store, &how_many), 2);
	store_close(&other);
}

static void loses_what_had_begun(void **state)
{
	struct store *other = another();

	(void)state;
	do_it(store, KEPT);
	for (int way = 0; way < 3; way++) {
		assert_int_equal(store_begin(store, true), 0);
		assert_int_equal(put_bytes(store, way, 1), 0);
		end_connections(other);
		if (way == 0)
			assert_int_equal(put_bytes(store, 10, 1), FUDA_ERETRY);
		if (way == 1)
			assert_int_equal(store_sync(store), 0); /* nothing to send */
		if (way < 2)
			assert_int_equal(store_commit(store), FUDA_ERETRY);
		store_rollback(store);
		assert_int_equal(number_of(store, &how_many), 0);
	}
	assert_int_equal(put_bytes(store, 1, 1), 0);
	store_close(&other);
}

/* Something happens at COMMIT. */
static void at_commit(const char *what)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS"
		 " $$ BEGIN %s; RETURN NULL; END $$",
		 what);
	do_it(store, KEPT);
	do_it(store, text);
	do_it(store, "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON kept DEFERRABLE INITIALLY DEFERRED"
		     " FOR EACH ROW EXECUTE FUNCTION at_commit()");
}

static void does_not_know_what_became_of_a_commit(void **state)
{
	(void)state;
	at_commit("PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1)");
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_bytes(store, 1, 1), 0);
	assert_int_equal(store_commit(store), FUDA_EUNSURE);
	assert_int_equal(number_of(store, &how_many), 0);
}

/* Whichever words the server ends the connection with. */
static void is_left_at_a_commit(void **state)
{
	(void)state;
	at_commit("SET exit_on_error = on; RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'");
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_bytes(store, 1, 1), 0);
	assert_int_equal(store_commit(store), FUDA_EUNSURE);
	assert_int_equal(number_of(store, &how_many), 0);
}

static void is_asked_to_try_again(void **state)
{
	static const char *const states[] = { "40001", "40P01", "25006" };

	(void)state;
	at_commit("RAISE EXCEPTION 'not now' USING ERRCODE = '40001', DETAIL = 'of 4711-0815'");
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_bytes(store, 1, 1), 0);
	assert_int_equal(store_commit(store), FUDA_ERETRY);
	assert_says("not now");
	assert_says("40001");
	assert_null(strstr(fuda_context_message(ctx), "4711"));
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		char text[100];

		snprintf(text, sizeof(text), "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '%s'; END $$",
			 states[i]);
		assert_int_equal(store_begin(store, true), 0);
		assert_int_equal(store->driver->execute(store, text), 0);
		assert_int_equal(store_sync(store), FUDA_ERETRY);
		assert_says(states[i]);
		assert_int_equal(store_commit(store), FUDA_ERETRY);
	}
	assert_int_equal(number_of(store, &how_many), 0);
}

static void gives_up_what_takes_too_long(void **state)
{
	static const struct statement nap = { "SELECT count(*) FROM pg_sleep(20)", 0 };
	char place[1200];
	struct store *other = NULL;
	int64_t begin = now_ms();

	(void)state;
	snprintf(place, sizeof(place), "%s&options=-c%%20statement_timeout%%3D100ms", store_place());
	assert_int_equal(store_open(ctx, place, false, &other), 0);
	assert_int_equal(store_run(other, &nap, NULL, NULL), FUDA_ESTORE);
	assert_true(now_ms() - begin < 10000);
	assert_says("57014");
	assert_int_equal(store_begin(other, false), 0);
	assert_int_equal(store_commit(other), 0);
	store_close(&other);
}

static void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

#define PSQL "\"${FUDA_TEST_POSTGRES_BIN:-/usr/bin}/psql\" -qAtX -d \"$FUDA_TEST_POSTGRES\" "
#define RELOAD " -c 'SELECT pg_reload_conf()' >/dev/null"

/* Nothing is told of as done before the standby has it, whatever limit of time there is. */
static void waits_for_the_standby(void **state)
{
	char place[1200];
	struct store *other = NULL;
	int64_t begin;

	(void)state;
	do_it(store, KEPT);
	snprintf(place, sizeof(place), "%s&options=-c%%20statement_timeout%%3D200ms", store_place());
	assert_int_equal(store_open(ctx, place, false, &other), 0);
	shell(PSQL "-c \"ALTER SYSTEM SET synchronous_standby_names = 'nobody'\"" RELOAD);
	usleep(300000);
	shell("{ sleep 1; " PSQL "-c 'ALTER SYSTEM RESET synchronous_standby_names'" RELOAD "; } &");
	begin = now_ms();
	assert_int_equal(put_bytes(other, 1, 1), 0);
	assert_true(now_ms() - begin > 700);
	store_close(&other);
}

static void durable_whatever_the_server_says(void **state)
{
	static const struct statement show = { "SELECT current_setting('synchronous_commit'),"
					       " current_setting('statement_timeout')",
					       0 };
	static const struct {
		const char *more, *commit, *timeout;
	} rows[] = {
		{ "", "on", "30s" },
		{ "&options=-c%20synchronous_commit%3Doff", "on", "30s" },
		{ "&options=-c%20synchronous_commit%3Dlocal", "on", "30s" },
		{ "&options=-c%20synchronous_commit%3Dremote_write", "on", "30s" },
		{ "&options=-c%20synchronous_commit%3Dremote_apply%20-c%20statement_timeout%3D9s", "remote_apply",
		  "9s" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_rows_ struct rows got = { 0 };
		struct store *other = NULL;
		char place[1200], text[32];

		snprintf(place, sizeof(place), "%s%s", store_place(), rows[i].more);
		assert_int_equal(store_open(ctx, place, false, &other), 0);
		assert_int_equal(store_run(other, &show, NULL, &got), 0);
		assert_int_equal(rows_text(&got, 0, 0, text, sizeof(text)), 0);
		assert_string_equal(text, rows[i].commit);
		assert_int_equal(rows_text(&got, 0, 1, text, sizeof(text)), 0);
		assert_string_equal(text, rows[i].timeout);
		store_close(&other);
	}
}

static void does_not_connect(void **state)
{
	static const struct {
		const char *place;
		int code;
	} rows[] = {
		/* malformed, or understood otherwise than it was meant */
		{ "postgresql://u:s3cret@h:port/d", FUDA_EINVAL },
		{ "postgresql://u:a@s3cret@h/d", FUDA_EINVAL },
		{ "postgresql://u:a/s3cret@h/d", FUDA_EINVAL },
		{ "postgresql://u:12/s3cret@h/d", FUDA_EINVAL },
		{ "postgresql://u:s3cret@[::1/d", FUDA_EINVAL },
		{ "postgresql://u:s3cret%zz@h/d", FUDA_EINVAL },
		{ "postgresql://u:x@h/d?s3cret=1", FUDA_EINVAL },
		{ "host=h password='s3cret", FUDA_EINVAL },
		{ "host=h pasword=s3cret", FUDA_EINVAL },
		/* nobody there */
		{ "postgresql://u:s3cret@127.0.0.1:1/d", FUDA_ESTORE },
		{ "postgresql://u:s3cret@127.0.0.1:1,127.0.0.1:2/d", FUDA_ESTORE },
		{ "host=/nowhere user=u password=s3cret", FUDA_ESTORE },
	};
	char place[1200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (try_to_open(rows[i].place, true) != rows[i].code)
			fail_msg("%s: %s", rows[i].place, fuda_context_message(ctx));
		assert_null(strstr(fuda_context_message(ctx), "s3cret"));
	}
	snprintf(place, sizeof(place), "%s&options=-c%%20default_transaction_read_only%%3Don", store_place());
	assert_int_equal(try_to_open(place, true), FUDA_ESTORE);
	assert_says("read-only");
	if (!getenv("FUDA_TEST_POSTGRES_LATIN"))
		return;
	assert_int_equal(try_to_open(getenv("FUDA_TEST_POSTGRES_LATIN"), true), FUDA_ESTORE);
	assert_says("UTF8");
}

/* Like that the standby takes over, or the power of the server comes back. */
static void outlives_its_server(void **state)
{
	int64_t begin;

	(void)state;
	if (!getenv("FUDA_TEST_POSTGRES_CTL"))
		skip();
	do_it(store, KEPT);
	assert_int_equal(put_bytes(store, 1, 1), 0);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_bytes(store, 2, 1), 0);
	assert_int_equal(system("\"$FUDA_TEST_POSTGRES_CTL\" stop immediate"), 0);
	assert_int_equal(put_bytes(store, 3, 1), FUDA_ERETRY);
	begin = now_ms();
	for (int i = 0; i < 2; i++)
		assert_int_equal(store_begin(store, true), FUDA_ESTORE);
	assert_true(now_ms() - begin < 5000);
	store_rollback(store);
	assert_int_equal(system("\"$FUDA_TEST_POSTGRES_CTL\" start"), 0);
	assert_int_equal(put_bytes(store, 4, 1), 0);
	assert_int_equal(number_of(store, &how_many), 2);
}

static void is_copied_by_others(void **state)
{
	(void)state;
	assert_int_equal(store_copy(store, scratch_path("copy")), FUDA_ENOTSUP);
	assert_int_not_equal(access(scratch_path("copy"), F_OK), 0);
}

static pthread_barrier_t both;

/* Two that wait for each other: one of them is told to try again, and both end well. */
static void *swap(void *arg)
{
	static const struct statement touch = { "UPDATE kept SET b = b WHERE id = $1", 1 };
	int64_t first = *(int64_t *)arg;
	struct fuda_context *own;
	struct store *mine = NULL;
	int r = fuda_context_new(&own), tries = 0;

	if (r == 0)
		r = store_open(own, store_place(), false, &mine);
	while (r == 0) {
		r = store_begin(mine, true);
		if (r == 0)
			r = store_run(mine, &touch, &INT(first), NULL);
		if (tries++ == 0)
			pthread_barrier_wait(&both);
		if (r == 0)
			r = store_run(mine, &touch, &INT(3 - first), NULL);
		if (r == 0)
			r = store_commit(mine);
		store_rollback(mine);
		if (r != FUDA_ERETRY)
			break;
		r = 0;
	}
	*(int64_t *)arg = r < 0 ? r : tries;
	store_close(&mine);
	fuda_context_free(&own);
	return NULL;
}

static void gets_out_of_a_deadlock(void **state)
{
	int64_t of[2] = { 1, 2 };
	pthread_t threads[2];

	(void)state;
	do_it(store, KEPT);
	assert_int_equal(put_bytes(store, 1, 1), 0);
	assert_int_equal(put_bytes(store, 2, 1), 0);
	assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, swap, &of[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(of[0] > 0 && of[1] > 0);
	assert_true(of[0] + of[1] >= 3);
	pthread_barrier_destroy(&both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(comes_back),
		STORE_TEST(loses_what_had_begun),
		STORE_TEST(does_not_know_what_became_of_a_commit),
		STORE_TEST(is_left_at_a_commit),
		STORE_TEST(is_asked_to_try_again),
		STORE_TEST(gives_up_what_takes_too_long),
		STORE_TEST(durable_whatever_the_server_says),
		STORE_TEST(waits_for_the_standby),
		STORE_TEST(does_not_connect),
		STORE_TEST(is_copied_by_others),
		STORE_TEST(outlives_its_server),
		STORE_TEST(gets_out_of_a_deadlock),
		STORE_TEST(runs_out_of_memory),
	};

	if (!getenv("FUDA_TEST_POSTGRES"))
		return 77;
	on_postgres = true;
	return RUN(tests);
}
