/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that every file of the library needs. */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <libintl.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/error.h>

#define TEXT_DOMAIN "fudasashi"
#define _(text)	    dgettext(TEXT_DOMAIN, text)
#define N_(text)    (text)

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_buf_ _cleanup_(fuda_buf_free)
#define _unused_     __attribute__((unused))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

/* Shortens to `len` bytes, wiping what stood behind them. */
void buf_cut(struct fuda_buf *b, size_t len);
/* Makes room for `more` bytes, so that appending them cannot fail. Errors as fuda_buf_append(). */
int buf_reserve(struct fuda_buf *b, size_t more);

/* Overwrites memory in a way that is not optimised away. */
void wipe(void *p, size_t len);

/* Compares in time that depends on `len` only. */
int equal_ct(const void *a, const void *b, size_t len);

#endif
