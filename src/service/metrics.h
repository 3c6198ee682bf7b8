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
/* One finished request. `route` is one of a fixed list ("bind", "challenge", ..., "other"), never a
 * path as sent. Any thread. */
void metrics_request(struct metrics *metrics, const char *route, int status, int64_t us);
/* One verdict, by its word ("ok", "certificate_revoked", ...). */
void metrics_result(struct metrics *metrics, const char *result);
/* Prints them, and the state of the service's parts. */
int metrics_print(struct service *service, struct fuda_buf *ret_text);

#endif
