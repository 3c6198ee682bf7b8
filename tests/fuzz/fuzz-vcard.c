/* SPDX-License-Identifier: Apache-2.0 */
/* The software card against any commands: the input is a byte that says whether there is a session
 * of secure messaging, and a row of commands, each behind its length in two bytes. Whatever comes,
 * the card answers with a status word, gives nothing away without a secret, and gives no try back
 * but to who knows it. */
#include <dirent.h>

#include "tests/fuzz/fuzz.h"
#include "vcard/internal.h"

#define COMMANDS_MAX 50
#define SESSION	     0x01

static char dir[] = "/tmp/fuda-fuzz-XXXXXX";
static struct vcard *card;
static struct app_state *text;
static struct conf as_made;

static void remove_card(void)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	vcard_free(&card);
	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static void make_card(void)
{
	const struct vcard_make what = { 0 };
	char why[WHY_MIN] = "";

	if (!mkdtemp(dir))
		fuzz_die(dir);
	atexit(remove_card);
	if (vcard_make(dir, &what, why, sizeof(why)) < 0 ||
	    vcard_load(dir, &card, why, sizeof(why)) < 0)
		fuzz_die(why);
	as_made = card->conf;
	for (text = card->app; strcmp(text->type->name, "text") != 0;)
		text++;
}

/* With the PIN verified and a key of zeros: what no fuzzer would guess. */
static void open_session(void)
{
	vcard_select(card, text);
	card->conf.pin[PIN_TEXT].verified = true;
	card->session = (struct sm_session){ .open = true, .counter = 1 };
}

/* The number of the person leaves the card only while a secret of its file is verified. */
static void check_answer(const struct fuda_buf *answer)
{
	const struct fuda_buf *file = &text->ef[0x01].content;
	const struct pin *pin = card->conf.pin;
	uint8_t sw1;

	if (answer->len < 2)
		abort();
	sw1 = answer->data[answer->len - 2];
	if (sw1 >> 4 != 0x9 && sw1 >> 4 != 0x6)
		abort();
	if (memmem(answer->data, answer->len, file->data, file->len) && !pin[PIN_TEXT].verified &&
	    !pin[PIN_TEXT_A].verified)
		abort();
}

static void check_secrets(const struct conf *before)
{
	for (size_t i = 0; i < PINS; i++) {
		const struct pin *was = &before->pin[i], *is = &card->conf.pin[i];

		if (is->left > is->tries || (is->left > was->left && !is->verified) ||
		    (is->verified && !was->left))
			abort();
		if (!was->verified && memcmp(was->bytes, is->bytes, sizeof(is->bytes)) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len);
	struct cursor command;
	uint8_t how;
	uint16_t n;

	if (cur_u8(&c, &how) < 0)
		return 0;
	if (!card)
		make_card();
	card->conf = as_made;
	vcard_power(card, true);
	if (how & SESSION)
		open_session();
	for (int i = 0; i < COMMANDS_MAX && cur_u16(&c, &n) == 0; i++) {
		_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
		struct conf before = card->conf;

		if (cur_sub(&c, MIN((size_t)n, c.left), &command) < 0 ||
		    vcard_transmit(card, command.p, command.left, &answer) < 0)
			abort();
		check_answer(&answer);
		check_secrets(&before);
	}
	vcard_power(card, false);
	return 0;
}

#define JPKI   "00 000F 00A4040C0AD392F000260100000001"
#define FACE   "00 000F 00A4040C0AD3921000310001010402"
#define TEXT   "00 000F 00A4040C0AD3921000310001010408"
#define JUKI   "00 000F 00A4040C0AD3921000310001010401"
#define COMMON "00 000F 00A4040C0AD3921000310001010100"

static void fuzz_seeds(void)
{
	/* files: current, by short id, extended, free and not; records; objects */
	fuzz_seed_hex(TEXT "0007 00A4020C020004 0005 00B0000000 0005 00B0850000 0005 00B0810000"
			   "0009 002000910431323334 0005 00B0810000 0007 00B08200000000");
	fuzz_seed_hex(COMMON "0005 00B2010C00 0007 00A4020C020001 0005 00B2020400 0005 00B2010500");
	fuzz_seed_hex("00 0005 00CA00F000 0007 00CA7F21000000 0005 00CA5F5100 0004 00A40000");
	/* secrets: wrong, right, changed, in pieces, blocked */
	fuzz_seed_hex(JPKI "0009 002000980430303030 0004 00200098 0009 002000980431323334"
			   "0009 002401980439393939 0007 10200098023939 0007 00200098023939");
	fuzz_seed_hex(JUKI "0009 0020009C0431323334 0009 8032009C0435353535 0009 0020009C0436363636"
			   "0009 0020009C0436363636 0009 0020009C0436363636 0009 0020009C0435353535");
	/* keys, challenges, the terminal's command */
	fuzz_seed_hex(FACE "0009 802A030003AABBCC00 0005 00B0820000 0009 802A020003AABBCC00");
	fuzz_seed_hex(COMMON "0007 0088009901AA00 0005 0084000008");
	fuzz_seed_hex(JPKI "0007 00A4020C020016 000B 80A206C105 7F21820233 00 0004 80A200C1");
	/* secure messaging: without a session and a key that is none, then inside one */
	fuzz_seed_hex(TEXT "0009 002000910431323334 0018 0820009113 861101"
			   "000102030405060708090A0B0C0D0E0F 0004 80AE0000");
	fuzz_seed_hex("01 0018 08A4020C13 861101 62703E35086E37EC6A2E9D504187F711"
		      "0018 0820009113 861101 9D06F04DCE07985E5562109D82683A30"
		      "000E 08B08100 000005 9603000000 0000 0004 00200091");
}
