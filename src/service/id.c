/* SPDX-License-Identifier: Apache-2.0 */
#include "service/id.h"

#include <fuda/hash.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * SECONDS_US + t.tv_nsec / 1000;
}

int id_new(uint8_t ret[ID_BYTES])
{
	uint64_t ms = (uint64_t)now_us() / 1000;
	uint8_t id[ID_BYTES];

	if (fuda_random(id, sizeof(id)) < 0)
		return FUDA_EFAILED;
	for (int i = 5; i >= 0; i--, ms >>= 8)
		id[i] = (uint8_t)ms;
	id[6] = 0x70 | (id[6] & 0x0F); /* version 7 */
	id[8] = 0x80 | (id[8] & 0x3F); /* variant of RFC 9562 4.1 */
	memcpy(ret, id, sizeof(id));
	return 0;
}

/* Whether a hyphen stands before byte `i` of a UUID. */
static bool hyphen_before(size_t i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

void id_text(const uint8_t id[ID_BYTES], char ret[ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < ID_BYTES; i++) {
		if (hyphen_before(i))
			*ret++ = '-';
		*ret++ = digits[id[i] >> 4];
		*ret++ = digits[id[i] & 15];
	}
	*ret = 0;
}

/* The value of a digit, small as id_text() writes them, or -1. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int id_parse(const char *text, uint8_t ret[ID_BYTES])
{
	uint8_t id[ID_BYTES];

	if (strnlen(text, ID_TEXT) != ID_TEXT - 1)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < ID_BYTES; i++, text += 2) {
		if (hyphen_before(i) && *text++ != '-')
			return FUDA_EFORMAT;
		if (digit(text[0]) < 0 || digit(text[1]) < 0)
			return FUDA_EFORMAT;
		id[i] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	}
	memcpy(ret, id, sizeof(id));
	return 0;
}

int mykey_new(char ret[MYKEY_TEXT])
{
	static const char characters[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
	uint8_t random[MYKEY_CHARS];

	_Static_assert(sizeof(characters) - 1 == 32, "each as likely");
	if (fuda_random(random, sizeof(random)) < 0)
		return FUDA_EFAILED;
	for (size_t i = 0; i < MYKEY_CHARS; i++)
		ret[i] = characters[random[i] % 32];
	ret[MYKEY_CHARS] = 0;
	return 0;
}

int mykey_wished(const char *text, char ret[MYKEY_TEXT])
{
	char wished[MYKEY_TEXT] = "";

	if (strnlen(text, MYKEY_TEXT) != MYKEY_CHARS)
		return FUDA_EFORMAT;
	for (size_t i = 0; i < MYKEY_CHARS; i++) {
		char c = text[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			return FUDA_EFORMAT;
		wished[i] = c;
	}
	memcpy(ret, wished, sizeof(wished));
	return 0;
}
