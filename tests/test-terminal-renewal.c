/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal's next certificate, and where its coming may be broken off. */
#include "tests/test-terminal.h"

static void states(void **state)
{
	struct fuda_terminal *t;
	time_t now = time(NULL);
	static const struct {
		int from, until; /* days from now */
		enum fuda_terminal_state state;
	} cases[] = {
		{ -59, 31, FUDA_TERMINAL_ACTIVE },
		{ -60, 30, FUDA_TERMINAL_RENEWAL_DUE },
		{ -89, 1, FUDA_TERMINAL_RENEWAL_DUE },
		{ 1, 91, FUDA_TERMINAL_ACTIVE },
	};

	(void)state;
	t = enrolled();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		play.certificate.not_before = now + cases[i].from * 86400;
		play.certificate.not_after = now + cases[i].until * 86400;
		assert_int_equal(fuda_terminal_renew(t, dl), 0);
		assert_int_equal(state_of(t), cases[i].state);
	}
	now = time(NULL);
	play.certificate.not_before = now - 100;
	play.certificate.not_after = now + 3;
	assert_int_equal(fuda_terminal_renew(t, dl), 0);
	while (time(NULL) <= now + 3)
		usleep(50000);
	assert_int_equal(state_of(t), FUDA_TERMINAL_EXPIRED);
	assert_string_equal(fuda_terminal_state_name(state_of(t)), "expired");
	fuda_terminal_free(&t);
}

static void renewal(void **state)
{
	struct fuda_terminal *t;
	char *key, *certificate;
	uint8_t first[256];

	(void)state;
	play.waits = 1;
	t = enrolled();
	assert_int_equal(fuda_terminal_renew(t, dl), FUDA_ENOTFOUND); /* not yet */
	assert_int_equal(fuda_terminal_poll(t, dl), 0);
	key = strdup(scratch_read("t/key.pem"));
	certificate = strdup(scratch_read("t/certificate.pem"));
	assert_int_equal(fuda_terminal_renew(t, dl), 0);
	assert_string_equal(play.target, "POST /.well-known/est/simplereenroll");
	assert_string_equal(play.authorization, "");
	assert_true(play.certified);
	assert_string_not_equal(scratch_read("t/key.pem"), key);
	assert_string_not_equal(scratch_read("t/certificate.pem"), certificate);
	assert_false(there("t/key.new") || there("t/request.new") || there("t/certificate.new"));
	/* from then on it is the new one that it shows */
	memcpy(first, play.key, sizeof(first));
	assert_int_equal(fuda_terminal_renew(t, dl), 0);
	assert_memory_not_equal(first, play.key, sizeof(first));
	fuda_terminal_free(&t);
	free(key);
	free(certificate);
}

static void renewal_refused(void **state)
{
	struct fuda_terminal *t = enrolled();
	char *key = strdup(scratch_read("t/key.pem"));
	uint8_t csr[sizeof(play.csr)];

	(void)state;
	/* no answer: the same request again, and the old key stays */
	play.drop = true;
	assert_true(fuda_terminal_renew(t, dl) < 0);
	memcpy(csr, play.csr, sizeof(csr));
	play.drop = false;
	play.waits = 1;
	assert_int_equal(fuda_terminal_renew(t, dl), FUDA_EWAIT);
	assert_says("in 7 s.");
	assert_memory_equal(csr, play.csr, sizeof(csr));
	/* another terminal's, or for another key */
	play.certificate.uri = "urn:mykey:terminal:" OTHER;
	assert_int_equal(fuda_terminal_renew(t, dl), FUDA_EFORMAT);
	assert_says("another terminal's");
	play.certificate.uri = "urn:mykey:terminal:" UUID;
	play.certificate.other_key = true;
	assert_int_equal(fuda_terminal_renew(t, dl), FUDA_EFORMAT);
	assert_string_equal(scratch_read("t/key.pem"), key);
	reopen(&t);
	assert_int_equal(state_of(t), FUDA_TERMINAL_ACTIVE);
	play.certificate.other_key = false;
	assert_int_equal(fuda_terminal_renew(t, dl), 0);
	assert_string_not_equal(scratch_read("t/key.pem"), key);
	fuda_terminal_free(&t);
	free(key);
}

static void copy(const char *from, const char *to)
{
	char *text = strdup(scratch_read(from));

	scratch_write(to, text, 0600);
	free(text);
}

static bool same(const char *a, const char *b)
{
	char *text = strdup(scratch_read(a));
	bool equal = strcmp(text, scratch_read(b)) == 0;

	free(text);
	return equal;
}

static void lose(const char *name)
{
	unlink(scratch_path(name));
}

/* The machine's power goes between any two steps of a renewal: the folder is one terminal's before and
 * after, never half of each. */
static void power_goes(void **state)
{
	static const char *const files[] = { "key", "request", "certificate" };
	struct fuda_terminal *t = enrolled();
	char name[64], other[64];

	(void)state;
	/* both states of the three files */
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "t/%s.pem", files[i]);
		snprintf(other, sizeof(other), "%s.old", files[i]);
		copy(name, other);
	}
	assert_int_equal(fuda_terminal_renew(t, dl), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "t/%s.pem", files[i]);
		snprintf(other, sizeof(other), "%s.fresh", files[i]);
		copy(name, other);
	}
	/* step 1: key.new; 2: request.new; 3: certificate.new; 4, 5, 6: each gets its name */
	for (int step = 0; step <= 6; step++) {
		fuda_terminal_free(&t);
		for (size_t i = 0; i < 3; i++) {
			bool moved = step >= 4 + (int)i, written = step >= 1 + (int)i;

			snprintf(name, sizeof(name), "t/%s.pem", files[i]);
			snprintf(other, sizeof(other), "%s.%s", files[i], moved ? "fresh" : "old");
			copy(other, name);
			snprintf(name, sizeof(name), "t/%s.new", files[i]);
			snprintf(other, sizeof(other), "%s.fresh", files[i]);
			if (written && !moved)
				copy(other, name);
			else
				lose(name);
		}
		assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &t), 0);
		for (size_t i = 0; i < 3; i++) {
			snprintf(name, sizeof(name), "t/%s.pem", files[i]);
			snprintf(other, sizeof(other), "%s.%s", files[i], step >= 3 ? "fresh" : "old");
			if (!same(name, other))
				fail_msg("step %d: %s", step, files[i]);
		}
		/* and it goes on from there */
		assert_int_equal(fuda_terminal_renew(t, dl), 0);
	}
	fuda_terminal_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(states),
		TEST(renewal),
		TEST(renewal_refused),
		TEST(power_goes),
	};

	return RUN(tests);
}
