/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/cert-profile.h"

#include <fuda/hash.h>
#include <stdio.h>

#include "base/context.h"
#include "mdoc/finding.h"
#include "mdoc/issuer-signature.h"

enum {
	SERIAL_MAX = 20, /* octets */
	/* Of 63 random bits the first 15 are zero once in 32,768 times: who has fewer octets has
	 * not drawn as many bits. */
	SERIAL_MIN = 7,
	DAY = 24 * 60 * 60,
	ROOT_DAYS = 20 * 365 + 5, /* 20 years */
	DS_DAYS = 457,
	READER_DAYS = 1187,
	POINT_UNCOMPRESSED = 0x04, /* SEC 1, 2.3.3 */
	RFC822_NAME = DER_IMPLICIT(1),
	DNS_NAME = DER_IMPLICIT(2),
	URI_NAME = DER_IMPLICIT(6),
};

struct job {
	const struct cert_parts *parts;
	const struct fuda_cert *cert; /* NULL if it cannot be read */
	enum cert_role role;
	char detail[FUDA_MDOC_DETAIL];
	struct cert_profile *profile;
	int failed; /* of what judges, not of what is judged */
};

const char *cert_role_name(enum cert_role role)
{
	static const char *const names[CERT_ROLES] = {
		[CERT_ROOT] = "iaca",     [CERT_LINK] = "link",           [CERT_DS] = "ds",
		[CERT_READER] = "reader", [CERT_READER_CA] = "reader_ca",
	};

	return names[role];
}

static bool is_ca(enum cert_role role)
{
	return role == CERT_ROOT || role == CERT_LINK || role == CERT_READER_CA;
}

static bool is_reader(enum cert_role role)
{
	return role == CERT_READER || role == CERT_READER_CA;
}

static bool has(const struct job *job, enum cert_extension extension)
{
	return job->parts->extension[extension].present;
}

static struct cursor value_of(const struct job *job, enum cert_extension extension)
{
	return job->parts->extension[extension].value;
}

static void say(struct job *job, const char *detail)
{
	snprintf(job->detail, sizeof(job->detail), "%s", detail);
}

/* ---- the certificate ---- */

static bool version_fits(struct job *job)
{
	struct cursor version = job->parts->version;
	uint8_t v = 0;

	return cur_u8(&version, &v) == 0 && version.left == 0 && v == 2; /* v3 */
}

/* RFC 5280 4.1.2.2 */
static bool serial_fits(struct job *job)
{
	struct cursor serial = job->parts->serial;
	size_t len = serial.left;
	uint8_t first = 0;

	return len <= SERIAL_MAX && cur_u8(&serial, &first) == 0 && first < 0x80 &&
	       (first || serial.left);
}

static bool serial_is_long(struct job *job)
{
	struct cursor serial = job->parts->serial;
	size_t len = serial.left;
	uint8_t first = 0;

	if (!serial_fits(job))
		return true; /* which is the other rule's matter */
	return cur_u8(&serial, &first) == 0 && len - (first == 0) >= SERIAL_MIN;
}

static bool algorithm_fits(struct job *job)
{
	return issuer_signature_known(job->parts->inner, is_reader(job->role));
}

/* RFC 5280 4.1.1.2 */
static bool algorithms_agree(struct job *job)
{
	return cur_equal(job->parts->inner, job->parts->outer);
}

static bool is_uncompressed(struct job *job)
{
	struct cursor point = job->parts->bits;
	uint8_t form = 0;

	return !job->parts->on_curve || (cur_u8(&point, &form) == 0 && form == POINT_UNCOMPRESSED);
}

/* Ed25519 and Ed448 are for DS and readers only. */
static bool key_fits(struct job *job)
{
	enum curve curve = job->cert ? key_curve(job->cert->key) : CURVE_P256;

	if (curve == CURVE_NONE)
		return false;
	return !curve_facts(curve)->eddsa || (job->role != CERT_ROOT && job->role != CERT_LINK);
}

/* ISO 3166-1 alpha-2 */
static bool country_fits(struct job *job)
{
	struct tlv value;
	size_t count = name_find(job->parts->subject, ATTRIBUTE_COUNTRY, &value);
	char letters[3] = "";

	if (count == 0 && is_reader(job->role))
		return true;
	if (count != 1 || value.tag != DER_PRINTABLE_STRING || value.value.left != 2 ||
	    cur_copy(&value.value, letters, 2) < 0)
		return false;
	for (size_t i = 0; i < 2; i++)
		if (letters[i] < 'A' || letters[i] > 'Z')
			return false;
	memcpy(job->profile->country, letters, sizeof(letters));
	return true;
}

static bool has_common_name(struct job *job)
{
	struct tlv value;

	return name_find(job->parts->subject, ATTRIBUTE_COMMON_NAME, &value) > 0 &&
	       value.value.left > 0;
}

static bool names_fit(struct job *job)
{
	return name_in_form(job->parts->subject);
}

static bool is_self_issued(struct job *job)
{
	return cur_equal(job->parts->issuer, job->parts->subject);
}

static bool validity_fits(struct job *job)
{
	return job->parts->not_before <= job->parts->not_after;
}

static bool validity_is_short(struct job *job)
{
	static const unsigned days[CERT_ROLES] = {
		[CERT_ROOT] = ROOT_DAYS,
		[CERT_LINK] = ROOT_DAYS, /* and no longer than the old root: the chain's matter */
		[CERT_DS] = DS_DAYS,
		[CERT_READER] = READER_DAYS,
	};

	return job->parts->not_after - job->parts->not_before <= (time_t)days[job->role] * DAY;
}

/* ---- its extensions ---- */

static bool nothing_forbidden(struct job *job)
{
	for (size_t i = EXT_FORBIDDEN; i < CERT_EXTENSIONS; i++)
		if (has(job, i)) {
			say(job, _(cert_extension_name(i)));
			return false;
		}
	return true;
}

static bool may_be_critical(enum cert_extension extension)
{
	return extension == EXT_KEY_USAGE || extension == EXT_CONSTRAINTS ||
	       extension == EXT_PURPOSES || extension >= EXT_FORBIDDEN /* which has its rule */;
}

static bool others_not_critical(struct job *job)
{
	say(job, job->parts->critical);
	if (job->parts->critical[0])
		return false;
	for (size_t i = 0; i < CERT_EXTENSIONS; i++)
		if (job->parts->extension[i].critical && !may_be_critical(i)) {
			say(job, _(cert_extension_name(i)));
			return false;
		}
	return true;
}

/* Those that are not to be there at all are left to their rules. */
static bool must_be_critical(const struct job *job, enum cert_extension extension)
{
	switch (extension) {
	case EXT_KEY_USAGE:
		return true;
	case EXT_CONSTRAINTS:
		return is_ca(job->role);
	case EXT_PURPOSES:
		return !is_ca(job->role);
	default:
		return false;
	}
}

static bool critical_ones_are(struct job *job)
{
	for (size_t i = 0; i < CERT_EXTENSIONS; i++)
		if (has(job, i) && !job->parts->extension[i].critical && must_be_critical(job, i)) {
			say(job, _(cert_extension_name(i)));
			return false;
		}
	return true;
}

/* That of CAs of readers is of any kind. */
static bool subject_key_id_fits(struct job *job)
{
	struct cursor c = value_of(job, EXT_SUBJECT_KEY_ID), bits = job->parts->bits;
	struct fuda_digest digest;
	struct tlv id;

	if (tlv_expect(&c, DER_OCTET_STRING, &id) < 0 || c.left || id.value.left == 0)
		return false;
	if (job->role == CERT_READER_CA)
		return true;
	job->failed = fuda_digest_bytes(FUDA_SHA1, bits.p, bits.left, &digest);
	return job->failed < 0 || cur_equal(id.value, cur_of(digest.bytes, digest.len));
}

static bool authority_key_id_fits(struct job *job)
{
	struct cursor c = value_of(job, EXT_AUTHORITY_KEY_ID), own;
	struct tlv list, id, ski;

	if (!has(job, EXT_AUTHORITY_KEY_ID))
		return job->role == CERT_ROOT;
	if (tlv_expect(&c, DER_SEQUENCE, &list) < 0 || c.left ||
	    tlv_expect(&list.value, DER_IMPLICIT(0), &id) < 0 || id.value.left == 0)
		return false;
	own = value_of(job, EXT_SUBJECT_KEY_ID);
	return job->role != CERT_ROOT || tlv_expect(&own, DER_OCTET_STRING, &ski) < 0 ||
	       cur_equal(ski.value, id.value);
}

static bool key_usage_fits(struct job *job)
{
	static const uint32_t usages[CERT_ROLES] = {
		[CERT_ROOT] = KU_KEY_CERT_SIGN | KU_CRL_SIGN,
		[CERT_LINK] = KU_KEY_CERT_SIGN | KU_CRL_SIGN,
		[CERT_DS] = KU_DIGITAL_SIGNATURE,
		[CERT_READER] = KU_DIGITAL_SIGNATURE,
	};
	struct cursor c = value_of(job, EXT_KEY_USAGE);
	uint32_t usage;

	if (der_named_bits(&c, &usage) < 0 || c.left)
		return false;
	if (job->role == CERT_READER_CA)
		return usage & KU_KEY_CERT_SIGN;
	return usage == usages[job->role];
}

/* BasicConstraints: RFC 5280 4.2.1.9. */
static int read_constraints(struct cursor c, bool *ret_ca, unsigned *ret_path)
{
	struct cursor number;
	struct tlv list;
	bool ca = false;
	uint8_t path = CERT_PATH_ANY;

	if (tlv_expect(&c, DER_SEQUENCE, &list) < 0 || c.left)
		return FUDA_EFORMAT;
	if (der_next_is(list.value, DER_BOOLEAN) && der_boolean(&list.value, &ca) < 0)
		return FUDA_EFORMAT;
	if (list.value.left &&
	    (der_unsigned(&list.value, 1, &number) < 0 || cur_u8(&number, &path) < 0))
		return FUDA_EFORMAT;
	*ret_ca = ca;
	*ret_path = path;
	return list.value.left ? FUDA_EFORMAT : 0;
}

static bool constraints_are_of_ca(struct job *job)
{
	bool ca = false;

	job->profile->path_length = 0;
	return read_constraints(value_of(job, EXT_CONSTRAINTS), &ca, &job->profile->path_length) ==
		       0 &&
	       ca;
}

static bool has_no_constraints(struct job *job)
{
	return !has(job, EXT_CONSTRAINTS);
}

static bool path_length_fits(struct job *job)
{
	unsigned path = 0;
	bool ca = false;

	/* what is no CA has no length of a path */
	return read_constraints(value_of(job, EXT_CONSTRAINTS), &ca, &path) < 0 || !ca || path == 0;
}

static bool has_purpose(struct job *job)
{
	return has(job, EXT_PURPOSES);
}

static bool has_one_purpose(struct job *job)
{
	struct cursor c = value_of(job, EXT_PURPOSES);
	char oid[DER_OID_MAX];
	struct tlv list;

	if (!has(job, EXT_PURPOSES))
		return true;
	if (tlv_expect(&c, DER_SEQUENCE, &list) < 0 || c.left || der_oid(&list.value, oid) < 0 ||
	    list.value.left)
		return false;
	memcpy(job->profile->purpose, oid, sizeof(oid));
	return true;
}

/* A link certificate may have one of its own, 1.0.18013.5.1.4: mdoc.md 2.1. */
static bool has_no_purpose(struct job *job)
{
	if (job->role == CERT_LINK && has_one_purpose(job) &&
	    strcmp(job->profile->purpose, "1.0.18013.5.1.4") == 0)
		return true;
	return !has(job, EXT_PURPOSES);
}

/* GeneralNames: whether one of them is of either kind, and says something. */
static bool has_name(struct cursor names, uint32_t kind, uint32_t other)
{
	struct tlv name;

	while (tlv_next_der(&names, &name) == 0)
		if ((name.tag == kind || name.tag == other) && name.value.left)
			return true;
	return false;
}

/* Readers' may be without: that of Annex D is. */
static bool issuer_alt_name_fits(struct job *job)
{
	struct cursor c = value_of(job, EXT_ISSUER_ALT_NAME);
	struct tlv names;

	if (!has(job, EXT_ISSUER_ALT_NAME))
		return is_reader(job->role);
	return tlv_expect(&c, DER_SEQUENCE, &names) == 0 && c.left == 0 &&
	       has_name(names.value, RFC822_NAME, URI_NAME);
}

/* DistributionPoint with a full name and nothing else, so no reasons and no issuer of its own: RFC
 * 5280 4.2.1.13. mdoc.md 2.1 asks for a URI; the certificates of Annex D have a DNS name there,
 * which therefore passes. */
static bool point_fits(struct cursor *c)
{
	struct tlv point, name, names;

	return tlv_expect(c, DER_SEQUENCE, &point) == 0 &&
	       tlv_expect(&point.value, DER_EXPLICIT(0), &name) == 0 && point.value.left == 0 &&
	       tlv_expect(&name.value, DER_EXPLICIT(0), &names) == 0 && name.value.left == 0 &&
	       has_name(names.value, URI_NAME, DNS_NAME);
}

/* A reader's must be there if it can be revoked, which nobody but its issuer knows. */
static bool crl_points_fit(struct job *job)
{
	struct cursor c = value_of(job, EXT_CRL_POINTS);
	struct tlv points;

	if (!has(job, EXT_CRL_POINTS))
		return is_reader(job->role);
	if (tlv_expect(&c, DER_SEQUENCE, &points) < 0 || c.left || points.value.left == 0)
		return false;
	while (points.value.left)
		if (!point_fits(&points.value))
			return false;
	return true;
}

/* ---- the rules ---- */

enum {
	ROOT = 1 << CERT_ROOT,
	LINK = 1 << CERT_LINK,
	DS = 1 << CERT_DS,
	READER = 1 << CERT_READER,
	READER_CA = 1 << CERT_READER_CA,
	LEAVES = DS | READER,
	IACA = ROOT | LINK,
	PROFILED = IACA | LEAVES, /* what Annex B describes */
	ALL = PROFILED | READER_CA,
};

static const struct rule {
	enum fuda_mdoc_rule rule;
	unsigned roles; /* that it is for */
	bool (*holds)(struct job *job);
} rules[] = {
	{ FUDA_MDOC_CERTIFICATE_VERSION, ALL, version_fits },
	{ FUDA_MDOC_CERTIFICATE_SERIAL, ALL, serial_fits },
	{ FUDA_MDOC_CERTIFICATE_SERIAL_SHORT, PROFILED, serial_is_long },
	{ FUDA_MDOC_CERTIFICATE_ALGORITHM, ALL, algorithm_fits },
	{ FUDA_MDOC_CERTIFICATE_ALGORITHMS_DIFFER, ALL, algorithms_agree },
	{ FUDA_MDOC_CERTIFICATE_KEY, ALL, key_fits },
	{ FUDA_MDOC_CERTIFICATE_POINT, ALL, is_uncompressed },
	{ FUDA_MDOC_CERTIFICATE_COUNTRY, PROFILED, country_fits },
	{ FUDA_MDOC_CERTIFICATE_COMMON_NAME, PROFILED, has_common_name },
	{ FUDA_MDOC_CERTIFICATE_NAME_FORM, PROFILED, names_fit },
	{ FUDA_MDOC_CERTIFICATE_SELF_ISSUED, IACA, is_self_issued },
	{ FUDA_MDOC_CERTIFICATE_VALIDITY, ALL, validity_fits },
	{ FUDA_MDOC_CERTIFICATE_VALIDITY_LONG, PROFILED, validity_is_short },
	{ FUDA_MDOC_CERTIFICATE_FORBIDDEN, ALL, nothing_forbidden },
	{ FUDA_MDOC_CERTIFICATE_CRITICAL, ALL, others_not_critical },
	{ FUDA_MDOC_CERTIFICATE_NOT_CRITICAL, ALL, critical_ones_are },
	{ FUDA_MDOC_CERTIFICATE_SUBJECT_KEY_ID, ALL, subject_key_id_fits },
	{ FUDA_MDOC_CERTIFICATE_AUTHORITY_KEY_ID, PROFILED, authority_key_id_fits },
	{ FUDA_MDOC_CERTIFICATE_KEY_USAGE, ALL, key_usage_fits },
	{ FUDA_MDOC_CERTIFICATE_NOT_CA, IACA | READER_CA, constraints_are_of_ca },
	{ FUDA_MDOC_CERTIFICATE_CONSTRAINTS, LEAVES, has_no_constraints },
	{ FUDA_MDOC_CERTIFICATE_PATH_LENGTH, IACA, path_length_fits },
	{ FUDA_MDOC_CERTIFICATE_NO_PURPOSE, LEAVES, has_purpose },
	{ FUDA_MDOC_CERTIFICATE_PURPOSE, LEAVES, has_one_purpose },
	{ FUDA_MDOC_CERTIFICATE_CA_PURPOSE, IACA, has_no_purpose },
	{ FUDA_MDOC_CERTIFICATE_ISSUER_ALT_NAME, PROFILED, issuer_alt_name_fits },
	{ FUDA_MDOC_CERTIFICATE_CRL_POINT, PROFILED, crl_points_fit },
};

static int judge(struct job *job, struct fuda_mdoc_findings *findings)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!(rules[i].roles & 1u << job->role))
			continue;
		job->detail[0] = '\0';
		if (!rules[i].holds(job))
			finding_add(findings, rules[i].rule, cert_role_name(job->role), job->detail,
				    strlen(job->detail));
	}
	return job->failed;
}

int cert_profile_judge(struct fuda_context *ctx, enum cert_role role, struct cursor der,
		       struct fuda_mdoc_findings *findings, struct cert_profile *ret,
		       struct fuda_cert **ret_cert)
{
	struct cert_profile profile = { .path_length = CERT_PATH_ANY };
	_cleanup_(fuda_cert_free) struct fuda_cert *cert = NULL;
	const size_t before = findings->count + findings->missed;
	struct cert_parts parts;
	bool kept = ctx_keep_error(ctx, true); /* it is nobody's error, but a finding */
	int r = fuda_cert_new(ctx, der.p, der.left, &cert);

	ctx_keep_error(ctx, kept);
	if (r < 0 && r != FUDA_EFORMAT)
		return r;
	r = 0;
	if (cert_parts_read(der, &parts) < 0)
		fuda_cert_free(&cert);
	else
		r = judge(&(struct job){ &parts, cert, role, "", &profile, 0 }, findings);
	if (r < 0)
		return r;
	if (!cert && findings->count + findings->missed == before)
		finding_add(findings, FUDA_MDOC_CERTIFICATE_MALFORMED, cert_role_name(role), "", 0);
	*ret = profile;
	*ret_cert = cert;
	cert = NULL;
	return 0;
}
