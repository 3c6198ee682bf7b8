/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of a holder: the one schema that the elements of all profiles are made of and read
 * into. <fuda/mdoc.h> has the functions that read them from files. */
#ifndef MDOC_ATTRIBUTES_H
#define MDOC_ATTRIBUTES_H

#include <stdbool.h>
#include <fuda/mdoc.h>
#include "base/cursor.h"

enum {
	ATTRIBUTES_MAX = 96,
	ATTRIBUTE_NAME_MAX = 64,   /* with its NUL */
	ATTRIBUTE_TEXT_MAX = 4096, /* bytes */
	PORTRAIT_MAX = 128 * 1024,
};

/* What a value says, and its form as text of UTF-8. */
enum attribute_kind {
	ATTRIBUTE_TEXT,              /* name, address: as it is */
	ATTRIBUTE_BIRTH_DATE,        /* birth_date: "1971-09-01" */
	ATTRIBUTE_SEX,               /* sex: "male", "female", "not_applicable", "not_known" */
	ATTRIBUTE_LOCAL_GOV_CODE,    /* local_gov_code: 5 digits, or 6 with the check digit */
	ATTRIBUTE_INDIVIDUAL_NUMBER, /* individual_number: 12 digits */
	ATTRIBUTE_PORTRAIT,          /* portrait: no text but the bytes of JPEG 2000 */
	ATTRIBUTE_AGE_OVER,          /* age_over_NN: "true", "false"; follows from the birth date */
	ATTRIBUTE_AGE_IN_YEARS,      /* age_in_years: "54"; likewise */
	ATTRIBUTE_OTHER,             /* of any other name: as its element's type has it. uint "17",
				      * bool as above, full-date "2026-11-22", tdate
				      * "2026-11-22T10:00:00Z", bstr in hexadecimal capitals */
};

/* The kind of the attribute `name`; "age_over_NN" is that for itself and for all ages. */
enum attribute_kind attribute_kind(const char *name);
/* Whether it can be one's name: small letters, digits and '_', a letter first. */
bool attribute_name_good(const char *name);

/* The value of an attribute, behind which there is a NUL; FUDA_ENOTFOUND. Owned by the attributes.
 */
int attributes_get(const struct fuda_mdoc_attributes *attributes, const char *name,
		   struct cursor *ret);

/* The name of each; NULL behind the last. `*ret_place` is where it was read, as messages begin:
 * "path:line: ", or "". Both owned by the attributes. */
const char *attributes_name(const struct fuda_mdoc_attributes *attributes, size_t index,
			    const char **ret_place);

/* The forms of values, for all who read or write some. */

/* UTF-8 without what a terminal or a layout engine obeys instead of showing it. */
bool attribute_text_good(struct cursor text);
/* A municipality's code (全国地方公共団体コード): 5 digits, of a prefecture that there is, or 6
 * with the check digit. */
bool local_gov_code_good(const char *digits, size_t len);
/* The check digit of the first five. */
char local_gov_check_digit(const char digits[5]);
/* Whether it begins as a JP2 file or a JPEG 2000 codestream does. */
bool portrait_good(struct cursor bytes);

#endif
