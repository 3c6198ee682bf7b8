/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of fuda share: their description, their options, one call of one of them. */
#ifndef TOOLS_FUDA_H
#define TOOLS_FUDA_H

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>
#include <fuda/buf.h>
#include <fuda/card.h>
#include <fuda/context.h>
#include <fuda/deadline.h>
#include <fuda/error.h>
#include <fuda/pki.h>

#define _(text)  gettext(text)
#define N_(text) (text)

#define _cleanup_(f)        __attribute__((cleanup(f)))
#define _cleanup_buf_       _cleanup_(fuda_buf_free)
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a)       (sizeof(a) / sizeof((a)[0]))

struct call;
struct fuda_command;
struct report;

/* ---- options ---- */

enum option_kind {
	OPTION_SWITCH, /* bool: given or not */
	OPTION_COUNT,  /* int: how often it was given */
	OPTION_TEXT,   /* const char *: the value */
	OPTION_CHOICE, /* const char *: one of the words of `value`, which has '|' between them */
	OPTION_NUMBER, /* int from `min` to `max` */
	OPTION_LIST,   /* struct text_list: the values in the order given */
};

enum { LIST_MAX = 32, OPTION_GROUPS_MAX = 4 };
struct text_list {
	const char *items[LIST_MAX];
	size_t count;
};

struct option_spec {
	const char *name;  /* without the dashes; NULL ends a table */
	char letter;       /* short form, or 0 */
	const char *value; /* what its value is called in the help; NULL for switches and counts */
	const char *help;  /* N_(); NULL: left out of the help, for tests and completion only */
	enum option_kind kind;
	void *to; /* where the value goes: see the kinds */
	int min, max;
	unsigned needs; /* common options: the flags of the commands that have it; 0: all */
};

/* Options that many commands have. */
enum { TIMEOUT_DEFAULT = 30 };
struct common_options {
	const char *reader;
	bool json;
	int timeout; /* seconds; 0: not given, TIMEOUT_DEFAULT counts */
	int verbose;
	int pin_fd; /* -1: none */
	const char *pin_file;
	bool no_pin_pad;
	bool use_last_try;
	struct text_list trust, cv_trust;
	const char *folder; /* NULL: not given */
	bool help;
	bool list_options;
};
extern struct common_options common;

/* Takes the options out of argv[1..argc-1], leaving the operands in the call. The first mistake is
 * reported with call_usage() after all the arguments were seen, so that --json counts wherever it
 * stands. */
int options_parse(struct call *call, int argc, char **argv);
/* Prints the option table of a command to standard output: as help, or for completion a name a
 * line, with '=' if it takes a value (then the short form too), and behind it the words if the
 * value is one of some, DIR if it is a directory. */
void options_help(const struct fuda_command *command);
void options_list(const struct fuda_command *command);

/* ---- commands ---- */

enum command_flags {
	COMMAND_READER = 1,   /* talks to readers: --timeout */
	COMMAND_CARD = 2,     /* talks to a card: --reader, --timeout */
	COMMAND_PIN = 4,      /* may ask for a secret: --pin-fd, --pin-file, --no-pin-pad,
			       * --use-last-try */
	COMMAND_VERIFIES = 8, /* --trust */
	COMMAND_CV = 16,      /* --cv-trust */
	COMMAND_FILTER = 32,  /* prints files: ends like others when nobody reads on */
	COMMAND_RUNS = 64,    /* runs a program: what stands behind its name is the program's */
	COMMAND_FOLDER = 128, /* works in the folder of the platform's service: --folder */
	COMMAND_ONLINE = 256, /* talks to the platform's service: --timeout */
};

struct fuda_command {
	const char *name;                  /* one word, or two with a blank: "trace run" */
	const char *summary;               /* N_(), one line */
	const char *synopsis;              /* operands and the options that cannot be left out */
	const struct option_spec *options; /* ends with a NULL name; NULL if none of its own */
	/* such tables that it shares with other commands, or NULL */
	const struct option_spec *groups[OPTION_GROUPS_MAX];
	unsigned flags;
	/* Does the work. 0 or FUDA_E..., whose exit status the program ends with. */
	int (*run)(struct call *call);
};

/* One call of one command. */
struct call {
	const struct fuda_command *command;
	char **operands;
	size_t operand_count;
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	/* what passed with cards that were closed before `card` */
	struct fuda_apdu_count apdus;
	struct fuda_card *card; /* NULL until call_open_card() */
	struct report *report;  /* what is printed at the end */
	bool raw;               /* standard output got other data than the report already */
	bool shown;             /* the report is whole, and shown as text even if the call fails */
	bool judged;            /* `verdict` decides `result` */
	struct fuda_verdict verdict;
	const char *refused; /* what a result means that is not about a certificate; or NULL */
	bool world_told;     /* the report has `world`, or it is not this call's to tell */
	bool concluded;      /* the report has its result */
	char message[1024];  /* of a failure found by the program, "" if the library found it */
	char remark[300];    /* a sentence that follows the message, whoever it is from; or "" */
	bool hinted;         /* it says what to do, in place of the program's hint */
	bool usage;          /* the failure is in the command line */
	int status;          /* of another program, that this one ends with; 0: its own */
};

/* Writes down why the call fails, in words for a person, and returns `code`. Use it for whatever
 * does not write to the context. */
int call_fail(struct call *call, int code, const char *format, ...) _printf_(3, 4);
/* As call_fail() for a command line that makes no sense: FUDA_EINVAL. */
int call_usage(struct call *call, const char *format, ...) _printf_(2, 3);
/* Checks the number of operands. */
int call_operands(struct call *call, size_t min, size_t max);

/* Completes the report of a call that ends with `code`: world, commands, result. For who writes it
 * somewhere himself; it is done in any case. */
void call_conclude(struct call *call, int code);

/* Opens the card that --reader names and notes the reader in the report. */
int call_open_card(struct call *call);
/* Closes it, as another one follows. */
void call_close_card(struct call *call);
/* Makes the context and the deadline of the call, and lets SIGINT, SIGTERM and SIGHUP cancel it. */
int session_start(struct call *call);
void session_finish(struct call *call);
/* Whether one of those signals came. */
bool session_cancelled(void);
/* From here on they end the program at once: for work without a deadline that leaves nothing behind
 * wherever it ends. */
void session_dies(void);
/* Whether it was SIGINT: ^C. */
bool session_interrupted(void);
/* The time of --timeout. */
int session_timeout_ms(void);
/* Starts the time of --timeout again, after waiting for a person. */
void session_restart(struct call *call);

/* Finds the translations, also those of a build tree or of a moved installation. */
void locale_start(void);
/* English from here on: reports for programs speak one language. */
void locale_for_programs(void);

#endif
