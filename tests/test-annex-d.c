/* SPDX-License-Identifier: Apache-2.0 */
/* ISO 18013-5 Annex D: every string that is signed, authenticated or encrypted there is made again
 * byte for byte, and every signature is judged. */
#include <string.h>

#include "base/crypto-keys.h"
#include "base/util.h"
#include "mdoc/engagement.h"
#include "mdoc/response.h"
#include "mdoc/session.h"
#include "mdoc/transcript.h"
#include "pki/der.h"
#include "tests/vectors.h"

#define BUF FUDA_BUF_INIT(1 << 20)

static struct cursor transcript;

static struct private_key *private_of(const char *name)
{
	struct cursor scalar = vector(name);
	struct private_key *key;

	assert_int_equal(private_from_scalar(CURVE_P256, scalar.p, scalar.left, &key), 0);
	return key;
}

static struct key *key_of(const char *x_name, const char *y_name)
{
	struct cursor x = vector(x_name), y = vector(y_name);
	uint8_t point[65] = { 4 };
	struct key *key;

	memcpy(point + 1, x.p, 32);
	memcpy(point + 33, y.p, 32);
	assert_int_equal(key_new_point(CURVE_P256, point, sizeof(point), &key), 0);
	return key;
}

/* The key of a certificate; nothing else is looked at. */
static struct key *key_of_certificate(struct cursor der)
{
	struct tlv certificate, tbs, part;
	struct key *key = NULL;

	assert_int_equal(tlv_expect(&der, DER_SEQUENCE, &certificate), 0);
	assert_int_equal(tlv_expect(&certificate.value, DER_SEQUENCE, &tbs), 0);
	for (int i = 0; i < 6; i++) /* version, serial, algorithm, issuer, validity, subject */
		assert_int_equal(tlv_next_der(&tbs.value, &part), 0);
	assert_int_equal(key_new(&tbs.value, &key), 0);
	assert_non_null(key);
	return key;
}

/* ---- keys ---- */

static void key_pairs(void **state)
{
	static const char *const names[] = { "ephemeral_reader_key", "ephemeral_device_key",
					     "static_device_key" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char d[64], x[64], y[64];
		struct private_key *private;
		struct key *public;

		snprintf(d, sizeof(d), "annexd_%s_d", names[i]);
		snprintf(x, sizeof(x), "annexd_%s_x", names[i]);
		snprintf(y, sizeof(y), "annexd_%s_y", names[i]);
		private = private_of(d);
		public = key_of(x, y);
		assert_true(key_equal(private_public(private), public));
		private_free(&private);
		key_free(&public);
	}
}

static void secrets(void **state)
{
	struct private_key *reader = private_of("annexd_ephemeral_reader_key_d");
	struct key *device = key_of("annexd_ephemeral_device_key_x", "annexd_ephemeral_device_key_"
								     "y");
	struct key *fixed = key_of("annexd_static_device_key_x", "annexd_static_device_key_y");
	uint8_t secret[AGREED_MAX], mac_key[32];
	struct session s;
	size_t len;

	(void)state;
	assert_int_equal(private_agree(reader, device, secret, &len), 0);
	assert_bytes(secret, len, vector("derived_zab_ereader_edevice"));
	assert_int_equal(private_agree(reader, fixed, secret, &len), 0);
	assert_bytes(secret, len, vector("derived_zab_ereader_sdevice"));
	assert_int_equal(session_begin(SESSION_READER, reader, device, transcript, &s), 0);
	assert_bytes(s.own_key, 32, vector("derived_skreader"));
	assert_bytes(s.peer_key, 32, vector("derived_skdevice"));
	session_end(&s);
	assert_int_equal(session_mac_key(reader, fixed, transcript, mac_key), 0);
	assert_bytes(mac_key, 32, vector("derived_emackey"));
	private_free(&reader);
	key_free(&device);
	key_free(&fixed);
}

/* ---- engagement and transcript ---- */

static void engagement_is_read(void **state)
{
	_cleanup_buf_ struct fuda_buf uri = BUF, back = BUF;
	struct cursor bytes = vector("annexd_device_engagement");
	struct cursor tagged = vector("annexd_e_device_key_bytes");
	struct engagement e;
	struct cbor item, key_item;
	struct key *key;

	(void)state;
	assert_int_equal(engagement_read(bytes, &e), 0);
	assert_int_equal(cbor_read(tagged, &item, NULL), 0);
	assert_int_equal(cbor_embedded(&item, &key_item), 0);
	ASSERT_CUR(e.device_key, key_item.whole);
	assert_int_equal(e.method_count, 1);
	assert_int_equal(e.methods[0].type, RETRIEVAL_BLE);
	assert_int_equal(cose_key_read(&key_item, &key), 0);
	key_free(&key);
	assert_int_equal(engagement_uri(bytes, &uri), 0);
	assert_memory_equal(uri.data, "mdoc:owBjMS4w", 13);
	assert_int_equal(engagement_from_uri((const char *)uri.data, uri.len, &back), 0);
	ASSERT_BUF(&back, bytes);
}

/* Its parts, taken out and put together again. */
static void transcript_is_rebuilt(void **state)
{
	_cleanup_buf_ struct fuda_buf again = BUF, tagged = BUF;
	struct cbor_out out = CBOR_OUT(&tagged);
	struct cbor array, part[3], inner[2], handover[2];
	struct cursor c, select, request;
	struct fuda_digest salt;

	(void)state;
	assert_int_equal(cbor_read(transcript, &array, NULL), 0);
	c = array.content;
	for (int i = 0; i < 3; i++)
		assert_int_equal(cbor_next(&c, &part[i]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(cbor_embedded(&part[i], &inner[i]), 0);
	c = part[2].content;
	for (int i = 0; i < 2; i++)
		assert_int_equal(cbor_next(&c, &handover[i]), 0);
	assert_int_equal(cbor_bytes(&handover[0], &select), 0);
	assert_int_equal(cbor_bytes(&handover[1], &request), 0);
	assert_int_equal(transcript_proximity(inner[0].whole, inner[1].whole, select, request,
					      &again),
			 0);
	ASSERT_BUF(&again, transcript);
	cbor_put_embedded(&out, transcript);
	assert_int_equal(out.failed, 0);
	ASSERT_BUF(&tagged, vector("annexd_session_transcript_bytes"));
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, tagged.data, tagged.len, &salt), 0);
	assert_bytes(salt.bytes, salt.len, vector("derived_salt_sha256_session_transcript_bytes"));
}

static void online_transcripts(void **state)
{
	_cleanup_buf_ struct fuda_buf redirect = BUF;
	struct cbor info, part[4];
	char text[3][256];
	struct cursor c, thumbprint, string;

	(void)state;
	assert_int_equal(cbor_read(vector("oid4vp_handover_info"), &info, NULL), 0);
	c = info.content;
	for (int i = 0; i < 4; i++)
		assert_int_equal(cbor_next(&c, &part[i]), 0);
	for (int i = 0; i < 3; i++) {
		static const int texts[] = { 0, 1, 3 };

		assert_int_equal(cbor_text(&part[texts[i]], &string), 0);
		snprintf(text[i], sizeof(text[i]), "%.*s", (int)string.left,
			 (const char *)string.p);
	}
	assert_int_equal(cbor_bytes(&part[2], &thumbprint), 0);
	assert_int_equal(transcript_openid4vp(text[0], text[1], thumbprint, text[2], &redirect), 0);
	ASSERT_BUF(&redirect, vector("oid4vp_session_transcript"));
	assert_int_equal(transcript_check(vector("oid4vp_dcapi_session_transcript")), 0);
}

/* ---- the request ---- */

static void request_is_rebuilt(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF, structure = BUF, again = BUF;
	struct device_request *request = calloc(1, sizeof(*request));
	struct doc_request *d = request->documents;
	struct cbor items, inner;
	struct key *key;

	(void)state;
	assert_int_equal(request_read(vector("annexd_device_request"), request), 0);
	assert_int_equal(request->document_count, 1);
	assert_int_equal(cbor_read(d->items, &items, NULL), 0);
	assert_int_equal(cbor_embedded(&items, &inner), 0);
	ASSERT_CUR(inner.whole, vector("annexd_items_request"));
	assert_int_equal(request_authentication(d->items, transcript, &bytes), 0);
	ASSERT_BUF(&bytes, vector("annexd_reader_authentication_bytes"));
	assert_int_equal(cose_sig_structure(d->auth.protected, &PIECE(bytes.data, bytes.len), 1,
					    &structure),
			 0);
	ASSERT_BUF(&structure, vector("derived_reader_auth_sig_structure"));
	assert_int_equal(d->auth.chain_count, 1);
	ASSERT_CUR(d->auth.chain[0], vector("annexd_reader_cert"));
	key = key_of_certificate(d->auth.chain[0]);
	assert_int_equal(request_verify(d, key, transcript), 0);
	/* what it asks for, written anew, is what it was */
	assert_int_equal(request_put(d, 1, NULL, transcript, &again), 0);
	assert_non_null(memmem(again.data, again.len, d->items.p, d->items.left));
	key_free(&key);
	free(request);
}

static void reader_auth_is_bound(void **state)
{
	struct cursor bytes = vector("annexd_device_request");
	uint8_t *changed = malloc(bytes.left);
	struct device_request *request = calloc(1, sizeof(*request));
	struct key *key = key_of_certificate(vector("annexd_reader_cert"));

	(void)state;
	memcpy(changed, bytes.p, bytes.left);
	assert_int_equal(changed[655], 0x1f);
	changed[655] = 0x1e;
	assert_int_equal(request_read(cur_of(changed, bytes.left), request), 0);
	assert_int_equal(request_verify(request->documents, key, transcript), FUDA_EVERIFY);
	key_free(&key);
	free(request);
	free(changed);
}

/* ---- the response ---- */

static void issuer_signature(void **state)
{
	_cleanup_buf_ struct fuda_buf structure = BUF;
	struct cbor item, mso_bytes, mso;
	struct cose auth;
	struct key *key;

	(void)state;
	assert_int_equal(cbor_read(vector("derived_issuer_auth"), &item, NULL), 0);
	assert_int_equal(cose_sign1_read(&item, &auth), 0);
	assert_int_equal(auth.algorithm, COSE_ES256);
	ASSERT_CUR(auth.payload, vector("derived_mso_bytes"));
	assert_int_equal(cbor_read(auth.payload, &mso_bytes, NULL), 0);
	assert_int_equal(cbor_embedded(&mso_bytes, &mso), 0);
	ASSERT_CUR(mso.whole, vector("derived_mso"));
	assert_int_equal(cose_sig_structure(auth.protected,
					    &PIECE(auth.payload.p, auth.payload.left), 1,
					    &structure),
			 0);
	ASSERT_BUF(&structure, vector("derived_issuer_auth_sig_structure"));
	ASSERT_CUR(auth.chain[0], vector("annexd_ds_cert"));
	key = key_of_certificate(auth.chain[0]);
	assert_int_equal(cose_sign1_verify(&auth, key, NULL, 0), 0);
	key_free(&key);
}

static void device_mac(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF, structure = BUF;
	struct cursor mac_key = vector("derived_emackey");
	struct device_response *response = calloc(1, sizeof(*response));
	const struct document *d = response->documents;
	const char *fault;

	(void)state;
	assert_int_equal(response_read(vector("annexd_device_response"), response, &fault), 0);
	assert_string_equal(fault, "");
	assert_int_equal(response->document_count, 1);
	assert_true(d->by_mac);
	assert_int_equal(d->device_auths, 1);
	assert_int_equal(response_authentication(transcript, d->doctype, d->device_spaces.whole,
						 &bytes),
			 0);
	ASSERT_BUF(&bytes, vector("annexd_device_authentication_bytes"));
	assert_int_equal(cose_mac_structure(d->device_auth.protected, &PIECE(bytes.data, bytes.len),
					    1, &structure),
			 0);
	ASSERT_BUF(&structure, vector("derived_device_mac_structure"));
	assert_int_equal(cose_mac0_verify(&d->device_auth, mac_key.p, &PIECE(bytes.data, bytes.len),
					  1),
			 0);
	free(response);
}

/* ---- the session ---- */

static void messages(void **state)
{
	_cleanup_buf_ struct fuda_buf sealed = BUF, message = BUF, plain = BUF;
	struct private_key *reader = private_of("annexd_ephemeral_reader_key_d");
	struct private_key *device = private_of("annexd_ephemeral_device_key_d");
	struct session of_reader, of_device;
	struct cursor establishment = vector("annexd_session_establishment");
	struct cursor reader_key, data;
	uint64_t status;

	(void)state;
	assert_int_equal(session_begin(SESSION_READER, reader, private_public(device), transcript,
				       &of_reader),
			 0);
	assert_int_equal(session_begin(SESSION_DEVICE, device, private_public(reader), transcript,
				       &of_device),
			 0);
	assert_int_equal(session_read_establishment(establishment, &reader_key, &data), 0);
	assert_int_equal(session_seal(&of_reader, vector("annexd_device_request"), &sealed), 0);
	ASSERT_BUF(&sealed, data);
	assert_int_equal(session_put_establishment(reader_key, data, &message), 0);
	ASSERT_BUF(&message, establishment);
	assert_int_equal(session_open(&of_device, data, &plain), 0);
	ASSERT_BUF(&plain, vector("annexd_device_request"));

	fuda_buf_clear(&sealed);
	fuda_buf_clear(&message);
	fuda_buf_clear(&plain);
	assert_int_equal(session_seal(&of_device, vector("annexd_device_response"), &sealed), 0);
	assert_int_equal(session_put_data(cur_of(sealed.data, sealed.len), SESSION_NO_STATUS,
					  &message),
			 0);
	ASSERT_BUF(&message, vector("annexd_session_data"));
	assert_int_equal(session_read_data(cur_of(message.data, message.len), &data, &status), 0);
	assert_int_equal(status, SESSION_NO_STATUS);
	assert_int_equal(session_open(&of_reader, data, &plain), 0);
	ASSERT_BUF(&plain, vector("annexd_device_response"));

	fuda_buf_clear(&message);
	assert_int_equal(session_put_data(cur_of(NULL, 0), SESSION_TERMINATION, &message), 0);
	ASSERT_BUF(&message, vector("annexd_session_termination"));
	private_free(&reader);
	private_free(&device);
}

/* The same message again is not the next one; after that the session is over. */
static void messages_are_counted(void **state)
{
	_cleanup_buf_ struct fuda_buf sealed = BUF, plain = BUF;
	struct private_key *reader = private_of("annexd_ephemeral_reader_key_d");
	struct private_key *device = private_of("annexd_ephemeral_device_key_d");
	struct session a, b;
	struct cursor data;

	(void)state;
	assert_int_equal(session_begin(SESSION_READER, reader, private_public(device), transcript,
				       &a),
			 0);
	assert_int_equal(session_begin(SESSION_DEVICE, device, private_public(reader), transcript,
				       &b),
			 0);
	assert_int_equal(session_seal(&a, cur_of((const uint8_t *)"one", 3), &sealed), 0);
	data = cur_of(sealed.data, sealed.len);
	assert_int_equal(session_open(&b, data, &plain), 0);
	assert_int_equal(session_open(&b, data, &plain), FUDA_EVERIFY);
	assert_int_equal(plain.len, 3);
	assert_int_equal(session_open(&b, data, &plain), FUDA_EFAILED);
	assert_int_equal(session_seal(&b, data, &plain), FUDA_EFAILED);
	private_free(&reader);
	private_free(&device);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_pairs),
		cmocka_unit_test(secrets),
		cmocka_unit_test(engagement_is_read),
		cmocka_unit_test(transcript_is_rebuilt),
		cmocka_unit_test(online_transcripts),
		cmocka_unit_test(request_is_rebuilt),
		cmocka_unit_test(reader_auth_is_bound),
		cmocka_unit_test(issuer_signature),
		cmocka_unit_test(device_mac),
		cmocka_unit_test(messages),
		cmocka_unit_test(messages_are_counted),
	};

	vectors_or_skip();
	transcript = vector("derived_session_transcript");
	return RUN(tests);
}
