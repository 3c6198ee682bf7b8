/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the program go through one stack of readers for the whole process, so that faults
 * count its commands whatever connection they use: fault:SPEC:preload:, or preload: alone, whose
 * driver calls libpcsclite. What the program gets out of it is what the trace says. */
#include "preload/preload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "codec/apdu.h"
#include "reader/pad.h"
#include "reader/reader.h"
#include "trace/record.h"

enum {
	/* Here nothing ends in time by itself, as PC/SC knows no time: about when drivers of
	 * readers give a card up. */
	PATIENCE_MS = 5000,
	HEADER = 4, /* CLA INS P1 P2 */
};

static struct {
	bool tried;
	bool closed; /* nothing passes any more */
	struct fuda_context *ctx;
	struct fuda_deadline *dl; /* NULL where nothing is broken */
	struct reader *reader;
	struct trace_recorder *recorder;
	struct passage *passage; /* the one that is being sent */
	SCARDHANDLE told;        /* whose reader and card the trace has told of last */
} stack;

/* ---- errors ---- */

/* Errors of SCardTransmit(); those with FUDA_EINVAL come before anything leaves. */
static const struct {
	LONG rv;
	int code;
} errors[] = {
	{ SCARD_W_REMOVED_CARD, FUDA_EREMOVED },
	{ SCARD_E_NO_SMARTCARD, FUDA_EREMOVED },
	{ SCARD_E_READER_UNAVAILABLE, FUDA_EREADERGONE },
	{ SCARD_E_UNKNOWN_READER, FUDA_EREADERGONE },
	{ SCARD_E_NO_SERVICE, FUDA_EREADERGONE },
	{ SCARD_E_SERVICE_STOPPED, FUDA_EREADERGONE },
	{ SCARD_W_RESET_CARD, FUDA_ERESET },
	{ SCARD_E_NOT_TRANSACTED, FUDA_ETRANSPORT },
	{ SCARD_E_TIMEOUT, FUDA_ETIMEOUT },
	{ SCARD_E_CANCELLED, FUDA_ECANCELLED },
	{ SCARD_W_UNRESPONSIVE_CARD, FUDA_EMUTE },
	{ SCARD_W_UNPOWERED_CARD, FUDA_EMUTE },
	{ SCARD_E_INVALID_HANDLE, FUDA_EINVAL },
	{ SCARD_E_INVALID_PARAMETER, FUDA_EINVAL },
	{ SCARD_E_INVALID_VALUE, FUDA_EINVAL },
	{ SCARD_E_PROTO_MISMATCH, FUDA_EINVAL },
	{ SCARD_E_SHARING_VIOLATION, FUDA_EINVAL },
};

static int code_of(LONG rv)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].rv == rv)
			return errors[i].code;
	return FUDA_ETRANSPORT;
}

/* What PC/SC says instead of `code`: a card that does not answer is told from one that is not
 * understood by nobody, pcscd's IFDTransmit(). */
static LONG said_for(int code)
{
	switch (code) {
	case FUDA_EREMOVED:
		return SCARD_W_REMOVED_CARD;
	case FUDA_EREADERGONE:
		return SCARD_E_READER_UNAVAILABLE;
	case FUDA_ERESET:
		return SCARD_W_RESET_CARD;
	case FUDA_ETRANSPORT:
	case FUDA_ETIMEOUT:
	case FUDA_ECANCELLED:
	case FUDA_EMUTE:
		return SCARD_E_NOT_TRANSACTED;
	default:
		return SCARD_F_INTERNAL_ERROR;
	}
}

void stack_say(const char *text)
{
	dprintf(STDERR_FILENO, "fuda: %s\n", text);
}

/* A trace with a hole is none: from here on no command leaves. */
static LONG close_down(void)
{
	if (!stack.closed) {
		stack_say(fuda_context_message(stack.ctx));
		stack_say(_("No more commands are sent, as they could not be recorded."));
	}
	stack.closed = true;
	if (stack.recorder)
		trace_record_break_off(stack.recorder);
	return SCARD_F_INTERNAL_ERROR;
}

/* ---- the lowest reader ---- */

/* A success with less than two bytes is kept for the program, and is no response. */
static int take_response(struct passage *p, struct fuda_buf *ret_response)
{
	uint8_t *room = p->c.slot->room;

	if (p->rv != SCARD_S_SUCCESS) {
		p->error = code_of(p->rv);
	} else if (p->received < 2) {
		p->stub = room[0];
		p->error = FUDA_ETRANSPORT;
	} else {
		p->error = fuda_buf_append(ret_response, room, p->received);
		wipe(room, p->received);
		if (p->error < 0)
			p->rv = SCARD_E_NO_MEMORY;
	}
	return p->error < 0 ? ctx_fail_code(stack.ctx, p->error) : 0;
}

static int preload_transmit(struct reader *r _unused_, const uint8_t *command, size_t len,
			    unsigned flags _unused_, struct fuda_deadline *dl _unused_,
			    struct fuda_buf *ret_response)
{
	struct passage *p = stack.passage;

	p->called = true;
	p->received = sizeof(p->c.slot->room);
	monitor_leave();
	p->rv = real()->SCardTransmit(p->c.handle, p->send_pci, command, len, p->receive_pci,
				      p->c.slot->room, &p->received);
	monitor_enter();
	stack.passage = p;
	return take_response(p, ret_response);
}

static int preload_secure(struct reader *r _unused_, bool modify _unused_, const uint8_t *structure,
			  size_t len, struct fuda_deadline *dl _unused_,
			  struct fuda_buf *ret_response)
{
	struct passage *p = stack.passage;

	p->called = true;
	p->received = 0;
	monitor_leave();
	p->rv = real()->SCardControl(p->c.handle, p->control, structure, len, p->c.slot->room,
				     sizeof(p->c.slot->room), &p->received);
	monitor_enter();
	stack.passage = p;
	return take_response(p, ret_response);
}

/* The card loses its state; libpcsclite powers it on again at once. */
static int preload_power(struct reader *r, enum power how, struct fuda_deadline *dl _unused_)
{
	struct passage *p = stack.passage;
	DWORD active;
	LONG rv;

	r->epoch++;
	monitor_leave();
	rv = real()->SCardReconnect(p->c.handle, p->c.share, p->c.protocols,
				    how == POWER_RESET ? SCARD_RESET_CARD : SCARD_UNPOWER_CARD,
				    &active);
	monitor_enter();
	stack.passage = p;
	return rv == SCARD_S_SUCCESS ? 0 : ctx_fail_code(r->ctx, code_of(rv));
}

/* Which reader it is, and whether it has keys, is a matter of each command. */
static int preload_open(struct reader *r, const char *rest _unused_,
			struct fuda_deadline *dl _unused_)
{
	r->max_command = r->max_response = MAX_BUFFER_SIZE_EXTENDED;
	r->pad = READER_PAD_VERIFY | READER_PAD_MODIFY;
	return 0;
}

static void preload_close(struct reader *r _unused_)
{
}

const struct driver driver_preload = {
	.name = "preload",
	.open = preload_open,
	.close = preload_close,
	.power = preload_power,
	.transmit = preload_transmit,
	.secure = preload_secure,
};

/* ---- the whole ---- */

static int open_all(void)
{
	const char *faults = secure_getenv("FUDA_FAULT");
	char *name = NULL;
	int e = fuda_context_new(&stack.ctx);

	if (faults && !*faults)
		faults = NULL;
	if (e == 0)
		e = trace_recorder_open_environment(stack.ctx, &stack.recorder);
	if (e == 0 && faults)
		e = fuda_deadline_new(PATIENCE_MS, &stack.dl);
	if (e == 0 && asprintf(&name, "%s%s%spreload:", faults ? "fault:" : "",
			       faults ? faults : "", faults ? ":" : "") < 0) {
		name = NULL;
		e = ctx_fail_code(stack.ctx, FUDA_ENOMEM);
	}
	if (e == 0)
		e = reader_open(stack.ctx, name, stack.dl, &stack.reader);
	free(name);
	if (e == 0 && stack.reader->lies)
		trace_record_doubt(stack.recorder);
	return e;
}

LONG stack_open(void)
{
	int e;

	if (stack.tried)
		return stack.closed ? SCARD_F_INTERNAL_ERROR : SCARD_S_SUCCESS;
	stack.tried = true;
	e = open_all();
	if (e == 0)
		return SCARD_S_SUCCESS;
	if (stack.ctx)
		return close_down();
	stack.closed = true;
	return SCARD_F_INTERNAL_ERROR;
}

bool stack_breaks(void)
{
	return stack.reader && stack.dl;
}

uint32_t stack_epoch(void)
{
	return stack.reader ? stack.reader->epoch : 0;
}

LONG stack_state(const struct connection *c)
{
	int e;

	if (!stack_breaks())
		return SCARD_S_SUCCESS;
	e = reader_lock(stack.reader, true, stack.dl);
	if (e < 0)
		return said_for(e);
	return c && c->epoch != stack.reader->epoch ? SCARD_W_RESET_CARD : SCARD_S_SUCCESS;
}

/* ---- what is written down ---- */

static const char *protocol_called(DWORD protocol)
{
	return protocol == SCARD_PROTOCOL_T0 ? "T=0" : protocol == SCARD_PROTOCOL_T1 ? "T=1" : NULL;
}

/* The ATR, asked for in a way that waits for no other program, and that the card does not notice.
 * NULL: the connection is none any more. */
static struct connection *learn_card(struct connection *c)
{
	SCARD_READERSTATE now = { .szReader = c->slot->name };
	const SCARDCONTEXT context = c->context;
	const SCARDHANDLE handle = c->handle;
	LONG rv;

	monitor_leave();
	rv = real()->SCardGetStatusChange(context, 0, &now, 1);
	monitor_enter();
	c = connection_find(handle);
	if (c && rv == SCARD_S_SUCCESS && now.cbAtr) {
		c->atr_len = MIN(now.cbAtr, sizeof(c->atr));
		memcpy(c->atr, now.rgbAtr, c->atr_len);
		c->known = true;
	}
	return c;
}

/* What the trace says from here on is about this reader and card. */
static int tell(const struct connection *c)
{
	char name[sizeof("pcsc:") + MAX_READERNAME];
	const struct features *f = &c->slot->features;

	stack.told = c->handle;
	snprintf(name, sizeof(name), "pcsc:%s", c->slot->name);
	return trace_record_facts(stack.recorder,
				  &(struct trace_facts){
					  .reader = name,
					  .atr = c->atr,
					  .atr_len = c->atr_len,
					  .protocol = protocol_called(c->active),
					  .max_command = APDU_COMMAND_MAX,
					  .max_response = APDU_RESPONSE_MAX,
					  .pad = (f->verify ? READER_PAD_VERIFY : 0u) |
						 (f->modify ? READER_PAD_MODIFY : 0u),
				  });
}

/* Where this is the connection that is used from here on, and it was another one before. */
static int tell_facts(SCARDHANDLE handle)
{
	struct connection *c = connection_find(handle);
	bool news = c && !c->known;

	if (news)
		c = learn_card(c);
	if (!c || !c->known) /* as the command will find */
		return 0;
	return news || stack.told != handle ? tell(c) : 0;
}

LONG stack_note_connection(const struct connection *c)
{
	if (stack.closed)
		return SCARD_F_INTERNAL_ERROR;
	return tell_facts(c->handle) < 0 ? close_down() : SCARD_S_SUCCESS;
}

/* While it was on its way another reader may have been told of and used: then this is not about
 * what was selected there. */
static int record(const struct passage *p, const struct fuda_buf *response, int e, uint64_t us)
{
	bool typed = p->header;

	if (stack.told != p->c.handle) {
		if (tell_facts(p->c.handle) < 0)
			return FUDA_EFILE;
		trace_record_forget(stack.recorder);
	}
	return trace_record_exchange(stack.recorder, typed ? p->header : p->bytes,
				     typed ? HEADER : p->len, typed, response->data, response->len,
				     e, us);
}

/* Whether no other program could use the card since the command before. */
static bool is_alone(const struct connection *c)
{
	return c->share == SCARD_SHARE_EXCLUSIVE || (c->slot->depth && c->slot->owner == c->handle);
}

static int send(struct passage *p, struct fuda_buf *ret_response)
{
	if (stack_state(&p->c) == SCARD_W_RESET_CARD)
		return FUDA_ERESET;
	stack.passage = p;
	if (stack.dl)
		fuda_deadline_restart(stack.dl, PATIENCE_MS);
	return p->header ? reader_secure(stack.reader, p->modify, p->bytes, p->len, stack.dl,
					 ret_response) :
			   reader_transmit(stack.reader, p->bytes, p->len, TRANSMIT_ONCE, stack.dl,
					   ret_response);
}

static LONG pass_in_turn(struct passage *p, struct fuda_buf *ret_response)
{
	uint64_t start, us;
	bool unchanged;
	int e;

	if (stack.closed)
		return SCARD_F_INTERNAL_ERROR;
	if (tell_facts(p->c.handle) < 0)
		return close_down();
	start = deadline_now_us();
	e = send(p, ret_response);
	us = deadline_now_us() - start;
	unchanged = p->called && p->error == e;
	/* what did not leave, because it could not, is not in the trace */
	if (!(unchanged && e == FUDA_EINVAL) && record(p, ret_response, e, us) < 0)
		return close_down();
	if (!is_alone(&p->c))
		trace_record_forget(stack.recorder);
	if (!unchanged)
		return e < 0 ? said_for(e) : SCARD_S_SUCCESS;
	if (p->rv == SCARD_S_SUCCESS && e < 0 &&
	    fuda_buf_append(ret_response, &p->stub, p->received) < 0)
		return SCARD_E_NO_MEMORY;
	return p->rv;
}

LONG stack_pass(struct passage *p, struct fuda_buf *ret_response)
{
	MONITOR;
	struct connection *c;
	LONG rv;

	turn_take(p->c.slot, p->c.handle);
	rv = pass_in_turn(p, ret_response);
	turn_give(p->c.slot);
	c = connection_find(p->c.handle);
	if (c && rv == SCARD_W_RESET_CARD)
		c->reset = true;
	return rv;
}

LONG stack_hand_over(LONG rv, const struct fuda_buf *response, void *room, DWORD size,
		     DWORD *ret_len)
{
	*ret_len = response->len;
	if (response->len > size)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if (response->len)
		memcpy(room, response->data, response->len);
	return rv;
}

void stack_note_power(const struct connection *c, const char *how)
{
	if (!stack.recorder || stack.closed)
		return;
	if ((stack.told != c->handle && tell(c) < 0) || trace_record_power(stack.recorder, how) < 0)
		close_down();
}

void stack_note_others(void)
{
	if (stack.recorder)
		trace_record_forget(stack.recorder);
}
