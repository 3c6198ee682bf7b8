/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/rcs380-model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

enum {
	TRANSFERS_MAX = 1200, /* an answer of the greatest length, byte by byte */
	TRANSFER_MAX = 1100,
	PAYLOAD_MAX = 1001,
	CARD_FRAME_MAX = 290,
	NUMBERS = 0x14, /* of InSetProtocol */
	NO_SUCH_NUMBER = 0x0D,
	PACKET = 64,
};

struct transfer {
	uint8_t bytes[TRANSFER_MAX];
	size_t len, used;
};

struct rcs380 {
	struct usb_model model;
	pthread_mutex_t lock;
	struct picc *picc;
	struct transfer *transfers; /* that wait for the host */
	size_t first, count;
	char complaint[160];
	unsigned long commands[256], acks;
	bool running; /* a command that will have no answer: the host must break it off */
	bool ready; /* SetCommandType came */
	bool field, felica;
	bool have_rf;
	uint8_t rf[4];
	uint8_t protocol[NUMBERS];
	uint32_t have; /* bits of numbers that were set since SetRF */
	enum rcs380_fault fault, always;
	unsigned fault_in, fault_arg, always_arg;
	unsigned wait; /* of the last InCommRF */
	uint8_t late[TRANSFER_MAX];
	size_t late_len;
};

struct answer {
	uint8_t payload[PAYLOAD_MAX];
	size_t len;
};

static const uint8_t ack[] = { 0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00 };
static const uint8_t error_frame[] = { 0x00, 0x00, 0xFF, 0xFF, 0xFF };

static void complain(struct rcs380 *d, const char *what, unsigned number)
{
	if (!d->complaint[0])
		snprintf(d->complaint, sizeof(d->complaint), "%s (%02X)", what, number);
}

/* ---- what the device says ---- */

static void say(struct rcs380 *d, const uint8_t *bytes, size_t len)
{
	struct transfer *t = &d->transfers[d->first + d->count];

	if (d->first + d->count == TRANSFERS_MAX)
		return;
	memcpy(t->bytes, bytes, len);
	t->len = len;
	t->used = 0;
	d->count++;
}

static void be_quiet(struct rcs380 *d)
{
	d->first = d->count = 0;
	d->running = false;
}

/* The frame of an answer. */
static size_t frame(uint8_t *ret, uint8_t side, uint8_t code, const struct answer *a)
{
	size_t n = a->len + 2;
	uint8_t *p = ret, sum = 0;

	memcpy(p, error_frame, sizeof(error_frame));
	p += sizeof(error_frame);
	*p++ = (uint8_t)n;
	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)(0 - (n & 0xFF) - (n >> 8));
	*p++ = side;
	*p++ = code;
	memcpy(p, a->payload, a->len);
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + p[(ptrdiff_t)i - 2]);
	p += a->len;
	*p++ = (uint8_t)(0 - sum);
	*p++ = 0x00;
	return (size_t)(p - ret);
}

/* ---- the air ---- */

static bool is(const struct rcs380 *d, uint8_t number, uint8_t value)
{
	return d->protocol[number] == value;
}

/* Whether the settings are those of this technology, but for what changes while type A is activated. */
static bool settings_are(const struct rcs380 *d, const uint8_t rf[4], uint8_t guard, uint8_t sof, uint8_t parity)
{
	static const uint8_t zero[] = { 0x03, 0x06, 0x08, 0x0F, 0x10, 0x11, 0x12 };

	for (size_t i = 0; i < sizeof(zero); i++)
		if (!is(d, zero[i], 0))
			return false;
	return memcmp(d->rf, rf, 4) == 0 && is(d, 0x00, guard) && is(d, 0x05, parity) && is(d, 0x09, sof) &&
	       is(d, 0x0A, sof) && is(d, 0x0B, sof) && is(d, 0x0C, sof) && is(d, 0x0E, 4) && is(d, 0x13, 6);
}

/* Whether this frame can be sent so: type A's first is short, its anticollision without CRC. */
static bool frame_fits_a(const struct rcs380 *d, const uint8_t *bytes, size_t len)
{
	bool is_short = is(d, 0x07, 7), crc = is(d, 0x01, 1);

	if (!is(d, 0x02, crc) || !is(d, 0x04, !is_short))
		return false;
	if (is_short)
		return len == 1 && !crc;
	return is(d, 0x07, 8) && crc == !(len == 2 && bytes[1] == 0x20);
}

static bool frame_fits_b(const struct rcs380 *d)
{
	return is(d, 0x01, 1) && is(d, 0x02, 1) && is(d, 0x04, 0) && is(d, 0x07, 8);
}

static void say_status(struct answer *a, uint32_t status)
{
	for (int i = 0; i < 4; i++)
		a->payload[a->len++] = (uint8_t)(status >> 8 * i);
}

static void say_frame(struct answer *a, const uint8_t *bytes, size_t len)
{
	say_status(a, 0);
	a->payload[a->len++] = 8;
	memcpy(a->payload + a->len, bytes, len);
	a->len += len;
}

static void meet_card(struct rcs380 *d, bool type_a, const uint8_t *bytes, size_t len, struct answer *a)
{
	struct fuda_buf answer = FUDA_BUF_INIT(CARD_FRAME_MAX);

	switch (picc_frame(d->picc, type_a, bytes, len, d->protocol[0x07], &answer)) {
	case PICC_SILENT:
		say_status(a, 0x80);
		break;
	case PICC_ANSWERED:
		if (picc_took_us(d->picc) > d->wait * 100)
			say_status(a, 0x80);
		else
			say_frame(a, answer.data, answer.len);
		break;
	case PICC_DAMAGED:
		say_status(a, 0x04);
	}
	fuda_buf_free(&answer);
}

static void in_comm_rf(struct rcs380 *d, const uint8_t *p, size_t len, struct answer *a)
{
	static const uint8_t rf_a[] = { 2, 3, 15, 3 }, rf_b[] = { 3, 7, 15, 7 }, rf_f[] = { 1, 1, 15, 1 };
	static const uint8_t sensf[18] = { 18, 0x01, 0x01, 0x02, 0x03, 0x04 };

	if (!d->have_rf || d->have != ((1u << NUMBERS) - 1 - (1u << NO_SUCH_NUMBER)))
		complain(d, "InCommRF without settings", d->have);
	if (len < 3 || len - 2 > CARD_FRAME_MAX || (!p[0] && !p[1])) {
		complain(d, "InCommRF with a bad length or no time", (unsigned)len);
		say_status(a, 1);
		return;
	}
	if (!d->field)
		picc_field(d->picc, true);
	d->field = true;
	d->wait = p[0] | (unsigned)p[1] << 8;
	p += 2;
	len -= 2;
	if (settings_are(d, rf_b, 20, 1, 0) && frame_fits_b(d)) {
		meet_card(d, false, p, len, a);
	} else if (settings_are(d, rf_a, 6, 0, 1) && frame_fits_a(d, p, len)) {
		meet_card(d, true, p, len, a);
	} else if (settings_are(d, rf_f, 24, 0, 0) && frame_fits_b(d)) {
		if (d->felica)
			say_frame(a, sensf, sizeof(sensf));
		else
			say_status(a, 0x80);
	} else {
		complain(d, "InCommRF with the settings of something else; frame", p[0]);
		say_status(a, 0x80);
	}
}

/* ---- commands ---- */

static void ok(struct answer *a)
{
	a->payload[a->len++] = 0;
}

static void in_set_rf(struct rcs380 *d, const uint8_t *p, size_t len, struct answer *a)
{
	if (len != 4)
		complain(d, "InSetRF with a bad length", (unsigned)len);
	memcpy(d->rf, p, MIN(len, 4));
	d->have_rf = true;
	d->have = 0;
	ok(a);
}

static void in_set_protocol(struct rcs380 *d, const uint8_t *p, size_t len, struct answer *a)
{
	if (!len || len % 2)
		complain(d, "InSetProtocol with a bad length", (unsigned)len);
	for (size_t i = 0; i + 1 < len; i += 2) {
		if (p[i] >= NUMBERS || p[i] == NO_SUCH_NUMBER) {
			complain(d, "InSetProtocol with a bad number", p[i]);
			continue;
		}
		d->protocol[p[i]] = p[i + 1];
		d->have |= 1u << p[i];
	}
	ok(a);
}

static void switch_rf(struct rcs380 *d, const uint8_t *p, size_t len, struct answer *a)
{
	if (len != 1 || p[0] > 1)
		complain(d, "SwitchRF with bad parameters", (unsigned)len);
	d->field = len && p[0];
	picc_field(d->picc, d->field);
	ok(a);
}

static void set_command_type(struct rcs380 *d, const uint8_t *p, size_t len, struct answer *a)
{
	if (len != 1 || p[0] != 1)
		complain(d, "SetCommandType with bad parameters", (unsigned)len);
	d->ready = true;
	ok(a);
}

static void version(struct rcs380 *d, const uint8_t *p, size_t len, struct answer *a)
{
	(void)p;
	if (len)
		complain(d, "a version asked for with parameters", (unsigned)len);
	a->payload[a->len++] = 0x11;
	a->payload[a->len++] = 0x01;
}

static const struct {
	uint8_t code;
	void (*run)(struct rcs380 *d, const uint8_t *p, size_t len, struct answer *a);
} handlers[] = {
	{ 0x00, in_set_rf }, { 0x02, in_set_protocol }, { 0x04, in_comm_rf },	   { 0x06, switch_rf },
	{ 0x20, version },   { 0x22, version },		{ 0x2A, set_command_type },
};

static bool run(struct rcs380 *d, uint8_t code, const uint8_t *p, size_t len, struct answer *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (handlers[i].code != code)
			continue;
		if (code < 0x20 && !d->ready)
			complain(d, "used before SetCommandType", code);
		handlers[i].run(d, p, len, a);
		return true;
	}
	complain(d, "unknown command", code);
	return false;
}

/* ---- faults ---- */

static enum rcs380_fault next_fault(struct rcs380 *d, unsigned *ret_arg)
{
	*ret_arg = d->always_arg;
	if (!d->fault_in || --d->fault_in)
		return d->always;
	*ret_arg = d->fault_arg;
	return d->fault;
}

static void change_payload(struct answer *a, enum rcs380_fault fault, unsigned arg, bool air)
{
	if (fault == RCS380_CUT)
		a->len = MIN(a->len, arg);
	if (fault == RCS380_PADDED) {
		size_t n = MIN((size_t)arg, PAYLOAD_MAX - a->len);

		memset(a->payload + a->len, 0xAA, n);
		a->len += n;
	}
	if (fault == RCS380_STATUS) {
		a->len = 0;
		if (air)
			say_status(a, arg);
		else
			a->payload[a->len++] = (uint8_t)arg;
	}
}

static size_t change_frame(uint8_t *f, size_t len, enum rcs380_fault fault, unsigned arg)
{
	switch (fault) {
	case RCS380_BAD_START:
		f[1] = 0xFF;
		break;
	case RCS380_BAD_LENGTH:
		f[7] ^= 0x01;
		break;
	case RCS380_BAD_DATA:
		f[len - 2] ^= 0x80;
		break;
	case RCS380_BAD_END:
		f[len - 1] = 0x01;
		break;
	case RCS380_LENGTH:
		f[5] = (uint8_t)arg;
		f[6] = (uint8_t)(arg >> 8);
		f[7] = (uint8_t)(0 - f[5] - f[6]);
		break;
	case RCS380_ENDS_EARLY:
		return MIN(len, arg);
	case RCS380_TRAILING:
		memset(f + len, 0x55, arg);
		return len + arg;
	default:
		break;
	}
	return len;
}

static void say_in_pieces(struct rcs380 *d, const uint8_t *bytes, size_t len, size_t piece)
{
	for (size_t at = 0; at < len; at += piece)
		say(d, bytes + at, MIN(piece, len - at));
}

/* What comes before the answer. */
static void say_ack(struct rcs380 *d, enum rcs380_fault fault, unsigned arg)
{
	static const uint8_t stale[] = { 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x08, 0x00, 0xF8, 0xD7, 0x05,
					 0x00, 0x00, 0x00, 0x00, 0x08, 0x02, 0x1A, 0x00 };
	int n = fault == RCS380_STALE_FOREVER || fault == RCS380_EMPTY_FOREVER ? 100 : 1;

	for (int i = 0; i < n; i++) {
		if (fault == RCS380_STALE || fault == RCS380_STALE_FOREVER)
			say(d, stale, sizeof(stale));
		if (fault == RCS380_EMPTY || fault == RCS380_EMPTY_FOREVER)
			say(d, stale, 0);
	}
	if (fault == RCS380_ERROR_FRAME)
		say(d, error_frame, sizeof(error_frame));
	else if (fault == RCS380_SPLIT)
		say_in_pieces(d, ack, sizeof(ack), arg);
	else if (fault != RCS380_NO_ACK && fault != RCS380_TOGETHER)
		say(d, ack, sizeof(ack));
	if (fault == RCS380_ACK_TWICE)
		say(d, ack, sizeof(ack));
}

static void say_answer(struct rcs380 *d, enum rcs380_fault fault, unsigned arg, const uint8_t *f, size_t len)
{
	uint8_t both[sizeof(ack) + TRANSFER_MAX];

	switch (fault) {
	case RCS380_ERROR_ANSWER:
		say(d, error_frame, sizeof(error_frame));
		return;
	case RCS380_SPLIT:
		say_in_pieces(d, f, len, arg);
		return;
	case RCS380_TOGETHER:
		memcpy(both, ack, sizeof(ack));
		memcpy(both + sizeof(ack), f, len);
		say(d, both, sizeof(ack) + len);
		return;
	case RCS380_LATE:
		memcpy(d->late, f, len);
		d->late_len = len;
		return;
	case RCS380_NO_ANSWER:
	case RCS380_ERROR_FRAME:
		return;
	default:
		say(d, f, len);
	}
}

/* ---- transfers ---- */

/* The data of a frame from the host, or NULL. */
static const uint8_t *unwrap(struct rcs380 *d, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	uint8_t sum = 0;
	size_t n;

	if (len < 12 || memcmp(bytes, error_frame, sizeof(error_frame)) != 0) {
		complain(d, "no frame", (unsigned)len);
		return NULL;
	}
	n = bytes[5] | (size_t)bytes[6] << 8;
	if (n != len - 10 || (uint8_t)(bytes[5] + bytes[6] + bytes[7]) != 0 || n > PAYLOAD_MAX + 2) {
		complain(d, "a frame with a bad length", (unsigned)n);
		return NULL;
	}
	for (size_t i = 8; i < len - 1; i++)
		sum = (uint8_t)(sum + bytes[i]);
	if (sum || bytes[len - 1] || bytes[8] != 0xD6) {
		complain(d, "a frame with bad data", sum);
		return NULL;
	}
	*ret_len = n;
	return bytes + 8;
}

static void obey(struct rcs380 *d, const uint8_t *data, size_t len)
{
	struct answer a = { .len = 0 };
	uint8_t f[TRANSFER_MAX], code = data[1];
	unsigned arg;
	enum rcs380_fault fault = next_fault(d, &arg);
	size_t n;

	d->commands[code]++;
	d->running = fault == RCS380_DEAF || fault == RCS380_NO_ANSWER || fault == RCS380_LATE;
	if (fault == RCS380_DEAF)
		return;
	if (!run(d, code, data + 2, len - 2, &a)) {
		say(d, error_frame, sizeof(error_frame));
		return;
	}
	change_payload(&a, fault, arg, code == 0x04);
	n = frame(f, fault == RCS380_WRONG_SIDE ? 0xD6 : 0xD7, (uint8_t)(code + (fault == RCS380_WRONG_CODE ? 3 : 1)),
		  &a);
	n = change_frame(f, n, fault, arg);
	say_ack(d, fault, arg);
	say_answer(d, fault, arg, f, n);
}

static void hear(struct rcs380 *d, const uint8_t *bytes, size_t len)
{
	const uint8_t *data;
	size_t n;

	if (len == sizeof(ack) && memcmp(bytes, ack, len) == 0) {
		d->acks++;
		be_quiet(d);
		if (d->late_len)
			say(d, d->late, d->late_len);
		d->late_len = 0;
		return;
	}
	if (len % PACKET == 0 && !d->model.empty_packet)
		complain(d, "a frame of whole packets that does not end", (unsigned)(len / PACKET));
	data = unwrap(d, bytes, len, &n);
	if (d->running || d->count)
		complain(d, "a command before the answer to the last", data ? data[1] : 0);
	be_quiet(d);
	if (data)
		obey(d, data, n);
	else
		say(d, error_frame, sizeof(error_frame));
}

static int model_out(struct usb_model *m, const uint8_t *bytes, size_t len)
{
	struct rcs380 *d = (struct rcs380 *)m;

	pthread_mutex_lock(&d->lock);
	hear(d, bytes, len);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static ssize_t model_in(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct rcs380 *d = (struct rcs380 *)m;
	ssize_t n = MODEL_NOTHING;

	pthread_mutex_lock(&d->lock);
	if (d->count) {
		struct transfer *t = &d->transfers[d->first];

		n = (ssize_t)MIN(max, t->len - t->used);
		memcpy(ret, t->bytes + t->used, (size_t)n);
		t->used += (size_t)n;
		if (t->used == t->len) {
			d->first++;
			d->count--;
		}
	}
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* ---- for tests ---- */

static void model_free(struct usb_model *m)
{
	struct rcs380 *d = (struct rcs380 *)m;

	picc_free(&d->picc);
	pthread_mutex_destroy(&d->lock);
	free(d->transfers);
	free(d);
}

struct usb_model *rcs380_model_new_with(const struct picc_settings *settings)
{
	struct rcs380 *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->model = (struct usb_model){
		.device = { .vendor = 0x054C,
			    .product = 0x06C3,
			    .release = 0x0111,
			    .interfaces = { { .class = 0xFF,
					      .out = 0x02,
					      .in = 0x81,
					      .out_packet = 64,
					      .in_packet = 64 } },
			    .interface_count = 1 },
		.product = "RC-S380/P",
		.serial = "0123456",
		.kernel_driver = "port100",
		.out = model_out,
		.in = model_in,
		.free = model_free,
	};
	pthread_mutex_init(&d->lock, NULL);
	d->transfers = calloc(TRANSFERS_MAX, sizeof(*d->transfers));
	d->picc = picc_new(settings);
	if (!d->transfers || !d->picc)
		abort();
	return &d->model;
}

struct usb_model *rcs380_model_new(void)
{
	return rcs380_model_new_with(NULL);
}

void rcs380_model_insert(struct usb_model *m, struct vcard *v)
{
	struct rcs380 *d = (struct rcs380 *)m;

	pthread_mutex_lock(&d->lock);
	picc_insert(d->picc, v);
	pthread_mutex_unlock(&d->lock);
}

struct picc *rcs380_model_picc(struct usb_model *m)
{
	return ((struct rcs380 *)m)->picc;
}

void rcs380_model_felica(struct usb_model *m, bool there)
{
	((struct rcs380 *)m)->felica = there;
}

void rcs380_model_fault(struct usb_model *m, enum rcs380_fault fault, unsigned n, unsigned arg)
{
	struct rcs380 *d = (struct rcs380 *)m;

	pthread_mutex_lock(&d->lock);
	d->fault = fault;
	d->fault_in = n;
	d->fault_arg = arg;
	pthread_mutex_unlock(&d->lock);
}

void rcs380_model_always(struct usb_model *m, enum rcs380_fault fault, unsigned arg)
{
	struct rcs380 *d = (struct rcs380 *)m;

	pthread_mutex_lock(&d->lock);
	d->always = fault;
	d->always_arg = arg;
	pthread_mutex_unlock(&d->lock);
}

const char *rcs380_model_complaint(struct usb_model *m)
{
	struct rcs380 *d = (struct rcs380 *)m;

	return d->complaint[0] ? d->complaint : NULL;
}

unsigned long rcs380_model_commands(struct usb_model *m, int code)
{
	struct rcs380 *d = (struct rcs380 *)m;
	unsigned long n = 0;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < 256; i++)
		if (code < 0 || code == i)
			n += d->commands[i];
	pthread_mutex_unlock(&d->lock);
	return n;
}

unsigned rcs380_model_wait(struct usb_model *m)
{
	return ((struct rcs380 *)m)->wait;
}

unsigned long rcs380_model_acks(struct usb_model *m)
{
	struct rcs380 *d = (struct rcs380 *)m;
	unsigned long acks;

	pthread_mutex_lock(&d->lock);
	acks = d->acks;
	pthread_mutex_unlock(&d->lock);
	return acks;
}

bool rcs380_model_field(struct usb_model *m)
{
	struct rcs380 *d = (struct rcs380 *)m;
	bool field;

	pthread_mutex_lock(&d->lock);
	field = d->field;
	pthread_mutex_unlock(&d->lock);
	return field;
}
