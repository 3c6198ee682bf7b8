/* SPDX-License-Identifier: Apache-2.0 */
/* What a wallet says once a reader has engaged it: mdoc.md 1.2, 1.3. Its faults are those that a
 * reader must see. */
#include "vcard/wallet.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mdoc/engagement.h"
#include "mdoc/response.h"
#include "mdoc/transcript.h"

/* What the fault `unrequested` gives away. */
#define UNREQUESTED_SPACE "org.iso.23220.1.jp"
#define UNREQUESTED       "individual_number_unicode"

static struct cursor bytes_of(const struct fuda_buf *b)
{
	return cur_of(b->data, b->len);
}

/* ---- engagement ---- */

void wsession_end(struct wallet *w)
{
	session_end(&w->session);
	wipe(w->mac_key, sizeof(w->mac_key));
	key_free(&w->reader_key);
	private_free(&w->own_key);
	w->by_qr = w->nfc = false;
	fuda_buf_free(&w->engagement);
	fuda_buf_free(&w->select);
	fuda_buf_free(&w->request);
	fuda_buf_free(&w->transcript);
}

int wsession_engage(struct wallet *w)
{
	int r;

	wsession_end(w);
	r = private_new(CURVE_P256, &w->own_key);
	return r < 0 ? r : engagement_put(private_public(w->own_key), false, 0, 0, &w->engagement);
}

/* The file goes when a reader takes up the engagement, as a code is good for one. */
int wsession_engage_qr(struct wallet *w)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PRIVATE_FILE_MAX);
	int r = vfile_read(w->dir, QR_KEY_FILE, &pem);

	if (r < 0)
		return r;
	wsession_end(w);
	r = private_read(pem.data, pem.len, &w->own_key);
	if (r == 0)
		r = wallet_qr_engagement(w->own_key, w->opt, &w->engagement);
	w->by_qr = w->nfc = true;
	if (r < 0)
		wsession_end(w);
	return r;
}

int wallet_qr_engagement(const struct private_key *key, const struct options *opt,
			 struct fuda_buf *ret)
{
	return engagement_put(private_public(key), true, (uint16_t)opt->nfc_command,
			      opt->nfc_response, ret);
}

/* ---- the answer ---- */

struct answerer {
	struct wallet *w;
	struct device_request request;
	struct fuda_buf credential; /* with the fault `digest` in it */
	bool stranger;		    /* asks, and gets nothing */
	uint8_t mac_key[HMAC_BYTES];
};

static bool consents(void *arg, _unused_ struct cursor doctype, _unused_ struct cursor space,
		     struct cursor name, _unused_ bool retain)
{
	const struct answerer *a = arg;
	const char *list = a->w->consent;

	if (a->stranger)
		return false;
	if (strcmp(list, "all") == 0)
		return true;
	while (*list) {
		size_t len = strcspn(list, ", ");

		if (len == name.left && memcmp(list, name.p, len) == 0)
			return true;
		list += len;
		list += strspn(list, ", ");
	}
	return false;
}

/* Changes a byte of the salt of the first item of each namespace: nothing but its digest is then
 * wrong. */
static int break_digests(struct fuda_buf *credential)
{
	struct issuer_signed issued;
	struct cursor spaces;
	struct cbor item, name, list;

	if (cbor_read(bytes_of(credential), &item, NULL) < 0 ||
	    issuer_signed_read(&item, &issued) < 0 || !issued.has_spaces)
		return FUDA_EFORMAT;
	spaces = issued.spaces.content;
	while (cbor_next(&spaces, &name) == 0 && cbor_next(&spaces, &list) == 0)
		while (cbor_next(&list.content, &item) == 0) {
			struct signed_item signed_item;

			if (signed_item_read(&item, &signed_item) < 0 || !signed_item.random.left)
				return FUDA_EFORMAT;
			credential->data[signed_item.random.p - credential->data] ^= 1;
		}
	return 0;
}

/* Asks for one element more in the reader's stead. */
static void ask_more(struct doc_request *document)
{
	struct wanted_element *more = &document->elements[document->element_count];

	if (document->element_count == REQUEST_ELEMENTS_MAX)
		return;
	document->element_count++;
	*more = (struct wanted_element){
		.space = cur_of((const uint8_t *)UNREQUESTED_SPACE, strlen(UNREQUESTED_SPACE)),
		.name = cur_of((const uint8_t *)UNREQUESTED, strlen(UNREQUESTED)),
	};
}

/* The same with its last byte changed, as in a session that this one is not. */
static int other_transcript(struct wallet *w, struct fuda_buf *ret)
{
	int r = fuda_buf_set(ret, w->transcript.data, w->transcript.len);

	if (r == 0)
		ret->data[ret->len - 1] ^= 1;
	return r;
}

static int present(struct answerer *a, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf other = FUDA_BUF_INIT(TRANSFER_MAX);
	struct wallet *w = a->w;
	struct device_request *request = &a->request;
	struct cursor transcript = bytes_of(&w->transcript);
	struct held held = {
		.doctype = cur_of((const uint8_t *)WALLET_DOCTYPE, strlen(WALLET_DOCTYPE)),
		.device = private_signer(w->device_key),
		.mac_key = w->opt->answer_with == ANSWER_MAC ? a->mac_key : NULL,
	};
	int r = fuda_buf_set(&a->credential, w->credential.data, w->credential.len);

	if (r == 0 && w->opt->fault == FAULT_DIGEST)
		r = break_digests(&a->credential);
	if (r == 0 && w->opt->fault == FAULT_SESSION)
		r = other_transcript(w, &other);
	if (r < 0)
		return r;
	if (other.len)
		transcript = bytes_of(&other);
	for (size_t i = 0; w->opt->reader == READER_KNOWN && i < request->document_count; i++)
		a->stranger |= !wreader_known(w, &request->documents[i]);
	if (w->opt->fault == FAULT_ANY_DOCTYPE)
		held.doctype = request->documents[0].doctype;
	if (w->opt->fault == FAULT_UNREQUESTED)
		ask_more(&request->documents[0]);
	held.issuer_signed = bytes_of(&a->credential);
	return response_put(request, &held, 1, transcript, consents, a, ret);
}

/* To the plain text of a reader's message. What is no request is answered inside the session: the
 * message itself was one. */
static int respond(struct wallet *w, struct cursor plain, struct fuda_buf *ret)
{
	struct answerer *a;
	struct cbor item;
	int r;

	if (w->opt->fault == FAULT_STATUS)
		return response_put_status(RESPONSE_GENERAL_ERROR, ret);
	if (cbor_read(plain, &item, NULL) < 0)
		return response_put_status(RESPONSE_CBOR_ERROR, ret);
	a = calloc(1, sizeof(*a));
	if (!a)
		return FUDA_ENOMEM;
	a->w = w;
	a->credential = FUDA_BUF_INIT(CREDENTIAL_MAX);
	memcpy(a->mac_key, w->mac_key, sizeof(a->mac_key));
	if (request_read(plain, &a->request) < 0)
		r = response_put_status(RESPONSE_CBOR_INVALID, ret);
	else
		r = present(a, ret);
	fuda_buf_free(&a->credential);
	wipe(a, sizeof(*a));
	free(a);
	return r;
}

/* ---- the session ---- */

/* The end, with a word why. */
static int end(struct wallet *w, enum session_status status, struct fuda_buf *ret)
{
	wsession_end(w);
	return session_put_data(cur_of(NULL, 0), status, ret);
}

/* Takes the reader's key: 0, or the status with which the session ends before it began. */
static int establish(struct wallet *w, struct cursor message, struct cursor *ret_data)
{
	const struct cursor engagement = bytes_of(&w->engagement);
	struct cursor key, transcript;
	struct cbor item;

	if (session_read_establishment(message, &key, ret_data) < 0 ||
	    cbor_read(key, &item, NULL) < 0)
		return SESSION_CBOR_ERROR;
	if (w->by_qr)
		unlinkat(w->dir, QR_KEY_FILE, 0);
	if (cose_key_read(&item, &w->reader_key) < 0 ||
	    transcript_proximity(engagement, key, bytes_of(&w->select), bytes_of(&w->request),
				 &w->transcript) < 0)
		return SESSION_ENCRYPTION_ERROR;
	transcript = bytes_of(&w->transcript);
	if (session_begin(SESSION_DEVICE, w->own_key, w->reader_key, transcript, &w->session) < 0 ||
	    session_mac_key(w->device_key, w->reader_key, transcript, w->mac_key) < 0)
		return SESSION_ENCRYPTION_ERROR;
	return 0;
}

/* Opens a message and seals the answer. */
static int exchange(struct wallet *w, struct cursor sealed, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf plain = FUDA_BUF_INIT(TRANSFER_MAX);
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(ANSWER_MAX);
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(ANSWER_MAX);
	int r = session_open(&w->session, sealed, &plain);

	if (r == FUDA_EVERIFY)
		return end(w, SESSION_ENCRYPTION_ERROR, ret);
	if (r < 0)
		return r;
	if (w->opt->fault == FAULT_TERMINATION)
		return end(w, SESSION_TERMINATION, ret);
	r = respond(w, bytes_of(&plain), &answer);
	if (r == 0)
		r = session_seal(&w->session, bytes_of(&answer), &data);
	if (r == 0 && w->opt->fault == FAULT_CIPHER)
		data.data[data.len - 1] ^= 1;
	return r < 0 ? r : session_put_data(bytes_of(&data), SESSION_NO_STATUS, ret);
}

int wsession_message(struct wallet *w, struct cursor message, struct fuda_buf *ret)
{
	uint64_t status = SESSION_NO_STATUS;
	struct cursor data;
	int r;

	if (!w->own_key)
		return end(w, SESSION_TERMINATION, ret);
	if (w->reader_key)
		r = session_read_data(message, &data, &status) < 0 ? SESSION_CBOR_ERROR : 0;
	else
		r = establish(w, message, &data);
	if (r != 0)
		return end(w, (enum session_status)r, ret);
	/* the reader ended it: there is nothing more to say */
	if (status != SESSION_NO_STATUS) {
		wsession_end(w);
		return 0;
	}
	return data.left ? exchange(w, data, ret) : end(w, SESSION_CBOR_ERROR, ret);
}
