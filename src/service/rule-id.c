/* SPDX-License-Identifier: Apache-2.0 */
/* What a holder may do to a MyKey ID: another one, or none any more (platform.md B1). */
#include <string.h>

#include "base/util.h"
#include "service/rule-request.h"

enum { WISHES = 3, GENERATIONS = 3 };

static const struct statement find_wishes = { "SELECT failed, generated FROM wish WHERE subject = "
					      "$1",
					      1 };
static const struct statement find_mykey = { "SELECT state FROM mykey WHERE id = $1", 1 };
/* in the place of what was read, and of nothing else */
static const struct statement set_wishes = { "INSERT INTO wish (subject, failed, generated) VALUES "
					     "($1, $2, $3)"
					     " ON CONFLICT (subject) DO UPDATE SET failed = "
					     "excluded.failed,"
					     " generated = excluded.generated WHERE wish.failed = "
					     "$4 AND wish.generated = $5",
					     5 };
static const struct statement expire_mykey = { "UPDATE mykey SET state = 'expired', expired = $1"
					       " WHERE id = $2 AND subject = $3 AND state = "
					       "'active'",
					       3 };

/* How often a holder tried. */
struct tries {
	int64_t failed, generated;
};

static struct tries tries_of(const struct request *r)
{
	if (!r->own.count)
		return (struct tries){ 0 };
	return (struct tries){ rows_int(&r->own, 0, 0), rows_int(&r->own, 0, 1) };
}

static int set_tries(struct request *r, struct batch *batch, struct tries now)
{
	struct tries before = tries_of(r);

	if (r->own.count && now.failed == before.failed && now.generated == before.generated)
		return 0;
	return batch_write(batch, &set_wishes,
			   (struct datum[]){ BYTES(r->subject, ID_BYTES), INT(now.failed),
					     INT(now.generated), INT(before.failed),
					     INT(before.generated) });
}

static int end_mykey(struct request *r, struct batch *batch)
{
	return batch_write(batch, &expire_mykey,
			   (struct datum[]){ INT(batch->now), TEXT(r->mykey),
					     BYTES(r->subject, ID_BYTES) });
}

/* ---- change ---- */

static int read_wish(struct request *r, struct batch *batch)
{
	int e = batch_read(batch, &find_wishes, (struct datum[]){ BYTES(r->subject, ID_BYTES) },
			   &r->own);

	if (e == 0 && r->wishes)
		e = batch_read(batch, &find_mykey, (struct datum[]){ TEXT(r->wished) }, &r->other);
	return e;
}

/* `id`, or a generated one for NULL, takes the place of the present one. */
static int replace(struct request *r, struct batch *batch, const char *id, struct tries now)
{
	char issued[TIME_TEXT];
	struct json_out out;
	int e = request_change(r, batch);

	if (e == 0)
		e = end_mykey(r, batch);
	if (e == 0)
		e = request_issue(r, batch, id);
	if (e == 0)
		e = set_tries(r, batch, now);
	if (e == 0)
		e = request_audit(r, batch, "change",
				  id ? "{\"generated\":false}" : "{\"generated\":true}");
	if (e < 0)
		return e;
	request_time(r->issued, issued);
	request_answer(r, 200, &out);
	json_string(&out, "mykey_id", r->mykey);
	json_bool(&out, "new", true);
	json_string(&out, "issued", issued);
	json_bool(&out, "generated", !id);
	return json_end(&out);
}

static int generate(struct request *r, struct batch *batch, struct tries now)
{
	if (now.generated >= GENERATIONS)
		return request_refuse(r, "generation_limit");
	now.generated++;
	return replace(r, batch, NULL, now);
}

/* A problem of its own: it says how many tries are left. */
static int refuse_wish(struct request *r, int64_t left)
{
	const char *trace = http_request(r->x)->trace;
	struct json_out out;

	request_answer(r, answer_status("wish_taken"), &out);
	json_string(&out, "type", "urn:mykey:problem:wish_taken");
	json_string(&out, "title", answer_title("wish_taken"));
	json_number(&out, "status", r->status);
	json_string(&out, "code", "wish_taken");
	if (*trace)
		json_string(&out, "instance", trace);
	json_number(&out, "tries_left", left);
	return json_end(&out);
}

/* The third wish that is taken makes the service choose; that counts as one of its choices, or it
 * could be asked for without end. */
static int taken(struct request *r, struct batch *batch, struct tries now)
{
	int e;

	now.failed++;
	if (now.failed >= WISHES && now.generated < GENERATIONS)
		return generate(r, batch, (struct tries){ 0, now.generated });
	now.failed = MIN(now.failed, WISHES);
	/* the tries are the subject's, who may be joined to another meanwhile: join.c */
	e = request_change(r, batch);
	if (e == 0)
		e = set_tries(r, batch, now);
	if (e == 0)
		e = request_audit(r, batch, "wish-taken", "");
	if (e < 0)
		return e;
	return now.failed < WISHES ? refuse_wish(r, WISHES - now.failed) :
				     request_refuse(r, "generation_limit");
}

static int change(struct request *r, struct batch *batch)
{
	struct tries now = tries_of(r);

	if (!*r->mykey)
		return request_refuse(r, "already_expired");
	if (!r->wishes)
		return generate(r, batch, now);
	if (strcmp(r->wished, r->mykey) == 0)
		return request_refuse(r, "wish_unchanged");
	if (r->other.count)
		return taken(r, batch, now);
	now.failed = 0;
	return replace(r, batch, r->wished, now);
}

const struct deed deed_change = {
	.purpose = "change", .wish = true, .read = read_wish, .act = change
};

/* ---- expire ---- */

static int expire(struct request *r, struct batch *batch)
{
	char expired[TIME_TEXT];
	struct json_out out;
	int e;

	if (!*r->mykey)
		return request_refuse(r, "already_expired");
	e = request_change(r, batch);
	if (e == 0)
		e = end_mykey(r, batch);
	/* what was kept for a tap is of no use without one, and nobody's to keep */
	if (e == 0)
		e = tap_drop(r, batch);
	if (e == 0)
		e = request_audit(r, batch, "expire", "");
	if (e < 0)
		return e;
	request_time(batch->now, expired);
	request_answer(r, 200, &out);
	json_string(&out, "mykey_id", r->mykey);
	json_string(&out, "expired", expired);
	return json_end(&out);
}

const struct deed deed_expire = { .purpose = "expire", .act = expire };
