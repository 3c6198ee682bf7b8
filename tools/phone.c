/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/phone.h"

#include <stdio.h>
#include <string.h>
#include <fuda/reader.h>

#include "tools/report.h"

enum { END_MS = 1500 /* for the end of the session to be heard */ };

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

int phone_open(struct call *call)
{
	_cleanup_(fuda_reader_watch_free) struct fuda_reader_watch *watch = NULL;
	bool told = false;
	int r;

	while ((r = call_open_card(call)) == FUDA_ENOCARD || r == FUDA_EREMOVED) {
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

int phone_talk(struct call *call, struct phone_talk *talk)
{
	_cleanup_(fuda_mdoc_phone_free) struct fuda_mdoc_phone *phone = NULL;
	int r = engage(call, talk, &phone);

	if (r == 0)
		r = ask(call, talk, phone);
	if (r == 0)
		end(talk, phone);
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
	return r < 0 ? r : phone_talk(call, talk);
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
