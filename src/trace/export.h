/* SPDX-License-Identifier: Apache-2.0 */
/* The forms that fuda_trace_export() knows. */
#ifndef TRACE_EXPORT_H
#define TRACE_EXPORT_H

#include "trace/annotate.h"
#include "trace/out.h"

/* Writes the events of `w` to `o`, whose text they are alone. 0, or errors of trace_walk_next() and
 * of `o`. */
int trace_export_pcapng(struct trace_walk *w, struct trace_out *o);
int trace_export_json(struct trace_walk *w, struct trace_out *o);

#endif
