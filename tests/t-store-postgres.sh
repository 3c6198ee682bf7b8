#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The database over PostgreSQL: the cases of tests/test-store, and what only a server can do.
set -eu
[ -x tests/test-store-schema ] || {
	echo "SKIP: built without the service or its tests"
	exit 77
}
grep -q '^PQ_LIBS = ..*' Makefile || {
	echo "SKIP: built without PostgreSQL"
	exit 77
}
. "${srcdir:-.}/tests/postgres-env.sh"
tests/test-store
tests/test-store-schema
