/* SPDX-License-Identifier: Apache-2.0 */
/* The service's configuration: the file "mykeyd.conf" of its folder, "key = value" a line, '#' begins
 * a comment. fuda-mykeyd(1) has the list of keys. */
#ifndef SERVICE_CONFIG_H
#define SERVICE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <fuda/context.h>
#include "service/http.h"
#include "service/revocation.h"

enum { CONFIG_LIST = 8, CONFIG_TEXT = 1024 };

struct config {
	char folder[CONFIG_TEXT];
	char database[CONFIG_TEXT];	/* store_open() */
	char environment[32];		/* "production", "test": [a-z0-9-] */
	char origin[256];		/* "https://host[:port]": what cards sign for */
	char listen[CONFIG_LIST][128];	/* "ADDRESS:PORT" (TLS) or "unix:PATH" (trusted) */
	size_t listen_count;
	char tls_certificate[CONFIG_TEXT], tls_key[CONFIG_TEXT]; /* files */
	char trust[CONFIG_LIST][CONFIG_TEXT]; /* PEM files of CAs of cards, beside the genuine ones */
	size_t trust_count;
	char crl[CONFIG_LIST][CONFIG_TEXT];   /* files of revocation lists of cards */
	size_t crl_count;
	bool crl_required;		/* no: "revocation not checked" is said and accepted: tests */
	int64_t crl_grace;		/* seconds */
	char renewal[CONFIG_TEXT];	/* "csv:FILE"; "": none */
	int64_t queue, batch, threads, connections, per_address, idle;
	int64_t idempotency_hours, code_hours, approvals, drain;
	char checkpoint_file[CONFIG_TEXT]; /* where checkpoints are appended too */
	const char *crl_files[CONFIG_LIST + 1];
	struct revocation_config revocation;
};

/* Reads `folder`/mykeyd.conf. Relative paths are of the folder. FUDA_EFORMAT: "path:line: what is
 * wrong", unknown and repeated keys included; FUDA_EFILE. */
int service_config_read(struct fuda_context *ctx, const char *folder, struct config *ret);

#endif
