/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/softwallet.h"

#include <fuda/encode.h>
#include <fuda/hash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "codec/apdu.h"
#include "codec/tlv.h"
#include "mdoc/engagement.h"
#include "mdoc/transcript.h"
#include "tests/cmocka.h"

enum { BIG = 1 << 19, CONF_SIZE = 8192 };

static char home[] = "/tmp/fuda-test-XXXXXX", wallet[64];
static char as_made[CONF_SIZE];
static struct vcard *loaded; /* by a test that did not come to its end */

static const char *used = wallet;

const char *softwallet_dir(void)
{
	return used;
}

void softwallet_use(const char *dir)
{
	used = dir ? dir : wallet;
}

const char *softwallet_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", used, name);
	return path;
}

struct fuda_buf softwallet_file(const char *name)
{
	struct fuda_buf b = FUDA_BUF_INIT(BIG);
	FILE *f = fopen(softwallet_path(name), "rb");
	char block[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		assert_int_equal(fuda_buf_append(&b, block, n), 0);
	fclose(f);
	return b;
}

int softwallet_setup(void **state)
{
	const struct vcard_make what = { .kind = "wallet" };
	char why[256] = "";
	FILE *f;
	size_t n;

	(void)state;
	if (!mkdtemp(home))
		return -1;
	snprintf(wallet, sizeof(wallet), "%s/wallet", home);
	if (vcard_make(wallet, &what, why, sizeof(why)) < 0) {
		print_error("%s\n", why);
		return -1;
	}
	f = fopen(softwallet_path("card.conf"), "r");
	n = f ? fread(as_made, 1, sizeof(as_made) - 1, f) : 0;
	if (f)
		fclose(f);
	return n ? 0 : -1;
}

int softwallet_teardown(void **state)
{
	(void)state;
	vcard_free(&loaded);
	softcard_remove(wallet);
	softcard_remove(home);
	return 0;
}

/* Whether `settings` has a line for the key of `line`. */
static bool replaced(const char *settings, const char *line)
{
	size_t key = strcspn(line, " =\n");

	for (const char *s = settings; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, line, key) == 0 && strchr(" =", s[key]))
			return true;
	return false;
}

struct vcard *softwallet_on(const char *settings)
{
	FILE *f = fopen(softwallet_path("card.conf"), "w");
	struct vcard *v = NULL;
	char why[256] = "";

	assert_non_null(f);
	for (const char *line = as_made; *line; line += strcspn(line, "\n") + 1)
		if (*line == '#' || !replaced(settings, line))
			fprintf(f, "%.*s\n", (int)strcspn(line, "\n"), line);
	fputs(settings, f);
	assert_int_equal(fclose(f), 0);
	vcard_free(&loaded);
	if (vcard_load(used, &v, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	loaded = v;
	vcard_power(v, true);
	return v;
}

void softwallet_off(struct vcard **v)
{
	vcard_free(v);
	loaded = NULL;
}

/* ---- commands ---- */

struct fuda_buf counter_command(struct vcard *v, uint8_t cla, uint8_t ins, uint16_t p12,
				struct cursor data, size_t le, uint16_t *ret_sw)
{
	struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX),
			response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	const struct apdu a = { .cla = cla,
				.ins = ins,
				.p1 = (uint8_t)(p12 >> 8),
				.p2 = (uint8_t)p12,
				.data = data.p,
				.lc = data.left,
				.le = le,
				.extended = data.left > 255 || le > 256 };

	assert_int_equal(apdu_build(&a, &command), 0);
	assert_int_equal(vcard_transmit(v, command.data, command.len, &response), 0);
	assert_int_equal(apdu_take_sw(&response, ret_sw), 0);
	fuda_buf_free(&command);
	return response;
}

struct fuda_buf counter_ndef(struct vcard *v)
{
	const struct cursor none = cur_of(NULL, 0);
	struct fuda_buf head, message;
	uint16_t sw;

	head = counter_command(v, 0x00, 0xB0, 0, none, 2, &sw);
	assert_int_equal(sw, 0x9000);
	assert_int_equal(head.len, 2);
	message = counter_command(v, 0x00, 0xB0, 2, none,
				  (size_t)(head.data[0] << 8 | head.data[1]), &sw);
	assert_int_equal(sw, 0x9000);
	assert_int_equal(message.len, head.data[0] << 8 | head.data[1]);
	fuda_buf_free(&head);
	return message;
}

/* ---- engagement ---- */

/* The payload of the record that is the engagement: the one with id "mdoc" in a message of ours. */
static void find_engagement(struct counter *c)
{
	static const char mark[] = "iso.org:18013:deviceengagementmdoc";
	const uint8_t *at = memmem(c->select.data, c->select.len, mark, strlen(mark));
	size_t len;

	assert_non_null(at);
	assert_true(at - c->select.data >= 4);
	assert_int_equal(at[-4] & 0x1F, 0x1C); /* short, with id, external */
	len = at[-2];
	at += strlen(mark);
	assert_true(len <= c->select.len - (size_t)(at - c->select.data));
	c->engagement = FUDA_BUF_INIT(BIG);
	assert_int_equal(fuda_buf_set(&c->engagement, at, len), 0);
}

static void start(struct counter *c, struct vcard *v)
{
	struct cbor_out out;

	*c = (struct counter){ .v = v,
			       .request = FUDA_BUF_INIT(BIG),
			       .select = FUDA_BUF_INIT(BIG),
			       .engagement = FUDA_BUF_INIT(BIG),
			       .reader_key = FUDA_BUF_INIT(BIG),
			       .transcript = FUDA_BUF_INIT(BIG) };
	assert_int_equal(private_new(CURVE_P256, &c->key), 0);
	out = CBOR_OUT(&c->reader_key);
	assert_int_equal(cose_key_put(&out, private_public(c->key)), 0);
}

void counter_static(struct counter *c, struct vcard *v)
{
	start(c, v);
	expect(v, SELECT_TAG, "9000");
	expect(v, SELECT_NDEF, "9000");
	c->select = counter_ndef(v);
	find_engagement(c);
}

void counter_negotiate(struct counter *c, struct vcard *v)
{
	struct fuda_buf message;
	char update[1024];

	start(c, v);
	expect(v, SELECT_TAG, "9000");
	expect(v, SELECT_NDEF, "9000");
	message = counter_ndef(v);
	fuda_buf_free(&message);
	expect(v,
	       "00D600001B"
	       "0019"
	       "D1021454731375726E3A6E66633A736E3A68616E646F766572",
	       "9000");
	message = counter_ndef(v);
	fuda_buf_free(&message);
	assert_int_equal(fuda_hex_decode(SOFTWALLET_HR, &c->request), 0);
	snprintf(update, sizeof(update), "00D60000%02X%04X%s", (unsigned)c->request.len + 2,
		 (unsigned)c->request.len, SOFTWALLET_HR);
	expect(v, update, "9000");
	c->select = counter_ndef(v);
	find_engagement(c);
}

void counter_qr(struct counter *c, struct vcard *v, const char *uri)
{
	start(c, v);
	assert_int_equal(engagement_from_uri(uri, strlen(uri), &c->engagement), 0);
}

void counter_free(struct counter *c)
{
	private_free(&c->key);
	fuda_buf_free(&c->engagement);
	fuda_buf_free(&c->select);
	fuda_buf_free(&c->request);
	fuda_buf_free(&c->reader_key);
	fuda_buf_free(&c->transcript);
	session_end(&c->session);
}

/* ---- messages ---- */

static void wrap(struct cursor message, struct fuda_buf *ret)
{
	const uint8_t head[] = { 0x53, 0x82, (uint8_t)(message.left >> 8), (uint8_t)message.left };

	assert_true(message.left <= 0xFFFF);
	assert_int_equal(fuda_buf_append(ret, head, sizeof(head)), 0);
	assert_int_equal(fuda_buf_append(ret, message.p, message.left), 0);
}

struct fuda_buf counter_transfer(struct counter *c, struct cursor message)
{
	struct fuda_buf sent = FUDA_BUF_INIT(BIG), all = FUDA_BUF_INIT(BIG),
			content = FUDA_BUF_INIT(BIG), part;
	const size_t le = c->le ? c->le : 256;
	struct cursor left, piece;
	struct tlv object;
	uint16_t sw = 0;

	wrap(message, &sent);
	left = cur_of(sent.data, sent.len);
	while (left.left) {
		assert_int_equal(cur_sub(&left, MIN(left.left, c->piece ? c->piece : 255), &piece),
				 0);
		part = counter_command(c->v, left.left ? 0x10 : 0x00, 0xC3, 0, piece,
				       left.left ? 0 : le, &sw);
		assert_int_equal(fuda_buf_append(&all, part.data, part.len), 0);
		assert_true(!left.left || (sw == 0x9000 && !part.len));
		fuda_buf_free(&part);
	}
	for (c->answers = 1; sw >> 8 == 0x61; c->answers++) {
		part = counter_command(c->v, 0x00, 0xC0, 0, cur_of(NULL, 0), le, &sw);
		assert_int_equal(fuda_buf_append(&all, part.data, part.len), 0);
		fuda_buf_free(&part);
	}
	assert_int_equal(sw, 0x9000);
	left = cur_of(all.data, all.len);
	if (all.len) {
		assert_int_equal(tlv_expect(&left, 0x53, &object), 0);
		assert_int_equal(left.left, 0);
		assert_int_equal(fuda_buf_set(&content, object.value.p, object.value.left), 0);
	}
	fuda_buf_free(&sent);
	fuda_buf_free(&all);
	return content;
}

void counter_request(const char *doctype, const char *const *elements, struct fuda_buf *ret)
{
	static struct doc_request document;

	document = (struct doc_request){ .doctype = cur_of((const uint8_t *)doctype,
							   strlen(doctype)) };
	for (; *elements; elements++) {
		const char *slash = strchr(*elements, '/');

		document.elements[document.element_count++] = (struct wanted_element){
			.space = cur_of((const uint8_t *)*elements, (size_t)(slash - *elements)),
			.name = cur_of((const uint8_t *)slash + 1, strlen(slash + 1)),
		};
	}
	assert_int_equal(request_put(&document, 1, NULL, cur_of(NULL, 0), ret), 0);
}

static void begin(struct counter *c)
{
	struct engagement e;
	struct key *device = NULL;
	struct cbor item;

	assert_int_equal(engagement_read(cur_of(c->engagement.data, c->engagement.len), &e), 0);
	assert_int_equal(cbor_read(e.device_key, &item, NULL), 0);
	assert_int_equal(cose_key_read(&item, &device), 0);
	assert_int_equal(transcript_proximity(cur_of(c->engagement.data, c->engagement.len),
					      cur_of(c->reader_key.data, c->reader_key.len),
					      cur_of(c->select.data, c->select.len),
					      cur_of(c->request.data, c->request.len),
					      &c->transcript),
			 0);
	assert_int_equal(session_begin(SESSION_READER, c->key, device,
				       cur_of(c->transcript.data, c->transcript.len), &c->session),
			 0);
	key_free(&device);
}

struct fuda_buf counter_ask(struct counter *c, const struct fuda_buf *request, uint64_t *ret_status)
{
	struct fuda_buf sealed = FUDA_BUF_INIT(BIG), message = FUDA_BUF_INIT(BIG), answer,
			plain = FUDA_BUF_INIT(BIG);
	struct cursor data;

	if (!c->begun) {
		expect(c->v, SELECT_MDOC, "9000");
		begin(c);
	}
	assert_int_equal(session_seal(&c->session, cur_of(request->data, request->len), &sealed),
			 0);
	data = cur_of(sealed.data, sealed.len);
	if (c->begun)
		assert_int_equal(session_put_data(data, SESSION_NO_STATUS, &message), 0);
	else
		assert_int_equal(session_put_establishment(cur_of(c->reader_key.data,
								  c->reader_key.len),
							   data, &message),
				 0);
	c->begun = true;
	answer = counter_transfer(c, cur_of(message.data, message.len));
	assert_int_equal(session_read_data(cur_of(answer.data, answer.len), &data, ret_status), 0);
	if (data.left)
		assert_int_equal(session_open(&c->session, data, &plain),
				 c->unreadable ? FUDA_EVERIFY : 0);
	fuda_buf_free(&sealed);
	fuda_buf_free(&message);
	fuda_buf_free(&answer);
	return plain;
}

struct fuda_buf counter_get(struct counter *c, const char *const *elements,
			    struct device_response *ret)
{
	struct fuda_buf request = FUDA_BUF_INIT(BIG), plain;
	const char *fault = NULL;
	uint64_t status;

	counter_request(DOCTYPE, elements, &request);
	plain = counter_ask(c, &request, &status);
	assert_int_equal(status, SESSION_NO_STATUS);
	if (response_read(cur_of(plain.data, plain.len), ret, &fault) < 0)
		fail_msg("%s", fault);
	fuda_buf_free(&request);
	return plain;
}

/* ---- responses ---- */

bool counter_shown(const struct document *document, const char *element, struct cbor *ret)
{
	struct cursor spaces = document->issuer.spaces.content;
	const char *slash = strchr(element, '/');
	struct cbor space, items, item;
	struct signed_item s;

	while (document->issuer.has_spaces && cbor_next(&spaces, &space) == 0 &&
	       cbor_next(&spaces, &items) == 0) {
		if (space.content.left != (size_t)(slash - element) ||
		    memcmp(space.content.p, element, space.content.left) != 0)
			continue;
		while (cbor_next(&items.content, &item) == 0) {
			assert_int_equal(signed_item_read(&item, &s), 0);
			if (s.name.left == strlen(slash + 1) &&
			    memcmp(s.name.p, slash + 1, s.name.left) == 0) {
				*ret = s.value;
				return true;
			}
		}
	}
	return false;
}

size_t counter_count(const struct document *document)
{
	struct cursor spaces = document->issuer.spaces.content;
	struct cbor space, items;
	size_t count = 0;

	while (document->issuer.has_spaces && cbor_next(&spaces, &space) == 0 &&
	       cbor_next(&spaces, &items) == 0)
		count += items.number;
	return count;
}

static void read_mso(const struct document *document, struct cbor *ret)
{
	struct cbor tagged;

	assert_int_equal(cbor_read(document->issuer.auth.payload, &tagged, NULL), 0);
	assert_int_equal(cbor_embedded(&tagged, ret), 0);
}

bool counter_device_good(struct counter *c, const struct document *document)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(BIG);
	const struct cursor transcript = cur_of(c->transcript.data, c->transcript.len);
	struct cbor mso, info, key;
	struct key *device = NULL;
	struct piece signed_;
	uint8_t mac[HMAC_BYTES];
	int r;

	read_mso(document, &mso);
	assert_int_equal(cbor_get(&mso, "deviceKeyInfo", &info), 0);
	assert_int_equal(cbor_get(&info, "deviceKey", &key), 0);
	assert_int_equal(cose_key_read(&key, &device), 0);
	assert_int_equal(response_authentication(transcript, document->doctype,
						 document->device_spaces.whole, &bytes),
			 0);
	signed_ = (struct piece){ bytes.data, bytes.len };
	if (document->by_mac) {
		assert_int_equal(session_mac_key(c->key, device, transcript, mac), 0);
		r = cose_mac0_verify(&document->device_auth, mac, &signed_, 1);
	} else {
		r = cose_sign1_verify(&document->device_auth, device, &signed_, 1);
	}
	key_free(&device);
	fuda_buf_free(&bytes);
	assert_true(r == 0 || r == FUDA_EVERIFY);
	return r == 0;
}

bool counter_digests_good(const struct document *document)
{
	struct cursor spaces = document->issuer.spaces.content;
	struct cbor mso, all, space, items, item, digests, digest;
	struct signed_item s;
	struct fuda_digest own;

	read_mso(document, &mso);
	assert_int_equal(cbor_get(&mso, "valueDigests", &all), 0);
	while (cbor_next(&spaces, &space) == 0 && cbor_next(&spaces, &items) == 0) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)space.content.left,
			 (const char *)space.content.p);
		assert_int_equal(cbor_get(&all, name, &digests), 0);
		while (cbor_next(&items.content, &item) == 0) {
			assert_int_equal(signed_item_read(&item, &s), 0);
			assert_int_equal(cbor_get_int(&digests, (int64_t)s.digest_id, &digest), 0);
			assert_int_equal(fuda_digest_bytes(FUDA_SHA256, s.bytes.p, s.bytes.left,
							   &own),
					 0);
			if (digest.content.left != own.len ||
			    memcmp(digest.content.p, own.bytes, own.len) != 0)
				return false;
		}
	}
	return true;
}
