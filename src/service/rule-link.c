/* SPDX-License-Identifier: Apache-2.0 */
/* What a sector knows a holder by: its pseudonym, and a number of its own that is linked to it. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "service/rule-request.h"

static const char purpose[] = "local-number";

static const struct statement find_link = { "SELECT ppid, key_version, local_bidx, local_sealed, "
					    "created FROM link"
					    " WHERE sector = $1 AND subject = $2",
					    2 };
static const struct statement find_number = { "SELECT subject FROM link WHERE sector = $1 AND "
					      "local_bidx = $2",
					      2 };
static const struct statement add_link = { "INSERT INTO link"
					   " (sector, ppid, subject, key_version, local_bidx, "
					   "local_sealed, created, changed)"
					   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT "
					   "DO NOTHING",
					   8 };
static const struct statement drop_link = { "DELETE FROM link WHERE sector = $1 AND subject = $2 "
					    "AND local_bidx IS NULL",
					    2 };
static const struct statement drop_number = { "UPDATE link SET local_bidx = NULL, local_sealed = "
					      "NULL, changed = $1"
					      " WHERE sector = $2 AND subject = $3 AND local_bidx "
					      "IS NOT NULL",
					      3 };

/* A link as it is stored, or will be: the stored pseudonym counts, whatever key made it
 * (platform.md D4). */
struct link {
	char ppid[PPID_TEXT];
	int64_t key_version, created;
	bool fresh;
};

int request_read_link(struct request *r, struct batch *batch)
{
	return batch_read(batch, &find_link,
			  (struct datum[]){ BYTES(r->sector.id, ID_BYTES),
					    BYTES(r->subject, ID_BYTES) },
			  &r->own);
}

static int read_link(struct request *r, struct batch *batch)
{
	int e = request_read_link(r, batch);

	if (e == 0 && *r->number)
		e = batch_read(batch, &find_number,
			       (struct datum[]){ BYTES(r->sector.id, ID_BYTES),
						 BYTES(r->number_bidx, BLIND_BYTES) },
			       &r->other);
	return e;
}

static int link_of(const struct request *r, struct batch *batch, struct link *ret)
{
	if (!r->own.count) {
		*ret = (struct link){ .key_version = r->sector.key_version,
				      .created = batch->now,
				      .fresh = true };
		return keys_ppid(r->service->keys, r->sector.id, (int)ret->key_version, r->subject,
				 ret->ppid);
	}
	*ret = (struct link){ .key_version = rows_int(&r->own, 0, 1),
			      .created = rows_int(&r->own, 0, 4) };
	return rows_text(&r->own, 0, 0, ret->ppid, sizeof(ret->ppid));
}

static bool has_number(const struct request *r)
{
	return r->own.count && rows_get(&r->own, 0, 2).kind != DATUM_NULL;
}

/* What is added to a subject that another process joins to another one would be nobody's. */
static int write_link(struct request *r, struct batch *batch, const struct link *l,
		      const struct fuda_buf *sealed)
{
	int e = request_change(r, batch);

	return e < 0 ? e : batch_write(batch, &add_link,
			   (struct datum[]){ BYTES(r->sector.id, ID_BYTES), TEXT(l->ppid),
					     BYTES(r->subject, ID_BYTES), INT(l->key_version),
					     sealed ? BYTES(r->number_bidx, BLIND_BYTES) : NONE,
					     sealed ? BYTES(sealed->data, sealed->len) : NONE,
					     INT(l->created), INT(batch->now) });
}

static int audit(struct request *r, struct batch *batch, const char *action, bool fresh)
{
	char data[96], sector[ID_TEXT];

	id_text(r->sector.id, sector);
	snprintf(data, sizeof(data), "{\"sector\":\"%s\",\"new\":%s}", sector,
		 fresh ? "true" : "false");
	return request_audit(r, batch, action, data);
}

static int answer_amr(struct request *r, const struct link *l, bool fresh, const char *number,
		      const char *amr)
{
	struct json_out out;

	request_answer(r, 200, &out);
	json_string(&out, "sector", r->sector.name);
	json_string(&out, "ppid", l->ppid);
	json_bool(&out, "new", fresh);
	if (number)
		json_string(&out, "local_number", number);
	if (amr)
		json_string(&out, "amr", amr);
	r->secret = number != NULL;
	return json_end(&out);
}

static int answer(struct request *r, const struct link *l, bool fresh, const char *number)
{
	return answer_amr(r, l, fresh, number, NULL);
}

/* ---- resolve ---- */

/* The number that is linked, with its NUL. */
static int open_number(const struct request *r, const struct link *l, struct fuda_buf *ret)
{
	struct datum sealed = rows_get(&r->own, 0, 3);
	int e = keys_sector_open(r->service->keys, r->sector.id, (int)l->key_version, purpose,
				 r->subject, ID_BYTES, sealed.bytes, sealed.len, ret);

	return e < 0 ? e : fuda_buf_append(ret, "", 1);
}

int link_reseal(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		const uint8_t from[ID_BYTES], const uint8_t to[ID_BYTES], struct datum sealed,
		struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf number = FUDA_BUF_INIT(LOCAL_TEXT);
	int e = keys_sector_open(keys, sector, version, purpose, from, ID_BYTES, sealed.bytes,
				 sealed.len, &number);

	return e < 0 ? e :
		       keys_sector_seal(keys, sector, version, purpose, to, ID_BYTES, number.data,
					number.len, ret);
}

/* That the row is there is the consent. */
static int resolve(struct request *r, struct batch *batch)
{
	_cleanup_buf_ struct fuda_buf number = FUDA_BUF_INIT(LOCAL_TEXT);
	struct link l;
	int e;

	if (!*r->mykey)
		return request_refuse(r, "not_bound");
	e = link_of(r, batch, &l);
	if (e == 0 && has_number(r))
		e = open_number(r, &l, &number);
	if (e == 0 && l.fresh)
		e = write_link(r, batch, &l, NULL);
	if (e == 0)
		e = audit(r, batch, "resolve", l.fresh);
	return e < 0 ? e : answer(r, &l, l.fresh, number.len ? (char *)number.data : NULL);
}

int request_tell_link(struct request *r, struct batch *batch, const char *action, const char *amr)
{
	_cleanup_buf_ struct fuda_buf number = FUDA_BUF_INIT(LOCAL_TEXT);
	struct link l;
	int e = link_of(r, batch, &l);

	if (e == 0 && has_number(r))
		e = open_number(r, &l, &number);
	if (e == 0)
		e = audit(r, batch, action, false);
	return e < 0 ? e :
		       answer_amr(r, &l, false, number.len ? (char *)number.data : NULL, amr);
}

const struct deed deed_resolve = {
	.purpose = "resolve", .sector = true, .read = read_link, .act = resolve
};

/* ---- link ---- */

/* A row that is there is written anew: an INSERT that meets a number somebody else has just taken
 * does nothing, while an UPDATE would break the transaction. */
static int write_number(struct request *r, struct batch *batch, const struct link *l)
{
	_cleanup_buf_ struct fuda_buf sealed = FUDA_BUF_INIT(LOCAL_TEXT + SEAL_OVERHEAD);
	int e = keys_sector_seal(r->service->keys, r->sector.id, (int)l->key_version, purpose,
				 r->subject, ID_BYTES, r->number, strlen(r->number), &sealed);

	if (e == 0 && !l->fresh)
		e = batch_write(batch, &drop_link,
				(struct datum[]){ BYTES(r->sector.id, ID_BYTES),
						  BYTES(r->subject, ID_BYTES) });
	return e < 0 ? e : write_link(r, batch, l, &sealed);
}

static bool is_same_number(const struct request *r)
{
	struct datum bidx = rows_get(&r->own, 0, 2);

	return bidx.len == BLIND_BYTES && memcmp(bidx.bytes, r->number_bidx, BLIND_BYTES) == 0;
}

static int link_number(struct request *r, struct batch *batch)
{
	bool linked = has_number(r);
	struct link l;
	int e;

	if (!*r->mykey)
		return request_refuse(r, "not_bound");
	if (linked && !is_same_number(r))
		return request_refuse(r, "already_linked");
	/* nobody else's, if it is not the holder's own */
	if (!linked && r->other.count)
		return request_refuse(r, "local_number_taken");
	e = link_of(r, batch, &l);
	if (e == 0 && !linked)
		e = write_number(r, batch, &l);
	if (e == 0)
		e = audit(r, batch, "link", !linked);
	return e < 0 ? e : answer(r, &l, !linked, r->number);
}

const struct deed deed_link = {
	.purpose = "link", .sector = true, .number = true, .read = read_link, .act = link_number
};

/* ---- unlink ---- */

/* The pseudonym stays: the same number, or another, may be linked to it again. */
static int unlink_number(struct request *r, struct batch *batch)
{
	struct link l;
	int e;

	if (!*r->mykey)
		return request_refuse(r, "not_bound");
	if (!has_number(r))
		return request_refuse(r, "not_linked");
	e = link_of(r, batch, &l);
	if (e == 0)
		e = request_change(r, batch);
	if (e == 0)
		e = batch_write(batch, &drop_number,
				(struct datum[]){ INT(batch->now), BYTES(r->sector.id, ID_BYTES),
						  BYTES(r->subject, ID_BYTES) });
	if (e == 0)
		e = audit(r, batch, "unlink", false);
	return e < 0 ? e : answer(r, &l, false, NULL);
}

const struct deed deed_unlink = {
	.purpose = "unlink", .sector = true, .read = read_link, .act = unlink_number
};
