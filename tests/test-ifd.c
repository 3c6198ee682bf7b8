/* SPDX-License-Identifier: Apache-2.0 */
/* The entry points that pcscd calls, over a driver that does as it is told; tests/test-ifd-card.c has them over
 * real ones. Linked with --wrap=device_driver. */
#include "tests/ifd-fake.h"

#include <PCSC/reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ifd/names.h"


/* ---- names ---- */

static void test_names(void **state)
{
	static const struct {
		const char *text;
		struct ifd_name want;
	} good[] = {
		{ "usb:054c/06c1", { true, false, 0x054C, 0x06C1, 0, 0, -1 } },
		{ "usb:054C/06C1", { true, false, 0x054C, 0x06C1, 0, 0, -1 } },
		{ "usb:0000/ffff", { true, false, 0, 0xFFFF, 0, 0, -1 } },
		{ "usb:054c/06c1:libudev:0:/dev/bus/usb/001/002", { true, true, 0x054C, 0x06C1, 1, 2, 0 } },
		{ "usb:054c/06c1:libudev:12:/dev/bus/usb/255/255", { true, true, 0x054C, 0x06C1, 255, 255, 12 } },
		{ "usb:08e6/3437:libusb-1.0:7:99:0", { true, true, 0x08E6, 0x3437, 7, 99, 0 } },
		{ "usb:054c/06c1:libusb-1.0:001:002:1", { true, true, 0x054C, 0x06C1, 1, 2, 1 } },
		{ "usb:054c/06c1:libhal:/org/freedesktop/Hal/devices/usb_device_54c_6c1_if0",
		  { true, false, 0x054C, 0x06C1, 0, 0, -1 } },
		{ "usb:054c/06c1:", { true, false, 0x054C, 0x06C1, 0, 0, -1 } },
		{ "usb:054c/06c1:libusb:000", { true, false, 0x054C, 0x06C1, 0, 0, -1 } },
		{ "/dev/bus/usb/001/002", { false, true, 0, 0, 1, 2, -1 } },
		{ "1.2", { false, true, 0, 0, 1, 2, -1 } },
		{ "001.255", { false, true, 0, 0, 1, 255, -1 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct ifd_name n;

		assert_int_equal(ifd_name_parse(good[i].text, &n), 0);
		assert_int_equal(n.has_ids, good[i].want.has_ids);
		assert_int_equal(n.has_place, good[i].want.has_place);
		assert_int_equal(n.vendor, good[i].want.vendor);
		assert_int_equal(n.product, good[i].want.product);
		assert_int_equal(n.bus, good[i].want.bus);
		assert_int_equal(n.address, good[i].want.address);
		assert_int_equal(n.interface, good[i].want.interface);
	}
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = {
		"", ":", ".", "usb", "usb:", "usb:054c", "usb:054c/", "usb:054c/06c", "usb:054c/06c12",
		"usb:54c/06c1", "usb:0054c/06c1", "usb:054c:06c1", "usb:054g/06c1", "usb:054c/06c1x", "usb: 54c/06c1",
		"usb:0x054c/0x06c1", "usb:+54c/06c1", "USB:054c/06c1", " usb:054c/06c1", "usb:054c/06c1 ",
		"usb:054c/06c1:libudev:", "usb:054c/06c1:libudev:0", "usb:054c/06c1:libudev:0:",
		"usb:054c/06c1:libudev::/dev/bus/usb/001/002", "usb:054c/06c1:libudev:-1:/dev/bus/usb/001/002",
		"usb:054c/06c1:libudev:256:/dev/bus/usb/001/002", "usb:054c/06c1:libudev:0000:/dev/bus/usb/001/002",
		"usb:054c/06c1:libudev:0:/dev/bus/usb/001", "usb:054c/06c1:libudev:0:/dev/bus/usb/001/",
		"usb:054c/06c1:libudev:0:/dev/bus/usb/001/000", "usb:054c/06c1:libudev:0:/dev/bus/usb/000/001",
		"usb:054c/06c1:libudev:0:/dev/bus/usb/001/256", "usb:054c/06c1:libudev:0:/dev/bus/usb/256/001",
		"usb:054c/06c1:libudev:0:/dev/bus/usb/001/002x", "usb:054c/06c1:libudev:0:/dev/bus/usb/001/002/003",
		"usb:054c/06c1:libudev:0:/dev/bus/usb/0001/002", "usb:054c/06c1:libudev:0:dev/bus/usb/001/002",
		"usb:054c/06c1:libudev:0:/dev/bus/usb/001/../002", "usb:054c/06c1:libudev:0:/dev/bus/usb/a/b",
		"usb:054c/06c1:libudev:a:/dev/bus/usb/001/002", "usb:054c/06c1:libudev:0 :/dev/bus/usb/001/002",
		"usb:054c/06c1:libusb-1.0:", "usb:054c/06c1:libusb-1.0:7", "usb:054c/06c1:libusb-1.0:7:99",
		"usb:054c/06c1:libusb-1.0:7:99:", "usb:054c/06c1:libusb-1.0:7:99:x", "usb:054c/06c1:libusb-1.0:0:99:0",
		"usb:054c/06c1:libusb-1.0:7:0:0", "usb:054c/06c1:libusb-1.0:7:256:0",
		"usb:054c/06c1:libusb-1.0:7:99:0:0", "usb:054c/06c1:libusb-1.0:07:99:256",
		"/dev/bus/usb/", "/dev/bus/usb/001", "/dev/bus/usb/001/",
		"/dev/bus/usb/001/002/", "/dev/bus/usb//001/002", "/dev/ttyS0", "1", "1.", ".2", "0.2", "1.0", "1.256",
		"256.1", "1.2.3", "1.2:0", "1,2", "-1.2", "1.-2", "1 .2", "0001.2", "rcs380:1.2",
		"99999999999999999999.1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ifd_name n = { .vendor = 0xABCD };

		if (ifd_name_parse(bad[i], &n) != FUDA_EINVAL)
			fail_msg("accepted: '%s'", bad[i]);
		assert_int_equal(n.vendor, 0xABCD);
	}
}

/* ---- opening ---- */

static const DWORD bad_luns[] = {
	0x10, 0xFFFF, 0x10010, 0x00100000, 0x00100001, 0x00110000, 0x7FFF0000, 0xFFFF0000, 0xFFFFFFFF,
	0x100000000, (DWORD)-1,
};

static void refuse_lun(DWORD lun)
{
	UCHAR bytes[MAX_BUFFER_SIZE] = { 0, 0xA4, 0, 0 };
	DWORD len = sizeof(bytes);
	SCARD_IO_HEADER pci = { 1, sizeof(pci) };

	assert_int_equal(IFDHCloseChannel(lun), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHICCPresence(lun), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHPowerICC(lun, IFD_POWER_UP, bytes, &len), IFD_COMMUNICATION_ERROR);
	assert_int_equal(len, 0);
	assert_int_equal(IFDHPowerICC(lun, IFD_POWER_DOWN, NULL, NULL), IFD_COMMUNICATION_ERROR);
	len = sizeof(bytes);
	assert_int_equal(IFDHTransmitToICC(lun, pci, bytes, 4, bytes, &len, &pci), IFD_COMMUNICATION_ERROR);
	assert_int_equal(len, 0);
	len = sizeof(bytes);
	assert_int_equal(IFDHGetCapabilities(lun, TAG_IFD_ATR, &len, bytes), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHSetCapabilities(lun, TAG_IFD_ATR, len, bytes), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHSetProtocolParameters(lun, SCARD_PROTOCOL_T1, 0, 0, 0, 0), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHControl(lun, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, bytes, sizeof(bytes), &len),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(len, 0);
	assert_int_equal(slot_wait(lun, 0), IFD_NO_SUCH_DEVICE);
}

static void test_bad_luns(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_luns); i++) {
		assert_int_equal(IFDHCreateChannelByName(bad_luns[i], fake_name(0)), IFD_COMMUNICATION_ERROR);
		assert_int_equal(IFDHCreateChannel(bad_luns[i], 0), IFD_COMMUNICATION_ERROR);
		assert_int_equal(slot_stop(bad_luns[i]), IFD_COMMUNICATION_ERROR);
		refuse_lun(bad_luns[i]);
	}
	for (DWORD reader = 0; reader < 16; reader++)
		refuse_lun(reader << 16); /* good numbers, but nothing is open */
	assert_int_equal(fakes[0].attached, 0);
}

static void test_open(void **state)
{
	char name[80];

	(void)state;
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 1), fake_name(0)), IFD_NO_SUCH_DEVICE);
	fake_open(0, 0);
	/* it has one slot */
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 1), fake_name(1)), IFD_NO_SUCH_DEVICE);
	assert_int_equal(fakes[1].attached, 0);
	/* the number is taken, and stays with its reader */
	assert_int_equal(IFDHCreateChannelByName(LUN(0), fake_name(1)), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[1].attached, 0);
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_PRESENT);
	/* the device is taken */
	assert_int_equal(IFDHCreateChannelByName(LUN(1), fake_name(0)), IFD_COMMUNICATION_ERROR);
	refuse_lun(LUN(1));
	fake_open(1, 1);
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	assert_int_equal(fakes[0].attached, 0);
	refuse_lun(LUN(0));
	assert_int_equal(IFDHICCPresence(LUN(1)), IFD_ICC_PRESENT);
	fake_open(0, 0);

	/* the other names of the same device */
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	snprintf(name, sizeof(name), "/dev/bus/usb/001/%03u", fakes[0].address);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), name), IFD_SUCCESS);
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	snprintf(name, sizeof(name), "1.%u", fakes[0].address);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), name), IFD_SUCCESS);
	assert_int_equal(fakes[0].attached, 1);
}

static void test_open_fails(void **state)
{
	char name[80];

	(void)state;
	assert_int_equal(IFDHCreateChannelByName(LUN(0), NULL), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), (char[]){ "" }), IFD_NO_SUCH_DEVICE);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), (char[]){ "/dev/ttyS0" }), IFD_NO_SUCH_DEVICE);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), (char[]){ "usb:054c/06c2" }), IFD_NO_SUCH_DEVICE);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), (char[]){ "1.200" }), IFD_NO_SUCH_DEVICE);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), (char[]){ "2.1" }), IFD_NO_SUCH_DEVICE);
	/* the place of one, the numbers of another; an interface that it does not have */
	snprintf(name, sizeof(name), "usb:054c/06c3:libudev:0:/dev/bus/usb/001/%03u", fakes[0].address);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), name), IFD_NO_SUCH_DEVICE);
	snprintf(name, sizeof(name), "usb:054c/06c1:libusb-1.0:1:%u:1", fakes[0].address);
	assert_int_equal(IFDHCreateChannelByName(LUN(0), name), IFD_NO_SUCH_DEVICE);
	/* no driver for it */
	fake_driverless = true;
	assert_int_equal(IFDHCreateChannelByName(LUN(0), fake_name(0)), IFD_NO_SUCH_DEVICE);
	fake_driverless = false;
	/* a driver that fails */
	fakes[0].attach_error = FUDA_EACCESS;
	assert_int_equal(IFDHCreateChannelByName(LUN(0), fake_name(0)), IFD_NO_SUCH_DEVICE);
	fakes[0].attach_error = FUDA_EREADERGONE;
	assert_int_equal(IFDHCreateChannelByName(LUN(0), fake_name(0)), IFD_NO_SUCH_DEVICE);
	fakes[0].attach_error = FUDA_ETIMEOUT;
	assert_int_equal(IFDHCreateChannelByName(LUN(0), fake_name(0)), IFD_RESPONSE_TIMEOUT);
	refuse_lun(LUN(0));
	fakes[0].attach_error = 0;
	fake_open(0, 0);
}

/* Without a place, each call gets the next twin that is free. */
static void test_open_twins(void **state)
{
	(void)state;
	assert_int_equal(IFDHCreateChannelByName(LUN(3), (char[]){ "usb:054c/06c1" }), IFD_SUCCESS);
	assert_int_equal(IFDHCreateChannelByName(LUN(4), (char[]){ "usb:054c/06c1:libhal:x" }), IFD_SUCCESS);
	assert_int_equal(fakes[0].attached + fakes[1].attached, 2);
	assert_int_equal(IFDHCreateChannelByName(LUN(5), (char[]){ "usb:054c/06c1" }), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHCloseChannel(LUN(4)), IFD_SUCCESS);
	assert_int_equal(IFDHCreateChannel(LUN(5), 1), IFD_SUCCESS);
	assert_int_equal(IFDHCreateChannel(LUN(6), 1), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[0].attached + fakes[1].attached, 2);
	assert_int_equal(IFDHCloseChannel(LUN(3)), IFD_SUCCESS);
	assert_int_equal(IFDHCloseChannel(LUN(5)), IFD_SUCCESS);
	/* the highest number that pcscd gives */
	assert_int_equal(IFDHCreateChannel(LUN(15), 1), IFD_SUCCESS);
	assert_int_equal(IFDHCloseChannel(LUN(15)), IFD_SUCCESS);
}

/* pcscd comes once for each interface of a device with several: each gets a slot. */
static void test_open_slots(void **state)
{
	(void)state;
	fakes[0].second = true;
	fake_open(0, 0);
	fake_open(1, 0);
	assert_int_equal(fakes[0].attached, 2);
	assert_int_equal(IFDHCreateChannelByName(LUN(2), fake_name(0)), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHCloseChannel(LUN(1)), IFD_SUCCESS);
	fake_open(2, 0);
}

static int attribute_u8(DWORD lun, DWORD tag)
{
	UCHAR n[1];
	DWORD len = 1;

	assert_int_equal(IFDHGetCapabilities(lun, tag, &len, n), IFD_SUCCESS);
	assert_int_equal(len, 1);
	return n[0];
}

/* Two interfaces of three slots: two readers to pcscd, each of three slots. */
static void test_many_slots(void **state)
{
	UCHAR atr[MAX_ATR_SIZE];
	DWORD len;

	(void)state;
	fakes[0].second = true;
	fakes[0].slots = 3;
	fake_open(0, 0);
	assert_int_equal(attribute_u8(LUN(0), TAG_IFD_SLOTS_NUMBER), 3);
	assert_int_equal(attribute_u8(LUN(0), TAG_IFD_SLOT_THREAD_SAFE), 0);
	for (unsigned i = 1; i < 3; i++)
		assert_int_equal(IFDHCreateChannelByName(SLOT(0, i), fake_name(0)), IFD_SUCCESS);
	assert_int_equal(fakes[0].taken, 7);
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 1), fake_name(0)), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 3), fake_name(0)), IFD_NO_SUCH_DEVICE);
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 15), fake_name(0)), IFD_NO_SUCH_DEVICE);
	fake_open(1, 0);
	assert_int_equal(IFDHCreateChannel(SLOT(1, 2), 0), IFD_SUCCESS);
	assert_int_equal(IFDHCreateChannelByName(SLOT(1, 1), NULL), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHCreateChannelByName(SLOT(1, 1), (char[]){ "" }), IFD_SUCCESS); /* the name says nothing */
	assert_int_equal(fakes[0].taken, 63);
	assert_int_equal(IFDHCreateChannelByName(LUN(2), fake_name(0)), IFD_COMMUNICATION_ERROR);
	/* each has a card and power of its own */
	len = sizeof(atr);
	assert_int_equal(IFDHPowerICC(SLOT(0, 2), IFD_POWER_UP, atr, &len), IFD_SUCCESS);
	assert_int_equal(IFDHICCPresence(SLOT(0, 1)), IFD_ICC_PRESENT);
	fake_power(1);
	/* the first may go before the others */
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	assert_int_equal(fakes[0].taken, 62);
	assert_int_equal(IFDHICCPresence(SLOT(0, 2)), IFD_ICC_PRESENT);
	assert_int_equal(IFDHCloseChannel(SLOT(0, 1)), IFD_SUCCESS);
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 1), fake_name(0)), IFD_NO_SUCH_DEVICE);
}

/* A slot that is not the first of its interface is no reader. */
static void test_lone_slots(void **state)
{
	(void)state;
	fakes[0].slots = 2;
	fake_open(0, 0);
	assert_int_equal(IFDHCreateChannelByName(LUN(1), fake_name(0)), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[0].taken, 1);
	fakes[0].attach_error = FUDA_EREADERGONE;
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 1), fake_name(0)), IFD_NO_SUCH_DEVICE);
	fakes[0].attach_error = 0;
	assert_int_equal(IFDHCreateChannelByName(SLOT(0, 1), fake_name(0)), IFD_SUCCESS);
	assert_int_equal(fakes[0].taken, 3);
}

/* ---- attributes ---- */

/* All of the attribute `tag`, which has `size` bytes, and never a byte more. */
static const UCHAR *attribute(DWORD tag, size_t size)
{
	static UCHAR bytes[256];
	DWORD len = sizeof(bytes);

	memset(bytes, 0xEE, sizeof(bytes));
	assert_int_equal(IFDHGetCapabilities(LUN(0), tag, &len, bytes), IFD_SUCCESS);
	assert_int_equal(len, size);
	assert_int_equal(bytes[size], 0xEE);
	for (DWORD room = 0; room < size; room++) {
		UCHAR *exact = malloc(room ? room : 1);

		len = room;
		assert_int_equal(IFDHGetCapabilities(LUN(0), tag, &len, exact), IFD_ERROR_INSUFFICIENT_BUFFER);
		assert_int_equal(len, size);
		free(exact);
	}
	if (size > 0) {
		len = sizeof(bytes);
		assert_int_equal(IFDHGetCapabilities(LUN(0), tag, &len, NULL), IFD_ERROR_INSUFFICIENT_BUFFER);
	}
	assert_int_equal(IFDHGetCapabilities(LUN(0), tag, NULL, bytes), IFD_COMMUNICATION_ERROR);
	return bytes;
}

static uint32_t attribute_u32(DWORD tag)
{
	uint32_t n;

	memcpy(&n, attribute(tag, sizeof(n)), sizeof(n));
	return n;
}

static void test_capabilities(void **state)
{
	RESPONSECODE (*wait)(DWORD, int), (*stop)(DWORD);

	(void)state;
	fakes[0].serial = "0123456789";
	fake_open(0, 0);
	assert_int_equal(*attribute(TAG_IFD_THREAD_SAFE, 1), 1);
	assert_int_equal(*attribute(TAG_IFD_SLOT_THREAD_SAFE, 1), 1);
	assert_int_equal(*attribute(TAG_IFD_SLOTS_NUMBER, 1), 1);
	assert_int_equal(*attribute(TAG_IFD_SIMULTANEOUS_ACCESS, 1), 16);
	assert_int_equal(*attribute(TAG_IFD_POLLING_THREAD_KILLABLE, 1), 0);
	memcpy(&wait, attribute(TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, sizeof(wait)), sizeof(wait));
	assert_ptr_equal(wait, slot_wait);
	memcpy(&stop, attribute(TAG_IFD_STOP_POLLING_THREAD, sizeof(stop)), sizeof(stop));
	assert_ptr_equal(stop, slot_stop);
	assert_string_equal((const char *)attribute(SCARD_ATTR_VENDOR_NAME, 5), "Sony");
	assert_string_equal((const char *)attribute(SCARD_ATTR_VENDOR_IFD_TYPE, 5), "Fake");
	assert_string_equal((const char *)attribute(SCARD_ATTR_VENDOR_IFD_SERIAL_NO, 11), "0123456789");
	assert_int_equal(attribute_u32(SCARD_ATTR_VENDOR_IFD_VERSION), 0x01230000);
	assert_int_equal(attribute_u32(SCARD_ATTR_CHANNEL_ID), 0x00200100 | fakes[0].address);
	assert_int_equal(attribute_u32(SCARD_ATTR_MAXINPUT), FAKE_COMMAND_MAX);
	attribute(TAG_IFD_ATR, 0);
	attribute(SCARD_ATTR_ATR_STRING, 0);
	fake_power(0);
	assert_memory_equal(attribute(TAG_IFD_ATR, FUDA_ATR_MAX), fake_atr, FUDA_ATR_MAX);
	assert_memory_equal(attribute(SCARD_ATTR_ATR_STRING, FUDA_ATR_MAX), fake_atr, FUDA_ATR_MAX);
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_POWER_DOWN, NULL, NULL), IFD_SUCCESS);
	attribute(TAG_IFD_ATR, 0);
}

static void test_bad_capabilities(void **state)
{
	static const DWORD unknown[] = { 0, 1, TAG_IFD_SLOTNUM, TAG_IFD_POLLING_THREAD, TAG_IFD_DEVICE_REMOVED, 0x0FB5,
					 0xFFFFFFFF, (DWORD)-1 };
	UCHAR bytes[8];
	DWORD len;

	(void)state;
	fake_open(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		len = sizeof(bytes);
		assert_int_equal(IFDHGetCapabilities(LUN(0), unknown[i], &len, bytes), IFD_ERROR_TAG);
		assert_int_equal(IFDHSetCapabilities(LUN(0), unknown[i], 1, bytes), IFD_ERROR_TAG);
	}
	assert_int_equal(IFDHSetCapabilities(LUN(0), TAG_IFD_ATR, 1, bytes), IFD_ERROR_VALUE_READ_ONLY);
	assert_int_equal(IFDHSetCapabilities(LUN(0), TAG_IFD_ATR, 0, NULL), IFD_ERROR_VALUE_READ_ONLY);
	/* one that says nothing of itself */
	fakes[1].nameless = true;
	fake_open(1, 1);
	len = sizeof(bytes);
	assert_int_equal(IFDHGetCapabilities(LUN(1), SCARD_ATTR_VENDOR_IFD_TYPE, &len, bytes), IFD_ERROR_TAG);
	assert_int_equal(IFDHGetCapabilities(LUN(1), SCARD_ATTR_VENDOR_IFD_SERIAL_NO, &len, bytes), IFD_ERROR_TAG);
}

static void test_control(void **state)
{
	UCHAR bytes[64];
	DWORD len = 99, code;

	(void)state;
	fake_open(0, 0);
	assert_int_equal(IFDHControl(LUN(0), CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, bytes, sizeof(bytes), &len),
			 IFD_SUCCESS);
	assert_int_equal(len, 6);
	assert_int_equal(bytes[0], FEATURE_GET_TLV_PROPERTIES);
	assert_int_equal(bytes[1], 4);
	code = (DWORD)bytes[2] << 24 | (DWORD)bytes[3] << 16 | (DWORD)bytes[4] << 8 | bytes[5];
	assert_int_equal(IFDHControl(LUN(0), code, bytes, 0, bytes, sizeof(bytes), &len), IFD_SUCCESS);
	assert_int_equal(len, 14);
	/* PC/SC part 10: little endian; this reader takes extended commands of up to 1000 bytes */
	assert_memory_equal(bytes, "\x0A\x04\xDF\x03\x00\x00" "\x0B\x02\x4C\x05" "\x0C\x02\xC1\x06", 14);

	/* too small, unknown, nowhere to put it */
	for (DWORD room = 0; room < 14; room++) {
		UCHAR *exact = malloc(room ? room : 1);

		len = 99;
		assert_int_equal(IFDHControl(LUN(0), code, NULL, 0, exact, room, &len), IFD_ERROR_INSUFFICIENT_BUFFER);
		assert_int_equal(len, 0);
		free(exact);
	}
	len = 99;
	assert_int_equal(IFDHControl(LUN(0), code, NULL, 0, NULL, sizeof(bytes), &len), IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, 0);
	assert_int_equal(IFDHControl(LUN(0), code, NULL, 0, bytes, sizeof(bytes), NULL), IFD_COMMUNICATION_ERROR);
	for (DWORD c = 0x42000000 + 3500; c < 0x42000000 + 3600; c++) {
		if (c == code)
			continue;
		len = 99;
		assert_int_equal(IFDHControl(LUN(0), c, bytes, 5, bytes, sizeof(bytes), &len), IFD_ERROR_NOT_SUPPORTED);
		assert_int_equal(len, 0);
	}
	assert_int_equal(IFDHControl(LUN(0), 0, NULL, 0, NULL, 0, &len), IFD_ERROR_NOT_SUPPORTED);
	assert_int_equal(IFDHControl(LUN(0), (DWORD)-1, NULL, 0, NULL, 0, &len), IFD_ERROR_NOT_SUPPORTED);
}

static void test_protocol(void **state)
{
	static const DWORD bad[] = { 0, SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, SCARD_PROTOCOL_RAW,
				     SCARD_PROTOCOL_T15, 0xFFFFFFFF };

	(void)state;
	fake_open(0, 0);
	assert_int_equal(IFDHSetProtocolParameters(LUN(0), SCARD_PROTOCOL_T1, 0, 0, 0, 0), IFD_SUCCESS);
	assert_int_equal(IFDHSetProtocolParameters(LUN(0), SCARD_PROTOCOL_T1, IFD_NEGOTIATE_PTS1, 0x11, 0, 0),
			 IFD_ERROR_PTS_FAILURE);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(IFDHSetProtocolParameters(LUN(0), bad[i], 0, 0, 0, 0), IFD_PROTOCOL_NOT_SUPPORTED);
}

/* ---- power ---- */

static void test_power(void **state)
{
	UCHAR atr[MAX_ATR_SIZE + 1];
	DWORD len = 0; /* callers have come so: the room is MAX_ATR_SIZE */

	(void)state;
	fake_open(0, 0);
	atr[MAX_ATR_SIZE] = 0xEE;
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_POWER_DOWN, NULL, NULL), IFD_SUCCESS);
	assert_int_equal(fakes[0].powers, 0);
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_POWER_UP, atr, &len), IFD_SUCCESS);
	assert_int_equal(len, MAX_ATR_SIZE);
	assert_memory_equal(atr, fake_atr, MAX_ATR_SIZE);
	assert_int_equal(atr[MAX_ATR_SIZE], 0xEE);
	assert_int_equal(fakes[0].last_power, POWER_ON);
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_RESET, atr, &len), IFD_SUCCESS);
	assert_int_equal(fakes[0].last_power, POWER_RESET);
	len = 99;
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_POWER_DOWN, atr, &len), IFD_SUCCESS);
	assert_int_equal(len, 0);
	assert_int_equal(fakes[0].last_power, POWER_OFF);
	/* a reset of a card without power is a power-up */
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_RESET, atr, &len), IFD_SUCCESS);
	assert_int_equal(fakes[0].last_power, POWER_ON);
	assert_int_equal(len, MAX_ATR_SIZE);
	assert_int_equal(fakes[0].powers, 4);
}

static void test_power_fails(void **state)
{
	static const DWORD actions[] = { 0, 499, 503, IFD_SUCCESS, 0xFFFFFFFF };
	static const struct {
		int e;
		RESPONSECODE code;
	} errors[] = {
		{ FUDA_ENOCARD, IFD_ERROR_POWER_ACTION },   { FUDA_EMUTE, IFD_ERROR_POWER_ACTION },
		{ FUDA_ETIMEOUT, IFD_ERROR_POWER_ACTION },  { FUDA_ENOTSUP, IFD_ERROR_POWER_ACTION },
		{ FUDA_EREADERGONE, IFD_NO_SUCH_DEVICE }, { FUDA_ETRANSPORT, IFD_ERROR_POWER_ACTION },
	};
	UCHAR atr[MAX_ATR_SIZE] = { 0xEE };
	DWORD len;

	(void)state;
	fake_open(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		len = sizeof(atr);
		assert_int_equal(IFDHPowerICC(LUN(0), actions[i], atr, &len), IFD_NOT_SUPPORTED);
		assert_int_equal(len, 0);
	}
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_POWER_UP, NULL, &len), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_POWER_UP, atr, NULL), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[0].powers, 0);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_power(0);
		fakes[0].power_error = errors[i].e;
		len = sizeof(atr);
		assert_int_equal(IFDHPowerICC(LUN(0), IFD_RESET, atr, &len), errors[i].code);
		assert_int_equal(len, 0);
		assert_int_equal(atr[0], 0xEE);
		/* nothing is sent to a card that has no power */
		assert_int_equal(fake_transmit(0, 4, 2), errors[i].code == IFD_SUCCESS ? 0 : FAKE_OFF);
		fakes[0].power_error = 0;
	}
	fake_power(0);
	fakes[0].power_error = FUDA_ETRANSPORT;
	assert_int_equal(IFDHPowerICC(LUN(0), IFD_POWER_DOWN, NULL, NULL), IFD_COMMUNICATION_ERROR);
	fakes[0].power_error = 0;
	assert_int_equal(fake_transmit(0, 4, 2), FAKE_OFF);
}

/* ---- transmit ---- */

static void test_transmit(void **state)
{
	SCARD_IO_HEADER pci = { 1, sizeof(pci) }, got = { 99, 99 };
	static UCHAR big[MAX_BUFFER_SIZE_EXTENDED + 1];
	DWORD len = MAX_BUFFER_SIZE_EXTENDED;

	(void)state;
	fake_open(0, 0);
	fake_power(0);
	fakes[0].response_len = FAKE_RESPONSE_MAX;
	big[MAX_BUFFER_SIZE_EXTENDED] = 0xEE;
	assert_int_equal(IFDHTransmitToICC(LUN(0), pci, (UCHAR[]){ 0, 0xB0, 0, 0, 0 }, 5, big, &len, &got),
			 IFD_SUCCESS);
	assert_int_equal(len, FAKE_RESPONSE_MAX);
	assert_int_equal(got.Protocol, 1);
	assert_int_equal(big[MAX_BUFFER_SIZE_EXTENDED], 0xEE);
	assert_int_equal(fakes[0].flags, TRANSMIT_ONCE);
	assert_int_equal(fake_transmit(0, FAKE_COMMAND_MAX, FAKE_RESPONSE_MAX), IFD_SUCCESS);
	/* in place, without a header for the answer */
	memset(big, 0, 5);
	len = sizeof(big);
	assert_int_equal(IFDHTransmitToICC(LUN(0), pci, big, 5, big, &len, NULL), IFD_SUCCESS);
	assert_int_equal(fakes[0].transmits, 3);
}

static void test_bad_transmit(void **state)
{
	SCARD_IO_HEADER pci = { 1, sizeof(pci) };
	UCHAR command[4] = { 0 }, answer[FAKE_RESPONSE_MAX];
	DWORD len = sizeof(answer);

	(void)state;
	fake_open(0, 0);
	assert_int_equal(fake_transmit(0, 4, 2), IFD_ICC_NOT_PRESENT); /* nobody has looked yet */
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_PRESENT);
	assert_int_equal(fake_transmit(0, 4, 2), IFD_COMMUNICATION_ERROR);
	fake_power(0);
	assert_int_equal(IFDHTransmitToICC(LUN(0), pci, NULL, 4, answer, &len, &pci), IFD_COMMUNICATION_ERROR);
	assert_int_equal(len, 0);
	len = sizeof(answer);
	assert_int_equal(IFDHTransmitToICC(LUN(0), pci, command, 4, NULL, &len, &pci), IFD_COMMUNICATION_ERROR);
	assert_int_equal(len, 0);
	assert_int_equal(IFDHTransmitToICC(LUN(0), pci, command, 4, answer, NULL, &pci), IFD_COMMUNICATION_ERROR);
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(fake_transmit(0, n, 2), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fake_transmit(0, FAKE_COMMAND_MAX + 1, 2), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[0].transmits, 0);
	/* no room: nothing is written, but the command has been carried out */
	for (size_t room = 0; room < 2; room++)
		assert_int_equal(fake_transmit(0, 4, room), IFD_ERROR_INSUFFICIENT_BUFFER);
	fakes[0].response_len = FAKE_RESPONSE_MAX;
	assert_int_equal(fake_transmit(0, 4, FAKE_RESPONSE_MAX - 1), IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(fakes[0].transmits, 3);
}

/* Whatever goes wrong, the command is not sent again, and the code is that of the table. */
static void test_transmit_errors(void **state)
{
	static const struct {
		int e;
		RESPONSECODE code;
	} errors[] = {
#define X(name, text, status, pkcs11, ifd) { FUDA_##name, ifd },
#include <fuda/err.def>
#undef X
	};

	(void)state;
	fake_open(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_power(0);
		fakes[0].transmits = 0;
		fakes[0].transmit_error = errors[i].e;
		assert_int_equal(fake_transmit(0, 13, FAKE_RESPONSE_MAX), errors[i].code);
		assert_int_equal(fakes[0].transmits, 1);
		assert_int_not_equal(errors[i].code, IFD_SUCCESS);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_names),
		T(test_bad_luns),
		T(test_open),
		T(test_open_fails),
		T(test_open_twins),
		T(test_open_slots),
		T(test_many_slots),
		T(test_lone_slots),
		T(test_capabilities),
		T(test_bad_capabilities),
		T(test_control),
		T(test_protocol),
		T(test_power),
		T(test_power_fails),
		T(test_transmit),
		T(test_bad_transmit),
		T(test_transmit_errors),
	};

	return RUN(tests);
}
