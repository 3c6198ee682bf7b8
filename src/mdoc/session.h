/* SPDX-License-Identifier: Apache-2.0 */
/* Session encryption between reader and phone: ISO 18013-5 9.1.1. */
#ifndef MDOC_SESSION_H
#define MDOC_SESSION_H

#include "mdoc/cbor.h"
#include "pki/private.h"

enum session_role { SESSION_READER, SESSION_DEVICE };
enum session_status {
	SESSION_NO_STATUS = INT32_MAX, /* 0 is one that a message can have */
	SESSION_ENCRYPTION_ERROR = 10,
	SESSION_CBOR_ERROR = 11,
	SESSION_TERMINATION = 20,
};

struct session {
	enum session_role role;
	bool live; /* the keys are there */
	uint8_t own_key[32], peer_key[32];
	uint32_t own_count, peer_count; /* messages so far */
};

/* Derives both keys from the two ephemeral ones and the SessionTranscript (without a tag). Errors
 * of private_agree(). */
int session_begin(enum session_role role, const struct private_key *own, const struct key *peer,
		  struct cursor transcript, struct session *ret);
/* Wipes the keys: nothing can be sealed or opened any more. */
void session_end(struct session *s);

/* EMacKey (9.1.3.5): of the reader's ephemeral key and the device key. */
int session_mac_key(const struct private_key *own, const struct key *peer, struct cursor transcript,
		    uint8_t ret_key[32]);

/* Appends the encrypted message. FUDA_EFAILED also after session_end() or 2^32 messages. If it
 * could not be made the session has ended. */
int session_seal(struct session *s, struct cursor plain, struct fuda_buf *ret);
/* FUDA_EVERIFY: not this message of this session: then the session has ended. */
int session_open(struct session *s, struct cursor sealed, struct fuda_buf *ret);

/* SessionEstablishment: the reader's first message. `reader_key`: the COSE_Key's bytes. */
int session_put_establishment(struct cursor reader_key, struct cursor data, struct fuda_buf *ret);
int session_read_establishment(struct cursor bytes, struct cursor *ret_reader_key,
			       struct cursor *ret_data);
/* SessionData; empty data: none; SESSION_NO_STATUS: none. One without either, or with data of no
 * bytes, is not read: FUDA_EFORMAT. */
int session_put_data(struct cursor data, enum session_status status, struct fuda_buf *ret);
int session_read_data(struct cursor bytes, struct cursor *ret_data, uint64_t *ret_status);

#endif
