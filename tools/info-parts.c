/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/info.h"

#include <stdio.h>
#include <string.h>
#include <fuda/common.h>
#include <fuda/face.h>
#include <fuda/text.h>

#include "tools/records.h"
#include "tools/report.h"

bool info_absent(int code)
{
	return code == FUDA_ENOTFOUND || code == FUDA_ESECURITY;
}

bool info_one_fault(int code)
{
	return code == FUDA_EFORMAT || code == FUDA_ETOOBIG || code == FUDA_ENOTSUP ||
	       code == FUDA_ESW;
}

int info_outcome(struct call *call, struct report *part, int code)
{
	const char *message = fuda_context_message(call->ctx);

	if (info_absent(code))
		return 0;
	if (!info_one_fault(code))
		return code;
	report_word(part, _("Trouble"), "error", fuda_error_name(code),
		    *message ? message : fuda_error_text(code));
	return 0;
}

/* ---- the card itself ---- */

/* "20350217" as 2035-02-17. */
static bool dashed(const char *digits, char ret[FUDA_DATE_SIZE])
{
	if (strlen(digits) != 8 || strspn(digits, "0123456789") != 8)
		return false;
	snprintf(ret, FUDA_DATE_SIZE, "%.4s-%.2s-%.2s", digits, digits + 4, digits + 6);
	return true;
}

static void add_key(struct report *to, const char *label, const char *key,
		    const uint8_t id[FUDA_CV_ID])
{
	char text[FUDA_CV_ID_TEXT];

	fuda_cv_id_text(id, text);
	report_text(to, label, key, text);
}

/* ASCII as it is, dates as dates, a key's identifier as such, and all else in hexadecimal. */
static void add_object(struct report *to, const char *label, const char *key, bool date,
		       const struct fuda_buf *data)
{
	char text[64], day[FUDA_DATE_SIZE];
	bool printable = data->len && data->len < sizeof(text);

	for (size_t i = 0; printable && i < data->len; i++) {
		text[i] = (char)data->data[i];
		printable = text[i] > ' ' && text[i] < 0x7F;
	}
	if (!printable && data->len == FUDA_CV_ID) {
		add_key(to, label, key, data->data);
		return;
	}
	if (!printable) {
		report_hex(to, label, key, data->data, data->len);
		return;
	}
	text[data->len] = '\0';
	report_text(to, label, key, date && dashed(text, day) ? day : text);
}

static int add_card(struct call *call, struct report *to)
{
	enum { OBJECT_MAX = 64 };
	static const struct {
		enum fuda_card_object object;
		const char *key, *label;
		bool date;
	} objects[] = {
		{ FUDA_CARD_NUMBER, "number", N_("Card number"), false },
		{ FUDA_CARD_ISSUER, "issuer", N_("Issuer"), false },
		{ FUDA_CARD_MUNICIPALITY, "municipality", N_("Municipality"), false },
		{ FUDA_CARD_EXPIRY, "expiry", N_("Card expires"), true },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(objects); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(OBJECT_MAX);

		r = fuda_card_object(call->card, objects[i].object, call->dl, &data);
		if (r == 0)
			add_object(to, _(objects[i].label), objects[i].key, objects[i].date, &data);
		else
			r = info_outcome(call, to, r);
	}
	return r;
}

/* ---- applications ---- */

static int add_common(struct call *call, struct report *to)
{
	struct fuda_common c;
	int r = fuda_common_read(call->card, call->dl, &c);

	if (r < 0)
		return r;
	report_text(to, _("Serial number"), "serial", c.serial);
	report_text(to, _("Municipality"), "municipality", c.municipality);
	report_text(to, _("Card expires"), "expiry", c.expiry);
	add_key(to, _("Key reference"), "key_reference", c.key_reference);
	return 0;
}

static int add_juki(struct call *call, struct report *to)
{
	uint8_t reference[FUDA_KEY_REFERENCE];
	int r = fuda_juki_read(call->card, call->dl, reference);

	if (r == 0)
		add_key(to, _("Key reference"), "key_reference", reference);
	return r;
}

static void add_basic(struct report *to, const struct fuda_basic *b)
{
	report_hex(to, _("Identification"), "identification", b->identification,
		   sizeof(b->identification));
	add_key(to, _("Key"), "key", b->key_id);
	report_text(to, _("Municipality"), "municipality", b->municipality);
}

static int add_text(struct call *call, struct report *to)
{
	struct fuda_basic b;
	int r = fuda_text_basic(call->card, call->dl, &b);

	if (r == 0)
		add_basic(to, &b);
	return r;
}

static int add_face(struct call *call, struct report *to)
{
	struct fuda_basic b;
	int r = fuda_face_basic(call->card, call->dl, &b);

	if (r == 0)
		add_basic(to, &b);
	return r;
}

int info_add_parts(struct call *call)
{
	static const struct {
		const char *key, *label;
		int (*add)(struct call *call, struct report *to);
	} parts[] = {
		{ "card", N_("Card"), add_card },
		{ "common", N_("Common application"), add_common },
		{ "juki", N_("Application of the resident register"), add_juki },
		{ "text", N_("Application of the card's texts"), add_text },
		{ "face", N_("Application of the card's face"), add_face },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++) {
		struct report *part =
			report_object(call->report, _(parts[i].label), parts[i].key, NULL);

		r = info_outcome(call, part, parts[i].add(call, part));
	}
	return r;
}

/* ---- the chain of CV certificates ---- */

int info_read_chain(struct call *call, struct info_chain *ret)
{
	static const enum fuda_card_object objects[] = { FUDA_CARD_CV_INTERMEDIATE,
							 FUDA_CARD_CV_LOWER };

	size_t i = 0;
	int r = 0;

	ret->part = report_object(call->report, _("CV certificates of the card"), "cv_chain", NULL);
	for (; r == 0 && i < ARRAY_SIZE(objects); i += r == 0)
		r = fuda_card_object(call->card, objects[i], call->dl, &ret->certificates[i]);
	/* some cards lack the lower one: card.md 2.2 */
	ret->count = r == 0 || info_absent(r) ? i : 0;
	return info_outcome(call, ret->part, r);
}

/* The verdict in a few words: for a card in the hand, an unknown authority is no reason to suspect
 * it. */
static const char *verdict_text(const struct fuda_verdict *v)
{
	if (v->result == FUDA_RESULT_OK)
		return fuda_result_name(v->result);
	if (strcmp(v->rule, "authority_unknown") == 0)
		return _("authority key not known (--cv-trust FILE names keys)");
	return fuda_rule_text(v->rule);
}

static int add_names(struct call *call, struct report *to, const struct info_chain *chain)
{
	struct report *list = report_list(to, NULL, "certificates", NULL);
	struct fuda_cv_facts facts;
	int r = 0;

	for (size_t i = 0; r == 0 && i < chain->count; i++) {
		r = fuda_cv_facts(call->ctx, &chain->certificates[i], &facts);
		if (r < 0)
			break;
		records_names(report_object(list, NULL, NULL, NULL), &facts);
		records_names(report_object(to, i ? _("Lower") : _("Intermediate"), NULL, NULL),
			      &facts);
	}
	return r;
}

static int judge(struct call *call, struct report *to, const struct info_chain *chain)
{
	struct fuda_verdict verdict;
	struct fuda_cv_trust *trust;
	int r = records_trust(call, &trust);

	if (r < 0)
		return r;
	r = fuda_cv_verify(trust, chain->certificates, chain->count, &verdict);
	fuda_cv_trust_free(&trust);
	if (r < 0)
		return r;
	report_word(to, _("Verdict"), "validity", fuda_result_name(verdict.result),
		    verdict_text(&verdict));
	report_text(to, NULL, "rule", verdict.rule);
	report_text(to, NULL, "world", fuda_world_name(verdict.world));
	return 0;
}

int info_add_chain(struct call *call, const struct info_chain *chain)
{
	int r = 0;

	if (chain->count)
		r = add_names(call, chain->part, chain);
	if (r == 0 && chain->count)
		r = judge(call, chain->part, chain);
	return info_outcome(call, chain->part, r);
}
