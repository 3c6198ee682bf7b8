/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a reader by name and using it; thin guards above the driver. */
#ifndef READER_READER_H
#define READER_READER_H

#include "reader/driver.h"

/* Opens reader `name` ("driver:rest", where the driver is known), or else the one listed reader
 * whose name contains it. FUDA_ENOREADER; FUDA_EINVAL if several do. Errors of driver->open. */
int reader_open(struct fuda_context *ctx, const char *name, struct fuda_deadline *dl,
		struct reader **ret);
/* Opens reader "driver:rest" with its card. */
int reader_open_with(struct fuda_context *ctx, const struct driver *driver, const char *rest,
		     struct fuda_deadline *dl, struct reader **ret);
/* Takes hold of it whatever is in it, where the driver has attach(). */
int reader_attach(struct fuda_context *ctx, const struct driver *driver, const char *rest,
		  struct fuda_deadline *dl, struct reader **ret);
void reader_close(struct reader **r);
/* Makes the stacked reader `r` what the one below it is, after anything that may have changed that.
 */
void reader_stand_on(struct reader *r, const struct reader *inner);

/* As the members of struct driver, with NULL members answered and APDUs counted and logged
 * (redacted). `command` must have 4 bytes to r->max_command bytes: FUDA_EINVAL, FUDA_ETOOBIG. */
int reader_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
		    struct fuda_deadline *dl, struct fuda_buf *ret_response);
/* The secret that is typed is in no count and no log. */
int reader_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
		  struct fuda_deadline *dl, struct fuda_buf *ret_response);
int reader_power(struct reader *r, enum power how, struct fuda_deadline *dl);
int reader_lock(struct reader *r, bool on, struct fuda_deadline *dl);

#endif
