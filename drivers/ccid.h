/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the driver of CCID readers (USB "Device Class: Smart Card CCID", revision 1.1):
 * descriptors, messages, cards. What is said of readers comes from readers.md A1 and A6. */
#ifndef DRIVERS_CCID_H
#define DRIVERS_CCID_H

#include "codec/atr.h"
#include "reader/driver.h"
#include "reader/pad.h"
#include "reader/t1.h"
#include "reader/usb.h"

enum {
	CCID_CLASS = 0x0B,
	CCID_VENDOR_CLASS = 0xFF,
	CCID_SLOTS_MAX = 16,  /* of one interface */
	CCID_RATES_MAX = 256, /* a list of them is longer than it is told by */
	CCID_HEADER = 10,
	CCID_MESSAGE_MAX = CCID_HEADER + 65544, /* the longest APDU */
};

/* ---- ccid-descriptor.c ---- */

/* dwFeatures, 5.1 */
enum {
	CCID_AUTO_PARAMETERS = 0x02, /* from the ATR */
	CCID_AUTO_VOLTAGE = 0x08,
	CCID_AUTO_NEGOTIATION = 0x40, /* the reader does parameters and PPS all by itself */
	CCID_AUTO_PPS = 0x80,	      /* the reader does PPS by the parameters that are set */
	CCID_AUTO_IFSD = 0x400,
};

enum ccid_level { CCID_CHARACTER, CCID_TPDU, CCID_SHORT, CCID_EXTENDED };

/* The class descriptor, 5.1, with what is known better of some readers. */
struct ccid_class {
	uint8_t slots; /* 1 to CCID_SLOTS_MAX */
	uint8_t voltages; /* 1 is 5 V, 2 is 3 V, 4 is 1.8 V */
	uint8_t protocols; /* ATR_T0 | ATR_T1 */
	uint32_t clock;	   /* kHz */
	uint32_t rate_max; /* bits per second */
	uint8_t ifsd;	   /* T1_IFS_START to T1_INF_MAX */
	uint32_t features;
	enum ccid_level level;
	size_t message_max; /* bytes of a message, with header */
	uint8_t get_response; /* class byte of GET RESPONSE; FF: that of the command */
	unsigned pad; /* enum reader_pad */
	uint16_t display; /* wLcdLayout */
	bool chains; /* a response may come in several messages */
	bool no_ifsd; /* the card in it must not be told of IFSD */
	bool second_contactless; /* slots but the first are contactless: short APDUs there */
};

/* Finds the descriptor among those that the device sent behind this interface and its endpoints.
 * FUDA_ENOTFOUND: there is none, it is no CCID interface; FUDA_EFORMAT: one that makes no sense. */
int ccid_parse_class(const struct usb_device *d, const struct usb_interface *f,
		     struct ccid_class *ret);

/* A slot of a device. */
struct ccid_place {
	const struct usb_interface *interface; /* in the device */
	struct ccid_class class;
	uint8_t slot; /* of the interface */
	bool more;    /* the device has more than one */
};

/* Slot number `n`, counted over all CCID interfaces of the device. FUDA_ENOREADER. */
int ccid_find_slot(const struct usb_device *d, unsigned n, struct ccid_place *ret);

/* ---- ccid-message.c ---- */

enum ccid_type {
	CCID_POWER_ON = 0x62,
	CCID_POWER_OFF = 0x63,
	CCID_GET_STATUS = 0x65,
	CCID_SET_PARAMETERS = 0x61,
	CCID_SECURE = 0x69,
	CCID_TRANSFER = 0x6F,
	CCID_ABORT = 0x72,
};

struct ccid_command {
	enum ccid_type type;
	uint8_t slot;
	uint8_t specific[3]; /* bytes 7 to 9 */
	const uint8_t *data;
	size_t len;
};

enum ccid_card { CCID_ACTIVE, CCID_INACTIVE, CCID_ABSENT };

struct ccid_answer {
	enum ccid_card card;
	bool failed;
	uint8_t error;	/* bError, where failed */
	uint8_t chain;	/* byte 9 */
	bool at_rest;	/* there is none, and the reader is not at the command any more */
	struct fuda_buf data;
};
#define CCID_ANSWER_INIT { .data = FUDA_BUF_INIT(CCID_MESSAGE_MAX) }
void ccid_answer_free(struct ccid_answer *a);
#define _cleanup_answer_ _cleanup_(ccid_answer_free)

/* One claimed interface. All slots of it, and of the whole process, go through this. */
struct ccid;

/* Opens the interface, or shares the one that is open for other slots, and takes the slot.
 * FUDA_EBUSY: it is taken, here or by another program. */
int ccid_acquire(struct fuda_context *ctx, const struct usb_device *d, const struct ccid_place *p,
		 struct fuda_deadline *dl, struct ccid **ret);
/* Gives the slot back. */
void ccid_release(struct ccid **c, struct fuda_context *ctx, uint8_t slot);

const struct ccid_class *ccid_class(const struct ccid *c);
const struct usb *ccid_usb(const struct ccid *c);
/* Whether the reader can do this rate: it lists it, or lists none and the maximum is not lower. */
bool ccid_has_rate(const struct ccid *c, uint32_t rate);

/* Sends a command and waits for its answer, as long as the reader asks for more time, but not
 * beyond the deadline. It goes out once. 0: the reader answered, ret->failed says how. Answers to
 * commands before it are dropped. If the wait ends before the answer comes the reader is told to
 * give up, so that it can be used again; what waits for keys is given up after any failure.
 * ret->at_rest says then whether it obeyed, or was not asked yet. Failures are written down in
 * `ctx`. */
int ccid_exchange(struct ccid *c, struct fuda_context *ctx, const struct ccid_command *command,
		  struct fuda_deadline *dl, struct ccid_answer *ret);

/* What a failed answer means, and writes it down. */
int ccid_failure(struct fuda_context *ctx, const struct ccid_answer *a);

/* Whether the reader has said (NotifySlotChange) that the card in this slot was put in or taken
 * out since the last call. */
bool ccid_changed(struct ccid *c, struct fuda_context *ctx, uint8_t slot,
		  struct fuda_deadline *dl);

/* ---- ccid-card.c ---- */

/* A slot with what is in it. */
struct ccid_slot {
	struct ccid *reader;
	struct fuda_context *ctx;
	uint8_t number;
	enum ccid_level level;
	bool auto_ifsd;
	bool powered;
	bool lost;     /* the card is in an unknown state; only a reset helps */
	bool replaced; /* the card was away: to be told once */
	uint8_t atr[FUDA_ATR_MAX];
	size_t atr_len;
	struct atr card;  /* the ATR, parsed */
	bool atr_known;	  /* it could be */
	int protocol;	  /* 0 or 1 */
	struct t1 t1;	  /* at TPDU level */
};

/* Resets the card, `cold` with its power off before, and agrees with it on a protocol.
 * FUDA_ENOCARD, FUDA_EMUTE, FUDA_ETRANSPORT. */
int ccid_power_on(struct ccid_slot *s, bool cold, struct fuda_deadline *dl);
int ccid_power_off(struct ccid_slot *s, struct fuda_deadline *dl);
/* Frames of T=1 over this slot. */
struct t1_link ccid_link(struct ccid_slot *s);
/* A failed answer to a block, as the exchange() of that link has it. */
int ccid_block_failure(struct ccid_slot *s, const struct ccid_answer *a);

/* ---- ccid-transmit.c ---- */

/* Sends one command APDU; `once` as TRANSMIT_ONCE. Refuses what the slot cannot carry. */
int ccid_transmit(struct ccid_slot *s, const uint8_t *command, size_t len, bool once,
		  struct fuda_deadline *dl, struct fuda_buf *ret_response);
/* Refuses the same. */
int ccid_check_command(struct ccid_slot *s, const uint8_t *command, size_t len);
/* An answer that is none to what was asked. */
int ccid_out_of_turn(struct ccid_slot *s);
/* Data of an XfrBlock, one message each way. */
int ccid_transfer(struct ccid_slot *s, const uint8_t *data, size_t len, uint8_t multiplier,
		  uint16_t level, struct fuda_deadline *dl, struct ccid_answer *ret);
size_t ccid_max_command(const struct ccid_slot *s);
size_t ccid_max_response(const struct ccid_slot *s);

/* ---- ccid-pad.c ---- */

/* As secure() of a driver, of a card that has power. */
int ccid_secure(struct ccid_slot *s, const struct pad_entry *entry, struct fuda_deadline *dl,
		struct fuda_buf *ret_response);

#endif
