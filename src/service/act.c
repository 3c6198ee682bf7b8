/* SPDX-License-Identifier: Apache-2.0 */
#include "service/act.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"

static const struct statement sql_self = { "SELECT id, roles FROM operator WHERE name = $1 AND "
					   "state = 'active'",
					   1 };
static const struct statement sql_any = { "SELECT id FROM operator WHERE state = 'active' LIMIT 1",
					  0 };

uint64_t act_claim(const uint8_t id[ID_BYTES])
{
	uint64_t claim = 0;

	for (size_t i = ID_BYTES / 2; i < ID_BYTES; i++)
		claim = claim << 8 | id[i];
	return claim;
}

static int fail(struct act *act, int code, const char *format, va_list ap)
{
	char message[1024];

	vsnprintf(message, sizeof(message), format, ap);
	act->told = true;
	return fuda_context_fail(act->by->ctx, code, message);
}

int act_fail(struct act *act, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail(act, code, format, ap);
	va_end(ap);
	return code;
}

int act_refuse(struct act *act, struct batch *batch, const uint8_t *object, const char *why,
	       const char *format, ...)
{
	char data[128];
	struct audit_entry entry = { "operator", act->known ? act->who : NULL, "refused", object,
				     data };
	va_list ap;
	int r;

	snprintf(data, sizeof(data), "{\"act\":\"%s\",\"why\":\"%s\",\"uid\":%ld}", act->name, why,
		 act->by->uid);
	va_start(ap, format);
	act->outcome = fail(act, FUDA_EREFUSED, format, ap);
	va_end(ap);
	r = batch_audit(batch, &entry);
	return r < 0 ? r : STEP_DONE;
}

int act_audit(struct act *act, struct batch *batch, const uint8_t *object, const char *data)
{
	struct audit_entry entry = { "operator", act->known ? act->who : NULL, act->name, object,
				     data };

	return batch_audit(batch, &entry);
}

/* Whether he may: `admitted`, or the refusal is queued. */
static int admit(struct act *act, struct batch *batch)
{
	char text[ROLES_TEXT] = "", needed[ROLES_TEXT];
	unsigned roles = 0;
	int r;

	act->nobody = act->any.count == 0;
	act->known = act->self.count == 1;
	act->admitted = act->nobody && act->first;
	if (act->admitted)
		return 0;
	if (!act->known)
		return act_refuse(act, batch, NULL, "no_operator",
				  _("%s is no operator of this service: an operator with the role "
				    "admin adds one with 'fuda-mykeyd operator add %s --roles "
				    "ROLES --folder %s'"),
				  act->by->operator, act->by->operator,
				  act->by->service->config.folder);
	r = rows_bytes(&act->self, 0, 0, act->who, ID_BYTES);
	if (r == 0)
		r = rows_text(&act->self, 0, 1, text, sizeof(text));
	if (r < 0)
		return r;
	act->admitted = act->role == 0 || (roles_parse(text, &roles) == 0 && roles & act->role);
	if (act->admitted)
		return 0;
	roles_text(act->role, needed);
	return act_refuse(act, batch, NULL, "role",
			  _("this takes the role %s, which %s does not have"), needed,
			  act->by->operator);
}

static int step(struct task *task, struct batch *batch)
{
	struct act *act = (struct act *)task;
	int r = 0;

	if (!act->asked) {
		act->asked = true;
		r = batch_read(batch, &sql_self, &TEXT(act->by->operator), &act->self);
		if (r == 0)
			r = batch_read(batch, &sql_any, NULL, &act->any);
		return r < 0 ? r : STEP_AGAIN;
	}
	if (!act->admitted)
		r = admit(act, batch);
	if (r < 0 || !act->admitted)
		return r;
	r = act->go(act, batch);
	act->stage++;
	return r;
}

static void reset(struct task *task)
{
	struct act *act = (struct act *)task;

	rows_free(&act->self);
	rows_free(&act->any);
	for (size_t i = 0; i < ACT_ROWS; i++)
		rows_free(&act->rows[i]);
	act->asked = act->admitted = act->told = false;
	act->stage = act->outcome = 0;
	if (act->again)
		act->again(act);
}

int act_run(struct act *act)
{
	int r, outcome;
	bool told;

	act->task.step = step;
	act->task.reset = reset;
	r = writer_run(act->by->service->writer, &act->task);
	outcome = act->outcome;
	told = act->told;
	reset(&act->task);
	if (r < 0 && !told)
		return ctx_fail_code(act->by->ctx, r);
	return r < 0 ? r : outcome;
}
