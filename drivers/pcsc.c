/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the PC/SC service (pcsc-lite).
 *
 * No call of winscard can be interrupted: SCardCancel() does nothing for SCardTransmit(),
 * SCardDisconnect() waits while one hangs, and a stopped service hangs every call. So all of them
 * run on a worker, which owns what they use; the functions pcsc_job_...() are the ones that run
 * there. */
#include "drivers/pcsc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	UNLOCK_MS = 5000,   /* for ending a transaction, even when the caller's time is over */
	FAREWELL_MS = 3000, /* for a card that may hold a verified secret to be switched off */
	CAUSE_MS = 600,	    /* pcscd looks every 400 ms whether the card is there */
};

/* What an open reader has. */
struct pcsc {
	struct worker *worker; /* NULL: abandoned, and `s` with it */
	struct pcsc_session *s;
	struct pcsc_farewell *farewell;
	bool secret; /* one was sent in the transaction that is not over yet */
};

static void take_atr(struct reader *r, const struct pcsc_session *s)
{
	r->atr_len = MIN(s->atr_len, sizeof(r->atr));
	memcpy(r->atr, s->atr, r->atr_len);
}

static void take_pad(struct reader *r, const struct pcsc_session *s)
{
	r->pad = (s->pad.verify ? READER_PAD_VERIFY : 0u) |
		 (s->pad.modify ? READER_PAD_MODIFY : 0u);
}

/* What was asked for was a part of the name. */
static int take_name(struct reader *r, const struct pcsc_session *s)
{
	char *name;

	if (asprintf(&name, "pcsc:%s", s->name) < 0)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	free(r->name);
	r->name = name;
	return 0;
}

static int explain_open(struct reader *r, const struct pcsc_session *s, const char *asked)
{
	if (s->rv == SCARD_E_UNKNOWN_READER)
		return ctx_fail(r->ctx, FUDA_ENOREADER,
				_("The PC/SC service has no reader \"%s\". \"fuda readers\" lists "
				  "those that are there."),
				asked);
	if (s->rv == SCARD_E_DUPLICATE_READER)
		return ctx_fail(r->ctx, FUDA_EINVAL,
				_("\"%s\" fits more than one reader: %s and %s. Give more of the "
				  "name."),
				asked, s->name, s->other);
	return pcsc_explain_opening(r->ctx, s->rv);
}

static int pcsc_open(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	struct pcsc *p;
	struct pcsc_session *s;
	int e;

	if (strlen(rest) >= sizeof(s->name))
		return ctx_fail(r->ctx, FUDA_ENOREADER,
				_("The PC/SC service has no reader with so long a name."));
	p = calloc(1, sizeof(*p));
	if (!p || pcsc_session_new(rest, &p->worker, &p->s, &p->farewell) < 0) {
		free(p);
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	}
	s = p->s;
	e = worker_run(&p->worker, pcsc_job_open, dl);
	if (e < 0)
		pcsc_interrupted(r->ctx, e);
	else if (s->rv != SCARD_S_SUCCESS)
		e = explain_open(r, s, rest);
	else if (strcmp(s->name, rest) != 0)
		e = take_name(r, s);
	if (e < 0) {
		worker_free(&p->worker, PCSC_CLOSE_MS);
		pcsc_farewell_drop(p->farewell);
		free(p);
		return e;
	}
	r->priv = p;
	r->max_command = APDU_COMMAND_MAX;
	r->max_response = APDU_RESPONSE_MAX;
	pcsc_set_model(r->model, s->name);
	take_atr(r, s);
	take_pad(r, s);
	return 0;
}

static void pcsc_close(struct reader *r)
{
	struct pcsc *p = r->priv;

	if (p->worker)
		p->s->closing = true;
	else if (p->secret) /* if the program ended now, nobody would switch the card off */
		(void)deadline_wait_word(NULL, FAREWELL_MS, &p->farewell->said, 0);
	worker_free(&p->worker, PCSC_CLOSE_MS);
	pcsc_farewell_drop(p->farewell);
	free(p);
}

/* Runs a job for the caller, until `dl` or, where that is NULL, for UNLOCK_MS. */
static int run(struct reader *r, void (*job)(void *own), struct fuda_deadline *dl)
{
	struct pcsc *p = r->priv;
	int e;

	if (!p->worker)
		return ctx_fail(r->ctx, FUDA_EREADERGONE,
				_("The connection to this reader was given up, because the card "
				  "did "
				  "not answer in time. Open it again."));
	p->s->lost = false;
	e = dl ? worker_run(&p->worker, job, dl) : worker_run_for(&p->worker, job, UNLOCK_MS);
	if (e < 0)
		return pcsc_interrupted(r->ctx, e);
	if (p->s->lost)
		r->epoch++;
	return p->s->rv == SCARD_S_SUCCESS ? 0 : pcsc_explain(r->ctx, p->s->rv);
}

/* Runs a job that sends `command` and has a response. */
static int send(struct reader *r, void (*job)(void *own), const uint8_t *command, size_t len,
		bool secret, struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct pcsc *p = r->priv;
	struct pcsc_session *s = p->s;
	int left = deadline_left(dl), e;

	if (p->worker) {
		e = fuda_buf_append(&s->command, command, len);
		if (e < 0)
			return ctx_fail_code(r->ctx, e);
		if (secret)
			s->secret = p->secret = true;
		s->patience = left < 0 ? CAUSE_MS : (DWORD)MIN(left / 2, CAUSE_MS);
	}
	e = run(r, job, dl);
	if (p->worker && e < 0)
		fuda_buf_clear(&s->command); /* it may not even have begun */
	if (e < 0)
		return e;
	if (s->lost)
		return ctx_fail_code(r->ctx, FUDA_ERESET);
	e = fuda_buf_append(ret_response, s->response, s->response_len);
	wipe(s->response, s->response_len);
	return e < 0 ? ctx_fail_code(r->ctx, e) : 0;
}

static int pcsc_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
			 struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	return send(r, pcsc_job_transmit, command, len, flags & TRANSMIT_ONCE, dl, ret_response);
}

/* What the reader says when the person cancels or types nothing comes from its driver as the status
 * words of part 10. At the deadline the worker is abandoned to the reader's own time. */
static int pcsc_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
		       struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct pcsc *p = r->priv;
	int e;

	if (p->worker)
		p->s->control = modify ? p->s->pad.modify : p->s->pad.verify;
	e = send(r, pcsc_job_secure, structure, len, true, dl, ret_response);
	if (e == FUDA_ETIMEOUT || e == FUDA_ECANCELLED)
		return ctx_fail(r->ctx, e,
				_("the reader may still be asking for it: cancel the entry there"));
	return e;
}

static int pcsc_lock(struct reader *r, bool on, struct fuda_deadline *dl)
{
	struct pcsc *p = r->priv;
	int e;

	if (p->worker && p->s->locked == on)
		return 0;
	/* Releasing waits for nobody, and must happen even if the time is over. */
	if (!on) {
		e = run(r, pcsc_job_unlock, NULL);
		if (e == 0)
			p->secret = false;
		return e;
	}
	e = run(r, pcsc_job_lock, dl);
	if (e == 0)
		take_pad(r, p->s);
	if (e == FUDA_ETIMEOUT)
		return ctx_fail(r->ctx, e, _(PCSC_TAKEN));
	return e;
}

static int pcsc_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	struct pcsc *p = r->priv;
	int e;

	r->epoch++;
	if (how == POWER_OFF && p->worker && p->s->locked) {
		p->s->off = true; /* EndTransaction does it, without a further round trip */
		return 0;
	}
	if (how == POWER_OFF)
		return run(r, pcsc_job_off, dl);
	if (p->worker)
		p->s->initialization = how == POWER_ON ? SCARD_UNPOWER_CARD : SCARD_RESET_CARD;
	e = run(r, pcsc_job_power, dl);
	if (e == 0)
		take_atr(r, p->s);
	return e;
}

const struct driver driver_pcsc = {
	.name = "pcsc",
	.flags = DRIVER_HARDWARE,
	.list = pcsc_list,
	.wait = pcsc_wait,
	.open = pcsc_open,
	.close = pcsc_close,
	.power = pcsc_power,
	.transmit = pcsc_transmit,
	.secure = pcsc_secure,
	.lock = pcsc_lock,
};
