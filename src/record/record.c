/* SPDX-License-Identifier: Apache-2.0 */
#include "record/record.h"

#include "base/context.h"
#include "codec/utf8.h"
#include "codec/date.h"

static int malformed(struct fuda_context *ctx, const struct record_form *form, const char *part)
{
	return ctx_fail(ctx, FUDA_EFORMAT,
			_("%s is malformed: %s. Read the card again; if it stays so, do not accept "
			  "it."),
			_(form->name), part);
}

int record_malformed(struct fuda_context *ctx, const struct record_form *form, size_t object)
{
	return malformed(ctx, form, _(form->objects[object].name));
}

/* All of one kind: card.md 2.3, 2.7. */
static bool is_filler(struct cursor c)
{
	uint8_t first, b;

	if (cur_u8(&c, &first) < 0)
		return true;
	while (cur_u8(&c, &b) == 0)
		if (b != first)
			return false;
	return first == 0xFF || first == 0x00;
}

/* Whether the table has one offset for each object behind it, from the start of the file to the
 * object's tag. */
static bool offsets_fit(struct cursor table, const uint8_t *file, const struct tlv *objects,
			size_t count)
{
	uint16_t offset;

	for (size_t i = 0; i < count; i++)
		if (cur_u16(&table, &offset) < 0 || objects[i].whole.p != file + offset)
			return false;
	return table.left == 0;
}

static int read_objects(struct fuda_context *ctx, const struct record_form *form,
			const uint8_t *file, struct record *record)
{
	struct cursor inside = record->whole.value;
	size_t n = 0;

	for (; form->objects[n].tag; n++) {
		const struct object_form *object = &form->objects[n];

		if (tlv_expect(&inside, object->tag, &record->object[n]) < 0 ||
		    record->object[n].value.left < object->least ||
		    record->object[n].value.left > object->most)
			return record_malformed(ctx, form, n);
	}
	if (inside.left)
		return malformed(ctx, form, _("more objects than belong there"));
	if (form->offsets && !offsets_fit(record->object[0].value, file, &record->object[1], n - 1))
		return record_malformed(ctx, form, 0);
	return 0;
}

int record_read(struct fuda_context *ctx, const struct record_form *form,
		const struct fuda_buf *file, struct record *ret)
{
	struct cursor c = cur_of(file->data, file->len);
	struct record record = { 0 };
	int r;

	if (!file->len)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("%s was not read. Ask for it, with a secret that opens it."),
				_(form->name));
	if (tlv_expect(&c, form->tag, &record.whole) < 0)
		return malformed(ctx, form, _("not a whole object of its kind"));
	if (form->filler ? !is_filler(c) : c.left > 0)
		return malformed(ctx, form, _("bytes behind its end"));
	if (form->size && record.whole.value.left != form->size)
		return malformed(ctx, form, _("its length"));
	if (!form->size) {
		r = read_objects(ctx, form, file->data, &record);
		if (r < 0)
			return r;
	}
	*ret = record;
	return 0;
}

struct cursor record_span(const struct record *record, size_t first, size_t last)
{
	struct cursor from = record->object[first].whole, to = record->object[last].whole;

	return cur_of(from.p, (size_t)(to.p - from.p) + to.left);
}

int record_date(struct cursor value, char ret_date[FUDA_DATE_SIZE])
{
	struct date date;

	if (date_digits(&value, 4, &date.year) < 0 || date_digits(&value, 2, &date.month) < 0 ||
	    date_digits(&value, 2, &date.day) < 0 || value.left || !date_is_plausible(&date))
		return FUDA_EFORMAT;
	date_text(&date, ret_date);
	return 0;
}

int record_sex(struct cursor value, enum fuda_sex *ret_sex)
{
	/* '3' is not known too: card.md 2.7, 5.3 */
	static const struct {
		char digit;
		enum fuda_sex sex;
	} known[] = {
		{ '0', FUDA_SEX_NOT_KNOWN },      { '1', FUDA_SEX_MALE },
		{ '2', FUDA_SEX_FEMALE },         { '3', FUDA_SEX_NOT_KNOWN },
		{ '9', FUDA_SEX_NOT_APPLICABLE },
	};
	uint8_t digit;

	if (cur_u8(&value, &digit) < 0 || value.left)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].digit == (char)digit) {
			*ret_sex = known[i].sex;
			return 0;
		}
	}
	return FUDA_EFORMAT;
}

int record_text(struct cursor value, char *ret_text, size_t size)
{
	struct cursor c = value;
	uint32_t ch;

	if (value.left >= size)
		return FUDA_EFORMAT;
	while (c.left)
		if (utf8_next(&c, &ch) < 0 || utf8_is_control(ch))
			return FUDA_EFORMAT;
	if (value.left)
		memcpy(ret_text, value.p, value.left);
	ret_text[value.left] = '\0';
	return 0;
}

static bool begins(struct cursor value, const uint8_t *with, size_t len)
{
	const uint8_t *start;

	return value.left == 0 || (cur_take(&value, len, &start) == 0 && !memcmp(start, with, len));
}

bool record_is_png(struct cursor value)
{
	static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A };

	return begins(value, signature, sizeof(signature));
}

/* The signature box, ISO/IEC 15444-1 I.5.1. */
bool record_is_jp2(struct cursor value)
{
	static const uint8_t signature[] = {
		0, 0, 0, 12, 'j', 'P', ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A
	};

	return begins(value, signature, sizeof(signature));
}
