/* SPDX-License-Identifier: Apache-2.0 */
/* How little is moved for the face and for the attributes: commands within their budget, bytes within 5 % of what the
 * objects and the headers of the fewest commands have. */
#include "tests/bench/budget.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/cmocka.h"
#include "tests/softcard.h"

/* ---- cards ---- */

static char home[] = "/tmp/fuda-test-XXXXXX";
static char small[64], usual[64], cache[64];

static void make(const char *dir, unsigned photo_size, unsigned record_file_step)
{
	const struct vcard_make what = { .photo_size = photo_size, .record_file_step = record_file_step };
	char why[256] = "";

	if (vcard_make(dir, &what, why, sizeof(why)) < 0)
		fail_msg("%s", why);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(home))
		return -1;
	snprintf(small, sizeof(small), "%s/small", home);
	snprintf(usual, sizeof(usual), "%s/usual", home);
	snprintf(cache, sizeof(cache), "%s/cache", home);
	setenv("XDG_CACHE_HOME", cache, 1);
	make(small, 4096, VCARD_NO_FILLER);
	make(usual, 6144, 0);
	return 0;
}

/* What is known about extended length. */
static void forget(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/fuda", cache);
	softcard_remove(path);
	softcard_remove(cache);
}

static int teardown(void **state)
{
	(void)state;
	forget();
	softcard_remove(small);
	softcard_remove(usual);
	softcard_remove(home);
	return 0;
}

/* Overwrites the setting `key` where it stands in card.conf. */
static void set(const char *dir, const char *key, const char *value)
{
	char path[80], line[80], text[8192] = "";
	const char *at;
	int fd;

	snprintf(path, sizeof(path), "%s/card.conf", dir);
	snprintf(line, sizeof(line), "\n%s = ", key);
	fd = open(path, O_RDWR);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	at = strstr(text, line);
	assert_non_null(at);
	assert_int_equal(pwrite(fd, value, strlen(value), at + strlen(line) - text), strlen(value));
	close(fd);
}

static void set_extended(const char *dir, bool on)
{
	set(dir, "extended", on ? "yes" : "no ");
	forget();
}

/* ---- budgets ---- */

/* The commands that the issue allows, where the sizes do not need more. */
static const struct {
	const char *title;
	enum budget_job job;
	bool extended;
	unsigned long apdus;
} budgets[] = {
	{ "face, extended", BUDGET_FACE, true, 6 },
	{ "face, short", BUDGET_FACE, false, 30 },
	{ "attributes, extended", BUDGET_ATTRIBUTES, true, 7 },
	{ "attributes, short", BUDGET_ATTRIBUTES, false, 9 },
};

static struct budget measure(const char *dir, enum budget_job job)
{
	char why[BUDGET_WHY] = "";
	struct budget b;
	int r = budget_measure(dir, job, why, &b);

	if (r < 0)
		fail_msg("%d: %s", r, why);
	return b;
}

/* Checks them all. Says whether the sizes alone need more commands than allowed. */
static bool check(const char *dir)
{
	bool over = false;

	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
		struct budget b;
		unsigned long bytes;

		set_extended(dir, budgets[i].extended);
		b = measure(dir, budgets[i].job);
		bytes = b.reading.sent + b.reading.received;
		print_message("%s: %lu commands (least %lu), %lu bytes (least %lu)\n", budgets[i].title,
			      b.reading.apdus, b.least_apdus, bytes, b.least_bytes);
		over |= b.least_apdus > budgets[i].apdus;
		assert_in_range(b.reading.apdus, b.least_apdus, MAX(budgets[i].apdus, b.least_apdus));
		assert_in_range(bytes, b.least_bytes, b.least_bytes + b.least_bytes / 20);
		/* the signature, and in the text application the key under it, of 536 bytes */
		assert_int_equal(b.challenge.apdus, budgets[i].job == BUDGET_FACE ? 1 : budgets[i].extended ? 2 : 4);
	}
	return over;
}

static void face_of_6144_bytes(void **state)
{
	(void)state;
	assert_false(check(small));
}

/* The photo alone has 6 KB, so that 30 short commands cannot do: no more than the sizes need. The
 * files have filler to multiples of 256 bytes. */
static void photo_of_6144_bytes(void **state)
{
	(void)state;
	assert_true(check(usual));
}

/* That the measure measures: a card that hands out nine bytes at a time. */
static void over_budget(void **state)
{
	struct budget wasteful, b;

	(void)state;
	set_extended(small, false);
	b = measure(small, BUDGET_FACE);
	set(small, "max-read", "9");
	wasteful = measure(small, BUDGET_FACE);
	assert_int_equal(wasteful.objects, b.objects);
	assert_int_equal(wasteful.least_bytes, b.least_bytes);
	assert_in_range(wasteful.reading.apdus, b.objects / 9, b.objects / 8);
	assert_in_range(wasteful.reading.sent + wasteful.reading.received, b.objects * 14 / 9, b.objects * 17 / 9);
	assert_true(wasteful.reading.link_ns > 2 * b.reading.link_ns);
}

static void no_card(void **state)
{
	char why[BUDGET_WHY] = "";
	struct budget b;

	(void)state;
	assert_true(budget_measure("/nonexistent", BUDGET_FACE, why, &b) < 0);
	assert_non_null(strstr(why, "/nonexistent"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(face_of_6144_bytes),
		cmocka_unit_test(photo_of_6144_bytes),
		cmocka_unit_test(no_card),
		cmocka_unit_test(over_budget),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
