/* SPDX-License-Identifier: Apache-2.0 */
/* The secrets of the software card's applications: card.md 2.4 to 2.7, 3 and 3.2. */
#include "tests/softfiles.h"

#include <stdio.h>
#include <string.h>
#include "base/util.h"
#include "tests/cmocka.h"

/* Everything about a secret but its value. */
static const struct secret {
	const char *name, *select, *reference; /* of P2 */
	const char *verify;
	unsigned tries;
} secrets[] = {
	{ "text", SELECT_TEXT, "91", VERIFY_TEXT, 3 },
	{ "text-a", SELECT_TEXT, "94", VERIFY_TEXT_A, 10 },
	{ "text-b", SELECT_TEXT, "95", VERIFY_TEXT_B, 10 },
	{ "face-a", SELECT_FACE, "93", VERIFY_FACE_A, 10 },
	{ "face-b", SELECT_FACE, "92", VERIFY_FACE_B, 10 },
	{ "birth", SELECT_FACE, "91", VERIFY_BIRTH, 10 },
	{ "juki", SELECT_JUKI, "9C", VERIFY_JUKI, 3 },
	{ "common", SELECT_COMMON, "9C", VERIFY_COMMON, 3 },
};

static const char *const left_sw[] = { "63C0", "63C1", "63C2", "63C3", "63C4", "63C5",
				       "63C6", "63C7", "63C8", "63C9", "63CA" };

static void query(struct vcard *v, const struct secret *s, unsigned left)
{
	char command[16];

	expect(v, s->select, "9000");
	snprintf(command, sizeof(command), "002000%s", s->reference);
	expect(v, command, left_sw[left]);
}

/* A secret of the same length and nothing else in common. */
static void verify_wrong(struct vcard *v, const struct secret *s, const char *answer)
{
	char command[64];
	size_t data = strlen(s->verify) - 10;

	snprintf(command, sizeof(command), "%.10s", s->verify);
	for (size_t i = 0; i < data; i++)
		command[10 + i] = i % 2 ? '9' : '3';
	command[10 + data] = 0;
	expect(v, command, answer);
}

/* Each secret has its own counter, also where the card keeps it twice. */
static void counters(void **state)
{
	(void)state;
	for (const struct secret *s = secrets; s < secrets + ARRAY_SIZE(secrets); s++) {
		struct vcard *v = softfiles_on(NULL);

		query(v, s, s->tries);
		expect(v, s->verify, "9000");
		query(v, s, s->tries); /* never 9000, and never taken */
		verify_wrong(v, s, left_sw[s->tries - 1]);
		for (const struct secret *o = secrets; o < secrets + ARRAY_SIZE(secrets); o++)
			query(v, o, o->tries - (o == s));
		expect(v, s->select, "9000");
		expect(v, s->verify, "9000");
		query(v, s, s->tries);
		for (unsigned left = s->tries; left--;)
			verify_wrong(v, s, left_sw[left]);
		verify_wrong(v, s, "6984");
		expect(v, s->verify, "6984"); /* too late */
		query(v, s, 0);
		softcard_free(&v);
		v = softcard_load(); /* it is on disk */
		vcard_power(v, true);
		for (const struct secret *o = secrets; o < secrets + ARRAY_SIZE(secrets); o++)
			query(v, o, o == s ? 0 : o->tries);
		softcard_free(&v);
	}
}

/* One neither opens nor closes another in the same application; selecting closes all. */
static void together(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_FACE, "9000" },
		{ VERIFY_BIRTH, "9000" },
		{ VERIFY_FACE_A, "9000" },
		{ VERIFY_FACE_B, "9000" },
		{ "00B0810000", "FA019000" },
		{ "00B0850000", "FA059000" },
		{ "0020009301" "39", "63C9" }, /* any length that can be is a try */
		{ "00B0850000", "6982" },
		{ "00B0820000", "FA029000" }, /* B still opens it */
		{ "00B0810000", "FA019000" },
		{ "002000920E" "3939393939393939393939393939", "63C9" },
		{ "00B0820000", "6982" },
		{ "00A4040C0AD3921000310001010409", "6A82" },
		{ "00B0810000", "FA019000" },
		{ SELECT_FACE, "9000" },
		{ "00B0810000", "6982" },
		{ VERIFY_BIRTH, "9000" },
		{ SELECT_TEXT, "9000" },
		{ "00B0810000", "6982" },
		{ SELECT_FACE, "9000" },
		{ "00B0810000", "6982" },
		{ NULL },
	};
	static const struct exchange kept[] = {
		{ SELECT_FACE, "9000" },      { VERIFY_BIRTH, "9000" },
		{ SELECT_FACE, "9000" },      { "00B0810000", "FA019000" },
		{ SELECT_TEXT, "9000" },      { SELECT_FACE, "9000" },
		{ "00B0810000", "6982" },     { NULL },
	};

	(void)state;
	softfiles_after(NULL, exchanges);
	softfiles_after("reselect = keep\n", kept);
}

/* EF 0012 of the text application: card.md 2.7. */
static void blocked_as_issued(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_TEXT, "9000" },
		{ "00200092", "63C0" },
		{ "0020009200", "63C0" },
		{ "0020009204" "31313131", "6984" },
		{ "0020009201" "31", "6984" },
		{ "0020009211" "3131313131313131313131313131313131", "6700" },
		{ "0024019204" "31313131", "6982" },
		{ "8032009204" "31313131", "6982" },
		{ "00A4020C020012", "9000" },
		{ "0020008004" "31313131", "6984" },
		{ "00200080", "63C0" },
		{ VERIFY_TEXT, "9000" },
		{ "00200092", "63C0" },
		{ NULL },
	};
	static const struct exchange other_reading[] = {
		{ SELECT_TEXT, "9000" },
		{ "00200092", "6984" },
		{ "0020009204" "31313131", "6983" },
		{ NULL },
	};

	(void)state;
	softfiles_after(NULL, exchanges);
	softfiles_after("blocked-query = 6984\nblocked-verify = 6983\n", other_reading);
}

/* How many tries the date of birth has is not known: card.md 3.2. */
static void tries_of_birth(void **state)
{
	static const struct exchange two[] = {
		{ SELECT_FACE, "9000" },
		{ "00200091", "63C2" },
		{ "002000910630" "3030303030", "63C1" },
		{ VERIFY_BIRTH, "9000" },
		{ "00200091", "63C2" },
		{ "002000910630" "3030303030", "63C1" },
		{ "002000910630" "3030303030", "63C0" },
		{ VERIFY_BIRTH, "6984" },
		{ NULL },
	};
	static const struct exchange without_limit[] = {
		{ SELECT_FACE, "9000" },
		{ "00200091", "6300" },
		{ "002000910630" "3030303030", "6300" },
		{ "00B0810000", "6982" },
		{ VERIFY_BIRTH, "9000" },
		{ "00B0810000", "FA019000" },
		{ "00200091", "6300" },
		{ NULL },
	};
	struct vcard *v;

	(void)state;
	softfiles_after("birth-tries = 2\n", two);
	v = softcard_load(); /* the state fits the option */
	vcard_power(v, true);
	expect(v, SELECT_FACE, "9000");
	expect(v, "00200091", "63C0");
	softcard_free(&v);
	softfiles_after("birth-tries = 0\n", without_limit);
	v = softfiles_on("birth-tries = 15\n");
	expect(v, SELECT_FACE, "9000");
	expect(v, "00200091", "63CF");
	softcard_free(&v);
}

/* ---- changes ---- */

static void changes(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_TEXT, "9000" },
		{ "0024019104" "37373737", "6982" }, /* not verified */
		{ VERIFY_TEXT_A, "9000" },
		{ "0024019104" "37373737", "6982" },
		{ VERIFY_TEXT, "9000" },
		{ "0024019103" "373737", "6700" },
		{ "0024019105" "3737373737", "6700" },
		{ "00240191", "6700" },
		{ "0024019104" "3737373A", "6A80" },
		{ "0024009104" "37373737", "6A86" },
		{ "0024019104" "37373737", "9000" },
		{ VERIFY_TEXT, "63C2" },
		{ "0020009104" "37373737", "9000" },
		{ SELECT_JUKI, "9000" },
		{ "8032009C04" "38383838", "6982" },
		{ VERIFY_JUKI, "9000" },
		{ "8032019C04" "38383838", "6A86" },
		{ "8032009C04" "38383841", "6A80" },
		{ "8032009C05" "3838383838", "6700" },
		{ "8032009C", "6700" },
		{ "8032009C04" "38383838", "9000" },
		{ VERIFY_JUKI, "63C2" },
		{ SELECT_COMMON, "9000" },
		{ VERIFY_COMMON, "9000" }, /* the other one is as it was */
		{ "8032008004" "39393939", "9000" },
		{ "0020009C04" "39393939", "9000" },
		{ NULL },
	};
	static const struct exchange survives[] = {
		{ SELECT_TEXT, "9000" },   { "002000910437373737", "9000" },
		{ SELECT_JUKI, "9000" },   { "0020009C0438383838", "9000" },
		{ SELECT_COMMON, "9000" }, { "0020009C0439393939", "9000" },
		{ VERIFY_COMMON, "63C2" }, { NULL },
	};
	static const struct exchange unchecked[] = {
		{ SELECT_JUKI, "9000" },	 { VERIFY_JUKI, "9000" },
		{ "8032009C024142", "9000" },	 { "0020009C024142", "9000" },
		{ "8032009C00", "6700" },	 { NULL },
	};
	struct vcard *v;

	(void)state;
	softfiles_after(NULL, exchanges);
	v = softcard_load();
	vcard_power(v, true);
	expect_all(v, survives);
	softcard_free(&v);
	softfiles_after("change-check = no\n", unchecked);
}

/* The command of another secret, and secrets that nobody can change: our reading, as card.md has
 * none. */
static void changes_that_cannot_be(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_JPKI, "9000" },
		{ VERIFY_AUTH, "9000" },
		{ VERIFY_SIGN, "9000" },
		{ "8032009804" "37373737", "6982" },
		{ "8032009B06" "373737373737", "6982" },
		{ "8032009704" "37373737", "6981" },
		{ "8032008304" "37373737", "6A82" },
		{ VERIFY_AUTH, "9000" }, /* nothing happened */
		{ SELECT_TEXT, "9000" },
		{ "8032008004" "37373737", "6986" },
		{ VERIFY_TEXT, "9000" },
		{ "8032009104" "37373737", "6982" },
		{ VERIFY_TEXT_A, "9000" },
		{ VERIFY_TEXT_B, "9000" },
		{ "002401940C" "373737373737373737373737", "6982" },
		{ "803200940C" "373737373737373737373737", "6982" },
		{ "002401950E" "3737373737373737373737373737", "6982" },
		{ SELECT_FACE, "9000" },
		{ VERIFY_BIRTH, "9000" },
		{ VERIFY_FACE_A, "9000" },
		{ VERIFY_FACE_B, "9000" },
		{ "0024019106" "373737373737", "6982" },
		{ "8032009106" "373737373737", "6982" },
		{ "002401930C" "373737373737373737373737", "6982" },
		{ "002401920E" "3737373737373737373737373737", "6982" },
		{ SELECT_JUKI, "9000" },
		{ VERIFY_JUKI, "9000" },
		{ "0024019C04" "37373737", "6982" },
		{ SELECT_COMMON, "9000" },
		{ VERIFY_COMMON, "9000" },
		{ "0024019C04" "37373737", "6982" },
		{ "8054009C04" "37373737", "6982" }, /* only the issuer unblocks */
		{ VERIFY_COMMON, "9000" },
		{ NULL },
	};

	(void)state;
	softfiles_after(NULL, exchanges);
}

/* A token without a secret does not have its IEF. */
static void absent_secret(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_FACE, "9000" },
		{ "00200091", "6A82" },
		{ "00A4020C020011", "6A82" },
		{ "00B0810000", "6982" },
		{ NULL },
	};
	struct vcard *v;
	FILE *f;

	(void)state;
	softcard_write(NULL);
	f = fopen(softcard_path("card.conf"), "w");
	fputs("kind = card\nsecret.face-a = 222222222222\n", f);
	fclose(f);
	v = softcard_load();
	vcard_power(v, true);
	expect_all(v, exchanges);
	expect(v, VERIFY_FACE_A, "9000");
	softcard_free(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters),
		cmocka_unit_test(together),
		cmocka_unit_test(blocked_as_issued),
		cmocka_unit_test(tries_of_birth),
		cmocka_unit_test(changes),
		cmocka_unit_test(changes_that_cannot_be),
		cmocka_unit_test(absent_secret),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softfiles_setup, softfiles_teardown);
}
