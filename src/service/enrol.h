/* SPDX-License-Identifier: Apache-2.0 */
/* How terminals come, go and are stopped (platform.md D4):
 *
 *	applied <-> on_hold -> approved -> active <-> suspended; revoked, from any, for good.
 *
 * A terminal applies with a one-time code and its request, an operator approves what the terminal
 * shows of that request, the terminal asks again and gets its certificate. */
#ifndef SERVICE_ENROL_H
#define SERVICE_ENROL_H

#include <fuda/buf.h>
#include "service/operator.h"

enum {
	CODE_CHARS = 12,
	CODE_TEXT = 15, /* with its hyphens and NUL */
	APPROVALS_MAX = 8,
	PLACE_TEXT = 128,
	COMMENT_TEXT = 256,
	STATE_TEXT = 16,
	TERMINAL_CERTIFICATES = 8,     /* valid ones of one terminal */
	CERTIFICATE_AGAIN = 24 * 3600, /* seconds after its issue: given out again if asked alike */
};

/* ---- one-time codes ---- */

/* A new one, "ABCD-EFGH-JKLM": 60 random bits. To be wiped. */
int code_new(char ret[CODE_TEXT]);
/* The blind index of a code, however it is written: small letters, hyphens and blanks do not
 * matter. FUDA_EFORMAT: it cannot be one. */
int code_blind(struct keys *keys, const char *text, size_t len, uint8_t ret[BLIND_BYTES]);

/* ---- what operators do: results as in operator.h ---- */

struct code_request {
	const char *org, *place;
	const char *sectors[TERMINAL_SECTORS]; /* of that organisation */
	size_t sector_count;                   /* at least 1 */
	int approvals;                         /* needed: 1 to APPROVALS_MAX */
};
/* Makes a code for one terminal, good for code_hours of the configuration. */
int enrol_make_code(const struct acting *by, const struct code_request *request,
		    char ret_code[CODE_TEXT]);

enum terminal_act {
	TERMINAL_APPROVE, /* applied, on_hold; what was approved before a hold does not count */
	TERMINAL_HOLD,    /* applied, approved */
	TERMINAL_SUSPEND, /* active */
	TERMINAL_RESUME,  /* suspended */
	TERMINAL_REVOKE,  /* any: its certificates with it, and a new list of them */
	TERMINAL_TAP_ON,  /* active, suspended: holders without their PIN (rule-tap.h) */
	TERMINAL_TAP_OFF, /* likewise */
};
struct terminal_order {
	enum terminal_act act;
	uint8_t terminal[ID_BYTES];
	const char
		*csr_hash; /* to approve: at least the first 8 digits of what the terminal shows */
	const char *comment; /* up to COMMENT_TEXT - 1 bytes; "": none */
	int reason;          /* to revoke: REASON_... */
};
/* As in RFC 5280 5.3.1. */
enum { REASON_KEY_COMPROMISE = 1, REASON_CESSATION = 5 };
struct terminal_outcome {
	char state[STATE_TEXT]; /* now */
	int64_t approvals, needed;
};
int enrol_order(const struct acting *by, const struct terminal_order *order,
		struct terminal_outcome *ret);

/* Rows of terminals with their organisation, a page of ENROL_PAGE, behind the id `after` (of zeros:
 * from the first), of `state` ("": any): id, organisation, place, state, environment, comment, tap,
 * created, changed, csr_hash, the end of its newest valid certificate (seconds; 0: none). */
enum { ENROL_PAGE = 500 };
int enrol_terminals(struct store *store, const uint8_t after[ID_BYTES], const char *state,
		    struct rows *ret);
/* One of them, in the same columns. */
int enrol_terminal(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret);
/* Its sectors' names; its certificates: not before, not after, state, reason, SHA-256 of the
 * request; what was decided: operator, decision, comment, at. */
int enrol_terminal_sectors(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret);
int enrol_terminal_certificates(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret);
int enrol_terminal_decisions(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret);

/* The newest list of revoked terminals, if there is one: number, this and next update (seconds). */
int enrol_newest_crl(struct store *store, struct rows *ret);

/* ---- what terminals ask for ---- */

enum application_end {
	APPLICATION_ISSUED,
	APPLICATION_WAITS,   /* for operators */
	APPLICATION_UNKNOWN, /* no such code, too late, or used for another request */
	APPLICATION_SUSPENDED,
	APPLICATION_REVOKED,
	APPLICATION_EARLY,    /* before half of the certificate's life is over */
	APPLICATION_TOO_MANY, /* has TERMINAL_CERTIFICATES */
};
/* One request for a certificate: the first, with a code, or a later one, with a certificate. The
 * task is the owner's to submit, with its done(), in which `end` and `certificate` count if the
 * result is 0; application_free() then. */
struct application {
	struct task task; /* first */
	struct service *service;
	struct fuda_context *ctx; /* of its own */
	bool renewal;
	uint8_t code[BLIND_BYTES];  /* the first: code_blind() */
	uint8_t terminal[ID_BYTES]; /* a later one: of the terminal that asks, and */
	uint8_t serial[CA_SERIAL];  /* of the certificate it asks with */
	struct csr csr;             /* csr_check() of */
	struct fuda_buf request;    /* the request in DER */
	/* the end */
	enum application_end end;
	struct fuda_buf certificate; /* DER, if issued */
	/* of the task */
	int stage;
	struct rows rows[3];
};
/* Begins one: service and context, everything else is to be filled in. */
int application_init(struct application *application, struct service *service);
/* Says what its task must know once all is filled in. */
void application_ready(struct application *application);
void application_free(struct application *application);

/* ---- the list of certificates that count no more ---- */

/* Makes a new list, as a part of a task: called in each of its steps until it gives STEP_DONE.
 * FUDA_EFORMAT: a row is damaged, and the context says which. */
struct crl_making {
	int stage;
	struct rows last, nowhere, page;
	struct revoked *list;
	size_t count;
	uint8_t behind[CA_SERIAL];
};
int crl_make_step(struct crl_making *making, struct batch *batch, struct fuda_context *ctx,
		  struct ca *ca);
void crl_make_reset(struct crl_making *making);
/* Two lists in one batch would have the same number. */
#define CRL_CLAIM UINT64_C(0x63726C)

/* A task that makes one because the last one grows old. */
struct crl_renewal {
	struct task task; /* first */
	struct service *service;
	struct fuda_context *ctx; /* of its own */
	struct crl_making making;
};
int crl_renewal_init(struct crl_renewal *renewal, struct service *service);
void crl_renewal_free(struct crl_renewal *renewal);

#endif
