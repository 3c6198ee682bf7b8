/* SPDX-License-Identifier: Apache-2.0 */
/* What CCID readers say of themselves, and what is known better. */
#include "drivers/ccid.h"

#include <fuda/device.h>

#include "base/cursor.h"
#include "reader/pad.h"

enum {
	DESCRIPTOR_SIZE = 54,
	DESCRIPTOR = 0x21,
	DESCRIPTOR_VENDOR = 0xFF,
	MESSAGE_MIN = CCID_HEADER + 3 + T1_IFS_START + 2, /* a shorter one carries no block */
	LEVEL_SHIFT = 16,
	LEVEL_MASK = 7,
};

/* ---- readers that are other than they say ---- */

struct quirk {
	uint16_t vendor, product; /* product 0: all of the vendor */
	size_t message_min;	  /* dwMaxCCIDMessageLength is at least so much */
	bool chains, no_ifsd, second_contactless;
};

/* All from libccid, as readers.md A1 tells; none was met here. ACR122U and uTrust 3700F, which take
 * up to a second to say whether a card is there, need no entry: all waits end at the deadline. */
static const struct quirk quirks[] = {
	/* SCM, Identiv: some tell 263, which has no room for the longest TPDU */
	{ .vendor = 0x04E6, .message_min = 271 },
	/* SCR331-DI, SCR331-DI-NTTCom, SDI010: the descriptor is of the slot with contacts */
	{ .vendor = 0x04E6, .product = 0x5111, .second_contactless = true },
	{ .vendor = 0x04E6, .product = 0x5120, .second_contactless = true },
	{ .vendor = 0x04E6, .product = 0x5121, .second_contactless = true },
	/* OMNIKEY 3x21, 3821, 6121, Cherry XX44, Fujitsu D323: short level, but in pieces */
	{ .vendor = 0x076B, .product = 0x3031, .chains = true },
	{ .vendor = 0x076B, .product = 0x3821, .chains = true },
	{ .vendor = 0x076B, .product = 0x6632, .chains = true },
	{ .vendor = 0x046A, .product = 0x00A7, .chains = true },
	{ .vendor = 0x0BF8, .product = 0x1024, .chains = true },
	/* SafeNet eToken 5100 */
	{ .vendor = 0x0529, .product = 0x0620, .no_ifsd = true },
};

static void apply_quirks(const struct usb_device *d, struct ccid_class *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(quirks); i++) {
		const struct quirk *q = &quirks[i];

		if (q->vendor != d->vendor || (q->product && q->product != d->product))
			continue;
		c->message_max = MAX(c->message_max, q->message_min);
		c->chains |= q->chains;
		c->no_ifsd |= q->no_ifsd;
		c->second_contactless |= q->second_contactless;
	}
	if (pad_is_false(d->vendor, d->product))
		c->pad = 0;
}

/* ---- the class descriptor ---- */

/* The level, of which there should be one; the highest if there are more. */
static enum ccid_level level_of(uint32_t features)
{
	uint32_t bits = features >> LEVEL_SHIFT & LEVEL_MASK;

	if (bits & 4)
		return CCID_EXTENDED;
	if (bits & 2)
		return CCID_SHORT;
	return bits & 1 ? CCID_TPDU : CCID_CHARACTER;
}

/* `c` begins at bMaxSlotIndex. */
static int parse_fields(struct cursor c, struct ccid_class *ret)
{
	uint32_t protocols, clock, rate_max, ifsd, features, message, display;
	uint8_t last_slot, voltages, get_response, pins;

	if (cur_u8(&c, &last_slot) < 0 || cur_u8(&c, &voltages) < 0 ||
	    cur_le(&c, 4, &protocols) < 0 || cur_le(&c, 4, &clock) < 0 ||
	    cur_skip(&c, 4 + 1 + 4) < 0 || /* maximum clock, clocks, data rate */
	    cur_le(&c, 4, &rate_max) < 0 || cur_skip(&c, 1) < 0 || cur_le(&c, 4, &ifsd) < 0 ||
	    cur_skip(&c, 4 + 4) < 0 || /* synchronous protocols, mechanics */
	    cur_le(&c, 4, &features) < 0 || cur_le(&c, 4, &message) < 0 ||
	    cur_u8(&c, &get_response) < 0 || cur_skip(&c, 1) < 0 || /* ENVELOPE */
	    cur_le(&c, 2, &display) < 0 || cur_u8(&c, &pins) < 0 ||
	    cur_skip(&c, 1) < 0 || c.left) /* busy slots */
		return FUDA_EFORMAT;
	if (last_slot >= CCID_SLOTS_MAX || message < MESSAGE_MIN)
		return FUDA_EFORMAT;
	*ret = (struct ccid_class){
		.slots = (uint8_t)(last_slot + 1),
		.voltages = voltages & 7,
		.protocols = (uint8_t)(protocols & (ATR_T0 | ATR_T1)),
		.clock = clock,
		.rate_max = rate_max,
		.ifsd = (uint8_t)MIN(MAX(ifsd, T1_IFS_START), T1_INF_MAX),
		.features = features,
		.level = level_of(features),
		.message_max = MIN(message, CCID_MESSAGE_MAX),
		.get_response = get_response,
		.pad = pins & (READER_PAD_VERIFY | READER_PAD_MODIFY), /* bits are the same */
		.display = (uint16_t)display,
	};
	ret->chains = ret->level == CCID_EXTENDED;
	return 0;
}

/* The one with its size and, where the class is the vendor's, perhaps the vendor's type: HID has a
 * type 0x21 too. */
static int find_descriptor(const struct usb_interface *f, struct cursor *ret)
{
	struct cursor c = cur_of(f->extra, f->extra_len), d;
	uint8_t len, type;

	while (cur_u8(&c, &len) == 0) {
		if (len < 2 || cur_sub(&c, len - 1u, &d) < 0 || cur_u8(&d, &type) < 0)
			return FUDA_ENOTFOUND;
		if (len != DESCRIPTOR_SIZE ||
		    (type != DESCRIPTOR &&
		     !(type == DESCRIPTOR_VENDOR && f->class == CCID_VENDOR_CLASS)))
			continue;
		if (cur_skip(&d, 2) < 0) /* bcdCCID */
			return FUDA_EFORMAT;
		*ret = d;
		return 0;
	}
	return FUDA_ENOTFOUND;
}

int ccid_parse_class(const struct usb_device *d, const struct usb_interface *f,
		     struct ccid_class *ret)
{
	struct cursor fields;
	struct ccid_class c;
	int e;

	if ((f->class != CCID_CLASS && f->class != CCID_VENDOR_CLASS) || !f->out || !f->in)
		return FUDA_ENOTFOUND;
	e = find_descriptor(f, &fields);
	if (e == 0)
		e = parse_fields(fields, &c);
	if (e < 0)
		return e;
	apply_quirks(d, &c);
	*ret = c;
	return 0;
}

int ccid_find_slot(const struct usb_device *d, unsigned n, struct ccid_place *ret)
{
	unsigned all = 0;
	bool found = false;
	struct ccid_place p = { 0 };

	for (size_t i = 0; i < d->interface_count; i++) {
		struct ccid_class c;

		if (ccid_parse_class(d, &d->interfaces[i], &c) < 0)
			continue;
		if (n >= all && n < all + c.slots) {
			p.interface = &d->interfaces[i];
			p.class = c;
			p.slot = (uint8_t)(n - all);
			found = true;
		}
		all += c.slots;
	}
	if (!found)
		return FUDA_ENOREADER;
	p.more = all > 1;
	*ret = p;
	return 0;
}
