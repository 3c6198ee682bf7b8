/* SPDX-License-Identifier: Apache-2.0 */
#include "service/rules.h"

#include <string.h>

#include "codec/json.h"
#include "service/challenge.h"
#include "service/http.h"

/* Whose they are is known by the card that signs, so that no path has an id in it. */
const struct rule rules[] = {
	{ "bind", "/v1/mykeys", true },
	{ "show", "/v1/mykeys:show", false },
	{ "change", "/v1/mykeys:change", true },
	{ "expire", "/v1/mykeys:expire", true },
	{ "resolve", "/v1/resolve", true },
	{ "link", "/v1/links", true },
	{ "unlink", "/v1/links:unlink", true },
	{ 0 },
};
