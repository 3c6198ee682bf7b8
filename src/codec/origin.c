/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/origin.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_PORT = 443, PORT_MAX = 65535 };

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long port = digits && digits <= 5 && !text[digits] && *text != '0' ?
			    strtol(text, NULL, 10) :
			    USUAL_PORT;

	return port != USUAL_PORT && port <= PORT_MAX;
}

bool origin_good(const char *text)
{
	static const char scheme[] = "https://";
	const char *host = text + sizeof(scheme) - 1;
	size_t len;

	if (strlen(text) >= ORIGIN_MAX || strncmp(text, scheme, sizeof(scheme) - 1) != 0)
		return false;
	len = *host == '[' ? strspn(host + 1, "0123456789abcdef:.") + 1 :
			     strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-");
	if (*host == '[' && (len < 3 || host[len++] != ']'))
		return false;
	return len && (!host[len] || (host[len] == ':' && is_port(host + len + 1)));
}
