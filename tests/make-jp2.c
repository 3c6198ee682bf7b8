/* SPDX-License-Identifier: Apache-2.0 */
/* make-jp2 WIDTH HEIGHT COMPONENTS [flat]: a JP2 picture on standard output. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/jp2.h"

int main(int argc, char **argv)
{
	struct fuda_buf file = FUDA_BUF_INIT(1 << 20);
	struct jp2 what = { 0 };
	int status;

	if (argc < 4)
		return 2;
	what.width = (unsigned)strtoul(argv[1], NULL, 10);
	what.height = (unsigned)strtoul(argv[2], NULL, 10);
	what.components = (unsigned)strtoul(argv[3], NULL, 10);
	what.flat = argc > 4;
	jp2_make(&what, &file);
	status = fwrite(file.data, 1, file.len, stdout) != file.len || fflush(stdout);
	fuda_buf_free(&file);
	return status;
}
