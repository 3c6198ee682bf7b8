/* SPDX-License-Identifier: Apache-2.0 */
/* The phone: a mobile credential (mdoc, ISO 18013-5) is a second credential of the subject that a
 * card belongs to. It is bound once, with the card and its PIN; from then on the phone alone tells
 * who its holder is, and takes itself off. It presents for a challenge as a card signs one: the key
 * of the reader in its session is made of the challenge (mykey/transcript.h). Of what it shows
 * nothing is kept but the blind index of the device key, which its issuer vouches for. */
#ifndef SERVICE_RULE_MDOC_H
#define SERVICE_RULE_MDOC_H

#include <fuda/buf.h>

enum { MDOC_TRANSCRIPT_MAX = 4096, MDOC_RESPONSE_MAX = 16384 };

/* What a presentation brings: SessionTranscript and DeviceResponse in CBOR. */
struct mdoc_brought {
	struct fuda_buf transcript, response;
};
#define MDOC_BROUGHT_INIT                                                         \
	((struct mdoc_brought){ .transcript = FUDA_BUF_INIT(MDOC_TRANSCRIPT_MAX), \
				.response = FUDA_BUF_INIT(MDOC_RESPONSE_MAX) })

struct request;
/* Judges the presentation, before the writer sees it, and finds the device key's blind index. The
 * code of a refusal, or NULL. */
const char *mdoc_judge(struct request *r);
void mdoc_free(struct request *r);

#endif
