/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input, output and error at the start of a program. */
#ifndef TOOLS_STANDARD_H
#define TOOLS_STANDARD_H

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* Takes the places of those that are closed, so that no file or socket gets them, and what is said
 * to people. Opened the wrong way round: to use them remains an error. False if there is no
 * /dev/null either. */
static inline bool standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return false;
	return true;
}

#endif
