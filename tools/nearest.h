/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody may have meant who wrote a word that is not there. */
#ifndef TOOLS_NEAREST_H
#define TOOLS_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

struct nearest {
	const char *word;
	int distance;
	const char *found; /* NULL: nothing is like it */
};

/* Further away is another word. */
enum { NEAREST_LIMIT = 6 /* two a letter */ };
#define NEAREST(w) ((struct nearest){ (w), NEAREST_LIMIT, NULL })

/* Keeps `candidate` if it begins with the word, or is nearer to it than all before. */
void nearest_see(struct nearest *n, const char *candidate);

#endif
