/* SPDX-License-Identifier: Apache-2.0 */
/* Values in PostgreSQL's binary form. */
#include <endian.h>

#include "service/store-inside.h"
#include "service/store-postgres.h"

/* Of pg_type: they are the same in every server. */
enum oid {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_VARCHAR = 1043,
};

static uint64_t big_endian(const char *bytes, int len)
{
	uint64_t n = 0;

	for (int i = 0; i < len; i++)
		n = n << 8 | (uint8_t)bytes[i];
	return n;
}

static bool value_at(const PGresult *result, int row, int column, struct datum *ret)
{
	const char *bytes = PQgetvalue(result, row, column);
	int len = PQgetlength(result, row, column);

	*ret = NONE;
	if (PQgetisnull(result, row, column))
		return true;
	switch (PQftype(result, column)) {
	case OID_BOOL:
		*ret = INT(len == 1 && *bytes);
		return len == 1;
	case OID_INT2:
		*ret = INT((int16_t)big_endian(bytes, len));
		return len == 2;
	case OID_INT4:
		*ret = INT((int32_t)big_endian(bytes, len));
		return len == 4;
	case OID_INT8:
		*ret = INT((int64_t)big_endian(bytes, len));
		return len == 8;
	case OID_BYTEA:
		*ret = BYTES(bytes, (size_t)len);
		return true;
	case OID_NAME:
	case OID_TEXT:
	case OID_VARCHAR:
		*ret = (struct datum){ DATUM_TEXT, 0, bytes, (size_t)len };
		return true;
	default: /* we have no fractions */
		return false;
	}
}

int postgres_take_rows(struct fuda_context *ctx, const PGresult *result, struct rows *rows)
{
	struct datum row[STORE_COLUMNS];
	int r = 0;

	if (!rows->columns)
		r = rows_start(rows, (size_t)PQnfields(result));
	for (int i = 0; i < PQntuples(result) && r == 0; i++) {
		for (size_t j = 0; j < rows->columns; j++)
			if (!value_at(result, i, (int)j, &row[j]))
				return ctx_fail(ctx, FUDA_ESTORE,
						_("The database gave a value of an unknown kind."));
		r = rows_add(rows, row);
	}
	return r < 0 ? rows_fail(ctx, r) : 0;
}

Oid postgres_type(enum datum_kind kind)
{
	static const Oid types[] = {
		[DATUM_INT] = OID_INT8, [DATUM_BYTES] = OID_BYTEA, [DATUM_TEXT] = OID_TEXT
	};

	return types[kind];
}

void postgres_fill(struct postgres_params *out, const struct datum *params, int count)
{
	for (int i = 0; i < count; i++) {
		out->numbers[i] = htobe64((uint64_t)params[i].number);
		out->binary[i] = 1;
		out->lengths[i] = (int)params[i].len;
		out->values[i] = params[i].len ? params[i].bytes : "";
		if (params[i].kind == DATUM_NULL)
			out->values[i] = NULL;
		if (params[i].kind == DATUM_INT) {
			out->values[i] = (const char *)&out->numbers[i];
			out->lengths[i] = sizeof(out->numbers[i]);
		}
	}
}
