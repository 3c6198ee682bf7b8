/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/signing.h"

#include <string.h>

#include "tools/certs.h"
#include "tools/report.h"
#include "tools/secrets.h"

int signing_options(struct call *call, const char *hash, const char *scheme, struct signing *ret)
{
	struct signing s = { .padding = strcmp(scheme, "pss") == 0 ? FUDA_PSS : FUDA_PKCS1 };
	int r = fuda_hash_by_name(hash, &s.hash);

	if (r < 0)
		return call_fail(call, r, _("unknown hash '%s'"), hash);
	if (s.padding == FUDA_PSS && s.hash != FUDA_SHA256)
		return call_usage(call, _("--scheme pss goes with --hash sha256 only"));
	*ret = s;
	return 0;
}

void signing_report(struct call *call, const struct signing *s, const struct fuda_digest *digest)
{
	report_text(call->report, _("Hash"), "hash", fuda_hash_name(s->hash));
	report_text(call->report, _("Scheme"), "scheme", s->padding == FUDA_PSS ? "pss" : "pkcs1");
	report_hex(call->report, _("Digest"), "digest", digest->bytes, digest->len);
}

int signing_job(struct call *call, enum fuda_jpki_object key, time_t at,
		struct fuda_buf *ret_certificate, int (*sign)(struct call *call, void *arg),
		void *arg)
{
	bool at_hand;
	int r = secret_at_hand(call, &at_hand);

	if (r == 0 && at_hand)
		r = fuda_card_begin(call->card, call->dl);
	if (r < 0)
		return r;
	/* that for signatures is behind its password: card.md 2.3 */
	if (key != FUDA_JPKI_SIGN)
		r = certs_foresee(call, key, at, ret_certificate);
	if (r == 0)
		r = sign(call, arg);
	else if (r == FUDA_EVERIFY)
		r = 0;
	if (at_hand)
		fuda_card_end(call->card);
	return r;
}
