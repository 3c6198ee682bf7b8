/* SPDX-License-Identifier: Apache-2.0 */
/* Who issues the credentials of phones, and their revocation lists: when a phone counts for them,
 * and when nobody is asked for a PIN for one, as none could be taken. */
#include <fcntl.h>
#include <sys/stat.h>

#include "service/mdoc-lists.h"
#include "tests/phone-stand.h"

static struct phone another;

/* ---- lists ---- */

static void revoked(_unused_ void **state)
{
	write_list(true, now - DAY, 30);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	assert_neither(NULL, 403, "mdoc_revoked", "certificate_revoked");
	/* that counts wherever lists are not needed, */
	p->service.config.crl_required = false;
	assert_neither(NULL, 403, "mdoc_revoked", "certificate_revoked");
	/* and when the file cannot be used any more: that is told each time */
	scratch_write("iaca.crl", "", 0600);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EFORMAT);
		assert_non_null(strstr(fuda_context_message(p->ctx), "iaca.crl"));
		assert_neither(NULL, 403, "mdoc_revoked", "certificate_revoked");
	}
	/* until a newer list has him no more */
	write_list(false, now - DAY / 2, 30);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
}

/* No card is asked for its PIN, then. */
static void assert_not_listed(void)
{
	challenge_for("purpose=bind-mdoc", "mdoc_revocation_stale");
	challenge_for("purpose=show-mdoc", "mdoc_revocation_stale");
	challenge_for("purpose=bind", "");
	assert_neither(NULL, 503, "mdoc_revocation_stale", NULL);
}

/* Nor does one that can revoke, but not clear: of too long a period it may not be the newest. */
static void a_list_of_another_form(_unused_ void **state)
{
	write_list(false, now - DAY, 100);
	start_issuers();
	assert_not_listed();
	p->service.config.crl_required = false;
	challenge_for("purpose=bind-mdoc", "");
}

/* Without a list in force nobody is believed, as it is with cards. */
static void revocation_unknown(_unused_ void **state)
{
	struct asked a = asked_make(0, &hanako, &hanakos, "show-mdoc");

	write_list(false, now - 10 * DAY, 9);
	start_issuers();
	assert_not_listed();
	assert_int_equal(finish(&a)->retry_after, 300);
	p->service.config.crl_grace = 2 * DAY;
	challenge_for("purpose=bind-mdoc", "");
	assert_refused(show_phone(&hanakos), 404, "mdoc_not_bound");
	assert_int_equal(unlink(p->service.config.mdoc_crl[0]), 0);
	start_issuers();
	assert_not_listed();
	/* it comes while it runs; not before its time */
	write_list(false, now + DAY, 9);
	for (int i = 0; i < 2; i++)
		assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EWAIT);
	assert_not_listed();
	p->service.config.mdoc_crl_count = 0;
	start_issuers();
	assert_not_listed();
	p->service.config.crl_required = false;
	challenge_for("purpose=bind-mdoc", "");
	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
}

static struct mdoc_list_state list_state(void)
{
	struct mdoc_list_state s;

	assert_int_equal(mdoc_list_state(p->ctx, &p->service.config, 0, now, &s), 0);
	assert_string_equal(s.file, p->service.config.mdoc_crl[0]);
	assert_int_equal(!*s.why, s.loaded && !s.flawed);
	return s;
}

/* What people are told of the lists. */
static void lists_told(_unused_ void **state)
{
	struct mdoc_list_state s;
	FILE *f;

	write_list(true, now - DAY, 30);
	s = list_state();
	assert_true(s.loaded && !s.flawed && !s.stale && !s.half);
	assert_int_equal(s.this_update, now - DAY);
	assert_int_equal(s.next_update, now + 29 * DAY);
	assert_int_equal(s.count, 1);
	assert_non_null(strstr(s.issuer, "CN="));
	write_list(false, now - 10 * DAY, 19);
	s = list_state();
	assert_true(s.loaded && s.half && !s.stale);
	assert_int_equal(s.count, 0);
	write_list(false, now - 10 * DAY, 9);
	assert_true(list_state().stale);
	p->service.config.crl_grace = 2 * DAY;
	assert_false(list_state().stale);
	/* it begins tomorrow; it is no list; it is somebody else's; it is not there */
	write_list(false, now + DAY, 9);
	s = list_state();
	assert_true(s.loaded && s.flawed);
	f = fopen(p->service.config.mdoc_crl[0], "wb");
	assert_true(f && fputs("no list", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_false(list_state().loaded);
	free_issuer();
	make_issuer();
	write_list(false, now - DAY, 30);
	assert_false(list_state().loaded);
	assert_int_equal(unlink(p->service.config.mdoc_crl[0]), 0);
	assert_false(list_state().loaded);
	assert_int_equal(mdoc_list_state(p->ctx, &p->service.config, 1, now, &s), FUDA_ENOTFOUND);
}

static void a_list_that_comes_later(_unused_ void **state)
{
	assert_int_equal(unlink(p->service.config.mdoc_crl[0]), 0);
	start_issuers();
	assert_not_listed();
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EFILE);
	write_list(false, now - DAY, 30);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	challenge_for("purpose=bind-mdoc", "");
	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
}

/* The list's file is of another time: two writings may be within a tick of the clock. */
static void stamp(unsigned days)
{
	const struct timespec times[2] = { { now - days, 0 }, { now - days, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, p->service.config.mdoc_crl[0], times, 0), 0);
}

/* Nobody is refused because a file of the authorities or of their lists is away. */
static void files_that_go(_unused_ void **state)
{
	assert_int_equal(bind_phone(&hanako, &hanakos)->status, 201);
	assert_int_equal(unlink(p->service.config.mdoc_crl[0]), 0);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EFILE);
	assert_int_equal(show_phone(&hanakos)->status, 200);
	/* an older one does not take its place */
	write_list(false, now - 10 * DAY, 9);
	for (int i = 0; i < 2; i++)
		assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EVERIFY);
	assert_int_equal(show_phone(&hanakos)->status, 200);
	/* nor one from the future, nor are there more and more of them */
	write_list(true, now + DAY, 9);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EWAIT);
	assert_int_equal(show_phone(&hanakos)->status, 200);
	for (unsigned days = 10; days < 80; days++) {
		assert_int_equal(unlink(p->service.config.mdoc_crl[0]), 0);
		write_list(false, now - DAY, days);
		stamp(days);
		assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	}
	assert_int_equal(unlink(p->service.config.mdoc_crl[0]), 0);
	assert_int_equal(unlink(p->service.config.mdoc_trust[0]), 0);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(p->ctx), "iaca.pem"));
	assert_non_null(strstr(fuda_context_message(p->ctx), "iaca.crl"));
	assert_int_equal(show_phone(&hanakos)->status, 200);
	scratch_write("iaca.pem", "nothing", 0600);
	for (int i = 0; i < 2; i++)
		assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_ENOTFOUND);
	assert_int_equal(show_phone(&hanakos)->status, 200);
	/* back again, the list in force is kept, without its file */
	write_certificate("iaca.pem", authorities.iaca.cert);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EFILE);
	assert_null(strstr(fuda_context_message(p->ctx), "iaca.pem"));
	assert_int_equal(show_phone(&hanakos)->status, 200);
}

/* Whoever is named no more is believed no more, and the next one's list counts at once. */
static void another_authority(_unused_ void **state)
{
	free_issuer();
	make_issuer();
	another = phone_make(now - DAY, 10);
	write_list(false, now - DAY, 30);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_ENOTFOUND);
	assert_int_equal(show_phone(&hanakos)->status, 404);
	write_certificate("iaca.pem", authorities.iaca.cert);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	assert_refused(show_phone(&hanakos), 403, "mdoc_invalid");
	assert_int_equal(bind_phone(&hanako, &another)->status, 201);
	phone_free(&another);
}

/* A list whose time has not come is read again when it has, though its file is as it was. */
static void a_list_whose_time_comes(_unused_ void **state)
{
	time_t from = time(NULL) + MDOC_CLOCK + 2;

	write_list(true, from, 30);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EWAIT);
	assert_refused(show_phone(&hanakos), 404, "mdoc_not_bound");
	while (time(NULL) + MDOC_CLOCK < from)
		usleep(100000);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	assert_refused(show_phone(&hanakos), 403, "mdoc_revoked");
}

/* ---- two authorities ---- */

static struct wallet_authorities former;
static struct issuer former_ds;

/* Another authority, of the same name, as one that has a new key; hanako's is the former one. */
static void make_next(void)
{
	struct config *config = &p->service.config;

	former = authorities;
	former_ds = ds;
	make_issuer();
	another = phone_make(now - DAY, 10);
	write_certificate("next.pem", authorities.iaca.cert);
	config->mdoc_trust_count = 2;
	snprintf(config->mdoc_trust[1], CONFIG_TEXT, "%s", scratch_path("next.pem"));
	snprintf(config->mdoc_crl[1], CONFIG_TEXT, "%s", scratch_path("next.crl"));
}

static void free_former(void)
{
	phone_free(&another);
	wallet_authorities_free(&former);
	X509_free(former_ds.cert);
	EVP_PKEY_free(former_ds.key);
}

/* Both files have the former's list, on which hanako's signer is. */
static void put_one_list_twice(void)
{
	(void)unlink(scratch_path("iaca.crl"));
	(void)unlink(scratch_path("next.crl"));
	write_list_of(&former.iaca, "iaca.crl", former_ds.cert, now - DAY, 30);
	assert_int_equal(link(p->service.config.mdoc_crl[0], p->service.config.mdoc_crl[1]), 0);
}

/* What one file has no more stays in force for the other. */
static void one_list_in_two_files(_unused_ void **state)
{
	make_next();
	p->service.config.mdoc_crl_count = 2;
	put_one_list_twice();
	start_issuers();
	assert_refused(show_phone(&hanakos), 403, "mdoc_revoked");
	for (int i = 0; i < 2; i++) {
		const char *file = i ? "next.crl" : "iaca.crl";

		assert_int_equal(unlink(scratch_path(file)), 0);
		write_list_of(&authorities.iaca, file, NULL, now - DAY, 30);
		assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
		assert_refused(show_phone(&hanakos), 403, "mdoc_revoked");
		assert_refused(show_phone(&another), 404, "mdoc_not_bound");
		put_one_list_twice();
		write_certificate("next.pem", authorities.iaca.cert); /* all of it anew */
		assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
		assert_refused(show_phone(&hanakos), 403, "mdoc_revoked");
		assert_refused(show_phone(&another), 503, "mdoc_revocation_stale");
	}
	/* and goes when neither has it */
	p->service.config.crl_required = false;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(unlink(p->service.config.mdoc_crl[i]), 0);
		write_list_of(&authorities.iaca, i ? "next.crl" : "iaca.crl", NULL, now - DAY, 30);
	}
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	assert_refused(show_phone(&hanakos), 404, "mdoc_not_bound");
	free_former();
}

/* The name is the same, and the list of the new key was made before that of the old one. */
static void a_list_of_another_key(_unused_ void **state)
{
	make_next();
	start_issuers();
	write_list_of(&authorities.iaca, "iaca.crl", NULL, now - 2 * DAY, 30);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), 0);
	assert_int_equal(bind_phone(&hanako, &another)->status, 201);
	/* of its own key an older one is not taken */
	write_list_of(&authorities.iaca, "iaca.crl", ds.cert, now - 3 * DAY, 30);
	assert_int_equal(issuers_refresh(p->ctx, p->service.issuers), FUDA_EVERIFY);
	assert_int_equal(show_phone(&another)->status, 200);
	free_former();
}

/* What one authority has in force clears nobody of the other, whose list is too old. */
static void one_list_is_too_old(_unused_ void **state)
{
	make_next();
	p->service.config.mdoc_crl_count = 2;
	write_list_of(&former.iaca, "iaca.crl", NULL, now - 10 * DAY, 9);
	write_list_of(&authorities.iaca, "next.crl", NULL, now - DAY, 30);
	start_issuers();
	assert_refused(show_phone(&another), 404, "mdoc_not_bound");
	assert_refused(show_phone(&hanakos), 503, "mdoc_revocation_stale");
	p->service.config.crl_grace = 2 * DAY;
	assert_refused(show_phone(&hanakos), 404, "mdoc_not_bound");
	free_former();
}

/* ---- roots that count for nothing ---- */

/* No card is asked for its PIN, then, either. */
static void assert_not_served(void)
{
	challenge_for("purpose=bind-mdoc", "mdoc_not_served");
	challenge_for("purpose=show-mdoc", "mdoc_not_served");
	challenge_for("purpose=unbind-mdoc", "mdoc_not_served");
	challenge_for("purpose=bind", "");
	assert_neither(NULL, 403, "mdoc_not_served", NULL);
}

static struct mdoc_ca_state ca_state(size_t i)
{
	struct mdoc_ca_state s;

	assert_int_equal(issuers_certificate(p->service.issuers, i, now, &s), 0);
	assert_true(s.root);
	assert_non_null(strstr(s.subject, "CN="));
	assert_true(s.not_before < s.not_after);
	return s;
}

/* The authority anew, in force from then on, with its list. */
static void remake(time_t from)
{
	free_issuer();
	assert_int_equal(wallet_authorities_new(from, &authorities), 0);
	ds = wallet_ds(&authorities.iaca, now - 10 * DAY);
	write_certificate("iaca.pem", authorities.iaca.cert);
	write_list(false, now - DAY, 30);
	start_issuers();
}

static void out_of_time(_unused_ void **state)
{
	assert_string_equal(ca_state(0).why, "");
	remake(now - 6 * 365 * DAY);
	assert_not_served();
	assert_string_equal(ca_state(0).why, fuda_mdoc_rule_text(FUDA_MDOC_CERTIFICATE_EXPIRED));
	p->service.config.crl_required = false;
	assert_not_served();
	remake(now + DAY);
	assert_not_served();
	assert_string_equal(ca_state(0).why,
			    fuda_mdoc_rule_text(FUDA_MDOC_CERTIFICATE_NOT_YET_VALID));
	/* the authority's clock may be ahead by this */
	remake(now + MDOC_CLOCK / 2);
	challenge_for("purpose=bind-mdoc", "");
}

static void of_no_profile(_unused_ void **state)
{
	X509 *cert = authorities.iaca.cert;

	X509_EXTENSION_free(
		X509_delete_ext(cert, X509_get_ext_by_NID(cert, NID_crl_distribution_points, -1)));
	assert_true(X509_sign(cert, authorities.iaca.key, EVP_sha384()));
	write_certificate("iaca.pem", cert);
	start_issuers();
	assert_not_served();
	assert_string_not_equal(ca_state(0).why, "");
}

static void gives_itself_up(_unused_ void **state)
{
	write_list_of(&authorities.iaca, "iaca.crl", authorities.iaca.cert, now - DAY, 30);
	start_issuers();
	assert_not_served();
	assert_string_equal(ca_state(0).why, fuda_mdoc_rule_text(FUDA_MDOC_CERTIFICATE_REVOKED));
}

/* The other one is still good; its list is needed, that of the former does not do. */
static void one_of_two(_unused_ void **state)
{
	struct mdoc_ca_state s;

	remake(now - 6 * 365 * DAY);
	make_next();
	start_issuers();
	assert_string_not_equal(ca_state(0).why, "");
	assert_string_equal(ca_state(1).why, "");
	assert_int_equal(issuers_certificate(p->service.issuers, 2, now, &s), FUDA_ENOTFOUND);
	assert_not_listed();
	write_list_of(&authorities.iaca, "next.crl", NULL, now - DAY, 30);
	p->service.config.mdoc_crl_count = 2;
	start_issuers();
	challenge_for("purpose=bind-mdoc", "");
	assert_int_equal(bind_phone(&hanako, &another)->status, 201);
	free_former();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, phone_setup, phone_teardown)
	const struct CMUnitTest tests[] = {
		TEST(revoked),
		TEST(a_list_of_another_form),
		TEST(revocation_unknown),
		TEST(lists_told),
		TEST(a_list_that_comes_later),
		TEST(files_that_go),
		TEST(another_authority),
		TEST(a_list_whose_time_comes),
		TEST(one_list_in_two_files),
		TEST(a_list_of_another_key),
		TEST(one_list_is_too_old),
		TEST(out_of_time),
		TEST(of_no_profile),
		TEST(gives_itself_up),
		TEST(one_of_two),
	};

	return RUN(tests);
}
