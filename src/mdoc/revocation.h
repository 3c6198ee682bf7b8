/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the issuers of a chain have revoked something of it: check C6 of mdoc.md 2.3. */
#ifndef MDOC_REVOCATION_H
#define MDOC_REVOCATION_H

#include "mdoc/judged.h"
#include "mdoc/trust.h"

/* Looks every certificate of the path up in the lists of the one above it, and the root in its own.
 * The worst of the answers: revoked, unknown, good. */
enum fuda_revocation revocation_judge(const struct fuda_mdoc_trust *trust,
				      const struct judged_chain *chain,
				      const struct chain_policy *policy,
				      struct fuda_mdoc_findings *findings);

/* What is found against every path, where lists are needed: none of those at hand counts. */
void revocation_judge_lists(const struct fuda_mdoc_trust *trust, const struct chain_policy *policy,
			    struct fuda_mdoc_findings *findings);

#endif
