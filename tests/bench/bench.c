/* SPDX-License-Identifier: Apache-2.0 */
/* What the library costs, beside bare PC/SC; called by bench.sh.
 *
 *   bench card DIR             one authentication with its certificate on the card in DIR:
 *                              APDUs, bytes, link time
 *   bench records DIR face|attributes
 *                              what is read with its CV certificate: APDUs, bytes sent and received, link time;
 *                              bytes of the objects; the least APDUs, the least bytes; and of the challenge APDUs,
 *                              bytes, link time
 *   bench recording DIR N      N authentications with the card in DIR, recorded: APDUs. In a profile, measured_trace()
 *                              is the whole of sending them, and measured_below() what it takes without recording
 *   bench ours|bare NAME N     N times GET CHALLENGE in one transaction, on the PC/SC reader NAME (part of its name)
 *   bench jobs NAME N PID...   whole jobs (connect, authentication, power off, disconnect), ours and bare in turns,
 *                              N of each in this process; prints the nanoseconds of user and system time that
 *                              each of them took here and in the processes PID: "ours bare" a line
 *   bench spawn NAME N PID...  the same with a process for each job, its start and end included */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>
#include <fuda/encode.h>
#include <fuda/jpki.h>

#include "card/card.h"
#include "drivers/virtual.h"
#include "tests/bench/budget.h"
#include "vcard/vcard.h"

static const uint8_t challenge[] = { 0x00, 0x84, 0x00, 0x00, 0x08 };

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

/* ---- ours ---- */

struct session {
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct fuda_card *card;
};

static void begin(struct session *s, const char *reader)
{
	if (fuda_context_new(&s->ctx) < 0 || fuda_deadline_new(60000, &s->dl) < 0)
		die("no memory");
	if (fuda_card_open(s->ctx, reader, s->dl, &s->card) < 0)
		die(fuda_context_message(s->ctx));
}

static void end(struct session *s)
{
	fuda_card_free(&s->card);
	fuda_deadline_free(&s->dl);
	fuda_context_free(&s->ctx);
}

static void authenticate(struct session *s)
{
	_cleanup_buf_ struct fuda_buf sig = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	_cleanup_buf_ struct fuda_buf cert = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX);
	const struct fuda_digest digest = { FUDA_SHA256, 32, { 1, 2, 3 } };
	struct fuda_secret *pin;
	struct fuda_pin_entry entry;

	if (fuda_secret_new("1234", 4, &pin) < 0)
		die("no memory");
	entry = FUDA_PIN_ENTRY(pin);
	if (fuda_jpki_sign_digest(s->card, FUDA_JPKI_AUTH, &digest, &entry, s->dl, &sig, &cert) < 0)
		die(fuda_context_message(s->ctx));
	fuda_secret_free(&pin);
}

static int bench_card(const char *dir)
{
	struct fuda_apdu_count n;
	struct vcard_usage usage;
	struct session s;
	char name[4096];

	snprintf(name, sizeof(name), "virtual:%s", dir);
	begin(&s, name);
	authenticate(&s);
	n = fuda_card_apdus(s.card);
	usage = vcard_usage(virtual_card(s.card->reader));
	if (usage.apdus != n.count || usage.sent + usage.received != n.sent + n.received)
		die("reader and card do not agree");
	printf("%lu %lu %.1f\n", n.count, n.sent + n.received, (double)usage.link_ns / 1e6);
	end(&s);
	return 0;
}

static int bench_records(const char *dir, const char *what)
{
	char why[BUDGET_WHY];
	struct budget b;

	if (budget_measure(dir, strcmp(what, "face") == 0 ? BUDGET_FACE : BUDGET_ATTRIBUTES, why, &b) < 0)
		die(why);
	printf("%lu %lu %lu %.1f %zu %lu %lu %lu %lu %.1f\n", b.reading.apdus, b.reading.sent, b.reading.received,
	       (double)b.reading.link_ns / 1e6, b.objects, b.least_apdus, b.least_bytes, b.challenge.apdus,
	       b.challenge.sent + b.challenge.received, (double)b.challenge.link_ns / 1e6);
	return 0;
}

/* Stands in for the drivers of the reader that records and of the one below it. */
static struct measured {
	struct driver driver;
	const struct driver *real;
} above, below;

__attribute__((noinline)) static int measured_trace(struct reader *r, const uint8_t *command, size_t len,
						    unsigned flags, struct fuda_deadline *dl,
						    struct fuda_buf *ret_response)
{
	return above.real->transmit(r, command, len, flags, dl, ret_response);
}

__attribute__((noinline)) static int measured_below(struct reader *r, const uint8_t *command, size_t len,
						    unsigned flags, struct fuda_deadline *dl,
						    struct fuda_buf *ret_response)
{
	return below.real->transmit(r, command, len, flags, dl, ret_response);
}

static void measure(struct measured *m, struct reader *r,
		    int (*transmit)(struct reader *, const uint8_t *, size_t, unsigned, struct fuda_deadline *,
				    struct fuda_buf *))
{
	m->real = r->driver;
	m->driver = *r->driver;
	m->driver.transmit = transmit;
	r->driver = &m->driver;
}

static int recording(const char *dir, long n)
{
	struct session s;
	char name[4096];

	snprintf(name, sizeof(name), "trace:virtual:%s", dir);
	begin(&s, name);
	measure(&above, s.card->reader, measured_trace);
	measure(&below, (struct reader *)(uintptr_t)s.card->reader->inner, measured_below);
	for (long i = 0; i < n; i++)
		authenticate(&s);
	printf("%lu\n", fuda_card_apdus(s.card).count);
	end(&s);
	return 0;
}

static int ours(const char *reader, long n)
{
	struct session s;

	begin(&s, reader);
	if (fuda_card_begin(s.card, s.dl) < 0)
		die(fuda_context_message(s.ctx));
	for (long i = 0; i < n; i++) {
		_cleanup_buf_ struct fuda_buf rsp = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);

		if (fuda_card_transmit(s.card, challenge, sizeof(challenge), s.dl, &rsp) < 0)
			die(fuda_context_message(s.ctx));
	}
	fuda_card_end(s.card);
	end(&s);
	return 0;
}

/* ---- bare ---- */

static void must(LONG rv)
{
	if (rv != SCARD_S_SUCCESS)
		die(pcsc_stringify_error(rv));
}

static const char *find_reader(SCARDCONTEXT context, const char *part)
{
	static char names[4096];
	DWORD size = sizeof(names);

	must(SCardListReaders(context, NULL, names, &size));
	for (const char *p = names; *p; p += strlen(p) + 1)
		if (strstr(p, part))
			return p;
	die("no such reader");
	return NULL;
}

static uint8_t response[APDU_RESPONSE_MAX];

static void send_bare(SCARDHANDLE card, const void *command, size_t len)
{
	DWORD n = sizeof(response);

	must(SCardTransmit(card, SCARD_PCI_T1, command, len, NULL, response, &n));
	if (n < 2 || response[n - 2] == 0x6D)
		die("refused");
}

struct bare_session {
	SCARDCONTEXT context;
	SCARDHANDLE card;
};

static void begin_bare(struct bare_session *s, const char *part)
{
	DWORD protocol;

	must(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &s->context));
	must(SCardConnect(s->context, find_reader(s->context, part), SCARD_SHARE_SHARED,
			  SCARD_PROTOCOL_T1, &s->card, &protocol));
	must(SCardBeginTransaction(s->card));
}

static void end_bare(struct bare_session *s, DWORD disposition)
{
	must(SCardEndTransaction(s->card, disposition));
	must(SCardDisconnect(s->card, SCARD_LEAVE_CARD));
	must(SCardReleaseContext(s->context));
}

static int bare(const char *part, long n)
{
	struct bare_session s;

	begin_bare(&s, part);
	for (long i = 0; i < n; i++)
		send_bare(s.card, challenge, sizeof(challenge));
	end_bare(&s, SCARD_LEAVE_CARD);
	return 0;
}

/* The APDUs of authenticate(), as test-jpki.c has them. */
static void bare_job_once(const char *part)
{
	static const char *const apdus[] = {
		"00A4040C0AD392F000260100000001",
		"00B08A0000",
		"00B00100000533",
		"00200098",
		"002000980431323334",
		("802A0097333031300D060960864801650304020105000420"
		"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F00"),
	};
	struct bare_session s;

	begin_bare(&s, part);
	for (size_t i = 0; i < ARRAY_SIZE(apdus); i++) {
		_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(300);

		if (fuda_hex_decode(apdus[i], &command) < 0)
			die("hex");
		send_bare(s.card, command.data, command.len);
	}
	end_bare(&s, SCARD_UNPOWER_CARD);
}

/* ---- both ---- */

enum {
	WARM_UP = 3,      /* turns that do not count */
	SETTLE_US = 1000, /* for the service to finish with who has gone */
	SERVERS_MAX = 4,
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		die("a clock cannot be read");
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t children_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000000) +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * INT64_C(1000);
}

static void job(bool ours, const char *reader)
{
	struct session s;
	char name[256];

	if (!ours) {
		bare_job_once(reader);
		return;
	}
	snprintf(name, sizeof(name), "pcsc:%s", reader);
	begin(&s, name);
	authenticate(&s);
	end(&s);
}

static void spawn(bool ours, const char *reader)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/proc/self/exe", "bench", ours ? "ours-job" : "bare-job", reader, (char *)NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die("a job failed");
}

/* Clocks of the scheduler, exact to the microsecond, with the threads that have ended. */
static int bench_jobs(bool spawned, const char *reader, long n, char **pids)
{
	clockid_t servers[SERVERS_MAX];
	size_t count = 0;

	for (; pids[count] && count < SERVERS_MAX; count++)
		if (clock_getcpuclockid((pid_t)strtol(pids[count], NULL, 10), &servers[count]) != 0)
			die("no such process");
	for (long i = 0; i < 2 * (n + WARM_UP); i++) {
		bool ours = i % 2 == 0;
		int64_t ns = 0;

		for (int after = 0; after < 2; after++) {
			int sign = after ? 1 : -1;

			if (after) {
				(spawned ? spawn : job)(ours, reader);
				usleep(SETTLE_US);
			}
			ns += sign * (spawned ? children_ns() : clock_ns(CLOCK_PROCESS_CPUTIME_ID));
			for (size_t k = 0; k < count; k++)
				ns += sign * clock_ns(servers[k]);
		}
		if (i >= 2 * WARM_UP)
			printf("%lld%c", (long long)ns, ours ? ' ' : '\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	mallopt(M_ARENA_MAX, 1); /* as fuda does; the bare side has one thread anyway */
	if (argc == 3 && strcmp(argv[1], "card") == 0)
		return bench_card(argv[2]);
	if (argc == 4 && strcmp(argv[1], "records") == 0)
		return bench_records(argv[2], argv[3]);
	if (argc == 3 && (strcmp(argv[1], "ours-job") == 0 || strcmp(argv[1], "bare-job") == 0)) {
		job(argv[1][0] == 'o', argv[2]);
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "recording") == 0)
		return recording(argv[2], strtol(argv[3], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "ours") == 0)
		return ours(argv[2], strtol(argv[3], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "bare") == 0)
		return bare(argv[2], strtol(argv[3], NULL, 10));
	if (argc >= 4 && (strcmp(argv[1], "jobs") == 0 || strcmp(argv[1], "spawn") == 0))
		return bench_jobs(argv[1][0] == 's', argv[2], strtol(argv[3], NULL, 10), argv + 4);
	fprintf(stderr, "usage: see the head of bench.c\n");
	return 2;
}
