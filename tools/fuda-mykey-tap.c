/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

#include <string.h>
#include <fuda/face.h>
#include <fuda/reader.h>

#include "tools/report.h"
#include "tools/secrets.h"

static const char *sector;
static bool enter, leave;

/* ---- registering ---- */

/* The card's face, opened by the birth date's key, for the same digest that the holder signed. */
static int read_face(struct call *call, const struct fuda_digest *digest, struct fuda_secret *birth,
		     struct fuda_face_records *records, int *ret_tries)
{
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(birth);
	struct fuda_face_request request = {
		.age = true, .with = FUDA_PIN_BIRTH, .pin = &entry, .challenge = digest->bytes
	};
	int r;

	entry.use_last_try = common.use_last_try;
	r = fuda_face_read(call->card, &request, call->dl, records);
	/* a VERIFY that was right makes the counter what it is when nothing was spent */
	if (r == 0)
		r = fuda_pin_tries(call->card, FUDA_PIN_BIRTH, call->dl, &entry.tries_after);
	if (entry.tries_after != FUDA_TRIES_UNKNOWN)
		report_number(call->report, NULL, "birth_tries_after", entry.tries_after);
	if (r == 0 && entry.tries_after < 2)
		r = call_fail(call, FUDA_ENOTSUP,
			      _("the card does not say how often the birth date's key may be "
				"tried, so it cannot be used without its PIN"));
	*ret_tries = entry.tries_after;
	return r;
}

static int ask_to_enter(struct call *call, struct fuda_mykey *mykey, const struct mykey_signed *s,
			const struct fuda_mykey_face *face)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_TAP_REGISTER, .face = face };
	int r = mykey_ask(call, mykey, &wish, s);

	if (r == 0)
		report_flag(call->report, _("Registered"), "registered", true);
	return r;
}

/* The PIN, and then the birth date's key, which the service has to be told: that is typed here, and
 * before a PIN that the reader asks for in the middle of the job. */
static int ask_both(struct call *call, struct fuda_secret **ret_pin, struct fuda_secret **ret_birth)
{
	struct fuda_secret *pin = NULL, *birth = NULL;
	bool last = secret_on_reader(call, FUDA_PIN_AUTH);
	int r = last ? 0 : secret_ask(call, FUDA_PIN_AUTH, "jpki", &pin);

	if (r == 0)
		r = secret_ask_here(call, FUDA_PIN_BIRTH, "face", &birth);
	if (r == 0 && last)
		r = secret_ask(call, FUDA_PIN_AUTH, "jpki", &pin);
	if (r < 0) {
		fuda_secret_free(&pin);
		fuda_secret_free(&birth);
		return r;
	}
	*ret_pin = pin;
	*ret_birth = birth;
	return 0;
}

/* Nothing is asked of the person before the service has shown that this terminal may do it. */
static int work_enter(struct call *call, struct fuda_mykey *mykey,
		      const struct fuda_mykey_wish *wish)
{
	_cleanup_(mykey_signed_free) struct mykey_signed s = MYKEY_SIGNED_INIT;
	_cleanup_(fuda_face_records_free) struct fuda_face_records records = FUDA_FACE_RECORDS_INIT;
	struct fuda_mykey_face face = { .age = &records.age,
					.certificate = &records.certificate,
					.signature = &records.response.signature };
	struct fuda_secret *pin, *birth = NULL;
	int r = mykey_challenge(call, mykey, wish, &s);

	if (r == 0)
		r = secret_expect(call, 2);
	if (r == 0)
		r = mykey_open_card(call, &s);
	if (r == 0)
		r = ask_both(call, &pin, &birth);
	if (r == 0)
		r = mykey_sign(call, mykey, wish, pin, &s);
	if (r == 0)
		r = read_face(call, &s.digest, birth, &records, &face.tries);
	face.birth = birth;
	if (r == 0)
		r = ask_to_enter(call, mykey, &s, &face);
	fuda_secret_free(&birth);
	return r;
}

/* ---- the tap ---- */

/* How often cards came and went in the reader, 0 if nobody counts. */
static uint32_t events_of(struct call *call)
{
	struct fuda_reader_list *list;
	const struct fuda_reader_info *info;
	uint32_t events = 0;

	if (fuda_reader_list_new(call->ctx, call->dl, &list) < 0)
		return 0;
	for (size_t i = 0; (info = fuda_reader_list_get(list, i)); i++)
		if (strcmp(info->name, fuda_card_reader(call->card)) == 0)
			events = info->events;
	fuda_reader_list_free(&list);
	return events;
}

/* The birth date's key goes from the service to the card, and nowhere else. */
static int sign_by_face(struct call *call, struct fuda_secret *birth, int tries,
			const struct fuda_digest *digest, struct fuda_buf *ret, bool *ret_sent)
{
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(birth);
	int r;

	entry.tries_least = tries;
	session_restart(call);
	r = fuda_face_tap(call->card, &entry, digest->bytes, call->dl, ret);
	*ret_sent = entry.sent;
	return secret_outcome(call, FUDA_PIN_BIRTH, &entry, r);
}

static int sign(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
		struct mykey_signed *s, bool *ret_sent)
{
	struct fuda_mykey_answer answer = { .tries_left = -1 };
	struct fuda_secret *birth = NULL;
	struct fuda_digest digest;
	int tries, r;

	session_restart(call);
	r = fuda_mykey_tap_start(mykey, &s->certificate, wish->sector, call->dl, &answer,
				 &birth, &tries, &digest);
	if (r < 0)
		return mykey_judge(call, wish, &answer, r);
	r = sign_by_face(call, birth, tries, &digest, &s->signature, ret_sent);
	fuda_secret_free(&birth);
	return r;
}

static int work_tap(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish)
{
	_cleanup_(mykey_signed_free) struct mykey_signed s = MYKEY_SIGNED_INIT;
	uint32_t events = 0;
	bool sent = false;
	int r = call_open_card(call);

	if (r == 0) {
		events = events_of(call);
		r = fuda_mykey_tap_claim(mykey, fuda_card_reader(call->card), events);
	}
	if (r < 0)
		return r;
	r = fuda_jpki_certificate(call->card, FUDA_JPKI_AUTH, NULL, call->dl, &s.certificate);
	if (r == 0)
		r = sign(call, mykey, wish, &s, &sent);
	if (!sent)
		fuda_mykey_tap_release(mykey, fuda_card_reader(call->card), events);
	return r < 0 ? r : mykey_ask(call, mykey, wish, &s);
}

static int run(struct call *call)
{
	struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_TAP, .sector = sector };
	int r = call_operands(call, 0, 0);

	if (r == 0 && enter + leave + (sector != NULL) > 1)
		r = call_usage(call, _("--register, --unregister and --sector exclude each other"));
	if (r < 0)
		return r;
	if (leave) {
		wish.purpose = FUDA_MYKEY_TAP_UNREGISTER;
		return mykey_run(call, &wish);
	}
	if (enter)
		wish.purpose = FUDA_MYKEY_TAP_REGISTER;
	return mykey_run_by(call, &wish, enter ? work_enter : work_tap);
}

static const struct option_spec options[] = {
	MYKEY_SECTOR_OPTION(&sector),
	{ "register", 0, NULL, N_("let this card be used without its PIN from now on"),
	  OPTION_SWITCH, &enter },
	{ "unregister", 0, NULL, N_("end that"), OPTION_SWITCH, &leave },
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_tap = {
	.name = "mykey tap",
	.summary = N_("tell the pseudonym of a holder who is there, without a PIN"),
	.synopsis = "",
	.options = options,
	.flags = MYKEY_FLAGS,
	.run = run,
};
