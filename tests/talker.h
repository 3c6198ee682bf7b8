/* SPDX-License-Identifier: Apache-2.0 */
/* A device for tests of the USB by libusb: umockdev and this program play it. */
#ifndef TESTS_TALKER_H
#define TESTS_TALKER_H

#include <pthread.h>

#include "base/context.h"
#include "base/deadline.h"
#include "tests/cmocka.h"
#include "tests/model.h"
#include "tests/process.h"

enum {
	BIG = 65536 + 10,
	LATE_MS = 100, /* by so much a wait may outlast its deadline (reader/usb.h) */
	SLOW_MS = 150, /* and a busy machine is slower still */
};

/* A device that keeps what it is told, and says what the test has it say. */
struct talker {
	struct usb_model model;
	pthread_mutex_t lock;
	uint8_t heard[BIG], says[BIG];
	size_t heard_len, says_len;
	bool speaks;	    /* `says` is there to be fetched */
	bool alarm;	    /* and 50 03 at the interrupt endpoint */
	bool deaf;	    /* takes nothing */
	int outs, next;	    /* `next`: how the next bulk transfer ends, if not 0 */
	uint8_t control[3]; /* request and value of the last */
};

/* As cmocka fixtures: a device is plugged in; and its interface 0 opened. */
int talker_plug(void **state);
int talker_open(void **state);
int talker_end(void **state);

/* What they prepare. */
extern struct fuda_context *ctx;
extern struct fuda_deadline *dl;
extern struct talker talker;
extern struct usb *u;

/* A device as new. */
void talker_init(struct talker *t);
int open_interface(uint8_t number, struct usb **ret);
/* What it says next. */
void say(struct talker *t, const void *bytes, size_t len);
/* How the next bulk transfer ends: a model_result. */
void fails_next(int how);
/* It has something to say at the interrupt endpoint. */
void raise_alarm(void);

/* Does `what` soon, on another thread. */
pthread_t soon(void *(*what)(void *));
void *unplug_talker(void *arg);
void *cancel(void *arg);

/* Runs the tests under umockdev-wrapper; 77 if that cannot be. */
#define RUN_WRAPPED(argv, tests) (talker_wrapped(argv) ? RUN(tests) : 77)
bool talker_wrapped(char **argv);

#endif
