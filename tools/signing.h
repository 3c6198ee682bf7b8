/* SPDX-License-Identifier: Apache-2.0 */
/* What auth, sign and verify agree on. */
#ifndef TOOLS_SIGNING_H
#define TOOLS_SIGNING_H

#include <fuda/hash.h>
#include <fuda/jpki.h>
#include <fuda/pki.h>
#include "tools/fuda.h"

struct signing {
	enum fuda_hash hash;
	enum fuda_padding padding;
};

/* Reads --hash and --scheme; PSS goes with SHA-256 only, because the card makes no other. */
int signing_options(struct call *call, const char *hash, const char *scheme, struct signing *ret);

/* Adds hash, scheme and digest to the report. */
void signing_report(struct call *call, const struct signing *s, const struct fuda_digest *digest);

#define SIGNING_HASHES  "sha256|sha384|sha512"
#define SIGNING_SCHEMES "pkcs1|pss"

/* The card's part, which begins with the certificate of `key`: `sign`, unless no verifier could
 * take that at `at` (certs_foresee()), which is 0 too; the PIN is not asked for then, and there is
 * no signature. It is one job, unless the PIN has to be waited for. */
int signing_job(struct call *call, enum fuda_jpki_object key, time_t at,
		struct fuda_buf *ret_certificate, int (*sign)(struct call *call, void *arg),
		void *arg);

#endif
