/* SPDX-License-Identifier: Apache-2.0 */
/* A wish whose fate is not known, said again. */
#include "tests/mykey-api.h"

/* What becomes of the request whose key is in seen[1], as another program would ask again. */
static int again(enum fuda_mykey_purpose purpose)
{
	fuda_mykey_free(&mykey);
	reopen(&terminal);
	assert_int_equal(fuda_mykey_new(terminal, &mykey), 0);
	fuda_deadline_restart(dl, 60000);
	return ask(purpose);
}

static char lost[80]; /* its key */

static void lose(enum fuda_mykey_purpose purpose)
{
	REPLY(CHALLENGE, { .drop = true });
	before_asking = little_time;
	assert_int_equal(again(purpose), FUDA_EUNSURE);
	assert_says("within an hour");
	snprintf(lost, sizeof(lost), "%s", api.seen[1].key);
}

static bool same_key(void)
{
	return strcmp(lost, api.seen[1].key) == 0;
}

/* Who says the same again gets what became of it, and it is done once. */
static void said_again(void **state)
{
	(void)state;
	keeping = true;
	lose(FUDA_MYKEY_UNLINK);
	assert_true(there("t/unsure"));
	assert_null(strstr(scratch_read("t/unsure"), "unlink"));
	/* still no answer that tells: it is the same for all that */
	REPLY(CHALLENGE, { .status = 403, .type = PROBLEM_TYPE, .body = PROBLEM("certificate_expired") });
	assert_int_equal(again(FUDA_MYKEY_UNLINK), FUDA_EUNSURE);
	assert_true(same_key());
	REPLY(CHALLENGE, { .status = 409, .type = PROBLEM_TYPE, .body = PROBLEM("not_linked") });
	assert_int_equal(again(FUDA_MYKEY_UNLINK), FUDA_EREFUSED);
	assert_true(same_key());
	assert_false(there("t/unsure"));
	lose(FUDA_MYKEY_BIND);
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	assert_int_equal(again(FUDA_MYKEY_BIND), 0);
	assert_true(same_key());
	assert_string_equal(got.mykey_id, "KAWA2SEM");
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	assert_int_equal(again(FUDA_MYKEY_BIND), 0);
	assert_false(same_key());
	/* it was done, and is so no more: whoever still wants it says so anew */
	lose(FUDA_MYKEY_BIND);
	REPLY(CHALLENGE, { .status = 409, .type = PROBLEM_TYPE, .body = PROBLEM("answer_outdated") });
	assert_int_equal(again(FUDA_MYKEY_BIND), FUDA_EREFUSED);
	assert_true(same_key());
	assert_says("since");
	assert_false(there("t/unsure"));
	/* what changes nothing is not kept */
	REPLY(CHALLENGE, { .drop = true });
	before_asking = little_time;
	assert_int_equal(again(FUDA_MYKEY_SHOW), FUDA_EUNREACHABLE);
	assert_false(there("t/unsure"));
}

/* Another wish, another card, another time: another key. */
static void said_otherwise(void **state)
{
	const struct fuda_mykey_wish other = { .purpose = FUDA_MYKEY_LINK, .local_number = "1200346" };
	char *file, *since;

	(void)state;
	keeping = true;
	lose(FUDA_MYKEY_LINK);
	assert_null(strstr(scratch_read("t/unsure"), "1200345"));
	/* a refusal is no change */
	fuda_deadline_restart(dl, 60000);
	REPLY(CHALLENGE, { .status = 409, .type = PROBLEM_TYPE, .body = PROBLEM("already_linked") });
	assert_int_equal(ask_wish(&other), FUDA_EREFUSED);
	assert_false(same_key());
	fuda_buf_set(&certificate, "\x30\x03\x02\x01\x7F", 5);
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	assert_int_equal(again(FUDA_MYKEY_BIND), 0);
	fuda_buf_set(&certificate, "\x30\x03\x02\x01\xFF", 5);
	REPLY(CHALLENGE, { .body = "{\"sector\":\"library\",\"ppid\":\"p\"}" });
	assert_int_equal(again(FUDA_MYKEY_LINK), 0);
	assert_true(same_key());
	/* what was changed since for the same card may have undone it */
	lose(FUDA_MYKEY_LINK);
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	assert_int_equal(again(FUDA_MYKEY_EXPIRE), 0);
	assert_false(there("t/unsure"));
	/* later it may be meant anew; what is damaged counts for nothing */
	lose(FUDA_MYKEY_LINK);
	file = strdup(scratch_read("t/unsure"));
	since = strrchr(file, ' ');
	snprintf(since, strlen(since), " %lld", (long long)time(NULL) - 3600);
	for (int i = 0; i < 4; i++) {
		static const char *const damaged[] = { NULL, "", "\n \n", "0123 4567 89 x\n" };

		scratch_write("t/unsure", i ? damaged[i] : file, 0600);
		REPLY(CHALLENGE, { .status = 409, .type = PROBLEM_TYPE, .body = PROBLEM("already_linked") });
		assert_int_equal(again(FUDA_MYKEY_LINK), FUDA_EREFUSED);
		assert_false(same_key());
	}
	free(file);
	/* so many, and the newest of them */
	for (int i = 0; i < 18; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", i);
		fuda_deadline_restart(dl, 60000);
		before_asking = little_time;
		REPLY(CHALLENGE, { .status = 503, .head = "Retry-After: 9\r\n" });
		assert_int_equal(ask_wish(&(struct fuda_mykey_wish){ .purpose = FUDA_MYKEY_LINK,
								     .local_number = number }),
				 FUDA_EUNSURE);
		snprintf(lost, sizeof(lost), "%s", api.seen[1].key);
	}
	assert_non_null(strstr(scratch_read("t/unsure"), lost));
	assert_in_range(strlen(scratch_read("t/unsure")), 16 * 100, 16 * 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT(said_again),
		CLIENT(said_otherwise),
	};

	return RUN(tests);
}
