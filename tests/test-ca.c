/* SPDX-License-Identifier: Apache-2.0 */
/* The authority for terminals: what it makes, judged by the openssl command. */
#include "tests/authority.h"

#include <dirent.h>
#include <openssl/x509v3.h>

#include "service/id.h"

/* ---- the authority ---- */

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(scratch_path(name), &st), 0);
	return st.st_mode & 07777;
}

static void is_made(void **state)
{
	struct ca *ca = authority("made", "test");
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	const uint8_t *bytes;
	size_t len;

	(void)state;
	assert_int_equal(mode_of("made/ca.key"), 0600);
	assert_int_equal(mode_of("made/ca.pem"), 0644);
	assert_string_equal(ca_environment(ca), "test");
	bytes = ca_certificate(ca, &len);
	assert_int_equal(fuda_buf_append(&der, bytes, len), 0);
	write_bytes("ca.der", &der);
	ca_free(&ca);
	assert_null(ca);
	ca_free(&ca);
	need_openssl();
	must_run("openssl x509 -inform DER -in ca.der | cmp - made/ca.pem");
	must_run("openssl verify -x509_strict -CAfile made/ca.pem made/ca.pem");
	must_run("openssl x509 -in made/ca.pem -noout -text");
	assert_true(output_has("CA:TRUE, pathlen:0"));
	assert_true(output_has("Certificate Sign, CRL Sign"));
	assert_true(output_has("prime256v1"));
	must_run("openssl x509 -in made/ca.pem -noout -checkend $((3640 * 86400))");
	assert_false(run("openssl x509 -in made/ca.pem -noout -checkend $((3660 * 86400))"));
}

/* Neither of its files is replaced, and nothing is left of what was tried. */
static void is_made_once(void **state)
{
	static const char *const commands[] = { "true", "rm twice/ca.pem" };
	char *key, *certificate;
	struct ca *ca = authority("twice", "test");
	int files = 0;
	DIR *dir;

	(void)state;
	ca_free(&ca);
	key = strdup(scratch_read("twice/ca.key"));
	certificate = strdup(scratch_read("twice/ca.pem"));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		must_run(commands[i]);
		assert_int_equal(ca_create(ctx, scratch_path("twice"), "test"), FUDA_EBUSY);
		assert_string_equal(scratch_read("twice/ca.key"), key);
	}
	/* a certificate without its key: not replaced either, and no key comes of it */
	scratch_write("twice/ca.pem", certificate, 0644);
	must_run("rm twice/ca.key");
	assert_int_equal(ca_create(ctx, scratch_path("twice"), "test"), FUDA_EBUSY);
	assert_string_equal(scratch_read("twice/ca.pem"), certificate);
	dir = opendir(scratch_path("twice"));
	while (readdir(dir))
		files++;
	closedir(dir);
	assert_int_equal(files, 3); /* with . and .. */
	free(key);
	free(certificate);
}

static void refuses_environments(void **state)
{
	static const char *const names[] = { "",
					     "Test",
					     "te st",
					     "te\nst",
					     "te/st",
					     "te'st",
					     "t\xC3\xA9st",
					     "a_b",
					     "abcdefghijklmnopqrstuvwxyz012345" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(ca_create(ctx, scratch, names[i]), FUDA_EINVAL);
	assert_int_equal(ca_create(ctx, scratch_path("nowhere"), "test"), FUDA_EFILE);
	assert_int_not_equal(access(scratch_path("ca.key"), F_OK), 0);
}

/* An authority that the openssl command makes. */
#define OTHERS(curve)                                                                      \
	"openssl ecparam -name " curve " -genkey -noout | "                                \
	"openssl pkcs8 -topk8 -nocrypt -out ca.key && openssl req -x509 -new -key ca.key " \
	"-subj /CN=x -days 9 -out ca.pem -addext keyUsage=critical,keyCertSign,cRLSign "   \
	"-addext " CA_ENVIRONMENT_OID "=ASN1:UTF8String:test"

/* What stands where the authority should be, made by shell commands in its folder. */
static void refuses_damaged_files(void **state)
{
	static const struct {
		const char *command;
		int error;
	} cases[] = {
		{ "true", 0 },
		{ "rm ca.key", FUDA_EFILE },
		{ "rm ca.pem", FUDA_EFILE },
		{ ": >ca.key", FUDA_EFORMAT },
		{ ": >ca.pem", FUDA_EFORMAT },
		{ "head -c 100 ca.key >k && cat k >ca.key", FUDA_EFORMAT },
		{ "head -c 400 ca.pem >p && mv p ca.pem", FUDA_EFORMAT },
		{ "cp ../other/ca.key .", FUDA_EFORMAT },
		{ "cp ../other/ca.pem .", FUDA_EFORMAT },
		{ "cp ca.pem ca.key", FUDA_EFORMAT },
		{ "rm ca.key && mkdir ca.key", FUDA_EFILE },
		/* for other eyes */
		{ "chmod 640 ca.key", FUDA_EACCESS },
		{ "chmod 604 ca.key", FUDA_EACCESS },
		{ "mv ca.key k && ln -s k ca.key", FUDA_EFILE },
		/* made by others, and all right; of another curve; for another key */
		{ OTHERS("prime256v1"), 0 },
		{ OTHERS("secp384r1"), FUDA_EFORMAT },
		{ OTHERS("prime256v1") " && openssl pkey -in ../other/ca.key -pubout -out pub && "
				       "openssl x509 -in ca.pem -force_pubkey pub -signkey ca.key "
				       "-out p && mv p ca.pem",
		  FUDA_EFORMAT },
		/* other kinds of keys, and certificates that are of no authority */
		{ "openssl genpkey -algorithm ED25519 -out ca.key", FUDA_EFORMAT },
		{ "openssl ecparam -name secp384r1 -genkey -noout | "
		  "openssl pkcs8 -topk8 -nocrypt -out ca.key",
		  FUDA_EFORMAT },
		{ "openssl pkcs8 -topk8 -in ca.key -passout pass:x -out k && cat k >ca.key",
		  FUDA_EFORMAT },
		{ "openssl req -x509 -new -key ca.key -subj /CN=x -days 9 -out ca.pem",
		  FUDA_EFORMAT },
		{ "openssl req -x509 -new -key ca.key -subj /CN=x -days 9 -out ca.pem -addext "
		  "basicConstraints=critical,CA:FALSE",
		  FUDA_EFORMAT },
	};
	struct ca *ca = authority("other", "test");

	(void)state;
	need_openssl();
	ca_free(&ca);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[1024];
		int r;

		ca = authority("spoilt", "test");
		ca_free(&ca);
		snprintf(line, sizeof(line), "cd spoilt && %s", cases[i].command);
		must_run(line);
		r = ca_open(ctx, scratch_path("spoilt"), &ca);
		if (r != cases[i].error)
			fail_msg("%s: %s", cases[i].command, fuda_error_name(r));
		if (r < 0)
			assert_null(ca);
		ca_free(&ca);
		must_run("rm -r spoilt");
	}
}

/* ---- certificates ---- */

static void issues_to_terminals(void **state)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct ca *ca = authority("issue", "test");
	time_t now = time(NULL);
	struct issued issued = issue(ca, now, 0, &der);

	(void)state;
	assert_int_equal(issued.not_before, now - 3600);
	assert_int_equal(issued.not_after, now + 90 * 86400);
	write_bytes("t.der", &der);
	ca_free(&ca);
	need_openssl();
	must_run("openssl x509 -inform DER -in t.der -out t.pem");
	must_run("openssl verify -x509_strict -purpose sslclient -CAfile issue/ca.pem t.pem");
	assert_false(run("openssl verify -purpose sslserver -CAfile issue/ca.pem t.pem"));
	/* the days that it says are those that it has */
	must_run("openssl x509 -in t.pem -noout -checkend $((90 * 86400 - 60))");
	assert_false(run("openssl x509 -in t.pem -noout -checkend $((90 * 86400 + 60))"));
	must_run("openssl x509 -in t.pem -noout -text");
	assert_true(output_has("URI:urn:mykey:terminal:" TERMINAL_TEXT "\n"));
	assert_true(output_has("CN = " TERMINAL_TEXT "\n"));
	assert_true(output_has("TLS Web Client Authentication\n"));
	assert_true(output_has(CA_ENVIRONMENT_OID ": \n                ..test\n"));
	assert_true(output_has("CA:FALSE"));
	assert_true(output_has("Digital Signature\n"));
}

/* The key is the one of the request, and every certificate has a number of its own. */
static void issues_for_the_key(void **state)
{
	_cleanup_buf_ struct fuda_buf csr = AUTHORITY_BUF;
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct ca *ca = authority("key", "test");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct issued first, second;
	const unsigned char *p;
	X509 *x;

	(void)state;
	make_request(key, EVP_sha256(), &csr);
	assert_int_equal(ca_issue(ctx, ca, csr.data, csr.len, terminal_id, time(NULL), 60, &first,
				  &der),
			 0);
	p = der.data;
	x = d2i_X509(NULL, &p, (long)der.len);
	assert_non_null(x);
	assert_int_equal(X509_check_private_key(x, key), 1);
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x)), CA_SERIAL);
	assert_memory_equal(ASN1_STRING_get0_data(X509_get0_serialNumber(x)), first.serial,
			    CA_SERIAL);
	assert_int_equal(first.not_after - first.not_before, 3660);
	X509_free(x);
	assert_int_equal(ca_issue(ctx, ca, csr.data, csr.len, terminal_id, time(NULL), 60, &second,
				  &der),
			 0);
	assert_memory_not_equal(first.serial, second.serial, CA_SERIAL);
	EVP_PKEY_free(key);
	ca_free(&ca);
}

/* Nothing is appended, and nothing said, of what cannot be issued. */
static void refuses_to_issue(void **state)
{
	_cleanup_buf_ struct fuda_buf csr = AUTHORITY_BUF;
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct ca *ca = authority("refuse", "test");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct issued issued = { .not_after = 7 };

	(void)state;
	make_request(key, EVP_sha256(), &csr);
	assert_int_equal(ca_issue(ctx, ca, csr.data, csr.len, terminal_id, time(NULL), -1, &issued,
				  &der),
			 FUDA_EINVAL);
	assert_int_equal(ca_issue(ctx, ca, csr.data, csr.len, terminal_id, time(NULL),
				  90 * 86400 + 1, &issued, &der),
			 FUDA_EINVAL);
	csr.data[csr.len - 1] ^= 1;
	assert_true(ca_issue(ctx, ca, csr.data, csr.len, terminal_id, time(NULL), 0, &issued,
			     &der) < 0);
	assert_int_equal(der.len, 0);
	assert_int_equal(issued.not_after, 7);
	EVP_PKEY_free(key);
	ca_free(&ca);
}

/* Nothing outlives the authority. */
static void ends_with_the_authority(void **state)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct ca *ca = authority("ends", "test");
	time_t late = time(NULL) + (time_t)3600 * 86400;
	struct issued issued = issue(ca, late, 0, &der);

	(void)state;
	assert_true(issued.not_after < late + 60 * 86400);
	ca_free(&ca);
}

static void issues_to_servers(void **state)
{
	_cleanup_buf_ struct fuda_buf certificate = AUTHORITY_BUF;
	_cleanup_buf_ struct fuda_buf key = AUTHORITY_BUF;
	struct ca *ca = authority("server", "test");

	(void)state;
	assert_int_equal(ca_issue_server(ctx, ca, "localhost,mykey.example.jp,127.0.0.1,::1", 30,
					 &certificate, &key),
			 0);
	write_bytes("s.pem", &certificate);
	write_bytes("s.key", &key);
	ca_free(&ca);
	need_openssl();
	must_run("openssl verify -x509_strict -purpose sslserver -CAfile server/ca.pem s.pem");
	must_run("openssl verify -verify_hostname mykey.example.jp -CAfile server/ca.pem s.pem");
	must_run("openssl verify -verify_ip 127.0.0.1 -CAfile server/ca.pem s.pem");
	must_run("openssl verify -verify_ip ::1 -CAfile server/ca.pem s.pem");
	assert_false(run("openssl verify -verify_hostname example.jp -CAfile server/ca.pem s.pem"));
	assert_false(run("openssl verify -purpose sslclient -CAfile server/ca.pem s.pem"));
	must_run("openssl x509 -in s.pem -noout -pubkey >a && openssl pkey -in s.key -pubout | cmp "
		 "- a");
}

/* A text that is a certificate's with one letter changed is none, or nobody's. */
static void refuse_changed(struct ca *ca, const char *pem)
{
	for (size_t i = 28; pem[i] != '-'; i += 7) {
		_cleanup_buf_ struct fuda_buf certificate = AUTHORITY_BUF;
		char changed[4096];

		snprintf(changed, sizeof(changed), "%s", pem);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		if (pem[i] != '\n' && strcmp(changed, pem) != 0 &&
		    ca_renew_server(ctx, ca, changed, NULL, 30, &certificate) == 0)
			fail_msg("changed at %zu", i);
		assert_int_equal(certificate.len, 0);
	}
}

static void renews_for_servers(void **state)
{
	_cleanup_buf_ struct fuda_buf old = AUTHORITY_BUF, key = AUTHORITY_BUF, fresh = AUTHORITY_BUF;
	struct ca *ca = authority("renewing", "test"), *other = authority("stranger", "test");
	static const char names[] = "localhost,mykey.example.jp,127.0.0.1,::1";
	struct ca_server server = { .not_after = 1 };

	(void)state;
	assert_int_equal(ca_issue_server(ctx, ca, names, 30, &old, &key), 0);
	assert_int_equal(fuda_buf_append(&old, "", 1), 0);
	assert_int_equal(ca_renew_server(ctx, other, (char *)old.data, NULL, 30, &fresh), FUDA_EREFUSED);
	assert_int_equal(ca_renew_server(ctx, ca, (char *)old.data, "a b", 30, &fresh), FUDA_EINVAL);
	assert_int_equal(ca_renew_server(ctx, ca, (char *)old.data, NULL, 0, &fresh), FUDA_EINVAL);
	assert_int_equal(ca_renew_server(ctx, ca, "", NULL, 30, &fresh), FUDA_EFORMAT);
	assert_int_equal(ca_read_server(ctx, ca, "nothing", &server), FUDA_EFORMAT);
	assert_int_equal(server.not_after, 1);
	assert_int_equal(fresh.len, 0);
	refuse_changed(ca, (char *)old.data);
	assert_int_equal(ca_renew_server(ctx, ca, (char *)old.data, NULL, 60, &fresh), 0);
	write_bytes("new.pem", &fresh);
	write_bytes("new.key", &key);
	assert_int_equal(fuda_buf_append(&fresh, "", 1), 0);
	assert_int_equal(ca_read_server(ctx, ca, (char *)fresh.data, &server), 0);
	assert_true(server.ours);
	assert_string_equal(server.names, names);
	assert_true(server.not_after - time(NULL) > 59 * 86400);
	assert_int_equal(ca_read_server(ctx, other, (char *)fresh.data, &server), 0);
	assert_false(server.ours);
	ca_free(&other);
	ca_free(&ca);
	need_openssl();
	must_run("openssl verify -x509_strict -purpose sslserver -CAfile renewing/ca.pem new.pem");
	must_run("openssl x509 -in new.pem -noout -pubkey >c && openssl pkey -in new.key -pubout | cmp - c");
}

static void refuses_names_of_servers(void **state)
{
	static const char *const names[] = {
		"",
		",",
		"a,",
		",a",
		"a,,b",
		"a b",
		"-a",
		"a-",
		"a..b",
		".a",
		"a.",
		"a,email:copy",
		"a\nb",
		"DNS:a",
		"*.example.jp",
		"a/b",
		"a;b",
		"1::2::3",
		"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
	};
	_cleanup_buf_ struct fuda_buf certificate = AUTHORITY_BUF;
	_cleanup_buf_ struct fuda_buf key = AUTHORITY_BUF;
	struct ca *ca = authority("names", "test");
	char long_name[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (ca_issue_server(ctx, ca, names[i], 30, &certificate, &key) != FUDA_EINVAL)
			fail_msg("%s", names[i]);
	memset(long_name, 'a', sizeof(long_name));
	long_name[254] = '\0';
	assert_int_equal(ca_issue_server(ctx, ca, long_name, 30, &certificate, &key), FUDA_EINVAL);
	assert_int_equal(ca_issue_server(ctx, ca, "a", 0, &certificate, &key), FUDA_EINVAL);
	assert_int_equal(ca_issue_server(ctx, ca, "a", 3651, &certificate, &key), FUDA_EINVAL);
	assert_int_equal(certificate.len, 0);
	assert_int_equal(key.len, 0);
	ca_free(&ca);
}

/* ---- the list of revoked ones ---- */

static void lists_the_revoked(void **state)
{
	static const struct revoked revoked[] = {
		{ "\x7F"
		  "second entry...",
		  1795132800, 1 },
		{ "\x41"
		  "first entry....",
		  1795132801, 0 },
		{ "\x50"
		  "third entry....",
		  1795132802, 5 },
	};
	_cleanup_buf_ struct fuda_buf crl = AUTHORITY_BUF;
	struct ca *ca = authority("crl", "test");
	time_t now = time(NULL);
	const unsigned char *p;
	X509_CRL *x;

	(void)state;
	assert_int_equal(ca_crl(ctx, ca, revoked, 3, INT64_C(4294967297), now, &crl), 0);
	write_bytes("c.der", &crl);
	p = crl.data;
	x = d2i_X509_CRL(NULL, &p, (long)crl.len);
	assert_non_null(x);
	assert_ptr_equal(p, crl.data + crl.len);
	for (int i = 0; i < 3; i++) { /* in the order given */
		const X509_REVOKED *entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(x), i);
		const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(entry);

		assert_int_equal(ASN1_STRING_length(serial), CA_SERIAL);
		assert_memory_equal(ASN1_STRING_get0_data(serial), revoked[i].serial, CA_SERIAL);
	}
	X509_CRL_free(x);
	ca_free(&ca);
	need_openssl();
	must_run("openssl crl -inform DER -in c.der -noout -verify -CAfile crl/ca.pem");
	must_run("openssl crl -inform DER -in c.der -noout -text");
	assert_true(output_has("Version 2 (0x1)"));
	assert_true(output_has("4294967297") || output_has("100000001"));
	assert_true(output_has("Key Compromise"));
	assert_true(output_has("Cessation Of Operation"));
	assert_true(output_has("Authority Key Identifier"));
}

/* Who is on it is refused by others, who is not is not, and who is on another's is not either. */
static void is_heeded_by_others(void **state)
{
	_cleanup_buf_ struct fuda_buf good = AUTHORITY_BUF, bad = AUTHORITY_BUF,
				      crl = AUTHORITY_BUF;
	struct ca *ca = authority("heeded", "test");
	struct revoked revoked = { .at = time(NULL), .reason = 4 };
	struct issued issued;

	(void)state;
	need_openssl();
	issue(ca, time(NULL), 0, &good);
	issued = issue(ca, time(NULL), 0, &bad);
	memcpy(revoked.serial, issued.serial, CA_SERIAL);
	assert_int_equal(ca_crl(ctx, ca, &revoked, 1, 1, time(NULL), &crl), 0);
	write_bytes("good.der", &good);
	write_bytes("bad.der", &bad);
	write_bytes("c.der", &crl);
	must_run("for f in good bad; do openssl x509 -inform DER -in $f.der -out $f.pem; done; "
		 "openssl crl -inform DER -in c.der -out c.pem");
	must_run("openssl verify -crl_check -CRLfile c.pem -CAfile heeded/ca.pem good.pem");
	assert_false(run("openssl verify -crl_check -CRLfile c.pem -CAfile heeded/ca.pem bad.pem"));
	assert_true(output_has("revoked"));
	ca_free(&ca);
}

static void refuses_to_list(void **state)
{
	static const int reasons[] = { -1, 7, 8, 11, 256 };
	_cleanup_buf_ struct fuda_buf crl = AUTHORITY_BUF;
	struct ca *ca = authority("unlisted", "test");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		struct revoked revoked = { .serial = { 0x41 }, .reason = reasons[i] };

		assert_int_equal(ca_crl(ctx, ca, &revoked, 1, 1, time(NULL), &crl), FUDA_EINVAL);
	}
	assert_int_equal(ca_crl(ctx, ca, NULL, 0, -1, time(NULL), &crl), FUDA_EINVAL);
	assert_int_equal(crl.len, 0);
	/* an empty one is a list */
	assert_int_equal(ca_crl(ctx, ca, NULL, 0, 0, time(NULL), &crl), 0);
	ca_free(&ca);
}

/* ---- the package ---- */

static void packs_certificates(void **state)
{
	_cleanup_buf_ struct fuda_buf package = AUTHORITY_BUF;
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct fuda_buf chain[2];
	struct ca *ca = authority("pack", "test");

	(void)state;
	issue(ca, time(NULL), 0, &der);
	chain[0] = der;
	chain[1] = (struct fuda_buf){ .data = (uint8_t *)(uintptr_t)ca_certificate(ca,
										   &chain[1].len) };
	ca_certificate(ca, &chain[1].len);
	assert_int_equal(ca_pkcs7(ctx, chain, 2, &package), 0);
	write_bytes("p.der", &package);
	fuda_buf_clear(&package);
	assert_int_equal(ca_pkcs7(ctx, chain, 1, &package), 0);
	write_bytes("one.der", &package);
	fuda_buf_clear(&package);
	/* what is no certificate, and nothing */
	assert_int_equal(ca_pkcs7(ctx, chain, 0, &package), FUDA_EINVAL);
	chain[1].len--;
	assert_true(ca_pkcs7(ctx, chain, 2, &package) < 0);
	assert_int_equal(package.len, 0);
	ca_free(&ca);
	need_openssl();
	must_run("openssl pkcs7 -inform DER -in p.der -print_certs -noout");
	assert_true(output_has("MyKey terminals (test)"));
	assert_true(output_has(TERMINAL_TEXT));
	must_run("openssl pkcs7 -inform DER -in p.der -print_certs | grep -c BEGIN");
	assert_true(output_has("2"));
	must_run("openssl pkcs7 -inform DER -in one.der -print_certs | grep -c BEGIN");
	assert_true(output_has("1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_made),
		cmocka_unit_test(is_made_once),
		cmocka_unit_test(refuses_environments),
		cmocka_unit_test(refuses_damaged_files),
		cmocka_unit_test(issues_to_terminals),
		cmocka_unit_test(issues_for_the_key),
		cmocka_unit_test(refuses_to_issue),
		cmocka_unit_test(ends_with_the_authority),
		cmocka_unit_test(issues_to_servers),
		cmocka_unit_test(renews_for_servers),
		cmocka_unit_test(refuses_names_of_servers),
		cmocka_unit_test(lists_the_revoked),
		cmocka_unit_test(is_heeded_by_others),
		cmocka_unit_test(refuses_to_list),
		cmocka_unit_test(packs_certificates),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, authority_setup, authority_teardown);
}
