/* SPDX-License-Identifier: Apache-2.0 */
/* An NFC chip PN532 (NXP) on a serial line, played by a thread on a pseudo-terminal to libnfc, and so to any
 * program that uses it: strict about what readers.md B2 says that libnfc sends. The chip speaks ISO/IEC 14443-4
 * by itself, so APDUs go straight to the software card.
 *
 * Emulated from the fact sheets; no real chip has been compared. libnfc's own nfc-list 1.8.0 takes it for a PN532
 * and lists its card of type B, with PUPI, application data and protocol info, and its card of type A. What the
 * chip does with a card that is let go and called again, and with responses over 262 bytes, is not confirmed. */
#ifndef TESTS_PN532_H
#define TESTS_PN532_H

#include "vcard/vcard.h"

struct pn532;

/* Without a card. NULL: no pseudo-terminal is to be had. */
struct pn532 *pn532_new(void);
void pn532_free(struct pn532 **p);
/* "/dev/pts/N" */
const char *pn532_path(const struct pn532 *p);

/* The card in it, owned by the caller, in place of the one that was; NULL: takes that out. No thread uses the old
 * one any more when it returns. */
void pn532_insert(struct pn532 *p, struct vcard *v);

enum pn532_kind {
	PN532_B,
	PN532_A,
	PN532_B_PLAIN, /* these two do not speak ISO/IEC 14443-4 */
	PN532_A_PLAIN,
	PN532_B_DEAF, /* B; does not hear the chip's call after it was let go */
	PN532_A_BAD_ATS,
};
void pn532_set_kind(struct pn532 *p, enum pn532_kind kind);

enum pn532_fault {
	PN532_FINE,
	/* of any command */
	PN532_DEAD,	   /* nothing comes, not even that it was received */
	PN532_NACK,	   /* it was not received well */
	PN532_SILENT,	   /* received, not carried out, never answered */
	PN532_STUCK,	   /* carried out, never answered */
	PN532_ERROR_FRAME, /* not understood */
	PN532_BAD_SUM, PN532_BAD_LENGTH, PN532_BAD_START, PN532_BAD_CODE, PN532_BAD_END, /* in the answer's frame */
	PN532_CUT,	   /* half of the answer */
	PN532_NOISE,	   /* bytes of no frame */
	PN532_EMPTY_ANSWER, /* a frame without what belongs into it */
	/* of InDataExchange */
	PN532_LOST,	   /* the card does not hear it: status 01, time-out */
	PN532_UNHEARD,	   /* the card does it and is not heard: status 01 */
	PN532_CRC,	   /* the same: status 02 */
	PN532_RELEASED,	   /* status 29 */
	PN532_NAD,	   /* bit 7 in the status, at which libnfc ends its program */
	PN532_ODD_STATUS,
	PN532_ONE_BYTE,	   /* no status word */
	PN532_LONG,	   /* a response of 260 bytes */
	PN532_ENDLESS,	   /* a response with ever more to come */
	PN532_FAULTS,
};

/* What happens to command number `n` from now on, 1 the next, of those with code `code` (-1: any). */
void pn532_fault(struct pn532 *p, enum pn532_fault fault, int code, unsigned n);
/* Called on the chip's thread right before a fault. */
void pn532_on_fault(struct pn532 *p, void (*call)(void));

struct pn532_counts {
	unsigned long commands;
	unsigned long exchanges; /* APDUs, whether the card heard them or not */
	unsigned long verifies;  /* those that are VERIFY with a secret */
	size_t longest;		 /* APDU */
	unsigned long faults;	 /* that happened */
	char violation[128];	 /* the first thing that the host did wrong, or "" */
};
struct pn532_counts pn532_counts(struct pn532 *p);
bool pn532_field(struct pn532 *p);

#endif
