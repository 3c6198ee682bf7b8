/* SPDX-License-Identifier: Apache-2.0 */
/* Which readers the PC/SC service has, and waiting for others. */
#include "drivers/pcsc.h"

#include <stdlib.h>
#include <string.h>

#include "base/worker.h"

enum {
	SLICE_MS = 1000, /* an abandoned wait() ends at most so much later */
	LOOKS_MAX = 4,	 /* looks at a list of readers that changes meanwhile */
};

/* winscard makes of a connection reset a security violation. One that refuses us does so again; one
 * that was just ending is gone then. */
LONG pcsc_establish(SCARDCONTEXT *ret)
{
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, ret);

	if (rv == SCARD_W_SECURITY_VIOLATION)
		rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, ret);
	return rv;
}

/* What the worker of list() and wait() owns. */
struct survey {
	SCARDCONTEXT context;
	bool connected;
	LONG rv;
	char names[PCSCLITE_MAX_READERS_CONTEXTS * MAX_READERNAME + 1]; /* each ends with NUL */
	SCARD_READERSTATE states[PCSCLITE_MAX_READERS_CONTEXTS];
	DWORD count;
};

static void release_survey(void *own)
{
	struct survey *s = own;

	if (s->connected)
		SCardReleaseContext(s->context);
	free(s);
}

static LONG look_once(struct survey *s)
{
	DWORD size = sizeof(s->names);
	LONG rv = SCardListReaders(s->context, NULL, s->names, &size);

	s->count = 0;
	if (rv == SCARD_E_NO_READERS_AVAILABLE)
		return SCARD_S_SUCCESS;
	if (rv != SCARD_S_SUCCESS)
		return rv;
	memset(s->states, 0, sizeof(s->states));
	for (char *p = s->names; *p && s->count < ARRAY_SIZE(s->states); p += strlen(p) + 1)
		s->states[s->count++].szReader = p;
	return SCardGetStatusChange(s->context, 0, s->states, s->count);
}

static void job_look(void *own)
{
	struct survey *s = own;

	s->rv = s->connected ? SCARD_S_SUCCESS : pcsc_establish(&s->context);
	if (s->rv != SCARD_S_SUCCESS)
		return;
	s->connected = true;
	/* A reader may go between its listing and the look at it. */
	for (int i = 0; i < LOOKS_MAX; i++) {
		s->rv = look_once(s);
		if (s->rv != SCARD_E_UNKNOWN_READER)
			return;
	}
}

/* Waits a moment for a change against the last look. */
static void job_slice(void *own)
{
	SCARD_READERSTATE states[PCSCLITE_MAX_READERS_CONTEXTS];
	struct survey *s = own;
	DWORD n = s->count;

	for (DWORD i = 0; i < n; i++)
		states[i] = (SCARD_READERSTATE){ .szReader = s->states[i].szReader,
						 .dwCurrentState = s->states[i].dwEventState };
	/* Where there is no place for it, there is none for a further reader either. */
	if (n < ARRAY_SIZE(states))
		states[n++] = (SCARD_READERSTATE){ .szReader = "\\\\?PnP?\\Notification" };
	s->rv = SCardGetStatusChange(s->context, SLICE_MS, states, n);
}

static struct fuda_reader_info info_of(const SCARD_READERSTATE *state)
{
	DWORD bits = state->dwEventState;
	struct fuda_reader_info info = {
		.name = state->szReader,
		.card = bits & SCARD_STATE_PRESENT,
		.mute = bits & SCARD_STATE_MUTE,
		.in_use = bits & SCARD_STATE_INUSE,
		.exclusive = bits & SCARD_STATE_EXCLUSIVE,
		.events = bits >> 16 & 0xFFFF,
	};

	if (info.card && state->cbAtr <= sizeof(info.atr)) {
		info.atr_len = state->cbAtr;
		memcpy(info.atr, state->rgbAtr, info.atr_len);
	}
	return info;
}

static int start_survey(struct fuda_context *ctx, struct survey **ret, struct worker **ret_worker)
{
	struct survey *s = calloc(1, sizeof(*s));
	int r = s ? worker_new(s, release_survey, ret_worker) : FUDA_ENOMEM;

	if (r < 0) {
		free(s);
		return ctx_fail_code(ctx, r);
	}
	*ret = s;
	return 0;
}

int pcsc_list(struct fuda_context *ctx, struct fuda_deadline *dl,
		     struct fuda_reader_list *list)
{
	struct survey *s = NULL;
	struct worker *w;
	int r = start_survey(ctx, &s, &w);

	if (r < 0)
		return r;
	r = worker_run(&w, job_look, dl);
	if (r < 0)
		r = pcsc_interrupted(ctx, r);
	else if (s->rv != SCARD_S_SUCCESS)
		r = pcsc_explain_opening(ctx, s->rv);
	for (DWORD i = 0; r == 0 && i < s->count; i++) {
		struct fuda_reader_info info = info_of(&s->states[i]);

		r = reader_list_add(list, "pcsc", info.name, &info);
	}
	worker_free(&w, PCSC_CLOSE_MS);
	return r;
}

static bool same(const struct fuda_reader_info *a, const struct fuda_reader_info *b)
{
	return strcmp(a->name + strlen("pcsc:"), b->name) == 0 && a->card == b->card &&
	       a->mute == b->mute && a->in_use == b->in_use && a->exclusive == b->exclusive &&
	       a->events == b->events && a->atr_len == b->atr_len &&
	       memcmp(a->atr, b->atr, a->atr_len) == 0;
}

static bool changed(const struct survey *s, const struct fuda_reader_list *known)
{
	if (s->count != known->count)
		return true;
	for (DWORD i = 0; i < s->count; i++) {
		struct fuda_reader_info now = info_of(&s->states[i]);
		size_t k = 0;

		while (k < known->count && !same(&known->items[k], &now))
			k++;
		if (k == known->count)
			return true;
	}
	return false;
}

/* Each slice begins with a look, so that nothing is lost between list() and here, nor between
 * slices; within a slice the service tells at once. */
int pcsc_wait(struct fuda_context *ctx, struct fuda_deadline *dl,
		     const struct fuda_reader_list *known)
{
	struct survey *s = NULL;
	struct worker *w;
	int r = start_survey(ctx, &s, &w);

	if (r < 0)
		return r;
	for (;;) {
		r = worker_run(&w, job_look, dl);
		if (r < 0)
			break;
		if (s->rv != SCARD_S_SUCCESS && !known->count)
			r = pcsc_explain_opening(ctx, s->rv);
		if (s->rv != SCARD_S_SUCCESS || changed(s, known))
			break;
		r = worker_run(&w, job_slice, dl);
		if (r < 0)
			break;
	}
	worker_free(&w, PCSC_CLOSE_MS);
	return r == FUDA_ETIMEOUT || r == FUDA_ECANCELLED ? ctx_fail_code(ctx, r) : r;
}
