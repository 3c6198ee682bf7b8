/* SPDX-License-Identifier: Apache-2.0 */
/* DeviceRequest: what a reader asks for, and who it is (ISO 18013-5 8.3.2.1.2.1, 9.1.4). */
#ifndef MDOC_REQUEST_H
#define MDOC_REQUEST_H

#include "base/signer.h"
#include "mdoc/cose.h"

enum {
	REQUEST_MAX = 65536,
	REQUEST_DOCUMENTS_MAX = 8,
	REQUEST_ELEMENTS_MAX = 128, /* of one document */
};

/* An element that is asked for; the texts are not owned. */
struct wanted_element {
	struct cursor space, name; /* namespace, identifier */
	bool retain;               /* the reader intends to keep it */
};
struct doc_request {
	struct cursor doctype;
	struct wanted_element elements[REQUEST_ELEMENTS_MAX];
	size_t element_count;
	struct cursor items; /* the whole of ItemsRequestBytes, tag 24 included */
	bool signed_;        /* it has readerAuth */
	struct cose auth;
};
struct device_request {
	struct doc_request documents[REQUEST_DOCUMENTS_MAX];
	size_t document_count;
};
/* Points into `bytes`. Versions 1.x. FUDA_EFORMAT; FUDA_ETOOBIG: `*ret` is then of no use. */
int request_read(struct cursor bytes, struct device_request *ret);

/* Who the reader says it is: signs each document's request. */
struct reader_identity {
	const struct signer *signer;
	const struct cursor *chain; /* leaf first, without the root */
	size_t chain_count;
};
/* Appends a DeviceRequest for `count` documents, of which doctype and elements are taken. `who`:
 * NULL, or it is bound to `transcript` (a SessionTranscript, without a tag). FUDA_EINVAL: nothing
 * asked for, or the same twice; FUDA_EFORMAT: a text that is not UTF-8. */
int request_put(const struct doc_request *documents, size_t count,
		const struct reader_identity *who, struct cursor transcript, struct fuda_buf *ret);
/* Judges the signature of readerAuth under `key`, that of its leaf certificate. As
 * cose_sign1_verify(). */
int request_verify(const struct doc_request *document, const struct key *key,
		   struct cursor transcript);
/* ReaderAuthenticationBytes, appended. */
int request_authentication(struct cursor items, struct cursor transcript, struct fuda_buf *ret);

#endif
