/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the Sony RC-S380 (NFC Port-100), readers.md A2. Pure bytes. */
#ifndef DRIVERS_RCS380_FRAME_H
#define DRIVERS_RCS380_FRAME_H

#include <fuda/buf.h>
#include "base/cursor.h"

enum {
	RCS380_DATA_MAX =
		2 + 1001, /* direction, code and payload: no driver is known to use more */
	RCS380_FRAME_MAX = 8 + RCS380_DATA_MAX + 2,
};

enum rcs380_direction {
	RCS380_TO_DEVICE = 0xD6,
	RCS380_TO_HOST = 0xD7,
};

/* From the host it breaks off the command that runs. */
extern const uint8_t rcs380_ack[6];

/* Appends the frame with these data: direction, code, then two pieces of payload one after the
 * other, either of which may be empty. FUDA_ETOOBIG, FUDA_ENOMEM. */
int rcs380_frame_build(uint8_t direction, uint8_t code, struct cursor first, struct cursor second,
		       struct fuda_buf *ret);

enum rcs380_frame {
	RCS380_PARTIAL, /* nothing that is there is wrong, but more must come */
	RCS380_ACK,
	/* The device did not understand; a frame with data begins with the same bytes, so that it
	 * is one only if no more come. */
	RCS380_SYNTAX,
	RCS380_DATA,
};

/* What `c` begins with, an enum rcs380_frame, and moves it behind an RCS380_ACK or RCS380_DATA;
 * *ret_data are then its data, two bytes or more. FUDA_EFORMAT for anything else, also longer
 * frames. */
int rcs380_frame_parse(struct cursor *c, struct cursor *ret_data);

#endif
