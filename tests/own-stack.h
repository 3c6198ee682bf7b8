/* SPDX-License-Identifier: Apache-2.0 */
/* What a function leaves on the stack. */
#ifndef TESTS_OWN_STACK_H
#define TESTS_OWN_STACK_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka.h"

/* Runs it on a stack of its own, and tells whether those bytes stand there afterwards. The test is
 * skipped under AddressSanitizer, whose frames have copies of what passes. */
static inline bool left_on_stack(void *(*run)(void *), void *arg, const void *bytes, size_t len)
{
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	enum { STACK = 1 << 20 };
	void *stack = aligned_alloc(1 << 16, STACK);
	pthread_attr_t how;
	pthread_t thread;
	bool left;

	assert_non_null(stack);
	memset(stack, 0, STACK);
	assert_int_equal(pthread_attr_init(&how), 0);
	assert_int_equal(pthread_attr_setstack(&how, stack, STACK), 0);
	assert_int_equal(pthread_create(&thread, &how, run, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&how);
	left = memmem(stack, STACK, bytes, len) != NULL;
	free(stack);
	return left;
}

#endif
