/* SPDX-License-Identifier: Apache-2.0 */
/* The applications of the software card. Written from card.md 2 and shared with nobody: a typo
 * here must not agree with one in the middleware. */
#include "vcard/internal.h"

const struct pin_type vcard_pins[PINS] = {
	[PIN_AUTH] = { "auth", "1234", .tries = 3, .min = 4, .max = 4 },
	[PIN_SIGN] = { "sign", "ABC123", .tries = 5, .min = 6, .max = 16, .letters = true },
};

/* card.md 2.2: no readable EF at this level */
static const struct ef isd_efs[] = {
	{ 0x001E, EF_OPAQUE, KIND_CARD },
};

/* card.md 2.3, and 6 for phones */
static const struct ef jpki_efs[] = {
	{ 0x0001, EF_BINARY, KIND_ALL, BY(PIN_SIGN), BY(PIN_SIGN) },
	{ 0x0002, EF_BINARY, KIND_ALL, FREE, FREE },
	{ 0x0005, EF_OPAQUE, KIND_CARD },
	{ 0x0006, EF_BINARY, KIND_ALL, FREE, FREE },
	{ 0x0008, EF_BINARY, KIND_ALL, FREE, FREE },
	{ 0x0009, EF_BINARY, KIND_CARD, NEVER, NEVER },
	{ 0x000A, EF_BINARY, KIND_ALL, FREE, BY(PIN_AUTH) },
	{ 0x000B, EF_BINARY, KIND_ALL, FREE, FREE },
	{ 0x0010, EF_OPAQUE, KIND_CARD },
	{ 0x0016, EF_OPAQUE, KIND_CARD },
	{ 0x0017, EF_KEY, KIND_ALL, BY(PIN_AUTH), BY(PIN_AUTH) },
	{ 0x0018, EF_PIN, KIND_ALL, .pin = PIN_AUTH },
	{ 0x0019, EF_OPAQUE, KIND_CARD },
	{ 0x001A, EF_KEY, KIND_ALL, BY(PIN_SIGN), BY(PIN_SIGN) },
	{ 0x001B, EF_PIN, KIND_ALL, .pin = PIN_SIGN },
	{ 0x001C, EF_OPAQUE, KIND_CARD },
	{ 0x001E, EF_OPAQUE, KIND_CARD },
};

const struct application vcard_apps[] = {
	{ "isd", { 0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00 }, 7, KIND_ALL, isd_efs,
	  ARRAY_SIZE(isd_efs) },
	{ "jpki", { 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01 }, 10, KIND_ALL,
	  jpki_efs, ARRAY_SIZE(jpki_efs) },
};
const size_t vcard_apps_count = ARRAY_SIZE(vcard_apps);
_Static_assert(ARRAY_SIZE(vcard_apps) <= APPS_MAX, "APPS_MAX");
