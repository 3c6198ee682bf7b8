/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that hold secrets: from the terminal, which keeps them to itself, or from a file. */
#ifndef TOOLS_PROMPT_H
#define TOOLS_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <fuda/secret.h>

/* What was typed, without its line end. */
struct line {
	char text[FUDA_SECRET_MAX + 2]; /* and a CR */
	size_t len;
};

/* Locks its memory, as far as the system lets it, and empties it. */
void line_start(struct line *line);
/* Wipes it. */
void line_end(struct line *line);
/* Wipes what comes after the first `len` bytes. */
void line_cut(struct line *line, size_t len);
/* Whether they are the same; with `fold` small letters are as good as capitals. */
bool line_equal(const struct line *a, const struct line *b, bool fold);

/* Whether there is somebody to ask. */
bool prompt_possible(void);

/* Shows `text` on the terminal and appends to `to` the line that is typed, which is not shown.
 * FUDA_ECANCELLED (a signal, ^D), FUDA_EFILE (no terminal), FUDA_ETOOBIG. */
int prompt_line(const char *text, struct line *to);

/* Appends a line of a file, no longer than until `end` (CLOCK_MONOTONIC), however slowly its bytes
 * come, and takes nothing of what follows it. FUDA_ENOTFOUND at its end, FUDA_EFILE, FUDA_ETIMEOUT,
 * FUDA_ECANCELLED, FUDA_ETOOBIG. */
int line_read(int fd, const struct timespec *end, struct line *to);

#endif
