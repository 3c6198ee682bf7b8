/* SPDX-License-Identifier: Apache-2.0 */
#include "service/tls.h"

#include <errno.h>
#include <string.h>

#include "base/config.h"
#include "base/context.h"
#include "pki/file.h"
#include "service/create.h"

/* As text. */
static int read_file(struct service *service, struct fuda_buf *ret)
{
	int r = pki_read_file(service->ctx, service->config.tls_certificate, ret);

	return r < 0 ? r : fuda_buf_append(ret, "", 1);
}

/* ... which one it is about. */
static int name_file(struct service *service, int code)
{
	return code == FUDA_EFORMAT ?
		       ctx_fail(service->ctx, code, _("%s has no certificate in PEM."),
				service->config.tls_certificate) :
		       code;
}

int tls_read(struct service *service, struct ca_server *ret)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PKI_FILE_MAX);
	int r = read_file(service, &pem);

	if (r == 0)
		r = ca_read_server(service->ctx, service->ca, (char *)pem.data, ret);
	return name_file(service, r);
}

int tls_make(struct service *service, const char *names, struct fuda_buf *ret_pem)
{
	_cleanup_buf_ struct fuda_buf old = FUDA_BUF_INIT(PKI_FILE_MAX);
	int r = read_file(service, &old);

	if (r == 0)
		r = ca_renew_server(service->ctx, service->ca, (char *)old.data, names,
				    CREATE_SERVER_DAYS, ret_pem);
	return name_file(service, r);
}

int tls_put(struct service *service, const struct fuda_buf *pem)
{
	const char *path = service->config.tls_certificate;
	int r = config_write_private(path, pem->data, pem->len, true);

	return r < 0 ? ctx_fail(service->ctx, r, _("%s cannot be written: %s."), path,
				strerror(errno)) :
		       0;
}
