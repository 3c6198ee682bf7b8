/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the RC-S380 against an emulated one: what it does with a card that comes, stays and goes. */
#include "tests/test-rcs380.h"

static void first(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_open(&g);
	rig_ask(&g, SELECT_JPKI, "9000");
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
