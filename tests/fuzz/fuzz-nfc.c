/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver "nfc" and its helper say to each other, in both directions: the first byte says which message it
 * is, then comes that. */
#include "drivers/nfc-protocol.h"
#include "reader/contactless.h"
#include "tests/fuzz/fuzz.h"

enum { REQUEST = NFC_ASKS }; /* below: an answer to that question */

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"05 00 706E3533325F756172743A2F6465762F74747955534230", /* open */
		"05 00", "05 01", "05 02", "05 03",
		"05 04 00001388 00A4040C0AD392F000260100000001",
		"05 04 7FFFFFFF 00200080", "05 04 00000000 00200080", "05 04 00001388 002000",
		"05 05", "05 01 00", "05 00 6100",
		"00 00 504E353332", "00 01", "00 02 6E6F", "00 03", "00 08",
		"01 00 42 50 12345678 000005E0 B381A1", "01 00 42 50 12345678 000005E0 B381",
		"01 00 41", "01 00 41 06 78 77 81 02 80", "02 00 41 01", "01 00 43", "01 04", "02 07 50",
		"03 00", "03 00 00",
		"04 00 9000", "04 00 0102030405 9000", "04 00 90", "04 05", "04 06 52463A20", "04 09",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}

/* What parses is said in the same bytes again. */
static void try_request(const uint8_t *message, size_t len)
{
	uint8_t again[NFC_MESSAGE_MAX];
	struct nfc_request q;

	if (nfc_request_parse(message, len, &q) < 0)
		return;
	if (q.ask == NFC_ASK_TRANSMIT && (q.len < NFC_COMMAND_MIN || q.len > NFC_COMMAND_MAX || !q.ms))
		abort();
	if (q.ask == NFC_ASK_OPEN && (q.len > NFC_PLACE_MAX || (q.len && memchr(q.bytes, 0, q.len))))
		abort();
	if (nfc_request_build(&q, again) != len || memcmp(message, again, len) != 0)
		abort();
}

static void try_card(const struct nfc_answer *a)
{
	struct contactless card;
	uint8_t atr[FUDA_ATR_MAX];
	int r = a->type == NFC_TYPE_B ? contactless_parse_atqb(a->bytes, a->len, &card) :
					contactless_parse_ats(a->bytes, a->len, &card);

	if (r == 0 && contactless_atr(&card, atr) > FUDA_ATR_MAX)
		abort();
}

static void try_answer(enum nfc_ask ask, const uint8_t *message, size_t len)
{
	struct nfc_answer a;

	if (nfc_answer_parse(ask, message, len, &a) < 0)
		return;
	if (a.len >= len || a.len > NFC_RESPONSE_MAX)
		abort();
	if (a.said != NFC_SAID_DONE)
		return;
	if (ask == NFC_ASK_TRANSMIT && a.len < 2)
		abort();
	if (ask == NFC_ASK_ON || ask == NFC_ASK_RESET)
		try_card(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	if (data[0] == REQUEST)
		try_request(data + 1, len - 1);
	else if (data[0] < NFC_ASKS)
		try_answer(data[0], data + 1, len - 1);
	return 0;
}
