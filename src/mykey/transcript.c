/* SPDX-License-Identifier: Apache-2.0 */
/* platform.md D2: what the card signs; and what a phone does. */
#include "mykey/transcript.h"

#include <string.h>

#include "base/crypto-keys.h"
#include "base/util.h"

enum { READER_SCALAR = 32 };

/* Puts one field behind its length. */
static int put(struct fuda_buf *to, const void *bytes, size_t len)
{
	const uint8_t length[] = { (uint8_t)(len >> 8), (uint8_t)len };
	int e = len > TRANSCRIPT_MAX ? FUDA_ETOOBIG : fuda_buf_append(to, length, sizeof(length));

	return e < 0 ? e : fuda_buf_append(to, bytes, len);
}

int transcript_bytes(const struct transcript *t, struct fuda_buf *ret)
{
	static const char version[] = "mykey-v1"; /* with its NUL */
	_cleanup_buf_ struct fuda_buf all = FUDA_BUF_INIT(TRANSCRIPT_MAX);
	uint64_t left = (uint64_t)t->expires;
	uint8_t expires[8];
	int e = fuda_buf_append(&all, version, sizeof(version));

	for (int i = 7; i >= 0; i--, left >>= 8)
		expires[i] = (uint8_t)left;
	if (e == 0)
		e = put(&all, t->purpose, strlen(t->purpose));
	if (e == 0)
		e = put(&all, t->origin, strlen(t->origin));
	if (e == 0)
		e = put(&all, t->terminal, TRANSCRIPT_TERMINAL);
	if (e == 0)
		e = put(&all, t->nonce, TRANSCRIPT_NONCE);
	if (e == 0)
		e = put(&all, expires, sizeof(expires));
	return e < 0 ? e : fuda_buf_append(ret, all.data, all.len);
}

int transcript_digest(const struct transcript *t, struct fuda_digest *ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRANSCRIPT_MAX);
	int e = transcript_bytes(t, &bytes);

	return e < 0 ? e : fuda_digest_bytes(FUDA_SHA256, bytes.data, bytes.len, ret);
}

/* FUDA_EFORMAT: with this counter it is no number of the curve, as one of 2^32 is not. */
static int reader_key(const struct fuda_buf *bytes, uint8_t counter, struct private_key **ret)
{
	uint8_t info[] = "mykey-v1 mdoc reader", scalar[READER_SCALAR];
	int e;

	info[sizeof(info) - 1] = counter; /* in the place of the NUL */
	e = crypto_hkdf(PIECE(bytes->data, bytes->len), PIECE(NULL, 0), PIECE(info, sizeof(info)),
			scalar, sizeof(scalar));
	if (e == 0)
		e = private_from_scalar(CURVE_P256, scalar, sizeof(scalar), ret);
	wipe(scalar, sizeof(scalar));
	return e;
}

int transcript_reader_key(const struct transcript *t, struct private_key **ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRANSCRIPT_MAX);
	int e = transcript_bytes(t, &bytes);

	if (e < 0)
		return e;
	e = FUDA_EFORMAT;
	for (unsigned counter = 0; e == FUDA_EFORMAT && counter <= UINT8_MAX; counter++)
		e = reader_key(&bytes, (uint8_t)counter, ret);
	return e == FUDA_EFORMAT ? FUDA_EFAILED : e;
}
