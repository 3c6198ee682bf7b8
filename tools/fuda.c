/* SPDX-License-Identifier: Apache-2.0 */
/* The command-line program: finds the command, runs it, prints what it found or why it failed. */
#include "tools/fuda.h"
#include "tools/nearest.h"
#include "tools/report.h"
#include "tools/standard.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY(name) extern const struct fuda_command command_##name;
#include "commands.def"
#undef ENTRY

static const struct fuda_command *const commands[] = {
#define ENTRY(name) &command_##name,
#include "commands.def"
#undef ENTRY
};

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
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		*ret_words = words_of(commands[i], argc, argv);
		if (*ret_words)
			return commands[i];
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
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (in_group(commands[i], word))
			return true;
	return false;
}

/* ---- help ---- */

/* Of all commands, or of those whose first word is `group`. */
static int print_overview(const char *group, FILE *out)
{
	fputs(_("Usage: fuda COMMAND [OPTION]... [ARGUMENT]...\n\n"
		"Reads My Number cards, authenticates and signs with them, verifies the result.\n\n"
		"Commands:\n"),
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (in_group(commands[i], group))
			fprintf(out, "  %-13s  %s\n", commands[i]->name, _(commands[i]->summary));
	fputs(_("\n'fuda COMMAND --help' explains a command, 'man fuda' all of them.\n"), out);
	return fflush(out) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_help(const struct fuda_command *command)
{
	printf(_("Usage: fuda %s [OPTION]...%s%s\n\n"), command->name,
	       *command->synopsis ? " " : "", command->synopsis);
	printf("%s\n\n%s\n", _(command->summary), _("Options:"));
	options_help(command);
}

/* What is another program's, or behind the first word of a group. */
static const char *elsewhere(const char *name)
{
	static const char *const programs[] = { "fuda-vcard replay", "fuda-vcard make" };
	const char *last = strrchr(name, ' ') ? strrchr(name, ' ') + 1 : name;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (is_second(commands[i]->name, name))
			return commands[i]->name;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (is_second(programs[i], last))
			return programs[i];
	return NULL;
}

static int unknown_command(int argc, char **argv)
{
	bool two = argc > 1 && is_group(argv[0]);
	char name[100], firsts[ARRAY_SIZE(commands)][20];
	struct nearest n = NEAREST(name);
	const char *other;

	snprintf(name, sizeof(name), "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
	if (is_group(name)) {
		print_overview(name, stderr);
		return EXIT_USAGE;
	}
	fprintf(stderr, _("fuda: there is no command '%s'.\n"), name);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		snprintf(firsts[i], sizeof(firsts[i]), "%.*s",
			 (int)strcspn(commands[i]->name, " "), commands[i]->name);
		nearest_see(&n, two ? commands[i]->name : firsts[i]);
	}
	other = elsewhere(name);
	if (other)
		n.found = other;
	if (n.found)
		fprintf(stderr, _("Did you mean '%s'?\n"), n.found);
	else
		fputs(_("'fuda --help' lists the commands.\n"), stderr);
	return EXIT_USAGE;
}

/* ---- result ---- */

static void add_apdus(struct call *call)
{
	struct fuda_apdu_count n = fuda_card_apdus(call->card);
	struct report *apdus;
	char shown[160];

	snprintf(shown, sizeof(shown), _("%lu (%lu bytes sent, %lu received)"), n.count, n.sent,
		 n.received);
	apdus = report_object(call->report, _("APDUs"), "apdus", shown);
	report_number(apdus, NULL, "count", (long)n.count);
	report_number(apdus, NULL, "sent", (long)n.sent);
	report_number(apdus, NULL, "received", (long)n.received);
}

/* The word for programs, and what it means to people. */
static void add_verdict(struct call *call)
{
	static const char *const meanings[] = {
		[FUDA_RESULT_INVALID_CERTIFICATE] = N_("the certificate is not accepted"),
		[FUDA_RESULT_UNSUPPORTED_CERTIFICATE] = N_("a kind of certificate not known here"),
		[FUDA_RESULT_CERTIFICATE_EXPIRED] = N_("the certificate has expired"),
		[FUDA_RESULT_CERTIFICATE_REVOKED] = N_("the certificate is revoked"),
		[FUDA_RESULT_SIGNATURE_MISMATCH] = N_("the signature does not fit"),
		[FUDA_RESULT_REVOCATION_UNKNOWN] = N_("not known whether it is revoked"),
	};
	enum fuda_result result = call->verdict.result;
	const char *word = fuda_result_name(result);
	char shown[200];

	if (result == FUDA_RESULT_OK)
		snprintf(shown, sizeof(shown), "%s", word);
	else if (strcmp(call->verdict.rule, "authority_unknown") == 0)
		snprintf(shown, sizeof(shown), _("%s (%s)"), word,
			 _("signatures fit, but who signed is not known"));
	else
		snprintf(shown, sizeof(shown), _("%s (%s)"), word, _(meanings[result]));
	report_word(call->report, _("Result"), "result", word, shown);
}

/* `result` is ok, or what was wrong with a certificate or signature; a failure before there was a
 * verdict has none. */
void call_conclude(struct call *call, int code)
{
	if (call->concluded)
		return;
	call->concluded = true;
	if (call->card && !call->world_told)
		report_text(call->report, NULL, "world", fuda_world_name(FUDA_WORLD_UNKNOWN));
	if (call->card)
		add_apdus(call);
	if (call->judged)
		add_verdict(call);
	else if (code == 0)
		report_text(call->report, NULL, "result", fuda_result_name(FUDA_RESULT_OK));
}

static const char *message_of(const struct call *call, int code)
{
	if (call->message[0])
		return call->message;
	if (call->ctx && fuda_context_message(call->ctx)[0])
		return fuda_context_message(call->ctx);
	return fuda_error_text(code);
}

static void add_failure(struct call *call, int code)
{
	bool librarys = !call->message[0] && call->ctx;
	char message[sizeof(call->message) + sizeof(call->remark)], sw[8];

	snprintf(message, sizeof(message), "%s%s%s", message_of(call, code),
		 call->remark[0] ? " " : "", call->remark);
	report_text(call->report, NULL, "error", fuda_error_name(code));
	report_text(call->report, NULL, "message", message);
	if (!librarys)
		return;
	report_text(call->report, NULL, "step", fuda_context_step(call->ctx));
	snprintf(sw, sizeof(sw), "%04X", fuda_context_sw(call->ctx));
	if (fuda_context_sw(call->ctx))
		report_text(call->report, NULL, "sw", sw);
}

/* What this program can do about an error, after what the library said. */
static const char *hint_for(int code)
{
	switch (code) {
	case FUDA_ENOSERVICE:
	case FUDA_EACCESS:
		return N_("'fuda doctor' finds out what is in the way.");
	case FUDA_ELASTTRY:
		return N_("If you are sure of it, give --use-last-try.");
	default:
		return NULL;
	}
}

/* Whether a person is helped by what was being done, because the message cannot know. */
static bool step_matters(int code)
{
	enum { FAILED = 1, TIME = 8, UNKNOWN = 10 };
	int status = fuda_error_exit_status(code);

	return status == FAILED || status == TIME || status == UNKNOWN;
}

static void tell_failure(const struct call *call, int code)
{
	const char *step = call->message[0] || !call->ctx ? "" : fuda_context_step(call->ctx);
	char doing[200];

	fputs("fuda: ", stderr);
	print_safely(message_of(call, code), stderr);
	if (*step && step_matters(code)) {
		snprintf(doing, sizeof(doing), _(" (%s)"), step);
		print_safely(doing, stderr);
	}
	putc('\n', stderr);
	if (call->remark[0]) {
		print_safely(call->remark, stderr);
		putc('\n', stderr);
	}
	if (hint_for(code))
		fprintf(stderr, "%s\n", _(hint_for(code)));
	if (call->usage)
		fprintf(stderr, _("'fuda %s --help' explains the command.\n"), call->command->name);
}

/* Prints the report and the failure; gives the exit status. */
static int finish(struct call *call, int code)
{
	int r = 0;

	if (!call->report)
		return fuda_error_exit_status(code);
	call_conclude(call, code);
	if (code < 0)
		add_failure(call, code);
	if (common.json && !call->raw)
		r = report_print_json(call->report, stdout);
	else if (!common.json && !call->raw && (code == 0 || call->shown))
		r = report_print_text(call->report, stdout);
	else if (fflush(stdout))
		r = FUDA_EFILE;
	if (code < 0)
		tell_failure(call, code);
	if (r < 0)
		fprintf(stderr, _("fuda: the report cannot be written: %s\n"), fuda_error_text(r));
	if (r < 0 && code == 0)
		fputs(_("fuda: what the command was to do is done.\n"), stderr);
	return call->status ? call->status : fuda_error_exit_status(code < 0 ? code : r);
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
	status = finish(&call, code);
	session_end(&call);
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
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		puts(commands[i]->name);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct fuda_command *command;
	const char *first = argc > 1 ? argv[1] : "";
	int words;

	if (!standard_descriptors())
		return EXIT_FAILURE;
	/* The thread that waits for the card has no need of a heap of its own. */
	mallopt(M_ARENA_MAX, 1);
	locale_start();
	if (!*first) {
		print_overview(NULL, stderr);
		return EXIT_USAGE;
	}
	if (asks_for_help(first))
		return help_on(0, NULL);
	if (strcmp(first, "help") == 0)
		return help_on(argc - 2, argv + 2);
	if (strcmp(first, "--version") == 0) {
		puts("fuda (fudasashi) " PACKAGE_VERSION);
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
