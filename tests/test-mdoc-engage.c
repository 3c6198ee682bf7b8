/* SPDX-License-Identifier: Apache-2.0 */
/* Engagement of a phone by NFC, command by command: the transcripts of static and of negotiated
 * handover, what is tolerated of wallets and what is refused. */
#include <fuda/app.h>
#include <fuda/mdoc.h>
#include <ctype.h>
#include <stdio.h>

#include "mdoc/handover.h"
#include "tests/mock.h"
#include "tests/vectors.h"

#define SELECT_NDEF { "00A4040007D276000085010100", "9000" }
#define SELECT_CC   { "00A4000C02E103", "9000" }
#define READ_CC	    "00B000000F"
#define CC_STATIC   "000F207FFF7FFF0406E1047FFF00FF9000"
#define CC_WRITABLE "000F207FFF7FFF0406E1047FFF00009000"
#define SELECT_FILE { "00A4000C02E104", "9000" }
#define OPEN(cc)    SELECT_NDEF, SELECT_CC, { READ_CC, cc }, SELECT_FILE
#define LOOK	    "00B0000002"
#define NONE_YET    { LOOK, "00009000" }

/* A Handover Select with DeviceEngagement A20063312E300101 and NFC: 97 bytes. */
#define DE     "A20063312E300101"
#define HS_MB  "91020C487315D10206616301036E666300"
#define DE_REC "1C1E080469736F2E6F72673A31383031333A646576696365656E676167656D656E746D646F63" DE
#define NFC(limits) \
	"5C11" limits
#define LIMITS "0A0369736F2E6F72673A31383031333A6E66636E6663010301FFFF0402010000"
#define HS     HS_MB DE_REC NFC(LIMITS)
#define GIVES_HS { LOOK, "00619000" }, { "00B0000261", HS "9000" }

#define URN	 "75726E3A6E66633A736E3A68616E646F766572"
#define TP(tail) "D1021A54701013" URN "00" tail
#define GIVES_TP { LOOK, "001F9000" }, { "00B000021F", TP("000FFFFF") "9000" }
#define WRITE_TS { "00D600001B0019" "D10214547313" URN, "9000" }
#define GIVES_TE { LOOK, "00069000" }, { "00B0000206", "D102015465009000" }

static struct fuda_mdoc_phone *phone;

static int engage(struct mock_card *m)
{
	int r = fuda_mdoc_phone_engage(m->card, m->dl, &phone);

	if (r < 0) {
		assert_null(phone);
		assert_string_not_equal(fuda_context_message(m->ctx), "");
	}
	return r;
}

/* Opens a card over whose reader extended length is known not to work. */
static void open_short(struct mock_card *m, const struct exchange *script)
{
	mock_open(m, script);
	m->card->extended = EXTENDED_FAILS;
}

static void assert_hex(struct fuda_mdoc_span b, const char *hex)
{
	struct fuda_buf expected = FUDA_BUF_INIT(HANDOVER_MAX);

	assert_int_equal(fuda_hex_decode(hex, &expected), 0);
	assert_bytes(b.bytes, b.len, cur_of(expected.data, expected.len));
	fuda_buf_free(&expected);
}

/* ---- transcripts ---- */

enum { LINES_MAX = 60, LINE_MAX = 2048 };

struct transcript {
	struct exchange script[LINES_MAX];
	char text[LINES_MAX][2][LINE_MAX];
	size_t count;
	const char *message; /* the one read last */
};

/* A command of the transcript as we send it: with Le where an application is selected, and with a
 * request of our own, for NFC alone. */
static void take_command(struct transcript *t, const char *header, int le, const char *data)
{
	char *out = t->text[t->count][0];
	int n;

	if (strcmp(header, "00a40400") == 0)
		le = 256;
	if (strcmp(header, "00d60000") == 0 && strstr(data, "4872")) {
		snprintf(out, LINE_MAX, "00D60000650063..");
	} else {
		n = snprintf(out, LINE_MAX, "%s", header);
		if (*data)
			n += snprintf(out + n, LINE_MAX - (size_t)n, "%02zX%s", strlen(data) / 2, data);
		if (le)
			snprintf(out + n, LINE_MAX - (size_t)n, "%02X", le & 0xFF);
	}
	for (; *out; out++)
		*out = (char)toupper(*out);
	t->script[t->count].command = t->text[t->count][0];
}

static void take_response(struct transcript *t, const char *sw, const char *data)
{
	snprintf(t->text[t->count][1], LINE_MAX, "%s%s", data, sw);
	t->script[t->count].response = t->text[t->count][1];
	if (strlen(data) > 4)
		t->message = t->text[t->count][1];
	t->count++;
}

static void load(struct transcript *t, const char *name)
{
	FILE *f = fopen(vector_path("nfc_handover_transcripts.tsv"), "r");
	char line[LINE_MAX];

	assert_non_null(f);
	memset(t, 0, sizeof(*t));
	while (fgets(line, sizeof(line), f)) {
		const char *fields[5] = { "", "", "", "", "" };
		char *at = line;

		line[strcspn(line, "\r\n")] = 0;
		for (size_t i = 0; i < ARRAY_SIZE(fields) && at; i++)
			fields[i] = strsep(&at, "\t");
		if (strcmp(fields[0], name) != 0)
			continue;
		assert_true(t->count < LINES_MAX - 1);
		if (*fields[1] == 'C')
			take_command(t, fields[2], (int)strtol(fields[3] + strlen("Le="), NULL, 10), fields[4]);
		else
			take_response(t, fields[2], fields[4]);
	}
	fclose(f);
	assert_true(t->count > 5);
}

static void follows_static(void **state)
{
	static struct transcript t;
	const struct fuda_mdoc_handover *h;
	struct mock_card m;
	char hex[LINE_MAX];

	(void)state;
	load(&t, "testStaticHandover");
	open_short(&m, t.script);
	assert_int_equal(engage(&m), 0);
	assert_true(m.mock.locked);
	h = fuda_mdoc_phone_handover(phone);
	snprintf(hex, sizeof(hex), "%.*s", (int)strlen(t.message) - 4, t.message);
	assert_hex(h->select, hex);
	assert_int_equal(h->request.len, 0);
	assert_int_equal(h->engagement.len, 88);
	assert_memory_equal(h->engagement.bytes, "\xA2\x00\x63" "1.0" "\x01\x82\x01\xD8\x18", 11);
	assert_int_equal(h->carriers, FUDA_MDOC_BLE | FUDA_MDOC_NFC);
	assert_int_equal(h->max_command, 255);
	assert_int_equal(h->max_response, 256);
	fuda_mdoc_phone_free(&phone);
	mock_close_card(&m);
}

/* To its end, where this wallet, which another reader offered both, goes on by Bluetooth. */
static void follows_negotiated(void **state)
{
	static struct transcript t;
	struct mock_card m;

	(void)state;
	load(&t, "testNegotiatedHandover");
	open_short(&m, t.script);
	assert_int_equal(engage(&m), FUDA_ENOTSUP);
	assert_non_null(strstr(fuda_context_message(m.ctx), "no NFC to go on"));
	mock_close_card(&m);
}

/* ---- what is tolerated ---- */

static const char request_short[] = "91020C487215D10206616301036E666300"
				    "1C1E060A69736F2E6F72673A31383031333A726561646572656E676167656D656E74"
				    "6D646F63726561646572A10063312E30"
				    "5C11080369736F2E6F72673A31383031333A6E66636E66630102" "01FF03020100";
#define WRITE_HR { "00D60000650063" "91020C4872..", "9000" }

static void takes(void **state)
{
	static const struct {
		const char *what;
		struct exchange script[32];
		bool negotiated;
	} rows[] = {
		{ "static", { OPEN(CC_STATIC), GIVES_HS }, false },
		{ "static although it can be written", { OPEN(CC_WRITABLE), GIVES_HS }, false },
		{ "negotiated", { OPEN(CC_WRITABLE), GIVES_TP, WRITE_TS, GIVES_TE, WRITE_HR, GIVES_HS }, true },
		{ "empty until it is ready",
		  { OPEN(CC_WRITABLE), NONE_YET, NONE_YET, GIVES_TP, WRITE_TS, NONE_YET, GIVES_TE, WRITE_HR, NONE_YET,
		    NONE_YET, NONE_YET, GIVES_HS },
		  true },
		{ "empty for longer than it announces",
		  { OPEN(CC_WRITABLE), { LOOK, "001F9000" }, { "00B000021F", TP("0000FFFF") "9000" }, WRITE_TS,
		    NONE_YET, NONE_YET, GIVES_TE, WRITE_HR, GIVES_HS },
		  true },
		{ "a container of version 3, another file",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, "000F3000FF00FF0406000100FF00FF9000" },
		    { "00A4000C020001", "9000" }, GIVES_HS },
		  false },
		{ "fewer bytes at a time than asked for",
		  { OPEN(CC_STATIC), { LOOK, "00619000" }, { "00B0000261", HS_MB "9000" },
		    { "00B0001350", DE_REC NFC(LIMITS) "9000" } },
		  false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct fuda_mdoc_handover *h;
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		open_short(&m, rows[i].script);
		if (engage(&m) < 0)
			fail_msg("%s", fuda_context_message(m.ctx));
		h = fuda_mdoc_phone_handover(phone);
		assert_hex(h->select, HS);
		assert_hex(h->engagement, DE);
		assert_hex(h->request, rows[i].negotiated ? request_short : "");
		assert_int_equal(h->carriers, FUDA_MDOC_NFC);
		fuda_mdoc_phone_free(&phone);
		mock_close_card(&m);
	}
}

/* The tag is selected each time, which sets back what was begun with the phone. */
static void begins_anew(void **state)
{
	static const struct exchange script[] = { OPEN(CC_STATIC), GIVES_HS, OPEN(CC_STATIC), GIVES_HS, { 0 } };
	struct mock_card m;

	(void)state;
	open_short(&m, script);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(engage(&m), 0);
		fuda_mdoc_phone_free(&phone);
	}
	fuda_card_end(m.card);
	mock_close_card(&m);
}

/* ---- pieces ---- */

enum { MLE = 16, MLC = 20 };

static void add(struct transcript *t, const char *command, const char *response)
{
	assert_true(t->count < LINES_MAX - 1);
	snprintf(t->text[t->count][0], LINE_MAX, "%s", command);
	snprintf(t->text[t->count][1], LINE_MAX, "%s", response);
	t->script[t->count].command = t->text[t->count][0];
	t->script[t->count].response = t->text[t->count][1];
	t->count++;
}

static void add_read(struct transcript *t, const char *hex)
{
	char command[LINE_MAX], response[LINE_MAX];
	size_t len = strlen(hex) / 2;

	snprintf(response, sizeof(response), "%04zX9000", len);
	add(t, LOOK, response);
	for (size_t at = 0; at < len; at += MLE) {
		size_t piece = MIN(len - at, (size_t)MLE);

		snprintf(command, sizeof(command), "00B0%04zX%02zX", at + 2, piece);
		snprintf(response, sizeof(response), "%.*s9000", (int)(2 * piece), hex + 2 * at);
		add(t, command, response);
	}
}

static void add_write(struct transcript *t, const char *hex)
{
	char command[LINE_MAX];
	size_t len = strlen(hex) / 2;

	add(t, "00D60000020000", "9000");
	for (size_t at = 0; at < len; at += MLC) {
		size_t piece = MIN(len - at, (size_t)MLC);

		snprintf(command, sizeof(command), "00D6%04zX%02zX%.*s", at + 2, piece, (int)(2 * piece), hex + 2 * at);
		add(t, command, "9000");
	}
	snprintf(command, sizeof(command), "00D6000002%04zX", len);
	add(t, command, "9000");
}

/* MLe and MLc bound what is read and written at a time; while it is written, there is no message. */
static void goes_in_pieces(void **state)
{
	static const struct exchange opening[] = { OPEN("000F2000100014" "0406E1047FFF00009000") };
	static struct transcript t;
	struct mock_card m;

	(void)state;
	memset(&t, 0, sizeof(t));
	for (size_t i = 0; i < ARRAY_SIZE(opening); i++)
		add(&t, opening[i].command, opening[i].response);
	add_read(&t, TP("000FFFFF"));
	add_write(&t, "D10214547313" URN);
	add_read(&t, "D10201546500");
	add_write(&t, request_short);
	add_read(&t, HS);
	open_short(&m, t.script);
	if (engage(&m) < 0)
		fail_msg("%s", fuda_context_message(m.ctx));
	assert_hex(fuda_mdoc_phone_handover(phone)->select, HS);
	fuda_mdoc_phone_free(&phone);
	mock_close_card(&m);
}

/* ---- what is refused ---- */

#define CC(container)	      { SELECT_NDEF, SELECT_CC, { READ_CC, container "9000" } }
#define NEGOTIATES	      OPEN(CC_WRITABLE), GIVES_TP, WRITE_TS

struct refusal {
	const char *what;
	struct exchange script[24];
	int error;
	const char *message; /* part of it */
};

static void refused(const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		open_short(&m, rows[i].script);
		assert_int_equal(engage(&m), rows[i].error);
		if (!strstr(fuda_context_message(m.ctx), rows[i].message))
			fail_msg("message without \"%s\": %s", rows[i].message, fuda_context_message(m.ctx));
		mock_close_card(&m);
	}
}

static void refuses_containers(void **state)
{
	static const struct refusal rows[] = {
		{ "no such application",
		  { { "00A4040007D276000085010100", "6A82" } }, FUDA_ENOTFOUND, "wallet opened" },
		{ "application refused",
		  { { "00A4040007D276000085010100", "6999" } }, FUDA_ENOTFOUND, "wallet opened" },
		{ "... for now", { { "00A4040007D276000085010100", "6985" } }, FUDA_ENOTFOUND, "wallet opened" },
		{ "... as no function", { { "00A4040007D276000085010100", "6A81" } }, FUDA_ENOTFOUND, "wallet opened" },
		{ "... as unknown", { { "00A4040007D276000085010100", "6D00" } }, FUDA_ENOTFOUND, "wallet opened" },
		{ "... to who may not", { { "00A4040007D276000085010100", "6982" } }, FUDA_ENOTFOUND, "wallet opened" },
		{ "no container", { SELECT_NDEF, { "00A4000C02E103", "6A82" } }, FUDA_ENOTFOUND, "" },
		{ "container not given", { SELECT_NDEF, SELECT_CC, { READ_CC, "6986" } }, FUDA_ESW, "6986" },
		{ "container of no bytes", { SELECT_NDEF, SELECT_CC, { READ_CC, "9000" } }, FUDA_EFORMAT, "" },
		{ "... one too short", CC("000F207FFF7FFF0406E1047FFF00"), FUDA_EFORMAT, "Capability" },
		{ "... one too long", CC("000F207FFF7FFF0406E1047FFF00FF00"), FUDA_EFORMAT, "16 bytes" },
		{ "... that says 14", CC("000E207FFF7FFF0406E1047FFF00FF"), FUDA_EFORMAT, "Capability" },
		{ "... of version 1", CC("000F107FFF7FFF0406E1047FFF00FF"), FUDA_ENOTSUP, "version" },
		{ "... of version 4", CC("000F407FFF7FFF0406E1047FFF00FF"), FUDA_ENOTSUP, "version" },
		{ "... with MLe 14", CC("000F20000E7FFF0406E1047FFF00FF"), FUDA_EFORMAT, "Capability" },
		{ "... with MLc 0", CC("000F207FFF00000406E1047FFF00FF"), FUDA_EFORMAT, "Capability" },
		{ "... of a proprietary file", CC("000F207FFF7FFF0506E1047FFF00FF"), FUDA_EFORMAT, "Capability" },
		{ "... with another length", CC("000F207FFF7FFF0408E1047FFF00FF"), FUDA_EFORMAT, "Capability" },
		{ "... that is its own file", CC("000F207FFF7FFF0406E1037FFF00FF"), FUDA_EFORMAT, "Capability" },
		{ "... with the reserved file 3F00", CC("000F207FFF7FFF04063F007FFF00FF"), FUDA_EFORMAT, "Capability" },
		{ "... with a file of 4 bytes", CC("000F207FFF7FFF0406E104000400FF"), FUDA_EFORMAT, "Capability" },
		{ "... that may not be read", CC("000F207FFF7FFF0406E1047FFF80FF"), FUDA_EFORMAT, "Capability" },
		{ "... with write access 80", CC("000F207FFF7FFF0406E1047FFF0080"), FUDA_EFORMAT, "Capability" },
	};

	(void)state;
	refused(rows, ARRAY_SIZE(rows));
}

static void refuses(void **state)
{
	static const struct refusal rows[] = {
		{ "no file", { SELECT_NDEF, SELECT_CC, { READ_CC, CC_STATIC }, { "00A4000C02E104", "6A82" } },
		  FUDA_ENOTFOUND, "" },
		{ "half a length", { OPEN(CC_STATIC), { LOOK, "009000" } }, FUDA_EFORMAT, "" },
		{ "three bytes of it", { OPEN(CC_STATIC), { LOOK, "0061009000" } }, FUDA_EFORMAT, "" },
		{ "length over the file's",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, "000F207FFF7FFF0406E104006200FF9000" }, SELECT_FILE,
		    { LOOK, "00619000" } },
		  FUDA_ETOOBIG, "97 bytes" },
		{ "length over what is taken", { OPEN(CC_STATIC), { LOOK, "20019000" } }, FUDA_ETOOBIG, "8193 bytes" },
		{ "nothing behind the length", { OPEN(CC_STATIC), { LOOK, "00619000" }, { "00B0000261", "9000" } },
		  FUDA_EFORMAT, "" },
		{ "more than the length", { OPEN(CC_STATIC), { LOOK, "00049000" }, { "00B0000204", "D1010154419000" } },
		  FUDA_EFORMAT, "" },
		{ "another message", { OPEN(CC_STATIC), { LOOK, "00059000" }, { "00B0000205", "D1010154419000" } },
		  FUDA_ENOTFOUND, "wallet opened" },
		{ "in chunks", { OPEN(CC_STATIC), { LOOK, "00059000" }, { "00B0000205", "B1010154419000" } },
		  FUDA_EFORMAT, "malformed" },
		{ "without DeviceEngagement",
		  { OPEN(CC_STATIC), { LOOK, "00339000" }, { "00B0000233", HS_MB NFC(LIMITS) "9000" } },
		  FUDA_ENOTFOUND, "wallet opened" },
		{ "of version 2.5",
		  { OPEN(CC_STATIC), { LOOK, "00619000" },
		    { "00B0000261", "91020C487225D10206616301036E666300" DE_REC NFC(LIMITS) "9000" } },
		  FUDA_ENOTFOUND, "wallet opened" },
		{ "of version 2.5, Handover Select",
		  { OPEN(CC_STATIC), { LOOK, "00619000" },
		    { "00B0000261", "91020C487325D10206616301036E666300" DE_REC NFC(LIMITS) "9000" } },
		  FUDA_ENOTSUP, "version" },
		{ "negotiation that cannot be written", { OPEN(CC_STATIC), GIVES_TP }, FUDA_ENOTSUP, "take part" },
		{ "no room for messages",
		  { OPEN(CC_WRITABLE), { LOOK, "001F9000" }, { "00B000021F", TP("000F0018") "9000" } },
		  FUDA_ETOOBIG, "no room" },
		{ "room for the first one",
		  { OPEN(CC_WRITABLE), { LOOK, "001F9000" }, { "00B000021F", TP("000F0062") "9000" }, WRITE_TS,
		    GIVES_TE },
		  FUDA_ETOOBIG, "no room" },
		{ "no room in the file",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, "000F207FFF7FFF0406E104003200009000" }, SELECT_FILE, GIVES_TP,
		    WRITE_TS, GIVES_TE },
		  FUDA_ETOOBIG, "no room" },
		{ "TNEP of version 2",
		  { OPEN(CC_WRITABLE), { LOOK, "001F9000" }, { "00B000021F", "D1021A54702013" URN "00000FFFFF9000" } },
		  FUDA_ENOTSUP, "version" },
		{ "service refused", { NEGOTIATES, { LOOK, "00069000" }, { "00B0000206", "D102015465819000" } },
		  FUDA_ESW, "status 81" },
		{ "service not written", { OPEN(CC_WRITABLE), GIVES_TP, { "00D600001B0019D10214547313" URN, "6A84" } },
		  FUDA_ESW, "6A84" },
		{ "no status",
		  { NEGOTIATES, { LOOK, "00059000" }, { "00B0000205", "D1010154419000" } }, FUDA_EFORMAT, "" },
		{ "a malformed status", { NEGOTIATES, { LOOK, "00059000" }, { "00B0000205", "D1020054659000" } },
		  FUDA_EFORMAT, "" },
		{ "request refused",
		  { NEGOTIATES, GIVES_TE, WRITE_HR, { LOOK, "00069000" }, { "00B0000206", "D102015465809000" } },
		  FUDA_ESW, "status 80" },
		{ "malformed answer to it",
		  { NEGOTIATES, GIVES_TE, WRITE_HR, { LOOK, "00069000" }, { "00B0000206", "510201546500" "9000" } },
		  FUDA_EFORMAT, "malformed" },
		{ "a status for an answer", { NEGOTIATES, GIVES_TE, WRITE_HR, GIVES_TE }, FUDA_ENOTFOUND, "" },
	};

	(void)state;
	refused(rows, ARRAY_SIZE(rows));
}

/* A message that never comes is waited for until the deadline, and no longer than that. */
static void waits_until_deadline(void **state)
{
	static struct exchange script[64] = { OPEN(CC_WRITABLE), GIVES_TP, WRITE_TS };
	static const struct exchange end;
	struct mock_card m;

	(void)state;
	for (size_t i = 7; i < ARRAY_SIZE(script) - 1; i++)
		script[i] = (struct exchange)NONE_YET;
	for (int cancelled = 0; cancelled <= 1; cancelled++) {
		open_short(&m, script);
		fuda_deadline_restart(m.dl, 150);
		if (cancelled)
			fuda_deadline_cancel(m.dl);
		assert_int_equal(engage(&m), cancelled ? FUDA_ECANCELLED : FUDA_ETIMEOUT);
		assert_int_equal(!strstr(fuda_context_message(m.ctx), "starts anew"), cancelled);
		/* 1 ms apart while it should have answered, then 100 ms */
		if (!cancelled)
			assert_in_range(m.mock.next - script, 7 + 2, 7 + 17 + 2);
		m.mock.next = &end;
		mock_close_card(&m);
	}
}

/* ---- loss ---- */

static void tells_loss(void **state)
{
	static const int errors[] = { FUDA_EREMOVED, FUDA_ENOCARD, FUDA_EMUTE, FUDA_ETRANSPORT };
	static const struct exchange whole[] = {
		OPEN(CC_WRITABLE), GIVES_TP, WRITE_TS, GIVES_TE, WRITE_HR, GIVES_HS,
	};
	static const struct exchange end;

	(void)state;
	for (size_t at = 0; at < ARRAY_SIZE(whole); at++) {
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			struct exchange script[ARRAY_SIZE(whole) + 1] = { 0 };
			struct mock_card m;

			memcpy(script, whole, sizeof(whole));
			script[at].response = NULL;
			script[at].error = errors[i];
			open_short(&m, script);
			assert_int_equal(engage(&m), FUDA_EREMOVED);
			assert_non_null(strstr(fuda_context_message(m.ctx), "held to the reader again"));
			assert_ptr_equal(m.mock.next, script + at + 1);
			m.mock.next = &end;
			mock_close_card(&m);
		}
	}
}

/* Another program's reset in the middle: what was begun is not gone on with. */
static void tells_reset(void **state)
{
	static const struct exchange script[] = {
		OPEN(CC_WRITABLE),
		{ LOOK, NULL, FUDA_ERESET, true },
		{ "00A4040007D276000085010100", "9000" }, /* card.c selects again, and repeats */
		{ LOOK, "001F9000" },
		{ 0 },
	};
	struct mock_card m;

	(void)state;
	open_short(&m, script);
	assert_int_equal(engage(&m), FUDA_EREMOVED);
	assert_non_null(strstr(fuda_context_message(m.ctx), "starts anew"));
	mock_close_card(&m);
}

/* ---- extended length ---- */

static void probes_extended(void **state)
{
#define PROBE	  "00B0000000000F"
#define CC_SHORT  "000F2000FF00FF0406E1047FFF00FF9000"
	static const struct {
		const char *what;
		struct exchange script[16];
		enum extended before, after;
		size_t max_command, max_response;
		unsigned power_ons;
		bool small; /* reader */
	} rows[] = {
		{ "works",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, CC_STATIC }, { PROBE, CC_STATIC }, SELECT_FILE, GIVES_HS },
		  EXTENDED_UNKNOWN, EXTENDED_WORKS, 65535, 65536, 0, false },
		{ "works, as is known", { OPEN(CC_STATIC), GIVES_HS },
		  EXTENDED_WORKS, EXTENDED_WORKS, 65535, 65536, 0, false },
		{ "does not, as is known", { OPEN(CC_STATIC), GIVES_HS },
		  EXTENDED_FAILS, EXTENDED_FAILS, 255, 256, 0, false },
		{ "not taken by the tag", { OPEN(CC_SHORT), GIVES_HS },
		  EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, 255, 256, 0, false },
		{ "not taken by the reader", { OPEN(CC_STATIC), GIVES_HS },
		  EXTENDED_UNKNOWN, EXTENDED_UNKNOWN, 255, 256, 0, true },
		{ "refused",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, CC_STATIC }, { PROBE, "6700" }, SELECT_FILE, GIVES_HS },
		  EXTENDED_UNKNOWN, EXTENDED_FAILS, 255, 256, 0, false },
		{ "answered with other bytes",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, CC_STATIC }, { PROBE, "009000" }, SELECT_FILE, GIVES_HS },
		  EXTENDED_UNKNOWN, EXTENDED_FAILS, 255, 256, 0, false },
		{ "fails in transport, and begins anew",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, CC_STATIC }, { PROBE, NULL, FUDA_ETRANSPORT, false },
		    OPEN(CC_STATIC), GIVES_HS },
		  EXTENDED_UNKNOWN, EXTENDED_FAILS, 255, 256, 1, false },
		{ "makes it mute, and begins anew",
		  { SELECT_NDEF, SELECT_CC, { READ_CC, CC_STATIC }, { PROBE, NULL, FUDA_EMUTE, false },
		    OPEN(CC_STATIC), GIVES_HS },
		  EXTENDED_UNKNOWN, EXTENDED_FAILS, 255, 256, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		m.card->extended = rows[i].before;
		if (rows[i].small)
			m.card->reader->max_command = 261;
		if (engage(&m) < 0)
			fail_msg("%s", fuda_context_message(m.ctx));
		assert_int_equal(fuda_mdoc_phone_handover(phone)->max_command, rows[i].max_command);
		assert_int_equal(fuda_mdoc_phone_handover(phone)->max_response, rows[i].max_response);
		assert_int_equal(m.card->extended, rows[i].after);
		assert_int_equal(m.mock.power_ons, rows[i].power_ons);
		fuda_mdoc_phone_free(&phone);
		mock_close_card(&m);
	}
}

/* ---- the list of applications ---- */

/* A phone shows its application, also where it must be engaged first, and that it has no others is no
 * error. */
static void is_listed(void **state)
{
	static const struct {
		const char *sw;
		int error;
		size_t count;
	} rows[] = { { "9000", 0, 1 }, { "6985", 0, 1 }, { "6A82", 0, 0 }, { "6999", FUDA_ESW, 77 } };
	const char *names[FUDA_APPLICATIONS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct exchange script[] = {
			{ "00A4040C0AD392F000260100000001", "6A82" }, { "00A4040C0AD3921000310001010408", "6A82" },
			{ "00A4040C0AD3921000310001010402", "6A82" }, { "00A4040C0AD3921000310001010100", "6A82" },
			{ "00A4040C0AD3921000310001010401", "6A82" }, { "00A4040007A000000248040000", rows[i].sw },
			{ 0 },
		};
		struct mock_card m;
		size_t count = 77;

		open_short(&m, script);
		assert_int_equal(fuda_applications(m.card, m.dl, names, &count), rows[i].error);
		assert_int_equal(count, rows[i].count);
		if (count == 1)
			assert_string_equal(names[0], "mdoc");
		assert_int_equal(!*fuda_context_message(m.ctx), !rows[i].error);
		mock_close_card(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_static),
		cmocka_unit_test(follows_negotiated),
		cmocka_unit_test(takes),
		cmocka_unit_test(begins_anew),
		cmocka_unit_test(goes_in_pieces),
		cmocka_unit_test(refuses_containers),
		cmocka_unit_test(refuses),
		cmocka_unit_test(waits_until_deadline),
		cmocka_unit_test(tells_loss),
		cmocka_unit_test(tells_reset),
		cmocka_unit_test(probes_extended),
		cmocka_unit_test(is_listed),
	};

	vectors_or_skip();
	return RUN(tests);
}
