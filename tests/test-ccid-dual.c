/* SPDX-License-Identifier: Apache-2.0 */
/* Readers for both kinds of cards that are two CCID interfaces of one device, as ACR1251 and ACR1252 (readers.md A1):
 * two emulated readers behind one plug, the first for contacts at TPDU level, the second contactless. */
#include <stdlib.h>

#include "reader/device.h"
#include "tests/test-ccid.h"

enum { PARTS = 2, SECOND_ENDPOINTS = 4 }; /* numbers beyond those of the first */

static struct vcard *first, *second; /* of two persons */

struct dual {
	struct usb_model usb;
	struct usb_model *parts[PARTS];
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	char rest[PARTS][32];
};

/* The one that the host speaks to. */
static struct usb_model *part(struct usb_model *m)
{
	struct dual *d = (struct dual *)m;

	assert_true(m->interface < PARTS);
	return d->parts[m->interface];
}

static int dual_out(struct usb_model *m, const uint8_t *bytes, size_t len)
{
	return part(m)->out(part(m), bytes, len);
}

static ssize_t dual_in(struct usb_model *m, uint8_t *ret, size_t max)
{
	return part(m)->in(part(m), ret, max);
}

static ssize_t dual_interrupt(struct usb_model *m, uint8_t *ret, size_t max)
{
	return part(m)->interrupt(part(m), ret, max);
}

static ssize_t dual_control(struct usb_model *m, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
			    uint16_t len)
{
	return part(m)->control(part(m), type, request, value, data, len);
}

static void dual_plug(struct dual *d)
{
	unsigned address = usb_mock_plug(&d->usb);

	snprintf(d->rest[0], sizeof(d->rest[0]), "001.%03u", address);
	snprintf(d->rest[1], sizeof(d->rest[1]), "001.%03u/1", address);
}

/* Plugged in, with the second card in its second part, and that one, or none, in the first. */
static void dual_begin(struct dual *d, struct vcard *contact)
{
	struct usb_interface *f;

	*d = (struct dual){ .parts = { ccid_model_new("tpdu"), ccid_model_new("extended") } };
	d->usb = (struct usb_model){ .product = "Dual Reader",
				     .serial = "",
				     .out = dual_out,
				     .in = dual_in,
				     .interrupt = dual_interrupt,
				     .control = dual_control };
	d->usb.device = d->parts[0]->device;
	d->usb.device.interface_count = PARTS;
	f = &d->usb.device.interfaces[1];
	*f = d->parts[1]->device.interfaces[0];
	f->number = 1;
	f->out += SECOND_ENDPOINTS;
	f->in += SECOND_ENDPOINTS;
	f->interrupt += SECOND_ENDPOINTS;
	ccid_model_insert(d->parts[0], contact);
	ccid_model_insert(d->parts[1], second);
	assert_int_equal(fuda_context_new(&d->ctx), 0);
	assert_int_equal(fuda_deadline_new(20000, &d->dl), 0);
	usb_mock_begin(false);
	dual_plug(d);
}

static void dual_end(struct dual *d)
{
	usb_mock_end();
	for (int i = 0; i < PARTS; i++) {
		assert_null(ccid_model_complaint(d->parts[i]));
		d->parts[i]->free(d->parts[i]);
	}
	fuda_deadline_free(&d->dl);
	fuda_context_free(&d->ctx);
}

static struct reader *open_part(struct dual *d, int i)
{
	struct reader *r = NULL;
	int e = reader_open_with(d->ctx, &driver_ccid, d->rest[i], d->dl, &r);

	if (e < 0)
		fail_msg("%s: %s: %s", d->rest[i], fuda_error_name(e), fuda_context_message(d->ctx));
	return r;
}

static int send(struct dual *d, struct reader *r, const char *hex)
{
	struct fuda_buf command = FUDA_BUF_INIT(300), response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int e;

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	e = reader_transmit(r, command.data, command.len, 0, d->dl, &response);
	if (e == 0) {
		assert_true(response.len >= 2);
		e = response.data[response.len - 2] << 8 | response.data[response.len - 1];
	}
	fuda_buf_free(&command);
	fuda_buf_free(&response);
	return e;
}

/* ---- tests ---- */

/* Each has its own numbers of messages, and neither is in the other's way. */
static void test_both(void **state)
{
	struct reader *a, *b, *third = NULL;
	struct dual d;

	(void)state;
	dual_begin(&d, first);
	a = open_part(&d, 0);
	b = open_part(&d, 1);
	assert_int_equal(a->slots, 0); /* each is the only one of its part */
	assert_int_equal(b->slots, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(&d, a, SELECT_JPKI), 0x9000);
		assert_int_equal(send(&d, b, SELECT_JPKI), 0x9000);
		assert_int_equal(send(&d, a, VERIFY_AUTH), 0x9000);
	}
	assert_int_equal(vcard_usage(first).verifies, 3);
	assert_int_equal(vcard_usage(second).verifies, 0);
	assert_int_equal(reader_attach(d.ctx, &driver_ccid, d.rest[1], d.dl, &third), FUDA_EBUSY);
	reader_close(&a);
	assert_int_equal(send(&d, b, SELECT_JPKI), 0x9000);
	reader_close(&b);
	dual_end(&d);
}

static void test_list(void **state)
{
	struct fuda_reader_list *list = calloc(1, sizeof(*list));
	struct dual d;
	char name[64];

	(void)state;
	dual_begin(&d, NULL);
	assert_non_null(list);
	assert_int_equal(driver_ccid.list(d.ctx, d.dl, list), 0);
	assert_int_equal(list->count, PARTS);
	for (int i = 0; i < PARTS; i++) {
		snprintf(name, sizeof(name), "ccid:%s", d.rest[i]);
		assert_string_equal(list->items[i].name, name);
		assert_int_equal(list->items[i].card, i == 1);
	}
	fuda_reader_list_free(&list);
	dual_end(&d);
}

/* A card that is taken out of one is there in the other. */
static void test_removed(void **state)
{
	struct reader *a, *b;
	struct dual d;
	bool there;

	(void)state;
	dual_begin(&d, first);
	a = open_part(&d, 0);
	b = open_part(&d, 1);
	ccid_model_insert(d.parts[1], NULL);
	assert_int_equal(driver_ccid.present(a, d.dl, &there), 0);
	assert_true(there);
	assert_int_equal(driver_ccid.present(b, d.dl, &there), 0);
	assert_false(there);
	assert_int_equal(send(&d, b, SELECT_JPKI), FUDA_EREMOVED);
	assert_int_equal(send(&d, a, SELECT_JPKI), 0x9000);
	usb_mock_unplug(&d.usb);
	assert_int_equal(send(&d, a, SELECT_JPKI), FUDA_EREADERGONE);
	assert_int_equal(driver_ccid.present(b, d.dl, &there), FUDA_EREADERGONE);
	reader_close(&a);
	reader_close(&b);
	dual_end(&d);
}

/* There is no third, and a part whose descriptor makes no sense is none. */
static void test_no_such_part(void **state)
{
	struct reader *r = NULL;
	struct dual d;
	char rest[40];

	(void)state;
	dual_begin(&d, NULL);
	snprintf(rest, sizeof(rest), "%s/2", d.rest[0]);
	assert_int_equal(reader_attach(d.ctx, &driver_ccid, rest, d.dl, &r), FUDA_ENOREADER);
	dual_end(&d);
	dual_begin(&d, NULL);
	usb_mock_unplug(&d.usb);
	d.usb.device.interfaces[0].extra[0] = 53;
	dual_plug(&d);
	r = open_part(&d, 0); /* the second is the only one, and so the first */
	assert_int_equal(send(&d, r, SELECT_JPKI), 0x9000);
	reader_close(&r);
	assert_int_equal(reader_attach(d.ctx, &driver_ccid, d.rest[1], d.dl, &r), FUDA_ENOREADER);
	dual_end(&d);
}

static int setup(void **state)
{
	char why[256] = "";
	int r = softcard_setup(state);

	if (r == 0 && vcard_load(softcard_other(NULL), &second, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	first = softcard_load();
	return r;
}

static int teardown(void **state)
{
	vcard_free(&second);
	softcard_free(&first);
	return softcard_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_no_such_part),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
