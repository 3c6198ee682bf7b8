/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_VIRTUAL_H
#define DRIVERS_VIRTUAL_H

#include "reader/driver.h"

struct vcard;
/* The card in an open virtual reader, for tests and measurements that look inside it. */
struct vcard *virtual_card(const struct reader *r);

#endif
