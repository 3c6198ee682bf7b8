/* SPDX-License-Identifier: Apache-2.0 */
/* A PC/SC program with ways of its own, for tests of what stands between programs and libpcsclite:
 *
 *   pcsc-client odd READER                calls with odd arguments; prints what each says
 *   pcsc-client broken READER N           sends N commands, prints how the last ended and what all says then
 *   pcsc-client wait READER               waits for the card to go, while a thread sends commands
 *   pcsc-client threads READER COUNT      two connections on two threads, each with transactions
 *   pcsc-client apart READER OTHER PID    a command to READER while one to OTHER waits, whose card is process PID
 *   pcsc-client alone READER              reads twice where it is not certain that nobody else used the card
 *   pcsc-client pad READER                has a PIN typed, by a structure that makes no sense and one that does
 *   pcsc-client fork READER               sends, also in a child
 *   pcsc-client open FILE READER          opens libpcsclite itself and looks up all of it
 *
 * It exits with 0 if all is as it has to be. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <reader.h>
#include <winscard.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const unsigned char select_jpki[] = { 0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
					     0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01 };
static const unsigned char select_ca[] = { 0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0B };
static const unsigned char read_ca[] = { 0x00, 0xB0, 0x00, 0x00, 0x40 };

static void say(const char *what, LONG rv)
{
	printf("%s: %s\n", what, pcsc_stringify_error(rv));
}

static void must(const char *what, LONG rv)
{
	if (rv == SCARD_S_SUCCESS)
		return;
	say(what, rv);
	exit(1);
}

struct card {
	SCARDCONTEXT context;
	SCARDHANDLE handle;
	DWORD protocol;
};

static struct card connect_to(const char *reader)
{
	struct card c;
	LONG rv;

	must("context", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &c.context));
	rv = SCardConnect(c.context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &c.handle, &c.protocol);
	if (rv != SCARD_S_SUCCESS) /* readers are there even so */
		must("list", SCardListReaders(c.context, NULL, NULL, &c.protocol));
	must("connect", rv);
	return c;
}

static void leave(struct card *c)
{
	must("disconnect", SCardDisconnect(c->handle, SCARD_LEAVE_CARD));
	must("release", SCardReleaseContext(c->context));
}

static LONG send_to(const struct card *c, const unsigned char *command, size_t len, unsigned char *room, DWORD *size)
{
	return SCardTransmit(c->handle, SCARD_PCI_T1, command, len, NULL, room, size);
}

static LONG select_in(const struct card *c)
{
	unsigned char room[258];
	DWORD size = sizeof(room);

	return send_to(c, select_jpki, sizeof(select_jpki), room, &size);
}

/* ---- odd ---- */

static void transmit_odd(const struct card *c, const char *what, SCARDHANDLE handle, const SCARD_IO_REQUEST *pci,
			 const unsigned char *command, size_t len, DWORD size)
{
	unsigned char room[258];
	DWORD got = size;

	memset(room, 0xEE, sizeof(room));
	say(what, SCardTransmit(handle ? c->handle : 0x7777, pci, command, len, NULL, room, &got));
	printf("  %lu bytes, %02X %02X .. %02X\n", got, room[0], room[1], room[size]);
}

static int odd(const char *reader)
{
	struct card c = connect_to(reader);
	SCARD_IO_REQUEST back = { 0xAA, 0xBB };
	unsigned char room[258];
	DWORD size = sizeof(room), state, protocol, len = 0, atr_len = 0;
	SCARDHANDLE none;

	transmit_odd(&c, "select", 1, SCARD_PCI_T1, select_jpki, sizeof(select_jpki), 257);
	transmit_odd(&c, "select a file", 1, SCARD_PCI_T1, select_ca, sizeof(select_ca), 257);
	transmit_odd(&c, "room for all of it", 1, SCARD_PCI_T1, read_ca, sizeof(read_ca), 66);
	transmit_odd(&c, "too little room", 1, SCARD_PCI_T1, read_ca, sizeof(read_ca), 65);
	transmit_odd(&c, "no room", 1, SCARD_PCI_T1, read_ca, sizeof(read_ca), 0);
	transmit_odd(&c, "another protocol", 1, SCARD_PCI_T0, read_ca, sizeof(read_ca), 257);
	transmit_odd(&c, "no protocol", 1, NULL, read_ca, sizeof(read_ca), 257);
	transmit_odd(&c, "no command", 1, SCARD_PCI_T1, NULL, 5, 257);
	transmit_odd(&c, "a handle of nobody", 0, SCARD_PCI_T1, read_ca, sizeof(read_ca), 257);
	transmit_odd(&c, "too long", 1, SCARD_PCI_T1, room, 70000, 257);
	say("no length", SCardTransmit(c.handle, SCARD_PCI_T1, read_ca, sizeof(read_ca), NULL, room, NULL));
	say("protocol wanted back",
	    SCardTransmit(c.handle, SCARD_PCI_T1, read_ca, sizeof(read_ca), &back, room, &size));
	printf("  %lu %lu\n", back.dwProtocol, back.cbPciLength);
	say("status without room", SCardStatus(c.handle, NULL, &len, &state, &protocol, NULL, &atr_len));
	printf("  %lu %lu %lu %lX\n", len, protocol, atr_len, state & 0xFFFF);
	say("status of nobody", SCardStatus(0x7777, NULL, NULL, NULL, NULL, NULL, NULL));
	size = 1;
	say("control that there is not", SCardControl(c.handle, SCARD_CTL_CODE(1), NULL, 0, room, sizeof(room), &size));
	printf("  %lu\n", size);
	say("control of nobody", SCardControl(0x7777, SCARD_CTL_CODE(3400), NULL, 0, room, sizeof(room), NULL));
	say("end without begin", SCardEndTransaction(c.handle, SCARD_LEAVE_CARD));
	say("end in an odd way", SCardEndTransaction(c.handle, 77));
	say("begin", SCardBeginTransaction(c.handle));
	say("begin again", SCardBeginTransaction(c.handle));
	say("end", SCardEndTransaction(c.handle, SCARD_RESET_CARD));
	say("end again", SCardEndTransaction(c.handle, SCARD_LEAVE_CARD));
	say("begin with nobody", SCardBeginTransaction(0x7777));
	say("reconnect in an odd way", SCardReconnect(c.handle, 77, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD, &protocol));
	say("reconnect",
	    SCardReconnect(c.handle, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1, SCARD_UNPOWER_CARD, &protocol));
	say("disconnect nobody", SCardDisconnect(0x7777, SCARD_LEAVE_CARD));
	say("connect without a name", SCardConnect(c.context, "", SCARD_SHARE_SHARED, 3, &none, &protocol));
	leave(&c);
	say("after the end", SCardBeginTransaction(c.handle));
	return 0;
}

/* ---- faults ---- */

static void say_states(struct card *c, const char *reader)
{
	SCARD_READERSTATE state = { .szReader = reader };
	char names[1024];
	DWORD len = 1, active, size = sizeof(names);
	SCARDHANDLE other;

	say("begin", SCardBeginTransaction(c->handle));
	say("status", SCardStatus(c->handle, NULL, &len, &active, NULL, NULL, NULL));
	printf("  %lu\n", len);
	say("change", SCardGetStatusChange(c->context, 0, &state, 1));
	printf("  %lX\n", state.dwEventState & 0xFFFF & ~(DWORD)SCARD_STATE_INUSE);
	state.dwCurrentState = state.dwEventState;
	say("no more change", SCardGetStatusChange(c->context, 150, &state, 1));
	say("list", SCardListReaders(c->context, NULL, names, &size));
	say("reconnect", SCardReconnect(c->handle, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD, &active));
	say("end", SCardEndTransaction(c->handle, SCARD_LEAVE_CARD));
	say("connect", SCardConnect(c->context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &other, &active));
	say("at last", select_in(c));
}

static int broken(const char *reader, int n)
{
	struct card c = connect_to(reader);
	unsigned char room[70000];
	DWORD size = sizeof(room);

	must("begin", SCardBeginTransaction(c.handle));
	must("first", select_in(&c));
	for (int i = 2; i < n; i++)
		must("command", select_in(&c));
	say("last", send_to(&c, select_jpki, sizeof(select_jpki), room, &size));
	printf("  %lu bytes", size);
	for (DWORD i = 0; i < size && i < 4; i++)
		printf(" %02X", room[i]);
	puts("");
	say("one more", select_in(&c));
	say("end", SCardEndTransaction(c.handle, SCARD_LEAVE_CARD));
	say_states(&c, reader);
	leave(&c);
	return 0;
}

static void *send_four(void *arg)
{
	struct card *c = arg;

	for (int i = 0; i < 4; i++) {
		usleep(30000);
		if (select_in(c) != SCARD_S_SUCCESS)
			return NULL;
	}
	return NULL;
}

static int wait_for_removal(const char *reader)
{
	struct card c = connect_to(reader), other = connect_to(reader);
	SCARD_READERSTATE state = { .szReader = reader };
	pthread_t thread;
	int rounds = 0;

	must("first", SCardGetStatusChange(c.context, 0, &state, 1));
	if (pthread_create(&thread, NULL, send_four, &other))
		return 1;
	do {
		state.dwCurrentState = state.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
		must("wait", SCardGetStatusChange(c.context, INFINITE, &state, 1));
	} while (!(state.dwEventState & SCARD_STATE_EMPTY) && ++rounds < 100);
	printf("%lX\n", state.dwEventState & 0xFFFF);
	pthread_join(thread, NULL);
	leave(&other);
	leave(&c);
	return 0;
}

/* ---- threads ---- */

struct worker {
	const char *reader;
	long count;
	bool failed;
};

/* Each reads what it has selected, whatever the other selects. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct card c = connect_to(w->reader);
	unsigned char room[258];

	for (long i = 0; i < w->count; i++) {
		DWORD size = sizeof(room);

		if (SCardBeginTransaction(c.handle) != SCARD_S_SUCCESS ||
		    select_in(&c) != SCARD_S_SUCCESS ||
		    send_to(&c, select_ca, sizeof(select_ca), room, &size) != SCARD_S_SUCCESS)
			w->failed = true;
		size = sizeof(room);
		if (send_to(&c, read_ca, sizeof(read_ca), room, &size) != SCARD_S_SUCCESS || size != 66 ||
		    room[0] != 0x30)
			w->failed = true;
		if (SCardEndTransaction(c.handle, SCARD_LEAVE_CARD) != SCARD_S_SUCCESS)
			w->failed = true;
		/* without one: answers may be of any kind, but there is one */
		if (select_in(&c) != SCARD_S_SUCCESS)
			w->failed = true;
	}
	leave(&c);
	return NULL;
}

static int threads(const char *reader, long count)
{
	struct worker w[2] = { { reader, count, false }, { reader, count, false } };
	pthread_t t[2];

	for (size_t i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, work, &w[i]))
			return 1;
	for (size_t i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return w[0].failed || w[1].failed;
}

/* ---- two readers ---- */

static const unsigned char select_common[] = { 0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0x10,
					       0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00 };
/* what it reads in one application is the card's own, and in another one not */
static const unsigned char read_key_reference[] = { 0x00, 0xB2, 0x01, 0x14, 0x00 };

static void *read_own(void *arg)
{
	unsigned char room[258];
	DWORD size = sizeof(room);

	return send_to(arg, read_key_reference, sizeof(read_key_reference), room, &size) == SCARD_S_SUCCESS &&
			       size > 2 ?
		       arg :
		       NULL;
}

static int apart(const char *reader, const char *name, pid_t pid)
{
	struct card c = connect_to(reader), other = connect_to(name);
	unsigned char room[258];
	DWORD size = sizeof(room);
	pthread_t thread;
	void *done;

	must("begin", SCardBeginTransaction(c.handle));
	must("begin", SCardBeginTransaction(other.handle));
	must("other", send_to(&other, select_common, sizeof(select_common), room, &size));
	if (kill(pid, SIGSTOP) || pthread_create(&thread, NULL, read_own, &other))
		return 1;
	usleep(300000);
	must("meanwhile", select_in(&c));
	if (kill(pid, SIGCONT) || pthread_join(thread, &done))
		return 1;
	must("after", select_in(&c));
	must("reset", SCardEndTransaction(other.handle, SCARD_RESET_CARD));
	leave(&other);
	leave(&c);
	return !done;
}

/* ---- others, or not ---- */

static int read_selected(const struct card *c)
{
	unsigned char room[258];
	DWORD size = sizeof(room);

	must("read", send_to(c, read_ca, sizeof(read_ca), room, &size));
	return size != 66 || room[0] != 0x30;
}

static void select_file(const struct card *c)
{
	unsigned char room[258];
	DWORD size = sizeof(room);

	must("application", select_in(c));
	must("file", send_to(c, select_ca, sizeof(select_ca), room, &size));
}

static void *begin_other(void *arg)
{
	const struct card *c = arg;

	return SCardBeginTransaction(c->handle) == SCARD_S_SUCCESS ? arg : NULL;
}

static int alone(const char *reader)
{
	struct card c, other;
	pthread_t thread;
	void *begun;
	unsigned char room[258];
	DWORD size;
	int bad;

	setenv("PCSCLITE_NO_BLOCKING", "1", 1);
	c = connect_to(reader), other = connect_to(reader);
	must("begin", SCardBeginTransaction(c.handle));
	select_file(&c);
	bad = read_selected(&c);
	/* which may go to the card by a way of the reader's own */
	SCardControl(c.handle, SCARD_CTL_CODE(1), NULL, 0, room, sizeof(room), &size);
	bad |= read_selected(&c);
	if (pthread_create(&thread, NULL, begin_other, &other))
		return 1;
	usleep(300000);
	must("end", SCardEndTransaction(c.handle, SCARD_LEAVE_CARD));
	if (pthread_join(thread, &begun) || !begun)
		return 1;
	select_file(&other);
	bad |= read_selected(&other);
	must("end", SCardEndTransaction(other.handle, SCARD_LEAVE_CARD));
	/* which is over, though another one waited for it */
	select_file(&other);
	bad |= read_selected(&other);
	leave(&other);
	leave(&c);
	return bad;
}

/* ---- keys for PINs ---- */

/* The control code of a feature of the reader; 0: it has none. */
static DWORD feature_of(const struct card *c, uint8_t tag)
{
	unsigned char list[258];
	DWORD size = 0;

	must("features", SCardControl(c->handle, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, list, sizeof(list), &size));
	for (DWORD i = 0; i + 6 <= size; i += 6)
		if (list[i] == tag)
			return (DWORD)list[i + 2] << 24 | (DWORD)list[i + 3] << 16 | (DWORD)list[i + 4] << 8 |
			       list[i + 5];
	return 0;
}

/* As OpenSC does: asked for over one connection, and used over the next. */
static int pad(const char *reader)
{
	/* four digits, for VERIFY of 18 */
	unsigned char structure[] = { 30, 30, 0x82, 0x04, 0, 4, 4, 2, 1, 0x11, 0x04, 0, 0, 0, 0, 9, 0, 0, 0,
				      0x00, 0x20, 0x00, 0x98, 4, 0xFF, 0xFF, 0xFF, 0xFF };
	struct card c = connect_to(reader);
	unsigned char room[258];
	DWORD size, code = feature_of(&c, FEATURE_VERIFY_PIN_DIRECT);

	leave(&c);
	c = connect_to(reader);
	must("application", select_in(&c));
	for (structure[6] = 5; structure[6] >= 4; structure[6]--) {
		size = 0;
		say(structure[6] > structure[5] ? "more than at most" : "typed",
		    SCardControl(c.handle, code, structure, sizeof(structure), room, sizeof(room), &size));
	}
	printf("%lu bytes, %02X%02X\n", size, room[0], room[1]);
	leave(&c);
	return 0;
}

/* ---- fork ---- */

static int fork_off(const char *reader)
{
	struct card c = connect_to(reader);
	int status;
	pid_t pid;

	must("before", select_in(&c));
	pid = fork();
	if (pid == 0) {
		struct card own = connect_to(reader);

		must("in the child", select_in(&own));
		leave(&own);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return 1;
	must("after", select_in(&c));
	leave(&c);
	return 0;
}

/* ---- opened by itself ---- */

static int open_itself(const char *file, const char *reader)
{
	static const char *const names[] = {
		"SCardEstablishContext", "SCardReleaseContext", "SCardIsValidContext", "SCardConnect",
		"SCardReconnect", "SCardDisconnect", "SCardBeginTransaction", "SCardEndTransaction", "SCardStatus",
		"SCardGetStatusChange", "SCardControl", "SCardTransmit", "SCardListReaderGroups",
		"SCardListReaders", "SCardFreeMemory", "SCardCancel", "SCardGetAttrib", "SCardSetAttrib",
		"g_rgSCardT0Pci", "g_rgSCardT1Pci", "g_rgSCardRawPci", "pcsc_stringify_error",
	};
	void *library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
	__typeof__(&SCardTransmit) transmit;
	unsigned char room[258];
	DWORD size = sizeof(room);
	struct card c;

	if (!library) {
		puts(dlerror());
		return 1;
	}
	c = connect_to(reader);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!dlsym(library, names[i])) {
			puts(dlerror());
			return 1;
		}
	if (dlsym(library, "SCardTransmitA") || !dlerror())
		return 1;
	transmit = (__typeof__(transmit))dlsym(library, "SCardTransmit");
	must("transmit", transmit(c.handle, dlsym(library, "g_rgSCardT1Pci"), select_jpki, sizeof(select_jpki), NULL,
				  room, &size));
	leave(&c);
	/* and closed, as often as it was opened */
	if (dlopen(file, RTLD_LAZY) != library || dlclose(library) || dlclose(library))
		return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "";

	if (strcmp(how, "odd") == 0)
		return odd(argv[2]);
	if (strcmp(how, "wait") == 0)
		return wait_for_removal(argv[2]);
	if (strcmp(how, "alone") == 0)
		return alone(argv[2]);
	if (strcmp(how, "pad") == 0)
		return pad(argv[2]);
	if (strcmp(how, "fork") == 0)
		return fork_off(argv[2]);
	if (argc == 4 && strcmp(how, "broken") == 0)
		return broken(argv[2], atoi(argv[3]));
	if (argc == 4 && strcmp(how, "threads") == 0)
		return threads(argv[2], atol(argv[3]));
	if (argc == 5 && strcmp(how, "apart") == 0)
		return apart(argv[2], argv[3], (pid_t)atol(argv[4]));
	if (argc == 4 && strcmp(how, "open") == 0)
		return open_itself(argv[2], argv[3]);
	fprintf(stderr, "usage: see the head of pcsc-client.c\n");
	return 2;
}
