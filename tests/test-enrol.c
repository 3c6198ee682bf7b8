/* SPDX-License-Identifier: Apache-2.0 */
#include "service/enrol.h"

#include <openssl/x509.h>

#include "tests/enrol-stand.h"

static int setup(void **state)
{
	int r = stand_setup(state);

	if (r == 0)
		make_town();
	return r;
}

static void reads_codes(void **state)
{
	static const char *const bad[] = {
		"", "ABCD-EFGH-JKL", "ABCD-EFGH-JKLMN", "ABCD-EFGH-JKL0", "ABCD-EFGH-JKLI", "ABCD_EFGH_JKLM",
		"\xEF\xBC\xA1-BCDEFGHJKL",
	};
	static const char *const same[] = { "ABCD-EFGH-JKLM", "abcdefghjklm", " AB-CD efgh--JKLM ", "ABCDEFGHJKLM" };
	uint8_t one[BLIND_BYTES], other[BLIND_BYTES];
	char code[CODE_TEXT], again[CODE_TEXT];

	(void)state;
	assert_int_equal(code_blind(service.keys, same[0], strlen(same[0]), one), 0);
	for (size_t i = 1; i < ARRAY_SIZE(same); i++) {
		assert_int_equal(code_blind(service.keys, same[i], strlen(same[i]), other), 0);
		assert_memory_equal(one, other, BLIND_BYTES);
	}
	assert_int_equal(code_blind(service.keys, "ABCD-EFGH-JKLN", 14, other), 0);
	assert_memory_not_equal(one, other, BLIND_BYTES);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(code_blind(service.keys, bad[i], strlen(bad[i]), other), FUDA_EFORMAT);
	assert_int_equal(code_blind(service.keys, "ABCDEFGHJKL\0", 12, other), FUDA_EFORMAT);
	assert_int_equal(code_new(code), 0);
	assert_int_equal(strlen(code), CODE_TEXT - 1);
	assert_int_equal(code_blind(service.keys, code, strlen(code), other), 0);
	assert_int_equal(code_new(again), 0);
	assert_string_not_equal(code, again);
}

static void refuses_requests_for_codes(void **state)
{
	static const struct {
		struct code_request q;
		int code;
	} rows[] = {
		{ { "City", "x", { "library" }, 1, 1 }, FUDA_ENOTFOUND },
		{ { "Town", "x", { "theatre" }, 1, 1 }, FUDA_ENOTFOUND },
		{ { "Town", "x", { "bus" }, 1, 1 }, FUDA_EINVAL }, /* the village's */
		{ { "Town", "x", { "library", "library" }, 2, 1 }, FUDA_EINVAL },
		{ { "Town", "x", { "library" }, 0, 1 }, FUDA_EINVAL },
		{ { "Town", "x", { "library" }, 17, 1 }, FUDA_EINVAL },
		{ { "Town", "", { "library" }, 1, 1 }, FUDA_EINVAL },
		{ { "Town", "a\tb", { "library" }, 1, 1 }, FUDA_EINVAL },
		{ { "Town", "x", { "library" }, 1, 0 }, FUDA_EINVAL },
		{ { "Town", "x", { "library" }, 1, 9 }, FUDA_EINVAL },
		{ { "Town", "x", { "library' OR '1'='1" }, 1, 1 }, FUDA_ENOTFOUND },
	};
	struct acting by = as("hanako"), jiro = as("jiro");
	char code[CODE_TEXT] = "unchanged";
	uint8_t id[ID_BYTES];

	(void)state;
	assert_int_equal(operator_add_org(&by, "Village", "municipality", id), 0);
	assert_int_equal(operator_add_sector(&by, "bus", "Village", "bus", id), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (enrol_make_code(&by, &rows[i].q, code) != rows[i].code)
			fail_msg("row %zu", i);
	assert_int_equal(operator_add(&by, "jiro", ROLE_APPROVER), 0);
	assert_int_equal(enrol_make_code(&jiro, &(struct code_request){ "Town", "x", { "library" }, 1, 1 }, code),
			 FUDA_EREFUSED);
	assert_string_equal(code, "unchanged");
	assert_int_equal(NUMBER("SELECT count(*) FROM enrol_code"), 0);
}

static void enrols(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, other = REQUEST_BUF, der = REQUEST_BUF,
				      again = REQUEST_BUF;
	char code[CODE_TEXT];
	uint8_t id[ID_BYTES];
	struct terminal_outcome outcome;
	struct terminal_identity identity;
	const char *why;

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	make_request("P-256", &other);
	/* any number of times, one application */
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	assert_int_equal(NUMBER("SELECT count(*) FROM terminal"), 1);
	assert_int_equal(NUMBER("SELECT count(*) FROM terminal_sector"), 2);
	assert_int_equal(ask_with_code(code, &other, NULL), APPLICATION_UNKNOWN);
	newest_terminal(id);
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, shown(&request), &outcome), 0);
	assert_string_equal(outcome.state, "approved");
	assert_int_equal(outcome.approvals, 1);
	assert_int_equal(ask_with_code(code, &other, NULL), APPLICATION_UNKNOWN);
	assert_int_equal(ask_with_code(code, &request, &der), APPLICATION_ISSUED);
	assert_int_equal(ca_identify(ctx, service.ca, der.data, der.len, time(NULL), &identity, &why), 0);
	assert_memory_equal(identity.id, id, ID_BYTES);
	/* the same again, as long as it is the newest and a day is not over */
	assert_int_equal(ask_with_code(code, &request, &again), APPLICATION_ISSUED);
	assert_int_equal(again.len, der.len);
	assert_memory_equal(again.data, der.data, der.len);
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate"), 1);
	assert_int_equal(ask_with_code(code, &other, NULL), APPLICATION_UNKNOWN);
	SQL("UPDATE certificate SET not_before = not_before - 86300");
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_ISSUED);
	SQL("UPDATE certificate SET not_before = not_before - 200");
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_UNKNOWN);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'terminal-apply'"), 1);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'terminal-issue'"), 1);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'refused'"), 4);
}

static bool is_in_file(const char *name, const char *text)
{
	static char bytes[16 << 20];
	FILE *f = fopen(scratch_path(name), "rb");
	size_t len = f ? fread(bytes, 1, sizeof(bytes), f) : 0;

	if (f)
		fclose(f);
	assert_true(len < sizeof(bytes));
	return memmem(bytes, len, text, strlen(text)) != NULL;
}

static void refuses_codes(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF;
	char code[CODE_TEXT], bare[CODE_TEXT];

	(void)state;
	make_request("P-256", &request);
	assert_int_equal(ask_with_code("ABCD-EFGH-JKLM", &request, NULL), APPLICATION_UNKNOWN);
	make_code(1, code);
	SQL("UPDATE enrol_code SET expires = created - 1");
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_UNKNOWN);
	assert_int_equal(NUMBER("SELECT count(*) FROM terminal"), 0);
	/* who has applied in time may wait longer */
	make_code(1, code);
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	SQL("UPDATE enrol_code SET expires = created - 1");
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	/* nothing of a code is anywhere: neither as it is written nor as it is hashed */
	snprintf(bare, sizeof(bare), "%.4s%.4s%.4s", code, code + 5, code + 10);
	assert_false(is_in_file("db", code) || is_in_file("db-wal", code));
	assert_false(is_in_file("db", bare) || is_in_file("db-wal", bare));
	assert_true(is_in_file("db", "Counter 1") || is_in_file("db-wal", "Counter 1"));
}

static void counts_approvals(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, other = REQUEST_BUF;
	struct acting hanako = as("hanako");
	struct terminal_outcome outcome;
	char code[CODE_TEXT], hash[65];
	uint8_t id[ID_BYTES];

	(void)state;
	assert_int_equal(operator_add(&hanako, "jiro", ROLE_APPROVER), 0);
	assert_int_equal(operator_add(&hanako, "saburo", ROLE_APPROVER), 0);
	assert_int_equal(operator_add(&hanako, "shiro", ROLE_REGISTRAR | ROLE_ADMIN), 0);
	make_code(2, code);
	make_request("P-256", &request);
	make_request("P-256", &other);
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	newest_terminal(id);
	snprintf(hash, sizeof(hash), "%s", shown(&request));
	/* not without the role, not by what another terminal shows, not by less of it */
	assert_int_equal(give_order("shiro", TERMINAL_APPROVE, id, hash, NULL), FUDA_EREFUSED);
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, shown(&other), NULL), FUDA_EREFUSED);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE data LIKE '%csr_hash%'"), 1);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id,
					    ((const char *[]){ "", "0123456", "0123456x", "zz" })[i], NULL),
				 FUDA_EINVAL);
	/* the same operator counts once */
	hash[9] = 0;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, hash, &outcome), 0);
		assert_string_equal(outcome.state, "applied");
		assert_int_equal(outcome.approvals, 1);
		assert_int_equal(outcome.needed, 2);
	}
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	/* nor does what was before a hold count, */
	assert_int_equal(give_order("jiro", TERMINAL_HOLD, id, NULL, &outcome), 0);
	assert_string_equal(outcome.state, "on_hold");
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	assert_int_equal(give_order("jiro", TERMINAL_APPROVE, id, hash, &outcome), 0);
	assert_string_equal(outcome.state, "applied");
	/* nor by who was dropped since, even if he came back */
	assert_int_equal(operator_drop(&hanako, "jiro"), 0);
	assert_int_equal(give_order("jiro", TERMINAL_APPROVE, id, hash, NULL), FUDA_EREFUSED);
	assert_int_equal(operator_add(&hanako, "jiro", ROLE_APPROVER), 0);
	assert_int_equal(give_order("saburo", TERMINAL_APPROVE, id, hash, &outcome), 0);
	assert_int_equal(outcome.approvals, 1);
	assert_string_equal(outcome.state, "applied");
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, hash, &outcome), 0);
	assert_int_equal(outcome.approvals, 2);
	assert_string_equal(outcome.state, "approved");
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, hash, &outcome), FUDA_EREFUSED);
	/* a hold takes it back as long as there is no certificate */
	assert_int_equal(give_order("saburo", TERMINAL_HOLD, id, NULL, NULL), 0);
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate"), 0);
}

static void takes_hashes_as_people_write_them(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF;
	char code[CODE_TEXT], spaced[160] = "", *p = spaced;
	const char *hash;
	uint8_t id[ID_BYTES];

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	newest_terminal(id);
	hash = shown(&request);
	for (size_t i = 0; hash[i]; i++) {
		if (i % 4 == 0 && i)
			*p++ = " :-"[i / 4 % 3];
		*p++ = (char)(i % 3 ? hash[i] : hash[i] >= 'a' ? hash[i] - 32 : hash[i]);
	}
	*p = 0;
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, spaced, NULL), 0);
	assert_int_equal(give_order("hanako", TERMINAL_HOLD, id, NULL, NULL), 0);
	*p++ = '0'; /* 65 digits */
	*p = 0;
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, spaced, NULL), FUDA_EINVAL);
	snprintf(spaced, sizeof(spaced), "%.63s%c", hash, hash[63] == '0' ? '1' : '0');
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, spaced, NULL), FUDA_EREFUSED);
	snprintf(spaced, sizeof(spaced), "%.8s%c", hash, hash[8] == '0' ? '1' : '0');
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, spaced, NULL), FUDA_EREFUSED);
	spaced[8] = hash[8];
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, spaced, NULL), 0);
}

/* What may be done in which state: a row for each act, a column for each state. */
static void keeps_to_the_states(void **state)
{
	static const char *const states[] = { "applied", "on_hold", "approved", "active", "suspended", "revoked" };
	static const char allowed[5][7] = {
		[TERMINAL_APPROVE] = "yy----", [TERMINAL_HOLD] = "y-y---",   [TERMINAL_SUSPEND] = "---y--",
		[TERMINAL_RESUME] = "----y-",  [TERMINAL_REVOKE] = "yyyyy-",
	};
	static const struct statement set = { "UPDATE terminal SET state = $1", 1 };
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF;
	char code[CODE_TEXT];
	uint8_t id[ID_BYTES], nobody[ID_BYTES] = { 1 };
	struct terminal_outcome outcome;

	(void)state;
	make_code(1, code);
	make_request("P-256", &request);
	assert_int_equal(ask_with_code(code, &request, NULL), APPLICATION_WAITS);
	newest_terminal(id);
	for (size_t act = 0; act < ARRAY_SIZE(allowed); act++) {
		for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
			int want = allowed[act][i] == 'y' ? 0 : FUDA_EREFUSED;

			assert_int_equal(store_begin(db, true), 0);
			assert_int_equal(store_run(db, &set, &TEXT(states[i]), NULL), 0);
			assert_int_equal(store_commit(db), 0);
			if (give_order("hanako", (enum terminal_act)act, id, shown(&request), &outcome) != want)
				fail_msg("act %zu in state %s", act, states[i]);
		}
		assert_int_equal(give_order("hanako", (enum terminal_act)act, nobody, shown(&request), &outcome),
				 FUDA_ENOTFOUND);
	}
}

static int revoked_in_crl(const struct fuda_buf *certificate)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(1 << 20);
	const unsigned char *p, *q = certificate->data;
	X509 *x = d2i_X509(NULL, &q, (long)certificate->len);
	X509_REVOKED *entry = NULL;
	X509_CRL *crl;
	int64_t made;
	int count;

	assert_int_equal(terminals_crl(service.terminals, &der, &made), 0);
	p = der.data;
	crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	assert_non_null(crl);
	count = X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(x));
	X509_free(x);
	X509_CRL_free(crl);
	return count;
}

static void revokes(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF, kept_request = REQUEST_BUF,
				      kept = REQUEST_BUF, crl = FUDA_BUF_INIT(1 << 20);
	uint8_t id[ID_BYTES], kept_id[ID_BYTES];
	struct crl_renewal renewal;
	int64_t made;

	(void)state;
	assert_int_equal(terminals_crl(service.terminals, &crl, &made), FUDA_ENOTFOUND);
	make_terminal(&request, &der, id);
	make_terminal(&kept_request, &kept, kept_id);
	assert_int_equal(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL), 0);
	assert_int_equal(revoked_in_crl(&der), 1);
	assert_int_equal(revoked_in_crl(&kept), 0);
	assert_int_equal(NUMBER("SELECT max(number) FROM crl"), 1);
	assert_int_equal(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL), FUDA_EREFUSED);
	assert_int_equal(give_order("hanako", TERMINAL_RESUME, id, NULL, NULL), FUDA_EREFUSED);
	assert_int_equal(NUMBER("SELECT max(number) FROM crl"), 1);
	/* made anew when it grows old; what has run out long ago is left out */
	assert_int_equal(crl_renewal_init(&renewal, &service), 0);
	assert_int_equal(writer_run(service.writer, &renewal.task), 0);
	crl_renewal_free(&renewal);
	assert_int_equal(NUMBER("SELECT max(number) FROM crl"), 2);
	assert_int_equal(revoked_in_crl(&der), 1);
	SQL("UPDATE certificate SET not_after = not_after - 98 * 86400 WHERE state = 'revoked'");
	for (int i = 0; i < 25; i++) {
		assert_int_equal(crl_renewal_init(&renewal, &service), 0);
		assert_int_equal(writer_run(service.writer, &renewal.task), 0);
		crl_renewal_free(&renewal);
	}
	assert_int_equal(revoked_in_crl(&der), 0);
	assert_int_equal(NUMBER("SELECT count(*) FROM crl"), 20);
}

/* Nothing of a revocation stays if its list cannot be made: here, because the database refuses it. */
static void revokes_with_its_list_or_not_at_all(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF;
	uint8_t id[ID_BYTES];

	(void)state;
	make_terminal(&request, &der, id);
	SQL("CREATE TRIGGER full BEFORE INSERT ON crl BEGIN SELECT RAISE(ABORT, 'disk full'); END");
	assert_true(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL) < 0);
	assert_int_equal(NUMBER("SELECT count(*) FROM terminal WHERE state = 'active'"), 1);
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate WHERE state = 'valid'"), 1);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'terminal-revoke'"), 0);
	assert_int_equal(NUMBER("SELECT count(*) FROM approval WHERE decision = 'revoke'"), 0);
}

/* One that cannot be listed is not left out: no list, none revoked, and which row it is. */
static void damaged_serial(void **state)
{
	static const struct statement shorten = { "UPDATE certificate SET serial = $1 WHERE state = 'revoked'", 1 };
	const struct datum bad[] = { BYTES("123456789012345", 15), BYTES("12345678901234567", 17), BYTES("", 0),
				     TEXT("1234567890123456"), NONE };
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF, other_request = REQUEST_BUF,
				      other = REQUEST_BUF;
	uint8_t id[ID_BYTES], other_id[ID_BYTES];
	struct crl_renewal renewal;
	char text[ID_TEXT];

	(void)state;
	make_terminal(&request, &der, id);
	make_terminal(&other_request, &other, other_id);
	assert_int_equal(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL), 0);
	id_text(id, text);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(store_run(db, &shorten, &bad[i], NULL), 0);
		assert_int_equal(crl_renewal_init(&renewal, &service), 0);
		assert_int_equal(writer_run(service.writer, &renewal.task), FUDA_EFORMAT);
		assert_non_null(strstr(fuda_context_message(renewal.ctx), text));
		crl_renewal_free(&renewal);
		assert_int_equal(give_order("hanako", TERMINAL_REVOKE, other_id, NULL, NULL), FUDA_EFORMAT);
		assert_non_null(strstr(fuda_context_message(ctx), text));
	}
	assert_int_equal(NUMBER("SELECT max(number) FROM crl"), 1);
	assert_int_equal(revoked_in_crl(&der), 1); /* the last one counts */
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate WHERE state = 'valid'"), 1);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'terminal-revoke'"), 1);
	assert_int_equal(give_order("hanako", TERMINAL_SUSPEND, other_id, NULL, NULL), 0);
}

/* More than a page of them. */
static void lists_many(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF, list = FUDA_BUF_INIT(4 << 20);
	const unsigned char *p;
	X509_CRL *crl;
	uint8_t id[ID_BYTES];
	int64_t made;

	(void)state;
	make_terminal(&request, &der, id);
	SQL("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8100)"
	    " INSERT INTO certificate SELECT CAST(printf('%016d', 1000000000000000 + i) AS BLOB), terminal, key_hash,"
	    " csr_hash, der, not_before, not_after, 'revoked', not_before, 5 FROM certificate, n");
	assert_int_equal(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL), 0);
	assert_int_equal(terminals_crl(service.terminals, &list, &made), 0);
	p = list.data;
	crl = d2i_X509_CRL(NULL, &p, (long)list.len);
	assert_non_null(crl);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 8101);
	X509_CRL_free(crl);
}

static void renews(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, first = REQUEST_BUF, later = REQUEST_BUF,
				      second = REQUEST_BUF, again = REQUEST_BUF;
	struct terminal_identity one, two;
	uint8_t id[ID_BYTES];
	const char *why;

	(void)state;
	make_terminal(&request, &first, id);
	make_request("P-256", &later);
	assert_int_equal(ask_with_certificate(&first, &later, NULL), APPLICATION_EARLY);
	/* a minute before half of it, and at half of it */
	SQL("UPDATE certificate SET not_before = not_before - 45 * 86400 + 3660, not_after = not_after - 45 * 86400");
	assert_int_equal(ask_with_certificate(&first, &later, NULL), APPLICATION_EARLY);
	SQL("UPDATE certificate SET not_before = not_before - 3700, not_after = not_after - 60");
	assert_int_equal(ask_with_certificate(&first, &later, &second), APPLICATION_ISSUED);
	assert_int_equal(ca_identify(ctx, service.ca, first.data, first.len, time(NULL), &one, &why), 0);
	assert_int_equal(ca_identify(ctx, service.ca, second.data, second.len, time(NULL), &two, &why), 0);
	assert_memory_equal(one.id, two.id, ID_BYTES);
	assert_memory_not_equal(one.serial, two.serial, CA_SERIAL);
	assert_memory_not_equal(one.key, two.key, 32);
	/* the same request gets the same answer */
	assert_int_equal(ask_with_certificate(&first, &later, &again), APPLICATION_ISSUED);
	assert_int_equal(again.len, second.len);
	assert_memory_equal(again.data, second.data, second.len);
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate"), 2);
	/* so many and no more; those that ended do not count */
	for (int i = 3; i <= TERMINAL_CERTIFICATES; i++) {
		make_request("P-256", &request);
		assert_int_equal(ask_with_certificate(&first, &request, NULL), APPLICATION_ISSUED);
	}
	make_request("P-256", &request);
	assert_int_equal(ask_with_certificate(&first, &request, NULL), APPLICATION_TOO_MANY);
	SQL("UPDATE certificate SET not_after = 1 WHERE serial IN (SELECT serial FROM certificate"
	    " ORDER BY not_before DESC LIMIT 1)");
	assert_int_equal(ask_with_certificate(&first, &request, NULL), APPLICATION_ISSUED);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'terminal-renew'"), 8);
}

static void renews_not_what_was_stopped(void **state)
{
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF, code_request = REQUEST_BUF;
	uint8_t id[ID_BYTES];
	char code[CODE_TEXT];

	(void)state;
	make_code(1, code);
	make_request("P-256", &code_request);
	assert_int_equal(ask_with_code(code, &code_request, NULL), APPLICATION_WAITS);
	newest_terminal(id);
	assert_int_equal(give_order("hanako", TERMINAL_APPROVE, id, shown(&code_request), NULL), 0);
	assert_int_equal(ask_with_code(code, &code_request, &der), APPLICATION_ISSUED);
	SQL("UPDATE certificate SET not_before = not_before - 60 * 86400, not_after = not_after - 60 * 86400");
	make_request("P-256", &request);
	assert_int_equal(give_order("hanako", TERMINAL_SUSPEND, id, NULL, NULL), 0);
	assert_int_equal(ask_with_certificate(&der, &request, NULL), APPLICATION_SUSPENDED);
	assert_int_equal(ask_with_code(code, &code_request, NULL), APPLICATION_SUSPENDED);
	assert_int_equal(give_order("hanako", TERMINAL_RESUME, id, NULL, NULL), 0);
	SQL("UPDATE certificate SET state = 'revoked'");
	assert_int_equal(ask_with_certificate(&der, &request, NULL), APPLICATION_REVOKED);
	assert_int_equal(give_order("hanako", TERMINAL_REVOKE, id, NULL, NULL), 0);
	assert_int_equal(ask_with_certificate(&der, &request, NULL), APPLICATION_REVOKED);
	assert_int_equal(ask_with_code(code, &code_request, NULL), APPLICATION_REVOKED);
	assert_int_equal(NUMBER("SELECT count(*) FROM certificate"), 1);
}

static void shows(void **state)
{
	_cleanup_rows_ struct rows rows = { 0 };
	_cleanup_buf_ struct fuda_buf request = REQUEST_BUF, der = REQUEST_BUF;
	uint8_t id[ID_BYTES], zero[ID_BYTES] = { 0 };
	char text[64];

	(void)state;
	make_terminal(&request, &der, id);
	assert_int_equal(enrol_terminals(db, zero, "", &rows), 0);
	assert_int_equal(rows.count, 1);
	rows_free(&rows);
	assert_int_equal(enrol_terminals(db, zero, "active", &rows), 0);
	assert_int_equal(rows.count, 1);
	rows_free(&rows);
	assert_int_equal(enrol_terminals(db, zero, "applied", &rows), 0);
	assert_int_equal(rows.count, 0);
	rows_free(&rows);
	assert_int_equal(enrol_terminals(db, id, "", &rows), 0);
	assert_int_equal(rows.count, 0);
	rows_free(&rows);
	assert_int_equal(enrol_terminal(db, id, &rows), 0);
	assert_int_equal(rows.count, 1);
	assert_int_equal(rows_text(&rows, 0, 1, text, sizeof(text)), 0);
	assert_string_equal(text, "Town");
	assert_true(rows_int(&rows, 0, 10) > time(NULL) + 89 * 86400);
	rows_free(&rows);
	assert_int_equal(enrol_terminal(db, zero, &rows), 0);
	assert_int_equal(rows.count, 0);
	rows_free(&rows);
	assert_int_equal(enrol_terminal_sectors(db, id, &rows), 0);
	assert_int_equal(rows.count, 2);
	rows_free(&rows);
	assert_int_equal(enrol_terminal_certificates(db, id, &rows), 0);
	assert_int_equal(rows.count, 1);
	rows_free(&rows);
	assert_int_equal(enrol_terminal_decisions(db, id, &rows), 0);
	assert_int_equal(rows.count, 1);
	assert_int_equal(rows_text(&rows, 0, 2, text, sizeof(text)), 0);
	assert_string_equal(text, "because");
}

static void refuses_comments(void **state)
{
	struct acting by = as("hanako");
	char longer[COMMENT_TEXT + 1];
	struct terminal_order order = { .act = TERMINAL_HOLD, .comment = "a\x1B[31m" };
	struct terminal_outcome outcome;

	(void)state;
	assert_int_equal(enrol_order(&by, &order, &outcome), FUDA_EINVAL);
	memset(longer, 'a', COMMENT_TEXT);
	longer[COMMENT_TEXT] = 0;
	order.comment = longer;
	assert_int_equal(enrol_order(&by, &order, &outcome), FUDA_EINVAL);
	order = (struct terminal_order){ .act = TERMINAL_REVOKE, .comment = "", .reason = 0 };
	assert_int_equal(enrol_order(&by, &order, &outcome), FUDA_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, stand_teardown)
		WITH(reads_codes),
		WITH(refuses_requests_for_codes),
		WITH(enrols),
		WITH(refuses_codes),
		WITH(counts_approvals),
		WITH(takes_hashes_as_people_write_them),
		WITH(keeps_to_the_states),
		WITH(revokes),
		WITH(revokes_with_its_list_or_not_at_all),
		WITH(damaged_serial),
		WITH(lists_many),
		WITH(renews),
		WITH(renews_not_what_was_stopped),
		WITH(shows),
		WITH(refuses_comments),
#undef WITH
	};

	return RUN(tests);
}
