/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pn532.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/util.h"

enum {
	FROM_HOST = 0xD4,
	TO_HOST = 0xD5,
	DATA_MAX = 265,	 /* of an extended frame: TFI, code and 263 more */
	NORMAL_MAX = 255,
	RECEIVED_MAX = 2048,
	CHUNK = 262,	 /* of a response, in one answer */
	RESPONSE_MAX = 65538,
	STATUS_TIMEOUT = 0x01,
	STATUS_CRC = 0x02,
	STATUS_NOT_NOW = 0x27,
	STATUS_RELEASED = 0x29,
	STATUS_NAD = 0x80,
	STATUS_MORE = 0x40,
	FIELD = 0x01,	   /* RFConfiguration items */
	MAX_RETRIES = 0x05,
	FOREVER = 0xFF,
	TYPE_A = 0x00, /* BrTy of InListPassiveTarget */
	TYPE_B = 0x03,
	IN_DATA_EXCHANGE = 0x40,
};

struct pn532 {
	int master, slave, stop;
	char path[64];
	pthread_t thread;
	pthread_mutex_t lock;

	uint8_t in[RECEIVED_MAX];
	size_t in_len;
	bool awake, field, patient; /* calls cards for ever */
	uint8_t registers[0x10000];

	struct vcard *card;
	bool active, halted;
	uint8_t pupi; /* the part that changes */
	enum pn532_kind kind;
	uint8_t rest[RESPONSE_MAX]; /* of a response */
	size_t rest_at, rest_len;

	enum pn532_fault fault;
	int fault_code;
	unsigned fault_in;
	void (*on_fault)(void);
	struct pn532_counts counts;
};

struct answer {
	uint8_t bytes[DATA_MAX - 2];
	size_t len;
	bool none; /* the chip goes on waiting for a card */
};

static void violation(struct pn532 *p, const char *what, unsigned detail)
{
	if (!p->counts.violation[0])
		snprintf(p->counts.violation, sizeof(p->counts.violation), "%s (%02X)", what, detail);
}

static void add(struct answer *a, const void *bytes, size_t len)
{
	if (len > sizeof(a->bytes) - a->len)
		abort();
	memcpy(a->bytes + a->len, bytes, len);
	a->len += len;
}

static void add_byte(struct answer *a, uint8_t byte)
{
	add(a, &byte, 1);
}

/* ---- the card ---- */

static void lose_power(struct pn532 *p)
{
	if (p->card)
		vcard_power(p->card, false);
	p->active = p->halted = false;
	p->rest_len = 0;
}

static bool answers_call(const struct pn532 *p, uint8_t type)
{
	bool is_a = p->kind == PN532_A || p->kind == PN532_A_PLAIN || p->kind == PN532_A_BAD_ATS;

	/* a card in the middle of things does not hear the call */
	return p->card && !p->active && type == (is_a ? TYPE_A : TYPE_B) &&
	       !(p->halted && p->kind == PN532_B_DEAF);
}

static void activate(struct pn532 *p)
{
	if (p->halted) {
		vcard_reset(p->card);
	} else if (!vcard_powered(p->card)) {
		vcard_power(p->card, true);
		p->pupi++; /* a new one each time that it gets power */
	}
	p->active = true;
	p->halted = false;
}

/* What the real card says of itself (readers.md A2). */
static void add_b(const struct pn532 *p, struct answer *a)
{
	const uint8_t pupi[] = { 0x50, 0x12, 0x34, 0x56, p->pupi };
	const uint8_t rest[] = { 0x00, 0x00, 0x05, 0xE0, 0xB3, 0x81, 0xA1 };

	add(a, pupi, sizeof(pupi));
	add(a, rest, sizeof(rest));
	if (p->kind == PN532_B_PLAIN)
		a->bytes[a->len - 2] &= 0xFE;
	add(a, "\x01\x01", 2); /* the answer to ATTRIB: the chip gives CID 1 */
}

static void add_a(const struct pn532 *p, struct answer *a)
{
	const uint8_t plain[] = { 0x04, 0x00, 0x08, 4, 0x08, 0x12, 0x34, p->pupi };
	const uint8_t smart[] = { 0x00, 0x04, 0x20, 4, 0x08, 0x12, 0x34, p->pupi };

	add(a, p->kind == PN532_A_PLAIN ? plain : smart, sizeof(plain));
	if (p->kind == PN532_A)
		add(a, "\x07\x78\x77\x81\x02JP", 7);
	if (p->kind == PN532_A_BAD_ATS)
		add(a, "\x03\x78\x77", 3); /* TC1 is announced and missing */
}

/* ---- commands: each gets what follows its code ---- */

static void diagnose(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	if (in[0] == 0x00)
		add(a, in, len); /* says it again */
	else
		add_byte(a, in[0] == 0x06 && p->active ? 0x00 : STATUS_TIMEOUT);
}

static void get_firmware_version(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)p, (void)in, (void)len;
	add(a, "\x32\x01\x06\x07", 4);
}

static void read_register(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	if (len % 2)
		violation(p, "half an address to read", (unsigned)len);
	for (size_t i = 0; i + 1 < len; i += 2)
		add_byte(a, p->registers[in[i] << 8 | in[i + 1]]);
}

static void write_register(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)a;
	if (len % 3)
		violation(p, "half an address to write", (unsigned)len);
	for (size_t i = 0; i + 2 < len; i += 3)
		p->registers[in[i] << 8 | in[i + 1]] = in[i + 2];
}

static void nothing_to_say(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)p, (void)in, (void)len, (void)a;
}

static void power_down(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)in, (void)len;
	p->awake = p->field = false;
	lose_power(p);
	add_byte(a, 0x00);
}

static void rf_configuration(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)a;
	if (in[0] == FIELD) {
		p->field = in[1] & 1;
		if (!p->field)
			lose_power(p);
	}
	if (in[0] == MAX_RETRIES) {
		if (len == 4)
			p->patient = in[3] == FOREVER;
		else
			violation(p, "retries", (unsigned)len);
	}
}

static void in_list_passive_target(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	static const size_t lengths[] = { 2, 7, 7, 3, 2 }; /* by BrTy: A, FeliCa twice, B, Jewel */

	if (in[1] >= ARRAY_SIZE(lengths) || len != lengths[in[1]])
		violation(p, "a call for cards", in[1]);
	p->field = true;
	if (!answers_call(p, in[1])) {
		a->none = p->patient;
		add_byte(a, 0);
		return;
	}
	activate(p);
	add(a, "\x01\x01", 2); /* one, the first */
	if (in[1] == TYPE_B)
		add_b(p, a);
	else
		add_a(p, a);
}

static void let_go(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)in, (void)len;
	p->halted |= p->active;
	p->active = false;
	add_byte(a, 0x00);
}

static void in_communicate_thru(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)p, (void)in, (void)len;
	add_byte(a, STATUS_TIMEOUT); /* no card here speaks so */
}

/* As much as there is room for. */
static void add_response(struct pn532 *p, struct answer *a)
{
	size_t n = MIN(p->rest_len - p->rest_at, CHUNK);
	bool more = p->rest_at + n < p->rest_len;

	a->len = 0;
	add_byte(a, more ? STATUS_MORE : 0x00);
	add(a, p->rest + p->rest_at, n);
	p->rest_at += n;
	if (!more)
		p->rest_at = p->rest_len = 0;
}

static void count_exchange(struct pn532 *p, const uint8_t *apdu, size_t len)
{
	p->counts.exchanges++;
	p->counts.longest = MAX(p->counts.longest, len);
	p->counts.verifies += len > 5 && apdu[1] == 0x20;
}

static void in_data_exchange(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	struct fuda_buf response = FUDA_BUF_INIT(sizeof(p->rest));
	int r;

	if (in[0] != 0x01)
		violation(p, "a target that is not there", in[0]);
	if (len == 1 && p->rest_len) {
		add_response(p, a);
		return;
	}
	if (!p->active) {
		add_byte(a, p->card ? STATUS_NOT_NOW : STATUS_TIMEOUT);
		return;
	}
	r = vcard_transmit(p->card, in + 1, len - 1, &response);
	if (r == 0) {
		memcpy(p->rest, response.data, response.len);
		p->rest_len = response.len;
		p->rest_at = 0;
		add_response(p, a);
	} else {
		add_byte(a, STATUS_TIMEOUT); /* it waits in vain as long as the card said it may take */
	}
	fuda_buf_free(&response);
}

static const struct {
	uint8_t code;
	size_t least, most; /* bytes that follow */
	void (*run)(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a);
} commands[] = {
	{ 0x00, 1, 263, diagnose },
	{ 0x02, 0, 0, get_firmware_version },
	{ 0x06, 2, 262, read_register },
	{ 0x08, 3, 261, write_register },
	{ 0x12, 1, 1, nothing_to_say }, /* SetParameters */
	{ 0x14, 1, 3, nothing_to_say }, /* SAMConfiguration */
	{ 0x16, 1, 2, power_down },
	{ 0x32, 2, 12, rf_configuration },
	{ IN_DATA_EXCHANGE, 1, 263, in_data_exchange },
	{ 0x42, 0, 263, in_communicate_thru },
	{ 0x44, 1, 1, let_go }, /* InDeselect */
	{ 0x4A, 2, 14, in_list_passive_target },
	{ 0x52, 1, 1, let_go }, /* InRelease */
};

/* ---- frames ---- */

static void put(struct pn532 *p, const void *bytes, size_t len)
{
	if (write(p->master, bytes, len) != (ssize_t)len)
		violation(p, "nobody takes the answer", (unsigned)len);
}

#define PUT(p, text) put(p, text, sizeof(text) - 1)
#define ACK_FRAME    "\x00\x00\xFF\x00\xFF\x00"
#define NACK_FRAME   "\x00\x00\xFF\xFF\x00\x00"
#define ERROR_FRAME  "\x00\x00\xFF\x01\xFF\x7F\x81\x00"

/* Returns the length. */
static size_t frame(uint8_t code, const struct answer *a, uint8_t ret[DATA_MAX + 16])
{
	size_t data = a->len + 2, n = 3;
	uint8_t sum = 0;

	memcpy(ret, "\x00\x00\xFF", 3);
	if (data > NORMAL_MAX) {
		ret[n++] = 0xFF;
		ret[n++] = 0xFF;
		ret[n++] = (uint8_t)(data >> 8);
		ret[n++] = (uint8_t)data;
		ret[n] = (uint8_t)-(ret[n - 1] + ret[n - 2]);
		n++;
	} else {
		ret[n++] = (uint8_t)data;
		ret[n++] = (uint8_t)-data;
	}
	ret[n++] = TO_HOST;
	ret[n++] = (uint8_t)(code + 1);
	memcpy(ret + n, a->bytes, a->len);
	n += a->len;
	for (size_t i = n - data; i < n; i++)
		sum += ret[i];
	ret[n++] = (uint8_t)-sum;
	ret[n++] = 0x00;
	return n;
}

static void put_answer(struct pn532 *p, uint8_t code, const struct answer *a, enum pn532_fault fault)
{
	uint8_t bytes[DATA_MAX + 16];
	size_t len = frame(code, a, bytes);

	switch (fault) {
	case PN532_BAD_SUM:
		bytes[len - 2] ^= 0x01;
		break;
	case PN532_BAD_LENGTH:
		bytes[4] ^= 0x40;
		break;
	case PN532_BAD_START:
		bytes[2] = 0xFE;
		break;
	case PN532_BAD_CODE: /* the sum is right again */
		bytes[len - a->len - 3]++;
		bytes[len - 2]--;
		break;
	case PN532_BAD_END:
		bytes[len - 1] = 0x01;
		break;
	case PN532_CUT:
		len /= 2;
		break;
	default:
		break;
	}
	put(p, bytes, len);
}

/* ---- faults ---- */

static enum pn532_fault next_fault(struct pn532 *p, uint8_t code)
{
	enum pn532_fault fault = p->fault;

	if (fault == PN532_FINE || (p->fault_code >= 0 && p->fault_code != code) || --p->fault_in)
		return PN532_FINE;
	p->fault = PN532_FINE;
	p->counts.faults++;
	if (p->on_fault)
		p->on_fault();
	return fault;
}

/* What is seen in the answer to InDataExchange. The status stands first. */
static void spoil(enum pn532_fault fault, struct answer *a)
{
	static const uint8_t statuses[PN532_FAULTS] = {
		[PN532_LOST] = STATUS_TIMEOUT, [PN532_UNHEARD] = STATUS_TIMEOUT, [PN532_CRC] = STATUS_CRC,
		[PN532_RELEASED] = STATUS_RELEASED, [PN532_NAD] = STATUS_NAD, [PN532_ODD_STATUS] = 0x3F,
	};

	if (statuses[fault]) {
		a->len = 0;
		add_byte(a, statuses[fault]);
	} else if (fault == PN532_ONE_BYTE) {
		a->len = 2;
	} else if (fault == PN532_LONG || fault == PN532_ENDLESS) {
		memset(a->bytes, 0, 261);
		a->bytes[0] = fault == PN532_ENDLESS ? STATUS_MORE : 0x00;
		a->len = 261;
	} else if (fault == PN532_EMPTY_ANSWER) {
		a->len = 0;
	}
}

/* Whether it comes to be carried out. */
static bool begin_fault(struct pn532 *p, enum pn532_fault fault)
{
	switch (fault) {
	case PN532_DEAD:
		return false;
	case PN532_NACK:
		PUT(p, NACK_FRAME);
		return false;
	case PN532_SILENT:
		PUT(p, ACK_FRAME);
		return false;
	case PN532_ERROR_FRAME:
		PUT(p, ACK_FRAME);
		PUT(p, ERROR_FRAME);
		return false;
	case PN532_NOISE:
		PUT(p, ACK_FRAME);
		PUT(p, "\x55\xAA\x55\xAA\x00\x00\x55\xAA\xFF\x00\xFF");
		return false;
	default:
		PUT(p, ACK_FRAME);
		return true;
	}
}

/* ---- the chip ---- */

static void carry_out(struct pn532 *p, const uint8_t *data, size_t len)
{
	struct answer a = { .len = 0 };
	enum pn532_fault fault;
	size_t i = 0;

	p->counts.commands++;
	while (i < ARRAY_SIZE(commands) && commands[i].code != data[0])
		i++;
	if (i == ARRAY_SIZE(commands) || len - 1 < commands[i].least || len - 1 > commands[i].most) {
		violation(p, "a command that is none", data[0]);
		PUT(p, ACK_FRAME ERROR_FRAME);
		return;
	}
	if (data[0] == IN_DATA_EXCHANGE && len > 2)
		count_exchange(p, data + 2, len - 2);
	fault = next_fault(p, data[0]);
	if (!begin_fault(p, fault))
		return;
	if (fault != PN532_LOST && fault != PN532_RELEASED)
		commands[i].run(p, data + 1, len - 1, &a);
	spoil(fault, &a);
	if (fault != PN532_STUCK && !a.none)
		put_answer(p, data[0], &a, fault);
	if (fault == PN532_ENDLESS) { /* and so for the rest of it */
		p->fault = fault;
		p->fault_in = 1;
	}
}

static uint8_t sum_of(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	while (len)
		sum += bytes[--len];
	return sum;
}

/* A frame at the beginning of what was received: its length, 0 if more must come, -1 if it is none. */
static ssize_t take_frame(struct pn532 *p)
{
	const uint8_t *b = p->in;
	size_t head = 5, len;

	if (p->in_len < 5)
		return 0;
	if ((b[3] == 0x00 && b[4] == 0xFF) || (b[3] == 0xFF && b[4] == 0x00)) /* ACK: stop what you do; NACK */
		return p->in_len < 6 ? 0 : 6;
	if (b[3] == 0xFF && b[4] == 0xFF) {
		if (p->in_len < 8)
			return 0;
		head = 8;
		len = (size_t)(b[5] << 8 | b[6]);
		if (sum_of(b + 5, 3) || len <= NORMAL_MAX || len > DATA_MAX)
			return -1;
	} else {
		len = b[3];
		if (sum_of(b + 3, 2))
			return -1;
	}
	if (p->in_len < head + len + 2)
		return 0;
	if (len < 2 || b[head] != FROM_HOST || sum_of(b + head, len + 1) || b[head + len + 1] != 0x00)
		return -1;
	if (!p->awake)
		violation(p, "a command in its sleep", b[head + 1]);
	carry_out(p, b + head + 1, len - 1);
	return (ssize_t)(head + len + 2);
}

static void drop(struct pn532 *p, size_t n)
{
	p->in_len -= n;
	memmove(p->in, p->in + n, p->in_len);
}

/* 55 wakes it; zeros may stand before a frame. */
static void digest(struct pn532 *p)
{
	while (p->in_len) {
		ssize_t n;

		if (p->in[0] == 0x55) {
			p->awake = true;
			drop(p, 1);
			continue;
		}
		if (p->in_len < 3 && p->in[0] == 0x00)
			return;
		if (p->in[0] == 0x00 && p->in[1] == 0x00 && p->in[2] == 0xFF) {
			n = take_frame(p);
			if (n == 0)
				return;
			if (n < 0)
				violation(p, "a frame that is none", p->in[3]);
			drop(p, n < 0 ? p->in_len : (size_t)n);
			continue;
		}
		if (p->in[0] != 0x00)
			violation(p, "a byte outside of a frame", p->in[0]);
		drop(p, 1);
	}
}

static void *play(void *arg)
{
	struct pn532 *p = arg;
	struct pollfd fds[] = { { .fd = p->master, .events = POLLIN }, { .fd = p->stop, .events = POLLIN } };

	while (poll(fds, ARRAY_SIZE(fds), -1) >= 0 || errno == EINTR) {
		ssize_t n;

		if (fds[1].revents)
			break;
		pthread_mutex_lock(&p->lock);
		n = read(p->master, p->in + p->in_len, sizeof(p->in) - p->in_len);
		if (n > 0) {
			p->in_len += (size_t)n;
			digest(p);
		}
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

/* ---- from outside ---- */

static bool open_terminal(struct pn532 *p)
{
	struct termios t;

	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0 ||
	    ptsname_r(p->master, p->path, sizeof(p->path)) != 0)
		return false;
	/* kept open, so that it has settings while no program uses it, as a serial port has */
	p->slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->slave < 0 || tcgetattr(p->slave, &t) < 0)
		return false;
	cfmakeraw(&t);
	return tcsetattr(p->slave, TCSANOW, &t) == 0;
}

struct pn532 *pn532_new(void)
{
	struct pn532 *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->master = p->slave = -1;
	p->stop = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&p->lock, NULL);
	if (p->stop >= 0 && open_terminal(p) && pthread_create(&p->thread, NULL, play, p) == 0)
		return p;
	close(p->master);
	close(p->slave);
	close(p->stop);
	free(p);
	return NULL;
}

void pn532_free(struct pn532 **p)
{
	static const uint64_t one = 1;

	if (!*p)
		return;
	if (write((*p)->stop, &one, sizeof(one)) < 0)
		abort();
	pthread_join((*p)->thread, NULL);
	pn532_insert(*p, NULL);
	close((*p)->master);
	close((*p)->slave);
	close((*p)->stop);
	pthread_mutex_destroy(&(*p)->lock);
	free(*p);
	*p = NULL;
}

const char *pn532_path(const struct pn532 *p)
{
	return p->path;
}

void pn532_insert(struct pn532 *p, struct vcard *v)
{
	pthread_mutex_lock(&p->lock);
	lose_power(p);
	p->card = v;
	pthread_mutex_unlock(&p->lock);
}

void pn532_set_kind(struct pn532 *p, enum pn532_kind kind)
{
	pthread_mutex_lock(&p->lock);
	p->kind = kind;
	pthread_mutex_unlock(&p->lock);
}

void pn532_fault(struct pn532 *p, enum pn532_fault fault, int code, unsigned n)
{
	pthread_mutex_lock(&p->lock);
	p->fault = fault;
	p->fault_code = code;
	p->fault_in = n;
	pthread_mutex_unlock(&p->lock);
}

void pn532_on_fault(struct pn532 *p, void (*call)(void))
{
	pthread_mutex_lock(&p->lock);
	p->on_fault = call;
	pthread_mutex_unlock(&p->lock);
}

struct pn532_counts pn532_counts(struct pn532 *p)
{
	struct pn532_counts counts;

	pthread_mutex_lock(&p->lock);
	counts = p->counts;
	pthread_mutex_unlock(&p->lock);
	return counts;
}

bool pn532_field(struct pn532 *p)
{
	bool field;

	pthread_mutex_lock(&p->lock);
	field = p->field;
	pthread_mutex_unlock(&p->lock);
	return field;
}
