/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of what reads traces: traces out of texts, and what is written about them. */
#ifndef TESTS_TRACEFILE_H
#define TESTS_TRACEFILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/trace.h>

#include "tests/cmocka.h"

#define FIRST "fuda-trace 1\n"

/* A trace in a file of its own, which is removed with it. */
struct tracefile {
	char path[64];
};

static inline void tracefile_remove(struct tracefile *f)
{
	unlink(f->path);
}
#define _cleanup_tracefile_ _cleanup_(tracefile_remove)

static inline struct tracefile tracefile_of(const char *text, size_t len)
{
	struct tracefile f = { "/tmp/fuda-test-trace-XXXXXX" };
	int fd = mkstemp(f.path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	return f;
}

/* A sink that takes everything. */
static inline int drop(void *arg, const void *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
	return 0;
}
static const struct fuda_trace_sink nowhere __attribute__((unused)) = { drop, NULL };

/* What a sink got, as a C string. */
struct heard {
	struct fuda_buf bytes;
	size_t most; /* after which it takes no more; 0: none */
};
#define HEARD ((struct heard){ .bytes = FUDA_BUF_INIT(1 << 24) })

static inline int heard_write(void *arg, const void *bytes, size_t len)
{
	struct heard *h = arg;

	if (h->most && h->bytes.len + len > h->most)
		return -1;
	return fuda_buf_append(&h->bytes, bytes, len);
}

static inline void heard_free(struct heard *h)
{
	fuda_buf_free(&h->bytes);
}
#define _cleanup_heard_ _cleanup_(heard_free)

static inline const char *heard_text(struct heard *h)
{
	assert_int_equal(fuda_buf_append(&h->bytes, "", 1), 0);
	h->bytes.len--;
	return (const char *)h->bytes.data;
}

static inline void heard_says(struct heard *h, const char *text)
{
	if (!strstr(heard_text(h), text))
		fail_msg("\"%s\" is not in:\n%s", text, heard_text(h));
}

static inline void heard_says_not(struct heard *h, const char *text)
{
	if (strstr(heard_text(h), text))
		fail_msg("\"%s\" is in:\n%s", text, heard_text(h));
}

#endif
