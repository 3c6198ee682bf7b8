/* SPDX-License-Identifier: Apache-2.0 */
/* Where failures are written down. */
#ifndef BASE_CONTEXT_H
#define BASE_CONTEXT_H

#include <stdbool.h>
#include <fuda/context.h>
#include "base/util.h"

/* Writes down why `code` happened and returns it: `format` is a translated text for a person, which
 * says what to do next where that is not plain; never secrets. The step is the one set last. */
int ctx_fail(struct fuda_context *ctx, int code, const char *format, ...) _printf_(3, 4);

/* As ctx_fail() with the standard text of `code`. */
int ctx_fail_code(struct fuda_context *ctx, int code);

/* As ctx_fail(), for a card that answered status word `sw`, whose number and meaning are appended.
 */
int ctx_fail_sw(struct fuda_context *ctx, int code, uint16_t sw, const char *format, ...)
	_printf_(4, 5);

/* While kept, the last error stays as it is whatever fails: for cleaning up after it. Returns
 * whether it was kept before, for who cleans up within the cleaning up of another. */
bool ctx_keep_error(struct fuda_context *ctx, bool keep);

/* Says what is being done from here on, for failures to come. `step` is a translated static text.
 */
void ctx_step(struct fuda_context *ctx, const char *step);

bool ctx_logs(const struct fuda_context *ctx, enum fuda_log_level level);
void ctx_log(struct fuda_context *ctx, enum fuda_log_level level, const char *format, ...)
	_printf_(3, 4);

#endif
