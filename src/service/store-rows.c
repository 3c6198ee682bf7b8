/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement gave. */
#include "service/store-inside.h"

#include <stdlib.h>
#include <string.h>

/* Bytes are found by where they begin, as they move while they grow. */
struct cell {
	enum datum_kind kind;
	int64_t number;
	size_t at, len;
};

struct rows_data {
	struct fuda_buf cells, bytes;
};

void rows_free(struct rows *rows)
{
	if (rows->data) {
		fuda_buf_free(&rows->data->cells);
		fuda_buf_free(&rows->data->bytes);
		free(rows->data);
	}
	*rows = (struct rows){ 0 };
}

int rows_start(struct rows *rows, size_t columns)
{
	if (columns > STORE_COLUMNS)
		return FUDA_ETOOBIG;
	*rows = (struct rows){ .columns = columns };
	return 0;
}

static int make_data(struct rows *rows)
{
	if (rows->data)
		return 0;
	rows->data = calloc(1, sizeof(*rows->data));
	if (!rows->data)
		return FUDA_ENOMEM;
	rows->data->cells = FUDA_BUF_INIT((size_t)STORE_ROWS * STORE_COLUMNS * sizeof(struct cell));
	rows->data->bytes = FUDA_BUF_INIT(STORE_ROWS_BYTES);
	return 0;
}

int rows_add(struct rows *rows, const struct datum *row)
{
	struct cell cells[STORE_COLUMNS] = { 0 };
	struct fuda_buf *bytes;
	int r;

	if (rows->count >= STORE_ROWS)
		return FUDA_ETOOBIG;
	r = make_data(rows);
	if (r < 0)
		return r;
	bytes = &rows->data->bytes;
	for (size_t i = 0; i < rows->columns && r == 0; i++) {
		cells[i] = (struct cell){ row[i].kind, row[i].number, bytes->len, row[i].len };
		r = fuda_buf_append(bytes, row[i].bytes, row[i].len);
	}
	if (r == 0)
		r = fuda_buf_append(&rows->data->cells, cells, rows->columns * sizeof(cells[0]));
	if (r == 0)
		rows->count++;
	return r;
}

int rows_fail(struct fuda_context *ctx, int code)
{
	if (code != FUDA_ETOOBIG)
		return ctx_fail_code(ctx, code);
	return ctx_fail(ctx, code,
			_("The answer of the database is longer than %d rows or %d MiB."),
			STORE_ROWS, STORE_ROWS_BYTES >> 20);
}

static const struct cell *cell(const struct rows *rows, size_t row, size_t column)
{
	static const struct cell none;

	if (row >= rows->count || column >= rows->columns)
		return &none;
	return (const struct cell *)(const void *)rows->data->cells.data + row * rows->columns +
	       column;
}

int64_t rows_int(const struct rows *rows, size_t row, size_t column)
{
	return cell(rows, row, column)->number;
}

struct datum rows_get(const struct rows *rows, size_t row, size_t column)
{
	const struct cell *c = cell(rows, row, column);
	struct datum value = { c->kind, c->number, NULL, c->len };

	if (c->kind == DATUM_BYTES || c->kind == DATUM_TEXT)
		value.bytes = c->len ? (const void *)(rows->data->bytes.data + c->at) : "";
	return value;
}

int rows_bytes(const struct rows *rows, size_t row, size_t column, void *ret, size_t len)
{
	struct datum value = rows_get(rows, row, column);

	if (value.kind != DATUM_BYTES || value.len != len)
		return FUDA_ESTORE;
	memcpy(ret, value.bytes, len);
	return 0;
}

int rows_text(const struct rows *rows, size_t row, size_t column, char *ret, size_t size)
{
	struct datum value = rows_get(rows, row, column);

	if (value.kind == DATUM_NULL)
		value = (struct datum){ DATUM_TEXT, 0, "", 0 };
	if (value.kind != DATUM_TEXT || value.len >= size || memchr(value.bytes, 0, value.len))
		return FUDA_ESTORE;
	memcpy(ret, value.bytes, value.len);
	ret[value.len] = 0;
	return 0;
}
