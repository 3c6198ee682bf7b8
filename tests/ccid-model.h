/* SPDX-License-Identifier: Apache-2.0 */
/* CCID readers as a test plays them: their descriptors are those of real ones (libccid's list of readers), their
 * behaviour is made from the class specification as the driver is, but sharing no line with it; no real device has
 * been compared. */
#ifndef TESTS_CCID_MODEL_H
#define TESTS_CCID_MODEL_H

#include "tests/icc.h"
#include "tests/model.h"

/* With no card in it. NULL: there is no such kind. The functions below may be called while it is played. Kinds:
 *   extended       like RC-S300: extended APDU level, 522 bytes
 *   two-endpoints  the same without interrupts
 *   short          like ACR122U: short APDU level, 271 bytes
 *   chains         like OMNIKEY 3121: that, but responses come in pieces
 *   tpdu           like ACR39U: TPDU level, T=1
 *   tpdu-crc       the same, with a card that wants CRC
 *   tpdu-t0        the same, with a card of T=0
 *   tpdu-vendor    like SCR3310-NTTCom: class FF
 *   manual         TPDU level; voltage, PPS, parameters and rates are the host's to do
 *   slots          two slots, extended APDU level
 *   pad            like KAAN Advanced: keys for PINs, extended APDU level
 *   pad-short      like Ezio CB+: the same at short APDU level
 *   pad-tpdu       like GemPC Pinpad: the same at TPDU level, T=1
 *   pad-tpdu-t0    like SPR532: the same with a card of T=0
 *   pad-false      like Fujitsu SmartCase: a keyboard whose keys the computer sees */
struct usb_model *ccid_model_new(const char *kind);
/* With cards at TPDU level as said; NULL: as the kind has it. */
struct usb_model *ccid_model_new_with(const char *kind, const struct icc_settings *settings);

/* Takes the card out of the first slot and puts this one in, which stays the caller's. When it returns the old one
 * is used no more. */
void ccid_model_insert(struct usb_model *m, struct vcard *v);
void ccid_model_insert_at(struct usb_model *m, unsigned slot, struct vcard *v);
/* The card's side at TPDU level. */
struct icc *ccid_model_icc(struct usb_model *m);

/* What the reader does to the `n`th command from now on, 1 the next. */
enum ccid_fault {
	CCID_FINE,
	CCID_ERROR,	    /* does nothing, and answers with bError `arg` */
	CCID_DEAF,	    /* does nothing and says nothing, until it is told to abort */
	CCID_NO_ANSWER,	    /* does it and says nothing, until it is told to abort */
	CCID_DEAD,	    /* ... and not even then */
	CCID_STALE,	    /* first `arg` answers to older commands */
	CCID_WRONG_SEQ,	    /* answers with another number, for ever */
	CCID_OTHER_SLOT,    /* first an answer for another slot */
	CCID_EXTENSIONS,    /* asks for time `arg` times first */
	CCID_EXTENSIONS_FOREVER,
	CCID_WRONG_TYPE,    /* an answer to another kind of command */
	CCID_LENGTH,	    /* says `arg` as dwLength */
	CCID_PADDED,	    /* `arg` zeros behind the data */
	CCID_EMPTY,	    /* an empty transfer first */
	CCID_CUT,	    /* `arg` bytes of the message */
	CCID_CHAIN,	    /* `arg` as bChainParameter */
	CCID_NO_DATA,	    /* an answer without data */
	CCID_ENDLESS,	    /* the response never ends */
};
void ccid_model_fault(struct usb_model *m, enum ccid_fault fault, unsigned n, unsigned arg);
/* How it takes being told to give a command up: as it has to; it has no such control request; it knows the message as
 * little as the request, of which it says nothing. */
enum ccid_abort { CCID_ABORTS, CCID_STALLS, CCID_REFUSES };
void ccid_model_abort(struct usb_model *m, enum ccid_abort abort);
/* It cannot do voltages but this one (bPowerSelect); 0: all. */
void ccid_model_voltage(struct usb_model *m, unsigned select);
/* It lists these rates. */
void ccid_model_rates(struct usb_model *m, const uint32_t *rates, size_t count);

/* The keys that are pressed `ms` milliseconds after the reader asks for a PIN the next time, or has asked: digits, E
 * (the key that ends a PIN), C (cancel), T (the reader's time is over, which it also is in reality). NULL: nobody
 * presses any. Until this is called they are pressed by themselves, each time after 100 ms: those in the file that
 * FUDA_TEST_KEYS in the environment names, or 1234E. */
void ccid_model_keys(struct usb_model *m, const char *keys, unsigned ms);
/* Meanwhile it asks for time this often; 0: never. */
void ccid_model_asks(struct usb_model *m, unsigned ms);
/* Whether it waits for keys. */
bool ccid_model_waits(struct usb_model *m);

/* What the host has done that it must not do, or NULL. */
const char *ccid_model_complaint(struct usb_model *m);
/* How often it had a command of this type; -1: any. */
unsigned long ccid_model_commands(struct usb_model *m, int type);

#endif
