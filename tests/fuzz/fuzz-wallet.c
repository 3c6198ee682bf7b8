/* SPDX-License-Identifier: Apache-2.0 */
/* The software wallet against any commands and any requests: the input is a byte that says how it
 * was engaged, and a row of pieces, each behind its length in two bytes. A piece is a command; in a
 * session it is the plain text of a request. Whatever comes, the wallet answers with a status word,
 * a session's answer can be read by its reader, and nothing is shown that the holder does not let
 * be shown. */
#include <dirent.h>

#include "mdoc/response.h"
#include "mdoc/transcript.h"
#include "tests/fuzz/fuzz.h"
#include "vcard/wallet.h"

#define PIECES_MAX 20
#define MY_NUMBER  "123456789018"
#define NAME       "山田　太郎"

/* How it was engaged. */
enum { STATIC = 0x01, CODE = 0x02, SESSION = 0x04 };

static char dir[] = "/tmp/fuda-fuzz-XXXXXX";
static struct vcard *phone;

static void remove_wallet(void)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	vcard_free(&phone);
	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static void make_wallet_once(void)
{
	const char *const settings[] = { "consent=full_name_unicode,sex,age_over_20", NULL };
	const struct vcard_make what = { .kind = "wallet", .settings = settings };
	char why[WHY_MIN] = "";

	if (phone)
		return;
	if (!mkdtemp(dir))
		fuzz_die(dir);
	atexit(remove_wallet);
	if (vcard_make(dir, &what, why, sizeof(why)) < 0 ||
	    vcard_load(dir, &phone, why, sizeof(why)) < 0)
		fuzz_die(why);
}

static void must(bool so)
{
	if (!so)
		abort();
}

static struct cursor bytes_of(const struct fuda_buf *b)
{
	return cur_of(b->data, b->len);
}

static void check_secrets(struct cursor bytes, bool encrypted)
{
	must(!memmem(bytes.p, bytes.left, MY_NUMBER, strlen(MY_NUMBER)));
	must(!encrypted || !memmem(bytes.p, bytes.left, NAME, strlen(NAME)));
}

/* ---- commands ---- */

static void command(struct cursor piece)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	uint8_t sw1;

	must(vcard_transmit(phone, piece.p, piece.left, &answer) == 0 && answer.len >= 2);
	sw1 = answer.data[answer.len - 2];
	must(sw1 == 0x90 || sw1 >> 4 == 0x6);
	check_secrets(bytes_of(&answer), true);
}

/* ---- requests ---- */

static struct session reader;

/* A session as a reader has it that came by a QR code. */
static void open_session(struct wallet *w)
{
	_cleanup_(private_free) struct private_key *key = NULL;
	_cleanup_buf_ struct fuda_buf reader_key = FUDA_BUF_INIT(1024);
	_cleanup_buf_ struct fuda_buf transcript = FUDA_BUF_INIT(4096);
	_cleanup_buf_ struct fuda_buf sealed = FUDA_BUF_INIT(1024), message = FUDA_BUF_INIT(2048);
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(ANSWER_MAX);
	struct cbor_out out = CBOR_OUT(&reader_key);

	must(wsession_engage(w) == 0 && private_new(CURVE_P256, &key) == 0 &&
	     cose_key_put(&out, private_public(key)) == 0);
	must(transcript_proximity(bytes_of(&w->engagement), bytes_of(&reader_key), cur_of(NULL, 0),
				  cur_of(NULL, 0), &transcript) == 0);
	must(session_begin(SESSION_READER, key, private_public(w->own_key), bytes_of(&transcript),
			   &reader) == 0);
	must(session_seal(&reader, cur_of((const uint8_t *)"\xA0", 1), &sealed) == 0);
	must(session_put_establishment(bytes_of(&reader_key), bytes_of(&sealed), &message) == 0);
	must(wsession_message(w, bytes_of(&message), &answer) == 0 && w->reader_key);
	reader.peer_count++; /* the answer to that is of no interest */
}

static void request(struct wallet *w, struct cursor piece)
{
	static struct device_response response;
	_cleanup_buf_ struct fuda_buf sealed = FUDA_BUF_INIT(FUZZ_MAX + 64);
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(FUZZ_MAX + 256);
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(ANSWER_MAX);
	_cleanup_buf_ struct fuda_buf plain = FUDA_BUF_INIT(ANSWER_MAX);
	struct cursor data;
	const char *fault;
	uint64_t status;

	must(session_seal(&reader, piece, &sealed) == 0);
	must(session_put_data(bytes_of(&sealed), SESSION_NO_STATUS, &message) == 0);
	must(wsession_message(w, bytes_of(&message), &answer) == 0);
	must(session_read_data(bytes_of(&answer), &data, &status) == 0 &&
	     status == SESSION_NO_STATUS);
	check_secrets(bytes_of(&answer), true);
	must(session_open(&reader, data, &plain) == 0);
	must(response_read(bytes_of(&plain), &response, &fault) == 0);
	must(response.status == RESPONSE_OK || !response.document_count);
	check_secrets(bytes_of(&plain), false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len), piece;
	struct wallet *w;
	uint8_t how;
	uint16_t n;

	/* what is asked for by its value comes back as the name of what is not held */
	if (cur_u8(&c, &how) < 0 || memmem(data, len, MY_NUMBER, strlen(MY_NUMBER)) ||
	    memmem(data, len, NAME, strlen(NAME)))
		return 0;
	make_wallet_once();
	w = phone->wallet;
	phone->conf.opt.handover = how & STATIC ? HANDOVER_STATIC : HANDOVER_NEGOTIATED;
	vcard_power(phone, true);
	if (how & SESSION)
		open_session(w);
	else if (how & CODE)
		must(wsession_engage(w) == 0 && (w->by_qr = w->nfc = true));
	for (int i = 0; i < PIECES_MAX && cur_u16(&c, &n) == 0; i++) {
		must(cur_sub(&c, MIN((size_t)n, c.left), &piece) == 0);
		if (how & SESSION)
			request(w, piece);
		else
			command(piece);
	}
	vcard_power(phone, false);
	session_end(&reader);
	return 0;
}

#define TAG  "000D 00A4040007D276000085010100"
#define NDEF "0007 00A4000C02E104"
#define MDOC "000D 00A4040007A000000248040000"
#define TS   "0020 00D600001B 0019 D1021454731375726E3A6E66633A736E3A68616E646F766572"
#define HR                                                                                     \
	"006C 00D6000067 0065 91020C487215 D102066163 01036E666300"                            \
	"1C1E060A 69736F2E6F72673A31383031333A726561646572656E676167656D656E74"                \
	"6D646F63726561646572 A10063312E30 5C110A03 69736F2E6F72673A31383031333A6E6663 6E6663" \
	"010301FFFF0402010000"
#define KEY                                                                                  \
	"A4010220012158 20 6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296" \
	"2258 20 4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"

static void fuzz_seeds(void)
{
	/* the tag */
	fuzz_seed_hex("00" TAG "0007 00A4000C02E103 0005 00B000000F" NDEF "0005 00B0000002" TS
		      "0005 00B0000000" HR "0005 00B0000000" MDOC);
	fuzz_seed_hex("01" TAG NDEF "0005 00B0000000 0007 00D60000020000" MDOC);
	fuzz_seed_hex("00" TAG NDEF "0007 00D60000020000 0009 00D6000204D1021454"
		      "001A 00D6000615 731375726E3A6E66633A736E3A68616E646F766572 0007 "
		      "00D60000020019");
	/* messages: an establishment with a key that is one, in one piece and in two; no message */
	fuzz_seed_hex("02" MDOC "0079 00C3000073 5371 A2 6A655265616465724B6579 D818584B" KEY
		      "646461746150 00000000000000000000000000000000 00");
	fuzz_seed_hex("02" MDOC "0007 10C3000002 5304 000A 00C3000004 A1006100 00 0005 00C0000000");
	fuzz_seed_hex("02" MDOC "0011 00C300000B 5309 A16673746174757314 00 0005 00C0000010");
	/* requests: of what may be shown, of what may not, of ages, of another document */
	fuzz_seed_hex("04 007F A2 6776657273696F6E 63312E30 6B646F635265717565737473 81 A1"
		      "6C6974656D7352657175657374 D8185853 A2 67646F6354797065"
		      "76 6F72672E69736F2E32333232302E312E6A702E6D6E63 6A6E616D65537061636573 A1"
		      "72 6F72672E69736F2E32333232302E312E6A70 A1"
		      "71 66756C6C5F6E616D655F756E69636F6465 F4");
	fuzz_seed_hex("04 0088 A2 6776657273696F6E 63312E30 6B646F635265717565737473 81 A1"
		      "6C6974656D7352657175657374 D818585C A2 67646F6354797065"
		      "76 6F72672E69736F2E32333232302E312E6A702E6D6E63 6A6E616D65537061636573 A1"
		      "72 6F72672E69736F2E32333232302E312E6A70 A1"
		      "7819 696E646976696475616C5F6E756D6265725F756E69636F6465 F5");
	fuzz_seed_hex("04 0076 A2 6776657273696F6E 63312E30 6B646F635265717565737473 81 A1"
		      "6C6974656D7352657175657374 D818584A A2 67646F6354797065"
		      "76 6F72672E69736F2E32333232302E312E6A702E6D6E63 6A6E616D65537061636573 A1"
		      "6F 6F72672E69736F2E32333232302E31 A1 6B 6167655F6F7665725F3139 F4");
	fuzz_seed_hex("04 0001 A0 0001 FF 0000");
}
