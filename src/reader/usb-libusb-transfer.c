/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers by libusb. All are asynchronous, so that each can be taken back at any time; libusb
 * cannot wait for our event that cancels, and so it waits in slices. */
#include "reader/usb-libusb.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/worker.h"

enum {
	CANCEL_MS = 40, /* for a transfer to end after it was taken back */
};

static const struct failure using[] = {
	{ LIBUSB_ERROR_NO_DEVICE, FUDA_EREADERGONE, N_("The reader was unplugged.") },
	{ LIBUSB_ERROR_NO_MEM, FUDA_ENOMEM, N_("out of memory") },
	{ 0, FUDA_ETRANSPORT,
	  N_("The reader did not take or give what was due on the USB (%s). Try again; if that "
	     "does not help, unplug it and plug it in again.") },
};

/* As an error of libusb, how a transfer ended. */
static int error_of(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED:
		return 0;
	case LIBUSB_TRANSFER_STALL:
		return LIBUSB_ERROR_PIPE;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return LIBUSB_ERROR_NO_DEVICE;
	case LIBUSB_TRANSFER_OVERFLOW:
		return LIBUSB_ERROR_OVERFLOW;
	default:
		return LIBUSB_ERROR_IO;
	}
}

/* ---- one transfer ---- */

enum state { PENDING, DONE, ABANDONED };

struct transfer {
	struct claim *claim;
	struct libusb_transfer *t;
	int done;	   /* what libusb looks at; by is_done() only */
	_Atomic int state; /* the last of the two who have to do with it frees it */
	size_t size;
	uint8_t bytes[];
};

static void transfer_free(struct transfer *x)
{
	if (!x)
		return;
	libusb_free_transfer(x->t);
	wipe(x->bytes, x->size); /* commands may have secrets in them */
	free(x);
}

static void LIBUSB_CALL on_end(struct libusb_transfer *t)
{
	struct transfer *x = t->user_data;

	if (atomic_exchange(&x->state, DONE) == ABANDONED) {
		atomic_fetch_sub(&x->claim->stuck, 1);
		transfer_free(x);
		return;
	}
	/* The last touch of it; who sees it sees also what libusb has put there, on another thread
	 * perhaps. */
	__atomic_store_n(&x->done, 1, __ATOMIC_RELEASE);
}

static bool is_done(const struct transfer *x)
{
	return __atomic_load_n(&x->done, __ATOMIC_ACQUIRE);
}

static struct transfer *transfer_new(struct claim *c, uint8_t endpoint, uint8_t type, size_t size)
{
	struct transfer *x = size <= TRANSFER_MAX ? calloc(1, sizeof(*x) + size) : NULL;

	if (!x)
		return NULL;
	x->claim = c;
	x->size = size;
	x->t = libusb_alloc_transfer(0);
	if (!x->t) {
		free(x);
		return NULL;
	}
	libusb_fill_bulk_transfer(x->t, c->handle, endpoint, x->bytes, (int)size, on_end, x, 0);
	x->t->type = type;
	return x;
}

/* 0 when it has ended, or as lu_still_waiting(). */
static int wait_for(struct transfer *x, int64_t end, struct fuda_deadline *dl)
{
	while (!is_done(x)) {
		int r = x->claim->closing ? FUDA_ECANCELLED : lu_still_waiting(end, dl);

		if (r < 0)
			return r;
		lu_handle_events(x->claim->context, lu_slice(end, dl, SLICE_MS), &x->done);
	}
	return 0;
}

/* Takes it back. It may end well even so. */
static void take_back(struct transfer *x)
{
	int64_t end = lu_end_after(CANCEL_MS);

	libusb_cancel_transfer(x->t);
	while (!is_done(x) && deadline_now() < end)
		lu_handle_events(x->claim->context, lu_slice(end, NULL, CANCEL_MS), &x->done);
}

/* Gives it up: libusb frees it when it ends. NULL then; itself if it ended just now. */
static struct transfer *abandon(struct transfer *x)
{
	int pending = PENDING;

	atomic_fetch_add(&x->claim->stuck, 1);
	if (atomic_compare_exchange_strong(&x->state, &pending, ABANDONED))
		return NULL;
	atomic_fetch_sub(&x->claim->stuck, 1);
	while (!is_done(x)) /* another thread is about to leave on_end() */
		sched_yield();
	return x;
}

static int submit_and_wait(struct transfer **x, int64_t end, struct fuda_deadline *dl,
			   int *ret_error)
{
	int r;

	*ret_error = libusb_submit_transfer((*x)->t);
	if (*ret_error < 0)
		return 0;
	r = wait_for(*x, end, dl);
	if (r < 0)
		take_back(*x);
	if (!is_done(*x))
		*x = abandon(*x);
	if (!*x)
		return r;
	/* It may have ended well even though its time was over. */
	if (r < 0 && (*x)->t->status == LIBUSB_TRANSFER_CANCELLED)
		return r;
	*ret_error = error_of((*x)->t->status);
	return 0;
}

/* Between them lu_close() waits. */
static void enter(struct claim *c)
{
	atomic_fetch_add(&c->users, 1);
}

static void leave(struct claim *c)
{
	atomic_fetch_sub(&c->users, 1);
	deadline_wake_word(&c->users);
}

/* Carries it out. Its time being over is an error of ours; else *ret_error is 0, and it has ended
 * well, or one of libusb's. *x is NULL if it does not end. */
static int run(struct transfer **x, int64_t end, struct fuda_deadline *dl, int *ret_error)
{
	struct claim *c = (*x)->claim;
	int r = deadline_check(dl);

	*ret_error = 0;
	enter(c);
	if (c->stuck) /* it may have ended by now */
		lu_handle_events(c->context, 0, NULL);
	if (c->closing)
		r = FUDA_ECANCELLED;
	else if (c->stuck)
		*ret_error = LIBUSB_ERROR_BUSY; /* what is to come would be out of step */
	if (r == 0 && *ret_error == 0)
		r = submit_and_wait(x, end, dl, ret_error);
	leave(c);
	return r;
}

/* ---- stalls ---- */

/* The kernel clears them in a call that waits for the device, which nobody can take back. */
struct clearing {
	libusb_device_handle *handle;
	uint8_t endpoint;
};

static void job_clear(void *own)
{
	struct clearing *k = own;

	libusb_clear_halt(k->handle, k->endpoint);
}

/* Tries to, as long as there is time; or else before the next transfer. */
static void clear(struct claim *c, uint8_t endpoint, bool *halted, struct fuda_deadline *dl)
{
	struct clearing *k = *halted ? malloc(sizeof(*k)) : NULL;
	struct worker *w;

	if (!k)
		return;
	*k = (struct clearing){ c->handle, endpoint };
	if (worker_new(k, free, &w) < 0) {
		free(k);
		return;
	}
	if (worker_run(&w, job_clear, dl) == 0)
		*halted = false;
	else if (!w) /* the thread has the handle for good: nothing is sent any more, nor closed */
		atomic_fetch_add(&c->stuck, 1);
	worker_free(&w, CANCEL_MS);
}

/* ---- transfers ---- */

/* Written down, an error of ours or else one of libusb's. */
static int fail(struct claim *c, int r, int error)
{
	if (r == FUDA_EMUTE || (r == 0 && error == 0))
		return r;
	if (r == FUDA_ETIMEOUT)
		return ctx_fail(c->usb.ctx, r, _("The reader or the card did not answer in time."));
	if (r < 0)
		return ctx_fail_code(c->usb.ctx, r);
	return lu_explain(c->usb.ctx, using, error);
}

int lu_out(struct usb *u, const uint8_t *bytes, size_t len, bool zlp,
		  struct fuda_deadline *dl)
{
	struct claim *c = (struct claim *)u;
	uint8_t endpoint = u->interface->out;
	struct transfer *x;
	int r, error = 0;

	if (!endpoint)
		return ctx_fail_code(u->ctx, FUDA_ENOTSUP);
	x = transfer_new(c, endpoint, LIBUSB_TRANSFER_TYPE_BULK, len);
	if (!x)
		return ctx_fail_code(u->ctx, FUDA_ENOMEM);
	clear(c, endpoint, &c->out_halted, dl);
	if (len)
		memcpy(x->bytes, bytes, len);
	if (zlp)
		x->t->flags |= LIBUSB_TRANSFER_ADD_ZERO_PACKET;
	r = run(&x, -1, dl, &error);
	if (r == 0 && error == 0 && x->t->actual_length != x->t->length)
		error = LIBUSB_ERROR_IO;
	transfer_free(x);
	if (error == LIBUSB_ERROR_PIPE) {
		c->out_halted = true;
		clear(c, endpoint, &c->out_halted, dl);
	}
	if (r == 0 && error == 0)
		u->transfers++;
	return fail(c, r, error);
}

/* Packets of a transfer that was taken back before its end. */
static int keep(struct source *s, const struct transfer *x)
{
	return fuda_buf_append(&s->kept, x->bytes, (size_t)x->t->actual_length);
}

/* All of a transfer that has ended. */
static int take(struct source *s, size_t max, const struct transfer *x, struct fuda_buf *ret)
{
	size_t len = (size_t)x->t->actual_length, all = s->kept.len + len;
	int r = all > max ? FUDA_ETOOBIG : buf_reserve(ret, all);

	if (r == 0)
		r = fuda_buf_append(ret, s->kept.data, s->kept.len);
	if (r == 0)
		r = fuda_buf_append(ret, x->bytes, len);
	fuda_buf_clear(&s->kept);
	return r;
}

static int receive(struct claim *c, struct source *s, size_t max, int ms, struct fuda_deadline *dl,
		   struct fuda_buf *ret, int *ret_error)
{
	size_t room = max > s->kept.len ? max - s->kept.len : 1, packet = MAX(s->packet, 1);
	int64_t end = lu_end_after(ms);
	struct transfer *x;
	int r;

	*ret_error = 0;
	if (!s->address)
		return FUDA_ENOTSUP;
	/* Whole packets, or one that does not fit is lost with all the rest. */
	x = transfer_new(c, s->address, s->type, (room + packet - 1) / packet * packet);
	if (!x)
		return FUDA_ENOMEM;
	clear(c, s->address, &s->halted, dl);
	r = run(&x, end, dl, ret_error);
	if (*ret_error)
		fuda_buf_clear(&s->kept);
	else if (r == 0)
		r = take(s, max, x, ret);
	else if (x && keep(s, x) < 0)
		r = FUDA_ENOMEM;
	transfer_free(x);
	if (*ret_error == LIBUSB_ERROR_PIPE) {
		s->halted = true;
		clear(c, s->address, &s->halted, dl);
	}
	return r;
}

int lu_in(struct usb *u, size_t max, int ms, struct fuda_deadline *dl, struct fuda_buf *ret)
{
	struct claim *c = (struct claim *)u;
	int error, r = receive(c, &c->in, max, ms, dl, ret, &error);

	if (r == 0 && error == 0)
		u->transfers++;
	return fail(c, r, error);
}

int lu_interrupt(struct usb *u, int ms, struct fuda_deadline *dl, struct fuda_buf *ret)
{
	struct claim *c = (struct claim *)u;
	int error, r;

	enter(c); /* to the end: another thread may close */
	r = receive(c, &c->interrupt, c->interrupt.packet, ms, dl, ret, &error);
	leave(c);
	return r == 0 && error ? lu_failure(using, error)->code : r;
}

/* A control transfer to anything; bytes moved, or an error of ours, or 0 with one of libusb's. */
static int control(struct claim *c, uint8_t type, uint8_t request, uint16_t value, uint16_t index,
		   uint8_t *data, uint16_t len, struct fuda_deadline *dl, int *ret_error)
{
	bool in = type & LIBUSB_ENDPOINT_IN;
	struct transfer *x = transfer_new(c, 0, LIBUSB_TRANSFER_TYPE_CONTROL,
					  LIBUSB_CONTROL_SETUP_SIZE + (size_t)len);
	int r;

	*ret_error = 0;
	if (!x)
		return FUDA_ENOMEM;
	libusb_fill_control_setup(x->bytes, type, request, value, index, len);
	if (!in && len)
		memcpy(x->bytes + LIBUSB_CONTROL_SETUP_SIZE, data, len);
	r = run(&x, -1, dl, ret_error);
	if (r == 0 && *ret_error == 0) {
		r = MIN(x->t->actual_length, len);
		if (in && r)
			memcpy(data, x->bytes + LIBUSB_CONTROL_SETUP_SIZE, (size_t)r);
	}
	transfer_free(x);
	return r;
}

int lu_control(struct usb *u, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
	       uint16_t len, struct fuda_deadline *dl)
{
	struct claim *c = (struct claim *)u;
	int error, r = control(c, type, request, value, u->interface->number, data, len, dl,
			       &error);

	return r > 0 ? r : fail(c, r, error);
}

int lu_text(struct claim *c, uint8_t number, uint16_t language, struct fuda_deadline *dl,
	    uint8_t ret[LU_TEXT_MAX])
{
	uint8_t d[LU_TEXT_MAX] = { 0 };
	int error, len = control(c, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR,
				 (uint16_t)(LIBUSB_DT_STRING << 8 | number), language, d, sizeof(d),
				 dl, &error);

	if (len < 2 || d[0] < 2 || d[1] != LIBUSB_DT_STRING)
		return 0;
	len = MIN(len, d[0]) - 2;
	memcpy(ret, d + 2, (size_t)len);
	return len;
}
