/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a daemon that takes its socket from the one who starts it (the protocol of
 * sd_listen_fds(3)):
 *
 *   listen-exec PATH PROGRAM [ARGUMENT...]   binds PATH, hands it over as descriptor 3, becomes
 * PROGRAM listen-exec --ports                      prints a TCP port that is free together with the
 * next one */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int failed(const char *what)
{
	fprintf(stderr, "listen-exec: %s: %s\n", what, strerror(errno));
	return 1;
}

static bool port_is_free(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	bool is_free;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	is_free = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0;
	close(fd);
	return is_free;
}

/* Below the range from which systems take the ports of outgoing connections. */
static int print_ports(void)
{
	for (int i = 0; i < 100; i++) {
		uint16_t r;
		unsigned port;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return failed("getrandom");
		port = 12000 + r % 10000 * 2;
		if (port_is_free(port) && port_is_free(port + 1)) {
			printf("%u\n", port);
			return 0;
		}
	}
	fprintf(stderr, "listen-exec: no free ports found\n");
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char pid[24];
	int fd;

	if (argc == 2 && strcmp(argv[1], "--ports") == 0)
		return print_ports();
	if (argc < 3 || strlen(argv[1]) >= sizeof(a.sun_path)) {
		fprintf(stderr, "usage: listen-exec PATH PROGRAM [ARGUMENT...] | --ports\n");
		return 2;
	}
	strcpy(a.sun_path, argv[1]);
	unlink(a.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 32) < 0)
		return failed(argv[1]);
	if (fd != 3 && (dup2(fd, 3) < 0 || close(fd) < 0))
		return failed("dup2");
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execvp(argv[2], argv + 2);
	return failed(argv[2]);
}
