/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/issuer-list.h"

#include <stdlib.h>

#include "base/context.h"
#include "mdoc/finding.h"
#include "mdoc/issuer-signature.h"
#include "pki/der.h"

enum { NUMBER_MAX = 20 /* RFC 5280 5.2.3 */, PERIOD_MAX = 90 * 24 * 60 * 60 };

#define OID_NUMBER "2.5.29.20"
#define OID_AKI    "2.5.29.35"

static void add(struct issuer_list *list, enum fuda_mdoc_rule rule, const char *detail)
{
	finding_add(&list->findings, rule, "crl", detail, strlen(detail));
}

/* ---- extensions ---- */

static int read_key_id(struct issuer_list *list, struct cursor c)
{
	struct tlv outer, id;

	if (tlv_expect(&c, DER_SEQUENCE, &outer) < 0 || c.left ||
	    tlv_expect(&outer.value, DER_IMPLICIT(0), &id) < 0 || id.value.left == 0 ||
	    id.value.left > sizeof(list->aki))
		return FUDA_EFORMAT;
	list->aki_len = id.value.left;
	return cur_copy(&id.value, list->aki, list->aki_len);
}

static int read_number(struct cursor c)
{
	struct cursor number;

	return der_unsigned(&c, NUMBER_MAX, &number) < 0 || c.left ? FUDA_EFORMAT : 0;
}

static int read_extension(struct issuer_list *list, struct cursor *c, bool *numbered)
{
	struct cursor at = *c, oid, value;
	char text[DER_OID_MAX];
	struct tlv extension;
	bool critical;

	if (der_extension(c, &oid, &critical, &value) < 0 ||
	    tlv_expect(&at, DER_SEQUENCE, &extension) < 0 || der_oid(&extension.value, text) < 0)
		return FUDA_EFORMAT;
	if (strcmp(text, OID_AKI) == 0)
		return list->aki_len ? FUDA_EFORMAT : read_key_id(list, value);
	if (strcmp(text, OID_NUMBER) != 0) {
		add(list, FUDA_MDOC_CRL_EXTENSION, text);
		return 0;
	}
	if (*numbered) /* RFC 5280 4.2 */
		return FUDA_EFORMAT;
	*numbered = true;
	return read_number(value);
}

static int read_extensions(struct issuer_list *list, struct cursor c)
{
	struct tlv explicit, sequence = { 0 };
	bool numbered = false;

	if (c.left &&
	    (tlv_expect(&c, DER_EXPLICIT(0), &explicit) < 0 || c.left ||
	     tlv_expect(&explicit.value, DER_SEQUENCE, &sequence) < 0 || explicit.value.left))
		return FUDA_EFORMAT;
	while (sequence.value.left)
		if (read_extension(list, &sequence.value, &numbered) < 0)
			return FUDA_EFORMAT;
	if (list->aki_len == 0)
		add(list, FUDA_MDOC_CRL_AUTHORITY_KEY_ID, "");
	if (!numbered)
		add(list, FUDA_MDOC_CRL_NUMBER, "");
	return 0;
}

/* ---- entries ---- */

/* SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL }, which crl_list_read()
 * has looked at. The last is to be left out: mdoc.md 2.2 [K]. */
static bool has_extensions(struct cursor *c)
{
	struct tlv entry, part;

	return tlv_expect(c, DER_SEQUENCE, &entry) == 0 && tlv_next_der(&entry.value, &part) == 0 &&
	       tlv_next_der(&entry.value, &part) == 0 && entry.value.left;
}

static int read_entries(struct issuer_list *list, struct cursor *c)
{
	struct tlv entries = { 0 };
	int r;

	if (der_next_is(*c, DER_SEQUENCE)) {
		if (tlv_expect(c, DER_SEQUENCE, &entries) < 0)
			return FUDA_EFORMAT;
		if (entries.value.left == 0)
			add(list, FUDA_MDOC_CRL_EMPTY_LIST, "");
	}
	r = crl_list_read(entries.value, &list->entries);
	while (r == 0 && entries.value.left)
		if (has_extensions(&entries.value)) {
			add(list, FUDA_MDOC_CRL_ENTRY_EXTENSION, "");
			break;
		}
	return r;
}

/* ---- the frame ---- */

static int read_version(struct issuer_list *list, struct cursor *c)
{
	struct cursor version;
	uint8_t v = 0; /* not said: version 1 */

	if (der_next_is(*c, DER_INTEGER) &&
	    (der_unsigned(c, 1, &version) < 0 || cur_u8(&version, &v) < 0))
		return FUDA_EFORMAT;
	if (v != 1)
		add(list, FUDA_MDOC_CRL_VERSION, "");
	return 0;
}

static int read_times(struct issuer_list *list, struct cursor *c)
{
	if (der_time(c, &list->this_update) < 0)
		return FUDA_EFORMAT;
	list->has_next = der_next_is(*c, DER_UTC_TIME) || der_next_is(*c, DER_GENERALIZED_TIME);
	if (!list->has_next) {
		add(list, FUDA_MDOC_CRL_NEXT_UPDATE, "");
		return 0;
	}
	if (der_time(c, &list->next_update) < 0)
		return FUDA_EFORMAT;
	if (list->next_update <= list->this_update ||
	    list->next_update - list->this_update > PERIOD_MAX)
		add(list, FUDA_MDOC_CRL_PERIOD, "");
	return 0;
}

static int read_list(struct issuer_list *list)
{
	struct cursor c = cur_of(list->der.data, list->der.len), inner;
	struct tlv whole, tbs;
	unsigned unused;
	int r;

	if (der_check(c) < 0 || tlv_expect(&c, DER_SEQUENCE, &whole) < 0 || c.left ||
	    tlv_expect(&whole.value, DER_SEQUENCE, &tbs) < 0 ||
	    der_sequence(&whole.value, &list->algorithm) < 0 ||
	    der_bits(&whole.value, &list->signature, &unused) < 0 || unused || whole.value.left)
		return FUDA_EFORMAT;
	list->tbs = tbs.whole;
	if (read_version(list, &tbs.value) < 0 || der_sequence(&tbs.value, &inner) < 0 ||
	    der_sequence(&tbs.value, &list->issuer) < 0 || read_times(list, &tbs.value) < 0)
		return FUDA_EFORMAT;
	if (!cur_equal(inner, list->algorithm)) /* RFC 5280 5.1.1.2 */
		add(list, FUDA_MDOC_CRL_ALGORITHMS_DIFFER, "");
	r = read_entries(list, &tbs.value);
	return r < 0 ? r : read_extensions(list, tbs.value);
}

int issuer_list_read(struct fuda_context *ctx, struct cursor der, struct issuer_list **ret)
{
	_cleanup_(issuer_list_free) struct issuer_list *list = calloc(1, sizeof(*list));
	int r;

	if (!list)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	list->der = FUDA_BUF_INIT(ISSUER_LIST_MAX);
	r = fuda_buf_set(&list->der, der.p, der.left);
	if (r == 0)
		r = read_list(list);
	if (r == FUDA_EFORMAT || r == FUDA_ETOOBIG)
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("The revocation list is malformed. Get it anew from its "
				  "issuer."));
	if (r == FUDA_ENOTSUP)
		return ctx_fail(ctx, r,
				_("The revocation list cannot be used: an entry says what is not "
				  "understood. The issuer's full list is needed."));
	if (r < 0)
		return ctx_fail_code(ctx, r);
	*ret = list;
	list = NULL;
	return 0;
}

void issuer_list_free(struct issuer_list **list)
{
	if (!*list)
		return;
	crl_list_free(&(*list)->entries);
	fuda_buf_free_public(&(*list)->der);
	free(*list);
	*list = NULL;
}

bool issuer_list_names(const struct issuer_list *list, const struct fuda_cert *ca)
{
	if (!(ca->key_usage & KU_CRL_SIGN))
		return false;
	if (list->aki_len)
		return list->aki_len == ca->facts.ski_len &&
		       memcmp(list->aki, ca->facts.ski, list->aki_len) == 0;
	return cur_equal(list->issuer, ca->subject);
}

int issuer_list_signed_by(const struct issuer_list *list, const struct fuda_cert *ca)
{
	return issuer_signature_judge(ca->key, list->algorithm, list->tbs, list->signature);
}
