/* SPDX-License-Identifier: Apache-2.0 */
/* The authority keys that the user gives: none is on the card (card.md 2.8). */
#include <fuda/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "pki/file.h"
#include "record/cv.h"

enum { KEYS_MAX = 64, SPKI_MAX = 2048, LINE_SIZE = 128 };

#define KEY_ID "Key-Id:"
#define LABEL  "PUBLIC KEY"
#define ANY    "-----BEGIN "
#define BEGIN  ANY LABEL "-----"

struct fuda_cv_trust {
	struct fuda_context *ctx;
	struct authority {
		uint8_t id[FUDA_CV_ID];
		struct key *key;
	} authorities[KEYS_MAX];
	size_t count;
};

int fuda_cv_trust_new(struct fuda_context *ctx, struct fuda_cv_trust **ret)
{
	struct fuda_cv_trust *trust = calloc(1, sizeof(*trust));

	if (!trust)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	trust->ctx = ctx;
	*ret = trust;
	return 0;
}

struct fuda_context *cv_trust_context(const struct fuda_cv_trust *trust)
{
	return trust->ctx;
}

/* Forgets the keys that came after the first `count`. */
static void cut(struct fuda_cv_trust *trust, size_t count)
{
	while (trust->count > count)
		key_free(&trust->authorities[--trust->count].key);
}

void fuda_cv_trust_free(struct fuda_cv_trust **trust)
{
	if (!*trust)
		return;
	cut(*trust, 0);
	free(*trust);
	*trust = NULL;
}

const struct key *cv_trust_find(const struct fuda_cv_trust *trust, const uint8_t id[FUDA_CV_ID])
{
	/* all 16 bytes count, the padding too: card.md 2.8 */
	for (size_t i = 0; i < trust->count; i++)
		if (memcmp(trust->authorities[i].id, id, FUDA_CV_ID) == 0)
			return trust->authorities[i].key;
	return NULL;
}

/* Takes `*key` over, and leaves NULL, unless it is known. */
static int add(struct fuda_cv_trust *trust, const uint8_t id[FUDA_CV_ID], struct key **key)
{
	const struct key *known = cv_trust_find(trust, id);
	struct authority *a = &trust->authorities[trust->count];

	if (known && key_equal(known, *key))
		return 0;
	if (known)
		return ctx_fail(trust->ctx, FUDA_EFORMAT,
				_("another key has been given for the same Key-Id. Find out which "
				  "one is right."));
	if (trust->count == KEYS_MAX)
		return ctx_fail(trust->ctx, FUDA_ETOOBIG,
				_("more than %d authority keys; name fewer."), KEYS_MAX);
	memcpy(a->id, id, FUDA_CV_ID);
	a->key = *key;
	*key = NULL;
	trust->count++;
	return 0;
}

/* What is left of a file, and the Key-Id that waits for its block. */
struct reading {
	const char *at;
	size_t left;
	bool has_id;
	uint8_t id[FUDA_CV_ID];
};

static size_t line_length(const struct reading *in)
{
	const char *end = memchr(in->at, '\n', in->left);

	return end ? (size_t)(end - in->at) + 1 : in->left;
}

static bool line_begins(const struct reading *in, const char *with)
{
	return in->left >= strlen(with) && memcmp(in->at, with, strlen(with)) == 0;
}

static int take_id(struct fuda_context *ctx, struct reading *in, size_t len)
{
	_cleanup_buf_ struct fuda_buf id = FUDA_BUF_INIT(FUDA_CV_ID);
	size_t digits = len - strlen(KEY_ID);
	char hex[LINE_SIZE] = "";

	if (in->has_id)
		return ctx_fail(ctx, FUDA_EFORMAT, _("two Key-Id lines and one key."));
	memcpy(hex, in->at + strlen(KEY_ID), MIN(digits, sizeof(hex) - 1));
	if (digits >= sizeof(hex) || fuda_hex_decode(hex, &id) < 0 || id.len != FUDA_CV_ID)
		return ctx_fail(ctx, FUDA_EFORMAT, _("its Key-Id is not 32 hexadecimal digits."));
	memcpy(in->id, id.data, FUDA_CV_ID);
	in->has_id = true;
	return 0;
}

/* Goes to the next block, past the line that says whose it is. FUDA_ENOTFOUND at the end. */
static int next_block(struct fuda_context *ctx, struct reading *in)
{
	while (in->left && !line_begins(in, BEGIN)) {
		size_t len = line_length(in);

		if (in->has_id && line_begins(in, ANY))
			return ctx_fail(ctx, FUDA_EFORMAT,
					_("what follows its Key-Id is no public key."));
		if (line_begins(in, KEY_ID)) {
			int r = take_id(ctx, in, len);

			if (r < 0)
				return r;
		}
		in->at += len;
		in->left -= len;
	}
	if (in->left == 0 && in->has_id)
		return ctx_fail(ctx, FUDA_EFORMAT, _("a Key-Id line without a key."));
	if (in->left == 0)
		return FUDA_ENOTFOUND;
	if (!in->has_id)
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("no line \"Key-Id: ...\" before it says whose key it is."));
	in->has_id = false;
	return 0;
}

static int take_key(struct fuda_context *ctx, struct reading *in, struct key **ret)
{
	_cleanup_buf_ struct fuda_buf spki = FUDA_BUF_INIT(SPKI_MAX);
	_cleanup_(key_free) struct key *key = NULL;
	struct cursor c;
	int r = fuda_pem_decode(LABEL, &in->at, &in->left, &spki);

	if (r == 0) {
		c = cur_of(spki.data, spki.len);
		r = key_new(&c, &key);
	}
	if (r == FUDA_ENOMEM || r == FUDA_EFAILED)
		return ctx_fail_code(ctx, r);
	if (r < 0 || c.left)
		return ctx_fail(ctx, FUDA_EFORMAT, _("not good PEM, or not a public key."));
	if (!key_is_rsa_2048(key))
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("not an RSA key of 2048 bits, as the authorities use."));
	*ret = key;
	key = NULL;
	return 0;
}

/* The last failure again, with the place in the file in front. */
static int failed_in(struct fuda_context *ctx, int code, const char *path, int number)
{
	char why[512];

	snprintf(why, sizeof(why), "%s", fuda_context_message(ctx));
	return ctx_fail(ctx, code, _("Key %d of %s: %s"), number, path, why);
}

static int add_next(struct fuda_cv_trust *trust, struct reading *in)
{
	_cleanup_(key_free) struct key *key = NULL;
	int r = next_block(trust->ctx, in);

	if (r == 0)
		r = take_key(trust->ctx, in, &key);
	return r < 0 ? r : add(trust, in->id, &key);
}

static int add_blocks(struct fuda_cv_trust *trust, const char *path, struct reading *in)
{
	for (int count = 0;; count++) {
		int r = add_next(trust, in);

		if (r == FUDA_ENOTFOUND && count)
			return 0;
		if (r == FUDA_ENOTFOUND)
			return ctx_fail(trust->ctx, r,
					_("%s holds no key; PEM is expected (\"%s\"), each with a "
					  "line \"Key-Id: ...\" before it."),
					path, BEGIN);
		if (r < 0)
			return failed_in(trust->ctx, r, path, count + 1);
	}
}

int fuda_cv_trust_add_file(struct fuda_cv_trust *trust, const char *path)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(PKI_FILE_MAX);
	size_t before = trust->count;
	struct reading in = { 0 };
	int r = pki_read_file(trust->ctx, path, &text);

	if (r < 0)
		return r;
	in.at = text.len ? (const char *)text.data : "";
	in.left = text.len;
	r = add_blocks(trust, path, &in);
	if (r < 0)
		cut(trust, before); /* all of a file or nothing */
	return r;
}
