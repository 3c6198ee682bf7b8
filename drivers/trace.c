/* SPDX-License-Identifier: Apache-2.0 */
/* A reader that writes down what passes to another one: "trace:READER". FUDA_TRACE and
 * FUDA_TRACE_RAW in the environment say where to, fuda-trace(5) how. */
#include <stdlib.h>
#include <string.h>

#include "codec/apdu.h"
#include "reader/pad.h"
#include "reader/reader.h"
#include "trace/record.h"

enum { HEADER = 4 };

struct tracing {
	struct reader *inner;
	struct trace_recorder *recorder;
	int failed; /* to write: then nothing is sent any more that would be missing in the trace */
	bool others; /* other programs can use the card while it is not locked */
	bool locked;
};

static void free_tracing(struct tracing **t)
{
	if (!*t)
		return;
	reader_close(&(*t)->inner);
	trace_recorder_free(&(*t)->recorder);
	free(*t);
	*t = NULL;
}

/* But for the model: what is remembered of it (card/extended.c) would decide what is recorded, and
 * is not there where the trace is replayed. */
static void stand_on(struct reader *r, const struct reader *inner)
{
	reader_stand_on(r, inner);
	*r->model = '\0';
}

/* Writes down what the reader and its card are, where that is new. */
static int tell_facts(struct reader *r)
{
	struct tracing *t = r->priv;
	const struct trace_facts facts = {
		.reader = t->inner->name,
		.atr = r->atr,
		.atr_len = r->atr_len,
		.max_command = r->max_command,
		.max_response = r->max_response,
		.pad = r->pad,
	};

	t->failed = trace_record_facts(t->recorder, &facts);
	return t->failed;
}

/* Whether there is a lock at the bottom of what is stacked. */
static bool has_lock(const struct reader *r)
{
	while (r->inner)
		r = r->inner;
	return r->driver->lock;
}

static int trace_open(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	_cleanup_(free_tracing) struct tracing *t = calloc(1, sizeof(*t));
	int e;

	if (!t)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	if (!*rest)
		return ctx_fail(r->ctx, FUDA_ENOREADER,
				_("The name of a traced reader is trace:READER; READER is "
				  "missing."));
	e = trace_recorder_open_environment(r->ctx, &t->recorder);
	if (e == 0)
		e = reader_open(r->ctx, rest, dl, &t->inner);
	if (e < 0)
		return e;
	t->others = has_lock(t->inner);
	stand_on(r, t->inner);
	if (r->lies)
		trace_record_doubt(t->recorder);
	r->priv = t;
	e = tell_facts(r);
	if (e < 0)
		return e;
	t = NULL;
	return 0;
}

static void trace_close(struct reader *r)
{
	struct tracing *t = r->priv;

	free_tracing(&t);
}

/* ---- what passes ---- */

/* One command on its way. */
struct passage {
	const uint8_t *command;
	size_t len;
	bool typed;
	uint64_t since;
	struct fuda_buf response;
};

/* After `p` came back with `e`: a response that cannot be written down is none. */
static int pass_back(struct reader *r, struct passage *p, int e, struct fuda_buf *ret_response)
{
	struct tracing *t = r->priv;
	uint64_t us = deadline_now_us() - p->since;

	t->failed = trace_record_exchange(t->recorder, p->command, p->len, p->typed,
					  p->response.data, p->response.len, e, us);
	if (t->failed)
		return t->failed;
	if (t->others && !t->locked)
		trace_record_forget(t->recorder);
	if (r->epoch != t->inner->epoch) {
		stand_on(r, t->inner);
		if (tell_facts(r) < 0)
			return t->failed;
	}
	if (e < 0)
		return e;
	e = fuda_buf_append(ret_response, p->response.data, p->response.len);
	return e < 0 ? ctx_fail_code(r->ctx, e) : 0;
}

static int trace_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
			  struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct tracing *t = r->priv;
	struct passage p = { command, len, false, deadline_now_us(),
			     FUDA_BUF_INIT(APDU_RESPONSE_MAX) };
	int e;

	if (t->failed)
		return ctx_fail(r->ctx, t->failed,
				_("The trace could not be written any more, so nothing is sent."));
	e = reader_transmit(t->inner, command, len, flags, dl, &p.response);
	e = pass_back(r, &p, e, ret_response);
	fuda_buf_free(&p.response);
	return e;
}

static int trace_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
			struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct tracing *t = r->priv;
	struct passage p = { NULL, HEADER, true, deadline_now_us(),
			     FUDA_BUF_INIT(APDU_RESPONSE_MAX) };
	struct pad_entry entry;
	int e;

	if (t->failed)
		return ctx_fail(r->ctx, t->failed,
				_("The trace could not be written any more, so nothing is sent."));
	if (pad_parse(modify, structure, len, &entry) < 0)
		return ctx_fail_code(r->ctx, FUDA_EINVAL);
	p.command = entry.command;
	e = reader_secure(t->inner, modify, structure, len, dl, &p.response);
	e = pass_back(r, &p, e, ret_response);
	fuda_buf_free(&p.response);
	return e;
}

/* Also where the trace has failed: a card is not left verified because a disk is full. */
static int trace_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	static const char *const words[] = {
		[POWER_ON] = "on",
		[POWER_RESET] = "reset",
		[POWER_OFF] = "off",
	};
	struct tracing *t = r->priv;
	int e = reader_power(t->inner, how, dl);

	stand_on(r, t->inner);
	trace_record_forget(t->recorder); /* even if it failed: who knows how far it came */
	if (e < 0 || t->failed)
		return e < 0 ? e : t->failed;
	t->failed = trace_record_power(t->recorder, words[how]);
	return t->failed ? t->failed : tell_facts(r);
}

static int trace_lock(struct reader *r, bool on, struct fuda_deadline *dl)
{
	struct tracing *t = r->priv;
	uint32_t epoch = r->epoch;
	int e = reader_lock(t->inner, on, dl);

	stand_on(r, t->inner);
	if (t->others)
		trace_record_forget(t->recorder);
	t->locked = on && e == 0; /* one that was not released may be so any time */
	if (e < 0)
		return e;
	if (r->epoch == epoch || t->failed || tell_facts(r) == 0)
		return 0;
	if (on) /* which the caller now thinks it has not */
		t->locked = reader_lock(t->inner, false, dl) < 0;
	return t->failed;
}

const struct driver driver_trace = {
	.name = "trace",
	.open = trace_open,
	.close = trace_close,
	.power = trace_power,
	.transmit = trace_transmit,
	.secure = trace_secure,
	.lock = trace_lock,
};
