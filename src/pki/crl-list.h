/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a revocation list as they are searched. */
#ifndef PKI_CRL_LIST_H
#define PKI_CRL_LIST_H

#include "base/cursor.h"
#include "pki/crl.h"

/* Of an entry whose reason is not said. */
enum { CRL_NO_REASON = 0xFF };

/* Ordered as bytes: by serial number, those of one number as they stood in the list. */
struct crl_record {
	uint8_t serial[CRL_SERIAL_MAX]; /* right-aligned, zeros before it */
	uint8_t number[3];              /* of the entry in the list: CRL_MAX has fewer than 2^24 */
	uint8_t reason;
};

struct crl_list {
	struct crl_record *records;
	size_t count;
};

/* Takes the entries out of the content of revokedCertificates. FUDA_EFORMAT, FUDA_ENOTSUP (a reason
 * or a critical extension that is not understood), FUDA_ENOMEM. */
int crl_list_read(struct cursor entries, struct crl_list *ret);
void crl_list_free(struct crl_list *list);
/* The first of the entries for that number, or NULL. */
const struct crl_record *crl_list_find(const struct crl_list *list, struct cursor serial);

#endif
