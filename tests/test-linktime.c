/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/linktime.h"

#include "tests/cmocka.h"

/* Short READ BINARY is 5 bytes, its answer the data and 2 bytes. */
static uint64_t read_us(size_t data)
{
	return linktime_ns(5, data + 2, 106) / 1000;
}

/* The figures of readers.md A8. */
static void figures(void **state)
{
	(void)state;
	assert_in_range(linktime_ns(5, 101, 106) - linktime_ns(5, 100, 106), 94000, 95000);
	assert_in_range(read_us(0), 1850, 1950);     /* a further short read */
	assert_in_range(read_us(5), 2350, 2450);     /* a header read */
	assert_in_range(read_us(26) - read_us(0), 2400, 2500); /* as much filler costs as much */
}

/* By hand, in etu of 9.4395 us: 8 bytes of 10 and 22 around them each way. */
static void by_hand(void **state)
{
	const double etu = 128 / 13.56, card = 144 * 16 / 13.56,
		     reader = 10 * etu + 32 * 16 / 13.56;
	double us = reader + (22 + 80) * etu + card + (22 + 50) * etu;

	(void)state;
	assert_int_equal(read_us(0), (uint64_t)us);
}

static void frames(void **state)
{
	uint64_t byte = linktime_ns(5, 101, 106) - linktime_ns(5, 100, 106);

	(void)state;
	/* 253 bytes fit a frame; one more takes another frame and an R(ACK) */
	assert_in_range(linktime_ns(5, 253, 106) - linktime_ns(5, 252, 106), byte - 1, byte + 1);
	assert_in_range(linktime_ns(5, 254, 106) - linktime_ns(5, 253, 106), 1370000, 1390000);
	assert_in_range(linktime_ns(254, 2, 106) - linktime_ns(253, 2, 106), 1370000, 1390000);
	assert_in_range(linktime_ns(5, 507, 106) - linktime_ns(5, 506, 106), 1370000, 1390000);
}

static void bit_rates(void **state)
{
	(void)state;
	assert_true(linktime_ns(5, 258, 212) < linktime_ns(5, 258, 106));
	assert_true(linktime_ns(5, 258, 424) < linktime_ns(5, 258, 212));
	assert_in_range(linktime_ns(5, 101, 424) - linktime_ns(5, 100, 424), 23500, 23700);
	assert_int_equal(linktime_ns(5, 258, 0), 0);
	assert_int_equal(linktime_ns(5, 258, 847), 0);
	assert_true(linktime_ns(0, 0, 106) > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(frames),
		cmocka_unit_test(bit_rates),
	};

	return RUN(tests);
}
