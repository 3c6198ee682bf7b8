/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd serve: the service itself. */
#include "service/server.h"
#include "tools/mykeyd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	PATIENCE = 2,    /* seconds, beyond what the configuration gives to requests */
	OWN_FILES = 256, /* besides connections */
	LAST_WORDS = 256
};

static bool quiet;
static int ready_fd = -1;

static const struct option_spec options[] = {
	{ "quiet", 'q', NULL, N_("log what goes wrong only"), OPTION_SWITCH, &quiet },
	{ "ready-fd", 0, "N", N_("write a line end to file descriptor N when it serves"),
	  OPTION_NUMBER, &ready_fd, 0, 1 << 20 },
	{ NULL },
};

/* In one piece: lines of threads do not mix. */
static void log_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static void tell_ready(const struct server *server)
{
	char address[SERVER_ADDRESS];

	for (size_t i = 0; server_address(server, i, address) == 0; i++)
		fprintf(stderr, _("listening on %s\n"), address);
	if (ready_fd >= 0 && write(ready_fd, "\n", 1) == 1)
		close(ready_fd);
}

/* Lists that are named, and cannot be used or are too old. */
static void warn_of_lists(struct service *service)
{
	struct revocation_state s;
	const char *refused = issuers_refusal(service->issuers, time(NULL));
	size_t bad = 0;

	for (size_t i = 0; revocation_state(service->revocation, i, time(NULL), &s) == 0; i++)
		bad += !s.loaded || s.stale;
	if (bad && service->config.crl_required && !*service->config.ocsp)
		fprintf(stderr,
			_("Cards are refused, because a revocation list is too old or cannot be "
			  "used: "
			  "'fuda-mykeyd crl status --folder %s' says which.\n"),
			service->config.folder);
	if (refused && strcmp(refused, "mdoc_not_served") == 0)
		fprintf(stderr,
			_("Phones are refused, because no root certificate of those who issue "
			  "mobile credentials (mdoc_trust) is good: 'fuda-mykeyd crl status "
			  "--folder %s' says why.\n"),
			service->config.folder);
	else if (refused)
		fprintf(stderr, "%s",
			_("Phones are refused, because no revocation list of those who issue "
			  "mobile credentials (mdoc_crl) is in force: the log says what is wrong "
			  "with a file.\n"));
}

/* Or who opens connections and says nothing keeps us from the database. */
static void make_room(const struct config *config)
{
	rlim_t wanted = (rlim_t)(config->connections * (int64_t)config->listen_count + OWN_FILES);
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < wanted)
		fprintf(stderr,
			_("The system lets this service open fewer files than its 'connections' "
			  "can need, %ld: raise that limit (systemd: LimitNOFILE), or say "
			  "fewer.\n"),
			(long)wanted);
}

/* Until it is to stop. */
static void wait_for_signals(const sigset_t *signals, struct server *server)
{
	int number;

	while ((number = sigwaitinfo(signals, NULL)) < 0 || number == SIGHUP)
		if (number == SIGHUP)
			server_reload(server);
		else if (errno != EINTR)
			return;
}

/* Blocked here before there are other threads, signals come to this one only. */
static void block(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGHUP);
	sigprocmask(SIG_BLOCK, signals, NULL);
}

/* ---- an end that does not come ---- */

static char last_words[LAST_WORDS];

/* What was not answered was not acknowledged; the database rolls back what was not committed. */
static void end_now(int number)
{
	(void)number;
	if (write(STDERR_FILENO, last_words, strlen(last_words)) < 0)
		_exit(fuda_error_exit_status(FUDA_EFAILED));
	_exit(fuda_error_exit_status(FUDA_ETIMEOUT));
}

/* A database that hangs is given a minute for each thing that is asked of it; who tells a service
 * to stop does not wait for that. */
static void stop_in_time(int seconds)
{
	struct sigaction action = { .sa_handler = end_now };

	snprintf(last_words, sizeof(last_words), "%s",
		 _("fuda-mykeyd: the database does not answer: not waited for any longer. What was "
		   "not answered may be asked again.\n"));
	sigaction(SIGALRM, &action, NULL);
	alarm((unsigned)seconds);
}

static int run(struct call *call)
{
	_cleanup_service_ struct service *service = NULL;
	struct server_config config = { .log = log_line, .quiet = quiet };
	struct server *server;
	sigset_t signals;
	int r = call_operands(call, 0, 0), left;

	if (r < 0)
		return r;
	/* before anything is opened, which would get that number */
	if (ready_fd >= 0 && fcntl(ready_fd, F_GETFD) < 0)
		return call_usage(call, _("file descriptor %d of --ready-fd is not open"),
				  ready_fd);
	block(&signals);
	r = mykeyd_opened(call, service_open(call->ctx, mykeyd_folder(), true, &service));
	if (r < 0)
		return r;
	mykeyd_warn(&service->config);
	warn_of_lists(service);
	make_room(&service->config);
	config.service = service;
	r = server_start(call->ctx, &config, &server);
	if (r < 0)
		return r;
	tell_ready(server);
	wait_for_signals(&signals, server);
	stop_in_time((int)service->config.drain + PATIENCE);
	left = server_stop(&server);
	if (left)
		fprintf(stderr, _("fuda-mykeyd: %d requests were not answered.\n"), left);
	return 0;
}

const struct fuda_command command_mykeyd_serve = {
	.name = "serve",
	.summary = N_("serve terminals until told to stop"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
