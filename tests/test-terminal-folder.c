/* SPDX-License-Identifier: Apache-2.0 */
/* How a machine becomes a terminal: its folder, and EST. */
#include "tests/test-terminal.h"

/* ---- enrolment ---- */

static void at_once(void **state)
{
	struct fuda_terminal *t = enrolled();
	struct fuda_terminal_facts f = facts_of(t);
	struct fuda_digest digest;
	char hex[65];

	(void)state;
	assert_int_equal(f.state, FUDA_TERMINAL_ACTIVE);
	assert_string_equal(f.server, peer_origin(peer));
	assert_string_equal(f.id, UUID);
	assert_string_equal(f.environment, "test");
	assert_int_equal(f.not_before, play.certificate.not_before);
	assert_int_equal(f.not_after, play.certificate.not_after);
	assert_int_equal(f.retry_at, 0);
	assert_string_equal(play.target, "POST /.well-known/est/simpleenroll");
	assert_string_equal(play.authorization, "Basic dGVybWluYWw6UVdFUi03ODkwLUFTREY=");
	assert_false(play.certified);
	/* what both sides show to people is the hash of what was sent */
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, play.csr, play.csr_len, &digest), 0);
	fuda_hex_encode(digest.bytes, 32, hex);
	assert_string_equal(f.request, hex);
	/* nothing is left of the code */
	assert_false(there("t/code"));
	fuda_terminal_free(&t);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), 0);
	assert_int_equal(state_of(t), FUDA_TERMINAL_ACTIVE);
	/* and no more is asked */
	assert_int_equal(fuda_terminal_poll(t, dl), 0);
	assert_int_equal(est_requests(), 1);
	fuda_terminal_free(&t);
}

static void modes(void **state)
{
	static const char *const names[] = { "t/key.pem", "t/terminal.conf", "t/certificate.pem", "t/ca.pem" };
	struct fuda_terminal *t = enrolled();
	struct stat st;

	(void)state;
	assert_int_equal(stat(scratch_path("t"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(stat(scratch_path(names[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	fuda_terminal_free(&t);
	/* a key that others can read is not used */
	assert_int_equal(chmod(scratch_path("t/key.pem"), 0640), 0);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), FUDA_EFILE);
	assert_says("can be read by others");
	assert_null(t);
}

static void approval(void **state)
{
	struct fuda_terminal *t;
	uint8_t first[sizeof(play.csr)];
	struct stat st;
	time_t now = time(NULL);

	(void)state;
	play.waits = 2;
	t = enrolled();
	assert_int_equal(state_of(t), FUDA_TERMINAL_APPLIED);
	assert_in_range(facts_of(t).retry_at, now + 7, now + 27);
	assert_string_equal(facts_of(t).id, "");
	assert_int_equal(stat(scratch_path("t/code"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	memcpy(first, play.csr, sizeof(first));
	reopen(&t);
	assert_int_equal(state_of(t), FUDA_TERMINAL_APPLIED);
	assert_in_range(facts_of(t).retry_at, now + 7, now + 27);
	assert_int_equal(fuda_terminal_poll(t, dl), 0);
	assert_int_equal(state_of(t), FUDA_TERMINAL_APPLIED);
	/* the same request and code each time */
	assert_memory_equal(first, play.csr, sizeof(first));
	assert_string_equal(play.authorization, "Basic dGVybWluYWw6UVdFUi03ODkwLUFTREY=");
	assert_int_equal(fuda_terminal_poll(t, dl), 0);
	assert_int_equal(state_of(t), FUDA_TERMINAL_ACTIVE);
	assert_false(there("t/code"));
	fuda_terminal_free(&t);
}

/* With chains and others' certificates around it, ours is found. */
static void among_others(void **state)
{
	struct fuda_terminal *t;

	(void)state;
	play.certificates = 3;
	play.certificate.environment = NULL;
	t = enrolled();
	assert_string_equal(facts_of(t).id, UUID);
	assert_string_equal(facts_of(t).environment, "");
	fuda_terminal_free(&t);
}

static void again_after_failure(void **state)
{
	struct fuda_terminal *t = NULL;
	uint8_t first[sizeof(play.csr)];

	(void)state;
	play.drop = true;
	assert_true(enrol(&t) < 0);
	assert_null(t);
	memcpy(first, play.csr, sizeof(first));
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), 0);
	assert_int_equal(state_of(t), FUDA_TERMINAL_NONE);
	fuda_terminal_free(&t);
	/* another code, the same key */
	play.drop = false;
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), peer_origin(peer), scratch_path("ca.pem"),
					     "SECOND", dl, &t),
			 0);
	assert_memory_equal(first, play.csr, sizeof(first));
	assert_string_equal(play.authorization, "Basic dGVybWluYWw6U0VDT05E");
	assert_int_equal(state_of(t), FUDA_TERMINAL_ACTIVE);
	fuda_terminal_free(&t);
	/* but never over a terminal that has its certificate, nor that of another service */
	assert_int_equal(enrol(&t), FUDA_EEXISTS);
	assert_int_equal(remove(scratch_path("t/certificate.pem")), 0);
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), "https://elsewhere.example",
					     scratch_path("ca.pem"), CODE, dl, &t),
			 FUDA_EEXISTS);
	assert_int_equal(est_requests(), 2);
}

static void folders(void **state)
{
	struct fuda_terminal *t = NULL;

	(void)state;
	/* deep, with a slash at the end; empty; with something in it; a file */
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("a/b/t/"), peer_origin(peer), scratch_path("ca.pem"),
					     CODE, dl, &t),
			 0);
	fuda_terminal_free(&t);
	assert_int_equal(mkdir(scratch_path("t"), 0700), 0);
	t = enrolled();
	fuda_terminal_free(&t);
	assert_int_equal(mkdir(scratch_path("full"), 0700), 0);
	scratch_write("full/of", "x", 0600);
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("full"), peer_origin(peer), scratch_path("ca.pem"), CODE,
					     dl, &t),
			 FUDA_EEXISTS);
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("ca.pem"), peer_origin(peer), scratch_path("ca.pem"),
					     CODE, dl, &t),
			 FUDA_EFILE);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("full"), &t), FUDA_ENOTFOUND);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("none"), &t), FUDA_ENOTFOUND);
	/* the user's own */
	assert_int_equal(fuda_terminal_open(ctx, NULL, &t), FUDA_ENOTFOUND);
	assert_int_equal(fuda_terminal_enrol(ctx, NULL, peer_origin(peer), scratch_path("ca.pem"), CODE, dl, &t), 0);
	fuda_terminal_free(&t);
	assert_true(there("fuda/terminal/key.pem"));
	assert_int_equal(fuda_terminal_open(ctx, NULL, &t), 0);
	fuda_terminal_free(&t);
}

static void bad_arguments(void **state)
{
	static const char *const servers[] = {
		"",
		"http://127.0.0.1",
		"https://",
		"https://a b",
		"https://user@host",
		"https://host/path",
		"https://host?q",
		"https://host:",
		"https://host:0",
		"https://host:0443",
		"https://host:65536",
		"https://host:1x",
		"https://[::1",
		"https://[]",
		"ftp://host",
		"https://host\r\nX: y",
	};
	static const char *const codes[] = {
		"",       "a b",          "\n",
		"a\r\nb", "\xE3\x81\x82", "12345678901234567890123456789012345678901234567890123456789012345",
	};
	struct fuda_terminal *t = NULL;

	(void)state;
	scratch_write("none.pem", "nothing\n", 0600);
	scratch_write("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0600);
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), servers[i], scratch_path("ca.pem"), CODE,
						     dl, &t),
				 FUDA_EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), peer_origin(peer), scratch_path("ca.pem"),
						     codes[i], dl, &t),
				 FUDA_EINVAL);
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), peer_origin(peer), scratch_path("none.pem"), CODE,
					     dl, &t),
			 FUDA_EFORMAT);
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), peer_origin(peer), scratch_path("bad.pem"), CODE,
					     dl, &t),
			 FUDA_EFORMAT);
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), peer_origin(peer), scratch_path("lost.pem"), CODE,
					     dl, &t),
			 FUDA_EFILE);
	assert_null(t);
	assert_false(there("t"));
	assert_int_equal(peer_requests(peer), 0);
}

static void origins(void **state)
{
	static const char *const pairs[][2] = {
		{ "https://Host.Example/", "https://host.example" },  { "HTTPS://host:443", "https://host" },
		{ "https://host:8443/", "https://host:8443" },        { "https://[::1]:8443", "https://[::1]:8443" },
		{ "https://[2001:DB8::1]", "https://[2001:db8::1]" },
	};
	char origin[TERMINAL_ORIGIN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_int_equal(terminal_origin(ctx, pairs[i][0], origin), 0);
		assert_string_equal(origin, pairs[i][1]);
	}
}

/* A service that is reached by another name than its own is no use: nothing is made, and no code
 * is sent. */
static void other_name(void **state)
{
	static const struct {
		const char *origin, *version;
		int status, code;
		const char *says;
	} cases[] = {
		{ "https://mykey.example", NULL, 0, FUDA_EVERIFY, "--server https://mykey.example;" },
		{ "https://localhost", NULL, 0, FUDA_EVERIFY, "calls itself https://localhost," },
		{ "https://a b", NULL, 0, FUDA_EFORMAT, "cannot be understood" },
		{ "https://\\u001b[31m", NULL, 0, FUDA_EFORMAT, "cannot be understood" },
		{ NULL, "{\"origin\":7}", 0, FUDA_EFORMAT, "cannot be understood" },
		{ NULL, "{\"origin\":\"https://a\",\"origin\":\"https://b\"}", 0, FUDA_EFORMAT, "understood" },
		{ NULL, "<h1>Welcome</h1>", 0, FUDA_EFORMAT, "cannot be understood" },
		{ NULL, "", 302, FUDA_EREFUSED, "HTTP status 302" },
		{ NULL, "", 429, FUDA_EWAIT, "5 s." },
	};
	struct fuda_terminal *t = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		play.origin = cases[i].origin;
		play.version = cases[i].version;
		play.version_status = cases[i].status;
		if (enrol(&t) != cases[i].code)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		assert_null(t);
		assert_says(cases[i].says);
		assert_false(there("t"));
	}
	assert_int_equal(est_requests(), 0);
	/* nor is what was begun changed */
	play.origin = play.version = NULL;
	play.version_status = 0;
	play.waits = 1;
	t = enrolled();
	fuda_terminal_free(&t);
	play.origin = "https://mykey.example";
	assert_int_equal(fuda_terminal_enrol(ctx, scratch_path("t"), peer_origin(peer), scratch_path("ca.pem"),
					     "SECOND", dl, &t),
			 FUDA_EVERIFY);
	assert_string_equal(scratch_read("t/code"), CODE);
	assert_int_equal(est_requests(), 1);
	/* one that does not say is asked all the same */
	play.version = "{}";
	t = enrolled();
	assert_int_equal(state_of(t), FUDA_TERMINAL_ACTIVE);
	fuda_terminal_free(&t);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), 0);
	fuda_terminal_free(&t);
}

static void no_name_known(void **state)
{
	struct fuda_terminal *t;

	(void)state;
	play.version_status = 404;
	t = enrolled();
	assert_int_equal(state_of(t), FUDA_TERMINAL_ACTIVE);
	fuda_terminal_free(&t);
}

/* ---- what a service may say instead ---- */

static void bad_certificates(void **state)
{
	static const struct {
		const char *uri, *environment;
		bool other_key;
		int certificates;
		int days;
	} cases[] = {
		{ "urn:mykey:terminal:" UUID, "test", true, 1, 90 },
		{ "urn:mykey:terminal:" UUID, "test", false, 0, 90 },
		{ NULL, "test", false, 1, 90 },
		{ "urn:mykey:terminal:", "test", false, 1, 90 },
		{ "urn:mykey:terminal:" UUID "0", "test", false, 1, 90 },
		{ "urn:mykey:terminal:0192F0A1-7B2C-7D3E-8F40-5A6B7C8D9E0F", "test", false, 1, 90 },
		{ "urn:mykey:terminal:0192f0a1x7b2c-7d3e-8f40-5a6b7c8d9e0f", "test", false, 1, 90 },
		{ "urn:mykey:someone:" UUID, "test", false, 1, 90 },
		{ "urn:mykey:terminal:" UUID ",URI:urn:mykey:terminal:" OTHER, "test", false, 1, 90 },
		{ "urn:mykey:terminal:" UUID, "", false, 1, 90 },
		{ "urn:mykey:terminal:" UUID, "an environment of over thirty-one", false, 1, 90 },
		{ "urn:mykey:terminal:" UUID, "test", false, 1, 0 },
	};
	struct fuda_terminal *t = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		play.certificate.uri = cases[i].uri;
		play.certificate.environment = cases[i].environment;
		play.certificate.other_key = cases[i].other_key;
		play.certificate.not_after = time(NULL) + cases[i].days * 86400 - 60;
		play.certificates = cases[i].certificates;
		if (enrol(&t) != FUDA_EFORMAT)
			fail_msg("case %zu", i);
		assert_false(there("t/certificate.pem"));
		assert_true(there("t/code"));
	}
}

static void bad_answers(void **state)
{
	static const struct {
		int status, code;
		const char *head, *type, *body, *says;
	} cases[] = {
		{ 200, FUDA_EFORMAT, NULL, NULL, "", "no certificate" },
		{ 200, FUDA_EFORMAT, NULL, NULL, "!!!!", "no certificate" },
		{ 200, FUDA_EFORMAT, NULL, NULL, "MAA=", "no certificate" },
		{ 200, FUDA_EFORMAT, NULL, NULL, "MIAGCSqGSIb3DQEHAqCAMIACAQExAAAAAAAA", "no certificate" },
		{ 401, FUDA_EREFUSED, NULL, "application/problem+json",
		  "{\"type\":\"x\",\"code\":\"code_wrong\",\"detail\":\"The code is not known.\"}",
		  "The code is not known. (code_wrong)" },
		{ 403, FUDA_EREFUSED, NULL, "application/problem+json", "{\"code\":\"terminal_revoked\"}",
		  "revoked this terminal" },
		{ 404, FUDA_EREFUSED, NULL, "text/html", "<h1>no</h1>", "HTTP status 404" },
		{ 302, FUDA_EREFUSED, "Location: https://elsewhere.example/\r\n", NULL, "", "HTTP status 302" },
		{ 500, FUDA_EREFUSED, NULL, "application/problem+json", "{\"code\":\"Not A Code\"}",
		  "HTTP status 500" },
		{ 503, FUDA_EWAIT, "Retry-After: 33\r\n", NULL, "", "33 s." },
		{ 429, FUDA_EWAIT, "Retry-After: 999999999\r\n", NULL, "", "86400 s." },
		{ 429, FUDA_EWAIT, NULL, NULL, "", "5 s." },
	};
	struct fuda_terminal *t = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		play.status = cases[i].status;
		play.head = cases[i].head;
		play.type = cases[i].type;
		play.body = cases[i].body;
		if (enrol(&t) != cases[i].code)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		assert_null(t);
		assert_says(cases[i].says);
		assert_null(strstr(fuda_context_message(ctx), "QWER"));
		assert_false(there("t/certificate.pem"));
	}
	assert_int_equal(est_requests(), ARRAY_SIZE(cases));
}

/* ---- damage ---- */

static void damaged(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "t/terminal.conf", "" },
		{ "t/terminal.conf", "server = http://host\n" },
		{ "t/terminal.conf", "server = https://host\nretry_at = -1\n" },
		{ "t/terminal.conf", "server = https://host\nretry_at = 99999999999999999999\n" },
		{ "t/terminal.conf", "server = https://host\nunknown\n" },
		{ "t/key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
		{ "t/key.pem", "" },
		{ "t/request.pem", "" },
		{ "t/certificate.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" },
		{ "t/certificate.pem", "" },
	};
	struct fuda_terminal *t = enrolled();

	(void)state;
	fuda_terminal_free(&t);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *before = strdup(scratch_read(cases[i].name));

		scratch_write(cases[i].name, cases[i].text, 0600);
		if (fuda_terminal_open(ctx, scratch_path("t"), &t) != FUDA_EFORMAT)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		scratch_write(cases[i].name, before, 0600);
		free(before);
		assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), 0);
		fuda_terminal_free(&t);
	}
	/* files that are not there */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char away[64];

		if (strcmp(cases[i].name, "t/certificate.pem") == 0)
			continue; /* then it is not enrolled yet */
		snprintf(away, sizeof(away), "%s.away", cases[i].name);
		assert_int_equal(rename(scratch_path(cases[i].name), scratch_path(away)), 0);
		assert_true(fuda_terminal_open(ctx, scratch_path("t"), &t) < 0);
		assert_int_equal(rename(scratch_path(away), scratch_path(cases[i].name)), 0);
	}
	/* links are not followed */
	assert_int_equal(rename(scratch_path("t/key.pem"), scratch_path("elsewhere")), 0);
	assert_int_equal(symlink(scratch_path("elsewhere"), scratch_path("t/key.pem")), 0);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), FUDA_EFILE);
}

/* A code that outlived the certificate's coming goes at the next look. */
static void code_is_wiped(void **state)
{
	struct fuda_terminal *t = enrolled();

	(void)state;
	scratch_write("t/code", CODE, 0600);
	reopen(&t);
	assert_false(there("t/code"));
	/* without a certificate and without a code there is nothing to ask with */
	fuda_terminal_free(&t);
	assert_int_equal(unlink(scratch_path("t/certificate.pem")), 0);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), 0);
	assert_int_equal(fuda_terminal_poll(t, dl), FUDA_ENOTFOUND);
	assert_says("with a code");
	fuda_terminal_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(at_once), TEST(modes),         TEST(approval), TEST(among_others),     TEST(again_after_failure),
		TEST(folders), TEST(bad_arguments), TEST(origins),  TEST(bad_certificates), TEST(bad_answers),
		TEST(damaged), TEST(code_is_wiped), TEST(other_name), TEST(no_name_known),
	};

	return RUN(tests);
}
