/* SPDX-License-Identifier: Apache-2.0 */
/* Making a software wallet: its authorities, and the credential that they issue. */
#include "vcard/wallet.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include "mdoc/issue.h"
#include "vcard/pictures.h"
#include "vcard/wallet-ca.h"

#define DAY             86400
#define CREDENTIAL_DAYS 30
#define EXPIRED_AGO     (40 * DAY) /* ... was it issued, ten days too long ago */
#define DS_AGE          DAY        /* of the signer when it issues */
#define CA_AGE          (200 * DAY)
#define CRL_DAYS        30
#define JAPAN           (9 * 3600)
#define VALUES_MAX      (PHOTO_MAX + 8192)
#define KEY_PEM_MAX     8192
#define DECOYS          2

#define SPACE_JP     "org.iso.23220.1.jp"
#define SPACE_GLOBAL "org.iso.23220.1"

/* The ages of which the credential says whether the holder is over them. */
static const unsigned ages[] = { 13, 15, 16, 18, 20, 60, 65 };

/* Elements as they are gathered; their values stand one behind the other. */
struct gathering {
	struct issue_element element[16 + ARRAY_SIZE(ages)];
	size_t end[16 + ARRAY_SIZE(ages)]; /* of each value in `values` */
	char age_name[ARRAY_SIZE(ages)][16];
	size_t count;
	struct fuda_buf values;
	struct cbor_out out;
};

/* Says that what was written last is the value of an element. */
static void gathered(struct gathering *g, const char *space, const char *name)
{
	g->element[g->count] = (struct issue_element){ .space = space, .name = name };
	g->end[g->count++] = g->values.len;
}

static void put_text(struct gathering *g, const char *name, const char *text)
{
	cbor_put_text(&g->out, text);
	gathered(g, SPACE_JP, name);
}

static unsigned digits(const char *p, int count)
{
	unsigned n = 0;

	while (count--)
		n = 10 * n + (unsigned)(*p++ - '0');
	return n;
}

/* How old somebody is at the moment `at` in Japan, who is so from 0:00 of the birthday on: that is
 * the end of the day before, at which the law says so (mdoc.md 3, REQ-DATA-02); those born on 29
 * February are in other years from 1 March on. */
static unsigned age_at(const char *birth_date, time_t at)
{
	const time_t in_japan = at + JAPAN;
	struct tm tm;
	unsigned today, years;

	gmtime_r(&in_japan, &tm);
	today = (unsigned)(100 * (tm.tm_mon + 1) + tm.tm_mday);
	years = (unsigned)tm.tm_year + 1900 - digits(birth_date, 4);
	return years - (today < digits(birth_date + 4, 4));
}

/* What follows from a date that is fully known. */
static void put_birth(struct gathering *g, const char *date, time_t at)
{
	const unsigned year = digits(date, 4), month = digits(date + 4, 2),
		       day = digits(date + 6, 2), age = age_at(date, at);
	char text[32];

	if (!month || !day)
		return;
	/* without leading zeros: mdoc.md 7 */
	snprintf(text, sizeof(text), "%u年%u月%u日", year, month, day);
	put_text(g, "birth_date_unicode", text);
	snprintf(text, sizeof(text), "%04u-%02u-%02u", year, month, day);
	cbor_put_full_date(&g->out, text);
	gathered(g, SPACE_GLOBAL, "birth_date");
	cbor_put_uint(&g->out, age);
	gathered(g, SPACE_GLOBAL, "age_in_years");
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		snprintf(g->age_name[i], sizeof(g->age_name[i]), "age_over_%02u", ages[i]);
		cbor_put_bool(&g->out, age >= ages[i]);
		gathered(g, SPACE_GLOBAL, g->age_name[i]);
	}
}

/* The elements of deployed-2025: mdoc.md 0.1 and 7. Written here once more, and not taken from the
 * profile by which verifiers go. */
static void put_person(struct gathering *g, const struct person *p, time_t at)
{
	const char sex = *p->sex;

	put_text(g, "full_name_unicode", p->name);
	if (*p->address)
		put_text(g, "resident_address_unicode", p->address);
	put_text(g, "local_gov_code_unicode", p->municipality);
	put_text(g, "individual_number_unicode", p->my_number);
	if (sex == '1' || sex == '2')
		put_text(g, "sex_unicode", sex == '1' ? "男" : "女");
	cbor_put_uint(&g->out, (uint64_t)(sex - '0')); /* ISO 5218, as on the card */
	gathered(g, SPACE_GLOBAL, "sex");
	put_birth(g, p->birth_date, at);
}

/* Whether one is called so, of whomever the wallet is: put_person(), put_birth(). Each age may be
 * asked for: ISO 18013-5 7.2.5. */
static bool is_element(const char *name, size_t len)
{
	static const char *const names[] = {
		"full_name_unicode",
		"birth_date_unicode",
		"resident_address_unicode",
		"sex_unicode",
		"local_gov_code_unicode",
		"individual_number_unicode",
		"portrait",
		"birth_date",
		"sex",
		"age_in_years",
	};
	static const char age[] = "age_over_";
	const size_t head = strlen(age);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	return len == head + 2 && memcmp(name, age, head) == 0 &&
	       strspn(name + head, "0123456789") == 2;
}

/* A name that is none would let nothing be shown, and say so to nobody. */
static int check_consent(struct maker *m)
{
	const char *list = m->conf.consent;

	if (strcmp(list, "all") == 0 || strcmp(list, "none") == 0)
		return 0;
	while (*list) {
		size_t len = strcspn(list, ", ");

		if (len && !is_element(list, len))
			return explain(m->why, m->why_size, FUDA_EINVAL,
				       "consent: a wallet has no element %.*s: fuda-vcard(1), "
				       "WALLET",
				       (int)MIN(len, (size_t)40), list);
		list += len;
		list += strspn(list, ", ");
	}
	return 0;
}

static int gather(struct maker *m, time_t at, struct gathering *g)
{
	_cleanup_buf_ struct fuda_buf photo = FUDA_BUF_INIT(PHOTO_MAX);
	size_t from = 0;
	int r = make_photo(m, &photo);

	if (r < 0)
		return r;
	put_person(g, &m->person, at);
	cbor_put_bytes(&g->out, photo.data, photo.len);
	gathered(g, SPACE_JP, "portrait");
	if (g->out.failed)
		return maker_fail(m, g->out.failed, "cannot make the elements");
	for (size_t i = 0; i < g->count; i++) {
		g->element[i].value = cur_of(g->values.data + from, g->end[i] - from);
		from = g->end[i];
	}
	return 0;
}

/* A Document Signer as what issues has it: a key that comes out of its file again. */
static int put_ds(struct maker *m, const struct issuer *iaca, time_t from,
		  struct fuda_buf *ret_cert, struct private_key **ret_key)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(KEY_PEM_MAX);
	struct issuer ds = wallet_ds(iaca, from);
	unsigned char *der = NULL;
	int len = ds.cert ? i2d_X509(ds.cert, &der) : -1;
	int r = len > 0 ? fuda_buf_set(ret_cert, der, (size_t)len) : FUDA_EFAILED;

	OPENSSL_free(der);
	if (r < 0)
		maker_fail(m, r, "cannot make a document signer");
	else
		r = wallet_put_certificate(m, DS_FILE, ds.cert);
	if (r == 0)
		r = wallet_put_key(m, DS_KEY_FILE, ds.key);
	if (r == 0 && (vfile_read(m->dir, DS_KEY_FILE, &pem) < 0 ||
		       private_read(pem.data, pem.len, ret_key) < 0))
		r = maker_fail(m, FUDA_EFAILED, "cannot read the key of the document signer");
	X509_free(ds.cert);
	EVP_PKEY_free(ds.key);
	return r;
}

static int put_device_key(struct maker *m, struct private_key **ret)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(KEY_PEM_MAX);
	int r = private_new(CURVE_P256, ret);

	if (r == 0)
		r = private_write(*ret, &pem);
	return r < 0 ? maker_fail(m, r, "cannot make the device key") :
		       maker_put(m, DEVICE_KEY_FILE, 0600, &pem);
}

static int put_credential(struct maker *m, const struct document_signer *ds,
			  const struct gathering *g, const struct private_key *device, time_t at)
{
	_cleanup_buf_ struct fuda_buf issued = FUDA_BUF_INIT(CREDENTIAL_MAX);
	const struct credential what = {
		.doctype = WALLET_DOCTYPE,
		.elements = g->element,
		.element_count = g->count,
		.device_key = private_public(device),
		.at = at,
		.days = CREDENTIAL_DAYS,
		.decoys = DECOYS,
	};
	int r = issue(ds, &what, &issued);

	return r < 0 ? maker_fail(m, r, "cannot issue the credential") :
		       maker_put(m, CREDENTIAL_FILE, 0600, &issued);
}

static int issue_to(struct maker *m, const struct issuer *iaca, time_t at,
		    const struct gathering *g)
{
	_cleanup_buf_ struct fuda_buf cert = FUDA_BUF_INIT(KEY_PEM_MAX);
	_cleanup_(private_free) struct private_key *ds_key = NULL;
	_cleanup_(private_free) struct private_key *device = NULL;
	const time_t from = at - DS_AGE;
	struct document_signer ds = { .not_before = from,
				      .not_after = from + WALLET_DS_DAYS * (time_t)DAY - 1 };
	int r = put_ds(m, iaca, from, &cert, &ds_key);

	if (r == 0)
		r = put_device_key(m, &device);
	if (r < 0)
		return r;
	ds.signer = private_signer(ds_key);
	ds.certificate = cur_of(cert.data, cert.len);
	return put_credential(m, &ds, g, device, at);
}

int make_wallet(struct maker *m)
{
	const time_t now = time(NULL), at = now - (m->what->expired ? EXPIRED_AGO : 0);
	struct gathering g = { .values = FUDA_BUF_INIT(VALUES_MAX) };
	struct wallet_authorities a = { 0 };
	int r;

	g.out = CBOR_OUT(&g.values);
	r = check_consent(m);
	if (r == 0)
		r = gather(m, at, &g);
	if (r == 0 && m->what->authority)
		r = wallet_authorities_load(m->what->authority, &a, m->why, m->why_size);
	else if (r == 0 && wallet_authorities_new(now - CA_AGE, &a) < 0)
		r = maker_fail(m, FUDA_EFAILED, "cannot make certification authorities");
	if (r == 0)
		r = wallet_authorities_put(m, &a, CRL_DAYS);
	if (r == 0)
		r = issue_to(m, &a.iaca, at, &g);
	wallet_authorities_free(&a);
	fuda_buf_free(&g.values);
	return r;
}
