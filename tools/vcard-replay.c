/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-vcard replay: plays a trace to vpcd as the card that it was recorded from. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <fuda/context.h>
#include <fuda/error.h>

#include "tools/vcard.h"
#include "trace/replay.h"
#include "vcard/vcard.h"

enum {
	REST_MS = 1000,	  /* without commands after the last one, until --once ends */
	REMOVED_MS = 1000, /* until a card that was removed comes back */
};

struct replayed {
	struct fuda_context *ctx;
	struct trace_replay *trace;
	int timer;     /* becomes readable when --once ends; -1: not asked for */
	bool asked;    /* a command came */
	bool departed; /* for good, and that was said */
};

/* ---- the card ---- */

static void power(void *arg, bool on)
{
	struct replayed *p = arg;

	(void)trace_replay_power(p->trace, on ? "on" : "off"); /* which is left to pcscd */
}

static void reset(void *arg)
{
	struct replayed *p = arg;

	(void)trace_replay_power(p->trace, "reset");
}

static const uint8_t *atr(void *arg, size_t *ret_len)
{
	struct replayed *p = arg;
	const struct trace_facts *facts = trace_replay_facts(p->trace);

	*ret_len = facts->atr_len;
	return facts->atr;
}

static void rest(const struct replayed *p)
{
	const struct itimerspec in = { .it_value = { REST_MS / 1000, REST_MS % 1000 * 1000000L } };

	if (p->timer >= 0 && (p->departed || trace_replay_over(p->trace)))
		timerfd_settime(p->timer, 0, &in, NULL);
}

static int depart(struct replayed *p, const char *why, struct fuda_buf *ret_response)
{
	static const uint8_t sw[] = { 0x6F, 0x00 };

	if (!p->departed)
		fprintf(stderr, "fuda-vcard: %s\n", why);
	if (!p->departed && p->timer < 0)
		fputs("fuda-vcard: all that follows is answered 6F00; ^C ends it, and it begins "
		      "anew when it is started again\n",
		      stderr);
	p->departed = true;
	fuda_buf_clear(ret_response);
	return fuda_buf_append(ret_response, sw, sizeof(sw));
}

/* What failed when the trace was recorded fails as far as a card can make it. */
static int answer(struct replayed *p, const uint8_t *command, size_t len,
		  struct fuda_buf *ret_response)
{
	uint64_t took;
	int r = p->departed ? FUDA_EDEPARTED :
			      trace_replay_command(p->trace, command, len, false, ret_response,
						   &took);

	switch (r) {
	case 0:
		return 0;
	case FUDA_EMUTE:
	case FUDA_ETIMEOUT:
	case FUDA_ECANCELLED:
		return FUDA_EMUTE;
	case FUDA_EREMOVED:
	case FUDA_EREADERGONE:
	case FUDA_ETRANSPORT:
	case FUDA_EFAILED:
		return FUDA_EREMOVED;
	default:
		return depart(p, fuda_context_message(p->ctx), ret_response);
	}
}

static int transmit(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret_response)
{
	struct replayed *p = arg;
	int r = answer(p, command, len, ret_response);

	p->asked = true;
	rest(p);
	return r;
}

static int play_to(void *arg, int fd, int stop_fd)
{
	const struct vpcd_card card = { arg, power, reset, atr, transmit };

	return vpcd_play(&card, fd, stop_fd);
}

/* ---- the command ---- */

/* A descriptor that becomes readable when one of both does; -1. */
static int either(int a, int b)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, a, &event) == 0 &&
	    epoll_ctl(fd, EPOLL_CTL_ADD, b, &event) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A card that was removed comes back while the trace goes on. */
static int play_all(struct replayed *p, const struct play *play, int stop_fd)
{
	int r = play_card(play, stop_fd, play_to, p);

	while (r == FUDA_EREMOVED && !trace_replay_over(p->trace) &&
	       !play_stopped(stop_fd, REMOVED_MS))
		r = play_card(play, stop_fd, play_to, p);
	/* the program decides when it ends */
	return r == FUDA_EREMOVED || r == FUDA_EREADERGONE ? 0 : r;
}

static int conclude(struct replayed *p)
{
	int r;

	if (p->departed)
		return fuda_error_exit_status(FUDA_EDEPARTED);
	if (!p->asked && !trace_replay_over(p->trace))
		return failed(FUDA_EDEPARTED,
			      "no program sent a command. \"fuda readers\" shows whether pcscd has "
			      "the card in the reader of vpcd (package vsmartcard-vpcd); the "
			      "program has to use that reader");
	r = trace_replay_finish(p->trace);
	return r < 0 ? failed(r, fuda_context_message(p->ctx)) : 0;
}

static int replay(struct replayed *p, const struct play *play, bool once)
{
	int signals = play_stop(), stop = -1, r = FUDA_EFAILED;

	p->timer = once ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) : -1;
	if (signals >= 0)
		stop = p->timer >= 0 ? either(signals, p->timer) : dup(signals);
	if (stop >= 0 && (p->timer >= 0) == once)
		r = play_all(p, play, stop);
	if (stop >= 0)
		close(stop);
	if (p->timer >= 0)
		close(p->timer);
	if (signals >= 0)
		close(signals);
	return r < 0 ? play_failed(play, r) : conclude(p);
}

static int replay_file(const char *path, bool loose, const struct play *play, bool once)
{
	struct replayed p = { .timer = -1 };
	int r = fuda_context_new(&p.ctx);

	if (r < 0)
		return failed(r, "");
	r = trace_replay_open(p.ctx, path, loose, NULL, &p.trace);
	if (r < 0) {
		r = failed(r, fuda_context_message(p.ctx));
	} else {
		trace_replay_ignore_power(p.trace);
		r = replay(&p, play, once);
		trace_replay_free(&p.trace);
	}
	fuda_context_free(&p.ctx);
	return r;
}

int command_replay(int argc, char **argv)
{
	static const struct option options[] = {
		{ "loose", no_argument, NULL, 'l' },
		{ "once", no_argument, NULL, 'o' },
		PLAY_OPTIONS,
	};
	struct play play = PLAY_INIT;
	bool loose = false, once = false;
	int option, r;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return help();
		if (option == 'V')
			return version();
		loose |= option == 'l';
		once |= option == 'o';
		r = option == 'l' || option == 'o' ? 0 : play_option(&play, option, optarg);
		if (r)
			return r;
	}
	if (!operand(argc, argv))
		return usage_error("replay takes one trace", "");
	play.addresses = play_resolve(play.vpcd);
	if (!play.addresses)
		return EXIT_USAGE;
	r = replay_file(operand(argc, argv), loose, &play, once);
	freeaddrinfo(play.addresses);
	return r;
}
