/* SPDX-License-Identifier: Apache-2.0 */
/* The card's records for tests, true to card.md 2.6 to 2.8 and 4, or spoilt on purpose. The
 * functions abort where they cannot do what they are asked. */
#ifndef TESTS_RECORDS_H
#define TESTS_RECORDS_H

#include <fuda/face.h>
#include <fuda/text.h>

#include "tests/certs.h"

/* Key ids in the notation of der_write(). */
#define ID_TEXT_AUTHORITY "'6000033' 0805 '001' 00000001"
#define ID_FACE_AUTHORITY "'6000023' 0805 '001' 00000001"
#define ID_PRODUCTION     "'5000033' 0805 '001' 00000000"
#define ID_MUNICIPALITY   "'1310100' 0805 '000' 00000000"

/* What a card and its holder are. Texts are UTF-8, dates and sex as the card has them. */
struct test_card {
	const char *my_number, *name, *address, *birth, *sex;
	enum test_key authority, municipality, key;
	const char *issuer, *subject; /* key ids */
};

/* Two cards of one municipality. */
struct test_card card_taro(void);
struct test_card card_hanako(void);

/* One record, to be changed before it is made. */
enum { PLAN_OBJECTS = 10 };
struct record_plan {
	const char *tag;
	/* Whole objects in the notation of der_write(), where $ stands for the value; "" leaves
	 * one out; up to the first NULL. */
	const char *object[PLAN_OBJECTS + 1];
	struct fuda_buf value[PLAN_OBJECTS];
	bool table;         /* the first value is made: where the others begin */
	const char *behind; /* behind the record */
};
void plan_free(struct record_plan *plan);
/* Replaces the content. */
void plan_make(struct record_plan *plan, struct fuda_buf *ret);
void plan_set(struct record_plan *plan, size_t object, const char *notation);

struct record_plan plan_attributes(const struct test_card *card);
struct record_plan plan_face(const struct test_card *card);
struct record_plan plan_age(const struct test_card *card);
struct record_plan plan_number_image(const struct test_card *card);
/* Signs again what the signature of a record of the face application covers. */
void plan_sign_face(const struct test_card *card, struct record_plan *plan);

/* Replaces the content. `key` is the subject's. */
void cv_make(enum test_key issuer, const char *issuer_id, enum test_key key, const char *subject_id,
	     struct fuda_buf *ret);

/* Everything as it is read, the challenge answered. The results are to be freed. */
void text_make(const struct test_card *card, struct fuda_text_records *ret);
void face_make(const struct test_card *card, struct fuda_face_records *ret);
/* Makes the certificate and the integrity record anew: for the My Number that is in the records and
 * the attributes of `card`. */
void text_sign(const struct test_card *card, struct fuda_text_records *records);
void respond(enum test_key key, struct fuda_response *response);

/* Appends an authority's key as a file of them has it. */
void put_authority(struct fuda_buf *pem, enum test_key key, const char *id);
void write_file(const char *path, const struct fuda_buf *text);

#endif
