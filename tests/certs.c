/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/certs.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/util.h"

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "certs: %s\n", what);
	abort();
}

static void put(struct fuda_buf *out, const void *bytes, size_t len)
{
	insist(fuda_buf_append(out, bytes, len) == 0, "too long");
}

static void put_byte(struct fuda_buf *out, unsigned byte)
{
	uint8_t b = (uint8_t)byte;

	put(out, &b, 1);
}

static void put_length(struct fuda_buf *out, size_t len)
{
	if (len > 0xFF) {
		put_byte(out, 0x82);
		put_byte(out, (unsigned)len >> 8);
	} else if (len > 0x7F) {
		put_byte(out, 0x81);
	}
	put_byte(out, (unsigned)len & 0xFF);
}

/* X.690 8.19 */
static void put_oid(struct fuda_buf *out, const char *dotted)
{
	_cleanup_buf_ struct fuda_buf content = FUDA_BUF_INIT(128);
	char *end;
	unsigned long first = strtoul(dotted, &end, 10);

	put_byte(out, 0x06);
	for (bool second = true; *end == '.'; second = false) {
		unsigned long arc = strtoul(end + 1, &end, 10) + (second ? first * 40 : 0);
		int shift = 63;

		while (shift > 7 && !(arc >> (shift - 7)))
			shift -= 7;
		for (shift -= 7; shift > 0; shift -= 7)
			put_byte(&content, (unsigned)(arc >> shift & 0x7F) | 0x80);
		put_byte(&content, arc & 0x7F);
	}
	insist(*end == '>', "object identifier");
	put_length(out, content.len);
	put(out, content.data, content.len);
}

static const char *compile(struct fuda_buf *out, const char *p, va_list *args);

static const char *compile_braces(struct fuda_buf *out, const char *p, va_list *args)
{
	_cleanup_buf_ struct fuda_buf content = TEST_BUF;

	p = compile(&content, p, args);
	insist(*p == '}', "brace");
	put_length(out, content.len);
	put(out, content.data, content.len);
	return p + 1;
}

/* Up to the end or to the brace that closes. */
static const char *compile(struct fuda_buf *out, const char *p, va_list *args)
{
	while (*p && *p != '}') {
		const struct fuda_buf *piece;
		unsigned byte;
		char c = *p++;

		switch (c) {
		case ' ':
			break;
		case '{':
			p = compile_braces(out, p, args);
			break;
		case '\'':
			insist(strchr(p, '\'') != NULL, "quote");
			put(out, p, strcspn(p, "'"));
			p = strchr(p, '\'') + 1;
			break;
		case '<':
			insist(strchr(p, '>') != NULL, "object identifier");
			put_oid(out, p);
			p = strchr(p, '>') + 1;
			break;
		case '$':
			piece = va_arg(*args, const struct fuda_buf *);
			put(out, piece->data, piece->len);
			break;
		default:
			insist(sscanf(p - 1, "%2x", &byte) == 1 && isxdigit((unsigned char)*p),
			       "hexadecimal");
			put_byte(out, byte);
			p++;
		}
	}
	return p;
}

void der_write(struct fuda_buf *out, const char *notation, ...)
{
	va_list args;

	va_start(args, notation);
	insist(*compile(out, notation, &args) == '\0', "brace");
	va_end(args);
}

struct pair {
	EVP_PKEY *pkey;
	struct fuda_buf spki;
	char id[2 * 20 + 1];
};

static struct pair pairs[TEST_KEYS];

static void free_pairs(void)
{
	for (size_t i = 0; i < TEST_KEYS; i++) {
		EVP_PKEY_free(pairs[i].pkey);
		fuda_buf_free(&pairs[i].spki);
	}
}

static EVP_PKEY *generate(enum test_key key)
{
	switch (key) {
	case KEY_EC:
	case KEY_IACA:
	case KEY_IACA_NEXT:
	case KEY_DS:
	case KEY_READER_CA:
	case KEY_READER:
		return EVP_EC_gen("P-256");
	case KEY_P384:
		return EVP_EC_gen("P-384");
	case KEY_P521:
		return EVP_EC_gen("P-521");
	case KEY_BRAINPOOL:
		return EVP_EC_gen("brainpoolP384r1");
	case KEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case KEY_SMALL:
		return EVP_RSA_gen(1024);
	default:
		return EVP_RSA_gen(2048);
	}
}

static const struct pair *pair_of(enum test_key key)
{
	struct pair *p = &pairs[key];
	struct fuda_digest digest;
	uint8_t *spki = NULL;
	static bool registered;
	int len;

	if (p->pkey)
		return p;
	if (!registered)
		registered = atexit(free_pairs) == 0;
	p->pkey = generate(key);
	insist(p->pkey != NULL, "key");
	len = i2d_PUBKEY(p->pkey, &spki);
	insist(len > 0, "public key");
	p->spki = TEST_BUF;
	put(&p->spki, spki, (size_t)len);
	OPENSSL_free(spki);
	insist(fuda_digest_bytes(FUDA_SHA1, p->spki.data, p->spki.len, &digest) == 0, "digest");
	fuda_hex_encode(digest.bytes, 20, p->id);
	return p;
}

const char *test_key_id(enum test_key key)
{
	return pair_of(key)->id;
}

const struct fuda_buf *test_spki(enum test_key key)
{
	return &pair_of(key)->spki;
}

void test_private(enum test_key key, struct fuda_buf *ret_pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	insist(bio && PEM_write_bio_PKCS8PrivateKey(bio, pair_of(key)->pkey, NULL, NULL, 0, NULL,
						    NULL) == 1,
	       "private key");
	len = BIO_get_mem_data(bio, &text);
	put(ret_pem, text, (size_t)len);
	BIO_free(bio);
}

static void put_number(struct fuda_buf *out, enum test_key key, const char *name)
{
	_cleanup_buf_ struct fuda_buf number = TEST_BUF;
	BIGNUM *n = NULL;
	uint8_t bytes[512];

	insist(EVP_PKEY_get_bn_param(pair_of(key)->pkey, name, &n) == 1, "number");
	insist(BN_num_bytes(n) <= (int)sizeof(bytes), "number");
	put(&number, bytes, (size_t)BN_bn2bin(n, bytes));
	BN_free(n);
	der_write(out, "{$}", &number);
}

void test_card_key(enum test_key key, struct fuda_buf *ret)
{
	fuda_buf_clear(ret);
	put_byte(ret, 0x90);
	put_number(ret, key, OSSL_PKEY_PARAM_RSA_E);
	put_byte(ret, 0x91);
	put_number(ret, key, OSSL_PKEY_PARAM_RSA_N);
}

void test_sign(enum test_key key, enum fuda_padding padding, const struct fuda_digest *digest,
	       struct fuda_buf *ret_signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair_of(key)->pkey, NULL);
	const EVP_MD *md = EVP_get_digestbyname(fuda_hash_name(digest->hash));
	uint8_t signature[512];
	size_t len = sizeof(signature);

	insist(ctx && md && EVP_PKEY_sign_init(ctx) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1,
	       "signing");
	if (padding == FUDA_PSS)
		insist(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
			       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1,
		       "padding");
	insist(EVP_PKEY_sign(ctx, signature, &len, digest->bytes, digest->len) == 1, "signature");
	EVP_PKEY_CTX_free(ctx);
	fuda_buf_clear(ret_signature);
	put(ret_signature, signature, len);
}

static void sign_with(enum test_key key, int padding, const uint8_t *bytes, size_t len,
		      struct fuda_buf *ret_signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair_of(key)->pkey, NULL);
	uint8_t signature[512];
	size_t signature_len = sizeof(signature);

	insist(ctx && EVP_PKEY_sign_init(ctx) == 1 &&
		       EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1 &&
		       EVP_PKEY_sign(ctx, signature, &signature_len, bytes, len) == 1,
	       "bare signature");
	EVP_PKEY_CTX_free(ctx);
	fuda_buf_clear(ret_signature);
	put(ret_signature, signature, signature_len);
}

void test_sign_info(enum test_key key, const uint8_t *info, size_t len,
		    struct fuda_buf *ret_signature)
{
	sign_with(key, RSA_PKCS1_PADDING, info, len, ret_signature);
}

void test_raw(enum test_key key, const uint8_t *block, size_t len, struct fuda_buf *ret_signature)
{
	sign_with(key, RSA_NO_PADDING, block, len, ret_signature);
}

#define CA_NAME(kind)                                                   \
	"30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.10>0C{'JPKI-TEST'}}}" \
	"31{30{<2.5.4.11>0C{'JPKI for " kind "'}}}"                     \
	"31{30{<2.5.4.11>0C{'Japan Agency for Local Authority Information Systems'}}}}"
#define AUTH_CA_NAME CA_NAME("user authentication")
#define SIGN_CA_NAME CA_NAME("digital signature")

struct cert_plan plan_ca(enum fuda_cert_use issues, enum test_key key)
{
	const char *name = issues == FUDA_USE_AUTH ? AUTH_CA_NAME : SIGN_CA_NAME;

	return (struct cert_plan){
		.field = {
			[F_VERSION] = "A0{020102}",
			[F_SERIAL] = "020400C139AB",
			[F_ALGORITHM] = ALGORITHM_SHA256,
			[F_ISSUER] = name,
			[F_VALIDITY] = "30{17{'230716000000Z'}17{'330715145959Z'}}",
			[F_SUBJECT] = name,
			[F_AKI] = "",
			[F_KU] = "30{<2.5.29.15>0101FF04{03020106}}",
			[F_EKU] = "",
			[F_POLICY] = "",
			[F_BC] = "30{<2.5.29.19>0101FF04{30{0101FF}}}",
			[F_SAN] = "30{<2.5.29.17>04{30{A4{30{31{30{<2.5.4.6>13{'JP'}}}"
				  "31{30{<2.5.4.10>0C{E585ACE79A84}}}}}}}}",
			[F_EXTRA] = "30{<2.5.29.31>04{30{30{A0{A0{A4{30{31{30{"
				   "<2.5.4.6>13{'JP'}}}}}}}}}}}",
			[F_BEHIND] = "",
		},
		.key = key,
		.signer = key,
		.hash = FUDA_SHA256,
	};
}

/* What both certificates of a holder have. */
static struct cert_plan plan_holder(const char *issuer, enum test_key signer)
{
	return (struct cert_plan){
		.field = {
			[F_VERSION] = "A0{020102}",
			[F_SERIAL] = "020401A2B3C4",
			[F_ALGORITHM] = ALGORITHM_SHA256,
			[F_ISSUER] = issuer,
			[F_VALIDITY] = "30{17{'250401000000Z'}17{'300401145959Z'}}",
			[F_SUBJECT] = "30{31{30{<2.5.4.6>13{'JP'}}}"
				      "31{30{<2.5.4.3>0C{'0A1B2C3D4E5F6G7H8J9K0L1'}}}}",
			[F_EKU] = "",
			[F_BC] = "",
			[F_SAN] = "",
			[F_EXTRA] = "30{<2.5.29.18>04{30{A4{30{31{30{<2.5.4.6>13{'JP'}}}}}}}}"
				    "30{<1.3.6.1.5.5.7.1.1>04{30{30{<1.3.6.1.5.5.7.48.1>"
				    "86{'http://ocspauthnorm.jpki.go.jp'}}}}}",
			[F_BEHIND] = "",
		},
		.key = KEY_HOLDER,
		.signer = signer,
		.hash = FUDA_SHA256,
	};
}

#define POLICY(oid)                                                       \
	"30{<2.5.29.32>0101FF04{30{30{<" oid ">30{30{<1.3.6.1.5.5.7.2.1>" \
	"16{'http://www.jpki.go.jp/cps.html'}}}}}}}"

struct cert_plan plan_auth(void)
{
	struct cert_plan plan = plan_holder(AUTH_CA_NAME, KEY_AUTH_CA);

	plan.field[F_KU] = "30{<2.5.29.15>0101FF04{03020780}}";
	plan.field[F_EKU] = "30{<2.5.29.37>04{30{<1.3.6.1.5.5.7.3.2>}}}";
	plan.field[F_POLICY] = POLICY("1.2.392.200149.8.5.1.3.30");
	return plan;
}

/* The order of the names is that of real certificates; name and address are those of an example
 * form. */
struct cert_plan plan_sign(void)
{
	struct cert_plan plan = plan_holder(SIGN_CA_NAME, KEY_SIGN_CA);

	plan.field[F_KU] = "30{<2.5.29.15>0101FF04{030206C0}}";
	plan.field[F_POLICY] = POLICY("1.2.392.200149.8.5.1.0.20");
	plan.field[F_SAN] =
		"30{<2.5.29.17>04{30{"
		"A0{<1.2.392.200149.8.5.5.1>A0{0C{E795AAE58FB7E38080E88AB1E5AD90}}}"
		"A0{<1.2.392.200149.8.5.5.4>A0{0C{'419800217'}}}"
		"A0{<1.2.392.200149.8.5.5.3>A0{0C{'2'}}}"
		"A0{<1.2.392.200149.8.5.5.5>A0{0C{E69DB1E4BAACE983BDE6B8AFE58CBA'1-2-3'}}}"
		"A0{<1.2.392.200149.8.5.5.2>A0{0C{'00000'}}}"
		"A0{<1.2.392.200149.8.5.5.6>A0{0C{'00000000'}}}"
		"A0{<1.2.392.200149.8.5.5.99>A0{30{020107}}}}}}";
	return plan;
}

static void put_extensions(const struct cert_plan *plan, struct fuda_buf *out)
{
	char ski[128], aki[128];

	snprintf(ski, sizeof(ski), "30{<2.5.29.14>04{04{%s}}}", test_key_id(plan->key));
	snprintf(aki, sizeof(aki), "30{<2.5.29.35>04{30{80{%s}}}}", test_key_id(plan->signer));
	der_write(out, plan->field[F_SKI] ? plan->field[F_SKI] : ski);
	der_write(out, plan->field[F_AKI] ? plan->field[F_AKI] : aki);
	for (size_t f = F_KU; f <= F_EXTRA; f++)
		der_write(out, plan->field[f]);
}

static void sign_tbs(const struct cert_plan *plan, const struct fuda_buf *tbs,
		     struct fuda_buf *ret_signature)
{
	struct fuda_digest digest;
	EVP_MD_CTX *ctx;
	uint8_t signature[64];
	size_t len = sizeof(signature);

	if (plan->signer != KEY_ED25519) {
		insist(fuda_digest_bytes(plan->hash, tbs->data, tbs->len, &digest) == 0, "digest");
		test_sign(plan->signer, FUDA_PKCS1, &digest, ret_signature);
		return;
	}
	ctx = EVP_MD_CTX_new();
	insist(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pair_of(plan->signer)->pkey) == 1 &&
		       EVP_DigestSign(ctx, signature, &len, tbs->data, tbs->len) == 1,
	       "signature");
	EVP_MD_CTX_free(ctx);
	fuda_buf_clear(ret_signature);
	put(ret_signature, signature, len);
}

void cert_make(const struct cert_plan *plan, struct fuda_buf *ret_der)
{
	_cleanup_buf_ struct fuda_buf body = TEST_BUF;
	_cleanup_buf_ struct fuda_buf extensions = TEST_BUF;
	_cleanup_buf_ struct fuda_buf tbs = TEST_BUF;
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	const char *outer = plan->field[F_OUTER_ALGORITHM];

	for (size_t f = F_VERSION; f <= F_SUBJECT; f++)
		der_write(&body, plan->field[f]);
	der_write(&body, plan->field[F_KEY] ? plan->field[F_KEY] : "$", &pair_of(plan->key)->spki);
	put_extensions(plan, &extensions);
	if (extensions.len)
		der_write(&body, "A3{30{$}}", &extensions);
	der_write(&body, plan->field[F_BEHIND]);
	der_write(&tbs, "30{$}", &body);
	sign_tbs(plan, &tbs, &signature);
	fuda_buf_clear(&body);
	der_write(&body, outer ? outer : plan->field[F_ALGORITHM]);
	der_write(&body, plan->field[F_SIGNATURE] ? plan->field[F_SIGNATURE] : "03{00$}",
		  &signature);
	fuda_buf_clear(ret_der);
	der_write(ret_der, "30{$$}", &tbs, &body);
}

void cert_make_with(struct cert_plan plan, enum cert_field field, const char *notation,
		    struct fuda_buf *ret_der)
{
	plan.field[field] = notation;
	cert_make(&plan, ret_der);
}
