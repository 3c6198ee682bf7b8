/* SPDX-License-Identifier: Apache-2.0 */
/* The applications of the software card. Written from card.md 2 and shared with nobody: a typo
 * here must not agree with one in the middleware. */
#include "vcard/internal.h"

/* card.md 3.2. Only the first five can be changed, by the command that card.md 3 gives for each.
 * The tries of `birth` are not known: as many as its neighbours have. */
const struct pin_type vcard_pins[PINS] = {
	[PIN_AUTH] = { "auth", "1234", 3, 4, 4, .change = 0x24 },
	[PIN_SIGN] = { "sign", "ABC123", 5, 6, 16, .letters = true, .change = 0x24 },
	[PIN_TEXT] = { "text", "1234", 3, 4, 4, .change = 0x24 },
	[PIN_JUKI] = { "juki", "1234", 3, 4, 4, .change = 0x32 },
	[PIN_COMMON] = { "common", "1234", 3, 4, 4, .change = 0x32 },
	[PIN_TEXT_A] = { "text-a", "", 10, 12, 12 },
	[PIN_TEXT_B] = { "text-b", "", 10, 14, 14 },
	[PIN_FACE_A] = { "face-a", "", 10, 12, 12 },
	[PIN_FACE_B] = { "face-b", "", 10, 14, 14 },
	[PIN_BIRTH] = { "birth", "", 10, 6, 6 },
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

/* card.md 2.6 */
#define FACE_A BY(PIN_FACE_A)
#define FACE_B BY(PIN_FACE_B)
static const struct ef face_efs[] = {
	{ 0x0001, EF_BINARY, KIND_CARD, BY(PIN_BIRTH) },
	{ 0x0002, EF_BINARY, KIND_CARD, FACE_A | FACE_B },
	{ 0x0003, EF_BINARY, KIND_CARD, FREE },
	{ 0x0004, EF_BINARY, KIND_CARD, FREE },
	{ 0x0005, EF_BINARY, KIND_CARD, FACE_A },
	{ 0x0006, EF_BINARY, KIND_CARD, FACE_A | FACE_B },
	{ 0x0011, EF_PIN, KIND_CARD, .pin = PIN_BIRTH },
	{ 0x0012, EF_PIN, KIND_CARD, .pin = PIN_FACE_B },
	{ 0x0013, EF_PIN, KIND_CARD, .pin = PIN_FACE_A },
	{ 0x0014, EF_OPAQUE, KIND_CARD },
	{ 0x0015, EF_OPAQUE, KIND_CARD },
	{ 0x001A, EF_KEY, KIND_CARD, FREE },
	{ 0x001C, EF_OPAQUE, KIND_CARD },
	{ 0x001E, EF_OPAQUE, KIND_CARD },
};

/* card.md 2.7. What opens 0008 is not known: taken for the same as its neighbours. */
#define TEXT   BY(PIN_TEXT)
#define TEXT_A BY(PIN_TEXT_A)
#define TEXT_B BY(PIN_TEXT_B)
static const struct ef text_efs[] = {
	{ 0x0001, EF_BINARY, KIND_CARD, TEXT | TEXT_A },
	{ 0x0002, EF_BINARY, KIND_CARD, TEXT | TEXT_B },
	{ 0x0003, EF_BINARY, KIND_CARD, TEXT | TEXT_A | TEXT_B },
	{ 0x0004, EF_BINARY, KIND_CARD, FREE },
	{ 0x0005, EF_BINARY, KIND_CARD, FREE },
	{ 0x0006, EF_BINARY, KIND_CARD, TEXT | TEXT_A | TEXT_B, .session = true },
	{ 0x0007, EF_BINARY, KIND_CARD, TEXT | TEXT_A | TEXT_B },
	{ 0x0008, EF_BINARY, KIND_CARD, TEXT | TEXT_A | TEXT_B },
	{ 0x0010, EF_OPAQUE, KIND_CARD },
	{ 0x0011, EF_PIN, KIND_CARD, .pin = PIN_TEXT },
	{ 0x0012, EF_LOCKED, KIND_CARD },
	{ 0x0013, EF_KEY, KIND_CARD, FREE },
	{ 0x0014, EF_PIN, KIND_CARD, .pin = PIN_TEXT_A },
	{ 0x0015, EF_PIN, KIND_CARD, .pin = PIN_TEXT_B },
	{ 0x001C, EF_OPAQUE, KIND_CARD },
	{ 0x001E, EF_OPAQUE, KIND_CARD },
};

/* card.md 2.4 */
static const struct ef common_efs[] = {
	{ 0x0001, EF_RECORDS, KIND_CARD, FREE },
	{ 0x0002, EF_RECORDS, KIND_CARD, FREE },
	{ 0x0019, EF_INTERNAL, KIND_CARD, FREE },
	{ 0x001C, EF_PIN, KIND_CARD, .pin = PIN_COMMON },
	{ 0x001E, EF_OPAQUE, KIND_CARD },
};

/* card.md 2.5: what else is there is not known */
static const struct ef juki_efs[] = {
	{ 0x0002, EF_RECORDS, KIND_CARD, FREE },
	{ 0x001C, EF_PIN, KIND_CARD, .pin = PIN_JUKI },
};

#define EFS(name) #name, .efs = name##_efs, .count = ARRAY_SIZE(name##_efs)

/* SET SESSION KEY: card.md 3.3, which does not speak of the ISD. */
const struct application vcard_apps[] = {
	{ EFS(isd), .aid = { 0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00 }, .aid_len = 7,
	  .tokens = KIND_ALL, .session = 0x6982 },
	{ EFS(jpki), .aid = { 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01 },
	  .aid_len = 10, .tokens = KIND_ALL, .session = 0x6982 },
	{ EFS(face), .aid = { 0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02 },
	  .aid_len = 10, .tokens = KIND_CARD, .session = 0x66F1, .default_key = 0x001A },
	{ EFS(text), .aid = { 0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08 },
	  .aid_len = 10, .tokens = KIND_CARD, .session = 0x9000, .default_key = 0x0013 },
	{ EFS(juki), .aid = { 0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x01 },
	  .aid_len = 10, .tokens = KIND_CARD, .session = 0x6982 },
	{ EFS(common), .aid = { 0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00 },
	  .aid_len = 10, .tokens = KIND_CARD, .session = 0x66F1 },
};
const size_t vcard_apps_count = ARRAY_SIZE(vcard_apps);
_Static_assert(ARRAY_SIZE(vcard_apps) <= APPS_MAX, "APPS_MAX");

/* card.md 2.2 */
const uint16_t vcard_objects[] = { 0x0042, 0x0045, 0x0066, 0x00F0, 0x00F2,
				   0x00F7, 0x00F8, 0x5F51, 0x7F21 };
const size_t vcard_objects_count = ARRAY_SIZE(vcard_objects);
_Static_assert(ARRAY_SIZE(vcard_objects) <= OBJECTS_MAX, "OBJECTS_MAX");
