/* SPDX-License-Identifier: Apache-2.0 */
/* The command-line program for cards. */
#include "tools/program.h"

#include <malloc.h>

#define ENTRY(name) extern const struct fuda_command command_##name;
#include "commands.def"
#undef ENTRY

static const struct fuda_command *const commands[] = {
#define ENTRY(name) &command_##name,
#include "commands.def"
#undef ENTRY
};
_Static_assert(ARRAY_SIZE(commands) <= COMMANDS_MAX, "COMMANDS_MAX");

static const char *const elsewhere[] = { "fuda-vcard replay", "fuda-vcard make", NULL };

static const char *hint_for(int code)
{
	switch (code) {
	case FUDA_ENOSERVICE:
	case FUDA_EACCESS:
		return N_("'fuda doctor' finds out what is in the way.");
	case FUDA_EWRONGCARD:
		return N_("If a phone is on the reader, 'fuda mdoc request' asks it.");
	case FUDA_ELASTTRY:
		return N_("If you are sure of it, give --use-last-try.");
	default:
		return NULL;
	}
}

const struct program program = {
	.name = "fuda",
	.overview = N_("Usage: fuda COMMAND [OPTION]... [ARGUMENT]...\n\n"
		       "Reads My Number cards, authenticates and signs with them, verifies the "
		       "result;\n"
		       "asks phones that carry one as a mobile credential.\n\n"
		       "Commands:\n"),
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
	.elsewhere = elsewhere,
	.hint = hint_for,
};

int main(int argc, char **argv)
{
	/* The thread that waits for the card has no need of a heap of its own. */
	mallopt(M_ARENA_MAX, 1);
	return program_main(argc, argv);
}
