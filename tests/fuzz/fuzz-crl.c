/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists, as they come from a file; and their entries alone, as nothing that was changed
 * gets past the signature. */
#include "tests/fuzz/fuzz.h"

#include <fuda/encode.h>
#include "base/util.h"
#include "pki/crl-list.h"
#include "tests/crls.h"

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static struct fuda_buf originals[2]; /* all that may be taken, in DER */

static void tidy(void)
{
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		fuda_buf_free(&originals[i]);
}

static void make_originals(void)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct crl_plan plan = plan_crl();

	if (ctx)
		return;
	if (fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &trust) < 0)
		abort();
	atexit(tidy);
	believe(trust, &ca);
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		originals[i] = TEST_BUF;
	crl_make(&plan, &originals[0]);
	crl_make_with(plan, L_EXTRA,
		      CRL_POINT("A0{A0{A4{30{31{30{<2.5.4.3>0C{'Minato-ku CRLDP'}}}}}}}8101FF"),
		      &originals[1]);
}

/* In DER, or as PEM with whatever around it. */
static int is_original(const uint8_t *data, size_t len)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	const char *p = (const char *)data;
	size_t left = len;

	if (len && *data != 0x30 && fuda_pem_decode("X509 CRL", &p, &left, &der) == 0) {
		data = der.data;
		len = der.len;
	}
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		if (originals[i].len == len && memcmp(originals[i].data, data, len) == 0)
			return 1;
	return 0;
}

/* In order, each of them found, and nothing that is not there. */
static void judge(const struct crl_list *list)
{
	static const uint8_t zero[1];

	for (size_t i = 0; i < list->count; i++) {
		const struct crl_record *r = &list->records[i];
		const struct crl_record *found =
			crl_list_find(list, cur_of(r->serial, sizeof(r->serial)));

		if (!found || found > r || memcmp(found->serial, r->serial, sizeof(r->serial)) != 0)
			abort();
		if (i && memcmp(r - 1, r, sizeof(*r) - 1) >= 0)
			abort();
	}
	if (crl_list_find(list, cur_of(zero, 1)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct crl_list list = { 0 };
	struct crl *crl = NULL;

	make_originals();
	if ((crl_load(ctx, trust, data, len, &crl) == 0) != is_original(data, len))
		abort();
	crl_free(&crl);
	if (crl_list_read(cur_of(data, len), &list) == 0)
		judge(&list);
	else if (list.records)
		abort();
	crl_list_free(&list);
	return 0;
}

static void fuzz_seeds(void)
{
	static const struct {
		enum crl_field field;
		const char *notation;
	} changes[] = {
		{ L_EXTRA, CRL_POINT("A0{A1{30{<2.5.4.3>0C{'x'}}}}") },
		{ L_EXTRA, "30{<2.5.29.27>0101FF04{020101}}" },
		{ L_AKI, "30{<2.5.29.35>04{30{A1{82{'x'}}820101}}}" },
		{ L_THIS, "18{'20500101000000Z'}" },
		{ L_ALGORITHM, "30{<1.2.840.10045.4.3.3>}" },
	};
	static const char *const entries[] = {
		"",
		CRL_ENTRY("05"),
		CRL_ENTRY("09") CRL_REASON("05", "01") CRL_REASON("05", "04"),
		CRL_ENTRY("7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF") CRL_ENTRY("0080"),
		("30{02{05}18{'20500101000000Z'}30{30{<2.5.29.21>0101FF04{0A0104}}"
		 "30{<2.5.29.24>04{18{'20261001000000Z'}}}30{<1.2.3>04{0500}}}}"),
	};
	struct fuda_buf der = TEST_BUF;

	make_originals();
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		fuzz_seed(originals[i].data, originals[i].len);
	if (fuda_pem_encode("X509 CRL", originals[0].data, originals[0].len, &der) < 0)
		abort();
	fuzz_seed(der.data, der.len);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		crl_make_with(plan_crl(), changes[i].field, changes[i].notation, &der);
		fuzz_seed(der.data, der.len);
	}
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		fuda_buf_clear(&der);
		der_write(&der, entries[i]);
		fuzz_seed(der.data, der.len);
	}
	fuzz_seed_hex("30 80 30 80 00 00 00 00");
	fuzz_seed_hex("30 84 FF FF FF FF 30");
	fuda_buf_free(&der);
}
