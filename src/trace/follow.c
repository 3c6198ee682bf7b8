/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/follow.h"

#include <string.h>

#include "base/cursor.h"
#include "base/util.h"
#include "codec/apdu.h"

enum {
	BASIC = 0x00,          /* class of the standard's commands: channel 0, whole, in plain */
	JICSAP = 0x80,         /* class of those that JICSAP and the card add */
	SECURE_BITS = 0x0C,    /* of a class of 00 to 1F or 80 to 9F: secure messaging */
	CHAINED = 0x10,        /* in the class: not the last piece */
	SECURE_FURTHER = 0x20, /* ... of 40 to 7F: ISO 7816-4 5.4.1 */
	BY_SFI = 0x80,         /* in P1 of READ BINARY, in P2 of others */
	SFI_MAX = 0x1E,
	CURRENT = 0,
	NONE = -1, /* a short identifier that is none */
};

/* ---- the fields of a command ---- */

/* Of 5 bits, of which 1F is not to be used: ISO 7816-4 7.1.1. All files of the card have their low
 * 5 bits as short identifier, and no others: card.md 2.1. */
static int sfi_of(uint8_t bits)
{
	return bits <= SFI_MAX ? bits : NONE;
}

static int sfi_of_read_binary(const struct apdu *a)
{
	if (!(a->p1 & BY_SFI))
		return CURRENT;
	return a->p1 & 0x60 || a->p1 == BY_SFI ? NONE : sfi_of(a->p1 & 0x1F);
}

/* card.md 3: P2 is (SFI << 3) | mode. */
static int sfi_of_read_record(const struct apdu *a)
{
	return sfi_of(a->p2 >> 3);
}

/* VERIFY and its kin: 80 with the short identifier of an IEF, or with nothing for the current one.
 */
static int sfi_of_key(const struct apdu *a)
{
	if (!(a->p2 & BY_SFI))
		return NONE;
	return a->p2 & 0x60 ? NONE : sfi_of(a->p2 & 0x1F);
}

/* ... and of a signature, whose P2 00 is the key that needs no PIN: card.md 3.1. */
static int sfi_of_signature(const struct apdu *a)
{
	return a->p2 == 0 ? CURRENT : sfi_of_key(a);
}

/* ---- commands ---- */

enum effect {
	FORGETS, /* may do anything */
	LEAVES,  /* what is selected stays */
	SELECTS,
	TAKES_FILE, /* the file that it names becomes the current one: card.md 3 */
	DROPS_FILE, /* ... may become that, or not */
};

/* Of each the class is as it stands here: on other channels, chained or wrapped, it is another. */
static const struct command {
	uint8_t cla, ins;
	const char *name;
	enum trace_command_kind kind;
	enum effect effect;
	int (*sfi)(const struct apdu *a); /* of the file that it names, or CURRENT or NONE */
} commands[] = {
	{ BASIC, 0xA4, "SELECT", TRACE_IS_SELECT, SELECTS, NULL },
	{ BASIC, 0xB0, "READ BINARY", TRACE_IS_READ, TAKES_FILE, sfi_of_read_binary },
	{ BASIC, 0xB2, "READ RECORD", TRACE_IS_READ, TAKES_FILE, sfi_of_read_record },
	{ BASIC, 0xCA, "GET DATA", TRACE_IS_GET_DATA, LEAVES, NULL },
	{ BASIC, 0xC0, "GET RESPONSE", TRACE_IS_GET_RESPONSE, LEAVES, NULL },
	{ BASIC, 0x84, "GET CHALLENGE", TRACE_IS_CHALLENGE, LEAVES, NULL },
	{ BASIC, 0x20, "VERIFY", TRACE_IS_VERIFY, DROPS_FILE, sfi_of_key },
	{ BASIC, 0x24, "CHANGE REFERENCE DATA", TRACE_IS_PIN, DROPS_FILE, sfi_of_key },
	{ BASIC, 0x2C, "RESET RETRY COUNTER", TRACE_IS_PIN, DROPS_FILE, sfi_of_key },
	{ BASIC, 0xC2, "ENVELOPE", TRACE_IS_PIN, FORGETS, NULL },
	{ BASIC, 0xC3, "ENVELOPE", TRACE_IS_PIN, FORGETS, NULL },
	{ BASIC, 0xD6, "UPDATE BINARY", TRACE_IS_OTHER, FORGETS, NULL },
	{ BASIC, 0x88, "INTERNAL AUTHENTICATE", TRACE_IS_SIGN, DROPS_FILE, sfi_of_key },
	{ JICSAP, 0x2A, "COMPUTE DIGITAL SIGNATURE", TRACE_IS_SIGN, DROPS_FILE, sfi_of_signature },
	{ JICSAP, 0x32, "CHANGE KEY", TRACE_IS_PIN, DROPS_FILE, sfi_of_key },
	{ JICSAP, 0x54, "UNLOCK KEY", TRACE_IS_PIN, DROPS_FILE, sfi_of_key },
	{ JICSAP, 0xA2, "TERMINAL AUTHENTICATION", TRACE_IS_OTHER, DROPS_FILE, sfi_of_key },
	{ JICSAP, 0xAE, "SET SESSION KEY", TRACE_IS_OTHER, LEAVES, NULL },
	{ JICSAP, 0xFC, "LAST COMMAND INDICATOR", TRACE_IS_OTHER, LEAVES, NULL },
};

static const struct command *command_of(uint8_t cla, uint8_t ins)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].cla == cla && commands[i].ins == ins)
			return &commands[i];
	return NULL;
}

/* Also of what is chained or wrapped (the class but for its bits for that) or malformed. */
static const char *name_of(const uint8_t *command, size_t len)
{
	struct cursor c = cur_of(command, len);
	const struct command *known;
	uint8_t cla, ins;

	if (cur_u8(&c, &cla) < 0 || cur_u8(&c, &ins) < 0 || cla & 0x60)
		return "";
	known = command_of(cla & 0x80, ins);
	return known ? known->name : "";
}

static bool is_secure(uint8_t cla)
{
	if (cla >= 0x40 && cla <= 0x7F)
		return cla & SECURE_FURTHER;
	return (cla & 0x60) == 0 && cla & SECURE_BITS;
}

/* ---- SELECT ---- */

enum { BY_NAME = 0x04, BY_FID = 0x02, FIRST = 0x00, OCCURRENCE = 0x03, RESPONSE_KIND = 0x0F };

/* A part of an AID selects any application that begins so (card.md 0.8): only all of it counts. */
static const struct aid *selected_application(const struct apdu *a)
{
	const struct aid *aid;

	if (a->p1 != BY_NAME || (a->p2 & OCCURRENCE) != FIRST || a->p2 & ~RESPONSE_KIND)
		return NULL;
	aid = trace_application(a->data, a->lc);
	return aid && aid->len == a->lc && memcmp(aid->bytes, a->data, a->lc) == 0 ? aid : NULL;
}

/* The file that it selects within the application; 0 if that is not plain. */
static uint16_t selected_file(const struct apdu *a)
{
	if (a->p1 != BY_FID || (a->p2 & OCCURRENCE) != FIRST || a->p2 & ~RESPONSE_KIND ||
	    a->lc != 2)
		return 0;
	return (uint16_t)(a->data[0] << 8 | a->data[1]);
}

/* ---- what a command is about ---- */

/* A VERIFY without data asks for the counter. Readers may make 5 bytes of its 4: card.md 3. */
static bool asks_tries(const uint8_t *command, size_t len)
{
	return len == 4 || (len == 5 && command[4] == 0);
}

static enum trace_command_kind kind_of(const struct command *known, const struct apdu *a,
				       const uint8_t *command, size_t len)
{
	if (apdu_is_pin_command(command, len)) {
		if (!known || known->kind != TRACE_IS_VERIFY)
			return TRACE_IS_PIN;
		if (asks_tries(command, len))
			return TRACE_IS_TRIES;
		return a->lc && !a->le && a->p1 == 0 ? TRACE_IS_VERIFY : TRACE_IS_PIN;
	}
	if (known)
		return known->kind;
	return is_secure(a->cla) ? TRACE_IS_SECURE : TRACE_IS_OTHER;
}

static uint16_t file_of(const struct trace_follow *f, const struct command *known,
			const struct apdu *a)
{
	int sfi;

	if (known->kind == TRACE_IS_SELECT)
		return selected_file(a);
	if (!known->sfi)
		return 0;
	sfi = known->sfi(a);
	if (sfi == NONE)
		return 0;
	return sfi == CURRENT ? f->file : (uint16_t)sfi;
}

/* Session data of ISO 18013-5 8.3.3.1.2, of which all but the last piece is chained. */
static bool is_session(const struct trace_follow *f, const struct apdu *a)
{
	return f->application == &aid_mdoc && a->ins == 0xC3 && (a->cla & ~CHAINED) == 0;
}

/* The application's own key signs, whatever file is selected: card.md 3.1. */
static bool by_own_key(const struct apdu *a, const struct command *known)
{
	return known->sfi == sfi_of_signature && a->p2 == 0;
}

static size_t offset_of(const struct apdu *a)
{
	if (a->ins != 0xB0) /* records, or a continuation */
		return TRACE_OFFSET_UNKNOWN;
	return a->p1 & BY_SFI ? a->p2 : (size_t)(a->p1 << 8 | a->p2);
}

void trace_about(const struct trace_follow *f, const uint8_t *command, size_t len,
		 struct trace_about *ret)
{
	struct trace_about about = { TRACE_IS_OTHER, .offset = TRACE_OFFSET_UNKNOWN };
	const struct command *known;
	struct apdu a;

	about.name = name_of(command, len);
	*ret = about;
	if (apdu_parse(command, len, &a) < 0) {
		if (apdu_is_pin_command(command, len))
			ret->kind = TRACE_IS_PIN;
		return;
	}
	known = command_of(a.cla, a.ins);
	about.kind = is_session(f, &a) ? TRACE_IS_SESSION : kind_of(known, &a, command, len);
	about.offset = offset_of(&a);
	if (known) {
		uint16_t file = file_of(f, known, &a);

		about.selects = known->kind == TRACE_IS_SELECT ? selected_application(&a) : NULL;
		about.application = about.selects ? about.selects : f->application;
		if (about.application && !about.selects && file && !by_own_key(&a, known))
			about.file = trace_file(about.application, file);
		if (known->kind == TRACE_IS_GET_RESPONSE)
			about.file = f->continued;
		if (about.file && (about.kind == TRACE_IS_TRIES || about.kind == TRACE_IS_VERIFY))
			about.secret = about.file->secret;
	}
	*ret = about;
}

/* ---- following ---- */

void trace_follow_reset(struct trace_follow *f)
{
	*f = (struct trace_follow){ 0 };
}

/* The card did what it was asked to, or has part of the answer still: ISO 7816-4 5.1.3. */
static bool has_done(uint16_t sw)
{
	uint8_t sw1 = (uint8_t)(sw >> 8);

	return sw == 0x9000 || sw1 == 0x61 || sw1 == 0x62;
}

/* The card knows no such command, class, channel or chaining. */
static bool was_none(uint16_t sw)
{
	return sw == 0x6D00 || sw == 0x6E00 || sw == 0x6881 || sw == 0x6882 || sw == 0x6884;
}

static void follow_select(struct trace_follow *f, const struct apdu *a, uint16_t sw)
{
	uint16_t file = selected_file(a);

	/* What a SELECT leaves that fails is not established: card.md 12. */
	f->file = has_done(sw) ? file : 0;
	if (!file)
		f->application = has_done(sw) ? selected_application(a) : NULL;
	else if (f->file > SFI_MAX) /* none of the card's: card.md 2.1 */
		f->application = NULL;
}

/* What a READ has left on the card for GET RESPONSE. */
static const struct trace_file *continued(const struct trace_follow *f, const uint8_t *command,
					  size_t len, uint16_t sw)
{
	struct trace_about about;

	if ((sw & 0xFF00) != 0x6100)
		return NULL;
	trace_about(f, command, len, &about);
	return about.kind == TRACE_IS_READ || about.kind == TRACE_IS_GET_RESPONSE ? about.file :
										    NULL;
}

void trace_follow(struct trace_follow *f, const uint8_t *command, size_t len, uint16_t sw)
{
	const struct command *known;
	bool parsed;
	struct apdu a;
	uint16_t file;

	f->continued = continued(f, command, len, sw);
	parsed = apdu_parse(command, len, &a) == 0;
	if (was_none(sw) || (parsed && is_session(f, &a)))
		return;
	known = parsed ? command_of(a.cla, a.ins) : NULL;
	switch (known ? known->effect : FORGETS) {
	case FORGETS:
		trace_follow_reset(f);
		break;
	case LEAVES:
		break;
	case SELECTS:
		follow_select(f, &a, sw);
		break;
	case TAKES_FILE:
	case DROPS_FILE:
		file = file_of(f, known, &a);
		if (f->file != file)
			f->file = known->effect == TAKES_FILE && has_done(sw) ? file : 0;
		break;
	}
}
