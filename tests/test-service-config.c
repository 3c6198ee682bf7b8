/* SPDX-License-Identifier: Apache-2.0 */
#include "service/config.h"

#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct config config;

#define NEEDED "environment = test\norigin = https://mykey.example:8443\n"

static int setup(void **state)
{
	return fuda_context_new(&ctx) < 0 ? -1 : scratch_setup(state);
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static int reads(const char *text)
{
	scratch_write(CONFIG_FILE, text, 0600);
	return service_config_read(ctx, scratch, &config);
}

/* Relative names are of the folder. */
static bool is_inside(const char *prefix, const char *name, const char *value)
{
	char want[CONFIG_TEXT];

	snprintf(want, sizeof(want), "%s%s/%s", prefix, scratch, name);
	return strcmp(want, value) == 0;
}

static void knows_what_counts_without_a_line(void **state)
{
	(void)state;
	assert_int_equal(reads(NEEDED), 0);
	assert_string_equal(config.environment, "test");
	assert_string_equal(config.origin, "https://mykey.example:8443");
	assert_true(is_inside("sqlite:", "mykeyd.db", config.database));
	assert_int_equal(config.listen_count, 1);
	assert_string_equal(config.listen[0], "127.0.0.1:8443");
	assert_string_equal(config.operations, "");
	assert_true(is_inside("", "tls.pem", config.tls_certificate));
	assert_true(is_inside("", "tls.key", config.tls_key));
	assert_int_equal(config.trust_count, 0);
	assert_int_equal(config.crl_count, 0);
	assert_true(config.crl_required);
	assert_int_equal(config.crl_grace, 3600);
	assert_string_equal(config.ocsp, "");
	assert_false(config.ocsp_required);
	assert_null(config.revocation.responder);
	assert_int_equal(config.mdoc_trust_count, 0);
	assert_string_equal(config.mdoc_doctype, "org.iso.23220.1.jp.mnc");
	assert_int_equal(config.mdoc_purpose_count, 0);
	assert_string_equal(config.renewal, "");
	assert_int_equal(config.approvals, 1);
	assert_int_equal(config.drain, 10);
	assert_null(config.revocation.files[0]);
	assert_int_equal(config.revocation.grace, 3600);
}

static void reads_every_key(void **state)
{
	(void)state;
	assert_int_equal(reads("# a comment\n\n"
			       "environment=production\n"
			       "  origin = https://[::1]:1\t\r\n"
			       "database = postgresql://u:p@a,b/x?target_session_attrs=read-write\n"
			       "listen = 0.0.0.0:443\nlisten = [::]:443\nlisten = unix:sock\nlisten = unix:/run/s\n"
			       "operations = 127.0.0.1:0\n"
			       "tls_certificate = /etc/tls.pem\ntls_key = k = v\n"
			       "trust = a.pem\ntrust = /b.pem\ncrl = one.crl\n"
			       "mdoc_trust = iaca.pem\nmdoc_trust = /link.pem\nmdoc_crl = iaca.crl\n"
			       "mdoc_doctype = org.iso.18013.5.1.mDL\n"
			       "mdoc_purpose = 1.0.18013.5.1.2\nmdoc_purpose = 1.2.392.1\n"
			       "crl_required = no\ncrl_grace = 0\nrenewal = csv:pairs.csv\n"
			       "ocsp = https://ocsp.example:8080/a?b=c\nocsp_required = yes\n"
			       "queue = 1\nbatch = 4096\nthreads = 256\nconnections = 2\nper_address = 3\nidle = 4\n"
			       "idempotency_hours = 5\ncode_hours = 6\napprovals = 2\ndrain = 7\n"
			       "checkpoint_file ="),
			 0);
	assert_string_equal(config.origin, "https://[::1]:1");
	assert_string_equal(config.database, "postgresql://u:p@a,b/x?target_session_attrs=read-write");
	assert_int_equal(config.listen_count, 4);
	assert_string_equal(config.listen[1], "[::]:443");
	assert_true(is_inside("unix:", "sock", config.listen[2]));
	assert_string_equal(config.listen[3], "unix:/run/s");
	assert_string_equal(config.operations, "127.0.0.1:0");
	assert_string_equal(config.tls_certificate, "/etc/tls.pem");
	assert_true(is_inside("", "k = v", config.tls_key));
	assert_int_equal(config.trust_count, 2);
	assert_string_equal(config.trust[1], "/b.pem");
	assert_int_equal(config.mdoc_trust_count, 2);
	assert_true(is_inside("", "iaca.pem", config.mdoc_trust[0]));
	assert_string_equal(config.mdoc_trust[1], "/link.pem");
	assert_int_equal(config.mdoc_crl_count, 1);
	assert_string_equal(config.mdoc_doctype, "org.iso.18013.5.1.mDL");
	assert_int_equal(config.mdoc_purpose_count, 2);
	assert_string_equal(config.mdoc_purpose[1], "1.2.392.1");
	assert_int_equal(config.crl_count, 1);
	assert_ptr_equal(config.revocation.files[0], config.crl[0]);
	assert_null(config.revocation.files[1]);
	assert_false(config.crl_required);
	assert_string_equal(config.ocsp, "https://ocsp.example:8080/a?b=c");
	assert_true(config.ocsp_required);
	assert_ptr_equal(config.revocation.responder, config.ocsp);
	assert_true(config.revocation.responder_required);
	assert_true(is_inside("csv:", "pairs.csv", config.renewal));
	assert_int_equal(config.queue, 1);
	assert_int_equal(config.batch, 4096);
	assert_int_equal(config.threads, 256);
	assert_int_equal(config.connections, 2);
	assert_int_equal(config.per_address, 3);
	assert_int_equal(config.idle, 4);
	assert_int_equal(config.idempotency_hours, 5);
	assert_int_equal(config.code_hours, 6);
	assert_int_equal(config.approvals, 2);
	assert_int_equal(config.drain, 7);
	assert_string_equal(config.checkpoint_file, "");
}

/* The line at fault is named; what is behind it in the file does not matter. */
static void refuses(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "nonsense", ":3: A line is" },
		{ "= x", ":3: There is no key \"\"" },
		{ "Origin = https://a", ":3: There is no key \"Origin\"" },
		{ "folder = /x", ":3: There is no key \"folder\"" },
		{ "trust_count = 1", ":3: There is no key" },
		{ "environment = test", ":3: \"environment\" is said twice" },
		{ "idle = 4\nidle = 4", ":4: \"idle\" is said twice" },
		{ "database =", ":3: \"database\" is sqlite:FILE" },
		{ "database = sqlite:", ":3: \"database\" is sqlite:FILE" },
		{ "mdoc_trust =", ":3: \"mdoc_trust\" is the name of a file" },
		{ "mdoc_purpose =", ":3: \"mdoc_purpose\" is an object identifier" },
		{ "mdoc_purpose = 1", ":3: \"mdoc_purpose\" is an object identifier" },
		{ "mdoc_purpose = 1.2.", ":3: \"mdoc_purpose\" is an object identifier" },
		{ "mdoc_purpose = .1.2", ":3: \"mdoc_purpose\" is an object identifier" },
		{ "mdoc_purpose = 1..2", ":3: \"mdoc_purpose\" is an object identifier" },
		{ "mdoc_purpose = 1.0.18013.5.1.6", ":3: \"mdoc_purpose\" is not that of readers" },
		{ "mdoc_purpose = 1.2 1.3", ":3: \"mdoc_purpose\" is an object identifier" },
		{ "mdoc_doctype =", ":3: \"mdoc_doctype\" is a name" },
		{ "mdoc_doctype = org.iso mnc", ":3: \"mdoc_doctype\" is a name" },
		{ "mdoc_doctype = a\nmdoc_doctype = a", ":4: \"mdoc_doctype\" is said twice" },
		{ "listen =", ":3: \"listen\" is" },
		{ "listen = localhost:1", ":3: \"listen\" is" },
		{ "listen = 127.0.0.1", ":3: \"listen\" is" },
		{ "listen = 127.0.0.1:", ":3: \"listen\" is" },
		{ "listen = 127.0.0.1:65536", ":3: \"listen\" is" },
		{ "listen = 127.0.0.1:100000", ":3: \"listen\" is" },
		{ "listen = 127.0.0.1:-1", ":3: \"listen\" is" },
		{ "listen = ::1:1", ":3: \"listen\" is" },
		{ "listen = []:1", ":3: \"listen\" is" },
		{ "listen = [::1:1", ":3: \"listen\" is" },
		{ "listen = unix:", ":3: \"listen\" is" },
		{ "listen = 1.1.1.1:1\nlisten = 1.1.1.1:2\nlisten = 1.1.1.1:3\nlisten = 1.1.1.1:4\nlisten = 1.1.1.1:5\n"
		  "listen = 1.1.1.1:6\nlisten = 1.1.1.1:7\nlisten = 1.1.1.1:8\nlisten = 1.1.1.1:9",
		  ":11: \"listen\" is said more than 8 times" },
		{ "operations = 0.0.0.0:9", ":3: \"operations\" is" },
		{ "operations = 127.0.0.1", ":3: \"operations\" is" },
		{ "operations = [::1]:x", ":3: \"operations\" is" },
		{ "operations = unix:x", ":3: \"operations\" is" },
		{ "trust =", ":3: \"trust\" is the name of a file" },
		{ "crl_required = maybe", ":3: \"crl_required\" is yes or no" },
		{ "crl_required = Yes", ":3: \"crl_required\" is yes or no" },
		{ "crl_grace = -1", ":3: \"crl_grace\" is a number from 0" },
		{ "crl_grace = 2592001", ":3: \"crl_grace\" is a number" },
		{ "queue = 0", ":3: \"queue\" is a number from 1 to 100000" },
		{ "queue = ", ":3: \"queue\" is a number" },
		{ "queue = 12x", ":3: \"queue\" is a number" },
		{ "queue = 0x10", ":3: \"queue\" is a number" },
		{ "queue = +5", ":3: \"queue\" is a number" },
		{ "queue = 99999999999999999999", ":3: \"queue\" is a number" },
		{ "drain = 0", ":3: \"drain\" is a number from 1" },
		{ "approvals = 9", ":3: \"approvals\" is a number from 1 to 8" },
		{ "renewal = pairs.csv", ":3: \"renewal\" is csv:FILE" },
		{ "renewal = csv:", ":3: \"renewal\" is csv:FILE" },
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), NEEDED "%s\nbatch = no number\n", rows[i].line);
		if (reads(text) != FUDA_EFORMAT || !strstr(fuda_context_message(ctx), rows[i].says))
			fail_msg("%s: %s", rows[i].line, fuda_context_message(ctx));
	}
}

static void refuses_origins_and_environments(void **state)
{
	static const char *const origins[] = {
		"", "http://a", "https://", "https://a/", "https://a/x", "https://A", "https://a:", "https://a:99999",
		"https://a:1:2", "https://a?b", "https://u@a", "https://[::1", "https://[]", "https://[::1]x", "a",
		"https://a b", "https://a\"b", "https://\xE3\x81\x82",
		/* terminals would name it otherwise */
		"https://a:443", "https://[::1]:443", "https://a:08443", "https://a:0443", "https://a:0",
		"https://a:65536",
	}, *const environments[] = { "", "Test", "a b", "a_b", "a\"", "0123456789012345678901234567890x" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(origins); i++) {
		snprintf(text, sizeof(text), "environment = test\norigin = %s\n", origins[i]);
		if (reads(text) != FUDA_EFORMAT || !strstr(fuda_context_message(ctx), ":2: \"origin\""))
			fail_msg("%s: %s", origins[i], fuda_context_message(ctx));
	}
	for (size_t i = 0; i < ARRAY_SIZE(environments); i++) {
		snprintf(text, sizeof(text), "origin = https://a\nenvironment = %s\n", environments[i]);
		if (reads(text) != FUDA_EFORMAT || !strstr(fuda_context_message(ctx), ":2: \"environment\""))
			fail_msg("%s: %s", environments[i], fuda_context_message(ctx));
	}
	assert_int_equal(reads("environment = test\n"), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "\"origin\" is missing"));
	assert_int_equal(reads("origin = https://a\n"), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "\"environment\" is missing"));
	assert_int_equal(reads(""), FUDA_EFORMAT);
}

static void refuses_responders(void **state)
{
	static const char *const urls[] = {
		"a", "ftp://a", "file:///etc/passwd", "HTTP://a", "http://", "http:///x", "http://:80/", "http://?x",
		"http://user:password@a/", "http://a#b", "http://a/ b", "http://a\\b", "http://a/\"", "http://a/\x7F",
		"http://\xE7\x95\xAA/",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		snprintf(text, sizeof(text), NEEDED "ocsp = %s\n", urls[i]);
		if (reads(text) != FUDA_EFORMAT || !strstr(fuda_context_message(ctx), ":3: \"ocsp\" is http://HOST"))
			fail_msg("%s: %s", urls[i], fuda_context_message(ctx));
	}
	assert_int_equal(reads(NEEDED "ocsp_required = yes\n"), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "\"ocsp\" names no responder"));
	assert_int_equal(reads(NEEDED "ocsp = http://a\nocsp_required = yes\n"), 0);
}

static void refuses_files(void **state)
{
	static char big[70000];
	char folder[CONFIG_TEXT + 8];

	(void)state;
	remove(scratch_path(CONFIG_FILE));
	assert_int_equal(service_config_read(ctx, scratch, &config), FUDA_EFILE);
	memset(big, '#', sizeof(big) - 1);
	assert_int_equal(reads(big), FUDA_EFORMAT);
	memset(folder, 'x', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = 0;
	assert_int_equal(service_config_read(ctx, folder, &config), FUDA_ETOOBIG);
	/* a value that does not fit with the folder before it */
	memcpy(big, NEEDED "crl = ", strlen(NEEDED "crl = "));
	big[strlen(NEEDED) + CONFIG_TEXT] = 0;
	assert_int_equal(reads(big), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "longer than"));
}

static void refuses_a_nul(void **state)
{
	static const char text[] = NEEDED "idle = 4\0 0\n";
	FILE *f = fopen(scratch_path(CONFIG_FILE), "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, sizeof(text) - 1, f), sizeof(text) - 1);
	fclose(f);
	assert_int_equal(service_config_read(ctx, scratch, &config), FUDA_EFORMAT);
}

/* What init writes is read again, and has each key exactly once. */
static void prints_what_it_reads(void **state)
{
	static const struct config_given given[] = {
		{ "origin", "https://a", NULL }, { "environment", "test", NULL }, { "listen", "1.2.3.4:5", NULL },
		{ "listen", "unix:s", NULL },	 { "drain", "3", NULL },	  { 0 },
	};
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(65536);
	static const char *const keys[] = { "environment", "origin", "database", "listen", "operations",
		"tls_certificate", "tls_key", "trust", "crl", "crl_required", "crl_grace", "ocsp", "ocsp_required",
		"mdoc_trust", "mdoc_crl", "mdoc_doctype", "mdoc_purpose", "renewal", "queue",
		"batch", "threads", "connections", "per_address", "idle", "idempotency_hours", "code_hours",
		"approvals", "drain", "checkpoint_file" };
	char commented[64];

	(void)state;
	assert_int_equal(service_config_print(given, NULL, &text), 0);
	assert_int_equal(fuda_buf_append(&text, "", 1), 0);
	assert_int_equal(reads((const char *)text.data), 0);
	assert_int_equal(config.drain, 3);
	assert_int_equal(config.listen_count, 2);
	assert_int_equal(config.queue, 1024);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		bool is_given = false;

		for (const struct config_given *g = given; g->key; g++)
			is_given = is_given || strcmp(g->key, keys[i]) == 0;
		snprintf(commented, sizeof(commented), "\n%s%s =", is_given ? "" : "#", keys[i]);
		if (!strstr((const char *)text.data, commented))
			fail_msg("%s", keys[i]);
	}
	/* what stands behind '#' is what counts */
	for (char *p = (char *)text.data; (p = strstr(p, "\n#")); p++)
		if (p[2] != ' ' && !strstr(p, "\n#trust") && !strstr(p, "\n#crl =") &&
		    strncmp(p, "\n#mdoc_trust", 12) != 0 && strncmp(p, "\n#mdoc_crl", 10) != 0 &&
		    strncmp(p, "\n#mdoc_purpose", 14) != 0)
			p[1] = ' ';
	assert_int_equal(reads((const char *)text.data), 0);
}

/* Relative names are of where the caller is: they stay what they were for who reads the file. */
static void prints_names_of_files_whole(void **state)
{
	static const struct config_given given[] = {
		{ "origin", "https://a", NULL },  { "environment", "test", NULL }, { "listen", "unix:s", NULL },
		{ "trust", "ca.pem", NULL },	  { "trust", "/etc/ca.pem", NULL }, { "crl", "../cards.crl", NULL },
		{ "cv_trust", "cv.pem", NULL },	  { "database", "sqlite:x.db", NULL }, { "renewal", "csv:pairs", NULL },
		{ "tls_key", "own.key", NULL },	  { "checkpoint_file", "", NULL }, { 0 },
	};
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(65536);

	(void)state;
	assert_int_equal(service_config_check(ctx, given, "/home/hanako"), 0);
	assert_int_equal(service_config_print(given, "/home/hanako", &text), 0);
	assert_int_equal(fuda_buf_append(&text, "", 1), 0);
	assert_int_equal(reads((const char *)text.data), 0);
	assert_string_equal(config.listen[0], "unix:/home/hanako/s");
	assert_string_equal(config.trust[0], "/home/hanako/ca.pem");
	assert_string_equal(config.trust[1], "/etc/ca.pem");
	assert_string_equal(config.crl[0], "/home/hanako/../cards.crl");
	assert_string_equal(config.cv_trust[0], "/home/hanako/cv.pem");
	assert_string_equal(config.database, "sqlite:/home/hanako/x.db");
	assert_string_equal(config.renewal, "csv:/home/hanako/pairs");
	assert_string_equal(config.tls_key, "/home/hanako/own.key");
	assert_true(is_inside("", "tls.pem", config.tls_certificate));
	assert_string_equal(config.checkpoint_file, "");
}

static void tells_of_which_option(void **state)
{
	static char folder[2 * CONFIG_TEXT];
	static const struct {
		const char *key, *value, *message;
	} bad[] = {
		{ "origin", "http://a", "--it: \"origin\" is https://HOST" },
		{ "environment", "T", "--it: \"environment\" is a word" },
		{ "database", "sqlite:", "--it: \"database\" is sqlite:FILE" },
		{ "listen", "a:b", "--it: \"listen\" is ADDRESS:PORT" },
		{ "operations", "0.0.0.0:1", "--it: \"operations\" is 127.0.0.1:PORT" },
		{ "renewal", "pairs", "--it: \"renewal\" is csv:FILE" },
		{ "crl_required", "maybe", "--it: \"crl_required\" is yes or no" },
		{ "trust", "", "--it: \"trust\" is the name of a file" },
		{ "batch", "0", "--it: \"batch\" is a number from 1 to 4096" },
		{ "drain", "1\nqueue = 1", "--it: A value is of one line" },
		{ "naught", "1", "--it: There is no key \"naught\"" },
		{ "idle", "1", "--it: \"idle\" is said twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct config_given given[] = { { "idle", "5", NULL },
						      { bad[i].key, bad[i].value, "--it" },
						      { 0 } };

		assert_int_equal(service_config_check(ctx, given, NULL), FUDA_EINVAL);
		if (!strstr(fuda_context_message(ctx), bad[i].message))
			fail_msg("%s", fuda_context_message(ctx));
	}
	memset(folder, 'f', sizeof(folder) - 1);
	assert_int_equal(service_config_check(ctx, (struct config_given[]){ { 0 } }, folder), FUDA_EINVAL);
	assert_int_equal(service_config_check(ctx, (struct config_given[]){ { 0 } }, "/a\nb"), FUDA_EINVAL);
}

struct told {
	int keys, lists;
	char database[CONFIG_TEXT];
};

static void see(void *arg, const char *key, const char *value)
{
	struct told *told = arg;

	told->keys++;
	told->lists += strcmp(key, "listen") == 0;
	if (strcmp(key, "database") == 0)
		snprintf(told->database, sizeof(told->database), "%s", value);
}

static void tells_no_password(void **state)
{
	static const struct {
		const char *database, *shown;
	} rows[] = {
		{ "postgresql://me:hidden@db1,db2/x", "postgresql://db1,db2/x" },
		{ "postgresql://db1/x", "postgresql://db1/x" },
		{ "postgresql://me:p@hidden@db1/x", "postgresql://db1/x" },
		{ "postgresql://db1/x?password=hidden", "postgresql" },
		{ "host=db1 password=hidden", "postgresql" },
		{ "host=db1", "postgresql" },
		{ "sqlite:/a@b", "sqlite:/a@b" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct told told = { 0 };

		snprintf(text, sizeof(text), NEEDED "listen = 1.1.1.1:1\nlisten = 1.1.1.1:2\ndatabase = %s\n",
			 rows[i].database);
		assert_int_equal(reads(text), 0);
		service_config_each(&config, see, &told);
		assert_string_equal(told.database, rows[i].shown);
		assert_int_equal(told.lists, 2);
		assert_true(told.keys > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_what_counts_without_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_every_key, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_origins_and_environments, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_responders, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_files, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_a_nul, setup, teardown),
		cmocka_unit_test_setup_teardown(prints_what_it_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(prints_names_of_files_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_of_which_option, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_no_password, setup, teardown),
	};

	return RUN(tests);
}
