/* SPDX-License-Identifier: Apache-2.0 */
/* What may happen so many times a minute and no more. */
#ifndef SERVICE_METER_H
#define SERVICE_METER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <fuda/error.h>

enum { METER_MAX = 64, METER_SECONDS = 60 };

struct meter {
	pthread_mutex_t lock;
	size_t limit;
	int64_t taken[METER_MAX]; /* when each turn was; 0: free */
};

/* `limit`: 1 to METER_MAX. */
static inline void meter_init(struct meter *meter, size_t limit)
{
	*meter = (struct meter){ .limit = limit };
	pthread_mutex_init(&meter->lock, NULL);
}

static inline void meter_end(struct meter *meter)
{
	pthread_mutex_destroy(&meter->lock);
}

/* Takes a turn at `now` (seconds since 1970); `*ret_turn` is for giving it back. FUDA_EWAIT: none
 * is left, and `*ret_seconds` tells when one will be. Any thread. */
static inline int meter_take(struct meter *meter, int64_t now, size_t *ret_turn, int *ret_seconds)
{
	size_t oldest = 0;
	int64_t age;

	pthread_mutex_lock(&meter->lock);
	for (size_t i = 0; i < meter->limit; i++)
		if (meter->taken[i] < meter->taken[oldest])
			oldest = i;
	/* a clock that was set back frees them all: none of them was in the future */
	age = now - meter->taken[oldest];
	if (age < 0)
		memset(meter->taken, 0, sizeof(meter->taken));
	if (age < 0 || age >= METER_SECONDS)
		meter->taken[oldest] = now;
	pthread_mutex_unlock(&meter->lock);
	if (age >= 0 && age < METER_SECONDS) {
		*ret_seconds = (int)(METER_SECONDS - age);
		return FUDA_EWAIT;
	}
	*ret_turn = oldest;
	return 0;
}

static inline void meter_give_back(struct meter *meter, size_t turn)
{
	pthread_mutex_lock(&meter->lock);
	meter->taken[turn] = 0;
	pthread_mutex_unlock(&meter->lock);
}

#endif
