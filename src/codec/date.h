/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CODEC_DATE_H
#define CODEC_DATE_H

#include <stdbool.h>
#include <fuda/person.h>
#include "base/cursor.h"

struct date {
	unsigned year, month, day; /* 0: not known */
};

/* Takes `count` (at most 9) decimal digits. FUDA_EFORMAT. */
int date_digits(struct cursor *c, size_t count, unsigned *ret);

/* Whether the parts that are known can stand together. */
bool date_is_plausible(const struct date *date);

void date_text(const struct date *date, char ret[FUDA_DATE_SIZE]);

#endif
