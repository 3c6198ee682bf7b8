/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the platform's service: mykey-load FOLDER ENTRIES writes the files of a test CA to FOLDER (a
 * revocation list of ENTRIES entries), says "made", and then takes a command a line from standard
 * input, each answered by a line:
 *
 *	verify SECONDS			pure verifications per second, on one thread
 *	bind SOCKET TERMINAL COUNT CONNECTIONS
 *					durable binds per second of COUNT new cards; p50 and p99 in ms; failures
 *	steady SOCKET TERMINAL RATE SECONDS PID
 *					RATE binds a second: percent of a core that PID took; p99; failures; its KB
 *
 * Challenges are fetched and signed ahead, within their life. Loopback only; it ends by itself. */
#include "tests/load.h"
#include "tests/world.h"
#include "tests/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "service/verify.h"

static const char *folder;
static uint32_t cards; /* so many were used */

static void insist(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "mykey-load: %s\n", what);
	exit(1);
}

/* ---- verification alone ---- */

struct sample {
	struct fuda_buf der, signature;
	struct fuda_digest digest;
};

static struct revocation *lists(struct fuda_context *ctx, const struct fuda_trust *trust)
{
	static char path[4096];
	static const char *files[] = { path, NULL };
	static const struct revocation_config config = { files, 0 };
	struct revocation *revocation;

	snprintf(path, sizeof(path), "%s/cards.crl", folder);
	insist(revocation_new(ctx, &config, trust, &revocation) == 0 && revocation_refresh(ctx, revocation) == 0,
	       "the revocation list");
	return revocation;
}

static void verify(double seconds)
{
	enum { SAMPLES = 256 };
	static struct sample samples[SAMPLES];
	struct fuda_context *ctx;
	struct fuda_trust *trust;
	struct revocation *revocation;
	struct holder holder;
	struct verdict verdict;
	char path[4096];
	int64_t begun, end, count = 0;

	snprintf(path, sizeof(path), "%s/ca.pem", folder);
	insist(fuda_context_new(&ctx) == 0 && fuda_trust_new(ctx, &trust) == 0 &&
		       fuda_trust_add_file(trust, path) == 0,
	       "trust");
	revocation = lists(ctx, trust);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		samples[i].der = samples[i].signature = TEST_BUF;
		world_card(i, &samples[i].der);
		insist(fuda_digest_bytes(FUDA_SHA256, &i, sizeof(i), &samples[i].digest) == 0, "digest");
		test_sign(KEY_HOLDER, FUDA_PKCS1, &samples[i].digest, &samples[i].signature);
	}
	begun = load_clock();
	end = begun + (int64_t)(seconds * 1e6);
	while (load_clock() < end)
		for (int i = 0; i < 16; i++, count++) {
			const struct sample *s = &samples[count % SAMPLES];

			insist(verify_holder(ctx, trust, revocation, s->der.data, s->der.len, &s->digest,
					     s->signature.data, s->signature.len, time(NULL), &holder, &verdict) == 0 &&
				       strcmp(verdict.result, "ok") == 0,
			       verdict.result);
		}
	printf("verify %.0f\n", (double)count * 1e6 / (double)(load_clock() - begun));
	revocation_free(&revocation);
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
}

/* ---- binds ---- */

struct run {
	struct fuda_buf *requests;
	int64_t *took; /* microseconds */
	int64_t from;  /* load_clock() of the first, and the time between two; 0: at once */
	int64_t every;
	int count, begun, ended, lost, failed; /* what was lost has failed, too */
	char failure[256];
};

static int next(void *arg, int connection, struct load_request *ret)
{
	struct run *run = arg;

	(void)connection;
	if (run->begun == run->count)
		return 0;
	if (run->every && run->from + run->begun * run->every > load_clock())
		return -1;
	*ret = (struct load_request){ run->requests[run->begun].data, run->requests[run->begun].len,
				      run->every ? run->from + run->begun * run->every : 0, NULL };
	run->begun++;
	return 1;
}

static void answered(void *arg, int connection, const struct load_request *request, int status, const char *body,
		     size_t len, int64_t us)
{
	struct run *run = arg;

	(void)connection;
	(void)request;
	run->took[run->ended++] = us;
	if (status == 201)
		return;
	if (!run->failed++)
		snprintf(run->failure, sizeof(run->failure), "%d %.*s", status, (int)len, body);
}

static bool lost(void *arg, int connection, const struct load_request *request)
{
	struct run *run = arg;

	(void)connection;
	(void)request;
	run->lost++;
	run->failed++;
	return false;
}

/* Challenges, and what new cards answer to them. */
static void prepare(struct run *run, const char *socket, const char *terminal)
{
	struct fuda_buf get = FUDA_BUF_INIT(16384), body = FUDA_BUF_INIT(16384);
	char key[40];

	load_compose("GET", "/v1/challenge?purpose=bind", terminal, "", "", &get);
	for (int i = 0; i < run->count; i++, cards++) {
		int status = load_one(socket, get.data, get.len, &body);

		insist(status == 200 && fuda_buf_append(&body, "", 1) == 0, "a challenge cannot be had");
		insist(world_body(cards, "bind", (const char *)body.data, "", &body), "a challenge is none");
		snprintf(key, sizeof(key), "load-%u-%d", cards, (int)getpid());
		run->requests[i] = FUDA_BUF_INIT(16384);
		load_compose("POST", "/v1/mykeys", terminal, key, (const char *)body.data, &run->requests[i]);
	}
	fuda_buf_free_public(&get);
	fuda_buf_free_public(&body);
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double percentile(struct run *run, int p)
{
	qsort(run->took, (size_t)run->ended, sizeof(*run->took), by_time);
	return run->ended ? (double)run->took[(int64_t)(run->ended - 1) * p / 100] / 1000 : -1;
}

/* Neither answered nor lost when the time was over. */
static int unanswered(const struct run *run)
{
	return run->count - run->ended - run->lost;
}

static void run_new(struct run *run, int count)
{
	*run = (struct run){ .count = count };
	run->requests = calloc((size_t)count, sizeof(*run->requests));
	run->took = calloc((size_t)count, sizeof(*run->took));
	insist(run->requests && run->took, "memory");
}

static void run_free(struct run *run)
{
	if (run->failed)
		fprintf(stderr, "mykey-load: the first failure: %s\n", run->failure);
	for (int i = 0; i < run->count; i++)
		fuda_buf_free_public(&run->requests[i]);
	free(run->requests);
	free(run->took);
}

static void bind_all(const char *socket, const char *terminal, int count, int connections)
{
	struct run run;
	struct load load = { socket, connections, next, answered, lost, &run };
	int64_t begun;
	double seconds, p50, p99;

	run_new(&run, count);
	prepare(&run, socket, terminal);
	begun = load_clock();
	load_run(&load, begun + 110 * INT64_C(1000000));
	seconds = (double)(load_clock() - begun) / 1e6;
	p50 = percentile(&run, 50);
	p99 = percentile(&run, 99);
	printf("bind %.0f %.1f %.1f %d\n", run.ended / seconds, p50, p99, run.failed + unanswered(&run));
	run_free(&run);
}

/* What process `pid` took of a core so far, in ticks of sysconf(_SC_CLK_TCK), and its memory in KB. */
static void usage_of(int pid, long *ret_ticks, long *ret_kb)
{
	char path[64], text[1024];
	unsigned long user, kernel;
	long pages;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	insist(f && fgets(text, sizeof(text), f), path);
	fclose(f);
	insist(sscanf(strrchr(text, ')') + 1, "%*s %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) ==
		       2,
	       path);
	*ret_ticks = (long)(user + kernel);
	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "r");
	insist(f && fscanf(f, "%*d %ld", &pages) == 1, path);
	fclose(f);
	*ret_kb = pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* In pieces of 90 seconds, for each of which the challenges are fetched and signed first. */
static void steady(const char *socket, const char *terminal, int rate, int seconds, int pid)
{
	double worst = 0;
	long ticks = 0, first_kb = 0, kb = 0;
	int failed = 0, done = 0;

	while (done < seconds) {
		int piece = seconds - done < 90 ? seconds - done : 90;
		struct run run;
		struct load load = { socket, 16, next, answered, lost, &run };
		long before, after;
		double p99;

		run_new(&run, rate * piece);
		prepare(&run, socket, terminal);
		usage_of(pid, &before, &kb);
		run.from = load_clock();
		run.every = 1000000 / rate;
		load_run(&load, run.from + (piece + 10) * INT64_C(1000000));
		usage_of(pid, &after, &kb);
		first_kb = first_kb ? first_kb : kb;
		ticks += after - before;
		p99 = percentile(&run, 99);
		worst = p99 > worst ? p99 : worst;
		failed += run.failed + unanswered(&run);
		done += piece;
		run_free(&run);
	}
	printf("steady %.2f %.1f %d %ld %ld\n",
	       100.0 * (double)ticks / (double)sysconf(_SC_CLK_TCK) / (double)seconds, worst, failed, first_kb, kb);
}

int main(int argc, char **argv)
{
	char line[8192], socket[4096], path[4096];
	struct fuda_buf terminal = FUDA_BUF_INIT(16384);
	int a, b, c;

	insist(argc == 3, "mykey-load FOLDER ENTRIES");
	folder = argv[1];
	world_make(folder, strtoul(argv[2], NULL, 10));
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("made");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "verify %d", &a) == 1) {
			verify(a);
		} else if (sscanf(line, "bind %4095s %4095s %d %d", socket, path, &a, &b) == 4) {
			world_terminal(path, &terminal);
			bind_all(socket, (const char *)terminal.data, a, b);
		} else if (sscanf(line, "steady %4095s %4095s %d %d %d", socket, path, &a, &b, &c) == 5) {
			world_terminal(path, &terminal);
			steady(socket, (const char *)terminal.data, a, b, c);
		} else {
			insist(false, "what command is that?");
		}
	}
	fuda_buf_free_public(&terminal);
	return 0;
}
