/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder writes; test-trace-file.c has what it writes to. */
#include <fuda/trace.h>

#include "tests/test-trace-record.h"

static void records(void **state)
{
	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_string_equal(scratch_read("t") + strlen(TRACE_FIRST_LINE "\n"), strstr(scratch_read("t"), "program"));
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	assert_int_equal(trace_record_power(recorder, "on"), 0);
	exchange(SELECT_JPKI, "9000");
	exchange("00B0860004", "4A504B499000");
	exchange("00B0860008", "6B00");
	exchange("00200098", "63C3");
	exchange("002000980431323334", "63C2");
	exchange("802A009702AABB00", "AABB9000");
	exchange("0084000003", "0102039000");
	exchange(SELECT_TEXT, "9000");
	exchange("00B0810000", "FF100C319000");
	assert_int_equal(trace_record_power(recorder, "off"), 0);
	assert_string_equal(written(), HEAD FACTS
		"power on\n"
		"> 00 A4 04 0C 0A D3 92 F0 00 26 01 00 00 00 01\n"
		"< 9000 (12.345 ms)\n"
		"> 00 B0 86 00 04\n"
		"< 9000 (12.345 ms) 4A 50 4B 49\n"
		"> 00 B0 86 00 08\n"
		"< 6B00 (12.345 ms)\n"
		"> 00 20 00 98\n"
		"< 63C3 (12.345 ms)\n"
		"> 00 20 00 98 04 <secret 4>\n"
		"< 63C2 (12.345 ms)\n"
		"> 80 2A 00 97 02 <data 2 EAD726174294B86F> 00\n"
		"< 9000 (12.345 ms) <data 2 EAD726174294B86F>\n"
		"> 00 84 00 00 03\n"
		"< 9000 (12.345 ms) 01 02 03\n"
		"> 00 A4 04 0C 0A D3 92 10 00 31 00 01 01 04 08\n"
		"< 9000 (12.345 ms)\n"
		"> 00 B0 81 00 00\n"
		"< 9000 (12.345 ms) <data 4 17A42A67C45DA701>\n"
		"power off\n");
	assert_int_equal(parses(scratch_path("t")), 9);
}

static void records_failures(void **state)
{
	static const struct {
		int error;
		const char *word;
	} rows[] = {
		{ FUDA_EREMOVED, "removed" }, { FUDA_EREADERGONE, "gone" },   { FUDA_ERESET, "reset" },
		{ FUDA_ETIMEOUT, "timeout" }, { FUDA_ECANCELLED, "cancelled" }, { FUDA_EMUTE, "mute" },
		{ FUDA_ETRANSPORT, "lost" },  { FUDA_ENOMEM, "failed" },
	};
	char expected[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		open_recorder(scratch_path("t"), false);
		assert_int_equal(exchange_of(recorder, "0084000008", false, NULL, rows[i].error), 0);
		snprintf(expected, sizeof(expected), HEAD "> 00 84 00 00 08\n! %s\n", rows[i].word);
		assert_string_equal(written(), expected);
		clean(NULL);
	}
	/* a response that is none; and one that came with an error, which says nothing */
	open_recorder(scratch_path("t"), false);
	assert_int_equal(exchange_of(recorder, "0084000008", false, NULL, 0), 0);
	assert_int_equal(exchange_of(recorder, "0084000008", false, "90", 0), 0);
	assert_int_equal(exchange_of(recorder, "00B0810000", false, "313233349000", FUDA_EREMOVED), 0);
	assert_string_equal(written(), HEAD "> 00 84 00 00 08\n! lost\n> 00 84 00 00 08\n! lost\n"
					    "> 00 B0 81 00 00\n! removed\n");
	/* what failed may have changed what is selected */
	exchange(SELECT_JPKI, "9000");
	assert_int_equal(exchange_of(recorder, SELECT_TEXT, false, NULL, FUDA_EMUTE), 0);
	exchange("00B0820000", "31329000");
	assert_null(strstr(written(), "31 32"));
}

static void records_what_is_typed(void **state)
{
	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_int_equal(exchange_of(recorder, "00200098", true, "63C2", 0), 0);
	assert_int_equal(exchange_of(recorder, "00200098", true, "31329000", 0), 0);
	assert_int_equal(exchange_of(recorder, "00200098", true, NULL, FUDA_ETIMEOUT), 0);
	assert_string_equal(written(), HEAD "> 00 20 00 98 <typed>\n< 63C2 (12.345 ms)\n"
					    "> 00 20 00 98 <typed>\n< 9000 (12.345 ms) <data 2 57AEC481A830BF00>\n"
					    "> 00 20 00 98 <typed>\n! timeout\n");
	parses(scratch_path("t"));
}

/* Facts are said where they change, and whatever was selected is forgotten. */
static void says_facts_once(void **state)
{
	struct trace_facts other = facts;

	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	exchange(SELECT_JPKI, "9000");
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	exchange("00B0860000", "31329000");
	exchange(SELECT_JPKI, "9000");
	trace_record_forget(recorder);
	exchange("00B0860000", "31329000");
	exchange(SELECT_JPKI, "9000");
	assert_int_equal(trace_record_power(recorder, "reset"), 0);
	exchange("00B0860000", "31329000");
	assert_null(strstr(written(), "31 32"));
	assert_null(strstr(strstr(written(), "reader") + 1, "reader"));
	other.atr_len = 0;
	other.protocol = NULL;
	other.pad = 0;
	assert_int_equal(trace_record_facts(recorder, &other), 0);
	assert_string_equal(strstr(written(), "power reset"),
			    "power reset\n> 00 B0 86 00 00\n< 9000 (12.345 ms) <data 2 57AEC481A830BF00>\n"
			    "reader \"pcsc:Virtual PCD 00 00\"\nsizes 65544 65538\n");
	/* what names of readers cannot hold */
	other.reader = "pcsc:\"a\\b\" \n\xFF\x1B[1m";
	assert_int_equal(trace_record_facts(recorder, &other), 0);
	assert_non_null(strstr(written(), "reader \"pcsc:\\\"a\\\\b\\\" ???[1m\"\n"));
	parses(scratch_path("t"));
	other.atr_len = 34;
	assert_int_equal(trace_record_facts(recorder, &other), FUDA_EINVAL);
	other.atr_len = 0;
	other.reader = NULL;
	assert_int_equal(trace_record_facts(recorder, &other), FUDA_EINVAL);
}

static void shows_what_is_personal_if_raw(void **state)
{
	struct stat st;

	(void)state;
	scratch_write("fuda/config", "trace.raw = yes\n", 0600);
	open_recorder(scratch_path("t"), true);
	exchange(SELECT_TEXT, "9000");
	exchange("00B0810000", "FF100C319000");
	exchange("002000910431323334", "9000");
	assert_non_null(strstr(written(), "FF 10 0C 31\n"));
	assert_non_null(strstr(written(), "> 00 20 00 91 04 <secret 4>\n"));
	assert_int_equal(stat(scratch_path("t"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* what a card says to a secret may be an echo, also where it is fetched */
	exchange("00200091", "63C3");
	exchange("002000910431323334", "6104");
	exchange("00C0000004", "313233346102");
	trace_record_forget(recorder);
	exchange("00C0000002", "31329000");
	assert_null(strstr(written(), "31 32"));
	exchange("00C0000002", "31329000");
	assert_non_null(strstr(written(), "31 32"));
	trace_recorder_free(&recorder);
	/* not into what others can read */
	assert_int_equal(chmod(scratch_path("t"), 0640), 0);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "chmod 600"));
	assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
	assert_int_equal(chmod(scratch_path("pipe"), 0644), 0);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("pipe"), true, &recorder), FUDA_EFILE);
	assert_int_equal(chmod(scratch_path("pipe"), 0600), 0);
	open_recorder(scratch_path("pipe"), true);
	trace_recorder_free(&recorder);
	unlink(scratch_path("pipe"));
	/* not without the configuration, and then nothing is made */
	unlink(scratch_path("t"));
	scratch_write("fuda/config", "trace.raw = no\n", 0600);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EINVAL);
	assert_non_null(strstr(fuda_context_message(ctx), "trace.raw = yes"));
	unlink(scratch_path("fuda/config"));
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EINVAL);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), true, false, NULL), FUDA_EINVAL);
	scratch_write("fuda/config", "trace.raw = maybe\n", 0600);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EFORMAT);
	assert_int_equal(access(scratch_path("t"), F_OK), -1);
	assert_null(recorder);
}

/* ---- sizes ---- */

/* The longest command and the longest response that there are, all shown. */
static void takes_the_longest(void **state)
{
	uint8_t *command = calloc(1, 65544), *response = calloc(1, 65538);

	(void)state;
	assert_non_null(command);
	assert_non_null(response);
	command[1] = 0xDA;
	command[5] = command[6] = 0xFF;
	response[65536] = 0x90;
	scratch_write("fuda/config", "trace.raw = yes\n", 0600);
	open_recorder(scratch_path("t"), true);
	assert_int_equal(trace_record_exchange(recorder, command, 65544, false, response, 65538, 0, UINT64_MAX), 0);
	assert_int_equal(parses(scratch_path("t")), 1);
	free(command);
	free(response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(records, clean),
		cmocka_unit_test_teardown(records_failures, clean),
		cmocka_unit_test_teardown(records_what_is_typed, clean),
		cmocka_unit_test_teardown(says_facts_once, clean),
		cmocka_unit_test_teardown(shows_what_is_personal_if_raw, clean),
		cmocka_unit_test_teardown(takes_the_longest, clean),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
