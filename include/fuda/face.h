/* SPDX-License-Identifier: Apache-2.0 */
/* The face application (券面事項確認): what is printed on the card, as images, with the proof that
 * it is genuine. Reading needs the card; what was read is parsed and verified without it. */
#ifndef FUDA_FACE_H
#define FUDA_FACE_H

#include <stdbool.h>
#include <fuda/card.h>
#include <fuda/cv.h>
#include <fuda/person.h>
#include <fuda/pin.h>

/* Largest record taken from a card: a file ends where 15 bits of offset do. */
#define FUDA_FACE_MAX 32768

/* ---- reading ---- */

/* The records without the filler of their files. Empty: not asked for. */
struct fuda_face_records {
	struct fuda_buf age;	     /* EF 0001, FF10 */
	struct fuda_buf face;	     /* EF 0002, FF20 */
	struct fuda_buf certificate; /* EF 0004, 7F21 */
	struct fuda_buf my_number;   /* EF 0005, FF40 */
	struct fuda_response response;
};
#define FUDA_FACE_RECORDS_INIT                                                                     \
	((struct fuda_face_records){ FUDA_BUF_INIT(1024),                                          \
				     FUDA_BUF_INIT(FUDA_FACE_MAX),                                 \
				     FUDA_BUF_INIT(FUDA_CV_MAX),                                   \
				     FUDA_BUF_INIT(4096),                                          \
				     { .signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX) } })
/* Wipes and frees all; it can be used again. */
void fuda_face_records_free(struct fuda_face_records *records);

struct fuda_face_request {
	bool age;	/* opened by FUDA_PIN_BIRTH */
	bool face;	/* opened by FUDA_PIN_A or FUDA_PIN_B */
	bool my_number; /* opened by FUDA_PIN_A */
	enum fuda_pin with;
	struct fuda_pin_entry *pin;
	const uint8_t *challenge; /* 32 bytes for the card to sign; NULL: random ones */
};

/* Reads what is asked for as one job: certificate, counter, VERIFY, records, challenge, power off.
 * FUDA_EINVAL (before anything is sent) if `with` does not open it; FUDA_ENOTFOUND if the token has
 * no such application, as smartphones. `ret_records` was made with FUDA_FACE_RECORDS_INIT; its
 * content is replaced, and untouched on failure. */
int fuda_face_read(struct fuda_card *card, const struct fuda_face_request *request,
		   struct fuda_deadline *dl, struct fuda_face_records *ret_records);

/* Has the card sign the 32 bytes of `challenge` (PKCS#1 v1.5, SHA-256) with the key that its
 * records name, once the birth date's key, `pin`, has been accepted: counter, VERIFY, signature,
 * power off, as one job. No record is read, and nobody types anything, so `pin->tries_least` must
 * say what an untouched counter shows: FUDA_EINVAL (before anything is sent) without it, and if it
 * was done before with this card. Who wants it again opens the card anew, once it was taken away.
 * Appends the signature. */
int fuda_face_tap(struct fuda_card *card, struct fuda_pin_entry *pin, const uint8_t challenge[32],
		  struct fuda_deadline *dl, struct fuda_buf *ret_signature);

/* ---- what the records say ----
 *
 * FUDA_EINVAL where the record was not asked for when the card was read. */

struct fuda_face {
	char birth_date[FUDA_DATE_SIZE];
	enum fuda_sex sex;
	char expiry[FUDA_DATE_SIZE];	/* not signed */
	struct fuda_bytes name;		/* PNG */
	struct fuda_bytes address;	/* PNG */
	struct fuda_bytes photo;	/* JPEG 2000 in a JP2 container */
	struct fuda_bytes security_code; /* PNG; not signed */
};
/* The parts point into `records`. An image that the card leaves empty has length 0. FUDA_EFORMAT if
 * the record is malformed: wrong offsets, missing, doubled or overlapping objects, no date, an
 * image that does not begin as one; the message names the object. The images are not decoded. */
int fuda_face_parts(struct fuda_context *ctx, const struct fuda_face_records *records,
		    struct fuda_face *ret);
/* The birth date of the age record. */
int fuda_face_age(struct fuda_context *ctx, const struct fuda_face_records *records,
		  char ret_birth_date[FUDA_DATE_SIZE]);
/* The picture of the My Number, a PNG, pointing into `records`. */
int fuda_face_my_number(struct fuda_context *ctx, const struct fuda_face_records *records,
			struct fuda_bytes *ret_png);

/* Judges what was read: the signature of each record, the challenge under the key that the signed
 * records name (so that they belong to the card that answered), the certificate; rules in
 * <fuda/cv.h>. Not covered by any signature: expiry, security code, and the offset table, which
 * must agree with the objects. 0 whenever there is a verdict; FUDA_EFORMAT if a record is not built
 * as it must be (what is inside is not looked at). */
int fuda_face_verify(const struct fuda_cv_trust *trust, const struct fuda_face_records *records,
		     struct fuda_verdict *ret);

/* ---- basic data ---- */

/* EF 0003, free to read. */
int fuda_face_basic(struct fuda_card *card, struct fuda_deadline *dl, struct fuda_basic *ret);

#endif
