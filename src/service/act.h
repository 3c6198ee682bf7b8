/* SPDX-License-Identifier: Apache-2.0 */
/* What acts of operators have in common: who it is, and whether he may. */
#ifndef SERVICE_ACT_H
#define SERVICE_ACT_H

#include "base/util.h"
#include "service/operator.h"

enum { ACT_ROWS = 2 + TERMINAL_SECTORS };

/* One act; the first member of a larger struct. */
struct act {
	struct task task; /* first */
	const struct acting *by;
	const char *name; /* in the audit trail */
	unsigned role;    /* that it needs; 0: any */
	bool first;       /* it may be done by anybody while there are no operators */
	/* A step of the writer, once the operator is known to be one who may: `stage` counts them.
	 * What it reads goes into `rows`. */
	int (*go)(struct act *act, struct batch *batch);
	void (*again)(struct act *act); /* its part of task.reset(); NULL: nothing */
	int stage;
	struct rows rows[ACT_ROWS];
	bool known; /* there is such an operator */
	uint8_t who[ID_BYTES];
	bool nobody; /* there are no operators */
	bool told;   /* why it fails: the message is there */
	/* the rest is act.c's */
	bool asked, admitted;
	int outcome;
	struct rows self, any;
};

/* Does it, and gives the result. */
int act_run(struct act *act);
/* For go(): why it fails, in words for a person; returns `code`. */
int act_fail(struct act *act, int code, const char *format, ...) _printf_(3, 4);
/* For go(): it is refused, which is the only effect it has. `why` is a short word. Gives what go()
 * has to return. */
int act_refuse(struct act *act, struct batch *batch, const uint8_t *object, const char *why,
	       const char *format, ...) _printf_(5, 6);
/* For go(): its row in the audit trail. `data` is JSON or "". */
int act_audit(struct act *act, struct batch *batch, const uint8_t *object, const char *data);
/* Of an id that is being changed, for task.claims: its random end. */
uint64_t act_claim(const uint8_t id[ID_BYTES]);

#endif
