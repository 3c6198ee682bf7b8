/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that read traces share. */
#ifndef TOOLS_TRACES_H
#define TOOLS_TRACES_H

#include <fuda/trace.h>
#include "tools/files.h"

/* A file descriptor that is written to, and why it took no more: an errno, or 0. */
struct traces_out {
	int fd, error;
};

/* A sink that writes to `out` as it comes, until the call is cancelled. */
struct fuda_trace_sink traces_sink(struct traces_out *out);

/* The path of an operand: "-" is standard input. */
const char *traces_path(const char *operand);

/* Certificates for fuda_trace_show(), as "fuda cert --format text" shows them; `call` is its `arg`.
 */
int traces_certificate(void *call, const uint8_t *der, size_t len,
		       const struct fuda_trace_sink *sink);

/* Gives `code`, or FUDA_ECANCELLED if it came of that; says why `out`, which messages call `name`,
 * took no more. */
int traces_ended(struct call *call, const struct traces_out *out, const char *name, int code);

#endif
