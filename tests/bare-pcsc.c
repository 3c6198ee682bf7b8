/* SPDX-License-Identifier: Apache-2.0 */
/* PC/SC with nothing of ours in between, for tests and comparisons:
 *
 *   bare-pcsc wait COUNT MS              waits until COUNT readers are there
 *   bare-pcsc card|empty NAME MS         waits until a card, or none, is in the reader whose name has NAME in it
 *   bare-pcsc send NAME TIMES APDU...    sends the APDUs (hex) TIMES times, prints the last answers
 *   bare-pcsc disturb NAME use|reset|off|hold MS
 *                                        uses, resets, switches off or holds the card every MS ms, until killed */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

enum { COMMAND_MAX = 65544, RESPONSE_MAX = 65538 };

static SCARDCONTEXT context;

static void die(const char *what, LONG rv)
{
	fprintf(stderr, "bare-pcsc: %s: %s\n", what, pcsc_stringify_error(rv));
	exit(1);
}

static void must(const char *what, LONG rv)
{
	if (rv != SCARD_S_SUCCESS)
		die(what, rv);
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* How many readers are there; the first whose name contains `part` goes to `ret_name`. */
static int readers(const char *part, char ret_name[MAX_READERNAME])
{
	static char names[(PCSCLITE_MAX_READERS_CONTEXTS + 1) * MAX_READERNAME];
	DWORD size = sizeof(names);
	int n = 0;

	ret_name[0] = 0;
	if (SCardListReaders(context, NULL, names, &size) != SCARD_S_SUCCESS)
		return 0;
	for (const char *p = names; *p; p += strlen(p) + 1, n++)
		if (strstr(p, part) && !ret_name[0])
			snprintf(ret_name, MAX_READERNAME, "%.*s", MAX_READERNAME - 1, p);
	return n;
}

static const char *reader(const char *part)
{
	static char name[MAX_READERNAME];

	readers(part, name);
	if (!name[0])
		die(part, SCARD_E_UNKNOWN_READER);
	return name;
}

static bool holds_card(const char *part, bool card)
{
	SCARD_READERSTATE state = { 0 };
	char name[MAX_READERNAME];

	readers(part, name);
	state.szReader = name;
	return name[0] && SCardGetStatusChange(context, 0, &state, 1) == SCARD_S_SUCCESS &&
	       (card ? (state.dwEventState & SCARD_STATE_PRESENT) && state.cbAtr :
		       (state.dwEventState & SCARD_STATE_EMPTY) != 0);
}

/* `count` readers, or a card (or none) in the reader called `part`, within `ms`. */
static int wait_until(int count, const char *part, bool card, long ms)
{
	char name[MAX_READERNAME];

	alarm((unsigned)(ms / 1000 + 2)); /* where a call hangs */
	for (; ms > 0; ms -= 20) {
		if (context || SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) ==
				       SCARD_S_SUCCESS)
			if (part ? holds_card(part, card) : readers("", name) >= count)
				return 0;
		pause_ms(20);
	}
	fprintf(stderr, "bare-pcsc: waited in vain\n");
	return 1;
}

static SCARDHANDLE connect_to(const char *part, DWORD *ret_protocol)
{
	SCARDHANDLE card;

	must("connect", SCardConnect(context, reader(part), SCARD_SHARE_SHARED,
				     SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, ret_protocol));
	return card;
}

static size_t unhex(const char *hex, unsigned char *out)
{
	size_t n = 0;

	for (; hex[0] && hex[1] && n < COMMAND_MAX; hex += 2, n++) {
		char byte[3] = { hex[0], hex[1], 0 };

		out[n] = (unsigned char)strtoul(byte, NULL, 16);
	}
	return n;
}

static int send_apdus(const char *part, long times, char **apdus)
{
	static unsigned char command[COMMAND_MAX], response[RESPONSE_MAX];
	DWORD protocol, len;
	SCARDHANDLE card = connect_to(part, &protocol);
	const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;

	must("begin", SCardBeginTransaction(card));
	for (; *apdus; apdus++) {
		size_t n = unhex(*apdus, command);

		for (long i = 0; i < times; i++) {
			len = sizeof(response);
			must("transmit",
			     SCardTransmit(card, pci, command, n, NULL, response, &len));
		}
		for (DWORD i = 0; i < len; i++)
			printf("%02X", response[i]);
		puts("");
	}
	must("end", SCardEndTransaction(card, SCARD_LEAVE_CARD));
	SCardDisconnect(card, SCARD_LEAVE_CARD);
	SCardReleaseContext(context);
	return 0;
}

/* One disturbance; what another program's own disturbances do to us does not matter. */
static void disturb_once(SCARDHANDLE card, DWORD protocol, const char *how)
{
	static const unsigned char select_none[] = { 0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0,
						     0x00, 0x00, 0x01, 0x51, 0x00, 0x00 };
	const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
	unsigned char response[258];
	DWORD len = sizeof(response), active;
	LONG rv;

	if (strcmp(how, "reset") == 0)
		rv = SCardReconnect(card, SCARD_SHARE_SHARED, protocol, SCARD_RESET_CARD, &active);
	else if (strcmp(how, "off") == 0)
		rv = SCardReconnect(card, SCARD_SHARE_SHARED, protocol, SCARD_UNPOWER_CARD,
				    &active);
	else
		rv = SCardTransmit(card, pci, select_none, sizeof(select_none), NULL, response,
				   &len);
	if (rv != SCARD_S_SUCCESS)
		SCardReconnect(card, SCARD_SHARE_SHARED, protocol, SCARD_LEAVE_CARD, &active);
}

_Noreturn static void disturb(const char *part, const char *how, long ms)
{
	DWORD protocol;
	SCARDHANDLE card = connect_to(part, &protocol);

	puts("ready");
	fflush(stdout);
	for (;;) {
		bool hold =
			strcmp(how, "hold") == 0 && SCardBeginTransaction(card) == SCARD_S_SUCCESS;

		if (!hold)
			disturb_once(card, protocol, how);
		pause_ms(ms);
		if (hold && SCardEndTransaction(card, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS)
			pause_ms(ms);
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "wait") == 0)
		return wait_until(atoi(argv[2]), NULL, false, atol(argv[3]));
	if (argc == 4 && (strcmp(argv[1], "card") == 0 || strcmp(argv[1], "empty") == 0))
		return wait_until(0, argv[2], argv[1][0] == 'c', atol(argv[3]));
	if (argc < 4) {
		fprintf(stderr, "usage: see the head of bare-pcsc.c\n");
		return 2;
	}
	must("context", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context));
	if (strcmp(argv[1], "send") == 0)
		return send_apdus(argv[2], atol(argv[3]), argv + 4);
	if (argc == 5 && strcmp(argv[1], "disturb") == 0)
		disturb(argv[2], argv[3], atol(argv[4]));
	return 2;
}
