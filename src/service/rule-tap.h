/* SPDX-License-Identifier: Apache-2.0 */
/* The tap: face to face and without a PIN, so of lower assurance (platform.md B1, D2). A holder
 * registers for it once, with the PIN; from then on the card alone answers, with the key of its
 * face application, which the birth date's key opens. That key is the service's to keep and to
 * release: only to terminals for which an operator has said so. */
#ifndef SERVICE_RULE_TAP_H
#define SERVICE_RULE_TAP_H

#include <fuda/face.h>
#include "record/face.h"
#include "service/keys.h"

enum {
	BIRTH_DIGITS = 6,
	BIRTH_TEXT = BIRTH_DIGITS + 1,
	TRIES_LEAST = 2,  /* with fewer, the first tap could be the last try */
	TRIES_MOST = 15,  /* what a status word can tell */
	/* what is sealed: digits, tries, the card's key */
	TAP_BYTES = BIRTH_DIGITS + 1 + FACE_KEY_BYTES,
	TAP_STARTS = 3,	  /* without a success */
	TAP_WINDOW = 3600, /* ... within so many seconds */
	RECORD_MAX = 1024,
};

/* What a registration brings. */
struct tap_brought {
	char birth[BIRTH_TEXT];
	int64_t tries; /* that the card's counter shows when nothing was spent */
	struct fuda_buf record, cv, proof;
};
#define TAP_BROUGHT_INIT                                                  \
	((struct tap_brought){ .record = FUDA_BUF_INIT(RECORD_MAX),       \
			       .cv = FUDA_BUF_INIT(FUDA_CV_MAX),          \
			       .proof = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX) })

struct request;
/* Judges what a registration brings, before the writer sees it, and makes what will be sealed of
 * it. The code of a refusal, or NULL. */
const char *tap_judge(struct request *r);
void tap_free(struct request *r);

struct batch;
/* What was kept for the taps of the subject goes, whichever certificate it was for. */
int tap_drop(struct request *r, struct batch *batch);
/* What was kept for those of one certificate, by its blind index. */
int tap_drop_one(struct batch *batch, const uint8_t bidx[BLIND_BYTES]);

#endif
