/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/names.h"

#include <string.h>

#include "base/util.h"

static const struct aid *const applications[] = {
	&aid_jpki, &aid_text, &aid_face, &aid_common, &aid_juki, &aid_isd, &aid_ndef, &aid_mdoc,
};

/* ---- files ---- */

#define PRIVACY_PERSONAL            .privacy = TRACE_PERSONAL
#define PRIVACY_PUBLIC              .privacy = TRACE_PUBLIC
#define PRIVACY_PUBLIC_BUT(at, len) .privacy = TRACE_PUBLIC, .personal = { at, len }

static const struct trace_file files[] = {
#define X(app, fid, name, meaning, privacy, secret_name, contents)        \
	{ &aid_##app, fid, name, meaning, PRIVACY_##privacy,              \
	  .secret = secret_name, .holds = TRACE_HOLDS_##contents },
#include "trace/files.def"
#undef X
};

const struct trace_file *trace_file(const struct aid *application, uint16_t fid)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].application == application && files[i].fid == fid)
			return &files[i];
	return NULL;
}

const struct trace_file *trace_file_at(size_t index)
{
	return index < ARRAY_SIZE(files) ? &files[index] : NULL;
}

/* ---- constants ---- */

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define STATUS(name, sw) { name, BYTES((sw) >> 8, (sw) & 0xFF) }

static const struct trace_constant constants[] = {
	{ "jpki", aid_jpki.bytes, 10 },
	{ "text", aid_text.bytes, 10 },
	{ "face", aid_face.bytes, 10 },
	{ "common", aid_common.bytes, 10 },
	{ "juki", aid_juki.bytes, 10 },
	{ "isd", aid_isd.bytes, 7 },
	{ "ndef", aid_ndef.bytes, 7 },
	{ "mdoc", aid_mdoc.bytes, 7 },
#define X(app, fid, name, meaning, privacy, secret_name, contents) \
	{ #app "." name, BYTES((fid) >> 8, (fid) & 0xFF) },
#include "trace/files.def"
#undef X
	/* card.md 3.4 */
	STATUS("ok", 0x9000),
	STATUS("damaged", 0x6281),
	STATUS("end-of-file", 0x6282),
	STATUS("locked", 0x6283),
	STATUS("mismatch", 0x6300),
	STATUS("file-full", 0x6381),
	STATUS("unchanged", 0x6400),
	STATUS("memory-failure", 0x6581),
	STATUS("wrong-length", 0x6700),
	STATUS("no-channel", 0x6881),
	STATUS("no-secure-messaging", 0x6882),
	STATUS("wrong-file-kind", 0x6981),
	STATUS("not-allowed", 0x6982),
	STATUS("blocked", 0x6984),
	STATUS("not-now", 0x6985),
	STATUS("no-file-selected", 0x6986),
	STATUS("wrong-data", 0x6A80),
	STATUS("no-function", 0x6A81),
	STATUS("not-found", 0x6A82),
	STATUS("no-record", 0x6A83),
	STATUS("wrong-parameters", 0x6A86),
	STATUS("no-object", 0x6A88),
	STATUS("outside", 0x6B00),
	STATUS("no-command", 0x6D00),
	STATUS("no-class", 0x6E00),
	STATUS("failed", 0x6F00),
};

const struct trace_constant *trace_constant(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
		if (strcmp(constants[i].name, name) == 0)
			return &constants[i];
	return NULL;
}

const struct trace_constant *trace_constant_at(size_t index)
{
	return index < ARRAY_SIZE(constants) ? &constants[index] : NULL;
}

/* A beginning that several have in common names none of them: which one a card then takes, nobody
 * knows. card.md 0, rule 8 */
const struct aid *trace_application(const uint8_t *bytes, size_t len)
{
	const struct aid *found = NULL;

	for (size_t i = 0; len && i < ARRAY_SIZE(applications); i++) {
		if (len > applications[i]->len || memcmp(applications[i]->bytes, bytes, len) != 0)
			continue;
		if (found)
			return NULL;
		found = applications[i];
	}
	return found;
}
