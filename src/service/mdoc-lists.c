/* SPDX-License-Identifier: Apache-2.0 */
#include "service/mdoc-lists.h"

#include <stdio.h>
#include <fuda/mdoc.h>

#include "base/context.h"
#include "mdoc/trust.h"

/* What keeps a list from clearing anybody: mdoc/revocation.c. */
static void judge(struct mdoc_list_state *s, const struct trusted_list *trusted, time_t at)
{
	const struct issuer_list *list = trusted->list;
	enum fuda_mdoc_rule rule = FUDA_MDOC_NONE;

	if (list->findings.count)
		rule = list->findings.found[0].rule;
	else if (!cur_equal(list->issuer, trusted->by->cert->subject))
		rule = FUDA_MDOC_CRL_ISSUER;
	else if (list->this_update > at + MDOC_CLOCK)
		rule = FUDA_MDOC_CRL_NOT_YET_VALID;
	s->flawed = rule != FUDA_MDOC_NONE;
	if (s->flawed)
		snprintf(s->why, sizeof(s->why), "%s", fuda_mdoc_rule_text(rule));
}

void mdoc_list_tell(const struct trusted_list *trusted, int64_t grace, time_t at,
		    struct mdoc_list_state *s)
{
	const struct issuer_list *list = trusted->list;

	s->loaded = true;
	s->this_update = list->this_update;
	s->next_update = list->next_update;
	s->stale = at > list->next_update + grace;
	s->half = at - list->this_update > list->next_update - at;
	s->count = list->entries.count;
	snprintf(s->issuer, sizeof(s->issuer), "%s", trusted->by->cert->facts.subject);
	judge(s, trusted, at);
}

int mdoc_list_state(struct fuda_context *ctx, const struct config *config, size_t i, time_t at,
		    struct mdoc_list_state *ret)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	struct mdoc_list_state s = { .loaded = false };
	int e;

	if (i >= config->mdoc_crl_count)
		return FUDA_ENOTFOUND;
	s.file = config->mdoc_crl[i];
	e = fuda_mdoc_trust_new(ctx, &trust);
	for (size_t t = 0; t < config->mdoc_trust_count && e == 0; t++)
		e = fuda_mdoc_trust_add_file(trust, config->mdoc_trust[t]);
	if (e < 0)
		return e;
	e = fuda_mdoc_trust_add_crl_file(trust, s.file);
	if (e == FUDA_ENOMEM)
		return e;
	if (e < 0)
		snprintf(s.why, sizeof(s.why), "%s", fuda_context_message(ctx));
	else
		mdoc_list_tell(trust_list_at(trust, 0), config->crl_grace, at, &s);
	*ret = s;
	return 0;
}
