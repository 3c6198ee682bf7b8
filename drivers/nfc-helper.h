/* SPDX-License-Identifier: Apache-2.0 */
/* The process in which libnfc lives, as the driver "nfc" sees it. */
#ifndef DRIVERS_NFC_HELPER_H
#define DRIVERS_NFC_HELPER_H

#include "base/context.h"
#include "base/deadline.h"
#include "drivers/nfc-protocol.h"

struct nfc_helper;

/* The program, or NULL: where it is installed. For tests. */
extern const char *nfc_helper_path;

/* Starts one: of this process it gets a socket, a pipe for its complaints, and no other descriptor;
 * of the environment what libnfc's configuration is. It sends no signal but SIGCHLD at its end.
 * FUDA_ENOTSUP (not installed), FUDA_ENOMEM, FUDA_EFAILED. */
int nfc_helper_start(struct fuda_context *ctx, struct nfc_helper **ret);

/* Asks and waits for the answer, whose bytes lie in `message`. FUDA_ETIMEOUT or FUDA_ECANCELLED,
 * with *ret_sent whether the request left; FUDA_EREADERGONE (the helper ended), FUDA_ETRANSPORT (it
 * talks nonsense), FUDA_ETOOBIG (a request that is none; nothing was sent). Writes nothing down.
 * After a request that left without an answer it is of no use: hang up. */
int nfc_helper_ask(struct nfc_helper *h, const struct nfc_request *q, struct fuda_deadline *dl,
		   uint8_t message[NFC_MESSAGE_MAX], bool *ret_sent, struct nfc_answer *ret);

/* Has it break off what it does, switch off the field and end. Does not wait for that. */
void nfc_helper_hang_up(struct nfc_helper *h);

/* The last line that it wrote to standard error, as printable ASCII; "" if none. Lives as long. */
const char *nfc_helper_words(struct nfc_helper *h);

/* Hangs up, gives it `ms` milliseconds to end in order and then kills it. Whether it did, so that
 * the card has lost its power; false too if another part of the program reaped it, so that nobody
 * knows. In a process forked since, nothing happens to it (true). NULL-safe (true), nulls the
 * pointer. */
bool nfc_helper_free(struct nfc_helper **h, int ms);

#endif
