/* SPDX-License-Identifier: Apache-2.0 */
#include "service/daily.h"

#include <string.h>

#include "base/util.h"

const char *const daily_states[DAILY_STATES] = {
	"applied", "on_hold", "approved", "active", "suspended", "revoked",
};

static const struct count {
	struct statement sql;
	size_t offset; /* in struct daily */
} counts[] = {
	{ { "SELECT count(*) FROM mykey WHERE issued >= $1 AND issued < $2", 2 },
	  offsetof(struct daily, issued) },
	{ { "SELECT count(*) FROM mykey WHERE expired >= $1 AND expired < $2", 2 },
	  offsetof(struct daily, expired) },
	{ { "SELECT count(*) FROM subject WHERE created >= $1 AND created < $2", 2 },
	  offsetof(struct daily, subjects) },
	{ { "SELECT count(*) FROM link WHERE created >= $1 AND created < $2", 2 },
	  offsetof(struct daily, linked) },
	{ { "SELECT count(*) FROM audit WHERE action = 'refused' AND at >= $1 AND at < $2", 2 },
	  offsetof(struct daily, refused) },
	{ { "SELECT count(*) FROM mykey WHERE state = 'active'", 0 },
	  offsetof(struct daily, active) },
};
static const struct statement sql_terminals = { "SELECT state, count(*) FROM terminal GROUP BY "
						"state",
						0 };

static int take_terminals(const struct rows *rows, struct daily *d)
{
	for (size_t i = 0; i < rows->count; i++) {
		char state[16];
		int r = rows_text(rows, i, 0, state, sizeof(state));

		if (r < 0)
			return r;
		for (size_t s = 0; s < DAILY_STATES; s++)
			if (strcmp(state, daily_states[s]) == 0)
				d->terminals[s] = rows_int(rows, i, 1);
	}
	return 0;
}

static int count_all(struct store *store, const struct datum period[2], struct daily *d)
{
	_cleanup_rows_ struct rows terminals = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(counts); i++) {
		_cleanup_rows_ struct rows rows = { 0 };

		r = store_run(store, &counts[i].sql, period, &rows);
		if (r == 0)
			*(int64_t *)((char *)d + counts[i].offset) = rows_int(&rows, 0, 0);
	}
	if (r == 0)
		r = store_run(store, &sql_terminals, NULL, &terminals);
	return r < 0 ? r : take_terminals(&terminals, d);
}

int daily_count(struct store *store, int64_t from, int64_t until, struct daily *ret)
{
	const struct datum period[] = { INT(from), INT(until) };
	struct daily d = { 0 };
	int r = store_begin(store, false);

	if (r < 0)
		return r;
	r = count_all(store, period, &d);
	if (r < 0) {
		store_rollback(store);
		return r;
	}
	r = store_commit(store);
	if (r == 0)
		*ret = d;
	return r;
}
