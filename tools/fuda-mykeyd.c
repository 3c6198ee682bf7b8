/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's reference service, and what its operators do with it. */
#include "tools/mykeyd.h"
#include "tools/sanitized.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

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

int mykeyd_opened(struct call *call, int code)
{
	if (code == FUDA_EFILE && !common.folder)
		snprintf(call->remark, sizeof(call->remark),
			 _("The service is looked for in %s, since no --folder is given."),
			 MYKEYD_FOLDER);
	return code;
}

/* The genuine CAs are known by their fingerprints alone: their certificates have to be given, too.
 */
void mykeyd_warn(const struct config *config)
{
	if (config->trust_count == 0)
		fprintf(stderr,
			_("No CA of cards is named, so every card is refused: put the CA's "
			  "certificate "
			  "into a file\n(a card gives it: 'fuda cert auth-ca') and a line 'trust = "
			  "FILE' into %s/mykeyd.conf.\n"),
			config->folder);
	if (config->crl_required && config->crl_count == 0 && !*config->ocsp)
		fprintf(stderr,
			_("No revocation list is named, so every card is refused: put the newest "
			  "list "
			  "of the cards' CA\ninto a file and a line 'crl = FILE' into "
			  "%s/mykeyd.conf; for tests, 'crl_required = no'.\n"),
			config->folder);
	if (config->crl_required && config->mdoc_trust_count && !config->mdoc_crl_count)
		fprintf(stderr,
			_("No revocation list of those who issue mobile credentials is named, so "
			  "every phone is refused:\nput it into a file and a line "
			  "'mdoc_crl = FILE' into %s/mykeyd.conf.\n"),
			config->folder);
	if (config->mdoc_crl_count && !config->mdoc_trust_count)
		fprintf(stderr,
			_("Revocation lists of those who issue mobile credentials are named, and "
			  "nobody whose they are:\nwithout a line 'mdoc_trust = FILE' in "
			  "%s/mykeyd.conf no phone is asked.\n"),
			config->folder);
	if (!config->crl_required && !config->ocsp_required &&
	    strcmp(config->environment, "production") == 0)
		fprintf(stderr,
			_("Revoked cards are accepted ('crl_required = no'), though the "
			  "environment is production.\n"));
}

/* Birth dates, local numbers and keys pass through here: no core, and no other program of the same
 * user looks in. */
static void keep_to_itself(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
		perror("fuda-mykeyd");
}

int main(int argc, char **argv)
{
	keep_to_itself();
	return program_main(argc, argv);
}
