/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate took the place of which. A renewed certificate has a new serial number; that
 * the same person holds it is known from pairs of old and new ones (platform.md B2). Who gives
 * them, and in what form, is not public (platform.md D10): so this is as small as it can be, and a
 * source is one struct. */
#ifndef SERVICE_RENEWAL_H
#define SERVICE_RENEWAL_H

#include <stddef.h>
#include <stdint.h>
#include <fuda/context.h>
#include "service/verify.h"

struct renewal;

/* A serial number: big endian, without leading zeros. */
struct serial {
	uint8_t bytes[SERIAL_MAX];
	uint8_t len;
};

/* A certificate as a source names it: by its serial number, and by the identifier of the key of the
 * CA that issued it, where that is said. */
struct numbered {
	struct serial serial;
	uint8_t issuer[ISSUER_KEY_MAX];
	uint8_t issuer_len; /* 0: not said */
};

/* Where pairs come from. */
struct renewal_source {
	const char *name; /* what stands before the colon: "csv" */
	/* Opens what stands behind it. The context has the message. */
	int (*open)(struct fuda_context *ctx, const char *where, void **ret);
	/* The certificate that `presented` took the place of. FUDA_ENOTFOUND; FUDA_EINVAL: without
	 * an issuer `presented` may be several. Any thread. */
	int (*find)(void *own, const struct numbered *presented, struct numbered *ret);
	/* Looks whether there is something newer; after a failure what was known stays. Others go
	 * on asking. */
	int (*refresh)(struct fuda_context *ctx, void *own);
	void (*close)(void *own);
};

/* "csv:FILE": lines "NEW,OLD" of serial numbers in hexadecimal, each behind the key identifier of
 * its CA and a colon if that is to be said ("ISSUER:NEW,ISSUER:OLD"); '#' begins a comment, blank
 * lines do not count. Whatever else is in it refuses the file as a whole: FUDA_EFORMAT, "file:line:
 * what is wrong"; so does a new certificate that comes twice, or could be one that does, and a last
 * line without its end. Read again by refresh when it was changed. "": no source; `*ret` is NULL,
 * which all below take. FUDA_EINVAL: no such source. */
int renewal_open(struct fuda_context *ctx, const char *where, struct renewal **ret);
void renewal_close(struct renewal **renewal);
int renewal_refresh(struct fuda_context *ctx, struct renewal *renewal);
/* As find() of a source. */
int renewal_find(struct renewal *renewal, const struct numbered *presented, struct numbered *ret);

/* Takes leading zeros off, so that equal numbers are equal bytes. FUDA_EFORMAT: too long, or 0. */
int serial_of(const uint8_t *bytes, size_t len, struct serial *ret);

#endif
