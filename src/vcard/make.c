/* SPDX-License-Identifier: Apache-2.0 */
/* Personalising a software card. */
#include "vcard/maker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fuda/hash.h>
#include "vcard/ca.h"

#define DAY             86400L
#define YEAR            (365 * DAY + 6 * 3600)
#define ISSUED_BEFORE   (200 * DAY) /* a card is some months old */
#define EXPIRED_BEFORE  (6 * YEAR)  /* at most five years of validity, and one more */
#define CN_LEN          23 /* card.md 5.2 */
#define DER_MAX         8192
#define SIZE_TRIES      4
#define TOKEN_INFO_SIZE 160
#define PERSON_FILE_MAX 65536

int maker_fail(struct maker *m, int code, const char *text)
{
	return explain(m->why, m->why_size, code, "%s", text);
}

int maker_put(struct maker *m, const char *name, unsigned mode, const struct fuda_buf *bytes)
{
	if (vfile_write(m->dir, name, mode, bytes->data, bytes->len) < 0)
		return explain(m->why, m->why_size, FUDA_EFILE, "cannot write %s: %s", name,
			       strerror(errno));
	return 0;
}

/* What is in no table is a data object, or a key that is no file of its own. */
static bool token_has(const struct maker *m, const char *app, uint16_t fid)
{
	for (size_t i = 0; i < vcard_apps_count; i++)
		for (size_t j = 0; j < vcard_apps[i].count; j++)
			if (vcard_apps[i].efs[j].fid == fid && strcmp(vcard_apps[i].name, app) == 0)
				return vcard_apps[i].efs[j].tokens & m->conf.opt.kind;
	return true;
}

int maker_put_ef(struct maker *m, const char *app, uint16_t fid, const struct fuda_buf *bytes)
{
	char name[FILE_NAME_MAX];

	snprintf(name, sizeof(name), "%s-%04X.bin", app, fid);
	return token_has(m, app, fid) ? maker_put(m, name, 0600, bytes) : 0;
}

int maker_fill(struct fuda_buf *b, size_t step)
{
	static const uint8_t ff = 0xFF;
	size_t size = b->len;
	int r = 0;

	if (!step)
		step = FILLER_STEP;
	if (step != VCARD_NO_FILLER)
		size = (b->len / step + 1) * step;
	while (r == 0 && b->len < size)
		r = fuda_buf_append(b, &ff, 1);
	return r;
}

/* A file with a certificate, or with none (`der` empty). */
static int put_certificate(struct maker *m, uint16_t fid, struct fuda_buf *der)
{
	static const uint8_t ff = 0xFF;
	size_t size = m->what->certificate_file_size;
	int r = 0;

	if (size == VCARD_NO_FILLER)
		size = der->len ? der->len : 1;
	else if (!size)
		size = (der->len / FILLER_STEP + 1) * FILLER_STEP;
	if (size < der->len || size > der->max)
		return explain(m->why, m->why_size, FUDA_EINVAL,
			       "a certificate of %zu bytes does not fit a file of %zu; files have "
			       "at most %zu bytes",
			       der->len, size, der->max);
	while (r == 0 && der->len < size)
		r = fuda_buf_append(der, &ff, 1);
	return r < 0 ? maker_fail(m, r, "out of memory") : maker_put_ef(m, "jpki", fid, der);
}

static int to_der(X509 *x, struct fuda_buf *ret)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);
	int r = len > 0 ? fuda_buf_set(ret, der, (size_t)len) : FUDA_EFAILED;

	OPENSSL_free(der);
	return r;
}

/* Appends what `write` writes. */
static int append_bio(BIO *bio, bool written, struct fuda_buf *ret)
{
	char *text;
	long len = bio ? BIO_get_mem_data(bio, &text) : 0;
	int r = written && len > 0 ? fuda_buf_append(ret, text, (size_t)len) : FUDA_EFAILED;

	BIO_free(bio);
	return r;
}

int maker_put_key(struct maker *m, const char *app, uint16_t fid, EVP_PKEY *key)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(DER_MAX);
	BIO *bio = BIO_new(BIO_s_secmem());
	bool written = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) > 0;
	char name[FILE_NAME_MAX];

	if (append_bio(bio, written, &pem) < 0)
		return maker_fail(m, FUDA_EFAILED, "cannot write a private key");
	snprintf(name, sizeof(name), "%s-%04X.pem", app, fid);
	return maker_put(m, name, 0600, &pem);
}

/* A certificate of exactly `size` bytes if that is not 0. Padding moves it in steps of one byte
 * but where a length field grows: the common name takes up what is then missing. */
static int issue_sized(struct maker *m, const struct branch *b, const struct issuer *ca,
		       EVP_PKEY *key, size_t size, struct fuda_buf *ret_der)
{
	size_t padding = 0, cn_len = CN_LEN;

	for (int i = 0; i < SIZE_TRIES; i++) {
		X509 *x = issue_holder(b, ca, key, m->issued, m->expires, &m->person, cn_len,
				       padding);
		int r = x ? to_der(x, ret_der) : FUDA_EFAILED;

		X509_free(x);
		if (r < 0)
			return maker_fail(m, r, "cannot issue a certificate");
		if (!size || ret_der->len == size)
			return 0;
		if (ret_der->len > size && !padding)
			break;
		if (ret_der->len > size)
			padding -= MIN(padding - 1, ret_der->len - size);
		else if (i == 0)
			padding = size - ret_der->len;
		else
			cn_len += size - ret_der->len;
	}
	return explain(m->why, m->why_size, FUDA_EINVAL,
		       "no certificate of %zu bytes is possible; try another size", size);
}

/* One branch: the CA that issues, and the holder's certificate. */
static int make_branch(struct maker *m, const struct branch *b, const struct issuer *ca,
		       uint16_t key_fid, uint16_t cert_fid, size_t size)
{
	_cleanup_buf_ struct fuda_buf holder = FUDA_BUF_INIT(EF_MAX), der = FUDA_BUF_INIT(EF_MAX);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	int r = key ? to_der(ca->cert, &der) : FUDA_EFAILED;

	if (r < 0)
		maker_fail(m, r, "cannot make keys");
	else
		r = put_certificate(m, cert_fid + 1, &der);
	if (r == 0 && !(b->attributes && m->what->no_sign_certificate)) {
		r = issue_sized(m, b, ca, key, size, &holder);
		if (r == 0)
			r = maker_put_key(m, "jpki", key_fid, key);
	}
	if (r == 0)
		r = put_certificate(m, cert_fid, &holder);
	EVP_PKEY_free(key);
	return r;
}

static int put_authorities(struct maker *m, const struct authorities *a)
{
	_cleanup_buf_ struct fuda_buf certificates = FUDA_BUF_INIT(CA_PEM_MAX);
	_cleanup_buf_ struct fuda_buf keys = FUDA_BUF_INIT(CA_PEM_MAX);
	int r = authorities_write(a, &certificates, &keys);

	if (r < 0)
		return maker_fail(m, r, "cannot write certification authorities");
	r = maker_put(m, CA_FILE, 0644, &certificates);
	return r < 0 ? r : maker_put(m, CA_KEYS_FILE, 0600, &keys);
}

/* The JPKI application: under the CAs of another card, or new ones. */
static int make_jpki(struct maker *m)
{
	struct authorities a;
	int r = m->what->authority ?
			authorities_load(m->what->authority, &a, m->why, m->why_size) :
			authorities_new(m->issued, &a);

	if (r < 0)
		return m->what->authority ?
			       r :
			       maker_fail(m, r, "cannot make certification authorities");
	r = make_branch(m, &branch_auth, &a.of[0].issuer, 0x0017, 0x000A,
			m->what->auth_certificate_size);
	if (r == 0)
		r = make_branch(m, &branch_sign, &a.of[1].issuer, 0x001A, 0x0001, 0);
	if (r == 0)
		r = put_authorities(m, &a);
	authorities_free(&a);
	return r;
}

static void put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static int random_digits(uint8_t *out, size_t len)
{
	int r = fuda_random(out, len);

	for (size_t i = 0; i < len; i++)
		out[i] = '0' + out[i] % 10;
	return r;
}

/* EF 0006: card.md 2.3 */
static int put_token_info(struct maker *m)
{
	static const uint32_t numbers[] = { 0x40D, 1, 0, 1, 0, 16, 6, ~0U, ~0U, ~0U, ~0U };
	const char *label = m->conf.opt.kind == KIND_CARD    ? "JPKIAPICCTOKEN2" :
			    m->conf.opt.kind == KIND_ANDROID ? "JPKIAPGPSETOKEN" :
							       "JPKIAPIOSTOKEN";
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TOKEN_INFO_SIZE);
	uint8_t info[TOKEN_INFO_SIZE];

	memset(info, ' ', 96);
	memcpy(info, label, strlen(label));
	memcpy(info + 32, "00000000000000000000000000000001", 32);
	memcpy(info + 64, "E16R01NJ", 8);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		put_u32(info + 96 + 4 * i, numbers[i]);
	memcpy(info + 140, "0301", 4);
	memset(info + 144, '9', 16);
	if (random_digits(info + 80, 16) < 0 || fuda_buf_set(&bytes, info, sizeof(info)) < 0)
		return maker_fail(m, FUDA_EFAILED, "cannot make the token information");
	return maker_put_ef(m, "jpki", 0x0006, &bytes);
}

/* EF 0008, and EF 0009 of which only the existence is known: card.md 2.3 */
static int put_small_files(struct maker *m)
{
	const uint8_t available[] = { m->what->no_sign_certificate ? 0x00 : 0x8F, 0x8F, 0x00 };
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(16);
	uint8_t ff[16];
	int r;

	if (fuda_buf_set(&bytes, available, sizeof(available)) < 0)
		return maker_fail(m, FUDA_ENOMEM, "out of memory");
	r = maker_put_ef(m, "jpki", 0x0008, &bytes);
	if (r < 0)
		return r;
	memset(ff, 0xFF, sizeof(ff));
	if (fuda_buf_set(&bytes, ff, sizeof(ff)) < 0)
		return maker_fail(m, FUDA_ENOMEM, "out of memory");
	return maker_put_ef(m, "jpki", 0x0009, &bytes);
}

/* The part of a date in digits. */
static int digits(const char *p, int count)
{
	int n = 0;

	while (count--)
		n = 10 * n + *p++ - '0';
	return n;
}

/* The last second of a day in Japan; the first of a month or year that is unknown. */
static time_t day_end(int year, int month, int day)
{
	struct tm tm = {
		.tm_year = year - 1900,
		.tm_mon = MAX(month, 1) - 1,
		.tm_mday = MAX(day, 1),
		.tm_hour = 14,
		.tm_min = 59,
		.tm_sec = 59,
	};

	return timegm(&tm);
}

/* A certificate ends with the holder's fifth birthday after the issue and no later than the card:
 * card.md 5.2. A card that ended was issued before. */
static void set_times(struct maker *m)
{
	const char *birth = m->person.birth_date, *expiry = m->person.expiry;
	int month = digits(birth + 4, 2), day = digits(birth + 6, 2);
	time_t now = time(NULL),
	       end = day_end(digits(expiry, 4), digits(expiry + 4, 2), digits(expiry + 6, 2));
	struct tm tm;
	int year;

	if (month == 2 && day == 29)
		day = 28; /* not every fifth year has one more */
	m->issued = MIN(now, end) - (m->what->expired ? EXPIRED_BEFORE : ISSUED_BEFORE);
	gmtime_r(&m->issued, &tm);
	year = tm.tm_year + 1900 + 5;
	if (day_end(year - 5, month, day) > m->issued)
		year--;
	m->expires = MIN(day_end(year, month, day), end);
}

/* Whether the token has a file with the secret. */
static bool has_secret(unsigned kind, enum pin_id pin)
{
	for (size_t i = 0; i < vcard_apps_count; i++)
		for (size_t j = 0; j < vcard_apps[i].count; j++) {
			const struct ef *ef = &vcard_apps[i].efs[j];

			if (ef->kind == EF_PIN && ef->pin == pin && ef->tokens & kind)
				return true;
		}
	return false;
}

/* The secrets of a new card: those that follow from the person, and the usual ones. */
static void set_secrets(struct maker *m)
{
	char b[PERSON_B_SIZE];
	const char *const secrets[PINS] = {
		[PIN_TEXT_A] = m->person.my_number,
		[PIN_FACE_A] = m->person.my_number,
		[PIN_TEXT_B] = b,
		[PIN_FACE_B] = b,
		[PIN_BIRTH] = m->person.birth_key,
	};

	person_b(&m->person, b);
	for (size_t i = 0; i < PINS; i++) {
		const char *secret = secrets[i] ? secrets[i] : vcard_pins[i].first;

		if (!has_secret(m->conf.opt.kind, (enum pin_id)i))
			continue;
		m->conf.pin[i].len = strlen(secret);
		memcpy(m->conf.pin[i].bytes, secret, m->conf.pin[i].len);
	}
	wipe(b, sizeof(b));
}

/* Reads a file that the caller named. */
static int read_wish(struct maker *m, const char *name, struct fuda_buf *ret)
{
	if (vfile_read(AT_FDCWD, name, ret) < 0)
		return explain(m->why, m->why_size, FUDA_EFILE, "cannot read %s", name);
	return 0;
}

static int settle_person(struct maker *m)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(PERSON_FILE_MAX);

	if (person_sample(&m->person) < 0)
		return maker_fail(m, FUDA_EFAILED, "no random numbers");
	if (!m->what->person)
		return 0;
	if (read_wish(m, m->what->person, &text) < 0)
		return FUDA_EFILE;
	return person_parse(&m->person, m->what->person, (const char *)text.data, text.len, m->why,
			    m->why_size);
}

/* card.conf as asked for, checked before anything is written. */
static int settle_conf(struct maker *m)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(DER_MAX);
	const char *kind = m->what->kind ? m->what->kind : "card";
	const char *const *s = m->what->settings;

	vconf_default(&m->conf);
	if (strchr(kind, '\n') || fuda_buf_set(&text, "kind=", 5) < 0 ||
	    fuda_buf_append(&text, kind, strlen(kind)) < 0 ||
	    vconf_parse(&m->conf, SCOPE_CARD, "kind", &text, m->why, m->why_size) < 0)
		return maker_fail(m, FUDA_EINVAL, "no such kind of token");
	for (; s && *s; s++)
		if (fuda_buf_set(&text, *s, strlen(*s)) < 0 ||
		    vconf_parse(&m->conf, SCOPE_SET, *s, &text, m->why, m->why_size) < 0)
			return FUDA_EINVAL;
	set_secrets(m);
	if (!m->what->secrets)
		return 0;
	if (read_wish(m, m->what->secrets, &text) < 0)
		return FUDA_EFILE;
	return vconf_parse(&m->conf, SCOPE_SECRETS, m->what->secrets, &text, m->why, m->why_size);
}

/* Last, so that half a card is not one. */
static int put_conf(struct maker *m)
{
	static const char head[] = "# A software My Number card; the keys are explained in "
				   "fuda-vcard(1).\n";
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(DER_MAX);

	if (fuda_buf_set(&text, head, strlen(head)) < 0 ||
	    vconf_print(&m->conf, SCOPE_CARD, &text) < 0)
		return maker_fail(m, FUDA_ENOMEM, "out of memory");
	return maker_put(m, CONF_FILE, 0600, &text);
}

static int make_token(struct maker *m)
{
	int r = make_content(m); /* first, as many wishes are about it */

	if (r == 0)
		r = make_jpki(m);
	if (r == 0)
		r = put_token_info(m);
	return r < 0 ? r : put_small_files(m);
}

static int make_all(struct maker *m)
{
	int r = m->conf.opt.kind == KIND_WALLET ? make_wallet(m) : make_token(m);

	return r < 0 ? r : put_conf(m);
}

/* Calls `each` for every name in the directory; stops when it does not return 0. */
static int each_name(int dir, int (*each)(int dir, const char *name))
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return FUDA_EFILE;
	}
	for (const struct dirent *e; r == 0 && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = each(dir, e->d_name);
	closedir(d);
	return r;
}

static int not_empty(_unused_ int dir, _unused_ const char *name)
{
	return FUDA_EINVAL;
}

static int remove_name(int dir, const char *name)
{
	unlinkat(dir, name, 0);
	return 0;
}

/* Into the empty directory that is open; what there is of it goes if that fails. */
static int make_in(struct maker *m, const char *name)
{
	int r = each_name(m->dir, not_empty);

	if (r < 0)
		return explain(m->why, m->why_size, r, "%s: not an empty directory", name);
	r = make_all(m);
	if (r < 0)
		each_name(m->dir, remove_name);
	return r;
}

static int make_directory(struct maker *m, const char *name)
{
	bool made = mkdir(name, 0700) == 0;
	int r;

	m->dir = made || errno == EEXIST ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (m->dir < 0)
		return explain(m->why, m->why_size, FUDA_EFILE, "%s: %s", name, strerror(errno));
	/* two makers at once would mix their cards */
	if (flock(m->dir, LOCK_EX | LOCK_NB) < 0)
		r = explain(m->why, m->why_size, FUDA_EBUSY, "%s: a card is being made there",
			    name);
	else
		r = make_in(m, name);
	close(m->dir);
	if (r < 0 && made)
		rmdir(name);
	return r;
}

int vcard_make(const char *dir, const struct vcard_make *what, char *ret_why, size_t why_size)
{
	struct maker m = { .what = what, .why = ret_why, .why_size = why_size };
	int r = settle_person(&m);

	if (r == 0)
		r = settle_conf(&m);
	if (r == 0) {
		set_times(&m);
		r = make_directory(&m, dir);
	}
	wipe(&m.conf, sizeof(m.conf));
	wipe(&m.person, sizeof(m.person));
	return r;
}
