/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-vcard: makes software My Number cards, and plays them to vpcd. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/error.h>

#include "tools/standard.h"
#include "tools/vcard.h"
#include "vcard/vcard.h"

#define SETTINGS_MAX 32
#define SIZE_LIMIT   65536
#define CRL_DAYS     30
#define CRL_DAYS_MAX 3650
#define CRL_TEXT_MAX (1 << 20)

static const char usage_text[] =
	"usage: fuda-vcard make DIR [OPTION]...\n"
	"       fuda-vcard run DIR [OPTION]...\n"
	"       fuda-vcard replay FILE [OPTION]...\n"
	"       fuda-vcard qr DIR [OPTION]...\n"
	"       fuda-vcard crl CARD [REVOKED]... [OPTION]...\n"
	"       fuda-vcard --help | --version\n"
	"\n"
	"Makes a software My Number card in the new or empty directory DIR, or plays it to vpcd,\n"
	"so that PC/SC programs see it in a reader. For tests: its secrets are in DIR/card.conf.\n"
	"Or plays a trace, FILE, as the card that it was recorded from.\n"
	"Or prints the QR code by which a reader engages the wallet in DIR.\n"
	"Or prints a revocation list of the test CA of CARD, with the authentication certificates\n"
	"of the cards REVOKED on it.\n"
	"\n"
	"make:\n"
	"  --kind card|android|iphone|wallet  kind of token (card)\n"
	"  --secrets FILE                  secrets other than 1234 and ABC123, as in card.conf\n"
	"  --set KEY=VALUE                 key of card.conf (repeatable)\n"
	"  --no-sign-certificate           no certificate and no key for signing\n"
	"  --expired                       certificates that ended a year ago, a credential\n"
	"                                  ten days ago\n"
	"  --auth-certificate-size BYTES   exact size of the authentication certificate\n"
	"  --certificate-file-size BYTES|exact\n"
	"                                  size of the files with certificates\n"
	"  --person FILE                   whose card it is (a sample person)\n"
	"  --photo FILE                    photo, a JP2 file (a drawing)\n"
	"  --photo-size BYTES              exact size of the drawing (6144)\n"
	"  --record-file-step BYTES|exact  files of records have a multiple of so many (256)\n"
	"  --authority CARD                whose CAs and authorities sign (new ones)\n"
	"run:\n"
	"  --usage                         print counts of commands and bytes at the end\n"
	"  --qr FILE                       first write the QR code of a wallet, a PNG\n"
	"qr:\n"
	"  --output FILE                   write a PNG instead of printing what it says\n"
	"replay:\n"
	"  --loose                         answer commands in any order\n"
	"  --once                          end when the trace is used up\n"
	"crl:\n"
	"  --days DAYS                     good for so long (30)\n"
	"run and replay:\n"
	"  --vpcd HOST:PORT                where vpcd listens (" VPCD_DEFAULT ")\n"
	"  --wait SECONDS                  wait so long for vpcd (10)\n";

int told(void)
{
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int help(void)
{
	fputs(usage_text, stdout);
	return told();
}

int version(void)
{
	puts("fuda-vcard (fudasashi) " PACKAGE_VERSION);
	return told();
}

int usage_hint(void)
{
	fputs("Try: fuda-vcard --help\n", stderr);
	return EXIT_USAGE;
}

int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "fuda-vcard: %s%s\n", what, which);
	return usage_hint();
}

int failed(int code, const char *why)
{
	fprintf(stderr, "fuda-vcard: %s\n", *why ? why : fuda_error_text(code));
	return fuda_error_exit_status(code);
}

static bool is_kind(const char *text)
{
	static const char *const kinds[] = { "card", "android", "iphone", "wallet" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(text, kinds[i]) == 0)
			return true;
	return false;
}

unsigned number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	return *end || errno || n > max ? 0 : (unsigned)n;
}

const char *operand(int argc, char **argv)
{
	return optind == argc - 1 ? argv[optind] : NULL;
}

/* What an option of make takes. */
enum form { TEXT, KIND, SIZE, SIZE_OR_EXACT, FLAG, SETTING };

#define WISH(name, form, member) { name, form, offsetof(struct vcard_make, member) }
static const struct wish {
	const char *name;
	enum form form;
	size_t place; /* in struct vcard_make */
} wishes[] = {
	WISH("kind", KIND, kind),
	WISH("secrets", TEXT, secrets),
	WISH("set", SETTING, settings),
	WISH("no-sign-certificate", FLAG, no_sign_certificate),
	WISH("expired", FLAG, expired),
	WISH("auth-certificate-size", SIZE, auth_certificate_size),
	WISH("certificate-file-size", SIZE_OR_EXACT, certificate_file_size),
	WISH("person", TEXT, person),
	WISH("photo", TEXT, photo),
	WISH("photo-size", SIZE, photo_size),
	WISH("record-file-step", SIZE_OR_EXACT, record_file_step),
	WISH("authority", TEXT, authority),
};
enum { WISHES = sizeof(wishes) / sizeof(wishes[0]), FIRST_WISH = 256 };

/* Notes the wish; returns 0, or the exit status for an argument that it does not take. */
static int take_wish(struct vcard_make *what, const struct wish *w, const char *settings[],
		     const char *argument)
{
	void *place = (char *)what + w->place;

	switch (w->form) {
	case KIND:
		if (!is_kind(argument))
			return usage_error("--kind takes card, android, iphone or wallet, not ",
					   argument);
		/* fall through */
	case TEXT:
		*(const char **)place = argument;
		return 0;
	case SIZE:
	case SIZE_OR_EXACT:
		*(unsigned *)place = w->form == SIZE_OR_EXACT && strcmp(argument, "exact") == 0 ?
					     VCARD_NO_FILLER :
					     number(argument, SIZE_LIMIT);
		return *(unsigned *)place ? 0 : usage_error("not a size: ", argument);
	case FLAG:
		*(bool *)place = true;
		return 0;
	case SETTING:
		for (size_t i = 0; i < SETTINGS_MAX; i++)
			if (!settings[i]) {
				settings[i] = argument;
				return 0;
			}
		return usage_error("too many settings", "");
	}
	return EXIT_USAGE;
}

static void list_options(struct option options[WISHES + 3])
{
	for (int i = 0; i < WISHES; i++)
		options[i] = (struct option){ wishes[i].name,
					      wishes[i].form == FLAG ? no_argument :
								       required_argument,
					      NULL, FIRST_WISH + i };
	options[WISHES] = (struct option){ "help", no_argument, NULL, 'h' };
	options[WISHES + 1] = (struct option){ "version", no_argument, NULL, 'V' };
	options[WISHES + 2] = (struct option){ 0 };
}

static int command_make(int argc, char **argv)
{
	const char *settings[SETTINGS_MAX + 1] = { NULL }, *dir;
	struct vcard_make what = { .settings = settings };
	struct option options[WISHES + 3];
	char why[WHY_SIZE] = "";
	int option, r;

	list_options(options);
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return help();
		if (option == 'V')
			return version();
		if (option < FIRST_WISH)
			return usage_hint(); /* getopt_long() said what is wrong */
		r = take_wish(&what, &wishes[option - FIRST_WISH], settings, optarg);
		if (r)
			return r;
	}
	dir = operand(argc, argv);
	if (!dir)
		return usage_error("make takes one directory", "");
	r = vcard_make(dir, &what, why, sizeof(why));
	if (r < 0)
		return failed(r, why);
	if (what.kind && strcmp(what.kind, "wallet") == 0)
		fprintf(stderr,
			"fuda-vcard: made a software wallet with a My Number mdoc. Test IACA: "
			"%s/ca.pem; revocation list: %s/crl.pem; reader for tests: %s/reader.pem "
			"with reader-key.pem; settings: %s/card.conf\n",
			dir, dir, dir, dir);
	else
		fprintf(stderr,
			"fuda-vcard: made a software card. PIN and password: %s; test CAs: "
			"%s/ca.pem; settings: %s/card.conf\n",
			what.secrets ? "as you said" : "1234 and ABC123", dir, dir);
	return 0;
}

static int play_vcard(void *arg, int fd, int stop_fd)
{
	return vcard_play(arg, fd, stop_fd);
}

static int play(struct vcard *v, const struct play *play, bool usage)
{
	int stop_fd = play_stop(), r;
	struct vcard_usage u;

	if (stop_fd < 0)
		return failed(FUDA_EFAILED, "");
	r = play_card(play, stop_fd, play_vcard, v);
	close(stop_fd);
	u = vcard_usage(v);
	if (usage && r != FUDA_ENOREADER && r != FUDA_EBUSY)
		printf("apdus %lu\nsent %lu\nreceived %lu\nverifies %lu\nlink-ms %.1f\n", u.apdus,
		       u.sent, u.received, u.verifies, (double)u.link_ns / 1e6);
	if (r < 0)
		return play_failed(play, r);
	return told() == EXIT_SUCCESS ? 0 : failed(FUDA_EFILE, "the usage cannot be written");
}

static int command_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "usage", no_argument, NULL, 'u' },
		{ "qr", required_argument, NULL, 'q' },
		PLAY_OPTIONS,
	};
	struct play where = PLAY_INIT;
	const char *qr = NULL;
	bool usage = false;
	char why[WHY_SIZE] = "";
	struct vcard *v;
	int option, r;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return help();
		if (option == 'V')
			return version();
		usage |= option == 'u';
		if (option == 'q')
			qr = optarg;
		r = option == 'u' || option == 'q' ? 0 : play_option(&where, option, optarg);
		if (r)
			return r;
	}
	if (!operand(argc, argv))
		return usage_error("run takes one directory", "");
	where.addresses = play_resolve(where.vpcd);
	if (!where.addresses)
		return EXIT_USAGE;
	r = vcard_load(operand(argc, argv), &v, why, sizeof(why));
	if (r < 0) {
		freeaddrinfo(where.addresses);
		return failed(r, why);
	}
	r = qr ? show_qr(operand(argc, argv), qr) : 0;
	if (r == 0)
		r = play(v, &where, usage);
	vcard_free(&v);
	freeaddrinfo(where.addresses);
	return r;
}

static int command_crl(int argc, char **argv)
{
	static const struct option options[] = {
		{ "days", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct fuda_buf pem = FUDA_BUF_INIT(CRL_TEXT_MAX);
	unsigned days = CRL_DAYS;
	char why[WHY_SIZE] = "";
	int option, r;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return help();
		if (option == 'V')
			return version();
		if (option != 'd')
			return usage_hint();
		days = number(optarg, CRL_DAYS_MAX);
		if (!days)
			return usage_error("not a number of days: ", optarg);
	}
	if (optind == argc)
		return usage_error("crl takes the directory of a card", "");
	/* argv ends with NULL, and so does what is left of it */
	r = vcard_crl(argv[optind], (const char *const *)argv + optind + 1, days, &pem, why,
		      sizeof(why));
	if (r == 0)
		fwrite(pem.data, 1, pem.len, stdout);
	fuda_buf_free_public(&pem);
	if (r < 0)
		return failed(r, why);
	return told() == EXIT_SUCCESS ? 0 : failed(FUDA_EFILE, "the list cannot be written");
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!standard_descriptors())
		return EXIT_FAILURE;
	if (strcmp(command, "make") == 0)
		return command_make(argc - 1, argv + 1);
	if (strcmp(command, "run") == 0)
		return command_run(argc - 1, argv + 1);
	if (strcmp(command, "replay") == 0)
		return command_replay(argc - 1, argv + 1);
	if (strcmp(command, "qr") == 0)
		return command_qr(argc - 1, argv + 1);
	if (strcmp(command, "crl") == 0)
		return command_crl(argc - 1, argv + 1);
	if (strcmp(command, "-h") == 0 || strcmp(command, "--help") == 0)
		return help();
	if (strcmp(command, "--version") == 0)
		return version();
	if (*command)
		return usage_error("none of 'make', 'run', 'qr', 'replay' and 'crl': ", command);
	fputs(usage_text, stderr);
	return EXIT_USAGE;
}
