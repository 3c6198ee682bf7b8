/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rcs380-chip.h"

#include "base/deadline.h"
#include "drivers/rcs380-frame.h"

enum code {
	IN_SET_RF = 0x00,
	IN_SET_PROTOCOL = 0x02,
	IN_COMM_RF = 0x04,
	SWITCH_RF = 0x06,
	GET_FIRMWARE_VERSION = 0x20,
	GET_PD_DATA_VERSION = 0x22,
	SET_COMMAND_TYPE = 0x2A,
};

enum {
	TRANSFER_MAX = 2048, /* whole packets, and more than a frame */
	RECEIVED_MAX = RCS380_FRAME_MAX + TRANSFER_MAX,
	REPLY_MS = 300, /* to acknowledge, or to carry out what takes no time on the air */
	QUIET_MS = 10,  /* after so long a silence nothing of the past is to come */
	STRAY_MAX = 32, /* transfers or frames of the past; who has more to say never ends */
	BREAK_OFF_MS = 30,
	OFF_MS = 800, /* for both, and what comes before */
	AIR_UNIT_US = 100,
	AIR_SLACK = 10,   /* units: the device begins to count a little earlier than a card */
	AIR_MAX = 0xFFFF, /* units: longer than any frame waiting time */
};

#define NOT_ANSWERING N_("The reader does not answer. Unplug it, plug it in again and try again.")
#define NONSENSE                                                                                   \
	N_("The reader says what its driver does not understand. Unplug it, plug it in again and " \
	   "try again.")

static int broken(struct rcs380_chip *c, const char *text)
{
	return ctx_fail(c->ctx, FUDA_ETRANSPORT, "%s", _(text));
}

/* ---- frames in and out ---- */

static void forget(struct rcs380_chip *c)
{
	fuda_buf_clear(&c->received);
	c->used = 0;
}

/* One transfer more. FUDA_EMUTE: none came in that time. */
static int receive(struct rcs380_chip *c, int ms, struct fuda_deadline *dl)
{
	if (c->received.max - c->received.len < TRANSFER_MAX)
		return broken(c, NONSENSE);
	return c->usb->backend->in(c->usb, TRANSFER_MAX, ms, dl, &c->received);
}

/* The next frame, an enum rcs380_frame; its data stay where they are until the one after. */
static int next_frame(struct rcs380_chip *c, int ms, struct fuda_deadline *dl,
		      struct cursor *ret_data)
{
	int empty = 0; /* transfers; others end where the room does */

	if (c->used == c->received.len)
		forget(c);
	while (empty < STRAY_MAX) {
		struct cursor rest = cur_of(c->received.data, c->received.len);
		size_t before = c->received.len;
		int kind, e;

		cur_skip(&rest, c->used);
		kind = rcs380_frame_parse(&rest, ret_data);
		if (kind < 0)
			return broken(c, NONSENSE);
		if (kind == RCS380_ACK || kind == RCS380_DATA) {
			c->used = c->received.len - rest.left;
			return kind;
		}
		e = receive(c, kind == RCS380_SYNTAX ? QUIET_MS : ms, dl);
		if (e == FUDA_EMUTE && kind == RCS380_SYNTAX)
			return RCS380_SYNTAX;
		if (e == FUDA_EMUTE)
			return broken(c, NOT_ANSWERING);
		if (e < 0)
			return e;
		empty += c->received.len == before;
	}
	return broken(c, NONSENSE);
}

static int send_ack(struct rcs380_chip *c, struct fuda_deadline *dl)
{
	return c->usb->backend->out(c->usb, rcs380_ack, sizeof(rcs380_ack), false, dl);
}

/* So that no answer to a command of the past is taken for one to the next. */
static int get_in_step(struct rcs380_chip *c, struct fuda_deadline *dl)
{
	int e = send_ack(c, dl);

	for (int i = 0; e == 0 && i < STRAY_MAX; i++) {
		forget(c);
		e = receive(c, QUIET_MS, dl);
	}
	forget(c);
	if (e == 0)
		return broken(c, NONSENSE);
	if (e != FUDA_EMUTE)
		return e;
	c->in_step = true;
	return 0;
}

/* ---- commands ---- */

static int send_command(struct rcs380_chip *c, uint8_t code, struct cursor first,
			struct cursor second, struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf frame = FUDA_BUF_INIT(RCS380_FRAME_MAX);
	int e = rcs380_frame_build(RCS380_TO_DEVICE, code, first, second, &frame);

	if (e < 0)
		return ctx_fail_code(c->ctx, e);
	return c->usb->backend->out(c->usb, frame.data, frame.len, true, dl);
}

/* Before it, answers of the past may come. */
static int await_ack(struct rcs380_chip *c, struct fuda_deadline *dl)
{
	struct cursor data;

	for (int i = 0; i < STRAY_MAX; i++) {
		int kind = next_frame(c, REPLY_MS, dl, &data);

		if (kind < 0)
			return kind;
		if (kind == RCS380_ACK)
			return 0;
		if (kind == RCS380_SYNTAX)
			break;
	}
	return broken(c, NONSENSE);
}

static int await_answer(struct rcs380_chip *c, uint8_t code, int ms, struct fuda_deadline *dl,
			struct cursor *ret_payload)
{
	uint8_t direction, answered;
	struct cursor data;
	int kind = next_frame(c, ms, dl, &data);

	if (kind < 0)
		return kind;
	if (kind != RCS380_DATA || cur_u8(&data, &direction) < 0 || cur_u8(&data, &answered) < 0 ||
	    direction != RCS380_TO_HOST || answered != code + 1)
		return broken(c, NONSENSE);
	*ret_payload = data;
	return 0;
}

static void break_off(struct rcs380_chip *c)
{
	bool kept = ctx_keep_error(c->ctx, true);

	fuda_deadline_restart(c->own, BREAK_OFF_MS);
	send_ack(c, c->own);
	ctx_keep_error(c->ctx, kept);
}

/* The parameters in two pieces. The payload of the answer lives until the next command. */
static int command(struct rcs380_chip *c, uint8_t code, struct cursor first, struct cursor second,
		   int ms, struct fuda_deadline *dl, struct cursor *ret_payload)
{
	int e = c->in_step ? 0 : get_in_step(c, dl);

	if (e < 0)
		return e;
	forget(c);
	c->in_step = false;
	e = send_command(c, code, first, second, dl);
	if (e == 0)
		e = await_ack(c, dl);
	if (e == 0)
		e = await_answer(c, code, ms, dl, ret_payload);
	if (e == 0)
		c->in_step = true;
	else if (e != FUDA_EREADERGONE)
		break_off(c);
	return e;
}

/* One that answers with a status. */
static int order(struct rcs380_chip *c, uint8_t code, const uint8_t *params, size_t len,
		 struct fuda_deadline *dl)
{
	struct cursor payload;
	uint8_t status;
	int e = command(c, code, cur_of(params, len), cur_of(NULL, 0), REPLY_MS, dl, &payload);

	if (e < 0)
		return e;
	if (cur_u8(&payload, &status) < 0)
		return broken(c, NONSENSE);
	if (status)
		return ctx_fail(c->ctx, FUDA_ETRANSPORT,
				_("The reader refuses command %02X (status %02X). Unplug it, plug "
				  "it in again and try again."),
				code, status);
	return 0;
}

/* One that answers with a version, low byte first. */
static int ask_version(struct rcs380_chip *c, uint8_t code, const char *what,
		       struct fuda_deadline *dl)
{
	struct cursor payload;
	uint8_t low, high;
	int e = command(c, code, cur_of(NULL, 0), cur_of(NULL, 0), REPLY_MS, dl, &payload);

	if (e < 0)
		return e;
	if (cur_u8(&payload, &low) < 0 || cur_u8(&payload, &high) < 0)
		return broken(c, NONSENSE);
	ctx_log(c->ctx, FUDA_LOG_DEBUG, "%s %x.%02x", what, high, low);
	return 0;
}

static int switch_off(struct rcs380_chip *c, struct fuda_deadline *dl)
{
	return order(c, SWITCH_RF, (const uint8_t[]){ 0 }, 1, dl);
}

int rcs380_field_off(struct rcs380_chip *c)
{
	fuda_deadline_restart(c->own, OFF_MS);
	return switch_off(c, c->own);
}

int rcs380_set_rf(struct rcs380_chip *c, const uint8_t rf[4], struct fuda_deadline *dl)
{
	return order(c, IN_SET_RF, rf, 4, dl);
}

int rcs380_set_protocol(struct rcs380_chip *c, const uint8_t *pairs, size_t len,
			struct fuda_deadline *dl)
{
	return order(c, IN_SET_PROTOCOL, pairs, len, dl);
}

/* ---- to the card ---- */

/* Bits of the status of InCommRF. */
#define RF_TIMEOUT 0x80u
#define RF_DAMAGED 0x8000001Fu /* protocol, parity, CRC, collision, overflow; length */
static const struct {
	uint32_t bit;
	const char *text;
} failures[] = {
	{ 0x40, N_("The reader is too hot to go on. Let it cool down and try again.") },
	{ 0x200, N_("The reader finds the field of another reader. Move them apart and try "
		    "again.") },
	{ 0x400, N_("The reader has lost its field. Take the card off, put it back and try "
		    "again.") },
	{ 0x800, N_("The reader cannot send. Unplug it, plug it in again and try again.") },
};

static int judge(struct rcs380_chip *c, uint32_t status)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (status & failures[i].bit)
			return broken(c, failures[i].text);
	if (status & ~(RF_TIMEOUT | RF_DAMAGED))
		return ctx_fail(c->ctx, FUDA_ETRANSPORT,
				_("The reader could not speak to the card (status %08X). Take it "
				  "off, put it back and try again."),
				(unsigned)status);
	return status & RF_DAMAGED ? FUDA_EFORMAT : status ? FUDA_EMUTE : 0;
}

int rcs380_exchange(void *arg, const uint8_t *frame, size_t len, uint32_t us,
		    struct fuda_deadline *dl, struct fuda_buf *ret)
{
	struct rcs380_chip *c = arg;
	uint32_t units = MIN(us / AIR_UNIT_US + 1 + AIR_SLACK, AIR_MAX);
	const uint8_t wait[2] = { (uint8_t)units, (uint8_t)(units >> 8) };
	int ms = (int)(units * AIR_UNIT_US / 1000) + REPLY_MS;
	uint32_t status;
	struct cursor payload;
	int e = command(c, IN_COMM_RF, cur_of(wait, sizeof(wait)), cur_of(frame, len), ms, dl,
			&payload);

	if (e < 0)
		return e;
	if (cur_le(&payload, 4, &status) < 0)
		return broken(c, NONSENSE);
	e = judge(c, status);
	if (e < 0)
		return e;
	/* one byte about the bits of the last one, of use only where cards collide */
	if (cur_skip(&payload, 1) < 0)
		return broken(c, NONSENSE);
	if (!payload.left || payload.left > RCS380_CARD_FRAME_MAX)
		return FUDA_EFORMAT;
	e = fuda_buf_append(ret, payload.p, payload.left);
	return e < 0 ? ctx_fail_code(c->ctx, e) : 0;
}

/* ---- from plugging to unplugging ---- */

int rcs380_chip_start(struct rcs380_chip *c, struct fuda_context *ctx, struct usb *usb,
		      struct fuda_deadline *dl)
{
	static const uint8_t type = 1; /* of commands, those described here */
	int e;

	*c = (struct rcs380_chip){
		.ctx = ctx,
		.usb = usb,
		.received = FUDA_BUF_INIT(RECEIVED_MAX),
	};
	e = fuda_deadline_new(0, &c->own);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	e = order(c, SET_COMMAND_TYPE, &type, 1, dl);
	if (e == 0)
		e = ask_version(c, GET_FIRMWARE_VERSION, "firmware", dl);
	if (e == 0)
		e = ask_version(c, GET_PD_DATA_VERSION, "package data", dl);
	if (e == 0)
		e = switch_off(c, dl);
	if (e < 0) {
		fuda_deadline_free(&c->own);
		fuda_buf_free(&c->received);
	}
	return e;
}

void rcs380_chip_end(struct rcs380_chip *c)
{
	bool kept = ctx_keep_error(c->ctx, true);

	rcs380_field_off(c);
	break_off(c);
	ctx_keep_error(c->ctx, kept);
	usb_close(&c->usb);
	fuda_deadline_free(&c->own);
	fuda_buf_free(&c->received);
}
