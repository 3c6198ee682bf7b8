/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of a software card's face: card.md 2.6. The same input draws the same picture. */
#ifndef VCARD_PICTURES_H
#define VCARD_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>

/* Appends a PNG of digits, 6 by 12 pixels each, 1 bit greyscale. FUDA_EFAILED. */
int picture_digits(const char *digits, struct fuda_buf *ret_png);

/* Appends a PNG with a framed cell for each character of valid UTF-8, `columns` a line. Nobody has
 * to read it, so it is drawn without a font: a cell has 16 by 16 pixels and shows the bits of the
 * code point, so that other texts are other pictures. FUDA_EFAILED. */
int picture_text(const char *text, size_t columns, struct fuda_buf *ret_png);

/* Appends a PNG of a code of `size` by `size` modules, one byte each in `modules`, of which bit 0
 * is set for a dark one; around it is the light margin that readers want.
 * FUDA_EFAILED. */
int picture_modules(const uint8_t *modules, size_t size, struct fuda_buf *ret_png);

/* The least and the most bytes of a photo. */
#define PHOTO_MIN 600
#define PHOTO_MAX 28000
/* Appends a drawing of head and shoulders, as greyscale JPEG 2000 in a JP2 file of exactly `size`
 * bytes. FUDA_EFAILED. */
int picture_photo(size_t size, struct fuda_buf *ret_jp2);

/* Whether bytes begin as a JP2 file does: ISO/IEC 15444-1 I.5.1. */
bool picture_is_jp2(const struct fuda_buf *bytes);

#endif
