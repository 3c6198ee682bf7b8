/* SPDX-License-Identifier: Apache-2.0 */
/* Spending the time budget of <fuda/deadline.h>. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <fuda/deadline.h>
#include <stdatomic.h>
#include <stdint.h>

/* Milliseconds of a clock that only goes forward, and its microseconds. */
int64_t deadline_now(void);
uint64_t deadline_now_us(void);

/* Milliseconds left, 0 if none, -1 if it never runs out: what poll() takes. */
int deadline_left(const struct fuda_deadline *dl);

/* 0, FUDA_ETIMEOUT or FUDA_ECANCELLED. */
int deadline_check(const struct fuda_deadline *dl);

/* Becomes readable when cancelled; owned by `dl`. */
int deadline_fd(const struct fuda_deadline *dl);

/* Waits until `fd` has one of `events` (POLLIN, ...). 0, FUDA_ETIMEOUT, FUDA_ECANCELLED,
 * FUDA_EFAILED. `fd` may be -1 to wait for the deadline alone. */
int deadline_wait_fd(const struct fuda_deadline *dl, int fd, short events);

/* A word that threads of this process wait for. */
typedef _Atomic uint32_t deadline_word;

/* Waits while `word` is `value`: `ms` milliseconds at most, or -1, and not beyond `dl` unless that
 * is NULL. 0, FUDA_ETIMEOUT, FUDA_ECANCELLED. */
int deadline_wait_word(const struct fuda_deadline *dl, int ms, const deadline_word *word,
		       uint32_t value);

/* Wakes who waits for `word`, after a change of it. May be called by a signal handler. */
void deadline_wake_word(const deadline_word *word);

/* Lets `dl` end in `ms` milliseconds at the latest, for a part of the job that may not take all of
 * the time; deadline_widen() with what is returned ends that part. */
int64_t deadline_narrow(struct fuda_deadline *dl, int ms);
void deadline_widen(struct fuda_deadline *dl, int64_t end);

/* Waits `ms` milliseconds. 0, FUDA_ETIMEOUT, FUDA_ECANCELLED. */
int deadline_sleep(const struct fuda_deadline *dl, int ms);

#endif
