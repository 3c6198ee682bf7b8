/* SPDX-License-Identifier: Apache-2.0 */
/* APDUs as text that may be shown: secrets are left out where the text is made. */
#ifndef CODEC_REDACT_H
#define CODEC_REDACT_H

#include <stddef.h>
#include <stdint.h>

#define REDACT_TEXT_MAX 200

/* Writes the command as hexadecimal to `out`; the data of PIN commands becomes its length, and long
 * data is cut with a note of its length. */
void redact_command(const uint8_t *command, size_t len, char out[REDACT_TEXT_MAX]);

/* Writes the response likewise: status word and the length of the data, never the data. */
void redact_response(const uint8_t *response, size_t len, char out[REDACT_TEXT_MAX]);

#endif
