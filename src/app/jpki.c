/* SPDX-License-Identifier: Apache-2.0 */
/* The JPKI application, card.md 2.3 and 3.1. */
#include <fuda/jpki.h>

#include <string.h>

#include "app/app.h"
#include "base/cursor.h"
#include "card/pin.h"

const struct app app_jpki = { &aid_jpki };

enum {
	EF_TOKEN = 0x0006,
	TOKEN_BYTES = 160,
	CLA_SIGN = 0x80,
	INS_SIGN = 0x2A,
	P2_CURRENT = 0x80,
};

static const struct ef token = { EF_TOKEN, READ_BYTES, TOKEN_BYTES, TOKEN_BYTES };
static const struct ef availability = { 0x0008, READ_BYTES, 3, 3 };

static const struct {
	uint16_t certificate, key;
	enum fuda_pin pin;
	const char *step;
} objects[] = {
	[FUDA_JPKI_AUTH] = { 0x000A, 0x0017, FUDA_PIN_AUTH,
			     N_("read the authentication certificate") },
	[FUDA_JPKI_SIGN] = { 0x0001, 0x001A, FUDA_PIN_SIGN, N_("read the signature certificate") },
	[FUDA_JPKI_AUTH_CA] = { 0x000B, 0, 0, N_("read the authentication CA's certificate") },
	[FUDA_JPKI_SIGN_CA] = { 0x0002, 0, 0, N_("read the signature CA's certificate") },
};

/* What the signature command makes of its input, by P1: card.md 3.1. */
static const struct {
	uint8_t p1;
	size_t min, max;
} schemes[] = {
	[FUDA_JPKI_PADDED] = { 0x00, 1, 245 },
	[FUDA_JPKI_MESSAGE_BARE] = { 0x01, 1, 255 },
	[FUDA_JPKI_SHA256] = { 0x02, 32, 32 },
	[FUDA_JPKI_MESSAGE_SHA256] = { 0x03, 1, 255 },
	[FUDA_JPKI_PSS_SHA256] = { 0x04, 32, 32 },
	[FUDA_JPKI_PSS_MESSAGE] = { 0x05, 1, 255 },
};

/* Begins a job in the application. */
static int begin(struct fuda_card *c, struct fuda_deadline *dl)
{
	int r = fuda_card_begin(c, dl);

	if (r < 0)
		return r;
	r = fuda_card_probe(c, dl);
	if (r < 0)
		fuda_card_end(c);
	return r;
}

/* What kind of token it is, as far as that was read. */
static const struct token_kind *kind_of(const struct fuda_card *c)
{
	return c->kind ? c->kind : token_kind(FUDA_TOKEN_UNKNOWN);
}

/* ---- token information and availability ---- */

/* Copies a text of the token information without its padding. */
static int take_text(struct cursor *c, size_t len, char *ret)
{
	const uint8_t *p;

	if (cur_take(c, len, &p) < 0)
		return FUDA_EFORMAT;
	while (len && (p[len - 1] == ' ' || p[len - 1] == '\0'))
		len--;
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] > 0x7E)
			return FUDA_EFORMAT;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return 0;
}

/* A serialised CK_TOKEN_INFO with big endian CK_ULONGs, card.md 2.3. */
static int parse_token(const struct fuda_buf *b, struct fuda_jpki_token *ret)
{
	struct cursor c = cur_of(b->data, b->len);
	struct fuda_jpki_token t = { 0 };
	enum { SESSION_COUNTS = 16, MEMORY_COUNTS = 16 };

	if (take_text(&c, 32, t.label) < 0 || take_text(&c, 32, t.manufacturer) < 0 ||
	    take_text(&c, 16, t.model) < 0 || take_text(&c, 16, t.serial) < 0 ||
	    cur_uint(&c, 4, &t.flags) < 0 || cur_skip(&c, SESSION_COUNTS) < 0 ||
	    cur_uint(&c, 4, &t.pin_max) < 0 || cur_uint(&c, 4, &t.pin_min) < 0 ||
	    cur_skip(&c, MEMORY_COUNTS) < 0 || take_text(&c, 2, t.hardware_version) < 0 ||
	    take_text(&c, 2, t.firmware_version) < 0)
		return FUDA_EFORMAT;
	t.kind = token_kind_by_label(t.label)->kind;
	*ret = t;
	return 0;
}

int fuda_jpki_token(struct fuda_card *c, struct fuda_deadline *dl, struct fuda_jpki_token *ret)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(TOKEN_BYTES);
	int r = begin(c, dl);

	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _("read the token information"));
	r = card_read(c, &token, dl, &data);
	if (r < 0)
		return r;
	if (parse_token(&data, ret) < 0)
		return ctx_fail(c->ctx, FUDA_EFORMAT,
				_("The card's token information is malformed (%zu bytes)."),
				data.len);
	c->kind = token_kind(ret->kind);
	return 0;
}

static enum fuda_presence presence(uint8_t byte)
{
	if (byte == 0x8F)
		return FUDA_PRESENT;
	return byte == 0x00 ? FUDA_ABSENT : FUDA_PRESENCE_UNKNOWN;
}

int fuda_jpki_availability(struct fuda_card *c, struct fuda_deadline *dl,
			   struct fuda_jpki_availability *ret)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(3);
	struct fuda_jpki_availability a = { FUDA_PRESENCE_UNKNOWN, FUDA_PRESENCE_UNKNOWN };
	int r = begin(c, dl);

	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _("read which certificates there are"));
	r = card_read(c, &availability, dl, &data);
	if (r < 0 && r != FUDA_ENOTFOUND && r != FUDA_ESW && r != FUDA_ESECURITY)
		return r;
	if (r == 0 && data.len >= 2) {
		a.sign = presence(data.data[0]);
		a.auth = presence(data.data[1]);
	}
	*ret = a;
	return 0;
}

/* ---- certificates ---- */

static int read_certificate(struct fuda_card *c, enum fuda_jpki_object which,
			    struct fuda_deadline *dl, struct fuda_buf *ret_der)
{
	const struct ef ef = { objects[which].certificate, READ_OBJECT, 0, FUDA_CERTIFICATE_MAX };
	int r;

	ctx_step(c->ctx, _(objects[which].step));
	r = card_read(c, &ef, dl, ret_der);
	if (r == FUDA_ENOTFOUND)
		return ctx_fail_sw(c->ctx, r, fuda_context_sw(c->ctx),
				   _("The card holds no such certificate."));
	return r;
}

/* What must be done before a try may be spent on the PIN of `which`: make sure that there is
 * something to be had for it, and try extended length if something will be read after it. */
static int prepare_verify(struct fuda_card *c, enum fuda_jpki_object which, bool will_read,
			  struct fuda_deadline *dl)
{
	struct fuda_jpki_availability a;
	int r = 0;

	if (which == FUDA_JPKI_SIGN) {
		r = fuda_jpki_availability(c, dl, &a);
		if (r == 0 && a.sign == FUDA_ABSENT)
			return ctx_fail(c->ctx, FUDA_ENOTFOUND,
					_("The card holds no signature certificate. It is not "
					  "issued to children under 15, and lapses when name or "
					  "address change; the municipal office issues it. The "
					  "password was not sent."));
	}
	if (r == 0 && will_read)
		r = card_probe_extended(c, EF_TOKEN, dl);
	return r;
}

int fuda_jpki_certificate(struct fuda_card *c, enum fuda_jpki_object which,
			  struct fuda_pin_entry *pin, struct fuda_deadline *dl,
			  struct fuda_buf *ret_der)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	bool has_key = which == FUDA_JPKI_AUTH || which == FUDA_JPKI_SIGN;
	int r = 0;

	if (pin && has_key)
		r = pin_check_entry(c, objects[which].pin, pin);
	if (r == 0)
		r = begin(c, dl);
	if (r < 0)
		return r;
	job = c;
	r = read_certificate(c, which, dl, ret_der);
	if (r != FUDA_ESECURITY || !has_key)
		return r;
	if (!pin)
		return ctx_fail_sw(c->ctx, FUDA_ESECURITY, fuda_context_sw(c->ctx),
				   _("This certificate can be read only with the %s."),
				   fuda_pin_title(objects[which].pin));
	r = prepare_verify(c, which, true, dl);
	if (r == 0)
		r = pin_verify(c, objects[which].pin, &aid_jpki, pin, dl);
	return r < 0 ? r : read_certificate(c, which, dl, ret_der);
}

/* ---- signatures ---- */

/* Status words of cards that do not take a short file identifier in the signature command. */
static bool refuses_sfi(uint16_t sw)
{
	return sw == 0x6A86 || sw == 0x6A88 || sw == 0x6A82 || sw == 0x6B00;
}

static int compute(struct fuda_card *c, const struct fuda_jpki_input *in, struct fuda_deadline *dl,
		   struct fuda_buf *ret_signature)
{
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	uint16_t key = objects[in->key].key, sw;
	struct apdu a = { CLA_SIGN, INS_SIGN, schemes[in->scheme].p1, (uint8_t)(P2_CURRENT | key),
			  in->bytes, in->len, 256, false };
	int r;

	ctx_step(c->ctx, _("sign"));
	r = card_command(c, &a, dl, &signature, &sw);
	if (r == 0 && refuses_sfi(sw)) {
		r = card_select_file(c, key, dl);
		a.p2 = P2_CURRENT;
		if (r == 0)
			r = card_command(c, &a, dl, &signature, &sw);
	}
	if (r == 0)
		r = card_check_sw(c, sw);
	if (r < 0)
		return r;
	return app_take_signature(c, kind_of(c), &signature, ret_signature);
}

/* The job from the first APDU on. */
static int sign_job(struct fuda_card *c, const struct fuda_jpki_input *in,
		    struct fuda_pin_entry *pin, struct fuda_deadline *dl,
		    struct fuda_buf *signature, struct fuda_buf *certificate)
{
	/* the signature certificate is behind its password, card.md 2.3 */
	bool later = certificate &&
		     (in->key == FUDA_JPKI_SIGN || kind_of(c)->certificate_behind_pin);
	int r = 0;

	if (certificate && !later) {
		r = read_certificate(c, in->key, dl, certificate);
		if (r == FUDA_ESECURITY) { /* a smartphone not asked for its kind, card.md 6 */
			later = true;
			r = 0;
		}
	}
	if (r == 0)
		r = prepare_verify(c, in->key, later, dl);
	if (r == 0)
		r = pin_verify(c, objects[in->key].pin, &aid_jpki, pin, dl);
	if (r == 0 && later)
		r = read_certificate(c, in->key, dl, certificate);
	return r < 0 ? r : compute(c, in, dl, signature);
}

static int check_input(struct fuda_context *ctx, const struct fuda_jpki_input *in)
{
	size_t min, max;

	ctx_step(ctx, _("sign"));
	if (in->key != FUDA_JPKI_AUTH && in->key != FUDA_JPKI_SIGN)
		return ctx_fail(ctx, FUDA_EINVAL, _("CA certificates have no key on the card."));
	min = schemes[in->scheme].min;
	max = schemes[in->scheme].max;
	if (in->len < min || in->len > max)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The card signs %zu to %zu bytes this way, not %zu."), min, max,
				in->len);
	return 0;
}

/* What is missing in the caller's buffers is better known before the PIN than after it. */
static int make_room(struct fuda_card *c, struct fuda_buf *signature, struct fuda_buf *certificate)
{
	const size_t size = token_signature_size(kind_of(c));
	int r = buf_reserve(signature, size);

	if (r == 0 && certificate)
		r = buf_reserve(certificate, FUDA_CERTIFICATE_MAX);
	if (r == FUDA_ETOOBIG)
		return ctx_fail(c->ctx, r,
				_("The buffers given have no room for a signature (%zu bytes) and "
				  "a certificate (%d bytes)."),
				size, FUDA_CERTIFICATE_MAX);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

int fuda_jpki_sign(struct fuda_card *c, const struct fuda_jpki_input *in,
		   struct fuda_pin_entry *pin, struct fuda_deadline *dl,
		   struct fuda_buf *ret_signature, struct fuda_buf *ret_certificate)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	_cleanup_buf_ struct fuda_buf certificate = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX);
	int r = check_input(c->ctx, in);

	if (r == 0)
		r = make_room(c, ret_signature, ret_certificate);
	if (r == 0)
		r = pin_check_entry(c, objects[in->key].pin, pin);
	if (r == 0)
		r = begin(c, dl);
	if (r < 0)
		return r;
	job = c;
	r = sign_job(c, in, pin, dl, &signature, ret_certificate ? &certificate : NULL);
	if (r < 0)
		return r;
	(void)fuda_buf_append(ret_signature, signature.data, signature.len);
	if (ret_certificate)
		(void)fuda_buf_append(ret_certificate, certificate.data, certificate.len);
	return 0;
}

int fuda_jpki_sign_digest(struct fuda_card *c, enum fuda_jpki_object key,
			  const struct fuda_digest *digest, struct fuda_pin_entry *pin,
			  struct fuda_deadline *dl, struct fuda_buf *ret_signature,
			  struct fuda_buf *ret_certificate)
{
	uint8_t info[DIGEST_INFO_MAX];
	size_t len = 0;
	int r = digest_info(digest, info, &len);

	ctx_step(c->ctx, _("sign"));
	if (r == FUDA_ENOTSUP)
		return ctx_fail(c->ctx, r, _("Only SHA-256, SHA-384 and SHA-512 are signed."));
	if (r < 0)
		return ctx_fail(c->ctx, r,
				_("The digest has %zu bytes, which does not fit its hash."),
				digest->len);
	struct fuda_jpki_input in = { key, FUDA_JPKI_PADDED, info, len };

	return fuda_jpki_sign(c, &in, pin, dl, ret_signature, ret_certificate);
}
