/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a terminal, and the request for its certificate. */
#ifndef MYKEY_REQUEST_H
#define MYKEY_REQUEST_H

#include <fuda/buf.h>
#include <fuda/context.h>

enum { REQUEST_MAX = 4096, REQUEST_KEY_MAX = 4096 };

/* Makes a P-256 key (PEM, PKCS #8) and a PKCS #10 request for it (DER), signed with SHA-256; both
 * are appended. FUDA_EFAILED, FUDA_ENOMEM. */
int request_make(struct fuda_context *ctx, struct fuda_buf *ret_key, struct fuda_buf *ret_request);

/* Appends the SubjectPublicKeyInfo of a key. FUDA_EFORMAT: it is no P-256 key. */
int request_public_key(struct fuda_context *ctx, const struct fuda_buf *key,
		       struct fuda_buf *ret_info);

#endif
