/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_line_each),
		cmocka_unit_test(refuses),
	};

	return RUN(tests);
}
