/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-photo: turns the photo of a card, a JP2 file from outside, into a PNG. A program of its own,
 * so that a mistake in the decoder of JPEG 2000 stays in a process that can do nothing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/photo.h"
#include "tools/standard.h"

enum { EXIT_USAGE = 2, EXIT_NO_SANDBOX = 3 };

static const char usage_text[] =
	"usage: fuda-photo <PHOTO.jp2 >PHOTO.png\n"
	"\n"
	"Part of fuda, which calls it for the photo of a card: decodes a JPEG 2000 picture of at\n"
	"most 32768 bytes from standard input, in a sandbox, and writes a PNG to standard output.\n"
	"\n"
	"Exit status: 0 done, 1 picture refused or failed, 2 usage, 3 no sandbox on this system.\n";

/* One line, without the buffers of stdio: they ask the system for more than the sandbox allows. */
static void say(const char *first, const char *second)
{
	char line[PHOTO_WHY_SIZE + 64];
	int n = snprintf(line, sizeof(line), "fuda-photo: %s%s\n", first, second);
	size_t len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;

	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nobody listens */
}

/* All of standard input, or -1 if it cannot be read; more than `max` bytes count as max + 1. */
static ssize_t read_input(uint8_t *to, size_t max)
{
	size_t len = 0;

	for (;;) {
		uint8_t more;
		ssize_t n = len < max ? read(STDIN_FILENO, to + len, max - len) :
					read(STDIN_FILENO, &more, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			return (ssize_t)len;
		if (len == max)
			return (ssize_t)max + 1;
		len += (size_t)n;
	}
}

static int write_output(const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			say("the picture cannot be written: ", strerror(errno));
			return EXIT_FAILURE;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return EXIT_SUCCESS;
}

static int convert(const struct photo *photo)
{
	char reason[PHOTO_WHY_SIZE];
	uint8_t *png;
	size_t len;
	int status;

	if (photo_sandbox() < 0) {
		say("no sandbox can be had here (seccomp); the picture is not decoded without", "");
		return EXIT_NO_SANDBOX;
	}
	if (photo_to_png(photo, reason, &png, &len) < 0) {
		say("the picture ", reason);
		return EXIT_FAILURE;
	}
	status = write_output(png, len);
	free(png);
	return status;
}

static int run(void)
{
	static uint8_t input[PHOTO_INPUT_MAX];
	ssize_t len = read_input(input, sizeof(input));
	struct photo photo;
	const char *why;

	if (len < 0) {
		say("the picture cannot be read: ", strerror(errno));
		return EXIT_FAILURE;
	}
	if (len > PHOTO_INPUT_MAX) {
		say("the picture has more than 32768 bytes", "");
		return EXIT_FAILURE;
	}
	if (photo_check(input, (size_t)len, &why, &photo) < 0) {
		say("the picture ", why);
		return EXIT_FAILURE;
	}
	return convert(&photo);
}

/* What is asked for as text. */
static int tell(const char *text)
{
	fputs(text, stdout);
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (!standard_descriptors())
		return EXIT_FAILURE;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return tell(usage_text);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return tell("fuda-photo (fudasashi) " PACKAGE_VERSION "\n");
	if (argc != 1) {
		fputs("fuda-photo: takes no arguments\nTry: fuda-photo --help\n", stderr);
		return EXIT_USAGE;
	}
	/* OPJ_NUM_THREADS and their kin are for other programs */
	if (clearenv() != 0)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	/* not exit(): what runs at the end of a program asks for more than the sandbox allows */
	_exit(run());
}
