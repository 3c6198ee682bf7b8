/* SPDX-License-Identifier: Apache-2.0 */
/* What a status word says. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdint.h>

/* The meaning of SW1-SW2 by ISO 7816-4 5.1.3 and JICSAP, translated; "unknown" where nobody says. Static. */
const char *status_text(uint16_t sw);

#endif
