/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/records.h"

#include <string.h>

#include "tools/report.h"
#include "tools/secrets.h"

enum fuda_pin records_with(const char *word)
{
	static const struct {
		const char *word;
		enum fuda_pin pin;
	} all[] = {
		{ "pin", FUDA_PIN_TEXT },
		{ "a", FUDA_PIN_A },
		{ "b", FUDA_PIN_B },
		{ "birth", FUDA_PIN_BIRTH },
	};
	size_t i = 0;

	while (i < ARRAY_SIZE(all) - 1 && strcmp(all[i].word, word) != 0)
		i++;
	return all[i].pin;
}

int records_trust(struct call *call, struct fuda_cv_trust **ret)
{
	struct fuda_cv_trust *trust;
	int r = fuda_cv_trust_new(call->ctx, &trust);

	for (size_t i = 0; r == 0 && i < common.cv_trust.count; i++) {
		r = fuda_cv_trust_add_file(trust, common.cv_trust.items[i]);
		if (r < 0)
			fuda_cv_trust_free(&trust);
	}
	if (r == 0)
		*ret = trust;
	return r;
}

static int read_text(struct call *call, struct fuda_text_request *request,
		     struct fuda_text_records *ret)
{
	struct fuda_secret *secret;
	struct fuda_pin_entry entry;
	int r = call_open_card(call);

	if (r == 0)
		r = secret_ask(call, request->with, "text", &secret);
	if (r < 0)
		return r;
	entry = FUDA_PIN_ENTRY(secret);
	entry.use_last_try = common.use_last_try;
	request->pin = &entry;
	r = fuda_text_read(call->card, request, call->dl, ret);
	fuda_secret_free(&secret);
	return secret_outcome(call, request->with, &entry, r);
}

static int show_text(struct call *call, const struct fuda_cv_trust *trust,
		     struct fuda_text_request *request, records_add *add)
{
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	struct fuda_verdict verdict;
	int r = read_text(call, request, &records);

	if (r == 0)
		r = fuda_text_verify(trust, &records, &verdict);
	if (r == 0)
		r = add(call, &records);
	if (r == 0)
		r = records_judged(call, &verdict, &records.certificate);
	fuda_text_records_free(&records);
	return r;
}

int records_text(struct call *call, struct fuda_text_request request, records_add *add)
{
	struct fuda_cv_trust *trust = NULL;
	int r = call_operands(call, 0, 0);

	if (r == 0 && request.secure_messaging && request.with != FUDA_PIN_TEXT)
		r = call_usage(call, _("--secure-messaging goes with --with pin only"));
	if (r == 0)
		r = records_trust(call, &trust);
	if (r == 0)
		r = show_text(call, trust, &request, add);
	fuda_cv_trust_free(&trust);
	return r;
}

/* ---- reports ---- */

const char *records_world(enum fuda_world world)
{
	static const char *const worlds[] = {
		[FUDA_WORLD_UNKNOWN] = N_("unknown: signed by an unknown authority"),
		[FUDA_WORLD_PRODUCTION] =
			N_("production: signed by the authority whose key --cv-trust gives"),
		[FUDA_WORLD_TEST] = N_("test: signed by the test authority whose key --cv-trust "
				       "gives"),
	};

	return _(worlds[world]);
}

void records_names(struct report *r, const struct fuda_cv_facts *facts)
{
	char text[FUDA_CV_ID_TEXT];

	fuda_cv_id_text(facts->issuer, text);
	report_text(r, _("Issuer"), "issuer", text);
	fuda_cv_id_text(facts->subject, text);
	report_text(r, _("Subject"), "subject", text);
}

int records_judged(struct call *call, const struct fuda_verdict *verdict,
		   const struct fuda_buf *certificate)
{
	struct fuda_cv_facts facts;
	int r = fuda_cv_facts(call->ctx, certificate, &facts);

	if (r < 0)
		return r;
	call->verdict = *verdict;
	call->shown = call->judged = call->world_told = true;
	report_word(call->report, _("World"), "world", fuda_world_name(verdict->world),
		    records_world(verdict->world));
	records_names(report_object(call->report, _("CV certificate"), "certificate", NULL),
		      &facts);
	report_text(call->report, _("Failed rule"), "rule", verdict->rule);
	if (verdict->result == FUDA_RESULT_OK)
		return 0;
	return call_fail(call, FUDA_EVERIFY, "%s: %s", fuda_result_name(verdict->result),
			 fuda_rule_text(verdict->rule));
}

void records_birth(struct report *r, const char *date)
{
	report_text(r, _("Birth date"), "birth_date", date);
}

void records_sex(struct report *r, enum fuda_sex sex)
{
	records_sex_name(r, fuda_sex_name(sex));
}

void records_sex_name(struct report *r, const char *name)
{
	static const struct {
		enum fuda_sex sex;
		const char *text;
	} texts[] = {
		{ FUDA_SEX_MALE, N_("male") },
		{ FUDA_SEX_FEMALE, N_("female") },
		{ FUDA_SEX_NOT_APPLICABLE, N_("not applicable") },
		{ FUDA_SEX_NOT_KNOWN, N_("not known") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(fuda_sex_name(texts[i].sex), name) == 0)
			report_word(r, _("Sex"), "sex", name, _(texts[i].text));
}
