/* SPDX-License-Identifier: Apache-2.0 */
/* ISO-DEP against any card: the input is a byte for its frame size, one for CID and FWI, and what the link brings, each
 * behind a byte of its length; FF there is nothing, FE damage, FD an error of the link. Commands and presence checks
 * alternate. Whatever comes: our frames are well formed and as long as the card takes, a response is made of what came,
 * who fails leaves the card lost, a command leaves in full and in order, and it ends. */
#include "base/cursor.h"
#include "base/deadline.h"
#include "reader/isodep.h"
#include "tests/fuzz/fuzz.h"

#define COMMAND_SIZE 40
#define RESPONSE_MAX 600

enum { NOTHING = 0xFF, DAMAGE = 0xFE, BROKEN = 0xFD };

struct card {
	struct cursor answers;
	struct isodep *dep;
	const uint8_t *command;
	size_t sent; /* bytes of the command in blocks that are done */
	size_t piece; /* and in the last one */
	size_t heard; /* bytes of I-blocks that came */
	unsigned long frames;
};

static void check_i_block(struct card *c, uint8_t pcb, struct cursor inf)
{
	bool again = c->piece && c->sent >= c->piece &&
		     memcmp(inf.p, c->command + c->sent - c->piece, inf.left) == 0 && inf.left == c->piece;

	if (inf.left > COMMAND_SIZE - c->sent && !again)
		abort();
	if (again)
		return;
	if (memcmp(inf.p, c->command + c->sent, inf.left) != 0)
		abort();
	c->sent += inf.left;
	c->piece = inf.left;
	if (!(pcb & 0x10) != (c->sent == COMMAND_SIZE))
		abort();
}

static void check_frame(struct card *c, const uint8_t *frame, size_t len, uint32_t us)
{
	struct cursor f = cur_of(frame, len);
	uint8_t pcb, cid;

	if (len + 2 > c->dep->fsc || us < 4000 || us > 4953000 || cur_u8(&f, &pcb) < 0)
		abort();
	if (!(pcb & 0x08) != !c->dep->has_cid || (c->dep->has_cid && (cur_u8(&f, &cid) < 0 || cid != c->dep->cid)))
		abort();
	pcb &= ~0x08;
	if ((pcb & 0xEE) == 0x02)
		check_i_block(c, pcb, f);
	else if (pcb == 0xF2 ? f.left != 1 || f.p[0] < 1 || f.p[0] > 59 : f.left != 0)
		abort();
	else if ((pcb & 0xEE) != 0xA2 && pcb != 0xC2 && pcb != 0xF2)
		abort();
}

static int exchange(void *arg, const uint8_t *frame, size_t len, uint32_t us, struct fuda_deadline *dl,
		    struct fuda_buf *ret)
{
	struct card *c = arg;
	struct cursor answer;
	uint8_t n;

	(void)dl;
	if (ret->len || ++c->frames > 200000)
		abort();
	check_frame(c, frame, len, us);
	if (cur_u8(&c->answers, &n) < 0 || n == NOTHING)
		return FUDA_EMUTE;
	if (n == DAMAGE || n == BROKEN)
		return n == DAMAGE ? FUDA_EFORMAT : FUDA_EREADERGONE;
	if (cur_sub(&c->answers, n < c->answers.left ? n : c->answers.left, &answer) < 0 ||
	    fuda_buf_append(ret, answer.p, answer.left) < 0)
		abort();
	c->heard += answer.left;
	return 0;
}

static void transmit(struct card *c, struct fuda_deadline *dl)
{
	struct fuda_buf response = FUDA_BUF_INIT(RESPONSE_MAX);
	bool was_lost = c->dep->lost;
	int e;

	c->sent = c->piece = c->heard = 0;
	e = isodep_transmit(c->dep, c->command, COMMAND_SIZE, dl, &response);
	if (was_lost ? e != FUDA_EREMOVED : (e < 0) != c->dep->lost)
		abort();
	if (e < 0 ? response.len != 0 : response.len > c->heard || c->sent != COMMAND_SIZE)
		abort();
	if (e < 0 && e != FUDA_EREMOVED && e != FUDA_EMUTE && e != FUDA_ETRANSPORT && e != FUDA_EREADERGONE)
		abort();
	fuda_buf_free(&response);
}

static void present(struct card *c, struct fuda_deadline *dl)
{
	bool there = false;
	uint8_t block = c->dep->block;
	int e = isodep_present(c->dep, dl, &there);

	if ((e < 0 && e != FUDA_EREADERGONE) || there == c->dep->lost || c->dep->block != block)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const size_t fscs[] = { 16, 24, 32, 256 };
	static uint8_t command[COMMAND_SIZE];
	struct cursor c = cur_of(data, len);
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct isodep dep;
	struct card card = { .dep = &dep, .command = command };
	const struct isodep_link link = { &card, exchange, 254 };
	uint8_t size, how;

	if (cur_u8(&c, &size) < 0 || cur_u8(&c, &how) < 0)
		return 0;
	if (fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0)
		fuzz_die("start");
	for (size_t i = 0; i < COMMAND_SIZE; i++)
		command[i] = (uint8_t)(i + 1);
	card.answers = c;
	isodep_start(&dep, ctx, &link, fscs[size % 4], 4000U << (how & 7));
	dep.has_cid = how & 0x80;
	dep.cid = how >> 4 & 7;
	for (int i = 0; i < 4; i++) {
		transmit(&card, dl);
		present(&card, dl);
	}
	isodep_deselect(&dep, dl);
	if (!dep.lost)
		abort();
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"03 00 03 029000 01 A2 03 039000 01 A3 03 026A82",
		/* chains both ways, time in both */
		"00 03 01A2 01A3 01A2 02F203 04120102 0213FF 02F23B 03029000 01A3",
		"02 00 01A2 03039000 01A2 04F2 01A3 03029000",
		/* with CID 1 */
		"03 90 04 0A019000 02AA01 04 1B019000 03FA0102 04 0A019000",
		/* lost, damaged, broken */
		"03 00 FF 01A3 FE 03029000 FF FF 01A2 FD",
		"00 00 FE 01A2 FF 01A2 01A3 01A2 01A2 03 029000",
		/* without place */
		"03 00 01C2 01B2 02F200", "03 00 02F23C", "03 00 0112", "03 00 03 229000 03 0A9000 03 069000",
		"03 07 02F23B02F23B02F23B02F23B02F23B02F23B02F23B02F23B02F23B02F23B02F23B02F23B",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}
