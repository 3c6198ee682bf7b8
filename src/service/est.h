/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment over Secure Transport (RFC 7030, 8951): how terminals come to their certificates, and
 * the list of those that count no more.
 *
 *	GET /.well-known/est/cacerts	     the CA's certificate
 *	GET /.well-known/est/csrattrs	     what a request must be: P-256, ecdsa-with-SHA256
 *	POST /.well-known/est/simpleenroll   Basic authorization, the code as password
 *	POST /.well-known/est/simplereenroll the terminal's certificate
 *	GET /crl/terminals.crl		     in DER (RFC 5280)
 */
#ifndef SERVICE_EST_H
#define SERVICE_EST_H

#include <stdbool.h>
#include "service/service.h"

struct exchange;

/* Terminals that wait to be approved ask again after so many seconds. */
enum { EST_RETRY = 10 };

/* Whether this path is served here. */
bool est_serves(const char *path);
/* Handles one such request, on a thread of the pool; answers now or later. Needs keys, ca, writer
 * and terminals of the service. */
void est_handle(struct service *service, struct exchange *x);

#endif
