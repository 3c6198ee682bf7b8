/* SPDX-License-Identifier: Apache-2.0 */
/* DeviceResponse: what a phone answers (ISO 18013-5 8.3.2.1.2.2), read and made. Judging it is
 * verify.h's. */
#ifndef MDOC_RESPONSE_H
#define MDOC_RESPONSE_H

#include "mdoc/cose.h"
#include "mdoc/request.h"

enum {
	RESPONSE_MAX = CBOR_MAX,
	RESPONSE_DOCUMENTS_MAX = 8,
	RESPONSE_SAID_MAX = 64, /* elements that the phone itself signs, of one document: for each
				   of them what the issuer allows is gone through */
};
enum response_status {
	RESPONSE_OK = 0,
	RESPONSE_GENERAL_ERROR = 10,
	RESPONSE_CBOR_ERROR = 11,
	RESPONSE_CBOR_INVALID = 12,
};

/* The issuer's part of a credential: issuer signed items by namespace, and the issuer's signature.
 */
struct issuer_signed {
	struct cbor spaces; /* the map of namespaces; `has_spaces` */
	bool has_spaces;
	struct cose auth; /* its payload is MobileSecurityObjectBytes */
};
/* Reads IssuerSigned. FUDA_EFORMAT. */
int issuer_signed_read(const struct cbor *item, struct issuer_signed *ret);

struct document {
	struct cursor doctype;
	struct issuer_signed issuer;
	struct cbor device_spaces; /* the whole of DeviceNameSpacesBytes, tag 24 included */
	unsigned device_auths;     /* how many there are: one is right; then ... */
	bool by_mac;
	struct cose device_auth;
	struct cbor errors;
	bool has_errors;
};
struct device_response {
	struct document documents[RESPONSE_DOCUMENTS_MAX];
	size_t document_count;
	struct cbor document_errors; /* array of maps */
	bool has_document_errors;
	uint64_t status;
};
/* Points into `bytes`. Versions 1.x. FUDA_EFORMAT, and what is at fault in `*ret_fault` (a few
 * words in English, static); `*ret` is then of no use. */
int response_read(struct cursor bytes, struct device_response *ret, const char **ret_fault);

/* One item as the issuer signed it. */
struct signed_item {
	struct cursor bytes; /* IssuerSignedItemBytes, tag 24 included: what is digested */
	uint64_t digest_id;
	struct cursor random;
	struct cursor name;
	struct cbor value;
};
/* Reads one of the array of a namespace. FUDA_EFORMAT. */
int signed_item_read(const struct cbor *item, struct signed_item *ret);

/* DeviceAuthenticationBytes (9.1.3.4), appended. */
int response_authentication(struct cursor transcript, struct cursor doctype,
			    struct cursor device_spaces, struct fuda_buf *ret);

/* ---- presenting ---- */

/* A credential in a wallet. Nothing is owned. */
struct held {
	struct cursor doctype;
	struct cursor issuer_signed; /* bytes of IssuerSigned with all that was issued */
	struct signer device;        /* the device key: a signature ... */
	const uint8_t *mac_key;      /* ... or, if not NULL, a MAC by this key: session_mac_key() */
};
/* Whether the holder lets the element be shown. NULL stands for yes. Called for each element that
 * is asked for and held, and where only others are held that could stand in its place (age_over_NN)
 * for each of those and for it: what is refused is in no response. */
typedef bool (*present_consent)(void *arg, struct cursor doctype, struct cursor space,
				struct cursor name, bool retain);

/* Appends a DeviceResponse to `request`: of each document asked for that is held, the elements
 * asked for that are there and consented to, as their issuer signed them, byte for byte; the rest
 * among the errors. Of age_over_NN the nearest that proves the same is given, if that itself is not
 * held (ISO 18013-5 7.2.5). FUDA_EFORMAT: a credential is malformed; errors of signing. */
int response_put(const struct device_request *request, const struct held *held, size_t count,
		 struct cursor transcript, present_consent consent, void *arg,
		 struct fuda_buf *ret);
/* One without documents that says what was wrong. */
int response_put_status(enum response_status status, struct fuda_buf *ret);

#endif
