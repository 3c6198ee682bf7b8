/* SPDX-License-Identifier: Apache-2.0 */
/* A reader that expects commands and gives the answers that a test wrote down. */
#ifndef TESTS_MOCK_H
#define TESTS_MOCK_H

#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "card/card.h"
#include "tests/cmocka.h"

struct exchange {
	const char *command;  /* hexadecimal; "VERIFY" may end in ".." for any rest; "PAD " and what it is told */
	const char *response; /* hexadecimal with status word; NULL: `error` */
	int error;
	bool reset; /* the card lost its state: the epoch goes up */
};

struct mock {
	const struct exchange *next;
	unsigned verifies; /* VERIFY with data */
	unsigned changes;  /* of secrets */
	unsigned typed;    /* times that the keys were asked for one */
	uint8_t patience;  /* seconds that they were given for it */
	unsigned power_offs, power_ons;
	bool locked;
	bool once_missing; /* a command with a secret came without TRANSMIT_ONCE */
};

static inline int mock_transmit(struct reader *r, const uint8_t *command, size_t len,
				unsigned flags, struct fuda_deadline *dl,
				struct fuda_buf *ret_response)
{
	struct mock *m = r->priv;
	const struct exchange *x = m->next;
	char hex[2 * 300 + 1];
	size_t compared;

	(void)dl;
	assert_true(len <= 300);
	fuda_hex_encode(command, len, hex);
	if (apdu_is_pin_command(command, len) && len > 5) {
		if (!x || x->error != FUDA_ERESET) /* which keeps it from leaving */
			*(command[1] == 0x20 ? &m->verifies : &m->changes) += 1;
		m->once_missing |= !(flags & TRANSMIT_ONCE);
	}
	if (!x || !x->command)
		fail_msg("unexpected command %s", hex);
	compared = strcspn(x->command, ".");
	if (strlen(hex) < compared || strncmp(hex, x->command, compared) != 0 ||
	    (!x->command[compared] && hex[compared]))
		fail_msg("command %s where %s is expected", hex, x->command);
	m->next++;
	if (x->reset)
		r->epoch++;
	if (!x->response)
		return ctx_fail_code(r->ctx, x->error);
	return fuda_hex_decode(x->response, ret_response);
}

/* A pad, where a test sets reader->pad. How long it may take is not compared. */
static inline int mock_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
			      struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	enum { TIMES = 2 };
	struct mock *m = r->priv;
	const struct exchange *x = m->next;
	char hex[2 * 300 + 1];

	(void)dl;
	assert_false(modify);
	assert_in_range(len, TIMES, 300);
	fuda_hex_encode(structure + TIMES, len - TIMES, hex);
	if (!x->command || strncmp(x->command, "PAD ", 4) != 0 || strcmp(x->command + 4, hex) != 0)
		fail_msg("PAD %s where %s is expected", hex, x->command ? x->command : "nothing");
	assert_int_equal(structure[0], structure[1]);
	m->patience = structure[0];
	m->next++;
	if (x->error != FUDA_ERESET)
		m->typed++;
	if (x->reset)
		r->epoch++;
	if (!x->response)
		return ctx_fail_code(r->ctx, x->error);
	return fuda_hex_decode(x->response, ret_response);
}

static inline int mock_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	struct mock *m = r->priv;

	(void)dl;
	assert_true(m->locked);
	r->epoch++;
	if (how == POWER_OFF)
		m->power_offs++;
	else
		m->power_ons++;
	return 0;
}

static inline int mock_lock(struct reader *r, bool on, struct fuda_deadline *dl)
{
	struct mock *m = r->priv;

	(void)dl;
	assert_int_not_equal(m->locked, on);
	m->locked = on;
	return 0;
}

static inline void mock_close(struct reader *r)
{
	(void)r;
}

static const struct driver mock_driver = {
	.name = "mock",
	.close = mock_close,
	.power = mock_power,
	.transmit = mock_transmit,
	.secure = mock_secure,
	.lock = mock_lock,
};

/* A session with a mock card that follows `script`, which ends with an empty exchange. */
struct mock_card {
	struct mock mock;
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct fuda_card *card;
};

static inline void mock_open(struct mock_card *m, const struct exchange *script)
{
	struct reader *r = calloc(1, sizeof(*r));

	memset(m, 0, sizeof(*m));
	m->mock.next = script;
	assert_int_equal(fuda_context_new(&m->ctx), 0);
	assert_int_equal(fuda_deadline_new(10000, &m->dl), 0);
	assert_non_null(r);
	*r = (struct reader){ .ctx = m->ctx,
			      .driver = &mock_driver,
			      .priv = &m->mock,
			      .name = strdup("mock:"),
			      .max_command = APDU_COMMAND_MAX,
			      .max_response = APDU_RESPONSE_MAX };
	assert_int_equal(card_wrap(m->ctx, &r, &m->card), 0);
}

/* Closes it; the script must have been followed to its end. */
static inline void mock_close_card(struct mock_card *m)
{
	if (m->mock.next->command)
		fail_msg("command %s was not sent", m->mock.next->command);
	fuda_card_free(&m->card);
	assert_false(m->mock.locked);
	assert_false(m->mock.once_missing);
	fuda_deadline_free(&m->dl);
	fuda_context_free(&m->ctx);
}

#endif
