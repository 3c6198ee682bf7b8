/* SPDX-License-Identifier: Apache-2.0 */
/* Phones: what binds one to the holder of a card, what it tells alone, and what neither does. */
#include <fuda/encode.h>

#include "mdoc/response.h"
#include "service/mdoc-lists.h"
#include "tests/phone-stand.h"

/* ---- what is done ---- */

static void binds_and_shows(_unused_ void **state)
{
	const struct exchange *x = bind_phone(&hanako, &hanakos);
	char id[MYKEY_TEXT];

	assert_string_equal(x->code, "");
	assert_int_equal(x->status, 201);
	assert_string_equal(member(x, "new"), "true");
	snprintf(id, sizeof(id), "%s", member(x, "mykey_id"));
	assert_int_equal(strlen(id), MYKEY_CHARS);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 2);
	assert_int_equal(PHONES(), 1);
	/* the phone alone, and the card alone */
	x = show_phone(&hanakos);
	assert_string_equal(x->code, "");
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "mykey_id"), id);
	assert_string_equal(member(x, "new"), "false");
	assert_string_equal(bound(&hanako), id);
	/* twice */
	x = bind_phone(&hanako, &hanakos);
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "mykey_id"), id);
	assert_string_equal(member(x, "new"), "false");
	assert_int_equal(PHONES(), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'bind-mdoc'"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action LIKE '%show%'"), 0);
}

static void binds_to_whom_the_card_is_bound(_unused_ void **state)
{
	struct phone second = phone_make(now - DAY, 20);
	const char *id = bound(&hanako), *other = bound(&taro);
	const struct exchange *x = bind_phone(&hanako, &hanakos);

	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "mykey_id"), id);
	assert_string_equal(member(x, "new"), "false");
	/* a renewed credential has another key: then both are the holder's */
	assert_refused(show_phone(&second), 404, "mdoc_not_bound");
	assert_int_equal(bind_phone(&hanako, &second)->status, 200);
	assert_string_equal(member(show_phone(&second), "mykey_id"), id);
	assert_string_equal(member(show_phone(&hanakos), "mykey_id"), id);
	assert_int_equal(PHONES(), 2);
	assert_string_equal(bound(&taro), other);
	/* without a MyKey ID there is nothing to show, and binding makes the next one */
	assert_int_equal(ask(p, 0, &hanako, "expire", "")->status, 200);
	assert_refused(show_phone(&hanakos), 404, "not_bound");
	x = bind_phone(&hanako, &hanakos);
	assert_int_equal(x->status, 201);
	assert_string_equal(member(x, "new"), "true");
	assert_int_equal(show_phone(&second)->status, 200);
	phone_free(&second);
}

/* What is kept of the phone is good for nothing but finding it. */
static void nothing_is_kept(_unused_ void **state)
{
	const struct private_key *key = hanakos.key->private;
	struct fuda_buf cose = TEST_BUF;
	struct cbor_out out = CBOR_OUT(&cose);
	struct fuda_digest digest;
	const uint8_t *point;
	size_t len;

	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
	assert_int_equal(show_phone(&hanakos)->status, 200);
	assert_int_equal(cose_key_put(&out, private_public(key)), 0);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, cose.data, cose.len, &digest), 0);
	point = key_point(private_public(key), &len);
	if (!on_postgres()) {
		assert_false(database_holds(p, digest.bytes, digest.len));
		assert_false(database_holds(p, point + 1, 32));
		assert_false(database_holds(p, "age_over_", 9));
		assert_false(database_holds(p, "org.iso.", 8));
	}
	fuda_buf_free(&cose);
}

static void age_may_be_kept_back(_unused_ void **state)
{
	static const struct fuda_mdoc_wish none = { DOCTYPE, SPACE, "no_such_element", false };
	struct asked a = asked_make(0, &hanako, &hanakos, "bind-mdoc");

	a.shown.wishes = &none;
	assert_int_equal(finish(&a)->status, 201);
}

/* ---- once, here and now ---- */

static void replayed(_unused_ void **state)
{
	struct asked first = asked_make(0, &hanako, &hanakos, "bind-mdoc"), second;
	char id[MYKEY_TEXT];
	const struct exchange *x = send_asked(&first);

	assert_int_equal(x->status, 201);
	snprintf(id, sizeof(id), "%s", member(x, "mykey_id"));
	x = send_asked(&first); /* byte for byte: answered as it was */
	assert_int_equal(x->status, 201);
	assert_string_equal(member(x, "mykey_id"), id);
	snprintf(first.post.key, sizeof(first.post.key), "another");
	assert_refused(send_asked(&first), 403, "challenge_used");
	/* what was shown for one challenge, brought for another; or by the phone alone */
	second = asked_make(0, &hanako, &hanakos, "bind-mdoc");
	second.shown.token = first.post.token;
	assert_refused(finish(&second), 403, "mdoc_foreign");
	second = asked_make(0, &hanako, &hanakos, "show-mdoc");
	assert_int_equal(fuda_buf_set(&second.shown.transcript, first.shown.transcript.data,
				      first.shown.transcript.len),
			 0);
	assert_int_equal(fuda_buf_set(&second.shown.response, first.shown.response.data,
				      first.shown.response.len),
			 0);
	assert_refused(finish(&second), 403, "mdoc_foreign");
	asked_free(&first);
}

static void at_another_terminal(_unused_ void **state)
{
	struct asked here = asked_make(0, &hanako, &hanakos, "show-mdoc"), there;

	bind_phone(&hanako, &hanakos);
	asked_show(&here);
	/* with its challenge */
	here.post.terminal = &p->terminal[1];
	assert_refused(send_asked(&here), 403, "challenge_foreign");
	/* and without */
	there = asked_make(1, &hanako, &hanakos, "show-mdoc");
	there.shown.terminal = &p->terminal[0];
	there.shown.token = here.post.token;
	assert_refused(finish(&there), 403, "mdoc_foreign");
	there = asked_make(1, &hanako, &hanakos, "show-mdoc");
	assert_int_equal(finish(&there)->status, 200);
	asked_free(&here);
}

static struct private_key *other_reader;

static void other_key(struct shown *s)
{
	s->key = other_reader;
}

static void by_a_foreign_reader(_unused_ void **state)
{
	static const enum curve curves[] = { CURVE_P256, CURVE_P384, CURVE_BRAINPOOL_P256 };

	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		assert_int_equal(private_new(curves[i], &other_reader), 0);
		assert_neither(other_key, 403, "mdoc_foreign", NULL);
		private_free(&other_reader);
	}
}

/* DeviceEngagement of versions 1.0 and 2.0; a key of a reader, and a bad one. */
#define ENGAGED  "D8184DA20063312E30018201D81841A0"
#define ENGAGED2 "D8184DA20063322E30018201D81841A0"
#define NO_KEY   "D81841A0"
#define KEY      "D81846A2011820200A" /* of a type not known */

static void transcripts_malformed(_unused_ void **state)
{
	static const struct {
		const char *hex, *code;
	} cases[] = {
		{ "", "mdoc_malformed" },
		{ "00", "mdoc_malformed" },
		{ "83", "mdoc_malformed" },
		{ "83F6F6F6", "mdoc_malformed" },
		{ "82" ENGAGED KEY, "mdoc_malformed" },
		{ "84" ENGAGED KEY "F6F6", "mdoc_malformed" },
		{ "83" ENGAGED NO_KEY "F6", "mdoc_malformed" },
		{ "83" ENGAGED "D81842A0A0F6", "mdoc_malformed" },
		{ "83" ENGAGED KEY "F600", "mdoc_malformed" },
		{ "83" ENGAGED "D81844A1010620F6", "mdoc_malformed" },
		{ "83" ENGAGED "D81845A201182020F6", "mdoc_malformed" },
		/* no engagement, or one that nobody here takes */
		{ "83" NO_KEY KEY "F6", "mdoc_malformed" },
		{ "83F6" KEY "F6", "mdoc_malformed" },
		{ "83" ENGAGED2 KEY "F6", "mdoc_malformed" },
		/* no handover, or not of a face to face session */
		{ "83" ENGAGED KEY "07", "mdoc_malformed" },
		{ "83" ENGAGED KEY "40", "mdoc_malformed" },
		{ "83" ENGAGED KEY "80", "mdoc_malformed" },
		{ "83" ENGAGED KEY "814101", "mdoc_malformed" },
		{ "83" ENGAGED KEY "8240F6", "mdoc_malformed" },
		{ "83" ENGAGED KEY "82F64101", "mdoc_malformed" },
		{ "83" ENGAGED KEY "82410140", "mdoc_malformed" },
		{ "83" ENGAGED KEY "82410100", "mdoc_malformed" },
		{ "83" ENGAGED KEY "824101F7", "mdoc_malformed" },
		{ "83" ENGAGED KEY "834101F6F6", "mdoc_malformed" },
		{ "83" ENGAGED KEY "8261614101", "mdoc_malformed" }, /* of the network */
		{ "83" ENGAGED KEY "F6", "mdoc_foreign" },
		{ "83" ENGAGED KEY "824101F6", "mdoc_foreign" },
		{ "83" ENGAGED KEY "8241014102", "mdoc_foreign" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked a = asked_make(0, &hanako, &hanakos, "show-mdoc");
		const struct exchange *x;

		a.shown.token = a.post.token;
		show(&a.shown);
		fuda_buf_clear(&a.shown.transcript);
		assert_int_equal(fuda_hex_decode(cases[i].hex, &a.shown.transcript), 0);
		x = finish(&a);
		if (strcmp(x->code, cases[i].code) != 0)
			fail_msg("%s: %s", cases[i].hex, x->code);
	}
}

/* By NFC, static and negotiated, and by a QR code. */
static void by_each_handover(_unused_ void **state)
{
	static const uint8_t select[] = { 1, 2 }, request[] = { 3 };
	struct asked a;

	for (int i = 0; i < 3; i++) {
		a = asked_make(0, &hanako, &hanakos, "bind-mdoc");
		a.shown.select = i > 0 ? cur_of(select, 2) : cur_of(NULL, 0);
		a.shown.request = i > 1 ? cur_of(request, 1) : cur_of(NULL, 0);
		assert_int_equal(finish(&a)->status, i ? 200 : 201);
	}
}

/* ---- what is not good ---- */

static void by_mac(struct shown *s)
{
	s->by_mac = true;
}

/* The key for it is made of the challenge, so the terminal could make it without the phone. */
static void macs_refused(_unused_ void **state)
{
	assert_neither(by_mac, 403, "mdoc_mac_refused", NULL);
}

static struct phone another;

static void other_phone(struct shown *s)
{
	s->phone = &another;
}

static void expired(_unused_ void **state)
{
	another = phone_make(now - 5 * DAY, 4);
	assert_neither(other_phone, 403, "mdoc_expired", "expired");
	phone_free(&another);
	/* from tomorrow on */
	another = phone_make(now + DAY, 10);
	assert_neither(other_phone, 403, "mdoc_invalid", "not_yet_valid");
	phone_free(&another);
	/* but for its issuer's clock, which may be ahead */
	another = phone_make(now + MDOC_CLOCK / 2, 10);
	assert_int_equal(bind_phone(&hanako, &another)->status, 201);
	phone_free(&another);
}

static void of_another_kind(_unused_ void **state)
{
	snprintf(p->service.config.mdoc_doctype, sizeof(p->service.config.mdoc_doctype),
		 "org.iso.18013.5.1.mDL");
	assert_neither(NULL, 403, "mdoc_doctype", NULL);
	snprintf(p->service.config.mdoc_doctype, sizeof(p->service.config.mdoc_doctype),
		 DOCTYPE ".x");
	assert_neither(NULL, 403, "mdoc_doctype", NULL);
}

static void of_another_issuer(_unused_ void **state)
{
	free_issuer();
	make_issuer(); /* nobody believes it */
	another = phone_make(now - DAY, 10);
	assert_neither(other_phone, 403, "mdoc_invalid", "issuer_key_unknown");
	phone_free(&another);
}

/* The MSO, whose key may then sign all of the namespace itself; or with the name of a status list.
 */
static void put_mso(struct cbor_out *out, const struct cbor *mso, bool signs)
{
	struct cursor c = mso->content, name;
	struct cbor key, value;

	cbor_put_map(out, mso->number + !signs);
	while (cbor_next(&c, &key) == 0 && cbor_next(&c, &value) == 0) {
		assert_int_equal(cbor_text(&key, &name), 0);
		cbor_put_raw(out, key.whole);
		if (!signs || !cur_equal(name, cur_of((const uint8_t *)"deviceKeyInfo", 13))) {
			cbor_put_raw(out, value.whole);
			continue;
		}
		cbor_put_map(out, value.number + 1);
		cbor_put_raw(out, value.content);
		cbor_put_text(out, "keyAuthorizations");
		cbor_put_map(out, 1);
		cbor_put_text(out, "nameSpaces");
		cbor_put_array(out, 1);
		cbor_put_text(out, SPACE);
	}
	if (signs)
		return;
	cbor_put_text(out, "status");
	cbor_put_map(out, 0);
}

/* The credential anew. */
static void issue_again(struct phone *phone, bool signs)
{
	struct fuda_buf inner = TEST_BUF, payload = TEST_BUF, all = TEST_BUF;
	struct cbor_out out = CBOR_OUT(&inner), wrap = CBOR_OUT(&payload), to = CBOR_OUT(&all);
	struct cbor item, spaces, auth, mso;
	struct fuda_mdoc_key *key;
	struct signer signer;
	struct cose cose;

	assert_int_equal(fuda_mdoc_key_read(p->ctx, scratch_path("ds-key.pem"), &key), 0);
	signer = private_signer(key->private);
	assert_int_equal(cbor_read(cur_of(phone->credential.data, phone->credential.len), &item,
				   NULL),
			 0);
	assert_int_equal(cbor_get(&item, "nameSpaces", &spaces), 0);
	assert_int_equal(cbor_get(&item, "issuerAuth", &auth), 0);
	assert_int_equal(cose_sign1_read(&auth, &cose), 0);
	assert_int_equal(cbor_read(cose.payload, &item, NULL), 0);
	assert_int_equal(cbor_embedded(&item, &mso), 0);
	put_mso(&out, &mso, signs);
	cbor_put_embedded(&wrap, cur_of(inner.data, inner.len));
	cbor_put_map(&to, 2);
	cbor_put_text(&to, "nameSpaces");
	cbor_put_raw(&to, spaces.whole);
	cbor_put_text(&to, "issuerAuth");
	assert_int_equal(cose_sign1_put(&to, &signer, cose.chain, cose.chain_count,
					&PIECE(payload.data, payload.len), 1, false),
			 0);
	assert_int_equal(out.failed | wrap.failed | to.failed, 0);
	fuda_buf_free(&phone->credential);
	phone->credential = all;
	fuda_buf_free(&inner);
	fuda_buf_free(&payload);
	fuda_mdoc_key_free(&key);
}

/* The purpose of a signer's certificate is one of the configuration's. */
static void by_purpose(_unused_ void **state)
{
	struct config *config = &p->service.config;

	config->mdoc_purpose_count = 1;
	snprintf(config->mdoc_purpose[0], CONFIG_TEXT, "1.2.392.1");
	assert_refused(show_phone(&hanakos), 403, "mdoc_invalid");
	config->mdoc_purpose_count = 2;
	snprintf(config->mdoc_purpose[1], CONFIG_TEXT, "1.0.18013.5.1.2");
	assert_refused(show_phone(&hanakos), 404, "mdoc_not_bound");
}

/* That does not pass by waiting. */
static void of_a_status_list(_unused_ void **state)
{
	struct asked a;

	another = phone_make(now - DAY, 10);
	issue_again(&another, false);
	assert_neither(other_phone, 403, "mdoc_status_unchecked", "status_not_checked");
	a = asked_make(0, &hanako, &another, "show-mdoc");
	assert_int_equal(finish(&a)->retry_after, 0);
	/* where none is needed it passes */
	p->service.config.crl_required = false;
	assert_int_equal(bind_phone(&hanako, &another)->status, 201);
	phone_free(&another);
}

static void change_signature(struct shown *s)
{
	show(s);
	s->response.data[s->response.len - 20] ^=
		1; /* status and the device's signature are last */
}

static void cut(struct shown *s)
{
	show(s);
	s->response.len--;
}

static void empty(struct shown *s)
{
	static const char none[] = "A26776657273696F6E63312E3066737461747573"
				   "00";

	show(s);
	fuda_buf_clear(&s->response);
	assert_int_equal(fuda_hex_decode(none, &s->response), 0);
}

static void changed(_unused_ void **state)
{
	assert_neither(change_signature, 403, "mdoc_mismatch", "device_signature");
	assert_neither(cut, 403, "mdoc_invalid", "response_malformed");
	assert_neither(empty, 403, "mdoc_invalid", "response_empty");
}

static const struct fuda_mdoc_wish more[] = {
	{ DOCTYPE, SPACE, "age_over_20", false },
	{ DOCTYPE, SPACE, "birth_date", false },
	{ DOCTYPE, SPACE, "age_over_65", false },
};

static void birth_date(struct shown *s)
{
	s->wishes = &more[1];
}

static void age_and_birth_date(struct shown *s)
{
	s->wishes = more;
	s->wish_count = 2;
}

static void two_ages(struct shown *s)
{
	static const struct fuda_mdoc_wish ages[] = { { DOCTYPE, SPACE, "age_over_20", false },
						      { DOCTYPE, SPACE, "age_over_65", false } };

	s->wishes = ages;
	s->wish_count = 2;
}

/* The only one that is shown. */
static struct cbor shown_document(const struct shown *s)
{
	struct cbor response, documents, one;
	struct cursor c = cur_of(s->response.data, s->response.len);

	assert_int_equal(cbor_read(c, &response, NULL), 0);
	assert_int_equal(cbor_get(&response, "documents", &documents), 0);
	c = documents.content;
	assert_int_equal(cbor_next(&c, &one), 0);
	return one;
}

/* A response with `document` in it, so many times. */
static void put_response(struct shown *s, struct cursor document, size_t times)
{
	struct fuda_buf bytes = TEST_BUF;
	struct cbor_out out = CBOR_OUT(&bytes);

	cbor_put_map(&out, 3);
	cbor_put_text(&out, "version");
	cbor_put_text(&out, "1.0");
	cbor_put_text(&out, "documents");
	cbor_put_array(&out, times);
	for (size_t i = 0; i < times; i++)
		cbor_put_raw(&out, document);
	cbor_put_text(&out, "status");
	cbor_put_uint(&out, 0);
	assert_int_equal(out.failed, 0);
	fuda_buf_free(&s->response);
	s->response = bytes;
}

static void two_documents(struct shown *s)
{
	show(s);
	put_response(s, shown_document(s).whole, 2);
}

static void put_device_signed(struct cbor_out *out, const struct shown *s)
{
	struct signer signer = private_signer(s->phone->key->private);
	struct fuda_buf inner = TEST_BUF, spaces = TEST_BUF, bytes = TEST_BUF;
	struct cbor_out map = CBOR_OUT(&inner), wrap = CBOR_OUT(&spaces);

	cbor_put_map(&map, 1);
	cbor_put_text(&map, SPACE);
	cbor_put_map(&map, 1);
	cbor_put_text(&map, "age_over_20");
	cbor_put_bool(&map, true);
	cbor_put_embedded(&wrap, cur_of(inner.data, inner.len));
	assert_int_equal(response_authentication(cur_of(s->transcript.data, s->transcript.len),
						 cur_of((const uint8_t *)DOCTYPE, strlen(DOCTYPE)),
						 cur_of(spaces.data, spaces.len), &bytes),
			 0);
	cbor_put_map(out, 2);
	cbor_put_text(out, "nameSpaces");
	cbor_put_raw(out, cur_of(spaces.data, spaces.len));
	cbor_put_text(out, "deviceAuth");
	cbor_put_map(out, 1);
	cbor_put_text(out, "deviceSignature");
	assert_int_equal(cose_sign1_put(out, &signer, NULL, 0, &PIECE(bytes.data, bytes.len), 1,
					true),
			 0);
	assert_int_equal(map.failed | wrap.failed | out->failed, 0);
	fuda_buf_free(&inner);
	fuda_buf_free(&spaces);
	fuda_buf_free(&bytes);
}

/* The age is the phone's own word, as its issuer lets it say. */
static void by_the_phone_itself(struct shown *s)
{
	static const struct fuda_mdoc_wish none = { DOCTYPE, SPACE, "no_such_element", false };
	struct fuda_buf bytes = TEST_BUF;
	struct cbor_out out = CBOR_OUT(&bytes);
	struct cbor document, issuer_signed;

	s->phone = &another;
	s->wishes = &none;
	show(s);
	document = shown_document(s);
	assert_int_equal(cbor_get(&document, "issuerSigned", &issuer_signed), 0);
	cbor_put_map(&out, 3);
	cbor_put_text(&out, "docType");
	cbor_put_text(&out, DOCTYPE);
	cbor_put_text(&out, "issuerSigned");
	cbor_put_raw(&out, issuer_signed.whole);
	cbor_put_text(&out, "deviceSigned");
	put_device_signed(&out, s);
	put_response(s, cur_of(bytes.data, bytes.len), 1);
	fuda_buf_free(&bytes);
}

/* Nobody needs it, so a terminal that asks for it is told. */
static void more_than_needed(_unused_ void **state)
{
	another = phone_make(now - DAY, 10);
	issue_again(&another, true);
	assert_neither(two_documents, 403, "mdoc_unasked", NULL);
	assert_neither(by_the_phone_itself, 403, "mdoc_unasked", NULL);
	phone_free(&another);
	assert_neither(birth_date, 403, "mdoc_unasked", NULL);
	assert_neither(age_and_birth_date, 403, "mdoc_unasked", NULL);
	assert_neither(two_ages, 403, "mdoc_unasked", NULL);
}

/* ---- whose ---- */

static void of_another_holder(_unused_ void **state)
{
	const char *other;

	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
	/* of somebody who was never here, of whom nothing is made then */
	assert_refused(bind_phone(&taro, &hanakos), 409, "mdoc_taken");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
	/* and of somebody who was */
	other = bound(&taro);
	assert_refused(bind_phone(&taro, &hanakos), 409, "mdoc_taken");
	assert_string_not_equal(member(show_phone(&hanakos), "mykey_id"), other);
	assert_int_equal(PHONES(), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'bind-mdoc'"), 1);
}

/* One that was bound with the wrong card: it is taken off by itself, and bound with the right one.
 */
static void taken_off(_unused_ void **state)
{
	const struct exchange *x;
	char id[MYKEY_TEXT], other[MYKEY_TEXT];

	assert_refused(unbind_phone(&hanakos), 404, "mdoc_not_bound");
	snprintf(other, sizeof(other), "%s", bound(&hanako));
	assert_int_equal(bind_phone(&taro, &hanakos)->status, 201);
	assert_refused(bind_phone(&hanako, &hanakos), 409, "mdoc_taken");
	x = unbind_phone(&hanakos);
	assert_string_equal(x->code, "");
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "bound"), "false");
	assert_int_equal(PHONES(), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'unbind-mdoc'"), 1);
	assert_refused(show_phone(&hanakos), 404, "mdoc_not_bound");
	assert_refused(unbind_phone(&hanakos), 404, "mdoc_not_bound");
	/* his card is his, and the phone is another's now */
	snprintf(id, sizeof(id), "%s", bound(&taro));
	assert_string_not_equal(id, other);
	assert_string_equal(member(bind_phone(&hanako, &hanakos), "mykey_id"), other);
	assert_string_equal(member(show_phone(&hanakos), "mykey_id"), other);
	assert_string_equal(bound(&taro), id);
	/* whose holder has no MyKey ID any more, too */
	assert_int_equal(ask(p, 0, &hanako, "expire", "")->status, 200);
	assert_int_equal(PHONES(), 1);
	assert_int_equal(unbind_phone(&hanakos)->status, 200);
	assert_int_equal(PHONES(), 0);
}

/* What was answered of it is not answered again. */
static void taken_off_once(_unused_ void **state)
{
	struct asked binding = asked_make(0, &taro, &hanakos, "bind-mdoc"), showing, off;

	assert_int_equal(send_asked(&binding)->status, 201);
	showing = asked_make(0, &hanako, &hanakos, "show-mdoc");
	assert_int_equal(send_asked(&showing)->status, 200);
	off = asked_make(0, &hanako, &hanakos, "unbind-mdoc");
	assert_int_equal(send_asked(&off)->status, 200);
	/* said again, it was done */
	assert_int_equal(send_asked(&off)->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'unbind-mdoc'"), 1);
	assert_refused(send_asked(&binding), 409, "answer_outdated");
	assert_refused(send_asked(&showing), 409, "answer_outdated");
	/* nor when somebody else has bound it */
	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
	assert_refused(send_asked(&showing), 409, "answer_outdated");
	assert_refused(send_asked(&off), 409, "answer_outdated");
	assert_int_equal(PHONES(), 1);
	asked_free(&binding);
	asked_free(&showing);
	asked_free(&off);
}

/* Both at once: the second one finds the first. */
static void of_two_at_once(_unused_ void **state)
{
	struct asked a = asked_make(0, &hanako, &hanakos, "bind-mdoc"),
		     b = asked_make(1, &taro, &hanakos, "bind-mdoc");
	struct exchange first, second;

	asked_show(&a);
	asked_show(&b);
	platform_hold(p);
	post_begin(&a.post, &first);
	post_begin(&b.post, &second);
	platform_release(p);
	exchange_wait(&first);
	exchange_wait(&second);
	assert_int_equal(first.status, 201);
	assert_refused(&second, 409, "mdoc_taken");
	assert_int_equal(PHONES(), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
	exchange_free(&first);
	exchange_free(&second);
	asked_free(&a);
	asked_free(&b);
}

/* Another process on the same database, with the same settings. */
static struct platform *join_process(void)
{
	struct platform *q = platform_join(p, scratch);
	struct config *to = &q->service.config;
	const struct config *from = &p->service.config;

	memcpy(to->mdoc_trust, from->mdoc_trust, sizeof(to->mdoc_trust));
	memcpy(to->mdoc_crl, from->mdoc_crl, sizeof(to->mdoc_crl));
	memcpy(to->mdoc_doctype, from->mdoc_doctype, sizeof(to->mdoc_doctype));
	to->mdoc_trust_count = from->mdoc_trust_count;
	to->mdoc_crl_count = from->mdoc_crl_count;
	assert_int_equal(issuers_new(q->ctx, to, &q->service.issuers), 0);
	assert_int_equal(issuers_refresh(q->ctx, q->service.issuers), 0);
	return q;
}

/* ... who ask two processes: one of them has it. */
static void of_two_at_two_processes(_unused_ void **state)
{
	enum { TIMES = 8 };
	struct platform *q = join_process();

	for (int i = 0; i < TIMES; i++) {
		struct phone phone = phone_make(now - DAY, 20);
		struct asked a = asked_make(0, &hanako, &phone, "bind-mdoc"),
			     b = asked_make(1, &taro, &phone, "bind-mdoc");
		struct exchange x[2];
		bool first;

		b.post.p = q;
		asked_show(&a);
		asked_show(&b);
		post_begin(&a.post, &x[0]);
		post_begin(&b.post, &x[1]);
		exchange_wait(&x[0]);
		exchange_wait(&x[1]);
		first = x[0].status < 300;
		assert_true(x[!first].status == 200 || x[!first].status == 201);
		assert_refused(&x[first], 409, "mdoc_taken");
		assert_int_equal(PHONES(), i + 1);
		exchange_free(&x[0]);
		exchange_free(&x[1]);
		asked_free(&a);
		asked_free(&b);
		phone_free(&phone);
	}
	platform_close(&q);
}

/* The phone stands in for nothing that the card must show. */
static void with_a_bad_card(_unused_ void **state)
{
	struct asked a = asked_make(0, &hanako, &hanakos, "bind-mdoc");

	a.post.signature.data[9] ^= 1;
	assert_refused(send_asked(&a), 403, "signature_mismatch");
	a.post.signature.data[9] ^= 1;
	platform_revocation(FUDA_REVOCATION_REVOKED, false);
	assert_refused(send_asked(&a), 403, "certificate_revoked");
	platform_revocation(FUDA_REVOCATION_GOOD, false);
	assert_int_equal(finish(&a)->status, 201);
}

/* One key of idempotency, two phones. */
static void another_phone_is_another_request(_unused_ void **state)
{
	struct asked a = asked_make(0, &hanako, &hanakos, "bind-mdoc"), b;

	another = phone_make(now - DAY, 10);
	b = asked_make(0, &hanako, &another, "bind-mdoc");
	memcpy(b.post.key, a.post.key, sizeof(b.post.key));
	assert_int_equal(finish(&a)->status, 201);
	assert_refused(finish(&b), 422, "idempotency_key_reused");
	assert_int_equal(PHONES(), 1);
	phone_free(&another);
}

/* ---- the form ---- */

static void not_served(_unused_ void **state)
{
	challenge_for("purpose=bind-mdoc", "");
	challenge_for("purpose=show-mdoc", "");
	challenge_for("purpose=unbind-mdoc", "");
	challenge_for("purpose=show-mdoc&sector=library", "purpose_unknown");
	p->service.config.mdoc_trust_count = 0;
	challenge_for("purpose=bind-mdoc", "mdoc_not_served");
	challenge_for("purpose=show-mdoc", "mdoc_not_served");
	assert_neither(NULL, 403, "mdoc_not_served", NULL);
	assert_int_equal(strlen(bound(&hanako)), MYKEY_CHARS); /* cards are */
}

static void members_refused(_unused_ void **state)
{
	struct asked a = asked_make(0, &hanako, &hanakos, "show-mdoc");

	a.more = ",\"certificate\":\"AAAA\"";
	assert_refused(finish(&a), 400, "request_malformed");
	a = asked_make(0, &hanako, &hanakos, "show-mdoc");
	a.more = ",\"signature\":\"AAAA\"";
	assert_refused(finish(&a), 400, "request_malformed");
	a = asked_make(0, &hanako, &hanakos, "bind-mdoc");
	show(((a.shown.token = a.post.token), &a.shown));
	while (a.shown.transcript.len <= MDOC_TRANSCRIPT_MAX)
		assert_int_equal(fuda_buf_append(&a.shown.transcript, "", 1), 0);
	assert_refused(finish(&a), 400, "request_malformed");
	assert_refused(ask(p, 0, &hanako, "bind-mdoc", ""), 400, "request_malformed");
	assert_refused(ask(p, 0, &hanako, "bind-mdoc", ",\"transcript\":\"AAAA\""), 400,
		       "request_malformed");
	assert_refused(ask(p, 0, &hanako, "bind", ",\"transcript\":\"AAAA\""), 400,
		       "request_malformed");
	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, phone_setup, phone_teardown)
	const struct CMUnitTest tests[] = {
		TEST(binds_and_shows),
		TEST(binds_to_whom_the_card_is_bound),
		TEST(nothing_is_kept),
		TEST(age_may_be_kept_back),
		TEST(replayed),
		TEST(at_another_terminal),
		TEST(by_a_foreign_reader),
		TEST(transcripts_malformed),
		TEST(by_each_handover),
		TEST(macs_refused),
		TEST(expired),
		TEST(of_another_kind),
		TEST(of_another_issuer),
		TEST(by_purpose),
		TEST(of_a_status_list),
		TEST(changed),
		TEST(more_than_needed),
		TEST(of_another_holder),
		TEST(taken_off),
		TEST(taken_off_once),
		TEST(of_two_at_once),
		TEST(of_two_at_two_processes),
		TEST(with_a_bad_card),
		TEST(another_phone_is_another_request),
		TEST(not_served),
		TEST(members_refused),
	};

	return RUN(tests);
}
