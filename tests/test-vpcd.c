/* SPDX-License-Identifier: Apache-2.0 */
/* The card's side of the vpcd protocol: readers.md A5. */
#include "tests/softcard.h"

#include <fuda/encode.h>
#include <fuda/error.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "tests/cmocka.h"

/* A card being played in another thread. */
struct stage {
	struct vcard *v;
	int ours, theirs, stop;
	int result;
	pthread_t thread;
};

static void *play(void *arg)
{
	struct stage *s = arg;

	s->result = vcard_play(s->v, s->theirs, s->stop);
	close(s->theirs);
	return NULL;
}

static void begin(struct stage *s, const char *settings)
{
	const struct timeval patience = { .tv_sec = 10 };
	int pair[2];

	softcard_write(settings);
	s->v = softcard_load();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	s->ours = pair[0];
	s->theirs = pair[1];
	setsockopt(s->ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	s->stop = eventfd(0, 0);
	s->result = 1;
	assert_int_equal(pthread_create(&s->thread, NULL, play, s), 0);
}

static void end(struct stage *s, int result)
{
	pthread_join(s->thread, NULL);
	assert_int_equal(s->result, result);
	close(s->ours);
	close(s->stop);
	softcard_free(&s->v);
}

static void send_bytes(const struct stage *s, const char *hex)
{
	struct fuda_buf b = FUDA_BUF_INIT(300);

	assert_int_equal(fuda_hex_decode(hex, &b), 0);
	assert_int_equal(send(s->ours, b.data, b.len, MSG_NOSIGNAL), b.len);
	fuda_buf_free(&b);
}

static void receive_bytes(const struct stage *s, const char *hex)
{
	struct fuda_buf want = FUDA_BUF_INIT(300);
	uint8_t got[300];

	assert_int_equal(fuda_hex_decode(hex, &want), 0);
	assert_int_equal(recv(s->ours, got, want.len, MSG_WAITALL), want.len);
	assert_memory_equal(got, want.data, want.len);
	fuda_buf_free(&want);
}

static void plays(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, NULL);
	send_bytes(&s, "000101" "000104"); /* on, ATR */
	receive_bytes(&s, "000D" "3B888001000041E0B381A1003B");
	send_bytes(&s, "000F" "00A4040C0AD392F000260100000001");
	receive_bytes(&s, "00029000");
	send_bytes(&s, "0009" "0020009804" "31323334");
	receive_bytes(&s, "00029000");
	send_bytes(&s, "000102" "000104"); /* a reset keeps the state */
	receive_bytes(&s, "000D" "3B888001000041E0B381A1003B");
	send_bytes(&s, "0005" "00B0880000");
	receive_bytes(&s, "0005" "8F8F009000");
	send_bytes(&s, "000100" "000101"); /* off, on: it does not */
	send_bytes(&s, "0005" "00B0880000");
	receive_bytes(&s, "0002" "6A82");
	assert_int_equal(eventfd_write(s.stop, 1), 0);
	end(&s, 0);
}

/* Messages in pieces, and several in one. */
static void pieces(void **state)
{
	static const char *const bytes[] = { "00", "01", "01", "00", "0F", "00A4", "040C0AD392F0",
					     "0026010000", "0001" };
	struct stage s;

	(void)state;
	begin(&s, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		send_bytes(&s, bytes[i]);
		usleep(2000);
	}
	receive_bytes(&s, "00029000");
	send_bytes(&s, "0004" "00200098" "0004" "0020009B" "0000" "0004" "00200080");
	receive_bytes(&s, "000263C3" "000263C5" "000263C5");
	assert_int_equal(eventfd_write(s.stop, 1), 0);
	end(&s, 0);
}

static void without_power(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, NULL);
	send_bytes(&s, "0004" "00200098");
	receive_bytes(&s, "00026F00");
	send_bytes(&s, "000101" "0002" "0020" "000103" "0001FF");
	receive_bytes(&s, "00026700");
	close(s.ours);
	s.ours = -1;
	end(&s, FUDA_EREADERGONE);
}

static void mute(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, "mute-at = 2\n");
	send_bytes(&s, "000101" "0004" "00200098" "0004" "00200098" "000104");
	receive_bytes(&s, "00026A82" "000D" "3B888001000041E0B381A1003B");
	assert_int_equal(eventfd_write(s.stop, 1), 0);
	end(&s, 0);
}

/* The other side does not read: stopping works all the same. */
static void stopped_while_sending(void **state)
{
	struct stage s;
	char ask[] = "000104";

	(void)state;
	begin(&s, NULL);
	for (int i = 0; i < 100000; i++) {
		struct fuda_buf b = FUDA_BUF_INIT(3);

		assert_int_equal(fuda_hex_decode(ask, &b), 0);
		if (send(s.ours, b.data, b.len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)b.len)
			i = 100000;
		fuda_buf_free(&b);
	}
	assert_int_equal(eventfd_write(s.stop, 1), 0);
	end(&s, 0);
}

/* Reads away what comes, so that nobody waits. */
static void *drain(void *arg)
{
	uint8_t block[4096];

	while (recv(*(int *)arg, block, sizeof(block), 0) > 0)
		;
	return NULL;
}

/* Anything at all: whole messages of random bytes, half of them almost commands; the end may be
 * anywhere. */
static void garbage(void **state)
{
	static const uint8_t heads[][4] = {
		{ 0x00, 0xA4, 0x04, 0x0C }, { 0x00, 0xB0, 0x8A, 0x00 }, { 0x10, 0x20, 0x00, 0x98 },
		{ 0x80, 0x2A, 0x00, 0x97 }, { 0x80, 0xA2, 0x06, 0xC1 }, { 0x00, 0x24, 0x01, 0x98 },
		{ 0x00, 0x20, 0x00, 0x9B }, { 0x00, 0xC0, 0x00, 0x00 },
	};

	(void)state;
	srandom(20261120);
	for (int round = 0; round < 20; round++) {
		struct stage s;
		pthread_t reader;

		begin(&s, round % 2 ? "responses = 61xx\nchange-check = no\n" : NULL);
		assert_int_equal(pthread_create(&reader, NULL, drain, &s.ours), 0);
		for (int i = 0; i < 300; i++) {
			uint8_t message[2 + 400];
			size_t len = (size_t)random() % (i % 5 ? 30 : 400);

			for (size_t j = 0; j < len + 2; j++)
				message[j] = (uint8_t)random();
			message[0] = (uint8_t)(len >> 8);
			message[1] = (uint8_t)len;
			if (i % 2 && len > 5)
				memcpy(message + 2, heads[random() % ARRAY_SIZE(heads)], 4);
			if (i % 4 == 1 && len > 5 && len < 256)
				message[6] = (uint8_t)(len - 5);
			if (i == 0)
				memcpy(message, "\0\1\1", 3), len = 1; /* power */
			assert_int_equal(send(s.ours, message, len + 2, MSG_NOSIGNAL), len + 2);
		}
		shutdown(s.ours, SHUT_WR);
		pthread_join(reader, NULL);
		end(&s, FUDA_EREADERGONE);
	}
}

/* ---- other cards ---- */

/* Answers what it is told to, and how often it was asked. */
struct dummy {
	const char *answer; /* hexadecimal; NULL: `error` */
	int error;
	size_t length; /* of an answer of zeros */
	unsigned asked, powered, resets;
};

static void dummy_power(void *arg, bool on)
{
	((struct dummy *)arg)->powered += on;
}

static void dummy_reset(void *arg)
{
	((struct dummy *)arg)->resets++;
}

static const uint8_t *dummy_atr(void *arg, size_t *ret_len)
{
	(void)arg;
	*ret_len = 2;
	return (const uint8_t *)"\x3B\x00";
}

static int dummy_transmit(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret_response)
{
	static const uint8_t zeros[65538];
	struct dummy *d = arg;

	assert_true(len >= 2 && command);
	assert_int_equal(ret_response->len, 0);
	d->asked++;
	if (d->length)
		return fuda_buf_append(ret_response, zeros, d->length);
	return d->answer ? fuda_hex_decode(d->answer, ret_response) : d->error;
}

/* Sends `hex` and hangs up; checks how the play ended and what came back. */
static void play_dummy(struct dummy *d, const char *hex, int result, const char *answers)
{
	const struct vpcd_card card = { d, dummy_power, dummy_reset, dummy_atr, dummy_transmit };
	struct stage s = { .stop = eventfd(0, 0) };
	uint8_t left;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	s.ours = pair[0];
	send_bytes(&s, hex);
	shutdown(s.ours, SHUT_WR);
	assert_int_equal(vpcd_play(&card, pair[1], s.stop), result);
	close(pair[1]);
	if (*answers)
		receive_bytes(&s, answers);
	if (!d->length)
		assert_true(recv(s.ours, &left, 1, 0) <= 0);
	close(s.ours);
	close(s.stop);
}

static void other_cards(void **state)
{
	struct dummy d = { .answer = "AA9000" };

	(void)state;
	play_dummy(&d, "000101" "000104" "000102" "0004" "00840000" "000100", FUDA_EREADERGONE,
		   "0002" "3B00" "0003" "AA9000");
	assert_int_equal(d.asked, 1);
	assert_int_equal(d.powered, 1);
	assert_int_equal(d.resets, 1);
	/* an answer that no message can hold */
	d = (struct dummy){ .length = 65535 };
	play_dummy(&d, "0004" "00840000", FUDA_EREADERGONE, "FFFF" "0000");
	d = (struct dummy){ .length = 65536 };
	play_dummy(&d, "0004" "00840000", FUDA_EREADERGONE, "0002" "6700");
}

/* What ends the play, and what does not. */
static void other_errors(void **state)
{
	static const struct {
		int error, result;
		unsigned asked;
		const char *answers;
	} table[] = {
		{ FUDA_EREMOVED, FUDA_EREMOVED, 1, "" },
		{ FUDA_ENOMEM, FUDA_ENOMEM, 1, "" },
		{ FUDA_EMUTE, FUDA_EREADERGONE, 2, "" },
		{ FUDA_ENOCARD, FUDA_EREADERGONE, 2, "0002" "6F00" "0002" "6F00" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct dummy d = { .error = table[i].error };

		play_dummy(&d, "0004" "00840000" "0004" "00840000", table[i].result, table[i].answers);
		assert_int_equal(d.asked, table[i].asked);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plays),
		cmocka_unit_test(pieces),
		cmocka_unit_test(without_power),
		cmocka_unit_test(mute),
		cmocka_unit_test(stopped_while_sending),
		cmocka_unit_test(garbage),
		cmocka_unit_test(other_cards),
		cmocka_unit_test(other_errors),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
