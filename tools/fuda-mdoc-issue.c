/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "tools/certs.h"
#include "tools/files.h"
#include "tools/mdoc-common.h"
#include "tools/report.h"

enum { KEY_FILE_MAX = 65536, DER_SEQUENCE = 0x30, PROGRESS_EVERY = 1000, COLUMNS = 3, DAY = 86400 };
#define BATCH_MAX 1000000ul

static const char *signer_key, *signer_certificate, *module, *device_key, *at, *batch, *out;
static int days, decoys;
static struct text_list purposes;

/* One run: what all credentials of it have in common. */
struct issuing {
	struct fuda_mdoc_profiles *profiles;
	struct fuda_mdoc_issuer *issuer;
	time_t at;
	unsigned long count;
};

static void issuing_free(struct issuing *i)
{
	fuda_mdoc_issuer_free(&i->issuer);
	fuda_mdoc_profiles_free(&i->profiles);
}

/* ---- the phone's key ---- */

/* A phone's public key in any of the forms in which it may come: PEM, DER, COSE_Key; or the whole
 * key, for who made it himself. */
static int read_device_key(struct call *call, const char *path, struct fuda_buf *ret_public,
			   struct fuda_mdoc_key **ret_key)
{
	_cleanup_buf_ struct fuda_buf file = FUDA_BUF_INIT(KEY_FILE_MAX);
	const char *text;
	size_t left;
	int r = file_read(call, path, &file);

	if (r < 0)
		return r;
	text = (const char *)file.data;
	left = file.len;
	if (left && fuda_pem_decode("PUBLIC KEY", &text, &left, ret_public) == 0)
		return 0;
	if (file.len && file.data[0] == DER_SEQUENCE)
		return fuda_buf_append(ret_public, file.data, file.len);
	if (file.len && memmem(file.data, file.len, "PRIVATE KEY-----", 16))
		return fuda_mdoc_key_read(call->ctx, path, ret_key);
	if (fuda_mdoc_decode(call->ctx, file.data, file.len, ret_public) == 0)
		return 0;
	return call_fail(call, FUDA_EFORMAT,
			 _("%s: this is to be the public key of the phone: PEM, DER or COSE_Key"),
			 path);
}

/* ---- one credential ---- */

/* What is read is not written over: in a batch a mistake in the list, whose line is told. */
static int check_kept(struct call *call, const char *to)
{
	if (!batch)
		return mdoc_check_output(call, to);
	return mdoc_would_replace(to) ?
		       call_fail(call, FUDA_EFORMAT,
				 _("%s: %s is read here, and would be replaced"), batch, to) :
		       0;
}

static int issue(struct call *call, struct issuing *i, const struct fuda_mdoc_attributes *holder,
		 const char *key_path, const char *to)
{
	_cleanup_buf_ struct fuda_buf public = FUDA_BUF_INIT(KEY_FILE_MAX), issued = MDOC_BUF;
	_cleanup_(fuda_mdoc_key_free) struct fuda_mdoc_key *key = NULL;
	struct fuda_mdoc_order order = {
		.profile = mdoc_profile(),
		.attributes = holder,
		.at = i->at,
		.days = (unsigned)days,
		.decoys = (unsigned)decoys,
	};
	int r = check_kept(call, to);

	if (r == 0)
		r = read_device_key(call, key_path, &public, &key);
	order.device_key = mdoc_span(&public);
	order.key = key;
	if (r == 0)
		r = fuda_mdoc_issue(i->issuer, i->profiles, &order, &issued);
	if (r == 0)
		r = mdoc_write(call, to, &issued);
	if (r == 0)
		i->count++;
	return r;
}

static int issue_file(struct call *call, struct issuing *i, const char *attributes,
		      const char *key_path, const char *to)
{
	_cleanup_(fuda_mdoc_attributes_free) struct fuda_mdoc_attributes *holder = NULL;
	int r = fuda_mdoc_attributes_new(call->ctx, &holder);

	if (r == 0)
		r = fuda_mdoc_attributes_read(call->ctx, holder, attributes);
	if (r == 0)
		r = mdoc_keep(call, attributes);
	if (r == 0)
		r = mdoc_keep(call, fuda_mdoc_attributes_portrait(holder));
	if (r == 0)
		r = mdoc_keep(call, key_path);
	return r < 0 ? r : issue(call, i, holder, key_path, to);
}

/* ---- many ---- */

/* A file of lines that is read, and what came of it. */
struct reading {
	FILE *file;
	char *line;
	size_t size;
	unsigned long number;
	void *written; /* whole names of regular files, as tsearch() keeps them */
};

static void reading_free(struct reading *r)
{
	tdestroy(r->written, free);
	free(r->line);
	if (r->file)
		fclose(r->file);
}

/* The next line without its end, which other systems write as CR LF. FUDA_ENOTFOUND: no more. */
static int next_line(struct call *call, struct reading *r)
{
	ssize_t len;

	errno = 0;
	r->number++;
	len = getline(&r->line, &r->size, r->file);
	if (len < 0)
		return feof(r->file) ?
			       FUDA_ENOTFOUND :
			       call_fail(call, FUDA_EFILE, "%s: %s", batch, strerror(errno));
	if (len && r->line[len - 1] == '\n')
		r->line[--len] = '\0';
	if (len && r->line[len - 1] == '\r')
		r->line[--len] = '\0';
	if (strlen(r->line) == (size_t)len)
		return 0;
	return call_fail(call, FUDA_EFORMAT, _("%s:%lu: this is no text"), batch, r->number);
}

/* ATTRIBUTES TAB DEVICE-KEY TAB OUTPUT, cut in place. */
static bool cut_line(char *line, char *ret[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		char *tab = line ? strchr(line, '\t') : NULL;

		if (!line || !*line || (tab != NULL) != (i < COLUMNS - 1))
			return false;
		ret[i] = line;
		if (tab)
			*tab++ = '\0';
		line = tab;
	}
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The whole name of a regular file; NULL: it is something else, or not there. */
static char *whole_name(const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0 || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	return realpath(path, NULL);
}

/* A second credential in the same file would be the end of the first. */
static int check_output(struct call *call, const struct reading *r, const char *to)
{
	char *name = whole_name(to);
	bool twice = name && tfind(name, &r->written, compare_names);

	free(name);
	return twice ? call_fail(call, FUDA_EFORMAT,
				 _("%s:%lu: %s is the output of an earlier line too"), batch,
				 r->number, to) :
		       0;
}

static int remember_output(struct call *call, struct reading *r, const char *to)
{
	char *name = whole_name(to);

	if (!name || tsearch(name, &r->written, compare_names))
		return 0;
	free(name);
	return call_fail(call, FUDA_ENOMEM, "%s", fuda_error_text(FUDA_ENOMEM));
}

static int issue_line(struct call *call, struct issuing *i, struct reading *r)
{
	char *columns[COLUMNS];
	int e;

	if (i->count == BATCH_MAX)
		return call_fail(call, FUDA_ETOOBIG, _("a batch has %lu credentials at most"),
				 BATCH_MAX);
	if (!cut_line(r->line, columns))
		return call_fail(call, FUDA_EFORMAT,
				 _("%s:%lu: a line is the file of attributes, that of the phone's "
				   "key and the output, with tabs between them"),
				 batch, r->number);
	e = check_output(call, r, columns[2]);
	if (e == 0)
		e = issue_file(call, i, columns[0], columns[1], columns[2]);
	return e < 0 ? e : remember_output(call, r, columns[2]);
}

static void tell_progress(const struct issuing *i)
{
	if (i->count % PROGRESS_EVERY != 0 || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, _("%lu issued"), i->count);
	fputc('\r', stderr);
}

/* The message says what is wrong, and not of which holder. */
static void name_line(struct call *call, const struct issuing *i, unsigned long number)
{
	snprintf(call->remark, sizeof(call->remark),
		 _("This was line %lu of %s; issued before it, and whole: %lu."), number, batch,
		 i->count);
	report_number(call->report, NULL, "line", (long)number);
	report_number(call->report, NULL, "issued", (long)i->count);
}

/* What a line reads; that it cannot be read is told in its turn. */
static int keep_line(struct call *call, char *const columns[COLUMNS])
{
	_cleanup_(fuda_mdoc_attributes_free) struct fuda_mdoc_attributes *holder = NULL;
	int r = fuda_mdoc_attributes_new(call->ctx, &holder);

	if (r == 0 && fuda_mdoc_attributes_read(call->ctx, holder, columns[0]) == 0)
		r = mdoc_keep(call, fuda_mdoc_attributes_portrait(holder));
	if (r == 0)
		r = mdoc_keep(call, columns[0]);
	return r < 0 ? r : mdoc_keep(call, columns[1]);
}

/* Notes what all lines read, so that no line's output is another's input. A pipe can be read once
 * only. */
static int keep_inputs(struct call *call, struct reading *r)
{
	char *columns[COLUMNS];
	int e = mdoc_keep(call, batch);

	if (fseeko(r->file, 0, SEEK_SET) < 0)
		return e;
	while (e == 0 && !session_cancelled() && next_line(call, r) == 0) {
		if (*r->line == '#' || !cut_line(r->line, columns))
			continue;
		e = keep_line(call, columns);
	}
	rewind(r->file);
	r->number = 0;
	return e;
}

static int issue_batch(struct call *call, struct issuing *i)
{
	_cleanup_(reading_free) struct reading r = { .file = fopen(batch, "re") };
	int e;

	if (!r.file)
		return call_fail(call, FUDA_EFILE, "%s: %s", batch, strerror(errno));
	e = keep_inputs(call, &r);
	if (e < 0)
		return e;
	while (!session_cancelled()) {
		e = next_line(call, &r);
		if (e == FUDA_ENOTFOUND)
			return i->count ? 0 :
					  call_fail(call, FUDA_EFORMAT,
						    _("%s: there is no line in it"), batch);
		if (e == 0 && (!*r.line || *r.line == '#'))
			continue;
		if (e == 0)
			e = issue_line(call, i, &r);
		if (e < 0) {
			name_line(call, i, r.number);
			return e;
		}
		tell_progress(i);
	}
	return call_fail(call, FUDA_ECANCELLED, _("cancelled; what was issued so far is whole"));
}

/* ---- the command ---- */

static int begin(struct call *call, struct issuing *i)
{
	const char *oids[LIST_MAX + 1] = { NULL };
	struct fuda_mdoc_signer signer = {
		.key = signer_key,
		.certificate = signer_certificate,
		.module = module,
		.purposes = purposes.count ? oids : NULL,
	};
	int r = mdoc_check_purposes(call, &purposes);

	if (r == 0)
		r = mdoc_profiles(call, &i->profiles);
	for (size_t n = 0; n < purposes.count; n++)
		oids[n] = purposes.items[n];
	i->at = time(NULL);
	if (r == 0 && at)
		r = certs_time(call, "--at", at, &i->at);
	if (r == 0)
		r = mdoc_keep(call, signer_key);
	if (r == 0)
		r = mdoc_keep(call, signer_certificate);
	if (r == 0)
		r = mdoc_keep(call, module);
	return r < 0 ? r : fuda_mdoc_issuer_new(call->ctx, &signer, &i->issuer);
}

static void tell(struct call *call, const struct issuing *i)
{
	const struct fuda_cert_facts *f = fuda_cert_facts(fuda_mdoc_issuer_certificate(i->issuer));

	const time_t until = i->at + (time_t)(days ? days : FUDA_MDOC_DAYS) * DAY;

	report_text(call->report, _("Profile"), "profile", mdoc_profile());
	report_text(call->report, _("Signer"), "signer", f->subject);
	report_time(call->report, _("Valid from"), "valid_from", i->at);
	report_time(call->report, _("Valid until"), "valid_until",
		    until < f->not_after ? until : f->not_after);
	if (f->not_after < until)
		mdoc_remark(call, _("The signer's certificate ends earlier, and the credential "
				    "with "
				    "it."));
	report_number(call->report, _("Credentials"), "issued", (long)i->count);
}

static int run(struct call *call)
{
	_cleanup_(issuing_free) struct issuing issuing = { 0 };
	int r = call_operands(call, batch ? 0 : 1, batch ? 0 : 1);

	if (r == 0 && (!signer_key || !signer_certificate))
		r = call_usage(call, _("%s is missing"),
			       signer_key ? "--signer-certificate" : "--signer-key");
	if (r == 0 && module && strncmp(signer_key, "pkcs11:", strlen("pkcs11:")) != 0)
		r = call_usage(call, _("--module is for a key in a token (--signer-key "
				       "pkcs11:...)"));
	if (r == 0 && batch && (device_key || out))
		r = call_usage(call,
			       _("the lines of --batch name key and output: --%s does not go "
				 "with it"),
			       device_key ? "device-key" : "output");
	if (r == 0 && !batch && !device_key)
		r = call_usage(call, _("%s is missing"), "--device-key");
	if (r == 0)
		r = begin(call, &issuing);
	if (r == 0)
		r = batch ? issue_batch(call, &issuing) :
			    issue_file(call, &issuing, call->operands[0], device_key,
				       out ? out : "-");
	if (r == 0)
		tell(call, &issuing);
	return r;
}

static const struct option_spec options[] = {
	{ "signer-key", 0, "FILE|URI", N_("private key of the Document Signer, PEM or pkcs11:..."),
	  OPTION_TEXT, &signer_key },
	{ "signer-certificate", 0, "FILE", N_("its certificate, PEM or DER"), OPTION_TEXT,
	  &signer_certificate },
	{ "module", 0, "FILE", N_("PKCS#11 module of the token (p11-kit's)"), OPTION_TEXT,
	  &module },
	{ "purpose", 0, "OID", N_("extended key usage of signers (that of driving licences)"),
	  OPTION_LIST, &purposes },
	{ "device-key", 'k', "FILE", N_("public key of the phone: PEM, DER or COSE_Key"),
	  OPTION_TEXT, &device_key },
	{ "batch", 0, "FILE", N_("issue many: attributes, device key, output on each line"),
	  OPTION_TEXT, &batch },
	{ "at", 0, "TIME", N_("valid from this time on (now)"), OPTION_TEXT, &at },
	{ "days", 0, "DAYS", N_("valid for so long (30)"), OPTION_NUMBER, &days, 1,
	  FUDA_MDOC_DAYS },
	{ "decoys", 0, "NUMBER", N_("decoy digests for each namespace (0)"), OPTION_NUMBER, &decoys,
	  0, 64 },
	{ "output", 'o', "FILE", N_("where the IssuerSigned goes (standard output)"), OPTION_TEXT,
	  &out },
	{ NULL },
};

const struct fuda_command command_mdoc_issue = {
	.name = "mdoc issue",
	.summary = N_("issue a mobile credential; needs no reader"),
	.synopsis = "ATTRIBUTES --device-key FILE --signer-key FILE --signer-certificate FILE",
	.options = options,
	.groups = { mdoc_profile_options, mdoc_form_options },
	.flags = COMMAND_FILTER,
	.run = run,
};
