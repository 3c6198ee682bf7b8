/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for the holder of a phone, and the key by which the phone is asked. */
#include "tests/mykey-api.h"

#include <fuda/mdoc.h>

#include "mdoc/key.h"
#include "mykey/transcript.h"

static struct fuda_buf transcript = FUDA_BUF_INIT(64), response = FUDA_BUF_INIT(65536);
static const struct fuda_mykey_phone phone = { &transcript, &response };
static const struct fuda_mykey_wish binding = { .purpose = FUDA_MYKEY_BIND_MDOC, .phone = &phone },
				    showing = { .purpose = FUDA_MYKEY_SHOW_MDOC, .phone = &phone },
				    unbinding = { .purpose = FUDA_MYKEY_UNBIND_MDOC,
						  .phone = &phone };

static int begin(const struct fuda_mykey_wish *wish)
{
	struct fuda_digest digest;

	memset(&got, 0, sizeof(got));
	return fuda_mykey_challenge(mykey, wish, dl, &digest);
}

static void show_something(void)
{
	assert_int_equal(fuda_buf_set(&transcript, "\x83\xF6\xF6\xF6", 4), 0);
	assert_int_equal(fuda_buf_set(&response, "\xA0", 1), 0);
}

static void binds(void **state)
{
	(void)state;
	show_something();
	REPLY({ .challenge = true }, { .body = GOOD_BIND });
	assert_int_equal(begin(&binding), 0);
	assert_string_equal(api.seen[0].target, "GET /v1/challenge?purpose=bind-mdoc");
	assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, &signature, dl, &got), 0);
	assert_string_equal(api.seen[1].target, "POST /v1/mykeys:bind-mdoc");
	assert_non_null(strstr(api.seen[1].body, "\"certificate\":\"MAMCAf"));
	assert_non_null(strstr(api.seen[1].body, "\"signature\":\""));
	assert_non_null(strstr(api.seen[1].body, "\"transcript\":\"g/b29g==\""));
	assert_non_null(strstr(api.seen[1].body, "\"response\":\"oA==\""));
	assert_string_equal(got.mykey_id, "KAWA2SEM");
	assert_true(got.fresh);
	/* the challenge was good for one */
	assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, &signature, dl, &got),
			 FUDA_EINVAL);
}

static void shows_without_a_card(void **state)
{
	(void)state;
	show_something();
	REPLY({ .challenge = true }, { .body = GOOD_BIND });
	assert_int_equal(begin(&showing), 0);
	assert_string_equal(api.seen[0].target, "GET /v1/challenge?purpose=show-mdoc");
	assert_int_equal(fuda_mykey_ask(mykey, &showing, NULL, NULL, dl, &got), 0);
	assert_string_equal(api.seen[1].target, "POST /v1/mykeys:show-mdoc");
	assert_null(strstr(api.seen[1].body, "certificate"));
	assert_null(strstr(api.seen[1].body, "signature"));
	assert_non_null(strstr(api.seen[1].body, "\"response\":\"oA==\""));
	assert_string_equal(got.mykey_id, "KAWA2SEM");
}

/* There is nobody to tell of then. */
static void unbinds_without_a_card(void **state)
{
	(void)state;
	show_something();
	REPLY({ .challenge = true }, { .body = "{\"bound\":false}" });
	assert_int_equal(begin(&unbinding), 0);
	assert_string_equal(api.seen[0].target, "GET /v1/challenge?purpose=unbind-mdoc");
	assert_int_equal(fuda_mykey_ask(mykey, &unbinding, NULL, NULL, dl, &got), 0);
	assert_string_equal(api.seen[1].target, "POST /v1/mykeys:unbind-mdoc");
	assert_null(strstr(api.seen[1].body, "certificate"));
	assert_string_equal(got.mykey_id, "");
	/* not known whether it was done */
	REPLY({ .challenge = true }, { .drop = true },
	      { .status = 403, .type = PROBLEM_TYPE, .body = PROBLEM("mdoc_expired") });
	assert_int_equal(begin(&unbinding), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &unbinding, NULL, NULL, dl, &got), FUDA_EUNSURE);
}

static void not_asked_without_its_parts(void **state)
{
	const struct fuda_mykey_wish without = { .purpose = FUDA_MYKEY_BIND_MDOC };

	(void)state;
	show_something();
	REPLY({ .challenge = true });
	assert_int_equal(begin(&without), 0); /* the phone comes after it */
	assert_int_equal(fuda_mykey_ask(mykey, &without, &certificate, &signature, dl, &got),
			 FUDA_EINVAL);
	assert_int_equal(fuda_mykey_ask(mykey, &binding, NULL, &signature, dl, &got), FUDA_EINVAL);
	assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, NULL, dl, &got),
			 FUDA_EINVAL);
	assert_int_equal(fuda_mykey_ask(mykey, &showing, NULL, NULL, dl, &got), FUDA_EINVAL);
	assert_int_equal(api.asked, 1);
	/* more than anybody takes */
	while (response.len < 40000)
		assert_int_equal(fuda_buf_append(&response, "0123456789abcdef", 16), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, &signature, dl, &got),
			 FUDA_EINVAL);
	assert_int_equal(api.asked, 1);
}

/* The key is that of the challenge's bytes, which are those that a card signs. */
static void reader_keys(void **state)
{
	static const uint8_t nonce[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct fuda_mdoc_key *key = NULL, *again = NULL;
	_cleanup_(private_free) struct private_key *own = NULL;
	uint8_t id[TRANSCRIPT_TERMINAL];
	time_t before = time(NULL);
	bool same = false;

	(void)state;
	assert_int_equal(fuda_mykey_reader_key(mykey, &key), FUDA_EINVAL); /* no challenge yet */
	REPLY({ .challenge = true });
	assert_int_equal(begin(&showing), 0);
	assert_int_equal(fuda_mykey_reader_key(mykey, &key), 0);
	assert_int_equal(fuda_mykey_reader_key(mykey, &again), 0);
	assert_true(key_equal(private_public(key->private), private_public(again->private)));
	assert_int_equal(terminal_id_read(UUID, id), 0);
	/* the service says how long it is good, and the clock may have gone on between */
	for (time_t at = before + 120; at <= time(NULL) + 120 && !same; at++) {
		const struct transcript t = { "show-mdoc", peer_origin(peer), id, nonce, at };

		private_free(&own);
		assert_int_equal(transcript_reader_key(&t, &own), 0);
		same = key_equal(private_public(own), private_public(key->private));
	}
	assert_true(same);
	fuda_mdoc_key_free(&again);
	fuda_mdoc_key_free(&key);
	/* what only a card signs has none */
	assert_int_equal(begin(&(struct fuda_mykey_wish){ .purpose = FUDA_MYKEY_BIND }), 0);
	assert_int_equal(fuda_mykey_reader_key(mykey, &key), FUDA_EINVAL);
	assert_null(key);
}

/* Nobody is asked for a PIN, nor for a phone, that the service would not take. */
static void doctypes(void **state)
{
	static const char said[] = ",\"doctype\":\"org.example.1\"";
	struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_BIND_MDOC,
					.doctype = "org.example.1" };

	(void)state;
	REPLY({ .challenge = true, .more = said });
	assert_int_equal(begin(&wish), 0);
	wish.doctype = "org.example.10";
	assert_int_equal(begin(&wish), FUDA_EINVAL);
	assert_non_null(strstr(fuda_context_message(ctx), "of the doctype org.example.1, and"));
	assert_non_null(strstr(fuda_context_message(ctx), "has org.example.10:"));
	assert_int_equal(fuda_mykey_reader_key(mykey, &(struct fuda_mdoc_key *){ NULL }),
			 FUDA_EINVAL);
	/* without a phone it matters to nobody, and a service need not say it */
	wish.purpose = FUDA_MYKEY_BIND;
	assert_int_equal(begin(&wish), 0);
	wish = binding;
	assert_int_equal(begin(&wish), 0);
	REPLY({ .challenge = true });
	wish.doctype = "org.example.10";
	assert_int_equal(begin(&wish), 0);
	REPLY({ .challenge = true, .more = ",\"doctype\":1" });
	assert_int_equal(begin(&wish), FUDA_EFORMAT);
}

static void refused(void **state)
{
	static const char *const codes[] = { "mdoc_expired", "mdoc_foreign", "mdoc_taken",
					     "mdoc_not_bound" };

	(void)state;
	show_something();
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		char body[128];

		snprintf(body, sizeof(body), "{\"status\":403,\"code\":\"%s\",\"title\":\"x\"}",
			 codes[i]);
		REPLY({ .challenge = true }, { .status = 403, .type = PROBLEM_TYPE, .body = body });
		assert_int_equal(begin(&binding), 0);
		assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, &signature, dl,
						&got),
				 FUDA_EREFUSED);
		assert_string_equal(got.result, codes[i]);
		assert_non_null(strstr(fuda_context_message(ctx), codes[i]));
	}
	/* not waited for: nobody holds a phone for so long */
	REPLY({ .challenge = true }, { .status = 503,
				       .type = PROBLEM_TYPE,
				       .head = "Retry-After: 300\r\n",
				       .body = PROBLEM("mdoc_revocation_stale") });
	assert_int_equal(begin(&binding), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, &signature, dl, &got),
			 FUDA_EREFUSED);
	assert_string_equal(got.result, "mdoc_revocation_stale");
	/* and before any PIN */
	REPLY({ .status = 403, .type = PROBLEM_TYPE, .body = PROBLEM("mdoc_not_served") });
	assert_int_equal(begin(&binding), FUDA_EREFUSED);
	assert_non_null(strstr(fuda_context_message(ctx), "mdoc_not_served"));
}

/* Sent, and no answer: whether it was done is not known, unless it changes nothing. What a second
 * try is told of the phone may be because of the first. */
static void unsure(void **state)
{
	(void)state;
	show_something();
	REPLY({ .challenge = true }, { .drop = true },
	      { .status = 403, .type = PROBLEM_TYPE, .body = PROBLEM("mdoc_expired") });
	assert_int_equal(begin(&binding), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, &signature, dl, &got),
			 FUDA_EUNSURE);
	assert_string_equal(api.seen[1].key, api.seen[2].key);
	REPLY({ .challenge = true }, { .drop = true },
	      { .status = 409, .type = PROBLEM_TYPE, .body = PROBLEM("mdoc_taken") });
	assert_int_equal(begin(&binding), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &binding, &certificate, &signature, dl, &got),
			 FUDA_EREFUSED);
	/* said again, it is another request: with another phone it must be */
	assert_int_equal(access(scratch_path("t/unsure"), F_OK), -1);
	REPLY({ .challenge = true }, { .drop = true },
	      { .status = 403, .type = PROBLEM_TYPE, .body = PROBLEM("mdoc_expired") });
	assert_int_equal(begin(&showing), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &showing, NULL, NULL, dl, &got), FUDA_EREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT(binds),
		CLIENT(shows_without_a_card),
		CLIENT(unbinds_without_a_card),
		CLIENT(not_asked_without_its_parts),
		CLIENT(reader_keys),
		CLIENT(doctypes),
		CLIENT(refused),
		CLIENT(unsure),
	};
	int failed = RUN(tests);

	fuda_buf_free(&transcript);
	fuda_buf_free(&response);
	return failed;
}
