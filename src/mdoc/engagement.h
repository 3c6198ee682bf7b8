/* SPDX-License-Identifier: Apache-2.0 */
/* DeviceEngagement: how a phone wants to be talked to (ISO 18013-5 8.2.1). */
#ifndef MDOC_ENGAGEMENT_H
#define MDOC_ENGAGEMENT_H

#include "mdoc/cbor.h"
#include "pki/key.h"

enum { ENGAGEMENT_MAX = 4096, ENGAGEMENT_METHODS_MAX = 8 };
enum retrieval { RETRIEVAL_NFC = 1, RETRIEVAL_BLE = 2, RETRIEVAL_WIFI = 3 };
enum { RETRIEVAL_VERSION = 1 };

struct retrieval_method {
	uint64_t type; /* enum retrieval, or one not known here */
	uint64_t version;
	/* NFC of the version that is known here: bytes of the longest command and response data
	 * field (8.2.2.3), at least as many as a handover must have */
	uint64_t max_command, max_response;
	struct cursor options; /* as they came, to be shown */
};
struct engagement {
	struct cursor bytes;      /* all of it: part of the SessionTranscript */
	struct cursor device_key; /* the COSE_Key's bytes */
	struct retrieval_method methods[ENGAGEMENT_METHODS_MAX];
	size_t method_count; /* 0 in NFC engagement: the handover has them */
};
/* Whether it is NFC in the version that is known here, and so has limits. */
static inline bool retrieval_is_nfc(const struct retrieval_method *m)
{
	return m->type == RETRIEVAL_NFC && m->version == RETRIEVAL_VERSION;
}
/* Versions 1.x. FUDA_EFORMAT; FUDA_ENOTSUP: another version or cipher suite. */
int engagement_read(struct cursor bytes, struct engagement *ret);
/* Appends one; `key` is the ephemeral device key; `nfc`: with NFC as retrieval method, of these
 * maximum sizes (for a QR code). */
int engagement_put(const struct key *key, bool nfc, uint16_t max_command, uint32_t max_response,
		   struct fuda_buf *ret);

/* "mdoc:" and base64url (8.2.2.3, QR codes). Reading: blanks at the ends are let pass.
 * FUDA_EFORMAT.
 */
int engagement_uri(struct cursor bytes, struct fuda_buf *ret_text);
int engagement_from_uri(const char *text, size_t len, struct fuda_buf *ret_bytes);

#endif
