/* SPDX-License-Identifier: Apache-2.0 */
/* MobileSecurityObject: what the issuer signed (ISO 18013-5 9.1.2.4). */
#ifndef MDOC_MSO_H
#define MDOC_MSO_H

#include <fuda/hash.h>
#include <fuda/mdoc.h>
#include "mdoc/cbor.h"

struct mso {
	enum fuda_hash hash;
	bool has_hash;       /* the algorithm is accepted */
	struct cbor digests; /* map of namespaces to maps of numbers to digests */
	struct cbor device_key;
	struct cbor authorizations; /* of the device key; `has_authorizations` */
	bool has_authorizations;
	struct cursor doctype;
	int64_t signed_at, from, until;
	bool has_times;
	bool has_status; /* it names a list of the second edition, clause 12.3.6 */
};

/* Reads MobileSecurityObjectBytes. Checks C8, and the form of times of C10: a finding for each rule
 * that is broken. FUDA_EFORMAT: it is so malformed that nothing of it can be used. */
int mso_read(struct cursor payload, bool allow_times, struct fuda_mdoc_findings *findings,
	     struct mso *ret);
/* The digest of number `id` in a namespace; FUDA_ENOTFOUND: none there; FUDA_EFORMAT: the
 * namespace itself is not there. */
int mso_digest(const struct mso *mso, struct cursor space, uint64_t id, struct cursor *ret);
/* Whether the device key may say an element on its own. */
bool mso_authorizes(const struct mso *mso, struct cursor space, struct cursor name);

#endif
