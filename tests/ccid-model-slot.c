/* SPDX-License-Identifier: Apache-2.0 */
/* What an emulated CCID reader does in its slots. */
#include <string.h>

#include "codec/apdu.h"
#include "tests/ccid-inside.h"

uint8_t slot_status(const struct slot *s)
{
	return !s->card ? 2 : s->powered ? 0 : 1;
}

void slot_forget(struct slot *s)
{
	fuda_buf_clear(&s->command);
	fuda_buf_clear(&s->response);
	s->given = 0;
}

static void power_on(struct model *m, struct slot *s, const uint8_t *b, struct message *t, struct fuda_buf *data)
{
	bool cold = !s->powered;
	size_t len;
	const uint8_t *atr;

	if ((m->kind->features & AUTO_VOLTAGE) ? b[7] != 0 : b[7] > 3)
		complain(m, "voltage");
	if (!s->card || (m->voltage && b[7] != m->voltage)) {
		fail_with(t, MUTE);
		return;
	}
	slot_forget(s);
	if (s->icc) {
		icc_reset(s->icc, cold, data);
	} else {
		if (cold)
			vcard_power(s->card, false);
		else
			vcard_reset(s->card);
		vcard_power(s->card, true);
		atr = vcard_atr(s->card, &len);
		fuda_buf_append(data, atr, len);
	}
	s->powered = true;
	s->parameters = false;
	t->status = 0;
}

static void power_off(struct slot *s, struct message *t)
{
	if (s->icc)
		icc_off(s->icc);
	else if (s->card)
		vcard_power(s->card, false);
	s->powered = false;
	slot_forget(s);
	t->status = slot_status(s);
}

void slot_heard(enum icc_said said, struct message *t, struct fuda_buf *data)
{
	if (said == ICC_ANSWERED)
		return;
	fuda_buf_clear(data);
	fail_with(t, said == ICC_SILENT ? MUTE : PARITY);
}

static void transfer_block(struct model *m, struct slot *s, const uint8_t *b, size_t len, struct message *t,
			   struct fuda_buf *data)
{
	if (b[8] || b[9])
		complain(m, "wLevelParameter at TPDU level");
	if (!s->parameters && !(len > HEAD && b[HEAD] == 0xFF))
		complain(m, "a block before the parameters");
	slot_heard(icc_say(s->icc, b + HEAD, len - HEAD, b[7] ? b[7] : 1, data), t, data);
}

/* The next piece of the response. */
static void give(struct model *m, struct slot *s, bool first, struct message *t, struct fuda_buf *data)
{
	size_t left = s->response.len - s->given, room = m->kind->message - HEAD;
	bool pieces = (m->kind->features & LEVEL_EXTENDED) || m->kind->chains;
	bool more;

	if (m->kind->chains)
		room = 100;
	more = pieces && left > room;
	fuda_buf_append(data, s->response.data + s->given, more ? room : left);
	if (m->endless) {
		t->chain = first ? 1 : 3;
		return;
	}
	s->given += data->len;
	t->chain = first ? (more ? 1 : 0) : (more ? 3 : 2);
}

static bool is_short(const struct fuda_buf *command)
{
	struct apdu a;

	return command->len <= 261 && apdu_parse(command->data, command->len, &a) == 0 && !a.extended;
}

void slot_carry_out(struct model *m, struct slot *s, struct message *t, struct fuda_buf *data)
{
	if ((m->kind->features & LEVEL_SHORT) && !is_short(&s->command)) {
		fail_with(t, 1); /* dwLength; real ones refuse it each in its way */
		slot_forget(s);
		return;
	}
	if (vcard_transmit(s->card, s->command.data, s->command.len, &s->response) < 0) {
		fail_with(t, MUTE);
		slot_forget(s);
		return;
	}
	fuda_buf_clear(&s->command);
	give(m, s, true, t, data);
}

static void transfer_apdu(struct model *m, struct slot *s, const uint8_t *b, size_t len, struct message *t,
			  struct fuda_buf *data)
{
	unsigned level = b[8] | (unsigned)b[9] << 8;
	bool in_pieces = level == 1 || level == 3;

	if (level && !(m->kind->features & LEVEL_EXTENDED) && !(m->kind->chains && level == 0x10))
		complain(m, "wLevelParameter at short APDU level");
	if (level == 0x10) {
		if (len != HEAD || s->given >= s->response.len)
			complain(m, "send more, of nothing");
		give(m, s, false, t, data);
		return;
	}
	if (level == 0 || level == 1) {
		if (s->given < s->response.len)
			complain(m, "a command within a response");
		slot_forget(s);
	} else if (!s->command.len) {
		complain(m, "a piece of nothing");
	}
	fuda_buf_append(&s->command, b + HEAD, len - HEAD);
	if (in_pieces) {
		t->chain = 0x10;
		return;
	}
	slot_carry_out(m, s, t, data);
}

static void transfer(struct model *m, struct slot *s, const uint8_t *b, size_t len, struct message *t,
		     struct fuda_buf *data)
{
	if (!s->card || !s->powered)
		fail_with(t, MUTE);
	else if (s->icc)
		transfer_block(m, s, b, len, t, data);
	else
		transfer_apdu(m, s, b, len, t, data);
}

static void set_parameters(struct model *m, struct slot *s, const uint8_t *b, size_t len, struct message *t,
			   struct fuda_buf *data)
{
	if (b[7] > 1 || len != HEAD + (b[7] ? 7u : 5u))
		complain(m, "parameters of the wrong size");
	if (!s->powered)
		fail_with(t, MUTE);
	t->chain = b[7];
	s->parameters = true;
	fuda_buf_append(data, b + HEAD, len - HEAD);
}

static void abort_all(struct model *m, uint8_t seq)
{
	if (!m->aborting || m->abort_seq != seq)
		complain(m, "Abort without its control request");
	fuda_buf_clear(&m->out);
	m->at = 0;
	m->aborting = m->waiting = false;
}

void slot_obey(struct model *m, const uint8_t *b, size_t len, struct message *t, struct fuda_buf *data)
{
	struct slot *s = &m->slots[b[5]];

	t->status = slot_status(s);
	switch (b[0]) {
	case 0x62:
		t->type = 0x80;
		power_on(m, s, b, t, data);
		break;
	case 0x63:
		power_off(s, t);
		break;
	case 0x65:
		break;
	case 0x61:
		t->type = 0x82;
		set_parameters(m, s, b, len, t, data);
		break;
	case 0x6C: /* GetParameters: those of T=1 by default */
		t->type = 0x82;
		t->chain = 1;
		fuda_buf_append(data, (const uint8_t[]){ 0x11, 0x10, 0, 0x4D, 0, 32, 0 }, 7);
		break;
	case 0x6F:
		t->type = 0x80;
		transfer(m, s, b, len, t, data);
		break;
	case 0x6B: /* Escape, with which libccid loads texts: done, and nothing to say of it */
		t->type = 0x83;
		break;
	case 0x69:
		t->type = 0x80;
		pad_obey(m, s, b, len, t, data);
		break;
	case 0x72:
		if (m->abort == CCID_REFUSES) {
			fail_with(t, 0);
			break;
		}
		abort_all(m, b[6]);
		break;
	default:
		fail_with(t, 0);
	}
}

