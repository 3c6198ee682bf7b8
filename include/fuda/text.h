/* SPDX-License-Identifier: Apache-2.0 */
/* The text application (券面事項入力補助): My Number and the four attributes, with the proof that
 * they are genuine. Reading needs the card; what was read is parsed and verified without it. */
#ifndef FUDA_TEXT_H
#define FUDA_TEXT_H

#include <stdbool.h>
#include <fuda/card.h>
#include <fuda/cv.h>
#include <fuda/person.h>
#include <fuda/pin.h>

/* ---- reading ---- */

/* The files as the card gave them, filler included where it is signed. Empty: not asked for. */
struct fuda_text_records {
	struct fuda_buf my_number;   /* EF 0001 as a whole, filler included */
	struct fuda_buf attributes;  /* EF 0002, FF20 */
	struct fuda_buf integrity;   /* EF 0003, FF30 */
	struct fuda_buf certificate; /* EF 0004, 7F21 */
	struct fuda_buf signed_key;  /* EF 0007, FF50 */
	struct fuda_response response;
};
#define FUDA_TEXT_RECORDS_INIT                                                                     \
	((struct fuda_text_records){ FUDA_BUF_INIT(256),                                           \
				     FUDA_BUF_INIT(8192),                                          \
				     FUDA_BUF_INIT(1024),                                          \
				     FUDA_BUF_INIT(FUDA_CV_MAX),                                   \
				     FUDA_BUF_INIT(1024),                                          \
				     { .signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX) } })
/* Wipes and frees all; it can be used again. */
void fuda_text_records_free(struct fuda_text_records *records);

struct fuda_text_request {
	bool my_number;	 /* opened by FUDA_PIN_TEXT or FUDA_PIN_A */
	bool attributes; /* opened by FUDA_PIN_TEXT or FUDA_PIN_B */
	enum fuda_pin with;
	struct fuda_pin_entry *pin;
	/* Encrypts what is read on its way from the card, needs FUDA_PIN_TEXT, extended length and
	 * more commands. The PIN itself still goes in clear, nothing protects against changes on
	 * the way (that the signatures do), and how it works is known from one source only:
	 * card.md 3.3. */
	bool secure_messaging;
};

/* Reads what is asked for as one job: certificate, counter, VERIFY, records, challenge, power off.
 * FUDA_EINVAL (before anything is sent) if `with` does not open it; FUDA_ENOTFOUND if the token has
 * no such application, as smartphones. `ret_records` was made with FUDA_TEXT_RECORDS_INIT; its
 * content is replaced, and untouched on failure. */
int fuda_text_read(struct fuda_card *card, const struct fuda_text_request *request,
		   struct fuda_deadline *dl, struct fuda_text_records *ret_records);

/* ---- what the records say ----
 *
 * FUDA_EINVAL where the record was not asked for when the card was read. */

/* The twelve digits. FUDA_EFORMAT if the record is malformed or the check digit is wrong; the
 * message names the object, never its content. */
int fuda_text_my_number(struct fuda_context *ctx, const struct fuda_text_records *records,
			char ret_digits[FUDA_MY_NUMBER_SIZE]);

struct fuda_attributes {
	char name[FUDA_NAME_SIZE];	 /* UTF-8; U+3000 between family and given name */
	char address[FUDA_ADDRESS_SIZE]; /* UTF-8; "" if the card has none */
	char birth_date[FUDA_DATE_SIZE];
	enum fuda_sex sex;
};
/* FUDA_EFORMAT if the record is malformed: wrong offsets, missing, doubled or overlapping objects,
 * not UTF-8, no date; the message names the object, never its content. */
int fuda_text_attributes(struct fuda_context *ctx, const struct fuda_text_records *records,
			 struct fuda_attributes *ret);

/* Judges what was read: the signatures of the integrity record and of the card's key, the digests
 * of the files, the challenge, the certificate; rules in <fuda/cv.h>. Of the records all bytes are
 * covered but the offset table of the attributes (DF21), which must agree with the objects. The
 * challenge proves that a genuine card was there, not that these records are its own: nothing on
 * the card ties them to its key (the face application's are). 0 whenever there is a verdict;
 * FUDA_EFORMAT if a record is not built as it must be: what is inside is not looked at, as it is
 * genuine or not whatever it says. */
int fuda_text_verify(const struct fuda_cv_trust *trust, const struct fuda_text_records *records,
		     struct fuda_verdict *ret);

/* ---- basic data ---- */

/* EF 0005, free to read. */
int fuda_text_basic(struct fuda_card *card, struct fuda_deadline *dl, struct fuda_basic *ret);

#endif
