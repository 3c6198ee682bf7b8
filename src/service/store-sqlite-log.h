/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a database's write-ahead log into the database, beside the connection that writes: that
 * waits for the disk twice, and no commit should wait for it. */
#ifndef SERVICE_STORE_SQLITE_LOG_H
#define SERVICE_STORE_SQLITE_LOG_H

struct log_keeper;

/* Of the database at `path`, which must stay the caller's as long. NULL: no memory. */
struct log_keeper *log_keeper_new(const char *path);
/* The log has `pages` pages: behind each commit, which stands whatever comes of this. With every
 * 4,000 something is done, on a thread of its own, which begins with the first time. */
void log_keeper_tell(struct log_keeper *keeper, int pages);
/* Before the connection that wrote is closed. NULL does nothing. */
void log_keeper_free(struct log_keeper **keeper);

#endif
