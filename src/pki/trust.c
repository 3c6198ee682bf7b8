/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/trust.h"

#include <fuda/encode.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "pki/cert.h"
#include "pki/file.h"

enum { CAS_MAX = 64 };

/* card.md 5.1. The three generations of each kind bear one name. */
static const struct genuine_ca jpki_cas[] = {
	{ "sign 01", FUDA_USE_SIGN, "0D034CBB34D0714F45E45A1CAFD8FD143FAB54A7",
	  "19645405A1FE14377434BD55957628AC4038557C542403A2243F21C706FC9355" },
	{ "sign 02", FUDA_USE_SIGN, "4DE017DE4B7F473DCD867A62D38B134ACE83558A",
	  "79679C33E4CC9319440F1AD120A597FF1844E2EF217063ADB176966FD5E6FBEB" },
	{ "sign 03", FUDA_USE_SIGN, "D21EA55895617E93ADBF966B941AB4EDF653F08F",
	  "D227F6CDE11D35C5252178F106F843D24651944975413B539FA2FB68DBFA365F" },
	{ "auth 01", FUDA_USE_AUTH, "9567951B5CA70D84A0FFF1D85A87F1AAB1340385",
	  "4DCFC4CA0AAF9FB2A3081B3F0C991C320B3ACC008667A341EEAEC5AF1D58CA7D" },
	{ "auth 02", FUDA_USE_AUTH, "8CD5586A891485E559379B7E29D410CFD28B3593",
	  "0D98DE47FC11B7F67126874B7028B6026A803D2638D6EDFE53176953961FADE6" },
	{ "auth 03", FUDA_USE_AUTH, "1AC100F596A3BC8C4B3DF195E32699249E9E308A",
	  "64114F29620C24ED2631D46476A040E7EE740D956089C00B036A6A8118C322B5" },
};

struct fuda_trust {
	struct fuda_context *ctx;
	const struct genuine_ca *genuine;
	size_t genuine_count;
	struct trust_ca cas[CAS_MAX];
	size_t count;
};

int trust_new_with(struct fuda_context *ctx, const struct genuine_ca *genuine, size_t count,
		   struct fuda_trust **ret)
{
	struct fuda_trust *trust = calloc(1, sizeof(*trust));

	if (!trust)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	trust->ctx = ctx;
	trust->genuine = genuine;
	trust->genuine_count = count;
	*ret = trust;
	return 0;
}

int fuda_trust_new(struct fuda_context *ctx, struct fuda_trust **ret)
{
	return trust_new_with(ctx, jpki_cas, ARRAY_SIZE(jpki_cas), ret);
}

/* Forgets the CAs that came after the first `count`. */
static void cut(struct fuda_trust *trust, size_t count)
{
	while (trust->count > count)
		fuda_cert_free(&trust->cas[--trust->count].cert);
}

void fuda_trust_free(struct fuda_trust **trust)
{
	if (!*trust)
		return;
	cut(*trust, 0);
	free(*trust);
	*trust = NULL;
}

static bool is_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	char text[2 * 32 + 1];

	if (2 * len > sizeof(text) - 1)
		return false;
	fuda_hex_encode(bytes, len, text);
	return strcmp(text, hex) == 0;
}

static const struct genuine_ca *find_genuine(const struct fuda_trust *trust,
					     const struct fuda_cert_facts *f)
{
	for (size_t i = 0; i < trust->genuine_count; i++)
		if (is_hex(f->sha256, sizeof(f->sha256), trust->genuine[i].sha256))
			return &trust->genuine[i];
	return NULL;
}

/* Whether `name` has `attribute` ("OU=...") among its parts, which ", " separates: commas inside
 * values stand behind backslashes. */
static bool name_has(const char *name, const char *attribute)
{
	size_t len = strlen(attribute);
	const char *p = name;

	while ((p = strstr(p, attribute))) {
		bool starts = p == name || (p - name >= 2 && memcmp(p - 2, ", ", 2) == 0);

		if (starts && (!p[len] || strncmp(p + len, ", ", 2) == 0))
			return true;
		p += len;
	}
	return false;
}

/* What a CA that is not genuine issues, where its name says so as the genuine ones' do:
 * card.md 5.1. */
static enum fuda_cert_use use_by_name(const char *subject)
{
	if (name_has(subject, "OU=JPKI for user authentication"))
		return FUDA_USE_AUTH;
	if (name_has(subject, "OU=JPKI for digital signature"))
		return FUDA_USE_SIGN;
	return FUDA_USE_UNKNOWN;
}

static const struct trust_ca *find_itself(const struct fuda_trust *trust,
					  const struct fuda_cert_facts *f)
{
	for (size_t i = 0; i < trust->count; i++)
		if (memcmp(trust->cas[i].cert->facts.sha256, f->sha256, sizeof(f->sha256)) == 0)
			return &trust->cas[i];
	return NULL;
}

/* Takes `*cert` over, and leaves NULL, if it is to be believed: if it is genuine, or if the user
 * says so. */
static int add(struct fuda_trust *trust, struct fuda_cert **cert, bool named_by_user)
{
	const struct fuda_cert_facts *f = &(*cert)->facts;
	const struct genuine_ca *genuine = find_genuine(trust, f);
	struct trust_ca ca = { .cert = *cert };

	if ((!genuine && !named_by_user) || find_itself(trust, f))
		return 0;
	if (!f->ski_len)
		return ctx_fail(
			trust->ctx, FUDA_EFORMAT,
			_("The certificate of \"%s\" has no subject key identifier, by which "
			  "an issuer is found."),
			f->subject);
	if (trust->count == CAS_MAX)
		return ctx_fail(trust->ctx, FUDA_ETOOBIG,
				_("More than %d CA certificates; name fewer."), CAS_MAX);
	ca.world = genuine ? FUDA_WORLD_PRODUCTION : FUDA_WORLD_TEST;
	ca.use = genuine ? genuine->use : use_by_name(f->subject);
	trust->cas[trust->count++] = ca;
	*cert = NULL;
	return 0;
}

static int add_der(struct fuda_trust *trust, const uint8_t *der, size_t len, bool named_by_user)
{
	_cleanup_(fuda_cert_free) struct fuda_cert *cert = NULL;
	int r = fuda_cert_new(trust->ctx, der, len, &cert);

	return r < 0 ? r : add(trust, &cert, named_by_user);
}

int fuda_trust_offer(struct fuda_trust *trust, const uint8_t *der, size_t len)
{
	return add_der(trust, der, len, false);
}

static int add_named(void *arg, const uint8_t *der, size_t len)
{
	return add_der(arg, der, len, true);
}

int fuda_trust_add_file(struct fuda_trust *trust, const char *path)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(PKI_FILE_MAX);
	size_t before = trust->count;
	int r = pki_read_file(trust->ctx, path, &text);

	if (r == 0)
		r = pki_each_certificate(trust->ctx, path, &text, add_named, trust);
	if (r < 0)
		cut(trust, before); /* all of a file or nothing */
	return r;
}

const struct trust_ca *trust_ca_at(const struct fuda_trust *trust, size_t i)
{
	return i < trust->count ? &trust->cas[i] : NULL;
}

/* Whether the key identifier of `ca` is the one that `f` names as its issuer's. */
static bool names_issuer(const struct fuda_cert_facts *f, const struct trust_ca *ca)
{
	const struct fuda_cert_facts *issuer = &ca->cert->facts;

	return f->aki_len && f->aki_len == issuer->ski_len &&
	       memcmp(f->aki, issuer->ski, f->aki_len) == 0;
}

bool fuda_trust_has_issuer(const struct fuda_trust *trust, const struct fuda_cert *cert)
{
	struct issuer issuer;

	return trust_issuer(trust, cert, &issuer) == 0 && issuer.signature == 0;
}

bool fuda_trust_knows_issuer(const struct fuda_cert *cert)
{
	const struct fuda_cert_facts *f = &cert->facts;

	for (size_t i = 0; i < ARRAY_SIZE(jpki_cas); i++)
		if (is_hex(f->aki, f->aki_len, jpki_cas[i].ski))
			return true;
	return false;
}

/* One that signed is better than one that did not, and then a genuine CA than one that was named:
 * in whatever order they were added. */
static bool is_better(const struct trust_ca *ca, int signature, const struct issuer *than)
{
	if (!than->ca)
		return true;
	if ((signature == 0) != (than->signature == 0))
		return signature == 0;
	return ca->world == FUDA_WORLD_PRODUCTION && than->ca->world != FUDA_WORLD_PRODUCTION;
}

int trust_issuer(const struct fuda_trust *trust, const struct fuda_cert *cert, struct issuer *ret)
{
	struct issuer found = { find_itself(trust, &cert->facts), 0 };

	for (size_t i = 0; i < trust->count; i++) {
		const struct trust_ca *ca = &trust->cas[i];
		int r;

		if (!names_issuer(&cert->facts, ca))
			continue;
		r = cert_signed_by(cert, ca->cert);
		if (r < 0 && r != FUDA_EVERIFY && r != FUDA_ENOTSUP)
			return r;
		if (is_better(ca, r, &found))
			found = (struct issuer){ ca, r };
	}
	if (!found.ca)
		return FUDA_ENOTFOUND;
	*ret = found;
	return 0;
}
