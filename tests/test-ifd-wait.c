/* SPDX-License-Identifier: Apache-2.0 */
/* Presence as pcscd asks for it on several threads, and its waiting for a change. Real time passes here; no test
 * depends on how much. */
#include "tests/ifd-fake.h"
#include "tests/process.h"

#include <pthread.h>

enum { LONG_MS = 60000, SHORT_MS = 30 };

#define presence(n) IFDHICCPresence(LUN(n))

/* ---- a waiter on a thread of its own ---- */

struct waiter {
	pthread_t thread;
	unsigned n;
	int timeout;
	RESPONSECODE code;
	atomic_bool done;
};

static void *wait_on_thread(void *arg)
{
	struct waiter *w = arg;

	w->code = slot_wait(LUN(w->n), w->timeout);
	atomic_store(&w->done, true);
	return NULL;
}

static void start(struct waiter *w, unsigned n)
{
	*w = (struct waiter){ .n = n, .timeout = LONG_MS };
	assert_int_equal(pthread_create(&w->thread, NULL, wait_on_thread, w), 0);
}

static RESPONSECODE join(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	return w->code;
}

/* Until it has asked the driver a first time. */
static void start_looking(struct waiter *w, unsigned n)
{
	unsigned before = fakes[n].presents;

	start(w, n);
	while (fakes[n].presents == before)
		pause_ms(1);
}

/* ---- presence ---- */

static void test_presence(void **state)
{
	(void)state;
	fakes[0].card = false;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_NOT_PRESENT);
	fakes[0].card = true;
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	fakes[0].card = false;
	assert_int_equal(presence(0), IFD_ICC_NOT_PRESENT);
	assert_int_equal(presence(0), IFD_ICC_NOT_PRESENT);
}

/* Without a thread that waits, an absence is told once. */
static void test_swapped(void **state)
{
	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	fake_power(0);
	fakes[0].was_away = true;
	assert_int_equal(presence(0), IFD_ICC_NOT_PRESENT);
	/* it has no power until it is powered again */
	assert_int_equal(fake_transmit(0, 4, 2), IFD_ICC_NOT_PRESENT);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	assert_int_equal(fake_transmit(0, 4, 2), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[0].transmits, 0);
	fake_power(0);
	assert_int_equal(fake_transmit(0, 4, 2), IFD_SUCCESS);
}

static void *ask(void *arg)
{
	*(RESPONSECODE *)arg = presence(0);
	return NULL;
}

static RESPONSECODE presence_on_other_thread(void)
{
	RESPONSECODE code = -1;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, ask, &code), 0);
	pthread_join(t, NULL);
	return code;
}

/* With one, what others hear does not count, and the card stays away until that one waits again. */
static void test_swapped_told(void **state)
{
	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	assert_int_equal(slot_wait(LUN(0), 0), IFD_SUCCESS);
	fakes[0].was_away = true;
	assert_int_equal(presence_on_other_thread(), IFD_ICC_NOT_PRESENT);
	assert_int_equal(presence_on_other_thread(), IFD_ICC_NOT_PRESENT);
	/* it returns at once, as long as it has not been told */
	assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_SUCCESS);
	assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_SUCCESS);
	/* pcscd asks before it powers an idle card off, and then again */
	assert_int_equal(presence(0), IFD_ICC_NOT_PRESENT);
	assert_int_equal(presence(0), IFD_ICC_NOT_PRESENT);
	assert_int_equal(presence_on_other_thread(), IFD_ICC_NOT_PRESENT);
	assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_SUCCESS);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
}

/* A card that another thread saw first is still news to the one that waits. */
static void test_inserted_seen_by_other(void **state)
{
	(void)state;
	fakes[0].card = false;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_NOT_PRESENT);
	assert_int_equal(slot_wait(LUN(0), 0), IFD_SUCCESS);
	fakes[0].card = true;
	assert_int_equal(presence_on_other_thread(), IFD_ICC_PRESENT);
	assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_SUCCESS);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
}

static void test_presence_fails(void **state)
{
	(void)state;
	fake_open(0, 0);
	fakes[0].present_error = FUDA_ETRANSPORT;
	assert_int_equal(presence(0), IFD_COMMUNICATION_ERROR);
	assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_COMMUNICATION_ERROR);
	fakes[0].present_error = FUDA_ETIMEOUT;
	assert_int_equal(presence(0), IFD_RESPONSE_TIMEOUT);
	fakes[0].present_error = FUDA_EREADERGONE;
	assert_int_equal(presence(0), IFD_NO_SUCH_DEVICE);
	assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_NO_SUCH_DEVICE);
	fakes[0].present_error = 0;
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
}

/* ---- waiting ---- */

static void test_wait_times_out(void **state)
{
	int64_t begin = now_ms();

	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	assert_int_equal(slot_wait(LUN(0), SHORT_MS), IFD_SUCCESS);
	assert_true(now_ms() - begin >= SHORT_MS);
	assert_int_equal(slot_wait(LUN(0), 0), IFD_SUCCESS);
	assert_int_equal(slot_wait(LUN(0), -1), IFD_SUCCESS);
	assert_int_equal(slot_wait(LUN(0), INT32_MIN), IFD_SUCCESS);
}

static void test_wait_sees_changes(void **state)
{
	struct waiter w;

	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	for (int i = 0; i < 2; i++) {
		start_looking(&w, 0);
		assert_false(w.done);
		fakes[0].card = i;
		assert_int_equal(join(&w), IFD_SUCCESS);
		/* as pcscd does, on the thread that waited or on this one */
		assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_SUCCESS);
		assert_int_equal(presence(0), i ? IFD_ICC_PRESENT : IFD_ICC_NOT_PRESENT);
		assert_int_equal(slot_wait(LUN(0), 0), IFD_SUCCESS);
	}
}

static void test_stop(void **state)
{
	struct waiter w;

	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	/* one that waits */
	start_looking(&w, 0);
	assert_int_equal(slot_stop(LUN(0)), IFD_SUCCESS);
	assert_int_equal(join(&w), IFD_SUCCESS);
	/* one that is only about to: pcscd joins its thread next */
	assert_int_equal(slot_stop(LUN(0)), IFD_SUCCESS);
	assert_int_equal(slot_stop(LUN(0)), IFD_SUCCESS);
	assert_int_equal(slot_wait(LUN(0), LONG_MS), IFD_SUCCESS);
	/* and no other */
	start_looking(&w, 0);
	pause_ms(SHORT_MS);
	assert_false(w.done);
	/* the other reader's is another */
	fake_open(1, 1);
	assert_int_equal(slot_stop(LUN(1)), IFD_SUCCESS);
	pause_ms(SHORT_MS);
	assert_false(w.done);
	assert_int_equal(slot_stop(LUN(0)), IFD_SUCCESS);
	assert_int_equal(join(&w), IFD_SUCCESS);
	/* what was stopped before it was opened is not */
	assert_int_equal(slot_stop(LUN(2)), IFD_SUCCESS);
}

static void test_close_ends_wait(void **state)
{
	struct waiter w;

	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	start_looking(&w, 0);
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	fake_open(0, 0); /* another one, by the time it wakes */
	assert_int_equal(join(&w), IFD_NO_SUCH_DEVICE);
}

static void test_unplug_ends_wait(void **state)
{
	struct waiter w;

	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	start_looking(&w, 0);
	fakes[0].present_error = FUDA_EREADERGONE;
	assert_int_equal(join(&w), IFD_NO_SUCH_DEVICE);
}

/* Commands get through while one waits, and a card that answers them is not asked whether it is there. */
static void test_transmit_while_waiting(void **state)
{
	struct waiter w;
	unsigned presents;
	uint64_t begin;

	(void)state;
	fake_open(0, 0);
	assert_int_equal(presence(0), IFD_ICC_PRESENT);
	fake_power(0);
	presents = fakes[0].presents;
	begin = now_ms();
	start(&w, 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(fake_transmit(0, 4, 2), IFD_SUCCESS);
		pause_ms(5);
	}
	assert_false(w.done);
	if (now_ms() - begin < POLL_MS) /* not on a machine that stood still */
		assert_int_equal(fakes[0].presents, presents);
	/* one that is not answered is looked into at once */
	fakes[0].was_away = true;
	fakes[0].transmit_error = FUDA_EMUTE;
	assert_int_equal(fake_transmit(0, 4, 2), IFD_RESPONSE_TIMEOUT);
	assert_int_equal(join(&w), IFD_SUCCESS);
	assert_int_equal(fakes[0].transmits, 21);
}

static void *send(void *arg)
{
	*(RESPONSECODE *)arg = fake_transmit(0, 4, 2);
	return NULL;
}

/* A command that takes long holds up neither who stops the waiter nor the other reader. */
static void test_long_command(void **state)
{
	RESPONSECODE code = -1;
	sem_t entered, leave;
	struct waiter w;
	pthread_t t;

	(void)state;
	sem_init(&entered, 0, 0);
	sem_init(&leave, 0, 0);
	fake_open(0, 0);
	fake_open(1, 1);
	fake_power(0);
	fake_power(1);
	fakes[0].entered = &entered;
	fakes[0].leave = &leave;
	start_looking(&w, 0);
	assert_int_equal(pthread_create(&t, NULL, send, &code), 0);
	sem_wait(&entered);
	assert_int_equal(slot_stop(LUN(0)), IFD_SUCCESS);
	assert_int_equal(presence(1), IFD_ICC_PRESENT);
	assert_int_equal(fake_transmit(1, 4, 2), IFD_SUCCESS);
	sem_post(&leave);
	pthread_join(t, NULL);
	assert_int_equal(code, IFD_SUCCESS);
	assert_int_equal(join(&w), IFD_SUCCESS);
	sem_destroy(&entered);
	sem_destroy(&leave);
}

/* ---- everything at once ---- */

static atomic_bool enough;

static void *do_anything(void *arg)
{
	unsigned n = *(unsigned *)arg & 1, i = 0;
	UCHAR bytes[64];

	for (; !atomic_load(&enough); i++) {
		SCARD_IO_HEADER pci = { 1, sizeof(pci) };
		UCHAR command[4] = { 0 }, answer[FAKE_RESPONSE_MAX];
		char name[] = "usb:054c/06c1";
		DWORD len = sizeof(bytes);

		switch (*(unsigned *)arg >> 1) {
		case 0:
			slot_wait(LUN(n), 1);
			presence(n);
			break;
		case 1:
			IFDHPowerICC(LUN(n), IFD_POWER_UP, bytes, &len);
			len = sizeof(answer);
			IFDHTransmitToICC(LUN(n), pci, command, 4, answer, &len, &pci);
			break;
		case 2:
			atomic_store(&fakes[n].was_away, i % 3 == 0);
			atomic_store(&fakes[n].card, i % 5 != 0);
			slot_stop(LUN(n));
			IFDHGetCapabilities(LUN(n), TAG_IFD_ATR, &len, bytes);
			presence(n);
			break;
		default:
			IFDHCloseChannel(LUN(n));
			IFDHCreateChannelByName(LUN(n), name);
			pause_ms(1);
		}
	}
	return NULL;
}

/* Nothing to assert but that it ends well, also under the sanitizers (that of threads: by hand). */
static void test_all_at_once(void **state)
{
	enum { THREADS = 8, MS = 200 };
	pthread_t threads[THREADS];
	unsigned args[THREADS];

	(void)state;
	atomic_store(&enough, false);
	fake_open(0, 0);
	fake_open(1, 1);
	for (unsigned i = 0; i < THREADS; i++) {
		args[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, do_anything, &args[i]), 0);
	}
	pause_ms(MS);
	atomic_store(&enough, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(test_presence),
		T(test_swapped),
		T(test_swapped_told),
		T(test_inserted_seen_by_other),
		T(test_presence_fails),
		T(test_wait_times_out),
		T(test_wait_sees_changes),
		T(test_stop),
		T(test_close_ends_wait),
		T(test_unplug_ends_wait),
		T(test_transmit_while_waiting),
		T(test_long_command),
		T(test_all_at_once),
	};

	return RUN(tests);
}
