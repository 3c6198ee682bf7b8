/* SPDX-License-Identifier: Apache-2.0 */
/* The list of applications. */
#include <fuda/app.h>

#include "app/app.h"

#define ENTRY(name) extern const struct app app_##name;
#include "apps.def"
#undef ENTRY

static const struct app *const apps[] = {
#define ENTRY(name) &app_##name,
#include "apps.def"
#undef ENTRY
};

int fuda_applications(struct fuda_card *card, struct fuda_deadline *dl, const char **ret_names,
		      size_t *ret_count)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	size_t count = 0;
	int r = fuda_card_begin(card, dl);

	if (r < 0)
		return r;
	job = card;
	ctx_step(card->ctx, _("look for applications"));
	for (size_t i = 0; i < ARRAY_SIZE(apps); i++) {
		bool there;

		r = card_has(card, apps[i]->aid, dl, &there);
		if (r < 0)
			return r;
		if (there)
			ret_names[count++] = apps[i]->aid->name;
	}
	*ret_count = count;
	return 0;
}
