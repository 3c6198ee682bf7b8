/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of revoked cards: the lists in force, read from files that something else fetches,
 * swapped as a whole; and, where there is one, what the OCSP responder says of the rest. */
#ifndef SERVICE_REVOCATION_H
#define SERVICE_REVOCATION_H

#include "pki/crl.h"
#include "service/responder.h"

struct revocation;

/* What lists there shall be, and for how long after nextUpdate (`grace`, seconds) one still counts.
 */
struct revocation_config {
	const char *const *files; /* a list each; NULL at the end */
	int grace;
	const char *responder;   /* its URL; NULL: nobody is asked */
	bool responder_required; /* whom no list has is not good until it said so */
};

/* Does not read yet. `config` and `trust` must outlive it. */
int revocation_new(struct fuda_context *ctx, const struct revocation_config *config,
		   const struct fuda_trust *trust, struct revocation **ret);
void revocation_free(struct revocation **revocation);

/* Reads the files that have changed since, each list taking the place of the one before unless it
 * is older. What fails leaves the one in force; the context tells which file and why, all of them.
 * One thread at a time; others may go on asking. */
int revocation_refresh(struct fuda_context *ctx, struct revocation *revocation);

/* What is known of `cert` at time `at`: good; revoked; unknown if no list of its issuer is in
 * force, or it is stale (`*ret_stale`): to be treated as a refusal. Who is on a list is revoked;
 * of all others the responder has the last word, be it that it does not know them (`*ret_denied`:
 * which does not pass). If it does not answer, whom it called revoked lately is so, and else what
 * the lists say counts, unless it is required: then the answer is unknown. Any thread; waits for
 * the responder (RESPONDER_MS). */
enum fuda_revocation revocation_ask(struct revocation *revocation, const struct fuda_cert *cert,
				    time_t at, bool *ret_stale, bool *ret_denied);

struct revocation_state {
	const char *file;
	bool loaded;
	struct crl_facts facts; /* if loaded */
	bool stale, half;       /* past its end; past half of its life */
};
/* Copies what is known of list `i`; FUDA_ENOTFOUND past the last one. */
int revocation_state(struct revocation *revocation, size_t i, time_t at,
		     struct revocation_state *ret);

/* NULL: there is none; of none (NULL) neither. */
struct responder *revocation_responder(struct revocation *revocation);

#endif
