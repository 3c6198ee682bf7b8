/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are typed on the keys of a CCID reader: PC_to_RDR_Secure, 6.1.11.
 *
 * What readers make of T=1 at TPDU level, where the host numbers the blocks, is unconfirmed: they
 * are told the head of the block, as libccid does it, and may answer with a block or with two bytes
 * of their own. */
#include "drivers/ccid.h"

#include <string.h>

#include "codec/apdu.h"

/* bPINOperation */
enum { VERIFY = 0, MODIFY = 1 };

/* bError */
enum {
	AT_FIELD_MAX = 0x7F, /* 0 to this one: the command, or the byte there, is none for it */
	SLOT_BUSY = 0xE0,
	CANCELLED = 0xEF,
	TIMED_OUT = 0xF0,
};

enum {
	SPECIFIC_MAX = 20, /* bytes from bPINOperation to the command */
	KEY_PRESSED = 2,   /* bEntryValidationCondition, of three bits */
	VALIDATION_MAX = 7,
	STATUS_SIZE = 2,
};

/* ---- readers that want it otherwise ---- */

struct quirk {
	uint16_t vendor, product;
	bool key_only;	    /* no other end of an entry than a key */
	int8_t to_verify;   /* bNumberMessage, where it knows no other; ANY */
	int8_t to_modify;
	bool reversed;	    /* the bytes of wPINMaxExtraDigit, to verify */
	bool all_indices;   /* to modify, whatever bNumberMessage says */
	bool pads;	    /* what is to be all the data of a command that has none yet */
};
enum { ANY = -1 };

/* All from libccid; none was met here. */
static const struct quirk quirks[] = {
	/* GemPC Pinpad, Covadis Vega-Alpha */
	{ 0x08E6, 0x3478, true, 1, ANY, false, true, false },
	{ 0x0982, 0x0008, true, 1, ANY, false, true, false },
	/* keyboards of Dell */
	{ 0x413C, 0x2100, false, 0, ANY, true, false, false },
	{ 0x413C, 0x2101, false, 0, ANY, false, false, false },
	/* SPR532, Cherry ST-2000 */
	{ 0x04E6, 0xE003, false, ANY, 0, false, true, true },
	{ 0x046A, 0x003E, false, ANY, 0, false, true, false },
};

static const struct quirk *quirk_of(const struct ccid_slot *s)
{
	static const struct quirk none = { .to_verify = ANY, .to_modify = ANY };
	const struct usb_device *d = &ccid_usb(s->reader)->device;

	for (size_t i = 0; i < ARRAY_SIZE(quirks); i++)
		if (quirks[i].vendor == d->vendor && quirks[i].product == d->product)
			return &quirks[i];
	return &none;
}

/* As this reader can take it. */
static void adapt(const struct quirk *q, struct pad_entry *e)
{
	int messages = e->modify ? q->to_modify : q->to_verify;

	/* some readers crash from what is reserved */
	if (q->key_only || !e->validation || e->validation > VALIDATION_MAX)
		e->validation = KEY_PRESSED;
	if (messages != ANY)
		e->messages = (uint8_t)messages;
	if (e->messages == 0)
		memset(e->indices, 0, sizeof(e->indices));
}

/* ---- the message ---- */

/* The fields of part 10 in their order, but for bTimeOut2 and ulDataLength, which CCID has not. Of
 * the second and third index there are as many as messages, 6.1.11.7. */
static size_t put_fields(const struct pad_entry *e, const struct quirk *q,
			 const uint8_t head[PAD_PROLOGUE], uint8_t ret[SPECIFIC_MAX])
{
	bool reversed = q->reversed && !e->modify;
	size_t n = 0;

	ret[n++] = e->modify ? MODIFY : VERIFY;
	ret[n++] = e->timeout;
	ret[n++] = e->format;
	ret[n++] = e->block;
	ret[n++] = e->length_format;
	if (e->modify) {
		ret[n++] = e->old_offset;
		ret[n++] = e->new_offset;
	}
	ret[n++] = reversed ? e->min : e->max;
	ret[n++] = reversed ? e->max : e->min;
	if (e->modify)
		ret[n++] = e->confirm;
	ret[n++] = e->validation;
	ret[n++] = e->messages;
	ret[n++] = (uint8_t)e->language;
	ret[n++] = (uint8_t)(e->language >> 8);
	ret[n++] = e->indices[0];
	if (e->modify && (e->messages > 0 || q->all_indices))
		ret[n++] = e->indices[1];
	if (e->modify && (e->messages >= PAD_MESSAGES || q->all_indices))
		ret[n++] = e->indices[2];
	memcpy(ret + n, head, PAD_PROLOGUE);
	return n + PAD_PROLOGUE;
}

/* Refuses what this reader would make a wrong secret of, or not take. */
static int check(struct ccid_slot *s, const struct pad_entry *e)
{
	if (quirk_of(s)->pads && !e->modify && !e->block && e->len == PAD_COMMAND_MIN)
		return ctx_fail(s->ctx, FUDA_ENOTSUP,
				_("This reader would pad the secret, and the card take it for a "
				  "wrong one. Type it on the computer."));
	return ccid_check_command(s, e->command, e->len);
}

/* Sends it. FUDA_ETOOBIG: it did not leave. */
static int ask(struct ccid_slot *s, const struct pad_entry *entry, const uint8_t head[PAD_PROLOGUE],
	       struct fuda_deadline *dl, struct ccid_answer *ret)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(ccid_class(s->reader)->message_max -
							   CCID_HEADER);
	struct ccid_command command = { .type = CCID_SECURE, .slot = s->number };
	const struct quirk *q = quirk_of(s);
	uint8_t fields[SPECIFIC_MAX];
	struct pad_entry e = *entry;
	int r;

	adapt(q, &e);
	r = fuda_buf_append(&data, fields, put_fields(&e, q, head, fields));
	if (r == 0)
		r = fuda_buf_append(&data, e.command, e.len);
	if (r == FUDA_ETOOBIG)
		return ctx_fail(s->ctx, r,
				_("The command is too long to be typed on this reader."));
	if (r < 0)
		return ctx_fail_code(s->ctx, r);
	command.data = data.data;
	command.len = data.len;
	return ccid_exchange(s->reader, s->ctx, &command, dl, ret);
}

/* ---- the answer ---- */

static int put_status(struct ccid_slot *s, uint16_t sw, struct fuda_buf *response)
{
	const uint8_t bytes[STATUS_SIZE] = { (uint8_t)(sw >> 8), (uint8_t)sw };
	int e = fuda_buf_append(response, bytes, sizeof(bytes));

	return e < 0 ? ctx_fail_code(s->ctx, e) : 0;
}

/* Whether nothing went to the card, by what the reader says. */
static bool was_refused(const struct ccid_answer *a)
{
	return a->failed && (a->error <= AT_FIELD_MAX || a->error == SLOT_BUSY);
}

static int refused(struct ccid_slot *s, const struct ccid_answer *a)
{
	if (a->card == CCID_ABSENT || a->error == 0 || a->error > AT_FIELD_MAX)
		return ccid_failure(s->ctx, a);
	return ctx_fail(s->ctx, FUDA_ENOTSUP,
			_("The reader does not take a secret of this form (error %02X)."),
			a->error);
}

static bool by_blocks(const struct ccid_slot *s)
{
	return s->level == CCID_TPDU && s->protocol == 1;
}

/* The one to a block. */
static int take_block(struct ccid_slot *s, size_t len, const struct ccid_answer *a,
		      struct fuda_deadline *dl, struct fuda_buf *response)
{
	int result = a->failed ? ccid_block_failure(s, a) : 0, e;

	if (!a->failed && a->data.len == STATUS_SIZE) { /* no block is so short */
		t1_typed_unknown(&s->t1);
		e = fuda_buf_append(response, a->data.data, a->data.len);
		return e < 0 ? ctx_fail_code(s->ctx, e) : 0;
	}
	return t1_typed_end(&s->t1, len, result, &a->data, dl, response);
}

static int take_response(struct ccid_slot *s, const struct ccid_answer *a,
			 struct fuda_buf *response)
{
	int e;

	if (a->failed)
		return ccid_failure(s->ctx, a);
	if (ccid_class(s->reader)->chains && a->chain)
		return ccid_out_of_turn(s);
	e = fuda_buf_append(response, a->data.data, a->data.len);
	return e < 0 ? ccid_out_of_turn(s) : 0;
}

/* After `e` without an answer. Where the entry is over, T=1 is what has to be brought back into
 * step. */
static int no_answer(struct ccid_slot *s, int e, bool at_rest)
{
	if (at_rest && by_blocks(s))
		t1_typed_unknown(&s->t1);
	s->lost = !at_rest && e != FUDA_EREADERGONE;
	if (!at_rest && (e == FUDA_ETIMEOUT || e == FUDA_ECANCELLED))
		return ctx_fail(s->ctx, e,
				_("The reader does not give the entry up. Press its cancel key, or "
				  "unplug it."));
	return e;
}

static int take_answer(struct ccid_slot *s, size_t len, const struct ccid_answer *a,
		       struct fuda_deadline *dl, struct fuda_buf *response)
{
	int e;

	if (a->failed && a->error == TIMED_OUT)
		return put_status(s, PAD_TIMEOUT, response);
	if (a->failed && a->error == CANCELLED)
		return put_status(s, PAD_CANCELLED, response);
	if (was_refused(a))
		return refused(s, a);
	if (by_blocks(s))
		e = take_block(s, len, a, dl, response);
	else
		e = take_response(s, a, response);
	if (e == 0 && response->len < STATUS_SIZE)
		e = ccid_out_of_turn(s);
	if (e < 0 && e != FUDA_EREADERGONE)
		s->lost = !by_blocks(s) || s->t1.lost;
	return e;
}

int ccid_secure(struct ccid_slot *s, const struct pad_entry *entry, struct fuda_deadline *dl,
		struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(ccid_max_response(s));
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	uint8_t head[PAD_PROLOGUE] = { 0 };
	int e = deadline_check(dl); /* before anything can be lost by it */

	if (e < 0)
		return ctx_fail_code(s->ctx, e);
	e = check(s, entry);
	if (e == 0 && by_blocks(s)) {
		e = t1_typed_begin(&s->t1, entry->len, dl, head);
		s->lost = s->t1.lost;
	}
	if (e < 0)
		return e;
	e = ask(s, entry, head, dl, &answer);
	if (e == FUDA_ETOOBIG)
		return e;
	if (e < 0)
		return no_answer(s, e, answer.at_rest);
	e = take_answer(s, entry->len, &answer, dl, &response);
	if (e < 0)
		return e;
	e = fuda_buf_append(ret_response, response.data, response.len);
	return e < 0 ? ctx_fail_code(s->ctx, e) : 0;
}
