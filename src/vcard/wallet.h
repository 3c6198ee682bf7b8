/* SPDX-License-Identifier: Apache-2.0 */
/* A phone with a mobile credential on it, as a reader meets it by NFC: a tag that tells how to talk
 * to it, and an application that answers requests. Written from mdoc.md 1.2 to 1.4, and shared with
 * no reader: a typo here must not agree with one there. */
#ifndef VCARD_WALLET_H
#define VCARD_WALLET_H

#include "base/crypto-keys.h"
#include "mdoc/request.h"
#include "mdoc/session.h"
#include "pki/key.h"
#include "pki/private.h"
#include "vcard/internal.h"

/* What is in the directory of a wallet beside card.conf. */
#define CREDENTIAL_FILE "credential.cbor" /* IssuerSigned */
#define DEVICE_KEY_FILE "device-key.pem"
#define READER_CA_FILE	"reader-ca.pem"
#define QR_KEY_FILE     "engagement.pem" /* of the QR code that was shown last, until it is used */

#define WALLET_DOCTYPE "org.iso.23220.1.jp.mnc"

enum {
	CREDENTIAL_MAX = 1 << 18,
	NDEF_FILE_MAX = 0x7FFF, /* as the capability container says: mdoc.md 1.4 */
	NDEF_MESSAGE_MAX = NDEF_FILE_MAX - 2,
	TRANSFER_MAX = 1 << 17, /* bytes of one message of a reader */
	ANSWER_MAX = 1 << 19,
};

/* ---- NDEF messages (wallet-ndef.c) ---- */

/* Each appends a message. Errors as fuda_buf_append(). */
/* Service parameter: this tag negotiates (TNEP). */
int wndef_put_service(struct fuda_buf *ret);
/* TNEP status: the service was selected. */
int wndef_put_status(struct fuda_buf *ret);
/* Handover select: `engagement`, and if `nfc`, data transfer by NFC with data fields of these
 * lengths at most. */
int wndef_put_select(struct cursor engagement, bool nfc, unsigned max_command,
		     unsigned max_response, struct fuda_buf *ret);
/* Whether a message is the service select for handover. */
bool wndef_selects_handover(struct cursor message);
/* Reads a handover request with a reader engagement in it; `*ret_nfc`: whether data transfer by NFC
 * is among what it offers. FUDA_EFORMAT. */
int wndef_read_request(struct cursor message, bool *ret_nfc);

/* ---- the wallet ---- */

enum tag_step {
	TAG_OFFERS,   /* the service parameter is there, the service select is waited for */
	TAG_SELECTED, /* the status is there, the handover request is waited for */
	TAG_DONE,     /* the handover select is there */
};

struct wallet {
	int dir; /* not owned, as `opt` */
	const struct options *opt;
	const char *consent;
	struct fuda_buf credential;
	struct private_key *device_key;

	enum { WALLET_NO_APP, WALLET_TAG, WALLET_MDOC } app;

	/* of the tag */
	uint16_t file; /* the selected one; 0: none */
	enum tag_step step;
	struct fuda_buf message;        /* what the NDEF file holds, without its length */
	uint8_t written[NDEF_FILE_MAX]; /* what a reader wrote so far, with it */
	size_t written_len;
	bool writing;
	unsigned empty; /* so many reads more show an empty file */

	/* of the engagement: there is one if there is a key */
	struct private_key *own_key;
	bool by_qr;
	bool nfc;                                    /* data transfer by NFC was agreed on */
	struct fuda_buf engagement, select, request; /* the messages of an NFC handover */

	/* of the data transfer */
	bool chaining;
	struct fuda_buf chain, pending;

	/* of the session: there is one if there is a reader's key */
	struct key *reader_key;
	struct fuda_buf transcript;
	uint8_t mac_key[HMAC_BYTES];
	struct session session;
};

/* Makes the wallet of a card whose configuration is loaded. As vcard_load(). */
int wallet_load(struct vcard *v, char *ret_why, size_t why_size);
/* NULL-safe, nulls the pointer. */
void wallet_free(struct wallet **w);
/* What a loss of the field does: engagement and session go, and what was selected. */
void wallet_forget(struct wallet *w);
/* Answers a command. */
uint16_t wallet_command(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data);

/* Each takes a command of its application (wallet-tag.c, wallet-transfer.c). */
typedef uint16_t wallet_fn(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data);
wallet_fn wtag_select_file, wtag_read, wtag_update;
wallet_fn wtransfer_envelope, wtransfer_get_response;
/* The tag was selected: a new engagement, with a new key. 0, or errors of that. */
int wtag_start(struct wallet *w);

/* Whether a reader of the authority in READER_CA_FILE signed what is asked for, in this session
 * (wallet-reader.c). */
bool wreader_known(const struct wallet *w, const struct doc_request *document);

/* ---- engagement and session (wallet-session.c) ---- */

/* Makes a key, and the engagement for NFC. */
int wsession_engage(struct wallet *w);
/* Takes the key of the QR code that was shown last, if there is one. FUDA_ENOTFOUND, FUDA_EFORMAT.
 */
int wsession_engage_qr(struct wallet *w);
/* Appends the engagement that a QR code with this key shows. */
int wallet_qr_engagement(const struct private_key *key, const struct options *opt,
			 struct fuda_buf *ret);
/* Forgets engagement and session. */
void wsession_end(struct wallet *w);
/* Answers a message of the reader: appends SessionData, or nothing if there is no answer.
 * FUDA_ENOMEM, FUDA_EFAILED. */
int wsession_message(struct wallet *w, struct cursor message, struct fuda_buf *ret);

#endif
