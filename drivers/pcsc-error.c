/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with the PC/SC service, and what to do. */
#include "drivers/pcsc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct failure {
	LONG rv;
	int code;
	const char *text;
};

#define SERVICE_DOWN                                                            \
	N_("The PC/SC service (pcscd) is not running. Start it, with systemd: " \
	   "\"systemctl start pcscd.socket\"; it is in the package pcscd.")
#define SERVICE_LOST N_("The PC/SC service (pcscd) ended while the card was in use. Try again.")
#define NOT_ALLOWED                                                                           \
	N_("The PC/SC service does not let this user in. Its policy (polkit: "                \
	   "org.debian.pcsc-lite.access_pcsc and access_card) as a rule admits the user who " \
	   "sits at the machine; for others the administrator has to add a rule.")
#define NO_CARD     N_("There is no card in the reader. Insert it, or lay it on the reader.")
#define CARD_PULLED N_("The card was removed. Put it back, leave it there and try again.")
#define CARD_MUTE                                                                                 \
	N_("The card does not answer. Check that it is the right way round, take it out, put it " \
	   "back and try again.")
#define READER_PULLED N_("The reader was unplugged.")
#define REFUSED	      N_("The reader, or its driver, does not know this command.")

/* While a reader is being listed or opened. */
static const struct failure opening[] = {
	{ SCARD_E_NO_SERVICE, FUDA_ENOSERVICE, SERVICE_DOWN },
	{ SCARD_E_SERVICE_STOPPED, FUDA_ENOSERVICE, SERVICE_DOWN },
	{ SCARD_F_COMM_ERROR, FUDA_ENOSERVICE, SERVICE_DOWN },
	{ SCARD_W_SECURITY_VIOLATION, FUDA_EACCESS, NOT_ALLOWED },
	{ SCARD_E_SHARING_VIOLATION, FUDA_EBUSY, PCSC_TAKEN },
	{ SCARD_E_NO_SMARTCARD, FUDA_ENOCARD, NO_CARD },
	{ SCARD_W_REMOVED_CARD, FUDA_ENOCARD, NO_CARD },
	{ SCARD_W_UNRESPONSIVE_CARD, FUDA_EMUTE, CARD_MUTE },
	{ SCARD_W_UNPOWERED_CARD, FUDA_EMUTE, CARD_MUTE },
	{ SCARD_E_PROTO_MISMATCH, FUDA_EMUTE, CARD_MUTE },
	{ SCARD_E_READER_UNAVAILABLE, FUDA_EREADERGONE, READER_PULLED },
	{ SCARD_E_NO_MEMORY, FUDA_ENOMEM, N_("out of memory") },
	{ 0, FUDA_EFAILED, N_("The PC/SC service reports: %s") },
};

/* While a connection is in use. */
static const struct failure using[] = {
	{ SCARD_W_REMOVED_CARD, FUDA_EREMOVED, CARD_PULLED },
	{ SCARD_E_NO_SMARTCARD, FUDA_EREMOVED, CARD_PULLED },
	{ SCARD_E_READER_UNAVAILABLE, FUDA_EREADERGONE, READER_PULLED },
	{ SCARD_E_UNKNOWN_READER, FUDA_EREADERGONE, READER_PULLED },
	{ SCARD_E_NO_SERVICE, FUDA_EREADERGONE, SERVICE_LOST },
	{ SCARD_E_SERVICE_STOPPED, FUDA_EREADERGONE, SERVICE_LOST },
	{ SCARD_F_COMM_ERROR, FUDA_EREADERGONE, SERVICE_LOST },
	{ SCARD_W_SECURITY_VIOLATION, FUDA_EREADERGONE, SERVICE_LOST },
	{ SCARD_E_INVALID_HANDLE, FUDA_EREADERGONE, SERVICE_LOST },
	{ SCARD_E_SHARING_VIOLATION, FUDA_EBUSY, PCSC_TAKEN },
	{ SCARD_W_UNRESPONSIVE_CARD, FUDA_EMUTE, CARD_MUTE },
	{ SCARD_W_UNPOWERED_CARD, FUDA_EMUTE, CARD_MUTE },
	{ SCARD_E_NO_MEMORY, FUDA_ENOMEM, N_("out of memory") },
	{ SCARD_E_UNSUPPORTED_FEATURE, FUDA_ENOTSUP, REFUSED },
	{ 0, FUDA_ETRANSPORT,
	  N_("The command did not get through to the card and back (%s). Leave the card still and "
	     "try again.") },
};

static int explain(struct fuda_context *ctx, const struct failure *table, LONG rv)
{
	while (table->rv && table->rv != rv)
		table++;
	return ctx_fail(ctx, table->code, _(table->text), pcsc_stringify_error(rv));
}

int pcsc_explain_opening(struct fuda_context *ctx, LONG rv)
{
	const char *path = getenv("PCSCLITE_CSOCK_NAME");

	/* winscard says "no service" as well where the socket may not be used. */
	if (rv == SCARD_E_NO_SERVICE && access(path ? path : "/run/pcscd/pcscd.comm", W_OK) < 0 &&
	    errno == EACCES)
		rv = SCARD_W_SECURITY_VIOLATION;
	return explain(ctx, opening, rv);
}

int pcsc_explain(struct fuda_context *ctx, LONG rv)
{
	return explain(ctx, using, rv);
}

int pcsc_interrupted(struct fuda_context *ctx, int code)
{
	if (code == FUDA_ETIMEOUT)
		return ctx_fail(ctx, code, _("The reader or the card did not answer in time."));
	return ctx_fail_code(ctx, code);
}
