/* SPDX-License-Identifier: Apache-2.0 */
/* What programs call in libpcsclite's stead. Where the card is not what it was, all of them say so
 * as pcscd does. */
#include <string.h>

#include "preload/preload.h"

enum { APDU_HEADER = 4 }; /* CLA INS P1 P2 */

/* ---- connections ---- */

/* A connection is as good as the trace: without one there is none. Sharing a reader directly needs
 * no card. */
static LONG may_connect(DWORD share)
{
	MONITOR;
	LONG rv = stack_open();

	if (rv == SCARD_S_SUCCESS)
		rv = stack_state(NULL);
	if (rv == SCARD_W_REMOVED_CARD)
		return share == SCARD_SHARE_DIRECT ? SCARD_S_SUCCESS : SCARD_E_NO_SMARTCARD;
	return rv == SCARD_E_READER_UNAVAILABLE ? SCARD_E_UNKNOWN_READER : rv;
}

/* Keeps a copy of `c`, with what else it needs. */
static LONG keep(struct connection *c, const char *reader)
{
	MONITOR;

	c->slot = slot_called(reader);
	c->epoch = stack_epoch();
	if (!c->slot || connection_put(c) < 0)
		return SCARD_E_NO_MEMORY;
	return stack_note_connection(c);
}

static void forget(SCARDHANDLE handle)
{
	MONITOR;
	connection_drop(handle);
}

LONG SCardConnect(SCARDCONTEXT hContext, LPCSTR szReader, DWORD dwShareMode,
		  DWORD dwPreferredProtocols, LPSCARDHANDLE phCard, LPDWORD pdwActiveProtocol)
{
	LONG rv = may_connect(dwShareMode);
	struct connection c;

	if (rv == SCARD_S_SUCCESS)
		rv = real()->SCardConnect(hContext, szReader, dwShareMode, dwPreferredProtocols,
					  phCard, pdwActiveProtocol);
	if (rv != SCARD_S_SUCCESS)
		return rv;
	c = (struct connection){ .handle = *phCard,
				 .context = hContext,
				 .share = dwShareMode,
				 .protocols = dwPreferredProtocols,
				 .active = *pdwActiveProtocol };
	rv = keep(&c, szReader);
	if (rv != SCARD_S_SUCCESS) {
		forget(*phCard);
		real()->SCardDisconnect(*phCard, SCARD_LEAVE_CARD);
	}
	return rv;
}

/* What a disposition or initialization does to the power; NULL: nothing. `on`: pcscd has it on
 * again afterwards, and the program means it. */
static const char *power_word(DWORD disposition, bool on)
{
	switch (disposition) {
	case SCARD_RESET_CARD:
		return "reset";
	case SCARD_UNPOWER_CARD:
		return on ? "on" : "off";
	default:
		return NULL;
	}
}

static void note_power(const struct connection *c, DWORD disposition, bool on)
{
	const char *how = power_word(disposition, on);

	if (how)
		stack_note_power(c, how);
}

/* A program that finds the card reset starts afresh; libpcsclite says it until it reconnects. */
static LONG note_reset(SCARDHANDLE handle, LONG rv)
{
	MONITOR;
	struct connection *c = connection_find(handle);

	if (c && rv == SCARD_W_RESET_CARD && !c->reset) {
		c->reset = true;
		stack_note_power(c, "reset");
	}
	return rv;
}

static LONG state_of(SCARDHANDLE handle)
{
	MONITOR;
	const struct connection *c = connection_find(handle);

	return c ? stack_state(c) : SCARD_S_SUCCESS;
}

LONG SCardReconnect(SCARDHANDLE hCard, DWORD dwShareMode, DWORD dwPreferredProtocols,
		    DWORD dwInitialization, LPDWORD pdwActiveProtocol)
{
	LONG rv = state_of(hCard);

	if (rv == SCARD_W_REMOVED_CARD)
		return SCARD_E_NO_SMARTCARD;
	if (rv != SCARD_S_SUCCESS && rv != SCARD_W_RESET_CARD)
		return rv;
	rv = real()->SCardReconnect(hCard, dwShareMode, dwPreferredProtocols, dwInitialization,
				    pdwActiveProtocol);
	if (rv == SCARD_S_SUCCESS) {
		MONITOR;
		struct connection *c = connection_find(hCard);

		if (c) {
			c->share = dwShareMode;
			c->protocols = dwPreferredProtocols;
			c->active = *pdwActiveProtocol;
			c->epoch = stack_epoch();
			note_power(c, dwInitialization, true);
			c->known = c->reset = false;
		}
	}
	return rv;
}

LONG SCardDisconnect(SCARDHANDLE hCard, DWORD dwDisposition)
{
	LONG rv = real()->SCardDisconnect(hCard, dwDisposition);

	if (rv == SCARD_S_SUCCESS) {
		MONITOR;
		const struct connection *c = connection_find(hCard);

		if (c)
			note_power(c, dwDisposition, false);
		connection_drop(hCard);
	}
	return rv;
}

LONG SCardReleaseContext(SCARDCONTEXT hContext)
{
	LONG rv = real()->SCardReleaseContext(hContext);

	if (rv == SCARD_S_SUCCESS) {
		MONITOR;
		connection_drop_context(hContext);
	}
	return rv;
}

/* ---- transactions ---- */

/* The slot of a connection that is fit to begin one; its turn is taken. */
static LONG take_transaction(SCARDHANDLE handle, struct slot **ret)
{
	MONITOR;
	const struct connection *c = connection_find(handle);
	LONG rv = c ? stack_state(c) : SCARD_S_SUCCESS;

	*ret = NULL;
	if (c && rv == SCARD_S_SUCCESS) {
		*ret = c->slot;
		transaction_take(*ret, handle);
	}
	return rv;
}

static void begun(struct slot *s, SCARDHANDLE handle, LONG rv)
{
	MONITOR;

	if (rv != SCARD_S_SUCCESS) {
		transaction_give(s, handle);
		return;
	}
	transaction_begun(s, handle);
	if (s->depth == 1)
		stack_note_others();
}

LONG SCardBeginTransaction(SCARDHANDLE hCard)
{
	struct slot *s;
	LONG rv = take_transaction(hCard, &s);

	if (rv != SCARD_S_SUCCESS)
		return rv;
	rv = real()->SCardBeginTransaction(hCard);
	if (s)
		begun(s, hCard, rv);
	return note_reset(hCard, rv);
}

/* After a reset pcscd keeps the transaction until the program has reconnected. */
LONG SCardEndTransaction(SCARDHANDLE hCard, DWORD dwDisposition)
{
	LONG state = state_of(hCard), rv;

	if (state == SCARD_W_RESET_CARD)
		return state;
	rv = real()->SCardEndTransaction(hCard, dwDisposition);
	if (rv != SCARD_W_RESET_CARD) {
		MONITOR;
		struct connection *c = connection_find(hCard);

		if (c)
			transaction_give(c->slot, hCard);
		if (c && rv == SCARD_S_SUCCESS)
			note_power(c, dwDisposition, false);
		stack_note_others();
	}
	return state != SCARD_S_SUCCESS ? state : note_reset(hCard, rv);
}

/* ---- status ---- */

LONG SCardStatus(SCARDHANDLE hCard, LPSTR szReaderName, LPDWORD pcchReaderLen, LPDWORD pdwState,
		 LPDWORD pdwProtocol, LPBYTE pbAtr, LPDWORD pcbAtrLen)
{
	DWORD *const results[] = { pcchReaderLen, pdwState, pdwProtocol, pcbAtrLen };
	LONG rv = state_of(hCard);

	if (rv == SCARD_S_SUCCESS)
		return note_reset(hCard,
				  real()->SCardStatus(hCard, szReaderName, pcchReaderLen, pdwState,
						      pdwProtocol, pbAtr, pcbAtrLen));
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (results[i])
			*results[i] = 0;
	return rv;
}

/* ---- commands ---- */

LONG SCardTransmit(SCARDHANDLE hCard, const SCARD_IO_REQUEST *pioSendPci, LPCBYTE pbSendBuffer,
		   DWORD cbSendLength, SCARD_IO_REQUEST *pioRecvPci, LPBYTE pbRecvBuffer,
		   LPDWORD pcbRecvLength)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(MAX_BUFFER_SIZE_EXTENDED);
	struct passage p = { .send_pci = pioSendPci,
			     .receive_pci = pioRecvPci,
			     .bytes = pbSendBuffer,
			     .len = cbSendLength };
	LONG rv;

	if (!pioSendPci || !pbSendBuffer || !pbRecvBuffer || !pcbRecvLength ||
	    cbSendLength > MAX_BUFFER_SIZE_EXTENDED || !connection_copy(hCard, &p.c))
		return real()->SCardTransmit(hCard, pioSendPci, pbSendBuffer, cbSendLength,
					     pioRecvPci, pbRecvBuffer, pcbRecvLength);
	if (cbSendLength < APDU_HEADER) /* no command, and nothing that a trace can say */
		return SCARD_E_INVALID_PARAMETER;
	rv = stack_pass(&p, &response);
	return stack_hand_over(rv, &response, pbRecvBuffer, *pcbRecvLength, pcbRecvLength);
}
