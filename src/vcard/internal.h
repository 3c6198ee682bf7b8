/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the software card: its tables and its state. */
#ifndef VCARD_INTERNAL_H
#define VCARD_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <fuda/reader.h>
#include "base/cursor.h"
#include "base/util.h"
#include "codec/apdu.h"
#include "vcard/vcard.h"

#define PIN_MAX	    16	  /* bytes of a secret: card.md 3.2 */
#define EF_MAX	    32768 /* a file ends where 15 bits of offset do: card.md 3 */
#define SFIS	    32	  /* short ids: the low 5 bits of a file id, card.md 2.1 */
#define APPS_MAX    8
#define OBJECTS_MAX 12	  /* of GET DATA: card.md 2.2 */
#define LABEL_MAX   32	  /* bytes of the token label: card.md 2.3 */
#define CONSENT_MAX 160	  /* bytes of the names of elements */
#define CHAIN_MAX   65535 /* data of a chained command: as much as one extended command */
#define WHY_MIN	    256
#define SM_CLASS    0x08 /* of the class: secure messaging */
#define RSA_MAX	    512	 /* bytes of what an RSA key makes */

/* Kinds of token. Values are bits, so that a table row can name several. */
enum kind { KIND_CARD = 1, KIND_ANDROID = 2, KIND_IPHONE = 4, KIND_WALLET = 8 };
#define KIND_PHONE (KIND_ANDROID | KIND_IPHONE)
#define KIND_ALL   (KIND_CARD | KIND_PHONE) /* that have the tables' applications */
#define KIND_ANY   (KIND_ALL | KIND_WALLET)

/* ---- tables (apps.c) ---- */

/* Every secret of every application. Those that the card keeps twice have two counters, and may
 * differ. */
enum pin_id {
	PIN_AUTH,
	PIN_SIGN,
	PIN_TEXT,
	PIN_JUKI,
	PIN_COMMON,
	PIN_TEXT_A,
	PIN_TEXT_B,
	PIN_FACE_A,
	PIN_FACE_B,
	PIN_BIRTH,
	PINS
};

struct pin_type {
	const char *name;  /* in card.conf and state */
	const char *first; /* as made; "": follows from whose card it is */
	unsigned tries;
	unsigned min, max; /* characters of a legal secret */
	bool letters;	   /* capitals beside digits */
	uint8_t change;	   /* INS of the command that changes it; 0: none does */
};
extern const struct pin_type vcard_pins[PINS];

enum ef_kind {
	EF_BINARY,   /* transparent */
	EF_RECORDS,  /* JICSAP simple-TLV objects one after the other, then FF or the end */
	EF_PIN,	     /* IEF with a secret */
	EF_LOCKED,   /* IEF with a secret that was blocked when the card was issued */
	EF_KEY,	     /* IEF with a private key for `80 2A` */
	EF_INTERNAL, /* IEF with a private key for INTERNAL AUTHENTICATE */
	EF_OPAQUE,   /* an IEF that exists, and nobody knows for what */
};

/* What opens a file for reading, or a key for use: any of the secrets whose bits are set. */
#define FREE	0u
#define NEVER	(1u << 31)
#define BY(pin) (1u << (pin))

struct ef {
	uint16_t fid;
	enum ef_kind kind;
	unsigned tokens;    /* the kinds of token that have it */
	uint32_t use;	    /* what opens it on the card */
	uint32_t use_phone; /* what opens it on phones */
	enum pin_id pin;    /* of EF_PIN */
	bool session;	    /* an EF_BINARY whose private key opens secure messaging */
};

struct application {
	const char *name; /* in file names */
	uint8_t aid[16];
	size_t aid_len;
	unsigned tokens;
	const struct ef *efs;
	size_t count;
	uint16_t default_key; /* of `80 2A` with P2=00; 0: none */
	uint16_t session;     /* what SET SESSION KEY answers at once; 9000: it opens a session */
};
/* In the order in which SELECT by a part of an AID looks at them; the one selected at power-on
 * first. */
extern const struct application vcard_apps[];
extern const size_t vcard_apps_count;

/* The tags of GET DATA; cards alone have them. */
extern const uint16_t vcard_objects[];
extern const size_t vcard_objects_count;

/* ---- configuration (conf.c) ---- */

enum { RESPONSES_PLAIN, RESPONSES_61, RESPONSES_6C };
enum { OBJECT_OF_CARD, OBJECT_OF_APPLICATION };
/* Of wallets: wallet.h. */
enum { HANDOVER_NEGOTIATED, HANDOVER_STATIC };
enum { ANSWER_SIGNATURE, ANSWER_MAC };
enum { READER_ANY, READER_KNOWN };
enum {
	FAULT_NONE,
	FAULT_STATUS,	   /* the response says that something went wrong */
	FAULT_TERMINATION, /* there is no response: the session ends */
	FAULT_CIPHER,	   /* the encrypted response has a wrong byte */
	FAULT_SESSION,	   /* the device's answer is bound to another session */
	FAULT_DIGEST,	   /* elements that the issuer did not sign */
	FAULT_UNREQUESTED, /* the My Number unasked */
	FAULT_ANY_DOCTYPE, /* the credential as whatever document is asked for */
};

/* The ambiguous points of card.md 12 and a few more. Where a choice is between status words, the
 * value is the status word. */
struct options {
	unsigned kind;
	unsigned blocked_verify, blocked_query, query_5_bytes, extended, chaining, first_command;
	unsigned responses, reselect_keeps, no_sign_certificate, past_end, change_check;
	unsigned sign_length, internal_auth, contact_atr, several_records;
	unsigned mute_at, max_read, max_command, max_response;
	/* of wallets */
	unsigned handover, empty_reads, nfc_command, nfc_response, wrong_61;
	unsigned answer_with, reader, fault;
};

struct pin {
	uint8_t bytes[PIN_MAX];
	size_t len;	/* 0: the token has none */
	unsigned tries; /* 0: without limit */
	unsigned left;
	bool changed;  /* differs from card.conf */
	bool verified; /* since the application was selected */
};

struct conf {
	struct options opt;
	uint8_t atr[FUDA_ATR_MAX];
	size_t atr_len;
	char label[LABEL_MAX + 1]; /* "": as the token information says */
	char consent[CONSENT_MAX + 1]; /* of wallets: "all", or the elements that may be shown */
	struct pin pin[PINS];
};

/* Which file a line stands in: the same keys are not allowed everywhere. */
enum scope { SCOPE_CARD = 1, SCOPE_STATE = 2, SCOPE_SECRETS = 4, SCOPE_SET = 8 };

/* Cuts blanks off both ends, in place. U+3000 is none of them. */
char *vconf_trim(char *s);
/* A card as made, without label. */
void vconf_default(struct conf *c);
/* Applies the "key = value" lines of `text`; `name` is the file's for `ret_why`. FUDA_EFORMAT. */
int vconf_parse(struct conf *c, enum scope scope, const char *name, const struct fuda_buf *text,
	       char *ret_why, size_t why_size);
/* Appends all lines of `scope`. */
int vconf_print(const struct conf *c, enum scope scope, struct fuda_buf *ret_text);
/* Whether a secret has a form that the card's rules allow; `ret_length`: whether its length is
 * one. */
bool vcard_pin_legal(const struct pin_type *type, const uint8_t *bytes, size_t len,
		     bool *ret_length);

/* ---- files on disk (store.c) ---- */

#define CONF_FILE  "card.conf"
#define STATE_FILE "state"

#define FILE_NAME_MAX 40
/* "jpki-0001.bin" for what a file holds, "jpki-0017.pem" for a key IEF. */
void vcard_file_name(const struct application *app, const struct ef *ef, char name[FILE_NAME_MAX]);
/* "text-0006.pem": the private key that belongs to a file. */
void vcard_key_name(const struct application *app, const struct ef *ef, char name[FILE_NAME_MAX]);
/* "isd-7F21.bin": what GET DATA gives. */
void vcard_object_name(uint16_t tag, char name[FILE_NAME_MAX]);

/* Reads a file; its buffer's maximum is the file's. FUDA_ENOTFOUND, FUDA_EFILE, FUDA_ETOOBIG,
 * FUDA_ENOMEM. */
int vfile_read(int dir, const char *name, struct fuda_buf *ret);
/* Writes a file as a whole or not at all. FUDA_EFILE. */
int vfile_write(int dir, const char *name, unsigned mode, const void *bytes, size_t len);

/* Writes `ret_why` and returns `code`. */
int explain(char *ret_why, size_t why_size, int code, const char *format, ...) _printf_(4, 5);

/* ---- the card ---- */

struct ef_state {
	const struct ef *type; /* NULL: the token has no such file */
	struct fuda_buf content;
	PKCS8_PRIV_KEY_INFO *key_info; /* NULL: it has no private key */
	EVP_PKEY *key;		       /* made of that by vcard_key() */
};

struct app_state {
	const struct application *type;
	struct ef_state ef[SFIS]; /* by short id */
};

/* Secure messaging: card.md 3.3. */
struct sm_session {
	bool open;
	uint8_t key[16];
	uint64_t counter; /* of the next command */
};

struct wallet;

struct vcard {
	int dir, lock;
	struct wallet *wallet; /* NULL: it is a card, or has a card's applications */
	struct conf conf;
	struct app_state app[APPS_MAX];
	size_t apps;
	struct fuda_buf object[OBJECTS_MAX]; /* as vcard_objects; empty: not there */
	struct pin locked;		     /* stands for every EF_LOCKED; stays as it is */

	bool powered;
	struct app_state *df;	   /* current application */
	struct ef_state *ef;	   /* current file, NULL: none */
	bool terminal_half;	   /* the first half of a terminal's certificate came */
	struct sm_session session;
	bool chaining;
	uint8_t chain_head[4]; /* CLA (without the chaining bit), INS, P1, P2 */
	struct fuda_buf chain;
	struct fuda_buf pending; /* for GET RESPONSE */
	struct vcard_usage usage;
};

/* Writes counters and changed secrets to disk. FUDA_EFILE, FUDA_ENOMEM. */
int vcard_save(struct vcard *v);
/* The private key of a file, which stays the file's. NULL: it has none, or OpenSSL does not take
 * it. */
EVP_PKEY *vcard_key(struct ef_state *ef);

/* Selects the application; PIN states go unless it is the current one and the option keeps them. */
void vcard_select(struct vcard *v, struct app_state *app);
/* The file that P1 or P2 names by 80 (current) or 80|SFI (which becomes current). 9000, 6986,
 * 6A82, 6A86. */
uint16_t vcard_reference(struct vcard *v, uint8_t p, struct ef_state **ret);
/* The next record of an EF_RECORDS, with its tag and length. FUDA_ENOTFOUND: no more;
 * FUDA_EFORMAT. */
int vcard_record_next(struct cursor *c, struct cursor *ret);
/* Whether a secret that opens the file is verified. */
bool vcard_opened(const struct vcard *v, const struct ef_state *ef);

/* A command: appends data to `ret_data` and returns the status word. */
typedef uint16_t command_fn(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data);
/* files.c */
command_fn cmd_select, cmd_read_binary, cmd_read_record, cmd_get_data;
/* pins.c */
command_fn cmd_verify, cmd_change;
/* keys.c */
command_fn cmd_sign, cmd_challenge, cmd_internal_auth, cmd_terminal;
/* sm.c */
command_fn cmd_session_key;

/* A command whose class asks for secure messaging: 9000 if it may, or why not. */
uint16_t vcard_sm_check(const struct vcard *v, const struct apdu *a);
/* Runs the command inside such a command `a`, and wraps its data. */
uint16_t vcard_sm_run(struct vcard *v, const struct apdu *a, command_fn *run,
		      struct fuda_buf *ret_data);
/* Ends the session, if there is one. */
void vcard_sm_end(struct vcard *v);

#endif
