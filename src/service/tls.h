/* SPDX-License-Identifier: Apache-2.0 */
/* The service's own certificate for TLS, by which terminals know it. */
#ifndef SERVICE_TLS_H
#define SERVICE_TLS_H

#include "service/service.h"

/* So long before its end it is time for a new one. */
enum { TLS_WARN_DAYS = 30 };

/* What the certificate is that the configuration names (the file; what a running process serves
 * with was read when that began). FUDA_EFILE, FUDA_EFORMAT. */
int tls_read(struct service *service, struct ca_server *ret);
/* Makes a new one for the same key, as ca_renew_server() does; and puts it in the place of the old
 * one, whose processes serve with it once they are started again. */
int tls_make(struct service *service, const char *names, struct fuda_buf *ret_pem);
int tls_put(struct service *service, const struct fuda_buf *pem);

#endif
