/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers of open readers of the PC/SC service own and do. */
#include "drivers/pcsc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SETTLE_MS = 20,  /* between two looks at a card that another program is resetting */
	RESETS_MAX = 16, /* reconnects for one lock before giving up */
	PROTOCOLS = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
};

/* ---- names ---- */

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

void pcsc_set_model(char model[128], const char *name)
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

/* ---- jobs ---- */

/* Not sent, for sure: pcscd looks for these before it turns to the reader. */
static bool is_reset(LONG rv)
{
	return rv == SCARD_W_RESET_CARD || rv == SCARD_W_UNPOWERED_CARD;
}

static LONG connect_to(struct pcsc_session *s, const char *name)
{
	return SCardConnect(s->context, name, SCARD_SHARE_SHARED, PROTOCOLS, &s->card,
			    &s->protocol);
}

/* Connects to the one reader whose name contains s->name. */
static LONG connect_by_part(struct pcsc_session *s)
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

static LONG read_atr(struct pcsc_session *s)
{
	s->atr_len = sizeof(s->atr);
	return SCardStatus(s->card, NULL, NULL, NULL, NULL, s->atr, &s->atr_len);
}

/* A program that leaves the card switched off (SCardDisconnect) leaves it so to the others. pcscd
 * does not power it for them, and who reconnects while that happens is not even told. */
static bool is_unpowered(const struct pcsc_session *s)
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

static LONG reconnect(struct pcsc_session *s, DWORD initialization)
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
static LONG refresh(struct pcsc_session *s)
{
	if (!s->connected)
		return s->gone;
	if (s->off)
		return reconnect(s, SCARD_UNPOWER_CARD);
	return s->stale ? reconnect(s, SCARD_LEAVE_CARD) : SCARD_S_SUCCESS;
}

void pcsc_job_open(void *own)
{
	struct pcsc_session *s = own;

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

static void leave(struct pcsc_session *s, DWORD disposition)
{
	SCardDisconnect(s->card, disposition);
	s->connected = s->locked = s->off = s->stale = false;
	s->gone = s->rv;
}

/* The card that comes next is another one, to be opened anew; winscard would go on with it after a
 * reconnect, and keep the transaction. */
static void leave_removed(struct pcsc_session *s)
{
	if (s->connected && (s->rv == SCARD_W_REMOVED_CARD || s->rv == SCARD_E_NO_SMARTCARD))
		leave(s, SCARD_LEAVE_CARD);
}

/* Looks for a better reason than `rv`: pcscd sees a card or reader that is gone only when it looks
 * the next time. A reset that is found now does not mean that nothing was sent. */
static LONG cause(struct pcsc_session *s, LONG rv)
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
static void conclude(struct pcsc_session *s)
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
void pcsc_job_transmit(void *own)
{
	struct pcsc_session *s = own;
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
void pcsc_job_secure(void *own)
{
	struct pcsc_session *s = own;

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

void pcsc_job_lock(void *own)
{
	struct pcsc_session *s = own;

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
void pcsc_job_unlock(void *own)
{
	struct pcsc_session *s = own;
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

void pcsc_job_power(void *own)
{
	struct pcsc_session *s = own;

	s->rv = reconnect(s, s->off ? SCARD_UNPOWER_CARD : s->initialization);
	if (s->rv == SCARD_S_SUCCESS)
		s->rv = read_atr(s);
	leave_removed(s);
}

/* Off outside a transaction: a short one, so that no command of anyone gets in between. */
void pcsc_job_off(void *own)
{
	struct pcsc_session *s = own;

	pcsc_job_lock(s);
	if (s->rv != SCARD_S_SUCCESS)
		return;
	s->off = true;
	pcsc_job_unlock(s);
}

/* ---- its end ---- */

void pcsc_farewell_drop(struct pcsc_farewell *f)
{
	if (atomic_fetch_sub(&f->holders, 1) == 1)
		free(f);
}

/* Where the caller went away inside a transaction, a PIN may have been verified in it that he can
 * no longer withdraw: the card is switched off. By SCardEndTransaction(), as SCardDisconnect() lets
 * others in before it switches off; the end of the context disconnects. */
static void release_session(void *own)
{
	struct pcsc_session *s = own;

	bool off = s->off || (s->secret && !s->closing);

	if (s->connected && s->locked)
		SCardEndTransaction(s->card, off ? SCARD_UNPOWER_CARD : SCARD_LEAVE_CARD);
	if (s->has_context)
		SCardReleaseContext(s->context);
	atomic_store(&s->farewell->said, 1);
	deadline_wake_word(&s->farewell->said);
	pcsc_farewell_drop(s->farewell);
	fuda_buf_free(&s->command);
	wipe(s->response, s->response_len);
	free(s);
}

/* ---- the whole of it ---- */

int pcsc_session_new(const char *name, struct worker **ret_worker, struct pcsc_session **ret,
		     struct pcsc_farewell **ret_farewell)
{
	struct pcsc_session *s = malloc(sizeof(*s)); /* its last member is not worth zeroing */
	struct pcsc_farewell *f = calloc(1, sizeof(*f));
	int e = FUDA_ENOMEM;

	if (s && f) {
		memset(s, 0, offsetof(struct pcsc_session, response));
		s->command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
		copy_name(s->name, name);
		atomic_init(&f->holders, 2);
		s->farewell = f;
		e = worker_new(s, release_session, ret_worker);
	}
	if (e < 0) {
		free(s);
		free(f);
		return e;
	}
	*ret = s;
	*ret_farewell = f;
	return 0;
}
