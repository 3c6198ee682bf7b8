/* SPDX-License-Identifier: Apache-2.0 */
/* The lists in force: which take which place, when they are stale, and that asking goes on
 * meanwhile. */
#include "service/revocation.h"

#include <pthread.h>
#include <stdatomic.h>

#include <fuda/encode.h>
#include "tests/crls.h"
#include "tests/scratch.h"

enum { GRACE = 600, HOUR = 3600 };

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static struct fuda_cert *holder; /* of plan_auth(), number 01A2B3C4 */
static time_t now;

/* Two lists of the auth CA, and one of the sign CA. */
static char paths[3][128];
static const char *files[4];

static struct revocation *revocation_of(size_t count)
{
	struct revocation_config config = { files, GRACE };
	struct revocation *revocation = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", scratch_path("a.crl"));
		paths[i][strlen(paths[i]) - 5] = (char)('a' + i);
		unlink(paths[i]);
		files[i] = i < count ? paths[i] : NULL;
	}
	assert_int_equal(revocation_new(ctx, &config, trust, &revocation), 0);
	return revocation;
}

/* Puts bytes in the place of a file, as who fetches lists does. */
static void put_bytes(size_t i, const void *bytes, size_t len)
{
	const char *fresh = scratch_path("fresh");
	FILE *f = fopen(fresh, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(fresh, paths[i]), 0);
}

static const char *time_notation(time_t t, char ret[64])
{
	struct tm tm;
	char text[32];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	snprintf(ret, 64, "18{'%s'}", text);
	return ret;
}

static void put_list(size_t i, time_t from, time_t to, const char *entries)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct crl_plan plan = plan_crl();
	char begin[64], end[64];

	plan.field[L_THIS] = time_notation(from, begin);
	plan.field[L_NEXT] = time_notation(to, end);
	plan.field[L_ENTRIES] = entries;
	if (i == 2) {
		plan.signer = KEY_SIGN_CA;
		plan.field[L_ISSUER] = plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA).field[F_ISSUER];
	}
	crl_make(&plan, &der);
	put_bytes(i, der.data, der.len);
}

static const char *answer_at(struct revocation *revocation, time_t at, bool expect_stale)
{
	bool stale = !expect_stale, denied = true;
	enum fuda_revocation answer = revocation_ask(revocation, holder, at, &stale, &denied);

	assert_int_equal(stale, expect_stale);
	assert_false(denied);
	return fuda_revocation_name(answer);
}

static const char *answer(struct revocation *revocation)
{
	return answer_at(revocation, now, false);
}

static void must_refresh(struct revocation *revocation)
{
	if (revocation_refresh(ctx, revocation) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

#define HIM     CRL_ENTRY("01A2B3C4")
#define ANOTHER CRL_ENTRY("05")

static void knows_nothing_at_first(void **state)
{
	struct revocation *revocation = revocation_of(1);
	struct revocation_state s;

	(void)state;
	assert_string_equal(answer(revocation), "unknown");
	assert_int_equal(revocation_state(revocation, 0, now, &s), 0);
	assert_string_equal(s.file, paths[0]);
	assert_false(s.loaded || s.stale || s.half);
	assert_int_equal(revocation_state(revocation, 1, now, &s), FUDA_ENOTFOUND);
	revocation_free(&revocation);
	assert_null(revocation);
	revocation_free(&revocation);
	/* no list at all */
	revocation = revocation_of(0);
	must_refresh(revocation);
	assert_string_equal(answer(revocation), "unknown");
	assert_int_equal(revocation_state(revocation, 0, now, &s), FUDA_ENOTFOUND);
	revocation_free(&revocation);
}

static void answers(void **state)
{
	struct revocation *revocation = revocation_of(1);

	(void)state;
	put_list(0, now - HOUR, now + HOUR, ANOTHER);
	must_refresh(revocation);
	assert_string_equal(answer(revocation), "good");
	put_list(0, now - HOUR + 1, now + HOUR, ANOTHER HIM);
	assert_string_equal(answer(revocation), "good"); /* not read yet */
	must_refresh(revocation);
	assert_string_equal(answer(revocation), "revoked");
	revocation_free(&revocation);
}

static void grows_stale(void **state)
{
	struct revocation *revocation = revocation_of(1);
	struct revocation_state s;

	(void)state;
	put_list(0, now - HOUR, now + HOUR, ANOTHER);
	must_refresh(revocation);
	assert_string_equal(answer_at(revocation, now + HOUR + GRACE, false), "good");
	assert_string_equal(answer_at(revocation, now + HOUR + GRACE + 1, true), "unknown");
	assert_int_equal(revocation_state(revocation, 0, now + HOUR + GRACE, &s), 0);
	assert_true(s.loaded && s.half && !s.stale);
	assert_int_equal(s.facts.count, 1);
	assert_int_equal(s.facts.next_update, now + HOUR);
	assert_int_equal(revocation_state(revocation, 0, now + HOUR + GRACE + 1, &s), 0);
	assert_true(s.half && s.stale);
	assert_int_equal(revocation_state(revocation, 0, now, &s), 0);
	assert_true(!s.half && !s.stale);
	assert_int_equal(revocation_state(revocation, 0, now + 1, &s), 0);
	assert_true(s.half);
	/* who is on a stale list stays on it: nothing takes him off */
	put_list(0, now - HOUR + 1, now + HOUR, HIM);
	must_refresh(revocation);
	assert_string_equal(answer_at(revocation, now + 100 * HOUR, false), "revoked");
	revocation_free(&revocation);
}

/* The list of another CA, or of another place, says nothing. */
static void is_asked_of_its_own(void **state)
{
	struct revocation *revocation = revocation_of(3);

	(void)state;
	put_list(0, now - HOUR, now + HOUR, ANOTHER);
	unlink(paths[0]);
	put_list(2, now - HOUR, now + HOUR, HIM);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFILE);
	assert_string_equal(answer(revocation), "unknown");
	put_list(1, now - HOUR, now + HOUR, ANOTHER);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFILE);
	assert_string_equal(answer(revocation), "good");
	/* of two of one CA the one that has him counts, whichever is first and however old it is */
	put_list(0, now - 3 * HOUR, now - 2 * HOUR, HIM);
	must_refresh(revocation);
	assert_string_equal(answer(revocation), "revoked");
	put_list(0, now - HOUR, now + HOUR, ANOTHER);
	put_list(1, now - HOUR + 1, now - HOUR + 2, ANOTHER);
	must_refresh(revocation);
	/* and one that is fresh is enough */
	assert_string_equal(answer(revocation), "good");
	revocation_free(&revocation);
}

/* ---- what takes no place ---- */

static void keeps_the_one_in_force(void **state)
{
	static const char junk[] = "junk";
	struct revocation *revocation = revocation_of(1);
	const char *message;

	(void)state;
	put_list(0, now - HOUR, now + HOUR, HIM);
	must_refresh(revocation);
	put_bytes(0, junk, sizeof(junk));
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFORMAT);
	message = fuda_context_message(ctx);
	assert_true(strncmp(message, paths[0], strlen(paths[0])) == 0);
	assert_string_equal(answer(revocation), "revoked");
	put_bytes(0, "", 0);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFORMAT);
	/* older, if only by a second */
	put_list(0, now - HOUR - 1, now + HOUR, ANOTHER);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EVERIFY);
	assert_non_null(strstr(fuda_context_message(ctx), "older"));
	assert_string_equal(answer(revocation), "revoked");
	/* said each time, not only the first */
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EVERIFY);
	unlink(paths[0]);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFILE);
	assert_int_equal(mkdir(paths[0], 0700), 0);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFILE);
	assert_int_equal(rmdir(paths[0]), 0);
	assert_int_equal(mkfifo(paths[0], 0600), 0);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFILE);
	assert_int_equal(unlink(paths[0]), 0);
	assert_int_equal(symlink("/dev/zero", paths[0]), 0);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFILE);
	assert_string_equal(answer(revocation), "revoked");
	/* one as old as it may take its place: it was signed anew */
	put_list(0, now - HOUR, now + HOUR, ANOTHER);
	must_refresh(revocation);
	assert_string_equal(answer(revocation), "good");
	revocation_free(&revocation);
}

static void refuses_the_future(void **state)
{
	struct revocation *revocation = revocation_of(1);

	(void)state;
	put_list(0, time(NULL) + 330, now + HOUR, ANOTHER);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EVERIFY);
	assert_non_null(strstr(fuda_context_message(ctx), "future"));
	assert_string_equal(answer(revocation), "unknown");
	/* clocks differ a little */
	put_list(0, time(NULL) + 270, now + HOUR, ANOTHER);
	must_refresh(revocation);
	assert_string_equal(answer(revocation), "good");
	revocation_free(&revocation);
}

static void refuses_large_files(void **state)
{
	struct revocation *revocation = revocation_of(1);

	(void)state;
	put_bytes(0, "0", 1);
	assert_int_equal(truncate(paths[0], (off_t)CRL_MAX + 1), 0); /* all holes */
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_ETOOBIG);
	revocation_free(&revocation);
}

/* Every file that failed is named, and the others are taken. */
static void tells_all_that_failed(void **state)
{
	struct revocation *revocation = revocation_of(3);

	(void)state;
	put_bytes(0, "junk", 4);
	put_list(1, now - HOUR, now + HOUR, HIM);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), paths[0]));
	assert_null(strstr(fuda_context_message(ctx), paths[1]));
	assert_non_null(strstr(fuda_context_message(ctx), paths[2]));
	assert_string_equal(answer(revocation), "revoked");
	revocation_free(&revocation);
}

/* What has not changed is not read again: it may be large. */
static void reads_what_has_changed(void **state)
{
	struct revocation *revocation = revocation_of(1);
	struct timespec times[2];
	struct stat st;
	FILE *f;

	(void)state;
	put_list(0, now - HOUR, now + HOUR, ANOTHER);
	must_refresh(revocation);
	assert_int_equal(stat(paths[0], &st), 0);
	f = fopen(paths[0], "r+b");
	assert_int_equal(fputc('x', f), 'x'); /* as long as before, and then as old */
	assert_int_equal(fclose(f), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, paths[0], times, 0), 0);
	must_refresh(revocation);
	times[1].tv_nsec ^= 1;
	assert_int_equal(utimensat(AT_FDCWD, paths[0], times, 0), 0);
	assert_int_equal(revocation_refresh(ctx, revocation), FUDA_EFORMAT);
	assert_string_equal(answer(revocation), "good");
	revocation_free(&revocation);
}

/* ---- while it is asked ---- */

static atomic_bool done;
static atomic_size_t asked;

static void *keep_asking(void *arg)
{
	struct revocation *revocation = arg;
	size_t wrong = 0;

	while (!atomic_load(&done)) {
		bool stale, denied;

		/* on every one of the lists */
		wrong += revocation_ask(revocation, holder, now, &stale, &denied) != FUDA_REVOCATION_REVOKED;
		atomic_fetch_add(&asked, 1);
	}
	return (void *)(uintptr_t)wrong;
}

/* Lists take each other's place while threads ask: none sees a moment without a list. */
static void swaps_under_load(void **state)
{
	struct revocation *revocation = revocation_of(1);
	pthread_t threads[3];

	(void)state;
	atomic_store(&done, false);
	put_list(0, now - HOUR, now + HOUR, HIM);
	must_refresh(revocation);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, revocation), 0);
	for (int i = 0; i < 60; i++) {
		size_t before = atomic_load(&asked);

		put_list(0, now - HOUR + i, now + HOUR, i % 2 ? HIM : HIM ANOTHER);
		must_refresh(revocation);
		while (atomic_load(&asked) == before)
			sched_yield();
	}
	atomic_store(&done, true);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *wrong;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	revocation_free(&revocation);
}

static int setup(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan cas[] = { plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA),
				   plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA) };
	struct cert_plan plan = plan_auth();

	if (scratch_setup(state) < 0 || fuda_context_new(&ctx) < 0 ||
	    fuda_trust_new(ctx, &trust) < 0)
		return -1;
	believe(trust, &cas[0]);
	believe(trust, &cas[1]);
	cert_make(&plan, &der);
	now = time(NULL);
	return fuda_cert_new(ctx, der.data, der.len, &holder);
}

static int teardown(void **state)
{
	fuda_cert_free(&holder);
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_nothing_at_first),
		cmocka_unit_test(answers),
		cmocka_unit_test(grows_stale),
		cmocka_unit_test(is_asked_of_its_own),
		cmocka_unit_test(keeps_the_one_in_force),
		cmocka_unit_test(refuses_the_future),
		cmocka_unit_test(refuses_large_files),
		cmocka_unit_test(tells_all_that_failed),
		cmocka_unit_test(reads_what_has_changed),
		cmocka_unit_test(swaps_under_load),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
