/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of which it is not known whether they were done. Asked again under its idempotency key,
 * such a one is done once and answered the same (platform.md D4), by whichever call of a program:
 * the keys are kept in the terminal's folder. What was asked, and for which card, stands there as a
 * hash with the key, which stands beside it: a local number, of which there are not many, can be
 * found by trying. The file is for its owner alone, as the terminal's key is. */
#ifndef MYKEY_UNSURE_H
#define MYKEY_UNSURE_H

#include "mykey/terminal.h"

#define FILE_UNSURE "unsure"

enum {
	UNSURE_KEY = 33,
	UNSURE_MOST = 16, /* the oldest goes first */
	/* Less than the service keeps its answers for: by then somebody may have undone it, and
	 * mean it anew. */
	UNSURE_SECONDS = 3600,
};

/* The two together are one request, whatever challenge it is signed for. */
struct unsure_request {
	struct fuda_terminal *terminal;
	const struct fuda_buf *what;        /* its members, each behind its length */
	const struct fuda_buf *certificate; /* of the card */
};

/* The key under which it was asked before, if it was and nobody knows what became of it. */
bool unsure_recall(const struct unsure_request *request, char ret_key[UNSURE_KEY]);
/* Keeps it under `key`, a hexadecimal number. FUDA_EFILE, FUDA_EFORMAT, FUDA_ENOMEM, FUDA_EFAILED:
 * it is not kept. The context's message stays as it is. */
int unsure_keep(const struct unsure_request *request, const char *key);
/* The service has answered it: what was not known of this card before counts no more. */
void unsure_forget(const struct unsure_request *request);

#endif
