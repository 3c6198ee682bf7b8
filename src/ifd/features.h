/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader is and can do, beyond moving APDUs. */
#ifndef IFD_FEATURES_H
#define IFD_FEATURES_H

#include "ifd/slots.h"

enum { CAPABILITY_MAX = 256, CONTROL_MAX = 512 };

/* What a program sent with a control code, and how many bytes it takes back. */
struct request {
	const uint8_t *data;
	size_t len, room;
};

/* Appends the value of an attribute (TAG_IFD_..., SCARD_ATTR_...) of the reader. IFD_ERROR_TAG if
 * there is no such attribute or this reader does not have it. */
RESPONSECODE capability_get(const struct slot *s, DWORD tag, struct fuda_buf *ret);
/* Whether there is such an attribute. */
bool capability_known(DWORD tag);

/* Does what a control code of PC/SC part 10 asks for, and appends the answer.
 * IFD_ERROR_NOT_SUPPORTED if this reader has no such thing, IFD_NOT_SUPPORTED if what was sent with
 * it makes no sense. A PIN that is typed reaches the card at most once; the answer is the status
 * word of the card, or 6400, 6401, 6402 or 6403 where the reader sent nothing. */
RESPONSECODE control_run(struct slot *s, DWORD code, const struct request *request,
			 struct fuda_buf *ret);

#endif
