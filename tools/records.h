/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the card that are signed under a CV certificate: read with a secret, judged by the
 * authority keys that --cv-trust names. */
#ifndef TOOLS_RECORDS_H
#define TOOLS_RECORDS_H

#include <fuda/cv.h>
#include <fuda/person.h>
#include <fuda/pin.h>
#include <fuda/text.h>
#include "tools/fuda.h"

/* The secret that a word of --with stands for. */
enum fuda_pin records_with(const char *word);

/* What --cv-trust names. */
int records_trust(struct call *call, struct fuda_cv_trust **ret);

/* Adds to the report what the records of the text application say. */
typedef int records_add(struct call *call, const struct fuda_text_records *records);

/* All that a command does with the text application: asks for the secret, reads what is asked for,
 * adds it to the report, judges it. */
int records_text(struct call *call, struct fuda_text_request request, records_add *add);

/* Makes `verdict` the result of the call: world, failed rule and the certificate's names in the
 * report. FUDA_EVERIFY unless all is well. */
int records_judged(struct call *call, const struct fuda_verdict *verdict,
		   const struct fuda_buf *certificate);

/* Adds the names of a CV certificate's issuer and subject to the fields of `r`. */
void records_names(struct report *r, const struct fuda_cv_facts *facts);
/* The world of an authority key, in words. */
const char *records_world(enum fuda_world world);

/* A birth date and a sex as all reports have them. */
void records_birth(struct report *r, const char *date);
void records_sex(struct report *r, enum fuda_sex sex);
/* The same by its name (fuda_sex_name). */
void records_sex_name(struct report *r, const char *name);

#endif
