/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: functions return 0 or one of these negative numbers. */
#ifndef FUDA_ERROR_H
#define FUDA_ERROR_H

#include <stdint.h>

#define X(name, text, exit, ckr, ifd) FUDA_PLACE_##name,
enum fuda_error_place {
	FUDA_PLACE_OK,
#include <fuda/err.def>
	FUDA_PLACES
};
#undef X

#define X(name, text, exit, ckr, ifd) FUDA_##name = -FUDA_PLACE_##name,
enum fuda_error {
	FUDA_OK,
#include <fuda/err.def>
};
#undef X

/* What error `code` means, in the language of LC_MESSAGES. Static; never NULL. */
const char *fuda_error_text(int code);
/* The name of error `code` without prefix ("EPINWRONG"); "OK" for 0. Static; never NULL. */
const char *fuda_error_name(int code);
/* The exit status that a program ends with after error `code`: 0 for 0. */
int fuda_error_exit_status(int code);

/* What status word SW1-SW2 means by ISO 7816-4 5.1.3 and JICSAP, in the language of LC_MESSAGES;
 * "unknown" where nobody says. Static; never NULL. */
const char *fuda_status_text(uint16_t sw);

#endif
