/* SPDX-License-Identifier: Apache-2.0 */
/* Cards by the thousand for the platform's service: certificates of one test CA with serial numbers of
 * their own, all of one key, and revocation lists of that CA. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>

enum { WORLD_ORIGIN = 256 };

/* Writes `folder`/ca.pem and `folder`/cards.crl, a list of `entries` serials that no card has. */
void world_make(const char *folder, size_t entries);
/* The certificate of card `n`: DER. Replaces the content. */
void world_card(uint32_t n, struct fuda_buf *ret_der);

/* What a card answers to a challenge of the service (its JSON), as the body of a request for `purpose`
 * of card `n`, with `more` (",\"sector\":...") at its end. False: that is no challenge. */
bool world_body(uint32_t n, const char *purpose, const char *challenge, const char *more,
		struct fuda_buf *ret_body);
/* The file `path`, a PEM certificate, as base64 of its DER on one line. Replaces the content. */
void world_terminal(const char *path, struct fuda_buf *ret_base64);

#endif
