/* SPDX-License-Identifier: Apache-2.0 */
/* Reports as JSON: the one file of the program that knows json-c. */
#include "tools/report.h"

#include <json-c/json.h>

#include <fuda/error.h>

static struct json_object *value_of(const struct report *r);

/* Takes `child` over; false without memory. */
static bool put(struct json_object *parent, const struct report *r, struct json_object *child)
{
	int failed;

	if (!child)
		return false;
	if (json_object_is_type(parent, json_type_array))
		failed = json_object_array_add(parent, child);
	else
		failed = json_object_object_add(parent, r->key, child);
	if (failed)
		json_object_put(child);
	return !failed;
}

/* Whether nothing in it is for programs: then it is absent, as what is unknown. */
static bool empty(const struct report *r)
{
	bool none = r->kind >= REPORT_OBJECT && !r->known && !r->broken;

	for (const struct report *f = r->first; f && none; f = f->next)
		none = (r->kind == REPORT_OBJECT && !f->key) || empty(f);
	return none;
}

static struct json_object *members_of(const struct report *r)
{
	struct json_object *all =
		r->kind == REPORT_LIST ? json_object_new_array() : json_object_new_object();

	if (!all || r->broken) {
		json_object_put(all);
		return NULL;
	}
	for (const struct report *f = r->first; f; f = f->next) {
		if ((r->kind != REPORT_LIST && !f->key) || empty(f))
			continue;
		if (!put(all, f, value_of(f))) {
			json_object_put(all);
			return NULL;
		}
	}
	return all;
}

static struct json_object *value_of(const struct report *r)
{
	switch (r->kind) {
	case REPORT_TEXT:
		return r->text ? json_object_new_string(r->text) : NULL;
	case REPORT_NUMBER:
		return json_object_new_int64(r->number);
	case REPORT_FLAG:
		return json_object_new_boolean(r->number != 0);
	case REPORT_OBJECT:
	case REPORT_LIST:
		break;
	}
	return members_of(r);
}

int report_print_json(const struct report *r, FILE *out)
{
	struct json_object *json = value_of(r);
	int how = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = json ? json_object_to_json_string_ext(json, how) : NULL;
	int code = text ? 0 : FUDA_ENOMEM;

	if (text && (fprintf(out, "%s\n", text) < 0 || fflush(out)))
		code = FUDA_EFILE;
	json_object_put(json);
	return code;
}
