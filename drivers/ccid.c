/* SPDX-License-Identifier: Apache-2.0 */
/* "ccid:BUS.DEV" and "ccid:BUS.DEV/SLOT": readers of the CCID class on the USB, without pcscd.
 * Written from the class specification and from what libccid knows of readers (readers.md A1, A6);
 * tried on emulated readers only. */
#include "drivers/ccid.h"

#include <fuda/device.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/apdu.h"
#include "reader/device.h"

extern const struct driver driver_ccid;

enum { FAREWELL_MS = 3000 }; /* for a card to be switched off, whatever time is left */

/* ---- finding ---- */

/* "" or "/SLOT" */
static int parse_slot(const char *text, unsigned *ret)
{
	unsigned n = 0;
	const char *p = text;

	if (!*text) {
		*ret = 0;
		return 0;
	}
	if (*p++ != '/')
		return FUDA_EINVAL;
	for (; *p >= '0' && *p <= '9' && n < 1000; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (*p || p == text + 1)
		return FUDA_EINVAL;
	*ret = n;
	return 0;
}

static int find(struct fuda_context *ctx, const char *rest, struct usb_device *ret_device,
		struct ccid_place *ret)
{
	uint8_t bus, address;
	const char *tail;
	unsigned slot;
	int e;

	if (usb_parse_place(rest, &bus, &address, &tail) < 0 || parse_slot(tail, &slot) < 0)
		return ctx_fail(ctx, FUDA_ENOREADER,
				_("\"ccid:%s\" is no name of a reader; that is ccid:BUS.DEV or "
				  "ccid:BUS.DEV/SLOT with two numbers as \"fuda readers\" and "
				  "lsusb show them."),
				rest);
	e = usb_find(ctx, bus, address, ret_device);
	if (e < 0 && e != FUDA_ENOREADER)
		return e;
	if (e < 0 || ccid_find_slot(ret_device, slot, ret) < 0)
		return ctx_fail(ctx, FUDA_ENOREADER,
				_("There is no CCID reader at %s. \"fuda readers\" lists those "
				  "that are there."),
				rest);
	return 0;
}

/* ---- attach and close ---- */

static void set_model(struct reader *r, const struct usb *u)
{
	const struct fuda_device *known = fuda_device_find(u->device.vendor, u->device.product);

	if (u->product[0])
		snprintf(r->model, sizeof(r->model), "%s", u->product);
	else if (known)
		snprintf(r->model, sizeof(r->model), "%s", known->name);
	else
		snprintf(r->model, sizeof(r->model), "CCID %04x:%04x", u->device.vendor,
			 u->device.product);
}

/* What does not change with the card. */
static void set_features(struct reader *r, const struct ccid_place *p)
{
	bool contactless = p->class.second_contactless && p->slot > 0;

	r->pad = contactless ? 0 : p->class.pad; /* they are what the first slot has */
	r->display = r->pad ? p->class.display : 0;
	if (p->class.slots > 1) {
		r->slot = p->slot;
		r->slots = p->class.slots;
	}
}

static void set_limits(struct reader *r)
{
	const struct ccid_slot *s = r->priv;

	r->max_command = ccid_max_command(s);
	r->max_response = ccid_max_response(s);
}

static void free_slot(struct ccid_slot **s)
{
	if (!*s)
		return;
	ccid_release(&(*s)->reader, (*s)->ctx, (*s)->number);
	free(*s);
	*s = NULL;
}

static int take_slot(struct reader *r, const struct ccid_place *p, struct ccid_slot *s)
{
	bool contactless = p->class.second_contactless && p->slot > 0;

	s->ctx = r->ctx;
	s->number = p->slot;
	s->level = contactless ? CCID_SHORT : p->class.level;
	s->auto_ifsd = contactless || (p->class.features & CCID_AUTO_IFSD);
	/* until the card says otherwise, and where the reader can no more */
	s->protocol = p->class.protocols == ATR_T0 ? 0 : 1;
	if (s->level == CCID_CHARACTER)
		return ctx_fail(r->ctx, FUDA_ENOTSUP,
				_("This reader wants its cards served byte by byte, which is not "
				  "supported. Use it by way of pcscd."));
	return 0;
}

static int ccid_attach(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	_cleanup_(free_slot) struct ccid_slot *s = calloc(1, sizeof(*s));
	struct usb_device device;
	struct ccid_place p;
	int e;

	if (!s)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	e = find(r->ctx, rest, &device, &p);
	if (e == 0)
		e = take_slot(r, &p, s);
	if (e == 0)
		e = ccid_acquire(r->ctx, &device, &p, dl, &s->reader);
	if (e == 0) /* whatever state it was left in */
		e = ccid_power_off(s, dl);
	if (e < 0)
		return e;
	set_model(r, ccid_usb(s->reader));
	snprintf(r->serial, sizeof(r->serial), "%s", ccid_usb(s->reader)->serial);
	set_features(r, &p);
	r->priv = s;
	set_limits(r);
	s = NULL;
	return 0;
}

/* The card may hold a verified secret: it is switched off even if the caller's time is up. */
static int switch_off(struct ccid_slot *s)
{
	_cleanup_(fuda_deadline_free) struct fuda_deadline *dl = NULL;
	int e = fuda_deadline_new(FAREWELL_MS, &dl);

	return e < 0 ? ctx_fail_code(s->ctx, e) : ccid_power_off(s, dl);
}

static void ccid_close(struct reader *r)
{
	struct ccid_slot *s = r->priv;

	ctx_keep_error(r->ctx, true);
	if (s->powered || s->lost)
		(void)switch_off(s);
	ctx_keep_error(r->ctx, false);
	free_slot(&s);
	r->priv = NULL;
}

/* ---- the card ---- */

static int ask_status(struct ccid_slot *s, struct fuda_deadline *dl, enum ccid_card *ret)
{
	const struct ccid_command command = { .type = CCID_GET_STATUS, .slot = s->number };
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e = ccid_exchange(s->reader, s->ctx, &command, dl, &answer);

	if (e < 0)
		return e;
	/* what it says of the card holds even where it fails; busy is not away */
	*ret = answer.card;
	return 0;
}

/* A card that has power and is found without it is another one, or was away; so it is if the reader
 * says that the slot changed. */
static int ccid_present(struct reader *r, struct fuda_deadline *dl, bool *ret)
{
	struct ccid_slot *s = r->priv;
	bool changed = ccid_changed(s->reader, s->ctx, s->number, dl), was_away;
	enum ccid_card card;
	int e = ask_status(s, dl, &card);

	if (e < 0)
		return e;
	was_away = s->powered && (changed || s->lost || card != CCID_ACTIVE);
	if (was_away) {
		s->powered = false;
		s->lost = true; /* nobody's command goes to the next card unasked */
		r->epoch++;
	}
	*ret = card != CCID_ABSENT && !was_away;
	return 0;
}

static int power_on(struct reader *r, bool cold, struct fuda_deadline *dl)
{
	struct ccid_slot *s = r->priv;
	int e;

	(void)ccid_changed(s->reader, s->ctx, s->number, dl); /* this card is the one meant */
	e = ccid_power_on(s, cold, dl);
	if (e < 0)
		return e;
	memcpy(r->atr, s->atr, s->atr_len);
	r->atr_len = s->atr_len;
	set_limits(r);
	return 0;
}

static int ccid_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	struct ccid_slot *s = r->priv;

	r->epoch++;
	if (how != POWER_OFF)
		return power_on(r, how == POWER_ON || !s->powered || s->lost, dl);
	return switch_off(s);
}

/* Before a command. A card without power since POWER_OFF, which raised r->epoch, gets it. */
static int make_ready(struct reader *r, struct fuda_deadline *dl)
{
	struct ccid_slot *s = r->priv;

	if (s->lost)
		return ctx_fail(r->ctx, FUDA_EREMOVED,
				_("The connection to the card was lost. Start again."));
	return s->powered ? 0 : power_on(r, true, dl);
}

static int ccid_driver_transmit(struct reader *r, const uint8_t *command, size_t len,
				unsigned flags, struct fuda_deadline *dl,
				struct fuda_buf *ret_response)
{
	bool once = (flags & TRANSMIT_ONCE) || apdu_is_pin_command(command, len);
	int e = make_ready(r, dl);

	return e < 0 ? e : ccid_transmit(r->priv, command, len, once, dl, ret_response);
}

static int ccid_driver_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
			      struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	struct pad_entry entry;
	int e = pad_parse(modify, structure, len, &entry);

	if (e < 0)
		return ctx_fail_code(r->ctx, FUDA_EINVAL);
	e = make_ready(r, dl);
	return e < 0 ? e : ccid_secure(r->priv, &entry, dl, ret_response);
}

/* ---- all readers ---- */

static int ccid_list(struct fuda_context *ctx, struct fuda_deadline *dl,
		     struct fuda_reader_list *list)
{
	return device_list(&driver_ccid, ctx, dl, list);
}

static int ccid_wait(struct fuda_context *ctx, struct fuda_deadline *dl,
		     const struct fuda_reader_list *known)
{
	return device_wait(&driver_ccid, ctx, dl, known);
}

const struct driver driver_ccid = {
	.name = "ccid",
	.flags = DRIVER_HARDWARE,
	.list = ccid_list,
	.wait = ccid_wait,
	.attach = ccid_attach,
	.present = ccid_present,
	.close = ccid_close,
	.power = ccid_power,
	.transmit = ccid_driver_transmit,
	.secure = ccid_driver_secure,
};
