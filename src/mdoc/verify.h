/* SPDX-License-Identifier: Apache-2.0 */
/* Inside verification: one document, judged part by part (mdoc.md 2.3). */
#ifndef MDOC_VERIFY_H
#define MDOC_VERIFY_H

#include "mdoc/chain.h"
#include "mdoc/key.h"
#include "mdoc/mso.h"
#include "mdoc/response.h"

/* One document while it is judged. */
struct judging {
	struct fuda_mdoc_trust *trust;
	const struct fuda_mdoc_profiles *profiles;
	const struct fuda_mdoc_policy *policy;
	const struct fuda_mdoc_session *session;
	const struct device_request *request; /* NULL: nothing is known of it */
	const struct doc_request *asked;      /* what was asked for of this kind, or NULL */
	const struct document *document;
	struct chain_verdict chain;
	struct mso mso;
	bool has_mso;
	struct fuda_mdoc_document *ret;
};

void judging_add(struct judging *j, enum fuda_mdoc_rule rule, struct cursor detail);
void judging_add_text(struct judging *j, enum fuda_mdoc_rule rule, const char *detail);

/* C13, C15, C16, C17: the elements. FUDA_ENOMEM, FUDA_EFAILED. */
int judge_elements(struct judging *j);
/* C14: the device key, and that the phone has it. Likewise. */
int judge_device(struct judging *j);

#endif
