/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ifd-fake.h"

#include <PCSC/reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/device.h"
#include "reader/pad.h"
#include "tests/model.h"

struct fake fakes[FAKES];
bool fake_driverless;
const uint8_t fake_atr[FUDA_ATR_MAX] = { 0x3B, 0x88, 0x80, 0x01, 0x00, [FUDA_ATR_MAX - 1] = 0x77 };

static struct usb_model models[FAKES];

/* ---- the driver ---- */

static struct fake *fake_of(struct reader *r)
{
	return r->priv;
}

/* "" is 0, "/N" is N. */
static unsigned number_of(const char *slot)
{
	unsigned n = 0;

	if (*slot)
		assert_int_equal(sscanf(slot, "/%u", &n), 1);
	return n;
}

static int attach(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	uint8_t bus, address;
	const char *slot;
	unsigned n;

	assert_int_equal(usb_parse_place(rest, &bus, &address, &slot), 0);
	assert_int_equal(bus, 1);
	assert_int_equal(deadline_check(dl), 0);
	for (size_t i = 0; i < FAKES; i++) {
		struct fake *f = &fakes[i];

		if (f->address != address)
			continue;
		n = number_of(slot);
		if (n >= MAX(f->slots, 1u) * (f->second ? 2 : 1))
			return ctx_fail_code(r->ctx, FUDA_ENOREADER);
		if (f->attach_error)
			return ctx_fail_code(r->ctx, f->attach_error);
		if (f->taken & 1u << n)
			return ctx_fail_code(r->ctx, FUDA_EBUSY);
		f->taken |= 1u << n;
		atomic_fetch_add(&f->attached, 1);
		r->priv = f;
		r->slot = (uint8_t)(n % MAX(f->slots, 1u));
		r->slots = f->slots;
		r->pad = f->pad;
		r->display = f->display;
		if (f->serial)
			snprintf(r->serial, sizeof(r->serial), "%s", f->serial);
		r->max_command = FAKE_COMMAND_MAX;
		r->max_response = FAKE_RESPONSE_MAX;
		if (!f->nameless)
			snprintf(r->model, sizeof(r->model), "Fake");
		return 0;
	}
	return ctx_fail_code(r->ctx, FUDA_ENOREADER);
}

static int present(struct reader *r, struct fuda_deadline *dl, bool *ret)
{
	struct fake *f = fake_of(r);

	assert_int_equal(deadline_check(dl), 0);
	atomic_fetch_add(&f->presents, 1);
	if (f->present_error)
		return ctx_fail_code(r->ctx, f->present_error);
	*ret = !atomic_exchange(&f->was_away, false) && atomic_load(&f->card);
	return 0;
}

static int power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	struct fake *f = fake_of(r);

	assert_int_equal(deadline_check(dl), 0);
	f->powers++;
	f->last_power = how;
	r->epoch++;
	if (f->power_error)
		return ctx_fail_code(r->ctx, f->power_error);
	if (how == POWER_OFF)
		return 0;
	if (!atomic_load(&f->card))
		return ctx_fail_code(r->ctx, FUDA_ENOCARD);
	memcpy(r->atr, fake_atr, sizeof(fake_atr));
	r->atr_len = sizeof(fake_atr);
	return 0;
}

static int transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags, struct fuda_deadline *dl,
		    struct fuda_buf *ret_response)
{
	struct fake *f = fake_of(r);
	uint8_t answer[FAKE_RESPONSE_MAX] = { 0 };
	size_t n = f->response_len ? f->response_len : 2;

	(void)command;
	(void)len;
	assert_int_equal(deadline_check(dl), 0);
	atomic_fetch_add(&f->transmits, 1);
	f->flags = flags;
	if (f->entered) {
		sem_post(f->entered);
		sem_wait(f->leave);
	}
	if (f->transmit_error)
		return ctx_fail_code(r->ctx, f->transmit_error);
	if (!atomic_load(&f->card))
		return ctx_fail_code(r->ctx, FUDA_EREMOVED);
	answer[n - 2] = 0x90;
	return fuda_buf_append(ret_response, answer, n);
}

static int secure(struct reader *r, bool modify, const uint8_t *structure, size_t len, struct fuda_deadline *dl,
		  struct fuda_buf *ret_response)
{
	struct fake *f = fake_of(r);
	uint16_t sw = f->typed ? f->typed : 0x9000;
	uint8_t answer[] = { (uint8_t)(sw >> 8), (uint8_t)sw };
	struct pad_entry entry;

	assert_int_equal(deadline_check(dl), 0);
	assert_int_equal(pad_parse(modify, structure, len, &entry), 0);
	atomic_fetch_add(&f->secures, 1);
	f->modify = modify;
	f->asked_len = len;
	f->patience = deadline_left(dl);
	if (f->secure_error)
		return ctx_fail_code(r->ctx, f->secure_error);
	return fuda_buf_append(ret_response, answer, sizeof(answer));
}

static void close_fake(struct reader *r)
{
	const char *slot = strchr(r->name, '/');

	fake_of(r)->taken &= ~(1u << number_of(slot ? slot : ""));
	atomic_fetch_sub(&fake_of(r)->attached, 1);
}

static const struct driver driver = {
	.name = "fake",
	.attach = attach,
	.present = present,
	.close = close_fake,
	.power = power,
	.transmit = transmit,
	.secure = secure,
};

const struct driver *__wrap_device_driver(const struct usb_device *device);
const struct driver *__wrap_device_driver(const struct usb_device *device)
{
	(void)device;
	return fake_driverless ? NULL : &driver;
}

/* ---- the readers ---- */

int fake_setup(void **state)
{
	(void)state;
	usb_mock_begin(true);
	for (size_t i = 0; i < FAKES; i++) {
		models[i] = (struct usb_model){ .device = { .vendor = 0x054C,
							    .product = 0x06C1,
							    .release = 0x0123,
							    .interfaces = { { .class = 0xFF, .out = 2, .in = 0x81 } },
							    .interface_count = 1 } };
		memset(&fakes[i], 0, sizeof(fakes[i]));
		fakes[i].card = true;
		fakes[i].address = usb_mock_plug(&models[i]);
	}
	return 0;
}

int fake_teardown(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 16; n++)
		for (unsigned slot = 0; slot < 16; slot++)
			IFDHCloseChannel(SLOT(n, slot));
	for (size_t i = 0; i < FAKES; i++) {
		assert_int_equal(fakes[i].attached, 0);
		usb_mock_unplug(&models[i]);
	}
	usb_mock_end();
	return 0;
}

char *fake_name(unsigned i)
{
	static char name[80];

	snprintf(name, sizeof(name), "usb:054c/06c1:libudev:0:/dev/bus/usb/001/%03u", fakes[i].address);
	return name;
}

void fake_open(unsigned n, unsigned i)
{
	assert_int_equal(IFDHCreateChannelByName(LUN(n), fake_name(i)), IFD_SUCCESS);
}

void fake_power(unsigned n)
{
	UCHAR atr[MAX_ATR_SIZE];
	DWORD len = sizeof(atr);

	assert_int_equal(IFDHPowerICC(LUN(n), IFD_POWER_UP, atr, &len), IFD_SUCCESS);
}

RESPONSECODE fake_transmit(unsigned n, size_t len, size_t room)
{
	SCARD_IO_HEADER pci = { 1, sizeof(pci) };
	UCHAR *command = calloc(1, len ? len : 1), *answer = malloc(room ? room : 1);
	DWORD got = room;
	RESPONSECODE code;

	assert_non_null(command);
	assert_non_null(answer);
	code = IFDHTransmitToICC(LUN(n), pci, command, len, answer, &got, &pci);
	if (code == IFD_SUCCESS)
		assert_in_range(got, 2, room);
	else
		assert_int_equal(got, 0);
	free(command);
	free(answer);
	return code;
}

DWORD fake_feature(unsigned feature)
{
	return SCARD_CTL_CODE(3500 + feature);
}
