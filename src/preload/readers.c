/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers of this library: the one below, and those that can stand on it. */
#include <string.h>

#include "preload/preload.h"
#include "reader/reader.h"

#define ENTRY(name) extern const struct driver driver_##name;
#include "preload-drivers.def"
#undef ENTRY

const struct driver *const drivers[] = {
#define ENTRY(name) &driver_##name,
#include "preload-drivers.def"
#undef ENTRY
	&driver_preload,
	NULL,
};

/* There is nothing to list: only whole names. */
int reader_open(struct fuda_context *ctx, const char *name, struct fuda_deadline *dl,
		struct reader **ret)
{
	size_t len = strcspn(name, ":");
	const struct driver *driver = driver_find(name, len);

	if (!driver || !name[len])
		return ctx_fail(ctx, FUDA_ENOREADER, _("There is no reader \"%s\" here."), name);
	return reader_open_with(ctx, driver, name + len + 1, dl, ret);
}
