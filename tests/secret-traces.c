/* SPDX-License-Identifier: Apache-2.0 */
/* secret-traces READER auth|sign COUNT: signs COUNT times with the secret that comes as a line on
 * standard input, writes the library's whole log to standard output, and then searches the memory
 * of this process for the secret: as it is, and framed as a VERIFY command. For t-secrets.sh, whose
 * card has the secrets below. Exit status 0 if nothing is left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/jpki.h>

/* The secrets, veiled, so that this program does not hold what it looks for. */
enum { VEIL = 0x5A, LONG = 16, SHORT = 4 };
static const unsigned char veiled_sign[LONG] = {
	'C' ^ VEIL, 'A' ^ VEIL, 'N' ^ VEIL, 'A' ^ VEIL, 'R' ^ VEIL, 'Y' ^ VEIL,
	'7' ^ VEIL, '3' ^ VEIL, 'Q' ^ VEIL, 'X' ^ VEIL, 'Z' ^ VEIL, '9' ^ VEIL,
	'5' ^ VEIL, 'K' ^ VEIL, 'W' ^ VEIL, '1' ^ VEIL,
};
/* 00 20 00 98 04 "8273" */
static const unsigned char veiled_verify_auth[5 + SHORT] = {
	0x00 ^ VEIL, 0x20 ^ VEIL, 0x00 ^ VEIL, 0x98 ^ VEIL, 0x04 ^ VEIL,
	'8' ^ VEIL,  '2' ^ VEIL,  '7' ^ VEIL,  '3' ^ VEIL,
};

/* The address sanitizer's own memory cannot be read, and it keeps what was freed. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
enum { SEARCHES = 0 };
#else
enum { SEARCHES = 1 };
#endif

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "secret-traces: %s\n", what);
	exit(1);
}

/* How often the veiled bytes stand in `len` bytes at `p`. */
static size_t count(const unsigned char *p, size_t len, const unsigned char *veiled, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i + n <= len; i++) {
		size_t k = 0;

		while (k < n && (p[i + k] ^ VEIL) == veiled[k])
			k++;
		found += k == n;
	}
	return found;
}

/* Looks through all memory that can be written. */
static size_t search(const unsigned char *veiled, size_t n)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	size_t found = 0, bytes = 0;

	if (!maps)
		die("/proc/self/maps");
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3 || mode[0] != 'r' ||
		    mode[1] != 'w')
			continue;
		bytes += end - start;
		found += count((const unsigned char *)start, end - start, veiled, n);
	}
	fclose(maps);
	if (bytes < 100000)
		die("there is more memory than that");
	return found;
}

static void print(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct fuda_digest digest = { FUDA_SHA256, 32, { 1, 2, 3 } };
	enum fuda_jpki_object key =
		argc == 4 && strcmp(argv[2], "sign") == 0 ? FUDA_JPKI_SIGN : FUDA_JPKI_AUTH;
	const unsigned char *veiled = key == FUDA_JPKI_SIGN ? veiled_sign : veiled_verify_auth;
	size_t n = key == FUDA_JPKI_SIGN ? sizeof(veiled_sign) : sizeof(veiled_verify_auth);
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct fuda_secret *pin;
	struct fuda_card *card;

	if (argc != 4 || fuda_context_new(&ctx) < 0 || fuda_deadline_new(30000, &dl) < 0)
		die("usage");
	fuda_context_set_log(ctx, FUDA_LOG_DEBUG, print, stdout);
	if (fuda_card_open(ctx, argv[1], dl, &card) < 0)
		die(fuda_context_message(ctx));
	if (fuda_secret_read(STDIN_FILENO, &pin) < 0)
		die("no secret on standard input");
	/* The search must be able to find: the secret is in memory now. */
	if (!SEARCHES)
		fputs("SKIP: memory is not searched under the address sanitizer\n", stderr);
	if (SEARCHES && key == FUDA_JPKI_SIGN && search(veiled, n) == 0)
		die("the search is blind");
	for (long i = strtol(argv[3], NULL, 10); i > 0; i--) {
		struct fuda_buf sig = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX),
				cert = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX);
		struct fuda_pin_entry entry = FUDA_PIN_ENTRY(pin);

		if (fuda_jpki_sign_digest(card, key, &digest, &entry, dl, &sig, &cert) < 0)
			die(fuda_context_message(ctx));
		fuda_buf_free(&sig);
		fuda_buf_free(&cert);
	}
	/* The secret is kept for another use; the command that carried it is not. */
	if (SEARCHES && key == FUDA_JPKI_AUTH) {
		unsigned char frame[sizeof(veiled_verify_auth)];

		if (search(veiled, n) != 0)
			die("the VERIFY command is still in memory");
		for (size_t i = 0; i < n; i++)
			frame[i] = veiled[i] ^ VEIL;
		if (search(veiled, n) == 0 || frame[1] != 0x20)
			die("the search is blind");
		for (size_t i = 0; i < n; i++)
			((volatile unsigned char *)frame)[i] = 0;
	}
	fuda_secret_free(&pin);
	if (SEARCHES && search(veiled, n) != 0)
		die("the secret is still in memory, with the card open");
	fuda_card_free(&card);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	if (SEARCHES && search(veiled, n) != 0)
		die("the secret is still in memory");
	return 0;
}
