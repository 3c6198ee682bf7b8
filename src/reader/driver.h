/* SPDX-License-Identifier: Apache-2.0 */
/* What a driver provides, and the reader handle that it serves. */
#ifndef READER_DRIVER_H
#define READER_DRIVER_H

#include <string.h>
#include <fuda/buf.h>
#include <fuda/reader.h>
#include "base/context.h"
#include "base/deadline.h"

enum driver_flags {
	DRIVER_HARDWARE = 1, /* leads to real readers; may be chosen where it lists them */
};

enum power {
	POWER_ON,    /* cold reset; the card starts afresh */
	POWER_RESET, /* warm reset */
	POWER_OFF, /* the card loses its state, at the latest when the lock is released; no command
		    * of anyone gets in between. The next command powers it on again. */
};

enum transmit_flags {
	/* The command must leave for the card at most once (PIN commands): no layer may send it
	 * again whatever happens. */
	TRANSMIT_ONCE = 1,
};

/* What can be done with secrets that are typed on the reader. */
enum reader_pad {
	READER_PAD_VERIFY = 1,
	READER_PAD_MODIFY = 2,
};

/* A growing list of readers. */
struct fuda_reader_list {
	struct fuda_reader_info *items; /* names owned by the list */
	size_t count;
};
/* Appends a copy of `info`; its name becomes "driver:rest". */
int reader_list_add(struct fuda_reader_list *list, const char *driver, const char *rest,
		    const struct fuda_reader_info *info);

struct reader;

/* Members may be NULL where the driver has nothing of the kind; using it then gives FUDA_ENOTSUP.
 * All are called from one thread at a time for one reader. Each returns 0 or FUDA_E..., and says in
 * the context what happened and what to do (ctx_fail()). The interface is transparent: it carries
 * any APDU. */
struct driver {
	const char *name; /* what stands before the colon */
	enum driver_flags flags;

	/* Adds the readers that are there now. Nothing there is a success; so is a service that
	 * runs but has no reader. FUDA_ENOSERVICE, FUDA_EACCESS, ... if it cannot know. */
	int (*list)(struct fuda_context *ctx, struct fuda_deadline *dl,
		    struct fuda_reader_list *list);

	/* Waits until the list may have changed against `known` (this driver's readers as last
	 * listed). Returns 0 then, or FUDA_ETIMEOUT, FUDA_ECANCELLED. Changes between that listing
	 * and this call count. A driver that cannot tell has NULL here and is listed only once. */
	int (*wait)(struct fuda_context *ctx, struct fuda_deadline *dl,
		    const struct fuda_reader_list *known);

	/* Connects to the card in the reader called `rest` (a driver that takes part of a name puts
	 * the whole into r->name) and powers it if need be. Sets r->priv, r->model, r->atr,
	 * r->atr_len, r->max_command, r->max_response. On failure nothing stays open. */
	int (*open)(struct reader *r, const char *rest, struct fuda_deadline *dl);

	/* Instead of open(), of a driver that serves a device itself (and so can serve it to
	 * pcscd): takes hold of the reader, whatever is in it. Sets r->priv, r->model,
	 * r->max_command, r->max_response; the card is without power. FUDA_EBUSY (another program
	 * has it; tried for a second, as others may only be looking), FUDA_EACCESS, FUDA_ENOREADER.
	 * On failure nothing stays open. */
	int (*attach)(struct reader *r, const char *rest, struct fuda_deadline *dl);

	/* Of such a driver: whether a card is there, and still the one that has power, if one has:
	 * a card that was away or is lost counts as absent once, so that nobody takes the next one
	 * for it. Does not disturb a card that has power. */
	int (*present)(struct reader *r, struct fuda_deadline *dl, bool *ret);

	/* Frees r->priv. What hangs is abandoned, not freed under its user: at once, or if the card
	 * may hold a verified secret after a few seconds. A lock still held is released. */
	void (*close)(struct reader *r);

	/* Changes the power of the card. Raises r->epoch; sets r->atr on ON and RESET.
	 * FUDA_ENOCARD, FUDA_EMUTE. */
	int (*power)(struct reader *r, enum power how, struct fuda_deadline *dl);

	/* Sends one command APDU and appends the response (data, SW1, SW2) to `ret_response`.
	 * Returns at the deadline or on cancel whatever the card does (FUDA_ETIMEOUT,
	 * FUDA_ECANCELLED; the reader may be unusable then). FUDA_ERESET: another program reset the
	 * card *before* this command, which was not sent; the driver has reconnected, raised
	 * r->epoch, and the next call works. FUDA_EREMOVED, FUDA_EREADERGONE, FUDA_EMUTE,
	 * FUDA_ETRANSPORT (including a response under 2 bytes or over r->max_response). The driver
	 * keeps no copy of the command when it returns; where a call that hangs still needs it, it
	 * is wiped as soon as that ends. */
	int (*transmit)(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
			struct fuda_deadline *dl, struct fuda_buf *ret_response);

	/* Has a secret typed on the keys of the reader, which puts it into a command APDU and sends
	 * that, at most once. `structure` is PIN_VERIFY_STRUCTURE of PC/SC part 10, or
	 * PIN_MODIFY_STRUCTURE if `modify`, which pad_parse() takes. Called only where r->pad says
	 * so. Appends the response as transmit() does: the status word of the card, or one of enum
	 * pad_status (reader/pad.h) that the reader gives in its stead, as when the person cancels
	 * or lets the time pass. FUDA_ETIMEOUT and FUDA_ECANCELLED are of the deadline alone. After
	 * any error but FUDA_ERESET it is not known whether the command left. Where the reader
	 * obeys and gives the entry up at the deadline, the card can be used further. */
	int (*secure)(struct reader *r, bool modify, const uint8_t *structure, size_t len,
		      struct fuda_deadline *dl, struct fuda_buf *ret_response);

	/* Keeps other programs away from the card until released. Locking waits for them until the
	 * deadline; if the card was reset meanwhile the driver reconnects and raises r->epoch, and
	 * it is a success. NULL: there are no other programs. */
	int (*lock)(struct reader *r, bool on, struct fuda_deadline *dl);
};

/* An open reader. */
struct reader {
	struct fuda_context *ctx;
	const struct driver *driver;
	void *priv;	 /* the driver's */
	char *name;	 /* "driver:rest" */
	char model[FUDA_READER_MODEL_SIZE]; /* without serial number and slot, "" if not known */
	char serial[64]; /* serial number, "" if not known */
	unsigned pad;	 /* enum reader_pad; set at open or attach, and at lock where the driver was
			  * kept from asking then */
	uint16_t display; /* of a reader with a pad, wLcdLayout of CCID: lines << 8 | characters */
	uint8_t slot, slots; /* of several in one part of the device: which from 0, and how many;
			      * 0, 0 where there is one */
	uint8_t atr[FUDA_ATR_MAX];
	size_t atr_len;
	size_t max_command;  /* bytes of the longest command APDU that can be sent */
	size_t max_response; /* bytes of the longest response APDU that can come back */
	uint32_t epoch;	     /* raised by the driver whenever the card lost its state */
	const struct reader
		*inner; /* what a stacked driver stands on, for tests that look below; or NULL */
	bool lies; /* faults are made: a response may not be the card's to this command */
	/* counted by reader_transmit() */
	unsigned long apdus, sent, received;
};

/* The drivers that this library was built with, PC/SC first; ends with NULL. */
extern const struct driver *const drivers[];
/* The driver called by the first `len` characters of `name`, or NULL. */
static inline const struct driver *driver_find(const char *name, size_t len)
{
	for (size_t i = 0; drivers[i]; i++)
		if (strlen(drivers[i]->name) == len && strncmp(drivers[i]->name, name, len) == 0)
			return drivers[i];
	return NULL;
}

#endif
