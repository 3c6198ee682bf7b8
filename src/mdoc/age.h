/* SPDX-License-Identifier: Apache-2.0 */
/* Ages by Japanese law (年齢計算ニ関スル法律, 民法 143).
 *
 * The day of birth counts as the first, so a year of age ends with the day before the birthday, at
 * 24:00 in Japan. That moment is 0:00 of the birthday, and it is as moments that ages are told
 * here: the year older from 0:00 of the birthday on, and not yet on the day before. Who is born on
 * 29 February is so at the end of 28 February, which in other years is 0:00 of 1 March (民法 143
 * II: the month has no such day, and ends). Laws that count whole days, by which the age is
 * reached on the day before already (schooling, elections), are another reading and not this. */
#ifndef MDOC_AGE_H
#define MDOC_AGE_H

#include <stdbool.h>
#include <time.h>
#include "codec/date.h"

/* "1971-09-01", a day that exists, of the years 1 to 9999; `len` bytes. FUDA_EFORMAT. */
int day_parse(const char *text, size_t len, struct date *ret);
/* Whether it is one of these. */
bool day_good(const struct date *day);
/* Which day it is in Japan (UTC+9, without summer time). FUDA_EINVAL: outside of those years. */
int day_in_japan(time_t at, struct date *ret);
/* 0:00 of a day in Japan. */
time_t day_begins(const struct date *day);

/* Whole years of age at a moment. FUDA_EINVAL: before the birth, or no such year. */
int age_at(const struct date *birth, time_t at, unsigned *ret_years);
/* The moment from which on somebody is so old; after 9999 as if years went on. */
time_t age_reached(const struct date *birth, unsigned years);

#endif
