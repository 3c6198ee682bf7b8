/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/virtual.h"
#include "tests/cmocka.h"
#include "tests/softcard.h"

enum {
	SETTLE_MS = 2000, /* for a reader to do what it is not asked to confirm */
	LOOK_MS = 2,
	SLOWER = 25, /* than virtual, at most: a process or two and a link in between */
};

#define ENTRY(name) extern const struct stage stage_##name;
#include "stages.def"
#undef ENTRY

static const struct stage *const stages[] = {
#define ENTRY(name) &stage_##name,
#include "stages.def"
#undef ENTRY
};

static struct vcard *inside; /* of the stages that are given one */

const struct stage *stage(void)
{
	const char *driver = getenv("FUDA_TEST_DRIVER");

	if (!driver || !*driver)
		driver = "virtual";
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (strcmp(stages[i]->driver, driver) == 0)
			return stages[i];
	print_error("There is no stage for the driver \"%s\": tests/stage-%s.c is missing.\n", driver, driver);
	exit(1);
}

bool stage_is_virtual(void)
{
	return !stage()->insert;
}

bool stage_takes(void)
{
	static unsigned long run;
	const char *text = getenv("FUDA_TEST_STRIDE");
	unsigned long stride = text ? strtoul(text, NULL, 10) : STAGE_STRIDE;

	return (stage_is_virtual() && !stage()->above) || stride == 0 || run++ % stride == 0;
}

size_t stage_step(void)
{
	const char *which = getenv("FUDA_TEST_READINGS");

	if (stage_is_virtual() || strcmp(stage()->driver, "pcsc") == 0 || (which && strcmp(which, "all") == 0))
		return 1;
	return 9;
}

bool stage_begin(void)
{
	const char *why = stage()->begin();

	if (why)
		print_message("SKIP: %s\n", why);
	return !why;
}

int stage_end(int failed)
{
	stage()->end();
	return failed;
}

const char *stage_insert(const char *spec)
{
	static char name[512];
	const char *before = spec ? "fault:" : "", *after = spec ? ":" : "";
	const char *above = stage()->above ? stage()->above : "";

	if (!spec)
		spec = "";
	if (stage_is_virtual()) {
		snprintf(name, sizeof(name), "%s%s%s%svirtual:%s", above, before, spec, after, softcard_dir());
		return name;
	}
	inside = softcard_load();
	stage()->insert(inside);
	snprintf(name, sizeof(name), "%s%s%s%s", before, spec, after, stage()->reader());
	return name;
}

void stage_remove(void)
{
	if (stage_is_virtual())
		return;
	stage()->insert(NULL);
	softcard_free(&inside);
}

struct vcard *stage_card(const struct reader *r)
{
	if (!stage_is_virtual())
		return inside;
	while (r->inner)
		r = r->inner;
	return virtual_card(r);
}

struct vcard *stage_withdraw(const struct reader *r)
{
	if (!stage_is_virtual())
		stage()->insert(NULL);
	return stage_card(r);
}

void stage_limit(struct reader *r)
{
	if (stage_is_virtual())
		return;
	for (; r; r = (struct reader *)(uintptr_t)r->inner) {
		r->max_command = MIN(r->max_command, vcard_max_command(inside));
		r->max_response = MIN(r->max_response, vcard_max_response(inside));
	}
}

/* Some readers give the card power again at once. */
static bool holds(const struct vcard *v)
{
	return vcard_powered(v) && vcard_usage(v).since_power;
}

bool stage_holds(const struct reader *r, bool expected)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	const struct vcard *v = stage_card(r);

	for (int ms = 0; !stage_is_virtual() && ms < SETTLE_MS && holds(v) != expected; ms += LOOK_MS)
		nanosleep(&pause, NULL);
	return holds(v);
}

int stage_ms(int ms)
{
	return stage_is_virtual() ? ms : ms * SLOWER;
}
