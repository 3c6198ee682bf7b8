/* SPDX-License-Identifier: Apache-2.0 */
/* NDEF messages (NFC Forum, NFC Data Exchange Format) as engagement by NFC uses them: a strict
 * reader that never copies, and a writer. */
#ifndef MDOC_NDEF_H
#define MDOC_NDEF_H

#include <stdbool.h>
#include <fuda/buf.h>
#include "base/cursor.h"

/* What the type of a record is a name of (TNF). */
enum ndef_form {
	NDEF_EMPTY,
	NDEF_WELL_KNOWN, /* "Hs" */
	NDEF_MEDIA,      /* "application/vnd.bluetooth.le.oob" */
	NDEF_URI,
	NDEF_EXTERNAL, /* "iso.org:18013:deviceengagement" */
	NDEF_UNKNOWN,
};
struct ndef_record {
	enum ndef_form form;
	struct cursor type, id, payload;
};

/* Messages of more records are refused. */
enum { NDEF_RECORDS_MAX = 16 };
struct ndef {
	struct ndef_record records[NDEF_RECORDS_MAX];
	size_t count; /* at least 1 */
};

/* Takes exactly one message, which is all of `message`. FUDA_EFORMAT: also records in chunks, the
 * reserved TNF 7, and marks of begin and end that do not stand in the first and the last record
 * alone. */
int ndef_read(struct cursor message, struct ndef *ret);

/* Whether a record's type is `type`. */
bool ndef_is(const struct ndef_record *record, enum ndef_form form, const char *type);

enum ndef_place {
	NDEF_MIDDLE = 0x00,
	NDEF_LAST = 0x40,
	NDEF_FIRST = 0x80,
	NDEF_ALONE = NDEF_FIRST | NDEF_LAST,
};
/* Appends a record. FUDA_ETOOBIG (also a type or an id of over 255 bytes), FUDA_ENOMEM. */
int ndef_put(enum ndef_place place, const struct ndef_record *record, struct fuda_buf *ret);

#endif
