/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the PC/SC service (pcsc-lite).
 *
 * No call of winscard can be interrupted: SCardCancel() does nothing for SCardTransmit(),
 * SCardDisconnect() waits while one hangs, and a stopped service hangs every call. So all of them
 * run on a worker, which owns what they use; the functions job_...() are the ones that run
 * there. */
#include "drivers/pcsc.h"

#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/worker.h"
#include "codec/apdu.h"

enum {
	UNLOCK_MS = 5000, /* for ending a transaction, even when the caller's time is over */
	FAREWELL_MS = 3000, /* for a card that may hold a verified secret to be switched off */
	SETTLE_MS = 20,   /* between two looks at a card that another program is resetting */
	RESETS_MAX = 16,  /* reconnects for one lock before giving up */
	CAUSE_MS = 600,   /* pcscd looks every 400 ms whether the card is there */
	PROTOCOLS = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
};

/* ---- a connection ---- */

/* Lets the caller know that an abandoned worker is done. The last of the two frees it. */
struct farewell {
	deadline_word said;
	_Atomic int holders;
};

static void farewell_drop(struct farewell *f)
{
	if (atomic_fetch_sub(&f->holders, 1) == 1)
		free(f);
}

/* What the worker of an open reader owns. */
struct session {
	char name[MAX_READERNAME];  /* of the reader: as asked for, then as it is */
	char other[MAX_READERNAME]; /* a second reader that fits the name asked for */
	SCARDCONTEXT context;
	SCARDHANDLE card;
	DWORD protocol;
	bool has_context, connected;
	bool locked;          /* inside a transaction */
	bool off;             /* the card is to be switched off at the end of the transaction */
	bool stale;           /* we switched the card off; winscard wants a reconnect first */
	bool closing;         /* by the caller, not because he went away */
	bool secret;          /* one was sent in this transaction */
	struct farewell *farewell;
	LONG gone;            /* why it is no longer connected */
	LONG rv;              /* how the job ended */
	bool lost;            /* the job found that another program had reset the card */
	struct pcsc_pad pad;
	DWORD initialization; /* of job_power() */
	DWORD control;        /* code of job_secure() */
	DWORD patience;       /* of job_transmit(): milliseconds to find out what went wrong */
	uint8_t atr[MAX_ATR_SIZE];
	DWORD atr_len;
	struct fuda_buf command; /* wiped as soon as SCardTransmit() is back */
	DWORD response_len;
	uint8_t response[APDU_RESPONSE_MAX]; /* wiped as soon as it is handed over */
};

/* Not sent, for sure: pcscd looks for these before it turns to the reader. */
static bool is_reset(LONG rv)
{
	return rv == SCARD_W_RESET_CARD || rv == SCARD_W_UNPOWERED_CARD;
}

static bool is_serial(const char *text, size_t len)
{
	bool digit = false;

	for (size_t i = 0; i < len; i++) {
		if (!strchr("0123456789ABCDEFabcdef-.", text[i]))
			return false;
		digit |= text[i] >= '0' && text[i] <= '9';
	}
	return digit;
}

/* pcscd's names are "MODEL [INTERFACE] (SERIAL) II SS": II and SS count equal readers and slots. */
static bool is_whole(const char *name)
{
	size_t len = strlen(name);

	return len > 6 && name[len - 6] == ' ' && name[len - 3] == ' ' &&
	       is_serial(name + len - 5, 2) && is_serial(name + len - 2, 2);
}

static void copy_name(char to[MAX_READERNAME], const char *from)
{
	size_t len = strnlen(from, MAX_READERNAME - 1);

	memcpy(to, from, len);
	to[len] = 0;
}

static LONG connect_to(struct session *s, const char *name)
{
	return SCardConnect(s->context, name, SCARD_SHARE_SHARED, PROTOCOLS, &s->card,
			    &s->protocol);
}

/* Connects to the one reader whose name contains s->name. */
static LONG connect_by_part(struct session *s)
{
	char names[PCSCLITE_MAX_READERS_CONTEXTS * MAX_READERNAME + 1];
	DWORD size = sizeof(names);
	const char *found = NULL;
	LONG rv = SCardListReaders(s->context, NULL, names, &size);

	if (rv == SCARD_E_NO_READERS_AVAILABLE)
		return SCARD_E_UNKNOWN_READER;
	if (rv != SCARD_S_SUCCESS)
		return rv;
	for (const char *p = names; *p; p += strlen(p) + 1) {
		if (!strstr(p, s->name))
			continue;
		if (found) {
			copy_name(s->other, p);
			copy_name(s->name, found);
			return SCARD_E_DUPLICATE_READER;
		}
		found = p;
	}
	if (!found)
		return SCARD_E_UNKNOWN_READER;
	copy_name(s->name, found);
	return connect_to(s, s->name);
}

static LONG read_atr(struct session *s)
{
	s->atr_len = sizeof(s->atr);
	return SCardStatus(s->card, NULL, NULL, NULL, NULL, s->atr, &s->atr_len);
}

/* A program that leaves the card switched off (SCardDisconnect) leaves it so to the others. pcscd
 * does not power it for them, and who reconnects while that happens is not even told. */
static bool is_unpowered(const struct session *s)
{
	DWORD state;

	return SCardStatus(s->card, NULL, NULL, &state, NULL, NULL, NULL) == SCARD_S_SUCCESS &&
	       !(state & SCARD_POWERED);
}

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

static LONG reconnect(struct session *s, DWORD initialization)
{
	LONG rv = SCARD_E_PROTO_MISMATCH;

	if (!s->connected)
		return s->gone;
	/* While another program resets the card, it has no protocol for a moment. */
	for (int i = 0; i < RESETS_MAX; i++) {
		rv = SCardReconnect(s->card, SCARD_SHARE_SHARED, PROTOCOLS, initialization,
				    &s->protocol);
		if (rv != SCARD_E_PROTO_MISMATCH)
			break;
		pause_ms(SETTLE_MS);
	}
	if (rv == SCARD_S_SUCCESS && initialization == SCARD_LEAVE_CARD && is_unpowered(s))
		rv = SCardReconnect(s->card, SCARD_SHARE_SHARED, PROTOCOLS, SCARD_UNPOWER_CARD,
				    &s->protocol);
	if (rv == SCARD_S_SUCCESS)
		s->off = s->stale = false;
	return rv;
}

/* Powers the card again after our own power-off. */
static LONG refresh(struct session *s)
{
	if (!s->connected)
		return s->gone;
	if (s->off)
		return reconnect(s, SCARD_UNPOWER_CARD);
	return s->stale ? reconnect(s, SCARD_LEAVE_CARD) : SCARD_S_SUCCESS;
}

static void job_open(void *own)
{
	struct session *s = own;

	s->rv = pcsc_establish(&s->context);
	if (s->rv != SCARD_S_SUCCESS)
		return;
	s->has_context = true;
	for (int i = 0; i < RESETS_MAX; i++) {
		s->rv = is_whole(s->name) ? connect_to(s, s->name) : SCARD_E_UNKNOWN_READER;
		if (s->rv == SCARD_E_UNKNOWN_READER)
			s->rv = connect_by_part(s);
		if (!is_reset(s->rv) && s->rv != SCARD_E_PROTO_MISMATCH)
			break;
		pause_ms(SETTLE_MS); /* another program is resetting the card */
	}
	if (s->rv != SCARD_S_SUCCESS)
		return;
	s->connected = true;
	s->rv = read_atr(s);
	for (int i = 0; i < RESETS_MAX && is_reset(s->rv); i++) {
		s->rv = reconnect(s, SCARD_LEAVE_CARD);
		if (s->rv == SCARD_S_SUCCESS)
			s->rv = read_atr(s);
	}
	if (s->rv == SCARD_S_SUCCESS)
		(void)pcsc_ask_pad(s->card, &s->pad);
}

static void leave(struct session *s, DWORD disposition)
{
	SCardDisconnect(s->card, disposition);
	s->connected = s->locked = s->off = s->stale = false;
	s->gone = s->rv;
}

/* The card that comes next is another one, to be opened anew; winscard would go on with it after a
 * reconnect, and keep the transaction. */
static void leave_removed(struct session *s)
{
	if (s->connected && (s->rv == SCARD_W_REMOVED_CARD || s->rv == SCARD_E_NO_SMARTCARD))
		leave(s, SCARD_LEAVE_CARD);
}

/* Looks for a better reason than `rv`: pcscd sees a card or reader that is gone only when it looks
 * the next time. A reset that is found now does not mean that nothing was sent. */
static LONG cause(struct session *s, LONG rv)
{
	SCARD_READERSTATE state = { .szReader = s->name, .dwCurrentState = SCARD_STATE_PRESENT };
	LONG why;

	if (!s->connected)
		return rv;
	why = SCardStatus(s->card, NULL, NULL, NULL, NULL, NULL, NULL);
	if (is_unpowered(s)) {
		s->lost = reconnect(s, SCARD_UNPOWER_CARD) == SCARD_S_SUCCESS;
		return rv;
	}
	if (why == SCARD_S_SUCCESS) {
		SCardGetStatusChange(s->context, s->patience, &state, 1);
		why = SCardStatus(s->card, NULL, NULL, NULL, NULL, NULL, NULL);
	}
	return why == SCARD_S_SUCCESS || is_reset(why) ? rv : why;
}

/* After a command, or where it could not be sent. */
static void conclude(struct session *s)
{
	fuda_buf_clear(&s->command);
	if (s->rv == SCARD_S_SUCCESS && s->response_len >= 2)
		return;
	s->response_len = 0;
	if (s->rv == SCARD_S_SUCCESS) /* no status word */
		s->rv = SCARD_E_NOT_TRANSACTED;
	s->rv = s->lost ? reconnect(s, SCARD_LEAVE_CARD) : cause(s, s->rv);
	leave_removed(s);
}

/* SCardTransmit() is called at most once, whatever it says. */
static void job_transmit(void *own)
{
	struct session *s = own;
	const SCARD_IO_REQUEST *pci =
		s->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;

	s->response_len = sizeof(s->response);
	s->rv = refresh(s);
	if (s->rv == SCARD_S_SUCCESS) {
		s->rv = SCardTransmit(s->card, pci, s->command.data, s->command.len, NULL,
				      s->response, &s->response_len);
		s->lost = is_reset(s->rv);
	}
	conclude(s);
}

/* Likewise SCardControl(), which does not notice that another program has reset the card. */
static void job_secure(void *own)
{
	struct session *s = own;

	s->response_len = 0;
	s->rv = refresh(s);
	if (s->rv == SCARD_S_SUCCESS) {
		s->rv = SCardStatus(s->card, NULL, NULL, NULL, NULL, NULL, NULL);
		s->lost = is_reset(s->rv);
	}
	if (s->rv == SCARD_S_SUCCESS)
		s->rv = SCardControl(s->card, s->control, s->command.data, s->command.len,
				     s->response, sizeof(s->response), &s->response_len);
	conclude(s);
}

static void job_lock(void *own)
{
	struct session *s = own;

	for (int i = 0; i < RESETS_MAX; i++) {
		s->rv = refresh(s);
		if (s->rv == SCARD_S_SUCCESS)
			s->rv = SCardBeginTransaction(s->card);
		if (!is_reset(s->rv))
			break;
		s->lost = s->stale = true;
	}
	s->locked = s->rv == SCARD_S_SUCCESS;
	if (s->locked && !s->pad.known)
		(void)pcsc_ask_pad(s->card, &s->pad);
	leave_removed(s);
}

/* After a reset that we did not see pcscd keeps the transaction until we have reconnected. Where it
 * cannot be ended in order, disconnecting ends it. */
static void job_unlock(void *own)
{
	struct session *s = own;
	DWORD disposition = s->off ? SCARD_UNPOWER_CARD : SCARD_LEAVE_CARD;

	s->rv = SCardEndTransaction(s->card, disposition);
	if (is_reset(s->rv)) {
		s->lost = true;
		s->rv = reconnect(s, SCARD_LEAVE_CARD);
		if (s->rv == SCARD_S_SUCCESS)
			s->rv = SCardEndTransaction(s->card, disposition);
	}
	s->stale = disposition == SCARD_UNPOWER_CARD;
	s->off = s->locked = s->secret = false;
	if (s->rv != SCARD_S_SUCCESS)
		leave(s, disposition);
}

static void job_power(void *own)
{
	struct session *s = own;

	s->rv = reconnect(s, s->off ? SCARD_UNPOWER_CARD : s->initialization);
	if (s->rv == SCARD_S_SUCCESS)
		s->rv = read_atr(s);
	leave_removed(s);
}

/* Off outside a transaction: a short one, so that no command of anyone gets in between. */
static void job_off(void *own)
{
	struct session *s = own;

	job_lock(s);
	if (s->rv != SCARD_S_SUCCESS)
		return;
	s->off = true;
	job_unlock(s);
}

/* Where the caller went away inside a transaction, a PIN may have been verified in it that he can
 * no longer withdraw: the card is switched off. By SCardEndTransaction(), as SCardDisconnect() lets
 * others in before it switches off; the end of the context disconnects. */
static void release_session(void *own)
{
	struct session *s = own;

	bool off = s->off || (s->secret && !s->closing);

	if (s->connected && s->locked)
		SCardEndTransaction(s->card, off ? SCARD_UNPOWER_CARD : SCARD_LEAVE_CARD);
	if (s->has_context)
		SCardReleaseContext(s->context);
	atomic_store(&s->farewell->said, 1);
	deadline_wake_word(&s->farewell->said);
	farewell_drop(s->farewell);
	fuda_buf_free(&s->command);
	wipe(s->response, s->response_len);
	free(s);
}

/* ---- the driver ---- */

/* What an open reader has. */
struct pcsc {
	struct worker *worker; /* NULL: abandoned, and `s` with it */
	struct session *s;
	struct farewell *farewell;
	bool secret; /* one was sent in the transaction that is not over yet */
};

/* Cuts off what tells equal readers apart: the numbers, and a serial number in parentheses or
 * brackets. */
static void set_model(char model[128], const char *name)
{
	size_t len = strlen(name), open;

	if (is_whole(name))
		len -= 6;
	if (len > 2 && (name[len - 1] == ')' || name[len - 1] == ']')) {
		for (open = len - 2; open > 0 && name[open] != '(' && name[open] != '['; open--)
			;
		if (open > 1 && name[open - 1] == ' ' && is_serial(name + open + 1, len - open - 2))
			len = open - 1;
	}
	len = MIN(len, 127);
	memcpy(model, name, len);
	model[len] = 0;
}

static void take_atr(struct reader *r, const struct session *s)
{
	r->atr_len = MIN(s->atr_len, sizeof(r->atr));
	memcpy(r->atr, s->atr, r->atr_len);
}

static void take_pad(struct reader *r, const struct session *s)
{
	r->pad = (s->pad.verify ? READER_PAD_VERIFY : 0u) |
		 (s->pad.modify ? READER_PAD_MODIFY : 0u);
}

/* What was asked for was a part of the name. */
static int take_name(struct reader *r, const struct session *s)
{
	char *name;

	if (asprintf(&name, "pcsc:%s", s->name) < 0)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	free(r->name);
	r->name = name;
	return 0;
}

static int explain_open(struct reader *r, const struct session *s, const char *asked)
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

static int start_session(const char *name, struct pcsc *p)
{
	struct session *s = malloc(sizeof(*s)); /* its last member is not worth zeroing */
	struct farewell *f = calloc(1, sizeof(*f));
	int e = FUDA_ENOMEM;

	if (s && f) {
		memset(s, 0, offsetof(struct session, response));
		s->command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
		copy_name(s->name, name);
		atomic_init(&f->holders, 2);
		s->farewell = f;
		e = worker_new(s, release_session, &p->worker);
	}
	if (e < 0) {
		free(s);
		free(f);
		return e;
	}
	p->s = s;
	p->farewell = f;
	return 0;
}

static int pcsc_open(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	struct pcsc *p;
	struct session *s;
	int e;

	if (strlen(rest) >= sizeof(s->name))
		return ctx_fail(r->ctx, FUDA_ENOREADER,
				_("The PC/SC service has no reader with so long a name."));
	p = calloc(1, sizeof(*p));
	if (!p || start_session(rest, p) < 0) {
		free(p);
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	}
	s = p->s;
	e = worker_run(&p->worker, job_open, dl);
	if (e < 0)
		pcsc_interrupted(r->ctx, e);
	else if (s->rv != SCARD_S_SUCCESS)
		e = explain_open(r, s, rest);
	else if (strcmp(s->name, rest) != 0)
		e = take_name(r, s);
	if (e < 0) {
		worker_free(&p->worker, PCSC_CLOSE_MS);
		farewell_drop(p->farewell);
		free(p);
		return e;
	}
	r->priv = p;
	r->max_command = APDU_COMMAND_MAX;
	r->max_response = APDU_RESPONSE_MAX;
	set_model(r->model, s->name);
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
	farewell_drop(p->farewell);
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
	struct session *s = p->s;
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
	return send(r, job_transmit, command, len, flags & TRANSMIT_ONCE, dl, ret_response);
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
	e = send(r, job_secure, structure, len, true, dl, ret_response);
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
		e = run(r, job_unlock, NULL);
		if (e == 0)
			p->secret = false;
		return e;
	}
	e = run(r, job_lock, dl);
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
		return run(r, job_off, dl);
	if (p->worker)
		p->s->initialization = how == POWER_ON ? SCARD_UNPOWER_CARD : SCARD_RESET_CARD;
	e = run(r, job_power, dl);
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
