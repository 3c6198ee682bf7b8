/* SPDX-License-Identifier: Apache-2.0 */
#include "service/config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/context.h"
#include "codec/origin.h"
#include "pki/file.h"

enum { FILE_MAX = 65536, SHOWN_MAX = 40, PORT_MAX = 65535, COMPLAINT_MAX = 512 };

enum form {
	DATABASE,
	ENVIRONMENT,
	ORIGIN,
	LISTEN, /* of a list */
	LOOPBACK,
	PATH,
	PATHS, /* of a list */
	RENEWAL,
	URL,
	DOCTYPE,
	PURPOSES, /* of a list */
	FLAG,
	NUMBER,
};

#define PLACE(member) #member, offsetof(struct config, member), sizeof(((struct config *)0)->member)
#define LIST(member)  PLACE(member), offsetof(struct config, member##_count)
#define ONE           0

/* All keys, in the order of the file that init writes. */
static const struct key {
	const char *name;
	size_t place, size;
	size_t count; /* of a list: where its length is */
	enum form form;
	const char *standard; /* what counts if it is not there; NULL: it must be */
	int64_t min, max;
	const char *help;
} keys[] = {
	{ PLACE(environment), ONE, ENVIRONMENT, NULL, 0, 0,
	  "Which environment this is: production, test, ... Terminals of others are refused." },
	{ PLACE(origin), ONE, ORIGIN, NULL, 0, 0,
	  "What cards sign for, and terminals connect to: https://HOST or https://HOST:PORT." },
	{ PLACE(database), ONE, DATABASE, "sqlite:mykeyd.db", 0, 0,
	  "sqlite:FILE, or what libpq takes: postgresql://..." },
	{ LIST(listen), LISTEN, "127.0.0.1:8443", 0, 0,
	  "Where to listen, a line each: ADDRESS:PORT with TLS, or unix:PATH for nginx in front,\n"
	  "# which is trusted with the header Client-Cert." },
	{ PLACE(operations), ONE, LOOPBACK, "", 0, 0,
	  "ADDRESS:PORT of this machine alone, without TLS, for /livez, /readyz, /version and\n"
	  "# /metrics." },
	{ PLACE(tls_certificate), ONE, PATH, "tls.pem", 0, 0,
	  "Certificate (with its chain) and key for TLS." },
	{ PLACE(tls_key), ONE, PATH, "tls.key", 0, 0, NULL },
	{ LIST(trust), PATHS, "", 0, 0,
	  "Files with certificates of the CAs that issue cards, a line each: the genuine ones, "
	  "which\n"
	  "# are known by their fingerprints, or those of test cards." },
	{ LIST(cv_trust), PATHS, "", 0, 0,
	  "Files of keys of the authorities for cards' records, a line each. Without any, a card\n"
	  "# that is registered for the tap counts because its holder's PIN was there with it." },
	{ LIST(crl), PATHS, "", 0, 0,
	  "Files of revocation lists of the CAs of cards, a line each; something else fetches\n"
	  "# them." },
	{ PLACE(crl_required), ONE, FLAG, "yes", 0, 0,
	  "\"no\" accepts cards of which it is not known whether they are revoked: for tests." },
	{ PLACE(crl_grace), ONE, NUMBER, "3600", 0, 30 * 86400,
	  "So many seconds past its nextUpdate a list still counts." },
	{ PLACE(ocsp), ONE, URL, "", 0, 0,
	  "http://HOST/... or https://HOST/...: the OCSP responder of the CAs of cards, which is\n"
	  "# asked about each card that is on no list." },
	{ PLACE(ocsp_required), ONE, FLAG, "no", 0, 0,
	  "\"yes\" refuses cards while it does not answer, even if a list says they are good." },
	{ LIST(mdoc_trust), PATHS, "", 0, 0,
	  "Files with certificates of the authorities (IACA) that issue mobile credentials, a "
	  "line\n"
	  "# each. Without any no phone is taken." },
	{ LIST(mdoc_crl), PATHS, "", 0, 0,
	  "Files of their revocation lists, a line each; crl_required and crl_grace count for "
	  "them\n"
	  "# as well." },
	{ PLACE(mdoc_doctype), ONE, DOCTYPE, "org.iso.23220.1.jp.mnc", 0, 0,
	  "The kind of mobile credential that is taken: the My Number card's." },
	{ LIST(mdoc_purpose), PURPOSES, "", 0, 0,
	  "Extended key usages that signers of mobile credentials may have, as 1.2.3, a line "
	  "each.\n"
	  "# Without any it is that of mobile driving licences, as Japan's is not public." },
	{ PLACE(renewal), ONE, RENEWAL, "", 0, 0,
	  "csv:FILE, where it stands which certificate took the place of which, a line each:\n"
	  "# NEW,OLD, or ISSUER:NEW,ISSUER:OLD with the key identifiers of their CAs." },
	{ PLACE(queue), ONE, NUMBER, "1024", 1, 100000,
	  "So many changes may wait for the database; more are told to come back." },
	{ PLACE(batch), ONE, NUMBER, "256", 1, 4096,
	  "So many changes share a transaction at most." },
	{ PLACE(threads), ONE, NUMBER, "0", 0, 256,
	  "Threads of each listener; 0: as many as there are cores." },
	{ PLACE(connections), ONE, NUMBER, "1024", 1, 100000,
	  "Connections of each listener at most." },
	{ PLACE(per_address), ONE, NUMBER, "64", 0, 100000,
	  "... and of each address; 0: no limit but that." },
	{ PLACE(idle), ONE, NUMBER, "30", 1, 3600,
	  "So many seconds a connection may say nothing, or take for a whole request." },
	{ PLACE(idempotency_hours), ONE, NUMBER, "24", 2, 24 * 30,
	  "So long an answer is kept for who asks again with the same Idempotency-Key." },
	{ PLACE(code_hours), ONE, NUMBER, "72", 1, 24 * 90,
	  "So long a code for enrolling a terminal can be used." },
	{ PLACE(approvals), ONE, NUMBER, "1", 1, 8,
	  "So many operators must approve of a terminal." },
	{ PLACE(drain), ONE, NUMBER, "10", 1, 600,
	  "So many seconds requests have to end when the service is stopped." },
	{ PLACE(checkpoint_file), ONE, PATH, "checkpoints.jsonl", 0, 0,
	  "Where the signed heads of the audit trail are appended every hour: outside of this\n"
	  "# machine is best." },
};

/* The file as it is read, or what is to be written into one. */
struct reading {
	struct fuda_context *ctx;
	const char *option; /* by which it was given; NULL: it is read */
	const char *path;
	unsigned line; /* 0: what counts without a line */
	struct config *config;
	bool seen[ARRAY_SIZE(keys)];
};

/* ---- values ---- */

static void *place_of(const struct config *config, const struct key *key)
{
	return (char *)(uintptr_t)config + key->place;
}

static size_t *count_of(const struct config *config, const struct key *key)
{
	return (size_t *)(void *)((char *)(uintptr_t)config + key->count);
}

/* Tells what is wrong, and where. */
static int complain(const struct reading *r, const char *format, ...) _printf_(2, 3);
static int complain(const struct reading *r, const char *format, ...)
{
	char text[COMPLAINT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (r->option)
		return ctx_fail(r->ctx, FUDA_EINVAL, "%s: %s", r->option, text);
	return ctx_fail(r->ctx, FUDA_EFORMAT, "%s:%u: %s", r->path, r->line, text);
}

static int refuse(const struct reading *r, const struct key *key, const char *wanted)
{
	return complain(r, _("\"%s\" is %s."), key->name, wanted);
}

static int too_long(const struct reading *r, const struct key *key)
{
	return refuse(r, key, _("longer than it may be"));
}

static int put(const struct reading *r, const struct key *key, const char *value)
{
	char *to = place_of(r->config, key);
	size_t len = strlen(value);

	if (len >= key->size)
		return too_long(r, key);
	memcpy(to, value, len + 1);
	return 0;
}

/* `size` is of one text: a relative path becomes one of the folder, behind `prefix`. */
static int put_path(const struct reading *r, const struct key *key, const char *prefix,
		    const char *path, char *to, size_t size)
{
	bool whole = *path == '/' || !*path;
	int n = snprintf(to, size, "%s%s%s%s", prefix, whole ? "" : r->config->folder,
			 whole ? "" : "/", path);

	return n < 0 || (size_t)n >= size ? too_long(r, key) : 0;
}

static int take_database(const struct reading *r, const struct key *key, const char *value)
{
	static const char sqlite[] = "sqlite:";
	size_t len = sizeof(sqlite) - 1;

	if (strncmp(value, sqlite, len) != 0)
		return *value ? put(r, key, value) :
				refuse(r, key, _("sqlite:FILE or postgresql://..."));
	if (!value[len])
		return refuse(r, key, _("sqlite:FILE or postgresql://..."));
	return put_path(r, key, sqlite, value + len, place_of(r->config, key), key->size);
}

static int take_environment(const struct reading *r, const struct key *key, const char *value)
{
	size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (!len || value[len])
		return refuse(r, key, _("a word of small letters, digits and hyphens"));
	return put(r, key, value);
}

/* Digits from 0 to 65535 and no more behind them. */
static bool is_port(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len && len <= 5 && !text[len] && strtol(text, NULL, 10) <= PORT_MAX;
}

static int take_origin(const struct reading *r, const struct key *key, const char *value)
{
	if (!origin_good(value))
		return refuse(r, key,
			      _("https://HOST or https://HOST:PORT, in small letters, and without "
				"the port 443"));
	return put(r, key, value);
}

/* ADDRESS:PORT, IPv6 addresses in brackets. */
static bool is_address(const char *value)
{
	const char *colon = strrchr(value, ':');
	size_t len = colon ? (size_t)(colon - value) : 0;

	if (!len || !is_port(colon + 1))
		return false;
	if (*value == '[')
		return len > 2 && value[len - 1] == ']' &&
		       strspn(value + 1, "0123456789abcdefABCDEF:.") == len - 2;
	return strspn(value, "0123456789.") == len;
}

static int take_listen(const struct reading *r, const struct key *key, const char *value)
{
	static const char local[] = "unix:";
	size_t *count = count_of(r->config, key);
	char *to = r->config->listen[*count];
	size_t size = sizeof(r->config->listen[0]);
	int e = 0;

	if (strncmp(value, local, sizeof(local) - 1) == 0 && value[sizeof(local) - 1])
		e = put_path(r, key, local, value + sizeof(local) - 1, to, size);
	else if (!is_address(value) || strlen(value) >= size)
		return refuse(r, key, _("ADDRESS:PORT, the address in numbers, or unix:PATH"));
	else
		memcpy(to, value, strlen(value) + 1);
	if (e == 0)
		(*count)++;
	return e;
}

static int take_loopback(const struct reading *r, const struct key *key, const char *value)
{
	bool loopback = strncmp(value, "127.", 4) == 0 || strncmp(value, "[::1]:", 6) == 0;

	if (*value && (!loopback || !is_address(value)))
		return refuse(r, key, _("127.0.0.1:PORT or [::1]:PORT"));
	return put(r, key, value);
}

static int take_paths(const struct reading *r, const struct key *key, const char *value)
{
	size_t *count = count_of(r->config, key);
	char *to = (char *)place_of(r->config, key) + *count * CONFIG_TEXT;
	int e;

	if (!*value && r->line == 0)
		return 0;
	if (!*value)
		return refuse(r, key, _("the name of a file"));
	e = put_path(r, key, "", value, to, CONFIG_TEXT);
	if (e == 0)
		(*count)++;
	return e;
}

static int take_renewal(const struct reading *r, const struct key *key, const char *value)
{
	static const char csv[] = "csv:";

	if (!*value)
		return put(r, key, value);
	if (strncmp(value, csv, sizeof(csv) - 1) != 0 || !value[sizeof(csv) - 1])
		return refuse(r, key, _("csv:FILE"));
	return put_path(r, key, csv, value + sizeof(csv) - 1, place_of(r->config, key), key->size);
}

static int take_url(const struct reading *r, const struct key *key, const char *value)
{
	if (*value && !responder_url_good(value))
		return refuse(r, key, _("http://HOST/... or https://HOST/..., without a password"));
	return put(r, key, value);
}

/* Names of kinds are domain names from behind: ISO 18013-5 7.1. */
static int take_doctype(const struct reading *r, const struct key *key, const char *value)
{
	size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   ".-_");

	if (!len || value[len])
		return refuse(r, key, _("a name of letters, digits, dots and hyphens"));
	return put(r, key, value);
}

/* Numbers with dots between them: an object identifier. */
static bool is_dotted(const char *value)
{
	size_t len = strspn(value, "0123456789."), dots = 0;

	if (value[len] || !len || value[len - 1] == '.' || *value == '.' || strstr(value, ".."))
		return false;
	for (const char *p = value; *p; p++)
		dots += *p == '.';
	return dots > 0;
}

static int take_purposes(const struct reading *r, const struct key *key, const char *value)
{
	size_t *count = count_of(r->config, key);
	char *to = (char *)place_of(r->config, key) + *count * CONFIG_TEXT;

	if (!*value && r->line == 0)
		return 0;
	if (!is_dotted(value))
		return refuse(r, key, _("an object identifier, as 1.2.3"));
	/* who reads credentials would issue them */
	if (strcmp(value, "1.0.18013.5.1.6") == 0)
		return refuse(r, key, _("not that of readers, 1.0.18013.5.1.6"));
	if (strlen(value) >= CONFIG_TEXT)
		return too_long(r, key);
	memcpy(to, value, strlen(value) + 1);
	(*count)++;
	return 0;
}

static int take_flag(const struct reading *r, const struct key *key, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return refuse(r, key, _("yes or no"));
	*(bool *)place_of(r->config, key) = *value == 'y';
	return 0;
}

static int take_number(const struct reading *r, const struct key *key, const char *value)
{
	size_t len = strspn(value, "0123456789");
	int64_t n = len && len < 10 ? strtoll(value, NULL, 10) : -1;

	if (value[len] || n < key->min || n > key->max)
		return complain(r, _("\"%s\" is a number from %" PRId64 " to %" PRId64 "."),
				key->name, key->min, key->max);
	*(int64_t *)place_of(r->config, key) = n;
	return 0;
}

static int take_value(const struct reading *r, const struct key *key, const char *value)
{
	switch (key->form) {
	case DATABASE:
		return take_database(r, key, value);
	case ENVIRONMENT:
		return take_environment(r, key, value);
	case ORIGIN:
		return take_origin(r, key, value);
	case LISTEN:
		return take_listen(r, key, value);
	case LOOPBACK:
		return take_loopback(r, key, value);
	case PATH:
		return put_path(r, key, "", value, place_of(r->config, key), key->size);
	case PATHS:
		return take_paths(r, key, value);
	case RENEWAL:
		return take_renewal(r, key, value);
	case URL:
		return take_url(r, key, value);
	case DOCTYPE:
		return take_doctype(r, key, value);
	case PURPOSES:
		return take_purposes(r, key, value);
	case FLAG:
		return take_flag(r, key, value);
	case NUMBER:
		break;
	}
	return take_number(r, key, value);
}

/* ---- reading ---- */

static bool is_list(const struct key *key)
{
	return key->form == LISTEN || key->form == PATHS || key->form == PURPOSES;
}

static int take(struct reading *r, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (r->seen[i] && !is_list(&keys[i]))
			return complain(r, _("\"%s\" is said twice."), name);
		if (is_list(&keys[i]) && *count_of(r->config, &keys[i]) == CONFIG_LIST)
			return complain(r, _("\"%s\" is said more than %d times."), name,
					CONFIG_LIST);
		r->seen[i] = true;
		return take_value(r, &keys[i], value);
	}
	return complain(r, _("There is no key \"%.*s\"."), SHOWN_MAX, name);
}

static int take_line(struct reading *r, char *line)
{
	char *key, *value;

	r->line++;
	if (config_line(line, &key, &value) < 0)
		return complain(r, _("A line is \"key = value\"."));
	return key ? take(r, key, value) : 0;
}

static void point(struct config *config)
{
	for (size_t i = 0; i < config->crl_count; i++)
		config->crl_files[i] = config->crl[i];
	config->revocation = (struct revocation_config){
		.files = config->crl_files,
		.grace = (int)config->crl_grace,
		.responder = *config->ocsp ? config->ocsp : NULL,
		.responder_required = config->ocsp_required,
	};
}

/* ... and what counts where there is no line. */
static int complete(struct reading *r)
{
	int e = 0;

	r->line = 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys) && e == 0; i++) {
		if (r->seen[i])
			continue;
		if (!keys[i].standard)
			return ctx_fail(r->ctx, FUDA_EFORMAT, _("%s: The key \"%s\" is missing."),
					r->path, keys[i].name);
		e = take_value(r, &keys[i], keys[i].standard);
	}
	if (e < 0)
		return e;
	if (r->config->ocsp_required && !*r->config->ocsp)
		return ctx_fail(r->ctx, FUDA_EFORMAT,
				_("%s: \"ocsp_required\" is yes, and \"ocsp\" names no responder."),
				r->path);
	point(r->config);
	return 0;
}

int service_config_read(struct fuda_context *ctx, const char *folder, struct config *ret)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(FILE_MAX + 1);
	char path[CONFIG_TEXT + sizeof(CONFIG_FILE)];
	struct reading r = { .ctx = ctx, .path = path, .config = ret };
	int e;

	memset(ret, 0, sizeof(*ret));
	if (strlen(folder) >= sizeof(ret->folder))
		return ctx_fail_code(ctx, FUDA_ETOOBIG);
	memcpy(ret->folder, folder, strlen(folder) + 1);
	snprintf(path, sizeof(path), "%s/" CONFIG_FILE, folder);
	e = pki_read_file(ctx, path, &text);
	if (e < 0)
		return e;
	if (text.len && memchr(text.data, 0, text.len))
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s: This is no text."), path);
	e = fuda_buf_append(&text, "", 1);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	for (char *next = (char *)text.data; next && e == 0;)
		e = take_line(&r, strsep(&next, "\n"));
	return e < 0 ? e : complete(&r);
}

/* ---- writing ---- */

static void free_config(struct config **config)
{
	free(*config);
}

/* `from`: where relative names are of, "" if that does not matter. */
static int check_given(struct reading *r, const struct config_given *given, const char *from)
{
	if (strlen(from) >= sizeof(r->config->folder) || strchr(from, '\n'))
		return complain(r, _("The name of the folder \"%.*s\" cannot be used."), SHOWN_MAX,
				from);
	memset(r->config, 0, sizeof(*r->config));
	memcpy(r->config->folder, from, strlen(from) + 1);
	r->line = 1;
	for (int e; given->key; given++) {
		r->option = given->option ? given->option : given->key;
		if (strpbrk(given->value, "\r\n"))
			return complain(r, _("A value is of one line."));
		e = take(r, given->key, given->value);
		if (e < 0)
			return e;
	}
	return 0;
}

int service_config_check(struct fuda_context *ctx, const struct config_given *given,
			 const char *from)
{
	_cleanup_(free_config) struct config *config = malloc(sizeof(*config));
	struct reading r = { .ctx = ctx, .option = CONFIG_FILE, .config = config };

	return config ? check_given(&r, given, from ? from : "") : ctx_fail_code(ctx, FUDA_ENOMEM);
}

static int add(struct fuda_buf *to, const char *text)
{
	return fuda_buf_append(to, text, strlen(text));
}

static int add_line(struct fuda_buf *to, const char *before, const char *key, const char *value)
{
	const char *const parts[] = { before, key, " = ", value, "\n" };
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && e == 0; i++)
		e = add(to, parts[i]);
	return e;
}

/* The name of a file in a value; NULL: there is none. */
static const char *file_in(const struct key *key, const char *value)
{
	static const char *const prefixes[] = {
		[DATABASE] = "sqlite:", [LISTEN] = "unix:", [PATH] = "",
		[PATHS] = "",           [RENEWAL] = "csv:", [NUMBER] = NULL,
	};
	const char *prefix = prefixes[key->form];

	return prefix && strncmp(value, prefix, strlen(prefix)) == 0 ? value + strlen(prefix) :
								       NULL;
}

static int add_given(struct fuda_buf *to, const struct key *key, const char *value,
		     const char *from)
{
	const char *file = from ? file_in(key, value) : NULL;
	char whole[2 * CONFIG_TEXT];
	int n;

	if (!file || !*file || *file == '/')
		return add_line(to, "", key->name, value);
	n = snprintf(whole, sizeof(whole), "%.*s%s/%s", (int)(file - value), value, from, file);
	return n < 0 || (size_t)n >= sizeof(whole) ? FUDA_ETOOBIG :
						     add_line(to, "", key->name, whole);
}

static int print_key(const struct key *key, const struct config_given *given, const char *from,
		     struct fuda_buf *to)
{
	bool any = false;
	int e = 0;

	if (key->help)
		e = add(to, "\n# ");
	if (key->help && e == 0)
		e = add(to, key->help);
	if (key->help && e == 0)
		e = add(to, "\n");
	for (; given->key && e == 0; given++) {
		if (strcmp(given->key, key->name) != 0)
			continue;
		any = true;
		e = add_given(to, key, given->value, from);
	}
	return any || e < 0 ? e : add_line(to, "#", key->name, key->standard ? key->standard : "");
}

int service_config_print(const struct config_given *given, const char *from,
			 struct fuda_buf *ret_text)
{
	int e = add(ret_text, "# See fuda-mykeyd(1). Behind '#' stands what counts without the "
			      "line.\n# What is changed here counts for serve from its next "
			      "start.\n");

	for (size_t i = 0; i < ARRAY_SIZE(keys) && e == 0; i++)
		e = print_key(&keys[i], given, from, ret_text);
	return e;
}

/* ---- telling ---- */

/* Without what is between ':' and '@' of a connection's address. A password may stand elsewhere as
 * well ("password=..."): then nothing is shown but the kind. */
static void database_shown(const char *database, char *ret, size_t size)
{
	const char *at = strstr(database, "://"), *host;

	if (strncmp(database, "sqlite:", 7) == 0) {
		snprintf(ret, size, "%s", database);
		return;
	}
	host = at ? strrchr(at, '@') : NULL;
	if (!at || strstr(database, "password"))
		snprintf(ret, size, "postgresql");
	else
		snprintf(ret, size, "%.*s%s", (int)(at + 3 - database), database,
			 host ? host + 1 : at + 3);
}

static void tell(const struct config *config, const struct key *key,
		 void (*see)(void *arg, const char *key, const char *value), void *arg)
{
	const char *place = place_of(config, key);
	size_t stride = key->form == LISTEN ? sizeof(config->listen[0]) : CONFIG_TEXT;
	char text[CONFIG_TEXT];

	if (is_list(key)) {
		for (size_t i = 0; i < *count_of(config, key); i++)
			see(arg, key->name, place + i * stride);
		return;
	}
	if (key->form == DATABASE)
		database_shown(place, text, sizeof(text));
	else if (key->form == FLAG)
		snprintf(text, sizeof(text), "%s",
			 *(const bool *)(const void *)place ? "yes" : "no");
	else if (key->form == NUMBER)
		snprintf(text, sizeof(text), "%" PRId64, *(const int64_t *)(const void *)place);
	else
		snprintf(text, sizeof(text), "%s", place);
	see(arg, key->name, text);
}

void service_config_each(const struct config *config,
			 void (*see)(void *arg, const char *key, const char *value), void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		tell(config, &keys[i], see, arg);
}
