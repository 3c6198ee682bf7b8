/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a file defines and what they stand for, in the order of the alphabet. */
#include "trace/parser.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 1024 };

struct trace_names {
	struct {
		char name[TRACE_NAME_MAX + 1];
		size_t at, len; /* in `bytes` */
	} rows[NAMES_MAX];
	size_t count;
	struct fuda_buf bytes;
};

int trace_names_new(struct trace_names **ret)
{
	struct trace_names *n = calloc(1, sizeof(*n));

	if (!n)
		return FUDA_ENOMEM;
	n->bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	*ret = n;
	return 0;
}

void trace_names_free(struct trace_names **n)
{
	if (*n)
		fuda_buf_free(&(*n)->bytes);
	free(*n);
	*n = NULL;
}

/* Where the name is, or has its place. */
static size_t seek(const struct trace_names *n, const char *name, bool *ret_found)
{
	size_t low = 0, high = n->count;

	*ret_found = false;
	while (low < high && !*ret_found) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(n->rows[middle].name, name);

		*ret_found = order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return high;
}

bool trace_names_find(const struct trace_names *n, const char *name, const uint8_t **ret_bytes,
		      size_t *ret_len)
{
	bool found;
	size_t i = seek(n, name, &found);

	if (found) {
		*ret_bytes = n->bytes.data + n->rows[i].at;
		*ret_len = n->rows[i].len;
	}
	return found;
}

int trace_names_define(struct trace_names *n, const char *name, const uint8_t *bytes, size_t len)
{
	bool found;
	size_t i = seek(n, name, &found), at = n->bytes.len;
	int r;

	if (found)
		return n->rows[i].len == len &&
				       memcmp(n->bytes.data + n->rows[i].at, bytes, len) == 0 ?
			       0 :
			       FUDA_EINVAL;
	if (n->count == NAMES_MAX)
		return FUDA_ETOOBIG;
	r = fuda_buf_append(&n->bytes, bytes, len);
	if (r < 0)
		return r;
	memmove(&n->rows[i + 1], &n->rows[i], (n->count - i) * sizeof(n->rows[0]));
	snprintf(n->rows[i].name, sizeof(n->rows[i].name), "%s", name);
	n->rows[i].at = at;
	n->rows[i].len = len;
	n->count++;
	return 0;
}
