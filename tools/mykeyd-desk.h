/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of fuda-mykeyd that an operator gives have in common: words like "add" and
 * "list" behind their name, who it is that gives them, and the service they are about. */
#ifndef TOOLS_MYKEYD_DESK_H
#define TOOLS_MYKEYD_DESK_H

#include "service/operator.h"
#include "tools/mykeyd.h"

/* An operator at work. */
struct desk {
	struct service *service;
	struct acting by;
	struct store *store; /* for reading */
	char **operands;     /* behind the word */
	size_t operand_count;
};

struct action {
	const char *word;
	size_t min, max;     /* operands behind it */
	const char *options; /* those of the command's that go with it, with blanks between them */
	/* What only reads: as what it is refused to operators without `role`, and what goes to the
	 * audit trail if it is not (NULL: nothing). NULL: run() sees to that. */
	const char *reads;
	unsigned role;
	const char *audit;
	int (*run)(struct call *call, struct desk *desk);
};

/* Finds the action that the first operand names, opens the service and does it. A NULL word is
 * behind the last. */
int desk_run(struct call *call, const struct action *actions);
/* The same for a command that has no words. */
int desk_do(struct call *call, const struct action *action);

/* A column as text, "" if it is longer than that; points to one of four buffers. */
const char *desk_text(const struct rows *rows, size_t row, size_t column);
/* A column that is an id, likewise. */
const char *desk_id(const struct rows *rows, size_t row, size_t column);
/* Adds an id, and a time in microseconds; 0 is none. */
void desk_report_id(struct report *r, const char *label, const char *key,
		    const uint8_t id[ID_BYTES]);
void desk_report_us(struct report *r, const char *label, const char *key, int64_t us);
/* A line for people: `name`, and behind it what is not NULL or "" of the rest, up to a NULL. */
void desk_line(struct report *r, const char *name, const char *first, const char *second,
	       const char *third);
/* Tells people that a list is empty, which would be nothing at all. */
void desk_tell_empty(const char *text);

/* An operand or an option that is an id, or a day or time: "2026-11-21" is when that day begins in
 * Japan, "2026-11-21T08:30:00Z" is UTC. Tells what is wrong. */
int desk_take_id(struct call *call, const char *text, uint8_t ret[ID_BYTES]);
int desk_take_time(struct call *call, const char *text, int64_t *ret_us);
enum { JAPAN_SECONDS = 9 * 3600 };

#endif
