/* SPDX-License-Identifier: Apache-2.0 */
/* The QR code by which a software wallet is engaged. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/error.h>

#include "tools/vcard.h"
#include "vcard/vcard.h"

enum { URI_MAX = 16384, PNG_MAX = 1 << 20 };

static int write_file(const char *path, const struct fuda_buf *bytes)
{
	FILE *f = fopen(path, "wb");
	bool ok = f && fwrite(bytes->data, 1, bytes->len, f) == bytes->len;

	if (f && fclose(f) != 0)
		ok = false;
	return ok ? 0 : FUDA_EFILE;
}

static int draw(const struct fuda_buf *uri, const char *path)
{
	struct fuda_buf png = FUDA_BUF_INIT(PNG_MAX);
	int r = vcard_qr_png((const char *)uri->data, &png);

	if (r == FUDA_ENOTSUP)
		failed(r, "this build draws no QR codes (--disable-qr)");
	else if (r < 0)
		failed(r, "");
	else {
		r = write_file(path, &png);
		if (r < 0)
			failed(r, "the picture cannot be written");
	}
	fuda_buf_free_public(&png);
	return r;
}

int show_qr(const char *dir, const char *path)
{
	struct fuda_buf uri = FUDA_BUF_INIT(URI_MAX);
	char why[WHY_SIZE] = "";
	int r = vcard_qr(dir, &uri, why, sizeof(why));

	if (r < 0)
		failed(r, why);
	else if (path && (r = fuda_buf_append(&uri, "", 1)) == 0)
		r = draw(&uri, path);
	else if (r == 0)
		printf("%.*s\n", (int)uri.len, (const char *)uri.data);
	fuda_buf_free_public(&uri);
	return r < 0 ? fuda_error_exit_status(r) : 0;
}

int command_qr(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (option == 'h')
			return help();
		if (option == 'V')
			return version();
		if (option != 'o')
			return usage_hint();
		path = optarg;
	}
	if (!operand(argc, argv))
		return usage_error("qr takes one directory", "");
	r = show_qr(operand(argc, argv), path);
	if (r)
		return r;
	return told() == EXIT_SUCCESS ? 0 : failed(FUDA_EFILE, "the engagement cannot be written");
}
