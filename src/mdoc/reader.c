/* SPDX-License-Identifier: Apache-2.0 */
/* A reader's session, from a phone's engagement on. */
#include <stdlib.h>

#include "base/context.h"
#include "mdoc/cose.h"
#include "mdoc/engagement.h"
#include "mdoc/key.h"
#include "mdoc/session.h"
#include "mdoc/transcript.h"

enum { TRANSCRIPT_MAX = 65536, COSE_KEY_MAX = 512 };

struct fuda_mdoc_reader {
	struct fuda_context *ctx;
	struct fuda_mdoc_key own;   /* what is asked with ... */
	struct private_key *made;   /* ... which is this one, if it was made here */
	struct fuda_buf public_key; /* its COSE_Key */
	struct fuda_buf transcript;
	struct session session;
	bool established; /* the first message was made */
};

static struct cursor cursor_of(struct fuda_mdoc_span span)
{
	return cur_of(span.bytes, span.len);
}

/* The phone's ephemeral key, on whose curve the reader's must be: ISO 18013-5 9.1.1.4. */
static int device_key(struct fuda_context *ctx, const struct engagement *engagement,
		      struct key **ret)
{
	struct cbor item;
	int r = cbor_read(engagement->device_key, &item, NULL);

	if (r == 0)
		r = cose_key_read(&item, ret);
	if (r == FUDA_EFORMAT || r == FUDA_ENOTSUP)
		return ctx_fail(ctx, r,
				_("The phone's key for this session is malformed, or of a kind "
				  "that "
				  "is not used here."));
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

static int read_engagement(struct fuda_context *ctx, struct fuda_mdoc_span bytes,
			   struct engagement *ret)
{
	int r = engagement_read(cursor_of(bytes), ret);

	if (r == FUDA_ENOTSUP)
		return ctx_fail(ctx, r,
				_("The phone wants to be talked to in a way that is not known here "
				  "(another version or cipher suite of DeviceEngagement)."));
	return r < 0 ? ctx_fail(ctx, r,
				_("What the phone sent first (DeviceEngagement) is "
				  "malformed.")) :
		       0;
}

int fuda_mdoc_engagement_nfc(struct fuda_context *ctx, struct fuda_mdoc_span bytes,
			     size_t *ret_max_command, size_t *ret_max_response)
{
	struct engagement engagement;
	int r = read_engagement(ctx, bytes, &engagement);

	if (r < 0)
		return r;
	for (size_t i = 0; i < engagement.method_count; i++) {
		const struct retrieval_method *m = &engagement.methods[i];

		if (!retrieval_is_nfc(m))
			continue;
		*ret_max_command = (size_t)m->max_command;
		*ret_max_response = (size_t)m->max_response;
		return 0;
	}
	return ctx_fail(ctx, FUDA_ENOTSUP,
			_("The phone does not offer to go on by NFC, which is all that is done "
			  "here. Hold it to the reader without the QR code."));
}

static int own_key(struct fuda_mdoc_reader *reader, const struct fuda_mdoc_key *given,
		   const struct key *device)
{
	struct cbor_out out = CBOR_OUT(&reader->public_key);
	int r = given ? 0 : private_new(key_curve(device), &reader->made);

	if (r == 0) {
		reader->own.private = given ? given->private : reader->made;
		r = cose_key_put(&out, private_public(reader->own.private));
	}
	return r < 0 ? ctx_fail_code(reader->ctx, r) : 0;
}

static int begin(struct fuda_mdoc_reader *reader, const struct engagement *engagement,
		 const struct key *device, struct fuda_mdoc_span select,
		 struct fuda_mdoc_span request)
{
	const struct fuda_buf *key = &reader->public_key;
	int r = transcript_proximity(engagement->bytes, cur_of(key->data, key->len),
				     cursor_of(select), cursor_of(request), &reader->transcript);

	if (r == 0)
		r = session_begin(SESSION_READER, reader->own.private, device,
				  cur_of(reader->transcript.data, reader->transcript.len),
				  &reader->session);
	if (r == FUDA_EINVAL) /* the curve is the phone's to choose, and no mistake of who asks */
		return ctx_fail(reader->ctx, FUDA_ENOTSUP,
				_("The phone's key for this session is not on the curve of the key "
				  "that it is to be asked with (P-256 where the platform's service "
				  "makes it). This phone cannot be used for that."));
	return r < 0 ? ctx_fail_code(reader->ctx, r) : 0;
}

int fuda_mdoc_reader_new(struct fuda_context *ctx, struct fuda_mdoc_span engagement,
			 struct fuda_mdoc_span select, struct fuda_mdoc_span request,
			 const struct fuda_mdoc_key *key, struct fuda_mdoc_reader **ret)
{
	_cleanup_(fuda_mdoc_reader_free) struct fuda_mdoc_reader *reader =
		calloc(1, sizeof(*reader));
	_cleanup_(key_free) struct key *device = NULL;
	struct engagement read;
	int r;

	if (!reader)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	reader->ctx = ctx;
	reader->public_key = FUDA_BUF_INIT(COSE_KEY_MAX);
	reader->transcript = FUDA_BUF_INIT(TRANSCRIPT_MAX);
	r = read_engagement(ctx, engagement, &read);
	if (r == 0)
		r = device_key(ctx, &read, &device);
	if (r == 0)
		r = own_key(reader, key, device);
	if (r == 0)
		r = begin(reader, &read, device, select, request);
	if (r < 0)
		return r;
	*ret = reader;
	reader = NULL;
	return 0;
}

void fuda_mdoc_reader_free(struct fuda_mdoc_reader **reader)
{
	if (!*reader)
		return;
	session_end(&(*reader)->session);
	private_free(&(*reader)->made);
	fuda_buf_free(&(*reader)->public_key);
	fuda_buf_free(&(*reader)->transcript);
	free(*reader);
	*reader = NULL;
}

struct fuda_mdoc_span fuda_mdoc_reader_transcript(const struct fuda_mdoc_reader *reader)
{
	return (struct fuda_mdoc_span){ reader->transcript.data, reader->transcript.len };
}

const struct fuda_mdoc_key *fuda_mdoc_reader_key(const struct fuda_mdoc_reader *reader)
{
	return &reader->own;
}

int fuda_mdoc_reader_ask(struct fuda_mdoc_reader *reader, const uint8_t *request, size_t len,
			 struct fuda_buf *ret_message)
{
	_cleanup_buf_ struct fuda_buf sealed = FUDA_BUF_INIT(CBOR_MAX);
	const struct fuda_buf *key = &reader->public_key;
	size_t before = ret_message->len;
	int r = session_seal(&reader->session, cur_of(request, len), &sealed);

	if (r == 0 && reader->established)
		r = session_put_data(cur_of(sealed.data, sealed.len), SESSION_NO_STATUS,
				     ret_message);
	else if (r == 0)
		r = session_put_establishment(cur_of(key->data, key->len),
					      cur_of(sealed.data, sealed.len), ret_message);
	reader->established = true;
	if (r == 0)
		return 0;
	session_end(&reader->session); /* the phone would miss this message */
	buf_cut(ret_message, before);
	return ctx_fail_code(reader->ctx, r);
}

/* What the phone says of the session: 9.1.1.4, Table 20. */
static int told(struct fuda_mdoc_reader *reader, uint64_t status)
{
	session_end(&reader->session);
	if (status == SESSION_TERMINATION)
		return ctx_fail(reader->ctx, FUDA_ECANCELLED,
				_("The phone ended the session. Its holder may have refused; begin "
				  "anew to ask again."));
	return ctx_fail(reader->ctx, FUDA_EFAILED,
			_("The phone could not read what it was sent (status %llu). Begin anew: "
			  "hold the phone again."),
			(unsigned long long)status);
}

int fuda_mdoc_reader_take(struct fuda_mdoc_reader *reader, const uint8_t *message, size_t len,
			  struct fuda_buf *ret_response)
{
	struct cursor data;
	uint64_t status;
	int r = session_read_data(cur_of(message, len), &data, &status);

	if (r < 0) {
		session_end(&reader->session);
		return ctx_fail(reader->ctx, r,
				_("What the phone answered (SessionData) is "
				  "malformed."));
	}
	/* after an error its data is nothing to go by; a last answer may well end the session */
	if (!data.left || status == SESSION_ENCRYPTION_ERROR || status == SESSION_CBOR_ERROR)
		return told(reader, status);
	r = session_open(&reader->session, data, ret_response);
	if (r == FUDA_EVERIFY)
		return ctx_fail(reader->ctx, r,
				_("What the phone answered was changed on the way, or is not of "
				  "this "
				  "session. Begin anew: hold the phone again."));
	if (r == 0 && status != SESSION_NO_STATUS) /* its last message */
		session_end(&reader->session);
	return r < 0 ? ctx_fail_code(reader->ctx, r) : 0;
}

int fuda_mdoc_reader_end(struct fuda_mdoc_reader *reader, struct fuda_buf *ret_message)
{
	int r = session_put_data(cur_of(NULL, 0), SESSION_TERMINATION, ret_message);

	session_end(&reader->session);
	return r < 0 ? ctx_fail_code(reader->ctx, r) : 0;
}
