/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pn532-chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

enum {
	CHUNK = 262, /* of a response, in one answer */
	STATUS_NOT_NOW = 0x27,
	FIELD = 0x01,	    /* RFConfiguration items */
	MAX_RETRIES = 0x05,
	FOREVER = 0xFF,
	TYPE_A = 0x00, /* BrTy of InListPassiveTarget */
	TYPE_B = 0x03,
};

void pn532_violation(struct pn532 *p, const char *what, unsigned detail)
{
	if (!p->counts.violation[0])
		snprintf(p->counts.violation, sizeof(p->counts.violation), "%s (%02X)", what, detail);
}

static void add(struct answer *a, const void *bytes, size_t len)
{
	if (len > sizeof(a->bytes) - a->len)
		abort();
	memcpy(a->bytes + a->len, bytes, len);
	a->len += len;
}

void pn532_add_byte(struct answer *a, uint8_t byte)
{
	add(a, &byte, 1);
}

/* ---- the card ---- */

void pn532_lose_power(struct pn532 *p)
{
	if (p->card)
		vcard_power(p->card, false);
	p->active = p->halted = false;
	p->rest_len = 0;
}

static bool answers_call(const struct pn532 *p, uint8_t type)
{
	bool is_a = p->kind == PN532_A || p->kind == PN532_A_PLAIN || p->kind == PN532_A_BAD_ATS;

	/* a card in the middle of things does not hear the call */
	return p->card && !p->active && type == (is_a ? TYPE_A : TYPE_B) &&
	       !(p->halted && p->kind == PN532_B_DEAF);
}

static void activate(struct pn532 *p)
{
	if (p->halted) {
		vcard_reset(p->card);
	} else if (!vcard_powered(p->card)) {
		vcard_power(p->card, true);
		p->pupi++; /* a new one each time that it gets power */
	}
	p->active = true;
	p->halted = false;
}

/* What the real card says of itself (readers.md A2). */
static void add_b(const struct pn532 *p, struct answer *a)
{
	const uint8_t pupi[] = { 0x50, 0x12, 0x34, 0x56, p->pupi };
	const uint8_t rest[] = { 0x00, 0x00, 0x05, 0xE0, 0xB3, 0x81, 0xA1 };

	add(a, pupi, sizeof(pupi));
	add(a, rest, sizeof(rest));
	if (p->kind == PN532_B_PLAIN)
		a->bytes[a->len - 2] &= 0xFE;
	add(a, "\x01\x01", 2); /* the answer to ATTRIB: the chip gives CID 1 */
}

static void add_a(const struct pn532 *p, struct answer *a)
{
	const uint8_t plain[] = { 0x04, 0x00, 0x08, 4, 0x08, 0x12, 0x34, p->pupi };
	const uint8_t smart[] = { 0x00, 0x04, 0x20, 4, 0x08, 0x12, 0x34, p->pupi };

	add(a, p->kind == PN532_A_PLAIN ? plain : smart, sizeof(plain));
	if (p->kind == PN532_A)
		add(a, "\x07\x78\x77\x81\x02JP", 7);
	if (p->kind == PN532_A_BAD_ATS)
		add(a, "\x03\x78\x77", 3); /* TC1 is announced and missing */
}

/* ---- commands: each gets what follows its code ---- */

static void diagnose(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	if (in[0] == 0x00)
		add(a, in, len); /* says it again */
	else
		pn532_add_byte(a, in[0] == 0x06 && p->active ? 0x00 : STATUS_TIMEOUT);
}

static void get_firmware_version(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)p, (void)in, (void)len;
	add(a, "\x32\x01\x06\x07", 4);
}

static void read_register(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	if (len % 2)
		pn532_violation(p, "half an address to read", (unsigned)len);
	for (size_t i = 0; i + 1 < len; i += 2)
		pn532_add_byte(a, p->registers[in[i] << 8 | in[i + 1]]);
}

static void write_register(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)a;
	if (len % 3)
		pn532_violation(p, "half an address to write", (unsigned)len);
	for (size_t i = 0; i + 2 < len; i += 3)
		p->registers[in[i] << 8 | in[i + 1]] = in[i + 2];
}

static void nothing_to_say(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)p, (void)in, (void)len, (void)a;
}

static void power_down(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)in, (void)len;
	p->awake = p->field = false;
	pn532_lose_power(p);
	pn532_add_byte(a, 0x00);
}

static void rf_configuration(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)a;
	if (in[0] == FIELD) {
		p->field = in[1] & 1;
		if (!p->field)
			pn532_lose_power(p);
	}
	if (in[0] == MAX_RETRIES) {
		if (len == 4)
			p->patient = in[3] == FOREVER;
		else
			pn532_violation(p, "retries", (unsigned)len);
	}
}

static void in_list_passive_target(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	static const size_t lengths[] = { 2, 7, 7, 3, 2 }; /* by BrTy: A, FeliCa twice, B, Jewel */

	if (in[1] >= ARRAY_SIZE(lengths) || len != lengths[in[1]])
		pn532_violation(p, "a call for cards", in[1]);
	p->field = true;
	if (!answers_call(p, in[1])) {
		a->none = p->patient;
		pn532_add_byte(a, 0);
		return;
	}
	activate(p);
	add(a, "\x01\x01", 2); /* one, the first */
	if (in[1] == TYPE_B)
		add_b(p, a);
	else
		add_a(p, a);
}

static void let_go(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)in, (void)len;
	p->halted |= p->active;
	p->active = false;
	pn532_add_byte(a, 0x00);
}

static void in_communicate_thru(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	(void)p, (void)in, (void)len;
	pn532_add_byte(a, STATUS_TIMEOUT); /* no card here speaks so */
}

/* As much as there is room for. */
static void add_response(struct pn532 *p, struct answer *a)
{
	size_t n = MIN(p->rest_len - p->rest_at, CHUNK);
	bool more = p->rest_at + n < p->rest_len;

	a->len = 0;
	pn532_add_byte(a, more ? STATUS_MORE : 0x00);
	add(a, p->rest + p->rest_at, n);
	p->rest_at += n;
	if (!more)
		p->rest_at = p->rest_len = 0;
}

static void in_data_exchange(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a)
{
	struct fuda_buf response = FUDA_BUF_INIT(sizeof(p->rest));
	int r;

	if (in[0] != 0x01)
		pn532_violation(p, "a target that is not there", in[0]);
	if (len == 1 && p->rest_len) {
		add_response(p, a);
		return;
	}
	if (!p->active) {
		pn532_add_byte(a, p->card ? STATUS_NOT_NOW : STATUS_TIMEOUT);
		return;
	}
	r = vcard_transmit(p->card, in + 1, len - 1, &response);
	if (r == 0) {
		memcpy(p->rest, response.data, response.len);
		p->rest_len = response.len;
		p->rest_at = 0;
		add_response(p, a);
	} else {
		pn532_add_byte(a, STATUS_TIMEOUT); /* it waits in vain as long as the card said it may take */
	}
	fuda_buf_free(&response);
}

static const struct {
	uint8_t code;
	size_t least, most; /* bytes that follow */
	void (*run)(struct pn532 *p, const uint8_t *in, size_t len, struct answer *a);
} commands[] = {
	{ 0x00, 1, 263, diagnose },
	{ 0x02, 0, 0, get_firmware_version },
	{ 0x06, 2, 262, read_register },
	{ 0x08, 3, 261, write_register },
	{ 0x12, 1, 1, nothing_to_say }, /* SetParameters */
	{ 0x14, 1, 3, nothing_to_say }, /* SAMConfiguration */
	{ 0x16, 1, 2, power_down },
	{ 0x32, 2, 12, rf_configuration },
	{ IN_DATA_EXCHANGE, 1, 263, in_data_exchange },
	{ 0x42, 0, 263, in_communicate_thru },
	{ 0x44, 1, 1, let_go }, /* InDeselect */
	{ 0x4A, 2, 14, in_list_passive_target },
	{ 0x52, 1, 1, let_go }, /* InRelease */
};

static size_t find(uint8_t code)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(commands) && commands[i].code != code)
		i++;
	return i;
}

bool pn532_knows(const uint8_t *command, size_t len)
{
	size_t i = find(command[0]);

	return i < ARRAY_SIZE(commands) && len - 1 >= commands[i].least && len - 1 <= commands[i].most;
}

void pn532_carry_out(struct pn532 *p, const uint8_t *command, size_t len, struct answer *ret)
{
	commands[find(command[0])].run(p, command + 1, len - 1, ret);
}
