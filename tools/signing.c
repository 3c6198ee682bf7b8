/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/signing.h"

#include <string.h>

#include "tools/report.h"

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
