/* SPDX-License-Identifier: Apache-2.0 */
#include "service/revocation.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"
#include "pki/cert.h"

/* What the issuer's clock may be before ours, seconds. */
enum { CLOCK = 300, MESSAGES_MAX = 2048, TOLD_MAX = 4096 };

/* A file, and its list in force. */
struct place {
	const char *file;
	struct crl *crl; /* NULL: none yet */
	/* what the file was when that was read */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* A certificate that the responder called revoked, and when it last did, by its own clock. */
struct told {
	struct fuda_digest who;
	time_t at;
};

struct revocation {
	const struct fuda_trust *trust;
	int grace;
	struct responder *responder; /* NULL: nobody is asked */
	bool responder_required;
	/* Held for as long as a search takes, and to put a list in the place of another; who puts
	 * lists there is one thread and may read them without. */
	pthread_rwlock_t lock;
	struct told told[TOLD_MAX];
	size_t told_count;                 /* since the start */
	size_t count;
	struct place places[];
};

/* With those who search in turns, one who wants to change something would never be let in. */
static int init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;
	int r;

	if (pthread_rwlockattr_init(&attr) != 0)
		return FUDA_ENOMEM;
	(void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	r = pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return r == 0 ? 0 : FUDA_ENOMEM;
}

int revocation_new(struct fuda_context *ctx, const struct revocation_config *config,
		   const struct fuda_trust *trust, struct revocation **ret)
{
	struct revocation *revocation;
	size_t count = 0;
	int r;

	while (config->files && config->files[count])
		count++;
	revocation = calloc(1, sizeof(*revocation) + count * sizeof(revocation->places[0]));
	if (!revocation || init_lock(&revocation->lock) < 0) {
		free(revocation);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	revocation->trust = trust;
	revocation->grace = MAX(config->grace, 0);
	revocation->count = count;
	for (size_t i = 0; i < count; i++)
		revocation->places[i].file = config->files[i];
	revocation->responder_required = config->responder_required;
	r = config->responder ?
		    responder_new(ctx, config->responder, trust, &revocation->responder) :
		    0;
	if (r < 0) {
		revocation_free(&revocation);
		return r;
	}
	*ret = revocation;
	return 0;
}

void revocation_free(struct revocation **revocation)
{
	if (!*revocation)
		return;
	for (size_t i = 0; i < (*revocation)->count; i++)
		crl_free(&(*revocation)->places[i].crl);
	responder_free(&(*revocation)->responder);
	pthread_rwlock_destroy(&(*revocation)->lock);
	free(*revocation);
	*revocation = NULL;
}

/* ---- reading ---- */

static void fd_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void bytes_free(uint8_t **bytes)
{
	free(*bytes);
}

static int cannot_read(struct fuda_context *ctx)
{
	return ctx_fail(ctx, FUDA_EFILE, _("It cannot be read: %s."), strerror(errno));
}

/* Exactly `len` bytes and the end. */
static int read_all(struct fuda_context *ctx, int fd, uint8_t *bytes, size_t len)
{
	size_t at = 0;
	ssize_t n;
	uint8_t more;

	while (at < len && (n = read(fd, bytes + at, len - at)) != 0) {
		if (n < 0 && errno != EINTR)
			return cannot_read(ctx);
		at += n > 0 ? (size_t)n : 0;
	}
	n = read(fd, &more, 1);
	if (n < 0)
		return cannot_read(ctx);
	if (at < len || n > 0)
		return ctx_fail(ctx, FUDA_EFILE,
				_("It changed while it was read; put a new one in its place by "
				  "renaming."));
	return 0;
}

/* The list in an open file of `len` bytes. */
static int read_list(struct fuda_context *ctx, const struct fuda_trust *trust, int fd, size_t len,
		     struct crl **ret)
{
	_cleanup_(bytes_free) uint8_t *bytes = NULL;
	int r;

	if (len > CRL_MAX)
		return ctx_fail(ctx, FUDA_ETOOBIG, _("It has more than %zu bytes."), CRL_MAX);
	bytes = malloc(MAX(len, (size_t)1));
	if (!bytes)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	r = read_all(ctx, fd, bytes, len);
	return r < 0 ? r : crl_load(ctx, trust, bytes, len, ret);
}

/* Whether `crl` may take its place now. */
static int check(struct fuda_context *ctx, const struct place *place, const struct crl *crl)
{
	const struct crl_facts *fresh = crl_facts(crl), *old;

	if (fresh->this_update > time(NULL) + CLOCK)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The list begins in the future. Check the clock of this "
				  "machine."));
	if (!place->crl)
		return 0;
	old = crl_facts(place->crl);
	if (strcmp(fresh->issuer, old->issuer) == 0 && fresh->this_update < old->this_update)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The list is older than the one in force, which stays."));
	return 0;
}

static void put(struct revocation *revocation, struct place *place, struct crl *crl,
		const struct stat *st)
{
	struct crl *old = place->crl;

	place->device = st->st_dev;
	place->inode = st->st_ino;
	place->size = st->st_size;
	place->changed = st->st_mtim;
	pthread_rwlock_wrlock(&revocation->lock);
	place->crl = crl;
	pthread_rwlock_unlock(&revocation->lock);
	crl_free(&old); /* nobody searches it any more */
}

static bool is_unchanged(const struct place *place, const struct stat *st)
{
	return place->crl && place->device == st->st_dev && place->inode == st->st_ino &&
	       place->size == st->st_size && place->changed.tv_sec == st->st_mtim.tv_sec &&
	       place->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static int refresh(struct fuda_context *ctx, struct revocation *revocation, struct place *place)
{
	/* what is no regular file could keep us waiting */
	_cleanup_(fd_close) const int fd =
		open(place->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(crl_free) struct crl *crl = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot_read(ctx);
	if (!S_ISREG(st.st_mode))
		return ctx_fail(ctx, FUDA_EFILE, _("It is not a regular file."));
	if (is_unchanged(place, &st))
		return 0;
	r = read_list(ctx, revocation->trust, fd, (size_t)st.st_size, &crl);
	if (r == 0)
		r = check(ctx, place, crl);
	if (r < 0)
		return r;
	put(revocation, place, crl, &st);
	crl = NULL;
	return 0;
}

int revocation_refresh(struct fuda_context *ctx, struct revocation *revocation)
{
	char messages[MESSAGES_MAX] = "";
	size_t used = 0;
	int first = 0;

	for (size_t i = 0; i < revocation->count; i++) {
		struct place *place = &revocation->places[i];
		int r = refresh(ctx, revocation, place), n;

		if (r == 0)
			continue;
		first = first ? first : r;
		n = snprintf(messages + used, sizeof(messages) - used, "%s%s: %s", used ? "\n" : "",
			     place->file, fuda_context_message(ctx));
		used = MIN(used + (size_t)MAX(n, 0), sizeof(messages) - 1);
	}
	return first ? ctx_fail(ctx, first, "%s", messages) : 0;
}

/* ---- asking ---- */

static bool is_stale(const struct revocation *revocation, const struct crl_facts *facts, time_t at)
{
	return at > facts->next_update + revocation->grace;
}

/* One list that has it is enough, however old: what is revoked stays so (platform.md B2). */
static enum fuda_revocation look_up(struct revocation *revocation, const struct fuda_cert *cert,
				    time_t at, bool *ret_stale)
{
	enum fuda_revocation answer = FUDA_REVOCATION_UNKNOWN;
	bool stale = false;
	int reason;

	pthread_rwlock_rdlock(&revocation->lock);
	for (size_t i = 0; i < revocation->count && answer != FUDA_REVOCATION_REVOKED; i++) {
		const struct crl *crl = revocation->places[i].crl;

		if (!crl || !crl_covers(crl, cert))
			continue;
		if (crl_lists(crl, cert, &reason))
			answer = FUDA_REVOCATION_REVOKED;
		else if (is_stale(revocation, crl_facts(crl), at))
			stale = true;
		else
			answer = FUDA_REVOCATION_GOOD;
	}
	pthread_rwlock_unlock(&revocation->lock);
	*ret_stale = stale && answer == FUDA_REVOCATION_UNKNOWN;
	return answer;
}

/* Where `who` is among those the responder called revoked, or TOLD_MAX. Locked. */
static size_t told_at(const struct revocation *revocation, const struct fuda_digest *who)
{
	size_t n = MIN(revocation->told_count, (size_t)TOLD_MAX);

	for (size_t i = 0; i < n; i++)
		if (memcmp(revocation->told[i].who.bytes, who->bytes, sizeof(who->bytes)) == 0)
			return i;
	return TOLD_MAX;
}

/* What counts, and for when the responder is away and the list is of yesterday: who was revoked is
 * so until a later word calls it good, as who was only suspended will be. The oldest are forgotten
 * first. */
static enum fuda_revocation keep(struct revocation *revocation, const struct fuda_digest *who,
				 const struct ocsp_answer *answer)
{
	enum fuda_revocation counts = answer->revocation;
	struct told *told;
	size_t at;

	pthread_rwlock_wrlock(&revocation->lock);
	at = told_at(revocation, who);
	if (counts == FUDA_REVOCATION_REVOKED) {
		if (at == TOLD_MAX)
			at = revocation->told_count++ % TOLD_MAX;
		revocation->told[at] = (struct told){ *who, answer->this_update };
	} else if (counts == FUDA_REVOCATION_GOOD && at < TOLD_MAX) {
		told = &revocation->told[at];
		if (answer->this_update < told->at)
			counts = FUDA_REVOCATION_REVOKED;
		else
			*told = (struct told){ .at = 0 };
	}
	pthread_rwlock_unlock(&revocation->lock);
	return counts;
}

static bool was_revoked(struct revocation *revocation, const struct fuda_digest *who)
{
	bool found;

	pthread_rwlock_rdlock(&revocation->lock);
	found = told_at(revocation, who) < TOLD_MAX;
	pthread_rwlock_unlock(&revocation->lock);
	return found;
}

/* `listed`: what the lists say (platform.md D5, "OCSP down"). */
static enum fuda_revocation ask(struct revocation *revocation, const struct fuda_cert *cert,
				time_t at, enum fuda_revocation listed, bool *ret_denied)
{
	struct fuda_digest who = { 0 };
	struct ocsp_answer answer;

	*ret_denied = false;
	if (fuda_digest_bytes(FUDA_SHA256, cert->der, cert->len, &who) < 0)
		return FUDA_REVOCATION_UNKNOWN;
	if (responder_ask(revocation->responder, cert, at, &answer) == 0) {
		*ret_denied = answer.revocation == FUDA_REVOCATION_UNKNOWN;
		return keep(revocation, &who, &answer);
	}
	if (was_revoked(revocation, &who))
		return FUDA_REVOCATION_REVOKED;
	return revocation->responder_required ? FUDA_REVOCATION_UNKNOWN : listed;
}

enum fuda_revocation revocation_ask(struct revocation *revocation, const struct fuda_cert *cert,
				    time_t at, bool *ret_stale, bool *ret_denied)
{
	enum fuda_revocation answer = look_up(revocation, cert, at, ret_stale);

	*ret_denied = false;
	if (!revocation->responder || answer == FUDA_REVOCATION_REVOKED)
		return answer;
	answer = ask(revocation, cert, at, answer, ret_denied);
	*ret_stale = *ret_stale && answer == FUDA_REVOCATION_UNKNOWN;
	return answer;
}

struct responder *revocation_responder(struct revocation *revocation)
{
	return revocation ? revocation->responder : NULL;
}

int revocation_state(struct revocation *revocation, size_t i, time_t at,
		     struct revocation_state *ret)
{
	struct revocation_state state = { 0 };
	const struct place *place;

	if (i >= revocation->count)
		return FUDA_ENOTFOUND;
	place = &revocation->places[i];
	state.file = place->file;
	pthread_rwlock_rdlock(&revocation->lock);
	if (place->crl) {
		state.loaded = true;
		state.facts = *crl_facts(place->crl);
	}
	pthread_rwlock_unlock(&revocation->lock);
	if (state.loaded) {
		const struct crl_facts *facts = &state.facts;

		state.stale = is_stale(revocation, facts, at);
		state.half = at - facts->this_update > facts->next_update - at;
	}
	*ret = state;
	return 0;
}
