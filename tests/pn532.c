/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pn532-chip.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
	NORMAL_MAX = 255, /* data of a frame that is not an extended one */
	STATUS_CRC = 0x02,
	STATUS_RELEASED = 0x29,
	STATUS_NAD = 0x80,
};

/* ---- frames ---- */

static void put(struct pn532 *p, const void *bytes, size_t len)
{
	if (write(p->master, bytes, len) != (ssize_t)len)
		pn532_violation(p, "nobody takes the answer", (unsigned)len);
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
		pn532_add_byte(a, statuses[fault]);
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

static void count_exchange(struct pn532 *p, const uint8_t *apdu, size_t len)
{
	p->counts.exchanges++;
	p->counts.longest = MAX(p->counts.longest, len);
	p->counts.verifies += len > 5 && apdu[1] == 0x20;
}

static void answer(struct pn532 *p, const uint8_t *command, size_t len)
{
	struct answer a = { .len = 0 };
	enum pn532_fault fault;

	p->counts.commands++;
	if (!pn532_knows(command, len)) {
		pn532_violation(p, "a command that is none", command[0]);
		PUT(p, ACK_FRAME ERROR_FRAME);
		return;
	}
	if (command[0] == IN_DATA_EXCHANGE && len > 2)
		count_exchange(p, command + 2, len - 2);
	fault = next_fault(p, command[0]);
	if (!begin_fault(p, fault))
		return;
	if (fault != PN532_LOST && fault != PN532_RELEASED)
		pn532_carry_out(p, command, len, &a);
	spoil(fault, &a);
	if (fault != PN532_STUCK && !a.none)
		put_answer(p, command[0], &a, fault);
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
		pn532_violation(p, "a command in its sleep", b[head + 1]);
	answer(p, b + head + 1, len - 1);
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
				pn532_violation(p, "a frame that is none", p->in[3]);
			drop(p, n < 0 ? p->in_len : (size_t)n);
			continue;
		}
		if (p->in[0] != 0x00)
			pn532_violation(p, "a byte outside of a frame", p->in[0]);
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
	pn532_lose_power(p);
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
