/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that come with credentials and requests, one or more behind each other: what nothing
 * was found against is what its issuer signed. And revocation lists. */
#include "tests/fuzz/fuzz.h"

#include <time.h>
#include "mdoc/chain.h"
#include "mdoc/issuer-list.h"
#include "mdoc/judged.h"
#include "tests/mdoc-certs.h"
#include "tests/vectors.h"

#define ANNEX_D_TIME ((time_t)1609459200) /* 2021-01-01 */

static struct fuda_context *ctx;
static struct fuda_mdoc_trust *trust;
static struct fuda_buf originals[8]; /* whose signed part may be taken */
static size_t original_count;
static struct fuda_buf list; /* likewise */

static void tidy(void)
{
	fuda_mdoc_trust_free(&trust);
	fuda_context_free(&ctx);
	for (size_t i = 0; i < original_count; i++)
		fuda_buf_free(&originals[i]);
	fuda_buf_free(&list);
}

static void add_original(const uint8_t *der, size_t len)
{
	struct fuda_buf *to = &originals[original_count++];

	*to = TEST_BUF;
	if (fuda_buf_append(to, der, len) < 0)
		abort();
}

static void add_plan(const struct cert_plan *plan)
{
	struct fuda_buf der = TEST_BUF;

	cert_make(plan, &der);
	add_original(der.data, der.len);
	fuda_buf_free(&der);
}

/* The certificates of Annex D, where they are at hand. */
static void add_annex_d(void)
{
	static const char *const leaves[] = { "annexd_ds_cert", "annexd_reader_cert" };
	FILE *f = fopen(vector_path("annexd_ds_cert.hex"), "r");

	if (!f)
		return;
	fclose(f);
	believe_der(trust, vector("annexd_iaca_root_cert"), false);
	believe_der(trust, vector("annexd_reader_root_cert"), true);
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct cursor der = vector(leaves[i]);

		add_original(der.p, der.left);
	}
}

static void make_originals(void)
{
	struct cert_plan root = plan_mdoc(CERT_ROOT), ca = plan_mdoc(CERT_READER_CA);
	struct cert_plan ds = plan_mdoc(CERT_DS), reader = plan_mdoc(CERT_READER);
	struct cert_plan link = plan_mdoc(CERT_LINK),
			 next = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT);
	struct crl_plan crl = plan_iaca_crl();

	if (ctx)
		return;
	if (fuda_context_new(&ctx) < 0 || fuda_mdoc_trust_new(ctx, &trust) < 0)
		abort();
	atexit(tidy);
	believe_mdoc(trust, &root, false);
	ca.field[F_BC] = CONSTRAINTS("0101FF");
	believe_mdoc(trust, &ca, true);
	add_plan(&ds);
	add_plan(&reader);
	add_plan(&next);
	add_plan(&link);
	list = TEST_BUF;
	crl_make(&crl, &list);
	add_annex_d();
}

/* The signed part: the first object inside. */
static struct cursor signed_part(struct cursor der)
{
	struct tlv whole = { 0 }, tbs = { 0 };

	if (tlv_next_der(&der, &whole) < 0 || tlv_next_der(&whole.value, &tbs) < 0)
		return cur_of(NULL, 0);
	return tbs.whole;
}

static bool is_original(struct cursor der)
{
	const struct cursor tbs = signed_part(der);

	for (size_t i = 0; i < original_count; i++) {
		struct cursor own = signed_part(cur_of(originals[i].data, originals[i].len));

		if (own.left == tbs.left && memcmp(own.p, tbs.p, tbs.left) == 0)
			return true;
	}
	return false;
}

static void judge_chain(enum chain_role role, const struct cursor *chain, size_t count, time_t at)
{
	const struct chain_policy policy = { .at = at, .crl = FUDA_MDOC_CRL_SOFT };
	struct fuda_mdoc_findings findings = { 0 };
	struct chain_verdict verdict;

	if (chain_judge(trust, role, chain, count, &policy, &findings, &verdict) < 0)
		abort();
	for (size_t i = 0; findings.count == 0 && i < count; i++)
		if (!is_original(chain[i]))
			abort();
	if (findings.count == 0 && (!verdict.leaf || !verdict.root))
		abort();
	if (verdict.leaf && verdict.leaf->len != chain[0].left)
		abort();
	chain_verdict_release(&verdict);
}

static void judge_profile(struct cursor der)
{
	for (enum cert_role role = 0; role < CERT_ROLES; role++) {
		struct fuda_mdoc_findings findings = { 0 };
		struct cert_profile profile;
		struct fuda_cert *cert;

		if (cert_profile_judge(ctx, role, der, &findings, &profile, &cert) < 0 ||
		    (!cert && !findings.count))
			abort();
		fuda_cert_free(&cert);
	}
}

static void judge_list(struct cursor der)
{
	const struct cursor tbs = signed_part(der), own = signed_part(cur_of(list.data, list.len));
	struct issuer_list *read = NULL;

	if (issuer_list_read(ctx, der, &read) == 0)
		issuer_list_free(&read);
	if (fuda_mdoc_trust_add_crl(trust, der.p, der.left) == 0 && der.left && *der.p == 0x30 &&
	    (tbs.left != own.left || memcmp(tbs.p, own.p, own.left) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len), chain[COSE_CHAIN_MAX];
	size_t count = 0;

	make_originals();
	while (c.left && count < COSE_CHAIN_MAX) {
		struct cursor at = c;
		struct tlv t;

		if (count == COSE_CHAIN_MAX - 1 || tlv_next_der(&c, &t) < 0) {
			chain[count++] = at; /* the rest, whatever it is */
			break;
		}
		chain[count++] = t.whole;
	}
	for (enum chain_role role = CHAIN_DS; role <= CHAIN_READER && count; role++) {
		judge_chain(role, chain, count, TEST_NOW);
		judge_chain(role, chain, count, ANNEX_D_TIME);
	}
	judge_profile(cur_of(data, len));
	judge_list(cur_of(data, len));
	return 0;
}

static void fuzz_seeds(void)
{
	static const struct {
		enum cert_field field;
		const char *notation;
	} changes[] = {
		{ F_EXTRA, "30{<2.5.29.33>04{30{30{<1.2.3><1.2.4>}}}}" },
		{ F_EXTRA, "30{<1.2.3.4>0101FF04{0500}}" },
		{ F_BC, CONSTRAINTS("0101FF020100") },
		{ F_EKU, PURPOSE("<1.0.18013.5.1.2><1.0.18013.5.1.6>") },
		{ F_CRL_POINTS, CRL_POINTS_AT("30{A0{A0{86{'x'}}}81020106A2{A4{" DS_NAME "}}}") },
		{ F_SUBJECT, "30{31{30{<2.5.4.6>13{'JP'}}30{<2.5.4.8>0C{'Tokyo'}}}}" },
	};
	struct fuda_buf both = TEST_BUF, der = TEST_BUF;

	make_originals();
	for (size_t i = 0; i < original_count; i++)
		fuzz_seed(originals[i].data, originals[i].len);
	fuzz_seed(list.data, list.len);
	/* the link comes along */
	if (fuda_buf_append(&both, originals[2].data, originals[2].len) < 0 ||
	    fuda_buf_append(&both, originals[3].data, originals[3].len) < 0)
		abort();
	fuzz_seed(both.data, both.len);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		cert_make_with(plan_mdoc(CERT_DS), changes[i].field, changes[i].notation, &der);
		fuzz_seed(der.data, der.len);
	}
	fuzz_seed_hex("30 80 30 80 00 00 00 00");
	fuda_buf_free(&both);
	fuda_buf_free(&der);
}
