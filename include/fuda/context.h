/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the caller as a whole: the last error and the log. */
#ifndef FUDA_CONTEXT_H
#define FUDA_CONTEXT_H

#include <stdint.h>

/* One context serves one thread at a time, together with all that is opened with it. After fork()
 * only the parent may go on using them. */
struct fuda_context;

/* Makes a context; frees nothing of what was opened with it, which must be freed first. */
int fuda_context_new(struct fuda_context **ret);
void fuda_context_free(struct fuda_context **ctx);

/* The last error, for a person: one or more sentences in the language of LC_MESSAGES that say what
 * is wrong and what to do next; "" if none. Valid until the next failure or until the context is
 * freed. */
const char *fuda_context_message(const struct fuda_context *ctx);
/* What was being done when it happened ("read the certificate"), "" if unknown. Same life time. */
const char *fuda_context_step(const struct fuda_context *ctx);
/* The status word SW1-SW2 that caused it, 0 if none did. */
uint16_t fuda_context_sw(const struct fuda_context *ctx);

/* Writes down a failure, for functions of a program that the library calls: `message` is for a
 * person. Returns `code`. */
int fuda_context_fail(struct fuda_context *ctx, int code, const char *message);

enum fuda_log_level { FUDA_LOG_OFF, FUDA_LOG_INFO, FUDA_LOG_DEBUG };

/* Sends log lines of `level` and below to `sink`, off by default. APDUs are logged at debug level,
 * secrets in them replaced by their length at every level. `sink` is called on the caller's thread;
 * `line` has no newline and is valid during the call only. */
void fuda_context_set_log(struct fuda_context *ctx, enum fuda_log_level level,
			  void (*sink)(void *arg, const char *line), void *arg);

#endif
