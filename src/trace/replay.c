/* SPDX-License-Identifier: Apache-2.0 */
/* Replaying in the order of the trace, and what is read of the trace in either way. */
#include "trace/replay-inside.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "codec/apdu.h"
#include "trace/describe.h"

enum { PAD_VERIFY = 1, PAD_MODIFY = 2 /* enum reader_pad, which stands above */ };

/* A contactless card without historical bytes, PC/SC part 3. */
static const uint8_t default_atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };

/* ---- its end ---- */

int replay_end(struct trace_replay *r, int code, const char *path, unsigned long line,
	       const char *format, ...)
{
	va_list ap;
	int n = line ? snprintf(r->why, sizeof(r->why), "%s:%lu: ", path, line) :
		       snprintf(r->why, sizeof(r->why), "%s: ", path);

	if (n > 0 && (size_t)n < sizeof(r->why)) {
		va_start(ap, format);
		vsnprintf(r->why + n, sizeof(r->why) - (size_t)n, format, ap);
		va_end(ap);
	}
	r->ended = code;
	return ctx_fail(r->ctx, code, "%s", r->why);
}

int replay_broken(struct trace_replay *r, int code)
{
	snprintf(r->why, sizeof(r->why), "%s", fuda_context_message(r->ctx));
	r->ended = code;
	return code;
}

static int ended(struct trace_replay *r)
{
	return ctx_fail(r->ctx, r->ended, "%s", r->why);
}

/* At the statement read last. */
#define END_HERE(r, code, ...) \
	replay_end(r, code, trace_script_path((r)->script), trace_script_line((r)->script), \
		   __VA_ARGS__)

/* ---- facts ---- */

static int take_reader(struct trace_replay *r, const struct trace_statement *s)
{
	r->elsewhere = r->reader && strcmp(r->reader, s->text) != 0;
	if (r->reader)
		return 0;
	r->reader = strdup(s->text);
	r->facts.reader = r->reader;
	return r->reader ? 0 : ctx_fail_code(r->ctx, FUDA_ENOMEM);
}

static int take_atr(struct trace_replay *r, const struct trace_statement *s)
{
	_cleanup_buf_ struct fuda_buf atr = FUDA_BUF_INIT(REPLAY_ATR_MAX);
	int e = trace_literal(s, &atr);

	if (e < 0 || !atr.len)
		return trace_script_fail(r->script, e < 0 ? e : FUDA_EFORMAT,
					 _("an ATR has 1 to %d bytes"), REPLAY_ATR_MAX);
	memcpy(r->atr, atr.data, atr.len);
	r->facts.atr_len = atr.len;
	return 0;
}

static int take_protocol(struct trace_replay *r, const struct trace_statement *s)
{
	memcpy(r->protocol, s->word, sizeof(r->protocol));
	r->facts.protocol = r->protocol;
	return 0;
}

static int take_sizes(struct trace_replay *r, const struct trace_statement *s)
{
	r->facts.max_command = s->number;
	r->facts.max_response = s->second;
	return 0;
}

static int take_pad(struct trace_replay *r, const struct trace_statement *s)
{
	r->facts.pad = strcmp(s->word, "both") == 0   ? PAD_VERIFY | PAD_MODIFY :
		       strcmp(s->word, "modify") == 0 ? PAD_MODIFY :
							PAD_VERIFY;
	return 0;
}

static int take_key(struct trace_replay *r, const struct trace_statement *s)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(sizeof(r->key));

	r->has_key = trace_literal(s, &key) == 0 && key.len == sizeof(r->key);
	if (r->has_key)
		memcpy(r->key, key.data, key.len);
	return 0;
}

/* What is read in passing; the first reader's alone but for `reader` itself. */
static const struct {
	enum trace_kind kind;
	int (*take)(struct trace_replay *r, const struct trace_statement *s);
} facts[] = {
	{ TRACE_READER, take_reader }, { TRACE_ATR, take_atr }, { TRACE_PROTOCOL, take_protocol },
	{ TRACE_SIZES, take_sizes },   { TRACE_PAD, take_pad }, { TRACE_KEY, take_key },
};

static int take_fact(struct trace_replay *r, const struct trace_statement *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (facts[i].kind == s->kind && (!r->elsewhere || s->kind == TRACE_READER))
			return facts[i].take(r, s);
	return 0;
}

/* ---- the trace ---- */

static bool is_event(const struct trace_replay *r, const struct trace_statement *s)
{
	switch (s->kind) {
	case TRACE_COMMAND:
	case TRACE_VERIFY:
	case TRACE_RESPONSE:
	case TRACE_FAILURE:
		return true;
	case TRACE_POWER:
		return !r->ignore_power;
	default:
		return false;
	}
}

int replay_peek(struct trace_replay *r)
{
	while (!r->has_next) {
		int e = trace_script_next(r->script, &r->next);

		if (e == 0)
			return 0;
		if (e == 1)
			e = take_fact(r, &r->next);
		if (e < 0)
			return replay_broken(r, e);
		r->has_next = !r->elsewhere && is_event(r, &r->next);
	}
	return 1;
}

void replay_pass(struct trace_replay *r)
{
	r->has_next = false;
}

/* ---- commands ---- */

/* The user's key, where the trace was made with it. */
static int open_keyring(struct trace_replay *r)
{
	int e = r->keyring ? 0 : trace_keyring_open(r->ctx, &r->keyring);

	if (e < 0) /* FUDA_EFORMAT is of statements, not of the file with the key */
		return e == FUDA_EFORMAT ? FUDA_EFILE : e;
	return r->has_key && memcmp(r->key, trace_keyring_id(r->keyring), sizeof(r->key)) == 0 ?
		       0 :
		       FUDA_ENOTSUP;
}

static bool has_item(const struct trace_statement *s, enum trace_item_kind kind)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].kind == kind)
			return true;
	return false;
}

/* "verify auth": any VERIFY of this secret. */
static int fits_verify(const struct trace_statement *s, const struct replay_command *c)
{
	enum trace_command_kind kind = c->typed ? TRACE_IS_TRIES : TRACE_IS_VERIFY;

	return c->about.kind == kind && c->about.secret && strcmp(c->about.secret, s->word) == 0;
}

bool replay_is_open(int e)
{
	return e == FUDA_ENOTSUP || e == FUDA_EFORMAT || e == FUDA_ETOOBIG || e == FUDA_EINVAL;
}

int replay_fits(struct trace_replay *r, const struct trace_statement *s,
		const struct replay_command *c, struct trace_departure *ret_where)
{
	struct trace_statement header = *s;
	int e = 0;

	ret_where->at = 0;
	if (s->kind == TRACE_VERIFY)
		return fits_verify(s, c);
	if (s->kind != TRACE_COMMAND || trace_is_typed(s, &header.count) != c->typed)
		return 0;
	if (has_item(s, TRACE_DATA))
		e = open_keyring(r);
	if (e < 0 && e != FUDA_ENOTSUP)
		return e;
	e = trace_match(&header, r->captures, e == 0 ? r->keyring : NULL, c->bytes, c->len,
			ret_where);
	return e < 0 && !replay_is_open(e) ? ctx_fail_code(r->ctx, e) : e;
}

int replay_respond(struct trace_replay *r, const struct trace_statement *s, const char *path,
		   const struct replay_command *c, struct fuda_buf *ret_response, uint64_t *ret_us)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	uint8_t sw[2];
	int e;

	if (s->kind == TRACE_FAILURE) {
		trace_follow_reset(&r->follow);
		return ctx_fail(r->ctx, s->error, "%s:%lu: %s", path, s->line,
				fuda_error_text(s->error));
	}
	if (s->kind != TRACE_RESPONSE)
		return replay_end(r, FUDA_EFORMAT, path, s->line,
				  _("A command here has no response in the trace."));
	if (s->status_count != 1 || s->statuses[0].mask != 0xFFFF)
		return replay_end(r, FUDA_EFORMAT, path, s->line,
				  _("This response may have more than one status word. A replay "
				    "needs one."));
	e = trace_fill(s, r->captures, &response);
	if (e == FUDA_EFORMAT && (has_item(s, TRACE_DATA) || has_item(s, TRACE_SECRET)))
		return replay_end(r, FUDA_EDEPARTED, path, s->line,
				  _("This response is not shown in the trace, so it cannot be "
				    "given. Record the trace with --raw to replay it."));
	if (e == FUDA_EFORMAT)
		return replay_end(r, e, path, s->line,
				  _("This response may be more than one thing. A replay needs its "
				    "bytes."));
	sw[0] = (uint8_t)(s->statuses[0].sw >> 8);
	sw[1] = (uint8_t)s->statuses[0].sw;
	if (e == 0)
		e = fuda_buf_append(&response, sw, sizeof(sw));
	if (e == 0)
		e = fuda_buf_append(ret_response, response.data, response.len);
	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	trace_follow(&r->follow, c->bytes, c->len, s->statuses[0].sw);
	*ret_us = s->time.kind == TRACE_TIME_TOOK ? s->time.min_us : 0;
	return 0;
}

/* `r->next` is something else than what the program does. */
static int departed(struct trace_replay *r, const struct replay_command *c,
		    const struct trace_departure *where)
{
	char expected[TRACE_DESCRIPTION], came[TRACE_DESCRIPTION];
	bool same;

	trace_describe(&r->follow, c->bytes, c->len, c->typed, came);
	trace_describe_statement(&r->follow, &r->next, expected);
	/* Where it differs says something of a secret. */
	same = strcmp(expected, came) == 0 && !c->typed &&
	       !apdu_is_pin_command(c->bytes, c->len);
	if (same)
		return END_HERE(r, FUDA_EDEPARTED,
				_("The trace has %s here; the program sent another one, which "
				  "differs from byte %zu on. Write .. in the trace for each byte "
				  "that is another one each time, as those of a challenge are."),
				expected, where->at + 1);
	return END_HERE(r, FUDA_EDEPARTED, _("The trace has %s here; the program sent %s."),
			expected, came);
}

/* It cannot be told whether `r->next` is what the program does. */
static int not_compared(struct trace_replay *r, int e)
{
	switch (e) {
	case FUDA_ENOTSUP:
		return END_HERE(r, FUDA_EDEPARTED,
				_("This command is not shown in the trace, and its hash was made "
				  "with another key. Record the trace with --raw to replay it."));
	case FUDA_EFORMAT:
		return END_HERE(r, e, _("This command refers to what was not captured before."));
	case FUDA_ETOOBIG:
		return END_HERE(r, e, _("This pattern takes too long."));
	case FUDA_EINVAL:
		return END_HERE(r, e,
				_("The trace captures more than %d names: use one again that is "
				  "not needed any more."),
				TRACE_CAPTURES_MAX);
	default:
		return replay_broken(r, e);
	}
}

static int command_in_order(struct trace_replay *r, const struct replay_command *c,
			    struct fuda_buf *ret_response, uint64_t *ret_us)
{
	char came[TRACE_DESCRIPTION];
	struct trace_departure where;
	int e = replay_peek(r);

	if (e < 0)
		return e;
	if (e == 0) {
		trace_describe(&r->follow, c->bytes, c->len, c->typed, came);
		return END_HERE(r, FUDA_EDEPARTED,
				_("The trace ends here; the program sent %s. To go on, start the "
				  "replay anew, or replay it loosely (replay:loose:FILE, "
				  "--loose)."),
				came);
	}
	e = replay_fits(r, &r->next, c, &where);
	if (e == 0)
		return departed(r, c, &where);
	if (e < 0)
		return not_compared(r, e);
	replay_pass(r);
	e = replay_peek(r);
	if (e < 0)
		return e;
	if (e == 0)
		return END_HERE(r, FUDA_EFORMAT, _("A command here has no response in the trace."));
	e = replay_respond(r, &r->next, trace_script_path(r->script), c, ret_response, ret_us);
	replay_pass(r);
	return e;
}

/* Before the first command a card that is switched on changes nothing: some drivers do it when they
 * connect. */
static int pass_power_on(struct trace_replay *r)
{
	int e;

	while ((e = replay_peek(r)) == 1 && r->next.kind == TRACE_POWER &&
	       strcmp(r->next.word, "on") == 0)
		replay_pass(r);
	return e < 0 ? e : 0;
}

int trace_replay_command(struct trace_replay *r, const uint8_t *command, size_t len, bool typed,
			 struct fuda_buf *ret_response, uint64_t *ret_us)
{
	struct replay_command c = { .bytes = command, .len = len, .typed = typed };
	int e = 0;

	if (r->ended)
		return ended(r);
	if (!r->begun && !r->index)
		e = pass_power_on(r);
	if (e < 0)
		return e;
	r->begun = true;
	trace_about(&r->follow, command, len, &c.about);
	return r->index ? replay_index_command(r, &c, ret_response, ret_us) :
			  command_in_order(r, &c, ret_response, ret_us);
}

/* ---- power ---- */

void trace_replay_ignore_power(struct trace_replay *r)
{
	r->ignore_power = true;
	if (r->has_next && r->next.kind == TRACE_POWER)
		replay_pass(r);
}

static int departed_power(struct trace_replay *r, const char *how)
{
	char expected[TRACE_DESCRIPTION];

	trace_describe_statement(&r->follow, &r->next, expected);
	return END_HERE(r, FUDA_EDEPARTED,
			_("The trace has %s here; the program changed the card's power (%s)."),
			expected, how);
}

int trace_replay_power(struct trace_replay *r, const char *how)
{
	int e;

	if (r->index || r->ignore_power) {
		trace_follow_reset(&r->follow);
		return 0;
	}
	if (r->ended)
		return ended(r);
	if (!r->begun && strcmp(how, "on") == 0)
		return pass_power_on(r);
	e = replay_peek(r);
	if (e < 0)
		return e;
	if (e == 0)
		return END_HERE(r, FUDA_EDEPARTED,
				_("The trace ends here; the program changed the card's power "
				  "(%s)."),
				how);
	if (r->next.kind != TRACE_POWER || strcmp(r->next.word, how) != 0)
		return departed_power(r, how);
	trace_follow_reset(&r->follow);
	replay_pass(r);
	e = replay_peek(r); /* what the card says of itself after that */
	return e < 0 ? e : 0;
}

/* ---- all of it ---- */

bool trace_replay_over(struct trace_replay *r)
{
	if (r->ended)
		return true;
	return r->index ? replay_index_over(r->index) : replay_peek(r) <= 0;
}

int trace_replay_finish(struct trace_replay *r)
{
	char expected[TRACE_DESCRIPTION];
	int e;

	if (r->ended)
		return ended(r);
	if (r->index)
		return replay_index_finish(r);
	e = replay_peek(r);
	if (e <= 0)
		return e;
	trace_describe_statement(&r->follow, &r->next, expected);
	return END_HERE(r, FUDA_EDEPARTED, _("The program ended; the trace goes on with %s."),
			expected);
}

void trace_replay_heed(struct trace_replay *r, const struct fuda_deadline *dl)
{
	trace_script_heed(r->script, dl, true);
}

int trace_replay_open(struct fuda_context *ctx, const char *path, bool loose,
		      const struct fuda_deadline *dl, struct trace_replay **ret)
{
	_cleanup_(trace_replay_free) struct trace_replay *r = calloc(1, sizeof(*r));
	int e;

	if (!r || trace_captures_new(&r->captures) < 0)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	r->ctx = ctx;
	r->next = TRACE_STATEMENT_INIT;
	memcpy(r->atr, default_atr, sizeof(default_atr));
	r->facts = (struct trace_facts){ .atr = r->atr,
					 .atr_len = sizeof(default_atr),
					 .max_command = APDU_COMMAND_MAX,
					 .max_response = APDU_RESPONSE_MAX };
	e = trace_script_open(ctx, path, &r->script);
	if (e == 0)
		trace_replay_heed(r, dl);
	if (e == 0)
		e = loose ? replay_index_open(r, &r->index) : replay_peek(r);
	if (e < 0)
		return e;
	*ret = r;
	r = NULL;
	return 0;
}

void trace_replay_free(struct trace_replay **r)
{
	if (!*r)
		return;
	replay_index_free(&(*r)->index);
	trace_script_free(&(*r)->script);
	trace_statement_free(&(*r)->next);
	trace_captures_free(&(*r)->captures);
	trace_keyring_free(&(*r)->keyring);
	free((*r)->reader);
	free(*r);
	*r = NULL;
}

const struct trace_facts *trace_replay_facts(const struct trace_replay *r)
{
	return &r->facts;
}

const char *trace_replay_why(const struct trace_replay *r)
{
	return r->why;
}
