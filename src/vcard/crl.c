/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists of a software card's test CA. */
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vcard/ca.h"
#include "vcard/internal.h"
#include "vcard/vcard.h"

enum { AUTH_CERTIFICATE_MAX = 65536, BACKDATE = 60, DAY = 86400 };

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

/* The authentication certificate of the card in directory `card`; NULL if there is none. */
static X509 *read_certificate(const char *card)
{
	_cleanup_buf_ struct fuda_buf file = FUDA_BUF_INIT(AUTH_CERTIFICATE_MAX);
	int dir = open(card, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const uint8_t *p;
	X509 *x = NULL;

	if (dir >= 0 && vfile_read(dir, "jpki-000A.bin", &file) == 0) {
		p = file.data; /* filler may stand behind it */
		x = d2i_X509(NULL, &p, (long)file.len);
	}
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

static int revoke_card(X509_CRL *list, const char *card, const struct issuer *ca, time_t at,
		  char *ret_why, size_t why_size)
{
	X509 *cert = read_certificate(card);
	int r = 0;

	if (!cert)
		r = explain(ret_why, why_size, FUDA_EFILE,
			    "%s: no software card with a certificate is there", card);
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

int vcard_crl(const char *authority, const char *const *revoked, unsigned days,
	      struct fuda_buf *ret_pem, char *ret_why, size_t why_size)
{
	struct authorities a;
	const struct issuer *ca = &a.of[0].issuer;
	X509_CRL *list;
	time_t now = time(NULL);
	int r = authorities_load(authority, &a, ret_why, why_size);

	if (r < 0)
		return r;
	list = X509_CRL_new();
	r = start(list, ca, now, days) ? 0 : FUDA_EFAILED;
	for (; r == 0 && *revoked; revoked++)
		r = revoke_card(list, *revoked, ca, now, ret_why, why_size);
	if (r == 0)
		r = X509_CRL_sort(list) && X509_CRL_sign(list, ca->key, EVP_sha256()) > 0 ?
			    to_pem(list, ret_pem) :
			    FUDA_EFAILED;
	X509_CRL_free(list);
	authorities_free(&a);
	return r;
}
