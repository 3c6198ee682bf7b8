/* SPDX-License-Identifier: Apache-2.0 */
/* Records read with every fault at every command: one VERIFY at the most, no try lost, nothing handed
 * out that is not whole, the card without power afterwards. */
#include <string.h>
#include <fuda/common.h>
#include <fuda/face.h>
#include <fuda/text.h>

#include "base/deadline.h"
#include "tests/session.h"

enum { DEADLINE_MS = 80 };

static const char *const kinds[] = {
	"removed",   "pulled",	"gone",	   "reset",    "lostreset", "mute",	   "unreached",
	"truncated", "sw=6F00", "sw=6700", "sw=6982",  "sw=6A82",   "sw=6D00",	   "answer=9000",
	"late=20",   "answer=6CFF", "answer=6110", "answer=DEAD9000",
	"truncated=4", "garbled=1", "garbled=2", "oversized=16", "duplicated",
};

struct job {
	const char *what, *settings, *secret;
	enum fuda_pin pin;
	const char *application;
	int commands, full;
	int (*read)(struct session *s, bool *ret_good);
};

static int read_text(struct session *s, bool secure, bool *ret_good)
{
	const struct fuda_text_request q = { .my_number = true,
					     .attributes = true,
					     .secure_messaging = secure,
					     .with = FUDA_PIN_TEXT,
					     .pin = &s->entry };
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	struct fuda_verdict verdict;
	int r = fuda_text_read(s->card, &q, s->dl, &records);

	*ret_good = r == 0 && fuda_text_verify(s->trust, &records, &verdict) == 0 &&
		    verdict.result == FUDA_RESULT_OK;
	assert_int_equal(records.certificate.len != 0, r == 0);
	assert_int_equal(records.my_number.len != 0, r == 0);
	assert_int_equal(records.attributes.len != 0, r == 0);
	assert_int_equal(records.response.signature.len, r == 0 ? 256 : 0);
	fuda_text_records_free(&records);
	return r;
}

static int read_in_the_clear(struct session *s, bool *ret_good)
{
	return read_text(s, false, ret_good);
}

static int read_encrypted(struct session *s, bool *ret_good)
{
	return read_text(s, true, ret_good);
}

static int read_face(struct session *s, bool *ret_good)
{
	const struct fuda_face_request q = { .face = true, .with = FUDA_PIN_B, .pin = &s->entry };
	struct fuda_face_records records = FUDA_FACE_RECORDS_INIT;
	struct fuda_verdict verdict;
	int r = fuda_face_read(s->card, &q, s->dl, &records);

	*ret_good = r == 0 && fuda_face_verify(s->trust, &records, &verdict) == 0 &&
		    verdict.result == FUDA_RESULT_OK;
	assert_int_equal(records.face.len != 0, r == 0);
	fuda_face_records_free(&records);
	return r;
}

static const struct job jobs[] = {
	{ "text", "", "1234", FUDA_PIN_TEXT, "text", 11, 3, read_in_the_clear },
	{ "text, short", "extended = no\n", "1234", FUDA_PIN_TEXT, "text", 17, 3, read_in_the_clear },
	{ "text, encrypted", "", "1234", FUDA_PIN_TEXT, "text", 16, 3, read_encrypted },
	{ "face", "", SAMPLE_B, FUDA_PIN_B, "face", 9, 10, read_face },
};

/* What the card itself says. */
static int counter(const struct job *job)
{
	struct fuda_pin_counter counters[FUDA_PIN_COUNTERS_MAX];
	int tries = FUDA_TRIES_UNKNOWN;
	struct session s;
	size_t count;

	session_open(&s, NULL, job->secret);
	session_expect(&s, fuda_pin_counters(s.card, s.dl, counters, &count), 0);
	for (size_t i = 0; i < count; i++)
		if (counters[i].pin == job->pin && strcmp(counters[i].application, job->application) == 0)
			tries = counters[i].tries;
	session_close(&s);
	return tries;
}

/* Faults after which there may be other data than the card's, which only its signature shows. */
static bool forges_data(const char *kind)
{
	static const char *const forging[] = { "answer=", "garbled=", "oversized=", "duplicated" };

	for (size_t i = 0; i < ARRAY_SIZE(forging); i++)
		if (strncmp(kind, forging[i], strlen(forging[i])) == 0)
			return true;
	return false;
}

static void run(const struct job *job, const char *kind, int at, const char *forever)
{
	bool forges = forges_data(kind), good;
	unsigned long verifies;
	struct session s;
	char spec[64];
	int r;

	snprintf(spec, sizeof(spec), "%s@%d%s", kind, at, forever);
	session_open(&s, spec, job->secret);
	fuda_deadline_restart(s.dl, stage_ms(DEADLINE_MS));
	r = job->read(&s, &good);
	verifies = vcard_usage(session_vcard(&s)).verifies;
	if (getenv("VERBOSE"))
		print_message("%s: %s: %s, %lu VERIFY: %s\n", job->what, spec, fuda_error_name(r), verifies,
			      fuda_context_message(s.ctx));
	assert_in_range(verifies, 0, 1);
	if (verifies) {
		assert_true(s.entry.sent);
		assert_false(session_holds(&s, false));
	}
	if (r < 0)
		assert_string_not_equal(fuda_context_message(s.ctx), "");
	else
		assert_true(s.entry.sent && (good || forges));
	session_close(&s);
	assert_int_equal(counter(job), job->full);
}

static void survives(void **state)
{
	(void)state;
	for (size_t j = 0; j < ARRAY_SIZE(jobs); j++) {
		print_message("%s\n", jobs[j].what);
		softcard_write(jobs[j].settings);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			for (int at = 1; at <= jobs[j].commands; at++) {
				if (stage_takes())
					run(&jobs[j], kinds[k], at, "");
				if (strcmp(kinds[k], "mute") != 0 && strncmp(kinds[k], "late", 4) != 0 &&
				    stage_takes())
					run(&jobs[j], kinds[k], at, "+");
			}
		}
	}
}

/* Another program's reset before the secret is mended; after it, it is an error. */
static void goes_on_after_a_reset_before_the_secret(void **state)
{
	bool good;
	struct session s;

	(void)state;
	softcard_write("");
	session_need(&session_roomy);
	for (int at = 1; at <= 8; at++) {
		char spec[32];

		snprintf(spec, sizeof(spec), "reset@%d", at);
		session_open(&s, spec, "1234");
		session_expect(&s, read_in_the_clear(&s, &good), at <= 3 ? 0 : FUDA_ERESET);
		assert_int_equal(good, at <= 3);
		session_close(&s);
	}
}

/* What is free to read is mended wherever a reset falls. */
static void goes_on_with_what_is_free(void **state)
{
	static const char *const faults[] = { "reset", "sw=6F00" };
	struct fuda_common common;
	struct session s;

	(void)state;
	softcard_write("");
	for (int at = 1; at <= 3; at++) {
		char spec[32];

		snprintf(spec, sizeof(spec), "%s@%d", faults[0], at);
		session_open(&s, spec, "1234");
		session_expect(&s, fuda_common_read(s.card, s.dl, &common), 0);
		session_close(&s);
		snprintf(spec, sizeof(spec), "%s@%d", faults[1], at);
		session_open(&s, spec, "1234");
		session_expect(&s, fuda_common_read(s.card, s.dl, &common), at == 1 ? 0 : FUDA_ESW);
		session_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives),
		cmocka_unit_test(goes_on_after_a_reset_before_the_secret),
		cmocka_unit_test(goes_on_with_what_is_free),
	};

	return stage_run(tests, softcard_setup, softcard_teardown);
}
