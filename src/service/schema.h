/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, in the SQL that SQLite and PostgreSQL share; " WITHOUT ROWID" is for SQLite and taken
 * off for the other. */
#ifndef SERVICE_SCHEMA_H
#define SERVICE_SCHEMA_H

/* The statements of each version's step, NULL behind the last one; NULL behind the last version. */
extern const char *const *const schema_steps[];

#endif
