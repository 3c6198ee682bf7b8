/* SPDX-License-Identifier: Apache-2.0 */
#include "service/service.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "service/audit.h"
#include "service/checkpoint.h"
#include "service/create.h"
#include "service/keeper.h"
#include "service/operator.h"
#include "service/server.h"
#include "tests/scratch.h"

static struct fuda_context *ctx;

/* The database's clock, so many microseconds ahead of what it is; or it does not answer. */
static _Atomic int64_t ahead;
static atomic_bool down;
int __real_store_clock(struct store *store, int64_t *ret_us);
int __wrap_store_clock(struct store *store, int64_t *ret_us);
int __wrap_store_clock(struct store *store, int64_t *ret_us)
{
	int e = __real_store_clock(store, ret_us);

	*ret_us += ahead;
	return down ? FUDA_ESTORE : e;
}

static const struct config_given given[] = {
	{ "environment", "test" }, { "origin", "https://localhost" }, { "crl_required", "no" },
	{ "listen", "unix:sock" }, { "drain", "1" },		      { 0 },
};

static const char *folder(void)
{
	return scratch_path("s");
}

static int setup(void **state)
{
	ahead = 0;
	down = false;
	return fuda_context_new(&ctx) < 0 ? -1 : scratch_setup(state);
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static void make(void)
{
	struct service_create what = { folder(), given, NULL };

	if (service_create(ctx, &what) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

static struct service *opened(bool serving)
{
	struct service *s;

	if (service_open(ctx, folder(), serving, &s) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return s;
}

static void refuses_to_open(int code, const char *says)
{
	struct service *s = (struct service *)&ctx, *before = s;

	assert_int_equal(service_open(ctx, folder(), true, &s), code);
	assert_ptr_equal(s, before);
	if (!strstr(fuda_context_message(ctx), says))
		fail_msg("not \"%s\": %s", says, fuda_context_message(ctx));
}

static struct store *database(void)
{
	struct store *store;
	char where[300];

	snprintf(where, sizeof(where), "sqlite:%s/mykeyd.db", folder());
	assert_int_equal(store_open(ctx, where, false, &store), 0);
	return store;
}

static void runs(const struct statement *statement, const struct datum *params)
{
	struct store *store = database();

	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(store_run(store, statement, params, NULL), 0);
	assert_int_equal(store_commit(store), 0);
	store_close(&store);
}

static size_t reasons(struct service *s, const char **ret)
{
	static const char *found[SERVICE_REASONS];
	size_t n = service_reasons(s, found);

	*ret = n ? found[0] : "";
	return n;
}

static void opens(void **state)
{
	struct service *s;
	const char *reason;

	(void)state;
	make();
	s = opened(true);
	assert_int_equal(reasons(s, &reason), 0);
	assert_string_equal(s->config.environment, "test");
	assert_non_null(s->writer);
	assert_non_null(s->terminals);
	service_close(&s);
	assert_null(s);
	service_close(&s);
	s = opened(false);
	service_close(&s);
}

static void refuses_what_belongs_to_others(void **state)
{
	static const struct statement keystore = { "UPDATE setting SET value = $1 WHERE name = 'keystore'", 1 },
				      environment = { "UPDATE setting SET value = $1 WHERE name = 'environment'", 1 },
				      none = { "DELETE FROM setting", 0 };
	uint8_t before[ID_BYTES], other[ID_BYTES] = { 1 };
	struct service *s;

	(void)state;
	make();
	s = opened(false);
	keys_identity(s->keys, before);
	service_close(&s);
	runs(&keystore, (struct datum[]){ BYTES(other, sizeof(other)) });
	refuses_to_open(FUDA_EVERIFY, "another keystore");
	runs(&keystore, (struct datum[]){ BYTES(before, sizeof(before) - 1) });
	refuses_to_open(FUDA_EVERIFY, "another keystore");
	runs(&keystore, (struct datum[]){ BYTES(before, sizeof(before)) });
	s = opened(true);
	service_close(&s);
	runs(&environment, (struct datum[]){ BYTES("production", 10) });
	refuses_to_open(FUDA_EVERIFY, "another environment");
	runs(&environment, (struct datum[]){ BYTES("test2", 5) });
	refuses_to_open(FUDA_EVERIFY, "another environment");
	runs(&none, NULL);
	refuses_to_open(FUDA_ENOTFOUND, "no service");
}

static void refuses_what_is_not_there(void **state)
{
	static const char *const files[] = { "mykeyd.conf", "kek", "keystore", "ca.key", "ca.pem", "mykeyd.db" };
	char from[300], to[300];

	(void)state;
	make();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct service *s = NULL;

		snprintf(from, sizeof(from), "%s/%s", folder(), files[i]);
		snprintf(to, sizeof(to), "%s/kept", folder());
		assert_int_equal(rename(from, to), 0);
		if (service_open(ctx, folder(), true, &s) == 0 || s)
			fail_msg("opened without %s", files[i]);
		assert_true(*fuda_context_message(ctx));
		assert_int_equal(rename(to, from), 0);
	}
}

static void prepares_once(void **state)
{
	struct service *s;
	struct store *store;
	struct keys *others;

	(void)state;
	make();
	s = opened(false);
	store = database();
	assert_int_equal(service_prepare(ctx, store, s->keys, "test"), 0);
	assert_int_equal(service_prepare(ctx, store, s->keys, "production"), FUDA_EVERIFY);
	assert_int_equal(mkdir(scratch_path("others"), 0700), 0);
	assert_int_equal(keys_create(ctx, scratch_path("others")), 0);
	assert_int_equal(keys_open(ctx, scratch_path("others"), &others), 0);
	assert_int_equal(service_prepare(ctx, store, others, "test"), FUDA_EVERIFY);
	keys_free(&others);
	store_close(&store);
	service_close(&s);
}

static void compares_clocks(void **state)
{
	static const struct {
		int64_t ahead;
		bool bad;
	} rows[] = {
		{ 0, false },	   { 1900000, false },	{ -1900000, false },
		{ 2100000, true }, { -2100000, true },	{ 1000, false },
	};
	struct service *s;
	struct store *store;
	const char *reason;

	(void)state;
	make();
	s = opened(true);
	store = database();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ahead = rows[i].ahead;
		assert_int_equal(service_check_clock(s, store), 0);
		assert_int_equal(reasons(s, &reason), rows[i].bad);
		assert_string_equal(reason, rows[i].bad ? "clock_untrusted" : "");
	}
	down = true;
	assert_int_equal(service_check_clock(s, store), FUDA_ESTORE);
	assert_int_equal(reasons(s, &reason), 1);
	assert_string_equal(reason, "database");
	down = false;
	assert_int_equal(service_check_clock(s, store), 0);
	assert_int_equal(reasons(s, &reason), 0);
	store_close(&store);
	service_close(&s);
	/* a service that begins with such a clock is not ready from the beginning */
	ahead = 3000000;
	s = opened(true);
	assert_int_equal(reasons(s, &reason), 1);
	assert_string_equal(reason, "clock_untrusted");
	service_close(&s);
}

/* The newest row of the trail is so many microseconds ahead. */
static void move_trail(struct store *store, int64_t by)
{
	static const struct statement move = { "UPDATE audit SET at = $1 WHERE at = (SELECT MAX(at) FROM audit)", 1 };

	assert_int_equal(store_run(store, &move, &INT(now_us() + by), NULL), 0);
}

/* SQLite has no clock of its own: that ours was set back is seen by what was written before. */
static void sees_a_clock_that_was_set_back(void **state)
{
	static const struct {
		int64_t ahead;
		bool bad;
	} rows[] = { { 0, false }, { 290000000, false }, { 310000000, true }, { 400 * 86400 * SECONDS_US, true } };
	struct acting by;
	struct service *s;
	struct store *store;
	const char *reason;

	(void)state;
	make();
	s = opened(true);
	store = database();
	assert_int_equal(acting_self(ctx, s, &by), 0);
	assert_int_equal(operator_accept_clock(&by, "it was right"), FUDA_ENOTFOUND);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		move_trail(store, rows[i].ahead);
		assert_int_equal(service_check_clock(s, store), 0);
		assert_int_equal(reasons(s, &reason), rows[i].bad);
		assert_string_equal(reason, rows[i].bad ? "clock_untrusted" : "");
	}
	/* from the beginning, too */
	service_close(&s);
	s = opened(true);
	by.service = s;
	assert_int_equal(reasons(s, &reason), 1);
	assert_string_equal(reason, "clock_untrusted");
	/* unless it was the row that was wrong; which is said once, and of no other row */
	assert_int_equal(operator_accept_clock(&by, ""), FUDA_EINVAL);
	assert_int_equal(operator_accept_clock(&by, "the battery was empty"), 0);
	assert_int_equal(service_check_clock(s, store), 0);
	assert_int_equal(reasons(s, &reason), 0);
	move_trail(store, 500 * 86400 * SECONDS_US);
	assert_int_equal(service_check_clock(s, store), 0);
	assert_int_equal(reasons(s, &reason), 1);
	snprintf(by.operator, sizeof(by.operator), "jiro");
	assert_int_equal(operator_accept_clock(&by, "nobody's word"), FUDA_EREFUSED);
	store_close(&store);
	service_close(&s);
}

/* The last line outside is compared with the database; one that nobody can have signed counts as broken. */
static void looks_at_the_last_checkpoint(void **state)
{
	static const struct statement forget = { "DELETE FROM audit", 0 };
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX);
	struct service *s;
	struct store *store;
	const char *reason;
	char path[CONFIG_TEXT];

	(void)state;
	make();
	s = opened(false);
	store = database();
	assert_int_equal(audit_checkpoint(store, s->keys, &line), 0);
	store_close(&store);
	assert_int_equal(checkpoint_append(ctx, s->config.checkpoint_file, &line), 0);
	snprintf(path, sizeof(path), "%s", s->config.checkpoint_file);
	service_close(&s);
	s = opened(true);
	assert_int_equal(reasons(s, &reason), 0);
	service_close(&s);
	runs(&forget, NULL);
	s = opened(true);
	assert_int_equal(reasons(s, &reason), 1);
	assert_string_equal(reason, "audit_broken");
	service_close(&s);
	/* an operator can work, to find out what happened */
	s = opened(false);
	service_close(&s);
	fuda_buf_clear(&line);
	assert_int_equal(fuda_buf_append(&line, "nonsense", 8), 0);
	assert_int_equal(checkpoint_append(ctx, path, &line), 0);
	s = opened(true);
	assert_int_equal(reasons(s, &reason), 1);
	service_close(&s);
}

struct told {
	atomic_int checkpoint;
};

static void hear_duty(void *arg, const char *what, const char *message)
{
	struct told *told = arg;

	if (strcmp(what, "checkpoint") == 0 && *message)
		told->checkpoint++;
}

/* Lets the keeper do all of its duties once, of which that of the trail must have something to say. */
static void keeps_and_complains(struct service *s)
{
	struct told told = { 0 };
	struct keeper_config config = { s, hear_duty, &told };
	struct keeper *keeper;

	assert_int_equal(keeper_start(ctx, &config, &keeper), 0);
	for (int i = 0; i < 600 && !told.checkpoint; i++)
		usleep(10000);
	keeper_stop(&keeper);
	assert_int_equal(told.checkpoint, 1);
}

static void takes_the_trail_away(struct store *store)
{
	static const struct statement rows = { "DELETE FROM audit", 0 },
				      checkpoints = { "DELETE FROM audit_checkpoint", 0 };

	assert_int_equal(store_run(store, &rows, NULL, NULL), 0);
	assert_int_equal(store_run(store, &checkpoints, NULL, NULL), 0);
}

/* Under a service that runs; and that the outside cannot be read for a while takes back nothing. */
static void notices_a_loss_while_it_serves(void **state)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX);
	char path[CONFIG_TEXT], aside[CONFIG_TEXT + 8];
	struct service *s;
	struct store *store;
	const char *reason;
	int64_t last;

	(void)state;
	make();
	s = opened(true);
	store = database();
	snprintf(path, sizeof(path), "%s", s->config.checkpoint_file);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	assert_int_equal(audit_checkpoint(store, s->keys, &line), 0);
	assert_int_equal(checkpoint_append(ctx, path, &line), 0);
	takes_the_trail_away(store);
	assert_int_equal(reasons(s, &reason), 0);
	keeps_and_complains(s);
	assert_int_equal(reasons(s, &reason), 1);
	assert_string_equal(reason, "audit_broken");

	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(service_check_audit(ctx, s, store), FUDA_EFILE);
	assert_int_equal(reasons(s, &reason), 1);
	keeps_and_complains(s);
	assert_int_equal(reasons(s, &reason), 1);
	/* nor is anything signed meanwhile, whatever was seen before */
	atomic_store(&s->health.audit, false);
	keeps_and_complains(s);
	assert_int_equal(reasons(s, &reason), 0);
	assert_int_equal(audit_last_checkpoint(store, &last), 0);
	assert_int_equal(last, 0);

	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(service_check_audit(ctx, s, store), 0);
	assert_int_equal(reasons(s, &reason), 1);
	store_close(&store);
	service_close(&s);
}

/* Where the file with the checkpoints went missing, nothing is taken back by that; and it counts as broken, but for the
 * first one, which is in the database before it is outside. */
static void misses_the_checkpoints_outside(void **state)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX);
	struct service *s;
	struct store *store;
	const char *reason;
	char path[CONFIG_TEXT];

	(void)state;
	make();
	s = opened(true);
	store = database();
	snprintf(path, sizeof(path), "%s", s->config.checkpoint_file);
	assert_int_equal(reasons(s, &reason), 0);
	assert_int_equal(audit_checkpoint(store, s->keys, &line), 0);
	assert_int_equal(service_check_audit(ctx, s, store), 0);
	assert_int_equal(reasons(s, &reason), 0);
	assert_int_equal(checkpoint_append(ctx, path, &line), 0);
	takes_the_trail_away(store);
	assert_int_equal(service_check_audit(ctx, s, store), 0);
	assert_string_equal((reasons(s, &reason), reason), "audit_broken");
	assert_false(s->health.outside);
	assert_int_equal(unlink(path), 0);
	for (int empty = 0; empty < 2; empty++) {
		assert_int_equal(service_check_audit(ctx, s, store), 0);
		assert_string_equal((reasons(s, &reason), reason), "audit_broken");
		assert_true(s->health.outside);
		keeps_and_complains(s);
		scratch_write("s/checkpoints.jsonl", "", 0600);
	}
	assert_int_equal(unlink(path), 0);
	service_close(&s);

	/* from the beginning, too, if it has ever been there */
	for (int i = 0; i < 2; i++) {
		s = opened(true);
		assert_int_equal(reasons(s, &reason), 0);
		fuda_buf_clear(&line);
		assert_int_equal(audit_checkpoint(store, s->keys, &line), 0);
		service_close(&s);
	}
	s = opened(true);
	assert_string_equal((reasons(s, &reason), reason), "audit_broken");
	assert_int_equal(checkpoint_append(ctx, path, &line), 0);
	assert_int_equal(service_check_audit(ctx, s, store), 0);
	assert_int_equal(reasons(s, &reason), 0);
	store_close(&store);
	service_close(&s);
}

/* ---- served ---- */

static const char *ask(const char *request)
{
	static char answer[1 << 20];
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t n;
	char text[512];

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/sock", folder());
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		 request);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = 0;
	close(fd);
	return answer;
}

static void says(const char *request, const char *status, const char *text)
{
	const char *answer = ask(request);

	if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, status, 3) != 0 || !strstr(answer, text))
		fail_msg("%s: %s", request, answer);
}

struct heard {
	atomic_int lines, clock_bad, clock_good;
};

static void hear(void *arg, const char *line)
{
	struct heard *heard = arg;

	heard->lines++;
	if (strstr(line, "\"event\":\"clock\""))
		(*(strstr(line, "\"message\":\"ok\"") ? &heard->clock_good : &heard->clock_bad))++;
}

static bool becomes(const atomic_int *counter)
{
	for (int i = 0; i < 600 && !*counter; i++)
		usleep(10000);
	return *counter > 0;
}

static void serves_nobody_by_a_wrong_clock(void **state)
{
	struct heard heard = { 0 };
	struct service *s;
	struct server_config config = { .log = hear, .arg = &heard };
	struct server *server;

	(void)state;
	make();
	s = opened(true);
	config.service = s;
	assert_int_equal(server_start(ctx, &config, &server), 0);
	says("GET /readyz", "200", "true");
	says("GET /v1/challenge?purpose=bind", "401", "terminal_certificate_missing");
	ahead = 5000000;
	assert_true(becomes(&heard.clock_bad));
	says("GET /readyz", "503", "\"reasons\":[\"clock_untrusted\"]");
	says("GET /v1/challenge?purpose=bind", "503", "clock_untrusted");
	says("POST /v1/mykeys", "503", "clock_untrusted");
	says("POST /.well-known/est/simpleenroll", "503", "clock_untrusted");
	says("GET /.well-known/est/cacerts", "200", "");
	says("GET /livez", "200", "");
	says("GET /metrics", "200", "\nmykey_clock_untrusted 1\n");
	ahead = 0;
	assert_true(becomes(&heard.clock_good));
	says("GET /readyz", "200", "true");
	assert_int_equal(heard.clock_bad, 1); /* said once */
	atomic_store(&s->health.audit, true);
	says("POST /v1/mykeys", "503", "audit_broken");
	says("GET /v1/challenge?purpose=bind", "503", "audit_broken");
	atomic_store(&s->health.stopping, true);
	says("GET /readyz", "503", "\"reasons\":[\"stopping\"]");
	says("GET /livez", "200", "");
	says("GET /version", "503", "stopping");
	says("POST /v1/mykeys", "503", "stopping");
	assert_int_equal(server_stop(&server), 0);
	assert_null(server);
	assert_null(s->writer);
	service_close(&s);
}

static int64_t checkpoints(struct store *store)
{
	static const struct statement all = { "SELECT COUNT(*) FROM audit_checkpoint", 0 };
	_cleanup_rows_ struct rows rows = { 0 };

	assert_int_equal(store_run(store, &all, NULL, &rows), 0);
	return rows_int(&rows, 0, 0);
}

/* What was written since the last full hour is signed before the service ends, unless that would hide a loss. */
static void signs_before_it_ends(void **state)
{
	struct server_config config = { 0 };
	struct server *server;
	struct store *store;
	int64_t before = 0;

	(void)state;
	make();
	store = database();
	for (int spoiled = 0; spoiled < 2; spoiled++) {
		config.service = opened(true);
		assert_int_equal(server_start(ctx, &config, &server), 0);
		/* that of the start, if the last one is an hour old */
		for (int i = 0; i < 600 && checkpoints(store) == 0; i++)
			usleep(10000);
		assert_int_equal(checkpoints(store), before + !spoiled);
		if (spoiled)
			takes_the_trail_away(store);
		assert_int_equal(server_stop(&server), 0);
		assert_int_equal(checkpoints(store), spoiled ? 0 : 2);
		service_close(&config.service);
		before = checkpoints(store);
	}
	store_close(&store);
}

static int spoiled_step(_unused_ struct task *task, struct batch *batch)
{
	static const struct statement nowhere = { "DELETE FROM nowhere", 0 };

	return batch_sweep(batch, &nowhere, NULL);
}

static void spoiled_reset(_unused_ struct task *task)
{
}

static bool answers(const char *request, const char *status)
{
	for (int i = 0; i < 600; i++) {
		if (strncmp(ask(request) + 9, status, 3) == 0)
			return true;
		usleep(10000);
	}
	return false;
}

/* A challenge is got before the PIN is asked for: what comes behind it could not be done. */
static void no_challenge_without_the_database(void **state)
{
	static const char challenge[] = "GET /v1/challenge?purpose=bind";
	struct task spoiled = { .step = spoiled_step, .reset = spoiled_reset };
	struct service *s;
	struct server_config config = { 0 };
	struct server *server;

	(void)state;
	make();
	s = opened(true);
	config.service = s;
	assert_int_equal(server_start(ctx, &config, &server), 0);
	says(challenge, "401", "terminal_certificate_missing");
	down = true;
	assert_true(answers("GET /readyz", "503"));
	says(challenge, "503", "\"code\":\"database_unavailable\"");
	says(challenge, "503", "Retry-After: ");
	down = false;
	assert_true(answers(challenge, "401"));
	/* it can be read, and not be written; that it can again is found out without a request */
	assert_int_equal(writer_run(s->writer, &spoiled), FUDA_ESTORE);
	says(challenge, "503", "\"code\":\"database_unavailable\"");
	assert_true(answers(challenge, "401"));
	assert_int_equal(server_stop(&server), 0);
	service_close(&s);
}

/* What a scraper sees is text of its form, with nothing of the requests in it. */
static void counts(void **state)
{
	struct service *s;
	struct server_config config = { 0 };
	struct server *server;
	const char *page;

	(void)state;
	make();
	s = opened(true);
	config.service = s;
	assert_int_equal(server_start(ctx, &config, &server), 0);
	for (int i = 0; i < 3; i++)
		says("GET /secret-path?q=secret", "404", "not_found");
	says("DELETE /livez", "405", "");
	metrics_request(s->metrics, "nonsense\"}", 777, NULL, INT64_MAX / 2);
	metrics_request(s->metrics, "bind", 201, NULL, 1);
	metrics_request(s->metrics, "bind", 403, "challenge_used", 1);
	metrics_request(s->metrics, "bind", 403, "challenge_used", 1);
	metrics_request(s->metrics, "change", 409, "wish_taken", 1);
	metrics_result(s->metrics, "ok");
	metrics_result(s->metrics, "nonsense\"}");
	page = ask("GET /metrics");
	assert_null(strstr(page, "secret"));
	assert_null(strstr(page, "nonsense"));
	assert_non_null(strstr(page, "mykey_http_requests_total{route=\"livez\",code=\"405\"} 1\n"));
	assert_non_null(strstr(page, "mykey_http_requests_total{route=\"other\",code=\"404\"} 3\n"));
	assert_non_null(strstr(page, "mykey_http_requests_total{route=\"other\",code=\"other\"} 1\n"));
	assert_non_null(strstr(page, "mykey_http_request_seconds_bucket{route=\"other\",le=\"5\"} 3\n"));
	assert_non_null(strstr(page, "mykey_http_request_seconds_bucket{route=\"other\",le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(page, "mykey_http_request_seconds_count{route=\"other\"} 4\n"));
	assert_non_null(strstr(page, "mykey_cards_total{result=\"ok\"} 1\n"));
	assert_non_null(strstr(page, "mykey_cards_total{result=\"other\"} 1\n"));
	assert_non_null(strstr(page, "mykey_binds_total{result=\"ok\"} 1\n"));
	assert_non_null(strstr(page, "mykey_binds_total{result=\"challenge_used\"} 2\n"));
	assert_null(strstr(page, "mykey_binds_total{result=\"wish_taken\"}"));
	assert_non_null(strstr(page, "mykey_answers_total{route=\"other\",result=\"not_found\"} 3\n"));
	assert_non_null(strstr(page, "mykey_answers_total{route=\"livez\",result=\"method_not_allowed\"} 1\n"));
	assert_non_null(strstr(page, "mykey_answers_total{route=\"change\",result=\"wish_taken\"} 1\n"));
	server_stop(&server);
	service_close(&s);
}

static void does_not_start(void **state)
{
	struct service *s;
	struct server_config config = { 0 };
	struct server *server = NULL, *second = NULL;

	(void)state;
	make();
	s = opened(true);
	config.service = s;
	assert_int_equal(server_start(ctx, &config, &server), 0);
	assert_int_equal(server_start(ctx, &config, &second), FUDA_EBUSY);
	assert_null(second);
	server_stop(&server);
	service_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_belongs_to_others, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(prepares_once, setup, teardown),
		cmocka_unit_test_setup_teardown(compares_clocks, setup, teardown),
		cmocka_unit_test_setup_teardown(sees_a_clock_that_was_set_back, setup, teardown),
		cmocka_unit_test_setup_teardown(looks_at_the_last_checkpoint, setup, teardown),
		cmocka_unit_test_setup_teardown(notices_a_loss_while_it_serves, setup, teardown),
		cmocka_unit_test_setup_teardown(misses_the_checkpoints_outside, setup, teardown),
		cmocka_unit_test_setup_teardown(serves_nobody_by_a_wrong_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(signs_before_it_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(no_challenge_without_the_database, setup, teardown),
		cmocka_unit_test_setup_teardown(counts, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_start, setup, teardown),
	};

	return RUN(tests);
}
