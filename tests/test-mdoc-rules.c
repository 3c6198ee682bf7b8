/* SPDX-License-Identifier: Apache-2.0 */
/* Checks C1 and C7 to C20 of mdoc.md 2.3: a response that is good, and for each rule one that
 * breaks it and no other. (C2 to C6: test-chain.c.) */
#include <fuda/mdoc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mdoc/key.h"
#include "mdoc/response.h"
#include "mdoc/session.h"
#include "tests/mdoc-stand.h"

#define MNC    "org.iso.23220.1.jp.mnc"
#define MDL    "org.iso.18013.5.1.mDL"
#define JP     "org.iso.23220.1.jp"
#define GLOBAL "org.iso.23220.1"
#define DAY    86400

enum { MAX = 1 << 18, ITEMS = 4 };

/* What is wrong with a response. */
enum fault {
	GOOD,
	NO_CBOR,
	RESPONSE_VERSION,
	STATUS,
	NO_DOCUMENTS,
	TWICE,         /* the document */
	OTHER_DOCTYPE, /* the whole */
	ALGORITHM,
	SIGNATURE,
	MSO_VERSION,
	HASH,
	NO_DIGESTS,
	SHORT_DIGEST,
	NO_DEVICE_KEY,
	OTHER_MSO_DOCTYPE,
	BOTH_KEY_LISTS, /* what the issuer signed */
	FRACTION,
	OFFSET,
	NO_TAG,
	NO_DAY,
	ORDER,
	EMPTY_LIFE,
	EARLY,
	LATE,
	BEFORE_SIGNER,
	LONG,
	STATUS_LIST,
	MOVED,
	NO_SUCH_SPACE,
	ITEM_FORM,
	NO_DIGEST,
	DIGEST,
	ID_TWICE,
	ELEMENT_TWICE,
	RANDOM,
	NO_PROOF,
	TWO_PROOFS,
	KEY_TYPE,
	KEY_OFF_CURVE,
	DEVICE_ALGORITHM,
	DEVICE_KEY,
	SESSION,
	PAYLOAD,
	BY_MAC,
	MAC,
	MAC_PAYLOAD,
	MAC_ALGORITHM,
	DEVICE_SAYS,
	DEVICE_MAY_SAY,
	DEVICE_SAYS_MUCH,
	DEVICE_SAYS_TOO_MUCH,
	ELEMENT_LISTED,
	OTHER_ELEMENT_LISTED,
	LISTED_ELSEWHERE, /* what the phone says */
	KEY_SPACES_FORM,
	KEY_SPACE_FORM,
	KEY_ELEMENTS_FORM,
	KEY_LIST_FORM,
	KEY_ELEMENT_FORM,
	AGE_ABOVE,
	AGE_BELOW_YES,
	AGE_BELOW_NO,
	AGE_ABOVE_NO,
	MUCH_UNASKED,
	FLOAT,
	NUMBER,
	LICENCE,
	LICENCE_ABROAD,
};

static struct fuda_mdoc_profiles *profiles;
static struct private_key *device, *other_key, *ds_key;
static struct fuda_mdoc_key reader;
static struct fuda_buf ds_der, transcript, request;

static struct cursor cur(const struct fuda_buf *b)
{
	return cur_of(b->data, b->len);
}

static struct cursor text(const char *t)
{
	return cur_of((const uint8_t *)t, strlen(t));
}

/* ---- making one ---- */

struct making {
	enum fault fault;
	struct fuda_buf items[ITEMS]; /* IssuerSignedItemBytes */
	struct fuda_buf mso, issuer_auth, device_signed;
	const char *doctype, *mso_doctype;
};

static bool is_licence(enum fault fault)
{
	return fault == LICENCE || fault == LICENCE_ABROAD;
}

static const char *second_space(enum fault fault)
{
	return is_licence(fault) ? "org.iso.18013.5.1" : GLOBAL;
}

static void put_value(struct cbor_out *out, enum fault fault, size_t i)
{
	static const uint8_t as_float[] = { 0xFB, 0x42, 0x3C, 0xBE, 0x99, 0x1A, 0x14, 0, 0 };

	if (i == 2 && fault == FLOAT)
		cbor_put_raw(out, cur_of(as_float, sizeof(as_float)));
	else if (i == 2)
		cbor_put_text(out, fault == NUMBER ? "123456789012" : "123456789018");
	else if (i == 3 && fault == LICENCE_ABROAD)
		cbor_put_text(out, "US");
	else if (i == 3 && fault == LICENCE)
		cbor_put_text(out, "JP");
	else if (i == 3)
		cbor_put_bool(out, fault != AGE_BELOW_NO && fault != AGE_ABOVE_NO);
	else
		cbor_put_text(out, "番号花子");
}

static const char *name_of(enum fault fault, size_t i)
{
	static const char *const names[ITEMS] = { "full_name_unicode", "resident_address_unicode",
						  "individual_number_unicode", "age_over_20" };

	if (i == 1 && fault == ELEMENT_TWICE)
		return names[0];
	if (i == 3 && is_licence(fault))
		return "issuing_country";
	if (i == 3 && (fault == AGE_ABOVE || fault == AGE_ABOVE_NO))
		return "age_over_65";
	if (i == 3 && (fault == AGE_BELOW_YES || fault == AGE_BELOW_NO))
		return "age_over_18";
	return names[i];
}

static void make_item(struct making *m, size_t i)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(MAX);
	struct cbor_out out = CBOR_OUT(&bytes), tagged = CBOR_OUT(&m->items[i]);
	uint8_t random[32];

	memset(random, (int)i, sizeof(random));
	cbor_put_map(&out, m->fault == ITEM_FORM && i == 0 ? 3 : 4);
	cbor_put_text(&out, "digestID");
	cbor_put_uint(&out, m->fault == ID_TWICE && i == 1 ? 0 : i);
	cbor_put_text(&out, "random");
	cbor_put_bytes(&out, random, m->fault == RANDOM && i == 0 ? 15 : 16);
	if (!(m->fault == ITEM_FORM && i == 0)) {
		cbor_put_text(&out, "elementIdentifier");
		cbor_put_text(&out, name_of(m->fault, i));
	}
	cbor_put_text(&out, "elementValue");
	put_value(&out, m->fault, i);
	cbor_put_embedded(&tagged, cur(&bytes));
	assert_int_equal(out.failed | tagged.failed, 0);
	fuda_buf_free(&bytes);
}

static void put_digests(struct cbor_out *out, const struct making *m, const char *space,
			size_t from, size_t to)
{
	cbor_put_text(out, space);
	cbor_put_map(out, to - from);
	for (size_t i = from; i < to; i++) {
		struct fuda_digest digest;

		assert_int_equal(fuda_digest_bytes(FUDA_SHA256, m->items[i].data, m->items[i].len,
						   &digest),
				 0);
		/* of two items with one number, the digest can be that of one */
		cbor_put_uint(out, m->fault == NO_DIGEST && i == 0 ? 99 : i);
		if (m->fault == DIGEST && i == 0)
			digest.bytes[0] ^= 1;
		cbor_put_bytes(out, digest.bytes, m->fault == SHORT_DIGEST ? 31 : digest.len);
	}
}

static void put_time(struct cbor_out *out, const char *name, const char *value, bool tag)
{
	cbor_put_text(out, name);
	if (tag)
		cbor_put_tag(out, 0);
	cbor_put_text(out, value);
}

static void put_times(struct cbor_out *out, enum fault fault)
{
	const char *sign = "2026-11-19T00:00:00Z", *from = sign, *until = "2026-12-19T00:00:00Z";

	switch (fault) {
	case FRACTION:
		sign = "2026-11-19T00:00:00.5Z";
		break;
	case OFFSET:
		from = "2026-11-19T00:00:00+00:00";
		break;
	case NO_DAY:
		until = "2026-11-31T00:00:00Z";
		break;
	case ORDER:
		sign = "2026-11-19T12:00:00Z";
		break;
	case EMPTY_LIFE:
		until = from;
		break;
	case EARLY:
		from = "2026-11-21T00:00:00Z";
		until = "2026-12-21T00:00:00Z";
		break;
	case LATE:
		until = "2026-11-19T23:59:59Z";
		break;
	case BEFORE_SIGNER:
		sign = "2020-01-01T00:00:00Z";
		break;
	case LONG:
		until = "2026-12-19T00:00:01Z";
		break;
	default:
		break;
	}
	cbor_put_text(out, "validityInfo");
	cbor_put_map(out, 3);
	put_time(out, "signed", sign, fault != NO_TAG);
	put_time(out, "validFrom", from, true);
	put_time(out, "validUntil", until, true);
}

/* What the issuer lets the phone say: a namespace as a whole, or of one a single element. */
static const struct authorization {
	enum fault fault;
	const char *whole, *space, *element;
} authorizations[] = {
	{ DEVICE_MAY_SAY, GLOBAL, NULL, NULL },
	{ DEVICE_SAYS_MUCH, GLOBAL, NULL, NULL },
	{ DEVICE_SAYS_TOO_MUCH, GLOBAL, NULL, NULL },
	{ MUCH_UNASKED, GLOBAL, NULL, NULL },
	{ BOTH_KEY_LISTS, GLOBAL, GLOBAL, "age_over_20" },
	{ ELEMENT_LISTED, JP, GLOBAL, "age_over_20" },
	{ OTHER_ELEMENT_LISTED, NULL, GLOBAL, "age_over_21" },
	{ LISTED_ELSEWHERE, NULL, JP, "age_over_20" },
	{ KEY_SPACES_FORM, GLOBAL, NULL, NULL },
	{ KEY_SPACE_FORM, GLOBAL, NULL, NULL },
	{ KEY_ELEMENTS_FORM, NULL, GLOBAL, "age_over_20" },
	{ KEY_LIST_FORM, NULL, GLOBAL, "age_over_20" },
	{ KEY_ELEMENT_FORM, NULL, GLOBAL, "age_over_20" },
};

static const struct authorization *authorization_of(enum fault fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(authorizations); i++)
		if (authorizations[i].fault == fault)
			return &authorizations[i];
	return NULL;
}

/* Of the parts of another form each is just a text, but a text is a number. */
static void put_authorizations(struct cbor_out *out, const struct authorization *a)
{
	cbor_put_text(out, "keyAuthorizations");
	cbor_put_map(out, (a->whole != NULL) + (a->space != NULL));
	if (a->whole) {
		cbor_put_text(out, "nameSpaces");
		if (a->fault != KEY_SPACES_FORM)
			cbor_put_array(out, 1);
		if (a->fault == KEY_SPACE_FORM)
			cbor_put_uint(out, 1);
		else
			cbor_put_text(out, a->whole);
	}
	if (!a->space)
		return;
	cbor_put_text(out, "dataElements");
	if (a->fault != KEY_ELEMENTS_FORM) {
		cbor_put_map(out, 1);
		cbor_put_text(out, a->space);
		if (a->fault != KEY_LIST_FORM)
			cbor_put_array(out, 1);
	}
	if (a->fault == KEY_ELEMENT_FORM)
		cbor_put_uint(out, 1);
	else
		cbor_put_text(out, a->element);
}

static void put_device_key(struct cbor_out *out, enum fault fault)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(MAX);
	struct cbor_out inner = CBOR_OUT(&key);
	const struct authorization *may_say = authorization_of(fault);

	assert_int_equal(cose_key_put(&inner, private_public(device)), 0);
	if (fault == KEY_TYPE)
		key.data[2] = 3; /* a symmetric one, or what it may be */
	if (fault == KEY_OFF_CURVE)
		key.data[key.len - 1] ^= 1;
	cbor_put_text(out, "deviceKeyInfo");
	cbor_put_map(out, fault == NO_DEVICE_KEY ? 0 : may_say ? 2 : 1);
	if (fault == NO_DEVICE_KEY)
		return;
	cbor_put_text(out, "deviceKey");
	cbor_put_raw(out, cur(&key));
	if (may_say)
		put_authorizations(out, may_say);
}

static void make_mso(struct making *m)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(MAX);
	struct cbor_out out = CBOR_OUT(&bytes), tagged = CBOR_OUT(&m->mso);

	cbor_put_map(&out, m->fault == STATUS_LIST ? 7 : m->fault == NO_DIGESTS ? 5 : 6);
	cbor_put_text(&out, "version");
	cbor_put_text(&out, m->fault == MSO_VERSION ? "2.0" : "1.0");
	cbor_put_text(&out, "digestAlgorithm");
	cbor_put_text(&out, m->fault == HASH ? "SHA-1" : "SHA-256");
	if (m->fault != NO_DIGESTS) {
		cbor_put_text(&out, "valueDigests");
		cbor_put_map(&out, 2);
		/* the last element's digest stands in the first namespace */
		put_digests(&out, m, JP, 0, m->fault == MOVED ? 4 : 3);
		put_digests(&out, m, m->fault == NO_SUCH_SPACE ? "other" : second_space(m->fault),
			    m->fault == MOVED ? 2 : 3, m->fault == MOVED ? 3 : 4);
	}
	put_device_key(&out, m->fault);
	cbor_put_text(&out, "docType");
	cbor_put_text(&out, m->mso_doctype);
	put_times(&out, m->fault);
	if (m->fault == STATUS_LIST) {
		cbor_put_text(&out, "status");
		cbor_put_map(&out, 0);
	}
	cbor_put_embedded(&tagged, cur(&bytes));
	assert_int_equal(out.failed | tagged.failed, 0);
	fuda_buf_free(&bytes);
}

static void make_issuer_auth(struct making *m)
{
	struct cbor_out out = CBOR_OUT(&m->issuer_auth);
	struct signer signer = private_signer(m->fault == SIGNATURE ? other_key : ds_key);
	const struct cursor chain = cur(&ds_der);

	if (m->fault == ALGORITHM)
		signer.cose = COSE_ES384;
	assert_int_equal(cose_sign1_put(&out, &signer, &chain, 1, &PIECE(m->mso.data, m->mso.len),
					1, false),
			 0);
}

static size_t how_much_is_said(enum fault fault)
{
	switch (fault) {
	case DEVICE_SAYS:
	case DEVICE_MAY_SAY:
	case ELEMENT_LISTED:
	case OTHER_ELEMENT_LISTED:
	case LISTED_ELSEWHERE:
		return 1;
	case DEVICE_SAYS_MUCH:
		return RESPONSE_SAID_MAX;
	case DEVICE_SAYS_TOO_MUCH:
		return RESPONSE_SAID_MAX + 1;
	case MUCH_UNASKED:
		return FUDA_MDOC_FINDINGS_MAX + 1;
	default:
		return 0;
	}
}

/* {namespace: {element: value}} in tag 24. Ages of 20 and above answer what was asked. */
static void make_device_spaces(const struct making *m, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(MAX);
	struct cbor_out out = CBOR_OUT(&bytes), tagged = CBOR_OUT(ret);
	size_t count = how_much_is_said(m->fault);

	cbor_put_map(&out, count > 0);
	if (count) {
		cbor_put_text(&out, GLOBAL);
		cbor_put_map(&out, count);
	}
	for (size_t i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s_over_%zu",
			 m->fault == MUCH_UNASKED ? "years" : "age", 20 + i);
		cbor_put_text(&out, name);
		cbor_put_bool(&out, true);
	}
	cbor_put_embedded(&tagged, cur(&bytes));
}

static void put_signature(struct cbor_out *out, const struct making *m, const struct piece *bytes)
{
	struct signer signer = private_signer(m->fault == DEVICE_KEY ? other_key : device);

	if (m->fault == DEVICE_ALGORITHM)
		signer.cose = COSE_ES512;
	cbor_put_text(out, "deviceSignature");
	assert_int_equal(cose_sign1_put(out, &signer, NULL, 0, bytes, 1, m->fault != PAYLOAD), 0);
}

static void put_mac(struct cbor_out *out, const struct making *m, const struct piece *bytes)
{
	_cleanup_buf_ struct fuda_buf mac = FUDA_BUF_INIT(MAX);
	struct cbor_out inner = CBOR_OUT(&mac);
	uint8_t key[32];

	assert_int_equal(session_mac_key(device, private_public(reader.private), cur(&transcript),
					 key),
			 0);
	if (m->fault == MAC)
		key[0] ^= 1;
	assert_int_equal(cose_mac0_put(&inner, key, bytes, 1), 0);
	if (m->fault == MAC_ALGORITHM)
		mac.data[4] = 6; /* 84 43 A1 01 05: HMAC 384/384 */
	cbor_put_text(out, "deviceMac");
	if (m->fault != MAC_PAYLOAD) {
		cbor_put_raw(out, cur(&mac));
		return;
	}
	cbor_put_raw(out, cur_of(mac.data, 6)); /* array, protected, unprotected */
	cbor_put_bytes(out, "x", 1);
	cbor_put_raw(out, cur_of(mac.data + 7, mac.len - 7));
}

static bool is_mac(enum fault fault)
{
	return fault == BY_MAC || fault == MAC || fault == MAC_PAYLOAD || fault == MAC_ALGORITHM;
}

static void make_device_signed(struct making *m)
{
	_cleanup_buf_ struct fuda_buf spaces = FUDA_BUF_INIT(MAX), bytes = FUDA_BUF_INIT(MAX);
	struct cbor_out out = CBOR_OUT(&m->device_signed);
	struct piece piece;
	unsigned proofs = m->fault == NO_PROOF ? 0 : m->fault == TWO_PROOFS ? 2 : 1;

	make_device_spaces(m, &spaces);
	assert_int_equal(response_authentication(cur(&transcript), text(m->doctype), cur(&spaces),
						 &bytes),
			 0);
	if (m->fault == SESSION)
		bytes.data[40] ^= 1;
	piece = PIECE(bytes.data, bytes.len);
	cbor_put_map(&out, 2);
	cbor_put_text(&out, "nameSpaces");
	cbor_put_raw(&out, cur(&spaces));
	cbor_put_text(&out, "deviceAuth");
	cbor_put_map(&out, proofs);
	if (proofs == 2 || is_mac(m->fault))
		put_mac(&out, m, &piece);
	if (proofs == 2 || (proofs && !is_mac(m->fault)))
		put_signature(&out, m, &piece);
	assert_int_equal(out.failed, 0);
}

static void put_document(struct cbor_out *out, const struct making *m)
{
	cbor_put_map(out, 3);
	cbor_put_text(out, "docType");
	cbor_put_text(out, m->doctype);
	cbor_put_text(out, "issuerSigned");
	cbor_put_map(out, 2);
	cbor_put_text(out, "nameSpaces");
	cbor_put_map(out, 2);
	for (size_t i = 0; i < ITEMS; i++) {
		bool first = i == 0 || i == 3;

		if (first)
			cbor_put_text(out, i == 0 ? JP : second_space(m->fault));
		if (first)
			cbor_put_array(out, i == 0 ? 3 : 1);
		cbor_put_raw(out, cur(&m->items[i]));
	}
	cbor_put_text(out, "issuerAuth");
	cbor_put_raw(out, cur(&m->issuer_auth));
	cbor_put_text(out, "deviceSigned");
	cbor_put_raw(out, cur(&m->device_signed));
}

static void put_response(struct cbor_out *out, const struct making *m)
{
	if (m->fault == NO_CBOR) {
		cbor_put_uint(out, 1);
		return;
	}
	cbor_put_map(out, m->fault == NO_DOCUMENTS ? 2 : 3);
	cbor_put_text(out, "version");
	cbor_put_text(out, m->fault == RESPONSE_VERSION ? "2.0" : "1.0");
	if (m->fault != NO_DOCUMENTS) {
		cbor_put_text(out, "documents");
		cbor_put_array(out, m->fault == TWICE ? 2 : 1);
		put_document(out, m);
		if (m->fault == TWICE)
			put_document(out, m);
	}
	cbor_put_text(out, "status");
	cbor_put_uint(out, m->fault == STATUS ? 10 : 0);
}

static void make_response(enum fault fault, struct fuda_buf *ret)
{
	struct making m = { .fault = fault };
	struct cbor_out out = CBOR_OUT(ret);

	m.doctype = is_licence(fault) ? MDL : fault == OTHER_DOCTYPE ? "other" : MNC;
	m.mso_doctype = fault == OTHER_MSO_DOCTYPE ? "other" : m.doctype;
	for (size_t i = 0; i < ITEMS; i++) {
		m.items[i] = FUDA_BUF_INIT(MAX);
		make_item(&m, i);
	}
	m.mso = m.issuer_auth = m.device_signed = FUDA_BUF_INIT(MAX);
	make_mso(&m);
	make_issuer_auth(&m);
	make_device_signed(&m);
	put_response(&out, &m);
	assert_int_equal(out.failed, 0);
	for (size_t i = 0; i < ITEMS; i++)
		fuda_buf_free(&m.items[i]);
	fuda_buf_free(&m.mso);
	fuda_buf_free(&m.issuer_auth);
	fuda_buf_free(&m.device_signed);
}

/* ---- judging it ---- */

static const struct fuda_mdoc_policy usual = { .at = TEST_NOW };

static struct fuda_mdoc_result *judge(const struct fuda_buf *response,
				      const struct fuda_mdoc_policy *how, bool with_reader)
{
	const struct fuda_mdoc_session session = {
		.transcript = { transcript.data, transcript.len },
		.reader = with_reader ? &reader : NULL,
		.request = { request.data, request.len },
	};
	struct fuda_mdoc_result *result = NULL;

	assert_int_equal(fuda_mdoc_verify(ctx, trust, profiles, how, &session, response->data,
					  response->len, &result),
			 0);
	return result;
}

static bool seen[FUDA_MDOC_RULES];

/* The names of all findings, with blanks between them, but for that a document that was asked for
 * beside this one was not shown. */
static const char *found(const struct fuda_mdoc_result *result)
{
	static char names[4096];
	const struct fuda_mdoc_findings *lists[2] = { &result->findings, NULL };

	names[0] = 0;
	if (result->document_count)
		lists[1] = &result->documents[0].findings;
	for (int k = 0; k < 2 && lists[k]; k++)
		for (size_t i = 0; i < lists[k]->count; i++) {
			size_t used = strlen(names);

			seen[lists[k]->found[i].rule] = true;
			if (lists[k]->found[i].rule != FUDA_MDOC_DOCUMENT_NOT_SHOWN)
				snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? " " : "",
					 fuda_mdoc_rule_name(lists[k]->found[i].rule));
		}
	return names;
}

static void expect(enum fault fault, const struct fuda_mdoc_policy *how, bool with_reader,
		   const char *expected, enum fuda_result worth)
{
	struct fuda_buf response = FUDA_BUF_INIT(MAX);
	struct fuda_mdoc_result *result;

	make_response(fault, &response);
	result = judge(&response, how, with_reader);
	if (strcmp(found(result), expected) != 0)
		fail_msg("fault %d: \"%s\" instead of \"%s\"", (int)fault, found(result), expected);
	if (result->result != worth)
		fail_msg("fault %d: %s", (int)fault, fuda_result_name(result->result));
	fuda_mdoc_result_free(&result);
	fuda_buf_free(&response);
}

#define OK_      FUDA_RESULT_OK
#define INVALID  FUDA_RESULT_INVALID_CERTIFICATE
#define UNKNOWN_ FUDA_RESULT_UNSUPPORTED_CERTIFICATE
#define MISMATCH FUDA_RESULT_SIGNATURE_MISMATCH

static void each_rule(void **state)
{
	static const struct {
		enum fault fault;
		const char *found;
		enum fuda_result worth;
	} cases[] = {
		{ GOOD, "", OK_ },
		/* C1 */
		{ NO_CBOR, "response_malformed", INVALID },
		{ RESPONSE_VERSION, "response_malformed", INVALID },
		{ STATUS, "response_status", INVALID },
		{ NO_DOCUMENTS, "response_empty", INVALID },
		/* C7 */
		{ ALGORITHM, "mso_algorithm", UNKNOWN_ },
		{ SIGNATURE, "mso_signature", MISMATCH },
		/* C8 */
		{ NO_DIGESTS, "mso_malformed", INVALID },
		{ SHORT_DIGEST, "mso_malformed", INVALID },
		{ NO_DEVICE_KEY, "mso_malformed", INVALID },
		{ BOTH_KEY_LISTS, "mso_malformed", INVALID },
		{ KEY_SPACES_FORM, "mso_malformed", INVALID },
		{ KEY_SPACE_FORM, "mso_malformed", INVALID },
		{ KEY_ELEMENTS_FORM, "mso_malformed", INVALID },
		{ KEY_LIST_FORM, "mso_malformed", INVALID },
		{ KEY_ELEMENT_FORM, "mso_malformed", INVALID },
		{ MSO_VERSION, "mso_version", UNKNOWN_ },
		{ HASH, "mso_digest_algorithm", UNKNOWN_ },
		/* C9 */
		{ OTHER_MSO_DOCTYPE, "doctype_differs", INVALID },
		{ OTHER_DOCTYPE, "doctype_not_requested", INVALID },
		/* C10, C11, C12 */
		{ FRACTION, "time_form", INVALID },
		{ OFFSET, "time_form", INVALID },
		{ NO_TAG, "time_form", INVALID },
		{ NO_DAY, "time_form", INVALID },
		{ ORDER, "time_order", INVALID },
		{ EMPTY_LIFE, "time_order expired", INVALID },
		{ EARLY, "not_yet_valid", INVALID },
		{ LATE, "expired", FUDA_RESULT_CERTIFICATE_EXPIRED },
		{ BEFORE_SIGNER, "signed_outside", INVALID },
		{ LONG, "life_too_long", INVALID },
		/* C13 */
		{ NO_SUCH_SPACE, "namespace_unknown", MISMATCH },
		{ ITEM_FORM, "item_malformed", INVALID },
		{ NO_DIGEST, "digest_missing", MISMATCH },
		{ MOVED, "digest_missing", MISMATCH },
		{ DIGEST, "digest_mismatch", MISMATCH },
		{ ID_TWICE, "digest_id_twice digest_mismatch", MISMATCH },
		{ ELEMENT_TWICE, "element_twice", INVALID },
		{ RANDOM, "random_short", INVALID },
		/* C14 */
		{ NO_PROOF, "device_auth_number", INVALID },
		{ TWO_PROOFS, "device_auth_number", INVALID },
		{ KEY_TYPE, "device_key", UNKNOWN_ },
		{ KEY_OFF_CURVE, "device_key", UNKNOWN_ },
		{ DEVICE_ALGORITHM, "device_algorithm", UNKNOWN_ },
		{ MAC_ALGORITHM, "device_algorithm", UNKNOWN_ },
		{ DEVICE_KEY, "device_signature", MISMATCH },
		{ SESSION, "device_signature", MISMATCH },
		{ PAYLOAD, "device_signature", MISMATCH },
		{ BY_MAC, "", OK_ },
		{ MAC, "device_mac", MISMATCH },
		{ MAC_PAYLOAD, "device_mac", MISMATCH },
		{ DEVICE_SAYS, "device_authorization", INVALID },
		{ DEVICE_MAY_SAY, "", OK_ },
		{ DEVICE_SAYS_MUCH, "", OK_ },
		{ DEVICE_SAYS_TOO_MUCH, "response_malformed", INVALID },
		{ ELEMENT_LISTED, "", OK_ },
		{ OTHER_ELEMENT_LISTED, "device_authorization", INVALID },
		{ LISTED_ELSEWHERE, "device_authorization", INVALID },
		/* C15: age_over_20 was asked for */
		{ AGE_ABOVE, "", OK_ },
		{ AGE_BELOW_YES, "element_not_requested", OK_ },
		{ AGE_BELOW_NO, "", OK_ },
		{ AGE_ABOVE_NO, "element_not_requested", OK_ },
		/* C16 */
		{ LICENCE, "", OK_ },
		{ LICENCE_ABROAD, "country_not_issuers", INVALID },
		/* C17 */
		{ FLOAT, "element_value", INVALID },
		{ NUMBER, "element_value", INVALID },
		/* C19 is a matter of the policy */
		{ STATUS_LIST, "", OK_ },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].fault, &usual, true, cases[i].found, cases[i].worth);
}

/* What the policy lets pass, or asks for. */
static void policies(void **state)
{
	static const struct {
		enum fault fault;
		struct fuda_mdoc_policy policy;
		const char *found;
		enum fuda_result worth;
	} cases[] = {
		{ FRACTION, { .at = TEST_NOW, .allow_times = true }, "", OK_ },
		{ OFFSET, { .at = TEST_NOW, .allow_times = true }, "", OK_ },
		{ NO_TAG, { .at = TEST_NOW, .allow_times = true }, "time_form", INVALID },
		{ LONG, { .at = TEST_NOW, .max_days = 31 }, "", OK_ },
		{ GOOD, { .at = TEST_NOW, .max_days = 29 }, "life_too_long", INVALID },
		/* C20: from 2026-11-21 on */
		{ EARLY, { .at = TEST_NOW + DAY - 60 }, "not_yet_valid", INVALID },
		{ EARLY, { .at = TEST_NOW + DAY - 60, .early = 60 }, "", OK_ },
		{ EARLY, { .at = TEST_NOW + DAY - 61, .early = 61 }, "not_yet_valid", INVALID },
		{ EARLY, { .at = TEST_NOW + DAY }, "", OK_ },
		/* until a second before */
		{ LATE, { .at = TEST_NOW - 1 }, "", OK_ },
		{ LATE, { .at = TEST_NOW, .late = 1 }, "", OK_ },
		{ LATE,
		  { .at = TEST_NOW + 60, .late = 61 },
		  "expired",
		  FUDA_RESULT_CERTIFICATE_EXPIRED },
		/* C19 */
		{ STATUS_LIST,
		  { .at = TEST_NOW, .crl = FUDA_MDOC_CRL_HARD },
		  "status_not_checked",
		  FUDA_RESULT_REVOCATION_UNKNOWN },
		{ GOOD, { .at = TEST_NOW, .crl = FUDA_MDOC_CRL_HARD }, "", OK_ },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].fault, &cases[i].policy, true, cases[i].found, cases[i].worth);
}

/* C19: a list that clears the signer says nothing of the status list that the credential itself has. */
static void status_lists(void **state)
{
	static const struct {
		enum fault fault;
		enum fuda_mdoc_crl_policy crl;
		enum fuda_revocation revocation;
	} cases[] = {
		{ GOOD, FUDA_MDOC_CRL_SOFT, FUDA_REVOCATION_GOOD },
		{ STATUS_LIST, FUDA_MDOC_CRL_SOFT, FUDA_REVOCATION_UNKNOWN },
		{ STATUS_LIST, FUDA_MDOC_CRL_OFF, FUDA_REVOCATION_NOT_CHECKED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct fuda_mdoc_policy by = { .at = TEST_NOW, .crl = cases[i].crl };
		struct fuda_buf response = FUDA_BUF_INIT(MAX);
		struct fuda_mdoc_result *result;

		make_response(cases[i].fault, &response);
		result = judge(&response, &by, true);
		assert_int_equal(result->result, OK_);
		assert_int_equal(result->documents[0].revocation, cases[i].revocation);
		fuda_mdoc_result_free(&result);
		fuda_buf_free(&response);
	}
}

/* A MAC can be judged by the reader alone, and nothing without what it is bound to. */
static void without(void **state)
{
	struct fuda_buf response = FUDA_BUF_INIT(MAX), kept = transcript;
	struct fuda_mdoc_result *result;

	(void)state;
	expect(BY_MAC, &usual, false, "device_mac_key", MISMATCH);
	make_response(GOOD, &response);
	transcript = FUDA_BUF_INIT(0);
	result = judge(&response, &usual, true);
	transcript = kept;
	assert_string_equal(found(result), "device_unbound");
	assert_int_equal(result->result, MISMATCH);
	fuda_mdoc_result_free(&result);
	fuda_buf_free(&response);
}

/* C9: who is asked for one shows one. */
static void twice(void **state)
{
	struct fuda_buf response = FUDA_BUF_INIT(MAX);
	struct fuda_mdoc_result *result;

	(void)state;
	make_response(TWICE, &response);
	result = judge(&response, &usual, true);
	assert_int_equal(result->result, INVALID);
	assert_int_equal(result->document_count, 2);
	assert_int_equal(result->documents[0].result, OK_);
	assert_int_equal(result->documents[1].findings.count, 1);
	assert_int_equal(result->documents[1].findings.found[0].rule,
			 FUDA_MDOC_DOCTYPE_NOT_REQUESTED);
	fuda_mdoc_result_free(&result);
	fuda_buf_free(&response);
}

/* C18. Whether this machine's clock is set by anybody is its own matter. */
static void clock_(void **state)
{
	const struct fuda_mdoc_policy long_ago = { .at = 1700000000, .clock = true };
	struct fuda_buf response = FUDA_BUF_INIT(MAX);
	struct fuda_mdoc_result *result;

	(void)state;
	make_response(GOOD, &response);
	result = judge(&response, &long_ago, true);
	assert_int_equal(result->findings.found[0].rule, FUDA_MDOC_CLOCK);
	fuda_mdoc_result_free(&result);
	fuda_buf_free(&response);
}

/* Last: no rule was forgotten above. Those about certificates are in test-chain.c and others. */
static void all_of_them(void **state)
{
	(void)state;
	for (size_t i = FUDA_MDOC_NONE + 1; i < FUDA_MDOC_RULES; i++) {
		const char *check = fuda_mdoc_rule_check((enum fuda_mdoc_rule)i);
		int number = check[0] == 'C' ? (int)strtol(check + 1, NULL, 10) : 0;

		if ((number == 1 || number >= 7) && !seen[i] && i != FUDA_MDOC_CLOCK)
			fail_msg("no test breaks %s", fuda_mdoc_rule_name((enum fuda_mdoc_rule)i));
	}
}

/* Of more findings than there is room for, the last may have been the worst. */
static void too_many(void **state)
{
	struct fuda_buf response = FUDA_BUF_INIT(MAX);
	struct fuda_mdoc_result *result;
	const struct fuda_mdoc_findings *all;

	(void)state;
	make_response(MUCH_UNASKED, &response);
	result = judge(&response, &usual, true);
	all = &result->documents[0].findings;
	assert_int_equal(all->missed, 1);
	for (size_t i = 0; i < all->count; i++)
		assert_int_equal(all->found[i].rule, FUDA_MDOC_ELEMENT_NOT_REQUESTED);
	assert_int_equal(result->documents[0].result, INVALID);
	assert_int_equal(result->result, INVALID);
	fuda_mdoc_result_free(&result);
	fuda_buf_free(&response);
}

static void what_is_told(void **state)
{
	struct fuda_buf response = FUDA_BUF_INIT(MAX), name = FUDA_BUF_INIT(MAX);
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(MAX);
	struct cbor_out out = CBOR_OUT(&key);
	struct fuda_digest digest;
	struct fuda_mdoc_result *result;
	const struct fuda_mdoc_document *d;

	(void)state;
	make_response(GOOD, &response);
	result = judge(&response, &usual, true);
	d = result->documents;
	assert_int_equal(d->element_count, ITEMS);
	assert_string_equal(d->elements[0].attribute, "name");
	assert_string_equal(d->elements[3].attribute, "age_over_20");
	assert_int_equal(fuda_mdoc_element_text(profiles, d, &d->elements[0], &usual, &name), 0);
	assert_int_equal(name.len, strlen("番号花子"));
	assert_memory_equal(name.data, "番号花子", name.len);
	assert_int_equal(d->withheld_count, 1);
	assert_string_equal(d->withheld[0].attribute, "portrait");
	assert_int_equal(d->valid_until - d->valid_from, 30 * DAY);
	assert_true(d->has_device_key);
	assert_int_equal(cose_key_put(&out, private_public(device)), 0);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, key.data, key.len, &digest), 0);
	assert_memory_equal(d->device_key, digest.bytes, sizeof(d->device_key));
	fuda_mdoc_result_free(&result);
	fuda_buf_free(&response);
	fuda_buf_free(&name);
}

/* ---- the stand ---- */

static struct private_key *key_of(enum test_key which)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(MAX);
	struct private_key *key = NULL;

	test_private(which, &pem);
	assert_int_equal(private_read(pem.data, pem.len, &key), 0);
	return key;
}

static void make_request(void)
{
	static const struct fuda_mdoc_wish wishes[] = {
		{ MNC, JP, "full_name_unicode", false },
		{ MNC, JP, "resident_address_unicode", false },
		{ MNC, JP, "individual_number_unicode", false },
		{ MNC, JP, "portrait", false },
		{ MNC, GLOBAL, "age_over_20", false },
		{ MDL, JP, "full_name_unicode", false },
		{ MDL, JP, "resident_address_unicode", false },
		{ MDL, JP, "individual_number_unicode", false },
		{ MDL, "org.iso.18013.5.1", "issuing_country", false },
	};

	assert_int_equal(fuda_mdoc_request(ctx, wishes, ARRAY_SIZE(wishes), NULL,
					   (struct fuda_mdoc_span){ 0 }, &request),
			 0);
}

static int setup(void **state)
{
	struct cert_plan ds = plan_mdoc(CERT_DS);
	struct crl_plan list = plan_iaca_crl();
	static const uint8_t some[] = { 0x83, 0xF6, 0xF6, 0xF6 };

	if (stand_setup(state) < 0 || fuda_mdoc_profiles_new(ctx, NULL, &profiles) < 0)
		return -1;
	believe_list(trust, &list);
	ds_der = transcript = request = FUDA_BUF_INIT(MAX);
	cert_make(&ds, &ds_der);
	ds_key = key_of(KEY_DS);
	if (private_new(CURVE_P256, &device) < 0 || private_new(CURVE_P256, &other_key) < 0 ||
	    private_new(CURVE_P256, &reader.private) < 0 ||
	    fuda_buf_set(&transcript, some, sizeof(some)) < 0)
		return -1;
	make_request();
	return 0;
}

static int teardown(void **state)
{
	private_free(&ds_key);
	private_free(&device);
	private_free(&other_key);
	private_free(&reader.private);
	fuda_buf_free(&ds_der);
	fuda_buf_free(&transcript);
	fuda_buf_free(&request);
	fuda_mdoc_profiles_free(&profiles);
	return stand_teardown(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),   cmocka_unit_test(policies),
		cmocka_unit_test(status_lists), cmocka_unit_test(without), cmocka_unit_test(twice),
		cmocka_unit_test(clock_),      cmocka_unit_test(what_is_told),
		cmocka_unit_test(too_many),    cmocka_unit_test(all_of_them),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
