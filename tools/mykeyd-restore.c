/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd restore: what backup made becomes a database again, and is looked at. */
#include "service/audit.h"
#include "service/backup.h"
#include "tools/mykeyd-desk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *key, *to;
static bool verify;

static void close_store(struct store **store)
{
	store_close(store);
}

/* ---- looking at it ---- */

static int told(struct call *call, int code, const char *what)
{
	static const struct {
		const char *word, *text;
	} words[] = {
		{ "integrity", N_("the file is damaged") },
		{ "references", N_("rows refer to others that are not there") },
		{ "not_noted", N_("it does not say how many rows it was made with") },
		{ "counts", N_("it has not as many rows as it was made with") },
	};

	if (code != FUDA_EVERIFY)
		return code;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, what) == 0)
			return call_fail(call, code, "%s", _(words[i].text));
	return code;
}

static int check_rows(struct call *call, struct store *store)
{
	struct report *rows = report_object(call->report, NULL, "rows", NULL);
	struct backup_facts facts = { 0 };
	const char *what = "";
	int r = backup_check(store, &facts, &what);

	r = told(call, r, what);
	desk_report_us(call->report, _("As of"), "at", facts.at);
	for (size_t i = 0; backup_tables[i]; i++)
		report_number(rows, NULL, backup_tables[i], (long)facts.found[i]);
	return r;
}

static void found(void *arg, const struct audit_finding *finding)
{
	struct report *one = report_object(arg, NULL, NULL, NULL);

	desk_report_id(one, NULL, "chain", finding->chain);
	report_number(one, NULL, "row", (long)finding->seq);
	report_text(one, NULL, "what", finding->what);
}

/* Signed by the keys of the service in --folder, which are no part of a backup. */
static int check_audit(struct call *call, struct store *store)
{
	struct report *list = report_list(call->report, NULL, "findings", NULL);
	struct audit_totals totals = { 0 };
	struct keys *keys;
	int r = keys_open(call->ctx, mykeyd_folder(), &keys);

	if (r < 0)
		return r;
	r = audit_verify(store, keys, found, list, &totals);
	keys_free(&keys);
	report_number(call->report, _("Rows of the audit trail"), "audit_rows", (long)totals.rows);
	return r == FUDA_EVERIFY ?
		       call_fail(call, r, _("the audit trail is not as it was written")) :
		       r;
}

static int check(struct call *call, const char *path)
{
	_cleanup_(close_store) struct store *store = NULL;
	char where[PATH_MAX + 8];
	int64_t version = 0;
	int r;

	snprintf(where, sizeof(where), "sqlite:%s", path);
	r = store_open(call->ctx, where, false, &store);
	if (r == 0)
		r = store_version(store, &version);
	if (r == 0 && version == 0)
		r = call_fail(call, FUDA_EVERIFY, _("it has no tables"));
	if (r == 0)
		r = check_rows(call, store);
	if (r == 0)
		r = check_audit(call, store);
	if (r == 0)
		report_number(call->report, _("Version of the tables"), "schema", (long)version);
	call->shown = true;
	return r;
}

/* ---- restoring ---- */

/* What SQLite keeps beside a database that was there before would be taken for the new one's. */
static int refuse_leftovers(struct call *call, const char *path)
{
	static const char *const ends[] = { "-wal", "-journal", "-shm" };
	char beside[PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		snprintf(beside, sizeof(beside), "%s%s", path, ends[i]);
		if (access(beside, F_OK) == 0)
			return call_fail(call, FUDA_EBUSY,
					 _("%s belongs to another database: restore to another "
					   "folder, or remove it"),
					 beside);
	}
	return 0;
}

static int run(struct call *call)
{
	char path[PATH_MAX];
	int n, r = call_operands(call, 1, 1);

	if (r < 0)
		return r;
	if (!key || !to)
		return call_usage(call, _("say --key with the private key, and --to with a folder "
					  "for the database"));
	if (mkdir(to, 0700) < 0 && errno != EEXIST)
		return call_fail(call, FUDA_EFILE, _("%s cannot be written: %s"), to,
				 strerror(errno));
	n = snprintf(path, sizeof(path), "%s/mykeyd.db", to);
	if (n < 0 || (size_t)n >= sizeof(path))
		return call_fail(call, FUDA_EFILE, "%s", strerror(ENAMETOOLONG));
	r = refuse_leftovers(call, path);
	if (r == 0)
		r = backup_open(call->ctx, call->operands[0], key, path);
	if (r < 0)
		return r;
	report_text(call->report, _("Restored"), "file", path);
	return verify ? check(call, path) : 0;
}

static const struct option_spec options[] = {
	{ "key", 0, "FILE", N_("private key (PEM) of a recipient"), OPTION_TEXT, &key },
	{ "to", 0, "DIR", N_("where to put mykeyd.db"), OPTION_TEXT, &to },
	{ "verify", 0, NULL, N_("look at all of it, the audit trail too"), OPTION_SWITCH, &verify },
	{ NULL },
};

const struct fuda_command command_mykeyd_restore = {
	.name = "restore",
	.summary = N_("make a database of a backup, and check it"),
	.synopsis = "FILE --key FILE --to DIR",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
