/* SPDX-License-Identifier: Apache-2.0 */
/* What a key of <fuda/mdoc.h> is. */
#ifndef MDOC_KEY_H
#define MDOC_KEY_H

#include <fuda/mdoc.h>
#include "pki/private.h"

struct fuda_mdoc_key {
	struct private_key *private;
};
/* One of a key, which it takes (nulled on success). FUDA_ENOMEM. */
int mdoc_key_of(struct fuda_context *ctx, struct private_key **private, struct fuda_mdoc_key **ret);

#endif
