/* SPDX-License-Identifier: Apache-2.0 */
/* A reader whose card is a trace: "replay:FILE", in the order of the trace, and
 * "replay:loose:FILE", in any. It begins anew each time that it is opened. */
#include <stdlib.h>
#include <string.h>

#include "reader/pad.h"
#include "reader/reader.h"
#include "trace/replay.h"

static const char loose_prefix[] = "loose:";

enum { FINISH_MS = 1000 }; /* to find out what was never asked for */

struct replay {
	struct trace_replay *trace;
	int gone; /* the error that everything ends with from here on, or 0 */
};

static void take_facts(struct reader *r, const struct trace_facts *facts)
{
	r->atr_len = MIN(facts->atr_len, sizeof(r->atr));
	memcpy(r->atr, facts->atr, r->atr_len);
	r->max_command = facts->max_command;
	r->max_response = facts->max_response;
	r->pad = facts->pad;
}

/* The reader has no model, for what is remembered of models would change what a program does. */
static int replay_open(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	bool loose = strncmp(rest, loose_prefix, strlen(loose_prefix)) == 0;
	const char *path = loose ? rest + strlen(loose_prefix) : rest;
	struct replay *own;
	int e = deadline_check(dl);

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	if (!*path)
		return ctx_fail(r->ctx, FUDA_ENOREADER,
				_("The name of a trace to replay is replay:FILE or "
				  "replay:loose:FILE; the file is missing."));
	own = calloc(1, sizeof(*own));
	if (!own)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	e = trace_replay_open(r->ctx, path, loose, dl, &own->trace);
	if (e < 0) {
		free(own);
		return e;
	}
	r->priv = own;
	take_facts(r, trace_replay_facts(own->trace));
	return 0;
}

/* What was never asked for is no failure of the reader, but worth a line. */
static void replay_close(struct reader *r)
{
	struct replay *own = r->priv;
	bool kept = ctx_keep_error(r->ctx, true);
	struct fuda_deadline *dl = NULL;

	if (fuda_deadline_new(FINISH_MS, &dl) == 0)
		trace_replay_heed(own->trace, dl);
	if (dl && trace_replay_finish(own->trace) < 0)
		ctx_log(r->ctx, FUDA_LOG_INFO, "%s", trace_replay_why(own->trace));
	ctx_keep_error(r->ctx, kept);
	trace_replay_free(&own->trace);
	fuda_deadline_free(&dl);
	free(own);
	r->priv = NULL;
}

static int replay_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	static const char *const words[] = {
		[POWER_ON] = "on", [POWER_RESET] = "reset", [POWER_OFF] = "off"
	};
	struct replay *own = r->priv;
	/* a card is not left verified because the time is up */
	int e = how == POWER_OFF ? 0 : deadline_check(dl);

	if (e == 0)
		e = own->gone;
	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	trace_replay_heed(own->trace, dl);
	e = trace_replay_power(own->trace, words[how]);
	if (e < 0)
		return e;
	take_facts(r, trace_replay_facts(own->trace));
	r->epoch++;
	return 0;
}

/* Hands on what the trace answers, as a driver has to. */
static int conclude(struct reader *r, int e, const struct fuda_buf *response,
		    struct fuda_buf *ret_response)
{
	struct replay *own = r->priv;

	if (e == FUDA_EREMOVED || e == FUDA_EREADERGONE)
		own->gone = e;
	if (e == FUDA_ERESET)
		r->epoch++;
	if (e == 0 && response->len > r->max_response)
		return ctx_fail(r->ctx, FUDA_ETRANSPORT,
				_("The response is longer than the reader can take."));
	if (e < 0)
		return e;
	e = fuda_buf_append(ret_response, response->data, response->len);
	return e < 0 ? ctx_fail_code(r->ctx, e) : 0;
}

static int send(struct reader *r, const uint8_t *command, size_t len, bool typed,
		struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(SIZE_MAX);
	struct replay *own = r->priv;
	uint64_t took;
	int e = deadline_check(dl);

	if (e == 0)
		e = own->gone;
	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	trace_replay_heed(own->trace, dl);
	e = trace_replay_command(own->trace, command, len, typed, &response, &took);
	return conclude(r, e, &response, ret_response);
}

static int replay_transmit(struct reader *r, const uint8_t *command, size_t len,
			   _unused_ unsigned flags, struct fuda_deadline *dl,
			   struct fuda_buf *ret_response)
{
	return send(r, command, len, false, dl, ret_response);
}

/* Nobody types anything: the trace says what came of it. */
static int replay_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
			 struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct pad_entry entry;

	if (pad_parse(modify, structure, len, &entry) < 0)
		return ctx_fail_code(r->ctx, FUDA_EINVAL);
	return send(r, entry.command, PAD_COMMAND_MIN, true, dl, ret_response);
}

const struct driver driver_replay = {
	.name = "replay",
	.open = replay_open,
	.close = replay_close,
	.power = replay_power,
	.transmit = replay_transmit,
	.secure = replay_secure,
};
