/* SPDX-License-Identifier: Apache-2.0 */
/* A platform that takes phones, the authority that issues their credentials, and a phone. */
#ifndef TESTS_PHONE_STAND_H
#define TESTS_PHONE_STAND_H

#include <fuda/mdoc.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/base64.h"
#include "mdoc/cose.h"
#include "mdoc/engagement.h"
#include "mdoc/key.h"
#include "mdoc/transcript.h"
#include "service/rule-mdoc.h"
#include "tests/rules-stand.h"
#include "vcard/wallet-ca.h"

#define DOCTYPE "org.iso.23220.1.jp.mnc"
#define SPACE   "org.iso.23220.1"
#define DAY     86400

static const char profile[] =
	"fuda-mdoc-profile 1\nprofile p\ndoctype " DOCTYPE "\nnamespace " SPACE "\n"
	"element birth_date   full-date  birth_date\n"
	"element age_over_NN  bool       age_over_NN  ages=18,20,65\n";
static const struct fuda_mdoc_wish age = { DOCTYPE, SPACE, "age_over_20", false };

static struct fuda_mdoc_profiles *profiles;
static struct wallet_authorities authorities;
static struct issuer ds;
static time_t now;

/* A phone with one credential. */
struct phone {
	struct fuda_mdoc_key *key;
	struct fuda_buf credential;
};
static struct phone hanakos;

/* ---- who issues ---- */

static inline void write_certificate(const char *name, X509 *cert)
{
	FILE *f = fopen(scratch_path(name), "wb");

	assert_true(f && PEM_write_X509(f, cert) == 1);
	assert_int_equal(fclose(f), 0);
}

static inline void write_key(const char *name, EVP_PKEY *key)
{
	FILE *f = fopen(scratch_path(name), "wb");

	assert_true(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	assert_int_equal(fclose(f), 0);
}

static inline bool add_key_id(X509_CRL *list, X509 *iaca)
{
	X509_EXTENSION *extension;
	X509V3_CTX v3;
	bool ok;

	X509V3_set_ctx(&v3, iaca, NULL, NULL, list, 0);
	extension = X509V3_EXT_conf_nid(NULL, &v3, NID_authority_key_identifier, "keyid:always");
	ok = extension && X509_CRL_add_ext(list, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

static inline bool add_number(X509_CRL *list)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	bool ok = ASN1_INTEGER_set(number, 1) &&
		  X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1;

	ASN1_INTEGER_free(number);
	return ok;
}

static inline bool add_entry(X509_CRL *list, X509 *cert, const ASN1_TIME *at)
{
	X509_REVOKED *entry = X509_REVOKED_new();

	return X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert)) &&
	       X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)at) &&
	       X509_CRL_add0_revoked(list, entry);
}

/* The list of an authority, as of `at`, with one certificate on it or none: mdoc.md 2.2. */
static inline void write_list_of(const struct issuer *iaca, const char *name, X509 *revoked,
				 time_t at, unsigned days)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, at), *to = ASN1_TIME_set(NULL, at + days * DAY);
	X509_CRL *list = X509_CRL_new();
	FILE *f = fopen(scratch_path(name), "wb");

	assert_true(X509_CRL_set_version(list, X509_CRL_VERSION_2) &&
		    X509_CRL_set_issuer_name(list, X509_get_subject_name(iaca->cert)) &&
		    X509_CRL_set1_lastUpdate(list, from) && X509_CRL_set1_nextUpdate(list, to) &&
		    add_key_id(list, iaca->cert) && add_number(list) &&
		    (!revoked || add_entry(list, revoked, from)) &&
		    X509_CRL_sign(list, iaca->key, EVP_sha384()));
	assert_true(f && PEM_write_X509_CRL(f, list) == 1);
	assert_int_equal(fclose(f), 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(list);
}

/* ... of ours, with our signer. */
static inline void write_list(bool revoked, time_t at, unsigned days)
{
	write_list_of(&authorities.iaca, "iaca.crl", revoked ? ds.cert : NULL, at, days);
}

static inline void make_issuer(void)
{
	assert_int_equal(wallet_authorities_new(now - 20 * DAY, &authorities), 0);
	ds = wallet_ds(&authorities.iaca, now - 10 * DAY);
	assert_non_null(ds.cert);
	write_certificate("ds.pem", ds.cert);
	write_key("ds-key.pem", ds.key);
}

static inline void free_issuer(void)
{
	wallet_authorities_free(&authorities);
	X509_free(ds.cert);
	EVP_PKEY_free(ds.key);
}

/* Valid from `at` on. */
static inline struct phone phone_make(time_t at, unsigned days)
{
	struct fuda_mdoc_signer signer = { scratch_path("ds.pem"), scratch_path("ds-key.pem"), NULL,
					   NULL, NULL };
	struct fuda_mdoc_attributes *attributes;
	struct fuda_mdoc_issuer *issuer;
	struct phone phone = { .credential = TEST_BUF };
	struct fuda_mdoc_order order = { .profile = "p", .at = at, .days = days };

	assert_int_equal(fuda_mdoc_key_new(p->ctx, &phone.key), 0);
	assert_int_equal(fuda_mdoc_attributes_new(p->ctx, &attributes), 0);
	assert_int_equal(fuda_mdoc_attributes_set(p->ctx, attributes, "birth_date", "1980-02-17"),
			 0);
	order.attributes = attributes;
	order.key = phone.key;
	if (fuda_mdoc_issuer_new(p->ctx, &signer, &issuer) < 0 ||
	    fuda_mdoc_issue(issuer, profiles, &order, &phone.credential) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	fuda_mdoc_issuer_free(&issuer);
	fuda_mdoc_attributes_free(&attributes);
	return phone;
}

static inline void phone_free(struct phone *phone)
{
	fuda_mdoc_key_free(&phone->key);
	fuda_buf_free(&phone->credential);
}

/* As a service that starts now reads the files of the configuration. */
static inline void start_issuers(void)
{
	issuers_free(&p->service.issuers);
	if (issuers_new(p->ctx, &p->service.config, &p->service.issuers) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	(void)issuers_refresh(p->ctx, p->service.issuers);
}

static inline int phone_setup(void **state)
{
	int e = stand_setup(state);
	struct config *config = &p->service.config;

	now = time(NULL);
	scratch_write("p.profile", profile, 0600);
	assert_int_equal(fuda_mdoc_profiles_new(p->ctx, scratch, &profiles), 0);
	make_issuer();
	write_certificate("iaca.pem", authorities.iaca.cert);
	write_list(false, now - DAY, 30);
	config->mdoc_trust_count = config->mdoc_crl_count = 1;
	snprintf(config->mdoc_trust[0], CONFIG_TEXT, "%s", scratch_path("iaca.pem"));
	snprintf(config->mdoc_crl[0], CONFIG_TEXT, "%s", scratch_path("iaca.crl"));
	snprintf(config->mdoc_doctype, sizeof(config->mdoc_doctype), "%s", DOCTYPE);
	start_issuers();
	hanakos = phone_make(now - 5 * DAY, 20);
	return e;
}

static inline int phone_teardown(void **state)
{
	phone_free(&hanakos);
	free_issuer();
	fuda_mdoc_profiles_free(&profiles);
	return stand_teardown(state);
}

/* ---- presenting ---- */

/* A presentation, to be spoilt. */
struct shown {
	struct phone *phone;
	const char *token, *purpose; /* the challenge that it is for */
	const struct terminal *terminal;
	struct private_key *key; /* of the reader, if it is another than the challenge's */
	const struct fuda_mdoc_wish *wishes;
	size_t wish_count;
	bool by_mac;
	struct cursor select, request; /* of an NFC handover; empty: a QR code */
	struct fuda_buf transcript, response;
};

static inline void reader_key(const struct shown *s, struct private_key **ret)
{
	struct challenge challenge;

	assert_int_equal(challenge_read(p->service.keys, s->token, s->purpose,
					p->service.config.origin, s->terminal->id,
					now_us() / SECONDS_US, &challenge),
			 0);
	assert_int_equal(challenge_reader_key(&challenge, p->service.config.origin, ret), 0);
}

static inline void put_transcript(struct shown *s, const struct private_key *key)
{
	struct fuda_buf bytes = TEST_BUF, engagement = TEST_BUF;
	struct cbor_out out = CBOR_OUT(&bytes);

	/* the ephemeral key of the phone is any */
	assert_int_equal(engagement_put(private_public(s->phone->key->private), true, 255, 65536,
					&engagement),
			 0);
	assert_int_equal(cose_key_put(&out, private_public(key)), 0);
	assert_int_equal(transcript_proximity(cur_of(engagement.data, engagement.len),
					      cur_of(bytes.data, bytes.len), s->select, s->request,
					      &s->transcript),
			 0);
	fuda_buf_free(&bytes);
	fuda_buf_free(&engagement);
}

static inline void show(struct shown *s)
{
	_cleanup_(private_free) struct private_key *own = NULL;
	_cleanup_buf_ struct fuda_buf request = TEST_BUF;
	struct fuda_mdoc_held held = { { s->phone->credential.data, s->phone->credential.len },
				       s->phone->key,
				       s->by_mac };
	struct fuda_mdoc_span transcript;

	if (!s->key)
		reader_key(s, &own);
	put_transcript(s, s->key ? s->key : own);
	transcript = (struct fuda_mdoc_span){ s->transcript.data, s->transcript.len };
	assert_int_equal(fuda_mdoc_request(p->ctx, s->wishes, s->wish_count, NULL, transcript,
					   &request),
			 0);
	if (fuda_mdoc_present(p->ctx, (struct fuda_mdoc_span){ request.data, request.len }, &held,
			      1, transcript, NULL, NULL, &s->response) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
}

static inline void put_bytes(struct fuda_buf *to, const char *name, const struct fuda_buf *bytes)
{
	char start[32];

	snprintf(start, sizeof(start), ",\"%s\":\"", name);
	assert_int_equal(fuda_buf_append(to, start, strlen(start)), 0);
	assert_int_equal(base64_encode(bytes->data, bytes->len, false, to), 0);
	assert_int_equal(fuda_buf_append(to, "\"", 1), 0);
}

/* ---- requests ---- */

/* A request for one of the two purposes, with what is shown with it. */
struct asked {
	struct post post;
	struct shown shown;
	struct fuda_buf members; /* behind the others */
	const char *more;        /* one member besides, "" */
};

static inline struct asked asked_make(size_t terminal, const struct card *card, struct phone *phone,
				      const char *purpose)
{
	return (struct asked){ .post = post_make(p, terminal, card, purpose, ""),
			       .shown = { .phone = phone,
					  .purpose = purpose,
					  .terminal = &p->terminal[terminal],
					  .wishes = &age,
					  .wish_count = 1,
					  .transcript = TEST_BUF,
					  .response = TEST_BUF },
			       .members = TEST_BUF,
			       .more = "" };
}

static inline void asked_free(struct asked *a)
{
	post_free(&a->post);
	fuda_buf_free(&a->shown.transcript);
	fuda_buf_free(&a->shown.response);
	fuda_buf_free(&a->members);
}

/* Shows what is to be shown, unless that was done. */
static inline void asked_show(struct asked *a)
{
	if (!a->shown.token)
		a->shown.token = a->post.token;
	if (!a->shown.response.len)
		show(&a->shown);
	fuda_buf_clear(&a->members);
	put_bytes(&a->members, "transcript", &a->shown.transcript);
	put_bytes(&a->members, "response", &a->shown.response);
	assert_int_equal(fuda_buf_append(&a->members, a->more, strlen(a->more) + 1), 0);
	a->post.members = (const char *)a->members.data;
}

static inline const struct exchange *send_asked(struct asked *a)
{
	_cleanup_buf_ struct fuda_buf body = TEST_BUF;
	char head[CHALLENGE_TOKEN + 32];

	asked_show(a);
	if (strcmp(a->shown.purpose, "bind-mdoc") == 0)
		return post_send(&a->post);
	/* there is no card */
	snprintf(head, sizeof(head), "{\"challenge\":\"%s\"", a->post.token);
	assert_int_equal(fuda_buf_append(&body, head, strlen(head)), 0);
	assert_int_equal(fuda_buf_append(&body, a->post.members, strlen(a->post.members)), 0);
	assert_int_equal(fuda_buf_append(&body, "}", 1), 0);
	return post_raw(&a->post, body.data, body.len);
}

static inline const struct exchange *finish(struct asked *a)
{
	const struct exchange *x = send_asked(a);

	asked_free(a);
	return x;
}

static inline const struct exchange *bind_phone(const struct card *card, struct phone *phone)
{
	struct asked a = asked_make(0, card, phone, "bind-mdoc");

	return finish(&a);
}

static inline const struct exchange *unbind_phone(struct phone *phone)
{
	struct asked a = asked_make(0, &hanako, phone, "unbind-mdoc");

	return finish(&a);
}

static inline const struct exchange *show_phone(struct phone *phone)
{
	struct asked a = asked_make(0, &hanako, phone, "show-mdoc");

	return finish(&a);
}

/* ---- refusals ---- */

#define PHONES() COUNT(p, "SELECT COUNT(*) FROM credential WHERE kind = 'mdoc'")

/* Neither purpose takes it, for this reason. `spoil` changes what is shown. */
static inline void assert_neither(void (*spoil)(struct shown *s), int status, const char *code,
			   const char *rule)
{
	static const char *const purposes[] = { "bind-mdoc", "show-mdoc", "unbind-mdoc" };

	for (size_t i = 0; i < ARRAY_SIZE(purposes); i++) {
		struct asked a = asked_make(0, &hanako, &hanakos, purposes[i]);
		const struct exchange *x;

		a.shown.token = a.post.token;
		if (spoil)
			spoil(&a.shown);
		x = finish(&a);
		assert_refused(x, status, code);
		if (rule)
			assert_string_equal(x->request.rule, rule);
	}
	assert_int_equal(PHONES(), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 0);
}

static inline void challenge_for(const char *query, const char *code)
{
	struct exchange x = { .request = { .method = "GET", .query = query } };

	rule_challenge(&p->service, &p->terminal[0], &x);
	assert_string_equal(x.code, code);
}

#endif
