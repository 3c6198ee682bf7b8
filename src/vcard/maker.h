/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcard_make(): a card on its way to disk. */
#ifndef VCARD_MAKER_H
#define VCARD_MAKER_H

#include <time.h>
#include "vcard/cv.h"
#include "vcard/internal.h"
#include "vcard/person.h"

#define FILLER_STEP 256

struct maker {
	const struct vcard_make *what;
	struct conf conf;
	struct person person;
	int dir;
	time_t issued, expires;
	char *why;
	size_t why_size;
};

/* Says `text` in `why` and returns `code`. */
int maker_fail(struct maker *m, int code, const char *text);

/* Writes the file `name`. FUDA_EFILE, explained, as with the next two. */
int maker_put(struct maker *m, const char *name, unsigned mode, const struct fuda_buf *bytes);
/* Writes what the file `fid` (of the ISD: the data object) of application `app` holds, if the token
 * has such a file. */
int maker_put_ef(struct maker *m, const char *app, uint16_t fid, const struct fuda_buf *bytes);
/* Writes a private key of an application. */
int maker_put_key(struct maker *m, const char *app, uint16_t fid, EVP_PKEY *key);

/* Fills up with FF to the next multiple of `step` and at least by one byte; not at all if that is
 * VCARD_NO_FILLER. Errors as fuda_buf_append(). */
int maker_fill(struct fuda_buf *b, size_t step);

/* Makes all but the JPKI application. Errors are explained. */
int make_content(struct maker *m);
/* Reads or draws the photo that was wished for. Errors are explained. */
int make_photo(struct maker *m, struct fuda_buf *ret);
/* Makes all of a wallet. Errors are explained. */
int make_wallet(struct maker *m);

#endif
