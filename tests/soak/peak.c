/* SPDX-License-Identifier: Apache-2.0 */
/* peak COMMAND [ARGUMENT]...: runs it, and prints the most memory it had (kilobytes) and the seconds
 * of CPU that it took to standard error. Its exit status is the command's. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage u;
	int status;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid || !WIFEXITED(status))
		return 127;
	fprintf(stderr, "%ld %.1f\n", u.ru_maxrss,
		(double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	return WEXITSTATUS(status);
}
