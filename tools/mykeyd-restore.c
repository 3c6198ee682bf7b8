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

static void free_keys(struct keys **keys)
{
	keys_free(keys);
}

/* What was made so far, to be taken back. */
struct restoring {
	char path[PATH_MAX]; /* of the database */
	bool folder, file;   /* made */
};

static const char *const beside[] = { "-wal", "-journal", "-shm" };

static void take_back(struct restoring *made)
{
	char path[PATH_MAX + 16];

	for (size_t i = 0; made->file && i < ARRAY_SIZE(beside); i++) {
		snprintf(path, sizeof(path), "%s%s", made->path, beside[i]);
		(void)unlink(path);
	}
	if (made->file)
		(void)unlink(made->path);
	if (made->folder)
		(void)rmdir(to);
}

/* ---- looking at it ---- */

static int told(struct call *call, int code, const char *what)
{
	static const struct {
		const char *word, *text;
	} words[] = {
		{ "integrity", N_("the file is damaged") },
		{ "references", N_("rows refer to others that are not there") },
		{ "not_noted", N_("it does not say how many rows there were when it was made") },
		{ "counts", N_("there are not as many rows as when it was made") },
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

static int check_audit(struct call *call, struct store *store, struct keys *keys)
{
	struct report *list = report_list(call->report, NULL, "findings", NULL);
	struct audit_totals totals = { 0 };
	int r = audit_verify(store, keys, found, list, &totals);

	report_number(call->report, _("Rows of the audit trail"), "audit_rows", (long)totals.rows);
	return r == FUDA_EVERIFY ?
		       call_fail(call, r, _("the audit trail is not as it was written")) :
		       r;
}

/* Those of the service in --folder, which are no part of a backup. */
static int tell_keys(struct call *call, int code)
{
	if (code < 0)
		snprintf(call->remark, sizeof(call->remark),
			 _("--verify takes the keys of the backup's service, kek and keystore, "
			   "which "
			   "are no part of it: --folder names the folder that has them."));
	return code;
}

static int check(struct call *call, const char *path, struct keys *keys)
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
		r = tell_keys(call, service_check_keystore(call->ctx, store, keys));
	if (r == 0)
		r = check_rows(call, store);
	if (r == 0)
		r = check_audit(call, store, keys);
	if (r == 0)
		report_number(call->report, _("Version of the tables"), "schema", (long)version);
	call->shown = true;
	return r;
}

/* ---- restoring ---- */

/* What SQLite keeps beside a database that was there before would be taken for the new one's. */
static int refuse_leftovers(struct call *call, const char *path)
{
	char name[PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		snprintf(name, sizeof(name), "%s%s", path, beside[i]);
		if (access(name, F_OK) == 0)
			return call_fail(call, FUDA_EEXISTS,
					 _("%s belongs to another database: restore to another "
					   "folder, or remove it"),
					 name);
	}
	return 0;
}

static int restore(struct call *call, struct restoring *made)
{
	int n = snprintf(made->path, sizeof(made->path), "%s/mykeyd.db", to), r;

	if (n < 0 || (size_t)n >= sizeof(made->path))
		return call_fail(call, FUDA_EFILE, "%s", strerror(ENAMETOOLONG));
	made->folder = mkdir(to, 0700) == 0;
	if (!made->folder && errno != EEXIST)
		return call_fail(call, FUDA_EFILE, _("%s cannot be written: %s"), to,
				 strerror(errno));
	r = refuse_leftovers(call, made->path);
	if (r == 0)
		r = backup_open(call->ctx, call->operands[0], key, made->path);
	made->file = r == 0;
	if (r == FUDA_EEXISTS && access(made->path, F_OK) == 0)
		return call_fail(call, r,
				 _("%s is there already: restore to another folder. Nothing was "
				   "written."),
				 made->path);
	return r;
}

static int run(struct call *call)
{
	_cleanup_(free_keys) struct keys *keys = NULL;
	struct restoring made = { .folder = false };
	int r = call_operands(call, 1, 1);

	if (r < 0)
		return r;
	if (!key || !to)
		return call_usage(call, _("--key and --to are needed: the private key, and a "
					  "folder "
					  "for the database"));
	if (verify)
		r = tell_keys(call, keys_open(call->ctx, mykeyd_folder(), &keys));
	if (r == 0)
		r = restore(call, &made);
	if (r == 0 && verify)
		r = check(call, made.path, keys);
	if (r < 0) {
		take_back(&made);
		return r;
	}
	report_text(call->report, _("Restored"), "file", made.path);
	if (verify)
		report_word(call->report, _("Result"), NULL, "-",
			    _("ok (all rows are there, and the audit trail is as it was "
			      "written)"));
	return 0;
}

static const struct option_spec options[] = {
	{ "key", 0, "FILE", N_("private key (PEM) of a recipient"), OPTION_TEXT, &key },
	{ "to", 0, "DIR", N_("where to put mykeyd.db"), OPTION_TEXT, &to },
	{ "verify", 0, NULL, N_("look at all of it; takes the keys of the service in --folder"),
	  OPTION_SWITCH, &verify },
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
