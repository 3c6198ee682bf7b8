/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/rules.h"

#include "base/util.h"

const struct record_rule_text record_rules[RECORD_RULES] = {
	[RULE_CERTIFICATE_KEY] = { "certificate_key", FUDA_RESULT_UNSUPPORTED_CERTIFICATE,
				   N_("The key of the CV certificate is not of the kind and size "
				      "that the cards use (RSA with 2048 bits). A newer version of "
				      "this program may know it.") },
	[RULE_RECORD_SIGNATURE] = { "record_signature", FUDA_RESULT_SIGNATURE_MISMATCH,
				    N_("A record was not signed by the key of the card's CV "
				       "certificate: it is forged "
				       "or was changed. Do not accept the card.") },
	[RULE_RECORD_DIGEST] = { "record_digest", FUDA_RESULT_SIGNATURE_MISMATCH,
				 N_("What was read is not what the card's integrity record was "
				    "signed for: it was changed, or comes from another card. Do "
				    "not accept the card.") },
	[RULE_RECORD_KEYS] = { "record_keys", FUDA_RESULT_SIGNATURE_MISMATCH,
			       N_("The records name different keys: they do not come from one "
				  "card. Do not accept the card.") },
	[RULE_CHALLENGE_SIGNATURE] = { "challenge_signature", FUDA_RESULT_SIGNATURE_MISMATCH,
				       N_("The card did not prove that it has the key that its "
					  "records name: it is a copy. Do not accept the card.") },
	[RULE_AUTHORITY_SIGNATURE] = { "authority_signature", FUDA_RESULT_INVALID_CERTIFICATE,
				       N_("The CV certificate was not issued by the authority that "
					  "it names: it is forged or was changed, or the "
					  "authority's key that was given is wrong. Do not accept "
					  "the card.") },
	[RULE_AUTHORITY_UNKNOWN] = { "authority_unknown", FUDA_RESULT_INVALID_CERTIFICATE,
				     N_("The authority key is not known, so nothing says that the "
					"card is genuine, though everything on it fits together. "
					"Name a file with the keys of the authorities (--cv-trust "
					"FILE).") },
};
