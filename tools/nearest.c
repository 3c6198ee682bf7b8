/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/nearest.h"

#include <string.h>

static int distance_row(const char *a, const char *b, size_t *row, size_t columns)
{
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return (int)row[columns];
}

/* Edits that make `b` of `a` (Levenshtein). */
static int distance(const char *a, const char *b)
{
	size_t row[32], columns = strlen(b);

	return columns < sizeof(row) / sizeof(row[0]) ? distance_row(a, b, row, columns) : 99;
}

void nearest_see(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->word);
	bool begins = len > 1 && strncmp(n->word, candidate, len) == 0;
	/* of two as near, the one with the same first letter: people seldom miss that */
	int d = begins ? 0 : 2 * distance(n->word, candidate) + (*n->word != *candidate);

	if (d < n->distance) {
		n->distance = d;
		n->found = candidate;
	}
}
