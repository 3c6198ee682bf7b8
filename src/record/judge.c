/* SPDX-License-Identifier: Apache-2.0 */
#include "record/judge.h"

void find_broken(struct findings *f, enum record_rule rule)
{
	f->broken |= 1u << rule;
}

int find_signature(struct findings *f, enum record_rule rule, int verified)
{
	if (verified == 0)
		return 0;
	if (verified != FUDA_EVERIFY && verified != FUDA_ENOTSUP)
		return verified;
	find_broken(f, rule);
	return 0;
}

struct fuda_verdict findings_verdict(const struct findings *f)
{
	struct fuda_verdict verdict = { .world = f->world, .rule = "" };

	for (size_t rule = 0; rule < RECORD_RULES; rule++) {
		if (f->broken & 1u << rule) {
			verdict.result = record_rules[rule].result;
			verdict.rule = record_rules[rule].name;
			break;
		}
	}
	return verdict;
}

int judge_bytes(const struct key *key, struct cursor bytes, struct cursor signature)
{
	struct fuda_digest digest;
	int r = fuda_digest_bytes(FUDA_SHA256, bytes.p, bytes.left, &digest);

	return r < 0 ? r : key_verify(key, FUDA_PKCS1, &digest, signature.p, signature.left);
}

int judge_response(struct findings *f, const struct key *key, const struct fuda_response *response)
{
	struct cursor challenge = cur_of(response->challenge, sizeof(response->challenge));
	struct cursor signature = cur_of(response->signature.data, response->signature.len);

	return find_signature(f, RULE_CHALLENGE_SIGNATURE, judge_bytes(key, challenge, signature));
}
