/* SPDX-License-Identifier: Apache-2.0 */
/* The table of readers as programs see it; t-devices.sh compares it with udev/devices. */
#include <string.h>
#include <fuda/device.h>

#include "tests/cmocka.h"

static void each_is_found(void **state)
{
	const struct fuda_device *d;
	size_t count = 0;

	(void)state;
	for (; (d = fuda_device_get(count)); count++) {
		assert_ptr_equal(fuda_device_find(d->vendor, d->product), d);
		assert_non_null(d->name);
		assert_true(strlen(d->name) > 3);
		assert_non_null(d->driver);
		assert_true(!d->module || strlen(d->module) > 0);
	}
	assert_true(count >= 40);
}

static void what_is_said_of_readers(void **state)
{
	static const struct {
		uint16_t vendor, product;
		const char *name, *driver, *module;
	} known[] = {
		{ 0x054C, 0x06C1, "Sony RC-S380/S", "rcs380", "port100" },
		{ 0x054C, 0x06C3, "Sony RC-S380/P", "rcs380", "port100" },
		{ 0x054C, 0x0DC8, "Sony RC-S300/S", "ccid", NULL },
		{ 0x072F, 0x2200, "ACS ACR122U", "ccid", "pn533_usb" },
		/* interface class 0xFF: found by its number only */
		{ 0x04E6, 0x511A, "NTT Com SCR3310-NTTCom", "ccid", NULL },
		{ 0x04CC, 0x2533, "NXP PN533", "nfc", "pn533_usb" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct fuda_device *d = fuda_device_find(known[i].vendor, known[i].product);

		assert_non_null(d);
		assert_string_equal(d->name, known[i].name);
		assert_string_equal(d->driver, known[i].driver);
		if (known[i].module)
			assert_string_equal(d->module, known[i].module);
		else
			assert_null(d->module);
	}
}

static void others_are_not_found(void **state)
{
	static const uint16_t others[][2] = {
		{ 0, 0 },           { 0xFFFF, 0xFFFF }, { 0x054C, 0 },      { 0, 0x06C1 },
		{ 0x06C1, 0x054C }, { 0x054C, 0x06C2 }, { 0x1050, 0x0407 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(fuda_device_find(others[i][0], others[i][1]));
	assert_null(fuda_device_get(SIZE_MAX));
	assert_null(fuda_device_get(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found),
		cmocka_unit_test(what_is_said_of_readers),
		cmocka_unit_test(others_are_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
