/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a database that is one file: never in the clear outside of the service's folder
 * (platform.md D6, E5). The keystore is no part of them, and is copied apart. */
#ifndef SERVICE_BACKUP_H
#define SERVICE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <fuda/context.h>
#include "service/store.h"

enum { BACKUP_RECIPIENTS = 16 };

/* Encrypts the file `from` to the new file `to` (mode 0600): CMS AuthEnvelopedData (RFC 5083),
 * AES-256 in GCM, for the key of each certificate (PEM): RSA by OAEP, or EC. In constant memory.
 * FUDA_EFILE; FUDA_EFORMAT: no certificate; FUDA_EEXISTS: there is such a file. */
int backup_seal(struct fuda_context *ctx, const char *from, const char *const *recipients,
		size_t count, const char *to);
/* The reverse, with a private key (PEM, not encrypted). What does not verify leaves no file; what
 * root makes is of whom the folder is. FUDA_EVERIFY: not for this key, or changed; FUDA_EFORMAT;
 * FUDA_EFILE; FUDA_EEXISTS. Takes as much memory as the file. */
int backup_open(struct fuda_context *ctx, const char *from, const char *key, const char *to);

/* What is counted, in this order. NULL behind the last. */
enum { BACKUP_COUNTS = 20 };
extern const char *const backup_tables[BACKUP_COUNTS + 1];
struct backup_facts {
	int64_t at; /* microseconds: when the copy was made; 0: not said */
	int64_t noted[BACKUP_COUNTS], found[BACKUP_COUNTS];
};
/* Writes into a copy when it was made, and how many rows its tables have. */
int backup_note(struct store *copy, struct backup_facts *ret);
/* Checks a copy: the file itself, what its rows refer to, and that it has as many of them as were
 * noted. FUDA_EVERIFY: `*ret_what` is "integrity", "references", "not_noted" or "counts"; static.
 */
int backup_check(struct store *copy, struct backup_facts *ret, const char **ret_what);

#endif
