/* SPDX-License-Identifier: Apache-2.0 */
#include "service/challenge.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/util.h"
#include "codec/base64.h"
#include "mykey/transcript.h"

_Static_assert((int)NONCE_BYTES == (int)TRANSCRIPT_NONCE, "the card signs the whole nonce");
_Static_assert((int)ID_BYTES == (int)TRANSCRIPT_TERMINAL, "the card signs the terminal's id");

enum {
	EXPIRES_BYTES = 8,
	TOKEN_BYTES = NONCE_BYTES + EXPIRES_BYTES + MAC_BYTES,
	TOKEN_CHARS = (TOKEN_BYTES * 4 + 2) / 3,
};
_Static_assert((int)TOKEN_CHARS < (int)CHALLENGE_TOKEN, "there is room for a token");

static struct transcript transcript_of(const struct challenge *c, const char *origin)
{
	return (struct transcript){ .purpose = c->purpose,
				    .origin = origin,
				    .terminal = c->terminal,
				    .nonce = c->nonce,
				    .expires = c->expires };
}

int challenge_digest(const struct challenge *challenge, const char *origin, struct fuda_digest *ret)
{
	struct transcript t = transcript_of(challenge, origin);

	return transcript_digest(&t, ret);
}

int challenge_reader_key(const struct challenge *challenge, const char *origin,
			 struct private_key **ret)
{
	struct transcript t = transcript_of(challenge, origin);

	return transcript_reader_key(&t, ret);
}

/* The MAC is over what the card signs: that has all of it in one way only. */
static int mac_of(struct keys *keys, const struct challenge *c, const char *origin,
		  uint8_t ret[MAC_BYTES])
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRANSCRIPT_MAX);
	struct transcript t = transcript_of(c, origin);
	int e = transcript_bytes(&t, &bytes);

	return e < 0 ? e : keys_mac(keys, bytes.data, bytes.len, ret);
}

static int begin(struct challenge *c, const char *purpose, const uint8_t terminal[ID_BYTES])
{
	size_t len = strnlen(purpose, PURPOSE_MAX);

	if (len == 0 || len == PURPOSE_MAX)
		return FUDA_EINVAL;
	memcpy(c->purpose, purpose, len + 1);
	memcpy(c->terminal, terminal, sizeof(c->terminal));
	return 0;
}

int challenge_make(struct keys *keys, const char *purpose, const char *origin,
		   const uint8_t terminal[ID_BYTES], int64_t now, char ret_token[CHALLENGE_TOKEN],
		   struct challenge *ret)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(CHALLENGE_TOKEN - 1);
	struct challenge c = { .expires = now + CHALLENGE_LIFE };
	uint8_t token[TOKEN_BYTES], *p = token + NONCE_BYTES;
	int e = begin(&c, purpose, terminal);

	if (e == 0)
		e = fuda_random(c.nonce, sizeof(c.nonce));
	if (e < 0)
		return e;
	memcpy(token, c.nonce, sizeof(c.nonce));
	for (int shift = 56; shift >= 0; shift -= 8)
		*p++ = (uint8_t)((uint64_t)c.expires >> shift);
	e = mac_of(keys, &c, origin, p);
	if (e == 0)
		e = base64_encode(token, sizeof(token), true, &text);
	if (e < 0)
		return e;
	memcpy(ret_token, text.data, text.len);
	ret_token[text.len] = 0;
	*ret = c;
	return 0;
}

/* What base64url has and nothing else: one token has one spelling. */
static bool is_token(const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";

	return strnlen(text, CHALLENGE_TOKEN) == TOKEN_CHARS &&
	       strspn(text, alphabet) == TOKEN_CHARS;
}

int challenge_read(struct keys *keys, const char *token, const char *purpose, const char *origin,
		   const uint8_t terminal[ID_BYTES], int64_t now, struct challenge *ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TOKEN_BYTES);
	struct challenge c = { 0 };
	uint8_t mac[MAC_BYTES], brought[MAC_BYTES];
	uint32_t high, low;
	struct cursor cur;
	int e = begin(&c, purpose, terminal);

	if (e < 0)
		return e;
	if (!is_token(token))
		return FUDA_EFORMAT;
	e = base64_decode(token, TOKEN_CHARS, &bytes);
	if (e < 0)
		return e;
	cur = cur_of(bytes.data, bytes.len);
	if (cur_copy(&cur, c.nonce, sizeof(c.nonce)) < 0 || cur_uint(&cur, 4, &high) < 0 ||
	    cur_uint(&cur, 4, &low) < 0 || cur_copy(&cur, brought, sizeof(brought)) < 0)
		return FUDA_EFORMAT;
	c.expires = (int64_t)((uint64_t)high << 32 | low);
	e = mac_of(keys, &c, origin, mac);
	if (e < 0)
		return e;
	if (!equal_ct(mac, brought, sizeof(mac)))
		return FUDA_EVERIFY;
	if (now >= c.expires)
		return FUDA_ETIMEOUT;
	*ret = c;
	return 0;
}
