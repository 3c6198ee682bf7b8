/* SPDX-License-Identifier: Apache-2.0 */
/* The test CAs of a software card: for each branch two generations, of which the second issues. */
#ifndef VCARD_CA_H
#define VCARD_CA_H

#include <fuda/buf.h>
#include "vcard/issue.h"

/* Certificates: old and new of authentication, then of signature. */
#define CA_FILE "ca.pem"
/* The keys of those that issue, in the same order. */
#define CA_KEYS_FILE "ca-keys.pem"

enum { CA_BRANCHES = 2, CA_PEM_MAX = 32768 };

struct generations {
	X509 *old;
	struct issuer issuer;
};
struct authorities {
	struct generations of[CA_BRANCHES]; /* authentication, signature */
};

/* Makes new ones for a card issued at `issued`. FUDA_EFAILED. */
int authorities_new(time_t issued, struct authorities *ret);
/* Those of the software card in directory `card`. FUDA_EFILE, FUDA_EFORMAT, explained. */
int authorities_load(const char *card, struct authorities *ret, char *ret_why, size_t why_size);
void authorities_free(struct authorities *a);
/* Both files: appends to the texts. FUDA_EFAILED, FUDA_ETOOBIG. */
int authorities_write(const struct authorities *a, struct fuda_buf *ret_certificates,
		      struct fuda_buf *ret_keys);

#endif
