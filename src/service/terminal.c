/* SPDX-License-Identifier: Apache-2.0 */
#include "service/terminal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <fuda/hash.h>

#include "base/context.h"
#include "service/enrol.h"
#include "service/meter.h"
#include "service/operator.h"
#include "service/service.h"

enum { SLOTS = 512, FINGERPRINT = 32, TURN_SECONDS = 2, REST_SECONDS = 2 };

/* What is known of one certificate. */
struct entry {
	pthread_mutex_t lock;
	bool used;
	int64_t at;                       /* when the database was asked */
	uint8_t fingerprint[FINGERPRINT]; /* of the certificate */
	struct terminal_identity identity;
	const char *code; /* why it may not act; NULL: it may */
	struct terminal terminal;
};

struct terminals {
	struct service *service;
	pthread_mutex_t store_lock; /* of the three below */
	struct store *store;
	struct fuda_context *ctx;
	int64_t rests_until; /* monotonic seconds: after a failure */
	pthread_mutex_t crl_lock; /* of the two below */
	int64_t crl_number;       /* 0: none */
	struct fuda_buf crl;
	atomic_uint_fast64_t forgotten; /* how often terminals_forget() was called */
	struct meter guesses, refusals;
	struct entry slots[SLOTS];
};

static const struct statement sql_certificate = { "SELECT c.terminal, c.key_hash, c.state, "
						  "t.state, t.environment, t.org, t.tap"
						  " FROM certificate c JOIN terminal t ON t.id = "
						  "c.terminal WHERE c.serial = $1",
						  1 };
enum { COL_TERMINAL, COL_KEY, COL_CERTIFICATE_STATE, COL_STATE, COL_ENVIRONMENT, COL_ORG, COL_TAP };

static const struct statement sql_sectors = { "SELECT s.id, s.name, s.key_version FROM certificate "
					      "c"
					      " JOIN terminal_sector ts ON ts.terminal = c.terminal"
					      " JOIN sector s ON s.id = ts.sector WHERE c.serial = "
					      "$1 ORDER BY s.name",
					      1 };

static const struct statement sql_place = { "SELECT o.name, t.place FROM terminal t JOIN org o ON "
					    "o.id = t.org WHERE t.id = $1",
					    1 };

static const struct statement sql_crl_number = { "SELECT number, this_update FROM crl ORDER BY "
						 "number DESC LIMIT 1",
						 0 };
static const struct statement sql_crl = { "SELECT der FROM crl WHERE number = $1", 1 };

int terminals_new(struct fuda_context *ctx, struct service *service, struct terminals **ret)
{
	struct terminals *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	t->service = service;
	t->crl = FUDA_BUF_INIT(HTTP_ANSWER_MAX);
	pthread_mutex_init(&t->store_lock, NULL);
	pthread_mutex_init(&t->crl_lock, NULL);
	meter_init(&t->guesses, TERMINAL_GUESSES, TERMINAL_GUESSES_EACH);
	meter_init(&t->refusals, TERMINAL_REFUSALS, TERMINAL_REFUSALS);
	for (size_t i = 0; i < SLOTS; i++)
		pthread_mutex_init(&t->slots[i].lock, NULL);
	r = store_open(ctx, service->config.database, false, &t->store);
	if (r == 0)
		r = fuda_context_new(&t->ctx);
	if (r < 0) {
		terminals_free(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void terminals_free(struct terminals **terminals)
{
	struct terminals *t = *terminals;

	if (!t)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		pthread_mutex_destroy(&t->slots[i].lock);
	meter_end(&t->refusals);
	meter_end(&t->guesses);
	pthread_mutex_destroy(&t->crl_lock);
	pthread_mutex_destroy(&t->store_lock);
	fuda_buf_free_public(&t->crl);
	store_close(&t->store);
	if (t->ctx)
		fuda_context_free(&t->ctx);
	free(t);
	*terminals = NULL;
}

struct meter *terminals_guesses(struct terminals *terminals)
{
	return &terminals->guesses;
}

/* ---- the database ---- */

/* Runs one or two statements of one parameter (NULL: none) as one transaction. */
static int read_once(struct store *store, const struct statement *const statements[2],
		     const struct datum *param, struct rows ret[2])
{
	int r = store_begin(store, false);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < 2 && statements[i]; i++)
		r = store_queue(store, statements[i], param, &ret[i]);
	if (r == 0)
		r = store_sync(store);
	if (r == 0)
		return store_commit(store);
	store_rollback(store);
	return r;
}

static struct timespec monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now;
}

/* The threads that ask here have all connections between them, those who ask whether we live too:
 * where the database hangs they do not line up, each to hang in its turn. Locked if 0. */
static int take_turn(struct terminals *t)
{
	struct timespec until = monotonic();

	until.tv_sec += TURN_SECONDS;
	if (pthread_mutex_clocklock(&t->store_lock, CLOCK_MONOTONIC, &until) != 0)
		return FUDA_ESTORE;
	if (monotonic().tv_sec >= t->rests_until)
		return 0;
	pthread_mutex_unlock(&t->store_lock);
	return FUDA_ESTORE;
}

/* A lost connection is made anew once; for a reader its fate is all the same. */
static int read_both(struct terminals *t, const struct statement *const statements[2],
		     const struct datum *param, struct rows ret[2])
{
	int64_t from = monotonic().tv_sec;
	int r = take_turn(t);

	if (r < 0)
		return r;
	r = FUDA_ERETRY;
	for (int tries = 0; tries < 3 && (r == FUDA_ERETRY || r == FUDA_EUNSURE); tries++) {
		rows_free(&ret[0]);
		rows_free(&ret[1]);
		r = read_once(t->store, statements, param, ret);
		/* what took long would again */
		if (r < 0 && monotonic().tv_sec - from >= REST_SECONDS) {
			t->rests_until = monotonic().tv_sec + REST_SECONDS;
			break;
		}
	}
	pthread_mutex_unlock(&t->store_lock);
	return r == FUDA_ERETRY || r == FUDA_EUNSURE ? FUDA_ESTORE : r;
}

static void free_both(struct rows (*rows)[2])
{
	rows_free(&(*rows)[0]);
	rows_free(&(*rows)[1]);
}

static bool text_is(const struct rows *rows, size_t column, const char *text)
{
	struct datum d = rows_get(rows, 0, column);

	return d.len == strlen(text) && memcmp(d.bytes, text, d.len) == 0;
}

const char *terminal_refusal(const struct rows *rows, size_t certificate, size_t state)
{
	static const struct {
		const char *state, *code;
	} refused[] = {
		{ "suspended", "terminal_suspended" },
		{ "revoked", "terminal_revoked" },
	};

	if (!text_is(rows, certificate, "valid"))
		return "terminal_revoked";
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (text_is(rows, state, refused[i].state))
			return refused[i].code;
	return text_is(rows, state, "active") ? NULL : "terminal_not_approved";
}

static const char *judge_rows(const struct rows *rows, const struct terminal_identity *identity,
			      const char *environment)
{
	struct datum id = rows_get(rows, 0, COL_TERMINAL), key = rows_get(rows, 0, COL_KEY);

	if (id.len != ID_BYTES || memcmp(id.bytes, identity->id, ID_BYTES) != 0 ||
	    key.len != sizeof(identity->key) || !equal_ct(key.bytes, identity->key, key.len))
		return "terminal_certificate_invalid";
	if (!text_is(rows, COL_ENVIRONMENT, environment))
		return "terminal_environment";
	return terminal_refusal(rows, COL_CERTIFICATE_STATE, COL_STATE);
}

static int take_sectors(const struct rows *rows, struct terminal *ret)
{
	int r = rows->count <= TERMINAL_SECTORS ? 0 : FUDA_ESTORE;

	for (size_t i = 0; r == 0 && i < rows->count; i++) {
		struct terminal_sector *s = &ret->sectors[i];

		r = rows_bytes(rows, i, 0, s->id, ID_BYTES);
		if (r == 0)
			r = rows_text(rows, i, 1, s->name, sizeof(s->name));
		s->key_version = rows_int(rows, i, 2);
	}
	ret->sector_count = rows->count;
	return r;
}

/* What the database says of a certificate. FUDA_EREFUSED: nothing, or what has no place in `ret`.
 */
static int look_up(struct terminals *t, const struct terminal_identity *identity,
		   struct terminal *ret, const char **ret_code)
{
	static const struct statement *const statements[2] = { &sql_certificate, &sql_sectors };
	_cleanup_(free_both) struct rows rows[2] = { { 0 }, { 0 } };
	int r = read_both(t, statements, &BYTES(identity->serial, CA_SERIAL), rows);

	if (r < 0)
		return r;
	*ret_code = "terminal_unknown";
	if (rows[0].count == 0)
		return FUDA_EREFUSED;
	*ret_code = judge_rows(&rows[0], identity, t->service->config.environment);
	*ret = (struct terminal){ .tap = rows_int(&rows[0], 0, COL_TAP) != 0 };
	memcpy(ret->id, identity->id, ID_BYTES);
	memcpy(ret->serial, identity->serial, CA_SERIAL);
	r = rows_bytes(&rows[0], 0, COL_ORG, ret->org, ID_BYTES);
	return r < 0 ? r : take_sectors(&rows[1], ret);
}

_Static_assert((int)ORG_NAME <= (int)TERMINAL_NAME && (int)PLACE_TEXT <= (int)TERMINAL_NAME,
	       "there is room for both");

int terminal_place(struct terminals *terminals, const struct terminal *terminal,
		   char ret_org[TERMINAL_NAME], char ret_place[TERMINAL_NAME])
{
	static const struct statement *const statements[2] = { &sql_place, NULL };
	_cleanup_(free_both) struct rows rows[2] = { { 0 }, { 0 } };
	int r = read_both(terminals, statements, &BYTES(terminal->id, ID_BYTES), rows);

	if (r == 0)
		r = rows[0].count ? rows_text(&rows[0], 0, 0, ret_org, TERMINAL_NAME) : FUDA_ESTORE;
	return r < 0 ? r : rows_text(&rows[0], 0, 1, ret_place, TERMINAL_NAME);
}

/* Whether list `number` is the one that is at hand, and so in `ret_der`. */
static int recall_crl(struct terminals *t, int64_t number, struct fuda_buf *ret_der,
		      bool *ret_known)
{
	int r = 0;

	pthread_mutex_lock(&t->crl_lock);
	*ret_known = t->crl_number == number;
	if (*ret_known)
		r = fuda_buf_append(ret_der, t->crl.data, t->crl.len);
	pthread_mutex_unlock(&t->crl_lock);
	return r;
}

static int read_crl(struct terminals *t, int64_t number, struct fuda_buf *ret_der)
{
	static const struct statement *const statements[2] = { &sql_crl, NULL };
	_cleanup_(free_both) struct rows rows[2] = { { 0 }, { 0 } };
	struct datum der;
	int r = read_both(t, statements, &INT(number), rows);

	if (r < 0)
		return r;
	if (rows[0].count == 0)
		return FUDA_ESTORE; /* twenty others since: of no working service */
	der = rows_get(&rows[0], 0, 0);
	pthread_mutex_lock(&t->crl_lock);
	t->crl_number = 0;
	r = fuda_buf_set(&t->crl, der.bytes, der.len);
	if (r == 0)
		t->crl_number = number;
	pthread_mutex_unlock(&t->crl_lock);
	return r < 0 ? r : fuda_buf_append(ret_der, der.bytes, der.len);
}

/* Anybody may ask, and it may be megabytes: those who wait for the connection do not wait for
 * these. */
int terminals_crl(struct terminals *terminals, struct fuda_buf *ret_der, int64_t *ret_made)
{
	static const struct statement *const statements[2] = { &sql_crl_number, NULL };
	_cleanup_(free_both) struct rows rows[2] = { { 0 }, { 0 } };
	int64_t number;
	bool known;
	int r = read_both(terminals, statements, NULL, rows);

	if (r < 0)
		return r;
	if (rows[0].count == 0)
		return FUDA_ENOTFOUND;
	number = rows_int(&rows[0], 0, 0);
	r = recall_crl(terminals, number, ret_der, &known);
	if (r == 0 && !known)
		r = read_crl(terminals, number, ret_der);
	if (r == 0)
		*ret_made = rows_int(&rows[0], 0, 1);
	return r;
}

/* ---- what is remembered ---- */

static struct entry *slot_of(struct terminals *t, const struct fuda_digest *fingerprint)
{
	return &t->slots[(fingerprint->bytes[0] << 8 | fingerprint->bytes[1]) % SLOTS];
}

static bool recall(struct terminals *t, const struct fuda_digest *fingerprint, int64_t now,
		   struct entry *ret)
{
	struct entry *e = slot_of(t, fingerprint);
	bool known;

	pthread_mutex_lock(&e->lock);
	/* a clock that was set back makes nothing last longer */
	known = e->used && memcmp(e->fingerprint, fingerprint->bytes, FINGERPRINT) == 0 &&
		now >= e->at && now - e->at < TERMINAL_CACHE_SECONDS;
	if (known) {
		ret->identity = e->identity;
		ret->code = e->code;
		ret->terminal = e->terminal;
	}
	pthread_mutex_unlock(&e->lock);
	return known;
}

/* What the certificate itself says, and that our CA signed it, stays so. */
static bool recall_identity(struct terminals *t, const struct fuda_digest *fingerprint,
			    struct terminal_identity *ret)
{
	struct entry *e = slot_of(t, fingerprint);
	bool known;

	pthread_mutex_lock(&e->lock);
	known = e->used && memcmp(e->fingerprint, fingerprint->bytes, FINGERPRINT) == 0;
	if (known)
		*ret = e->identity;
	pthread_mutex_unlock(&e->lock);
	return known;
}

/* Unless somebody had a terminal forgotten since the database was asked. */
static void remember(struct terminals *t, const struct fuda_digest *fingerprint, int64_t now,
		     uint_fast64_t forgotten, const struct entry *what)
{
	struct entry *e = slot_of(t, fingerprint);

	pthread_mutex_lock(&e->lock);
	if (atomic_load(&t->forgotten) == forgotten) {
		e->used = true;
		e->at = now;
		memcpy(e->fingerprint, fingerprint->bytes, FINGERPRINT);
		e->identity = what->identity;
		e->code = what->code;
		e->terminal = what->terminal;
	}
	pthread_mutex_unlock(&e->lock);
}

void terminals_forget(struct terminals *terminals, const uint8_t terminal[ID_BYTES])
{
	atomic_fetch_add(&terminals->forgotten, 1);
	for (size_t i = 0; i < SLOTS; i++) {
		struct entry *e = &terminals->slots[i];

		pthread_mutex_lock(&e->lock);
		if (e->used && memcmp(e->terminal.id, terminal, ID_BYTES) == 0)
			e->used = false;
		pthread_mutex_unlock(&e->lock);
	}
}

/* ---- asking ---- */

static const char *code_of(const char *why)
{
	static const struct {
		const char *why, *code;
	} codes[] = {
		{ "expired", "terminal_certificate_expired" },
		{ "other_environment", "terminal_environment" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strcmp(why, codes[i].why) == 0)
			return codes[i].code;
	return "terminal_certificate_invalid";
}

static int identify(struct terminals *t, const uint8_t *der, size_t len, int64_t now,
		    struct terminal_identity *ret, const char **ret_code)
{
	struct fuda_context *ctx;
	const char *why = "";
	int r = fuda_context_new(&ctx);

	if (r < 0)
		return r;
	r = ca_identify(ctx, t->service->ca, der, len, (time_t)now, ret, &why);
	fuda_context_free(&ctx);
	if (r == 0 || r == FUDA_ENOMEM || r == FUDA_EFAILED)
		return r;
	*ret_code = code_of(why);
	return FUDA_EREFUSED;
}

/* What the database says now. */
static int ask_anew(struct terminals *t, const uint8_t *der, size_t len,
		    const struct fuda_digest *fingerprint, int64_t now, struct entry *ret)
{
	uint_fast64_t forgotten = atomic_load(&t->forgotten);
	int r = recall_identity(t, fingerprint, &ret->identity) ?
			0 :
			identify(t, der, len, now, &ret->identity, &ret->code);

	if (r == 0)
		r = look_up(t, &ret->identity, &ret->terminal, &ret->code);
	if (r < 0)
		return r;
	remember(t, fingerprint, now, forgotten, ret);
	return 0;
}

static int ask(struct terminals *t, const uint8_t *der, size_t len, int64_t now, bool anew,
	       struct entry *e)
{
	struct fuda_digest fingerprint;
	int r = fuda_digest_bytes(FUDA_SHA256, der, len, &fingerprint);

	if (r == 0 && (anew || !recall(t, &fingerprint, now, e)))
		r = ask_anew(t, der, len, &fingerprint, now, e);
	if (r < 0)
		return r;
	/* what is remembered grows older */
	if (now > e->identity.not_after)
		e->code = "terminal_certificate_expired";
	else if (now < e->identity.not_before)
		e->code = "terminal_certificate_invalid";
	return e->code ? FUDA_EREFUSED : 0;
}

/* ---- refusals are told ---- */

struct refusal {
	struct task task; /* first */
	uint8_t terminal[ID_BYTES];
	bool known;
	char data[96];
};

static int refusal_step(struct task *task, struct batch *batch)
{
	struct refusal *refusal = (struct refusal *)task;
	struct audit_entry entry = { "terminal", refusal->known ? refusal->terminal : NULL,
				     "refused", NULL, refusal->data };
	int r = batch_audit(batch, &entry);

	return r < 0 ? r : STEP_DONE;
}

static void refusal_reset(struct task *task _unused_)
{
}

static void refusal_done(struct task *task, int result _unused_)
{
	free(task);
}

/* Which terminal, and why; nobody waits for it, and without room for it it is not told. */
static void tell_refusal(struct terminals *t, const struct entry *e, int64_t now)
{
	static const uint8_t nobody[ID_BYTES];
	struct refusal *refusal;
	size_t turn;
	int wait;

	if (!t->service->writer || meter_take(&t->refusals, now, nobody, &turn, &wait) < 0)
		return;
	refusal = calloc(1, sizeof(*refusal));
	if (!refusal)
		return;
	refusal->task.step = refusal_step;
	refusal->task.reset = refusal_reset;
	refusal->task.done = refusal_done;
	refusal->known = memcmp(e->terminal.id, nobody, ID_BYTES) != 0;
	memcpy(refusal->terminal, e->terminal.id, ID_BYTES);
	snprintf(refusal->data, sizeof(refusal->data), "{\"act\":\"request\",\"why\":\"%s\"}",
		 e->code);
	if (writer_submit(t->service->writer, &refusal->task) < 0)
		free(refusal);
}

static int ask_and_tell(struct terminals *terminals, const uint8_t *der, size_t len, int64_t now,
			bool anew, struct terminal *ret, const char **ret_code)
{
	struct entry e = { 0 };
	int r = ask(terminals, der, len, now, anew, &e);

	if (r == 0)
		*ret = e.terminal;
	if (r == FUDA_EREFUSED) {
		*ret_code = e.code;
		tell_refusal(terminals, &e, now);
	}
	return r;
}

int terminal_ask(struct terminals *terminals, const uint8_t *der, size_t len, int64_t now,
		 struct terminal *ret, const char **ret_code)
{
	return ask_and_tell(terminals, der, len, now, false, ret, ret_code);
}

int terminal_ask_anew(struct terminals *terminals, const uint8_t *der, size_t len, int64_t now,
		      struct terminal *ret, const char **ret_code)
{
	return ask_and_tell(terminals, der, len, now, true, ret, ret_code);
}

const struct terminal_sector *terminal_sector(const struct terminal *terminal, const char *name)
{
	if (!*name)
		return terminal->sector_count == 1 ? &terminal->sectors[0] : NULL;
	for (size_t i = 0; i < terminal->sector_count; i++)
		if (strcmp(terminal->sectors[i].name, name) == 0)
			return &terminal->sectors[i];
	return NULL;
}
