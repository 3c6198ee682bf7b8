/* SPDX-License-Identifier: Apache-2.0 */
/* What an application of the card is. */
#ifndef APP_APP_H
#define APP_APP_H

#include "card/card.h"

struct app {
	const struct aid *aid;
};

#endif
