/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/linktime.h"

/* readers.md A8. Times are counted in periods of the carrier, 13.56 MHz, of which all of them are
 * multiples. */
enum {
	CARRIER_KHZ = 13560,
	SUBCARRIER = 16,		      /* 1/fs */
	BEFORE_CARD = (64 + 80) * SUBCARRIER, /* TR0 + TR1 */
	BEFORE_READER = 32 * SUBCARRIER,      /* TR2, and BEFORE_READER_ETU */
	BEFORE_READER_ETU = 10,
	FRAME_ETU = 12 + 10, /* SOF, EOF */
	BYTE_ETU = 10,
	FRAME_BYTES = 1 + 2, /* PCB, CRC: all of an R(ACK) */
	FRAME_DATA = 256 - FRAME_BYTES,
};

/* Bytes sent one way, in as many frames as they need, and the other side's R(ACK) to all but the
 * last. */
static uint64_t one_way(size_t len, uint64_t etu, uint64_t before, uint64_t before_ack)
{
	uint64_t frames = len ? (len + FRAME_DATA - 1) / FRAME_DATA : 1;
	uint64_t bytes = len + frames * FRAME_BYTES;
	uint64_t ack = before_ack + (FRAME_ETU + FRAME_BYTES * BYTE_ETU) * etu;

	return frames * (before + FRAME_ETU * etu) + bytes * BYTE_ETU * etu + (frames - 1) * ack;
}

uint64_t linktime_ns(size_t command_len, size_t response_len, unsigned kbits)
{
	uint64_t etu, reader, periods;

	if (kbits != 106 && kbits != 212 && kbits != 424)
		return 0;
	etu = 128 / (kbits / 106);
	reader = BEFORE_READER + BEFORE_READER_ETU * etu;
	periods = one_way(command_len, etu, reader, BEFORE_CARD) +
		  one_way(response_len, etu, BEFORE_CARD, reader);
	return periods * 1000000 / CARRIER_KHZ;
}
