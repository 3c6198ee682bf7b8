/* SPDX-License-Identifier: Apache-2.0 */
/* Making credentials: MobileSecurityObject and IssuerSigned (ISO 18013-5 9.1.2). */
#ifndef MDOC_ISSUE_H
#define MDOC_ISSUE_H

#include <time.h>
#include "base/signer.h"
#include "mdoc/cbor.h"
#include "pki/key.h"

enum {
	ISSUE_ELEMENTS_MAX = 128,
	ISSUE_SPACES_MAX = 16,
	ISSUE_DECOYS_MAX = 64, /* of a namespace */
	ISSUE_DIGESTS_MAX = ISSUE_ELEMENTS_MAX + 4 * ISSUE_DECOYS_MAX,
	ISSUE_DAYS_MAX = 30,     /* of the tender: mdoc.md 3, REQ-MSO-02 */
	ISSUE_RENEWAL_DAYS = 20, /* after so many the next one may be had: mdoc.md 2.4 */
	ISSUE_SALT = 32,
	ISSUE_ID_MAX = 0x7FFFFFFF, /* ISO 18013-5 9.1.2.4 */
};

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

/* For many credentials of one Document Signer: keeps what does not change, and the memory. One
 * thread at a time. `ds` and what it points to must live as long. FUDA_ENOMEM. */
struct issuer;
int issuer_new(const struct document_signer *ds, struct issuer **ret);
void issuer_free(struct issuer **issuer);
/* Appends the bytes of IssuerSigned, or nothing. Digest ids are random and below 2^31, salts of 32
 * bytes. Of 30 days, `expectedUpdate` is after the 20th. FUDA_EINVAL: no elements, the same one
 * twice, too many of anything, no days or more than ISSUE_DAYS_MAX, outside the DS certificate's
 * validity; FUDA_EFORMAT: a name that is not UTF-8, a value that is not CBOR; errors of signing. */
int issuer_issue(struct issuer *issuer, const struct credential *what, struct fuda_buf *ret);
/* The same for one. */
int issue(const struct document_signer *ds, const struct credential *what, struct fuda_buf *ret);

#endif
