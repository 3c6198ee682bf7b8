/* SPDX-License-Identifier: Apache-2.0 */
/* T=1 against any card: the input is a byte for IFSC, one for CRC, and the blocks that come, each behind a byte of its
 * length; FF there is nothing, FE damage, FD an error of the link, FC a block whose check byte is made right. Whatever
 * comes: our blocks are well formed and as long as the card takes, a command leaves in order, a piece goes twice only
 * where an R-block came, and it ends. */
#include "base/cursor.h"
#include "base/deadline.h"
#include "reader/t1.h"
#include "tests/fuzz/fuzz.h"

#define COMMAND_SIZE 40
#define RESPONSE_MAX 600

enum { NOTHING = 0xFF, DAMAGE = 0xFE, BROKEN = 0xFD, MENDED = 0xFC };

struct card {
	struct cursor answers;
	struct t1 *t1;
	const uint8_t *command;
	size_t sent, piece;
	bool r_came; /* since the last I-block of ours */
	bool resynched;
	unsigned long blocks;
};

static void check_i_block(struct card *c, uint8_t pcb, struct cursor inf)
{
	bool again = c->piece && c->r_came && inf.left == c->piece && c->sent >= c->piece &&
		     memcmp(inf.p, c->command + c->sent - c->piece, inf.left) == 0;

	if (c->resynched || !inf.left) /* the command was lost there */
		abort();
	c->r_came = false;
	if (again && (inf.left > COMMAND_SIZE - c->sent || memcmp(inf.p, c->command + c->sent, inf.left) != 0))
		return;
	if (inf.left > COMMAND_SIZE - c->sent || memcmp(inf.p, c->command + c->sent, inf.left) != 0)
		abort();
	c->sent += inf.left;
	c->piece = inf.left;
	if (!(pcb & 0x20) != (c->sent == COMMAND_SIZE))
		abort();
}

static void check_block(struct card *c, const uint8_t *block, size_t len)
{
	struct cursor b = cur_of(block, len), inf;
	uint8_t nad, pcb, n, check = 0;

	for (size_t i = 0; i < len; i++)
		check ^= block[i];
	if (cur_u8(&b, &nad) < 0 || nad || cur_u8(&b, &pcb) < 0 || cur_u8(&b, &n) < 0 || cur_sub(&b, n, &inf) < 0 ||
	    b.left != (c->t1->crc ? 2 : 1) || (!c->t1->crc && check) || n > T1_INF_MAX)
		abort();
	if (!(pcb & 0x80)) {
		if (n > c->t1->first_ifsc && n > T1_IFS_START)
			abort();
		check_i_block(c, pcb, inf);
	}
	c->resynched |= pcb == 0xC0 && c->sent;
}

static int exchange(void *arg, const uint8_t *block, size_t len, uint8_t multiplier, struct fuda_deadline *dl,
		    struct fuda_buf *ret)
{
	struct card *c = arg;
	struct cursor answer;
	uint8_t n, check = 0;
	bool mend;

	(void)dl;
	if (ret->len || ++c->blocks > 200000 || !multiplier)
		abort();
	check_block(c, block, len);
	if (cur_u8(&c->answers, &n) < 0 || n == NOTHING)
		return FUDA_EMUTE;
	if (n == DAMAGE || n == BROKEN)
		return n == DAMAGE ? FUDA_EFORMAT : FUDA_EREADERGONE;
	mend = n == MENDED;
	if (mend && (cur_u8(&c->answers, &n) < 0 || n > 250))
		return FUDA_EMUTE;
	if (cur_sub(&c->answers, n < c->answers.left ? n : c->answers.left, &answer) < 0 ||
	    fuda_buf_append(ret, answer.p, answer.left) < 0)
		abort();
	for (size_t i = 0; i < ret->len; i++)
		check ^= ret->data[i];
	if (mend)
		fuda_buf_append(ret, &check, 1);
	c->r_came |= ret->len > 1 && (ret->data[1] & 0xC0) == 0x80;
	return 0;
}

static void fuzz_seeds(void)
{
	fuzz_seed_hex("FE00" "FC04 00E101FE" "FC05 0000029000" "FC05 0040029000");
	fuzz_seed_hex("0A00" "FC04 00E101FE" "FC03 009000" "FC03 008000" "FC03 009000" "FC05 0000029000");
	fuzz_seed_hex("FE00" "FC04 00E101FE" "FC06 002003414243" "FC05 0040029000");
	fuzz_seed_hex("FE00" "FC04 00E101FE" "FC04 00C30103" "FC03 008100" "FC05 0000029000");
	fuzz_seed_hex("FE00" "FC04 00E101FE" "FC03 00C200" "FC03 008000" "FC03 00E000");
	fuzz_seed_hex("FE00" "FC04 00E101FE" "FF FE FF FC03 00E000" "FC04 00E101FE" "FC05 0000029000");
	fuzz_seed_hex("2001" "0600E101FE1234" "FD");
}

static void transmit(struct card *c, struct fuda_deadline *dl)
{
	struct fuda_buf response = FUDA_BUF_INIT(RESPONSE_MAX);
	bool lost = c->t1->lost;
	int r;

	c->sent = c->piece = 0;
	c->r_came = c->resynched = false;
	r = t1_transmit(c->t1, c->command, COMMAND_SIZE, dl, &response);
	if (r > 0 || (r == 0 && (lost || c->sent != COMMAND_SIZE || c->resynched)) || (r < 0 && response.len) ||
	    (lost && c->sent))
		abort();
	fuda_buf_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct t1 t1;
	struct card c = { .answers = cur_of(data, len), .t1 = &t1 };
	const struct t1_link link = { &c, exchange };
	uint8_t ifsc, crc, command[COMMAND_SIZE];

	if (cur_u8(&c.answers, &ifsc) < 0 || cur_u8(&c.answers, &crc) < 0 || ifsc == 0 || ifsc == 255)
		return 0;
	if (fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0)
		abort();
	for (size_t i = 0; i < sizeof(command); i++)
		command[i] = (uint8_t)i;
	c.command = command;
	t1_start(&t1, ctx, &link, ifsc, 254, crc & 1);
	for (int i = 0; i < 4; i++)
		transmit(&c, dl);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}
