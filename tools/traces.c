/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/traces.h"
#include "tools/certs.h"
#include "tools/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_fd(void *arg, const void *bytes, size_t len)
{
	struct traces_out *out = arg;
	const char *p = bytes;

	while (len && !session_cancelled()) {
		ssize_t n = write(out->fd, p, len);

		if (n < 0 && errno != EINTR) {
			out->error = errno;
			return -1;
		}
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return session_cancelled() ? -1 : 0;
}

struct fuda_trace_sink traces_sink(struct traces_out *out)
{
	return (struct fuda_trace_sink){ write_fd, out };
}

const char *traces_path(const char *operand)
{
	return strcmp(operand, "-") == 0 ? "/dev/stdin" : operand;
}

static int write_report(const struct fuda_cert *cert, const struct fuda_trace_sink *sink)
{
	struct report *report = report_new();
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	int r = report && memory ? 0 : FUDA_ENOMEM;

	if (r == 0) {
		certs_report(report, cert);
		r = report_print_text(report, memory);
	}
	if (memory && fclose(memory) != 0)
		r = FUDA_ENOMEM;
	if (r == 0 && sink->write(sink->arg, text, len) != 0)
		r = FUDA_EFILE;
	if (text)
		explicit_bzero(text, len); /* may name a person */
	free(text);
	report_free(&report);
	return r;
}

int traces_certificate(void *arg, const uint8_t *der, size_t len,
		       const struct fuda_trace_sink *sink)
{
	struct call *call = arg;
	struct fuda_cert *cert;
	int r = fuda_cert_new(call->ctx, der, len, &cert);

	if (r < 0)
		return r;
	r = write_report(cert, sink);
	fuda_cert_free(&cert);
	return r;
}

int traces_ended(struct call *call, const struct traces_out *out, const char *name, int code)
{
	if (code < 0 && session_cancelled())
		return call_fail(call, FUDA_ECANCELLED, _("cancelled"));
	if (code < 0 && out->error)
		return call_fail(call, code, "%s: %s", name, strerror(out->error));
	return code;
}
