/* SPDX-License-Identifier: Apache-2.0 */
#include "service/daily.h"

#include "service/backup.h"
#include "tests/enrol-stand.h"

static int setup(void **state)
{
	int r = stand_setup(state);

	if (r == 0)
		make_town();
	return r;
}

/* The day is from 1000 to before 2000: what is at its edges, and outside of it. */
static void counts_a_day(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF;
	struct daily d = { 0 };
	uint8_t id[ID_BYTES];
	char code[CODE_TEXT];

	(void)state;
	SQL("INSERT INTO mykey VALUES ('AAAAAAA2', x'01', 'active', 999, NULL)");
	SQL("INSERT INTO mykey VALUES ('AAAAAAA3', x'02', 'active', 1000, NULL)");
	SQL("INSERT INTO mykey VALUES ('AAAAAAA4', x'03', 'active', 1999, NULL)");
	SQL("INSERT INTO mykey VALUES ('AAAAAAA5', x'04', 'active', 2000, NULL)");
	SQL("INSERT INTO mykey VALUES ('AAAAAAA6', x'05', 'expired', 1, 1000)");
	SQL("INSERT INTO mykey VALUES ('AAAAAAA7', x'06', 'expired', 1500, 2000)");
	SQL("INSERT INTO subject VALUES (x'01', 999), (x'02', 1000), (x'03', 2000)");
	SQL("INSERT INTO link (sector, ppid, subject, key_version, created, changed)"
	    " VALUES (x'01', 'a', x'01', 1, 1999, 5000), (x'01', 'b', x'02', 1, 2000, 2000)");
	make_terminal(&request, &der, id);
	make_code(1, code);
	make_request("P-256", &request);
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	assert_int_equal(daily_count(db, 1000, 2000, &d), 0);
	assert_int_equal(d.issued, 3);
	assert_int_equal(d.expired, 1);
	assert_int_equal(d.subjects, 1);
	assert_int_equal(d.linked, 1);
	assert_int_equal(d.refused, 0);
	assert_int_equal(d.active, 4);
	for (size_t i = 0; i < DAILY_STATES; i++)
		assert_int_equal(d.terminals[i],
				 strcmp(daily_states[i], "active") == 0 || strcmp(daily_states[i], "applied") == 0);
	/* refusals are those of that time */
	assert_int_equal(give_order("nobody", TERMINAL_SUSPEND, id, NULL, NULL), FUDA_EREFUSED);
	assert_int_equal(daily_count(db, now_us() - 60 * SECONDS_US, now_us() + 1, &d), 0);
	assert_int_equal(d.refused, 1);
	assert_int_equal(d.issued, 0);
	assert_int_equal(daily_count(db, 0, now_us() - 60 * SECONDS_US, &d), 0);
	assert_int_equal(d.refused, 0);
	SQL("DROP TABLE link");
	d.issued = 77;
	assert_int_equal(daily_count(db, 1000, 2000, &d), FUDA_ESTORE);
	assert_int_equal(d.issued, 77);
}

/* A copy says how many rows it has, and is told from one that has not as many. */
static void notes_what_a_copy_has(void **state)
{
	struct backup_facts facts, found;
	const char *what = "";
	struct store *copy = NULL;
	char where[160];

	(void)state;
	assert_int_equal(store_copy(db, scratch_path("copy")), 0);
	snprintf(where, sizeof(where), "sqlite:%s", scratch_path("copy"));
	assert_int_equal(store_open(ctx, where, false, &copy), 0);
	assert_int_equal(backup_check(copy, &found, &what), FUDA_EVERIFY);
	assert_string_equal(what, "not_noted");
	assert_int_equal(backup_note(copy, &facts), 0);
	assert_int_equal(facts.found[0], 1);
	assert_int_equal(facts.found[2], 2);
	assert_int_equal(backup_check(copy, &found, &what), 0);
	assert_memory_equal(&facts, &found, sizeof(facts));
	store_close(&copy);
	/* seals of what cannot be sealed, or be opened */
	assert_int_equal(backup_seal(ctx, scratch_path("copy"), NULL, 0, scratch_path("sealed")), FUDA_EINVAL);
	assert_int_equal(backup_seal(ctx, scratch_path("copy"), (const char *[]){ scratch_path("ca.key") }, 1,
				     scratch_path("sealed")),
			 FUDA_EFORMAT);
	assert_int_equal(backup_seal(ctx, scratch_path("nowhere"), (const char *[]){ scratch_path("ca.pem") }, 1,
				     scratch_path("sealed")),
			 FUDA_EFILE);
	assert_int_equal(access(scratch_path("sealed"), F_OK), -1);
	assert_int_equal(backup_seal(ctx, scratch_path("copy"), (const char *[]){ scratch_path("ca.pem") }, 1,
				     scratch_path("sealed")),
			 0);
	assert_int_equal(backup_open(ctx, scratch_path("sealed"), scratch_path("ca.key"), scratch_path("copy")),
			 FUDA_EEXISTS);
	assert_int_equal(backup_open(ctx, scratch_path("sealed"), scratch_path("ca.key"), scratch_path("opened")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_a_day, setup, stand_teardown),
		cmocka_unit_test_setup_teardown(notes_what_a_copy_has, setup, stand_teardown),
	};

	return RUN(tests);
}
