/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: who may ask, and for which sectors. */
#ifndef SERVICE_TERMINAL_H
#define SERVICE_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <fuda/context.h>
#include "service/ca.h"
#include "service/id.h"
#include "service/store.h"

struct service;
struct terminals;

enum { TERMINAL_SECTORS = 16, TERMINAL_CACHE_SECONDS = 5, SECTOR_NAME = 64 };

struct terminal_sector {
	uint8_t id[ID_BYTES];
	char name[SECTOR_NAME];
	int64_t key_version;
};
/* A terminal as the rules see it. */
struct terminal {
	uint8_t id[ID_BYTES];
	uint8_t org[ID_BYTES];
	uint8_t serial[CA_SERIAL]; /* of the certificate it came with */
	bool tap;
	struct terminal_sector sectors[TERMINAL_SECTORS];
	size_t sector_count;
};

/* Of `service`, which must outlive it, what there is of ca, writer and configuration is used. Opens
 * a connection of its own for reading. */
int terminals_new(struct fuda_context *ctx, struct service *service, struct terminals **ret);
void terminals_free(struct terminals **terminals);

/* Whose client certificate (DER) this is, and whether it may act at `now` (seconds since 1970): the
 * certificate is of our CA, our environment, in time, not revoked, and its terminal active. What
 * the database says counts for TERMINAL_CACHE_SECONDS at most. 0, or FUDA_EREFUSED with the problem
 * code for the client (`*ret_code`, static): "terminal_unknown", "terminal_certificate_invalid",
 * "terminal_certificate_expired", "terminal_environment", "terminal_suspended", "terminal_revoked",
 * "terminal_not_approved"; FUDA_ESTORE, FUDA_ENOMEM, FUDA_EFAILED. Refusals go to the audit
 * trail, TERMINAL_REFUSALS a minute at most. Any thread. */
int terminal_ask(struct terminals *terminals, const uint8_t *der, size_t len, int64_t now,
		 struct terminal *ret, const char **ret_code);
/* The same, and the database is asked in any case: for what is said without another look at it. */
int terminal_ask_anew(struct terminals *terminals, const uint8_t *der, size_t len, int64_t now,
		      struct terminal *ret, const char **ret_code);
/* Why a terminal may not act, by the columns of the first row that have the states of its
 * certificate and of itself: a code as above; NULL: it may. */
const char *terminal_refusal(const struct rows *rows, size_t certificate, size_t state);
/* Whose a terminal is, by name, and where it stands; asks the database. FUDA_ESTORE. Any thread. */
enum { TERMINAL_NAME = 128 };
int terminal_place(struct terminals *terminals, const struct terminal *terminal,
		   char ret_org[TERMINAL_NAME], char ret_place[TERMINAL_NAME]);
/* What the database said of this terminal counts no more: its state has just been changed. */
void terminals_forget(struct terminals *terminals, const uint8_t terminal[ID_BYTES]);
/* The newest list of revoked terminals, in DER; FUDA_ENOTFOUND: none yet. `*ret_made`: when,
 * seconds. Any thread. */
int terminals_crl(struct terminals *terminals, struct fuda_buf *ret_der, int64_t *ret_made);

enum { TERMINAL_REFUSALS = 30, TERMINAL_GUESSES = 120, TERMINAL_GUESSES_EACH = 10 };
struct meter;
/* That of wrong one-time codes: TERMINAL_GUESSES a minute, TERMINAL_GUESSES_EACH of one source. */
struct meter *terminals_guesses(struct terminals *terminals);

/* The sector of the terminal called `name`, or its only one for "". NULL: it has none of that name,
 * or several and none was named. */
const struct terminal_sector *terminal_sector(const struct terminal *terminal, const char *name);

#endif
