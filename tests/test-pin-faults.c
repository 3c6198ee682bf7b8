/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever uses a secret on the software card, with every fault at every command: no second VERIFY
 * from any layer, no try lost beyond those reported, outcome unknown when the answer to VERIFY was
 * lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>
#include <fuda/face.h>
#include <fuda/jpki.h>
#include <fuda/text.h>

#include "base/deadline.h"
#include "card/card.h"
#include "tests/cmocka.h"
#include "tests/softcard.h"
#include "tests/stage.h"

enum { DEADLINE_MS = 40, PLENTY_MS = 10000 };

#define SECRETS                                                                                  \
	"secret.text-a = 123456789018\nsecret.text-b = 55021720352285\nsecret.birth = 550217\n" \
	"secret.face-a = 123456789018\nsecret.face-b = 55021720352285\n"

static struct fuda_context *ctx;

/* ---- what uses a secret ---- */

/* Appends something to `ret_data` if it succeeds, and nothing if not. */
typedef int use_fn(struct fuda_card *card, enum fuda_pin with, struct fuda_pin_entry *entry, struct fuda_deadline *dl,
		   struct fuda_buf *ret_data);

static int sign(struct fuda_card *card, enum fuda_pin with, struct fuda_pin_entry *entry, struct fuda_deadline *dl,
		struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf cert = FUDA_BUF_INIT(4096);
	const struct fuda_digest digest = { FUDA_SHA256, 32, { 1 } };

	return fuda_jpki_sign_digest(card, with == FUDA_PIN_AUTH ? FUDA_JPKI_AUTH : FUDA_JPKI_SIGN, &digest, entry, dl,
				     ret_data, &cert);
}

static int read_text(struct fuda_card *card, enum fuda_pin with, struct fuda_pin_entry *entry, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data)
{
	const struct fuda_text_request request = {
		.my_number = with != FUDA_PIN_B, .attributes = with != FUDA_PIN_A, .with = with, .pin = entry
	};
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	int r = fuda_text_read(card, &request, dl, &records);

	assert_int_equal(fuda_buf_append(ret_data, records.integrity.data, records.integrity.len), 0);
	fuda_text_records_free(&records);
	return r;
}

static int read_face(struct fuda_card *card, enum fuda_pin with, struct fuda_pin_entry *entry, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data)
{
	const struct fuda_face_request request = {
		.age = with == FUDA_PIN_BIRTH, .my_number = with == FUDA_PIN_A, .face = with == FUDA_PIN_B,
		.with = with, .pin = entry
	};
	struct fuda_face_records records = FUDA_FACE_RECORDS_INIT;
	int r = fuda_face_read(card, &request, dl, &records);

	assert_int_equal(fuda_buf_append(ret_data, records.certificate.data, records.certificate.len), 0);
	fuda_face_records_free(&records);
	return r;
}

/* As scripts do it: the secret for itself, then a command as it is. */
static int read_raw(struct fuda_card *card, enum fuda_pin with, struct fuda_pin_entry *entry, struct fuda_deadline *dl,
		    struct fuda_buf *ret_data)
{
	static const uint8_t read[] = { 0x00, 0xB0, 0x83, 0x00, 0x04 };
	_cleanup_job_ struct fuda_card *job = NULL;
	uint16_t sw = 0;
	int r = fuda_card_begin(card, dl);

	if (r < 0)
		return r;
	job = card;
	r = fuda_pin_verify(card, with, "text", entry, dl);
	if (r == 0)
		r = fuda_card_transmit(card, read, sizeof(read), dl, ret_data);
	if (r == 0 && apdu_take_sw(ret_data, &sw) < 0)
		r = ctx_fail_code(ctx, FUDA_EFORMAT);
	if (r == 0 && (sw != 0x9000 || !ret_data->len))
		r = ctx_fail_code(ctx, FUDA_ESW);
	if (r < 0)
		fuda_buf_clear(ret_data);
	return r;
}

struct use {
	const char *what;
	use_fn *use;
	enum fuda_pin pin;
	const char *right, *wrong;
	int tries;
	const struct aid *aid; /* where it is kept */
	const char *query;     /* for its counter */
};

static const struct use authentication = { "auth", sign, FUDA_PIN_AUTH, "1234", "4321", 3, &aid_jpki, "00200098" };
static const struct use uses[] = {
	{ "sign", sign, FUDA_PIN_SIGN, SAMPLE_SIGN, SAMPLE_SIGN_WRONG, 5, &aid_jpki, "0020009B" },
	{ "text", read_text, FUDA_PIN_TEXT, "1234", "4321", 3, &aid_text, "00200091" },
	{ "A in text", read_text, FUDA_PIN_A, "123456789018", "123456789019", 10, &aid_text, "00200094" },
	{ "B in text", read_text, FUDA_PIN_B, "55021720352285", "55021720352286", 10, &aid_text, "00200095" },
	{ "A in face", read_face, FUDA_PIN_A, "123456789018", "123456789019", 10, &aid_face, "00200093" },
	{ "B in face", read_face, FUDA_PIN_B, "55021720352285", "55021720352286", 10, &aid_face, "00200092" },
	{ "raw", read_raw, FUDA_PIN_B, "55021720352285", "55021720352286", 10, &aid_text, "00200095" },
	{ "birth", read_face, FUDA_PIN_BIRTH, "550217", "550218", 10, &aid_face, "00200091" },
};

/* ---- one run ---- */

struct outcome {
	int error;
	struct fuda_pin_entry entry;
	unsigned long verifies, apdus;
	size_t got;
	bool holds; /* what was verified */
	int left; /* what the card itself says */
};

/* The counter, from the card itself. */
static int ask_counter(struct vcard *v, const struct use *use)
{
	struct fuda_buf command = FUDA_BUF_INIT(64), answer = FUDA_BUF_INIT(300);
	char select[64] = "00A4040C0A";
	uint16_t sw = 0;

	vcard_power(v, false);
	vcard_power(v, true);
	fuda_hex_encode(use->aid->bytes, use->aid->len, select + strlen(select));
	assert_int_equal(fuda_hex_decode(select, &command), 0);
	assert_int_equal(vcard_transmit(v, command.data, command.len, &answer), 0);
	fuda_buf_free(&command);
	command = FUDA_BUF_INIT(64);
	assert_int_equal(fuda_hex_decode(use->query, &command), 0);
	assert_int_equal(vcard_transmit(v, command.data, command.len, &answer), 0);
	assert_int_equal(apdu_take_sw(&answer, &sw), 0);
	assert_int_equal(sw & 0xFFF0, 0x63C0);
	fuda_buf_free(&command);
	fuda_buf_free(&answer);
	return sw & 0x0F;
}

/* One job on a card as new, just inserted. `spec` is a fault or "". */
static struct outcome play(const struct use *use, bool right, const char *spec)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(4096);
	const char *pin = right ? use->right : use->wrong;
	struct outcome o = { 0 };
	struct fuda_deadline *dl;
	struct fuda_secret *secret;
	struct fuda_card *card;
	struct vcard *v;

	softcard_write(SECRETS);
	assert_int_equal(fuda_deadline_new(PLENTY_MS, &dl), 0);
	assert_int_equal(fuda_secret_new(pin, strlen(pin), &secret), 0);
	assert_int_equal(fuda_card_open(ctx, stage_insert(*spec ? spec : NULL), dl, &card), 0);
	fuda_deadline_restart(dl, *spec ? stage_ms(DEADLINE_MS) : PLENTY_MS);
	fuda_deadline_restart(card->closing, 0); /* the session is old: it must be started when it is needed */
	o.entry = FUDA_PIN_ENTRY(secret);
	o.error = use->use(card, use->pin, &o.entry, dl, &data);
	o.apdus = fuda_card_apdus(card).count;
	o.got = data.len;
	o.holds = o.entry.sent && stage_holds(card->reader, false);
	v = stage_withdraw(card->reader);
	o.verifies = vcard_usage(v).verifies;
	o.left = ask_counter(v, use);
	fuda_card_free(&card);
	stage_remove();
	fuda_secret_free(&secret);
	fuda_deadline_free(&dl);
	return o;
}

static const char *const kinds[] = {
	"removed", "pulled",  "gone",	 "reset",    "lostreset",  "mute",	  "unreached",
	"truncated", "sw=6F00", "sw=6700", "sw=6982",  "sw=6D00",    "answer=9000",
	"late=2",    "answer=6300", "answer=63C3", "answer=6CFF", "answer=6110", "answer=DEAD9000",
	"truncated=4", "garbled=1", "garbled=2", "oversized=16", "duplicated",
};

/* Faults that make the card seem to say something about the PIN. */
static bool forges(const char *kind)
{
	return strncmp(kind, "answer=63", 9) == 0 || strcmp(kind, "answer=9000") == 0 ||
	       strncmp(kind, "garbled", 7) == 0 || strcmp(kind, "duplicated") == 0;
}

static void check_run(const struct use *use, bool right, const char *kind, unsigned long at, const char *forever)
{
	const int full = use->tries;
	char spec[64];
	struct outcome o;

	snprintf(spec, sizeof(spec), "%s@%lu%s", kind, at, forever);
	o = play(use, right, spec);
	if (getenv("VERBOSE"))
		print_message("%s, %-20s %s: %s, %lu VERIFY, tries %d -> %d, card says %d\n", use->what, spec,
			      right ? "right" : "wrong", fuda_error_name(o.error), o.verifies, o.entry.tries_before,
			      o.entry.tries_after, o.left);

	/* never a second VERIFY from any layer, and none that is not admitted */
	assert_true(o.verifies <= 1);
	if (o.verifies)
		assert_true(o.entry.sent);
	/* the card lost a try only for a wrong PIN that it has seen */
	assert_int_equal(o.left, full - (!right && o.verifies ? 1 : 0));
	/* what is reported of the counter is so, unless the fault replaced the answer that told it
	 */
	if (o.entry.tries_after != FUDA_TRIES_UNKNOWN && !forges(kind))
		assert_int_equal(o.entry.tries_after, o.left);
	if (o.entry.tries_before != FUDA_TRIES_UNKNOWN && !forges(kind))
		assert_int_equal(o.entry.tries_before, full);
	/* success is success, and failure says something */
	assert_int_equal(o.got > 0, o.error == 0);
	if (o.error == 0)
		assert_true(right && o.verifies == 1);
	else
		assert_string_not_equal(fuda_context_message(ctx), "");
	/* an unknown outcome is one of a PIN that was sent; the card does not stay open after it */
	if (o.error == FUDA_EUNKNOWN)
		assert_true(o.entry.sent);
	if (o.entry.sent)
		assert_false(o.holds);
}

static void torture(const struct use *use, bool right)
{
	struct outcome plain = play(use, right, "");

	assert_int_equal(plain.error, right ? 0 : FUDA_EPINWRONG);
	assert_int_equal(plain.verifies, 1);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		/* some faults cost a command more */
		for (unsigned long at = 1; at <= plain.apdus + 1; at++) {
			if (stage_takes())
				check_run(use, right, kinds[i], at, "");
			/* "mute for ever" waits for two deadlines each time */
			if (strcmp(kinds[i], "mute") != 0 && stage_takes())
				check_run(use, right, kinds[i], at, "+");
		}
	}
}

static void right_and_wrong_for_authentication(void **state)
{
	(void)state;
	torture(&authentication, true);
	torture(&authentication, false);
}

static void right_and_wrong_for_all_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		print_message("%s\n", uses[i].what);
		torture(&uses[i], true);
		torture(&uses[i], false);
	}
}

/* Each way to lose the answer to VERIFY itself, with what must be known afterwards. */
static void lost_answers(void **state)
{
	static const struct {
		const char *kind;
		bool executed, counter_known;
	} rows[] = {
		{ "removed", false, false },  { "pulled", true, false },   { "gone", false, false },
		{ "lostreset", true, true }, { "mute", true, true },
		{ "unreached", false, true }, { "truncated", true, true },
	};
	struct outcome plain = play(&authentication, true, "");
	int verify = (int)plain.apdus - 1; /* VERIFY, signature */

	(void)state;
	assert_int_equal(plain.error, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char spec[32];
		struct outcome o;

		print_message("%s\n", rows[i].kind);
		snprintf(spec, sizeof(spec), "%s@%d", rows[i].kind, verify);
		o = play(&authentication, false, spec);
		assert_int_equal(o.error, FUDA_EUNKNOWN);
		assert_int_equal(fuda_error_exit_status(o.error), 10);
		assert_int_equal(o.verifies, rows[i].executed);
		assert_int_equal(o.entry.tries_before, 3);
		assert_int_equal(o.entry.tries_after,
				 !rows[i].counter_known ? FUDA_TRIES_UNKNOWN :
				 rows[i].executed	? 2 :
							  3);
	}
}

static int setup(void **state)
{
	/* nothing is remembered from one fault to the next */
	unsetenv("HOME");
	unsetenv("XDG_CACHE_HOME");
	return fuda_context_new(&ctx) < 0 ? -1 : softcard_setup(state);
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return softcard_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_answers),
		cmocka_unit_test(right_and_wrong_for_authentication),
		cmocka_unit_test(right_and_wrong_for_all_others),
	};

	return stage_run(tests, setup, teardown);
}
