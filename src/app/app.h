/* SPDX-License-Identifier: Apache-2.0 */
/* The card's applications. */
#ifndef APP_APP_H
#define APP_APP_H

#include "card/card.h"

struct fuda_app {
	const char *name; /* "jpki" */
	struct aid aid;
};

#endif
