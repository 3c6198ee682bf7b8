/* SPDX-License-Identifier: Apache-2.0 */
/* Two subjects that are one person: whoever came with a renewed certificate before it was known
 * which one that took the place of. Two operators say so (platform.md D4). */
#ifndef SERVICE_JOIN_H
#define SERVICE_JOIN_H

#include "service/operator.h"

enum { JOIN_DAYS = 7 }; /* so long the first operator's word counts */

/* Whose pseudonym stays in a sector that knows both, as it must not change there unseen. */
enum join_keep { JOIN_KEEP_NONE, JOIN_KEEP_OLDER, JOIN_KEEP_NEWER };

struct join_outcome {
	bool joined;             /* no: another operator has to say the same */
	char stays[MYKEY_TEXT];  /* the MyKey ID of the joined person, "" if there is none */
	char ended[MYKEY_TEXT];  /* the one that was expired, "" if there was none */
	int64_t links, dropped;  /* that came with the newer; pseudonyms that ended */
};
/* Joins the holders of the MyKey IDs `one` and `other`, active or not, for an approver. The one who
 * was known first stays: the other's cards, pseudonyms and numbers become his, of two active MyKey
 * IDs his stays. Active cards stay so, each until it is revoked or expires; taps are to be
 * registered anew. Results as in operator.h; FUDA_EREFUSED, too, where sectors know both, which the
 * message names, and `keep` says nothing; FUDA_EEXISTS: they are one. */
int operator_join(const struct acting *by, const char *one, const char *other, enum join_keep keep,
		  const char *comment, struct join_outcome *ret);

#endif
