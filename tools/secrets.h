/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for the card's secrets. */
#ifndef TOOLS_SECRETS_H
#define TOOLS_SECRETS_H

#include <fuda/jpki.h>
#include <fuda/pin.h>
#include "tools/fuda.h"

/* Gets the secret `pin` from --pin-fd, --pin-file, the keys of the reader or the terminal; the
 * person is told how many tries are left. NULL, for struct fuda_pin_entry: it is to be typed on the
 * reader, as the person was told. What is made of the card's print may be given in its parts, as
 * fuda_pin_compose() takes them. The form is checked before it is returned. The card of the call
 * must be open: what makes the secret useless is said before it is asked for. `application` is
 * where it shall be used. */
int secret_ask(struct call *call, enum fuda_pin pin, const char *application,
	       struct fuda_secret **ret);

/* Likewise one that has to be known here: it is not typed on the reader. */
int secret_ask_here(struct call *call, enum fuda_pin pin, const char *application,
		    struct fuda_secret **ret);
/* Whether secret_ask() would have it typed on the reader, in the middle of the job. */
bool secret_on_reader(const struct call *call, enum fuda_pin pin);

/* Before anything is sent: whether what --pin-file or --pin-fd names has lines for `count` secrets,
 * as far as that can be seen without taking them (a pipe tells nothing). */
int secret_expect(struct call *call, size_t count);

/* Whether secret_ask() waits for nobody: what names the secrets is a file with all of them, or else
 * its mistake is told. A job of the card may last over the asking then. */
int secret_at_hand(struct call *call, bool *ret);

/* As secret_ask() the secret that is to be changed, and what shall take its place; on the terminal
 * the new one is typed twice. */
int secret_ask_present(struct call *call, enum fuda_pin pin, const char *application,
		       struct fuda_secret **ret);
int secret_ask_new(struct call *call, enum fuda_pin pin, struct fuda_secret **ret);

/* After error `code`: if something was not found because the token is a smartphone, which lacks
 * `application`, says so in the words of the library. Gives `code`. */
int secret_not_there(struct call *call, const char *application, int code);

/* Notes in the report what became of the tries. Gives `code`. */
int secret_outcome(struct call *call, enum fuda_pin pin, const struct fuda_pin_entry *entry,
		   int code);

/* The tries left of each secret, the lowest where the card keeps several counters;
 * FUDA_TRIES_UNKNOWN where it does not have the secret or does not say. Spends none. */
int secret_tries(struct fuda_card *card, struct fuda_deadline *dl, int ret_tries[FUDA_PINS]);

/* Adds the tries left of each secret to `to`, by name and, where the card keeps several, each
 * counter. */
int secret_report_tries(struct call *call, struct report *to);

/* The secret that opens `key`. */
enum fuda_pin secret_of_key(enum fuda_jpki_object key);

#endif
