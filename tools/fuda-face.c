/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/folder.h"
#include "tools/portrait.h"
#include "tools/records.h"
#include "tools/report.h"
#include "tools/secrets.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/face.h>

static const char *with = "b", *out;
static bool my_number;

/* What the records say, and whether a signature covers it: card.md 4. */
enum part { NAME, ADDRESS, BIRTH_DATE, SEX, PHOTO, MY_NUMBER, EXPIRY, SECURITY_CODE, PARTS };
static const struct {
	const char *key, *label, *file;
	bool covered;
} parts[PARTS] = {
	[NAME] = { "name", N_("Name"), "name.png", true },
	[ADDRESS] = { "address", N_("Address"), "address.png", true },
	[BIRTH_DATE] = { "birth_date", N_("Birth date"), NULL, true },
	[SEX] = { "sex", N_("Sex"), NULL, true },
	[PHOTO] = { "photo", N_("Photo"), "photo.jp2", true },
	[MY_NUMBER] = { "my_number", N_("My Number"), "my_number.png", true },
	[EXPIRY] = { "expiry", N_("Card expires"), NULL, false },
	[SECURITY_CODE] = { "security_code", N_("Security code"), "security_code.png", false },
};
#define PHOTO_PNG "photo.png"
#define SUMMARY	  "summary.json"
static const char *const file_names[] = { "name.png",	   "address.png",   "photo.jp2", PHOTO_PNG,
					  "security_code.png", "my_number.png", SUMMARY,     NULL };

/* One reading of a face. */
struct reading {
	struct fuda_cv_trust *trust;
	struct fuda_face_request request;
	struct fuda_face_records records;
	struct fuda_verdict verdict;
	struct folder folder;
	struct fuda_face face;
	char birth_date[FUDA_DATE_SIZE];
	bool has[PARTS];
	bool photo_png;
	char photo_error[PORTRAIT_REASON_SIZE];
};

/* ---- files ---- */

static int put_image(struct call *call, struct reading *g, enum part part, struct fuda_bytes image)
{
	int r;

	if (!image.len)
		return 0;
	r = folder_put(call, &g->folder, parts[part].file, image.p, image.len);
	g->has[part] = r == 0;
	return r;
}

/* The photo as everybody can look at it; that it cannot be made so is no failure of the card. */
static int put_photo_png(struct call *call, struct reading *g, const struct fuda_bytes *jp2)
{
	_cleanup_buf_ struct fuda_buf png = FUDA_BUF_INIT(PORTRAIT_MAX);
	int r;

	if (!jp2->len)
		return 0;
	r = portrait_png(jp2, &png, g->photo_error);
	if (r == FUDA_ECANCELLED)
		return call_fail(call, r, "%s", fuda_error_text(r));
	if (r < 0) {
		fprintf(stderr, _("fuda: %s is not made: "), PHOTO_PNG);
		print_safely(g->photo_error, stderr);
		putc('\n', stderr);
		return 0;
	}
	r = folder_put(call, &g->folder, PHOTO_PNG, png.data, png.len);
	g->photo_png = r == 0;
	return r;
}

/* The report as it will be printed, once the other files have their names. */
static int write_summary(struct call *call, struct reading *g)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	int r = memory ? report_print_json(call->report, memory) : FUDA_ENOMEM;

	if (memory && fclose(memory) && r == 0)
		r = FUDA_ENOMEM;
	if (r < 0)
		call_fail(call, r, _("the report cannot be written: %s"), fuda_error_text(r));
	else
		r = folder_seal(call, &g->folder, text, len);
	if (text)
		explicit_bzero(text, len);
	free(text);
	return r;
}

/* ---- what the records say ---- */

static int take_face(struct call *call, struct reading *g)
{
	const struct fuda_face *face = &g->face;
	int r = fuda_face_parts(call->ctx, &g->records, &g->face);

	if (r < 0)
		return r;
	snprintf(g->birth_date, sizeof(g->birth_date), "%s", face->birth_date);
	g->has[SEX] = true;
	g->has[EXPIRY] = face->expiry[0];
	r = put_image(call, g, NAME, face->name);
	if (r == 0)
		r = put_image(call, g, ADDRESS, face->address);
	if (r == 0)
		r = put_image(call, g, PHOTO, face->photo);
	if (r == 0)
		r = put_photo_png(call, g, &face->photo);
	return r < 0 ? r : put_image(call, g, SECURITY_CODE, face->security_code);
}

static int take_my_number(struct call *call, struct reading *g)
{
	struct fuda_bytes png;
	int r = fuda_face_my_number(call->ctx, &g->records, &png);

	return r < 0 ? r : put_image(call, g, MY_NUMBER, png);
}

/* Takes the records apart and their pictures into files; nothing is told yet. */
static int take_records(struct call *call, struct reading *g)
{
	int r = 0;

	if (g->request.age)
		r = fuda_face_age(call->ctx, &g->records, g->birth_date);
	if (r == 0 && g->request.face)
		r = take_face(call, g);
	if (r == 0 && g->request.my_number)
		r = take_my_number(call, g);
	g->has[BIRTH_DATE] = g->birth_date[0];
	return r;
}

/* ---- the report ---- */

static void add_file(struct report *files, const struct reading *g, const char *label,
		     const char *key, const char *file)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", g->folder.path, file) < sizeof(path))
		report_text(files, label, key, path);
}

static void add_files(struct call *call, const struct reading *g)
{
	struct report *files = report_object(call->report, _("Files"), "files", NULL);

	for (size_t i = 0; i < PARTS; i++) {
		if (g->has[i] && parts[i].file)
			add_file(files, g, _(parts[i].label), parts[i].key, parts[i].file);
		if (i == PHOTO && g->photo_png)
			add_file(files, g, _("Photo as PNG"), "photo_png", PHOTO_PNG);
	}
	add_file(files, g, _("Summary"), "summary", SUMMARY);
}

static void add_facts(struct call *call, const struct reading *g)
{
	report_text(call->report, NULL, "photo_error", g->photo_error);
	records_birth(call->report, g->birth_date);
	if (g->has[SEX])
		records_sex(call->report, g->face.sex);
	report_text(call->report, _(parts[EXPIRY].label), parts[EXPIRY].key, g->face.expiry);
}

/* Whether the records' own signatures stand: what else may be wrong is that the card is a copy, or
 * that the authority is not known. */
static bool records_fit(const struct fuda_verdict *v)
{
	static const char *const beside[] = { "", "challenge_signature", "authority_unknown" };

	for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
		if (strcmp(v->rule, beside[i]) == 0)
			return true;
	return false;
}

static void add_list(struct call *call, const struct reading *g, bool covered, const char *label,
		     const char *key)
{
	bool fit = records_fit(&g->verdict);
	struct report *list;
	char shown[400] = "";

	for (size_t i = 0; i < PARTS; i++) {
		size_t used = strlen(shown);

		if (g->has[i] && (parts[i].covered && fit) == covered)
			snprintf(shown + used, sizeof(shown) - used, "%s%s", used ? _(", ") : "",
				 _(parts[i].label));
	}
	if (!*shown)
		return;
	list = report_list(call->report, label, key, shown);
	for (size_t i = 0; i < PARTS; i++)
		if (g->has[i] && (parts[i].covered && fit) == covered)
			report_text(list, NULL, NULL, parts[i].key);
}

/* ---- the job ---- */

static int read_card(struct call *call, struct reading *g)
{
	struct fuda_secret *secret;
	struct fuda_pin_entry entry;
	int r = call_open_card(call);

	if (r == 0)
		r = secret_ask(call, g->request.with, "face", &secret);
	if (r < 0)
		return r;
	entry = FUDA_PIN_ENTRY(secret);
	entry.use_last_try = common.use_last_try;
	g->request.pin = &entry;
	r = fuda_face_read(call->card, &g->request, call->dl, &g->records);
	fuda_secret_free(&secret);
	return secret_outcome(call, g->request.with, &entry, r);
}

/* Tells what was read and what it is worth, once the pictures have their names. */
static int tell(struct call *call, struct reading *g)
{
	int verdict, r;

	if (g->folder.fd >= 0)
		add_files(call, g);
	add_facts(call, g);
	add_list(call, g, true, _("Signed"), "signed");
	add_list(call, g, false, _("Not signed"), "unsigned");
	verdict = records_judged(call, &g->verdict, &g->records.certificate);
	if (g->folder.fd < 0 || !call->judged)
		return verdict;
	call_conclude(call, verdict);
	r = write_summary(call, g);
	return r < 0 ? r : verdict;
}

static int show(struct call *call, struct reading *g)
{
	int r = read_card(call, g);

	if (r == 0)
		r = fuda_face_verify(g->trust, &g->records, &g->verdict);
	if (r == 0)
		r = take_records(call, g);
	if (r == 0 && g->folder.fd >= 0)
		r = folder_commit(call, &g->folder);
	return r < 0 ? r : tell(call, g);
}

/* Nobody shall take the files of an earlier reading for those of one that failed. */
static void note_earlier(struct call *call, const struct reading *g)
{
	if (!call->judged && folder_sealed(&g->folder))
		snprintf(call->remark, sizeof(call->remark),
			 _("The directory %s holds an earlier reading, not this one."),
			 g->folder.path);
}

static int check_options(struct call *call, const struct fuda_face_request *request)
{
	if (my_number && request->with != FUDA_PIN_A)
		return call_usage(call, _("--my-number goes with --with a only"));
	if (!out && !request->age)
		return call_usage(call, _("say with -o DIR where the pictures go"));
	return out && !*out ? call_usage(call, _("-o takes the name of a directory")) : 0;
}

static int run(struct call *call)
{
	enum fuda_pin pin = records_with(with);
	struct reading g = {
		.request = { .age = pin == FUDA_PIN_BIRTH,
			     .face = pin != FUDA_PIN_BIRTH,
			     .my_number = my_number,
			     .with = pin },
		.records = FUDA_FACE_RECORDS_INIT,
		.folder = FOLDER_NONE,
	};
	int r = call_operands(call, 0, 0);

	if (r == 0)
		r = check_options(call, &g.request);
	if (r == 0)
		r = records_trust(call, &g.trust);
	if (r == 0 && out)
		r = folder_open(call, out, file_names, &g.folder);
	if (r == 0)
		r = show(call, &g);
	if (r < 0)
		note_earlier(call, &g);
	folder_close(&g.folder);
	fuda_cv_trust_free(&g.trust);
	fuda_face_records_free(&g.records);
	return r;
}

static const struct option_spec options[] = {
	{ "out", 'o', "DIR", N_("write the pictures to this directory"), OPTION_TEXT, &out },
	{ "with", 'w', "a|b|birth", N_("the secret that opens it (b)"), OPTION_CHOICE, &with },
	{ "my-number", 0, NULL, N_("the picture of the My Number, too; only with a"), OPTION_SWITCH,
	  &my_number },
	{ NULL },
};

const struct fuda_command command_face = {
	.name = "face",
	.summary = N_("write the pictures of the card's face, and whether they are genuine"),
	.synopsis = "-o DIR",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN | COMMAND_CV,
	.run = run,
};
