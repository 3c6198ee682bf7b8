/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/answer.h"

#include "base/util.h"
#include "codec/json.h"

static int read_json(const struct https_answer *answer, const struct json_field *fields,
		     size_t count)
{
	const char *member, *why;

	if (strcmp(answer->content_type, "application/json") != 0)
		return FUDA_EFORMAT;
	return json_read_some(answer->body.data, answer->body.len, fields, count, &member, &why);
}

int answer_challenge(const struct https_answer *answer, struct answer_challenge *ret)
{
	_cleanup_buf_ struct fuda_buf nonce = FUDA_BUF_INIT(TRANSCRIPT_NONCE);
	struct answer_challenge c = { .token = "" };
	const struct json_field fields[] = {
		{ "challenge", JSON_STRING, true, c.token, sizeof(c.token), NULL },
		{ "nonce", JSON_BASE64, true, &nonce, 0, NULL },
		{ "expires", JSON_NUMBER, true, &c.expires, 0, NULL },
		{ "origin", JSON_STRING, true, c.origin, sizeof(c.origin), NULL },
		{ "terminal", JSON_STRING, true, c.terminal, sizeof(c.terminal), NULL },
		{ "doctype", JSON_STRING, false, c.doctype, sizeof(c.doctype), NULL },
	};

	if (read_json(answer, fields, ARRAY_SIZE(fields)) < 0 || !*c.token ||
	    nonce.len != sizeof(c.nonce))
		return FUDA_EFORMAT;
	memcpy(c.nonce, nonce.data, nonce.len);
	*ret = c;
	return 0;
}

int answer_terminal(const struct https_answer *answer, const char *id, struct terminal_self *ret)
{
	struct terminal_self t = { .place = "" };
	char whose[FUDA_TERMINAL_ID] = "";
	const struct json_field fields[] = {
		{ "terminal", JSON_STRING, true, whose, sizeof(whose), NULL },
		{ "organisation", JSON_STRING, true, t.organisation, sizeof(t.organisation), NULL },
		{ "place", JSON_STRING, true, t.place, sizeof(t.place), NULL },
		{ "sectors", JSON_STRING, true, t.sectors, sizeof(t.sectors), NULL },
		{ "tap", JSON_BOOL, true, &t.tap, 0, NULL },
	};

	if (read_json(answer, fields, ARRAY_SIZE(fields)) < 0 || strcmp(whose, id) != 0)
		return FUDA_EFORMAT;
	*ret = t;
	return 0;
}

int answer_wish(const struct https_answer *answer, bool id, bool ppid,
		struct fuda_mykey_answer *ret)
{
	struct fuda_mykey_answer a = { .result = "ok", .tries_left = -1 };
	const struct json_field fields[] = {
		{ "mykey_id", JSON_STRING, id, a.mykey_id, sizeof(a.mykey_id), NULL },
		{ "issued", JSON_STRING, false, a.issued, sizeof(a.issued), NULL },
		{ "expired", JSON_STRING, false, a.expired, sizeof(a.expired), NULL },
		{ "new", JSON_BOOL, false, &a.fresh, 0, NULL },
		{ "generated", JSON_BOOL, false, &a.generated, 0, NULL },
		{ "sector", JSON_STRING, ppid, a.sector, sizeof(a.sector), NULL },
		{ "ppid", JSON_STRING, ppid, a.ppid, sizeof(a.ppid), NULL },
		{ "local_number", JSON_STRING, false, a.local_number, sizeof(a.local_number),
		  NULL },
		{ "amr", JSON_STRING, false, a.amr, sizeof(a.amr), NULL },
	};
	int r = read_json(answer, fields, ARRAY_SIZE(fields));

	if (r == 0 && ((id && !*a.mykey_id) || (ppid && (!*a.sector || !*a.ppid))))
		r = FUDA_EFORMAT;
	if (r == 0)
		*ret = a;
	wipe(&a, sizeof(a));
	return r < 0 ? FUDA_EFORMAT : 0;
}
