/* SPDX-License-Identifier: Apache-2.0 */
/* The files of roots, links and CAs of readers. */
#include "mdoc/trust.h"

#include <fuda/encode.h>
#include "tests/mdoc-stand.h"
#include "tests/scratch.h"

static void put_pem(struct fuda_buf *pem, const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	cert_make(plan, &der);
	assert_int_equal(fuda_pem_encode("CERTIFICATE", der.data, der.len, pem), 0);
}

/* Writes it to a file and adds that. */
static int add_bytes(const void *bytes, size_t len, bool reader)
{
	FILE *f = fopen(scratch_path("file"), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	return reader ? fuda_mdoc_trust_add_reader_file(trust, scratch_path("file")) :
			fuda_mdoc_trust_add_file(trust, scratch_path("file"));
}

static size_t count(void)
{
	size_t n = 0;

	while (trust_anchor_at(trust, n))
		n++;
	return n;
}

/* By what they are, each once. */
static void sorted(void **state)
{
	struct cert_plan next = plan_next_root(), link = plan_mdoc(CERT_LINK);
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;

	(void)state;
	put_pem(&pem, &link);
	put_pem(&pem, &next);
	assert_int_equal(add_bytes(pem.data, pem.len, false), 0);
	assert_int_equal(count(), 4);
	assert_int_equal(trust_anchor_at(trust, 0)->role, CERT_ROOT);
	assert_int_equal(trust_anchor_at(trust, 1)->role, CERT_READER_CA);
	assert_int_equal(trust_anchor_at(trust, 2)->role, CERT_LINK);
	assert_int_equal(trust_anchor_at(trust, 3)->role, CERT_ROOT);
	assert_int_equal(add_bytes(pem.data, pem.len, false), 0);
	assert_int_equal(count(), 4);
	for (size_t i = 0; i < count(); i++)
		assert_int_equal(trust_anchor_at(trust, i)->findings.count, 0);
	/* as a CA of readers it is another */
	assert_int_equal(add_bytes(pem.data, pem.len, true), 0);
	assert_int_equal(count(), 6);
}

/* All of a file or nothing, and a message that says which. */
static void refused(void **state)
{
	struct cert_plan next = plan_next_root(), ds = plan_mdoc(CERT_DS),
			 no_ski = plan_next_root();
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF, der = TEST_BUF;

	(void)state;
	put_pem(&pem, &next);
	put_pem(&pem, &ds);
	assert_int_equal(add_bytes(pem.data, pem.len, false), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "Certificate 2 of "));
	no_ski.field[F_SKI] = "";
	cert_make(&no_ski, &der);
	assert_int_equal(add_bytes(der.data, der.len, false), FUDA_EFORMAT);
	assert_int_equal(add_bytes(der.data, der.len - 1, true), FUDA_EFORMAT);
	assert_int_equal(add_bytes("", 0, false), FUDA_ENOTFOUND);
	assert_int_equal(add_bytes("x", 1, false), FUDA_ENOTFOUND);
	assert_int_equal(fuda_mdoc_trust_add_file(trust, scratch), FUDA_EFILE);
	assert_int_equal(fuda_mdoc_trust_add_file(trust, "/nonexistent"), FUDA_EFILE);
	assert_int_equal(count(), 2);
}

static void too_many(void **state)
{
	int r = 0;

	(void)state;
	for (unsigned i = 0; r == 0 && i < 100; i++) {
		struct cert_plan plan = plan_next_root();
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;

		cert_make(&plan, &der); /* signed anew each time, so another */
		r = add_bytes(der.data, der.len, false);
	}
	assert_int_equal(r, FUDA_ETOOBIG);
	assert_int_equal(count(), 64);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, stand_setup, stand_teardown)
	const struct CMUnitTest tests[] = { T(sorted), T(refused), T(too_many) };
#undef T

	return cmocka_run_group_tests_name(__FILE__, tests, scratch_setup, scratch_teardown);
}
