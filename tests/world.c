/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"
#include "certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/x509.h>
#include <fuda/encode.h>
#include "codec/base64.h"
#include "codec/json.h"
#include "mykey/transcript.h"

static void insist(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "world: %s\n", what);
	abort();
}

static void write_file(const char *folder, const char *name, const struct fuda_buf *bytes)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	insist(f && fwrite(bytes->data, 1, bytes->len, f) == bytes->len && fclose(f) == 0, path);
}

/* "YYMMDDHHMMSSZ" of now and `seconds` later */
static void utc(char ret[16], long seconds)
{
	time_t at = time(NULL) + seconds;
	struct tm t;

	insist(gmtime_r(&at, &t) && snprintf(ret, 16, "%02d%02d%02d%02d%02d%02dZ", t.tm_year % 100, t.tm_mon + 1,
					    t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec) == 13,
	       "time");
}

/* The list's own serials: five bytes that begin with 7F, which no card has. */
static void put_entries(struct fuda_buf *out, size_t count, const char *at)
{
	uint8_t entry[24] = { 0x30, 22, 0x02, 5, 0x7F, 0, 0, 0, 0, 0x17, 13 };

	memcpy(entry + 11, at, 13);
	for (size_t i = 0; i < count; i++) {
		uint32_t serial = (uint32_t)i * 2;

		for (int b = 0; b < 4; b++)
			entry[5 + b] = (uint8_t)(serial >> (24 - 8 * b));
		insist(fuda_buf_append(out, entry, sizeof(entry)) == 0, "memory");
	}
}

static void put_length(struct fuda_buf *out, uint8_t tag, size_t len)
{
	uint8_t head[] = { tag, 0x84, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
	uint8_t brief[] = { tag, (uint8_t)len };

	if (len < 128)
		insist(fuda_buf_append(out, brief, 2) == 0, "memory");
	else if (len > 0xFFFFFF)
		insist(fuda_buf_append(out, head, 6) == 0, "memory");
	else {
		size_t bytes = len > 0xFFFF ? 3 : len > 0xFF ? 2 : 1;

		head[1] = (uint8_t)(0x80 | bytes);
		insist(fuda_buf_append(out, head, 2) == 0 && fuda_buf_append(out, head + 6 - bytes, bytes) == 0,
		       "memory");
	}
}

static void put_buf(struct fuda_buf *out, const struct fuda_buf *bytes)
{
	insist(fuda_buf_append(out, bytes->data, bytes->len) == 0, "memory");
}

/* The DER of the CA's own name. */
static void ca_name(const struct fuda_buf *ca, struct fuda_buf *ret)
{
	const uint8_t *p = ca->data;
	X509 *cert = d2i_X509(NULL, &p, (long)ca->len);
	uint8_t *der = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(cert), &der);

	insist(len > 0 && fuda_buf_append(ret, der, (size_t)len) == 0, "name");
	OPENSSL_free(der);
	X509_free(cert);
}

static void make_list(const struct fuda_buf *ca, size_t entries, struct fuda_buf *ret)
{
	const size_t most = 64 << 20;
	struct fuda_buf list = FUDA_BUF_INIT(most), tbs = FUDA_BUF_INIT(most), whole = FUDA_BUF_INIT(most);
	struct fuda_buf name = TEST_BUF, head = TEST_BUF, tail = TEST_BUF, outer = TEST_BUF, signature = TEST_BUF;
	struct fuda_digest digest;
	char from[16], until[16], text[256];

	utc(from, -60);
	utc(until, 86400);
	ca_name(ca, &name);
	put_entries(&list, entries, from);
	snprintf(text, sizeof(text), "020101" ALGORITHM_SHA256 "$17{'%s'}17{'%s'}", from, until);
	der_write(&head, text, &name);
	snprintf(text, sizeof(text), "A0{30{30{<2.5.29.35>04{30{80{%s}}}}30{<2.5.29.20>04{020101}}}}",
		 test_key_id(KEY_AUTH_CA));
	der_write(&tail, text);
	if (entries) {
		put_buf(&whole, &head);
		put_length(&whole, 0x30, list.len);
		put_buf(&whole, &list);
	} else {
		put_buf(&whole, &head);
	}
	put_buf(&whole, &tail);
	put_length(&tbs, 0x30, whole.len);
	put_buf(&tbs, &whole);
	insist(fuda_digest_bytes(FUDA_SHA256, tbs.data, tbs.len, &digest) == 0, "digest");
	test_sign(KEY_AUTH_CA, FUDA_PKCS1, &digest, &signature);
	der_write(&outer, ALGORITHM_SHA256 "03{00$}", &signature);
	put_length(ret, 0x30, tbs.len + outer.len);
	put_buf(ret, &tbs);
	put_buf(ret, &outer);
	struct fuda_buf *all[] = { &list, &tbs, &whole, &name, &head, &tail, &outer, &signature };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		fuda_buf_free_public(all[i]);
}

void world_make(const char *folder, size_t entries)
{
	struct cert_plan plan = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct fuda_buf der = TEST_BUF, pem = TEST_BUF, list = FUDA_BUF_INIT(64 << 20);

	cert_make(&plan, &der);
	insist(fuda_pem_encode("CERTIFICATE", der.data, der.len, &pem) == 0, "PEM");
	write_file(folder, "ca.pem", &pem);
	make_list(&der, entries, &list);
	write_file(folder, "cards.crl", &list);
	fuda_buf_free_public(&der);
	fuda_buf_free_public(&pem);
	fuda_buf_free_public(&list);
}

void world_card(uint32_t n, struct fuda_buf *ret_der)
{
	char serial[32];

	snprintf(serial, sizeof(serial), "02{01%08X}", n);
	cert_make_with(plan_auth(), F_SERIAL, serial, ret_der);
}

bool world_body(uint32_t n, const char *purpose, const char *challenge, const char *more, struct fuda_buf *ret_body)
{
	char token[128], origin[WORLD_ORIGIN], terminal[40], id[33] = "";
	struct fuda_buf nonce = FUDA_BUF_INIT(TRANSCRIPT_NONCE), der = TEST_BUF, signature = TEST_BUF;
	struct fuda_buf uuid = FUDA_BUF_INIT(TRANSCRIPT_TERMINAL);
	struct transcript t = { .purpose = purpose, .origin = origin };
	const struct json_field fields[] = {
		{ "challenge", JSON_STRING, true, token, sizeof(token), NULL },
		{ "nonce", JSON_BASE64, true, &nonce, 0, NULL },
		{ "expires", JSON_NUMBER, true, &t.expires, 0, NULL },
		{ "origin", JSON_STRING, true, origin, sizeof(origin), NULL },
		{ "terminal", JSON_STRING, true, terminal, sizeof(terminal), NULL },
	};
	const char *member, *why;
	struct fuda_digest digest;
	struct json_out out;
	bool good;

	good = json_read_some(challenge, strlen(challenge), fields, sizeof(fields) / sizeof(fields[0]), &member,
			      &why) == 0;
	for (size_t i = 0, to = 0; good && terminal[i] && to < 32; i++)
		if (terminal[i] != '-')
			id[to++] = terminal[i], id[to] = 0;
	good = good && fuda_hex_decode(id, &uuid) == 0 && uuid.len == TRANSCRIPT_TERMINAL &&
	       nonce.len == TRANSCRIPT_NONCE;
	t.terminal = uuid.data;
	t.nonce = nonce.data;
	if (good && transcript_digest(&t, &digest) == 0) {
		world_card(n, &der);
		test_sign(KEY_HOLDER, FUDA_PKCS1, &digest, &signature);
		fuda_buf_clear(ret_body);
		json_begin(&out, ret_body);
		json_string(&out, "challenge", token);
		json_base64(&out, "certificate", der.data, der.len);
		json_base64(&out, "signature", signature.data, signature.len);
		insist(json_end(&out) == 0, "body");
		/* the last brace comes behind what else there is */
		ret_body->len--;
		insist(fuda_buf_append(ret_body, more, strlen(more)) == 0 && fuda_buf_append(ret_body, "}", 2) == 0,
		       "body");
	}
	fuda_buf_free_public(&nonce);
	fuda_buf_free_public(&uuid);
	fuda_buf_free_public(&der);
	fuda_buf_free_public(&signature);
	return good;
}

void world_terminal(const char *path, struct fuda_buf *ret_base64)
{
	char text[16384];
	struct fuda_buf der = TEST_BUF;
	const char *at = text;
	FILE *f = fopen(path, "r");
	size_t len = f ? fread(text, 1, sizeof(text), f) : 0;

	insist(f && fuda_pem_decode("CERTIFICATE", &at, &len, &der) == 0, path);
	fclose(f);
	fuda_buf_clear(ret_base64);
	insist(base64_encode(der.data, der.len, false, ret_base64) == 0 && fuda_buf_append(ret_base64, "", 1) == 0,
	       "base64");
	fuda_buf_free_public(&der);
}
