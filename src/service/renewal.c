/* SPDX-License-Identifier: Apache-2.0 */
#include "service/renewal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"
#include "base/cursor.h"

enum { CSV_MAX = 256 << 20 };

int serial_of(const uint8_t *bytes, size_t len, struct serial *ret)
{
	while (len && !*bytes) {
		bytes++;
		len--;
	}
	if (!len || len > SERIAL_MAX)
		return FUDA_EFORMAT;
	*ret = (struct serial){ .len = (uint8_t)len };
	memcpy(ret->bytes, bytes, len);
	return 0;
}

/* ---- the table of pairs ---- */

struct pair {
	struct numbered fresh, old;
};

struct pairs {
	struct pair *pair;
	size_t count, room;
};

static void pairs_free(struct pairs *p)
{
	free(p->pair);
	*p = (struct pairs){ 0 };
}

static int compare_bytes(const uint8_t *x, size_t x_len, const uint8_t *y, size_t y_len)
{
	if (x_len != y_len)
		return x_len < y_len ? -1 : 1;
	return memcmp(x, y, x_len);
}

static int compare_serials(const struct numbered *x, const struct numbered *y)
{
	return compare_bytes(x->serial.bytes, x->serial.len, y->serial.bytes, y->serial.len);
}

/* By the serial of the new certificate; of one serial the one whose issuer is not said is first. */
static int compare(const void *a, const void *b)
{
	const struct numbered *x = &((const struct pair *)a)->fresh;
	const struct numbered *y = &((const struct pair *)b)->fresh;
	int order = compare_serials(x, y);

	return order ? order : compare_bytes(x->issuer, x->issuer_len, y->issuer, y->issuer_len);
}

/* Whether both may be one certificate. */
static bool may_be(const struct numbered *x, const struct numbered *y)
{
	return compare_serials(x, y) == 0 &&
	       (!x->issuer_len || !y->issuer_len ||
		compare_bytes(x->issuer, x->issuer_len, y->issuer, y->issuer_len) == 0);
}

static int add(struct pairs *p, const struct pair *pair)
{
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 256;
		struct pair *more = reallocarray(p->pair, room, sizeof(*more));

		if (!more)
			return FUDA_ENOMEM;
		p->pair = more;
		p->room = room;
	}
	p->pair[p->count++] = *pair;
	return 0;
}

/* ---- the file ---- */

static int nibble(uint8_t ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* All of `text`, an even number of digits. */
static int take_hex(struct cursor text, uint8_t *ret, uint8_t max, uint8_t *ret_len)
{
	uint8_t high, low, len = 0;

	while (cur_u8(&text, &high) == 0) {
		if (len == max || cur_u8(&text, &low) < 0 || nibble(high) < 0 || nibble(low) < 0)
			return FUDA_EFORMAT;
		ret[len++] = (uint8_t)(nibble(high) << 4 | nibble(low));
	}
	*ret_len = len;
	return 0;
}

/* What stands before the first `mark`, which goes with it; all of it if there is none. */
static struct cursor take_up_to(struct cursor *text, uint8_t mark, bool *ret_found)
{
	const uint8_t *start = text->p, *at = text->left ? memchr(start, mark, text->left) : NULL;
	size_t len = at ? (size_t)(at - start) : text->left;

	*ret_found = at != NULL;
	(void)cur_skip(text, at ? len + 1 : len);
	return cur_of(start, len);
}

/* "SERIAL" or "ISSUER:SERIAL". */
static int take_numbered(struct cursor text, struct numbered *ret)
{
	uint8_t bytes[SERIAL_MAX + 1], len; /* with a sign byte */
	bool has_issuer;
	struct cursor first = take_up_to(&text, ':', &has_issuer);

	*ret = (struct numbered){ 0 };
	if (has_issuer && (take_hex(first, ret->issuer, ISSUER_KEY_MAX, &ret->issuer_len) < 0 ||
			   !ret->issuer_len))
		return FUDA_EFORMAT;
	if (take_hex(has_issuer ? text : first, bytes, sizeof(bytes), &len) < 0)
		return FUDA_EFORMAT;
	return serial_of(bytes, len, &ret->serial);
}

static int take_pair(struct cursor line, struct pair *ret)
{
	bool has_comma;
	struct cursor first = take_up_to(&line, ',', &has_comma);

	if (!has_comma || take_numbered(first, &ret->fresh) < 0)
		return FUDA_EFORMAT;
	return take_numbered(line, &ret->old);
}

static bool is_blank(uint8_t ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

/* The next line, without its comment and the blanks around it. */
static struct cursor take_line(struct cursor *text)
{
	const uint8_t *p = text->p, *end = memchr(p, '\n', text->left), *comment;
	size_t len = end ? (size_t)(end - p) : text->left;

	(void)cur_skip(text, end ? len + 1 : len);
	comment = len ? memchr(p, '#', len) : NULL;
	if (comment)
		len = (size_t)(comment - p);
	while (len && is_blank(p[len - 1]))
		len--;
	while (len && is_blank(*p)) {
		p++;
		len--;
	}
	return cur_of(p, len);
}

static int parse(struct fuda_context *ctx, const char *path, struct cursor text, struct pairs *ret)
{
	int e;

	for (int number = 1; text.left; number++) {
		struct cursor line = take_line(&text);
		struct pair pair;

		if (!line.left)
			continue;
		if (take_pair(line, &pair) < 0)
			return ctx_fail(ctx, FUDA_EFORMAT,
					_("%s:%d: not two serial numbers in hexadecimal with a "
					  "comma between them."),
					path, number);
		e = add(ret, &pair);
		if (e < 0)
			return ctx_fail_code(ctx, e);
	}
	if (ret->count)
		qsort(ret->pair, ret->count, sizeof(*ret->pair), compare);
	for (size_t i = 1; i < ret->count; i++)
		if (may_be(&ret->pair[i - 1].fresh, &ret->pair[i].fresh))
			return ctx_fail(ctx, FUDA_EFORMAT,
					_("%s: a new certificate is there twice."), path);
	return 0;
}

static int read_all(int fd, struct fuda_buf *ret)
{
	uint8_t portion[65536];

	for (;;) {
		ssize_t n = read(fd, portion, sizeof(portion));
		int e;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? FUDA_EFILE : 0;
		e = fuda_buf_append(ret, portion, (size_t)n);
		if (e < 0)
			return e;
	}
}

/* ---- the source "csv" ---- */

struct csv {
	char *path;
	pthread_rwlock_t lock; /* over `pairs` */
	struct pairs pairs;
	struct stat read; /* the file as it was when it was read */
};

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int csv_read(struct fuda_context *ctx, struct csv *csv, int fd)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(CSV_MAX);
	_cleanup_(pairs_free) struct pairs pairs = { 0 };
	struct pairs before;
	struct stat st;
	int e;

	if (fstat(fd, &st) < 0)
		return ctx_fail(ctx, FUDA_EFILE, "%s: %s", csv->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ctx_fail(ctx, FUDA_EFILE, _("%s is not a regular file."), csv->path);
	if (is_same(&st, &csv->read))
		return 0;
	e = read_all(fd, &text);
	if (e < 0)
		return ctx_fail(ctx, e, "%s: %s", csv->path, fuda_error_text(e));
	/* half of a number is a number too */
	if (text.len && text.data[text.len - 1] != '\n')
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("%s: the last line has no end: the file is not whole."),
				csv->path);
	e = parse(ctx, csv->path, cur_of(text.data, text.len), &pairs);
	if (e < 0)
		return e;
	pthread_rwlock_wrlock(&csv->lock);
	before = csv->pairs;
	csv->pairs = pairs;
	pthread_rwlock_unlock(&csv->lock);
	pairs = before;
	csv->read = st;
	return 0;
}

static int csv_refresh(struct fuda_context *ctx, void *own)
{
	struct csv *csv = own;
	/* what is no regular file could keep us waiting */
	int fd = open(csv->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), e;

	if (fd < 0)
		return ctx_fail(ctx, FUDA_EFILE, "%s: %s", csv->path, strerror(errno));
	e = csv_read(ctx, csv, fd);
	close(fd);
	return e;
}

static void csv_close(void *own)
{
	struct csv *csv = own;

	pthread_rwlock_destroy(&csv->lock);
	pairs_free(&csv->pairs);
	free(csv->path);
	free(csv);
}

static int csv_open(struct fuda_context *ctx, const char *where, void **ret)
{
	struct csv *csv = calloc(1, sizeof(*csv));
	int e;

	if (!csv)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	csv->path = strdup(where);
	if (!csv->path || pthread_rwlock_init(&csv->lock, NULL) != 0) {
		free(csv->path);
		free(csv);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	e = csv_refresh(ctx, csv);
	if (e < 0) {
		csv_close(csv);
		return e;
	}
	*ret = csv;
	return 0;
}

/* The first pair whose new certificate has no smaller serial. */
static size_t first_pair(const struct pairs *p, const struct numbered *presented)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_serials(&p->pair[middle].fresh, presented) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int find_pair(const struct pairs *p, const struct numbered *presented, struct numbered *ret)
{
	const struct pair *found = NULL;

	for (size_t i = first_pair(p, presented);
	     i < p->count && compare_serials(&p->pair[i].fresh, presented) == 0; i++) {
		if (!may_be(&p->pair[i].fresh, presented))
			continue;
		if (found)
			return FUDA_EINVAL;
		found = &p->pair[i];
	}
	if (!found)
		return FUDA_ENOTFOUND;
	*ret = found->old;
	return 0;
}

static int csv_find(void *own, const struct numbered *presented, struct numbered *ret)
{
	struct csv *csv = own;
	int e;

	pthread_rwlock_rdlock(&csv->lock);
	e = find_pair(&csv->pairs, presented, ret);
	pthread_rwlock_unlock(&csv->lock);
	return e;
}

static const struct renewal_source sources[] = {
	{ "csv", csv_open, csv_find, csv_refresh, csv_close },
};

/* ---- whichever it is ---- */

struct renewal {
	const struct renewal_source *source;
	void *own;
};

int renewal_open(struct fuda_context *ctx, const char *where, struct renewal **ret)
{
	const char *colon = strchr(where, ':');
	struct renewal *r = NULL;
	int e;

	if (!*where) {
		*ret = NULL;
		return 0;
	}
	for (size_t i = 0; colon && i < ARRAY_SIZE(sources); i++) {
		size_t len = strlen(sources[i].name);

		if (len != (size_t)(colon - where) || strncmp(where, sources[i].name, len) != 0)
			continue;
		r = calloc(1, sizeof(*r));
		if (!r)
			return ctx_fail_code(ctx, FUDA_ENOMEM);
		r->source = &sources[i];
	}
	if (!r)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("\"%s\" is no source of renewed certificates: csv:FILE is."),
				where);
	e = r->source->open(ctx, colon + 1, &r->own);
	if (e < 0) {
		free(r);
		return e;
	}
	*ret = r;
	return 0;
}

void renewal_close(struct renewal **renewal)
{
	if (!*renewal)
		return;
	(*renewal)->source->close((*renewal)->own);
	free(*renewal);
	*renewal = NULL;
}

int renewal_refresh(struct fuda_context *ctx, struct renewal *renewal)
{
	return renewal ? renewal->source->refresh(ctx, renewal->own) : 0;
}

int renewal_find(struct renewal *renewal, const struct numbered *presented, struct numbered *ret)
{
	return renewal ? renewal->source->find(renewal->own, presented, ret) : FUDA_ENOTFOUND;
}
