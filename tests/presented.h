/* SPDX-License-Identifier: Apache-2.0 */
/* A credential that was issued under a root that is believed, asked for and presented: for programs
 * that judge it. These abort where they cannot do what they are asked. */
#ifndef TESTS_PRESENTED_H
#define TESTS_PRESENTED_H

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "mdoc/issue.h"
#include "mdoc/key.h"
#include "mdoc/response.h"
#include "mdoc/session.h"
#include "tests/mdoc-certs.h"

struct presented {
	struct fuda_context *ctx;
	struct fuda_mdoc_trust *trust;
	struct fuda_mdoc_profiles *profiles; /* by which values are judged; none unless made */
	struct private_key *ds, *device;
	struct fuda_mdoc_key reader; /* ephemeral */
	struct fuda_buf certificate, issued, request, response;
};

static const uint8_t presented_transcript[] = { 0x83, 0xF6, 0xF6, 0xF6 };
#define PRESENTED_DOCTYPE "org.iso.23220.1.jp.mnc"

static inline void presented_insist(bool good)
{
	if (!good)
		abort();
}

static inline struct cursor presented_text(const char *s)
{
	return cur_of((const uint8_t *)s, strlen(s));
}

static inline struct document_signer presented_ds(struct presented *p)
{
	return (struct document_signer){
		.signer = private_signer(p->ds),
		.certificate = cur_of(p->certificate.data, p->certificate.len),
		.not_before = TEST_NOW - 40 * 86400,
		.not_after = TEST_NOW + 40 * 86400,
	};
}

/* Appends IssuerSigned: six elements, 30 days. */
static inline int presented_issue(struct presented *p, struct fuda_buf *ret)
{
	static const uint8_t yes[] = { 0xF5 }, one[] = { 0x01 };
	static const uint8_t hanako[] = { 0x6C, 0xE7, 0x95, 0xAA, 0xE5, 0x8F, 0xB7,
					  0xE8, 0x8A, 0xB1, 0xE5, 0xAD, 0x90 };
	static const uint8_t born[] = { 0x6A, '1', '9', '7', '1', '-', '0', '9', '-', '0', '1' };
	static const uint8_t chiyoda[] = { 0x6C, 0xE5, 0x8D, 0x83, 0xE4, 0xBB, 0xA3,
					   0xE7, 0x94, 0xB0, 0xE5, 0x8C, 0xBA };
	static const uint8_t female[] = { 0x63, 0xE5, 0xA5, 0xB3 };
#define VALUE(bytes)                 \
	{                            \
		bytes, sizeof(bytes) \
	}
	static const struct issue_element elements[] = {
		{ "org.iso.23220.1", "age_over_20", VALUE(yes) },
		{ "org.iso.23220.1", "sex", VALUE(one) },
		{ "org.iso.23220.1.jp", "full_name_unicode", VALUE(hanako) },
		{ "org.iso.23220.1.jp", "birth_date_unicode", VALUE(born) },
		{ "org.iso.23220.1.jp", "resident_address_unicode", VALUE(chiyoda) },
		{ "org.iso.23220.1.jp", "sex_unicode", VALUE(female) },
	};
#undef VALUE
	const struct document_signer ds = presented_ds(p);
	const struct credential what = {
		.doctype = PRESENTED_DOCTYPE,
		.elements = elements,
		.element_count = ARRAY_SIZE(elements),
		.device_key = private_public(p->device),
		.at = TEST_NOW - 86400,
		.days = 30,
	};

	return issue(&ds, &what, ret);
}

/* Appends DeviceResponse, proved by a signature or by a MAC. */
static inline int presented_answer(struct presented *p, bool by_mac, struct fuda_buf *ret)
{
	const struct cursor transcript = cur_of(presented_transcript, sizeof(presented_transcript));
	static struct device_request request; /* too big for the stack */
	uint8_t mac_key[HMAC_BYTES];
	const struct held held = {
		.doctype = presented_text(PRESENTED_DOCTYPE),
		.issuer_signed = cur_of(p->issued.data, p->issued.len),
		.device = private_signer(p->device),
		.mac_key = by_mac ? mac_key : NULL,
	};
	int r = session_mac_key(p->device, private_public(p->reader.private), transcript, mac_key);

	if (r == 0)
		r = request_read(cur_of(p->request.data, p->request.len), &request);
	return r < 0 ? r : response_put(&request, &held, 1, transcript, NULL, NULL, ret);
}

static inline void presented_ask(struct presented *p)
{
	static const char *const wishes[][2] = {
		{ "org.iso.23220.1", "age_over_20" },
		{ "org.iso.23220.1.jp", "full_name_unicode" },
		{ "org.iso.23220.1.jp", "resident_address_unicode" },
	};
	static struct doc_request d;

	d = (struct doc_request){ .doctype = presented_text(PRESENTED_DOCTYPE) };
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++)
		d.elements[d.element_count++] =
			(struct wanted_element){ presented_text(wishes[i][0]),
						 presented_text(wishes[i][1]), false };
	presented_insist(request_put(&d, 1, NULL, cur_of(NULL, 0), &p->request) == 0);
}

/* One who believes in the root and has judged nothing yet. */
static inline struct fuda_mdoc_trust *presented_trust(struct presented *p)
{
	struct cert_plan root = plan_mdoc(CERT_ROOT);
	struct fuda_mdoc_trust *trust;

	presented_insist(fuda_mdoc_trust_new(p->ctx, &trust) == 0);
	believe_mdoc(trust, &root, false);
	return trust;
}

static inline void presented_make(struct presented *p)
{
	struct cert_plan ds = plan_mdoc(CERT_DS);
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;

	*p = (struct presented){ .certificate = TEST_BUF,
				 .issued = FUDA_BUF_INIT(CBOR_MAX),
				 .request = FUDA_BUF_INIT(REQUEST_MAX),
				 .response = FUDA_BUF_INIT(RESPONSE_MAX) };
	presented_insist(fuda_context_new(&p->ctx) == 0);
	p->trust = presented_trust(p);
	cert_make(&ds, &p->certificate);
	test_private(KEY_DS, &pem);
	presented_insist(private_read(pem.data, pem.len, &p->ds) == 0 &&
			 private_new(CURVE_P256, &p->device) == 0 &&
			 private_new(CURVE_P256, &p->reader.private) == 0 &&
			 presented_issue(p, &p->issued) == 0);
	presented_ask(p);
	presented_insist(presented_answer(p, false, &p->response) == 0);
}

/* Judges a response by `trust`; errors of fuda_mdoc_verify(). */
static inline int presented_judge(struct presented *p, struct fuda_mdoc_trust *trust,
				  const uint8_t *bytes, size_t len, struct fuda_mdoc_result **ret)
{
	const struct fuda_mdoc_policy policy = { .at = TEST_NOW };
	const struct fuda_mdoc_session session = {
		.transcript = { presented_transcript, sizeof(presented_transcript) },
		.reader = &p->reader,
		.request = { p->request.data, p->request.len },
	};

	return fuda_mdoc_verify(p->ctx, trust, p->profiles, &policy, &session, bytes, len, ret);
}

static inline void presented_free(struct presented *p)
{
	struct fuda_buf *bufs[] = { &p->certificate, &p->issued, &p->request, &p->response };

	for (size_t i = 0; i < ARRAY_SIZE(bufs); i++)
		fuda_buf_free(bufs[i]);
	private_free(&p->ds);
	private_free(&p->device);
	private_free(&p->reader.private);
	fuda_mdoc_profiles_free(&p->profiles);
	fuda_mdoc_trust_free(&p->trust);
	fuda_context_free(&p->ctx);
}

#endif
