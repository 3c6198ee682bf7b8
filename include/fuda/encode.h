/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal and PEM. */
#ifndef FUDA_ENCODE_H
#define FUDA_ENCODE_H

#include <fuda/buf.h>

/* Writes 2 * len digits (upper case) and a NUL to `out`, which holds at least 2 * len + 1 bytes. */
void fuda_hex_encode(const uint8_t *bytes, size_t len, char *out);

/* Appends the bytes that `text` spells. Digits of either case; blanks and colons between bytes are
 * skipped. FUDA_EFORMAT on anything else or half a byte; FUDA_ETOOBIG, FUDA_ENOMEM. */
int fuda_hex_decode(const char *text, struct fuda_buf *ret_bytes);

/* Appends "-----BEGIN label-----", base64 in lines of 64, "-----END label-----" (RFC 7468). */
int fuda_pem_encode(const char *label, const uint8_t *der, size_t len, struct fuda_buf *ret_text);

/* Finds the next PEM block named `label` in *text of *left bytes, appends its bytes, and moves
 * *text and *left behind it. FUDA_ENOTFOUND if there is none, FUDA_EFORMAT if it is malformed. */
int fuda_pem_decode(const char *label, const char **text, size_t *left, struct fuda_buf *ret_der);

#endif
