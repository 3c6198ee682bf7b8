/* SPDX-License-Identifier: Apache-2.0 */
#include "service/join.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "service/act.h"
#include "service/enrol.h"
#include "service/rule-request.h"

enum { OBJECT = 2 * ID_BYTES, SECTORS_TEXT = 400, DAY_SECONDS = 24 * 3600 };

static const struct statement sql_holder = { "SELECT s.id, s.created FROM mykey m JOIN subject s "
					     "ON s.id = m.subject WHERE m.id = $1",
					     1 };
enum { H_SUBJECT, H_CREATED };
/* Requests that add something to a subject write to its credential as well: rule-request.c. Of
 * those and of this, whoever comes second waits, and begins anew. */
static const struct statement sql_lock = { "UPDATE credential SET revision = revision + 1 WHERE "
					   "subject = "
					   "$1 OR subject = $2",
					   2 };
static const struct statement sql_mykey = { "SELECT id FROM mykey WHERE subject = $1 AND state = "
					    "'active'",
					    1 };
static const struct statement sql_wish = { "SELECT failed, generated FROM wish WHERE subject = $1",
					   1 };
static const struct statement sql_links = { "SELECT l.sector, l.key_version, l.local_sealed, "
					    "s.name FROM link l"
					    " LEFT JOIN sector s ON s.id = l.sector WHERE "
					    "l.subject = $1 ORDER BY s.name, l.sector",
					    1 };
enum { L_SECTOR, L_KEY, L_SEALED, L_NAME };
/* Words of those who are operators since before they gave them. */
static const struct statement sql_words = { "SELECT a.operator, o.roles FROM approval a JOIN "
					    "operator o ON o.id = a.operator"
					    " WHERE a.object = $1 AND a.decision = $2 AND a.at >= "
					    "$3 AND a.at >= o.created AND o.state = 'active'",
					    3 };
static const struct statement sql_word = { "INSERT INTO approval (id, object, operator, decision, "
					   "comment, at)"
					   " VALUES ($1, $2, $3, $4, $5, $6)",
					   6 };

static const struct statement sql_credential = { "UPDATE credential SET subject = $1 WHERE subject "
						 "= $2",
						 2 };
static const struct statement sql_expire = { "UPDATE mykey SET state = 'expired', expired = $1 "
					     "WHERE id = $2 AND state = 'active'",
					     2 };
static const struct statement sql_mykeys = { "UPDATE mykey SET subject = $1 WHERE subject = $2",
					     2 };
static const struct statement sql_set_wish = { "INSERT INTO wish (subject, failed, generated) "
					       "VALUES ($1, $2, $3) ON CONFLICT (subject)"
					       " DO UPDATE SET failed = excluded.failed, generated "
					       "= excluded.generated",
					       3 };
static const struct statement sql_drop_wish = { "DELETE FROM wish WHERE subject = $1", 1 };
static const struct statement sql_drop_taps = { "DELETE FROM tap WHERE subject = $1 OR subject = "
						"$2",
						2 };
static const struct statement sql_drop_link = { "DELETE FROM link WHERE sector = $1 AND subject = "
						"$2",
						2 };
static const struct statement sql_link = { "UPDATE link SET subject = $1, local_sealed = $2, "
					   "changed = $3 WHERE sector = $4 AND subject = $5",
					   5 };
static const struct statement sql_drop_subject = { "DELETE FROM subject WHERE id = $1", 1 };

/* What is read; each of the older and of the newer, in this order, where it is of both. */
enum {
	HOLDER = 0, /* as they were named */
	AGAIN = 2,  /* the same once they are locked */
	MYKEY = 4,
	WISH = 6,
	LINKS = 8,
	WORDS = 10,
	JOIN_ROWS
};
_Static_assert((int)JOIN_ROWS <= (int)ACT_ROWS, "an act has room for what is read");

struct joining {
	struct act act; /* first */
	char name[2][MYKEY_TEXT];
	enum join_keep keep;
	const char *comment;
	bool swapped;                 /* the second that was named is the older */
	uint8_t subject[2][ID_BYTES]; /* the older, the newer */
	struct join_outcome outcome;
};

static const char *const decisions[] = {
	[JOIN_KEEP_NONE] = "join",
	[JOIN_KEEP_OLDER] = "join-keep-older",
	[JOIN_KEEP_NEWER] = "join-keep-newer",
};

static struct datum older(const struct joining *j)
{
	return BYTES(j->subject[0], ID_BYTES);
}

static struct datum newer(const struct joining *j)
{
	return BYTES(j->subject[1], ID_BYTES);
}

/* ---- who it is about ---- */

static int read_holders(struct joining *j, struct batch *batch, size_t to)
{
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++)
		r = batch_read(batch, &sql_holder, &TEXT(j->name[i]), &j->act.rows[to + i]);
	return r < 0 ? r : STEP_AGAIN;
}

/* The older first; ids are in the order of their making. */
static int take_holders(struct joining *j)
{
	const struct rows *rows = &j->act.rows[HOLDER];
	uint8_t found[2][ID_BYTES];

	for (size_t i = 0; i < 2; i++) {
		int r;

		if (!rows[i].count)
			return act_fail(&j->act, FUDA_ENOTFOUND, _("there is no MyKey ID %s"),
					j->name[i]);
		r = rows_bytes(&rows[i], 0, H_SUBJECT, found[i], ID_BYTES);
		if (r < 0)
			return r;
	}
	if (memcmp(found[0], found[1], ID_BYTES) == 0)
		return act_fail(&j->act, FUDA_EEXISTS, _("both are of the same holder"));
	j->swapped = rows_int(&rows[0], 0, H_CREATED) > rows_int(&rows[1], 0, H_CREATED) ||
		     (rows_int(&rows[0], 0, H_CREATED) == rows_int(&rows[1], 0, H_CREATED) &&
		      memcmp(found[0], found[1], ID_BYTES) > 0);
	memcpy(j->subject[0], found[j->swapped], ID_BYTES);
	memcpy(j->subject[1], found[!j->swapped], ID_BYTES);
	return 0;
}

static struct datum object_of(const struct joining *j)
{
	_Static_assert(sizeof(j->subject) == OBJECT, "one behind the other");
	return BYTES(j->subject, OBJECT);
}

static int lock_and_read(struct joining *j, struct batch *batch)
{
	struct datum both[] = { older(j), newer(j) };
	int64_t since = batch->now - JOIN_DAYS * DAY_SECONDS * SECONDS_US;
	int r = batch_sweep(batch, &sql_lock, both);

	if (r == 0)
		r = read_holders(j, batch, AGAIN);
	for (size_t i = 0; i < 2 && r >= 0; i++) {
		r = batch_read(batch, &sql_mykey, &both[i], &j->act.rows[MYKEY + i]);
		if (r == 0)
			r = batch_read(batch, &sql_wish, &both[i], &j->act.rows[WISH + i]);
		if (r == 0)
			r = batch_read(batch, &sql_links, &both[i], &j->act.rows[LINKS + i]);
	}
	if (r >= 0)
		r = batch_read(batch, &sql_words,
			       (struct datum[]){ object_of(j), TEXT(decisions[j->keep]),
						 INT(since) },
			       &j->act.rows[WORDS]);
	return r < 0 ? r : STEP_AGAIN;
}

/* Whether they are who they were before they were locked. */
static bool is_same(const struct joining *j)
{
	for (size_t i = 0; i < 2; i++) {
		const struct rows *rows = &j->act.rows[AGAIN + i];
		uint8_t id[ID_BYTES];

		if (!rows->count || rows_bytes(rows, 0, H_SUBJECT, id, ID_BYTES) < 0 ||
		    memcmp(id, j->subject[i ^ (size_t)j->swapped], ID_BYTES) != 0)
			return false;
	}
	return true;
}

/* ---- sectors ---- */

static bool has_sector(const struct rows *links, struct datum sector)
{
	for (size_t i = 0; i < links->count; i++) {
		struct datum other = rows_get(links, i, L_SECTOR);

		if (other.len == sector.len && memcmp(other.bytes, sector.bytes, other.len) == 0)
			return true;
	}
	return false;
}

/* The names of those that know both. */
static void find_conflicts(const struct joining *j, char ret[SECTORS_TEXT])
{
	const struct rows *links = &j->act.rows[LINKS];
	size_t used = 0;

	*ret = '\0';
	for (size_t i = 0; i < links[1].count; i++) {
		char name[SECTOR_NAME] = "?";

		if (!has_sector(&links[0], rows_get(&links[1], i, L_SECTOR)))
			continue;
		(void)rows_text(&links[1], i, L_NAME, name, sizeof(name));
		used += (size_t)snprintf(ret + used, SECTORS_TEXT - used, "%s%s", used ? ", " : "",
					 name);
		used = MIN(used, (size_t)SECTORS_TEXT - 1);
	}
}

/* The number is sealed for its subject. */
static int reseal(struct joining *j, size_t i, struct fuda_buf *ret)
{
	const struct rows *links = &j->act.rows[LINKS + 1];
	uint8_t sector[ID_BYTES];
	int r = rows_bytes(links, i, L_SECTOR, sector, ID_BYTES);

	return r < 0 ? r :
		       link_reseal(j->act.by->service->keys, sector, (int)rows_int(links, i, L_KEY),
				   j->subject[1], j->subject[0], rows_get(links, i, L_SEALED), ret);
}

static int move_link(struct joining *j, struct batch *batch, size_t i)
{
	_cleanup_buf_ struct fuda_buf sealed = FUDA_BUF_INIT(LOCAL_TEXT + SEAL_OVERHEAD);
	const struct rows *links = &j->act.rows[LINKS + 1];
	bool has_number = rows_get(links, i, L_SEALED).kind != DATUM_NULL;
	int r = has_number ? reseal(j, i, &sealed) : 0;

	if (r < 0)
		return r;
	j->outcome.links++;
	return batch_write(batch, &sql_link,
			   (struct datum[]){
				   older(j), has_number ? BYTES(sealed.data, sealed.len) : NONE,
				   INT(batch->now), rows_get(links, i, L_SECTOR), newer(j) });
}

static int move_links(struct joining *j, struct batch *batch)
{
	const struct rows *links = &j->act.rows[LINKS];
	int r = 0;

	for (size_t i = 0; i < links[1].count && r == 0; i++) {
		struct datum sector = rows_get(&links[1], i, L_SECTOR);
		bool both = has_sector(&links[0], sector);
		bool stays = !both || j->keep == JOIN_KEEP_NEWER;

		if (both)
			r = batch_write(batch, &sql_drop_link,
					(struct datum[]){ sector, stays ? older(j) : newer(j) });
		j->outcome.dropped += both;
		if (r == 0 && stays)
			r = move_link(j, batch, i);
	}
	return r;
}

/* ---- the rest ---- */

/* An id that ends stays in the table: it is never issued again. */
static int move_mykeys(struct joining *j, struct batch *batch)
{
	const struct rows *ids = &j->act.rows[MYKEY];
	int r = 0;

	if (ids[0].count || ids[1].count)
		r = rows_text(&ids[!ids[0].count], 0, 0, j->outcome.stays, MYKEY_TEXT);
	if (r == 0 && ids[0].count && ids[1].count) {
		r = rows_text(&ids[1], 0, 0, j->outcome.ended, MYKEY_TEXT);
		if (r == 0)
			r = batch_write(batch, &sql_expire,
					(struct datum[]){ INT(batch->now),
							  TEXT(j->outcome.ended) });
	}
	return r < 0 ? r : batch_sweep(batch, &sql_mykeys, (struct datum[]){ older(j), newer(j) });
}

/* Nobody gets tries back by it. */
static int join_wishes(struct joining *j, struct batch *batch)
{
	const struct rows *wish = &j->act.rows[WISH];
	int64_t tries[2] = { 0 };
	int r;

	if (!wish[1].count)
		return 0;
	for (size_t i = 0; i < 2; i++)
		for (size_t column = 0; column < 2 && wish[i].count; column++)
			tries[column] = MAX(tries[column], rows_int(&wish[i], 0, column));
	r = batch_write(batch, &sql_set_wish,
			(struct datum[]){ older(j), INT(tries[0]), INT(tries[1]) });
	return r < 0 ? r : batch_sweep(batch, &sql_drop_wish, (struct datum[]){ newer(j) });
}

/* Whoever looks for either subject finds it. */
static int tell_both(struct joining *j, struct batch *batch)
{
	char data[128], id[ID_TEXT];
	int r;

	id_text(j->subject[1], id);
	snprintf(data, sizeof(data),
		 "{\"joined\":\"%s\",\"links\":%" PRId64 ",\"dropped\":%" PRId64 "}", id,
		 j->outcome.links, j->outcome.dropped);
	r = act_audit(&j->act, batch, j->subject[0], data);
	if (r < 0)
		return r;
	id_text(j->subject[0], id);
	snprintf(data, sizeof(data), "{\"into\":\"%s\"}", id);
	return act_audit(&j->act, batch, j->subject[1], data);
}

static int join(struct joining *j, struct batch *batch)
{
	/* Which of two cards took the other's place is not known: the old one ends when it is
	 * revoked or expires. */
	int r = batch_sweep(batch, &sql_credential, (struct datum[]){ older(j), newer(j) });

	if (r == 0)
		r = move_mykeys(j, batch);
	if (r == 0)
		r = join_wishes(j, batch);
	if (r == 0)
		r = batch_sweep(batch, &sql_drop_taps, (struct datum[]){ older(j), newer(j) });
	if (r == 0)
		r = move_links(j, batch);
	if (r == 0)
		r = batch_write(batch, &sql_drop_subject, (struct datum[]){ newer(j) });
	if (r == 0)
		r = tell_both(j, batch);
	j->outcome.joined = true;
	return r < 0 ? r : STEP_DONE;
}

/* ---- two operators ---- */

/* Whether another one has said the same, and whether this one has. */
static int find_words(const struct joining *j, bool *ret_other, bool *ret_own)
{
	const struct rows *words = &j->act.rows[WORDS];

	*ret_other = *ret_own = false;
	for (size_t i = 0; i < words->count; i++) {
		char text[ROLES_TEXT];
		uint8_t who[ID_BYTES];
		unsigned roles;
		int r = rows_bytes(words, i, 0, who, ID_BYTES);

		if (r == 0)
			r = rows_text(words, i, 1, text, sizeof(text));
		if (r < 0)
			return r;
		if (memcmp(who, j->act.who, ID_BYTES) == 0)
			*ret_own = true;
		else if (roles_parse(text, &roles) == 0 && roles & ROLE_APPROVER)
			*ret_other = true;
	}
	return 0;
}

static int give_word(struct joining *j, struct batch *batch)
{
	uint8_t id[ID_BYTES];
	int r = id_new(id);

	if (r == 0)
		r = batch_write(batch, &sql_word,
				(struct datum[]){ BYTES(id, ID_BYTES), object_of(j),
						  BYTES(j->act.who, ID_BYTES),
						  TEXT(decisions[j->keep]), TEXT(j->comment),
						  INT(batch->now) });
	return r < 0 ? r :
		       act_audit(&j->act, batch, j->subject[0], "{\"approvals\":1,\"needed\":2}");
}

static int judge(struct joining *j, struct batch *batch)
{
	char sectors[SECTORS_TEXT];
	bool other, own;
	int r;

	j->outcome = (struct join_outcome){ 0 };
	if (!is_same(j))
		return FUDA_ERETRY;
	find_conflicts(j, sectors);
	if (*sectors && j->keep == JOIN_KEEP_NONE)
		return act_refuse(&j->act, batch, j->subject[0], "conflict",
				  _("both have a pseudonym in: %s. Ask the holder which one is to "
				    "stay there, and say --keep older or --keep newer; the other "
				    "ends, with what the sector keeps under it"),
				  sectors);
	r = find_words(j, &other, &own);
	if (r == 0 && !own)
		r = give_word(j, batch);
	if (r < 0)
		return r;
	return other ? join(j, batch) : STEP_DONE;
}

static int join_go(struct act *act, struct batch *batch)
{
	struct joining *j = (struct joining *)act;
	int r;

	if (act->stage == 0)
		return read_holders(j, batch, HOLDER);
	if (act->stage > 1)
		return judge(j, batch);
	r = take_holders(j);
	return r < 0 ? r : lock_and_read(j, batch);
}

int operator_join(const struct acting *by, const char *one, const char *other, enum join_keep keep,
		  const char *comment, struct join_outcome *ret)
{
	struct joining j = {
		.act = { .by = by, .name = "mykey-join", .role = ROLE_APPROVER, .go = join_go },
		.keep = keep,
		.comment = comment,
	};
	int r;

	if (mykey_wished(one, j.name[0]) < 0 || mykey_wished(other, j.name[1]) < 0)
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a MyKey ID is 8 letters and digits"));
	if (*comment && !text_good(comment, COMMENT_TEXT))
		return ctx_fail(by->ctx, FUDA_EINVAL, _("a comment has up to %d bytes of UTF-8"),
				COMMENT_TEXT - 1);
	r = act_run(&j.act);
	if (r == 0)
		*ret = j.outcome;
	return r;
}
