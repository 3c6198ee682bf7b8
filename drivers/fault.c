/* SPDX-License-Identifier: Apache-2.0 */
/* A reader that breaks what passes to another one, for tests: "fault:SPEC:READER".
 *
 * SPEC is a list of KIND@N or KIND=ARGUMENT@N with commas between, N the number of the command
 * since the reader was opened, from 1; "N+" means all from N on. The first that fits a command
 * rules it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "codec/apdu.h"
#include "reader/reader.h"

enum {
	FAULTS_MAX = 32,
	LATE_MAX = 3600000, /* ms */
};

struct fault {
	const struct fault_kind *kind;
	unsigned long from, to; /* numbers of commands */
	unsigned long ms;
	struct fuda_buf answer;
};

struct faulty {
	struct reader *inner;
	unsigned long commands; /* so far */
	int gone;               /* the error that everything ends with from here on, or 0 */
	struct fault faults[FAULTS_MAX];
	size_t count;
};

/* One command on its way. */
struct passage {
	struct reader *r;
	struct faulty *f;
	const struct fault *fault;
	const uint8_t *command;
	size_t len;
	unsigned flags;
	struct fuda_deadline *dl;
	struct fuda_buf *response;
};

struct fault_kind {
	const char *name;
	/* Reads what stands behind "=", NULL if nothing does. FUDA_EINVAL, FUDA_ENOMEM. */
	int (*parse)(const char *argument, struct fault *f);
	int (*pass)(struct passage *p);
};

/* ---- what happens to a command ---- */

static int forward(struct passage *p, struct fuda_buf *ret_response)
{
	int e = reader_transmit(p->f->inner, p->command, p->len, p->flags, p->dl, ret_response);

	p->r->epoch = p->f->inner->epoch;
	return e;
}

/* The card gets the command; nobody sees the answer. */
static int forward_only(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf dropped = FUDA_BUF_INIT(APDU_RESPONSE_MAX);

	return forward(p, &dropped);
}

static int lose_power(struct passage *p)
{
	int e = reader_power(p->f->inner, POWER_OFF, p->dl);

	p->r->epoch = p->f->inner->epoch;
	return e;
}

static int lost_for_good(struct passage *p, int code)
{
	int e = lose_power(p);

	p->f->gone = code;
	return e < 0 ? e : ctx_fail_code(p->r->ctx, code);
}

static int pass_removed(struct passage *p)
{
	return lost_for_good(p, FUDA_EREMOVED);
}

static int pass_pulled(struct passage *p)
{
	int e = forward_only(p);

	return e < 0 ? e : lost_for_good(p, FUDA_EREMOVED);
}

static int pass_gone(struct passage *p)
{
	return lost_for_good(p, FUDA_EREADERGONE);
}

static int pass_reset(struct passage *p)
{
	int e = lose_power(p);

	return e < 0 ? e : ctx_fail_code(p->r->ctx, FUDA_ERESET);
}

static int pass_lostreset(struct passage *p)
{
	int e = forward_only(p);

	if (e == 0)
		e = lose_power(p);
	return e < 0 ? e : ctx_fail_code(p->r->ctx, FUDA_ETRANSPORT);
}

static int pass_mute(struct passage *p)
{
	int e = forward_only(p);

	return e < 0 ? e : ctx_fail_code(p->r->ctx, deadline_wait_fd(p->dl, -1, 0));
}

static int pass_unreached(struct passage *p)
{
	return ctx_fail_code(p->r->ctx, FUDA_ETRANSPORT);
}

static int give_answer(struct passage *p)
{
	return fuda_buf_append(p->response, p->fault->answer.data, p->fault->answer.len);
}

static int pass_answer(struct passage *p)
{
	int e = forward_only(p);

	return e < 0 ? e : give_answer(p);
}

/* A driver does not hand out one byte: it says that the answer is none. */
static int pass_truncated(struct passage *p)
{
	int e = forward_only(p);

	return e < 0 ? e : ctx_fail_code(p->r->ctx, FUDA_ETRANSPORT);
}

static int pass_late(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int e = forward(p, &answer);

	if (e < 0)
		return e;
	e = deadline_sleep(p->dl, (int)p->fault->ms);
	if (e < 0)
		return ctx_fail_code(p->r->ctx, e);
	return fuda_buf_append(p->response, answer.data, answer.len);
}

/* ---- SPEC ---- */

static int parse_none(const char *argument, struct fault *f _unused_)
{
	return argument ? FUDA_EINVAL : 0;
}

/* A decimal number without sign, blank or leading zero, that ends where `*end` then points to. */
static int parse_number(const char *text, unsigned long max, const char **ret_end,
			unsigned long *ret)
{
	unsigned long value;
	char *end;

	if (*text < '1' || *text > '9')
		return FUDA_EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || value > max)
		return FUDA_EINVAL;
	*ret_end = end;
	*ret = value;
	return 0;
}

static int parse_ms(const char *argument, struct fault *f)
{
	const char *end;
	int e = argument ? parse_number(argument, LATE_MAX, &end, &f->ms) : FUDA_EINVAL;

	return e < 0 || *end ? FUDA_EINVAL : 0;
}

static int parse_answer(const char *argument, struct fault *f)
{
	int e = argument ? fuda_hex_decode(argument, &f->answer) : FUDA_EINVAL;

	if (e == FUDA_ENOMEM)
		return e;
	return e < 0 || f->answer.len < 2 ? FUDA_EINVAL : 0;
}

static int parse_sw(const char *argument, struct fault *f)
{
	int e = parse_answer(argument, f);

	return e == 0 && f->answer.len != 2 ? FUDA_EINVAL : e;
}

static const struct fault_kind kinds[] = {
	{ "removed", parse_none, pass_removed }, /* pulled before the command reaches the card */
	{ "pulled", parse_none, pass_pulled },   /* executed, then pulled before the answer */
	{ "gone", parse_none, pass_gone },       /* the reader unplugged before the command */
	{ "reset", parse_none, pass_reset },     /* another program reset the card before */
	{ "lostreset", parse_none, pass_lostreset }, /* executed; a reset took the answer */
	{ "mute", parse_none, pass_mute },           /* executed, and no answer ever comes */
	{ "unreached", parse_none, pass_unreached }, /* lost on the way to the card */
	{ "truncated", parse_none,
	  pass_truncated },                      /* executed; one byte of the answer comes back */
	{ "sw", parse_sw, give_answer },         /* not executed; this status word instead */
	{ "answer", parse_answer, pass_answer }, /* executed; this answer (hex) instead */
	{ "late", parse_ms, pass_late },         /* executed; the answer comes so many ms later */
};

static const struct fault_kind *kind_called(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* Parses one KIND[=ARGUMENT]@N[+], cutting `text` up. */
static int parse_fault(char *text, struct fault *f)
{
	char *at = strchr(text, '@'), *argument;
	const char *end;

	if (!at)
		return FUDA_EINVAL;
	*at = 0;
	argument = strchr(text, '=');
	if (argument)
		*argument++ = 0;
	f->kind = kind_called(text);
	if (!f->kind || parse_number(at + 1, ULONG_MAX, &end, &f->from) < 0)
		return FUDA_EINVAL;
	f->to = strcmp(end, "+") == 0 ? ULONG_MAX : f->from;
	if (*end && f->to == f->from)
		return FUDA_EINVAL;
	f->answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	return f->kind->parse(argument, f);
}

static int parse_spec(struct fuda_context *ctx, char *spec, struct faulty *f)
{
	for (char *next = spec; next;) {
		char *text = strsep(&next, ",");
		char shown[64];
		int e;

		snprintf(shown, sizeof(shown), "%s", text);
		if (f->count == FAULTS_MAX)
			return ctx_fail(ctx, FUDA_EINVAL, _("At most %d faults can be given."),
					FAULTS_MAX);
		e = parse_fault(text, &f->faults[f->count++]);
		if (e == FUDA_ENOMEM)
			return ctx_fail_code(ctx, e);
		if (e < 0)
			return ctx_fail(ctx, e,
					_("\"%s\" is no fault. It is KIND@N, KIND@N+ or "
					  "KIND=ARGUMENT@N, where KIND is one of removed, pulled, "
					  "gone, reset, lostreset, mute, unreached, truncated, "
					  "sw=XXXX, answer=HEX, late=MS."),
					shown);
	}
	return 0;
}

/* ---- the driver ---- */

static void free_faulty(struct faulty **f)
{
	if (!*f)
		return;
	reader_close(&(*f)->inner);
	for (size_t i = 0; i < (*f)->count; i++)
		fuda_buf_free(&(*f)->faults[i].answer);
	free(*f);
	*f = NULL;
}

static void copy_properties(struct reader *r, const struct reader *inner)
{
	memcpy(r->model, inner->model, sizeof(r->model));
	memcpy(r->atr, inner->atr, sizeof(r->atr));
	r->atr_len = inner->atr_len;
	r->max_command = inner->max_command;
	r->max_response = inner->max_response;
	r->epoch = inner->epoch;
}

static void free_text(char **text)
{
	free(*text);
}

static int fault_open(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	_cleanup_(free_faulty) struct faulty *f = calloc(1, sizeof(*f));
	_cleanup_(free_text) char *spec = strdup(rest);
	char *name;
	int e;

	if (!f || !spec)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	name = strchr(spec, ':');
	if (!name)
		return ctx_fail(r->ctx, FUDA_EINVAL,
				_("The name of a faulty reader is fault:SPEC:READER; the colon "
				  "before READER is missing."));
	*name++ = 0;
	e = parse_spec(r->ctx, spec, f);
	if (e < 0)
		return e;
	e = reader_open(r->ctx, name, dl, &f->inner);
	if (e < 0)
		return e;
	r->inner = f->inner;
	copy_properties(r, f->inner);
	r->priv = f;
	f = NULL;
	return 0;
}

static void fault_close(struct reader *r)
{
	struct faulty *f = r->priv;

	free_faulty(&f);
}

static const struct fault *fault_at(const struct faulty *f, unsigned long n)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->faults[i].from <= n && n <= f->faults[i].to)
			return &f->faults[i];
	return NULL;
}

static int fault_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
			  struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct faulty *f = r->priv;
	struct passage p = { r, f, NULL, command, len, flags, dl, ret_response };

	if (f->gone)
		return ctx_fail_code(r->ctx, f->gone);
	p.fault = fault_at(f, ++f->commands);
	return p.fault ? p.fault->kind->pass(&p) : forward(&p, ret_response);
}

static int fault_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	struct faulty *f = r->priv;
	int e;

	if (f->gone)
		return ctx_fail_code(r->ctx, f->gone);
	e = reader_power(f->inner, how, dl);
	copy_properties(r, f->inner);
	return e;
}

static int fault_lock(struct reader *r, bool on, struct fuda_deadline *dl)
{
	struct faulty *f = r->priv;
	int e;

	/* A lock on what is gone is still to be released below. */
	if (f->gone && on)
		return ctx_fail_code(r->ctx, f->gone);
	e = reader_lock(f->inner, on, dl);
	r->epoch = f->inner->epoch;
	return e;
}

const struct driver driver_fault = {
	.name = "fault",
	.open = fault_open,
	.close = fault_close,
	.power = fault_power,
	.transmit = fault_transmit,
	.lock = fault_lock,
};
