/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of secure messaging (card.md 3.3), written for the tests alone. */
#ifndef TESTS_SM_CLIENT_H
#define TESTS_SM_CLIENT_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include "vcard/vcard.h"

struct sm_client {
	uint8_t key[16];
	uint64_t counter;
};

#define SM_HEX_MAX 2048

/* SET SESSION KEY with RSA-OAEP of `plain` under the public half of `key`, as hexadecimal. */
void sm_set_key(EVP_PKEY *key, const uint8_t *plain, size_t len, char ret_command[SM_HEX_MAX]);
/* Opens a session with a seed of the bytes `first`, `first` + 1... */
void sm_open(struct vcard *v, struct sm_client *c, uint8_t first);

/* Bytes (hexadecimal) padded and encrypted for the counter, as an object 86. */
void sm_object(const struct sm_client *c, const char *plain_hex, char ret_object[SM_HEX_MAX]);
/* Sends `head` (CLA to P2, class 08) with `plain` inside; the answer must be `sw` alone. */
void sm_send(struct vcard *v, struct sm_client *c, const char *head, const char *plain_hex,
	     const char *sw);
/* Sends READ BINARY `head` for `le` bytes; what comes back decrypted, hexadecimal, must be
 * `plain_hex`. */
void sm_read(struct vcard *v, struct sm_client *c, const char *head, unsigned le,
	     const char *plain_hex);
/* Sends it; the answer must be `sw` alone. */
void sm_read_fails(struct vcard *v, struct sm_client *c, const char *head, unsigned le,
		   const char *sw);

#endif
