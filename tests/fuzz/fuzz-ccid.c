/* SPDX-License-Identifier: Apache-2.0 */
/* CCID messages: the input is a byte that chooses the kind of reader, then what it says, each message behind a byte of
 * its length; with FF there its type, slot and number are made right. Whatever it says, opening, an entry on the keys
 * where it has some, a command, a look and closing end, and a command with a PIN leaves once. */
#include "base/cursor.h"
#include "base/deadline.h"
#include "reader/reader.h"
#include "tests/ccid-model.h"
#include "tests/fuzz/fuzz.h"

extern const struct driver driver_ccid;

#define PIN "\x00\x20\x00\x80\x04" "9753"

enum { RIGHT = 0xFF };

static const char *const kinds[] = { "extended", "short", "tpdu", "tpdu-t0", "manual", "chains", "tpdu-vendor",
				     "pad", "pad-short", "pad-tpdu", "pad-tpdu-t0" };

static struct cursor said;
static uint8_t last_type, last_slot, last_seq;
static unsigned pins, entries, transfers;

static int play_out(struct usb_model *m, const uint8_t *bytes, size_t len)
{
	(void)m;
	if (len < 10 || ++transfers > 100000)
		abort();
	last_type = bytes[0];
	last_slot = bytes[5];
	last_seq = bytes[6];
	entries += bytes[0] == 0x69;
	pins += memmem(bytes, len, PIN, sizeof(PIN) - 1) != NULL;
	return 0;
}

static uint8_t answer_type(void)
{
	return last_type == 0x62 || last_type == 0x69 || last_type == 0x6F ? 0x80 : last_type == 0x61 ? 0x82 : 0x81;
}

static ssize_t play_in(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct cursor message;
	uint8_t n;
	bool right;

	(void)m;
	if (cur_u8(&said, &n) < 0)
		return MODEL_NOTHING;
	right = n == RIGHT;
	if (right && cur_u8(&said, &n) < 0)
		return MODEL_NOTHING;
	if (cur_sub(&said, n < said.left ? n : said.left, &message) < 0)
		abort();
	if (message.left > max)
		message.left = max;
	memcpy(ret, message.p, message.left);
	if (right && message.left >= 10) {
		ret[0] = answer_type();
		ret[1] = (uint8_t)(message.left - 10);
		ret[2] = ret[3] = ret[4] = 0;
		ret[5] = last_slot;
		ret[6] = last_seq;
	}
	return (ssize_t)message.left;
}

static void fuzz_seeds(void)
{
#define ANSWER(n, status, data) "FF" n "00000000000000" status data
#define OFF ANSWER("0A", "010000", "")
#define ON(n, atr) ANSWER(n, "000000", atr)
	/* off, off, on, [parameters,] command, ... */
	fuzz_seed_hex("00" OFF OFF ON("13", "3BE000FF8131FE4514")
			      ANSWER("0C", "000000", "9000") ANSWER("0A", "000000", ""));
	fuzz_seed_hex("00" OFF OFF ON("13", "3BE000FF8131FE4514")
			      ANSWER("0A", "800100", "") ANSWER("0C", "000001", "4142") ANSWER("0C", "000002", "9000"));
	fuzz_seed_hex("02" OFF OFF ON("13", "3BE000FF8131FE4514")
			      ANSWER("11", "000001", "11100045004100") ANSWER("0F", "000000", "00E101F711")
				      ANSWER("10", "000000", "000002900092"));
	fuzz_seed_hex("03" OFF OFF ON("0D", "3B8000")
			      ANSWER("0F", "000000", "1100000A00") ANSWER("0C", "000000", "6102")
				      ANSWER("0E", "000000", "41429000"));
	fuzz_seed_hex("04" OFF OFF ON("12", "3B908031FE4500")
			      ANSWER("0E", "000000", "FF11957B") ANSWER("11", "000001", "95100045004100"));
	/* ... and keys: time, cancelled, typed; as a status word, or with T=1 asking for time */
	fuzz_seed_hex("08" OFF OFF ON("13", "3BE000FF8131FE4514") ANSWER("11", "000001", "11100045004100")
			      ANSWER("0A", "800100", "") ANSWER("0A", "40EF00", "") ANSWER("0C", "000000", "9000"));
	fuzz_seed_hex("08" OFF OFF ON("13", "3BE000FF8131FE4514") ANSWER("0C", "000000", "63C2"));
	fuzz_seed_hex("09" OFF OFF ON("13", "3BE000FF8131FE4514") ANSWER("0A", "40F000", ""));
	fuzz_seed_hex("09" OFF OFF ON("13", "3BE000FF8131FE4514") "0A" "80000000000000800100");
	fuzz_seed_hex("0A" OFF OFF ON("13", "3BE000FF8131FE4514") ANSWER("11", "000001", "11100045004100")
			      ANSWER("0F", "000000", "00E101FE1E") ANSWER("0F", "000000", "00C30103C1")
				      ANSWER("10", "000000", "000002900092"));
	fuzz_seed_hex("0A" OFF OFF ON("13", "3BE000FF8131FE4514") ANSWER("11", "000001", "11100045004100")
			      ANSWER("0F", "000000", "00E101FE1E") ANSWER("0C", "000000", "6403"));
}

static void type(struct reader *r, struct fuda_deadline *dl)
{
	static const uint8_t structure[] = {
		30, 30, 0x82, 4, 0, 4, 4, 2, 1, 9, 4, 0, 0, 0, 0, 9, 0, 0, 0,
		0x00, 0x20, 0x00, 0x98, 4, 0xFF, 0xFF, 0xFF, 0xFF,
	};
	struct fuda_buf response = FUDA_BUF_INIT(65538);
	int e = reader_secure(r, false, structure, sizeof(structure), dl, &response);

	if (e < 0 ? response.len > 0 : response.len < 2 || response.len > r->max_response)
		abort();
	fuda_buf_free(&response);
}

static void use(struct fuda_context *ctx, const char *rest, struct fuda_deadline *dl)
{
	static const uint8_t select[] = { 0x00, 0xA4, 0x04, 0x0C };
	struct fuda_buf response = FUDA_BUF_INIT(65538);
	struct reader *r = NULL;
	bool there;

	if (reader_open_with(ctx, &driver_ccid, rest, dl, &r) < 0)
		return;
	type(r, dl);
	(void)reader_transmit(r, select, sizeof(select), 0, dl, &response);
	fuda_buf_clear(&response);
	if (reader_transmit(r, (const uint8_t *)PIN, sizeof(PIN) - 1, 1, dl, &response) < 0 && response.len)
		abort();
	(void)driver_ccid.present(r, dl, &there);
	(void)reader_transmit(r, select, sizeof(select), 0, dl, &response);
	reader_close(&r);
	fuda_buf_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct usb_model *m;
	char rest[16];

	if (!len)
		return 0;
	said = cur_of(data + 1, len - 1);
	pins = entries = transfers = 0;
	m = ccid_model_new(kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))]);
	m->out = play_out;
	m->in = play_in;
	m->interrupt = NULL;
	m->control = NULL;
	if (fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0)
		abort();
	usb_mock_begin(false);
	snprintf(rest, sizeof(rest), "1.%u", usb_mock_plug(m));
	use(ctx, rest, dl);
	usb_mock_end();
	if (entries > 1)
		abort();
	/* T=1 may repeat the block where the card has asked for it */
	if (pins > 1 && strcmp(m->product, "RC-S300/P") == 0)
		abort();
	m->free(m);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}
