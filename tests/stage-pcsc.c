/* SPDX-License-Identifier: Apache-2.0 */
/* The private service of pcscd-env.sh, with the card played to its reader " 00 00" by a thread of this process
 * (the protocol of vpcd: readers.md A5).
 *
 * pcscd looks every 400 ms whether a card is there, so the reader keeps its card in its eyes: what is put in takes
 * the place of the other behind its back, with power if that had power. Between two cards there is one that says
 * nothing but its ATR. */
#include "tests/stage.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

enum { MESSAGE_MAX = 65535 };
enum control { CONTROL_OFF = 0, CONTROL_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4 };

static pthread_t thread;
static int fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what stands below */
static struct vcard *card;
static bool powered;
static uint8_t atr[33] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };
static size_t atr_len = 5;

static bool receive(uint8_t *to, size_t len)
{
	static const int on = 1;

	while (len) {
		ssize_t n;

		/* or each APDU takes 44 ms: readers.md B1 */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
		n = recv(fd, to, len, 0);
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

static bool reply(const uint8_t *bytes, size_t len)
{
	static uint8_t message[2 + MESSAGE_MAX];

	message[0] = (uint8_t)(len >> 8);
	message[1] = (uint8_t)len;
	memcpy(message + 2, bytes, len);
	return send(fd, message, 2 + len, MSG_NOSIGNAL) == (ssize_t)(2 + len);
}

static bool control(uint8_t code)
{
	switch (code) {
	case CONTROL_ATR:
		return reply(atr, atr_len);
	case CONTROL_OFF:
	case CONTROL_ON:
		powered = code == CONTROL_ON;
		if (card)
			vcard_power(card, powered);
		return true;
	case CONTROL_RESET:
		powered = true;
		if (card)
			vcard_reset(card);
		return true;
	default:
		return true;
	}
}

static bool command(const uint8_t *bytes, size_t len)
{
	static const uint8_t refused[] = { 0x6F, 0x00 };
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(MESSAGE_MAX);
	int r = card ? vcard_transmit(card, bytes, len, &response) : FUDA_ENOCARD;

	if (r == FUDA_EMUTE)
		return true;
	return r < 0 ? reply(refused, sizeof(refused)) : reply(response.data, response.len);
}

static void *play(_unused_ void *arg)
{
	static uint8_t message[MESSAGE_MAX];
	uint8_t head[2];
	bool going = true;

	while (going && receive(head, sizeof(head))) {
		size_t len = (size_t)head[0] << 8 | head[1];

		if (!receive(message, len))
			break;
		pthread_mutex_lock(&lock);
		if (len == 1)
			going = control(message[0]);
		else if (len > 1)
			going = command(message, len);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void insert(struct vcard *v)
{
	pthread_mutex_lock(&lock);
	card = v;
	if (v) {
		const uint8_t *bytes = vcard_atr(v, &atr_len);

		atr_len = MIN(atr_len, sizeof(atr));
		memcpy(atr, bytes, atr_len);
		vcard_power(v, powered);
	}
	pthread_mutex_unlock(&lock);
}

static const char *begin(void)
{
	const char *port = getenv("FUDA_TEST_PORT");
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (!port)
		return "no private PC/SC service; run this test by tests/pcscd-env.sh";
	a.sin_port = htons((uint16_t)atoi(port));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    pthread_create(&thread, NULL, play, NULL) != 0)
		abort();
	if (system("tests/bare-pcsc card ' 00 00' 5000") != 0)
		abort();
	return NULL;
}

static void end(void)
{
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
	/* for who comes next in the same environment */
	for (int i = 0; i < 100 && system("tests/bare-pcsc card ' 00 00' 1 2>/dev/null") == 0; i++)
		usleep(20000);
}

static const char *reader(void)
{
	return "pcsc: 00 00";
}

const struct stage stage_pcsc = { "pcsc", begin, end, insert, reader, NULL };
