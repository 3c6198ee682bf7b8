/* SPDX-License-Identifier: Apache-2.0 */
/* What may happen so many times a minute and no more, and not all of them for one. */
#ifndef SERVICE_METER_H
#define SERVICE_METER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <fuda/error.h>

enum { METER_MAX = 128, METER_SECONDS = 60, METER_SOURCE = 16 };

struct meter {
	pthread_mutex_t lock;
	size_t limit, each;
	struct turn {
		int64_t taken; /* when; 0: free */
		uint8_t source[METER_SOURCE];
	} turns[METER_MAX];
};

/* `limit`: 1 to METER_MAX, of which one source gets `each` at most. */
static inline void meter_init(struct meter *meter, size_t limit, size_t each)
{
	*meter = (struct meter){ .limit = limit, .each = each };
	pthread_mutex_init(&meter->lock, NULL);
}

static inline void meter_end(struct meter *meter)
{
	pthread_mutex_destroy(&meter->lock);
}

/* The oldest turn, or of `source` the oldest of those that still count if it has all that it gets.
 * Locked. */
static inline size_t meter_next(const struct meter *meter, int64_t now,
				const uint8_t source[METER_SOURCE])
{
	size_t oldest = 0, own = meter->limit, count = 0;

	for (size_t i = 0; i < meter->limit; i++) {
		const struct turn *t = &meter->turns[i];

		if (t->taken < meter->turns[oldest].taken)
			oldest = i;
		if (now - t->taken >= METER_SECONDS || memcmp(t->source, source, METER_SOURCE) != 0)
			continue;
		count++;
		if (own == meter->limit || t->taken < meter->turns[own].taken)
			own = i;
	}
	return count >= meter->each ? own : oldest;
}

/* Takes a turn of `source` at `now` (seconds since 1970); `*ret_turn` is for giving it back.
 * FUDA_EWAIT: none is left for it, and `*ret_seconds` tells when one will be. Any thread. */
static inline int meter_take(struct meter *meter, int64_t now, const uint8_t source[METER_SOURCE],
			     size_t *ret_turn, int *ret_seconds)
{
	size_t turn;
	int64_t age;

	pthread_mutex_lock(&meter->lock);
	/* a clock that was set back frees them all: none of them was in the future */
	for (size_t i = 0; i < meter->limit; i++)
		if (meter->turns[i].taken > now)
			memset(meter->turns, 0, sizeof(meter->turns));
	turn = meter_next(meter, now, source);
	age = now - meter->turns[turn].taken;
	if (age >= METER_SECONDS) {
		meter->turns[turn].taken = now;
		memcpy(meter->turns[turn].source, source, METER_SOURCE);
	}
	pthread_mutex_unlock(&meter->lock);
	if (age < METER_SECONDS) {
		*ret_seconds = (int)(METER_SECONDS - age);
		return FUDA_EWAIT;
	}
	*ret_turn = turn;
	return 0;
}

static inline void meter_give_back(struct meter *meter, size_t turn)
{
	pthread_mutex_lock(&meter->lock);
	meter->turns[turn].taken = 0;
	pthread_mutex_unlock(&meter->lock);
}

#endif
