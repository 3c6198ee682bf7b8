/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/mdoc-certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "base/util.h"

/* SHA-1 of what is in the BIT STRING of the key: RFC 5280 4.2.1.2, method 1. */
static void key_id(enum test_key key, char ret[41])
{
	const struct fuda_buf *spki = test_spki(key);
	struct cursor c = cur_of(spki->data, spki->len), bits;
	struct fuda_digest digest;
	struct tlv sequence, algorithm;
	unsigned unused;

	if (tlv_expect(&c, DER_SEQUENCE, &sequence) < 0 ||
	    tlv_expect(&sequence.value, DER_SEQUENCE, &algorithm) < 0 ||
	    der_bits(&sequence.value, &bits, &unused) < 0 ||
	    fuda_digest_bytes(FUDA_SHA1, bits.p, bits.left, &digest) < 0)
		abort();
	fuda_hex_encode(digest.bytes, 20, ret);
}

const char *mdoc_ski(enum test_key key)
{
	static char texts[TEST_KEYS][80];
	char id[41];

	key_id(key, id);
	snprintf(texts[key], sizeof(texts[key]), "30{<2.5.29.14>04{04{%s}}}", id);
	return texts[key];
}

const char *mdoc_aki(enum test_key key)
{
	static char texts[TEST_KEYS][80];
	char id[41];

	key_id(key, id);
	snprintf(texts[key], sizeof(texts[key]), "30{<2.5.29.35>04{30{80{%s}}}}", id);
	return texts[key];
}

static const struct {
	const char *serial, *issuer, *subject, *validity, *ku, *eku, *bc, *ian, *crl_points;
	enum test_key key, signer;
} plans[CERT_ROLES] = {
#define CA            KEY_USAGE("03020106"), "", CONSTRAINTS("0101FF020100")
#define LEAF(purpose) KEY_USAGE("03020780"), PURPOSE("<" purpose ">"), ""
#define PLACES        ISSUER_ALT("81{'iaca@example.jp'}"), CRL_POINTS_AT(CRL_URI)
	[CERT_ROOT] = { "5A10000000000000000000000000000000000001", IACA_NAME, IACA_NAME,
			"30{17{'250101000000Z'}17{'340101000000Z'}}", CA, PLACES, KEY_IACA,
			KEY_IACA },
	[CERT_LINK] = { LINK_SERIAL, IACA_NAME, IACA_NAME,
			"30{17{'261001000000Z'}17{'340101000000Z'}}", CA, PLACES, KEY_IACA_NEXT,
			KEY_IACA },
	[CERT_DS] = { DS_SERIAL, IACA_NAME, DS_NAME, "30{17{'261001000000Z'}17{'270101000000Z'}}",
		      LEAF("1.0.18013.5.1.2"), PLACES, KEY_DS, KEY_IACA },
	[CERT_READER] = { READER_SERIAL, READER_CA_NAME, READER_NAME,
			  "30{17{'260101000000Z'}17{'280101000000Z'}}", LEAF("1.0.18013.5.1.6"), "",
			  CRL_POINTS_AT(CRL_URI), KEY_READER, KEY_READER_CA },
	[CERT_READER_CA] = { "5A10000000000000000000000000000000000005", READER_CA_NAME,
			     READER_CA_NAME, "30{17{'250101000000Z'}17{'340101000000Z'}}", CA, "",
			     "", KEY_READER_CA, KEY_READER_CA },
#undef CA
#undef LEAF
#undef PLACES
};

struct cert_plan plan_mdoc_under(enum cert_role role, enum test_key signer)
{
	static char serials[CERT_ROLES][64];

	snprintf(serials[role], sizeof(serials[role]), "02{%s}", plans[role].serial);
	return (struct cert_plan){
		.field = {
			[F_VERSION] = "A0{020102}",
			[F_SERIAL] = serials[role],
			[F_ALGORITHM] = ECDSA_SHA256,
			[F_ISSUER] = plans[role].issuer,
			[F_VALIDITY] = plans[role].validity,
			[F_SUBJECT] = plans[role].subject,
			[F_SKI] = mdoc_ski(plans[role].key),
			[F_AKI] = plans[role].key == signer ? "" : mdoc_aki(signer),
			[F_KU] = plans[role].ku,
			[F_EKU] = plans[role].eku,
			[F_CRL_POINTS] = plans[role].crl_points,
			[F_BC] = plans[role].bc,
			[F_IAN] = plans[role].ian,
			[F_EXTRA] = "",
			[F_BEHIND] = "",
		},
		.key = plans[role].key,
		.signer = signer,
		.hash = FUDA_SHA256,
	};
}

struct cert_plan plan_mdoc(enum cert_role role)
{
	return plan_mdoc_under(role, plans[role].signer);
}

struct cert_plan plan_next_root(void)
{
	struct cert_plan plan = plan_mdoc(CERT_ROOT);

	plan.field[F_SERIAL] = "02{5A10000000000000000000000000000000000006}";
	plan.field[F_SKI] = mdoc_ski(KEY_IACA_NEXT);
	plan.key = plan.signer = KEY_IACA_NEXT;
	return plan;
}

struct crl_plan plan_iaca_crl(void)
{
	struct crl_plan plan = plan_crl();

	plan.field[L_ALGORITHM] = ECDSA_SHA256;
	plan.field[L_ISSUER] = IACA_NAME;
	plan.field[L_THIS] = "17{'261101000000Z'}";
	plan.field[L_NEXT] = "17{'270115000000Z'}";
	plan.field[L_ENTRIES] = CRL_ENTRY("05") CRL_ENTRY("0080");
	plan.field[L_AKI] = mdoc_aki(KEY_IACA);
	plan.signer = KEY_IACA;
	return plan;
}

void believe_der(struct fuda_mdoc_trust *trust, struct cursor der, bool reader)
{
	char path[] = "/tmp/fuda-believe-XXXXXX";
	int fd = mkstemp(path), r;

	if (fd < 0 || write(fd, der.p, der.left) != (ssize_t)der.left || close(fd) < 0)
		abort();
	r = reader ? fuda_mdoc_trust_add_reader_file(trust, path) :
		     fuda_mdoc_trust_add_file(trust, path);
	if (unlink(path) < 0 || r < 0)
		abort();
}

void believe_mdoc(struct fuda_mdoc_trust *trust, const struct cert_plan *plan, bool reader)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	cert_make(plan, &der);
	believe_der(trust, cur_of(der.data, der.len), reader);
}

void believe_list(struct fuda_mdoc_trust *trust, const struct crl_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	crl_make(plan, &der);
	if (fuda_mdoc_trust_add_crl(trust, der.data, der.len) < 0)
		abort();
}
