/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of fuda-photo, in the order in which they work: nothing that JPEG 2000 is decoded with
 * runs before the picture is checked and the sandbox closed. */
#ifndef TOOLS_PHOTO_H
#define TOOLS_PHOTO_H

#include <stddef.h>
#include <stdint.h>

enum {
	PHOTO_INPUT_MAX = 32768, /* a file of the card ends where 15 bits of offset do */
	PHOTO_SIDE_MAX = 4096,
	PHOTO_PIXELS_MAX = 4 << 20,
	PHOTO_COMPONENTS_MAX = 4,
	PHOTO_OUTPUT_MAX = 16 << 20,
	PHOTO_CPU_SECONDS = 5,
	PHOTO_WALL_SECONDS = 30,
	PHOTO_MEMORY_MAX = 256 << 20, /* four components of PHOTO_PIXELS_MAX take 90 MB */
	PHOTO_WHY_SIZE = 160,
};

/* ---- photo-boxes.c and photo-stream.c: is it what it claims to be? ---- */

struct photo {
	uint32_t width, height;
	uint32_t components; /* 1 grey, 3 red, green, blue; 2 and 4 with opacity as the last one */
	const uint8_t *codestream; /* in the JP2 */
	size_t codestream_len;
};

/* Checks a JP2 file (ISO 15444-1 annex I) and its codestream down to the data of the tiles: 8-bit
 * grey or RGB without subsampling or palette, within the limits above, with no more packets than
 * there are bytes, complete. FUDA_EFORMAT and in `ret_why` a static text, which goes on after "the
 * picture". */
int photo_check(const uint8_t *jp2, size_t len, const char **ret_why, struct photo *ret);

/* The same for a codestream (annex A) alone. */
int photo_check_stream(const uint8_t *bytes, size_t len, const char **ret_why, struct photo *ret);

/* Sets `ret_why`, and is FUDA_EFORMAT. */
int photo_refuse(const char **ret_why, const char *why);

/* ---- photo-sandbox.c ---- */

/* Gives up for good all that decoding does not need: from here on the process can write to standard
 * output and standard error, get and return memory, within limits, and end. Anything else kills it
 * (SIGSYS). After too much time it says so and ends with status 1. FUDA_ENOTSUP if this cannot be
 * had; the process must then end. */
int photo_sandbox(void);

/* ---- photo-picture.c ---- */

/* Decodes a picture that was checked, and encodes its colours as a PNG, to be freed with free().
 * FUDA_EFORMAT, FUDA_ENOMEM and the reason in `ret_why`, which goes on after "the picture". */
int photo_to_png(const struct photo *photo, char ret_why[PHOTO_WHY_SIZE], uint8_t **ret_png,
		 size_t *ret_len);

#endif
