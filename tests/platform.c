/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/platform.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "base/util.h"
#include "codec/base64.h"
#include "tests/cmocka.h"

static const char origin[] = "https://mykey.example.jp";

/* ---- what the rules call of HTTP and metrics ---- */

const struct http_request *http_request(const struct exchange *x)
{
	return &x->request;
}

static void answered(struct exchange *x)
{
	x->answers++;
	atomic_store(&x->answered, 1);
	deadline_wake_word(&x->answered);
}

void http_answer(struct exchange *x, const struct http_answer *answer)
{
	x->status = answer->status;
	x->retry_after = answer->retry_after;
	snprintf(x->type, sizeof(x->type), "%s", answer->content_type);
	snprintf(x->body, sizeof(x->body), "%.*s", (int)answer->body_len,
		 (const char *)answer->body);
	snprintf(x->code, sizeof(x->code), "%s", answer->status < 400 ? "" : member(x, "code"));
	answered(x);
}

void http_problem(struct exchange *x, int status, const char *code, const char *title,
		  const char *detail, int retry_after)
{
	assert_true(*title != 0);
	x->status = status;
	x->retry_after = retry_after;
	snprintf(x->type, sizeof(x->type), "application/problem+json");
	snprintf(x->code, sizeof(x->code), "%s", code);
	snprintf(x->detail, sizeof(x->detail), "%s", detail ? detail : "");
	snprintf(x->body, sizeof(x->body), "%s %s %s", code, title, x->detail);
	answered(x);
}

void http_rule(struct exchange *x, const char *rule)
{
	x->request.rule = rule;
}

static struct {
	char result[32];
	int count;
} told[16];
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;

void metrics_result(_unused_ struct metrics *metrics, const char *result)
{
	size_t i = 0;

	pthread_mutex_lock(&told_lock);
	while (*told[i].result && strcmp(told[i].result, result) != 0)
		i++;
	snprintf(told[i].result, sizeof(told[i].result), "%s", result);
	told[i].count++;
	pthread_mutex_unlock(&told_lock);
}

int results_told(const char *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		if (strcmp(told[i].result, result) == 0)
			return told[i].count;
	return 0;
}

/* ---- what judges certificates ---- */

static enum fuda_revocation known = FUDA_REVOCATION_GOOD;
static bool known_stale;

void platform_revocation(enum fuda_revocation now, bool stale)
{
	known = now;
	known_stale = stale;
}

enum fuda_revocation revocation_ask(_unused_ struct revocation *revocation,
				    _unused_ const struct fuda_cert *cert, _unused_ time_t at,
				    bool *ret_stale, bool *ret_denied)
{
	*ret_stale = known_stale;
	*ret_denied = known == FUDA_REVOCATION_UNKNOWN && !known_stale;
	return known;
}

struct responder *platform_responder;

struct responder *revocation_responder(_unused_ struct revocation *revocation)
{
	return platform_responder;
}

/* ---- cards ---- */

/* RFC 5280 4.1.2.5.1. */
static void utc_time(time_t at, char ret[16])
{
	struct tm tm;

	gmtime_r(&at, &tm);
	snprintf(ret, 16, "%02u%02u%02u%02u%02u%02uZ", (unsigned)tm.tm_year % 100,
		 (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
		 (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

/* From a day before now for two years, so that no test has a last day. */
static const char *validity(void)
{
	static char text[64];
	time_t from = time(NULL) - 86400;
	char first[16], last[16];

	utc_time(from, first);
	utc_time(from + 2 * 366 * 86400, last);
	snprintf(text, sizeof(text), "30{17{'%s'}17{'%s'}}", first, last);
	return text;
}

struct cert_plan card_plan(const char *serial)
{
	static char texts[8][64];
	static unsigned next;
	char *text = texts[next++ % 8];
	struct cert_plan plan = plan_auth();

	snprintf(text, sizeof(texts[0]), "02{%s}", serial);
	plan.field[F_SERIAL] = text;
	plan.field[F_VALIDITY] = validity();
	return plan;
}

struct card card_of(struct cert_plan plan)
{
	struct card card = { .der = TEST_BUF, .key = plan.key };

	cert_make(&plan, &card.der);
	return card;
}

struct card card_make(const char *serial)
{
	return card_of(card_plan(serial));
}

struct card card_with(const char *serial, enum cert_field field, const char *notation)
{
	struct cert_plan plan = card_plan(serial);

	plan.field[field] = notation;
	return card_of(plan);
}

void card_free(struct card *card)
{
	fuda_buf_free(&card->der);
}

/* ---- the platform ---- */

void platform_trust(struct platform *p, const char *folder, struct cert_plan plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	_cleanup_buf_ struct fuda_buf text = TEST_BUF;
	char path[160];
	FILE *f;

	plan.field[F_VALIDITY] = validity();
	cert_make(&plan, &der);
	assert_int_equal(fuda_pem_encode("CERTIFICATE", der.data, der.len, &text), 0);
	snprintf(path, sizeof(path), "%s/cards.pem", folder);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(text.data, 1, text.len, f), text.len);
	assert_int_equal(fclose(f), 0);
	if (fuda_trust_add_file(p->service.trust, path) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
}

static void give_sector(struct terminal *t, const uint8_t id[ID_BYTES], const char *name)
{
	struct terminal_sector *sector = &t->sectors[t->sector_count++];

	memcpy(sector->id, id, ID_BYTES);
	snprintf(sector->name, sizeof(sector->name), "%s", name);
	sector->key_version = 1;
}

/* What requests look at again: the states. */
static void add_terminal(struct platform *p, struct terminal *t)
{
	static const struct statement org = { "INSERT INTO org (id, name, kind, created) VALUES ($1, $2, '', 0)", 2 };
	static const struct statement terminal = {
		"INSERT INTO terminal (id, org, place, environment, state, csr, csr_hash, code_hash, tap, comment,"
		" created, changed) VALUES ($1, $2, '', 'test', 'active', $1, $1, $1, 1, '', 0, 0)",
		2
	};
	static const struct statement certificate = {
		"INSERT INTO certificate (serial, terminal, key_hash, csr_hash, der, not_before, not_after, state,"
		" reason) VALUES ($1, $2, $2, $2, $2, 0, 0, 'valid', 0)",
		2
	};
	char name[ID_TEXT];

	assert_int_equal(id_new(t->id), 0);
	memcpy(t->org, t->id, ID_BYTES);
	assert_int_equal(sizeof(t->serial), sizeof(t->id));
	memcpy(t->serial, t->id, sizeof(t->serial));
	id_text(t->id, name);
	change(p, &org, (struct datum[]){ BYTES(t->org, ID_BYTES), TEXT(name) });
	change(p, &terminal, (struct datum[]){ BYTES(t->id, ID_BYTES), BYTES(t->org, ID_BYTES) });
	change(p, &certificate, (struct datum[]){ BYTES(t->serial, CA_SERIAL), BYTES(t->id, ID_BYTES) });
}

static void make_terminals(struct platform *p)
{
	for (size_t i = 0; i < PLATFORM_TERMINALS; i++) {
		add_terminal(p, &p->terminal[i]);
		give_sector(&p->terminal[i], p->library, "library");
	}
	give_sector(&p->terminal[0], p->bus, "bus");
}

bool on_postgres(void)
{
	return getenv("FUDA_TEST_POSTGRES") != NULL;
}

static void empty(struct platform *p)
{
	static const struct statement drop = { "DROP SCHEMA public CASCADE", 0 },
				      make = { "CREATE SCHEMA public", 0 };

	change(p, &drop, NULL);
	change(p, &make, NULL);
}

static struct platform *platform_new(const char *folder, bool make)
{
	struct platform *p = calloc(1, sizeof(*p));

	assert_int_equal(fuda_context_new(&p->ctx), 0);
	if (on_postgres())
		snprintf(p->where, sizeof(p->where), "%s", getenv("FUDA_TEST_POSTGRES"));
	else
		snprintf(p->where, sizeof(p->where), "sqlite:%s/db", folder);
	p->service.ctx = p->ctx;
	snprintf(p->service.config.origin, sizeof(p->service.config.origin), "%s", origin);
	p->service.config.idempotency_hours = 24;
	p->service.config.crl_required = true;
	p->service.revocation = (struct revocation *)p; /* is there: see revocation_ask() */
	if (make)
		assert_int_equal(keys_create(p->ctx, folder), 0);
	if (keys_open(p->ctx, folder, &p->service.keys) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	if (store_open(p->ctx, p->where, make, &p->store) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	if (make && on_postgres())
		empty(p);
	if (store_migrate(p->store) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	assert_int_equal(fuda_trust_new(p->ctx, &p->service.trust), 0);
	platform_trust(p, folder, plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA));
	return p;
}

static void start_writer(struct platform *p)
{
	struct writer_config config = { .where = p->where,
					.keys = p->service.keys,
					.who = "test",
					.queue = 256,
					.batch = 64 };

	if (writer_start(p->ctx, &config, &p->service.writer) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
}

struct platform *platform_open(const char *folder)
{
	struct platform *p = platform_new(folder, true);

	assert_int_equal(id_new(p->library), 0);
	assert_int_equal(id_new(p->bus), 0);
	assert_int_equal(keys_sector_new(p->ctx, p->service.keys, p->library, 1), 0);
	assert_int_equal(keys_sector_new(p->ctx, p->service.keys, p->bus, 1), 0);
	make_terminals(p);
	start_writer(p);
	return p;
}

struct platform *platform_join(const struct platform *other, const char *folder)
{
	struct platform *p = platform_new(folder, false);

	memcpy(p->library, other->library, ID_BYTES);
	memcpy(p->bus, other->bus, ID_BYTES);
	memcpy(p->terminal, other->terminal, sizeof(p->terminal));
	start_writer(p);
	return p;
}

void platform_close(struct platform **p)
{
	if (!*p)
		return;
	writer_stop(&(*p)->service.writer, 5000);
	store_close(&(*p)->store);
	renewal_close(&(*p)->service.renewal);
	issuers_free(&(*p)->service.issuers);
	fuda_trust_free(&(*p)->service.trust);
	keys_free(&(*p)->service.keys);
	fuda_context_free(&(*p)->ctx);
	free(*p);
	*p = NULL;
}

/* ---- requests ---- */

static void sign(struct post *post, const struct challenge *challenge)
{
	struct fuda_digest digest;

	assert_int_equal(challenge_digest(challenge, origin, &digest), 0);
	test_sign(post->card->key, FUDA_PKCS1, &digest, &post->signature);
}

void post_sign_for(struct post *post, const char *purpose, const uint8_t terminal[ID_BYTES],
		   int64_t now)
{
	struct challenge challenge;

	assert_int_equal(challenge_make(post->p->service.keys, purpose, origin, terminal, now,
					post->token, &challenge),
			 0);
	sign(post, &challenge);
}

void post_sign_again(struct post *post)
{
	post_sign_for(post, post->rule->purpose, post->terminal->id, now_us() / SECONDS_US);
}

struct post post_make(struct platform *p, size_t terminal, const struct card *card,
		      const char *purpose, const char *members)
{
	static atomic_uint keys;
	struct post post = { .p = p,
			     .terminal = &p->terminal[terminal],
			     .card = card,
			     .members = members,
			     .signature = TEST_BUF,
			     .content_type = "application/json",
			     .trace = "" };

	for (post.rule = rules; strcmp(post.rule->purpose, purpose) != 0; post.rule++)
		;
	snprintf(post.key, sizeof(post.key), "key-%d-%u", (int)getpid(), keys++);
	post_sign_again(&post);
	return post;
}

void post_free(struct post *post)
{
	fuda_buf_free(&post->signature);
}

static void put(struct fuda_buf *out, const char *text)
{
	assert_int_equal(fuda_buf_append(out, text, strlen(text)), 0);
}

static void put_base64(struct fuda_buf *out, const struct fuda_buf *bytes)
{
	assert_int_equal(base64_encode(bytes->data, bytes->len, false, out), 0);
}

void (*post_hook)(void);

static void hand_over(struct post *post, struct exchange *x)
{
	snprintf(x->key, sizeof(x->key), "%s", post->key);
	x->request = (struct http_request){ .method = "POST",
					    .path = post->rule->path,
					    .query = "",
					    .content_type = post->content_type,
					    .idempotency_key = x->key,
					    .authorization = "",
					    .trace = post->trace,
					    .body = x->sent.data,
					    .body_len = x->sent.len };
	if (post_hook)
		post_hook();
	rule_handle(&post->p->service, post->rule, post->terminal, x);
}

void post_begin(struct post *post, struct exchange *x)
{
	*x = (struct exchange){ .sent = TEST_BUF };
	put(&x->sent, "{\"challenge\":\"");
	put(&x->sent, post->token);
	put(&x->sent, "\",\"certificate\":\"");
	put_base64(&x->sent, &post->card->der);
	put(&x->sent, "\",\"signature\":\"");
	put_base64(&x->sent, &post->signature);
	put(&x->sent, "\"");
	put(&x->sent, post->members);
	put(&x->sent, "}");
	hand_over(post, x);
}

void exchange_wait(struct exchange *x)
{
	for (int i = 0; !atomic_load(&x->answered) && i < 100; i++)
		(void)deadline_wait_word(NULL, 100, &x->answered, 0);
	assert_int_equal(x->answers, 1);
}

void exchange_free(struct exchange *x)
{
	fuda_buf_free(&x->sent);
}

/* The last few stay. */
static struct exchange *next_exchange(void)
{
	static struct exchange exchanges[8];
	static unsigned next;

	return &exchanges[next++ % ARRAY_SIZE(exchanges)];
}

const struct exchange *post_raw(struct post *post, const void *body, size_t len)
{
	struct exchange *x = next_exchange();

	*x = (struct exchange){ .sent = TEST_BUF };
	assert_int_equal(fuda_buf_append(&x->sent, body, len), 0);
	hand_over(post, x);
	exchange_wait(x);
	exchange_free(x);
	return x;
}

const struct exchange *post_send(struct post *post)
{
	struct exchange *x = next_exchange();

	post_begin(post, x);
	exchange_wait(x);
	exchange_free(x);
	return x;
}

const struct exchange *ask(struct platform *p, size_t terminal, const struct card *card,
			   const char *purpose, const char *members)
{
	struct post post = post_make(p, terminal, card, purpose, members);
	const struct exchange *x = post_send(&post);

	post_free(&post);
	return x;
}

/* ---- holding the writer ---- */

static struct {
	struct task task;
	struct writer *writer;
	pthread_t thread;
	deadline_word entered, open;
} gate;

static int gate_step(_unused_ struct task *task, _unused_ struct batch *batch)
{
	atomic_store(&gate.entered, 1);
	deadline_wake_word(&gate.entered);
	(void)deadline_wait_word(NULL, 10000, &gate.open, 0);
	return STEP_DONE;
}

static void gate_reset(_unused_ struct task *task)
{
}

static void *gate_run(_unused_ void *arg)
{
	(void)writer_run(gate.writer, &gate.task);
	return NULL;
}

void platform_hold(struct platform *p)
{
	gate.task = (struct task){ .step = gate_step, .reset = gate_reset };
	gate.writer = p->service.writer;
	atomic_store(&gate.entered, 0);
	atomic_store(&gate.open, 0);
	assert_int_equal(pthread_create(&gate.thread, NULL, gate_run, NULL), 0);
	while (!atomic_load(&gate.entered))
		(void)deadline_wait_word(NULL, 1000, &gate.entered, 0);
}

void platform_release(_unused_ struct platform *p)
{
	atomic_store(&gate.open, 1);
	deadline_wake_word(&gate.open);
	pthread_join(gate.thread, NULL);
}

/* ---- looking ---- */

const char *member(const struct exchange *x, const char *name)
{
	static _Thread_local char texts[4][512];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 4], pattern[64];
	const char *at;
	size_t len;

	*text = 0;
	snprintf(pattern, sizeof(pattern), "\"%s\":", name);
	at = strstr(x->body, pattern);
	if (!at)
		return text;
	at += strlen(pattern);
	if (*at == '"') {
		at++;
		len = strcspn(at, "\"");
	} else {
		len = strcspn(at, ",}");
	}
	snprintf(text, sizeof(texts[0]), "%.*s", (int)len, at);
	return text;
}

int64_t count(struct platform *p, const struct statement *statement)
{
	_cleanup_rows_ struct rows rows = { 0 };

	if (store_run(p->store, statement, NULL, &rows) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	assert_int_equal(rows.count, 1);
	return rows_int(&rows, 0, 0);
}

void change(struct platform *p, const struct statement *statement, const struct datum *params)
{
	if (store_run(p->store, statement, params, NULL) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
}

static void tell_finding(_unused_ void *arg, const struct audit_finding *finding)
{
	print_error("%s at %lld\n", finding->what, (long long)finding->seq);
}

int64_t audited(struct platform *p)
{
	struct audit_totals totals;

	assert_int_equal(audit_verify(p->store, p->service.keys, tell_finding, NULL, &totals), 0);
	return totals.rows;
}

static bool file_holds(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	bool holds;
	void *all;

	if (fd < 0)
		return false;
	assert_int_equal(fstat(fd, &st), 0);
	all = malloc((size_t)st.st_size + 1);
	assert_non_null(all);
	assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
	close(fd);
	holds = memmem(all, (size_t)st.st_size, bytes, len) != NULL;
	free(all);
	return holds;
}

bool database_holds(const struct platform *p, const void *bytes, size_t len)
{
	char wal[sizeof(p->where) + 8];
	const char *path = p->where + strlen("sqlite:");

	snprintf(wal, sizeof(wal), "%s-wal", path);
	return file_holds(path, bytes, len) || file_holds(wal, bytes, len);
}
