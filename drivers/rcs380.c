/* SPDX-License-Identifier: Apache-2.0 */
/* "rcs380:BUS.DEV": the Sony RC-S380 (NFC Port-100), for contactless cards of types B and A.
 *
 * Made from readers.md A2, which is a reading of others' drivers, and tested against a model of the
 * device made from the same; never yet with a real one. */
#include <stdio.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "codec/apdu.h"
#include "drivers/rcs380-card.h"
#include "reader/device.h"
#include "reader/isodep.h"

enum {
	/* Without field until every card has lost its state: 5.1 ms by ISO/IEC 14443-3 6.2.1
	 * and 7.2.1, and as much again. */
	RESET_MS = 11,
	FRESH_MS = 300,   /* a card that answered so lately is there */
	/* For a card to say that it is there: three times its FWT could be 15 s. Less than the IFD
	 * handler gives, so that the service hears of an absence and not of an error. */
	ASK_MS = 1900,
	OTHERS_MS = 1000, /* for another program that is only looking */
	PAUSE_MS = 50,
};

enum state {
	OFF,    /* no field; the next command finds whatever card is there */
	ACTIVE, /* the card of `isodep` */
	LOST,   /* it is out of step or away, and nobody knows but who used it */
	AWAY,   /* no field; only switching on begins anew */
};

struct rcs380 {
	struct rcs380_chip chip; /* first, for tests that count */
	struct isodep isodep;
	enum state state;
	bool type_a; /* what the last card was; it is tried first */
	int64_t answered_ms;
};

extern const struct driver driver_rcs380;

/* ---- the device ---- */

/* The place of one interface. */
struct place {
	uint8_t bus, address, number;
};

/* The first for bulk transfers both ways. */
static bool find_interface(const struct usb_device *device, uint8_t *ret)
{
	for (size_t i = 0; i < device->interface_count; i++) {
		const struct usb_interface *f = &device->interfaces[i];

		if (f->out && f->in) {
			*ret = f->number;
			return true;
		}
	}
	return false;
}

/* Which interface to claim, before anything is taken from whoever uses the device. */
static int find(struct fuda_context *ctx, const char *rest, struct place *ret)
{
	struct usb_device device;
	int e;

	if (usb_parse_place(rest, &ret->bus, &ret->address, NULL) < 0)
		return ctx_fail(ctx, FUDA_ENOREADER,
				_("\"rcs380:%s\" is no name of a reader; that is rcs380:BUS.DEV "
				  "with two numbers as \"fuda readers\" and lsusb show them."),
				rest);
	e = usb_find(ctx, ret->bus, ret->address, &device);
	if (e < 0 && e != FUDA_ENOREADER)
		return e;
	if (e < 0 || device_driver(&device) != &driver_rcs380 ||
	    !find_interface(&device, &ret->number))
		return ctx_fail(ctx, FUDA_ENOREADER,
				_("There is no RC-S380 at %s. \"fuda readers\" lists the readers "
				  "that are there."),
				rest);
	return 0;
}

static int claim(struct fuda_context *ctx, const struct place *p, struct fuda_deadline *dl,
		 struct usb **ret)
{
	for (int ms = OTHERS_MS;; ms -= PAUSE_MS) {
		int e = usb_backend->open(ctx, p->bus, p->address, p->number, ret);

		if (e != FUDA_EBUSY || ms <= 0)
			return e;
		if (deadline_sleep(dl, PAUSE_MS) < 0)
			return ctx_fail_code(ctx, deadline_check(dl));
	}
}

static int rcs380_attach(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	struct place place = { 0 };
	struct usb *usb = NULL;
	struct rcs380 *d;
	int e = find(r->ctx, rest, &place);

	if (e == 0)
		e = claim(r->ctx, &place, dl, &usb);
	if (e < 0)
		return e;
	d = calloc(1, sizeof(*d));
	e = d ? rcs380_chip_start(&d->chip, r->ctx, usb, dl) : ctx_fail_code(r->ctx, FUDA_ENOMEM);
	if (e < 0) {
		free(d);
		usb_close(&usb);
		return e;
	}
	snprintf(r->model, sizeof(r->model), "Sony %s", usb->product[0] ? usb->product : "RC-S380");
	r->priv = d;
	r->max_command = APDU_COMMAND_MAX;
	r->max_response = APDU_RESPONSE_MAX;
	return 0;
}

static void rcs380_close(struct reader *r)
{
	struct rcs380 *d = r->priv;

	rcs380_chip_end(&d->chip);
	free(d);
	r->priv = NULL;
}

/* ---- power ---- */

/* Long enough for a card, of whatever type, to start afresh. */
static int power_down(struct rcs380 *d, struct fuda_deadline *dl)
{
	int e = rcs380_field_off(&d->chip);

	if (e < 0)
		return e;
	return deadline_sleep(dl, RESET_MS) < 0 ? ctx_fail_code(d->chip.ctx, deadline_check(dl)) :
						  0;
}

/* Tells people, who may not know which of their cards is which. */
static int no_card(struct rcs380 *d, struct fuda_deadline *dl)
{
	int e = rcs380_poll_felica(&d->chip, dl);

	if (e == 0)
		return ctx_fail(d->chip.ctx, FUDA_EMUTE,
				_("On the reader is a FeliCa card (as for trains and shopping), "
				  "not a My Number card. Take it off and lay the My Number card on "
				  "it."));
	if (e != FUDA_ENOCARD)
		return e;
	return ctx_fail(d->chip.ctx, FUDA_ENOCARD,
			_("There is no card in the reader. Insert it, or lay it on the reader."));
}

/* A card of either type, the one tried first that was there last. Each type finds the field off. */
static int activate(struct rcs380 *d, struct fuda_deadline *dl, struct contactless *ret)
{
	bool first = d->type_a;
	int e;

	for (int i = 0; i < 2; i++) {
		bool type_a = first ^ (i == 1);

		e = power_down(d, dl);
		if (e == 0)
			e = rcs380_activate(&d->chip, type_a, dl, ret);
		if (e != FUDA_ENOCARD)
			return e;
	}
	e = power_down(d, dl);
	return e < 0 ? e : no_card(d, dl);
}

static int power_up(struct reader *r, struct fuda_deadline *dl)
{
	struct rcs380 *d = r->priv;
	const struct isodep_link link = {
		.arg = &d->chip,
		.exchange = rcs380_exchange,
		.frame_max = RCS380_CARD_FRAME_MAX,
	};
	struct contactless card;
	int e;

	d->state = AWAY;
	e = activate(d, dl, &card);
	if (e < 0) {
		bool kept = ctx_keep_error(r->ctx, true);

		rcs380_field_off(&d->chip);
		ctx_keep_error(r->ctx, kept);
		return e;
	}
	isodep_start(&d->isodep, r->ctx, &link, card.fsc, card.fwt_us);
	r->atr_len = contactless_atr(&card, r->atr);
	d->type_a = card.type_a;
	d->state = ACTIVE;
	d->answered_ms = deadline_now();
	return 0;
}

/* There is no warm reset of a contactless card. */
static int rcs380_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	struct rcs380 *d = r->priv;
	int e = how == POWER_OFF ? 0 : deadline_check(dl);

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	r->epoch++;
	if (how != POWER_OFF)
		return power_up(r, dl);
	d->state = LOST;
	e = rcs380_field_off(&d->chip); /* even if the time is up */
	if (e == 0)
		d->state = OFF;
	return e;
}

/* ---- presence ---- */

/* Whether a card of either type answers; leaves the field off. */
static int look_for_card(struct rcs380 *d, struct fuda_deadline *dl, bool *ret)
{
	int e = FUDA_ENOCARD, off;

	for (int i = 0; e == FUDA_ENOCARD && i < 2; i++) {
		e = power_down(d, dl);
		if (e == 0)
			e = rcs380_poll(&d->chip, d->type_a ^ (i == 1), dl);
	}
	off = rcs380_field_off(&d->chip);
	if (e < 0 && e != FUDA_ENOCARD)
		return e;
	if (off < 0)
		return off;
	*ret = e == 0;
	return 0;
}

/* One that does not answer in time is as good as gone, whatever time it could take by its FWT. */
static int ask_card(struct rcs380 *d, struct fuda_deadline *dl, bool *ret)
{
	bool there = true;
	int e = 0;

	if (deadline_now() - d->answered_ms >= FRESH_MS) {
		int64_t end = deadline_narrow(dl, ASK_MS);

		e = isodep_present(&d->isodep, dl, &there);
		deadline_widen(dl, end);
		if (e == FUDA_ETIMEOUT && deadline_check(dl) == 0) {
			there = false;
			e = 0;
		}
	}
	if (d->isodep.lost)
		d->state = LOST;
	if (e < 0)
		return e;
	*ret = there;
	return 0;
}

static int rcs380_present(struct reader *r, struct fuda_deadline *dl, bool *ret)
{
	struct rcs380 *d = r->priv;
	bool there = false;
	int e = deadline_check(dl);

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	if (d->state == OFF || d->state == AWAY)
		return look_for_card(d, dl, ret);
	if (d->state == ACTIVE)
		e = ask_card(d, dl, &there);
	if (e == 0 && !there) {
		d->state = AWAY;
		e = rcs380_field_off(&d->chip);
	}
	if (e == 0)
		*ret = there;
	return e;
}

/* ---- commands ---- */

static int removed(struct rcs380 *d)
{
	return ctx_fail(d->chip.ctx, FUDA_EREMOVED,
			_("The card was removed. Put it back, leave it there and try again."));
}

/* A card that fell silent, and with it the field: FUDA_EREMOVED if none is there now. */
static int fell_silent(struct rcs380 *d, struct fuda_deadline *dl)
{
	bool kept = ctx_keep_error(d->chip.ctx, true), there = true;
	int e = look_for_card(d, dl, &there);

	ctx_keep_error(d->chip.ctx, kept);
	return e == 0 && !there ? removed(d) : FUDA_EMUTE;
}

static int rcs380_transmit(struct reader *r, const uint8_t *command, size_t len,
			   _unused_ unsigned flags, struct fuda_deadline *dl,
			   struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(r->max_response);
	struct rcs380 *d = r->priv;
	int e = deadline_check(dl);

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	if (d->state == OFF)
		e = power_up(r, dl);
	if (e < 0 && e != FUDA_ENOCARD)
		return e;
	if (d->state != ACTIVE)
		return removed(d);
	e = isodep_transmit(&d->isodep, command, len, dl, &response);
	if (d->isodep.lost)
		d->state = LOST;
	if (e == FUDA_EMUTE)
		e = fell_silent(d, dl);
	if (e < 0)
		return e;
	d->answered_ms = deadline_now();
	if (response.len < 2)
		return ctx_fail(r->ctx, FUDA_ETRANSPORT,
				_("The card answered without a status word. Take it off, put it "
				  "back and try again."));
	e = fuda_buf_append(ret_response, response.data, response.len);
	return e < 0 ? ctx_fail_code(r->ctx, e) : 0;
}

/* ---- listing ---- */

static int rcs380_list(struct fuda_context *ctx, struct fuda_deadline *dl,
		       struct fuda_reader_list *list)
{
	return device_list(&driver_rcs380, ctx, dl, list);
}

static int rcs380_wait(struct fuda_context *ctx, struct fuda_deadline *dl,
		       const struct fuda_reader_list *known)
{
	return device_wait(&driver_rcs380, ctx, dl, known);
}

const struct driver driver_rcs380 = {
	.name = "rcs380",
	.flags = DRIVER_HARDWARE,
	.list = rcs380_list,
	.wait = rcs380_wait,
	.attach = rcs380_attach,
	.present = rcs380_present,
	.close = rcs380_close,
	.power = rcs380_power,
	.transmit = rcs380_transmit,
};
