/* SPDX-License-Identifier: Apache-2.0 */
/* In place of tokens, where they are left out. */
#include "base/context.h"
#include "pki/token.h"

int token_open(struct fuda_context *ctx, const char *module _unused_, const char *uri _unused_,
	       const struct fuda_secret *pin _unused_, const struct key *public _unused_,
	       struct token_key **ret _unused_)
{
	return ctx_fail(ctx, FUDA_ENOTSUP,
			_("This program was built without PKCS#11 tokens (--disable-token)."));
}

void token_close(struct token_key **key)
{
	*key = NULL;
}

struct signer token_signer(struct token_key *key)
{
	return (struct signer){ .arg = key };
}
