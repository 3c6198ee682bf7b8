/* SPDX-License-Identifier: Apache-2.0 */
/* How a phone is asked for a challenge. */
#include "base/context.h"
#include "mdoc/key.h"
#include "mykey/ask.h"

int fuda_mykey_reader_key(struct fuda_mykey *mykey, struct fuda_mdoc_key **ret)
{
	_cleanup_(private_free) struct private_key *private = NULL;
	struct fuda_mykey *m = mykey;
	uint8_t id[TRANSCRIPT_TERMINAL];
	int r;

	if (!m->challenged || !ask_purpose(m->purpose)->phone)
		return ctx_fail_code(m->ctx, FUDA_EINVAL);
	r = terminal_id_read(m->terminal->facts.id, id);
	if (r == 0)
		r = transcript_reader_key(&(struct transcript){ ask_purpose(m->purpose)->name,
								m->terminal->origin, id, m->nonce,
								m->expires },
					  &private);
	return r < 0 ? ctx_fail_code(m->ctx, r) : mdoc_key_of(m->ctx, &private, ret);
}
