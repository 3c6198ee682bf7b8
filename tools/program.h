/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a program of a table of commands: each has one such description, and its main() calls
 * program_main(). */
#ifndef TOOLS_PROGRAM_H
#define TOOLS_PROGRAM_H

#include "tools/fuda.h"

enum { COMMANDS_MAX = 64 };

struct program {
	const char *name;
	const char *overview; /* N_(): how it is called and what for, above the list of commands */
	const struct fuda_command *const *commands;
	size_t command_count; /* at most COMMANDS_MAX */
	/* Commands of other programs that people look for here: "program command", NULL behind the
	 * last. NULL: none. */
	const char *const *elsewhere;
	/* What this program can do about an error, N_(), told after what the library says; or NULL.
	 * NULL: never anything. */
	const char *(*hint)(int code);
};
extern const struct program program;

/* Runs the command that the words name. Gives the exit status. */
int program_main(int argc, char **argv);
/* Prints the report and the failure; gives the exit status. */
int program_finish(struct call *call, int code);

#endif
