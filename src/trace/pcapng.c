/* SPDX-License-Identifier: Apache-2.0 */
/* Traces for Wireshark: pcapng (draft-ietf-opsawg-pcapng) of link type ISO 14443, with the frames
 * of type B made up in which commands and responses could have passed (ISO 14443-3 and -4). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codec/apdu.h"
#include "trace/export.h"

enum {
	LINKTYPE_ISO_14443 = 264,
	/* blocks of pcapng */
	BLOCK_SECTION = 0x0A0D0D0A,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER = 0x1A2B3C4D,
	/* options of all blocks, of sections, of interfaces */
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_APPLICATION = 4,
	OPTION_NAME = 2,
	OPTION_RESOLUTION = 9,
	MICROSECONDS = 6,
	/* events of the link type; the frames have their CRC, because without it blocks of one byte
	 * would be taken for short frames of type A */
	EVENT_FROM_CARD = 0xFF,
	EVENT_TO_CARD = 0xFE,
	EVENT_FIELD_OFF = 0xFD,
	EVENT_FIELD_ON = 0xFC,
	PSEUDO_HEADER = 4,
	/* ISO 14443-4: frames of 256 bytes (card.md 1.2), of which one is PCB and two are CRC */
	BLOCK_INF = 253,
	PCB_I = 0x02,
	PCB_MORE = 0x10,
	PCB_ACK = 0xA2,
	/* PC/SC 3.1.3.2.3.2: ATR that stands for a card of type B, card.md 1.1 */
	ATR_TYPE_B = 13,
	ATQB_DATA = 8, /* of ATQB behind the PUPI: application data, protocol info, MBLI << 4 */
	BODY_MAX = 4096,
	COMMENT_MAX = 400,
};

#define WAIT_MAX UINT64_C(86400000000) /* microseconds that anything takes: a day */

struct pcapng {
	struct trace_out *o;
	struct fuda_buf body; /* of the block that is being made */
	uint64_t clock;	      /* microseconds since 1970 */
	uint32_t interface;   /* the last one that was described */
	bool described;	      /* there is one */
	bool active;	      /* the card stands in the field and is activated */
	uint8_t number;	      /* of the next I-block */
	uint8_t atqb[ATQB_DATA];
	char note[COMMENT_MAX]; /* comment of the next packet */
};

/* ---- blocks of pcapng; numbers little endian ---- */

static void failed(struct pcapng *p, int r)
{
	if (r < 0 && p->o->error == 0)
		p->o->error = r;
}

static void put(struct pcapng *p, const void *bytes, size_t len)
{
	failed(p, fuda_buf_append(&p->body, bytes, len));
}

static void put_le(struct pcapng *p, uint32_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++, value >>= 8)
		put(p, &(uint8_t){ (uint8_t)value }, 1);
}

static void pad(struct pcapng *p)
{
	static const uint8_t zeros[4];

	put(p, zeros, -p->body.len & 3);
}

static void put_option(struct pcapng *p, uint32_t code, const void *value, size_t len)
{
	put_le(p, code, 2);
	put_le(p, (uint32_t)len, 2);
	put(p, value, len);
	pad(p);
}

static void put_text(struct pcapng *p, uint32_t code, const char *text)
{
	put_option(p, code, text, strlen(text));
}

/* Writes what was put as a block of `type`. */
static void write_block(struct pcapng *p, uint32_t type)
{
	enum { AROUND = 12 /* type, length, length again */ };
	struct pcapng head = { .o = p->o, .body = FUDA_BUF_INIT(AROUND) };
	uint32_t total = (uint32_t)(p->body.len + AROUND);

	put_le(&head, type, 4);
	put_le(&head, total, 4);
	out_bytes(p->o, head.body.data, head.body.len);
	out_bytes(p->o, p->body.data, p->body.len);
	out_bytes(p->o, head.body.data + 4, 4);
	fuda_buf_clear(&p->body);
	fuda_buf_free_public(&head.body);
}

static void write_section(struct pcapng *p)
{
	static const uint8_t unknown[8] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };

	put_le(p, BYTE_ORDER, 4);
	put_le(p, 1, 2); /* version 1.0 */
	put_le(p, 0, 2);
	put(p, unknown, sizeof(unknown)); /* length of the section */
	put_text(p, OPTION_COMMENT,
		 "Made of a trace of APDUs. The APDUs are as recorded. The frames and blocks "
		 "around them, the activation of the card, the events of the field and the times "
		 "within an exchange are synthesised: the reader may have spoken another "
		 "protocol. The APDUs are dissected with \"Decode As\" ISO 7816 "
		 "(tshark -d iso14443.subdissector,iso7816).");
	put_text(p, OPTION_APPLICATION, "fuda trace export");
	put_le(p, OPTION_END, 4);
	write_block(p, BLOCK_SECTION);
}

/* An interface is a reader. */
static void write_interface(struct pcapng *p, const char *name)
{
	if (p->described)
		p->interface++;
	p->described = true;
	p->active = false;
	put_le(p, LINKTYPE_ISO_14443, 2);
	put_le(p, 0, 2);
	put_le(p, 0, 4); /* frames are not cut */
	if (*name)
		put_text(p, OPTION_NAME, name);
	put_option(p, OPTION_RESOLUTION, &(uint8_t){ MICROSECONDS }, 1);
	put_le(p, OPTION_END, 4);
	write_block(p, BLOCK_INTERFACE);
}

/* CRC_B, ISO 14443-3 annex B, of what follows bytes of which it is `crc`. */
static uint16_t crc_b(uint16_t crc, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1);
	}
	return crc;
}

/* One event, with the note that waits for it. */
static void write_packet(struct pcapng *p, uint8_t event, const uint8_t *a, size_t a_len,
			 const uint8_t *b, size_t b_len)
{
	bool frame = event == EVENT_FROM_CARD || event == EVENT_TO_CARD;
	uint16_t crc = (uint16_t)~crc_b(crc_b(0xFFFF, a, a_len), b, b_len);
	size_t len = a_len + b_len + (frame ? sizeof(crc) : 0);
	const uint8_t header[PSEUDO_HEADER] = { 0, event, (uint8_t)(len >> 8), (uint8_t)len };

	if (!p->described)
		write_interface(p, "");
	put_le(p, p->interface, 4);
	put_le(p, (uint32_t)(p->clock >> 32), 4);
	put_le(p, (uint32_t)p->clock, 4);
	put_le(p, (uint32_t)(PSEUDO_HEADER + len), 4);
	put_le(p, (uint32_t)(PSEUDO_HEADER + len), 4);
	put(p, header, sizeof(header));
	put(p, a, a_len);
	put(p, b, b_len);
	if (frame)
		put_le(p, crc, sizeof(crc)); /* its low byte passes first */
	pad(p);
	if (*p->note) {
		put_text(p, OPTION_COMMENT, p->note);
		put_le(p, OPTION_END, 4);
		*p->note = '\0';
	}
	write_block(p, BLOCK_PACKET);
}

/* Adds a sentence to the comment of the next packet; what does not fit is left out. */
static _printf_(2, 3) void note(struct pcapng *p, const char *format, ...)
{
	size_t used = strlen(p->note);
	va_list ap;

	if (used && used + 1 < sizeof(p->note))
		p->note[used++] = ' ';
	va_start(ap, format);
	vsnprintf(p->note + used, sizeof(p->note) - used, format, ap);
	va_end(ap);
}

/* ---- activation ---- */

static void field(struct pcapng *p, bool on)
{
	write_packet(p, on ? EVENT_FIELD_ON : EVENT_FIELD_OFF, NULL, 0, NULL, 0);
	p->clock++;
	p->active = false;
}

/* REQB, ATQB, ATTRIB and its answer, as card.md 1.2 has them; the PUPI is zeros. */
static void activate(struct pcapng *p)
{
	enum { PUPI = 4 };
	static const uint8_t reqb[] = { 0x05, 0x00, 0x10 };
	static const uint8_t attrib[] = { 0x1D, 0, 0, 0, 0, 0x00, 0x08, 0x01, 0x00 };
	static const uint8_t attrib_answer[] = { 0x00 };
	static const uint8_t atqb[1 + PUPI] = { 0x50 };

	if (p->active)
		return;
	field(p, true);
	note(p, "The activation is synthesised.");
	write_packet(p, EVENT_TO_CARD, reqb, sizeof(reqb), NULL, 0);
	p->clock++;
	write_packet(p, EVENT_FROM_CARD, atqb, sizeof(atqb), p->atqb, ATQB_DATA - 1);
	p->clock++;
	write_packet(p, EVENT_TO_CARD, attrib, sizeof(attrib), NULL, 0);
	p->clock++;
	write_packet(p, EVENT_FROM_CARD, attrib_answer, sizeof(attrib_answer), NULL, 0);
	p->clock++;
	p->active = true;
	p->number = 0;
}

/* What ATQB says is in the ATR that PC/SC makes of it; otherwise what a genuine card said. */
static void take_atr(struct pcapng *p, const struct trace_statement *s)
{
	static const uint8_t usual[ATQB_DATA] = { 0x00, 0x00, 0x41, 0xE0, 0xB3, 0x81, 0xA1, 0x00 };
	static const uint8_t start[] = { 0x3B, 0x88, 0x80, 0x01 };
	_cleanup_buf_ struct fuda_buf atr = FUDA_BUF_INIT(64);

	memcpy(p->atqb, usual, sizeof(usual));
	if (!s || trace_literal(s, &atr) < 0 || atr.len != ATR_TYPE_B ||
	    memcmp(atr.data, start, sizeof(start)) != 0)
		return;
	memcpy(p->atqb, atr.data + sizeof(start), sizeof(p->atqb));
}

/* ---- exchanges ---- */

static size_t blocks_of(size_t len)
{
	return len ? (len + BLOCK_INF - 1) / BLOCK_INF : 1;
}

/* The time between two of `frames` frames of an exchange. */
struct pace {
	uint64_t start, us;
	size_t frames, done;
};

static void tick(struct pcapng *p, struct pace *pace)
{
	pace->done++;
	if (pace->frames > 1)
		p->clock = pace->start + pace->us * pace->done / (pace->frames - 1);
}

/* An APDU in I-blocks, each but the last acknowledged. Block numbers by ISO 14443-4 7.5.4: what is
 * answered to has the number of its answer. */
static void write_apdu(struct pcapng *p, bool command, const uint8_t *apdu, size_t len,
		       struct pace *pace)
{
	uint8_t event = command ? EVENT_TO_CARD : EVENT_FROM_CARD;
	uint8_t other = command ? EVENT_FROM_CARD : EVENT_TO_CARD;

	for (size_t at = 0, n = blocks_of(len); n > 0 && p->o->error == 0; n--) {
		size_t part = MIN(len - at, (size_t)BLOCK_INF);
		bool more = n > 1;
		uint8_t pcb = (uint8_t)(PCB_I | (more ? PCB_MORE : 0) | p->number);

		write_packet(p, event, &pcb, 1, apdu + at, part);
		tick(p, pace);
		at += part;
		if (more || !command)
			p->number ^= 1;
		if (more) {
			uint8_t ack = (uint8_t)(PCB_ACK | (command ? p->number ^ 1 : p->number));

			write_packet(p, other, &ack, 1, NULL, 0);
			tick(p, pace);
		}
	}
}

static void note_hidden(struct pcapng *p, unsigned hides)
{
	static const struct {
		unsigned hides;
		const char *note;
	} rows[] = {
		{ TRACE_HIDES_SECRET, "The secret is not recorded: zeros stand for it." },
		{ TRACE_HIDES_DATA, "Data is not recorded: zeros stand for it." },
		{ TRACE_HIDES_PATTERN, "The script leaves bytes open: zeros stand for them." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (hides & rows[i].hides)
			note(p, "%s", rows[i].note);
}

static int write_exchange(struct pcapng *p, const struct trace_event *event)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(TRACE_BYTES_MAX + 2);
	const uint8_t sw[] = { (uint8_t)(event->sw >> 8), (uint8_t)event->sw };
	bool answered = event->data != NULL;
	struct pace pace;
	int r = answered ? fuda_buf_append(&response, event->data->data, event->data->len) : 0;

	if (r == 0 && answered)
		r = fuda_buf_append(&response, sw, sizeof(sw));
	if (r < 0)
		return r;
	activate(p);
	pace = (struct pace){ .start = p->clock,
			      .frames = 2 * blocks_of(event->command->len) - 1 +
					(answered ? 2 * blocks_of(response.len) - 1 : 0) };
	pace.us = event->outcome && event->outcome->time.kind == TRACE_TIME_TOOK ?
			  MIN(event->outcome->time.max_us, (uint64_t)WAIT_MAX) :
			  pace.frames;
	note_hidden(p, event->command_hides);
	write_apdu(p, true, event->command->data, event->command->len, &pace);
	if (answered) {
		note_hidden(p, event->data_hides);
		if (!event->sw_known)
			note(p, "The script takes several status words: this is one of them.");
		write_apdu(p, false, response.data, response.len, &pace);
	}
	p->clock = pace.start + pace.us + 1;
	return 0;
}

/* What the card does not answer, it leaves; whatever comes then begins anew. */
static void write_failure(struct pcapng *p, const struct trace_statement *outcome)
{
	if (outcome)
		note(p, "No response: %s.", fuda_error_name(outcome->error));
	else
		note(p, "The trace has no response.");
	field(p, false);
}

static int write_command(struct pcapng *p, const struct trace_event *event)
{
	int r;

	if (event->what->kind == TRACE_VERIFY) {
		note(p, "Here \"verify %s\" is done; its commands are not in the trace.",
		     event->what->word);
		return 0;
	}
	r = write_exchange(p, event);
	if (r == 0 && !event->data)
		write_failure(p, event->outcome);
	return r;
}

/* ---- directives ---- */

/* The clock never goes back: a date that is past says nothing. */
static void take_date(struct pcapng *p, const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t at = end && !*end ? timegm(&tm) : -1;

	if (at > 0 && (uint64_t)at * 1000000 > p->clock)
		p->clock = (uint64_t)at * 1000000;
}

static void write_power(struct pcapng *p, const char *word)
{
	if (p->active)
		field(p, false);
	if (strcmp(word, "off") != 0)
		activate(p);
}

static void write_directive(struct pcapng *p, const struct trace_statement *s)
{
	switch (s->kind) {
	case TRACE_DATE:
		take_date(p, s->text);
		break;
	case TRACE_READER:
		write_interface(p, s->text);
		break;
	case TRACE_ATR:
		take_atr(p, s);
		break;
	case TRACE_POWER:
		write_power(p, s->word);
		break;
	case TRACE_REMOVE:
		write_power(p, "off");
		break;
	case TRACE_WAIT:
		p->clock += MIN(s->time.max_us, (uint64_t)WAIT_MAX);
		break;
	default:
		break;
	}
}

int trace_export_pcapng(struct trace_walk *w, struct trace_out *o)
{
	struct pcapng p = { .o = o, .body = FUDA_BUF_INIT(BODY_MAX) };
	const struct trace_event *event;
	int r;

	take_atr(&p, NULL);
	write_section(&p);
	while ((r = trace_walk_next(w, &event)) > 0) {
		if (event->number)
			r = write_command(&p, event);
		else
			write_directive(&p, event->what);
		if (r < 0 || o->error)
			break;
	}
	if (r == 0 && !p.described)
		write_interface(&p, "");
	fuda_buf_free(&p.body);
	return r < 0 ? r : o->error;
}
