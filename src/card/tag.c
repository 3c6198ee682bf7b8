/* SPDX-License-Identifier: Apache-2.0 */
#include "card/tag.h"

enum {
	EF_CC = 0xE103,
	CC_LENGTH = 15, /* with one file, which is what the first block is about */
	SHORT_LC = 255,
	SHORT_LE = 256,
	SHORT_COMMAND = 261,
	NLEN = 2,       /* bytes of the length before the message */
	LATER_MS = 100, /* between looks of one who has waited for long */
};

/* Sends a command that takes no data back (`ret_data` NULL) or does. The state that a tag had is
 * not restored: a phone begins anew. */
static int command(const struct tag *tag, const struct apdu *a, struct fuda_deadline *dl,
		   struct fuda_buf *ret_data)
{
	struct fuda_card *c = tag->card;
	uint16_t sw;
	int r = card_command(c, a, dl, ret_data, &sw);

	if (r == 0 && c->epoch != tag->epoch)
		return ctx_fail_code(c->ctx, FUDA_ERESET);
	return r < 0 ? r : card_check_sw(c, sw);
}

static int select_file(const struct tag *tag, uint16_t fid, struct fuda_deadline *dl)
{
	const uint8_t bytes[] = { (uint8_t)(fid >> 8), (uint8_t)fid };
	const struct apdu a = { 0x00, 0xA4, 0x00, 0x0C, bytes, sizeof(bytes), 0, false };

	return command(tag, &a, dl, NULL);
}

/* READ BINARY: `len` bytes or fewer, but not none. */
static int read_binary(const struct tag *tag, size_t offset, size_t len, bool extended,
		       struct fuda_deadline *dl, struct fuda_buf *ret_data)
{
	const struct apdu a = { 0x00, 0xB0,    (uint8_t)(offset >> 8), (uint8_t)offset, NULL, 0,
				len,  extended };
	const size_t before = ret_data->len;
	int r = command(tag, &a, dl, ret_data);

	if (r < 0)
		return r;
	if (ret_data->len == before || ret_data->len - before > len)
		return ctx_fail(tag->card->ctx, FUDA_EFORMAT,
				_("The phone gave %zu bytes where it was asked for %zu."),
				ret_data->len - before, len);
	return 0;
}

/* ---- Capability Container ---- */

static int take_container(const struct fuda_buf *cc, struct tag *tag)
{
	enum {
		VERSION_MAJOR = 0xF0,
		CONTROL = 0x04,
		CONTROL_LENGTH = 6,
		FREE = 0x00,
		NEVER = 0xFF
	};
	static const uint16_t reserved[] = { 0x0000, 0x3F00, 0x3FFF, 0xE102, EF_CC, 0xFFFF };
	enum { READ_LEAST = 15, SIZE_LEAST = 5 };
	struct cursor c = cur_of(cc->data, cc->len);
	uint16_t length, max_read, max_write, fid, size;
	uint8_t version, block, block_length, reading, writing;

	if (cur_u16(&c, &length) < 0 || cur_u8(&c, &version) < 0 || cur_u16(&c, &max_read) < 0 ||
	    cur_u16(&c, &max_write) < 0 || cur_u8(&c, &block) < 0 ||
	    cur_u8(&c, &block_length) < 0 || cur_u16(&c, &fid) < 0 || cur_u16(&c, &size) < 0 ||
	    cur_u8(&c, &reading) < 0 || cur_u8(&c, &writing) < 0)
		return FUDA_EFORMAT;
	/* mapping versions 2 and 3 are alike in what is used here */
	if ((version & VERSION_MAJOR) != 0x20 && (version & VERSION_MAJOR) != 0x30)
		return FUDA_ENOTSUP;
	if (length < CC_LENGTH || max_read < READ_LEAST || !max_write || block != CONTROL ||
	    block_length != CONTROL_LENGTH || size < SIZE_LEAST || reading != FREE ||
	    (writing != FREE && writing != NEVER))
		return FUDA_EFORMAT;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (fid == reserved[i])
			return FUDA_EFORMAT;
	tag->max_read = max_read;
	tag->max_write = max_write;
	tag->max_message = size - (size_t)NLEN;
	tag->writable = writing == FREE;
	tag->fid = fid;
	return 0;
}

static int read_container(struct tag *tag, struct fuda_deadline *dl, struct fuda_buf *ret_cc)
{
	struct fuda_context *ctx = tag->card->ctx;
	int r = select_file(tag, EF_CC, dl);

	if (r == 0)
		r = read_binary(tag, 0, CC_LENGTH, false, dl, ret_cc);
	if (r < 0)
		return r;
	r = take_container(ret_cc, tag);
	if (r == FUDA_ENOTSUP)
		return ctx_fail(ctx, r,
				_("The phone's NFC tag is of a version that is not known here."));
	if (r < 0)
		return ctx_fail(ctx, r,
				_("What the phone says of its NFC tag (the Capability Container) "
				  "is "
				  "malformed."));
	return 0;
}

/* Where it makes a difference: finds out whether extended length works here, for this session. It
 * is not remembered, as phones of all kinds have one ATR. `*ret_again`: the tag has to be begun
 * with anew. */
static int probe(struct tag *tag, const struct fuda_buf *cc, struct fuda_deadline *dl,
		 bool *ret_again)
{
	struct fuda_card *c = tag->card;
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	int r;

	*ret_again = false;
	if (c->extended != EXTENDED_UNKNOWN || c->reader->max_command <= SHORT_COMMAND ||
	    tag->max_read < SHORT_LE)
		return 0;
	r = read_binary(tag, 0, CC_LENGTH, true, dl, &data);
	if (r == 0 && data.len == cc->len && memcmp(data.data, cc->data, cc->len) == 0) {
		c->extended = EXTENDED_WORKS;
		return 0;
	}
	if (r < 0 && r != FUDA_ESW && r != FUDA_ENOTFOUND && r != FUDA_ESECURITY &&
	    r != FUDA_EFORMAT && r != FUDA_ETRANSPORT && r != FUDA_EMUTE)
		return r;
	c->extended = EXTENDED_FAILS;
	*ret_again = r == FUDA_ETRANSPORT || r == FUDA_EMUTE;
	return *ret_again ? reader_power(c->reader, POWER_ON, dl) : 0;
}

/* Where there is no such application a card may say so in any way: 6A82, 6A81, 6D00, 6985, 6999. */
static int check_there(struct fuda_card *c, int selected)
{
	if (selected != FUDA_ESW && selected != FUDA_ESECURITY)
		return selected;
	return ctx_fail_sw(c->ctx, FUDA_ENOTFOUND, fuda_context_sw(c->ctx), "%s",
			   fuda_error_text(FUDA_ENOTFOUND));
}

int tag_open(struct fuda_card *c, struct fuda_deadline *dl, struct tag *ret)
{
	struct tag tag = { .card = c };
	bool again;
	int r;

	do {
		_cleanup_buf_ struct fuda_buf cc = FUDA_BUF_INIT(SHORT_LE);

		/* a selection sets what a phone has begun back to its beginning */
		c->application = NULL;
		again = false;
		r = check_there(c, card_select(c, &aid_ndef, dl));
		tag.epoch = c->epoch;
		if (r == 0)
			r = read_container(&tag, dl, &cc);
		if (r == 0)
			r = probe(&tag, &cc, dl, &again);
	} while (r == 0 && again);
	if (r == 0)
		r = select_file(&tag, tag.fid, dl);
	if (r == 0)
		*ret = tag;
	return r;
}

/* ---- messages ---- */

/* How long the message is; 0: there is none yet. */
static int read_length(const struct tag *tag, struct fuda_deadline *dl, size_t *ret)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(SHORT_LE);
	int r = read_binary(tag, 0, NLEN, false, dl, &data);

	if (r < 0)
		return r;
	if (data.len != NLEN)
		return ctx_fail_code(tag->card->ctx, FUDA_EFORMAT);
	*ret = (size_t)(data.data[0] << 8 | data.data[1]);
	return 0;
}

/* What is in the file behind its length. */
static int read_message(const struct tag *tag, size_t len, struct fuda_deadline *dl,
			struct fuda_buf *ret_message)
{
	const size_t piece = MIN(tag->max_read, (size_t)SHORT_LE);
	size_t done = 0;
	int r = 0;

	if (len > tag->max_message || len > ret_message->max - ret_message->len)
		return ctx_fail(tag->card->ctx, FUDA_ETOOBIG,
				_("The phone's message for engagement claims to have %zu bytes."),
				len);
	while (r == 0 && done < len) {
		const size_t before = ret_message->len;

		r = read_binary(tag, NLEN + done, MIN(piece, len - done), false, dl, ret_message);
		done += ret_message->len - before;
	}
	return r;
}

int tag_read(const struct tag *tag, int wait_ms, unsigned looks, struct fuda_deadline *dl,
	     struct fuda_buf *ret_message)
{
	size_t len = 0;

	for (unsigned i = 1;; i++) {
		int r = read_length(tag, dl, &len);

		if (r < 0)
			return r;
		if (len)
			return read_message(tag, len, dl, ret_message);
		/* Phones need longer than they announce: mdoc.md 0.8. */
		r = deadline_sleep(dl, i < looks ? wait_ms : MAX(wait_ms, LATER_MS));
		if (r < 0)
			return ctx_fail_code(tag->card->ctx, r);
	}
}

/* UPDATE BINARY. */
static int update(const struct tag *tag, size_t offset, const uint8_t *bytes, size_t len,
		  struct fuda_deadline *dl)
{
	const struct apdu a = { 0x00, 0xD6, (uint8_t)(offset >> 8), (uint8_t)offset, bytes, len,
				0,    false };

	return command(tag, &a, dl, NULL);
}

int tag_write(const struct tag *tag, struct cursor message, struct fuda_deadline *dl)
{
	const uint8_t length[NLEN] = { (uint8_t)(message.left >> 8), (uint8_t)message.left };
	static const uint8_t none[NLEN];
	const size_t piece = MIN(tag->max_write, (size_t)SHORT_LC);
	size_t offset = NLEN;
	int r;

	if (!tag->writable)
		return ctx_fail(tag->card->ctx, FUDA_ENOTSUP,
				_("The phone offers a negotiation that it does not let anyone take "
				  "part in."));
	if (message.left > tag->max_message)
		return ctx_fail(tag->card->ctx, FUDA_ETOOBIG,
				_("The phone has no room for what has to be written to it."));
	if (NLEN + message.left <= piece) {
		uint8_t all[SHORT_LC];

		memcpy(all, length, NLEN);
		memcpy(all + NLEN, message.p, message.left);
		return update(tag, 0, all, NLEN + message.left, dl);
	}
	/* While it is being written, there is no message: Type 4 Tag, NDEF write procedure. */
	r = update(tag, 0, none, NLEN, dl);
	while (r == 0 && message.left) {
		size_t len = MIN(piece, message.left);
		const uint8_t *bytes;

		r = cur_take(&message, len, &bytes);
		if (r == 0)
			r = update(tag, offset, bytes, len, dl);
		offset += len;
	}
	return r < 0 ? r : update(tag, 0, length, NLEN, dl);
}
