/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver of a reader, which may be anybody's, tells of its keys over PC/SC: good lists, and all kinds of bad
 * ones; and a PIN that is typed on them goes to it once at most. Linked with --wrap=SCard... */
#include "drivers/pcsc.h"

#include <fuda/encode.h>
#include <reader.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka.h"

enum { CARD = 4711 };

/* What it answers: to the question for features, and to the code 42330012 of its properties. */
#define PROPERTIES_CODE 0x42330012
#define VERIFY		"060442330006"
#define MODIFY		"070442330007"
#define PROPERTIES	"120442330012"

static struct service {
	LONG rv, properties_rv;
	const char *features, *properties; /* hexadecimal */
	DWORD more; /* so much longer it says that its answer is */
	unsigned asked;
} service;

static LONG answer(const char *hex, void *ret, DWORD room, LPDWORD ret_len)
{
	struct fuda_buf b = FUDA_BUF_INIT(2000);

	assert_int_equal(fuda_hex_decode(hex, &b), 0);
	assert_in_range(b.len, 0, room);
	if (b.len)
		memcpy(ret, b.data, b.len);
	*ret_len = b.len + service.more;
	fuda_buf_free(&b);
	return SCARD_S_SUCCESS;
}

/* A reader that is asked for a PIN, and what the service says meanwhile. */
#define SECURE_CODE 0x42330006
static const uint8_t structure[] = { 1, 2, 3 };

static struct typing {
	LONG status[2]; /* before the reader is asked, and after */
	bool unpowered;
	LONG rv;
	const char *response;
	unsigned typed, reconnects, disconnects;
} typing;

static LONG secure(const void *sent, DWORD len, void *ret, LPDWORD ret_len)
{
	assert_int_equal(len, sizeof(structure));
	assert_memory_equal(sent, structure, len);
	typing.typed++;
	return typing.rv == SCARD_S_SUCCESS ? answer(typing.response, ret, 300, ret_len) : typing.rv;
}

LONG __wrap_SCardStatus(SCARDHANDLE card, LPSTR name, LPDWORD name_len, LPDWORD state, LPDWORD protocol, LPBYTE atr,
			LPDWORD atr_len);
LONG __wrap_SCardStatus(SCARDHANDLE card, LPSTR name, LPDWORD name_len, LPDWORD state, LPDWORD protocol, LPBYTE atr,
			LPDWORD atr_len)
{
	(void)name, (void)name_len, (void)protocol, (void)atr, (void)atr_len;
	assert_int_equal(card, CARD);
	if (state)
		*state = SCARD_PRESENT | (typing.unpowered ? 0 : SCARD_POWERED);
	return typing.status[typing.typed || typing.reconnects];
}

LONG __wrap_SCardReconnect(SCARDHANDLE card, DWORD mode, DWORD protocols, DWORD how, LPDWORD protocol);
LONG __wrap_SCardReconnect(SCARDHANDLE card, DWORD mode, DWORD protocols, DWORD how, LPDWORD protocol)
{
	(void)card, (void)mode, (void)protocols, (void)how;
	*protocol = SCARD_PROTOCOL_T1;
	typing.reconnects++;
	return SCARD_S_SUCCESS;
}

LONG __wrap_SCardGetStatusChange(SCARDCONTEXT context, DWORD ms, SCARD_READERSTATE *states, DWORD count);
LONG __wrap_SCardGetStatusChange(SCARDCONTEXT context, DWORD ms, SCARD_READERSTATE *states, DWORD count)
{
	(void)context, (void)ms, (void)states, (void)count;
	return SCARD_E_TIMEOUT;
}

LONG __wrap_SCardDisconnect(SCARDHANDLE card, DWORD how);
LONG __wrap_SCardDisconnect(SCARDHANDLE card, DWORD how)
{
	(void)card, (void)how;
	typing.disconnects++;
	return SCARD_S_SUCCESS;
}

LONG __wrap_SCardControl(SCARDHANDLE card, DWORD code, LPCVOID sent, DWORD len, LPVOID ret, DWORD room,
			 LPDWORD ret_len);
LONG __wrap_SCardControl(SCARDHANDLE card, DWORD code, LPCVOID sent, DWORD len, LPVOID ret, DWORD room, LPDWORD ret_len)
{
	assert_int_equal(card, CARD);
	if (code == SECURE_CODE)
		return secure(sent, len, ret, ret_len);
	assert_int_equal(len, 0);
	service.asked++;
	if (code == CM_IOCTL_GET_FEATURE_REQUEST)
		return service.rv == SCARD_S_SUCCESS ? answer(service.features, ret, room, ret_len) : service.rv;
	assert_int_equal(code, PROPERTIES_CODE);
	return service.properties_rv == SCARD_S_SUCCESS ? answer(service.properties, ret, room, ret_len) :
							  service.properties_rv;
}

static struct pcsc_pad ask(const char *features, const char *properties)
{
	struct pcsc_pad pad = { .verify = 99, .modify = 99 };

	service.features = features;
	service.properties = properties;
	service.asked = 0;
	assert_int_equal(pcsc_ask_pad(CARD, &pad), SCARD_S_SUCCESS);
	assert_true(pad.known);
	return pad;
}

static void expect(const char *features, const char *properties, DWORD verify, DWORD modify)
{
	struct pcsc_pad pad = ask(features, properties);

	if (pad.verify != verify || pad.modify != modify)
		fail_msg("%s, %s: %lx %lx", features, properties, (unsigned long)pad.verify, (unsigned long)pad.modify);
}

static int reset(void **state)
{
	(void)state;
	memset(&service, 0, sizeof(service));
	return 0;
}

static void finds_codes(void **state)
{
	(void)state;
	expect(VERIFY, "", 0x42330006, 0);
	expect(MODIFY, "", 0, 0x42330007);
	expect("0A044233000A" VERIFY MODIFY PROPERTIES, "", 0x42330006, 0x42330007);
	/* among others that are longer, shorter, empty, unknown */
	expect("13" "00" "2101FF" "FE06010203040506" VERIFY "0300" MODIFY, "", 0x42330006, 0x42330007);
	/* who has none of the two is not asked for more */
	expect("", "", 0, 0);
	expect(PROPERTIES, "", 0, 0);
	assert_int_equal(service.asked, 1);
}

static void believes_no_nonsense(void **state)
{
	static const char *const bad[] = {
		"06", "0604", "060442", "0604423300", "06054233000600", "060342330006", "0600", "06FF42330006",
		"FF044233000606", "1204060442330006", "00", "0442330006", "060400000000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect(bad[i], "", 0, 0);
	/* what came before it holds */
	expect(VERIFY "07", "", 0x42330006, 0);
	expect(VERIFY "0704423300", "", 0x42330006, 0);
	/* it says that more came than did, or than there was room for */
	service.more = 3;
	expect("07", "", 0, 0);
	expect("0704423300", "", 0, 0x42330000);
	service.more = 511;
	expect("00", "", 0, 0);
	service.more = 100000;
	expect("00", "", 0, 0);
	expect(VERIFY, "", 0, 0);
}

static void leaves_false_pads_alone(void **state)
{
	(void)state;
	expect(VERIFY PROPERTIES, "0B02F80B" "0C021710", 0, 0);		       /* 0BF8:1017 */
	expect(VERIFY PROPERTIES, "0A0400000100" "0C022410" "0B02F003", 0, 0); /* 03F0:1024 */
	expect(VERIFY PROPERTIES, "0B02460D" "0C020230", 0x42330006, 0);       /* 0D46:3002 */
	/* who it is remains unknown */
	expect(VERIFY PROPERTIES, "0B02F80B", 0x42330006, 0);
	expect(VERIFY PROPERTIES, "0B03F80B00" "0C021710", 0x42330006, 0);
	expect(VERIFY PROPERTIES, "0B02F80B" "0C04171000", 0x42330006, 0);
	service.properties_rv = SCARD_E_NOT_TRANSACTED;
	expect(VERIFY PROPERTIES, "", 0x42330006, 0);
}

/* A driver without part 10 says so in many ways; only one that cannot be asked now is asked again. */
static void takes_failures_for_no(void **state)
{
	static const LONG rvs[] = { SCARD_E_UNSUPPORTED_FEATURE, SCARD_E_NOT_TRANSACTED, SCARD_E_INVALID_PARAMETER,
				    SCARD_E_READER_UNAVAILABLE, SCARD_E_INSUFFICIENT_BUFFER, SCARD_F_COMM_ERROR };
	struct pcsc_pad pad = { .verify = 99 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rvs); i++) {
		service.rv = rvs[i];
		expect(NULL, NULL, 0, 0);
	}
	service.rv = SCARD_E_SHARING_VIOLATION;
	assert_int_equal(pcsc_ask_pad(CARD, &pad), SCARD_E_SHARING_VIOLATION);
	assert_false(pad.known);
	assert_int_equal(pad.verify, 99);
}

/* ---- a PIN that is typed ---- */

static struct pcsc_session *type_pin(const struct typing *how)
{
	struct pcsc_session *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	typing = *how;
	s->connected = s->locked = true;
	s->card = CARD;
	s->control = SECURE_CODE;
	s->command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	assert_int_equal(fuda_buf_append(&s->command, structure, sizeof(structure)), 0);
	pcsc_job_secure(s);
	assert_int_equal(s->command.len, 0);
	return s;
}

static void type_and_free(const struct typing *how, LONG rv, bool lost, unsigned typed, unsigned disconnects)
{
	struct pcsc_session *s = type_pin(how);

	assert_int_equal(s->rv, rv);
	assert_int_equal(s->lost, lost);
	assert_int_equal(typing.typed, typed);
	assert_int_equal(typing.disconnects, disconnects);
	assert_int_equal(s->response_len, rv == SCARD_S_SUCCESS && !lost ? 2 : 0);
	fuda_buf_free(&s->command);
	free(s);
}

static void asks_once(void **state)
{
	static const LONG rvs[] = { SCARD_E_NOT_TRANSACTED, SCARD_E_UNSUPPORTED_FEATURE, SCARD_F_COMM_ERROR,
				    SCARD_W_RESET_CARD, SCARD_W_UNPOWERED_CARD };

	(void)state;
	type_and_free(&(struct typing){ .response = "9000" }, SCARD_S_SUCCESS, false, 1, 0);
	type_and_free(&(struct typing){ .response = "6401" }, SCARD_S_SUCCESS, false, 1, 0);
	type_and_free(&(struct typing){ .response = "90" }, SCARD_E_NOT_TRANSACTED, false, 1, 0);
	type_and_free(&(struct typing){ .response = "" }, SCARD_E_NOT_TRANSACTED, false, 1, 0);
	/* whatever it says afterwards, it may have left */
	for (size_t i = 0; i < ARRAY_SIZE(rvs); i++) {
		type_and_free(&(struct typing){ .rv = rvs[i] }, rvs[i], false, 1, 0);
		type_and_free(&(struct typing){ .rv = rvs[i], .status = { 0, SCARD_W_RESET_CARD } }, rvs[i], false, 1,
			      0);
		type_and_free(&(struct typing){ .rv = rvs[i], .status = { 0, SCARD_W_REMOVED_CARD } },
			      SCARD_W_REMOVED_CARD, false, 1, 1);
	}
	type_and_free(&(struct typing){ .rv = SCARD_E_NOT_TRANSACTED, .unpowered = true }, SCARD_E_NOT_TRANSACTED, true,
		      1, 0);
}

/* SCardControl() would not notice. */
static void asks_nobody_after_a_reset(void **state)
{
	(void)state;
	type_and_free(&(struct typing){ .status = { SCARD_W_RESET_CARD } }, SCARD_S_SUCCESS, true, 0, 0);
	type_and_free(&(struct typing){ .status = { SCARD_W_UNPOWERED_CARD } }, SCARD_S_SUCCESS, true, 0, 0);
	type_and_free(&(struct typing){ .status = { SCARD_W_REMOVED_CARD, SCARD_W_REMOVED_CARD } },
		      SCARD_W_REMOVED_CARD, false, 0, 1);
	type_and_free(&(struct typing){ .status = { SCARD_E_READER_UNAVAILABLE, SCARD_E_READER_UNAVAILABLE } },
		      SCARD_E_READER_UNAVAILABLE, false, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(finds_codes, reset),
		cmocka_unit_test_setup(believes_no_nonsense, reset),
		cmocka_unit_test_setup(leaves_false_pads_alone, reset),
		cmocka_unit_test_setup(takes_failures_for_no, reset),
		cmocka_unit_test_setup(asks_once, reset),
		cmocka_unit_test_setup(asks_nobody_after_a_reset, reset),
	};

	return RUN(tests);
}
