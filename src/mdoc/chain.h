/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a certificate that came with a credential or a request is to be believed: checks C2 to C6
 * of mdoc.md 2.3 (ISO 18013-5 9.3.3). */
#ifndef MDOC_CHAIN_H
#define MDOC_CHAIN_H

#include <fuda/mdoc.h>
#include "base/cursor.h"
#include "pki/cert.h"

enum chain_role {
	CHAIN_DS,     /* signs credentials: under an IACA root */
	CHAIN_READER, /* signs requests: under a reader CA */
};

struct chain_policy {
	time_t at;
	unsigned skew; /* seconds by which a certificate or list may begin later than `at` */
	enum fuda_mdoc_crl_policy crl;
	unsigned crl_age; /* seconds beyond its next update for which a list still counts */
	/* Which extended key usages the leaf may have, dotted, ending with NULL; NULL: that of
	 * mobile driving licences, 1.0.18013.5.1.2, or of their readers, .6, by the role, as those
	 * of Japan are not public. */
	const char *const *purposes;
};

struct judged_chain;

/* What is known of the leaf whatever was found against it. All of it points into `judged`, or into
 * the trust, and is valid until chain_verdict_release(), which must come before the trust is freed.
 */
struct chain_verdict {
	const struct fuda_cert *leaf;    /* NULL: there is none that could be read */
	const struct fuda_cert *root;    /* who is believed and issued it; NULL: nobody */
	time_t not_before, not_after;    /* of the leaf */
	char country[3];                 /* of the leaf's subject: "JP"; or "" */
	enum fuda_revocation revocation; /* of the leaf and of all between it and the root */
	struct judged_chain *judged;
};

/* Judges `chain`, leaf first, as an x5chain has it: `count` certificates in DER. One finding for
 * each broken rule; all rules are tried whatever failed before, as far as there is something to try
 * them on. Chains against which nothing was found are remembered in the trust, but for what depends
 * on the time or on lists, as many as it has room for, until a certificate is added to it. 0
 * whenever there is a verdict, whatever was found; FUDA_ENOMEM, FUDA_EFAILED. */
int chain_judge(struct fuda_mdoc_trust *trust, enum chain_role role, const struct cursor *chain,
		size_t count, const struct chain_policy *policy,
		struct fuda_mdoc_findings *findings, struct chain_verdict *ret);
/* A verdict of zeroes is let pass. */
void chain_verdict_release(struct chain_verdict *verdict);

#endif
