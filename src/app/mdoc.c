/* SPDX-License-Identifier: Apache-2.0 */
/* Mobile credentials on a phone: engagement and data transfer by NFC, mdoc.md 1.4. */
#include <fuda/mdoc.h>

#include <stdlib.h>

#include "app/app.h"
#include "card/envelope.h"
#include "card/tag.h"
#include "mdoc/handover.h"

const struct app app_mdoc = { &aid_mdoc };

/* Before a phone said how it wants to be waited for. */
enum { FIRST_WAIT_MS = 10, FIRST_LOOKS = 10 };

struct fuda_mdoc_phone {
	struct fuda_card *card;
	struct fuda_mdoc_handover handover;
	struct fuda_buf select, request; /* what it refers to */
	uint32_t epoch;                  /* of the card since engagement */
	int over;                        /* the error that ended the exchange, or 0 */
};

/* ---- life ---- */

static int phone_new(struct fuda_card *c, struct fuda_deadline *dl, struct fuda_mdoc_phone **ret)
{
	struct fuda_mdoc_phone *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return ctx_fail_code(c->ctx, FUDA_ENOMEM);
	r = fuda_card_begin(c, dl);
	if (r < 0) {
		free(p);
		return r;
	}
	p->card = c;
	p->select = FUDA_BUF_INIT(HANDOVER_MAX);
	p->request = FUDA_BUF_INIT(HANDOVER_MAX);
	*ret = p;
	return 0;
}

void fuda_mdoc_phone_free(struct fuda_mdoc_phone **phone)
{
	struct fuda_mdoc_phone *p = *phone;

	if (!p)
		return;
	fuda_card_end(p->card);
	fuda_buf_free(&p->select);
	fuda_buf_free(&p->request);
	free(p);
	*phone = NULL;
}

const struct fuda_mdoc_handover *fuda_mdoc_phone_handover(const struct fuda_mdoc_phone *phone)
{
	return &phone->handover;
}

/* ---- failures ---- */

/* Says what to do where the phone failed to stay, or to answer. */
static int say(struct fuda_context *ctx, int error)
{
	static const int lost[] = { FUDA_EREMOVED, FUDA_ENOCARD, FUDA_EMUTE, FUDA_ETRANSPORT,
				    FUDA_ERESET };

	if (error == FUDA_ETIMEOUT)
		return ctx_fail(ctx, error,
				_("The phone was not ready in time, or its user has not consented. "
				  "Have it held to the reader again: the exchange starts anew."));
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		if (lost[i] != error)
			continue;
		ctx_log(ctx, FUDA_LOG_INFO, "the phone is lost: %s", fuda_context_message(ctx));
		return ctx_fail(ctx, FUDA_EREMOVED,
				_("The phone was taken away, or went silent, before this was over. "
				  "Have it held to the reader again: the exchange starts anew."));
	}
	return error;
}

/* ---- engagement ---- */

static int message_failed(struct fuda_context *ctx, int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{ FUDA_ENOTFOUND, N_("What lies on the reader does not offer mobile documents. "
				     "Have the phone's wallet opened first.") },
		{ FUDA_ENOTSUP, N_("The phone engages in a way, or a version, that is not known "
				   "here, or reports an error. Have its wallet opened again.") },
		{ FUDA_EFORMAT, N_("What the phone offers for engagement is malformed.") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].error == error)
			return ctx_fail(ctx, error, "%s", _(texts[i].text));
	return ctx_fail_code(ctx, error);
}

static struct cursor bytes_of(const struct fuda_buf *b)
{
	return cur_of(b->data, b->len);
}

/* Writes a message and reads what the phone answers to it. */
static int converse(const struct tag *tag, const struct handover_service *service,
		    const struct fuda_buf *message, struct fuda_deadline *dl,
		    struct fuda_buf *ret_answer)
{
	struct fuda_context *ctx = tag->card->ctx;
	int r;

	if (message->len > service->max_length)
		return ctx_fail(ctx, FUDA_ETOOBIG,
				_("The phone has no room for what has to be written to it."));
	r = tag_write(tag, bytes_of(message), dl);
	if (r < 0)
		return r;
	r = deadline_sleep(dl, service->wait_ms);
	if (r < 0)
		return ctx_fail_code(ctx, r);
	return tag_read(tag, service->wait_ms, service->looks, dl, ret_answer);
}

/* A status where the phone is ready says 0; where one is not expected it tells why there is nothing
 * else. */
static int check_status(struct fuda_context *ctx, const struct fuda_buf *message, bool expected)
{
	uint8_t status = 0;
	int r = handover_read_status(bytes_of(message), &status);

	if (r == FUDA_ENOTFOUND && !expected)
		return 0;
	if (r < 0)
		return message_failed(ctx, FUDA_EFORMAT);
	if (status)
		return ctx_fail(ctx, FUDA_ESW,
				_("The phone refuses the handover (TNEP status %02X). Have its "
				  "wallet opened again."),
				status);
	return 0;
}

/* Negotiated handover: selects the service and requests NFC. */
static int negotiate(const struct tag *tag, const struct handover_service *service,
		     struct fuda_deadline *dl, struct fuda_mdoc_phone *p)
{
	struct fuda_context *ctx = tag->card->ctx;
	const struct envelope_limits own =
		envelope_limit(tag->card,
			       (struct envelope_limits){ APDU_COMMAND_MAX, APDU_RESPONSE_MAX });
	_cleanup_buf_ struct fuda_buf select = FUDA_BUF_INIT(HANDOVER_MAX);
	_cleanup_buf_ struct fuda_buf status = FUDA_BUF_INIT(HANDOVER_MAX);
	int r = handover_put_service_select(&select);

	if (r == 0)
		r = handover_put_request(own.command, own.response, &p->request);
	if (r < 0)
		return ctx_fail_code(ctx, r);
	r = converse(tag, service, &select, dl, &status);
	if (r == 0)
		r = check_status(ctx, &status, true);
	if (r == 0)
		r = converse(tag, service, &p->request, dl, &p->select);
	return r < 0 ? r : check_status(ctx, &p->select, false);
}

static int take_select(struct fuda_mdoc_phone *p)
{
	struct fuda_context *ctx = p->card->ctx;
	struct fuda_mdoc_handover *h = &p->handover;
	struct envelope_limits limits;
	struct handover said;
	int r = handover_read_select(bytes_of(&p->select), &said);

	if (r < 0)
		return message_failed(ctx, r);
	if (!(said.carriers & FUDA_MDOC_NFC))
		return ctx_fail(ctx, FUDA_ENOTSUP,
				_("The phone offers no NFC to go on with, but only ways that are "
				  "not "
				  "taken here, as Bluetooth. Have NFC allowed in its wallet."));
	limits = envelope_limit(p->card,
				(struct envelope_limits){ said.max_command, said.max_response });
	h->carriers = said.carriers;
	h->max_command = limits.command;
	h->max_response = limits.response;
	h->engagement = (struct fuda_mdoc_span){ said.engagement.p, said.engagement.left };
	h->select = (struct fuda_mdoc_span){ p->select.data, p->select.len };
	h->request = (struct fuda_mdoc_span){ p->request.data, p->request.len };
	return 0;
}

static int engage(struct fuda_mdoc_phone *p, struct fuda_deadline *dl)
{
	struct fuda_context *ctx = p->card->ctx;
	_cleanup_buf_ struct fuda_buf first = FUDA_BUF_INIT(HANDOVER_MAX);
	struct handover_service service;
	struct tag tag;
	int r = tag_open(p->card, dl, &tag);

	if (r == FUDA_ENOTFOUND)
		return message_failed(ctx, r);
	if (r < 0)
		return r;
	p->epoch = tag.epoch;
	r = tag_read(&tag, FIRST_WAIT_MS, FIRST_LOOKS, dl, &first);
	if (r < 0)
		return r;
	r = handover_read_service(bytes_of(&first), &service);
	if (r == 0)
		r = negotiate(&tag, &service, dl, p);
	else if (r != FUDA_ENOTFOUND)
		return message_failed(ctx, r);
	else if ((r = fuda_buf_set(&p->select, first.data, first.len)) < 0)
		return ctx_fail_code(ctx, r);
	return r < 0 ? r : take_select(p);
}

int fuda_mdoc_phone_engage(struct fuda_card *card, struct fuda_deadline *dl,
			   struct fuda_mdoc_phone **ret)
{
	_cleanup_(fuda_mdoc_phone_free) struct fuda_mdoc_phone *p = NULL;
	int r = phone_new(card, dl, &p);

	if (r < 0)
		return r;
	ctx_step(card->ctx, _("engage the phone"));
	r = engage(p, dl);
	if (r < 0)
		return say(card->ctx, r);
	*ret = p;
	p = NULL;
	return 0;
}

int fuda_mdoc_phone_engaged(struct fuda_card *card, size_t max_command, size_t max_response,
			    struct fuda_deadline *dl, struct fuda_mdoc_phone **ret)
{
	struct fuda_mdoc_phone *p;
	struct envelope_limits limits =
		envelope_limit(card, (struct envelope_limits){ max_command, max_response });
	int r = phone_new(card, dl, &p);

	if (r < 0)
		return r;
	p->epoch = card->reader->epoch;
	p->handover.carriers = FUDA_MDOC_NFC;
	p->handover.max_command = limits.command;
	p->handover.max_response = limits.response;
	*ret = p;
	return 0;
}

/* ---- exchange ---- */

/* Whatever reset the phone, its session is gone. */
static int check_epoch(const struct fuda_mdoc_phone *p)
{
	return p->epoch == p->card->reader->epoch ? 0 : ctx_fail_code(p->card->ctx, FUDA_ERESET);
}

static int exchange(struct fuda_mdoc_phone *p, struct cursor message, struct fuda_deadline *dl,
		    struct fuda_buf *ret_answer)
{
	const struct envelope_limits limits = { p->handover.max_command, p->handover.max_response };
	struct fuda_card *c = p->card;
	int r = check_epoch(p);

	if (r < 0)
		return r;
	r = card_select(c, &aid_mdoc, dl); /* the first time */
	if (r == FUDA_ENOTFOUND)
		return ctx_fail_sw(c->ctx, r, fuda_context_sw(c->ctx),
				   _("The phone does not give mobile documents by NFC. Have its "
				     "wallet opened, and NFC allowed there."));
	if (r == 0)
		r = check_epoch(p);
	if (r < 0)
		return r;
	return card_envelope(c, limits, message, dl, ret_answer);
}

int fuda_mdoc_phone_exchange(struct fuda_mdoc_phone *p, const uint8_t *message, size_t len,
			     struct fuda_deadline *dl, struct fuda_buf *ret_answer)
{
	struct fuda_context *ctx = p->card->ctx;
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	int r;

	ctx_step(ctx, _("exchange messages with the phone"));
	if (!len || len > ENVELOPE_MAX)
		return ctx_fail(ctx, FUDA_EINVAL, _("A message has 1 to %d bytes, not %zu."),
				ENVELOPE_MAX, len);
	if (p->over)
		return ctx_fail(ctx, p->over,
				_("The exchange with this phone is over. Have it held to the "
				  "reader "
				  "again: it starts anew."));
	r = exchange(p, cur_of(message, len), dl, &answer);
	if (r == 0 && ret_answer && (r = fuda_buf_append(ret_answer, answer.data, answer.len)) < 0)
		(void)ctx_fail_code(ctx, r);
	if (r < 0)
		p->over = r = say(ctx, r);
	return r;
}
