/* SPDX-License-Identifier: Apache-2.0 */
/* SessionTranscript: what ties a response to one session (ISO 18013-5 9.1.5.1, OpenID4VP 1.0
 * B.2.6). Each of these appends the array of three, without a tag. */
#ifndef MDOC_TRANSCRIPT_H
#define MDOC_TRANSCRIPT_H

#include "mdoc/cbor.h"

/* Face to face: the bytes of DeviceEngagement and of the reader's COSE_Key as they were received or
 * sent, without tag 24 around them. `select` and `request` are the NDEF messages of an NFC handover
 * (`request` empty: a static one); both empty: QR. FUDA_ETOOBIG, FUDA_ENOMEM. */
int transcript_proximity(struct cursor engagement, struct cursor reader_key, struct cursor select,
			 struct cursor request, struct fuda_buf *ret);
/* OpenID4VP 1.0, redirects. `thumbprint`: of the key that the response is encrypted to (RFC 7638),
 * or empty. */
int transcript_openid4vp(const char *client_id, const char *nonce, struct cursor thumbprint,
			 const char *response_uri, struct fuda_buf *ret);
/* ... through the browser's Digital Credentials API. */
int transcript_dcapi(const char *origin, const char *nonce, struct cursor thumbprint,
		     struct fuda_buf *ret);
/* Takes one as transcript_proximity() makes it, its DeviceEngagement readable and its handover of
 * the one form or the other, and gives the COSE_Key. FUDA_EFORMAT: it is none. */
int transcript_read(struct cursor bytes, struct cbor *ret_key);
/* Whether `bytes` is an array of three. */
int transcript_check(struct cursor bytes);

#endif
