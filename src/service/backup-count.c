/* SPDX-License-Identifier: Apache-2.0 */
/* What a copy of the database says of itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "service/backup.h"
#include "service/id.h"

enum { NOTE = 24 * (BACKUP_COUNTS + 2) };

/* All but `setting`, where the counts are noted. */
#define TABLES(X)                                                                                  \
	X(org) X(operator) X(sector) X(terminal) X(terminal_sector) X(enrol_code) X(certificate)   \
	X(crl) X(approval) X(subject) X(credential) X(mykey) X(wish) X(link) X(tap) X(idem)        \
	X(used_nonce) X(audit) X(audit_pruned) X(audit_checkpoint)
#define NAME(table)  #table,
#define COUNT(table) { "SELECT count(*) FROM " #table, 0 },

const char *const backup_tables[BACKUP_COUNTS + 1] = { TABLES(NAME) NULL };
static const struct statement sql_counts[BACKUP_COUNTS] = { TABLES(COUNT) };
static const struct statement sql_forget = { "DELETE FROM setting WHERE name = 'backup'", 0 };
static const struct statement sql_note = { "INSERT INTO setting (name, value) VALUES ('backup', "
					   "$1)",
					   1 };
static const struct statement sql_noted = { "SELECT value FROM setting WHERE name = 'backup'", 0 };
static const struct statement sql_integrity = { "PRAGMA integrity_check", 0 };
static const struct statement sql_references = { "PRAGMA foreign_key_check", 0 };
/* What the tables do not declare: of subjects and sectors as that costs each bind; operators,
 * terminals, their codes and credentials stay for good. Of two holders who were joined one does
 * not, so that who approved of it names somebody who is gone. */
static const struct statement sql_undeclared = {
	"SELECT 1 FROM (SELECT subject FROM credential UNION SELECT subject FROM mykey UNION"
	" SELECT subject FROM wish UNION SELECT subject FROM link UNION SELECT subject FROM tap)"
	" AS s WHERE s.subject NOT IN (SELECT id FROM subject)"
	" UNION ALL SELECT 1 FROM link WHERE sector NOT IN (SELECT id FROM sector)"
	" UNION ALL SELECT 1 FROM credential WHERE supersedes IS NOT NULL"
	" AND supersedes NOT IN (SELECT id FROM credential)"
	" UNION ALL SELECT 1 FROM approval WHERE operator NOT IN (SELECT id FROM operator)"
	" UNION ALL SELECT 1 FROM approval WHERE decision NOT LIKE 'join%'"
	" AND object NOT IN (SELECT id FROM terminal)"
	" UNION ALL SELECT 1 FROM terminal WHERE code_hash NOT IN (SELECT hash FROM enrol_code)"
	" UNION ALL SELECT 1 FROM enrol_code WHERE used_by IS NOT NULL"
	" AND used_by NOT IN (SELECT id FROM terminal)"
	/* the ids in `sectors`, one behind the other */
	" UNION ALL SELECT 1 FROM enrol_code, (WITH RECURSIVE step(at) AS (SELECT 1 UNION ALL"
	" SELECT at + 16 FROM step WHERE at + 16 <= (SELECT max(length(sectors)) FROM enrol_code))"
	" SELECT at FROM step) WHERE at <= length(sectors)"
	" AND substr(sectors, at, 16) NOT IN (SELECT id FROM sector)"
	" UNION ALL SELECT 1 FROM idem WHERE terminal NOT IN (SELECT id FROM terminal)"
	" LIMIT 1",
	0
};

static int count_all(struct store *copy, int64_t ret[BACKUP_COUNTS])
{
	for (size_t i = 0; i < BACKUP_COUNTS; i++) {
		_cleanup_rows_ struct rows rows = { 0 };
		int r = store_run(copy, &sql_counts[i], NULL, &rows);

		if (r < 0)
			return r;
		ret[i] = rows_int(&rows, 0, 0);
	}
	return 0;
}

static int write_note(struct store *copy, struct backup_facts *facts)
{
	char note[NOTE];
	size_t at = (size_t)snprintf(note, sizeof(note), "%" PRId64, facts->at);
	int r = count_all(copy, facts->found);

	for (size_t i = 0; r == 0 && i < BACKUP_COUNTS; i++) {
		facts->noted[i] = facts->found[i];
		at += (size_t)snprintf(note + at, sizeof(note) - at, " %" PRId64, facts->noted[i]);
	}
	if (r == 0)
		r = store_run(copy, &sql_forget, NULL, NULL);
	if (r == 0)
		r = store_run(copy, &sql_note, &BYTES(note, at), NULL);
	return r;
}

int backup_note(struct store *copy, struct backup_facts *ret)
{
	struct backup_facts facts = { .at = now_us() };
	int r = store_begin(copy, true);

	if (r < 0)
		return r;
	r = write_note(copy, &facts);
	if (r < 0) {
		store_rollback(copy);
		return r;
	}
	r = store_commit(copy);
	if (r == 0)
		*ret = facts;
	return r;
}

/* Numbers with blanks between them: when, and how many. */
static int read_note(const struct rows *rows, struct backup_facts *facts)
{
	char note[NOTE];
	int used = 0;
	const char *p = note;
	struct datum d;

	if (rows->count != 1)
		return FUDA_ENOTFOUND;
	d = rows_get(rows, 0, 0);
	if (d.len >= sizeof(note))
		return FUDA_EFORMAT;
	memcpy(note, d.bytes, d.len);
	note[d.len] = '\0';
	if (sscanf(p, "%20" SCNd64 "%n", &facts->at, &used) != 1)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < BACKUP_COUNTS; i++) {
		p += used;
		if (sscanf(p, " %20" SCNd64 "%n", &facts->noted[i], &used) != 1)
			return FUDA_EFORMAT;
	}
	return 0;
}

static int check_file(struct store *copy, const char **ret_what)
{
	_cleanup_rows_ struct rows integrity = { 0 }, references = { 0 }, undeclared = { 0 };
	char text[64] = "";
	int r = store_run(copy, &sql_integrity, NULL, &integrity);

	*ret_what = "integrity";
	if (r == 0 &&
	    (integrity.count != 1 || rows_text(&integrity, 0, 0, text, sizeof(text)) < 0 ||
	     strcmp(text, "ok") != 0))
		return FUDA_EVERIFY;
	if (r == 0)
		r = store_run(copy, &sql_references, NULL, &references);
	if (r == 0)
		r = store_run(copy, &sql_undeclared, NULL, &undeclared);
	*ret_what = "references";
	return r == 0 && (references.count || undeclared.count) ? FUDA_EVERIFY : r;
}

static int check(struct store *copy, struct backup_facts *facts, const char **ret_what)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int r = check_file(copy, ret_what);

	if (r == 0)
		r = count_all(copy, facts->found);
	if (r == 0)
		r = store_run(copy, &sql_noted, NULL, &rows);
	if (r < 0)
		return r;
	*ret_what = "not_noted";
	if (read_note(&rows, facts) < 0)
		return FUDA_EVERIFY;
	*ret_what = "counts";
	return memcmp(facts->noted, facts->found, sizeof(facts->noted)) != 0 ? FUDA_EVERIFY : 0;
}

int backup_check(struct store *copy, struct backup_facts *ret, const char **ret_what)
{
	struct backup_facts facts = { 0 };
	int r = store_begin(copy, false);

	if (r < 0)
		return r;
	r = check(copy, &facts, ret_what);
	store_rollback(copy);
	if (r == 0 || r == FUDA_EVERIFY)
		*ret = facts;
	return r;
}
