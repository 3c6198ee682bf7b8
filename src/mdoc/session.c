/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/session.h"

#include "base/crypto-keys.h"
#include "base/util.h"

_Static_assert(sizeof(((struct session *)0)->own_key) == AES256_KEY, "AES-256-GCM");

/* ---- keys ---- */

/* HKDF-SHA-256 of the common secret; the salt is the hash of SessionTranscriptBytes, with its tag:
 * ISO 18013-5 9.1.1.5. */
static int derive(struct cursor secret, struct cursor transcript, const char *info,
		  uint8_t ret_key[AES256_KEY])
{
	_cleanup_buf_ struct fuda_buf tagged = FUDA_BUF_INIT(CBOR_MAX);
	struct cbor_out out = CBOR_OUT(&tagged);
	struct fuda_digest salt;
	int r;

	cbor_put_embedded(&out, transcript);
	r = out.failed;
	if (r == 0)
		r = fuda_digest_bytes(FUDA_SHA256, tagged.data, tagged.len, &salt);
	return r < 0 ? r :
		       crypto_hkdf(PIECE(secret.p, secret.left), PIECE(salt.bytes, salt.len),
				   PIECE(info, strlen(info)), ret_key, AES256_KEY);
}

static int agree(const struct private_key *own, const struct key *peer, struct cursor transcript,
		 const char *const infos[2], uint8_t ret_keys[2][AES256_KEY])
{
	uint8_t secret[AGREED_MAX];
	size_t len = 0;
	int r = private_agree(own, peer, secret, &len);

	for (int i = 0; r == 0 && i < 2 && infos[i]; i++)
		r = derive(cur_of(secret, len), transcript, infos[i], ret_keys[i]);
	wipe(secret, sizeof(secret));
	return r;
}

int session_begin(enum session_role role, const struct private_key *own, const struct key *peer,
		  struct cursor transcript, struct session *ret)
{
	static const char *const infos[2] = { "SKReader", "SKDevice" };
	uint8_t keys[2][AES256_KEY];
	int r = agree(own, peer, transcript, infos, keys);

	if (r == 0) {
		*ret = (struct session){ .role = role, .live = true };
		memcpy(ret->own_key, keys[role == SESSION_DEVICE], AES256_KEY);
		memcpy(ret->peer_key, keys[role == SESSION_READER], AES256_KEY);
	}
	wipe(keys, sizeof(keys));
	return r;
}

void session_end(struct session *s)
{
	wipe(s, sizeof(*s));
}

int session_mac_key(const struct private_key *own, const struct key *peer, struct cursor transcript,
		    uint8_t ret_key[32])
{
	static const char *const infos[2] = { "EMacKey" };
	uint8_t keys[2][AES256_KEY];
	int r = agree(own, peer, transcript, infos, keys);

	if (r == 0)
		memcpy(ret_key, keys[0], AES256_KEY);
	wipe(keys, sizeof(keys));
	return r;
}

/* ---- messages ---- */

/* Eight bytes that tell the sides apart, and the count of messages from 1 on: 9.1.1.5. */
static void make_nonce(enum session_role sender, uint32_t count, uint8_t ret[GCM_NONCE])
{
	memset(ret, 0, GCM_NONCE);
	ret[7] = sender == SESSION_DEVICE;
	for (int i = 0; i < 4; i++)
		ret[8 + i] = (uint8_t)(count >> (24 - 8 * i));
}

int session_seal(struct session *s, struct cursor plain, struct fuda_buf *ret)
{
	uint8_t nonce[GCM_NONCE];
	int r;

	if (!s->live || s->own_count == UINT32_MAX)
		return FUDA_EFAILED;
	make_nonce(s->role, ++s->own_count, nonce);
	r = crypto_gcm_seal(s->own_key, nonce, NULL, 0, PIECE(plain.p, plain.left), ret);
	if (r < 0) /* the peer would wait for this message */
		session_end(s);
	return r;
}

int session_open(struct session *s, struct cursor sealed, struct fuda_buf *ret)
{
	uint8_t nonce[GCM_NONCE];
	int r;

	if (!s->live || s->peer_count == UINT32_MAX)
		return FUDA_EFAILED;
	make_nonce(s->role == SESSION_READER ? SESSION_DEVICE : SESSION_READER, ++s->peer_count,
		   nonce);
	r = crypto_gcm_open(s->peer_key, nonce, NULL, 0, PIECE(sealed.p, sealed.left), ret);
	if (r < 0)
		session_end(s);
	return r;
}

/* ---- what carries them: 9.1.1.4 ---- */

int session_put_establishment(struct cursor reader_key, struct cursor data, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);

	cbor_put_map(&out, 2);
	cbor_put_text(&out, "eReaderKey");
	cbor_put_embedded(&out, reader_key);
	cbor_put_text(&out, "data");
	cbor_put_bytes(&out, data.p, data.left);
	return out.failed;
}

int session_read_establishment(struct cursor bytes, struct cursor *ret_reader_key,
			       struct cursor *ret_data)
{
	struct cbor map, key, data, inner;
	const struct cbor_member members[] = {
		{ "eReaderKey", &key, NULL },
		{ "data", &data, NULL },
	};
	struct cursor sealed;

	if (cbor_read(bytes, &map, NULL) < 0 ||
	    cbor_members(&map, members, ARRAY_SIZE(members), NULL) < 0 ||
	    cbor_embedded(&key, &inner) < 0 || cbor_bytes(&data, &sealed) < 0)
		return FUDA_EFORMAT;
	*ret_reader_key = inner.whole;
	*ret_data = sealed;
	return 0;
}

int session_put_data(struct cursor data, enum session_status status, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);

	cbor_put_map(&out, (data.left != 0) + (status != SESSION_NO_STATUS));
	if (data.left) {
		cbor_put_text(&out, "data");
		cbor_put_bytes(&out, data.p, data.left);
	}
	if (status != SESSION_NO_STATUS) {
		cbor_put_text(&out, "status");
		cbor_put_uint(&out, status);
	}
	return out.failed;
}

int session_read_data(struct cursor bytes, struct cursor *ret_data, uint64_t *ret_status)
{
	struct cbor map, data, status;
	bool has_data, has_status;
	const struct cbor_member members[] = {
		{ "data", &data, &has_data },
		{ "status", &status, &has_status },
	};
	struct cursor sealed = { 0 };
	uint64_t number = SESSION_NO_STATUS;

	if (cbor_read(bytes, &map, NULL) < 0 ||
	    cbor_members(&map, members, ARRAY_SIZE(members), NULL) < 0 ||
	    (!has_data && !has_status) ||
	    (has_data && (cbor_bytes(&data, &sealed) < 0 || !sealed.left)) ||
	    (has_status && cbor_uint(&status, SESSION_NO_STATUS - 1, &number) < 0))
		return FUDA_EFORMAT;
	*ret_data = sealed;
	*ret_status = number;
	return 0;
}
