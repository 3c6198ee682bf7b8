/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, as a wallet sees it: readers of the one authority that it knows (mdoc.md 1.3, and 2.1
 * for their certificates). */
#include "vcard/wallet.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define PURPOSE "1.0.18013.5.1.6" /* mdlReaderAuth */

enum { AUTHORITY_MAX = 8192 };

static X509 *authority(int dir)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(AUTHORITY_MAX);
	BIO *bio;
	X509 *x;

	if (vfile_read(dir, READER_CA_FILE, &pem) < 0)
		return NULL;
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return x;
}

static X509 *leaf(const struct doc_request *document)
{
	const unsigned char *p = document->auth.chain[0].p;
	const size_t len = document->auth.chain[0].left;
	X509 *x = d2i_X509(NULL, &p, (long)len);

	if (x && p == document->auth.chain[0].p + len)
		return x;
	X509_free(x);
	return NULL;
}

/* Whether the certificate is for reading mdocs, and for this alone. */
static bool has_purpose(X509 *x)
{
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	ASN1_OBJECT *purpose = OBJ_txt2obj(PURPOSE, 1);
	bool is = usages && purpose && sk_ASN1_OBJECT_num(usages) == 1 &&
		  OBJ_cmp(sk_ASN1_OBJECT_value(usages, 0), purpose) == 0;

	ASN1_OBJECT_free(purpose);
	EXTENDED_KEY_USAGE_free(usages);
	return is && X509_get_key_usage(x) == KU_DIGITAL_SIGNATURE;
}

static bool is_good(X509 *reader, X509 *ca)
{
	return X509_NAME_cmp(X509_get_issuer_name(reader), X509_get_subject_name(ca)) == 0 &&
	       X509_verify(reader, X509_get0_pubkey(ca)) == 1 &&
	       X509_cmp_current_time(X509_get0_notBefore(reader)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(reader)) > 0 && has_purpose(reader);
}

static struct key *key_of(const X509 *reader)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(reader), &der);
	struct cursor c = cur_of(der, len > 0 ? (size_t)len : 0);
	struct key *key = NULL;

	if (len <= 0 || key_new(&c, &key) < 0)
		key = NULL;
	OPENSSL_free(der);
	return key;
}

bool wreader_known(const struct wallet *w, const struct doc_request *document)
{
	const struct cursor transcript = cur_of(w->transcript.data, w->transcript.len);
	X509 *ca, *reader;
	struct key *key = NULL;
	bool known = false;

	if (!document->signed_ || !document->auth.chain_count)
		return false;
	ca = authority(w->dir);
	reader = leaf(document);
	if (ca && reader && is_good(reader, ca)) {
		key = key_of(reader);
		known = key && request_verify(document, key, transcript) == 0;
	}
	key_free(&key);
	X509_free(reader);
	X509_free(ca);
	return known;
}
