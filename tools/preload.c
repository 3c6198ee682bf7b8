/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/preload.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libfuda-preload.so"

static int set(struct call *call, const char *name, const char *value)
{
	if (value ? setenv(name, value, 1) : unsetenv(name))
		return call_fail(call, FUDA_ENOMEM, "%s: %s", name, strerror(errno));
	return 0;
}

int preload_trace(struct call *call, const char *path, bool raw)
{
	char whole[PATH_MAX];
	int r;

	if (!realpath(path, whole))
		return call_fail(call, FUDA_EFILE, "%s: %s", path, strerror(errno));
	r = set(call, "FUDA_TRACE", whole);
	return r < 0 ? r : set(call, "FUDA_TRACE_RAW", raw ? "1" : NULL);
}

/* In a build tree (whose programs are in .libs), in an installation that was moved, and else at the
 * place configured. */
static bool find_library(char *ret, size_t size)
{
	static const char *const places[] = { "/" LIBRARY, "/../lib/" PACKAGE "/" LIBRARY };
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[len < 0 ? 0 : len] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++)
		if ((size_t)snprintf(ret, size, "%s%s", exe, places[i]) < size &&
		    access(ret, R_OK) == 0)
			return true;
	return (size_t)snprintf(ret, size, "%s", PKGLIBDIR "/" LIBRARY) < size &&
	       access(ret, R_OK) == 0;
}

int preload_library(struct call *call, const char *faults)
{
	const char *before = getenv("LD_PRELOAD"), *between = before && *before ? ":" : "";
	char path[PATH_MAX], *value;
	int r;

	if (!find_library(path, sizeof(path)))
		return call_fail(call, FUDA_ENOTSUP,
				 _("The library that records PC/SC programs (%s) is not there."),
				 LIBRARY);
	if (strpbrk(path, " :"))
		return call_fail(call, FUDA_ENOTSUP,
				 _("%s cannot be preloaded: there is a blank or a colon in its "
				   "path."),
				 path);
	if (asprintf(&value, "%s%s%s", before ? before : "", between, path) < 0)
		return FUDA_ENOMEM;
	r = set(call, "LD_PRELOAD", value);
	free(value);
	return r < 0 || !faults ? r : set(call, "FUDA_FAULT", faults);
}
