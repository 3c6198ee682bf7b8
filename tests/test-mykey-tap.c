/* SPDX-License-Identifier: Apache-2.0 */
/* The first step of a tap: what comes of whatever the service releases. A key that is let through
 * here is sent to the card, where a wrong one spends a try. */
#include "tests/mykey-api.h"

#include "base/secret.h"

#define RELEASE(birth, tries) ",\"birth\":\"" birth "\",\"tries\":" tries

static struct fuda_secret *birth;
static struct fuda_digest digest;
static int tries;

static int start(void)
{
	tries = 77;
	birth = NULL;
	memset(&got, 0, sizeof(got));
	return fuda_mykey_tap_start(mykey, &certificate, "library", dl, &got, &birth, &tries, &digest);
}

static void released(void **state)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_TAP, .sector = "library" };

	(void)state;
	REPLY({ .challenge = true, .more = RELEASE("550217", "10") ",\"hint\":null" },
	      { .body = "{\"sector\":\"library\",\"ppid\":\"p\",\"amr\":\"hwk\"}" });
	assert_int_equal(start(), 0);
	assert_int_equal(birth->len, 6);
	assert_memory_equal(birth->bytes, "550217", 6);
	assert_int_equal(tries, 10);
	fuda_secret_free(&birth);
	assert_string_equal(api.seen[0].target, "POST /v1/tap:start");
	assert_non_null(strstr(api.seen[0].body, "\"certificate\":\"MAMCAf"));
	assert_non_null(strstr(api.seen[0].body, "\"sector\":\"library\""));
	assert_true(*api.seen[0].key);
	assert_int_equal(fuda_mykey_ask(mykey, &wish, &certificate, &signature, dl, &got), 0);
	assert_string_equal(api.seen[1].target, "POST /v1/tap");
	assert_string_equal(got.ppid, "p");
	assert_string_equal(got.amr, "hwk");
	/* the challenge was good for one */
	assert_int_equal(fuda_mykey_ask(mykey, &wish, &certificate, &signature, dl, &got), FUDA_EINVAL);
}

static bool cancel_wait(_unused_ void *arg, _unused_ int seconds)
{
	fuda_deadline_cancel(dl);
	return true;
}

/* ^C while the service asks to wait: the card was asked, and a key may have been given out, so that it is not said that
 * nothing was done. */
static void cancelled_waits(void **state)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_TAP, .sector = "library" };

	(void)state;
	fuda_mykey_on_wait(mykey, cancel_wait, NULL);
	REPLY({ .drop = true }, { .status = 429, .head = "Retry-After: 1\r\n" });
	assert_int_equal(start(), FUDA_ECANCELLED);
	assert_string_equal(fuda_context_message(ctx), "Cancelled while the service asked to wait.");
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(20000, &dl), 0);
	REPLY({ .challenge = true, .more = RELEASE("550217", "10") },
	      { .status = 429, .head = "Retry-After: 1\r\n" });
	assert_int_equal(start(), 0);
	fuda_secret_free(&birth);
	assert_int_equal(fuda_mykey_ask(mykey, &wish, &certificate, &signature, dl, &got), FUDA_ECANCELLED);
	assert_string_equal(fuda_context_message(ctx), "Cancelled while the service asked to wait.");
}

static void bad_releases(void **state)
{
	static const struct {
		__typeof__(api.replies[0]) reply;
		int code;
	} cases[] = {
		{ { .challenge = true }, FUDA_EFORMAT },
		{ { .challenge = true, .more = ",\"birth\":\"550217\"" }, FUDA_EFORMAT },
		{ { .challenge = true, .more = ",\"tries\":10" }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("", "10") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("55021", "10") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("5502170", "10") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("55021x", "10") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("-50217", "10") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = ",\"birth\":550217,\"tries\":10" }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "1") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "0") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "-3") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "16") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "4294967306") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "10") RELEASE("550218", "10") }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "10"), .type = "text/html" }, FUDA_EFORMAT },
		{ { .challenge = true, .more = RELEASE("550217", "10"), .cut = true }, FUDA_EUNREACHABLE },
		{ { .challenge = true, .more = RELEASE("550217", "10"), .origin = "https://elsewhere.example" },
		  FUDA_EVERIFY },
		{ { .challenge = true, .more = RELEASE("550217", "10"), .terminal = OTHER }, FUDA_EVERIFY },
		{ { .challenge = true, .more = RELEASE("550217", "10"), .expires = -400 }, FUDA_EVERIFY },
		{ { .challenge = true, .more = RELEASE("550217", "10"), .expires = 400 }, FUDA_EVERIFY },
		{ { .challenge = true, .more = RELEASE("550217", "10"), .nonce = "AAEC" }, FUDA_EFORMAT },
		{ { .body = "{\"birth\":\"550217\",\"tries\":10}" }, FUDA_EFORMAT },
		{ { .status = 404, .type = PROBLEM_TYPE, .body = PROBLEM("tap_not_registered") }, FUDA_EREFUSED },
		{ { .status = 429,
		    .type = PROBLEM_TYPE,
		    .head = "Retry-After: 3600\r\n",
		    .body = PROBLEM("tap_limit") },
		  FUDA_EREFUSED },
		{ { .drop = true }, FUDA_EUNREACHABLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		REPLY(cases[i].reply);
		fuda_deadline_restart(dl, cases[i].code == FUDA_EUNREACHABLE ? 700 : 60000);
		r = start();
		if (r != cases[i].code)
			fail_msg("case %zu: %d, %s", i, r, fuda_context_message(ctx));
		/* nothing that could be sent to a card, and nothing to be asked behind it */
		assert_null(birth);
		assert_int_equal(tries, 77);
		assert_null(strstr(fuda_context_message(ctx), "550217"));
		assert_int_equal(fuda_mykey_ask(mykey, &(struct fuda_mykey_wish){ .purpose = FUDA_MYKEY_TAP },
						&certificate, &signature, dl, &got),
				 FUDA_EINVAL);
	}
}

/* ---- once for each time that a card comes ---- */

static int claim(const char *reader, uint32_t events)
{
	/* as another program does */
	fuda_mykey_free(&mykey);
	reopen(&terminal);
	assert_int_equal(fuda_mykey_new(terminal, &mykey), 0);
	return fuda_mykey_tap_claim(mykey, reader, events);
}

static void claimed_once(void **state)
{
	(void)state;
	assert_int_equal(claim("pcsc:A reader 00 00", 0), 0); /* where nobody counts */
	assert_int_equal(claim("pcsc:A reader 00 00", 0), 0);
	assert_false(there("t/tapped"));
	assert_int_equal(claim("pcsc:A reader 00 00", 5), 0);
	assert_int_equal(claim("pcsc:A reader 00 00", 5), FUDA_EPINCOMMAND);
	assert_says("take it away");
	assert_int_equal(claim("pcsc:A reader", 5), 0);
	assert_int_equal(claim("pcsc:A reader 00 00", 7), 0);
	assert_int_equal(claim("pcsc:A reader 00 00", 7), FUDA_EPINCOMMAND);
	assert_int_equal(claim("pcsc:A reader", 5), FUDA_EPINCOMMAND);
	assert_int_equal(claim("pcsc:A reader 00 00", 5), 0); /* the PC/SC service was started anew */
	fuda_mykey_tap_release(mykey, "pcsc:A reader 00 00", 5);
	assert_int_equal(claim("pcsc:A reader", 5), FUDA_EPINCOMMAND);
	assert_int_equal(claim("pcsc:A reader 00 00", 5), 0);
	fuda_mykey_tap_release(mykey, "pcsc:A reader 00 00", 5);
	fuda_mykey_tap_release(mykey, "pcsc:A reader", 5);
	assert_false(there("t/tapped"));
	assert_int_equal(api.asked, 0);
}

static void claims_in_a_damaged_file(void **state)
{
	static const char *const texts[] = { "", "\n\n", "5", " pcsc:A", "x pcsc:A\n", "99999999999 pcsc:A\n" };
	char many[8192] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		scratch_write("t/tapped", texts[i], 0600);
		assert_int_equal(claim("pcsc:A", 5), 0);
		assert_int_equal(claim("pcsc:A", 5), FUDA_EPINCOMMAND);
	}
	/* so many that there is no room for more */
	for (size_t n = 0; n + 40 < sizeof(many);)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "5 pcsc:reader number %zu\n", n);
	memset(many + strlen(many), 'x', sizeof(many) - 1 - strlen(many));
	scratch_write("t/tapped", many, 0600);
	assert_int_equal(claim("pcsc:A", 5), 0);
	assert_int_equal(claim("pcsc:A", 5), FUDA_EPINCOMMAND);
	/* what nobody can write to lets nobody tap */
	assert_int_equal(unlink(scratch_path("t/tapped")), 0);
	assert_int_equal(mkdir(scratch_path("t/tapped"), 0700), 0);
	assert_int_equal(claim("pcsc:A", 5), FUDA_EFILE);
	assert_int_equal(rmdir(scratch_path("t/tapped")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT(released),
		CLIENT(cancelled_waits),
		CLIENT(bad_releases),
		CLIENT(claimed_once),
		CLIENT(claims_in_a_damaged_file),
	};

	return RUN(tests);
}
