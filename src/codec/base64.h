/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 and base64url (RFC 4648 4 and 5). */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <fuda/buf.h>

/* Appends `text`, one line: with padding, or all without it if `url`. */
int base64_encode(const void *bytes, size_t len, bool url, struct fuda_buf *ret_text);
/* Appends the bytes. Either alphabet, but not both in one text; padding may be left out in
 * base64url; bits that are left over must be zero. FUDA_EFORMAT, FUDA_ETOOBIG, FUDA_ENOMEM. */
int base64_decode(const char *text, size_t len, struct fuda_buf *ret_bytes);
/* The same, with blanks and line ends skipped: what EST carries. */
int base64_decode_lines(const char *text, size_t len, struct fuda_buf *ret_bytes);

#endif
