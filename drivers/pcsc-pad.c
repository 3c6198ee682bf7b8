/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of the PC/SC service can do with PINs: PC/SC part 10. For workers to call. */
#include "drivers/pcsc.h"

#include <reader.h>
#include <string.h>

#include "base/cursor.h"
#include "reader/pad.h"

enum { ANSWER_MAX = 512 };

/* `*ret` lies in `room`. */
static LONG ask(SCARDHANDLE card, DWORD code, uint8_t room[ANSWER_MAX], struct cursor *ret)
{
	DWORD len = 0;
	LONG rv;

	memset(room, 0, ANSWER_MAX);
	rv = SCardControl(card, code, NULL, 0, room, ANSWER_MAX, &len);
	if (rv == SCARD_S_SUCCESS && len > ANSWER_MAX)
		rv = SCARD_E_INSUFFICIENT_BUFFER;
	*ret = cur_of(room, rv == SCARD_S_SUCCESS ? len : 0);
	return rv;
}

/* The next of a list of tags, lengths of one byte and values. */
static bool next(struct cursor *list, uint8_t *ret_tag, struct cursor *ret_value)
{
	uint8_t len;

	return cur_u8(list, ret_tag) == 0 && cur_u8(list, &len) == 0 &&
	       cur_sub(list, len, ret_value) == 0;
}

/* The control codes of what it can do, 0 for the rest. */
struct features {
	uint32_t verify, modify, properties;
};

static void parse_features(struct cursor list, struct features *ret)
{
	struct cursor value;
	uint8_t tag;

	while (next(&list, &tag, &value)) {
		uint32_t code;

		if (value.left != sizeof(code) || cur_uint(&value, sizeof(code), &code) < 0)
			continue;
		if (tag == FEATURE_VERIFY_PIN_DIRECT)
			ret->verify = code;
		else if (tag == FEATURE_MODIFY_PIN_DIRECT)
			ret->modify = code;
		else if (tag == FEATURE_GET_TLV_PROPERTIES)
			ret->properties = code;
	}
}

struct properties {
	uint16_t vendor, product;
};

/* Those of two bytes, little endian. */
static void parse_properties(struct cursor list, struct properties *ret)
{
	struct cursor value;
	uint32_t n;
	uint8_t tag;

	while (next(&list, &tag, &value)) {
		if (value.left != 2 || cur_le(&value, 2, &n) < 0)
			continue;
		if (tag == PCSCv2_PART10_PROPERTY_wIdVendor)
			ret->vendor = (uint16_t)n;
		else if (tag == PCSCv2_PART10_PROPERTY_wIdProduct)
			ret->product = (uint16_t)n;
	}
}

LONG pcsc_ask_pad(SCARDHANDLE card, struct pcsc_pad *ret)
{
	struct properties properties = { 0 };
	struct features features = { 0 };
	uint8_t room[ANSWER_MAX];
	struct cursor answer;
	LONG rv = ask(card, CM_IOCTL_GET_FEATURE_REQUEST, room, &answer);

	if (rv == SCARD_E_SHARING_VIOLATION)
		return rv;
	*ret = (struct pcsc_pad){ .known = true };
	if (rv != SCARD_S_SUCCESS) /* a driver without any */
		return SCARD_S_SUCCESS;
	parse_features(answer, &features);
	if (!features.verify && !features.modify)
		return SCARD_S_SUCCESS;
	if (features.properties && ask(card, features.properties, room, &answer) == SCARD_S_SUCCESS)
		parse_properties(answer, &properties);
	if (pad_is_false(properties.vendor, properties.product))
		return SCARD_S_SUCCESS;
	ret->verify = features.verify;
	ret->modify = features.modify;
	return SCARD_S_SUCCESS;
}
