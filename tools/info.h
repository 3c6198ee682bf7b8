/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of what info tells, each of which may fail without harm to the others. */
#ifndef TOOLS_INFO_H
#define TOOLS_INFO_H

#include <fuda/buf.h>
#include <fuda/cv.h>
#include "tools/fuda.h"

/* Whether `code` says that something is not on the card for everyone to read. */
bool info_absent(int code);
/* Whether it is the fault of one part, which keeps nobody from the others. */
bool info_one_fault(int code);
/* Notes in the fields of `part` that `code` came of it, if that is the fault of this part alone;
 * what is not on the card is left out. Gives 0, or what makes all else hopeless. */
int info_outcome(struct call *call, struct report *part, int code);

/* Adds what the card itself and its applications give to everyone. */
int info_add_parts(struct call *call);

/* The chain of CV certificates of the card itself: read within a job, judged after it. */
struct info_chain {
	struct fuda_buf certificates[2];
	size_t count; /* 0 if there is nothing to judge */
	struct report *part;
};
#define INFO_CHAIN_INIT \
	((struct info_chain){ { FUDA_BUF_INIT(FUDA_CV_MAX), FUDA_BUF_INIT(FUDA_CV_MAX) }, 0, NULL })
int info_read_chain(struct call *call, struct info_chain *ret);
int info_add_chain(struct call *call, const struct info_chain *chain);

#endif
