/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of CV certificates and of who is believed to issue them. */
#ifndef RECORD_CV_H
#define RECORD_CV_H

#include "record/judge.h"

struct cv {
	struct fuda_cv_facts facts;
	/* these point into the certificate */
	struct cursor signed_; /* the value of 5F4E */
	struct cursor signature;
	struct key *key;
};

/* As fuda_cv_facts(). `ret_cv` is empty and is to be freed. */
int cv_read(struct fuda_context *ctx, const struct fuda_buf *file, struct cv *ret_cv);
void cv_free(struct cv *cv);

struct fuda_context *cv_trust_context(const struct fuda_cv_trust *trust);

/* Judges a chain and leaves the last certificate in `ret_last`, which is empty and is to be freed.
 * Notes what is broken in `f`. FUDA_EFORMAT, FUDA_EINVAL. */
int cv_judge(const struct fuda_cv_trust *trust, const struct fuda_buf *chain, size_t count,
	     struct findings *f, struct cv *ret_last);

/* The key of the authority called `id`, or NULL. */
const struct key *cv_trust_find(const struct fuda_cv_trust *trust, const uint8_t id[FUDA_CV_ID]);

#endif
