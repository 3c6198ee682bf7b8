/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/torture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *shown; /* in tables; what must not be stands out */
	bool bad;
} outcomes[TORTURE_OUTCOMES] = {
	[TORTURE_NOT_RUN] = { "not_run", "not run", false },
	[TORTURE_ENDED] = { "ended", "", false },
	[TORTURE_DIFFERS] = { "differs", "differs", false },
	[TORTURE_CRASH] = { "crash", "CRASH", true },
	[TORTURE_HANG] = { "hang", "HANG", true },
	[TORTURE_AGAIN] = { "again", "AGAIN", true },
	[TORTURE_STATUS] = { "status", "STATUS", true },
};

const char *torture_outcome_name(enum torture_outcome outcome)
{
	return outcomes[outcome].name;
}

bool torture_outcome_bad(enum torture_outcome outcome)
{
	return outcomes[outcome].bad;
}

static const struct torture_run *row_of(const struct torture_table *t, size_t kind)
{
	return t->runs + kind * t->positions;
}

static bool same(const struct torture_run *a, const struct torture_run *b)
{
	return a->outcome == b->outcome && a->status == b->status && a->signal == b->signal &&
	       a->late == b->late && a->missed == b->missed;
}

static bool same_rows(const struct torture_table *t, size_t a, size_t b)
{
	for (unsigned long i = 0; i < t->positions; i++)
		if (!same(row_of(t, a) + i, row_of(t, b) + i))
			return false;
	return true;
}

/* How it ended, whatever else happened. */
static void print_end(const struct torture_run *run, FILE *out)
{
	const char *name = sigabbrev_np(run->signal);

	if (run->late)
		fputs(outcomes[TORTURE_HANG].shown, out);
	else if (run->signal && name)
		fprintf(out, "%s (SIG%s)", outcomes[TORTURE_CRASH].shown, name);
	else if (run->signal)
		fprintf(out, "%s (signal %d)", outcomes[TORTURE_CRASH].shown, run->signal);
	else
		fprintf(out, "%d", run->status);
}

static void print_outcome(const struct torture_run *run, FILE *out)
{
	const char *shown = outcomes[run->outcome].shown;

	if (run->outcome == TORTURE_NOT_RUN) {
		fputs(shown, out);
		return;
	}
	print_end(run, out);
	if (*shown && run->outcome != TORTURE_CRASH && run->outcome != TORTURE_HANG)
		fprintf(out, " (%s)", shown);
	if (run->missed)
		fputs(" (not reached)", out);
}

/* "1-4: 3, 5: 10, 6: 3"; NULL without memory. */
static char *row_text(const struct torture_table *t, size_t kind)
{
	const struct torture_run *row = row_of(t, kind);
	unsigned long next;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (unsigned long i = 0; i < t->positions; i = next) {
		for (next = i + 1; next < t->positions && same(row + i, row + next); next++)
			;
		fprintf(out, next - i > 1 ? "%s%lu-%lu: " : "%s%lu: ", i ? ", " : "", i + 1, next);
		print_outcome(row + i, out);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* The kinds that came to the same as `kind`, with commas between; "" if an earlier one did, so that
 * they are told there. */
static char *kinds_text(const struct torture_table *t, size_t kind)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < t->kind_count; i++) {
		if (!same_rows(t, i, kind))
			continue;
		if (i < kind)
			break;
		fprintf(out, "%s%s", i > kind ? ", " : "", t->kinds[i]);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the report ---- */

static void report_runs(struct report *list, const struct torture_table *t)
{
	for (size_t i = 0; i < t->kind_count * t->positions; i++) {
		const struct torture_run *run = &t->runs[i];
		struct report *one;

		if (run->outcome == TORTURE_NOT_RUN)
			continue;
		one = report_object(list, NULL, NULL, NULL);
		report_text(one, NULL, "fault", run->kind);
		report_number(one, NULL, "command", (long)run->at);
		report_text(one, NULL, "outcome", torture_outcome_name(run->outcome));
		report_flag(one, NULL, "reached", !run->missed);
		if (run->signal)
			report_number(one, NULL, "signal", run->signal);
		else if (!run->late)
			report_number(one, NULL, "status", run->status);
		report_number(one, NULL, "commands", (long)run->seen.commands);
		report_number(one, NULL, "secrets", (long)run->seen.secrets);
		report_number(one, NULL, "lost", (long)run->seen.lost);
	}
}

/* How many are such. */
static size_t count(const struct torture_table *t, bool (*is)(const struct torture_run *run))
{
	size_t n = 0;

	for (size_t i = 0; i < t->kind_count * t->positions; i++)
		n += is(&t->runs[i]);
	return n;
}

static bool is_done(const struct torture_run *run)
{
	return run->outcome != TORTURE_NOT_RUN;
}

static bool is_missed(const struct torture_run *run)
{
	return run->missed;
}

size_t torture_done(const struct torture_table *t)
{
	return count(t, is_done);
}

void torture_report(struct report *report, const struct torture_table *t)
{
	size_t missed = count(t, is_missed);

	report_number(report, _("Commands"), "commands", (long)t->positions);
	report_number(report, _("With a secret"), "secrets", (long)t->clean.seen.secrets);
	report_number(report, _("Exit status"), "status", t->clean.status);
	report_number(report, missed ? _("Faults not reached") : NULL, "not_reached", (long)missed);
	for (size_t i = 0; i < t->kind_count; i++) {
		char *kinds = kinds_text(t, i), *row = row_text(t, i);

		if (!kinds || !row)
			report->broken = true;
		else
			report_text(report, kinds, NULL, *kinds ? row : "");
		free(kinds);
		free(row);
	}
	report_runs(report_list(report, NULL, "runs", ""), t);
}

int torture_markdown(const struct torture_table *t, const char *name)
{
	int failed = 0;

	for (size_t i = 0; i < t->kind_count; i++) {
		char *kinds = kinds_text(t, i), *row = row_text(t, i);

		failed |= !kinds || !row;
		if (!failed && *kinds)
			failed |= printf("| %s | %s | %s |\n", name, kinds, row) < 0;
		free(kinds);
		free(row);
	}
	return failed || fflush(stdout) ? FUDA_EFILE : 0;
}

size_t torture_bad(const struct torture_table *t, const struct torture_run **ret_first)
{
	size_t bad = 0;

	for (size_t i = t->kind_count * t->positions; i-- > 0;)
		if (torture_outcome_bad(t->runs[i].outcome)) {
			*ret_first = &t->runs[i];
			bad++;
		}
	return bad;
}
