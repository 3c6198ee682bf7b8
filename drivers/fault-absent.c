/* SPDX-License-Identifier: Apache-2.0 */
/* In place of the driver of faults, where it is left out. */
#include <fuda/trace.h>

#include "base/context.h"

const char *fuda_fault_kind(size_t index)
{
	(void)index;
	return NULL;
}

int fuda_fault_check(struct fuda_context *ctx, const char *spec)
{
	(void)spec;
	return ctx_fail(ctx, FUDA_ENOTSUP,
			_("This program was built without the driver of faults."));
}
