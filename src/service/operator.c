/* SPDX-License-Identifier: Apache-2.0 */
#include "service/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "service/act.h"

#define SMALL   "abcdefghijklmnopqrstuvwxyz"
#define CAPITAL "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* ---- words ---- */

static const struct {
	const char *name;
	unsigned role;
} role_names[] = {
	{ "admin", ROLE_ADMIN },
	{ "registrar", ROLE_REGISTRAR },
	{ "approver", ROLE_APPROVER },
	{ "auditor", ROLE_AUDITOR },
};

static unsigned role_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(role_names); i++)
		if (strlen(role_names[i].name) == len && memcmp(role_names[i].name, name, len) == 0)
			return role_names[i].role;
	return 0;
}

int roles_parse(const char *text, unsigned *ret)
{
	unsigned roles = 0;

	for (;;) {
		size_t len = strcspn(text, ",");
		unsigned role = role_by_name(text, len);

		if (role == 0 || roles & role)
			return FUDA_EFORMAT;
		roles |= role;
		if (!text[len])
			break;
		text += len + 1;
	}
	*ret = roles;
	return 0;
}

void roles_text(unsigned roles, char ret[ROLES_TEXT])
{
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(role_names); i++)
		if (roles & role_names[i].role)
			at += (size_t)snprintf(ret + at, ROLES_TEXT - at, "%s%s", at ? "," : "",
					       role_names[i].name);
}

bool operator_name_good(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < OPERATOR_NAME && strspn(name, SMALL CAPITAL "_") > 0 &&
	       strspn(name, SMALL CAPITAL DIGITS "_-.") == len;
}

bool word_good(const char *text, size_t size)
{
	size_t len = strlen(text);

	return len > 0 && len < size && strspn(text, SMALL DIGITS "-_.") == len;
}

bool text_good(const char *text, size_t size)
{
	struct cursor c = cur_of((const uint8_t *)text, strlen(text));
	uint32_t ch;

	if (c.left == 0 || c.left >= size)
		return false;
	while (c.left)
		if (utf8_next(&c, &ch) < 0 || utf8_is_control(ch))
			return false;
	return true;
}

/* ---- who acts ---- */

enum { LOGIN_UID_MAX = 16, NO_LOGIN = -1 };

/* Who logged in, which the kernel keeps whatever he becomes since; NO_LOGIN: it does not say. */
static long login_uid(void)
{
	int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	char text[LOGIN_UID_MAX], *end;
	ssize_t n = -1;
	long uid;

	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return NO_LOGIN;
	text[n] = '\0';
	uid = strtol(text, &end, 10);
	return end == text || uid < 0 || uid >= UINT32_MAX ? NO_LOGIN : uid;
}

/* Root is who logged in; where the kernel does not say, whom sudo says. */
static int real_uid(long *ret)
{
	const char *text = getenv("SUDO_UID");
	long login;
	char *end;

	*ret = (long)getuid();
	if (*ret != 0)
		return 0;
	login = login_uid();
	if (login != NO_LOGIN)
		*ret = login;
	if (login != NO_LOGIN || !text)
		return 0;
	errno = 0;
	*ret = strtol(text, &end, 10);
	return errno || end == text || *end || *ret < 0 ? FUDA_EFORMAT : 0;
}

int acting_self(struct fuda_context *ctx, struct service *service, struct acting *ret)
{
	const struct passwd *user = NULL;
	long uid;

	if (real_uid(&uid) == 0)
		user = getpwuid((uid_t)uid);
	if (!user || !operator_name_good(user->pw_name))
		return ctx_fail(ctx, FUDA_EREFUSED,
				_("the user who runs this has no name by which an operator "
				  "could be known"));
	*ret = (struct acting){ .service = service, .ctx = ctx, .uid = uid };
	memcpy(ret->operator, user->pw_name, strlen(user->pw_name) + 1);
	return 0;
}

/* ---- reading ---- */

int read_rows(struct store *store, const struct statement *statement, const struct datum *params,
	      struct rows *ret)
{
	int r = FUDA_ERETRY;

	for (int tries = 0; tries < 3 && r == FUDA_ERETRY; tries++) {
		rows_free(ret);
		r = store_begin(store, false);
		if (r < 0)
			continue;
		r = store_run(store, statement, params, ret);
		if (r == 0)
			r = store_commit(store);
		else
			store_rollback(store);
	}
	return r;
}

int operator_orgs(struct store *store, struct rows *ret)
{
	static const struct statement sql = { "SELECT id, name, kind, created FROM org ORDER BY "
					      "name LIMIT 4096",
					      0 };

	return read_rows(store, &sql, NULL, ret);
}

int operator_sectors(struct store *store, struct rows *ret)
{
	static const struct statement sql = { "SELECT s.id, s.name, s.kind, o.name, s.key_version, "
					      "s.created FROM sector s"
					      " JOIN org o ON o.id = s.org ORDER BY s.name LIMIT "
					      "4096",
					      0 };

	return read_rows(store, &sql, NULL, ret);
}

int operator_operators(struct store *store, struct rows *ret)
{
	static const struct statement sql = { "SELECT id, name, roles, state, created FROM "
					      "operator ORDER BY name LIMIT 4096",
					      0 };

	return read_rows(store, &sql, NULL, ret);
}

/* ---- what takes no more than a role ---- */

struct may {
	struct act act; /* first */
	const char *action;
	const char *data; /* NULL: "" */
};

static int may_go(struct act *act, struct batch *batch)
{
	const struct may *may = (const struct may *)act;
	struct audit_entry entry = { "operator", act->who, may->action, NULL,
				     may->data ? may->data : "" };
	int r = may->action ? batch_audit(batch, &entry) : 0;

	return r < 0 ? r : STEP_DONE;
}

int operator_may(const struct acting *by, unsigned role, const char *act, const char *action)
{
	struct may may = { .act = { .by = by, .name = act, .role = role, .go = may_go },
			   .action = action };

	return act_run(&may.act);
}

int operator_accept_loss(const struct acting *by, int64_t lost, const char *comment)
{
	static const char name[] = "audit-accept-loss";
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(AUDIT_DATA);
	struct may may = { .act = { .by = by, .name = name, .role = ROLE_ADMIN, .go = may_go },
			   .action = name };
	struct json_out out;
	int r;

	if (!text_good(comment, LOSS_COMMENT))
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a comment has up to %d bytes of UTF-8"),
				LOSS_COMMENT - 1);
	json_begin(&out, &data);
	json_number(&out, "lost", lost);
	json_string(&out, "comment", comment);
	r = json_end(&out);
	if (r == 0)
		r = fuda_buf_append(&data, "", 1);
	if (r < 0)
		return ctx_fail_code(by->ctx, r);
	may.data = (const char *)data.data;
	return act_run(&may.act);
}

/* ---- organisations ---- */

static const struct statement sql_org = { "SELECT id FROM org WHERE name = $1", 1 };
static const struct statement sql_new_org = { "INSERT INTO org (id, name, kind, created) VALUES "
					      "($1, $2, $3, $4) ON CONFLICT DO NOTHING",
					      4 };

/* An organisation or a sector that is added. */
struct addition {
	struct act act; /* first */
	const char *name, *kind, *org;
	uint8_t id[ID_BYTES];
	bool key; /* of the sector: made */
};

/* Does it under a new id. */
static int add(struct addition *a, const struct acting *by, uint8_t ret[ID_BYTES])
{
	int r = id_new(a->id);

	if (r < 0)
		return ctx_fail_code(by->ctx, r);
	r = act_run(&a->act);
	if (r == 0)
		memcpy(ret, a->id, ID_BYTES);
	return r;
}

static int org_go(struct act *act, struct batch *batch)
{
	const struct addition *a = (const struct addition *)act;
	struct datum row[] = { BYTES(a->id, ID_BYTES), TEXT(a->name), TEXT(a->kind),
			       INT(batch->now) };
	int r;

	if (act->stage == 0) {
		r = batch_read(batch, &sql_org, &TEXT(a->name), &act->rows[0]);
		return r < 0 ? r : STEP_AGAIN;
	}
	if (act->rows[0].count)
		return act_fail(act, FUDA_EEXISTS, _("there is an organisation of that name"));
	r = batch_write(batch, &sql_new_org, row);
	if (r == 0)
		r = act_audit(act, batch, a->id, "");
	return r < 0 ? r : STEP_DONE;
}

int operator_add_org(const struct acting *by, const char *name, const char *kind,
		     uint8_t ret[ID_BYTES])
{
	struct addition a = {
		.act = { .by = by, .name = "org-add", .role = ROLE_ADMIN, .go = org_go },
		.name = name,
		.kind = kind,
	};

	if (!text_good(name, ORG_NAME) || !word_good(kind, KIND_NAME))
		return ctx_fail(by->ctx, FUDA_EINVAL,
				_("a name has up to %d bytes of UTF-8, a kind small letters, "
				  "digits and hyphens"),
				ORG_NAME - 1);
	return add(&a, by, ret);
}

/* ---- sectors ---- */

static const struct statement sql_sector = { "SELECT id FROM sector WHERE name = $1", 1 };
static const struct statement sql_new_sector = { "INSERT INTO sector (id, org, name, kind, "
						 "key_version, created)"
						 " VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT DO "
						 "NOTHING",
						 5 };

/* The key first: without its row it is of no use to anybody, and the row without it would be wrong.
 */
static int write_sector(struct addition *a, struct batch *batch)
{
	uint8_t org[ID_BYTES];
	struct datum row[] = { BYTES(a->id, ID_BYTES), BYTES(org, ID_BYTES), TEXT(a->name),
			       TEXT(a->kind), INT(batch->now) };
	int r = rows_bytes(&a->act.rows[0], 0, 0, org, ID_BYTES);

	if (r == 0 && !a->key) {
		r = keys_sector_new(a->act.by->ctx, a->act.by->service->keys, a->id, 1);
		a->key = r == 0;
		a->act.told = r < 0;
	}
	if (r == 0)
		r = batch_write(batch, &sql_new_sector, row);
	if (r == 0)
		r = act_audit(&a->act, batch, a->id, "");
	return r < 0 ? r : STEP_DONE;
}

static int sector_go(struct act *act, struct batch *batch)
{
	struct addition *a = (struct addition *)act;
	int r;

	if (act->stage == 0) {
		r = batch_read(batch, &sql_org, &TEXT(a->org), &act->rows[0]);
		if (r == 0)
			r = batch_read(batch, &sql_sector, &TEXT(a->name), &act->rows[1]);
		return r < 0 ? r : STEP_AGAIN;
	}
	if (act->rows[0].count == 0)
		return act_fail(act, FUDA_ENOTFOUND, _("there is no organisation '%s'"), a->org);
	if (act->rows[1].count)
		return act_fail(act, FUDA_EEXISTS, _("there is a sector of that name"));
	return write_sector(a, batch);
}

int operator_add_sector(const struct acting *by, const char *name, const char *org,
			const char *kind, uint8_t ret[ID_BYTES])
{
	struct addition a = {
		.act = { .by = by, .name = "sector-add", .role = ROLE_ADMIN, .go = sector_go },
		.name = name,
		.kind = kind,
		.org = org,
	};

	if (!word_good(name, SECTOR_NAME) || !word_good(kind, KIND_NAME) ||
	    !text_good(org, ORG_NAME))
		return ctx_fail(by->ctx, FUDA_EINVAL,
				_("the name and the kind of a sector are of small letters, digits "
				  "and hyphens"));
	return add(&a, by, ret);
}

/* ---- operators ---- */

struct employment {
	struct act act; /* first */
	const char *name;
	unsigned roles;
	uint8_t id[ID_BYTES];
};

static const struct statement sql_operator = { "SELECT id, state FROM operator WHERE name = $1",
					       1 };
static const struct statement sql_new_operator = { "INSERT INTO operator (id, name, roles, state, "
						   "created)"
						   " VALUES ($1, $2, $3, 'active', $4) ON CONFLICT "
						   "DO NOTHING",
						   4 };
/* `created` is since when he is one: what he approved before that does not count */
static const struct statement sql_operator_again = { "UPDATE operator SET roles = $1, state = "
						     "'active', created = $2"
						     " WHERE id = $3 AND state = 'dropped'",
						     3 };

static int write_operator(struct employment *e, struct batch *batch, const char *roles)
{
	struct datum since = INT(batch->now), id = BYTES(e->id, ID_BYTES);
	bool again = e->act.rows[0].count != 0;
	char data[32 + ROLES_TEXT];
	int r = again ? rows_bytes(&e->act.rows[0], 0, 0, e->id, ID_BYTES) : id_new(e->id);

	if (r < 0)
		return r;
	if (again)
		r = batch_write(batch, &sql_operator_again,
				(struct datum[]){ TEXT(roles), since, id });
	else
		r = batch_write(batch, &sql_new_operator,
				(struct datum[]){ id, TEXT(e->name), TEXT(roles), since });
	snprintf(data, sizeof(data), "{\"roles\":\"%s\"}", roles);
	if (r == 0)
		r = act_audit(&e->act, batch, e->id, data);
	return r < 0 ? r : STEP_DONE;
}

static int add_go(struct act *act, struct batch *batch)
{
	struct employment *e = (struct employment *)act;
	char state[16] = "dropped", roles[ROLES_TEXT];
	int r = 0;

	if (act->stage == 0) {
		r = batch_read(batch, &sql_operator, &TEXT(e->name), &act->rows[0]);
		return r < 0 ? r : STEP_AGAIN;
	}
	if (act->nobody && !(e->roles & ROLE_ADMIN))
		return act_fail(act, FUDA_EINVAL, _("the first operator must have the role admin"));
	if (act->rows[0].count)
		r = rows_text(&act->rows[0], 0, 1, state, sizeof(state));
	if (r < 0)
		return r;
	if (strcmp(state, "dropped") != 0)
		return act_fail(act, FUDA_EEXISTS, _("%s is an operator already"), e->name);
	roles_text(e->roles, roles);
	return write_operator(e, batch, roles);
}

int operator_add(const struct acting *by, const char *name, unsigned roles)
{
	struct employment e = {
		.act = { .by = by,
			 .name = "operator-add",
			 .role = ROLE_ADMIN,
			 .first = true,
			 .go = add_go },
		.name = name,
		.roles = roles,
	};

	if (!operator_name_good(name) || roles == 0)
		return ctx_fail(by->ctx, FUDA_EINVAL,
				_("an operator is called as the system user is, and has a role"));
	return act_run(&e.act);
}

/* Writes to what it then counts: of two at once one waits, and sees what the other did. */
static const struct statement sql_lock_operators = { "UPDATE operator SET state = state WHERE "
						     "state = 'active'",
						     0 };
static const struct statement sql_active = { "SELECT id, name, roles FROM operator WHERE state = "
					     "'active'",
					     0 };
static const struct statement sql_drop = { "UPDATE operator SET state = 'dropped' WHERE id = $1 "
					   "AND state = 'active'",
					   1 };

/* Who of the active operators it is, and how many others are admins. */
static int find_operator(struct employment *e, bool *ret_found, size_t *ret_admins)
{
	const struct rows *rows = &e->act.rows[0];

	*ret_found = false;
	*ret_admins = 0;
	for (size_t i = 0; i < rows->count; i++) {
		char name[OPERATOR_NAME], text[ROLES_TEXT];
		unsigned roles = 0;
		int r = rows_text(rows, i, 1, name, sizeof(name));

		if (r == 0)
			r = rows_text(rows, i, 2, text, sizeof(text));
		if (r < 0)
			return r;
		if (strcmp(name, e->name) == 0) {
			*ret_found = true;
			r = rows_bytes(rows, i, 0, e->id, ID_BYTES);
			if (r < 0)
				return r;
		} else if (roles_parse(text, &roles) == 0 && roles & ROLE_ADMIN) {
			++*ret_admins;
		}
	}
	return 0;
}

static int drop_go(struct act *act, struct batch *batch)
{
	struct employment *e = (struct employment *)act;
	bool found;
	size_t admins;
	int r;

	if (act->stage == 0) {
		r = batch_sweep(batch, &sql_lock_operators, NULL);
		if (r == 0)
			r = batch_read(batch, &sql_active, NULL, &act->rows[0]);
		return r < 0 ? r : STEP_AGAIN;
	}
	r = find_operator(e, &found, &admins);
	if (r < 0)
		return r;
	if (!found)
		return act_fail(act, FUDA_ENOTFOUND, _("%s is no operator"), e->name);
	if (admins == 0)
		return act_refuse(act, batch, e->id, "last_admin",
				  _("%s is the last operator with the role admin: add another one "
				    "first"),
				  e->name);
	r = batch_write(batch, &sql_drop, &BYTES(e->id, ID_BYTES));
	if (r == 0)
		r = act_audit(act, batch, e->id, "");
	return r < 0 ? r : STEP_DONE;
}

int operator_drop(const struct acting *by, const char *name)
{
	struct employment e = {
		.act = { .by = by, .name = "operator-drop", .role = ROLE_ADMIN, .go = drop_go },
		.name = name,
	};

	return act_run(&e.act);
}
