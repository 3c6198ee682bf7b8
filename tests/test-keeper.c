/* SPDX-License-Identifier: Apache-2.0 */
/* The duties about the audit trail, by clocks that were wrong: platform.md D4, D5. */
#include "service/keeper.h"

#include "service/audit.h"
#include "service/checkpoint.h"
#include "service/create.h"
#include "service/operator.h"
#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct service *s;
static struct store *store;

/* Our clock, and with it the database's, so many microseconds ahead of what it is. */
static _Atomic int64_t ahead;
int64_t __real_now_us(void);
int64_t __wrap_now_us(void);
int64_t __wrap_now_us(void)
{
	return __real_now_us() + ahead;
}

int __real_store_clock(struct store *of, int64_t *ret_us);
int __wrap_store_clock(struct store *of, int64_t *ret_us);
int __wrap_store_clock(struct store *of, int64_t *ret_us)
{
	int e = __real_store_clock(of, ret_us);

	*ret_us += ahead;
	return e;
}

static const int64_t hour = 3600 * SECONDS_US, day = 24 * 3600 * SECONDS_US;

static void open_it(void)
{
	char where[300];

	snprintf(where, sizeof(where), "sqlite:%s/mykeyd.db", scratch_path("s"));
	if (service_open(ctx, scratch_path("s"), true, &s) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	if (!store)
		assert_int_equal(store_open(ctx, where, false, &store), 0);
}

static int setup(void **state)
{
	static const struct config_given given[] = {
		{ "environment", "test" }, { "origin", "https://localhost" }, { "crl_required", "no" },
		{ "listen", "unix:sock" }, { 0 },
	};

	ahead = 0;
	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0 ||
	    service_create(ctx, &(struct service_create){ scratch_path("s"), given, NULL }) < 0)
		return -1;
	open_it();
	return 0;
}

static int teardown(void **state)
{
	store_close(&store);
	service_close(&s);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

/* ---- one round ---- */

static struct {
	atomic_bool over;
	char checkpoint[600]; /* what was said last of it */
} told;

static void hear(_unused_ void *arg, const char *what, const char *message)
{
	if (strcmp(what, "checkpoint") == 0)
		snprintf(told.checkpoint, sizeof(told.checkpoint), "%s", message);
	if (strcmp(what, "tls") == 0)
		told.over = true;
}

/* Each duty once; the last one always has something to say. */
static struct keeper *keeps(void)
{
	struct keeper_config config = { s, hear, NULL };
	struct keeper *keeper;

	told.over = false;
	told.checkpoint[0] = 0;
	s->tls_ends = 1;
	assert_int_equal(keeper_start(ctx, &config, &keeper), 0);
	for (int i = 0; i < 3000 && !told.over; i++)
		usleep(10000);
	assert_true(told.over);
	keeper_rest(keeper);
	return keeper;
}

static void once(void)
{
	struct keeper *keeper = keeps();

	keeper_stop(&keeper);
}

static void once_and_ends(void)
{
	struct keeper *keeper = keeps();

	keeper_sign(keeper);
	keeper_stop(&keeper);
}

static int64_t checkpoints(void)
{
	static const struct statement all = { "SELECT COUNT(*) FROM audit_checkpoint", 0 };
	_cleanup_rows_ struct rows rows = { 0 };

	assert_int_equal(store_run(store, &all, NULL, &rows), 0);
	return rows_int(&rows, 0, 0);
}

/* ---- clocks ---- */

static void accepts_the_clock(void)
{
	struct acting by;

	assert_int_equal(acting_self(ctx, s, &by), 0);
	assert_int_equal(operator_accept_clock(&by, "the battery was empty"), 0);
}

/* Nobody says which clock is right: then nothing is signed by it, neither in time nor at the end. */
static void signs_by_no_clock_in_doubt(_unused_ void **state)
{
	ahead = 3 * day;
	once();
	assert_int_equal(checkpoints(), 1);
	ahead = 0;
	once_and_ends();
	assert_true(s->health.clock);
	assert_int_equal(checkpoints(), 1);
	assert_string_equal(told.checkpoint, "");
	/* the last one is from the future: the next one need not wait for that to come */
	accepts_the_clock();
	once();
	assert_false(s->health.clock);
	assert_int_equal(checkpoints(), 2);
	once();
	assert_int_equal(checkpoints(), 2);
	ahead = hour + SECONDS_US;
	once();
	assert_int_equal(checkpoints(), 3);
	ahead = 0;
	once_and_ends();
	assert_int_equal(checkpoints(), 5);
}

/* The list of terminals that count no more is made again where one from the future is. */
static void makes_the_list_anew(_unused_ void **state)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(1 << 20);
	int64_t made = 0;

	ahead = 3 * day;
	once();
	ahead = 0;
	once();
	accepts_the_clock();
	once();
	assert_int_equal(terminals_crl(s->terminals, &der, &made), 0);
	assert_true(made <= now_us() / SECONDS_US);
}

/* ---- lines ---- */

static int64_t lines(const char *name)
{
	const char *text = scratch_read(name);
	int64_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* A checkpoint whose line could not be written is not forgotten. */
static void writes_the_line_later(_unused_ void **state)
{
	static const char file[] = "s/later/checkpoints.jsonl";

	snprintf(s->config.checkpoint_file, sizeof(s->config.checkpoint_file), "%s", scratch_path(file));
	once();
	assert_int_equal(checkpoints(), 1);
	assert_non_null(strstr(told.checkpoint, "cannot be read or written"));
	assert_int_equal(mkdir(scratch_path("s/later"), 0700), 0);
	once();
	assert_string_equal(told.checkpoint, "");
	assert_int_equal(checkpoints(), 1);
	assert_int_equal(lines(file), 1);
	once_and_ends();
	assert_int_equal(checkpoints(), 2);
	assert_int_equal(lines(file), 2);
	/* with lines before it; and nothing is written twice */
	assert_int_equal(truncate(scratch_path(file), strchr(scratch_read(file), '\n') + 1 - scratch_read(file)), 0);
	assert_int_equal(lines(file), 1);
	once();
	once();
	assert_int_equal(checkpoints(), 2);
	assert_int_equal(lines(file), 2);
}

/* ---- the age ---- */

static void age_is(int64_t from, int64_t to)
{
	static const char name[] = "\nmykey_audit_checkpoint_age_seconds ";
	struct fuda_buf text = FUDA_BUF_INIT(1 << 20);
	const char *at;
	long age;

	assert_int_equal(metrics_print(s, &text), 0);
	assert_int_equal(fuda_buf_append(&text, "", 1), 0);
	at = strstr((const char *)text.data, name);
	assert_non_null(at);
	age = strtol(at + strlen(name), NULL, 10);
	assert_true(age >= from && age <= to);
	fuda_buf_free(&text);
}

/* One from the future counts as none: who watches the age hears of it. */
static void age_is_never_negative(_unused_ void **state)
{
	int64_t now = now_us() / SECONDS_US;

	metrics_set(s->metrics, GAUGE_CHECKPOINT_AT, now - 100);
	age_is(100, 200);
	metrics_set(s->metrics, GAUGE_CHECKPOINT_AT, now + 3);
	age_is(0, 100);
	metrics_set(s->metrics, GAUGE_CHECKPOINT_AT, now + 3 * 86400);
	age_is(86400, INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(signs_by_no_clock_in_doubt, setup, teardown),
		cmocka_unit_test_setup_teardown(makes_the_list_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_the_line_later, setup, teardown),
		cmocka_unit_test_setup_teardown(age_is_never_negative, setup, teardown),
	};

	return RUN(tests);
}
