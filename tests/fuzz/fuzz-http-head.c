/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests, cut to pieces as libmicrohttpd 0.9.75 does it: what is found good has one reading. */
#include <strings.h>

#include "service/http-head.h"
#include "service/http.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"GET /v1/challenge?purpose=bind HTTP/1.1\r\nHost: a.example:8443\r\n\r\n",
		"POST /v1/mykeys HTTP/1.1\r\nhost: [::1]\r\nContent-Type: application/json; charset=utf-8\r\n"
		"Content-Length: 15\r\nIdempotency-Key: \"a-b\"\r\n\r\n",
		"PUT / HTTP/1.0\r\nHost:a\r\nAuthorization: Basic YTpi\r\nX: y \t\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nClient-Cert: :MAMCAQU=:\r\n"
		"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 1\r\nContent-: 5\r\n Length\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}

/* The text without what is behind its head; its lines' ends made NUL. */
struct text {
	char *bytes, *at, *end;
	char target[FUZZ_MAX + 1];
	char moved[FUZZ_MAX + FUZZ_MAX]; /* where names go to which something is folded */
	size_t moved_len;
};

/* The next line, or NULL where none ends. */
static char *next_line(struct text *t)
{
	char *line = t->at;
	char *lf = t->at < t->end ? memchr(t->at, '\n', (size_t)(t->end - t->at)) : NULL;

	if (!lf)
		return NULL;
	*lf = '\0';
	if (lf > line && lf[-1] == '\r')
		lf[-1] = '\0';
	t->at = lf + 1;
	return line;
}

static int cut_request_line(struct text *t, struct head *head)
{
	char *line = next_line(t), *target, *version;

	if (!line || !(target = strchr(line, ' ')))
		return -1;
	*target++ = '\0';
	while (*target == ' ')
		target++;
	version = strrchr(target, ' ');
	if (!version || strlen(version) != 9)
		return -1;
	*version++ = '\0';
	memcpy(t->target, target, strlen(target) + 1);
	head->method = line;
	head->target = t->target;
	head->target_at = target;
	head->version = version;
	return 0;
}

static int cut_fields(struct text *t, struct head *head)
{
	for (char *line = next_line(t); line; line = next_line(t)) {
		bool kept = head->count && head->count <= HEAD_FIELDS_MAX;
		struct head_field *f = &head->fields[kept ? head->count - 1 : 0];
		char *colon = strchr(line, ':');
		size_t len;

		if (!*line)
			return 0;
		if ((*line == ' ' || *line == '\t') && kept) {
			line += strspn(line, " \t");
			len = strlen(line);
			if (t->moved_len + f->name_len + len + 1 > sizeof(t->moved))
				return -1;
			memcpy(t->moved + t->moved_len, f->name, f->name_len);
			memcpy(t->moved + t->moved_len + f->name_len, line, len + 1);
			f->name = t->moved + t->moved_len;
			f->name_len += len;
			t->moved_len += f->name_len + 1;
			continue;
		}
		if (!colon)
			return -1;
		*colon++ = '\0';
		colon += strspn(colon, " \t");
		if (head->count < HEAD_FIELDS_MAX)
			head->fields[head->count] = (struct head_field){ line, colon, strlen(line), strlen(colon) };
		head->count++;
	}
	return -1;
}

/* What must hold of a good head, by its first text. */
static void judge_good(const struct head *head, const struct head_found *found, const uint8_t *data, size_t len)
{
	unsigned hosts = 0, lengths = 0, codings = 0;
	size_t ends = 0;

	for (size_t i = 0; i < head->count; i++) {
		const struct head_field *f = &head->fields[i];

		hosts += strcasecmp(f->name, "host") == 0;
		lengths += strcasecmp(f->name, "content-length") == 0;
		codings += strcasecmp(f->name, "transfer-encoding") == 0;
		if (memchr(f->value, '\r', f->value_len) || strpbrk(f->name, " \t:\r"))
			abort();
	}
	if (hosts != 1 || lengths + codings > 1 || found->chunked != (codings == 1) || !*found->method ||
	    head->target[0] != '/' || strpbrk(head->target, " #\r\t") || len > HTTP_HEADERS_MAX)
		abort();
	/* Every line of the text is one of these: the request's, the fields', the empty one, and ends by two
	 * characters; of which one may be a NUL, that cannot be told once all of them are. */
	for (size_t i = 0; i < len; i++)
		ends += data[i] == '\0' || data[i] == '\r' || data[i] == '\n';
	if (ends != 2 * (head->count + 2))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct text t;
	struct head head = { .count = 0 };
	struct head_found found;
	char type[32];

	if (len > FUZZ_MAX)
		return 0;
	t.bytes = t.at = malloc(len ? len : 1);
	if (!t.bytes)
		abort();
	memcpy(t.bytes, data, len);
	t.end = t.bytes + len;
	t.moved_len = 0;
	if (cut_request_line(&t, &head) == 0 && cut_fields(&t, &head) == 0) {
		const struct head_refusal *why;

		head.size = (size_t)(t.at - head.method);
		why = head_judge(&head, &found);
		if (!why)
			judge_good(&head, &found, data, (size_t)(t.at - t.bytes));
		else if (why->status < 400 || !*why->code || !*why->title)
			abort();
		if (found.value[HEAD_CONTENT_TYPE] &&
		    head_media_type(found.value[HEAD_CONTENT_TYPE], found.len[HEAD_CONTENT_TYPE], type, sizeof(type)) &&
		    strlen(type) >= sizeof(type))
			abort();
		if (head_is_trace(found.value[HEAD_TRACEPARENT], found.len[HEAD_TRACEPARENT]) &&
		    found.len[HEAD_TRACEPARENT] != 55)
			abort();
	}
	free(t.bytes);
	return 0;
}
