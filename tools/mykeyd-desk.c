/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykeyd-desk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- which action ---- */

static bool given(const struct option_spec *spec)
{
	switch (spec->kind) {
	case OPTION_SWITCH:
		return *(const bool *)spec->to;
	case OPTION_COUNT:
	case OPTION_NUMBER:
		return *(const int *)spec->to != 0;
	case OPTION_LIST:
		return ((const struct text_list *)spec->to)->count > 0;
	default:
		return *(const char *const *)spec->to != NULL;
	}
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (words && *words) {
		size_t n = strcspn(words, " ");

		if (n == len && memcmp(words, word, n) == 0)
			return true;
		words += n + (words[n] == ' ');
	}
	return false;
}

/* An option that does nothing would be a misunderstanding. */
static int check_options(struct call *call, const struct action *action)
{
	for (const struct option_spec *o = call->command->options; o && o->name; o++)
		if (given(o) && !has_word(action->options, o->name))
			return call_usage(call, _("--%s does not go with '%s %s'"), o->name,
					  call->command->name, action->word);
	return 0;
}

/* "add, drop, list" */
static int tell_words(struct call *call, const struct action *actions, const char *word)
{
	char words[200] = "";
	size_t at = 0;

	for (const struct action *a = actions; a->word && at < sizeof(words); a++)
		at += (size_t)snprintf(words + at, sizeof(words) - at, "%s%s", at ? ", " : "",
				       a->word);
	if (!word)
		return call_usage(call, _("'%s' takes one of these words: %s"), call->command->name,
				  words);
	return call_usage(call, _("unknown action '%s': '%s' takes one of these words: %s"), word,
			  call->command->name, words);
}

static int find_action(struct call *call, const struct action *actions, const struct action **ret)
{
	const char *word = call->operand_count ? call->operands[0] : NULL;

	if (!word)
		return tell_words(call, actions, NULL);
	for (const struct action *a = actions; a->word; a++) {
		if (strcmp(a->word, word) != 0)
			continue;
		*ret = a;
		if (call->operand_count - 1 < a->min)
			return call_usage(call, _("'%s %s' takes an argument"), call->command->name,
					  word);
		if (call->operand_count - 1 > a->max)
			return call_usage(call, _("'%s %s' takes no '%s'"), call->command->name,
					  word, call->operands[1 + a->max]);
		return check_options(call, a);
	}
	return tell_words(call, actions, word);
}

/* ---- at work ---- */

static int work(struct call *call, struct desk *desk, const struct action *action)
{
	int r = acting_self(call->ctx, desk->service, &desk->by);

	if (r == 0 && action->reads)
		r = operator_may(&desk->by, action->role, action->reads, action->audit);
	if (r == 0)
		r = store_open(call->ctx, desk->service->config.database, false, &desk->store);
	if (r == 0 && action->reads && !action->audit)
		session_dies(); /* all rows of an audit trail may take long */
	if (r == 0)
		r = action->run(call, desk);
	store_close(&desk->store);
	return r;
}

static int do_at(struct call *call, struct desk *desk, const struct action *action)
{
	int r = mykeyd_opened(call,
			      service_open(call->ctx, mykeyd_folder(), false, &desk->service));

	if (r < 0)
		return r;
	r = work(call, desk, action);
	service_close(&desk->service);
	return r;
}

int desk_run(struct call *call, const struct action *actions)
{
	struct desk desk = { 0 };
	const struct action *action = NULL;
	int r = find_action(call, actions, &action);

	if (r < 0)
		return r;
	desk.operands = call->operands + 1;
	desk.operand_count = call->operand_count - 1;
	return do_at(call, &desk, action);
}

int desk_do(struct call *call, const struct action *action)
{
	struct desk desk = { .operands = call->operands, .operand_count = call->operand_count };

	return do_at(call, &desk, action);
}

/* ---- what is shown ---- */

enum { TEXTS = 4, TEXT_SIZE = 512 };
static char *next_text(void)
{
	static char texts[TEXTS][TEXT_SIZE];
	static unsigned next;

	return texts[next++ % TEXTS];
}

const char *desk_text(const struct rows *rows, size_t row, size_t column)
{
	char *text = next_text();

	if (rows_text(rows, row, column, text, TEXT_SIZE) < 0)
		text[0] = '\0';
	return text;
}

const char *desk_id(const struct rows *rows, size_t row, size_t column)
{
	char *text = next_text();
	uint8_t id[ID_BYTES];

	if (rows_bytes(rows, row, column, id, ID_BYTES) == 0)
		id_text(id, text);
	else
		text[0] = '\0';
	return text;
}

void desk_report_id(struct report *r, const char *label, const char *key,
		    const uint8_t id[ID_BYTES])
{
	char text[ID_TEXT];

	id_text(id, text);
	report_text(r, label, key, text);
}

void desk_report_us(struct report *r, const char *label, const char *key, int64_t us)
{
	if (us)
		report_time(r, label, key, (time_t)(us / SECONDS_US));
}

void desk_line(struct report *r, const char *name, const char *first, const char *second,
	       const char *third)
{
	const char *parts[] = { first, second, third };
	char text[2 * TEXT_SIZE] = "";
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i] && *parts[i] && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? ", " : "",
					       parts[i]);
	report_word(r, name, NULL, "-", text);
}

void desk_tell_empty(const char *text)
{
	if (!common.json)
		fprintf(stderr, "%s\n", text);
}

/* ---- what is given ---- */

int desk_take_id(struct call *call, const char *text, uint8_t ret[ID_BYTES])
{
	return id_parse(text, ret) == 0 ? 0 : call_usage(call, _("'%s' is no id"), text);
}

int desk_take_time(struct call *call, const char *text, int64_t *ret_us)
{
	struct tm tm = { 0 }, given_tm;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	int64_t seconds = 0;

	if (!end || *end) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, "%Y-%m-%d", &tm);
		seconds = -JAPAN_SECONDS;
	}
	given_tm = tm;
	if (end && !*end)
		seconds += timegm(&tm);
	/* timegm() carries the 31st of February over */
	if (!end || *end || tm.tm_mday != given_tm.tm_mday || tm.tm_mon != given_tm.tm_mon ||
	    seconds <= 0)
		return call_usage(call, _("'%s' is no day like 2026-11-21"), text);
	*ret_us = seconds * SECONDS_US;
	return 0;
}
