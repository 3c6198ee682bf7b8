/* SPDX-License-Identifier: Apache-2.0 */
/* Names of things: UUIDv7 for rows, MyKey IDs for holders, times. */
#ifndef SERVICE_ID_H
#define SERVICE_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { ID_BYTES = 16, ID_TEXT = 37, MYKEY_CHARS = 8, MYKEY_TEXT = 9 };

/* A new id: UUIDv7 (RFC 9562 5.7). FUDA_EFAILED: no random bytes. */
int id_new(uint8_t ret[ID_BYTES]);
/* As text of 36 characters, lower case, and back: FUDA_EFORMAT for anything else. */
void id_text(const uint8_t id[ID_BYTES], char ret[ID_TEXT]);
int id_parse(const char *text, uint8_t ret[ID_BYTES]);

/* A random MyKey ID: 8 capitals and digits without 0, 1, I and O, each of the 32 as likely. */
int mykey_new(char ret[MYKEY_TEXT]);
/* Whether a holder may wish for it: 8 of A-Z and 0-9 (that they are 8 alphanumeric characters is
 * all that is public: platform.md B1). Small letters are taken for capitals. FUDA_EFORMAT. */
int mykey_wished(const char *text, char ret[MYKEY_TEXT]);

/* Microseconds since 1970 UTC, of the system's clock. */
int64_t now_us(void);
#define SECONDS_US INT64_C(1000000)

#endif
