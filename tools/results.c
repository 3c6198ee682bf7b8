/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/results.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tools/report.h"

enum {
	FAILURES_MAX = 100, /* of one script, told one by one in JSON */
	TIME_SIZE = 40,
};

/* That something could not be written is known only when all else is done. */
static void note_error(struct results *r, bool failed)
{
	if (failed && !r->error)
		r->error = errno ? errno : EIO;
}

static bool for_people(const struct results *r)
{
	return !r->tap && !common.json;
}

/* ---- TAP version 13 ---- */

/* In a description # and \ have a meaning of their own, and a line is a line. */
static void tap_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
}

/* YAML in quotes: only the quotation mark itself is written differently. */
static void tap_value(const char *key, const char *text)
{
	printf("  %s: '", key);
	for (; *text; text++) {
		if (*text == '\'')
			putchar('\'');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	puts("'");
}

static void tap_step(const struct results *r, const struct fuda_trace_check *c)
{
	printf("%s %lu - ", c->why ? "not ok" : "ok", r->all);
	tap_text(c->path);
	printf(":%lu ", c->line);
	tap_text(c->what);
	putchar('\n');
	if (!c->why)
		return;
	puts("  ---");
	tap_value("message", c->why);
	tap_value("file", c->path);
	printf("  line: %lu\n  duration_ms: %" PRIu64 ".%03" PRIu64 "\n  ...\n", c->line,
	       c->us / 1000, c->us % 1000);
}

/* ---- JUnit ---- */

/* Text of an attribute in XML; control characters cannot stand in it. */
static void xml_text(const char *text, FILE *out)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {
		{ '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" }, { '"', "&quot;" },
	};

	for (; *text; text++) {
		const char *entity = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
			if (entities[i].c == *text)
				entity = entities[i].entity;
		if (entity)
			fputs(entity, out);
		else
			putc((unsigned char)*text < ' ' ? ' ' : *text, out);
	}
}

/* Seconds, whatever the language writes between them and their parts. */
static void seconds(uint64_t us, FILE *out)
{
	fprintf(out, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

static void xml_case(FILE *out, const struct fuda_trace_check *c)
{
	fputs("  <testcase classname=\"", out);
	xml_text(c->path, out);
	fprintf(out, "\" name=\"%lu: ", c->line);
	xml_text(c->what, out);
	fputs("\" time=\"", out);
	seconds(c->us, out);
	if (!c->why) {
		fputs("\"/>\n", out);
		return;
	}
	fputs("\"><failure message=\"", out);
	xml_text(c->why, out);
	fputs("\"/></testcase>\n", out);
}

static void xml_suite(struct results *r, const char *error)
{
	char part[4096];
	size_t n;

	fputs(" <testsuite name=\"", r->junit);
	xml_text(r->script, r->junit);
	fprintf(r->junit, "\" tests=\"%lu\" failures=\"%lu\" errors=\"%d\" skipped=\"0\" time=\"",
		r->steps + (error != NULL), r->failed, error != NULL);
	seconds(r->us, r->junit);
	fputs("\">\n", r->junit);
	rewind(r->cases);
	while ((n = fread(part, 1, sizeof(part), r->cases)) > 0)
		fwrite(part, 1, n, r->junit);
	note_error(r, ferror(r->cases) != 0);
	if (error) {
		fputs("  <testcase classname=\"", r->junit);
		xml_text(r->script, r->junit);
		fputs("\" name=\"script\"><error message=\"", r->junit);
		xml_text(error, r->junit);
		fputs("\"/></testcase>\n", r->junit);
	}
	fputs(" </testsuite>\n", r->junit);
	note_error(r, fflush(r->junit) != 0);
}

/* ---- people ---- */

static void people_step(const struct fuda_trace_check *c)
{
	char line[64];

	print_safely(c->path, stdout);
	snprintf(line, sizeof(line), ":%lu: ", c->line);
	fputs(line, stdout);
	print_safely(c->what, stdout);
	fputs(": ", stdout);
	print_safely(c->why, stdout);
	putchar('\n');
}

static void people_script(const struct results *r)
{
	print_safely(r->script, stdout);
	fputs(": ", stdout);
	if (r->failed)
		printf(ngettext("%lu of %lu step failed", "%lu of %lu steps failed", r->steps),
		       r->failed, r->steps);
	else
		printf(ngettext("%lu step passed", "%lu steps passed", r->steps), r->steps);
	printf(" (%" PRIu64 ".%03" PRIu64 " ms)\n", r->us / 1000, r->us % 1000);
}

/* ---- all of them ---- */

int results_start(struct call *call, bool tap, const char *junit, struct results *ret)
{
	*ret = (struct results){ .call = call, .tap = tap, .path = junit };
	if (junit) {
		ret->junit = fopen(junit, "we");
		ret->cases = ret->junit ? tmpfile() : NULL;
		if (!ret->cases) {
			int r = call_fail(call, FUDA_EFILE, "%s: %s", junit, strerror(errno));

			if (ret->junit)
				fclose(ret->junit);
			return r;
		}
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", ret->junit);
	}
	call->raw = !common.json;
	if (tap)
		puts("TAP version 13");
	return 0;
}

void results_script(struct results *r, const char *path)
{
	static struct report *scripts;

	r->script = path;
	r->steps = r->failed = 0;
	r->us = 0;
	r->failures = NULL;
	if (r->cases) {
		rewind(r->cases);
		note_error(r, ftruncate(fileno(r->cases), 0) < 0);
	}
	if (!scripts)
		scripts = report_list(r->call->report, NULL, "scripts", NULL);
	r->one = report_object(scripts, NULL, NULL, NULL);
	report_text(r->one, NULL, "script", path);
}

static void json_step(struct results *r, const struct fuda_trace_check *c)
{
	struct report *failure;

	if (!r->failures)
		r->failures = report_list(r->one, NULL, "failures", NULL);
	failure = report_object(r->failures, NULL, NULL, NULL);
	report_text(failure, NULL, "file", c->path);
	report_number(failure, NULL, "line", (long)c->line);
	report_text(failure, NULL, "step", c->what);
	report_text(failure, NULL, "message", c->why);
}

void results_step(void *arg, const struct fuda_trace_check *check)
{
	struct results *r = arg;

	r->all++;
	r->steps++;
	r->us += check->us;
	r->bad += check->why != NULL;
	if (check->why && r->failed++ < FAILURES_MAX && common.json)
		json_step(r, check);
	if (r->tap)
		tap_step(r, check);
	else if (check->why && for_people(r))
		people_step(check);
	if (r->cases)
		xml_case(r->cases, check);
}

void results_script_end(struct results *r, int code)
{
	const char *error = NULL;

	if (code != 0 && code != FUDA_EDEPARTED)
		error = r->call->message[0] ? r->call->message :
					      fuda_context_message(r->call->ctx);
	report_number(r->one, NULL, "steps", (long)r->steps);
	report_number(r->one, NULL, "failed", (long)r->failed);
	if (!error && for_people(r))
		people_script(r);
	if (r->junit)
		xml_suite(r, error);
	if (!error || !r->tap)
		return;
	fputs("Bail out! ", stdout);
	tap_text(error);
	putchar('\n');
}

/* What ended the scripts says more than that it could not be written down: a try may be spent. */
static int not_written(struct results *r, int code, const char *what)
{
	if (code != 0 && code != FUDA_EDEPARTED)
		return code;
	return call_fail(r->call, FUDA_EFILE, "%s: %s", what, strerror(r->error));
}

int results_end(struct results *r, int code)
{
	if (r->tap && (code == 0 || code == FUDA_EDEPARTED))
		printf("1..%lu\n", r->all);
	if (r->junit) {
		fputs("</testsuites>\n", r->junit);
		note_error(r, fclose(r->junit) != 0);
		fclose(r->cases);
		if (r->error)
			return not_written(r, code, r->path);
	}
	if (!common.json)
		note_error(r, fflush(stdout) || ferror(stdout));
	if (r->error)
		return not_written(r, code, _("standard output"));
	if (code == FUDA_EDEPARTED)
		return call_fail(r->call, code,
				 ngettext("%lu of %lu step did not go as the script says",
					  "%lu of %lu steps did not go as the script says",
					  r->all),
				 r->bad, r->all);
	return code;
}
