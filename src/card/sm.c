/* SPDX-License-Identifier: Apache-2.0 */
/* Secure messaging, card.md 3.3. */
#include "card/sm.h"

#include <string.h>

#include "codec/tlv.h"

enum {
	CLA_SM = 0x08,
	SEED = 32,
	MODULUS = 256,
	DO_KEY = 0xA1,
	DO_EXPONENT = 0x90,
	DO_MODULUS = 0x91,
	DO_ENCRYPTED = 0x86,
	DO_LE = 0x96,
	PADDED = 0x01, /* what stands before the ciphertext: padding as in ISO 7816-4 */
	EXTENDED_LE = 65536,
	COMMAND_BYTES = 9 + MODULUS, /* SET SESSION KEY with extended length */
};

int sm_check(struct fuda_card *c)
{
	if (c->extended == EXTENDED_WORKS && c->reader->max_command >= COMMAND_BYTES)
		return 0;
	return ctx_fail(c->ctx, FUDA_ENOTSUP,
			_("Secure messaging needs extended length, which this reader and card do "
			  "not do together. Read without it, or use another reader; nothing secret "
			  "was sent."));
}

/* ---- session key ---- */

static int parse_key(const struct fuda_buf *data, struct rsa_public *ret)
{
	struct cursor c = cur_of(data->data, data->len);
	struct tlv outer, exponent, modulus;

	if (tlv_expect(&c, DO_KEY, &outer) < 0 || c.left ||
	    tlv_expect(&outer.value, DO_EXPONENT, &exponent) < 0 ||
	    tlv_expect(&outer.value, DO_MODULUS, &modulus) < 0 || outer.value.left ||
	    modulus.value.left != MODULUS)
		return FUDA_EFORMAT;
	*ret = (struct rsa_public){ modulus.value.p, exponent.value.p, modulus.value.left,
				    exponent.value.left };
	return 0;
}

/* SET SESSION KEY. Any other answer than 9000 leaves no session. */
static int set_session_key(struct fuda_card *c, const struct fuda_buf *ciphertext,
			   struct fuda_deadline *dl)
{
	struct apdu a = { 0x80, 0xAE, 0x00, 0x00, ciphertext->data, ciphertext->len, 0, true };
	uint16_t sw;
	int r = card_command(c, &a, dl, NULL, &sw);

	if (r < 0)
		return r;
	if (sw == 0x6982)
		return card_check_sw(c, sw);
	if (sw != 0x9000)
		return ctx_fail_sw(c->ctx, FUDA_ESW, sw,
				   _("The card refuses secure messaging. Read without it."));
	return 0;
}

static int agree(struct fuda_card *c, const struct fuda_buf *key_data,
		 const uint8_t message[4 + SEED], struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf ciphertext = FUDA_BUF_INIT(MODULUS);
	struct rsa_public key;
	int r = parse_key(key_data, &key);

	if (r == 0)
		r = crypto_rsa_oaep(&key, message, 4 + SEED, &ciphertext);
	if (r == FUDA_EFORMAT || r == FUDA_EINVAL)
		return ctx_fail(c->ctx, FUDA_EFORMAT,
				_("The card's key for secure messaging is malformed."));
	if (r < 0)
		return ctx_fail_code(c->ctx, r);
	return set_session_key(c, &ciphertext, dl);
}

int sm_begin(struct fuda_card *c, const struct ef *key_file, struct fuda_deadline *dl,
	     struct sm *ret)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(key_file->max);
	uint8_t message[4 + SEED] = { 0xA0, 2 + SEED, 0x80, SEED };
	int r = sm_check(c);

	ctx_step(c->ctx, _("begin secure messaging"));
	if (r == 0)
		r = card_read(c, key_file, dl, &key);
	if (r < 0)
		return r;
	r = fuda_random(message + 4, SEED);
	if (r < 0)
		return ctx_fail_code(c->ctx, r);
	r = agree(c, &key, message, dl);
	if (r == 0) {
		memcpy(ret->key, message + 4, sizeof(ret->key));
		ret->counter = 0;
	}
	wipe(message, sizeof(message));
	return r;
}

void sm_end(struct sm *sm)
{
	wipe(sm, sizeof(*sm));
}

/* ---- commands ---- */

/* The initial vector of the command being sent: its number, encrypted. One block in CBC mode with a
 * zero vector is the block in ECB mode. */
static int initial_vector(const struct sm *sm, uint8_t ret[AES_BLOCK])
{
	static const uint8_t zero[AES_BLOCK];
	uint8_t block[AES_BLOCK] = { 0 };

	for (size_t i = 0; i < sizeof(sm->counter); i++)
		block[AES_BLOCK - 1 - i] = (uint8_t)(sm->counter >> 8 * i);
	return crypto_aes_cbc(true, sm->key, zero, block, AES_BLOCK, ret);
}

/* Takes the padding off: 80 and zeros to the end of the last block, never absent. */
static int unpad(struct fuda_buf *data)
{
	size_t end = data->len;

	while (end && data->data[end - 1] == 0x00)
		end--;
	if (!end || data->data[end - 1] != 0x80 || data->len - end >= AES_BLOCK)
		return FUDA_EFORMAT;
	data->len = end - 1;
	return 0;
}

/* What the card answered: one object with ciphertext in whole blocks, and nothing else. */
static int decrypt(const struct sm *sm, const struct fuda_buf *answer, struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	struct cursor c = cur_of(answer->data, answer->len);
	uint8_t iv[AES_BLOCK], indicator;
	struct tlv t;
	int r;

	if (tlv_next(&c, &t) < 0 || t.tag != DO_ENCRYPTED || c.left ||
	    cur_u8(&t.value, &indicator) < 0 || indicator != PADDED || !t.value.left ||
	    t.value.left % AES_BLOCK)
		return FUDA_EFORMAT;
	r = fuda_buf_append(&data, t.value.p, t.value.left);
	if (r == 0)
		r = initial_vector(sm, iv);
	if (r == 0)
		r = crypto_aes_cbc(false, sm->key, iv, data.data, data.len, data.data);
	if (r == 0)
		r = unpad(&data);
	return r < 0 ? r : fuda_buf_append(ret_data, data.data, data.len);
}

/* Sends a command of the session, which its counter knows already. */
static int send(struct fuda_card *c, const struct apdu *a, struct fuda_deadline *dl,
		struct fuda_buf *ret_answer)
{
	uint16_t sw;
	int r = card_command(c, a, dl, ret_answer, &sw);

	if (r < 0)
		return r;
	if (sw == 0x6987 || sw == 0x6988 || sw == 0x69FC)
		return ctx_fail_sw(c->ctx, FUDA_ESW, sw,
				   _("The card ended secure messaging. Try again, or read without "
				     "it."));
	return card_check_sw(c, sw);
}

static int select_file(struct fuda_card *c, struct sm *sm, uint16_t fid, struct fuda_deadline *dl)
{
	uint8_t block[AES_BLOCK] = { (uint8_t)(fid >> 8), (uint8_t)fid, 0x80 };
	uint8_t data[3 + AES_BLOCK] = { DO_ENCRYPTED, 1 + AES_BLOCK, PADDED }, iv[AES_BLOCK];
	struct apdu a = { CLA_SM, 0xA4, 0x02, 0x0C, data, sizeof(data), 0, false };
	int r;

	sm->counter++;
	c->file = 0;
	r = initial_vector(sm, iv);
	if (r == 0)
		r = crypto_aes_cbc(true, sm->key, iv, block, sizeof(block), data + 3);
	if (r < 0)
		return ctx_fail_code(c->ctx, r);
	return send(c, &a, dl, NULL);
}

/* Reads the selected file as a whole. */
static int read_file(struct fuda_card *c, struct sm *sm, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data)
{
	static const uint8_t data[] = { DO_LE, 3, 0x00, 0x00, 0x00 };
	struct apdu a = { CLA_SM, 0xB0, 0x00, 0x00, data, sizeof(data), EXTENDED_LE, true };
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	int r;

	sm->counter++;
	r = send(c, &a, dl, &answer);
	if (r < 0)
		return r;
	r = decrypt(sm, &answer, ret_data);
	if (r == FUDA_EFORMAT)
		return ctx_fail(c->ctx, r, _("The card's encrypted answer cannot be read."));
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

int sm_read(struct fuda_card *c, struct sm *sm, const struct ef *ef, struct fuda_deadline *dl,
	    struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	int r = select_file(c, sm, ef->fid, dl);

	if (r == 0)
		r = read_file(c, sm, dl, &data);
	if (r == 0)
		r = card_cut(c, ef, &data);
	if (r < 0)
		return r;
	r = fuda_buf_append(ret_data, data.data, data.len);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}
