/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fuda.h"
#include "tools/report.h"

#include <stdio.h>
#include <fuda/reader.h>

static bool watch, names;

static const char *state(const struct fuda_reader_info *info)
{
	if (!info->card)
		return _("no card");
	if (info->mute)
		return _("card that does not answer");
	if (info->exclusive)
		return _("card, used by another program alone");
	return info->in_use ? _("card, used by another program as well") : _("card");
}

static void add_facts(struct report *r, const struct fuda_reader_info *info)
{
	report_text(r, NULL, "name", info->name);
	if (info->model[0])
		report_text(r, NULL, "model", info->model);
	report_flag(r, NULL, "card", info->card);
	if (info->card) {
		report_flag(r, NULL, "mute", info->mute);
		report_flag(r, NULL, "in_use", info->in_use);
		report_flag(r, NULL, "exclusive", info->exclusive);
		report_hex(r, NULL, "atr", info->atr, info->atr_len);
	}
}

static void print_names(const struct fuda_reader_list *readers)
{
	const struct fuda_reader_info *info;

	for (size_t i = 0; (info = fuda_reader_list_get(readers, i)); i++) {
		print_safely(info->name, stdout);
		putchar('\n');
	}
}

/* A line for people: a name that is a number says little. */
static void show_reader(struct report *r, const struct fuda_reader_info *info)
{
	char text[FUDA_READER_MODEL_SIZE + 128];

	if (info->model[0])
		snprintf(text, sizeof(text), _("%s (%s)"), state(info), info->model);
	else
		snprintf(text, sizeof(text), "%s", state(info));
	report_word(r, info->name, NULL, info->name, text);
}

static void report_readers(struct call *call, const struct fuda_reader_list *readers)
{
	struct report *all = report_known_list(call->report, "readers");
	const struct fuda_reader_info *info;

	for (size_t i = 0; (info = fuda_reader_list_get(readers, i)); i++) {
		add_facts(report_object(all, NULL, NULL, NULL), info);
		show_reader(call->report, info);
	}
}

static int list(struct call *call)
{
	struct fuda_reader_list *readers;
	int r = fuda_reader_list_new(call->ctx, call->dl, &readers);

	if (r < 0)
		return r;
	call->raw = names && !common.json;
	if (call->raw)
		print_names(readers);
	else
		report_readers(call, readers);
	if (!fuda_reader_list_count(readers))
		fputs(_("fuda: no reader found. Plug one in; 'fuda doctor' looks for what is in "
			"the way.\n"),
		      stderr);
	fuda_reader_list_free(&readers);
	return 0;
}

static const struct {
	const char *word, *text;
} events[] = {
	[FUDA_READER_ADDED] = { "reader_added", N_("reader added") },
	[FUDA_READER_REMOVED] = { "reader_removed", N_("reader removed") },
	[FUDA_CARD_INSERTED] = { "card_inserted", N_("card inserted") },
	[FUDA_CARD_REMOVED] = { "card_removed", N_("card removed") },
};

static int print_event(struct call *call, const struct fuda_reader_event *event)
{
	struct report *line = report_new();
	int r;

	if (!line)
		return FUDA_ENOMEM;
	report_word(line, _(events[event->kind].text), "event", events[event->kind].word,
		    event->reader.name);
	add_facts(report_object(line, NULL, "reader", NULL), &event->reader);
	r = common.json ? report_print_json(line, stdout) : report_print_text(line, stdout);
	report_free(&line);
	return r < 0 ? call_fail(call, r, _("standard output cannot be written")) : 0;
}

/* Until ^C or until the time is over, which is what it was asked for, or another signal. */
static int watch_readers(struct call *call)
{
	struct fuda_reader_list *now;
	struct fuda_reader_watch *w;
	struct fuda_reader_event event;
	int r = fuda_reader_list_new(call->ctx, call->dl, &now);

	if (r == FUDA_ETIMEOUT || r == FUDA_ECANCELLED || r == FUDA_ENOMEM)
		return r;
	if (r < 0) /* to be known; the watch waits until that is over */
		fprintf(stderr, "fuda: %s\n", fuda_context_message(call->ctx));
	else
		fuda_reader_list_free(&now);
	r = fuda_reader_watch_new(call->ctx, &w);
	if (r < 0)
		return r;
	call->raw = true;
	if (!common.timeout)
		fuda_deadline_restart(call->dl, -1);
	while (r == 0) {
		r = fuda_reader_watch_next(w, call->dl, &event);
		if (r == 0)
			r = print_event(call, &event);
	}
	fuda_reader_watch_free(&w);
	if (r == FUDA_ETIMEOUT || (r == FUDA_ECANCELLED && session_interrupted()))
		return 0;
	call->raw = false; /* one more line, with the failure */
	return r;
}

static int run(struct call *call)
{
	int r = call_operands(call, 0, 0);

	if (r < 0)
		return r;
	return watch ? watch_readers(call) : list(call);
}

static const struct option_spec options[] = {
	{ "watch", 'w', NULL, N_("report what comes and goes, until ^C or --timeout"),
	  OPTION_SWITCH, &watch },
	{ "names", 0, NULL, N_("print the names only, one per line"), OPTION_SWITCH, &names },
	{ NULL },
};

const struct fuda_command command_readers = {
	.name = "readers",
	.summary = N_("list readers and the cards in them"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_READER,
	.run = run,
};
