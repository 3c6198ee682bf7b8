/* SPDX-License-Identifier: Apache-2.0 */
/* One software card for a test program, made anew as often as needed without new keys. */
#ifndef TESTS_SOFTCARD_H
#define TESTS_SOFTCARD_H

#include "vcard/vcard.h"

/* As cmocka group fixtures: make the card in a directory of its own, and remove that. */
int softcard_setup(void **state);
int softcard_teardown(void **state);
/* Where it is. */
const char *softcard_dir(void);
/* "DIR/name", valid until the next call. */
const char *softcard_path(const char *name);
/* Removes a directory of files. */
void softcard_remove(const char *dir);

/* The card as new but for `settings`: lines of card.conf, of which those with known keys replace
 * the card's. */
void softcard_write(const char *settings);
/* As it is, or as new but for `settings`, without and with power. */
struct vcard *softcard_load(void);
struct vcard *softcard_on(const char *settings);
void softcard_free(struct vcard **v);

/* Makes a second card beside the first, instead of the one made by the last call, and returns its
 * directory. NULL: another person of the same municipality, under the authorities of the first
 * card. */
const char *softcard_other(const struct vcard_make *what);

/* Sends `command` (hexadecimal) and checks the answer: hexadecimal, beginning with "<n>" for n
 * bytes of data that do not matter. */
void expect(struct vcard *v, const char *command, const char *answer);
/* Sends it, checks that the answer ends in 9000, and returns what stands before that. */
struct fuda_buf fetch(struct vcard *v, const char *command);

/* An exchange; tables of them end with a NULL command. */
struct exchange {
	const char *command, *answer;
};
void expect_all(struct vcard *v, const struct exchange *exchanges);
/* The card as new but for `settings`, after power-up, with the JPKI application selected if
 * `select`. */
void expect_after(const char *settings, bool select, const struct exchange *exchanges);
/* Each command, after selecting the JPKI application, answers the same. `commands` ends with
 * NULL. */
void expect_each(const char *settings, const char *answer, const char *const *commands);

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_ISD    "00A4040C07A0000001510000"
#define SELECT_FACE   "00A4040C0AD3921000310001010402"
#define SELECT_TEXT   "00A4040C0AD3921000310001010408"
#define SELECT_JUKI   "00A4040C0AD3921000310001010401"
#define SELECT_COMMON "00A4040C0AD3921000310001010100"

/* Whose card it is. Address and password are those of tests/canaries/suite.*, which are nowhere else:
 * no test may leave them behind. */
#define SAMPLE_NAME	 "山田　太郎"
#define SAMPLE_ADDRESS	 "東京都台東区蔵前カナリア七番札差荘"
#define SAMPLE_MY_NUMBER "123456789018" /* also verification number A */
#define SAMPLE_B	 "02051520351470"
#define SAMPLE_BIRTH_KEY "020515"
/* Whose card softcard_other(NULL) makes. */
#define OTHER_NAME	"番号　花子"
#define OTHER_MY_NUMBER "987654321093"
#define OTHER_B		"01010820300808"

#define VERIFY_AUTH "00200098" "04" "31323334"
#define WRONG_AUTH  "00200098" "04" "30303030"
#define SAMPLE_SIGN	  "FUDACANARY4W7K2Q" /* the password for signing */
#define SAMPLE_SIGN_SMALL "fudacanary4w7k2q"
#define SAMPLE_SIGN_MIXED "FudaCanary4W7k2q"
#define SAMPLE_SIGN_WRONG "FUDACANARY4W7K2R"
#define VERIFY_SIGN "0020009B" "10" "4655444143414E4152593457374B3251"
/* of a card that was made without wishes */
#define VERIFY_DEFAULT_SIGN "0020009B" "06" "414243313233"
#define WRONG_SIGN  "0020009B" "06" "616263313233" /* lower case */
#define HASH        "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define DIGEST_INFO "3031300D060960864801650304020105000420" HASH

#endif
