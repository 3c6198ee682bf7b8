/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver "nfc" and its helper program fuda-nfc say to each other: one request, one answer,
 * over a socket that keeps messages apart (SOCK_SEQPACKET), so that each message is one packet.
 * Nothing in here needs linking. Neither side trusts the other. */
#ifndef DRIVERS_NFC_PROTOCOL_H
#define DRIVERS_NFC_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/cursor.h"

enum {
	NFC_COMMAND_MIN = 4,
	/* libnfc copies a command into 264 bytes without looking; 262 fit beside its own two
	 * (readers.md A4, finding 1). The longest short APDU has 261. */
	NFC_COMMAND_MAX = 261,
	/* It brings back 263 at most (finding 3); a short APDU is answered by 258. */
	NFC_RESPONSE_MAX = 258,
	NFC_PLACE_MAX = 1000,   /* of a connection string; libnfc has room for 1023 */
	NFC_TEXT_MAX = 200,     /* bytes of a name or of a reason */
	NFC_ATQB_SIZE = 12,     /* with its 50 */
	NFC_ATS_MAX = 254,      /* with its length byte */
	NFC_MESSAGE_MAX = 1024, /* any message, with room to spare */
};

/* ---- requests ---- */

enum nfc_ask {
	NFC_ASK_OPEN,  /* the device at a connection string, or libnfc's first choice if empty */
	NFC_ASK_ON,    /* field off and on, then look for a card; one that was in use is let go */
	NFC_ASK_RESET, /* the same without the field going off, where the card lets itself be found
			*/
	NFC_ASK_OFF,   /* field off */
	NFC_ASK_TRANSMIT, /* one command APDU */
	NFC_ASKS,
};

struct nfc_request {
	enum nfc_ask ask;
	uint32_t ms; /* of TRANSMIT: how long the device may take; 1 or more */
	const uint8_t *bytes;
	size_t len;
};

/* What follows the first byte of a request. */
static inline bool nfc_request_fits(enum nfc_ask ask, size_t len)
{
	static const struct {
		size_t least, most;
	} sizes[NFC_ASKS] = {
		[NFC_ASK_OPEN] = { 0, NFC_PLACE_MAX },
		[NFC_ASK_TRANSMIT] = { NFC_COMMAND_MIN, NFC_COMMAND_MAX },
	};

	return len >= sizes[ask].least && len <= sizes[ask].most;
}

/* FUDA_EFORMAT. ret->bytes point into the message. */
static inline int nfc_request_parse(const uint8_t *message, size_t len, struct nfc_request *ret)
{
	struct nfc_request q = { 0 };
	struct cursor c = cur_of(message, len);
	uint8_t ask;

	if (cur_u8(&c, &ask) < 0 || ask >= NFC_ASKS)
		return FUDA_EFORMAT;
	q.ask = ask;
	if (q.ask == NFC_ASK_TRANSMIT && (cur_uint(&c, 4, &q.ms) < 0 || !q.ms || q.ms > INT32_MAX))
		return FUDA_EFORMAT;
	/* a connection string is text */
	if (!nfc_request_fits(q.ask, c.left) ||
	    (q.ask == NFC_ASK_OPEN && c.left && memchr(c.p, 0, c.left)))
		return FUDA_EFORMAT;
	q.bytes = c.p;
	q.len = c.left;
	*ret = q;
	return 0;
}

/* Returns the length, or 0 if it cannot be said. */
static inline size_t nfc_request_build(const struct nfc_request *q, uint8_t ret[NFC_MESSAGE_MAX])
{
	size_t head = 1;

	if (!nfc_request_fits(q->ask, q->len))
		return 0;
	ret[0] = (uint8_t)q->ask;
	if (q->ask == NFC_ASK_TRANSMIT)
		for (int shift = 24; shift >= 0; shift -= 8)
			ret[head++] = (uint8_t)(q->ms >> shift);
	if (q->len)
		memcpy(ret + head, q->bytes, q->len);
	return head + q->len;
}

/* ---- answers ---- */

enum nfc_said {
	/* OPEN: the name of the device. ON, RESET: the card. TRANSMIT: the response. */
	NFC_SAID_DONE,
	/* The rest bring the words of libnfc, if it has any. */
	NFC_SAID_NO_DEVICE, /* OPEN */
	NFC_SAID_DENIED,    /* OPEN: there is one that this user may not use */
	NFC_SAID_BUSY,      /* OPEN: there is one that another program has */
	NFC_SAID_NO_CARD,   /* ON, RESET */
	NFC_SAID_REMOVED,   /* TRANSMIT: lost, and nothing lies there any more */
	NFC_SAID_LOST,      /* TRANSMIT: lost, and a card lies there that needs activation; or the
			     * card had no power */
	NFC_SAID_TOO_LONG,  /* TRANSMIT: the response is; the command was carried out */
	NFC_SAID_FAILED,    /* the device failed; it is of no use any more */
	NFC_SAIDS,
};

enum nfc_card_type { NFC_TYPE_B = 'B', NFC_TYPE_A = 'A' }; /* followed by ATQB, ATS */

struct nfc_answer {
	enum nfc_said said;
	enum nfc_card_type type; /* of a card */
	const uint8_t *bytes;
	size_t len;
};

/* The payload of success. */
static inline int nfc_done_parse(enum nfc_ask ask, struct cursor *c, struct nfc_answer *a)
{
	uint8_t type;

	switch (ask) {
	case NFC_ASK_OPEN:
		return c->left <= NFC_TEXT_MAX ? 0 : FUDA_EFORMAT;
	case NFC_ASK_ON:
	case NFC_ASK_RESET:
		if (cur_u8(c, &type) < 0)
			return FUDA_EFORMAT;
		a->type = type;
		if (type == NFC_TYPE_B)
			return c->left == NFC_ATQB_SIZE ? 0 : FUDA_EFORMAT;
		return type == NFC_TYPE_A && c->left <= NFC_ATS_MAX ? 0 : FUDA_EFORMAT;
	case NFC_ASK_TRANSMIT:
		return c->left >= 2 && c->left <= NFC_RESPONSE_MAX ? 0 : FUDA_EFORMAT;
	default:
		return c->left == 0 ? 0 : FUDA_EFORMAT;
	}
}

/* FUDA_EFORMAT. ret->bytes point into the message. */
static inline int nfc_answer_parse(enum nfc_ask ask, const uint8_t *message, size_t len,
				   struct nfc_answer *ret)
{
	struct nfc_answer a = { 0 };
	struct cursor c = cur_of(message, len);
	uint8_t said;

	if (cur_u8(&c, &said) < 0 || said >= NFC_SAIDS)
		return FUDA_EFORMAT;
	a.said = said;
	if (said == NFC_SAID_DONE ? nfc_done_parse(ask, &c, &a) < 0 : c.left > NFC_TEXT_MAX)
		return FUDA_EFORMAT;
	a.bytes = c.p;
	a.len = c.left;
	*ret = a;
	return 0;
}

#endif
