/* SPDX-License-Identifier: Apache-2.0 */
/* The common application (共通カード), the resident register's (住民基本台帳) and the data
 * objects of the card itself: all free to read. */
#ifndef FUDA_COMMON_H
#define FUDA_COMMON_H

#include <stdbool.h>
#include <fuda/card.h>
#include <fuda/person.h>

#define FUDA_KEY_REFERENCE 16 /* bytes */

struct fuda_common {
	char serial[16];	/* 15 digits; the manufacturing number are the last 13 */
	char municipality[6];	/* 全国地方公共団体コード, 5 digits */
	char expiry[FUDA_DATE_SIZE]; /* of the card */
	uint8_t key_reference[FUDA_KEY_REFERENCE];
};
/* EF 0001 and 0002 of the common application: card.md 2.4. FUDA_ENOTFOUND on smartphones. */
int fuda_common_read(struct fuda_card *card, struct fuda_deadline *dl, struct fuda_common *ret);

/* INTERNAL AUTHENTICATE: the card's signature of 1 to 255 bytes, PKCS#1 v1.5 with SHA-256, without
 * any PIN. The public key is not on the card: who knows it can verify, nobody else. */
int fuda_common_authenticate(struct fuda_card *card, const uint8_t *challenge, size_t len,
			     struct fuda_deadline *dl, struct fuda_buf *ret_signature);

/* EF 0002 of the resident register's application, the same as the common one's: card.md 2.5. */
int fuda_juki_read(struct fuda_card *card, struct fuda_deadline *dl,
		   uint8_t ret_key_reference[FUDA_KEY_REFERENCE]);

/* The data objects that GET DATA gives at the card's own level (the GlobalPlatform issuer security
 * domain): card.md 2.2. */
enum fuda_card_object {
	FUDA_CARD_ISSUER = 0x0042,	     /* 16 bytes */
	FUDA_CARD_NUMBER = 0x0045,	     /* card identification number, ASCII */
	FUDA_CARD_RECOGNITION = 0x0066,	     /* GlobalPlatform card recognition data */
	FUDA_CARD_MUNICIPALITY = 0x00F0,     /* 5 digits */
	FUDA_CARD_EXPIRY = 0x00F2,	     /* 8 digits */
	FUDA_CARD_CV_KEY = 0x00F7,	     /* key id of the intermediate authority */
	FUDA_CARD_CV_INTERMEDIATE = 0x00F8,  /* CV certificate by the root, without 7F21 header */
	FUDA_CARD_CV_LOWER = 0x7F21,	     /* CV certificate by the intermediate, likewise */
	FUDA_CARD_CONTACT_ATR = 0x5F51,	     /* without TS */
};
/* Appends one of them. FUDA_ENOTFOUND if the card does not have it (some lack some). */
int fuda_card_object(struct fuda_card *card, enum fuda_card_object which, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data);

#endif
