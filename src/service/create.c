/* SPDX-License-Identifier: Apache-2.0 */
#include "service/create.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/context.h"
#include "base/file.h"
#include "service/operator.h"
#include "service/service.h"

enum {
	NAMES_MAX = 512,
	DATABASE_NAME = CONFIG_TEXT + 16,
	PEM_MAX = 65536,
	ALL_ROLES = ROLE_ADMIN | ROLE_REGISTRAR | ROLE_APPROVER | ROLE_AUDITOR
};

/* What was made so far, to be taken back. */
struct making {
	struct fuda_context *ctx;
	const struct service_create *what;
	struct config *config;
	int dir;            /* the folder */
	const char *path;   /* of it */
	char way[PATH_MAX]; /* the same without links, once it was looked at */
	struct stat owner;  /* of the folder, as it was */
	bool folder, files; /* made */
	bool taken;         /* the folder is root's until all is made */
	bool closed;        /* to others, whatever its mode was */
	bool database;      /* of SQLite, made */
	bool bound;         /* the database was bound to the keystore */
	bool done;
};

static int path_in(struct making *m, const char *name, char ret[CONFIG_TEXT])
{
	int n = snprintf(ret, CONFIG_TEXT, "%s/%s", m->path, name);

	return n < 0 || n >= CONFIG_TEXT ? ctx_fail_code(m->ctx, FUDA_ETOOBIG) : 0;
}

/* ---- the folder ---- */

static DIR *list(const struct making *m)
{
	int fd = openat(m->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool is_empty(const struct making *m)
{
	DIR *dir = list(m);
	struct dirent *e;
	bool empty = dir;

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			empty = false;
	if (dir)
		closedir(dir);
	return empty;
}

static int not_empty(struct making *m)
{
	return ctx_fail(m->ctx, FUDA_EEXISTS,
			_("%s is no empty folder. A service that is there already is "
			  "served with 'fuda-mykeyd serve --folder %s'."),
			m->what->folder, m->what->folder);
}

/* While root makes it nobody else can put anything into it, or links instead of what will be made
 * there. What it is called is another thing: check_way(). FUDA_EFILE (errno). */
static int take_folder(struct making *m)
{
	if (fstat(m->dir, &m->owner) < 0)
		return FUDA_EFILE;
	if (geteuid() == 0 && m->owner.st_uid != 0) {
		if (fchown(m->dir, 0, (gid_t)-1) < 0)
			return FUDA_EFILE;
		m->taken = true;
	}
	m->closed = fchmod(m->dir, 0700) == 0;
	return m->closed ? 0 : FUDA_EFILE;
}

/* Nobody but root can put another in the place of what root has in it. */
static bool is_roots(const char *path, struct stat *ret)
{
	return lstat(path, ret) == 0 && S_ISDIR(ret->st_mode) && ret->st_uid == 0 &&
	       (!(ret->st_mode & (S_IWGRP | S_IWOTH)) || (ret->st_mode & S_ISVTX));
}

/* Whether `way` leads to the folder for as long as root wants it to. From the top: what was looked
 * at stays. `ret_at`: how far it was looked. */
static bool is_roots_way(const struct making *m, const char *way, char ret_at[PATH_MAX])
{
	struct stat own, st;
	size_t len = 0;
	bool good;

	snprintf(ret_at, PATH_MAX, "/");
	good = is_roots(ret_at, &st);
	while (good && way[len]) {
		len += 1 + strcspn(way + len + 1, "/");
		snprintf(ret_at, PATH_MAX, "%.*s", (int)len, way);
		good = is_roots(ret_at, &st);
	}
	return good && fstat(m->dir, &own) == 0 && own.st_dev == st.st_dev &&
	       own.st_ino == st.st_ino;
}

/* What is in the folder is made by its name: who can write above a folder of his, or has a link on
 * the way to it, would have root make keys elsewhere. */
static int check_way(struct making *m)
{
	char at[PATH_MAX];

	if (!realpath(m->what->folder, m->way))
		return ctx_fail(m->ctx, FUDA_EFILE, _("The folder %s cannot be found again: %s."),
				m->what->folder, strerror(errno));
	if (!is_roots_way(m, m->way, at))
		return ctx_fail(m->ctx, FUDA_EFILE,
				_("Root makes nothing in %s, a folder of somebody else's, for "
				  "others can change the way to it, at %s. Make the folder where "
				  "only root can, as in /var/lib, or run init as the user whose "
				  "it is."),
				m->what->folder, at);
	m->path = m->way;
	return 0;
}

static int make_folder(struct making *m)
{
	const char *folder = m->what->folder;
	int e;

	m->folder = mkdir(folder, 0700) == 0;
	if (!m->folder && errno != EEXIST)
		return ctx_fail(m->ctx, FUDA_EFILE, _("The folder %s cannot be made: %s."), folder,
				strerror(errno));
	m->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir < 0 ? errno == ENOTDIR : !is_empty(m))
		return not_empty(m);
	if (m->dir < 0 || take_folder(m) < 0)
		return ctx_fail(m->ctx, FUDA_EFILE, _("The folder %s is somebody else's: %s."),
				folder, strerror(errno));
	e = m->taken ? check_way(m) : 0;
	if (e < 0)
		return e;
	/* what came before it was taken */
	m->files = is_empty(m);
	return m->files ? 0 : not_empty(m);
}

static void remove_files(const struct making *m)
{
	DIR *dir = list(m);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		(void)unlinkat(m->dir, e->d_name, 0);
	if (dir)
		closedir(dir);
}

/* FUDA_EFILE (errno) */
static int give_folder(struct making *m)
{
	if (m->taken && fchown(m->dir, m->owner.st_uid, (gid_t)-1) < 0)
		return FUDA_EFILE;
	m->taken = false;
	return 0;
}

static int write_file(struct making *m, const char *path, const struct fuda_buf *text)
{
	int e = config_write_private(path, text->data, text->len, false);

	return e < 0 ? ctx_fail(m->ctx, e, _("%s cannot be written: %s."), path, strerror(errno)) :
		       0;
}

/* ---- its files ---- */

static int make_configuration(struct making *m)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(PEM_MAX);
	char path[CONFIG_TEXT];
	int e = service_config_print(m->what->given, m->what->from, &text);

	if (e < 0)
		return ctx_fail_code(m->ctx, e);
	e = path_in(m, CONFIG_FILE, path);
	if (e == 0)
		e = write_file(m, path, &text);
	return e < 0 ? e : service_config_read(m->ctx, m->path, m->config);
}

/* The host of the origin without its brackets, and what this machine calls itself. */
static void standard_names(const struct config *config, char ret[NAMES_MAX])
{
	const char *host = config->origin + strlen("https://");
	bool brackets = *host == '[';
	size_t len = brackets ? strcspn(host, "]") - 1 : strcspn(host, ":");
	static const char *const ours[] = { "localhost", "127.0.0.1", "::1" };
	size_t at;

	host += brackets;
	at = (size_t)snprintf(ret, NAMES_MAX, "%.*s", (int)len, host);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (strlen(ours[i]) != len || memcmp(ours[i], host, len) != 0)
			at += (size_t)snprintf(ret + at, NAMES_MAX - at, ",%s", ours[i]);
}

static void free_ca(struct ca **ca)
{
	ca_free(ca);
}

/* Who names a certificate for TLS, or its key, has one. */
static bool has_certificate(const struct making *m)
{
	for (const struct config_given *g = m->what->given; g->key; g++)
		if (strcmp(g->key, "tls_certificate") == 0 || strcmp(g->key, "tls_key") == 0)
			return true;
	return false;
}

static int make_authority(struct making *m)
{
	_cleanup_buf_ struct fuda_buf certificate = FUDA_BUF_INIT(PEM_MAX),
				      key = FUDA_BUF_INIT(PEM_MAX);
	_cleanup_(free_ca) struct ca *ca = NULL;
	char names[NAMES_MAX];
	int e = ca_create(m->ctx, m->path, m->config->environment);

	if (e < 0 || has_certificate(m))
		return e;
	e = ca_open(m->ctx, m->path, &ca);
	standard_names(m->config, names);
	if (e == 0)
		e = ca_issue_server(m->ctx, ca, m->what->names ? m->what->names : names,
				    CREATE_SERVER_DAYS, &certificate, &key);
	if (e == 0)
		e = write_file(m, m->config->tls_certificate, &certificate);
	return e < 0 ? e : write_file(m, m->config->tls_key, &key);
}

/* ---- its database ---- */

static void close_store(struct store **store)
{
	store_close(store);
}

static void free_keys(struct keys **keys)
{
	keys_free(keys);
}

/* NULL: it is no file. */
static const char *database_file(const struct making *m)
{
	static const char sqlite[] = "sqlite:";
	const char *path = m->config->database + sizeof(sqlite) - 1;

	return strncmp(m->config->database, sqlite, sizeof(sqlite) - 1) == 0 ? path : NULL;
}

/* What SQLite makes of one, itself first; what it finds beside a new one it takes for its own. */
static const char *const database_ends[] = { "", "-wal", "-shm", "-journal" };

static void database_name(const struct making *m, size_t i, char ret[DATABASE_NAME])
{
	snprintf(ret, DATABASE_NAME, "%s%s", database_file(m), database_ends[i]);
}

static void remove_database(const struct making *m)
{
	char path[DATABASE_NAME];

	for (size_t i = 0; i < ARRAY_SIZE(database_ends); i++) {
		database_name(m, i, path);
		(void)unlink(path);
	}
}

static int is_there(struct making *m, const char *path)
{
	return ctx_fail(m->ctx, FUDA_EEXISTS,
			_("%s is there already: a new service makes a database of its own. Name "
			  "another file."),
			path);
}

/* Never one that is there, nor one that a link leads to: that could be anybody's. SQLite then opens
 * it by its name: the folder that it is in must not be another's, who could put something else in
 * its place in between. */
static int make_file(struct making *m, const char *path)
{
	char beside[DATABASE_NAME];
	struct stat st;
	int fd;

	for (size_t i = 1; i < ARRAY_SIZE(database_ends); i++) {
		database_name(m, i, beside);
		if (lstat(beside, &st) == 0)
			return is_there(m, beside);
	}
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return is_there(m, path);
	if (fd < 0)
		return ctx_fail(m->ctx, FUDA_ESTORE, _("%s cannot be made: %s."), path,
				strerror(errno));
	close(fd);
	m->database = true;
	return 0;
}

static int make_database(struct making *m)
{
	_cleanup_(close_store) struct store *store = NULL;
	_cleanup_(free_keys) struct keys *keys = NULL;
	const char *file = database_file(m);
	int e = keys_create(m->ctx, m->path);

	if (e == 0)
		e = keys_open(m->ctx, m->path, &keys);
	if (e == 0 && file)
		e = make_file(m, file);
	if (e == 0)
		e = store_open(m->ctx, m->config->database, true, &store);
	if (e < 0)
		return e;
	e = service_prepare(m->ctx, store, keys, m->config->environment);
	m->bound = e == 0;
	return e;
}

/* Nobody could ever serve it when the keystore is gone again. That of an environment is of no use
 * without the other. */
static void unbind(struct making *m)
{
	static const struct statement keystore = { "DELETE FROM setting WHERE name = $1 AND "
						   "value = $2",
						   2 },
				      environment = { "DELETE FROM setting WHERE name = $1", 1 };
	_cleanup_(close_store) struct store *store = NULL;
	_cleanup_(free_keys) struct keys *keys = NULL;
	uint8_t identity[ID_BYTES];
	int e;

	if (keys_open(m->ctx, m->path, &keys) < 0 ||
	    store_open(m->ctx, m->config->database, false, &store) < 0 ||
	    store_begin(store, true) < 0)
		return;
	keys_identity(keys, identity);
	e = store_run(store, &keystore,
		      (struct datum[]){ TEXT(SETTING_KEYSTORE), BYTES(identity, ID_BYTES) }, NULL);
	if (e == 0)
		e = store_run(store, &environment, (struct datum[]){ TEXT(SETTING_ENVIRONMENT) },
			      NULL);
	if (e == 0)
		(void)store_commit(store);
	else
		store_rollback(store);
}

static void close_service(struct service **service)
{
	service_close(service);
}

static int make_operator(struct making *m)
{
	_cleanup_(close_service) struct service *service = NULL;
	struct acting by;
	int e = service_open(m->ctx, m->path, false, &service);

	if (e == 0)
		e = acting_self(m->ctx, service, &by);
	if (e == 0)
		e = operator_add(&by, by.operator, ALL_ROLES);
	/* the first thing that anybody did */
	return e < 0 ? e : operator_may(&by, ROLE_ADMIN, "init", "init");
}

/* ---- whose it is ---- */

/* FUDA_EFILE (errno) */
static int give_file(const struct making *m, const char *name)
{
	int fd = openat(m->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), e = 0, why;
	struct stat st;

	if (fd < 0)
		return FUDA_EFILE;
	if (fstat(fd, &st) < 0)
		e = FUDA_EFILE;
	else if (S_ISREG(st.st_mode))
		e = file_give(fd, &m->owner);
	why = errno;
	close(fd);
	errno = why;
	return e;
}

/* What is in the folder is what was made since it was taken. FUDA_EFILE (errno). */
static int give_files(const struct making *m)
{
	DIR *dir = list(m);
	struct dirent *e;
	int r = 0, why;

	if (!dir)
		return FUDA_EFILE;
	do {
		errno = 0;
		e = readdir(dir);
		r = e ? give_file(m, e->d_name) : errno ? FUDA_EFILE : 0;
	} while (e && r == 0);
	why = errno;
	closedir(dir);
	errno = why;
	return r;
}

/* Root makes it for whom the folder was made, as which it will be served. */
static int give_back(struct making *m)
{
	int r = m->taken ? give_files(m) : 0;

	if (r == 0)
		r = give_folder(m);
	return r < 0 ? ctx_fail(m->ctx, r, _("The files in %s cannot be given to its owner: %s."),
				m->what->folder, strerror(errno)) :
		       0;
}

/* ---- all ---- */

static void take_back(struct making *m)
{
	bool kept = ctx_keep_error(m->ctx, true);

	if (m->database)
		remove_database(m);
	else if (m->bound)
		unbind(m);
	if (m->files)
		remove_files(m);
	if (m->closed)
		(void)fchmod(m->dir, m->owner.st_mode & 07777);
	(void)give_folder(m);
	if (m->folder)
		(void)rmdir(m->what->folder);
	ctx_keep_error(m->ctx, kept);
}

static void end(struct making *m)
{
	if (!m->done)
		take_back(m);
	if (m->dir >= 0)
		close(m->dir);
}

static void free_config(struct config **config)
{
	free(*config);
}

int service_create(struct fuda_context *ctx, const struct service_create *what)
{
	_cleanup_(free_config) struct config *config = malloc(sizeof(*config));
	_cleanup_(end) struct making m = {
		.ctx = ctx, .what = what, .config = config, .path = what->folder, .dir = -1
	};
	int e;

	if (!config)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	e = service_config_check(ctx, what->given, what->from);
	if (e == 0)
		e = make_folder(&m);
	if (e == 0)
		e = make_configuration(&m);
	if (e == 0)
		e = service_check_files(ctx, config);
	if (e == 0)
		e = make_authority(&m);
	if (e == 0)
		e = make_database(&m);
	if (e == 0)
		e = make_operator(&m);
	if (e == 0)
		e = give_back(&m);
	m.done = e == 0;
	return e;
}
