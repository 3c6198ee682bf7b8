/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 from outside. */
#ifndef CODEC_UTF8_H
#define CODEC_UTF8_H

#include <stdbool.h>
#include "base/cursor.h"

/* Takes one character by RFC 3629: shortest form, no surrogates, nothing past U+10FFFF.
 * FUDA_EFORMAT otherwise; the cursor may then stand inside the character. */
int utf8_next(struct cursor *c, uint32_t *ret);

/* Whether all of it is such characters; nothing at all is. */
bool utf8_is_valid(struct cursor text);

/* Whether a terminal or a layout engine obeys the character instead of showing it: C0, DEL, C1,
 * line and paragraph separators, and the marks that change the direction of what follows. */
bool utf8_is_control(uint32_t ch);

#endif
