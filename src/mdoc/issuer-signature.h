/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures on certificates and revocation lists, by the algorithms of ISO 18013-5 Annex B. Those
 * of the JPKI are pki/cert.h's: they are others. */
#ifndef MDOC_ISSUER_SIGNATURE_H
#define MDOC_ISSUER_SIGNATURE_H

#include "base/cursor.h"
#include "pki/key.h"

/* Whether an AlgorithmIdentifier (all of `algorithm`) is one of them. EdDSA is for certificates of
 * readers alone (mdoc.md 2.1). */
bool issuer_signature_known(struct cursor algorithm, bool eddsa);
/* Judges `signature` over `tbs`: 0; FUDA_EVERIFY, also if the key does not sign so; FUDA_ENOTSUP:
 * the algorithm is not known, or the key is NULL; FUDA_ENOMEM, FUDA_EFAILED. Any of the hashes goes
 * with any of the curves: Annex B ties them for certificates no more than X.509 does [K]. */
int issuer_signature_judge(const struct key *key, struct cursor algorithm, struct cursor tbs,
			   struct cursor signature);

#endif
