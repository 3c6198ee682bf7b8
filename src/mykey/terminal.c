/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/terminal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"
#include "base/context.h"
#include <fuda/encode.h>

static const char usual_port[] = ":443";

/* ---- origins ---- */

int terminal_origin(struct fuda_context *ctx, const char *server, char ret[TERMINAL_ORIGIN])
{
	char origin[TERMINAL_ORIGIN];
	size_t len = strlen(server), port = sizeof(usual_port) - 1;

	if (len && server[len - 1] == '/')
		len--;
	if (len < sizeof(origin)) {
		for (size_t i = 0; i <= len; i++)
			origin[i] = i < len ? (char)tolower((unsigned char)server[i]) : '\0';
		if (len > port && strcmp(origin + len - port, usual_port) == 0)
			origin[len - port] = '\0';
	}
	if (len >= sizeof(origin) || !origin_good(origin))
		return ctx_fail(ctx, FUDA_EINVAL,
				_("A service is named as https://host or https://host:port."));
	memcpy(ret, origin, sizeof(origin));
	return 0;
}

/* ---- terminal.conf ---- */

int terminal_conf(const char *origin, time_t retry_at, struct fuda_buf *ret_text)
{
	char text[TERMINAL_ORIGIN + 128];
	int n = snprintf(text, sizeof(text), "# written by fuda terminal\nserver = %s\n", origin);

	if (retry_at)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "retry_at = %" PRId64 "\n",
			      (int64_t)retry_at);
	return fuda_buf_append(ret_text, text, (size_t)n);
}

int terminal_write_conf(struct fuda_terminal *t, time_t retry_at)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	int r = terminal_conf(t->origin, retry_at, &text);

	if (r < 0)
		return ctx_fail_code(t->ctx, r);
	r = home_write(t->ctx, &t->home, FILE_CONF, text.data, text.len);
	if (r == 0)
		t->retry_at = retry_at;
	return r;
}

static int read_seconds(const char *text, time_t *ret)
{
	char *end;
	long long value;

	if (!isdigit((unsigned char)*text))
		return FUDA_EFORMAT;
	value = strtoll(text, &end, 10);
	if (*end || value > INT64_C(1) << 40)
		return FUDA_EFORMAT;
	*ret = (time_t)value;
	return 0;
}

static int take_line(struct fuda_terminal *t, char *line)
{
	static const char server[] = "server = ", retry_at[] = "retry_at = ";

	if (!*line || *line == '#')
		return 0;
	if (strncmp(line, server, sizeof(server) - 1) == 0)
		return terminal_origin(t->ctx, line + sizeof(server) - 1, t->origin);
	if (strncmp(line, retry_at, sizeof(retry_at) - 1) == 0)
		return read_seconds(line + sizeof(retry_at) - 1, &t->retry_at);
	return FUDA_EFORMAT;
}

static int damaged(struct fuda_terminal *t, const char *name)
{
	return ctx_fail(t->ctx, FUDA_EFORMAT,
			_("%s/%s is damaged. Enrol this terminal anew in another folder."),
			t->home.path, name);
}

static int read_conf(struct fuda_terminal *t)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TERMINAL_FILE_MAX + 1);
	int r = home_read(t->ctx, &t->home, FILE_CONF, false, &text);

	if (r == FUDA_ENOTFOUND)
		return ctx_fail(t->ctx, r, _("%s is no terminal's folder: it has no file %s."),
				t->home.path, FILE_CONF);
	t->origin[0] = '\0';
	t->retry_at = 0;
	if (r < 0)
		return r;
	if (memchr(text.data ? text.data : (uint8_t *)"", 0, text.len) ||
	    fuda_buf_append(&text, "", 1) < 0)
		r = FUDA_EFORMAT;
	for (char *next = (char *)text.data; r == 0 && next;)
		r = take_line(t, strsep(&next, "\n"));
	if (r < 0 || !*t->origin)
		return damaged(t, FILE_CONF);
	return 0;
}

/* ---- keys and certificates ---- */

static int lacking(struct fuda_terminal *t, const char *name)
{
	return ctx_fail(t->ctx, FUDA_EFORMAT,
			_("%s lacks %s: it is damaged. Enrol this terminal anew in another "
			  "folder."),
			t->home.path, name);
}

static int read_file(struct fuda_terminal *t, const char *name, struct fuda_buf *ret)
{
	int r;

	fuda_buf_clear(ret);
	r = home_read(t->ctx, &t->home, name, strcmp(name, FILE_KEY) == 0, ret);
	return r == FUDA_ENOTFOUND ? lacking(t, name) : r;
}

static int read_pem(struct fuda_terminal *t, const char *name, const char *label,
		    struct fuda_buf *ret_der)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	const char *text;
	size_t left;
	int r = read_file(t, name, &pem);

	if (r < 0)
		return r;
	text = (const char *)pem.data;
	left = pem.len;
	fuda_buf_clear(ret_der);
	r = fuda_pem_decode(label, &text, &left, ret_der);
	return r < 0 ? damaged(t, name) : 0;
}

/* The certificate, which must be for the key. */
static int read_certificate(struct fuda_terminal *t)
{
	_cleanup_buf_ struct fuda_buf info = FUDA_BUF_INIT(REQUEST_KEY_MAX);
	int r = read_file(t, FILE_CERTIFICATE, &t->certificate);

	if (r == 0)
		r = read_pem(t, FILE_CERTIFICATE, "CERTIFICATE", &t->der);
	if (r == 0)
		r = request_public_key(t->ctx, &t->key, &info);
	if (r < 0)
		return r;
	if (terminal_certificate_read(cur_of(t->der.data, t->der.len), &t->facts) < 0 ||
	    t->facts.key.left != info.len || memcmp(t->facts.key.p, info.data, info.len) != 0)
		return ctx_fail(t->ctx, FUDA_EFORMAT,
				_("%s/%s is damaged, or not for this terminal's key. Enrol this "
				  "terminal anew in another folder."),
				t->home.path, FILE_CERTIFICATE);
	return 0;
}

/* A renewal that was broken off: with its certificate it is ended, in this order, so that each step
 * may be the last one of the machine. Without it, it is as if it had not begun. */
static int settle(struct fuda_terminal *t)
{
	int r = 0;

	if (home_has(&t->home, FILE_NEW_CERTIFICATE)) {
		r = home_move(t->ctx, &t->home, FILE_NEW_KEY, FILE_KEY);
		if (r == 0)
			r = home_move(t->ctx, &t->home, FILE_NEW_REQUEST, FILE_REQUEST);
		if (r == 0)
			r = home_move(t->ctx, &t->home, FILE_NEW_CERTIFICATE, FILE_CERTIFICATE);
	}
	if (r == 0 && home_has(&t->home, FILE_CERTIFICATE))
		r = home_wipe(t->ctx, &t->home, FILE_CODE);
	return r;
}

static bool unsettled(const struct fuda_terminal *t)
{
	return home_has(&t->home, FILE_NEW_CERTIFICATE) ||
	       (home_has(&t->home, FILE_CERTIFICATE) && home_has(&t->home, FILE_CODE));
}

static int load(struct fuda_terminal *t)
{
	int r = read_conf(t);

	if (r == 0)
		r = read_file(t, FILE_CA, &t->ca);
	if (r == 0)
		r = read_file(t, FILE_KEY, &t->key);
	if (r == 0)
		r = read_pem(t, FILE_REQUEST, "CERTIFICATE REQUEST", &t->request);
	fuda_buf_clear(&t->certificate);
	fuda_buf_clear(&t->der);
	t->facts = (struct terminal_certificate){ .id = "" };
	if (r == 0 && home_has(&t->home, FILE_CERTIFICATE))
		r = read_certificate(t);
	return r;
}

int terminal_load(struct fuda_terminal *t)
{
	int r = 0;

	https_free(&t->https); /* it has the bytes that are read anew */
	if (unsettled(t)) {
		r = home_lock(t->ctx, &t->home, true);
		if (r == 0)
			r = settle(t);
	} else {
		r = home_lock(t->ctx, &t->home, false);
	}
	if (r == 0)
		r = load(t);
	home_unlock(&t->home);
	return r;
}

/* ---- the terminal ---- */

static int new_terminal(struct fuda_context *ctx, const char *folder, struct fuda_terminal **ret)
{
	struct fuda_terminal *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	t->ctx = ctx;
	t->home = HOME_NONE;
	t->ca = FUDA_BUF_INIT(TERMINAL_CA_MAX);
	t->key = t->certificate = t->request = t->der = FUDA_BUF_INIT(TERMINAL_FILE_MAX);
	r = home_open(ctx, folder, &t->home);
	if (r == 0)
		r = home_check(ctx, &t->home);
	if (r < 0)
		fuda_terminal_free(&t);
	else
		*ret = t;
	return r;
}

int fuda_terminal_open(struct fuda_context *ctx, const char *folder, struct fuda_terminal **ret)
{
	char usual[CONFIG_PATH_MAX];
	struct fuda_terminal *t = NULL;
	int r = 0;

	ctx_step(ctx, _("open the terminal's folder"));
	if (!folder) {
		r = config_path("terminal", usual);
		folder = usual;
	}
	if (r < 0)
		return ctx_fail(ctx, r, _("There is no home directory to find the terminal in."));
	r = new_terminal(ctx, folder, &t);
	if (r == 0)
		r = terminal_load(t);
	if (r < 0)
		fuda_terminal_free(&t);
	else
		*ret = t;
	return r;
}

void fuda_terminal_free(struct fuda_terminal **terminal)
{
	struct fuda_terminal *t = *terminal;

	if (!t)
		return;
	https_free(&t->https);
	home_close(&t->home);
	fuda_buf_free(&t->key);
	fuda_buf_free_public(&t->ca);
	fuda_buf_free_public(&t->certificate);
	fuda_buf_free_public(&t->request);
	fuda_buf_free_public(&t->der);
	free(t);
	*terminal = NULL;
}

int terminal_https(struct fuda_terminal *t, struct https **ret)
{
	bool certified = t->certificate.len;
	int r = 0;

	if (!t->https)
		r = https_new(t->ctx, t->origin, &t->ca, certified ? &t->certificate : NULL,
			      certified ? &t->key : NULL, &t->https);
	if (r == 0)
		*ret = t->https;
	return r;
}

const char *fuda_terminal_state_name(enum fuda_terminal_state state)
{
	static const char *const names[] = {
		[FUDA_TERMINAL_NONE] = "unknown",    [FUDA_TERMINAL_APPLIED] = "applied",
		[FUDA_TERMINAL_ACTIVE] = "active",   [FUDA_TERMINAL_RENEWAL_DUE] = "renewal_due",
		[FUDA_TERMINAL_EXPIRED] = "expired", [FUDA_TERMINAL_SUSPENDED] = "suspended",
		[FUDA_TERMINAL_REVOKED] = "revoked",
	};

	return (size_t)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

/* Due when two thirds of its life are over: platform.md D4. */
static enum fuda_terminal_state state_at(const struct fuda_terminal *t, time_t now)
{
	const struct terminal_certificate *c = &t->facts;

	if (!t->certificate.len)
		return t->retry_at ? FUDA_TERMINAL_APPLIED : FUDA_TERMINAL_NONE;
	if (t->told)
		return t->told;
	if (now > c->not_after)
		return FUDA_TERMINAL_EXPIRED;
	if (now - c->not_before >= (c->not_after - c->not_before) / 3 * 2)
		return FUDA_TERMINAL_RENEWAL_DUE;
	return FUDA_TERMINAL_ACTIVE;
}

int fuda_terminal_facts(struct fuda_terminal *terminal, struct fuda_terminal_facts *ret)
{
	struct fuda_terminal_facts f = { .state = state_at(terminal, time(NULL)) };
	struct fuda_digest digest;
	int r = fuda_digest_bytes(FUDA_SHA256, terminal->request.data, terminal->request.len,
				  &digest);

	if (r < 0)
		return ctx_fail_code(terminal->ctx, r);
	fuda_hex_encode(digest.bytes, digest.len, f.request);
	snprintf(f.server, sizeof(f.server), "%s", terminal->origin);
	snprintf(f.id, sizeof(f.id), "%s", terminal->facts.id);
	snprintf(f.environment, sizeof(f.environment), "%s", terminal->facts.environment);
	f.not_before = terminal->facts.not_before;
	f.not_after = terminal->facts.not_after;
	f.retry_at = terminal->certificate.len ? 0 : terminal->retry_at;
	memcpy(f.organisation, terminal->self.organisation, sizeof(f.organisation));
	memcpy(f.place, terminal->self.place, sizeof(f.place));
	memcpy(f.sectors, terminal->self.sectors, sizeof(f.sectors));
	f.tap = terminal->self.tap;
	*ret = f;
	return 0;
}
