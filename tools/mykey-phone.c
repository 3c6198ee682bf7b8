/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-phone.h"

#include <stdio.h>
#include <string.h>

#include "tools/mdoc-common.h"
#include "tools/phone.h"
#include "tools/report.h"

/* Seconds for which a phone is waited for and talked to, less than what a challenge is good for. */
enum { PHONE_SECONDS = 100, READER_NAME = 512 };

const char *mykey_phone_reader;

/* What is asked of a phone, as something must be: whether its holder is of age. */
static const char asked[] = "age_over_20";
/* What the service knows such an element by. */
static const char taken[] = "age_over_";

/* One presentation. */
struct presenting {
	struct fuda_mdoc_profiles *profiles;
	struct fuda_mdoc_wish wish;
	struct fuda_mdoc_key *key;
	struct phone_talk talk;
	struct fuda_buf transcript;
};
#define PRESENTING_INIT                                \
	((struct presenting){ .talk = PHONE_TALK_INIT, \
			      .transcript = FUDA_BUF_INIT(PHONE_MESSAGE_MAX) })

static void presenting_free(struct presenting *p)
{
	phone_talk_free(&p->talk);
	fuda_buf_free(&p->transcript);
	fuda_mdoc_key_free(&p->key);
	fuda_mdoc_profiles_free(&p->profiles);
}

/* What a wrong option would make fail is seen before anybody is asked for anything; what the
 * service takes is seen with its challenge. */
static int prepare(struct call *call, struct presenting *p, struct fuda_mykey_wish *wish)
{
	int r = mdoc_profiles(call, &p->profiles);

	if (r < 0)
		return r;
	if (fuda_mdoc_wish_find(p->profiles, mdoc_profile(), asked, &p->wish) < 0)
		return call_usage(call,
				  _("there is no profile '%s' with an element that says '%s'"),
				  mdoc_profile(), asked);
	if (strncmp(p->wish.name, taken, sizeof(taken) - 1) != 0)
		return call_usage(call,
				  _("the service takes elements named %sNN alone, and the profile "
				    "'%s' has '%s'"),
				  taken, mdoc_profile(), p->wish.name);
	p->talk.wishes = &p->wish;
	p->talk.wish_count = 1;
	wish->doctype = p->wish.doctype;
	return 0;
}

/* A challenge that was signed already does not wait for ever. */
static void restart(struct call *call)
{
	int timeout = session_timeout_ms();

	fuda_deadline_restart(call->dl,
			      timeout < 1000 * PHONE_SECONDS ? timeout : 1000 * PHONE_SECONDS);
}

/* The key that binds what the phone shows to the challenge. */
static int make_key(struct fuda_mykey *mykey, struct presenting *p)
{
	int r = fuda_mykey_reader_key(mykey, &p->key);

	p->talk.key = p->key;
	return r;
}

static int ask(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
	       struct presenting *p, const struct mykey_signed *s)
{
	const struct fuda_mykey_phone phone = { &p->transcript, &p->talk.response };
	struct fuda_mdoc_span transcript = fuda_mdoc_reader_transcript(p->talk.reader);
	struct fuda_mykey_wish with = *wish;
	int r = fuda_buf_append(&p->transcript, transcript.bytes, transcript.len);

	with.phone = &phone;
	if (r < 0)
		return call_fail(call, r, "%s", fuda_error_text(r));
	r = mykey_ask(call, mykey, &with, s);
	if (r == 0)
		report_flag(call->report, _("Phone"), "mdoc",
			    wish->purpose != FUDA_MYKEY_UNBIND_MDOC);
	return r;
}

static int work_alone(struct call *call, struct fuda_mykey *mykey,
		      const struct fuda_mykey_wish *purpose)
{
	struct fuda_mykey_wish wish = *purpose;
	_cleanup_(presenting_free) struct presenting p = PRESENTING_INIT;
	_cleanup_(mykey_signed_free) struct mykey_signed s = MYKEY_SIGNED_INIT;
	int r = prepare(call, &p, &wish);

	call->world_told = true; /* the service judges the phone */
	if (r == 0)
		r = mykey_challenge(call, mykey, &wish, &s);
	if (r == 0)
		r = phone_open(call, &p.talk);
	if (r == 0)
		r = mykey_freshen(call, mykey, &wish, &s);
	if (r == 0)
		r = make_key(mykey, &p);
	if (r < 0)
		return r;
	restart(call);
	r = phone_talk(call, &p.talk);
	return r < 0 ? r : ask(call, mykey, &wish, &p, &s);
}

/* The card signs first: what it refuses costs the person no way with the phone. */
static int work_bind(struct call *call, struct fuda_mykey *mykey,
		     const struct fuda_mykey_wish *purpose)
{
	struct fuda_mykey_wish wish = *purpose;
	_cleanup_(presenting_free) struct presenting p = PRESENTING_INIT;
	_cleanup_(mykey_signed_free) struct mykey_signed s = MYKEY_SIGNED_INIT;
	char reader[READER_NAME];
	int r = prepare(call, &p, &wish);

	if (r == 0 && mykey_phone_reader)
		r = phone_reader_there(call, mykey_phone_reader);
	if (r == 0)
		r = mykey_sign_by_pin(call, mykey, &wish, &s);
	if (r == 0)
		r = make_key(mykey, &p);
	if (r < 0)
		return r;
	snprintf(reader, sizeof(reader), "%s", fuda_card_reader(call->card));
	call_close_card(call);
	restart(call);
	r = phone_follow(call, reader, mykey_phone_reader, &p.talk);
	return r < 0 ? r : ask(call, mykey, &wish, &p, &s);
}

int mykey_phone_options(struct call *call, bool mdoc)
{
	if (!mdoc && mykey_phone_reader)
		return call_usage(call, _("--phone-reader goes with --mdoc"));
	if (!mdoc && mdoc_says_profile())
		return call_usage(call, _("--profile and --profile-file go with --mdoc"));
	return 0;
}

int mykey_run_phone(struct call *call, enum fuda_mykey_purpose purpose)
{
	const struct fuda_mykey_wish wish = { .purpose = purpose };

	return mykey_run_by(call, &wish, purpose == FUDA_MYKEY_BIND_MDOC ? work_bind : work_alone);
}
