/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "tests/cmocka.h"

/* A descriptor from which `text` can be read. */
static int feed(const char *text, size_t len)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, len), (ssize_t)len);
	close(ends[1]);
	return ends[0];
}

static void reads_one_line_each(void **state)
{
	static const char text[] = "1234\nABC123\r\n\nlast";
	static const char *const lines[] = { "1234", "ABC123", "", "last" };
	int fd = feed(text, strlen(text));
	struct fuda_secret *s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(fuda_secret_read(fd, &s), 0);
		assert_int_equal(s->len, strlen(lines[i]));
		assert_memory_equal(s->bytes, lines[i], s->len);
		fuda_secret_free(&s);
	}
	assert_int_equal(fuda_secret_read(fd, &s), FUDA_EFILE);
	close(fd);
}

static void refuses(void **state)
{
	char text[FUDA_SECRET_MAX + 1];
	struct fuda_secret *s = NULL;
	int fd;

	(void)state;
	memset(text, '1', sizeof(text));
	fd = feed(text, sizeof(text));
	assert_int_equal(fuda_secret_read(fd, &s), FUDA_ETOOBIG);
	close(fd);
	assert_int_equal(fuda_secret_read(-1, &s), FUDA_EFILE);
	assert_int_equal(fuda_secret_new(text, sizeof(text), &s), FUDA_ETOOBIG);
	assert_null(s);
	fuda_secret_free(&s);
}

/* More than share locked pages, and again what has been given back. */
static void holds_many(void **state)
{
	static const uint8_t zeros[FUDA_SECRET_MAX];
	struct fuda_secret *all[40];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			char text[FUDA_SECRET_MAX];

			memset(text, 'A' + (int)i, sizeof(text));
			assert_int_equal(fuda_secret_new(text, i + 1, &all[i]), 0);
			assert_memory_equal(all[i]->bytes + i + 1, zeros, FUDA_SECRET_MAX - i - 1);
		}
		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			assert_int_equal(all[i]->len, i + 1);
			assert_int_equal(all[i]->bytes[0], 'A' + (int)i);
			assert_int_equal(all[i]->bytes[i], 'A' + (int)i);
			fuda_secret_free(&all[i]);
			assert_null(all[i]);
		}
	}
}

/* Kilobytes of this process that are locked. */
static long locked(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "VmLck: %ld", &kb);
	fclose(f);
	return kb;
}

/* A child does not inherit what is locked, and locks its secrets itself. */
static void locks_after_fork(void **state)
{
	static char page[1 << 16];
	struct fuda_secret *s;
	long before;
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(fuda_secret_new("1234", 4, &s), 0);
	before = locked();
	if (before <= 0 || mlock(page, sizeof(page)) < 0 || locked() == before)
		skip(); /* the limit is too low, or it is the sanitizer's mlock(), which does
			   nothing */
	child = fork();
	if (child == 0) {
		struct fuda_secret *own;

		_exit(locked() == 0 && fuda_secret_new("5678", 4, &own) == 0 && locked() > 0 ? 0 :
											       1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fuda_secret_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_line_each),
		cmocka_unit_test(refuses),
		cmocka_unit_test(holds_many),
		cmocka_unit_test(locks_after_fork),
	};

	return RUN(tests);
}
