/* SPDX-License-Identifier: Apache-2.0 */
/* How long an APDU takes on a contactless link, for comparing designs without hardware. */
#ifndef VCARD_LINKTIME_H
#define VCARD_LINKTIME_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds that a command of `command_len` bytes and its response of `response_len` bytes
 * (status word included) take on ISO 14443 type B at `kbits` (106, 212 or 424; 0 is returned for
 * others): the model of readers.md A8, without activation, waiting time extensions, host latency
 * and computing. */
uint64_t linktime_ns(size_t command_len, size_t response_len, unsigned kbits);

#endif
