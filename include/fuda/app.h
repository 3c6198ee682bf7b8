/* SPDX-License-Identifier: Apache-2.0 */
/* The applications of the card. */
#ifndef FUDA_APP_H
#define FUDA_APP_H

#include <fuda/card.h>

#define FUDA_APPLICATIONS_MAX 16

/* Names ("jpki"; static) of those applications known to this library that are on the card, into
 * `ret_names` with room for FUDA_APPLICATIONS_MAX. */
int fuda_applications(struct fuda_card *card, struct fuda_deadline *dl, const char **ret_names,
		      size_t *ret_count);

#endif
