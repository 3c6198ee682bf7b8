/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/phone.h"

#include <stdio.h>
#include <string.h>
#include <fuda/reader.h>

#include "tools/report.h"

enum {
	END_MS = 1500, /* for the end of the session to be heard */
	NAMES_SIZE = 512,
};

void phone_talk_free(struct phone_talk *talk)
{
	fuda_mdoc_reader_free(&talk->reader);
	fuda_buf_free(&talk->request);
	fuda_buf_free(&talk->response);
}

struct fuda_mdoc_session phone_session(const struct phone_talk *talk)
{
	return (struct fuda_mdoc_session){
		.transcript = fuda_mdoc_reader_transcript(talk->reader),
		.reader = fuda_mdoc_reader_key(talk->reader),
		.request = { talk->request.data, talk->request.len },
	};
}

/* ---- waiting for it ---- */

/* Until something is put on a reader; which one is looked at then. What lies there when the watch
 * begins counts as put there, so that nothing is missed. `lost`: there was one that went too early.
 */
static int wait_for_event(struct call *call, struct fuda_reader_watch **watch, bool lost)
{
	struct fuda_reader_event event;
	int r = *watch ? 0 : fuda_reader_watch_new(call->ctx, watch);

	while (r == 0) {
		r = fuda_reader_watch_next(*watch, call->dl, &event);
		if (r == 0 && event.kind == FUDA_CARD_INSERTED)
			return 0;
	}
	if (r == FUDA_ETIMEOUT)
		return call_fail(call, r, "%s",
				 lost ? _("The phone was taken away before it had answered, and "
					  "did not come back in time. Begin again, and hold it "
					  "there until it is done; --timeout gives more time.") :
					_("No phone came to the reader in time. Begin again, and "
					  "hold it there; --timeout gives more time."));
	return r;
}

/* ---- finding it ---- */

/* Either its wallet is not open, or it is no phone. */
static int no_phone(struct call *call, const char *readers)
{
	return call_fail(call, FUDA_ENOTFOUND,
			 _("What lies on %s does not offer mobile documents. If it is the phone, "
			   "have its wallet opened, and NFC allowed there; if it is a card, take "
			   "it away, or name the phone's reader (--reader)."),
			 readers);
}

/* Whether what was opened is a phone, by one SELECT (mdoc.md 1.4): a card does not know the
 * application, and is left alone. */
static int probe(struct call *call, const struct phone_talk *talk)
{
	static const uint8_t ndef[] = "\x00\xA4\x04\x00\x07\xD2\x76\x00\x00\x85\x01\x01",
			     mdoc[] = "\x00\xA4\x04\x00\x07\xA0\x00\x00\x02\x48\x04\x00";
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	uint8_t sw1;
	/* with the 00 behind a literal as its Le */
	int r = fuda_card_transmit(call->card, talk->engagement.len ? mdoc : ndef, sizeof(ndef),
				   call->dl, &answer);

	if (r < 0)
		return r;
	sw1 = answer.len < 2 ? 0 : answer.data[answer.len - 2];
	return sw1 == 0x90 || sw1 == 0x61 ? 0 : FUDA_ENOTFOUND;
}

/* What does not answer now may be the phone, which is said if no other is; what is gone is not. */
static int note_failure(struct call *call, const char *reader, int code)
{
	if (code == FUDA_ENOTFOUND || code == FUDA_EREMOVED || code == FUDA_ENOCARD)
		return 0;
	return call_fail(call, code, "%s: %s", reader, fuda_context_message(call->ctx));
}

/* Of the readers on which something lies the first with a phone. */
static int open_first_phone(struct call *call, const struct fuda_reader_list *list,
			    const struct phone_talk *talk)
{
	const struct fuda_reader_info *info;
	char names[NAMES_SIZE] = "";
	int failed = 0;

	for (size_t i = 0; (info = fuda_reader_list_get(list, i)); i++) {
		size_t len = strlen(names);
		int r;

		if (!info->card)
			continue;
		snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", info->name);
		r = fuda_card_open(call->ctx, info->name, call->dl, &call->card);
		if (r == 0)
			r = probe(call, talk);
		if (r == 0) {
			report_text(call->report, _("Reader"), "reader", info->name);
			call->message[0] = '\0';
		}
		if (r == 0 || r == FUDA_ETIMEOUT || r == FUDA_ECANCELLED || r == FUDA_ENOMEM)
			return r;
		if (!failed)
			failed = note_failure(call, info->name, r);
		if (call->card)
			call_close_card(call);
	}
	return failed ? failed : no_phone(call, names);
}

/* With one thing on the readers there is nothing to choose, nor with a name. */
static int open_any(struct call *call, const struct phone_talk *talk)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *list = NULL;
	const struct fuda_reader_info *info;
	size_t things = 0;
	int r = common.reader ? 0 : fuda_reader_list_new(call->ctx, call->dl, &list);

	if (r < 0)
		return r;
	for (size_t i = 0; list && (info = fuda_reader_list_get(list, i)); i++)
		things += info->card;
	return things > 1 ? open_first_phone(call, list, talk) : call_open_card(call);
}

int phone_open(struct call *call, const struct phone_talk *talk)
{
	_cleanup_(fuda_reader_watch_free) struct fuda_reader_watch *watch = NULL;
	bool told = false;
	int r;

	while ((r = open_any(call, talk)) == FUDA_ENOCARD || r == FUDA_EREMOVED) {
		if (!told)
			fputs(_("Hold the phone to the reader.\n"), stderr);
		told = true;
		r = wait_for_event(call, &watch, false);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- talking ---- */

static int engage(struct call *call, struct phone_talk *talk, struct fuda_mdoc_phone **ret)
{
	struct fuda_mdoc_span engagement = talk->engagement, select = { 0 }, request = { 0 };
	size_t max_command = 0, max_response = 0;
	int r = 0;

	if (engagement.len) {
		r = fuda_mdoc_engagement_nfc(call->ctx, engagement, &max_command, &max_response);
		if (r == 0)
			r = fuda_mdoc_phone_engaged(call->card, max_command, max_response, call->dl,
						    ret);
	} else {
		r = fuda_mdoc_phone_engage(call->card, call->dl, ret);
	}
	if (r == 0 && !engagement.len) {
		const struct fuda_mdoc_handover *h = fuda_mdoc_phone_handover(*ret);

		engagement = h->engagement;
		select = h->select;
		request = h->request;
	}
	return r < 0 ? r :
		       fuda_mdoc_reader_new(call->ctx, engagement, select, request, talk->key,
					    &talk->reader);
}

/* A phone that showed another code, or none, refuses the session or cannot open it. */
static int explain(struct call *call, const struct phone_talk *talk, int code)
{
	if (!talk->engagement.len || (code != FUDA_ESW && code != FUDA_EFAILED))
		return code;
	return call_fail(call, code,
			 _("The phone does not answer to this QR code: it is another phone's, or "
			   "an old one. Have the phone show a new one, and read that."));
}

static int ask(struct call *call, struct phone_talk *talk, struct fuda_mdoc_phone *phone)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(PHONE_MESSAGE_MAX);
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(PHONE_MESSAGE_MAX);
	int r = fuda_mdoc_request(call->ctx, talk->wishes, talk->wish_count, talk->identity,
				  fuda_mdoc_reader_transcript(talk->reader), &talk->request);

	if (r == 0)
		r = fuda_mdoc_reader_ask(talk->reader, talk->request.data, talk->request.len,
					 &message);
	if (r < 0)
		return r;
	r = fuda_mdoc_phone_exchange(phone, message.data, message.len, call->dl, &answer);
	if (r == 0)
		r = fuda_mdoc_reader_take(talk->reader, answer.data, answer.len, &talk->response);
	return explain(call, talk, r);
}

/* The answer is there: that the phone does not hear the end of it matters to nobody, and takes
 * nobody's time, which a phone that just went would else take whole. ^C does not reach into it. */
static void end(struct phone_talk *talk, struct fuda_mdoc_phone *phone)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(PHONE_MESSAGE_MAX);
	_cleanup_(fuda_deadline_free) struct fuda_deadline *dl = NULL;

	if (fuda_mdoc_reader_end(talk->reader, &message) == 0 &&
	    fuda_deadline_new(END_MS, &dl) == 0)
		fuda_mdoc_phone_exchange(phone, message.data, message.len, dl, NULL);
}

static int try_talk(struct call *call, struct phone_talk *talk)
{
	_cleanup_(fuda_mdoc_phone_free) struct fuda_mdoc_phone *phone = NULL;
	int r = engage(call, talk, &phone);

	if (r == 0)
		r = ask(call, talk, phone);
	if (r == 0)
		end(talk, phone);
	return r;
}

int phone_talk(struct call *call, struct phone_talk *talk)
{
	int r = try_talk(call, talk);

	if (r == FUDA_ENOTFOUND && (!talk->reader || talk->engagement.len))
		return no_phone(call, fuda_card_reader(call->card));
	return r;
}

/* ---- behind a card ---- */

int phone_reader_there(struct call *call, const char *reader)
{
	static const int empty[] = { FUDA_ENOCARD, FUDA_EMUTE, FUDA_EREMOVED };
	_cleanup_(fuda_card_free) struct fuda_card *card = NULL;
	int r = fuda_card_open(call->ctx, reader, call->dl, &card);

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		if (r == empty[i])
			return 0;
	return r;
}

/* Whether what there was is no phone that talks, so that one may still come. */
static bool may_come(const struct phone_talk *talk, int code)
{
	static const int codes[] = { FUDA_ENOCARD, FUDA_EMUTE, FUDA_EREMOVED, FUDA_ENOTFOUND };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (code == codes[i])
			return !talk->reader;
	return false;
}

static int try_follow(struct call *call, const char *reader, struct phone_talk *talk)
{
	int r;

	if (call->card)
		call_close_card(call);
	r = fuda_card_open(call->ctx, reader, call->dl, &call->card);
	return r < 0 ? r : try_talk(call, talk);
}

/* Whose phone it is nobody else looks at: rule-mdoc.h. */
static void tell_to_hold(const char *own_reader, bool something_there)
{
	if (own_reader && something_there)
		fprintf(stderr,
			_("What lies on %s shows no mobile credential: hold the holder's own "
			  "phone there, with its wallet open.\n"),
			own_reader);
	else if (own_reader)
		fprintf(stderr, _("Hold the holder's own phone to %s, with its wallet open.\n"),
			own_reader);
	else if (something_there)
		fputs(_("Take the card away and hold the holder's own phone to the reader, with "
			"its wallet open.\n"),
		      stderr);
	else
		fputs(_("Hold the holder's own phone to the reader, with its wallet open.\n"),
		      stderr);
}

int phone_follow(struct call *call, const char *card_reader, const char *own_reader,
		 struct phone_talk *talk)
{
	_cleanup_(fuda_reader_watch_free) struct fuda_reader_watch *watch = NULL;
	const char *reader = own_reader ? own_reader : card_reader;
	bool told = false;
	int r;

	while (may_come(talk, r = try_follow(call, reader, talk))) {
		if (!told)
			tell_to_hold(own_reader, r == FUDA_ENOTFOUND);
		told = true;
		r = wait_for_event(call, &watch, r == FUDA_EREMOVED || r == FUDA_EMUTE);
		if (r < 0)
			return r;
	}
	if (r == 0)
		report_text(call->report, _("Reader of the phone"), "phone_reader",
			    fuda_card_reader(call->card));
	return r;
}
