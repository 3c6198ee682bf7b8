/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to be read of terminals. */
#include <string.h>

#include "service/enrol.h"

/* A serial number would not be missed here, and is not shown: platform.md E17. */
#define COLUMNS                                                                              \
	"SELECT t.id, o.name, t.place, t.state, t.environment, t.comment, t.tap, t.created," \
	" t.changed, t.csr_hash, (SELECT max(c.not_after) FROM certificate c"                \
	" WHERE c.terminal = t.id AND c.state = 'valid') FROM terminal t"                    \
	" JOIN org o ON o.id = t.org"

int enrol_terminals(struct store *store, const uint8_t after[ID_BYTES], const char *state,
		    struct rows *ret)
{
	static const struct statement all = { COLUMNS " WHERE t.id > $1 ORDER BY t.id LIMIT 500",
					      1 };
	static const struct statement some = { COLUMNS " WHERE t.id > $1 AND t.state = $2 ORDER BY "
						       "t.id LIMIT 500",
					       2 };

	return read_rows(store, *state ? &some : &all,
			 (struct datum[]){ BYTES(after, ID_BYTES), TEXT(state) }, ret);
}

int enrol_terminal(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret)
{
	static const struct statement sql = { COLUMNS " WHERE t.id = $1", 1 };

	return read_rows(store, &sql, &BYTES(id, ID_BYTES), ret);
}

int enrol_terminal_sectors(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret)
{
	static const struct statement sql = { "SELECT s.name FROM terminal_sector ts JOIN sector s "
					      "ON s.id = ts.sector"
					      " WHERE ts.terminal = $1 ORDER BY s.name",
					      1 };

	return read_rows(store, &sql, &BYTES(id, ID_BYTES), ret);
}

int enrol_terminal_certificates(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret)
{
	static const struct statement sql = { "SELECT not_before, not_after, state, reason, "
					      "csr_hash FROM certificate"
					      " WHERE terminal = $1 ORDER BY not_before DESC, "
					      "serial LIMIT 100",
					      1 };

	return read_rows(store, &sql, &BYTES(id, ID_BYTES), ret);
}

int enrol_terminal_decisions(struct store *store, const uint8_t id[ID_BYTES], struct rows *ret)
{
	static const struct statement sql = { "SELECT o.name, a.decision, a.comment, a.at FROM "
					      "approval a"
					      " JOIN operator o ON o.id = a.operator WHERE "
					      "a.object = $1 ORDER BY a.at LIMIT 1000",
					      1 };

	return read_rows(store, &sql, &BYTES(id, ID_BYTES), ret);
}

int enrol_newest_crl(struct store *store, struct rows *ret)
{
	static const struct statement sql = {
		"SELECT number, this_update, next_update FROM crl ORDER BY number DESC LIMIT 1", 0
	};

	return read_rows(store, &sql, NULL, ret);
}
