/* SPDX-License-Identifier: Apache-2.0 */
/* The test authorities of a software wallet: who issues credentials, and who certifies readers. By
 * the profiles of mdoc.md 2.1 and 2.2. */
#ifndef VCARD_WALLET_CA_H
#define VCARD_WALLET_CA_H

#include "vcard/issue.h"
#include "vcard/maker.h"
#include "vcard/wallet.h"

#define IACA_FILE          "ca.pem"
#define IACA_KEY_FILE      "ca-key.pem"
#define READER_CA_KEY_FILE "reader-ca-key.pem"
#define READER_FILE        "reader.pem"
#define READER_KEY_FILE    "reader-key.pem"
#define DS_FILE            "ds.pem"
#define DS_KEY_FILE        "ds-key.pem"
#define IACA_CRL_FILE      "crl.pem"

#define WALLET_DS_DAYS 90

struct wallet_authorities {
	struct issuer iaca, reader_ca, reader;
};

/* Makes new ones that are good from `from` on. FUDA_EFAILED. */
int wallet_authorities_new(time_t from, struct wallet_authorities *ret);
/* Those of the wallet in a directory. FUDA_EFILE, FUDA_EFORMAT, explained. */
int wallet_authorities_load(const char *wallet, struct wallet_authorities *ret, char *ret_why,
			    size_t why_size);
void wallet_authorities_free(struct wallet_authorities *a);
/* Writes all of them, and a list on which nobody is, good for `days`. Errors are explained. */
int wallet_authorities_put(struct maker *m, const struct wallet_authorities *a, unsigned days);

/* A Document Signer, good for WALLET_DS_DAYS from `from` on. NULL members if OpenSSL fails. */
struct issuer wallet_ds(const struct issuer *iaca, time_t from);
/* Writes a certificate or its key in PEM. Errors are explained. */
int wallet_put_certificate(struct maker *m, const char *name, X509 *cert);
int wallet_put_key(struct maker *m, const char *name, EVP_PKEY *key);

/* Appends, in PEM, a list with the Document Signers of the wallets in the directories `revoked` on
 * it (crl.c). As vcard_crl(). */
int wallet_list(const struct issuer *iaca, const char *const *revoked, unsigned days,
		struct fuda_buf *ret_pem, char *ret_why, size_t why_size);

#endif
