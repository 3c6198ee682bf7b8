/* SPDX-License-Identifier: Apache-2.0 */
/* Issuing while each of its own allocations fails once: an error that says so, nothing half made.
 */
#include <stdio.h>

#include "pki/private.h"
#include "tests/profile-stand.h"
#include "tests/scarce.h"

#define NOW 1795305600
enum { ENOUGH = 3000 };

static struct private_key *signing, *device;
static struct fuda_mdoc_attributes *hanako;

static int setup(void **state)
{
	static const uint8_t face[] = { 0xFF, 0x4F, 0xFF, 0x51 };
	static const char *const all[][2] = {
		{ "name", "番号　花子" },       { "address", "東京都千代田区霞が関２丁目１番２号" },
		{ "birth_date", "1971-09-01" }, { "sex", "female" },
		{ "local_gov_code", "01100" },  { "individual_number", "123456789018" },
	};

	if (profile_setup(state) < 0 || private_new(CURVE_P256, &signing) < 0 ||
	    private_new(CURVE_P256, &device) < 0 || fuda_mdoc_attributes_new(ctx, &hanako) < 0 ||
	    fuda_mdoc_attributes_set_portrait(ctx, hanako, face, sizeof(face)) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (fuda_mdoc_attributes_set(ctx, hanako, all[i][0], all[i][1]) < 0)
			return -1;
	scratch_write("hanako", "name = 番号　花子\nsex = female\nportrait = face\nmotto = x\n",
		      0600);
	scratch_write("face", "\xFF\x4F\xFF\x51 and so on", 0600);
	return 0;
}

static int teardown(void **state)
{
	fuda_mdoc_attributes_free(&hanako);
	private_free(&signing);
	private_free(&device);
	return profile_teardown(state);
}

/* Calls `f` until it succeeds, with one allocation more before the failing one each time. */
static void run_out(int (*f)(void))
{
	long failed = 0;
	int e;

	do {
		before_failure = failed;
		e = f();
		before_failure = -1;
		assert_true(e == 0 || e == FUDA_ENOMEM);
		failed += e < 0;
		assert_true(failed < ENOUGH);
	} while (e < 0);
	assert_true(failed > 1);
}

static int read_profiles(void)
{
	struct fuda_mdoc_profiles *all = NULL;
	int e = fuda_mdoc_profiles_new(ctx, NULL, &all);

	assert_true(e == 0 ? profiles_count(all) == 2 : !all);
	fuda_mdoc_profiles_free(&all);
	return e;
}

static int read_attributes(void)
{
	struct fuda_mdoc_attributes *a = NULL;
	struct cursor value;
	int e = fuda_mdoc_attributes_new(ctx, &a);

	if (e < 0) {
		assert_null(a);
		return e;
	}
	e = fuda_mdoc_attributes_read(ctx, a, scratch_path("hanako"));
	assert_int_equal(attributes_get(a, "name", &value), e == 0 ? 0 : FUDA_ENOTFOUND);
	assert_int_equal(attributes_get(a, "motto", &value), e == 0 ? 0 : FUDA_ENOTFOUND);
	fuda_mdoc_attributes_free(&a);
	return e;
}

static int make_elements(void)
{
	struct element_set set = { 0 };
	int e = profile_elements(ctx, profiles_named(shipped, "deployed-2025"), hanako, NOW, &set);

	assert_true(e == 0 ? set.count == 18 : set.count == 0);
	element_set_free(&set);
	return e;
}

static int issue_one(void)
{
	static const uint8_t one[] = { 1 };
	const struct document_signer ds = {
		.signer = private_signer(signing),
		.certificate = cur_of(one, sizeof(one)),
		.not_after = NOW + 86400,
	};
	const struct issue_element element = { "space", "name", { one, sizeof(one) } };
	const struct credential what = {
		.doctype = "d",
		.elements = &element,
		.element_count = 1,
		.device_key = private_public(device),
		.at = NOW,
		.days = 1,
		.decoys = 2,
	};
	_cleanup_buf_ struct fuda_buf issued = FUDA_BUF_INIT(CBOR_MAX);
	int e = issue(&ds, &what, &issued);

	assert_true(e == 0 ? issued.len > 0 : issued.len == 0);
	return e;
}

#define RUNS_OUT(f)                            \
	static void f##_runs_out(void **state) \
	{                                      \
		(void)state;                   \
		run_out(f);                    \
	}
RUNS_OUT(read_profiles)
RUNS_OUT(read_attributes)
RUNS_OUT(make_elements)
RUNS_OUT(issue_one)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_profiles_runs_out),
		cmocka_unit_test(read_attributes_runs_out),
		cmocka_unit_test(make_elements_runs_out),
		cmocka_unit_test(issue_one_runs_out),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
