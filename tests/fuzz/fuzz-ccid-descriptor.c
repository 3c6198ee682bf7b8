/* SPDX-License-Identifier: Apache-2.0 */
/* Class descriptors: the input is vendor and product, then two interfaces, each a byte of its class and, behind a byte
 * of their length, the descriptors that it sent. What is found can be used. */
#include "base/cursor.h"
#include "drivers/ccid.h"
#include "tests/fuzz/fuzz.h"

#define CLASS "36210001" "00" "07" "03000000" "C0120000" "C0120000" "00" "00300000" "90DC0C00" "00" "F7000000" \
	      "00000000" "00000000" "B2000100" "0F010000" "FFFF" "0000" "00" "01"

static void fuzz_seeds(void)
{
	fuzz_seed_hex("072FB100" "0B36" CLASS);
	fuzz_seed_hex("04E6511A" "FF36" CLASS "0B36" CLASS);
	fuzz_seed_hex("04E65120" "0B3F" "092111010001226500" CLASS);
	fuzz_seed_hex("076B3031" "0B00" "FF36" CLASS);
}

static void check(const struct ccid_class *c)
{
	if (c->slots < 1 || c->slots > CCID_SLOTS_MAX || c->ifsd < T1_IFS_START || c->ifsd > T1_INF_MAX ||
	    c->message_max < CCID_HEADER + 37 || c->message_max > CCID_MESSAGE_MAX || c->voltages > 7 ||
	    c->protocols > 3 || c->level > CCID_EXTENDED)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len);
	struct usb_device d = { .bus = 1, .address = 1 };
	struct ccid_place p;
	unsigned n = 0;

	if (cur_u16(&c, &d.vendor) < 0 || cur_u16(&c, &d.product) < 0)
		return 0;
	for (uint8_t i = 0; i < 2; i++) {
		struct usb_interface *f = &d.interfaces[i];
		uint8_t left;

		if (cur_u8(&c, &f->class) < 0 || cur_u8(&c, &left) < 0)
			break;
		*f = (struct usb_interface){ .number = i, .class = f->class, .out = 1, .in = 0x81 };
		f->extra_len = left < c.left ? left : c.left;
		if (cur_copy(&c, f->extra, f->extra_len) < 0)
			abort();
		d.interface_count++;
	}
	while (ccid_find_slot(&d, n, &p) == 0) {
		check(&p.class);
		if (p.slot >= p.class.slots || ++n > 2 * CCID_SLOTS_MAX)
			abort();
	}
	return 0;
}
