/* SPDX-License-Identifier: Apache-2.0 */
/* A million entries are usual, so nothing is allocated, and no text made, for each. */
#include "pki/crl-list.h"

#include <stdlib.h>

#include "base/util.h"
#include "pki/der.h"

enum {
	ENUMERATED = 0x0A,
	ENTRY_MIN = 20, /* SEQUENCE, INTEGER of a byte, UTCTime: what an entry has at least */
	UTC_TIME_LEN = 13,
	GENERALIZED_TIME_LEN = 15,
	REASON_MAX = 10,
	REASON_UNUSED = 7,
	REASON_REMOVE = 8, /* removeFromCRL, in lists of differences: RFC 5280 5.3.1 */
};

/* id-ce-cRLReasons, id-ce-invalidityDate */
static const uint8_t oid_reason[] = { 0x55, 0x1D, 21 }, oid_invalidity[] = { 0x55, 0x1D, 24 };

static bool is_oid(struct cursor oid, const uint8_t other[3])
{
	return oid.left == 3 && memcmp(oid.p, other, 3) == 0;
}

static int read_reason(struct cursor c, uint8_t *ret)
{
	struct tlv t;
	uint8_t reason;

	if (tlv_expect(&c, ENUMERATED, &t) < 0 || c.left || cur_u8(&t.value, &reason) < 0 ||
	    t.value.left)
		return FUDA_EFORMAT;
	if (reason > REASON_MAX || reason == REASON_UNUSED || reason == REASON_REMOVE)
		return FUDA_ENOTSUP;
	*ret = reason;
	return 0;
}

static int read_extension(struct cursor *c, struct crl_record *record)
{
	struct cursor oid, value;
	bool critical;

	if (der_extension(c, &oid, &critical, &value) < 0)
		return FUDA_EFORMAT;
	if (is_oid(oid, oid_reason))
		return record->reason == CRL_NO_REASON ? read_reason(value, &record->reason) :
							 FUDA_EFORMAT; /* twice */
	if (is_oid(oid, oid_invalidity))
		return 0;
	return critical ? FUDA_ENOTSUP : 0;
}

/* Since when is of no use here, so that it is not worked out. */
static int skip_time(struct cursor *c)
{
	struct tlv t;

	if (tlv_next_der(c, &t) < 0 ||
	    !((t.tag == DER_UTC_TIME && t.value.left == UTC_TIME_LEN) ||
	      (t.tag == DER_GENERALIZED_TIME && t.value.left == GENERALIZED_TIME_LEN)))
		return FUDA_EFORMAT;
	return 0;
}

/* Not longer than there is room; positive: RFC 5280 4.1.2.2. */
static int put_serial(struct cursor serial, uint8_t ret[CRL_SERIAL_MAX])
{
	size_t left = CRL_SERIAL_MAX;

	if (serial.left > left)
		return FUDA_EFORMAT;
	left -= serial.left;
	memset(ret, 0, left);
	return cur_copy(&serial, ret + left, serial.left);
}

/* SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL } */
static int read_entry(struct cursor *c, size_t number, struct crl_record *record)
{
	struct tlv entry, extensions;
	struct cursor serial, first;
	uint8_t b;
	int r = 0;

	record->number[0] = (uint8_t)(number >> 16);
	record->number[1] = (uint8_t)(number >> 8);
	record->number[2] = (uint8_t)number;
	record->reason = CRL_NO_REASON;
	if (tlv_expect(c, DER_SEQUENCE, &entry) < 0 ||
	    der_unsigned(&entry.value, CRL_SERIAL_MAX, &serial) < 0)
		return FUDA_EFORMAT;
	first = serial;
	if (cur_u8(&first, &b) < 0 || b == 0 || put_serial(serial, record->serial) < 0 ||
	    skip_time(&entry.value) < 0)
		return FUDA_EFORMAT;
	if (entry.value.left == 0)
		return 0;
	if (tlv_expect(&entry.value, DER_SEQUENCE, &extensions) < 0 || entry.value.left)
		return FUDA_EFORMAT;
	while (r == 0 && extensions.value.left)
		r = read_extension(&extensions.value, record);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct crl_record *one = a, *other = b;
	int order = memcmp(one->serial, other->serial, sizeof(one->serial));

	return order ? order : memcmp(one->number, other->number, sizeof(one->number));
}

static int read_entries(struct cursor entries, struct crl_list *list)
{
	bool sorted = true;

	while (entries.left) {
		struct crl_record *record = &list->records[list->count];
		int r = read_entry(&entries, list->count, record);

		if (r < 0)
			return r;
		sorted = sorted && (list->count == 0 || compare(record - 1, record) < 0);
		list->count++;
	}
	if (!sorted)
		qsort(list->records, list->count, sizeof(*list->records), compare);
	return 0;
}

int crl_list_read(struct cursor entries, struct crl_list *ret)
{
	_cleanup_(crl_list_free) struct crl_list list = { 0 };
	struct crl_record *fitting;
	int r;

	/* one more, so that there is always something to allocate */
	list.records = malloc((entries.left / ENTRY_MIN + 1) * sizeof(*list.records));
	if (!list.records)
		return FUDA_ENOMEM;
	r = read_entries(entries, &list);
	if (r < 0)
		return r;
	fitting = realloc(list.records, (list.count + 1) * sizeof(*list.records));
	if (fitting)
		list.records = fitting;
	*ret = list;
	list.records = NULL;
	return 0;
}

void crl_list_free(struct crl_list *list)
{
	free(list->records);
	*list = (struct crl_list){ 0 };
}

const struct crl_record *crl_list_find(const struct crl_list *list, struct cursor serial)
{
	size_t low = 0, high = list->count;
	uint8_t wanted[CRL_SERIAL_MAX];

	if (put_serial(serial, wanted) < 0)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(list->records[middle].serial, wanted, sizeof(wanted)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == list->count || memcmp(list->records[low].serial, wanted, sizeof(wanted)) != 0)
		return NULL;
	return &list->records[low];
}
