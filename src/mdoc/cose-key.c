/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Key: RFC 9052 7, RFC 9053 7. */
#include "base/util.h"
#include "mdoc/cose.h"

enum { KEY_TYPE = 1, KEY_CURVE = -1, KEY_X = -2, KEY_Y = -3, KEY_D = -4 };
enum { TYPE_EC2 = 2, UNCOMPRESSED = 4 };

static enum curve find_curve(int64_t type, int64_t number)
{
	for (int i = CURVE_NONE + 1; i < CURVES; i++) {
		const struct curve_facts *facts = curve_facts((enum curve)i);

		if (facts->cose_type == type && facts->cose_curve == number)
			return (enum curve)i;
	}
	return CURVE_NONE;
}

static int read_coordinate(const struct cbor *key, int64_t label, size_t bytes, uint8_t *out)
{
	struct cursor coordinate;
	struct cbor item;

	/* leading zeros stay: RFC 9053 7.1.1 */
	if (cbor_get_int(key, label, &item) < 0 || cbor_bytes(&item, &coordinate) < 0 ||
	    coordinate.left != bytes)
		return FUDA_EFORMAT;
	return cur_copy(&coordinate, out, bytes);
}

static int read_number(const struct cbor *key, int64_t label, int64_t *ret)
{
	struct cbor item;

	return cbor_get_int(key, label, &item) < 0 ? FUDA_EFORMAT : cbor_int(&item, ret);
}

int cose_key_read(const struct cbor *item, struct key **ret)
{
	uint8_t point[KEY_POINT_MAX] = { UNCOMPRESSED };
	int64_t type, number;
	struct cbor private;
	enum curve curve;
	size_t bytes;

	if (read_number(item, KEY_TYPE, &type) < 0 || read_number(item, KEY_CURVE, &number) < 0 ||
	    cbor_get_int(item, KEY_D, &private) == 0)
		return FUDA_EFORMAT;
	curve = find_curve(type, number);
	if (curve == CURVE_NONE)
		return FUDA_ENOTSUP;
	bytes = curve_facts(curve)->bytes;
	if (type != TYPE_EC2)
		return read_coordinate(item, KEY_X, bytes, point) < 0 ?
			       FUDA_EFORMAT :
			       key_new_point(curve, point, bytes, ret);
	if (read_coordinate(item, KEY_X, bytes, point + 1) < 0 ||
	    read_coordinate(item, KEY_Y, bytes, point + 1 + bytes) < 0)
		return FUDA_EFORMAT;
	return key_new_point(curve, point, 1 + 2 * bytes, ret);
}

int cose_key_put(struct cbor_out *out, const struct key *key)
{
	const struct curve_facts *facts = curve_facts(key_curve(key));
	bool ec2 = facts->cose_type == TYPE_EC2;
	const uint8_t *point;
	size_t len;

	point = key_point(key, &len);
	if (!point)
		return out->failed = FUDA_ENOTSUP;
	cbor_put_map(out, ec2 ? 4 : 3);
	cbor_put_int(out, KEY_TYPE);
	cbor_put_int(out, facts->cose_type);
	cbor_put_int(out, KEY_CURVE);
	cbor_put_int(out, facts->cose_curve);
	cbor_put_int(out, KEY_X);
	cbor_put_bytes(out, ec2 ? point + 1 : point, facts->bytes);
	if (ec2) {
		cbor_put_int(out, KEY_Y);
		cbor_put_bytes(out, point + 1 + facts->bytes, facts->bytes);
	}
	return out->failed;
}
