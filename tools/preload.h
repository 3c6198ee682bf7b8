/* SPDX-License-Identifier: Apache-2.0 */
/* Recording programs: what they find in their environment. */
#ifndef TOOLS_PRELOAD_H
#define TOOLS_PRELOAD_H

#include "tools/fuda.h"

/* Both change the environment of this process, for what it starts from here on. */

/* The trace that readers "trace:..." and the library write: `path` as seen from here, whatever
 * folder the program goes to. FUDA_EFILE. */
int preload_trace(struct call *call, const char *path, bool raw);
/* The library that stands between PC/SC programs and libpcsclite, behind what is preloaded anyway;
 * and the faults that it makes, as in "fault:SPEC:READER" (NULL: those that are there already).
 * FUDA_ENOTSUP: this build has no such library. */
int preload_library(struct call *call, const char *faults);

#endif
