#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The database over PostgreSQL: the cases of tests/test-store, and what only a server can do.
set -eu
[ -x tests/test-store-postgres ] || {
	echo "SKIP: built without the service or its tests"
	exit 77
}
grep -q '^PQ_LIBS = ..*' Makefile || {
	echo "SKIP: built without PostgreSQL"
	exit 77
}
. "${srcdir:-.}/tests/postgres-env.sh"
postgres_run "$FUDA_TEST_POSTGRES_BIN/createdb" -h "$FUDA_TEST_POSTGRES_DIR" -U fuda -T template0 -E LATIN1 latin
FUDA_TEST_POSTGRES_LATIN="postgresql:///latin?host=$FUDA_TEST_POSTGRES_DIR&user=fuda"
export FUDA_TEST_POSTGRES_LATIN
tests/test-store
tests/test-store-schema
tests/test-store-postgres
