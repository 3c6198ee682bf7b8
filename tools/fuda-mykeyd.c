/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's reference service, and what its operators do with it. */
#include "tools/mykeyd.h"

#define ENTRY(name) extern const struct fuda_command command_##name;
#include "mykeyd-commands.def"
#undef ENTRY

static const struct fuda_command *const commands[] = {
#define ENTRY(name) &command_##name,
#include "mykeyd-commands.def"
#undef ENTRY
};
_Static_assert(ARRAY_SIZE(commands) <= COMMANDS_MAX, "COMMANDS_MAX");

const struct program program = {
	.name = "fuda-mykeyd",
	.overview = N_("Usage: fuda-mykeyd COMMAND [OPTION]... [ARGUMENT]...\n\n"
		       "Runs a MyKey service: who holds a My Number card gets a MyKey ID from it,\n"
		       "and a pseudonym for each sector. The commands work in its folder.\n\n"
		       "Commands:\n"),
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};

const char *mykeyd_folder(void)
{
	return common.folder ? common.folder : MYKEYD_FOLDER;
}

int main(int argc, char **argv)
{
	return program_main(argc, argv);
}
