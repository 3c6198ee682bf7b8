/* SPDX-License-Identifier: Apache-2.0 */
/* Test vectors, read where they are: in the folder shared beside the sources, or $FUDA_VECTORS. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/buf.h>
#include <fuda/encode.h>

#include "base/cursor.h"
#include "tests/cmocka.h"

enum { VECTOR_MAX = 65536 };

static inline const char *vector_path(const char *name)
{
	const char *folder = getenv("FUDA_VECTORS"), *srcdir = getenv("srcdir");
	static char path[1024];

	if (folder)
		snprintf(path, sizeof(path), "%s/%s", folder, name);
	else
		snprintf(path, sizeof(path), "%s/../shared/vectors/mdoc/%s", srcdir ? srcdir : ".",
			 name);
	return path;
}

/* The test program ends as skipped where there are none. */
static inline void vectors_or_skip(void)
{
	FILE *f = fopen(vector_path("README.md"), "r");

	if (f) {
		fclose(f);
		return;
	}
	fprintf(stderr, "skipped: no test vectors in %s\n", vector_path(""));
	exit(77);
}

/* The bytes of NAME.hex, allocated for good: exactly as many as there are. */
static inline struct cursor vector(const char *name)
{
	char file[128], *text = calloc(1, 2 * VECTOR_MAX);
	struct fuda_buf bytes = FUDA_BUF_INIT(VECTOR_MAX);
	static void *kept[256];
	static size_t count;
	uint8_t *exact;
	FILE *f;

	snprintf(file, sizeof(file), "%s.hex", name);
	f = fopen(vector_path(file), "r");
	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 2 * VECTOR_MAX - 1, f) > 0);
	fclose(f);
	text[strcspn(text, "\r\n")] = 0;
	assert_int_equal(fuda_hex_decode(text, &bytes), 0);
	exact = malloc(bytes.len);
	assert_non_null(exact);
	memcpy(exact, bytes.data, bytes.len);
	assert_true(count < sizeof(kept) / sizeof(kept[0]));
	kept[count++] = exact; /* so that a leak checker sees that it is held */
	free(text);
	struct cursor c = cur_of(exact, bytes.len);
	fuda_buf_free(&bytes);
	return c;
}

static inline void assert_bytes(const void *data, size_t len, struct cursor expected)
{
	assert_int_equal(len, expected.left);
	if (len)
		assert_memory_equal(data, expected.p, len);
}
#define ASSERT_BUF(buf, expected) assert_bytes((buf)->data, (buf)->len, expected)
#define ASSERT_CUR(cur, expected) assert_bytes((cur).p, (cur).left, expected)

#endif
