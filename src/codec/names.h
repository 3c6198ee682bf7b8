/* SPDX-License-Identifier: Apache-2.0 */
/* Applications of cards and phones by name. */
#ifndef CODEC_NAMES_H
#define CODEC_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AID_MAX = 16 };

struct aid {
	uint8_t bytes[AID_MAX];
	size_t len;
	const char *name; /* "jpki" */
	/* SELECT asks what the application says of itself (P2 00, with Le), as a phone's must be
	 * selected: mdoc.md 1.4. */
	bool answers;
};

/* card.md 2.1. Compared by address. */
extern const struct aid aid_jpki;   /* 公的個人認証 */
extern const struct aid aid_text;   /* 券面事項入力補助 */
extern const struct aid aid_face;   /* 券面事項確認 */
extern const struct aid aid_common; /* 共通カード */
extern const struct aid aid_juki;   /* 住民基本台帳 */
extern const struct aid aid_isd;    /* GlobalPlatform issuer security domain: the card itself */
/* Of a phone: mdoc.md 1.4. */
extern const struct aid aid_mdoc; /* mobile credentials, ISO 18013-5 */
extern const struct aid aid_ndef; /* NDEF file, NFC Forum Type 4 Tag */

#endif
