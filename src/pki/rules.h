/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which the card's records are judged: what they are called and mean. Those of
 * certificates stand where they are tried (verify.c); these are tried in record/. */
#ifndef PKI_RULES_H
#define PKI_RULES_H

#include <fuda/pki.h>

/* In the order in which <fuda/cv.h> documents them: the first that is broken is the verdict. */
enum record_rule {
	RULE_CERTIFICATE_KEY,
	RULE_RECORD_SIGNATURE,
	RULE_RECORD_DIGEST,
	RULE_RECORD_KEYS,
	RULE_CHALLENGE_SIGNATURE,
	RULE_AUTHORITY_SIGNATURE,
	RULE_AUTHORITY_UNKNOWN,
	RECORD_RULES
};

struct record_rule_text {
	const char *name;
	enum fuda_result result; /* if it is broken */
	const char *text;        /* to be translated */
};
extern const struct record_rule_text record_rules[RECORD_RULES];

#endif
