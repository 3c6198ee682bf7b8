/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of CCID readers, clause 6, over one interface that its slots share. */
#include "drivers/ccid.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

enum {
	ABORT_MS = 100,	      /* for a reader to give up what it was at, beyond the deadline */
	ABORT_AGAIN_MS = 1000, /* ... before the next command, if it did not */
	EXTENSIONS_MAX = 8192, /* times in a row that it asks for more time */
	STALE_MAX = 64,	      /* messages in a row that answer nothing */
	PAUSE_MS = 50,	      /* between attempts to open what another program has */
	PATIENCE_MS = 1000,   /* for all of them */
	NOTICES_MAX = 32,     /* notices that have waited */
	DRAIN_MS = 10,	      /* for an answer that a program before us did not wait for */
	RATES_MS = 200,	      /* for an answer that is not needed, while others may wait to open */
	RATE_SIZE = 4,
};

/* bStatus, 6.2.6 */
enum { STATUS_CARD = 0x03, STATUS_COMMAND = 0xC0, STATUS_FAILED = 0x40, STATUS_EXTENSION = 0x80 };

enum {
	NOTICE = 0x50, /* NotifySlotChange, 6.3.1 */
	CONTROL_OUT = 0x21, /* class, interface */
	CONTROL_IN = 0xA1,
	REQUEST_ABORT = 0x01, /* 5.3 */
	REQUEST_RATES = 0x03,
};

struct ccid {
	struct ccid *next;
	unsigned users;	     /* slots taken */
	uint32_t taken;	     /* bits of them */
	struct usb *usb;
	struct ccid_class class;
	uint32_t rates[CCID_RATES_MAX]; /* bits per second that it lists */
	size_t rate_count;
	atomic_bool gone; /* unplugged: another one may stand in its place */
	deadline_word busy; /* a command is on its way */
	/* under `busy` */
	uint8_t seq;	  /* of the next command */
	bool stuck;	  /* it may still be at this command */
	uint8_t stuck_slot, stuck_seq;
	uint32_t changed; /* bits of slots */
};

/* All that are open, and what they count. */
static struct ccid *open_readers;
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

const struct ccid_class *ccid_class(const struct ccid *c)
{
	return &c->class;
}

const struct usb *ccid_usb(const struct ccid *c)
{
	return c->usb;
}

/* ---- turns ---- */

static int lock(struct ccid *c, struct fuda_context *ctx, struct fuda_deadline *dl)
{
	int e = deadline_check(dl);

	while (e == 0 && atomic_exchange(&c->busy, 1))
		e = deadline_wait_word(dl, -1, &c->busy, 1);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	c->usb->ctx = ctx;
	return 0;
}

static void unlock(struct ccid *c)
{
	atomic_store(&c->busy, 0);
	deadline_wake_word(&c->busy);
}

/* ---- messages ---- */

void ccid_answer_free(struct ccid_answer *a)
{
	fuda_buf_free(&a->data);
}

static int send(struct ccid *c, const struct ccid_command *command, uint8_t seq,
		struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(CCID_MESSAGE_MAX);
	size_t n = command->len;
	const uint8_t head[CCID_HEADER] = { (uint8_t)command->type,
					    (uint8_t)n,
					    (uint8_t)(n >> 8),
					    (uint8_t)(n >> 16),
					    0,
					    command->slot,
					    seq,
					    command->specific[0],
					    command->specific[1],
					    command->specific[2] };
	int e = fuda_buf_append(&message, head, sizeof(head));

	if (e == 0)
		e = fuda_buf_append(&message, command->data, n);
	if (e < 0)
		return ctx_fail_code(c->usb->ctx, e);
	/* dwLength ends it: no empty packet */
	return c->usb->backend->out(c->usb, message.data, message.len, false, dl);
}

static int garbled(struct ccid *c)
{
	return ctx_fail(c->usb->ctx, FUDA_ETRANSPORT,
			_("The reader's answer makes no sense. Unplug the reader, plug it in again "
			  "and try again."));
}

enum heard { HEARD_ANSWER, HEARD_EXTENSION, HEARD_OTHER };

/* One message of the reader. Some fill it up with zeros: dwLength counts. */
static int parse(struct ccid *c, const struct fuda_buf *message, uint8_t slot, uint8_t seq,
		 uint8_t *ret_type, enum heard *ret_heard, struct ccid_answer *ret)
{
	struct cursor m = cur_of(message->data, message->len);
	uint8_t type, its_slot, its_seq, status, error, chain;
	uint32_t n;
	const uint8_t *data;

	if (cur_u8(&m, &type) < 0 || cur_le(&m, 4, &n) < 0 ||
	    cur_u8(&m, &its_slot) < 0 || cur_u8(&m, &its_seq) < 0 || cur_u8(&m, &status) < 0 ||
	    cur_u8(&m, &error) < 0 || cur_u8(&m, &chain) < 0)
		return garbled(c);
	*ret_heard = HEARD_OTHER;
	if (its_slot == c->stuck_slot && its_seq == c->stuck_seq &&
	    (status & STATUS_COMMAND) != STATUS_EXTENSION)
		c->stuck = false; /* it has come to an end, though nobody waits any more */
	if (its_slot != slot || its_seq != seq)
		return 0;
	if (cur_take(&m, n, &data) < 0)
		return garbled(c);
	*ret_type = type;
	*ret_heard = (status & STATUS_COMMAND) == STATUS_EXTENSION ? HEARD_EXTENSION : HEARD_ANSWER;
	if (*ret_heard == HEARD_EXTENSION)
		return 0;
	ret->card = MIN(status & STATUS_CARD, CCID_ABSENT);
	ret->failed = status & STATUS_FAILED;
	ret->error = error;
	ret->chain = chain;
	return fuda_buf_append(&ret->data, data, n) < 0 ? ctx_fail_code(c->usb->ctx, FUDA_ENOMEM)
							 : 0;
}

/* The type of message that answers a command, 6.2. */
static uint8_t answer_type(enum ccid_type command)
{
	switch (command) {
	case CCID_POWER_ON:
	case CCID_SECURE:
	case CCID_TRANSFER:
		return 0x80;
	case CCID_SET_PARAMETERS:
		return 0x82;
	default:
		return 0x81;
	}
}

static void set_stuck(struct ccid *c, uint8_t slot, uint8_t seq)
{
	c->stuck = true;
	c->stuck_slot = slot;
	c->stuck_seq = seq;
}

/* The answer to command `seq`. Answers to earlier commands and empty transfers, which some firmware
 * sends, are dropped. */
static int await(struct ccid *c, const struct ccid_command *command, uint8_t seq,
		 struct fuda_deadline *dl, struct ccid_answer *ret)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(CCID_MESSAGE_MAX);
	int extensions = 0, stale = 0;

	while (extensions <= EXTENSIONS_MAX && stale <= STALE_MAX) {
		enum heard heard = HEARD_OTHER;
		uint8_t type = 0;
		int e;

		fuda_buf_clear(&message);
		e = c->usb->backend->in(c->usb, c->class.message_max, -1, dl, &message);
		if (e == 0 && message.len)
			e = parse(c, &message, command->slot, seq, &type, &heard, ret);
		if (e < 0)
			return e;
		if (heard == HEARD_ANSWER)
			return type == answer_type(command->type) ? 0 : garbled(c);
		if (heard == HEARD_EXTENSION) {
			extensions++;
			stale = 0;
		} else {
			stale++;
		}
	}
	if (!c->stuck)
		set_stuck(c, command->slot, seq);
	return ctx_fail(c->usb->ctx, FUDA_ETRANSPORT,
			_("The reader does not come to an end. Unplug it, plug it in again and try "
			  "again."));
}

/* Until the command that the reader is stuck with comes to an end by itself. */
static int await_end(struct ccid *c, struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(CCID_MESSAGE_MAX);
	_cleanup_answer_ struct ccid_answer nobody = CCID_ANSWER_INIT;
	int e = 0;

	while (e == 0 && c->stuck) {
		enum heard heard;
		uint8_t type;

		fuda_buf_clear(&message);
		fuda_buf_clear(&nobody.data);
		e = c->usb->backend->in(c->usb, c->class.message_max, -1, dl, &message);
		if (e == 0 && message.len) /* c->seq is the number of nothing yet */
			e = parse(c, &message, c->stuck_slot, c->seq, &type, &heard, &nobody);
	}
	return e;
}

/* 5.3.1: the reader gives up the command that it is stuck with, told by a request and a message of
 * one number. One that does not know how to may still end by itself. */
static int abort_command(struct ccid *c, int ms)
{
	const struct ccid_command command = { .type = CCID_ABORT, .slot = c->stuck_slot };
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	_cleanup_(fuda_deadline_free) struct fuda_deadline *dl = NULL;
	uint8_t seq = c->seq, nothing[1] = { 0 };
	int e = fuda_deadline_new(ms, &dl);

	if (e < 0)
		return e;
	ctx_keep_error(c->usb->ctx, true);
	e = c->usb->backend->control(c->usb, CONTROL_OUT, REQUEST_ABORT,
				     (uint16_t)(seq << 8 | command.slot), nothing, 0, dl);
	if (e >= 0) {
		c->seq++;
		e = send(c, &command, seq, dl);
		if (e == 0)
			e = await(c, &command, seq, dl, &answer);
		if (e == 0 && !answer.failed)
			c->stuck = false;
	}
	if (e != FUDA_EREADERGONE)
		e = await_end(c, dl);
	ctx_keep_error(c->usb->ctx, false);
	return e;
}

/* Brings a reader to its senses that has not given up a command of before. */
static int recover(struct ccid *c, struct fuda_deadline *dl)
{
	int left = deadline_left(dl), e;

	if (!c->stuck)
		return 0;
	e = abort_command(c, left < 0 ? ABORT_AGAIN_MS : MIN(left, ABORT_AGAIN_MS));
	if (e == FUDA_EREADERGONE)
		return ctx_fail_code(c->usb->ctx, e);
	if (e < 0)
		return ctx_fail(c->usb->ctx, FUDA_ETRANSPORT,
				_("The reader hangs. Unplug it, plug it in again and try again."));
	return 0;
}

static int exchange(struct ccid *c, const struct ccid_command *command, struct fuda_deadline *dl,
		    struct ccid_answer *ret)
{
	int e = recover(c, dl);
	uint8_t seq = c->seq++;

	if (e < 0)
		return e;
	fuda_buf_clear(&ret->data);
	ret->at_rest = false;
	e = send(c, command, seq, dl);
	if (e == 0)
		e = await(c, command, seq, dl, ret);
	if (e == FUDA_ETIMEOUT || e == FUDA_ECANCELLED ||
	    (e < 0 && e != FUDA_EREADERGONE && command->type == CCID_SECURE)) {
		set_stuck(c, command->slot, seq);
		ret->at_rest = abort_command(c, ABORT_MS) == 0;
	}
	if (e == FUDA_EREADERGONE)
		atomic_store(&c->gone, true);
	return e;
}

int ccid_exchange(struct ccid *c, struct fuda_context *ctx, const struct ccid_command *command,
		  struct fuda_deadline *dl, struct ccid_answer *ret)
{
	int e = lock(c, ctx, dl);

	ret->at_rest = true;
	if (e < 0)
		return e;
	e = exchange(c, command, dl, ret);
	unlock(c);
	return e;
}

/* ---- errors ---- */

#define TRY_AGAIN \
	N_("The card and the reader lost touch. Take the card out, put it back and try again.")
#define NOT_KNOWN N_("The reader does not know this command.")
#define MUTE N_("The card does not answer. Check that it is the right way round, and try again.")
#define BUSY N_("The reader is busy with another command. Wait a moment and try again.")

/* bError, 6.2.6 table 6.2-2 */
static const struct {
	uint8_t error;
	int code;
	const char *text;
} errors[] = {
	{ 0xFF, FUDA_ETRANSPORT, N_("The reader gave the command up.") },
	{ 0xFE, FUDA_EMUTE, MUTE },
	{ 0xFD, FUDA_ETRANSPORT, TRY_AGAIN }, /* parity */
	{ 0xFC, FUDA_ETRANSPORT, TRY_AGAIN }, /* overrun */
	{ 0xFB, FUDA_ETRANSPORT,
	  N_("The reader reports a fault of its own. Take the card out, unplug the reader, plug it "
	     "in again and try again.") },
	{ 0xF8, FUDA_EMUTE, MUTE }, /* TS */
	{ 0xF7, FUDA_EMUTE, MUTE }, /* TCK */
	{ 0xF6, FUDA_EMUTE, N_("The reader cannot use the card's protocol.") },
	{ 0xF5, FUDA_EMUTE, N_("The reader cannot use a card of this kind.") },
	{ 0xF4, FUDA_ETRANSPORT, TRY_AGAIN }, /* procedure byte */
	{ 0xF3, FUDA_ETRANSPORT, N_("The reader has switched the card's protocol off.") },
	{ 0xF2, FUDA_ETRANSPORT, BUSY }, /* activation going on */
	{ 0xE0, FUDA_ETRANSPORT, BUSY },
	{ 0x00, FUDA_ENOTSUP, NOT_KNOWN },
};

int ccid_failure(struct fuda_context *ctx, const struct ccid_answer *a)
{
	if (a->card == CCID_ABSENT)
		return ctx_fail(ctx, FUDA_EREMOVED,
				_("The card was removed. Put it back, leave it there and try "
				  "again."));
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].error == a->error)
			return ctx_fail(ctx, errors[i].code, "%s", _(errors[i].text));
	/* 1 to 127 is the place of what it does not like; the rest is the maker's */
	return ctx_fail(ctx, FUDA_ETRANSPORT, _("The reader refuses the command (error %02X)."),
			a->error);
}

/* ---- notices ---- */

/* 6.3.1: two bits for each slot, whether a card is there and whether that has changed. */
static uint32_t parse_notice(const struct fuda_buf *notice)
{
	struct cursor c = cur_of(notice->data, notice->len);
	uint32_t changed = 0;
	uint8_t type, b;

	if (cur_u8(&c, &type) < 0 || type != NOTICE)
		return 0;
	for (int slot = 0; slot < CCID_SLOTS_MAX && cur_u8(&c, &b) == 0; slot += 4)
		for (int i = 0; i < 4; i++)
			if (b & 2 << 2 * i)
				changed |= 1u << (slot + i);
	return changed;
}

static void take_notices(struct ccid *c, struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf notice = FUDA_BUF_INIT(USB_CLASS_BYTES_MAX);

	if (!c->usb->interface->interrupt)
		return;
	for (int i = 0; i < NOTICES_MAX; i++) {
		fuda_buf_clear(&notice);
		if (c->usb->backend->interrupt(c->usb, 0, dl, &notice) < 0)
			return;
		c->changed |= parse_notice(&notice);
	}
}

bool ccid_changed(struct ccid *c, struct fuda_context *ctx, uint8_t slot,
		  struct fuda_deadline *dl)
{
	bool changed;

	if (lock(c, ctx, dl) < 0)
		return false;
	take_notices(c, dl);
	changed = c->changed & 1u << slot;
	c->changed &= ~(1u << slot);
	unlock(c);
	return changed;
}

/* ---- rates ---- */

/* 5.3.3. Few readers know it; what they do not list is judged by the maximum alone. */
static void ask_rates(struct ccid *c, struct fuda_deadline *dl)
{
	uint8_t bytes[CCID_RATES_MAX * RATE_SIZE];
	struct cursor list;
	uint32_t rate;
	int64_t end;
	int n;

	if (c->class.features & CCID_AUTO_NEGOTIATION)
		return;
	end = deadline_narrow(dl, RATES_MS);
	n = c->usb->backend->control(c->usb, CONTROL_IN, REQUEST_RATES, 0, bytes, sizeof(bytes),
				     dl);
	deadline_widen(dl, end);
	if (n < 0)
		return;
	list = cur_of(bytes, MIN((size_t)n, sizeof(bytes)));
	while (cur_le(&list, RATE_SIZE, &rate) == 0)
		c->rates[c->rate_count++] = rate;
}

bool ccid_has_rate(const struct ccid *c, uint32_t rate)
{
	if (!rate || rate > c->class.rate_max)
		return false;
	for (size_t i = 0; i < c->rate_count; i++) /* readers round as they like */
		if (c->rates[i] + 1 >= rate && c->rates[i] <= rate + 1)
			return true;
	return !c->rate_count;
}

/* ---- open and close ---- */

static struct ccid *find_open(const struct usb_device *d, uint8_t number)
{
	struct ccid *c = open_readers;

	while (c && (atomic_load(&c->gone) || c->usb->device.bus != d->bus ||
		     c->usb->device.address != d->address || c->usb->interface->number != number))
		c = c->next;
	return c;
}

/* Numbers begin anew: an answer that was left must not be taken for one to us. */
static void drain(struct ccid *c, struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(CCID_MESSAGE_MAX);

	for (int i = 0; i < STALE_MAX; i++) {
		fuda_buf_clear(&message);
		if (c->usb->backend->in(c->usb, c->class.message_max, DRAIN_MS, dl, &message) < 0)
			return;
	}
}

static int open_reader(struct fuda_context *ctx, const struct usb_device *d,
		       const struct ccid_place *p, struct fuda_deadline *dl, struct ccid **ret)
{
	struct ccid *c = calloc(1, sizeof(*c));
	int e;

	if (!c)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	e = usb_backend->open(ctx, d->bus, d->address, p->interface->number, &c->usb);
	if (e < 0) {
		free(c);
		return e;
	}
	c->class = p->class;
	ctx_keep_error(ctx, true);
	drain(c, dl);
	take_notices(c, dl); /* of what happened before */
	c->changed = 0;
	ask_rates(c, dl);
	ctx_keep_error(ctx, false);
	c->next = open_readers;
	open_readers = c;
	*ret = c;
	return 0;
}

static int try_acquire(struct fuda_context *ctx, const struct usb_device *d,
		       const struct ccid_place *p, struct fuda_deadline *dl, struct ccid **ret)
{
	struct ccid *c;
	int e = 0;

	pthread_mutex_lock(&open_lock);
	c = find_open(d, p->interface->number);
	if (!c)
		e = open_reader(ctx, d, p, dl, &c);
	else if (c->taken & 1u << p->slot)
		e = ctx_fail(ctx, FUDA_EBUSY,
			     _("This program is using the reader already. Close it there first."));
	if (e == 0) {
		c->users++;
		c->taken |= 1u << p->slot;
		*ret = c;
	}
	pthread_mutex_unlock(&open_lock);
	return e;
}

int ccid_acquire(struct fuda_context *ctx, const struct usb_device *d, const struct ccid_place *p,
		 struct fuda_deadline *dl, struct ccid **ret)
{
	for (int waited = 0;; waited += PAUSE_MS) {
		int e = try_acquire(ctx, d, p, dl, ret);

		if (e != FUDA_EBUSY || waited >= PATIENCE_MS)
			return e;
		e = deadline_sleep(dl, PAUSE_MS);
		if (e < 0)
			return ctx_fail_code(ctx, e);
	}
}

void ccid_release(struct ccid **reader, struct fuda_context *ctx, uint8_t slot)
{
	struct ccid *c = *reader, **p = &open_readers;

	*reader = NULL;
	if (!c)
		return;
	pthread_mutex_lock(&open_lock);
	c->taken &= ~(1u << slot);
	if (--c->users == 0) {
		while (*p != c)
			p = &(*p)->next;
		*p = c->next;
		c->usb->ctx = ctx;
		if (c->stuck) /* for who comes next */
			(void)abort_command(c, ABORT_AGAIN_MS);
		usb_close(&c->usb);
		free(c);
	}
	pthread_mutex_unlock(&open_lock);
}
