/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/dissect.h"

#include <string.h>

#include "codec/tlv.h"

enum {
	DEPTH_MAX = 6,	   /* of TLV */
	SHOWN_MAX = 64,	   /* bytes of a value in hexadecimal */
	TEXT_MAX = 400,	   /* ... and as text */
	VALUE_COLUMN = 46, /* where values stand */
	CONSTRUCTED = 0x20,
	CLASS_BITS = 0xC0,
};

enum form {
	FORM_ANY,     /* text if it is text, else hexadecimal */
	FORM_TEXT,
	FORM_HEX,
	FORM_NUMBER,  /* big endian, up to four bytes */
	FORM_OFFSETS, /* two bytes each */
	FORM_OBJECTS, /* TLV, whatever the tag says */
	FORM_PICTURE, /* PNG or JPEG 2000 */
	FORM_CV,      /* body of a CV certificate */
};

/* What tags mean; the first row that fits counts. */
struct tag_row {
	const struct aid *application; /* NULL: everywhere */
	uint16_t fid;		       /* 0: in any file */
	uint32_t tag;
	enum form form;
	const char *meaning;
};

static const struct tag_row tags[] = {
	/* card.md 2.6 */
	{ &aid_face, 1, 0xFF10, FORM_OBJECTS, N_("age record") },
	{ &aid_face, 1, 0xDF11, FORM_TEXT, N_("birth date") },
	{ &aid_face, 1, 0xDF12, FORM_OBJECTS, N_("public key") },
	{ &aid_face, 1, 0xDF13, FORM_HEX, N_("signature") },
	{ &aid_face, 2, 0xFF20, FORM_OBJECTS, N_("card face") },
	{ &aid_face, 2, 0xDF21, FORM_OFFSETS, N_("offsets") },
	{ &aid_face, 2, 0xDF22, FORM_TEXT, N_("birth date") },
	{ &aid_face, 2, 0xDF23, FORM_TEXT, N_("sex") },
	{ &aid_face, 2, 0xDF24, FORM_OBJECTS, N_("public key") },
	{ &aid_face, 2, 0xDF25, FORM_PICTURE, N_("picture of the name") },
	{ &aid_face, 2, 0xDF26, FORM_PICTURE, N_("picture of the address") },
	{ &aid_face, 2, 0xDF27, FORM_PICTURE, N_("photo") },
	{ &aid_face, 2, 0xDF28, FORM_HEX, N_("signature") },
	{ &aid_face, 2, 0xDF29, FORM_TEXT, N_("expiry of the card") },
	{ &aid_face, 2, 0xDF2A, FORM_PICTURE, N_("picture of the security code") },
	{ &aid_face, 3, 0xFF30, FORM_OBJECTS, N_("basic data of the application") },
	{ &aid_face, 3, 0xDF31, FORM_HEX, N_("identification") },
	{ &aid_face, 3, 0xDF32, FORM_ANY, N_("key identifier") },
	{ &aid_face, 3, 0xDF33, FORM_HEX, N_("version") },
	{ &aid_face, 3, 0xDF34, FORM_TEXT, N_("municipality") },
	{ &aid_face, 3, 0xDF35, FORM_HEX, N_("key identifier, and what is not known") },
	{ &aid_face, 5, 0xFF40, FORM_OBJECTS, N_("picture of the My Number, signed") },
	{ &aid_face, 5, 0xDF41, FORM_PICTURE, N_("picture of the My Number") },
	{ &aid_face, 5, 0xDF42, FORM_OBJECTS, N_("public key") },
	{ &aid_face, 5, 0xDF43, FORM_HEX, N_("signature") },
	/* card.md 2.7 */
	{ &aid_text, 1, 0xFF10, FORM_TEXT, N_("My Number") },
	{ &aid_text, 2, 0xFF20, FORM_OBJECTS, N_("four attributes") },
	{ &aid_text, 2, 0xDF21, FORM_OFFSETS, N_("offsets") },
	{ &aid_text, 2, 0xDF22, FORM_TEXT, N_("name") },
	{ &aid_text, 2, 0xDF23, FORM_TEXT, N_("address") },
	{ &aid_text, 2, 0xDF24, FORM_TEXT, N_("birth date") },
	{ &aid_text, 2, 0xDF25, FORM_TEXT, N_("sex") },
	{ &aid_text, 3, 0xFF30, FORM_OBJECTS, N_("integrity record") },
	{ &aid_text, 3, 0xDF31, FORM_HEX, N_("digest of the My Number's file") },
	{ &aid_text, 3, 0xDF32, FORM_HEX, N_("digest of the attributes") },
	{ &aid_text, 3, 0xDF33, FORM_HEX, N_("signature") },
	{ &aid_text, 5, 0xFF40, FORM_OBJECTS, N_("basic data of the application") },
	{ &aid_text, 5, 0xDF41, FORM_HEX, N_("identification") },
	{ &aid_text, 5, 0xDF42, FORM_ANY, N_("key identifier") },
	{ &aid_text, 5, 0xDF43, FORM_HEX, N_("not known") },
	{ &aid_text, 6, 0xA1, FORM_OBJECTS, N_("public key for session keys") },
	{ &aid_text, 7, 0xFF50, FORM_OBJECTS, N_("public key, signed") },
	{ &aid_text, 7, 0xDF51, FORM_OBJECTS, N_("public key") },
	{ &aid_text, 7, 0xDF52, FORM_HEX, N_("signature") },
	/* card.md 2.8, and keys everywhere */
	{ NULL, 0, 0x7F21, FORM_OBJECTS, N_("CV certificate") },
	{ NULL, 0, 0x5F4E, FORM_CV, N_("what is signed") },
	{ NULL, 0, 0x5F37, FORM_HEX, N_("signature") },
	{ NULL, 0, 0x90, FORM_HEX, N_("exponent") },
	{ NULL, 0, 0x91, FORM_HEX, N_("modulus") },
	/* ISO 7816-4 5.3.3 */
	{ NULL, 0, 0x6F, FORM_OBJECTS, N_("file control information") },
	{ NULL, 0, 0x62, FORM_OBJECTS, N_("file control parameters") },
	{ NULL, 0, 0x84, FORM_HEX, N_("name of the application") },
};

/* Fields at fixed places of files that are no TLV. */
struct field_row {
	const struct aid *application;
	uint16_t fid, at, len;
	enum form form;
	const char *meaning;
};

static const struct field_row fields[] = {
	/* card.md 2.3: CK_TOKEN_INFO of PKCS #11 */
	{ &aid_jpki, 6, 0, 32, FORM_TEXT, N_("label") },
	{ &aid_jpki, 6, 32, 32, FORM_TEXT, N_("manufacturer") },
	{ &aid_jpki, 6, 64, 16, FORM_TEXT, N_("model") },
	{ &aid_jpki, 6, 80, 16, FORM_TEXT, N_("serial number") },
	{ &aid_jpki, 6, 96, 4, FORM_HEX, N_("flags") },
	{ &aid_jpki, 6, 100, 4, FORM_NUMBER, N_("sessions at most") },
	{ &aid_jpki, 6, 104, 4, FORM_NUMBER, N_("sessions") },
	{ &aid_jpki, 6, 108, 4, FORM_NUMBER, N_("sessions that write at most") },
	{ &aid_jpki, 6, 112, 4, FORM_NUMBER, N_("sessions that write") },
	{ &aid_jpki, 6, 116, 4, FORM_NUMBER, N_("longest PIN") },
	{ &aid_jpki, 6, 120, 4, FORM_NUMBER, N_("shortest PIN") },
	{ &aid_jpki, 6, 124, 16, FORM_HEX, N_("memory") },
	{ &aid_jpki, 6, 140, 2, FORM_TEXT, N_("hardware version") },
	{ &aid_jpki, 6, 142, 2, FORM_TEXT, N_("firmware version") },
	{ &aid_jpki, 6, 144, 16, FORM_TEXT, N_("time") },
	{ &aid_jpki, 8, 0, 1, FORM_HEX, N_("certificate for signatures (8F: there)") },
	{ &aid_jpki, 8, 1, 1, FORM_HEX, N_("certificate for authentication (8F: there)") },
	{ &aid_jpki, 8, 2, 1, FORM_HEX, N_("not known") },
	/* card.md 2.4: behind tag and length of a record */
	{ &aid_common, 1, 0, 2, FORM_HEX, N_("tag and length") },
	{ &aid_common, 1, 2, 15, FORM_TEXT, N_("serial number") },
	{ &aid_common, 1, 17, 5, FORM_TEXT, N_("municipality") },
	{ &aid_common, 1, 22, 8, FORM_TEXT, N_("expiry of the card") },
};

/* ---- values ---- */

static void write_number(struct trace_out *o, const uint8_t *bytes, size_t len)
{
	struct cursor c = cur_of(bytes, len);
	uint32_t number;

	if (len <= sizeof(number) && cur_uint(&c, len, &number) == 0)
		out_printf(o, "%lu", (unsigned long)number);
	else
		out_hex(o, bytes, len, SHOWN_MAX);
}

static void write_offsets(struct trace_out *o, const uint8_t *bytes, size_t len)
{
	struct cursor c = cur_of(bytes, MIN(len, (size_t)SHOWN_MAX));
	uint16_t offset;

	for (bool first = true; cur_u16(&c, &offset) == 0; first = false)
		out_printf(o, "%s%u", first ? "" : " ", offset);
}

static void write_text(struct trace_out *o, const uint8_t *bytes, size_t len)
{
	size_t shown = len;

	while (shown && bytes[shown - 1] == ' ') /* padding: card.md 2.3 */
		shown--;
	out_text(o, "\"");
	out_safe(o, bytes, MIN(shown, (size_t)TEXT_MAX));
	out_text(o, shown > TEXT_MAX ? "...\"" : "\"");
}

static void write_picture(struct trace_out *o, const uint8_t *bytes, size_t len)
{
	static const struct {
		const char *name;
		size_t at, len;
		const char *magic;
	} kinds[] = {
		{ "PNG", 0, 4, "\x89PNG" },
		{ "JPEG 2000", 4, 4, "jP  " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (len >= kinds[i].at + kinds[i].len &&
		    memcmp(bytes + kinds[i].at, kinds[i].magic, kinds[i].len) == 0) {
			out_printf(o, _("%s, %zu bytes"), kinds[i].name, len);
			return;
		}
	out_hex(o, bytes, len, SHOWN_MAX);
}

static void write_form(struct trace_out *o, enum form form, const uint8_t *bytes, size_t len)
{
	switch (form) {
	case FORM_NUMBER:
		write_number(o, bytes, len);
		break;
	case FORM_OFFSETS:
		write_offsets(o, bytes, len);
		break;
	case FORM_PICTURE:
		write_picture(o, bytes, len);
		break;
	case FORM_ANY:
	case FORM_TEXT:
		if (out_is_text(bytes, len)) {
			write_text(o, bytes, len);
			break;
		}
		/* fallthrough */
	case FORM_HEX:
	case FORM_OBJECTS:
	case FORM_CV:
		out_hex(o, bytes, len, SHOWN_MAX);
		break;
	}
}

/* What does not fit into the line goes on below where it began. */
static void write_value(struct trace_out *o, enum form form, const uint8_t *bytes, size_t len)
{
	size_t indent = o->indent;

	o->indent = MAX(o->column, indent);
	write_form(o, form, bytes, len);
	o->indent = indent;
	out_line(o);
}

/* ---- objects ---- */

static const struct tag_row *find_tag(const struct trace_about *about, uint32_t tag)
{
	const struct aid *application = about->file ? about->file->application : NULL;
	uint16_t fid = about->file ? about->file->fid : 0;

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (tags[i].tag == tag && (!tags[i].application ||
					   (tags[i].application == application &&
					    tags[i].fid == fid)))
			return &tags[i];
	return NULL;
}

static bool constructed(uint32_t tag)
{
	while (tag > 0xFF)
		tag >>= 8;
	return tag & CONSTRUCTED;
}

static bool is_filler(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != bytes[0] || (bytes[i] != 0x00 && bytes[i] != 0xFF))
			return false;
	return true;
}

/* Whether `c` is one object or several to its end, but for filler. */
static bool is_objects(struct cursor c)
{
	struct tlv t;
	size_t count = 0;

	while (c.left && !(count && is_filler(c.p, c.left))) {
		if (tlv_next(&c, &t) < 0)
			return false;
		count++;
	}
	return count != 0;
}

static void write_rest(struct trace_out *o, const struct cursor *c)
{
	if (!c->left)
		return;
	if (is_filler(c->p, c->left))
		out_printf(o, _("filler: %zu bytes of %02X"), c->left, *c->p);
	else
		out_hex(o, c->p, c->left, SHOWN_MAX);
	out_line(o);
}

static void write_objects(struct trace_out *o, const struct trace_about *about, struct cursor c,
			  int depth);

/* Two key identifiers, then a key: card.md 2.8. */
static void write_cv(struct trace_out *o, const struct trace_about *about, struct cursor c,
		     int depth)
{
	enum { KEY_ID = 16 };
	static const char *const ids[] = { N_("key of the issuer"), N_("key of the subject") };
	const uint8_t *id;

	for (size_t i = 0; i < ARRAY_SIZE(ids) && cur_take(&c, KEY_ID, &id) == 0; i++) {
		out_text(o, _(ids[i]));
		out_column(o, VALUE_COLUMN);
		write_value(o, FORM_HEX, id, KEY_ID);
	}
	write_objects(o, about, c, depth + 1);
}

static void write_objects(struct trace_out *o, const struct trace_about *about, struct cursor c,
			  int depth)
{
	struct tlv t;

	while (c.left && o->error == 0 && !is_filler(c.p, c.left) && tlv_next(&c, &t) == 0) {
		const struct tag_row *row = find_tag(about, t.tag);
		enum form form = row		      ? row->form :
				 constructed(t.tag) ? FORM_OBJECTS :
						      FORM_ANY;

		out_printf(o, "%lX  ", (unsigned long)t.tag);
		if (row)
			out_text(o, _(row->meaning));
		if (depth < DEPTH_MAX &&
		    (form == FORM_CV || (form == FORM_OBJECTS && is_objects(t.value)))) {
			out_line(o);
			o->indent += 2;
			(form == FORM_CV ? write_cv : write_objects)(o, about, t.value, depth + 1);
			o->indent -= 2;
			continue;
		}
		out_column(o, VALUE_COLUMN);
		write_value(o, form, t.value.p, t.value.left);
	}
	write_rest(o, &c);
}

/* ---- fields ---- */

static bool row_fits(const struct field_row *row, const struct trace_file *file)
{
	return file && row->application == file->application && row->fid == file->fid;
}

bool trace_dissect_fields(struct trace_out *o, const struct trace_about *about, size_t offset,
			  const uint8_t *data, size_t len,
			  bool (*known)(const void *arg, size_t at, size_t n), const void *arg)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields) && about->kind == TRACE_IS_READ; i++) {
		const struct field_row *row = &fields[i];
		size_t at = row->at - offset;

		if (!row_fits(row, about->file) || row->at < offset ||
		    (size_t)row->at + row->len > offset + len)
			continue;
		out_text(o, _(row->meaning));
		out_column(o, VALUE_COLUMN);
		if (!known || known(arg, at, row->len)) {
			write_value(o, row->form, data + at, row->len);
		} else {
			out_text(o, _("not shown"));
			out_line(o);
		}
		count++;
	}
	return count != 0;
}

/* Whether data of `about` is to be taken for objects: what is known to hold none is not, nor what
 * only happens to have lengths that fit. */
static bool holds_objects(const struct trace_about *about, struct cursor c)
{
	struct cursor at = c;
	struct tlv t;

	if (about->kind == TRACE_IS_CHALLENGE || about->kind == TRACE_IS_SIGN ||
	    (about->kind == TRACE_IS_READ && about->file &&
	     about->file->holds == TRACE_HOLDS_BYTES))
		return false;
	return tlv_next(&at, &t) == 0 && (constructed(t.tag) || find_tag(about, t.tag)) &&
	       is_objects(c);
}

void trace_dissect(struct trace_out *o, const struct trace_about *about, size_t offset,
		   const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len);

	if (!len || trace_dissect_fields(o, about, offset, data, len, NULL, NULL))
		return;
	if (offset == 0 && !out_is_text(data, len) && holds_objects(about, c)) {
		write_objects(o, about, c, 0);
		return;
	}
	write_value(o, FORM_ANY, data, len);
}
