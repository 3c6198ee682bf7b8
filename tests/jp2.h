/* SPDX-License-Identifier: Apache-2.0 */
/* JP2 pictures for tests of fuda-photo, made with openjpeg. */
#ifndef TESTS_JP2_H
#define TESTS_JP2_H

#include <stdbool.h>
#include <fuda/buf.h>

struct jp2 {
	unsigned width, height, components;
	unsigned x, y;		/* corner on the reference grid */
	unsigned tile;		/* side of a tile; 0: one tile */
	unsigned resolutions;	/* 0: as many as openjpeg takes */
	unsigned layers;	/* 0: one */
	unsigned depth;		/* bits; 0: eight */
	unsigned progression;	/* 0 LRCP to 4 CPRL */
	unsigned precinct;	/* side of a precinct; 0: no precincts */
	bool is_signed, lossy, flat; /* flat: one value everywhere, so that 4 M pixels fit 32 KB */
};

/* What is on the picture at a point. */
uint8_t jp2_sample(const struct jp2 *what, unsigned x, unsigned y, unsigned component);

/* Makes the file; ends the program if it cannot. */
void jp2_make(const struct jp2 *what, struct fuda_buf *ret_file);

#endif
