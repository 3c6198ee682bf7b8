/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/key.h"

#include <stdlib.h>

#include "base/context.h"
#include "pki/file.h"

int mdoc_key_of(struct fuda_context *ctx, struct private_key **private, struct fuda_mdoc_key **ret)
{
	struct fuda_mdoc_key *key = calloc(1, sizeof(*key));

	if (!key)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	key->private = *private;
	*private = NULL;
	*ret = key;
	return 0;
}

int fuda_mdoc_key_new(struct fuda_context *ctx, struct fuda_mdoc_key **ret)
{
	_cleanup_(private_free) struct private_key *private = NULL;
	int r = private_new(CURVE_P256, &private);

	return r < 0 ? ctx_fail_code(ctx, r) : mdoc_key_of(ctx, &private, ret);
}

int fuda_mdoc_key_read(struct fuda_context *ctx, const char *path, struct fuda_mdoc_key **ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(PRIVATE_FILE_MAX);
	_cleanup_(private_free) struct private_key *private = NULL;
	int r = pki_read_file(ctx, path, &bytes);

	if (r < 0)
		return r;
	r = private_read(bytes.data, bytes.len, &private);
	if (r == FUDA_ENOTSUP)
		return ctx_fail(ctx, r,
				_("%s: the key is encrypted, or on no curve that is used here. A "
				  "key "
				  "without a password on P-256, P-384 or P-521 is needed (openssl "
				  "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)."),
				path);
	if (r == FUDA_EFORMAT)
		return ctx_fail(ctx, r, _("%s: there is no private key in it, PEM or DER."), path);
	return r < 0 ? ctx_fail_code(ctx, r) : mdoc_key_of(ctx, &private, ret);
}

void fuda_mdoc_key_free(struct fuda_mdoc_key **key)
{
	if (!*key)
		return;
	private_free(&(*key)->private);
	free(*key);
	*key = NULL;
}

int fuda_mdoc_key_write(struct fuda_context *ctx, const struct fuda_mdoc_key *key,
			struct fuda_buf *ret_pem)
{
	int r = private_write(key->private, ret_pem);

	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}
