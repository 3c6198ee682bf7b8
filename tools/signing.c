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

/* Asks for the secret, unless that was done before. */
static int ask_once(struct call *call, enum fuda_jpki_object key, struct fuda_secret **secret)
{
	return *secret ? 0 : secret_ask(call, secret_of_key(key), "jpki", secret);
}

static int in_job(struct call *call, const struct signing_job *job, struct fuda_secret **secret,
		  struct fuda_buf *ret_certificate)
{
	struct fuda_pin_entry entry;
	/* that for signatures is behind its password: card.md 2.3 */
	int r = job->key == FUDA_JPKI_SIGN ?
			0 :
			certs_foresee(call, job->key, job->at, ret_certificate);

	if (r == FUDA_EVERIFY)
		return 0;
	if (r == 0)
		r = ask_once(call, job->key, secret);
	if (r < 0)
		return r;
	entry = FUDA_PIN_ENTRY(*secret);
	entry.use_last_try = common.use_last_try;
	r = job->sign(call, &entry, job->arg);
	return secret_outcome(call, secret_of_key(job->key), &entry, r);
}

int signing_run(struct call *call, const struct signing_job *job, struct fuda_buf *ret_certificate)
{
	struct fuda_secret *secret = NULL;
	bool at_hand;
	int r = secret_at_hand(call, &at_hand);

	/* what the card is taken for has no reading of files in it */
	if (r == 0 && at_hand)
		r = ask_once(call, job->key, &secret);
	if (r == 0 && at_hand)
		r = fuda_card_begin(call->card, call->dl);
	if (r == 0) {
		r = in_job(call, job, &secret, ret_certificate);
		if (at_hand)
			fuda_card_end(call->card);
	}
	fuda_secret_free(&secret);
	return r;
}
