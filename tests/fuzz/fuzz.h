/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a fuzz target. A target is one file that includes this header and defines
 *
 *	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);	returns 0
 *	static void fuzz_seeds(void);	calls fuzz_seed() or fuzz_seed_hex() for each seed
 *
 * Built with -DFUZZ_ENGINE -fsanitize=fuzzer it is a libFuzzer target, which first writes its seeds
 *to the folder named by the last argument, the corpus. Built without, it has a main() of its own:
 *
 *	fuzz-x [RUNS]		the seeds, then RUNS (or $FUZZ_RUNS, or 20000) mutations of them
 *	fuzz-x FILE...		these inputs
 *	fuzz-x --seeds DIR	writes the seeds to DIR
 *
 * The mutations are the same ones in every run. Each input lies in memory of exactly its size, so
 * that the address sanitizer and valgrind see every read past it; one that takes over 20 seconds
 * ends the program by SIGALRM. With $FUZZ_LAST set, each input is written to that file before it
 * is tried: after a crash it holds the culprit. */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Inputs longer than this are not made. */
#ifndef FUZZ_MAX
#define FUZZ_MAX 8192
#endif
#define FUZZ_SEEDS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fuzz_seeds(void);

struct fuzz_input {
	uint8_t *bytes;
	size_t len;
};
static struct fuzz_input fuzz_pool[FUZZ_SEEDS_MAX];
static size_t fuzz_count;

static void fuzz_die(const char *what)
{
	fprintf(stderr, "fuzz: %s: %s\n", what, strerror(errno));
	exit(1);
}

static __attribute__((unused)) void fuzz_seed(const void *bytes, size_t len)
{
	struct fuzz_input *in = &fuzz_pool[fuzz_count];

	if (fuzz_count == FUZZ_SEEDS_MAX || len > FUZZ_MAX) {
		errno = E2BIG;
		fuzz_die("seed");
	}
	in->bytes = malloc(len ? len : 1);
	if (!in->bytes)
		fuzz_die("seed");
	if (len)
		memcpy(in->bytes, bytes, len);
	in->len = len;
	fuzz_count++;
}

/* A seed in hexadecimal, blanks allowed. */
static __attribute__((unused)) void fuzz_seed_hex(const char *hex)
{
	uint8_t bytes[FUZZ_MAX];
	size_t len = 0;
	int used;

	while (len < sizeof(bytes) && sscanf(hex, " %2hhx%n", &bytes[len], &used) == 1) {
		hex += used;
		len++;
	}
	fuzz_seed(bytes, len);
}

static void fuzz_write(const char *path, const struct fuzz_input *in)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(in->bytes, 1, in->len, f) != in->len || fclose(f) != 0)
		fuzz_die(path);
}

static void fuzz_corpus(const char *dir)
{
	for (size_t i = 0; i < fuzz_count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/seed-%03zu", dir, i);
		fuzz_write(path, &fuzz_pool[i]);
	}
}

#ifdef FUZZ_ENGINE

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *dir = (*argv)[*argc - 1];
	struct stat st;

	fuzz_seeds();
	if (*argc > 1 && stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		fuzz_corpus(dir);
	return 0;
}

#else

static uint64_t fuzz_state = 0x9E3779B97F4A7C15;

/* xorshift64* (Vigna): the same numbers everywhere. One below `n`, which is not 0. */
static size_t fuzz_random(size_t n)
{
	fuzz_state ^= fuzz_state >> 12;
	fuzz_state ^= fuzz_state << 25;
	fuzz_state ^= fuzz_state >> 27;
	return (size_t)((fuzz_state * 0x2545F4914F6CDD1D) >> 32) % n;
}

static void fuzz_try(const struct fuzz_input *in)
{
	const char *last = getenv("FUZZ_LAST");
	uint8_t *exact = malloc(in->len);

	if (in->len && !exact)
		fuzz_die("input");
	if (last)
		fuzz_write(last, in);
	if (in->len)
		memcpy(exact, in->bytes, in->len);
	alarm(20);
	LLVMFuzzerTestOneInput(exact, in->len);
	alarm(0);
	free(exact);
}

/* Replaces `cut` bytes at `at` by `len` of `bytes`, which lie outside; nothing if it gets too long.
 */
static void fuzz_replace(struct fuzz_input *in, size_t at, size_t cut, const uint8_t *bytes,
			 size_t len)
{
	if (in->len - cut + len > FUZZ_MAX)
		return;
	memmove(in->bytes + at + len, in->bytes + at + cut, in->len - at - cut);
	if (len)
		memcpy(in->bytes + at, bytes, len);
	in->len = in->len - cut + len;
}

/* One mutation of a nonempty input. The values and steps are those that upset lengths, tags and
 * counters. */
static void fuzz_mutate(struct fuzz_input *in)
{
	static const uint8_t odd[] = { 0x00, 0x01, 0x02, 0x1F, 0x30, 0x7F, 0x80, 0x81,
				       0x82, 0x83, 0x84, 0x85, 0xA0, 0xFE, 0xFF };
	const struct fuzz_input *other = &fuzz_pool[fuzz_random(fuzz_count)];
	size_t at = fuzz_random(in->len);
	size_t span = 1 + fuzz_random(in->len - at < 16 ? in->len - at : 16);
	uint8_t copy[16];

	switch (fuzz_random(9)) {
	case 0:
		in->bytes[at] ^= (uint8_t)(1 << fuzz_random(8));
		break;
	case 1:
		in->bytes[at] = (uint8_t)fuzz_random(256);
		break;
	case 2:
		in->bytes[at] = odd[fuzz_random(sizeof(odd))];
		break;
	case 3: /* a length, one too many or too few */
		in->bytes[at] += fuzz_random(2) ? 1 : 0xFF;
		break;
	case 4:
		in->len = at;
		break;
	case 5:
		fuzz_replace(in, at, span, NULL, 0);
		break;
	case 6: /* a piece twice */
		memcpy(copy, in->bytes + at, span);
		fuzz_replace(in, fuzz_random(in->len), 0, copy, span);
		break;
	case 7:
		fuzz_replace(in, at, 0, odd, 1 + fuzz_random(sizeof(odd)));
		break;
	default: /* a head of this and a tail of another */
		if (other->len) {
			size_t from = fuzz_random(other->len);

			fuzz_replace(in, at, in->len - at, other->bytes + from, other->len - from);
		}
	}
}

static void fuzz_mutations(unsigned long runs)
{
	uint8_t bytes[FUZZ_MAX];

	for (unsigned long i = 0; i < runs; i++) {
		const struct fuzz_input *seed = &fuzz_pool[fuzz_random(fuzz_count)];
		struct fuzz_input in = { bytes, seed->len };

		memcpy(bytes, seed->bytes, seed->len);
		for (size_t n = 1 + fuzz_random(4); n && in.len; n--)
			fuzz_mutate(&in);
		fuzz_try(&in);
	}
}

static void fuzz_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	struct fuzz_input in = { bytes, 0 };

	if (!f)
		fuzz_die(path);
	in.len = fread(bytes, 1, sizeof(bytes), f);
	if (ferror(f))
		fuzz_die(path);
	fclose(f);
	fuzz_try(&in);
}

int main(int argc, char **argv)
{
	const char *env = getenv("FUZZ_RUNS");
	unsigned long runs = env ? strtoul(env, NULL, 10) : 20000;
	char *end = NULL;

	fuzz_seeds();
	if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
		fuzz_corpus(argv[2]);
		return 0;
	}
	if (argc == 2 && argv[1][0])
		runs = strtoul(argv[1], &end, 10);
	if (argc > 1 && !(end && !*end)) {
		for (int i = 1; i < argc; i++)
			fuzz_file(argv[i]);
		return 0;
	}
	for (size_t i = 0; i < fuzz_count; i++)
		fuzz_try(&fuzz_pool[i]);
	if (fuzz_count)
		fuzz_mutations(runs);
	printf("%zu seeds, %lu mutations\n", fuzz_count, runs);
	for (size_t i = 0; i < fuzz_count; i++)
		free(fuzz_pool[i].bytes);
	return 0;
}

#endif
#endif
