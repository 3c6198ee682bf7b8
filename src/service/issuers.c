/* SPDX-License-Identifier: Apache-2.0 */
#include "service/issuers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/context.h"
#include "base/util.h"
#include "mdoc/trust.h"

enum { MESSAGES_MAX = 2048, WHY_MAX = 512 };

/* What a file was when it was read last. */
struct seen {
	const char *path;
	bool read; /* it could be, be it that what was in it is no good */
	struct stat st;
	int failed; /* that, and why */
	char why[WHY_MAX];
	const struct issuer_list *list; /* of a list: the one in force, the trust's; NULL: none */
};

struct issuers {
	const struct config *config;
	/* Held for as long as one thread judges or reads: they share the context, and what was
	 * judged before is remembered for all. */
	pthread_mutex_t lock;
	struct fuda_context *ctx;
	struct fuda_mdoc_trust *trust;
	struct seen certificates[CONFIG_LIST], lists[CONFIG_LIST];
	size_t certificate_count, list_count;
};

static void unlock(pthread_mutex_t **lock)
{
	pthread_mutex_unlock(*lock);
}
#define LOCKED(issuers)                                                \
	_cleanup_(unlock) pthread_mutex_t *locked_ = &(issuers)->lock; \
	pthread_mutex_lock(locked_)

/* ---- files ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* `ret_now`: as it is before it is read, so that what comes meanwhile is seen the next time. */
static bool is_unchanged(const struct seen *seen, struct stat *ret_now)
{
	struct stat none = { 0 };
	bool there = stat(seen->path, ret_now) == 0;

	if (!there)
		*ret_now = none;
	return there && seen->read && is_same(&seen->st, ret_now);
}

/* A file that could not be read, or whose time has not come, is tried again, and one that is no
 * good when it is another. */
static void note(struct seen *seen, struct fuda_context *ctx, const struct stat *st, int result)
{
	seen->read = result != FUDA_EFILE && result != FUDA_EWAIT && result != FUDA_ENOMEM &&
		     result != FUDA_EFAILED;
	seen->st = *st;
	seen->failed = result;
	snprintf(seen->why, sizeof(seen->why), "%s", result < 0 ? fuda_context_message(ctx) : "");
}

/* ---- lists ---- */

static const struct trusted_list *find_list(const struct fuda_mdoc_trust *trust,
					    const struct issuer_list *list)
{
	const struct trusted_list *trusted;

	for (size_t i = 0; (trusted = trust_list_at(trust, i)); i++)
		if (trusted->list == list)
			return trusted;
	return NULL;
}

/* An authority that has another key may still have the same name, and begins anew. */
static bool is_of_one_key(const struct fuda_mdoc_trust *trust, const struct issuer_list *a,
			  const struct issuer_list *b)
{
	const struct trusted_list *one = find_list(trust, a), *other = find_list(trust, b);

	return one && other && key_equal(one->by->cert->key, other->by->cert->key);
}

/* Whether it may take its place now, as with those of cards: revocation.c. */
static int check_list(const struct issuers *issuers, const struct seen *seen,
		      const struct issuer_list *new)
{
	struct fuda_context *ctx = issuers->ctx;

	if (new->this_update > time(NULL) + MDOC_CLOCK)
		return ctx_fail(ctx, FUDA_EWAIT,
				_("%s: The list begins in the future. Check the clock of this "
				  "machine."),
				seen->path);
	if (seen->list && new->this_update < seen->list->this_update &&
	    is_of_one_key(issuers->trust, seen->list, new))
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("%s: The list is older than the one in force, which stays."),
				seen->path);
	return 0;
}

static bool is_in_force(const struct issuers *issuers, const struct issuer_list *list)
{
	for (size_t i = 0; i < issuers->list_count; i++)
		if (issuers->lists[i].list == list)
			return true;
	return false;
}

/* Two files may have the same list, which is in the trust once: it stays for as long as it is in
 * force for one of them. */
static int read_list(struct issuers *issuers, struct seen *seen)
{
	const struct issuer_list *new, *gone;
	int e = trust_add_list_file(issuers->trust, seen->path, &new);

	if (e < 0)
		return e;
	e = check_list(issuers, seen, new);
	gone = e < 0 ? new : seen->list;
	if (e == 0)
		seen->list = new;
	if (!is_in_force(issuers, gone))
		trust_drop_list(issuers->trust, gone);
	return e;
}

static void refresh_list(struct issuers *issuers, struct seen *seen)
{
	struct stat st;

	if (!is_unchanged(seen, &st))
		note(seen, issuers->ctx, &st, read_list(issuers, seen));
}

/* ---- certificates ---- */

/* All of them, or nothing. */
static int read_certificates(struct issuers *issuers, struct fuda_mdoc_trust **ret)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	int e = fuda_mdoc_trust_new(issuers->ctx, &trust);

	for (size_t i = 0; i < issuers->certificate_count && e == 0; i++) {
		struct seen *seen = &issuers->certificates[i];
		struct stat st;

		(void)is_unchanged(seen, &st);
		e = fuda_mdoc_trust_add_file(trust, seen->path);
		note(seen, issuers->ctx, &st, e);
	}
	if (e < 0)
		return e;
	*ret = trust;
	trust = NULL;
	return 0;
}

/* The lists in force, whose files may be no more, in their new places. Those of an issuer who is
 * not named any longer are left behind. */
static int keep_lists(const struct issuers *issuers, struct fuda_mdoc_trust *to,
		      const struct issuer_list *ret[CONFIG_LIST])
{
	for (size_t i = 0; i < issuers->list_count; i++) {
		const struct issuer_list *list = issuers->lists[i].list;
		int e = list ? trust_add_list(to, list->der.data, list->der.len, &ret[i]) : 0;

		if (e < 0 && e != FUDA_ENOTFOUND && e != FUDA_EVERIFY)
			return e;
	}
	return 0;
}

static bool certificates_unchanged(const struct issuers *issuers)
{
	struct stat st;

	for (size_t i = 0; i < issuers->certificate_count; i++)
		if (!is_unchanged(&issuers->certificates[i], &st))
			return false;
	return true;
}

static int refresh_certificates(struct issuers *issuers)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	const struct issuer_list *kept[CONFIG_LIST] = { NULL };
	struct fuda_mdoc_trust *old = issuers->trust;
	int e = read_certificates(issuers, &trust);

	if (e < 0)
		return e;
	e = keep_lists(issuers, trust, kept);
	if (e < 0) {
		issuers->certificates[0].read = false; /* all of it again */
		return e;
	}
	issuers->trust = trust;
	trust = old;
	/* lists of those who were not known before may be good now */
	for (size_t i = 0; i < issuers->list_count; i++) {
		issuers->lists[i].list = kept[i];
		issuers->lists[i].read = false;
	}
	return 0;
}

static int certificates_fault(const struct issuers *issuers, const char **ret_why)
{
	for (size_t i = 0; i < issuers->certificate_count; i++) {
		*ret_why = issuers->certificates[i].why;
		if (issuers->certificates[i].failed)
			return issuers->certificates[i].failed;
	}
	return 0;
}

/* ---- all of it ---- */

struct telling {
	char text[MESSAGES_MAX];
	size_t used;
	int first;
};

static void tell(struct telling *t, int failed, const char *why)
{
	int n;

	if (!failed)
		return;
	t->first = t->first ? t->first : failed;
	n = snprintf(t->text + t->used, sizeof(t->text) - t->used, "%s%s", t->used ? "\n" : "",
		     *why ? why : fuda_error_text(failed));
	t->used = MIN(t->used + (size_t)MAX(n, 0), sizeof(t->text) - 1);
}

int issuers_refresh(struct fuda_context *ctx, struct issuers *issuers)
{
	struct telling telling = { .used = 0 };
	const char *why = "";
	int e = 0;

	LOCKED(issuers);
	if (!certificates_unchanged(issuers)) {
		(void)fuda_context_fail(issuers->ctx, FUDA_EFAILED, "");
		e = refresh_certificates(issuers);
		why = fuda_context_message(issuers->ctx);
	} else {
		e = certificates_fault(issuers, &why);
	}
	tell(&telling, e, why);
	for (size_t i = 0; i < issuers->list_count; i++) {
		refresh_list(issuers, &issuers->lists[i]);
		tell(&telling, issuers->lists[i].failed, issuers->lists[i].why);
	}
	return telling.first ? ctx_fail(ctx, telling.first, "%s", telling.text) : 0;
}

static int open_trust(struct fuda_context *ctx, struct issuers *issuers)
{
	int e = fuda_context_new(&issuers->ctx);

	if (e < 0)
		return ctx_fail_code(ctx, e);
	e = read_certificates(issuers, &issuers->trust);
	return e < 0 ? ctx_fail(ctx, e, "%s", fuda_context_message(issuers->ctx)) : 0;
}

int issuers_new(struct fuda_context *ctx, const struct config *config, struct issuers **ret)
{
	struct issuers *issuers = calloc(1, sizeof(*issuers));
	int e;

	if (!issuers || pthread_mutex_init(&issuers->lock, NULL) != 0) {
		free(issuers);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	issuers->config = config;
	issuers->certificate_count = config->mdoc_trust_count;
	/* without anybody who is believed there is nothing to judge */
	issuers->list_count = config->mdoc_trust_count ? config->mdoc_crl_count : 0;
	for (size_t i = 0; i < issuers->certificate_count; i++)
		issuers->certificates[i].path = config->mdoc_trust[i];
	for (size_t i = 0; i < issuers->list_count; i++)
		issuers->lists[i].path = config->mdoc_crl[i];
	e = open_trust(ctx, issuers);
	if (e < 0) {
		issuers_free(&issuers);
		return e;
	}
	*ret = issuers;
	return 0;
}

void issuers_free(struct issuers **issuers)
{
	if (!*issuers)
		return;
	fuda_mdoc_trust_free(&(*issuers)->trust);
	fuda_context_free(&(*issuers)->ctx);
	pthread_mutex_destroy(&(*issuers)->lock);
	free(*issuers);
	*issuers = NULL;
}

/* ---- asking ---- */

static void tell_list(const struct issuers *issuers, const struct seen *seen, time_t at,
		      struct mdoc_list_state *ret)
{
	const struct trusted_list *trusted = find_list(issuers->trust, seen->list);

	*ret = (struct mdoc_list_state){ .file = seen->path };
	if (trusted)
		mdoc_list_tell(trusted, issuers->config->crl_grace, at, ret);
}

int issuers_list(struct issuers *issuers, size_t i, time_t at, struct mdoc_list_state *ret)
{
	if (i >= issuers->list_count)
		return FUDA_ENOTFOUND;
	LOCKED(issuers);
	tell_list(issuers, &issuers->lists[i], at, ret);
	return 0;
}

int issuers_certificate(struct issuers *issuers, size_t i, time_t at, struct mdoc_ca_state *ret)
{
	LOCKED(issuers);
	return mdoc_ca_tell(issuers->trust, i, at, ret);
}

const char *issuers_refusal(struct issuers *issuers, time_t at)
{
	if (!issuers || !issuers->certificate_count)
		return NULL;
	LOCKED(issuers);
	return mdoc_refusal(issuers->trust, issuers->config, at);
}

int issuers_verify(struct issuers *issuers, const struct fuda_mdoc_policy *policy,
		   const struct fuda_mdoc_session *session, const struct fuda_buf *response,
		   struct fuda_mdoc_result **ret)
{
	LOCKED(issuers);
	return fuda_mdoc_verify(issuers->ctx, issuers->trust, NULL, policy, session, response->data,
				response->len, ret);
}
