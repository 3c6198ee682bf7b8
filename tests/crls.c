/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crls.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <fuda/encode.h>

#include "base/util.h"
#include "pki/crl.h"

static void put(struct fuda_buf *out, const void *bytes, size_t len)
{
	if (fuda_buf_append(out, bytes, len) < 0)
		abort();
}

/* Of any length, which der_write() does not do. */
static void wrap(struct fuda_buf *out, uint8_t tag, const struct fuda_buf *content)
{
	uint8_t head[6] = { tag, (uint8_t)content->len };
	size_t n = 0;

	if (content->len > 0x7F) {
		while (n < 4 && content->len >> 8 * n)
			n++;
		head[1] = (uint8_t)(0x80 | n);
		for (size_t i = 0; i < n; i++)
			head[2 + i] = (uint8_t)(content->len >> 8 * (n - 1 - i));
	}
	put(out, head, 2 + n);
	put(out, content->data, content->len);
}

struct crl_plan plan_crl(void)
{
	return (struct crl_plan){
		.field = {
			[L_VERSION] = "020101",
			[L_ALGORITHM] = ALGORITHM_SHA256,
			[L_ISSUER] = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA).field[F_ISSUER],
			[L_THIS] = "17{'261119180000Z'}",
			[L_NEXT] = "17{'261121180000Z'}",
			[L_ENTRIES] = CRL_REASON("01A2B3C4", "01") CRL_ENTRY("05") CRL_ENTRY("0080"),
			[L_NUMBER] = "30{<2.5.29.20>04{020101}}",
			[L_EXTRA] = "",
			[L_BEHIND] = "",
		},
		.signer = KEY_AUTH_CA,
		.hash = FUDA_SHA256,
	};
}

static void put_extensions(const struct crl_plan *plan, struct fuda_buf *out)
{
	_cleanup_buf_ struct fuda_buf list = TEST_BUF;
	char aki[128];

	snprintf(aki, sizeof(aki), "30{<2.5.29.35>04{30{80{%s}}}}", test_key_id(plan->signer));
	der_write(&list, plan->field[L_AKI] ? plan->field[L_AKI] : aki);
	der_write(&list, plan->field[L_NUMBER]);
	der_write(&list, plan->field[L_EXTRA]);
	if (list.len)
		der_write(out, "A0{30{$}}", &list);
}

static void put_entries(const struct crl_plan *plan, struct fuda_buf *out)
{
	_cleanup_buf_ struct fuda_buf entries = TEST_BUF;

	if (!plan->entries)
		der_write(&entries, plan->field[L_ENTRIES]);
	if (plan->entries || entries.len)
		wrap(out, 0x30, plan->entries ? plan->entries : &entries);
}

void crl_make(const struct crl_plan *plan, struct fuda_buf *ret_der)
{
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(CRL_MAX);
	_cleanup_buf_ struct fuda_buf tbs = FUDA_BUF_INIT(CRL_MAX);
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	const char *outer = plan->field[L_OUTER_ALGORITHM];
	struct fuda_digest digest;

	for (size_t f = L_VERSION; f <= L_NEXT; f++)
		der_write(&body, plan->field[f]);
	put_entries(plan, &body);
	put_extensions(plan, &body);
	der_write(&body, plan->field[L_BEHIND]);
	wrap(&tbs, 0x30, &body);
	if (fuda_digest_bytes(plan->hash, tbs.data, tbs.len, &digest) < 0)
		abort();
	test_sign(plan->signer, FUDA_PKCS1, &digest, &signature);
	der_write(&tbs, outer ? outer : plan->field[L_ALGORITHM]);
	der_write(&tbs, plan->field[L_SIGNATURE] ? plan->field[L_SIGNATURE] : "03{00$}",
		  &signature);
	fuda_buf_clear(ret_der);
	wrap(ret_der, 0x30, &tbs);
}

void crl_make_with(struct crl_plan plan, enum crl_field field, const char *notation,
		   struct fuda_buf *ret_der)
{
	plan.field[field] = notation;
	crl_make(&plan, ret_der);
}

void crl_put_entry(struct fuda_buf *out, uint32_t serial)
{
	uint8_t entry[] = "\x30\x15\x02\x04"
			  "nnnn"
			  "\x17\x0D"
			  "261101000000Z";

	for (size_t i = 0; i < 4; i++)
		entry[4 + i] = (uint8_t)(serial >> 8 * (3 - i));
	if (entry[4] > 0x7F || (entry[4] == 0 && entry[5] < 0x80))
		abort(); /* not four bytes long */
	put(out, entry, sizeof(entry) - 1);
}

void believe(struct fuda_trust *trust, const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	char path[] = "/tmp/fuda-believe-XXXXXX";
	int fd = mkstemp(path);

	cert_make(plan, &der);
	if (fd < 0 || fuda_pem_encode("CERTIFICATE", der.data, der.len, &pem) < 0 ||
	    write(fd, pem.data, pem.len) != (ssize_t)pem.len || close(fd) < 0 ||
	    fuda_trust_add_file(trust, path) < 0 || unlink(path) < 0)
		abort();
}
