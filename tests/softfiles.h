/* SPDX-License-Identifier: Apache-2.0 */
/* The software card of softcard.h with plain files, keys and secrets in all of its applications:
 * what they hold is known to the tests, and means nothing. */
#ifndef TESTS_SOFTFILES_H
#define TESTS_SOFTFILES_H

#include <openssl/evp.h>
#include "tests/softcard.h"

#define SELECT_ISD    "00A4040C07A0000001510000"
#define SELECT_FACE   "00A4040C0AD3921000310001010402"
#define SELECT_TEXT   "00A4040C0AD3921000310001010408"
#define SELECT_JUKI   "00A4040C0AD3921000310001010401"
#define SELECT_COMMON "00A4040C0AD3921000310001010100"

/* Each secret has a value of its own, so that none can pass for another. */
#define VERIFY_TEXT   "0020009104" "31313131"
#define VERIFY_TEXT_A "002000940C" "313131313131313131313131"
#define VERIFY_TEXT_B "002000950E" "3131313131313131313131313131"
#define VERIFY_FACE_A "002000930C" "323232323232323232323232"
#define VERIFY_FACE_B "002000920E" "3232323232323232323232323232"
#define VERIFY_BIRTH  "0020009106" "323232323232"
#define VERIFY_JUKI   "0020009C04" "33333333"
#define VERIFY_COMMON "0020009C04" "34343434"

#define SOFTFILES_LONG 600 /* bytes of text-0002 and isd-7F21 */
/* What text-0001 holds: 17 bytes, of which the last two are filler (card.md 2.7). */
#define TEXT_0001 "FF100C313233343536373839303138FFFF"

/* As softcard_setup() and softcard_teardown(). */
int softfiles_setup(void **state);
int softfiles_teardown(void **state);

/* The card as new but for the secrets above and `settings`, with power. */
struct vcard *softfiles_on(const char *settings);
/* Likewise; then all of the exchanges. */
void softfiles_after(const char *settings, const struct exchange *exchanges);

/* The private key in file `name` of the card, such as "text-0013.pem"; the caller frees it. */
EVP_PKEY *softfiles_key(const char *name);
/* Writes a file of the card. */
void softfiles_write(const char *name, const void *bytes, size_t len);
/* Byte `i` of the long files. */
uint8_t softfiles_byte(size_t i);

#endif
