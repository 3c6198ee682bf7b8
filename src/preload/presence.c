/* SPDX-License-Identifier: Apache-2.0 */
/* Which readers there are and what is in them, once a card was pulled or a reader unplugged on
 * purpose: for the whole process, as the commands of all its connections count together. */
#include <strings.h>

#include "base/deadline.h"
#include "preload/preload.h"

/* libpcsclite waits for what really happens; that something is broken meanwhile, on another thread,
 * is looked for so often. */
enum { LOOK_MS = 100 };

/* A name that stands for readers that come and go. */
#define ANY "\\\\?PnP?\\Notification"

static LONG state(void)
{
	MONITOR;
	return stack_state(NULL);
}

LONG SCardListReaders(SCARDCONTEXT hContext, LPCSTR mszGroups, LPSTR mszReaders,
		      LPDWORD pcchReaders)
{
	if (state() == SCARD_E_READER_UNAVAILABLE)
		return SCARD_E_NO_READERS_AVAILABLE;
	return real()->SCardListReaders(hContext, mszGroups, mszReaders, pcchReaders);
}

/* What pcscd says of a reader without a card, or of one that is not there. Returns whether the
 * program did not know yet. */
static bool tell(SCARD_READERSTATE *s, LONG broken)
{
	bool removed = broken == SCARD_W_REMOVED_CARD;
	DWORD now = removed ? SCARD_STATE_EMPTY : SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE;
	bool news = (s->dwCurrentState & now) != now;

	if (!s->szReader || s->dwCurrentState & SCARD_STATE_IGNORE ||
	    strcasecmp(s->szReader, ANY) == 0)
		return false;
	s->dwEventState = now | (news ? SCARD_STATE_CHANGED : 0);
	s->cbAtr = 0;
	return news;
}

static bool tell_all(SCARD_READERSTATE *states, DWORD count, LONG broken)
{
	bool news = false;

	for (DWORD i = 0; i < count; i++)
		news |= tell(&states[i], broken);
	return news;
}

/* Asks in steps of LOOK_MS until there is something to tell or `timeout` is over. What is broken
 * stays so: then only SCardCancel() can end it earlier. */
static LONG wait_in_steps(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states,
			  DWORD count)
{
	const int64_t start = deadline_now();
	const bool forever = timeout == INFINITE || timeout == (DWORD)-1;
	int64_t left;
	LONG rv;

	do {
		SCARD_READERSTATE nothing = { .szReader = ANY };
		LONG broken = state();
		DWORD step;

		if (broken != SCARD_S_SUCCESS && tell_all(states, count, broken))
			return SCARD_S_SUCCESS;
		left = forever ? LOOK_MS : (int64_t)timeout - (deadline_now() - start);
		step = (DWORD)MAX(MIN(left, LOOK_MS), 0);
		if (broken == SCARD_S_SUCCESS)
			rv = real()->SCardGetStatusChange(context, step, states, count);
		else
			rv = real()->SCardGetStatusChange(context, step, &nothing, 1);
		if (broken != SCARD_S_SUCCESS && rv == SCARD_S_SUCCESS)
			rv = SCARD_E_TIMEOUT;
	} while (rv == SCARD_E_TIMEOUT && (forever || left > LOOK_MS));
	return rv;
}

LONG SCardGetStatusChange(SCARDCONTEXT hContext, DWORD dwTimeout, SCARD_READERSTATE *rgReaderStates,
			  DWORD cReaders)
{
	bool breaks;

	{
		MONITOR;
		breaks = stack_breaks();
	}
	if (!breaks || !rgReaderStates)
		return real()->SCardGetStatusChange(hContext, dwTimeout, rgReaderStates, cReaders);
	return wait_in_steps(hContext, dwTimeout, rgReaderStates, cReaders);
}
