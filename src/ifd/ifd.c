/* SPDX-License-Identifier: Apache-2.0 */
/* The entry points that pcscd calls, IFD handler version 3. Each may come on any thread, with any
 * arguments. */
#include <PCSC/ifdhandler.h>
#include <string.h>

#include "ifd/features.h"
#include "ifd/slots.h"

RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
	return DeviceName ? slot_open(Lun, DeviceName) : IFD_COMMUNICATION_ERROR;
}

/* The number of a serial port: on the USB it says nothing, <PCSC/ifdhandler.h>. */
RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
	(void)Channel;
	return slot_open(Lun, NULL);
}

RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
	return slot_close(Lun);
}

/* Hands `b` over if there is room; the length is said in any case. */
static RESPONSECODE hand_over(const struct fuda_buf *b, PUCHAR value, size_t room, PDWORD length)
{
	*length = b->len;
	if (b->len > room || (b->len > 0 && !value))
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	if (b->len > 0)
		memcpy(value, b->data, b->len);
	return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
	_slot_ struct slot *s = slot_take(Lun);
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(CAPABILITY_MAX);
	RESPONSECODE code;

	if (!s || !Length)
		return IFD_COMMUNICATION_ERROR;
	code = capability_get(s, Tag, &b);
	return code == IFD_SUCCESS ? hand_over(&b, Value, *Length, Length) : code;
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
	_slot_ struct slot *s = slot_take(Lun);

	(void)Length;
	(void)Value;
	if (!s)
		return IFD_COMMUNICATION_ERROR;
	return capability_known(Tag) ? IFD_ERROR_VALUE_READ_ONLY : IFD_ERROR_TAG;
}

/* ISO 14443-4 stands for T=1 (PC/SC part 3), whatever else the ATR names; what there is to settle
 * the driver settles when it powers the card. */
RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1,
				       UCHAR PTS2, UCHAR PTS3)
{
	_slot_ struct slot *s = slot_take(Lun);

	(void)PTS1;
	(void)PTS2;
	(void)PTS3;
	if (!s)
		return IFD_COMMUNICATION_ERROR;
	if (Protocol != SCARD_PROTOCOL_T1)
		return IFD_PROTOCOL_NOT_SUPPORTED;
	return Flags == 0 ? IFD_SUCCESS : IFD_ERROR_PTS_FAILURE;
}

static RESPONSECODE power_off(struct slot *s)
{
	int e = 0;

	if (s->powered)
		e = reader_power(s->reader, POWER_OFF, slot_budget(s, POWER_MS));
	s->powered = false;
	return slot_code(s, e);
}

static RESPONSECODE power_on(struct slot *s, enum power how, PUCHAR atr, PDWORD atr_len)
{
	int e;

	if (!s->powered)
		how = POWER_ON;
	s->powered = false;
	e = reader_power(s->reader, how, slot_budget(s, POWER_MS));
	if (e < 0) {
		RESPONSECODE code = slot_code(s, e);

		slot_doubt(s);
		return code == IFD_NO_SUCH_DEVICE ? code : IFD_ERROR_POWER_ACTION;
	}
	s->powered = true;
	slot_used(s);
	memcpy(atr, s->reader->atr, s->reader->atr_len);
	*atr_len = s->reader->atr_len;
	return IFD_SUCCESS;
}

/* `Atr` has room for MAX_ATR_SIZE bytes whatever *AtrLength says: callers have come without. */
RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
	_slot_ struct slot *s = slot_take(Lun);

	if (AtrLength)
		*AtrLength = 0;
	if (!s)
		return IFD_COMMUNICATION_ERROR;
	if (Action == IFD_POWER_DOWN)
		return power_off(s);
	if (!Atr || !AtrLength)
		return IFD_COMMUNICATION_ERROR;
	if (Action == IFD_POWER_UP)
		return power_on(s, POWER_ON, Atr, AtrLength);
	if (Action == IFD_RESET)
		return power_on(s, POWER_RESET, Atr, AtrLength);
	return IFD_NOT_SUPPORTED;
}

/* Whatever the command is, it may be a PIN: it leaves once. */
static RESPONSECODE transmit(struct slot *s, const uint8_t *command, size_t len,
			     struct fuda_buf *ret_response)
{
	RESPONSECODE code = slot_ready(s);

	if (code != IFD_SUCCESS)
		return code;
	return slot_done(s, reader_transmit(s->reader, command, len, TRANSMIT_ONCE,
					    slot_budget(s, TRANSMIT_MS), ret_response));
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength,
			       PUCHAR RxBuffer, PDWORD RxLength, PSCARD_IO_HEADER RecvPci)
{
	_slot_ struct slot *s = slot_take(Lun);
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(0);
	size_t room = RxLength ? *RxLength : 0;
	RESPONSECODE code;

	(void)SendPci;
	if (RxLength)
		*RxLength = 0;
	if (!s || !TxBuffer || !RxBuffer || !RxLength)
		return IFD_COMMUNICATION_ERROR;
	response.max = s->reader->max_response;
	code = transmit(s, TxBuffer, TxLength, &response);
	if (code != IFD_SUCCESS)
		return code;
	if (response.len > room)
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	if (RecvPci)
		RecvPci->Protocol = 1;
	return hand_over(&response, RxBuffer, room, RxLength);
}

RESPONSECODE IFDHICCPresence(DWORD Lun)
{
	_slot_ struct slot *s = slot_take(Lun);

	return s ? slot_presence(s) : IFD_COMMUNICATION_ERROR;
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength,
			 PUCHAR RxBuffer, DWORD RxLength, LPDWORD pdwBytesReturned)
{
	_slot_ struct slot *s = slot_take(Lun);
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(CONTROL_MAX);
	const struct request request = { .data = TxBuffer,
					 .len = TxBuffer ? TxLength : 0,
					 .room = RxBuffer ? RxLength : 0 };
	RESPONSECODE code;

	if (pdwBytesReturned)
		*pdwBytesReturned = 0;
	if (!s || !pdwBytesReturned)
		return IFD_COMMUNICATION_ERROR;
	code = control_run(s, dwControlCode, &request, &b);
	if (code == IFD_SUCCESS)
		code = hand_over(&b, RxBuffer, RxLength, pdwBytesReturned);
	if (code != IFD_SUCCESS)
		*pdwBytesReturned = 0;
	return code;
}
