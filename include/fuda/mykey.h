/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a MyKey platform: this terminal, and what it asks for the holder of a card, or of a
 * phone. */
#ifndef FUDA_MYKEY_H
#define FUDA_MYKEY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/deadline.h>
#include <fuda/hash.h>
#include <fuda/secret.h>

/* ---- the terminal ---- */

/* A folder that holds what makes this machine a terminal, for its owner alone: `terminal.conf` (the
 * service's origin), `ca.pem` (what its certificate is judged by), `key.pem` (P-256),
 * `request.pem`, and `certificate.pem` once there is one; until then `code`, the operator's. */
struct fuda_terminal;

enum { FUDA_TERMINAL_ID = 37, FUDA_FINGERPRINT = 65 };

/* "unknown" (no answer yet), "applied" (waits for approval), "active", "renewal_due" (two thirds of
 * its life are over), "expired"; what fuda_terminal_check() was told: "suspended", "revoked";
 * static. */
enum fuda_terminal_state {
	FUDA_TERMINAL_NONE,
	FUDA_TERMINAL_APPLIED,
	FUDA_TERMINAL_ACTIVE,
	FUDA_TERMINAL_RENEWAL_DUE,
	FUDA_TERMINAL_EXPIRED,
	FUDA_TERMINAL_SUSPENDED,
	FUDA_TERMINAL_REVOKED,
};
const char *fuda_terminal_state_name(enum fuda_terminal_state state);

struct fuda_terminal_facts {
	enum fuda_terminal_state state;
	char server[256];               /* origin: "https://host[:port]" */
	char id[FUDA_TERMINAL_ID];      /* UUID; "" before the certificate */
	char environment[32];           /* "" before the certificate */
	char request[FUDA_FINGERPRINT]; /* SHA-256 of the certificate request, hexadecimal: what the
					 * operator compares before approving */
	time_t not_before, not_after;   /* of the certificate; 0 before it */
	time_t retry_at;                /* when to ask again, while it waits; 0: any time */
	/* As the service said, which fuda_terminal_check() asks; "" and false before that. */
	char organisation[128], place[128];
	char sectors[1024]; /* that it serves, by name, with blanks between them */
	bool tap;           /* it may serve holders without their PIN */
};

/* Opens what is there, and ends a renewal that was broken off. `folder` may be NULL here and below:
 * the user's own, ${XDG_CONFIG_HOME:-~/.config}/fuda/terminal. FUDA_ENOTFOUND: it is no terminal's;
 * FUDA_EFORMAT: it is damaged; FUDA_EFILE. */
int fuda_terminal_open(struct fuda_context *ctx, const char *folder, struct fuda_terminal **ret);
void fuda_terminal_free(struct fuda_terminal **terminal);
int fuda_terminal_facts(struct fuda_terminal *terminal, struct fuda_terminal_facts *ret);

/* Applies by EST (RFC 7030): makes key and request in the new folder `folder`, sends the request
 * with the one-time code of the operator. `ca` is a PEM file of the CA that the server's
 * certificate is judged by. Without a certificate yet that is 0 too: see the facts. The service is
 * asked what it calls itself before that: `server` must be it, or no card could sign. The folder is
 * complete before the request is sent, so that the same can be said again after a failure, with
 * another code or CA file if need be. FUDA_EINVAL: no such server or code; FUDA_EEXISTS: the folder
 * is another's, or has its certificate; FUDA_EREFUSED, FUDA_EWAIT: the service says so;
 * FUDA_EUNREACHABLE; FUDA_EVERIFY: who answers is not the service, or has another name than
 * `server`; FUDA_EFORMAT: the answer, or `ca`. */
int fuda_terminal_enrol(struct fuda_context *ctx, const char *folder, const char *server,
			const char *ca, const char *code, struct fuda_deadline *dl,
			struct fuda_terminal **ret);
/* Asks whether the certificate is there now. 0: it is, or not yet: see the facts. Otherwise as
 * fuda_terminal_enrol(); FUDA_ENOTFOUND: there is no code any more to ask with. */
int fuda_terminal_poll(struct fuda_terminal *terminal, struct fuda_deadline *dl);
/* Asks whether this terminal, which has its certificate, may act, and what it is for, which the
 * facts have then: 0, FUDA_EREFUSED (it may not; the
 * facts have the state if an operator said so), FUDA_EWAIT (the service cannot tell now; it is not
 * waited for), FUDA_EUNREACHABLE, FUDA_EVERIFY (another service, or one that has another name than
 * when this terminal was enrolled). */
int fuda_terminal_check(struct fuda_terminal *terminal, struct fuda_deadline *dl);
/* Gets a new certificate for a new key (simplereenroll); the old ones stay until it is there. After
 * a failure the same request is sent again. Errors as fuda_terminal_enrol(); FUDA_EWAIT also if it
 * is to be approved first, FUDA_EBUSY if another program was faster. */
int fuda_terminal_renew(struct fuda_terminal *terminal, struct fuda_deadline *dl);

/* ---- the holder of a card ---- */

struct fuda_mykey;
struct fuda_mdoc_key; /* <fuda/mdoc.h> */

/* Told when the service asks to wait: `seconds` until the next try. It may restart the deadline of
 * the call, which is looked at after it. False ends the wait with FUDA_EWAIT. */
typedef bool (*fuda_mykey_wait)(void *arg, int seconds);

/* A session with the service of `terminal`, which must outlive it. */
int fuda_mykey_new(struct fuda_terminal *terminal, struct fuda_mykey **ret);
void fuda_mykey_free(struct fuda_mykey **mykey);
void fuda_mykey_on_wait(struct fuda_mykey *mykey, fuda_mykey_wait wait, void *arg);

enum fuda_mykey_purpose {
	FUDA_MYKEY_BIND, /* the holder's MyKey ID, made if there is none */
	FUDA_MYKEY_SHOW,
	FUDA_MYKEY_CHANGE,
	FUDA_MYKEY_EXPIRE,
	FUDA_MYKEY_RESOLVE, /* the pseudonym in a sector, and the number linked there */
	FUDA_MYKEY_LINK,
	FUDA_MYKEY_UNLINK,
	FUDA_MYKEY_TAP_REGISTER, /* lets the card be used without its PIN, face to face */
	FUDA_MYKEY_TAP_UNREGISTER,
	FUDA_MYKEY_TAP, /* the same as resolve, without a PIN: fuda_mykey_tap_start() */
	/* the same as bind, and the holder's phone is known as his from then on; ... */
	FUDA_MYKEY_BIND_MDOC,
	FUDA_MYKEY_SHOW_MDOC,   /* ... so that it shows the MyKey ID alone */
	FUDA_MYKEY_UNBIND_MDOC, /* the phone, alone, is nobody's any more */
};

/* What the card's face application said when the digest of a registration was its challenge:
 * <fuda/face.h>. */
struct fuda_mykey_face {
	const struct fuda_secret *birth; /* the birth date's key, which was right */
	int tries;                       /* left behind it: what an untouched counter shows */
	const struct fuda_buf *age, *certificate, *signature;
};

/* What a phone presented in a session of <fuda/mdoc.h> by the key of fuda_mykey_reader_key(), both
 * in CBOR: it was asked for one element "age_over_NN", and signed. A service refuses what shows
 * more, and a proof by MAC. */
struct fuda_mykey_phone {
	const struct fuda_buf *transcript; /* SessionTranscript */
	const struct fuda_buf *response;   /* DeviceResponse */
};

struct fuda_mykey_wish {
	enum fuda_mykey_purpose purpose;
	const char *sector;                   /* NULL: the terminal's only one */
	const char *wished;                   /* change: the id wished for; NULL: any */
	const char *local_number;             /* link: what the holder is called there */
	const struct fuda_mykey_face *face;   /* registering for taps */
	const struct fuda_mykey_phone *phone; /* those with a phone: there when it is asked */
	const char *doctype; /* those with a phone: what it is going to be asked for; NULL: it is
			      * not looked at */
};
struct fuda_mykey_answer {
	char result[48]; /* "ok", or the service's problem code */
	char mykey_id[16];
	/* when, as the service says (RFC 3339); "" if it does not */
	char issued[32], expired[32];
	bool fresh;     /* made just now */
	bool generated; /* change: by the service, not as wished */
	char ppid[32];
	char local_number[260]; /* "" if none is linked */
	char sector[64];
	char amr[16];      /* tap: how the holder is known, "hwk": by the card alone */
	int tries_left;    /* change: wishes that may still be tried; -1: not said */
	int retry_after;   /* seconds; 0: not said */
	char message[256]; /* what the service says to people, "" if nothing */
};

/* Gets a challenge from the service, checks that it is for this terminal, purpose and origin, and
 * gives what the card must sign. Nothing of the card is needed yet: a challenge that cannot be had
 * costs no try. FUDA_EINVAL: a wish, number or sector that there cannot be, or a doctype that the
 * service does not take; FUDA_EREFUSED,
 * FUDA_EWAIT (longer than there is time for), FUDA_EUNREACHABLE, FUDA_EVERIFY (another service,
 * or a challenge for something else). */
int fuda_mykey_challenge(struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
			 struct fuda_deadline *dl, struct fuda_digest *ret);
/* The ephemeral key of a reader that asks a phone for that challenge, instead of one of its own:
 * what the phone signs with it is good for this challenge alone. It is the caller's to free.
 * FUDA_EINVAL: there is no challenge, or it is for no phone. */
int fuda_mykey_reader_key(struct fuda_mykey *mykey, struct fuda_mdoc_key **ret);
/* Sends what the card made of it, and the phone; NULL for both of the card's parts where there is
 * none (FUDA_MYKEY_SHOW_MDOC, FUDA_MYKEY_UNBIND_MDOC). The same request is repeated, under one
 * idempotency key, until there is an answer, the deadline is over or the caller ends the wait:
 * FUDA_EUNSURE if it was sent and never answered, or not in a way that tells. Its key is kept in
 * the terminal's folder then, for an hour: the same wish for the same card, by whichever program,
 * goes under it, is done once and answered the same, or refused as "answer_outdated" where
 * something was changed for the holder since. (What binds a phone is not kept: it may be done
 * twice.) FUDA_EREFUSED: see result and message; FUDA_EWAIT: see retry_after; FUDA_EUNREACHABLE: it
 * never was sent. A challenge is good for one such call. */
int fuda_mykey_ask(struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
		   const struct fuda_buf *certificate, const struct fuda_buf *signature,
		   struct fuda_deadline *dl, struct fuda_mykey_answer *ret);

/* The first step of a tap, in the place of a challenge: tells the service the card's certificate
 * (read without a PIN) and the sector of the wish (NULL: the terminal's only one), and gets what
 * the card has to be asked, checked as a challenge is: the birth date's key, the tries that its
 * counter must show, and the digest, which is the challenge for the card's face application
 * (fuda_face_tap()). Its signature is what fuda_mykey_ask() then takes for FUDA_MYKEY_TAP. The
 * service counts these, and gives few without an end; none in a sector in which it does not know
 * the holder. `ret` as by fuda_mykey_ask(), where the service refuses. */
int fuda_mykey_tap_start(struct fuda_mykey *mykey, const struct fuda_buf *certificate,
			 const char *sector, struct fuda_deadline *dl,
			 struct fuda_mykey_answer *ret, struct fuda_secret **ret_birth,
			 int *ret_tries, struct fuda_digest *ret_digest);

/* Before that: that this terminal has not sent the key already to the card that lies there, nor
 * another program of it is about to. `reader` and `events` are what <fuda/reader.h> tells of the
 * reader; they are noted in the terminal's folder. Where nobody counts (0), nothing is refused.
 * FUDA_EPINCOMMAND: the card is to be taken away first; FUDA_EFILE. */
int fuda_mykey_tap_claim(struct fuda_mykey *mykey, const char *reader, uint32_t events);
/* Nothing was sent after all. */
void fuda_mykey_tap_release(struct fuda_mykey *mykey, const char *reader, uint32_t events);

#endif
