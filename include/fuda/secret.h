/* SPDX-License-Identifier: Apache-2.0 */
/* A PIN or password on its way to the card. */
#ifndef FUDA_SECRET_H
#define FUDA_SECRET_H

#include <stddef.h>

#define FUDA_SECRET_MAX 64 /* bytes; the longest secret of the card has 16 */

/* Kept in locked memory, out of core dumps, wiped when freed. */
struct fuda_secret;

/* Copies `len` bytes; the caller wipes his own. FUDA_ETOOBIG over FUDA_SECRET_MAX, FUDA_ENOMEM. */
int fuda_secret_new(const void *bytes, size_t len, struct fuda_secret **ret);

/* Reads one line from file descriptor `fd`, byte by byte so that nothing of what follows is taken,
 * straight into locked memory; the line end is dropped. FUDA_EFILE if the descriptor cannot be read
 * or ends before the first byte, FUDA_ECANCELLED if a signal interrupts it, FUDA_ETOOBIG,
 * FUDA_ENOMEM. */
int fuda_secret_read(int fd, struct fuda_secret **ret);

void fuda_secret_free(struct fuda_secret **s);

#endif
