/* SPDX-License-Identifier: Apache-2.0 */
/* Without memory, what is made with keys and the audit trail is refused and not half done. */
#include "tests/audit-trail.h"

#include "service/challenge.h"
#include "tests/scarce.h"

static const uint8_t sector[ID_BYTES] = "a sector's id..", spare[ID_BYTES] = "a spare sector.";
static char token[CHALLENGE_TOKEN];

static int opens(void)
{
	struct keys *k = NULL;
	int e = keys_open(ctx, scratch, &k);

	assert_true((e == 0) == (k != NULL));
	keys_free(&k);
	return e;
}

static int names(void)
{
	char ppid[PPID_TEXT] = "before";
	int e = keys_ppid(keys, sector, 1, sector, ppid);

	assert_true((e == 0) == (strcmp(ppid, "before") != 0));
	return e;
}

static int new_sector(void)
{
	static uint8_t id[ID_BYTES];
	char ppid[PPID_TEXT];
	int e = keys_sector_new(ctx, keys, id, 1);
	long before = before_failure;

	/* it is there if that was said, and not if not */
	before_failure = -1;
	assert_int_equal(keys_ppid(keys, id, 1, sector, ppid), e == 0 ? 0 : FUDA_ENOTFOUND);
	before_failure = before;
	id[0] += e == 0;
	return e;
}

static int seals(void)
{
	struct fuda_buf sealed = FUDA_BUF_INIT(256), plain = FUDA_BUF_INIT(256);
	int e = keys_sector_seal(keys, sector, 1, "x", NULL, 0, "text", 4, &sealed);

	assert_int_equal(sealed.len, e == 0 ? 4 + SEAL_OVERHEAD : 0);
	if (e == 0)
		e = keys_sector_open(keys, sector, 1, "x", NULL, 0, sealed.data, sealed.len, &plain);
	assert_int_equal(plain.len, e == 0 ? 4 : 0);
	fuda_buf_free(&sealed);
	fuda_buf_free(&plain);
	return e;
}

static int challenges(void)
{
	struct challenge c = { .purpose = "before" };
	char made[CHALLENGE_TOKEN];
	int e = challenge_read(keys, token, "bind", "https://mykey.example", sector, 1000, &c);

	assert_true((e == 0) == (strcmp(c.purpose, "bind") == 0));
	return e < 0 ? e : challenge_make(keys, "show", "https://mykey.example", sector, 1000, made, &c);
}

static int adds(void)
{
	int e = store_begin(store, true);

	if (e < 0)
		return e;
	for (int i = 0; e == 0 && i < 3; i++)
		e = audit_add(audit, store, &an_entry);
	if (e == 0)
		e = store_commit(store);
	else
		store_rollback(store);
	if (e == 0)
		audit_mark(audit);
	else
		audit_undo(audit);
	return e;
}

static int begins(void)
{
	struct audit *a = NULL;
	int e = audit_begin(store, keys, "scarce", &a);

	assert_true((e == 0) == (a != NULL));
	audit_free(&a);
	return e;
}

static int verifies(void)
{
	int count = 0, e = audit_verify(store, keys, note, &count, &totals);

	assert_int_equal(count, 0);
	return e;
}

static int signs(void)
{
	struct fuda_buf json = FUDA_BUF_INIT(1 << 20);
	struct audit_finding f;
	int e = audit_checkpoint(store, keys, &json);

	if (e == 0)
		e = fuda_buf_append(&json, "", 1);
	if (e == 0)
		e = audit_compare(store, keys, (const char *)json.data, &f);
	fuda_buf_free(&json);
	return e;
}

static int nothing(void *arg, const char *line)
{
	(void)arg;
	(void)line;
	return 0;
}

static int queries(void)
{
	return audit_query(store, &(struct audit_query){ 0 }, nothing, NULL);
}

static int (*const what[])(void) = {
	opens, names, new_sector, seals, challenges, adds, begins, verifies, signs, queries,
};

/* Each fails at each of its allocations, and then works. */
static void each_once(void **state)
{
	struct challenge c;

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	assert_int_equal(keys_sector_new(ctx, keys, spare, 1), 0);
	assert_int_equal(challenge_make(keys, "bind", "https://mykey.example", sector, 1000, token, &c), 0);
	begin_trail(3);
	for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
		int refused = 0, e;

		for (long n = 0;; n++) {
			assert_true(n < 1000);
			before_failure = n;
			e = what[i]();
			if (before_failure >= 0)
				break; /* it needs no more */
			before_failure = -1;
			refused += e < 0;
			if (e != 0 && e != FUDA_ENOMEM && e != FUDA_EFAILED)
				fail_msg("%zu, %ld: %s", i, n, fuda_error_name(e));
		}
		before_failure = -1;
		assert_int_equal(e, 0);
		assert_true(refused > 0);
		assert_int_equal(what[i](), 0);
	}
	expect(0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_once, setup, teardown),
	};

	return RUN(tests);
}
