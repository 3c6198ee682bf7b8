/* SPDX-License-Identifier: Apache-2.0 */
/* What the card's applications say about persons and about themselves, in common forms. */
#ifndef FUDA_PERSON_H
#define FUDA_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/context.h>

enum { FUDA_MY_NUMBER_SIZE = 13, FUDA_NAME_SIZE = 1025, FUDA_ADDRESS_SIZE = 2049 };

/* Whether twelve digits end in their check digit (番号法施行令: weights 2 to 7 from the right). */
bool fuda_my_number_valid(const char *digits);

/* ISO/IEC 5218; '1' to '3', '9' and '0' as JIS X 0303 has them on the card: card.md 2.7. */
enum fuda_sex { FUDA_SEX_NOT_KNOWN, FUDA_SEX_MALE, FUDA_SEX_FEMALE, FUDA_SEX_NOT_APPLICABLE = 9 };
/* "male", "female", "not_applicable", "not_known"; static. */
const char *fuda_sex_name(enum fuda_sex sex);

/* A date as "1980-02-17". Parts that are not known are zeros, as the card has them. */
#define FUDA_DATE_SIZE 11

/* The six digits by which the card knows a birth date: Japanese-era year, month, day
 * ("1980-02-17" is 550217). FUDA_EINVAL if it is no date, lies before Meiji (1868-01-25) or is not
 * known exactly. */
int fuda_era_digits(struct fuda_context *ctx, const char *date, char ret_digits[7]);

/* Bytes inside a record, which must live as long. */
struct fuda_bytes {
	const uint8_t *p;
	size_t len;
};

/* An application's basic data: card.md 2.6, 2.7. What is not explained there is left out. */
struct fuda_basic {
	/* specification version, extended lengths, vendor, vendor's own */
	uint8_t identification[4];
	uint8_t key_id[16];
	char municipality[6]; /* face application only; otherwise "" */
};

#endif
