/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a script, or reads it through for the secrets that it will need. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/trace.h>

#include "base/deadline.h"
#include "codec/apdu.h"
#include "trace/judge.h"
#include "trace/step.h"

enum {
	RESPONSE_MAX = 65538,
	SW_OK = 0x9000,
};

struct runner {
	struct fuda_context *ctx;
	struct trace_script *script;
	struct trace_captures *captures;
	struct trace_keyring *keyring;
	uint8_t key[4]; /* of the hashes in the script */
	bool has_key;
	struct trace_follow follow;
	/* the command or verify whose response may follow */
	struct trace_statement pending;
	char *path;
	unsigned long line;
	bool steps; /* there is one */
	/* what is done with a step and its response, which may be NULL */
	int (*act)(struct runner *r, const struct trace_statement *expected);
	/* running */
	const struct fuda_trace_target *target;
	bool stop;
	void (*check)(void *arg, const struct fuda_trace_check *check);
	unsigned long failed;
	/* reading through */
	int (*secret)(void *arg, enum fuda_pin pin, const char *application, bool wrong);
	void *arg;
};

/* What the pending statement sends. */
static int step_make(struct runner *r, struct trace_step *ret)
{
	const struct trace_maker m = { &r->pending, r->captures, &r->follow };
	int e = trace_step_make(&m, ret);

	if (e == 0)
		return 0;
	return ctx_fail(r->ctx, e, "%s:%lu: %s", r->path, r->line,
			ret->refusal ? ret->refusal : fuda_error_text(e));
}

/* Takes notice of what the card did. */
static void follow(struct runner *r, const struct trace_step *step, uint16_t sw)
{
	const struct trace_file *file;

	if (!step->secret) {
		trace_follow(&r->follow, step->command.data, step->command.len, sw);
		return;
	}
	file = trace_secret_file(step->secret, step->place);
	r->follow.application = step->place;
	r->follow.file = file ? file->fid : 0;
}

/* Whether `s` needs what was not captured. */
static bool lost_needed(const struct runner *r, const struct trace_statement *s,
			char why[TRACE_WHY_MAX])
{
	const char *name = s ? trace_captures_lost(r->captures, s) : NULL;

	if (name)
		snprintf(why, TRACE_WHY_MAX,
			 _("it needs {%s}, which a step that failed did not give"), name);
	return name;
}

/* ---- reading through ---- */

/* Whether no status that is expected means success. */
static bool expects_refusal(const struct trace_statement *expected)
{
	return expected && expected->kind == TRACE_RESPONSE &&
	       !trace_match_status(expected, SW_OK);
}

/* What can never be sent or compared, whatever the card does. */
static int check_known(struct runner *r, const struct trace_statement *s)
{
	const char *name = s ? trace_captures_unknown(r->captures, s) : NULL;

	if (name)
		return ctx_fail(r->ctx, FUDA_EFORMAT,
				_("%s:%lu: {%s} is not captured by any response before: write "
				  "{%s=..{n}} where it comes from"),
				r->path, r->line, name, name);
	if (s == &r->pending && trace_has(s, TRACE_ANY))
		return ctx_fail(r->ctx, FUDA_EFORMAT,
				_("%s:%lu: a command leaves bytes open: say which are sent"),
				r->path, r->line);
	return 0;
}

static int act_read(struct runner *r, const struct trace_statement *expected)
{
	_cleanup_(trace_step_free) struct trace_step step;
	int e = step_make(r, &step);

	if (e == 0)
		e = check_known(r, &r->pending);
	if (e == 0)
		e = check_known(r, expected);
	if (e == 0 && expected) /* from now on it is known that they will be there */
		trace_captures_lose(r->captures, expected);
	if (e == 0 && step.secret)
		e = r->secret(r->arg, step.secret->pin, step.place->name,
			      expects_refusal(expected));
	if (e == 0)
		follow(r, &step, expects_refusal(expected) ? expected->statuses[0].sw : SW_OK);
	return e;
}

/* ---- running ---- */

static int unsupported(struct runner *r, const char *what)
{
	return ctx_fail(r->ctx, FUDA_ENOTSUP, _("%s:%lu: %s is not possible here"), r->path,
			r->line, what);
}

/* Tells of a step. An error if the script ends with it. */
static int tell(struct runner *r, const char *what, const char *why, uint64_t us)
{
	const struct fuda_trace_check check = { r->path, r->line, what, why, us };

	r->check(r->arg, &check);
	r->failed += why != NULL;
	return why && r->stop ? FUDA_EDEPARTED : 0;
}

/* The keys for hashes, if the script's are made with this user's. */
static int take_keyring(struct runner *r, const struct trace_statement *expected)
{
	int e;

	if (!expected || r->keyring || !r->has_key || !trace_has(expected, TRACE_DATA))
		return 0;
	e = trace_keyring_open(r->ctx, &r->keyring);
	if (e == 0 && memcmp(trace_keyring_id(r->keyring), r->key, sizeof(r->key)) != 0) {
		trace_keyring_free(&r->keyring);
		r->has_key = false;
	}
	return e;
}

/* Sends it. An answer, or the lack of one, is written to `ret`. */
static int send(struct runner *r, const struct trace_step *step, struct fuda_buf *ret_response,
		struct trace_came *ret)
{
	const struct fuda_trace_target *t = r->target;
	const uint8_t *bytes = step->command.data;
	uint64_t begin;

	if (step->secret ? !t->verify : step->query ? !t->query : !t->transmit)
		return unsupported(r, step->what);
	*ret = (struct trace_came){ .presented = step->secret, .about = &step->about };
	begin = deadline_now_us();
	if (step->secret)
		ret->refusal = t->verify(t->arg, step->secret->pin, step->place->name, &ret->sw);
	else if (step->query)
		ret->error = t->query(t->arg, bytes[3], step->command.len > 4, ret_response);
	else
		ret->error = t->transmit(t->arg, bytes, step->command.len, ret_response);
	ret->us = deadline_now_us() - begin;
	if (step->secret && !ret->sw)
		ret->error = ret->refusal;
	if (ret->error || step->secret)
		return 0;
	if (apdu_take_sw(ret_response, &ret->sw) < 0)
		ret->error = ctx_fail_code(r->ctx, FUDA_EFORMAT);
	ret->data = ret_response->data;
	ret->len = ret_response->len;
	return 0;
}

/* What to do after a step that was judged: `why` it failed, or NULL. */
static int conclude(struct runner *r, const struct trace_step *step,
		    const struct trace_statement *expected, const struct trace_came *came,
		    const char *why)
{
	char words[TRACE_WHY_MAX];
	int e;

	/* the library knows better what happened */
	if (why && came->error)
		why = fuda_context_message(r->ctx);
	snprintf(words, sizeof(words), "%s", fuda_context_message(r->ctx));
	e = tell(r, step->what, why, came->us);
	if (why && came->error)
		return came->error;
	/* Also where the script takes it as well as the right one: the next may be the same. What a
	 * secret whose answer was lost has cost nobody knows, whatever the script expects. */
	if (came->refusal == FUDA_EUNKNOWN ||
	    (came->refusal && !came->error && !expects_refusal(expected)))
		return ctx_fail(r->ctx, came->refusal,
				_("%s:%lu: %s The script ends here, so that no other try is "
				  "spent."),
				r->path, r->line, words);
	return e;
}

/* Without a word in the script any response will do, but a secret has to be right. */
static int judge_unsaid(struct runner *r, const struct trace_came *came, char why[TRACE_WHY_MAX])
{
	struct trace_statement right = { .kind = TRACE_RESPONSE,
					 .statuses = { { SW_OK, 0xFFFF, "" } },
					 .status_count = 1 };

	if (!came->presented && !came->error)
		return 1;
	return trace_judge(&right, r->captures, NULL, came, why);
}

static int act_run(struct runner *r, const struct trace_statement *expected)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(RESPONSE_MAX);
	_cleanup_(trace_step_free) struct trace_step step;
	char why[TRACE_WHY_MAX] = "";
	struct trace_came came;
	int passed, e = step_make(r, &step);

	if (e < 0)
		return e;
	if (lost_needed(r, &r->pending, why) || step.unfilled) {
		if (!*why)
			snprintf(why, sizeof(why), "%s",
				 trace_has(&r->pending, TRACE_DATA) ?
					 _("it has bytes that the trace does not show (recorded "
					   "with --raw, it would)") :
					 _("it has bytes that are not known: something that was "
					   "not captured before, or is left open"));
		if (expected)
			trace_captures_lose(r->captures, expected);
		e = tell(r, step.what, why, 0);
		/* the secrets after it would be presented in the place of others */
		return e == 0 && step.secret ? FUDA_EDEPARTED : e;
	}
	e = take_keyring(r, expected);
	if (e == 0)
		e = send(r, &step, &response, &came);
	if (e < 0)
		return e;
	if (!came.error)
		follow(r, &step, came.sw);
	if (lost_needed(r, expected, why))
		passed = 0;
	else if (expected)
		passed = trace_judge(expected, r->captures, r->keyring, &came, why);
	else
		passed = judge_unsaid(r, &came, why);
	if (passed < 0)
		return ctx_fail_code(r->ctx, passed);
	if (expected && !passed)
		trace_captures_lose(r->captures, expected);
	return conclude(r, &step, expected, &came, passed ? NULL : why);
}

/* ---- directives ---- */

static int directive(struct runner *r, const struct trace_statement *s)
{
	const struct fuda_trace_target *t = r->target;
	char what[TRACE_WHAT_MAX], time[40];
	uint64_t begin = deadline_now_us();
	int e;

	if (s->kind == TRACE_WAIT) {
		trace_time_words(s->time.min_us, time, sizeof(time));
		snprintf(what, sizeof(what), "wait %s", time);
	} else {
		snprintf(what, sizeof(what), "%s%s",
			 s->kind == TRACE_POWER	 ? "power " :
			 s->kind == TRACE_INSERT ? "insert" :
						   "remove",
			 s->word);
		trace_follow_reset(&r->follow);
	}
	ctx_step(r->ctx, "");
	if (s->kind == TRACE_WAIT ? !t->wait : s->kind == TRACE_POWER ? !t->power : !t->presence)
		return unsupported(r, what);
	if (s->kind == TRACE_WAIT)
		e = t->wait(t->arg, s->time.min_us);
	else if (s->kind == TRACE_POWER)
		e = t->power(t->arg, s->word);
	else
		e = t->presence(t->arg, s->kind == TRACE_INSERT);
	(void)tell(r, what, e < 0 ? fuda_context_message(r->ctx) : NULL, deadline_now_us() - begin);
	return e;
}

static int note_key(struct runner *r, const struct trace_statement *s)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(sizeof(r->key));
	int e = trace_literal(s, &key);

	if (e < 0 || key.len != sizeof(r->key))
		return trace_script_fail(r->script, FUDA_EFORMAT, _("a key has 4 bytes"));
	memcpy(r->key, key.data, sizeof(r->key));
	trace_keyring_free(&r->keyring);
	r->has_key = true;
	return 0;
}

/* ---- the script ---- */

/* Does the pending step, if there is one. */
static int finish(struct runner *r, const struct trace_statement *expected)
{
	int e;

	if (r->pending.kind == TRACE_EMPTY)
		return 0;
	e = r->act(r, expected);
	trace_statement_clear(&r->pending, TRACE_EMPTY);
	return e;
}

/* Notes where the script is. */
static int note_place(struct runner *r)
{
	const char *path = trace_script_path(r->script);

	r->line = trace_script_line(r->script);
	if (r->path && strcmp(r->path, path) == 0)
		return 0;
	free(r->path);
	r->path = strdup(path);
	return r->path ? 0 : ctx_fail_code(r->ctx, FUDA_ENOMEM);
}

static int statement(struct runner *r, struct trace_statement *s)
{
	struct trace_statement swapped;
	int e;

	if (s->kind == TRACE_RESPONSE || s->kind == TRACE_FAILURE) {
		if (r->pending.kind == TRACE_EMPTY)
			return trace_script_fail(r->script, FUDA_EFORMAT,
						 _("a response without a command before it"));
		return finish(r, s);
	}
	e = finish(r, NULL);
	if (e == 0)
		e = note_place(r);
	if (e < 0)
		return e;
	switch (s->kind) {
	case TRACE_COMMAND:
	case TRACE_VERIFY:
		r->steps = true;
		swapped = r->pending;
		r->pending = *s;
		*s = swapped;
		return 0;
	case TRACE_POWER:
	case TRACE_INSERT:
	case TRACE_REMOVE:
	case TRACE_WAIT:
		r->steps = true;
		if (r->target)
			return directive(r, s);
		if (s->kind != TRACE_WAIT)
			trace_follow_reset(&r->follow);
		return 0;
	case TRACE_KEY:
		return note_key(r, s);
	default: /* where it passed when it was recorded */
		return 0;
	}
}

static void runner_free(struct runner *r)
{
	trace_statement_free(&r->pending);
	trace_keyring_free(&r->keyring);
	trace_captures_free(&r->captures);
	trace_script_free(&r->script);
	free(r->path);
}

static int run(struct runner *r, const char *path, const struct fuda_deadline *dl)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	int e;

	r->pending = TRACE_STATEMENT_INIT;
	e = trace_captures_new(&r->captures);
	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	ctx_step(r->ctx, "");
	e = trace_script_open(r->ctx, path, &r->script);
	if (e == 0)
		trace_script_heed(r->script, dl, false);
	while (e == 0 && (e = trace_script_next(r->script, &s)) > 0)
		e = statement(r, &s);
	if (e == 0)
		e = finish(r, NULL);
	/* a test that was cut off does not pass */
	if (e == 0 && !r->steps)
		e = ctx_fail(r->ctx, FUDA_EFORMAT,
			     _("%s: There is nothing to run: the script has no command, and "
			       "nothing else that is done."),
			     path);
	return e;
}

int fuda_trace_secrets(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		       int (*secret)(void *arg, enum fuda_pin pin, const char *application,
				     bool wrong),
		       void *arg)
{
	_cleanup_(runner_free) struct runner r = {
		.ctx = ctx, .act = act_read, .secret = secret, .arg = arg
	};

	return run(&r, path, dl);
}

int fuda_trace_run(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		   const struct fuda_trace_target *target, bool stop,
		   void (*check)(void *arg, const struct fuda_trace_check *check), void *arg)
{
	_cleanup_(runner_free) struct runner r = {
		.ctx = ctx, .act = act_run, .target = target, .stop = stop,
		.check = check, .arg = arg
	};
	int e = run(&r, path, dl);

	if (e < 0 && (e != FUDA_EDEPARTED || !r.failed))
		return e;
	if (!r.failed)
		return 0;
	ctx_step(ctx, "");
	return ctx_fail(ctx, FUDA_EDEPARTED,
			dngettext(TEXT_DOMAIN, "%s: %lu step did not go as the script says.",
				  "%s: %lu steps did not go as the script says.", r.failed),
			path, r.failed);
}
