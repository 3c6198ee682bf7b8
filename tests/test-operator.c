/* SPDX-License-Identifier: Apache-2.0 */
#include "service/operator.h"

#include <sys/wait.h>

#include "tests/enrol-stand.h"

static void knows_roles(void **state)
{
	static const char *const bad[] = { "", ",", "admin,", ",admin", "admin,admin", "Admin", "admin ", "root" };
	unsigned roles = 99;
	char text[ROLES_TEXT];

	(void)state;
	assert_int_equal(roles_parse("auditor,admin", &roles), 0);
	assert_int_equal(roles, ROLE_ADMIN | ROLE_AUDITOR);
	roles_text(roles, text);
	assert_string_equal(text, "admin,auditor");
	roles_text(ROLE_ADMIN | ROLE_REGISTRAR | ROLE_APPROVER | ROLE_AUDITOR, text);
	assert_string_equal(text, "admin,registrar,approver,auditor");
	roles = 99;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(roles_parse(bad[i], &roles), FUDA_EFORMAT);
	assert_int_equal(roles, 99);
}

static void knows_texts(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "Town", true },
		{ "\xE4\xB8\xAD\xE5\xA4\xAE\xE5\x9B\xB3\xE6\x9B\xB8\xE9\xA4\xA8", true },
		{ "1234567", true },
		{ "", false },
		{ "12345678901234567890", false },
		{ "a\nb", false },
		{ "a\x7F", false },
		{ "\xC2\x85", false },
		{ "\xE2\x80\xAE-x", false }, /* from right to left */
		{ "\xC0\x80", false },
		{ "\xED\xA0\x80", false },
		{ "\xE4\xB8", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (text_good(rows[i].text, 20) != rows[i].good)
			fail_msg("row %zu", i);
	assert_true(word_good("bus-1", 10));
	assert_false(word_good("Bus", 10));
	assert_false(word_good("", 10));
	assert_false(word_good("a b", 10));
	assert_false(word_good("1234567890", 10));
	assert_true(operator_name_good("hanako"));
	assert_true(operator_name_good("_apt"));
	assert_false(operator_name_good("1hanako"));
	assert_false(operator_name_good("ha nako"));
	assert_false(operator_name_good("x'; DROP TABLE operator; --"));
	assert_false(operator_name_good("a23456789012345678901234567890123"));
}

static bool has_login(void)
{
	FILE *f = fopen("/proc/self/loginuid", "r");
	unsigned uid = UINT32_MAX;

	if (f && fscanf(f, "%u", &uid) != 1)
		uid = UINT32_MAX;
	if (f)
		fclose(f);
	return uid != UINT32_MAX;
}

/* Becomes whom the kernel says to have logged in as the user 1; 0: and acts as him. */
static int act_logged_in(void)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	struct acting by;

	if (fd < 0 || write(fd, "1", 1) != 1)
		return 77;
	return acting_self(ctx, &service, &by) == 0 && by.uid == 1 && strcmp(by.operator, "daemon") == 0 ? 0 : 1;
}

/* What the environment says is what a root shell says of itself. */
static void believes_the_login(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (getuid() != 0 || has_login())
		skip();
	setenv("SUDO_UID", "2", 1);
	pid = fork();
	if (pid == 0)
		_exit(act_logged_in());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unsetenv("SUDO_UID");
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void knows_who_acts(void **state)
{
	struct acting by = { .uid = -1 };

	(void)state;
	if (getuid() != 0) {
		assert_int_equal(acting_self(ctx, &service, &by), 0);
		assert_int_equal(by.uid, getuid());
		setenv("SUDO_UID", "0", 1); /* only root can have come by sudo */
		assert_int_equal(acting_self(ctx, &service, &by), 0);
		assert_int_equal(by.uid, getuid());
		return;
	}
	if (has_login())
		skip();
	unsetenv("SUDO_UID");
	assert_int_equal(acting_self(ctx, &service, &by), 0);
	assert_string_equal(by.operator, "root");
	setenv("SUDO_UID", "1", 1);
	assert_int_equal(acting_self(ctx, &service, &by), 0);
	assert_string_equal(by.operator, "daemon");
	assert_int_equal(by.uid, 1);
	for (size_t i = 0; i < 4; i++) {
		setenv("SUDO_UID", ((const char *[]){ "", "1x", "-1", "3999999999" })[i], 1);
		assert_int_equal(acting_self(ctx, &service, &by), FUDA_EREFUSED);
	}
	assert_string_equal(by.operator, "daemon");
	unsetenv("SUDO_UID");
}

static void refuses_others(void **state)
{
	struct acting hanako = as("hanako"), jiro = as("jiro"), root = as("root");
	uint8_t id[ID_BYTES];

	(void)state;
	assert_int_equal(operator_add_org(&root, "Town", "municipality", id), FUDA_EREFUSED);
	assert_non_null(strstr(fuda_context_message(ctx), "operator add root"));
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'refused' AND actor IS NULL"
				" AND data LIKE '%org-add%no_operator%4711%'"),
			 1);
	assert_int_equal(operator_add(&root, "root", ROLE_ADMIN), FUDA_EREFUSED);
	assert_int_equal(operator_add(&hanako, "jiro", ROLE_APPROVER), 0);
	assert_int_equal(operator_add_org(&jiro, "Town", "municipality", id), FUDA_EREFUSED);
	assert_non_null(strstr(fuda_context_message(ctx), "admin"));
	assert_int_equal(operator_add(&jiro, "saburo", ROLE_ADMIN), FUDA_EREFUSED);
	assert_int_equal(operator_drop(&jiro, "hanako"), FUDA_EREFUSED);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'refused' AND data LIKE '%role%'"), 3);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'refused'"), 5);
	assert_int_equal(NUMBER("SELECT count(*) FROM org"), 0);
	assert_int_equal(NUMBER("SELECT count(*) FROM operator"), 2);
	/* who may read needs a role only if one is asked for */
	assert_int_equal(operator_may(&jiro, 0, "terminal-list", NULL), 0);
	assert_int_equal(operator_may(&jiro, ROLE_AUDITOR, "audit-export", "audit-export"), FUDA_EREFUSED);
	assert_int_equal(operator_may(&root, 0, "terminal-list", NULL), FUDA_EREFUSED);
	assert_int_equal(operator_may(&hanako, ROLE_AUDITOR, "audit-export", "audit-export"), 0);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action = 'audit-export'"), 1);
}

static void keeps_operators(void **state)
{
	struct acting hanako = as("hanako"), jiro = as("jiro");
	uint8_t id[ID_BYTES];

	(void)state;
	assert_int_equal(operator_add(&hanako, "hanako", ROLE_ADMIN), FUDA_EEXISTS);
	assert_int_equal(operator_add(&hanako, "jiro", 0), FUDA_EINVAL);
	assert_int_equal(operator_add(&hanako, "ji ro", ROLE_ADMIN), FUDA_EINVAL);
	assert_int_equal(operator_drop(&hanako, "jiro"), FUDA_ENOTFOUND);
	assert_int_equal(operator_drop(&hanako, "hanako"), FUDA_EREFUSED);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE data LIKE '%last_admin%'"), 1);
	assert_int_equal(operator_add(&hanako, "jiro", ROLE_ADMIN), 0);
	assert_int_equal(operator_drop(&jiro, "hanako"), 0);
	assert_int_equal(operator_add_org(&hanako, "Town", "municipality", id), FUDA_EREFUSED);
	assert_int_equal(operator_drop(&jiro, "jiro"), FUDA_EREFUSED);
	assert_int_equal(operator_drop(&jiro, "hanako"), FUDA_ENOTFOUND);
	assert_int_equal(operator_add(&jiro, "hanako", ROLE_AUDITOR), 0);
	assert_int_equal(operator_add_org(&hanako, "Town", "municipality", id), FUDA_EREFUSED);
	assert_int_equal(operator_drop(&jiro, "hanako"), 0);
	assert_int_equal(NUMBER("SELECT count(*) FROM operator WHERE state = 'active'"), 1);
}

/* As long as nobody is one, the first can be added by whoever holds the keys; but only an admin. */
static void begins_with_an_admin(void **state)
{
	struct acting root = as("root");

	(void)state;
	SQL("DELETE FROM operator");
	assert_int_equal(operator_add(&root, "jiro", ROLE_APPROVER), FUDA_EINVAL);
	assert_int_equal(operator_may(&root, 0, "terminal-list", NULL), FUDA_EREFUSED);
	assert_int_equal(operator_add(&root, "jiro", ROLE_ADMIN), 0);
	assert_int_equal(operator_add(&root, "root", ROLE_ADMIN), FUDA_EREFUSED);
}

static void keeps_organisations(void **state)
{
	static const char *const bad[] = { "", "a\nb", "\xFF" };
	struct acting by = as("hanako");
	_cleanup_rows_ struct rows rows = { 0 };
	uint8_t id[ID_BYTES], other[ID_BYTES];
	char ppid[PPID_TEXT];

	(void)state;
	assert_int_equal(operator_add_org(&by, "Town", "municipality", id), 0);
	assert_int_equal(operator_add_org(&by, "Town", "municipality", other), FUDA_EEXISTS);
	assert_int_equal(operator_add_org(&by, "x'); DROP TABLE org; --", "bus", other), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(operator_add_org(&by, bad[i], "municipality", other), FUDA_EINVAL);
	assert_int_equal(operator_add_org(&by, "Village", "a b", other), FUDA_EINVAL);
	assert_int_equal(operator_add_sector(&by, "library", "City", "library", other), FUDA_ENOTFOUND);
	assert_int_equal(operator_add_sector(&by, "Library", "Town", "library", other), FUDA_EINVAL);
	assert_int_equal(operator_add_sector(&by, "library", "Town", "library", id), 0);
	assert_int_equal(operator_add_sector(&by, "library", "Town", "library", other), FUDA_EEXISTS);
	assert_int_equal(keys_ppid(service.keys, id, 1, other, ppid), 0);
	assert_int_equal(operator_orgs(db, &rows), 0);
	assert_int_equal(rows.count, 2);
	rows_free(&rows);
	assert_int_equal(operator_sectors(db, &rows), 0);
	assert_int_equal(rows.count, 1);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE action IN ('org-add', 'sector-add')"), 3);
	assert_int_equal(NUMBER("SELECT count(*) FROM audit WHERE data LIKE '%Town%'"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_roles),
		cmocka_unit_test(knows_texts),
		cmocka_unit_test_setup_teardown(knows_who_acts, stand_setup, stand_teardown),
		cmocka_unit_test_setup_teardown(believes_the_login, stand_setup, stand_teardown),
		cmocka_unit_test_setup_teardown(refuses_others, stand_setup, stand_teardown),
		cmocka_unit_test_setup_teardown(keeps_operators, stand_setup, stand_teardown),
		cmocka_unit_test_setup_teardown(begins_with_an_admin, stand_setup, stand_teardown),
		cmocka_unit_test_setup_teardown(keeps_organisations, stand_setup, stand_teardown),
	};

	return RUN(tests);
}
