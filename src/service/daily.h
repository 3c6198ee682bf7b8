/* SPDX-License-Identifier: Apache-2.0 */
/* What a day had: counted from the tables when it is asked for (platform.md D9). */
#ifndef SERVICE_DAILY_H
#define SERVICE_DAILY_H

#include "service/store.h"

enum { DAILY_STATES = 6 };
/* The states of terminals, in the order of `terminals`. */
extern const char *const daily_states[DAILY_STATES];

struct daily {
	int64_t issued, expired;         /* MyKey IDs, that day */
	int64_t active;                  /* MyKey IDs, now */
	int64_t subjects;                /* holders who became known that day */
	int64_t linked;                  /* pseudonyms that came to be that day */
	int64_t refused;                 /* rows of refusals in the audit trail, that day */
	int64_t terminals[DAILY_STATES]; /* now */
};
/* Of the time from `from` to before `until` (microseconds). FUDA_ESTORE, FUDA_ERETRY. */
int daily_count(struct store *store, int64_t from, int64_t until, struct daily *ret);

#endif
