/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a service, https://HOST or https://HOST:PORT: what cards sign for. */
#ifndef CODEC_ORIGIN_H
#define CODEC_ORIGIN_H

#include <stdbool.h>

enum { ORIGIN_MAX = 256 }; /* with its NUL */

/* In the one form that it has: small letters, a port only where it is not 443, no leading zeros. An
 * IPv6 address stands in brackets. */
bool origin_good(const char *text);

#endif
