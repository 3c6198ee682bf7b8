/* SPDX-License-Identifier: Apache-2.0 */
#include "service/keeper.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/context.h"
#include "service/audit.h"
#include "service/checkpoint.h"
#include "service/enrol.h"
#include "service/sweep.h"
#include "service/tls.h"

enum { SWEEP_PORTIONS = 20, MESSAGE_MAX = 600, CRL_BYTES_MAX = 64 << 20 };

static int compare_clocks(struct keeper *k);
static int read_lists(struct keeper *k);
static int read_renewal(struct keeper *k);
static int sweep(struct keeper *k);
static int measure(struct keeper *k);
static int checkpoint(struct keeper *k);
static int list_terminals(struct keeper *k);
static int watch_tls(struct keeper *k);
static int watch_responder(struct keeper *k);
static int watch_mdoc_lists(struct keeper *k);
static int watch_mdoc_cas(struct keeper *k);

enum { DUTY_SWEEP = 3, DUTY_CHECKPOINT = 5 };
static const struct duty {
	const char *what; /* that it fails is told by */
	int seconds;
	bool files; /* done at once when woken */
	int (*run)(struct keeper *k);
} duties[] = {
	{ "clock", KEEPER_CLOCK_SECONDS, false, compare_clocks },
	{ "renewal", KEEPER_LISTS_SECONDS, true, read_renewal },
	{ "revocation", KEEPER_LISTS_SECONDS, true, read_lists },
	[DUTY_SWEEP] = { "sweep", KEEPER_SWEEP_SECONDS, false, sweep },
	{ "gauges", KEEPER_SLOW_SECONDS, false, measure },
	[DUTY_CHECKPOINT] = { "checkpoint", KEEPER_SLOW_SECONDS, false, checkpoint },
	{ "terminal_crl", KEEPER_SLOW_SECONDS, false, list_terminals },
	{ "tls", KEEPER_SLOW_SECONDS, false, watch_tls },
	{ "responder", KEEPER_RESPONDER_SECONDS, false, watch_responder },
	{ "mdoc_revocation", KEEPER_LISTS_SECONDS, true, watch_mdoc_lists },
	{ "mdoc_trust", KEEPER_LISTS_SECONDS, true, watch_mdoc_cas },
};

struct keeper {
	struct keeper_config config;
	struct service *service;
	struct fuda_context *ctx;
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* of the two below */
	pthread_cond_t changed;
	bool ending, ended, woken;
	int64_t due[ARRAY_SIZE(duties)];            /* seconds, monotonic */
	char told[ARRAY_SIZE(duties)][MESSAGE_MAX]; /* what was said last */
	bool probed;                                /* the responder, once */
};

/* ---- duties ---- */

static int compare_clocks(struct keeper *k)
{
	int e = service_check_clock(k->service, k->store);

	if (e < 0)
		return e;
	/* the writer learns that the database is back by having something to write */
	if (service_database_away(k->service))
		k->due[DUTY_SWEEP] = 0;
	if (atomic_load(&k->service->health.behind))
		return ctx_fail(k->ctx, FUDA_EFAILED,
				_("This machine's clock is more than five minutes behind the "
				  "newest row of the audit trail: nobody is served until it is "
				  "set. If that row is the one that is wrong, say 'fuda-mykeyd "
				  "audit accept-clock --comment WHY --folder %s'."),
				k->service->config.folder);
	return atomic_load(&k->service->health.clock) ?
		       ctx_fail(k->ctx, FUDA_EFAILED,
				_("This machine's clock and the database's are more than two "
				  "seconds "
				  "apart: nobody is served until they are not.")) :
		       0;
}

/* Said before cards are refused for it (platform.md D5): from half of a list's life on. */
static int check_ages(struct keeper *k)
{
	struct revocation_state s;

	for (size_t i = 0; revocation_state(k->service->revocation, i, time(NULL), &s) == 0; i++)
		if (s.loaded && s.stale)
			return ctx_fail(k->ctx, FUDA_EVERIFY,
					revocation_responder(k->service->revocation) ?
						_("%s is too old: the OCSP responder alone is "
						  "believed until a newer list is in its place.") :
						_("%s is too old: cards are refused until a newer "
						  "list is in its place."),
					s.file);
	for (size_t i = 0; revocation_state(k->service->revocation, i, time(NULL), &s) == 0; i++)
		if (s.loaded && s.half)
			return ctx_fail(k->ctx, FUDA_EVERIFY,
					_("%s is past half of its life: fetch a newer list."),
					s.file);
	return 0;
}

static int read_lists(struct keeper *k)
{
	int e = revocation_refresh(k->ctx, k->service->revocation);

	return e < 0 ? e : check_ages(k);
}

static int read_renewal(struct keeper *k)
{
	return renewal_refresh(k->ctx, k->service->renewal);
}

static int sweep(struct keeper *k)
{
	struct sweep s;
	int e = 0;

	for (int i = 0; i < SWEEP_PORTIONS && e == 0; i++) {
		sweep_init(&s);
		e = writer_run(k->service->writer, &s.task);
		if (!s.more)
			break;
	}
	/* a full queue has more important things in it */
	return e == FUDA_EWAIT ? 0 : e;
}

static int count_rows(struct keeper *k, struct rows *ret_mykeys, struct rows *ret_terminals)
{
	static const struct statement mykeys = { "SELECT COUNT(*) FROM mykey WHERE state = "
						 "'active'",
						 0 };
	static const struct statement terminals = { "SELECT state, COUNT(*) FROM terminal GROUP BY "
						    "state",
						    0 };
	int e = store_begin(k->store, false);

	if (e == 0)
		e = store_queue(k->store, &mykeys, NULL, ret_mykeys);
	if (e == 0)
		e = store_queue(k->store, &terminals, NULL, ret_terminals);
	if (e == 0)
		e = store_sync(k->store);
	if (e == 0)
		return store_commit(k->store);
	store_rollback(k->store);
	return e;
}

static void measure_terminals(struct metrics *metrics, const struct rows *rows)
{
	static const char *const states[] = {
		"applied", "on_hold", "approved", "active", "suspended", "revoked",
	};
	char state[16];

	for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
		int64_t n = 0;

		for (size_t i = 0; i < rows->count; i++)
			if (rows_text(rows, i, 0, state, sizeof(state)) == 0 &&
			    strcmp(state, states[s]) == 0)
				n = rows_int(rows, i, 1);
		metrics_set(metrics, GAUGE_TERMINALS_APPLIED + s, n);
	}
}

static int measure(struct keeper *k)
{
	_cleanup_rows_ struct rows mykeys = { 0 }, terminals = { 0 };
	struct metrics *metrics = k->service->metrics;
	int64_t bytes;
	int e = count_rows(k, &mykeys, &terminals);

	if (e < 0)
		return e;
	if (mykeys.count == 1)
		metrics_set(metrics, GAUGE_MYKEYS_ACTIVE, rows_int(&mykeys, 0, 0));
	measure_terminals(metrics, &terminals);
	e = store_size(k->store, &bytes);
	if (e == 0)
		metrics_set(metrics, GAUGE_DATABASE_BYTES, bytes);
	return e;
}

/* What does not agree with the outside, or cannot be seen to, is not signed on: that would hide it;
 * and rows may go missing under a service that runs. */
static int check_trail(struct keeper *k)
{
	const struct config *config = &k->service->config;
	int e = service_check_audit(k->ctx, k->service, k->store);

	if (e < 0 || !atomic_load(&k->service->health.audit))
		return e;
	if (atomic_load(&k->service->health.outside))
		return ctx_fail(k->ctx, FUDA_EVERIFY,
				_("There is no checkpoint in %s any more: nobody is served. Put "
				  "that file back, from the copy that is kept elsewhere; if it is "
				  "lost, 'fuda-mykeyd audit accept-loss --comment WHY --folder %s' "
				  "says so."),
				config->checkpoint_file, config->folder);
	return ctx_fail(k->ctx, FUDA_EVERIFY,
			_("The database is not what the last checkpoint in %s signed: "
			  "nobody is served. 'fuda-mykeyd audit verify --folder %s' says "
			  "what "
			  "it is; after the restore of an older backup, 'fuda-mykeyd audit "
			  "accept-loss --comment WHY --folder %s' says that what came behind it "
			  "is lost."),
			config->checkpoint_file, config->folder, config->folder);
}

static int sign(struct keeper *k)
{
	_cleanup_buf_ struct fuda_buf json = FUDA_BUF_INIT(CHECKPOINT_MAX);
	const char *path = k->service->config.checkpoint_file;
	int64_t now = now_us();
	int e;

	/* those that come behind it go by its time */
	if (atomic_load(&k->service->health.clock))
		return 0;
	e = audit_checkpoint(k->store, k->service->keys, &json);
	if (e < 0)
		return e;
	metrics_set(k->service->metrics, GAUGE_CHECKPOINT_AT, now / SECONDS_US);
	return *path ? checkpoint_append(k->ctx, path, &json) : 0;
}

/* One may be in the database alone: where its line could not be written, or another process has a
 * file of its own. */
static int write_last(struct keeper *k)
{
	_cleanup_buf_ struct fuda_buf json = FUDA_BUF_INIT(CHECKPOINT_MAX);
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX + 1);
	const char *path = k->service->config.checkpoint_file;
	int64_t number;
	int e;

	if (!*path)
		return 0;
	e = audit_last_line(k->store, &number, &json);
	if (e < 0 || !number)
		return e;
	e = checkpoint_last(k->ctx, path, &line);
	if (e < 0 && e != FUDA_ENOTFOUND)
		return e;
	if (line.len == json.len + 1 && memcmp(line.data, json.data, json.len) == 0)
		return 0;
	return checkpoint_append(k->ctx, path, &json);
}

/* One from the future tells nothing of what is signed. */
static bool is_old(int64_t last)
{
	int64_t now = now_us();

	return last > now + CLOCK_TOLERANCE_US ||
	       now - last >= KEEPER_CHECKPOINT_SECONDS * SECONDS_US;
}

/* Of several processes the one that comes first does it; that two do at once is no harm. */
static int checkpoint(struct keeper *k)
{
	int64_t last;
	int e = check_trail(k);

	if (e == 0)
		e = write_last(k);
	if (e == 0)
		e = audit_last_checkpoint(k->store, &last);
	if (e < 0)
		return e;
	if (last)
		metrics_set(k->service->metrics, GAUGE_CHECKPOINT_AT, last / SECONDS_US);
	return is_old(last) ? sign(k) : 0;
}

/* The list of terminals' certificates that count no more is made with each revocation; without any
 * it grows old. Half of its life is left for those who fetch it, who take none from the future. */
static int list_terminals(struct keeper *k)
{
	_cleanup_(crl_renewal_free) struct crl_renewal renewal = { 0 };
	_cleanup_(fuda_buf_free_public) struct fuda_buf der = FUDA_BUF_INIT(CRL_BYTES_MAX);
	int64_t made = 0, now = now_us() / SECONDS_US;
	int e = 0;

	/* it has times in it, and is an effect: D5 */
	if (atomic_load(&k->service->health.clock) || atomic_load(&k->service->health.audit))
		return 0;
	e = terminals_crl(k->service->terminals, &der, &made);
	if (e < 0 && e != FUDA_ENOTFOUND)
		return e;
	if (e == 0 && made + CA_CRL_DAYS * 86400 / 2 > now &&
	    made <= now + CLOCK_TOLERANCE_US / SECONDS_US)
		return 0;
	e = crl_renewal_init(&renewal, k->service);
	if (e == 0)
		e = writer_run(k->service->writer, &renewal.task);
	if (e == FUDA_EFORMAT)
		return ctx_fail(k->ctx, e, "%s", fuda_context_message(renewal.ctx));
	return e == FUDA_EWAIT ? 0 : e;
}

/* Once it has ended, no terminal comes in any more. */
static int watch_tls(struct keeper *k)
{
	time_t ends = k->service->tls_ends;
	char date[32];
	struct tm tm;

	if (!ends || ends - time(NULL) > (time_t)TLS_WARN_DAYS * 86400)
		return 0;
	if (!gmtime_r(&ends, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return FUDA_EFAILED;
	return ctx_fail(k->ctx, FUDA_EVERIFY,
			_("The certificate for TLS ends at %s: 'fuda-mykeyd tls renew --folder %s' "
			  "makes "
			  "a new one, for when the service is started again."),
			date, k->service->config.folder);
}

/* At the start, so that few are asked for a PIN in vain, and until it answers as it must. */
static int watch_responder(struct keeper *k)
{
	struct responder *responder = revocation_responder(k->service->revocation);
	struct responder_state s;

	if (!responder)
		return 0;
	responder_state(responder, &s);
	if (!k->probed || s.down || s.wrong)
		(void)responder_probe(k->ctx, responder);
	k->probed = true;
	responder_state(responder, &s);
	if (!s.down && !s.wrong)
		return 0;
	return ctx_fail(k->ctx, FUDA_EUNREACHABLE,
			k->service->config.ocsp_required ?
				_("%s Cards are refused until it answers as it must.") :
				_("%s Until it answers as it must, the lists alone are believed."),
			s.message);
}

static int tell_mdoc_list(struct keeper *k, const struct mdoc_list_state *s)
{
	if (s->flawed)
		return ctx_fail(k->ctx, FUDA_EVERIFY, "%s: %s", s->file, s->why);
	if (s->stale)
		return ctx_fail(k->ctx, FUDA_EVERIFY,
				_("%s is too old, and counts for no phone until a newer list is in "
				  "its place."),
				s->file);
	return s->half ? ctx_fail(k->ctx, FUDA_EVERIFY,
				  _("%s is past half of its life: fetch a newer list."), s->file) :
			 0;
}

static int watch_mdoc_lists(struct keeper *k)
{
	const struct config *config = &k->service->config;
	struct mdoc_list_state s;
	int e = issuers_refresh(k->ctx, k->service->issuers);

	if (e < 0 || !config->mdoc_trust_count)
		return e;
	if (!config->mdoc_crl_count && config->crl_required)
		return ctx_fail(k->ctx, FUDA_EVERIFY,
				_("No revocation list of who issues mobile credentials is named "
				  "(mdoc_crl): phones are refused."));
	for (size_t i = 0; e == 0; i++) {
		e = issuers_list(k->service->issuers, i, time(NULL), &s);
		if (e == 0)
			e = tell_mdoc_list(k, &s);
	}
	return e == FUDA_ENOTFOUND ? 0 : e;
}

/* They are as read just before. */
static int watch_mdoc_cas(struct keeper *k)
{
	struct issuers *issuers = k->service->issuers;
	const char *refused = issuers_refusal(issuers, time(NULL));
	struct mdoc_ca_state s;

	if (refused && strcmp(refused, "mdoc_not_served") == 0)
		return ctx_fail(k->ctx, FUDA_EVERIFY,
				_("No root certificate of those who issue mobile credentials "
				  "(mdoc_trust) is good: phones are refused. 'fuda-mykeyd crl "
				  "status' says why."));
	for (size_t i = 0; issuers_certificate(issuers, i, time(NULL), &s) == 0; i++)
		if (*s.why)
			return ctx_fail(k->ctx, FUDA_EVERIFY,
					_("The certificate of \"%s\" (mdoc_trust) counts for no "
					  "phone: %s"),
					s.subject, s.why);
	return 0;
}

/* ---- time ---- */

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void tell(struct keeper *k, size_t i, int code)
{
	const char *message = "";

	if (code < 0)
		message = *fuda_context_message(k->ctx) ? fuda_context_message(k->ctx) :
							  fuda_error_text(code);
	if (strncmp(k->told[i], message, MESSAGE_MAX - 1) == 0)
		return;
	snprintf(k->told[i], MESSAGE_MAX, "%s", message);
	if (k->config.told)
		k->config.told(k->config.arg, duties[i].what, k->told[i]);
}

static bool is_ending(struct keeper *k)
{
	bool ending;

	pthread_mutex_lock(&k->lock);
	ending = k->ending;
	pthread_mutex_unlock(&k->lock);
	return ending;
}

/* Of duties that a hanging database makes long, one at most is waited for at the end. */
static void do_what_is_due(struct keeper *k, bool woken)
{
	for (size_t i = 0; i < ARRAY_SIZE(duties) && !is_ending(k); i++) {
		if (seconds_now() < k->due[i] && !(woken && duties[i].files))
			continue;
		/* the message of another failure is not this one's */
		(void)fuda_context_fail(k->ctx, FUDA_EFAILED, "");
		tell(k, i, duties[i].run(k));
		k->due[i] = seconds_now() + duties[i].seconds;
	}
}

static void *keep(void *arg)
{
	struct keeper *k = arg;
	struct timespec until;

	pthread_mutex_lock(&k->lock);
	while (!k->ending) {
		bool woken = k->woken;

		k->woken = false;
		pthread_mutex_unlock(&k->lock);
		do_what_is_due(k, woken);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += 1;
		pthread_mutex_lock(&k->lock);
		if (!k->ending && !k->woken)
			pthread_cond_timedwait(&k->changed, &k->lock, &until);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* Signals are for the thread that waits for them. */
static int start_thread(struct keeper *k)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&k->thread, NULL, keep, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed ? FUDA_EFAILED : 0;
}

static void keeper_free(struct keeper *k)
{
	store_close(&k->store);
	fuda_context_free(&k->ctx);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

int keeper_start(struct fuda_context *ctx, const struct keeper_config *config, struct keeper **ret)
{
	struct keeper *k = calloc(1, sizeof(*k));
	pthread_condattr_t attributes;
	int e;

	if (!k)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	k->config = *config;
	k->service = config->service;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	e = fuda_context_new(&k->ctx);
	if (e == 0)
		e = store_open(k->ctx, k->service->config.database, false, &k->store);
	if (e == 0)
		e = start_thread(k);
	if (e < 0) {
		ctx_fail(ctx, e, "%s",
			 k->ctx && *fuda_context_message(k->ctx) ? fuda_context_message(k->ctx) :
								   fuda_error_text(e));
		keeper_free(k);
		return e;
	}
	*ret = k;
	return 0;
}

void keeper_wake(struct keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->woken = true;
	pthread_cond_signal(&keeper->changed);
	pthread_mutex_unlock(&keeper->lock);
}

void keeper_rest(struct keeper *k)
{
	if (k->ended)
		return;
	pthread_mutex_lock(&k->lock);
	k->ending = true;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	k->ended = true;
}

void keeper_sign(struct keeper *k)
{
	int e;

	(void)fuda_context_fail(k->ctx, FUDA_EFAILED, "");
	e = check_trail(k);
	if (e == 0)
		e = write_last(k);
	tell(k, DUTY_CHECKPOINT, e < 0 ? e : sign(k));
}

void keeper_stop(struct keeper **keeper)
{
	struct keeper *k = *keeper;

	if (!k)
		return;
	keeper_rest(k);
	keeper_free(k);
	*keeper = NULL;
}
