/* SPDX-License-Identifier: Apache-2.0 */
/* What the data of a card is made of, for people. */
#ifndef TRACE_DISSECT_H
#define TRACE_DISSECT_H

#include "trace/follow.h"
#include "trace/out.h"

/* Writes lines that say what `data` is: bytes `offset` and following of what `about` reads, or a
 * response of another kind. TLV objects as a tree, fields by their names, text as text, the rest in
 * hexadecimal, what is long not as a whole. Takes any bytes. */
void trace_dissect(struct trace_out *o, const struct trace_about *about, size_t offset,
		   const uint8_t *data, size_t len);

/* Only the fields of a file that has such, one a line, and those that are in `data` as a whole:
 * false if there are none. `known` (NULL: all are) says whether bytes of `data` are shown in the
 * trace. */
bool trace_dissect_fields(struct trace_out *o, const struct trace_about *about, size_t offset,
			  const uint8_t *data, size_t len,
			  bool (*known)(const void *arg, size_t at, size_t n), const void *arg);

#endif
