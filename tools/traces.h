/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that read traces share. */
#ifndef TOOLS_TRACES_H
#define TOOLS_TRACES_H

#include <fuda/trace.h>
#include "tools/files.h"

/* A sink that writes to file descriptor *`fd` as it comes, until the call is cancelled. */
struct fuda_trace_sink traces_sink(int *fd);

/* Certificates for fuda_trace_show(), as "fuda cert --format text" shows them; `call` is its `arg`.
 */
int traces_certificate(void *call, const uint8_t *der, size_t len,
		       const struct fuda_trace_sink *sink);

/* Gives `code`, or FUDA_ECANCELLED if it came of that. */
int traces_ended(struct call *call, int code);

#endif
