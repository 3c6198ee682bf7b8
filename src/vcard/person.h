/* SPDX-License-Identifier: Apache-2.0 */
/* Whose card it is: what a file says about a person, and the secrets that follow from it. */
#ifndef VCARD_PERSON_H
#define VCARD_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters of name and address, as the signing certificate limits them: card.md 5.3. */
#define PERSON_NAME_MAX	   100
#define PERSON_ADDRESS_MAX 200
#define UTF8_LEN	   4 /* bytes of the longest character */

struct person {
	char name[PERSON_NAME_MAX * UTF8_LEN + 1];
	char address[PERSON_ADDRESS_MAX * UTF8_LEN + 1]; /* "": none */
	char birth_date[9];				 /* YYYYMMDD; unknown parts are zeros */
	char birth_key[7];				 /* the six digits printed on the card */
	char sex[2];					 /* as on the card: card.md 2.7 */
	char my_number[13];
	char security_code[5];
	char expiry[9];		/* of the card, YYYYMMDD */
	char municipality[6];
	char serial[16];
};

/* The sample person; the serial is random. FUDA_EFAILED. */
int person_sample(struct person *ret);

/* Puts what the "key = value" lines of a text say in the place of the sample's; keys and their
 * forms are in fuda-vcard(1). The birth key follows from the birth date unless it is given.
 * FUDA_EFORMAT; `ret_why` then names the line, never its content, after `name`. `ret` is untouched
 * on failure. */
int person_parse(struct person *ret, const char *name, const char *text, size_t len, char *ret_why,
		 size_t why_size);

/* Verification number B: birth key, year of expiry, security code (card.md 4). */
#define PERSON_B_SIZE 15
void person_b(const struct person *p, char ret_b[PERSON_B_SIZE]);

/* The digit of the Japanese era in the signing certificate; '0' for a date that the card does not
 * count by era, as of foreign residents: card.md 5.3. */
char person_era(const struct person *p);

/* Reads the next character of valid UTF-8 and moves behind it; 0 at the end. */
uint32_t person_next_character(const char **text);

#endif
