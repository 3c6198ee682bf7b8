/* SPDX-License-Identifier: Apache-2.0 */
/* The photo of the card's face as a PNG, made by the helper program fuda-photo, so that what is
 * wrong with it harms nothing here. */
#ifndef TOOLS_PORTRAIT_H
#define TOOLS_PORTRAIT_H

#include <fuda/buf.h>
#include <fuda/person.h>

enum { PORTRAIT_REASON_SIZE = 200, PORTRAIT_MAX = 16 << 20 };

/* Appends the PNG; waits some seconds at most. Otherwise a negative error, and one line that says
 * why. */
int portrait_png(const struct fuda_bytes *jp2, struct fuda_buf *ret_png,
		  char ret_reason[PORTRAIT_REASON_SIZE]);

#endif
