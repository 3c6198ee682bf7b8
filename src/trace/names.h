/* SPDX-License-Identifier: Apache-2.0 */
/* What bytes of the card are called: names for scripts, files, commands, secrets. Tables of their
 * own from card.md 2 and 3. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "codec/names.h"

/* A built-in name: "jpki" (AID), "jpki.auth-certificate" (file identifier, two bytes), "ok"
 * (status word). */
struct trace_constant {
	const char *name;
	const uint8_t *bytes;
	size_t len;
};
/* NULL if there is none. Static. */
const struct trace_constant *trace_constant(const char *name);
/* All of them in order, for pages and tests: NULL behind the last. */
const struct trace_constant *trace_constant_at(size_t index);

/* Who may see what a file holds. */
enum trace_privacy {
	TRACE_PERSONAL, /* about the holder, or not known: never shown unless raw */
	TRACE_PUBLIC,	/* the same on many cards, or about the card's abilities */
};

/* An elementary file of an application. card.md 2 */
struct trace_file {
	const struct aid *application;
	uint16_t fid;
	const char *name;	    /* "auth-certificate" */
	const char *meaning;	    /* N_(), for people */
	enum trace_privacy privacy; /* of its content ... */
	struct {
		uint16_t at, len; /* bytes; len 0: none */
	} personal;		  /* ... but for this part of a public file */
	const char *secret;	    /* of an IEF: "auth", ...; NULL for others */
	enum { TRACE_HOLDS_BYTES, TRACE_HOLDS_TLV, TRACE_HOLDS_X509, TRACE_HOLDS_CV } holds;
};
/* NULL if it is not known. Static. */
const struct trace_file *trace_file(const struct aid *application, uint16_t fid);
const struct trace_file *trace_file_at(size_t index);

/* The application whose AID `bytes` are, or of which alone they are a beginning; NULL. */
const struct aid *trace_application(const uint8_t *bytes, size_t len);

#endif
