/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of tokens. */
#include <string.h>

#include "app/app.h"

static const struct token_kind kinds[] = {
	{ FUDA_TOKEN_UNKNOWN, "unknown", NULL, false, false, KEY_RSA, 2048 },
	{ FUDA_TOKEN_CARD, "card", "JPKIAPICCTOKEN2", false, false, KEY_RSA, 2048 },
	{ FUDA_TOKEN_ANDROID, "android", "JPKIAPGPSETOKEN", true, true, KEY_RSA, 2048 },
	{ FUDA_TOKEN_IPHONE, "iphone", "JPKIAPIOSTOKEN", true, true, KEY_RSA, 2048 },
};

const struct token_kind *token_kind(enum fuda_token_kind kind)
{
	for (size_t i = 1; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return &kinds[0];
}

const struct token_kind *token_kind_by_label(const char *label)
{
	for (size_t i = 1; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(label, kinds[i].label) == 0)
			return &kinds[i];
	return &kinds[0];
}

size_t token_signature_size(const struct token_kind *kind)
{
	size_t size = (kind->key_bits + 7) / 8;

	return kind->key == KEY_EC ? 2 * size : size; /* r and s, or one number */
}

const char *fuda_token_kind_name(enum fuda_token_kind kind)
{
	return token_kind(kind)->name;
}
