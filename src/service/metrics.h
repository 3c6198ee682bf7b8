/* SPDX-License-Identifier: Apache-2.0 */
/* What Prometheus asks for (text format 0.0.4). */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include <stdint.h>
#include <fuda/buf.h>

struct service;
struct metrics;

int metrics_new(struct metrics **ret);
void metrics_free(struct metrics **metrics);
/* One finished request. `route` is one of a fixed list ("bind", "challenge", ..., "other"; what is
 * not in it counts as "other"), never a path as sent. `code`: of the problem that it ended with,
 * static; NULL: it did not. Any thread. */
void metrics_request(struct metrics *metrics, const char *route, int status, const char *code,
		     int64_t us);
/* One verdict on a card, by its word ("ok", "certificate_revoked", ...), likewise. */
void metrics_result(struct metrics *metrics, const char *result);

/* What somebody else measures from time to time. Until it is said first it is not printed. */
enum metrics_gauge {
	GAUGE_CONNECTIONS,
	GAUGE_REQUESTS_OPEN,
	GAUGE_MYKEYS_ACTIVE,
	GAUGE_TERMINALS_APPLIED, /* and on: in the order of the states in schema.c */
	GAUGE_TERMINALS_ON_HOLD,
	GAUGE_TERMINALS_APPROVED,
	GAUGE_TERMINALS_ACTIVE,
	GAUGE_TERMINALS_SUSPENDED,
	GAUGE_TERMINALS_REVOKED,
	GAUGE_DATABASE_BYTES,
	GAUGE_CHECKPOINT_AT, /* seconds since 1970; printed as age */
	GAUGE_TLS_ENDS,	     /* seconds since 1970; printed as time left */
	GAUGE_CA_ENDS,
	GAUGES,
};
void metrics_set(struct metrics *metrics, enum metrics_gauge gauge, int64_t value);

/* Prints them, and the state of the service's parts. */
int metrics_print(struct service *service, struct fuda_buf *ret_text);

#endif
