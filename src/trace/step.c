/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/step.h"

#include <stdio.h>
#include <string.h>
#include <fuda/encode.h>

#include "codec/apdu.h"

enum { HEADER = 4 };

/* The secrets of the card, and the application where each is presented if none that has it is
 * selected: card.md 3.2. */
static const struct trace_secret secrets[] = {
	{ "auth", FUDA_PIN_AUTH, &aid_jpki },	{ "sign", FUDA_PIN_SIGN, &aid_jpki },
	{ "text", FUDA_PIN_TEXT, &aid_text },	{ "juki", FUDA_PIN_JUKI, &aid_juki },
	{ "a", FUDA_PIN_A, &aid_text },		{ "b", FUDA_PIN_B, &aid_text },
	{ "birth", FUDA_PIN_BIRTH, &aid_face },
};

static const struct trace_secret *secret_of(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(secrets); i++)
		if (strcmp(secrets[i].name, name) == 0)
			return &secrets[i];
	return NULL;
}

const struct trace_file *trace_secret_file(const struct trace_secret *secret,
					   const struct aid *application)
{
	const struct trace_file *f;

	for (size_t i = 0; (f = trace_file_at(i)); i++)
		if (f->application == application && f->secret &&
		    strcmp(f->secret, secret->name) == 0)
			return f;
	return NULL;
}

/* The bytes that a command begins with, up to the first that is not written down. */
static int beginning(const struct trace_statement *s, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	struct trace_sketch sketch;
	int e = trace_sketch(s, &bytes, &sketch);

	return e < 0 ? e : fuda_buf_append(ret, bytes.data, sketch.known);
}

bool trace_has(const struct trace_statement *s, enum trace_item_kind kind)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].kind == kind)
			return true;
	return false;
}

static void describe(struct trace_step *step)
{
	const struct fuda_buf *command = &step->command;
	const struct trace_about *a = &step->about;
	const struct aid *application = a->selects ? a->selects : a->application;
	char header[2 * HEADER + 1];

	if (!a->name || !*a->name) {
		fuda_hex_encode(command->data, MIN(command->len, (size_t)HEADER), header);
		snprintf(step->what, sizeof(step->what), "%s", command->len ? header : "..");
	} else if (a->secret) {
		snprintf(step->what, sizeof(step->what), "%s %s", a->name, a->secret);
	} else if (application && (a->file || a->selects)) {
		snprintf(step->what, sizeof(step->what), "%s %s%s%s", a->name, application->name,
			 a->file ? "." : "", a->file ? a->file->name : "");
	} else {
		snprintf(step->what, sizeof(step->what), "%s", a->name);
	}
}

/* Why it cannot be a step. */
static int refuse(struct trace_step *step, int code, const char *why)
{
	step->refusal = why;
	return code;
}

static void present(struct trace_step *step, const struct trace_secret *secret,
		    const struct aid *place)
{
	step->secret = secret;
	step->place = place;
	snprintf(step->what, sizeof(step->what), "verify %s", secret->name);
}

static int of_verify(const struct trace_maker *m, struct trace_step *step)
{
	const struct trace_secret *secret = secret_of(m->statement->word);
	const struct aid *selected = m->follow->application;

	if (!secret)
		return refuse(step, FUDA_EFORMAT, _("there is no such secret"));
	present(step, secret, trace_secret_file(secret, selected) ? selected : secret->home);
	return 0;
}

/* A recorded command whose secret is not shown: the door for secrets presents it anew. */
static int of_secret(const struct trace_maker *m, struct trace_step *step)
{
	static const uint8_t stand_in[] = { 4, 0, 0, 0, 0 };
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	const struct trace_secret *secret;
	int r = beginning(m->statement, &command);
	bool whole = command.len >= HEADER;

	/* whatever its length: what counts is which secret it is for */
	if (r == 0 && whole) {
		command.len = HEADER;
		r = fuda_buf_append(&command, stand_in, sizeof(stand_in));
	}
	if (r < 0)
		return r;
	trace_about(m->follow, command.data, command.len, &step->about);
	secret = secret_of(step->about.secret);
	if (step->about.kind != TRACE_IS_VERIFY || !whole)
		return refuse(step, FUDA_EPINCOMMAND,
			      _("a secret is sent by VERIFY alone here: leave this command out"));
	if (!secret || !step->about.application)
		return refuse(step, FUDA_EPINCOMMAND,
			      _("it cannot be seen which secret this presents: select the "
				"application before, or write \"verify\" and its name"));
	present(step, secret, step->about.application);
	return 0;
}

/* VERIFY that asks for a counter: without data, or with a length of zero. */
static bool is_query(const struct fuda_buf *command)
{
	static const uint8_t head[] = { 0x00, 0x20, 0x00 };

	return (command->len == HEADER ||
		(command->len == HEADER + 1 && !command->data[HEADER])) &&
	       memcmp(command->data, head, sizeof(head)) == 0;
}

static int of_command(const struct trace_maker *m, struct trace_step *step)
{
	struct fuda_buf *command = &step->command;
	int r = trace_fill(m->statement, m->captures, command);

	step->unfilled = r == FUDA_EFORMAT;
	if (step->unfilled) {
		fuda_buf_clear(command);
		r = beginning(m->statement, command);
	}
	if (r < 0)
		return r;
	step->query = !step->unfilled && is_query(command);
	if (!step->query && apdu_is_pin_command(command->data, command->len))
		return refuse(step, FUDA_EPINCOMMAND,
			      _("commands with secrets are not sent from scripts: write \"verify\" "
				"and the name of the secret"));
	if (!step->unfilled && command->len < HEADER)
		return refuse(step, FUDA_EFORMAT, _("a command has 4 bytes at least"));
	trace_about(m->follow, command->data, command->len, &step->about);
	describe(step);
	return 0;
}

int trace_step_make(const struct trace_maker *m, struct trace_step *ret)
{
	const struct trace_statement *s = m->statement;

	*ret = TRACE_STEP_INIT;
	if (s->kind == TRACE_VERIFY)
		return of_verify(m, ret);
	if (trace_has(s, TRACE_SECRET) || trace_has(s, TRACE_TYPED))
		return of_secret(m, ret);
	return of_command(m, ret);
}

void trace_step_free(struct trace_step *s)
{
	fuda_buf_free(&s->command);
}
