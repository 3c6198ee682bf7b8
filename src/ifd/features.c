/* SPDX-License-Identifier: Apache-2.0 */
#include "ifd/features.h"

#include <PCSC/reader.h>
#include <string.h>
#include <fuda/device.h>

#include "base/context.h"

enum { CHANNEL_USB = 0x0020 }; /* PC/SC part 3: type of SCARD_ATTR_CHANNEL_ID */

/* Numbers of attributes are as the machine has them, of TLV properties little endian. */
static int put_u32(struct fuda_buf *b, uint32_t n)
{
	return fuda_buf_append(b, &n, sizeof(n));
}

static int put_u8(struct fuda_buf *b, uint8_t n)
{
	return fuda_buf_append(b, &n, 1);
}

/* With its NUL, as SCardGetAttrib() has texts. */
static int put_text(struct fuda_buf *b, const char *text, size_t len)
{
	if (len == 0)
		return FUDA_ENOTFOUND;
	return fuda_buf_append(b, text, len) < 0 ? FUDA_ETOOBIG : put_u8(b, 0);
}

/* ---- attributes ---- */

static int one(const struct slot *s, struct fuda_buf *ret)
{
	(void)s;
	return put_u8(ret, 1);
}

static int zero(const struct slot *s, struct fuda_buf *ret)
{
	(void)s;
	return put_u8(ret, 0);
}

static int readers_max(const struct slot *s, struct fuda_buf *ret)
{
	(void)s;
	return put_u8(ret, PCSCLITE_MAX_READERS_CONTEXTS);
}

static int wait_function(const struct slot *s, struct fuda_buf *ret)
{
	RESPONSECODE (*const f)(DWORD, int) = slot_wait;

	(void)s;
	return fuda_buf_append(ret, &f, sizeof(f));
}

static int stop_function(const struct slot *s, struct fuda_buf *ret)
{
	RESPONSECODE (*const f)(DWORD) = slot_stop;

	(void)s;
	return fuda_buf_append(ret, &f, sizeof(f));
}

static int atr(const struct slot *s, struct fuda_buf *ret)
{
	return s->powered ? fuda_buf_append(ret, s->reader->atr, s->reader->atr_len) : 0;
}

static int model(const struct slot *s, struct fuda_buf *ret)
{
	return put_text(ret, s->reader->model, strlen(s->reader->model));
}

/* The words of the device's name in front of its model, which has a digit: "I-O DATA USB-NFC4". */
static int vendor(const struct slot *s, struct fuda_buf *ret)
{
	const struct fuda_device *d = fuda_device_find(s->place.vendor, s->place.product);
	size_t len;

	if (!d)
		return FUDA_ENOTFOUND;
	len = strcspn(d->name, "0123456789");
	while (len > 0 && d->name[len - 1] != ' ')
		len--;
	return put_text(ret, d->name, len > 0 ? len - 1 : 0);
}

/* 0xMMmmbbbb; bcdDevice is 0xMMmm. */
static int version(const struct slot *s, struct fuda_buf *ret)
{
	return put_u32(ret, (uint32_t)s->place.release << 16);
}

static int channel(const struct slot *s, struct fuda_buf *ret)
{
	return put_u32(ret, (uint32_t)CHANNEL_USB << 16 | (uint32_t)s->place.bus << 8 |
				    s->place.address);
}

static int max_command(const struct slot *s, struct fuda_buf *ret)
{
	return put_u32(ret, (uint32_t)s->reader->max_command);
}

static const struct capability {
	DWORD tag;
	int (*put)(const struct slot *s, struct fuda_buf *ret); /* FUDA_E...: it has none */
} capabilities[] = {
	{ TAG_IFD_ATR, atr },
	{ SCARD_ATTR_ATR_STRING, atr },
	{ TAG_IFD_SIMULTANEOUS_ACCESS, readers_max },
	{ TAG_IFD_THREAD_SAFE, one },
	{ TAG_IFD_SLOTS_NUMBER, one },
	{ TAG_IFD_SLOT_THREAD_SAFE, one },
	{ TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, wait_function },
	{ TAG_IFD_STOP_POLLING_THREAD, stop_function },
	{ TAG_IFD_POLLING_THREAD_KILLABLE, zero }, /* it would take the lock with it */
	{ SCARD_ATTR_VENDOR_NAME, vendor },
	{ SCARD_ATTR_VENDOR_IFD_TYPE, model },
	{ SCARD_ATTR_VENDOR_IFD_VERSION, version },
	{ SCARD_ATTR_CHANNEL_ID, channel },
	{ SCARD_ATTR_MAXINPUT, max_command },
};

static const struct capability *find(DWORD tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (capabilities[i].tag == tag)
			return &capabilities[i];
	return NULL;
}

bool capability_known(DWORD tag)
{
	return find(tag) != NULL;
}

RESPONSECODE capability_get(const struct slot *s, DWORD tag, struct fuda_buf *ret)
{
	const struct capability *c = find(tag);

	return c && c->put(s, ret) == 0 ? IFD_SUCCESS : IFD_ERROR_TAG;
}

/* ---- PC/SC part 10 ---- */

static int put_property(struct fuda_buf *b, uint8_t tag, uint32_t value, uint8_t size)
{
	uint8_t tlv[6] = { tag, size };

	for (size_t i = 0; i < size; i++)
		tlv[2 + i] = (uint8_t)(value >> 8 * i);
	return fuda_buf_append(b, tlv, 2 + (size_t)size);
}

/* Bytes of data that an APDU can carry both ways: 256 if it takes short ones only. */
static uint32_t data_max(const struct reader *r)
{
	enum { EXTENDED_CASE_4 = 9, STATUS = 2, SHORT = 256, EXTENDED = 65536 };
	size_t n = MIN(r->max_command - MIN(r->max_command, (size_t)EXTENDED_CASE_4),
		       r->max_response - MIN(r->max_response, (size_t)STATUS));

	/* A command carries one byte less than a response: 65,535. */
	if (n >= EXTENDED - 1)
		return EXTENDED;
	return MAX((uint32_t)n, (uint32_t)SHORT);
}

static int tlv_properties(struct slot *s, struct fuda_buf *ret)
{
	int e = put_property(ret, PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, data_max(s->reader), 4);

	if (e == 0)
		e = put_property(ret, PCSCv2_PART10_PROPERTY_wIdVendor, s->place.vendor, 2);
	if (e == 0)
		e = put_property(ret, PCSCv2_PART10_PROPERTY_wIdProduct, s->place.product, 2);
	return e;
}

/* What the readers have of part 10; the control code of each is made from its number. */
static const struct feature {
	uint8_t tag;
	int (*run)(struct slot *s, struct fuda_buf *ret);
} features[] = {
	{ FEATURE_GET_TLV_PROPERTIES, tlv_properties },
};

static uint32_t feature_code(const struct feature *f)
{
	return SCARD_CTL_CODE(3500 + f->tag);
}

static int list_features(struct fuda_buf *ret)
{
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features) && e == 0; i++) {
		uint32_t code = feature_code(&features[i]);
		uint8_t tlv[] = { features[i].tag,	 4,
				  (uint8_t)(code >> 24), (uint8_t)(code >> 16),
				  (uint8_t)(code >> 8),	 (uint8_t)code };

		e = fuda_buf_append(ret, tlv, sizeof(tlv));
	}
	return e;
}

RESPONSECODE control_run(struct slot *s, DWORD code, struct fuda_buf *ret)
{
	if (code == CM_IOCTL_GET_FEATURE_REQUEST)
		return slot_code(s, list_features(ret));
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (feature_code(&features[i]) == code)
			return slot_code(s, features[i].run(s, ret));
	return IFD_ERROR_NOT_SUPPORTED;
}
