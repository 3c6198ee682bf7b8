/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/unsure.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/context.h"
#include <fuda/encode.h>

enum { HASH = 33, LINE = 3 * HASH + 24, FILE_MAX = UNSURE_MOST * LINE, BYTES_MAX = 32768 };

struct entry {
	char key[UNSURE_KEY], what[HASH], card[HASH];
	int64_t since; /* seconds since 1970 */
};

/* Those of the file that still count. */
struct list {
	struct entry entries[UNSURE_MOST];
	size_t count;
};

/* ---- the file: a line each, its fields in their order ---- */

static bool take_hex(char **text, char ret[HASH])
{
	char *field = strsep(text, " ");

	if (!*text || strlen(field) != HASH - 1 ||
	    field[strspn(field, "0123456789ABCDEFabcdef")] != '\0')
		return false;
	memcpy(ret, field, HASH);
	return true;
}

static bool take_line(char *line, struct entry *ret)
{
	_Static_assert(sizeof(ret->key) == sizeof(ret->what), "a key is as long as a hash");
	size_t digits;

	if (!take_hex(&line, ret->key) || !take_hex(&line, ret->what) ||
	    !take_hex(&line, ret->card))
		return false;
	digits = strspn(line, "0123456789");
	if (!digits || digits > 12 || line[digits])
		return false;
	ret->since = strtoll(line, NULL, 10);
	return true;
}

/* What is damaged or too old is as if it were not there. */
static int read_list(struct fuda_terminal *t, struct list *ret)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(FILE_MAX + 1);
	int64_t now = time(NULL);
	int r = home_read(t->ctx, &t->home, FILE_UNSURE, true, &text);

	ret->count = 0;
	if (r == FUDA_ENOTFOUND)
		return 0;
	if (r == 0)
		r = fuda_buf_append(&text, "", 1);
	if (r < 0)
		return r;
	for (char *next = (char *)text.data; next && ret->count < UNSURE_MOST;) {
		struct entry *e = &ret->entries[ret->count];

		if (take_line(strsep(&next, "\n"), e) && e->since <= now &&
		    now - e->since < UNSURE_SECONDS)
			ret->count++;
	}
	return 0;
}

static int write_list(struct fuda_terminal *t, const struct list *list)
{
	char text[FILE_MAX];
	size_t n = 0;

	if (!list->count)
		return home_wipe(t->ctx, &t->home, FILE_UNSURE);
	for (const struct entry *e = list->entries; e < list->entries + list->count; e++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s %s %" PRId64 "\n", e->key,
				      e->what, e->card, e->since);
	return home_write(t->ctx, &t->home, FILE_UNSURE, text, n);
}

/* ---- which request it is ---- */

static int hash(const char *key, const struct fuda_buf *bytes, char ret[HASH])
{
	_cleanup_buf_ struct fuda_buf all = FUDA_BUF_INIT(BYTES_MAX);
	struct fuda_digest digest;
	int r = fuda_buf_append(&all, key, strlen(key));

	if (r == 0)
		r = fuda_buf_append(&all, bytes->data, bytes->len);
	if (r == 0)
		r = fuda_digest_bytes(FUDA_SHA256, all.data, all.len, &digest);
	if (r == 0)
		fuda_hex_encode(digest.bytes, (HASH - 1) / 2, ret);
	return r;
}

static bool is(const char *key, const struct fuda_buf *bytes, const char *hashed)
{
	char own[HASH];

	return hash(key, bytes, own) == 0 && strcmp(own, hashed) == 0;
}

static bool of_card(const struct unsure_request *q, const struct entry *e)
{
	return is(e->key, q->certificate, e->card);
}

static void drop(struct list *list, size_t i)
{
	memmove(&list->entries[i], &list->entries[i + 1],
		(--list->count - i) * sizeof(list->entries[0]));
}

/* ---- for who asks ---- */

bool unsure_recall(const struct unsure_request *request, char ret_key[UNSURE_KEY])
{
	struct fuda_terminal *t = request->terminal;
	bool kept = ctx_keep_error(t->ctx, true), found = false;
	struct list list = { .count = 0 };

	if (home_has(&t->home, FILE_UNSURE) && read_list(t, &list) == 0)
		for (size_t i = 0; i < list.count && !found; i++) {
			found = of_card(request, &list.entries[i]) &&
				is(list.entries[i].key, request->what, list.entries[i].what);
			if (found)
				memcpy(ret_key, list.entries[i].key, UNSURE_KEY);
		}
	ctx_keep_error(t->ctx, kept);
	return found;
}

static int keep(const struct unsure_request *q, const char *key)
{
	struct entry e = { .since = time(NULL) };
	struct list list = { .count = 0 };
	int r = hash(key, q->what, e.what);

	snprintf(e.key, sizeof(e.key), "%s", key);
	if (r == 0)
		r = hash(key, q->certificate, e.card);
	if (r == 0)
		r = home_lock(q->terminal->ctx, &q->terminal->home, true);
	if (r < 0)
		return r;
	(void)read_list(q->terminal, &list); /* one that cannot be read is replaced */
	for (size_t i = list.count; i-- > 0;)
		if (strcmp(list.entries[i].key, key) == 0)
			drop(&list, i);
	if (list.count == UNSURE_MOST)
		drop(&list, 0);
	list.entries[list.count++] = e;
	r = write_list(q->terminal, &list);
	home_unlock(&q->terminal->home);
	return r;
}

int unsure_keep(const struct unsure_request *request, const char *key)
{
	bool kept = ctx_keep_error(request->terminal->ctx, true);
	int r = keep(request, key);

	ctx_keep_error(request->terminal->ctx, kept);
	return r;
}

static void forget(const struct unsure_request *q)
{
	struct list list;
	size_t before;

	if (home_lock(q->terminal->ctx, &q->terminal->home, true) < 0)
		return;
	if (read_list(q->terminal, &list) == 0) {
		before = list.count;
		for (size_t i = list.count; i-- > 0;)
			if (of_card(q, &list.entries[i]))
				drop(&list, i);
		if (list.count != before || !list.count)
			(void)write_list(q->terminal, &list);
	}
	home_unlock(&q->terminal->home);
}

void unsure_forget(const struct unsure_request *request)
{
	struct fuda_terminal *t = request->terminal;
	bool kept;

	if (!home_has(&t->home, FILE_UNSURE))
		return;
	kept = ctx_keep_error(t->ctx, true);
	forget(request);
	ctx_keep_error(t->ctx, kept);
}
