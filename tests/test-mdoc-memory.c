/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while mobile credentials are asked for, presented, sent, read and judged:
 * nothing is good then that should not be, nothing is lost without an error, nothing half made is
 * left, and all goes on where there is memory again. */
#include "tests/scarce.h"

#include <openssl/crypto.h>

#include "mdoc/engagement.h"
#include "mdoc/profile.h"
#include "tests/cmocka.h"
#include "tests/presented.h"
#include "tests/scratch.h"

/* Bytes that are there before something is appended: with 20 more the buffer has to grow. */
enum { BEGUN = 44 };
enum { ALLOCATIONS_MAX = 20000, EVERY = 100, ELEMENTS = 3 };
#define OUT FUDA_BUF_INIT(2 * CBOR_MAX)

static struct presented p;
static struct fuda_mdoc_profiles *profiles;
static struct fuda_buf by_mac, other_element, other_mso, other_device; /* responses */
static struct fuda_buf device_pem, reader_pem, reader_cert, reader_request, engagement;
static struct fuda_mdoc_trust *readers;

static struct fuda_mdoc_span span_of(const struct fuda_buf *b)
{
	return (struct fuda_mdoc_span){ b->data, b->len };
}

/* ---- what runs out ---- */

/* OpenSSL does not say that it was memory that it had not: a key may seem to be none, which is
 * `or_else`. */
static void assert_scarce_or(int r, int or_else)
{
	if (r != FUDA_ENOMEM && r != FUDA_EFAILED && r != or_else)
		fail_msg("%s", fuda_error_name(r));
}

static void assert_scarce(int r)
{
	assert_scarce_or(r, FUDA_ENOMEM);
}

/* Fails one allocation after the other: `what` returns 0 or an error that says so; and can do it
 * again at once. Before each time everything is `made_anew`. */
static void run_out(int (*what)(void), void (*make_anew)(void))
{
	long failed = 0;

	make_anew();
	assert_int_equal(what(), 0);
	for (long n = 0;; n += 1 + n / EVERY) {
		bool enough;
		int r;

		assert_true(n < ALLOCATIONS_MAX);
		make_anew();
		before_failure = n;
		r = what();
		enough = before_failure >= 0; /* there were not so many */
		before_failure = -1;
		failed += r < 0;
		assert_int_equal(what(), 0);
		if (enough) {
			assert_int_equal(r, 0);
			break;
		}
	}
	assert_true(failed > 0);
}

/* For the rest of a check, in which nothing fails. */
static long enough_again(void)
{
	long left = before_failure;

	before_failure = -1;
	return left;
}

/* What was there before stays, and nothing else is there. */
static void assert_nothing_added(const struct fuda_buf *out)
{
	assert_int_equal(out->len, BEGUN);
	for (size_t i = 0; i < out->len; i++)
		assert_int_equal(out->data[i], 'x');
}

static struct fuda_buf begun(void)
{
	struct fuda_buf out = OUT;
	long left = enough_again();

	while (out.len < BEGUN)
		assert_int_equal(fuda_buf_append(&out, "x", 1), 0);
	before_failure = left;
	return out;
}

/* ---- judging ---- */

static void forget_chains(void)
{
	fuda_mdoc_trust_free(&p.trust);
	p.trust = presented_trust(&p);
}

static void remember_chains(void)
{
}

static int read_texts(const struct fuda_mdoc_document *d)
{
	const struct fuda_mdoc_policy policy = { .at = TEST_NOW };

	for (size_t i = 0; i < d->element_count; i++) {
		_cleanup_buf_ struct fuda_buf text = begun();
		int r = fuda_mdoc_element_text(profiles, d, &d->elements[i], &policy, &text);

		if (r < 0) {
			assert_int_equal(r, FUDA_ENOMEM);
			assert_nothing_added(&text);
			return r;
		}
		assert_true(text.len > BEGUN);
	}
	return 0;
}

static void check_document(const struct fuda_mdoc_document *d)
{
	assert_int_equal(d->element_count, ELEMENTS);
	assert_int_equal(d->withheld_count, 0);
	assert_true(d->has_device_key);
	for (size_t i = 0; i < d->element_count; i++)
		assert_true(d->elements[i].good && *d->elements[i].attribute);
}

/* OpenSSL does not say that it ran out of memory while it verified: that is a finding. */
static int judges(const struct fuda_buf *response, bool good)
{
	const struct fuda_mdoc_policy policy = { .at = TEST_NOW };
	const struct fuda_mdoc_session session = {
		.transcript = { presented_transcript, sizeof(presented_transcript) },
		.reader = &p.reader,
		.request = span_of(&p.request),
	};
	struct fuda_mdoc_result *result = NULL;
	int r = fuda_mdoc_verify(p.ctx, p.trust, profiles, &policy, &session, response->data,
				 response->len, &result);

	if (r < 0) {
		assert_null(result);
		assert_scarce(r);
		return r;
	}
	if (!good) {
		assert_int_not_equal(result->result, FUDA_RESULT_OK);
	} else if (result->result == FUDA_RESULT_OK) {
		assert_int_equal(result->document_count, 1);
		check_document(&result->documents[0]);
		r = read_texts(&result->documents[0]);
	} else {
		r = FUDA_EVERIFY;
	}
	fuda_mdoc_result_free(&result);
	return r;
}

#define JUDGES(name, response, good)              \
	static int name(void)                     \
	{                                         \
		return judges(response, good);    \
	}                                         \
	static void name##_or_fails(void **state) \
	{                                         \
		(void)state;                      \
		run_out(name, forget_chains);     \
		run_out(name, remember_chains);   \
	}
JUDGES(judges_signed, &p.response, true)
JUDGES(judges_mac, &by_mac, true)
JUDGES(refuses_element, &other_element, false)
JUDGES(refuses_mso, &other_mso, false)
JUDGES(refuses_device, &other_device, false)

/* ---- presenting ---- */

/* As if it had never signed. */
static void read_device_key(void)
{
	private_free(&p.device);
	assert_int_equal(private_read(device_pem.data, device_pem.len, &p.device), 0);
}

/* On its own, so that none of its allocations is left out. */
static int signs(void)
{
	const struct signer signer = private_signer(p.device);
	static const uint8_t digest[32] = { 1 };
	_cleanup_buf_ struct fuda_buf signature = begun();
	int r = signer.sign(signer.arg, signer.mode, digest, sizeof(digest), &signature);

	if (r < 0) {
		assert_scarce(r);
		assert_nothing_added(&signature);
	}
	return r;
}

static bool is_shown_whole(const struct fuda_buf *response)
{
	struct fuda_mdoc_result *result = NULL;
	long left = enough_again();
	bool whole;

	assert_int_equal(presented_judge(&p, p.trust, response->data + BEGUN, response->len - BEGUN,
					 &result),
			 0);
	whole = result->result == FUDA_RESULT_OK && result->documents[0].element_count == ELEMENTS;
	fuda_mdoc_result_free(&result);
	before_failure = left;
	return whole;
}

static int presents(void)
{
	_cleanup_buf_ struct fuda_buf response = begun();
	const struct fuda_mdoc_key key = { p.device };
	const struct fuda_mdoc_held held = { .issuer_signed = span_of(&p.issued), .key = &key };
	const struct fuda_mdoc_span transcript = { presented_transcript,
						   sizeof(presented_transcript) };
	int r = fuda_mdoc_present(p.ctx, span_of(&p.request), &held, 1, transcript, NULL, NULL,
				  &response);

	if (r < 0) {
		assert_scarce_or(r, FUDA_EINVAL);
		assert_nothing_added(&response);
		return r;
	}
	assert_true(is_shown_whole(&response));
	return 0;
}

static int presents_mac(void)
{
	_cleanup_buf_ struct fuda_buf response = begun();
	int r = presented_answer(&p, true, &response);

	if (r < 0)
		assert_scarce(r);
	else
		assert_true(is_shown_whole(&response));
	return r;
}

/* ---- asking ---- */

static struct private_key *reader_key;

static void read_reader_key(void)
{
	private_free(&reader_key);
	assert_int_equal(private_read(reader_pem.data, reader_pem.len, &reader_key), 0);
	fuda_mdoc_trust_free(&readers);
	assert_int_equal(fuda_mdoc_trust_new(p.ctx, &readers), 0);
	believe_mdoc(readers, &(struct cert_plan[]){ plan_mdoc(CERT_READER_CA) }[0], true);
}

static int ask_to(struct fuda_buf *ret)
{
	static const struct fuda_mdoc_wish wishes[] = {
		{ PRESENTED_DOCTYPE, "org.iso.23220.1", "age_over_20", false },
		{ PRESENTED_DOCTYPE, "org.iso.23220.1.jp", "full_name_unicode", false },
	};
	const struct fuda_mdoc_span chain = span_of(&reader_cert);
	const struct fuda_mdoc_key key = { reader_key };
	const struct fuda_mdoc_identity who = { &key, &chain, 1 };
	const struct fuda_mdoc_span transcript = { presented_transcript,
						   sizeof(presented_transcript) };

	return fuda_mdoc_request(p.ctx, wishes, ARRAY_SIZE(wishes), &who, transcript, ret);
}

static int asks(void)
{
	_cleanup_buf_ struct fuda_buf request = begun();
	int r = ask_to(&request);

	if (r < 0) {
		assert_scarce_or(r, FUDA_EFORMAT);
		assert_nothing_added(&request);
	}
	return r;
}

static int judges_reader(const uint8_t *transcript, size_t len, bool good)
{
	const struct fuda_mdoc_findings before = { .count = 77 };
	const struct fuda_mdoc_policy policy = { .at = TEST_NOW };
	struct fuda_mdoc_findings findings = before;
	char reader[512] = "before";
	int r = fuda_mdoc_request_verify(p.ctx, readers, &policy, span_of(&reader_request),
					 (struct fuda_mdoc_span){ transcript, len }, &findings,
					 reader);

	if (r < 0) {
		assert_scarce(r);
		assert_int_equal(findings.count, before.count);
		assert_string_equal(reader, "before");
		return r;
	}
	assert_true(good || findings.count);
	return good && findings.count ? FUDA_EVERIFY : 0;
}

static int judges_who_asks(void)
{
	return judges_reader(presented_transcript, sizeof(presented_transcript), true);
}

static int refuses_who_asks(void)
{
	static const uint8_t another[] = { 0x83, 0xF6, 0xF6, 0xF5 };

	return judges_reader(another, sizeof(another), false);
}

/* ---- one session ---- */

/* Opens what the reader sent, as the phone does, and answers. */
static int answer(const struct fuda_buf *message, struct cursor transcript, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf request = OUT;
	_cleanup_buf_ struct fuda_buf sealed = OUT;
	_cleanup_(key_free) struct key *reader = NULL;
	struct session session = { 0 };
	struct cursor key, data;
	struct cbor item;
	int r = session_read_establishment(cur_of(message->data + BEGUN, message->len - BEGUN),
					   &key, &data);

	assert_int_equal(r, 0);
	assert_int_equal(cbor_read(key, &item, NULL), 0);
	r = cose_key_read(&item, &reader);
	if (r == 0)
		r = session_begin(SESSION_DEVICE, p.device, reader, transcript, &session);
	if (r == 0)
		r = session_open(&session, data, &request);
	if (r == 0) {
		assert_int_equal(request.len, p.request.len);
		assert_memory_equal(request.data, p.request.data, request.len);
		r = session_seal(&session, cur_of(p.response.data, p.response.len), &sealed);
	}
	if (r == 0)
		r = session_put_data(cur_of(sealed.data, sealed.len), SESSION_NO_STATUS, ret);
	session_end(&session);
	return r;
}

/* It has ended: what would be sent now, the phone could not open. */
static void assert_ended(struct fuda_mdoc_reader *reader)
{
	_cleanup_buf_ struct fuda_buf message = begun();

	enough_again();
	assert_int_equal(fuda_mdoc_reader_ask(reader, p.request.data, p.request.len, &message),
			 FUDA_EFAILED);
	assert_nothing_added(&message);
}

static int exchange(struct fuda_mdoc_reader *reader)
{
	_cleanup_buf_ struct fuda_buf message = begun(), response = begun();
	_cleanup_buf_ struct fuda_buf back = OUT;
	const struct fuda_mdoc_span transcript = fuda_mdoc_reader_transcript(reader);
	int r = fuda_mdoc_reader_ask(reader, p.request.data, p.request.len, &message);

	if (r < 0) {
		assert_nothing_added(&message);
		assert_ended(reader);
		return r;
	}
	r = answer(&message, cur_of(transcript.bytes, transcript.len), &back);
	if (r < 0)
		return r;
	r = fuda_mdoc_reader_take(reader, back.data, back.len, &response);
	if (r < 0) {
		assert_nothing_added(&response);
		assert_ended(reader);
		return r;
	}
	assert_int_equal(response.len, BEGUN + p.response.len);
	assert_memory_equal(response.data + BEGUN, p.response.data, p.response.len);
	return 0;
}

static int holds_session(void)
{
	const struct fuda_mdoc_span none = { 0 };
	struct fuda_mdoc_reader *reader = NULL;
	int r = fuda_mdoc_reader_new(p.ctx, span_of(&engagement), none, none, NULL, &reader);

	assert_true(r == 0 ? !!reader : !reader);
	if (r == 0)
		r = exchange(reader);
	fuda_mdoc_reader_free(&reader);
	if (r < 0)
		assert_scarce_or(r, FUDA_EFORMAT);
	return r;
}

/* Nor is there room for the message where it is to go: sealed it was by then. */
static void asks_without_room(void **state)
{
	_cleanup_buf_ struct fuda_buf message = begun();
	const struct fuda_mdoc_span none = { 0 };
	struct fuda_mdoc_reader *reader = NULL;

	(void)state;
	assert_int_equal(fuda_mdoc_reader_new(p.ctx, span_of(&engagement), none, none, NULL,
					      &reader),
			 0);
	message.max = 2 * BEGUN;
	assert_int_equal(fuda_mdoc_reader_ask(reader, p.request.data, p.request.len, &message),
			 FUDA_ETOOBIG);
	assert_nothing_added(&message);
	assert_ended(reader);
	fuda_mdoc_reader_free(&reader);
}

/* ---- keys and forms ---- */

static int keeps_keys(void)
{
	_cleanup_buf_ struct fuda_buf pem = begun();
	struct fuda_mdoc_key *key = NULL;
	int r = fuda_mdoc_key_new(p.ctx, &key);

	assert_true(r == 0 ? !!key : !key);
	if (r == 0)
		r = fuda_mdoc_key_write(p.ctx, key, &pem);
	if (r < 0) {
		assert_scarce(r);
		assert_nothing_added(&pem);
	}
	fuda_mdoc_key_free(&key);
	return r;
}

static int reads_keys(void)
{
	struct fuda_mdoc_key *key = NULL;
	int r = fuda_mdoc_key_read(p.ctx, scratch_path("key"), &key);

	assert_true(r == 0 ? !!key : !key);
	if (r < 0 && r != FUDA_ENOTSUP)
		assert_scarce_or(r, FUDA_EFORMAT);
	fuda_mdoc_key_free(&key);
	return r;
}

static int tries_form(enum fuda_mdoc_form form)
{
	_cleanup_buf_ struct fuda_buf text = begun(), back = begun();
	int r = fuda_mdoc_encode(form, p.response.data, p.response.len, &text);

	if (r < 0) {
		assert_int_equal(r, FUDA_ENOMEM);
		assert_nothing_added(&text);
		return r;
	}
	r = fuda_mdoc_decode(p.ctx, text.data + BEGUN, text.len - BEGUN, &back);
	if (r < 0) {
		assert_int_equal(r, FUDA_ENOMEM);
		assert_nothing_added(&back);
		return r;
	}
	assert_int_equal(back.len, BEGUN + p.response.len);
	return 0;
}

static int changes_form(void)
{
	int r = 0;

	for (int form = FUDA_MDOC_CBOR; r == 0 && form <= FUDA_MDOC_BASE64URL; form++)
		r = tries_form((enum fuda_mdoc_form)form);
	return r;
}

/* As in a QR code. */
static int reads_uri(void)
{
	_cleanup_buf_ struct fuda_buf text = begun(), back = begun();
	int r = engagement_uri(cur_of(engagement.data, engagement.len), &text);

	if (r == 0)
		r = fuda_mdoc_decode(p.ctx, text.data + BEGUN, text.len - BEGUN, &back);
	if (r < 0) {
		assert_int_equal(r, FUDA_ENOMEM);
		assert_nothing_added(&back);
	}
	return r;
}

static int shows(void)
{
	_cleanup_buf_ struct fuda_buf text = begun();
	int r = fuda_mdoc_diagnose(p.response.data, p.response.len, 0, &text);

	if (r < 0) {
		assert_int_equal(r, FUDA_ENOMEM);
		assert_nothing_added(&text);
	}
	return r;
}

static int makes_transcripts(void)
{
	const struct fuda_mdoc_span none = { 0 };
	_cleanup_buf_ struct fuda_buf one = begun(), other = begun();
	int r = fuda_mdoc_transcript_openid4vp(p.ctx, "x509_hash:a", "nonce", none,
					       "https://verifier.example.jp/", &one);

	if (r < 0) {
		assert_scarce(r);
		assert_nothing_added(&one);
		return r;
	}
	r = fuda_mdoc_transcript_dcapi(p.ctx, "https://verifier.example.jp", "nonce", none, &other);
	if (r < 0) {
		assert_scarce(r);
		assert_nothing_added(&other);
	}
	return r;
}

#define RUNS_OUT(what, make_anew)                 \
	static void what##_or_fails(void **state) \
	{                                         \
		(void)state;                      \
		run_out(what, make_anew);         \
	}
RUNS_OUT(signs, read_device_key)
RUNS_OUT(presents, read_device_key)
RUNS_OUT(presents_mac, read_device_key)
RUNS_OUT(asks, read_reader_key)
RUNS_OUT(judges_who_asks, read_reader_key)
RUNS_OUT(refuses_who_asks, read_reader_key)
RUNS_OUT(holds_session, read_device_key)
RUNS_OUT(keeps_keys, remember_chains)
RUNS_OUT(reads_keys, remember_chains)
RUNS_OUT(changes_form, remember_chains)
RUNS_OUT(reads_uri, remember_chains)
RUNS_OUT(shows, remember_chains)
RUNS_OUT(makes_transcripts, remember_chains)

/* ---- what there is ---- */

/* OpenSSL's memory is ours. */
static void *their_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(size);
}

static void *their_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return realloc(old, size);
}

static void their_free(void *old, const char *file, int line)
{
	(void)file, (void)line;
	free(old);
}

/* The response with one bit of `part`, which points into it, turned. */
static void forge(struct cursor part, struct fuda_buf *ret)
{
	const size_t at = (size_t)(part.p - p.response.data) + part.left - 1;

	*ret = FUDA_BUF_INIT(RESPONSE_MAX);
	assert_int_equal(fuda_buf_append(ret, p.response.data, p.response.len), 0);
	ret->data[at] ^= 1;
}

static void forge_all(void)
{
	static struct device_response response; /* too big for the stack */
	const struct document *d = &response.documents[0];
	struct cbor name, items, bytes;
	struct signed_item item;
	struct cursor c;

	assert_int_equal(response_read(cur_of(p.response.data, p.response.len), &response, NULL),
			 0);
	forge(d->issuer.auth.signature, &other_mso);
	forge(d->device_auth.signature, &other_device);
	c = d->issuer.spaces.content;
	assert_int_equal(cbor_next(&c, &name), 0);
	assert_int_equal(cbor_next(&c, &items), 0);
	c = items.content;
	assert_int_equal(cbor_next(&c, &bytes), 0);
	assert_int_equal(signed_item_read(&bytes, &item), 0);
	forge(item.random, &other_element);
}

static int setup(void **state)
{
	struct cert_plan reader = plan_mdoc(CERT_READER);

	if (scratch_setup(state) < 0)
		return -1;
	by_mac = FUDA_BUF_INIT(RESPONSE_MAX);
	reader_request = FUDA_BUF_INIT(REQUEST_MAX);
	engagement = FUDA_BUF_INIT(ENGAGEMENT_MAX);
	device_pem = reader_pem = reader_cert = TEST_BUF;
	presented_make(&p);
	forge_all();
	cert_make(&reader, &reader_cert);
	test_private(KEY_READER, &reader_pem);
	read_reader_key();
	assert_int_equal(private_write(p.device, &device_pem), 0);
	assert_int_equal(fuda_buf_append(&device_pem, "", 1), 0);
	scratch_write("key", (const char *)device_pem.data, 0600);
	device_pem.len--;
	if (fuda_mdoc_profiles_new(p.ctx, NULL, &profiles) < 0 ||
	    presented_answer(&p, true, &by_mac) < 0 || ask_to(&reader_request) < 0)
		return -1;
	return engagement_put(private_public(p.device), true, 255, 256, &engagement);
}

static int teardown(void **state)
{
	struct fuda_buf *all[] = { &by_mac,       &other_element,  &other_mso,
				   &other_device, &device_pem,     &reader_pem,
				   &reader_cert,  &reader_request, &engagement };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		fuda_buf_free(all[i]);
	private_free(&reader_key);
	fuda_mdoc_profiles_free(&profiles);
	fuda_mdoc_trust_free(&readers);
	presented_free(&p);
	return scratch_teardown(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_signed_or_fails),
		cmocka_unit_test(judges_mac_or_fails),
		cmocka_unit_test(refuses_element_or_fails),
		cmocka_unit_test(refuses_mso_or_fails),
		cmocka_unit_test(refuses_device_or_fails),
		cmocka_unit_test(signs_or_fails),
		cmocka_unit_test(presents_or_fails),
		cmocka_unit_test(presents_mac_or_fails),
		cmocka_unit_test(asks_or_fails),
		cmocka_unit_test(judges_who_asks_or_fails),
		cmocka_unit_test(refuses_who_asks_or_fails),
		cmocka_unit_test(holds_session_or_fails),
		cmocka_unit_test(asks_without_room),
		cmocka_unit_test(keeps_keys_or_fails),
		cmocka_unit_test(reads_keys_or_fails),
		cmocka_unit_test(changes_form_or_fails),
		cmocka_unit_test(reads_uri_or_fails),
		cmocka_unit_test(shows_or_fails),
		cmocka_unit_test(makes_transcripts_or_fails),
	};

	if (!CRYPTO_set_mem_functions(their_malloc, their_realloc, their_free))
		return 1;
	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
