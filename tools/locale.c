/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fuda.h"

#include <glob.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_DOMAIN "fudasashi"

/* Whether `dir` holds a translation of ours into any language. */
static bool has_catalogue(const char *dir)
{
	char pattern[PATH_MAX + 64];
	glob_t found = { 0 };
	bool any;

	snprintf(pattern, sizeof(pattern), "%s/*/LC_MESSAGES/" TEXT_DOMAIN ".mo", dir);
	any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
	globfree(&found);
	return any;
}

/* A moved installation, and a build tree (its programs are in it or in .libs), before the place
 * configured. */
static bool beside_program(char *ret, size_t size)
{
	static const char *const places[] = { "/../share/locale", "/../po", "/po" };
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (len < 0)
		return false;
	exe[len] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if ((size_t)snprintf(ret, size, "%s%s", exe, places[i]) < size &&
		    has_catalogue(ret))
			return true;
	return false;
}

void locale_start(void)
{
	char dir[PATH_MAX + 32];

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C"); /* numbers for programs */
	bindtextdomain(TEXT_DOMAIN, beside_program(dir, sizeof(dir)) ? dir : LOCALEDIR);
	textdomain(TEXT_DOMAIN);
}

void locale_for_programs(void)
{
	setlocale(LC_MESSAGES, "C");
}
