/* SPDX-License-Identifier: Apache-2.0 */
/* A reader that breaks what passes to another one, for tests: "fault:SPEC:READER". */
#include "drivers/fault.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/apdu.h"
#include "reader/reader.h"

struct faulty {
	struct reader *inner;
	unsigned long commands; /* so far */
	int gone;		/* the error that everything ends with from here on, or 0 */
	struct fault_list faults;
	bool keeps;	      /* what was answered is needed once more */
	struct fuda_buf last; /* then, the answer to the last command that had one */
};

/* One command on its way. */
struct passage {
	struct reader *r;
	struct faulty *f;
	const struct fault *fault;
	const uint8_t *command; /* or the structure for the keys of the reader, if `typed` */
	size_t len;
	unsigned flags;
	bool typed, modify;
	struct fuda_deadline *dl;
	struct fuda_buf *response;
};

/* Whether a response may be another one than the card gave, or to another command. */
static bool lies(const struct faulty *f)
{
	static const enum fault_kind kinds[] = {
		FAULT_TRUNCATED, FAULT_GARBLED, FAULT_DUPLICATED, FAULT_SW, FAULT_ANSWER,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (fault_list_has(&f->faults, kinds[i]))
			return true;
	return false;
}

static void stand_on(struct reader *r, const struct faulty *f)
{
	reader_stand_on(r, f->inner);
	r->lies |= lies(f);
}

/* ---- what happens to a command ---- */

static int keep(struct faulty *f, const struct fuda_buf *response, size_t before)
{
	return f->keeps ? fuda_buf_set(&f->last, response->data + before, response->len - before) :
			  0;
}

static int forward(struct passage *p, struct fuda_buf *ret_response)
{
	size_t before = ret_response->len;
	int e;

	if (p->typed)
		e = reader_secure(p->f->inner, p->modify, p->command, p->len, p->dl, ret_response);
	else
		e = reader_transmit(p->f->inner, p->command, p->len, p->flags, p->dl, ret_response);
	p->r->epoch = p->f->inner->epoch;
	return e < 0 ? e : keep(p->f, ret_response, before);
}

static int pass_whole(struct passage *p)
{
	return forward(p, p->response);
}

/* The card gets the command; nobody sees the answer. */
static int forward_only(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf dropped = FUDA_BUF_INIT(APDU_RESPONSE_MAX);

	return forward(p, &dropped);
}

/* A driver hands out no less than a status word and no more than its reader has room for: it says
 * that the answer is none. */
static int hand_out(struct passage *p, const uint8_t *answer, size_t len)
{
	if (len < 2 || len > p->r->max_response)
		return ctx_fail_code(p->r->ctx, FUDA_ETRANSPORT);
	return fuda_buf_append(p->response, answer, len);
}

static int give_answer(struct passage *p)
{
	return hand_out(p, p->fault->answer.data, p->fault->answer.len);
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

static int pass_truncated(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int e = forward(p, &answer);

	if (e < 0)
		return e;
	return hand_out(p, answer.data, MIN(answer.len, p->fault->number));
}

/* A burst, as of a disturbed line: up to four bytes in a row, none of which stays as it was. */
static int pass_garbled(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	uint64_t r = fault_random(p->fault->number, p->f->commands);
	int e = forward(p, &answer);
	size_t burst, at;

	if (e < 0)
		return e;
	burst = MIN(1 + r % 4, answer.len);
	at = (r >> 2) % (answer.len - burst + 1);
	for (size_t i = 0; i < burst; i++)
		answer.data[at + i] ^=
			(uint8_t)(1 + fault_random(r, p->f->commands + i) % 0xFF);
	return hand_out(p, answer.data, answer.len);
}

static int pass_oversized(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	_cleanup_buf_ struct fuda_buf longer = FUDA_BUF_INIT(2 * APDU_RESPONSE_MAX);
	int e = forward(p, &answer);
	size_t data;

	if (e < 0)
		return e;
	data = answer.len - 2;
	e = fuda_buf_append(&longer, answer.data, data);
	for (unsigned long i = 0; e == 0 && i < p->fault->number; i++)
		e = fuda_buf_append(&longer, "\xFF", 1);
	if (e == 0)
		e = fuda_buf_append(&longer, answer.data + data, 2);
	return e < 0 ? ctx_fail_code(p->r->ctx, e) : hand_out(p, longer.data, longer.len);
}

static int pass_duplicated(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf before = p->f->last;
	int e;

	p->f->last = FUDA_BUF_INIT(before.max);
	if (!before.len) /* there was none */
		return forward(p, p->response);
	e = forward_only(p);
	return e < 0 ? e : hand_out(p, before.data, before.len);
}

static int pass_answer(struct passage *p)
{
	int e = forward_only(p);

	return e < 0 ? e : give_answer(p);
}

static int pass_late(struct passage *p)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int e = forward(p, &answer);

	if (e < 0)
		return e;
	e = deadline_sleep(p->dl, (int)p->fault->number);
	return e < 0 ? ctx_fail_code(p->r->ctx, e) : hand_out(p, answer.data, answer.len);
}

static int (*const passes[FAULT_KINDS])(struct passage *p) = {
	[FAULT_REMOVED] = pass_removed,
	[FAULT_PULLED] = pass_pulled,
	[FAULT_GONE] = pass_gone,
	[FAULT_RESET] = pass_reset,
	[FAULT_LOSTRESET] = pass_lostreset,
	[FAULT_MUTE] = pass_mute,
	[FAULT_UNREACHED] = pass_unreached,
	[FAULT_TRUNCATED] = pass_truncated,
	[FAULT_GARBLED] = pass_garbled,
	[FAULT_OVERSIZED] = pass_oversized,
	[FAULT_DUPLICATED] = pass_duplicated,
	[FAULT_SW] = give_answer,
	[FAULT_ANSWER] = pass_answer,
	[FAULT_LATE] = pass_late,
};

/* Says that a fault came to whoever asked for that: fuda-trace-torture(1). */
static void tell(void)
{
	const char *path = secure_getenv("FUDA_FAULT_CAME");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		close(fd);
}

/* ---- the driver ---- */

static void free_faulty(struct faulty **f)
{
	if (!*f)
		return;
	reader_close(&(*f)->inner);
	fault_list_free(&(*f)->faults);
	fuda_buf_free(&(*f)->last);
	free(*f);
	*f = NULL;
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
	f->last = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	name = strchr(spec, ':');
	if (!name)
		return ctx_fail(r->ctx, FUDA_EINVAL,
				_("The name of a faulty reader is fault:SPEC:READER; the colon "
				  "before READER is missing."));
	*name++ = 0;
	e = fault_parse(r->ctx, spec, &f->faults);
	if (e < 0)
		return e;
	f->keeps = fault_list_has(&f->faults, FAULT_DUPLICATED);
	e = reader_open(r->ctx, name, dl, &f->inner);
	if (e < 0)
		return e;
	stand_on(r, f);
	r->priv = f;
	f = NULL;
	return 0;
}

static void fault_close(struct reader *r)
{
	struct faulty *f = r->priv;

	free_faulty(&f);
}

static int pass(struct passage *p)
{
	struct faulty *f = p->f;

	if (f->gone)
		return ctx_fail_code(p->r->ctx, f->gone);
	p->fault = fault_at(&f->faults, ++f->commands);
	if (!p->fault)
		return pass_whole(p);
	tell();
	return passes[p->fault->kind](p);
}

static int fault_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
			  struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct passage p = { .r = r, .f = r->priv, .command = command, .len = len, .flags = flags,
			     .dl = dl, .response = ret_response };

	return pass(&p);
}

static int fault_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
			struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct passage p = { .r = r, .f = r->priv, .command = structure, .len = len,
			     .typed = true, .modify = modify, .dl = dl, .response = ret_response };

	return pass(&p);
}

static int fault_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	struct faulty *f = r->priv;
	int e;

	if (f->gone)
		return ctx_fail_code(r->ctx, f->gone);
	e = reader_power(f->inner, how, dl);
	stand_on(r, f);
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
	stand_on(r, f);
	return e;
}

const struct driver driver_fault = {
	.name = "fault",
	.open = fault_open,
	.close = fault_close,
	.power = fault_power,
	.transmit = fault_transmit,
	.secure = fault_secure,
	.lock = fault_lock,
};
