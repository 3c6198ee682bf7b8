/* SPDX-License-Identifier: Apache-2.0 */
/* A holder whose phone has a mobile credential: it is bound beside the card, and shows who he is
 * without it from then on. */
#ifndef TOOLS_MYKEY_PHONE_H
#define TOOLS_MYKEY_PHONE_H

#include "tools/mykey-common.h"

/* The reader of --phone-reader; NULL: that of the card, once it was taken away. */
extern const char *mykey_phone_reader;

/* That nothing is said of a phone where none is asked (no --mdoc). */
int mykey_phone_options(struct call *call, bool mdoc);
/* The whole of a command for one of the purposes with a phone: challenge, card and PIN if it binds,
 * phone, question, report. */
int mykey_run_phone(struct call *call, enum fuda_mykey_purpose purpose);

#endif
