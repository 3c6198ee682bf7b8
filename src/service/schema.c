/* SPDX-License-Identifier: Apache-2.0 */
#include "service/schema.h"

#include <stddef.h>

/* Ids are 16-byte UUIDv7, times BIGINT: microseconds since 1970 UTC, but for those of certificates
 * and challenges, which are seconds. Nobody's name, serial number or My Number is in any of it. */
static const char *const version_1[] = {
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value BYTEA NOT NULL)",

	/* who runs what */
	"CREATE TABLE org (id BYTEA PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
	" created BIGINT NOT NULL)",
	"CREATE TABLE operator (id BYTEA PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" roles TEXT NOT NULL,"
	" state TEXT NOT NULL, created BIGINT NOT NULL)",
	"CREATE TABLE sector (id BYTEA PRIMARY KEY, org BYTEA NOT NULL REFERENCES org,"
	" name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, key_version BIGINT NOT NULL,"
	" created BIGINT NOT NULL)",

	/* terminals: applied, on_hold, approved, active, suspended, revoked */
	"CREATE TABLE terminal (id BYTEA PRIMARY KEY, org BYTEA NOT NULL REFERENCES org,"
	" place TEXT NOT NULL, environment TEXT NOT NULL, state TEXT NOT NULL,"
	" csr BYTEA NOT NULL, csr_hash BYTEA NOT NULL, code_hash BYTEA NOT NULL UNIQUE,"
	" tap BIGINT NOT NULL, comment TEXT NOT NULL,"
	" created BIGINT NOT NULL, changed BIGINT NOT NULL)",
	"CREATE INDEX terminal_by_state ON terminal (state)",
	"CREATE TABLE terminal_sector (terminal BYTEA NOT NULL REFERENCES terminal,"
	" sector BYTEA NOT NULL REFERENCES sector, PRIMARY KEY (terminal, sector))",
	"CREATE TABLE enrol_code (hash BYTEA PRIMARY KEY, org BYTEA NOT NULL REFERENCES org,"
	" place TEXT NOT NULL, sectors BYTEA NOT NULL, approvals BIGINT NOT NULL,"
	" expires BIGINT NOT NULL, used_by BYTEA, created BIGINT NOT NULL)",
	/* valid, revoked; `reason` as in a CRL */
	"CREATE TABLE certificate (serial BYTEA PRIMARY KEY,"
	" terminal BYTEA NOT NULL REFERENCES terminal,"
	" key_hash BYTEA NOT NULL, csr_hash BYTEA NOT NULL, der BYTEA NOT NULL,"
	" not_before BIGINT NOT NULL, not_after BIGINT NOT NULL, state TEXT NOT NULL,"
	" revoked_at BIGINT, reason BIGINT NOT NULL)",
	"CREATE INDEX certificate_by_terminal ON certificate (terminal)",
	"CREATE INDEX certificate_revoked ON certificate (state, not_after)",
	"CREATE TABLE crl (number BIGINT PRIMARY KEY, der BYTEA NOT NULL,"
	" this_update BIGINT NOT NULL,"
	" next_update BIGINT NOT NULL)",
	"CREATE TABLE approval (id BYTEA PRIMARY KEY, object BYTEA NOT NULL,"
	" operator BYTEA NOT NULL,"
	" decision TEXT NOT NULL, comment TEXT NOT NULL, at BIGINT NOT NULL)",
	"CREATE INDEX approval_by_object ON approval (object)",

	/* persons: a subject outlives its credentials */
	"CREATE TABLE subject (id BYTEA PRIMARY KEY, created BIGINT NOT NULL) WITHOUT ROWID",
	/* `bidx`: blind index of issuer and serial number; active, superseded. Not when the
	 * certificate ends: that is on a birthday. `revision` counts what was changed for the
	 * holder by it */
	"CREATE TABLE credential (bidx BYTEA PRIMARY KEY, id BYTEA NOT NULL,"
	" subject BYTEA NOT NULL,"
	" kind TEXT NOT NULL, status TEXT NOT NULL, supersedes BYTEA,"
	" revision BIGINT NOT NULL,"
	" created BIGINT NOT NULL) WITHOUT ROWID",
	"CREATE INDEX credential_by_subject ON credential (subject)",
	/* active, expired; an expired one stays for good, so that it is never issued again */
	"CREATE TABLE mykey (id TEXT PRIMARY KEY, subject BYTEA NOT NULL, state TEXT NOT NULL,"
	" issued BIGINT NOT NULL, expired BIGINT) WITHOUT ROWID",
	"CREATE UNIQUE INDEX mykey_active ON mykey (subject) WHERE state = 'active'",
	"CREATE TABLE wish (subject BYTEA PRIMARY KEY, failed BIGINT NOT NULL,"
	" generated BIGINT NOT NULL) WITHOUT ROWID",
	/* linked, unlinked: the pseudonym stays the same when a local number is linked again */
	"CREATE TABLE link (sector BYTEA NOT NULL, ppid TEXT NOT NULL, subject BYTEA NOT NULL,"
	" key_version BIGINT NOT NULL, local_bidx BYTEA, local_sealed BYTEA,"
	" created BIGINT NOT NULL, changed BIGINT NOT NULL,"
	" PRIMARY KEY (sector, ppid)) WITHOUT ROWID",
	"CREATE UNIQUE INDEX link_subject ON link (sector, subject)",
	"CREATE UNIQUE INDEX link_local ON link (sector, local_bidx) WHERE local_bidx IS NOT NULL",
	/* what a terminal that may tap needs of a card: the birth date's key, and the card's own;
	 * how often it was begun since when without an end */
	"CREATE TABLE tap (bidx BYTEA PRIMARY KEY, subject BYTEA NOT NULL, sealed BYTEA NOT NULL,"
	" starts BIGINT NOT NULL, since BIGINT NOT NULL, created BIGINT NOT NULL)"
	" WITHOUT ROWID",
	"CREATE INDEX tap_by_subject ON tap (subject)",

	/* requests, and the credential's revision that the answer left behind */
	"CREATE TABLE idem (terminal BYTEA NOT NULL, key TEXT NOT NULL,"
	" request_hash BYTEA NOT NULL,"
	" revision BIGINT NOT NULL,"
	" status BIGINT NOT NULL, body BYTEA NOT NULL, expires BIGINT NOT NULL,"
	" PRIMARY KEY (terminal, key)) WITHOUT ROWID",
	"CREATE INDEX idem_expires ON idem (expires)",
	/* a nonce comes with its end, MACed, and those of a minute lie together: few pages
	 * change */
	"CREATE TABLE used_nonce (expires BIGINT NOT NULL, nonce BYTEA NOT NULL,"
	" PRIMARY KEY (expires, nonce)) WITHOUT ROWID",

	/* the audit trail */
	"CREATE TABLE audit (chain BYTEA NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL,"
	" actor_kind TEXT NOT NULL, actor BYTEA, action TEXT NOT NULL, object BYTEA,"
	" data TEXT NOT NULL, hash BYTEA NOT NULL, PRIMARY KEY (chain, seq)) WITHOUT ROWID",
	"CREATE INDEX audit_at ON audit (at)",
	/* where a pruned chain goes on: what its rows up to `seq` ended with, and which checkpoint
	 * allowed it */
	"CREATE TABLE audit_pruned (chain BYTEA PRIMARY KEY, seq BIGINT NOT NULL,"
	" hash BYTEA NOT NULL, checkpoint BIGINT NOT NULL)",
	"CREATE TABLE audit_checkpoint (number BIGINT PRIMARY KEY, at BIGINT NOT NULL,"
	" heads BYTEA NOT NULL,"
	" signer BYTEA NOT NULL, signature BYTEA NOT NULL)",
	NULL,
};

/* Each step leads from the version before it; the first one makes the tables. A step only adds
 * (expand); what no running version needs any more is dropped a version later (contract). */
const char *const *const schema_steps[] = { version_1, NULL };
