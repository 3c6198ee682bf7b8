/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a software card hold besides certificates of the JPKI: card.md 2.2 and 2.4 to
 * 2.8. Written from there and shared with nobody, so that the middleware cannot agree with a typo
 * here. */
#include <fcntl.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <fuda/hash.h>
#include "vcard/maker.h"
#include "vcard/pictures.h"

#define PHOTO_SIZE       6144 /* card.md 2.6: a face has several KB */
#define OBJECT_MAX       32768
#define BODY_MAX         1024
#define HASH_LEN         32
#define COLUMNS          20  /* characters a line of a picture */
#define TEXT_BASIC_SIZE  256 /* the least that one client wants: card.md 2.7 */
#define BASIC_OPAQUE     256
#define NUMBER_FILE_SIZE 17
#define OBJECTS          9

/* One object of a record. */
struct object {
	uint16_t tag;
	const void *bytes;
	size_t len;
};

/* What all records need. */
struct content {
	struct maker *m;
	struct cv_hierarchy cv;
	struct fuda_buf face_key, text_key; /* values of the public keys */
	EVP_PKEY *face, *text;
	struct fuda_buf name, address, photo, security_code, my_number; /* pictures */
};

static int append_objects(const struct object *o, size_t count, struct fuda_buf *b)
{
	int r = 0;

	for (; r == 0 && count; o++, count--)
		r = cv_object(b, o->tag, o->bytes, o->len);
	return r;
}

/* Bytes of an object's tag (of two bytes) and length. */
static size_t head_len(size_t len)
{
	return len > 0xFF ? 5 : len > 0x7F ? 4 : 3;
}

/* A record that begins with a table of the offsets of its objects, counted from the start of the
 * file. */
static int table_record(uint16_t tag, uint16_t table_tag, const struct object *o, size_t count,
			struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(ret->max);
	uint8_t table[2 * OBJECTS];
	size_t at = head_len(2 * count) + 2 * count, total = at;
	int r;

	for (size_t i = 0; i < count; i++)
		total += head_len(o[i].len) + o[i].len;
	at += head_len(total);
	for (size_t i = 0; i < count; i++) {
		table[2 * i] = (uint8_t)(at >> 8);
		table[2 * i + 1] = (uint8_t)at;
		at += head_len(o[i].len) + o[i].len;
	}
	r = cv_object(&body, table_tag, table, 2 * count);
	if (r == 0)
		r = append_objects(o, count, &body);
	return r < 0 ? r : cv_object(ret, tag, body.data, body.len);
}

/* A record of objects and the municipality's signature of them. */
static int signed_record(struct content *c, uint16_t tag, const struct object *o, size_t count,
			 uint16_t signature_tag, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(OBJECT_MAX);
	uint8_t signature[CV_SIGNATURE];
	int r = append_objects(o, count, &body);

	if (r == 0)
		r = cv_sign(c->cv.key[CV_MUNICIPALITY].key, &body, signature);
	if (r == 0)
		r = cv_object(&body, signature_tag, signature, sizeof(signature));
	return r < 0 ? r : cv_object(ret, tag, body.data, body.len);
}

static int digest_objects(const struct object *o, size_t count, uint8_t ret_digest[HASH_LEN])
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(OBJECT_MAX);
	struct fuda_digest digest;
	int r = append_objects(o, count, &b);

	if (r == 0)
		r = fuda_digest_bytes(FUDA_SHA256, b.data, b.len, &digest);
	if (r == 0)
		memcpy(ret_digest, digest.bytes, HASH_LEN);
	return r;
}

/* Writes a file; `r` is what making its content came to. */
static int put(struct content *c, const char *app, uint16_t fid, const struct fuda_buf *bytes,
	       int r)
{
	if (r == FUDA_ETOOBIG)
		return explain(c->m->why, c->m->why_size, FUDA_EINVAL,
			       "%s-%04X.bin: it would not fit a file, which has at most %u bytes",
			       app, fid, OBJECT_MAX);
	if (r < 0)
		return maker_fail(c->m, r, "cannot make a record");
	return maker_put_ef(c->m, app, fid, bytes);
}

static int put_bytes(struct content *c, const char *app, uint16_t fid, const void *bytes,
		     size_t len)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(OBJECT_MAX);
	int r = fuda_buf_set(&b, bytes, len);

	return put(c, app, fid, &b, r);
}

/* ---- card.md 2.7 ---- */

static int put_integrity(struct content *c, const uint8_t number[NUMBER_FILE_SIZE],
			 const struct object *attributes, size_t count)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(BODY_MAX);
	uint8_t attributes_digest[HASH_LEN];
	struct fuda_digest number_digest;
	const struct object o[] = {
		{ 0xDF31, number_digest.bytes, HASH_LEN },
		{ 0xDF32, attributes_digest, HASH_LEN },
	};
	int r = fuda_digest_bytes(FUDA_SHA256, number, NUMBER_FILE_SIZE, &number_digest);

	if (r == 0)
		r = digest_objects(attributes, count, attributes_digest);
	if (r == 0)
		r = signed_record(c, 0xFF30, o, ARRAY_SIZE(o), 0xDF33, &b);
	return put(c, "text", 0x0003, &b, r);
}

static int put_attributes(struct content *c)
{
	const struct person *p = &c->m->person;
	const struct object o[] = {
		{ 0xDF22, p->name, strlen(p->name) },
		{ 0xDF23, p->address, strlen(p->address) },
		{ 0xDF24, p->birth_date, 8 },
		{ 0xDF25, p->sex, 1 },
	};
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(OBJECT_MAX);
	uint8_t number[NUMBER_FILE_SIZE + 1];
	int r = table_record(0xFF20, 0xDF21, o, ARRAY_SIZE(o), &b);

	if (r == 0)
		r = maker_fill(&b, c->m->what->record_file_step);
	r = put(c, "text", 0x0002, &b, r);
	if (r < 0)
		return r;
	snprintf((char *)number, sizeof(number), "\xFF\x10\x0C%s\xFF\xFF", p->my_number);
	r = put_bytes(c, "text", 0x0001, number, NUMBER_FILE_SIZE);
	return r < 0 ? r : put_integrity(c, number, o, ARRAY_SIZE(o));
}

/* 32 of the 128 bytes are not known: here they are counted up. */
static int put_text_basic(struct content *c)
{
	uint8_t key_id[CV_ID], opaque[128];
	const struct object o[] = {
		{ 0xDF41, "\x01\x03\x0E\x01", 4 },
		{ 0xDF42, key_id, sizeof(key_id) },
		{ 0xDF43, opaque, sizeof(opaque) },
	};
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(BODY_MAX), b = FUDA_BUF_INIT(BODY_MAX);
	int r;

	cv_key_id("6000034", "001", 0, key_id);
	memset(opaque, 0xFF, sizeof(opaque));
	for (uint8_t i = 0; i < 32; i++)
		opaque[i] = i;
	r = append_objects(o, ARRAY_SIZE(o), &body);
	if (r == 0)
		r = cv_object(&b, 0xFF40, body.data, body.len);
	if (r == 0 && c->m->what->record_file_step != VCARD_NO_FILLER)
		r = maker_fill(&b, TEXT_BASIC_SIZE);
	return put(c, "text", 0x0005, &b, r);
}

/* The key of secure messaging, and the card's own, which is signed. */
static int put_text_keys(struct content *c)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(BODY_MAX), value = FUDA_BUF_INIT(BODY_MAX);
	const struct object o = { 0xDF51, c->text_key.data, c->text_key.len };
	EVP_PKEY *session = EVP_RSA_gen(2048);
	int r = session ? cv_public(session, &value) : FUDA_EFAILED;

	if (r == 0)
		r = cv_object(&b, 0xA1, value.data, value.len);
	r = put(c, "text", 0x0006, &b, r);
	if (r == 0)
		r = maker_put_key(c->m, "text", 0x0006, session);
	EVP_PKEY_free(session);
	if (r < 0)
		return r;
	fuda_buf_clear(&b);
	r = signed_record(c, 0xFF50, &o, 1, 0xDF52, &b);
	r = put(c, "text", 0x0007, &b, r);
	return r < 0 ? r : maker_put_key(c->m, "text", 0x0013, c->text);
}

/* ---- card.md 2.6 ---- */

static int put_age(struct content *c)
{
	const struct object o[] = {
		{ 0xDF11, c->m->person.birth_date, 8 },
		{ 0xDF12, c->face_key.data, c->face_key.len },
	};
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(BODY_MAX);
	int r = signed_record(c, 0xFF10, o, ARRAY_SIZE(o), 0xDF13, &b);

	return put(c, "face", 0x0001, &b, r);
}

/* Three digests in one DigestInfo: card.md 4. */
static int sign_face(struct content *c, const struct object o[OBJECTS],
		     uint8_t ret_signature[CV_SIGNATURE])
{
	static const uint8_t head[] = { 0x30, 0x71, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x60 };
	_cleanup_buf_ struct fuda_buf info = FUDA_BUF_INIT(BODY_MAX);
	uint8_t digests[3 * HASH_LEN];
	int r = digest_objects(o, 3, digests);

	if (r == 0)
		r = digest_objects(o + 3, 2, digests + HASH_LEN);
	if (r == 0)
		r = digest_objects(o + 5, 1, digests + 2 * HASH_LEN);
	if (r == 0)
		r = fuda_buf_append(&info, head, sizeof(head));
	if (r == 0)
		r = fuda_buf_append(&info, digests, sizeof(digests));
	return r < 0 ? r : cv_sign_info(c->cv.key[CV_MUNICIPALITY].key, &info, ret_signature);
}

static int put_face(struct content *c)
{
	const struct person *p = &c->m->person;
	uint8_t signature[CV_SIGNATURE];
	const struct object o[OBJECTS] = {
		{ 0xDF22, p->birth_date, 8 },
		{ 0xDF23, p->sex, 1 },
		{ 0xDF24, c->face_key.data, c->face_key.len },
		{ 0xDF25, c->name.data, c->name.len },
		{ 0xDF26, c->address.data, c->address.len },
		{ 0xDF27, c->photo.data, c->photo.len },
		{ 0xDF28, signature, sizeof(signature) },
		{ 0xDF29, p->expiry, 8 },
		{ 0xDF2A, c->security_code.data, c->security_code.len },
	};
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(OBJECT_MAX);
	int r = sign_face(c, o, signature);

	if (r == 0)
		r = table_record(0xFF20, 0xDF21, o, OBJECTS, &b);
	if (r == 0)
		r = maker_fill(&b, c->m->what->record_file_step);
	return put(c, "face", 0x0002, &b, r);
}

static int put_face_basic(struct content *c)
{
	uint8_t key_id[CV_ID], opaque[CV_ID + BASIC_OPAQUE];
	const struct object o[] = {
		{ 0xDF31, "\x06\x03\x0E\x01", 4 },
		{ 0xDF32, key_id, sizeof(key_id) },
		{ 0xDF33, "\x00", 1 },
		{ 0xDF34, c->m->person.municipality, 5 },
		{ 0xDF35, opaque, sizeof(opaque) },
	};
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(BODY_MAX), b = FUDA_BUF_INIT(BODY_MAX);
	int r;

	cv_key_id("6000024", "001", 0, key_id);
	cv_key_id("5900025", "001", 0, opaque);
	for (size_t i = 0; i < BASIC_OPAQUE; i++)
		opaque[CV_ID + i] = (uint8_t)i;
	r = append_objects(o, ARRAY_SIZE(o), &body);
	if (r == 0)
		r = cv_object(&b, 0xFF30, body.data, body.len);
	return put(c, "face", 0x0003, &b, r);
}

static int put_number_picture(struct content *c)
{
	const struct object o[] = {
		{ 0xDF41, c->my_number.data, c->my_number.len },
		{ 0xDF42, c->face_key.data, c->face_key.len },
	};
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(OBJECT_MAX);
	int r = signed_record(c, 0xFF40, o, ARRAY_SIZE(o), 0xDF43, &b);

	if (r == 0)
		r = maker_fill(&b, c->m->what->record_file_step);
	return put(c, "face", 0x0005, &b, r);
}

/* ---- both ---- */

static int put_certificate(struct content *c, const char *app, enum cv_role authority)
{
	_cleanup_buf_ struct fuda_buf content = FUDA_BUF_INIT(CV_MAX), b = FUDA_BUF_INIT(CV_MAX);
	int r = cv_certificate(&c->cv.key[authority], &c->cv.key[CV_MUNICIPALITY], &content);

	if (r == 0)
		r = cv_object(&b, 0x7F21, content.data, content.len);
	return put(c, app, 0x0004, &b, r);
}

/* Files whose meaning is not known. */
static int put_unknown(struct content *c)
{
	uint8_t ff[16];
	int r;

	memset(ff, 0xFF, sizeof(ff));
	r = put_bytes(c, "text", 0x0008, ff, sizeof(ff));
	return r < 0 ? r : put_bytes(c, "face", 0x0006, ff, sizeof(ff));
}

/* ---- card.md 2.4, 2.5 ---- */

/* A simple-TLV object; only what is in record 1 of the common application is known to have the
 * tag 01. */
static int put_record(struct content *c, const char *app, uint16_t fid, const void *bytes,
		      size_t len)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(BODY_MAX);
	const uint8_t head[] = { 0x01, (uint8_t)len };
	int r = fuda_buf_append(&b, head, sizeof(head));

	if (r == 0)
		r = fuda_buf_append(&b, bytes, len);
	return put(c, app, fid, &b, r);
}

static int put_common(struct content *c)
{
	const struct person *p = &c->m->person;
	EVP_PKEY *key = EVP_RSA_gen(2048);
	char serial[29];
	int r;

	snprintf(serial, sizeof(serial), "%s%s%s", p->serial, p->municipality, p->expiry);
	r = put_record(c, "common", 0x0001, serial, strlen(serial));
	if (r == 0)
		r = put_record(c, "common", 0x0002, c->cv.key[CV_MUNICIPALITY].id, CV_ID);
	if (r == 0)
		r = put_record(c, "juki", 0x0002, c->cv.key[CV_MUNICIPALITY].id, CV_ID);
	if (r == 0)
		r = key ? maker_put_key(c->m, "common", 0x0019, key) :
			  maker_fail(c->m, FUDA_EFAILED, "cannot make a key");
	EVP_PKEY_free(key);
	return r;
}

/* ---- card.md 2.2 ---- */

static int put_card_certificates(struct content *c)
{
	static const struct {
		uint16_t tag;
		enum cv_role issuer, subject;
	} certificates[] = {
		{ 0x00F8, CV_ROOT, CV_INTERMEDIATE },
		{ 0x7F21, CV_INTERMEDIATE, CV_MUNICIPALITY },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(certificates); i++) {
		_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(CV_MAX);

		r = cv_certificate(&c->cv.key[certificates[i].issuer],
				   &c->cv.key[certificates[i].subject], &b);
		r = put(c, "isd", certificates[i].tag, &b, r);
	}
	return r;
}

static int put_card_objects(struct content *c)
{
	/* GlobalPlatform Card Specification 2.2, H.2: the least that has to be there */
	static const uint8_t recognition[] = {
		0x66, 0x30, 0x73, 0x2E, 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x01,
		0x60, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x02, 0x02, 0x02,
		0x63, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x03, 0x64, 0x0B,
		0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x04, 0x02, 0x15,
	};
	static const uint8_t atr[] = { 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14 };
	const struct person *p = &c->m->person;
	const struct {
		uint16_t tag;
		const void *bytes;
		size_t len;
	} objects[] = {
		{ 0x0042, c->cv.key[CV_ROOT].id, CV_ID },
		{ 0x0045, p->serial, strlen(p->serial) },
		{ 0x0066, recognition, sizeof(recognition) },
		{ 0x00F0, p->municipality, strlen(p->municipality) },
		{ 0x00F2, p->expiry, strlen(p->expiry) },
		{ 0x00F7, c->cv.key[CV_INTERMEDIATE].id, CV_ID },
		{ 0x5F51, atr, sizeof(atr) },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(objects); i++)
		r = put_bytes(c, "isd", objects[i].tag, objects[i].bytes, objects[i].len);
	return r < 0 ? r : put_card_certificates(c);
}

/* ---- all of it ---- */

static int read_photo(struct maker *m, struct fuda_buf *ret)
{
	const char *file = m->what->photo;

	if (vfile_read(AT_FDCWD, file, ret) < 0)
		return explain(m->why, m->why_size, FUDA_EFILE,
			       "%s: cannot read, or more than %u bytes", file, PHOTO_MAX);
	if (!picture_is_jp2(ret))
		return explain(m->why, m->why_size, FUDA_EINVAL,
			       "%s: not a JPEG 2000 picture in a JP2 file", file);
	return 0;
}

int make_photo(struct maker *m, struct fuda_buf *ret)
{
	unsigned size = m->what->photo_size ? m->what->photo_size : PHOTO_SIZE;

	if (m->what->photo)
		return read_photo(m, ret);
	if (size < PHOTO_MIN || size > PHOTO_MAX)
		return explain(m->why, m->why_size, FUDA_EINVAL,
			       "a photo has %u to %u bytes, not %u", PHOTO_MIN, PHOTO_MAX, size);
	if (picture_photo(size, ret) < 0)
		return maker_fail(m, FUDA_EFAILED, "cannot draw a photo of this size");
	return 0;
}

static int draw(struct content *c)
{
	const struct person *p = &c->m->person;
	int r = picture_text(p->name, COLUMNS, &c->name);

	if (r == 0 && *p->address)
		r = picture_text(p->address, COLUMNS, &c->address);
	if (r == 0)
		r = picture_digits(p->my_number, &c->my_number);
	if (r == 0)
		r = picture_digits(p->security_code, &c->security_code);
	if (r < 0)
		return maker_fail(c->m, r, "cannot draw the pictures");
	return make_photo(c->m, &c->photo);
}

static int make_keys(struct content *c)
{
	int r = FUDA_EFAILED;

	c->face = EVP_RSA_gen(2048);
	c->text = EVP_RSA_gen(2048);
	if (c->face && c->text)
		r = cv_public(c->face, &c->face_key);
	if (r == 0)
		r = cv_public(c->text, &c->text_key);
	return r < 0 ? maker_fail(c->m, r, "cannot make the card's keys") : 0;
}

static int put_hierarchy(struct content *c)
{
	_cleanup_buf_ struct fuda_buf all = FUDA_BUF_INIT(OBJECT_MAX);
	_cleanup_buf_ struct fuda_buf authorities = FUDA_BUF_INIT(OBJECT_MAX);

	if (cv_print_public(&c->cv, &authorities) < 0 || cv_print_private(&c->cv, &all) < 0)
		return maker_fail(c->m, FUDA_EFAILED, "cannot write the authorities' keys");
	if (maker_put(c->m, CV_AUTHORITY_FILE, 0644, &authorities) < 0)
		return FUDA_EFILE;
	return maker_put(c->m, CV_KEYS_FILE, 0600, &all);
}

static int put_all(struct content *c)
{
	static int (*const steps[])(struct content *c) = {
		make_keys,	put_hierarchy, put_attributes,	  put_text_basic,
		put_text_keys,	put_age,       put_face,	  put_face_basic,
		put_unknown,	put_common,    put_number_picture, put_card_objects,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](c);
	if (r == 0)
		r = put_certificate(c, "face", CV_FACE);
	if (r == 0)
		r = put_certificate(c, "text", CV_TEXT);
	return r == 0 ? maker_put_key(c->m, "face", 0x001A, c->face) : r;
}

int make_content(struct maker *m)
{
	struct content c = {
		.m = m,
		.face_key = FUDA_BUF_INIT(BODY_MAX),
		.text_key = FUDA_BUF_INIT(BODY_MAX),
		.name = FUDA_BUF_INIT(OBJECT_MAX),
		.address = FUDA_BUF_INIT(OBJECT_MAX),
		.photo = FUDA_BUF_INIT(PHOTO_MAX),
		.security_code = FUDA_BUF_INIT(OBJECT_MAX),
		.my_number = FUDA_BUF_INIT(OBJECT_MAX),
	};
	struct fuda_buf *bufs[] = { &c.face_key, &c.text_key,      &c.name,     &c.address,
				    &c.photo,    &c.security_code, &c.my_number };
	int r;

	if (m->conf.opt.kind != KIND_CARD)
		return 0;
	r = draw(&c);
	if (r == 0)
		r = cv_hierarchy_new(m->person.municipality, m->what->authority, &c.cv, m->why,
				     m->why_size);
	if (r == 0)
		r = put_all(&c);
	cv_hierarchy_free(&c.cv);
	EVP_PKEY_free(c.face);
	EVP_PKEY_free(c.text);
	for (size_t i = 0; i < ARRAY_SIZE(bufs); i++)
		fuda_buf_free(bufs[i]);
	return r;
}
