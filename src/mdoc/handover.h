/* SPDX-License-Identifier: Apache-2.0 */
/* Engagement by NFC as the reader sees it (ISO 18013-5 8.2.2.1): NFC Forum Connection Handover 1.5,
 * static or negotiated, the latter by the Tag NDEF Exchange Protocol (TNEP 1.0). Facts:
 * mdoc.md 1.4.
 */
#ifndef MDOC_HANDOVER_H
#define MDOC_HANDOVER_H

#include <fuda/mdoc.h>
#include "base/cursor.h"

enum { HANDOVER_MAX = 8192 /* bytes of a message; the largest seen have 600 */ };

/* The least that data fields of a command and a response may be limited to (8.3.3.1.2). */
enum { HANDOVER_COMMAND_MIN = 255, HANDOVER_RESPONSE_MIN = 256 };

/* A Handover Select message, in place. */
struct handover {
	struct cursor engagement; /* DeviceEngagement, not looked into */
	unsigned carriers;        /* enum fuda_mdoc_carrier */
	/* of carrier NFC: bytes of the longest command and response data field, 255 to 65535 and
	 * 256 to 65536; otherwise 0 */
	size_t max_command, max_response;
};
/* FUDA_EFORMAT; FUDA_ENOTFOUND: it is another message, or one without DeviceEngagement;
 * FUDA_ENOTSUP: of another version, or it tells an error. */
int handover_read_select(struct cursor message, struct handover *ret);

/* Appends a Handover Request with carrier NFC alone, of these limits. FUDA_ETOOBIG, FUDA_ENOMEM. */
int handover_put_request(size_t max_command, size_t max_response, struct fuda_buf *ret);

/* The offer of negotiated handover, a TNEP service. */
struct handover_service {
	int wait_ms;       /* least time between two looks for an answer */
	unsigned looks;    /* after which a phone should have answered */
	size_t max_length; /* bytes of the longest message that it takes */
};
/* Out of a phone's first message. FUDA_ENOTFOUND: none, so that handover is static; FUDA_EFORMAT;
 * FUDA_ENOTSUP: of another version. */
int handover_read_service(struct cursor message, struct handover_service *ret);
/* Appends the message that selects that service. */
int handover_put_service_select(struct fuda_buf *ret);
/* The status that a phone answers with, 0 if it is ready. FUDA_ENOTFOUND: it is another message;
 * FUDA_EFORMAT. */
int handover_read_status(struct cursor message, uint8_t *ret);

#endif
