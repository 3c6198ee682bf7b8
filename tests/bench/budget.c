/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/budget.h"

#include <stdio.h>
#include <string.h>
#include <fuda/face.h>
#include <fuda/text.h>

#include "base/util.h"
#include "card/card.h"
#include "vcard/linktime.h"

enum { SIGNED_KEY = 7 }; /* the file of the text application: card.md 2.7 */

/* ---- what passes ---- */

/* Stands in for the driver of the one reader that is open, and looks at every command. */
static struct {
	struct driver driver;
	const struct driver *real;
	struct budget *budget;
	enum budget_job job;
	uint8_t file; /* short identifier of the file that is read */
} spy;

static bool is_challenge(const uint8_t *command)
{
	if (command[1] == 0xB0 && command[2] & 0x80)
		spy.file = command[2] & 0x1F;
	return command[1] == 0x2A ||
	       (spy.job == BUDGET_ATTRIBUTES && command[1] == 0xB0 && spy.file == SIGNED_KEY);
}

static int transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags, struct fuda_deadline *dl,
		    struct fuda_buf *ret_response)
{
	size_t before = ret_response->len;
	int e = spy.real->transmit(r, command, len, flags, dl, ret_response);
	struct budget_share *share = is_challenge(command) ? &spy.budget->challenge : &spy.budget->reading;

	share->apdus++;
	share->sent += len;
	share->received += ret_response->len - before;
	share->link_ns += linktime_ns(len, ret_response->len - before, 106);
	return e;
}

static void watch(struct reader *r, enum budget_job job, struct budget *b)
{
	spy.real = r->driver;
	spy.driver = *r->driver;
	spy.driver.transmit = transmit;
	spy.budget = b;
	spy.job = job;
	spy.file = 0;
	r->driver = &spy.driver;
}

/* ---- the least ---- */

static void must_move(struct budget *b, size_t command, size_t response)
{
	b->least_apdus++;
	b->least_bytes += command + response + 2;
}

static void must_read(struct budget *b, size_t object, bool extended)
{
	b->objects += object;
	if (extended && object > 256) {
		must_move(b, 7, object);
		return;
	}
	for (; object > 256; object -= 256)
		must_move(b, 5, 256);
	must_move(b, 5, object);
}

static void must_do(struct budget *b, const size_t *objects, size_t count, size_t secret, bool extended)
{
	must_move(b, 5 + 10, 0);     /* SELECT */
	must_move(b, 4, 0);	     /* the tries that are left */
	must_move(b, 5 + secret, 0); /* VERIFY */
	for (size_t i = 0; i < count; i++)
		must_read(b, objects[i], extended);
}

/* ---- the jobs ---- */

static int read_face(struct fuda_card *card, struct fuda_pin_entry *pin, struct fuda_deadline *dl, struct budget *ret)
{
	_cleanup_(fuda_face_records_free) struct fuda_face_records records = FUDA_FACE_RECORDS_INIT;
	const struct fuda_face_request request = { .face = true, .with = FUDA_PIN_B, .pin = pin };
	int r = fuda_face_read(card, &request, dl, &records);
	const size_t objects[] = { records.certificate.len, records.face.len };

	if (r == 0)
		must_do(ret, objects, ARRAY_SIZE(objects), 14, card->extended == EXTENDED_WORKS);
	return r;
}

static int read_attributes(struct fuda_card *card, struct fuda_pin_entry *pin, struct fuda_deadline *dl,
			   struct budget *ret)
{
	_cleanup_(fuda_text_records_free) struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	const struct fuda_text_request request = { .attributes = true, .with = FUDA_PIN_TEXT, .pin = pin };
	int r = fuda_text_read(card, &request, dl, &records);
	const size_t objects[] = { records.certificate.len, records.attributes.len, records.integrity.len };

	if (r == 0)
		must_do(ret, objects, ARRAY_SIZE(objects), 4, card->extended == EXTENDED_WORKS);
	return r;
}

static const struct {
	const char *secret; /* its key in card.conf */
	int (*read)(struct fuda_card *, struct fuda_pin_entry *, struct fuda_deadline *, struct budget *);
} jobs[] = {
	[BUDGET_FACE] = { "secret.face-b = ", read_face },
	[BUDGET_ATTRIBUTES] = { "secret.text = ", read_attributes },
};

/* ---- together ---- */

static int find_secret(const char *dir, const char *key, struct fuda_secret **ret)
{
	char text[4096];
	FILE *f;
	int r = FUDA_ENOTFOUND;

	snprintf(text, sizeof(text), "%s/card.conf", dir);
	f = fopen(text, "r");
	if (!f)
		return FUDA_EFILE;
	while (r == FUDA_ENOTFOUND && fgets(text, sizeof(text), f))
		if (strncmp(text, key, strlen(key)) == 0)
			r = fuda_secret_new(text + strlen(key), strcspn(text + strlen(key), "\n"), ret);
	fclose(f);
	return r;
}

static int once(struct fuda_context *ctx, const char *dir, enum budget_job job, struct fuda_pin_entry *pin,
		struct budget *ret)
{
	struct fuda_deadline *dl = NULL;
	struct fuda_card *card = NULL;
	char reader[4096];
	int r = fuda_deadline_new(60000, &dl);

	*ret = (struct budget){ 0 };
	snprintf(reader, sizeof(reader), "virtual:%s", dir);
	if (r == 0)
		r = fuda_card_open(ctx, reader, dl, &card);
	if (r == 0) {
		watch(card->reader, job, ret);
		r = jobs[job].read(card, pin, dl, ret);
		card->reader->driver = spy.real;
	}
	fuda_card_free(&card);
	fuda_deadline_free(&dl);
	return r;
}

int budget_measure(const char *dir, enum budget_job job, char ret_why[BUDGET_WHY], struct budget *ret)
{
	struct fuda_context *ctx = NULL;
	struct fuda_secret *secret = NULL;
	struct fuda_pin_entry pin;
	int r = fuda_context_new(&ctx);

	if (r == 0)
		r = find_secret(dir, jobs[job].secret, &secret);
	for (int i = 0; r == 0 && i < 2; i++) {
		pin = FUDA_PIN_ENTRY(secret);
		r = once(ctx, dir, job, &pin, ret);
	}
	if (r < 0)
		snprintf(ret_why, BUDGET_WHY, "%s: %s", dir, ctx ? fuda_context_message(ctx) : fuda_error_text(r));
	fuda_secret_free(&secret);
	fuda_context_free(&ctx);
	return r;
}
