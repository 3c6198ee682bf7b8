/* SPDX-License-Identifier: Apache-2.0 */
/* The card's applications by name. */
#ifndef CODEC_NAMES_H
#define CODEC_NAMES_H

#include <stddef.h>
#include <stdint.h>

enum { AID_MAX = 16 };

struct aid {
	uint8_t bytes[AID_MAX];
	size_t len;
	const char *name; /* "jpki" */
};

/* card.md 2.1. Compared by address. */
extern const struct aid aid_jpki;   /* 公的個人認証 */
extern const struct aid aid_text;   /* 券面事項入力補助 */
extern const struct aid aid_face;   /* 券面事項確認 */
extern const struct aid aid_common; /* 共通カード */
extern const struct aid aid_juki;   /* 住民基本台帳 */
extern const struct aid aid_isd;    /* GlobalPlatform issuer security domain: the card itself */

#endif
