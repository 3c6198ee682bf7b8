/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines, read by the tables of the commands. */
#include "tools/fuda.h"
#include "tools/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct common_options common = { .pin_fd = -1 };

static const struct option_spec common_table[] = {
	{ "reader", 'r', "NAME", N_("reader, or a unique part of its name"), OPTION_TEXT,
	  &common.reader, .needs = COMMAND_CARD },
	{ "pin-fd", 0, "N", N_("read secrets from file descriptor N, one per line"), OPTION_NUMBER,
	  &common.pin_fd, 0, 1 << 20, COMMAND_PIN },
	{ "pin-file", 0, "FILE", N_("read secrets from FILE, one per line"), OPTION_TEXT,
	  &common.pin_file, .needs = COMMAND_PIN },
	{ "no-pin-pad", 0, NULL, N_("ask for secrets here, not on the keys of the reader"),
	  OPTION_SWITCH, &common.no_pin_pad, .needs = COMMAND_PIN },
	{ "use-last-try", 0, NULL, N_("send the secret even if only one try is left"),
	  OPTION_SWITCH, &common.use_last_try, .needs = COMMAND_PIN },
	{ "trust", 0, "FILE", N_("trust the test CAs in this PEM file (repeatable)"), OPTION_LIST,
	  &common.trust, .needs = COMMAND_VERIFIES },
	{ "cv-trust", 0, "FILE", N_("trust the CV authority keys in this PEM file (repeatable)"),
	  OPTION_LIST, &common.cv_trust, .needs = COMMAND_CV },
	{ "timeout", 0, "SECONDS", N_("give up after this time (30)"), OPTION_NUMBER,
	  &common.timeout, 1, 86400, COMMAND_READER | COMMAND_CARD | COMMAND_ONLINE },
	{ "folder", 0, "DIR", N_("folder of the service (/var/lib/fuda-mykeyd)"), OPTION_TEXT,
	  &common.folder, .needs = COMMAND_FOLDER },
	{ "json", 0, NULL, N_("print the report as JSON"), OPTION_SWITCH, &common.json },
	{ "verbose", 'v', NULL, N_("log what fails inside to standard error; twice: APDUs too"),
	  OPTION_COUNT, &common.verbose },
	{ "help", 'h', NULL, N_("show this help"), OPTION_SWITCH, &common.help },
	{ "list-options", 0, NULL, NULL, OPTION_SWITCH, &common.list_options },
	{ NULL },
};

static const struct option_spec *each_in(const struct option_spec *table,
					 bool (*see)(const struct option_spec *o, const void *arg),
					 const void *arg)
{
	for (const struct option_spec *o = table; o && o->name; o++)
		if (see(o, arg))
			return o;
	return NULL;
}

/* Calls `see` for each option of `command`, its own first, until one call returns true. */
static const struct option_spec *each(const struct fuda_command *command,
				      bool (*see)(const struct option_spec *o, const void *arg),
				      const void *arg)
{
	const struct option_spec *found = each_in(command->options, see, arg);

	for (size_t i = 0; !found && i < ARRAY_SIZE(command->groups); i++)
		found = each_in(command->groups[i], see, arg);
	if (found)
		return found;
	for (const struct option_spec *o = common_table; o->name; o++)
		if ((!o->needs || o->needs & command->flags) && see(o, arg))
			return o;
	return NULL;
}

struct wanted {
	const char *name;
	size_t len;
	char letter;
};

static bool matches(const struct option_spec *o, const void *arg)
{
	const struct wanted *w = arg;

	if (w->letter)
		return o->letter == w->letter;
	return strlen(o->name) == w->len && memcmp(o->name, w->name, w->len) == 0;
}

static bool takes_value(const struct option_spec *o)
{
	return o->kind != OPTION_SWITCH && o->kind != OPTION_COUNT;
}

static int set_choice(struct call *call, const struct option_spec *o, const char *value)
{
	size_t len = strlen(value);

	for (const char *word = o->value; word; word = strchr(word, '|')) {
		word += *word == '|';
		if (len && strcspn(word, "|") == len && memcmp(word, value, len) == 0) {
			*(const char **)o->to = value;
			return 0;
		}
	}
	return call_usage(call, _("--%s takes one of %s, not '%s'"), o->name, o->value, value);
}

static int set_number(struct call *call, const struct option_spec *o, const char *value)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || end == value || *end || n < o->min || n > o->max)
		return call_usage(call, _("--%s takes a number from %d to %d, not '%s'"), o->name,
				  o->min, o->max, value);
	*(int *)o->to = (int)n;
	return 0;
}

static int set_list(struct call *call, const struct option_spec *o, const char *value)
{
	struct text_list *list = o->to;

	if (list->count == LIST_MAX)
		return call_usage(call, _("--%s is given more than %d times"), o->name, LIST_MAX);
	list->items[list->count++] = value;
	return 0;
}

static int set(struct call *call, const struct option_spec *o, const char *value)
{
	switch (o->kind) {
	case OPTION_SWITCH:
		*(bool *)o->to = true;
		return 0;
	case OPTION_COUNT:
		++*(int *)o->to;
		return 0;
	case OPTION_TEXT:
		*(const char **)o->to = value;
		return 0;
	case OPTION_CHOICE:
		return set_choice(call, o, value);
	case OPTION_NUMBER:
		return set_number(call, o, value);
	case OPTION_LIST:
		break;
	}
	return set_list(call, o, value);
}

static bool see_name(const struct option_spec *o, const void *arg)
{
	struct nearest *const *n = arg;

	if (o->help)
		nearest_see(*n, o->name);
	return false;
}

/* Test CAs and authority keys are taken for each other, though their options look different. */
static void see_other_trust(struct call *call, const char *name, struct nearest *n)
{
	static const char *const both[] = { "trust", "cv-trust" };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct wanted other = { both[1 - i], strlen(both[1 - i]), 0 };

		if (strcmp(name, both[i]) == 0 && each(call->command, matches, &other))
			n->found = other.name;
	}
}

/* Says nothing of the value: it may be a secret. */
static int unknown_option(struct call *call, const struct wanted *w)
{
	char name[32];
	struct nearest near = NEAREST(name), *n = &near;

	snprintf(name, sizeof(name), "%.*s", (int)w->len, w->name);
	if (call->command->flags & COMMAND_PIN &&
	    (strcmp(name, "pin") == 0 || strcmp(name, "password") == 0))
		return call_usage(call, _("PINs are never arguments, because others can see those: "
					  "use --pin-file or --pin-fd"));
	each(call->command, see_name, &n);
	see_other_trust(call, name, n);
	if (near.found)
		return call_usage(call, _("unknown option '--%s'; did you mean '--%s'?"), name,
				  near.found);
	return call_usage(call, _("unknown option '--%s'"), name);
}

/* argv[i] is "--name" or "--name=value". Gives the arguments used up, 1 or 2, or an error. */
static int parse_long(struct call *call, char **argv, int i)
{
	const char *name = argv[i] + 2, *equals = strchr(name, '=');
	struct wanted w = { name, equals ? (size_t)(equals - name) : strlen(name), 0 };
	const struct option_spec *o = each(call->command, matches, &w);
	int r;

	if (!o)
		return unknown_option(call, &w);
	if (!takes_value(o)) {
		if (equals)
			return call_usage(call, _("--%s takes no value"), o->name);
		r = set(call, o, NULL);
		return r < 0 ? r : 1;
	}
	if (!equals && !argv[i + 1])
		return call_usage(call, _("--%s needs a value: %s"), o->name, o->value);
	r = set(call, o, equals ? equals + 1 : argv[i + 1]);
	if (r < 0)
		return r;
	return equals ? 1 : 2;
}

/* argv[i] is "-x", "-xvalue" or several switches "-xyz". As parse_long(). */
static int parse_short(struct call *call, char **argv, int i)
{
	for (const char *p = argv[i] + 1; *p; p++) {
		struct wanted w = { .letter = *p };
		const struct option_spec *o = each(call->command, matches, &w);
		int r;

		if (!o)
			return call_usage(call, _("unknown option '-%c'"), *p);
		if (takes_value(o) && !p[1] && !argv[i + 1])
			return call_usage(call, _("-%c needs a value: %s"), *p, o->value);
		r = set(call, o, p[1] ? p + 1 : argv[i + 1]);
		if (r < 0)
			return r;
		if (takes_value(o))
			return p[1] ? 1 : 2;
	}
	return 1;
}

int options_parse(struct call *call, int argc, char **argv)
{
	bool options = true;
	int mistake = 0, used;

	call->operands = argv + 1; /* filled from the front: never ahead of what is read */
	for (int i = 1; i < argc; i += used) {
		used = 1;
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
			continue;
		}
		if (!options || argv[i][0] != '-' || !argv[i][1]) {
			call->operands[call->operand_count++] = argv[i];
			options = options && !(call->command->flags & COMMAND_RUNS);
			continue;
		}
		used = argv[i][1] == '-' ? parse_long(call, argv, i) : parse_short(call, argv, i);
		if (used < 0) {
			mistake = used;
			used = 1;
		}
	}
	return mistake;
}

/* ---- help ---- */

static int name_width(const struct option_spec *o)
{
	return (int)strlen(o->name) + (o->value ? 1 + (int)strlen(o->value) : 0);
}

static bool widest(const struct option_spec *o, const void *arg)
{
	int *column = *(int *const *)arg;

	if (o->help && name_width(o) > *column)
		*column = name_width(o);
	return false;
}

static bool print_help(const struct option_spec *o, const void *arg)
{
	int column = **(int *const *)arg;
	char letter[] = { o->letter ? '-' : ' ', o->letter ? o->letter : ' ', o->letter ? ',' : ' ',
			  '\0' };

	if (o->help)
		printf("  %s --%s%s%s%*s  %s\n", letter, o->name, o->value ? " " : "",
		       o->value ? o->value : "", column - name_width(o), "", _(o->help));
	return false;
}

static bool print_name(const struct option_spec *o, const void *arg)
{
	const char *value = "";

	(void)arg;
	if (!o->help)
		return false;
	if (o->kind == OPTION_CHOICE || (takes_value(o) && strcmp(o->value, "DIR") == 0))
		value = o->value;
	printf("--%s%s%s\n", o->name, takes_value(o) ? "=" : "", value);
	if (o->letter && takes_value(o))
		printf("-%c=%s\n", o->letter, value);
	return false;
}

void options_help(const struct fuda_command *command)
{
	int column = 0, *shared = &column;

	each(command, widest, &shared);
	each(command, print_help, &shared);
}

void options_list(const struct fuda_command *command)
{
	each(command, print_name, NULL);
}
