/* SPDX-License-Identifier: Apache-2.0 */
#include "service/store-sqlite-log.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

enum { PAGES = 4000, BUSY_MS = 500 };

struct log_keeper {
	const char *path;
	pthread_mutex_t lock; /* all that follows */
	pthread_cond_t work;
	int pages, due; /* as they were told last; when there is something to do */
	bool started, ended;
	pthread_t thread;
};

/* A connection that sees the log, as one does that has read. */
static sqlite3 *open_log(const char *path)
{
	static const char sql[] = "PRAGMA synchronous = FULL; PRAGMA schema_version";
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK &&
	    sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
	    sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return db;
	sqlite3_close(db);
	return NULL;
}

static void *keep(void *arg)
{
	struct log_keeper *k = arg;
	sqlite3 *db = NULL;

	pthread_mutex_lock(&k->lock);
	while (!k->ended) {
		if (k->pages < k->due) {
			pthread_cond_wait(&k->work, &k->lock);
			continue;
		}
		k->due = k->pages + PAGES; /* what fails is tried again then */
		pthread_mutex_unlock(&k->lock);
		if (!db)
			db = open_log(k->path);
		if (db)
			(void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
							NULL);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	sqlite3_close(db);
	return NULL;
}

/* With all signals blocked: they are for the program's own threads. Locked. */
static void start(struct log_keeper *k)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	k->started = pthread_create(&k->thread, NULL, keep, k) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct log_keeper *log_keeper_new(const char *path)
{
	struct log_keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->path = path;
	k->due = PAGES;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->work, NULL);
	return k;
}

void log_keeper_tell(struct log_keeper *k, int pages)
{
	pthread_mutex_lock(&k->lock);
	if (pages < k->pages) /* it has begun anew */
		k->due = PAGES;
	k->pages = pages;
	if (pages >= k->due && !k->started)
		start(k);
	else if (pages >= k->due)
		pthread_cond_signal(&k->work);
	pthread_mutex_unlock(&k->lock);
}

void log_keeper_free(struct log_keeper **keeper)
{
	struct log_keeper *k = *keeper;

	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->ended = true;
	pthread_cond_signal(&k->work);
	pthread_mutex_unlock(&k->lock);
	if (k->started)
		pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->work);
	pthread_mutex_destroy(&k->lock);
	free(k);
	*keeper = NULL;
}
