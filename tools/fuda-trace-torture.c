/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/preload.h"
#include "tools/torture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	KINDS_MAX = 32,
	JOBS_MAX = 64,
	RUNS_MAX = 1000000,
	LIMIT_DEFAULT = 60,
	LONG_S = 10, /* seconds that nobody waits without a word */
};

static struct {
	const char *reader, *before, *input, *kinds, *ignore, *markdown;
	int limit, jobs, secrets;
	bool ours, test_card;
} options = { .limit = LIMIT_DEFAULT, .jobs = 1, .secrets = -1 };

/* ---- what is run ---- */

static bool has_placeholder(char *const *command)
{
	for (; *command; command++)
		if (strstr(*command, "{reader}"))
			return true;
	return false;
}

/* What LD_PRELOAD is to be for programs that use a reader of the PC/SC service. It is theirs alone:
 * what prepares a run shall not be under faults. */
static int find_preload(struct call *call, struct torture_plan *plan, char **ret)
{
	const char *now = getenv("LD_PRELOAD");
	char *before = now ? strdup(now) : NULL;
	int r = now && !before ? FUDA_ENOMEM : preload_library(call, NULL);

	if (r == 0) {
		*ret = strdup(getenv("LD_PRELOAD"));
		plan->preload = *ret;
		r = *ret ? 0 : FUDA_ENOMEM;
	}
	if (r == 0 && (before ? setenv("LD_PRELOAD", before, 1) : unsetenv("LD_PRELOAD")))
		r = FUDA_ENOMEM;
	free(before);
	return r;
}

static int set_reader(struct call *call, struct torture_plan *plan, char **ret_preload)
{
	bool named = has_placeholder(plan->command);

	if (named && !options.reader)
		return call_usage(call, _("--reader is missing: which one {reader} stands for"));
	if (!named && options.reader)
		return call_usage(call, _("--reader is for {reader}, which the command does not "
					  "have: other programs choose theirs themselves"));
	plan->reader = options.reader;
	return named ? 0 : find_preload(call, plan, ret_preload);
}

static int set_ignored(struct call *call, struct torture_plan *plan, regex_t *ret)
{
	char why[200];
	int r;

	if (!options.ignore)
		return 0;
	r = regcomp(ret, options.ignore, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
	if (r) {
		regerror(r, ret, why, sizeof(why));
		return call_usage(call, "--ignore: %s", why);
	}
	plan->ignore = ret;
	return 0;
}

static int no_kind(struct call *call, const char *kind)
{
	char known[400] = "";

	for (size_t i = 0, used = 0; fuda_fault_kind(i) && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 fuda_fault_kind(i));
	return call_usage(call, _("--kinds: '%s' is no kind of fault; these are: %s"), kind, known);
}

/* The kinds of --kinds, or all. `copy` is cut up. */
static int set_kinds(struct call *call, char *copy, const char *kinds[KINDS_MAX],
		     struct torture_table *table)
{
	const char *kind;

	if (!fuda_fault_kind(0))
		return fuda_fault_check(call->ctx, "");
	table->kinds = kinds;
	if (!copy)
		for (; (kind = fuda_fault_kind(table->kind_count)); table->kind_count++)
			kinds[table->kind_count] = kind;
	while (copy) {
		char spec[64];

		if (table->kind_count == KINDS_MAX)
			return call_usage(call, _("--kinds has more than %d"), KINDS_MAX);
		kind = strsep(&copy, ",");
		if ((size_t)snprintf(spec, sizeof(spec), "%s@1", kind) >= sizeof(spec) ||
		    strchr(kind, '@') || fuda_fault_check(call->ctx, spec) < 0)
			return no_kind(call, kind);
		kinds[table->kind_count++] = kind;
	}
	return 0;
}

static int make_place(struct call *call, struct torture_plan *plan)
{
	const char *tmp = getenv("TMPDIR");

	if ((size_t)snprintf(plan->place, sizeof(plan->place), "%s/fuda-torture.XXXXXX",
			     tmp && *tmp ? tmp : "/tmp") >= sizeof(plan->place) ||
	    !mkdtemp(plan->place)) {
		int e = call_fail(call, FUDA_EFILE, "%s: %s", plan->place, strerror(errno));

		*plan->place = '\0';
		return e;
	}
	return 0;
}

/* ---- all runs ---- */

struct progress {
	struct torture_process jobs[JOBS_MAX];
	size_t running, started, ended, total;
	int failed; /* why no more are started */
};

static void show_progress(const struct progress *g)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu/%zu%s", g->ended, g->total,
			g->ended == g->total ? "\n" : "");
}

static int check_cancelled(struct call *call)
{
	return session_cancelled() ? call_fail(call, FUDA_ECANCELLED, _("cancelled")) : 0;
}

/* Looks after those that run; all of them are asked to end where something failed. */
static void tend(struct call *call, const struct torture_plan *plan,
		 const struct torture_run *clean, struct progress *g, struct fuda_buf *output)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct torture_process *p = &g->jobs[i];
		int r;

		if (p->run && g->failed)
			torture_stop(p);
		if (!p->run || !torture_ended(p))
			continue;
		p->alone = plan->adopts && g->running == 1;
		r = torture_judge(call, plan, clean, p, output);
		if (!g->failed)
			g->failed = r;
		g->running--;
		g->ended++;
		show_progress(g);
	}
}

static void start_more(struct call *call, const struct torture_plan *plan,
		       struct torture_run *runs, struct progress *g)
{
	for (int i = 0; i < options.jobs && !g->failed && g->started < g->total; i++) {
		if (g->jobs[i].run)
			continue;
		/* the run without faults is number 0 */
		g->failed = torture_start(call, plan, &runs[g->started],
					  g->started + (runs[0].kind != NULL), &g->jobs[i]);
		if (g->failed)
			return;
		g->started++;
		g->running++;
	}
}

static int run_all(struct call *call, const struct torture_plan *plan,
		   const struct torture_run *clean, struct torture_run *runs, size_t total,
		   struct fuda_buf *output)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct progress g = { .total = total };

	for (;;) {
		if (!g.failed)
			g.failed = check_cancelled(call);
		start_more(call, plan, runs, &g);
		if (!g.running)
			break;
		nanosleep(&pause, NULL);
		tend(call, plan, clean, &g, output);
	}
	return g.failed;
}

/* Every run presents the secrets again, and a fault may lead one to where another is right. */
static int check_tries(struct call *call, const struct torture_plan *plan,
		       const struct fuda_trace_summary *seen)
{
	if (!seen->secrets || plan->before)
		return 0;
	if (seen->refused)
		return call_fail(call, FUDA_EPINCOMMAND,
				 _("The card refuses the secret that the command presents: more "
				   "runs would use up its tries. Give the right one, or with "
				   "--before what makes the card new."));
	if (options.test_card)
		return 0;
	return call_fail(call, FUDA_EPINCOMMAND,
			 _("The command presents a secret to the card, and under faults it may "
			   "come where it is wrong. Give --before with what makes the card new, "
			   "or --test-card if its tries may be used up."));
}

static int run_clean(struct call *call, const struct torture_plan *plan,
		     struct torture_table *table, struct fuda_buf *output)
{
	struct torture_run *clean = &table->clean;
	int r = run_all(call, plan, clean, clean, 1, output);

	if (r < 0)
		return r;
	if (torture_outcome_bad(clean->outcome))
		return call_fail(call, FUDA_EFAILED,
				 _("Without any fault the command ends as '%s' already."),
				 torture_outcome_name(clean->outcome));
	if (!clean->seen.commands)
		return call_fail(call, FUDA_EFAILED,
				 _("The command sends nothing to a card, so that there is nothing "
				   "to break; it ends with exit status %d."),
				 clean->status);
	table->positions = clean->seen.commands;
	return check_tries(call, plan, &clean->seen);
}

/* A person who has to wait is told how long. */
static void tell_time(const struct torture_table *table, size_t total)
{
	long long rounds = ((long long)total + options.jobs - 1) / options.jobs;
	long long seconds = rounds * table->clean.ms / 1000;

	if (seconds < LONG_S)
		return;
	fprintf(stderr,
		_("There are %zu runs, which take some %lld s, and longer where an answer is "
		  "waited for: the one without faults took %lld.%03lld s.\n"),
		total, seconds, table->clean.ms / 1000, table->clean.ms % 1000);
}

static int run_faults(struct call *call, const struct torture_plan *plan,
		      struct torture_table *table, struct fuda_buf *output)
{
	size_t total = table->kind_count * table->positions;

	if (table->positions > RUNS_MAX / table->kind_count)
		return call_fail(call, FUDA_ETOOBIG,
				 _("The command sends %lu commands to the card, which are too many "
				   "to break one by one."),
				 table->positions);
	table->runs = calloc(total, sizeof(*table->runs));
	if (!table->runs)
		return FUDA_ENOMEM;
	for (size_t i = 0; i < total; i++) {
		table->runs[i].kind = table->kinds[i / table->positions];
		table->runs[i].at = i % table->positions + 1;
	}
	tell_time(table, total);
	return run_all(call, plan, &table->clean, table->runs, total, output);
}

/* ---- what is told ---- */

/* `r`: why there are no more runs, or 0. */
static int conclude(struct call *call, const struct torture_table *table, int r)
{
	const struct torture_run *first;
	size_t bad = torture_bad(table, &first), total = table->kind_count * table->positions;

	torture_report(call->report, table);
	call->shown = !options.markdown;
	if (r == FUDA_ECANCELLED)
		return call_fail(call, r,
				 _("cancelled after %zu of %zu runs: the table is not whole"),
				 torture_done(table), total);
	if (r < 0)
		return r;
	call->raw = options.markdown && !common.json;
	if (call->raw)
		r = torture_markdown(table, options.markdown);
	if (r < 0)
		return call_fail(call, r, _("standard output cannot be written"));
	if (bad)
		return call_fail(call, FUDA_EFAILED,
				 _("%zu of %zu runs must not end as they did; the first is %s@%lu: "
				   "%s"),
				 bad, total, first->kind, first->at,
				 torture_outcome_name(first->outcome));
	return 0;
}

static int torture(struct call *call, struct torture_plan *plan, struct torture_table *table)
{
	_cleanup_buf_ struct fuda_buf output = FUDA_BUF_INIT(TORTURE_OUTPUT_MAX);
	int r = make_place(call, plan);

	plan->adopts = torture_adopt();
	if (r == 0)
		r = run_clean(call, plan, table, &output);
	if (r == 0)
		r = run_faults(call, plan, table, &output);
	if (table->runs)
		r = conclude(call, table, r);
	if (*plan->place)
		torture_remove(plan->place);
	free(table->runs);
	return r;
}

static int run(struct call *call)
{
	struct torture_plan plan = { .command = call->operands,
				     .before = options.before,
				     .input = options.input,
				     .limit_s = options.limit,
				     .secrets = options.secrets,
				     .ours = options.ours };
	struct torture_table table = { .kind_count = 0 };
	char *copy = options.kinds ? strdup(options.kinds) : NULL, *preload = NULL;
	const char *kinds[KINDS_MAX];
	regex_t ignored;
	int r = options.kinds && !copy ? FUDA_ENOMEM : call_operands(call, 1, SIZE_MAX);

	if (r == 0) {
		call->operands[call->operand_count] = NULL;
		r = set_reader(call, &plan, &preload);
	}
	if (r == 0)
		r = set_kinds(call, copy, kinds, &table);
	if (r == 0)
		r = set_ignored(call, &plan, &ignored);
	if (r == 0)
		r = torture(call, &plan, &table);
	if (plan.ignore)
		regfree(&ignored);
	free(preload);
	free(copy);
	return r;
}

static const struct option_spec table_of_options[] = {
	{ "reader", 'r', "NAME", N_("reader that {reader} stands for, with faults"), OPTION_TEXT,
	  &options.reader },
	{ "before", 0, "COMMAND", N_("have the shell do this before each run"), OPTION_TEXT,
	  &options.before },
	{ "stdin", 0, "FILE", N_("standard input of each run (nothing)"), OPTION_TEXT,
	  &options.input },
	{ "kinds", 0, "LIST", N_("kinds of faults, with commas between (all)"), OPTION_TEXT,
	  &options.kinds },
	{ "limit", 0, "SECONDS", N_("a run that takes longer hangs (60)"), OPTION_NUMBER,
	  &options.limit, 1, 3600 },
	{ "jobs", 'j', "N", N_("so many runs at the same time (1)"), OPTION_NUMBER, &options.jobs,
	  1, JOBS_MAX },
	{ "ignore", 0, "REGEX", N_("lines of standard output that do not count"), OPTION_TEXT,
	  &options.ignore },
	{ "secrets", 0, "N", N_("commands with a secret that a run may send (as without faults)"),
	  OPTION_NUMBER, &options.secrets, 0, 1000 },
	{ "test-card", 0, NULL,
	  N_("the card is for tests: the tries of its secrets may be used up"), OPTION_SWITCH,
	  &options.test_card },
	{ "fuda", 0, NULL, N_("exit status 10 has to be where an outcome is not known"),
	  OPTION_SWITCH, &options.ours },
	{ "markdown", 0, "TEXT", N_("print rows of a table in Markdown that begin with TEXT"),
	  OPTION_TEXT, &options.markdown },
	{ NULL },
};

const struct fuda_command command_trace_torture = {
	.name = "trace torture",
	.summary = N_("run a program once for each fault at each of its commands"),
	.synopsis = "-- COMMAND [ARGUMENT]...",
	.options = table_of_options,
	.run = run,
	.flags = COMMAND_RUNS,
};
