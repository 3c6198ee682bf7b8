/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program once for each fault at each of its commands, and what came of it. */
#ifndef TOOLS_TORTURE_H
#define TOOLS_TORTURE_H

#include <regex.h>
#include <sys/types.h>
#include <fuda/trace.h>
#include "tools/fuda.h"
#include "tools/report.h"

enum { TORTURE_OUTPUT_MAX = 16 << 20 }; /* bytes of standard output that are compared */

/* What is run, and how. */
struct torture_plan {
	char *const *command; /* ends with NULL; "{reader}" and "{dir}" in it are replaced */
	const char *reader;   /* that the faults stand on; NULL: that of a program of PC/SC */
	const char *preload;  /* then, what goes into LD_PRELOAD */
	const char *before;   /* for the shell, before each run; NULL: nothing */
	const char *input;    /* file that is standard input; NULL: an empty one */
	const regex_t *ignore; /* lines of standard output that do not count; NULL: all do */
	int limit_s;
	int secrets; /* commands with a secret that may be sent; -1: as many as without faults */
	bool ours;   /* the exit status is 10 where the outcome of one is not known */
	bool adopts; /* what runs leave in sessions of their own becomes a child of ours */
	char place[64]; /* folder of this call, for it alone */
};

enum torture_outcome {
	TORTURE_NOT_RUN, /* yet: it was all broken off before */
	TORTURE_ENDED,	 /* by itself */
	TORTURE_DIFFERS, /* successfully, with other output than without faults */
	TORTURE_CRASH,	 /* by a signal, it or what it ran */
	TORTURE_HANG,	 /* not in time */
	TORTURE_AGAIN,	 /* a secret was sent where none may be any more */
	TORTURE_STATUS,	 /* its exit status hides that an outcome is not known, or makes that up */
	TORTURE_OUTCOMES,
};

/* "ended", "crash", ...; static. */
const char *torture_outcome_name(enum torture_outcome outcome);
/* Whether it must not be. */
bool torture_outcome_bad(enum torture_outcome outcome);

/* One run. */
struct torture_run {
	const char *kind; /* of the fault; NULL: none */
	unsigned long at; /* number of the command */
	enum torture_outcome outcome;
	int status; /* exit status, if neither of these */
	int signal; /* that ended it, or what it ran; 0: none */
	bool late;  /* it was not in time */
	bool missed; /* the fault never came: the program did not get to its place */
	long long ms; /* that it took, with what prepared it */
	struct fuda_trace_summary seen;
};

/* All of them: first those of the first kind, by number. */
struct torture_table {
	struct torture_run clean;
	const char *const *kinds;
	size_t kind_count;
	unsigned long positions;
	struct torture_run *runs; /* kind_count * positions */
};

/* ---- torture-run.c ---- */

/* A run in progress. */
struct torture_process {
	struct torture_run *run; /* NULL: none */
	pid_t pid;
	int told; /* where it says why the command could not be started */
	long long end; /* of its time, in ms of the monotonic clock */
	bool stopped; /* it was asked to end */
	bool late;    /* ... because its time was up */
	bool alone;   /* no other is in progress: children are what runs have left */
	long long begun; /* as `end` */
	char folder[96];
	char *name; /* of the reader that it was given */
};

/* Starts `run`, whose folder is called by `number`. */
int torture_start(struct call *call, const struct torture_plan *plan, struct torture_run *run,
		  size_t number, struct torture_process *ret);
/* Whether it has come to its end; sees that it does when its time is up. */
bool torture_ended(struct torture_process *p);
/* Asks it to end now. */
void torture_stop(struct torture_process *p);
/* Judges what has come to its end and gives back what it held. `output`: what `clean` wrote to
 * standard output, or what is filled with that if it is that run. */
int torture_judge(struct call *call, const struct torture_plan *plan,
		  const struct torture_run *clean, struct torture_process *p,
		  struct fuda_buf *output);
/* Has processes that lose their parents become our children; not where there is a child already, of
 * the shell that has become us: it and what it starts could not be told from what runs leave. */
bool torture_adopt(void);
/* Removes a folder with all that is in it. */
void torture_remove(const char *folder);

/* ---- torture-table.c ---- */

/* Adds the outcomes to the report. */
void torture_report(struct report *report, const struct torture_table *table);
/* Prints the rows of a table in Markdown: command, faults, outcomes. */
int torture_markdown(const struct torture_table *table, const char *name);
/* Counts those that were run. */
size_t torture_done(const struct torture_table *table);
/* Counts the bad ones, and names the first of them. */
size_t torture_bad(const struct torture_table *table, const struct torture_run **ret_first);

#endif
