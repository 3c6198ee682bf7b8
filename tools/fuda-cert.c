/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/certs.h"
#include "tools/files.h"
#include "tools/report.h"
#include "tools/secrets.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>

static const char *format = "pem", *out = "-";

static const struct {
	const char *name;
	enum fuda_jpki_object object;
} objects[] = {
	{ "auth", FUDA_JPKI_AUTH },
	{ "sign", FUDA_JPKI_SIGN },
	{ "auth-ca", FUDA_JPKI_AUTH_CA },
	{ "sign-ca", FUDA_JPKI_SIGN_CA },
};

static int object_by_name(struct call *call, const char *name, enum fuda_jpki_object *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (strcmp(objects[i].name, name) == 0) {
			*ret = objects[i].object;
			return 0;
		}
	return call_usage(call,
			  _("there is no certificate '%s': say auth, sign, auth-ca or sign-ca"),
			  name);
}

/* Reads it without a secret if the card allows, and asks only then. */
static int read_certificate(struct call *call, enum fuda_jpki_object object, struct fuda_buf *ret)
{
	enum fuda_pin pin = secret_of_key(object);
	struct fuda_secret *secret;
	struct fuda_pin_entry entry;
	int r = fuda_jpki_certificate(call->card, object, NULL, call->dl, ret);

	if (r != FUDA_ESECURITY)
		return r;
	r = secret_ask(call, pin, "jpki", &secret);
	if (r < 0)
		return r;
	entry = FUDA_PIN_ENTRY(secret);
	entry.use_last_try = common.use_last_try;
	r = fuda_jpki_certificate(call->card, object, &entry, call->dl, ret);
	fuda_secret_free(&secret);
	return secret_outcome(call, pin, &entry, r);
}

static int write_data(struct call *call, const struct fuda_buf *data)
{
	call->raw = true;
	return file_write(call, out, data->data, data->len);
}

/* A report goes where --format says, to the file or as the report of the call. */
static int write_report(struct call *call, const struct fuda_buf *der, const struct fuda_buf *pem)
{
	struct fuda_cert *cert;
	int r = fuda_cert_new(call->ctx, der->data, der->len, &cert);

	if (r < 0)
		return r;
	certs_report(call->report, cert);
	fuda_cert_free(&cert);
	report_text(call->report, NULL, "pem", (const char *)pem->data);
	return 0;
}

static int show(struct call *call, const struct fuda_buf *der)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(2 * FUDA_CERTIFICATE_MAX);
	int r;

	if (strcmp(format, "der") == 0)
		return write_data(call, der);
	r = fuda_pem_encode("CERTIFICATE", der->data, der->len, &pem);
	if (r < 0)
		return call_fail(call, r, "%s", fuda_error_text(r));
	if (strcmp(format, "pem") == 0)
		return write_data(call, &pem);
	r = fuda_buf_append(&pem, "", 1); /* as a C string */
	return r < 0 ? call_fail(call, r, "%s", fuda_error_text(r)) : write_report(call, der, &pem);
}

static int check_options(struct call *call)
{
	bool report = strcmp(format, "text") == 0 || strcmp(format, "json") == 0;

	if (common.json)
		format = "json";
	if (strcmp(format, "json") == 0) {
		common.json = true;
		locale_for_programs();
	}
	if ((report || common.json) && strcmp(out, "-") != 0)
		return call_usage(call, _("-o is for --format pem and der"));
	if (strcmp(format, "der") == 0 && strcmp(out, "-") == 0 && isatty(STDOUT_FILENO))
		return call_usage(call, _("DER is not for terminals: say -o FILE"));
	return 0;
}

static int run(struct call *call)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX);
	enum fuda_jpki_object object = FUDA_JPKI_AUTH;
	int r = call_operands(call, 1, 1);

	if (r == 0)
		r = object_by_name(call, call->operands[0], &object);
	if (r == 0)
		r = check_options(call);
	if (r == 0)
		r = call_open_card(call);
	if (r == 0)
		r = read_certificate(call, object, &der);
	return r < 0 ? r : show(call, &der);
}

static const struct option_spec options[] = {
	{ "format", 'f', "pem|der|text|json", N_("form of the output (pem)"), OPTION_CHOICE,
	  &format },
	{ "out", 'o', "FILE", N_("write to FILE instead of standard output"), OPTION_TEXT, &out },
	{ NULL },
};

const struct fuda_command command_cert = {
	.name = "cert",
	.summary = N_("print a certificate of the card"),
	.synopsis = "auth|sign|auth-ca|sign-ca",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN,
	.run = run,
};
