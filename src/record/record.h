/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the card's applications: one object, which holds objects that are given in advance,
 * each once and in their order; lengths in their shortest form. card.md 2.6, 2.7. */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stdbool.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/person.h>
#include "codec/tlv.h"

enum { RECORD_OBJECTS_MAX = 10 };

/* Sizes that are everywhere the same. */
enum { RECORD_KEY = 265, RECORD_SIGNATURE = 256, RECORD_DIGEST = 32, RECORD_DATE = 8 };

struct object_form {
	uint32_t tag;
	const char *name;   /* for messages, to be translated */
	size_t least, most; /* bytes of its value */
};

struct record_form {
	uint32_t tag;
	const char *name;
	/* Up to the first without a tag; none: the value of the record is the content. */
	struct object_form objects[RECORD_OBJECTS_MAX + 1];
	size_t size;  /* of a value without objects */
	bool offsets; /* the first object says where each of the others begins in the file */
	bool filler;  /* all FF or all 00 may follow up to the end of the file */
};

struct record {
	struct tlv whole;
	struct tlv object[RECORD_OBJECTS_MAX];
};

/* Takes a file apart, as far as `form` says; what the objects say is not looked at. FUDA_EINVAL if
 * it is empty, as it was not asked for; FUDA_EFORMAT. The result points into `file`. */
int record_read(struct fuda_context *ctx, const struct record_form *form,
		const struct fuda_buf *file, struct record *ret);

/* Says that this object of the record is malformed; FUDA_EFORMAT. */
int record_malformed(struct fuda_context *ctx, const struct record_form *form, size_t object);

/* The bytes of objects `first` to `last`, tags and lengths included. */
struct cursor record_span(const struct record *record, size_t first, size_t last);

/* ---- what objects say; 0 or FUDA_EFORMAT ---- */

/* Eight digits as "1980-02-17". Parts that are not known are zeros. */
int record_date(struct cursor value, char ret_date[FUDA_DATE_SIZE]);
/* One digit. */
int record_sex(struct cursor value, enum fuda_sex *ret_sex);
/* UTF-8 without control characters, which with its NUL fits `size`. */
int record_text(struct cursor value, char *ret_text, size_t size);
/* Whether it begins as an image of that kind, or is empty. */
bool record_is_png(struct cursor value);
bool record_is_jp2(struct cursor value);

#endif
