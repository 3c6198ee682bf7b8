/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of reader events over a driver that is played here: what was missed between two looks, and events that
 * nobody fetches. */
#include "reader/watch.c"

#include <time.h>

#include "tests/cmocka.h"

enum { LOOKS = 4 };

/* What the reader says at each look; at the last one for ever. */
static struct fuda_reader_info looks[LOOKS];
static unsigned look_count;
static bool storm; /* plugged and unplugged without end instead */
static _Atomic unsigned looked;

static int fake_list(struct fuda_context *ctx, struct fuda_deadline *dl, struct fuda_reader_list *list)
{
	unsigned n = looked++;
	struct fuda_reader_info info = storm ? (struct fuda_reader_info){ 0 } : looks[MIN(n, look_count - 1)];

	(void)ctx, (void)dl;
	return storm && n % 2 ? 0 : reader_list_add(list, "fake", "reader", &info);
}

static int fake_wait(struct fuda_context *ctx, struct fuda_deadline *dl, const struct fuda_reader_list *known)
{
	(void)ctx, (void)known;
	if (deadline_check(dl) < 0 || storm || looked < look_count)
		return deadline_check(dl);
	return deadline_wait_fd(dl, -1, 0);
}

static const struct driver fake = { .name = "fake", .list = fake_list, .wait = fake_wait };
const struct driver *const drivers[] = { &fake, NULL };

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct fuda_reader_watch *watch;

static void begin(unsigned count, bool is_storm)
{
	look_count = count;
	storm = is_storm;
	looked = 0;
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(5000, &dl), 0);
	assert_int_equal(fuda_reader_watch_new(ctx, &watch), 0);
}

static void end(void)
{
	fuda_reader_watch_free(&watch);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
}

static struct fuda_reader_info next(enum fuda_reader_event_kind kind)
{
	struct fuda_reader_event event;

	assert_int_equal(fuda_reader_watch_next(watch, dl, &event), 0);
	assert_int_equal(event.kind, kind);
	assert_string_equal(event.reader.name, "fake:reader");
	return event.reader;
}

static void nothing_more(void)
{
	struct fuda_reader_event event;

	fuda_deadline_restart(dl, 50);
	assert_int_equal(fuda_reader_watch_next(watch, dl, &event), FUDA_ETIMEOUT);
}

/* The driver counts, and it has counted more than was seen. */
static void card_changed_unseen(void **state)
{
	struct fuda_reader_info info;

	(void)state;
	looks[0] = (struct fuda_reader_info){ .card = true, .atr = { 0x3B, 1 }, .atr_len = 2, .events = 1 };
	looks[1] = (struct fuda_reader_info){ .card = true, .atr = { 0x3B, 2 }, .atr_len = 2, .events = 3 };
	looks[2] = (struct fuda_reader_info){ .card = false, .events = 4 };
	looks[3] = (struct fuda_reader_info){ .card = false, .atr = { 0x3B, 3 }, .atr_len = 2, .events = 6 };
	begin(4, false);
	next(FUDA_READER_ADDED);
	info = next(FUDA_CARD_INSERTED);
	assert_int_equal(info.atr[1], 1);
	next(FUDA_CARD_REMOVED); /* another one by now */
	info = next(FUDA_CARD_INSERTED);
	assert_int_equal(info.atr[1], 2);
	next(FUDA_CARD_REMOVED);
	info = next(FUDA_CARD_INSERTED); /* for a moment; nothing is known of it */
	assert_true(info.card);
	assert_int_equal(info.atr_len, 0);
	info = next(FUDA_CARD_REMOVED);
	assert_false(info.card);
	nothing_more();
	end();
}

/* A loose plug, and nobody who listens: memory has an end, and nothing that was kept is lost or out of order. */
static void nobody_fetches(void **state)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000000 };
	unsigned before;

	(void)state;
	begin(0, true);
	nanosleep(&pause, NULL);
	before = looked;
	assert_in_range(before, 2, QUEUE_MAX + 1);
	nanosleep(&pause, NULL);
	assert_int_equal(looked, before); /* the driver is left alone */
	for (int i = 0; i < 2 * QUEUE_MAX; i++)
		next(i % 2 ? FUDA_READER_REMOVED : FUDA_READER_ADDED);
	assert_true(looked > before);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(card_changed_unseen),
		cmocka_unit_test(nobody_fetches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
