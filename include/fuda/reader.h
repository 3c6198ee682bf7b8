/* SPDX-License-Identifier: Apache-2.0 */
/* Readers: which are there, and what happens to them. */
#ifndef FUDA_READER_H
#define FUDA_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/context.h>
#include <fuda/deadline.h>

#define FUDA_ATR_MAX 33 /* ISO 7816-3 8.1 */
enum { FUDA_READER_MODEL_SIZE = 128 };

struct fuda_reader_info {
	/* "driver:rest", as fuda_card_open() takes it; the rest of a device on the USB is
	 * BUS.DEV, and BUS.DEV/SLOT for its slots from 1 on, behind the first */
	const char *name;
	bool card;	  /* a card is in it (whether it answers or not) */
	bool mute;	  /* the card does not answer to reset */
	bool in_use;	  /* some program has a connection to the card */
	bool exclusive;	  /* some program has the card for itself */
	uint8_t atr[FUDA_ATR_MAX];
	size_t atr_len;	 /* 0 if unknown */
	uint32_t events; /* counts insertions and removals where the driver can, else 0 */
	/* what the device calls itself, or its maker and model, where `name` does not say; or "" */
	char model[FUDA_READER_MODEL_SIZE];
};

/* Whether this library was built with the driver of that name, "rcs380" for one. */
bool fuda_driver_there(const char *name);

struct fuda_reader_list;

/* Lists the readers of all drivers, PC/SC first. An empty list is a success. Where nothing was
 * found and a driver could not look, its error (FUDA_ENOSERVICE, FUDA_EACCESS, ...) is returned
 * instead. */
int fuda_reader_list_new(struct fuda_context *ctx, struct fuda_deadline *dl,
			 struct fuda_reader_list **ret);
void fuda_reader_list_free(struct fuda_reader_list **list);
size_t fuda_reader_list_count(const struct fuda_reader_list *list);
/* Reader number `i` from 0, owned by the list; NULL past the end. */
const struct fuda_reader_info *fuda_reader_list_get(const struct fuda_reader_list *list, size_t i);

enum fuda_reader_event_kind {
	FUDA_READER_ADDED,
	FUDA_READER_REMOVED,
	FUDA_CARD_INSERTED,
	FUDA_CARD_REMOVED,
};

struct fuda_reader_event {
	enum fuda_reader_event_kind kind;
	struct fuda_reader_info reader; /* valid until the next call on the watch */
};

/* A stream of events from all drivers, each followed on a thread of its own from the start; what
 * happens while nobody asks is kept. The first events report what is already there. Those of one
 * reader come in order. Freeing takes less than a second, even where a service hangs. */
struct fuda_reader_watch;
int fuda_reader_watch_new(struct fuda_context *ctx, struct fuda_reader_watch **ret);
void fuda_reader_watch_free(struct fuda_reader_watch **w);
/* Waits for the next event. FUDA_ETIMEOUT, FUDA_ECANCELLED; a PC/SC service that goes away or comes
 * back shows as readers removed and added. There is no file descriptor to poll: a program with a
 * loop of its own asks on a thread made for that, with a context and a deadline that only that
 * thread uses, and ends the wait by fuda_deadline_cancel(). */
int fuda_reader_watch_next(struct fuda_reader_watch *w, struct fuda_deadline *dl,
			   struct fuda_reader_event *ret);

#endif
