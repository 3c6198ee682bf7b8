/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of fuda-vcard share. */
#ifndef TOOLS_VCARD_H
#define TOOLS_VCARD_H

#include <netdb.h>
#include <stdbool.h>

enum { EXIT_USAGE = 2, WHY_SIZE = 512 };

/* What was asked for is on standard output, or was not given. */
int told(void);
int help(void);
int version(void);
/* These say what is wrong and return the exit status. */
int usage_hint(void);
int usage_error(const char *what, const char *which);
int failed(int code, const char *why);
/* A number from 1 to `max`, or 0 if it is none. */
unsigned number(const char *text, unsigned long max);
/* The one argument that is left after the options, or NULL. */
const char *operand(int argc, char **argv);

/* ---- playing to vpcd ---- */

#define VPCD_DEFAULT "localhost:35963" /* where Debian's vsmartcard-vpcd listens */

struct play {
	const char *vpcd;
	unsigned wait; /* seconds */
	struct addrinfo *addresses;
};
#define PLAY_INIT ((struct play){ .vpcd = VPCD_DEFAULT, .wait = 10 })
#define PLAY_OPTIONS \
	{ "vpcd", required_argument, NULL, 'v' }, { "wait", required_argument, NULL, 'w' }, \
	{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, \
	{ NULL, 0, NULL, 0 }

/* Takes an option that is not the word's own. 0; or the exit status, where it is wrong. */
int play_option(struct play *play, int option, const char *argument);
/* HOST:PORT, the host in brackets if it has colons itself. NULL after an error message. */
struct addrinfo *play_resolve(const char *where);
/* SIGTERM and SIGINT become a readable descriptor; -1 if that fails. */
int play_stop(void);
/* Waits `ms` milliseconds; true if told to stop meanwhile. */
bool play_stopped(int stop_fd, int ms);
/* Connects, waits for vpcd to ask for a card and has `card` play, which is vpcd_play() or the like.
 * 0 if told to stop; its errors; FUDA_ENOREADER: nothing listens there; FUDA_EBUSY: something does,
 * and asks for no card. */
int play_card(const struct play *play, int stop_fd,
	      int (*card)(void *arg, int fd, int stop_fd), void *arg);
/* Says why play_card() failed and returns the exit status. */
int play_failed(const struct play *play, int code);

/* ---- words in files of their own ---- */

int command_replay(int argc, char **argv);
int command_qr(int argc, char **argv);
/* Engages the wallet in directory `dir` anew, and writes the QR code to the file `path`, or what
 * stands in it to standard output (NULL). 0, or the exit status after an error message. */
int show_qr(const char *dir, const char *path);

#endif
