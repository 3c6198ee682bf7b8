/* SPDX-License-Identifier: Apache-2.0 */
/* A session with the software card of softcard.h through the public API, over the reader of stage.h, and what
 * passes in it. */
#ifndef TESTS_SESSION_H
#define TESTS_SESSION_H

#include <fuda/cv.h>
#include <fuda/pin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card/card.h"
#include "tests/cmocka.h"
#include "tests/softcard.h"
#include "tests/stage.h"

struct session {
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct fuda_card *card;
	struct fuda_cv_trust *trust;
	struct fuda_secret *secret;
	struct fuda_pin_entry entry;
	/* Sees each answer and may change it. */
	void (*spy)(const uint8_t *command, size_t len, struct fuda_buf *response);
	struct driver spying;
	const struct driver *driver;
};

static struct session *spied;

/* Of the reader that was opened last: it takes extended APDUs, and all that the card has a use for, so that
 * their number is the library's doing alone. */
static bool session_extended, session_roomy;
enum { SECURE_COMMAND = 265, ROOMY = 4096 };

static inline int session_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
				   struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	int e = spied->driver->transmit(r, command, len, flags, dl, ret_response);

	if (e == 0)
		spied->spy(command, len, ret_response);
	return e;
}

/* The card and the driver of a session that is open. Where a test failed, the next one ends it: the reader would
 * be busy for all that come after. What else the test had stays. */
static struct fuda_card *session_card;
static const struct driver *session_driver;

static inline void session_abandon(void)
{
	if (!session_card)
		return;
	session_card->reader->driver = session_driver;
	fuda_card_free(&session_card);
	stage_remove();
}

/* Opens the card as it is. `spec` is one of the fault driver, or NULL; `secret` what will be presented. */
static inline void session_open(struct session *s, const char *spec, const char *secret)
{
	/* nothing is remembered from one session to the next */
	unsetenv("HOME");
	unsetenv("XDG_CACHE_HOME");
	session_abandon();
	*s = (struct session){ 0 };
	assert_int_equal(fuda_context_new(&s->ctx), 0);
	assert_int_equal(fuda_deadline_new(10000, &s->dl), 0);
	assert_int_equal(fuda_secret_new(secret, strlen(secret), &s->secret), 0);
	s->entry = FUDA_PIN_ENTRY(s->secret);
	if (fuda_card_open(s->ctx, stage_insert(spec), s->dl, &s->card) < 0)
		fail_msg("%s", fuda_context_message(s->ctx));
	session_card = s->card;
	session_driver = s->card->reader->driver;
	session_extended = s->card->reader->max_command >= SECURE_COMMAND;
	session_roomy = s->card->reader->max_command >= ROOMY && s->card->reader->max_response >= ROOMY;
	stage_limit(s->card->reader);
	assert_int_equal(fuda_cv_trust_new(s->ctx, &s->trust), 0);
	assert_int_equal(fuda_cv_trust_add_file(s->trust, softcard_path("cv-authority.pem")), 0);
}

static inline void session_spy(struct session *s,
			       void (*spy)(const uint8_t *command, size_t len, struct fuda_buf *response))
{
	s->spy = spy;
	s->driver = s->card->reader->driver;
	s->spying = *s->driver;
	s->spying.transmit = session_transmit;
	s->card->reader->driver = &s->spying;
	spied = s;
}

static inline void session_close(struct session *s)
{
	fuda_cv_trust_free(&s->trust);
	session_card = NULL;
	fuda_card_free(&s->card);
	stage_remove();
	fuda_secret_free(&s->secret);
	fuda_deadline_free(&s->dl);
	fuda_context_free(&s->ctx);
}

static inline struct vcard *session_vcard(const struct session *s)
{
	return stage_card(s->card->reader);
}

static inline bool session_holds(const struct session *s, bool expected)
{
	return stage_holds(s->card->reader, expected);
}

/* Fails with what the library says unless `r` is `expected`, with a message where it is an error. */
static inline void session_expect(const struct session *s, int r, int expected)
{
	if (r != expected)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(s->ctx));
	if (r < 0)
		assert_string_not_equal(fuda_context_message(s->ctx), "");
}

static inline void session_says(const struct session *s, const char *what)
{
	if (!strstr(fuda_context_message(s->ctx), what))
		fail_msg("message without \"%s\": %s", what, fuda_context_message(s->ctx));
}

/* ---- files of the card ---- */

struct saved_file {
	char path[128];
	uint8_t bytes[32768];
	size_t len;
};

static inline void file_load(struct saved_file *f, const char *name)
{
	FILE *in;

	snprintf(f->path, sizeof(f->path), "%s", softcard_path(name));
	in = fopen(f->path, "rb");
	assert_non_null(in);
	f->len = fread(f->bytes, 1, sizeof(f->bytes), in);
	fclose(in);
}

static inline void file_write(const char *path, const void *bytes, size_t len)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

/* As it was loaded. */
static inline void file_restore(const struct saved_file *f)
{
	file_write(f->path, f->bytes, f->len);
}

/* Bytes of the object that a file begins with, as tags of two bytes and DER lengths have it. */
static inline size_t file_object(const struct saved_file *f)
{
	const uint8_t *p = f->bytes;

	assert_true(f->len >= 5);
	if (p[2] == 0x82)
		return 5u + (size_t)(p[3] << 8 | p[4]);
	return p[2] == 0x81 ? 4u + p[3] : 3u + p[2];
}

/* What a test counts on; without it, it ends as skipped. */
static inline void session_need(const bool *what)
{
	struct session s;

	session_open(&s, NULL, "");
	session_close(&s);
	if (!*what)
		skip();
}

/* Readings of the ambiguous points (card.md 12) that a client that only reads must not notice. */
static const char *const readings[] = {
	"",
	"past-end = 6282\n",
	"past-end = 9000\n",
	"responses = 61xx\n",
	"responses = 6Cxx\n",
	"first-command = 6F00\n",
	"extended = no\n",
	"extended = no\nchaining = no\n",
	"extended = no\nresponses = 61xx\n",
	"extended = no\nresponses = 6Cxx\npast-end = 9000\n",
	"max-read = 100\n",
	"max-read = 16\npast-end = 9000\n",
	"max-read = 231\nextended = no\n",
	"max-response = 258\nmax-command = 261\n",
	"max-response = 400\n",
	"query-5-bytes = 6700\n",
	"reselect = keep\n",
	"blocked-query = 6984\nblocked-verify = 6983\n",
};

#endif
