/* SPDX-License-Identifier: Apache-2.0 */
/* In place of PostgreSQL, where it is left out. */
#include <string.h>

#include "service/store-inside.h"

static int absent_open(struct fuda_context *ctx, const char *where, bool make, struct store **ret)
{
	(void)make;
	(void)ret;
	if (strncmp(where, "postgres", strlen("postgres")) == 0)
		return ctx_fail(ctx, FUDA_ENOTSUP, _("This program was built without PostgreSQL."));
	return ctx_fail(ctx, FUDA_EINVAL,
			_("The place of the database is \"sqlite:\" and the path of a file."));
}

const struct store_driver store_postgres = { .kind = "postgresql", .open = absent_open };
