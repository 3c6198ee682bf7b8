/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a revocation list, who issued it, and whom it is about: RFC 5280 5. */
#include "pki/crl.h"

#include <fuda/encode.h>
#include <stdlib.h>

#include "base/context.h"
#include "pki/cert.h"
#include "pki/crl-list.h"
#include "pki/der.h"
#include "pki/trust.h"

/* GeneralNames of a distribution point: longer ones are refused. */
enum { POINT_MAX = 4096, KEY_ID_MAX = sizeof(((struct crl_facts *)0)->aki) };

struct crl {
	struct crl_facts facts;
	struct crl_list list;
	struct fuda_buf point; /* the names of the point that it is of; empty if it is whole */
};

/* A list while it is read; the cursors point into it. */
struct reading {
	struct fuda_context *ctx;
	const struct signature_algorithm *signed_with;
	struct cursor tbs, signature, entries;
	struct crl *crl;
};

static int malformed(const struct reading *reading, const char *part)
{
	return ctx_fail(reading->ctx, FUDA_EFORMAT, _("The revocation list is malformed: %s."),
			part);
}

static int not_supported(const struct reading *reading, const char *what)
{
	return ctx_fail(reading->ctx, FUDA_ENOTSUP,
			_("The revocation list cannot be used: %s. The issuer's full list is "
			  "needed."),
			what);
}

/* ---- extensions ---- */

static int read_key_id(struct reading *reading, struct cursor c)
{
	struct crl_facts *facts = &reading->crl->facts;
	struct tlv list, id;

	if (tlv_expect(&c, DER_SEQUENCE, &list) < 0 || c.left ||
	    tlv_expect(&list.value, DER_IMPLICIT(0), &id) < 0 || id.value.left == 0 ||
	    id.value.left > KEY_ID_MAX)
		return malformed(reading, _("authority key identifier"));
	facts->aki_len = id.value.left;
	return cur_copy(&id.value, facts->aki, facts->aki_len);
}

/* The one field of [1] to [5] that says nothing against its use here: onlyContainsUserCerts. */
static int read_point_flags(const struct reading *reading, struct cursor c)
{
	static const uint8_t yes = 0xFF;
	struct tlv flag;

	if (c.left == 0)
		return 0;
	if (tlv_expect(&c, DER_IMPLICIT(1), &flag) < 0 || c.left)
		return not_supported(reading, _("it is limited to some kinds of certificates or "
						"reasons, or of several issuers"));
	if (flag.value.left != 1 || *flag.value.p != yes)
		return malformed(reading, _("issuing distribution point"));
	return 0;
}

/* IssuingDistributionPoint: RFC 5280 5.2.5. */
static int read_point(struct reading *reading, struct cursor c)
{
	struct tlv list, point, names;
	int r;

	if (tlv_expect(&c, DER_SEQUENCE, &list) < 0 || c.left)
		return malformed(reading, _("issuing distribution point"));
	if (!der_next_is(list.value, DER_EXPLICIT(0)))
		return read_point_flags(reading, list.value);
	if (tlv_expect(&list.value, DER_EXPLICIT(0), &point) < 0 ||
	    tlv_next_der(&point.value, &names) < 0 || point.value.left || names.value.left == 0)
		return malformed(reading, _("issuing distribution point"));
	if (names.tag != DER_EXPLICIT(0)) /* a name relative to the issuer's: nobody makes them */
		return not_supported(reading, _("its distribution point has a relative name"));
	r = read_point_flags(reading, list.value);
	if (r == 0)
		r = fuda_buf_set(&reading->crl->point, names.value.p, names.value.left);
	if (r == FUDA_ETOOBIG)
		return malformed(reading, _("issuing distribution point"));
	return r;
}

static int refuse_delta(struct reading *reading, struct cursor c _unused_)
{
	return not_supported(reading, _("it is a list of differences"));
}

static int read_nothing(struct reading *reading _unused_, struct cursor c _unused_)
{
	return 0;
}

static const struct kind {
	const char *oid;
	int (*read)(struct reading *reading, struct cursor c);
} kinds[] = {
	{ "2.5.29.20", read_nothing }, /* number */
	{ "2.5.29.27", refuse_delta },
	{ "2.5.29.28", read_point },
	{ "2.5.29.35", read_key_id },
};

static int read_extension(struct reading *reading, struct cursor *c, unsigned *seen)
{
	struct tlv extension, value;
	char oid[DER_OID_MAX];
	bool critical = false;

	if (tlv_expect(c, DER_SEQUENCE, &extension) < 0 || der_oid(&extension.value, oid) < 0 ||
	    (der_next_is(extension.value, DER_BOOLEAN) &&
	     der_boolean(&extension.value, &critical) < 0) ||
	    tlv_expect(&extension.value, DER_OCTET_STRING, &value) < 0 || extension.value.left)
		return malformed(reading, _("extensions"));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].oid, oid) != 0)
			continue;
		if (*seen & 1u << i || der_check(value.value) < 0) /* RFC 5280 4.2 */
			return malformed(reading, _("extensions"));
		*seen |= 1u << i;
		return kinds[i].read(reading, value.value);
	}
	return critical ? not_supported(reading, _("it has a critical extension that is not "
						   "understood")) :
			  0;
}

static int read_extensions(struct reading *reading, struct cursor *c)
{
	struct tlv explicit, list;
	unsigned seen = 0;
	int r = 0;

	if (tlv_expect(c, DER_EXPLICIT(0), &explicit) < 0 || c->left ||
	    tlv_expect(&explicit.value, DER_SEQUENCE, &list) < 0 || explicit.value.left)
		return malformed(reading, _("extensions"));
	while (r == 0 && list.value.left)
		r = read_extension(reading, &list.value, &seen);
	if (r == 0 && reading->crl->facts.aki_len == 0) /* RFC 5280 5.2.1 */
		return malformed(reading, _("no authority key identifier"));
	return r;
}

/* ---- the frame ---- */

static int read_algorithm(struct reading *reading, struct tlv outer, struct cursor *c)
{
	struct cursor copy = *c, parameters;
	char oid[DER_OID_MAX];
	struct tlv inner;

	if (tlv_expect(c, DER_SEQUENCE, &inner) < 0 || der_algorithm(&copy, oid, &parameters) < 0)
		return malformed(reading, _("signature algorithm"));
	if (inner.whole.left != outer.whole.left ||
	    memcmp(inner.whole.p, outer.whole.p, outer.whole.left) != 0) /* RFC 5280 5.1.1.2 */
		return malformed(reading, _("two signature algorithms"));
	reading->signed_with = signature_algorithm(oid, parameters);
	if (!reading->signed_with)
		return not_supported(reading, _("its signature algorithm is not accepted"));
	return 0;
}

static int read_version(struct cursor *c)
{
	struct cursor version;
	uint8_t v;

	return der_unsigned(c, 1, &version) < 0 || cur_u8(&version, &v) < 0 || v != 1 /* v2 */ ?
		       FUDA_EFORMAT :
		       0;
}

/* TBSCertList but for its entries: RFC 5280 5.1.2. */
static int read_tbs(struct reading *reading, struct tlv algorithm, struct cursor c)
{
	struct crl_facts *facts = &reading->crl->facts;
	struct tlv entries = { 0 };
	int r;

	if (read_version(&c) < 0)
		return malformed(reading, _("version"));
	r = read_algorithm(reading, algorithm, &c);
	if (r < 0)
		return r;
	if (der_name(&c, facts->issuer) < 0 || !facts->issuer[0])
		return malformed(reading, _("issuer"));
	if (der_time(&c, &facts->this_update) < 0 || der_time(&c, &facts->next_update) < 0 ||
	    facts->next_update <= facts->this_update)
		return malformed(reading, _("times of this and of the next list"));
	if (der_next_is(c, DER_SEQUENCE) && tlv_expect(&c, DER_SEQUENCE, &entries) < 0)
		return malformed(reading, _("entries"));
	reading->entries = entries.value;
	return read_extensions(reading, &c);
}

static int read_frame(struct reading *reading, struct cursor c)
{
	struct tlv whole, tbs, algorithm;
	unsigned unused;

	if (tlv_expect(&c, DER_SEQUENCE, &whole) < 0 || c.left ||
	    tlv_expect(&whole.value, DER_SEQUENCE, &tbs) < 0 ||
	    tlv_expect(&whole.value, DER_SEQUENCE, &algorithm) < 0 ||
	    der_bits(&whole.value, &reading->signature, &unused) < 0 || unused || whole.value.left)
		return malformed(reading, _("not a whole list in DER"));
	reading->tbs = tbs.whole;
	return read_tbs(reading, algorithm, tbs.value);
}

/* ---- who issued it ---- */

static bool may_issue(const struct fuda_cert *ca, const struct crl_facts *facts)
{
	return ca->facts.ski_len == facts->aki_len &&
	       memcmp(ca->facts.ski, facts->aki, facts->aki_len) == 0 &&
	       strcmp(ca->facts.subject, facts->issuer) == 0 && ca->ca &&
	       ca->key_usage & KU_CRL_SIGN && key_in_profile(ca->key);
}

/* The key of any CA that may: of two that bear one identifier and name, one signed. */
static int verify(const struct reading *reading, const struct fuda_trust *trust)
{
	const struct signature_algorithm *algorithm = reading->signed_with;
	const struct trust_ca *ca;
	struct fuda_digest digest;
	int found = FUDA_ENOTFOUND;

	if (fuda_digest_bytes(algorithm->hash, reading->tbs.p, reading->tbs.left, &digest) < 0)
		return ctx_fail_code(reading->ctx, FUDA_EFAILED);
	for (size_t i = 0; found != 0 && (ca = trust_ca_at(trust, i)); i++) {
		if (!may_issue(ca->cert, &reading->crl->facts))
			continue;
		found = key_verify(ca->cert->key, algorithm->padding, &digest, reading->signature.p,
				   reading->signature.left);
		if (found == FUDA_ENOMEM || found == FUDA_EFAILED)
			return ctx_fail_code(reading->ctx, found);
	}
	if (found == FUDA_ENOTFOUND)
		return ctx_fail(reading->ctx, found,
				_("No CA that is believed, and may, has issued the revocation list "
				  "(\"%s\")."),
				reading->crl->facts.issuer);
	if (found < 0)
		return ctx_fail(reading->ctx, FUDA_EVERIFY,
				_("The signature of the CA on the revocation list is wrong: the "
				  "list is forged or was changed."));
	return 0;
}

/* ---- loading it ---- */

/* From the bytes of the list, which are in DER. */
static int fill(struct reading *reading, const struct fuda_trust *trust, struct cursor der)
{
	struct crl *crl = reading->crl;
	struct fuda_digest digest;
	int r = read_frame(reading, der);

	if (r == 0)
		r = verify(reading, trust);
	if (r < 0)
		return r;
	r = crl_list_read(reading->entries, &crl->list);
	if (r == FUDA_EFORMAT)
		return malformed(reading, _("entries"));
	if (r == FUDA_ENOTSUP)
		return not_supported(reading, _("an entry says what is not understood"));
	if (r == 0)
		r = fuda_digest_bytes(FUDA_SHA256, der.p, der.left, &digest);
	if (r < 0)
		return ctx_fail_code(reading->ctx, r);
	crl->facts.count = crl->list.count;
	memcpy(crl->facts.sha256, digest.bytes, sizeof(crl->facts.sha256));
	return 0;
}

/* The bytes of the only block. Two lists in one file would make one of them be missed. */
static int decode_pem(struct fuda_context *ctx, const uint8_t *bytes, size_t len,
		      struct fuda_buf *ret_der)
{
	static const char label[] = "X509 CRL";
	const char *p = (const char *)bytes;
	int r = fuda_pem_decode(label, &p, &len, ret_der);

	if (r == FUDA_ENOMEM)
		return ctx_fail_code(ctx, r);
	if (r < 0 || (len && memmem(p, len, "-----BEGIN X509 CRL-----", 24)))
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("This is no revocation list: DER, or PEM with exactly one block "
				  "\"%s\", is expected."),
				label);
	return 0;
}

int crl_decode(struct fuda_context *ctx, const uint8_t *bytes, size_t len, struct fuda_buf *room,
	       struct cursor *ret_der)
{
	const struct reading reading = { .ctx = ctx };
	int r;

	if (len == 0 || len > room->max)
		return malformed(&reading, len ? _("it is too long") : _("it is empty"));
	if (*bytes == DER_SEQUENCE) {
		*ret_der = cur_of(bytes, len);
		return 0;
	}
	r = decode_pem(ctx, bytes, len, room);
	if (r == 0)
		*ret_der = cur_of(room->data, room->len);
	return r;
}

static int load(struct reading *reading, const struct fuda_trust *trust, const uint8_t *bytes,
		size_t len)
{
	_cleanup_(fuda_buf_free_public) struct fuda_buf room = FUDA_BUF_INIT(CRL_MAX);
	struct cursor der;
	int r = crl_decode(reading->ctx, bytes, len, &room, &der);

	return r < 0 ? r : fill(reading, trust, der);
}

int crl_load(struct fuda_context *ctx, const struct fuda_trust *trust, const uint8_t *bytes,
	     size_t len, struct crl **ret)
{
	_cleanup_(crl_free) struct crl *crl = calloc(1, sizeof(*crl));
	struct reading reading = { .ctx = ctx, .crl = crl };
	int r;

	if (!crl)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	crl->point = FUDA_BUF_INIT(POINT_MAX);
	r = load(&reading, trust, bytes, len);
	if (r < 0)
		return r;
	*ret = crl;
	crl = NULL;
	return 0;
}

void crl_free(struct crl **crl)
{
	if (!*crl)
		return;
	crl_list_free(&(*crl)->list);
	fuda_buf_free_public(&(*crl)->point);
	free(*crl);
	*crl = NULL;
}

const struct crl_facts *crl_facts(const struct crl *crl)
{
	return &crl->facts;
}

/* ---- asking it ---- */

/* Whether one of `names` is among those of the point of the list. */
static bool shares_name(const struct crl *crl, struct cursor names)
{
	struct tlv name, own;

	while (tlv_next_der(&names, &name) == 0) {
		struct cursor point = cur_of(crl->point.data, crl->point.len);

		while (tlv_next_der(&point, &own) == 0)
			if (own.whole.left == name.whole.left &&
			    memcmp(own.whole.p, name.whole.p, name.whole.left) == 0)
				return true;
	}
	return false;
}

/* DistributionPoint ::= SEQUENCE { [0] { [0] fullName }, ... }: RFC 5280 4.2.1.13. One for some
 * reasons only, or of another issuer, is none of a list that has all. */
static bool is_point(const struct crl *crl, struct cursor c)
{
	struct tlv point, name, names;

	if (tlv_expect(&c, DER_SEQUENCE, &point) < 0 ||
	    tlv_expect(&point.value, DER_EXPLICIT(0), &name) < 0 || point.value.left ||
	    tlv_expect(&name.value, DER_EXPLICIT(0), &names) < 0)
		return false;
	return shares_name(crl, names.value);
}

static bool at_point(const struct crl *crl, const struct fuda_cert *cert)
{
	struct cursor points = cert->crl_points;
	struct tlv point;

	while (tlv_next_der(&points, &point) == 0)
		if (is_point(crl, point.whole))
			return true;
	return false;
}

bool crl_covers(const struct crl *crl, const struct fuda_cert *cert)
{
	const struct crl_facts *facts = &crl->facts;

	return cert->facts.aki_len == facts->aki_len &&
	       memcmp(cert->facts.aki, facts->aki, facts->aki_len) == 0 &&
	       strcmp(cert->facts.issuer, facts->issuer) == 0 &&
	       (crl->point.len == 0 || at_point(crl, cert));
}

bool crl_lists(const struct crl *crl, const struct fuda_cert *cert, int *ret_reason)
{
	const struct crl_record *record = crl_list_find(&crl->list, cert->serial);

	if (!record)
		return false;
	*ret_reason = record->reason == CRL_NO_REASON ? -1 : record->reason;
	return true;
}
