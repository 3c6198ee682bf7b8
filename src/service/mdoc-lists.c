/* SPDX-License-Identifier: Apache-2.0 */
#include "service/mdoc-lists.h"

#include <stdio.h>

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

static int read_certificates(struct fuda_context *ctx, const struct config *config,
			     struct fuda_mdoc_trust **ret)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	int e = fuda_mdoc_trust_new(ctx, &trust);

	for (size_t i = 0; i < config->mdoc_trust_count && e == 0; i++)
		e = fuda_mdoc_trust_add_file(trust, config->mdoc_trust[i]);
	if (e < 0)
		return e;
	*ret = trust;
	trust = NULL;
	return 0;
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
	e = read_certificates(ctx, config, &trust);
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

int mdoc_files_read(struct fuda_context *ctx, const struct config *config,
		    struct fuda_mdoc_trust **ret)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	int e = read_certificates(ctx, config, &trust);

	for (size_t i = 0; i < config->mdoc_crl_count && e == 0; i++)
		if (fuda_mdoc_trust_add_crl_file(trust, config->mdoc_crl[i]) == FUDA_ENOMEM)
			e = FUDA_ENOMEM;
	if (e < 0)
		return e;
	*ret = trust;
	trust = NULL;
	return 0;
}

/* ---- whether anybody is believed ---- */

static bool is_of(const struct trusted_list *trusted, const struct anchor *ca)
{
	return ca->cert->key && key_equal(trusted->by->cert->key, ca->cert->key);
}

/* Only a root may, by its own list: mdoc/revocation.c. */
static bool gave_itself_up(const struct fuda_mdoc_trust *trust, const struct anchor *ca)
{
	const struct trusted_list *trusted;

	for (size_t i = 0; ca->role == CERT_ROOT && (trusted = trust_list_at(trust, i)); i++)
		if (is_of(trusted, ca) && crl_list_find(&trusted->list->entries, ca->cert->serial))
			return true;
	return false;
}

/* What is found against whatever stands under it: mdoc/chain.c. */
static enum fuda_mdoc_rule why_not(const struct fuda_mdoc_trust *trust, const struct anchor *ca,
				   time_t at)
{
	for (size_t i = 0; i < ca->findings.count; i++)
		if (fuda_mdoc_rule_result(ca->findings.found[i].rule) != FUDA_RESULT_OK)
			return ca->findings.found[i].rule;
	if (ca->cert->facts.not_before > at + MDOC_CLOCK)
		return FUDA_MDOC_CERTIFICATE_NOT_YET_VALID;
	if (ca->cert->facts.not_after < at)
		return FUDA_MDOC_CERTIFICATE_EXPIRED;
	return gave_itself_up(trust, ca) ? FUDA_MDOC_CERTIFICATE_REVOKED : FUDA_MDOC_NONE;
}

int mdoc_ca_tell(const struct fuda_mdoc_trust *trust, size_t i, time_t at,
		 struct mdoc_ca_state *ret)
{
	const struct anchor *ca = trust_anchor_at(trust, i);

	if (!ca)
		return FUDA_ENOTFOUND;
	*ret = (struct mdoc_ca_state){ .root = ca->role == CERT_ROOT,
				       .why = fuda_mdoc_rule_text(why_not(trust, ca, at)),
				       .not_before = ca->cert->facts.not_before,
				       .not_after = ca->cert->facts.not_after };
	snprintf(ret->subject, sizeof(ret->subject), "%s", ca->cert->facts.subject);
	return 0;
}

/* Of the root itself: whatever stands below a link needs that for the link. */
static bool is_listed(const struct fuda_mdoc_trust *trust, const struct anchor *root, int64_t grace,
		      time_t at)
{
	const struct trusted_list *trusted;
	struct mdoc_list_state s = { 0 };

	for (size_t i = 0; (trusted = trust_list_at(trust, i)); i++) {
		mdoc_list_tell(trusted, grace, at, &s);
		if (is_of(trusted, root) && !s.flawed && !s.stale)
			return true;
	}
	return false;
}

const char *mdoc_refusal(const struct fuda_mdoc_trust *trust, const struct config *config,
			 time_t at)
{
	const char *code = "mdoc_not_served";
	const struct anchor *ca;

	for (size_t i = 0; (ca = trust_anchor_at(trust, i)); i++) {
		if (ca->role != CERT_ROOT || why_not(trust, ca, at) != FUDA_MDOC_NONE)
			continue;
		if (!config->crl_required || is_listed(trust, ca, config->crl_grace, at))
			return NULL;
		code = "mdoc_revocation_stale";
	}
	return code;
}
