/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a terminal: what is in its folder. */
#ifndef MYKEY_TERMINAL_H
#define MYKEY_TERMINAL_H

#include "codec/origin.h"
#include "mykey/certificate.h"
#include "mykey/home.h"
#include "mykey/http.h"
#include "mykey/request.h"

/* Files of the folder. Those of a renewal have their names until all of it is there; then the key
 * is given its name, and after it the certificate: terminal_settle(). */
#define FILE_CONF            "terminal.conf"
#define FILE_CA              "ca.pem"
#define FILE_KEY             "key.pem"
#define FILE_REQUEST         "request.pem"
#define FILE_CERTIFICATE     "certificate.pem"
#define FILE_CODE            "code" /* of the operator, until there is a certificate */
#define FILE_NEW_KEY         "key.new"
#define FILE_NEW_REQUEST     "request.new"
#define FILE_NEW_CERTIFICATE "certificate.new"

enum { TERMINAL_FILE_MAX = 16384, TERMINAL_CA_MAX = 256 * 1024, TERMINAL_ORIGIN = ORIGIN_MAX };

/* What the service tells a terminal of itself: struct fuda_terminal_facts has the same. */
struct terminal_self {
	char organisation[128], place[128], sectors[1024];
	bool tap;
};

struct fuda_terminal {
	struct fuda_context *ctx;
	struct home home;
	char origin[TERMINAL_ORIGIN];
	time_t retry_at;                      /* 0: the service has not answered yet */
	struct fuda_buf ca, key, certificate; /* PEM; the last is empty before there is one */
	struct fuda_buf request;              /* DER */
	struct fuda_buf der;                  /* of the certificate */
	struct terminal_certificate facts;    /* in `der` */
	struct https *https;                  /* NULL until it is needed */
	enum fuda_terminal_state told;        /* by the service; FUDA_TERMINAL_NONE: nothing */
	struct terminal_self self;            /* empty until the service was asked */
};

/* Brings what a server is called into the form of an origin (RFC 6454 6.2): small letters, no port
 * that goes without saying. FUDA_EINVAL: it is no "https://host[:port]". */
int terminal_origin(struct fuda_context *ctx, const char *server, char ret[TERMINAL_ORIGIN]);

/* Reads the folder again, after it was changed. Ends a renewal that was broken off when all of it
 * was there. */
int terminal_load(struct fuda_terminal *t);
/* Writes "terminal.conf". */
int terminal_write_conf(struct fuda_terminal *t, time_t retry_at);
/* The content of it. */
int terminal_conf(const char *origin, time_t retry_at, struct fuda_buf *ret_text);
/* The connection to its service, as who it is. */
int terminal_https(struct fuda_terminal *t, struct https **ret);

#endif
