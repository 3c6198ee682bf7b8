/* SPDX-License-Identifier: Apache-2.0 */
/* Mobile credentials: mdocs by ISO/IEC 18013-5, of which the My Number card on a phone is one. */
#ifndef FUDA_MDOC_H
#define FUDA_MDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/deadline.h>
#include <fuda/pki.h>

/* ---- rules ---- */

enum fuda_mdoc_rule {
	FUDA_MDOC_NONE,
#define X(name, check, result, text) FUDA_MDOC_##name,
#include <fuda/mdoc.def>
#undef X
	FUDA_MDOC_RULES
};
/* Its name ("digest_mismatch"), the check it belongs to ("C13"), and what it means with what to do,
 * in the language of LC_MESSAGES; static. */
const char *fuda_mdoc_rule_name(enum fuda_mdoc_rule rule);
const char *fuda_mdoc_rule_check(enum fuda_mdoc_rule rule);
const char *fuda_mdoc_rule_text(enum fuda_mdoc_rule rule);
enum fuda_result fuda_mdoc_rule_result(enum fuda_mdoc_rule rule);

enum { FUDA_MDOC_FINDINGS_MAX = 32, FUDA_MDOC_DETAIL = 96 };
struct fuda_mdoc_finding {
	enum fuda_mdoc_rule rule;
	const char *of; /* whose certificate: "ds", "iaca", "link", "reader", "reader_ca"; "crl"; or "";
			 * static */
	char detail[FUDA_MDOC_DETAIL]; /* what is at fault, UTF-8; "" if there is nothing to name */
};
struct fuda_mdoc_findings {
	struct fuda_mdoc_finding found[FUDA_MDOC_FINDINGS_MAX];
	size_t count;  /* of those kept */
	size_t missed; /* more than there is room for */
};

/* ---- trust ---- */

/* Which issuers are believed, and which readers; with their revocation lists. Nobody is believed
 * who was not added: no certificate of Japan's authority is public yet. */
struct fuda_mdoc_trust;
int fuda_mdoc_trust_new(struct fuda_context *ctx, struct fuda_mdoc_trust **ret);
void fuda_mdoc_trust_free(struct fuda_mdoc_trust **trust);

#endif
