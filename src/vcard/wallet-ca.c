/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/wallet-ca.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>
#include <fuda/hash.h>

#define DAY          86400L
#define IACA_DAYS    (5 * 365) /* tender: five years at most */
#define READER_DAYS  365
#define SERIAL_BYTES 16
#define PEM_MAX      8192
/* Under .test (RFC 6761), which does not exist: nobody shall be asked. */
#define ISSUER_URI     "URI:https://iaca.fuda.test/"
#define READER_URI     "URI:https://readers.fuda.test/"
#define CRL_URI        "URI:http://iaca.fuda.test/crl"
#define READER_CRL_URI "URI:http://readers.fuda.test/crl"

/* A column of the table in mdoc.md 2.1: extensions as texts of X509V3; NULL: not there. */
struct role {
	const char *name; /* common name */
	int curve;
	int days;
	const char *usage, *constraints, *extended_usage, *issuer_name, *crl;
	bool key_id; /* names the issuer's key */
};
static const struct role role_iaca = {
	"fudasashi TEST IACA",
	NID_secp384r1,
	IACA_DAYS,
	"critical,keyCertSign,cRLSign",
	"critical,CA:TRUE,pathlen:0",
	NULL,
	ISSUER_URI,
	CRL_URI,
	false,
};
static const struct role role_ds = {
	"fudasashi TEST DS",
	NID_X9_62_prime256v1,
	WALLET_DS_DAYS,
	"critical,digitalSignature",
	NULL,
	"critical,1.0.18013.5.1.2",
	ISSUER_URI,
	CRL_URI,
	true,
};
static const struct role role_reader_ca = {
	"fudasashi TEST reader CA",
	NID_X9_62_prime256v1,
	IACA_DAYS,
	"critical,keyCertSign,cRLSign",
	"critical,CA:TRUE,pathlen:0",
	NULL,
	READER_URI,
	READER_CRL_URI,
	false,
};
/* It cannot be revoked, and so names no list. */
static const struct role role_reader = {
	"fudasashi TEST reader",
	NID_X9_62_prime256v1,
	READER_DAYS,
	"critical,digitalSignature",
	NULL,
	"critical,1.0.18013.5.1.6",
	READER_URI,
	NULL,
	true,
};

/* ---- making ---- */

static X509_NAME *make_name(const char *common)
{
	static const char country[] = "JP";
	X509_NAME *name = X509_NAME_new();

	if (name &&
	    X509_NAME_add_entry_by_NID(name, NID_countryName, MBSTRING_UTF8,
				       (const unsigned char *)country, -1, -1, 0) &&
	    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
				       (const unsigned char *)common, -1, -1, 0))
		return name;
	X509_NAME_free(name);
	return NULL;
}

static bool add_text(X509 *x, X509 *issuer, int nid, const char *text)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool ok;

	if (!text)
		return true;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	ok = extension && X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

/* Random and positive, and its length is always the same: mdoc.md 2.1 asks for 63 bits. */
static bool set_serial(X509 *x)
{
	uint8_t bytes[SERIAL_BYTES];
	BIGNUM *n = NULL;
	bool ok = fuda_random(bytes, sizeof(bytes)) == 0;

	bytes[0] = (bytes[0] & 0x3F) | 0x40;
	if (ok)
		n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

static bool fill(X509 *x, const struct role *role, X509 *issuer, EVP_PKEY *key, time_t from)
{
	X509_NAME *name = make_name(role->name);
	bool ok = name && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
		  X509_set_subject_name(x, name) &&
		  X509_set_issuer_name(x, issuer == x ? name : X509_get_subject_name(issuer)) &&
		  ASN1_TIME_set(X509_getm_notBefore(x), from) &&
		  ASN1_TIME_set(X509_getm_notAfter(x), from + role->days * DAY - 1) &&
		  X509_set_pubkey(x, key);

	X509_NAME_free(name);
	return ok && add_text(x, issuer, NID_key_usage, role->usage) &&
	       add_text(x, issuer, NID_basic_constraints, role->constraints) &&
	       add_text(x, issuer, NID_ext_key_usage, role->extended_usage) &&
	       add_text(x, issuer, NID_subject_key_identifier, "hash") &&
	       add_text(x, issuer, NID_authority_key_identifier,
			role->key_id ? "keyid:always" : NULL) &&
	       add_text(x, issuer, NID_issuer_alt_name, role->issuer_name) &&
	       add_text(x, issuer, NID_crl_distribution_points, role->crl);
}

/* SHA-384 goes with P-384: mdoc.md 1.1. */
static const EVP_MD *hash_of(const EVP_PKEY *key)
{
	return EVP_PKEY_get_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
}

/* Key and certificate; by itself if there is no issuer. NULL members if OpenSSL fails. */
static struct issuer make(const struct role *role, const struct issuer *by, time_t from)
{
	struct issuer made = { X509_new(), EVP_EC_gen(OBJ_nid2sn(role->curve)) };
	const EVP_PKEY *signing = by ? by->key : made.key;

	if (!made.cert || !made.key || !signing ||
	    !fill(made.cert, role, by ? by->cert : made.cert, made.key, from) ||
	    !X509_sign(made.cert, (EVP_PKEY *)signing, hash_of(signing))) {
		X509_free(made.cert);
		EVP_PKEY_free(made.key);
		made = (struct issuer){ 0 };
	}
	return made;
}

int wallet_authorities_new(time_t from, struct wallet_authorities *ret)
{
	struct wallet_authorities a = {
		.iaca = make(&role_iaca, NULL, from),
		.reader_ca = make(&role_reader_ca, NULL, from),
	};

	if (a.reader_ca.cert)
		a.reader = make(&role_reader, &a.reader_ca, from);
	if (!a.iaca.cert || !a.reader.cert) {
		wallet_authorities_free(&a);
		return FUDA_EFAILED;
	}
	*ret = a;
	return 0;
}

struct issuer wallet_ds(const struct issuer *iaca, time_t from)
{
	return make(&role_ds, iaca, from);
}

static void free_issuer(struct issuer *i)
{
	X509_free(i->cert);
	EVP_PKEY_free(i->key);
	*i = (struct issuer){ 0 };
}

void wallet_authorities_free(struct wallet_authorities *a)
{
	free_issuer(&a->iaca);
	free_issuer(&a->reader_ca);
	free_issuer(&a->reader);
}

/* ---- files ---- */

/* Takes `bio`. */
static int put_bio(struct maker *m, const char *name, unsigned mode, BIO *bio, bool written)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PEM_MAX);
	char *text = NULL;
	long len = written ? BIO_get_mem_data(bio, &text) : 0;
	int r = len > 0 ? fuda_buf_set(&pem, text, (size_t)len) : FUDA_EFAILED;

	BIO_free(bio);
	return r < 0 ? maker_fail(m, r, "cannot write certificates and keys") :
		       maker_put(m, name, mode, &pem);
}

int wallet_put_certificate(struct maker *m, const char *name, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return put_bio(m, name, 0644, bio, bio && PEM_write_bio_X509(bio, cert) > 0);
}

int wallet_put_key(struct maker *m, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	return put_bio(m, name, 0600, bio,
		       bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) >
				       0);
}

/* Nobody is on it. */
static int put_crl(struct maker *m, const struct issuer *iaca, unsigned days)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PEM_MAX);
	const char *const nobody[] = { NULL };

	if (wallet_list(iaca, nobody, days, &pem, m->why, m->why_size) < 0)
		return maker_fail(m, FUDA_EFAILED, "cannot make a revocation list");
	return maker_put(m, IACA_CRL_FILE, 0644, &pem);
}

/* Which files each authority has. */
static const struct file {
	const char *cert, *key;
	size_t place; /* of the issuer in struct wallet_authorities */
} files[] = {
	{ IACA_FILE, IACA_KEY_FILE, offsetof(struct wallet_authorities, iaca) },
	{ READER_CA_FILE, READER_CA_KEY_FILE, offsetof(struct wallet_authorities, reader_ca) },
	{ READER_FILE, READER_KEY_FILE, offsetof(struct wallet_authorities, reader) },
};

int wallet_authorities_put(struct maker *m, const struct wallet_authorities *a, unsigned days)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		const struct issuer *of = (const void *)((const char *)a + files[i].place);

		r = wallet_put_certificate(m, files[i].cert, of->cert);
		if (r == 0)
			r = wallet_put_key(m, files[i].key, of->key);
	}
	return r < 0 ? r : put_crl(m, &a->iaca, days);
}

static BIO *open_file(int dir, const char *name, struct fuda_buf *pem)
{
	return dir >= 0 && vfile_read(dir, name, pem) == 0 ?
		       BIO_new_mem_buf(pem->data, (int)pem->len) :
		       NULL;
}

static bool load(int dir, const struct file *f, struct issuer *ret)
{
	_cleanup_buf_ struct fuda_buf cert_pem = FUDA_BUF_INIT(PEM_MAX);
	_cleanup_buf_ struct fuda_buf key_pem = FUDA_BUF_INIT(PEM_MAX);
	static char no_password[] = ""; /* or OpenSSL asks for one on the terminal */
	BIO *cert = open_file(dir, f->cert, &cert_pem), *key = open_file(dir, f->key, &key_pem);

	if (cert && key) {
		ret->cert = PEM_read_bio_X509(cert, NULL, NULL, NULL);
		ret->key = PEM_read_bio_PrivateKey(key, NULL, NULL, no_password);
	}
	BIO_free(cert);
	BIO_free(key);
	return ret->cert && ret->key && X509_check_private_key(ret->cert, ret->key) == 1;
}

int wallet_authorities_load(const char *wallet, struct wallet_authorities *ret, char *ret_why,
			    size_t why_size)
{
	struct wallet_authorities a = { 0 };
	int dir = open(wallet, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		if (!load(dir, &files[i], (void *)((char *)&a + files[i].place)))
			r = explain(ret_why, why_size, dir < 0 ? FUDA_EFILE : FUDA_EFORMAT,
				    "%s: no %s there, or not with its %s; is it a wallet of "
				    "fuda-vcard make?",
				    wallet, files[i].cert, files[i].key);
	if (dir >= 0)
		close(dir);
	if (r < 0) {
		wallet_authorities_free(&a);
		return r;
	}
	*ret = a;
	return 0;
}
