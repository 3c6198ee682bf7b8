/* SPDX-License-Identifier: Apache-2.0 */
/* The PC/SC driver on a private service with virtual readers, and other programs in between. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

#include "codec/apdu.h"
#include "reader/reader.h"
#include "tests/cmocka.h"
#include "tests/peer.h"
#include "tests/process.h"

#define NAME0 "Fuda Test [Card] (20261120) 00 00"
#define NAME1 "Fuda Test [Card] (20261120) 00 01"

static const uint8_t echo[] = { 0x00, 0x01, 0x02, 0x03 };
static const uint8_t mute[] = { 0x00, PEER_MUTE, 0x00, 0x00 };
static const uint8_t set_state[] = { 0x00, PEER_STATE, 0x07, 0x00 };
static const uint8_t get_state[] = { 0x00, PEER_STATE, 0x07, 0x00 };

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct peer *peer;
static struct reader *r;
static struct fuda_buf answer;
static pid_t pcscd;

/* ---- the surroundings ---- */

static pid_t service(void)
{
	return pcscd ? pcscd : atoi(getenv("FUDA_TEST_PCSCD_PID"));
}

/* Stops the service, and waits until it has stopped: all its threads. */
static void stop_service(void)
{
	char path[64], line[256];
	bool stopped = false;
	FILE *f;

	kill(service(), SIGSTOP);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)service());
	for (int i = 0; i < 500 && !stopped; i++) {
		pause_ms(10);
		f = fopen(path, "r");
		assert_non_null(f);
		while (fgets(line, sizeof(line), f))
			stopped |= strncmp(line, "State:\tT", 8) == 0;
		fclose(f);
	}
	assert_true(stopped);
}

/* Threads and descriptors of this process: what an abandoned worker must give back. */
static int usage(void)
{
	return entries("/proc/self/task") * 1000 + entries("/proc/self/fd");
}

static void await_usage(int wanted)
{
	for (int i = 0; i < 500 && usage() != wanted; i++)
		pause_ms(10);
	assert_int_equal(usage(), wanted);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(10000, &dl), 0);
	answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	return 0;
}

static int set_up_card(void **state)
{
	set_up(state);
	peer = peer_insert(peer_port(0), " 00 00", true);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kill(service(), SIGCONT);
	reader_close(&r);
	if (peer) {
		peer_remove(&peer);
		/* The next test starts with an empty reader, seen so by the service. */
		for (int i = 0;
		     i < 300 && system("tests/bare-pcsc card ' 00 00' 1 2>/dev/null") == 0; i++)
			pause_ms(20);
	}
	fuda_buf_free(&answer);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}

static void says(const char *part)
{
	if (!strstr(fuda_context_message(ctx), part))
		fail_msg("\"%s\" does not say \"%s\"", fuda_context_message(ctx), part);
}

static int send(const uint8_t *command, size_t len)
{
	fuda_buf_clear(&answer);
	return reader_transmit(r, command, len, 0, dl, &answer);
}

static int commands(void)
{
	return peer_counts(peer)->commands;
}

/* The state of the card; it becomes 7 again. */
static int card_state(void)
{
	assert_int_equal(send(get_state, sizeof(get_state)), 0);
	assert_int_equal(answer.len, 3);
	return answer.data[0];
}

static const struct fuda_reader_info *find(const struct fuda_reader_list *list, const char *part)
{
	for (size_t i = 0; i < list->count; i++)
		if (strstr(list->items[i].name, part))
			return &list->items[i];
	fail();
	return NULL;
}

/* ---- another program ---- */

static SCARDCONTEXT other_context;
static SCARDHANDLE other;

static void other_connects(DWORD share)
{
	DWORD protocol;

	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &other_context), 0);
	assert_int_equal(SCardConnect(other_context, NAME0, share,
				      SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &other, &protocol),
			 0);
}

static void other_reconnects(DWORD initialization)
{
	DWORD protocol;

	assert_int_equal(SCardReconnect(other, SCARD_SHARE_SHARED,
					SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, initialization,
					&protocol),
			 0);
}

static void other_leaves(DWORD disposition)
{
	SCardDisconnect(other, disposition);
	SCardReleaseContext(other_context);
}

/* ---- finding and opening ---- */

static void test_list_empty(void **state)
{
	struct fuda_reader_list *list = NULL;
	const struct fuda_reader_info *info;

	(void)state;
	assert_int_equal(fuda_reader_list_new(ctx, dl, &list), 0);
	assert_int_equal(fuda_reader_list_count(list), 2);
	info = find(list, NAME1);
	assert_string_equal(info->name, "pcsc:" NAME1);
	assert_false(info->card || info->mute || info->in_use || info->exclusive);
	assert_int_equal(info->atr_len, 0);
	fuda_reader_list_free(&list);
}

static void test_open_refused(void **state)
{
	static const struct {
		const char *name;
		int code;
		const char *text;
	} cases[] = {
		{ "pcsc:" NAME0, FUDA_ENOCARD, "no card" },
		{ "pcsc: 00 01", FUDA_ENOCARD, "no card" },
		{ "pcsc:Nobody", FUDA_ENOREADER, "\"Nobody\"" },
		{ "pcsc:Fuda", FUDA_EINVAL, NAME0 " and " NAME1 },
		{ "pcsc:", FUDA_EINVAL, "Give more" },
		{ "Fuda", FUDA_EINVAL, "Give more" },
		{ "Nobody", FUDA_ENOREADER, "fuda readers" },
	};
	char longest[300] = "pcsc:" NAME0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(reader_open(ctx, cases[i].name, dl, &r), cases[i].code);
		says(cases[i].text);
		assert_null(r);
	}
	memset(longest + 38, 'x', 200);
	assert_int_equal(reader_open(ctx, longest, dl, &r), FUDA_ENOREADER);
}

static void test_open(void **state)
{
	static const char *const names[] = { ("pcsc:" NAME0), "pcsc: 00 00", "00 00" };
	struct fuda_reader_list *list = NULL;
	const struct fuda_reader_info *info;

	(void)state;
	reader_close(&r);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(reader_open(ctx, names[i], dl, &r), 0);
		assert_string_equal(r->name, "pcsc:" NAME0);
		assert_string_equal(r->model, "Fuda Test [Card]");
		assert_int_equal(r->atr_len, 5);
		assert_int_equal(r->atr[0], 0x3B);
		assert_int_equal(r->max_command, 65544);
		assert_int_equal(r->max_response, 65538);
		assert_int_equal(send(echo, sizeof(echo)), 0);
		assert_int_equal(fuda_reader_list_new(ctx, dl, &list), 0);
		info = find(list, NAME0);
		assert_true(info->card && info->in_use && !info->exclusive && !info->mute);
		assert_memory_equal(info->atr, r->atr, info->atr_len);
		assert_true(info->events > 0);
		fuda_reader_list_free(&list);
		reader_close(&r);
	}
}

static void test_open_exclusive(void **state)
{
	struct fuda_reader_list *list = NULL;

	(void)state;
	reader_close(&r);
	other_connects(SCARD_SHARE_EXCLUSIVE);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), FUDA_EBUSY);
	says("Another program");
	assert_int_equal(fuda_reader_list_new(ctx, dl, &list), 0);
	assert_true(find(list, NAME0)->exclusive);
	fuda_reader_list_free(&list);
	other_leaves(SCARD_LEAVE_CARD);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
}

static void test_open_mute(void **state)
{
	struct fuda_reader_list *list = NULL;

	(void)state;
	peer = peer_insert(peer_port(0), " 00 00", false);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), FUDA_EMUTE);
	says("take it out");
	assert_int_equal(fuda_reader_list_new(ctx, dl, &list), 0);
	assert_true(find(list, NAME0)->card && find(list, NAME0)->mute);
	fuda_reader_list_free(&list);
}

/* ---- commands ---- */

static void test_transmit(void **state)
{
	static uint8_t command[65533] = { 0x00, 0x01 };

	(void)state;
	assert_int_equal(send(echo, sizeof(echo)), 0);
	assert_int_equal(answer.len, 6);
	assert_memory_equal(answer.data, echo, 4);
	memset(command + 4, 0xA5, sizeof(command) - 4);
	assert_int_equal(send(command, sizeof(command)), 0);
	assert_int_equal(answer.len, sizeof(command) + 2);
	assert_memory_equal(answer.data, command, sizeof(command));
}

static void test_transmit_lengths(void **state)
{
	static const unsigned sizes[] = { 1, 254, 255, 256, 257, 4096, 65533 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t command[] = { 0, PEER_LONG, (uint8_t)((sizes[i] - 1) >> 8),
				      (uint8_t)(sizes[i] - 1) };

		assert_int_equal(send(command, sizeof(command)), 0);
		assert_int_equal(answer.len, sizes[i] + 2);
		assert_int_equal(answer.data[sizes[i] - 1], 0x5A);
		assert_int_equal(answer.data[sizes[i]], 0x90);
	}
}

static void test_transmit_bad(void **state)
{
	static const uint8_t byte[] = { 0, PEER_BYTE, 0, 0 }, big[] = { 0, PEER_LONG, 1, 0 };
	struct fuda_buf small = FUDA_BUF_INIT(100);
	static uint8_t huge[65545];

	(void)state;
	assert_int_equal(send(echo, 3), FUDA_EINVAL);
	assert_int_equal(send(huge, sizeof(huge)), FUDA_ETOOBIG);
	assert_int_equal(commands(), 0);
	assert_int_equal(send(byte, sizeof(byte)), FUDA_ETRANSPORT);
	says("did not get through");
	assert_int_equal(reader_transmit(r, big, sizeof(big), 0, dl, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 0);
	assert_int_equal(send(echo, sizeof(echo)), 0);
}

/* The shadow memory of the address sanitizer is too much to be searched. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
enum { CAN_SEARCH = 0 };
#else
enum { CAN_SEARCH = 1 };
#endif

enum { CHUNK = 1 << 16 };

/* How often the text whose complement is `inverted` stands in `n` bytes that were at address
 * `from`; the copy that we read them into does not count. */
static size_t count_in(const uint8_t *bytes, size_t n, uintptr_t from, const uint8_t inverted[16])
{
	size_t found = 0;

	for (size_t i = 0; i + 16 <= n; i++) {
		size_t k = 0;

		while (k < 16 && bytes[i + k] + inverted[k] == 0xFF)
			k++;
		found += k == 16 && from + i - (uintptr_t)bytes >= CHUNK;
	}
	return found;
}

static size_t count_in_memory(const uint8_t inverted[16])
{
	static uint8_t bytes[CHUNK];
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	unsigned long from, to;
	size_t found = 0;
	char line[512], rights[8];

	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w')
			continue;
		for (; from < to; from += CHUNK - 16) {
			ssize_t n = pread(mem, bytes, CHUNK, (off_t)from);

			if (n > 0)
				found += count_in(bytes, (size_t)n, from, inverted);
		}
	}
	memset(bytes, 0, sizeof(bytes));
	close(mem);
	fclose(maps);
	return found;
}

/* The card is in this process too, and wipes its own copies when it has answered. */
static size_t left_in_memory(const uint8_t inverted[16])
{
	const int64_t end = now_ms() + 5000;
	size_t found = count_in_memory(inverted);

	for (; found && now_ms() < end; found = count_in_memory(inverted))
		pause_ms(10);
	return found;
}

/* The bytes of a command are nowhere in this process when it has been answered. */
static void test_command_is_wiped(void **state)
{
	static const uint8_t inverted[16] = { 0xB0, 0xA7, 0xCE, 0xC7, 0xBA, 0xBD, 0xB6, 0xA8,
					      0xC8, 0xAF, 0xAE, 0xC6, 0xBB, 0xB5, 0xC5, 0xAC };
	uint8_t command[21] = { 0x00, 0x20, 0x00, 0x80, 16 };

	(void)state;
	if (!CAN_SEARCH)
		skip();
	for (size_t i = 0; i < sizeof(inverted); i++)
		command[5 + i] = inverted[i] ^ 0xFF;
	assert_true(count_in_memory(inverted) > 0);
	assert_int_equal(send(command, sizeof(command)), 0);
	wipe(command, sizeof(command));
	fuda_buf_clear(&answer); /* it holds the echo */
	assert_int_equal(left_in_memory(inverted), 0);

	/* Nor after a command that never went out. */
	for (size_t i = 0; i < sizeof(inverted); i++)
		command[5 + i] = inverted[i] ^ 0xFF;
	fuda_deadline_cancel(dl);
	assert_int_equal(send(command, sizeof(command)), FUDA_ECANCELLED);
	wipe(command, sizeof(command));
	assert_int_equal(count_in_memory(inverted), 0);
}

/* ---- a card, a reader, a service that go ---- */

static void test_removed(void **state)
{
	static const uint8_t pull[] = { 0, PEER_PULL, 0, 0 };

	(void)state;
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(pull, sizeof(pull)), FUDA_EREMOVED);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_EREMOVED);
	says("Put it back");
	assert_int_equal(reader_lock(r, false, dl), 0); /* it went with the card */
	assert_int_equal(send(echo, sizeof(echo)), FUDA_EREMOVED);
	assert_int_equal(reader_lock(r, true, dl), FUDA_EREMOVED);
	reader_close(&r);
	peer_remove(&peer);
	pause_ms(500);
	peer = peer_insert(peer_port(0), " 00 00", true);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(echo, sizeof(echo)), 0);
}

static void test_removed_between(void **state)
{
	(void)state;
	peer_remove(&peer);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_EREMOVED);
	assert_int_equal(reader_power(r, POWER_ON, dl), FUDA_EREMOVED);
	assert_int_equal(reader_power(r, POWER_OFF, dl), FUDA_EREMOVED);
	peer = peer_insert(peer_port(0), " 00 00", true);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_EREMOVED);
}

static void restart_pcscd(void)
{
	pcscd = fork();
	if (pcscd == 0) {
		execl(getenv("FUDA_TEST_PCSCD"), "pcscd", NULL);
		_exit(127);
	}
	assert_int_equal(system("tests/bare-pcsc wait 2 5000"), 0);
}

static void test_service_killed(void **state)
{
	struct fuda_reader_list *list = NULL;

	(void)state;
	kill(service(), SIGKILL);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_EREADERGONE);
	says("pcscd");
	assert_int_equal(send(echo, sizeof(echo)), FUDA_EREADERGONE);
	assert_int_equal(reader_lock(r, true, dl), FUDA_EREADERGONE);
	assert_int_equal(fuda_reader_list_new(ctx, dl, &list), FUDA_ENOSERVICE);
	says("systemctl start pcscd.socket");
	reader_close(&r);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), FUDA_ENOSERVICE);
	peer_remove(&peer);
	restart_pcscd();
	peer = peer_insert(peer_port(0), " 00 00", true);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
	assert_int_equal(send(echo, sizeof(echo)), 0);
}

/* In a process of its own: winscard looks for the socket once. */
static void test_no_access(void **state)
{
	pid_t child;
	int status;

	(void)state;
	reader_close(&r);
	child = fork();
	if (child == 0) {
		struct fuda_reader_list *list = NULL;

		if (getuid() == 0 && setuid(65534) < 0)
			_exit(1);
		if (access(getenv("PCSCLITE_CSOCK_NAME"), W_OK) == 0)
			_exit(2); /* an ordinary user's own */
		_exit(fuda_reader_list_new(ctx, dl, &list) == FUDA_EACCESS &&
				      strstr(fuda_context_message(ctx), "polkit") ?
			      0 :
			      3);
	}
	waitpid(child, &status, 0);
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

/* ---- the end of patience ---- */

static void test_mute_card(void **state)
{
	int before, e;
	int64_t start;

	(void)state;
	reader_close(&r);
	before = usage();
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
	start = now_ms();
	fuda_deadline_restart(dl, 300);
	e = send(mute, sizeof(mute));
	assert_int_equal(e, FUDA_ETIMEOUT);
	says("in time");
	assert_in_range(now_ms() - start, 290, 900);
	fuda_deadline_restart(dl, 5000);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_EREADERGONE);
	says("given up");
	assert_int_equal(reader_lock(r, true, dl), FUDA_EREADERGONE);
	assert_int_equal(reader_lock(r, false, dl), FUDA_EREADERGONE);
	assert_int_equal(reader_power(r, POWER_OFF, dl), FUDA_EREADERGONE);
	assert_int_equal(reader_power(r, POWER_ON, dl), FUDA_EREADERGONE);
	reader_close(&r);
	assert_in_range(now_ms() - start, 290, 1200);
	assert_true(usage() > before);
	peer_remove(&peer); /* the hung call returns */
	await_usage(before - 1001);
}

static void *cancel_later(void *arg)
{
	pause_ms(200);
	fuda_deadline_cancel(arg);
	return NULL;
}

static void test_cancel(void **state)
{
	int64_t start = now_ms();
	pthread_t thread;

	(void)state;
	fuda_deadline_restart(dl, -1);
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, dl), 0);
	assert_int_equal(send(mute, sizeof(mute)), FUDA_ECANCELLED);
	assert_in_range(now_ms() - start, 190, 900);
	pthread_join(thread, NULL);
	reader_close(&r);
	assert_in_range(now_ms() - start, 190, 1000);
}

/* A deadline that is over before a command goes out costs nothing but the call. */
static void test_late_from_the_start(void **state)
{
	(void)state;
	fuda_deadline_restart(dl, 0);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_ETIMEOUT);
	assert_int_equal(commands(), 0);
	fuda_deadline_restart(dl, 5000);
	assert_int_equal(send(echo, sizeof(echo)), 0);
}

/* What was begun inside a transaction that the caller left ends with the card free. Tells whether it kept its
 * state, and how long closing took. */
static int abandon_lock(unsigned flags, int64_t *ret_ms)
{
	int64_t start;

	assert_int_equal(reader_lock(r, true, dl), 0);
	fuda_buf_clear(&answer);
	assert_int_equal(reader_transmit(r, set_state, sizeof(set_state), flags, dl, &answer), 0);
	fuda_deadline_restart(dl, 200);
	/* Only the service hangs, not the card. */
	stop_service();
	assert_int_equal(send(echo, sizeof(echo)), FUDA_ETIMEOUT);
	start = now_ms();
	reader_close(&r);
	*ret_ms = now_ms() - start;
	kill(service(), SIGCONT);
	fuda_deadline_restart(dl, 5000);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
	assert_int_equal(reader_lock(r, true, dl), 0);
	return card_state();
}

/* With a secret in it the card is switched off, and closing waits a while for that. */
static void test_abandoned_secret(void **state)
{
	int64_t ms;

	(void)state;
	assert_int_equal(abandon_lock(TRANSMIT_ONCE, &ms), 0);
	assert_in_range(ms, 2500, 4500);
}

/* Without one it is left as it is, for others may have logged in. */
static void test_abandoned_lock(void **state)
{
	int64_t ms;

	(void)state;
	assert_int_equal(abandon_lock(0, &ms), 7);
	assert_in_range(ms, 0, 1000);
}

static void test_stopped_service(void **state)
{
	struct fuda_reader_list *list = NULL, empty = { 0 };
	struct reader *second = NULL;
	int before = usage();
	int64_t start;

	(void)state;
	stop_service();
	start = now_ms();
	fuda_deadline_restart(dl, 200);
	assert_int_equal(fuda_reader_list_new(ctx, dl, &list), FUDA_ETIMEOUT);
	fuda_deadline_restart(dl, 200);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &second), FUDA_ETIMEOUT);
	fuda_deadline_restart(dl, 200);
	assert_int_equal(driver_find("pcsc", 4)->wait(ctx, dl, &empty), FUDA_ETIMEOUT);
	assert_in_range(now_ms() - start, 590, 1500);
	assert_null(second);
	kill(service(), SIGCONT);
	await_usage(before);
	fuda_deadline_restart(dl, 5000);
	assert_int_equal(send(echo, sizeof(echo)), 0);
}

/* ---- other programs ---- */

static void test_reset_by_another(void **state)
{
	static const DWORD ways[] = { SCARD_RESET_CARD, SCARD_UNPOWER_CARD };
	uint32_t epoch;

	(void)state;
	other_connects(SCARD_SHARE_SHARED);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		epoch = r->epoch;
		assert_int_equal(send(echo, sizeof(echo)), 0);
		other_reconnects(ways[i]);
		fuda_buf_clear(&answer);
		assert_int_equal(reader_transmit(r, echo, sizeof(echo), TRANSMIT_ONCE, dl, &answer),
				 FUDA_ERESET);
		assert_int_equal(r->epoch, epoch + 1);
		assert_int_equal(answer.len, 0);
		assert_int_equal(commands(), (int)(2 * i) + 1);
		assert_int_equal(send(echo, sizeof(echo)), 0);
		assert_int_equal(commands(), (int)(2 * i) + 2);
		assert_int_equal(r->epoch, epoch + 1);
	}
	other_leaves(SCARD_LEAVE_CARD);
}

static void test_other_ends_with_power_off(void **state)
{
	(void)state;
	other_connects(SCARD_SHARE_SHARED);
	assert_int_equal(SCardBeginTransaction(other), 0);
	assert_int_equal(SCardEndTransaction(other, SCARD_UNPOWER_CARD), 0);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_ERESET);
	assert_int_equal(send(echo, sizeof(echo)), 0);
	other_leaves(SCARD_UNPOWER_CARD);
	assert_int_equal(send(echo, sizeof(echo)), FUDA_ERESET);
	assert_int_equal(r->epoch, 2);
	assert_int_equal(send(echo, sizeof(echo)), 0);
}

static void test_lock_after_reset(void **state)
{
	(void)state;
	other_connects(SCARD_SHARE_SHARED);
	other_reconnects(SCARD_UNPOWER_CARD);
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(r->epoch, 1);
	assert_int_equal(send(echo, sizeof(echo)), 0);
	assert_int_equal(reader_lock(r, true, dl), 0); /* already */
	assert_int_equal(reader_lock(r, false, dl), 0);
	assert_int_equal(reader_lock(r, false, dl), 0);
	assert_int_equal(SCardBeginTransaction(other), 0);
	other_leaves(SCARD_LEAVE_CARD);
}

static void test_lock_waits_until_deadline(void **state)
{
	int64_t start;

	(void)state;
	other_connects(SCARD_SHARE_SHARED);
	assert_int_equal(SCardBeginTransaction(other), 0);
	start = now_ms();
	fuda_deadline_restart(dl, 300);
	assert_int_equal(reader_lock(r, true, dl), FUDA_ETIMEOUT);
	says("Another program");
	assert_in_range(now_ms() - start, 290, 900);
	reader_close(&r);
	assert_int_equal(SCardEndTransaction(other, SCARD_LEAVE_CARD), 0);
	/* The lock that we came too late for is not kept. */
	fuda_deadline_restart(dl, 5000);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
	assert_int_equal(reader_lock(r, true, dl), 0);
	other_leaves(SCARD_LEAVE_CARD);
}

/* ---- power ---- */

static void test_power_off_in_lock(void **state)
{
	DWORD protocol;
	int offs;

	(void)state;
	other_connects(SCARD_SHARE_SHARED);
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(set_state, sizeof(set_state)), 0);
	offs = peer_counts(peer)->offs;
	/* Neither needs time left. */
	fuda_deadline_restart(dl, 0);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_int_equal(r->epoch, 1);
	assert_int_equal(reader_lock(r, false, dl), 0);
	assert_int_equal(peer_counts(peer)->offs, offs + 1);
	assert_int_equal(SCardBeginTransaction(other), SCARD_W_RESET_CARD);
	/* Our own reset is no news to us. */
	fuda_deadline_restart(dl, 5000);
	assert_int_equal(card_state(), 0);
	assert_int_equal(r->epoch, 1);
	assert_int_equal(SCardReconnect(other, SCARD_SHARE_SHARED,
					SCARD_PROTOCOL_T1 | SCARD_PROTOCOL_T0, SCARD_LEAVE_CARD,
					&protocol),
			 0);
	assert_int_equal(SCardBeginTransaction(other), 0);
	other_leaves(SCARD_LEAVE_CARD);
}

static void test_power_off_then_on_in_lock(void **state)
{
	(void)state;
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(set_state, sizeof(set_state)), 0);
	assert_int_equal(card_state(), 7);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_int_equal(card_state(), 0);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_int_equal(reader_power(r, POWER_RESET, dl),
			 0); /* no warm reset instead of the power-off */
	assert_int_equal(card_state(), 0);
	assert_int_equal(r->epoch, 3);
}

static void test_power(void **state)
{
	int offs = peer_counts(peer)->offs, resets = peer_counts(peer)->resets;

	(void)state;
	assert_int_equal(send(set_state, sizeof(set_state)), 0);
	assert_int_equal(reader_power(r, POWER_RESET, dl), 0);
	assert_int_equal(peer_counts(peer)->resets, resets + 1);
	assert_int_equal(r->atr_len, 5);
	assert_int_equal(card_state(), 7);
	assert_int_equal(reader_power(r, POWER_ON, dl), 0);
	assert_int_equal(peer_counts(peer)->offs, offs + 1);
	assert_int_equal(card_state(), 0);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_int_equal(peer_counts(peer)->offs, offs + 2);
	assert_int_equal(card_state(), 0);
	assert_int_equal(r->epoch, 3);
}

static void test_close_keeps_promise_of_power_off(void **state)
{
	int offs = peer_counts(peer)->offs;

	(void)state;
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	reader_close(&r);
	assert_int_equal(peer_counts(peer)->offs, offs + 1);
	assert_int_equal(reader_open(ctx, "pcsc:" NAME0, dl, &r), 0);
	reader_lock(r, true, dl);
	offs = peer_counts(peer)->offs;
	reader_close(&r);
	assert_int_equal(peer_counts(peer)->offs, offs);
}

#define CARD(f) cmocka_unit_test_setup_teardown(f, set_up_card, tear_down)
#define BARE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BARE(test_list_empty),
		BARE(test_open_refused),
		CARD(test_open),
		CARD(test_open_exclusive),
		BARE(test_open_mute),
		CARD(test_transmit),
		CARD(test_transmit_lengths),
		CARD(test_transmit_bad),
		CARD(test_command_is_wiped),
		CARD(test_removed),
		CARD(test_removed_between),
		CARD(test_mute_card),
		CARD(test_cancel),
		CARD(test_late_from_the_start),
		CARD(test_abandoned_lock),
		CARD(test_abandoned_secret),
		CARD(test_stopped_service),
		CARD(test_reset_by_another),
		CARD(test_other_ends_with_power_off),
		CARD(test_lock_after_reset),
		CARD(test_lock_waits_until_deadline),
		CARD(test_power_off_in_lock),
		CARD(test_power_off_then_on_in_lock),
		CARD(test_power),
		CARD(test_close_keeps_promise_of_power_off),
		CARD(test_no_access),
		CARD(test_service_killed),
	};
	int failed;

	(void)argc;
	if (peer_environment(argv[0]) < 0)
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (pcscd > 0) {
		kill(pcscd, SIGTERM);
		waitpid(pcscd, NULL, 0);
	}
	return failed;
}
