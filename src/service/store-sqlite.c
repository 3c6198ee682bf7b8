/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite: what is queued happens at once. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/deadline.h"
#include "service/store-inside.h"
#include "service/store-sqlite-log.h"

enum {
	BUSY_MS = 5000,  /* for a lock */
	COPY_MS = 30000, /* for the lock under which a copy begins */
	COPY_STEP_MS = 50,
	/* of the write-ahead log: with so many, 32 MiB, it begins anew; others who write wait for
	 * that, and we, so long, for those who read */
	WAL_MANY = 8000,
	WAL_RESTART_MS = 500,
};

struct sqlite {
	struct store store;
	sqlite3 *db;
	char *path;
	bool write;             /* what the transaction may do */
	bool hasty;             /* it does not wait to begin */
	sqlite3_stmt *begin[2]; /* to read, to write */
	sqlite3_stmt *commit;
	struct log_keeper *log;
};

static struct sqlite *of(struct store *store)
{
	return (struct sqlite *)store;
}

/* ---- what failed ---- */

/* By primary result code; %s: the path. */
static const struct {
	int code, result;
	const char *text;
} failures[] = {
	{ SQLITE_BUSY, FUDA_ERETRY,
	  N_("The database %s is in use by another program; try again.") },
	{ SQLITE_LOCKED, FUDA_ERETRY,
	  N_("The database %s is in use by another program; try again.") },
	{ SQLITE_NOMEM, FUDA_ENOMEM, N_("Out of memory at the database %s.") },
	{ SQLITE_TOOBIG, FUDA_ETOOBIG, N_("A value is too long for the database %s.") },
	{ SQLITE_FULL, FUDA_ESTORE,
	  N_("There is no room for the database %s: make room on its disk.") },
	{ SQLITE_READONLY, FUDA_ESTORE,
	  N_("The database %s may not be written to: look at the permissions of the file and of "
	     "its "
	     "folder.") },
	{ SQLITE_PERM, FUDA_ESTORE,
	  N_("The database %s may not be used: look at the permissions of the file.") },
	{ SQLITE_CANTOPEN, FUDA_ESTORE,
	  N_("The database %s cannot be opened: look whether it is there, and at the permissions "
	     "of "
	     "the file and of its folder.") },
	{ SQLITE_NOTADB, FUDA_ESTORE,
	  N_("%s is no database, or damaged: put the last backup in its place.") },
	{ SQLITE_CORRUPT, FUDA_ESTORE,
	  N_("The database %s is damaged: stop the service and put the last backup in its "
	     "place.") },
	{ SQLITE_IOERR, FUDA_ESTORE,
	  N_("The database %s cannot be read or written: look at its disk, and whether that is "
	     "full.") },
};

/* SQLite's own texts name tables and columns, and no values. */
static int db_fail(struct fuda_context *ctx, sqlite3 *db, const char *path, int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].code == (code & 0xFF))
			return ctx_fail(ctx, failures[i].result, _(failures[i].text), path);
	return ctx_fail(ctx, FUDA_ESTORE, _("The database %s refused: %s."), path,
			db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

static int lite_fail(struct sqlite *s, int code)
{
	return db_fail(s->store.ctx, s->db, s->path, code);
}

/* ---- opening ---- */

/* An empty file that only its owner may read, whatever the umask allows; SQLite's other files take
 * after it. A file that is there is not opened: closing it would end the locks that other
 * connections of this process have on it (POSIX 1003.1, fcntl). */
static int make_file(struct fuda_context *ctx, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return errno == EEXIST ? FUDA_EEXISTS :
					 ctx_fail(ctx, FUDA_ESTORE, _("%s cannot be made: %s."),
						  path, strerror(errno));
	close(fd);
	return 0;
}

/* Every commit is on the disk before it is told of: FULL. */
static const char *const settings[] = {
	"PRAGMA foreign_keys = ON",
	"PRAGMA trusted_schema = OFF",
	"PRAGMA cell_size_check = ON",
	"PRAGMA temp_store = MEMORY",
	"PRAGMA cache_size = -16384",
	"PRAGMA synchronous = FULL",
	"PRAGMA journal_size_limit = 67108864",
};

static int set_wal(struct sqlite *s)
{
	sqlite3_stmt *stmt = NULL;
	bool wal = false;
	int code = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		const char *mode = (const char *)sqlite3_column_text(stmt, 0);

		wal = mode && strcmp(mode, "wal") == 0;
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	if (code != SQLITE_OK)
		return lite_fail(s, code);
	return wal ? 0 :
		     ctx_fail(s->store.ctx, FUDA_ESTORE,
			      _("The database %s can have no write-ahead log where it is: put it "
				"on a "
				"local disk."),
			      s->path);
}

/* Behind each commit, which stands whatever comes of this: what failed is done at the next one.
 * While somebody always reads, or always writes, there is no moment at which the log could begin
 * anew, and it would grow for as long as they do: then it is we who wait. */
static int tend_log(void *own, sqlite3 *db, const char *name, int pages)
{
	struct sqlite *s = own;

	log_keeper_tell(s->log, pages);
	if (pages < WAL_MANY)
		return SQLITE_OK;
	sqlite3_busy_timeout(db, WAL_RESTART_MS);
	(void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	sqlite3_busy_timeout(db, BUSY_MS);
	return SQLITE_OK;
}

static int prepare(struct sqlite *s, const char *sql, sqlite3_stmt **ret)
{
	int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

	return code == SQLITE_OK ? 0 : lite_fail(s, code);
}

static int configure(struct sqlite *s)
{
	int r = 0;

	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 2 * STORE_ROWS_BYTES);
	sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
	if (sqlite3_db_readonly(s->db, "main") != 0)
		return lite_fail(s, SQLITE_READONLY);
	r = set_wal(s);
	for (size_t i = 0; i < ARRAY_SIZE(settings) && r == 0; i++) {
		int code = sqlite3_exec(s->db, settings[i], NULL, NULL, NULL);

		r = code == SQLITE_OK ? 0 : lite_fail(s, code);
	}
	s->log = log_keeper_new(s->path);
	if (r == 0 && !s->log)
		r = ctx_fail_code(s->store.ctx, FUDA_ENOMEM);
	sqlite3_wal_hook(s->db, tend_log, s);
	if (r == 0)
		r = prepare(s, "BEGIN", &s->begin[false]);
	if (r == 0)
		r = prepare(s, "BEGIN IMMEDIATE", &s->begin[true]);
	return r < 0 ? r : prepare(s, "COMMIT", &s->commit);
}

static void lite_close(struct store *store)
{
	struct sqlite *s = of(store);

	log_keeper_free(&s->log);
	sqlite3_finalize(s->begin[false]);
	sqlite3_finalize(s->begin[true]);
	sqlite3_finalize(s->commit);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

static int open_path(struct sqlite *s, bool make)
{
	int code, r = make ? make_file(s->store.ctx, s->path) : 0;
	struct stat st;

	if (r < 0 && r != FUDA_EEXISTS)
		return r;
	/* SQLite would make do with a device */
	if (stat(s->path, &st) == 0 && !S_ISREG(st.st_mode))
		return ctx_fail(s->store.ctx, FUDA_ESTORE, _("%s is not a regular file."), s->path);
	code = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	return code == SQLITE_OK ? configure(s) : lite_fail(s, code);
}

static int lite_open(struct fuda_context *ctx, const char *where, bool make, struct store **ret)
{
	const char *path = where + strlen("sqlite:");
	struct sqlite *s;
	int r;

	if (!*path)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("Behind \"sqlite:\" stands the path of the database."));
	s = calloc(1, sizeof(*s));
	/* a relative one must not look like ":memory:" */
	if (!s || asprintf(&s->path, "%s%s", *path == '/' ? "" : "./", path) < 0) {
		free(s);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	s->store.ctx = ctx;
	r = open_path(s, make);
	if (r < 0) {
		lite_close(&s->store);
		return r;
	}
	*ret = &s->store;
	return 0;
}

/* ---- transactions ---- */

static int once(struct sqlite *s, sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return code == SQLITE_DONE ? 0 : lite_fail(s, code);
}

static int lite_begin(struct store *store, bool write)
{
	struct sqlite *s = of(store);
	int r;

	s->write = write;
	if (s->hasty)
		sqlite3_busy_timeout(s->db, 0);
	r = once(s, s->begin[write]);
	if (s->hasty)
		sqlite3_busy_timeout(s->db, BUSY_MS);
	return r;
}

static void lite_patient(struct store *store, bool patient)
{
	of(store)->hasty = !patient;
}

/* All of it may be in the log's file when the disk does not confirm it, or what comes behind that
 * fails: not for those who read now, but for who opens the database after a crash. */
static int lite_commit(struct store *store)
{
	struct sqlite *s = of(store);
	int r = once(s, s->commit), code = sqlite3_extended_errcode(s->db);

	if (r == 0 || (code & 0xFF) != SQLITE_IOERR || code == SQLITE_IOERR_WRITE)
		return r;
	return ctx_fail(store->ctx, FUDA_EUNSURE,
			_("The disk of the database %s failed while a change was made; whether it "
			  "was made is not known."),
			s->path);
}

/* Where there was no room SQLite may have done so itself. */
static void lite_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(of(store)->db))
		sqlite3_exec(of(store)->db, "ROLLBACK", NULL, NULL, NULL);
}

static int lite_sync(struct store *store)
{
	(void)store;
	return 0;
}

/* ---- statements ---- */

/* SQLite numbers parameters as they come, and would mix up $2 that comes before $1. */
static bool in_order(sqlite3_stmt *stmt, int params)
{
	if (sqlite3_bind_parameter_count(stmt) != params)
		return false;
	for (int i = 1; i <= params; i++) {
		const char *name = sqlite3_bind_parameter_name(stmt, i);
		char want[16];

		snprintf(want, sizeof(want), "$%d", i);
		if (!name || strcmp(name, want) != 0)
			return false;
	}
	return true;
}

static int find(struct sqlite *s, const struct statement *statement, sqlite3_stmt **ret)
{
	struct prepared *p;
	sqlite3_stmt *stmt;
	int r = store_prepared(&s->store, statement, &p);

	if (r == 0 && !p->made) {
		r = prepare(s, statement->sql, &stmt);
		if (r == 0 && !in_order(stmt, statement->params)) {
			sqlite3_finalize(stmt);
			r = ctx_fail_code(s->store.ctx, FUDA_EINVAL);
		}
		if (r == 0)
			p->made = stmt;
	}
	if (r == 0)
		*ret = p->made;
	return r;
}

static int bind(sqlite3_stmt *stmt, int index, const struct datum *value)
{
	switch (value->kind) {
	case DATUM_INT:
		return sqlite3_bind_int64(stmt, index, value->number);
	case DATUM_BYTES: /* without an address it would be NULL */
		return sqlite3_bind_blob64(stmt, index, value->len ? value->bytes : "", value->len,
					   SQLITE_STATIC);
	case DATUM_TEXT:
		return sqlite3_bind_text64(stmt, index, value->len ? value->bytes : "", value->len,
					   SQLITE_STATIC, SQLITE_UTF8);
	case DATUM_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, index);
}

static bool value_at(sqlite3_stmt *stmt, int column, struct datum *ret)
{
	*ret = NONE;
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
		*ret = INT(sqlite3_column_int64(stmt, column));
		return true;
	case SQLITE_BLOB:
		ret->kind = DATUM_BYTES;
		ret->bytes = sqlite3_column_blob(stmt, column);
		break;
	case SQLITE_TEXT:
		ret->kind = DATUM_TEXT;
		ret->bytes = sqlite3_column_text(stmt, column);
		break;
	case SQLITE_NULL:
		return true;
	default: /* we have no fractions */
		return false;
	}
	ret->len = (size_t)sqlite3_column_bytes(stmt, column);
	return ret->bytes || !ret->len;
}

static int take_row(struct sqlite *s, sqlite3_stmt *stmt, struct rows *rows)
{
	struct datum row[STORE_COLUMNS];
	int r;

	for (size_t i = 0; i < rows->columns; i++)
		if (!value_at(stmt, (int)i, &row[i]))
			return ctx_fail(s->store.ctx, FUDA_ESTORE,
					_("The database %s gave a value of an unknown kind."),
					s->path);
	r = rows_add(rows, row);
	return r < 0 ? rows_fail(s->store.ctx, r) : 0;
}

static int take(struct sqlite *s, sqlite3_stmt *stmt, struct rows *ret)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int64_t before = sqlite3_total_changes(s->db);
	int code = SQLITE_DONE, r = rows_start(&rows, (size_t)sqlite3_column_count(stmt));

	if (r < 0)
		return rows_fail(s->store.ctx, r);
	while (r == 0 && (code = sqlite3_step(stmt)) == SQLITE_ROW)
		if (ret)
			r = take_row(s, stmt, &rows);
	if (r < 0)
		return r;
	if (code != SQLITE_DONE)
		return lite_fail(s, code);
	if (ret) {
		*ret = rows;
		ret->changed = sqlite3_total_changes(s->db) - before;
		rows = (struct rows){ 0 };
	}
	return 0;
}

static int lite_queue(struct store *store, const struct statement *statement,
		      const struct datum *params, struct rows *ret)
{
	struct sqlite *s = of(store);
	sqlite3_stmt *stmt = NULL;
	int code = SQLITE_OK, r = find(s, statement, &stmt);

	if (r < 0)
		return r;
	if (!s->write && !sqlite3_stmt_readonly(stmt))
		return ctx_fail_code(store->ctx, FUDA_EINVAL);
	for (int i = 0; i < statement->params && code == SQLITE_OK; i++)
		code = bind(stmt, i + 1, &params[i]);
	r = code == SQLITE_OK ? take(s, stmt, ret) : lite_fail(s, code);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return r;
}

static int lite_execute(struct store *store, const char *sql)
{
	int code = sqlite3_exec(of(store)->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : lite_fail(of(store), code);
}

static void lite_forget(struct store *store, void *made)
{
	(void)store;
	sqlite3_finalize(made);
}

/* ---- a copy ---- */

/* All pages in one step, which is one reading transaction: writers go on meanwhile. */
static int copy_pages(struct sqlite *s, sqlite3 *to, const char *path)
{
	int64_t end = deadline_now() + COPY_MS;
	sqlite3_backup *backup;
	int code;

	sqlite3_extended_result_codes(to, 1);
	sqlite3_exec(to, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	backup = sqlite3_backup_init(to, "main", s->db, "main");
	if (!backup)
		return db_fail(s->store.ctx, to, path, sqlite3_extended_errcode(to));
	while ((code = sqlite3_backup_step(backup, -1)) != SQLITE_DONE) {
		if ((code & 0xFF) != SQLITE_BUSY && (code & 0xFF) != SQLITE_LOCKED)
			break;
		if (deadline_now() >= end)
			break;
		sqlite3_sleep(COPY_STEP_MS);
	}
	sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE)
		return 0;
	/* which of the two it was is not said; a damaged one can only be ours */
	if ((code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB)
		return lite_fail(s, code);
	return db_fail(s->store.ctx, NULL, path, code);
}

static int lite_copy(struct store *store, const char *path)
{
	struct sqlite *s = of(store);
	sqlite3 *to = NULL;
	int code, r = make_file(store->ctx, path);

	if (r == FUDA_EEXISTS)
		return ctx_fail(store->ctx, r, _("%s is there already."), path);
	if (r < 0)
		return r;
	code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	r = code == SQLITE_OK ? copy_pages(s, to, path) : db_fail(store->ctx, to, path, code);
	code = sqlite3_close(to);
	if (r == 0 && code != SQLITE_OK)
		r = db_fail(store->ctx, NULL, path, code);
	if (r < 0)
		(void)unlink(path);
	return r;
}

const struct store_driver store_sqlite = {
	.kind = "sqlite",
	.rowids = true,
	.open = lite_open,
	.close = lite_close,
	.begin = lite_begin,
	.patient = lite_patient,
	.commit = lite_commit,
	.rollback = lite_rollback,
	.queue = lite_queue,
	.execute = lite_execute,
	.sync = lite_sync,
	.forget = lite_forget,
	.copy = lite_copy,
	.has_schema = { "SELECT count(*) FROM sqlite_master"
			" WHERE type = 'table' AND name = 'schema_version'",
			0 },
	.size = { "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", 0 },
};
