/* SPDX-License-Identifier: Apache-2.0 */
#include "service/create.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
	PEM_MAX = 65536,
	ALL_ROLES = ROLE_ADMIN | ROLE_REGISTRAR | ROLE_APPROVER | ROLE_AUDITOR
};

/* What was made so far, to be taken back. */
struct making {
	struct fuda_context *ctx;
	const struct service_create *what;
	struct config *config;
	bool folder, files; /* made */
	bool database;      /* of SQLite, made */
	bool bound;         /* the database was bound to the keystore */
	bool done;
};

static int path_in(struct making *m, const char *name, char ret[CONFIG_TEXT])
{
	int n = snprintf(ret, CONFIG_TEXT, "%s/%s", m->what->folder, name);

	return n < 0 || n >= CONFIG_TEXT ? ctx_fail_code(m->ctx, FUDA_ETOOBIG) : 0;
}

/* ---- the folder ---- */

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool empty = dir;

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			empty = false;
	if (dir)
		closedir(dir);
	return empty;
}

static int make_folder(struct making *m)
{
	const char *folder = m->what->folder;

	m->folder = mkdir(folder, 0700) == 0;
	if (!m->folder && errno != EEXIST)
		return ctx_fail(m->ctx, FUDA_EFILE, _("The folder %s cannot be made: %s."), folder,
				strerror(errno));
	if (!m->folder && !is_empty(folder))
		return ctx_fail(m->ctx, FUDA_EEXISTS,
				_("%s is no empty folder. A service that is there already is "
				  "served with 'fuda-mykeyd serve --folder %s'."),
				folder, folder);
	if (chmod(folder, 0700) < 0)
		return ctx_fail(m->ctx, FUDA_EFILE, _("The folder %s is somebody else's: %s."),
				folder, strerror(errno));
	m->files = true;
	return 0;
}

static void remove_files(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
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
	return e < 0 ? e : service_config_read(m->ctx, m->what->folder, m->config);
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
	int e = ca_create(m->ctx, m->what->folder, m->config->environment);

	if (e < 0 || has_certificate(m))
		return e;
	e = ca_open(m->ctx, m->what->folder, &ca);
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

static void remove_database(const struct making *m)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[CONFIG_TEXT + 8];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", database_file(m), ends[i]);
		(void)unlink(path);
	}
}

static int make_database(struct making *m)
{
	_cleanup_(close_store) struct store *store = NULL;
	_cleanup_(free_keys) struct keys *keys = NULL;
	const char *file = database_file(m);
	bool fresh = file && access(file, F_OK) < 0 && errno == ENOENT;
	int e = keys_create(m->ctx, m->what->folder);

	if (e == 0)
		e = keys_open(m->ctx, m->what->folder, &keys);
	if (e == 0)
		e = store_open(m->ctx, m->config->database, true, &store);
	if (e < 0)
		return e;
	m->database = fresh;
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

	if (keys_open(m->ctx, m->what->folder, &keys) < 0 ||
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
	int e = service_open(m->ctx, m->what->folder, false, &service);

	if (e == 0)
		e = acting_self(m->ctx, service, &by);
	if (e == 0)
		e = operator_add(&by, by.operator, ALL_ROLES);
	/* the first thing that anybody did */
	return e < 0 ? e : operator_may(&by, ROLE_ADMIN, "init", "init");
}

/* ---- whose it is ---- */

/* Whoever owns the folder may put names there; what they are of must be what root made. */
static int give_file(int folder, const char *name, const struct stat *owner)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), e = 0;
	struct stat st;

	if (fd < 0)
		return FUDA_EFILE;
	if (fstat(fd, &st) < 0)
		e = FUDA_EFILE;
	else if (S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == 0)
		e = file_give(fd, owner);
	close(fd);
	return e;
}

/* Root makes it for whom the folder was made, as which it will be served. */
static int give_files(struct making *m)
{
	DIR *dir = geteuid() == 0 ? opendir(m->what->folder) : NULL;
	struct stat owner;
	struct dirent *e;
	int r = 0;

	if (!dir)
		return 0;
	if (fstat(dirfd(dir), &owner) < 0)
		r = FUDA_EFILE;
	while (r == 0 && owner.st_uid != 0 && (e = readdir(dir)))
		r = give_file(dirfd(dir), e->d_name, &owner);
	closedir(dir);
	return r < 0 ? ctx_fail(m->ctx, r, _("The files in %s cannot be given to its owner: %s."),
				m->what->folder, strerror(errno)) :
		       0;
}

/* ---- all ---- */

static void take_back(struct making *m)
{
	bool kept;

	if (m->done)
		return;
	kept = ctx_keep_error(m->ctx, true);
	if (m->database)
		remove_database(m);
	else if (m->bound)
		unbind(m);
	if (m->files)
		remove_files(m->what->folder);
	if (m->folder)
		(void)rmdir(m->what->folder);
	ctx_keep_error(m->ctx, kept);
}

static void free_config(struct config **config)
{
	free(*config);
}

int service_create(struct fuda_context *ctx, const struct service_create *what)
{
	_cleanup_(free_config) struct config *config = malloc(sizeof(*config));
	_cleanup_(take_back) struct making m = { .ctx = ctx, .what = what, .config = config };
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
		e = give_files(&m);
	m.done = e == 0;
	return e;
}
