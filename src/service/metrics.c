/* SPDX-License-Identifier: Apache-2.0 */
#include "service/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "service/service.h"

/* All that a label can be: nothing from outside is ever one. The last of each stands for the rest.
 */
static const char *const routes[] = {
	"bind",         "show",      "change",      "expire",       "resolve",        "link",
	"unlink",       "tap",       "challenge",   "livez",        "readyz",         "version",
	"metrics",      "crl",       "tap-start",   "tap-register", "tap-unregister", "terminal",
	"bind-mdoc",    "show-mdoc", "unbind-mdoc", "est_cacerts",  "est_csrattrs",   "est_enroll",
	"est_reenroll", "other",
};
static const int codes[] = {
	200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 410, 411, 413,
	414, 415, 422, 423, 428, 429, 431, 500, 501, 503, 505, 0,
};
static const char *const results[] = {
	"ok",
	"invalid_certificate",
	"unsupported_certificate",
	"certificate_expired",
	"certificate_revoked",
	"signature_mismatch",
	"revocation_info_stale",
	"revocation_unknown",
	"other",
};
/* Upper ends in microseconds; the p99 that is asked for is 50 ms. */
static const int64_t buckets[] = {
	1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000,
};
static const char *const states[] = {
	"applied", "on_hold", "approved", "active", "suspended", "revoked",
};

/* More codes of problems than there are: answers without one have the first place, and what found
 * none has the last. */
enum { ANSWERS = 128 };

struct metrics {
	_Atomic(const char *) answers[ANSWERS]; /* as they come; the rest NULL */
	atomic_int_fast64_t answered[ARRAY_SIZE(routes)][ANSWERS];
	atomic_int_fast64_t requests[ARRAY_SIZE(routes)][ARRAY_SIZE(codes)];
	atomic_int_fast64_t times[ARRAY_SIZE(routes)][ARRAY_SIZE(buckets) + 1];
	atomic_int_fast64_t us[ARRAY_SIZE(routes)];
	atomic_int_fast64_t results[ARRAY_SIZE(results)];
	atomic_int_fast64_t gauges[GAUGES];
	atomic_bool known[GAUGES];
};

int metrics_new(struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return FUDA_ENOMEM;
	atomic_store(&m->answers[0], "ok");
	atomic_store(&m->answers[ANSWERS - 1], "other");
	*ret = m;
	return 0;
}

void metrics_free(struct metrics **metrics)
{
	free(*metrics);
	*metrics = NULL;
}

/* ---- counting ---- */

static void count(atomic_int_fast64_t *counter, int64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static int64_t value(atomic_int_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The last one if it is none of them. */
static size_t word(const char *const *words, size_t n, const char *text)
{
	size_t i = 0;

	while (i + 1 < n && strcmp(words[i], text) != 0)
		i++;
	return i;
}

/* The place of a code, a free one if it is new. */
static size_t place(struct metrics *m, const char *code)
{
	size_t i = 0;

	for (; i < ANSWERS - 1; i++) {
		const char *there = NULL;

		if (atomic_compare_exchange_strong(&m->answers[i], &there, code) ||
		    strcmp(there, code) == 0)
			break;
	}
	return i;
}

void metrics_request(struct metrics *metrics, const char *route, int status, const char *code,
		     int64_t us)
{
	size_t r = word(routes, ARRAY_SIZE(routes), route), c = 0, b = 0;

	while (c + 1 < ARRAY_SIZE(codes) && codes[c] != status)
		c++;
	while (b < ARRAY_SIZE(buckets) && us > buckets[b])
		b++;
	count(&metrics->requests[r][c], 1);
	count(&metrics->answered[r][code ? place(metrics, code) : 0], 1);
	count(&metrics->times[r][b], 1);
	count(&metrics->us[r], us);
}

void metrics_result(struct metrics *metrics, const char *result)
{
	count(&metrics->results[word(results, ARRAY_SIZE(results), result)], 1);
}

void metrics_set(struct metrics *metrics, enum metrics_gauge gauge, int64_t v)
{
	atomic_store_explicit(&metrics->gauges[gauge], v, memory_order_relaxed);
	atomic_store_explicit(&metrics->known[gauge], true, memory_order_release);
}

/* ---- printing ---- */

struct page {
	struct fuda_buf *to;
	int failed;
};

static void line(struct page *p, const char *format, ...) _printf_(2, 3);
static void line(struct page *p, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (p->failed == 0)
		p->failed = fuda_buf_append(p->to, text, strlen(text));
}

static void head(struct page *p, const char *name, const char *type, const char *help)
{
	line(p, "# HELP mykey_%s %s\n# TYPE mykey_%s %s\n", name, help, name, type);
}

static void single(struct page *p, const char *name, const char *type, const char *help, int64_t v)
{
	head(p, name, type, help);
	line(p, "mykey_%s %" PRId64 "\n", name, v);
}

/* A sum of microseconds and how many they were. */
static void summary(struct page *p, const char *name, const char *help, double sum, int64_t n)
{
	head(p, name, "summary", help);
	line(p, "mykey_%s_sum %.6f\nmykey_%s_count %" PRId64 "\n", name, sum, name, n);
}

static void print_requests(struct page *p, struct metrics *m)
{
	char code[8];

	head(p, "http_requests_total", "counter", "Requests answered.");
	for (size_t r = 0; r < ARRAY_SIZE(routes); r++)
		for (size_t c = 0; c < ARRAY_SIZE(codes); c++) {
			snprintf(code, sizeof(code), "%d", codes[c]);
			if (value(&m->requests[r][c]))
				line(p,
				     "mykey_http_requests_total{route=\"%s\",code=\"%s\"} %" PRId64
				     "\n",
				     routes[r], codes[c] ? code : "other",
				     value(&m->requests[r][c]));
		}
}

static void print_times(struct page *p, struct metrics *m)
{
	head(p, "http_request_seconds", "histogram", "From a whole request to its answer.");
	for (size_t r = 0; r < ARRAY_SIZE(routes); r++) {
		int64_t sum = 0;

		for (size_t b = 0; b <= ARRAY_SIZE(buckets); b++)
			sum += value(&m->times[r][b]);
		if (!sum)
			continue;
		sum = 0;
		for (size_t b = 0; b < ARRAY_SIZE(buckets); b++) {
			sum += value(&m->times[r][b]);
			line(p,
			     "mykey_http_request_seconds_bucket{route=\"%s\",le=\"%g\"} %" PRId64
			     "\n",
			     routes[r], (double)buckets[b] / 1e6, sum);
		}
		sum += value(&m->times[r][ARRAY_SIZE(buckets)]);
		line(p, "mykey_http_request_seconds_bucket{route=\"%s\",le=\"+Inf\"} %" PRId64 "\n",
		     routes[r], sum);
		line(p, "mykey_http_request_seconds_sum{route=\"%s\"} %.6f\n", routes[r],
		     (double)value(&m->us[r]) / 1e6);
		line(p, "mykey_http_request_seconds_count{route=\"%s\"} %" PRId64 "\n", routes[r],
		     sum);
	}
}

static void print_results(struct page *p, struct metrics *m)
{
	head(p, "cards_total", "counter", "Cards judged, by what came out.");
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		line(p, "mykey_cards_total{result=\"%s\"} %" PRId64 "\n", results[i],
		     value(&m->results[i]));
}

static void print_answers(struct page *p, struct metrics *m)
{
	size_t bind = word(routes, ARRAY_SIZE(routes), "bind");

	head(p, "binds_total", "counter", "Requests to bind, by ok or the code of the refusal.");
	for (size_t i = 0; i < ANSWERS; i++)
		if (i == 0 || value(&m->answered[bind][i]))
			line(p, "mykey_binds_total{result=\"%s\"} %" PRId64 "\n",
			     atomic_load(&m->answers[i]), value(&m->answered[bind][i]));
	head(p, "answers_total", "counter", "Requests, by ok or the code of the refusal.");
	for (size_t r = 0; r < ARRAY_SIZE(routes); r++)
		for (size_t i = 0; i < ANSWERS; i++)
			if (value(&m->answered[r][i]))
				line(p,
				     "mykey_answers_total{route=\"%s\",result=\"%s\"} %" PRId64
				     "\n",
				     routes[r], atomic_load(&m->answers[i]),
				     value(&m->answered[r][i]));
}

static void print_writer(struct page *p, struct writer *writer)
{
	struct writer_load load;

	writer_load(writer, &load);
	single(p, "queue_depth", "gauge", "Changes that wait for the database.",
	       (int64_t)load.waiting);
	single(p, "queue_limit", "gauge", "How many may.", (int64_t)load.limit);
	summary(p, "batch_size", "Changes of a transaction.", (double)load.tasks, load.batches);
	summary(p, "commit_seconds", "What transactions took to be durable.",
		(double)load.commit_us / 1e6, load.batches);
	single(p, "transaction_retries_total", "counter", "Transactions begun anew.", load.retries);
	single(p, "transaction_failures_total", "counter", "Transactions that failed.",
	       load.failures);
}

/* Lists go by their number in the configuration: names of files are nobody's business. */
static void print_lists(struct page *p, struct revocation *revocation, time_t now)
{
	struct revocation_state s;

	head(p, "crl_age_seconds", "gauge", "Since the issuer made the list in force.");
	for (size_t i = 0; revocation_state(revocation, i, now, &s) == 0; i++)
		if (s.loaded)
			line(p, "mykey_crl_age_seconds{list=\"%zu\"} %" PRId64 "\n", i,
			     (int64_t)now - (int64_t)s.facts.this_update);
	head(p, "crl_entries", "gauge", "Certificates that it revokes.");
	for (size_t i = 0; revocation_state(revocation, i, now, &s) == 0; i++)
		if (s.loaded)
			line(p, "mykey_crl_entries{list=\"%zu\"} %zu\n", i, s.facts.count);
	head(p, "crl_stale", "gauge", "1: past its end, or none is there.");
	for (size_t i = 0; revocation_state(revocation, i, now, &s) == 0; i++)
		line(p, "mykey_crl_stale{list=\"%zu\"} %d\n", i, !s.loaded || s.stale);
	head(p, "crl_half", "gauge", "1: past half of its life.");
	for (size_t i = 0; revocation_state(revocation, i, now, &s) == 0; i++)
		line(p, "mykey_crl_half{list=\"%zu\"} %d\n", i, !s.loaded || s.half);
}

static void print_responder(struct page *p, struct responder *responder)
{
	struct responder_state s;

	responder_state(responder, &s);
	head(p, "ocsp_answers_total", "counter", "Questions to the OCSP responder, by what came.");
	line(p, "mykey_ocsp_answers_total{result=\"good\"} %" PRId64 "\n", s.good);
	line(p, "mykey_ocsp_answers_total{result=\"revoked\"} %" PRId64 "\n", s.revoked);
	line(p, "mykey_ocsp_answers_total{result=\"unknown\"} %" PRId64 "\n", s.unknown);
	line(p, "mykey_ocsp_answers_total{result=\"failed\"} %" PRId64 "\n", s.failed);
	summary(p, "ocsp_seconds", "What they took.", (double)s.us / 1e6,
		s.good + s.revoked + s.unknown + s.failed);
	if (!s.asked)
		return;
	single(p, "ocsp_down", "gauge", "1: it is left alone, as it does not answer.", s.down);
	single(p, "ocsp_wrong", "gauge", "1: its last answers do not count.", s.wrong);
}

static bool known(struct metrics *m, enum metrics_gauge gauge)
{
	return atomic_load_explicit(&m->known[gauge], memory_order_acquire);
}

/* One that is from the future was made by a clock that was wrong: nobody knows when. */
static int64_t age(int64_t at, time_t now)
{
	enum { APART_SECONDS = 60 };

	return at > (int64_t)now + APART_SECONDS ? (int64_t)now : MAX((int64_t)now - at, 0);
}

static void print_gauges(struct page *p, struct metrics *m, time_t now)
{
	static const struct {
		enum metrics_gauge gauge;
		const char *name, *help;
	} plain[] = {
		{ GAUGE_CONNECTIONS, "http_connections", "Connections now." },
		{ GAUGE_REQUESTS_OPEN, "http_requests_open", "Requests not answered yet." },
		{ GAUGE_MYKEYS_ACTIVE, "mykeys_active", "MyKey IDs that holders have." },
		{ GAUGE_DATABASE_BYTES, "db_size_bytes", "Size of the database." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (known(m, plain[i].gauge))
			single(p, plain[i].name, "gauge", plain[i].help,
			       value(&m->gauges[plain[i].gauge]));
	if (known(m, GAUGE_CHECKPOINT_AT))
		single(p, "audit_checkpoint_age_seconds", "gauge",
		       "Since the heads of the audit trail were signed.",
		       age(value(&m->gauges[GAUGE_CHECKPOINT_AT]), now));
	if (known(m, GAUGE_TERMINALS_APPLIED))
		head(p, "terminals", "gauge", "Terminals.");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (known(m, GAUGE_TERMINALS_APPLIED + i))
			line(p, "mykey_terminals{state=\"%s\"} %" PRId64 "\n", states[i],
			     value(&m->gauges[GAUGE_TERMINALS_APPLIED + i]));
	head(p, "cert_expiry_seconds", "gauge", "Until a certificate ends.");
	if (known(m, GAUGE_TLS_ENDS))
		line(p, "mykey_cert_expiry_seconds{what=\"tls\"} %" PRId64 "\n",
		     value(&m->gauges[GAUGE_TLS_ENDS]) - (int64_t)now);
	if (known(m, GAUGE_CA_ENDS))
		line(p, "mykey_cert_expiry_seconds{what=\"terminal_ca\"} %" PRId64 "\n",
		     value(&m->gauges[GAUGE_CA_ENDS]) - (int64_t)now);
}

static void print_health(struct page *p, struct service *service)
{
	const char *refused = issuers_refusal(service->issuers, time(NULL));
	const char *reasons[SERVICE_REASONS];

	single(p, "ready", "gauge", "1: this process can serve.",
	       service_reasons(service, reasons) == 0);
	single(p, "clock_untrusted", "gauge",
	       "1: its clock is not the database's, or behind the audit trail.",
	       atomic_load(&service->health.clock));
	if (service->config.mdoc_trust_count) {
		single(p, "mdoc_crl_stale", "gauge",
		       "1: phones are refused, as no list of their issuers is in force.",
		       refused && strcmp(refused, "mdoc_revocation_stale") == 0);
		single(p, "mdoc_not_served", "gauge",
		       "1: phones are refused, as no root of their issuers is good.",
		       refused && strcmp(refused, "mdoc_not_served") == 0);
	}
	single(p, "audit_broken", "gauge", "1: the audit trail was changed.",
	       atomic_load(&service->health.audit));
}

int metrics_print(struct service *service, struct fuda_buf *ret_text)
{
	struct page p = { .to = ret_text };
	time_t now = time(NULL);

	print_requests(&p, service->metrics);
	print_times(&p, service->metrics);
	print_results(&p, service->metrics);
	print_answers(&p, service->metrics);
	if (service->writer)
		print_writer(&p, service->writer);
	if (service->revocation)
		print_lists(&p, service->revocation, now);
	if (service->revocation && revocation_responder(service->revocation))
		print_responder(&p, revocation_responder(service->revocation));
	print_gauges(&p, service->metrics, now);
	print_health(&p, service);
	return p.failed;
}
