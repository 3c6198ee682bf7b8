/* SPDX-License-Identifier: Apache-2.0 */
/* Operators, and what they do to the database: each act is a task of the writer, with its rows in
 * the audit trail in the same transaction. Who is no operator, or lacks the role, is refused, and
 * that goes to the audit trail too (platform.md B11). */
#ifndef SERVICE_OPERATOR_H
#define SERVICE_OPERATOR_H

#include "service/service.h"

enum role {
	ROLE_ADMIN = 1,     /* organisations, sectors, operators, backups */
	ROLE_REGISTRAR = 2, /* one-time codes, terminals */
	ROLE_APPROVER = 4,  /* terminals that apply, holders who are one */
	ROLE_AUDITOR = 8,   /* the audit trail, reports */
};
enum { OPERATOR_NAME = 33, ROLES_TEXT = 64, ORG_NAME = 128, KIND_NAME = 32 };

/* "admin,approver" and back. FUDA_EFORMAT: none, an unknown one, or one twice. */
int roles_parse(const char *text, unsigned *ret);
void roles_text(unsigned roles, char ret[ROLES_TEXT]);
/* Whether it can be an operator's name: a letter or '_', then letters, digits, '_', '-' and '.'. */
bool operator_name_good(const char *name);
/* Whether it is a text for people of 1 to `size` - 1 bytes: UTF-8 without control characters. */
bool text_good(const char *text, size_t size);
/* The same of a word for programs: small letters, digits, '-', '_' and '.'. */
bool word_good(const char *text, size_t size);

/* Who acts. */
struct acting {
	struct service *service;  /* config, keys, ca, writer; terminals may be NULL */
	struct fuda_context *ctx; /* for messages; the writer's while an act is being done */
	char operator[OPERATOR_NAME];
	long uid;
};
/* The user who runs this program, or who had sudo run it as root. FUDA_EREFUSED: he has no name. */
int acting_self(struct fuda_context *ctx, struct service *service, struct acting *ret);

/* All acts below: 0; FUDA_EREFUSED: not allowed to this operator, or not in this state;
 * FUDA_ENOTFOUND; FUDA_EEXISTS; FUDA_EINVAL; FUDA_ESTORE, FUDA_EWAIT, FUDA_EUNSURE, FUDA_ENOMEM,
 * FUDA_EFAILED. The message is in `by->ctx`. */

/* Sees that he may read (any operator if `role` is 0), or has done what needs no more than a row in
 * the audit trail, which `action` ("audit-export", ...; static) then gets. `act` is what a refusal
 * is told of; `action` may be NULL. */
int operator_may(const struct acting *by, unsigned role, const char *act, const char *action);

/* Says that what `lost` checkpoints signed, which are known outside only, is lost: that goes to the
 * audit trail, with a comment of 1 to LOSS_COMMENT - 1 bytes. For an admin. */
enum { LOSS_COMMENT = 201 };
int operator_accept_loss(const struct acting *by, int64_t lost, const char *comment);
/* Says that the rows of the audit trail that are from the future were written by a wrong clock:
 * they do not count any more when clocks are compared. Likewise. FUDA_ENOTFOUND: there are none. */
int operator_accept_clock(const struct acting *by, const char *comment);

int operator_add_org(const struct acting *by, const char *name, const char *kind,
		     uint8_t ret[ID_BYTES]);
/* Its name is a word for programs. Makes the sector's key. */
int operator_add_sector(const struct acting *by, const char *name, const char *org,
			const char *kind, uint8_t ret[ID_BYTES]);
/* As long as there is no operator at all, anybody who can read the keystore may add the first, who
 * must be an admin. Who was dropped may be added again; what he approved before does not count. */
int operator_add(const struct acting *by, const char *name, unsigned roles);
/* FUDA_EREFUSED: the last admin stays. */
int operator_drop(const struct acting *by, const char *name);

/* Reads in a transaction of its own. */
int read_rows(struct store *store, const struct statement *statement, const struct datum *params,
	      struct rows *ret);
/* id, name, kind, created */
int operator_orgs(struct store *store, struct rows *ret);
/* id, name, kind, the organisation's name, key version, created */
int operator_sectors(struct store *store, struct rows *ret);
/* id, name, roles, state, created */
int operator_operators(struct store *store, struct rows *ret);

#endif
