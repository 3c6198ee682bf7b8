/* SPDX-License-Identifier: Apache-2.0 */
/* An authority for terminals in a folder of the test's, requests to it, and the openssl command
 * that judges what it makes. */
#ifndef TESTS_AUTHORITY_H
#define TESTS_AUTHORITY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "service/ca.h"
#include "tests/scratch.h"

#define AUTHORITY_BUF FUDA_BUF_INIT(65536)

static struct fuda_context *ctx;

/* Of a terminal that is made up. */
static const uint8_t terminal_id[ID_BYTES] = { 0x01, 0x93, 0x4B, 0x2A, 0x5C, 0x00, 0x7D, 0x1E,
					       0x8F, 0x30, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66 };
#define TERMINAL_TEXT "01934b2a-5c00-7d1e-8f30-112233445566"

/* An authority of its own in the folder `name`. */
static inline struct ca *authority(const char *name, const char *environment)
{
	struct ca *ca = NULL;

	if (mkdir(scratch_path(name), 0700) < 0 ||
	    ca_create(ctx, scratch_path(name), environment) < 0 ||
	    ca_open(ctx, scratch_path(name), &ca) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return ca;
}

/* A request of `key`, signed by it with `md`. Replaces the content. */
static inline void make_request(EVP_PKEY *key, const EVP_MD *md, struct fuda_buf *ret)
{
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int len;

	assert_int_equal(X509_REQ_set_version(req, 0), 1);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN",
						    MBSTRING_UTF8,
						    (const unsigned char *)"terminal", -1, -1, 0),
			 1);
	assert_true(X509_REQ_sign(req, key, md) > 0);
	len = i2d_X509_REQ(req, &der);
	assert_true(len > 0);
	fuda_buf_clear(ret);
	assert_int_equal(fuda_buf_append(ret, der, (size_t)len), 0);
	OPENSSL_free(der);
	X509_REQ_free(req);
}

/* A terminal's certificate for a fresh key. */
static inline struct issued issue(struct ca *ca, time_t now, int64_t seconds,
				  struct fuda_buf *ret_der)
{
	_cleanup_buf_ struct fuda_buf csr = AUTHORITY_BUF;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct issued issued;

	make_request(key, EVP_sha256(), &csr);
	fuda_buf_clear(ret_der);
	if (ca_issue(ctx, ca, csr.data, csr.len, terminal_id, now, seconds, &issued, ret_der) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	EVP_PKEY_free(key);
	return issued;
}

static inline void write_bytes(const char *name, const struct fuda_buf *bytes)
{
	FILE *f = fopen(scratch_path(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes->data, 1, bytes->len, f), bytes->len);
	assert_int_equal(fclose(f), 0);
}

/* What a file holds. Replaces the content. */
static inline void read_bytes(const char *name, struct fuda_buf *ret)
{
	uint8_t bytes[65536];
	FILE *f = fopen(scratch_path(name), "rb");

	assert_non_null(f);
	fuda_buf_clear(ret);
	assert_int_equal(fuda_buf_append(ret, bytes, fread(bytes, 1, sizeof(bytes), f)), 0);
	assert_int_equal(fclose(f), 0);
}

/* Runs a shell command in the folder; its output stands in the file "out". Whether it succeeded. */
static inline bool run(const char *command)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd '%s' && { %s; } >out 2>&1", scratch, command);
	return system(line) == 0;
}

/* As run(); if it fails, so does the test. */
static inline void must_run(const char *command)
{
	if (!run(command))
		fail_msg("%s: %s", command, scratch_read("out"));
}

/* Ends the test, which is then skipped, where there is no such command. */
static inline void need_openssl(void)
{
	if (!run("openssl version"))
		skip();
}

static inline bool output_has(const char *text)
{
	return strstr(scratch_read("out"), text) != NULL;
}

static inline int authority_setup(void **state)
{
	return fuda_context_new(&ctx) < 0 ? -1 : scratch_setup(state);
}

static inline int authority_teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

#endif
