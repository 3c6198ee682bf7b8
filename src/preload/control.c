/* SPDX-License-Identifier: Apache-2.0 */
/* SCardControl(): what it sends to the reader is no matter of the card, but for PINs that are typed
 * there. PC/SC part 10. */
#include <reader.h>

#include "base/cursor.h"
#include "preload/preload.h"
#include "reader/pad.h"

/* ---- which control codes these are ---- */

static void learn(struct features *f, uint8_t tag, DWORD code)
{
	switch (tag) {
	case FEATURE_VERIFY_PIN_DIRECT:
		f->verify = code;
		break;
	case FEATURE_MODIFY_PIN_DIRECT:
		f->modify = code;
		break;
	case FEATURE_VERIFY_PIN_START:
	case FEATURE_MODIFY_PIN_START:
	case FEATURE_MCT_READER_DIRECT:
	case FEATURE_MCT_UNIVERSAL:
	case FEATURE_VERIFY_PIN_DIRECT_APP_ID:
	case FEATURE_MODIFY_PIN_DIRECT_APP_ID:
	case FEATURE_EXECUTE_PACE:
		if (f->other_count < OTHERS_MAX)
			f->others[f->other_count++] = code;
		break;
	default:
		break;
	}
}

/* The answer to CM_IOCTL_GET_FEATURE_REQUEST: a list of tags, lengths of one byte and codes. */
static void learn_features(SCARDHANDLE handle, struct cursor list)
{
	MONITOR;
	struct connection *c = connection_find(handle);
	struct cursor value;
	uint8_t tag, len;

	if (!c)
		return;
	c->slot->features = (struct features){ 0 };
	c->known = false;
	while (cur_u8(&list, &tag) == 0 && cur_u8(&list, &len) == 0 &&
	       cur_sub(&list, len, &value) == 0) {
		uint32_t code;

		if (value.left == sizeof(code) && cur_uint(&value, sizeof(code), &code) == 0)
			learn(&c->slot->features, tag, code);
	}
}

/* Of the reader of a connection; none where that is none of ours. */
static struct features features_of(SCARDHANDLE handle)
{
	MONITOR;
	const struct connection *c = connection_find(handle);

	return c ? c->slot->features : (struct features){ 0 };
}

static bool is_other(const struct features *f, DWORD code)
{
	for (size_t i = 0; i < f->other_count; i++)
		if (f->others[i] == code)
			return true;
	return false;
}

/* ---- the call ---- */

/* Readers have ways of their own to send commands to a card. */
static void note_unknown(void)
{
	MONITOR;
	stack_note_others();
}

static LONG pass_on(SCARDHANDLE handle, DWORD code, const void *sent, DWORD sent_len, void *room,
		    DWORD size, DWORD *ret_len)
{
	LONG rv = real()->SCardControl(handle, code, sent, sent_len, room, size, ret_len);

	if (code != CM_IOCTL_GET_FEATURE_REQUEST)
		note_unknown();
	if (rv == SCARD_S_SUCCESS && code == CM_IOCTL_GET_FEATURE_REQUEST && ret_len)
		learn_features(handle, cur_of(room, *ret_len));
	return rv;
}

/* A secret is typed, by a structure that makes sense. */
static LONG type(struct passage *p, void *room, DWORD size, DWORD *ret_len)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(MAX_BUFFER_SIZE_EXTENDED);
	DWORD ignored;
	LONG rv = stack_pass(p, &response);

	return stack_hand_over(rv, &response, room, size, ret_len ? ret_len : &ignored);
}

LONG SCardControl(SCARDHANDLE hCard, DWORD dwControlCode, LPCVOID pbSendBuffer, DWORD cbSendLength,
		  LPVOID pbRecvBuffer, DWORD cbRecvLength, LPDWORD lpBytesReturned)
{
	struct passage p = { .bytes = pbSendBuffer,
			     .len = pbSendBuffer ? cbSendLength : 0,
			     .control = dwControlCode };
	const struct features f = features_of(hCard);
	struct pad_entry entry;
	bool types;

	p.modify = f.modify && dwControlCode == f.modify;
	types = p.modify || (f.verify && dwControlCode == f.verify);
	if (is_other(&f, dwControlCode) ||
	    (types && pad_parse(p.modify, p.bytes, p.len, &entry) < 0)) {
		stack_say(_("This program uses the reader in a way that cannot be recorded: its "
			    "trace would have a hole."));
		return SCARD_E_UNSUPPORTED_FEATURE;
	}
	if (types && connection_copy(hCard, &p.c)) {
		p.header = entry.command;
		return type(&p, pbRecvBuffer, cbRecvLength, lpBytesReturned);
	}
	return pass_on(hCard, dwControlCode, pbSendBuffer, cbSendLength, pbRecvBuffer, cbRecvLength,
		       lpBytesReturned);
}
