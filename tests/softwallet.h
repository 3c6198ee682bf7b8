/* SPDX-License-Identifier: Apache-2.0 */
/* A software wallet for a test program, and a reader for it, written once more from mdoc.md 1.2 to
 * 1.4: of the library it has only what is encrypted and signed. */
#ifndef TESTS_SOFTWALLET_H
#define TESTS_SOFTWALLET_H

#include "mdoc/response.h"
#include "mdoc/session.h"
#include "tests/softcard.h"

#define SELECT_TAG  "00A4040007D276000085010100"
#define SELECT_CC   "00A4000C02E103"
#define SELECT_NDEF "00A4000C02E104"
#define SELECT_MDOC "00A4040007A000000248040000"

/* A handover request with NFC alone in it. */
#define SOFTWALLET_HR                                                  \
	"91020C487215"                                                 \
	"D102066163"                                                   \
	"01036E666300"                                                 \
	"1C1E060A"                                                     \
	"69736F2E6F72673A31383031333A726561646572656E676167656D656E74" \
	"6D646F63726561646572"                                         \
	"A10063312E30"                                                 \
	"5C110A03"                                                     \
	"69736F2E6F72673A31383031333A6E6663"                           \
	"6E6663"                                                       \
	"010301FFFF0402010000"

#define DOCTYPE      "org.iso.23220.1.jp.mnc"
#define SPACE_JP     "org.iso.23220.1.jp"
#define SPACE_GLOBAL "org.iso.23220.1"

/* As cmocka group fixtures: make the wallet, and remove it. */
int softwallet_setup(void **state);
int softwallet_teardown(void **state);
const char *softwallet_dir(void);
/* Which one these functions are about from now on: another one, made with the same settings, or
 * (NULL) their own again. */
void softwallet_use(const char *dir);
/* The wallet as new but for `settings`, lines of card.conf; with power. */
struct vcard *softwallet_on(const char *settings);
void softwallet_off(struct vcard **v);
/* "DIR/name", valid until the next call. */
const char *softwallet_path(const char *name);
/* Reads a file of the wallet; the caller frees it. */
struct fuda_buf softwallet_file(const char *name);

/* The reader's side of one engagement. */
struct counter {
	struct vcard *v;
	struct private_key *key;
	struct fuda_buf engagement, select, request, transcript;
	struct fuda_buf reader_key; /* the COSE_Key's bytes */
	struct session session;
	bool begun;
	size_t piece;    /* bytes of each command's data; 0: 255 */
	unsigned le;     /* of each response; 0: 256 */
	bool unreadable; /* the answer is expected not to open */
	size_t answers;  /* that the last message came in */
};
/* Both handovers; the counter is set up by them and freed by counter_free(). */
void counter_negotiate(struct counter *c, struct vcard *v);
void counter_static(struct counter *c, struct vcard *v);
/* By "mdoc:...", without a tag. */
void counter_qr(struct counter *c, struct vcard *v, const char *uri);
void counter_free(struct counter *c);

/* Sends a command; returns the data and the status word. */
struct fuda_buf counter_command(struct vcard *v, uint8_t cla, uint8_t ins, uint16_t p12,
				struct cursor data, size_t le, uint16_t *ret_sw);
/* Reads the NDEF file. */
struct fuda_buf counter_ndef(struct vcard *v);
/* Sends one message in DO'53', and fetches the answer's content; empty: there was none. */
struct fuda_buf counter_transfer(struct counter *c, struct cursor message);

/* Appends a DeviceRequest without reader authentication. The elements are "SPACE/NAME" and end with
 * NULL. */
void counter_request(const char *doctype, const char *const *elements, struct fuda_buf *ret);
/* Encrypts it, sends it and gives the plain answer; `*ret_status`: of the session. The first one
 * establishes the session. */
struct fuda_buf counter_ask(struct counter *c, const struct fuda_buf *request,
			    uint64_t *ret_status);

/* The response to a request that must succeed; the caller frees its bytes. */
struct fuda_buf counter_get(struct counter *c, const char *const *elements,
			    struct device_response *ret);
/* The value of a shown element; false: it was not shown. */
bool counter_shown(const struct document *document, const char *element, struct cbor *ret);
/* How many were shown. */
size_t counter_count(const struct document *document);
/* Whether the device's signature or MAC is one of this session; and all digests those that the
 * issuer signed. */
bool counter_device_good(struct counter *c, const struct document *document);
bool counter_digests_good(const struct document *document);

#endif
