/* SPDX-License-Identifier: Apache-2.0 */
/* How long something may take, and the means to stop it earlier. */
#ifndef FUDA_DEADLINE_H
#define FUDA_DEADLINE_H

/* A time budget and a cancel event in one object. Every call that may wait takes one, and all the
 * calls that share it spend the same budget. It must outlive the calls that use it. */
struct fuda_deadline;

/* Starts a budget of `ms` milliseconds now; a negative `ms` never runs out (it can still be
 * cancelled). FUDA_ENOMEM, FUDA_EFAILED if the system has no file descriptor left. */
int fuda_deadline_new(int ms, struct fuda_deadline **ret);
void fuda_deadline_free(struct fuda_deadline **dl);

/* Starts the budget again, from now; does not undo a cancel. */
void fuda_deadline_restart(struct fuda_deadline *dl, int ms);

/* Makes every call that waits on `dl`, now or later, return FUDA_ECANCELLED. May be called from any
 * thread and from a signal handler. */
void fuda_deadline_cancel(struct fuda_deadline *dl);

#endif
