/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/mso.h"

#include <time.h>

#include "base/util.h"
#include "mdoc/finding.h"

#define ADD(findings, rule, detail) \
	finding_add(findings, FUDA_MDOC_##rule, "", detail, strlen(detail))

/* ---- times ---- */

static int digits(struct cursor *c, size_t count, int *ret)
{
	int n = 0;
	uint8_t d;

	while (count--) {
		if (cur_u8(c, &d) < 0 || d < '0' || d > '9')
			return FUDA_EFORMAT;
		n = 10 * n + d - '0';
	}
	*ret = n;
	return 0;
}

static int expect(struct cursor *c, char ch)
{
	uint8_t b;

	return cur_u8(c, &b) < 0 || b != ch ? FUDA_EFORMAT : 0;
}

/* Fraction and offset as RFC 3339 would allow them, of UTC alone. */
static void skip_tolerated(struct cursor *c)
{
	if (c->left && *c->p == '.')
		do
			cur_skip(c, 1);
		while (c->left && *c->p >= '0' && *c->p <= '9');
	if (c->left == 6 && memcmp(c->p, "+00:00", 6) == 0)
		*c = cur_of((const uint8_t *)"Z", 1);
}

static int read_time(struct cursor c, bool allow, int64_t *ret)
{
	int year, month, day, hour, minute, second;
	struct tm tm = { 0 };
	time_t t;

	if (digits(&c, 4, &year) < 0 || expect(&c, '-') < 0 || digits(&c, 2, &month) < 0 ||
	    expect(&c, '-') < 0 || digits(&c, 2, &day) < 0 || expect(&c, 'T') < 0 ||
	    digits(&c, 2, &hour) < 0 || expect(&c, ':') < 0 || digits(&c, 2, &minute) < 0 ||
	    expect(&c, ':') < 0 || digits(&c, 2, &second) < 0)
		return FUDA_EFORMAT;
	if (allow)
		skip_tolerated(&c);
	if (expect(&c, 'Z') < 0 || c.left || month < 1 || hour > 23 || minute > 59 || second > 59)
		return FUDA_EFORMAT;
	tm = (struct tm){ .tm_year = year - 1900,
			  .tm_mon = month - 1,
			  .tm_mday = day,
			  .tm_hour = hour,
			  .tm_min = minute,
			  .tm_sec = second };
	t = timegm(&tm);
	if (tm.tm_mday != day || tm.tm_mon != month - 1) /* there is no such day */
		return FUDA_EFORMAT;
	*ret = t;
	return 0;
}

static void read_times(const struct cbor *map, bool allow, struct fuda_mdoc_findings *findings,
		       struct mso *ret)
{
	int64_t expected;
	const struct {
		const char *name;
		int64_t *to;
		bool optional;
	} times[] = {
		{ "signed", &ret->signed_at, false },
		{ "validFrom", &ret->from, false },
		{ "validUntil", &ret->until, false },
		{ "expectedUpdate", &expected, true },
	};
	struct cbor item, text;

	ret->has_times = true;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		if (cbor_get(map, times[i].name, &item) < 0 && times[i].optional)
			continue;
		if (cbor_get(map, times[i].name, &item) == 0 && cbor_tag(&item, 0, &text) == 0 &&
		    cbor_is(&text, CBOR_TEXT) && read_time(text.content, allow, times[i].to) == 0)
			continue;
		ADD(findings, TIME_FORM, times[i].name);
		ret->has_times = ret->has_times && times[i].optional;
	}
	if (ret->has_times && (ret->signed_at > ret->from || ret->from >= ret->until))
		ADD(findings, TIME_ORDER, "");
}

/* ---- digests ---- */

static const struct {
	const char *name;
	enum fuda_hash hash;
	size_t len;
} hashes[] = {
	{ "SHA-256", FUDA_SHA256, 32 },
	{ "SHA-384", FUDA_SHA384, 48 },
	{ "SHA-512", FUDA_SHA512, 64 },
};

static size_t digest_len(enum fuda_hash hash)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (hashes[i].hash == hash)
			return hashes[i].len;
	return 0;
}

static void read_hash(const struct cbor *name, struct fuda_mdoc_findings *findings, struct mso *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (cbor_is_text(name, hashes[i].name)) {
			ret->hash = hashes[i].hash;
			ret->has_hash = true;
			return;
		}
	finding_add(findings, FUDA_MDOC_MSO_DIGEST_ALGORITHM, "", (const char *)name->content.p,
		    name->content.left);
}

/* Every digest as long as the hash makes it. */
static bool digests_good(const struct mso *mso)
{
	struct cursor spaces = mso->digests.content, c;
	struct cbor space, map, id, digest;

	while (cbor_next(&spaces, &space) == 0 && cbor_next(&spaces, &map) == 0) {
		if (!cbor_is(&space, CBOR_TEXT) || !cbor_is(&map, CBOR_MAP) || !map.number)
			return false;
		c = map.content;
		while (cbor_next(&c, &id) == 0 && cbor_next(&c, &digest) == 0)
			if (!cbor_is(&id, CBOR_UINT) || !cbor_is(&digest, CBOR_BYTES) ||
			    (mso->has_hash && digest.content.left != digest_len(mso->hash)))
				return false;
	}
	return true;
}

int mso_digest(const struct mso *mso, struct cursor space, uint64_t id, struct cursor *ret)
{
	struct cursor spaces = mso->digests.content, c;
	struct cbor name, map, number, digest;

	while (cbor_next(&spaces, &name) == 0 && cbor_next(&spaces, &map) == 0) {
		if (!cur_equal(name.content, space))
			continue;
		c = map.content;
		while (cbor_next(&c, &number) == 0 && cbor_next(&c, &digest) == 0)
			if (number.number == id) {
				*ret = digest.content;
				return 0;
			}
		return FUDA_ENOTFOUND;
	}
	return FUDA_EFORMAT;
}

/* ---- what the device key may say ---- */

static bool lists_text(const struct cbor *array, struct cursor text)
{
	struct cursor c = array->content;
	struct cbor one;

	while (cbor_is(array, CBOR_ARRAY) && cbor_next(&c, &one) == 0)
		if (cbor_is(&one, CBOR_TEXT) && cur_equal(one.content, text))
			return true;
	return false;
}

bool mso_authorizes(const struct mso *mso, struct cursor space, struct cursor name)
{
	struct cbor spaces, elements, one, list;
	struct cursor c;

	if (!mso->has_authorizations)
		return false;
	if (cbor_get(&mso->authorizations, "nameSpaces", &spaces) == 0 &&
	    lists_text(&spaces, space))
		return true;
	if (cbor_get(&mso->authorizations, "dataElements", &elements) < 0 ||
	    !cbor_is(&elements, CBOR_MAP))
		return false;
	c = elements.content;
	while (cbor_next(&c, &one) == 0 && cbor_next(&c, &list) == 0)
		if (cbor_is(&one, CBOR_TEXT) && cur_equal(one.content, space))
			return lists_text(&list, name);
	return false;
}

static bool is_texts(const struct cbor *array)
{
	struct cursor c = array->content;
	bool good = cbor_is(array, CBOR_ARRAY);
	struct cbor one;

	while (good && cbor_next(&c, &one) == 0)
		good = cbor_is(&one, CBOR_TEXT);
	return good;
}

/* Either list may be missing. A namespace that is allowed as a whole is not listed by its elements:
 * 9.1.2.4. */
static bool authorizations_good(const struct mso *mso)
{
	struct cbor spaces, elements, one, list;
	bool has_spaces, has_elements;
	const struct cbor_member members[] = {
		{ "nameSpaces", &spaces, &has_spaces },
		{ "dataElements", &elements, &has_elements },
	};
	struct cursor c;

	if (!mso->has_authorizations)
		return true;
	if (cbor_members(&mso->authorizations, members, ARRAY_SIZE(members), NULL) < 0 ||
	    (has_spaces && !is_texts(&spaces)) || (has_elements && !cbor_is(&elements, CBOR_MAP)))
		return false;
	if (!has_elements)
		return true;
	c = elements.content;
	while (cbor_next(&c, &one) == 0 && cbor_next(&c, &list) == 0)
		if (!cbor_is(&one, CBOR_TEXT) || !is_texts(&list) ||
		    (has_spaces && lists_text(&spaces, one.content)))
			return false;
	return true;
}

/* ---- the whole ---- */

static int malformed(struct fuda_mdoc_findings *findings, const char *part)
{
	ADD(findings, MSO_MALFORMED, part ? part : "");
	return FUDA_EFORMAT;
}

int mso_read(struct cursor payload, bool allow_times, struct fuda_mdoc_findings *findings,
	     struct mso *ret)
{
	struct cbor item, map, version, algorithm, key_info, doctype, validity, status;
	struct mso mso = { 0 };
	const struct cbor_member members[] = {
		{ "version", &version, NULL },          { "digestAlgorithm", &algorithm, NULL },
		{ "valueDigests", &mso.digests, NULL }, { "deviceKeyInfo", &key_info, NULL },
		{ "docType", &doctype, NULL },          { "validityInfo", &validity, NULL },
		{ "status", &status, &mso.has_status },
	};
	const struct cbor_member key_members[] = {
		{ "deviceKey", &mso.device_key, NULL },
		{ "keyAuthorizations", &mso.authorizations, &mso.has_authorizations },
	};
	const char *missing = NULL;

	if (cbor_read(payload, &item, NULL) < 0 || cbor_embedded(&item, &map) < 0)
		return malformed(findings, NULL);
	if (cbor_members(&map, members, ARRAY_SIZE(members), &missing) < 0 ||
	    cbor_members(&key_info, key_members, ARRAY_SIZE(key_members), &missing) < 0)
		return malformed(findings, missing);
	if (cbor_text(&doctype, &mso.doctype) < 0)
		return malformed(findings, "docType");
	if (!cbor_is(&algorithm, CBOR_TEXT))
		return malformed(findings, "digestAlgorithm");
	read_hash(&algorithm, findings, &mso);
	if (!cbor_is(&mso.digests, CBOR_MAP) || !digests_good(&mso))
		return malformed(findings, "valueDigests");
	if (!authorizations_good(&mso))
		return malformed(findings, "keyAuthorizations");
	if (!cbor_is(&validity, CBOR_MAP))
		return malformed(findings, "validityInfo");
	if (!cbor_is_version_1(&version))
		finding_add(findings, FUDA_MDOC_MSO_VERSION, "", (const char *)version.content.p,
			    cbor_is(&version, CBOR_TEXT) ? version.content.left : 0);
	read_times(&validity, allow_times, findings, &mso);
	*ret = mso;
	return 0;
}
