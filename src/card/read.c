/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files in the fewest bytes, then the fewest round trips. */
#include "card/card.h"

#include "card/extended.h"
#include "codec/tlv.h"

enum {
	SHORT_LE = 256,
	SHORT_COMMAND = 261, /* with its header, Lc, 255 bytes and Le */
	EXTENDED_LE = 65536,
	P1_SFI = 0x80,
	FILE_END = 0x8000, /* offsets have 15 bits */
};

/* ---- commands ---- */

/* Status words of cards that do not take a short file identifier in a read command. */
static bool refuses_sfi(uint16_t sw)
{
	static const uint16_t refusals[] = { 0x6A86, 0x6B00, 0x6A81, 0x6986, 0x6700, 0x6D00 };

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (refusals[i] == sw)
			return true;
	return false;
}

/* READ BINARY (ISO 7816-4 11.2.3). Data that came with a warning about the end of the file counts.
 */
static int read_binary(struct fuda_card *c, uint8_t p1, uint8_t p2, size_t le, bool extended,
		       struct fuda_deadline *dl, struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	struct apdu a = { 0x00, 0xB0, p1, p2, NULL, 0, le, extended };
	size_t before = ret_data->len;
	int r = card_command(c, &a, dl, ret_data, ret_sw);

	if (r < 0)
		return r;
	if (*ret_sw == 0x6282)
		*ret_sw = 0x9000;
	if (*ret_sw != 0x9000)
		buf_cut(ret_data, before);
	if (ret_data->len - before > le) {
		buf_cut(ret_data, before);
		return ctx_fail(c->ctx, FUDA_EFORMAT,
				_("The card returned more bytes than it was asked for."));
	}
	return 0;
}

/* ---- extended length ---- */

void card_extended_works(struct fuda_card *c)
{
	if (c->extended == EXTENDED_UNKNOWN)
		extended_remember(c->reader, EXTENDED_WORKS);
	c->extended = EXTENDED_WORKS;
}

/* Extended length did not work, which may have left card or reader confused: start afresh. Where it
 * is known to work otherwise, that is no reason to forget it for ever. */
int card_extended_fails(struct fuda_card *c, int error, struct fuda_deadline *dl)
{
	int r = 0;

	if (c->extended == EXTENDED_UNKNOWN)
		extended_remember(c->reader, EXTENDED_FAILS);
	c->extended = EXTENDED_FAILS;
	ctx_log(c->ctx, FUDA_LOG_INFO, "extended length does not work here; using short APDUs");
	if (error < 0)
		r = reader_power(c->reader, POWER_ON, dl);
	return r;
}

/* A reader without room for more than a short command refuses the other form too; with some drivers
 * that costs a reset of the card. */
static bool reader_takes_extended(const struct fuda_card *c)
{
	return c->reader->max_command > SHORT_COMMAND;
}

/* Whether to ask for `le` bytes in one command: never for the first time after a PIN. */
static bool goes_extended(const struct fuda_card *c, size_t le)
{
	return le > SHORT_LE && c->extended != EXTENDED_FAILS && reader_takes_extended(c) &&
	       le + 2 <= c->reader->max_response &&
	       !(c->extended == EXTENDED_UNKNOWN && c->secret_sent);
}

/* ---- pieces ---- */

/* The first piece, as large as the file usually is. Leaves `ret_data` empty where a short command
 * must be tried; any refusal may be due to the length of this one or to its short identifier. */
static int read_first_extended(struct fuda_card *c, const struct ef *ef, struct fuda_deadline *dl,
			       struct fuda_buf *ret_data)
{
	uint16_t sw;
	int r = read_binary(c, (uint8_t)(P1_SFI | ef->fid), 0, ef->usual, true, dl, ret_data, &sw);

	/* nothing, from a file that is asked for: not taken at its word */
	if (r == 0 && sw == 0x9000 && !ret_data->len)
		return 0;
	if (r == 0 && sw == 0x9000) {
		c->file = ef->fid;
		if (ret_data->len > SHORT_LE)
			card_extended_works(c);
		return 0;
	}
	if (r == 0 && (refuses_sfi(sw) || sw >> 8 == 0x6C || sw == 0x6F00))
		return 0;
	if (r == 0)
		return card_check_sw(c, sw);
	if (r != FUDA_ETRANSPORT || c->secret_sent)
		return r;
	return card_extended_fails(c, r, dl);
}

/* The first piece in a short command, and whether the short identifier was taken. */
static int read_first_short(struct fuda_card *c, uint16_t fid, size_t le, struct fuda_deadline *dl,
			    struct fuda_buf *ret_data, bool *ret_sfi)
{
	uint16_t sw;
	int r = read_binary(c, (uint8_t)(P1_SFI | fid), 0, le, false, dl, ret_data, &sw);

	*ret_sfi = r == 0 && !refuses_sfi(sw);
	if (r == 0 && !*ret_sfi) {
		r = card_select_file(c, fid, dl);
		if (r == 0)
			r = read_binary(c, 0, 0, le, false, dl, ret_data, &sw);
		/* An empty file has nothing at offset 0. */
		if (r == 0 && sw == 0x6B00)
			sw = 0x9000;
	}
	if (r == 0)
		r = card_check_sw(c, sw);
	if (r == 0)
		c->file = fid;
	return r;
}

/* The first piece. Makes the file the current one. */
static int read_first(struct fuda_card *c, const struct ef *ef, struct fuda_deadline *dl,
		      struct fuda_buf *ret_data)
{
	size_t le = ef->how != READ_FILE && ef->usual ? ef->usual : ef->max;
	bool extended = ef->usual && goes_extended(c, le), sfi;
	int r;

	c->file = 0;
	if (extended) {
		r = read_first_extended(c, ef, dl, ret_data);
		if (r < 0 || c->file)
			return r;
	}
	r = read_first_short(c, ef->fid, MIN(le, (size_t)SHORT_LE), dl, ret_data, &sfi);
	/* Given to the short command only: it was the length. */
	if (r == 0 && extended && sfi && ret_data->len && c->extended != EXTENDED_FAILS)
		r = card_extended_fails(c, 0, dl);
	return r;
}

/* Reads on at the end of what is there, in one command; sw 9000 with nothing added is the end of
 * the file. */
static int read_piece(struct fuda_card *c, size_t wanted, struct fuda_deadline *dl,
		      struct fuda_buf *data, size_t offset)
{
	const uint8_t p1 = (uint8_t)(offset >> 8), p2 = (uint8_t)offset;
	uint16_t sw = 0;
	int r = 0;

	if (goes_extended(c, wanted)) {
		r = read_binary(c, p1, p2, wanted, true, dl, data, &sw);
		if (r == 0 && sw == 0x9000 && data->len > offset) {
			/* A card that gives no more than a short answer is asked shortly from now
			 * on. */
			if (c->extended == EXTENDED_UNKNOWN)
				extended_remember(c->reader, EXTENDED_WORKS);
			c->extended =
				data->len - offset > SHORT_LE ? EXTENDED_WORKS : EXTENDED_FAILS;
			return 0;
		}
		if (r < 0 && (r != FUDA_ETRANSPORT || c->secret_sent))
			return r;
		/* 9000 with nothing is the end of the file, if a short command says so too */
		if (r < 0 || sw != 0x9000)
			r = card_extended_fails(c, r, dl);
		if (r < 0)
			return r;
	}
	r = read_binary(c, p1, p2, MIN(wanted, (size_t)SHORT_LE), false, dl, data, &sw);
	if (r == 0 && sw != 0x6B00) /* at or behind the end, card.md 3 */
		r = card_check_sw(c, sw);
	return r;
}

/* ---- files ---- */

/* Whether bytes are what fills the unused rest of a file. */
static bool is_filler(const struct fuda_buf *b)
{
	for (size_t i = 1; i < b->len; i++)
		if (b->data[i] != b->data[0])
			return false;
	return b->len == 0 || b->data[0] == 0xFF || b->data[0] == 0x00;
}

static int check_filled(struct fuda_card *c, const struct fuda_buf *data)
{
	if (is_filler(data))
		return ctx_fail(c->ctx, FUDA_ENOTFOUND, _("The file on the card is empty."));
	return 0;
}

static int too_big(struct fuda_card *c, size_t len, size_t max)
{
	return ctx_fail(c->ctx, FUDA_ETOOBIG,
			_("The file on the card claims to hold %zu bytes; at most %zu are "
			  "expected."),
			len, max);
}

/* How many bytes the object that `data` begins has. */
static int object_size(struct fuda_card *c, const struct fuda_buf *data, size_t max, size_t *ret)
{
	size_t total;
	int r = check_filled(c, data);

	if (r < 0)
		return r;
	if (tlv_total(data->data, data->len, &total) < 0)
		return ctx_fail(c->ctx, FUDA_EFORMAT,
				_("The file on the card does not start with a data object."));
	if (total > max)
		return too_big(c, total, max);
	*ret = total;
	return 0;
}

static int ends_early(struct fuda_card *c, size_t len, size_t wanted)
{
	return ctx_fail(c->ctx, FUDA_EFORMAT,
			_("The file on the card ends after %zu of %zu bytes."), len, wanted);
}

int card_cut(struct fuda_card *c, const struct ef *ef, struct fuda_buf *data)
{
	size_t size = data->len;
	int r = ef->how == READ_OBJECT ? object_size(c, data, ef->max, &size) :
					 check_filled(c, data);

	if (r == 0 && size > ef->max)
		return too_big(c, size, ef->max);
	if (r < 0)
		return r;
	if (size > data->len)
		return ends_early(c, data->len, size);
	data->len = size;
	return 0;
}

/* A file as long as it may be: nothing must follow. */
static int check_end(struct fuda_card *c, struct fuda_deadline *dl, struct fuda_buf *data)
{
	size_t len = data->len;
	int r = read_piece(c, 1, dl, data, len);

	if (r == 0 && data->len > len)
		r = ctx_fail(c->ctx, FUDA_ETOOBIG,
			     _("The file on the card has more than the %zu bytes expected."), len);
	data->len = len;
	return r;
}

static int read_all(struct fuda_card *c, const struct ef *ef, struct fuda_deadline *dl,
		    struct fuda_buf *data)
{
	size_t wanted = MIN(ef->max, (size_t)FILE_END);
	int r = read_first(c, ef, dl, data);

	if (r == 0 && ef->how == READ_OBJECT)
		r = object_size(c, data, wanted, &wanted);
	while (r == 0 && data->len && data->len < wanted) {
		size_t before = data->len;

		if (ef->how == READ_FILE && before == ef->usual)
			break;
		r = read_piece(c, wanted - before, dl, data, before);
		if (r == 0 && data->len == before)
			break;
	}
	if (r == 0 && ef->how == READ_FILE)
		r = check_filled(c, data);
	if (r == 0 && ef->how == READ_FILE && data->len == wanted)
		r = check_end(c, dl, data);
	if (r < 0)
		return r;
	if (ef->how == READ_OBJECT && data->len < wanted)
		return ends_early(c, data->len, wanted);
	data->len = MIN(data->len, wanted);
	return 0;
}

int card_read(struct fuda_card *c, const struct ef *ef, struct fuda_deadline *dl,
	      struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(ef->max + SHORT_LE);
	int r = read_all(c, ef, dl, &data);

	if (r < 0)
		return r;
	r = fuda_buf_append(ret_data, data.data, data.len);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

/* ---- records ---- */

int card_read_record(struct fuda_card *c, uint16_t fid, uint8_t number, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data)
{
	enum { P2_NUMBER = 0x04 }; /* P1 is a record number: ISO 7816-4 11.3.3 */
	struct apdu a = { 0x00, 0xB2, number, (uint8_t)(fid << 3 | P2_NUMBER), NULL, 0, SHORT_LE,
			  false };
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(SHORT_LE);
	uint16_t sw;
	int r;

	c->file = 0;
	r = card_command(c, &a, dl, &data, &sw);
	if (r == 0 && refuses_sfi(sw)) {
		a.p2 = P2_NUMBER;
		fuda_buf_clear(&data);
		r = card_select_file(c, fid, dl);
		if (r == 0)
			r = card_command(c, &a, dl, &data, &sw);
	}
	if (r == 0)
		r = card_check_sw(c, sw);
	if (r < 0)
		return r;
	c->file = fid;
	r = fuda_buf_append(ret_data, data.data, data.len);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

/* ---- probing ---- */

int card_probe_extended(struct fuda_card *c, uint16_t fid, struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	uint16_t sw;
	int r;

	if (c->extended != EXTENDED_UNKNOWN || c->secret_sent || !reader_takes_extended(c))
		return 0;
	c->file = 0;
	r = read_binary(c, (uint8_t)(P1_SFI | fid), 0, EXTENDED_LE, true, dl, &data, &sw);
	if (r < 0 && r != FUDA_ETRANSPORT)
		return r;
	if (r == 0 && sw == 0x9000 && data.len) {
		card_extended_works(c);
		return 0;
	}
	/* A file that is not there says nothing about lengths. */
	if (r == 0 && sw != 0x6700 && sw >> 8 != 0x6C && sw != 0x6F00)
		return 0;
	return card_extended_fails(c, r, dl);
}
