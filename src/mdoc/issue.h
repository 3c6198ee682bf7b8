/* SPDX-License-Identifier: Apache-2.0 */
/* Making credentials: MobileSecurityObject and IssuerSigned (ISO 18013-5 9.1.2). */
#ifndef MDOC_ISSUE_H
#define MDOC_ISSUE_H

#include <time.h>
#include "base/signer.h"
#include "mdoc/cbor.h"
#include "pki/key.h"

enum { ISSUE_ELEMENTS_MAX = 128, ISSUE_DAYS_MAX = 30 };

/* Who issues. The certificate's key must be the signer's. */
struct document_signer {
	struct signer signer;
	struct cursor certificate; /* DER of the DS certificate: x5chain */
	time_t not_before, not_after;
};
/* An element; nothing is owned. */
struct issue_element {
	const char *space, *name;
	struct cursor value; /* CBOR */
};
/* One credential. */
struct credential {
	const char *doctype;
	const struct issue_element *elements; /* in any order */
	size_t element_count;
	const struct key *device_key;
	time_t at;     /* `signed` and `validFrom` */
	unsigned days; /* ... until so many days later, or the end of the DS certificate */
	size_t decoys; /* digests of nothing, for each namespace */
};
/* Appends the bytes of IssuerSigned. Digest ids are random and below 2^31, salts of 32 bytes.
 * FUDA_EINVAL: no elements, the same one twice, more than ISSUE_DAYS_MAX, outside the DS
 * certificate's validity; errors of signing. */
int issue(const struct document_signer *ds, const struct credential *what, struct fuda_buf *ret);

#endif
