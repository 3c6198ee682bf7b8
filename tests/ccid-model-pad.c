/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of an emulated CCID reader: PC_to_RDR_Secure, made from the class specification, and from what libccid knows
 * of readers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/deadline.h"
#include "tests/ccid-inside.h"

enum {
	BY_ITSELF_MS = 100,
	OFFSET = 10, /* of abData in the message, as bError counts */
	CANCELLED = 0xEF,
	TIMED_OUT = 0xF0,
	APDU_HEAD = 5,
	APDU_MAX = 261,
	PINS = 3, /* old, new, and new again */
};

/* ---- a command that waits ---- */

static void press_by_itself(struct pad *p)
{
	const char *path = getenv("FUDA_TEST_KEYS");
	FILE *f = path ? fopen(path, "r") : NULL;

	p->delay = BY_ITSELF_MS;
	snprintf(p->keys, sizeof(p->keys), "%s", path ? "" : "1234E");
	if (f && fgets(p->keys, sizeof(p->keys), f))
		p->keys[strcspn(p->keys, "\n")] = 0;
	if (f)
		fclose(f);
}

void pad_hold(struct model *m, const uint8_t *b, size_t len)
{
	struct pad *p = &m->pad;

	p->held_len = MIN(len, sizeof(p->held));
	memcpy(p->held, b, p->held_len);
	p->begun = p->asked = deadline_now();
	if (p->by_itself)
		press_by_itself(p);
	m->waiting = true;
}

void pad_drop(struct model *m)
{
	m->pad.held_len = 0;
	m->pad.keys[0] = 0;
}

bool pad_due(const struct model *m)
{
	const struct pad *p = &m->pad;
	const struct slot *s = &m->slots[p->held[5]];
	size_t n = strlen(p->keys);
	int64_t waited = deadline_now() - p->begun;
	unsigned timeout = p->held_len > OFFSET + 1 ? p->held[OFFSET + 1] : 0;

	if (!m->kind->pins || !s->card || !s->powered || p->held_len < HEAD + 20u)
		return true; /* nothing to wait for */
	if (timeout && waited >= timeout * 1000)
		return true;
	return n && strchr("ECT", p->keys[n - 1]) && waited >= p->delay;
}

bool pad_asks(struct model *m)
{
	if (!m->pad.asks || deadline_now() - m->pad.asked < m->pad.asks)
		return false;
	m->pad.asked = deadline_now();
	return true;
}

/* ---- what it is told ---- */

struct entry {
	bool modify;
	uint8_t operation, timeout, format, block, length_format, offsets[2], max, min, confirm, validation, messages;
	uint8_t prologue[3];
	struct cursor apdu;
};

static bool parse(const struct model *m, const uint8_t *b, size_t len, struct entry *e)
{
	struct cursor c = cur_of(b + HEAD, len - HEAD);
	size_t indices = 1;

	memset(e, 0, sizeof(*e));
	if (cur_u8(&c, &e->operation) < 0 || cur_u8(&c, &e->timeout) < 0 || cur_u8(&c, &e->format) < 0 ||
	    cur_u8(&c, &e->block) < 0 || cur_u8(&c, &e->length_format) < 0)
		return false;
	e->modify = e->operation == 1;
	if (e->modify && cur_copy(&c, e->offsets, sizeof(e->offsets)) < 0)
		return false;
	if (cur_u8(&c, &e->max) < 0 || cur_u8(&c, &e->min) < 0 || (e->modify && cur_u8(&c, &e->confirm) < 0) ||
	    cur_u8(&c, &e->validation) < 0 || cur_u8(&c, &e->messages) < 0 || cur_skip(&c, 2) < 0)
		return false;
	if (e->modify) {
		indices += e->messages > 0 || m->kind->all_indices;
		indices += e->messages >= 3 || m->kind->all_indices;
	}
	if (cur_skip(&c, indices) < 0 || cur_copy(&c, e->prologue, sizeof(e->prologue)) < 0 || c.left < 4 ||
	    c.left > APDU_MAX)
		return false;
	e->apdu = c;
	return true;
}

/* 0, or bError: the place of what it does not know. */
static uint8_t check(struct model *m, const struct slot *s, const struct entry *e)
{
	static const uint8_t none[3] = { 0 };
	bool t1 = s->icc && icc_uses_t1(s->icc);
	uint8_t behind = e->modify ? 3 : 0; /* fields more, from bInsertionOffset to bConfirmPIN */

	if (e->operation > 1 || !(m->kind->pins & 1 << e->operation))
		return OFFSET;
	if ((e->format & 0x87) != 0x82) /* units of bytes, to the left, ASCII */
		return OFFSET + 2;
	if (e->block >> 4 || e->length_format) /* the length goes nowhere */
		return OFFSET + 3;
	if (e->min > e->max)
		return OFFSET + 5;
	if (e->validation == 0 || e->validation > 7)
		complain(m, "bEntryValidationCondition, from which some readers crash");
	if (m->kind->one_message && e->validation != 2)
		return (uint8_t)(OFFSET + 7 + behind);
	if (m->kind->one_message && !e->modify && e->messages != 1)
		return (uint8_t)(OFFSET + 8 + behind);
	if (m->kind->no_message && e->modify && e->messages)
		return (uint8_t)(OFFSET + 8 + behind);
	if (t1 ? e->prologue[2] != e->apdu.left || e->prologue[0] : memcmp(e->prologue, none, 3) != 0)
		complain(m, "bTeoPrologue");
	return 0;
}

/* ---- what is typed ---- */

struct typed {
	const char *pins[PINS];
	size_t lengths[PINS];
	size_t count;
	uint8_t error;
};

static void take_keys(const char *keys, size_t wanted, struct typed *ret)
{
	memset(ret, 0, sizeof(*ret));
	while (ret->count < wanted) {
		size_t n = strspn(keys, "0123456789");

		if (keys[n] != 'E') {
			ret->error = keys[n] == 'C' ? CANCELLED : TIMED_OUT;
			return;
		}
		ret->pins[ret->count] = keys;
		ret->lengths[ret->count++] = n;
		keys += n + 1;
	}
}

/* 0, or the status word that it says in the card's stead. */
static unsigned judge(const struct entry *e, const struct typed *t)
{
	size_t last = t->count - 1;

	for (size_t i = 0; i < t->count; i++)
		if (t->lengths[i] < e->min || t->lengths[i] > e->max)
			return 0x6403;
	if (e->modify && (e->confirm & 1) &&
	    (t->lengths[last] != t->lengths[last - 1] ||
	     memcmp(t->pins[last], t->pins[last - 1], t->lengths[last]) != 0))
		return 0x6402;
	return 0;
}

/* Puts a PIN into the command, or behind one that has no data yet. */
static bool put(struct fuda_buf *apdu, size_t at, const char *pin, size_t n)
{
	if (apdu->len <= APDU_HEAD) {
		const uint8_t lc = (uint8_t)n;

		apdu->len = APDU_HEAD - 1;
		return fuda_buf_append(apdu, &lc, 1) == 0 && fuda_buf_append(apdu, pin, n) == 0;
	}
	if (APDU_HEAD + at + n > apdu->len)
		return false;
	memcpy(apdu->data + APDU_HEAD + at, pin, n);
	return true;
}

static bool fill(const struct entry *e, const struct typed *t, struct fuda_buf *apdu)
{
	size_t at = e->format >> 3 & 0x0F, next = 0;

	fuda_buf_set(apdu, e->apdu.p, e->apdu.left);
	if (!e->modify)
		return put(apdu, at, t->pins[0], t->lengths[0]);
	if (e->confirm & 2) {
		if (!put(apdu, at + e->offsets[0], t->pins[0], t->lengths[0]))
			return false;
		next = 1;
	}
	return put(apdu, at + e->offsets[1], t->pins[next], t->lengths[next]);
}

static void send(struct model *m, struct slot *s, const struct entry *e, const struct fuda_buf *apdu,
		 struct message *t, struct fuda_buf *data)
{
	if (!s->icc) {
		slot_forget(s);
		fuda_buf_set(&s->command, apdu->data, apdu->len);
		slot_carry_out(m, s, t, data);
	} else if (icc_uses_t1(s->icc)) {
		slot_heard(icc_say_typed(s->icc, e->prologue, apdu->data, apdu->len, data), t, data);
	} else {
		slot_heard(icc_say(s->icc, apdu->data, apdu->len, 1, data), t, data);
	}
}

static void type_and_send(struct model *m, struct slot *s, const struct entry *e, struct message *t,
			  struct fuda_buf *data)
{
	struct fuda_buf apdu = FUDA_BUF_INIT(APDU_MAX + UINT8_MAX);
	size_t wanted = e->modify ? 1u + (e->confirm & 1) + (e->confirm >> 1 & 1) : 1u;
	struct typed typed;
	unsigned sw;

	take_keys(m->pad.keys, wanted, &typed);
	if (typed.error) {
		fail_with(t, typed.error);
		return;
	}
	sw = judge(e, &typed);
	if (sw)
		fuda_buf_append(data, (const uint8_t[]){ (uint8_t)(sw >> 8), (uint8_t)sw }, 2);
	else if (!fill(e, &typed, &apdu))
		fail_with(t, OFFSET + 2);
	else
		send(m, s, e, &apdu, t, data);
	fuda_buf_free(&apdu);
}

void pad_obey(struct model *m, struct slot *s, const uint8_t *b, size_t len, struct message *t, struct fuda_buf *data)
{
	struct entry e;
	uint8_t error;

	if (b[7] || b[8] || b[9])
		complain(m, "bBWI or wLevelParameter of PC_to_RDR_Secure");
	if (!m->kind->pins) {
		fail_with(t, 0);
	} else if (!s->card || !s->powered) {
		fail_with(t, MUTE);
	} else if (!parse(m, b, len, &e)) {
		complain(m, "a PIN structure that is none");
		fail_with(t, 1);
	} else if ((error = check(m, s, &e))) {
		fail_with(t, error);
	} else {
		type_and_send(m, s, &e, t, data);
	}
}

/* ---- for tests ---- */

void ccid_model_keys(struct usb_model *usb, const char *keys, unsigned ms)
{
	struct model *m = (struct model *)usb;

	pthread_mutex_lock(&m->lock);
	m->pad.by_itself = false;
	snprintf(m->pad.keys, sizeof(m->pad.keys), "%s", keys ? keys : "");
	m->pad.delay = ms;
	pthread_mutex_unlock(&m->lock);
}

void ccid_model_asks(struct usb_model *usb, unsigned ms)
{
	struct model *m = (struct model *)usb;

	pthread_mutex_lock(&m->lock);
	m->pad.asks = ms;
	pthread_mutex_unlock(&m->lock);
}

bool ccid_model_waits(struct usb_model *usb)
{
	struct model *m = (struct model *)usb;
	bool waits;

	pthread_mutex_lock(&m->lock);
	waits = m->pad.held_len > 0;
	pthread_mutex_unlock(&m->lock);
	return waits;
}
