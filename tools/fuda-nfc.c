/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-nfc: serves one NFC chip by way of libnfc. A program of its own, because libnfc ends the
 * program that it is in when a chip says something unforeseen (readers.md A4, finding 2). Tried
 * with an emulated chip only. */
#include <errno.h>
#include <fcntl.h>
#include <nfc/nfc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/nfc-protocol.h"
#include "tools/standard.h"

enum {
	EXIT_USAGE = 2,
	FIELD_OFF_MS = 10, /* ISO/IEC 14443-3 asks for 5.1 */
	FIELD_ON_MS = 6,   /* before the first call: 5 */
	ABORT_MS = 50,     /* between attempts to break off */
	ABORTS_MAX = 100,  /* each of which may cost libnfc a descriptor */
	FIELD_OFF_TRIES = 2, /* at the end */
	ORPHAN_MS = 500,   /* between looks whether who asks still lives */
	RECEIVE_MAX = 264, /* what libnfc can receive */
};

static const char usage_text[] =
	"usage: fuda-nfc, with a socket for standard input\n"
	"\n"
	"Part of libfuda, which calls it for readers named \"nfc:...\": serves one NFC chip by\n"
	"way of libnfc. Not for use by hand.\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 usage.\n";

struct chip {
	nfc_context *context;
	nfc_device *device;
	bool card;         /* one was activated and is not lost */
	nfc_target target; /* that one */
};

struct answer {
	uint8_t bytes[NFC_MESSAGE_MAX];
	size_t len;
};

static int asker = -1; /* the socket */
static pid_t parent;    /* who has the other end */
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static nfc_device *abortable; /* what watch() may break off */

/* ---- answers ---- */

static void say(struct answer *a, enum nfc_said said, const void *payload, size_t len)
{
	a->bytes[0] = (uint8_t)said;
	memcpy(a->bytes + 1, payload, len);
	a->len = 1 + len;
}

static void say_text(struct answer *a, enum nfc_said said, const char *text)
{
	say(a, said, text, strnlen(text, NFC_TEXT_MAX));
}

static void say_failed(struct answer *a, const struct chip *c, enum nfc_said said)
{
	say_text(a, said, nfc_strerror(c->device));
}

static void say_card(struct answer *a, const nfc_target *t)
{
	uint8_t card[1 + NFC_ATS_MAX];
	size_t len;

	if (t->nm.nmt == NMT_ISO14443B) {
		const nfc_iso14443b_info *b = &t->nti.nbi;

		card[0] = NFC_TYPE_B;
		card[1] = 0x50; /* which libnfc leaves out */
		memcpy(card + 2, b->abtPupi, 4);
		memcpy(card + 6, b->abtApplicationData, 4);
		memcpy(card + 10, b->abtProtocolInfo, 3);
		say(a, NFC_SAID_DONE, card, 1 + NFC_ATQB_SIZE);
		return;
	}
	card[0] = NFC_TYPE_A;
	len = t->nti.nai.szAtsLen; /* without its length byte; 0: it has none */
	if (len > NFC_ATS_MAX - 1)
		len = NFC_ATS_MAX - 1;
	card[1] = (uint8_t)(len + 1);
	memcpy(card + 2, t->nti.nai.abtAts, len);
	say(a, NFC_SAID_DONE, card, len ? 2 + len : 1);
}

/* ---- the chip ---- */

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* Keeps a serial port for this process until it ends, by whatever end: "driver:/path:speed" leads
 * to a file. (The mark that libnfc sets in the port's settings does not get through the C library,
 * which takes that bit for itself.) */
static enum nfc_said lock_port(const char *place)
{
	const char *colon = strchr(place, ':');
	char path[NFC_BUFSIZE_CONNSTRING];
	int fd;

	if (!colon || colon[1] != '/')
		return NFC_SAID_DONE; /* the USB has locks of its own */
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(colon + 1, ":"), colon + 1);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return NFC_SAID_DENIED;
	if (fd < 0 && errno != EBUSY)
		return NFC_SAID_NO_DEVICE;
	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ? NFC_SAID_BUSY : NFC_SAID_DONE;
}

static void open_device(struct chip *c, const struct nfc_request *q, struct answer *a)
{
	nfc_connstring place;
	enum nfc_said said;
	nfc_device *d = NULL;

	memcpy(place, q->bytes, q->len);
	place[q->len] = '\0';
	nfc_init(&c->context);
	said = lock_port(place);
	if (said == NFC_SAID_DONE && c->context)
		d = nfc_open(c->context, q->len ? place : NULL);
	if (said == NFC_SAID_DONE && d && !q->len) /* only now it is known which */
		said = lock_port(nfc_device_get_connstring(d));
	if (said != NFC_SAID_DONE || !d) {
		say_text(a, said == NFC_SAID_DONE ? NFC_SAID_NO_DEVICE : said, "");
		nfc_close(d);
		return;
	}
	c->device = d;
	pthread_mutex_lock(&device_lock);
	abortable = d;
	pthread_mutex_unlock(&device_lock);
	if (nfc_initiator_init(d) < 0 ||
	    /* or a chip without a card is silent until one comes */
	    nfc_device_set_property_bool(d, NP_INFINITE_SELECT, false) < 0 ||
	    nfc_device_set_property_bool(d, NP_EASY_FRAMING, true) < 0)
		say_failed(a, c, NFC_SAID_FAILED);
	else
		say_text(a, NFC_SAID_DONE, nfc_device_get_name(d));
}

/* 1, 0 if no card answers, -1 if the device does not. */
static int find_card(struct chip *c)
{
	static const nfc_modulation kinds[] = { { NMT_ISO14443B, NBR_106 },
						{ NMT_ISO14443A, NBR_106 } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int n = nfc_initiator_select_passive_target(c->device, kinds[i], NULL, 0,
							    &c->target);

		if (n > 0)
			return 1;
		/* others say that the chip does not know the kind, or heard no card rightly */
		if (n == NFC_EIO || n == NFC_ETIMEOUT || n == NFC_ENOTSUCHDEV || n == NFC_ESOFT ||
		    n == NFC_EOPABORTED)
			return -1;
	}
	return 0;
}

static int set_field(struct chip *c, bool on)
{
	int r = nfc_device_set_property_bool(c->device, NP_ACTIVATE_FIELD, on);

	pause_ms(on ? FIELD_ON_MS : FIELD_OFF_MS);
	return r < 0 ? -1 : 0;
}

static int find_afresh(struct chip *c)
{
	c->card = false;
	if (set_field(c, false) < 0 || set_field(c, true) < 0)
		return -1;
	return find_card(c);
}

/* A card that was let go may not hear the chip's next call; switched off it does. */
static int find_again(struct chip *c)
{
	int found = 0;

	if (c->card && nfc_initiator_deselect_target(c->device) >= 0)
		found = find_card(c);
	return found ? found : find_afresh(c);
}

static void activate(struct chip *c, enum nfc_ask ask, struct answer *a)
{
	int found = ask == NFC_ASK_RESET ? find_again(c) : find_afresh(c);

	c->card = found > 0;
	if (found > 0)
		say_card(a, &c->target);
	else if (found == 0 && set_field(c, false) == 0)
		say_text(a, NFC_SAID_NO_CARD, "");
	else
		say_failed(a, c, NFC_SAID_FAILED);
}

/* Whatever failed: the card has lost its state when this returns, and nothing is sent to it again.
 */
static void give_up(struct chip *c, struct answer *a)
{
	char why[NFC_TEXT_MAX + 1];
	int found;

	snprintf(why, sizeof(why), "%s", nfc_strerror(c->device));
	found = find_afresh(c);
	if (found < 0 || set_field(c, false) < 0)
		say_failed(a, c, NFC_SAID_FAILED);
	else
		say_text(a, found ? NFC_SAID_LOST : NFC_SAID_REMOVED, why);
}

static void transmit(struct chip *c, const struct nfc_request *q, struct answer *a)
{
	uint8_t response[RECEIVE_MAX];
	int n;

	if (!c->card) {
		say_text(a, NFC_SAID_LOST, "");
		return;
	}
	n = nfc_initiator_transceive_bytes(c->device, q->bytes, q->len, response, sizeof(response),
					   (int)q->ms);
	if (n > NFC_RESPONSE_MAX)
		say_text(a, NFC_SAID_TOO_LONG, "");
	else if (n >= 2)
		say(a, NFC_SAID_DONE, response, (size_t)n);
	else
		give_up(c, a);
	explicit_bzero(response, sizeof(response));
}

/* ---- when nobody listens any more ---- */

/* What libnfc waits for is broken off when the other side has hung up, or has ended while a process
 * that it forked holds its socket open. */
static void *watch(void *arg)
{
	struct pollfd p = { .fd = asker, .events = POLLRDHUP };

	while (poll(&p, 1, ORPHAN_MS) <= 0 && getppid() == parent)
		;
	shutdown(asker, SHUT_RDWR);
	for (int i = 0; i < ABORTS_MAX; i++) {
		pthread_mutex_lock(&device_lock);
		if (abortable)
			nfc_abort_command(abortable);
		pthread_mutex_unlock(&device_lock);
		pause_ms(ABORT_MS);
	}
	return arg;
}

/* Closing takes the field away, and with it the card's state; it is not to be broken off. libnfc
 * does so only where the chip takes a command before, and over SPI and I2C what was to be broken
 * off while nothing went on is the next command: so it is done here, and once more. */
static void close_device(struct chip *c)
{
	pthread_mutex_lock(&device_lock);
	abortable = NULL;
	pthread_mutex_unlock(&device_lock);
	for (int i = 0; c->device && i < FIELD_OFF_TRIES && set_field(c, false) < 0; i++)
		;
	if (c->device)
		nfc_close(c->device);
	if (c->context)
		nfc_exit(c->context);
}

/* ---- the program ---- */

/* Commands may have a PIN in them, and libnfc may end this program: no core. Standard input and
 * output are where libraries might read and chatter. */
static int prepare(void)
{
	const struct rlimit none = { 0, 0 };
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	parent = getppid();
	asker = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (asker < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
	    dup2(nothing, STDOUT_FILENO) < 0)
		return -1;
	close(nothing);
	return 0;
}

static void serve(struct chip *c, const struct nfc_request *q, struct answer *a)
{
	if ((q->ask == NFC_ASK_OPEN) != !c->context || (c->context && !c->device)) {
		say_text(a, NFC_SAID_FAILED, "asked out of turn");
		return;
	}
	switch (q->ask) {
	case NFC_ASK_OPEN:
		open_device(c, q, a);
		break;
	case NFC_ASK_TRANSMIT:
		transmit(c, q, a);
		break;
	case NFC_ASK_OFF:
		c->card = false;
		if (set_field(c, false) < 0)
			say_failed(a, c, NFC_SAID_FAILED);
		else
			say_text(a, NFC_SAID_DONE, "");
		break;
	default:
		activate(c, q->ask, a);
		break;
	}
}

/* Until the other side hangs up, or says what has no meaning. */
static int run(struct chip *c)
{
	uint8_t message[NFC_MESSAGE_MAX];
	struct answer a;
	int status = EXIT_SUCCESS;

	while (status == EXIT_SUCCESS) {
		struct nfc_request q;
		ssize_t n = recv(asker, message, sizeof(message), MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			break;
		if (n < 0 || (size_t)n > sizeof(message) ||
		    nfc_request_parse(message, (size_t)n, &q) < 0) {
			status = EXIT_FAILURE;
			break;
		}
		serve(c, &q, &a);
		explicit_bzero(message, (size_t)n);
		if (send(asker, a.bytes, a.len, MSG_NOSIGNAL) != (ssize_t)a.len)
			status = EXIT_FAILURE;
		explicit_bzero(a.bytes, a.len);
	}
	return status;
}

/* What is asked for as text. */
static int tell(const char *text)
{
	fputs(text, stdout);
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct chip c = { 0 };
	pthread_t watcher;
	int type, status;
	socklen_t size = sizeof(type);

	if (!standard_descriptors())
		return EXIT_FAILURE;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return tell(usage_text);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return tell("fuda-nfc (fudasashi) " PACKAGE_VERSION "\n");
	if (argc != 1 || getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_SEQPACKET) {
		fputs("fuda-nfc: is called by libfuda, not by hand\nTry: fuda-nfc --help\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (prepare() < 0 || pthread_create(&watcher, NULL, watch, NULL) != 0)
		return EXIT_FAILURE;
	status = run(&c);
	close_device(&c);
	/* not exit(): the watcher may still be looking */
	_exit(status);
}
