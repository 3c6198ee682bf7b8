/* SPDX-License-Identifier: Apache-2.0 */
/* The card's side of the vpcd protocol: readers.md A5 and B1. A message is its length in two
 * bytes, big endian, and as many bytes: one byte is a control code, more are an APDU. */
#include "vcard/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include "base/cursor.h"

#define MESSAGE_MAX 65535

enum control { CONTROL_OFF = 0, CONTROL_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4 };

/* Waits until `fd` has one of `events`. 1 if it has, 0 if told to stop. */
static int wait_for(int fd, int stop_fd, short events)
{
	struct pollfd p[] = { { stop_fd, POLLIN, 0 }, { fd, events, 0 } };

	for (;;) {
		int n = poll(p, ARRAY_SIZE(p), -1);

		if (n < 0 && errno != EINTR)
			return FUDA_ETRANSPORT;
		if (n > 0)
			return p[0].revents ? 0 : 1;
	}
}

/* Receives exactly `len` bytes. 1 when done, 0 if told to stop. */
static int receive(int fd, int stop_fd, uint8_t *to, size_t len)
{
	static const int on = 1;

	while (len) {
		int r = wait_for(fd, stop_fd, POLLIN);
		ssize_t n;

		if (r <= 0)
			return r;
		/* Or each APDU takes 44 ms: the other side sends the length by itself and waits
		 * for its acknowledgement. It does not last, and is nothing to a socket that is
		 * not TCP. */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
		n = recv(fd, to, len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return FUDA_EREADERGONE;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return FUDA_ETRANSPORT;
		if (n > 0) {
			to += n;
			len -= (size_t)n;
		}
	}
	return 1;
}

/* Sends length and bytes in one piece. 1 when done, 0 if told to stop. */
static int reply(int fd, int stop_fd, const uint8_t *bytes, size_t len)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(2 + MESSAGE_MAX);
	const uint8_t head[2] = { (uint8_t)(len >> 8), (uint8_t)len };
	struct cursor left;

	if (fuda_buf_append(&message, head, sizeof(head)) < 0 ||
	    fuda_buf_append(&message, bytes, len) < 0)
		return FUDA_ENOMEM;
	left = cur_of(message.data, message.len);
	while (left.left) {
		int r = wait_for(fd, stop_fd, POLLOUT);
		ssize_t n;

		if (r <= 0)
			return r;
		n = send(fd, left.p, left.left, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return FUDA_EREADERGONE;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return FUDA_ETRANSPORT;
		if (n > 0)
			cur_skip(&left, (size_t)n);
	}
	return 1;
}

static int control(const struct vpcd_card *card, int fd, int stop_fd, uint8_t code)
{
	const uint8_t *atr;
	size_t len;

	switch (code) {
	case CONTROL_OFF:
	case CONTROL_ON:
		card->power(card->arg, code == CONTROL_ON);
		return 1;
	case CONTROL_RESET:
		card->reset(card->arg);
		return 1;
	case CONTROL_ATR:
		atr = card->atr(card->arg, &len);
		return reply(fd, stop_fd, atr, len);
	default:
		return 1;
	}
}

/* The other side waits for ever for what is not answered: only a mute card says nothing. */
static int answer(const struct vpcd_card *card, int fd, int stop_fd, const uint8_t *command,
		  size_t len)
{
	static const uint8_t no_power[] = { 0x6F, 0x00 }, too_long[] = { 0x67, 0x00 };
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int r = card->transmit(card->arg, command, len, &response);

	if (r == FUDA_EMUTE)
		return 1;
	if (r == FUDA_ENOCARD)
		return reply(fd, stop_fd, no_power, sizeof(no_power));
	if (r < 0)
		return r;
	if (response.len > MESSAGE_MAX)
		return reply(fd, stop_fd, too_long, sizeof(too_long));
	return reply(fd, stop_fd, response.data, response.len);
}

int vpcd_play(const struct vpcd_card *card, int fd, int stop_fd)
{
	static const int on = 1;
	uint8_t message[MESSAGE_MAX], head[2];
	size_t len;
	int r;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	do {
		r = receive(fd, stop_fd, head, sizeof(head));
		if (r <= 0)
			break;
		len = (size_t)head[0] << 8 | head[1];
		r = receive(fd, stop_fd, message, len);
		if (r > 0 && len == 1)
			r = control(card, fd, stop_fd, message[0]);
		else if (r > 0 && len > 1)
			r = answer(card, fd, stop_fd, message, len);
		wipe(message, len);
	} while (r > 0);
	return r;
}

/* ---- the software card ---- */

static void power(void *arg, bool on)
{
	vcard_power(arg, on);
}

static void reset(void *arg)
{
	vcard_reset(arg);
}

static const uint8_t *atr(void *arg, size_t *ret_len)
{
	return vcard_atr(arg, ret_len);
}

static int transmit(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret_response)
{
	return vcard_transmit(arg, command, len, ret_response);
}

int vcard_play(struct vcard *v, int fd, int stop_fd)
{
	const struct vpcd_card card = { v, power, reset, atr, transmit };

	return vpcd_play(&card, fd, stop_fd);
}
