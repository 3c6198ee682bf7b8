/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd config: what the service's configuration says. */
#include "tools/mykeyd.h"

#include <stdlib.h>
#include <string.h>

struct telling {
	struct report *report, *list;
	char *last; /* key of the list */
};

static void tell(void *arg, const char *key, const char *value)
{
	struct telling *t = arg;
	static const char *const lists[] = { "listen", "trust", "cv_trust", "crl" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (strcmp(lists[i], key) != 0)
			continue;
		if (!t->list || strcmp(t->last, key) != 0)
			t->list = report_list(t->report, key, key, NULL);
		t->last = (char *)lists[i];
		report_text(t->list, key, NULL, value);
		return;
	}
	report_text(t->report, key, key, value);
}

static void free_config(struct config **config)
{
	free(*config);
}

static int run(struct call *call)
{
	_cleanup_(free_config) struct config *config = malloc(sizeof(*config));
	struct telling t = { .report = call->report };
	int r = call_operands(call, 0, 0);

	if (r < 0)
		return r;
	if (!config)
		return FUDA_ENOMEM;
	r = mykeyd_opened(call, service_config_read(call->ctx, mykeyd_folder(), config));
	if (r < 0)
		return r;
	service_config_each(config, tell, &t);
	report_word(call->report, _("Result"), NULL, "-",
		    _("ok (the form of it: 'serve' reads the files that it names)"));
	return 0;
}

const struct fuda_command command_mykeyd_config = {
	.name = "config",
	.summary = N_("check the configuration, and show what counts"),
	.synopsis = "",
	.flags = COMMAND_FOLDER,
	.run = run,
};
