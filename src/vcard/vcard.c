/* SPDX-License-Identifier: Apache-2.0 */
/* Power, classes, chaining, dispatch: what happens to every command of the software card. */
#include "vcard/internal.h"

#include <string.h>
#include "vcard/linktime.h"
#include "vcard/wallet.h"

#define LINK_KBITS 106
#define CHAINING   0x10

static void drop_volatile(struct vcard *v)
{
	v->chaining = false;
	fuda_buf_free(&v->chain);
	fuda_buf_free(&v->pending);
}

void vcard_select(struct vcard *v, struct app_state *app)
{
	if (app != v->df || !v->conf.opt.reselect_keeps)
		for (size_t i = 0; i < PINS; i++)
			v->conf.pin[i].verified = false;
	v->df = app;
	v->ef = NULL;
	v->terminal_half = false;
	vcard_sm_end(v);
}

void vcard_power(struct vcard *v, bool on)
{
	if (on == v->powered)
		return;
	v->powered = on;
	v->usage.since_power = 0;
	drop_volatile(v);
	for (size_t i = 0; i < PINS; i++)
		v->conf.pin[i].verified = false;
	vcard_select(v, &v->app[0]);
	if (v->wallet)
		wallet_forget(v->wallet);
}

void vcard_reset(struct vcard *v)
{
	if (!v->powered)
		vcard_power(v, true);
	drop_volatile(v);
	if (v->wallet) /* to a phone it is another tap */
		wallet_forget(v->wallet);
}

bool vcard_powered(const struct vcard *v)
{
	return v->powered;
}

const uint8_t *vcard_atr(const struct vcard *v, size_t *ret_len)
{
	*ret_len = v->conf.atr_len;
	return v->conf.atr;
}

size_t vcard_max_command(const struct vcard *v)
{
	return v->conf.opt.max_command;
}

size_t vcard_max_response(const struct vcard *v)
{
	return v->conf.opt.max_response;
}

struct vcard_usage vcard_usage(const struct vcard *v)
{
	return v->usage;
}

/* What waits, at most Le bytes of it at a time. */
static uint16_t cmd_get_response(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf rest = FUDA_BUF_INIT(v->pending.max);
	size_t len = MIN(a->le, v->pending.len);

	if (v->conf.opt.responses != RESPONSES_61)
		return 0x6D00;
	if (a->p1 || a->p2)
		return 0x6A86;
	if (a->lc || !a->le)
		return 0x6700;
	if (!v->pending.len)
		return 0x6985;
	if (fuda_buf_append(ret_data, v->pending.data, len) < 0 ||
	    fuda_buf_set(&rest, v->pending.data + len, v->pending.len - len) < 0 ||
	    fuda_buf_set(&v->pending, rest.data, rest.len) < 0)
		return 0x6F00;
	return rest.len ? (uint16_t)(0x6100 | (uint8_t)MIN(rest.len, 256)) : 0x9000;
}

/* Only channel 0 exists: card.md 1.2. */
static uint16_t cmd_channel(_unused_ struct vcard *v, _unused_ const struct apdu *a,
			    _unused_ struct fuda_buf *ret_data)
{
	return 0x6881;
}

/* What only the issuer may do: card.md 3. */
static uint16_t cmd_refused(_unused_ struct vcard *v, _unused_ const struct apdu *a,
			    _unused_ struct fuda_buf *ret_data)
{
	return 0x6982;
}

/* The iPhone's last command indicator: card.md 3. */
static uint16_t cmd_indicator(struct vcard *v, const struct apdu *a,
			      _unused_ struct fuda_buf *ret_data)
{
	bool form = !a->p1 && !a->p2 && !a->lc;

	return form && v->conf.opt.kind == KIND_IPHONE ? 0x9000 : 0x6700;
}

static const struct command {
	uint8_t cla, ins;
	command_fn *run;
} commands[] = {
	{ 0x00, 0x20, cmd_verify },	   { 0x00, 0x24, cmd_change },
	{ 0x00, 0x70, cmd_channel },	   { 0x00, 0x84, cmd_challenge },
	{ 0x00, 0x88, cmd_internal_auth }, { 0x00, 0xA4, cmd_select },
	{ 0x00, 0xB0, cmd_read_binary },   { 0x00, 0xB2, cmd_read_record },
	{ 0x00, 0xC0, cmd_get_response },  { 0x00, 0xCA, cmd_get_data },
	{ 0x80, 0x2A, cmd_sign },	   { 0x80, 0x32, cmd_change },
	{ 0x80, 0x54, cmd_refused },	   { 0x80, 0xA2, cmd_terminal },
	{ 0x80, 0xAE, cmd_session_key },   { 0x80, 0xFC, cmd_indicator },
};

static const struct command *find_command(uint8_t cla, uint8_t ins)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].cla == cla && commands[i].ins == ins)
			return &commands[i];
	return NULL;
}

/* ISO 7816-4 5.4.1: 000x and 100x are first interindustry values, 01 further ones with channels 4
 * to 19. */
static uint16_t check_class(const struct vcard *v, const struct apdu *a)
{
	if ((a->cla & 0xC0) == 0x40)
		return 0x6881;
	if (a->cla & 0x60)
		return 0x6E00;
	if (a->cla & 0x03)
		return 0x6881;
	return a->cla & 0x0C ? vcard_sm_check(v, a) : 0x9000;
}

/* Collects a command sent in pieces (ISO 7816-4 5.3.3). A piece of another command gives up the
 * chain. Returns 9000 with `*ret_last` when `a` is the whole command. */
static uint16_t collect(struct vcard *v, struct apdu *a, bool *ret_last)
{
	const uint8_t head[4] = { a->cla & ~CHAINING, a->ins, a->p1, a->p2 };
	bool more = a->cla & CHAINING;

	if (v->chaining && memcmp(head, v->chain_head, sizeof(head)) != 0)
		drop_volatile(v);
	*ret_last = !more;
	if (!more && !v->chaining)
		return 0x9000;
	if (!v->conf.opt.chaining)
		return 0x6884;
	if (fuda_buf_append(&v->chain, a->data, a->lc) < 0) {
		drop_volatile(v);
		return 0x6700;
	}
	v->chaining = more;
	memcpy(v->chain_head, head, sizeof(head));
	a->cla = head[0];
	a->data = v->chain.data;
	a->lc = v->chain.len;
	return 0x9000;
}

/* Sees that the data goes back in the way that Le and the option `responses` ask for. */
static uint16_t give_back(struct vcard *v, const struct apdu *a, uint16_t sw,
			  struct fuda_buf *data)
{
	unsigned how = a->extended ? RESPONSES_PLAIN : v->conf.opt.responses;
	size_t len = data->len;

	if (!len || a->ins == 0xC0)
		return sw;
	if (how == RESPONSES_61) {
		if (fuda_buf_set(&v->pending, data->data, len) < 0)
			return 0x6F00;
		fuda_buf_clear(data);
		return (uint16_t)(0x6100 | (uint8_t)MIN(len, 256));
	}
	if (len == a->le || (len < a->le && !(how == RESPONSES_6C && !a->lc)))
		return sw;
	fuda_buf_clear(data);
	return how == RESPONSES_6C ? (uint16_t)(0x6C00 | (uint8_t)MIN(len, 256)) : 0x6700;
}

static uint16_t execute(struct vcard *v, const uint8_t *bytes, size_t len,
			struct fuda_buf *ret_data)
{
	const struct command *command;
	struct apdu a;
	uint16_t sw;
	bool last;

	if (apdu_parse(bytes, len, &a) < 0)
		return 0x6700;
	if (v->conf.opt.first_command && v->usage.since_power == 1)
		return (uint16_t)v->conf.opt.first_command;
	if (v->wallet)
		return wallet_command(v->wallet, &a, ret_data);
	sw = check_class(v, &a);
	if (sw != 0x9000)
		return sw;
	command = find_command(a.cla & 0x80, a.ins);
	if (!command)
		return 0x6D00;
	if (a.extended && !v->conf.opt.extended)
		return 0x6700;
	sw = collect(v, &a, &last);
	if (sw != 0x9000 || !last)
		return sw;
	if (a.ins != 0xC0)
		fuda_buf_free(&v->pending);
	if (a.cla & SM_CLASS)
		sw = vcard_sm_run(v, &a, command->run, ret_data);
	else
		sw = command->run(v, &a, ret_data);
	fuda_buf_free(&v->chain);
	return give_back(v, &a, sw, ret_data);
}

int vcard_transmit(struct vcard *v, const uint8_t *command, size_t len,
		   struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	uint16_t sw;
	int r;

	if (!v->powered)
		return FUDA_ENOCARD;
	v->usage.apdus++;
	v->usage.since_power++;
	v->usage.sent += len;
	if (v->conf.opt.mute_at && v->usage.since_power >= v->conf.opt.mute_at)
		return FUDA_EMUTE;
	sw = execute(v, command, len, &out);
	r = fuda_buf_append(&out, (const uint8_t[]){ sw >> 8, sw & 0xFF }, 2);
	if (r == 0)
		r = fuda_buf_set(ret_response, out.data, out.len);
	if (r < 0)
		return r;
	v->usage.received += out.len;
	v->usage.link_ns += linktime_ns(len, out.len, LINK_KBITS);
	return 0;
}
