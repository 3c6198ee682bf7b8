#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What operators do over PostgreSQL: tests/t-mykeyd-operate.sh, and two writers on one server.
set -eu
[ -x tests/test-enrol-races ] || {
	echo "SKIP: built without the service or its tests"
	exit 77
}
grep -q '^PQ_LIBS = ..*' Makefile || {
	echo "SKIP: built without PostgreSQL"
	exit 77
}
. "${srcdir:-.}/tests/postgres-env.sh"
tests/test-enrol-races
postgres_run "$FUDA_TEST_POSTGRES_BIN/psql" -q -h "$FUDA_TEST_POSTGRES_DIR" -U fuda postgres \
	-c 'DROP SCHEMA public CASCADE' -c 'CREATE SCHEMA public' 2>/dev/null
sh "${srcdir:-.}/tests/t-mykeyd-operate.sh"
