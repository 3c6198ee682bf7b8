/* SPDX-License-Identifier: Apache-2.0 */
#include "ifd/features.h"

#include <PCSC/reader.h>
#include <string.h>
#include <fuda/device.h>

#include "base/context.h"
#include "reader/pad.h"

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

/* pcscd then comes for the others by itself. */
static int slot_count(const struct slot *s, struct fuda_buf *ret)
{
	return put_u8(ret, MAX(s->reader->slots, 1));
}

/* The slots of an interface share its messages: one at a time. */
static int slots_apart(const struct slot *s, struct fuda_buf *ret)
{
	return put_u8(ret, s->reader->slots < 2);
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

static int serial(const struct slot *s, struct fuda_buf *ret)
{
	return put_text(ret, s->reader->serial, strlen(s->reader->serial));
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
	{ TAG_IFD_SLOTS_NUMBER, slot_count },
	{ TAG_IFD_SLOT_THREAD_SAFE, slots_apart },
	{ TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, wait_function },
	{ TAG_IFD_STOP_POLLING_THREAD, stop_function },
	{ TAG_IFD_POLLING_THREAD_KILLABLE, zero }, /* it would take the lock with it */
	{ SCARD_ATTR_VENDOR_NAME, vendor },
	{ SCARD_ATTR_VENDOR_IFD_TYPE, model },
	{ SCARD_ATTR_VENDOR_IFD_VERSION, version },
	{ SCARD_ATTR_VENDOR_IFD_SERIAL_NO, serial },
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

/* ---- PINs on the keys of the reader ---- */

enum {
	ENDS = 0x07, /* bEntryValidationCondition: at the maximum, by a key, in time; which of them
		      * a reader knows CCID does not say */
	ONE_TIME = 0x00, /* bTimeOut2: CCID has none of its own for what follows the first key */
	STATUS_WORD = 2,
	TIME_MARGIN_S = 10, /* for the card */
};

/* PIN_PROPERTIES_STRUCTURE */
static RESPONSECODE pin_properties(struct slot *s, const struct request *q, struct fuda_buf *ret)
{
	const uint16_t display = s->reader->display;
	const uint8_t bytes[] = { (uint8_t)display, (uint8_t)(display >> 8), ENDS, ONE_TIME };

	(void)q;
	return slot_code(s, fuda_buf_append(ret, bytes, sizeof(bytes)));
}

/* Nobody types a PIN whose answer could not be handed over. */
static RESPONSECODE secure(struct slot *s, bool modify, const struct request *q,
			   struct fuda_buf *ret)
{
	struct pad_entry entry;
	RESPONSECODE code;
	int ms;

	if (q->room < STATUS_WORD)
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	if (pad_parse(modify, q->data, q->len, &entry) < 0)
		return IFD_NOT_SUPPORTED;
	code = slot_ready(s);
	if (code != IFD_SUCCESS)
		return code;
	ms = MAX((int)TYPING_MS, (entry.timeout + TIME_MARGIN_S) * 1000);
	return slot_done(s, reader_secure(s->reader, modify, q->data, q->len, slot_budget(s, ms),
					  ret));
}

static RESPONSECODE verify_pin(struct slot *s, const struct request *q, struct fuda_buf *ret)
{
	return secure(s, false, q, ret);
}

static RESPONSECODE modify_pin(struct slot *s, const struct request *q, struct fuda_buf *ret)
{
	return secure(s, true, q, ret);
}

/* ---- properties ---- */

static int put_pad_properties(const struct reader *r, struct fuda_buf *ret)
{
	int e = put_property(ret, PCSCv2_PART10_PROPERTY_wLcdLayout, r->display, 2);

	if (e == 0)
		e = put_property(ret, PCSCv2_PART10_PROPERTY_bEntryValidationCondition, ENDS, 1);
	if (e == 0)
		e = put_property(ret, PCSCv2_PART10_PROPERTY_bTimeOut2, ONE_TIME, 1);
	return e;
}

static int put_properties(const struct slot *s, struct fuda_buf *ret)
{
	int e = s->reader->pad ? put_pad_properties(s->reader, ret) : 0;

	if (e == 0)
		e = put_property(ret, PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize,
				 data_max(s->reader), 4);
	if (e == 0)
		e = put_property(ret, PCSCv2_PART10_PROPERTY_wIdVendor, s->place.vendor, 2);
	if (e == 0)
		e = put_property(ret, PCSCv2_PART10_PROPERTY_wIdProduct, s->place.product, 2);
	return e;
}

static RESPONSECODE tlv_properties(struct slot *s, const struct request *q, struct fuda_buf *ret)
{
	(void)q;
	return slot_code(s, put_properties(s, ret));
}

/* ---- features ---- */

/* What the readers have of part 10; the control code of each is made from its number. */
static const struct feature {
	uint8_t tag;
	unsigned pad; /* one of these the reader must have; 0: every reader has it */
	RESPONSECODE (*run)(struct slot *s, const struct request *q, struct fuda_buf *ret);
} features[] = {
	{ FEATURE_VERIFY_PIN_DIRECT, READER_PAD_VERIFY, verify_pin },
	{ FEATURE_MODIFY_PIN_DIRECT, READER_PAD_MODIFY, modify_pin },
	{ FEATURE_IFD_PIN_PROPERTIES, READER_PAD_VERIFY | READER_PAD_MODIFY, pin_properties },
	{ FEATURE_GET_TLV_PROPERTIES, 0, tlv_properties },
};

static uint32_t feature_code(const struct feature *f)
{
	return SCARD_CTL_CODE(3500 + f->tag);
}

static bool has_feature(const struct slot *s, const struct feature *f)
{
	return !f->pad || (f->pad & s->reader->pad);
}

static int list_features(const struct slot *s, struct fuda_buf *ret)
{
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features) && e == 0; i++) {
		uint32_t code = feature_code(&features[i]);
		uint8_t tlv[] = { features[i].tag,	 4,
				  (uint8_t)(code >> 24), (uint8_t)(code >> 16),
				  (uint8_t)(code >> 8),	 (uint8_t)code };

		if (has_feature(s, &features[i]))
			e = fuda_buf_append(ret, tlv, sizeof(tlv));
	}
	return e;
}

RESPONSECODE control_run(struct slot *s, DWORD code, const struct request *request,
			 struct fuda_buf *ret)
{
	if (code == CM_IOCTL_GET_FEATURE_REQUEST)
		return slot_code(s, list_features(s, ret));
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (feature_code(&features[i]) == code && has_feature(s, &features[i]))
			return features[i].run(s, request, ret);
	return IFD_ERROR_NOT_SUPPORTED;
}
