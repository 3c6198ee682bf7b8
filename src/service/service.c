/* SPDX-License-Identifier: Apache-2.0 */
#include "service/service.h"

#include <stdlib.h>
#include <string.h>
#include <fuda/cv.h>

#include "base/context.h"
#include "service/audit.h"
#include "service/checkpoint.h"
#include "service/schema.h"

enum { OPERATOR_QUEUE = 16 };

/* ---- what a database is bound to ---- */

static const struct statement sql_setting = { "SELECT value FROM setting WHERE name = $1", 1 };
static const struct statement sql_bind_setting = { "INSERT INTO setting (name, value) VALUES ($1, "
						   "$2) ON CONFLICT DO NOTHING",
						   2 };

/* The newest version that the schema's steps lead to. */
static int64_t schema_version(void)
{
	int64_t n = 0;

	while (schema_steps[n])
		n++;
	return n;
}

static int store_failed(struct fuda_context *ctx, int code)
{
	return *fuda_context_message(ctx) ? code : ctx_fail_code(ctx, code);
}

/* Two processes may do this at once: what counts is what is there behind it. */
static int bind_settings(struct store *store, const uint8_t identity[ID_BYTES],
			 const char *environment)
{
	int e = store_begin(store, true);

	if (e == 0)
		e = store_queue(store, &sql_bind_setting,
				(struct datum[]){ TEXT(SETTING_KEYSTORE),
						  BYTES(identity, ID_BYTES) },
				NULL);
	if (e == 0)
		e = store_queue(store, &sql_bind_setting,
				(struct datum[]){ TEXT(SETTING_ENVIRONMENT),
						  BYTES(environment, strlen(environment)) },
				NULL);
	if (e == 0)
		e = store_sync(store);
	if (e == 0)
		return store_commit(store);
	store_rollback(store);
	return e;
}

static int setting_is(struct store *store, const char *name, const void *bytes, size_t len,
		      bool *ret_there, bool *ret_same)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct datum d;
	int e = store_begin(store, false);

	if (e == 0)
		e = store_run(store, &sql_setting, (struct datum[]){ TEXT(name) }, &rows);
	store_rollback(store);
	if (e < 0)
		return e;
	*ret_there = rows.count == 1;
	*ret_same = false;
	if (!*ret_there)
		return 0;
	d = rows_get(&rows, 0, 0);
	*ret_same = d.len == len && memcmp(d.bytes, bytes, len) == 0;
	return 0;
}

int service_check_keystore(struct fuda_context *ctx, struct store *store, struct keys *keys)
{
	uint8_t identity[ID_BYTES];
	bool there, same;
	int e;

	keys_identity(keys, identity);
	e = setting_is(store, SETTING_KEYSTORE, identity, sizeof(identity), &there, &same);
	if (e < 0)
		return store_failed(ctx, e);
	if (!there)
		return ctx_fail(ctx, FUDA_ENOTFOUND,
				_("The database belongs to no service yet: 'fuda-mykeyd init' "
				  "makes a service of it."));
	if (!same)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The database was filled with the keys of another keystore. "
				  "Served with "
				  "these, nobody in it would be found again: put back the keystore "
				  "that "
				  "belongs to it, or name another database."));
	return 0;
}

static int check_settings(struct fuda_context *ctx, struct store *store, struct keys *keys,
			  const char *environment)
{
	bool there, same;
	int e = service_check_keystore(ctx, store, keys);

	if (e < 0)
		return e;
	e = setting_is(store, SETTING_ENVIRONMENT, environment, strlen(environment), &there, &same);
	if (e < 0)
		return store_failed(ctx, e);
	if (!same)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The database is of another environment than \"%s\"."),
				environment);
	return 0;
}

int service_prepare(struct fuda_context *ctx, struct store *store, struct keys *keys,
		    const char *environment)
{
	uint8_t identity[ID_BYTES];
	int e = store_migrate(store);

	keys_identity(keys, identity);
	if (e == 0)
		e = bind_settings(store, identity, environment);
	return e < 0 ? store_failed(ctx, e) : check_settings(ctx, store, keys, environment);
}

static int check_version(struct fuda_context *ctx, struct store *store)
{
	int64_t version, wanted = schema_version();
	int e = store_version(store, &version);

	if (e < 0)
		return store_failed(ctx, e);
	if (version == 0)
		return ctx_fail(ctx, FUDA_ENOTFOUND,
				_("The database is empty: 'fuda-mykeyd init' makes the tables."));
	/* a newer one works by the rule of expand, migrate, contract: N and N-1 run side by side */
	if (version < wanted || version > wanted + 1)
		return ctx_fail(ctx, FUDA_ENOTSUP,
				_("The database's tables are of version %ld, and this program "
				  "works with "
				  "%ld."),
				(long)version, (long)wanted);
	return 0;
}

/* ---- health ---- */

/* None outside. A database without checkpoints is new, or as good as new to who has lost the file,
 * too; the first one is in the database before it is outside. */
static int miss_checkpoint(struct service *service, struct store *store)
{
	_cleanup_buf_ struct fuda_buf json = FUDA_BUF_INIT(CHECKPOINT_MAX);
	int64_t number;
	int e = audit_last_line(store, &number, &json);

	if (e < 0)
		return e;
	if (number > 1)
		atomic_store(&service->health.audit, true);
	atomic_store(&service->health.outside, atomic_load(&service->health.audit));
	return 0;
}

/* The heads that were signed last, as they are known outside of the database, are still in it: what
 * a walk over all of it would find besides is the business of "audit verify". */
int service_check_audit(struct fuda_context *ctx, struct service *service, struct store *store)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX + 1);
	struct audit_finding finding;
	const char *path = service->config.checkpoint_file;
	int e;

	if (!*path)
		return 0;
	e = checkpoint_last(ctx, path, &line);
	if (e == FUDA_ENOTFOUND)
		return miss_checkpoint(service, store);
	if (e == 0)
		e = audit_compare(store, service->keys, (char *)line.data, &finding);
	/* that it cannot be seen now takes back nothing that was seen */
	if (e < 0 && e != FUDA_EVERIFY && e != FUDA_EFORMAT)
		return e;
	atomic_store(&service->health.outside, false);
	atomic_store(&service->health.audit, e < 0);
	return 0;
}

/* Whether it hangs on the lists alone that cards are taken; else `*ret_none`: whether none is.
 * While the responder does not help it is as if there were none: the keeper finds out when it
 * does. */
static bool hangs_on_lists(struct service *service, bool *ret_none)
{
	struct responder *responder = revocation_responder(service->revocation);
	bool asked = responder && responder_helps(responder);

	*ret_none = !asked && service->config.ocsp_required;
	return !asked && !*ret_none && service->config.crl_required;
}

static bool revocation_missing(struct service *service)
{
	struct revocation_state s;
	bool none;
	size_t n = 0;

	if (!hangs_on_lists(service, &none))
		return none;
	for (; revocation_state(service->revocation, n, time(NULL), &s) == 0; n++)
		if (!s.loaded || s.stale)
			return true;
	return n == 0;
}

bool service_knows_no_card(struct service *service)
{
	struct revocation_state s;
	bool none;

	if (!hangs_on_lists(service, &none))
		return none;
	for (size_t n = 0; revocation_state(service->revocation, n, time(NULL), &s) == 0; n++)
		if (s.loaded && !s.stale)
			return false;
	return true;
}

bool service_database_away(struct service *service)
{
	struct writer_load load = { .healthy = true };

	if (service->writer)
		writer_load(service->writer, &load);
	return atomic_load(&service->health.database) || !load.healthy;
}

size_t service_reasons(struct service *service, const char *ret[SERVICE_REASONS])
{
	size_t n = 0;

	if (atomic_load(&service->health.stopping)) {
		ret[0] = "stopping"; /* and the writer may be no more */
		return 1;
	}
	if (service_database_away(service))
		ret[n++] = "database";
	if (atomic_load(&service->health.clock))
		ret[n++] = "clock_untrusted";
	if (atomic_load(&service->health.audit))
		ret[n++] = "audit_broken";
	if (revocation_missing(service))
		ret[n++] = "revocation_info_stale";
	return n;
}

/* ---- opening ---- */

static int open_trust(struct fuda_context *ctx, struct service *s)
{
	int e = fuda_trust_new(ctx, &s->trust);

	for (size_t i = 0; i < s->config.trust_count && e == 0; i++)
		e = fuda_trust_add_file(s->trust, s->config.trust[i]);
	if (e == 0)
		e = revocation_new(ctx, &s->config.revocation, s->trust, &s->revocation);
	return e;
}

/* They are read anew where they are needed: here it is seen whether they can be. */
static int check_cv_trust(struct fuda_context *ctx, const struct service *s)
{
	_cleanup_(fuda_cv_trust_free) struct fuda_cv_trust *trust = NULL;
	int e = fuda_cv_trust_new(ctx, &trust);

	for (size_t i = 0; i < s->config.cv_trust_count && e == 0; i++)
		e = fuda_cv_trust_add_file(trust, s->config.cv_trust[i]);
	return e;
}

static void close_service(struct service **service)
{
	service_close(service);
}

int service_check_files(struct fuda_context *ctx, const struct config *config)
{
	_cleanup_(close_service) struct service *s = calloc(1, sizeof(*s));
	int e;

	if (!s)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	s->ctx = ctx;
	s->config = *config;
	e = open_trust(ctx, s);
	if (e == 0)
		e = check_cv_trust(ctx, s);
	if (e == 0)
		e = issuers_new(ctx, &s->config, &s->issuers);
	return e < 0 ? e : renewal_open(ctx, s->config.renewal, &s->renewal);
}

static int open_secrets(struct fuda_context *ctx, struct service *s)
{
	int e = keys_open(ctx, s->config.folder, &s->keys);

	if (e == 0)
		e = ca_open(ctx, s->config.folder, &s->ca);
	if (e < 0)
		return e;
	if (strcmp(ca_environment(s->ca), s->config.environment) != 0)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The authority for terminals is of environment \"%s\", and the "
				  "configuration says \"%s\"."),
				ca_environment(s->ca), s->config.environment);
	return 0;
}

static void close_store(struct store **store)
{
	store_close(store);
}

static int check_database(struct fuda_context *ctx, struct service *s, bool serving)
{
	_cleanup_(close_store) struct store *store = NULL;
	int e = store_open(ctx, s->config.database, false, &store);

	if (e < 0)
		return e;
	e = check_version(ctx, store);
	if (e == 0)
		e = check_settings(ctx, store, s->keys, s->config.environment);
	if (e < 0 || !serving)
		return e;
	e = service_check_clock(s, store);
	if (e == 0)
		e = service_check_audit(ctx, s, store);
	return e < 0 ? store_failed(ctx, e) : 0;
}

static int start_writer(struct fuda_context *ctx, struct service *s, bool serving)
{
	struct writer_config config = {
		.where = s->config.database,
		.keys = s->keys,
		.who = serving ? "service" : "operator",
		.queue = serving ? (size_t)s->config.queue : OPERATOR_QUEUE,
		.batch = (size_t)s->config.batch,
		.late = !serving, /* who only looks leaves no chain behind */
	};

	return writer_start(ctx, &config, &s->writer);
}

int service_open(struct fuda_context *ctx, const char *folder, bool serving, struct service **ret)
{
	struct service *s = calloc(1, sizeof(*s));
	int e;

	if (!s)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	s->ctx = ctx;
	e = service_config_read(ctx, folder, &s->config);
	if (e == 0)
		e = open_secrets(ctx, s);
	if (e == 0)
		e = check_database(ctx, s, serving);
	if (e == 0)
		e = open_trust(ctx, s);
	if (e == 0)
		e = check_cv_trust(ctx, s);
	if (e == 0)
		e = issuers_new(ctx, &s->config, &s->issuers);
	/* what cannot be read now is told by readyz, and may come */
	if (e == 0 && serving) {
		(void)revocation_refresh(ctx, s->revocation);
		(void)issuers_refresh(ctx, s->issuers);
	}
	if (e == 0)
		e = renewal_open(ctx, s->config.renewal, &s->renewal);
	if (e == 0)
		e = metrics_new(&s->metrics);
	if (e == 0)
		e = start_writer(ctx, s, serving);
	if (e == 0)
		e = terminals_new(ctx, s, &s->terminals);
	if (e < 0) {
		bool kept = ctx_keep_error(ctx, true);

		service_close(&s);
		ctx_keep_error(ctx, kept);
		return e;
	}
	*ret = s;
	return 0;
}

/* The writer first: what waits in it may be of any of the others. */
void service_close(struct service **service)
{
	struct service *s = *service;

	if (!s)
		return;
	if (s->writer)
		writer_stop(&s->writer, (int)s->config.drain * 1000);
	terminals_free(&s->terminals);
	metrics_free(&s->metrics);
	renewal_close(&s->renewal);
	issuers_free(&s->issuers);
	revocation_free(&s->revocation);
	fuda_trust_free(&s->trust);
	ca_free(&s->ca);
	keys_free(&s->keys);
	free(s);
	*service = NULL;
}
