/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/error.h>

#include "base/util.h"

static const struct {
	const char *name, *text;
	int exit_status;
} errors[] = {
	{ "OK", N_("done"), 0 },
#define X(name, text, exit, ckr, ifd) { #name, text, exit },
#include <fuda/err.def>
#undef X
};

/* The row of `code`; that of EFAILED for numbers that are no error of ours. */
static size_t row(int code)
{
	return code <= 0 && code > -FUDA_PLACES ? (size_t)-code : (size_t)FUDA_PLACE_EFAILED;
}

const char *fuda_error_text(int code)
{
	return _(errors[row(code)].text);
}

const char *fuda_error_name(int code)
{
	return errors[row(code)].name;
}

int fuda_error_exit_status(int code)
{
	return errors[row(code)].exit_status;
}
