/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists of the test CA of a software card or wallet. For wallets by mdoc.md 2.2: no
 * reasons, and of extensions the authority's key and the number. */
#include <fcntl.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vcard/ca.h"
#include "vcard/internal.h"
#include "vcard/vcard.h"
#include "vcard/wallet-ca.h"

enum { CERTIFICATE_MAX = 65536, BACKDATE = 60, DAY = 86400 };

static bool add_key_id(X509_CRL *list, X509 *ca)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, ca, NULL, NULL, list, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	ok = extension && X509_CRL_add_ext(list, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

/* Later lists have higher numbers: the time does. */
static bool add_number(X509_CRL *list, time_t now)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	bool ok = number && ASN1_INTEGER_set_int64(number, now) &&
		  X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1;

	ASN1_INTEGER_free(number);
	return ok;
}

/* What of a card or wallet a list can revoke. */
struct revocable {
	const char *name, *file;
	X509 *(*parse)(const struct fuda_buf *file);
};

static X509 *parse_der(const struct fuda_buf *file)
{
	const uint8_t *p = file->data; /* filler may stand behind it */

	return d2i_X509(NULL, &p, (long)file->len);
}

static X509 *parse_pem(const struct fuda_buf *file)
{
	BIO *bio = BIO_new_mem_buf(file->data, (int)file->len);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return x;
}

static const struct revocable of_card = { "software card", "jpki-000A.bin", parse_der };
static const struct revocable of_wallet = { "software wallet", DS_FILE, parse_pem };

/* The certificate of the card or wallet in directory `card`; NULL if there is none. */
static X509 *read_certificate(const struct revocable *what, const char *card)
{
	_cleanup_buf_ struct fuda_buf file = FUDA_BUF_INIT(CERTIFICATE_MAX);
	int dir = open(card, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	X509 *x = NULL;

	if (dir >= 0 && vfile_read(dir, what->file, &file) == 0)
		x = what->parse(&file);
	if (dir >= 0)
		close(dir);
	return x;
}

static bool add_revoked(X509_CRL *list, const X509 *cert, time_t at)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, at);
	bool ok = entry && time &&
		  X509_REVOKED_set_serialNumber(entry,
						(ASN1_INTEGER *)X509_get0_serialNumber(cert)) &&
		  X509_REVOKED_set_revocationDate(entry, time) &&
		  X509_CRL_add0_revoked(list, entry);

	ASN1_TIME_free(time);
	if (!ok)
		X509_REVOKED_free(entry);
	return ok;
}

static int revoke_one(X509_CRL *list, const struct revocable *what, const char *card,
		      const struct issuer *ca, time_t at, char *ret_why, size_t why_size)
{
	X509 *cert = read_certificate(what, card);
	int r = 0;

	if (!cert)
		r = explain(ret_why, why_size, FUDA_EFILE,
			    "%s: no %s with a certificate is there", card, what->name);
	else if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca->cert)) != 0 ||
		 X509_verify(cert, ca->key) != 1)
		r = explain(ret_why, why_size, FUDA_EINVAL, "%s: its certificate is of another CA",
			    card);
	else if (!add_revoked(list, cert, at))
		r = FUDA_ENOMEM;
	X509_free(cert);
	return r;
}

static bool start(X509_CRL *list, const struct issuer *ca, time_t now, unsigned days)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, now - BACKDATE);
	ASN1_TIME *to = ASN1_TIME_set(NULL, now + (time_t)days * DAY);
	bool ok = list && from && to && X509_CRL_set_version(list, X509_CRL_VERSION_2) &&
	     X509_CRL_set_issuer_name(list, X509_get_subject_name(ca->cert)) &&
	     X509_CRL_set1_lastUpdate(list, from) && X509_CRL_set1_nextUpdate(list, to) &&
	     add_key_id(list, ca->cert) && add_number(list, now);

	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return ok;
}

static int to_pem(X509_CRL *list, struct fuda_buf *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = bio && PEM_write_bio_X509_CRL(bio, list) > 0 ? BIO_get_mem_data(bio, &text) : 0;
	int r = len > 0 ? fuda_buf_append(ret, text, (size_t)len) : FUDA_EFAILED;

	BIO_free(bio);
	return r;
}

/* SHA-384 goes with P-384: mdoc.md 1.1. */
static bool sign(X509_CRL *list, EVP_PKEY *key)
{
	const EVP_MD *hash = EVP_PKEY_get_id(key) == EVP_PKEY_EC ? EVP_sha384() : EVP_sha256();

	return X509_CRL_sort(list) && X509_CRL_sign(list, key, hash) > 0;
}

static int print_list(const struct issuer *ca, const struct revocable *what,
		      const char *const *revoked, unsigned days, struct fuda_buf *ret_pem,
		      char *ret_why, size_t why_size)
{
	X509_CRL *list = X509_CRL_new();
	time_t now = time(NULL);
	int r = start(list, ca, now, days) ? 0 : FUDA_EFAILED;

	for (; r == 0 && *revoked; revoked++)
		r = revoke_one(list, what, *revoked, ca, now, ret_why, why_size);
	if (r == 0)
		r = sign(list, ca->key) ? to_pem(list, ret_pem) : FUDA_EFAILED;
	X509_CRL_free(list);
	return r;
}

static bool is_wallet(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" IACA_KEY_FILE, dir);
	return access(path, F_OK) == 0;
}

static int print_wallet_list(const char *authority, const char *const *revoked, unsigned days,
			     struct fuda_buf *ret_pem, char *ret_why, size_t why_size)
{
	struct wallet_authorities a;
	int r = wallet_authorities_load(authority, &a, ret_why, why_size);

	if (r < 0)
		return r;
	r = wallet_list(&a.iaca, revoked, days, ret_pem, ret_why, why_size);
	wallet_authorities_free(&a);
	return r;
}

int wallet_list(const struct issuer *iaca, const char *const *revoked, unsigned days,
		struct fuda_buf *ret_pem, char *ret_why, size_t why_size)
{
	return print_list(iaca, &of_wallet, revoked, days, ret_pem, ret_why, why_size);
}

int vcard_crl(const char *authority, const char *const *revoked, unsigned days,
	      struct fuda_buf *ret_pem, char *ret_why, size_t why_size)
{
	struct authorities a;
	int r;

	if (is_wallet(authority))
		return print_wallet_list(authority, revoked, days, ret_pem, ret_why, why_size);
	r = authorities_load(authority, &a, ret_why, why_size);
	if (r < 0)
		return r;
	r = print_list(&a.of[0].issuer, &of_card, revoked, days, ret_pem, ret_why, why_size);
	authorities_free(&a);
	return r;
}
