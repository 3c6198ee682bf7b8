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

/* What the card does with `key`. */
struct signing_job {
	enum fuda_jpki_object key;
	time_t at; /* by which its certificate is judged */
	int (*sign)(struct call *call, struct fuda_pin_entry *entry, void *arg);
	void *arg;
};

/* The card's part, which begins with the certificate of the key: the secret is asked for and `sign`
 * called, unless no verifier could take that certificate (certs_foresee()), which is 0 too; then
 * the secret was sent nowhere, and there is no signature. It is one job, unless the secret has to
 * be waited for: one from a file is read before it. */
int signing_run(struct call *call, const struct signing_job *job, struct fuda_buf *ret_certificate);

#endif
