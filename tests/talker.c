/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/talker.h"

#include <stdio.h>
#include <string.h>

struct fuda_context *ctx;
struct fuda_deadline *dl;
struct talker talker;
struct usb *u;

static int talker_out(struct usb_model *m, const uint8_t *bytes, size_t len)
{
	struct talker *t = (struct talker *)m;
	int r;

	pthread_mutex_lock(&t->lock);
	r = t->deaf ? MODEL_NOTHING : t->next;
	if (r == 0) {
		t->heard_len = MIN(len, sizeof(t->heard));
		memcpy(t->heard, bytes, t->heard_len);
		t->outs++;
	}
	if (!t->deaf)
		t->next = 0;
	pthread_mutex_unlock(&t->lock);
	return r;
}

static ssize_t talker_in(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct talker *t = (struct talker *)m;
	ssize_t r;

	pthread_mutex_lock(&t->lock);
	r = t->next ? t->next : t->speaks ? (ssize_t)MIN(max, t->says_len) : MODEL_NOTHING;
	if (r >= 0) {
		memcpy(ret, t->says, (size_t)r);
		memmove(t->says, t->says + r, t->says_len - (size_t)r);
		t->says_len -= (size_t)r;
		t->speaks = t->says_len > 0;
	}
	t->next = 0;
	pthread_mutex_unlock(&t->lock);
	return r;
}

static ssize_t talker_interrupt(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct talker *t = (struct talker *)m;
	bool alarm;

	pthread_mutex_lock(&t->lock);
	alarm = t->alarm;
	t->alarm = false;
	pthread_mutex_unlock(&t->lock);
	if (!alarm)
		return MODEL_NOTHING;
	memcpy(ret, "\x50\x03", MIN(max, 2));
	return 2;
}

static ssize_t talker_control(struct usb_model *m, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
			      uint16_t len)
{
	struct talker *t = (struct talker *)m;

	if (request == 0x7F)
		return MODEL_STALL;
	if (request == 0x7E)
		return MODEL_NOTHING;
	if (!(type & 0x80)) {
		memcpy(t->control, data, MIN(len, sizeof(t->control)));
		return len;
	}
	memcpy(data, (uint8_t[]){ request, value & 0xFF, value >> 8 }, MIN(len, 3));
	return MIN(len, 3);
}

void talker_init(struct talker *t)
{
	*t = (struct talker){
		.model = { .device = { .vendor = 0x1234, .product = 0x5678, .release = 0x0102, .interface_count = 2,
				       .interfaces = { { .number = 0, .class = 0x0B, .extra = { 4, 0x21, 1, 2 },
							 .extra_len = 4, .out = 2, .in = 0x81, .interrupt = 0x83,
							 .out_packet = 64, .in_packet = 64, .interrupt_packet = 8 },
						       { .number = 3, .class = 0xFF, .out = 4, .in = 0x85,
							 .out_packet = 64, .in_packet = 64 } } },
			   .product = "Talker", .serial = "0815", .out = talker_out, .in = talker_in,
			   .interrupt = talker_interrupt, .control = talker_control },
	};
	pthread_mutex_init(&t->lock, NULL);
}

void say(struct talker *t, const void *bytes, size_t len)
{
	pthread_mutex_lock(&t->lock);
	memcpy(t->says, bytes, len);
	t->says_len = len;
	t->speaks = true;
	pthread_mutex_unlock(&t->lock);
}

void fails_next(int how)
{
	pthread_mutex_lock(&talker.lock);
	talker.next = how;
	pthread_mutex_unlock(&talker.lock);
}

int talker_plug(void **state)
{
	(void)state;
	fuda_context_new(&ctx);
	fuda_deadline_new(10000, &dl);
	talker_init(&talker);
	usbfs_begin();
	usbfs_plug(&talker.model);
	return 0;
}

int open_interface(uint8_t number, struct usb **ret)
{
	return usb_backend->open(ctx, 1, talker.model.device.address, number, ret);
}

int talker_open(void **state)
{
	return talker_plug(state) < 0 ? -1 : open_interface(0, &u);
}

int talker_end(void **state)
{
	(void)state;
	usb_close(&u);
	usbfs_end();
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}

void raise_alarm(void)
{
	pthread_mutex_lock(&talker.lock);
	talker.alarm = true;
	pthread_mutex_unlock(&talker.lock);
}

void *unplug_talker(void *arg)
{
	pause_ms(30);
	usbfs_unplug(&talker.model);
	return arg;
}

void *cancel(void *arg)
{
	pause_ms(30);
	fuda_deadline_cancel(dl);
	return arg;
}

pthread_t soon(void *(*what)(void *))
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, what, NULL), 0);
	return t;
}

bool talker_wrapped(char **argv)
{
	usbfs_wrap(argv);
	if (usbfs_possible())
		return true;
	puts("SKIP: umockdev-wrapper (package umockdev) is not installed");
	return false;
}
