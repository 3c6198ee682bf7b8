/* SPDX-License-Identifier: Apache-2.0 */
/* A session with a card: connecting, jobs, commands. */
#include "card/card.h"

#include <stdlib.h>
#include <string.h>

#include "card/extended.h"

enum {
	CLOSING_MS = 3000,  /* to power a card off and release it when the job's time is up */
	RESTORES_MAX = 3,   /* times a job starts over because of another program's reset */
	RESENDS_MAX = 2,    /* repeats of one command because of 6Cxx or a first 6F00 */
	SHORT_PIECE = 255,
	CLA_CHAINED = 0x10,
};

/* ---- open and close ---- */

int card_wrap(struct fuda_context *ctx, struct reader **reader, struct fuda_card **ret)
{
	struct fuda_card *c = calloc(1, sizeof(*c));

	if (!c || fuda_deadline_new(CLOSING_MS, &c->closing) < 0) {
		free(c);
		reader_close(reader);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	c->ctx = ctx;
	c->reader = *reader;
	c->epoch = c->reader->epoch;
	c->extended = extended_recall(c->reader);
	*ret = c;
	return 0;
}

static int open_named(struct fuda_context *ctx, const char *name, struct fuda_deadline *dl,
		      struct fuda_card **ret)
{
	struct reader *reader;
	int r = reader_open(ctx, name, dl, &reader);

	return r < 0 ? r : card_wrap(ctx, &reader, ret);
}

/* Opens the first reader of the list that holds a My Number card, asking each card. */
static int open_first_match(struct fuda_context *ctx, const struct fuda_reader_list *list,
			    struct fuda_deadline *dl, struct fuda_card **ret)
{
	int failed = 0;

	for (size_t i = 0; i < list->count; i++) {
		_cleanup_(fuda_card_free) struct fuda_card *c = NULL;
		int r = 0;

		if (!list->items[i].card || list->items[i].mute)
			continue;
		r = open_named(ctx, list->items[i].name, dl, &c);
		if (r == 0)
			r = fuda_card_probe(c, dl);
		if (r == FUDA_ETIMEOUT || r == FUDA_ECANCELLED || r == FUDA_ENOMEM)
			return r;
		if (r == 0) {
			ctx_keep_error(ctx, false);
			*ret = c;
			c = NULL;
			return 0;
		}
		/* A card that could not be asked may have been the one. */
		if (r != FUDA_EWRONGCARD && !failed) {
			failed = r;
			ctx_keep_error(ctx, true);
		}
	}
	ctx_keep_error(ctx, false);
	if (failed)
		return failed;
	return ctx_fail(ctx, FUDA_EWRONGCARD,
			_("There are cards in several readers, and none of them answers as a My "
			  "Number card."));
}

static int open_any(struct fuda_context *ctx, struct fuda_deadline *dl, struct fuda_card **ret)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *list = NULL;
	const struct fuda_reader_info *found = NULL;
	size_t cards = 0;
	int r = fuda_reader_list_new(ctx, dl, &list);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].card) {
			found = &list->items[i];
			cards++;
		}
	}
	if (!list->count)
		return ctx_fail(ctx, FUDA_ENOREADER,
				_("No card reader is connected. Plug one in; \"fuda doctor\" finds "
				  "out why one is not seen."));
	if (!cards && list->count > 1)
		return ctx_fail(ctx, FUDA_ENOCARD,
				_("There is no card in any of the %zu readers. Insert the My "
				  "Number card in one of them, or lay it on."),
				list->count);
	if (!cards)
		return ctx_fail(ctx, FUDA_ENOCARD,
				_("There is no card in %s. Insert the My Number card, or lay it "
				  "on."),
				list->items[0].name);
	if (cards == 1)
		return open_named(ctx, found->name, dl, ret);
	return open_first_match(ctx, list, dl, ret);
}

int fuda_card_open(struct fuda_context *ctx, const char *reader, struct fuda_deadline *dl,
		   struct fuda_card **ret)
{
	return reader ? open_named(ctx, reader, dl, ret) : open_any(ctx, dl, ret);
}

void fuda_card_free(struct fuda_card **card)
{
	struct fuda_card *c = *card;

	if (!c)
		return;
	while (c->jobs)
		fuda_card_end(c);
	reader_close(&c->reader);
	fuda_deadline_free(&c->closing);
	free(c);
	*card = NULL;
}

const char *fuda_card_reader(const struct fuda_card *card)
{
	return card->reader->name;
}

const uint8_t *fuda_card_atr(const struct fuda_card *card, size_t *ret_len)
{
	*ret_len = card->reader->atr_len;
	return card->reader->atr_len ? card->reader->atr : NULL;
}

struct fuda_apdu_count fuda_card_apdus(const struct fuda_card *card)
{
	return (struct fuda_apdu_count){ card->reader->apdus, card->reader->sent,
					 card->reader->received };
}

/* ---- jobs ---- */

int fuda_card_begin(struct fuda_card *c, struct fuda_deadline *dl)
{
	int r;

	if (c->jobs++)
		return 0;
	ctx_step(c->ctx, _("get the card for ourselves"));
	r = reader_lock(c->reader, true, dl);
	if (r < 0) {
		c->jobs = 0;
		return r;
	}
	/* Others may have selected something since our last job. */
	c->application = NULL;
	c->file = 0;
	c->secret_sent = false;
	c->restores = 0;
	return 0;
}

void fuda_card_end(struct fuda_card *c)
{
	if (--c->jobs)
		return;
	fuda_deadline_restart(c->closing, CLOSING_MS);
	ctx_keep_error(c->ctx, true);
	/* card.md 0.7: nothing else clears a PIN. A card that is gone has lost its power already.
	 */
	if (c->secret_sent)
		(void)reader_power(c->reader, POWER_OFF, c->closing);
	(void)reader_lock(c->reader, false, c->closing);
	ctx_keep_error(c->ctx, false);
	c->secret_sent = false;
}

void card_end_cleanup(struct fuda_card **c)
{
	if (*c)
		fuda_card_end(*c);
}

/* ---- state of the card ---- */

/* Takes notice of what the reader says happened to the card. */
static bool state_lost(struct fuda_card *c)
{
	if (c->epoch == c->reader->epoch)
		return false;
	c->epoch = c->reader->epoch;
	c->greeted = false;
	return true;
}

/* Hands on what the card answered; `ret_data` may be NULL. */
static int append(struct fuda_card *c, struct fuda_buf *ret_data, const struct fuda_buf *data)
{
	int r = ret_data ? fuda_buf_append(ret_data, data->data, data->len) : 0;

	if (r == FUDA_ETOOBIG)
		return ctx_fail(c->ctx, r, _("The card's answer is too long."));
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

static int transmit(struct fuda_card *c, const struct apdu *a, struct fuda_deadline *dl,
		    struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int r = apdu_build(a, &command);

	if (r < 0)
		return ctx_fail_code(c->ctx, r);
	r = reader_transmit(c->reader, command.data, command.len, 0, dl, &response);
	if (r < 0)
		return r;
	if (apdu_take_sw(&response, ret_sw) < 0)
		return ctx_fail(c->ctx, FUDA_EFORMAT, _("The card's answer has no status word."));
	return append(c, ret_data, &response);
}

static struct apdu select_apdu(const struct aid *aid)
{
	return (struct apdu){ 0x00, 0xA4, 0x04, aid->answers ? 0x00 : 0x0C, aid->bytes, aid->len,
			      aid->answers ? 256 : 0, false };
}

static int select_command(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl,
			  uint16_t *ret_sw)
{
	struct apdu a = select_apdu(aid);

	return transmit(c, &a, dl, NULL, ret_sw);
}

int card_restore(struct fuda_card *c, struct fuda_deadline *dl)
{
	const uint8_t fid[] = { (uint8_t)(c->file >> 8), (uint8_t)c->file };
	struct apdu select_file = { 0x00, 0xA4, 0x02, 0x0C, fid, sizeof(fid), 0, false };
	uint16_t sw = 0x9000;
	int r = 0;

	(void)state_lost(c);
	if (c->application) {
		r = select_command(c, c->application, dl, &sw);
		if (r == 0 && sw == 0x6F00) /* the first command since power-up, card.md 1.2 */
			r = select_command(c, c->application, dl, &sw);
	}
	if (r == 0 && sw == 0x9000 && c->file)
		r = transmit(c, &select_file, dl, NULL, &sw);
	return r < 0 ? r : card_check_sw(c, sw);
}

int card_recover(struct fuda_card *c, int error, struct fuda_deadline *dl)
{
	while (error == FUDA_ERESET) {
		if (c->secret_sent || c->chaining || c->restores++ == RESTORES_MAX)
			return ctx_fail(c->ctx, FUDA_ERESET,
					_("Another program reset the card in the middle of this. "
					  "Close it and try again."));
		ctx_log(c->ctx, FUDA_LOG_INFO, "the card was reset; selecting again");
		error = card_restore(c, dl);
	}
	return error;
}

/* Sends `a`, again if the card lost its state before it. */
static int transmit_restoring(struct fuda_card *c, const struct apdu *a, struct fuda_deadline *dl,
			      struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	int r;

	do {
		r = state_lost(c) ? FUDA_ERESET : transmit(c, a, dl, ret_data, ret_sw);
	} while (r < 0 && (r = card_recover(c, r, dl)) == 0);
	return r;
}

/* ---- commands ---- */

/* Sends `a`, which fits one APDU, and mends what the status word asks to: 6Cxx, a first 6F00. */
static int send_one(struct fuda_card *c, struct apdu a, struct fuda_deadline *dl,
		    struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	for (int resends = 0;; resends++) {
		bool first = !c->greeted;
		size_t before = ret_data ? ret_data->len : 0;
		int r = transmit_restoring(c, &a, dl, ret_data, ret_sw);

		if (r < 0)
			return r;
		c->greeted = true;
		if (resends == RESENDS_MAX)
			return 0;
		if (*ret_sw >> 8 == 0x6C && !a.extended) { /* ISO 7816-4 5.1.3: the exact length */
			a.le = (*ret_sw & 0xFF) ? (*ret_sw & 0xFF) : 256;
		} else if (!(first && *ret_sw == 0x6F00)) { /* card.md 1.2 */
			return 0;
		}
		if (ret_data)
			buf_cut(ret_data, before);
	}
}

static int send_chained(struct fuda_card *c, struct apdu a, struct fuda_deadline *dl,
			struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	int r = 0;

	*ret_sw = 0x9000;
	while (r == 0 && *ret_sw == 0x9000 && a.lc > SHORT_PIECE) {
		struct apdu piece = a;

		piece.cla |= CLA_CHAINED;
		piece.lc = SHORT_PIECE;
		piece.le = 0;
		r = send_one(c, piece, dl, NULL, ret_sw);
		a.data += SHORT_PIECE;
		a.lc -= SHORT_PIECE;
		c->chaining = true; /* a reset from here on loses what was sent */
	}
	if (r == 0 && *ret_sw == 0x9000)
		r = send_one(c, a, dl, ret_data, ret_sw);
	c->chaining = false;
	return r;
}

/* Fetches what 61xx announces (ISO 7816-4 5.1.3). */
static int get_response(struct fuda_card *c, struct fuda_deadline *dl, struct fuda_buf *ret_data,
			uint16_t *ret_sw)
{
	while (*ret_sw >> 8 == 0x61) {
		size_t before = ret_data->len, le = *ret_sw & 0xFF;
		struct apdu a = { 0x00, 0xC0, 0x00, 0x00, NULL, 0, le ? le : 256, false };
		int r = send_one(c, a, dl, ret_data, ret_sw);

		if (r < 0)
			return r;
		if (*ret_sw >> 8 == 0x61 && ret_data->len == before)
			return ctx_fail_sw(c->ctx, FUDA_EFORMAT, *ret_sw,
					   _("The card announces data that it does not give."));
	}
	return 0;
}

int card_command(struct fuda_card *c, const struct apdu *a, struct fuda_deadline *dl,
		 struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	const uint8_t head[] = { a->cla, a->ins };
	struct apdu fitting = *a;
	uint16_t sw;
	int r;

	if (apdu_is_pin_command(head, sizeof(head)))
		return ctx_fail_code(c->ctx, FUDA_EPINCOMMAND);
	if (a->lc > SHORT_PIECE && c->extended == EXTENDED_WORKS)
		fitting.extended = true;
	r = fitting.extended ? send_one(c, fitting, dl, &data, &sw) :
			       send_chained(c, fitting, dl, &data, &sw);
	if (r == 0)
		r = get_response(c, dl, &data, &sw);
	if (r < 0)
		return r;
	r = append(c, ret_data, &data);
	if (r == 0)
		*ret_sw = sw;
	return r;
}

static int error_of(uint16_t sw)
{
	static const struct {
		uint16_t sw;
		int error;
	} known[] = {
		{ 0x9000, 0 },
		{ 0x6982, FUDA_ESECURITY },
		{ 0x6A82, FUDA_ENOTFOUND },
		{ 0x6A83, FUDA_ENOTFOUND },
		{ 0x6A88, FUDA_ENOTFOUND },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].sw == sw)
			return known[i].error;
	return FUDA_ESW;
}

int card_check_sw(struct fuda_card *c, uint16_t sw)
{
	int error = error_of(sw);

	return error ? ctx_fail_sw(c->ctx, error, sw, "%s", fuda_error_text(error)) : 0;
}

/* Whatever the card answers to it. */
static int try_select(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl,
		      uint16_t *ret_sw)
{
	struct apdu a = select_apdu(aid);
	int r;

	if (c->application == aid && c->epoch == c->reader->epoch) {
		*ret_sw = 0x9000;
		return 0;
	}
	c->application = NULL;
	c->file = 0;
	r = card_command(c, &a, dl, NULL, ret_sw);
	/* A card that goes on failing may have lost its power under another program's hands. */
	if (r == 0 && *ret_sw == 0x6F00 && !c->secret_sent && c->restores++ < RESTORES_MAX) {
		r = reader_power(c->reader, POWER_ON, dl);
		(void)state_lost(c);
		if (r == 0)
			r = card_command(c, &a, dl, NULL, ret_sw);
	}
	if (r == 0 && *ret_sw == 0x9000)
		c->application = aid;
	return r;
}

int card_select(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl)
{
	uint16_t sw;
	int r = try_select(c, aid, dl, &sw);

	return r < 0 ? r : card_check_sw(c, sw);
}

int card_has(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl, bool *ret)
{
	enum { NOT_NOW = 0x6985 };
	uint16_t sw;
	int r = try_select(c, aid, dl, &sw);

	if (r == 0 && error_of(sw) != FUDA_ENOTFOUND && sw != NOT_NOW)
		r = card_check_sw(c, sw);
	if (r == 0)
		*ret = sw == 0x9000 || sw == NOT_NOW;
	return r;
}

int card_select_file(struct fuda_card *c, uint16_t fid, struct fuda_deadline *dl)
{
	const uint8_t bytes[] = { (uint8_t)(fid >> 8), (uint8_t)fid };
	struct apdu a = { 0x00, 0xA4, 0x02, 0x0C, bytes, sizeof(bytes), 0, false };
	uint16_t sw;
	int r;

	if (c->file == fid && c->epoch == c->reader->epoch)
		return 0;
	c->file = 0;
	r = card_command(c, &a, dl, NULL, &sw);
	if (r == 0)
		r = card_check_sw(c, sw);
	if (r == 0)
		c->file = fid;
	return r;
}

int fuda_card_probe(struct fuda_card *c, struct fuda_deadline *dl)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	int r = fuda_card_begin(c, dl);

	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _("select the JPKI application"));
	r = card_select(c, &aid_jpki, dl);
	if (r == FUDA_ENOTFOUND || r == FUDA_ESW)
		return ctx_fail_sw(c->ctx, FUDA_EWRONGCARD, fuda_context_sw(c->ctx),
				   _("This is not a My Number card: it has no JPKI application."));
	return r;
}

/* The application that is selected after somebody else's command, if that is certain: it is the
 * one that was, `was`, or that a whole AID selected. Selecting it again would take away what was
 * verified (card.md 0.7). */
static const struct aid *now_selected(const struct aid *was, const uint8_t *command, size_t len,
				      const uint8_t *response, size_t response_len)
{
	static const struct aid *const aids[] = { &aid_jpki,   &aid_text, &aid_face,
						  &aid_common, &aid_juki, &aid_isd };
	static const uint8_t staying[][2] = {
		{ 0x00, 0xB0 }, /* READ BINARY */
		{ 0x00, 0xB2 }, /* READ RECORD */
		{ 0x00, 0xC0 }, /* GET RESPONSE */
		{ 0x00, 0xCA }, /* GET DATA */
		{ 0x00, 0x84 }, /* GET CHALLENGE */
		{ 0x00, 0x88 }, /* INTERNAL AUTHENTICATE */
		{ 0x80, 0x2A }, /* a signature */
	};
	struct apdu a;

	if (response_len < 2 || apdu_parse(command, len, &a) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(staying); i++)
		if (a.cla == staying[i][0] && a.ins == staying[i][1])
			return was;
	if (a.cla != 0x00 || a.ins != 0xA4)
		return NULL;
	if (a.p1 == 0x02) /* an EF of it */
		return was;
	for (size_t i = 0; i < ARRAY_SIZE(aids); i++)
		if (a.p1 == 0x04 && a.lc == aids[i]->len &&
		    memcmp(a.data, aids[i]->bytes, a.lc) == 0 &&
		    (response[response_len - 2] == 0x90 || response[response_len - 2] == 0x61))
			return aids[i];
	return NULL;
}

int fuda_card_transmit(struct fuda_card *c, const uint8_t *command, size_t len,
		       struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	const struct aid *was;
	size_t before;
	int r;

	ctx_step(c->ctx, _("send a command"));
	if (apdu_is_pin_command(command, len))
		return ctx_fail(c->ctx, FUDA_EPINCOMMAND,
				_("PIN commands are not sent this way, because a mistake costs one "
				  "of few tries."));
	r = fuda_card_begin(c, dl);
	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _("send a command"));
	was = state_lost(c) ? NULL : c->application;
	before = ret_response->len;
	c->application = NULL;
	c->file = 0;
	r = reader_transmit(c->reader, command, len, 0, dl, ret_response);
	if (r == 0 && !state_lost(c))
		c->application = now_selected(was, command, len, ret_response->data + before,
					      ret_response->len - before);
	return r;
}

int fuda_card_power(struct fuda_card *c, enum fuda_power how, struct fuda_deadline *dl)
{
	static const struct {
		enum power how;
		bool clears; /* what was verified: card.md 0.7 */
	} kinds[] = {
		[FUDA_POWER_ON] = { POWER_ON, true },
		[FUDA_POWER_RESET] = { POWER_RESET, false },
		/* may take effect at the end of the job only, and then because of a secret */
		[FUDA_POWER_OFF] = { POWER_OFF, false },
	};
	_cleanup_job_ struct fuda_card *job = NULL;
	int r;

	if ((size_t)how >= ARRAY_SIZE(kinds))
		return ctx_fail_code(c->ctx, FUDA_EINVAL);
	r = fuda_card_begin(c, dl);
	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _("change the power of the card"));
	r = reader_power(c->reader, kinds[how].how, dl);
	(void)state_lost(c);
	c->application = NULL;
	c->file = 0;
	if (r == 0 && kinds[how].clears)
		c->secret_sent = false;
	return r;
}
