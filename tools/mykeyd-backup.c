/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd backup: an encrypted copy of the database, made while it is in use. */
#include "service/backup.h"
#include "tools/mykeyd-desk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *out;
static struct text_list recipients;

/* The copy as it is in the folder meanwhile, where the database is in the clear as well. */
struct copy {
	char folder[PATH_MAX], path[PATH_MAX];
	struct backup_facts facts;
};

static void remove_copy(struct copy *c)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[PATH_MAX + 16];

	for (size_t i = 0; *c->folder && i < ARRAY_SIZE(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", c->path, ends[i]);
		(void)unlink(path);
	}
	if (*c->folder)
		(void)rmdir(c->folder);
}

static int make_folder(struct call *call, struct copy *c)
{
	char folder[PATH_MAX];
	int n = snprintf(folder, sizeof(folder), "%s/backup.XXXXXX", mykeyd_folder());

	if (n < 0 || (size_t)n >= sizeof(folder) - 8 || !mkdtemp(folder))
		return call_fail(call, FUDA_EFILE, _("%s cannot be written: %s"), mykeyd_folder(),
				 strerror(errno));
	snprintf(c->folder, sizeof(c->folder), "%s", folder);
	snprintf(c->path, sizeof(c->path), "%.*s/copy", (int)sizeof(c->path) - 8, folder);
	return 0;
}

/* Opened anew as a database of its own: it says of itself what it has. */
static int note(struct call *call, struct copy *c)
{
	struct store *store = NULL;
	char where[PATH_MAX + 8];
	int r;

	snprintf(where, sizeof(where), "sqlite:%s", c->path);
	r = store_open(call->ctx, where, false, &store);
	if (r == 0)
		r = backup_note(store, &c->facts);
	store_close(&store);
	return r;
}

static int report_file(struct call *call, const struct copy *c)
{
	struct report *rows = report_object(call->report, NULL, "rows", NULL);
	struct stat st;

	report_text(call->report, _("Written"), "file", out);
	if (stat(out, &st) == 0)
		report_number(call->report, _("Bytes"), "bytes", (long)st.st_size);
	desk_report_us(call->report, _("As of"), "at", c->facts.at);
	for (size_t i = 0; backup_tables[i]; i++)
		report_number(rows, NULL, backup_tables[i], (long)c->facts.found[i]);
	return 0;
}

static int make(struct call *call, struct desk *desk)
{
	_cleanup_(remove_copy) struct copy c = { 0 };
	int r = make_folder(call, &c);

	if (r == 0)
		r = store_copy(desk->store, c.path);
	if (r == 0)
		r = note(call, &c);
	if (r == 0)
		r = backup_seal(call->ctx, c.path, recipients.items, recipients.count, out);
	if (r == FUDA_EEXISTS)
		return call_fail(call, r,
				 _("%s is there already: name another file. Nothing was written."),
				 out);
	return r < 0 ? r : report_file(call, &c);
}

static int backup(struct call *call, struct desk *desk)
{
	int r;

	if (strcmp(store_kind(desk->store), "sqlite") != 0)
		return call_fail(call, FUDA_ENOTSUP,
				 _("PostgreSQL makes its own backups: pg_dump, pg_basebackup"));
	r = operator_may(&desk->by, ROLE_ADMIN, "backup", "backup");
	return r < 0 ? r : make(call, desk);
}

static int run(struct call *call)
{
	static const struct action action = { .word = "backup", .run = backup };
	int r = call_operands(call, 0, 0);

	if (r < 0)
		return r;
	if (!out || !recipients.count)
		return call_usage(call, _("-o FILE and --recipient FILE are needed: where to "
					  "write, "
					  "and the certificate of who will be able to read it"));
	if (recipients.count > BACKUP_RECIPIENTS)
		return call_usage(call, _("there are at most %d recipients"), BACKUP_RECIPIENTS);
	return desk_do(call, &action);
}

static const struct option_spec options[] = {
	{ "out", 'o', "FILE", N_("the new file"), OPTION_TEXT, &out },
	{ "recipient", 0, "FILE", N_("certificate (PEM) of who can open it; can be repeated"),
	  OPTION_LIST, &recipients },
	{ NULL },
};

const struct fuda_command command_mykeyd_backup = {
	.name = "backup",
	.summary = N_("copy the database, encrypted, while it is in use"),
	.synopsis = "-o FILE --recipient FILE",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
