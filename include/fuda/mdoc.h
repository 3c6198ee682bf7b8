/* SPDX-License-Identifier: Apache-2.0 */
/* Mobile credentials: mdocs by ISO/IEC 18013-5, of which the My Number card on a phone is one. */
#ifndef FUDA_MDOC_H
#define FUDA_MDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <fuda/buf.h>
#include <fuda/card.h>
#include <fuda/context.h>
#include <fuda/deadline.h>
#include <fuda/pki.h>
#include <fuda/secret.h>

/* ---- rules ---- */

enum fuda_mdoc_rule {
	FUDA_MDOC_NONE,
#define X(name, check, result, text) FUDA_MDOC_##name,
#include <fuda/mdoc.def>
#undef X
	FUDA_MDOC_RULES
};
/* Its name ("digest_mismatch"), the check it belongs to ("C13"), and what it means with what to do,
 * in the language of LC_MESSAGES; static. */
const char *fuda_mdoc_rule_name(enum fuda_mdoc_rule rule);
const char *fuda_mdoc_rule_check(enum fuda_mdoc_rule rule);
const char *fuda_mdoc_rule_text(enum fuda_mdoc_rule rule);
enum fuda_result fuda_mdoc_rule_result(enum fuda_mdoc_rule rule);

enum { FUDA_MDOC_FINDINGS_MAX = 32, FUDA_MDOC_DETAIL = 96 };
struct fuda_mdoc_finding {
	enum fuda_mdoc_rule rule;
	const char *of; /* whose certificate: "ds", "iaca", "link", "reader", "reader_ca"; "crl"; or
			 * ""; static */
	char detail[FUDA_MDOC_DETAIL]; /* what is at fault, UTF-8; "" if there is nothing to name */
};
struct fuda_mdoc_findings {
	struct fuda_mdoc_finding found[FUDA_MDOC_FINDINGS_MAX];
	size_t count;  /* of those kept */
	size_t missed; /* more than there is room for */
};

/* ---- bytes ---- */

/* Bytes that belong to somebody else; NULL: none. */
struct fuda_mdoc_span {
	const uint8_t *bytes;
	size_t len;
};

/* Appends a name as it may be shown, of a doctype, namespace or element, whoever chose it: what a
 * terminal would obey (NUL among it), what is no UTF-8, and the backslash stand as hexadecimal
 * bytes behind backslashes ("\00"), so that no two names look the same for that. FUDA_ETOOBIG,
 * FUDA_ENOMEM. */
int fuda_mdoc_name_text(struct fuda_mdoc_span name, struct fuda_buf *ret);

/* How CBOR is written: as it is, in hexadecimal, in base64url (RFC 4648 5, without padding). */
enum fuda_mdoc_form { FUDA_MDOC_CBOR, FUDA_MDOC_HEX, FUDA_MDOC_BASE64URL };
/* Appends the CBOR that `bytes` are in any of these forms (blanks around and inside texts are let
 * pass), or as the text of a QR code ("mdoc:..."). No CBOR of an mdoc can be taken for a text.
 * FUDA_EFORMAT: it is none, and the message says why. */
int fuda_mdoc_decode(struct fuda_context *ctx, const uint8_t *bytes, size_t len,
		     struct fuda_buf *ret_cbor);
/* Appends `cbor` in a form; texts end with a newline. */
int fuda_mdoc_encode(enum fuda_mdoc_form form, const uint8_t *cbor, size_t len,
		     struct fuda_buf *ret);
/* What it is by its members: "DeviceResponse", "DeviceRequest", "DeviceEngagement",
 * "SessionTranscript", "SessionEstablishment", "SessionData", "IssuerSigned",
 * "MobileSecurityObject", "COSE_Key"; "" if none of them; static. */
const char *fuda_mdoc_kind(const uint8_t *cbor, size_t len);
/* Appends it in diagnostic notation (RFC 8949 8), indented, with what is embedded as CBOR opened.
 * Of byte strings longer than `most` the beginning and the length are shown; 0: all. FUDA_EFORMAT.
 */
int fuda_mdoc_diagnose(const uint8_t *cbor, size_t len, size_t most, struct fuda_buf *ret_text);

/* ---- trust ---- */

/* Which issuers are believed, and which readers; with their revocation lists. Nobody is believed
 * who was not added: no certificate of Japan's authority is public yet. It serves one thread at a
 * time, as its context does, and remembers which certificates it has judged. */
struct fuda_mdoc_trust;
int fuda_mdoc_trust_new(struct fuda_context *ctx, struct fuda_mdoc_trust **ret);
void fuda_mdoc_trust_free(struct fuda_mdoc_trust **trust);

/* Adds every certificate of a file, PEM with one or more, or one in DER, or none of them on
 * failure: IACA roots, who are believed from then on; and link certificates, by which a root that
 * is believed vouches for its successor's key. Which is which, they say themselves. What is wrong
 * with them shows where they are used. FUDA_EFILE, FUDA_EFORMAT, FUDA_ENOTFOUND (none),
 * FUDA_ETOOBIG (more than 64 in all). */
int fuda_mdoc_trust_add_file(struct fuda_mdoc_trust *trust, const char *path);
/* The same for CAs that issue certificates of readers. */
int fuda_mdoc_trust_add_reader_file(struct fuda_mdoc_trust *trust, const char *path);

/* Adds a revocation list (DER, or PEM with exactly one) of one whose certificate was added before,
 * beside his others, as he may list signers and link certificates apart: who is on any of them is
 * revoked, and any that counts clears. The same one twice counts once. FUDA_EFILE; FUDA_EFORMAT;
 * FUDA_ENOTSUP: its signature or an entry is of a kind that is not known; FUDA_ENOTFOUND: of nobody
 * who was added; FUDA_EVERIFY: he did not sign it; FUDA_ETOOBIG (more than 64). One that breaks the
 * profile of ISO 18013-5 B.10 can revoke but not clear. */
int fuda_mdoc_trust_add_crl_file(struct fuda_mdoc_trust *trust, const char *path);
int fuda_mdoc_trust_add_crl(struct fuda_mdoc_trust *trust, const uint8_t *bytes, size_t len);

/* What a certificate is worth whose revocation list is not at hand, or not fresh. */
enum fuda_mdoc_crl_policy {
	FUDA_MDOC_CRL_OFF,  /* revocation is not looked at: FUDA_REVOCATION_NOT_CHECKED */
	FUDA_MDOC_CRL_SOFT, /* without a list that counts the certificate passes, and is
			     * FUDA_REVOCATION_UNKNOWN */
	FUDA_MDOC_CRL_HARD, /* ... it fails */
};

/* ---- keys ---- */

/* A private key on a curve: of a reader, a phone or an issuer. */
struct fuda_mdoc_key;
/* A new one, on P-256. */
int fuda_mdoc_key_new(struct fuda_context *ctx, struct fuda_mdoc_key **ret);
/* The first of a file: PEM (PKCS#8 or SEC 1, not encrypted), or PKCS#8 in DER. FUDA_EFILE,
 * FUDA_EFORMAT, FUDA_ENOTSUP: encrypted, or of another kind. */
int fuda_mdoc_key_read(struct fuda_context *ctx, const char *path, struct fuda_mdoc_key **ret);
/* Appends it as PEM (PKCS#8, not encrypted). */
int fuda_mdoc_key_write(struct fuda_context *ctx, const struct fuda_mdoc_key *key,
			struct fuda_buf *ret_pem);
/* Wipes. */
void fuda_mdoc_key_free(struct fuda_mdoc_key **key);

/* ---- asking ---- */

struct fuda_mdoc_profiles;

/* An element that is asked for. */
struct fuda_mdoc_wish {
	const char *doctype, *space, *name;
	bool retain; /* it is meant to be kept */
};
/* The element of the profile called `profile` that says the attribute `attribute` ("name",
 * "age_over_20", ...). The texts are the profiles'; that of an age may be `attribute` itself.
 * FUDA_ENOTFOUND: it has none, or there is no such profile. */
int fuda_mdoc_wish_find(const struct fuda_mdoc_profiles *profiles, const char *profile,
			const char *attribute, struct fuda_mdoc_wish *ret);
/* Whether any profile has this element for the attribute `attribute`, whatever it is called. */
bool fuda_mdoc_wish_says(const struct fuda_mdoc_profiles *profiles,
			 const struct fuda_mdoc_wish *wish, const char *attribute);

/* Who a reader says it is: its key and certificates in DER, leaf first, without the root. */
struct fuda_mdoc_identity {
	const struct fuda_mdoc_key *key;
	const struct fuda_mdoc_span *chain;
	size_t chain_count;
};
/* Appends a DeviceRequest. `who`: NULL, or it is signed and bound to `transcript`. FUDA_EINVAL:
 * nothing asked for, too many or the same twice, or another key than that of the leaf;
 * FUDA_EFORMAT: a text is not UTF-8. */
int fuda_mdoc_request(struct fuda_context *ctx, const struct fuda_mdoc_wish *wishes, size_t count,
		      const struct fuda_mdoc_identity *who, struct fuda_mdoc_span transcript,
		      struct fuda_buf *ret_request);


/* SessionTranscripts of exchanges over the network (OpenID4VP 1.0 B.2.6): by redirects, or through
 * the browser's Digital Credentials API. `thumbprint`: SHA-256 of the key that the response is
 * encrypted to (RFC 7638), or none. */
int fuda_mdoc_transcript_openid4vp(struct fuda_context *ctx, const char *client_id,
				   const char *nonce, struct fuda_mdoc_span thumbprint,
				   const char *response_uri, struct fuda_buf *ret);
int fuda_mdoc_transcript_dcapi(struct fuda_context *ctx, const char *origin, const char *nonce,
			       struct fuda_mdoc_span thumbprint, struct fuda_buf *ret);

/* Whether a DeviceEngagement, as from a QR code, offers to go on by NFC in the version that is
 * known here: FUDA_ENOTSUP if not; otherwise bytes of the longest data fields of commands and
 * responses. */
int fuda_mdoc_engagement_nfc(struct fuda_context *ctx, struct fuda_mdoc_span engagement,
			     size_t *ret_max_command, size_t *ret_max_response);

/* A reader's session with a phone from its engagement on, whatever carries the messages. */
struct fuda_mdoc_reader;
/* `engagement`: DeviceEngagement; `select` and `request` the messages of an NFC handover, none for
 * a QR code; `key` the reader's ephemeral key, NULL: a new one, which is the usual. FUDA_EFORMAT,
 * FUDA_ENOTSUP: the engagement is malformed, or of another kind or curve than `key`. */
int fuda_mdoc_reader_new(struct fuda_context *ctx, struct fuda_mdoc_span engagement,
			 struct fuda_mdoc_span select, struct fuda_mdoc_span request,
			 const struct fuda_mdoc_key *key, struct fuda_mdoc_reader **ret);
/* Wipes the keys. */
void fuda_mdoc_reader_free(struct fuda_mdoc_reader **reader);
/* The SessionTranscript, and the ephemeral key; both the reader's own. */
struct fuda_mdoc_span fuda_mdoc_reader_transcript(const struct fuda_mdoc_reader *reader);
const struct fuda_mdoc_key *fuda_mdoc_reader_key(const struct fuda_mdoc_reader *reader);
/* Appends the message that carries a DeviceRequest: SessionEstablishment the first time, then
 * SessionData. FUDA_EFAILED: the session has ended, as it has in all errors. */
int fuda_mdoc_reader_ask(struct fuda_mdoc_reader *reader, const uint8_t *request, size_t len,
			 struct fuda_buf *ret_message);
/* Takes the phone's SessionData and appends the DeviceResponse in it. FUDA_EVERIFY: it is not of
 * this session, or was changed; FUDA_ECANCELLED: the phone ended the session; FUDA_EFAILED: it says
 * that something went wrong; FUDA_EFORMAT. The session has ended in all of these. */
int fuda_mdoc_reader_take(struct fuda_mdoc_reader *reader, const uint8_t *message, size_t len,
			  struct fuda_buf *ret_response);
/* Ends the session: appends the message that tells the phone. */
int fuda_mdoc_reader_end(struct fuda_mdoc_reader *reader, struct fuda_buf *ret_message);

/* ---- presenting ---- */

/* A credential that is held. */
struct fuda_mdoc_held {
	struct fuda_mdoc_span issuer_signed; /* IssuerSigned with all that was issued */
	const struct fuda_mdoc_key *key;     /* the device key */
	bool by_mac; /* proves itself by a MAC, for which the transcript must have the reader's key
		      */
};
/* Whether the holder lets an element be shown, which is held; `space` and `name` are not
 * NUL-terminated. Where an age_over_NN is asked for and only others are held that answer the same
 * (ISO 18013-5 7.2.5), it is called for each of those, and for the one that is asked for. */
typedef bool (*fuda_mdoc_consent)(void *arg, struct fuda_mdoc_span doctype,
				  struct fuda_mdoc_span space, struct fuda_mdoc_span name,
				  bool retain);
/* Appends a DeviceResponse: of what is held only what is asked for, byte for byte as it was issued;
 * without `consent` (NULL) all of that. FUDA_EINVAL: something of it is malformed, or the key is
 * not the credential's. */
int fuda_mdoc_present(struct fuda_context *ctx, struct fuda_mdoc_span request,
		      const struct fuda_mdoc_held *held, size_t count,
		      struct fuda_mdoc_span transcript, fuda_mdoc_consent consent, void *arg,
		      struct fuda_buf *ret_response);

/* ---- verifying ---- */

/* By what a response is judged; zero is a sensible choice everywhere but for `at`. */
struct fuda_mdoc_policy {
	time_t at;
	/* Seconds by which what is valid may begin after `at`, and end before it: clocks differ. At
	 * most FUDA_MDOC_SKEW_MAX count. */
	unsigned early, late;
	enum fuda_mdoc_crl_policy crl;
	unsigned crl_age;  /* seconds beyond its next update for which a list still counts */
	unsigned max_days; /* a credential's longest life; 0: FUDA_MDOC_DAYS */
	bool allow_float;  /* numbers as floats, which some issuers' software makes of them */
	bool allow_times;  /* times with fractions of seconds, or with +00:00 instead of Z */
	bool clock;        /* the clock must be known to be right */
	/* Extended key usages of signers, dotted, ending with NULL; NULL: that of mobile driving
	 * licences, as those of Japan are not public. */
	const char *const *purposes;
};
enum { FUDA_MDOC_SKEW_MAX = 60, FUDA_MDOC_DAYS = 30 };

/* What is known before anybody is asked, as every response would be refused for it: that the clock
 * is not known to be right, and where revocation must be (FUDA_MDOC_CRL_HARD), that there is no
 * list, or none that counts at that time. Nothing is found if something may be accepted. */
void fuda_mdoc_policy_judge(const struct fuda_mdoc_trust *trust,
			    const struct fuda_mdoc_policy *policy, struct fuda_mdoc_findings *ret);

/* Judges who signed a DeviceRequest, for who is asked: the certificates by the readers' CAs and the
 * lists of `trust`, each document's signature. Of the policy `at`, `early` and what is about lists
 * count. `ret_reader` (512 bytes) gets the subject of the leaf, "" if nobody signed. FUDA_EINVAL:
 * request or transcript are malformed. */
int fuda_mdoc_request_verify(struct fuda_context *ctx, struct fuda_mdoc_trust *trust,
			     const struct fuda_mdoc_policy *policy, struct fuda_mdoc_span request,
			     struct fuda_mdoc_span transcript, struct fuda_mdoc_findings *ret,
			     char ret_reader[512]);

/* What a response is bound to. */
struct fuda_mdoc_session {
	struct fuda_mdoc_span transcript;   /* SessionTranscript in CBOR, without a tag */
	const struct fuda_mdoc_key *reader; /* the reader's ephemeral key: judges MACs; or NULL */
	struct fuda_mdoc_span request;      /* DeviceRequest; none: whatever is shown is taken */
};

/* An element that was shown. */
struct fuda_mdoc_element {
	struct fuda_mdoc_span space, name; /* namespace, identifier: UTF-8 */
	struct fuda_mdoc_span value;       /* CBOR */
	bool by_device;                    /* the phone says so, and not its issuer */
	bool good; /* nothing was found against it; the document may still be bad */
	/* The attribute of the holder that it says: "name", "birth_date", ... as <fuda/mdoc.h> has
	 * them below; "" if no profile knows it. */
	char attribute[64];
};
struct fuda_mdoc_document {
	struct fuda_mdoc_span doctype;
	enum fuda_result result; /* of the worst finding */
	struct fuda_mdoc_findings findings;
	time_t signed_at, valid_from, valid_until; /* 0 if they could not be read */
	enum fuda_revocation revocation;
	char signer[512], issuer[512]; /* subjects of the DS certificate and of the root */
	const char *proof;      /* "signature", "mac" or "": how the phone proves itself; static */
	uint8_t device_key[32]; /* of the phone's public key: RFC 9679 (COSE_Key), SHA-256 */
	bool has_device_key;
	struct fuda_mdoc_element *elements;
	size_t element_count;
	/* what was asked for and not shown, which its holder may decide: without values */
	struct fuda_mdoc_element *withheld;
	size_t withheld_count;
};
struct fuda_mdoc_result {
	enum fuda_result result;            /* of the worst finding of all */
	struct fuda_mdoc_findings findings; /* against the response as a whole */
	struct fuda_mdoc_document *documents;
	size_t document_count;
};

/* Judges a DeviceResponse in CBOR. `profiles` may be NULL: values are then not judged. The result
 * points into `response` and the session. 0 whenever there is a result, whatever it says;
 * FUDA_EINVAL: transcript or request are malformed; FUDA_ENOMEM, FUDA_EFAILED. */
int fuda_mdoc_verify(struct fuda_context *ctx, struct fuda_mdoc_trust *trust,
		     const struct fuda_mdoc_profiles *profiles,
		     const struct fuda_mdoc_policy *policy, const struct fuda_mdoc_session *session,
		     const uint8_t *response, size_t len, struct fuda_mdoc_result **ret);
void fuda_mdoc_result_free(struct fuda_mdoc_result **result);
/* Appends what an element says as its attribute has it: see fuda_mdoc_attributes_set(); a portrait
 * as the bytes of JPEG 2000. What no profile knows: in diagnostic notation. */
int fuda_mdoc_element_text(const struct fuda_mdoc_profiles *profiles,
			   const struct fuda_mdoc_document *document,
			   const struct fuda_mdoc_element *element,
			   const struct fuda_mdoc_policy *policy, struct fuda_buf *ret);

/* ---- issuing ---- */

/* Profiles: which elements a kind of document has. Files of fuda-mdoc-profile(5), which end in
 * ".profile". */
struct fuda_mdoc_profiles;
/* Reads all of a folder; NULL: those that belong to the library, "deployed-2025" and "tender-r6" of
 * org.iso.23220.1.jp.mnc. FUDA_EFORMAT: the message is "path:line: what is wrong"; FUDA_EFILE. */
int fuda_mdoc_profiles_new(struct fuda_context *ctx, const char *folder,
			   struct fuda_mdoc_profiles **ret);
/* ... and one more file. FUDA_EEXISTS: there is a profile of this name. */
int fuda_mdoc_profiles_add(struct fuda_context *ctx, struct fuda_mdoc_profiles *profiles,
			   const char *path);
void fuda_mdoc_profiles_free(struct fuda_mdoc_profiles **profiles);
/* The name of each, and the doctype that it is for; NULL behind the last. */
const char *fuda_mdoc_profile_name(const struct fuda_mdoc_profiles *profiles, size_t index);
const char *fuda_mdoc_profile_doctype(const struct fuda_mdoc_profiles *profiles, size_t index);
/* The attribute that each element of the profile called `profile` says, in the order of its file:
 * two may say the same, and "age_over_NN" is any of the ages. NULL behind the last, or if there is
 * no such profile. */
const char *fuda_mdoc_profile_attribute(const struct fuda_mdoc_profiles *profiles,
					const char *profile, size_t index);

/* Attributes of one holder: what credentials are made of. Wiped when freed. */
struct fuda_mdoc_attributes;
int fuda_mdoc_attributes_new(struct fuda_context *ctx, struct fuda_mdoc_attributes **ret);
void fuda_mdoc_attributes_free(struct fuda_mdoc_attributes **attributes);
/* Sets one by its name: "name", "birth_date" ("1971-09-01"), "address", "sex" ("male", "female",
 * "not_applicable", "not_known"), "local_gov_code", "individual_number", or what a profile calls
 * its own. Ages follow from the birth date and are not set. FUDA_EINVAL: it is not in its form, or
 * set already. */
int fuda_mdoc_attributes_set(struct fuda_context *ctx, struct fuda_mdoc_attributes *attributes,
			     const char *name, const char *value);
/* The portrait: a JP2 file or a JPEG 2000 codestream. FUDA_EINVAL. */
int fuda_mdoc_attributes_set_portrait(struct fuda_context *ctx,
				      struct fuda_mdoc_attributes *attributes, const uint8_t *bytes,
				      size_t len);
/* Sets what a file says: "name = value" a line, '#' begins a comment; "portrait" is the name of a
 * file, relative to the folder of this one. FUDA_EFORMAT: the message is "path:line: what is
 * wrong", without the value; FUDA_EFILE. Nothing is set on failure. */
int fuda_mdoc_attributes_read(struct fuda_context *ctx, struct fuda_mdoc_attributes *attributes,
			      const char *path);
/* The file that the portrait was read from; NULL: none. The attributes' own. */
const char *fuda_mdoc_attributes_portrait(const struct fuda_mdoc_attributes *attributes);

/* Who issues: a Document Signer. */
struct fuda_mdoc_signer {
	const char *certificate; /* file: PEM, of which the first counts, or DER */
	/* File of its private key; or a URI "pkcs11:token=LABEL;object=LABEL" (RFC 7512), which
	 * names it in a token. */
	const char *key;
	const char *module;            /* of the token, if the URI names none; NULL: p11-kit's */
	const struct fuda_secret *pin; /* of the token; NULL: that of the URI's pin-source */
	/* Extended key usages that its certificate may have, as in struct fuda_mdoc_policy. */
	const char *const *purposes;
};
struct fuda_mdoc_issuer;
/* Copies what it needs. FUDA_EFILE; FUDA_EFORMAT; FUDA_EVERIFY: the certificate is not that of a
 * Document Signer by ISO 18013-5 B.3, or not of this key; FUDA_ENOTSUP: another kind of key;
 * FUDA_EINVAL: the URI. A token is opened for its first signature only. */
int fuda_mdoc_issuer_new(struct fuda_context *ctx, const struct fuda_mdoc_signer *signer,
			 struct fuda_mdoc_issuer **ret);
void fuda_mdoc_issuer_free(struct fuda_mdoc_issuer **issuer);
/* Its certificate; the issuer's own. */
const struct fuda_cert *fuda_mdoc_issuer_certificate(const struct fuda_mdoc_issuer *issuer);

/* A credential that is wanted. */
struct fuda_mdoc_order {
	const char *profile; /* its name */
	const struct fuda_mdoc_attributes *attributes;
	/* The public key of the phone: a SubjectPublicKeyInfo in DER, or a COSE_Key; or, if it is
	 * at hand, the key itself. */
	struct fuda_mdoc_span device_key;
	const struct fuda_mdoc_key *key;
	time_t at;       /* from when on it is valid, and on which the ages depend */
	unsigned days;   /* so long, at most FUDA_MDOC_DAYS: 0 stands for that; and never longer
			  * than the issuer's certificate */
	unsigned decoys; /* digests of nothing, for each namespace */
};
/* Appends IssuerSigned in CBOR, or nothing. FUDA_ENOTFOUND: no such profile; FUDA_EINVAL:
 * attributes are missing, cannot be the profile's elements or are of none, the device key is none,
 * or the times are outside of what may be; errors of signing. The first that is to be signed by a
 * token logs in: FUDA_EFILE (module, pin-source), FUDA_ENOTFOUND, FUDA_EINVAL (the URI fits
 * several), FUDA_ESECURITY (it needs its PIN), FUDA_EPINFORM, FUDA_EPINWRONG, FUDA_EPINBLOCKED,
 * FUDA_ELASTTRY (nothing was sent), FUDA_EVERIFY (not the certificate's key), FUDA_ENOTSUP; this is
 * tried once, and then is the answer to each order. */
int fuda_mdoc_issue(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_profiles *profiles,
		    const struct fuda_mdoc_order *order, struct fuda_buf *ret_issuer_signed);

/* ---- a phone on a reader ---- */

/* The exchange with a phone by NFC: engagement (ISO 18013-5 8.2.2.1) and data transfer (8.3.3.1.2),
 * in the messages as they travel; what is in them is sealed and opened by others. From its
 * beginning until it is freed it keeps other programs away from the reader, as fuda_card_begin()
 * does. */
struct fuda_mdoc_phone;

/* Ways to go on, as a phone offers them. Only NFC is used here. */
enum fuda_mdoc_carrier {
	FUDA_MDOC_NFC = 1,
	FUDA_MDOC_BLE = 2,
	FUDA_MDOC_WIFI = 4,
	FUDA_MDOC_OTHER = 8, /* one not known here */
};

/* What the phone said of itself: the first three are what fuda_mdoc_reader_new() takes. */
struct fuda_mdoc_handover {
	struct fuda_mdoc_span engagement; /* DeviceEngagement */
	/* The NDEF messages that belong to the SessionTranscript: Handover Select, and Handover
	 * Request, of which there is none where the handover was static. */
	struct fuda_mdoc_span select, request;
	unsigned carriers; /* of those above; NFC is among them */
	/* bytes of the longest data field that phone and reader together take, to the phone and
	 * from it */
	size_t max_command, max_response;
};

/* Engages the phone that lies on the reader of `card`, in the way that it offers, static or
 * negotiated; waits for one that is not ready until the deadline. FUDA_ENOTFOUND (nothing that
 * could present an mdoc, or its wallet is not open), FUDA_ENOTSUP (it does not offer NFC, or only
 * in another version), FUDA_ESW (it refuses), FUDA_EFORMAT, FUDA_ETOOBIG, FUDA_ETIMEOUT,
 * FUDA_ECANCELLED. FUDA_EREMOVED: it was taken away or went silent; when it is back, all begins
 * anew with fuda_card_open(). */
int fuda_mdoc_phone_engage(struct fuda_card *card, struct fuda_deadline *dl,
			   struct fuda_mdoc_phone **ret);

/* For a phone that was engaged by its QR code, with the limits that its DeviceEngagement has for
 * NFC, or 0: the handover has nothing but limits then. FUDA_EBUSY and other errors of
 * fuda_card_begin(). */
int fuda_mdoc_phone_engaged(struct fuda_card *card, size_t max_command, size_t max_response,
			    struct fuda_deadline *dl, struct fuda_mdoc_phone **ret);

/* To be called before fuda_card_free(). */
void fuda_mdoc_phone_free(struct fuda_mdoc_phone **phone);

/* Owned by the phone. */
const struct fuda_mdoc_handover *fuda_mdoc_phone_handover(const struct fuda_mdoc_phone *phone);

/* Sends a message (SessionEstablishment, then SessionData) and appends the one that the phone
 * answers with; with nothing where it has no answer, as to the termination. `ret_answer` may be
 * NULL: what comes then does not matter. The phone answers when its user has consented, so the
 * deadline is a person's. Nothing is ever sent twice. FUDA_EREMOVED: the phone was taken away or
 * went silent: the session is lost with its keys, and all begins anew with fuda_card_open().
 * FUDA_ENOTFOUND (it cannot transfer data by NFC), FUDA_ESW, FUDA_EFORMAT, FUDA_ETOOBIG,
 * FUDA_ETIMEOUT, FUDA_ECANCELLED. After any of these the exchange is over, and later calls give the
 * same error; after FUDA_EINVAL (`len` is 0, or over a megabyte) it is not. */
int fuda_mdoc_phone_exchange(struct fuda_mdoc_phone *phone, const uint8_t *message, size_t len,
			     struct fuda_deadline *dl, struct fuda_buf *ret_answer);

#endif
