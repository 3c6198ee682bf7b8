/* SPDX-License-Identifier: Apache-2.0 */
/* What only the library's own parts need of the face application's records. */
#ifndef RECORD_FACE_H
#define RECORD_FACE_H

#include <fuda/face.h>
#include "base/cursor.h"

enum { FACE_KEY_BYTES = 265 };

/* The card's own key as the age record has it, for key_new_card(): FACE_KEY_BYTES, pointing into
 * `records`. FUDA_EINVAL, FUDA_EFORMAT as fuda_face_age(). */
int face_age_key(struct fuda_context *ctx, const struct fuda_face_records *records,
		 struct cursor *ret);

#endif
