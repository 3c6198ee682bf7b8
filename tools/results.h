/* SPDX-License-Identifier: Apache-2.0 */
/* What came of the steps of scripts, for people, for TAP, for JUnit and for JSON: written as it
 * comes, so that its length does not matter. */
#ifndef TOOLS_RESULTS_H
#define TOOLS_RESULTS_H

#include <stdio.h>
#include <fuda/trace.h>
#include "tools/fuda.h"

struct results {
	struct call *call;
	bool tap;	   /* to standard output, in place of the text for people */
	FILE *junit;	   /* NULL: not wanted */
	const char *path;  /* of `junit` */
	FILE *cases;	   /* of the script that runs: JUnit wants their number before them */
	unsigned long all, bad; /* steps of all scripts, and those that failed */
	int error;	   /* why something could not be written: an errno, or 0 */
	/* of the script that runs */
	const char *script;
	struct report *one, *failures;
	unsigned long steps, failed;
	uint64_t us;
};

/* `junit`: the file for it, or NULL. FUDA_EFILE. */
int results_start(struct call *call, bool tap, const char *junit, struct results *ret);
void results_script(struct results *r, const char *path);
/* For fuda_trace_run(); `arg` is a struct results. */
void results_step(void *arg, const struct fuda_trace_check *check);
/* The script ended with `code`: 0, FUDA_EDEPARTED, or what it broke off with. */
void results_script_end(struct results *r, int code);
/* Ends it all, with `code`. FUDA_EFILE if something could not be written; otherwise `code`. */
int results_end(struct results *r, int code);

#endif
