/* SPDX-License-Identifier: Apache-2.0 */
/* What reading a software card moves, beside the least that it can. */
#ifndef TESTS_BENCH_BUDGET_H
#define TESTS_BENCH_BUDGET_H

#include <stddef.h>
#include <stdint.h>

enum budget_job {
	BUDGET_FACE,	   /* the card face and its CV certificate, with verification number B */
	BUDGET_ATTRIBUTES, /* the attributes, the integrity record and the CV certificate, with the PIN */
};

struct budget_share {
	unsigned long apdus, sent, received;
	uint64_t link_ns; /* on a contactless link of 106 kbit/s, by linktime.h */
};

struct budget {
	struct budget_share reading;
	struct budget_share challenge; /* the proof against copies: the signature, and the signed key under it */
	size_t objects;		       /* bytes of the objects that were read, but for the challenge */
	/* With nothing but the selection, the counter, the secret and each object in as few commands as its size
	 * needs: commands, and bytes with the headers and status words of these. */
	unsigned long least_apdus, least_bytes;
};

#define BUDGET_WHY 512

/* Does the job on the card in directory `dir`, twice: whether extended length works is known by the second time, which
 * counts. 0, or an error of fuda and its message in `ret_why`. */
int budget_measure(const char *dir, enum budget_job job, char ret_why[BUDGET_WHY], struct budget *ret);

#endif
