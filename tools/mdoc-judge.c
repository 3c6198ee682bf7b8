/* SPDX-License-Identifier: Apache-2.0 */
/* What was shown, judged and told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/certs.h"
#include "tools/files.h"
#include "tools/mdoc-common.h"
#include "tools/records.h"
#include "tools/report.h"

enum {
	DAY = 86400,
	VALUE_MAX = (1 << 18) + 1,
	SHOWN = 160,
	CUT_SIZE = SHOWN + 8,
	LABEL_SIZE = 160
};

static struct {
	struct text_list crls, purposes;
	const char *at, *portrait;
	bool require_revocation, allow_float, allow_times, require_clock;
	int crl_grace, max_days, skew;
} by;

const struct option_spec mdoc_judging_options[] = {
	{ "trust", 0, "FILE", N_("believe these IACA roots and link certificates; repeatable"),
	  OPTION_LIST, &common.trust },
	{ "crl", 0, "FILE", N_("revocation list of an issuer; repeatable"), OPTION_LIST, &by.crls },
	{ "crl-grace", 0, "DAYS", N_("a list counts for so long after the next one was due (0)"),
	  OPTION_NUMBER, &by.crl_grace, 0, 365 },
	{ "require-revocation", 0, NULL, N_("refuse where it is not known whether it was revoked"),
	  OPTION_SWITCH, &by.require_revocation },
	{ "at", 0, "TIME", N_("judge as of this time (now)"), OPTION_TEXT, &by.at },
	{ "skew", 0, "SECONDS", N_("clocks may differ by so much (0)"), OPTION_NUMBER, &by.skew, 0,
	  FUDA_MDOC_SKEW_MAX },
	{ "max-days", 0, "DAYS", N_("a credential's longest life (30)"), OPTION_NUMBER,
	  &by.max_days, 1, 36500 },
	{ "allow-float", 0, NULL, N_("take whole floats for integers"), OPTION_SWITCH,
	  &by.allow_float },
	{ "allow-times", 0, NULL, N_("take times with fractions of a second or +00:00"),
	  OPTION_SWITCH, &by.allow_times },
	{ "require-clock", 0, NULL, N_("refuse unless a time server sets this machine's clock"),
	  OPTION_SWITCH, &by.require_clock },
	{ "purpose", 0, "OID", N_("extended key usage of signers (that of driving licences)"),
	  OPTION_LIST, &by.purposes },
	{ "portrait", 0, "FILE", N_("write the portrait there (JPEG 2000)"), OPTION_TEXT,
	  &by.portrait },
	{ NULL },
};

int mdoc_trust(struct call *call, struct fuda_mdoc_trust **ret)
{
	struct fuda_mdoc_trust *trust;
	int r;

	if (!common.trust.count)
		return call_usage(call, _("%s is missing"), "--trust");
	r = fuda_mdoc_trust_new(call->ctx, &trust);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < common.trust.count; i++)
		r = fuda_mdoc_trust_add_file(trust, common.trust.items[i]);
	for (size_t i = 0; r == 0 && i < by.crls.count; i++)
		r = fuda_mdoc_trust_add_crl_file(trust, by.crls.items[i]);
	if (r == 0)
		r = mdoc_keep_all(call, &common.trust);
	if (r == 0)
		r = mdoc_keep_all(call, &by.crls);
	if (r < 0)
		fuda_mdoc_trust_free(&trust);
	else
		*ret = trust;
	return r;
}

static bool is_said(const struct option_spec *option)
{
	switch (option->kind) {
	case OPTION_SWITCH:
		return *(const bool *)option->to;
	case OPTION_COUNT:
	case OPTION_NUMBER:
		return *(const int *)option->to != 0;
	case OPTION_TEXT:
	case OPTION_CHOICE:
		return *(const char *const *)option->to != NULL;
	case OPTION_LIST:
		return ((const struct text_list *)option->to)->count != 0;
	}
	return false;
}

const char *mdoc_judging_said(void)
{
	const struct option_spec *option = mdoc_judging_options;

	while (option->name && !is_said(option))
		option++;
	return option->name;
}

/* ---- findings ---- */

/* What the texts of the rules tell to do where a phone is there and now is the time, and is in vain
 * where a file is judged, or with --at. */
static const char *text_of(const struct call *call, enum fuda_mdoc_rule rule)
{
	static const struct {
		enum fuda_mdoc_rule rule;
		bool at; /* with --at; otherwise: of a file */
		const char *text;
	} texts[] = {
		{ FUDA_MDOC_RESPONSE_MALFORMED, false,
		  N_("The file is not a DeviceResponse of version 1: it is damaged, or made by "
		     "software that does not follow ISO 18013-5.") },
		{ FUDA_MDOC_RESPONSE_STATUS, false,
		  N_("The phone says that something went wrong, so nothing that came with that is "
		     "taken.") },
		{ FUDA_MDOC_DEVICE_SIGNATURE, false,
		  N_("The signature of the phone does not fit this session: compare the "
		     "transcript, "
		     "or --client-id, --origin, --nonce, --response-uri and --thumbprint, with "
		     "what "
		     "was sent to the phone. If they are right, the document is not the phone's "
		     "own: "
		     "do not accept it.") },
		{ FUDA_MDOC_DEVICE_MAC, false,
		  N_("The MAC of the phone does not fit this session: compare the transcript and "
		     "the "
		     "reader's key with those of the session. If they are right, the document is "
		     "not "
		     "the phone's own: do not accept it.") },
		{ FUDA_MDOC_DEVICE_UNBOUND, false,
		  N_("Whether the credential is the phone's own cannot be judged without the "
		     "session: "
		     "name its transcript (--transcript), or what it is made of (--client-id, "
		     "--nonce "
		     "and --response-uri, or --origin and --nonce).") },
		{ FUDA_MDOC_CERTIFICATE_NOT_YET_VALID, true,
		  N_("The certificate was not valid yet at the time that --at names.") },
		{ FUDA_MDOC_CRL_NOT_YET_VALID, true,
		  N_("The revocation list was made later than the time that --at names.") },
		{ FUDA_MDOC_NOT_YET_VALID, true,
		  N_("The credential was not valid yet at the time that --at names.") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].rule == rule &&
		    (texts[i].at ? by.at != NULL : !(call->command->flags & COMMAND_CARD)))
			return _(texts[i].text);
	return fuda_mdoc_rule_text(rule);
}

void mdoc_report_findings(struct call *call, struct report *to,
			  const struct fuda_mdoc_findings *findings)
{
	struct report *list = NULL;

	for (size_t i = 0; i < findings->count; i++) {
		const struct fuda_mdoc_finding *f = &findings->found[i];
		char shown[1024];
		struct report *one;

		if (!list)
			list = report_list(to, NULL, "findings", NULL);
		snprintf(shown, sizeof(shown), "%s %s%s%s%s%s: %s", fuda_mdoc_rule_check(f->rule),
			 fuda_mdoc_rule_name(f->rule), *f->of ? ", " : "", f->of,
			 *f->detail ? ", " : "", f->detail, text_of(call, f->rule));
		report_text(to,
			    fuda_mdoc_rule_result(f->rule) == FUDA_RESULT_OK ? _("Remark") :
									       _("Refused"),
			    NULL, shown);
		one = report_object(list, NULL, NULL, NULL);
		report_text(one, NULL, "check", fuda_mdoc_rule_check(f->rule));
		report_text(one, NULL, "rule", fuda_mdoc_rule_name(f->rule));
		report_text(one, NULL, "of", f->of);
		report_text(one, NULL, "detail", f->detail);
		report_text(one, NULL, "result", fuda_result_name(fuda_mdoc_rule_result(f->rule)));
		report_text(one, NULL, "text", text_of(call, f->rule));
	}
	if (findings->missed)
		report_number(to, _("More findings"), "more_findings", (long)findings->missed);
}

/* The first that the whole is worth no more than. */
static const struct fuda_mdoc_finding *first_of(const struct fuda_mdoc_findings *findings,
						enum fuda_result result)
{
	for (size_t i = 0; i < findings->count; i++)
		if (fuda_mdoc_rule_result(findings->found[i].rule) == result)
			return &findings->found[i];
	return NULL;
}

static const struct fuda_mdoc_finding *first_in(const struct fuda_mdoc_result *result)
{
	const struct fuda_mdoc_finding *first = first_of(&result->findings, result->result);

	for (size_t i = 0; !first && i < result->document_count; i++)
		first = first_of(&result->documents[i].findings, result->result);
	return first;
}

/* ---- what it says ---- */

static const char over[] = "age_over_";

/* What people call an attribute; its own name, where they have no other. */
static void label_of(const char *attribute, char ret[LABEL_SIZE])
{
	static const struct {
		const char *attribute, *label;
	} labels[] = {
		{ "name", N_("Name") },
		{ "birth_date", N_("Birth date") },
		{ "address", N_("Address") },
		{ "sex", N_("Sex") },
		{ "local_gov_code", N_("Municipality code") },
		{ "individual_number", N_("My Number") },
		{ "portrait", N_("Portrait") },
		{ "age_in_years", N_("Age") },
	};

	snprintf(ret, LABEL_SIZE, "%s", attribute);
	if (strncmp(attribute, over, strlen(over)) == 0)
		snprintf(ret, LABEL_SIZE, _("%s or older"), attribute + strlen(over));
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (strcmp(labels[i].attribute, attribute) == 0)
			snprintf(ret, LABEL_SIZE, "%s", _(labels[i].label));
}

/* One telling of a document. */
struct telling {
	struct call *call;
	const struct fuda_mdoc_profiles *profiles;
	const struct fuda_mdoc_policy *policy;
	const struct fuda_mdoc_document *document;
	bool whole_ok;
	bool alone; /* no other document shows a portrait */
	struct report *to, *shown, *others;
};

/* What the credential says has a place of its own: no attribute, whatever a profile calls it,
 * stands in that of what was found out. */
static struct report *shown(struct telling *t)
{
	if (!t->shown)
		t->shown = report_object(t->to, _("Shown"), "attributes", NULL);
	return t->shown;
}

/* What people see of a text of any length. */
static const char *cut(const char *text, char ret[CUT_SIZE])
{
	snprintf(ret, CUT_SIZE, "%.*s%s", SHOWN, text, strlen(text) > SHOWN ? " ..." : "");
	return ret;
}

/* A name with its NUL behind it. */
static int put_name(struct fuda_mdoc_span name, struct fuda_buf *ret)
{
	int r = fuda_mdoc_name_text(name, ret);

	return r < 0 ? r : fuda_buf_append(ret, "", 1);
}

static int no_memory(struct call *call, int code)
{
	return call_fail(call, code, "%s", fuda_error_text(code));
}

static int tell_portrait(struct telling *t, const struct fuda_buf *bytes)
{
	char size[160];
	int r;

	report_number(t->to, NULL, "portrait_bytes", (long)bytes->len);
	if (by.portrait && t->alone) {
		r = file_write_private(t->call, by.portrait, bytes->data, bytes->len);
		if (r == 0) {
			report_text(shown(t), _("Portrait"), NULL, by.portrait);
			report_text(t->to, NULL, "portrait", by.portrait);
		}
		return r;
	}
	snprintf(size, sizeof(size),
		 by.portrait ? _("%zu bytes (not written: another document shows one too)") :
			       _("%zu bytes (--portrait FILE writes them)"),
		 bytes->len);
	report_text(shown(t), _("Portrait"), NULL, size);
	return 0;
}

/* What no profile knows, or the phone says on its own, by its full name. */
static int tell_other(struct telling *t, const struct fuda_mdoc_element *e, const char *text)
{
	_cleanup_buf_ struct fuda_buf space = MDOC_BUF, name = MDOC_BUF;
	char label[2 * CUT_SIZE + 80], cuts[3][CUT_SIZE];
	struct report *one;
	int r = put_name(e->space, &space);

	if (r == 0)
		r = put_name(e->name, &name);
	if (r < 0)
		return no_memory(t->call, r);
	snprintf(label, sizeof(label), "%s/%s%s", cut((const char *)space.data, cuts[0]),
		 cut((const char *)name.data, cuts[1]),
		 e->by_device ? _(" (said by the phone)") : "");
	report_text(shown(t), label, NULL, cut(text, cuts[2]));
	if (!t->others)
		t->others = report_list(t->to, NULL, "elements", NULL);
	one = report_object(t->others, NULL, NULL, NULL);
	report_text(one, NULL, "namespace", (const char *)space.data);
	report_text(one, NULL, "element", (const char *)name.data);
	report_text(one, NULL, "value", text);
	if (e->by_device)
		report_flag(one, NULL, "by_device", true);
	return 0;
}

/* Whether an element before it said the same attribute: two namespaces may have the birth date. */
static bool is_told(const struct telling *t, const struct fuda_mdoc_element *e)
{
	for (const struct fuda_mdoc_element *before = t->document->elements; before < e; before++)
		if (strcmp(before->attribute, e->attribute) == 0)
			return true;
	return false;
}

static void tell_attribute(struct telling *t, const struct fuda_mdoc_element *e, const char *text)
{
	char label[LABEL_SIZE];

	label_of(e->attribute, label);
	if (strncmp(e->attribute, over, strlen(over)) == 0) {
		report_flag(shown(t), label, e->attribute, strcmp(text, "true") == 0);
	} else if (strcmp(e->attribute, "age_in_years") == 0) {
		report_number(shown(t), label, e->attribute, strtol(text, NULL, 10));
	} else if (strcmp(e->attribute, "sex") == 0) {
		records_sex_name(shown(t), text);
	} else {
		report_text(shown(t), label, e->attribute, text);
	}
}

static int tell_element(struct telling *t, const struct fuda_mdoc_element *e)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(VALUE_MAX);
	const bool other = !*e->attribute || e->by_device || is_told(t, e);
	const bool portrait = strcmp(e->attribute, "portrait") == 0;
	int r = other && portrait ?
			fuda_mdoc_diagnose(e->value.bytes, e->value.len, 0, &text) :
			fuda_mdoc_element_text(t->profiles, t->document, e, t->policy, &text);

	/* what nobody knows is no reason to tell nothing of the others: a comment in its notation
	 */
	if (r == FUDA_ETOOBIG && (!*e->attribute || (other && portrait))) {
		char size[40];
		int n = snprintf(size, sizeof(size), "/ %zu bytes /", e->value.len);

		fuda_buf_clear(&text);
		r = fuda_buf_append(&text, size, (size_t)n);
	}
	if (r == 0 && portrait && !other)
		return tell_portrait(t, &text);
	if (r == 0)
		r = fuda_buf_append(&text, "", 1);
	if (r < 0)
		return no_memory(t->call, r);
	if (other)
		return tell_other(t, e, (const char *)text.data);
	tell_attribute(t, e, (const char *)text.data);
	return 0;
}

static void tell_proof(struct report *to, const char *proof)
{
	static const struct {
		const char *word, *text;
	} proofs[] = {
		{ "signature", N_("signature") },
		{ "mac", N_("MAC") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(proofs); i++)
		if (strcmp(proofs[i].word, proof) == 0)
			report_word(to, _("Proof of the phone"), "proof", proof, _(proofs[i].text));
}

static int tell_kind(struct telling *t)
{
	_cleanup_buf_ struct fuda_buf doctype = MDOC_BUF;
	char shown[CUT_SIZE];
	int r = put_name(t->document->doctype, &doctype);

	if (r < 0)
		return no_memory(t->call, r);
	report_word(t->to, _("Kind"), "doctype", (const char *)doctype.data,
		    cut((const char *)doctype.data, shown));
	return 0;
}

static void tell_facts(struct report *to, const struct fuda_mdoc_document *d)
{
	report_text(to, NULL, "result", fuda_result_name(d->result));
	report_text(to, _("Signer"), "signer", d->signer);
	report_text(to, _("Issuer"), "issuer", d->issuer);
	certs_revocation(to, d->revocation);
	if (d->valid_until) {
		report_time(to, _("Signed at"), "signed", d->signed_at);
		report_time(to, _("Valid from"), "valid_from", d->valid_from);
		report_time(to, _("Valid until"), "valid_until", d->valid_until);
	}
	tell_proof(to, d->proof);
	if (d->has_device_key)
		report_hex(to, NULL, "device_key", d->device_key, sizeof(d->device_key));
}

/* An attribute, or an element by its namespace and name. */
static int put_withheld(const struct fuda_mdoc_element *e, struct fuda_buf *ret)
{
	int r;

	if (*e->attribute)
		return fuda_buf_append(ret, e->attribute, strlen(e->attribute) + 1);
	r = fuda_mdoc_name_text(e->space, ret);
	if (r == 0)
		r = fuda_buf_append(ret, "/", 1);
	return r < 0 ? r : put_name(e->name, ret);
}

/* What nobody was shown has no value; that it was not is no fault. */
static int tell_withheld(struct telling *t)
{
	struct report *list = NULL;

	for (size_t i = 0; i < t->document->withheld_count; i++) {
		const struct fuda_mdoc_element *e = &t->document->withheld[i];
		_cleanup_buf_ struct fuda_buf name = MDOC_BUF;
		char label[LABEL_SIZE], shown[CUT_SIZE];
		int r = put_withheld(e, &name);

		if (r < 0)
			return no_memory(t->call, r);
		label_of(e->attribute, label);
		if (!list)
			list = report_list(t->to, NULL, "withheld", NULL);
		report_text(list, NULL, NULL, (const char *)name.data);
		report_text(t->to, _("Not shown"), NULL,
			    *label ? label : cut((const char *)name.data, shown));
	}
	return 0;
}

static int tell_document(struct telling *t)
{
	int r = tell_kind(t);

	tell_facts(t->to, t->document);
	mdoc_report_findings(t->call, t->to, &t->document->findings);
	for (size_t i = 0; r == 0 && t->whole_ok && i < t->document->element_count; i++)
		r = tell_element(t, &t->document->elements[i]);
	return r < 0 ? r : tell_withheld(t);
}

static bool shows_portrait(const struct fuda_mdoc_document *d)
{
	for (size_t i = 0; i < d->element_count; i++)
		if (strcmp(d->elements[i].attribute, "portrait") == 0 && !d->elements[i].by_device)
			return true;
	return false;
}

void mdoc_remark(struct call *call, const char *text)
{
	report_text(call->report, NULL, "remark", text);
	fprintf(stderr, "%s\n", text);
}

/* One file cannot have the faces of two documents, and which of them is meant nobody said. */
static bool tell_whole(struct call *call, const struct fuda_mdoc_result *result)
{
	size_t portraits = 0, elements = 0;

	for (size_t i = 0; i < result->document_count; i++) {
		portraits += shows_portrait(&result->documents[i]);
		elements += result->documents[i].element_count;
	}
	if (result->result != FUDA_RESULT_OK)
		return false;
	if (!elements)
		mdoc_remark(call, _("Nothing was shown: the holder refused, or the phone does not "
				    "have it."));
	if (by.portrait && portraits > 1)
		mdoc_remark(call, _("Several documents show a portrait, and --portrait names one "
				    "file: none was written. Ask for one document at a time."));
	return portraits == 1;
}

static int tell(struct call *call, const struct fuda_mdoc_profiles *profiles,
		const struct fuda_mdoc_policy *policy, const struct fuda_mdoc_result *result)
{
	const bool alone = tell_whole(call, result);
	struct report *list = NULL;
	int r = 0;

	report_time(call->report, _("Judged for"), "at", policy->at);
	mdoc_report_findings(call, call->report, &result->findings);
	if (result->document_count)
		list = report_list(call->report, _("Documents"), "documents", NULL);
	for (size_t i = 0; r == 0 && i < result->document_count; i++) {
		struct telling t = {
			.call = call,
			.profiles = profiles,
			.policy = policy,
			.document = &result->documents[i],
			/* what stands in a bad answer is nothing that anybody may act on */
			.whole_ok = result->result == FUDA_RESULT_OK,
			.alone = alone,
			.to = report_object(list, _("Document"), NULL, NULL),
		};

		r = tell_document(&t);
	}
	return r;
}

/* ---- the judgement ---- */

static int make_policy(struct call *call, const char *purposes[LIST_MAX + 1],
		       struct fuda_mdoc_policy *ret)
{
	*ret = (struct fuda_mdoc_policy){
		.at = time(NULL),
		.early = (unsigned)by.skew,
		.late = (unsigned)by.skew,
		.crl = by.require_revocation ? FUDA_MDOC_CRL_HARD :
		       by.crls.count         ? FUDA_MDOC_CRL_SOFT :
					       FUDA_MDOC_CRL_OFF,
		.crl_age = (unsigned)by.crl_grace * DAY,
		.max_days = (unsigned)by.max_days,
		.allow_float = by.allow_float,
		.allow_times = by.allow_times,
		.clock = by.require_clock,
		.purposes = by.purposes.count ? purposes : NULL,
	};
	for (size_t i = 0; i < by.purposes.count; i++)
		purposes[i] = by.purposes.items[i];
	purposes[by.purposes.count] = NULL;
	return by.at ? certs_time(call, "--at", by.at, &ret->at) : 0;
}

/* Numbers with points between them, none with a zero before it. */
static bool is_oid(const char *text)
{
	size_t arcs = 0, len;

	do {
		len = strspn(text, "0123456789");
		if (!len || (len > 1 && *text == '0'))
			return false;
		arcs++;
		text += len;
	} while (*text++ == '.');
	return arcs > 1 && !text[-1];
}

int mdoc_check_purposes(struct call *call, const struct text_list *purposes)
{
	for (size_t i = 0; i < purposes->count; i++)
		if (!is_oid(purposes->items[i]))
			return call_usage(call,
					  _("--purpose %s: an OID is numbers with points between "
					    "them, as 1.0.18013.5.1.2"),
					  purposes->items[i]);
	return 0;
}

/* It can be written where it is to go. A pipe cannot be looked at without opening it. */
static int check_portrait(struct call *call)
{
	struct file_out out = FILE_OUT_NONE;
	struct stat st;
	int r;

	if (!by.portrait)
		return 0;
	if (strcmp(by.portrait, "-") == 0)
		return call_usage(call, _("--portrait takes a file: standard output has the "
					  "report"));
	if (stat(by.portrait, &st) == 0 && S_ISFIFO(st.st_mode))
		return 0;
	r = file_out_open(call, by.portrait, &out);
	file_out_close(&out);
	return r < 0 ? r : mdoc_check_output(call, by.portrait);
}

bool mdoc_keeps_portrait(void)
{
	return by.portrait != NULL;
}

static int conclude(struct call *call, const struct fuda_mdoc_result *result)
{
	const struct fuda_mdoc_finding *first = first_in(result);

	call->judged = true;
	call->verdict = (struct fuda_verdict){ .result = result->result, .rule = "" };
	if (result->result == FUDA_RESULT_OK)
		return 0;
	if (first) {
		call->verdict.rule = fuda_mdoc_rule_name(first->rule);
		if (!*first->of && result->result == FUDA_RESULT_INVALID_CERTIFICATE)
			call->refused = N_("what was shown is not accepted");
		report_text(call->report, NULL, "rule", call->verdict.rule);
	}
	call->shown = true;
	return call_fail(call, FUDA_EVERIFY, "%s",
			 first ? text_of(call, first->rule) : fuda_error_text(FUDA_EVERIFY));
}

/* What would be refused whatever is shown: the holder is not asked for that. */
static int check_known(struct call *call, const struct fuda_mdoc_trust *trust,
		       const struct fuda_mdoc_policy *policy)
{
	struct fuda_mdoc_result result = { 0 };

	if (by.require_revocation && !by.crls.count)
		return call_usage(call, _("%s is missing"), "--crl");
	fuda_mdoc_policy_judge(trust, policy, &result.findings);
	if (!result.findings.count)
		return 0;
	result.result = fuda_mdoc_rule_result(result.findings.found[0].rule);
	tell(call, NULL, policy, &result);
	return conclude(call, &result);
}

int mdoc_check_judging(struct call *call)
{
	const char *purposes[LIST_MAX + 1];
	struct fuda_mdoc_trust *trust;
	struct fuda_mdoc_policy policy;
	int r = mdoc_check_purposes(call, &by.purposes);

	if (r == 0)
		r = make_policy(call, purposes, &policy);
	if (r == 0)
		r = mdoc_trust(call, &trust);
	if (r < 0)
		return r;
	r = check_portrait(call);
	if (r == 0 && call->command->flags & COMMAND_CARD)
		r = check_known(call, trust, &policy);
	fuda_mdoc_trust_free(&trust);
	return r;
}

static int judge(struct call *call, struct fuda_mdoc_trust *trust,
		 const struct fuda_mdoc_profiles *profiles, const struct fuda_mdoc_session *session,
		 const struct fuda_buf *response)
{
	const char *purposes[LIST_MAX + 1];
	struct fuda_mdoc_result *result;
	struct fuda_mdoc_policy policy;
	int r = make_policy(call, purposes, &policy);

	if (r == 0)
		r = fuda_mdoc_verify(call->ctx, trust, profiles, &policy, session, response->data,
				     response->len, &result);
	if (r < 0)
		return r;
	r = tell(call, profiles, &policy, result);
	if (r == 0)
		r = conclude(call, result);
	fuda_mdoc_result_free(&result);
	return r;
}

int mdoc_judge(struct call *call, const struct fuda_mdoc_profiles *profiles,
	       const struct fuda_mdoc_session *session, const struct fuda_buf *response)
{
	struct fuda_mdoc_trust *trust;
	int r = mdoc_check_output(call, by.portrait);

	if (r == 0)
		r = mdoc_trust(call, &trust);
	if (r < 0)
		return r;
	r = judge(call, trust, profiles, session, response);
	fuda_mdoc_trust_free(&trust);
	return r;
}
