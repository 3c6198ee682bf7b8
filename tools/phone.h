/* SPDX-License-Identifier: Apache-2.0 */
/* A phone on a reader that is asked for a credential: from engagement to its answer. */
#ifndef TOOLS_PHONE_H
#define TOOLS_PHONE_H

#include <fuda/mdoc.h>
#include "tools/fuda.h"

enum { PHONE_MESSAGE_MAX = 1 << 20 };

/* One such talk. What is to be said before it, and what came of it. */
struct phone_talk {
	const struct fuda_mdoc_wish *wishes;
	size_t wish_count;
	const struct fuda_mdoc_identity *identity; /* who asks; NULL: not said */
	const struct fuda_mdoc_key *key;           /* the reader's ephemeral key; NULL: a new one */
	struct fuda_mdoc_span engagement;          /* from a QR code; none: by NFC as well */

	struct fuda_mdoc_reader *reader; /* has the transcript and the key */
	struct fuda_buf request, response;
};
#define PHONE_TALK_INIT                                       \
	((struct phone_talk){                                 \
		.request = FUDA_BUF_INIT(PHONE_MESSAGE_MAX),  \
		.response = FUDA_BUF_INIT(PHONE_MESSAGE_MAX), \
	})
void phone_talk_free(struct phone_talk *talk);
/* What the response is bound to, for who judges it. */
struct fuda_mdoc_session phone_session(const struct phone_talk *talk);

/* Opens what lies on the reader that --reader names, or the first phone where several have
 * something on them, waiting for it until the time is over; tells the person to hold the phone
 * there. FUDA_ENOTFOUND: none is a phone. */
int phone_open(struct call *call, const struct phone_talk *talk);
/* The whole of it, with the phone that was opened. FUDA_ENOTFOUND: it is none, or its wallet is not
 * open. */
int phone_talk(struct call *call, struct phone_talk *talk);
/* Whether a phone can be asked on that reader at all: looked at by opening it, with whatever is in
 * it or nothing. Where a PIN comes before the phone, this comes before the PIN. */
int phone_reader_there(struct call *call, const char *reader);
/* Both, on a reader of the phone's own, or for NULL on that of the card, which may still lie there:
 * whatever does not present is waited out, and the person told to change it for the phone. The
 * reader is noted in the report. */
int phone_follow(struct call *call, const char *card_reader, const char *own_reader,
		 struct phone_talk *talk);

#endif
