/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate a terminal shows: platform.md D4, "Terminal enrolment", and E12. Read by our
 * own reader, as it is a stranger's until its signature was checked; and as every request asks,
 * what was found to be ours is remembered by its digest. */
#include "service/ca-inside.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <fuda/hash.h>
#include "pki/der.h"

enum { SEEN = 256, DIGEST = 32 };

static const char untrusted[] = "untrusted", other_environment[] = "other_environment",
		  not_a_terminal[] = "not_a_terminal";

/* ---- what was seen before ---- */

/* A certificate that was judged good but for the time. */
struct seen {
	bool used;
	uint8_t sha256[DIGEST];
	struct terminal_identity identity;
};

/* By the first byte of the digest: a newer one takes the place of an older one. */
struct ca_seen {
	pthread_mutex_t lock;
	struct seen slots[SEEN];
};

int ca_seen_new(struct ca_seen **ret)
{
	struct ca_seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return FUDA_ENOMEM;
	if (pthread_mutex_init(&seen->lock, NULL) != 0) {
		free(seen);
		return FUDA_ENOMEM;
	}
	*ret = seen;
	return 0;
}

void ca_seen_free(struct ca_seen **seen)
{
	if (!*seen)
		return;
	pthread_mutex_destroy(&(*seen)->lock);
	wipe(*seen, sizeof(**seen));
	free(*seen);
	*seen = NULL;
}

static bool recall(struct ca_seen *seen, const uint8_t sha256[DIGEST],
		   struct terminal_identity *ret)
{
	const struct seen *slot = &seen->slots[sha256[0]];
	bool known;

	pthread_mutex_lock(&seen->lock);
	known = slot->used && memcmp(slot->sha256, sha256, DIGEST) == 0;
	if (known)
		*ret = slot->identity;
	pthread_mutex_unlock(&seen->lock);
	return known;
}

static void remember(struct ca_seen *seen, const uint8_t sha256[DIGEST],
		     const struct terminal_identity *identity)
{
	struct seen *slot = &seen->slots[sha256[0]];

	pthread_mutex_lock(&seen->lock);
	slot->used = true;
	memcpy(slot->sha256, sha256, DIGEST);
	slot->identity = *identity;
	pthread_mutex_unlock(&seen->lock);
}

/* ---- taking it apart ---- */

struct parts {
	struct cursor tbs, issuer, spki, signature;
	struct terminal_identity identity;
	char environment[CA_ENVIRONMENT]; /* "" if it has none */
	bool terminal;                    /* has a name as terminals have it, and no other */
	bool signs, client_auth, ca;
	bool unknown_critical;
};

static int read_alt_name(struct parts *parts, struct cursor c)
{
	static const char urn[] = CA_TERMINAL_URN;
	char text[ID_TEXT] = "";
	struct tlv names, uri;
	const uint8_t *start;

	if (tlv_expect(&c, DER_SEQUENCE, &names) < 0 || c.left)
		return FUDA_EFORMAT;
	if (tlv_expect(&names.value, DER_IMPLICIT(6), &uri) < 0 || names.value.left ||
	    uri.value.left != strlen(urn) + ID_TEXT - 1 ||
	    cur_take(&uri.value, strlen(urn), &start) < 0 || memcmp(start, urn, strlen(urn)) != 0 ||
	    cur_copy(&uri.value, text, ID_TEXT - 1) < 0)
		return 0; /* the name of something else */
	parts->terminal = strlen(text) == ID_TEXT - 1 && id_parse(text, parts->identity.id) == 0;
	return 0;
}

static int read_key_usage(struct parts *parts, struct cursor c)
{
	uint32_t usage;

	if (der_named_bits(&c, &usage) < 0 || c.left)
		return FUDA_EFORMAT;
	parts->signs = usage & 1; /* digitalSignature */
	return 0;
}

static int read_extended_key_usage(struct parts *parts, struct cursor c)
{
	char oid[DER_OID_MAX];
	struct tlv list;

	if (tlv_expect(&c, DER_SEQUENCE, &list) < 0 || c.left)
		return FUDA_EFORMAT;
	while (list.value.left) {
		if (der_oid(&list.value, oid) < 0)
			return FUDA_EFORMAT;
		parts->client_auth |= strcmp(oid, "1.3.6.1.5.5.7.3.2") == 0;
	}
	return 0;
}

static int read_basic_constraints(struct parts *parts, struct cursor c)
{
	struct tlv list;

	if (tlv_expect(&c, DER_SEQUENCE, &list) < 0 || c.left)
		return FUDA_EFORMAT;
	if (list.value.left && der_boolean(&list.value, &parts->ca) < 0)
		return FUDA_EFORMAT;
	return 0;
}

static int read_environment(struct parts *parts, struct cursor c)
{
	char text[CA_ENVIRONMENT] = "";
	struct tlv t;

	if (tlv_expect(&c, DER_UTF8_STRING, &t) < 0 || c.left ||
	    !ca_is_environment((const char *)t.value.p, t.value.left) ||
	    cur_copy(&t.value, text, t.value.left) < 0)
		return FUDA_EFORMAT;
	memcpy(parts->environment, text, sizeof(text));
	return 0;
}

/* Nothing in it is of use: the key of the authority is known. */
static int read_nothing(struct parts *parts _unused_, struct cursor c _unused_)
{
	return 0;
}

/* By the bytes of their object identifiers. */
static const struct kind {
	size_t len;
	uint8_t oid[10];
	int (*read)(struct parts *parts, struct cursor c);
} kinds[] = {
	{ 3, { 0x55, 0x1D, 14 }, read_nothing }, /* subject key identifier */
	{ 3, { 0x55, 0x1D, 15 }, read_key_usage },
	{ 3, { 0x55, 0x1D, 17 }, read_alt_name },
	{ 3, { 0x55, 0x1D, 19 }, read_basic_constraints },
	{ 3, { 0x55, 0x1D, 35 }, read_nothing }, /* authority key identifier */
	{ 3, { 0x55, 0x1D, 37 }, read_extended_key_usage },
	{ 10, /* CA_ENVIRONMENT_OID */
	  { 0x69, 0x8C, 0xA3, 0xC2, 0x9F, 0x8F, 0xF0, 0x85, 0xC7, 0x3D },
	  read_environment },
};

static int read_extension(struct parts *parts, struct cursor *c, unsigned *seen)
{
	struct cursor oid, value;
	bool critical;

	if (der_extension(c, &oid, &critical, &value) < 0)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].len != oid.left || memcmp(kinds[i].oid, oid.p, oid.left) != 0)
			continue;
		if (*seen & 1u << i || der_check(value) < 0) /* RFC 5280 4.2 */
			return FUDA_EFORMAT;
		*seen |= 1u << i;
		return kinds[i].read(parts, value);
	}
	parts->unknown_critical |= critical;
	return 0;
}

static int read_extensions(struct parts *parts, struct cursor *c)
{
	struct tlv explicit, list;
	unsigned seen = 0;

	if (tlv_expect(c, DER_EXPLICIT(3), &explicit) < 0 || c->left ||
	    tlv_expect(&explicit.value, DER_SEQUENCE, &list) < 0 || explicit.value.left)
		return FUDA_EFORMAT;
	while (list.value.left)
		if (read_extension(parts, &list.value, &seen) < 0)
			return FUDA_EFORMAT;
	return 0;
}

/* TBSCertificate as ca_issue() makes it: RFC 5280 4.1. */
static int read_tbs(struct parts *parts, struct cursor c, struct cursor outer_algorithm)
{
	struct terminal_identity *identity = &parts->identity;
	struct tlv version, algorithm, name, validity, spki;
	struct cursor number, serial;
	uint8_t v;

	if (tlv_expect(&c, DER_EXPLICIT(0), &version) < 0 ||
	    der_unsigned(&version.value, 1, &number) < 0 || version.value.left ||
	    cur_u8(&number, &v) < 0 || v != 2 || der_unsigned(&c, CA_SERIAL, &serial) < 0 ||
	    serial.left != CA_SERIAL || cur_copy(&serial, identity->serial, CA_SERIAL) < 0)
		return FUDA_EFORMAT;
	if (tlv_expect(&c, DER_SEQUENCE, &algorithm) < 0 ||
	    algorithm.whole.left != outer_algorithm.left ||
	    memcmp(algorithm.whole.p, outer_algorithm.p, outer_algorithm.left) != 0)
		return FUDA_EFORMAT;
	if (tlv_expect(&c, DER_SEQUENCE, &name) < 0 || tlv_expect(&c, DER_SEQUENCE, &validity) < 0)
		return FUDA_EFORMAT;
	parts->issuer = name.whole;
	if (der_time(&validity.value, &identity->not_before) < 0 ||
	    der_time(&validity.value, &identity->not_after) < 0 || validity.value.left ||
	    tlv_expect(&c, DER_SEQUENCE, &name) < 0 || tlv_expect(&c, DER_SEQUENCE, &spki) < 0)
		return FUDA_EFORMAT;
	parts->spki = spki.whole;
	return read_extensions(parts, &c);
}

static int take_apart(struct cursor c, struct parts *ret)
{
	struct tlv certificate, tbs, algorithm;
	struct cursor parameters, copy;
	char oid[DER_OID_MAX];
	unsigned unused;

	*ret = (struct parts){ 0 };
	if (c.left > CA_CERT_MAX || der_check(c) < 0 ||
	    tlv_expect(&c, DER_SEQUENCE, &certificate) < 0 || c.left ||
	    tlv_expect(&certificate.value, DER_SEQUENCE, &tbs) < 0)
		return FUDA_EFORMAT;
	copy = certificate.value;
	if (tlv_expect(&certificate.value, DER_SEQUENCE, &algorithm) < 0 ||
	    der_algorithm(&copy, oid, &parameters) < 0 || parameters.left ||
	    strcmp(oid, "1.2.840.10045.4.3.2") != 0 || /* ECDSA with SHA-256 */
	    der_bits(&certificate.value, &ret->signature, &unused) < 0 || unused ||
	    certificate.value.left)
		return FUDA_EFORMAT;
	ret->tbs = tbs.whole;
	return read_tbs(ret, tbs.value, algorithm.whole);
}

/* ---- judging it ---- */

static int verify(const struct ca *ca, const struct parts *parts)
{
	_cleanup_(ca_free_md) EVP_MD_CTX *md = EVP_MD_CTX_new();
	CA_FORGET_ERRORS;

	if (!md || EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, ca->key) != 1)
		return FUDA_EFAILED;
	return EVP_DigestVerify(md, parts->signature.p, parts->signature.left, parts->tbs.p,
				parts->tbs.left) == 1 ?
		       0 :
		       FUDA_EVERIFY;
}

static bool is_terminal(const struct parts *parts)
{
	return parts->terminal && parts->environment[0] && parts->client_auth && parts->signs &&
	       !parts->ca && !parts->unknown_critical;
}

static int refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return FUDA_EVERIFY;
}

/* All but the time. */
static int judge(const struct ca *ca, const uint8_t *der, size_t len, struct terminal_identity *ret,
		 const char **ret_why)
{
	struct fuda_digest key;
	struct parts parts;
	int r;

	if (take_apart(cur_of(der, len), &parts) < 0)
		return refuse(untrusted, ret_why);
	/* Before its signature: another environment has an authority of its own, and that it is
	 * another one is what helps whoever took the wrong address. Refused it is either way. */
	if (parts.environment[0] && strcmp(parts.environment, ca->environment) != 0)
		return refuse(other_environment, ret_why);
	if (parts.issuer.left != ca->name.len ||
	    memcmp(parts.issuer.p, ca->name.data, ca->name.len) != 0)
		return refuse(untrusted, ret_why);
	r = verify(ca, &parts);
	if (r < 0)
		return r == FUDA_EVERIFY ? refuse(untrusted, ret_why) : r;
	if (!is_terminal(&parts))
		return refuse(not_a_terminal, ret_why);
	if (fuda_digest_bytes(FUDA_SHA256, parts.spki.p, parts.spki.left, &key) < 0)
		return FUDA_EFAILED;
	memcpy(parts.identity.key, key.bytes, sizeof(parts.identity.key));
	*ret = parts.identity;
	return 0;
}

int ca_identify(struct fuda_context *ctx, const struct ca *ca, const uint8_t *der, size_t len,
		time_t at, struct terminal_identity *ret, const char **ret_why)
{
	struct terminal_identity identity = { 0 };
	struct fuda_digest digest;
	int r = 0;

	if (len == 0 || len > CA_CERT_MAX)
		return refuse(untrusted, ret_why);
	if (fuda_digest_bytes(FUDA_SHA256, der, len, &digest) < 0)
		return ctx_fail_code(ctx, FUDA_EFAILED);
	if (!recall(ca->seen, digest.bytes, &identity)) {
		r = judge(ca, der, len, &identity, ret_why);
		if (r == 0)
			remember(ca->seen, digest.bytes, &identity);
	}
	if (r < 0)
		return r == FUDA_EVERIFY ? r : ctx_fail_code(ctx, r);
	if (at > identity.not_after)
		return refuse("expired", ret_why);
	if (at < identity.not_before)
		return refuse("not_yet_valid", ret_why);
	*ret = identity;
	return 0;
}
