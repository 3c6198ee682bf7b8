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
	return fuda_mykey_tap_start(mykey, &certificate, dl, &got, &birth, &tries, &digest);
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
	assert_true(*api.seen[0].key);
	assert_int_equal(fuda_mykey_ask(mykey, &wish, &certificate, &signature, dl, &got), 0);
	assert_string_equal(api.seen[1].target, "POST /v1/tap");
	assert_string_equal(got.ppid, "p");
	assert_string_equal(got.amr, "hwk");
	/* the challenge was good for one */
	assert_int_equal(fuda_mykey_ask(mykey, &wish, &certificate, &signature, dl, &got), FUDA_EINVAL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT(released),
		CLIENT(bad_releases),
	};

	return RUN(tests);
}
