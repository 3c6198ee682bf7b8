/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the driver "nfc" have in common: its process, and what is left of it. */
#ifndef TESTS_NFC_H
#define TESTS_NFC_H

#include <errno.h>
#include <fuda/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/nfc-helper.h"
#include "reader/reader.h"
#include "tests/process.h"

/* Neither a running child nor a dead one. */
static inline void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* The only child, or 0. */
static inline pid_t only_child(void)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	if (!f || fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

static inline int descriptors(void)
{
	return entries("/proc/self/fd");
}

/* The status word, or an error. */
static inline int exchange(struct reader *r, const char *hex, unsigned flags, struct fuda_deadline *dl)
{
	struct fuda_buf command = FUDA_BUF_INIT(300), response = FUDA_BUF_INIT(300);
	int e;

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	e = reader_transmit(r, command.data, command.len, flags, dl, &response);
	if (e == 0) {
		assert_in_range(response.len, 2, NFC_RESPONSE_MAX);
		e = response.data[response.len - 2] << 8 | response.data[response.len - 1];
	} else {
		assert_int_equal(response.len, 0);
	}
	fuda_buf_free(&command);
	fuda_buf_free(&response);
	return e;
}

#endif
