/* SPDX-License-Identifier: Apache-2.0 */
/* The half of elements that issuing needs; the other one is in profile.h. */
#ifndef MDOC_ELEMENT_H
#define MDOC_ELEMENT_H

#include "mdoc/profile.h"

/* Appends an attribute as the CBOR that the element has; a NUL stands behind its value, which is in
 * its form. `scratch` is for the check that a verifier would take it. FUDA_EFORMAT with
 * `*ret_fault`: it would not; FUDA_ETOOBIG, FUDA_ENOMEM. After a failure there may be more in
 * `ret_cbor` than before. */
int element_write(const struct element *element, struct cursor attribute, struct fuda_buf *ret_cbor,
		  struct fuda_buf *scratch, enum element_fault *ret_fault);

#endif
