/* SPDX-License-Identifier: Apache-2.0 */
/* The service's configuration: the file "mykeyd.conf" of its folder, "key = value" a line, '#'
 * begins a comment. fuda-mykeyd(1) has the list of keys; they are called as the members here. */
#ifndef SERVICE_CONFIG_H
#define SERVICE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <fuda/context.h>
#include "service/http.h"
#include "service/revocation.h"

#define CONFIG_FILE "mykeyd.conf"
enum { CONFIG_LIST = 8, CONFIG_TEXT = 1024 };

/* Not to be moved or copied: `revocation` and `crl_files` point into it. */
struct config {
	char folder[CONFIG_TEXT];
	char database[CONFIG_TEXT];    /* store_open() */
	char environment[32];          /* "production", "test": [a-z0-9-] */
	char origin[256];              /* "https://host[:port]": what cards sign for */
	char listen[CONFIG_LIST][128]; /* "ADDRESS:PORT" (TLS), "unix:PATH" (trusted) */
	size_t listen_count;
	char operations[128]; /* "ADDRESS:PORT" of a loopback address, without TLS, for
			       * /livez, /readyz, /version and /metrics; "": none */
	char tls_certificate[CONFIG_TEXT], tls_key[CONFIG_TEXT]; /* files */
	char trust[CONFIG_LIST][CONFIG_TEXT]; /* PEM files of CAs of cards beside the genuine */
	size_t trust_count;
	char cv_trust[CONFIG_LIST][CONFIG_TEXT]; /* files of authorities of cards' own records */
	size_t cv_trust_count;
	char crl[CONFIG_LIST][CONFIG_TEXT]; /* files of revocation lists of cards */
	size_t crl_count;
	bool crl_required;      /* no: "not checked" is said and accepted: for tests */
	int64_t crl_grace;      /* seconds */
	char ocsp[CONFIG_TEXT]; /* URL of the responder; "": none */
	bool ocsp_required;     /* a list is not enough; needs `ocsp` */
	/* PEM files of authorities that issue mobile credentials; none: they are not taken */
	char mdoc_trust[CONFIG_LIST][CONFIG_TEXT];
	size_t mdoc_trust_count;
	char mdoc_crl[CONFIG_LIST][CONFIG_TEXT]; /* files of their revocation lists */
	size_t mdoc_crl_count;
	char mdoc_doctype[128]; /* the kind of credential that is taken */
	/* extended key usages that signers may have; none: that of mobile driving licences */
	char mdoc_purpose[CONFIG_LIST][CONFIG_TEXT];
	size_t mdoc_purpose_count;
	char renewal[CONFIG_TEXT]; /* "csv:FILE"; "": none */
	int64_t queue, batch, threads, connections, per_address, idle;
	int64_t idempotency_hours, code_hours, approvals, drain;
	char checkpoint_file[CONFIG_TEXT]; /* where checkpoints are appended too; "": nowhere */
	const char *crl_files[CONFIG_LIST + 1];
	struct revocation_config revocation;
};

/* Reads `folder`/mykeyd.conf. Relative paths are of the folder. FUDA_EFORMAT: "path:line: what is
 * wrong", unknown keys included, and keys that come again and are no list (listen, trust, crl: one
 * line each); FUDA_EFILE. */
int service_config_read(struct fuda_context *ctx, const char *folder, struct config *ret);

/* What the file of a new service shall say (a NULL key behind the last, a key of a list once for
 * each value). */
struct config_given {
	const char *key, *value;
	const char *option; /* that it came by, for messages: "--origin"; NULL: the key says it */
};
/* Sees that these can be in such a file, relative names of files being of the folder `from` (NULL:
 * of the new service's). FUDA_EINVAL tells of the first option that cannot. */
int service_config_check(struct fuda_context *ctx, const struct config_given *given,
			 const char *from);
/* Appends the text of such a file: every key explained, those of `given`, which were checked, with
 * their values, all others as comments with what counts without them. */
int service_config_print(const struct config_given *given, const char *from,
			 struct fuda_buf *ret_text);

/* Calls `see` with each key and its value in force as text, in the file's order; lists have a call
 * for each value. The database's password is left out. */
void service_config_each(const struct config *config,
			 void (*see)(void *arg, const char *key, const char *value), void *arg);

#endif
