/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow up to a maximum. */
#ifndef FUDA_BUF_H
#define FUDA_BUF_H

#include <stddef.h>
#include <stdint.h>

/* `data` is owned by the buffer and NULL while it is empty. Read `data` and `len`; change them
 * through the functions only. */
struct fuda_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max; /* never holds more bytes than this */
};

#define FUDA_BUF_INIT(maximum) ((struct fuda_buf){ .max = (maximum) })

/* Appends a copy of `len` bytes. `bytes` may be NULL if `len` is 0. What a growing buffer leaves
 * behind is wiped. FUDA_ETOOBIG past the maximum, FUDA_ENOMEM; the buffer is then unchanged. */
int fuda_buf_append(struct fuda_buf *b, const void *bytes, size_t len);

/* Replaces the content by a copy of `len` bytes, which must not be part of the buffer. Errors as
 * fuda_buf_append(). */
int fuda_buf_set(struct fuda_buf *b, const void *bytes, size_t len);

/* Empties the buffer, wiping its bytes; the memory and the maximum stay. */
void fuda_buf_clear(struct fuda_buf *b);

/* Wipes and frees the bytes; the maximum stays, so the buffer can be used again. */
void fuda_buf_free(struct fuda_buf *b);

/* Frees without wiping: only for what is public. */
void fuda_buf_free_public(struct fuda_buf *b);

#endif
