/* SPDX-License-Identifier: Apache-2.0 */
/* What applications have in common. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "codec/tlv.h"

/* ---- jobs ---- */

/* The application is not there. Finds out what this is instead, with nothing to lose: a smartphone
 * is told by its token information. */
static int not_there(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl)
{
	const uint16_t sw = fuda_context_sw(c->ctx);
	const char *step = _("select the application");
	struct fuda_jpki_token token;
	int r = fuda_jpki_token(c, dl, &token);

	if (r < 0 && r != FUDA_ENOTFOUND && r != FUDA_ESW && r != FUDA_ESECURITY &&
	    r != FUDA_EFORMAT)
		return r;
	ctx_step(c->ctx, step);
	if (r == 0 && token_kind(token.kind)->jpki_only)
		return ctx_fail_sw(c->ctx, FUDA_ENOTFOUND, sw,
				   _("This is a smartphone, which does not have the application "
				     "\"%s\". Use the My Number card itself."),
				   aid->name);
	return ctx_fail_sw(c->ctx, FUDA_ENOTFOUND, sw,
			   _("The card does not have the application \"%s\"."), aid->name);
}

int app_begin(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl)
{
	int r = fuda_card_begin(c, dl);

	if (r < 0)
		return r;
	ctx_step(c->ctx, _("select the application"));
	r = card_select(c, aid, dl);
	if (r == FUDA_ENOTFOUND)
		r = not_there(c, aid, dl);
	if (r < 0)
		fuda_card_end(c);
	return r;
}

/* ---- what a secret opens ---- */

int app_check_access(struct fuda_context *ctx, const struct app_access *rows, size_t count,
		     unsigned wanted, enum fuda_pin with)
{
	char list[300] = "";
	size_t used = 0;

	ctx_step(ctx, _("check what is asked for"));
	if (!wanted)
		return ctx_fail(ctx, FUDA_EINVAL, _("Nothing to read is asked for."));
	for (size_t i = 0; i < count; i++) {
		if ((rows[i].opens & wanted) != wanted)
			continue;
		if (rows[i].pin == with)
			return 0;
		used += (size_t)snprintf(list + used, sizeof(list) - used, used ? ", %s" : "%s",
					 fuda_pin_title(rows[i].pin));
		used = MIN(used, sizeof(list) - 1);
	}
	if (!used)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("No single secret opens all that is asked for. Ask for one thing "
				  "at a time."));
	return ctx_fail(ctx, FUDA_EINVAL,
			_("The secret named does not open what is asked for; nothing was sent. "
			  "What opens it: %s."),
			list);
}

/* ---- files ---- */

int app_read_failed(struct fuda_context *ctx, const struct app_file *f, int error)
{
	static const struct {
		int error;
		const char *format;
	} texts[] = {
		{ FUDA_ENOTFOUND, N_("The card does not hold %s.") },
		{ FUDA_ESECURITY,
		  N_("The card does not give %s for the secret that it was given.") },
		{ FUDA_ESW, N_("The card refuses to give %s.") },
		{ FUDA_EFORMAT, N_("What the card gives as %s is malformed. Try again; if it stays "
				   "so, the card may be damaged.") },
		{ FUDA_ETOOBIG, N_("What the card gives as %s is longer than it can be.") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].error == error)
			return ctx_fail_sw(ctx, error, fuda_context_sw(ctx), _(texts[i].format),
					   _(f->what));
	return error;
}

int app_read(struct fuda_card *c, const struct app_file *f, struct fuda_deadline *dl,
	     struct fuda_buf *ret_data)
{
	int r;

	ctx_step(c->ctx, _(f->step));
	r = card_read(c, &f->ef, dl, ret_data);
	return r < 0 ? app_read_failed(c->ctx, f, r) : 0;
}

int app_take_digits(struct cursor *c, size_t len, char *ret)
{
	const uint8_t *p;

	if (cur_take(c, len, &p) < 0)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < len; i++)
		if (p[i] < '0' || p[i] > '9')
			return FUDA_EFORMAT;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return 0;
}

/* ---- basic data ---- */

/* card.md 2.6 (FF30) and 2.7 (FF40): identification, key id, in the face application also version
 * and municipality, and what is not known. */
static int parse_basic(const struct fuda_buf *data, uint32_t tag, bool municipality,
		       struct fuda_basic *ret)
{
	struct cursor c = cur_of(data->data, data->len);
	const uint32_t first = (tag & 0xFF) + 0xDF01;
	struct fuda_basic b = { .municipality = "" };
	struct tlv outer, t;

	if (tlv_expect(&c, tag, &outer) < 0 || c.left)
		return FUDA_EFORMAT;
	c = outer.value;
	if (tlv_expect(&c, first, &t) < 0 || t.value.left != sizeof(b.identification))
		return FUDA_EFORMAT;
	memcpy(b.identification, t.value.p, sizeof(b.identification));
	if (tlv_expect(&c, first + 1, &t) < 0 || t.value.left != sizeof(b.key_id))
		return FUDA_EFORMAT;
	memcpy(b.key_id, t.value.p, sizeof(b.key_id));
	if (municipality) {
		const size_t digits = sizeof(b.municipality) - 1;

		if (tlv_expect(&c, first + 2, &t) < 0 || tlv_expect(&c, first + 3, &t) < 0 ||
		    t.value.left != digits)
			return FUDA_EFORMAT;
		if (app_take_digits(&t.value, digits, b.municipality) < 0)
			return FUDA_EFORMAT;
	}
	while (c.left)
		if (tlv_next_der(&c, &t) < 0)
			return FUDA_EFORMAT;
	*ret = b;
	return 0;
}

int app_basic(struct fuda_card *c, const struct aid *aid, const struct app_file *f, uint32_t tag,
	      bool municipality, struct fuda_deadline *dl, struct fuda_basic *ret)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(f->ef.max);
	int r = app_begin(c, aid, dl);

	if (r < 0)
		return r;
	job = c;
	r = app_read(c, f, dl, &data);
	if (r == 0 && parse_basic(&data, tag, municipality, ret) < 0)
		r = app_read_failed(c->ctx, f, ctx_fail_code(c->ctx, FUDA_EFORMAT));
	return r;
}

int app_key_reference(struct fuda_card *c, struct fuda_deadline *dl, uint8_t ret[16])
{
	static const struct app_file file = { .what = N_("the key reference"),
					      .step = N_("read the key reference") };
	enum { EF = 0x0002, REFERENCE = 16 };
	_cleanup_buf_ struct fuda_buf record = FUDA_BUF_INIT(256);
	struct cursor at;
	struct tlv t;
	int r;

	ctx_step(c->ctx, _(file.step));
	r = card_read_record(c, EF, 1, dl, &record);
	if (r < 0)
		return app_read_failed(c->ctx, &file, r);
	at = cur_of(record.data, record.len);
	/* Whether it stands in an object, as records do, is not said: card.md 2.4. */
	if (record.len == REFERENCE)
		t.value = at;
	else if (tlv_next_simple(&at, &t) < 0 || at.left || t.value.left != REFERENCE)
		return app_read_failed(c->ctx, &file, ctx_fail_code(c->ctx, FUDA_EFORMAT));
	memcpy(ret, t.value.p, REFERENCE);
	return 0;
}

/* ---- the card's own key ---- */

int digest_info(const struct fuda_digest *digest, uint8_t ret[DIGEST_INFO_MAX], size_t *ret_len)
{
	/* RFC 8017 9.2 note 1: what differs between the DigestInfos of the three hashes */
	static const struct {
		enum fuda_hash hash;
		uint8_t len, algorithm; /* of the digest; last byte of the algorithm's OID */
	} known[] = { { FUDA_SHA256, 32, 1 }, { FUDA_SHA384, 48, 2 }, { FUDA_SHA512, 64, 3 } };
	size_t i = 0;

	while (i < ARRAY_SIZE(known) && known[i].hash != digest->hash)
		i++;
	if (i == ARRAY_SIZE(known))
		return FUDA_ENOTSUP;
	if (digest->len != known[i].len)
		return FUDA_EINVAL;
	const uint8_t head[] = {
		0x30, (uint8_t)(17 + known[i].len), 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, known[i].algorithm, 0x05, 0x00, 0x04, known[i].len
	};

	memcpy(ret, head, sizeof(head));
	memcpy(ret + sizeof(head), digest->bytes, digest->len);
	*ret_len = sizeof(head) + digest->len;
	return 0;
}

int app_take_signature(struct fuda_card *c, const struct token_kind *kind,
		       const struct fuda_buf *answer, struct fuda_buf *ret_signature)
{
	const size_t size = token_signature_size(kind);
	int r;

	if (answer->len != size)
		return ctx_fail(c->ctx, FUDA_EFORMAT,
				_("The card returned %zu bytes as a signature; %zu are expected."),
				answer->len, size);
	r = fuda_buf_append(ret_signature, answer->data, answer->len);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

int app_challenge(struct fuda_card *c, const uint8_t *given, struct fuda_deadline *dl,
		  struct fuda_response *ret)
{
	/* P1 00: pads what it is given; P2 00: with the application's default key */
	struct apdu a = { 0x80, 0x2A, 0x00, 0x00, NULL, 0, 256, false };
	uint8_t info[DIGEST_INFO_MAX], challenge[sizeof(ret->challenge)];
	struct fuda_digest digest;
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	uint16_t sw;
	int r = 0;

	ctx_step(c->ctx, _("have the card sign a challenge"));
	if (given)
		memcpy(challenge, given, sizeof(challenge));
	else
		r = fuda_random(challenge, sizeof(challenge));
	if (r == 0)
		r = fuda_digest_bytes(FUDA_SHA256, challenge, sizeof(challenge), &digest);
	if (r == 0)
		r = digest_info(&digest, info, &a.lc);
	if (r < 0)
		return ctx_fail_code(c->ctx, r);
	a.data = info;
	r = card_command(c, &a, dl, &signature, &sw);
	if (r < 0)
		return r;
	if (sw != 0x9000)
		return ctx_fail_sw(c->ctx, FUDA_ESW, sw,
				   _("The card does not sign a challenge with its own key, so that "
				     "it cannot be told from a copy."));
	fuda_buf_clear(&ret->signature);
	r = app_take_signature(c, token_kind(FUDA_TOKEN_CARD), &signature, &ret->signature);
	if (r < 0)
		return r;
	memcpy(ret->challenge, challenge, sizeof(challenge));
	return 0;
}
