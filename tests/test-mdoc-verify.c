/* SPDX-License-Identifier: Apache-2.0 */
/* Responses, judged: Annex D passes, and each change to it breaks what it must and nothing else. */
#include <fuda/mdoc.h>

#include <string.h>
#include <unistd.h>

#include "mdoc/key.h"
#include "tests/vectors.h"

enum { AT = 1609459200 }; /* 2021-01-01: the vectors' own time */

static struct fuda_context *ctx;
static struct fuda_mdoc_trust *trust;
static struct fuda_mdoc_profiles *profiles;
static struct fuda_mdoc_key reader;
static struct cursor transcript, request, response;

static struct fuda_mdoc_result *judge(const struct fuda_mdoc_policy *policy, const void *bytes,
				      size_t len)
{
	const struct fuda_mdoc_session session = {
		.transcript = { transcript.p, transcript.left },
		.reader = &reader,
		.request = { request.p, request.left },
	};
	struct fuda_mdoc_result *result = NULL;

	assert_int_equal(fuda_mdoc_verify(ctx, trust, profiles, policy, &session, bytes, len,
					  &result),
			 0);
	return result;
}

static const struct fuda_mdoc_policy policy = { .at = AT, .max_days = 366 };

/* The names of all findings, with blanks between them. */
static const char *found(const struct fuda_mdoc_result *result)
{
	static char text[2048];
	const struct fuda_mdoc_findings *lists[2] = { &result->findings, NULL };

	text[0] = 0;
	if (result->document_count)
		lists[1] = &result->documents[0].findings;
	for (int k = 0; k < 2 && lists[k]; k++)
		for (size_t i = 0; i < lists[k]->count; i++) {
			size_t used = strlen(text);

			snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
				 fuda_mdoc_rule_name(lists[k]->found[i].rule));
		}
	return text;
}

static void annex_d(void **state)
{
	struct fuda_mdoc_result *result = judge(&policy, response.p, response.left);
	const struct fuda_mdoc_document *d = result->documents;

	(void)state;
	assert_string_equal(found(result), "");
	assert_int_equal(result->result, FUDA_RESULT_OK);
	assert_int_equal(result->document_count, 1);
	assert_int_equal(d->element_count, 6);
	assert_string_equal(d->proof, "mac");
	for (size_t i = 0; i < d->element_count; i++)
		assert_true(d->elements[i].good);
	fuda_mdoc_result_free(&result);
}

/* The README of the vectors names these. */
static void mutations(void **state)
{
	static const struct {
		size_t at;
		uint8_t from, to;
		const char *found;
	} cases[] = {
		{ 200, 0x44, 0x46, "digest_mismatch" },
		{ 3522, 0xE9, 0xE8, "device_mac" },
	};
	uint8_t *changed = malloc(response.left);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_mdoc_result *result;

		memcpy(changed, response.p, response.left);
		assert_int_equal(changed[cases[i].at], cases[i].from);
		changed[cases[i].at] = cases[i].to;
		result = judge(&policy, changed, response.left);
		assert_string_equal(found(result), cases[i].found);
		assert_int_equal(result->result, FUDA_RESULT_SIGNATURE_MISMATCH);
		fuda_mdoc_result_free(&result);
	}
	free(changed);
}

static void times(void **state)
{
	static const struct {
		time_t at;
		unsigned max_days;
		const char *found;
	} cases[] = {
		{ AT, 0, "life_too_long" },
		/* 2020-09-30: signer, root and credential */
		{ 1601424000, 366,
		  "certificate_not_yet_valid certificate_not_yet_valid not_yet_valid" },
		{ 1633132800, 366, "certificate_expired expired" }, /* 2021-10-02 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct fuda_mdoc_policy other = { .at = cases[i].at,
							.max_days = cases[i].max_days };
		struct fuda_mdoc_result *result = judge(&other, response.p, response.left);

		assert_string_equal(found(result), cases[i].found);
		fuda_mdoc_result_free(&result);
	}
}

/* What is found against who made a request; "" for nothing. */
static const char *found_of_reader(const void *bytes, size_t len)
{
	const struct fuda_mdoc_span session = { transcript.p, transcript.left };
	struct fuda_mdoc_findings findings;
	char name[512];

	assert_int_equal(fuda_mdoc_request_verify(ctx, trust, &policy,
						  (struct fuda_mdoc_span){ bytes, len }, session,
						  &findings, name),
			 0);
	assert_int_equal(findings.missed, 0);
	if (!findings.count)
		assert_string_equal(name, "CN=reader");
	return findings.count == 1 ? fuda_mdoc_rule_name(findings.found[0].rule) :
	       findings.count      ? "several" :
				     "";
}

/* Who asks: the reader of Annex D, whose CA is believed; the README's mutation; another algorithm
 * than its key's. */
static void who_asks(void **state)
{
	static const uint8_t es256[] = { 0x43, 0xA1, 0x01, 0x26 };
	uint8_t *changed = malloc(request.left), *algorithm;

	(void)state;
	assert_string_equal(found_of_reader(request.p, request.left), "");
	memcpy(changed, request.p, request.left);
	assert_int_equal(changed[655], 0x1F);
	changed[655] = 0x1E;
	assert_string_equal(found_of_reader(changed, request.left), "reader_signature");
	memcpy(changed, request.p, request.left);
	algorithm = memmem(changed, request.left, es256, sizeof(es256));
	assert_non_null(algorithm);
	algorithm[3] = 0x27; /* EdDSA */
	assert_string_equal(found_of_reader(changed, request.left), "reader_algorithm");
	free(changed);
}

static void nobody_asks(void **state)
{
	const struct fuda_mdoc_wish wish = { "org.iso.18013.5.1.mDL", "org.iso.18013.5.1",
					     "family_name", false };
	_cleanup_buf_ struct fuda_buf own = FUDA_BUF_INIT(1024);

	(void)state;
	assert_int_equal(fuda_mdoc_request(ctx, &wish, 1, NULL, (struct fuda_mdoc_span){ NULL, 0 },
					   &own),
			 0);
	assert_string_equal(found_of_reader(own.data, own.len), "reader_unknown");
}

/* From a file, as programs do. */
static bool believe(int (*add)(struct fuda_mdoc_trust *, const char *), const char *name)
{
	struct cursor der = vector(name);
	char path[] = "/tmp/fuda-test.XXXXXX";
	int fd = mkstemp(path);
	bool ok = fd >= 0 && write(fd, der.p, der.left) == (ssize_t)der.left && close(fd) == 0 &&
		  add(trust, path) == 0;

	unlink(path);
	return ok;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(annex_d),  cmocka_unit_test(mutations),   cmocka_unit_test(times),
		cmocka_unit_test(who_asks), cmocka_unit_test(nobody_asks),
	};
	struct cursor scalar;
	int failed;

	vectors_or_skip();
	transcript = vector("derived_session_transcript");
	request = vector("annexd_device_request");
	response = vector("annexd_device_response");
	scalar = vector("annexd_ephemeral_reader_key_d");
	if (private_from_scalar(CURVE_P256, scalar.p, scalar.left, &reader.private) < 0 ||
	    fuda_context_new(&ctx) < 0 || fuda_mdoc_trust_new(ctx, &trust) < 0 ||
	    fuda_mdoc_profiles_new(ctx, NULL, &profiles) < 0 ||
	    !believe(fuda_mdoc_trust_add_file, "annexd_iaca_root_cert") ||
	    !believe(fuda_mdoc_trust_add_reader_file, "annexd_reader_root_cert"))
		return 1;
	failed = RUN(tests);
	fuda_mdoc_profiles_free(&profiles);
	fuda_mdoc_trust_free(&trust);
	fuda_context_free(&ctx);
	private_free(&reader.private);
	return failed;
}
