/* SPDX-License-Identifier: Apache-2.0 */
/* From a card to a MyKey ID. */
#include <string.h>

#include "base/util.h"
#include "service/rule-request.h"

static const struct statement add_subject = { "INSERT INTO subject (id, created) VALUES ($1, $2) "
					      "ON CONFLICT DO NOTHING",
					      2 };

/* A person who was never here: subject and credential are two things, so that the one outlives the
 * other (platform.md D4). */
static int make_subject(struct request *r, struct batch *batch)
{
	int e = id_new(r->subject);

	if (e == 0)
		e = batch_write(batch, &add_subject,
				(struct datum[]){ BYTES(r->subject, ID_BYTES), INT(batch->now) });
	if (e == 0)
		e = request_credential(r, batch, NULL);
	return e < 0 ? e : request_pass_over(r, batch, r->chain);
}

/* The id there is, or a new one: of a new person, or of one who let the old one expire. */
int request_bind(struct request *r, struct batch *batch, const char *action, bool changes)
{
	bool fresh = !*r->mykey;
	char issued[TIME_TEXT];
	struct json_out out;
	int e = r->bound ? 0 : make_subject(r, batch);

	if (e == 0 && (fresh || changes) && r->bound)
		e = request_change(r, batch);
	if (e == 0 && fresh)
		e = request_issue(r, batch, NULL);
	if (e == 0)
		e = request_audit(r, batch, action, fresh ? "{\"new\":true}" : "{\"new\":false}");
	if (e < 0)
		return e;
	request_time(r->issued, issued);
	request_answer(r, fresh ? 201 : 200, &out);
	json_string(&out, "mykey_id", r->mykey);
	json_bool(&out, "new", fresh);
	json_string(&out, "issued", issued);
	return json_end(&out);
}

static int bind(struct request *r, struct batch *batch)
{
	return request_bind(r, batch, "bind", false);
}

const struct deed deed_bind = { .purpose = "bind", .makes = true, .act = bind };

int request_show(struct request *r, _unused_ struct batch *batch)
{
	char issued[TIME_TEXT];
	struct json_out out;

	if (!*r->mykey)
		return request_refuse(r, "not_bound");
	request_time(r->issued, issued);
	request_answer(r, 200, &out);
	json_string(&out, "mykey_id", r->mykey);
	json_bool(&out, "new", false);
	json_string(&out, "issued", issued);
	return json_end(&out);
}

const struct deed deed_show = { .purpose = "show", .act = request_show };
