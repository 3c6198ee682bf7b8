/* SPDX-License-Identifier: Apache-2.0 */
/* What of a command and its response may be seen in a trace: a list of what may, and everything
 * else may not. */
#include "codec/apdu.h"
#include "codec/tlv.h"
#include "trace/record.h"

enum {
	HEADER = 4,
	SW = 2,
	SHORT_BODY = HEADER + 1,    /* where the data of a short command begins */
	EXTENDED_BODY = HEADER + 3, /* ... and of an extended one */
	SECRET_MIN = 4,		    /* bytes of the shortest: card.md 3.2 */
	AID_CATEGORY = 0xA0,	    /* the first byte of a registered AID, at least: ISO 7816-5 */
	AID_BYTES_MIN = 5,
	FID_BYTES = 2,
	FCI = 0x6F, FCP = 0x62, FMD = 0x64, /* what SELECT answers: ISO 7816-4 5.3.3 */
};

/* ---- items ---- */

static int add_secret(struct trace_statement *s, size_t len)
{
	const struct trace_item item = { .kind = TRACE_SECRET, .min = len, .max = len };

	return len ? trace_add_item(s, &item) : 0;
}

static int add_shown(struct trace_statement *s, const uint8_t *bytes, size_t len)
{
	return len ? trace_add_bytes(s, bytes, len) : 0;
}

static int add_hidden(struct trace_keyring *k, struct trace_statement *s, const uint8_t *bytes,
		      size_t len)
{
	struct trace_item item = { .kind = TRACE_DATA, .min = len, .max = len };
	int e;

	if (!len)
		return 0;
	e = trace_hash(k, bytes, len, item.hash);
	return e < 0 ? e : trace_add_item(s, &item);
}

/* ---- commands ---- */

/* A secret is not where it should be if a length is wrong, and then parts of it are where lengths
 * should be. What a phone is sent is not shown either, and its Le goes with it. */
static int redact_secret(const struct trace_about *about, const uint8_t *command, size_t len,
			 struct trace_statement *ret)
{
	bool le_may_be = about->kind == TRACE_IS_SESSION;
	size_t header = len < HEADER ? len : (size_t)HEADER;
	struct apdu a;
	int e;

	if (apdu_parse(command, len, &a) == 0 && a.lc >= SECRET_MIN && (le_may_be || !a.le))
		header = a.extended ? EXTENDED_BODY : SHORT_BODY;
	e = add_shown(ret, command, header);
	return e < 0 ? e : add_secret(ret, len - header);
}

/* An AID or the identifier of a file. Whatever else somebody puts there is not shown: a PIN that
 * went astray is made of digits, and they begin no AID that is registered. */
static bool names_something(const struct apdu *a)
{
	switch (a->p1) {
	case 0x04:
		return a->lc >= AID_BYTES_MIN && a->lc <= AID_MAX && a->data[0] >= AID_CATEGORY;
	case 0x00:
	case 0x01:
	case 0x02:
		return a->lc == FID_BYTES;
	default:
		return false;
	}
}

/* Header and lengths are shown, and data that only says what is to be selected. */
static int redact_plain(struct trace_keyring *k, const struct trace_about *about,
			const uint8_t *command, size_t len, struct trace_statement *ret)
{
	size_t header, end;
	struct apdu a;
	int e;

	if (apdu_parse(command, len, &a) < 0) {
		header = len < HEADER ? len : (size_t)HEADER;
		e = add_shown(ret, command, header);
		return e < 0 ? e : add_hidden(k, ret, command + header, len - header);
	}
	if (!a.lc || (about->kind == TRACE_IS_SELECT && names_something(&a)))
		return add_shown(ret, command, len);
	header = a.extended ? EXTENDED_BODY : SHORT_BODY;
	end = header + a.lc;
	e = add_shown(ret, command, header);
	if (e == 0)
		e = add_hidden(k, ret, a.data, a.lc);
	return e < 0 ? e : add_shown(ret, command + end, len - end);
}

int trace_redact_command(struct trace_keyring *k, const struct trace_about *about, bool raw,
			 const uint8_t *command, size_t len, struct trace_statement *ret)
{
	trace_statement_clear(ret, TRACE_COMMAND);
	/* asked again, whatever it was thought to be about */
	if (apdu_is_pin_command(command, len))
		return about->kind == TRACE_IS_TRIES ? add_shown(ret, command, len) :
						       redact_secret(about, command, len, ret);
	return raw ? add_shown(ret, command, len) : redact_plain(k, about, command, len, ret);
}

/* ---- responses ---- */

/* Whether it is what SELECT answers, and nothing else. */
static bool is_control_information(const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len);
	struct tlv t;

	return tlv_next(&c, &t) == 0 && c.left == 0 &&
	       (t.tag == FCI || t.tag == FCP || t.tag == FMD);
}

/* ... of `len` bytes at `offset` of a file, the part that is personal. */
static void hide_part(const struct trace_file *f, size_t offset, size_t len, size_t *ret_from,
		      size_t *ret_to)
{
	size_t from = f->personal.at, to = from + f->personal.len;

	*ret_from = from > offset ? MIN(from - offset, len) : 0;
	*ret_to = to > offset ? MIN(to - offset, len) : 0;
}

/* Of `len` bytes of data those from `ret_from` to `ret_to` are hidden. */
static void hide(const struct trace_about *about, const uint8_t *data, size_t len,
		 size_t *ret_from, size_t *ret_to)
{
	const struct trace_file *f = about->file;

	*ret_from = 0;
	*ret_to = len;
	switch (about->kind) {
	case TRACE_IS_CHALLENGE:
		*ret_to = 0;
		break;
	case TRACE_IS_SELECT:
		if (is_control_information(data, len))
			*ret_to = 0;
		break;
	case TRACE_IS_READ:
	case TRACE_IS_GET_RESPONSE:
		if (!f || f->privacy != TRACE_PUBLIC)
			break;
		if (f->personal.len && about->offset == TRACE_OFFSET_UNKNOWN)
			break;
		*ret_to = 0;
		if (f->personal.len)
			hide_part(f, about->offset, len, ret_from, ret_to);
		break;
	default:
		break;
	}
}

/* What answers a command with a secret is not shown even if raw: it may be an echo. */
static bool may_be_raw(const struct trace_about *about)
{
	return about->kind != TRACE_IS_TRIES && about->kind != TRACE_IS_VERIFY &&
	       about->kind != TRACE_IS_PIN;
}

int trace_redact_response(struct trace_keyring *k, const struct trace_about *about, bool raw,
			  const uint8_t *response, size_t len, struct trace_statement *ret)
{
	size_t data = len - SW, from = 0, to = 0;
	int e;

	if (len < SW)
		return FUDA_EFORMAT;
	trace_statement_clear(ret, TRACE_RESPONSE);
	ret->statuses[0].sw = (uint16_t)(response[data] << 8 | response[data + 1]);
	ret->statuses[0].mask = 0xFFFF;
	ret->status_count = 1;
	if (!raw || !may_be_raw(about))
		hide(about, response, data, &from, &to);
	e = add_shown(ret, response, from);
	if (e == 0)
		e = add_hidden(k, ret, response + from, to - from);
	return e < 0 ? e : add_shown(ret, response + to, data - to);
}
