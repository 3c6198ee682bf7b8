/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys in PKCS#11 tokens (OASIS PKCS #11 2.40): they sign there and never come out. */
#ifndef PKI_TOKEN_H
#define PKI_TOKEN_H

#include <stdbool.h>
#include <fuda/context.h>
#include <fuda/secret.h>
#include "base/signer.h"
#include "pki/key.h"

/* ---- which key: a URI of RFC 7512 ---- */

enum { TOKEN_TEXT_MAX = 128, TOKEN_ID_MAX = 64, TOKEN_PATH_MAX = 1024 };

/* What is "" or empty was not said. */
struct token_uri {
	char token[TOKEN_TEXT_MAX], manufacturer[TOKEN_TEXT_MAX], model[TOKEN_TEXT_MAX],
		serial[TOKEN_TEXT_MAX]; /* of the token */
	char object[TOKEN_TEXT_MAX];    /* the key's label */
	uint8_t id[TOKEN_ID_MAX];       /* ... and its id */
	size_t id_len;
	char module[TOKEN_PATH_MAX];     /* module-path */
	char pin_source[TOKEN_PATH_MAX]; /* a file; "file:" before it is left out */
};
/* Whether a text is meant to be one: it begins with "pkcs11:". */
bool token_is_uri(const char *text);
/* FUDA_EINVAL: not of this form; something that is not known here, said twice or too long; a PIN in
 * the URI itself, which everybody could read; no key named, by object or id. */
int token_uri_parse(struct fuda_context *ctx, const char *text, struct token_uri *ret);

/* ---- the key ---- */

struct token_key;

/* Opens the key that a URI names, in the module that it names or else `module` (NULL: p11-kit's,
 * which knows those of the system), and logs in with `pin`, or what the first line of pin-source
 * says. Neither is kept. Nothing is tried twice: a wrong PIN counts.
 *
 * `public` is what the certificate says: the key signs something once, and that must verify.
 * FUDA_ENOTSUP: not built for tokens, or a key that signs otherwise than by ECDSA, or asks for a
 * PIN each time; FUDA_EINVAL: the URI, or more than one token or key that it fits; FUDA_EFILE: the
 * module or pin-source cannot be loaded; FUDA_ENOTFOUND: no such token or key; FUDA_EPINFORM,
 * FUDA_EPINWRONG, FUDA_ELASTTRY (the token says that it is: nothing was sent), FUDA_EPINBLOCKED;
 * FUDA_EVERIFY: it is not this key; FUDA_EREMOVED, FUDA_EFAILED, FUDA_ENOMEM. */
int token_open(struct fuda_context *ctx, const char *module, const char *uri,
	       const struct fuda_secret *pin, const struct key *public, struct token_key **ret);
/* Ends the session; with the last one of this program in the token it is logged out. */
void token_close(struct token_key **key);

/* As struct signer has it; `arg` is the key, which must outlive it. One thread at a time, and only
 * in the process that opened it. */
struct signer token_signer(struct token_key *key);

#endif
