/* SPDX-License-Identifier: Apache-2.0 */
/* A program of commands: finds the one that is called and runs it, or helps. */
#include "tools/program.h"
#include "tools/nearest.h"
#include "tools/report.h"
#include "tools/standard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

/* How many of the words are the name of `command`, which has one word or two; 0 if they are not. */
static int words_of(const struct fuda_command *command, int argc, char **argv)
{
	size_t len = strcspn(command->name, " ");
	const char *second = command->name[len] ? command->name + len + 1 : NULL;

	if (argc < 1 || strlen(argv[0]) != len || strncmp(argv[0], command->name, len) != 0)
		return 0;
	if (!second)
		return 1;
	return argc > 1 && strcmp(argv[1], second) == 0 ? 2 : 0;
}

static const struct fuda_command *find(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; i < program.command_count; i++) {
		*ret_words = words_of(program.commands[i], argc, argv);
		if (*ret_words)
			return program.commands[i];
	}
	return NULL;
}

/* Whether it is the first of two words; or `group` is NULL, for all commands. */
static bool in_group(const struct fuda_command *command, const char *group)
{
	size_t len = group ? strlen(group) : 0;

	return !group || (strncmp(command->name, group, len) == 0 && command->name[len] == ' ');
}

static bool is_second(const char *name, const char *word)
{
	const char *blank = strchr(name, ' ');

	return blank && strcmp(blank + 1, word) == 0;
}

static bool is_group(const char *word)
{
	for (size_t i = 0; i < program.command_count; i++)
		if (in_group(program.commands[i], word))
			return true;
	return false;
}

/* ---- help ---- */

/* Of all commands, or of those whose first word is `group`. */
static int print_overview(const char *group, FILE *out)
{
	int column = 0;

	for (size_t i = 0; i < program.command_count; i++)
		if ((int)strlen(program.commands[i]->name) > column)
			column = (int)strlen(program.commands[i]->name);
	fputs(_(program.overview), out);
	for (size_t i = 0; i < program.command_count; i++)
		if (in_group(program.commands[i], group))
			fprintf(out, "  %-*s  %s\n", column, program.commands[i]->name,
				_(program.commands[i]->summary));
	fprintf(out, _("\n'%s COMMAND --help' explains a command, 'man %s' all of them.\n"),
		program.name, program.name);
	return fflush(out) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_help(const struct fuda_command *command)
{
	printf(_("Usage: %s %s [OPTION]...%s%s\n\n"), program.name, command->name,
	       *command->synopsis ? " " : "", command->synopsis);
	printf("%s\n\n%s\n", _(command->summary), _("Options:"));
	options_help(command);
}

/* What is another program's, or behind the first word of a group. */
static const char *elsewhere(const char *name)
{
	const char *const *others = program.elsewhere;
	const char *last = strrchr(name, ' ') ? strrchr(name, ' ') + 1 : name;

	for (size_t i = 0; i < program.command_count; i++)
		if (is_second(program.commands[i]->name, name))
			return program.commands[i]->name;
	for (; others && *others; others++)
		if (is_second(*others, last))
			return *others;
	return NULL;
}

static int unknown_command(int argc, char **argv)
{
	bool two = argc > 1 && is_group(argv[0]);
	char name[100], firsts[COMMANDS_MAX][20];
	struct nearest n = NEAREST(name);
	const char *command, *other;

	snprintf(name, sizeof(name), "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
	if (is_group(name)) {
		print_overview(name, stderr);
		return EXIT_USAGE;
	}
	fprintf(stderr, _("%s: there is no command '%s'.\n"), program.name, name);
	for (size_t i = 0; i < program.command_count; i++) {
		command = program.commands[i]->name;
		snprintf(firsts[i], sizeof(firsts[i]), "%.*s", (int)strcspn(command, " "), command);
		nearest_see(&n, two ? command : firsts[i]);
	}
	other = elsewhere(name);
	if (other)
		n.found = other;
	if (n.found)
		fprintf(stderr, _("Did you mean '%s'?\n"), n.found);
	else
		fprintf(stderr, _("'%s --help' lists the commands.\n"), program.name);
	return EXIT_USAGE;
}

static int run_command(const struct fuda_command *command, int argc, char **argv)
{
	struct call call = { .command = command };
	int code, status;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			locale_for_programs(); /* mistakes before it, too */
	code = options_parse(&call, argc, argv);
	if (code == 0 && (common.help || common.list_options)) {
		if (common.help)
			print_help(command);
		else
			options_list(command);
		return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	call.report = report_new();
	if (code == 0)
		code = call.report ? session_start(&call) : FUDA_ENOMEM;
	if (code == 0)
		code = command->run(&call);
	status = program_finish(&call, code);
	session_finish(&call);
	report_free(&call.report);
	return status;
}

/* What the words are about: a command, the commands that begin with one, or all. */
static int help_on(int argc, char **argv)
{
	const struct fuda_command *command;
	int words;

	if (argc < 1)
		return print_overview(NULL, stdout);
	if (argc == 1 && is_group(argv[0]))
		return print_overview(argv[0], stdout);
	command = find(argc, argv, &words);
	if (!command)
		return unknown_command(argc, argv);
	print_help(command);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int list_commands(void)
{
	for (size_t i = 0; i < program.command_count; i++)
		puts(program.commands[i]->name);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int program_main(int argc, char **argv)
{
	const struct fuda_command *command;
	const char *first = argc > 1 ? argv[1] : "";
	int words;

	if (!standard_descriptors())
		return EXIT_FAILURE;
	locale_start();
	unsetenv("SSLKEYLOGFILE"); /* libraries of TLS would write the keys of connections there */
	if (!*first) {
		print_overview(NULL, stderr);
		return EXIT_USAGE;
	}
	if (asks_for_help(first))
		return help_on(0, NULL);
	if (strcmp(first, "help") == 0)
		return help_on(argc - 2, argv + 2);
	if (strcmp(first, "--version") == 0) {
		printf("%s (fudasashi) " PACKAGE_VERSION "\n", program.name);
		return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	if (strcmp(first, "--list-commands") == 0)
		return list_commands();
	if (argc == 3 && is_group(first) && asks_for_help(argv[2]))
		return help_on(1, argv + 1);
	command = find(argc - 1, argv + 1, &words);
	return command ? run_command(command, argc - words, argv + words) :
			 unknown_command(argc - 1, argv + 1);
}
