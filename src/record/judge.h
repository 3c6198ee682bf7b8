/* SPDX-License-Identifier: Apache-2.0 */
/* What verification finds, and the verdict that follows from it. */
#ifndef RECORD_JUDGE_H
#define RECORD_JUDGE_H

#include <fuda/cv.h>
#include "pki/key.h"
#include "pki/rules.h"

struct findings {
	unsigned broken; /* a bit for each enum record_rule */
	enum fuda_world world;
};

void find_broken(struct findings *f, enum record_rule rule);

/* Notes that `rule` is broken if key_verify() said so; its errors are returned. */
int find_signature(struct findings *f, enum record_rule rule, int verified);

/* The first of the rules that are broken. */
struct fuda_verdict findings_verdict(const struct findings *f);

/* Judges `signature` of the SHA-256 of `bytes`. As key_verify(). */
int judge_bytes(const struct key *key, struct cursor bytes, struct cursor signature);

/* Judges the challenge under the key that a record names. As find_signature(). */
int judge_response(struct findings *f, const struct key *key, const struct fuda_response *response);

#endif
