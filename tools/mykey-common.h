/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands "mykey ..." and "terminal ..." share: the terminal, and a holder who is asked
 * for his PIN only when the service has given a challenge. */
#ifndef TOOLS_MYKEY_COMMON_H
#define TOOLS_MYKEY_COMMON_H

#include <fuda/jpki.h>
#include <fuda/mykey.h>
#include "tools/fuda.h"

/* The folder of the terminal that --terminal names; NULL: the user's own. */
extern const char *mykey_terminal;

#define MYKEY_TERMINAL_OPTION                                                                  \
	{                                                                                      \
		"terminal", 0, "DIR", N_("folder of this terminal (~/.config/fuda/terminal)"), \
			OPTION_TEXT, &mykey_terminal                                           \
	}
/* An option of those commands that are about a sector. */
#define MYKEY_SECTOR_OPTION(to)                                                                  \
	{                                                                                        \
		"sector", 0, "NAME", N_("sector, if this terminal serves several"), OPTION_TEXT, \
			to                                                                       \
	}

enum { MYKEY_FLAGS = COMMAND_CARD | COMMAND_PIN };

/* Opens that terminal. FUDA_ENOTFOUND says how to get one. */
int mykey_open_terminal(struct call *call, struct fuda_terminal **ret);
/* The whole of a command: challenge, card and PIN, question, report. */
int mykey_run(struct call *call, const struct fuda_mykey_wish *wish);
/* The same with what happens between in the hands of `how`. */
int mykey_run_by(struct call *call, const struct fuda_mykey_wish *wish,
		 int (*how)(struct call *call, struct fuda_mykey *mykey,
			    const struct fuda_mykey_wish *wish));

/* A challenge, when it came, and what the card makes of it. */
struct mykey_signed {
	struct fuda_digest digest;
	time_t since;
	struct fuda_buf signature, certificate;
};
#define MYKEY_SIGNED_INIT                                                       \
	((struct mykey_signed){ .signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX), \
				.certificate = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX) })
void mykey_signed_free(struct mykey_signed *s);
/* Gets a challenge for `wish`. */
int mykey_challenge(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
		    struct mykey_signed *s);
/* Opens the card, and reads its certificate if that takes no PIN: where no service could take it
 * this is the end, reported as the service's own refusal is. What the person is asked for then
 * takes time that a challenge does not have. */
int mykey_open_card(struct call *call, struct mykey_signed *s);
/* Gets a new challenge if the one that is there came some time ago. */
int mykey_freshen(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
		  struct mykey_signed *s);
/* The card's part, as one job, with the PIN that was asked for, which it takes: over a new
 * challenge if the first one came some time ago. */
int mykey_sign(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
	       struct fuda_secret *secret, struct mykey_signed *s);
/* All of this, from challenge to signature. Nothing is asked of the person before the service has
 * shown that it can be had. */
int mykey_sign_by_pin(struct call *call, struct fuda_mykey *mykey,
		      const struct fuda_mykey_wish *wish, struct mykey_signed *s);
/* Asks for what `wish` says with what the card has signed, and reports the answer. */
int mykey_ask(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
	      const struct mykey_signed *s);
/* Reports what was answered, a refusal too, whatever it is that was refused. Gives `code`, or
 * FUDA_EVERIFY for what was wrong with the card. */
int mykey_judge(struct call *call, const struct fuda_mykey_wish *wish,
		const struct fuda_mykey_answer *a, int code);

/* Adds what there is to say about a terminal. `asked` is the outcome of asking the service whether
 * it may act, or 0: how it stands is told of a certificate in force as well. */
int mykey_report_terminal(struct call *call, struct fuda_terminal *terminal, int asked,
			  struct fuda_terminal_facts *ret);

/* Lets the person confirm what cannot be undone, which is told in `text` (a question), unless
 * `yes`. FUDA_ECANCELLED; FUDA_EINVAL if there is nobody to ask. */
int mykey_confirm(struct call *call, const char *text, bool yes);

#endif
