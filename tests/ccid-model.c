/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ccid-inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/apdu.h"

#define RC_S300 "RC-S300/P", 0x054C, 0x0DC9, 0x0B, 1, 7, 2, 4000, 250000, 254, 0x0004007E, 522
#define ACR122U "ACR122U PICC Interface", 0x072F, 0x2200, 0x0B, 1, 7, 2, 4000, 250000, 256, 0x00020040, 271
#define OMNIKEY "OMNIKEY 3x21", 0x076B, 0x3031, 0x0B, 1, 7, 3, 4800, 412903, 254, 0x000206BA, 271
#define ACR39U	"ACR39U ICC Reader", 0x072F, 0xB100, 0x0B, 1, 7, 3, 4800, 826000, 247, 0x000100B2, 271
#define SCR3310 "SCR3310-NTTCom", 0x04E6, 0x511A, 0xFF, 1, 7, 3, 4800, 412903, 252, 0x000101BA, 271
/* of nobody */
#define MANUAL "Manual Reader", 0x1209, 0x0001, 0x0B, 1, 7, 3, 4000, 250000, 254, 0x00010030, 271
#define SLOTTED "Two Slots", 0x1209, 0x0002, 0x0B, 2, 7, 2, 4000, 250000, 254, 0x0004007E, 522

/* with keys */
#define KAAN	"KAAN Advanced", 0x0D46, 0x3002, 0x0B, 1, 7, 3, 4800, 412903, 254, 0x000406BA, 432
#define EZIO	"Ezio CB+", 0x08E6, 0x34C3, 0x0B, 1, 7, 3, 4800, 412903, 254, 0x000204BA, 271
#define GEMPC	"USB GemPCPinpad SmartCard Reader", 0x08E6, 0x3478, 0x0B, 1, 7, 3, 4000, 500000, 254, 0x00010230, 271
#define SPR532	"SPRx32 USB Smart Card Reader", 0x04E6, 0xE003, 0xFF, 1, 1, 3, 4000, 344105, 254, 0x000100BA, 270
#define FUJITSU "SmartCase KB SCR eSIG", 0x0BF8, 0x1017, 0x0B, 1, 1, 3, 4800, 307200, 252, 0x000100BA, 271

static const struct kind kinds[] = {
	{ .name = "extended", RC_S300 },
	{ .name = "two-endpoints", RC_S300, .no_interrupt = true },
	{ .name = "short", ACR122U },
	{ .name = "chains", OMNIKEY, .chains = true },
	{ .name = "tpdu", ACR39U },
	{ .name = "tpdu-crc", ACR39U, .card = { .crc = true } },
	{ .name = "tpdu-t0", ACR39U, .card = { .t0 = true } },
	{ .name = "tpdu-vendor", SCR3310 },
	{ .name = "manual", MANUAL, .card = { .both = true, .fd = 0x95 } },
	{ .name = "slots", SLOTTED },
	{ .name = "pad", KAAN, .pins = 3 },
	{ .name = "pad-short", EZIO, .pins = 3, .display = 0x0211 },
	{ .name = "pad-tpdu", GEMPC, .pins = 3, .display = 0x0210, .one_message = true, .all_indices = true },
	{ .name = "pad-tpdu-t0", SPR532, .card = { .t0 = true }, .pins = 3, .no_message = true, .all_indices = true },
	{ .name = "pad-false", FUJITSU, .pins = 3 },
};

static struct model *model_of(struct usb_model *m)
{
	return (struct model *)m;
}

/* ---- to the host ---- */

static void queue(struct model *m, const uint8_t *bytes, size_t len)
{
	uint32_t n = (uint32_t)len;

	fuda_buf_append(&m->out, &n, sizeof(n));
	fuda_buf_append(&m->out, bytes, len);
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void tell(struct model *m, const struct message *t, enum ccid_fault fault)
{
	static uint8_t b[MESSAGE_MAX + 4096];
	size_t len = HEAD + t->len;

	memset(b, 0, HEAD);
	b[0] = t->type;
	put_le32(b + 1, (uint32_t)t->len);
	b[5] = t->slot;
	b[6] = t->seq;
	b[7] = t->status;
	b[8] = t->error;
	b[9] = t->chain;
	if (t->len)
		memcpy(b + HEAD, t->data, t->len);
	if (fault == CCID_LENGTH)
		put_le32(b + 1, m->fault_arg);
	if (fault == CCID_PADDED) {
		memset(b + len, 0, m->fault_arg);
		len += m->fault_arg;
	}
	if (fault == CCID_CUT)
		len = MIN(len, m->fault_arg);
	queue(m, b, len);
}

/* ---- commands ---- */

static bool well_formed(struct model *m, const uint8_t *b, size_t len)
{
	uint32_t said;

	if (len < HEAD) {
		complain(m, "a message without its header");
		return false;
	}
	said = b[1] | (uint32_t)b[2] << 8 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 24;
	if (said != len - HEAD)
		complain(m, "dwLength");
	if (len > m->kind->message)
		complain(m, "a message longer than dwMaxCCIDMessageLength");
	if (m->spoken_to && b[6] && b[6] != (uint8_t)(m->last_seq + 1)) /* 0: a program of its own */
		complain(m, "bSeq");
	if (m->out.len || (m->waiting && b[0] != 0x72))
		complain(m, "a command before the answer to the last");
	m->spoken_to = true;
	m->last_seq = b[6];
	return said == len - HEAD && b[5] < m->kind->slots;
}

/* What comes before the answer. false: no answer comes. */
static bool precede(struct model *m, enum ccid_fault fault, const struct message *t)
{
	struct message other = *t;

	other.len = 0;
	switch (fault) {
	case CCID_STALE:
		for (unsigned i = 0; i < m->fault_arg; i++) {
			other.seq = (uint8_t)(t->seq - 1 - i);
			tell(m, &other, CCID_FINE);
		}
		break;
	case CCID_OTHER_SLOT:
		other.slot++;
		tell(m, &other, CCID_FINE);
		break;
	case CCID_EXTENSIONS:
	case CCID_EXTENSIONS_FOREVER:
		other.status = EXTENSION;
		other.error = 1;
		for (unsigned i = 0; i < (fault == CCID_EXTENSIONS ? m->fault_arg : 10000); i++)
			tell(m, &other, CCID_FINE);
		return fault == CCID_EXTENSIONS;
	case CCID_WRONG_SEQ:
		other.seq ^= 0x80;
		for (int i = 0; i < 200; i++)
			tell(m, &other, CCID_FINE);
		return false;
	case CCID_EMPTY:
		queue(m, NULL, 0);
		break;
	case CCID_DEAD:
		m->dead = true;
		return false;
	case CCID_DEAF:
	case CCID_NO_ANSWER:
		m->waiting = true;
		return false;
	default:
		break;
	}
	return true;
}

static enum ccid_fault next_fault(struct model *m)
{
	if (!m->fault_in || --m->fault_in)
		return CCID_FINE;
	return m->fault;
}

static void answer(struct model *m, const uint8_t *b, size_t len)
{
	struct message t = { .type = 0x81, .slot = b[5], .seq = b[6] };
	struct fuda_buf data = FUDA_BUF_INIT(MESSAGE_MAX);
	enum ccid_fault fault = b[0] == 0x72 ? CCID_FINE : next_fault(m);

	if (fault == CCID_ENDLESS || b[0] != 0x6F)
		m->endless = fault == CCID_ENDLESS;
	if (fault == CCID_ERROR) {
		t.type = b[0] == 0x62 || b[0] == 0x69 || b[0] == 0x6F ? 0x80 : b[0] == 0x61 ? 0x82 : 0x81;
		t.status = slot_status(&m->slots[b[5]]);
		fail_with(&t, (uint8_t)m->fault_arg);
	} else if (fault != CCID_DEAF) {
		slot_obey(m, b, len, &t, &data);
	}
	t.data = data.data;
	t.len = data.len;
	if (fault == CCID_CHAIN)
		t.chain = (uint8_t)m->fault_arg;
	if (fault == CCID_NO_DATA)
		t.len = 0;
	if (fault == CCID_WRONG_TYPE)
		t.type = t.type == 0x80 ? 0x81 : 0x80;
	if (precede(m, fault, &t))
		tell(m, &t, fault);
	fuda_buf_free(&data);
}

/* What waits for keys goes on once they are pressed. */
static void look_at_keys(struct model *m)
{
	const uint8_t *b = m->pad.held;
	struct message more = { .type = 0x80, .slot = b[5], .seq = b[6], .status = EXTENSION, .error = 1 };

	if (!m->pad.held_len)
		return;
	if (pad_due(m)) {
		m->waiting = false;
		answer(m, b, m->pad.held_len);
		pad_drop(m);
	} else if (pad_asks(m)) {
		tell(m, &more, CCID_FINE);
	}
}

/* ---- as a model ---- */

static int model_out(struct usb_model *usb, const uint8_t *bytes, size_t len)
{
	struct model *m = model_of(usb);

	pthread_mutex_lock(&m->lock);
	if (well_formed(m, bytes, len) && !m->dead) {
		m->commands[bytes[0]]++;
		m->all++;
		if (bytes[0] == 0x69)
			pad_hold(m, bytes, len);
		else
			answer(m, bytes, len);
		look_at_keys(m);
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static ssize_t take_out(struct model *m, uint8_t *ret, size_t max)
{
	uint32_t len;
	size_t n;

	if (!m->out.len)
		return MODEL_NOTHING;
	memcpy(&len, m->out.data, sizeof(len));
	n = MIN(len - m->at, max);
	memcpy(ret, m->out.data + sizeof(len) + m->at, n);
	m->at += n;
	if (m->at == len) {
		m->out.len -= sizeof(len) + len;
		memmove(m->out.data, m->out.data + sizeof(len) + len, m->out.len);
		m->at = 0;
	}
	return (ssize_t)n;
}

static ssize_t model_in(struct usb_model *usb, uint8_t *ret, size_t max)
{
	struct model *m = model_of(usb);
	ssize_t n;

	pthread_mutex_lock(&m->lock);
	look_at_keys(m);
	n = take_out(m, ret, max);
	pthread_mutex_unlock(&m->lock);
	return n;
}

static ssize_t model_interrupt(struct usb_model *usb, uint8_t *ret, size_t max)
{
	struct model *m = model_of(usb);
	ssize_t n = MODEL_NOTHING;

	pthread_mutex_lock(&m->lock);
	if (m->notice && max >= 2) {
		ret[0] = 0x50;
		ret[1] = 0;
		for (unsigned i = 0; i < m->kind->slots; i++) {
			ret[1] |= (uint8_t)((m->slots[i].card ? 1 : 0) << 2 * i);
			ret[1] |= (uint8_t)((m->slots[i].changed ? 2 : 0) << 2 * i);
			m->slots[i].changed = false;
		}
		m->notice = false;
		n = 2;
	}
	pthread_mutex_unlock(&m->lock);
	return n;
}

static ssize_t model_control(struct usb_model *usb, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
			     uint16_t len)
{
	struct model *m = model_of(usb);
	ssize_t n = MODEL_STALL;

	pthread_mutex_lock(&m->lock);
	if (type == 0x21 && request == 1 && m->abort == CCID_REFUSES) {
		n = 0;
	} else if (type == 0x21 && request == 1 && m->abort == CCID_ABORTS) { /* ABORT: slot and number */
		m->aborting = true;
		m->abort_seq = (uint8_t)(value >> 8);
		/* what it was about to do and say falls away, but for what is on its way already */
		pad_drop(m);
		fuda_buf_clear(&m->out);
		m->at = 0;
		n = 0;
	} else if (type == 0xA1 && request == 3 && m->rates_len) {
		n = (ssize_t)MIN(m->rates_len, len);
		memcpy(data, m->rates, (size_t)n);
	}
	pthread_mutex_unlock(&m->lock);
	return n;
}

static void model_free(struct usb_model *usb)
{
	struct model *m = model_of(usb);

	for (int i = 0; i < SLOTS; i++) {
		icc_free(&m->slots[i].icc);
		fuda_buf_free(&m->slots[i].command);
		fuda_buf_free(&m->slots[i].response);
	}
	fuda_buf_free(&m->out);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void describe(struct model *m)
{
	const struct kind *k = m->kind;
	struct usb_interface *f = &m->usb.device.interfaces[0];
	uint8_t *d = f->extra;

	m->usb.device.vendor = k->vendor;
	m->usb.device.product = k->id;
	m->usb.device.release = 0x0510; /* libccid refuses some older firmware */
	m->usb.device.interface_count = 1;
	f->class = k->class;
	f->out = 0x01;
	f->in = 0x82;
	f->out_packet = f->in_packet = 64;
	f->interrupt = k->no_interrupt ? 0 : 0x83;
	f->interrupt_packet = k->no_interrupt ? 0 : 8;
	f->extra_len = 54;
	d[0] = 54;
	d[1] = 0x21;
	d[3] = 0x01; /* bcdCCID 1.00 */
	d[4] = (uint8_t)(k->slots - 1);
	d[5] = k->voltages;
	put_le32(d + 6, k->protocols);
	put_le32(d + 10, k->clock);
	put_le32(d + 14, k->clock);
	put_le32(d + 19, 10752);
	put_le32(d + 23, k->rate);
	put_le32(d + 28, k->ifsd);
	put_le32(d + 40, k->features);
	put_le32(d + 44, k->message);
	d[48] = d[49] = k->class == 0xFF ? 0xFF : 0x00;
	d[50] = (uint8_t)k->display;
	d[51] = (uint8_t)(k->display >> 8);
	d[52] = k->pins;
	d[53] = 1;
}

struct usb_model *ccid_model_new_with(const char *kind, const struct icc_settings *settings)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			m->kind = &kinds[i];
	if (!m->kind) {
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	describe(m);
	m->usb.product = m->kind->product;
	m->usb.serial = m->kind->pins ? "PAD-0001" : "";
	m->pad.by_itself = true;
	m->usb.out = model_out;
	m->usb.in = model_in;
	m->usb.interrupt = m->kind->no_interrupt ? NULL : model_interrupt;
	m->usb.control = model_control;
	m->usb.free = model_free;
	m->out = FUDA_BUF_INIT(16 * 1024 * 1024);
	for (int i = 0; i < SLOTS; i++) {
		m->slots[i].command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
		m->slots[i].response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
		if (m->kind->features & LEVEL_TPDU)
			m->slots[i].icc = icc_new(settings ? settings : &m->kind->card);
	}
	return &m->usb;
}

struct usb_model *ccid_model_new(const char *kind)
{
	return ccid_model_new_with(kind, NULL);
}

void ccid_model_insert_at(struct usb_model *usb, unsigned slot, struct vcard *v)
{
	struct model *m = model_of(usb);
	struct slot *s = &m->slots[slot];

	pthread_mutex_lock(&m->lock);
	if (s->icc)
		icc_insert(s->icc, v);
	if (s->card)
		vcard_power(s->card, false);
	if (v)
		vcard_power(v, false);
	s->card = v;
	s->powered = false;
	s->changed = m->notice = true;
	slot_forget(s);
	pthread_mutex_unlock(&m->lock);
}

void ccid_model_insert(struct usb_model *usb, struct vcard *v)
{
	ccid_model_insert_at(usb, 0, v);
}

struct icc *ccid_model_icc(struct usb_model *usb)
{
	return model_of(usb)->slots[0].icc;
}

void ccid_model_fault(struct usb_model *usb, enum ccid_fault fault, unsigned n, unsigned arg)
{
	struct model *m = model_of(usb);

	pthread_mutex_lock(&m->lock);
	m->fault = fault;
	m->fault_in = n;
	m->fault_arg = arg;
	pthread_mutex_unlock(&m->lock);
}

void ccid_model_abort(struct usb_model *usb, enum ccid_abort abort)
{
	model_of(usb)->abort = abort;
}

void ccid_model_voltage(struct usb_model *usb, unsigned select)
{
	model_of(usb)->voltage = select;
}

void ccid_model_rates(struct usb_model *usb, const uint32_t *rates, size_t count)
{
	struct model *m = model_of(usb);

	for (size_t i = 0; i < count && i < sizeof(m->rates) / 4; i++) {
		put_le32(m->rates + 4 * i, rates[i]);
		m->rates_len = 4 * (i + 1);
	}
}

const char *ccid_model_complaint(struct usb_model *usb)
{
	struct model *m = model_of(usb);
	const char *what;

	pthread_mutex_lock(&m->lock);
	what = m->complaint;
	for (int i = 0; i < SLOTS && !what; i++)
		what = m->slots[i].icc ? icc_complaint(m->slots[i].icc) : NULL;
	pthread_mutex_unlock(&m->lock);
	return what;
}

unsigned long ccid_model_commands(struct usb_model *usb, int type)
{
	struct model *m = model_of(usb);

	return type < 0 ? m->all : m->commands[type & 0xFF];
}
