/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader is and can do, beyond moving APDUs. */
#ifndef IFD_FEATURES_H
#define IFD_FEATURES_H

#include "ifd/slots.h"

enum { CAPABILITY_MAX = 256, CONTROL_MAX = 512 };

/* Appends the value of an attribute (TAG_IFD_..., SCARD_ATTR_...) of the reader. IFD_ERROR_TAG if
 * there is no such attribute or this reader does not have it. */
RESPONSECODE capability_get(const struct slot *s, DWORD tag, struct fuda_buf *ret);
/* Whether there is such an attribute. */
bool capability_known(DWORD tag);

/* Does what a control code of PC/SC part 10 asks for, and appends the answer.
 * IFD_ERROR_NOT_SUPPORTED. */
RESPONSECODE control_run(struct slot *s, DWORD code, struct fuda_buf *ret);

#endif
