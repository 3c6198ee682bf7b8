/* SPDX-License-Identifier: Apache-2.0 */
/* The resident register's application, card.md 2.5. */
#include <fuda/common.h>

#include "app/app.h"

const struct app app_juki = { &aid_juki };

int fuda_juki_read(struct fuda_card *c, struct fuda_deadline *dl,
		   uint8_t ret_key_reference[FUDA_KEY_REFERENCE])
{
	_cleanup_job_ struct fuda_card *job = NULL;
	int r = app_begin(c, &aid_juki, dl);

	if (r < 0)
		return r;
	job = c;
	return app_key_reference(c, dl, ret_key_reference);
}
